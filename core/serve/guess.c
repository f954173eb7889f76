/* SPDX-License-Identifier: MIT */

/* guess.c - how often, and who; guess.h has the argument. */
#include "serve/guess.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

#define WRONG_MAX 10 /* more make nobody wait longer */

_Static_assert(1 << WRONG_MAX >= GUESS_DELAY_MAX_MS, "the wait grows to its maximum");

static uint32_t wrong_now(const struct guess_record *record, int64_t now_ms)
{
    int64_t fewer = (now_ms - record->since_ms) / GUESS_DECAY_MS;
    return fewer < record->wrong ? record->wrong - (uint32_t)fewer : 0;
}

static void note(struct guess_record *record, int64_t now_ms)
{
    uint32_t wrong = wrong_now(record, now_ms) + 1;
    *record = (struct guess_record){.since_ms = now_ms, .wrong = wrong < WRONG_MAX ? wrong : WRONG_MAX};
}

/* "127.0.0.1" of "127.0.0.1:4711", "[2001:db8:1:2" of "[2001:db8:1:2::5]:4711", a path as it is. */
static struct gm_bytes place_name(const char *address)
{
    const char *end = strrchr(address, ':');
    if (address[0] != '[' || end == NULL) {
        return (struct gm_bytes){(const uint8_t *)address, end != NULL ? (size_t)(end - address) : strlen(address)};
    }
    size_t size = 1;
    for (unsigned groups = 0; address[size] != ']' && address[size] != '\0'; size++) {
        groups += address[size] == ':';
        if (address[size] == ':' && (groups == 4 || address[size + 1] == ':')) {
            break;
        }
    }
    return (struct gm_bytes){(const uint8_t *)address, size};
}

static uint64_t who_is(const struct guesses *guesses, const char *address)
{
    uint64_t hash = siphash(&guesses->hash_key, place_name(address));
    return hash != 0 ? hash : 1;
}

void guess_wrong(struct guesses *guesses, struct guess_record *own, const char *address, int64_t now_ms)
{
    uint64_t who = who_is(guesses, address);
    struct guess_place *place = &guesses->places[who % GUESS_PLACES];
    if (place->who != who) {
        *place = (struct guess_place){.who = who};
    }
    note(&place->record, now_ms);
    note(own, now_ms);
    guesses->wrong++;
    (void)snprintf(guesses->last, sizeof guesses->last, "%s", address);
}

int64_t guess_delay_ms(const struct guesses *guesses, const struct guess_record *own, const char *address,
                       int64_t now_ms)
{
    if (guesses->wrong == 0) {
        return 0;
    }
    uint64_t who = who_is(guesses, address);
    const struct guess_place *place = &guesses->places[who % GUESS_PLACES];
    uint32_t here = place->who == who ? wrong_now(&place->record, now_ms) : 0;
    uint32_t its = wrong_now(own, now_ms);
    uint32_t wrong = its > here ? its : here;
    check(wrong <= WRONG_MAX);
    int64_t ms = wrong > 0 ? (int64_t)1 << wrong : 0;
    return ms < GUESS_DELAY_MAX_MS ? ms : GUESS_DELAY_MAX_MS;
}
