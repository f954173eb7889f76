/* SPDX-License-Identifier: MIT */

/* linger.h - sockets that nobody uses any more, whose peers are still sending. */
#ifndef GEOMYS_OS_LINGER_H
#define GEOMYS_OS_LINGER_H

#include "os/loop_state.h"

#define LINGER_MAX       16   /* at a time */
#define LINGER_SILENT_MS 2000 /* without a byte */
#define LINGER_TOTAL_MS  30000

/* Takes the descriptor, which is not in epoll: tells the peer that nothing more will come, and closes it later. */
void linger(struct os_loop *loop, int descriptor);

/* Once per turn, when its events have been handed out: closes those whose time is over. O(LINGER_MAX). */
void linger_turn(struct os_loop *loop);

/* When the next one's time is over, monotonic; OS_LOOP_NEVER: there is none. */
int64_t linger_next_ms(const struct os_loop *loop);

void linger_close_all(struct os_loop *loop);

#endif
