/* SPDX-License-Identifier: MIT */

/* exec.h - carrying out one command. exec.c is the file to read first. */
#ifndef GEOMYS_SERVE_EXEC_H
#define GEOMYS_SERVE_EXEC_H

#include "serve/call.h"

/* Carries out one command of a session: its answer is in session->out, or waits. The request stays the caller's. */
void exec(struct session *session, const struct request *request);

/* The same for a caller without a connection here (caller->session is NULL): the reply goes to `out`, whatever it is,
 * within out's limit. Nothing waits: a command that would is answered as when its time is over. Returns the sequence
 * that the reply depends on: it must not be shown before the gate has released that, for the caller's level. */
uint64_t exec_call(struct worker *worker, const struct caller *caller, const struct request *request, struct buf *out);

/* Runs the parked command of a waiting session again. True: it has been answered, and the session waits no more. */
bool exec_again(struct session *session, bool timed_out);

/* A call of the host's own accord begins and ends: between them whoever asked looks its keys up (admit_again), plans,
 * and commits. The reply goes nowhere. Between commands. */
struct call *exec_begin(struct worker *worker, const struct caller *caller, const struct request *request,
                        struct buf *out);
void exec_end(struct call *call);

/* EXEC: carries out what MULTI has queued, as one batch, answering into the call's reply. */
void exec_queue(struct call *call);

#endif
