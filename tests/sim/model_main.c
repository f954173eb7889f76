/* SPDX-License-Identifier: MIT */

/* model_main.c - the protocol's model as a program.
 *
 * Use      model [--seed N] [--runs N] [--nodes 3|5|2] [--lies 0|1|2] [--story N] [--off RULE] [--trace] [--all]
 *          Run N is seed + N. Stops at the first violation, exit code 1; with --all it counts them. Without --off: the
 *          protocol as it is written. */
#include <stdio.h>
#include <stdlib.h>

#include "model/model.h"

static int usage(void)
{
    (void)fprintf(stderr,
                  "model [--seed N] [--runs N] [--nodes 3|5|2] [--lies 0|1|2] [--story N] [--off RULE] [--trace] "
                  "[--all]\nrules:");
    for (enum model_rule rule = 0; rule < RULES; rule++) {
        (void)fprintf(stderr, " %s", model_rule_name(rule));
    }
    (void)fprintf(stderr, "\n");
    return 2;
}

struct wish {
    uint64_t seed, runs;
    bool all;
};

/* How many words it took; 0: it is none. */
static int take_word(struct model *the, struct wish *wish, const char *word, const char *value)
{
    if (strcmp(word, "--trace") == 0) {
        the->tracing = true;
        return 1;
    }
    if (strcmp(word, "--all") == 0) {
        wish->all = true;
        return 1;
    }
    if (value == NULL) {
        return 0;
    }
    if (strcmp(word, "--off") == 0) {
        enum model_rule rule = model_rule_find(value);
        if (rule == RULES) {
            return 0;
        }
        the->on[rule] = 0;
        return 2;
    }
    uint64_t number = strtoull(value, NULL, 10);
    if (strcmp(word, "--seed") == 0) {
        wish->seed = number;
    } else if (strcmp(word, "--runs") == 0) {
        wish->runs = number;
    } else if (strcmp(word, "--nodes") == 0 && (number == 2 || number == 3 || number == 5)) {
        the->mode = (int)number;
    } else if (strcmp(word, "--lies") == 0 && number <= 2) {
        the->lies = (int)number;
    } else if (strcmp(word, "--story") == 0 && number <= 12) {
        the->story = (int)number;
    } else {
        return 0;
    }
    return 2;
}

int main(int count, char **words)
{
    struct model *the = model_create();
    struct wish wish = {.seed = 1, .runs = 1000};
    uint64_t violations = 0;
    for (int i = 1, took; i < count; i += took) {
        took = take_word(the, &wish, words[i], i + 1 < count ? words[i + 1] : NULL);
        if (took == 0) {
            model_destroy(the);
            return usage();
        }
    }
    printf("model: %llu runs from seed %llu\n", (unsigned long long)wish.runs, (unsigned long long)wish.seed);
    for (uint64_t i = 0; i < wish.runs && (violations == 0 || wish.all); i++) {
        if (model_run(the, wish.seed + i)) {
            violations++;
            printf("model: run %llu, seed %llu: %s\n", (unsigned long long)(i + 1), (unsigned long long)(wish.seed + i),
                   the->violation);
        }
    }
    const struct model_counts *counts = &the->counts;
    printf("model: %llu runs, %llu steps, %llu violations; %ld leads, %ld acknowledgements, %ld reads, %ld rewinds, "
           "%ld full syncs, %ld sets, %ld replaced\n",
           (unsigned long long)the->runs_done, (unsigned long long)the->steps, (unsigned long long)violations,
           counts->leads, counts->acks, counts->reads, counts->rewinds, counts->full_syncs, counts->sets,
           counts->replaced);
    model_destroy(the);
    return violations != 0;
}
