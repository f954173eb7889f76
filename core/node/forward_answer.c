/* SPDX-License-Identifier: MIT */

/* forward_answer.c - passing on.
 *
 * Why      A client that was told OK by this node, and asks it again on another connection, must find what it wrote:
 *          so an answer waits here until this node has what it depends on. And a client that loses a leader must not
 *          be told less, or more, than is known of each of its commands.
 *
 * Idea     What comes lies in `in`, with marks: up to here it depends on that record. Behind the marks that this node
 *          has passed, whole replies go to the client one by one, each for the first command that waits; so a loss
 *          leaves no half of one. Where a client listens, what comes is no answer to anything, and goes on as it is.
 *
 *             in:   | reply | reply | rep.. │ mark not passed │ ...
 *                     └──► client     └ stays until it is whole
 *
 * Promises
 *   P1  An answer is passed on when this node has applied what it depends on, in its epoch, or when it has waited
 *       forward_wait_ms.
 *   P2  Each command gets one answer, in the order in which they were asked, whatever becomes of the leader.
 *   P3  A command is said to be lost (CLUSTERDOWN) only if it has changed nothing, and UNCERTAIN if it may have; none
 *       that may have is asked again. */
#include "node/forward_answer.h"

#include <string.h>

#include "node/words.h"
#include "wire/reply.h"

static struct session *session_of(const struct forward_client *fc)
{
    return fc->session;
}

static int64_t now_of(const struct forward_client *fc)
{
    return fc->owner->config.worker->monotonic_ms;
}

static const struct forward_entry *head(const struct forward_client *fc)
{
    check(fc->count > 0);
    return &fc->entries[fc->first];
}

/* ---- to the client ---- */

static void give(struct forward_client *fc, struct gm_bytes bytes)
{
    struct session *session = session_of(fc);
    if (session->doomed) {
        return;
    }
    session_make_room(session);
    if (!buf_append(&session->out, bytes)) {
        session_end(session, SESSION_END_OUTPUT);
        return;
    }
    session_note(session);
    session_touch(session);
}

/* An answer of its own, unless it wants none (CLIENT REPLY). */
static void give_answer(struct forward_client *fc, struct gm_bytes bytes)
{
    struct session *session = session_of(fc);
    if (session->muted == 0) {
        give(fc, bytes);
    } else if (session->muted != SESSION_MUTED) {
        session->muted--;
    }
}

void forward_answer_error(struct forward_client *fc, const char *text)
{
    struct buf line;
    struct reply reply;
    buf_init(&line, 2048);
    reply_begin(&reply, &line, false);
    reply_error(&reply, text);
    errors_count(&session_of(fc)->worker->meters.errors, reply_written(&reply));
    give_answer(fc, buf_bytes(&line));
    buf_finish(&line);
}

void forward_answer_pop(struct forward_client *fc)
{
    uint64_t end = head(fc)->end;
    check(end > fc->base && end - fc->base <= fc->bytes.size);
    buf_consume(&fc->bytes, (size_t)(end - fc->base));
    fc->base = end;
    fc->first = (fc->first + 1) % FORWARD_ENTRIES;
    fc->count--;
    if (fc->count == 0) {
        buf_clear(&fc->bytes, 4096);
    }
}

/* ---- what comes ---- */

bool forward_answer_take(struct forward_client *fc, const struct forwarding_answer *answer)
{
    size_t limit = session_of(fc)->pool->output_max;
    buf_limit(&fc->in, limit < SIZE_MAX / 2 ? limit + FORWARDING_WINDOW : limit);
    if (fc->owed + answer->bytes.size > FORWARDING_WINDOW || !buf_append(&fc->in, answer->bytes)) {
        return false;
    }
    fc->owed += answer->bytes.size;
    if (fc->mark_count == FORWARD_MARKS) {
        fc->mark_count--; /* what has no room waits with the last one, as long as that would have */
    } else {
        fc->marks[fc->mark_count].since_ms = now_of(fc);
    }
    fc->marks[fc->mark_count].end = fc->in.size;
    fc->marks[fc->mark_count].mark = answer->mark;
    fc->mark_count++;
    if (answer->answered > 0) {
        fc->answered = fc->opened + answer->answered;
    }
    fc->listens = answer->listens;
    return true;
}

static bool is_applied(const struct forward_client *fc, const struct forward_mark *mark)
{
    const struct shard *shard = fc->owner->config.worker->shard;
    const struct tail *tail = &shard->tail;
    bool same = tail->epoch == mark->mark.epoch && tail->last_sequence >= mark->mark.sequence;
    bool later = tail->epoch > mark->mark.epoch; /* it is in the history before that, or will never be */
    return !shard_is_loading(shard) && (same || later);
}

/* How many bytes of `in` may be passed on: forward_answer P1. */
static size_t passed(struct forward_client *fc)
{
    uint32_t count = 0;
    size_t end = 0;
    for (; count < fc->mark_count; count++) {
        const struct forward_mark *mark = &fc->marks[count];
        bool has = is_applied(fc, mark);
        if (!has && now_of(fc) - mark->since_ms < fc->owner->options.wait_ms) {
            break;
        }
        fc->owner->late += !has;
        end = mark->end;
    }
    return end;
}

/* The first command is answered. */
static void finish(struct forward_client *fc, struct gm_bytes answer)
{
    struct forward_entry entry = *head(fc);
    bool error = answer.data[0] == '-' || answer.data[0] == '!';
    bool nothing = answer.data[0] == '_' || (answer.size > 1 && answer.data[1] == '-');
    if (entry.kind == FORWARD_WATCH && !error) {
        fc->watching = true;
    } else if (entry.kind == FORWARD_UNWATCH || entry.kind == FORWARD_EXEC) {
        fc->watching = false;
    }
    if (entry.kind == FORWARD_EXEC && !error && !nothing) {
        session_of(fc)->caller.database = entry.database;
        fc->told.database = entry.database;
    }
    if (!entry.silent) {
        bool wrote = entry.kind != FORWARD_READ && entry.kind != FORWARD_WATCH && entry.kind != FORWARD_UNWATCH;
        session_of(fc)->turn_wrote = session_of(fc)->turn_wrote || wrote; /* it may be held behind a read (retract.h) */
        give_answer(fc, answer);
    }
    forward_answer_pop(fc);
}

/* False: nobody has asked. */
static bool take_reply(struct forward_client *fc, struct gm_bytes reply)
{
    if (fc->count == 0 || head(fc)->end > fc->sent) {
        return false;
    }
    struct forward_entry *entry = &fc->entries[fc->first];
    if (entry->hidden > 0) {
        entry->hidden--;
    } else {
        finish(fc, reply);
    }
    return true;
}

/* ---- on their way to the client ---- */

/* The bytes up to `size` are through, the marks up to `end` have been passed. */
static void consume(struct forward_client *fc, size_t size, size_t end)
{
    uint32_t over = 0;
    while (over < fc->mark_count && fc->marks[over].end <= end) {
        over++;
    }
    fc->mark_count -= over;
    memmove(fc->marks, fc->marks + over, fc->mark_count * sizeof fc->marks[0]);
    for (uint32_t i = 0; i < fc->mark_count; i++) {
        fc->marks[i].end -= size;
    }
    buf_consume(&fc->in, size);
    fc->news = fc->news || size > 0;
}

/* All as it is. */
static void pass_news(struct forward_client *fc, size_t end)
{
    give(fc, (struct gm_bytes){fc->in.data, end});
    consume(fc, end, end);
    while (fc->in.size == 0 && fc->count > 0 && head(fc)->end <= fc->answered) {
        forward_answer_pop(fc);
    }
    fc->listening = fc->listens || fc->count > 0 || fc->in.size > 0;
}

/* Up to `end`, one by one. False: they make no sense. */
static bool pass_replies(struct forward_client *fc, size_t end)
{
    size_t from = 0;
    enum replies_result result;
    while ((result = replies_next(&fc->replies, (struct gm_bytes){fc->in.data, end})) != REPLIES_MORE) {
        struct gm_bytes bytes = {fc->in.data + from, fc->replies.position - from};
        if (result == REPLIES_PUSH) {
            give(fc, bytes);
        } else if (result == REPLIES_BROKEN || !take_reply(fc, bytes)) {
            return false;
        }
        from = fc->replies.position;
    }
    replies_consumed(&fc->replies, from);
    consume(fc, from, end);
    return true;
}

bool forward_answer_pass(struct forward_client *fc)
{
    size_t end = passed(fc);
    if (end == 0) {
        return true;
    }
    if (fc->listening) {
        pass_news(fc, end);
        return true;
    }
    return pass_replies(fc, end);
}

int64_t forward_answer_next_ms(const struct forward_client *fc)
{
    return fc->mark_count > 0 ? fc->marks[0].since_ms + fc->owner->options.wait_ms : INT64_MAX;
}

/* ---- answers that do not come ---- */

/* Whether it is known that nothing came of the first command. */
static bool is_untouched(const struct forward_client *fc)
{
    const struct forward_entry *entry = head(fc);
    if (fc->base >= fc->sent || fc->nothing_begun) {
        return true;
    }
    return fc->sent_back && (entry->end > fc->begun || (fc->parked && entry->end == fc->begun));
}

/* forward_answer P3 */
static void answer_lost(struct forward_client *fc)
{
    struct forward_entry entry = *head(fc);
    char text[WORDS_MAX];
    bool safe = entry.kind == FORWARD_READ || entry.kind == FORWARD_WATCH || entry.kind == FORWARD_UNWATCH;
    if (safe) {
        words_lost_read(text, fc->leader);
    } else {
        words_lost(text, fc->leader);
    }
    fc->owner->uncertain += !safe;
    if (!entry.silent) {
        forward_answer_error(fc, text);
    }
    forward_answer_pop(fc);
}

/* What was not begun is asked again; what came before it is lost. */
static void keep_the_rest(struct forward_client *fc)
{
    for (uint32_t i = 0; i < fc->count; i++) {
        struct forward_entry *entry = &fc->entries[(fc->first + i) % FORWARD_ENTRIES];
        if (fc->sent_back) {
            entry->returned = true;
            entry->unsent_ms = now_of(fc);
        }
    }
    fc->sent = fc->base;
}

void forward_answer_lose(struct forward_client *fc)
{
    check(fc->mark_count == 0);
    while (fc->count > 0 && !is_untouched(fc)) { /* forward_answer P2 */
        answer_lost(fc);
    }
    keep_the_rest(fc);
    fc->watch_broken = fc->watch_broken || fc->watching;
    fc->watching = false;
    if (fc->listening || fc->dismissed) { /* it connects, and subscribes, anew */
        session_of(fc)->doomed = true;
        session_touch(session_of(fc));
    }
    fc->listening = false;
    fc->news = true;
    buf_clear(&fc->in, 0);
    fc->replies = (struct replies){0};
    fc->told.any = false;
    fc->lost = false;
    fc->sent_back = false;
    fc->nothing_begun = false;
    fc->dismissed = false;
    fc->heard = false;
    fc->owed = 0;
    fc->retired_ms = 0;
}
