/* SPDX-License-Identifier: MIT */

/* What two nodes hear of each other's types. */
#include <criterion/criterion.h>

#include "module/handshake.h"

static int apply(struct gm_apply *a, const struct gm_record *record)
{
    (void)a, (void)record;
    return GM_OK;
}

static uint64_t dump(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    (void)cell, (void)cursor, (void)sink;
    return 0;
}

static const struct gm_op_since later[] = {{9, 2}};
static const struct gm_type fruit = {.size = sizeof fruit,
                                     .id = "acme.fruit/1",
                                     .name = "fruit",
                                     .apply = apply,
                                     .dump = dump,
                                     .revision = 2,
                                     .later = later,
                                     .later_count = 1,
                                     .layout = 7};
static const struct gm_type seed = {
    .size = sizeof seed, .id = "acme.seed/1", .name = "seed", .apply = apply, .dump = dump};
static const struct gm_type *const types[] = {&fruit, &seed};
static const struct gm_module garden = {.size = sizeof garden,
                                        .abi_major = GM_ABI_MAJOR,
                                        .abi_minor = GM_ABI_MINOR,
                                        .name = "acme.garden",
                                        .version = "1.2.0",
                                        .types = types,
                                        .type_count = 2};

static void on_difference(void *context, const char *sentence)
{
    char *text = context;
    strcat(text, sentence);
    strcat(text, "\n");
}

Test(handshake, lists_what_there_is_and_says_each_difference_once)
{
    const struct registry *registry = registry_create(NULL, 0);
    struct complaint complaint;
    cr_assert_eq(registry_add(&registry, &garden, "garden.so", &complaint), STATUS_OK, "%s", complaint.text);
    struct handshake_type ours[2];
    char text[2048] = "";
    cr_expect_eq(handshake_list(registry, ours, 1), 2, "there are more than there is room for");
    cr_assert_eq(handshake_list(registry, ours, 2), 2);
    cr_expect(strcmp(ours[0].id, "acme.fruit/1") == 0 && ours[0].revision == 2 && ours[0].layout == 7);
    cr_expect(strcmp(ours[1].module, "acme.garden") == 0 && strcmp(ours[1].version, "1.2.0") == 0 &&
              ours[1].revision == 1);
    struct handshake_type same[] = {ours[1], ours[0]};
    same[0].version = "1.2.1";
    cr_expect_eq(handshake_compare("a", ours, 2, "b", same, 2, on_difference, text), 0);
    struct handshake_type other[] = {{"acme.fruit/1", "acme.garden", "1.3.0", 3, 7},
                                     {"acme.pit/1", "acme.pit", "1.0.0", 1, 0}};
    cr_expect_eq(handshake_compare("node 1", ours, 2, "node 2", other, 2, on_difference, text), 3);
    cr_expect_eq(handshake_compare("node 2", other, 2, "node 1", ours, 2, on_difference, text), 3);
    static const char *const parts[] = {
        "node 2 has revision 3 of the type acme.fruit/1 (acme.garden 1.3.0), node 1 has 2 (acme.garden 1.2.0)",
        "node 1 has the type acme.seed/1 (acme.garden 1.2.0), node 2 has not",
        "node 2 has the type acme.pit/1 (acme.pit 1.0.0), node 1 has not"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const char *first = strstr(text, parts[i]);
        cr_expect(first != NULL && strstr(first + 1, parts[i]) != NULL, "'%s' is not twice in: %s", parts[i], text);
    }
    registry_release(registry);
}
