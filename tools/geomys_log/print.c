/* SPDX-License-Identifier: MIT */

/* print.c - the records of files, a line each. What cannot be read is said and passed over. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "geomys_log/say.h"
#include "geomys_log/tool.h"
#include "geomys_log/walk.h"
#include "log/mark.h"

enum outcome print_mark(const struct file *file)
{
    struct complaint complaint;
    struct mark mark;
    if (mark_parse(file->bytes, &mark, &complaint) != STATUS_OK) {
        say(stderr, "geomys-log: %s: %s\n", file->path, complaint.text);
        return DAMAGED;
    }
    say(stdout,
        "mark %" PRIu64 ": all up to %" PRIu64 " was on stable storage; the log reaches back to %" PRIu64
        "; the newest segment begins with %" PRIu64 "\n",
        mark.counter, mark.durable, mark.oldest, mark.segment);
    return WHOLE;
}

static enum outcome print_file(const struct file *file, struct types *types)
{
    struct walk walk;
    struct segment_header header;
    struct complaint why;
    bool has_header;
    bool open = false;
    enum outcome outcome = WHOLE;
    if (file_begins_with(file, FILE_MARK_MAGIC)) {
        return print_mark(file);
    }
    memset(types->declared, 0, sizeof types->declared);
    if (file_is_snapshot(file)) {
        return print_snapshot(file, types);
    }
    if (!walk_begin(&walk, file, &header, &has_header, &why)) {
        say(stderr, "geomys-log: %s: %s\n", file->path, why.text);
        outcome = DAMAGED;
    } else if (has_header) {
        say(stdout, "# %s: segment from %" PRIu64 " on, epoch %" PRIu64 "\n", file->path, header.first_sequence,
            header.epoch);
    } else {
        say(stdout, "# %s: no segment header\n", file->path);
    }
    for (enum step step = walk_next(&walk); step != STEP_END; step = walk_next(&walk)) {
        if (step == STEP_RECORD) {
            line_print(types, &walk.record, &open);
            continue;
        }
        size_t next = walk_find(&walk);
        say(stdout, "# bytes %zu to %zu cannot be read: %s\n", walk.offset, next, walk.why.text);
        outcome = DAMAGED;
        walk.size = next - walk.offset;
    }
    return outcome;
}

enum outcome print_files(const struct options *options)
{
    struct types *types = memory_zeroed(sizeof *types);
    enum outcome outcome = WHOLE;
    types->tells_secrets = options->secrets;
    if (options->modules != NULL && !line_modules(types, options->modules)) {
        outcome = TROUBLE;
    }
    for (size_t i = 0; i < options->path_count && outcome != TROUBLE; i++) {
        struct file file;
        if (!file_map(&file, options->paths[i])) {
            outcome = TROUBLE;
            break;
        }
        enum outcome one = print_file(&file, types);
        outcome = one > outcome ? one : outcome;
        file_unmap(&file);
    }
    memory_free(types->list);
    memory_free(types);
    return outcome;
}
