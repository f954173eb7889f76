/* SPDX-License-Identifier: MIT */

/* file.h - a whole file, mapped. What is wrong is told on stderr. */
#ifndef GEOMYS_TOOLS_GEOMYS_LOG_FILE_H
#define GEOMYS_TOOLS_GEOMYS_LOG_FILE_H

#include "base/bytes.h"

#define FILE_MARK_MAGIC "geomysmk"

struct file {
    const char *path;
    struct gm_bytes bytes;
};

bool file_map(struct file *file, const char *path);
void file_unmap(struct file *file);

/* Whether its first 8 bytes are these. */
bool file_begins_with(const struct file *file, const char *magic);

/* By its first bytes, or, if they are gone, by its name. */
bool file_is_snapshot(const struct file *file);

bool file_is_folder(const char *path);

#endif
