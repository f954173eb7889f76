/* SPDX-License-Identifier: MIT */

/* The simulated disk's lanes and names: any order between lanes, the submitted one within each, and what a crash leaves
 * of a renaming. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "harness.h"
#include "support/seed.h"

#define PER_LANE 2
#define RUNS     4000 /* the rarest of the interleavings comes once in 162 */

struct job {
    struct disk_request request;
    unsigned number;
    bool prepared;
    struct trail *trail;
};

struct trail {
    char text[DISK_LANES * PER_LANE + 1];
    unsigned size;
};

static void on_prepare(struct disk_request *request)
{
    struct job *job = container_of(request, struct job, request);
    job->prepared = true;
    static const char *const names[DISK_LANES] = {"log", "bulk", "read"};
    (void)snprintf(request->name, DISK_NAME_MAX, "%s%u", names[request->lane], job->number);
}

static void on_done(struct disk_request *request)
{
    struct job *job = container_of(request, struct job, request);
    cr_assert(job->prepared && request->status == STATUS_OK);
    job->trail->text[job->trail->size++] = (char)("aA1"[request->lane] + (int)job->number);
}

/* Two requests on each lane; the order in which they were carried out, with one lane stuck until the others are
 * done. */
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
    for (enum disk_lane lane = 0; lane < DISK_LANES && stuck < DISK_LANES; lane++) {
        cr_assert_eq(lane == stuck ? PER_LANE : sim_disk_run_lane(sim, lane, 10), PER_LANE);
    }
    cr_assert_eq(sim_disk_run(sim, 100), stuck < DISK_LANES ? PER_LANE : DISK_LANES * PER_LANE);
    sim_disk_destroy(sim);
}

Test(sim_disk, serves_its_lanes_in_any_order_and_each_in_the_submitted_one)
{
    uint64_t seed = seed_of_run();
    struct trail trail;
    static struct trail seen[RUNS];
    unsigned different = 0;
    for (uint64_t i = 0; i < RUNS; i++) {
        orders(seed + i, &trail, DISK_LANES);
        cr_assert(strchr(trail.text, 'a') < strchr(trail.text, 'b') &&
                      strchr(trail.text, 'A') < strchr(trail.text, 'B') &&
                      strchr(trail.text, '1') < strchr(trail.text, '2'),
                  "%s", trail.text);
        bool known = false;
        for (unsigned k = 0; k < different; k++) {
            known = known || strcmp(seen[k].text, trail.text) == 0;
        }
        if (!known) {
            seen[different++] = trail;
        }
    }
    cr_assert_eq(different, 90, "all interleavings of two, two and two, not %u", different);
    orders(seed, &trail, DISK_LANE_BULK);
    cr_assert_str_eq(trail.text, "ab12AB");
    orders(seed, &trail, DISK_LANE_LOG);
    cr_assert_str_eq(trail.text, "AB12ab");
    orders(seed, &trail, DISK_LANE_READ);
    cr_assert_str_eq(trail.text, "abAB12");
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

Test(sim_disk, reads_what_is_there_when_the_request_is_carried_out)
{
    struct sim_disk *sim = sim_disk_create(1);
    struct disk *disk = sim_disk_interface(sim);
    uint8_t into[8] = "????????";
    struct job job = {.request = {.action = DISK_ACTION_READ,
                                  .lane = DISK_LANE_READ,
                                  .name = "file",
                                  .offset = 2,
                                  .into = into,
                                  .size = 8,
                                  .on_done = on_named}};
    disk->ops->submit(disk, &job.request);
    (void)sim_disk_run(sim, 1);
    cr_assert(job.request.status == STATUS_NOT_FOUND && job.request.file == NULL && job.request.got == 0);
    sim_disk_put(sim, "file", BYTES("0123456"));
    disk->ops->submit(disk, &job.request);
    (void)sim_disk_run(sim, 1);
    cr_assert(job.request.status == STATUS_OK && job.request.got == 5 && job.request.file_size == 7);
    cr_assert_arr_eq(into, "23456???", 8);
    sim_disk_delete(sim, "file");
    job.request.offset = 9;
    disk->ops->submit(disk, &job.request);
    (void)sim_disk_run(sim, 1);
    cr_assert(job.request.status == STATUS_OK && job.request.got == 0, "an open file outlives its name");
    job.request.offset = 0;
    sim_disk_fault(sim, SIM_IO, 1, 1);
    disk->ops->submit(disk, &job.request);
    (void)sim_disk_run(sim, 1);
    cr_assert(job.request.status == STATUS_IO && job.request.file != NULL);
    disk->ops->close(disk, job.request.file);
    sim_disk_destroy(sim);
}
