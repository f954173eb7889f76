/* SPDX-License-Identifier: MIT */

/* options.c - flags as redis-cli has them, formats as they should be.
 *
 * Idea     One table names every flag, what it takes and what it does; help and parsing come from it. Options end at
 *          the first word that is none: all that follows belongs to the command. */
#include "options.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "connections.h"

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
    X("-n", "number", DATABASE, "the database; Geomys has only 0")                                                     \
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
    X("-e", NULL, EXIT, "exit code for errors: always on, kept for scripts")                                           \
    X("--no-pager", NULL, NO_PAGER, "long output is not shown page by page")                                           \
    X("--no-validate", NULL, NO_VALIDATE, "send also what the command's usage line refuses")                           \
    X("--yes", NULL, YES, "do not ask before dangerous commands")                                                      \
    X("--reply-limit", "bytes", LIMIT, "memory for one reply (536870912)")                                             \
    X("--help", NULL, HELP, "this text")                                                                               \
    X("--version", NULL, VERSION, "the version")

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

static const struct option_row rows[] = {
#define X(flag, value, name, text) {flag, value, OPTION_##name, text},
    OPTION_TABLE(X)
#undef X
};

#define ROW_COUNT (sizeof rows / sizeof *rows)

void options_help(FILE *file)
{
    fputs("Usage: geomys-cli [options] [command [argument ...]]\n\n"
          "Without a command: interactive at a terminal, else commands are read from standard input, one per line.\n\n",
          file);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s%s", rows[i].flag, rows[i].value != NULL ? " <" : "",
                 rows[i].value != NULL ? rows[i].value : "", rows[i].value != NULL ? ">" : "");
        fprintf(file, "  %-22s %s\n", left, rows[i].text);
    }
    fputs("\nExit codes: 0 success, 1 the server answered with an error, 2 wrong usage, 3 no connection.\n"
          "Examples:\n"
          "  geomys-cli SET greeting \"hello world\"\n"
          "  geomys-cli --json -r 3 -i 1 INFO\n"
          "  geomys-cli -x SET picture < picture.png\n"
          "  geomys-cli < commands.txt\n",
          file);
}

/* ---- strings that are ours ----------------------------------------------------------------------------------- */

static char *own(struct options *options, const char *text, size_t size)
{
    options->owned = memory_realloc(options->owned, (options->owned_count + 1) * sizeof *options->owned);
    char *copy = memory_alloc(size + 1);
    memcpy(copy, text, size);
    copy[size] = '\0';
    options->owned[options->owned_count++] = copy;
    return copy;
}

void options_finish(struct options *options)
{
    for (size_t i = 0; i < options->owned_count; i++) {
        explicit_bzero(options->owned[i], strlen(options->owned[i]));
        memory_free(options->owned[i]);
    }
    memory_free(options->owned);
    options->owned = NULL;
    options->owned_count = 0;
}

static bool read_number(const char *text, int64_t least, int64_t most, int64_t *out)
{
    return bytes_to_int(gm_bytes_of(text), out) && *out >= least && *out <= most;
}

static bool read_seconds(const char *text, double *out)
{
    return bytes_to_double(gm_bytes_of(text), out) && *out >= 0 && *out <= 86400;
}

bool options_period(struct gm_bytes text, double *seconds)
{
    static const struct {
        const char *unit;
        double seconds;
    } units[] = {{"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}, {"", 1}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t size = strlen(units[i].unit);
        if (text.size > size && memcmp(text.data + text.size - size, units[i].unit, size) == 0) {
            bool number = bytes_to_double((struct gm_bytes){text.data, text.size - size}, seconds);
            *seconds *= units[i].seconds;
            return number && *seconds >= 0.001 && *seconds <= 86400;
        }
    }
    return false;
}

/* ---- the URI ------------------------------------------------------------------------------------------------- */

static int hex(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    char lower = (char)(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* A copy of [from, to) with %HH decoded; NULL if one is malformed or stands for a zero byte. */
static char *own_decoded(struct options *options, const char *from, const char *to)
{
    char *out = own(options, from, (size_t)(to - from));
    char *at = out;
    for (; from < to; from++) {
        if (*from != '%') {
            *at++ = *from;
            continue;
        }
        if (to - from < 3 || hex(from[1]) < 0 || hex(from[2]) < 0 || (hex(from[1]) == 0 && hex(from[2]) == 0)) {
            return NULL;
        }
        *at++ = (char)(hex(from[1]) * 16 + hex(from[2]));
        from += 2;
    }
    *at = '\0';
    return out;
}

static bool read_user(struct options *options, const char *from, const char *at)
{
    const char *colon = memchr(from, ':', (size_t)(at - from));
    const char *password = colon != NULL ? colon + 1 : from;
    if (colon != NULL && colon > from) {
        options->wish.user = own_decoded(options, from, colon);
        if (options->wish.user == NULL) {
            return false;
        }
    }
    options->wish.password = own_decoded(options, password, at);
    options->unsafe_password = true;
    return options->wish.password != NULL;
}

static bool read_host(struct options *options, const char *from, const char *to)
{
    const char *host_end = to;
    if (from < to && *from == '[') {
        from++;
        host_end = memchr(from, ']', (size_t)(to - from));
        if (host_end == NULL) {
            return false;
        }
    } else {
        const char *colon = memchr(from, ':', (size_t)(to - from));
        host_end = colon != NULL ? colon : to;
    }
    if (host_end > from) {
        options->wish.address.host = own(options, from, (size_t)(host_end - from));
    }
    const char *port = host_end < to && *host_end == ']' ? host_end + 1 : host_end;
    if (port == to) {
        return true;
    }
    int64_t number;
    options->wish.address.port = own(options, port + 1, (size_t)(to - port - 1));
    return *port == ':' && read_number(options->wish.address.port, 1, 65535, &number);
}

/* NULL, or what is wrong. */
static const char *read_uri(struct options *options, const char *uri)
{
    if (strncmp(uri, "unix://", 7) == 0) {
        options->wish.address.path = own_decoded(options, uri + 7, uri + strlen(uri));
        return options->wish.address.path != NULL && uri[7] == '/' ? NULL : "unix:// must be followed by a path";
    }
    size_t scheme = strncmp(uri, "redis://", 8) == 0 ? 8 : strncmp(uri, "geomys://", 9) == 0 ? 9 : 0;
    if (scheme == 0) {
        return "a URI begins with redis://, geomys:// or unix://";
    }
    const char *from = uri + scheme;
    const char *end = from + strcspn(from, "/?");
    for (const char *at = end; at > from; at--) {
        if (at[-1] == '@') {
            if (!read_user(options, from, at - 1)) {
                return "the user or the password is not encoded as %HH should be";
            }
            from = at;
            break;
        }
    }
    if (!read_host(options, from, end)) {
        return "the host or the port makes no sense";
    }
    int64_t database = 0;
    if (end[0] == '/' && end[1] != '\0' && !read_number(end + 1, 0, 65535, &database)) {
        return "after the host there may only be the number of a database";
    }
    options->wish.database = (int)database;
    return end[0] == '?' ? "it has parameters, which mean nothing here" : NULL;
}

/* ---- options ------------------------------------------------------------------------------------------------- */

static void set_format(struct options *options, enum output_format format)
{
    options->format = format;
    options->format_given = true;
}

static void take_password(struct options *options, char *value)
{
    options->wish.password = own(options, value, strlen(value));
    options->unsafe_password = true;
    memset(value, '*', strlen(value));
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
    case OPTION_RESUME:
        options->resume = value;
        return *value != '\0' ? NULL : "a file is missing";
    default:
        return NULL;
    }
}

/* NULL, or what is wrong with the value. */
static const char *apply_value(struct options *options, enum option option, char *value)
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
    case OPTION_URI: {
        const char *wrong = read_uri(options, value);
        if (options->unsafe_password) {
            memset(value, '*', strlen(value));
        }
        return wrong;
    }
    case OPTION_PASSWORD:
        take_password(options, value);
        return NULL;
    case OPTION_USER:
        wish->user = value;
        return NULL;
    case OPTION_DATABASE:
        wish->database = read_number(value, 0, 65535, &number) ? (int)number : -1;
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

/* NULL, or what is wrong. */
static const char *apply_flag(struct options *options, enum option option, bool *quiet)
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
        *quiet = true;
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

/* The row of `word`; `value` is set if it is written "--flag=value". */
static const struct option_row *find_row(char *word, char **value)
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

static void settle_passwords(struct options *options, bool quiet, char *(*get)(const char *))
{
    if (options->wish.password == NULL) {
        options->wish.password = get("GEOMYS_PASSWORD");
    }
    if (options->wish.password == NULL) {
        options->wish.password = get("REDISCLI_AUTH");
    }
    options->unsafe_password = options->unsafe_password && !quiet;
}

/* ---- saved connections --------------------------------------------------------------------------------------- */

/* The name after the last -c on the command line, or NULL. What is wrong with the others is found later. */
static const char *find_connection(int argc, char **argv)
{
    const char *name = NULL;
    for (int at = 1; at < argc && argv[at][0] == '-' && argv[at][1] != '\0' && strcmp(argv[at], "--") != 0; at++) {
        char *value = NULL;
        const struct option_row *row = find_row(argv[at], &value);
        if (row == NULL) {
            return NULL;
        }
        if (row->value != NULL && value == NULL) {
            value = ++at < argc ? argv[at] : NULL;
        }
        name = row->option == OPTION_CONNECTION ? value : name;
    }
    return name;
}

/* NULL, or what is wrong. */
static const char *apply_connection(struct options *options, const struct connection *connection)
{
    static const enum option meaning[CONNECTIONS_COUNT] = {
        [CONNECTIONS_HOST] = OPTION_HOST,         [CONNECTIONS_PORT] = OPTION_PORT,
        [CONNECTIONS_SOCKET] = OPTION_SOCKET,     [CONNECTIONS_URI] = OPTION_URI,
        [CONNECTIONS_USER] = OPTION_USER,         [CONNECTIONS_PASSWORD] = OPTION_PASSWORD,
        [CONNECTIONS_DATABASE] = OPTION_DATABASE,
    };
    for (size_t i = 0; i < CONNECTIONS_COUNT; i++) {
        struct gm_bytes value = connection->values[i];
        if (value.data == NULL) {
            continue;
        }
        if (i == CONNECTIONS_PROTOCOL) {
            bool known = value.size == 1 && (*value.data == '2' || *value.data == '3');
            if (!known) {
                return "protocol: 2 or 3";
            }
            options->wish.protocol = *value.data - '0';
            options->wish.protocol_needed = true;
            continue;
        }
        const char *wrong = apply_value(options, meaning[i], own(options, (const char *)value.data, value.size));
        if (wrong != NULL) {
            return wrong;
        }
    }
    options->unsafe_password = false; /* it does not stand on the command line */
    return NULL;
}

static enum status read_connection(struct options *options, const char *name, char *(*get)(const char *),
                                   struct complaint *complaint)
{
    const char *home = get("HOME");
    char path[4096];
    struct connection connection;
    if (home == NULL || (size_t)snprintf(path, sizeof path, "%s/.geomys/cli.conf", home) >= sizeof path) {
        complaint_set(complaint, "-c: HOME does not say where ~/.geomys/cli.conf is");
        return STATUS_INVALID;
    }
    uint8_t *text = memory_zeroed(CONNECTIONS_SIZE);
    enum status status = connections_read(path, name, text, &connection, complaint);
    const char *wrong = status == STATUS_OK ? apply_connection(options, &connection) : NULL;
    if (wrong != NULL) {
        complaint_set(complaint, "%s: [%s]: %s", path, name, wrong);
    }
    explicit_bzero(text, CONNECTIONS_SIZE);
    memory_free(text);
    return status == STATUS_OK && wrong == NULL ? STATUS_OK : STATUS_INVALID;
}

enum status options_read(struct options *options, int argc, char **argv, char *(*get)(const char *),
                         struct complaint *complaint)
{
    *options = (struct options){
        .wish = {.address = {.host = "127.0.0.1", .port = "6379"},
                 .connect_timeout_ms = 10000,
                 .reply_limit = ANSWER_LIMIT_DEFAULT},
        .validate = true,
        .confirm = true,
        .pager = true,
        .repeat = 1,
        .top = 20,
    };
    bool quiet = false;
    int at = 1;
    const char *connection = find_connection(argc, argv);
    if (connection != NULL) { /* before all others, which then say it better */
        TRY(read_connection(options, connection, get, complaint));
    }
    const char *saved_path = options->wish.address.path;
    bool host_given = false;
    for (; at < argc && argv[at][0] == '-' && argv[at][1] != '\0'; at++) {
        if (strcmp(argv[at], "--") == 0) {
            at++;
            break;
        }
        char *value = NULL;
        const struct option_row *row = find_row(argv[at], &value);
        if (row == NULL) {
            complaint_set(complaint, "Unknown option %s. geomys-cli --help lists them.", argv[at]);
            return STATUS_INVALID;
        }
        host_given = host_given || row->option == OPTION_HOST || row->option == OPTION_PORT;
        if (row->value == NULL) {
            const char *wrong = apply_flag(options, row->option, &quiet);
            if (wrong != NULL) {
                complaint_set(complaint, "%s: %s", row->flag, wrong);
                return STATUS_INVALID;
            }
            continue;
        }
        if (value == NULL && at + 1 == argc) {
            complaint_set(complaint, "%s needs a value: <%s>", row->flag, row->value);
            return STATUS_INVALID;
        }
        const char *wrong = apply_value(options, row->option, value != NULL ? value : argv[++at]);
        if (wrong != NULL) {
            complaint_set(complaint, "%s: %s", row->flag, wrong);
            return STATUS_INVALID;
        }
    }
    if (host_given && options->wish.address.path == saved_path) {
        options->wish.address.path = NULL; /* the command line wins over what is saved */
    }
    options->first = at;
    settle_passwords(options, quiet, get);
    if (options->resume != NULL && options->tool != TOOL_LOAD) {
        complaint_set(complaint, "--resume: only with --load");
        return STATUS_INVALID;
    }
    if (options->tool == TOOL_WATCH ? at == argc : options->tool != TOOL_COMMANDS && at < argc) {
        complaint_set(complaint, options->tool == TOOL_WATCH ? "--watch needs a command" : "%s: this takes no command",
                      argv[at]);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}
