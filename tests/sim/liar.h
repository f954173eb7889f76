/* SPDX-License-Identifier: MIT */

/* liar.h - a coordinator that does not tell the truth about who leads (cluster page, section 1: availability may be
 * lost by that, data never).
 *
 * Idea     All nodes of a world share one document, changed by compare-and-swap, without an engine behind it. While it
 *          lies, each node is now and then shown a next version that nobody has agreed on: with an epoch that others
 *          are shown with another leader, and a leader that may lack what is committed; after a start a node may be
 *          shown an older one than it had acted on. Who counts (`replicas`) is always as it is. */
#ifndef GEOMYS_TESTS_SIM_LIAR_H
#define GEOMYS_TESTS_SIM_LIAR_H

#include "cluster/coord_raft.h"
#include "support/sim_time.h"

struct liar; /* opaque */

struct liar *liar_create(struct sim_time *time);
void liar_destroy(struct liar *liar); /* its engines are gone */

/* For loop_config.engine, with the liar as context. */
enum status liar_engine(void *context, struct coord **out, const struct coord_raft_config *config,
                        struct complaint *complaint);

/* From now on it lies, or tells the truth, in a version that is newer than all lies. */
void liar_lie(struct liar *liar, bool lies);

/* How many times it has. */
uint64_t liar_lies(const struct liar *liar);

#endif
