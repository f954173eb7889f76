/* SPDX-License-Identifier: MIT */

/* crowd.c - who is restrained, favoured and cut; crowd.h has the argument. */
#include "serve/crowd.h"

void crowd_init(struct crowd *crowd)
{
    *crowd = (struct crowd){.options = {.limit = CROWD_NO_LIMIT, .patience_ms = CROWD_PATIENCE_MS}};
    list_init(&crowd->restrained);
    for (size_t i = 0; i < CROWD_SIZES; i++) {
        list_init(&crowd->by_size[i]);
    }
}

void crowd_finish(const struct crowd *crowd)
{
    check(crowd->sum == 0 && crowd->leaving == 0 && crowd->promised == 0);
    check(crowd->favoured == NULL && list_empty(&crowd->restrained));
    for (size_t i = 0; i < HOLDINGS; i++) {
        check(crowd->of[i] == 0);
    }
    for (size_t i = 0; i < CROWD_SIZES; i++) {
        check(list_empty(&crowd->by_size[i]));
    }
}

/* ---- the limit ---- */

/* Without a limit never: no sum comes near it. */
static uint64_t eighths(const struct crowd *crowd, unsigned count)
{
    return crowd->options.limit / 8 * count;
}

bool crowd_must_be_tight(const struct crowd *crowd)
{
    return crowd->sum - crowd->leaving > eighths(crowd, 6);
}

void crowd_configure(struct crowd *crowd, const struct crowd_options *options)
{
    check(options->patience_ms > 0);
    crowd->options = *options;
    crowd->tight = crowd->tight || crowd_must_be_tight(crowd);
}

bool crowd_ease(struct crowd *crowd)
{
    if (!crowd->tight || crowd->sum - crowd->leaving > eighths(crowd, 5)) {
        return false;
    }
    crowd->tight = false;
    crowd->favoured = NULL;
    return true;
}

/* ---- coming and going ---- */

void crowd_join(struct crowd *crowd, struct holdings *holdings, int64_t now_ms)
{
    *holdings = (struct holdings){.crowd = crowd, .progress_ms = now_ms};
    list_init(&holdings->restrained);
    list_init(&holdings->sized);
    list_push_back(&crowd->by_size[crowd_size_of(0)], &holdings->sized);
}

static void forget(struct holdings *holdings)
{
    struct crowd *crowd = holdings->crowd;
    list_remove(&holdings->sized);
    list_remove(&holdings->restrained);
    crowd_given(holdings);
    crowd->favoured = crowd->favoured == holdings ? NULL : crowd->favoured;
}

void crowd_leave(struct holdings *holdings)
{
    check(holdings->sum == 0);
    forget(holdings);
    holdings_set(holdings, HOLDING_RECORD, 0);
    holdings->crowd = NULL;
}

void crowd_dismiss(struct holdings *holdings)
{
    if (!list_empty(&holdings->sized)) {
        forget(holdings);
        holdings->crowd->leaving += holdings->sum;
    }
}

/* ---- who goes on ---- */

/* What a favoured client's query or reply takes, while it makes progress. */
static uint64_t spared(const struct crowd *crowd, int64_t now_ms)
{
    const struct holdings *now = crowd->favoured;
    return now != NULL && crowd_progresses(now, crowd, now_ms) ? holdings_transit(now) : 0;
}

bool crowd_admit(struct holdings *holdings, size_t needs)
{
    struct crowd *crowd = holdings->crowd;
    crowd->promised -= holdings->promised;
    holdings->promised = 0;
    holdings->needs = needs;
    if (!crowd_holds_back(holdings)) {
        return true;
    }
    uint64_t spare = crowd->favoured != NULL ? holdings_transit(crowd->favoured) : 0;
    uint64_t counted = crowd->sum - crowd->leaving + crowd->promised - spare;
    if (counted > crowd->options.limit || crowd->options.limit - counted < needs) {
        return false;
    }
    holdings->promised = needs;
    crowd->promised += needs;
    return true;
}

void crowd_restrain(struct holdings *holdings)
{
    struct crowd *crowd = holdings->crowd;
    check(crowd->favoured != holdings && holdings->promised == 0);
    if (list_empty(&holdings->restrained) && !list_empty(&holdings->sized)) {
        list_push_back(&crowd->restrained, &holdings->restrained);
    }
}

void crowd_restrain_all(struct crowd *crowd, void (*on_restrained)(struct holdings *holdings))
{
    for (unsigned size = CROWD_SIZES; size-- > crowd_size_of(CROWD_SMALL);) {
        const struct list *all = &crowd->by_size[size];
        for (struct list *at = all->next; at != all; at = at->next) {
            struct holdings *one = container_of(at, struct holdings, sized);
            if (list_empty(&one->restrained) && !crowd_admit(one, one->needs)) {
                crowd_restrain(one);
                on_restrained(one);
            }
        }
    }
}

struct holdings *crowd_next_free(struct crowd *crowd)
{
    if (list_empty(&crowd->restrained)) {
        return NULL;
    }
    struct holdings *holdings = container_of(crowd->restrained.next, struct holdings, restrained);
    list_remove(&holdings->restrained);
    return holdings;
}

struct holdings *crowd_next_admitted(struct crowd *crowd)
{
    struct list *at = crowd->restrained.next;
    for (unsigned looked = 0; looked < CROWD_LOOK && at != &crowd->restrained; looked++, at = at->next) {
        struct holdings *one = container_of(at, struct holdings, restrained);
        if (crowd_admit(one, one->needs)) {
            list_remove(&one->restrained);
            return one;
        }
    }
    return NULL;
}

struct holdings *crowd_favour(struct crowd *crowd)
{
    const struct holdings *now = crowd->favoured;
    check(crowd->tight);
    if (now != NULL && (crowd->waits || holdings_transit(now) >= CROWD_SMALL)) {
        return NULL;
    }
    crowd->favoured = crowd_next_free(crowd);
    crowd->waits = crowd->favoured != NULL;
    return crowd->favoured;
}

/* ---- who is to be cut ---- */

struct holdings *crowd_stuck(const struct crowd *crowd, int64_t now_ms)
{
    if (list_empty(&crowd->restrained) && !crowd_is_full(crowd)) {
        return NULL;
    }
    for (unsigned size = CROWD_SIZES; size-- > crowd_size_of(CROWD_SMALL);) {
        const struct list *all = &crowd->by_size[size];
        for (struct list *at = all->next; at != all; at = at->next) {
            struct holdings *one = container_of(at, struct holdings, sized);
            bool waits = !list_empty(&one->restrained) || (one == crowd->favoured && crowd->waits);
            if (!one->exempt && !waits && holdings_transit(one) >= CROWD_SMALL &&
                !crowd_progresses(one, crowd, now_ms)) {
                return one;
            }
        }
    }
    return NULL;
}

/* The first of the largest that fits; `stalled`: that makes no progress. */
static struct holdings *largest(const struct crowd *crowd, size_t least, bool stalled, int64_t now_ms)
{
    struct holdings *found = NULL;
    for (unsigned size = CROWD_SIZES; size-- > crowd_size_of(least) && found == NULL;) {
        const struct list *all = &crowd->by_size[size];
        for (struct list *at = all->next; at != all && found == NULL; at = at->next) {
            struct holdings *one = container_of(at, struct holdings, sized);
            uint64_t spare = one == crowd->favoured ? spared(crowd, now_ms) : 0;
            bool idle = list_empty(&one->restrained) && !crowd_progresses(one, crowd, now_ms);
            found = !one->exempt && one->sum - spare >= least && (idle || !stalled) ? one : NULL;
        }
    }
    return found;
}

struct holdings *crowd_worst(const struct crowd *crowd, int64_t now_ms)
{
    uint64_t counted = crowd->sum - crowd->leaving - spared(crowd, now_ms);
    if (counted <= crowd->options.limit) {
        return NULL;
    }
    struct holdings *worst = largest(crowd, CROWD_SMALL, true, now_ms);
    return worst != NULL ? worst : largest(crowd, 1, false, now_ms);
}
