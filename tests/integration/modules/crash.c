/* SPDX-License-Identifier: MIT */

/* crash.c - a module that crashes on demand: in plan, in apply, in dump, in free, or when the log is read.
 *
 *     CRASH.PLAN segv|bus|fpe|ill|abort|stack    crashes at once, in that way
 *     CRASH.SET key word                         "apply": crashes when it is carried out; "dump", "free": when it is
 *                                                dumped or released; "load": when it is carried out while the
 *                                                environment has GEOMYS_TEST_CRASH; "refuse": cannot be dumped; else a
 *                                                value like any other
 *     CRASH.GET key                              the word
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "geomys/module.h"

static bool is(struct gm_bytes word, const char *name)
{
    return gm_bytes_equal(word, gm_bytes_of(name));
}

static void segv(void)
{
    volatile int *volatile nowhere = NULL;
    *nowhere = 1;
}

/* A page of a file that has none. */
static void bus(void)
{
    int fd = memfd_create("crash", 0);
    volatile char *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    (void)page[0];
}

static int sum(volatile const int *numbers, int depth)
{
    volatile int more[512];
    memset((void *)(uintptr_t)more, depth, sizeof more);
    return depth < 0 ? numbers[0] : sum(more, depth + 1) + more[depth % 512];
}

static void crash(struct gm_bytes how)
{
    if (is(how, "segv")) {
        segv();
    } else if (is(how, "bus")) {
        bus();
    } else if (is(how, "fpe")) {
        (void)raise(SIGFPE);
    } else if (is(how, "ill")) {
        __builtin_trap();
    } else if (is(how, "abort")) {
        abort();
    } else if (is(how, "stack")) {
        int one = 1;
        (void)sum(&one, 0);
    }
}

/* ---- the type ---- */

struct word {
    size_t size;
    uint8_t bytes[64];
};

static struct gm_bytes word_of(const struct gm_cell *cell)
{
    const struct word *word = (const struct word *)(uintptr_t)cell->word;
    return (struct gm_bytes){word->bytes, word->size};
}

static int apply(struct gm_apply *apply, const struct gm_record *record)
{
    if (record->body.size > sizeof((struct word *)NULL)->bytes) {
        return GM_CORRUPT;
    }
    if (is(record->body, "apply") || (is(record->body, "load") && getenv("GEOMYS_TEST_CRASH") != NULL)) {
        segv();
    }
    struct word *word =
        apply->cell.form == GM_WORD ? (struct word *)(uintptr_t)apply->cell.word : gm_alloc(apply, sizeof *word);
    word->size = record->body.size;
    memcpy(word->bytes, record->body.data, record->body.size);
    gm_set_word(apply, (uint64_t)(uintptr_t)word);
    return GM_OK;
}

static uint64_t dump(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    (void)cursor;
    if (is(word_of(cell), "dump")) {
        segv();
    }
    if (is(word_of(cell), "refuse")) {
        return GM_DUMP_REFUSED;
    }
    gm_dump(sink, 1, word_of(cell));
    return 0;
}

static void release(struct gm_apply *apply)
{
    if (is(word_of(&apply->cell), "free")) {
        segv();
    }
    gm_release(apply, (void *)(uintptr_t)apply->cell.word);
}

static const struct gm_type type = {
    .size = sizeof type, .id = "test.crash/1", .name = "crash", .apply = apply, .dump = dump, .free = release};

/* ---- commands ---- */

static void plan_plan(struct gm_call *call)
{
    crash(call->argv[1]);
    gm_reply_status(call, "OK");
}

static void plan_set(struct gm_call *call)
{
    gm_emit(call, &GM_EMISSION(.key = 0, .op = 1, .flags = GM_FRESH, .body = call->argv[2]));
    gm_reply_status(call, "OK");
}

static void plan_get(struct gm_call *call)
{
    if (gm_key(call, 0)->state == GM_KEY_ABSENT) {
        gm_reply_null(call);
    } else {
        gm_reply_bytes(call, word_of(&gm_key(call, 0)->cell));
    }
}

#define COMMAND(line, flag_bits, function)                                                                             \
    {                                                                                                                  \
        .size = sizeof(struct gm_command), .usage = (line), .flags = (flag_bits), .summary = "Crashes on demand.",     \
        .complexity = "O(1)", .since = "1.0.0", .type = &type, .plan = (function)                                      \
    }

static const struct gm_command commands[] = {
    COMMAND("CRASH.PLAN how", GM_READ, plan_plan),
    COMMAND("CRASH.SET key word", GM_WRITE, plan_set),
    COMMAND("CRASH.GET key", GM_READ, plan_get),
};

static const struct gm_type *const types[] = {&type};

GM_MODULE(.name = "test.crash", .version = "1.0.0", .licence = "MIT", .summary = "Crashes on demand.", .types = types,
          .type_count = 1, .commands = commands, .command_count = sizeof commands / sizeof commands[0])
