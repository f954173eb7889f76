/* SPDX-License-Identifier: MIT */

/* A snapshot file as it lies on the disk, for a full sync. */
#include <criterion/criterion.h>

#include "base/codec.h"
#include "base/memory.h"
#include "log/snapshot_raw.h"
#include "snap.h"

struct fetch {
    struct sim_disk *sim;
    struct snapshot_raw *raw;
    unsigned ready;
    struct complaint complaint;
};

static void on_fetched(void *context)
{
    struct fetch *fetch = context;
    fetch->ready++;
}

static void fetch_begin(struct fetch *fetch, struct sim_disk *sim, uint64_t sequence)
{
    *fetch = (struct fetch){.sim = sim};
    struct snapshot_raw_config config = {.disk = sim_disk_interface(sim), .on_ready = on_fetched, .context = fetch};
    fetch->raw = snapshot_raw_create(&config, sequence);
}

static enum status fetch_about(struct fetch *fetch, struct snapshot_raw_about *about)
{
    enum status status;
    while ((status = snapshot_raw_about(fetch->raw, about, &fetch->complaint)) == STATUS_AGAIN) {
        cr_assert_eq(sim_disk_run_lane(fetch->sim, DISK_LANE_READ, 1), 1);
    }
    return status;
}

static enum status fetch_bytes(struct fetch *fetch, uint64_t offset, struct gm_bytes *bytes)
{
    enum status status;
    while ((status = snapshot_raw_read(fetch->raw, offset, bytes, &fetch->complaint)) == STATUS_AGAIN) {
        cr_assert_eq(sim_disk_run_lane(fetch->sim, DISK_LANE_READ, 1), 1);
    }
    return status;
}

Test(snapshot_raw, gives_the_bytes_of_the_file_from_any_offset_though_its_name_has_gone)
{
    struct sim_disk *sim = sim_disk_create(1);
    struct snap snap;
    struct fetch fetch;
    struct snapshot_raw_about about;
    struct complaint complaint;
    struct snapshot_writer_config config = {.memory_max = 1 << 26, .codec = SNAPSHOT_PLAIN};
    snap_init(&snap, 77, 3000, 200000);
    cr_assert_eq(snap_write(&snap, sim, &config, &complaint), SNAPSHOT_WRITER_PUBLISHED, "%s", complaint.text);
    char name[DISK_NAME_MAX];
    snapshot_name(77, name);
    struct gm_bytes contents = sim_disk_contents(sim, name);
    uint8_t *copy = memory_alloc(contents.size);
    memcpy(copy, contents.data, contents.size);
    fetch_begin(&fetch, sim, 77);
    cr_assert_eq(snapshot_raw_about(fetch.raw, &about, &complaint), STATUS_AGAIN, "it never waits for the disk");
    cr_assert_eq(fetch_about(&fetch, &about), STATUS_OK, "%s", fetch.complaint.text);
    cr_assert(about.cut.sequence == 77 && about.size == contents.size && fetch.ready == 1);
    cr_assert_eq(about.checksum, codec_u32(copy + about.size - SNAPSHOT_FOOTER_SIZE));
    sim_disk_delete(sim, name);
    struct gm_bytes bytes;
    uint64_t offset = 0;
    unsigned pieces = 0;
    for (; offset < about.size; offset += bytes.size, pieces++) {
        cr_assert_eq(fetch_bytes(&fetch, offset, &bytes), STATUS_OK, "%s", fetch.complaint.text);
        cr_assert(bytes.size > 0 && memcmp(bytes.data, copy + offset, bytes.size) == 0);
    }
    cr_assert(offset == about.size && pieces > 10);
    cr_assert(fetch_bytes(&fetch, offset, &bytes) == STATUS_OK && bytes.size == 0, "the end");
    cr_assert_eq(fetch_bytes(&fetch, 12345, &bytes), STATUS_OK, "resumed");
    cr_assert(memcmp(bytes.data, copy + 12345, bytes.size) == 0);
    snapshot_raw_destroy(fetch.raw);
    memory_free(copy);
    sim_disk_destroy(sim);
}

Test(snapshot_raw, tells_two_files_of_the_same_cut_apart)
{
    uint32_t checksums[2];
    for (unsigned i = 0; i < 2; i++) {
        struct sim_disk *sim = sim_disk_create(1);
        struct snap snap;
        struct fetch fetch;
        struct snapshot_raw_about about;
        struct complaint complaint;
        struct snapshot_writer_config config = {.memory_max = 1 << 26, .codec = SNAPSHOT_PLAIN};
        snap_init(&snap, 77, 30 + i, 0);
        cr_assert_eq(snap_write(&snap, sim, &config, &complaint), SNAPSHOT_WRITER_PUBLISHED);
        fetch_begin(&fetch, sim, 77);
        cr_assert_eq(fetch_about(&fetch, &about), STATUS_OK);
        checksums[i] = about.checksum;
        snapshot_raw_destroy(fetch.raw);
        sim_disk_destroy(sim);
    }
    cr_assert_neq(checksums[0], checksums[1]);
}

Test(snapshot_raw, refuses_what_is_no_whole_snapshot_of_that_cut)
{
    struct sim_disk *sim = sim_disk_create(1);
    struct snap snap;
    struct fetch fetch;
    struct snapshot_raw_about about;
    struct complaint complaint;
    struct snapshot_writer_config config = {.memory_max = 1 << 26, .codec = SNAPSHOT_PLAIN};
    char name[DISK_NAME_MAX];
    char other[DISK_NAME_MAX];
    snapshot_name(77, name);
    snapshot_name(78, other);
    fetch_begin(&fetch, sim, 77);
    cr_assert_eq(fetch_about(&fetch, &about), STATUS_NOT_FOUND);
    cr_assert_neq(strstr(fetch.complaint.text, name), NULL, "%s", fetch.complaint.text);
    snapshot_raw_destroy(fetch.raw);
    snap_init(&snap, 77, 30, 0);
    cr_assert_eq(snap_write(&snap, sim, &config, &complaint), SNAPSHOT_WRITER_PUBLISHED);
    uint64_t size = sim_disk_contents(sim, name).size;
    sim_disk_put(sim, other, sim_disk_contents(sim, name));
    fetch_begin(&fetch, sim, 78);
    cr_assert_eq(fetch_about(&fetch, &about), STATUS_CORRUPT, "another cut under this name");
    snapshot_raw_destroy(fetch.raw);
    static const uint64_t cuts[] = {0, 10, 63, 64, 100, 143};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0] + 1; i++) {
        sim_disk_cut(sim, other, i < sizeof cuts / sizeof cuts[0] ? cuts[i] : size - 1);
        sim_disk_put(sim, other, sim_disk_contents(sim, name));
        sim_disk_cut(sim, other, i < sizeof cuts / sizeof cuts[0] ? cuts[i] : size - 1);
        fetch_begin(&fetch, sim, 78);
        cr_assert_eq(fetch_about(&fetch, &about), STATUS_CORRUPT);
        snapshot_raw_destroy(fetch.raw);
    }
    fetch_begin(&fetch, sim, 77);
    cr_assert_eq(fetch_about(&fetch, &about), STATUS_OK);
    sim_disk_cut(sim, name, size / 2);
    struct gm_bytes bytes;
    cr_assert_eq(fetch_bytes(&fetch, 0, &bytes), STATUS_IO, "cut while it is read");
    cr_assert_eq(snapshot_raw_about(fetch.raw, &about, &complaint), STATUS_IO, "for good");
    snapshot_raw_destroy(fetch.raw);
    fetch_begin(&fetch, sim, 77);
    cr_assert_eq(snapshot_raw_about(fetch.raw, &about, &complaint), STATUS_AGAIN);
    snapshot_raw_destroy(fetch.raw);
    (void)sim_disk_run(sim, 10);
    cr_assert_eq(fetch.ready, 0, "nobody is left who would hear of it");
    sim_disk_destroy(sim);
}
