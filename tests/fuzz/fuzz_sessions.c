/* SPDX-License-Identifier: MIT */

/* fuzz_sessions.c - several clients of one shard do what they like: messages, MONITOR, tracking, transactions, waiting,
 * pauses, both protocols, answers switched off; they do not read, hang up, and are killed.
 *
 * Input   a byte of options, then steps: u8 client (low 2 bits) and action; a command has the number of a line of
 *         `lines` behind it, and a byte for each blank in the line that is to be filled.
 *
 * Checks  After each step: what is counted is what there is. Each byte that a client is sent belongs to a well-formed
 *         reply. When all have hung up nobody listens, watches, waits, tracks, monitors or is held, and nothing that
 *         was kept for them is left. */
#include "serve/notify.h"
#include "support/resp_text.h"
#include "support/shard_fixture.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX  400
#define INPUT_MAX  ((size_t)64 * 1024)
#define ROUNDS_MAX 64 /* of a client whose input goes on after a wait */

enum option { HELD = 1, LOG = 2, NOTIFY = 4, FEW_KEYS = 8, SMALL_OUTPUT = 16, PASSWORD = 32 };

/* k a key, v a value, c a channel, p a pattern, i a client's id, n a number. */
static const char *const lines[] = {
    "SET k v",
    "GET k",
    "MGET k k k",
    "MSET k v k v",
    "DEL k",
    "INCR k",
    "APPEND k v",
    "SET k v PX n",
    "PEXPIRE k n",
    "PERSIST k",
    "RENAME k k",
    "COPY k k REPLACE",
    "EXISTS k k",
    "TTL k",
    "TYPE k",
    "FLUSHALL",
    "RPUSH k v",
    "RPUSH k v v v",
    "LPOP k",
    "LRANGE k 0 -1",
    "BLPOP k k 0",
    "BLPOP k 0.01",
    "BLMOVE k k LEFT RIGHT 0",
    "BRPOPLPUSH k k 0.02",
    "BLMPOP 0 2 k k LEFT COUNT 2",
    "MULTI",
    "EXEC",
    "DISCARD",
    "WATCH k k",
    "UNWATCH",
    "SUBSCRIBE c c",
    "UNSUBSCRIBE c",
    "UNSUBSCRIBE",
    "PSUBSCRIBE p",
    "PUNSUBSCRIBE p",
    "PUNSUBSCRIBE",
    "PUBLISH c v",
    "PUBSUB CHANNELS p",
    "PUBSUB NUMSUB c c",
    "MONITOR",
    "CLIENT TRACKING ON",
    "CLIENT TRACKING ON NOLOOP",
    "CLIENT TRACKING ON OPTIN",
    "CLIENT TRACKING ON OPTOUT NOLOOP",
    "CLIENT TRACKING ON REDIRECT i",
    "CLIENT TRACKING ON BCAST",
    "CLIENT TRACKING ON BCAST NOLOOP PREFIX k PREFIX k",
    "CLIENT TRACKING ON BCAST REDIRECT i PREFIX k",
    "CLIENT TRACKING OFF",
    "CLIENT CACHING YES",
    "CLIENT CACHING NO",
    "CLIENT TRACKINGINFO",
    "CLIENT GETREDIR",
    "CLIENT LIST",
    "CLIENT INFO",
    "CLIENT KILL ID i",
    "CLIENT KILL ID i SKIPME NO",
    "CLIENT KILL TYPE pubsub",
    "CLIENT UNBLOCK i",
    "CLIENT UNBLOCK i ERROR",
    "CLIENT PAUSE n",
    "CLIENT PAUSE n WRITE",
    "CLIENT UNPAUSE",
    "CLIENT REPLY OFF",
    "CLIENT REPLY SKIP",
    "CLIENT REPLY ON",
    "CLIENT SETNAME v",
    "HELLO 3",
    "HELLO 2",
    "HELLO 3 AUTH default secret",
    "AUTH secret",
    "AUTH v",
    "RESET",
    "QUIT",
    "PING",
    "WAITAOF 1 0 0",
    "WAITAOF 1 0 n",
    "NONSENSE v",
    "GET",
    "COMMAND COUNT",
    "SSUBSCRIBE c c",
    "SUNSUBSCRIBE",
    "SPUBLISH c v",
    "WAIT 1 n",
    "CLIENT KILL ID i ID i",
};

#define LINES (sizeof lines / sizeof lines[0])

struct input {
    const uint8_t *at;
    const uint8_t *end;
};

struct scene {
    struct shard_fixture fixture;
    struct input input;
    struct buf pending[SHARD_FIXTURE_CLIENTS]; /* said, and not taken yet */
    uint64_t options;
};

static uint8_t next(struct input *input)
{
    return input->at < input->end ? *input->at++ : 0;
}

/* ---- what is said ---- */

static void fill(struct scene *scene, char blank, struct buf *line)
{
    static const char *const keys[] = {"a", "b", "ab", "abc", "list", "x"};
    static const char *const values[] = {"1", "v", "-", "9223372036854775807", "secret"};
    static const char *const channels[] = {"c", "d", "cd", "__keyevent@0__:set"};
    static const char *const patterns[] = {"*", "c*", "?", "__key*"};
    static const char *const numbers[] = {"0", "1", "5", "30", "-1"};
    uint8_t byte = next(&scene->input);
    switch (blank) {
    case 'k':
        (void)buf_append(line, gm_bytes_of(keys[byte % 6]));
        break;
    case 'v':
        (void)buf_append(line, gm_bytes_of(values[byte % 5]));
        break;
    case 'c':
        (void)buf_append(line, gm_bytes_of(channels[byte % 4]));
        break;
    case 'p':
        (void)buf_append(line, gm_bytes_of(patterns[byte % 4]));
        break;
    case 'n':
        (void)buf_append(line, gm_bytes_of(numbers[byte % 5]));
        break;
    default:
        (void)buf_format(line, "%llu",
                         (unsigned long long)scene->fixture.clients[byte % SHARD_FIXTURE_CLIENTS]->caller.id);
        break;
    }
}

static void write_line(struct scene *scene, struct buf *line)
{
    const char *text = lines[next(&scene->input) % LINES];
    for (; *text != '\0'; text++) {
        if (*text >= 'a' && *text <= 'z' && text[-1] == ' ' && (text[1] == ' ' || text[1] == '\0')) {
            fill(scene, *text, line);
        } else {
            (void)buf_append(line, (struct gm_bytes){(const uint8_t *)text, 1});
        }
    }
    (void)buf_append(line, BYTES("\r\n"));
}

/* ---- what is heard ---- */

static void hear(struct scene *scene, unsigned client)
{
    struct session *session = scene->fixture.clients[client];
    list_remove(&session->dirty);
    size_t size = session->overflowed ? 0 : session_releasable(session);
    struct gm_bytes bytes = {size > 0 ? session->out.data + session->sent : NULL, size};
    while (bytes.size > 0) {
        size_t reply = resp_text_reply(bytes, NULL);
        check(reply != RESP_TEXT_BROKEN && reply != 0);
        bytes = (struct gm_bytes){bytes.data + reply, bytes.size - reply};
    }
    if (size > 0) {
        session_sent(session, size);
    }
}

static void hang_up(struct scene *scene, unsigned client)
{
    shard_fixture_hang_up(&scene->fixture, client);
    buf_clear(&scene->pending[client], 0);
}

/* Whatever a client has said is taken as far as it goes; who is over goes. */
static void settle(struct scene *scene)
{
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        bool more = false;
        for (unsigned i = 0; i < SHARD_FIXTURE_CLIENTS; i++) {
            struct session *session = scene->fixture.clients[i];
            struct buf *pending = &scene->pending[i];
            if (session_over(session)) {
                hang_up(scene, i);
            } else if (session->resumed) {
                session->resumed = false;
                buf_consume(pending, shard_fixture_send(&scene->fixture, i, buf_bytes(pending)));
                more = true;
            }
        }
        if (!more) {
            return;
        }
    }
}

/* ---- what must hold ---- */

static size_t length_of(const struct list *list)
{
    size_t length = 0;
    for (const struct list *at = list->next; at != list; at = at->next) {
        length++;
    }
    return length;
}

static void check_counts(const struct worker *worker)
{
    uint64_t sessions = 0;
    uint64_t blocked = 0;
    uint64_t topics = 0;
    uint64_t watched = 0;
    uint64_t trackers = 0;
    uint64_t items = 0;
    uint64_t bcasts = 0;
    uint64_t monitors = 0;
    uint64_t redirected = 0;
    uint64_t targets = 0;
    for (const struct list *at = worker->sessions.all.next; at != &worker->sessions.all; at = at->next) {
        const struct session *session = container_of(at, struct session, all);
        const struct tracker *tracker = session->tracker;
        sessions++;
        blocked += session->waiting || !list_empty(&session->held);
        topics += session_topics(session);
        watched += length_of(&session->watches);
        monitors += !list_empty(&session->monitors);
        redirected += length_of(&session->redirections);
        check(session->waiting == (session->parked != NULL));
        check(session->sent <= session->released_end && session->released_end <= session->out.size);
        check(session->out.size <= session->out.limit);
        if (tracker != NULL) {
            trackers++;
            items += tracker->link_count;
            bcasts += tracker->bcast_count;
            targets += tracker->target != NULL;
            check(tracker->session == session && length_of(&tracker->links) == tracker->link_count);
            check(length_of(&tracker->bcasts) == tracker->bcast_count);
        }
    }
    check(sessions == worker->sessions.count && blocked == worker->sessions.blocked);
    check(topics == worker->pubsub.links.count && watched == worker->interest.watchers);
    check(monitors == length_of(&worker->monitors) && redirected == targets);
    check(trackers == worker->tracking.tracker_count && items == worker->tracking.items);
    check((bcasts == 0) == (worker->tracking.prefixes.count == 0));
    check(worker->tracking.pending == 0 && worker->sessions.pushed.size == 0 && worker->depth == 0);
    check((worker->tracking.links.count == 0) == (worker->tracking.keys.count == 0));
    check(worker->options.tracking_max_keys == 0 || worker->tracking.keys.count <= worker->options.tracking_max_keys);
}

static void check_nothing_left(const struct worker *worker)
{
    check(worker->sessions.blocked == 0);
    check(worker->pubsub.links.count == 0 && worker->pubsub.topics[PUBSUB_CHANNEL].count == 0);
    check(worker->pubsub.topics[PUBSUB_PATTERN].count == 0 && worker->pubsub.topics[PUBSUB_SHARD].count == 0);
    check(worker->interest.key_count == 0 && worker->interest.watchers == 0 && worker->interest.waiters == 0);
    check(list_empty(&worker->interest.ready) && list_empty(&worker->interest.later));
    check(heap_first(&worker->timeouts) == NULL);
    check(worker->tracking.tracker_count == 0 && worker->tracking.keys.count == 0);
    check(worker->tracking.links.count == 0 && list_empty(&worker->tracking.leaving));
    check(worker->tracking.longest == 0 && worker->tracking.lengths[0] == 0);
    check(list_empty(&worker->monitors) && list_empty(&worker->held[HOLD_PAUSE]) &&
          list_empty(&worker->held[HOLD_SWEEP]) && list_empty(&worker->syncing) && list_empty(&worker->stints));
    check(list_empty(&worker->sessions.dirty));
}

/* ---- steps ---- */

static void let_go(struct scene *scene, uint8_t byte)
{
    struct shard_fixture *fixture = &scene->fixture;
    if ((scene->options & LOG) != 0) {
        shard_fixture_sync(fixture);
    } else if ((scene->options & HELD) != 0) {
        uint64_t released = gate_released(&fixture->shard.gate, GATE_LOCAL);
        uint64_t last = fixture->shard.tail.last_sequence;
        shard_fixture_release(fixture, released + (last - released) * (byte % 4) / 3);
    }
}

static void step(struct scene *scene)
{
    enum { SAY, SAY_TOO, ADD, HANG_UP, PASS, LET_GO, HEAR, RAW };
    static const uint8_t actions[16] = {SAY, SAY,  SAY,  SAY,    SAY,  SAY,  SAY,     ADD,
                                        ADD, PASS, PASS, LET_GO, HEAR, HEAR, HANG_UP, RAW};
    uint8_t byte = next(&scene->input);
    unsigned client = byte & 3;
    struct buf *pending = &scene->pending[client];
    switch (actions[(byte >> 2) & 15]) {
    case ADD: /* and more to come: one input with several commands */
        write_line(scene, pending);
        return;
    case HANG_UP:
        hang_up(scene, client);
        break;
    case PASS:
        shard_fixture_pass(&scene->fixture, next(&scene->input));
        break;
    case LET_GO:
        let_go(scene, next(&scene->input));
        break;
    case HEAR:
        hear(scene, client);
        break;
    case RAW: {
        size_t size = next(&scene->input) % 32;
        size_t left = (size_t)(scene->input.end - scene->input.at);
        size = size < left ? size : left;
        (void)buf_append(pending, (struct gm_bytes){scene->input.at, size});
        scene->input.at += size;
        buf_consume(pending, shard_fixture_send(&scene->fixture, client, buf_bytes(pending)));
        break;
    }
    default:
        write_line(scene, pending);
        buf_consume(pending, shard_fixture_send(&scene->fixture, client, buf_bytes(pending)));
        break;
    }
    settle(scene);
    check_counts(&scene->fixture.worker);
}

/* ---- a run ---- */

static const struct registry *registry_once(void)
{
    static const struct registry *registry; /* lives as long as the process, as its interface does */
    if (registry == NULL) {
        registry = shard_fixture_registry(&(struct shard_fixture_options){0});
    }
    return registry;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scene scene = {.input = {data, data + size}};
    scene.options = next(&scene.input);
    shard_fixture_open(&scene.fixture, &(struct shard_fixture_options){
                                           .registry = registry_once(),
                                           .held = (scene.options & HELD) != 0,
                                           .log = (scene.options & LOG) != 0,
                                           .output_max = (scene.options & SMALL_OUTPUT) != 0 ? 4096 : 0,
                                           .password = (scene.options & PASSWORD) != 0 ? "secret" : NULL,
                                           .queue_max = 4096,
                                           .seed = 7,
                                       });
    const struct worker *worker = &scene.fixture.worker;
    scene.fixture.options.notify = (scene.options & NOTIFY) != 0 ? notify_classes("KEA") : 0;
    scene.fixture.options.tracking_max_keys = (scene.options & FEW_KEYS) != 0 ? 2 : 0;
    shard_fixture_configure(&scene.fixture);
    for (unsigned i = 0; i < SHARD_FIXTURE_CLIENTS; i++) {
        buf_init(&scene.pending[i], INPUT_MAX);
    }
    for (unsigned i = 0; i < STEPS_MAX && scene.input.at < scene.input.end; i++) {
        step(&scene);
    }
    let_go(&scene, 3);
    for (unsigned i = 0; i < SHARD_FIXTURE_CLIENTS; i++) {
        hear(&scene, i);
        hang_up(&scene, i);
        buf_finish(&scene.pending[i]);
    }
    shard_fixture_pass(&scene.fixture, 0);
    check_counts(worker);
    check_nothing_left(worker);
    shard_fixture_close(&scene.fixture);
    return 0;
}
