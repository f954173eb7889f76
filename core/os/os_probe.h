/* SPDX-License-Identifier: MIT */

/* os_probe.h - who listens there? For a sentence about a port that was mistaken for another; nothing is decided by
 * it. */
#ifndef GEOMYS_OS_OS_PROBE_H
#define GEOMYS_OS_OS_PROBE_H

#include <stdbool.h>
#include <stdint.h>

/* Whether something that speaks RESP answers at `place` ("127.0.0.1:5000", "[::1]:5000", "localhost:5000"; of other
 * names it is not asked: false). `node_port` becomes the internal_port that it tells of, 0: none. Blocks for
 * `patience_ms` at most. */
bool os_probe_clients(const char *place, int patience_ms, uint16_t *node_port);

#endif
