/* SPDX-License-Identifier: MIT */

/* fuzz_plan_kv.c - scripts of commands, mostly of geomys.kv, on a whole shard: see support/fuzz_plan.h. */
#include "support/fuzz_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_plan("geomys.kv", data, size);
}
