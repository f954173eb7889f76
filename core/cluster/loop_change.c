/* SPDX-License-Identifier: MIT */

/* loop_change.c - changes of the topology, one at a time.
 *
 * Idea     Whoever wants one gets a copy of what is acted on, with the next version, changes it, and sends it. What has
 *          become of it the topology itself says, when the engine shows it: nobody waits for the outcome, and whoever
 *          still wants the same afterwards asks for it anew. */
#include "cluster/loop_change.h"

#include "base/memory.h"

#define REST_US  20000  /* behind one: the engine has shown by then what came of it */
#define LATER_US 300000 /* behind one that was not carried out */

static void on_done(struct coord_swap *swap)
{
    struct loop_change *change = container_of(swap, struct loop_change, swap);
    struct loop *loop = container_of(change, struct loop, change);
    change->busy = false;
    change->rest_us = loop->now_us + (swap->outcome == COORD_OK ? REST_US : LATER_US);
    if (swap->outcome == COORD_REFUSED) {
        loop_say(loop, TRACE_WARNING, "the coordinator did not take a change (%s): %s", change->what,
                 swap->complaint.text);
    }
}

struct topology *loop_change_begin(struct loop *loop, bool first)
{
    struct loop_change *change = &loop->change;
    if (change->busy || loop->coord == NULL || loop->now_us < change->rest_us) {
        return NULL;
    }
    if (first) {
        memset(change->next, 0, sizeof *change->next);
        return change->next;
    }
    topology_copy(change->next, loop->topology);
    change->next->version++;
    return change->next;
}

void loop_change_send(struct loop *loop, const char *what)
{
    struct loop_change *change = &loop->change;
    struct complaint complaint;
    const struct topology *before = change->next->version > 1 ? loop->topology : NULL;
    check(!change->busy);
    enum status status = topology_check(change->next, &complaint);
    status = status == STATUS_OK ? topology_follows(before, change->next, &complaint) : status;
    if (status != STATUS_OK) { /* what others have put into it does not fit together: no reason to end */
        change->rest_us = loop->now_us + LATER_US;
        loop_say(loop, TRACE_WARNING, "a change of the topology (%s) is not made: %s", what, complaint.text);
        return;
    }
    change->busy = true;
    change->what = what;
    change->swap = (struct coord_swap){
        .expected_version = change->next->version - 1, .topology = change->next, .on_done = on_done};
    loop->coord->ops->swap(loop->coord, &change->swap);
}

void loop_change_init(struct loop *loop)
{
    loop->change.next = memory_zeroed(sizeof *loop->change.next);
}

void loop_change_finish(struct loop *loop)
{
    memory_free(loop->change.next);
}
