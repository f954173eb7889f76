/* SPDX-License-Identifier: MIT */

/* pause.c - who is held back; pause.h has the argument. */
#include "serve/pause.h"

#include "command/cmd.h"

void pause_begin(struct shard *shard, int64_t until_ms, bool all)
{
    if (until_ms <= shard->monotonic_ms) {
        return;
    }
    shard->pause_until_ms = until_ms > shard->pause_until_ms ? until_ms : shard->pause_until_ms;
    shard->pause_all = all;
}

void pause_forget(struct session *session)
{
    if (!list_empty(&session->held)) {
        list_remove(&session->held);
        session->shard->session_blocked--;
    }
}

void pause_end(struct shard *shard)
{
    shard->pause_until_ms = 0;
    while (!list_empty(&shard->held)) {
        struct session *session = container_of(shard->held.next, struct session, held);
        pause_forget(session);
        session->resumed = true;
        session_touch(session);
    }
}

static bool writes(const struct session *session, uint32_t flags)
{
    bool alike = (flags & CALL_WRITE_ALIKE) != 0 && (!session->multi || cmd_transaction_writes(session));
    return (flags & GM_WRITE) != 0 || alike;
}

bool pause_holds(struct session *session, const struct gm_bytes *argv, uint32_t argc)
{
    struct shard *shard = session->shard;
    if (argc == 0 || !session->authenticated) {
        return false;
    }
    struct registry_lookup lookup = registry_find(shard->registry, argv, argc);
    if (lookup.outcome != REGISTRY_FOUND) {
        return false;
    }
    uint32_t flags = lookup.command->abi->flags;
    if (!(shard->pause_all ? (flags & CALL_UNPAUSED) == 0 : writes(session, flags))) {
        return false;
    }
    list_push_back(&shard->held, &session->held);
    shard->session_blocked++;
    return true;
}
