/* SPDX-License-Identifier: MIT */

/* holdings.c - a number changes, and the sums with it; holdings.h has the argument. */
#include "serve/holdings.h"

#include "serve/crowd.h"

/* Its list is that of its power of two; one that is about to be closed is in none. */
static void sort(struct holdings *holdings, size_t sum)
{
    unsigned before = crowd_size_of(holdings->sum);
    unsigned now = crowd_size_of(sum);
    holdings->sum = sum;
    if (before != now && !list_empty(&holdings->sized)) {
        list_remove(&holdings->sized);
        list_push_back(&holdings->crowd->by_size[now], &holdings->sized);
    }
}

void holdings_add(struct holdings *holdings, enum holding holding, size_t bytes)
{
    struct crowd *crowd = holdings->crowd;
    check(holding < HOLDINGS && crowd != NULL);
    holdings->of[holding] += bytes;
    crowd->of[holding] += bytes; /* holdings I2 */
    if (holding != HOLDING_RECORD) {
        crowd->sum += bytes;
        crowd->leaving += list_empty(&holdings->sized) ? bytes : 0;
        sort(holdings, holdings->sum + bytes); /* holdings I1 */
        crowd->tight = crowd->tight || crowd_must_be_tight(crowd);
    }
}

void holdings_remove(struct holdings *holdings, enum holding holding, size_t bytes)
{
    struct crowd *crowd = holdings->crowd;
    check(holding < HOLDINGS && holdings->of[holding] >= bytes && crowd->of[holding] >= bytes);
    holdings->of[holding] -= bytes;
    crowd->of[holding] -= bytes; /* holdings I2 */
    if (holding != HOLDING_RECORD) {
        check(crowd->sum >= bytes && holdings->sum >= bytes);
        crowd->sum -= bytes;
        crowd->leaving -= list_empty(&holdings->sized) ? bytes : 0;
        sort(holdings, holdings->sum - bytes); /* holdings I1 */
    }
}
