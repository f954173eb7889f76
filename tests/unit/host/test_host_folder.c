/* SPDX-License-Identifier: MIT */

/* test_host_folder.c - folders of single nodes and of members: who may begin or enter a cluster with them, and that
 * nothing is made where it may not. */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "host/host_folder.h"
#include "log/snapshot.h"
#include "support/sim_disk.h"

static struct complaint complaint;

struct home {
    char path[64];
    struct config config;
};

static void path_in(const struct home *home, const char *name, char out[static 256])
{
    (void)snprintf(out, 256, "%s/%s", home->path, name);
}

static void make_folder(const struct home *home, const char *name)
{
    char path[256];
    path_in(home, name, path);
    cr_assert_eq(mkdir(path, 0700), 0);
}

static void make_file(const struct home *home, const char *name)
{
    char path[256];
    path_in(home, name, path);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    cr_assert_geq(fd, 0);
    (void)close(fd);
}

static bool is_there(const struct home *home, const char *name)
{
    char path[256];
    path_in(home, name, path);
    return access(path, F_OK) == 0;
}

static void make_data(const struct home *home, const char *folder)
{
    char snapshot[DISK_NAME_MAX];
    char name[128];
    snapshot_name(12, snapshot);
    (void)snprintf(name, sizeof name, "%s/%s", folder, snapshot);
    make_file(home, name);
}

static void configure(struct home *home, const char *a, const char *b)
{
    const char *const argv[] = {"geomys-server", a, b};
    config_finish(&home->config);
    config_init(&home->config, home->path);
    cr_assert_eq(config_from_flags(&home->config, b != NULL ? 3 : a != NULL ? 2 : 1, argv, &complaint), STATUS_OK);
    cr_assert_eq(config_complete(&home->config, &complaint), STATUS_OK, "%s", complaint.text);
}

static void begin(struct home *home, const char *a, const char *b)
{
    *home = (struct home){.path = "/tmp/geomys-folder-XXXXXX"};
    cr_assert_not_null(mkdtemp(home->path));
    configure(home, a, b);
}

static void end(struct home *home)
{
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf %s", home->path);
    cr_assert_eq(system(command), 0); /* NOLINT(cert-env33-c): a name of our own */
    config_finish(&home->config);
}

static enum status prepare(struct home *home)
{
    complaint = (struct complaint){{0}};
    return host_folder_prepare(&home->config, &complaint);
}

Test(host_folder, a_usual_one_of_a_cluster_lies_in_the_usual_one)
{
    struct home home;
    begin(&home, "--bootstrap", NULL);
    cr_assert_eq(prepare(&home), STATUS_OK, "%s", complaint.text);
    cr_assert(is_there(&home, ".geomys"));
    cr_assert_not(is_there(&home, ".geomys/node-1"), "the disk makes it");
    end(&home);

    begin(&home, NULL, NULL);
    cr_assert_eq(prepare(&home), STATUS_OK);
    cr_assert_not(is_there(&home, ".geomys"), "of a single node nothing is made beforehand");
    end(&home);

    begin(&home, "--join=a:1", "--data_folder=~/x/y");
    cr_assert_eq(prepare(&home), STATUS_OK);
    cr_assert_not(is_there(&home, "x"), "nor above one that somebody has named");
    end(&home);
}

/* host_folder P1 */
Test(host_folder, a_single_nodes_data_are_not_left_behind)
{
    struct home home;
    begin(&home, "--bootstrap", NULL);
    make_folder(&home, ".geomys");
    cr_assert_eq(prepare(&home), STATUS_OK, "it is empty");
    make_data(&home, ".geomys");
    cr_assert_eq(prepare(&home), STATUS_REFUSED);
    cr_assert_not_null(strstr(complaint.text, "--data_folder=~/.geomys to take them along"), "%s", complaint.text);
    cr_assert_not(is_there(&home, ".geomys/node-1"));

    configure(&home, "--join=a:1", NULL);
    cr_assert_eq(prepare(&home), STATUS_OK, "who enters begins with nothing");
    configure(&home, "--bootstrap", "--data_folder=~/.geomys");
    cr_assert_eq(prepare(&home), STATUS_OK, "they are taken along");

    configure(&home, "--bootstrap", NULL);
    make_folder(&home, ".geomys/node-1");
    cr_assert_eq(prepare(&home), STATUS_REFUSED, "that one is empty, too");
    make_data(&home, ".geomys/node-1");
    cr_assert_eq(prepare(&home), STATUS_OK, "it has data of its own");
    end(&home);

    begin(&home, "--bootstrap", NULL);
    make_folder(&home, ".geomys");
    make_data(&home, ".geomys");
    make_folder(&home, ".geomys/node-1");
    make_folder(&home, ".geomys/node-1/cluster");
    make_file(&home, ".geomys/node-1/cluster/cluster.state");
    cr_assert_eq(prepare(&home), STATUS_OK, "it is a member's");
    end(&home);
}

Test(host_folder, a_members_is_told_by_its_state)
{
    struct home home;
    begin(&home, NULL, NULL);
    cr_assert_not(host_folder_is_member(home.path));
    make_folder(&home, "cluster");
    cr_assert_not(host_folder_is_member(home.path));
    make_file(&home, "cluster/cluster.state");
    cr_assert(host_folder_is_member(home.path));
    end(&home);
}

Test(host_folder, who_is_admitted)
{
    static const struct {
        const char *flag;
        bool member, data;
        enum status wanted;
        const char *words;
    } cases[] = {
        {"--bootstrap", false, false, STATUS_OK, ""},
        {"--bootstrap", false, true, STATUS_OK, ""},
        {"--bootstrap", true, true, STATUS_OK, ""},
        {"--join=a:1", false, false, STATUS_OK, ""},
        {"--join=a:1", false, true, STATUS_REFUSED, "they would be lost. Begin the cluster here with --bootstrap"},
        {"--join=a:1", true, true, STATUS_OK, ""},
        {"--cluster_mode", false, false, STATUS_REFUSED, "this node is in no cluster yet: begin one with --bootstrap"},
        {"--cluster_mode", false, true, STATUS_REFUSED, "this node is in no cluster yet: begin one with --bootstrap"},
        {"--cluster_mode", true, true, STATUS_OK, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct home home;
        char snapshot[DISK_NAME_MAX];
        begin(&home, cases[i].flag, NULL);
        struct sim_disk *sim = sim_disk_create(1);
        snapshot_name(12, snapshot);
        if (cases[i].data) {
            sim_disk_put(sim, snapshot, gm_bytes_of("x"));
        }
        bool any = false;
        complaint = (struct complaint){{0}};
        cr_expect_eq(host_folder_admit(&home.config, sim_disk_interface(sim), cases[i].member, &any, &complaint),
                     cases[i].wanted, "case %zu: %s", i, complaint.text);
        cr_expect_eq(any, cases[i].data);
        cr_expect_not_null(strstr(complaint.text, cases[i].words), "case %zu: %s", i, complaint.text);
        sim_disk_destroy(sim);
        end(&home);
    }
}
