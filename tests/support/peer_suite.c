/* SPDX-License-Identifier: MIT */

/* peer_suite.c - the cases, by the promises of env/peer.h. */
#include "support/peer_suite.h"

#include <stdio.h>

#include "base/memory.h"

#define SOON    1000 /* ms: what needs no failure happens within */
#define USERS   4    /* links that come in during a case */
#define LARGEST ((size_t)64 * 1024)

struct at;

struct user {
    struct at *at;
    struct peer_link *link; /* NULL: closed */
    uint64_t seen;          /* messages */
    size_t seen_bytes;
    size_t last_size;
    uint64_t writable;
    unsigned closed; /* calls of on_closed */
    enum peer_end end;
    char reason[PEER_REASON_MAX];
    bool echo;        /* sends back what it hears */
    bool paused;      /* then it must hear nothing */
    bool close_first; /* closes at its first message */
};

struct at {
    const struct peer_suite *subject;
    struct user out[2];    /* opened at host 0 */
    struct user in[USERS]; /* accepted at host 1 */
    size_t accepted;
    const char *refusal; /* NULL: it accepts */
    uint64_t awaited;    /* messages, by all_seen */
    bool inside;         /* a call of the interface */
    uint8_t *bytes;      /* of messages, whatever their size and number */
};

/* ---- users ---- */

static struct gm_bytes pattern(const struct at *at, uint64_t number, size_t size)
{
    return (struct gm_bytes){at->bytes + number % 251, size};
}

static enum status user_send(struct user *user, struct gm_bytes message)
{
    user->at->inside = true;
    enum status status = peer_send(user->link, message);
    user->at->inside = false;
    return status;
}

static void user_close(struct user *user, const char *reason)
{
    user->at->inside = true;
    peer_close(user->link, reason);
    user->at->inside = false;
}

static void user_pause(struct user *user, bool paused)
{
    user->at->inside = true;
    user->paused = paused;
    peer_pause(user->link, paused);
    user->at->inside = false;
}

static void on_message(void *context, struct gm_bytes message)
{
    struct user *user = context;
    check(!user->at->inside && user->closed == 0 && !user->paused);              /* env/peer E2, E3, E5 */
    check(gm_bytes_equal(message, pattern(user->at, user->seen, message.size))); /* env/peer E1 */
    user->seen++;
    user->seen_bytes += message.size;
    user->last_size = message.size;
    if (user->echo) {
        check(user_send(user, message) == STATUS_OK);
    }
    if (user->close_first) {
        user_close(user, NULL);
        user->paused = true;
    }
}

static void on_writable(void *context)
{
    struct user *user = context;
    check(!user->at->inside && user->closed == 0);
    check(peer_queued(user->link) <= PEER_QUEUE_MAX / 2); /* env/peer E4 */
    user->writable++;
}

static void on_closed(void *context, enum peer_end end, const char *reason)
{
    struct user *user = context;
    check(!user->at->inside && user->closed == 0);
    user->closed++;
    user->end = end;
    user->link = NULL;
    (void)snprintf(user->reason, sizeof user->reason, "%s", reason);
}

static const struct peer_user_ops user_ops = {
    .on_message = on_message, .on_writable = on_writable, .on_closed = on_closed};

static bool on_accept(void *context, struct peer_link *link, const struct peer_user_ops **ops, void **user,
                      const char **reason)
{
    struct at *at = context;
    check(!at->inside && peer_base(link)->accepted);
    if (at->refusal != NULL) {
        *reason = at->refusal;
        return false;
    }
    check(at->accepted < USERS);
    struct user *own = &at->in[at->accepted++];
    *own = (struct user){.at = at, .link = link, .echo = own->echo, .close_first = own->close_first};
    *ops = &user_ops;
    *user = own;
    return true;
}

static void listen_at(struct at *at, uint32_t methods)
{
    struct peer *peer = at->subject->peer(at->subject->context, 1);
    peer->ops->accept(peer, methods, &(struct peer_acceptor){.on_accept = on_accept, .context = at});
}

static void user_open(struct at *at, struct user *user, unsigned host, enum peer_method method)
{
    memset(user, 0, sizeof *user);
    user->at = at;
    at->inside = true;
    user->link = peer_open(at->subject->peer(at->subject->context, 0), at->subject->address(at->subject->context, host),
                           method, &user_ops, user);
    at->inside = false;
    check(user->link != NULL && !peer_base(user->link)->accepted && peer_base(user->link)->method == method);
}

/* ---- waiting ---- */

static bool is_closed(void *user)
{
    return ((struct user *)user)->closed > 0;
}

static bool has_seen_one(void *user)
{
    return ((struct user *)user)->seen > 0;
}

/* What came in, if anything did, has ended. */
static bool is_over(void *user)
{
    const struct at *at = ((struct user *)user)->at;
    return at->in[0].closed == at->accepted;
}

static bool is_writable(void *user)
{
    return ((struct user *)user)->writable > 0;
}

static bool wait_for(struct at *at, bool (*is_so)(void *), struct user *user, unsigned ms)
{
    return at->subject->run(at->subject->context, is_so, user, ms + at->subject->slack_ms);
}

static void pass(struct at *at, unsigned ms)
{
    (void)at->subject->run(at->subject->context, NULL, NULL, ms);
}

static void set_echo(struct at *at, size_t first, bool echo)
{
    for (size_t i = first; i < USERS; i++) {
        at->in[i].echo = echo;
    }
}

/* A link over which one message has gone each way: both sides know of it. One that was given up while it was cut off
 * may come in before it, and is lost then: the network had its first bytes. */
static void user_meet(struct at *at, struct user *user, enum peer_method method)
{
    size_t first = at->accepted;
    set_echo(at, first, true);
    user_open(at, user, 1, method);
    check(user_send(user, pattern(at, 0, 5)) == STATUS_OK);
    check(wait_for(at, has_seen_one, user, SOON));
    set_echo(at, first, false);
}

static void expect_closed(struct at *at, struct user *user, enum peer_end end, unsigned ms)
{
    check(wait_for(at, is_closed, user, ms));
    check(user->end == end);
}

/* ---- cases ---- */

static bool has_seen_400(void *user)
{
    return ((struct user *)user)->seen == 400;
}

static void case_order(struct at *at)
{
    struct user *user = &at->out[0];
    listen_at(at, 1u << PEER_FOLLOW);
    at->in[0].echo = true;
    user_open(at, user, 1, PEER_FOLLOW);
    for (unsigned i = 0; i < 400; i++) { /* of 0 bytes to 64 KiB; some before the other side knows of the link */
        size_t size = i % 7 == 0 ? 0 : i % 50 == 1 ? LARGEST - i : i * 37 % 900;
        check(user_send(user, pattern(at, i, size)) == STATUS_OK);
        if (i % 100 == 99) {
            pass(at, 1);
        }
    }
    check(wait_for(at, has_seen_400, user, 4 * SOON));
    check(at->in[0].seen == 400 && at->in[0].seen_bytes == user->seen_bytes && peer_queued(user->link) == 0);
}

static void case_largest(struct at *at)
{
    struct user *user = &at->out[0];
    listen_at(at, 1u << PEER_FOLLOW);
    user_open(at, user, 1, PEER_FOLLOW);
    check(user_send(user, pattern(at, 0, PEER_MESSAGE_MAX)) == STATUS_OK);
    check(wait_for(at, has_seen_one, &at->in[0], 4 * SOON));
    check(at->in[0].last_size == PEER_MESSAGE_MAX);
}

static void case_orderly_end(struct at *at)
{
    struct user *user = &at->out[0];
    listen_at(at, 1u << PEER_FOLLOW);
    user_open(at, user, 1, PEER_FOLLOW);
    for (unsigned i = 0; i < 20; i++) {
        check(user_send(user, pattern(at, i, 1000)) == STATUS_OK);
    }
    user_close(user, NULL);
    check(user_send(user, pattern(at, 0, 1)) == STATUS_CLOSED);
    user_close(user, NULL);
    check(user->closed == 0); /* env/peer E2 */
    expect_closed(at, user, PEER_DONE, SOON);
    expect_closed(at, &at->in[0], PEER_DONE, SOON);
    check(at->in[0].seen == 20); /* env/peer E3 */
    pass(at, 50);
    check(user->closed == 1 && at->in[0].closed == 1);
}

static void case_end_by_the_called(struct at *at)
{
    struct user *user = &at->out[0];
    listen_at(at, 1u << PEER_TALK);
    at->in[0].close_first = true;
    at->in[0].echo = true;
    user_open(at, user, 1, PEER_TALK);
    check(user_send(user, pattern(at, 0, 10)) == STATUS_OK);
    check(user_send(user, pattern(at, 1, 10)) == STATUS_OK); /* nobody hears it */
    expect_closed(at, user, PEER_DONE, SOON);
    expect_closed(at, &at->in[0], PEER_DONE, SOON);
    check(user->seen == 1 && at->in[0].seen == 1);
}

static void case_end_with_reason(struct at *at)
{
    struct user *user = &at->out[0];
    listen_at(at, 1u << PEER_TALK);
    user_meet(at, user, PEER_TALK);
    user_close(&at->in[0], "node 3 is a stranger");
    expect_closed(at, user, PEER_REFUSED, SOON);
    check(strstr(user->reason, "node 3 is a stranger") != NULL);
    expect_closed(at, &at->in[0], PEER_DONE, SOON);
}

static void case_end_at_once(struct at *at)
{
    struct user *user = &at->out[0];
    listen_at(at, 1u << PEER_TALK);
    user_open(at, user, 1, PEER_TALK);
    user_close(user, NULL);
    expect_closed(at, user, PEER_DONE, SOON);
    pass(at, 50);
    check(wait_for(at, is_over, user, SOON));
    check(at->in[0].seen == 0);
}

static void case_not_accepted(struct at *at)
{
    struct user *user = &at->out[0];
    listen_at(at, 1u << PEER_TALK);
    at->refusal = "this node is in no cluster";
    user_open(at, user, 1, PEER_TALK);
    expect_closed(at, user, PEER_REFUSED, SOON);
    check(strstr(user->reason, at->refusal) != NULL && at->accepted == 0);
}

static void case_not_a_method(struct at *at)
{
    struct user *user = &at->out[0];
    listen_at(at, 1u << PEER_TALK);
    user_open(at, user, 1, PEER_FOLLOW);
    expect_closed(at, user, PEER_REFUSED, SOON); /* env/peer E7 */
    check(at->accepted == 0);
}

static void case_one_message_each(struct at *at)
{
    struct user *user = &at->out[0];
    listen_at(at, 1u << PEER_EXECUTE);
    at->in[0].echo = true;
    user_open(at, user, 1, PEER_EXECUTE);
    check(user_send(user, pattern(at, 0, 10)) == STATUS_OK);
    expect_closed(at, user, PEER_DONE, SOON);
    expect_closed(at, &at->in[0], PEER_DONE, SOON);
    check(user->seen == 1 && at->in[0].seen == 1);
}

/* Sends until the other side's room is full as well, which does not read. Returns how many it took; `before` went. */
static uint64_t fill(struct at *at, struct user *user, uint64_t before)
{
    uint64_t sent = before;
    for (uint64_t round = UINT64_MAX; round != sent;) { /* until one brings nothing more */
        round = sent;
        while (user_send(user, pattern(at, sent, LARGEST)) == STATUS_OK) {
            check(++sent * LARGEST <= 3 * PEER_QUEUE_MAX); /* env/peer E4, E5 */
        }
        pass(at, 300);
    }
    user->writable = 0;
    return sent;
}

static bool all_seen(void *context)
{
    const struct user *user = context;
    return user->at->in[0].seen == user->at->awaited;
}

static void case_bounds(struct at *at)
{
    struct user *user = &at->out[0];
    listen_at(at, 1u << PEER_FOLLOW);
    user_meet(at, user, PEER_FOLLOW);
    user_pause(&at->in[0], true);
    at->awaited = fill(at, user, 1);
    check(peer_queued(user->link) >= PEER_QUEUE_MAX);
    check(peer_queued(user->link) < PEER_QUEUE_MAX + LARGEST);
    pass(at, 20);
    check(user->writable == 0 && at->in[0].seen == 1);
    user_pause(&at->in[0], false);
    check(wait_for(at, is_writable, user, 10 * SOON));
    check(wait_for(at, all_seen, user, 10 * SOON));
    check(user->writable == 1);
}

static void case_end_while_paused(struct at *at)
{
    struct user *user = &at->out[0];
    listen_at(at, 1u << PEER_FOLLOW);
    user_meet(at, user, PEER_FOLLOW);
    user_pause(&at->in[0], true);
    check(user_send(user, pattern(at, 1, 10)) == STATUS_OK);
    user_close(user, NULL);
    expect_closed(at, user, PEER_DONE, SOON);
    pass(at, 50);
    user_pause(&at->in[0], false);
    expect_closed(at, &at->in[0], PEER_DONE, SOON);
    check(at->in[0].seen == 2); /* env/peer E3 */
}

/* What is full and stands still holds up nobody else. */
static void case_apart(struct at *at)
{
    struct user *user = &at->out[0];
    struct user *full = &at->out[1];
    listen_at(at, 1u << PEER_FOLLOW | 1u << PEER_TALK);
    user_meet(at, full, PEER_FOLLOW);
    user_pause(&at->in[0], true);
    (void)fill(at, full, 1);
    user_meet(at, user, PEER_TALK); /* env/peer E8 */
}

static void case_nobody_there(struct at *at)
{
    struct user *user = &at->out[0];
    user_open(at, user, 2, PEER_TALK);
    check(user->closed == 0);
    expect_closed(at, user, PEER_UNREACHABLE, PEER_DEAD_MS); /* env/peer E6 */
}

static void case_killed(struct at *at)
{
    struct user *user = &at->out[0];
    listen_at(at, 1u << PEER_TALK);
    user_meet(at, user, PEER_TALK);
    at->subject->kill(at->subject->context, 1);
    at->in[0].link = NULL;
    expect_closed(at, user, PEER_LOST, PEER_DEAD_MS);
    user_open(at, user, 1, PEER_TALK);
    expect_closed(at, user, PEER_UNREACHABLE, PEER_DEAD_MS);
    at->subject->start(at->subject->context, 1);
    listen_at(at, 1u << PEER_TALK);
    user_meet(at, user, PEER_TALK); /* as soon as it is there: env/peer E6 */
}

static void cut_and_wait(struct at *at, unsigned source)
{
    struct user *user = &at->out[0];
    listen_at(at, 1u << PEER_TALK);
    user_meet(at, user, PEER_TALK);
    at->subject->cut(at->subject->context, source, true);
    expect_closed(at, user, PEER_LOST, PEER_DEAD_MS); /* env/peer E6 */
    expect_closed(at, &at->in[0], PEER_LOST, PEER_DEAD_MS);
    user_open(at, user, 1, PEER_TALK);
    expect_closed(at, user, PEER_UNREACHABLE, PEER_DEAD_MS);
    at->subject->cut(at->subject->context, source, false);
    user_meet(at, user, PEER_TALK);
}

static void case_cut_forth(struct at *at)
{
    cut_and_wait(at, 0);
}

static void case_cut_back(struct at *at)
{
    cut_and_wait(at, 1);
}

static void case_stopped(struct at *at)
{
    struct user *user = &at->out[0];
    listen_at(at, 1u << PEER_TALK);
    user_meet(at, user, PEER_TALK);
    at->subject->stop(at->subject->context, 1, true);
    expect_closed(at, user, PEER_LOST, PEER_DEAD_MS);
    at->subject->stop(at->subject->context, 1, false);
    expect_closed(at, &at->in[0], PEER_LOST, PEER_DEAD_MS);
    user_meet(at, user, PEER_TALK);
}

static void case_too_large(struct at *at)
{
    struct user *user = &at->out[0];
    struct peer_counts counts;
    struct peer *called = at->subject->peer(at->subject->context, 1);
    listen_at(at, 1u << PEER_FOLLOW);
    user_meet(at, user, PEER_FOLLOW);
    called->ops->counts(called, &counts);
    uint64_t refused = counts.refused;
    if (user_send(user, pattern(at, 1, PEER_MESSAGE_MAX + 1)) != STATUS_OK) {
        return; /* this side does not even send it */
    }
    expect_closed(at, user, PEER_REFUSED, 4 * SOON); /* env/peer E7 */
    expect_closed(at, &at->in[0], PEER_REFUSED, SOON);
    called->ops->counts(called, &counts);
    check(at->in[0].seen == 1 && counts.refused == refused + 1);
}

static const struct {
    const char *name;
    void (*run)(struct at *at);
    bool kills, cuts, stops;
} cases[] = {
    {"messages arrive whole and in order", case_order, false, false, false},
    {"the largest message arrives", case_largest, false, false, false},
    {"an orderly end comes behind the messages", case_orderly_end, false, false, false},
    {"who is called ends it in the midst", case_end_by_the_called, false, false, false},
    {"an end with a sentence", case_end_with_reason, false, false, false},
    {"closed at once", case_end_at_once, false, false, false},
    {"the acceptor says no", case_not_accepted, false, false, false},
    {"a method that nobody accepts", case_not_a_method, false, false, false},
    {"one message each way", case_one_message_each, false, false, false},
    {"queues are bounded", case_bounds, false, false, false},
    {"an end waits for a user that is paused", case_end_while_paused, false, false, false},
    {"a full link holds up nobody apart", case_apart, false, false, false},
    {"nobody there", case_nobody_there, false, false, false},
    {"a killed process is told, and found again", case_killed, true, false, false},
    {"cut in the direction of the called", case_cut_forth, false, true, false},
    {"cut in the other direction", case_cut_back, false, true, false},
    {"a process that stands still", case_stopped, false, false, true},
    {"too large a message", case_too_large, false, false, false},
};

size_t peer_suite_count(void)
{
    return sizeof cases / sizeof cases[0];
}

const char *peer_suite_name(size_t index)
{
    check(index < peer_suite_count());
    return cases[index].name;
}

/* The subject outlives the case: nobody of it is told anything any more. */
static void end_user(struct at *at, struct user *user)
{
    if (user->link != NULL) {
        user_close(user, NULL);
        user->paused = true;
        check(wait_for(at, is_closed, user, SOON));
    }
}

static void end_all(struct at *at)
{
    end_user(at, &at->out[0]);
    end_user(at, &at->out[1]);
    for (size_t i = 0; i < USERS; i++) {
        end_user(at, &at->in[i]);
    }
}

bool peer_suite_run(const struct peer_suite *subject, size_t index)
{
    check(index < peer_suite_count());
    if ((cases[index].kills && subject->kill == NULL) || (cases[index].cuts && subject->cut == NULL) ||
        (cases[index].stops && subject->stop == NULL)) {
        return false;
    }
    struct at at = {.subject = subject};
    at.bytes = memory_alloc(PEER_MESSAGE_MAX + LARGEST);
    for (size_t i = 0; i < PEER_MESSAGE_MAX + LARGEST; i++) {
        at.bytes[i] = (uint8_t)(i * 31 + i / 251);
    }
    cases[index].run(&at);
    end_all(&at);
    memory_free(at.bytes);
    return true;
}
