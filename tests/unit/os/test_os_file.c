/* SPDX-License-Identifier: MIT */

/* test_os_file.c - files on a system that is not in the mood: calls that are interrupted, do less than they were asked
 * for, or fail (calls.h). */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "os/os_file.h"

struct place {
    char path[64];
    int folder;
};

static void make(struct place *place)
{
    (void)snprintf(place->path, sizeof place->path, "/tmp/geomys-file-XXXXXX");
    cr_assert_neq(mkdtemp(place->path), NULL);
    place->folder = open(place->path, O_RDONLY | O_DIRECTORY);
    cr_assert_geq(place->folder, 0);
}

static void clear(struct place *place, const char *name)
{
    (void)unlinkat(place->folder, name, 0);
    (void)close(place->folder);
    cr_assert_eq(rmdir(place->path), 0, "another file is left there");
}

/* disk D5; os_file P1 */
Test(os_file, continues_what_was_interrupted_and_what_was_cut_short)
{
    static const size_t pieces[] = {0, 1, 7, 100};
    static const struct gm_bytes sources[] = {{(const uint8_t *)"source one,", 11}, {(const uint8_t *)"and two", 7}};
    struct place place;
    make(&place);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        uint8_t back[64];
        size_t got = 0;
        struct disk_request request = {.action = DISK_ACTION_CREATE,
                                       .head = BYTES("the head, "),
                                       .source = BYTES("the first, "),
                                       .sources = sources,
                                       .source_count = 2,
                                       .zeros = 5,
                                       .name = "file"};
        calls.piece = pieces[i];
        calls.interrupted = 2;
        calls.count = 0;
        os_file_carry_out(place.folder, &request);
        cr_assert(request.status == STATUS_OK && request.file != NULL, "%zu", pieces[i]);
        cr_assert_eq(os_file_read(request.file, 0, back, sizeof back, &got), STATUS_OK);
        cr_assert_eq(got, 44, "pieces of %zu: %zu", pieces[i], got);
        cr_assert_arr_eq(back, "the head, the first, source one,and two\0\0\0\0\0", 44);
        cr_assert(calls.count > 4, "nothing was interrupted");
        calls.interrupted = 0;
        os_file_close(request.file);
        cr_assert_eq(os_file_remove(place.folder, "file"), STATUS_OK);
    }
    clear(&place, "file");
}

/* disk D7; disk D4: that it was the sync is told, since then the caller has to stop */
Test(os_file, that_can_not_be_synced_is_not_created)
{
    struct place place;
    make(&place);
    struct disk_request request = {.action = DISK_ACTION_CREATE, .head = BYTES("head"), .name = "file"};
    calls.no_sync = true;
    os_file_carry_out(place.folder, &request);
    cr_assert(request.status == STATUS_IO && request.sync_failed && request.file == NULL);
    struct disk_file *file;
    cr_assert_eq(os_file_open(place.folder, "file", DISK_READ, &file), STATUS_NOT_FOUND);
    calls.no_sync = false;
    os_file_carry_out(place.folder, &request);
    cr_assert(request.status == STATUS_OK && !request.sync_failed && request.file != NULL, "it can be tried again");
    calls.no_sync = true;
    request.action = DISK_ACTION_WRITE;
    os_file_carry_out(place.folder, &request);
    cr_assert(request.status == STATUS_IO && request.sync_failed); /* disk D2: without it no STATUS_OK */
    os_file_close(request.file);
    clear(&place, "file");
}

/* disk D8; os_file P2 */
Test(os_file, tells_what_passes_from_what_is_broken)
{
    static const struct {
        int error;
        enum status status;
    } words[] = {{EMFILE, STATUS_DESCRIPTORS}, {ENFILE, STATUS_DESCRIPTORS}, {EFBIG, STATUS_FILE_LIMIT},
                 {ENOMEM, STATUS_NO_MEMORY},   {EINTR, STATUS_BUSY},         {EAGAIN, STATUS_BUSY},
                 {ENOSPC, STATUS_NO_SPACE},    {EDQUOT, STATUS_NO_SPACE},    {EIO, STATUS_IO},
                 {EROFS, STATUS_IO},           {ENOENT, STATUS_NOT_FOUND},   {EEXIST, STATUS_EXISTS}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        enum status status = os_file_status(words[i].error);
        cr_expect_eq(status, words[i].status, "errno %d", words[i].error);
        cr_expect_eq(status_is_passing(status), i < 8, "errno %d", words[i].error);
    }
}

Test(os_file, is_read_from_the_disk_when_it_will_be_written)
{
    struct place place;
    struct disk_file *file;
    make(&place);
    cr_assert_eq(os_file_open(place.folder, "file", DISK_CREATE, &file), STATUS_OK);
    os_file_close(file);
    cr_assert_eq(os_file_open(place.folder, "file", DISK_READ, &file), STATUS_OK);
    os_file_close(file);
    cr_assert_eq(calls.dropped, 0);
    cr_assert_eq(os_file_open(place.folder, "file", DISK_WRITE, &file), STATUS_OK);
    cr_assert_eq(calls.dropped, 1);
    os_file_close(file);
    clear(&place, "file");
}

static void take_long(struct disk_request *request)
{
    struct timespec pause = {.tv_nsec = 300000000};
    (void)nanosleep(&pause, NULL);
    request->offset = 3;
}

/* os_file P3 */
Test(os_file, does_not_count_the_preparation_as_time_of_the_disk)
{
    struct place place;
    struct disk_request request = {.action = DISK_ACTION_WRITE, .head = BYTES("head"), .prepare = take_long};
    uint64_t size;
    make(&place);
    cr_assert_eq(os_file_open(place.folder, "file", DISK_CREATE, &request.file), STATUS_OK);
    os_file_carry_out(place.folder, &request);
    cr_assert(request.status == STATUS_OK && request.elapsed_us < 300000, "%u", request.elapsed_us);
    cr_assert(os_file_size(request.file, &size) == STATUS_OK && size == 7);
    os_file_close(request.file);
    clear(&place, "file");
}
