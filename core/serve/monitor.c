/* SPDX-License-Identifier: MIT */

/* monitor.c - writing the line of monitor.h.
 *
 * The commands of a transaction are shown when they are carried out, after EXEC. */
#include "serve/monitor.h"

static void add_byte(struct buf *line, uint8_t byte)
{
    static const char escaped[] = "\"\\\n\r\t\a\b";
    static const char names[] = "\"\\nrtab";
    const char *at = byte != 0 ? strchr(escaped, byte) : NULL;
    if (at != NULL) {
        (void)buf_format(line, "\\%c", names[at - escaped]);
    } else if (byte < ' ' || byte > '~') {
        (void)buf_format(line, "\\x%02x", byte);
    } else {
        (void)buf_append(line, (struct gm_bytes){&byte, 1});
    }
}

static void add_word(struct buf *line, struct gm_bytes word)
{
    (void)buf_append(line, BYTES(" \""));
    for (size_t i = 0; i < word.size && !line->full; i++) {
        add_byte(line, word.data[i]);
    }
    (void)buf_append(line, BYTES("\""));
}

static void write_line(struct buf *line, const struct call *call)
{
    check(call->abi.argc > 0);
    const struct gm_call *abi = &call->abi;
    bool secret = (call->command->abi->flags & CALL_SECRET) != 0;
    uint32_t shown = call->command->usage.words;
    struct worker_moment now = worker_moment(call->worker);
    (void)buf_format(line, "+%lld.%06u [%u %s]", (long long)now.seconds, now.us, call->caller.database,
                     call->caller.address);
    for (uint32_t i = 0; i < abi->argc && !line->full; i++) {
        add_word(line, secret && i >= shown ? BYTES("(redacted)") : abi->argv[i]);
    }
}

void monitor_tell_slow(const struct call *call)
{
    struct list *monitors = &call->worker->monitors;
    struct buf line;
    buf_init(&line, MONITOR_LINE_MAX);
    write_line(&line, call);
    struct gm_bytes end = line.full ? BYTES("...\r\n") : BYTES("\r\n");
    for (struct list *at = monitors->next; at != monitors; at = at->next) {
        struct session *session = container_of(at, struct session, monitors);
        check(session->worker == call->worker);
        struct buf *out = session_push(session, 0);
        if (out != NULL && buf_append(out, buf_bytes(&line))) {
            (void)buf_append(out, end);
        }
        if (out != NULL) {
            session_pushed(session);
        }
    }
    buf_finish(&line);
}
