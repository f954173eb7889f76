/* SPDX-License-Identifier: MIT */

/* counters.h - statistics as rows: what a struct counts, under which names, in which units, and how several of it are
 * one.
 *
 * Idea     Beside each struct of statistics stands a static table with a row for each number that people or programs
 *          may see. INFO prints the rows, CONFIG RESETSTAT resets by them, the statistics of several threads or shards
 *          are merged by them, and metrics will export them: adding a number is adding a row, nothing else.
 *
 *          struct traffic              traffic_counters
 *          ┌───────────────┐           ┌──────────────────────────────────────────────────────────┐
 *          │ reads      17 │ ◄──────── │ "total_reads_processed"  total  plain  sum  resets  help │
 *          │ writes      9 │ ◄──────── │ "total_writes_processed" ...                             │
 *          └───────────────┘           └──────────────────────────────────────────────────────────┘
 *
 *          A row shows a field, or what a function derives from the whole struct (a ratio, a word). Fields are merged
 *          and reset; what is derived is derived anew from the merged struct, so that the ratio of two sums is never
 *          the sum of two ratios.
 *
 * Promises
 *   I1  No number is made up: a row whose value is not known here (COUNTER_UNKNOWN) is not printed.
 *   I2  A field is merged and reset once, in whichever rows it is shown: one row is its own, the others are marked
 *       COUNTER_AGAIN.
 *   I3  Merging is associative: the statistics of several threads may be merged in any grouping. Their order matters to
 *       COUNTER_FIRST alone.
 */
#ifndef GEOMYS_BASE_COUNTERS_H
#define GEOMYS_BASE_COUNTERS_H

#include "base/buf.h"

/* What a number is. */
enum counter_kind {
    COUNTER_TOTAL, /* it only rises, until it is reset or the server ends */
    COUNTER_GAUGE, /* how it is now */
    COUNTER_LABEL, /* a word, or a number that only names something */
};

/* What it counts, and so how it is printed. */
enum counter_unit {
    COUNTER_PLAIN,
    COUNTER_FLAG, /* 0 or 1 */
    COUNTER_BYTES,
    COUNTER_SIZE, /* bytes, printed once more under "<name>_human" as people read them */
    COUNTER_NS,   /* counted in nanoseconds, printed in whole microseconds */
    COUNTER_US,
    COUNTER_MS,
    COUNTER_S,     /* derived ones with a fraction are printed with six digits of it */
    COUNTER_RATIO, /* printed with two digits behind the point, as all below */
    COUNTER_PERCENT,
    COUNTER_RATE,    /* kilobytes per second */
    COUNTER_MEAN_US, /* microseconds with a fraction */
    COUNTER_LONG_US, /* ... with three digits */
};

/* How those of several threads or shards become one. */
enum counter_merge {
    COUNTER_SUM,
    COUNTER_MAX,
    COUNTER_FIRST, /* it is the same for all, or only the first one's means anything */
    COUNTER_AGAIN, /* the field has another row */
};

enum counter_form {
    COUNTER_UNKNOWN,
    COUNTER_COUNT,
    COUNTER_NUMBER,
    COUNTER_REAL,
    COUNTER_TEXT,
};

struct counter_value {
    enum counter_form form;
    union {
        uint64_t count;
        int64_t number;
        double real;
        const char *text; /* borrowed from the struct, or static */
    };
};

/* What a field is in memory. */
enum counter_type {
    COUNTER_DERIVED, /* no field */
    COUNTER_U64,
    COUNTER_U32,
    COUNTER_I64,
    COUNTER_BOOL,
    COUNTER_WORD,  /* a pointer to a text, NULL: unknown */
    COUNTER_FIXED, /* no field: always the same word */
};

struct counter_row {
    const char *name; /* as INFO prints it; NULL: not printed, only merged and reset */
    const char *help; /* one sentence */
    enum counter_kind kind;
    enum counter_unit unit;
    enum counter_merge merge;
    bool resets; /* CONFIG RESETSTAT makes it 0 */
    enum counter_type type;
    size_t offset;                                  /* of the field */
    struct counter_value (*derive)(const void *of); /* with COUNTER_DERIVED */
    const char *word;                               /* with COUNTER_FIXED */
};

struct counter_table {
    const struct counter_row *rows;
    uint32_t count;
    size_t size;        /* of the struct */
    const char *family; /* not NULL: all rows in one line, "<family><label>:<name>=<value>,..." */
};

/* The field of a row: COUNTER_OF(struct traffic, reads). */
#define COUNTER_OF(holder, member) .type = COUNTER_TYPE(((holder *)NULL)->member), .offset = offsetof(holder, member)
#define COUNTER_TYPE(field)                                                                                            \
    _Generic((field),                                                                                                  \
        unsigned long: COUNTER_U64,                                                                                    \
        unsigned long long: COUNTER_U64,                                                                               \
        unsigned: COUNTER_U32,                                                                                         \
        long: COUNTER_I64,                                                                                             \
        long long: COUNTER_I64,                                                                                        \
        bool: COUNTER_BOOL,                                                                                            \
        char *: COUNTER_WORD, const char *: COUNTER_WORD)
#define COUNTER_SAY(text)    .type = COUNTER_FIXED, .word = (text), .kind = COUNTER_LABEL, .merge = COUNTER_FIRST
#define COUNTER_BY(function) .type = COUNTER_DERIVED, .derive = (function)

/* The table of `holder` that these rows make. */
#define COUNTER_TABLE(holder, array)                                                                                   \
    {                                                                                                                  \
        .rows = (array), .count = sizeof(array) / sizeof(array)[0], .size = sizeof(holder)                             \
    }
#define COUNTER_FAMILY(holder, array, name)                                                                            \
    {                                                                                                                  \
        .rows = (array), .count = sizeof(array) / sizeof(array)[0], .size = sizeof(holder), .family = (name)           \
    }

#define COUNTER_NONE ((struct counter_value){.form = COUNTER_UNKNOWN})

static inline struct counter_value counter_count(uint64_t count)
{
    return (struct counter_value){.form = COUNTER_COUNT, .count = count};
}

static inline struct counter_value counter_number(int64_t number)
{
    return (struct counter_value){.form = COUNTER_NUMBER, .number = number};
}

static inline struct counter_value counter_real(double real)
{
    return (struct counter_value){.form = COUNTER_REAL, .real = real};
}

/* NULL: unknown. */
static inline struct counter_value counter_text(const char *text)
{
    return (struct counter_value){.form = text != NULL ? COUNTER_TEXT : COUNTER_UNKNOWN, .text = text};
}

/* A part of a whole; 0 of nothing. */
static inline struct counter_value counter_ratio(uint64_t part, uint64_t whole)
{
    return counter_real(whole > 0 ? (double)part / (double)whole : 0);
}

/* What the row says of a struct, in the unit that it is counted in. */
struct counter_value counters_value(const struct counter_row *row, const void *of);

/* The row of that name, NULL if there is none. O(rows). */
const struct counter_row *counters_find(const struct counter_table *table, const char *name);

/* Appends one line for each row with a name, "<name>:<value>\r\n", `label` behind each name (NULL: none); of a family
 * one line for all. O(rows). */
void counters_print(const struct counter_table *table, const void *of, const char *label, struct buf *out);

/* Adds the statistics of one part to those of several: `into` begins as a copy of the first part. Fields without a row
 * stay those of the first. O(rows). */
void counters_merge(const struct counter_table *table, void *into, const void *part);

/* Whether any row says that it is reset. O(rows). */
bool counters_resets(const struct counter_table *table);

/* Resets the fields whose rows say so. O(rows). */
void counters_reset(const struct counter_table *table, void *of);

#endif
