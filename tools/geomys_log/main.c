/* SPDX-License-Identifier: MIT */

/* main.c - geomys-log: looking at the files of a log, telling whether they are whole, and cutting a copy of them.
 *
 * Idea     A file is mapped and walked record by record; every record is checked as the server checks it. For a whole
 *          folder the server's own recovery is run without repair, so that the verdict is the server's.
 *
 *            print.c, print_snapshot.c    a line per record (line.c), what cannot be read passed over
 *            verify.c, verify_folder.c    the verdict
 *            cut.c                        copies
 *
 * Promises
 *   P1  No file that exists is ever changed. What is written is new: COPY must not exist.
 *   P2  A folder may be looked at while a server runs in it; its last group may then seem torn, and what the
 *       server removes meanwhile may seem lost.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "geomys_log/tool.h"

static const char usage_text[] =
    "Looks at the files of a Geomys log. Never changes one.\n"
    "\n"
    "  geomys-log print FILE... [--modules DIR] [--secret]\n"
    "      One line per record: sequence, time, place in its batch ( | ) or - alone, type, operation, key, and what "
    "it\n"
    "      does, as the module says (modules are the *.so files in DIR), else the first bytes of its body.\n"
    "      The data set's secret is shown with --secret only: who knows it can make keys that collide.\n"
    "      FILE is a segment (wal-*.log), a torn tail kept aside (torn-*.log), the mark file (wal.mark) or a snapshot\n"
    "      (snapshot-*.snap).\n"
    "\n"
    "  geomys-log verify FILE|FOLDER\n"
    "      Says how far the records are good, where the first damage is, and whether it looks like an interrupted "
    "write\n"
    "      (which the server cuts by itself) or like damage (which it refuses). Only a FOLDER shows what is missing:\n"
    "      each snapshot is read, then the log from where the server would begin with it.\n"
    "\n"
    "  geomys-log cut FILE --at SEQUENCE --to COPY\n"
    "  geomys-log cut FOLDER --at SEQUENCE --to NEW-FOLDER\n"
    "      Copies the records up to and including SEQUENCE, which must end a batch. A NEW-FOLDER is complete: a "
    "server\n"
    "      can start from it.\n"
    "\n"
    "Exit code: 0 whole, 1 damaged, 2 wrong usage or a file that cannot be read, 3 whole but for a torn tail.\n";

static const char *value_of(int argc, char **argv, int *at, const char *name)
{
    if (strcmp(argv[*at], name) != 0 || *at + 1 >= argc) {
        return NULL;
    }
    return argv[++*at];
}

static bool parse_options(struct options *options, int argc, char **argv)
{
    options->command = argv[1];
    options->paths = memory_alloc((size_t)argc * sizeof *options->paths);
    for (int i = 2; i < argc; i++) {
        const char *value;
        int64_t number;
        if ((value = value_of(argc, argv, &i, "--modules")) != NULL) {
            options->modules = value;
        } else if ((value = value_of(argc, argv, &i, "--to")) != NULL) {
            options->to = value;
        } else if ((value = value_of(argc, argv, &i, "--at")) != NULL) {
            if (!bytes_to_int(gm_bytes_of(value), &number) || number < 1) {
                return false;
            }
            options->at = (uint64_t)number;
            options->has_at = true;
        } else if (strcmp(argv[i], "--secret") == 0) {
            options->secrets = true;
        } else if (argv[i][0] == '-') {
            return false;
        } else {
            options->paths[options->path_count++] = argv[i];
        }
    }
    return options->path_count > 0;
}

static enum outcome run(const struct options *options)
{
    bool one = options->path_count == 1 && options->modules == NULL && !options->secrets;
    bool cuts = options->has_at && options->to != NULL;
    bool plain = !options->has_at && options->to == NULL;
    if (strcmp(options->command, "print") == 0 && plain) {
        return print_files(options);
    }
    if (strcmp(options->command, "verify") == 0 && plain && one) {
        return verify_path(options->paths[0]);
    }
    if (strcmp(options->command, "cut") == 0 && cuts && one) {
        return cut_path(options);
    }
    (void)fputs(usage_text, stderr);
    return TROUBLE;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    bool asked =
        argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0);
    if (argc < 3 || !parse_options(&options, argc, argv)) {
        (void)fputs(usage_text, asked ? stdout : stderr);
        memory_free(options.paths);
        return asked ? WHOLE : TROUBLE;
    }
    enum outcome outcome = run(&options);
    memory_free(options.paths);
    return (int)outcome;
}
