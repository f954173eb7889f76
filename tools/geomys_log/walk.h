/* SPDX-License-Identifier: MIT */

/* walk.h - going through the records of a segment, or of a piece of one, checking each as the server does. */
#ifndef GEOMYS_TOOLS_GEOMYS_LOG_WALK_H
#define GEOMYS_TOOLS_GEOMYS_LOG_WALK_H

#include "geomys_log/file.h"
#include "log/record.h"
#include "log/segment.h"

enum step {
    STEP_RECORD,
    STEP_END, /* nothing but zeros from here on */
    STEP_BAD,
};

struct walk {
    struct gm_bytes bytes;
    size_t offset; /* of `record` */
    size_t size;   /* bytes it takes */
    struct record record;
    struct complaint why; /* it is bad */
};

/* Begins behind the header, if there is one. False: there is one, but it is not good. */
bool walk_begin(struct walk *walk, const struct file *file, struct segment_header *header, bool *has_header,
                struct complaint *why);

/* Goes to what begins behind the present record. */
enum step walk_next(struct walk *walk);

/* The next place where a valid record begins, at least 8 bytes on. */
size_t walk_find(const struct walk *walk);

struct tally {
    uint64_t records;
    uint64_t last;    /* sequence read */
    uint64_t whole;   /* sequence at the end of a batch */
    uint64_t durable; /* the highest mark */
    bool open;
    struct epochs epochs; /* up to `last`; tally_finish releases them */
    bool has_epochs;      /* the table at the head has been read, or the first EPOCH record of a piece */
    char why[512];
};

void tally_finish(struct tally *tally);

/* Whether the record follows on what came before: NULL, or why not, until the next call.
 * The rules are those of log/replay.c. */
const char *tally_add(struct tally *tally, const struct record *record, bool has_header);

#endif
