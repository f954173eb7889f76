/* SPDX-License-Identifier: MIT */

/* test_kv_plan.c - which records the plans emit: stories see the replies, nobody else sees what goes to the log. And
 * that the usage lines parse, with their words numbered as the plans think. */
#include "kv_plan.h"

#include "base/bytes.h"
#include "base/check.h"
#include "geomys/codec.h"
#include "geomys/module.h"
#include "module/usage/usage.h"

#include <criterion/criterion.h>
#include <sys/mman.h>

#define NOW_MS   ((int64_t)1700000000000)
#define WORD_MAX 16

const struct gm_module *geomys_module(void);

/* ---- a call without a host ---- */

struct stage {
    struct gm_call call;
    struct gm_bytes argv[WORD_MAX];
    struct gm_arg args[USAGE_LEAF_MAX];
    struct gm_key keys[WORD_MAX];
    char line[200];
    char log[600]; /* what was emitted and replied, as text */
    size_t log_size;
    void *scratch[8];
    size_t scratch_count;
    unsigned copied; /* records with bytes that are not those of the call */
};

__attribute__((format(printf, 2, 3))) static void note(struct gm_call *call, const char *format, ...)
{
    struct stage *stage = container_of(call, struct stage, call);
    va_list args;
    va_start(args, format);
    int size = vsnprintf(stage->log + stage->log_size, sizeof stage->log - stage->log_size, format, args);
    va_end(args);
    stage->log_size += (size_t)size;
    cr_assert_lt(stage->log_size, sizeof stage->log);
}

static void reply_text(struct gm_call *call, const char *text)
{
    note(call, "[%s]", text);
}

static void reply_int(struct gm_call *call, int64_t number)
{
    note(call, "[%lld]", (long long)number);
}

static void reply_bytes(struct gm_call *call, struct gm_bytes bytes)
{
    note(call, "[\"%.*s\"]", (int)bytes.size, (const char *)bytes.data);
}

static void reply_null(struct gm_call *call)
{
    note(call, "[null]");
}

static void reply_array(struct gm_call *call, size_t count)
{
    note(call, "[array %zu]", count);
}

static void emit(struct gm_call *call, const struct gm_emission *emission)
{
    struct stage *stage = container_of(call, struct stage, call);
    const char *first = (const char *)emission->body.data;
    bool inside = first >= stage->line && first < stage->line + sizeof stage->line;
    stage->copied += !inside || (emission->flags & GM_BORROWED) == 0;
    uint8_t body[400];
    size_t size = 0;
    for (uint32_t i = 0; i <= emission->part_count; i++) {
        struct gm_bytes part = i == 0 ? emission->body : emission->parts[i - 1];
        cr_assert_leq(part.size, sizeof body - size);
        memcpy(body + size, part.size > 0 ? part.data : body, part.size);
        size += part.size;
    }
    struct gm_text text = {.data = (char[200]){0}, .capacity = 200};
    const struct gm_record record = {.op = emission->op, .body = {body, size}};
    kv_type.describe(&record, &text);
    note(call, "key %u: %.*s", emission->key, (int)text.size, text.data);
    note(call, "%s%s", emission->flags & GM_FRESH ? " fresh" : "", emission->flags & GM_KEEP_EXPIRY ? " keep" : "");
    if (emission->flags & GM_EXPIRE) {
        note(call, " until %+lld", (long long)(emission->expire_at_ms - NOW_MS));
    }
    note(call, "; ");
}

static void emit_delete(struct gm_call *call, uint32_t key)
{
    note(call, "key %u: deleted; ", key);
}

static void emit_expire(struct gm_call *call, uint32_t key, int64_t at_ms)
{
    note(call, "key %u: until %+lld; ", key, (long long)(at_ms == 0 ? 0 : at_ms - NOW_MS));
}

static struct gm_bytes scalar(struct gm_call *call, uint32_t key)
{
    return gm_key(call, key)->state == GM_KEY_SCALAR ? BYTES("41") : BYTES_NONE;
}

static void miss(struct gm_call *call, uint32_t key)
{
    note(call, "key %u: missed; ", key);
}

static void *scratch(struct gm_call *call, size_t size)
{
    struct stage *stage = container_of(call, struct stage, call);
    cr_assert_lt(stage->scratch_count, sizeof stage->scratch / sizeof *stage->scratch);
    void *memory = calloc(1, size);
    stage->scratch[stage->scratch_count++] = memory;
    return memory;
}

static void *scratch_raw(struct gm_call *call, size_t size)
{
    return memset(scratch(call, size), 0x5a, size);
}

static bool afford(struct gm_call *call, uint64_t bytes)
{
    (void)call;
    return bytes <= GM_VALUE_SIZE_MAX;
}

static const struct gm_call_ops ops = {
    .size = sizeof(struct gm_call_ops),
    .reply_status = reply_text,
    .reply_error = reply_text,
    .reply_int = reply_int,
    .reply_bytes = reply_bytes,
    .reply_null = reply_null,
    .reply_array = reply_array,
    .emit = emit,
    .emit_delete = emit_delete,
    .emit_expire = emit_expire,
    .scalar = scalar,
    .scratch = scratch,
    .miss = miss,
    .scratch_raw = scratch_raw,
    .afford = afford,
};

static const struct gm_command *find_command(const char *line, struct usage *parsed)
{
    const struct gm_module *module = geomys_module();
    struct complaint complaint;
    for (uint32_t i = 0; i < module->command_count; i++) {
        const char *name = module->commands[i].usage;
        size_t size = strcspn(name, " ");
        if (strncmp(name, line, size) == 0 && (line[size] == ' ' || line[size] == '\0')) {
            cr_assert_eq(usage_parse(parsed, name, &complaint), STATUS_OK, "%s", complaint.text);
            return &module->commands[i];
        }
    }
    cr_assert_fail("no command: %s", line);
    return NULL;
}

/* What kinds of key the names in a call stand for. */
static struct gm_key key_named(struct gm_bytes name)
{
    static uint8_t value[] = "hello";
    struct gm_key key = {.name = name};
    if (name.data[0] == 'o' || name.data[0] == 'e') { /* our own: "hello"; e: with an expiry */
        key.state = GM_KEY_OWN;
        key.cell = (struct gm_cell){.form = GM_BYTES, .data = value, .size = 5};
        key.expire_at_ms = name.data[0] == 'e' ? NOW_MS + 60000 : 0;
    } else if (name.data[0] == 'c') { /* a counter: 41 */
        key.state = GM_KEY_SCALAR;
    } else if (name.data[0] == 'l') { /* a list */
        key.state = GM_KEY_OTHER;
    }
    return key;
}

/* Plans one call; its words are divided by single blanks, "_" is an empty word. Asserts what it emits and replies. */
static unsigned plan(const char *line, const char *wanted)
{
    struct stage stage = {
        .call = {
            .ops = &ops, .now_ms = NOW_MS, .arg_stride = sizeof(struct gm_arg), .key_stride = sizeof(struct gm_key)}};
    struct usage usage;
    struct usage_key found[WORD_MAX];
    struct usage_bound bound = {.keys = found, .key_room = WORD_MAX};
    uint32_t argc = 0;
    const struct gm_command *command = find_command(line, &usage);
    snprintf(stage.line, sizeof stage.line, "%s", line);
    for (char *rest = stage.line, *word; (word = strsep(&rest, " ")) != NULL;) {
        stage.argv[argc++] = gm_bytes_of(strcmp(word, "_") == 0 ? "" : word);
    }
    cr_assert_eq(usage_bind(&usage, stage.argv, argc, stage.args, &bound), USAGE_OK, "%s", line);
    for (uint32_t i = 0; i < bound.key_count; i++) {
        stage.keys[i] = key_named(stage.argv[found[i].index]);
    }
    stage.call.argv = stage.argv;
    stage.call.argc = argc;
    stage.call.args = stage.args;
    stage.call.keys = stage.keys;
    stage.call.key_count = bound.key_count;
    command->plan(&stage.call);
    cr_assert_str_eq(stage.log, wanted, "%s: %s", line, stage.log);
    for (size_t i = 0; i < stage.scratch_count; i++) {
        free(stage.scratch[i]);
    }
    usage_finish(&usage);
    return stage.copied;
}

static void assert_plan(const char *line, const char *wanted)
{
    (void)plan(line, wanted);
}

/* ---- the stories ---- */

Test(kv_plan, a_value_that_the_client_gives_is_not_copied)
{
    cr_assert_eq(plan("SET a v", "key 0: set \"v\" (1 bytes) fresh; [OK]"), 0); /* kv_set P1 */
}

Test(kv_plan, words_are_numbered_as_the_usage_lines_number_them)
{
    static const struct {
        const char *line;
        const char *word;
        int number;
    } cases[] = {
        {USAGE_SET, "value", SET_VALUE},
        {USAGE_SET, "milliseconds", SET_MILLISECONDS},
        {USAGE_SET, "NX", SET_NX},
        {USAGE_SET, "XX", SET_XX},
        {USAGE_SET, "GET", SET_GET},
        {USAGE_SET, "EX", SET_EX + EXPIRY_EX},
        {USAGE_SET, "seconds", SET_EX + EXPIRY_SECONDS},
        {USAGE_SET, "PX", SET_EX + EXPIRY_PX},
        {USAGE_SET, "EXAT", SET_EX + EXPIRY_EXAT},
        {USAGE_SET, "unix-time-seconds", SET_EX + EXPIRY_UNIX_SECONDS},
        {USAGE_SET, "PXAT", SET_EX + EXPIRY_PXAT},
        {USAGE_SET, "unix-time-milliseconds", SET_EX + EXPIRY_UNIX_MILLISECONDS},
        {USAGE_SET, "KEEPTTL", SET_KEEPTTL},
        {USAGE_GETEX, "EX", GETEX_EX},
        {USAGE_GETEX, "PXAT", GETEX_EX + EXPIRY_PXAT},
        {USAGE_GETEX, "PERSIST", GETEX_PERSIST},
        {USAGE_SETEX, "seconds", SETEX_SECONDS},
        {USAGE_SETEX, "value", SETEX_VALUE},
        {USAGE_MSET, "value", MSET_VALUE},
        {USAGE_GETRANGE, "end", GETRANGE_END},
        {USAGE_SETRANGE, "value", SETRANGE_VALUE},
        {USAGE_SETBIT, "value", SETBIT_VALUE},
        {USAGE_BITCOUNT, "start", BITCOUNT_START},
        {USAGE_BITCOUNT, "BIT", BITCOUNT_BIT},
        {USAGE_BITPOS, "bit", BITPOS_WANTED},
        {USAGE_BITPOS, "end", BITPOS_END},
        {USAGE_BITPOS, "BIT", BITPOS_BIT},
        {USAGE_BITOP, "NOT", BITOP_NOT},
        {USAGE_BITOP, "key", BITOP_KEY},
        {USAGE_LCS, "IDX", LCS_IDX},
        {USAGE_LCS, "length", LCS_LENGTH},
        {USAGE_LCS, "WITHMATCHLEN", LCS_WITHMATCHLEN},
    };
    struct complaint complaint;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct usage usage;
        cr_assert_eq(usage_parse(&usage, cases[i].line, &complaint), STATUS_OK, "%s", complaint.text);
        cr_assert_eq(usage_find(&usage, cases[i].word), cases[i].number, "%s of %s", cases[i].word, cases[i].line);
        usage_finish(&usage);
    }
}

Test(kv_plan, every_command_is_documented_and_its_example_fits)
{
    const struct gm_module *module = geomys_module();
    cr_assert_str_eq(module->group, "string");
    for (uint32_t i = 0; i < module->command_count; i++) {
        const struct gm_command *command = &module->commands[i];
        struct usage usage;
        struct complaint complaint;
        cr_assert_eq(usage_parse(&usage, command->usage, &complaint), STATUS_OK, "%s", complaint.text);
        cr_assert(command->summary != NULL && command->complexity != NULL && command->plan != NULL);
        cr_assert_not_null(command->example);
        cr_assert_eq(strncmp(command->usage, command->example, strcspn(command->usage, " ")), 0);
        cr_assert_eq(((command->flags & GM_READ) != 0) + ((command->flags & GM_WRITE) != 0), 1);
        usage_finish(&usage);
    }
}

Test(kv_plan, whole_values_are_one_record)
{
    assert_plan("SET n v", "key 0: set \"v\" (1 bytes) fresh; [OK]");
    assert_plan("SET c v", "key 0: set \"v\" (1 bytes) fresh; [OK]");
    assert_plan("SET o v GET EX 10", "[\"hello\"]key 0: set \"v\" (1 bytes) fresh until +10000; "); /* kv_set P2 */
    assert_plan("SET o v KEEPTTL", "[OK]key 0: set \"v\" (1 bytes) fresh keep; ");
    assert_plan("SET o v 250", "[OK]key 0: set \"v\" (1 bytes) fresh until +250; ");
    assert_plan("SET o v PXAT 1700000000001", "[OK]key 0: set \"v\" (1 bytes) fresh until +1; ");
    assert_plan("SETEX l 2 v", "key 0: set \"v\" (1 bytes) fresh until +2000; [OK]");
    assert_plan("MSET o 1 l 2", "key 0: set \"1\" (1 bytes) fresh; key 1: set \"2\" (1 bytes) fresh; [OK]");
    assert_plan("GETSET c v", "[\"41\"]key 0: set \"v\" (1 bytes) fresh; ");
    assert_plan("GETDEL o", "[\"hello\"]key 0: deleted; ");
    assert_plan("GETEX o EX 1", "[\"hello\"]key 0: until +1000; ");
    assert_plan("GETEX e PERSIST", "[\"hello\"]key 0: until +0; ");
    assert_plan("BITOP OR o o c", "key 0: set \"|ullo\" (5 bytes) fresh; [5]"); /* kv_bits P2 */
    assert_plan("BITOP AND o n", "key 0: deleted; [0]");
}

Test(kv_plan, parts_are_records_of_that_part)
{
    assert_plan("APPEND o !", "key 0: append \"!\" (1 bytes); [6]");
    assert_plan("APPEND n !", "key 0: set \"!\" (1 bytes); [1]");
    assert_plan("APPEND n _", "key 0: set \"\" (0 bytes); [0]");
    assert_plan("SETRANGE o 3 p!", "key 0: patch at 3 \"p!\" (2 bytes); [5]");
    assert_plan("SETBIT o 4294967295 1", "key 0: bit 4294967295 = 1; [0]"); /* kv_bits P1 */
    assert_plan("SETBIT n 9 0", "key 0: bit 9 = 0; [0]");
    assert_plan("SETBIT o 40 0", "key 0: bit 40 = 0; [0]");
    assert_plan("BITFIELD o SET u8 #0 74", "[array 1][104]key 0: patch at 0 \"J\" (1 bytes); ");
    assert_plan("BITFIELD o SET u8 #0 74 SET u8 #4 33", "[array 2][104][111]key 0: patch at 0 \"Jell!\" (5 bytes); ");
    assert_plan("BITFIELD o SET u8 #0 74 SET u8 #20 33",
                /* kv_bitfield P1: changed bytes only */
                "[array 2][104][0]key 0: patch at 0 \"J\" (1 bytes); key 0: patch at 20 \"!\" (1 bytes); ");
    assert_plan("BITFIELD o SET u8 #20 0", "[array 1][0]key 0: patch at 21 \"\" (0 bytes); ");
    assert_plan("BITFIELD o SET u8 #5 33 SET u8 #6 0",
                "[array 2][0][0]key 0: patch at 5 \"!\" (1 bytes); key 0: patch at 7 \"\" (0 bytes); ");
    assert_plan("BITFIELD o SET u8 #0 74 SET u8 #20 0",
                "[array 2][104][0]key 0: patch at 0 \"J\" (1 bytes); key 0: patch at 21 \"\" (0 bytes); ");
}

Test(kv_plan, a_scalar_becomes_a_string_before_its_parts_change)
{
    assert_plan("APPEND c !", "key 0: set \"41\" (2 bytes) fresh keep; key 0: append \"!\" (1 bytes); [3]");
    assert_plan("SETRANGE c 0 5", "key 0: set \"41\" (2 bytes) fresh keep; key 0: patch at 0 \"5\" (1 bytes); [2]");
    assert_plan("SETBIT c 7 1", "key 0: set \"41\" (2 bytes) fresh keep; key 0: bit 7 = 1; [0]");
    assert_plan("BITFIELD c SET u8 0 53 SET u8 640 1",
                "[array 2][52][0]key 0: set \"41\" (2 bytes) fresh keep; key 0: patch at 0 \"5\" (1 bytes); "
                "key 0: patch at 80 \"\\x01\" (1 bytes); ");
}

Test(kv_plan, what_changes_nothing_emits_nothing)
{
    assert_plan("SET o v NX", "[null]");
    assert_plan("SET n v XX GET", "key 0: missed; [null]");
    assert_plan("SET l v GET", "[" KV_ERROR_TYPE "]");
    assert_plan("SET o v EX 0", "[ERR invalid expire time in 'set' command]");
    assert_plan("SET o v 10 KEEPTTL", "[ERR syntax error]");
    assert_plan("SETNX l v", "[0]");
    assert_plan("MSETNX n 1 l 2", "[0]");
    assert_plan("GETDEL n", "key 0: missed; [null]");
    assert_plan("GETEX n EX 1", "key 0: missed; [null]");
    assert_plan("GETEX o", "[\"hello\"]");
    assert_plan("GETEX o PERSIST", "[\"hello\"]");
    assert_plan("GETEX e PXAT 1700000060000", "[\"hello\"]");
    assert_plan("APPEND o _", "[5]");
    assert_plan("APPEND c _", "[2]");
    assert_plan("SETRANGE o 1 ell", "[5]"); /* kv_range P2 */
    assert_plan("SETRANGE n 7 _", "[0]");
    assert_plan("SETRANGE c 0 41", "[2]");
    assert_plan("SETBIT o 1 1", "[1]");
    assert_plan("BITFIELD o SET u8 0 104 GET u8 8", "[array 2][104][101]"); /* kv_bitfield P2 */
    assert_plan("BITFIELD c SET u8 0 52 INCRBY u8 8 0", "[array 2][52][49]");
    assert_plan("BITFIELD o OVERFLOW FAIL INCRBY i8 0 1000", "[array 1][null]");
    assert_plan("BITOP AND n n", "[0]");
}

Test(kv_plan, nothing_is_emitted_above_the_greatest_size)
{
    assert_plan("SETRANGE o 536870911 ab", "[" KV_ERROR_SIZE "]"); /* kv_range P1 */
    assert_plan("SETRANGE o 536870911 a", "key 0: patch at 536870911 \"a\" (1 bytes); [536870912]");
    assert_plan("SETRANGE o 9223372036854775807 a", "[" KV_ERROR_SIZE "]");
    assert_plan("BITFIELD o SET u8 4294967289 1", "[" KV_ERROR_SIZE "]");
    assert_plan("BITFIELD o SET u8 4294967288 1", "[array 1][0]key 0: patch at 536870911 \"\\x01\" (1 bytes); ");
}

/* ---- records of bytes that are larger than one may be ---- */

struct measure {
    struct gm_call call;
    uint64_t next; /* offset at which the next record must begin */
    unsigned records;
};

static void measure_patch(struct gm_call *call, const struct gm_emission *emission)
{
    struct measure *measure = container_of(call, struct measure, call);
    uint64_t size = 0;
    for (uint32_t i = 0; i < emission->part_count; i++) {
        size += emission->parts[i].size;
    }
    cr_expect_leq(emission->body.size + size, GM_VALUE_SIZE_MAX);
    cr_expect_eq(gm_load_u64(emission->body.data), measure->next);
    measure->next += size;
    measure->records++;
}

Test(kv, bytes_as_large_as_a_value_may_be_are_more_than_one_record)
{
    static const struct gm_call_ops measuring = {.size = sizeof measuring, .emit = measure_patch};
    struct measure measure = {.call = {.ops = &measuring}};
    uint8_t *bytes = mmap(NULL, GM_VALUE_SIZE_MAX, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                          0); /* never touched */
    cr_assert_neq(bytes, MAP_FAILED);
    kv_plan_patch(&measure.call, 0, 0, (struct gm_bytes){bytes, GM_VALUE_SIZE_MAX});
    cr_expect_eq(measure.next, GM_VALUE_SIZE_MAX);
    cr_expect_eq(measure.records, 2);
    (void)munmap(bytes, GM_VALUE_SIZE_MAX);
}
