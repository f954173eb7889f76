/* SPDX-License-Identifier: MIT */

/* memory.c - the allocator behind memory.h. */
#include "base/memory.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef GEOMYS_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

/* One sentence and no abort(): whoever watches for crashes would name what was under way as the culprit, which it is
 * not, and a core would need what is not there. */
seldom _Noreturn static void end(size_t size)
{
    (void)fprintf(stderr,
                  "geomys: out of memory: the system has not given %zu bytes more, so the process ends. The log has "
                  "everything that was acknowledged; start it with more memory, or with a lower maxmemory\n",
                  size);
    _Exit(EXIT_FAILURE); /* memory I1, buf I3 */
}

static void *given(void *memory, size_t size)
{
    if (__builtin_expect(memory == NULL, 0)) {
        end(size);
    }
    return memory;
}

void *memory_alloc(size_t size)
{
    return given(malloc(size > 0 ? size : 1), size);
}

/* Bytes that are not even asked for: an offset gone wrong, not memory. */
#define ABSURD ((size_t)1 << 39)

void *memory_try(size_t size)
{
    return size < ABSURD ? malloc(size > 0 ? size : 1) : NULL;
}

bool memory_is_there(size_t size)
{
    void *memory = memory_try(size);
    /* Seen by nobody, an allocation that is given back at once may be left out. */
    __asm__ volatile("" : "+r"(memory));
    free(memory);
    return memory != NULL;
}

void *memory_zeroed(size_t size)
{
    return given(calloc(1, size > 0 ? size : 1), size);
}

void *memory_lines(size_t size)
{
    check(size > 0 && size % 64 == 0);
    return memset(given(aligned_alloc(64, size), size), 0, size);
}

void *memory_realloc(void *memory, size_t size)
{
    return given(realloc(memory, size > 0 ? size : 1), size);
}

void memory_free(void *memory)
{
    free(memory);
}

size_t memory_size(const void *memory)
{
    return malloc_usable_size((void *)(uintptr_t)memory);
}

#define TEXT_OF(number)     #number
#define VERSION_OF(a, b, c) TEXT_OF(a) "." TEXT_OF(b) "." TEXT_OF(c)

const char *memory_allocator(void)
{
#ifdef GEOMYS_JEMALLOC
    return "jemalloc-" VERSION_OF(JEMALLOC_VERSION_MAJOR, JEMALLOC_VERSION_MINOR, JEMALLOC_VERSION_BUGFIX);
#else
    return "libc";
#endif
}

#ifdef GEOMYS_JEMALLOC

/* Up to 128 in steps of 16 behind the smallest, then four classes between two powers of two. */
static size_t class_of(size_t size)
{
    if (size <= 8) {
        return 8;
    }
    if (size <= 128) {
        return (size + 15) & ~(size_t)15;
    }
    size_t step = (size_t)1 << (61 - __builtin_clzl(size - 1)); /* a quarter of the power of two below */
    return (size + step - 1) & ~(step - 1);
}

size_t memory_class(size_t size)
{
    return class_of(size);
}

size_t memory_held(const void *memory, size_t size)
{
    (void)memory;
    return class_of(size);
}

bool memory_classes_hold(void)
{
    size_t before = 0;
    while (before < (size_t)1 << 33) {
        size_t class = nallocx(before + 1, 0);
        if (class_of(before + 1) != class || class_of(class) != class) {
            return false;
        }
        before = class;
    }
    return true;
}

static void release(void *memory, size_t held)
{
    sdallocx(memory, held, 0);
}

bool memory_totals(struct memory_totals *out)
{
    uint64_t epoch = 1; /* makes it count anew */
    size_t allocated;
    size_t active;
    size_t resident;
    size_t size = sizeof allocated;
    if (mallctl("epoch", NULL, NULL, &epoch, sizeof epoch) != 0 ||
        mallctl("stats.allocated", &allocated, &size, NULL, 0) != 0 ||
        mallctl("stats.active", &active, &size, NULL, 0) != 0 ||
        mallctl("stats.resident", &resident, &size, NULL, 0) != 0) {
        return false;
    }
    *out = (struct memory_totals){allocated, active, resident};
    return true;
}

void memory_purge(void)
{
    char name[32];
    (void)snprintf(name, sizeof name, "arena.%u.purge", MALLCTL_ARENAS_ALL);
    (void)mallctl(name, NULL, NULL, NULL, 0);
}

#else

/* The C library reserves 8 bytes of head per block and rounds up to 16, with 24 usable bytes at least; sometimes it
 * gives what is left of a larger block, so that only it knows. */
size_t memory_class(size_t size)
{
    return size <= 24 ? 24 : ((size + 8 + 15) & ~(size_t)15) - 8;
}

size_t memory_held(const void *memory, size_t size)
{
    (void)size;
    return memory_size(memory);
}

bool memory_classes_hold(void)
{
    return true;
}

static void release(void *memory, size_t held)
{
    (void)held;
    free(memory);
}

bool memory_totals(struct memory_totals *out)
{
    (void)out;
    return false;
}

void memory_purge(void)
{
    (void)malloc_trim(0);
}

#endif

/* ---- accounts ---- */

static void charge(struct memory_account *account, size_t held)
{
    for (; account != NULL; account = account->parent) {
        account->bytes += held;
        account->blocks++;
    }
}

static void discharge(struct memory_account *account, size_t held)
{
    for (; account != NULL; account = account->parent) {
        check(account->blocks > 0 && account->bytes >= held);
        account->bytes -= held;
        account->blocks--;
    }
}

void *memory_account_alloc(struct memory_account *account, size_t size)
{
    void *memory = memory_alloc(size);
    charge(account, memory_held(memory, size));
    return memory;
}

void *memory_account_zeroed(struct memory_account *account, size_t size)
{
    void *memory = memory_zeroed(size);
    charge(account, memory_held(memory, size));
    return memory;
}

void *memory_account_realloc(struct memory_account *account, void *memory, size_t size)
{
    if (memory == NULL) {
        return memory_account_alloc(account, size);
    }
    discharge(account, memory_size(memory));
    memory = memory_realloc(memory, size);
    charge(account, memory_held(memory, size));
    return memory;
}

void memory_account_free(struct memory_account *account, void *memory)
{
    if (memory != NULL) {
        memory_account_free_held(account, memory, memory_size(memory));
    }
}

void memory_account_free_held(struct memory_account *account, void *memory, size_t held)
{
    check_slow(held == memory_size(memory));
    discharge(account, held);
    release(memory, held);
}
