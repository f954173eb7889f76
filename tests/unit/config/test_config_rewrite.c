/* SPDX-License-Identifier: MIT */

/* Stories of a configuration file that is written anew: what changes in it, and what does not. */
#include <criterion/criterion.h>

#include "config/config.h"

static struct config config;
static struct complaint complaint;
static struct buf out;

static enum status change(const struct gm_bytes *pairs, size_t count)
{
    struct config_change made;
    enum status status = config_change(&config, pairs, count, &made, &complaint);
    if (status == STATUS_OK) {
        config_change_keep(&made);
    }
    return status;
}

/* What becomes of the file `text` once `settings` (names and values, then NULL) have been set on a server that runs
 * with it and with `flag`. */
static enum status rewrite(const char *text, const char *flag, const char *const *settings)
{
    config_init(&config, "/home/x");
    const char *argv[] = {"geomys-server", flag};
    cr_assert_eq(config_from_flags(&config, flag != NULL ? 2 : 1, argv, &complaint), STATUS_OK);
    cr_assert_eq(config_from_json(&config, "geomys.conf", gm_bytes_of(text), &complaint), STATUS_OK, "%s",
                 complaint.text);
    for (; *settings != NULL; settings += 2) {
        struct gm_bytes pair[] = {gm_bytes_of(settings[0]), gm_bytes_of(settings[1])};
        cr_assert_eq(change(pair, 1), STATUS_OK, "%s", complaint.text);
    }
    buf_init(&out, CONFIG_FILE_SIZE_MAX);
    enum status status = config_rewrite(&config, "geomys.conf", gm_bytes_of(text), &out, &complaint);
    return status;
}

static void finish(void)
{
    config_finish(&config);
    buf_finish(&out);
}

#define SET(...) ((const char *const[]){__VA_ARGS__, NULL, NULL})

static void expect_rewritten(const char *text, const char *flag, const char *const *settings, const char *wanted)
{
    enum status status = rewrite(text, flag, settings);
    cr_expect(status == STATUS_OK, "%s: %s", text, complaint.text);
    cr_expect(gm_bytes_equal(buf_bytes(&out), gm_bytes_of(wanted)), "%s became %.*s", text, (int)out.size,
              (const char *)out.data);
    finish();
}

/* config_rewrite P1 */
Test(config_rewrite, nothing_changes_if_nothing_has_changed)
{
    static const char *const texts[] = {
        "{}", " {\n}\n", "{\"max_bulk\":\"1mb\",\t\"bind\" : [ \"127.0.0.1\", \"::1\" ]}\n\n",
        "{ \"max\\u0063lients\": 1e2, \"password\": \"a\\\"b\", \"slowlog_log_slower_than\": -1 }"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        expect_rewritten(texts[i], NULL, SET(NULL), texts[i]);
    }
}

Test(config_rewrite, a_value_is_exchanged_where_it_stands)
{
    expect_rewritten("{\n  \"node_id\": 3,\n  \"max\\u0063lients\" :  5 ,\n  \"max_bulk\": \"1mb\"\n}\n", NULL,
                     SET("maxclients", "9", "max_bulk", "1048576"),
                     "{\n  \"node_id\": 3,\n  \"max\\u0063lients\" :  9 ,\n  \"max_bulk\": \"1mb\"\n}\n");
    expect_rewritten("{\"log_level\":\"info\",\"slowlog_log_slower_than\":10,\"maxmemory\":\"1gb\"}", NULL,
                     SET("log_level", "debug", "slowlog_log_slower_than", "-1", "maxmemory", "2mb"),
                     "{\"log_level\":\"debug\",\"slowlog_log_slower_than\":-1,\"maxmemory\":2097152}");
}

Test(config_rewrite, what_is_missing_comes_last_and_looks_like_the_rest)
{
    expect_rewritten("{\n\t\"node_id\": 3,\n\t\"bind\": [\"127.0.0.1\"]\n}\n", NULL,
                     SET("maxclients", "9", "notify-keyspace-events", "KEA"),
                     "{\n\t\"node_id\": 3,\n\t\"bind\": [\"127.0.0.1\"],\n\t\"maxclients\": 9,\n\t"
                     "\"notify_keyspace_events\": \"KEA\"\n}\n");
    expect_rewritten("{\"node_id\":3}", NULL, SET("timeout", "60"), "{\"node_id\":3,\"timeout_s\": 60}");
    expect_rewritten("{}", NULL, SET("timeout", "60", "maxclients", "1"),
                     "{\n    \"maxclients\": 1,\n    \"timeout_s\": 60\n}");
    expect_rewritten("{ }\n", NULL, SET("timeout", "60"), "{\n    \"timeout_s\": 60\n }\n");
}

/* As in Redis: what is in the file stays there, with the value of now. */
Test(config_rewrite, back_to_the_default)
{
    expect_rewritten("{\"maxclients\": 5}", NULL, SET("maxclients", "10000"), "{\"maxclients\": 10000}");
    expect_rewritten("{\"node_id\": 5}", NULL, SET("maxclients", "7", "maxclients", "10000"), "{\"node_id\": 5}");
}

/* As in Redis: what a flag said counts as the value of now. What cannot be changed is not written. */
Test(config_rewrite, flags)
{
    expect_rewritten("{\"maxclients\": 5}", "--maxclients=7", SET(NULL), "{\"maxclients\": 7}");
    expect_rewritten("{\"node_id\": 5}", "--maxclients=7", SET(NULL), "{\"node_id\": 5,\"maxclients\": 7}");
    expect_rewritten("{\"node_id\": 5}", "--node_id=7", SET(NULL), "{\"node_id\": 5}");
    expect_rewritten("{}", "--external_port=7000", SET(NULL), "{}");
}

Test(config_rewrite, a_password_is_written_only_where_one_stands)
{
    expect_rewritten("{\"password\": \"old\"}", NULL, SET("requirepass", "n\"e\\w\x01"),
                     "{\"password\": \"n\\\"e\\\\w\\u0001\"}");
    expect_rewritten("{\"node_id\": 5}", NULL, SET("requirepass", "new"), "{\"node_id\": 5}");
}

/* config_rewrite P2 */
Test(config_rewrite, what_json_can_not_say_is_refused)
{
    cr_expect(rewrite("{\"password\": \"old\"}", NULL, SET("password", "\xff\xfe")) == STATUS_INVALID);
    cr_expect(strncmp(complaint.text, "the new file:1:", 15) == 0, "%s", complaint.text);
    finish();
    cr_expect(rewrite("{}", NULL, SET("latency_monitor_threshold", "9007199254740993")) == STATUS_INVALID);
    cr_expect_str_eq(complaint.text, "the value of \"latency_monitor_threshold\" cannot be written as JSON");
    finish();
}

Test(config_rewrite, a_file_that_is_broken_by_now_is_refused)
{
    config_init(&config, NULL);
    buf_init(&out, CONFIG_FILE_SIZE_MAX);
    cr_expect(config_rewrite(&config, "geomys.conf", BYTES("{\"maxclients\": }"), &out, &complaint) == STATUS_INVALID);
    cr_expect(strncmp(complaint.text, "geomys.conf:1:16", 16) == 0, "%s", complaint.text);
    finish();
}

/* ---- several at once ---- */

Test(config_change, all_or_none)
{
    config_init(&config, NULL);
    struct gm_bytes good[] = {BYTES("maxclients"),
                              BYTES("7"),
                              BYTES("requirepass"),
                              BYTES("x"),
                              BYTES("Timeout"),
                              BYTES("9"),
                              BYTES("slowlog-log-slower-than"),
                              BYTES("-1")};
    cr_assert_eq(change(good, 4), STATUS_OK, "%s", complaint.text);
    cr_expect(config.maxclients == 7 && strcmp(config.password, "x") == 0 && config.timeout_s == 9);
    struct gm_bytes bad[] = {BYTES("maxclients"),
                             BYTES("8"),
                             BYTES("slowlog-log-slower-than"),
                             BYTES("5"),
                             BYTES("notify_keyspace_events"),
                             BYTES("KA"),
                             BYTES("password"),
                             BYTES("y"),
                             BYTES("timeout"),
                             BYTES("soon")};
    cr_expect(change(bad, 5) == STATUS_INVALID);
    cr_expect(config.maxclients == 7 && config.slowlog_log_slower_than == -1); /* config P2 */
    cr_expect(config.notify_keyspace_events[0] == '\0' && strcmp(config.password, "x") == 0);
    struct gm_bytes twice[] = {BYTES("maxclients"), BYTES("8"), BYTES("maxclients"), BYTES("9")};
    cr_expect(change(twice, 2) == STATUS_INVALID && config.maxclients == 7);
    struct gm_bytes unknown[] = {BYTES("maxclients"), BYTES("8"),      BYTES("nosuch"),
                                 BYTES("9"),          BYTES("nosuch"), BYTES("9")};
    cr_expect(change(unknown, 3) == STATUS_NOT_FOUND && config.maxclients == 7);
    config_finish(&config);
}

Test(config_change, says_whom_it_touches_and_may_be_undone)
{
    config_init(&config, NULL);
    struct config_change made;
    struct gm_bytes pairs[] = {BYTES("maxclients"), BYTES("7"),         BYTES("requirepass"),
                               BYTES("x"),          BYTES("log_level"), BYTES("error")};
    cr_assert_eq(config_change(&config, pairs, 3, &made, &complaint), STATUS_OK, "%s", complaint.text);
    cr_expect_eq(made.touches, CONFIG_TOUCHES_CLIENTS | CONFIG_TOUCHES_SERVING | CONFIG_TOUCHES_TRACE);
    cr_expect(config.maxclients == 7 && strcmp(config.password, "x") == 0 && config.log_level == CONFIG_LOG_ERROR);
    config_change_undo(&made);
    cr_expect(config.maxclients == 10000 && config.password[0] == '\0' && config.log_level == CONFIG_LOG_INFO);
    struct gm_bytes fixed[] = {BYTES("maxclients"), BYTES("7"), BYTES("dir"), BYTES("/elsewhere")};
    cr_expect_eq(config_change(&config, fixed, 2, &made, &complaint), STATUS_REFUSED);
    cr_expect_str_eq(complaint.text, "can't set immutable config: \"data_folder\" is read when the server starts");
    cr_expect(config.maxclients == 10000);
    config_finish(&config);
}

Test(config_change, more_settings_than_there_are)
{
    static struct gm_bytes pairs[4 * CONFIG_KEYS_MAX];
    config_init(&config, NULL);
    for (size_t i = 0; i < 2 * CONFIG_KEYS_MAX; i++) {
        pairs[2 * i] = gm_bytes_of(config_key_name(i % config_key_count()));
        pairs[2 * i + 1] = BYTES("1");
    }
    cr_expect(change(pairs, 2 * CONFIG_KEYS_MAX) != STATUS_OK);
    config_finish(&config);
}
