/* SPDX-License-Identifier: MIT */

/* config_redis.c - the settings of Redis, where tools ask for them (CONFIG GET) and set them (CONFIG SET): one table.
 *
 * Why      A tool, a test suite or a client's set-up sends CONFIG SET with the names it knows, and gives up at the
 *          first refusal. Some mean something here under another name; many say how Redis does what is done otherwise
 *          here, and are harmless; a few would be a lie.
 *
 * Idea     A row says which of these a name is:
 *
 *              SAME   one of ours means the same, in the same unit
 *              VIEW   something of ours says it in other words: two functions translate (config_views.c)
 *              HINT   harmless: a value that Redis takes is taken, kept and shown, and nothing follows from it
 *              TRUTH  it can be nothing else here: that value alone is taken, for all others a sentence says why and
 *                     what to do
 *              START  Redis reads it at its start alone: it cannot be set
 *
 *          ALSO is another name of the row above: both have one value.
 *
 * Limits   What is kept of a HINT is no setting: no file has it, CONFIG REWRITE does not write it, and it is gone at
 *          the next start. */
#include <stdio.h>

#include "base/memory.h"
#include "config/config_views.h"

#define KIB ((int64_t)1024)

enum kind { KIND_SAME, KIND_VIEW, KIND_HINT, KIND_TRUTH, KIND_START };

/* What a value looks like. */
enum form {
    FORM_TEXT,
    FORM_NUMBER, /* within minimum and maximum */
    FORM_BYTES,  /* "64mb"; the same */
    FORM_SWITCH, /* yes or no */
    FORM_WORD,   /* one of `words` */
};

struct config_redis {
    const char *name;
    enum kind kind;
    enum form form;
    bool also;         /* another name of the row above */
    const char *own;   /* SAME: ours */
    const char *value; /* HINT: at first; TRUTH, START: what it is */
    int64_t minimum;
    int64_t maximum;
    const char *words;    /* with a blank between */
    const char *sentence; /* TRUTH: why it is nothing else, and what to do */
    void (*read)(const struct config *config, struct buf *value);
    enum status (*write)(struct config_change *change, struct gm_bytes text, struct complaint *complaint);
};

/* ---- the table ---- */

#define SAME(name_, own_)                                                                                              \
    {                                                                                                                  \
        .name = name_, .kind = KIND_SAME, .own = own_                                                                  \
    }
#define VIEW(name_, stem)                                                                                              \
    {                                                                                                                  \
        .name = name_, .kind = KIND_VIEW, .read = config_views_read_##stem, .write = config_views_write_##stem         \
    }
#define SWITCH(name_, value_)                                                                                          \
    {                                                                                                                  \
        .name = name_, .kind = KIND_HINT, .form = FORM_SWITCH, .value = value_                                         \
    }
#define NUMBER(name_, minimum_, maximum_, value_)                                                                      \
    {                                                                                                                  \
        .name = name_, .kind = KIND_HINT, .form = FORM_NUMBER, .value = value_, .minimum = minimum_,                   \
        .maximum = maximum_                                                                                            \
    }
#define AMOUNT(name_, minimum_, maximum_, value_)                                                                      \
    {                                                                                                                  \
        .name = name_, .kind = KIND_HINT, .form = FORM_BYTES, .value = value_, .minimum = minimum_,                    \
        .maximum = maximum_                                                                                            \
    }
#define WORD(name_, value_, words_)                                                                                    \
    {                                                                                                                  \
        .name = name_, .kind = KIND_HINT, .form = FORM_WORD, .value = value_, .words = words_                          \
    }
#define TEXT(name_, value_)                                                                                            \
    {                                                                                                                  \
        .name = name_, .kind = KIND_HINT, .value = value_                                                              \
    }
#define ALSO(name_)                                                                                                    \
    {                                                                                                                  \
        .name = name_, .also = true                                                                                    \
    }
#define TRUTH(name_, value_, sentence_)                                                                                \
    {                                                                                                                  \
        .name = name_, .kind = KIND_TRUTH, .value = value_, .sentence = sentence_                                      \
    }
#define START(name_, value_)                                                                                           \
    {                                                                                                                  \
        .name = name_, .kind = KIND_START, .value = value_                                                             \
    }

#define NO_TLS     "connections are not encrypted here: put a proxy in front of the server"
#define NO_REPLICA "a single node is what this version runs"
#define ANY_INT    INT32_MAX

static const struct config_redis rows[] = {
    SAME("port", "external_port"),
    SAME("requirepass", "password"),
    SAME("unixsocket", "unix_socket"),
    SAME("unixsocketperm", "unix_socket_mode"),
    SAME("dir", "data_folder"),
    SAME("timeout", "timeout_s"),
    SAME("tcp-keepalive", "tcp_keepalive_s"),
    SAME("client-query-buffer-limit", "client_query_limit"),
    SAME("proto-max-bulk-len", "max_bulk"),
    SAME("maxmemory-clients", "maxmemory_clients"),
    SAME("maxmemory-policy", "maxmemory_policy"),
    SAME("maxmemory-samples", "maxmemory_samples"),
    SAME("lfu-log-factor", "lfu_log_factor"),
    SAME("lfu-decay-time", "lfu_decay_time"),
    SAME("slowlog-log-slower-than", "slowlog_log_slower_than"),
    SAME("slowlog-max-len", "slowlog_max_len"),
    SAME("latency-monitor-threshold", "latency_monitor_threshold"),
    SAME("latency-tracking", "latency_tracking"),
    SAME("tracking-table-max-keys", "tracking_table_max_keys"),
    SAME("notify-keyspace-events", "notify_keyspace_events"),
    SAME("min-replicas-to-write", "min_replicas_to_write"),
    ALSO("min-slaves-to-write"),
    SAME("min-replicas-max-lag", "min_replicas_max_lag"),
    ALSO("min-slaves-max-lag"),

    VIEW("save", save),
    VIEW("appendonly", appendonly),
    VIEW("appendfsync", appendfsync),
    VIEW("loglevel", loglevel),
    VIEW("rdbcompression", rdbcompression),
    VIEW("protected-mode", protected_mode),
    VIEW("client-output-buffer-limit", output_limit),

    TRUTH("latency-tracking-info-percentiles", "50 99 99.9",
          "INFO latencystats has these steps; LATENCY HISTOGRAM has all that was measured"),
    TRUTH("stop-writes-on-bgsave-error", "no",
          "a snapshot that fails stops no write, since each is in the log already; a log that cannot be written does"),
    TRUTH("activedefrag", "no", "the allocator gives memory back by itself: MEMORY PURGE has it do so at once"),
    TRUTH("oom-score-adj", "no", "the service manager says it: OOMScoreAdjust in the unit of systemd"),
    TRUTH("tls-port", "0", NO_TLS),
    TRUTH("tls-replication", "no", NO_TLS),
    TRUTH("tls-cluster", "no", NO_TLS),
    TRUTH("tls-auth-clients", "yes", NO_TLS),
    TRUTH("tls-ca-cert-dir", "", NO_TLS),
    TRUTH("tls-ca-cert-file", "", NO_TLS),
    TRUTH("tls-cert-file", "", NO_TLS),
    TRUTH("tls-ciphers", "", NO_TLS),
    TRUTH("tls-ciphersuites", "", NO_TLS),
    TRUTH("tls-client-cert-file", "", NO_TLS),
    TRUTH("tls-client-key-file", "", NO_TLS),
    TRUTH("tls-client-key-file-pass", "", NO_TLS),
    TRUTH("tls-dh-params-file", "", NO_TLS),
    TRUTH("tls-key-file", "", NO_TLS),
    TRUTH("tls-key-file-pass", "", NO_TLS),
    TRUTH("tls-prefer-server-ciphers", "no", NO_TLS),
    TRUTH("tls-protocols", "", NO_TLS),
    TRUTH("tls-session-cache-size", "20480", NO_TLS),
    TRUTH("tls-session-cache-timeout", "300", NO_TLS),
    TRUTH("tls-session-caching", "yes", NO_TLS),
    TRUTH("shutdown-on-sigint", "default",
          "both signals end the server in order, with all that was written on the disk"),
    TRUTH("shutdown-on-sigterm", "default",
          "both signals end the server in order, with all that was written on the disk"),
    TRUTH("bind-source-addr", "", NO_REPLICA),
    TRUTH("cluster-announce-hostname", "", NO_REPLICA),
    TRUTH("cluster-announce-ip", "", NO_REPLICA),
    TRUTH("cluster-announce-port", "0", NO_REPLICA),
    TRUTH("cluster-announce-tls-port", "0", NO_REPLICA),
    TRUTH("cluster-announce-bus-port", "0", NO_REPLICA),
    TRUTH("masterauth", "", NO_REPLICA),
    TRUTH("masteruser", "", NO_REPLICA),

    /* How values are kept in memory, and when it is given back. */
    NUMBER("hash-max-listpack-entries", 0, INT64_MAX, "512"),
    ALSO("hash-max-ziplist-entries"),
    NUMBER("hash-max-listpack-value", 0, INT64_MAX, "64"),
    ALSO("hash-max-ziplist-value"),
    NUMBER("list-max-listpack-size", INT32_MIN, ANY_INT, "-2"),
    ALSO("list-max-ziplist-size"),
    NUMBER("list-compress-depth", 0, ANY_INT, "0"),
    NUMBER("set-max-intset-entries", 0, INT64_MAX, "512"),
    NUMBER("set-max-listpack-entries", 0, INT64_MAX, "128"),
    NUMBER("set-max-listpack-value", 0, INT64_MAX, "64"),
    NUMBER("zset-max-listpack-entries", 0, INT64_MAX, "128"),
    ALSO("zset-max-ziplist-entries"),
    NUMBER("zset-max-listpack-value", 0, INT64_MAX, "64"),
    ALSO("zset-max-ziplist-value"),
    AMOUNT("hll-sparse-max-bytes", 0, INT64_MAX, "3000"),
    AMOUNT("stream-node-max-bytes", 0, INT64_MAX, "4096"),
    NUMBER("stream-node-max-entries", 0, INT64_MAX, "100"),
    SWITCH("lazyfree-lazy-eviction", "no"),
    SWITCH("lazyfree-lazy-expire", "no"),
    SWITCH("lazyfree-lazy-server-del", "no"),
    SWITCH("lazyfree-lazy-user-del", "no"),
    SWITCH("lazyfree-lazy-user-flush", "no"),
    SWITCH("jemalloc-bg-thread", "yes"),
    AMOUNT("active-defrag-ignore-bytes", 1, INT64_MAX, "104857600"),
    NUMBER("active-defrag-threshold-lower", 0, 1000, "10"),
    NUMBER("active-defrag-threshold-upper", 0, 1000, "100"),
    NUMBER("active-defrag-cycle-min", 1, 99, "1"),
    NUMBER("active-defrag-cycle-max", 1, 99, "25"),
    NUMBER("active-defrag-max-scan-fields", 1, INT64_MAX, "1000"),
    NUMBER("maxmemory-eviction-tenacity", 0, 100, "10"),

    /* How often, and for how long. */
    NUMBER("hz", 1, 500, "10"),
    SWITCH("dynamic-hz", "yes"),
    SWITCH("activerehashing", "yes"),
    NUMBER("active-expire-effort", 1, 10, "1"),
    NUMBER("busy-reply-threshold", 0, INT64_MAX, "5000"),
    ALSO("lua-time-limit"),
    NUMBER("shutdown-timeout", 0, ANY_INT, "10"),

    /* Files that are others here. */
    SWITCH("no-appendfsync-on-rewrite", "no"),
    NUMBER("auto-aof-rewrite-percentage", 0, ANY_INT, "100"),
    AMOUNT("auto-aof-rewrite-min-size", 0, INT64_MAX, "67108864"),
    SWITCH("aof-rewrite-incremental-fsync", "yes"),
    SWITCH("aof-load-truncated", "yes"),
    SWITCH("aof-use-rdb-preamble", "yes"),
    SWITCH("aof-timestamp-enabled", "no"),
    SWITCH("aof-disable-auto-gc", "no"),
    SWITCH("rdb-save-incremental-fsync", "yes"),
    SWITCH("rdb-del-sync-files", "no"),
    WORD("sanitize-dump-payload", "no", "no yes clients"),

    /* Of replicas and clusters, while there are none. */
    AMOUNT("repl-backlog-size", 1, INT64_MAX, "1048576"),
    NUMBER("repl-backlog-ttl", 0, INT64_MAX, "3600"),
    SWITCH("repl-disable-tcp-nodelay", "no"),
    WORD("repl-diskless-load", "disabled", "disabled on-empty-db swapdb"),
    SWITCH("repl-diskless-sync", "yes"),
    NUMBER("repl-diskless-sync-delay", 0, ANY_INT, "5"),
    NUMBER("repl-diskless-sync-max-replicas", 0, ANY_INT, "0"),
    NUMBER("repl-ping-replica-period", 1, ANY_INT, "10"),
    ALSO("repl-ping-slave-period"),
    NUMBER("repl-timeout", 1, ANY_INT, "60"),
    TEXT("replica-announce-ip", ""),
    ALSO("slave-announce-ip"),
    NUMBER("replica-announce-port", 0, 65535, "0"),
    ALSO("slave-announce-port"),
    SWITCH("replica-announced", "yes"),
    SWITCH("replica-ignore-disk-write-errors", "no"),
    SWITCH("replica-ignore-maxmemory", "yes"),
    ALSO("slave-ignore-maxmemory"),
    SWITCH("replica-lazy-flush", "no"),
    ALSO("slave-lazy-flush"),
    NUMBER("replica-priority", 0, ANY_INT, "100"),
    ALSO("slave-priority"),
    SWITCH("replica-read-only", "yes"),
    ALSO("slave-read-only"),
    SWITCH("replica-serve-stale-data", "yes"),
    ALSO("slave-serve-stale-data"),
    NUMBER("cluster-node-timeout", 0, INT64_MAX, "15000"),
    SWITCH("cluster-require-full-coverage", "yes"),
    SWITCH("cluster-allow-reads-when-down", "no"),
    SWITCH("cluster-allow-pubsubshard-when-down", "yes"),
    SWITCH("cluster-allow-replica-migration", "yes"),
    SWITCH("cluster-replica-no-failover", "no"),
    ALSO("cluster-slave-no-failover"),
    NUMBER("cluster-replica-validity-factor", 0, ANY_INT, "10"),
    ALSO("cluster-slave-validity-factor"),
    NUMBER("cluster-migration-barrier", 0, ANY_INT, "1"),
    AMOUNT("cluster-link-sendbuf-limit", 0, INT64_MAX, "0"),
    WORD("cluster-preferred-endpoint-type", "ip", "ip hostname unknown-endpoint"),

    /* What else tools set before they begin. */
    WORD("acl-pubsub-default", "resetchannels", "resetchannels allchannels"),
    NUMBER("acllog-max-len", 0, INT64_MAX, "128"),
    TEXT("ignore-warnings", ""),
    TEXT("oom-score-adj-values", "0 200 800"),
    TEXT("proc-title-template", "{title} {listen-addr} {server-mode}"),
    SWITCH("crash-log-enabled", "yes"),
    SWITCH("crash-memcheck-enabled", "yes"),
    WORD("propagation-error-behavior", "ignore", "ignore panic panic-on-replicas"),

    START("cluster-enabled", "no"),
    START("replicaof", ""),
    ALSO("slaveof"),
    START("cluster-config-file", "nodes.conf"),
    START("cluster-port", "0"),
    START("dbfilename", "dump.rdb"),
    START("rdbchecksum", "yes"),
    START("aclfile", ""),
    START("appendfilename", "appendonly.aof"),
    START("appenddirname", "appendonlydir"),
    START("daemonize", "no"),
    START("supervised", "no"),
    START("pidfile", ""),
    START("logfile", ""),
    START("syslog-enabled", "no"),
    START("syslog-facility", "local0"),
    START("syslog-ident", "redis"),
    START("always-show-logo", "no"),
    START("set-proc-title", "no"),
    START("disable-thp", "no"),
    START("tcp-backlog", "511"),
    START("socket-mark-id", "0"),
    START("server_cpulist", ""),
    START("bio_cpulist", ""),
    START("aof_rewrite_cpulist", ""),
    START("bgsave_cpulist", ""),
    START("io-threads", "1"),
    START("io-threads-do-reads", "no"),
    START("enable-debug-command", "no"),
    START("enable-module-command", "no"),
    START("enable-protected-configs", "no"),
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])
_Static_assert(ROW_COUNT <= CONFIG_REDIS_MAX, "config.hints is too small");

/* The row that says what a name means: its own, or the one that it is another name of. */
static size_t meaning_of(size_t row)
{
    check(row < ROW_COUNT);
    while (rows[row].also) {
        row--;
    }
    return row;
}

size_t config_redis_count(void)
{
    return ROW_COUNT;
}

const char *config_redis_name(size_t row)
{
    check(row < ROW_COUNT);
    return rows[row].name;
}

const struct config_key *config_redis_own(size_t row)
{
    const char *own = rows[meaning_of(row)].own;
    return own != NULL ? config_key_find(gm_bytes_of(own), false) : NULL;
}

size_t config_redis_find(struct gm_bytes name)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (bytes_equal_nocase(name, rows[i].name)) {
            return i;
        }
    }
    return ROW_COUNT;
}

void config_redis_describe(const struct config *config, size_t row, struct buf *value)
{
    const struct config_redis *meaning = &rows[meaning_of(row)];
    const char *hint = config->hints[meaning - rows];
    switch (meaning->kind) {
    case KIND_SAME: {
        const struct config_key *key = config_redis_own(row);
        if (key->type == CONFIG_BOOL) {
            bool truth = *(const bool *)((const char *)config + key->offset);
            (void)buf_append(value, truth ? BYTES("yes") : BYTES("no"));
        } else {
            config_describe(config, config_row_of(key), value);
        }
        break;
    }
    case KIND_VIEW:
        meaning->read(config, value);
        break;
    case KIND_HINT:
        (void)buf_append(value, gm_bytes_of(hint != NULL ? hint : meaning->value));
        break;
    case KIND_TRUTH:
    case KIND_START:
        (void)buf_append(value, gm_bytes_of(meaning->value));
        break;
    }
}

/* ---- values ---- */

bool config_redis_bytes(struct gm_bytes text, int64_t *out)
{
    static const struct {
        const char *unit;
        int64_t bytes;
    } units[] = {{"", 1},        {"b", 1},          {"k", 1000},       {"kb", KIB},
                 {"m", 1000000}, {"mb", KIB * KIB}, {"g", 1000000000}, {"gb", KIB * KIB * KIB}};
    size_t digits = 0;
    while (digits < text.size && text.data[digits] >= '0' && text.data[digits] <= '9') {
        digits++;
    }
    struct gm_bytes unit = {text.data + digits, text.size - digits};
    int64_t count;
    if (!bytes_to_int((struct gm_bytes){text.data, digits}, &count)) {
        return false;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (bytes_equal_nocase(unit, units[i].unit)) {
            return !__builtin_mul_overflow(count, units[i].bytes, out);
        }
    }
    return false;
}

/* Whether `text` is one of the words; `word` is how the table has it. */
static bool find_word(const char *words, struct gm_bytes text, struct gm_bytes *word)
{
    struct gm_bytes rest = gm_bytes_of(words);
    for (*word = config_views_word(&rest); word->size > 0; *word = config_views_word(&rest)) {
        char one[32];
        check(word->size < sizeof one);
        memcpy(one, word->data, word->size);
        one[word->size] = '\0';
        if (bytes_equal_nocase(text, one)) {
            return true;
        }
    }
    return false;
}

static must_use enum status take_number(const struct config_redis *row, struct gm_bytes text, int64_t *number,
                                        struct complaint *complaint)
{
    bool sound = row->form == FORM_BYTES ? config_redis_bytes(text, number) : bytes_to_int(text, number);
    if (!sound) {
        complaint_set(complaint, "%s",
                      row->form == FORM_BYTES ? "argument must be a memory value"
                                              : "argument couldn't be parsed into an integer");
        return STATUS_INVALID;
    }
    if (*number < row->minimum || *number > row->maximum) {
        complaint_set(complaint, "argument must be between %lld and %lld inclusive", (long long)row->minimum,
                      (long long)row->maximum);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static void refuse_word(const struct config_redis *row, struct complaint *complaint)
{
    char text[256] = "";
    struct gm_bytes rest = row->form == FORM_WORD ? gm_bytes_of(row->words) : BYTES_NONE;
    size_t at = 0;
    for (struct gm_bytes word = config_views_word(&rest); word.size > 0; word = config_views_word(&rest)) {
        check(at + word.size + 2 < sizeof text);
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%.*s", at > 0 ? ", " : "", (int)word.size,
                               (const char *)word.data);
    }
    complaint_set(complaint, "%s%s",
                  row->form == FORM_SWITCH ? "argument must be 'yes' or 'no'"
                                           : "argument(s) must be one of the following: ",
                  text);
}

/* What is kept of a value that fits, as Redis shows it. */
static must_use enum status take_hint(const struct config_redis *row, struct gm_bytes text, struct buf *kept,
                                      struct complaint *complaint)
{
    int64_t number;
    struct gm_bytes word = text;
    const char *words = row->form == FORM_SWITCH ? "yes no" : row->words;
    switch (row->form) {
    case FORM_NUMBER:
    case FORM_BYTES:
        TRY(take_number(row, text, &number, complaint));
        (void)buf_format(kept, "%lld", (long long)number);
        return STATUS_OK;
    case FORM_SWITCH:
    case FORM_WORD:
        if (!find_word(words, text, &word)) {
            refuse_word(row, complaint);
            return STATUS_INVALID;
        }
        break;
    case FORM_TEXT:
        if (text.size > CONFIG_TEXT_MAX || (text.size > 0 && memchr(text.data, '\0', text.size) != NULL)) {
            complaint_set(complaint, "a text has at most %d bytes, and no zero byte", CONFIG_TEXT_MAX);
            return STATUS_INVALID;
        }
        break;
    }
    (void)buf_append(kept, word);
    return STATUS_OK;
}

static void put_hint(struct config *config, size_t row, struct gm_bytes text)
{
    char *copy = memory_alloc(text.size + 1);
    if (text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    copy[text.size] = '\0';
    memory_free(config->hints[row]);
    config->hints[row] = copy;
}

static must_use enum status change_hint(struct config_change *change, struct config_changed *setting,
                                        struct gm_bytes text, struct complaint *complaint)
{
    struct buf kept;
    buf_init(&kept, CONFIG_TEXT_MAX + 64);
    enum status status = take_hint(&rows[setting->row], text, &kept, complaint);
    if (status == STATUS_OK) {
        config_redis_describe(change->config, setting->row, &setting->before);
        put_hint(change->config, setting->row, buf_bytes(&kept));
        setting->taken = true;
    }
    buf_finish(&kept);
    return status;
}

/* ---- changes ---- */

enum status config_redis_change(struct config_change *change, size_t row, struct gm_bytes text,
                                struct complaint *complaint)
{
    size_t at = meaning_of(row);
    const struct config_redis *meaning = &rows[at];
    check(meaning->kind != KIND_SAME);
    struct config_changed *setting = config_change_note(change, NULL, at);
    if (setting == NULL) {
        complaint_set(complaint, CONFIG_TWICE);
        return STATUS_INVALID;
    }
    switch (meaning->kind) {
    case KIND_VIEW:
        return meaning->write(change, text, complaint);
    case KIND_HINT:
        return change_hint(change, setting, text, complaint);
    case KIND_TRUTH:
        if (bytes_equal_nocase(text, meaning->value)) {
            return STATUS_OK;
        }
        complaint_set(complaint, "it is \"%s\" here: %s", meaning->value, meaning->sentence);
        return STATUS_REFUSED;
    case KIND_SAME:
    case KIND_START:
        break;
    }
    complaint_set(complaint, CONFIG_FIXED);
    return STATUS_REFUSED;
}

void config_redis_undo(struct config *config, const struct config_changed *setting)
{
    check(setting->key == NULL);
    if (rows[setting->row].kind == KIND_HINT && setting->taken) {
        put_hint(config, setting->row, buf_bytes(&setting->before));
    }
}

void config_redis_finish(struct config *config)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        memory_free(config->hints[i]);
        config->hints[i] = NULL;
    }
}
