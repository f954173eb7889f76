/* SPDX-License-Identifier: MIT */

/* config_keys.c - the table of settings, and putting one value into a config.
 *
 * Promises
 *   P1  A value outside its range or of another type changes nothing.
 *   P2  A text holds no zero byte, is at most its maximum long, and is a copy.
 *   P3  A sentence shows at most a few dozen printable characters of what was written.
 */
#include "config/config_keys.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

#define KIB  ((int64_t)1024)
#define MIB  (KIB * 1024)
#define GIB  (MIB * 1024)
#define YEAR ((int64_t)366 * 24 * 3600) /* seconds */
#define PATH CONFIG_TEXT_MAX

/* Of names and addresses of machines. */
#define HOST_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:"

/* What a setting touches. A row without one of these is read at the start alone. */
#define FIXED   0
#define DATA    CONFIG_TOUCHES_DATA
#define SERVING CONFIG_TOUCHES_SERVING
#define METERS  CONFIG_TOUCHES_METERS
#define SAVER   CONFIG_TOUCHES_SAVER
#define CLIENTS CONFIG_TOUCHES_CLIENTS
#define NETWORK CONFIG_TOUCHES_NETWORK
#define TRACE   CONFIG_TOUCHES_TRACE
#define CLUSTER CONFIG_TOUCHES_CLUSTER

#define KEY(name, field, type, touches, flags, minimum, maximum, fallback, choices, sentence)                          \
    {                                                                                                                  \
        name, type, touches, flags, offsetof(struct config, field), minimum, maximum, fallback, choices, sentence, 0,  \
            0                                                                                                          \
    }
#define NUMBER(name, field, touches, minimum, maximum, fallback, sentence)                                             \
    KEY(name, field, CONFIG_INT, touches, 0, minimum, maximum, fallback, NULL, sentence)
#define SIZE(name, touches, minimum, maximum, fallback, sentence)                                                      \
    KEY(#name, name, CONFIG_SIZE, touches, 0, minimum, maximum, fallback, NULL, sentence)
#define CHOICE(name, touches, maximum, fallback, choices, sentence)                                                    \
    KEY(#name, name, CONFIG_CHOICE, touches, 0, 0, maximum, fallback, choices, sentence)
#define TEXT(name, type, touches, flags, maximum, fallback, sentence)                                                  \
    KEY(#name, name, type, touches, flags, 0, maximum, fallback, NULL, sentence)
#define BOOL(name, touches, flags, fallback, sentence)                                                                 \
    KEY(#name, name, CONFIG_BOOL, touches, flags, 0, 1, fallback, NULL, sentence)
#define LATER(name, sentence) BOOL(name, FIXED, CONFIG_LATER, "false", sentence)

/* In the order of --help. */
static const struct config_key keys[] = {
    NUMBER("external_port", external_port, FIXED, 0, 65535, "6379",
           "The port for clients; 0: none, the Unix socket alone. Also called port."),
    TEXT(bind, CONFIG_LIST, FIXED, 0, 253, "127.0.0.1,::1",
         "The addresses to listen on; ::1 only where there is one, unless it is named here."),
    TEXT(unix_socket, CONFIG_PATH, FIXED, 0, 107, "", "A Unix socket to listen on as well."),
    KEY("unix_socket_mode", unix_socket_mode, CONFIG_OCTAL, FIXED, 0, 0, 0777, "700", NULL, "Its permissions."),
    TEXT(password, CONFIG_TEXT, SERVING, CONFIG_SECRET, CONFIG_PASSWORD_MAX, "", "What clients must show with AUTH."),
    TEXT(password_file, CONFIG_PATH, FIXED, 0, PATH, "", "A file whose one line is the password."),
    BOOL(allow_insecure, FIXED, 0, "false",
         "Listen for other machines without a password: everybody there may read and change all."),
    TEXT(data_folder, CONFIG_PATH, FIXED, 0, PATH, "~/.geomys", "Where the log and the snapshots are."),
    TEXT(modules, CONFIG_PATHS, FIXED, 0, PATH, "", "The shared objects of modules to load; empty: none."),
    TEXT(module_folder, CONFIG_PATH, FIXED, 0, PATH, "",
         "A folder whose *.so files are all loaded. If neither is set: ../lib/geomys/modules or modules, beside the "
         "server's own folder or in it."),
    CHOICE(persistence, FIXED, 2, "writethroughdisk", "none bufferedwrite writethroughdisk",
           "Whether a reply waits for the disk."),
    NUMBER("default_expiry", default_expiry_ms, DATA, 0, YEAR * 100 * 1000, "0",
           "Milliseconds that a value lives if it was written without a time; 0: for ever."),
    NUMBER("databases", databases, FIXED, 1, 65536, "16", "How many databases there are for SELECT, from number 0 on."),
    CHOICE(log_level, TRACE, 3, "info", "debug info warning error", "What is worth a line in the log."),
    NUMBER("maxclients", maxclients, CLIENTS, 1, 1000000, "10000", "Connections at a time."),
    NUMBER("timeout_s", timeout_s, CLIENTS, 0, YEAR, "0",
           "Seconds after which an idle client is disconnected; 0: never."),
    NUMBER("auth_timeout_s", auth_timeout_s, CLIENTS, 0, YEAR, "60",
           "Seconds within which a client must show the password, if there is one; 0: for ever."),
    NUMBER("tcp_keepalive_s", tcp_keepalive_s, NETWORK, 0, 86400, "300",
           "Seconds between probes of silent connections; 0: none."),
    SIZE(client_query_limit, SERVING, 64 * KIB, GIB, "1gb", "Bytes of one command that a client may send."),
    SIZE(client_output_limit, SERVING, 64 * KIB, GIB, "1gb",
         "Bytes of one reply; a larger one is refused, and nothing is changed."),
    SIZE(client_push_limit, SERVING, 64 * KIB, GIB, "32mb",
         "Bytes of messages (subscriptions, tracking, MONITOR) held for a client that does not read them."),
    NUMBER(
        "client_stall_s", client_stall_s, CLIENTS, 0, YEAR, "60",
        "Seconds after which a client is disconnected that reads nothing while 1 MiB or more waits for it; 0: never."),
    SIZE(max_bulk, SERVING, KIB, 512 * MIB, "512mb", "Bytes of one argument."),
    SIZE(wal_segment_size, FIXED, 64 * KIB, GIB, "64mb", "Bytes of one file of the log."),
    NUMBER("wal_sync_interval_ms", wal_sync_interval_ms, FIXED, 1, 60000, "50",
           "Milliseconds within which bufferedwrite is on the disk."),
    SIZE(disk_reserve, FIXED, 0, GIB, "1mb",
         "Bytes of the disk that are held for the log's rescue when the disk is full; 0: none."),
    SIZE(replication_window, FIXED, 0, 16 * GIB, "64mb",
         "Bytes of the newest log that stay in memory while another node follows."),
    SIZE(snapshot_log_size, SAVER, 0, 1024 * GIB, "256mb",
         "Bytes of log after which a snapshot is made, unless the last one was larger than them; 0: never by size."),
    NUMBER("snapshot_interval_s", snapshot_interval_s, SAVER, 0, YEAR, "3600",
           "Seconds after which a snapshot is made if anything has changed; 0: never by time."),
    SIZE(snapshot_memory, SAVER, MIB, 64 * GIB, "32mb",
         "Bytes of a snapshot that may wait for the disk. One that is being made keeps what it began with."),
    CHOICE(snapshot_compression, SAVER, 2, "lz4", "none lz4 zstd",
           "How snapshots are compressed. One that is being made keeps what it began with."),
    SIZE(maxmemory, DATA | CLIENTS, 0, 1024 * 1024 * GIB, "0",
         "Bytes of data above which keys are evicted, or writes refused; 0: none."),
    KEY("maxmemory_clients", maxmemory_clients, CONFIG_SIZE, CLIENTS, CONFIG_SHARE, 0, 1024 * 1024 * GIB, "25%", NULL,
        "Bytes that all clients may hold together, or a percentage of maxmemory (without it: of the machine's memory), "
        "16 MiB at least; above that the worst are disconnected; 0: no limit."),
    CHOICE(maxmemory_policy, DATA, 7, "noeviction",
           "noeviction allkeys-lru allkeys-lfu allkeys-random volatile-lru volatile-lfu volatile-random volatile-ttl",
           "Which keys go when maxmemory is reached."),
    NUMBER("maxmemory_samples", maxmemory_samples, DATA, 1, 64, "5",
           "Keys that are compared for each that is evicted."),
    NUMBER("lfu_log_factor", lfu_log_factor, DATA, 0, 1000000, "10",
           "How much rarer each further step of a key's frequency is."),
    NUMBER("lfu_decay_time", lfu_decay_time, DATA, 0, 4095, "1",
           "Minutes after which a key's frequency falls by one step; 0: never."),
    NUMBER("slowlog_log_slower_than", slowlog_log_slower_than, METERS, -1, INT64_MAX, "10000",
           "Microseconds from which a command is kept in SLOWLOG; -1: never."),
    NUMBER("slowlog_max_len", slowlog_max_len, METERS, 0, 100000, "128", "Commands that SLOWLOG keeps."),
    NUMBER("latency_monitor_threshold", latency_monitor_threshold, METERS, 0, INT64_MAX, "0",
           "Milliseconds from which an event is kept for LATENCY; 0: off."),
    BOOL(latency_tracking, METERS, 0, "true", "Show in INFO latencystats how long each command takes."),
    NUMBER("tracking_table_max_keys", tracking_table_max_keys, SERVING, 1, 1000000000, "1000000",
           "Keys that are remembered for clients that cache them (CLIENT TRACKING)."),
    KEY("notify_keyspace_events", notify_keyspace_events, CONFIG_TEXT, SERVING, 0, 0, 16, "", CONFIG_NOTIFY_LETTERS,
        "Which changes of keys are published on channels: letters, as in \"KEA\"; empty: none."),
    NUMBER("node_id", node_id, FIXED, 1, INT32_MAX, "1", "The number of this node, its own in a cluster."),
    BOOL(bootstrap, FIXED, 0, "false",
         "Begin a cluster here, with the data that the folder has, if any. A folder that is a member's already goes on "
         "as "
         "that; with join, a cluster that is found there is entered."),
    TEXT(join, CONFIG_LIST, FIXED, 0, 262, "",
         "Enter the cluster of the nodes at these places, host:port of their internal_port; one that answers is "
         "enough."),
    NUMBER("internal_port", internal_port, FIXED, 0, 65535, "0",
           "The port for other nodes; 0: external_port + 1000. It is opened in a cluster alone."),
    TEXT(
        node_bind, CONFIG_LIST, FIXED, 0, 253, "",
        "The addresses to listen on for other nodes; empty: those of bind. Nodes talk without encryption and without a "
        "password yet, so that other than loopback takes allow_insecure."),
    KEY("advertise", advertise, CONFIG_TEXT, FIXED, 0, 0, 253, "", HOST_LETTERS,
        "The host name or address by which other nodes reach this one; empty: the first of node_bind, or the machine's "
        "name where that is all addresses."),
    NUMBER("replicas", replicas, FIXED, 1, 9, "3", "How many nodes keep a copy of the data; of a cluster that begins."),
    NUMBER("beat_ms", beat_ms, FIXED, 20, 60000, "200", "Milliseconds between two signs of life of a node that leads."),
    NUMBER("lease_ms", lease_ms, FIXED, 100, 600000, "1000",
           "Milliseconds after the last sign of life of a leader before another may lead; of a cluster that begins."),
    NUMBER("stall_ms", stall_ms, FIXED, 1000, 600000, "5000",
           "Milliseconds that a leader's work or its disk may stand still before it gives the lead up."),
    CHOICE(write_acks, FIXED, 1, "local", "local quorum",
           "What an answer waits for: its record on this node's disk, or on those of a majority; of a cluster that "
           "begins."),
    BOOL(forward, CLUSTER, 0, "true",
         "Send what only the leader may do to it, for clients of a node that follows; false: it is refused."),
    NUMBER("forward_wait_ms", forward_wait_ms, CLUSTER, 100, 600000, "5000",
           "Milliseconds that a command waits for a leader, or for a majority, before it is answered with an error."),
    NUMBER(
        "max_read_lag_ms", max_read_lag_ms, CLUSTER, 0, 86400000, "10000",
        "Milliseconds without a word of a leader after which a node that follows answers no reads; 0: it always does."),
    SIZE(replication_log_limit, CLUSTER, 0, 1024 * GIB, "1gb",
         "Bytes of log that are kept for nodes that are away; above that they take a whole copy when they are back."),
    NUMBER("min_replicas_to_write", min_replicas_to_write, DATA, 0, INT32_MAX, "0",
           "Other nodes that must follow for a write to be taken; without a cluster there are none."),
    NUMBER("min_replicas_max_lag", min_replicas_max_lag, DATA, 0, INT32_MAX, "10",
           "Seconds within which a node must have been heard of to count for that; 0: min_replicas_to_write is off."),
    BOOL(cluster_mode, FIXED, 0, "false",
         "Part of a cluster: so with bootstrap or join, or in the folder of a member."),
    BOOL(replication_enabled, FIXED, 0, "false",
         "Several copies of the data: so in a cluster, unless replicas is 1 or this is set to false."),
    LATER(sharding_enabled, "Data spread over nodes; later."),
};

#define KEY_COUNT (sizeof keys / sizeof keys[0])
_Static_assert(KEY_COUNT <= CONFIG_KEYS_MAX, "config.origin is too small");

size_t config_key_count(void)
{
    return KEY_COUNT;
}

const struct config_key *config_key_at(size_t index)
{
    check(index < KEY_COUNT);
    return &keys[index];
}

const char *config_key_name(size_t key)
{
    return config_key_at(key)->name;
}

size_t config_row_count(const struct config *config)
{
    return KEY_COUNT + config->extras.count;
}

const struct config_key *config_row(const struct config *config, size_t row)
{
    return row < KEY_COUNT ? &keys[row] : config_extra_key(config, row - KEY_COUNT);
}

const char *config_row_name(const struct config *config, size_t row)
{
    return config_row(config, row)->name;
}

size_t config_row_of(const struct config_key *key)
{
    return (key->flags & CONFIG_EXTRA) != 0 ? KEY_COUNT + key->offset : (size_t)(key - keys);
}

/* ---- names ---- */

static bool name_equal(struct gm_bytes name, const char *key, bool alike)
{
    if (name.size != strlen(key)) {
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = alike && name.data[i] == '-' ? '_' : name.data[i];
        if (byte != (uint8_t)key[i]) {
            return false;
        }
    }
    return true;
}

const struct config_key *config_key_find(struct gm_bytes name, bool alike)
{
    if (alike && gm_bytes_equal(name, BYTES("port"))) {
        name = BYTES("external_port");
    }
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (name_equal(name, keys[i].name, alike)) {
            return &keys[i];
        }
    }
    return NULL;
}

const struct config_key *config_find(const struct config *config, struct gm_bytes name, bool alike)
{
    const struct config_key *key = config_key_find(name, alike);
    return key != NULL ? key : config_extra_find(config, name, alike);
}

#define NAME_MAX_NEAR 32 /* bytes; longer names are near to nothing */

/* How many letters must be changed, added or taken away. */
static size_t distance(struct gm_bytes name, const char *key)
{
    size_t row[NAME_MAX_NEAR + 1];
    size_t size = strlen(key);
    check(size <= NAME_MAX_NEAR);
    for (size_t i = 0; i <= size; i++) {
        row[i] = i;
    }
    for (size_t i = 0; i < name.size; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        uint8_t byte = name.data[i] == '-' ? '_' : name.data[i];
        for (size_t k = 0; k < size; k++) {
            size_t best = diagonal + (byte != (uint8_t)key[k]);
            best = row[k] + 1 < best ? row[k] + 1 : best;
            best = row[k + 1] + 1 < best ? row[k + 1] + 1 : best;
            diagonal = row[k + 1];
            row[k + 1] = best;
        }
    }
    return row[size];
}

const struct config_key *config_key_near(struct gm_bytes name)
{
    const struct config_key *near = config_key_find(name, true);
    if (near != NULL || name.size > NAME_MAX_NEAR) {
        return near;
    }
    size_t least = 2 + name.size / 6; /* so far one may be off */
    for (size_t i = 0; i < KEY_COUNT; i++) {
        size_t far = distance(name, keys[i].name);
        if (far < least || (far == least && near == NULL)) {
            least = far;
            near = &keys[i];
        }
    }
    return near;
}

void config_key_unknown(struct gm_bytes name, struct complaint *complaint)
{
    const struct config_key *near = config_key_near(name);
    if (near != NULL) {
        complaint_set(complaint, "there is no setting \"%s\"; did you mean \"%s\"?", config_show(name).text,
                      near->name);
    } else {
        complaint_set(complaint, "there is no setting \"%s\"", config_show(name).text);
    }
}

struct config_shown config_show(struct gm_bytes bytes)
{
    struct config_shown shown;
    size_t at = 0;
    size_t i = 0;
    for (; i < bytes.size && at + 4 < sizeof shown.text; i++) {
        uint8_t byte = bytes.data[i];
        shown.text[at++] = byte >= ' ' && byte != 0x7f ? (char)byte : '?';
    }
    if (i < bytes.size) {
        while (at > 0 && ((uint8_t)shown.text[at - 1] & 0xc0) == 0x80) {
            at--; /* not in the middle of a character */
        }
        if (at > 0 && ((uint8_t)shown.text[at - 1] & 0xc0) == 0xc0) {
            at--;
        }
        memcpy(shown.text + at, "...", 3);
        at += 3;
    }
    check(at < sizeof shown.text); /* config_keys P3 */
    shown.text[at] = '\0';
    return shown;
}

/* ---- putting values ---- */

void *config_field(const struct config *config, const struct config_key *key)
{
    bool extra = (key->flags & CONFIG_EXTRA) != 0;
    return extra ? config_extra_field(config, key->offset) : (char *)(uintptr_t)config + key->offset;
}

const char *config_key_kind(const struct config_key *key)
{
    switch (key->type) {
    case CONFIG_BOOL:
        return "true or false";
    case CONFIG_INT:
        return "a whole number";
    case CONFIG_SIZE:
        return (key->flags & CONFIG_SHARE) != 0 ? "a number of bytes, as in 1048576 or \"1mb\", or \"1%\" to \"100%\""
                                                : "a number of bytes, as in 1048576 or \"1mb\"";
    case CONFIG_OCTAL:
        return "permissions in octal as a text, as in \"700\"";
    case CONFIG_LIST:
    case CONFIG_PATHS:
        return "a list of texts";
    case CONFIG_DOUBLE:
        return "a number";
    case CONFIG_CHOICE:
    case CONFIG_TEXT:
    case CONFIG_PATH:
        break;
    }
    return "a text";
}

static must_use enum status wrong_kind(const struct config_key *key, struct gm_bytes shown, struct complaint *complaint)
{
    bool secret = (key->flags & CONFIG_SECRET) != 0;
    complaint_set(complaint, "\"%s\" must be %s, not %s", key->name, config_key_kind(key),
                  secret ? "this" : config_show(shown).text);
    return STATUS_INVALID;
}

enum status config_put_number(struct config *config, const struct config_key *key, int64_t number,
                              struct gm_bytes shown, struct complaint *complaint)
{
    if (number < key->minimum || number > key->maximum) {
        char least[24];
        char most[24];
        bool octal = key->type == CONFIG_OCTAL;
        (void)snprintf(least, sizeof least, octal ? "%llo" : "%lld", (long long)key->minimum);
        (void)snprintf(most, sizeof most, octal ? "%llo" : "%lld", (long long)key->maximum);
        complaint_set(complaint, "\"%s\" must be between %s and %s, not %s", key->name, least, most,
                      config_show(shown).text);
        return STATUS_INVALID;
    }
    check(key->type != CONFIG_BOOL && key->type != CONFIG_TEXT && key->type != CONFIG_PATH);
    *(int64_t *)config_field(config, key) = number;
    return STATUS_OK;
}

enum status config_put_bool(struct config *config, const struct config_key *key, bool truth,
                            struct complaint *complaint)
{
    if (truth && (key->flags & CONFIG_LATER) != 0) {
        complaint_set(complaint, "\"%s\" cannot be true yet: a single node is what this version runs", key->name);
        return STATUS_REFUSED;
    }
    check(key->type == CONFIG_BOOL);
    *(bool *)config_field(config, key) = truth;
    return STATUS_OK;
}

/* "1048576", "1024kb", "1mb", "1gib": a b is needed, since nobody agrees on what "1m" is. */
static bool read_size(struct gm_bytes text, int64_t *out)
{
    static const struct {
        const char *name;
        int64_t bytes;
    } units[] = {{"kb", KIB}, {"kib", KIB}, {"mb", MIB}, {"mib", MIB}, {"gb", GIB}, {"gib", GIB}, {"b", 1}, {"", 1}};
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
        if (bytes_equal_nocase(unit, units[i].name)) {
            if (__builtin_mul_overflow(count, units[i].bytes, out)) {
                *out = INT64_MAX; /* out of every range */
            }
            return true;
        }
    }
    return false;
}

/* "1%" to "100%", as a number below 0. */
static bool read_share(const struct config_key *key, struct gm_bytes text, int64_t *out)
{
    bool may = (key->flags & CONFIG_SHARE) != 0 && text.size > 1 && text.data[text.size - 1] == '%';
    if (!may || !bytes_to_int((struct gm_bytes){text.data, text.size - 1}, out) || *out < 1 || *out > 100) {
        return false;
    }
    *out = -*out;
    return true;
}

static bool read_octal(struct gm_bytes text, int64_t *out)
{
    int64_t value = 0;
    if (text.size == 0 || text.size > 6) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '7') {
            return false;
        }
        value = value * 8 + (text.data[i] - '0');
    }
    *out = value;
    return true;
}

static must_use enum status put_choice(struct config *config, const struct config_key *key, struct gm_bytes text,
                                       struct complaint *complaint)
{
    int64_t index = 0;
    for (const char *word = key->choices; word != NULL; index++) {
        size_t size = strcspn(word, " ");
        if (gm_bytes_equal(text, (struct gm_bytes){(const uint8_t *)word, size})) {
            return config_put_number(config, key, index, text, complaint);
        }
        word = word[size] == ' ' ? word + size + 1 : NULL;
    }
    complaint_set(complaint, "\"%s\" must be one of: %s; not \"%s\"", key->name, key->choices, config_show(text).text);
    return STATUS_INVALID;
}

static must_use enum status check_text(const struct config_key *key, struct gm_bytes text, struct complaint *complaint)
{
    if (text.size > (size_t)key->maximum) {
        complaint_set(complaint, "\"%s\" may have %lld bytes, not %zu", key->name, (long long)key->maximum, text.size);
        return STATUS_INVALID;
    }
    if (text.size > 0 && memchr(text.data, '\0', text.size) != NULL) {
        complaint_set(complaint, "\"%s\" may not hold a zero byte", key->name);
        return STATUS_INVALID;
    }
    for (size_t i = 0; key->choices != NULL && i < text.size; i++) {
        if (strchr(key->choices, text.data[i]) == NULL) {
            complaint_set(complaint, "\"%s\" may hold the letters %s, not \"%s\"", key->name, key->choices,
                          config_show(text).text);
            return STATUS_INVALID;
        }
    }
    return STATUS_OK;
}

static char *copy_text(struct gm_bytes text)
{
    char *copy = memory_alloc(text.size + 1);
    if (text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    copy[text.size] = '\0';
    check(strlen(copy) == text.size); /* config_keys P2 */
    return copy;
}

static must_use enum status append_text(struct config *config, const struct config_key *key, struct gm_bytes text,
                                        struct complaint *complaint)
{
    struct config_list *list = config_field(config, key);
    if (text.size == 0) {
        complaint_set(complaint, "\"%s\" has an empty element", key->name);
        return STATUS_INVALID;
    }
    if (list->count == CONFIG_LIST_MAX) {
        complaint_set(complaint, "\"%s\" may have %d elements, not more", key->name, CONFIG_LIST_MAX);
        return STATUS_INVALID;
    }
    list->items = memory_realloc(list->items, (list->count + 1) * sizeof list->items[0]);
    list->items[list->count++] = copy_text(text);
    return STATUS_OK;
}

enum status config_put_text(struct config *config, const struct config_key *key, struct gm_bytes text,
                            struct complaint *complaint)
{
    int64_t number;
    switch (key->type) {
    case CONFIG_SIZE:
        if (read_share(key, text, &number)) {
            *(int64_t *)config_field(config, key) = number;
            return STATUS_OK;
        }
        return read_size(text, &number) ? config_put_number(config, key, number, text, complaint)
                                        : wrong_kind(key, text, complaint);
    case CONFIG_OCTAL:
        return read_octal(text, &number) ? config_put_number(config, key, number, text, complaint)
                                         : wrong_kind(key, text, complaint);
    case CONFIG_CHOICE:
        return put_choice(config, key, text, complaint);
    case CONFIG_TEXT:
    case CONFIG_PATH: {
        TRY(check_text(key, text, complaint));
        char **value = config_field(config, key);
        memory_free(*value);
        *value = copy_text(text);
        return STATUS_OK;
    }
    case CONFIG_LIST:
    case CONFIG_PATHS:
        TRY(check_text(key, text, complaint));
        return append_text(config, key, text, complaint);
    case CONFIG_BOOL:
    case CONFIG_INT:
    case CONFIG_DOUBLE:
        break;
    }
    return wrong_kind(key, text, complaint);
}

static must_use enum status put_bool_word(struct config *config, const struct config_key *key, struct gm_bytes text,
                                          struct complaint *complaint)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (bytes_equal_nocase(text, words[i])) {
            return config_put_bool(config, key, i % 2 == 1, complaint);
        }
    }
    return wrong_kind(key, text, complaint);
}

static must_use enum status put_double(struct config *config, const struct config_key *key, struct gm_bytes text,
                                       struct complaint *complaint)
{
    double number;
    if (!gm_parse_double(text, &number)) {
        return wrong_kind(key, text, complaint);
    }
    if (!(number >= key->least && number <= key->most)) {
        char least[GM_DOUBLE_TEXT];
        char most[GM_DOUBLE_TEXT];
        complaint_set(complaint, "\"%s\" must be between %.*s and %.*s, not %s", key->name,
                      (int)config_double_text(least, key->least), least, (int)config_double_text(most, key->most), most,
                      config_show(text).text);
        return STATUS_INVALID;
    }
    *(double *)config_field(config, key) = number;
    return STATUS_OK;
}

static must_use enum status put_list(struct config *config, const struct config_key *key, struct gm_bytes text,
                                     struct complaint *complaint)
{
    if (text.size == 0 && key->type == CONFIG_PATHS) {
        config_list_clear(config_field(config, key));
        return STATUS_OK;
    }
    while (true) {
        const uint8_t *comma = text.size > 0 ? memchr(text.data, ',', text.size) : NULL;
        size_t size = comma != NULL ? (size_t)(comma - text.data) : text.size;
        TRY(config_put_text(config, key, (struct gm_bytes){text.data, size}, complaint));
        if (comma == NULL) {
            return STATUS_OK;
        }
        text = (struct gm_bytes){comma + 1, text.size - size - 1};
    }
}

enum status config_put_any(struct config *config, const struct config_key *key, struct gm_bytes text,
                           struct complaint *complaint)
{
    int64_t number;
    switch (key->type) {
    case CONFIG_BOOL:
        return put_bool_word(config, key, text, complaint);
    case CONFIG_INT:
        return bytes_to_int(text, &number) ? config_put_number(config, key, number, text, complaint)
                                           : wrong_kind(key, text, complaint);
    case CONFIG_DOUBLE:
        return put_double(config, key, text, complaint);
    case CONFIG_LIST:
    case CONFIG_PATHS:
        return put_list(config, key, text, complaint);
    case CONFIG_SIZE:
    case CONFIG_OCTAL:
    case CONFIG_CHOICE:
    case CONFIG_TEXT:
    case CONFIG_PATH:
        break;
    }
    return config_put_text(config, key, text, complaint);
}

void config_list_clear(struct config_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        memory_free(list->items[i]);
    }
    memory_free(list->items);
    *list = (struct config_list){0};
}

/* ---- who said it ---- */

/* Which modules are loaded is one choice, made in two settings: a flag for either replaces what the file says of
 * both. */
static const struct config_key *partner_of(const struct config_key *key)
{
    if (strcmp(key->name, "modules") == 0) {
        return config_key_find(BYTES("module_folder"), false);
    }
    return strcmp(key->name, "module_folder") == 0 ? config_key_find(BYTES("modules"), false) : NULL;
}

static void reset(struct config *config, const struct config_key *key)
{
    if (key->type == CONFIG_LIST || key->type == CONFIG_PATHS) {
        config_list_clear(config_field(config, key));
    } else if (key->type == CONFIG_PATH) {
        char **text = config_field(config, key);
        memory_free(*text);
        *text = copy_text(BYTES_NONE);
    }
}

static uint8_t *origin_of(const struct config *config, const struct config_key *key)
{
    bool extra = (key->flags & CONFIG_EXTRA) != 0;
    return extra ? config_extra_origin(config, key->offset) : (uint8_t *)(uintptr_t)&config->origin[key - keys];
}

bool config_claim(struct config *config, const struct config_key *key, enum config_origin origin)
{
    const struct config_key *partner = partner_of(key);
    uint8_t *had = origin_of(config, key);
    uint8_t *partner_had = partner != NULL ? origin_of(config, partner) : had;
    if (*had > origin || *partner_had > origin) {
        return false;
    }
    if (*had < origin && (key->type == CONFIG_LIST || key->type == CONFIG_PATHS)) {
        reset(config, key); /* the first word of a stronger voice replaces the list */
    }
    if (partner != NULL && *partner_had < origin) {
        reset(config, partner);
    }
    *had = (uint8_t)origin;
    return true;
}

enum config_origin config_origin(const struct config *config, const struct config_key *key)
{
    return (enum config_origin) * origin_of(config, key);
}

void config_set_origin(struct config *config, const struct config_key *key, enum config_origin origin)
{
    *origin_of(config, key) = (uint8_t)origin;
}
