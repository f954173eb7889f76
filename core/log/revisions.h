/* SPDX-License-Identifier: MIT */

/* revisions.h - which later operations of types stand in what is written: what a file must say of them. See revisions.c
 * for the argument. */
#ifndef GEOMYS_LOG_REVISIONS_H
#define GEOMYS_LOG_REVISIONS_H

#include "log/record.h"

/* Operations of one revision of one type. */
struct revisions_entry {
    uint64_t last; /* sequence of the last record that has one */
    uint16_t type;
    uint16_t revision;
    uint8_t writer_size;
    uint8_t writer[RECORD_WRITER_MAX];
};

/* All zeros is a valid, empty one: nothing but operations of first revisions. */
struct revisions {
    struct revisions_entry *list;
    size_t count;
    size_t room;
};

void revisions_finish(struct revisions *revisions);

/* Forgets all of them. */
void revisions_clear(struct revisions *revisions);

/* Forgets those of a type. O(count). */
void revisions_forget(struct revisions *revisions, uint16_t type);

/* Record `sequence` has an operation that came with this revision. O(count). */
void revisions_note(struct revisions *revisions, const struct record_revision *revision, uint64_t sequence);

/* The highest of a type; 1: none is known. O(count). */
uint16_t revisions_of(const struct revisions *revisions, uint16_t type);

/* The next that is to be said, of a type of which less was said so far: the highest of those that a record behind
 * `after` has. False: there is none. What is returned is borrowed until the next note. O(count^2). */
bool revisions_next(const struct revisions *revisions, uint64_t after, const struct revisions *said,
                    struct record_revision *out);

#endif
