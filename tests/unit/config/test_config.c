/* SPDX-License-Identifier: MIT */

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "config/config.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct complaint complaint;

static enum status from_json(struct config *config, const char *text)
{
    complaint = (struct complaint){{0}};
    return config_from_json(config, "geomys.conf", gm_bytes_of(text), &complaint);
}

/* The flags are given as one text with a blank between. */
static enum status from_flags(struct config *config, const char *flags)
{
    static char words[4096];
    const char *argv[64] = {"geomys-server"};
    int argc = 1;
    (void)snprintf(words, sizeof words, "%s", flags);
    for (char *word = words; word != NULL && *word != '\0'; argc++) {
        argv[argc] = word;
        word = strchr(word, ' ');
        if (word != NULL) {
            *word++ = '\0';
        }
    }
    complaint = (struct complaint){{0}};
    return config_from_flags(config, argc, argv, &complaint);
}

static enum status complete(struct config *config)
{
    complaint = (struct complaint){{0}};
    return config_complete(config, &complaint);
}

static enum status set(struct config *config, const char *name, const char *text)
{
    complaint = (struct complaint){{0}};
    return config_set(config, gm_bytes_of(name), gm_bytes_of(text), &complaint);
}

/* The text in which the config describes a setting, valid until the next call. */
static const char *described(const struct config *config, const char *name)
{
    static char text[1024];
    struct buf value;
    buf_init(&value, sizeof text - 1);
    size_t key = 0;
    while (strcmp(config_key_name(key), name) != 0) {
        key++;
    }
    config_describe(config, key, &value);
    cr_assert_not(value.full);
    memcpy(text, value.size > 0 ? value.data : (const uint8_t *)"", value.size);
    text[value.size] = '\0';
    buf_finish(&value);
    return text;
}

/* A JSON text is refused with exactly this sentence. */
static void refuse_json(const char *text, const char *sentence)
{
    struct config config;
    config_init(&config, "/home/ada");
    cr_expect_neq(from_json(&config, text), STATUS_OK, "%s", text);
    /* config P3 */
    cr_expect_str_eq(complaint.text, sentence, "\n   text: %s\n    got: %s\n wanted: %s", text, complaint.text,
                     sentence);
    config_finish(&config);
}

static void refuse_flags(const char *flags, const char *sentence)
{
    struct config config;
    config_init(&config, "/home/ada");
    cr_expect_neq(from_flags(&config, flags), STATUS_OK, "%s", flags);
    cr_expect_str_eq(complaint.text, sentence, "\n  flags: %s\n    got: %s\n wanted: %s", flags, complaint.text,
                     sentence);
    config_finish(&config);
}

/* The single values are fine, but not together. */
static void refuse_together(const char *flags, const char *sentence)
{
    struct config config;
    config_init(&config, "/home/ada");
    cr_expect_eq(from_flags(&config, flags), STATUS_OK, "%s: %s", flags, complaint.text);
    cr_expect_neq(complete(&config), STATUS_OK, "%s", flags);
    cr_expect_str_eq(complaint.text, sentence, "\n  flags: %s\n    got: %s\n wanted: %s", flags, complaint.text,
                     sentence);
    config_finish(&config);
}

Test(config, without_a_file_or_flags)
{
    struct config config;
    config_init(&config, "/home/ada");
    cr_assert_eq(complete(&config), STATUS_OK, "%s", complaint.text);
    cr_assert_eq(config.node_id, 1);
    cr_assert_eq(config.external_port, 6379);
    cr_assert_eq(config.internal_port, 7379);
    cr_assert_eq(config.default_expiry_ms, 0);
    cr_assert_eq(config.persistence, CONFIG_PERSISTENCE_WRITE_THROUGH);
    cr_assert_not(config.cluster_mode || config.replication_enabled || config.sharding_enabled);
    cr_assert_eq(config.bind.count, 2);
    cr_assert_str_eq(config.bind.items[0], "127.0.0.1");
    cr_assert_str_eq(config.bind.items[1], "::1");
    cr_assert_not(config_bind_given(&config));
    cr_assert_str_eq(config.unix_socket, "");
    cr_assert_eq(config.unix_socket_mode, 0700);
    cr_assert_str_eq(config.password, "");
    cr_assert_str_eq(config.password_file, "");
    cr_assert_not(config.allow_insecure);
    cr_assert_str_eq(config.data_folder, "/home/ada/.geomys");
    cr_assert_eq(config.modules.count, 0);
    cr_assert_str_eq(config.module_folder, "");
    cr_assert_eq(config.log_level, CONFIG_LOG_INFO);
    cr_assert_eq(config.maxclients, 10000);
    cr_assert_eq(config.timeout_s, 0);
    cr_assert_eq(config.tcp_keepalive_s, 300);
    cr_assert_eq(config.client_query_limit, (int64_t)1 << 30);
    cr_assert_eq(config.client_output_limit, (int64_t)1 << 30);
    cr_assert_eq(config.max_bulk, (int64_t)512 << 20);
    cr_assert_eq(config.wal_segment_size, (int64_t)64 << 20);
    cr_assert_eq(config.wal_sync_interval_ms, 50);
    cr_assert_eq(config.want, CONFIG_WANT_RUN);

    struct buf path;
    buf_init(&path, 1000);
    cr_assert(config_file_path(&config, &path));
    cr_assert(gm_bytes_equal(buf_bytes(&path), BYTES("/home/ada/.geomys/geomys.conf")));
    buf_finish(&path);
    config_finish(&config);
    config_finish(&config); /* zeroed by now */

    config_init(&config, NULL);
    cr_assert_not(config_file_path(&config, &path), "nobody knows where that would be");
    cr_assert_eq(complete(&config), STATUS_INVALID);
    cr_assert_str_eq(complaint.text, "\"data_folder\" is \"~/.geomys\", but HOME is not set: give the whole path");
    config_finish(&config);
}

Test(config, a_file_says_it_all)
{
    struct config config;
    config_init(&config, "/home/ada");
    enum status status = from_json(
        &config,
        "{\n"
        "  \"node_id\": 7, \"external_port\": 6380, \"internal_port\": 9000, \"default_expiry\": 1500,\n"
        "  \"persistence\": \"bufferedwrite\", \"cluster_mode\": false, \"replication_enabled\": false,\n"
        "  \"sharding_enabled\": false, \"bind\": [\"0.0.0.0\", \"::1\"], \"unix_socket\": \"~/g.sock\",\n"
        "  \"unix_socket_mode\": \"660\", \"password\": \"s\\u00e9same \\ud83d\\udd11\", \"data_folder\": \"/d\",\n"
        "  \"modules\": [\"./a,b.so\", \"~/c.so\"], \"module_folder\": \"~\", \"log_level\": \"error\",\n"
        "  \"maxclients\": 5, \"timeout_s\": 6, \"tcp_keepalive_s\": 0, \"client_query_limit\": \"64MB\",\n"
        "  \"client_output_limit\": 1048576, \"max_bulk\": \"2kib\", \"wal_segment_size\": \"1gb\",\n"
        "  \"wal_sync_interval_ms\": 1e2, \"allow_insecure\": true }\n");
    cr_assert_eq(status, STATUS_OK, "%s", complaint.text);
    cr_assert_eq(complete(&config), STATUS_OK, "%s", complaint.text);
    cr_assert_eq(config.node_id, 7);
    cr_assert_eq(config.external_port, 6380);
    cr_assert_eq(config.internal_port, 9000);
    cr_assert_eq(config.default_expiry_ms, 1500);
    cr_assert_eq(config.persistence, CONFIG_PERSISTENCE_BUFFERED);
    cr_assert_str_eq(described(&config, "bind"), "0.0.0.0,::1");
    cr_assert_str_eq(config.unix_socket, "/home/ada/g.sock");
    cr_assert_eq(config.unix_socket_mode, 0660);
    cr_assert_str_eq(config.password, "s\xc3\xa9same \xf0\x9f\x94\x91");
    cr_assert_str_eq(config.data_folder, "/d");
    cr_assert_eq(config.modules.count, 2);
    cr_assert_str_eq(config.modules.items[0], "./a,b.so", "in a file a comma is a comma");
    cr_assert_str_eq(config.modules.items[1], "/home/ada/c.so");
    cr_assert_str_eq(config.module_folder, "/home/ada");
    cr_assert_eq(config.log_level, CONFIG_LOG_ERROR);
    cr_assert_eq(config.maxclients, 5);
    cr_assert_eq(config.timeout_s, 6);
    cr_assert_eq(config.tcp_keepalive_s, 0);
    cr_assert_eq(config.client_query_limit, (int64_t)64 << 20);
    cr_assert_eq(config.client_output_limit, (int64_t)1 << 20);
    cr_assert_eq(config.max_bulk, 2048);
    cr_assert_eq(config.wal_segment_size, (int64_t)1 << 30);
    cr_assert_eq(config.wal_sync_interval_ms, 100);
    cr_assert(config.allow_insecure);
    config_finish(&config);

    static const char *const fine[] = {"{}", " \n\t\r{ } \n", "{\"bind\": [\"::1\"]}", "{\"password\": \"\"}"};
    for (size_t i = 0; i < COUNT(fine); i++) {
        config_init(&config, "/home/ada");
        cr_assert_eq(from_json(&config, fine[i]), STATUS_OK, "%s: %s", fine[i], complaint.text);
        config_finish(&config);
    }
}

/* config_json_walk P1, P3 */
Test(config, refuses_what_is_not_exactly_json)
{
    static const struct {
        const char *text;
        const char *sentence;
    } cases[] = {
        {"", "geomys.conf:1:1: the file ends here, but a value is expected"},
        {"{", "geomys.conf:1:2: the file ends here, but a text in double quotes is expected"},
        {"{\"node_id\"}", "geomys.conf:1:11: a colon is expected, not '}'"},
        {"{\"node_id\": }", "geomys.conf:1:13: a value is expected, not '}'"},
        {"{\"node_id\": 1", "geomys.conf:1:14: the file ends here, but a comma or } is expected"},
        {"{\"node_id\": 1,}", "geomys.conf:1:15: a text in double quotes is expected, not '}'"},
        {"{\"bind\": [\"::1\",]}", "geomys.conf:1:17: a value is expected, not ']'"},
        {"{\"bind\": [\"::1\" \"::1\"]}", "geomys.conf:1:17: a comma or ] is expected, not '\"'"},
        {"{'node_id': 1}", "geomys.conf:1:2: a text in double quotes is expected, not '''"},
        {"{node_id: 1}", "geomys.conf:1:2: a text in double quotes is expected, not 'n'"},
        {"// no\n{}", "geomys.conf:1:1: a value is expected, not '/'"},
        {"{} {}", "geomys.conf:1:4: something follows after the end of the object"},
        {"\xef\xbb\xbf{}", "geomys.conf:1:1: the file begins with a byte order mark, which JSON does not allow"},
        {"\x01{}", "geomys.conf:1:1: a value is expected, not byte 0x01"},
        {"{\"node_id\": 01}", "geomys.conf:1:15: a number may not begin with 0"},
        {"{\"node_id\": 1.}", "geomys.conf:1:15: a digit after the point is expected, not '}'"},
        {"{\"node_id\": -}", "geomys.conf:1:14: a digit is expected, not '}'"},
        {"{\"node_id\": 1e}", "geomys.conf:1:15: a digit of the exponent is expected, not '}'"},
        {"{\"node_id\": +1}", "geomys.conf:1:13: a value is expected, not '+'"},
        {"{\"node_id\": .5}", "geomys.conf:1:13: a value is expected, not '.'"},
        {"{\"node_id\": NaN}", "geomys.conf:1:13: a value is expected, not 'N'"},
        {"{\"node_id\": tru}", "geomys.conf:1:13: a value is expected, not 't'"},
        {"{\"node_id\": truer}", "geomys.conf:1:17: a comma or } is expected, not 'r'"},
        {"{\"password\": \"a\nb\"}",
         "geomys.conf:1:16: a control character inside a text: write it as an escape, as in \\n"},
        {"{\"password\": \"a", "geomys.conf:1:16: the file ends inside a text"},
        {"{\"password\": \"\\x\"}",
         "geomys.conf:1:16: one of \" \\ / b f n r t u after a backslash is expected, not 'x'"},
        {"{\"password\": \"\\u12g4\"}", "geomys.conf:1:19: four hexadecimal digits must follow \\u"},
        {"{\"password\": \"a\\u0000b\"}", "geomys.conf:1:22: a text may not hold \\u0000"},
        {"{\"password\": \"\\ud83d\"}", "geomys.conf:1:21: the first half of a surrogate pair without the second"},
        {"{\"password\": \"\\ud83d\\u0041\"}",
         "geomys.conf:1:27: the first half of a surrogate pair without the second"},
        {"{\"password\": \"\\udd11\"}", "geomys.conf:1:21: the second half of a surrogate pair without the first"},
        {"{\"password\": \"\xff\"}", "geomys.conf:1:15: these bytes are not UTF-8"},
        {"{\"password\": \"\xc0\x80\"}", "geomys.conf:1:15: these bytes are not UTF-8"},
        {"{\"password\": \"\xe0\x80\x80\"}", "geomys.conf:1:15: these bytes are not UTF-8"},
        {"{\"password\": \"\xed\xa0\x80\"}", "geomys.conf:1:15: these bytes are not UTF-8"},
        {"{\"password\": \"\xf4\x90\x80\x80\"}", "geomys.conf:1:15: these bytes are not UTF-8"},
        {"{\"password\": \"\xc3", "geomys.conf:1:15: these bytes are not UTF-8"},
        {"{\"bind\": [[[[[[[[[]]]]]]]]]}", "geomys.conf:1:17: too many levels of brackets"},
        /* config_json P1 */
        {"[]", "geomys.conf:1:1: the settings must be an object: { \"name\": value, ... }"},
        {"  7", "geomys.conf:1:3: the settings must be an object: { \"name\": value, ... }"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        refuse_json(cases[i].text, cases[i].sentence);
    }

    struct config config;
    config_init(&config, "/home/ada");
    struct complaint told;
    cr_assert_eq(config_from_json(&config, "f", (struct gm_bytes){(const uint8_t *)"{}\0", 3}, &told), STATUS_INVALID);
    cr_assert_str_eq(told.text, "f:1:3: something follows after the end of the object", "a zero byte is not the end");

    static char large[CONFIG_FILE_SIZE_MAX + 1];
    memset(large, ' ', sizeof large);
    large[0] = '{';
    large[1] = '}';
    struct gm_bytes fits = {(const uint8_t *)large, sizeof large - 1};
    struct gm_bytes too_large = {(const uint8_t *)large, sizeof large};
    cr_assert_eq(config_from_json(&config, "f", fits, &told), STATUS_OK);
    cr_assert_eq(config_from_json(&config, "f", too_large, &told), STATUS_TOO_BIG);
    cr_assert_str_eq(told.text, "f: larger than 1 MiB, which is the limit of a configuration file");

    memset(large, '[', sizeof large - 1); /* a million levels: refused, not recursed into */
    cr_assert_eq(config_from_json(&config, "f", fits, &told), STATUS_INVALID);
    cr_assert_str_eq(told.text, "f:1:9: too many levels of brackets");
    for (size_t i = 0; i + 1 < sizeof large; i++) {
        large[i] = i % 2 == 0 ? '0' : ',';
    }
    large[0] = '[';
    cr_assert_eq(config_from_json(&config, "f", fits, &told), STATUS_INVALID);
    large[1] = '0';
    cr_assert_eq(config_from_json(&config, "f", fits, &told), STATUS_INVALID);
    config_finish(&config);
}

Test(config, refuses_values_with_their_place)
{
    static const struct {
        const char *text;
        const char *sentence;
    } cases[] = {
        {"{\n  \"node_id\": 1,\n  \"node_idd\": 2\n}",
         "geomys.conf:3:3: there is no setting \"node_idd\"; did you mean \"node_id\"?"},
        {"{\"Node_ID\": 1}", "geomys.conf:1:2: there is no setting \"Node_ID\"; did you mean \"node_id\"?"},
        {"{\"external-port\": 1}",
         "geomys.conf:1:2: there is no setting \"external-port\"; did you mean \"external_port\"?"},
        {"{\"port\": 1}", "geomys.conf:1:2: there is no setting \"port\"; did you mean \"external_port\"?"},
        {"{\"persistance\": 1}", "geomys.conf:1:2: there is no setting \"persistance\"; did you mean \"persistence\"?"},
        {"{\"\": 1}", "geomys.conf:1:2: there is no setting \"\""},
        /* config_keys P3 */
        {"{\"\\u001b[2J\\u0007\": 1}", "geomys.conf:1:2: there is no setting \"?[2J?\""},
        {"{\"nothing_like_any_setting_and_so_long_that_it_must_be_cut_somewhere\": 1}",
         "geomys.conf:1:2: there is no setting \"nothing_like_any_setting_and_so_long_that_it_must_be_cut_som...\""},
        /* config_json P1 */
        {"{\"node_id\": 1,\n \"maxclients\": 5, \"node_id\": 2}",
         "geomys.conf:2:19: \"node_id\" was already given in line 1"},
        {"{\"node_id\": 1,\n \"node\\u005fid\": 1}", "geomys.conf:2:2: \"node_id\" was already given in line 1"},
        /* config_json P2 */
        {"{\"node_id\": \"1\"}", "geomys.conf:1:13: \"node_id\" must be a whole number, not a text"},
        {"{\"node_id\": true}", "geomys.conf:1:13: \"node_id\" must be a whole number, not true or false"},
        {"{\"node_id\": null}", "geomys.conf:1:13: \"node_id\" must be a whole number, not null"},
        {"{\"node_id\": [1]}", "geomys.conf:1:13: \"node_id\" must be a whole number, not a list"},
        {"{\"node_id\": {}}", "geomys.conf:1:13: \"node_id\" must be a whole number, not an object"},
        {"{\"node_id\": 1.5}", "geomys.conf:1:13: \"node_id\" must be a whole number, not 1.5"},
        {"{\"node_id\": 0}", "geomys.conf:1:13: \"node_id\" must be between 1 and 2147483647, not 0"},
        {"{\"node_id\": -1e999}", "geomys.conf:1:13: \"node_id\" must be between 1 and 2147483647, not -1e999"},
        {"{\"external_port\": 65536}", "geomys.conf:1:19: \"external_port\" must be between 0 and 65535, not 65536"},
        {"{\"external_port\": 9007199254740993}",
         "geomys.conf:1:19: \"external_port\" must be between 0 and 65535, not 9007199254740993"},
        {"{\"allow_insecure\": 1}", "geomys.conf:1:20: \"allow_insecure\" must be true or false, not a number"},
        {"{\"allow_insecure\": \"true\"}", "geomys.conf:1:20: \"allow_insecure\" must be true or false, not a text"},
        {"{\"persistence\": \"Write\"}",
         "geomys.conf:1:17: \"persistence\" must be one of: none bufferedwrite writethroughdisk; not \"Write\""},
        {"{\"persistence\": 1}", "geomys.conf:1:17: \"persistence\" must be a text, not a number"},
        {"{\"unix_socket_mode\": 700}",
         "geomys.conf:1:22: \"unix_socket_mode\" must be permissions in octal as a text, as in \"700\", not a number"},
        {"{\"unix_socket_mode\": \"789\"}",
         "geomys.conf:1:22: \"unix_socket_mode\" must be permissions in octal as a text, as in \"700\", not 789"},
        {"{\"unix_socket_mode\": \"1777\"}",
         "geomys.conf:1:22: \"unix_socket_mode\" must be between 0 and 777, not 1777"},
        {"{\"max_bulk\": \"1m\"}",
         "geomys.conf:1:14: \"max_bulk\" must be a number of bytes, as in 1048576 or \"1mb\", not 1m"},
        {"{\"max_bulk\": \"mb\"}",
         "geomys.conf:1:14: \"max_bulk\" must be a number of bytes, as in 1048576 or \"1mb\", not mb"},
        {"{\"max_bulk\": \"-1mb\"}",
         "geomys.conf:1:14: \"max_bulk\" must be a number of bytes, as in 1048576 or \"1mb\", not -1mb"},
        {"{\"max_bulk\": \"9223372036854775807gb\"}",
         "geomys.conf:1:14: \"max_bulk\" must be between 1024 and 536870912, not 9223372036854775807gb"},
        {"{\"max_bulk\": \"1gb\"}", "geomys.conf:1:14: \"max_bulk\" must be between 1024 and 536870912, not 1gb"},
        {"{\"bind\": \"::1\"}", "geomys.conf:1:10: \"bind\" must be a list of texts, not a text"},
        {"{\"bind\": [\"::1\",\n\"\"]}", "geomys.conf:2:1: \"bind\" has an empty element"},
        {"{\"bind\": [\"::1\", 7]}", "geomys.conf:1:18: \"bind\" must be a list of texts, not a number"},
        {"{\"bind\": [[\"::1\"]]}", "geomys.conf:1:11: \"bind\" must be a list of texts, not a list"},
        {"{\"bind\": [\"\xc3\xa9\"], \"node_id\": 0}",
         "geomys.conf:1:28: \"node_id\" must be between 1 and 2147483647, not 0"},
        {"{\"sharding_enabled\": true}",
         "geomys.conf:1:22: \"sharding_enabled\" cannot be true yet: a single node is what this version runs"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        refuse_json(cases[i].text, cases[i].sentence);
    }

    char text[2000];
    char long_text[600];
    memset(long_text, 'x', sizeof long_text);
    (void)snprintf(text, sizeof text, "{\"password\": \"%.513s\"}", long_text);
    refuse_json(text, "geomys.conf:1:14: \"password\" may have 512 bytes, not 513");
    (void)snprintf(text, sizeof text, "{\"unix_socket\": \"%.108s\"}", long_text);
    refuse_json(text, "geomys.conf:1:17: \"unix_socket\" may have 107 bytes, not 108");

    static char many[CONFIG_LIST_MAX * 8];
    size_t size = (size_t)snprintf(many, sizeof many, "{\"bind\": [\"a\"");
    for (int i = 0; i < CONFIG_LIST_MAX; i++) {
        size += (size_t)snprintf(many + size, sizeof many - size, ",\"a\"");
    }
    (void)snprintf(many + size, sizeof many - size, "]}");
    refuse_json(many, "geomys.conf:1:1035: \"bind\" may have 256 elements, not more");
}

Test(config, flags_come_in_every_style)
{
    static const char *const styles[] = {
        "--node_id=3 --port=1000",
        "-node_id 3 -port 1000",
        "--node-id 3 --external-port 1000",
        "-node-id=3 --port 1000",
        "--node_id 9 --node_id 3 -port=1000",
    };
    for (size_t i = 0; i < COUNT(styles); i++) {
        struct config config;
        config_init(&config, "/home/ada");
        cr_assert_eq(from_flags(&config, styles[i]), STATUS_OK, "%s: %s", styles[i], complaint.text);
        cr_assert_eq(complete(&config), STATUS_OK);
        cr_assert_eq(config.node_id, 3, "%s", styles[i]);
        cr_assert_eq(config.external_port, 1000, "%s", styles[i]);
        cr_assert_eq(config.internal_port, 2000);
        config_finish(&config);
    }

    struct config config;
    config_init(&config, "/home/ada");
    cr_assert_eq(from_flags(&config, "--modules=a.so,~/b.so --modules c.so --bind 0.0.0.0,::1 --allow-insecure "
                                     "--cluster_mode no --max-bulk 1mb --default-expiry=500 --password=-x "
                                     "--config /etc/geomys.conf --persistence none"),
                 STATUS_OK, "%s", complaint.text);
    cr_assert_eq(complete(&config), STATUS_OK, "%s", complaint.text);
    cr_assert_str_eq(described(&config, "modules"), "a.so,/home/ada/b.so,c.so");
    cr_assert_str_eq(described(&config, "bind"), "0.0.0.0,::1", "the default is replaced");
    cr_assert(config.allow_insecure);
    cr_assert_not(config.cluster_mode);
    cr_assert_eq(config.max_bulk, 1 << 20);
    cr_assert_eq(config.default_expiry_ms, 500);
    cr_assert_eq(config.persistence, CONFIG_PERSISTENCE_NONE);
    cr_assert_str_eq(config.password, "-x");
    struct buf path;
    buf_init(&path, 1000);
    cr_assert(config_file_path(&config, &path));
    cr_assert(gm_bytes_equal(buf_bytes(&path), BYTES("/etc/geomys.conf")));
    buf_finish(&path);
    config_finish(&config);

    static const struct {
        const char *flags;
        enum config_want want;
    } wants[] = {{"--help", CONFIG_WANT_HELP},       {"-help nonsense", CONFIG_WANT_HELP}, {"-h", CONFIG_WANT_HELP},
                 {"--version", CONFIG_WANT_VERSION}, {"-v", CONFIG_WANT_VERSION},          {"", CONFIG_WANT_RUN}};
    for (size_t i = 0; i < COUNT(wants); i++) {
        config_init(&config, NULL);
        cr_assert_eq(from_flags(&config, wants[i].flags), STATUS_OK);
        cr_assert_eq(config.want, wants[i].want, "%s", wants[i].flags);
        config_finish(&config);
    }
}

Test(config, refuses_flags_with_a_sentence)
{
    static const struct {
        const char *flags;
        const char *sentence;
    } cases[] = {
        {"6379", "\"6379\" is not a setting: those begin with --, see --help"},
        {"-", "\"-\" is not a setting: those begin with --, see --help"},
        {"--", "\"--\" is not a setting: those begin with --, see --help"},
        {"--prot=1", "there is no setting \"prot\""},
        {"--external_prot=1", "there is no setting \"external_prot\"; did you mean \"external_port\"?"},
        {"--max-client 1", "there is no setting \"max-client\"; did you mean \"maxclients\"?"},
        {"--port", "--port needs a value"},
        {"--config", "--config needs a value"},
        {"--config=", "--config needs the path of a file"},
        {"--port=70000", "--port: \"external_port\" must be between 0 and 65535, not 70000"},
        {"-port -1", "-port: \"external_port\" must be between 0 and 65535, not -1"},
        {"--port=0x10", "--port: \"external_port\" must be a whole number, not 0x10"},
        {"--port=", "--port: \"external_port\" must be a whole number, not "},
        {"--port=01", "--port: \"external_port\" must be a whole number, not 01"},
        {"--allow-insecure=maybe", "--allow-insecure: \"allow_insecure\" must be true or false, not maybe"},
        {"--sharding_enabled",
         "--sharding_enabled: \"sharding_enabled\" cannot be true yet: a single node is what this version runs"},
        {"--modules=a.so,,b.so", "--modules: \"modules\" has an empty element"},
        {"--log_level=loud", "--log_level: \"log_level\" must be one of: debug info warning error; not \"loud\""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        refuse_flags(cases[i].flags, cases[i].sentence);
    }
}

/* A number whose bytes, or seconds in milliseconds, do not fit into 64 bits could come out as one within the range: of
 * each setting and each unit, for the products that are 0 and the default modulo 2^64, and near them. */
Test(config, no_number_wraps_into_the_range)
{
    static const struct {
        const char *name;
        unsigned bits;
    } units[] = {{"", 0}, {"b", 0}, {"kb", 10}, {"kib", 10}, {"mb", 20}, {"MiB", 20}, {"gb", 30}, {"gib", 30}};
    unsigned tried = 0;
    for (size_t key = 0; key < config_key_count(); key++) {
        for (size_t i = 0; i < COUNT(units); i++) {
            for (uint64_t more = 0; more < 3; more++) {
                char number[32], flag[96];
                struct config config;
                uint64_t whole = units[i].bits == 0 ? 0 : (uint64_t)1 << (64 - units[i].bits);
                if (whole == 0) { /* 2^64 itself has no unsigned form */
                    (void)snprintf(number, sizeof number, "1844674407370955161%u", 6 + (unsigned)more);
                } else {
                    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)(whole + more * more * 512));
                }
                (void)snprintf(flag, sizeof flag, "--%s=%s%s", config_key_name(key), number, units[i].name);
                config_init(&config, "/home/ada");
                enum status status = from_flags(&config, flag);
                const char *given = strchr(flag, '=') + 1; /* a text is kept as it is */
                bool kept = status == STATUS_OK && (strstr(described(&config, config_key_name(key)), given) != NULL ||
                                                    strcmp(config_key_name(key), "password") == 0);
                cr_expect(status != STATUS_OK || kept, "%s is taken, as %s", flag,
                          described(&config, config_key_name(key)));
                tried += status != STATUS_OK;
                config_finish(&config);
            }
        }
    }
    cr_assert_gt(tried, 300);
}

Test(config, a_flag_wins_over_the_file_in_either_order)
{
    static const char *const file = "{\"external_port\": 1111, \"node_id\": 4, \"bind\": [\"10.0.0.1\"],"
                                    " \"modules\": [\"file.so\"], \"module_folder\": \"/file\"}";
    static const char *const flags = "--port 2222 --bind ::1 --modules flag.so --modules more.so";
    for (int order = 0; order < 2; order++) {
        struct config config;
        config_init(&config, "/home/ada");
        if (order == 0) {
            cr_assert_eq(from_flags(&config, flags), STATUS_OK);
            cr_assert_eq(from_json(&config, file), STATUS_OK, "%s", complaint.text);
        } else {
            cr_assert_eq(from_json(&config, file), STATUS_OK, "%s", complaint.text);
            cr_assert_eq(from_flags(&config, flags), STATUS_OK);
        }
        cr_assert_eq(complete(&config), STATUS_OK, "%s", complaint.text);
        cr_assert_eq(config.external_port, 2222); /* config P1 */
        cr_assert_eq(config.node_id, 4, "what no flag says comes from the file");
        cr_assert_str_eq(described(&config, "bind"), "::1");
        cr_assert_str_eq(described(&config, "modules"), "flag.so,more.so");
        cr_assert_str_eq(config.module_folder, "", "which modules is one choice");
        config_finish(&config);
    }
    struct config config;
    config_init(&config, "/home/ada");
    cr_assert_eq(from_flags(&config, "--port 2222"), STATUS_OK);
    /* config_json P3 */
    cr_assert_eq(from_json(&config, "{\"external_port\": \"x\"}"), STATUS_INVALID, "overruled, but still checked");
    config_finish(&config);
}

Test(config, refuses_what_does_not_fit_together)
{
    static const char open[] =
        "\"bind\" names %s, which other machines may reach, and there is no password: set \"password\" "
        "or \"password_file\", or \"allow_insecure\" if everybody there may read and change all data";
    static const char *const reachable[] = {"0.0.0.0",
                                            "::",
                                            "*",
                                            "10.0.0.1",
                                            "127.0.0.1.example.org",
                                            "127.0.0.256",
                                            "127.0.0",
                                            "::ffff:127.0.0.1",
                                            "localhost.example.org",
                                            "127.0.0.1.",
                                            "0127.0.0.1",
                                            "128.0.0.1"};
    for (size_t i = 0; i < COUNT(reachable); i++) {
        char flags[200];
        char sentence[sizeof(struct complaint)];
        (void)snprintf(flags, sizeof flags, "--bind 127.0.0.1,%s", reachable[i]);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(sentence, sizeof sentence, open, reachable[i]);
#pragma GCC diagnostic pop
        refuse_together(flags, sentence);
    }
    refuse_together("--password x --password_file /p",
                    "\"password\" and \"password_file\" are both set: one of them must go");
    refuse_together("--port 7000 --internal_port 7000",
                    "\"internal_port\" and \"external_port\" are both 7000: they must differ");
    refuse_together("--port 0",
                    "\"external_port\" is 0 and \"unix_socket\" is not set, so nobody could talk to the server");
    refuse_together("--data_folder=", "\"data_folder\" is empty");
    refuse_together("--data_folder ~bob/x",
                    "\"data_folder\" is \"~bob/x\": only \"~/\" is understood, not another person's folder");

    struct config config;
    config_init(&config, "/home/ada");
    cr_assert_eq(from_json(&config, "{\"bind\": []}"), STATUS_OK);
    cr_assert_eq(complete(&config), STATUS_INVALID);
    cr_assert_str_eq(complaint.text,
                     "\"bind\" must name at least one address; to have no port, set \"external_port\" to 0");
    config_finish(&config);

    static const char *const fine[] = {
        "--bind 127.0.0.1,127.9.9.9,::1,localhost",
        "--bind 0.0.0.0 --password x",
        "--bind 0.0.0.0 --password_file /p",
        "--bind 0.0.0.0 --allow_insecure",
        "--port 0 --unix_socket /s",
        "--port 65535",
        "--port 0 --bind 0.0.0.0 --unix-socket /s.k",
    };
    for (size_t i = 0; i < COUNT(fine); i++) {
        config_init(&config, "/home/ada");
        cr_assert_eq(from_flags(&config, fine[i]), STATUS_OK);
        cr_assert_eq(complete(&config), STATUS_OK, "%s: %s", fine[i], complaint.text);
        config_finish(&config);
    }
    config_init(&config, "/home/ada");
    cr_assert_eq(from_flags(&config, "--port 65000"), STATUS_OK);
    cr_assert_eq(complete(&config), STATUS_OK);
    cr_assert_eq(config.internal_port, 0, "66000 is not a port, and none is needed by a single node");
    config_finish(&config);
}

/* config P4 */
Test(config, lives_in_its_struct_and_looks_at_nothing_else)
{
    struct config one;
    struct config other;
    cr_assert_eq(setenv("HOME", "/home/of/the/environment", 1), 0);
    config_init(&one, NULL);
    config_init(&other, "/home/ada");
    cr_assert_eq(from_flags(&one, "--port 1111 --config /no/such/file --password_file /no/such/password"), STATUS_OK);
    cr_assert_eq(from_json(&other, "{\"external_port\": 2222, \"bind\": [\"::1\"]}"), STATUS_OK);
    cr_assert_eq(complete(&one), STATUS_INVALID);
    cr_assert_not_null(strstr(complaint.text, "HOME is not set"), "%s", complaint.text);
    cr_assert_eq(complete(&other), STATUS_OK, "%s", complaint.text);
    cr_assert(one.external_port == 1111 && other.external_port == 2222);
    cr_assert_str_eq(described(&one, "bind"), "127.0.0.1,::1", "what one is told the other does not hear");
    cr_assert_str_eq(other.password_file, "");
    cr_assert_str_eq(other.data_folder, "/home/ada/.geomys");
    config_finish(&one);
    cr_assert_str_eq(described(&other, "bind"), "::1");
    config_finish(&other);
}

Test(config, a_password_from_a_file)
{
    struct config config;
    config_init(&config, "/home/ada");
    static const char *const lines[] = {"secret", "secret\n", "secret\r\n"};
    cr_assert_eq(from_flags(&config, "--password_file ~/p --bind 0.0.0.0"), STATUS_OK);
    cr_assert_eq(complete(&config), STATUS_OK);
    cr_assert_str_eq(config.password_file, "/home/ada/p");
    for (size_t i = 0; i < COUNT(lines); i++) {
        cr_assert_eq(config_take_password(&config, gm_bytes_of(lines[i]), &complaint), STATUS_OK);
        cr_assert_str_eq(config.password, "secret");
    }
    cr_assert_eq(config_take_password(&config, BYTES("\n"), &complaint), STATUS_INVALID);
    cr_assert_str_eq(complaint.text,
                     "the file that \"password_file\" names is empty: it must hold the password on one line");
    cr_assert_eq(config_take_password(&config, BYTES("a\nb\n"), &complaint), STATUS_INVALID);
    cr_assert_str_eq(
        complaint.text,
        "the file that \"password_file\" names has more than one line: it must hold the password on one line");
    cr_assert_eq(config_take_password(&config, BYTES("a\0b"), &complaint), STATUS_INVALID);
    cr_assert_str_eq(complaint.text, "\"password\" may not hold a zero byte");
    cr_assert_str_eq(config.password, "secret");
    cr_assert_eq(complete(&config), STATUS_OK, "the two belong together now: %s", complaint.text);
    config_finish(&config);
}

Test(config, changes_at_run_time)
{
    struct config config;
    config_init(&config, "/home/ada");
    cr_assert_eq(from_flags(&config, "--bind 0.0.0.0 --password old"), STATUS_OK);
    cr_assert_eq(complete(&config), STATUS_OK);

    cr_assert_eq(set(&config, "maxclients", "77"), STATUS_OK);
    cr_assert_eq(config.maxclients, 77);
    cr_assert_eq(set(&config, "default-expiry", "1000"), STATUS_OK);
    cr_assert_eq(config.default_expiry_ms, 1000);
    cr_assert_eq(set(&config, "client_output_limit", "1mb"), STATUS_OK);
    cr_assert_str_eq(described(&config, "client_output_limit"), "1048576");
    cr_assert_eq(set(&config, "log_level", "debug"), STATUS_OK);
    cr_assert_eq(config.log_level, CONFIG_LOG_DEBUG);
    cr_assert_eq(set(&config, "password", "new"), STATUS_OK);
    cr_assert_str_eq(config.password, "new");

    cr_assert_eq(set(&config, "maxclients", "0"), STATUS_INVALID);
    cr_assert_str_eq(complaint.text, "\"maxclients\" must be between 1 and 1000000, not 0");
    cr_assert_eq(config.maxclients, 77); /* config P2; config_keys P1 */
    cr_assert_eq(set(&config, "node_id", "2"), STATUS_REFUSED);
    cr_assert_str_eq(complaint.text, "can't set immutable config: \"node_id\" is read when the server starts");
    cr_assert_eq(set(&config, "maxclient", "2"), STATUS_NOT_FOUND);
    cr_assert_str_eq(complaint.text, "there is no setting \"maxclient\"; did you mean \"maxclients\"?");
    cr_assert_eq(set(&config, "password", ""), STATUS_REFUSED, "that would open the server");
    cr_assert_str_eq(config.password, "new");
    cr_assert_eq(config_set(&config, BYTES("password"), BYTES("a\0b"), &complaint), STATUS_INVALID);
    cr_assert_str_eq(config.password, "new");
    config_finish(&config);
}

Test(config, describes_every_setting_and_hides_secrets)
{
    struct config config;
    config_init(&config, "/home/ada");
    cr_assert_eq(complete(&config), STATUS_OK);
    cr_assert_str_eq(described(&config, "password"), "");
    cr_assert_eq(set(&config, "password", "open sesame"), STATUS_OK);
    cr_assert_str_eq(described(&config, "password"), "(hidden)");
    cr_assert_str_eq(described(&config, "persistence"), "writethroughdisk");
    cr_assert_str_eq(described(&config, "unix_socket_mode"), "700");
    cr_assert_str_eq(described(&config, "allow_insecure"), "false");
    cr_assert_str_eq(described(&config, "modules"), "");
    cr_assert_str_eq(described(&config, "max_bulk"), "536870912");
    config_finish(&config);

    struct buf help;
    buf_init(&help, 1 << 16);
    config_help(&config, &help);
    cr_assert_not(help.full);
    cr_assert(buf_append(&help, BYTES("\0")));
    for (size_t key = 0; key < config_key_count(); key++) {
        cr_assert_not_null(strstr((const char *)help.data, config_key_name(key)), "%s", config_key_name(key));
    }
    cr_assert_not_null(strstr((const char *)help.data,
                              "  --persistence=TEXT\n      Whether a reply waits for the disk. One "
                              "of: none bufferedwrite writethroughdisk. Default: writethroughdisk.\n"));
    buf_finish(&help);
}
