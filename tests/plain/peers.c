/* SPDX-License-Identifier: MIT */

/* peers.c - links between nodes over gRPC (env/peer.h, os/os_peers.h): between two loops of one process, each on its
 * thread, and between two processes, one of which is stopped and killed.
 *
 * Idea     What is called does by method and first word what the test needs: gives back what it gets, takes nothing for
 *          a while, floods, ends. Messages are numbered and filled by their number, so that order and wholeness show.
 *
 *     plain_peers                 the tests; its seed is an argument, or is chosen and printed
 *     plain_peers serve PORT      the side that is called, until its standard input ends; with `tell` it says how links
 *                                 ended, and at last what it has counted
 *     plain_peers measure         figures
 *
 * Exit code 0 if all is as promised. */
#include <arpa/inet.h>
#include <dirent.h>
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

#define SLACK_MS 3000 /* that a shared machine may take for itself, beyond what is promised */
#define PROGRAM  GEOMYS_TEST_MODULE_DIR "/../geomys-server" /* beside which the library lies */

#if defined __SANITIZE_THREAD__
/* gRPC is not instrumented: what its threads do to each other is not seen, and would be reported. */
__attribute__((visibility("default"))) const char *__tsan_default_options(void);

const char *__tsan_default_options(void)
{
    return "ignore_noninstrumented_modules=1";
}
#endif

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
    atomic_uint served; /* links that came in and are not closed yet */
    bool tells;         /* on standard output, how links have ended */
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
    *side = (struct side){.until_ms = INT64_MAX, .tells = side->tells};
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
    struct side *side;
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
    struct served *served = user;
    if (served->side->tells) {
        (void)printf("ended %d %s\n", (int)end, reason);
        (void)fflush(stdout);
    }
    atomic_fetch_sub(&served->side->served, 1);
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
    served->side = context;
    served->link = link;
    atomic_fetch_add(&served->side->served, 1);
    *ops = &served_ops;
    *user = served;
    return true;
}

#define SERVED (1u << PEER_TALK | 1u << PEER_FOLLOW | 1u << PEER_FORWARD | 1u << PEER_EXECUTE | 1u << PEER_HEALTH_WATCH)

static void serve(struct side *side)
{
    side->peer->ops->accept(side->peer, SERVED, &(struct peer_acceptor){.on_accept = on_accept, .context = side});
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

/* Closing from inside a callback, and all of it in one turn. */
static void test_closing_inside(struct world *world)
{
    enum { LINKS = 20 };
    static struct caller callers[LINKS];
    for (size_t i = 0; i < LINKS; i++) {
        call(&callers[i], &world->here, world->address, i % 2 == 0 ? PEER_TALK : PEER_FORWARD);
        callers[i].words = true;
        callers[i].closes_at_message = true;
        say(&callers[i], i % 3 == 0 ? "flood" : "word");
    }
    for (size_t i = 0; i < LINKS; i++) {
        expect_end(&callers[i], &world->here, PEER_DONE, 3000);
        expect(callers[i].got == 1);
    }
}

/* Memory of this process, MiB. */
static double resident(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    expect(file != NULL && fscanf(file, "%*u %lu", &pages) == 1);
    (void)fclose(file);
    return (double)pages * 4096 / 1048576;
}

static bool never(void *context)
{
    (void)context;
    return false;
}

static bool nobody_is_served(void *context)
{
    return atomic_load(&((struct side *)context)->served) == 0;
}

/* Many messages, whose bytes are not what they cost: peer E4, E5. */
static void test_bounds(struct world *world)
{
    struct caller caller;
    call(&caller, &world->here, world->address, PEER_FOLLOW);
    say(&caller, "hold");
    double before = resident();
    uint64_t sent = 0;
    for (uint64_t round = UINT64_MAX; round != sent;) {
        round = sent;
        while (peer_send(caller.link, gm_bytes_at("", 0)) == STATUS_OK) {
            sent++;
        }
        (void)run_until(&world->here, never, NULL, 200);
    }
    (void)printf("peers: %llu empty messages wait, with %.0f MiB\n", (unsigned long long)sent, resident() - before);
    expect(sent < 1000000 && resident() - before < 200);
    peer_close(caller.link, NULL);
    expect_end(&caller, &world->here, PEER_DONE, 500);
    expect(atomic_load(&world->there.served) > 0);                         /* it takes nothing */
    if (!run_until(&world->here, nobody_is_served, &world->there, 9000)) { /* os_grpc_link P2 */
        die("a link that nobody has any more is still there");
    }
}

/* What this side does not take makes the other one wait. */
static void test_pause(struct world *world)
{
    struct caller caller;
    call(&caller, &world->here, world->address, PEER_FOLLOW);
    peer_pause(caller.link, true);
    say(&caller, "flood");
    (void)run_until(&world->here, never, NULL, 500);
    expect(caller.got == 0);
    peer_pause(caller.link, false);
    caller.wanted = 2000;
    expect(run_until(&world->here, has_wanted, &caller, 20000) && !caller.closed); /* 128 MiB, in order */
    hang_up(&caller, &world->here);
}

/* ---- another process ---- */

struct child {
    pid_t pid;
    int input; /* it ends when this is closed */
    int port;
};

static void child_start(struct child *child, int port)
{
    int input[2];
    int output[2];
    char text[16] = "";
    expect(pipe(input) == 0 && pipe(output) == 0);
    (void)snprintf(text, sizeof text, "%d", port);
    child->pid = fork();
    expect(child->pid >= 0);
    if (child->pid == 0) {
        (void)dup2(input[0], 0);
        (void)dup2(output[1], 1);
        for (int fd = 3; fd < 1024; fd++) {
            (void)close(fd);
        }
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)execl("/proc/self/exe", "plain_peers", "serve", text, (char *)NULL);
        _exit(1);
    }
    (void)close(input[0]);
    (void)close(output[1]);
    child->input = input[1];
    memset(text, 0, sizeof text);
    size_t size = 0;
    while (size < sizeof text - 1 && strchr(text, '\n') == NULL) {
        ssize_t got = read(output[0], text + size, sizeof text - 1 - size);
        expect(got > 0);
        size += (size_t)got;
    }
    child->port = atoi(text);
    (void)close(output[0]);
}

static void child_kill(struct child *child)
{
    (void)kill(child->pid, SIGKILL);
    expect(waitpid(child->pid, NULL, 0) == child->pid);
    (void)close(child->input);
}

static void child_end(struct child *child)
{
    int outcome = 0;
    (void)close(child->input);
    expect(waitpid(child->pid, &outcome, 0) == child->pid);
    expect(WIFEXITED(outcome) && WEXITSTATUS(outcome) == 0);
}

static void meet(struct caller *caller, struct side *side, const char *address, enum peer_method method)
{
    call(caller, side, address, method);
    caller->words = true;
    say(caller, "hello");
    caller->wanted = 1;
    if (!run_until(side, has_wanted, caller, 3000) || caller->closed) {
        die("%s does not answer: %d (%s)", address, caller->end, caller->reason);
    }
}

/* peer E6: who is killed, who stands still; and back at once. */
static void test_loss(struct world *world)
{
    struct child child;
    struct caller talk;
    struct caller follow;
    char address[64];
    child_start(&child, 0);
    (void)snprintf(address, sizeof address, "127.0.0.1:%d", child.port);
    for (int i = 0; i < 3; i++) {
        meet(&talk, &world->here, address, PEER_TALK);
        meet(&follow, &world->here, address, PEER_FOLLOW);
        child_kill(&child);
        int64_t began_ms = now_ms();
        expect_end(&talk, &world->here, PEER_LOST, PEER_DEAD_MS + SLACK_MS);
        expect_end(&follow, &world->here, PEER_LOST, PEER_DEAD_MS + SLACK_MS);
        call(&talk, &world->here, address, PEER_TALK);
        expect_end(&talk, &world->here, PEER_UNREACHABLE, PEER_DEAD_MS + SLACK_MS);
        (void)printf("peers: killed, told after %d ms\n", (int)(now_ms() - began_ms));
        child_start(&child, child.port);
    }
    meet(&talk, &world->here, address, PEER_TALK);
    meet(&follow, &world->here, address, PEER_FOLLOW);
    (void)kill(child.pid, SIGSTOP);
    int64_t began_ms = now_ms();
    expect_end(&talk, &world->here, PEER_LOST, PEER_DEAD_MS + SLACK_MS);
    expect_end(&follow, &world->here, PEER_LOST, PEER_DEAD_MS + SLACK_MS);
    expect(now_ms() - began_ms <= PEER_DEAD_MS + SLACK_MS);
    (void)printf("peers: stopped, told after %d ms\n", (int)(now_ms() - began_ms));
    began_ms = now_ms();
    call(&talk, &world->here, address, PEER_TALK);
    expect_end(&talk, &world->here, PEER_UNREACHABLE, PEER_DEAD_MS + SLACK_MS);
    (void)printf("peers: stopped, not reached after %d ms\n", (int)(now_ms() - began_ms));
    (void)kill(child.pid, SIGCONT);
    meet(&talk, &world->here, address, PEER_TALK);
    hang_up(&talk, &world->here);
    child_end(&child);
}

/* ---- hostile bytes ---- */

static void send_bytes(int port, const void *bytes, size_t size)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    expect(fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to) == 0);
    (void)send(fd, bytes, size, MSG_NOSIGNAL);
    (void)shutdown(fd, SHUT_WR);
    char rest[4096];
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    while (poll(&readable, 1, 2000) > 0 && read(fd, rest, sizeof rest) > 0) {
    }
    (void)close(fd);
}

static void test_hostile(struct world *world)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    int port = atoi(strchr(world->address, ':') + 1);
    struct caller caller;
    meet(&caller, &world->here, world->address, PEER_TALK);
    for (int i = 0; i < 40; i++) {
        uint8_t bytes[512];
        for (size_t j = 0; j < sizeof bytes; j++) {
            bytes[j] = (uint8_t)prng_next(&world->random);
        }
        size_t whole = i % 2 == 0 ? sizeof preface - 1 : prng_below(&world->random, sizeof preface - 1);
        if (i % 4 < 3) { /* frames of chance, half a preface, nothing but chance */
            memcpy(bytes, preface, whole);
        }
        send_bytes(port, bytes, i % 2 == 0 ? sizeof bytes : whole + 1);
    }
    static const char old[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    send_bytes(port, old, sizeof old - 1);
    static const char resp[] = "*1\r\n$4\r\nPING\r\n";
    send_bytes(port, resp, sizeof resp - 1);
    hang_up(&caller, &world->here);
    meet(&caller, &world->here, world->address, PEER_TALK);
    hang_up(&caller, &world->here);
}

/* ---- ports ---- */

static void test_ports(struct world *world)
{
    struct complaint complaint;
    uint16_t port = (uint16_t)atoi(strchr(world->address, ':') + 1);
    expect(os_peers_listen(world->peers, "127.0.0.1", port, NULL, &complaint) == STATUS_EXISTS);
    expect(strstr(complaint.text, "another process has the port") != NULL); /* os_grpc_server P1 */
    expect(os_peers_listen(world->peers, "192.0.2.1", 0, NULL, &complaint) == STATUS_NOT_FOUND);
    expect(os_peers_listen(world->peers, "dns:///x", 0, NULL, &complaint) == STATUS_INVALID);
    struct os_peers *none = NULL;
    expect(os_peers_create(&none, "/nowhere/geomys-server", &complaint) == STATUS_NOT_FOUND);
    expect(strstr(complaint.text, "geomys-grpc.so") != NULL);
    uint16_t second = 0;
    char address[64];
    struct caller caller;
    expect(os_peers_listen(world->peers, "localhost", 0, &second, &complaint) == STATUS_OK);
    (void)snprintf(address, sizeof address, "localhost:%u", second); /* by name */
    meet(&caller, &world->here, address, PEER_TALK);
    hang_up(&caller, &world->here);
    const char *const wrong[] = {"",       "nowhere",        "127.0.0.1", "unix:/tmp/x", "no.such.host.invalid:1",
                                 "[::1:1", "127.0.0.1:99999"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        call(&caller, &world->here, wrong[i], PEER_TALK);
        expect_end(&caller, &world->here, PEER_UNREACHABLE, PEER_DEAD_MS + SLACK_MS);
    }
}

/* ---- figures ---- */

static void measure(struct world *world)
{
    struct caller caller;
    struct child child;
    char address[64];
    static uint8_t piece[65536];
    child_start(&child, 0);
    (void)snprintf(address, sizeof address, "127.0.0.1:%d", child.port);
    static const size_t sizes[] = {64, 4096, 65536};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        call(&caller, &world->here, address, PEER_TALK);
        caller.words = true;
        int64_t began_us = os_clock_monotonic_us();
        uint32_t rounds = 2000;
        for (uint32_t round = 0; round < rounds; round++) {
            expect(peer_send(caller.link, gm_bytes_at(piece, sizes[i])) == STATUS_OK);
            caller.wanted = round + 1;
            expect(run_until(&world->here, has_wanted, &caller, 5000));
        }
        (void)printf("peers: ping-pong %zu bytes: %.0f us\n", sizes[i],
                     (double)(os_clock_monotonic_us() - began_us) / rounds);
        (void)printf("peers: resident now %.1f MiB\n", resident());
        hang_up(&caller, &world->here);
    }
    call(&caller, &world->here, address, PEER_FOLLOW);
    say(&caller, "flood");
    caller.wanted = 16000; /* 1000 MiB */
    int64_t began_us = os_clock_monotonic_us();
    expect(run_until(&world->here, has_wanted, &caller, 60000));
    (void)printf("peers: stream of 64 KiB: %.0f MiB/s\n", 1e9 / (double)(os_clock_monotonic_us() - began_us));
    (void)printf("peers: resident now %.1f MiB\n", resident());
    hang_up(&caller, &world->here);
    child_end(&child);
}

/* ---- main ---- */

static void start_world(struct world *world, uint16_t port)
{
    struct complaint complaint;
    if (os_peers_create(&world->peers, PROGRAM, &complaint) != STATUS_OK ||
        os_peers_listen(world->peers, "127.0.0.1", port, &port, &complaint) != STATUS_OK) {
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

static size_t threads(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/task");
    expect(folder != NULL);
    while (readdir(folder) != NULL) {
        count++;
    }
    (void)closedir(folder);
    return count;
}

static void *do_nothing(void *context)
{
    return context;
}

/* How many there are, when nothing of ours runs. A sanitizer has one of its own, from the first other one on. */
static size_t count_threads(void)
{
    pthread_t thread;
    expect(pthread_create(&thread, NULL, do_nothing, NULL) == 0 && pthread_join(thread, NULL) == 0);
    size_t count = threads();
    for (int64_t began_ms = now_ms(); now_ms() - began_ms < 100;) { /* one that was joined may be seen for a moment */
        (void)poll(NULL, 0, 1);
        count = threads() < count ? threads() : count;
    }
    return count;
}

static bool has_ended(size_t threads_at_first)
{
    for (int64_t began_ms = now_ms(); threads() > threads_at_first && now_ms() - began_ms < 5000;) {
        (void)poll(NULL, 0, 1);
    }
    if (threads() > threads_at_first) {
        (void)fprintf(stderr, "peers: %zu threads, %zu at first\n", threads(), threads_at_first);
    }
    return threads() <= threads_at_first;
}

/* Begins again and again, and ends amidst of all: open, flooded, flooding, refused, not yet reached. */
static void test_destroy(struct world *world, size_t threads_at_first)
{
    for (int i = 0; i < 5; i++) {
        static struct caller callers[6];
        start_world(world, 0);
        call(&callers[0], &world->here, world->address, PEER_TALK);
        call(&callers[1], &world->here, world->address, PEER_FOLLOW);
        say(&callers[1], "flood");
        call(&callers[2], &world->here, world->address, PEER_FORWARD);
        say(&callers[2], "hold");
        static uint8_t piece[65536];
        while (peer_send(callers[2].link, gm_bytes_at(piece, sizeof piece)) == STATUS_OK) {
        }
        call(&callers[3], &world->here, world->address, PEER_SESSION);
        call(&callers[4], &world->here, "127.0.0.1:1", PEER_TALK);
        callers[0].words = callers[1].words = true;
        (void)run_until(&world->here, never, NULL, (int64_t)prng_below(&world->random, 40));
        call(&callers[5], &world->here, world->address, PEER_TALK);
        end_world(world);
        for (size_t j = 0; j < 6; j++) {
            expect(callers[j].closed);
        }
        expect(has_ended(threads_at_first)); /* os_grpc P1 */
    }
}

static int serve_port(uint16_t port, bool tells)
{
    static struct world world;
    world.there.tells = tells;
    start_world(&world, port);
    (void)printf("%s\n", strchr(world.address, ':') + 1);
    (void)fflush(stdout);
    char rest[16];
    while (read(0, rest, sizeof rest) > 0) {
    }
    struct peer_counts counts;
    world.here.peer->ops->counts(world.here.peer, &counts);
    end_world(&world);
    if (tells) {
        (void)printf("accepted=%llu refused=%llu\n", (unsigned long long)counts.accepted,
                     (unsigned long long)counts.refused);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "serve") == 0) {
        return serve_port((uint16_t)atoi(argv[2]), argc > 3);
    }
    bool measures = argc > 1 && strcmp(argv[1], "measure") == 0;
    uint64_t seed = argc > 1 && !measures ? strtoull(argv[1], NULL, 0) : (uint64_t)os_clock_monotonic_us();
    (void)printf("peers: seed %llu\n", (unsigned long long)seed);
    (void)fflush(stdout);
    static struct world world;
    prng_seed(&world.random, seed);
    double before = resident();
    size_t threads_at_first = count_threads();
    int64_t began_us = os_clock_monotonic_us();
    start_world(&world, 0);
    if (measures) {
        (void)printf("peers: opening the port takes %.1f ms and %.1f MiB\n",
                     (double)(os_clock_monotonic_us() - began_us) / 1000, resident() - before);
        measure(&world);
        end_world(&world);
        return 0;
    }
    test_order(&world);
    test_ends(&world);
    test_closing_inside(&world);
    test_bounds(&world);
    test_pause(&world);
    test_hostile(&world);
    test_ports(&world);
    test_loss(&world);
    end_world(&world);
    expect(has_ended(threads_at_first));
    test_destroy(&world, threads_at_first);
    return 0;
}
