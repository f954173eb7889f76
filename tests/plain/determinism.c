/* SPDX-License-Identifier: MIT */

/* determinism.c - one story, lived four times, must end the same.
 *
 * Idea     Random commands, drawn from the usage lines of all loaded modules and of the host, run on one shard under a
 *          virtual clock, from several clients, with MULTI, waiting and expiry among them, and with values that
 *          change by themselves (support/due_module.c). Then:
 *
 *            first    the shard that carried out the commands
 *            second   a shard that was given the records as they were appended, like a follower
 *            third    a shard recovered from the log on the (simulated) disk
 *            fourth   a shard into which every value of the first was dumped and applied
 *
 *          All four have the same digest. The whole run is made twice with one seed: the bytes of the log and of all
 *          answers are the same. At the end the accounts of the first shard are emptied, which shows that nothing was
 *          lost count of.
 *
 * Use      determinism [--modules DIR] [--seed N] [--runs N] [--steps N]
 *          Exit code 0 if all runs agree. The seed is printed first; each further run takes the next one. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "command/commands.h"
#include "geomys/ext/wait.h"
#include "log/replay.h"
#include "module/loader.h"
#include "module/usage/usage_random.h"
#include "serve/call.h"
#include "serve/pipeline.h"
#include "serve/sessions.h"
#include "serve/turn.h"
#include "shard/digest.h"
#include "shard/source.h"
#include "store/slot.h"
#include "support/due_module.h"
#include "support/seed.h"
#include "support/shard_fixture.h"
#include "support/sim_disk.h"

#define CLIENTS  4
#define START_MS 1700000000000 /* of the virtual wall clock */
#define KEYS     24

struct world {
    const struct registry *registry;
    struct prng prng;
    struct sim_disk *sim;
    struct wal *wal;
    struct shard first;
    struct worker worker; /* of the first */
    struct shard second;
    struct tail_cursor follower; /* of the first's tail */
    struct source source;        /* of the second */
    struct session *sessions[CLIENTS];
    struct buf input[CLIENTS];  /* what a waiting client has sent already */
    struct siphash_key answers; /* running digest */
    uint64_t answer_bytes;
    uint64_t calls, errors, changes;
    int64_t now_ms;
};

_Noreturn static void die(const char *what, const struct complaint *complaint)
{
    (void)fprintf(stderr, "determinism: %s: %s\n", what, complaint != NULL ? complaint->text : "");
    exit(1);
}

/* ---- the world ---- */

static void log_failed(void *context, const struct complaint *complaint)
{
    (void)context;
    die("the log failed", complaint);
}

static void log_progress(void *context)
{
    (void)context;
}

static void damaged(void *context, const char *sentence)
{
    struct complaint complaint;
    complaint_set(&complaint, "%s", sentence);
    (void)context;
    die("a value was damaged", &complaint);
}

static void shard_start(struct shard *shard, const struct registry *registry, uint64_t seed)
{
    struct shard_options options = {.seed = seed};
    shard_init(shard, registry, &options, &(struct gm_secret){"one data set"});
    shard->events.on_damage = damaged;
}

static void worker_start(struct worker *worker, struct shard *shard)
{
    struct worker_options options = {
        .limits = {.args_max = 1024, .bulk_max = 1 << 20, .query_max = 1 << 22},
        .output_max = 1 << 26,
        .push_max = 1 << 26,
        .queue_max = 1 << 22,
    };
    worker_init(worker, shard, &host_call_ops, NULL, &options);
}

static void world_start(struct world *world, const struct registry *registry, uint64_t seed)
{
    *world = (struct world){.registry = registry, .now_ms = START_MS, .answers = {1, 2}};
    prng_seed(&world->prng, seed);
    world->sim = sim_disk_create(seed);
    shard_start(&world->first, registry, seed);
    shard_start(&world->second, registry, seed + 1); /* another hash key: another order of everything */
    worker_start(&world->worker, &world->first);
    source_init(&world->source, &world->second);
    shard_continue(&world->first, 0, 0);
    shard_lead(&world->first, 1, &(struct record_epoch){.leader = 1});
    shard_become(&world->first, SHARD_ALONE);
    if (tail_cursor_open(&world->follower, &world->first.tail, 1, true) != STATUS_OK) {
        die("no cursor", NULL);
    }
    struct wal_config config = {.policy = WAL_WRITE_THROUGH, .segment_size = 1 << 18};
    struct wal_events events = {.on_progress = log_progress, .on_failed = log_failed, .context = world};
    struct replay_end end = {.exists = false};
    struct complaint complaint;
    if (wal_create(&world->wal, &config, sim_disk_interface(world->sim), &world->first.tail, &end, &events,
                   &complaint) != STATUS_OK) {
        die("no log", &complaint);
    }
    shard_log_to(&world->first, world->wal);
    for (uint32_t i = 1; i < world->first.types.count; i++) {
        if (world->source.sink.declare(&world->source.sink, (uint16_t)i,
                                       gm_bytes_of(world->first.types.by_number[i].name), &complaint) != STATUS_OK) {
            die("a type", &complaint);
        }
    }
    for (uint64_t i = 0; i < CLIENTS; i++) {
        world->sessions[i] = sessions_open(&world->worker, i + 1);
        buf_init(&world->input[i], 1 << 26);
    }
}

static void world_finish(struct world *world)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        sessions_close(world->sessions[i]);
        buf_finish(&world->input[i]);
    }
    shard_log_to(&world->first, NULL);
    wal_destroy(world->wal);
    tail_cursor_close(&world->follower);
    worker_finish(&world->worker);
    shard_finish(&world->first);
    shard_finish(&world->second);
    sim_disk_destroy(world->sim);
}

/* ---- commands ---- */

static void draw_key(void *context, struct prng *prng, const struct usage *usage, uint32_t leaf, struct buf *out)
{
    (void)context;
    (void)usage;
    (void)leaf;
    (void)buf_format(out, "key:%d", (int)prng_below(prng, KEYS));
}

static void draw_string(void *context, struct prng *prng, const struct usage *usage, uint32_t leaf, struct buf *out)
{
    (void)context;
    struct gm_bytes name = usage_leaf_text(usage, leaf);
    if (gm_bytes_equal(name, BYTES("encoding"))) {
        (void)buf_format(out, "%c%d", prng_below(prng, 2) == 0 ? 'i' : 'u', (int)prng_below(prng, 62) + 1);
        return;
    }
    switch (prng_below(prng, 8)) {
    case 0:
        return; /* the empty string */
    case 1:
    case 2:
        (void)buf_format(out, "%d", (int)prng_below(prng, 400) - 200);
        return;
    case 3:
        (void)buf_format(out, "%d.%d", (int)prng_below(prng, 100) - 50, (int)prng_below(prng, 100));
        return;
    case 4: {
        size_t size = prng_below(prng, 64) == 0 ? prng_below(prng, 40000) : prng_below(prng, 600);
        uint8_t *target = buf_reserve(out, size);
        for (size_t i = 0; target != NULL && i < size; i++) {
            target[i] = (uint8_t)prng_next(prng);
        }
        out->size += target != NULL ? size : 0;
        return;
    }
    default:
        (void)buf_format(out, "v%d", (int)prng_below(prng, 50));
        return;
    }
}

static int64_t draw_integer(void *context, struct prng *prng, const struct usage *usage, uint32_t leaf)
{
    const struct world *world = context;
    switch (usage_leaf(usage, leaf)->type) {
    case USAGE_UNIX:
        return world->now_ms / 1000 + (int64_t)prng_below(prng, 30) - 2;
    case USAGE_UNIX_MS:
        return world->now_ms + (int64_t)prng_below(prng, 20000) - 1000;
    case USAGE_TIMEOUT:
        return (int64_t)prng_below(prng, 3000) + 1;
    default:
        break;
    }
    switch (prng_below(prng, 16)) {
    case 0:
        return (int64_t)prng_below(prng, 100000);
    case 1:
        return prng_below(prng, 2) == 0 ? INT64_MAX : INT64_MIN;
    case 2:
    case 3:
        return -(int64_t)prng_below(prng, 12);
    default:
        return (int64_t)prng_below(prng, 24);
    }
}

/* What would end the story, or tells what the allocator thinks (it rounds a size up by what happens to lie around). */
static bool is_left_out(const struct command *command, struct prng *prng)
{
    static const char *const left_out[] = {"quit",    "reset",        "hello",        "auth",
                                           "peek",    "memory|usage", "subscribe",    "psubscribe",
                                           "monitor", "client|kill",  "client|pause", "client|reply"};
    const char *name = command->usage.name;
    for (size_t i = 0; i < sizeof left_out / sizeof left_out[0]; i++) {
        if (strcmp(name, left_out[i]) == 0) {
            return true;
        }
    }
    if (strncmp(name, "flush", 5) == 0) {
        return prng_below(prng, 40) != 0;
    }
    if ((command->abi->flags & (GM_READ | GM_WRITE)) == GM_READ && command->type == NULL) {
        return prng_below(prng, 4) != 0; /* talk about the server: less often */
    }
    return false;
}

static void append_command(struct world *world, struct buf *out)
{
    struct usage_vocabulary vocabulary = {
        .context = world, .key = draw_key, .string = draw_string, .integer = draw_integer};
    struct usage_words words;
    usage_words_init(&words);
    for (;;) {
        uint32_t index = (uint32_t)prng_below(&world->prng, registry_command_count(world->registry));
        const struct command *command = registry_command(world->registry, index);
        if (!is_left_out(command, &world->prng) && usage_generate(&command->usage, &world->prng, &vocabulary, &words)) {
            break;
        }
    }
    struct gm_bytes argv[USAGE_WORDS_MAX];
    usage_words_argv(&words, argv);
    (void)buf_format(out, "*%u\r\n", words.count);
    for (uint32_t i = 0; i < words.count; i++) {
        (void)buf_format(out, "$%zu\r\n", argv[i].size);
        (void)buf_append(out, argv[i]);
        (void)buf_append(out, BYTES("\r\n"));
    }
    usage_words_finish(&words);
    world->calls++;
}

/* ---- a step ---- */

static void feed(struct world *world, size_t client)
{
    struct buf *input = &world->input[client];
    size_t wants;
    size_t consumed = pipeline_input(world->sessions[client], input->data, input->size, &wants);
    buf_consume(input, consumed);
}

static void collect(struct world *world, size_t client)
{
    struct session *session = world->sessions[client];
    size_t size = session_releasable(session);
    if (size > 0) {
        struct gm_bytes bytes = {session->out.data + session->sent, size};
        world->answers.k0 ^= siphash(&world->answers, bytes) + client;
        world->answers.k1 += size;
        world->answer_bytes += size;
        session_sent(session, size);
    }
    check(!session->overflowed);
}

static void follow_slice(struct world *world, struct gm_bytes rest)
{
    struct complaint complaint;
    while (rest.size > 0) {
        struct record record;
        size_t size;
        if (record_parse(rest, &record, &size, &complaint) != STATUS_OK) {
            die("a record that was just made", &complaint);
        }
        rest = (struct gm_bytes){rest.data + size, rest.size - size};
        if ((record.flags & RECORD_LOCAL) == 0 && record.sequence > world->second.tail.last_sequence) {
            world->changes++;
            if (world->source.sink.accept(&world->source.sink, &record, &complaint) != STATUS_OK) {
                die("the second shard", &complaint);
            }
        }
    }
}

/* The second shard is given what the first has appended, as a follower would be. */
static void follow(struct world *world)
{
    struct tail_slice slice;
    while (tail_take(&world->follower, SIZE_MAX, UINT64_MAX, &slice) == STATUS_OK) {
        follow_slice(world, slice.bytes);
        tail_release(&world->first.tail, &slice);
    }
}

static void step(struct world *world)
{
    static const int64_t leaps[] = {0, 0, 1, 3, 20, 400, 5000};
    world->now_ms += leaps[prng_below(&world->prng, sizeof leaps / sizeof leaps[0])];
    turn_begin(&world->worker, world->now_ms, world->now_ms - START_MS + 1);
    for (size_t client = 0; client < CLIENTS; client++) {
        size_t commands = prng_below(&world->prng, 4);
        for (size_t i = 0; i < commands && world->input[client].size < 65536; i++) {
            append_command(world, &world->input[client]);
        }
        feed(world, client);
    }
    (void)turn_end(&world->worker);
    follow(world);
    wal_turn(world->wal, world->now_ms - START_MS + 1);
    (void)sim_disk_run(world->sim, prng_below(&world->prng, 3));
    gate_release(&world->first.gate, wal_released(world->wal), wal_released(world->wal));
    for (size_t client = 0; client < CLIENTS; client++) {
        collect(world, client);
    }
}

/* ---- the end ---- */

static uint64_t recover(struct world *world)
{
    struct shard third;
    struct complaint complaint;
    struct replay *replay;
    struct source source;
    shard_start(&third, world->registry, 99);
    source_init(&source, &third);
    if (replay_create(&replay, sim_disk_interface(world->sim), true, 0, &complaint) != STATUS_OK) {
        die("opening the log again", &complaint);
    }
    enum status status;
    while ((status = replay_step(replay, 65536, &source.sink, &complaint)) == STATUS_AGAIN) {
    }
    if (status != STATUS_OK) {
        die("reading the log again", &complaint);
    }
    replay_destroy(replay);
    uint64_t digest = digest_shard(&third);
    shard_finish(&third);
    return digest;
}

static void compare(const char *what, uint64_t digest, uint64_t expected, uint64_t step)
{
    if (digest != expected) {
        (void)fprintf(stderr,
                      "determinism: after step %" PRIu64 " the %s has digest %016" PRIx64 ", the first has %016" PRIx64
                      "\n",
                      step, what, digest, expected);
        exit(1);
    }
}

struct outcome {
    uint64_t digest, answers, log, calls, changes, keys, answer_bytes, due;
};

static uint64_t log_digest(struct world *world)
{
    struct siphash_key chain = {3, 4};
    const char *name;
    for (size_t i = 0; (name = sim_disk_name(world->sim, i)) != NULL; i++) {
        chain.k0 += siphash(&chain, gm_bytes_of(name)) ^ siphash(&chain, sim_disk_contents(world->sim, name));
    }
    return chain.k0;
}

static struct outcome live(const struct registry *registry, uint64_t seed, uint64_t steps)
{
    struct world world;
    world_start(&world, registry, seed);
    for (uint64_t i = 0; i < steps; i++) {
        step(&world);
        if (i % 512 == 511) {
            uint64_t expected = digest_shard(&world.first);
            compare("second shard", digest_shard(&world.second), expected, i);
            compare("fourth shard", shard_fixture_rebuilt_digest(&world.first), expected, i);
        }
    }
    struct complaint complaint;
    if (wal_close(world.wal, &complaint) != STATUS_OK) {
        die("closing the log", &complaint);
    }
    struct outcome outcome = {
        .digest = digest_shard(&world.first),
        .answers = world.answers.k0,
        .log = log_digest(&world),
        .calls = world.calls,
        .changes = world.changes,
        .keys = world.first.databases.ledger.keys,
        .answer_bytes = world.answer_bytes,
        .due = world.first.stats.due,
    };
    compare("second shard", digest_shard(&world.second), outcome.digest, steps);
    compare("third shard", recover(&world), outcome.digest, steps);
    compare("fourth shard", shard_fixture_rebuilt_digest(&world.first), outcome.digest, steps);
    shard_fixture_check_empty(&world.first);
    world_finish(&world);
    return outcome;
}

static const struct registry *load(const char *folder)
{
    struct complaint complaint;
    const struct registry_interface interfaces[] = {{GM_WAIT_2, &host_wait_2}};
    const struct registry *registry = registry_create(interfaces, 1);
    uint32_t own_count;
    const struct gm_module *const *own = commands_all(&own_count);
    for (uint32_t i = 0; i < own_count; i++) {
        if (registry_add(&registry, own[i], NULL, &complaint) != STATUS_OK) {
            die("the host's own commands", &complaint);
        }
    }
    if (registry_add(&registry, &due_module, "due.so", &complaint) != STATUS_OK) {
        die("values that change by themselves", &complaint);
    }
    struct dirent **names;
    int count = scandir(folder, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[1024];
        size_t size = strlen(names[i]->d_name);
        if (size > 3 && strcmp(names[i]->d_name + size - 3, ".so") == 0) {
            (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
            if (loader_add(&registry, path, &complaint) != STATUS_OK) {
                die("a module", &complaint);
            }
        }
        free(names[i]);
    }
    free(names);
    if (registry_type_count(registry) == 0) {
        complaint_set(&complaint, "no types in %s", folder);
        die("modules", &complaint);
    }
    return registry;
}

static uint64_t number(const char *text)
{
    char *end;
    uint64_t value = strtoull(text, &end, 10);
    if (*text == '\0' || *end != '\0') {
        die("a number was expected", NULL);
    }
    return value;
}

int main(int argc, char **argv)
{
    const char *folder = GEOMYS_TEST_MODULE_DIR;
    uint64_t seed = seed_of_run();
    uint64_t runs = 3;
    uint64_t steps = 2000;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--modules") == 0) {
            folder = argv[i + 1];
        } else if (strcmp(argv[i], "--seed") == 0) {
            seed = number(argv[i + 1]);
        } else if (strcmp(argv[i], "--runs") == 0) {
            runs = number(argv[i + 1]);
        } else if (strcmp(argv[i], "--steps") == 0) {
            steps = number(argv[i + 1]);
        }
    }
    const struct registry *registry = load(folder);
    for (uint64_t i = 0; i < runs; i++) {
        (void)printf("seed %" PRIu64 ": ", seed + i);
        (void)fflush(stdout);
        struct outcome once = live(registry, seed + i, steps);
        struct outcome again = live(registry, seed + i, steps);
        if (memcmp(&once, &again, sizeof once) != 0) {
            (void)fprintf(stderr,
                          "determinism: the same seed gave another log (%d), other answers (%d) or other data (%d)\n",
                          once.log != again.log, once.answers != again.answers, once.digest != again.digest);
            return 1;
        }
        (void)printf("%" PRIu64 " calls, %" PRIu64 " records, %" PRIu64 " bytes of answers, %" PRIu64 " keys, %" PRIu64
                     " plans of what was due: four times the same\n",
                     once.calls, once.changes, once.answer_bytes, once.keys, once.due);
    }
    registry_release(registry);
    return 0;
}
