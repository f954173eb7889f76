/* SPDX-License-Identifier: MIT */

/* geomys/ext/wait.h - "wait/1": a command that waits until one of its keys changes.
 *
 * Since plan has no effect, waiting is nothing but running it again: the host parks the client, and runs plan anew,
 * with the same arguments, each time one of the call's keys has been changed, first come first served. Name "wait/1" in
 * the descriptor's `needs` and flag the command GM_BLOCKS.
 */
#ifndef GEOMYS_EXT_WAIT_H
#define GEOMYS_EXT_WAIT_H

#include "geomys/call.h"

#define GM_WAIT_1 "wait/1"

struct gm_wait_1 {
    uint32_t size;
    uint32_t reserved;

    /* [plan] Asks to be run again when a key of the call changes, until `timeout_ms` from the first run have passed (0:
     * no limit). True: plan returns at once, without a reply and without records. False: there is no waiting (inside
     * MULTI, or the time is over), and plan replies with what says so, usually a null. */
    bool (*wait)(struct gm_call *, int64_t timeout_ms);

    /* [plan] After `wait` has returned false: whether the call has waited, and its time is over. False: it never
     * waited, since there is no waiting where it is (inside MULTI). For commands that have another answer then. */
    bool (*timed_out)(struct gm_call *);
};

#endif
