/* SPDX-License-Identifier: MIT */

/* admin_save.c - snapshots on demand: SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE. */
#include "command/cmd.h"
#include "geomys/ext/wait.h"
#include "node/admin.h"

/* Everybody else is served meanwhile; only this client waits. */
static void plan_save(struct gm_call *call)
{
    struct saver *saver = &admin_node(call)->replica.saver;
    struct complaint complaint;
    if (!call_of(call)->again) {
        enum status status = saver_start(saver, &complaint);
        if (status != STATUS_OK) {
            reply_errorf(&call_of(call)->reply, "ERR %s", complaint.text);
            return;
        }
    }
    bool busy = saver_is_busy(saver);
    if (busy && host_wait_2.wait(call, 0, BYTES_NONE)) {
        return;
    }
    if (busy) {
        gm_reply_error(call, "ERR the snapshot is still being made");
    } else if (saver->failed) {
        gm_reply_error(call, "ERR the snapshot could not be made: see the server's log; the previous one stays");
    } else {
        gm_reply_status(call, "OK");
    }
}

static void begin_in_background(struct gm_call *call, const char *answer, bool patient)
{
    struct saver *saver = &admin_node(call)->replica.saver;
    struct complaint complaint;
    enum status status = saver_start(saver, &complaint);
    if (status == STATUS_EXISTS && patient) {
        saver->wanted = true;
        gm_reply_status(call, "Background saving scheduled");
    } else if (status != STATUS_OK) {
        reply_errorf(&call_of(call)->reply, "ERR %s", complaint.text);
    } else {
        gm_reply_status(call, answer);
    }
}

static void plan_bgsave(struct gm_call *call)
{
    enum { SCHEDULE };
    begin_in_background(call, "Background saving started", gm_given(call, SCHEDULE));
}

/* The log is never rewritten: a snapshot makes its beginning superfluous. */
static void plan_bgrewriteaof(struct gm_call *call)
{
    begin_in_background(call, "Background append only file rewriting started", false);
}

static void plan_lastsave(struct gm_call *call)
{
    gm_reply_int(call, admin_node(call)->replica.saver.last_wall_ms / 1000);
}

/* ---- the table ---- */

static const struct gm_command commands[] = {
    {CMD_COMMAND, .usage = "SAVE", .flags = GM_READ | GM_ADMIN | CALL_NO_MULTI, .plan = plan_save,
     .complexity = "O(n), n the size of the data; other clients are served meanwhile",
     .summary = "Makes a snapshot, and answers when it is on the disk.", .example = "SAVE"},
    {CMD_COMMAND, .usage = "BGSAVE [SCHEDULE]", .flags = GM_READ | GM_ADMIN, .plan = plan_bgsave,
     .complexity = "O(1); then O(n), n the size of the data, in slices", .summary = "Begins a snapshot.",
     .example = "BGSAVE"},
    {CMD_COMMAND, .usage = "BGREWRITEAOF", .flags = GM_READ | GM_ADMIN, .plan = plan_bgrewriteaof,
     .complexity = "O(1); then O(n), n the size of the data, in slices",
     .summary = "Begins a snapshot, as BGSAVE: the log before the older of the last two is removed afterwards.",
     .example = "BGREWRITEAOF"},
    {CMD_COMMAND, .usage = "LASTSAVE", .flags = GM_READ | GM_ADMIN | GM_FAST | CALL_LOADING, .plan = plan_lastsave,
     .complexity = "O(1)", .summary = "Returns the Unix time of the last snapshot, or of the start.",
     .example = "LASTSAVE"},
};

CMD_MODULE(admin_save, .name = "geomys.save", .group = "server", .summary = "Makes snapshots.");
