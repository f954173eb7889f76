/* SPDX-License-Identifier: MIT */

/* words.c - the sentences. */
#include "node/words.h"

#include <inttypes.h>
#include <stdio.h>

#define SPAN_MAX 32

/* "1.1 s", and from ten on "12 s". */
static const char *span(char out[SPAN_MAX], uint64_t ms)
{
    if (ms < 10000) {
        (void)snprintf(out, SPAN_MAX, "%" PRIu64 ".%" PRIu64 " s", ms / 1000, ms % 1000 / 100);
    } else {
        (void)snprintf(out, SPAN_MAX, "%" PRIu64 " s", ms / 1000);
    }
    return out;
}

void words_held(char out[WORDS_MAX], enum words_why why, enum words_whom whom, uint64_t node, uint64_t ms)
{
    static const struct {
        const char *what;
        const char *writer;
        const char *reader;
        const char *behind;
    } said[] = {
        [WORDS_UNHEARD] = {"leads but has heard from no majority for", "; writes are refused until it has",
                           ": what it knows may be old; ask again", ""},
        [WORDS_UNHAD] = {"leads but a majority has lacked what was written for", "; writes are refused until it has it",
                         ", and this would show some of it; ask again", ""},
        [WORDS_CUT_OFF] = {"has heard from no leader for", "; writes are refused until it has",
                           ": what it knows may be old (max_read_lag_ms)", ""},
        [WORDS_UNTOLD] = {"has not been told for", " that a majority has what it has: writes are refused",
                          " that a majority has what this would show; ask again", " that a majority has it"},
    };
    char who[SPAN_MAX] = "this node";
    char lasted[SPAN_MAX];
    const char *const tails[] = {said[why].writer, ": the command may have been carried out", said[why].reader};
    if (why == WORDS_CUT_OFF || why == WORDS_UNTOLD) {
        (void)snprintf(who, sizeof who, "node %" PRIu64, node);
    }
    (void)snprintf(out, WORDS_MAX, "%s %s %s %s%s%s", whom == WORDS_WROTE ? "UNCERTAIN" : "CLUSTERDOWN", who,
                   said[why].what, span(lasted, ms), whom == WORDS_WROTE ? said[why].behind : "", tails[whom]);
}

void words_lost(char out[WORDS_MAX], uint64_t leader)
{
    (void)snprintf(out, WORDS_MAX,
                   "UNCERTAIN the leader (node %" PRIu64
                   ") was lost before it answered: the command may have been carried out",
                   leader);
}

void words_lost_read(char out[WORDS_MAX], uint64_t leader)
{
    (void)snprintf(out, WORDS_MAX, "CLUSTERDOWN the leader (node %" PRIu64 ") was lost before it answered: ask again",
                   leader);
}

void words_no_leader(char out[WORDS_MAX], uint64_t leader)
{
    if (leader != 0) {
        (void)snprintf(out, WORDS_MAX, "CLUSTERDOWN there is no leader: node %" PRIu64 " led last, and does not answer",
                       leader);
    } else {
        (void)snprintf(out, WORDS_MAX, "CLUSTERDOWN there is no leader: this node knows of none yet");
    }
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
