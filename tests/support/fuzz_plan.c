/* SPDX-License-Identifier: MIT */

/* fuzz_plan.c - the interpreter of scripts of commands; fuzz_plan.h says what a script is and what is checked. */
#include "support/fuzz_plan.h"
#include "shard/digest.h"

#include "log/replay.h"
#include "module/usage/usage_random.h"
#include "support/resp_text.h"
#include "support/shard_fixture.h"

#define LINES_MAX  200
#define LCS_MAX    3    /* calls per script: it costs the product of two lengths */
#define OFFSET_MAX 3000 /* that SETRANGE and its like may have, unless it is refused anyway */
#define KEYS       6

struct script {
    struct shard_fixture at;
    const struct registry *registry;
    const char *module;
    unsigned owed[SHARD_FIXTURE_CLIENTS]; /* replies */
    unsigned lcs;
};

/* ---- drawing a command ---- */

static const char *const host_commands[] = {"del",     "expire",    "pexpire", "persist", "multi",  "exec",
                                            "discard", "rename",    "copy",    "type",    "object", "peek",
                                            "exists",  "pexpireat", "watch",   "flushall"};

static void draw_key(void *context, struct prng *prng, const struct usage *usage, uint32_t leaf, struct buf *out)
{
    (void)context;
    (void)usage;
    (void)leaf;
    (void)buf_format(out, "k%d", (int)prng_below(prng, KEYS));
}

static void draw_string(void *context, struct prng *prng, const struct usage *usage, uint32_t leaf, struct buf *out)
{
    static const char *const words[] = {"",    "a",      "abc",   "0",  "17", "-1", "9223372036854775807",
                                        "0.5", "-12.25", "1e300", "x y"};
    (void)context;
    if (gm_bytes_equal(usage_leaf_text(usage, leaf), BYTES("encoding"))) {
        (void)buf_format(out, "%c%d", prng_below(prng, 2) == 0 ? 'i' : 'u', (int)prng_below(prng, 66));
        return;
    }
    if (prng_below(prng, 4) != 0) {
        (void)buf_append(out, gm_bytes_of(words[prng_below(prng, sizeof words / sizeof words[0])]));
        return;
    }
    size_t size = prng_below(prng, 16) == 0 ? prng_below(prng, 20000) : prng_below(prng, 300);
    uint8_t *target = buf_reserve(out, size);
    for (size_t i = 0; target != NULL && i < size; i++) {
        target[i] = (uint8_t)prng_next(prng);
    }
    out->size += target != NULL ? size : 0;
}

static int64_t draw_integer(void *context, struct prng *prng, const struct usage *usage, uint32_t leaf)
{
    const struct script *script = context;
    switch (usage_leaf(usage, leaf)->type) {
    case USAGE_UNIX:
        return script->at.now_ms / 1000 + (int64_t)prng_below(prng, 5) - 2;
    case USAGE_UNIX_MS:
        return script->at.now_ms + (int64_t)prng_below(prng, 2000) - 500;
    case USAGE_TIMEOUT:
        return (int64_t)prng_below(prng, 300);
    default:
        break;
    }
    switch (prng_below(prng, 16)) {
    case 0:
        return prng_below(prng, 2) == 0 ? INT64_MAX : INT64_MIN;
    case 1:
        return (int64_t)prng_below(prng, OFFSET_MAX);
    case 2:
    case 3:
        return -(int64_t)prng_below(prng, 12);
    default:
        return (int64_t)prng_below(prng, 24);
    }
}

/* The module's commands first, then the host's from the list. */
static const struct command *choose(const struct script *script, uint32_t choice)
{
    const struct module *module = registry_module_named(script->registry, gm_bytes_of(script->module));
    check(module != NULL);
    uint32_t own = module->abi->command_count;
    uint32_t host = sizeof host_commands / sizeof host_commands[0];
    choice %= own + host;
    if (choice < own) {
        return &module->commands[choice];
    }
    return registry_command_named(script->registry, gm_bytes_of(host_commands[choice - own]));
}

static void append_words(struct buf *out, const struct usage_words *words)
{
    struct gm_bytes argv[USAGE_WORDS_MAX];
    usage_words_argv(words, argv);
    (void)buf_format(out, "*%u\r\n", words->count);
    for (uint32_t i = 0; i < words->count; i++) {
        (void)buf_format(out, "$%zu\r\n", argv[i].size);
        (void)buf_append(out, argv[i]);
        (void)buf_append(out, BYTES("\r\n"));
    }
}

/* False: no such command, or it has become too long. */
static bool draw(struct script *script, struct gm_bytes seed, struct buf *out)
{
    const struct command *command = choose(script, seed.data[0]);
    if (command == NULL) {
        return false;
    }
    struct siphash_key key = {1, 2};
    struct prng prng;
    prng_seed(&prng, siphash(&key, (struct gm_bytes){seed.data + 1, seed.size - 1}));
    struct usage_vocabulary vocabulary = {
        .context = script, .key = draw_key, .string = draw_string, .integer = draw_integer};
    struct usage_words words;
    usage_words_init(&words);
    bool drawn = usage_generate(&command->usage, &prng, &vocabulary, &words);
    if (drawn) {
        append_words(out, &words);
    }
    usage_words_finish(&words);
    return drawn;
}

/* ---- what only costs time ---- */

static bool begins_with(struct gm_bytes line, const char *name)
{
    size_t size = strlen(name);
    return line.size >= size && bytes_equal_nocase((struct gm_bytes){line.data, size}, name);
}

static bool has_great_offset(struct gm_bytes line)
{
    uint64_t number = 0;
    for (size_t i = 0; i < line.size; i++) {
        bool digit = line.data[i] >= '0' && line.data[i] <= '9';
        number = digit ? number * 10 + (line.data[i] - '0') : 0;
        number = number > UINT64_C(1) << 50 ? UINT64_C(1) << 50 : number;
        bool ends = i + 1 == line.size || line.data[i + 1] < '0' || line.data[i + 1] > '9';
        if (digit && ends && number > OFFSET_MAX && number < UINT64_C(1) << 50) {
            return true;
        }
    }
    return false;
}

static bool is_costly(struct script *script, struct gm_bytes line)
{
    static const char *const with_offsets[] = {"setrange", "setbit", "bitfield", "\"", "'"};
    if (begins_with(line, "lcs") && ++script->lcs > LCS_MAX) {
        return true;
    }
    for (size_t i = 0; i < sizeof with_offsets / sizeof with_offsets[0]; i++) {
        if (begins_with(line, with_offsets[i]) && has_great_offset(line)) {
            return true;
        }
    }
    return false;
}

/* ---- saying and hearing ---- */

static unsigned count_replies(struct session *session)
{
    size_t size = session_releasable(session);
    check(size == session->out.size - session->sent); /* nothing is held back: there is no disk to wait for */
    if (size == 0) {
        return 0;
    }
    struct gm_bytes rest = {session->out.data + session->sent, size};
    unsigned count = 0;
    while (rest.size > 0) {
        size_t taken = resp_text_reply(rest, NULL);
        check(taken != 0 && taken != RESP_TEXT_BROKEN);
        rest = (struct gm_bytes){rest.data + taken, rest.size - taken};
        count++;
    }
    session_sent(session, size);
    return count;
}

static void hear_all(struct script *script)
{
    for (unsigned i = 0; i < SHARD_FIXTURE_CLIENTS; i++) {
        struct session *session = script->at.clients[i];
        list_remove(&session->dirty);
        check(!session->overflowed);
        unsigned waits = session->waiting ? 1 : 0;
        check(count_replies(session) + waits == script->owed[i]);
        script->owed[i] = waits;
        session->resumed = false;
        if (session->doomed) {
            shard_fixture_hang_up(&script->at, i);
            script->owed[i] = 0;
        }
    }
}

static void say(struct script *script, unsigned client, struct gm_bytes call)
{
    struct session *session = script->at.clients[client];
    if (session->waiting) {
        return;
    }
    uint64_t commands = session->commands;
    size_t consumed = shard_fixture_send(&script->at, client, call);
    check(consumed == call.size);
    script->owed[client] += session->commands != commands || session->doomed;
}

/* ---- lines ---- */

static void live_line(struct script *script, struct gm_bytes line)
{
    struct buf call;
    buf_init(&call, (size_t)8 << 20);
    unsigned client = 0;
    if (line.size >= 3 && line.data[0] >= '0' && line.data[0] <= '3' && line.data[1] == ':' && line.data[2] == ' ') {
        client = line.data[0] - '0';
        line = (struct gm_bytes){line.data + 3, line.size - 3};
    }
    if (line.size > 0 && line.data[0] == '+') {
        int64_t ms = 0;
        struct gm_bytes digits = {line.data + 1, line.size - 1 < 5 ? line.size - 1 : 5};
        if (bytes_to_int(digits, &ms) && ms >= 0) {
            shard_fixture_pass(&script->at, ms);
        }
    } else if (line.size >= 2 && line.data[0] == '?') {
        if (draw(script, (struct gm_bytes){line.data + 1, line.size - 1}, &call)) {
            say(script, line.data[1] >> 6, buf_bytes(&call));
        }
    } else if (line.size > 0 && line.data[0] != '*' && !is_costly(script, line)) {
        (void)buf_append(&call, line);
        (void)buf_append(&call, BYTES("\r\n"));
        say(script, client, buf_bytes(&call));
    }
    buf_finish(&call);
    hear_all(script);
}

static void live(struct script *script, struct gm_bytes rest)
{
    for (unsigned lines = 0; rest.size > 0 && lines < LINES_MAX; lines++) {
        const uint8_t *end = memchr(rest.data, '\n', rest.size);
        size_t size = end != NULL ? (size_t)(end - rest.data) : rest.size;
        live_line(script, (struct gm_bytes){rest.data, size});
        size_t taken = end != NULL ? size + 1 : size;
        rest = (struct gm_bytes){rest.data + taken, rest.size - taken};
    }
}

/* ---- the end ---- */

static void check_copies(struct script *script, const struct registry *registry)
{
    struct shard_fixture follower;
    uint64_t digest = digest_shard(&script->at.shard);
    shard_fixture_begin(&follower, &(struct shard_fixture_options){.seed = 2}, registry, false);
    shard_fixture_replay(&script->at, &follower);
    check(digest_shard(&follower.shard) == digest);
    check(follower.damages == 0);
    shard_fixture_close(&follower);
    check(shard_fixture_rebuilt_digest(&script->at.shard) == digest);
    check(script->at.damages == 0);
}

int fuzz_plan_run(const struct registry *registry, const char *module, const uint8_t *data, size_t size)
{
    static struct script script; /* too large for a stack */
    script = (struct script){.registry = registry, .module = module};
    shard_fixture_begin(&script.at, &(struct shard_fixture_options){.seed = 1}, registry, false);
    live(&script, (struct gm_bytes){data, size});
    check_copies(&script, registry);
    shard_fixture_close(&script.at);
    return 0;
}
