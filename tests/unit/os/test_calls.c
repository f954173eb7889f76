/* SPDX-License-Identifier: MIT */

/* test_calls.c - which system calls are made for files, in which order, and what follows when one of them fails: what
 * is below the simulated disk. A missing sync cannot be seen in a file, only here. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "calls.h"
#include "os/os_disk.h"
#include "os/os_file.h"
#include "os/os_settings.h"

struct place {
    char path[64];
    int folder;
};

static void start(struct place *place)
{
    (void)snprintf(place->path, sizeof place->path, "/tmp/geomys-calls-XXXXXX");
    cr_assert_neq(mkdtemp(place->path), NULL);
    place->folder = open(place->path, O_RDONLY | O_DIRECTORY);
    cr_assert_geq(place->folder, 0);
}

static void finish(struct place *place)
{
    static const char *const names[] = {"file", "other", "geomys.conf", "data/lock", "data/log.1"};
    calls.noting = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)unlinkat(place->folder, names[i], 0);
    }
    (void)unlinkat(place->folder, "data", AT_REMOVEDIR);
    (void)close(place->folder);
    cr_assert_eq(rmdir(place->path), 0, "another file is left there");
}

static bool is_there(const struct place *place, const char *name)
{
    struct stat info;
    return fstatat(place->folder, name, &info, 0) == 0;
}

/* ---- requests ---- */

static const struct act {
    enum disk_action action;
    bool sync;
    const char *calls;
} acts[] = {
    {DISK_ACTION_WRITE, true, "write 9; sync file; "},
    {DISK_ACTION_WRITE, false, "write 9; "},
    {DISK_ACTION_CREATE, true, "open new file; write 9; sync file; sync folder; "},
    {DISK_ACTION_RENAME, false, "rename file; sync folder; "},
    {DISK_ACTION_REMOVE, false, "remove file; sync folder; "},
    {DISK_ACTION_READ, false, "open file; read 4; "},
};

#define ACTS (sizeof acts / sizeof acts[0])

/* Carries the act out in a folder that has what it needs, and notes the calls. */
static void carry_out(const struct place *place, const struct act *act, struct disk_request *request, unsigned fail_at,
                      int fail_with)
{
    static uint8_t target[4];
    *request = (struct disk_request){.action = act->action, .sync = act->sync, .name = "file", .target = "other"};
    calls.noting = false;
    (void)unlinkat(place->folder, "file", 0);
    (void)unlinkat(place->folder, "other", 0);
    if (act->action == DISK_ACTION_WRITE || act->action == DISK_ACTION_CREATE) {
        request->head = BYTES("head, ");
        request->source = BYTES("end");
    }
    if (act->action == DISK_ACTION_READ) {
        request->into = target;
        request->size = sizeof target;
    }
    if (act->action != DISK_ACTION_CREATE) {
        struct disk_file *file;
        cr_assert_eq(os_file_open(place->folder, "file", DISK_CREATE, &file), STATUS_OK);
        cr_assert_eq(os_file_write(file, 0, BYTES("what is there")), STATUS_OK);
        if (act->action == DISK_ACTION_WRITE) {
            request->file = file;
        } else {
            os_file_close(file);
        }
    }
    calls.fail_at = fail_at;
    calls.fail_with = fail_with;
    calls_note();
    os_file_carry_out(place->folder, request);
    calls.noting = false;
}

/* disk D2; os_disk P1: what was written is synced before it is said, and each change of a name, with its folder. */
Test(calls, come_in_the_order_that_makes_it_durable)
{
    struct place place;
    start(&place);
    for (size_t i = 0; i < ACTS; i++) {
        struct disk_request request;
        carry_out(&place, &acts[i], &request, 0, 0);
        cr_expect_eq(request.status, STATUS_OK, "act %zu", i);
        cr_expect_str_eq(calls.text, acts[i].calls, "act %zu", i);
        os_file_close(request.file);
    }
    finish(&place);
}

/* The calls of the act with number `n` (from 1) made once more behind itself. */
static void repeated(const char *text, unsigned n, char *target, size_t size)
{
    const char *from = text;
    for (unsigned i = 1; i < n; i++) {
        from = strstr(from, "; ") + 2;
    }
    const char *to = strstr(from, "; ") + 2;
    (void)snprintf(target, size, "%.*s%.*s%s", (int)(to - text), text, (int)(to - from), from, to);
}

static unsigned count_calls(const char *text)
{
    unsigned count = 0;
    for (const char *at = text; (at = strstr(at, "; ")) != NULL; at += 2) {
        count++;
    }
    return count;
}

/* disk D5; os_file P1: each call, interrupted once, is made again, and nothing else. */
Test(calls, that_are_interrupted_are_made_again)
{
    struct place place;
    start(&place);
    for (size_t i = 0; i < ACTS; i++) {
        for (unsigned n = 1; n <= count_calls(acts[i].calls); n++) {
            struct disk_request request;
            char wanted[256];
            carry_out(&place, &acts[i], &request, n, EINTR);
            repeated(acts[i].calls, n, wanted, sizeof wanted);
            cr_expect_eq(request.status, STATUS_OK, "act %zu, call %u", i, n);
            cr_expect_str_eq(calls.text, wanted, "act %zu, call %u", i, n);
            os_file_close(request.file);
        }
    }
    finish(&place);
}

static bool begins_with(const char *text, const char *word)
{
    return strncmp(text, word, strlen(word)) == 0;
}

/* The name of call number n of the act. */
static const char *call_of(const struct act *act, unsigned n)
{
    const char *at = act->calls;
    for (unsigned i = 1; i < n; i++) {
        at = strstr(at, "; ") + 2;
    }
    return at;
}

static void check_failure(const struct place *place, const struct act *act, unsigned n, int error)
{
    struct disk_request request;
    carry_out(place, act, &request, n, error);
    bool sync = begins_with(call_of(act, n), "sync ");
    cr_expect_eq(request.status, os_file_status(error), "call %u of %s", n, act->calls);
    cr_expect_eq(request.sync_failed, sync, "call %u of %s: disk D4", n, act->calls);
    size_t made = (size_t)(strstr(call_of(act, n), "; ") + 2 - act->calls);
    cr_expect_eq(strncmp(calls.text, act->calls, made), 0, "call %u of %s: %s", n, act->calls, calls.text);
    const char *then = calls.text + made;
    if (act->action == DISK_ACTION_CREATE) {
        cr_expect_null(request.file);
        cr_expect_not(is_there(place, "file"), "disk D7: call %u", n);
        cr_expect_str_eq(then, n > 1 ? "remove file; " : "", "call %u", n);
    } else {
        cr_expect_str_eq(then, "", "call %u of %s: nothing is tried again or gone on with", n, act->calls);
    }
    if (act->action == DISK_ACTION_READ) {
        cr_expect_null(request.file, "disk D9");
    }
    os_file_close(request.file);
}

/* disk D2, D4, D7, D9: a failure is told with its kind, at once; of a sync, as that, since it must not be tried
 * again. */
Test(calls, that_fail_are_told_and_nothing_goes_on)
{
    static const int errors[] = {EIO, ENOSPC, EDQUOT, EMFILE, ENOMEM, EFBIG};
    struct place place;
    start(&place);
    for (size_t i = 0; i < ACTS; i++) {
        for (unsigned n = 1; n <= count_calls(acts[i].calls); n++) {
            for (size_t k = 0; k < sizeof errors / sizeof errors[0]; k++) {
                check_failure(&place, &acts[i], n, errors[k]);
            }
        }
    }
    finish(&place);
}

/* disk D5, D7 */
Test(calls, after_a_short_write_that_find_no_space_take_the_file_away)
{
    struct place place;
    struct disk_request request;
    start(&place);
    calls.piece = 4; /* the second piece is the third call */
    carry_out(&place, &acts[2], &request, 3, ENOSPC);
    cr_expect_str_eq(calls.text, "open new file; write 9; write 5; remove file; ");
    cr_expect_eq(request.status, STATUS_NO_SPACE);
    cr_expect_not(is_there(&place, "file"));
    finish(&place);
}

/* ---- a folder of data ---- */

Test(calls, that_make_a_folder_sync_the_one_that_it_is_in)
{
    struct place place;
    struct os_disk *disk;
    struct complaint complaint;
    char path[96];
    start(&place);
    (void)snprintf(path, sizeof path, "%s/data", place.path);
    calls_note();
    cr_assert_eq(os_disk_create(&disk, path, NULL, &complaint), STATUS_OK, "%s", complaint.text);
    calls.noting = false;
    static const char wanted[] =
        "make folder; open path; open ..; sync folder; lock folder; open new lock; lock file; ";
    cr_expect(begins_with(calls.text, wanted), "%s", calls.text);
    /* A failed sync is told once for each opening of a file: each lane has one of its own. */
    const char *first = strstr(calls.text, "open .; ");
    cr_expect(first != NULL && strstr(first + 1, "open .; ") != NULL, "%s", calls.text);
    os_disk_destroy(disk);
    calls_note();
    cr_assert_eq(os_disk_create(&disk, path, NULL, &complaint), STATUS_OK, "%s", complaint.text);
    calls.noting = false;
    cr_expect_null(strstr(calls.text, "sync"), "it was there: %s", calls.text);
    cr_expect_not_null(strstr(calls.text, "lock folder; open new lock; lock file; "), "%s", calls.text);
    os_disk_destroy(disk);
    finish(&place);
}

Test(calls, that_truncate_do_so_though_interrupted)
{
    struct place place;
    struct os_disk *os;
    struct complaint complaint;
    struct disk_file *file;
    uint64_t size;
    char path[96];
    start(&place);
    (void)snprintf(path, sizeof path, "%s/data", place.path);
    cr_assert_eq(os_disk_create(&os, path, NULL, &complaint), STATUS_OK, "%s", complaint.text);
    struct disk *disk = os_disk_interface(os);
    cr_assert_eq(disk->ops->open(disk, "log.1", DISK_CREATE, &file), STATUS_OK);
    cr_assert_eq(disk->ops->write(disk, file, 0, BYTES("a text")), STATUS_OK);
    calls.fail_at = 1;
    calls.fail_with = EINTR;
    calls_note();
    cr_expect_eq(disk->ops->truncate(disk, file, 2), STATUS_OK);
    cr_expect_str_eq(calls.text, "truncate 2; truncate 2; ");
    calls.noting = false;
    cr_expect(disk->ops->size(disk, file, &size) == STATUS_OK && size == 2);
    calls.fail_at = 1;
    calls.fail_with = EIO;
    calls_note();
    cr_expect_eq(disk->ops->truncate(disk, file, 1), STATUS_IO);
    calls.noting = false;
    disk->ops->close(disk, file);
    os_disk_destroy(os);
    finish(&place);
}

/* ---- the configuration ---- */

static const char replacing[] = "mode file; write 8; sync file; rename path; open path; sync folder; ";

struct replaced {
    enum status status;
    struct complaint complaint;
    char text[32];
    mode_t mode;
    bool alone; /* nothing else is in the folder */
};

static void replace(const struct place *place, unsigned fail_at, struct replaced *out)
{
    char path[96];
    struct os_settings settings;
    struct stat info;
    memset(out, 0, sizeof *out);
    (void)snprintf(path, sizeof path, "%s/geomys.conf", place->path);
    calls.noting = false;
    int fd = openat(place->folder, "geomys.conf", O_RDWR | O_CREAT | O_TRUNC, 0600);
    cr_assert(fd >= 0 && write(fd, "old", 3) == 3 && fchmod(fd, 0640) == 0);
    (void)close(fd);
    os_settings_init(&settings, path);
    calls.fail_at = fail_at;
    calls.fail_with = EIO;
    calls_note();
    out->status = settings.base.ops->replace(&settings.base, BYTES("new text"), &out->complaint);
    calls.noting = false;
    fd = openat(place->folder, "geomys.conf", O_RDONLY);
    cr_assert(fd >= 0 && fstat(fd, &info) == 0 && read(fd, out->text, sizeof out->text - 1) >= 0);
    (void)close(fd);
    out->mode = info.st_mode & 0777;
    cr_assert_eq(stat(place->path, &info), 0);
    (void)unlinkat(place->folder, "geomys.conf", 0);
    out->alone = rmdir(place->path) == 0 && mkdir(place->path, 0700) == 0;
    (void)close(place->folder);
}

/* The old text or the new one, on the disk before it has the name, and the name after it. */
Test(calls, that_replace_the_configuration_sync_it_and_its_name)
{
    for (unsigned n = 0; n <= count_calls(replacing); n++) {
        struct place place;
        struct replaced is;
        start(&place);
        replace(&place, n, &is);
        place.folder = open(place.path, O_RDONLY | O_DIRECTORY);
        const char *text = strstr(calls.text, "mode file");
        cr_assert_not_null(text, "%s", calls.text);
        if (n == 0) {
            cr_expect_str_eq(text, replacing);
        }
        cr_expect_eq(is.mode, 0640);
        cr_expect(is.alone, "fault %u: something is left behind", n);
        bool done = n == 0;
        cr_expect_eq(is.status == STATUS_OK, done, "fault %u: %s", n, calls.text);
        cr_expect_eq(is.complaint.text[0] == '\0', done);
        finish(&place);
    }
}
