/* SPDX-License-Identifier: MIT */

/* session.c - what is written to a client, and when it may leave; session.h has the states. */
#include "serve/session.h"

#include "wire/reply.h"

#define OUTPUT_MAX_BEFORE_PASSWORD ((size_t)65536)   /* bytes */
#define OUTPUT_MOVED_MAX           ((size_t)8 << 20) /* bytes: a millisecond or two */

/* ---- the pool ---- */

void session_pool_init(struct session_pool *pool, const struct gate *gate, struct meters_counts *counts)
{
    check(gate != NULL && counts != NULL);
    *pool = (struct session_pool){.gate = gate, .counts = counts};
    list_init(&pool->all);
    list_init(&pool->dirty);
    crowd_init(&pool->crowd);
}

void session_pool_finish(struct session_pool *pool)
{
    check(list_empty(&pool->all) && list_empty(&pool->dirty) && pool->blocked == 0);
    buf_finish(&pool->pushed);
    crowd_finish(&pool->crowd);
}

void session_pool_limit(struct session_pool *pool, size_t output_max, size_t push_max)
{
    pool->output_max = output_max;
    pool->output_pause = output_max < SESSION_OUT_PAUSE ? output_max : SESSION_OUT_PAUSE;
    pool->push_max = push_max;
    buf_limit(&pool->pushed, output_max);
    for (struct list *at = pool->all.next; at != &pool->all; at = at->next) {
        struct session *session = container_of(at, struct session, all);
        bool executing = pool->executing == session; /* looked at when it has answered */
        if (!executing && session_unsent(session) > output_max + pool->output_pause + session->pushed) {
            session_end(session, SESSION_END_OUTPUT);
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

void session_end(struct session *session, enum session_end why)
{
    struct meters_counts *counts = session->pool->counts;
    uint64_t *const counted[] = {
        [SESSION_END_OUTPUT] = &counts->dropped,   [SESSION_END_STALLED] = &counts->stalled,
        [SESSION_END_PROTOCOL] = &counts->garbled, [SESSION_END_FOREIGN] = &counts->foreign,
        [SESSION_END_IDLE] = &counts->idle,        [SESSION_END_KILLED] = &counts->killed,
        [SESSION_END_MEMORY] = &counts->evicted,   [SESSION_END_RETRACTED] = &counts->retracted};
    check(why > SESSION_END_NONE && why < sizeof counted / sizeof counted[0]);
    if (session->ended == SESSION_END_NONE && !session->overflowed) {
        session->ended = why;
        ++*counted[why];
    }
    session->doomed = true;
    bool told = why == SESSION_END_PROTOCOL || why == SESSION_END_FOREIGN; /* by an error */
    session->overflowed = session->overflowed || !told;
    if (session->overflowed) {
        crowd_dismiss(&session->holdings);
    }
    session_touch(session);
}

static bool is_past_limits(const struct session *session)
{
    bool unknown = session->caller.user == NULL && session_unsent(session) > OUTPUT_MAX_BEFORE_PASSWORD;
    return session->out.full || unknown;
}

bool session_check_slow(struct session *session)
{
    if (is_past_limits(session)) {
        session_end(session, SESSION_END_OUTPUT);
        return false;
    }
    session->brimming = session_unsent(session) > session->pool->output_pause;
    return !session->brimming;
}

/* Where the room ends: a limit that would overflow is none. */
static size_t reach(size_t size, size_t more)
{
    size_t sum;
    return __builtin_add_overflow(size, more, &sum) ? SIZE_MAX : sum;
}

void session_make_room(struct session *session)
{
    const struct session_pool *pool = session->pool;
    session->out.limit = reach(session->out.size, pool->output_max + pool->output_pause); /* session I3 */
}

/* What has left goes from the front when the rest is small: else the output of a client that reads, but never all,
 * would grow for ever. At most as many bytes are moved as have left. */
static void compact(struct session *session)
{
    size_t sent = session->sent;
    if (sent <= SESSION_OUT_KEPT || session_unsent(session) > sent || session_unsent(session) > OUTPUT_MOVED_MAX) {
        return;
    }
    buf_consume(&session->out, sent);
    for (uint32_t i = 0; i < session->mark_count; i++) {
        session->marks[i].end -= sent;
    }
    session->released_end -= sent;
    session->sent = 0;
    buf_fit(&session->out, 2 * session->out.size + SESSION_OUT_KEPT);
}

static bool is_released(const struct session *session, uint64_t sequence, uint64_t of_all)
{
    const struct gate *gate = session->pool->gate;
    uint64_t released = gate_released(gate, session_level(session));
    return sequence <= released && (of_all <= released || gate_lets_all(gate));
}

/* How much of the output is marked, or may leave. */
static size_t marked_end(const struct session *session)
{
    check_slow(session->mark_count <= SESSION_MARKS);
    return session->mark_count > 0 ? session->marks[session->mark_count - 1].end : session->released_end;
}

/* While the log is stuck what is shown of all keys depends on nothing (gate.h). */
static void note_shown(struct session *session, uint64_t mark, uint64_t of_all)
{
    bool counts = of_all > mark && of_all <= gate_released(session->pool->gate, session_level(session));
    uint64_t most = counts ? of_all : mark;
    session->shown = most > session->shown ? most : session->shown;
}

/* Notes what the output written since the last call depends on. A command that waits has looked at keys and shown
 * nothing: there is nothing to mark. */
static void mark_output(struct session *session)
{
    uint64_t mark = session->turn_mark;
    uint64_t of_all = session->turn_of_all;
    bool wrote = session->turn_wrote;
    session->turn_mark = 0;
    session->turn_of_all = 0;
    session->turn_wrote = false;
    check(marked_end(session) <= session->out.size); /* session I1 */
    if (marked_end(session) == session->out.size) {
        return;
    }
    bool free = is_released(session, mark, of_all);
    if (free && session->mark_count == 0) {
        session->released_end = session->out.size;
        note_shown(session, mark, of_all);
    } else if (free || session->mark_count == SESSION_MARKS) {
        struct session_mark *last = &session->marks[session->mark_count - 1];
        last->end = session->out.size;
        last->sequence = mark > last->sequence ? mark : last->sequence;
        last->of_all = of_all > last->of_all ? of_all : last->of_all;
        session->marks_wrote |= (uint16_t)(wrote << (session->mark_count - 1));
    } else {
        session->marks_wrote |= (uint16_t)(wrote << session->mark_count);
        session->marks[session->mark_count++] = (struct session_mark){session->out.size, mark, of_all};
    }
}

size_t session_releasable(struct session *session)
{
    mark_output(session);
    uint8_t passed = 0;
    while (passed < session->mark_count &&
           is_released(session, session->marks[passed].sequence, session->marks[passed].of_all)) {
        check(session->marks[passed].end >= session->released_end); /* session I2, gate I2 */
        session->released_end = session->marks[passed].end;
        note_shown(session, session->marks[passed].sequence, session->marks[passed].of_all);
        passed++;
    }
    if (passed > 0) {
        session->mark_count = (uint8_t)(session->mark_count - passed);
        session->marks_wrote = (uint16_t)(session->marks_wrote >> passed);
        memmove(session->marks, session->marks + passed, session->mark_count * sizeof session->marks[0]);
    }
    check(session->sent <= session->released_end && session->released_end <= session->out.size); /* session I1 */
    return session->released_end - session->sent;
}

bool session_hand_over(struct session *session, struct buf *whole, size_t from)
{
    struct buf *out = &session->out;
    check(from <= whole->size && !whole->full);
    if (out->size > 0 || out->full || session->mark_count > 0 || whole->size > out->limit) {
        return false;
    }
    check(session->sent == 0 && session->released_end == 0); /* session I1 */
    size_t limit = out->limit;
    buf_finish(out);
    *out = *whole;
    out->limit = limit;
    *whole = (struct buf){.limit = whole->limit};
    session->sent = from; /* as if what stands before had left */
    session->released_end = from;
    return true;
}

void session_sent(struct session *session, size_t size)
{
    check(size <= session->released_end - session->sent); /* session I1 */
    session->sent += size;
    if (session->sent == session->out.size) {
        buf_clear(&session->out, SESSION_OUT_KEPT);
        session->sent = 0;
        session->released_end = 0;
    } else {
        compact(session);
    }
    size_t unsent = session_unsent(session);
    session->pushed = session->pushed < unsent ? session->pushed : unsent;
    if (session->brimming && unsent <= session->pool->output_pause / 2) {
        session->brimming = false;
        session_resume(session);
    }
    session_note(session);
}

bool session_tidy(struct session *session)
{
    size_t before = session->holdings.sum;
    if (session->out.size == 0) {
        buf_clear(&session->out, 0);
    }
    resp_parser_tidy(&session->parser);
    session_note(session);
    session->output_peak = session->out.size;
    return session->holdings.sum < before;
}

/* ---- what nobody asked for ---- */

static bool is_executing(const struct session *session)
{
    return session->pool->executing == session;
}

/* There is no memory for messages that are not read. One that has read all before gets one more, up to a limit. */
static bool is_too_late(const struct session *session)
{
    const struct crowd *crowd = &session->pool->crowd;
    uint64_t limit = crowd->options.limit;
    return crowd_is_full(crowd) && !session->holdings.exempt && !is_executing(session) &&
           (session_unsent(session) > 0 || crowd->sum - crowd->leaving - limit > limit);
}

struct buf *session_push(struct session *session, uint64_t mark)
{
    if (session->doomed) {
        return NULL;
    }
    if (__builtin_expect(is_too_late(session), 0)) {
        list_remove(&session->dirty); /* it may be where sessions wait for the disk */
        session_end(session, SESSION_END_MEMORY);
        return NULL;
    }
    struct session_pool *pool = session->pool;
    session_depends(session, mark);
    if (is_executing(session)) {
        return &pool->pushed;
    }
    session_make_room(session);
    pool->push_began = session->out.size;
    return &session->out;
}

/* `size` bytes of messages stand at the end of the output now. One may be large: what counts is what is unread before
 * it. */
static void count_pushed(struct session *session, size_t size)
{
    bool slow = session->pushed > session->pool->push_max;
    session->pushed += size;
    if (slow || session->out.full) {
        session_end(session, SESSION_END_OUTPUT);
    }
}

void session_pushed(struct session *session)
{
    check(!session->doomed);
    if (!is_executing(session)) {
        check(session->out.size >= session->pool->push_began);
        count_pushed(session, session->out.size - session->pool->push_began);
        session_note(session);
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
        size_t limit = session->out.limit;
        session->out.limit = SIZE_MAX; /* they have been measured already, and take no room of what follows */
        bool whole = !pushed->full && buf_append(&session->out, buf_bytes(pushed));
        session->out.limit = reach(limit, pushed->size);
        session->out.full = session->out.full || !whole;
        count_pushed(session, pushed->size);
        buf_clear(pushed, SESSION_OUT_KEPT);
    }
}
