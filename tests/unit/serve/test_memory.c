/* SPDX-License-Identifier: MIT */

/* test_memory.c - the memory that a command takes: what plan is lent and what apply allocates have ceilings, and beyond
 * them the command is refused rather than the heap overrun or the process ended. */
#include <criterion/criterion.h>

#include "command/cmd_entry.h"
#include "geomys/codec.h"
#include "geomys/module.h"
#include "serve/call.h"
#include "shard/digest.h"
#include "support/shard_fixture.h"

#define MIB ((size_t)1024 * 1024)

/* ---- a type whose values are allocations of a size that its record names ---- */

enum { OP_ALLOC = 1, OP_REALLOC = 2, OP_TEXT = 3 };

struct block {
    uint64_t held;
    uint8_t first;
};

static struct block *block_of(const struct gm_cell *cell)
{
    return cell->form == GM_WORD ? (struct block *)(uintptr_t)cell->word : NULL;
}

static int apply_block(struct gm_apply *apply, const struct gm_record *record)
{
    uint64_t size;
    if (record->op == OP_TEXT) {
        uint8_t *data = gm_resize(apply, record->body.size);
        if (record->body.size > 0) {
            memcpy(data, record->body.data, record->body.size);
        }
        return GM_OK;
    }
    struct block *old = block_of(&apply->cell);
    memcpy(&size, record->body.data, sizeof size);
    uint64_t sum = old != NULL ? old->held : 0;
    uint64_t before = sum;
    struct block *block =
        record->op == OP_ALLOC ? gm_alloc_counted(apply, size, &sum) : gm_realloc_counted(apply, old, size, &sum);
    if (block == NULL) {
        cr_assert_eq(sum, before);
        return GM_CORRUPT;
    }
    if (record->op == OP_ALLOC) {
        gm_release_counted(apply, old, &sum);
        cr_assert_eq(((const uint8_t *)block)[size - 1], 0);
    }
    block->held = sum;
    cr_assert_geq(block->held, size);
    cr_assert_eq(block->held, gm_held(apply, block));
    gm_set_word(apply, (uint64_t)(uintptr_t)block);
    return GM_OK;
}

static void free_block(struct gm_apply *apply)
{
    gm_release(apply, block_of(&apply->cell));
}

/* What the type says that each of its values takes, 0: the truth. */
static uint64_t lie;

static uint64_t memory_block(const struct gm_cell *cell)
{
    const struct block *block = block_of(cell);
    return lie != 0 ? lie : block != NULL ? block->held : 0;
}

static uint64_t dump_block(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    (void)cursor;
    uint64_t size = 64;
    gm_dump(sink, OP_ALLOC, (struct gm_bytes){(const uint8_t *)&size, sizeof size});
    (void)cell;
    return 0;
}

static const struct gm_type block_type = {.size = sizeof block_type,
                                          .id = "test.block/1",
                                          .name = "block",
                                          .apply = apply_block,
                                          .dump = dump_block,
                                          .free = free_block,
                                          .memory = memory_block};

/* ---- commands ---- */

static void put_size(struct gm_call *call, uint16_t op, uint64_t size)
{
    gm_emit(call, &GM_EMISSION(.op = op, .body = {(const uint8_t *)&size, sizeof size}));
}

/* SCRATCH key size: its first and its last byte are written; with RAW they are not asked to be zero. */
static void plan_scratch(struct gm_call *call)
{
    size_t size = (size_t)gm_arg(call, 1)->integer;
    bool raw = gm_given(call, 2);
    uint8_t *memory = raw ? gm_scratch_raw(call, size) : gm_scratch(call, size);
    put_size(call, OP_ALLOC, 64);
    if (memory == NULL) {
        gm_reply_status(call, "OK"); /* the host knows better */
        return;
    }
    cr_assert_eq((uintptr_t)memory % 16, 0);
    cr_assert(raw || (memory[0] == 0 && memory[size - 1] == 0));
    memory[0] = 1;
    memory[size - 1] = 2;
    gm_reply_int(call, memory[0] + memory[size - 1]);
}

/* SCRATCHES key size count: how many of them were given. */
static void plan_scratches(struct gm_call *call)
{
    int64_t given = 0;
    for (int64_t i = 0; i < gm_arg(call, 2)->integer; i++) {
        given += gm_scratch_raw(call, (size_t)gm_arg(call, 1)->integer) != NULL;
    }
    gm_reply_int(call, given);
}

/* LENT key: whether somebody has been lent much who has not given it back. */
static void plan_lent(struct gm_call *call)
{
    put_size(call, OP_ALLOC, 64);
    gm_reply_int(call, call_of(call)->worker->arena.blocks != NULL);
}

/* TAKE key from: as if its record carried what `from` holds. */
static void plan_take(struct gm_call *call)
{
    put_size(call, OP_ALLOC, 64);
    gm_reply_status(call, "OK");
}

/* ALLOC key size, REALLOC key size */
static void plan_alloc(struct gm_call *call)
{
    put_size(call, OP_ALLOC, (uint64_t)gm_arg(call, 1)->integer);
    gm_reply_status(call, "OK");
}

static void plan_realloc(struct gm_call *call)
{
    put_size(call, OP_REALLOC, (uint64_t)gm_arg(call, 1)->integer);
    gm_reply_status(call, "OK");
}

/* EMIT key size count: records with bodies that the host copies. */
static void plan_emit(struct gm_call *call)
{
    size_t size = (size_t)gm_arg(call, 1)->integer;
    uint8_t *body = gm_scratch_raw(call, size);
    for (int64_t i = 0; i < gm_arg(call, 2)->integer; i++) {
        gm_emit(call, &GM_EMISSION(.op = OP_TEXT, .flags = GM_FRESH, .body = {body, size}));
    }
    gm_reply_status(call, "OK");
}

/* AFFORD key bytes...: asks for one after the other, and goes on whatever the answer is. */
static void plan_afford(struct gm_call *call)
{
    int64_t granted = 0;
    for (uint32_t i = 0; i < gm_arg(call, 1)->count; i++) {
        struct gm_bytes word = gm_arg_at(call, 1, i);
        int64_t bytes = 0;
        cr_assert(bytes_to_int(word, &bytes));
        granted += gm_afford(call, (uint64_t)bytes);
    }
    put_size(call, OP_ALLOC, 64);
    gm_reply_int(call, granted);
}

/* ---- bytes that the host keeps ---- */

/* What is there becomes 0xff, and then it has the size of the body, which need not write what is new. */
static int apply_zeros(struct gm_apply *apply, const struct gm_record *record)
{
    if (apply->cell.size > 0) {
        memset(apply->cell.data, 0xff, apply->cell.size);
    }
    (void)gm_resize(apply, (size_t)gm_load_u64(record->body.data));
    return GM_OK;
}

static uint64_t dump_zeros(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    (void)cell, (void)cursor, (void)sink;
    return GM_DUMP_REFUSED;
}

static const struct gm_type zeros_type = {
    .size = sizeof zeros_type, .id = "test.zeros/1", .name = "zeros", .apply = apply_zeros, .dump = dump_zeros};

/* ZEROS key size... */
static void plan_zeros(struct gm_call *call)
{
    for (uint32_t i = 0; i < gm_arg(call, 1)->count; i++) {
        int64_t size = 0;
        cr_assert(bytes_to_int(gm_arg_at(call, 1, i), &size));
        put_size(call, 1, (uint64_t)size);
    }
    gm_reply_status(call, "OK");
}

/* SUM key: of its bytes. */
static void plan_sum(struct gm_call *call)
{
    const struct gm_cell *cell = &gm_key(call, 0)->cell;
    int64_t sum = 0;
    for (size_t i = 0; i < cell->size; i++) {
        sum += cell->data[i];
    }
    gm_reply_int(call, sum);
}

#define COMMAND(line, function)                                                                                        \
    {                                                                                                                  \
        .size = sizeof(struct gm_command), .usage = line, .flags = GM_WRITE | GM_GROWS, .type = &block_type,           \
        .plan = function, .summary = "For the test.", .complexity = "O(1)"                                             \
    }

static const struct gm_command commands[] = {
    COMMAND("SCRATCH key size:int [RAW]", plan_scratch),
    COMMAND("SCRATCHES key size:int count:int", plan_scratches),
    COMMAND("ALLOC key size:int", plan_alloc),
    COMMAND("REALLOC key size:int", plan_realloc),
    COMMAND("EMIT key size:int count:int", plan_emit),
    COMMAND("AFFORD key bytes...", plan_afford),
    COMMAND("LENT key", plan_lent),
    COMMAND("TAKE key from:rkey", plan_take),
    {.size = sizeof(struct gm_command),
     .usage = "ZEROS key size...",
     .flags = GM_WRITE | GM_GROWS,
     .type = &zeros_type,
     .plan = plan_zeros,
     .summary = "For the test.",
     .complexity = "O(1)"},
    {.size = sizeof(struct gm_command),
     .usage = "SUM key",
     .flags = GM_READ,
     .type = &zeros_type,
     .plan = plan_sum,
     .summary = "For the test.",
     .complexity = "O(n)"},
};

static const struct gm_type *const types[] = {&block_type, &zeros_type};

static const struct gm_module module = {.size = sizeof module,
                                        .abi_major = GM_ABI_MAJOR,
                                        .abi_minor = GM_ABI_MINOR,
                                        .name = "test.memory",
                                        .version = "1.0.0",
                                        .summary = "Takes much.",
                                        .types = types,
                                        .type_count = 2,
                                        .commands = commands,
                                        .command_count = sizeof commands / sizeof commands[0]};

#define OPTIONS (&(struct shard_fixture_options){.module = &module})

/* ---- what plan is lent ---- */

Test(memory, what_plan_is_lent_is_never_less_than_it_has_asked_for)
{
    struct shard_fixture at;
    shard_fixture_open(&at, OPTIONS);
    expect_said(&at, 0, ":3", "SCRATCH k 1000");
    expect_said(&at, 0, ":3", "SCRATCH k %zu", GM_VALUE_SIZE_MAX + 65536);
    expect_said(&at, 0, ":3", "SCRATCH k %zu RAW", GM_SCRATCH_MAX);
    shard_fixture_close(&at);
}

/* exec I3 */
Test(memory, beyond_the_ceiling_it_is_null_and_the_command_is_refused)
{
    struct shard_fixture at;
    shard_fixture_open(&at, OPTIONS);
    expect_begins(&at, 0, "-OOM this command needs more than 1 GiB", "SCRATCH k %zu", GM_SCRATCH_MAX + 1);
    expect_begins(&at, 0, "-OOM this command needs more than 1 GiB", "SCRATCH k %zu RAW", (size_t)1 << 45);
    expect_begins(&at, 0, "-OOM this command needs more than 1 GiB", "SCRATCH k -1");
    expect_said(&at, 0, ":0", "EXISTS k");
    expect_records(&at, "");
    expect_said(&at, 0, ":1024", "SCRATCHES k %zu 1024", MIB);
    expect_begins(&at, 0, "-OOM this command needs more than 1 GiB", "SCRATCHES k %zu 1025", MIB);
    expect_said(&at, 0, ":3", "SCRATCH k 8");
    shard_fixture_close(&at);
}

/* exec I4 */
Test(memory, within_a_transaction_each_command_gives_it_back)
{
    struct shard_fixture at;
    shard_fixture_open(&at, OPTIONS);
    expect_said(&at, 0, "OK", "MULTI");
    for (int i = 0; i < 3; i++) {
        expect_said(&at, 0, "QUEUED", "SCRATCH k %zu RAW", GM_SCRATCH_MAX);
        expect_said(&at, 0, "QUEUED", "SCRATCH k 1000");
    }
    expect_said(&at, 0, "[:3 :3 :3 :3 :3 :3]", "EXEC");
    cr_expect_null(at.worker.arena.blocks);
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "SCRATCH k %zu RAW", GM_SCRATCH_MAX);
    expect_said(&at, 0, "QUEUED", "LENT k");
    expect_said(&at, 0, "[:3 :0]", "EXEC");
    shard_fixture_close(&at);
}

/* What gm_resize promises. */
Test(memory, what_a_value_grows_by_is_zero)
{
    struct shard_fixture at;
    shard_fixture_open(&at, OPTIONS);
    expect_said(&at, 0, "OK", "ZEROS k 7 3 500 20 4000");
    expect_said(&at, 0, ":5100", "SUM k");
    expect_said(&at, 0, "OK", "ZEROS k 100000 50 300");
    expect_said(&at, 0, ":12750", "SUM k");
    shard_fixture_close(&at);
}

/* host_emit P3 */
Test(memory, what_the_log_cannot_take_is_not_copied_first)
{
    struct shard_fixture at;
    shard_fixture_open(&at, OPTIONS);
    expect_said(&at, 0, "OK", "EMIT k 1000 3");
    at.shard.tail.batch_max = 4 * MIB;
    expect_begins(&at, 0, "-ERR the records of this command or transaction are larger", "EMIT k %zu 100000", MIB);
    expect_begins(&at, 0, "-ERR the records of this command or transaction are larger", "EMIT k 10 1000000");
    expect_said(&at, 0, "OK", "EMIT k 1001 3");
    shard_fixture_close(&at);
}

/* ---- what apply allocates ---- */

Test(memory, an_allocation_has_a_ceiling_that_is_the_same_everywhere)
{
    struct shard_fixture at, copy;
    shard_fixture_open(&at, OPTIONS);
    shard_fixture_open(&copy, &(struct shard_fixture_options){.module = &module, .seed = 5});
    expect_said(&at, 0, "OK", "ALLOC k %zu", MIB);
    expect_said(&at, 0, "OK", "REALLOC k %zu", 2 * MIB);
    expect_said(&at, 0, "OK", "ALLOC k %zu", 3 * MIB);
    expect_said(&at, 0, "OK", "REALLOC k %zu", MIB);
    expect_said(&at, 0, "OK", "REALLOC other 1000");
    expect_begins(&at, 0, "-DAMAGED the module test.memory", "ALLOC big %zu", (size_t)32 << 40);
    expect_begins(&at, 0, "-DAMAGED the module test.memory", "REALLOC k %zu", GM_ALLOC_MAX + 1);
    shard_fixture_replay(&at, &copy);
    cr_expect_eq(databases_frozen(&copy.shard.databases).damaged, databases_frozen(&at.shard.databases).damaged);
    cr_expect_eq(databases_frozen(&copy.shard.databases).damaged, 2);
    shard_fixture_close(&copy);
    shard_fixture_close(&at);
}

/* ---- what is known to be needed ---- */

#define OOM "-OOM command not allowed when used memory > 'maxmemory'."

static void open_with(struct shard_fixture *at, size_t limit, enum evict_policy policy)
{
    shard_fixture_open(
        at, &(struct shard_fixture_options){.module = &module, .memory = {.limit = limit, .policy = policy}});
}

/* evict I4 */
Test(memory, what_a_plan_asks_for_is_summed_up_and_compared_with_the_limit)
{
    struct shard_fixture at;
    open_with(&at, 8 * MIB, EVICT_NONE);
    expect_said(&at, 0, ":3", "AFFORD k 0 %zu %zu", MIB, 2 * MIB);
    expect_said(&at, 0, OOM, "AFFORD k %zu", 8 * MIB);
    expect_said(&at, 0, OOM, "AFFORD k %zu %zu", 4 * MIB, 5 * MIB);
    expect_said(&at, 0, OOM, "AFFORD k -1 -1");
    expect_said(&at, 0, ":1", "EXISTS k");
    shard_fixture_close(&at);
    shard_fixture_open(&at, OPTIONS); /* no limit: only the system's */
    expect_said(&at, 0, ":1", "AFFORD k %zu", 8 * MIB);
    expect_begins(&at, 0, "-OOM the system has no memory for what this command needs", "AFFORD k %zu", (size_t)1 << 60);
    expect_begins(&at, 0, "-OOM the system has no memory for what this command needs", "AFFORD k -1 -1");
    shard_fixture_close(&at);
}

/* All of them add what stands in a number, or in another value. */
Test(memory, commands_that_add_much_are_refused_before_they_do)
{
    static const char *const large[] = {"SETRANGE a 9000000 x",
                                        "SETBIT a 72000000 1",
                                        "BITFIELD a SET u8 72000000 1",
                                        "BITFIELD a INCRBY u8 #9000000 1",
                                        "BITOP NOT a half",
                                        "COPY half a",
                                        "SETRANGE half 9000000 x",
                                        "BITOP OR a half n"};
    struct shard_fixture at;
    open_with(&at, 8 * MIB, EVICT_NONE);
    expect_said(&at, 0, ":5000000", "SETRANGE half 4999999 x");
    expect_said(&at, 0, ":1", "INCR n");
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        expect_said(&at, 0, OOM, "%s", large[i]);
    }
    expect_said(&at, 0, ":0", "EXISTS a");
    expect_said(&at, 0, ":5000000", "STRLEN half");
    /* what adds nothing goes on */
    expect_said(&at, 0, ":5000000", "SETRANGE half 10 y");
    expect_said(&at, 0, ":5000000", "BITOP NOT half half");
    expect_said(&at, 0, ":1", "SETBIT half 4000000 0");
    expect_said(&at, 0, ":5000003", "APPEND half abc");
    shard_fixture_close(&at);
}

Test(memory, append_is_refused_too)
{
    struct shard_fixture at;
    open_with(&at, 2 * MIB, EVICT_NONE);
    expect_said(&at, 0, ":1500000", "SETRANGE a 1499999 x");
    expect_said(&at, 0, ":1500001", "APPEND a x");
    at.shard.options.memory.limit = at.shard.evict.options.limit = ledger_memory(&at.shard.databases.ledger) + 2;
    expect_said(&at, 0, OOM, "APPEND a xyz");
    expect_said(&at, 0, ":1500003", "APPEND a xy");
    shard_fixture_close(&at);
}

/* evict I4 */
Test(memory, a_transaction_is_measured_with_what_it_has_added)
{
    struct shard_fixture at;
    open_with(&at, 100 * MIB, EVICT_NONE);
    expect_said(&at, 0, "OK", "MULTI");
    for (int i = 0; i < 6; i++) {
        expect_said(&at, 0, "QUEUED", "SETRANGE k%d 536870911 x", i);
    }
    expect_said(&at, 0, "[" OOM " " OOM " " OOM " " OOM " " OOM " " OOM "]", "EXEC");
    expect_said(&at, 0, ":0", "DBSIZE");
    cr_expect_lt(ledger_memory(&at.shard.databases.ledger), MIB);
    /* what fits is carried out */
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "SETRANGE a %zu x", 60 * MIB - 1);
    expect_said(&at, 0, "QUEUED", "SETRANGE b %zu x", 60 * MIB - 1);
    expect_said(&at, 0, "QUEUED", "GET c");
    expect_said(&at, 0, "[:62914560 " OOM " nil]", "EXEC");
    shard_fixture_close(&at);
}

/* evict I4 */
Test(memory, what_can_be_evicted_stands_in_no_transactions_way)
{
    struct shard_fixture at;
    open_with(&at, 8 * MIB, EVICT_ALL_RECENCY);
    expect_said(&at, 0, ":5000000", "SETRANGE old 4999999 x");
    expect_said(&at, 0, OOM, "SETRANGE large 8500000 x");
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "SETRANGE a 4999999 x");
    expect_said(&at, 0, "QUEUED", "SETRANGE b 4999999 x");
    expect_said(&at, 0, "[:5000000 " OOM "]", "EXEC");
    shard_fixture_pass(&at, 0);
    cr_expect_leq(ledger_memory(&at.shard.databases.ledger), 8 * MIB);
    expect_said(&at, 0, ":1", "DBSIZE");
    shard_fixture_close(&at);
}

/* evict I4 */
Test(memory, a_batch_passes_the_limit_by_little_however_many_commands_it_has)
{
    for (enum evict_policy policy = EVICT_NONE; policy <= EVICT_ALL_RECENCY; policy++) {
        struct shard_fixture at;
        open_with(&at, 2 * MIB, policy);
        expect_said(&at, 0, "OK", "MULTI");
        for (int i = 0; i < 60; i++) {
            expect_said(&at, 0, "QUEUED", "EMIT k%d 100000 1", i);
        }
        expect_said(&at, 0, "QUEUED", "DEL k0");
        const char *said = shard_fixture_say(&at, 0, "EXEC");
        cr_expect(strncmp(said, "[OK OK OK", 9) == 0 && strstr(said, OOM " :1]") != NULL, "%s", said);
        cr_expect_leq(ledger_memory(&at.shard.databases.ledger), 2 * MIB + EVICT_BATCH_SLACK + 200000);
        shard_fixture_close(&at);
    }
}

/* ---- transactions that are too large for one batch ---- */

#define TOO_LARGE "-EXECABORT Transaction discarded because of: its records would be larger than what one batch"

static void queue(struct shard_fixture *at, const char *const *lines)
{
    expect_said(at, 0, "OK", "MULTI");
    for (; *lines != NULL; lines++) {
        expect_said(at, 0, "QUEUED", "%s", *lines);
    }
}

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* cmd_transaction I4 */
Test(memory, a_transaction_that_copies_too_much_is_refused_as_a_whole)
{
    struct shard_fixture at;
    shard_fixture_open(&at, OPTIONS);
    at.shard.tail.batch_max = 100000;
    expect_said(&at, 0, ":40000", "SETRANGE big 39999 x");
    (void)shard_fixture_records(&at);
    uint64_t digest = digest_shard(&at.shard);
    queue(&at, LINES("SET a 1", "BITOP NOT b big", "BITOP NOT c big", "BITOP NOT d big"));
    expect_begins(&at, 0, TOO_LARGE, "EXEC");
    queue(&at,
          LINES("COPY big b", "BITOP NOT c b", "BITOP NOT d c", "BITOP NOT e d")); /* each what the last has made */
    expect_begins(&at, 0, TOO_LARGE, "EXEC");
    queue(&at, LINES("BITOP NOT b big", "RENAME b c", "BITOP OR d c big", "BITOP NOT e d"));
    expect_begins(&at, 0, TOO_LARGE, "EXEC");
    expect_records(&at, "");
    static const char *const far[] = {"SETRANGE far 39999 x", "SETBIT far 319999 1", "BITFIELD far SET u8 #39999 1",
                                      "BITFIELD far GET u8 0 INCRBY i16 319990 1"};
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) { /* a few bytes, which make it large */
        queue(&at, LINES(far[i], "BITOP NOT b far", "BITOP NOT c far", "BITOP NOT d b"));
        expect_begins(&at, 0, TOO_LARGE, "EXEC");
    }
    expect_records(&at, "");
    cr_expect_eq(digest_shard(&at.shard), digest);
    queue(&at, LINES("BITFIELD far GET u8 #39999", "INCRBY far 39999", "BITOP NOT b far", "BITOP NOT c far",
                     "BITOP NOT d b", "DEL far b c d"));
    expect_said(&at, 0, "[[:0] :39999 :5 :5 :5 :4]", "EXEC");
    queue(&at, LINES("COPY big b", "COPY big c", "COPY c d", "COPY d e", "DEL b c d e")); /* records of a few bytes */
    expect_said(&at, 0, "[:1 :1 :1 :1 :4]", "EXEC");
    /* it is over, and what fits is carried out */
    expect_begins(&at, 0, "-ERR EXEC without MULTI", "EXEC");
    queue(&at, LINES("SET a 1", "COPY big b", "COPY big c", "GET a"));
    expect_said(&at, 0, "[OK :1 :1 \"1\"]", "EXEC");
    queue(&at, LINES("BITOP OR d big b c", "BITOP NOT e big")); /* of three that are read the largest counts */
    expect_said(&at, 0, "[:40000 :40000]", "EXEC");
    shard_fixture_close(&at);
}

/* A type whose sizes are not true costs nobody but its own values: what it says is believed up to what a value can be,
 * and sums of it end where numbers do. */
Test(memory, a_type_that_lies_about_sizes)
{
    static const uint64_t lies[] = {UINT64_MAX, UINT64_MAX - 100, (uint64_t)INT64_MAX, (uint64_t)1 << 45};
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct shard_fixture at;
        shard_fixture_open(&at, OPTIONS);
        lie = lies[i];
        expect_said(&at, 0, "OK", "ALLOC k 100");
        uint64_t said =
            cmd_entry_memory(&at.shard, databases_see(&at.shard.databases, 0), shard_fixture_entry(&at, "k"));
        cr_expect(said > (uint64_t)1 << 40 && said < (uint64_t)1 << 41, "%llu", (unsigned long long)said);
        queue(&at, LINES("SET a 1", "TAKE b k", "TAKE c b"));
        expect_begins(&at, 0, TOO_LARGE, "EXEC");
        expect_begins(&at, 0, "-OOM the system has no memory", "COPY k b");
        lie = 1;
        expect_said(&at, 0, ":1", "COPY k b");
        queue(&at, LINES("SET a 1", "TAKE c k", "TAKE d b"));
        expect_said(&at, 0, "[OK OK OK]", "EXEC");
        shard_fixture_close(&at);
    }
}

/* What nobody could know is refused when it comes (commit.c), and the log's end holds. */
Test(memory, what_is_only_known_within_the_transaction_is_refused_by_itself)
{
    struct shard_fixture at, copy;
    shard_fixture_open(&at, OPTIONS);
    shard_fixture_open(&copy, &(struct shard_fixture_options){.module = &module, .seed = 5});
    at.shard.tail.batch_max = 100000;
    for (int i = 0; i < 3; i++) {
        (void)shard_fixture_say(&at, 0, "RPUSH list %040000d", i);
    }
    queue(&at, LINES("LMOVE list a LEFT LEFT", "LMOVE list b LEFT LEFT", "LMOVE list c LEFT LEFT", "SET z 1"));
    const char *said = shard_fixture_say(&at, 0, "EXEC");
    cr_expect_not_null(strstr(said,
                              "1\" -ERR the records of this command or transaction are larger than 1 GiB: nothing was "
                              "changed by it OK]"));
    expect_said(&at, 0, ":1", "LLEN list");
    expect_said(&at, 0, ":0", "EXISTS c");
    shard_fixture_replay(&at, &copy);
    cr_expect_eq(digest_shard(&copy.shard), digest_shard(&at.shard));
    shard_fixture_close(&copy);
    shard_fixture_close(&at);
}

/* admit.c: the record that removes a key is one of the batch, too, and nobody has asked whether it has room. */
Test(memory, a_key_that_expires_in_a_full_batch_is_refused)
{
    char name[300];
    unsigned refused = 0, taken = 0;
    memset(name, 'k', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (size_t room = 3800; room < 6000; room += 40) { /* for four elements, and more or less of the name */
        struct shard_fixture at;
        shard_fixture_open(&at, OPTIONS);
        expect_said(&at, 0, "OK", "SET %s v PX 100", name);
        for (int i = 0; i < 4; i++) {
            (void)shard_fixture_say(&at, 0, "RPUSH list %01000d", i);
        }
        expect_said(&at, 0, "OK", "MULTI");
        for (int i = 0; i < 4; i++) {
            expect_said(&at, 0, "QUEUED", "LMOVE list a%d LEFT LEFT", i);
        }
        expect_said(&at, 0, "QUEUED", "GET %s", name);
        shard_fixture_jump(&at, at.now_ms + 100);
        at.shard.tail.batch_max = room;
        const char *said = shard_fixture_say(&at, 0, "EXEC");
        refused += strstr(said, "3\" -ERR the records of") != NULL;
        taken += strstr(said, "3\" nil]") != NULL;
        expect_said(&at, 0, "nil", "GET %s", name);
        shard_fixture_close(&at);
    }
    cr_expect(refused > 0 && taken > 0, "%u refused, %u taken", refused, taken);
}
