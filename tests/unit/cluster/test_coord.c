/* SPDX-License-Identifier: MIT */

/* test_coord.c - what every engine of the coordinator does, engine by engine. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "lab.h"
#include "support/seed.h"

struct kind {
    enum lab_engine engine;
    uint64_t nodes;
    const char *name;
};

static const struct kind kinds[] = {
    {LAB_LOCAL, 1, "local"},
    {LAB_RAFT, 1, "raft of one"},
    {LAB_RAFT, 3, "raft of three"},
};

#define EACH_KIND(kind) (const struct kind *kind = kinds; kind < kinds + sizeof kinds / sizeof kinds[0]; kind++)

static struct lab *begin(const struct kind *kind, uint64_t seed)
{
    struct lab *lab = lab_create(kind->engine, kind->nodes, seed);
    for (uint64_t id = 1; id <= kind->nodes; id++) {
        cr_assert_eq(lab_start(lab, id), STATUS_OK, "%s", lab->nodes[id].complaint.text);
    }
    return lab;
}

static enum coord_outcome swap_to(struct lab *lab, uint64_t id, uint64_t version, uint64_t leader)
{
    struct topology *topology = lab_topology(lab, version, leader);
    enum coord_outcome outcome = lab_swap(lab, id, topology);
    memory_free(topology);
    return outcome;
}

Test(coord, a_swap_of_the_newest_version_is_carried_out_and_no_other) /* coord O3 */
{
    for
        EACH_KIND(kind)
        {
            struct lab *lab = begin(kind, 1);
            cr_expect_eq(lab_settle(lab, 1, 10000), 0, "%s", kind->name);
            cr_assert_eq(swap_to(lab, 1, 1, 1), COORD_OK, "%s", kind->name);
            cr_expect_eq(swap_to(lab, 1, 1, 1), COORD_EXISTS);
            cr_expect_eq(swap_to(lab, 1, 3, 1), COORD_EXISTS);
            cr_expect_eq(swap_to(lab, 1, 2, 1), COORD_OK);
            cr_expect_eq(lab_settle(lab, 1, 10000), 2);
            cr_expect_eq(lab->nodes[1].coord->ops->topology(lab->nodes[1].coord)->version, 2);
            lab_destroy(lab);
        }
}

Test(coord, what_may_not_be_kept_or_may_not_follow_is_refused)
{
    for
        EACH_KIND(kind)
        {
            struct lab *lab = begin(kind, 2);
            cr_assert_eq(swap_to(lab, 1, 1, 1), COORD_OK);
            struct topology *topology = lab_topology(lab, 2, 1);
            topology->cluster_id[0]++;
            cr_expect_eq(lab_swap(lab, 1, topology), COORD_REFUSED);
            topology->cluster_id[0]--;
            topology->members[0].host[0] = '\0';
            cr_expect_eq(lab_swap(lab, 1, topology), COORD_REFUSED);
            cr_expect_eq(lab_settle(lab, 1, 10000), 1);
            memory_free(topology);
            lab_destroy(lab);
        }
}

Test(coord, it_is_there_after_a_restart) /* coord O2 */
{
    for
        EACH_KIND(kind)
        {
            struct lab *lab = begin(kind, 3);
            for (uint64_t version = 1; version <= 5; version++) {
                cr_assert_eq(swap_to(lab, 1, version, 1), COORD_OK);
                for (uint64_t id = 1; id <= kind->nodes; id++) {
                    lab_crash(lab, id);
                }
                for (uint64_t id = 1; id <= kind->nodes; id++) {
                    cr_assert_eq(lab_start(lab, id), STATUS_OK, "%s", lab->nodes[id].complaint.text);
                }
                cr_expect_eq(lab_settle(lab, 1, 20000), version, "%s", kind->name);
            }
            lab_destroy(lab);
        }
}

/* What was answered with OK is there, what was not is there or not, and nothing else. */
Test(coord, crashes_at_each_call_of_the_disk) /* coord O2, coord O6 */
{
    for
        EACH_KIND(kind)
        {
            for (uint64_t at = 1;; at++) {
                struct lab *lab = begin(kind, at);
                cr_assert_eq(swap_to(lab, 1, 1, 1), COORD_OK);
                sim_disk_fault(lab->nodes[1].sim, SIM_CRASH, at, 1);
                uint64_t acknowledged = 1;
                while (lab->nodes[1].coord != NULL && acknowledged < 4) {
                    if (swap_to(lab, 1, acknowledged + 1, 1) != COORD_OK) {
                        break;
                    }
                    acknowledged++;
                }
                bool reached = sim_disk_dead(lab->nodes[1].sim) || lab->nodes[1].coord == NULL;
                if (lab->nodes[1].coord != NULL) {
                    lab_crash(lab, 1);
                }
                cr_assert_eq(lab_start(lab, 1), STATUS_OK, "%s: %s", kind->name, lab->nodes[1].complaint.text);
                uint64_t found = lab_settle(lab, 1, 20000);
                cr_expect(found == acknowledged || found == acknowledged + 1, "%s, call %llu: %llu after %llu",
                          kind->name, (unsigned long long)at, (unsigned long long)found,
                          (unsigned long long)acknowledged);
                lab_destroy(lab);
                if (!reached) {
                    break;
                }
            }
        }
}

struct racer {
    struct coord_swap swap;
    bool done;
};

static void on_racer(struct coord_swap *swap)
{
    container_of(swap, struct racer, swap)->done = true;
}

Test(coord, of_several_swaps_of_one_version_one_is_carried_out) /* coord O1 */
{
    for
        EACH_KIND(kind)
        {
            struct lab *lab = begin(kind, 4);
            cr_assert_eq(swap_to(lab, 1, 1, 1), COORD_OK);
            struct racer racers[6];
            struct topology *topologies[6];
            for (uint64_t i = 0; i < 6; i++) {
                struct coord *coord = lab->nodes[1 + i % kind->nodes].coord;
                topologies[i] = lab_topology(lab, 2, 1 + i % kind->nodes);
                racers[i] =
                    (struct racer){.swap = {.expected_version = 1, .topology = topologies[i], .on_done = on_racer}};
                coord->ops->swap(coord, &racers[i].swap);
            }
            lab_run(lab, 10000);
            int won = 0;
            for (int i = 0; i < 6; i++) {
                cr_assert(racers[i].done, "%s, racer %d", kind->name, i);
                won += racers[i].swap.outcome == COORD_OK ? 1 : 0;
                cr_expect(racers[i].swap.outcome != COORD_REFUSED);
                memory_free(topologies[i]);
            }
            cr_expect_leq(won, 1);
            cr_expect_eq(lab_settle(lab, 1, 10000), 2);
            lab_destroy(lab);
        }
}
