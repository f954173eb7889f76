/* SPDX-License-Identifier: MIT */

/* words.c - the sentences. */
#include "node/words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define SECONDS_MAX 32

/* "1.1 s", and from ten on "12 s". */
static const char *seconds(char out[SECONDS_MAX], uint64_t ms)
{
    if (ms < 10000) {
        (void)snprintf(out, SECONDS_MAX, "%" PRIu64 ".%" PRIu64 " s", ms / 1000, ms % 1000 / 100);
    } else {
        (void)snprintf(out, SECONDS_MAX, "%" PRIu64 " s", ms / 1000);
    }
    return out;
}

static void say(char out[WORDS_MAX], const char *before, uint64_t ms, const char *behind)
{
    char span[SECONDS_MAX];
    int size = snprintf(out, WORDS_MAX, "%s %s%s", before, seconds(span, ms), behind);
    check(size > 0 && size < WORDS_MAX);
}

#define UNHEARD "this node leads but has heard from no majority for"
#define UNHAD   "this node leads but no majority has what was written for"

void words_fenced(char out[WORDS_MAX], uint64_t ms)
{
    say(out, "CLUSTERDOWN " UNHEARD, ms, "; writes are refused until it has");
}

void words_fenced_wrote(char out[WORDS_MAX], uint64_t ms)
{
    say(out, "UNCERTAIN " UNHEARD, ms, ": the command may have been carried out");
}

void words_fenced_read(char out[WORDS_MAX], uint64_t ms)
{
    say(out, "CLUSTERDOWN " UNHEARD, ms, ": what it knows may be old; ask again");
}

void words_behind(char out[WORDS_MAX], uint64_t ms)
{
    say(out, "CLUSTERDOWN " UNHAD, ms, "; writes are refused until one has");
}

void words_behind_wrote(char out[WORDS_MAX], uint64_t ms)
{
    say(out, "UNCERTAIN " UNHAD, ms, ": the command may have been carried out");
}

void words_behind_read(char out[WORDS_MAX], uint64_t ms)
{
    say(out, "CLUSTERDOWN " UNHAD, ms, ", and this would show some of it; ask again");
}

void words_lost(char out[WORDS_MAX], uint64_t leader)
{
    (void)snprintf(out, WORDS_MAX,
                   "UNCERTAIN the leader (node %" PRIu64
                   ") was lost before it answered: the command may have been carried out",
                   leader);
}

void words_follower(char out[WORDS_MAX], uint64_t leader)
{
    if (leader != 0) {
        (void)snprintf(out, WORDS_MAX,
                       "READONLY You can't write against a read only replica: node %" PRIu64 " leads, ask it", leader);
    } else {
        (void)snprintf(out, WORDS_MAX,
                       "READONLY You can't write against a read only replica: this node leads nothing, and knows of no "
                       "leader yet");
    }
}
