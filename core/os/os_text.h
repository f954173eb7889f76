/* SPDX-License-Identifier: MIT */

/* os_text.h - a small file that the server goes by: its configuration, its password. */
#ifndef GEOMYS_OS_OS_TEXT_H
#define GEOMYS_OS_OS_TEXT_H

#include "base/buf.h"
#include "base/status.h"

/* Appends the file to `out`, which is made for `limit` bytes, 4096 more than the file may have. `what` it is, for the
 * sentence; `forbidden` as for trust (base/trust.h). NOT_FOUND; NO_FILE: not a regular one; REFUSED: others may write
 * to it; TOO_BIG; IO; each with a complaint. The caller has zeroed `out`, and finishes it in any
 * case. */
must_use enum status os_text_read(const char *path, const char *what, unsigned forbidden, size_t limit, struct buf *out,
                                  struct complaint *complaint);

#endif
