/* SPDX-License-Identifier: MIT */

/* errors.h - which errors clients were answered, by their first word: ERR, WRONGTYPE, NOAUTH.
 *
 * Limits   ERRORS_KINDS words of up to ERRORS_WORD bytes; what comes after is in the sum alone.
 */
#ifndef GEOMYS_METER_ERRORS_H
#define GEOMYS_METER_ERRORS_H

#include "base/counters.h"

#define ERRORS_KINDS 64
#define ERRORS_WORD  31 /* bytes */

struct errors {
    uint64_t sum;   /* of all errors, those of no kind below too */
    uint32_t count; /* of kinds */
    struct error_kind {
        uint64_t count;
        char word[ERRORS_WORD + 1];
    } kinds[ERRORS_KINDS];
};

/* Counts the error that an answer consists of, as it stands on the wire: "-ERR ...". O(kinds). */
void errors_count(struct errors *errors, struct gm_bytes answer);

/* Adds what another thread has counted. O(kinds²). */
void errors_merge(struct errors *into, const struct errors *part);

extern const struct counter_table errors_counters;      /* of struct errors */
extern const struct counter_table errors_kind_counters; /* of struct error_kind: INFO errorstats */

#endif
