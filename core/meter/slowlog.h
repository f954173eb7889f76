/* SPDX-License-Identifier: MIT */

/* slowlog.h - the commands that took longest of late: what was said, by whom, and how long it took.
 *
 * What is kept of one is cut as Redis cuts it (32 words, 128 bytes of each), so an entry has at most SLOWLOG_ENTRY_MAX
 * bytes; of a command that may carry a password the name alone.
 */
#ifndef GEOMYS_METER_SLOWLOG_H
#define GEOMYS_METER_SLOWLOG_H

#include "base/bytes.h"
#include "base/list.h"

#define SLOWLOG_WORDS     32
#define SLOWLOG_WORD      128 /* bytes */
#define SLOWLOG_ADDRESS   128 /* bytes, with the end */
#define SLOWLOG_NAME      65  /* bytes, with the end */
#define SLOWLOG_ENTRY_MAX (SLOWLOG_WORDS * (SLOWLOG_WORD + 64) + 512)

/* A call as it is told. All of it is borrowed. */
struct slowlog_call {
    const struct gm_bytes *argv;
    uint32_t argc;
    uint32_t shown;      /* words that may be seen; those that follow are secret */
    const char *address; /* of the client; what does not fit SLOWLOG_ADDRESS is cut */
    const char *name;    /* ... and SLOWLOG_NAME */
    int64_t time_s;      /* wall clock */
};

struct slowlog_entry {
    struct list link; /* in slowlog.entries */
    uint64_t id;      /* from 0, never again the same */
    int64_t time_s;   /* wall clock */
    uint64_t us;
    char address[SLOWLOG_ADDRESS];
    char name[SLOWLOG_NAME];
    uint32_t argc;
    struct gm_bytes argv[]; /* the bytes follow */
};

struct slowlog {
    struct list entries; /* slowlog_entry.link; the newest first */
    uint32_t count;
    uint32_t limit;  /* of count */
    int64_t from_us; /* how long a command takes that is kept, at least; below 0: none is */
    uint64_t next_id;
};

void slowlog_init(struct slowlog *slowlog);

/* Whether a command that took so long is to be kept. */
static inline bool slowlog_wants(const struct slowlog *slowlog, uint64_t us)
{
    return slowlog->from_us >= 0 && us >= (uint64_t)slowlog->from_us;
}

/* Adds the call, and forgets the oldest beyond the limit. */
void slowlog_add(struct slowlog *slowlog, const struct slowlog_call *call, uint64_t us);

/* How many entries are kept at most. Forgets what is beyond. */
void slowlog_limit(struct slowlog *slowlog, uint32_t entries);

/* Forgets all entries. */
void slowlog_clear(struct slowlog *slowlog);

#endif
