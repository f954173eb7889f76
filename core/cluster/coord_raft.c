/* SPDX-License-Identifier: MIT */

/* coord_raft.c - the engine: what entries make of the document, and the order of a turn.
 *
 * Idea     Each entry is a patch that expects a version (coord_patch.h). All servers apply the same entries in the same
 *          order, so all decide alike which of two that expect one version is carried out: the first.
 *
 *          The library begins at the first entry after each start, and knows what is committed only when there is a
 *          leader. So that a node knows its topology before, and without a majority, the store keeps how far entries
 *          were applied; these are looked at once, at the start, and shown.
 *
 * Promises
 *   P1  An entry that cannot be read stops the engine: no server goes on with another document than the others.
 *
 * Limits   All entries are kept, on disk and in memory, and applied at each start: a change of leader takes some 70
 *          bytes. At three quarters of the log's size changes are refused; there is no way to make it smaller but a
 *          new cluster folder on each node, one after the other (a member that joins anew gets it all, so on none is it
 *          smaller): so it is made large enough at first.
 */
#include "cluster/coord_raft_state.h"

#include "base/codec.h"
#include "base/memory.h"
#include "cluster/coord_patch.h"

uint64_t coord_raft_server(const uint8_t folder_id[static TOPOLOGY_ID_SIZE])
{
    uint64_t server = codec_u64(folder_id);
    return server == 0 ? 1 : server;
}

void coord_raft_show(struct coord_raft *raft, const struct topology *topology)
{
    if (raft->current == NULL) {
        raft->current = memory_alloc(sizeof *raft->current);
        raft->current->version = 0;
    }
    if (topology->version > raft->current->version) { /* coord O4 */
        topology_copy(raft->current, topology);
    }
}

/* ---- entries ---- */

/* Makes the next document in `scratch`, and its topology in `decoded`. EXISTS: it expects another version. */
static enum status apply_patch(struct coord_raft *raft, struct gm_bytes patch, struct complaint *complaint)
{
    uint64_t expected;
    TRY(coord_patch_version(patch, &expected));
    if (expected != raft->version) {
        return STATUS_EXISTS;
    }
    TRY(coord_patch_apply(buf_bytes(&raft->document), patch, &raft->scratch));
    TRY(topology_decode(buf_bytes(&raft->scratch), raft->decoded, complaint));
    return raft->decoded->version == expected + 1 ? STATUS_OK : STATUS_CORRUPT;
}

static enum status take_patch(struct coord_raft *raft, struct gm_bytes patch)
{
    struct complaint complaint;
    enum status status = apply_patch(raft, patch, &complaint);
    if (status != STATUS_OK) {
        return status;
    }
    struct buf before = raft->document;
    raft->document = raft->scratch;
    raft->scratch = before;
    raft->version = raft->decoded->version;
    topology_copy(raft->applied, raft->decoded);
    coord_raft_show(raft, raft->applied);
    return STATUS_OK;
}

static int fsm_apply(struct raft_fsm *fsm, const struct raft_buffer *buffer, void **result)
{
    struct coord_raft *raft = fsm->data;
    enum status status = take_patch(raft, gm_bytes_at(buffer->base, buffer->len));
    *result = status == STATUS_OK ? raft : NULL;
    if (status != STATUS_OK && status != STATUS_EXISTS) { /* coord_raft P1 */
        coord_guard_stop(&raft->guard,
                         "an entry of the coordinator's log cannot be read by this program: it is damaged, "
                         "or was written by a newer one");
        return RAFT_MALFORMED;
    }
    return 0;
}

static int fsm_snapshot(struct raft_fsm *fsm, struct raft_buffer *bufs[], unsigned *n_bufs)
{
    (void)fsm;
    (void)bufs;
    (void)n_bufs;
    return RAFT_INVALID; /* coord_guard P5: none is ever asked for */
}

static int fsm_restore(struct raft_fsm *fsm, struct raft_buffer *buf)
{
    (void)fsm;
    (void)buf;
    return RAFT_INVALID;
}

/* ---- the turn ---- */

/* How far entries were applied is worth a write when one has changed the document. */
static void note_applied(struct coord_raft *raft, uint64_t version)
{
    struct coord_store *store = &raft->guard.store;
    uint64_t index = raft_last_applied(&raft->guard.raft);
    if (raft->version != version && index <= store->last && !raft->guard.stopped) {
        coord_store_set_applied(store, index);
    }
}

static void raft_turn(struct coord *coord, int64_t now_us)
{
    struct coord_raft *raft = container_of(coord, struct coord_raft, base);
    uint64_t version = raft->version;
    raft->now_us = now_us > raft->now_us ? now_us : raft->now_us;
    coord_guard_turn(&raft->guard, now_us);
    if (raft->guard.stopped) {
        return; /* coord O6 */
    }
    coord_raft_see_to_asks(raft);
    if (coord_guard_ready(&raft->guard)) {
        coord_raft_see_to_members(raft);
    }
    note_applied(raft, version);
    coord_guard_turn(&raft->guard, now_us);
    if (!raft->guard.stopped) {
        coord_raft_answer_asks(raft);
    }
}

static uint32_t raft_next_ms(const struct coord *coord, int64_t now_us)
{
    const struct coord_raft *raft = container_of(coord, struct coord_raft, base);
    uint32_t next_ms = coord_guard_next_ms(&raft->guard, now_us);
    int64_t asks_us = coord_raft_next_us(raft);
    if (raft->guard.stopped) {
        return UINT32_MAX;
    }
    if (coord_raft_has_answers(raft) || asks_us <= now_us) {
        return 0;
    }
    /* Whoever asks has turned it, and an ask that waits for something waits for a message or a tick. */
    if (asks_us != INT64_MAX && (asks_us - now_us) / 1000 + 1 < (int64_t)next_ms) {
        next_ms = (uint32_t)((asks_us - now_us) / 1000 + 1);
    }
    return next_ms;
}

/* ---- the rest of the engine ---- */

static const struct topology *raft_topology(const struct coord *coord)
{
    return container_of(coord, struct coord_raft, base)->current;
}

static bool raft_is_controller(const struct coord *coord)
{
    return coord_guard_settled(&container_of(coord, struct coord_raft, base)->guard);
}

static void raft_on_message(struct coord *coord, uint64_t from, struct gm_bytes message)
{
    coord_guard_receive(&container_of(coord, struct coord_raft, base)->guard, from, message);
}

static const char *raft_trouble(const struct coord *coord)
{
    const struct coord_raft *raft = container_of(coord, struct coord_raft, base);
    return raft->guard.stopped ? raft->guard.trouble.text : NULL;
}

static void release(struct coord_raft *raft)
{
    coord_raft_forget_asks(raft);
    buf_finish(&raft->document);
    buf_finish(&raft->scratch);
    memory_free(raft->current);
    memory_free(raft->applied);
    memory_free(raft->decoded);
    memory_free(raft);
}

static void raft_destroy(struct coord *coord)
{
    struct coord_raft *raft = container_of(coord, struct coord_raft, base);
    coord_guard_finish(&raft->guard);
    release(raft);
}

static const struct coord_ops raft_ops = {
    .topology = raft_topology,
    .swap = coord_raft_swap,
    .read = coord_raft_read,
    .is_controller = raft_is_controller,
    .turn = raft_turn,
    .next_ms = raft_next_ms,
    .on_message = raft_on_message,
    .trouble = raft_trouble,
    .destroy = raft_destroy,
};

/* ---- the start ---- */

/* What was applied before is shown; the library applies it again. */
static enum status show_applied(struct coord_raft *raft, struct complaint *complaint)
{
    const struct coord_store *store = &raft->guard.store;
    for (uint64_t i = 1; i <= store->applied && i <= store->read; i++) {
        struct coord_store_entry entry = coord_store_loaded(store, i);
        enum status status = entry.type == COORD_STORE_COMMAND ? take_patch(raft, entry.data) : STATUS_OK;
        if (status != STATUS_OK && status != STATUS_EXISTS) {
            complaint_set(complaint, "entry %llu of '" COORD_STORE_LOG "' cannot be read by this program: %s",
                          (unsigned long long)i, status_text(status));
            return STATUS_CORRUPT;
        }
    }
    buf_clear(&raft->document, 0);
    raft->version = 0;
    return STATUS_OK;
}

static struct coord_guard_config guard_config(struct coord_raft *raft, const struct coord_raft_config *config)
{
    return (struct coord_guard_config){
        .disk = config->disk,
        .sender = config->sender,
        .node = config->node,
        .server = coord_raft_server(config->folder_id),
        .log_size = config->log_size,
        .beat_ms = config->beat_ms,
        .elect_ms = config->elect_ms,
        .seed = config->seed,
        .now_us = config->now_us,
        .bootstrap = config->bootstrap,
        .fsm = &raft->fsm,
        .on_ask = coord_raft_on_ask,
        .context = raft,
    };
}

enum status coord_raft_create(struct coord **out, const struct coord_raft_config *config, struct complaint *complaint)
{
    struct coord_raft *raft = memory_zeroed(sizeof *raft);
    raft->base.ops = &raft_ops;
    raft->now_us = config->now_us;
    raft->fsm = (struct raft_fsm){
        .version = 1, .data = raft, .apply = fsm_apply, .snapshot = fsm_snapshot, .restore = fsm_restore};
    raft->applied = memory_alloc(sizeof *raft->applied);
    raft->decoded = memory_alloc(sizeof *raft->decoded);
    buf_init(&raft->document, TOPOLOGY_BYTES_MAX);
    buf_init(&raft->scratch, TOPOLOGY_BYTES_MAX);
    list_init(&raft->asks);
    struct coord_guard_config guard = guard_config(raft, config);
    enum status status = coord_guard_start(&raft->guard, &guard, complaint);
    if (status == STATUS_OK) {
        status = show_applied(raft, complaint);
        if (status == STATUS_OK) {
            status = coord_guard_run(&raft->guard, complaint);
        }
        if (status != STATUS_OK) {
            coord_guard_finish(&raft->guard);
        }
    }
    if (status != STATUS_OK) {
        release(raft);
        return status;
    }
    *out = &raft->base;
    return STATUS_OK;
}
