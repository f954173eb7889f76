/* SPDX-License-Identifier: MIT */

/* tool.h - what the parts of geomys-log have in common. */
#ifndef GEOMYS_TOOLS_GEOMYS_LOG_TOOL_H
#define GEOMYS_TOOLS_GEOMYS_LOG_TOOL_H

#include "geomys_log/file.h"
#include "geomys_log/line.h"
#include "log/epochs.h"

enum outcome {
    WHOLE = 0,
    DAMAGED = 1,
    TROUBLE = 2, /* wrong usage, or a file that cannot be read or written */
    TORN = 3,    /* whole, but for a tail that the server would cut */
};

struct options {
    const char *command;
    const char **paths;
    size_t path_count;
    const char *modules;
    const char *to;
    uint64_t at;
    bool has_at;
    bool secrets;
};

/* The commands. What they find is on stdout, what keeps them from looking on stderr. */
enum outcome print_files(const struct options *options);
enum outcome verify_path(const char *path);
enum outcome cut_path(const struct options *options);

/* Their parts. */
enum outcome print_mark(const struct file *file);
enum outcome print_snapshot(const struct file *file, struct types *types);
/* A good one's table of epochs is in `epochs` then. */
enum outcome verify_snapshot(const char *path, struct epochs *epochs);
enum outcome verify_folder(const char *path);

#endif
