/* SPDX-License-Identifier: MIT */

/* retract.c - the end of waiting for what does not come.
 *
 * Why      A leader that is deposed has promised nothing about what it holds: its records may be cut. An answer that
 *          left later, when other records have reached its number, would be a lie. But whoever waits is to know:
 *          silence is no answer.
 *
 * Idea     What is held is replies, one behind the other: each becomes one error, so that the connection goes on, with
 *          its answers in order. Whether one may have written is known by the mark that it stands under: of commands
 *          that came together all may have.
 *
 * Promises
 *   P1  There are as many answers as before, and nothing of the data that was held is shown. What shows nothing stays
 *       as it is: a refusal, QUEUED, PONG, OK where nothing was written (SELECT: the database is chosen), and pushed
 *       messages (RESP3): a client that keeps copies must hear that they are old.
 *   P2  Where an answer cannot be told from a message (a RESP2 client that listens), or a transaction is open, so that
 *       an error for MULTI would be wrong, the connection is closed. */
#include "serve/retract.h"

#include "serve/count.h"
#include "serve/park.h"
#include "serve/sessions.h"
#include "wire/replies.h"

static bool begins(struct gm_bytes answer, const char *const *words, size_t count)
{
    bool one = false;
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(words[i]);
        one = one || (answer.size >= size && memcmp(answer.data, words[i], size) == 0);
    }
    return one;
}

/* Answers that show nothing of the data: refusals, and what is said about the connection. "OK" is that where nothing
 * was written: whoever chose a database, or a name, has done so. */
static bool shows_nothing(struct gm_bytes answer, bool wrote)
{
    static const char *const words[] = {"+OK\r\n",     "+QUEUED\r\n", "+PONG\r\n",    "-CLUSTERDOWN ",
                                        "-UNCERTAIN ", "-READONLY ",  "-NOREPLICAS ", "-DISKFULL "};
    return begins(answer, words + wrote, sizeof words / sizeof words[0] - wrote);
}

static void write_error(struct session *session, struct buf *out, const char *error)
{
    struct reply reply;
    reply_begin(&reply, out, session->caller.resp3);
    reply_error(&reply, error);
    errors_count(&session->worker->meters.errors, reply_written(&reply));
}

/* Whether an answer that begins there may be one of a command that wrote. */
static bool may_have_written(const struct session *session, size_t at)
{
    uint32_t mark = 0;
    while (mark + 1 < session->mark_count && session->marks[mark].end <= at) {
        mark++;
    }
    return (session->marks_wrote >> mark & 1) != 0;
}

/* What is to be sent instead of what is held. False: that cannot be told apart. */
static bool rewrite(struct session *session, const struct retract_words *words, struct buf *out, uint64_t *count)
{
    struct gm_bytes held = {session->out.data + session->released_end, session->out.size - session->released_end};
    struct replies replies = {0};
    size_t at = 0;
    enum replies_result result;
    while ((result = replies_next(&replies, held)) != REPLIES_MORE) {
        struct gm_bytes answer = {held.data + at, replies.position - at};
        if (result == REPLIES_BROKEN) {
            return false;
        }
        bool wrote = may_have_written(session, session->released_end + at);
        if (result == REPLIES_PUSH || shows_nothing(answer, wrote)) { /* retract P1 */
            if (!buf_append(out, answer)) {
                return false;
            }
        } else {
            write_error(session, out, wrote ? words->wrote : words->read);
            ++*count;
        }
        at = replies.position;
    }
    if (at != held.size) {
        return false;
    }
    return !out->full;
}

/* All that is held is this now. False: there is no room for it. */
static bool put(struct session *session, const struct buf *out)
{
    session->out.size = session->released_end;
    session->mark_count = 0;
    session->marks_wrote = 0;
    bool fits = buf_append(&session->out, buf_bytes(out));
    session->released_end = session->out.size;
    session_note(session);
    return fits;
}

static uint64_t retract_session(struct session *session, const struct retract_words *words)
{
    (void)session_releasable(session); /* what it has written in this turn is marked */
    if (session->mark_count == 0 || session->doomed) {
        return 0;
    }
    struct buf out;
    uint64_t count = 0;
    bool mixed = !session->caller.resp3 && (session_listens(session) || !list_empty(&session->monitors));
    mixed = mixed || session->transaction.open; /* whether MULTI was answered is not known */
    session_make_room(session);
    buf_init(&out, session->out.limit);
    if (mixed || !rewrite(session, words, &out, &count) || !put(session, &out)) {
        sessions_kill(session, SESSION_END_RETRACTED); /* retract P2 */
    }
    buf_finish(&out);
    return count;
}

uint64_t retract_held(struct worker *worker, struct list *gated, const struct retract_words *words)
{
    struct list *dirty = &worker->sessions.dirty;
    uint64_t count = 0;
    check(worker->depth == 0 && worker->sessions.executing == NULL);
    list_move_all(dirty, gated);
    for (struct list *at = dirty->next; at != dirty;) {
        struct session *session = container_of(at, struct session, dirty);
        at = at->next; /* who is killed comes once more, at the end */
        if (!session->doomed) {
            count += retract_session(session, words);
        }
    }
    return count;
}

/* The command that the session waits with is one that waits for others, not for time of its own. One from another node
 * goes back there, as not begun (cluster C25). */
static bool is_blocked(const struct session *session)
{
    return session->waiting && !session->doomed && !session->elsewhere && park_is_served(session) &&
           (request_flags(&session->parked->request) & GM_BLOCKS) != 0;
}

void retract_waiting(struct worker *worker, const char *error)
{
    const struct list *all = &worker->sessions.all;
    check(worker->depth == 0);
    for (struct list *at = all->next; at != all;) {
        struct session *session = container_of(at, struct session, all);
        at = at->next;
        if (is_blocked(session) && !(worker->reroute != NULL && worker->reroute(session))) {
            count_unblocked(session);
            park_end(session);
            session_make_room(session);
            write_error(session, &session->out, error);
            session_resume(session);
        }
    }
}

void retract_written(struct worker *worker, uint64_t known)
{
    const struct list *all = &worker->sessions.all;
    for (struct list *at = all->next; at != all; at = at->next) {
        struct session *session = container_of(at, struct session, all);
        session->written = session->written > known ? UINT64_MAX : session->written;
    }
}
