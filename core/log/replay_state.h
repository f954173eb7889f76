/* SPDX-License-Identifier: MIT */

/* replay_state.h - what the files of replay share: replay_list.c finds the segments, replay.c reads them,
 * replay_judge.c decides what it means that no further record can be read. */
#ifndef GEOMYS_LOG_REPLAY_STATE_H
#define GEOMYS_LOG_REPLAY_STATE_H

#include "log/mark.h"
#include "log/replay_rules.h"
#include "log/segment.h"
#include "log/tear.h"

struct replay {
    struct disk *disk;
    bool repair;
    uint64_t from; /* the last record that needs no delivery */
    struct replay_rules rules;

    uint64_t *segments; /* first sequences, ascending, from the one to begin with on */
    size_t segment_count;
    size_t index;       /* of the segment being read */
    uint64_t abandoned; /* a segment behind the last whose creation was not finished; 0: none */
    struct mark mark;
    uint64_t durable; /* all up to it was on stable storage, as far as is known */

    struct tear_file at; /* the segment being read; at.file is NULL between segments */
    char name[DISK_NAME_MAX];
    struct segment_header header;
    uint64_t declared[65536 / 64]; /* bit set of the types declared in this segment */
    uint8_t revisions[65536];      /* by type: the highest that this segment has said of it since it was declared */
    bool has_table;                /* the table of epochs at its head has been read */

    uint8_t *data; /* bytes base.. of the file */
    size_t capacity;
    uint64_t base;
    size_t filled;
    size_t parsed;
    size_t batch_start;
    bool batch_open;
    uint64_t effort; /* bytes read in this step: about as many are parsed */

    uint64_t last_sequence;  /* of the last record parsed */
    uint64_t whole_sequence; /* of the last record of a whole batch, delivered unless it is up to `from` */
    struct epochs epochs;    /* of all up to last_sequence */
    struct epochs head;      /* the table at the head of a segment */
    struct epochs expected;  /* the snapshot's */
    bool expects;
    int64_t last_time_ms;
    bool done;
    uint64_t end_offset;
    bool unrepaired;       /* for want of space */
    uint64_t torn_end;     /* with it: where the torn tail ends that is to be cut; 0: there is none */
    uint64_t bytes_before; /* in segments that are done */
    struct replay_progress progress;
};

static inline bool replay_is_last(const struct replay *replay)
{
    return replay->index + 1 == replay->segment_count;
}

/* ---- replay_list.c */

/* Which segments are to be read. If there are none, the replay is done. */
must_use enum status replay_list_find(struct replay *replay, struct complaint *complaint);

/* Frees the name of an abandoned segment, if there is one: when all else is decided. */
must_use enum status replay_list_put_aside(struct replay *replay, struct complaint *complaint);

/* ---- replay_judge.c */

/* At `parsed` begins no valid record, but what would be one of `extent` bytes; `why` says what is wrong with it. AGAIN:
 * go on with the next segment. OK: the replay is done. Else it is refused. */
must_use enum status replay_judge(struct replay *replay, uint64_t extent, const char *why, struct complaint *complaint);

/* Complains that the segment being read is damaged at `offset`; CORRUPT. */
must_use enum status replay_judge_damaged(const struct replay *replay, uint64_t offset, struct complaint *complaint,
                                          const char *why);

/* Complains that the file cannot be used; `status`, which says why. */
must_use enum status replay_judge_no_access(const char *name, enum status status, struct complaint *complaint);

#endif
