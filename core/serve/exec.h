/* SPDX-License-Identifier: MIT */

/* exec.h - carrying out one command. exec.c is the file to read first. */
#ifndef GEOMYS_SERVE_EXEC_H
#define GEOMYS_SERVE_EXEC_H

#include "serve/call.h"

/* Carries out one command of a session: its answer is in session->out, or waits. argv stays the caller's. */
void exec(struct shard *shard, struct session *session, const struct gm_bytes *argv, uint32_t argc);

/* Runs the parked command of a waiting session again. True: it has been answered, and the session waits no more. */
bool exec_again(struct session *session, bool timed_out);

/* EXEC: carries out what MULTI has queued, as one batch, answering into the call's reply. */
void exec_queue(struct call *call);

#endif
