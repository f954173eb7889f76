/* SPDX-License-Identifier: MIT */

/* stand.c - a vote and an acknowledgement meet, on two threads, as often as a second allows: whichever comes first, no
 * position that was acknowledged to the old leader is above the one that the vote was compared with.
 *
 *     plain_stand [seed]       the seed is printed if it is not given
 *
 * Exit code 0 if all is as promised; under ThreadSanitizer it shows that nothing is shared but under the lock. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/prng.h"
#include "os/os_lock.h"
#include "replica/stand.h"

#define ROUNDS 20000

struct shared {
    struct stand stand;
    struct os_lock lock;
    pthread_barrier_t begins, ends;
    atomic_uint_fast64_t acknowledged; /* the highest that the worker said to the leader of the old epoch */
    uint64_t seed;
};

/* So that the two meet on one core, too. */
static void step_aside(struct prng *prng)
{
    if (prng_below(prng, 3) == 0) {
        (void)sched_yield();
    }
}

/* The worker: syncs end, one after the other, and each is acknowledged if it may be. */
static void *work(void *context)
{
    struct shared *shared = context;
    struct prng prng;
    uint64_t sequence = 0;
    prng_seed(&prng, shared->seed);
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        (void)pthread_barrier_wait(&shared->begins);
        for (uint64_t i = 1 + prng_below(&prng, 20); i > 0; i--) {
            struct stand_position position = {round, ++sequence};
            step_aside(&prng);
            if (stand_publish(&shared->stand, position, round)) { /* stand P1 */
                step_aside(&prng);
                atomic_store(&shared->acknowledged, sequence);
            }
        }
        (void)pthread_barrier_wait(&shared->ends);
    }
    return NULL;
}

/* The cluster loop: says yes to the leader of the next epoch, at the position that it reads, until it is taken. */
static uint64_t vote(struct shared *shared, uint64_t epoch)
{
    struct stand_promise promise = {epoch, 1 + epoch % 3, 1};
    struct stand_promise before;
    for (;;) {
        struct stand_promise now;
        struct stand_position position, owes;
        stand_read(&shared->stand, &now, &position, &owes);
        if (stand_raise(&shared->stand, &promise, position, false, &before) == STAND_YES) {
            return position.sequence;
        }
    }
}

int main(int argc, char **argv)
{
    static struct shared shared;
    pthread_t worker;
    unsigned between = 0;
    struct stand_promise first = {1, 1, 1};
    struct stand_promise before;
    shared.seed = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)time(NULL);
    (void)printf("seed %llu\n", (unsigned long long)shared.seed);
    (void)fflush(stdout);
    os_lock_init(&shared.lock);
    stand_init(&shared.stand, &shared.lock.base);
    check(stand_publish(&shared.stand, (struct stand_position){0, 0}, 0));
    (void)stand_raise(&shared.stand, &first, (struct stand_position){0, 0}, false, &before);
    if (pthread_barrier_init(&shared.begins, NULL, 2) != 0 || pthread_barrier_init(&shared.ends, NULL, 2) != 0 ||
        pthread_create(&worker, NULL, work, &shared) != 0) {
        (void)fputs("stand: no thread\n", stderr);
        return 1;
    }
    uint64_t last = 0;
    struct prng prng;
    prng_seed(&prng, shared.seed + 1);
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        (void)pthread_barrier_wait(&shared.begins);
        for (uint64_t i = prng_below(&prng, 20); i > 0; i--) {
            step_aside(&prng);
        }
        uint64_t at = vote(&shared, round + 1);
        (void)pthread_barrier_wait(&shared.ends);
        uint64_t acknowledged = atomic_load(&shared.acknowledged);
        if (acknowledged > at) {
            (void)fprintf(stderr, "stand: %llu was acknowledged behind a yes at %llu\n",
                          (unsigned long long)acknowledged, (unsigned long long)at);
            return 1;
        }
        between += at > last && at != shared.stand.position.sequence;
        last = shared.stand.position.sequence;
    }
    (void)pthread_join(worker, NULL);
    os_lock_finish(&shared.lock);
    (void)printf("%u of %u votes came between two syncs\n", between, (unsigned)ROUNDS);
    if (between < ROUNDS / 1000) { /* else nothing was shown */
        (void)fputs("stand: votes and syncs have hardly ever met\n", stderr);
        return 1;
    }
    return 0;
}
