/* SPDX-License-Identifier: MIT */

/* options_value.c - reading the values, and putting them where they belong. */
#include "cli/options/options_value.h"

#include "cli/options/uri.h"

static bool read_number(const char *text, int64_t least, int64_t most, int64_t *out)
{
    return bytes_to_int(gm_bytes_of(text), out) && *out >= least && *out <= most;
}

static bool read_seconds(const char *text, double *out)
{
    return bytes_to_double(gm_bytes_of(text), out) && *out >= 0 && *out <= 86400;
}

static void set_format(struct options *options, enum output_format format)
{
    options->format = format;
    options->format_given = true;
}

static void take_password(struct options *options, char *value)
{
    options->wish.password = options_own(options, gm_bytes_of(value));
    options->unsafe_password = true;
    memset(value, '*', strlen(value));
}

/* NULL, or what is wrong. */
static const char *take_uri(struct options *options, char *value)
{
    struct uri uri;
    const char *wrong = uri_cut(options_own(options, gm_bytes_of(value)), &uri);
    if (uri.secret) {
        options->unsafe_password = true;
        memset(value, '*', strlen(value));
    }
    if (wrong != NULL) {
        return wrong;
    }
    struct dialog_wish *wish = &options->wish;
    wish->user = uri.user != NULL ? uri.user : wish->user;
    wish->password = uri.password != NULL ? uri.password : wish->password;
    wish->address.host = uri.host != NULL ? uri.host : wish->address.host;
    wish->address.port = uri.port != NULL ? uri.port : wish->address.port;
    wish->address.path = uri.path != NULL ? uri.path : wish->address.path;
    wish->database = uri.path != NULL ? wish->database : uri.database;
    options->database_said = options->database_said || uri.database_said;
    return NULL;
}

/* NULL, or what is wrong: only one tool can be used at a time. */
static const char *choose(struct options *options, enum options_tool tool)
{
    bool other = options->tool != TOOL_COMMANDS && options->tool != tool;
    options->tool = tool;
    return other ? "only one of --stat, --latency, --watch, --keys and --load can be used" : NULL;
}

static bool read_order(const char *word, enum options_order *order)
{
    static const char *const words[] = {[ORDER_MEMORY] = "mem", [ORDER_LENGTH] = "len", [ORDER_IDLE] = "idle"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(word, words[i]) == 0) {
            *order = (enum options_order)i;
            return true;
        }
    }
    return false;
}

/* NULL, or what is wrong with the value; for the options of the tools. */
static const char *apply_tool_value(struct options *options, enum option option, const char *value)
{
    switch (option) {
    case OPTION_DURATION:
        return read_seconds(value, &options->duration_s) && options->duration_s > 0 ? NULL
                                                                                    : "a time in seconds, above 0";
    case OPTION_WATCH:
        return options_period(gm_bytes_of(value), &options->watch_s) ? choose(options, TOOL_WATCH)
                                                                     : "a time like 500ms, 1s, 2m";
    case OPTION_BY:
        return read_order(value, &options->order) ? NULL : "mem, len or idle";
    case OPTION_TOP:
        return read_number(value, 1, OPTIONS_TOP_MAX, &options->top) ? NULL : "a number from 1 to 10000";
    case OPTION_MATCH:
        options->match = value;
        return NULL;
    case OPTION_TYPE:
        options->type = value;
        return NULL;
    case OPTION_LOAD:
        options->load = value;
        return *value != '\0' ? choose(options, TOOL_LOAD) : "a file is missing";
    case OPTION_STALL:
        return read_seconds(value, &options->stall_s) ? NULL : "a time in seconds, or 0";
    case OPTION_RESUME:
        options->resume = value;
        return *value != '\0' ? NULL : "a file is missing";
    default:
        return NULL;
    }
}

const char *options_value_apply(struct options *options, enum option option, char *value)
{
    struct dialog_wish *wish = &options->wish;
    int64_t number = 0;
    double seconds = 0;
    switch (option) {
    case OPTION_HOST:
        wish->address.host = value;
        return *value != '\0' ? NULL : "a host is missing";
    case OPTION_PORT:
        wish->address.port = value;
        return read_number(value, 1, 65535, &number) ? NULL : "a port is a number from 1 to 65535";
    case OPTION_SOCKET:
        wish->address.path = value;
        return NULL;
    case OPTION_URI:
        return take_uri(options, value);
    case OPTION_PASSWORD:
        take_password(options, value);
        return NULL;
    case OPTION_USER:
        wish->user = value;
        return NULL;
    case OPTION_DATABASE:
        wish->database = read_number(value, 0, 65535, &number) ? (int)number : -1;
        options->database_said = true;
        return wish->database >= 0 ? NULL : "a database is a number";
    case OPTION_TIMEOUT:
        wish->connect_timeout_ms = read_seconds(value, &seconds) ? (int)(seconds * 1000) : 0;
        return wish->connect_timeout_ms > 0 ? NULL : "a time in seconds, above 0";
    case OPTION_OUTPUT:
        options->format_given = true;
        return output_named(value, &options->format) ? NULL : "the formats are human, table, raw, json, jsonl and csv";
    case OPTION_REPEAT:
        return read_number(value, -1, INT64_MAX, &options->repeat) ? NULL : "a count is a number, or -1";
    case OPTION_INTERVAL:
        options->interval_given = true;
        return read_seconds(value, &options->interval_s) ? NULL : "an interval is a time in seconds";
    case OPTION_LIMIT:
        wish->reply_limit = read_number(value, 1024, (int64_t)1 << 40, &number) ? (size_t)number : 0;
        return wish->reply_limit > 0 ? NULL : "a limit is a number of bytes, 1024 or more";
    default:
        return apply_tool_value(options, option, value);
    }
}

const char *options_value_flag(struct options *options, enum option option)
{
    switch (option) {
    case OPTION_STAT:
        return choose(options, TOOL_STAT);
    case OPTION_LATENCY:
        return choose(options, TOOL_LATENCY);
    case OPTION_KEYS:
        return choose(options, TOOL_KEYS);
    case OPTION_NO_PAGER:
        options->pager = false;
        return NULL;
    case OPTION_ASKPASS:
        options->ask_password = true;
        return NULL;
    case OPTION_QUIET:
        options->quiet = true;
        return NULL;
    case OPTION_RESP2:
    case OPTION_RESP3:
        options->wish.protocol = option == OPTION_RESP2 ? 2 : 3;
        options->wish.protocol_needed = true;
        return NULL;
    case OPTION_RAW:
        set_format(options, OUTPUT_RAW);
        return NULL;
    case OPTION_HUMAN:
        set_format(options, OUTPUT_HUMAN);
        return NULL;
    case OPTION_JSON:
        set_format(options, OUTPUT_JSON);
        return NULL;
    case OPTION_CSV:
        set_format(options, OUTPUT_CSV);
        return NULL;
    case OPTION_STDIN:
        options->stdin_argument = true;
        return NULL;
    case OPTION_NO_VALIDATE:
        options->validate = false;
        return NULL;
    case OPTION_YES:
        options->confirm = false;
        return NULL;
    case OPTION_HELP:
        options->help = true;
        return NULL;
    case OPTION_VERSION:
        options->version = true;
        return NULL;
    default:
        return NULL;
    }
}
