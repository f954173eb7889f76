/* SPDX-License-Identifier: MIT */

/* test_cmd.c - the host's own commands on one shard, as a client sees them: what the stories cannot bring about
 * (frozen and damaged values, a password, a clock that jumps, many keys, a transaction that would be too much). */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/glob.h"
#include "base/memory.h"
#include "command/commands.h"
#include "geomys/ext/wait.h"
#include "module/usage/usage.h"
#include "module/usage/usage_random.h"
#include "serve/call.h"
#include "serve/hold.h"
#include "serve/pipeline.h"
#include "serve/sessions.h"
#include "serve/turn.h"
#include "shard/apply.h"
#include "shard/dump.h"
#include "support/seed.h"

const struct gm_module *geomys_module_kv(void);
const struct gm_module *geomys_module_counter(void);
const struct gm_module *geomys_module_deque(void);

/* ---- a shard with sessions ---- */

struct world {
    const struct registry *registry;
    struct shard shard;
    struct worker worker;
    struct session *session;
    struct session *other;
};

static const struct registry *make_registry(bool with_modules)
{
    static const struct registry_interface interfaces[] = {{GM_WAIT_2, &host_wait_2}};
    uint32_t count;
    const struct gm_module *const *own = commands_all(&count);
    const struct gm_module *loaded[] = {geomys_module_kv(), geomys_module_counter(), geomys_module_deque()};
    const struct registry *registry = registry_create(interfaces, 1);
    struct complaint complaint;
    for (uint32_t i = 0; i < count; i++) {
        cr_assert_eq(registry_add(&registry, own[i], NULL, &complaint), STATUS_OK, "%s", complaint.text);
    }
    for (size_t i = 0; with_modules && i < sizeof loaded / sizeof loaded[0]; i++) {
        cr_assert_eq(registry_add(&registry, loaded[i], "x.so", &complaint), STATUS_OK, "%s", complaint.text);
    }
    return registry;
}

static void open_world(struct world *world, bool with_modules, const char *password)
{
    *world = (struct world){.registry = make_registry(with_modules)};
    struct shard_options shard_options = {.seed = 7};
    struct worker_options options = {
        .limits = {.args_max = 1024 * 1024, .bulk_max = 1 << 20, .query_max = 1 << 26},
        .output_max = 1 << 26,
        .push_max = 1 << 26,
        .queue_max = 1 << 20,
    };
    (void)snprintf(options.password, sizeof options.password, "%s", password != NULL ? password : "");
    shard_init(&world->shard, world->registry, &shard_options, &(struct gm_secret){{(uint8_t)shard_options.seed, 1}});
    shard_become(&world->shard, SHARD_ALONE);
    worker_init(&world->worker, &world->shard, &host_call_ops, NULL, &options);
    turn_begin(&world->worker, 1000000, 5000);
    world->session = sessions_open(&world->worker, 1);
    world->other = sessions_open(&world->worker, 2);
}

static void close_world(struct world *world)
{
    sessions_close(world->session);
    sessions_close(world->other);
    worker_finish(&world->worker);
    shard_finish(&world->shard);
    registry_release(world->registry);
}

/* The log has all that was written: the client hears its answers. */
static void let_go(struct session *session, size_t size)
{
    uint64_t last = session->worker->shard->tail.last_sequence;
    gate_release(&session->worker->shard->gate, last, last);
    cr_assert_eq(session_releasable(session), size);
    session_sent(session, size);
}

/* Sends the line, an inline command, and returns the raw answer, which lives until the next call. */
__attribute__((format(printf, 2, 3))) static const char *ask(struct session *session, const char *format, ...)
{
    static char line[70000];
    static char answer[4 * 1024 * 1024];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line, sizeof line - 2, format, args);
    va_end(args);
    memcpy(line + size, "\r\n", 3);
    size_t wants;
    size_t consumed = pipeline_input(session, (const uint8_t *)line, (size_t)size + 2, &wants);
    if (hold_is_held(session)) { /* a password, after wrong ones */
        turn_begin(session->worker, session->worker->now_ms + 1000, session->worker->monotonic_ms + 1000);
        consumed = pipeline_input(session, (const uint8_t *)line, (size_t)size + 2, &wants);
    }
    cr_assert_eq(consumed, (size_t)size + 2, "%s", line);
    size_t out = session->out.size - session->sent;
    cr_assert_lt(out, sizeof answer);
    memcpy(answer, session->out.data + session->sent, out);
    answer[out] = '\0';
    let_go(session, out);
    return answer;
}

#define expect(session, answer, ...) cr_expect_str_eq(ask((session), __VA_ARGS__), answer)
#define expect_has(session, part, ...)                                                                                 \
    do {                                                                                                               \
        const char *answered = ask((session), __VA_ARGS__);                                                            \
        cr_expect(strstr(answered, part) != NULL, "'%s' is not in %s", part, answered);                                \
    } while (0)

/* ---- passwords ---- */

Test(cmd, nothing_is_answered_before_the_password)
{
    struct world world;
    open_world(&world, true, "secret");
    struct session *session = world.session;
    expect(session, "-NOAUTH Authentication required.\r\n", "GET a");
    expect(session, "-NOAUTH Authentication required.\r\n", "PING");
    expect(session, "-NOAUTH Authentication required.\r\n", "COMMAND COUNT");
    expect_has(session, "-NOAUTH HELLO must be called", "HELLO 3");
    expect_has(session, "-NOAUTH HELLO must be called", "HELLO");
    static const char *const wrong[] = {"x", "secre", "secret1", "secretsecret", "Secret", "default"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        expect_has(session, "-WRONGPASS", "AUTH %s", wrong[i]);
        expect_has(session, "-WRONGPASS", "AUTH default %s", wrong[i]);
        expect_has(session, "-WRONGPASS", "HELLO 3 AUTH default %s", wrong[i]);
    }
    expect_has(session, "-WRONGPASS", "AUTH \"\"");
    expect_has(session, "-WRONGPASS", "AUTH \"secret\\x00\"");
    expect_has(session, "-WRONGPASS", "AUTH nobody secret");
    expect(session, "-NOAUTH Authentication required.\r\n", "GET a");
    expect(session, "+OK\r\n", "AUTH secret");
    expect(session, "$-1\r\n", "GET a");
    expect_has(session, "-WRONGPASS", "AUTH wrong");
    expect(session, "$-1\r\n", "GET a");
    expect(session, "+RESET\r\n", "RESET");
    expect(session, "-NOAUTH Authentication required.\r\n", "GET a");
    expect_has(session, "%8\r\n$6\r\nserver\r\n$6\r\ngeomys\r\n", "HELLO 3 AUTH default secret SETNAME me");
    expect(session, "$2\r\nme\r\n", "CLIENT GETNAME");
    expect(session, "_\r\n", "GET a");
    expect(world.other, "+OK\r\n", "QUIT");
    cr_expect(world.other->doomed);
    close_world(&world);
}

/* HELLO that is refused in its last part has not done its first. */
/* cmd_connection I2 */
Test(cmd, hello_does_all_or_nothing)
{
    struct world world;
    open_world(&world, true, "secret");
    expect_has(world.session, "-ERR Client names", "HELLO 3 AUTH default secret SETNAME \"a b\"");
    expect(world.session, "-NOAUTH Authentication required.\r\n", "PING");
    close_world(&world);
}

/* ---- frozen and damaged values ---- */

static void move_records(struct dump_sink *sink, uint16_t op, struct gm_bytes body);

struct mover {
    struct dump_sink sink;
    struct shard *target;
    const char *key;
    uint16_t type;
    bool begun;
};

static void move_records(struct dump_sink *sink, uint16_t op, struct gm_bytes body)
{
    struct mover *mover = container_of(sink, struct mover, sink);
    struct record record = {.sequence = mover->target->tail.last_sequence,
                            .type = mover->type,
                            .op = op,
                            .flags = mover->begun ? 0 : RECORD_FRESH,
                            .key = gm_bytes_of(mover->key),
                            .body = body};
    struct complaint complaint;
    mover->begun = true;
    cr_assert_eq(apply_again(mover->target, &record, databases_hash(&mover->target->databases, record.key), &complaint),
                 STATUS_OK);
}

/* A list of three in a shard that knows no lists. */
static void freeze_list(struct world *plain)
{
    struct world rich;
    open_world(&rich, true, NULL);
    expect(rich.session, ":3\r\n", "RPUSH list a b c");
    struct gm_bytes key = BYTES("list");
    const struct entry *entry =
        keyspace_find(databases_see(&rich.shard.databases, 0), key, databases_hash(&rich.shard.databases, key));
    const struct gm_type *type = shard_type_of(&rich.shard, entry)->abi;
    int number = types_number(&plain->shard.types, gm_bytes_of(type->id));
    cr_assert_gt(number, 0);
    struct mover mover = {
        .sink = {.take = move_records}, .target = &plain->shard, .key = "list", .type = (uint16_t)number};
    struct complaint complaint;
    cr_assert(dump_value(&rich.shard, entry, &mover.sink, &complaint));
    close_world(&rich);
}

Test(cmd, a_value_whose_module_is_absent_can_be_handled_but_not_read)
{
    struct world world;
    open_world(&world, false, NULL);
    struct session *session = world.session;
    freeze_list(&world);
    expect(session, "+geomys.deque/1\r\n", "TYPE list");
    expect(session, "$6\r\nfrozen\r\n", "OBJECT ENCODING list");
    expect(session, ":1\r\n", "EXISTS list");
    expect(session, "*1\r\n$4\r\nlist\r\n", "KEYS *");
    expect(session, "*2\r\n$1\r\n0\r\n*1\r\n$4\r\nlist\r\n", "SCAN 0 TYPE geomys.deque/1");
    expect_has(session, "$5\r\nstate\r\n$6\r\nfrozen\r\n", "PEEK list");
    expect_has(session, "$6\r\nmodule\r\n$-1\r\n", "PEEK list");
    expect_has(session, "$5\r\nvalue\r\n$-1\r\n", "PEEK list");
    expect(session, ":1\r\n", "PEXPIREAT list 2000000");
    expect(session, "+OK\r\n", "RENAME list other");
    expect(session, ":1\r\n", "COPY other third");
    expect(session, ":2000000\r\n", "PEXPIRETIME third");
    expect(session, ":2\r\n", "DBSIZE");
    cr_expect_eq(databases_frozen(&world.shard.databases).frozen, 2);
    expect(session, ":2\r\n", "DEL other third");
    expect(session, ":0\r\n", "DBSIZE");
    close_world(&world);
}

/* cmd_keys I2 */
Test(cmd, a_damaged_value_is_told_and_deleted_but_not_copied)
{
    struct world world;
    open_world(&world, true, NULL);
    struct session *session = world.session;
    expect(session, ":1\r\n", "RPUSH list a");
    struct gm_bytes key = BYTES("list");
    int number = types_number(&world.shard.types, BYTES("geomys.deque/1"));
    struct record record = {.sequence = world.shard.tail.last_sequence,
                            .type = (uint16_t)number,
                            .op = 60000,
                            .key = key,
                            .body = BYTES("nonsense")};
    struct complaint complaint;
    cr_assert_eq(apply_again(&world.shard, &record, databases_hash(&world.shard.databases, key), &complaint),
                 STATUS_OK);
    expect_has(session, "-DAMAGED", "LLEN list");
    expect(session, "+list\r\n", "TYPE list");
    expect(session, "$7\r\ndamaged\r\n", "OBJECT ENCODING list");
    expect_has(session, "$5\r\nstate\r\n$7\r\ndamaged\r\n", "PEEK list");
    expect_has(session, "-DAMAGED", "RENAME list other");
    expect_has(session, "-DAMAGED", "RENAMENX list other");
    expect_has(session, "-DAMAGED", "COPY list other");
    expect(session, ":1\r\n", "DBSIZE");
    expect(session, ":1\r\n", "DEL list");
    close_world(&world);
}

/* ---- time ---- */

static void at(struct world *world, int64_t now_ms)
{
    turn_begin(&world->worker, now_ms, 5000 + now_ms - 1000000);
}

Test(cmd, expiry_to_the_millisecond)
{
    struct world world;
    open_world(&world, true, NULL);
    struct session *session = world.session;
    expect(session, "+OK\r\n", "SET a 1");
    expect(session, ":1\r\n", "PEXPIRE a 1500");
    expect(session, ":1001500\r\n", "PEXPIRETIME a");
    expect(session, ":2\r\n", "TTL a");
    at(&world, 1000001);
    expect(session, ":1\r\n", "TTL a");
    at(&world, 1001499);
    expect(session, ":1\r\n", "PTTL a");
    expect(session, ":0\r\n", "TTL a");
    expect(session, "*1\r\n$1\r\na\r\n", "KEYS *");
    at(&world, 1001500);
    expect(session, ":1\r\n", "DBSIZE");
    expect(session, "*0\r\n", "KEYS *");
    expect(session, "*2\r\n$1\r\n0\r\n*0\r\n", "SCAN 0");
    expect(session, "$-1\r\n", "RANDOMKEY");
    expect(session, ":-2\r\n", "TTL a");
    expect(session, ":0\r\n", "DBSIZE");
    close_world(&world);
}

/* Nobody touches the key between its time and EXEC. */
Test(cmd, a_watched_key_that_has_expired_and_is_still_there_breaks_the_watch)
{
    struct world world;
    open_world(&world, true, NULL);
    struct session *session = world.session;
    expect(session, "+OK\r\n", "SET a 1 PX 100");
    expect(session, "+OK\r\n", "WATCH a");
    expect(session, "+OK\r\n", "MULTI");
    expect(session, "+QUEUED\r\n", "PING");
    at(&world, 1000100);
    expect(session, "*-1\r\n", "EXEC");
    cr_expect_eq(world.shard.databases.ledger.keys, 1);
    expect(session, "+OK\r\n", "WATCH a");
    expect(session, "+OK\r\n", "MULTI");
    expect(session, "*0\r\n", "EXEC");
    close_world(&world);
}

/* cmd_scan I1 */
Test(cmd, a_random_key_is_found_among_many_that_have_expired)
{
    struct world world;
    open_world(&world, true, NULL);
    for (int i = 0; i < 2000; i++) {
        expect(world.session, "+OK\r\n", "SET gone%d 1 PX 100", i);
    }
    expect(world.session, "+OK\r\n", "SET here 1");
    at(&world, 1000100);
    for (int i = 0; i < 20; i++) {
        expect(world.session, "$4\r\nhere\r\n", "RANDOMKEY");
    }
    close_world(&world);
}

/* "Somebody has changed it" is news, too: it waits until the change is as durable as the policy asks. */
Test(cmd, a_broken_watch_is_told_only_when_the_change_is_durable)
{
    struct world world;
    open_world(&world, true, NULL);
    expect(world.session, "+OK\r\n", "WATCH a");
    expect(world.session, "+OK\r\n", "MULTI");
    size_t wants;
    (void)pipeline_input(world.other, (const uint8_t *)"SET a 1\r\n", 9, &wants);
    cr_assert_gt(world.shard.tail.last_sequence, 0);
    (void)pipeline_input(world.session, (const uint8_t *)"EXEC\r\n", 6, &wants);
    cr_expect_eq(session_releasable(world.session), 0);
    gate_release(&world.shard.gate, world.shard.tail.last_sequence, world.shard.tail.last_sequence);
    cr_expect_eq(session_releasable(world.session), 5, "*-1");
    close_world(&world);
}

/* ---- many names ---- */

static char *names(char *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        memcpy(out + i * 4, " get", 4);
    }
    out[count * 4] = '\0';
    return out;
}

Test(cmd, a_thousand_names_of_commands_are_answered_and_more_are_refused)
{
    static const char *const kinds[] = {"INFO", "DOCS", "USAGE"};
    static char words[1025 * 4 + 1];
    struct world world;
    open_world(&world, true, NULL);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        expect_has(world.session, "get", "COMMAND %s%s", kinds[i], names(words, 1024));
        expect_has(world.session, "-ERR too many names", "COMMAND %s%s", kinds[i], names(words, 1025));
    }
    close_world(&world);
}

/* ---- SCAN ---- */

/* cmd_scan I3: 60 keys of 60 KB, and a pattern that costs 17 steps for each of their bytes. */
Test(cmd, a_dear_pattern_makes_a_page_of_scan_smaller_and_not_slower)
{
    struct world world;
    open_world(&world, true, NULL);
    static char pattern[GLOB_PATTERN_MAX + 1];
    memset(pattern, '0', sizeof pattern - 1);
    pattern[0] = '*';
    pattern[sizeof pattern - 2] = '*';
    pattern[sizeof pattern - 3] = 'x';
    for (int i = 0; i < 60; i++) {
        expect(world.session, "+OK\r\n", "SET %060000d x", i);
    }
    unsigned long long cursor = 0;
    int pages = 0;
    do {
        const char *answer = ask(world.session, "SCAN %llu COUNT 1000 MATCH %s", cursor, pattern);
        const char *number = strstr(answer, "\r\n$");
        cr_assert_not_null(number);
        cursor = strtoull(strstr(number + 2, "\r\n") + 2, NULL, 10);
        pages++;
    } while (cursor != 0 && pages < 100);
    cr_expect(pages > 2 && pages < 60, "%d pages", pages);
    close_world(&world);
}

#define SCANNED 3000

static uint64_t scan_page(struct session *session, uint64_t cursor, uint8_t seen[SCANNED], size_t *most)
{
    const char *answer = ask(session, "SCAN %llu COUNT 20", (unsigned long long)cursor);
    char *rest;
    cr_assert_eq(strncmp(answer, "*2\r\n$", 5), 0);
    const char *number = strstr(answer + 5, "\r\n") + 2;
    cursor = strtoull(number, &rest, 10);
    size_t count = strtoull(rest + 3, NULL, 10);
    *most = count > *most ? count : *most;
    for (const char *key = strstr(rest, "kept"); key != NULL; key = strstr(key + 1, "kept")) {
        seen[strtoul(key + 4, NULL, 10)] = 1;
    }
    return cursor;
}

/* cmd_scan I2 */
Test(cmd, a_scan_sees_what_was_there_all_the_time_while_the_table_grows_and_shrinks)
{
    struct world world;
    open_world(&world, true, NULL);
    for (int i = 0; i < SCANNED; i++) {
        expect(world.session, "+OK\r\n", "SET kept%d 1", i);
    }
    for (int round = 0; round < 2; round++) {
        uint8_t seen[SCANNED] = {0};
        uint64_t cursor = 0;
        size_t most = 0;
        int pages = 0;
        int added = 0;
        do {
            cursor = scan_page(world.session, cursor, seen, &most);
            for (int i = 0; i < 40; i++, added++) {
                (void)ask(world.other, round == 0 ? "SET more%d 1" : "DEL more%d", added);
            }
            pages++;
        } while (cursor != 0);
        for (int i = 0; i < SCANNED; i++) {
            cr_assert(seen[i], "round %d: kept%d was not seen", round, i);
        }
        cr_expect_gt(pages, 20, "a page does not take everything at once");
        cr_expect_lt(most, 20 + 64, "a page is bounded by COUNT and a bucket");
    }
    (void)ask(world.session, "SCAN 18446744073709551615 COUNT 5");
    expect(world.session, "-ERR invalid cursor\r\n", "SCAN 18446744073709551616");
    expect(world.session, "-ERR invalid cursor\r\n", "SCAN -1");
    close_world(&world);
}

/* ---- transactions ---- */

Test(cmd, a_transaction_has_a_ceiling)
{
    struct world world;
    open_world(&world, true, NULL);
    expect(world.session, "+OK\r\n", "MULTI");
    char value[60001];
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    const char *answer = "+QUEUED\r\n";
    int queued = 0;
    while (strcmp(answer, "+QUEUED\r\n") == 0 && queued < 100) {
        answer = ask(world.session, "SET a %s", value);
        queued++;
    }
    cr_expect_eq(answer[0], '-');
    cr_expect_eq(queued, 18, "%d", queued);
    expect_has(world.session, "-EXECABORT", "EXEC");
    expect(world.session, ":0\r\n", "DBSIZE");
    close_world(&world);
}

Test(cmd, sessions_that_go_leave_no_watch_behind)
{
    struct world world;
    open_world(&world, true, NULL);
    expect(world.session, "+OK\r\n", "WATCH a b c");
    expect(world.session, "+OK\r\n", "WATCH a");
    expect_has(world.session, " watch=3 ", "CLIENT INFO");
    expect(world.other, "+OK\r\n", "WATCH a");
    expect(world.session, "+OK\r\n", "MULTI");
    expect(world.session, "+QUEUED\r\n", "SET a 1");
    expect_has(world.other, " flags=x db=0 ", "CLIENT LIST ID 1");
    expect_has(world.other, " multi=1 ", "CLIENT LIST ID 1");
    sessions_close(world.session);
    world.session = NULL;
    cr_expect_eq(world.worker.interest.watchers, 1);
    expect(world.other, "+OK\r\n", "UNWATCH");
    cr_expect_eq(world.worker.interest.key_count, 0);
    close_world(&world);
}

/* ---- descriptions ---- */

/* Every command can be described, and the host's examples work on an empty store. */
Test(cmd, every_command_is_described_and_its_example_works)
{
    struct world world;
    open_world(&world, true, NULL);
    for (int version = 2; version <= 3; version++) {
        expect_has(world.session, "server", "HELLO %d", version);
        expect_has(world.session, "client|setname", "COMMAND");
        expect_has(world.session, "client|setname", "COMMAND DOCS");
        expect_has(world.session, "CLIENT|SETNAME connection-name", "COMMAND USAGE");
        expect_has(world.session, "client|setname", "COMMAND LIST");
    }
    for (uint32_t i = 0; i < registry_command_count(world.registry); i++) {
        const struct command *command = registry_command(world.registry, i);
        const char *name = command->usage.name;
        cr_expect_not_null(command->abi->summary, "%s", name);
        cr_expect_eq(ask(world.session, "COMMAND INFO %s", name)[0], '*');
        cr_expect_eq(ask(world.session, "COMMAND DOCS %s", name)[0], '%');
        cr_expect_eq(ask(world.session, "COMMAND USAGE %s", name)[0], '%');
        if (command->abi->example != NULL && command->module->path == NULL) {
            (void)ask(world.other, "FLUSHALL");
            (void)ask(world.other, "RESET");
            const char *answer = ask(world.other, "%s", command->abi->example);
            cr_expect_neq(answer[0], '-', "%s: %s", command->abi->example, answer);
        }
    }
    close_world(&world);
}

/* Random calls of all commands, whole replies only: an answer that is incomplete is an error that says so. */
Test(cmd, random_calls_are_answered_whole)
{
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    struct world world;
    open_world(&world, true, NULL);
    static const struct usage_vocabulary vocabulary = {0};
    struct usage_words words;
    usage_words_init(&words);
    struct buf bytes;
    buf_init(&bytes, 1 << 24);
    for (int i = 0; i < 20000; i++) {
        uint32_t number = (uint32_t)prng_below(&prng, registry_command_count(world.registry));
        const struct command *command = registry_command(world.registry, number);
        if (strcmp(command->usage.name, "quit") == 0 || !usage_generate(&command->usage, &prng, &vocabulary, &words)) {
            continue;
        }
        struct session *session = prng_below(&prng, 2) == 0 ? world.session : world.other;
        struct gm_bytes argv[USAGE_WORDS_MAX];
        usage_words_argv(&words, argv);
        buf_clear(&bytes, 1 << 20);
        (void)buf_format(&bytes, "*%u\r\n", words.count);
        for (uint32_t w = 0; w < words.count; w++) {
            (void)buf_format(&bytes, "$%zu\r\n", argv[w].size);
            (void)buf_append(&bytes, argv[w]);
            (void)buf_append(&bytes, BYTES("\r\n"));
        }
        size_t wants;
        (void)pipeline_input(session, bytes.data, bytes.size, &wants);
        size_t out = session->out.size - session->sent;
        if (out > 0) {
            (void)buf_append(&session->out, (struct gm_bytes){(const uint8_t *)"", 1});
            const char *answer = (const char *)session->out.data + session->sent;
            cr_assert(strstr(answer, "incompletely") == NULL && strstr(answer, "DAMAGED") == NULL, "%s: %s",
                      command->usage.name, answer);
            session->out.size--;
        }
        let_go(session, out);
        at(&world, 1000000 + i * 7);
        (void)turn_end(&world.worker);
    }
    buf_finish(&bytes);
    usage_words_finish(&words);
    close_world(&world);
}
