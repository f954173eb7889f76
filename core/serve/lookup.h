/* SPDX-License-Identifier: MIT */

/* lookup.h - where the keys of a call are, and what they are to its command. */
#ifndef GEOMYS_SERVE_LOOKUP_H
#define GEOMYS_SERVE_LOOKUP_H

#include "serve/call.h"

/* Looks up all keys that the request names. NULL: the command may have them; else the error. A call whose time is over
 * finds what it may not have absent. */
must_use const char *lookup_keys(struct call *call);

/* While the log is stuck (gate.h): why what the keys show may not be shown yet; NULL: it may. */
const char *lookup_waits(const struct call *call);

/* One more key, to read, beside those of the request (gm_key_add): its number, or GM_KEY_NONE, and the call has its
 * error. `name` stays where it is until the call ends. Not while it answers. */
uint32_t lookup_added(struct call *call, struct gm_bytes name);

#endif
