/* SPDX-License-Identifier: MIT */

/* span.h - where a reply ends, among replies that were written one behind the other. */
#ifndef GEOMYS_WIRE_SPAN_H
#define GEOMYS_WIRE_SPAN_H

#include "geomys/bytes.h"

/* Bytes of the first reply, RESP2 or RESP3; 0: it is not whole, or none. O(its elements). */
size_t span_reply(struct gm_bytes bytes);

#endif
