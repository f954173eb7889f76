/* SPDX-License-Identifier: MIT */

/* origin.h - whose data the files of a folder are: the secret that was drawn when the data set began. See origin.c for
 * the argument. */
#ifndef GEOMYS_REPLICA_ORIGIN_H
#define GEOMYS_REPLICA_ORIGIN_H

#include "env/disk.h"
#include "env/entropy.h"

/* The secret of the data in the folder, or, where there are none, one that is drawn. `disk` NULL: there are none. What
 * is damaged, or of another version, is passed over: recovery will say so. IO, with a sentence. Reads at most the
 * beginnings of files; changes nothing. Blocks. */
must_use enum status origin_find(struct disk *disk, struct entropy *entropy, struct gm_secret *out,
                                 struct complaint *complaint);

#endif
