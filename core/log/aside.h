/* SPDX-License-Identifier: MIT */

/* aside.h - files of a history that is given up: they get another name, so that nothing takes them for the log, and
 * nothing removes them. For rewind.c and replace.c. All of it blocks. */
#ifndef GEOMYS_LOG_ASIDE_H
#define GEOMYS_LOG_ASIDE_H

#include "env/disk.h"
#include "log/tear.h"

/* What a folder has, by number, ascending. */
struct aside_files {
    uint64_t *segments; /* owned: first sequences */
    size_t segment_count;
    uint64_t *snapshots; /* owned: their records */
    size_t snapshot_count;
};

/* What was put aside. */
struct aside_report {
    unsigned files;
    uint64_t bytes;             /* of the log in them */
    char newest[DISK_NAME_MAX]; /* the name of one of them; "": there is none */
};

must_use enum status aside_list(struct disk *disk, struct aside_files *out, struct complaint *complaint);
void aside_finish(struct aside_files *files);

/* "lost-<epoch>-<first, 20 digits>" */
void aside_stem(uint64_t epoch, uint64_t first, char out[static TEAR_STEM_MAX]);

/* Renames the segment to "lost-<epoch>-<first>-<n>.log"; the epoch is that before its first record. */
must_use enum status aside_segment(struct disk *disk, uint64_t first, struct aside_report *report,
                                   struct complaint *complaint);

/* Renames the snapshot to "lost-snapshot-<record>-<n>.log". */
must_use enum status aside_snapshot(struct disk *disk, uint64_t sequence, struct aside_report *report,
                                    struct complaint *complaint);

#endif
