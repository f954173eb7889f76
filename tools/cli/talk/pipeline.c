/* SPDX-License-Identifier: MIT */

/* pipeline.c - pushing and pulling. */
#include "cli/talk/pipeline.h"

void pipeline_init(struct pipeline *pipeline, struct channel *channel, void *context,
                   void (*on_reply)(void *context, uint64_t index, const struct answer *reply))
{
    *pipeline = (struct pipeline){.channel = channel, .context = context, .on_reply = on_reply};
    buf_init(&pipeline->out, PIPELINE_COMMAND + 2 * PIPELINE_BYTES);
}

void pipeline_finish(struct pipeline *pipeline)
{
    buf_finish(&pipeline->out);
}

static struct gm_bytes unsent(const struct pipeline *pipeline)
{
    size_t size = pipeline->out.size - pipeline->out_at;
    return size > 0 ? (struct gm_bytes){pipeline->out.data + pipeline->out_at, size} : BYTES_NONE;
}

static enum status take_replies(struct pipeline *pipeline, bool *pushed, struct complaint *complaint)
{
    for (;;) {
        struct answer reply = {0};
        enum status status = channel_receive(pipeline->channel, 0, &reply, complaint);
        if (status != STATUS_OK) {
            return status == STATUS_AGAIN ? STATUS_OK : status;
        }
        bool push = reply.type == ANSWER_PUSH;
        *pushed = *pushed || push;
        bool expected = push || pipeline->answered < pipeline->pushed;
        if (expected && !push) {
            pipeline->on_reply(pipeline->context, pipeline->answered++, &reply);
        }
        answer_finish(&reply);
        if (!expected) {
            complaint_set(complaint, "The server sends more replies than there were commands");
            channel_close(pipeline->channel);
            return STATUS_CORRUPT;
        }
    }
}

static enum status step(struct pipeline *pipeline, struct complaint *complaint)
{
    size_t sent = 0;
    int64_t deadline_ms = pipeline->stall_ms > 0 ? pipeline->moved_ms + pipeline->stall_ms : -1;
    enum status status = channel_pump(pipeline->channel, unsent(pipeline), &sent, deadline_ms, complaint);
    if (status == STATUS_BUSY) {
        complaint_set(complaint, "no reply, and nothing else went on, for %.3g s", (double)pipeline->stall_ms / 1000);
    }
    TRY(status);
    pipeline->out_at += sent;
    if (pipeline->out_at == pipeline->out.size) {
        buf_clear(&pipeline->out, (size_t)4 * PIPELINE_BYTES);
        pipeline->out_at = 0;
    }
    bool pushed = false;
    uint64_t answered = pipeline->answered;
    TRY(take_replies(pipeline, &pushed, complaint));
    if (sent > 0 || pipeline->answered > answered || !pushed) { /* else a part of a reply has come */
        pipeline->moved_ms = channel_now_ms();
    }
    return STATUS_OK;
}

static bool append(struct buf *out, const struct gm_bytes *argv, size_t argc)
{
    bool fits = buf_format(out, "*%zu\r\n", argc);
    for (size_t i = 0; i < argc && fits; i++) {
        fits = buf_format(out, "$%zu\r\n", argv[i].size) && buf_append(out, argv[i]) && buf_append(out, BYTES("\r\n"));
    }
    return fits;
}

enum status pipeline_push(struct pipeline *pipeline, const struct gm_bytes *argv, size_t argc,
                          struct complaint *complaint)
{
    check(argc > 0);
    size_t size = pipeline->out.size;
    if (!append(&pipeline->out, argv, argc)) {
        pipeline->out.size = size;
        complaint_set(complaint, "a command is larger than the limit of %zu bytes", PIPELINE_COMMAND);
        return STATUS_TOO_BIG;
    }
    if (pipeline->pushed++ == pipeline->answered) { /* there was nothing to wait for */
        pipeline->moved_ms = channel_now_ms();
    }
    while (unsent(pipeline).size >= PIPELINE_BYTES) {
        TRY(step(pipeline, complaint));
    }
    if (pipeline->pushed - pipeline->answered >= PIPELINE_COMMANDS) {
        while (pipeline->pushed - pipeline->answered > PIPELINE_COMMANDS / 2) {
            TRY(step(pipeline, complaint));
        }
    }
    return STATUS_OK;
}

enum status pipeline_drain(struct pipeline *pipeline, struct complaint *complaint)
{
    while (pipeline->answered < pipeline->pushed) {
        TRY(step(pipeline, complaint));
    }
    return STATUS_OK;
}
