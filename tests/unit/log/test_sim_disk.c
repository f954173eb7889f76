/* SPDX-License-Identifier: MIT */

/* The simulated disk's lanes and names: any order between lanes, the submitted one within each, and what a crash leaves
 * of a renaming. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "harness.h"
#include "support/seed.h"

#define PER_LANE 3

struct job {
    struct disk_request request;
    unsigned number;
    bool prepared;
    struct trail *trail;
};

struct trail {
    char text[2 * PER_LANE + 1];
    unsigned size;
};

static void on_prepare(struct disk_request *request)
{
    struct job *job = container_of(request, struct job, request);
    job->prepared = true;
    (void)snprintf(request->name, DISK_NAME_MAX, "%s%u", request->lane == DISK_LANE_LOG ? "log" : "bulk", job->number);
}

static void on_done(struct disk_request *request)
{
    struct job *job = container_of(request, struct job, request);
    cr_assert(job->prepared && request->status == STATUS_OK);
    char first = request->lane == DISK_LANE_LOG ? 'a' : 'A';
    job->trail->text[job->trail->size++] = (char)(first + (int)job->number);
}

/* Three requests on each lane; the order in which they were carried out. */
static void orders(uint64_t seed, struct trail *trail, enum disk_lane stuck)
{
    struct sim_disk *sim = sim_disk_create(seed);
    struct job jobs[DISK_LANES][PER_LANE];
    *trail = (struct trail){0};
    for (unsigned i = 0; i < PER_LANE; i++) {
        for (unsigned lane = 0; lane < DISK_LANES; lane++) {
            jobs[lane][i] = (struct job){.number = i,
                                         .trail = trail,
                                         .request = {.lane = (enum disk_lane)lane,
                                                     .action = DISK_ACTION_CREATE,
                                                     .prepare = on_prepare,
                                                     .on_done = on_done}};
            sim_disk_interface(sim)->ops->submit(sim_disk_interface(sim), &jobs[lane][i].request);
        }
    }
    if (stuck < DISK_LANES) {
        cr_assert_eq(sim_disk_run_lane(sim, DISK_LANES - 1 - stuck, 10), PER_LANE);
    }
    cr_assert_eq(sim_disk_run(sim, 100), stuck < DISK_LANES ? PER_LANE : DISK_LANES * PER_LANE);
    sim_disk_destroy(sim);
}

Test(sim_disk, serves_its_lanes_in_any_order_and_each_in_the_submitted_one)
{
    uint64_t seed = seed_of_run();
    struct trail trail;
    struct trail seen[400];
    unsigned different = 0;
    for (uint64_t i = 0; i < 400; i++) {
        orders(seed + i, &trail, DISK_LANES);
        cr_assert(
            strchr(trail.text, 'a') < strchr(trail.text, 'b') && strchr(trail.text, 'b') < strchr(trail.text, 'c') &&
                strchr(trail.text, 'A') < strchr(trail.text, 'B') && strchr(trail.text, 'B') < strchr(trail.text, 'C'),
            "%s", trail.text);
        bool known = false;
        for (unsigned k = 0; k < different; k++) {
            known = known || strcmp(seen[k].text, trail.text) == 0;
        }
        if (!known) {
            seen[different++] = trail;
        }
    }
    cr_assert_eq(different, 20, "all interleavings of three and three, not %u", different);
    orders(seed, &trail, DISK_LANE_BULK);
    cr_assert_str_eq(trail.text, "abcABC");
    orders(seed, &trail, DISK_LANE_LOG);
    cr_assert_str_eq(trail.text, "ABCabc");
}

static void on_named(struct disk_request *request)
{
    struct job *job = container_of(request, struct job, request);
    job->prepared = request->status == STATUS_OK;
}

/* Renames "new" to "file", or removes it, and dies at call `at` (0: behind it). What the crash leaves: the old or the
 * new file under "file", and whether there is a "new". */
static char after_crash(uint64_t seed, uint64_t at, enum disk_action action, bool *source_left)
{
    struct sim_disk *sim = sim_disk_create(seed);
    struct job job = {.request = {.action = action, .lane = DISK_LANE_BULK, .on_done = on_named}};
    (void)snprintf(job.request.name, DISK_NAME_MAX, "new");
    (void)snprintf(job.request.target, DISK_NAME_MAX, "file");
    sim_disk_put(sim, "new", BYTES("n"));
    sim_disk_put(sim, "file", BYTES("o"));
    sim_disk_fault(sim, SIM_CRASH, at, at > 0);
    sim_disk_interface(sim)->ops->submit(sim_disk_interface(sim), &job.request);
    cr_assert_eq(sim_disk_run(sim, 1), 1);
    cr_assert_eq(job.prepared, at == 0);
    cr_assert_eq(sim_disk_calls(sim), at == 1 ? 1 : 2, "the name, and the sync of names");
    sim_disk_crash(sim, seed);
    *source_left = sim_disk_contents(sim, "new").data != NULL;
    char left = (char)sim_disk_contents(sim, "file").data[0];
    sim_disk_destroy(sim);
    return left;
}

Test(sim_disk, keeps_a_renaming_or_removal_that_is_done_and_one_under_way_as_a_whole_or_not_at_all)
{
    uint64_t seed = seed_of_run();
    unsigned renamed = 0;
    unsigned removed = 0;
    for (uint64_t i = 0; i < 50; i++) {
        bool source_left;
        cr_assert_eq(after_crash(seed + i, 0, DISK_ACTION_RENAME, &source_left), 'n');
        cr_assert(!source_left);
        cr_assert_eq(after_crash(seed + i, 0, DISK_ACTION_REMOVE, &source_left), 'o');
        cr_assert(!source_left);
        for (uint64_t at = 1; at <= 2; at++) {
            char left = after_crash(seed + i, at, DISK_ACTION_RENAME, &source_left);
            cr_assert_eq(left, source_left ? 'o' : 'n');
            renamed += !source_left;
            cr_assert_eq(after_crash(seed + i, at, DISK_ACTION_REMOVE, &source_left), 'o');
            removed += !source_left;
        }
    }
    cr_assert(renamed > 10 && renamed < 90 && removed > 10 && removed < 90, "%u, %u", renamed, removed);
}
