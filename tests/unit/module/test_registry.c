/* SPDX-License-Identifier: MIT */

/* Modules taken over whole or not at all, and commands found by name. */
#include "module/registry.h"

#include <stdio.h>

#include "words.h"

static int apply(struct gm_apply *apply, const struct gm_record *record)
{
    (void)apply;
    (void)record;
    return GM_OK;
}

static uint64_t dump(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    (void)cell;
    (void)cursor;
    (void)sink;
    return 0;
}

static void plan(struct gm_call *call)
{
    (void)call;
}

/* "PICK n a b c": the n-th word is the key, then all words after it. */
static int pick_keys(const struct gm_bytes *argv, uint32_t argc, uint32_t *indexes, uint32_t room)
{
    int64_t from;
    if (argc < 3 || !bytes_to_int(argv[1], &from) || from < 0) {
        return -1;
    }
    int found = 0;
    for (uint32_t i = (uint32_t)from; i < argc; i++, found++) {
        if ((uint32_t)found < room) {
            indexes[found] = i;
        }
    }
    return found;
}

static const struct gm_type fruit = {
    .size = sizeof(struct gm_type), .id = "acme.fruit/1", .name = "fruit", .apply = apply, .dump = dump};
static const struct gm_type seed = {
    .size = sizeof(struct gm_type), .id = "acme.seed/2", .name = "seed", .apply = apply, .dump = dump};
static const struct gm_type *const types[] = {&fruit, &seed};

#define COMMAND(line, class, ...)                                                                                      \
    {                                                                                                                  \
        .size = sizeof(struct gm_command), .usage = (line), .flags = (class), .summary = "Does it.",                   \
        .complexity = "O(1)", .plan = plan, __VA_ARGS__                                                                \
    }

static const struct gm_command commands[] = {
    COMMAND("GET key", GM_READ | GM_FAST, .type = &fruit),
    COMMAND("SETRANGELONGNAME key value", GM_WRITE | GM_GROWS, .type = &seed),
    COMMAND("WAITFOR key...", GM_WRITE | GM_BLOCKS | GM_DANGEROUS, .type = &seed),
    COMMAND("PICK from:int word...", GM_WRITE, .type = &seed, .keys = pick_keys),
    COMMAND("BASKET|ADD key", GM_WRITE, .type = &fruit),
    COMMAND("BASKET|LIST", GM_READ, .type = NULL),
    COMMAND("COMMAND", GM_READ, .type = NULL),
    COMMAND("COMMAND|DOCS [name...]", GM_READ, .type = NULL),
};

static const char *const needs[] = {"wait/2"};

#define FRUIT                                                                                                          \
    {                                                                                                                  \
        .size = sizeof(struct gm_module), .abi_major = GM_ABI_MAJOR, .abi_minor = GM_ABI_MINOR, .name = "acme.fruit",  \
        .version = "1.2.3", .group = "list", .types = types, .type_count = 2, .commands = commands,                    \
        .command_count = sizeof commands / sizeof commands[0], .needs = needs, .need_count = 1                         \
    }

static const int wait_functions = 1;
static const struct registry_interface interfaces[] = {{"timer/3", NULL}, {"wait/2", &wait_functions}};

static const struct registry *registry_of_fruit(void)
{
    static const struct gm_module module = FRUIT;
    struct complaint complaint;
    const struct registry *registry = registry_create(interfaces, 2);
    cr_assert_eq(registry_add(&registry, &module, "/modules/fruit.so", &complaint), STATUS_OK, "%s", complaint.text);
    return registry;
}

static const char *outcome_of(const struct registry *registry, const char *words)
{
    struct words split = words_of(words);
    struct registry_lookup found = registry_find(registry, split.argv, split.argc);
    switch (found.outcome) {
    case REGISTRY_FOUND:
        return found.command->usage.name;
    case REGISTRY_UNKNOWN:
        return "unknown";
    case REGISTRY_UNKNOWN_SUB:
        return "unknown sub";
    case REGISTRY_MISSING_SUB:
        return "missing sub";
    }
    return "?";
}

Test(registry, commands_are_found_whatever_their_case)
{
    static const char *const cases[][2] = {
        {"get k", "get"},
        {"GeT k", "get"},
        {"GET", "get"},
        {"GETX", "unknown"},
        {"GE", "unknown"},
        {"'' x", "unknown"},
        {"setrangelongname a b", "setrangelongname"},
        {"setrangelongnamf a b", "unknown"},
        {"setrangemongname a b", "unknown"},
        {"basket add k", "basket|add"},
        {"BASKET LIST", "basket|list"},
        {"BASKET", "missing sub"},
        {"BASKET ad", "unknown sub"},
        {"BASKET addd", "unknown sub"},
        {"command", "command"},
        {"COMMAND docs", "command|docs"},
        {"COMMAND nothing", "unknown sub"},
        {"basket|add k", "unknown"},
    };
    const struct registry *registry = registry_of_fruit();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_str_eq(outcome_of(registry, cases[i][0]), cases[i][1], "%s", cases[i][0]);
    }
    cr_expect_str_eq(registry_command_named(registry, BYTES("Basket|Add"))->usage.name, "basket|add");
    cr_expect_str_eq(registry_command_named(registry, BYTES("basket add"))->usage.name, "basket|add");
    cr_expect_str_eq(registry_command_named(registry, BYTES("COMMAND"))->usage.name, "command");
    cr_expect_null(registry_command_named(registry, BYTES("basket")), "a container is not a command");
    cr_expect_null(registry_command_named(registry, BYTES("basket|")));
    cr_expect_null(registry_command_named(registry, BYTES("")));
    cr_expect_eq(registry_entry_named(registry, BYTES("BASKET"))->sub_count, 2);
    struct gm_bytes long_name = {(const uint8_t *)types, 70};
    cr_expect_null(registry_entry_named(registry, long_name));
    registry_release(registry);
}

Test(registry, what_was_declared_is_there_in_its_order)
{
    const struct registry *registry = registry_of_fruit();
    cr_assert_eq(registry_module_count(registry), 1);
    cr_assert_eq(registry_type_count(registry), 2);
    cr_assert_eq(registry_command_count(registry), 8);
    cr_assert_eq(registry_entry_count(registry), 6);
    const struct module *module = registry_module(registry, 0);
    cr_assert_str_eq(module->path, "/modules/fruit.so");
    cr_assert_eq(module->interfaces[0], &wait_functions);
    cr_assert_eq(registry_module_named(registry, BYTES("acme.fruit")), module);
    for (uint32_t i = 0; i < registry_command_count(registry); i++) {
        const struct command *command = registry_command(registry, i);
        cr_expect_eq(command->index, i);
        cr_expect_eq(command->module, module);
        cr_expect_eq(command->interfaces, module->interfaces);
        cr_expect_eq(command->abi, &commands[i]);
    }
    cr_assert_eq(registry_type(registry, 1)->abi, &seed);
    cr_assert_eq(registry_type_named(registry, BYTES("acme.seed/2"))->index, 1);
    cr_assert_null(registry_type_named(registry, BYTES("acme.seed/1")));
    cr_assert_eq(registry_command(registry, 0)->type, registry_type(registry, 0));
    cr_assert_null(registry_command(registry, 5)->type);
    registry_release(registry);
    registry_release(NULL);
}

static void expect_categories(const struct registry *registry, const char *name, const char *expected)
{
    char text[256] = "";
    size_t used = 0;
    const struct command *command = registry_command_named(registry, gm_bytes_of(name));
    for (uint32_t bit = 0; bit < COMMAND_CATEGORY_COUNT; bit++) {
        if ((command->categories >> bit & 1) != 0) {
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", used == 0 ? "" : " ",
                                     command_category_name(bit));
        }
    }
    cr_expect_str_eq(text, expected, "%s: %s", name, text);
}

Test(registry, categories_follow_from_flags_and_group)
{
    static const struct gm_command own[] = {COMMAND("CLIENT|ID", GM_READ | GM_FAST, .type = NULL)};
    static const struct gm_module connection = {.size = sizeof(struct gm_module),
                                                .abi_major = GM_ABI_MAJOR,
                                                .abi_minor = GM_ABI_MINOR,
                                                .name = "geomys.connection",
                                                .version = "0.1.0",
                                                .group = "connection",
                                                .commands = own,
                                                .command_count = 1};
    const struct registry *registry = registry_of_fruit();
    struct complaint complaint;
    cr_assert_eq(registry_add(&registry, &connection, NULL, &complaint), STATUS_OK, "%s", complaint.text);
    expect_categories(registry, "get", "read list fast");
    expect_categories(registry, "waitfor", "write list slow blocking dangerous");
    expect_categories(registry, "client|id", "fast connection");
    registry_release(registry);
}

Test(registry, the_escape_hatch_finds_the_keys_and_is_not_trusted)
{
    const struct registry *registry = registry_of_fruit();
    const struct command *command = registry_command_named(registry, BYTES("pick"));
    struct gm_arg args[USAGE_LEAF_MAX];
    struct usage_key keys[8];
    struct usage_bound bound = {.keys = keys, .key_room = 8};
    struct words words = words_of("PICK 3 a b c d");
    cr_assert_eq(command_bind(command, words.argv, words.argc, args, &bound), USAGE_OK);
    cr_assert_eq(bound.key_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert(keys[i].index == 3 + i && keys[i].written == 1, "%u: %u", i, keys[i].index);
    }
    bound.key_room = 2;
    keys[2].index = 99;
    cr_assert_eq(command_bind(command, words.argv, words.argc, args, &bound), USAGE_OK);
    cr_assert(bound.key_count == 3 && keys[1].index == 4 && keys[2].index == 99);
    bound = (struct usage_bound){.keys = NULL, .key_room = 0};
    cr_assert_eq(command_bind(command, words.argv, words.argc, args, &bound), USAGE_OK);
    cr_assert_eq(bound.key_count, 3);
    bound = (struct usage_bound){.keys = keys, .key_room = 8};
    words = words_of("PICK 0 a");
    cr_assert_eq(command_bind(command, words.argv, words.argc, args, &bound), USAGE_VALUE, "argv[0] is no key");
    words = words_of("PICK -1 a");
    cr_assert_eq(command_bind(command, words.argv, words.argc, args, &bound), USAGE_VALUE);
    cr_assert_str_eq(bound.error, "ERR Invalid arguments specified for command");
    words = words_of("PICK x a");
    cr_assert_eq(command_bind(command, words.argv, words.argc, args, &bound), USAGE_VALUE);
    cr_assert_not_null(strstr(bound.error, "not an integer"), "the line is matched first");
    registry_release(registry);
}

Test(registry, hundreds_of_commands_are_all_found)
{
    static struct gm_command many[700];
    static char names[700][32];
    struct complaint complaint;
    for (uint32_t i = 0; i < 700; i++) {
        snprintf(names[i], sizeof names[i], "%s%u key", i % 2 == 0 ? "M" : "MODULE.VERYLONG", i);
        many[i] = (struct gm_command)COMMAND(names[i], GM_READ, .type = &fruit);
    }
    struct gm_module module = FRUIT;
    module.commands = many;
    module.command_count = 700;
    const struct registry *registry = registry_create(interfaces, 2);
    cr_assert_eq(registry_add(&registry, &module, "many.so", &complaint), STATUS_OK, "%s", complaint.text);
    for (uint32_t i = 0; i < 700; i++) {
        struct gm_bytes name = {(const uint8_t *)names[i], strlen(names[i]) - 4};
        const struct command *command = registry_command_named(registry, name);
        cr_assert(command != NULL && command->index == i, "%s", names[i]);
    }
    registry_release(registry);
}

/* ---- refusals ---- */

struct refused {
    const char *part; /* of the sentence */
    enum status status;
    void (*spoil)(struct gm_module *);
};

static struct gm_command spoilt;

static void use_spoilt(struct gm_module *module)
{
    spoilt = commands[0];
    spoilt.usage = "SPOILT key";
    module->commands = &spoilt;
    module->command_count = 1;
}

#define SPOIL(name, ...)                                                                                               \
    static void name(struct gm_module *module)                                                                         \
    {                                                                                                                  \
        use_spoilt(module);                                                                                            \
        __VA_ARGS__;                                                                                                   \
    }

SPOIL(no_name, module->name = NULL)
SPOIL(capital_name, module->name = "acme.Fruit")
SPOIL(dotted_name, module->name = "acme.")
SPOIL(no_version, module->version = NULL)
SPOIL(short_version, module->version = "1.2")
SPOIL(zero_version, module->version = "1.02.3")
SPOIL(odd_group, module->group = "a group")
SPOIL(null_types, module->types = NULL)
SPOIL(too_many_types, module->type_count = 100000)
SPOIL(null_commands, module->commands = NULL)
SPOIL(too_many_commands, module->command_count = 100000)
SPOIL(null_needs, module->needs = NULL)
SPOIL(no_usage, spoilt.usage = NULL)
SPOIL(no_summary, spoilt.summary = "")
SPOIL(two_line_summary, spoilt.summary = "Two\nlines.")
SPOIL(no_complexity, spoilt.complexity = NULL)
SPOIL(small_command, spoilt.size = 16)
SPOIL(large_command, spoilt.size = 4096)
SPOIL(no_class, spoilt.flags = GM_FAST)
SPOIL(waits_without_need, spoilt.flags = GM_READ | GM_BLOCKS; module->need_count = 0)
SPOIL(keys_without_type, spoilt.type = NULL)
SPOIL(hatch_without_type, spoilt.type = NULL; spoilt.usage = "SPOILT word..."; spoilt.keys = pick_keys)
SPOIL(without_plan, spoilt.plan = NULL)
SPOIL(bad_line, spoilt.usage = "SPOILT key...x")
SPOIL(other_major, module->abi_major = 7)
SPOIL(later_minor, module->abi_minor = GM_ABI_MINOR + 1)
SPOIL(earlier_minor, module->abi_minor = GM_ABI_MINOR - 1)
SPOIL(reserved_module, module->reserved = 1)
SPOIL(odd_event, spoilt.event = "Put it")
SPOIL(odd_command_group, spoilt.group = "a group")
SPOIL(two_line_unfit, spoilt.unfit = "ERR no\r\n%")
SPOIL(answer_of_a_read, spoilt.flags = GM_READ; spoilt.answer = spoilt.plan; spoilt.answer_max = 1)
SPOIL(answer_of_no_size, spoilt.flags = GM_WRITE; spoilt.answer = spoilt.plan)
SPOIL(answer_too_large, spoilt.flags = GM_WRITE; spoilt.answer = spoilt.plan; spoilt.answer_max = GM_ANSWER_MAX + 1)
SPOIL(answer_max_alone, spoilt.flags = GM_WRITE; spoilt.answer_max = 1)
SPOIL(new_flag, spoilt.flags = GM_READ | 1 << 9)
SPOIL(small_module, module->size = 24)
SPOIL(large_module, module->size = 100000)

static struct gm_type spoilt_type;
static const struct gm_type *const spoilt_types[] = {&spoilt_type};

#define SPOIL_TYPE(name, ...)                                                                                          \
    static void name(struct gm_module *module)                                                                         \
    {                                                                                                                  \
        use_spoilt(module);                                                                                            \
        spoilt_type = fruit;                                                                                           \
        spoilt.type = &spoilt_type;                                                                                    \
        module->types = spoilt_types;                                                                                  \
        module->type_count = 1;                                                                                        \
        __VA_ARGS__;                                                                                                   \
    }

SPOIL_TYPE(type_without_apply, spoilt_type.apply = NULL)
SPOIL_TYPE(type_without_dump, spoilt_type.dump = NULL)
SPOIL_TYPE(type_without_id, spoilt_type.id = NULL)
SPOIL_TYPE(type_without_vendor, spoilt_type.id = "fruit/1")
SPOIL_TYPE(type_of_encoding_zero, spoilt_type.id = "acme.fruit/0")
SPOIL_TYPE(type_of_two_slashes, spoilt_type.id = "acme.fruit/1/2")
SPOIL_TYPE(type_without_name, spoilt_type.name = NULL)
SPOIL_TYPE(type_of_two_words, spoilt_type.name = "a b")
SPOIL_TYPE(type_of_new_flag, spoilt_type.flags = 4)
SPOIL_TYPE(small_type, spoilt_type.size = 8)
SPOIL_TYPE(large_type, spoilt_type.size = sizeof(struct gm_type) + 8)

/* The first command says how far apart they are; one that says something else was built with other headers. */
static void uneven_commands(struct gm_module *module)
{
    static struct gm_command uneven[2];
    use_spoilt(module);
    uneven[0] = spoilt;
    uneven[1] = spoilt;
    uneven[1].usage = "OTHER key";
    uneven[1].size -= 8;
    module->commands = uneven;
    module->command_count = 2;
}

Test(registry, a_descriptor_that_does_not_fit_leaves_no_trace)
{
    static const struct refused cases[] = {
        {"its name, 'NULL'", STATUS_INVALID, no_name},
        {"its name, 'acme.Fruit'", STATUS_INVALID, capital_name},
        {"its name, 'acme.'", STATUS_INVALID, dotted_name},
        {"its version", STATUS_INVALID, no_version},
        {"its version, '1.2'", STATUS_INVALID, short_version},
        {"its version, '1.02.3'", STATUS_INVALID, zero_version},
        {"its group", STATUS_INVALID, odd_group},
        {"2 types", STATUS_INVALID, null_types},
        {"100000 types", STATUS_INVALID, too_many_types},
        {"1 commands", STATUS_INVALID, null_commands},
        {"100000 commands", STATUS_INVALID, too_many_commands},
        {"1 needs", STATUS_INVALID, null_needs},
        {"command number 0 has no usage", STATUS_INVALID, no_usage},
        {"\"SPOILT key\" has no summary", STATUS_INVALID, no_summary},
        {"\"SPOILT key\" has no summary", STATUS_INVALID, two_line_summary},
        {"\"SPOILT key\" has no complexity", STATUS_INVALID, no_complexity},
        {"command number 0 has the size 16", STATUS_INVALID, small_command},
        {"command number 0 has the size 4096", STATUS_INVALID, large_command},
        {"exactly one of GM_READ", STATUS_INVALID, no_class},
        {"does not need \"wait/2\"", STATUS_INVALID, waits_without_need},
        {"'spoilt' has keys but no type", STATUS_INVALID, keys_without_type},
        {"'spoilt' has keys but no type", STATUS_INVALID, hatch_without_type},
        {"'spoilt' has no plan", STATUS_INVALID, without_plan},
        {"column 14: a blank is missing", STATUS_INVALID, bad_line},
        {"built for module ABI 7.", STATUS_VERSION, other_major},
        {"use a newer server", STATUS_VERSION, later_minor},
        {"the diary in geomys/version.h says what to change", STATUS_VERSION, earlier_minor}, /* rule 2 of version.h */
        {"a reserved field of its descriptor", STATUS_INVALID, reserved_module},
        {"the event of its command number 0", STATUS_INVALID, odd_event},
        {"the group of its command number 0, 'a group'", STATUS_INVALID, odd_command_group},
        {"command number 0 says of a word that does not fit", STATUS_INVALID, two_line_unfit},
        {"has an answer, but is not GM_WRITE", STATUS_INVALID, answer_of_a_read},
        {"answers with up to 0 bytes (1 to 65536)", STATUS_INVALID, answer_of_no_size},
        {"answers with up to 65537 bytes (1 to 65536)", STATUS_INVALID, answer_too_large},
        {"has an answer_max, but no answer", STATUS_INVALID, answer_max_alone},
        {"of which this server does not know 0x200", STATUS_INVALID, new_flag},           /* rule 5 of version.h */
        {"'acme.fruit/1' has the flags 0x4, of which", STATUS_INVALID, type_of_new_flag}, /* rule 5 of version.h */
        {"descriptor has the size 24", STATUS_INVALID, small_module},
        {"descriptor has the size 100000", STATUS_INVALID, large_module},
        {"has no apply", STATUS_INVALID, type_without_apply},
        {"has no dump", STATUS_INVALID, type_without_dump},
        {"'NULL', is not of the form", STATUS_INVALID, type_without_id},
        {"'fruit/1', is not of the form", STATUS_INVALID, type_without_vendor},
        {"'acme.fruit/0', is not of the form", STATUS_INVALID, type_of_encoding_zero},
        {"'acme.fruit/1/2', is not of the form", STATUS_INVALID, type_of_two_slashes},
        {"no name that TYPE could answer", STATUS_INVALID, type_without_name},
        {"no name that TYPE could answer", STATUS_INVALID, type_of_two_words},
        {"type number 0 has the size 8", STATUS_INVALID, small_type},
        {"type number 0 has the size", STATUS_INVALID, large_type},
        {"command number 1 has the size", STATUS_INVALID, uneven_commands},
    };
    const struct registry *registry = registry_create(interfaces, 2);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gm_module module = FRUIT;
        struct complaint complaint = {{0}};
        cases[i].spoil(&module);
        enum status status = registry_add(&registry, &module, "dir/spoilt.so", &complaint);
        cr_expect_eq(status, cases[i].status, "%s: %d", cases[i].part, status);
        cr_expect(strstr(complaint.text, cases[i].part) != NULL, "%s", complaint.text);
        cr_expect(strncmp(complaint.text, "module dir/spoilt.so: ", 22) == 0, "%s", complaint.text);
        cr_expect_eq(registry_module_count(registry), 0);
        cr_expect_eq(registry_entry_count(registry), 0);
    }
    struct gm_module module = FRUIT;
    struct complaint complaint;
    without_plan(&module);
    cr_expect_eq(registry_add(&registry, &module, NULL, &complaint), STATUS_OK, "the host's own may");
    registry_release(registry);
}

Test(registry, names_belong_to_who_came_first)
{
    const struct registry *registry = registry_of_fruit();
    struct complaint complaint;
    struct gm_module module = FRUIT;
    cr_expect_eq(registry_add(&registry, &module, "copy.so", &complaint), STATUS_EXISTS);
    cr_expect(strstr(complaint.text, "there is a module acme.fruit already, version 1.2.3") != NULL, "%s",
              complaint.text);
    module.name = "acme.other";
    cr_expect_eq(registry_add(&registry, &module, "copy.so", &complaint), STATUS_EXISTS);
    cr_expect(strstr(complaint.text, "type 'acme.fruit/1'") != NULL, "%s", complaint.text);
    static const struct gm_command late[] = {COMMAND("FRESH", GM_READ, .type = NULL),
                                             COMMAND("BASKET|DROP", GM_READ, .type = NULL)};
    module.type_count = 0;
    module.commands = late;
    module.command_count = 2;
    cr_expect_eq(registry_add(&registry, &module, "copy.so", &complaint), STATUS_EXISTS);
    cr_expect(strstr(complaint.text, "'basket|drop' (acme.other 1.2.3) is there already, from acme.fruit 1.2.3 "
                                     "(/modules/fruit.so)") != NULL,
              "%s", complaint.text);
    cr_expect_str_eq(outcome_of(registry, "FRESH"), "unknown", "all or nothing");
    module.command_count = 1;
    cr_expect_eq(registry_add(&registry, &module, "copy.so", &complaint), STATUS_OK);
    cr_expect_str_eq(outcome_of(registry, "FRESH"), "fresh");
    registry_release(registry);
    registry = registry_create(interfaces, 1);
    struct gm_module needy = FRUIT;
    cr_expect_eq(registry_add(&registry, &needy, "needy.so", &complaint), STATUS_NOT_FOUND);
    cr_expect(strstr(complaint.text, "it needs the interface 'wait/2', this server has timer/3") != NULL, "%s",
              complaint.text);
    registry_release(registry);
}

/* ---- registries made from one another ---- */

/* A file that counts how often it was closed. */
struct counted_file {
    struct module_file base;
    unsigned closed;
};

static void count_close(struct module_file *file)
{
    container_of(file, struct counted_file, base)->closed++;
}

/* Fruit's second version: SETRANGELONGNAME and BASKET|LIST go, PEEL and BASKET|SHAKE come, the types change places. */
static const struct gm_type fruit2 = {
    .size = sizeof(struct gm_type), .id = "acme.fruit/1", .name = "fruit", .apply = apply, .dump = dump};
static const struct gm_type *const types2[] = {&seed, &fruit2};
static const struct gm_command commands2[] = {
    COMMAND("PEEL key", GM_WRITE, .type = &fruit2),
    COMMAND("BASKET|SHAKE", GM_READ, .type = NULL),
    COMMAND("BASKET|ADD key key", GM_WRITE, .type = &fruit2),
    COMMAND("GET key", GM_READ, .type = &fruit2),
};

#define MODULE(id, number, its_types, type_number, its_commands)                                                       \
    {                                                                                                                  \
        .size = sizeof(struct gm_module), .abi_major = GM_ABI_MAJOR, .abi_minor = GM_ABI_MINOR, .name = (id),          \
        .version = (number), .types = (its_types), .type_count = (type_number), .commands = (its_commands),            \
        .command_count = sizeof(its_commands) / sizeof((its_commands)[0])                                              \
    }

static const struct gm_module fruit_2 = MODULE("acme.fruit", "2.0.0", types2, 2, commands2);

static const struct registry *with(const struct registry *old, const struct gm_module *module, bool replaces,
                                   struct counted_file *file)
{
    struct complaint complaint;
    const struct registry *newer = NULL;
    struct module_offer offer = {
        .abi = module, .path = "/modules/newer.so", .replaces = replaces, .file = file != NULL ? &file->base : NULL};
    cr_assert_eq(registry_with(old, &offer, &newer, &complaint), STATUS_OK, "%s", complaint.text);
    cr_assert(registry_follows(newer, old));
    return newer;
}

static uint32_t number_of(const struct registry *registry, const char *name)
{
    const struct command *command = registry_command_named(registry, gm_bytes_of(name));
    cr_assert_not_null(command, "%s", name);
    cr_expect_str_eq(registry_command_name(registry, command->index), name);
    return command->index;
}

Test(registry, a_newer_one_has_all_that_the_older_has_and_shares_it)
{
    static const struct gm_command own[] = {COMMAND("SING", GM_READ, .type = NULL)};
    static const struct gm_module bird = MODULE("acme.bird", "1.0.0", NULL, 0, own);
    const struct registry *old = registry_of_fruit();
    const struct registry *newer = with(old, &bird, false, NULL);
    cr_expect_eq(registry_module(newer, 0), registry_module(old, 0), "not a copy");
    cr_expect_eq(registry_command_named(newer, BYTES("get")), registry_command_named(old, BYTES("get")));
    cr_expect_str_eq(outcome_of(newer, "sing"), "sing");
    cr_expect_eq(number_of(newer, "sing"), 8);
    cr_expect_str_eq(outcome_of(old, "sing"), "unknown", "the old one is as it was");
    cr_expect(registry_module_count(old) == 1 && registry_entry_count(old) == 6 && registry_command_numbers(old) == 8);
    registry_release(old);
    cr_expect_str_eq(outcome_of(newer, "basket add k"), "basket|add", "the fruit lives on in the newer one");
    registry_release(newer);
}

Test(registry, an_upgrade_keeps_the_numbers_of_names_and_the_place_of_the_module)
{
    static const struct gm_command own[] = {COMMAND("SING", GM_READ, .type = NULL)};
    static const struct gm_module bird = MODULE("acme.bird", "1.0.0", NULL, 0, own);
    const struct registry *fruits = registry_of_fruit();
    const struct registry *old = with(fruits, &bird, false, NULL);
    const struct registry *newer = with(old, &fruit_2, true, NULL);
    const struct command *get = registry_command_named(old, BYTES("get"));
    registry_release(fruits);
    cr_expect(registry_module_count(newer) == 2 && registry_command_count(newer) == 5);
    cr_expect_str_eq(registry_module(newer, 0)->abi->version, "2.0.0");
    cr_expect_str_eq(registry_module_named(newer, BYTES("acme.bird"))->abi->version, "1.0.0");
    cr_expect_eq(number_of(newer, "get"), number_of(old, "get"));
    cr_expect_eq(number_of(newer, "basket|add"), number_of(old, "basket|add"));
    cr_expect_eq(number_of(newer, "sing"), number_of(old, "sing"));
    cr_expect_eq(number_of(newer, "peel"), 9);
    cr_expect_eq(number_of(newer, "basket|shake"), 10);
    cr_expect_eq(registry_type_named(newer, BYTES("acme.fruit/1"))->index, 0);
    cr_expect_eq(registry_type_named(newer, BYTES("acme.fruit/1"))->abi, &fruit2);
    cr_expect_eq(registry_type_named(newer, BYTES("acme.seed/2"))->index, 1);
    cr_expect_eq(registry_type_numbers(newer), 2);
    cr_expect_str_eq(outcome_of(newer, "pick 1 a"), "unknown");
    cr_expect_str_eq(outcome_of(newer, "basket list"), "unknown sub");
    cr_expect_str_eq(registry_command_name(newer, number_of(old, "pick")), "pick", "its number keeps its name");
    cr_expect_eq(registry_successor(newer, get)->abi, &commands2[3]);
    cr_expect_null(registry_successor(newer, registry_command_named(old, BYTES("pick"))));
    cr_expect_str_eq(outcome_of(old, "pick 1 a"), "pick", "the old one is as it was");
    cr_expect_not(registry_follows(old, newer));
    registry_release(newer);
    registry_release(old);
}

Test(registry, what_went_has_its_number_again_when_it_comes_back)
{
    static const struct gm_module fruit_1 = FRUIT;
    static const struct gm_command own[] = {COMMAND("SING", GM_READ, .type = NULL)};
    static const struct gm_module bird = MODULE("acme.bird", "1.0.0", NULL, 0, own);
    struct complaint complaint;
    const struct registry *old = registry_of_fruit();
    const struct registry *bare;
    cr_assert_eq(registry_without(old, BYTES("acme.bird"), &bare, &complaint), STATUS_NOT_FOUND);
    cr_assert_eq(registry_without(old, BYTES("acme.fruit"), &bare, &complaint), STATUS_OK);
    cr_expect(registry_module_count(bare) == 0 && registry_entry_count(bare) == 0 && registry_type_count(bare) == 0);
    cr_expect_str_eq(outcome_of(bare, "get k"), "unknown");
    cr_expect(registry_follows(bare, old));
    const struct registry *birds = with(bare, &bird, false, NULL);
    cr_expect_eq(number_of(birds, "sing"), 8, "no number is given to another name");
    const struct registry *again = with(birds, &fruit_1, false, NULL);
    cr_expect_eq(number_of(again, "pick"), number_of(old, "pick"));
    cr_expect_eq(registry_command_numbers(again), 9);
    registry_release(old);
    registry_release(bare);
    registry_release(birds);
    registry_release(again);
}

/* Whatever is wrong with a replacement, nothing has happened: the file is not closed, no number is taken. */
Test(registry, a_refused_replacement_leaves_no_trace)
{
    static const struct gm_command own[] = {COMMAND("PEEL key", GM_READ, .type = &fruit2)};
    static const struct gm_command odd[] = {COMMAND("FRESH", GM_READ, .type = NULL), COMMAND("GET [", GM_READ)};
    static const struct gm_command twice[] = {COMMAND("GET", GM_READ), COMMAND("GET", GM_READ)};
    static const struct gm_type *const other_types[] = {&fruit2};
    const struct gm_module knife = MODULE("acme.knife", "1.0.0", NULL, 0, own);
    struct gm_module peel = knife;
    const struct gm_module other_type = MODULE("acme.other", "1.0.0", other_types, 1, own);
    const struct gm_module odd_line = MODULE("acme.fruit", "2.0.0", NULL, 0, odd);
    const struct gm_module two = MODULE("acme.fruit", "2.0.0", NULL, 0, twice);
    struct gm_command without_type = own[0];
    without_type.type = NULL;
    without_type.usage = "PEEL";
    peel.commands = &without_type;
    const struct registry *fruits = registry_of_fruit();
    const struct registry *old = with(fruits, &peel, false, NULL);
    struct {
        const struct gm_module *module;
        bool replaces;
        const char *part;
    } cases[] = {
        {&fruit_2, false, "there is a module acme.fruit already, version 1.2.3 "},
        {&fruit_2, true, "'peel' (acme.fruit 2.0.0) is there already, from acme.knife"},
        {&other_type, true, "type 'acme.fruit/1' (acme.other 1.0.0) is there already"},
        {&odd_line, true, "usage line"},
        {&two, true, "the command 'get' twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct counted_file file = {{count_close}, 0};
        struct module_offer offer = {
            .abi = cases[i].module, .path = "x.so", .replaces = cases[i].replaces, .file = &file.base};
        struct complaint complaint = {{0}};
        const struct registry *newer = fruits;
        cr_expect_neq(registry_with(old, &offer, &newer, &complaint), STATUS_OK, "%zu", i);
        cr_expect(strstr(complaint.text, cases[i].part) != NULL, "%zu: %s", i, complaint.text);
        cr_expect(strncmp(complaint.text, "module x.so: ", 13) == 0, "%s", complaint.text);
        cr_expect(newer == fruits && file.closed == 0);
        cr_expect(registry_command_numbers(old) == 9 && registry_module_count(old) == 2);
        cr_expect_str_eq(outcome_of(old, "FRESH"), "unknown");
    }
    registry_release(old);
    registry_release(fruits);
}

Test(registry, the_hosts_own_is_not_replaced_and_does_not_go)
{
    static const struct gm_command own[] = {COMMAND("SING", GM_READ, .type = NULL)};
    static const struct gm_module bird = MODULE("acme.bird", "1.0.0", NULL, 0, own);
    struct complaint complaint;
    const struct registry *registry = registry_create(interfaces, 2);
    const struct registry *newer = NULL;
    cr_assert_eq(registry_add(&registry, &bird, NULL, &complaint), STATUS_OK);
    struct module_offer offer = {.abi = &bird, .path = "bird.so", .replaces = true};
    cr_expect_eq(registry_with(registry, &offer, &newer, &complaint), STATUS_EXISTS);
    cr_expect(strstr(complaint.text, "(the server itself)") != NULL, "%s", complaint.text);
    cr_expect_eq(registry_without(registry, BYTES("acme.bird"), &newer, &complaint), STATUS_REFUSED);
    cr_expect(strstr(complaint.text, "the server's own") != NULL, "%s", complaint.text);
    registry_release(registry);
}

Test(registry, a_file_is_closed_when_nobody_holds_its_module_any_more)
{
    static const struct gm_module fruit_1 = FRUIT;
    struct counted_file first = {{count_close}, 0};
    struct counted_file second = {{count_close}, 0};
    struct complaint complaint;
    const struct registry *empty = registry_create(interfaces, 2);
    const struct registry *one = with(empty, &fruit_1, false, &first);
    const struct registry *two = with(one, &fruit_2, true, &second);
    const struct registry *none;
    cr_assert_eq(registry_without(one, BYTES("acme.fruit"), &none, &complaint), STATUS_OK);
    const struct registry *reader = registry_keep(one);
    registry_release(empty);
    registry_release(one);
    cr_expect_eq(first.closed, 0, "somebody still reads it");
    cr_expect_str_eq(registry_command_named(reader, BYTES("pick"))->abi->usage, commands[3].usage);
    registry_release(reader);
    cr_expect_eq(first.closed, 1);
    cr_expect_eq(second.closed, 0);
    registry_release(none);
    registry_release(two);
    cr_expect(first.closed == 1 && second.closed == 1);
}
