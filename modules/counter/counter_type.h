/* SPDX-License-Identifier: MIT */

/* counter_type.h - the type "geomys.counter/1". The operations are stable for ever. */
#ifndef GEOMYS_COUNTER_TYPE_H
#define GEOMYS_COUNTER_TYPE_H

#include "geomys/module.h"

enum counter_op {
    COUNTER_ADD = 1,   /* a coded integer (counter_value.h), added to an integer; to 0 if the value is absent     */
    COUNTER_SET = 2,   /* a coded integer, the value from now on                                                  */
    COUNTER_FLOAT = 3, /* the text of a number that is not a 64-bit integer, the value from now on                */
};

extern const struct gm_type counter_type;

#endif
