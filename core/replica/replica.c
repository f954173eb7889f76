/* SPDX-License-Identifier: MIT */

/* replica.c - from files to data and on: loading, then the log and the snapshots.
 *
 * Promises
 *   I1  While it loads nothing is written but what recovery repairs, and the shard's role says so.
 *   I2  After a failed sync, or damage, the state is failed for ever: no turn does anything any more.
 *   I3  Lack of space is no failure, at the start neither: what is read is served, once it is on stable storage.
 *   I5  In a cluster nothing is written that was not promised (stand.h): what a leader says first is its epoch's
 *       record, and a log of no data set is not begun.
 *   I4  While the reserve is gone for want of space no write is taken: what is left is for the rescue. */
#include "replica/replica.h"

#include "log/mark.h"
#include "log/replace.h"
#include "log/rewind.h"
#include "meter/meters.h"
#include "replica/origin.h"

#define LOADING_SLICE   ((size_t)4 * 1024 * 1024) /* bytes of log per turn */
#define LOADING_TOLD_MS 2000
#define SPACE_MS        1000 /* between looks for space */
#define REPLICA_ALONE   1    /* the node id of a leader without a cluster */

static void fail(struct replica *replica, const struct complaint *complaint)
{
    check(replica->state != REPLICA_FAILED); /* replica I2 */
    replica->state = REPLICA_FAILED;
    replica->complaint = *complaint;
    trace(replica->env.trace, TRACE_ERROR, "%s", complaint->text);
}

/* ---- from the log ---- */

/* A slow disk is an event of LATENCY. */
static void tell_sync(struct replica *replica)
{
    struct meters *meters = replica->shard.meters;
    struct wal_stats stats;
    if (meters == NULL || meters->latency.threshold_ms == 0) {
        return;
    }
    wal_stats(replica->wal, &stats);
    if (stats.syncs != replica->syncs_told) {
        bool always = replica->options.wal.policy == WAL_WRITE_THROUGH;
        latency_add(&meters->latency, always ? "aof-fsync-always" : "aof-fsync", (int64_t)stats.last_sync_us / 1000);
    }
    replica->syncs_told = stats.syncs;
}

/* What passes is told when it comes and when it has gone. */
static void tell_lack(struct replica *replica, enum status lack)
{
    enum status before = replica->lack;
    replica->lack = lack;
    if (lack == before) {
        return;
    }
    if (lack == STATUS_NO_SPACE) {
        trace(replica->env.trace, TRACE_ERROR,
              "the disk is full: writes are refused until there is space again; answers to the last ones wait");
    } else if (lack != STATUS_OK) {
        trace(replica->env.trace, TRACE_ERROR,
              "the log cannot be written for the moment: %s; it is tried again, writes are refused until it works, and "
              "answers to the last ones wait",
              status_text(lack));
    } else if (before == STATUS_NO_SPACE) {
        trace(replica->env.trace, TRACE_INFO, "there is space on the disk again: writes are taken");
    } else {
        trace(replica->env.trace, TRACE_INFO, "the log can be written again: writes are taken");
    }
}

static void on_log_progress(void *context)
{
    struct replica *replica = context;
    check(replica->state != REPLICA_FAILED); /* replica I2 */
    tell_sync(replica);
    tell_lack(replica, wal_lack(replica->wal));
}

/* The reserve was given up, or has been made again, or could not be. */
static void on_reserve(void *context)
{
    struct replica *replica = context;
    if (replica->wal == NULL) {
        return;
    }
    if (replica->reserve.there) {
        wal_strain(replica->wal, false); /* replica I4 */
    } else {
        saver_space_came(&replica->saver);
    }
}

static void on_log_failed(void *context, const struct complaint *complaint)
{
    fail(context, complaint);
}

static void say(void *context, const char *sentence)
{
    struct replica *replica = context;
    trace(replica->env.trace, TRACE_ERROR, "%s", sentence);
}

/* ---- life ---- */

/* What a log that was to go back has given up. */
static void tell_rewound(const struct replica *replica, const struct rewind_report *report)
{
    if (report->done) {
        trace(replica->env.trace, TRACE_WARNING,
              "the log goes back to record %llu: %u files keep what it had behind it (%llu bytes; %s is one of them)",
              (unsigned long long)report->to, report->aside.files, (unsigned long long)report->aside.bytes,
              report->aside.newest[0] != '\0' ? report->aside.newest : "none");
    }
}

static void tell_replaced(const struct replica *replica, const struct replace_report *report)
{
    if (report->done) {
        trace(replica->env.trace, TRACE_WARNING,
              "the snapshot of record %llu takes the place of what was here: %u files keep that (%llu bytes of log)",
              (unsigned long long)report->cut, report->aside.files, (unsigned long long)report->aside.bytes);
    }
}

/* What was begun, and must be done before anything is read. */
static enum status finish_exchange(const struct replica *replica, struct complaint *complaint)
{
    struct rewind_report rewound;
    struct replace_report replaced;
    TRY(replace_do(replica->env.disk, &replaced, complaint));
    tell_replaced(replica, &replaced);
    TRY(rewind_do(replica->env.disk, &rewound, complaint));
    tell_rewound(replica, &rewound);
    return STATUS_OK;
}

static enum status begin_loading(struct replica *replica, struct complaint *complaint)
{
    replica->state = REPLICA_LOADING;
    replica->load_began_ms = replica->shard.monotonic_ms;
    replica->load_told_ms = replica->shard.monotonic_ms;
    check(shard_is_loading(&replica->shard) && replica->wal == NULL); /* replica I1 */
    if (replica->env.disk == NULL) {
        return STATUS_OK;
    }
    return recovery_create(&replica->recovery, replica->env.disk, &replica->shard, replica->env.trace, complaint);
}

/* What the mark file says to be owed: whoever votes knows of it from the first moment on. */
static void recall_debt(struct replica *replica)
{
    struct mark mark;
    struct complaint none;
    if (replica->env.member && replica->env.disk != NULL && mark_read(replica->env.disk, &mark, &none) == STATUS_OK) {
        stand_recall(&replica->stand, (struct stand_position){mark.owes_epoch, mark.owes_sequence});
    }
}

enum status replica_init(struct replica *replica, const struct registry *registry,
                         const struct replica_options *options, const struct replica_env *env,
                         struct complaint *complaint)
{
    *replica = (struct replica){.options = *options, .env = *env};
    struct gm_secret secret = {{0}};
    enum status known = finish_exchange(replica, complaint);
    known = known == STATUS_OK ? origin_find(env->disk, env->entropy, &secret, complaint) : known;
    shard_init(&replica->shard, registry, &options->shard, &secret);
    replica->shard.events =
        (struct shard_events){.on_damage = say, .on_mended = say, .on_fault = say, .context = replica};
    stand_init(&replica->stand, env->lock);
    recall_debt(replica);
    saver_init(&replica->saver, &replica->shard, env->disk, &options->saver, env->trace);
    bool logged = options->wal.policy != WAL_NONE;
    reserve_init(&replica->reserve, env->disk, logged ? options->reserve_size : 0, on_reserve, replica);
    return known == STATUS_OK ? begin_loading(replica, complaint) : known;
}

/* Whatever writes comes to its end, without writing more. */
static void drop_log(struct replica *replica)
{
    saver_finish(&replica->saver);
    check(replica->saver.writer == NULL && !replica->saver.removing);
    if (replica->on_down != NULL) {
        replica->on_down(replica->context);
    }
    if (replica->reserve.busy) {
        replica->env.disk->ops->drain(replica->env.disk);
    }
    replica->unopened = false;
    replica->shard.unlogged = false;
    shard_log_to(&replica->shard, NULL);
    wal_destroy(replica->wal);
    replica->wal = NULL;
}

void replica_finish(struct replica *replica)
{
    if (replica->shard.registry == NULL) {
        return;
    }
    check(replica->recovery == NULL || replica->wal == NULL); /* replica I1 */
    recovery_destroy(replica->recovery);
    replica->recovery = NULL;
    drop_log(replica);
    reserve_finish(&replica->reserve);
    shard_finish(&replica->shard);
}

void replica_configure(struct replica *replica, const struct replica_options *options)
{
    replica->options = *options;
    shard_configure(&replica->shard, &options->shard);
    saver_configure(&replica->saver, &options->saver);
}

/* ---- loading ---- */

static void tell_progress(struct replica *replica)
{
    const struct recovery_progress *loaded = &replica->loaded;
    if (replica->shard.monotonic_ms - replica->load_told_ms < LOADING_TOLD_MS) {
        return;
    }
    uint64_t total = recovery_bytes_total(loaded);
    double share = total == 0 ? 100.0 : 100.0 * (double)recovery_bytes_done(loaded) / (double)total;
    replica->load_told_ms = replica->shard.monotonic_ms;
    trace(replica->env.trace, TRACE_INFO, "loading: %.0f %% of %.1f MB, %llu records", share, (double)total / 1e6,
          (unsigned long long)(loaded->snapshot.records + loaded->log.records));
}

static void tell_frozen(const struct replica *replica)
{
    const struct shard *shard = &replica->shard;
    for (uint32_t i = 1; i < shard->types.count; i++) {
        uint64_t keys = databases_keys(&shard->databases, (uint8_t)i);
        if (shard->types.by_number[i].abi == NULL && keys > 0) {
            trace(replica->env.trace, TRACE_WARNING,
                  "%llu keys of type %s are frozen: no loaded module has this type; they are kept until one does",
                  (unsigned long long)keys, shard->types.by_number[i].name);
        }
    }
}

static void tell_loaded(const struct replica *replica)
{
    const struct replay_progress *log = &replica->loaded.log;
    const struct snapshot_progress *snapshot = &replica->loaded.snapshot;
    if (log->torn_bytes > 0 && log->torn_copy[0] != '\0') {
        trace(replica->env.trace, TRACE_WARNING,
              "the end of the log was torn by a crash: %llu bytes that nobody was promised were cut; a copy is in %s",
              (unsigned long long)log->torn_bytes, log->torn_copy);
    }
    trace(replica->env.trace, TRACE_INFO,
          "loaded %llu keys from %llu records (%.1f MB) in %.3f s, %llu of them (%.1f MB) of a snapshot",
          (unsigned long long)replica->shard.databases.ledger.keys,
          (unsigned long long)(snapshot->records + log->records), (double)recovery_bytes_done(&replica->loaded) / 1e6,
          (double)(replica->load_ended_ms - replica->load_began_ms) / 1e3, (unsigned long long)snapshot->records,
          (double)snapshot->bytes_done / 1e6);
    tell_frozen(replica);
}

/* What recovery left undone for want of space. */
static enum status repair(struct replica *replica, struct replay_end *end, struct complaint *complaint)
{
    if (end->unrepaired) {
        TRY(replay_repair(replica->env.disk, end, replica->loaded.log.torn_copy, complaint));
        end->unrepaired = false;
    }
    return STATUS_OK;
}

static enum status open_log(struct replica *replica, struct replay_end *end, struct complaint *complaint)
{
    struct wal_config config = replica->options.wal;
    TRY(repair(replica, end, complaint));
    struct entropy *entropy = replica->env.entropy;
    entropy->ops->fill(entropy, &config.salt_seed, sizeof config.salt_seed);
    struct wal_events events = {.on_progress = on_log_progress, .on_failed = on_log_failed, .context = replica};
    TRY(wal_create(&replica->wal, &config, replica->env.disk, &replica->shard.tail, end, &events, complaint));
    check(wal_synced(replica->wal) == replica->shard.tail.last_sequence); /* recovery P1 */
    shard_log_to(&replica->shard, replica->wal);
    return STATUS_OK;
}

/* The same with the reserve, if need be. */
static enum status open_log_somehow(struct replica *replica, struct replay_end *end, struct complaint *complaint)
{
    reserve_find(&replica->reserve);
    enum status status = open_log(replica, end, complaint);
    if (status == STATUS_NO_SPACE && reserve_give_now(&replica->reserve)) {
        trace(replica->env.trace, TRACE_WARNING, "the disk is full: the reserve (" RESERVE_NAME ") is given up");
        status = open_log(replica, end, complaint);
        if (status == STATUS_OK) {
            wal_strain(replica->wal, true); /* replica I4 */
        }
    }
    return status;
}

static void begin_logging(struct replica *replica, const struct recovery_end *found)
{
    bool strained = wal_lack(replica->wal) != STATUS_OK;
    saver_begin(&replica->saver, replica->wal, found);
    if (strained) {
        saver_spare(&replica->saver);
    } else if (replica->reserve.size > 0 && !replica->reserve.there && !replica->reserve.busy) {
        reserve_make(&replica->reserve);
    }
}

/* There is no space to open the log: the data can be read. */
static enum status serve_unlogged(struct replica *replica, const struct recovery_end *found,
                                  struct complaint *complaint)
{
    trace(replica->env.trace, TRACE_ERROR,
          "the disk is full, and the log cannot be opened: %s. The data can be read; writes are refused until there is "
          "space",
          complaint->text);
    TRY(replay_secure(replica->env.disk, &found->log, complaint)); /* replica I3 */
    replica->found = *found;
    replica->unopened = true;
    replica->space_ms = replica->shard.monotonic_ms + SPACE_MS;
    replica->shard.unlogged = true;
    return STATUS_OK;
}

/* Whether there is space for the log by now. */
static void try_to_open(struct replica *replica)
{
    struct complaint complaint;
    if (replica->shard.monotonic_ms < replica->space_ms) {
        return;
    }
    enum status status = open_log(replica, &replica->found.log, &complaint);
    if (status == STATUS_NO_SPACE) {
        replica->space_ms = replica->shard.monotonic_ms + SPACE_MS;
        return;
    }
    replica->unopened = false;
    replica->shard.unlogged = false;
    if (status != STATUS_OK) {
        fail(replica, &complaint);
        return;
    }
    trace(replica->env.trace, TRACE_INFO, "there is space on the disk again: writes are taken");
    begin_logging(replica, &replica->found);
}

/* The reserve is given up when the log needs it, and made again when nothing else needs the space. */
static void mind_space(struct replica *replica)
{
    struct reserve *reserve = &replica->reserve;
    const struct shard *shard = &replica->shard;
    if (wal_waits_for_space(replica->wal)) {
        saver_spare(&replica->saver);
        if (reserve->there && !reserve->busy) {
            wal_strain(replica->wal, true); /* replica I4 */
            reserve_give(reserve);
        }
        replica->space_ms = shard->monotonic_ms;
        replica->waited = true;
        return;
    }
    if (replica->waited && !wal_full(replica->wal)) {
        saver_spare_no_more(&replica->saver);
    }
    replica->waited = false;
    bool rescued = !replica->saver.scarce && !saver_is_busy(&replica->saver);
    if (reserve->size > 0 && !reserve->there && !reserve->busy && rescued && shard->monotonic_ms >= replica->space_ms) {
        replica->space_ms = shard->monotonic_ms + SPACE_MS;
        reserve_make(reserve);
    }
}

/* Alone it may write at once, in an epoch that begins with what it writes first; in a cluster it follows. */
static enum shard_role take_role(struct replica *replica, const struct replay_end *end)
{
    if (replica->env.member) {
        return SHARD_FOLLOWING;
    }
    shard_lead(&replica->shard, end->last_epoch + 1, &(struct record_epoch){.leader = REPLICA_ALONE});
    return SHARD_ALONE;
}

static void start_serving(struct replica *replica, struct recovery_end *found)
{
    struct shard *shard = &replica->shard;
    struct replay_end *end = &found->log;
    check(replica->state == REPLICA_LOADING && replica->recovery == NULL && replica->wal == NULL); /* replica I1 */
    bool logged = replica->env.disk != NULL && replica->options.wal.policy != WAL_NONE;
    struct complaint complaint;
    shard_continue(shard, end->last_sequence, end->last_epoch);
    enum shard_role role = take_role(replica, end);
    enum status status = logged ? open_log_somehow(replica, end, &complaint) : STATUS_OK;
    if (status == STATUS_NO_SPACE) {
        status = serve_unlogged(replica, found, &complaint);
    }
    if (status != STATUS_OK) {
        fail(replica, &complaint);
        return;
    }
    replica->state = REPLICA_SERVING;
    replica->load_ended_ms = shard->monotonic_ms;
    shard_become(shard, role);
    if (replica->wal != NULL) {
        begin_logging(replica, found);
    }
    tell_loaded(replica);
}

static void load_slice(struct replica *replica)
{
    struct recovery_end found = {.newest = 0};
    check(shard_is_loading(&replica->shard) && replica->wal == NULL); /* replica I1 */
    if (replica->recovery != NULL) {
        struct complaint complaint;
        enum status status = recovery_step(replica->recovery, LOADING_SLICE, &complaint);
        recovery_progress(replica->recovery, &replica->loaded);
        if (status == STATUS_AGAIN) {
            tell_progress(replica);
            return;
        }
        if (status != STATUS_OK) {
            fail(replica, &complaint);
            return;
        }
        recovery_end(replica->recovery, &found);
        recovery_destroy(replica->recovery);
        replica->recovery = NULL;
        if (replica->env.member && !found.log.exists && found.newest == 0) {
            replica->blank = true;                                                                  /* replica I5 */
            bool known = stand_publish(&replica->stand, (struct stand_position){0, 0}, UINT64_MAX); /* it is empty */
            check(known);
            return;
        }
    }
    start_serving(replica, &found);
}

/* ---- of a cluster ---- */

static void take_secret(struct replica *replica, const struct gm_secret *secret)
{
    shard_take_secret(&replica->shard, secret);
    if (replica->on_origin != NULL) {
        replica->on_origin(replica->context);
    }
}

void replica_take_origin(struct replica *replica, const struct gm_secret *secret)
{
    struct recovery_end nothing = {.newest = 0};
    check(replica->blank && replica->state == REPLICA_LOADING);
    replica->blank = false;
    take_secret(replica, secret);
    start_serving(replica, &nothing);
}

bool replica_lead(struct replica *replica, uint64_t epoch, const struct record_epoch *leader)
{
    struct shard *shard = &replica->shard;
    if (!stand_allows(&replica->stand, epoch, leader->leader)) { /* replica I5, cluster C8 */
        return false;
    }
    if (replica->blank) {
        struct gm_secret own = shard->secret;
        replica_take_origin(replica, &own);
    }
    if (replica->state != REPLICA_SERVING) {
        return false; /* it has failed, and the driver ends it */
    }
    if (epoch <= shard->tail.epoch) { /* whoever names it knows less than the log */
        trace(replica->env.trace, TRACE_ERROR,
              "this node is to lead in epoch %llu, and its log is of epoch %llu already", (unsigned long long)epoch,
              (unsigned long long)shard->tail.epoch);
        return false;
    }
    if (shard->role == SHARD_LEADING) { /* the same leader, in a new epoch */
        shard_become(shard, SHARD_FENCED);
    }
    acks_begin(&replica->acks, leader, shard_begin_epoch(shard, epoch, leader));
    shard_become(shard, SHARD_LEADING);
    return true;
}

void replica_fence(struct replica *replica, bool fenced)
{
    shard_become(&replica->shard, fenced ? SHARD_FENCED : SHARD_LEADING);
}

void replica_follow(struct replica *replica)
{
    if (replica->shard.role == SHARD_LEADING) {
        shard_become(&replica->shard, SHARD_FENCED);
    }
    shard_become(&replica->shard, SHARD_FOLLOWING);
}

int64_t replica_time(struct replica *replica, int64_t wall_ms, int64_t monotonic_ms)
{
    const struct shard *shard = &replica->shard;
    bool leads = shard->role == SHARD_LEADING || shard->role == SHARD_FENCED;
    if (!replica->env.member || shard_is_loading(shard)) {
        return wall_ms;
    }
    return datatime_turn(&replica->time, leads, shard->tail.last_time_ms, wall_ms, monotonic_ms); /* cluster C27 */
}

/* Whether there is a snapshot, or a log from its beginning, for what is left. */
static bool reaches_back(const struct replica *replica, uint64_t sequence)
{
    const struct saver *saver = &replica->saver;
    uint64_t oldest = wal_oldest(replica->wal);
    bool whole = oldest <= 1;
    bool newest = saver->newest != 0 && saver->newest <= sequence;
    bool older = saver->older != 0 && saver->older <= sequence;
    return sequence > 0 && oldest <= sequence && (whole || newest || older);
}

/* Everything of it is down on the disk: nothing stays in memory. */
static enum status forget(struct replica *replica, struct complaint *complaint)
{
    drop_log(replica);
    check(replica->wal == NULL);
    if (replica->state == REPLICA_FAILED) { /* by what was still with the disk: replica I2 */
        *complaint = replica->complaint;
        return STATUS_IO;
    }
    shard_become(&replica->shard, SHARD_LOADING);
    shard_clear(&replica->shard);
    datatime_forget(&replica->time);
    return STATUS_OK;
}

static enum status go_down(struct replica *replica, struct complaint *complaint)
{
    TRY(replica_close(replica, complaint));
    return forget(replica, complaint);
}

enum status replica_replace(struct replica *replica, uint64_t cut, const struct gm_secret *secret,
                            struct complaint *complaint)
{
    struct stand_promise promise;
    struct stand_position position, owes;
    struct shard *shard = &replica->shard;
    check(replica->blank || (replica->state == REPLICA_SERVING && shard->role == SHARD_FOLLOWING));
    stand_read(&replica->stand, &promise, &position, &owes);
    owes = stand_compare(position, owes) > 0 ? position : owes;
    stand_fall(&replica->stand, (struct stand_position){0, 0}, owes); /* cluster C17 */
    enum status status = STATUS_OK;
    if (replica->blank) {
        replica->blank = false;
        take_secret(replica, secret);
    } else {
        status = go_down(replica, complaint);
    }
    status = status == STATUS_OK ? replace_ask(replica->env.disk, cut, owes.epoch, owes.sequence, complaint) : status;
    status = status == STATUS_OK ? finish_exchange(replica, complaint) : status;
    status = status == STATUS_OK ? begin_loading(replica, complaint) : status;
    if (status != STATUS_OK && replica->state != REPLICA_FAILED) { /* the log may have failed first */
        fail(replica, complaint);
    }
    return status;
}

enum status replica_rewind(struct replica *replica, uint64_t sequence, struct complaint *complaint)
{
    const struct tail *tail = &replica->shard.tail;
    check(replica->state == REPLICA_SERVING && replica->shard.role == SHARD_FOLLOWING);
    if (sequence < replica->told) { /* cluster C15 */
        complaint_set(
            complaint,
            "this node was told that a majority has all up to record %llu, and is to go back to %llu: it does "
            "not; compare the logs of both with geomys-log",
            (unsigned long long)replica->told, (unsigned long long)sequence);
        return STATUS_REFUSED;
    }
    if (replica->wal == NULL || sequence >= tail->last_sequence || !reaches_back(replica, sequence)) {
        complaint_set(complaint, "neither the log nor the snapshots of this node reach back to record %llu",
                      (unsigned long long)sequence);
        return STATUS_NOT_FOUND;
    }
    struct stand_position position = {epochs_number(&tail->epochs, sequence), sequence};
    struct wal_hold hold;
    if (wal_hold(replica->wal, &hold, wal_oldest(replica->wal)) != STATUS_OK) {
        complaint_set(complaint, "the log of this node is let go of at this moment");
        return STATUS_NOT_FOUND;
    }
    stand_fall(&replica->stand, position, (struct stand_position){0, 0}); /* cluster page, section 2 (c) */
    enum status status = replica_close(replica, complaint); /* a snapshot that ends in it lets go of nothing */
    wal_release(&hold);
    status = status == STATUS_OK ? forget(replica, complaint) : status;
    status = status == STATUS_OK ? rewind_ask(replica->env.disk, sequence, complaint) : status;
    status = status == STATUS_OK ? finish_exchange(replica, complaint) : status;
    status = status == STATUS_OK ? begin_loading(replica, complaint) : status;
    if (status != STATUS_OK && replica->state != REPLICA_FAILED) { /* the log may have failed first */
        fail(replica, complaint);
    }
    return status;
}

/* The position of the log on stable storage, whatever the policy promises to clients. */
static struct stand_position position_of(const struct replica *replica)
{
    const struct tail *tail = &replica->shard.tail;
    uint64_t synced = replica->wal != NULL ? wal_synced(replica->wal) : tail->last_sequence;
    return (struct stand_position){epochs_number(&tail->epochs, synced), synced};
}

/* What was owed has come again, and is on stable storage. */
static void settle_debt(struct replica *replica, struct stand_position position)
{
    struct stand_position owes = replica->stand.owes; /* changed on this thread alone */
    if (owes.epoch != 0 && stand_compare(position, owes) >= 0) {
        stand_settle(&replica->stand);
        if (replica->wal != NULL) {
            wal_settle(replica->wal);
        }
    }
}

void replica_released_member(struct replica *replica, uint64_t *local, uint64_t *quorum)
{
    const struct shard *shard = &replica->shard;
    const struct gate *gate = &shard->gate;
    if (shard_is_loading(shard)) {
        return;
    }
    struct stand_position position = position_of(replica);
    bool may = stand_publish(&replica->stand, position, shard->tail.epoch);
    settle_debt(replica, position);
    *quorum = replica->stand.owes.epoch == 0 ? replica->told : 0; /* cluster C13 */
    if (shard->role == SHARD_LEADING || shard->role == SHARD_FENCED) {
        if (may) { /* cluster C7: nothing counts that was synced behind a yes to another */
            (void)acks_add(&replica->acks, replica->acks.set.leader, position.sequence);
        }
        *quorum = replica->acks.committed;
    }
    uint64_t before = gate->released[GATE_QUORUM];
    *quorum = *quorum < before ? before : *quorum < *local ? *quorum : *local;
}

/* ---- turns ---- */

bool replica_turn(struct replica *replica)
{
    switch (replica->state) {
    case REPLICA_LOADING:
        if (!replica->blank) {
            load_slice(replica);
        }
        return !replica->blank;
    case REPLICA_SERVING:
        check_slow(!shard_is_loading(&replica->shard) && replica->recovery == NULL);
        if (replica->unopened) {
            try_to_open(replica);
        }
        if (replica->wal != NULL) {
            wal_turn(replica->wal, replica->shard.monotonic_ms);
            mind_space(replica);
        }
        return saver_turn(&replica->saver);
    case REPLICA_FAILED: /* replica I2 */
        break;
    }
    return false;
}

int64_t replica_next_ms(const struct replica *replica)
{
    int64_t wal_next = replica->wal != NULL ? wal_next_ms(replica->wal) : INT64_MAX;
    int64_t saver_next = saver_next_ms(&replica->saver);
    int64_t next = wal_next < saver_next ? wal_next : saver_next;
    bool looks = replica->unopened || (replica->wal != NULL && replica->reserve.size > 0 && !replica->reserve.there);
    return looks && replica->space_ms < next && !replica->reserve.busy ? replica->space_ms : next;
}

enum status replica_reload(struct replica *replica, struct complaint *complaint)
{
    check(replica->state != REPLICA_FAILED); /* replica I2 */
    if (replica->state == REPLICA_LOADING) {
        return STATUS_OK;
    }
    enum status status = go_down(replica, complaint);
    status = status == STATUS_OK ? begin_loading(replica, complaint) : status;
    if (status != STATUS_OK && replica->state != REPLICA_FAILED) { /* half of it is down */
        fail(replica, complaint);
    }
    return status;
}

enum status replica_close(struct replica *replica, struct complaint *complaint)
{
    if (replica->state == REPLICA_FAILED || replica->wal == NULL) {
        return STATUS_OK;
    }
    saver_finish(&replica->saver);
    return wal_close(replica->wal, complaint);
}

bool replica_is_behind(const struct replica *replica, size_t max)
{
    return replica->wal != NULL && wal_backlog(replica->wal) > max && wal_lack(replica->wal) == STATUS_OK;
}

size_t replica_backlog(const struct replica *replica)
{
    return replica->wal != NULL ? wal_backlog(replica->wal) : 0;
}
