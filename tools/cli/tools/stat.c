/* SPDX-License-Identifier: MIT */

/* stat.c - INFO, in columns.
 *
 * Idea     Operations per second are the difference of the server's own count over the time between two answers: exact
 *          for any interval. Only the first line has no line before it, and shows the server's own estimate. */
#include "cli/tools/stat.h"

#include <inttypes.h>

#include "cli/tools/tool.h"

static bool begins(struct gm_bytes line, const char *with)
{
    size_t size = strlen(with);
    return line.size >= size && memcmp(line.data, with, size) == 0;
}

/* The decimal number at the beginning. */
static int64_t number_at(struct gm_bytes text)
{
    size_t size = 0;
    while (size < text.size && text.data[size] >= '0' && text.data[size] <= '9') {
        size++;
    }
    int64_t number = 0;
    return bytes_to_int((struct gm_bytes){text.data, size}, &number) ? number : 0;
}

static void take_line(struct stat_sample *sample, struct gm_bytes line)
{
    struct {
        const char *name;
        int64_t *to;
    } const fields[] = {{"used_memory:", &sample->memory},
                        {"connected_clients:", &sample->clients},
                        {"blocked_clients:", &sample->blocked},
                        {"total_commands_processed:", &sample->commands},
                        {"instantaneous_ops_per_sec:", &sample->ops}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        size_t size = strlen(fields[i].name);
        if (begins(line, fields[i].name)) {
            *fields[i].to = number_at((struct gm_bytes){line.data + size, line.size - size});
        }
    }
    static const char keys[] = ":keys=";
    const uint8_t *at = begins(line, "db") ? memmem(line.data, line.size, keys, sizeof keys - 1) : NULL;
    if (at != NULL) {
        at += sizeof keys - 1;
        sample->keys += number_at((struct gm_bytes){at, line.size - (size_t)(at - line.data)});
    }
}

struct stat_sample stat_read(struct gm_bytes info)
{
    struct stat_sample sample = {0};
    for (size_t at = 0; at < info.size;) {
        const uint8_t *end = memchr(info.data + at, '\n', info.size - at);
        size_t size = end != NULL ? (size_t)(end - info.data) - at : info.size - at;
        take_line(&sample, (struct gm_bytes){info.data + at, size});
        at += size + 1;
    }
    return sample;
}

int64_t stat_rate(const struct stat_sample *before, const struct stat_sample *now, int64_t elapsed_ns)
{
    int64_t commands = now->commands - before->commands - 1;
    if (commands <= 0 || elapsed_ns <= 0) { /* less than before: the server was started again */
        return 0;
    }
    return (int64_t)((double)commands * 1e9 / (double)elapsed_ns + 0.5);
}

static void print_row(const struct stat_sample *sample, int64_t rate)
{
    char memory[16];
    tool_size(memory, (uint64_t)(sample->memory > 0 ? sample->memory : 0));
    printf("%12" PRId64 " %9s %9" PRId64 " %9" PRId64 " %11" PRId64 "\n", sample->keys, memory, sample->clients,
           sample->blocked, rate);
    fflush(stdout);
}

static void show_samples(struct tool *tool)
{
    int64_t interval_ns = tool->options->interval_given ? (int64_t)(tool->options->interval_s * 1e9) : 1000000000;
    int64_t began_ns = tool_now_ns();
    int64_t before_ns = 0;
    struct stat_sample before = {0};
    for (uint64_t line = 0;; line++) {
        struct answer info = {0};
        if (!tool_ask(tool, (const struct gm_bytes[]){BYTES("INFO")}, 1, &info)) {
            return;
        }
        int64_t now_ns = tool_now_ns();
        struct stat_sample sample = stat_read(info.text);
        answer_finish(&info);
        if (line % STAT_HEADER_EVERY == 0) {
            printf("%12s %9s %9s %9s %11s\n", "keys", "memory", "clients", "blocked", "ops/s");
        }
        print_row(&sample, line == 0 ? sample.ops : stat_rate(&before, &sample, now_ns - before_ns));
        before = sample;
        before_ns = now_ns;
        if (ferror(stdout) ||
            (tool->options->duration_s > 0 &&
             (double)(now_ns - began_ns + interval_ns) > tool->options->duration_s * 1e9) ||
            !tool_wait(tool, interval_ns)) {
            return;
        }
    }
}

int stat_run(const struct options *options, bool utf8)
{
    struct tool tool;
    if (tool_begin(&tool, options, utf8)) {
        show_samples(&tool);
    }
    return (int)tool_end(&tool);
}
