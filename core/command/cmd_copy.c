/* SPDX-License-Identifier: MIT */

/* cmd_copy.c - COPY: a value is built anew under another key.
 *
 * Idea     The copy is built aside (shard/build.h), for half a millisecond per turn; small ones are done at once. Then
 *          the plan looks at everything again, since the command takes effect at its end, and emits one record.
 *
 *          turn    | COPY, begins | others | goes on | others | goes on, record, answers |
 *
 * Promises
 *   P1  A stint is about SLICE_US, and one piece of the dump at least.
 *   P2  COPY carries the expiry along, and never the default one.
 *
 * Limits   Within a transaction, and for a caller without a connection, there is no next turn: all of it is done at
 *          once. A source that changes again and again while it is copied, by what does not wait for it (FLUSHDB,
 *          SWAPDB, MOVE from another database), ends the command after TRIES. */
#include "command/cmd_copy.h"

#include "base/memory.h"
#include "command/cmd_databases.h"
#include "command/cmd_entry.h"
#include "serve/stint.h"
#include "shard/build.h"

#define SLICE_US 500
#define TRIES    8

enum { SOURCE, TARGET, COPY_DB, COPY_DB_NUMBER, COPY_REPLACE };

struct copying {
    struct stint stint;
    struct build *build; /* owned; NULL: given away */
    unsigned tries;
};

static void finish(struct stint *stint)
{
    struct copying *copying = container_of(stint, struct copying, stint);
    build_drop(copying->build);
    memory_free(copying);
}

/* ---- whether it may be ---- */

/* Where COPY copies to. False: there is no such database. */
static bool find_target(struct gm_call *abi, struct call_target *target)
{
    const struct call *call = call_of(abi);
    *target = (struct call_target){TARGET, call->caller.database};
    return !gm_given(abi, COPY_DB_NUMBER) ||
           cmd_databases_is_number(call, gm_arg(abi, COPY_DB_NUMBER)->integer, &target->database);
}

static bool can_afford(struct call *call, const struct call_target *target)
{
    const struct entry *there = cmd_databases_entry(call, target->database, TARGET);
    uint64_t more = cmd_entry_memory(call->shard, call_keyspace(call), call_entry(call, SOURCE));
    uint64_t less = 0;
    if (there != NULL) {
        less = cmd_entry_memory(call->shard, databases_see(&call->shard->databases, target->database), there);
    }
    return call_affords(call, more > less ? more - less : 0);
}

static bool is_same_key(const struct gm_call *abi)
{
    return gm_bytes_equal(gm_key(abi, SOURCE)->name, gm_key(abi, TARGET)->name);
}

/* False: the answer has been given. */
static bool may_copy(struct gm_call *abi, struct call_target *target)
{
    const struct call *call = call_of(abi);
    const struct entry *source = gm_key(abi, SOURCE)->state != GM_KEY_ABSENT ? call_entry(call, SOURCE) : NULL;
    if (!find_target(abi, target)) {
        gm_reply_error(abi, CMD_DATABASES_RANGE);
    } else if (is_same_key(abi) && target->database == call->caller.database) {
        gm_reply_error(abi, CMD_ENTRY_SAME);
    } else if (source != NULL && (source->flags & ENTRY_DAMAGED) != 0) {
        gm_reply_error(abi, CMD_ENTRY_DAMAGED);
    } else if (source == NULL ||
               (cmd_databases_entry(call, target->database, TARGET) != NULL && !gm_given(abi, COPY_REPLACE))) {
        gm_reply_int(abi, 0);
    } else {
        return true;
    }
    return false;
}

/* ---- a stint ---- */

static struct build *begin(const struct call *call, const struct call_target *target)
{
    struct change_key from = {call->keys[SOURCE].name, call_hash(call, SOURCE), call->caller.database};
    struct change_key to = {call->keys[TARGET].name, call_hash(call, TARGET), target->database};
    return build_begin(call->shard, &from, &to);
}

static enum build_state work(struct call *call, struct build *build, struct complaint *complaint)
{
    struct stint_slice slice = stint_slice(call, SLICE_US);
    enum build_state state;
    do {
        state = build_step(build, complaint);
    } while (state == BUILD_GOES_ON && !stint_slice_is_over(&slice)); /* cmd_copy P1 */
    return state;
}

/* Goes on in the next turn, or, if it `waits`, when something has happened. */
static void keep(struct call *call, struct copying *copying, bool waits)
{
    build_keep(copying->build);
    copying->stint.waits = waits;
    copying->stint.bytes = sizeof *copying + build_size(copying->build);
    stint_keep(call, &copying->stint);
}

/* Whether the target must stay as it is for now: then the copy waits. */
static bool must_wait(const struct call *call, const struct call_target *target)
{
    struct shard *shard = call->shard;
    const struct keyspace *keyspace = databases_see(&shard->databases, target->database);
    const struct entry *there = keyspace_find(keyspace, call->keys[TARGET].name, call_hash(call, TARGET));
    return stint_may(call) && (shard->still || (there != NULL && sweep_claim(shard, keyspace, there)));
}

static void put(struct gm_call *abi, struct copying *copying, const struct call_target *target)
{
    struct call *call = call_of(abi);
    enum shard_refusal refusal = shard_refusal(call->shard);
    if (refusal != SHARD_OPEN) {
        gm_reply_error(abi, shard_refusal_text(call->shard, refusal));
    } else if (must_wait(call, target)) {
        keep(call, copying, true);
        return;
    } else {
        call_emit_copy(call, SOURCE, *target, copying->build, "copy_to");
        build_give_away(copying->build);
        copying->build = NULL;
        gm_reply_int(abi, 1);
    }
    finish(&copying->stint);
}

static void go_on(struct gm_call *abi, struct copying *copying, const struct call_target *target)
{
    struct call *call = call_of(abi);
    struct complaint complaint;
    if (copying->build == NULL) {
        copying->build = begin(call, target);
        copying->tries++;
    }
    switch (work(call, copying->build, &complaint)) {
    case BUILD_GOES_ON:
        keep(call, copying, false);
        return;
    case BUILD_DONE:
        put(abi, copying, target);
        return;
    case BUILD_FAILED:
        reply_errorf(&call->reply, "ERR %s; nothing was changed", complaint.text);
        break;
    case BUILD_BROKEN:
        if (copying->tries < TRIES) {
            build_drop(copying->build);
            copying->build = NULL;
            go_on(abi, copying, target);
            return;
        }
        gm_reply_error(abi, "ERR the value was changed again and again while it was copied; nothing was changed: try "
                            "again");
        break;
    }
    finish(&copying->stint);
}

void cmd_copy_plan(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    struct stint *stint = stint_take(call);
    struct copying *copying = stint != NULL ? container_of(stint, struct copying, stint) : NULL;
    struct call_target target;
    bool may = may_copy(abi, &target) && (copying != NULL || can_afford(call, &target));
    if (may) {
        if (copying == NULL) {
            copying = memory_zeroed(sizeof *copying);
            copying->stint.finish = finish;
        }
        go_on(abi, copying, &target);
    } else if (copying != NULL) {
        finish(stint);
    }
}
