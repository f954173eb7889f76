/* SPDX-License-Identifier: MIT */

/* crumb.h - what a type is doing at this moment: the crumbs that are left so that, if it crashes, the server can say in
 * which of its functions and on which key (serve/blame.c reads them).
 *
 * Idea     For what types are asked to do, the asker writes a few words before and takes them away after:
 *
 *              crumb_drop(shard->crumb, CRUMB_DUMP, entry->type, entry_key(entry));
 *              type->dump(...);
 *              crumb_clear(shard->crumb);
 *
 * Promises
 *   I1  Crumbs do not nest: dump, apply, free and due call nothing that drops another one. What runs within a plan puts
 *       back the crumb that it has found (serve/elements.c).
 */
#ifndef GEOMYS_SHARD_CRUMB_H
#define GEOMYS_SHARD_CRUMB_H

#include "base/bytes.h"
#include "base/check.h"

enum crumb_kind {
    CRUMB_NONE,
    CRUMB_APPLY,    /* a record is carried out on the value of `key` */
    CRUMB_DUMP,     /* the value of `key` is turned into records */
    CRUMB_FREE,     /* what the value of `key` owns is released */
    CRUMB_ELEMENTS, /* the elements of the value of `key` are shown to a command */
    CRUMB_PLAN,     /* a value for `key` is planned from elements */
    CRUMB_DUE,      /* the value of `key` is asked when something is due in it */
};

struct crumb {
    enum crumb_kind kind;
    uint32_t type;       /* number, index into shard->types */
    struct gm_bytes key; /* borrowed */
};

static inline void crumb_drop(struct crumb *crumb, enum crumb_kind kind, uint32_t type, struct gm_bytes key)
{
    check(crumb->kind == CRUMB_NONE); /* crumb I1 */
    crumb->type = type;
    crumb->key = key;
    crumb->kind = kind;
}

static inline void crumb_clear(struct crumb *crumb)
{
    check_slow(crumb->kind != CRUMB_NONE); /* crumb I1 */
    crumb->kind = CRUMB_NONE;
}

#endif
