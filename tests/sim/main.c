/* SPDX-License-Identifier: MIT */

/* main.c - the simulator as a program: whole nodes under virtual time, one seed after another.
 *
 * Use      sim [--seed N] [--runs N] [--machines N] [--writers N] [--seconds N] [--lie]
 *          The seed is printed first; each further run takes the next one. The first run that shows what must not be is
 *          named with its seed, and the exit code is 1. --cluster: the machines are one cluster (realm.h), with
 *          `quorum` or --local, and with --lies a coordinator that lies (liar.h); --lines: what
 *          the nodes say is written to stderr. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lives.h"
#include "realm.h"
#include "support/seed.h"

static uint64_t number_of(int count, char **words, const char *name, uint64_t usual)
{
    for (int i = 1; i + 1 < count; i++) {
        if (strcmp(words[i], name) == 0) {
            return strtoull(words[i + 1], NULL, 0);
        }
    }
    return usual;
}

static bool has(int count, char **words, const char *name)
{
    for (int i = 1; i < count; i++) {
        if (strcmp(words[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static int run_cluster(int count, char **words, uint64_t seed, uint64_t runs)
{
    struct realm_options options = {.machines = (unsigned)number_of(count, words, "--machines", 3),
                                    .clients = (unsigned)number_of(count, words, "--writers", 4),
                                    .duration_us = (int64_t)number_of(count, words, "--seconds", 60) * 1000000,
                                    .quorum = !has(count, words, "--local"),
                                    .lies = has(count, words, "--lies"),
                                    .lines = has(count, words, "--lines") ? stderr : NULL};
    struct realm_result sum = {.trace = 0};
    if (options.machines < 1 || options.machines > REALM_MACHINES || options.clients > REALM_CLIENTS) {
        (void)fprintf(stderr, "sim: with --cluster --machines is 1 to %d, --writers at most %d\n", REALM_MACHINES,
                      REALM_CLIENTS);
        return 2;
    }
    for (uint64_t i = 0; i < runs; i++) {
        struct realm_result result;
        options.seed = seed + i;
        realm_run(&options, &result);
        if (result.wrong[0] != '\0') {
            printf("sim: seed %" PRIu64 ": %s\n", options.seed, result.wrong);
            return 1;
        }
        sum.steps += result.steps;
        sum.acked += result.acked;
        sum.deaths += result.deaths;
        sum.epochs += result.epochs;
    }
    printf("sim: nothing wrong: %" PRIu64 " steps, %" PRIu64 " writes acknowledged, %" PRIu64 " starts, %" PRIu64
           " epochs\n",
           sum.steps, sum.acked, sum.deaths, sum.epochs);
    return 0;
}

int main(int count, char **words)
{
    uint64_t seed = number_of(count, words, "--seed", 0);
    struct lives_options options = {.machines = (unsigned)number_of(count, words, "--machines", 3),
                                    .writers = (unsigned)number_of(count, words, "--writers", 4),
                                    .duration_us = (int64_t)number_of(count, words, "--seconds", 5) * 1000000,
                                    .lie = has(count, words, "--lie")};
    struct lives_result sum = {0};
    uint64_t runs = number_of(count, words, "--runs", 100);
    if (options.machines < 1 || options.machines > 8 || options.writers < 1 || options.writers > 8) {
        (void)fprintf(stderr, "sim: --machines and --writers are 1 to 8\n");
        return 2;
    }
    seed = seed != 0 ? seed : seed_of_run();
    printf("sim: %" PRIu64 " runs from seed %" PRIu64 "\n", runs, seed);
    (void)fflush(stdout);
    if (has(count, words, "--cluster")) {
        return run_cluster(count, words, seed, runs);
    }
    for (uint64_t i = 0; i < runs; i++) {
        struct lives_result result;
        options.seed = seed + i;
        lives_run(&options, &result);
        if (result.wrong[0] != '\0') {
            printf("sim: seed %" PRIu64 ": %s\n", options.seed, result.wrong);
            return 1;
        }
        sum.steps += result.steps;
        sum.acked += result.acked;
        sum.deaths += result.deaths;
        sum.blackouts += result.blackouts;
    }
    printf("sim: nothing wrong: %" PRIu64 " steps, %" PRIu64 " operations acknowledged, %" PRIu64 " starts, %" PRIu64
           " blackouts\n",
           sum.steps, sum.acked, sum.deaths, sum.blackouts);
    return 0;
}
