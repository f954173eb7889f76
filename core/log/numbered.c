/* SPDX-License-Identifier: MIT */

/* numbered.c - writing and reading such names. A name that is read comes from a folder, and so may be anything. */
#include "log/numbered.h"

#include <inttypes.h>
#include <stdio.h>

#define DIGITS 20

void numbered_name(const char *prefix, const char *suffix, uint64_t number, char out[static DISK_NAME_MAX])
{
    (void)snprintf(out, DISK_NAME_MAX, "%s%0*" PRIu64 "%s", prefix, DIGITS, number, suffix);
}

bool numbered_parse(const char *name, const char *prefix, const char *suffix, uint64_t *number)
{
    size_t begin = strlen(prefix);
    if (strlen(name) != begin + DIGITS + strlen(suffix) || memcmp(name, prefix, begin) != 0 ||
        strcmp(name + begin + DIGITS, suffix) != 0) {
        return false;
    }
    uint64_t value = 0;
    for (size_t i = begin; i < begin + DIGITS; i++) {
        uint8_t digit = (uint8_t)(name[i] - '0');
        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit, &value)) {
            return false;
        }
    }
    *number = value;
    return true;
}
