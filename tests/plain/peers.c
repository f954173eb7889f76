/* SPDX-License-Identifier: MIT */

/* peers.c - links between nodes over gRPC (env/peer.h, os/os_peers.h): between two loops of one process, each on its
 * thread, and between two processes, one of which is stopped and killed.
 *
 * Idea     What is called does by method and first word what the test needs: gives back what it gets, takes nothing for
 *          a while, floods, ends. Messages are numbered and filled by their number, so that order and wholeness show.
 *
 *     plain_peers                 the tests; its seed is an argument, or is chosen and printed
 *     plain_peers serve PORT      the side that is called, until its standard input ends
 *
 * Exit code 0 if all is as promised. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/memory.h"
#include "base/prng.h"
#include "os/os_clock.h"
#include "os/os_peers.h"

#define PROGRAM GEOMYS_TEST_MODULE_DIR "/../geomys-server" /* beside which the library lies */

_Noreturn static void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fputs("peers: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputs("\n", stderr);
    va_end(arguments);
    exit(1);
}

#define expect(condition) ((condition) ? (void)0 : die("line %d: not so: %s", __LINE__, #condition))

/* ---- one side: a loop, and its view ---- */

struct side {
    struct os_loop *loop;
    struct peer *peer;
    int64_t now_ms;
    bool (*done)(void *context); /* asked at the end of each turn; NULL: never */
    void *context;
    int64_t until_ms;
    atomic_bool stop;
};

static int64_t now_ms(void)
{
    return os_clock_monotonic_us() / 1000;
}

static void on_turn(void *context, int64_t wall_ms, int64_t monotonic_ms)
{
    (void)wall_ms;
    struct side *side = context;
    side->now_ms = monotonic_ms;
}

static int64_t on_turn_end(void *context)
{
    struct side *side = context;
    if (atomic_load(&side->stop) || (side->done != NULL && side->done(side->context)) ||
        side->now_ms >= side->until_ms) {
        os_loop_stop(side->loop);
    }
    return side->now_ms + 10;
}

static void side_init(struct side *side, struct os_peers *peers)
{
    struct complaint complaint;
    *side = (struct side){.until_ms = INT64_MAX};
    struct os_loop_driver driver = {.turn = on_turn, .turn_end = on_turn_end, .context = side};
    if (os_loop_create(&side->loop, &driver, &complaint) != STATUS_OK ||
        os_peers_join(peers, side->loop, &side->peer, &complaint) != STATUS_OK) {
        die("%s", complaint.text);
    }
}

/* Takes turns until `done`; false: it took too long. */
static bool run_until(struct side *side, bool (*done)(void *), void *context, int64_t most_ms)
{
    side->done = done;
    side->context = context;
    side->until_ms = now_ms() + most_ms;
    os_loop_run(side->loop);
    side->done = NULL;
    return done(context);
}

/* ---- numbered messages ---- */

#define BODY_MAX PEER_MESSAGE_MAX

/* 0 bytes, or its number and a filling that follows from it. */
static size_t compose(uint8_t *out, uint32_t number, size_t size)
{
    if (size < 4) {
        return 0;
    }
    codec_put_u32(out, number);
    memset(out + 4, (int)(number * 7 % 251), size - 4);
    return size;
}

static void inspect(struct gm_bytes message, uint32_t number)
{
    if (message.size == 0) {
        return;
    }
    expect(message.size >= 4 && codec_u32(message.data) == number);
    uint8_t filling = (uint8_t)(number * 7 % 251);
    for (size_t i = 4; i < message.size; i++) {
        if (message.data[i] != filling) {
            die("message %u is damaged at %zu", number, i);
        }
    }
}

/* ---- the side that is called ---- */

struct served {
    struct peer_link *link;
    struct peer *peer;
    uint8_t *kept; /* what could not be given back yet */
    size_t kept_size;
    bool keeps, floods;
    uint32_t flooded;
};

static bool says(struct gm_bytes message, const char *word)
{
    return message.size == strlen(word) && memcmp(message.data, word, message.size) == 0;
}

static void flood(struct served *served)
{
    static const uint8_t zeros[65536];
    uint8_t piece[65536];
    memcpy(piece, zeros, sizeof piece);
    while (served->floods) {
        size_t size = compose(piece, served->flooded, sizeof piece);
        if (peer_send(served->link, gm_bytes_at(piece, size)) != STATUS_OK) {
            return;
        }
        served->flooded++;
    }
}

static void give_back(struct served *served, struct gm_bytes message)
{
    if (peer_send(served->link, message) == STATUS_AGAIN) {
        expect(!served->keeps);
        memcpy(served->kept, message.data, message.size);
        served->kept_size = message.size;
        served->keeps = true;
        peer_pause(served->link, true);
    }
}

static void served_on_message(void *user, struct gm_bytes message)
{
    struct served *served = user;
    if (says(message, "hold")) {
        peer_pause(served->link, true);
    } else if (says(message, "flood")) {
        served->floods = true;
        flood(served);
    } else if (says(message, "end")) {
        for (uint32_t i = 0; i < 100; i++) {
            uint8_t piece[1000];
            expect(peer_send(served->link, gm_bytes_at(piece, compose(piece, i, sizeof piece))) == STATUS_OK);
        }
        peer_close(served->link, NULL);
        expect(peer_send(served->link, message) == STATUS_CLOSED);
    } else if (says(message, "refuse")) {
        peer_close(served->link, "you are not welcome");
    } else {
        give_back(served, message);
        if (peer_base(served->link)->method == PEER_EXECUTE) {
            peer_close(served->link, NULL);
        }
    }
}

static void served_on_writable(void *user)
{
    struct served *served = user;
    flood(served);
    if (served->keeps) {
        served->keeps = false;
        give_back(served, gm_bytes_at(served->kept, served->kept_size));
        if (!served->keeps) {
            peer_pause(served->link, false);
        }
    }
}

static void served_on_closed(void *user, enum peer_end end, const char *reason)
{
    (void)end;
    (void)reason;
    struct served *served = user;
    memory_free(served->kept);
    memory_free(served);
}

static bool on_accept(void *context, struct peer_link *link, const struct peer_user_ops **ops, void **user,
                      const char **reason)
{
    static const struct peer_user_ops served_ops = {
        .on_message = served_on_message, .on_writable = served_on_writable, .on_closed = served_on_closed};
    if (peer_base(link)->method == PEER_HEALTH_WATCH) {
        *reason = "nobody watches here";
        return false;
    }
    expect(peer_base(link)->accepted && strchr(peer_base(link)->peer, ':') != NULL);
    struct served *served = memory_zeroed(sizeof *served);
    served->kept = memory_alloc(PEER_MESSAGE_MAX);
    served->peer = context;
    served->link = link;
    *ops = &served_ops;
    *user = served;
    return true;
}

#define SERVED (1u << PEER_TALK | 1u << PEER_FOLLOW | 1u << PEER_FORWARD | 1u << PEER_EXECUTE | 1u << PEER_HEALTH_WATCH)

static void serve(struct side *side)
{
    side->peer->ops->accept(side->peer, SERVED, &(struct peer_acceptor){.on_accept = on_accept, .context = side->peer});
}

static void *run_side(void *context)
{
    struct side *side = context;
    os_loop_run(side->loop);
    return NULL;
}

/* ---- who opens ---- */

struct caller {
    struct peer_link *link;
    uint32_t got;
    uint64_t bytes;
    bool writable, closed;
    enum peer_end end;
    char reason[PEER_REASON_MAX];
    bool in_call;           /* a callback would come too early */
    bool closes_at_message; /* from inside it */
    bool words;             /* what comes back is not numbered */
    uint32_t wanted;
    uint8_t last_bytes[64];
};

static void caller_on_message(void *user, struct gm_bytes message)
{
    struct caller *caller = user;
    expect(!caller->in_call && !caller->closed);
    if (!caller->words) {
        inspect(message, caller->got);
    }
    caller->got++;
    caller->bytes += message.size;
    size_t kept = message.size < sizeof caller->last_bytes ? message.size : sizeof caller->last_bytes;
    if (kept > 0) {
        memcpy(caller->last_bytes, message.data, kept);
    }
    if (caller->closes_at_message) {
        peer_close(caller->link, NULL);
        peer_close(caller->link, NULL);
        expect(!caller->closed);
        expect(peer_send(caller->link, message) == STATUS_CLOSED);
    }
}

static void caller_on_writable(void *user)
{
    struct caller *caller = user;
    expect(!caller->in_call && !caller->closed);
    caller->writable = true;
}

static void caller_on_closed(void *user, enum peer_end end, const char *reason)
{
    struct caller *caller = user;
    expect(!caller->in_call && !caller->closed); /* peer E3 */
    caller->closed = true;
    caller->end = end;
    (void)snprintf(caller->reason, sizeof caller->reason, "%s", reason);
}

static void call(struct caller *caller, struct side *side, const char *address, enum peer_method method)
{
    static const struct peer_user_ops ops = {
        .on_message = caller_on_message, .on_writable = caller_on_writable, .on_closed = caller_on_closed};
    *caller = (struct caller){.in_call = true}; /* peer E2 */
    caller->link = peer_open(side->peer, address, method, &ops, caller);
    caller->in_call = false;
}

static void say(struct caller *caller, const char *word)
{
    expect(peer_send(caller->link, gm_bytes_of(word)) == STATUS_OK);
}

static bool is_closed(void *context)
{
    return ((struct caller *)context)->closed;
}

static bool has_wanted(void *context)
{
    const struct caller *caller = context;
    return caller->got >= caller->wanted || caller->closed;
}

static bool is_writable(void *context)
{
    const struct caller *caller = context;
    return caller->writable || caller->closed;
}

static void expect_end(struct caller *caller, struct side *side, enum peer_end end, int64_t within_ms)
{
    int64_t began_ms = now_ms();
    if (!run_until(side, is_closed, caller, within_ms + 2000)) {
        die("a link is not closed after %d ms", (int)within_ms + 2000);
    }
    if (caller->end != end || now_ms() - began_ms > within_ms) {
        die("a link ended as %d (\"%s\") after %d ms", (int)caller->end, caller->reason, (int)(now_ms() - began_ms));
    }
}

static void hang_up(struct caller *caller, struct side *side)
{
    peer_close(caller->link, NULL);
    expect(!caller->closed);
    expect_end(caller, side, PEER_DONE, 500);
}

/* ---- tests ---- */

struct world {
    struct os_peers *peers;
    struct side here;  /* the main thread's */
    struct side there; /* another thread's */
    pthread_t thread;
    char address[64];
    struct prng random;
};

/* peer E1: many messages of all sizes both ways. */
static void test_order(struct world *world)
{
    static uint8_t body[BODY_MAX];
    struct caller caller;
    call(&caller, &world->here, world->address, PEER_TALK);
    for (uint32_t sent = 0; sent < 2000;) {
        size_t most = prng_below(&world->random, 50) == 0 ? BODY_MAX : prng_below(&world->random, 5) == 0 ? 70000 : 300;
        size_t size = compose(body, sent, (size_t)prng_below(&world->random, most + 1));
        enum status status = peer_send(caller.link, gm_bytes_at(body, size));
        if (status == STATUS_OK) {
            sent++;
            continue;
        }
        expect(status == STATUS_AGAIN && peer_queued(caller.link) >= PEER_QUEUE_MAX);
        caller.writable = false;
        expect(run_until(&world->here, is_writable, &caller, 20000) && !caller.closed);
        expect(peer_queued(caller.link) <= PEER_QUEUE_MAX / 2); /* peer E4 */
    }
    caller.wanted = 2000;
    expect(run_until(&world->here, has_wanted, &caller, 30000) && !caller.closed);
    hang_up(&caller, &world->here);
}

/* peer E3: what came before an orderly end is given, then the end. */
static void test_ends(struct world *world)
{
    struct caller caller;
    call(&caller, &world->here, world->address, PEER_TALK);
    say(&caller, "end");
    expect_end(&caller, &world->here, PEER_DONE, 2000);
    expect(caller.got == 100);
    call(&caller, &world->here, world->address, PEER_FOLLOW);
    say(&caller, "refuse");
    expect_end(&caller, &world->here, PEER_REFUSED, 2000);
    expect(strcmp(caller.reason, "you are not welcome") == 0);
    call(&caller, &world->here, world->address, PEER_HEALTH_WATCH);
    expect_end(&caller, &world->here, PEER_REFUSED, 2000);
    expect(strcmp(caller.reason, "nobody watches here") == 0);
    call(&caller, &world->here, world->address, PEER_SESSION); /* nobody accepts it: peer E7 */
    expect_end(&caller, &world->here, PEER_REFUSED, 2000);
    expect(strstr(caller.reason, "no such method") != NULL);
    call(&caller, &world->here, world->address, PEER_EXECUTE);
    caller.words = true;
    say(&caller, "question");
    expect(peer_send(caller.link, gm_bytes_of("another")) == STATUS_CLOSED);
    expect_end(&caller, &world->here, PEER_DONE, 2000);
    expect(caller.got == 1 && memcmp(caller.last_bytes, "question", 8) == 0);
}

/* ---- main ---- */

static void start_world(struct world *world)
{
    struct complaint complaint;
    uint16_t port = 0;
    if (os_peers_create(&world->peers, PROGRAM, &complaint) != STATUS_OK ||
        os_peers_listen(world->peers, "127.0.0.1", 0, &port, &complaint) != STATUS_OK) {
        die("%s", complaint.text);
    }
    (void)snprintf(world->address, sizeof world->address, "127.0.0.1:%u", port);
    side_init(&world->here, world->peers);
    side_init(&world->there, world->peers);
    serve(&world->there);
    expect(pthread_create(&world->thread, NULL, run_side, &world->there) == 0);
}

static void end_world(struct world *world)
{
    atomic_store(&world->there.stop, true);
    expect(pthread_join(world->thread, NULL) == 0);
    os_peers_leave(world->peers, world->there.peer);
    os_peers_destroy(world->peers);
    os_loop_destroy(world->here.loop);
    os_loop_destroy(world->there.loop);
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)os_clock_monotonic_us();
    (void)printf("peers: seed %llu\n", (unsigned long long)seed);
    (void)fflush(stdout);
    static struct world world;
    prng_seed(&world.random, seed);
    start_world(&world);
    test_order(&world);
    test_ends(&world);
    end_world(&world);
    return 0;
}
