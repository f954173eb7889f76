/* SPDX-License-Identifier: MIT */

/* options_table.h - every flag of the command line, and what it takes. */
#ifndef GEOMYS_CLI_OPTIONS_TABLE_H
#define GEOMYS_CLI_OPTIONS_TABLE_H

#include <stdio.h>

enum option {
    OPTION_HOST,
    OPTION_PORT,
    OPTION_SOCKET,
    OPTION_URI,
    OPTION_CONNECTION,
    OPTION_PASSWORD,
    OPTION_USER,
    OPTION_ASKPASS,
    OPTION_QUIET,
    OPTION_DATABASE,
    OPTION_RESP2,
    OPTION_RESP3,
    OPTION_TIMEOUT,
    OPTION_OUTPUT,
    OPTION_RAW,
    OPTION_HUMAN,
    OPTION_JSON,
    OPTION_CSV,
    OPTION_STDIN,
    OPTION_REPEAT,
    OPTION_INTERVAL,
    OPTION_STAT,
    OPTION_LATENCY,
    OPTION_DURATION,
    OPTION_WATCH,
    OPTION_KEYS,
    OPTION_BY,
    OPTION_TOP,
    OPTION_MATCH,
    OPTION_TYPE,
    OPTION_LOAD,
    OPTION_RESUME,
    OPTION_STALL,
    OPTION_EXIT,
    OPTION_NO_PAGER,
    OPTION_NO_VALIDATE,
    OPTION_YES,
    OPTION_LIMIT,
    OPTION_HELP,
    OPTION_VERSION,
};

struct option_row {
    const char *flag;
    const char *value; /* NULL: it takes none */
    enum option option;
    const char *text;
};

/* The row of `word`, or NULL; `value`, else left alone, is set into `word` if it is written "--flag=value". */
const struct option_row *options_table_find(char *word, char **value);

/* What --help says. */
void options_table_help(FILE *file);

#endif
