/* SPDX-License-Identifier: MIT */

/* tear.h - looking at the bytes of a segment around its first bad record: what a crash can have done to them, and what
 * not. docs/decisions/0002-log-damage.md has the argument. All of these block and read at most the file once. */
#ifndef GEOMYS_LOG_TEAR_H
#define GEOMYS_LOG_TEAR_H

#include "env/disk.h"

struct tear_file {
    struct disk *disk;
    struct disk_file *file;
    uint64_t size; /* bytes */
};

/* The offset of the first byte from `from` on that is not zero; the file's size if there is none. */
must_use enum status tear_first_data(const struct tear_file *file, uint64_t from, uint64_t *out);

/* The offset behind the last byte that is not zero, and at least `from`. */
must_use enum status tear_data_end(const struct tear_file *file, uint64_t from, uint64_t *out);

/* Whether an interrupted write can have left a record like this: one that begins at `at` and takes `extent` bytes. So
 * it is if the file ends within it, or if a sector of it is zero, counted from `at` on and to the sector's end. */
must_use enum status tear_possible(const struct tear_file *file, uint64_t at, uint64_t extent, bool *out);

/* The highest sequence that a valid mark with this salt, anywhere from `from` on, says to have been on stable storage;
 * 0 if there is none. */
must_use enum status tear_highest_mark(const struct tear_file *file, uint64_t from, uint64_t salt, uint64_t *out);

#define TEAR_STEM_MAX 52 /* bytes of a name's beginning, with the terminator: a number and ".log" follow it */

/* "torn-<sequence, 20 digits>": of what a crash has left behind the record before `sequence`. */
void tear_stem(uint64_t sequence, char out[static TEAR_STEM_MAX]);

/* Copies the bytes from..to into a new file "<stem>-<n>.log" with the first n that is free, durably, and gives its
 * name. */
must_use enum status tear_keep(const struct tear_file *file, uint64_t from, uint64_t to, const char *stem,
                               char name[static DISK_NAME_MAX]);

/* The same for a whole file, which is renamed. */
must_use enum status tear_put_aside(struct disk *disk, const char *source, const char *stem,
                                    char name[static DISK_NAME_MAX]);

#endif
