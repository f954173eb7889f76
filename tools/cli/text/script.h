/* SPDX-License-Identifier: MIT */

/* script.h - commands out of a stream of bytes: lines in the program's quoting, or the protocol's arrays, or a mixture.
 *
 * Idea     A command that begins with '*' is an array of strings, as a client sends it; anything else is a line. The
 *          script counts what it has passed, so that a place in it can be named, and found again. */
#ifndef GEOMYS_CLI_SCRIPT_H
#define GEOMYS_CLI_SCRIPT_H

#include "cli/text/words.h"

#define SCRIPT_COMMAND ((size_t)512 * 1024 * 1024) /* bytes of one command */
#define SCRIPT_CHUNK   ((size_t)65536)             /* bytes worth feeding at once */

/* A place: what stands before it. */
struct script_place {
    uint64_t offset; /* bytes */
    uint64_t line;   /* line breaks */
    uint32_t crc;    /* CRC32C of the bytes */
};

/* An array of the protocol, as far as it has come: the buffer may move before it is whole. */
struct script_array {
    size_t count;          /* arguments that it will have */
    size_t read;           /* those that are whole */
    size_t at;             /* bytes of it that are read; 0: none has begun */
    size_t *starts;        /* owned; bytes from its beginning */
    struct gm_bytes *argv; /* owned; sizes at once, the bytes when the array is whole */
    size_t room;           /* in both */
};

struct script {
    struct buf in;
    size_t at;       /* bytes of it that are passed */
    size_t searched; /* bytes after them that hold no line break */
    bool ended;
    struct script_place place;
    struct words words; /* of the line that was read last */
    struct script_array array;
};

void script_init(struct script *script);
void script_finish(struct script *script);

/* Takes more bytes (copied); none: there are no more. What script_next gave ends here. False: the command that has
 * begun is larger than SCRIPT_COMMAND. */
bool script_feed(struct script *script, struct gm_bytes bytes);

/* Passes over bytes without reading commands: up to a place that was reached before. */
void script_skip(struct script *script, struct gm_bytes bytes);

/* The next command (argc > 0), borrowed until the next call; `line` is where it begins, from 1. STATUS_AGAIN: more
 * bytes are needed. STATUS_CLOSED: that was all. STATUS_INVALID: a line that is no command, passed over.
 * STATUS_CORRUPT: a broken array: there is no going on. */
must_use enum status script_next(struct script *script, const struct gm_bytes **argv, size_t *argc, uint64_t *line,
                                 struct complaint *complaint);

#endif
