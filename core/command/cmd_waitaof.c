/* SPDX-License-Identifier: MIT */

/* cmd_waitaof.c - WAITAOF: waiting until what this connection has written is on stable storage.
 *
 * Under writethroughdisk every answer waits for that already; under bufferedwrite a client asks for it where it
 * matters. plan runs again when the log has synced (waiters_synced). */
#include "command/cmd.h"
#include "geomys/ext/wait.h"

static bool is_synced(const struct call *call)
{
    const struct wal *wal = call->shard->wal;
    return wal != NULL && wal_synced(wal) >= call_session(call)->written;
}

void cmd_waitaof(struct gm_call *abi)
{
    enum { LOCAL, REPLICAS, TIMEOUT };
    struct call *call = call_of(abi);
    int64_t local = abi->args[LOCAL].integer;
    if (local < 0 || local > 1) {
        gm_reply_error(abi, "ERR value is out of range, must be between 0 and 1");
        return;
    }
    if (abi->args[REPLICAS].integer != 0) {
        gm_reply_error(abi, "ERR numreplicas must be 0: this version has no replicas");
        return;
    }
    if (local == 1 && call->shard->wal == NULL) {
        gm_reply_error(abi, "ERR WAITAOF cannot be used when numlocal is set but persistence is none");
        return;
    }
    if (local == 0 || is_synced(call) || !host_wait_1.wait(abi, abi->args[TIMEOUT].integer)) {
        gm_reply_array(abi, 2);
        gm_reply_int(abi, is_synced(call) ? 1 : 0);
        gm_reply_int(abi, 0);
    }
}
