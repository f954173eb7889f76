/* SPDX-License-Identifier: MIT */

/* test_revisions.c - records of a newer revision than the code that there is: a node that starts refuses them, one that
 * serves freezes the key and goes on, and newer code thaws it.
 *
 * The type "note" is a text. Its first revision can set it; from the second on an operation adds to it. */
#include <criterion/criterion.h>

#include "shard/apply_follow.h"
#include "shard/digest.h"
#include "shard/frozen.h"
#include "support/shard_fixture.h"

enum { NOTE_SET = 1, NOTE_ADD = 2 };

static int put(struct gm_apply *apply, size_t before, struct gm_bytes body)
{
    uint8_t *text = gm_resize(apply, before + body.size);
    if (body.size > 0) {
        memcpy(text + before, body.data, body.size);
    }
    return GM_OK;
}

static int apply_1(struct gm_apply *apply, const struct gm_record *record)
{
    return record->op == NOTE_SET ? put(apply, 0, record->body) : GM_CORRUPT;
}

static int apply_2(struct gm_apply *apply, const struct gm_record *record)
{
    if (record->op != NOTE_ADD) {
        return apply_1(apply, record);
    }
    return apply->cell.form == GM_BYTES && record->body.size > 0 ? put(apply, apply->cell.size, record->body)
                                                                 : GM_CORRUPT;
}

static uint64_t dump(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    (void)cursor;
    gm_dump(sink, NOTE_SET, gm_bytes_at(cell->data, cell->size));
    return 0;
}

/* One that has the later operation: what it adds last. */
static uint64_t dump_later(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    (void)cursor;
    gm_dump(sink, NOTE_SET, gm_bytes_at(cell->data, 1));
    gm_dump(sink, NOTE_ADD, gm_bytes_at(cell->data + 1, cell->size - 1));
    return 0;
}

static void plan_set(struct gm_call *call)
{
    gm_emit(call, &GM_EMISSION(.op = NOTE_SET, .flags = GM_FRESH, .body = gm_arg_at(call, 1, 0)));
    gm_reply_status(call, "OK");
}

static void plan_add(struct gm_call *call)
{
    gm_emit(call, &GM_EMISSION(.op = NOTE_ADD, .body = gm_arg_at(call, 1, 0)));
    gm_reply_status(call, "OK");
}

static void plan_get(struct gm_call *call)
{
    gm_reply_bytes(call, gm_bytes_at(gm_key(call, 0)->cell.data, gm_key(call, 0)->cell.size));
}

static const struct gm_op_since later[] = {{NOTE_ADD, 2}};

#define NOTE .size = sizeof(struct gm_type), .id = "acme.note/1", .name = "note"
static const struct gm_type note_1 = {NOTE, .apply = apply_1, .dump = dump};
static const struct gm_type note_2 = {NOTE,          .apply = apply_2, .dump = dump,
                                      .revision = 2, .later = later,   .later_count = 1};
static const struct gm_type note_3 = {NOTE,          .apply = apply_2, .dump = dump_later,
                                      .revision = 2, .later = later,   .later_count = 1};
static const struct gm_type *const types_1[] = {&note_1};
static const struct gm_type *const types_2[] = {&note_2};
static const struct gm_type *const types_3[] = {&note_3};

#define COMMAND(its_type, its_usage, its_flags, its_plan)                                                              \
    {                                                                                                                  \
        .size = sizeof(struct gm_command), .summary = "For the test.", .complexity = "O(1)", .type = (its_type),       \
        .usage = (its_usage), .flags = (its_flags), .plan = (its_plan)                                                 \
    }
#define COMMANDS(its_type)                                                                                             \
    {                                                                                                                  \
        COMMAND(its_type, "NOTESET key text", GM_WRITE, plan_set),                                                     \
            COMMAND(its_type, "NOTEADD key text", GM_WRITE, plan_add),                                                 \
            COMMAND(its_type, "NOTEGET key", GM_READ, plan_get),                                                       \
    }
static const struct gm_command commands_1[] = COMMANDS(&note_1);
static const struct gm_command commands_2[] = COMMANDS(&note_2);
static const struct gm_command commands_3[] = COMMANDS(&note_3);

#define MODULE(its_version, its_types, its_commands)                                                                   \
    {                                                                                                                  \
        .size = sizeof(struct gm_module), .abi_major = GM_ABI_MAJOR, .abi_minor = GM_ABI_MINOR, .name = "acme.note",   \
        .version = (its_version), .types = (its_types), .type_count = 1, .commands = (its_commands),                   \
        .command_count = 3                                                                                             \
    }
static const struct gm_module module_1 = MODULE("1.0.0", types_1, commands_1);
static const struct gm_module module_2 = MODULE("1.1.0", types_2, commands_2);
static const struct gm_module module_3 = MODULE("1.2.0", types_3, commands_3);

/* ---- /2: upside down, behind a pointer to nothing but its bytes: as a run of bytes that begins with its mark */

static int apply_successor(struct gm_apply *apply, const struct gm_record *record)
{
    if (record->op != NOTE_SET || record->body.size == 0) {
        return GM_CORRUPT;
    }
    uint8_t *text = gm_resize(apply, record->body.size);
    memcpy(text, record->body.data, record->body.size);
    return text[0] == '2' ? GM_OK : GM_CORRUPT;
}

/* What /1 meant, as a value of /2. */
static int apply_predecessor(struct gm_apply *apply, const struct gm_record *record)
{
    if (record->op == NOTE_SET) {
        memcpy(gm_resize(apply, 1), "2", 1);
        return put(apply, 1, record->body);
    }
    return apply->cell.form == GM_BYTES && record->op == NOTE_ADD ? put(apply, apply->cell.size, record->body)
                                                                  : GM_CORRUPT;
}

static const struct gm_predecessor predecessors[] = {{.id = "acme.note/1", .revision = 2, .apply = apply_predecessor}};
static const struct gm_type successor = {.size = sizeof(struct gm_type),
                                         .id = "acme.note/2",
                                         .name = "note",
                                         .apply = apply_successor,
                                         .dump = dump,
                                         .succeeds = predecessors,
                                         .succeeds_count = 1};
static const struct gm_type *const types_successor[] = {&successor};
static const struct gm_command commands_successor[] = COMMANDS(&successor);
static const struct gm_module module_successor = MODULE("2.0.0", types_successor, commands_successor);

static void unload(struct shard_fixture *at)
{
    const struct registry *newer;
    struct complaint complaint;
    cr_assert_eq(registry_without(at->shard.registry, BYTES("acme.note"), &newer, &complaint), STATUS_OK);
    shard_fixture_adopt(at, newer);
    registry_release(newer);
}

static void load(struct shard_fixture *at, const struct gm_module *module)
{
    const struct registry *newer;
    struct complaint complaint;
    struct module_offer offer = {.abi = module, .path = "note.so", .replaces = true};
    cr_assert_eq(registry_with(at->shard.registry, &offer, &newer, &complaint), STATUS_OK, "%s", complaint.text);
    shard_fixture_adopt(at, newer);
    registry_release(newer);
}

/* What a shard's own writes say of the type, number `type` here. */
static uint16_t revised(const struct shard_fixture *at)
{
    return at->shard.tail.revisions.count == 0
               ? 1
               : revisions_of(&at->shard.tail.revisions, at->shard.tail.revisions.list[0].type);
}

/* ---- what is said ---- */

Test(revisions, a_record_is_of_the_revision_that_its_operation_came_with)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &module_2});
    expect_said(&at, 0, "OK", "NOTESET a one");
    cr_expect_eq(revised(&at), 1, "nothing new was used");
    expect_said(&at, 0, "OK", "NOTEADD a two");
    cr_expect_eq(revised(&at), 2);
    struct gm_bytes writer =
        gm_bytes_at(at.shard.tail.revisions.list[0].writer, at.shard.tail.revisions.list[0].writer_size);
    cr_expect(gm_bytes_equal(writer, BYTES("acme.note 1.1.0")));
    cr_expect_eq(at.shard.tail.revisions.list[0].last, at.shard.tail.last_sequence);
    shard_fixture_close(&at);
}

struct target {
    struct sweep_target base;
    unsigned records;
    unsigned revision;
    unsigned before; /* records before it was said */
};

static void declare(struct sweep_target *base, uint16_t type, struct gm_bytes name)
{
    (void)base, (void)type, (void)name;
}

static void revise(struct sweep_target *base, const struct record_revision *revision)
{
    struct target *target = container_of(base, struct target, base);
    target->before = target->revision == 0 ? target->records : target->before;
    target->revision = revision->revision;
}

static void add(struct sweep_target *base, const struct record *record)
{
    container_of(base, struct target, base)->records += record->type != 0;
}

static bool yes(const struct sweep_target *base)
{
    (void)base;
    return true;
}

static void fail(struct sweep_target *base, const char *reason)
{
    (void)base;
    cr_assert_fail("%s", reason);
}

static struct target sweep(struct shard_fixture *at)
{
    struct target target = {.base = {.declare = declare,
                                     .revise = revise,
                                     .add = add,
                                     .is_open = yes,
                                     .has_room = yes,
                                     .fail = fail,
                                     .remedy = ""}};
    sweep_begin(&at->shard, &target.base);
    while (at->shard.sweep.active) {
        (void)sweep_turn(&at->shard, 0);
    }
    return target;
}

Test(revisions, a_snapshot_is_of_the_revision_of_what_is_dumped)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &module_2});
    expect_said(&at, 0, "OK", "NOTESET a one");
    expect_said(&at, 0, "OK", "NOTEADD a two");
    cr_expect_eq(sweep(&at).revision, 0, "the dump has nothing new");
    load(&at, &module_3);
    struct target target = sweep(&at);
    cr_expect_eq(target.records, 1, "still of the code that made it");
    shard_fixture_pass(&at, 1);
    target = sweep(&at);
    cr_expect(target.records == 2 && target.revision == 2 && target.before == 1);
    shard_fixture_close(&at);
}

/* ---- at a start ---- */

static enum status come(struct shard_fixture *at, uint16_t revision, struct complaint *complaint)
{
    struct record_sink *sink = &at->source.sink;
    struct record_revision said = {200, revision, BYTES("acme.note 1.7.0")};
    cr_assert_eq(sink->declare(sink, 200, BYTES("acme.note/1"), complaint), STATUS_OK);
    return sink->revise(sink, &said, complaint);
}

Test(revisions, a_start_with_an_older_module_is_refused_and_one_without_it_freezes)
{
    struct shard_fixture at;
    struct complaint complaint;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &module_2});
    cr_expect_eq(come(&at, 2, &complaint), STATUS_OK, "%s", complaint.text);
    cr_expect_eq(come(&at, 3, &complaint), STATUS_VERSION);
    static const char *const parts[] = {"acme.note/1",     "revision 3", "acme.note 1.7.0",
                                        "acme.note 1.1.0", "revision 2", "start without"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        cr_expect(strstr(complaint.text, parts[i]) != NULL, "'%s' is not in: %s", parts[i], complaint.text);
    }
    struct record_revision unknown = {201, 2, BYTES("acme.note 1.7.0")};
    cr_expect_eq(at.source.sink.revise(&at.source.sink, &unknown, &complaint), STATUS_CORRUPT);
    shard_fixture_close(&at);

    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    cr_expect_eq(come(&at, 3, &complaint), STATUS_OK, "%s", complaint.text);
    cr_expect_eq(shard_fixture_accept(
                     &at, "acme.note/1",
                     (struct record){.flags = RECORD_FRESH, .op = NOTE_SET, .key = BYTES("a"), .body = BYTES("x")}),
                 STATUS_OK);
    cr_expect_eq(sweep(&at).revision, 3, "what was said of it is said again");
    shard_fixture_close(&at);
}

/* ---- at a node that serves ---- */

static struct record record_of(uint16_t op, const char *body, uint16_t flags)
{
    return (struct record){.flags = flags, .op = op, .key = BYTES("a"), .body = gm_bytes_of(body)};
}

/* apply P5 */
Test(revisions, a_key_that_needs_newer_code_is_frozen_and_thaws_with_it)
{
    struct shard_fixture at;
    struct complaint complaint;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &module_1});
    at.source.serves = true;
    cr_assert_eq(come(&at, 2, &complaint), STATUS_OK, "%s", complaint.text);
    cr_assert_eq(shard_fixture_accept(&at, "acme.note/1", record_of(NOTE_SET, "one", RECORD_FRESH)), STATUS_OK);
    expect_said(&at, 0, "\"one\"", "NOTEGET a");
    cr_expect_eq(at.damages, 0);
    cr_assert_eq(shard_fixture_accept(&at, "acme.note/1", record_of(NOTE_ADD, "two", 0)), STATUS_OK);
    cr_assert_eq(shard_fixture_accept(&at, "acme.note/1", record_of(NOTE_ADD, "three", 0)), STATUS_OK);
    const struct entry *entry = shard_fixture_entry(&at, "a");
    cr_expect_eq(entry->flags & (ENTRY_FROZEN | ENTRY_DAMAGED), ENTRY_FROZEN);
    cr_expect_eq(at.shard.stats.damaged, 0);
    cr_expect_eq(at.damages, 1, "it is told once");
    cr_expect(strstr(at.damage.text, "acme.note 1.7.0") != NULL && strstr(at.damage.text, "acme.note 1.0.0") != NULL,
              "%s", at.damage.text);
    const char *said = shard_fixture_say(&at, 0, "NOTEGET a");
    cr_expect(strstr(said, "MODMISSING") != NULL && strstr(said, "newer version") != NULL, "%s", said);
    cr_expect_eq(databases_frozen(&at.shard.databases).frozen, 1);
    struct target target = sweep(&at);
    cr_expect(target.records == 3 && target.revision == 2, "a snapshot has its records, and says what they need");
    uint64_t digest = digest_shard(&at.shard);
    load(&at, &module_1); /* the same code once more changes nothing */
    shard_fixture_pass(&at, 1);
    cr_expect_eq(digest_shard(&at.shard), digest);
    load(&at, &module_2);
    expect_said(&at, 0, "\"onetwothree\"", "NOTEGET a");
    cr_expect_eq(databases_frozen(&at.shard.databases).frozen, 0);
    shard_fixture_close(&at);
}

Test(revisions, what_its_author_saw_emptied_is_gone_and_what_newer_code_refuses_is_damaged)
{
    struct shard_fixture at;
    struct complaint complaint;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &module_1});
    at.source.serves = true;
    cr_assert_eq(come(&at, 2, &complaint), STATUS_OK, "%s", complaint.text);
    cr_assert_eq(shard_fixture_accept(&at, "acme.note/1", record_of(NOTE_SET, "one", RECORD_FRESH)), STATUS_OK);
    cr_assert_eq(shard_fixture_accept(&at, "acme.note/1", record_of(NOTE_ADD, "two", RECORD_REMOVES)), STATUS_OK);
    expect_said(&at, 0, ":0", "EXISTS a");
    cr_assert_eq(shard_fixture_accept(&at, "acme.note/1", record_of(99, "", RECORD_FRESH)), STATUS_OK);
    cr_expect_eq(databases_frozen(&at.shard.databases).frozen, 1);
    cr_expect_eq(databases_frozen(&at.shard.databases).damaged, 0);
    load(&at, &module_2);
    shard_fixture_pass(&at, 1);
    cr_expect_eq(databases_frozen(&at.shard.databases).damaged, 1, "nobody knows this operation");
    shard_fixture_close(&at);
}

/* The types have other numbers at the leader: none of its own is loaded there. */
Test(revisions, a_follower_says_in_its_own_log_what_its_leader_has_said)
{
    struct shard_fixture at;
    struct complaint complaint;
    struct buf batch;
    bool halfway;
    buf_init(&batch, 4096);
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &module_1});
    at.source.serves = true;
    cr_assert_eq(come(&at, 2, &complaint), STATUS_OK, "%s", complaint.text);
    at.shard.role = SHARD_FOLLOWING;
    struct record record = record_of(NOTE_ADD, "two", RECORD_FRESH);
    record.type = 200;
    record.sequence = at.shard.tail.last_sequence + 1;
    record.epoch = at.shard.tail.epoch;
    cr_assert(record_encode(&record, &batch));
    cr_assert_eq(apply_follow(&at.source, buf_bytes(&batch), &halfway, &complaint), STATUS_OK, "%s", complaint.text);
    cr_expect_eq(revised(&at), 2);
    cr_expect_eq(databases_frozen(&at.shard.databases).frozen, 1);
    at.shard.role = SHARD_ALONE;
    buf_finish(&batch);
    shard_fixture_close(&at);
}

/* ---- code that takes values as they are */

static const struct gm_type alike_1 = {NOTE, .apply = apply_1, .dump = dump, .layout = 5};
static const struct gm_type alike_2 = {NOTE,           .apply = apply_2, .dump = dump, .revision = 2,
                                       .later = later, .later_count = 1, .layout = 5};
static const struct gm_type *const types_alike_1[] = {&alike_1};
static const struct gm_type *const types_alike_2[] = {&alike_2};
static const struct gm_command commands_alike_1[] = COMMANDS(&alike_1);
static const struct gm_command commands_alike_2[] = COMMANDS(&alike_2);
static const struct gm_module module_alike_1 = MODULE("3.0.0", types_alike_1, commands_alike_1);
static const struct gm_module module_alike_2 = MODULE("3.1.0", types_alike_2, commands_alike_2);

/* types P1 */
Test(revisions, a_version_of_the_same_layout_takes_values_as_they_are)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &module_alike_1});
    expect_said(&at, 0, "OK", "NOTESET a one");
    uint8_t number = shard_fixture_entry(&at, "a")->type;
    load(&at, &module_alike_2);
    cr_expect_eq(shard_fixture_entry(&at, "a")->type, number);
    cr_expect(types_newest(&at.shard.types, number), "nothing is to be made anew");
    expect_said(&at, 0, "OK", "NOTEADD a two");
    expect_said(&at, 0, "\"onetwo\"", "NOTEGET a");
    load(&at, &module_2);
    cr_expect_not(types_newest(&at.shard.types, number), "that says nothing of its layout");
    expect_said(&at, 0, "\"onetwo\"", "NOTEGET a");
    cr_expect_neq(shard_fixture_entry(&at, "a")->type, number);
    shard_fixture_close(&at);
}

static int64_t due_never(const struct gm_cell *cell)
{
    (void)cell;
    return 0;
}

static void plan_nothing(struct gm_call *call)
{
    (void)call;
}

static const struct gm_type alike_3 = {
    NOTE,          .apply = apply_2, .dump = dump,     .due = due_never, .plan_due = plan_nothing,
    .revision = 2, .later = later,   .later_count = 1, .layout = 5};
static const struct gm_type *const types_alike_3[] = {&alike_3};
static const struct gm_command commands_alike_3[] = COMMANDS(&alike_3);
static const struct gm_module module_alike_3 = MODULE("3.2.0", types_alike_3, commands_alike_3);

/* Else nobody would ask the values that are there when something is due in them. */
Test(revisions, a_version_that_begins_to_know_times_makes_values_anew)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &module_alike_1});
    expect_said(&at, 0, "OK", "NOTESET a one");
    uint8_t number = shard_fixture_entry(&at, "a")->type;
    load(&at, &module_alike_3);
    cr_expect_not(types_newest(&at.shard.types, number));
    expect_said(&at, 0, "\"one\"", "NOTEGET a");
    cr_expect_neq(shard_fixture_entry(&at, "a")->type, number);
    shard_fixture_close(&at);
}

/* ---- a type that takes over the values of another */

static enum status accept(struct shard_fixture *at, const char *type, uint16_t op, const char *body, uint16_t flags)
{
    return shard_fixture_accept(at, type, record_of(op, body, flags));
}

static const char *type_of(struct shard_fixture *at)
{
    return shard_type_of(&at->shard, shard_fixture_entry(at, "a"))->name;
}

Test(revisions, records_of_a_predecessor_make_values_of_the_successor)
{
    struct shard_fixture at;
    struct complaint complaint;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &module_successor});
    cr_expect_eq(come(&at, 2, &complaint), STATUS_OK, "the successor knows it: %s", complaint.text);
    cr_expect_eq(come(&at, 3, &complaint), STATUS_VERSION, "and no more");
    cr_expect(strstr(complaint.text, "acme.note/1") != NULL && strstr(complaint.text, "knows revision 2") != NULL, "%s",
              complaint.text);
    cr_assert_eq(accept(&at, "acme.note/1", NOTE_SET, "one", RECORD_FRESH), STATUS_OK);
    cr_assert_eq(accept(&at, "acme.note/1", NOTE_ADD, "two", 0), STATUS_OK);
    cr_expect_str_eq(type_of(&at), "acme.note/2");
    expect_said(&at, 0, "\"2onetwo\"", "NOTEGET a");
    cr_assert_eq(accept(&at, "acme.note/2", NOTE_SET, "2three", 0), STATUS_OK);
    expect_said(&at, 0, "\"2three\"", "NOTEGET a");
    cr_expect_eq(at.damages, 0);
    cr_assert_eq(accept(&at, "acme.note/1", 99, "", 0), STATUS_OK);
    cr_expect_eq(databases_frozen(&at.shard.databases).damaged, 1, "no operation of either");
    shard_fixture_close(&at);
}

/* types P1, types P3 */
Test(revisions, values_go_over_to_a_successor_that_comes_whether_they_live_or_are_frozen)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    registry_release(at.registry);
    at.registry = NULL;
    load(&at, &module_2);
    expect_said(&at, 0, "OK", "NOTESET a one");
    load(&at, &module_successor);
    expect_said(&at, 0, "\"2one\"", "NOTEGET a");
    cr_expect_str_eq(type_of(&at), "acme.note/2");
    expect_said(&at, 0, ":1", "DEL a");
    load(&at, &module_2);
    expect_said(&at, 0, "OK", "NOTESET a two");
    expect_said(&at, 0, "OK", "NOTEADD a three");
    unload(&at);
    expect_begins(&at, 0, "-ERR unknown command", "NOTEGET a");
    cr_expect_eq(databases_frozen(&at.shard.databases).frozen, 1);
    load(&at, &module_successor);
    expect_said(&at, 0, "\"2twothree\"", "NOTEGET a");
    cr_expect_eq(databases_frozen(&at.shard.databases).frozen, 0);
    cr_expect_eq(at.damages, 0);
    shard_fixture_close(&at);
}

/* Its code is there, and says nothing of the other: it must never see that one's value. */
Test(revisions, a_higher_number_alone_makes_no_successor)
{
    static const struct gm_type stranger = {
        .size = sizeof(struct gm_type), .id = "acme.note/2", .name = "note", .apply = apply_successor, .dump = dump};
    static const struct gm_type *const types_both[] = {&note_2, &stranger};
    static const struct gm_module both = {.size = sizeof(struct gm_module),
                                          .abi_major = GM_ABI_MAJOR,
                                          .abi_minor = GM_ABI_MINOR,
                                          .name = "acme.note",
                                          .version = "1.9.0",
                                          .types = types_both,
                                          .type_count = 2};
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &both});
    cr_assert_eq(accept(&at, "acme.note/1", NOTE_SET, "one", RECORD_FRESH), STATUS_OK);
    cr_assert_eq(accept(&at, "acme.note/2", NOTE_SET, "2two", 0), STATUS_OK);
    cr_expect_eq(databases_frozen(&at.shard.databases).damaged, 1);
    shard_fixture_close(&at);
}

/* A log of both, read without either, or with the older alone; then the successor is there. */
Test(revisions, records_of_a_line_are_kept_in_order_where_nobody_knows_them)
{
    for (unsigned with = 0; with < 2; with++) {
        struct shard_fixture at;
        shard_fixture_open(&at, &(struct shard_fixture_options){.module = with == 0 ? NULL : &module_2});
        cr_assert_eq(accept(&at, "acme.note/1", NOTE_SET, "one", RECORD_FRESH), STATUS_OK);
        cr_assert_eq(accept(&at, "acme.note/1", NOTE_ADD, "two", 0), STATUS_OK);
        cr_assert_eq(accept(&at, "acme.note/2", NOTE_SET, "2three", 0), STATUS_OK);
        cr_expect_eq(at.damages, 0);
        cr_expect_eq(databases_frozen(&at.shard.databases).frozen, 1);
        cr_expect_str_eq(type_of(&at), "acme.note/2");
        struct target target = sweep(&at);
        cr_expect_eq(target.records, with == 0 ? 3 : 2, "the older one has dumped what it had");
        load(&at, &module_successor);
        expect_said(&at, 0, "\"2three\"", "NOTEGET a");
        cr_expect_eq(at.damages, 0);
        cr_assert_eq(accept(&at, "acme.other/2", NOTE_SET, "x", 0), STATUS_OK);
        cr_expect_eq(databases_frozen(&at.shard.databases).damaged, 1, "of another line");
        shard_fixture_close(&at);
    }
}
