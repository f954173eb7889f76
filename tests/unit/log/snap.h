/* SPDX-License-Identifier: MIT */

/* snap.h - snapshots whose content follows from a number, for the tests: written through a simulated disk, read back
 * and compared record by record. */
#ifndef GEOMYS_TESTS_LOG_SNAP_H
#define GEOMYS_TESTS_LOG_SNAP_H

#include "log/snapshot_reader.h"
#include "log/snapshot_writer.h"
#include "support/sim_disk.h"

#define SNAP_TYPES 2

struct snap {
    struct snapshot_cut cut;
    struct epochs_entry entries[2];
    struct epochs epochs; /* of these entries; before all records none */
    unsigned records;
    size_t large; /* bytes of the body of every 16th record from the 8th on; 0: none is large */

    /* the reading side */
    struct record_sink sink;
    unsigned next; /* record that is expected */
    unsigned types;
    bool wrong;       /* something came that was not written */
    unsigned stop_at; /* the sink refuses this record; 0: none */
};

/* Do not copy it. */
void snap_init(struct snap *snap, uint64_t sequence, unsigned records, size_t large);

/* Declares the types and adds all records; the disk works in between if `sim` is not NULL. */
void snap_add(const struct snap *snap, struct snapshot_writer *writer, struct sim_disk *sim);

/* Bytes that they take, encoded, and how many keys they are. */
uint64_t snap_plain(const struct snap *snap);
unsigned snap_keys(const struct snap *snap);

/* All of it: OK, or what the writer says. The writer is gone afterwards. */
enum snapshot_writer_state snap_write(const struct snap *snap, struct sim_disk *sim,
                                      const struct snapshot_writer_config *config, struct complaint *complaint);

/* Drains the disk and frees a writer that may be in any state. */
void snap_drop(struct snapshot_writer *writer, struct sim_disk *sim);

/* Reads the snapshot of this cut, `budget` bytes a step. `wrong` says whether a record came that was not written; OK
 * without it means that all of them came. */
enum status snap_read(struct snap *snap, struct disk *disk, size_t budget, struct complaint *complaint);

/* How many files there are. */
unsigned snap_files(const struct sim_disk *sim);

#endif
