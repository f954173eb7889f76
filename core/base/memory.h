/* SPDX-License-Identifier: MIT */

/* memory.h - allocation that does not fail, and accounts that know what they own.
 *
 * Why      A small allocation that fails in the middle of a change is not a path worth having: budgets are checked when
 *          a command is admitted, and when the machine has really nothing left the process stops and its log brings it
 *          back.
 *
 * Idea     An account counts the bytes that the allocator really handed out (its size class, not what was asked for),
 *          so that the sum of the accounts is what the data costs. jemalloc when it is linked, else the C library.
 *
 * [any thread], but an account belongs to one thread.
 */
#ifndef GEOMYS_BASE_MEMORY_H
#define GEOMYS_BASE_MEMORY_H

#include "base/check.h"

#include <stdbool.h>
#include <stdint.h>

/* Never NULL. memory_zeroed is zero-filled. Release with memory_free. */
void *memory_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *memory_zeroed(size_t size) __attribute__((malloc, returns_nonnull));
void *memory_realloc(void *memory, size_t size) __attribute__((returns_nonnull));
void memory_free(void *memory); /* NULL is fine */

/* Zero-filled and aligned to 64 bytes, a cache line. `size` is a multiple of 64. Never NULL. */
void *memory_lines(size_t size) __attribute__((malloc, returns_nonnull));

/* Bytes that the allocator reserved for this piece. O(1). */
size_t memory_size(const void *memory);

/* Bytes that an allocation of `size` would reserve: a request may as well use all of them. O(1). */
size_t memory_class(size_t size);

struct memory_stats {
    uint64_t allocated; /* bytes in use */
    uint64_t active;    /* ... of the pages that they are in */
    uint64_t resident;  /* ... that the allocator has taken from the system */
};

/* What the allocator has. False: it does not tell. Some microseconds. */
bool memory_stats(struct memory_stats *stats);

/* Its name and version, a static text. */
const char *memory_allocator(void);

struct memory_account {
    uint64_t bytes;  /* reserved now */
    uint64_t blocks; /* allocations now */
};

/* The same, charged. A block must be released to the account that it came from. */
void *memory_account_alloc(struct memory_account *account, size_t size) __attribute__((malloc, returns_nonnull));
void *memory_account_realloc(struct memory_account *account, void *memory, size_t size)
    __attribute__((returns_nonnull));
void memory_account_free(struct memory_account *account, void *memory);

#endif
