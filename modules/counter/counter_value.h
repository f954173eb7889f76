/* SPDX-License-Identifier: MIT */

/* counter_value.h - which texts a counter may hold. The text of a long double is made once, in plan, and travels as
 * text: what a long double is differs from machine to machine. */
#ifndef GEOMYS_COUNTER_VALUE_H
#define GEOMYS_COUNTER_VALUE_H

#include "geomys/bytes.h"

#define COUNTER_FRACTIONS 17 /* digits after the point, at most */

/* Whether a text could have come from gm_format_long_double and is not a 64-bit integer's. */
bool counter_float_canonical(struct gm_bytes text);

#endif
