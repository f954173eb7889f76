/* SPDX-License-Identifier: MIT */

/* catalog_docs.h - usage lines written from the argument trees of COMMAND DOCS, for servers without usage lines. */
#ifndef GEOMYS_CLI_CATALOG_DOCS_H
#define GEOMYS_CLI_CATALOG_DOCS_H

#include "base/buf.h"
#include "cli/talk/answer.h"

/* Appends " key value [NX|XX] ..." for an array of arguments. `arguments` may be NULL: there are none. What makes no
 * sense is left out; `out` may become full. O(size of the tree). */
void catalog_docs_usage(struct buf *out, const struct answer *arguments);

#endif
