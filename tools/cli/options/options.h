/* SPDX-License-Identifier: MIT */

/* options.h - what the command line of the program asks for. */
#ifndef GEOMYS_CLI_OPTIONS_H
#define GEOMYS_CLI_OPTIONS_H

#include "cli/show/output.h"
#include "cli/talk/dialog.h"

#define OPTIONS_TOP_MAX 10000 /* of --top */

/* What the program is to do. */
enum options_tool {
    TOOL_COMMANDS, /* one from the command line, or those that come */
    TOOL_STAT,
    TOOL_LATENCY,
    TOOL_WATCH,
    TOOL_KEYS,
    TOOL_LOAD,
};

enum options_order {
    ORDER_MEMORY,
    ORDER_LENGTH,
    ORDER_IDLE,
};

struct options_string {
    char *text;
    size_t size;
};

struct options {
    enum options_tool tool;
    struct dialog_wish wish;
    enum output_format format;
    bool format_given;
    bool stdin_argument;  /* -x */
    bool ask_password;    /* --askpass */
    bool unsafe_password; /* one stands on the command line */
    bool validate;        /* refuse before sending what the usage line refuses */
    bool confirm;         /* ask before a command that is declared dangerous */
    bool help;
    bool version;
    int64_t repeat; /* times; negative: for ever */
    double interval_s;
    bool interval_given;
    double duration_s;        /* --duration; 0: without end */
    double watch_s;           /* with TOOL_WATCH */
    enum options_order order; /* --by */
    int64_t top;              /* --top */
    bool database_said;       /* -n, or in a URI */
    const char *match;        /* --match; NULL: all */
    const char *type;         /* --type; NULL: all */
    const char *load;         /* with TOOL_LOAD: a file, or "-" */
    const char *resume;       /* --resume: a file; NULL: none */
    double stall_s;           /* --stall; 0: never; below 0: not given */
    bool pager;
    bool host_given;              /* -h or -p stands on the command line */
    bool quiet;                   /* --no-auth-warning */
    int first;                    /* index into argv of the command; argc: none */
    struct options_string *owned; /* owned, as the strings: what came out of a URI or a file, or was hidden in argv */
    size_t owned_count;
};

/* Frees and wipes what options_own has copied. */
void options_finish(struct options *options);

/* A copy that lives as long as the options, and is wiped at their end. */
char *options_own(struct options *options, struct gm_bytes text);

/* Reads "500ms", "1s", "0.5", "2m": a time above 0, at most a day. False if it is none. */
bool options_period(struct gm_bytes text, double *seconds);

#endif
