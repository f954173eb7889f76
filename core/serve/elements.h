/* SPDX-License-Identifier: MIT */

/* elements.h - gm_walk and gm_emit_elements: geomys/call.h says what they promise. */
#ifndef GEOMYS_SERVE_ELEMENTS_H
#define GEOMYS_SERVE_ELEMENTS_H

#include "serve/call.h"

uint64_t elements_walk(struct gm_call *abi, uint32_t key, uint64_t cursor, gm_each_element *each, void *context);

bool elements_emit(struct gm_call *abi, uint32_t key, const char *name, const struct gm_element *elements,
                   size_t count);

#endif
