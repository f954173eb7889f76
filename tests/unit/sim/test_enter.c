/* SPDX-License-Identifier: MIT */

/* Beginning a cluster, entering one, coming back: with the words in which it is refused. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/memory.h"
#include "shard/digest.h"
#include "support/seed.h"
#include "support/sim_world.h"

#define TOWNS 4

const struct gm_module *geomys_module_kv(void);

static const char *const hosts[TOWNS] = {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"};
static const char *const places[TOWNS] = {"10.0.0.1:6000", "10.0.0.2:6000", "10.0.0.3:6000", "10.0.0.4:6000"};

struct scene {
    struct sim_world *world;
    struct sim_time *time;
    struct sim_machine *towns[TOWNS];
    struct loop_config wanted[TOWNS];
    struct loop_view *view;
};

static struct scene *scene_create(void)
{
    static const struct gm_module *modules[1];
    struct scene *scene = memory_zeroed(sizeof *scene);
    modules[0] = geomys_module_kv();
    scene->world = sim_world_create(seed_of_run(), modules, 1);
    scene->time = sim_world_time(scene->world);
    sim_world_listen(scene->world, getenv("GEOMYS_LINES") != NULL ? stderr : NULL);
    scene->view = memory_zeroed(sizeof *scene->view);
    for (unsigned i = 0; i < TOWNS; i++) {
        scene->towns[i] = sim_world_machine(scene->world, places[i]);
        sim_machine_config(scene->towns[i])->persistence = CONFIG_PERSISTENCE_WRITE_THROUGH;
        scene->wanted[i] = (struct loop_config){.node = i + 1,
                                                .host = hosts[i],
                                                .client_port = 5000,
                                                .node_port = 6000,
                                                .version = "0.1.0",
                                                .beat_ms = 200,
                                                .lease_ms = 1000,
                                                .stall_ms = 5000,
                                                .replicas = 3};
    }
    return scene;
}

static void scene_destroy(struct scene *scene)
{
    sim_world_destroy(scene->world);
    memory_free(scene->view);
    memory_free(scene);
}

static void begins(struct scene *scene, unsigned i)
{
    scene->wanted[i].bootstrap = true;
}

static void joins(struct scene *scene, unsigned i, unsigned count, ...)
{
    va_list args;
    scene->wanted[i].join_count = count;
    va_start(args, count);
    for (unsigned j = 0; j < count; j++) {
        scene->wanted[i].join[j] = places[va_arg(args, unsigned)];
    }
    va_end(args);
}

static void start(struct scene *scene, unsigned i)
{
    sim_machine_member(scene->towns[i], &scene->wanted[i]);
    cr_assert_eq(sim_machine_start(scene->towns[i]), STATUS_OK, "%s", sim_machine_complaint(scene->towns[i]));
}

static void kill_town(struct scene *scene, unsigned i)
{
    sim_machine_kill(scene->towns[i], SIM_KILLED);
}

static void run(struct scene *scene, unsigned ms)
{
    sim_world_run(scene->world, scene->time->now_us + (int64_t)ms * 1000);
}

static const struct loop_view *view_of(struct scene *scene, unsigned i)
{
    cr_assert_not_null(sim_machine_loop(scene->towns[i]), "node %u: %s", i + 1, sim_machine_complaint(scene->towns[i]));
    loop_look(sim_machine_loop(scene->towns[i]), scene->view);
    return scene->view;
}

static unsigned replicas_of(struct scene *scene, unsigned i)
{
    const struct loop_view *view = view_of(scene, i);
    unsigned count = 0;
    for (uint32_t j = 0; j < view->member_count; j++) {
        count += view->members[j].replica;
    }
    return count;
}

static unsigned voters_of(struct scene *scene, unsigned i)
{
    const struct loop_view *view = view_of(scene, i);
    unsigned count = 0;
    for (uint32_t j = 0; j < view->member_count; j++) {
        count += view->members[j].voter;
    }
    return count;
}

static bool leads(struct scene *scene, unsigned i)
{
    const struct node *node = sim_machine_node(scene->towns[i]);
    return node != NULL && node->replica.shard.role == SHARD_LEADING;
}

/* Until node i knows of so many replicas. */
static void run_until_replicas(struct scene *scene, unsigned i, unsigned count)
{
    for (unsigned waited = 0; waited < 30000 && replicas_of(scene, i) != count; waited += 10) {
        run(scene, 10);
    }
    cr_assert_eq(replicas_of(scene, i), count);
}

static void expect_same_data(struct scene *scene, unsigned one, unsigned other)
{
    run(scene, 1000);
    cr_expect_eq(digest_shard(&sim_machine_node(scene->towns[one])->replica.shard),
                 digest_shard(&sim_machine_node(scene->towns[other])->replica.shard));
}

static void expect_end(struct scene *scene, unsigned i, const char *sentence)
{
    for (unsigned waited = 0; waited < 10000 && sim_machine_node(scene->towns[i]) != NULL; waited += 10) {
        run(scene, 10);
    }
    cr_assert_null(sim_machine_node(scene->towns[i]), "it goes on");
    cr_expect_not_null(strstr(sim_machine_complaint(scene->towns[i]), sentence), "%s",
                       sim_machine_complaint(scene->towns[i]));
}

static struct scene *scene_of_three(void)
{
    struct scene *scene = scene_create();
    begins(scene, 0);
    joins(scene, 1, 1, 0u);
    joins(scene, 2, 1, 0u);
    for (unsigned i = 0; i < 3; i++) {
        start(scene, i);
    }
    run_until_replicas(scene, 0, 3);
    run_until_replicas(scene, 2, 3);
    run(scene, 1500); /* the coordinator's voters become three, too: before, it cannot lose the first */
    return scene;
}

/* ---- beginning ---- */

Test(enter, the_three_commands_make_a_cluster)
{
    struct scene *scene = scene_of_three();
    run(scene, 2000);
    cr_expect(leads(scene, 0) && !leads(scene, 1) && !leads(scene, 2));
    cr_expect_eq(voters_of(scene, 1), 3);
    expect_same_data(scene, 0, 2);
    scene_destroy(scene);
}

struct talker {
    unsigned answers;
};

static void on_reply(void *context, const char *text)
{
    ((struct talker *)context)->answers += text[0] != '-';
}

static void on_gone(void *context)
{
    (void)context;
}

/* What a single node has, of several lives, goes into the cluster that begins there. */
Test(enter, data_of_a_single_node_are_taken_along)
{
    static const struct sim_client_ops ops = {.on_reply = on_reply, .on_gone = on_gone};
    struct scene *scene = scene_create();
    struct talker talker = {0};
    struct sim_client *client = sim_world_client(scene->world, &ops, &talker);
    for (unsigned life = 1; life <= 3; life++) {
        cr_assert_eq(sim_machine_start(scene->towns[0]), STATUS_OK);
        run(scene, 100);
        cr_assert(sim_client_connect(client, scene->towns[0]));
        sim_client_say(client, "SET k%u %u", life, life);
        run(scene, 100);
        cr_assert_eq(talker.answers, life);
        sim_machine_close(scene->towns[0]);
        run(scene, 10);
    }
    begins(scene, 0);
    joins(scene, 1, 1, 0u);
    start(scene, 0);
    start(scene, 1);
    run_until_replicas(scene, 0, 2);
    cr_expect(leads(scene, 0));
    cr_expect_eq(sim_machine_node(scene->towns[1])->replica.shard.databases.ledger.keys, 3);
    expect_same_data(scene, 0, 1);
    scene_destroy(scene);
}

/* cluster C23: one line for all. */
Test(enter, one_line_for_all)
{
    struct scene *scene = scene_create();
    for (unsigned i = 0; i < 3; i++) {
        begins(scene, i);
        joins(scene, i, 3, 0u, 1u, 2u);
    }
    start(scene, 2);
    run(scene, 3000);
    cr_expect_eq(view_of(scene, 2)->phase, LOOP_ENTERING);
    cr_expect_str_eq(view_of(scene, 2)->waiting,
                     "waiting for 10.0.0.1:6000, which --join names: it has not said whether it is in a cluster");
    start(scene, 0);
    run(scene, 3000);
    cr_expect_eq(view_of(scene, 0)->phase, LOOP_ENTERING);
    start(scene, 1);
    run_until_replicas(scene, 0, 3);
    run_until_replicas(scene, 2, 3);
    cr_expect(leads(scene, 0), "the lowest node ID begins");
    scene_destroy(scene);
}

Test(enter, an_empty_folder_that_is_known_begins_nothing)
{
    struct scene *scene = scene_of_three();
    kill_town(scene, 0);
    sim_machine_empty(scene->towns[0]);
    start(scene, 0);
    expect_end(scene, 0, " me as node 1 of cluster ");
    cr_expect_not_null(strstr(sim_machine_complaint(scene->towns[0]), "start me with --join=10.0.0."));
    run(scene, 5000);
    cr_expect_neq(leads(scene, 1), leads(scene, 2), "the others go on");
    scene->wanted[0].bootstrap = false;
    joins(scene, 0, 2, 1u, 2u);
    start(scene, 0);
    run(scene, 100);
    run_until_replicas(scene, 1, 3);
    run(scene, 3000);
    cr_expect_eq(view_of(scene, 0)->phase, LOOP_MEMBER);
    expect_same_data(scene, 0, 1);
    expect_same_data(scene, 0, 2);
    scene_destroy(scene);
}

Test(enter, nothing_says_which_cluster)
{
    struct scene *scene = scene_create();
    sim_machine_member(scene->towns[0], &scene->wanted[0]);
    cr_expect_eq(sim_machine_start(scene->towns[0]), STATUS_INVALID);
    cr_expect_str_eq(sim_machine_complaint(scene->towns[0]),
                     "this node is in no cluster yet: begin one with --bootstrap or enter one with --join=host:port");
    scene->wanted[0].has_data = true;
    joins(scene, 0, 1, 1u);
    sim_machine_member(scene->towns[0], &scene->wanted[0]);
    cr_expect_eq(sim_machine_start(scene->towns[0]), STATUS_INVALID);
    cr_expect_not_null(strstr(sim_machine_complaint(scene->towns[0]), "they would be lost"));
    scene_destroy(scene);
}

/* ---- entering ---- */

Test(enter, a_node_id_that_is_in_use)
{
    struct scene *scene = scene_of_three();
    scene->wanted[3].node = 2;
    joins(scene, 3, 1, 0u);
    start(scene, 3);
    expect_end(scene, 3,
               "node 2 is in the cluster already, at 10.0.0.2:6000, and answers: give this one another "
               "node_id");
    scene_destroy(scene);
}

Test(enter, a_folder_of_another_cluster)
{
    struct scene *scene = scene_of_three();
    begins(scene, 3);
    start(scene, 3);
    run(scene, 3000);
    cr_assert_eq(view_of(scene, 3)->phase, LOOP_MEMBER);
    kill_town(scene, 3);
    joins(scene, 3, 1, 0u);
    start(scene, 3);
    expect_end(scene, 3, "this data_folder belongs to cluster ");
    cr_expect_not_null(strstr(sim_machine_complaint(scene->towns[3]), "10.0.0.1:6000 to "));
    scene_destroy(scene);
}

Test(enter, a_folder_of_another_node)
{
    struct scene *scene = scene_of_three();
    kill_town(scene, 2);
    scene->wanted[2].node = 4;
    sim_machine_member(scene->towns[2], &scene->wanted[2]);
    cr_expect_eq(sim_machine_start(scene->towns[2]), STATUS_INVALID);
    cr_expect_not_null(strstr(sim_machine_complaint(scene->towns[2]), "that of node 3 of cluster "));
    scene_destroy(scene);
}

Test(enter, a_fourth_follows_and_does_not_count)
{
    struct scene *scene = scene_of_three();
    joins(scene, 3, 1, 1u);
    start(scene, 3);
    run(scene, 5000);
    cr_expect_eq(view_of(scene, 3)->member_count, 4);
    cr_expect_eq(replicas_of(scene, 3), 3);
    cr_expect_eq(voters_of(scene, 3), 3);
    expect_same_data(scene, 0, 3);
    scene_destroy(scene);
}

/* ---- coming back ---- */

/* cluster section 7: who restarts a leader in order does not wait for its lease. */
Test(enter, a_leader_that_ends_hands_over)
{
    struct scene *scene = scene_of_three();
    int64_t began_us = scene->time->now_us;
    sim_machine_close(scene->towns[0]);
    while (!leads(scene, 1) && !leads(scene, 2) && scene->time->now_us < began_us + 2000000) {
        run(scene, 1);
    }
    cr_expect_lt(scene->time->now_us - began_us, 600000, "%lld us", (long long)(scene->time->now_us - began_us));
    cr_expect(leads(scene, 2), "of equal ones the highest node ID");
    run(scene, 1500);
    cr_expect_null(sim_machine_node(scene->towns[0]), "it has ended");
    start(scene, 0);
    run(scene, 1500);
    cr_expect(leads(scene, 2));
    expect_same_data(scene, 0, 2);
    scene_destroy(scene);
}

/* cluster C10: a replica has promised to follow one who was not elected. */
Test(enter, who_has_promised_more_is_not_left_outside)
{
    struct scene *scene = scene_of_three();
    struct stand *stand = &sim_machine_node(scene->towns[2])->replica.stand;
    struct stand_promise before;
    uint64_t epoch = view_of(scene, 0)->epoch + 5;
    cr_assert_eq(
        stand_raise(stand, &(struct stand_promise){epoch, 2, 1}, (struct stand_position){epoch, 0}, false, &before),
        STAND_YES);
    run(scene, 4000);
    cr_expect_gt(view_of(scene, 0)->epoch, epoch);
    cr_expect(leads(scene, 0), "the leader goes on, in a new epoch");
    cr_expect_eq(view_of(scene, 2)->leader, 1);
    expect_same_data(scene, 0, 2);
    scene_destroy(scene);
}

/* cluster C21 */
Test(enter, a_follower_with_an_emptied_folder)
{
    struct scene *scene = scene_of_three();
    uint64_t epoch = view_of(scene, 0)->epoch;
    kill_town(scene, 1);
    sim_machine_empty(scene->towns[1]);
    start(scene, 1);
    run(scene, 8000);
    cr_expect_geq(view_of(scene, 0)->epoch, epoch + 2, "it is taken out before it is taken in");
    cr_expect_eq(view_of(scene, 1)->phase, LOOP_MEMBER);
    run_until_replicas(scene, 1, 3);
    run_until_replicas(scene, 0, 3);
    cr_expect_eq(voters_of(scene, 0), 3);
    expect_same_data(scene, 0, 1);
    kill_town(scene, 0); /* the new one counts */
    run(scene, 6000);
    cr_expect_neq(leads(scene, 1), leads(scene, 2));
    scene_destroy(scene);
}

Test(enter, all_end_and_all_begin_again)
{
    struct scene *scene = scene_of_three();
    for (unsigned i = 0; i < 3; i++) {
        kill_town(scene, i);
    }
    for (unsigned i = 0; i < 3; i++) {
        start(scene, i);
    }
    run(scene, 8000);
    cr_expect_eq(leads(scene, 0) + leads(scene, 1) + leads(scene, 2), 1);
    expect_same_data(scene, 0, 2);
    scene_destroy(scene);
}

/* cluster C18: the second node is gone for good at the moment when it begins to count. */
Test(enter, who_was_to_count_and_is_away)
{
    struct scene *scene = scene_create();
    begins(scene, 0);
    joins(scene, 1, 1, 0u);
    start(scene, 0);
    start(scene, 1);
    for (unsigned waited = 0; waited < 100000 && replicas_of(scene, 0) != 2; waited++) {
        sim_world_run(scene->world, scene->time->now_us + 100);
    }
    sim_machine_kill(scene->towns[1], SIM_POWERLESS);
    run(scene, 15000);
    cr_expect(leads(scene, 0));
    const struct replica *replica = &sim_machine_node(scene->towns[0])->replica;
    cr_expect_eq(replica->acks.committed, replica->shard.tail.last_sequence, "it commits what it has");
    cr_expect_eq(replicas_of(scene, 0), 1);
    start(scene, 1);
    run_until_replicas(scene, 0, 2);
    expect_same_data(scene, 0, 1);
    scene_destroy(scene);
}

/* cluster C6: of two, the one that led goes on alone, also after a restart. */
Test(enter, of_two_the_leader_goes_on)
{
    struct scene *scene = scene_create();
    begins(scene, 0);
    joins(scene, 1, 1, 0u);
    start(scene, 0);
    start(scene, 1);
    run_until_replicas(scene, 0, 2);
    run(scene, 500);
    kill_town(scene, 1);
    run(scene, 5000);
    cr_expect(leads(scene, 0));
    kill_town(scene, 0);
    start(scene, 0);
    run(scene, 5000);
    cr_expect(leads(scene, 0));
    kill_town(scene, 0);
    start(scene, 1);
    run(scene, 10000);
    cr_expect(!leads(scene, 1), "the other may have more");
    start(scene, 0);
    run(scene, 5000);
    cr_expect_eq(leads(scene, 0) + leads(scene, 1), 1);
    expect_same_data(scene, 0, 1);
    scene_destroy(scene);
}
