/* SPDX-License-Identifier: MIT */

/* load_state.h - how far a bulk load has come, in a small text file. docs/cli.md specifies it. */
#ifndef GEOMYS_CLI_LOAD_STATE_H
#define GEOMYS_CLI_LOAD_STATE_H

#include "base/status.h"
#include "cli/text/script.h"

struct load_state {
    struct script_place place; /* every command before it was answered */
    int database;              /* that is chosen there */
    uint64_t commands;         /* answered */
    uint64_t errors;           /* of them, and lines that are no commands */
};

/* STATUS_NOT_FOUND: there is no such file. STATUS_INVALID, STATUS_IO: with a sentence. */
must_use enum status load_state_read(const char *path, struct load_state *state, struct complaint *complaint);

/* Replaces the file as a whole, and on the disk. */
must_use enum status load_state_write(const char *path, const struct load_state *state, struct complaint *complaint);

#endif
