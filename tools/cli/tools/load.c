/* SPDX-License-Identifier: MIT */

/* load.c - a script into a pipeline.
 *
 * Promises L1  The recorded place never runs ahead: every command before it was answered, and none of a transaction
 *              that was still open.
 *          L2  After an end by Ctrl-C nothing behind the recorded place was sent (but an open transaction). After a
 *              crash or a lost connection, at most what a pipeline holds and one second brings may have run.
 *          L3  A place is only gone on from in the input it was recorded for: the bytes before it have a checksum.
 *          L4  Memory: one command, the pipeline, and a place for each unanswered command.
 *
 *          L5  Waiting ends: after --stall without progress, and after a stop within STOP_MS of it.
 *
 * Limits   What else a connection remembers (CLIENT SETNAME) than its database is not set up again on resuming.
 */
#include "cli/tools/load.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/show/output_formats.h"
#include "cli/talk/pipeline.h"
#include "cli/terminal/progress.h"
#include "cli/tools/load_state.h"
#include "cli/tools/tool.h"

#define RECORD_NS 1000000000 /* between two writings of the state */
#define STALL_MS  60000      /* without progress, if --stall does not say */
#define STOP_MS   2000       /* without a reply, after a signal */

struct load_flight {
    struct script_place after;
    uint64_t line;
    bool whole; /* no transaction is open behind it */
    struct selection_step step;
};

struct load {
    struct tool *tool;
    int in;
    uint64_t size; /* bytes of the input; 0: not known */
    struct script script;
    struct pipeline pipeline;
    struct load_flight *flights; /* owned; by index % PIPELINE_COMMANDS */
    struct load_state state;     /* to be recorded */
    struct selection selection;  /* behind what was answered */
    uint64_t commands;           /* answered, in this run */
    uint64_t errors;             /* so far, in all runs */
    uint64_t answered;           /* commands, in all runs */
    bool in_multi;
    bool recording_failed;
    struct progress progress;
    int64_t began_ns;
    int64_t recorded_ns;
};

/* ---- what goes wrong ----------------------------------------------------------------------------------------- */

static void note_error(struct load *load, uint64_t line, struct gm_bytes text, enum batch_exit exit)
{
    if (load->tool->exit == EXIT_FINE) { /* the first */
        progress_clear(&load->progress);
        fprintf(stderr, "line %" PRIu64 ": ", line);
        output_safe(stderr, text, load->tool->utf8);
        fputc('\n', stderr);
    }
    load->errors++;
    load->tool->exit = batch_worse(load->tool->exit, exit);
}

static void complain(struct load *load, const struct complaint *complaint, enum batch_exit exit)
{
    progress_clear(&load->progress);
    tool_complain(load->tool, exit, complaint);
}

/* There was no reply: to whose command, and what the reason may be. */
static void complain_stalled(struct load *load, struct complaint *complaint)
{
    const struct pipeline *pipeline = &load->pipeline;
    check(pipeline->answered < pipeline->pushed);
    char what[sizeof complaint->text];
    (void)snprintf(what, sizeof what, "%s", complaint->text);
    complaint_set(complaint,
                  "line %" PRIu64
                  ": %s: a command that waits for others has no place in a file; --stall says how long to "
                  "wait",
                  load->flights[pipeline->answered % PIPELINE_COMMANDS].line, what);
    complain(load, complaint, EXIT_CONNECTION);
}

/* ---- how far it is ------------------------------------------------------------------------------------------- */

static double seconds_since(int64_t began_ns)
{
    double seconds = (double)(tool_now_ns() - began_ns) / 1e9;
    return seconds > 1e-9 ? seconds : 1e-9;
}

static void show_progress(struct load *load)
{
    if (!progress_due(&load->progress, tool_now_ns())) {
        return;
    }
    char bar[64];
    char line[200];
    progress_bar(bar, sizeof bar, load->state.place.offset, load->size);
    snprintf(line, sizeof line, "%s%s%" PRIu64 " commands, %.0f/s, %" PRIu64 " errors", bar, *bar != '\0' ? " " : "",
             load->commands, (double)load->commands / seconds_since(load->began_ns), load->errors);
    progress_draw(&load->progress, line);
}

static void record(struct load *load, bool now)
{
    const char *path = load->tool->options->resume;
    int64_t now_ns = tool_now_ns();
    if (path == NULL || load->recording_failed || (!now && now_ns - load->recorded_ns < RECORD_NS)) {
        return;
    }
    struct complaint complaint = {""};
    load->recorded_ns = now_ns;
    if (load_state_write(path, &load->state, &complaint) != STATUS_OK) {
        load->recording_failed = true; /* it is of no use to say it each second */
        complain(load, &complaint, EXIT_CONNECTION);
    }
}

static void take_reply(void *context, uint64_t index, const struct answer *reply)
{
    struct load *load = context;
    const struct load_flight *flight = &load->flights[index % PIPELINE_COMMANDS];
    load->commands++;
    load->answered++;
    if (reply->type == ANSWER_ERROR) {
        note_error(load, flight->line, reply->text, EXIT_REPLY);
    }
    selection_follow(&load->selection, &flight->step, reply);
    if (flight->whole) {
        load->state = (struct load_state){.place = flight->after,
                                          .database = load->selection.database,
                                          .commands = load->answered,
                                          .errors = load->errors};
    }
    if (index % 256 == 0) {
        show_progress(load);
    }
}

/* ---- commands ------------------------------------------------------------------------------------------------ */

static void follow_transaction(struct load *load, struct gm_bytes name)
{
    if (bytes_equal_nocase(name, "multi")) {
        load->in_multi = true;
    } else if (bytes_equal_nocase(name, "exec") || bytes_equal_nocase(name, "discard")) {
        load->in_multi = false;
    }
}

/* Whether the command leaves replies and commands one to one. Those that subscribe or watch others, and those that turn
 * replies off, do not: nobody could tell any more what was answered. */
static bool keeps_replies(const struct gm_bytes *argv, size_t argc)
{
    static const char *const names[] = {"subscribe",    "psubscribe",   "ssubscribe", "unsubscribe",
                                        "punsubscribe", "sunsubscribe", "monitor"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (bytes_equal_nocase(argv[0], names[i])) {
            return false;
        }
    }
    return argc < 3 || !bytes_equal_nocase(argv[0], "client") || !bytes_equal_nocase(argv[1], "reply") ||
           bytes_equal_nocase(argv[2], "on");
}

static enum status push(struct load *load, const struct gm_bytes *argv, size_t argc, uint64_t line,
                        struct complaint *complaint)
{
    follow_transaction(load, argv[0]);
    check(load->pipeline.pushed - load->pipeline.answered < PIPELINE_COMMANDS); /* load L4: a place is free */
    load->flights[load->pipeline.pushed % PIPELINE_COMMANDS] = (struct load_flight){
        .after = load->script.place, .line = line, .whole = !load->in_multi, .step = selection_step(argv, argc)};
    return pipeline_push(&load->pipeline, argv, argc, complaint);
}

static enum status pass_over(struct load *load, uint64_t line, const struct complaint *reason,
                             struct complaint *complaint)
{
    if (load->tool->exit == EXIT_FINE) { /* a command before it may be the first that goes wrong */
        TRY(pipeline_drain(&load->pipeline, complaint));
    }
    note_error(load, line, gm_bytes_of(reason->text), EXIT_USAGE);
    return STATUS_OK;
}

/* Pushes all commands that are there. STATUS_AGAIN: stopped. STATUS_OK: more bytes are needed. */
static enum status push_commands(struct load *load, struct complaint *complaint)
{
    for (;;) {
        const struct gm_bytes *argv;
        size_t argc;
        uint64_t line;
        struct complaint reason = {""};
        switch (script_next(&load->script, &argv, &argc, &line, &reason)) {
        case STATUS_OK:
            if (keeps_replies(argv, argc)) {
                TRY(push(load, argv, argc, line, complaint));
                break;
            }
            complaint_set(&reason, "not sent: %.*s would leave commands without replies", (int)argv[0].size,
                          (const char *)argv[0].data);
            TRY(pass_over(load, line, &reason, complaint));
            break;
        case STATUS_INVALID:
            TRY(pass_over(load, line, &reason, complaint));
            break;
        case STATUS_CORRUPT:
            complaint_set(complaint, "line %" PRIu64 ": %s", line, reason.text);
            return STATUS_INVALID;
        default:
            return STATUS_OK;
        }
    }
}

/* Waits for bytes, and meanwhile for replies. */
static enum status wait_for_input(struct load *load, struct complaint *complaint)
{
    struct pollfd fds[2] = {{.fd = load->in, .events = POLLIN}, {.fd = load->tool->stop_fd, .events = POLLIN}};
    if (poll(fds, 2, 0) == 0) {
        TRY(pipeline_drain(&load->pipeline, complaint));
        record(load, false);
        show_progress(load);
        while (poll(fds, 2, -1) < 0 && errno == EINTR) {
        }
    }
    return fds[1].revents != 0 ? STATUS_AGAIN : STATUS_OK;
}

static enum status read_input(struct load *load, uint8_t chunk[SCRIPT_CHUNK], size_t most, size_t *size,
                              struct complaint *complaint)
{
    ssize_t got;
    while ((got = read(load->in, chunk, most)) < 0 && errno == EINTR) {
    }
    if (got < 0) {
        complaint_set(complaint, "%s: %s", load->tool->options->load, strerror(errno));
        return STATUS_IO;
    }
    *size = (size_t)got;
    return STATUS_OK;
}

static enum status run(struct load *load, uint8_t chunk[SCRIPT_CHUNK], struct complaint *complaint)
{
    while (!load->script.ended) {
        size_t size = 0;
        TRY(wait_for_input(load, complaint));
        TRY(read_input(load, chunk, SCRIPT_CHUNK, &size, complaint));
        if (!script_feed(&load->script, (struct gm_bytes){chunk, size})) {
            complaint_set(complaint, "line %" PRIu64 ": a command is larger than %zu bytes",
                          load->script.place.line + 1, SCRIPT_COMMAND);
            return STATUS_INVALID;
        }
        TRY(push_commands(load, complaint));
        record(load, false);
        show_progress(load);
    }
    TRY(pipeline_drain(&load->pipeline, complaint));
    if (!load->in_multi) {
        load->state.place = load->script.place; /* with what is no command at the end */
        load->state.errors = load->errors;
    }
    return STATUS_OK;
}

/* ---- from start to end --------------------------------------------------------------------------------------- */

/* That which the commands before the place have chosen. */
static enum status choose_database(struct load *load, struct complaint *complaint)
{
    char number[20];
    struct gm_bytes argv[] = {BYTES("SELECT"), {(const uint8_t *)number, bytes_from_int(number, load->state.database)}};
    struct answer reply = {0};
    if (load->state.database == load->selection.database) {
        return STATUS_OK;
    }
    enum status status = dialog_command(&load->tool->dialog, argv, 2, &reply, complaint);
    if (status == STATUS_OK && reply.type == ANSWER_ERROR) {
        complaint_set(complaint, "database %d, which %s goes on in, cannot be chosen: %.*s", load->state.database,
                      load->tool->options->resume, (int)(reply.text.size < 200 ? reply.text.size : 200),
                      (const char *)reply.text.data);
        status = STATUS_INVALID;
    }
    answer_finish(&reply);
    load->selection.database = load->state.database;
    return status;
}

/* Passes over what was answered in an earlier run. */
static enum status go_to(struct load *load, uint8_t chunk[SCRIPT_CHUNK], struct complaint *complaint)
{
    uint64_t left = load->state.place.offset;
    while (left > 0) {
        size_t size = 0;
        struct pollfd fds[2] = {{.fd = load->in, .events = POLLIN}, {.fd = load->tool->stop_fd, .events = POLLIN}};
        while (poll(fds, 2, -1) < 0 && errno == EINTR) {
        }
        if (fds[1].revents != 0) {
            complaint_set(complaint, "stopped before the place to go on from");
            return STATUS_AGAIN;
        }
        TRY(read_input(load, chunk, left < SCRIPT_CHUNK ? (size_t)left : SCRIPT_CHUNK, &size, complaint));
        if (size == 0) {
            break;
        }
        script_skip(&load->script, (struct gm_bytes){chunk, size});
        left -= size;
    }
    if (left > 0 || load->script.place.crc != load->state.place.crc) {
        complaint_set(complaint, "%s does not belong to %s: the first %" PRIu64 " bytes are not the same",
                      load->tool->options->resume, load->tool->options->load, load->state.place.offset);
        return STATUS_INVALID;
    }
    load->answered = load->state.commands;
    load->errors = load->state.errors;
    return choose_database(load, complaint);
}

static enum status begin(struct load *load, uint8_t chunk[SCRIPT_CHUNK], struct complaint *complaint)
{
    const struct options *options = load->tool->options;
    struct stat about;
    load->in = strcmp(options->load, "-") == 0 ? STDIN_FILENO : open(options->load, O_RDONLY | O_CLOEXEC);
    if (load->in < 0 || fstat(load->in, &about) != 0) {
        complaint_set(complaint, "%s: %s", options->load, strerror(errno));
        return STATUS_INVALID;
    }
    load->size = S_ISREG(about.st_mode) ? (uint64_t)about.st_size : 0;
    load->selection.database = load->tool->dialog.selection.database;
    load->state.database = load->selection.database;
    if (options->resume == NULL) {
        return STATUS_OK;
    }
    enum status status = load_state_read(options->resume, &load->state, complaint);
    if (status != STATUS_OK) {
        return status == STATUS_NOT_FOUND ? STATUS_OK : STATUS_INVALID;
    }
    return go_to(load, chunk, complaint);
}

/* After a signal: what was sent is waited for, until a second one, or until nothing comes any more. */
static void stop(struct load *load, struct complaint *complaint)
{
    (void)tool_stopped(load->tool);
    progress_clear(&load->progress);
    fputs("stopping: waiting for the replies to what was sent (Ctrl-C again: not any more)\n", stderr);
    bool sooner = load->pipeline.stall_ms == 0 || load->pipeline.stall_ms > STOP_MS;
    load->pipeline.stall_ms = sooner ? STOP_MS : load->pipeline.stall_ms; /* load L5 */
    load->pipeline.moved_ms = channel_now_ms();
    enum status status = pipeline_drain(&load->pipeline, complaint);
    if (status == STATUS_OK || status == STATUS_AGAIN) {
        complaint_set(complaint, "stopped");
    } else if (status == STATUS_BUSY) {
        complaint_set(complaint, "stopped; line %" PRIu64 " was not answered",
                      load->flights[load->pipeline.answered % PIPELINE_COMMANDS].line);
    }
    complain(load, complaint, EXIT_CONNECTION);
}

static void summarise(struct load *load)
{
    double seconds = seconds_since(load->began_ns);
    fprintf(stderr, "%" PRIu64 " command%s in %.2f s (%.0f/s), %" PRIu64 " error%s", load->commands,
            load->commands == 1 ? "" : "s", seconds, (double)load->commands / seconds, load->errors,
            load->errors == 1 ? "" : "s");
    if (load->tool->exit == EXIT_CONNECTION) {
        fprintf(stderr, "; answered up to line %" PRIu64, load->state.place.line);
    }
    fputc('\n', stderr);
}

static void load_all(struct load *load, uint8_t chunk[SCRIPT_CHUNK])
{
    struct complaint complaint = {""};
    enum status begun = begin(load, chunk, &complaint);
    if (begun != STATUS_OK) {
        complain(load, &complaint, begun == STATUS_AGAIN ? EXIT_CONNECTION : EXIT_USAGE);
        return;
    }
    load->began_ns = tool_now_ns();
    enum status status = run(load, chunk, &complaint);
    if (status == STATUS_AGAIN) {
        stop(load, &complaint);
    } else if (status == STATUS_INVALID) { /* the input goes no further, but what came before it is answered */
        struct complaint other = {""};
        enum status drained = pipeline_drain(&load->pipeline, &other);
        if (drained == STATUS_AGAIN) {
            stop(load, &other);
        } else if (drained == STATUS_BUSY) {
            complain_stalled(load, &other);
        } else if (drained != STATUS_OK) {
            complain(load, &other, EXIT_CONNECTION);
        }
        complain(load, &complaint, EXIT_USAGE);
    } else if (status == STATUS_BUSY) {
        complain_stalled(load, &complaint);
    } else if (status != STATUS_OK) {
        complain(load, &complaint, EXIT_CONNECTION);
    }
    record(load, true);
    progress_clear(&load->progress);
    summarise(load);
}

int load_run(const struct options *options, bool utf8)
{
    struct tool tool;
    if (tool_begin(&tool, options, utf8)) {
        struct load load = {.tool = &tool, .in = -1, .progress = {.on = tool.progress}};
        uint8_t *chunk = memory_alloc(SCRIPT_CHUNK);
        load.flights = memory_zeroed(PIPELINE_COMMANDS * sizeof *load.flights);
        script_init(&load.script);
        pipeline_init(&load.pipeline, &tool.dialog.channel, &load, take_reply);
        load.pipeline.stall_ms = options->stall_s < 0 ? STALL_MS : (int64_t)ceil(options->stall_s * 1000);
        load_all(&load, chunk);
        pipeline_finish(&load.pipeline);
        script_finish(&load.script);
        memory_free(load.flights);
        memory_free(chunk);
        if (load.in > STDIN_FILENO) {
            close(load.in);
        }
    }
    return (int)tool_end(&tool);
}
