/* SPDX-License-Identifier: MIT */

/* memory.h - allocation that does not fail, and accounts that know what they own.
 *
 * Why      A small allocation that fails in the middle of a change is not a path worth having: budgets are checked when
 *          a command is admitted, and when the machine has really nothing left the process stops and its log brings it
 *          back. What is large, and asked for before anything has changed, may be refused instead: memory_try for what
 *          a command needs for itself, memory_is_there for what its records will need.
 *
 * Promises
 *   I1  Lack of memory ends the process with one sentence on standard error, and is no crash (os_crash.h).
 *
 * Idea     An account counts the bytes that the allocator really handed out (its size class, not what was asked for),
 *          so that the sum of the accounts is what the data costs. jemalloc when it is linked, else the C library.
 *
 *          Asking the allocator how much it gave costs a walk through its own tables, more than the allocation. Its
 *          size classes are a formula, so whoever knows what was asked for knows what was given (memory_held), and can
 *          say so when it gives the piece back. memory_classes_hold compares the formula with the allocator.
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

/* The same, but NULL when there is none; there never is for 512 GiB. */
must_use void *memory_try(size_t size) __attribute__((malloc));

/* Whether an allocation of `size` bytes would be given now: it is made, and given back untouched. So it finds a limit
 * of the process (ulimit -v) or of a system that does not overcommit, and no other. Some microseconds if it is
 * large. */
bool memory_is_there(size_t size);

/* Zero-filled and aligned to 64 bytes, a cache line. `size` is a multiple of 64. Never NULL. */
void *memory_lines(size_t size) __attribute__((malloc, returns_nonnull));

/* Bytes that the allocator reserved for this piece. O(1). */
size_t memory_size(const void *memory);

/* The same for a piece that was allocated with this `size`, or any other of the same class: cheaper. */
size_t memory_held(const void *memory, size_t size);

/* Bytes that an allocation of `size` would reserve: a request may as well use all of them. O(1). */
size_t memory_class(size_t size);

/* The allocator's name and version, a static text. */
const char *memory_allocator(void);

/* Whether memory_class is what this allocator does. False: do not go on, the accounts would be wrong. */
bool memory_classes_hold(void);

struct memory_account {
    uint64_t bytes;                /* reserved now */
    uint64_t blocks;               /* allocations now */
    struct memory_account *parent; /* borrowed: is charged with the same; or NULL */
};

/* The same, charged. A block must be released to the account that it came from. */
void *memory_account_alloc(struct memory_account *account, size_t size) __attribute__((malloc, returns_nonnull));
void *memory_account_zeroed(struct memory_account *account, size_t size) __attribute__((malloc, returns_nonnull));
void *memory_account_realloc(struct memory_account *account, void *memory, size_t size)
    __attribute__((returns_nonnull));
void memory_account_free(struct memory_account *account, void *memory);

/* Releases a piece of which the caller knows that `held` bytes are reserved (memory_held): cheaper. */
void memory_account_free_held(struct memory_account *account, void *memory, size_t held);

/* What the allocator has, bytes; false: it does not tell. Takes some microseconds. */
struct memory_totals {
    uint64_t allocated; /* handed out, by size class */
    uint64_t active;    /* in pages that hold any of it */
    uint64_t resident;  /* mapped, with what the allocator needs for itself and has not given back yet */
};
bool memory_totals(struct memory_totals *out);

/* Gives free pages back to the system, if the allocator can. */
void memory_purge(void);

#endif
