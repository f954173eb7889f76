/* SPDX-License-Identifier: MIT */

/* crc32c.h - CRC-32C (Castagnoli, reflected 0x82f63b78, as in iSCSI and ext4): finds every error burst up to 32 bits,
 * and so every flipped bit. In hardware where the processor has it. [any thread] */
#ifndef GEOMYS_BASE_CRC32C_H
#define GEOMYS_BASE_CRC32C_H

#include "base/bytes.h"

/* The checksum of `bytes`; of "123456789" it is 0xe3069283. O(n), 8 bytes in about three cycles. */
uint32_t crc32c(struct gm_bytes bytes);

/* The checksum of what gave `crc`, followed by `bytes`; crc 0 begins. */
uint32_t crc32c_more(uint32_t crc, struct gm_bytes bytes);

/* The same by tables: for processors without the instruction, and for the test that compares the two. */
uint32_t crc32c_table(uint32_t crc, struct gm_bytes bytes);

#endif
