/* SPDX-License-Identifier: MIT */

/* slot.h - which of the 16384 slots a key belongs to: CRC-16 (XMODEM) of the key, or of what stands between the first {
 * and the next } if that is not empty (a hash tag), as cluster clients expect. [any thread] O(key). */
#ifndef GEOMYS_STORE_SLOT_H
#define GEOMYS_STORE_SLOT_H

#include "base/bytes.h"

#define SLOT_COUNT 16384

uint16_t slot_of(struct gm_bytes key);

#endif
