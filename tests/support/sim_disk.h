/* SPDX-License-Identifier: MIT */

/* sim_disk.h - a disk in memory that forgets, lies and breaks on command: env/disk.h for tests and for the simulator.
 *
 * Idea     Each file is kept twice: as the program sees it, and as stable storage has it. Between them lies a journal
 *          of *changes*: one new content of one 512-byte sector each, or a new size. A sync applies the journal; a
 *          crash chooses from it. Names are kept in the same way, with creations, renames and removals as changes.
 *
 *          A crash settles, for each sector by itself, on one of the contents that it had since the last sync: so
 *          writes are torn at sectors, and reordered. Some crashes are kinder: all is kept, nothing is, or a beginning
 *          in order.
 *
 * Promises
 *   P1  The same calls with the same seeds give the same bytes.
 *   P2  What was synced is there after a crash, and so are the names that were synced.
 *   P3  After the process "died" (a SIM_CRASH fault) every call fails and changes nothing, until sim_disk_crash.
 *
 * Every call of a disk_ops function, and every step of a request (create, rename, remove, write, sync, sync names),
 * counts as one call; close, submit and drain do not. Nothing here is thread-safe.
 */
#ifndef GEOMYS_TESTS_SUPPORT_SIM_DISK_H
#define GEOMYS_TESTS_SUPPORT_SIM_DISK_H

#include "env/disk.h"

#define SIM_SECTOR 512 /* bytes */

struct sim_disk; /* opaque */

enum sim_fault {
    SIM_IO,       /* the call fails; a write leaves any of its sectors behind                              */
    SIM_NO_SPACE, /* a write or creation fails, a write after a beginning of it; other calls work          */
    SIM_SHORT,    /* a write fails after a beginning of it, as I/O error; other calls work                 */
    SIM_CRASH,    /* the process dies in this call: a write or a name may be under way, a sync has not been */
    SIM_LACKING,  /* as SIM_NO_SPACE, for want of something else (sim_disk_lacking); opening and names fail too */
    SIM_SYNC,     /* a sync fails, of a file or of names, as if there were no space; other calls work */
};

struct sim_disk *sim_disk_create(uint64_t seed);
void sim_disk_destroy(struct sim_disk *sim); /* NULL is fine. Open files are released */

/* A disk of its own with the same files, all of them synced. */
struct sim_disk *sim_disk_clone(const struct sim_disk *sim, uint64_t seed);

struct disk *sim_disk_interface(struct sim_disk *sim);

/* Carries out up to `count` submitted requests, each with its on_done. Returns how many there were. Where several lanes
 * have some, the seed chooses the next one. */
size_t sim_disk_run(struct sim_disk *sim, size_t count);

/* The same for one lane: the others are stuck meanwhile. */
size_t sim_disk_run_lane(struct sim_disk *sim, enum disk_lane lane, size_t count);

/* Loses, in part, what was not synced. Open files are dead: they may be closed, all else fails. Requests that have not
 * been carried out are dropped, without on_done. Faults are forgotten; the disk works again. */
void sim_disk_crash(struct sim_disk *sim, uint64_t seed);

/* The process alone dies: the system still has what was not synced, and a later sync can save it. Else as
 * sim_disk_crash. */
void sim_disk_kill(struct sim_disk *sim);

/* The calls number `at` to `at + times - 1` from now on (the next one is number 1) suffer the fault. Replaces the one
 * before; times 0 removes it. */
void sim_disk_fault(struct sim_disk *sim, enum sim_fault kind, uint64_t at, uint64_t times);

/* What SIM_LACKING and SIM_SYNC answer, of the statuses that pass. At first STATUS_NO_SPACE. */
void sim_disk_lacking(struct sim_disk *sim, enum status status);

/* Writes that would take the sum of all sizes above `bytes` fail with NO_SPACE. UINT64_MAX: no limit. */
void sim_disk_limit(struct sim_disk *sim, uint64_t bytes);

uint64_t sim_disk_calls(const struct sim_disk *sim);
uint64_t sim_disk_used(const struct sim_disk *sim); /* bytes, the sum of all sizes */
bool sim_disk_dead(const struct sim_disk *sim);     /* a SIM_CRASH has happened */

/* ---- looking and meddling: not counted, never failing, as seen by the program and by stable storage alike ---- */

/* NULL data: no such file. Borrowed until the next call. */
struct gm_bytes sim_disk_contents(struct sim_disk *sim, const char *name);
void sim_disk_put(struct sim_disk *sim, const char *name, struct gm_bytes contents); /* creates or replaces, synced */
void sim_disk_flip(struct sim_disk *sim, const char *name, uint64_t bit);            /* bit 0 is the lowest of byte 0 */
void sim_disk_cut(struct sim_disk *sim, const char *name, uint64_t size);
void sim_disk_delete(struct sim_disk *sim, const char *name);

/* The name of file number `index`, in no order; NULL behind the last. */
const char *sim_disk_name(const struct sim_disk *sim, size_t index);

#endif
