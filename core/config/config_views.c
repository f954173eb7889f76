/* SPDX-License-Identifier: MIT */

/* config_views.c - what settings of Redis say in other words than ours: reading and writing each. */
#include "config/config_views.h"

#include <stdio.h>

static must_use enum status set_number(struct config_change *change, const char *own, int64_t number,
                                       struct complaint *complaint)
{
    char text[24];
    int size = snprintf(text, sizeof text, "%lld", (long long)number);
    return config_change_own(change, config_key_find(gm_bytes_of(own), false),
                             (struct gm_bytes){(const uint8_t *)text, (size_t)size}, complaint);
}

struct gm_bytes config_views_word(struct gm_bytes *rest)
{
    size_t start = 0;
    while (start < rest->size && rest->data[start] == ' ') {
        start++;
    }
    size_t end = start;
    while (end < rest->size && rest->data[end] != ' ') {
        end++;
    }
    struct gm_bytes word = {rest->data + start, end - start};
    *rest = (struct gm_bytes){rest->data + end, rest->size - end};
    return word;
}

void config_views_read_save(const struct config *config, struct buf *value)
{
    if (config->persistence != CONFIG_PERSISTENCE_NONE && config->snapshot_interval_s > 0) {
        (void)buf_format(value, "%lld 1", (long long)config->snapshot_interval_s);
    }
}

/* Each change is in the log, whenever the next snapshot comes: of several points the one that waits for the fewest
 * changes says how long one may wait. */
enum status config_views_write_save(struct config_change *change, struct gm_bytes text, struct complaint *complaint)
{
    int64_t seconds = 0;
    int64_t fewest = INT64_MAX;
    for (struct gm_bytes word = config_views_word(&text); word.size > 0; word = config_views_word(&text)) {
        int64_t after_s;
        int64_t changes;
        if (!bytes_to_int(word, &after_s) || !bytes_to_int(config_views_word(&text), &changes) || after_s < 1 ||
            changes < 0) {
            complaint_set(complaint, "Invalid save parameters");
            return STATUS_INVALID;
        }
        seconds = changes < fewest ? after_s : seconds;
        fewest = changes < fewest ? changes : fewest;
    }
    if (seconds > 0 && change->config->persistence == CONFIG_PERSISTENCE_NONE) {
        complaint_set(complaint,
                      "nothing is saved here: start the server with persistence bufferedwrite or writethroughdisk");
        return STATUS_REFUSED;
    }
    return set_number(change, "snapshot_interval_s", seconds, complaint);
}

void config_views_read_appendonly(const struct config *config, struct buf *value)
{
    bool logs = config->persistence != CONFIG_PERSISTENCE_NONE;
    (void)buf_append(value, logs ? BYTES("yes") : BYTES("no"));
}

enum status config_views_write_appendonly(struct config_change *change, struct gm_bytes text,
                                          struct complaint *complaint)
{
    bool logs = change->config->persistence != CONFIG_PERSISTENCE_NONE;
    if (!bytes_equal_nocase(text, "yes") && !bytes_equal_nocase(text, "no")) {
        complaint_set(complaint, "argument must be 'yes' or 'no'");
        return STATUS_INVALID;
    }
    if (bytes_equal_nocase(text, "yes") != logs) {
        complaint_set(complaint, "%s",
                      logs ? "each change is logged: to keep data in memory alone, start the server "
                             "with persistence none"
                           : "nothing is logged here: start the server with persistence bufferedwrite "
                             "or writethroughdisk");
        return STATUS_REFUSED;
    }
    return STATUS_OK;
}

void config_views_read_appendfsync(const struct config *config, struct buf *value)
{
    static const char *const words[] = {
        [CONFIG_PERSISTENCE_NONE] = "no",
        [CONFIG_PERSISTENCE_BUFFERED] = "everysec",
        [CONFIG_PERSISTENCE_WRITE_THROUGH] = "always",
    };
    (void)buf_append(value, gm_bytes_of(words[config->persistence]));
}

/* A disk that is waited for more often than asked is harmless. Without a log the word means nothing, as in Redis. */
enum status config_views_write_appendfsync(struct config_change *change, struct gm_bytes text,
                                           struct complaint *complaint)
{
    bool always = bytes_equal_nocase(text, "always");
    if (!always && !bytes_equal_nocase(text, "everysec") && !bytes_equal_nocase(text, "no")) {
        complaint_set(complaint, "argument(s) must be one of the following: everysec, always, no");
        return STATUS_INVALID;
    }
    if (always && change->config->persistence == CONFIG_PERSISTENCE_BUFFERED) {
        complaint_set(complaint, "an answer does not wait for the disk here: start the server with persistence "
                                 "writethroughdisk");
        return STATUS_REFUSED;
    }
    return STATUS_OK;
}

void config_views_read_loglevel(const struct config *config, struct buf *value)
{
    static const char *const words[] = {
        [CONFIG_LOG_DEBUG] = "debug",
        [CONFIG_LOG_INFO] = "notice",
        [CONFIG_LOG_WARNING] = "warning",
        [CONFIG_LOG_ERROR] = "warning",
    };
    (void)buf_append(value, gm_bytes_of(words[config->log_level]));
}

enum status config_views_write_loglevel(struct config_change *change, struct gm_bytes text, struct complaint *complaint)
{
    static const char *const words[][2] = {
        {"debug", "debug"}, {"verbose", "info"}, {"notice", "info"}, {"warning", "warning"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (bytes_equal_nocase(text, words[i][0])) {
            return config_change_own(change, config_key_find(BYTES("log_level"), false), gm_bytes_of(words[i][1]),
                                     complaint);
        }
    }
    complaint_set(complaint, "argument(s) must be one of the following: debug, verbose, notice, warning");
    return STATUS_INVALID;
}

void config_views_read_rdbcompression(const struct config *config, struct buf *value)
{
    (void)buf_append(value, config->snapshot_compression != 0 ? BYTES("yes") : BYTES("no"));
}

enum status config_views_write_rdbcompression(struct config_change *change, struct gm_bytes text,
                                              struct complaint *complaint)
{
    const struct config_key *key = config_key_find(BYTES("snapshot_compression"), false);
    if (bytes_equal_nocase(text, "no")) {
        return config_change_own(change, key, BYTES("none"), complaint);
    }
    if (!bytes_equal_nocase(text, "yes")) {
        complaint_set(complaint, "argument must be 'yes' or 'no'");
        return STATUS_INVALID;
    }
    return change->config->snapshot_compression != 0 ? STATUS_OK
                                                     : config_change_own(change, key, BYTES("lz4"), complaint);
}

void config_views_read_protected_mode(const struct config *config, struct buf *value)
{
    (void)buf_append(value, config->allow_insecure ? BYTES("no") : BYTES("yes"));
}

enum status config_views_write_protected_mode(struct config_change *change, struct gm_bytes text,
                                              struct complaint *complaint)
{
    if (bytes_equal_nocase(text, change->config->allow_insecure ? "no" : "yes")) {
        return STATUS_OK;
    }
    complaint_set(complaint, "whether strangers may come in without a password is said at the start: allow_insecure");
    return STATUS_REFUSED;
}

/* ---- how much may wait for a client ---- */

#define STALL_SIZE ((int64_t)1 << 20) /* bytes that must wait for client_stall_s to count */

/* What a limit of none is here: the most that ours may be. */
static int64_t ceiling_of(const char *own)
{
    return config_key_find(gm_bytes_of(own), false)->maximum;
}

void config_views_read_output_limit(const struct config *config, struct buf *value)
{
    const struct {
        const char *class;
        int64_t hard, none;
    } classes[] = {{"normal", config->client_output_limit, ceiling_of("client_output_limit")},
                   {"slave", 0, 0},
                   {"pubsub", config->client_push_limit, ceiling_of("client_push_limit")}};
    int64_t soft_s = config->client_stall_s;
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        (void)buf_format(value, "%s%s %lld %lld %lld", i > 0 ? " " : "", classes[i].class,
                         (long long)(classes[i].hard == classes[i].none ? 0 : classes[i].hard),
                         (long long)(soft_s > 0 ? STALL_SIZE : 0), (long long)soft_s);
    }
}

static must_use enum status write_class(struct config_change *change, struct gm_bytes class, const int64_t limits[3],
                                        struct complaint *complaint)
{
    bool soft = limits[1] > 0 && limits[2] > 0;
    int64_t stall_s = change->config->client_stall_s;
    if (soft && (limits[1] < STALL_SIZE || stall_s == 0 || limits[2] < stall_s)) {
        complaint_set(complaint,
                      "a client is closed for being slow when it reads nothing for client_stall_s (%lld) while 1 MiB "
                      "or more waits: lower that one, or give a soft limit of 0",
                      (long long)stall_s);
        return STATUS_REFUSED;
    }
    bool replica = bytes_equal_nocase(class, "slave") || bytes_equal_nocase(class, "replica");
    const char *own = bytes_equal_nocase(class, "normal") ? "client_output_limit" : "client_push_limit";
    return replica ? STATUS_OK : set_number(change, own, limits[0] == 0 ? ceiling_of(own) : limits[0], complaint);
}

/* "class hard soft seconds", once for each class or fewer. */
enum status config_views_write_output_limit(struct config_change *change, struct gm_bytes text,
                                            struct complaint *complaint)
{
    static const char *const classes[] = {"normal", "slave", "replica", "pubsub"};
    for (struct gm_bytes class = config_views_word(&text); class.size > 0; class = config_views_word(&text)) {
        int64_t limits[3];
        bool known = false;
        for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
            known = known || bytes_equal_nocase(class, classes[i]);
        }
        bool whole = config_redis_bytes(config_views_word(&text), &limits[0]) &&
                     config_redis_bytes(config_views_word(&text), &limits[1]) &&
                     bytes_to_int(config_views_word(&text), &limits[2]) && limits[2] >= 0;
        if (!known || !whole) {
            complaint_set(complaint, "%s",
                          known ? "Error in hard, soft or soft_seconds setting in buffer limit "
                                  "configuration: class hard soft seconds"
                                : "Invalid client class specified in buffer limit configuration: "
                                  "normal, replica, or pubsub");
            return STATUS_INVALID;
        }
        TRY(write_class(change, class, limits, complaint));
    }
    return STATUS_OK;
}
