/* SPDX-License-Identifier: MIT */

/* shard_fixture.c - the turns of a node, without the node. The order of things within a turn is that of
 * core/node/node.c. */
#include "support/shard_fixture.h"
#include "shard/digest.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "command/commands.h"
#include "geomys/ext/wait.h"
#include "log/replay.h"
#include "serve/call.h"
#include "serve/renew.h"
#include "shard/apply.h"
#include "shard/dump.h"
#include "support/resp_text.h"

#define TEXT_MAX    ((size_t)256 << 20)
#define HISTORY_MAX ((size_t)1 << 30)

/* ---- beginning and end ---- */

_Noreturn static void give_up(const char *what, const struct complaint *complaint)
{
    (void)fprintf(stderr, "shard_fixture: %s: %s\n", what, complaint->text);
    abort();
}

static void add_module(const struct registry **registry, const struct gm_module *module, const char *path)
{
    struct complaint complaint;
    if (registry_add(registry, module, path, &complaint) != STATUS_OK) {
        give_up("a module", &complaint);
    }
}

const struct registry *shard_fixture_registry_of(const struct shard_fixture_options *options,
                                                 const struct gm_module *const modules[SHARD_FIXTURE_MODULES])
{
    static const struct registry_interface interfaces[] = {{GM_WAIT_2, &host_wait_2}};
    uint32_t count;
    const struct gm_module *const *own = commands_all(&count);
    const struct registry *registry = registry_create(interfaces, 1);
    for (uint32_t i = 0; i < count; i++) {
        add_module(&registry, own[i], NULL);
    }
    for (size_t i = 0; i < SHARD_FIXTURE_MODULES; i++) {
        if ((options->without & (1u << i)) == 0) {
            add_module(&registry, modules[i], "loaded.so");
        }
    }
    if (options->module != NULL) {
        add_module(&registry, options->module, "more.so");
    }
    return registry;
}

static void on_damage(void *context, const char *sentence)
{
    struct shard_fixture *fixture = context;
    fixture->damages++;
    complaint_set(&fixture->damage, "%s", sentence);
}

static void on_mended(void *context, const char *sentence)
{
    struct shard_fixture *fixture = context;
    fixture->mended++;
    complaint_set(&fixture->damage, "%s", sentence);
}

static void on_fault(void *context, const char *sentence)
{
    struct shard_fixture *fixture = context;
    fixture->faults++;
    complaint_set(&fixture->damage, "%s", sentence);
}

static void on_progress(void *context)
{
    (void)context;
}

static void on_failed(void *context, const struct complaint *complaint)
{
    (void)context;
    give_up("the log", complaint);
}

static void open_log(struct shard_fixture *fixture, uint64_t seed)
{
    fixture->sim = sim_disk_create(seed);
    struct wal_config config = {.policy = WAL_WRITE_THROUGH, .segment_size = 1 << 18};
    struct wal_events events = {.on_progress = on_progress, .on_failed = on_failed, .context = fixture};
    struct replay_end end = {.exists = false};
    struct complaint complaint;
    if (wal_create(&fixture->wal, &config, sim_disk_interface(fixture->sim), &fixture->shard.tail, &end, &events,
                   &complaint) != STATUS_OK) {
        give_up("no log", &complaint);
    }
    shard_log_to(&fixture->shard, fixture->wal);
}

/* Epoch 1 goes on with record 1, without the record that has begun it, so that sequences count the changes. */
static void begin_history(struct tail *tail, const struct shard_fixture_options *options)
{
    static struct epochs_entry entry = {.epoch = 1, .leader = 1, .first = 1};
    if (options->begins_epoch) {
        tail_lead(tail, 1, &(struct record_epoch){.leader = 1});
    } else {
        tail_set_epochs(tail, &(struct epochs){.list = &entry, .count = 1});
    }
}

void shard_fixture_begin(struct shard_fixture *fixture, const struct shard_fixture_options *options,
                         const struct registry *registry, bool owned)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->registry = owned ? registry : NULL;
    fixture->held = options->held;
    fixture->now_ms = SHARD_FIXTURE_START_MS;
    fixture->monotonic_ms = 1000;
    struct shard_options shard_options = {
        .default_expiry_ms = options->default_expiry_ms, .memory = options->memory, .seed = options->seed};
    fixture->options = (struct worker_options){
        .limits = {.args_max = options->args_max != 0 ? options->args_max : 1 << 20,
                   .bulk_max = 1 << 24,
                   .query_max = 1 << 26},
        .output_max = options->output_max != 0 ? options->output_max : 1 << 26,
        .push_max = options->output_max != 0 ? options->output_max : 1 << 26,
        .queue_max = options->queue_max != 0 ? options->queue_max : 1 << 20,
        .meters = {.slowlog_us = -1},
    };
    (void)snprintf(fixture->options.password, sizeof fixture->options.password, "%s",
                   options->password != NULL ? options->password : "");
    shard_init(&fixture->shard, registry, &shard_options, &(struct gm_secret){{(uint8_t)shard_options.seed, 1}});
    fixture->shard.events =
        (struct shard_events){.on_damage = on_damage, .on_mended = on_mended, .on_fault = on_fault, .context = fixture};
    worker_init(&fixture->worker, &fixture->shard, &host_call_ops, NULL, &fixture->options);
    source_init(&fixture->source, &fixture->shard);
    shard_continue(&fixture->shard, 0, 1);
    begin_history(&fixture->shard.tail, options);
    shard_become(&fixture->shard, SHARD_ALONE);
    if (tail_cursor_open(&fixture->cursor, &fixture->shard.tail, 1, true) != STATUS_OK) {
        check(false);
    }
    buf_init(&fixture->history, HISTORY_MAX);
    buf_init(&fixture->text, TEXT_MAX);
    if (options->log) {
        open_log(fixture, options->seed);
    }
    turn_begin(&fixture->worker, fixture->now_ms, fixture->monotonic_ms);
    for (unsigned i = 0; i < SHARD_FIXTURE_CLIENTS; i++) {
        fixture->clients[i] = sessions_open(&fixture->worker, i + 1);
    }
}

void shard_fixture_check_empty(struct shard *shard)
{
    databases_flush_all(&shard->databases);
    while (databases_reap(&shard->databases, 1000) || apply_release_remains(shard, 1000)) {
    }
    for (uint32_t i = 0; i < shard->types.count; i++) {
        check(shard->databases.ledger.account[i].bytes == 0);
        check(shard->databases.ledger.account[i].blocks == 0);
        check(databases_keys(&shard->databases, (uint8_t)i) == 0);
    }
    check(databases_frozen(&shard->databases).frozen == 0);
    check(databases_frozen(&shard->databases).damaged == 0);
    check(expire_next(&databases_see(&shard->databases, 0)->expire) == INT64_MAX);
}

void shard_fixture_close(struct shard_fixture *fixture)
{
    for (unsigned i = 0; i < SHARD_FIXTURE_CLIENTS; i++) {
        sessions_close(fixture->clients[i]);
    }
    check(fixture->worker.sessions.blocked == 0);
    shard_fixture_check_empty(&fixture->shard);
    if (fixture->wal != NULL) {
        while (sim_disk_run(fixture->sim, 1) > 0) {
        }
        shard_log_to(&fixture->shard, NULL);
        wal_destroy(fixture->wal);
    }
    tail_cursor_close(&fixture->cursor);
    worker_finish(&fixture->worker);
    shard_finish(&fixture->shard);
    sim_disk_destroy(fixture->sim);
    registry_release(fixture->registry);
    buf_finish(&fixture->history);
    buf_finish(&fixture->text);
}

void shard_fixture_configure(struct shard_fixture *fixture)
{
    sessions_configure(&fixture->worker, &fixture->options);
}

void shard_fixture_adopt(struct shard_fixture *fixture, const struct registry *newer)
{
    struct complaint complaint;
    if (renew(&fixture->worker, newer, &complaint) != STATUS_OK) {
        give_up("another registry", &complaint);
    }
}

/* ---- turns ---- */

/* Records of another source have moved the history on: those that come next are kept for the tests as before. */
static void skip_foreign(struct shard_fixture *fixture)
{
    struct tail *tail = &fixture->shard.tail;
    if (tail_waiting(&fixture->cursor) == 0 && fixture->cursor.next != tail->last_sequence + 1) {
        tail_cursor_close(&fixture->cursor);
        if (tail_cursor_open(&fixture->cursor, tail, tail->last_sequence + 1, true) != STATUS_OK) {
            check(false);
        }
    }
}

static void release(struct shard_fixture *fixture, uint64_t sequence)
{
    gate_release(&fixture->shard.gate, sequence, sequence);
    (void)gate_stick(&fixture->shard.gate, fixture->wal != NULL && wal_lack(fixture->wal) != STATUS_OK);
}

/* The end of a turn: what was written is kept for the tests, the log takes it, the gate hears of it. */
static void end_turn(struct shard_fixture *fixture)
{
    struct tail *tail = &fixture->shard.tail;
    while (turn_end(&fixture->worker) && !fixture->one_turn) {
    }
    check(!tail->open);
    skip_foreign(fixture);
    for (struct tail_slice slice; tail_take(&fixture->cursor, SIZE_MAX, UINT64_MAX, &slice) == STATUS_OK;) {
        bool kept = buf_append(&fixture->history, slice.bytes);
        check(kept);
        tail_release(tail, &slice);
    }
    if (fixture->wal == NULL) {
        if (!fixture->held) {
            release(fixture, tail->last_sequence);
        }
        return;
    }
    wal_turn(fixture->wal, fixture->monotonic_ms);
    if (!fixture->held) {
        shard_fixture_sync(fixture);
    }
    release(fixture, wal_released(fixture->wal));
}

void shard_fixture_sync(struct shard_fixture *fixture)
{
    do {
        (void)sim_disk_run(fixture->sim, 1);
        wal_turn(fixture->wal, fixture->monotonic_ms);
    } while (sim_disk_run(fixture->sim, 1) > 0);
    release(fixture, wal_released(fixture->wal));
}

void shard_fixture_pass(struct shard_fixture *fixture, int64_t ms)
{
    fixture->now_ms += ms;
    fixture->monotonic_ms += ms;
    turn_begin(&fixture->worker, fixture->now_ms, fixture->monotonic_ms);
    end_turn(fixture);
}

void shard_fixture_jump(struct shard_fixture *fixture, int64_t now_ms)
{
    fixture->now_ms = now_ms;
}

void shard_fixture_release(struct shard_fixture *fixture, uint64_t sequence)
{
    check(fixture->held && fixture->wal == NULL);
    shard_fixture_pass(fixture, 0);
    release(fixture, sequence);
}

/* ---- clients ---- */

static const char *finish_text(struct shard_fixture *fixture)
{
    bool fits = buf_append(&fixture->text, (struct gm_bytes){(const uint8_t *)"", 1});
    check(fits);
    return (const char *)fixture->text.data;
}

static void read_replies(struct shard_fixture *fixture, struct gm_bytes bytes)
{
    while (bytes.size > 0) {
        if (fixture->text.size > 0) {
            (void)buf_append(&fixture->text, BYTES(" | "));
        }
        size_t size = resp_text_reply(bytes, &fixture->text);
        if (size == 0 || size == RESP_TEXT_BROKEN) {
            (void)buf_append(&fixture->text, size == 0 ? BYTES("(cut off)") : BYTES("(broken)"));
            return;
        }
        bytes = (struct gm_bytes){bytes.data + size, bytes.size - size};
    }
}

const char *shard_fixture_hear(struct shard_fixture *fixture, unsigned client)
{
    struct session *session = fixture->clients[client];
    buf_clear(&fixture->text, TEXT_MAX);
    list_remove(&session->dirty);
    size_t size = session->overflowed ? 0 : session_releasable(session);
    if (size > 0) {
        read_replies(fixture, (struct gm_bytes){session->out.data + session->sent, size});
        session_sent(session, size);
    }
    session->resumed = false;
    return finish_text(fixture);
}

size_t shard_fixture_send(struct shard_fixture *fixture, unsigned client, struct gm_bytes bytes)
{
    size_t wants;
    turn_begin(&fixture->worker, fixture->now_ms, fixture->monotonic_ms);
    /* In an allocation of its own size, which goes: nobody may keep a pointer into it. */
    uint8_t *copy = memory_alloc(bytes.size > 0 ? bytes.size : 1);
    if (bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    size_t consumed = pipeline_input(fixture->clients[client], copy, bytes.size, &wants);
    memory_free(copy);
    end_turn(fixture);
    return consumed;
}

const char *shard_fixture_say(struct shard_fixture *fixture, unsigned client, const char *format, ...)
{
    char *line;
    va_list args;
    va_start(args, format);
    int size = vasprintf(&line, format, args);
    va_end(args);
    check(size >= 0);
    struct buf input;
    buf_init(&input, (size_t)size + 2);
    bool fits = buf_append(&input, gm_bytes_of(line)) && buf_append(&input, BYTES("\r\n"));
    check(fits);
    size_t consumed = shard_fixture_send(fixture, client, buf_bytes(&input));
    check(consumed == input.size);
    buf_finish(&input);
    free(line);
    return shard_fixture_hear(fixture, client);
}

void shard_fixture_hang_up(struct shard_fixture *fixture, unsigned client)
{
    uint64_t id = fixture->clients[client]->caller.id;
    sessions_close(fixture->clients[client]);
    fixture->clients[client] = sessions_open(&fixture->worker, id + SHARD_FIXTURE_CLIENTS);
}

/* ---- records ---- */

static void name_host(struct shard_fixture *fixture, uint16_t op)
{
    static const char *const names[] = {
        [RECORD_OP_DELETE] = "delete",   [RECORD_OP_EXPIRED] = "expired", [RECORD_OP_EXPIRE] = "expire",
        [RECORD_OP_PERSIST] = "persist", [RECORD_OP_FLUSH] = "flush",     [RECORD_OP_EVICTED] = "evicted",
        [RECORD_OP_EPOCH] = "epoch",     [RECORD_OP_RENAME] = "rename",   [RECORD_OP_COPY] = "copy",
    };
    check(op < sizeof names / sizeof names[0] && names[op] != NULL);
    (void)buf_append(&fixture->text, gm_bytes_of(names[op]));
}

static void name_type(struct shard_fixture *fixture, uint16_t type)
{
    const char *name = fixture->shard.types.by_number[type].name;
    size_t skipped = strncmp(name, "geomys.", 7) == 0 ? 7 : 0;
    (void)buf_append(&fixture->text, (struct gm_bytes){(const uint8_t *)name + skipped, strcspn(name, "/") - skipped});
}

static void describe(struct shard_fixture *fixture, const struct record *record)
{
    static const struct {
        uint16_t flag;
        const char *name;
    } flags[] = {
        {RECORD_FRESH, " fresh"}, {RECORD_KEEP_EXPIRY, " keep"}, {RECORD_REMOVES, " removes"}, {RECORD_MORE, " more"}};
    (void)buf_append(&fixture->text, fixture->text.size > 0 ? BYTES("; ") : BYTES_NONE);
    if (record->type == 0) {
        name_host(fixture, record->op);
    } else {
        name_type(fixture, record->type);
    }
    if (record->key.size > 0) {
        (void)buf_append(&fixture->text, BYTES(" "));
        (void)buf_append(&fixture->text, record->key);
    }
    if ((record->flags & RECORD_EXPIRE) != 0) {
        (void)buf_format(&fixture->text, " @%lld", (long long)record->expire_at_ms);
    }
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if ((record->flags & flags[i].flag) != 0) {
            (void)buf_append(&fixture->text, gm_bytes_of(flags[i].name));
        }
    }
}

const char *shard_fixture_records(struct shard_fixture *fixture)
{
    buf_clear(&fixture->text, TEXT_MAX);
    while (fixture->told < fixture->history.size) {
        struct record record;
        size_t size;
        record_read(fixture->history.data + fixture->told, &record, &size);
        describe(fixture, &record);
        fixture->told += size;
    }
    return finish_text(fixture);
}

static void declare(struct shard_fixture *fixture, uint16_t type, struct gm_bytes name)
{
    struct complaint complaint;
    if (fixture->source.sink.declare(&fixture->source.sink, type, name, &complaint) != STATUS_OK) {
        give_up("a type", &complaint);
    }
}

void shard_fixture_replay(struct shard_fixture *from, struct shard_fixture *into)
{
    for (uint32_t i = 1; i < from->shard.types.count; i++) {
        declare(into, (uint16_t)i, gm_bytes_of(from->shard.types.by_number[i].name));
    }
    struct gm_bytes rest = buf_bytes(&from->history);
    while (rest.size > 0) {
        struct record record;
        struct complaint complaint;
        size_t size;
        if (record_parse(rest, &record, &size, &complaint) != STATUS_OK ||
            into->source.sink.accept(&into->source.sink, &record, &complaint) != STATUS_OK) {
            give_up("a record", &complaint);
        }
        rest = (struct gm_bytes){rest.data + size, rest.size - size};
    }
    skip_foreign(into);
}

enum status shard_fixture_accept(struct shard_fixture *fixture, const char *type, struct record record)
{
    struct complaint complaint;
    record.type = 0;
    if (type != NULL) {
        record.type = 200;
        declare(fixture, record.type, gm_bytes_of(type));
    }
    record.sequence = fixture->shard.tail.last_sequence + 1;
    record.epoch = 1;
    enum status status = fixture->source.sink.accept(&fixture->source.sink, &record, &complaint);
    skip_foreign(fixture);
    return status;
}

const struct entry *shard_fixture_entry(struct shard_fixture *fixture, const char *key)
{
    struct gm_bytes name = gm_bytes_of(key);
    const struct keyspace *keyspace = databases_see(&fixture->shard.databases, 0);
    return keyspace_find(keyspace, name, keyspace_hash(keyspace, name));
}

/* ---- rebuilding ---- */

struct rebuild {
    struct dump_sink sink;
    const struct shard *source;
    struct shard *target;
    const struct entry *entry;
    uint16_t database;
    uint16_t type; /* the target's number */
    bool begun;
};

static void rebuild_record(struct dump_sink *sink, uint16_t op, struct gm_bytes body)
{
    struct rebuild *rebuild = container_of(sink, struct rebuild, sink);
    int64_t expire_at_ms = entry_expire_at(rebuild->entry);
    struct record record = {.op = op,
                            .type = rebuild->type,
                            .flags = RECORD_DUMP,
                            .database = rebuild->database,
                            .key = entry_key(rebuild->entry),
                            .body = body};
    if (!rebuild->begun) {
        rebuild->begun = true;
        record.flags |= RECORD_FRESH | (expire_at_ms != 0 ? RECORD_EXPIRE : 0);
        record.expire_at_ms = expire_at_ms;
    }
    struct complaint complaint;
    uint64_t hash = databases_hash(&rebuild->target->databases, record.key);
    if (apply_again(rebuild->target, &record, hash, &complaint) != STATUS_OK) {
        give_up("a dumped record", &complaint);
    }
}

static void rebuild_entry(void *context, void *element)
{
    struct rebuild *rebuild = context;
    rebuild->entry = element;
    rebuild->begun = false;
    int number =
        types_number(&rebuild->target->types, gm_bytes_of(shard_type_of(rebuild->source, rebuild->entry)->name));
    check(number > 0);
    rebuild->type = (uint16_t)number;
    struct complaint complaint;
    bool dumped = dump_value(rebuild->source, rebuild->entry, &rebuild->sink, &complaint);
    check(dumped);
    check(rebuild->begun); /* a value without a record would be lost */
}

uint64_t shard_fixture_rebuilt_digest(struct shard *shard)
{
    struct shard target;
    struct shard_options options = shard->options;
    options.seed += 17;
    shard_init(&target, shard->registry, &options, &shard->secret);
    struct rebuild rebuild = {.sink = {.take = rebuild_record}, .source = shard, .target = &target};
    const struct keyspace *keyspace;
    for (uint32_t number = 0; (keyspace = databases_next(&shard->databases, &number)) != NULL;) {
        rebuild.database = (uint16_t)keyspace->number;
        uint64_t cursor = 0;
        do {
            cursor = table_scan(&keyspace->table, cursor, rebuild_entry, &rebuild);
        } while (cursor != 0);
    }
    check(target.stats.damaged == 0);
    uint64_t digest = digest_shard(&target);
    shard_fixture_check_empty(&target);
    shard_finish(&target);
    return digest;
}
