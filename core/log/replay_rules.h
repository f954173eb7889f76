/* SPDX-License-Identifier: MIT */

/* replay_rules.h - the two rules by which replay tells a torn tail from damage, as switches. Only for the tests: they
 * prove that the tests would notice the absence of a rule. */
#ifndef GEOMYS_LOG_REPLAY_RULES_H
#define GEOMYS_LOG_REPLAY_RULES_H

#include "log/replay.h"

struct replay_rules {
    bool heed_marks; /* what a mark covers is never a torn tail */
    bool heed_bytes; /* a torn tail has a sector that was left out */
};

must_use enum status replay_create_with(struct replay **out, struct disk *disk, bool repair, uint64_t from,
                                        const struct replay_rules *rules, struct complaint *complaint);

#endif
