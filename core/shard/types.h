/* SPDX-License-Identifier: MIT */

/* types.h - the types of a shard by the number that entries carry, and what happens when their code changes.
 *
 * A number has one name for ever. A name may have several numbers: values stay with the code that made them, under its
 * number, until they have been made anew under the number of the newer code. See types.c, and settle.h for
 * how they are made anew.
 */
#ifndef GEOMYS_SHARD_TYPES_H
#define GEOMYS_SHARD_TYPES_H

#include "log/tail.h"
#include "module/registry.h"
#include "store/databases.h"

#define TYPES_STAMP_MAX (UINT16_MAX - 2)

/* A type by the number that entries carry. Number 0 is the host. */
struct shard_type {
    const struct gm_type *abi; /* NULL: its module is absent, its values are frozen */
    const char *module;        /* its name, as long as there is abi, */
    const char *version;       /* and its version */
    char name[RECORD_TYPE_NAME_MAX + 1];
    uint8_t wanted; /* the highest revision that records from elsewhere may have; 0, 1: the first */
    char wanted_by[RECORD_WRITER_MAX + 1]; /* the module that has written them */
};

/* What was frozen because the code of its type is too old for it. */
struct types_newer {
    uint64_t records; /* so many since the start */
    uint16_t told;    /* the stamp of the code of which it was told last */
};

struct types {
    struct tail *tail;                 /* borrowed: names are declared to it */
    const struct databases *databases; /* borrowed: what is left of each number */
    struct shard_type by_number[ENTRY_TYPE_COUNT];
    uint32_t count;                                /* numbers so far, 0 among them */
    uint8_t *numbers;                              /* owned; registry type index -> number of its newest code, or 0 */
    uint8_t own[ENTRY_TYPE_COUNT];                 /* number -> the number of the newest code of that name */
    uint8_t now[ENTRY_TYPE_COUNT];                 /* ... or of the type that succeeds it: what its values become */
    const struct registry *code[ENTRY_TYPE_COUNT]; /* held: what the code of older numbers is from; else NULL */
    uint16_t stamps[ENTRY_TYPE_COUNT];             /* number -> of its code: above 0, another for each code */
    uint16_t last_stamp;
    struct types_newer newer[ENTRY_TYPE_COUNT]; /* by number */
    bool later;                                 /* a type has, or had, operations that came later than itself */
    bool settling;                              /* values may be older than their code, or worth another try */
    bool walked;                                /* all of them were looked at once */
    uint32_t database;                          /* of the walk: the next one */
    uint64_t cursor;                            /* ... through its table */
};

/* Both outlive it. */
void types_init(struct types *types, struct tail *tail, const struct databases *databases);
void types_finish(struct types *types);

/* The number of a type's newest code by name (which is not what its values become, if it is succeeded), a new one if it
 * is unknown; -1: there are too many. Declares it to the log. O(types). */
int types_number(struct types *types, struct gm_bytes name);

/* Records that come from elsewhere, of this type, may have operations of this revision: the number is one of its name.
 * O(types). */
void types_want(struct types *types, uint32_t number, uint16_t revision, struct gm_bytes writer);

/* What applies a record of type `of` to a value of type `number`, a newest one; NULL: nothing there knows it. */
typedef int (*types_apply)(struct gm_apply *, const struct gm_record *);
types_apply types_apply_other(const struct types *types, uint32_t number, uint32_t of);
static inline types_apply types_apply_of(const struct types *types, uint32_t number, uint32_t of)
{
    return __builtin_expect(number == of, 1) ? types->by_number[number].abi->apply
                                             : types_apply_other(types, number, of);
}

/* The highest revision of the number's name that the code that is there knows; 0: there is none. */
uint16_t types_known(const struct types *types, uint32_t number);

/* Whether the code of a number is older than records that come from elsewhere: what it refuses is not damage then. */
bool types_is_behind(const struct types *types, uint32_t number);

/* The revision of which a record is that has the operation, of a value of this number, as far as is known; `kept`: it
 * stands in a frozen value, or came from elsewhere. `writer` has RECORD_WRITER_MAX + 1 bytes. False: the first. */
bool types_revision(const struct types *types, uint32_t number, uint16_t op, bool kept, struct record_revision *out,
                    char *writer);

/* Forgets what was wanted. */
void types_want_nothing(struct types *types);

/* Takes over the types of a registry that is about to follow `older`, which is NULL at the beginning. Between commands.
 * STATUS_TOO_BIG: there are more than entries have numbers for; nothing has changed then. O(types^2), no value is
 * touched. */
must_use enum status types_adopt(struct types *types, const struct registry *older, const struct registry *newer,
                                 struct complaint *complaint);

/* Values may stand where the walk has been already. O(1). */
void types_walk_again(struct types *types);

/* Lets go of code that nothing is left of. O(types). */
void types_retire(struct types *types);

/* What is stored under all numbers of a name. `number` is the newest of them: types_newest. O(types). */
struct types_share {
    uint64_t keys;
    uint64_t bytes;
};
struct types_share types_share(const struct types *types, uint32_t number);

/* Whether it is the number of its name: one of each name is. */
static inline bool types_newest(const struct types *types, uint32_t number)
{
    return types->now[number] == number;
}

#endif
