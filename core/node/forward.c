/* SPDX-License-Identifier: MIT */

/* forward.c - commands on their way to the leader.
 *
 * Why      Any node serves any client: a follower reads by itself, and what only the leader may do it has done there,
 *          for a client that need not know.
 *
 * Idea     One stream for each connection that ever needs one, opened when it first does. At the other end is an
 *          ordinary client (forwarded.h); here the commands that are on their way lie in a queue, as the bytes that are
 *          sent and one entry for each, until each is answered (forward_answer.h). While there are any, commands that
 *          could be carried out here follow them or wait (steer.h), so the order of answers is that of questions.
 *
 *             bytes:    | answered, gone | sent, not answered | to be sent |
 *                                       base                 sent
 *
 *          What the connection is like is told before the first command, and again when it has changed: nothing is on
 *          its way then. A stream that ends leaves what was not begun in the queue, for the next leader, which may be
 *          this node itself: then its client's session carries it out, entry by entry.
 *
 * Promises
 *   P1  Of one client FORWARD_ENTRIES commands are on their way at most, and FORWARD_AHEAD bytes beyond one of them.
 *   P2  A command that waits for a leader is answered after forward_wait_ms: refused before it was sent, so it has
 *       changed nothing.
 *   P3  Credit is given back as long as the client reads; beyond FORWARDING_WINDOW bytes a slow one holds up its own
 *       session at the leader, and nobody else.
 *   P4  A stream to one who leads no more is ended by us after forward_wait_ms, if it does not end by itself.
 *   P5  A command that was sent back is told how long its client has waited: its time goes on. */
#include "node/forward.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "node/forward_answer.h"
#include "node/words.h"
#include "serve/hold.h"
#include "serve/pipeline.h"
#include "wire/reply.h"

#define FORWARD_OUT    (FORWARDING_DATA_MAX + 1024)
#define FORWARD_CREDIT (FORWARDING_WINDOW / 8) /* bytes that are given back together */
#define RETRY_MS       50                      /* between two tries of a leader that does not answer */

static int64_t now_of(const struct forward *forward)
{
    return forward->config.worker->monotonic_ms;
}

static const struct follow *follow_of(const struct forward *forward)
{
    return forward->config.follow;
}

static enum shard_role role_of(const struct forward *forward)
{
    return forward->config.worker->shard->role;
}

/* That could be tried now. */
static bool has_leader(const struct forward *forward)
{
    bool follows = role_of(forward) == SHARD_FOLLOWING && follow_of(forward)->address[0] != '\0';
    return follows && now_of(forward) >= forward->retry_ms;
}

/* ---- of one client ---- */

struct forward_client *forward_client_of(struct forward *forward, struct session *session)
{
    if (session->forward == NULL) {
        struct forward_client *fc = memory_zeroed(sizeof *fc);
        fc->session = session;
        fc->owner = forward;
        list_push_back(&forward->all, &fc->all);
        list_init(&fc->busy);
        buf_init(&fc->bytes, SIZE_MAX); /* forward P1: steer.c asks forward_has_room */
        buf_init(&fc->in, FORWARDING_WINDOW);
        session->forward = fc;
        holdings_add(&session->holdings, HOLDING_RECORD, memory_class(sizeof *fc));
    }
    return session->forward;
}

static void destroy(struct forward_client *fc)
{
    list_remove(&fc->all);
    list_remove(&fc->busy);
    buf_finish(&fc->bytes);
    buf_finish(&fc->in);
    memory_free(fc);
}

void forward_forget(struct session *session)
{
    struct forward_client *fc = session->forward;
    if (fc == NULL) {
        return;
    }
    session->forward = NULL;
    fc->session = NULL;
    list_remove(&fc->busy);
    if (fc->link != NULL) {
        peer_close(fc->link, NULL); /* on_closed is to come */
    } else {
        destroy(fc);
    }
}

void forward_wake(struct forward_client *fc)
{
    if (list_empty(&fc->busy)) {
        list_push_back(&fc->owner->busy, &fc->busy);
    }
}

static const struct forward_entry *last(const struct forward_client *fc)
{
    return &fc->entries[(fc->first + fc->count - 1) % FORWARD_ENTRIES];
}

bool forward_may_wait(const struct forward_client *fc)
{
    return fc != NULL && fc->count > 0 && last(fc)->kind == FORWARD_WAITS;
}

bool forward_has_room(const struct forward_client *fc)
{
    bool going = fc->lost || (fc->link != NULL && fc->retired_ms != 0) || forward_may_wait(fc);
    return !going && fc->count < FORWARD_ENTRIES && fc->bytes.size <= FORWARD_AHEAD; /* forward P1 */
}

void forward_add(struct forward_client *fc, const struct gm_bytes *argv, uint32_t argc)
{
    bool fits = buf_format(&fc->bytes, "*%u\r\n", argc);
    for (uint32_t i = 0; i < argc; i++) {
        fits = fits && buf_format(&fc->bytes, "$%zu\r\n", argv[i].size) && buf_append(&fc->bytes, argv[i]) &&
               buf_append(&fc->bytes, BYTES("\r\n"));
    }
    check(fits);
}

/* ---- sending ---- */

/* False: there is no room now. */
static bool send(struct forward_client *fc, const struct forwarding_message *message)
{
    struct buf *out = &fc->owner->out;
    buf_clear(out, FORWARD_OUT);
    bool fits = forwarding_pack(message, out);
    check(fits);
    return peer_send(fc->link, buf_bytes(out)) == STATUS_OK;
}

static bool is_told(const struct forward_client *fc)
{
    const struct session *session = fc->session;
    const struct forward_told *told = &fc->told;
    return told->any && told->database == session->caller.database && told->resp3 == session->caller.resp3 &&
           told->level == session->caller.level && told->no_touch == session->caller.no_touch &&
           strcmp(told->name, session->name) == 0;
}

/* What the connection is like, if that is news. False: there is no room now. */
static bool tell(struct forward_client *fc)
{
    const struct session *session = fc->session;
    const struct forward_entry *first = &fc->entries[fc->first];
    if (is_told(fc) || session->caller.user == NULL) {
        return session->caller.user != NULL;
    }
    struct forwarding_message message = {.kind = FORWARDING_OPEN};
    message.open = (struct forwarding_open){.address = gm_bytes_of(session->address),
                                            .user = gm_bytes_of(session->caller.user),
                                            .name = gm_bytes_of(session->name),
                                            .database = session->caller.database,
                                            .resp3 = session->caller.resp3,
                                            .quorum = session->caller.level == GATE_QUORUM,
                                            .no_touch = session->caller.no_touch};
    if (first->kind == FORWARD_WAITS && first->returned) { /* forward P5 */
        message.open.waited_ms = (uint64_t)(now_of(fc->owner) - first->since_ms);
    }
    if (!send(fc, &message)) {
        return false;
    }
    fc->told = (struct forward_told){.database = session->caller.database,
                                     .level = session->caller.level,
                                     .resp3 = session->caller.resp3,
                                     .no_touch = session->caller.no_touch,
                                     .any = true};
    (void)snprintf(fc->told.name, sizeof fc->told.name, "%s", session->name);
    return true;
}

static void on_message(void *user, struct gm_bytes bytes);
static void on_writable(void *user);
static void on_closed(void *user, enum peer_end end, const char *reason);

static const struct peer_user_ops peer_user_ops = {on_message, on_writable, on_closed};

static void open(struct forward_client *fc)
{
    struct forward *forward = fc->owner;
    const struct follow *follow = follow_of(forward);
    fc->epoch = follow->epoch;
    fc->leader = follow->leader;
    fc->opened = fc->base;
    fc->sent = fc->base;
    fc->answered = fc->base;
    fc->link = peer_open(forward->config.peer, follow->address, PEER_FORWARD, &peer_user_ops, fc);
}

static bool is_current(const struct forward_client *fc)
{
    const struct follow *follow = follow_of(fc->owner);
    return role_of(fc->owner) == SHARD_FOLLOWING && follow->epoch == fc->epoch && follow->leader == fc->leader &&
           follow->address[0] != '\0';
}

/* Sends what is to be sent, as far as there is room. */
static void push(struct forward_client *fc)
{
    uint64_t end = fc->base + fc->bytes.size;
    if (fc->lost || fc->sent == end) {
        return;
    }
    if (fc->link == NULL && has_leader(fc->owner)) {
        open(fc);
    }
    if (fc->link == NULL || !is_current(fc) || !tell(fc)) {
        return;
    }
    while (fc->sent < end) {
        size_t left = (size_t)(end - fc->sent);
        struct gm_bytes piece = {fc->bytes.data + (fc->sent - fc->base),
                                 left < FORWARDING_DATA_MAX ? left : FORWARDING_DATA_MAX};
        if (!send(fc, &(struct forwarding_message){.kind = FORWARDING_DATA, .data = piece})) {
            return;
        }
        fc->sent += piece.size;
    }
}

void forward_take(struct forward_client *fc, const struct forward_entry *entry)
{
    check(fc->count < FORWARD_ENTRIES); /* forward P1 */
    struct forward_entry *at = &fc->entries[(fc->first + fc->count) % FORWARD_ENTRIES];
    *at = *entry;
    at->end = fc->base + fc->bytes.size;
    at->unsent_ms = now_of(fc->owner);
    at->since_ms = entry->since_ms != 0 ? entry->since_ms : at->unsent_ms;
    fc->count++;
    fc->owner->taken++;
    forward_wake(fc); /* sent at the end of the turn, together with what follows it */
}

void forward_drop(struct forward_client *fc)
{
    check(fc->count == 0);
    fc->watching = false;
    fc->watch_broken = false;
    fc->listening = false;
    if (fc->link != NULL && !fc->lost) {
        peer_close(fc->link, NULL);
        fc->lost = true;
        forward_wake(fc);
    }
}

/* Only as much as the client has read, beyond what is needed to go on with an answer: forward P3. */
static void give_credit(struct forward_client *fc)
{
    const struct session *session = fc->session;
    bool reads = session_unsent(session) <= session->pool->output_pause;
    if (fc->link == NULL || fc->lost || fc->owed < FORWARD_CREDIT || !reads) {
        return;
    }
    if (send(fc, &(struct forwarding_message){.kind = FORWARDING_CREDIT, .credit = fc->owed})) {
        fc->owed = 0;
    }
}

/* ---- what comes ---- */

/* The leader says what makes no sense: what its session has done is not known any more, nor what the client may be
 * told. */
static void break_off(struct forward_client *fc, const char *why)
{
    trace(fc->owner->config.trace, TRACE_WARNING, "a stream of forwarded commands to node %llu is ended: %s",
          (unsigned long long)fc->leader, why);
    fc->dismissed = true;
    fc->lost = true;
    fc->mark_count = 0;
    if (fc->link != NULL) {
        peer_close(fc->link, NULL);
    }
}

static void on_not_begun(struct forward_client *fc, const struct forwarding_not_begun *not_begun)
{
    if (not_begun->from > fc->sent - fc->opened) {
        break_off(fc, "it sends back what it never got");
        return;
    }
    fc->sent_back = true;
    fc->begun = fc->opened + not_begun->from;
    fc->parked = not_begun->parked;
    fc->lost = true;
    peer_close(fc->link, NULL);
}

/* The leader has ended the session there: by CLIENT KILL, by a limit; or takes no more clients, which it says as an
 * answer. */
static void on_dismissal(struct forward_client *fc, struct gm_bytes reason)
{
    struct session *session = fc->session;
    fc->dismissed = true;
    fc->lost = true;
    if (reason.size > 0 && reason.data[0] == '-' && !fc->heard && !session->doomed) {
        session_make_room(session);
        (void)buf_append(&session->out, reason);
    }
    peer_close(fc->link, NULL);
}

static void on_message(void *user, struct gm_bytes bytes)
{
    struct forward_client *fc = user;
    struct forwarding_message message;
    struct complaint complaint;
    if (fc->session == NULL || fc->lost) {
        return;
    }
    if (forwarding_unpack_down(bytes, &message, &fc->owner->arena, &complaint) != STATUS_OK) {
        break_off(fc, complaint.text);
    } else if (message.kind == FORWARDING_ANSWER) {
        if (!forward_answer_take(fc, &message.answer)) {
            break_off(fc, "it sends more than was asked for");
        }
    } else if (message.kind == FORWARDING_NOT_BEGUN) {
        on_not_begun(fc, &message.not_begun);
    } else {
        on_dismissal(fc, message.reason);
    }
    fc->heard = true;
    arena_reset(&fc->owner->arena);
    forward_wake(fc);
}

static void on_writable(void *user)
{
    struct forward_client *fc = user;
    if (fc->session != NULL) {
        forward_wake(fc);
    }
}

static void on_closed(void *user, enum peer_end end, const char *reason)
{
    struct forward_client *fc = user;
    (void)reason;
    fc->link = NULL;
    if (fc->session == NULL) {
        destroy(fc);
        return;
    }
    bool refused = end == PEER_UNREACHABLE || (end == PEER_REFUSED && !fc->heard);
    fc->nothing_begun = !fc->lost && refused;
    if (fc->nothing_begun) {
        fc->owner->retry_ms = now_of(fc->owner) + RETRY_MS;
    }
    fc->lost = true;
    forward_wake(fc);
}

/* ---- what nobody takes ---- */

/* The first entry. False: its session must not go on now. */
static bool carry_out(struct forward_client *fc)
{
    struct session *session = fc->session;
    struct forward_entry *entry = &fc->entries[fc->first];
    size_t size = (size_t)(entry->end - fc->base);
    size_t wants;
    bool waits = entry->kind == FORWARD_WAITS;
    session->waited_ms = waits ? now_of(fc->owner) - entry->since_ms : 0; /* forward P5 */
    session->muted += session->muted != SESSION_MUTED ? entry->hidden + entry->silent : 0;
    entry->hidden = 0;
    entry->silent = false;
    size_t taken = pipeline_input(session, fc->bytes.data, size, &wants);
    resp_parser_next(&session->parser);
    session->waited_ms = 0;
    if (taken < size) { /* a pause, a sweep */
        buf_consume(&fc->bytes, taken);
        fc->base += taken;
        return false;
    }
    forward_answer_pop(fc);
    return !session->waiting && !session->doomed && !session->brimming;
}

/* What was not begun elsewhere is carried out here, by the client's own session: all of it if this node leads now; else
 * what only reads, and stands first, as no leader is there to be asked. */
static void carry_out_here(struct forward_client *fc, bool all)
{
    struct session *session = fc->session;
    if ((hold_is_held(session) && !session->held_for_route) || session->waiting || session->brimming) {
        return;
    }
    hold_forget(session);
    resp_parser_next(&session->parser); /* what has begun to arrive behind it is parsed again */
    fc->looping = true;
    while (fc->count > 0 && (all || fc->entries[fc->first].kind == FORWARD_READ) && carry_out(fc)) {
    }
    fc->looping = false;
    fc->sent = fc->base;
    session_resume(session); /* of its input */
}

static bool may_be_read_here(const struct forward_client *fc)
{
    return fc->link == NULL && !fc->watching && fc->entries[fc->first].kind == FORWARD_READ;
}

/* forward P2 */
static void refuse_late(struct forward_client *fc)
{
    int64_t wait_ms = fc->owner->options.wait_ms;
    while (fc->count > 0 && fc->sent == fc->base && !forward_leads(fc->owner) && !may_be_read_here(fc) &&
           now_of(fc->owner) - fc->entries[fc->first].unsent_ms >= wait_ms) {
        const struct forward_entry entry = fc->entries[fc->first];
        char text[WORDS_MAX];
        words_no_leader(text, follow_of(fc->owner)->leader);
        bool waited = entry.kind == FORWARD_WAITS && entry.returned;
        if (!entry.silent) {
            forward_answer_error(fc, waited ? WORDS_UNBLOCKED : text);
        }
        forward_answer_pop(fc);
        fc->sent = fc->base;
        fc->news = true;
    }
}

/* ---- turns ---- */

/* The stream goes to one who leads no more, as far as this node knows. */
static void mind_change(struct forward_client *fc)
{
    int64_t now_ms = now_of(fc->owner);
    if (fc->link == NULL || fc->lost || is_current(fc)) {
        fc->retired_ms = 0;
        return;
    }
    if (fc->retired_ms == 0) {
        fc->retired_ms = now_ms;
    }
    bool idle = fc->base == fc->sent && fc->in.size == 0;
    if (idle || now_ms - fc->retired_ms >= fc->owner->options.wait_ms) { /* forward P4 */
        fc->lost = true;
        peer_close(fc->link, NULL);
    }
}

/* The input of the connection may go on. */
static void let_go(struct forward_client *fc)
{
    struct session *session = fc->session;
    if (fc->news) {
        hold_end_route(session);
    }
    fc->news = false;
}

static void attend(struct forward_client *fc)
{
    struct session *session = fc->session;
    if (session->doomed && session->overflowed) {
        return; /* it is about to be closed */
    }
    if (fc->mark_count > 0 && !forward_answer_pass(fc)) {
        break_off(fc, "it answers what nobody asked");
    }
    mind_change(fc);
    if (fc->lost && fc->mark_count == 0 && fc->link == NULL) {
        forward_answer_lose(fc);
    }
    if (fc->count > 0 && !fc->lost) {
        push(fc);
        refuse_late(fc);
        bool leads = forward_leads(fc->owner);
        if (fc->count > 0 && fc->link == NULL && (leads || may_be_read_here(fc))) {
            carry_out_here(fc, leads);
        }
    }
    give_credit(fc);
    let_go(fc);
}

/* Whether it has to be looked at again though nothing comes. */
static bool is_idle(const struct forward_client *fc)
{
    return fc->count == 0 && fc->mark_count == 0 && !fc->lost && fc->owed < FORWARD_CREDIT;
}

/* What is published from now on goes to another node: who has subscribed here does it anew. */
static void dismiss_listeners(struct forward *forward)
{
    const struct list *all = &forward->config.worker->sessions.all;
    for (struct list *at = all->next; at != all; at = at->next) {
        struct session *session = container_of(at, struct session, all);
        if (session_listens(session) && !session->elsewhere) {
            session->doomed = true;
            session_touch(session);
        }
    }
}

/* Another leader, or none: everybody who waits asks again, and streams to the one before end. */
static void mind_leader(struct forward *forward)
{
    const struct follow *follow = follow_of(forward);
    bool led = forward_leads(forward);
    uint64_t leader = follow->address[0] != '\0' ? follow->leader : 0;
    if (forward->led == led && forward->epoch == follow->epoch && forward->leader == leader) {
        return;
    }
    if (forward->led && !led && forward->options.on) {
        dismiss_listeners(forward);
    }
    forward->led = led;
    forward->epoch = follow->epoch;
    forward->leader = leader;
    forward->retry_ms = 0;
    for (struct list *at = forward->all.next; at != &forward->all; at = at->next) {
        struct forward_client *fc = container_of(at, struct forward_client, all);
        if (fc->session != NULL) {
            fc->news = true;
            forward_wake(fc);
        }
    }
}

void forward_turn(struct forward *forward)
{
    struct list now;
    mind_leader(forward);
    list_init(&now);
    list_move_all(&now, &forward->busy);
    while (!list_empty(&now)) {
        struct forward_client *fc = container_of(now.next, struct forward_client, busy);
        list_remove(&fc->busy);
        attend(fc);
        if (!is_idle(fc)) {
            forward_wake(fc);
        }
    }
}

static int64_t next_of(const struct forward_client *fc)
{
    const struct forward *forward = fc->owner;
    int64_t next = forward_answer_next_ms(fc);
    int64_t wait_ms = forward->options.wait_ms;
    if (fc->retired_ms != 0) {
        next = fc->retired_ms + wait_ms < next ? fc->retired_ms + wait_ms : next;
    }
    if (fc->count > 0 && fc->sent == fc->base) {
        int64_t late_ms = fc->entries[fc->first].unsent_ms + wait_ms;
        int64_t soon_ms = now_of(forward) + RETRY_MS;
        next = late_ms < next ? late_ms : next;
        next = soon_ms < next ? soon_ms : next;
    }
    return next;
}

int64_t forward_next_ms(const struct forward *forward)
{
    int64_t next = INT64_MAX;
    for (const struct list *at = forward->busy.next; at != &forward->busy; at = at->next) {
        int64_t own = next_of(container_of(at, struct forward_client, busy));
        next = own < next ? own : next;
    }
    return next;
}

/* ---- life ---- */

void forward_init(struct forward *forward, const struct forward_config *config)
{
    *forward = (struct forward){.config = *config, .options = {.on = true, .wait_ms = FORWARD_WAIT_MS}};
    list_init(&forward->all);
    list_init(&forward->busy);
    buf_init(&forward->out, FORWARD_OUT);
}

void forward_finish(struct forward *forward)
{
    while (!list_empty(&forward->all)) {
        struct forward_client *fc = container_of(forward->all.next, struct forward_client, all);
        if (fc->session != NULL) {
            fc->session->forward = NULL;
        }
        destroy(fc);
    }
    arena_finish(&forward->arena);
    buf_finish(&forward->out);
}
