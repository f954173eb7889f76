/* SPDX-License-Identifier: MIT */

/* version.h - what this server calls itself, and which Redis it can be taken for. The build sets GEOMYS_VERSION. */
#ifndef GEOMYS_BASE_VERSION_H
#define GEOMYS_BASE_VERSION_H

#ifndef GEOMYS_VERSION
#define GEOMYS_VERSION "0.1.0"
#endif

#define GEOMYS_REDIS_VERSION "7.2.0" /* clients decide by it which commands they may use */

#endif
