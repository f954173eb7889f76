/* SPDX-License-Identifier: MIT */

/* coord_raft_asks.c - swaps and reads: of this node and of others, carried out here or by the node that leads.
 *
 *             WAITS ─┬─► PROPOSED ─► the library has committed and applied it, or lost its office
 *                    ├─► READS    ─► a majority says that this server still leads
 *                    └─► SENT     ─► ANSWER of the node that leads; ELSEWHERE: it waits again
 *
 * Idea     An ask is sent once, and proposed once: what became of it may be unknown (AGAIN), but it is never carried
 *          out twice. One swap is proposed at a time, and judged against what was applied, so the library's log has few
 *          entries that change nothing.
 *
 *          A read takes no entry: it is answered with what was applied when all that was committed as it came is, if
 *          a majority of the voters has answered a beat that was sent after it came.
 *
 * Promises
 *   P1  EXISTS and REFUSED are said only of what was not proposed, or was proposed, applied and found to be late.
 *   P2  Asks of other nodes are bounded (FOREIGN_MAX): beyond it they are told to ask again.
 */
#include "cluster/coord_raft_state.h"

#include "base/memory.h"
#include "cluster/coord_patch.h"

#define FOREIGN_MAX 64

/* ---- answers ---- */

static void decide(struct coord_raft_ask *ask, enum coord_outcome outcome, const char *why)
{
    if (ask->raft->proposed == ask) {
        ask->raft->proposed = NULL;
    }
    ask->stage = COORD_RAFT_ANSWERED;
    ask->outcome = outcome;
    complaint_set(&ask->complaint, "%s", why);
}

static void send_answer(struct coord_raft_ask *ask, enum coord_message_outcome outcome, struct gm_bytes document)
{
    struct coord_message message = {
        .kind = COORD_MESSAGE_ANSWER,
        .from = ask->raft->guard.config.server,
        .to = ask->server,
        .term = ask->number,
        .ask = {.outcome = (uint8_t)outcome, .document = document},
    };
    coord_guard_send(&ask->raft->guard, ask->from, &message);
}

static void drop(struct coord_raft_ask *ask)
{
    list_remove(&ask->link);
    ask->raft->foreign -= ask->from != 0 ? 1 : 0;
    buf_finish(&ask->document);
    memory_free(ask);
}

static void answer_here(struct coord_raft_ask *ask)
{
    struct coord_swap *swap = ask->swap;
    struct coord_read *read = ask->read;
    struct coord_raft *raft = ask->raft;
    enum coord_outcome outcome = ask->outcome;
    struct complaint complaint = ask->complaint;
    drop(ask);
    if (swap != NULL) {
        swap->outcome = outcome;
        swap->complaint = complaint;
        swap->on_done(swap);
    } else {
        read->outcome = outcome;
        read->complaint = complaint;
        read->topology = raft->current;
        read->on_done(read);
    }
}

static void answer(struct coord_raft_ask *ask)
{
    static const enum coord_message_outcome names[] = {
        [COORD_OK] = COORD_MESSAGE_OK,
        [COORD_EXISTS] = COORD_MESSAGE_EXISTS,
        [COORD_AGAIN] = COORD_MESSAGE_AGAIN,
        [COORD_REFUSED] = COORD_MESSAGE_REFUSED,
    };
    if (ask->from == 0) {
        answer_here(ask);
        return;
    }
    bool read = !ask->is_swap && ask->outcome == COORD_OK;
    struct gm_bytes sentence = gm_bytes_of(ask->complaint.text);
    send_answer(ask, names[ask->outcome], read ? buf_bytes(&ask->raft->document) : sentence);
    drop(ask);
}

void coord_raft_answer_asks(struct coord_raft *raft)
{
    struct list answered;
    list_init(&answered);
    for (struct list *link = raft->asks.next, *next; link != &raft->asks; link = next) {
        struct coord_raft_ask *ask = container_of(link, struct coord_raft_ask, link);
        next = link->next;
        if (ask->stage == COORD_RAFT_ANSWERED) {
            list_remove(link);
            list_push_back(&answered, link); /* who is called may ask anew */
        }
    }
    while (!list_empty(&answered)) {
        answer(container_of(answered.next, struct coord_raft_ask, link));
    }
}

bool coord_raft_has_answers(const struct coord_raft *raft)
{
    for (const struct list *link = raft->asks.next; link != &raft->asks; link = link->next) {
        if (container_of(link, struct coord_raft_ask, link)->stage == COORD_RAFT_ANSWERED) {
            return true;
        }
    }
    return false;
}

void coord_raft_forget_asks(struct coord_raft *raft)
{
    while (!list_empty(&raft->asks)) {
        drop(container_of(raft->asks.next, struct coord_raft_ask, link));
    }
}

/* ---- asking ---- */

static struct coord_raft_ask *add(struct coord_raft *raft)
{
    struct coord_raft_ask *ask = memory_zeroed(sizeof *ask);
    ask->raft = raft;
    ask->stage = COORD_RAFT_WAITS;
    ask->until_us = raft->now_us + (int64_t)COORD_RAFT_WAIT_MS * 1000;
    buf_init(&ask->document, TOPOLOGY_BYTES_MAX);
    list_push_back(&raft->asks, &ask->link);
    return ask;
}

void coord_raft_swap(struct coord *coord, struct coord_swap *swap)
{
    struct coord_raft_ask *ask = add(container_of(coord, struct coord_raft, base));
    ask->swap = swap;
    ask->is_swap = true;
    ask->expected = swap->expected_version;
    if (topology_check(swap->topology, &swap->complaint) != STATUS_OK) {
        decide(ask, COORD_REFUSED, swap->complaint.text);
        return;
    }
    uint8_t *room = buf_reserve(&ask->document, TOPOLOGY_BYTES_MAX);
    ask->document.size = topology_encode(swap->topology, room, TOPOLOGY_BYTES_MAX);
    buf_fit(&ask->document, ask->document.size);
}

void coord_raft_read(struct coord *coord, struct coord_read *read)
{
    add(container_of(coord, struct coord_raft, base))->read = read;
}

static void on_foreign_ask(struct coord_raft *raft, uint64_t from, const struct coord_message *message)
{
    struct coord_raft_ask *ask = add(raft);
    ask->from = from;
    ask->server = message->from;
    ask->number = message->term;
    ask->is_swap = message->kind == COORD_MESSAGE_SWAP;
    raft->foreign++;
    if (raft_state(&raft->guard.raft) != RAFT_LEADER) {
        send_answer(ask, COORD_MESSAGE_ELSEWHERE, BYTES_NONE);
        drop(ask);
    } else if (raft->foreign > FOREIGN_MAX) { /* coord_raft_asks P2 */
        send_answer(ask, COORD_MESSAGE_AGAIN, BYTES("the node that leads has too many requests"));
        drop(ask);
    } else if (ask->is_swap) {
        ask->expected = message->ask.expected;
        if (!buf_append(&ask->document, message->ask.document)) {
            decide(ask, COORD_REFUSED, "the document is too large");
        }
    }
}

static struct coord_raft_ask *sent_ask(struct coord_raft *raft, uint64_t from, uint64_t number)
{
    for (struct list *link = raft->asks.next; link != &raft->asks; link = link->next) {
        struct coord_raft_ask *ask = container_of(link, struct coord_raft_ask, link);
        if (ask->stage == COORD_RAFT_SENT && ask->sent_to == from && ask->sent_number == number) {
            return ask;
        }
    }
    return NULL;
}

/* The document that a read brought; false: it is none. */
static bool take_document(struct coord_raft *raft, struct gm_bytes document)
{
    struct complaint complaint;
    if (document.size > 0) { /* without: there is none yet */
        if (topology_decode(document, raft->decoded, &complaint) != STATUS_OK) {
            return false;
        }
        coord_raft_show(raft, raft->decoded);
    }
    return true;
}

static void on_answer(struct coord_raft_ask *ask, const struct coord_message *message)
{
    struct complaint why;
    complaint_set(&why, "%.*s", (int)(message->ask.document.size < 400 ? message->ask.document.size : 400),
                  (const char *)message->ask.document.data);
    switch ((enum coord_message_outcome)message->ask.outcome) {
    case COORD_MESSAGE_OK:
        if (!ask->is_swap && !take_document(ask->raft, message->ask.document)) {
            decide(ask, COORD_AGAIN, "the node that leads has answered with something that is no topology");
        } else {
            decide(ask, COORD_OK, "");
        }
        break;
    case COORD_MESSAGE_EXISTS:
        decide(ask, ask->is_swap ? COORD_EXISTS : COORD_AGAIN, why.text);
        break;
    case COORD_MESSAGE_AGAIN:
        decide(ask, COORD_AGAIN, why.text);
        break;
    case COORD_MESSAGE_REFUSED:
        decide(ask, COORD_REFUSED, why.text);
        break;
    case COORD_MESSAGE_ELSEWHERE:
        ask->stage = COORD_RAFT_WAITS;
        break;
    }
}

void coord_raft_on_ask(void *context, uint64_t from, const struct coord_message *message)
{
    struct coord_raft *raft = context;
    if (message->kind != COORD_MESSAGE_ANSWER) {
        on_foreign_ask(raft, from, message);
        return;
    }
    struct coord_raft_ask *ask = sent_ask(raft, from, message->term);
    if (ask != NULL) {
        on_answer(ask, message);
    }
}

/* ---- at the node that leads ---- */

static void on_applied(struct raft_apply *apply, int status, void *result)
{
    struct coord_raft_ask *ask = apply->data;
    if (status != 0) {
        decide(ask, COORD_AGAIN, "this node has lost its office before a majority had the change");
    } else if (result == NULL) {
        decide(ask, COORD_EXISTS, "");
    } else {
        decide(ask, COORD_OK, ""); /* coord O2: a majority has it on its disks */
    }
}

static bool has_room(const struct coord_raft *raft, size_t patch)
{
    uint64_t room = coord_store_room(&raft->guard.store);
    return room > raft->guard.store.size / 4 + patch + 64; /* the rest is for barriers and changes of servers */
}

static enum status judge(struct coord_raft_ask *ask, struct complaint *complaint)
{
    struct coord_raft *raft = ask->raft;
    TRY(topology_decode(buf_bytes(&ask->document), raft->decoded, complaint));
    return topology_follows(raft->version == 0 ? NULL : raft->applied, raft->decoded, complaint);
}

static void propose(struct coord_raft_ask *ask)
{
    struct coord_raft *raft = ask->raft;
    struct complaint complaint;
    if (ask->expected !=
        raft->version) { /* coord_raft_asks P1: this server leads, and has applied all before its term */
        decide(ask, COORD_EXISTS, "");
        return;
    }
    if (judge(ask, &complaint) != STATUS_OK) {
        decide(ask, COORD_REFUSED, complaint.text);
        return;
    }
    struct buf patch;
    buf_init(&patch, COORD_STORE_ENTRY_MAX);
    coord_patch_make(buf_bytes(&raft->document), raft->version, buf_bytes(&ask->document), &patch);
    struct raft_buffer entry = {.base = raft_malloc(patch.size), .len = patch.size};
    check(entry.base != NULL);
    memcpy(entry.base, patch.data, patch.size);
    buf_finish(&patch);
    if (!has_room(raft, entry.len)) {
        raft_free(entry.base);
        decide(ask, COORD_REFUSED,
               "the coordinator's log is full: it takes no more changes (docs/formats/coordinator.md)");
        return;
    }
    ask->apply.data = ask;
    ask->stage = COORD_RAFT_PROPOSED;
    raft->proposed = ask;
    int code = raft_apply(&raft->guard.raft, &ask->apply, &entry, 1, on_applied);
    if (code != 0) {
        raft_free(entry.base);
        decide(ask, COORD_AGAIN, raft_strerror(code));
    }
}

static void begin_read(struct coord_raft_ask *ask)
{
    ask->stage = COORD_RAFT_READS;
    ask->stamp = coord_guard_stamp(&ask->raft->guard);
    ask->term = ask->raft->guard.raft.current_term;
    ask->index = ask->raft->guard.raft.commit_index;
}

static void see_to_read(struct coord_raft_ask *ask)
{
    struct coord_guard *guard = &ask->raft->guard;
    if (!coord_guard_settled(guard) || guard->raft.current_term != ask->term) {
        ask->stage = COORD_RAFT_WAITS;
    } else if (coord_guard_confirmed(guard, ask->stamp) && raft_last_applied(&guard->raft) >= ask->index) {
        decide(ask, COORD_OK, ""); /* coord O3 */
    }
}

/* ---- at another node ---- */

static void send_on(struct coord_raft_ask *ask, uint64_t leader)
{
    struct coord_raft *raft = ask->raft;
    ask->stage = COORD_RAFT_SENT;
    ask->sent_to = leader;
    ask->sent_number = ++raft->next_number;
    struct coord_message message = {
        .kind = ask->is_swap ? COORD_MESSAGE_SWAP : COORD_MESSAGE_READ,
        .from = raft->guard.config.server,
        .term = ask->sent_number,
        .ask = {.expected = ask->expected, .document = buf_bytes(&ask->document)},
    };
    coord_guard_send(&raft->guard, leader, &message);
}

static void see_to_waiting(struct coord_raft_ask *ask)
{
    struct coord_raft *raft = ask->raft;
    if (coord_guard_settled(&raft->guard)) {
        if (!ask->is_swap) {
            begin_read(ask);
        } else if (raft->proposed == NULL && coord_guard_ready(&raft->guard)) {
            propose(ask);
        }
        return;
    }
    if (raft_state(&raft->guard.raft) == RAFT_LEADER) {
        return; /* soon */
    }
    uint64_t leader = coord_guard_leader(&raft->guard);
    if (ask->from != 0) {
        send_answer(ask, COORD_MESSAGE_ELSEWHERE, BYTES_NONE);
        drop(ask);
    } else if (leader != 0 && leader != raft->guard.config.node) {
        send_on(ask, leader);
    }
}

static void see_to(struct coord_raft_ask *ask)
{
    if (ask->stage != COORD_RAFT_PROPOSED && ask->stage != COORD_RAFT_ANSWERED && ask->raft->now_us >= ask->until_us) {
        decide(ask, COORD_AGAIN,
               ask->stage == COORD_RAFT_SENT ? "the node that leads the coordinator has not answered"
                                             : "the coordinator has no leader: a majority of its voters is needed");
    } else if (ask->stage == COORD_RAFT_READS) {
        see_to_read(ask);
    } else if (ask->stage == COORD_RAFT_WAITS) {
        see_to_waiting(ask);
    }
}

void coord_raft_see_to_asks(struct coord_raft *raft)
{
    for (struct list *link = raft->asks.next, *next; link != &raft->asks; link = next) {
        next = link->next;
        see_to(container_of(link, struct coord_raft_ask, link));
    }
}

int64_t coord_raft_next_us(const struct coord_raft *raft)
{
    int64_t next_us = INT64_MAX;
    for (const struct list *link = raft->asks.next; link != &raft->asks; link = link->next) {
        const struct coord_raft_ask *ask = container_of(link, struct coord_raft_ask, link);
        next_us = ask->until_us < next_us ? ask->until_us : next_us;
    }
    return next_us;
}
