/* SPDX-License-Identifier: MIT */

/* glob.c - the matching that modules have, once for the host. */
#include "base/glob.h"

#include "base/check.h"

bool glob_match_counted(struct gm_bytes pattern, struct gm_bytes text, bool nocase, uint64_t *steps)
{
    uint64_t taken = 0;
    bool matches = gm_glob_counted(pattern, text, nocase, &taken);
    check_slow(taken <= GLOB_STEPS_MAX(pattern.size, text.size)); /* glob I2 */
    *steps += taken;
    return matches;
}

bool glob_match(struct gm_bytes pattern, struct gm_bytes text, bool nocase)
{
    uint64_t steps = 0;
    return glob_match_counted(pattern, text, nocase, &steps);
}
