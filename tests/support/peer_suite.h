/* SPDX-License-Identifier: MIT */

/* peer_suite.h - what env/peer.h promises, asked of any implementation of it.
 *
 * Idea     Two hosts talk; the subject says how they are started and ended and how time passes, a case does the rest by
 *          the interface alone. What a subject cannot do (cut a wire, stop a process) it leaves NULL: the cases that
 *          need it are skipped. A breach fails a check, so a case runs under any frame.
 *
 *     for (size_t i = 0; i < peer_suite_count(); i++) {
 *         struct peer_suite subject = ...;
 *         (void)peer_suite_run(&subject, i);      // false: skipped
 *     }
 */
#ifndef GEOMYS_TESTS_SUPPORT_PEER_SUITE_H
#define GEOMYS_TESTS_SUPPORT_PEER_SUITE_H

#include "env/peer.h"

struct peer_suite {
    void *context;
    /* Both hosts are running. The same interface until the host is killed. */
    struct peer *(*peer)(void *context, unsigned host);
    /* Of host 0 or 1; of 2: an address of this machine at which nobody listens. Valid as long as the subject. */
    const char *(*address)(void *context, unsigned host);
    /* Lets time pass until it is so, or `ms` are over; false then. NULL: until they are over, true. */
    bool (*run)(void *context, bool (*is_so)(void *argument), void *argument, unsigned ms);
    /* The process of this host is killed; its links' users hear nothing more. NULL: it cannot. */
    void (*kill)(void *context, unsigned host);
    void (*start)(void *context, unsigned host);              /* again, after kill */
    void (*cut)(void *context, unsigned source, bool cut);    /* what this host sends is held back; NULL: it cannot */
    void (*stop)(void *context, unsigned host, bool stopped); /* the process stands still; NULL: it cannot */
    unsigned slack_ms; /* that the machine may take for itself, beyond what is promised: 0 where time is given */
};

size_t peer_suite_count(void);
const char *peer_suite_name(size_t index);

/* Runs one case on a subject that is new. False: the subject cannot do what it takes. */
bool peer_suite_run(const struct peer_suite *subject, size_t index);

#endif
