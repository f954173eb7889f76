/* SPDX-License-Identifier: MIT */

/* test_content.c - a folder that was written to is told from one that was only begun. */
#include <criterion/criterion.h>

#include "harness.h"
#include "log/content.h"
#include "log/segment.h"
#include "log/snapshot.h"
#include "support/seed.h"

static bool has_any(struct sim_disk *sim)
{
    struct complaint complaint;
    bool any = false;
    cr_assert_eq(content_look(sim_disk_interface(sim), &any, &complaint), STATUS_OK, "%s", complaint.text);
    return any;
}

Test(content, an_empty_folder_and_one_with_other_files)
{
    struct sim_disk *sim = sim_disk_create(seed_of_run());
    cr_assert_not(has_any(sim));
    sim_disk_put(sim, "geomys.conf", gm_bytes_of("{}"));
    cr_assert_not(has_any(sim));
    sim_disk_destroy(sim);
}

Test(content, a_log_that_was_begun_and_not_written_to)
{
    struct harness harness;
    harness_init(&harness, seed_of_run(), WAL_WRITE_THROUGH);
    cr_assert_eq(harness_start(&harness), STATUS_OK, "%s", harness.complaint.text);
    cr_assert(harness_close(&harness));
    cr_assert_not(has_any(harness.sim));
    cr_assert_eq(harness_start(&harness), STATUS_OK, "%s", harness.complaint.text);
    harness_add(&harness, 1);
    harness_settle(&harness, 20);
    cr_assert(harness_close(&harness));
    cr_assert(has_any(harness.sim));
    harness_finish(&harness);
}

Test(content, a_snapshot_a_later_segment_or_one_that_cannot_be_read)
{
    char name[DISK_NAME_MAX];
    struct sim_disk *sim = sim_disk_create(seed_of_run());
    snapshot_name(7, name);
    sim_disk_put(sim, name, gm_bytes_of("x"));
    cr_assert(has_any(sim));
    sim_disk_destroy(sim);

    sim = sim_disk_create(seed_of_run());
    segment_name(2, name);
    sim_disk_put(sim, name, gm_bytes_of("x"));
    cr_assert(has_any(sim));
    sim_disk_destroy(sim);

    sim = sim_disk_create(seed_of_run());
    segment_name(1, name);
    sim_disk_put(sim, name, gm_bytes_of("x"));
    cr_assert_not(has_any(sim), "not even a header");
    sim_disk_fault(sim, SIM_IO, 2, 2);
    cr_assert(has_any(sim));
    sim_disk_destroy(sim);
}
