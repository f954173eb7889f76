/* SPDX-License-Identifier: MIT */

/* names.h - what the type numbers of one log, one file or one stream stand for, and what those of a source are called
 * here. See names.c for the argument. */
#ifndef GEOMYS_LOG_NAMES_H
#define GEOMYS_LOG_NAMES_H

#include "log/record.h"

struct name {
    uint16_t type;
    uint8_t size;
    uint8_t text[RECORD_TYPE_NAME_MAX];
};

/* All zeros is a valid, empty one. */
struct names {
    struct name *list; /* in the order of their declaration */
    size_t count;
    uint16_t *places; /* type number -> its place in the list, counted from 1; 0: not declared */
    size_t place_count;
};

enum names_outcome {
    NAMES_NEW,     /* the number had no name                     */
    NAMES_KNOWN,   /* it had this name already: nothing is new   */
    NAMES_CHANGED, /* it had another one, which is replaced      */
};

void names_finish(struct names *names);

/* Forgets all of them. */
void names_clear(struct names *names);

/* Type number `type`, not 0, is called `name`: 1 to RECORD_TYPE_NAME_MAX bytes, which are copied. O(1) amortised. */
enum names_outcome names_declare(struct names *names, uint16_t type, struct gm_bytes name);

/* The name of a number; empty: it was not declared. Borrowed until the next declaration. O(1). */
struct gm_bytes names_of(const struct names *names, uint16_t type);

/* The lowest place in the list is 0. Borrowed as above. */
static inline struct gm_bytes names_text(const struct name *name)
{
    return (struct gm_bytes){name->text, name->size};
}

/* The number that has this name; 0: none has. O(count). */
uint16_t names_number(const struct names *names, struct gm_bytes name);

/* The numbers of a source, and ours. All zeros is a valid, empty one. */
struct names_map {
    uint16_t *ours; /* by the source's number */
    size_t size;
};

void names_map_finish(struct names_map *map);

/* The source calls `name` its number `type`, from now on. False: it is not among our `names`, or `type` is 0; then the
 * number stands for nothing. O(names). */
bool names_map_declare(struct names_map *map, uint16_t type, struct gm_bytes name, const struct names *names);

/* Our number for the source's; 0: it was not declared. */
static inline uint16_t names_map_of(const struct names_map *map, uint16_t type)
{
    return type < map->size ? map->ours[type] : 0;
}

#endif
