/* SPDX-License-Identifier: MIT */

/* fuzz_plan.h - what fuzz_plan_<module>.c share: a script of commands is lived on a shard, and all that must hold is
 * checked.
 *
 * Script  Lines of any bytes, each ended by a line break:
 *           +N             N milliseconds pass (at most 99999)
 *           ?bytes         a command of the module, or one of the host's that handle its values, is drawn from its
 *                          usage line: the first byte chooses the command and the client, the others seed the arguments
 *           2: SET a 1     any command of the host or a module, as an inline command, said by client 2; without a
 *                          number by 0
 *
 * Checks  after each line  every client has heard exactly one well-formed reply for each command, unless it waits
 *         at the end       a second shard that was given the records has the same digest, and so has one into which
 *                          every value was dumped; no value is damaged; with everything removed the types' accounts
 *                          are empty
 *
 * Limits  LINES_MAX lines. Commands that would only cost time are left out: great offsets, more than a few LCS.
 */
#ifndef GEOMYS_TESTS_SUPPORT_FUZZ_PLAN_H
#define GEOMYS_TESTS_SUPPORT_FUZZ_PLAN_H

#include "support/shard_fixture.h"

int fuzz_plan_run(const struct registry *registry, const char *module, const uint8_t *data, size_t size);

/* Lives one input. `module` is the name of the module whose commands "?" draws from, such as "geomys.kv". Returns 0. */
static inline int fuzz_plan(const char *module, const uint8_t *data, size_t size)
{
    static const struct registry *registry; /* made once: it costs more than a script does */
    if (registry == NULL) {
        registry = shard_fixture_registry(&(struct shard_fixture_options){0});
    }
    return fuzz_plan_run(registry, module, data, size);
}

#endif
