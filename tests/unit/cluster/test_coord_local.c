/* SPDX-License-Identifier: MIT */

/* test_coord_local.c - the engine of one node: what only a file can suffer. What holds for all engines is in
 * test_coord.c. */
#include <criterion/criterion.h>
#include <string.h>

#include "cluster/coord_local.h"
#include "lab.h"

static struct lab *with_two_versions(void)
{
    struct lab *lab = lab_create(LAB_LOCAL, 1, 1);
    cr_assert_eq(lab_start(lab, 1), STATUS_OK);
    for (uint64_t version = 1; version <= 2; version++) {
        struct topology *topology = lab_topology(lab, version, 1);
        cr_assert_eq(lab_swap(lab, 1, topology), COORD_OK);
        memory_free(topology);
    }
    return lab;
}

Test(coord_local, a_file_with_any_bit_flipped_is_refused_and_kept) /* coord O6 */
{
    struct lab *lab = with_two_versions();
    struct sim_disk *sim = lab->nodes[1].sim;
    lab_crash(lab, 1);
    size_t size = sim_disk_contents(sim, COORD_LOCAL_NAME).size;
    for (size_t bit = 0; bit < size * 8; bit++) {
        sim_disk_flip(sim, COORD_LOCAL_NAME, bit);
        cr_assert_eq(lab_start(lab, 1), STATUS_CORRUPT, "bit %zu", bit);
        cr_expect(strstr(lab->nodes[1].complaint.text, "nothing was changed") != NULL);
        sim_disk_flip(sim, COORD_LOCAL_NAME, bit);
    }
    sim_disk_cut(sim, COORD_LOCAL_NAME, size - 1);
    cr_expect_eq(lab_start(lab, 1), STATUS_CORRUPT);
    sim_disk_cut(sim, COORD_LOCAL_NAME, 0);
    cr_expect_eq(lab_start(lab, 1), STATUS_CORRUPT);
    cr_expect_eq(sim_disk_contents(sim, COORD_LOCAL_NAME).size, 0);
    lab_destroy(lab);
}

Test(coord_local, a_disk_that_is_full_refuses_and_works_again_later) /* coord_local P3 */
{
    struct lab *lab = with_two_versions();
    struct topology *third = lab_topology(lab, 3, 1);
    sim_disk_limit(lab->nodes[1].sim, sim_disk_used(lab->nodes[1].sim));
    cr_expect_eq(lab_swap(lab, 1, third), COORD_REFUSED);
    cr_expect_eq(lab_settle(lab, 1, 100), 2);
    sim_disk_limit(lab->nodes[1].sim, UINT64_MAX);
    cr_expect_eq(lab_swap(lab, 1, third), COORD_OK);
    memory_free(third);
    lab_destroy(lab);
}

static void on_never(struct coord_swap *swap)
{
    (void)swap;
    cr_assert_fail("a swap was answered by a disk that had failed");
}

Test(coord_local, a_disk_that_fails_stops_it) /* coord O6, coord_local P2 */
{
    for (uint64_t at = 1; at <= 6; at++) { /* create, write, sync, sync names, rename, sync names */
        struct lab *lab = with_two_versions();
        struct topology *third = lab_topology(lab, 3, 1);
        struct coord *coord = lab->nodes[1].coord;
        struct coord_swap swap = {.expected_version = 2, .topology = third, .on_done = on_never};
        sim_disk_fault(lab->nodes[1].sim, SIM_IO, at, 1);
        coord->ops->swap(coord, &swap);
        for (int i = 0; i < 20 && coord->ops->trouble(coord) == NULL; i++) {
            coord->ops->turn(coord, 0);
            (void)sim_disk_run(lab->nodes[1].sim, 9);
        }
        cr_expect_not_null(coord->ops->trouble(coord), "call %llu", (unsigned long long)at);
        cr_expect_not(coord->ops->is_controller(coord));
        cr_expect_eq(coord->ops->topology(coord)->version, 2);
        memory_free(third);
        lab_destroy(lab);
    }
}

Test(coord_local, what_was_written_aside_counts_for_nothing) /* coord_local P1 */
{
    struct lab *lab = with_two_versions();
    lab_crash(lab, 1);
    sim_disk_put(lab->nodes[1].sim, COORD_LOCAL_ASIDE, BYTES("half"));
    cr_assert_eq(lab_start(lab, 1), STATUS_OK);
    cr_expect_eq(lab_settle(lab, 1, 100), 2);
    cr_expect_null(sim_disk_contents(lab->nodes[1].sim, COORD_LOCAL_ASIDE).data);
    lab_destroy(lab);
}
