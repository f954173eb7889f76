/* SPDX-License-Identifier: MIT */

/* options_read.c - the command line, from the left to the right.
 *
 * Idea     options_table.c knows the flags, options_value.c what each does, options_saved.c what a saved connection
 *          says. Options end at the first word that is none: all that follows belongs to the command. */
#include "cli/options/options_read.h"

#include "cli/options/options_saved.h"
#include "cli/options/options_table.h"
#include "cli/options/options_value.h"

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
    if (options->stall_s >= 0 && options->tool != TOOL_LOAD) {
        complaint_set(complaint, "--stall: only with --load");
        return STATUS_INVALID;
    }
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
        .stall_s = -1,
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
