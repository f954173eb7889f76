/* SPDX-License-Identifier: MIT */

/* test_config_set.c - CONFIG SET over a whole node: what reaches whom, what is refused, and effects for which a real
 * server's clock is too slow. The effects of all other settings: tests/integration/config_set_test.py, which looks for
 * Test(config_set, <setting>) in this folder. */
#include <criterion/criterion.h>

#include "node/options.h"
#include "serve/notify.h"
#include "support/node_fixture.h"

const struct gm_module *geomys_module_kv(void);

/* A system that has room for so many connections. */
struct small_network {
    struct network base;
    uint64_t room;
    uint64_t asked;
    unsigned configured;
    struct network_options options;
};

static uint64_t make_room(struct network *base, uint64_t connections)
{
    struct small_network *network = (struct small_network *)(void *)base;
    network->asked = connections;
    return connections < network->room ? connections : network->room;
}

static void configure(struct network *base, const struct network_options *options)
{
    struct small_network *network = (struct small_network *)(void *)base;
    network->configured++;
    network->options = *options;
}

static const struct network_ops network_ops = {.make_room = make_room, .configure = configure};

static struct node_fixture at;
static struct small_network network;

static void begin(uint64_t room)
{
    network = (struct small_network){.base.ops = &network_ops, .room = room};
    node_fixture_init(&at, 5);
    at.network = &network.base;
    const struct gm_module *modules[] = {geomys_module_kv()};
    cr_assert_eq(node_fixture_start(&at, modules, 1), STATUS_OK, "%s", at.complaint.text);
}

static void finish(void)
{
    node_fixture_close(&at);
    node_fixture_finish(&at);
}

static void expect(const char *command, const char *wanted)
{
    const char *said = node_fixture_say(&at, "%s", command);
    cr_assert_not_null(said);
    cr_expect_str_eq(said, wanted, "%s: %s", command, said);
}

static bool log_says(const char *text)
{
    return strstr((const char *)at.log.data, text) != NULL;
}

Test(options, agree_with_the_settings_words)
{
    cr_expect_str_eq(NOTIFY_LETTERS, CONFIG_NOTIFY_LETTERS);
    struct config config;
    struct complaint complaint;
    config_init(&config, NULL);
    for (int i = 0; i < CONFIG_PASSWORD_MAX; i++) {
        static char password[CONFIG_PASSWORD_MAX + 1];
        password[i] = 'x';
        cr_assert_eq(config_set(&config, BYTES("password"), gm_bytes_of(password), &complaint), STATUS_OK);
        struct worker_options options = options_worker(&config);
        cr_assert_str_eq(options.password, password);
    }
    config_finish(&config);
}

Test(config_set, reaches_those_alone_whom_it_touches)
{
    begin(1000000);
    cr_expect_eq(network.asked, 10000);
    cr_expect(network.configured == 1 && network.options.keepalive_s == 300, "at the start as well");
    expect("CONFIG SET slowlog-max-len 5 maxmemory 1gb snapshot_memory 2mb log_level warning", "OK");
    cr_expect(at.node->worker.meters.slowlog.limit == 5 && at.node->replica.shard.evict.options.limit == (uint64_t)1
                                                                                                             << 30);
    cr_expect(at.node->replica.saver.options.memory_max == (size_t)2 << 20);
    cr_expect_eq(at.node->env.trace.least, TRACE_WARNING);
    cr_expect(network.asked == 10000 && network.configured == 1);
    expect("CONFIG SET tcp-keepalive 7", "OK");
    cr_expect(network.asked == 10000 && network.configured == 2 && network.options.keepalive_s == 7);
    expect("CONFIG SET maxclients 20000 timeout 3", "OK");
    cr_expect(network.asked == 20000 && network.configured == 2);
    cr_expect(at.node->clients.max == 20000 && at.node->clients.timeout_ms == 3000);
    finish();
}

Test(config_set, refuses_more_connections_than_there_is_room_for_and_says_how_many)
{
    begin(500);
    cr_expect(log_says("maxclients is 10000, but the system allows no more open files than for 500"), "%s",
              at.log.data);
    cr_expect_eq(at.node->clients.max, 500);
    expect("CONFIG SET slowlog-max-len 5 maxclients 501 password x",
           "-ERR CONFIG SET failed (possibly related to argument 'maxclients') - \"maxclients\" can be 500 at most, "
           "not 501: the system allows no more open files; raise 'ulimit -n' and start the server again");
    cr_expect(at.config.slowlog_max_len == 128 && at.config.maxclients == 500 && at.config.password[0] == '\0');
    cr_expect_eq(at.node->worker.meters.slowlog.limit, 128);
    cr_expect_eq(at.node->worker.options.password[0], '\0');
    expect("CONFIG SET timeout 3", "OK");
    cr_expect(at.node->clients.max == 500 && at.node->clients.timeout_ms == 3000, "the others go on as they are");
    expect("CONFIG SET maxclients 500", "OK");
    expect("CONFIG SET maxclients 20", "OK");
    cr_expect_eq(at.node->clients.max, 20);
    finish();
}

static int frequency(void)
{
    const char *said = node_fixture_say(&at, "OBJECT FREQ k");
    int value = -1;
    cr_assert(said != NULL && sscanf(said, ":%d", &value) == 1, "%s", said);
    return value;
}

/* Beside a few hundred patterns, as a tool may ask for. */
Test(config_get, many_patterns_are_answered_and_a_million_steps_too_many_are_refused)
{
    static char command[60000];
    static const struct {
        const char *word;
        size_t count;
        bool refused;
    } cases[] = {{" maxmemory", 1000, false},
                 {" *a*b*c*d*", 300, false},
                 {" *[bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb0]_*", 800, true}};
    begin(UINT64_MAX);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size = (size_t)snprintf(command, sizeof command, "CONFIG GET");
        for (size_t n = 0; n < cases[i].count; n++) {
            size += (size_t)snprintf(command + size, sizeof command - size, "%s", cases[i].word);
        }
        const char *said = node_fixture_say(&at, "%s", command);
        cr_assert_not_null(said);
        cr_expect_eq(strstr(said, "ERR these patterns take too long") != NULL, cases[i].refused, "%s: %.100s",
                     cases[i].word, said);
    }
    finish();
}

Test(config_set, lfu_decay_time)
{
    begin(1000000);
    expect("CONFIG SET maxmemory-policy allkeys-lfu lfu-log-factor 0 lfu-decay-time 0", "OK");
    expect("SET k v", "OK");
    for (int i = 0; i < 50; i++) {
        expect("GET k", "\"v\"");
    }
    int before = frequency();
    at.monotonic_ms += 10 * 60000;
    cr_expect_eq(frequency(), before, "0: it never falls");
    expect("CONFIG SET lfu-decay-time 1", "OK");
    at.monotonic_ms += 10 * 60000;
    int after = frequency();
    cr_expect(after <= before - 9, "%d became %d", before, after);
    finish();
}
