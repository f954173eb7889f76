/* SPDX-License-Identifier: MIT */

/* geomys/ext/wait.h - "wait/2": a command that waits until one of its keys changes.
 *
 * Since plan has no effect, waiting is nothing but running it again: the host parks the client, and runs plan anew,
 * with the same arguments, each time one of the call's keys has been changed, first come first served. What plan found
 * out at its first run and will not find again (where a stream ended when the client began to wait) it gives the host
 * to keep. Name "wait/2" in the descriptor's `needs` and flag the command GM_BLOCKS.
 */
#ifndef GEOMYS_EXT_WAIT_H
#define GEOMYS_EXT_WAIT_H

#include "geomys/call.h"

#define GM_WAIT_2 "wait/2"

#define GM_KEEP_MAX ((size_t)1024 * 1024) /* bytes that one waiting call keeps; they count as the client's memory */

struct gm_wait_2 {
    uint32_t size;
    uint32_t reserved;

    /* [plan] Asks to be run again when a key of the call changes, until `timeout_ms` from the first run have passed (0:
     * no limit). `keep`, copied now, is what `kept` gives then, in place of what was kept before: {0} keeps nothing.
     * True: plan returns at once, without a reply and without records. False: there is no waiting (inside MULTI, or the
     * time is over), and plan replies with what says so, usually a null. To keep more than GM_KEEP_MAX is the module's
     * fault: an error, and no waiting. */
    bool (*wait)(struct gm_call *, int64_t timeout_ms, struct gm_bytes keep);

    /* [plan] What the last run of this call kept, until plan returns; also when the time is over. None at the first
     * run: `data` is NULL. */
    struct gm_bytes (*kept)(struct gm_call *);

    /* [plan] After `wait` has returned false: whether the call has waited, and its time is over. False: it never
     * waited, since there is no waiting where it is (inside MULTI). For commands that have another answer then. */
    bool (*timed_out)(struct gm_call *);
};

#endif
