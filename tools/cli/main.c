/* SPDX-License-Identifier: MIT */

/* main.c - geomys-cli: options, then a person, a command or a script.
 *
 * Idea     Rooms, each of which sees those below it:
 *
 *            interactive/   a person at a terminal: the loop, hints and completions
 *            tools/         without a person: one command, a script, --stat, --latency, --watch, --keys, --load
 *            options/       the command line, saved connections
 *            edit/          the line editor; sees text/ alone
 *            show/          replies, written for their readers
 *            talk/          the connection, replies, what the server says about its commands
 *            terminal/      its modes, its size, what is drawn over
 *            text/          characters, words, scripts
 */
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "cli/interactive/interactive.h"
#include "cli/options/options_read.h"
#include "cli/options/options_table.h"
#include "cli/terminal/askpass.h"
#include "cli/tools/batch.h"
#include "cli/tools/largest.h"
#include "cli/tools/latency.h"
#include "cli/tools/load.h"
#include "cli/tools/stat.h"
#include "cli/tools/watch.h"

#ifndef GEOMYS_VERSION
#define GEOMYS_VERSION "0.1.0"
#endif

#define PASSWORD_MAX 1024 /* bytes */

static void settle_protocol(struct options *options, bool interactive)
{
    bool rich = interactive || (options->format != OUTPUT_RAW && options->format != OUTPUT_CSV);
    if (options->wish.protocol == 0) {
        options->wish.protocol = rich ? 3 : 2;
    }
}

static int run_tool(struct options *options, int argc, char **argv)
{
    bool utf8 = terminal_utf8();
    if (!options->format_given) {
        options->format = isatty(STDOUT_FILENO) ? OUTPUT_HUMAN : OUTPUT_RAW;
    }
    settle_protocol(options, true);
    switch (options->tool) {
    case TOOL_STAT:
        return stat_run(options, utf8);
    case TOOL_LATENCY:
        return latency_run(options, utf8);
    case TOOL_WATCH:
        return watch_run(options, argv + options->first, argc - options->first, utf8);
    case TOOL_KEYS:
        return largest_run(options, utf8);
    case TOOL_LOAD:
        return load_run(options, utf8);
    default:
        return EXIT_USAGE;
    }
}

/* What has columns, and is looked at rather than read by a program, unless somebody has said otherwise. */
static bool is_table(int argc, char **argv)
{
    return argc == 2 && strcasecmp(argv[0], "cluster") == 0 && strcasecmp(argv[1], "status") == 0;
}

static int run(struct options *options, int argc, char **argv)
{
    bool command = options->first < argc;
    if (options->tool != TOOL_COMMANDS) {
        return run_tool(options, argc, argv);
    }
    bool utf8 = terminal_utf8();
    struct terminal terminal;
    bool interactive = !command && !options->stdin_argument && terminal_init(&terminal) == STATUS_OK;
    if (!options->format_given) {
        options->format = isatty(STDOUT_FILENO) ? OUTPUT_HUMAN : OUTPUT_RAW;
        if (command && is_table(argc - options->first, argv + options->first)) {
            options->format = OUTPUT_TABLE;
        }
    }
    settle_protocol(options, interactive);
    if (interactive) {
        int code = interactive_run(options, &terminal, utf8);
        terminal_finish(&terminal);
        return code;
    }
    if (!command && options->stdin_argument) {
        fputs("-x needs a command\n", stderr);
        return EXIT_USAGE;
    }
    return command ? (int)batch_command(options, argv + options->first, argc - options->first, utf8)
                   : (int)batch_lines(options, STDIN_FILENO, utf8);
}

static int answer_or_run(struct options *options, int argc, char **argv)
{
    if (options->help) {
        options_table_help(stdout);
        return EXIT_FINE;
    }
    if (options->version) {
        puts("geomys-cli " GEOMYS_VERSION);
        return EXIT_FINE;
    }
    char password[PASSWORD_MAX] = "";
    if (options->ask_password) {
        if (!askpass(password, sizeof password)) {
            fputs("--askpass: no password, for there was no terminal to ask at, or no answer\n", stderr);
            return EXIT_USAGE;
        }
        options->wish.password = password;
    }
    if (options->unsafe_password) {
        fputs("Warning: a password on the command line can be seen by others. Better: the variable GEOMYS_PASSWORD.\n",
              stderr);
    }
    int code = run(options, argc, argv);
    explicit_bzero(password, sizeof password);
    return code;
}

int main(int argc, char **argv)
{
    struct options options;
    struct complaint complaint;
    int code = EXIT_USAGE;
    if (options_read(&options, argc, argv, getenv, &complaint) == STATUS_OK) {
        code = answer_or_run(&options, argc, argv);
    } else {
        fprintf(stderr, "%s\n", complaint.text);
    }
    options_finish(&options);
    return code;
}
