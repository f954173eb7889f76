/* SPDX-License-Identifier: MIT */

/* little.h - little-endian numbers of a width that is known at run time only: for inputs that are changed at random. */
#ifndef GEOMYS_TESTS_LITTLE_H
#define GEOMYS_TESTS_LITTLE_H

#include <stddef.h>
#include <stdint.h>

static inline void little_store(uint8_t *target, uint64_t number, size_t size)
{
    for (size_t i = 0; i < size; i++, number >>= 8) {
        target[i] = (uint8_t)number;
    }
}

static inline uint64_t little_load(const uint8_t *source, size_t size)
{
    uint64_t number = 0;
    for (size_t i = size; i-- > 0;) {
        number = number << 8 | source[i];
    }
    return number;
}

#endif
