/* SPDX-License-Identifier: MIT */

/* session.c - what is written to a client, and when it may leave; session.h has the states. */
#include "serve/session.h"

#include "wire/reply.h"

#define OUTPUT_MAX_BEFORE_PASSWORD ((size_t)65536) /* bytes */

/* ---- the pool ---- */

void session_pool_init(struct session_pool *pool, const struct gate *gate, uint64_t *dropped, size_t output_max)
{
    check(gate != NULL && dropped != NULL);
    *pool = (struct session_pool){.gate = gate, .dropped = dropped, .output_max = output_max};
    list_init(&pool->all);
    list_init(&pool->dirty);
    buf_init(&pool->pushed, output_max);
}

void session_pool_finish(struct session_pool *pool)
{
    check(list_empty(&pool->all) && list_empty(&pool->dirty) && pool->blocked == 0);
    buf_finish(&pool->pushed);
}

void session_pool_limit(struct session_pool *pool, size_t output_max)
{
    pool->output_max = output_max;
    buf_limit(&pool->pushed, output_max);
    for (struct list *at = pool->all.next; at != &pool->all; at = at->next) {
        struct session *session = container_of(at, struct session, all);
        buf_limit(&session->out, output_max);
        if (!session->overflowed && pool->executing != session) {
            session_check_output(session); /* that of the command under way is looked at when it has answered */
        }
        if (session->overflowed) {
            session_touch(session);
        }
    }
}

void session_resume(struct session *session)
{
    session->resumed = true;
    session_touch(session);
}

/* ---- leaving through the gate ---- */

void session_check_output(struct session *session)
{
    size_t limit = session->caller.user != NULL ? session->out.limit : OUTPUT_MAX_BEFORE_PASSWORD;
    if (session->out.full || session->out.size - session->sent > limit) {
        session->overflowed = true;
        session->doomed = true;
        ++*session->pool->dropped;
    }
}

static uint64_t released(const struct session *session)
{
    return gate_released(session->pool->gate, session->caller.level);
}

/* How much of the output is marked, or may leave. */
static size_t marked_end(const struct session *session)
{
    check_slow(session->mark_count <= SESSION_MARKS);
    return session->mark_count > 0 ? session->marks[session->mark_count - 1].end : session->released_end;
}

/* Notes what the output written since the last call depends on. A command that waits has looked at keys and shown
 * nothing: there is nothing to mark. */
static void mark_output(struct session *session)
{
    uint64_t mark = session->turn_mark;
    session->turn_mark = 0;
    check(marked_end(session) <= session->out.size); /* session I1 */
    if (marked_end(session) == session->out.size) {
        return;
    }
    bool free = mark <= released(session);
    if (free && session->mark_count == 0) {
        session->released_end = session->out.size;
    } else if (free || session->mark_count == SESSION_MARKS) {
        struct session_mark *last = &session->marks[session->mark_count - 1];
        last->end = session->out.size;
        last->sequence = mark > last->sequence ? mark : last->sequence;
    } else {
        session->marks[session->mark_count++] = (struct session_mark){session->out.size, mark};
    }
}

size_t session_releasable(struct session *session)
{
    mark_output(session);
    uint32_t passed = 0;
    while (passed < session->mark_count && session->marks[passed].sequence <= released(session)) {
        check(session->marks[passed].end >= session->released_end); /* session I2, gate I2 */
        session->released_end = session->marks[passed].end;
        passed++;
    }
    if (passed > 0) {
        session->mark_count -= passed;
        memmove(session->marks, session->marks + passed, session->mark_count * sizeof session->marks[0]);
    }
    check(session->sent <= session->released_end && session->released_end <= session->out.size); /* session I1 */
    return session->released_end - session->sent;
}

void session_sent(struct session *session, size_t size)
{
    check(size <= session->released_end - session->sent); /* session I1 */
    session->sent += size;
    if (session->sent == session->out.size) {
        buf_clear(&session->out, SESSION_OUT_KEPT);
        session->sent = 0;
        session->released_end = 0;
    }
}

/* ---- what nobody asked for ---- */

static bool is_executing(const struct session *session)
{
    return session->pool->executing == session;
}

struct buf *session_push(struct session *session, uint64_t mark)
{
    if (session->doomed) {
        return NULL;
    }
    session_depends(session, mark);
    return is_executing(session) ? &session->pool->pushed : &session->out;
}

void session_pushed(struct session *session)
{
    check(!session->doomed);
    if (!is_executing(session)) {
        session_check_output(session);
        session_touch(session);
    }
}

static void mute(struct session *session, size_t start)
{
    check(session->muted > 0);
    if (session->out.size > start) { /* else it waits */
        session->out.size = start;
        session->muted -= session->muted != SESSION_MUTED;
    }
}

void session_settle_slow(struct session *session, size_t start)
{
    struct buf *pushed = &session->pool->pushed;
    if (session->muted > 0) {
        mute(session, start);
    }
    if (pushed->size > 0 || pushed->full) {
        bool whole = !pushed->full && buf_append(&session->out, buf_bytes(pushed));
        session->out.full = session->out.full || !whole;
        buf_clear(pushed, SESSION_OUT_KEPT);
    }
}
