/* SPDX-License-Identifier: MIT */

/* talk.h - commands to nodes of a trio and their answers as text (support/resp_text), while time passes at all nodes:
 * what a follower sends on to the leader comes back. An answer that does not come, or is another than it should be,
 * ends the test. */
#ifndef GEOMYS_TESTS_NODE_TALK_H
#define GEOMYS_TESTS_NODE_TALK_H

#include "trio.h"

/* As trio_begin, and all serve. */
struct trio *talk_begin(uint64_t seed);

/* Whoever runs is stopped as it is: its client may wait for what never comes. */
void talk_finish(struct trio *trio);

/* The next answer that is there already, or NULL; until the next call. */
const char *talk_take(struct trio *trio, unsigned i);

/* The next answer, or NULL: none comes within so many turns. */
const char *talk_hear_within(struct trio *trio, unsigned i, unsigned patience);
const char *talk_hear(struct trio *trio, unsigned i);
const char *talk_say(struct trio *trio, unsigned i, const char *line);

void talk_expect(struct trio *trio, unsigned i, const char *line, const char *answer);
void talk_begins(struct trio *trio, unsigned i, const char *line, const char *answer);
void talk_next(struct trio *trio, unsigned i, const char *answer);
void talk_next_begins(struct trio *trio, unsigned i, const char *answer);

/* Each of these answers, in this order: TALK_ANSWERS(trio, 1, "OK", "QUEUED", "[:1]"). */
#define TALK_ANSWERS(trio, i, ...) talk_answers(trio, i, (const char *const[]){__VA_ARGS__, NULL})
void talk_answers(struct trio *trio, unsigned i, const char *const *answers);

#endif
