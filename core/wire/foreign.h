/* SPDX-License-Identifier: MIT */

/* foreign.h - what else a client may believe that it has reached: the beginnings of other protocols.
 *
 * Why      A line of words is a command, and the protocols that begin with a line of words are many. A web page can
 *          have a browser post lines of its choice to a port of the machine that the browser runs on: the head of the
 *          request would be refused line by line, and then its body be carried out.
 *
 * Idea     A browser chooses how its request begins: with a request line that ends in "HTTP/1.x", behind which comes
 *          "Host:". So a line that says so ends the connection before what follows is looked at, and so does a first
 *          byte that no person types. Only what is not an array is looked at: those who speak RESP pay nothing.
 *
 * Promises
 *   I1  Nothing behind such a line is ever taken for a command.
 */
#ifndef GEOMYS_WIRE_FOREIGN_H
#define GEOMYS_WIRE_FOREIGN_H

#include "base/bytes.h"

/* What the line, or the bytes that are there before its end has come, say that they are: the text of the refusal,
 * static. NULL: perhaps a command. `whole` tells that it is a line, without its end. [any thread] O(size). */
const char *foreign_refusal(struct gm_bytes line, bool whole);

/* What a refusal of that kind names, "HTTP"; NULL: the text is not one. Static. [any thread] */
const char *foreign_name(const char *refusal);

#endif
