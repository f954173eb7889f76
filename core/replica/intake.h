/* SPDX-License-Identifier: MIT */

/* intake.h - a snapshot file that comes over a stream, written down piece by piece. See intake.c for the argument.
 * [worker's thread] */
#ifndef GEOMYS_REPLICA_INTAKE_H
#define GEOMYS_REPLICA_INTAKE_H

#include "base/buf.h"
#include "env/disk.h"
#include "log/replace.h"

enum intake_state {
    INTAKE_OFF,     /* nothing is taken */
    INTAKE_READY,   /* for the next piece */
    INTAKE_WRITING, /* the last one is with the disk */
    INTAKE_WHOLE,   /* all of it is on stable storage, under REPLACE_NAME */
    INTAKE_FAILED,  /* `complaint` says why */
};

struct intake {
    struct disk *disk; /* borrowed */
    struct disk_request request;
    enum intake_state state;
    uint64_t size;   /* bytes, of the whole file */
    uint64_t filled; /* bytes, written or with the disk */
    struct buf piece;
    bool abandoned; /* while it is with the disk */
    struct complaint complaint;
};

void intake_init(struct intake *intake, struct disk *disk);

/* A request under way is waited for, without the loop. */
void intake_finish(struct intake *intake);

/* A file of so many bytes, at least 1, begins. What is left of another one goes. Not while writing. Blocks for a
 * name. */
must_use enum status intake_begin(struct intake *intake, uint64_t size, struct complaint *complaint);

/* Its next bytes, which are copied. While ready. INVALID, with a sentence: they are not the next ones, or too many. */
must_use enum status intake_take(struct intake *intake, uint64_t offset, struct gm_bytes bytes,
                                 struct complaint *complaint);

/* Nothing more is taken; what there is stays on the disk until the next begins. */
void intake_stop(struct intake *intake);

#endif
