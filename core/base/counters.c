/* SPDX-License-Identifier: MIT */

/* counters.c - reading, printing, merging and resetting what rows describe; counters.h has the argument. */
#include "base/counters.h"

#include <string.h>

static const void *field_of(const struct counter_row *row, const void *of)
{
    return (const char *)of + row->offset;
}

struct counter_value counters_value(const struct counter_row *row, const void *of)
{
    switch (row->type) {
    case COUNTER_DERIVED:
        return row->derive(of);
    case COUNTER_FIXED:
        return counter_text(row->word);
    case COUNTER_U64:
        return counter_count(*(const uint64_t *)field_of(row, of));
    case COUNTER_U32:
        return counter_count(*(const uint32_t *)field_of(row, of));
    case COUNTER_I64:
        return counter_number(*(const int64_t *)field_of(row, of));
    case COUNTER_BOOL:
        return counter_count(*(const bool *)field_of(row, of));
    case COUNTER_WORD:
        return counter_text(*(const char *const *)field_of(row, of));
    }
    check(false);
    return COUNTER_NONE;
}

const struct counter_row *counters_find(const struct counter_table *table, const char *name)
{
    for (uint32_t i = 0; i < table->count; i++) {
        if (table->rows[i].name != NULL && strcmp(table->rows[i].name, name) == 0) {
            return &table->rows[i];
        }
    }
    return NULL;
}

/* ---- printing ---- */

static void print_real(struct buf *out, enum counter_unit unit, double real)
{
    int digits = unit == COUNTER_S ? 6 : unit == COUNTER_LONG_US ? 3 : 2;
    (void)buf_format(out, unit == COUNTER_PERCENT ? "%.*f%%" : "%.*f", digits, real);
}

static void print_value(struct buf *out, enum counter_unit unit, const struct counter_value *value)
{
    check(value->form != COUNTER_UNKNOWN); /* counters I1 */
    if (value->form == COUNTER_TEXT) {
        (void)buf_append(out, gm_bytes_of(value->text)); /* a path may be longer than a formatted line */
    } else if (value->form == COUNTER_REAL) {
        print_real(out, unit, value->real);
    } else if (value->form == COUNTER_NUMBER) {
        (void)buf_format(out, "%lld", (long long)value->number);
    } else if (unit == COUNTER_NS) {
        (void)buf_format(out, "%.0f", (double)value->count / 1e3);
    } else {
        (void)buf_format(out, "%llu", (unsigned long long)value->count);
    }
}

/* "1.50M" */
static void print_human(struct buf *out, uint64_t bytes)
{
    static const char units[] = "BKMGT";
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 2 < sizeof units) {
        value /= 1024;
        unit++;
    }
    (void)buf_format(out, unit == 0 ? "%.0f%c" : "%.2f%c", value, units[unit]);
}

static void print_line(const struct counter_row *row, const char *label, const void *of, struct buf *out)
{
    struct counter_value value = counters_value(row, of);
    if (value.form == COUNTER_UNKNOWN) {
        return; /* counters I1 */
    }
    (void)buf_format(out, "%s%s:", row->name, label);
    print_value(out, row->unit, &value);
    if (row->unit == COUNTER_SIZE) {
        check(value.form == COUNTER_COUNT);
        (void)buf_format(out, "\r\n%s%s_human:", row->name, label);
        print_human(out, value.count);
    }
    (void)buf_append(out, BYTES("\r\n"));
}

static void print_family(const struct counter_table *table, const char *label, const void *of, struct buf *out)
{
    (void)buf_format(out, "%s%s", table->family, label);
    char between = ':';
    for (uint32_t i = 0; i < table->count; i++) {
        const struct counter_row *row = &table->rows[i];
        struct counter_value value = row->name != NULL ? counters_value(row, of) : COUNTER_NONE;
        if (value.form != COUNTER_UNKNOWN) {
            (void)buf_format(out, "%c%s=", between, row->name);
            print_value(out, row->unit, &value);
            between = ',';
        }
    }
    (void)buf_append(out, BYTES("\r\n"));
}

void counters_print(const struct counter_table *table, const void *of, const char *label, struct buf *out)
{
    label = label != NULL ? label : "";
    if (table->family != NULL) {
        print_family(table, label, of, out);
        return;
    }
    for (uint32_t i = 0; i < table->count; i++) {
        if (table->rows[i].name != NULL) {
            print_line(&table->rows[i], label, of, out);
        }
    }
}

/* ---- merging, resetting ---- */

/* Bytes of a field that is a number, 0: it is none. */
static size_t size_of(enum counter_type type)
{
    static const uint8_t sizes[] = {
        [COUNTER_DERIVED] = 0,
        [COUNTER_U64] = sizeof(uint64_t),
        [COUNTER_U32] = sizeof(uint32_t),
        [COUNTER_I64] = sizeof(int64_t),
        [COUNTER_BOOL] = sizeof(bool),
        [COUNTER_WORD] = 0,
        [COUNTER_FIXED] = 0,
    };
    return sizes[type];
}

/* A sum that has no room stays at the largest number rather than begin anew. */
static uint64_t merge_counts(enum counter_merge merge, uint64_t a, uint64_t b, uint64_t most)
{
    if (merge == COUNTER_MAX) {
        return a > b ? a : b;
    }
    return a > most - b ? most : a + b;
}

static int64_t merge_numbers(enum counter_merge merge, int64_t a, int64_t b)
{
    int64_t sum;
    if (merge == COUNTER_MAX) {
        return a > b ? a : b;
    }
    return __builtin_add_overflow(a, b, &sum) ? (b < 0 ? INT64_MIN : INT64_MAX) : sum;
}

static void merge_field(const struct counter_row *row, void *into, const void *part)
{
    void *to = (char *)into + row->offset;
    const void *from = field_of(row, part);
    if (row->type == COUNTER_U64) {
        *(uint64_t *)to = merge_counts(row->merge, *(uint64_t *)to, *(const uint64_t *)from, UINT64_MAX);
    } else if (row->type == COUNTER_U32) {
        *(uint32_t *)to = (uint32_t)merge_counts(row->merge, *(uint32_t *)to, *(const uint32_t *)from, UINT32_MAX);
    } else if (row->type == COUNTER_I64) {
        *(int64_t *)to = merge_numbers(row->merge, *(int64_t *)to, *(const int64_t *)from);
    } else {
        check(row->type == COUNTER_BOOL);
        *(bool *)to = *(bool *)to || *(const bool *)from; /* it is so somewhere */
    }
}

void counters_merge(const struct counter_table *table, void *into, const void *part)
{
    check(into != part);
    for (uint32_t i = 0; i < table->count; i++) {
        const struct counter_row *row = &table->rows[i];
        bool merges = row->merge == COUNTER_SUM || row->merge == COUNTER_MAX; /* counters I2, I3 */
        if (merges && size_of(row->type) > 0) {
            check(row->offset + size_of(row->type) <= table->size);
            merge_field(row, into, part);
        }
    }
}

bool counters_resets(const struct counter_table *table)
{
    for (uint32_t i = 0; i < table->count; i++) {
        if (table->rows[i].resets) {
            return true;
        }
    }
    return false;
}

void counters_reset(const struct counter_table *table, void *of)
{
    for (uint32_t i = 0; i < table->count; i++) {
        const struct counter_row *row = &table->rows[i];
        if (row->resets) {
            check(row->merge != COUNTER_AGAIN); /* counters I2 */
            check(size_of(row->type) > 0 && row->offset + size_of(row->type) <= table->size);
            memset((char *)of + row->offset, 0, size_of(row->type));
        }
    }
}
