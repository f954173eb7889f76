/* SPDX-License-Identifier: MIT */

/* What the settings of a cluster say together. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "config/config.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct complaint complaint;

/* The flags are given as one text with a blank between. */
static enum status completed(struct config *config, const char *flags)
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
    config_init(config, "/home/ada");
    enum status status = config_from_flags(config, argc, argv, &complaint);
    return status == STATUS_OK ? config_complete(config, &complaint) : status;
}

Test(config_cluster, who_is_in_none_is_as_before)
{
    struct config config;
    cr_assert_eq(completed(&config, ""), STATUS_OK);
    cr_assert_not(config.bootstrap || config.cluster_mode || config.replication_enabled);
    cr_assert_eq(config.join.count, 0);
    cr_assert_str_eq(config.data_folder, "/home/ada/.geomys");
    cr_assert_eq(config.replicas, 3);
    cr_assert_eq(config.beat_ms, 200);
    cr_assert_eq(config.lease_ms, 1000);
    cr_assert_eq(config.stall_ms, 5000);
    cr_assert_str_eq(config.advertise, "");
    config_finish(&config);
}

Test(config_cluster, the_three_lines_of_three_nodes)
{
    static const char *const lines[] = {
        "--node_id=1 --port=5000 --bootstrap",
        "--node_id=2 --port=5001 --join=127.0.0.1:6000",
        "--node_id=3 --port=5002 --join=127.0.0.1:6000,[::1]:6001 --join=node2.example:6001",
    };
    for (int i = 0; i < 3; i++) {
        struct config config;
        char folder[64];
        (void)snprintf(folder, sizeof folder, "/home/ada/.geomys/node-%d", i + 1);
        cr_assert_eq(completed(&config, lines[i]), STATUS_OK, "%s", complaint.text);
        cr_expect_eq(config.internal_port, 6000 + i);
        cr_expect_str_eq(config.data_folder, folder);
        cr_expect(config.cluster_mode && config.replication_enabled);
        cr_expect_eq(config.join.count, (size_t)(i == 2 ? 3 : i));
        cr_expect_eq(config.node_bind.count, 2, "as bind has them");
        cr_expect_str_eq(config.node_bind.items[1], "::1");
        config_finish(&config);
    }
}

Test(config_cluster, a_folder_that_is_named_is_that_one)
{
    struct config config;
    cr_assert_eq(completed(&config, "--bootstrap --data_folder=~/.geomys"), STATUS_OK);
    cr_assert_str_eq(config.data_folder, "/home/ada/.geomys");
    cr_assert(config_data_folder_given(&config));
    config_finish(&config);
    cr_assert_eq(completed(&config, "--cluster_mode --node_id 9"), STATUS_OK);
    cr_assert_str_eq(config.data_folder, "/home/ada/.geomys/node-9");
    cr_assert_not(config_data_folder_given(&config));
    config_finish(&config);
}

Test(config_cluster, a_folder_can_say_it_too)
{
    struct config config;
    cr_assert_eq(completed(&config, "--data_folder /d"), STATUS_OK);
    cr_assert_eq(config_enter_cluster(&config, &complaint), STATUS_OK);
    cr_assert(config.cluster_mode && config.replication_enabled);
    config_finish(&config);
    cr_assert_eq(completed(&config, "--data_folder /d --persistence none"), STATUS_OK);
    cr_assert_eq(config_enter_cluster(&config, &complaint), STATUS_REFUSED);
    config_finish(&config);
}

Test(config_cluster, one_copy)
{
    struct config config;
    cr_assert_eq(completed(&config, "--bootstrap --replication_enabled=no"), STATUS_OK);
    cr_assert_eq(config.replicas, 1);
    cr_assert_not(config.replication_enabled);
    config_finish(&config);
    cr_assert_eq(completed(&config, "--bootstrap --replicas=1"), STATUS_OK);
    cr_assert_not(config.replication_enabled);
    config_finish(&config);
}

Test(config_cluster, fine_together)
{
    static const char *const fine[] = {
        "--bootstrap --join=node1:6000,node2:6000,node3:6000",
        "--bootstrap --bind 0.0.0.0 --password x --node_bind 127.0.0.1",
        "--bootstrap --bind 0.0.0.0 --allow_insecure --advertise node1.example",
        "--bootstrap --advertise fd00::1",
        "--bootstrap --port 0 --unix_socket /s --internal_port 6000",
        "--beat_ms 100 --lease_ms 201",
        "--bind 0.0.0.0 --password x",
    };
    for (size_t i = 0; i < COUNT(fine); i++) {
        struct config config;
        cr_expect_eq(completed(&config, fine[i]), STATUS_OK, "%s: %s", fine[i], complaint.text);
        config_finish(&config);
    }
}

Test(config_cluster, not_together)
{
    static const struct {
        const char *flags;
        const char *sentence;
    } cases[] = {
        {"--join=nowhere", "\"join\" names nowhere, which is no host:port; the port is a node's internal_port, as in "
                           "127.0.0.1:6000 or [::1]:6000"},
        {"--join=::1:6000", "\"join\" names ::1:6000, which is no host:port; the port is a node's internal_port, as in "
                            "127.0.0.1:6000 or [::1]:6000"},
        {"--join=a:6000,:6000", "\"join\" names :6000, which is no host:port; the port is a node's internal_port, as "
                                "in 127.0.0.1:6000 or [::1]:6000"},
        {"--join=a:0", "\"join\" names a:0, which is no host:port; the port is a node's internal_port, as in "
                       "127.0.0.1:6000 or [::1]:6000"},
        {"--join=a:65536", "\"join\" names a:65536, which is no host:port; the port is a node's internal_port, as in "
                           "127.0.0.1:6000 or [::1]:6000"},
        {"--join=a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1",
         "\"join\" names 17 places; 16 are as many as it may"},
        {"--bootstrap --persistence none", "\"persistence\" is none, and a node of a cluster must keep what it has "
                                           "told the others: choose \"writethroughdisk\" or \"bufferedwrite\""},
        {"--bootstrap --bind 0.0.0.0 --password x",
         "\"bind\" names 0.0.0.0, and nodes talk without encryption and without a password yet: whoever reaches the "
         "port 7379 could read and change all data. Set \"node_bind\" to addresses of this machine alone, or "
         "\"allow_insecure\" in a network that is yours"},
        {"--join=a:1 --node_bind 10.0.0.1 --port 5000",
         "\"node_bind\" names 10.0.0.1, and nodes talk without encryption and without a password yet: whoever reaches "
         "the port 6000 could read and change all data. Set \"node_bind\" to addresses of this machine alone, or "
         "\"allow_insecure\" in a network that is yours"},
        {"--bootstrap --port 65000", "a node of a cluster has a port for the others: set \"internal_port\", which does "
                                     "not follow from \"external_port\" 65000"},
        {"--beat_ms 100 --lease_ms 200", "\"beat_ms\" is 100 and \"lease_ms\" 200: a lease must outlive two beats, so "
                                         "that one may be late"},
        {"--bootstrap --cluster_mode=no", "\"cluster_mode\" is false, and \"bootstrap\" is set: one of them must go"},
        {"--join=a:1 --cluster_mode=no",
         "\"cluster_mode\" is false, and \"join\" names nodes of a cluster: one of them must go"},
        {"--replication_enabled", "\"replication_enabled\" is true, and this node is in no cluster: begin one with "
                                  "--bootstrap or enter one with --join=host:port"},
        {"--bootstrap --replication_enabled=no --replicas=2",
         "\"replication_enabled\" is false, and \"replicas\" is 2: one of them must go"},
        {"--bootstrap --advertise a/b",
         "--advertise: \"advertise\" may hold the letters "
         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:, not \"a/b\""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config config;
        cr_expect_neq(completed(&config, cases[i].flags), STATUS_OK, "%s", cases[i].flags);
        cr_expect_str_eq(complaint.text, cases[i].sentence, "\n  flags: %s\n    got: %s\n wanted: %s", cases[i].flags,
                         complaint.text, cases[i].sentence);
        config_finish(&config);
    }
}
