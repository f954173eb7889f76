/* SPDX-License-Identifier: MIT */

/* line.h - a record as a line of text, with the words of the module that its type belongs to. */
#ifndef GEOMYS_TOOLS_GEOMYS_LOG_LINE_H
#define GEOMYS_TOOLS_GEOMYS_LOG_LINE_H

#include "geomys/module.h"
#include "log/record.h"

#define LINE_TYPES 65536

struct types {
    const struct gm_type **list;
    size_t count;
    bool tells_secrets; /* the data set's is shown */
    struct {
        uint8_t size; /* 0: not declared */
        uint8_t name[RECORD_TYPE_NAME_MAX];
    } declared[LINE_TYPES]; /* of the file at hand, by index */
};

/* Loads all modules of a folder; those that cannot be loaded are told on stderr and left out. False: no such
 * folder. */
bool line_modules(struct types *types, const char *folder_path);

/* One line on stdout. A TYPE record is remembered in `types`. *open: a batch is open, before and after. */
void line_print(struct types *types, const struct record *record, bool *open);

#endif
