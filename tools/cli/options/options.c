/* SPDX-License-Identifier: MIT */

/* options.c - the command line, from the left to the right.
 *
 * Idea     options_table.c knows the flags, options_value.c what each does, options_saved.c what a saved connection
 *          says. Options end at the first word that is none: all that follows belongs to the command. */
#include "cli/options/options.h"

#include "base/memory.h"
#include "cli/options/options_saved.h"
#include "cli/options/options_table.h"
#include "cli/options/options_value.h"

void options_help(FILE *file)
{
    fputs("Usage: geomys-cli [options] [command [argument ...]]\n\n"
          "Without a command: interactive at a terminal, else commands are read from standard input, one per line.\n\n",
          file);
    options_table_print(file);
    fputs("\nExit codes: 0 success, 1 the server answered with an error, 2 wrong usage, 3 no connection.\n"
          "Examples:\n"
          "  geomys-cli SET greeting \"hello world\"\n"
          "  geomys-cli --json -r 3 -i 1 INFO\n"
          "  geomys-cli -x SET picture < picture.png\n"
          "  geomys-cli < commands.txt\n",
          file);
}

/* ---- strings that are ours ----------------------------------------------------------------------------------- */

char *options_own(struct options *options, struct gm_bytes text)
{
    options->owned = memory_realloc(options->owned, (options->owned_count + 1) * sizeof *options->owned);
    char *copy = memory_alloc(text.size + 1);
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    options->owned[options->owned_count++] = (struct options_string){copy, text.size};
    return copy;
}

void options_finish(struct options *options)
{
    for (size_t i = 0; i < options->owned_count; i++) {
        explicit_bzero(options->owned[i].text, options->owned[i].size); /* a URI is cut into several strings */
        memory_free(options->owned[i].text);
    }
    memory_free(options->owned);
    options->owned = NULL;
    options->owned_count = 0;
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

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

static void settle_passwords(struct options *options, char *(*get)(const char *))
{
    if (options->wish.password == NULL) {
        options->wish.password = get("GEOMYS_PASSWORD");
    }
    if (options->wish.password == NULL) {
        options->wish.password = get("REDISCLI_AUTH");
    }
    options->unsafe_password = options->unsafe_password && !options->quiet;
}

/* Takes the flag at `*at`, and its value, which may be the next word. */
static enum status take_flag(struct options *options, int argc, char **argv, int *at, struct complaint *complaint)
{
    char *value = NULL;
    const struct option_row *row = options_table_find(argv[*at], &value);
    if (row == NULL) {
        complaint_set(complaint, "Unknown option %s. geomys-cli --help lists them.", argv[*at]);
        return STATUS_INVALID;
    }
    if (row->value != NULL && value == NULL) {
        if (*at + 1 == argc) {
            complaint_set(complaint, "%s needs a value: <%s>", row->flag, row->value);
            return STATUS_INVALID;
        }
        value = argv[++*at];
    }
    options->host_given = options->host_given || row->option == OPTION_HOST || row->option == OPTION_PORT;
    const char *wrong = row->value != NULL ? options_value_apply(options, row->option, value)
                                           : options_value_flag(options, row->option);
    if (wrong != NULL) {
        complaint_set(complaint, "%s: %s", row->flag, wrong);
    }
    return wrong == NULL ? STATUS_OK : STATUS_INVALID;
}

/* What no single flag can see. */
static enum status check_together(const struct options *options, int argc, char **argv, struct complaint *complaint)
{
    bool command = options->first < argc;
    if (options->resume != NULL && options->tool != TOOL_LOAD) {
        complaint_set(complaint, "--resume: only with --load");
        return STATUS_INVALID;
    }
    if (options->tool == TOOL_WATCH && !command) {
        complaint_set(complaint, "--watch needs a command");
        return STATUS_INVALID;
    }
    if (options->tool != TOOL_WATCH && options->tool != TOOL_COMMANDS && command) {
        complaint_set(complaint, "%s: this takes no command", argv[options->first]);
        return STATUS_INVALID;
    }
    return STATUS_OK;
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
    const char *connection = options_saved_name(argc, argv);
    if (connection != NULL) { /* before all others, which then say it better */
        TRY(options_saved_read(options, connection, get, complaint));
    }
    const char *saved_path = options->wish.address.path;
    int at = 1;
    for (; at < argc && argv[at][0] == '-' && argv[at][1] != '\0'; at++) {
        if (strcmp(argv[at], "--") == 0) {
            at++;
            break;
        }
        TRY(take_flag(options, argc, argv, &at, complaint));
    }
    options->first = at;
    if (options->host_given && options->wish.address.path == saved_path) {
        options->wish.address.path = NULL; /* the command line wins over what is saved */
    }
    settle_passwords(options, get);
    return check_together(options, argc, argv, complaint);
}
