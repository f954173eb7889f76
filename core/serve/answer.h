/* SPDX-License-Identifier: MIT */

/* answer.h - replies that are made of what apply has found.
 *
 * Why      A reply is made in plan, which changes nothing, and mostly plan knows it. How many of a thousand members
 *          were new, plan knows only if it looks each of them up, as apply will once more; and who must build what
 *          apply builds to know what it will look like does the work twice.
 *
 * Idea     apply leaves a number for each record (gm_outcome); plan leaves no reply; after the commit the command's
 *          `answer` makes one, of these numbers and its arguments alone. Recovery and followers apply the same records
 *          and ask for nothing, so nothing depends on the numbers but the words to one client
 *          (docs/decisions/0039).
 *
 *              plan          room for answer_max bytes      commit          answer
 *              emits         or a refusal: no change        outcomes        replies
 *
 * Promises
 *   P1  There is room for all that the command may answer before anything changes.
 *   P2  What an answer does that it may not (an error, more bytes, nothing, emissions, waiting) is an error that names
 *       module and command and says that the change stands.
 *   P3  An answer sees no key and no value: those that plan saw may be gone.
 */
#ifndef GEOMYS_SERVE_ANSWER_H
#define GEOMYS_SERVE_ANSWER_H

#include "serve/call.h"

/* Whether plan has left the reply to the command's answer. */
bool answer_is_due(const struct call *call);

/* Commits the call and has it answered. False: there is no room for the answer, and nothing has changed. */
bool answer(struct call *call);

#endif
