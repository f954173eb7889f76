/* SPDX-License-Identifier: MIT */

/* Its function gives no descriptor. */
#include "parts.h"

ENTRY(NULL)
