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

static void *given(void *memory, size_t size)
{
    if (__builtin_expect(memory == NULL, 0)) {
        (void)fprintf(stderr, "geomys: out of memory (%zu bytes asked); the log has everything that was acknowledged\n",
                      size);
        abort();
    }
    return memory;
}

void *memory_alloc(size_t size)
{
    return given(malloc(size > 0 ? size : 1), size);
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

bool memory_stats(struct memory_stats *stats)
{
#ifdef GEOMYS_JEMALLOC
    uint64_t epoch = 1;
    size_t size = sizeof epoch;
    size_t values[3] = {0};
    static const char *const names[] = {"stats.allocated", "stats.active", "stats.resident"};
    bool told = mallctl("epoch", &epoch, &size, &epoch, sizeof epoch) == 0;
    for (size_t i = 0; i < 3 && told; i++) {
        size = sizeof values[i];
        told = mallctl(names[i], &values[i], &size, NULL, 0) == 0;
    }
    *stats = (struct memory_stats){values[0], values[1], values[2]};
    return told;
#else
    *stats = (struct memory_stats){0};
    return false;
#endif
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

size_t memory_class(size_t size)
{
#ifdef GEOMYS_JEMALLOC
    return nallocx(size > 0 ? size : 1, 0);
#else
    /* The C library reserves 8 bytes of head per block and rounds up to 16, with 24 usable bytes at least. */
    return size <= 24 ? 24 : ((size + 8 + 15) & ~(size_t)15) - 8;
#endif
}

void *memory_account_alloc(struct memory_account *account, size_t size)
{
    void *memory = memory_alloc(size);
    account->bytes += memory_size(memory);
    account->blocks++;
    return memory;
}

void *memory_account_realloc(struct memory_account *account, void *memory, size_t size)
{
    if (memory == NULL) {
        return memory_account_alloc(account, size);
    }
    account->bytes -= memory_size(memory);
    memory = memory_realloc(memory, size);
    account->bytes += memory_size(memory);
    return memory;
}

void memory_account_free(struct memory_account *account, void *memory)
{
    if (memory != NULL) {
        check(account->blocks > 0);
        account->bytes -= memory_size(memory);
        account->blocks--;
        memory_free(memory);
    }
}
