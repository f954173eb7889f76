/* SPDX-License-Identifier: MIT */

/* Settings of modules: written before they are known, settled when they are. The whole way, with a server, is
 * tests/integration/settings_test.py. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "config/config_keys.h"

static struct complaint complaint;

static void declare(struct config *config, const char *module, const char *name, enum config_extra_kind kind)
{
    struct config_extra_row row = {.module = module,
                                   .name = name,
                                   .kind = kind,
                                   .minimum = 1,
                                   .maximum = 9,
                                   .fallback = kind == CONFIG_EXTRA_BOOL ? 0 : 1,
                                   .least = 0.25,
                                   .most = 0.75,
                                   .usual = 0.3,
                                   .words = "one two",
                                   .sentence = "For the tests."};
    cr_assert_eq(config_extra_declare(config, &row, &complaint), STATUS_OK, "%s", complaint.text);
}

static void declare_all(struct config *config)
{
    declare(config, "acme.some", "count", CONFIG_EXTRA_INT);
    declare(config, "acme.some", "share", CONFIG_EXTRA_NUMBER);
    declare(config, "acme.some", "loud", CONFIG_EXTRA_BOOL);
    declare(config, "acme.some", "how", CONFIG_EXTRA_WORD);
    declare(config, "acme.some", "room", CONFIG_EXTRA_BYTES);
    declare(config, "acme.some-more", "count", CONFIG_EXTRA_INT);
}

static enum status settle(struct config *config, const char *file, const char *flag)
{
    const char *argv[] = {"geomys-server", flag};
    config_init(config, NULL);
    enum status status = config_from_flags(config, flag != NULL ? 2 : 1, argv, &complaint);
    if (status == STATUS_OK && file != NULL) {
        status = config_from_json(config, "f", gm_bytes_of(file), &complaint);
    }
    if (status == STATUS_OK) {
        declare_all(config);
        status = config_extra_settle(config, &complaint);
    }
    return status;
}

static const char *described(const struct config *config, const char *name)
{
    static char text[64];
    struct buf value;
    buf_init(&value, sizeof text - 1);
    config_describe(config, config_row_of(config_find(config, gm_bytes_of(name), true)), &value);
    memcpy(text, value.data, value.size);
    text[value.size] = '\0';
    buf_finish(&value);
    return text;
}

/* config P1, config_extra P1 */
Test(config_extra, a_flag_wins_over_the_file_and_that_over_the_default)
{
    struct config config;
    const char *file = "{ \"acme.some\": { \"count\": 4, \"share\": 5e-1, \"room\": \"8b\", \"how\": \"two\" } }";
    cr_assert_eq(settle(&config, file, "--acme.some.count=7"), STATUS_OK, "%s", complaint.text);
    cr_expect_str_eq(described(&config, "acme.some.count"), "7");
    cr_expect_str_eq(described(&config, "acme.some.share"), "0.5");
    cr_expect_str_eq(described(&config, "acme.some.room"), "8");
    cr_expect_str_eq(described(&config, "acme.some.how"), "two");
    cr_expect_str_eq(described(&config, "acme.some.loud"), "false");
    cr_expect_str_eq(described(&config, "acme.some_more.count"), "1", "dashes and underscores are alike");
    cr_expect_eq(config_extra_value(&config, "acme.some", "count")->integer, 7);
    cr_expect_null(config_extra_value(&config, "acme.som", "e.count"));
    cr_expect_eq(config_row_count(&config), config_key_count() + 6);
    config_finish(&config);
}

Test(config_extra, what_is_wrong_is_refused_with_its_place)
{
    static const struct {
        const char *file, *flag, *sentence;
    } cases[] = {
        {"{ \"acme.some\": { \"count\": 10 } }", NULL, "f:1:27: \"acme.some.count\" must be between 1 and 9, not 10"},
        {"{ \"acme.some\": { \"count\": \"4\" } }", NULL,
         "f:1:27: \"acme.some.count\" must be a whole number, not a text"},
        {"{ \"acme.some\": { \"share\": 0.8 } }", NULL,
         "f:1:27: \"acme.some.share\" must be between 0.25 and 0.75, not 0.8"},
        {"{ \"acme.some\": { \"how\": true } }", NULL, "f:1:25: \"acme.some.how\" must be a text, not true or false"},
        {"{ \"acme.some\": { \"what\": 1 } }", NULL,
         "f:1:26: there is no setting \"acme.some.what\"; the module acme.some has: count, share, loud, how, "
         "room"},
        {"{ \"acme.none\": { \"what\": 1 } }", NULL,
         "f:1:26: there is no setting \"acme.none.what\": no module acme.none that has settings is loaded"},
        {"{ \"acme.some\": { \"count\": [1] } }", NULL,
         "f:1:27: \"acme.some.count\" must be a number, a text, true or false"},
        {"{ \"acme.some\": { \"count\": 10 } }", "--acme.some.count=1",
         "f:1:27: \"acme.some.count\" must be between 1 and 9, not 10"},
        {NULL, "--acme.some.count=x", "--acme.some.count: \"acme.some.count\" must be a whole number, not x"},
        {NULL, "--acme.some.share=nan", "--acme.some.share: \"acme.some.share\" must be a number, not nan"},
        {NULL, "--.", "--. needs a value"},
        {NULL, "--.=1", "--.: there is no setting \".\": no module  that has settings is loaded"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config config;
        cr_expect_neq(settle(&config, cases[i].file, cases[i].flag), STATUS_OK, "%zu", i);
        cr_expect_str_eq(complaint.text, cases[i].sentence);
        config_finish(&config);
    }
}

/* config_extra P2: a row that is there stays, with its value. */
Test(config_extra, declared_again_a_setting_keeps_its_value_or_is_refused)
{
    struct config config;
    cr_assert_eq(settle(&config, NULL, "--acme.some.count=7"), STATUS_OK, "%s", complaint.text);
    const struct config_key *row = config_find(&config, BYTES("acme.some.count"), false);
    declare_all(&config);
    cr_expect_eq(config_find(&config, BYTES("acme.some.count"), false), row);
    cr_expect_str_eq(described(&config, "acme.some.count"), "7");
    struct config_extra_row other = {.module = "acme.some", .name = "count", .minimum = 1, .maximum = 10};
    cr_expect_eq(config_extra_declare(&config, &other, &complaint), STATUS_REFUSED);
    cr_expect_not_null(strstr(complaint.text, "acme.some.count is of another kind or range"));
    config_finish(&config);
}

Test(config_extra, there_is_a_ceiling)
{
    struct config config;
    config_init(&config, NULL);
    for (int i = 0; i < CONFIG_EXTRAS_MAX; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "n%d", i);
        declare(&config, "acme.many", name, CONFIG_EXTRA_INT);
    }
    struct config_extra_row more = {.module = "acme.many", .name = "more", .sentence = "More."};
    cr_expect_eq(config_extra_declare(&config, &more, &complaint), STATUS_TOO_BIG);
    enum status status = STATUS_OK;
    for (int i = 0; i < 2 * CONFIG_EXTRAS_MAX && status == STATUS_OK; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "acme.many.w%d", i);
        status = config_extra_write(&config, gm_bytes_of(name), BYTES("1"), CONFIG_SHAPE_ANY, "", &complaint);
    }
    cr_expect_eq(status, STATUS_OK);
    status = config_extra_write(&config, BYTES("acme.more"), BYTES("1"), CONFIG_SHAPE_ANY, "", &complaint);
    cr_expect_eq(status, STATUS_TOO_BIG);
    config_finish(&config);
}

Test(config_extra, a_number_has_the_shortest_text_that_is_read_back_as_it)
{
    static const struct {
        double number;
        const char *text;
    } cases[] = {{0.1, "0.1"}, {0.01, "0.01"}, {1e-9, "1e-09"}, {2, "2"}, {1.0 / 3, "0.3333333333333333"}, {0, "0"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[GM_DOUBLE_TEXT];
        size_t size = config_double_text(text, cases[i].number);
        cr_expect(gm_bytes_equal(gm_bytes_at(text, size), gm_bytes_of(cases[i].text)), "%.*s", (int)size, text);
    }
}
