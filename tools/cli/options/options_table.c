/* SPDX-License-Identifier: MIT */

/* options_table.c - flags as redis-cli has them.
 *
 * Idea     One table names every flag, what it takes and what it does; help and parsing come from it. */
#include "cli/options/options_table.h"

#include <stdbool.h>
#include <string.h>

#define OPTION_TABLE(X)                                                                                                \
    X("-h", "host", HOST, "the server's host (127.0.0.1)")                                                             \
    X("-p", "port", PORT, "the server's port (6379)")                                                                  \
    X("-s", "socket", SOCKET, "the server's Unix socket, instead of host and port")                                    \
    X("-u", "uri", URI, "redis:// or geomys://[[user]:password@]host[:port][/0], or unix:///path")                     \
    X("-c", "name", CONNECTION, "a connection saved in ~/.geomys/cli.conf")                                            \
    X("--connection", "name", CONNECTION, "the same as -c")                                                            \
    X("-a", "password", PASSWORD, "better: the variable GEOMYS_PASSWORD (or REDISCLI_AUTH), or --askpass")             \
    X("--pass", "password", PASSWORD, "the same as -a")                                                                \
    X("--user", "name", USER, "the user that the password is for")                                                     \
    X("--askpass", NULL, ASKPASS, "ask for the password at the terminal")                                              \
    X("--no-auth-warning", NULL, QUIET, "no word about passwords on the command line")                                 \
    X("-n", "number", DATABASE, "the database (0; --keys: all of them)")                                               \
    X("-2", NULL, RESP2, "speak RESP2 (the default but for terminals and JSON)")                                       \
    X("-3", NULL, RESP3, "speak RESP3, or fail")                                                                       \
    X("-t", "seconds", TIMEOUT, "how long connecting may take (10)")                                                   \
    X("--output", "format", OUTPUT, "human, table, raw, json, jsonl or csv (human at a terminal, else raw)")           \
    X("--raw", NULL, RAW, "--output raw")                                                                              \
    X("--no-raw", NULL, HUMAN, "--output human")                                                                       \
    X("--json", NULL, JSON, "--output json")                                                                           \
    X("--csv", NULL, CSV, "--output csv")                                                                              \
    X("-x", NULL, STDIN, "the last argument is standard input")                                                        \
    X("-r", "count", REPEAT, "run the command so often (-1: for ever)")                                                \
    X("-i", "seconds", INTERVAL, "wait between repetitions (0.1 is fine)")                                             \
    X("--stat", NULL, STAT, "keys, memory, clients, operations, one line per second (or -i)")                          \
    X("--latency", NULL, LATENCY, "round trips of PING: percentiles")                                                  \
    X("--duration", "seconds", DURATION, "end --stat and --latency after that")                                        \
    X("--watch", "time", WATCH, "run the command every 500ms, 1s, 2m ... and show it in place")                        \
    X("--keys", NULL, KEYS, "the largest or idlest keys: --by, --top, --match, --type")                                \
    X("--by", "mem|len|idle", BY, "--keys: by memory (the default), length, or time without use")                      \
    X("--top", "number", TOP, "--keys: so many (20)")                                                                  \
    X("--match", "pattern", MATCH, "--keys: only keys that match")                                                     \
    X("--type", "type", TYPE, "--keys: only keys of that type")                                                        \
    X("--load", "file", LOAD, "run the commands in a file (-: standard input), fast")                                  \
    X("--resume", "file", RESUME, "--load: remember the place there, and go on from it")                               \
    X("--stall", "seconds", STALL, "--load: end after so long without a reply (60; 0: never)")                         \
    X("-e", NULL, EXIT, "exit code for errors: always on, kept for scripts")                                           \
    X("--no-pager", NULL, NO_PAGER, "long output is not shown page by page")                                           \
    X("--no-validate", NULL, NO_VALIDATE, "send also what the command's usage line refuses")                           \
    X("--yes", NULL, YES, "do not ask before dangerous commands")                                                      \
    X("--reply-limit", "bytes", LIMIT, "memory for one reply (536870912)")                                             \
    X("--help", NULL, HELP, "this text")                                                                               \
    X("--version", NULL, VERSION, "the version")

static const struct option_row rows[] = {
#define X(flag, value, name, text) {flag, value, OPTION_##name, text},
    OPTION_TABLE(X)
#undef X
};

#define ROW_COUNT (sizeof rows / sizeof *rows)

static void print_rows(FILE *file)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s%s", rows[i].flag, rows[i].value != NULL ? " <" : "",
                 rows[i].value != NULL ? rows[i].value : "", rows[i].value != NULL ? ">" : "");
        fprintf(file, "  %-22s %s\n", left, rows[i].text);
    }
}

void options_table_help(FILE *file)
{
    fputs("Usage: geomys-cli [options] [command [argument ...]]\n\n"
          "Without a command: interactive at a terminal, else commands are read from standard input, one per line.\n\n",
          file);
    print_rows(file);
    fputs("\nExit codes: 0 success, 1 the server answered with an error, 2 wrong usage, 3 no connection.\n"
          "Examples:\n"
          "  geomys-cli SET greeting \"hello world\"\n"
          "  geomys-cli --json -r 3 -i 1 INFO\n"
          "  geomys-cli -x SET picture < picture.png\n"
          "  geomys-cli < commands.txt\n",
          file);
}

const struct option_row *options_table_find(char *word, char **value)
{
    size_t size = strcspn(word, "=");
    bool joined = word[0] == '-' && word[1] == '-' && word[size] == '=';
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const char *flag = rows[i].flag;
        if (strcmp(word, flag) == 0) {
            return &rows[i];
        }
        if (joined && rows[i].value != NULL && strlen(flag) == size && strncmp(word, flag, size) == 0) {
            *value = word + size + 1;
            return &rows[i];
        }
    }
    return NULL;
}
