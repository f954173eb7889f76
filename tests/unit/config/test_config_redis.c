/* SPDX-License-Identifier: MIT */

/* Stories of settings by the names that they have in Redis: what each means here, and what is refused. */
#include <criterion/criterion.h>

#include "config/config_keys.h"

static struct config config;
static struct complaint complaint;

/* Sets `count` names and values, all or none. */
static enum status set(const char *const *texts, size_t count)
{
    struct config_change made;
    struct gm_bytes pairs[16];
    for (size_t i = 0; i < 2 * count; i++) {
        pairs[i] = gm_bytes_of(texts[i]);
    }
    complaint.text[0] = '\0';
    enum status status = config_change(&config, pairs, count, &made, &complaint);
    if (status == STATUS_OK) {
        config_change_keep(&made);
    }
    return status;
}

#define SET(...)                                                                                                       \
    set((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *) / 2)

static void expect(const char *name, const char *wanted)
{
    struct buf value;
    size_t row = config_redis_find(gm_bytes_of(name));
    cr_assert_lt(row, config_redis_count(), "%s", name);
    buf_init(&value, CONFIG_TEXT_MAX);
    config_redis_describe(&config, row, &value);
    cr_expect(gm_bytes_equal(buf_bytes(&value), gm_bytes_of(wanted)), "%s is %.*s, not %s", name, (int)value.size,
              (const char *)value.data, wanted);
    buf_finish(&value);
}

static void expect_refused(const char *name, const char *value, const char *sentence)
{
    cr_expect(SET(name, value) != STATUS_OK, "%s %s", name, value);
    cr_expect(strstr(complaint.text, sentence) != NULL, "%s %s: %s", name, value, complaint.text);
}

static void begin(enum config_persistence persistence)
{
    config_init(&config, NULL);
    config.persistence = (int64_t)persistence;
}

Test(config_redis, each_name_is_there_once_and_takes_back_what_it_shows)
{
    begin(CONFIG_PERSISTENCE_WRITE_THROUGH);
    for (size_t row = 0; row < config_redis_count(); row++) {
        const char *name = config_redis_name(row);
        struct buf value;
        cr_expect_eq(config_redis_find(gm_bytes_of(name)), row, "%s", name);
        cr_expect_eq(config_key_find(gm_bytes_of(name), false), NULL, "%s is a name of ours as well", name);
        buf_init(&value, CONFIG_TEXT_MAX);
        config_redis_describe(&config, row, &value);
        struct gm_bytes pair[] = {gm_bytes_of(name), buf_bytes(&value)};
        struct config_change made;
        enum status status = config_change(&config, pair, 1, &made, &complaint);
        if (status == STATUS_OK) {
            config_change_keep(&made);
        }
        cr_expect(status == STATUS_OK || strncmp(complaint.text, CONFIG_FIXED, strlen(CONFIG_FIXED)) == 0, "%s: %s",
                  name, complaint.text);
        buf_finish(&value);
    }
    config_finish(&config);
}

Test(config_redis, what_is_harmless_is_kept_as_redis_shows_it)
{
    begin(CONFIG_PERSISTENCE_WRITE_THROUGH);
    expect("hash-max-ziplist-entries", "512");
    cr_expect_eq(SET("HASH-max-listpack-entries", "7", "activerehashing", "No", "hll-sparse-max-bytes", "3kb"),
                 STATUS_OK);
    expect("hash-max-listpack-entries", "7");
    expect("hash-max-ziplist-entries", "7");
    expect("activerehashing", "no");
    expect("hll-sparse-max-bytes", "3072");
    cr_expect_eq(SET("sanitize-dump-payload", "CLIENTS"), STATUS_OK);
    expect("sanitize-dump-payload", "clients");
    expect_refused("hz", "often", "argument couldn't be parsed into an integer");
    expect_refused("hz", "501", "argument must be between 1 and 500 inclusive");
    expect_refused("hll-sparse-max-bytes", "1z", "argument must be a memory value");
    expect_refused("hll-sparse-max-bytes", "99999999999gb", "argument must be a memory value");
    expect_refused("activerehashing", "maybe", "argument must be 'yes' or 'no'");
    expect_refused("repl-diskless-load", "x",
                   "argument(s) must be one of the following: disabled, on-empty-db, swapdb");
    expect("hz", "10");
    config_finish(&config);
}

Test(config_redis, all_or_none_and_none_twice)
{
    begin(CONFIG_PERSISTENCE_WRITE_THROUGH);
    cr_expect_eq(SET("hz", "50"), STATUS_OK);
    cr_expect_eq(SET("hz", "60", "list-compress-depth", "1", "timeout", "5", "io-threads", "4"), STATUS_REFUSED);
    cr_expect_str_eq(complaint.text, CONFIG_FIXED);
    expect("hz", "50");
    expect("list-compress-depth", "0");
    expect("timeout", "0");
    cr_expect_eq(SET("hz", "60", "hz", "60"), STATUS_INVALID);
    cr_expect_str_eq(complaint.text, CONFIG_TWICE);
    cr_expect_eq(SET("hash-max-listpack-entries", "1", "hash-max-ziplist-entries", "2"), STATUS_INVALID);
    cr_expect_eq(SET("appendonly", "yes", "appendonly", "yes"), STATUS_INVALID);
    cr_expect_eq(SET("save", "60 1", "snapshot_interval_s", "60"), STATUS_INVALID);
    cr_expect_eq(SET("timeout", "1", "timeout_s", "2"), STATUS_INVALID);
    expect("save", "3600 1");
    expect("hz", "50");
    config_finish(&config);
}

Test(config_redis, what_the_start_has_said_may_be_said_again)
{
    begin(CONFIG_PERSISTENCE_WRITE_THROUGH);
    cr_expect_eq(SET("port", "6379", "bind", "127.0.0.1,::1", "data_folder", "~/.geomys", "hz", "20"), STATUS_OK);
    expect("hz", "20");
    cr_expect_eq(SET("hz", "30", "port", "6379", "external_port", "6379"), STATUS_INVALID);
    cr_expect_eq(SET("hz", "30", "port", "6380"), STATUS_REFUSED);
    cr_expect_eq(SET("hz", "30", "bind", "127.0.0.1"), STATUS_REFUSED);
    expect("hz", "20");
    cr_expect_eq(config.external_port, 6379);
    cr_expect_eq(SET("requirepass", "sesame"), STATUS_OK);
    expect("requirepass", "(hidden)");
    cr_expect_eq(SET("requirepass", "(hidden)"), STATUS_OK);
    cr_expect_str_eq(config.password, "sesame");
    config_finish(&config);
}

Test(config_redis, sizes_are_read_as_redis_reads_them)
{
    begin(CONFIG_PERSISTENCE_WRITE_THROUGH);
    cr_expect_eq(SET("maxmemory", "1m"), STATUS_OK);
    cr_expect_eq(config.maxmemory, 1000000);
    cr_expect_eq(SET("maxmemory", "2MB"), STATUS_OK);
    cr_expect_eq(config.maxmemory, 2 << 20);
    cr_expect_neq(SET("maxmemory", "9223372036854775807gb"), STATUS_OK);
    cr_expect_eq(config.maxmemory, 2 << 20);
    config_finish(&config);
}

Test(config_redis, save_is_how_long_a_change_waits_for_a_snapshot)
{
    begin(CONFIG_PERSISTENCE_WRITE_THROUGH);
    cr_expect_eq(SET("save", ""), STATUS_OK);
    cr_expect_eq(config.snapshot_interval_s, 0);
    expect("save", "");
    cr_expect_eq(SET("save", "60 10000  900 1 300 100"), STATUS_OK);
    expect("save", "900 1");
    expect_refused("save", "900", "Invalid save parameters");
    expect_refused("save", "0 1", "Invalid save parameters");
    expect_refused("save", "x y", "Invalid save parameters");
    config.persistence = CONFIG_PERSISTENCE_NONE;
    expect("save", "");
    expect_refused("save", "900 1", "nothing is saved here: start the server with persistence");
    cr_expect_eq(SET("save", ""), STATUS_OK);
    config_finish(&config);
}

Test(config_redis, the_log_is_what_the_start_said)
{
    begin(CONFIG_PERSISTENCE_WRITE_THROUGH);
    expect("appendonly", "yes");
    expect("appendfsync", "always");
    cr_expect_eq(SET("appendonly", "yes", "appendfsync", "everysec"), STATUS_OK);
    expect("appendfsync", "always");
    expect_refused("appendonly", "no", "start the server with persistence none");
    config.persistence = CONFIG_PERSISTENCE_BUFFERED;
    expect("appendfsync", "everysec");
    expect_refused("appendfsync", "always", "start the server with persistence writethroughdisk");
    expect_refused("appendfsync", "never", "argument(s) must be one of");
    config.persistence = CONFIG_PERSISTENCE_NONE;
    expect("appendonly", "no");
    cr_expect_eq(SET("appendonly", "NO", "appendfsync", "always"), STATUS_OK);
    expect_refused("appendonly", "yes", "start the server with persistence bufferedwrite or writethroughdisk");
    expect_refused("appendonly", "perhaps", "'yes' or 'no'");
    config_finish(&config);
}

Test(config_redis, limits_of_output_by_class)
{
    begin(CONFIG_PERSISTENCE_WRITE_THROUGH);
    expect("client-output-buffer-limit", "normal 0 1048576 60 slave 0 1048576 60 pubsub 33554432 1048576 60");
    cr_expect_eq(SET("client-output-buffer-limit", "normal 100000 0 0 Replica 256mb 64mb 60"), STATUS_OK);
    cr_expect(config.client_output_limit == 100000 && config.client_push_limit == 32 << 20);
    cr_expect_eq(SET("client-output-buffer-limit", "pubsub 1m 8mb 60"), STATUS_OK);
    cr_expect_eq(config.client_push_limit, 1000000);
    cr_expect_eq(SET("client-output-buffer-limit", "normal 0 0 0"), STATUS_OK);
    cr_expect_eq(config.client_output_limit, 1 << 30);
    cr_expect_eq(SET("client-output-buffer-limit", ""), STATUS_OK);
    expect_refused("client-output-buffer-limit", "pubsub 1mb 1mb 5", "lower that one");
    expect_refused("client-output-buffer-limit", "pubsub 1mb 1000 60", "lower that one");
    expect_refused("client-output-buffer-limit", "normal 1mb 0 0 pubsub 10 0 0", "must be between");
    cr_expect_eq(config.client_output_limit, 1 << 30, "all or none");
    expect_refused("client-output-buffer-limit", "other 0 0 0", "Invalid client class");
    expect_refused("client-output-buffer-limit", "pubsub 0 0", "Error in hard, soft or soft_seconds");
    expect_refused("client-output-buffer-limit", "pubsub 0 0 -1", "Error in hard, soft or soft_seconds");
    expect_refused("client-output-buffer-limit", "pubsub 0 0 0 pubsub 0 0 0", CONFIG_TWICE);
    cr_expect_eq(config.client_push_limit, 1000000);
    cr_expect_eq(SET("client_stall_s", "0"), STATUS_OK);
    expect("client-output-buffer-limit", "normal 0 0 0 slave 0 0 0 pubsub 1000000 0 0");
    config_finish(&config);
}

Test(config_redis, words_that_are_others_here)
{
    begin(CONFIG_PERSISTENCE_WRITE_THROUGH);
    expect("loglevel", "notice");
    cr_expect_eq(SET("loglevel", "verbose"), STATUS_OK);
    cr_expect_eq(SET("loglevel", "DEBUG"), STATUS_OK);
    cr_expect_eq(config.log_level, CONFIG_LOG_DEBUG);
    expect_refused("loglevel", "loud", "argument(s) must be one of");
    expect("loglevel", "debug");
    expect("rdbcompression", "yes");
    cr_expect_eq(SET("rdbcompression", "no"), STATUS_OK);
    cr_expect_eq(config.snapshot_compression, 0);
    expect("rdbcompression", "no");
    cr_expect_eq(SET("snapshot_compression", "zstd"), STATUS_OK);
    cr_expect_eq(SET("rdbcompression", "yes"), STATUS_OK);
    cr_expect_eq(config.snapshot_compression, 2, "zstd stays");
    cr_expect_eq(SET("protected-mode", "yes"), STATUS_OK);
    expect_refused("protected-mode", "no", "allow_insecure");
    config_finish(&config);
}

Test(config_redis, what_would_be_a_lie_is_refused_and_says_why)
{
    begin(CONFIG_PERSISTENCE_WRITE_THROUGH);
    cr_expect_eq(SET("activedefrag", "NO", "stop-writes-on-bgsave-error", "no"), STATUS_OK);
    expect_refused("activedefrag", "yes", "it is \"no\" here: ");
    expect_refused("tls-port", "6380", "put a proxy in front");
    expect_refused("stop-writes-on-bgsave-error", "yes", "in the log already");
    expect_refused("databases", "9", CONFIG_FIXED);
    expect_refused("slaveof", "h 1", CONFIG_FIXED);
    config_finish(&config);
}
