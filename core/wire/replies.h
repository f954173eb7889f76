/* SPDX-License-Identifier: MIT */

/* replies.h - where the replies in a stream of them end. Nothing of what they say is looked at.
 *
 * Idea     A reply is over when nothing is owed any more: it owes one element, a container owes as many more as it
 *          announces. So no stack is needed, and a bulk string is leapt over.
 *
 * Promises
 *   P1  Whatever comes, nothing is allocated, and no byte is looked at twice but those of a line that is not whole. */
#ifndef GEOMYS_WIRE_REPLIES_H
#define GEOMYS_WIRE_REPLIES_H

#include "base/bytes.h"

struct replies {
    uint64_t owed; /* elements that have to come yet */
    bool begun;
    bool push;       /* what has begun is a message that nobody asked for */
    size_t position; /* in the bytes; behind them: the end of a bulk string is to come */
};

enum replies_result {
    REPLIES_MORE,   /* it is not whole yet */
    REPLIES_REPLY,  /* a reply ends at `position` */
    REPLIES_PUSH,   /* a message that nobody asked for does */
    REPLIES_BROKEN, /* these are no replies */
};

/* Goes on from `position`, with bytes of which those before have been looked at. All zeros at the beginning. */
enum replies_result replies_next(struct replies *replies, struct gm_bytes bytes);

/* So many bytes at the front are gone: at most `position`. */
void replies_consumed(struct replies *replies, size_t size);

#endif
