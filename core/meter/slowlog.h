/* SPDX-License-Identifier: MIT */

/* slowlog.h - the commands that took longest of late: what was said, by whom, and how long it took.
 *
 * What is kept of one is cut as Redis cuts it (32 words, 128 bytes of each), so an entry has at most SLOWLOG_ENTRY_MAX
 * bytes; of a command that may carry a password (CALL_SECRET) the name alone.
 */
#ifndef GEOMYS_METER_SLOWLOG_H
#define GEOMYS_METER_SLOWLOG_H

#include "base/list.h"
#include "serve/session.h"

#define SLOWLOG_WORDS     32
#define SLOWLOG_WORD      128 /* bytes */
#define SLOWLOG_ENTRY_MAX (SLOWLOG_WORDS * (SLOWLOG_WORD + 64) + 512)

struct call;

struct slowlog_entry {
    struct list link; /* in slowlog.entries */
    uint64_t id;      /* from 0, never again the same */
    int64_t time_s;   /* wall clock */
    uint64_t us;
    char address[sizeof((struct session *)NULL)->address];
    char name[SESSION_NAME_MAX + 1];
    uint32_t argc;
    struct gm_bytes argv[]; /* the bytes follow */
};

struct slowlog {
    struct list entries; /* slowlog_entry.link; the newest first */
    uint32_t count;
    uint32_t limit; /* of count */
    uint64_t next_id;
};

void slowlog_init(struct slowlog *slowlog);

/* Adds the call, and forgets the oldest beyond the limit. */
void slowlog_add(struct slowlog *slowlog, const struct call *call, uint64_t us);

/* How many entries are kept at most. Forgets what is beyond. */
void slowlog_limit(struct slowlog *slowlog, uint32_t entries);

/* Forgets all entries. */
void slowlog_clear(struct slowlog *slowlog);

#endif
