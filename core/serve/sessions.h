/* SPDX-License-Identifier: MIT */

/* sessions.h - how a session begins, is put back, and ends: with all that it takes part in. */
#ifndef GEOMYS_SERVE_SESSIONS_H
#define GEOMYS_SERVE_SESSIONS_H

#include "serve/worker.h"

/* A new session with this id, which no other has had. */
struct session *sessions_open(struct worker *worker, uint64_t id);

/* It ends, at once. NULL is fine. Not while a command of its is under way. */
void sessions_close(struct session *session);

/* Ends a session of somebody else: nothing more is done or sent for it, and its connection closes. Not for the session
 * whose command is under way. */
void sessions_kill(struct session *session, enum session_end why);

/* The worker takes over other options, and its sessions too: those whose output is past the limit wait no more, and are
 * held no more; they are about to be closed. Who has not shown the password need not any more when there is none.
 * O(sessions). */
void sessions_configure(struct worker *worker, const struct worker_options *options);

/* Back to how it was when it connected. */
void sessions_reset(struct session *session);

/* Forgets what MULTI has queued, and the watched keys. */
void sessions_discard(struct session *session);
void sessions_unwatch(struct session *session);

/* The session with that id that has not been killed, or NULL. O(sessions). */
struct session *sessions_find(const struct worker *worker, int64_t id);

#endif
