/* SPDX-License-Identifier: MIT */

/* cmd_walk.c - a walk through a table, by stints; cmd_walk.h has the argument. */
#include "command/cmd_walk.h"

#include "base/glob.h"
#include "base/memory.h"
#include "serve/stint.h"

#define WALK_STEPS  UINT64_C(300000) /* of matching, a nanosecond or two each, in one turn */
#define VISIT_STEPS 100              /* what it costs to look at an element, beside matching */
#define FOUND_STEPS 100              /* ... to note its name */
#define WALK_TRIES  3
#define HEAD_ROOM   24 /* bytes before what was found: its number goes there */

struct walk {
    struct stint stint;
    struct cmd_walk what;
    const struct call *call; /* of this stint */
    uint64_t cursor;
    uint64_t buckets; /* that the table had when the last stint ended */
    unsigned tries;
    uint64_t steps;   /* of this stint */
    uint64_t visited; /* names */
    uint64_t count;   /* ... that match */
    struct buf found; /* HEAD_ROOM bytes, and the replies of those */
};

static void finish(struct stint *stint)
{
    struct walk *walk = container_of(stint, struct walk, stint);
    buf_finish(&walk->found);
    memory_free(walk);
}

static void forget_found(struct walk *walk)
{
    walk->visited = 0;
    walk->count = 0;
    buf_clear(&walk->found, walk->found.capacity);
    (void)buf_append(&walk->found, (struct gm_bytes){(const uint8_t[HEAD_ROOM]){0}, HEAD_ROOM});
}

static struct walk *begin(const struct call *call)
{
    struct walk *walk = memory_zeroed(sizeof *walk);
    walk->stint.finish = finish;
    walk->tries = 1;
    buf_init(&walk->found, call->worker->options.output_max);
    forget_found(walk);
    return walk;
}

static bool is_all(struct gm_bytes pattern)
{
    return pattern.size == 1 && pattern.data[0] == '*';
}

static void visit(void *context, void *element)
{
    struct walk *walk = context;
    const struct cmd_walk *what = &walk->what;
    struct gm_bytes name = what->table->ops->key(element);
    walk->steps += VISIT_STEPS;
    walk->visited++;
    if ((what->is_shown != NULL && !what->is_shown(walk->call, element)) ||
        (!is_all(what->pattern) && !glob_match_counted(what->pattern, name, false, &walk->steps))) {
        return;
    }
    struct reply reply;
    reply_begin(&reply, &walk->found, walk->call->caller.resp3);
    reply_bytes(&reply, name);
    walk->steps += FOUND_STEPS + name.size / 8;
    walk->count++;
}

/* cmd_walk I1: places in a smaller table are not those that the cursor has passed, nor are they in another (SWAPDB). */
static void begin_again_if_other(struct walk *walk, const struct table *before)
{
    uint64_t buckets = table_buckets(walk->what.table);
    if (buckets < walk->buckets || (before != NULL && before != walk->what.table)) {
        walk->cursor = 0;
        walk->tries++;
        forget_found(walk);
    }
    walk->buckets = buckets;
}

/* True: it has come to the end. */
static bool go_on(struct walk *walk)
{
    bool may_stop = stint_may(walk->call) && walk->tries < WALK_TRIES;
    walk->steps = 0;
    do {
        walk->cursor = table_scan(walk->what.table, walk->cursor, visit, walk);
    } while (walk->cursor != 0 && !walk->found.full && (!may_stop || walk->steps < WALK_STEPS)); /* cmd_walk I2 */
    return walk->cursor == 0;
}

/* Room for what will be found, from what was: else large buffers would be copied on the way. Memory that nobody has
 * written to yet costs nothing. */
static void make_room(struct walk *walk)
{
    uint64_t all = walk->what.table->count;
    uint64_t left = all > walk->visited ? all - walk->visited : 0;
    uint64_t most = walk->found.limit - walk->found.size;
    uint64_t wanted = left * (walk->found.size / (walk->visited + 1) + 1);
    if (walk->found.capacity - walk->found.size < wanted) {
        wanted += wanted / 8;
        (void)buf_reserve(&walk->found, wanted < most ? wanted : most);
    }
}

/* Writes the number before what was found; returns its offset. */
static size_t write_head(struct walk *walk)
{
    char head[HEAD_ROOM];
    size_t size = bytes_from_int(head + 1, (int64_t)walk->count) + 1;
    check(size + 2 <= HEAD_ROOM);
    head[0] = '*';
    head[size++] = '\r';
    head[size++] = '\n';
    memcpy(walk->found.data + HEAD_ROOM - size, head, size);
    return HEAD_ROOM - size;
}

static void answer(struct call *call, struct walk *walk)
{
    struct reply *reply = &call->reply;
    struct session *session = call->caller.session;
    if (walk->found.full) {
        call->out->full = true; /* so exec.c refuses it */
        return;
    }
    size_t from = write_head(walk);
    if (session != NULL && reply->out == &session->out && session_hand_over(session, &walk->found, from)) {
        reply->start = from;
    } else if (!buf_append(reply->out, (struct gm_bytes){walk->found.data + from, walk->found.size - from})) {
        return; /* exec.c refuses it, too */
    }
    reply->owed = 0;
}

void cmd_walk(struct call *call, const struct cmd_walk *what)
{
    check(what->pattern.size <= GLOB_PATTERN_MAX);
    struct stint *kept = stint_take(call);
    struct walk *walk = kept != NULL ? container_of(kept, struct walk, stint) : begin(call);
    const struct table *before = walk->what.table;
    walk->what = *what; /* the words have moved, maybe */
    walk->call = call;
    begin_again_if_other(walk, before);
    if (!go_on(walk) && !walk->found.full) {
        make_room(walk);
        walk->stint.bytes = walk->found.size;
        stint_keep(call, &walk->stint);
        return;
    }
    answer(call, walk);
    finish(&walk->stint);
}
