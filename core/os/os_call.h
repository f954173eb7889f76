/* SPDX-License-Identifier: MIT */

/* os_call.h - the three system calls of a turn, with nothing around them.
 *
 * Why      In a process with threads, the C library's recv, send and epoll_wait let another thread cancel the caller:
 *          two locked exchanges for each, 90 instructions in a turn that reads one request and answers it. No thread of
 *          this program is ever cancelled.
 *
 * They take and return what the library's functions of these names do, errno included. */
#ifndef GEOMYS_OS_OS_CALL_H
#define GEOMYS_OS_OS_CALL_H

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* Borrowed from the caller: as recv(), with no flags. */
static inline ssize_t os_call_receive(int descriptor, uint8_t *target, size_t size)
{
    return syscall(SYS_recvfrom, descriptor, target, size, 0, NULL, NULL);
}

/* As send(); a peer that is gone is an error, no signal. */
static inline ssize_t os_call_send(int descriptor, const uint8_t *data, size_t size)
{
    return syscall(SYS_sendto, descriptor, data, size, MSG_NOSIGNAL, NULL, 0);
}

/* As epoll_wait(); timeout_ms: -1 for ever. */
static inline int os_call_await(int epoll, struct epoll_event *events, int count, int timeout_ms)
{
    return (int)syscall(SYS_epoll_pwait, epoll, events, count, timeout_ms, NULL, 0);
}

#endif
