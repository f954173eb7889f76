/* SPDX-License-Identifier: MIT */

/* kv_type.h - the type geomys.string/1: a run of bytes, and the four records that change it. README.md specifies the
 * bodies. */
#ifndef GEOMYS_KV_TYPE_H
#define GEOMYS_KV_TYPE_H

#include "geomys/value.h"

enum kv_op {
    KV_OP_SET = 1,    /* the value                                                      */
    KV_OP_APPEND = 2, /* the bytes that follow the value                                */
    KV_OP_PATCH = 3,  /* u64 offset, then the bytes that stand there                    */
    KV_OP_BIT = 4,    /* u32 number of a bit, u8 what it becomes: 0 or 1                */
};

#define KV_PATCH_HEAD 8 /* bytes of a PATCH body before the bytes of the value */
#define KV_BIT_BODY   5 /* bytes */

extern const struct gm_type kv_type;

#endif
