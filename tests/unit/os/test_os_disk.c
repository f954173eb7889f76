/* SPDX-License-Identifier: MIT */

/* The real disk, in a folder of its own: the same log over it, its lock, and its thread. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "log/replay.h"
#include "log/wal.h"
#include "os/os_disk.h"

struct place {
    char parent[64];
    char folder[80];
};

static void make(struct place *place)
{
    (void)snprintf(place->parent, sizeof place->parent, "/tmp/geomys-disk-XXXXXX");
    cr_assert_neq(mkdtemp(place->parent), NULL);
    (void)snprintf(place->folder, sizeof place->folder, "%s/data", place->parent);
}

static void clear(struct place *place)
{
    DIR *folder = opendir(place->folder);
    for (struct dirent *entry = folder != NULL ? readdir(folder) : NULL; entry != NULL; entry = readdir(folder)) {
        (void)unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    (void)rmdir(place->folder);
    (void)rmdir(place->parent);
}

static struct os_disk *open_disk(struct place *place)
{
    struct os_disk *os;
    struct complaint complaint;
    cr_assert_eq(os_disk_create(&os, place->folder, NULL, &complaint), STATUS_OK, "%s", complaint.text);
    return os;
}

Test(os_disk, makes_its_folder_for_the_owner_alone_and_lets_nobody_else_in)
{
    struct place place;
    struct stat info;
    struct complaint complaint;
    struct os_disk *second;
    make(&place);
    struct os_disk *os = open_disk(&place);
    cr_assert(stat(place.folder, &info) == 0 && (info.st_mode & 0777) == 0700);
    cr_assert_eq(os_disk_create(&second, place.folder, NULL, &complaint), STATUS_REFUSED); /* os_disk P2 */
    char pid[32];
    (void)snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    cr_assert(strstr(complaint.text, place.folder) != NULL && strstr(complaint.text, pid) != NULL, "%s",
              complaint.text);
    os_disk_destroy(os);
    os = open_disk(&place);
    os_disk_destroy(os);
    char deep[sizeof place.folder + 16];
    (void)snprintf(deep, sizeof deep, "%s/missing/folder", place.folder);
    cr_assert_eq(os_disk_create(&second, deep, NULL, &complaint), STATUS_NOT_FOUND);
    clear(&place);
}

static bool count_names(void *context, const char *name)
{
    unsigned *count = context;
    (*count)++;
    cr_assert_str_eq(name, "b.log");
    return true;
}

Test(os_disk, reads_writes_renames_and_lists_what_is_its_own)
{
    struct place place;
    make(&place);
    struct os_disk *os = open_disk(&place);
    struct disk *disk = os_disk_interface(os);
    struct disk_file *file;
    uint8_t back[16];
    size_t got;
    uint64_t size;
    unsigned count = 0;
    cr_assert_eq(disk->ops->open(disk, "a.log", DISK_READ, &file), STATUS_NOT_FOUND);
    cr_assert_eq(disk->ops->open(disk, "a.log", DISK_CREATE, &file), STATUS_OK);
    cr_assert_eq(disk->ops->write(disk, file, 3, BYTES("abcdef")), STATUS_OK);
    cr_assert_eq(disk->ops->sync(disk, file), STATUS_OK);
    cr_assert(disk->ops->read(disk, file, 0, back, sizeof back, &got) == STATUS_OK && got == 9);
    cr_assert(memcmp(back, "\0\0\0abcdef", 9) == 0);
    cr_assert_eq(disk->ops->truncate(disk, file, 5), STATUS_OK);
    cr_assert(disk->ops->size(disk, file, &size) == STATUS_OK && size == 5);
    disk->ops->close(disk, file);
    cr_assert_eq(disk->ops->open(disk, "a.log", DISK_CREATE, &file), STATUS_EXISTS);
    cr_assert_eq(disk->ops->rename(disk, "a.log", "b.log"), STATUS_OK);
    cr_assert_eq(disk->ops->sync_names(disk), STATUS_OK);
    cr_assert_eq(disk->ops->list(disk, count_names, &count), STATUS_OK);
    cr_assert_eq(count, 1, "neither the lock nor dots");
    os_disk_destroy(os);

    /* Inspection: everything can be read, nothing changed, even while a server runs. */
    struct os_disk *looking;
    struct complaint complaint;
    os = open_disk(&place);
    cr_assert_eq(os_disk_inspect(&looking, place.folder, &complaint), STATUS_OK);
    disk = os_disk_interface(looking);
    cr_assert_eq(disk->ops->open(disk, "b.log", DISK_WRITE, &file), STATUS_REFUSED);
    cr_assert_eq(disk->ops->open(disk, "c.log", DISK_CREATE, &file), STATUS_REFUSED);
    cr_assert_eq(disk->ops->remove(disk, "b.log"), STATUS_REFUSED); /* os_disk P3 */
    cr_assert_eq(disk->ops->open(disk, "b.log", DISK_READ, &file), STATUS_OK);
    disk->ops->close(disk, file);
    os_disk_destroy(looking);
    disk = os_disk_interface(os);
    cr_assert_eq(disk->ops->remove(disk, "b.log"), STATUS_OK);
    os_disk_destroy(os);
    clear(&place);
}

static void path_in(const struct place *place, const char *name, char *out, size_t room)
{
    (void)snprintf(out, room, "%s/%s", place->folder, name);
}

Test(os_disk, lets_nobody_in_when_its_lock_is_taken_away_or_it_is_renamed)
{
    struct place place;
    struct os_disk *second;
    struct complaint complaint;
    char path[128];
    make(&place);
    struct os_disk *os = open_disk(&place);
    path_in(&place, "lock", path, sizeof path);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(os_disk_create(&second, place.folder, NULL, &complaint), STATUS_REFUSED); /* os_disk P2 */
    cr_assert(strstr(complaint.text, "in use by another server") != NULL, "%s", complaint.text);
    cr_assert_neq(access(path, F_OK), 0, "who is refused makes no file");
    (void)snprintf(path, sizeof path, "%s/moved", place.parent);
    cr_assert_eq(rename(place.folder, path), 0);
    cr_assert_eq(os_disk_create(&second, path, NULL, &complaint), STATUS_REFUSED);
    cr_assert_eq(rename(path, place.folder), 0);
    os_disk_destroy(os);
    os_disk_destroy(open_disk(&place));
    clear(&place);
}

Test(os_disk, waits_for_a_server_that_says_that_it_is_ending, .timeout = 60)
{
    struct place place;
    int ready[2];
    char byte;
    make(&place);
    cr_assert_eq(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct os_disk *os = open_disk(&place);
        os_disk_is_ending(os);
        (void)!write(ready[1], "x", 1);
        (void)poll(NULL, 0, 300);
        _exit(0); /* without a word more, as a process that gives its memory back */
    }
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    struct os_disk *os = open_disk(&place); /* os_disk P4 */
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    os_disk_destroy(os);
    close(ready[0]);
    close(ready[1]);
    clear(&place);
}

Test(os_disk, writes_to_nothing_behind_a_link)
{
    struct place place;
    struct os_disk *os;
    struct complaint complaint;
    struct stat info;
    char lock[128];
    char other[128];
    make(&place);
    os_disk_destroy(open_disk(&place));
    path_in(&place, "lock", lock, sizeof lock);
    path_in(&place, "other", other, sizeof other);
    int fd = open(other, O_CREAT | O_WRONLY, 0600);
    cr_assert_eq(write(fd, "precious", 8), 8);
    close(fd);
    cr_assert_eq(unlink(lock), 0);
    cr_assert_eq(symlink(other, lock), 0);
    cr_assert_neq(os_disk_create(&os, place.folder, NULL, &complaint), STATUS_OK); /* os_disk P5 */
    cr_assert(strstr(complaint.text, "lock is not a file of its own") != NULL, "%s", complaint.text);
    cr_assert(stat(other, &info) == 0 && info.st_size == 8);
    cr_assert_eq(unlink(lock), 0);
    cr_assert_eq(link(other, lock), 0);
    os_disk_destroy(open_disk(&place));
    cr_assert(stat(other, &info) == 0 && info.st_size == 8, "nor behind a second name");
    cr_assert_eq(unlink(lock), 0);
    cr_assert_eq(mkfifo(lock, 0600), 0);
    cr_assert_neq(os_disk_create(&os, place.folder, NULL, &complaint), STATUS_OK);
    clear(&place);
}

Test(os_disk, that_everybody_may_write_to_is_refused_with_the_command_that_mends_it)
{
    struct place place;
    struct os_disk *os;
    struct complaint complaint;
    char command[160];
    make(&place);
    os_disk_destroy(open_disk(&place));
    cr_assert_eq(chmod(place.folder, 0702), 0);
    cr_assert_eq(os_disk_create(&os, place.folder, NULL, &complaint), STATUS_REFUSED);
    (void)snprintf(command, sizeof command, "chmod o-w %s", place.folder);
    cr_assert(strstr(complaint.text, command) != NULL, "%s", complaint.text);
    cr_assert_eq(chmod(place.folder, 0770), 0);
    os_disk_destroy(open_disk(&place));
    clear(&place);
}

Test(os_disk, opens_nothing_but_regular_files_and_keeps_nobody_waiting, .timeout = 20)
{
    struct place place;
    char path[128];
    struct disk_file *file;
    make(&place);
    struct os_disk *os = open_disk(&place);
    struct disk *disk = os_disk_interface(os);
    path_in(&place, "a.log", path, sizeof path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_assert_eq(disk->ops->open(disk, "a.log", DISK_READ, &file), STATUS_NO_FILE); /* os_file P4 */
    cr_assert_eq(disk->ops->open(disk, "a.log", DISK_WRITE, &file), STATUS_NO_FILE);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_assert_eq(disk->ops->open(disk, "a.log", DISK_READ, &file), STATUS_NO_FILE);
    cr_assert_eq(disk->ops->open(disk, "a.log", DISK_WRITE, &file), STATUS_NO_FILE);
    cr_assert_eq(rmdir(path), 0);
    cr_assert_eq(symlink("b.log", path), 0);
    cr_assert_eq(disk->ops->open(disk, "b.log", DISK_CREATE, &file), STATUS_OK);
    disk->ops->close(disk, file);
    cr_assert_eq(disk->ops->open(disk, "a.log", DISK_WRITE, &file), STATUS_NO_FILE, "a link is not written through");
    cr_assert_eq(disk->ops->open(disk, "a.log", DISK_READ, &file), STATUS_OK);
    disk->ops->close(disk, file);
    cr_assert_eq(disk->ops->open(disk, "a.log", DISK_CREATE, &file), STATUS_EXISTS);
    os_disk_destroy(os);
    clear(&place);
}

struct order {
    struct disk_request requests[64];
    unsigned done;
    bool wrong;
};

static struct order *order_of(struct disk_request *request, unsigned *index)
{
    /* The offset is the index. */
    *index = (unsigned)request->offset;
    return container_of(request - *index, struct order, requests);
}

static void on_ordered(struct disk_request *request)
{
    unsigned index;
    struct order *order = order_of(request, &index);
    order->wrong = order->wrong || index != order->done || request->status != STATUS_OK;
    order->done++;
}

Test(os_disk, carries_out_requests_in_order_and_tells_by_its_event_fd)
{
    struct place place;
    make(&place);
    struct os_disk *os = open_disk(&place);
    struct disk *disk = os_disk_interface(os);
    struct disk_file *file;
    struct order *order = memory_zeroed(sizeof *order);
    cr_assert_eq(disk->ops->open(disk, "a", DISK_CREATE, &file), STATUS_OK);
    for (unsigned round = 0; round < 20; round++) {
        order->done = 0;
        for (unsigned i = 0; i < 64; i++) {
            order->requests[i] = (struct disk_request){.action = DISK_ACTION_WRITE,
                                                       .sync = i % 16 == 15,
                                                       .file = file,
                                                       .offset = i,
                                                       .head = BYTES("h"),
                                                       .source = BYTES("s"),
                                                       .zeros = i % 8 == 0 ? 3000000 : 1,
                                                       .on_done = on_ordered};
            disk->ops->submit(disk, &order->requests[i]);
            if (i % 5 == 0) {
                os_disk_deliver(os);
            }
        }
        if (round % 4 == 3) {
            disk->ops->drain(disk);
        }
        while (order->done < 64) {
            struct pollfd poll_fd = {.fd = os_disk_event_fd(os), .events = POLLIN};
            cr_assert_eq(poll(&poll_fd, 1, 10000), 1);
            os_disk_deliver(os);
        }
        struct pollfd quiet = {.fd = os_disk_event_fd(os), .events = POLLIN};
        cr_assert_eq(poll(&quiet, 1, 0), 0, "nothing is left to tell");
        cr_assert(!order->wrong); /* disk D1 */
    }
    uint8_t back[70];
    size_t got;
    uint64_t size;
    cr_assert(disk->ops->read(disk, file, 0, back, sizeof back, &got) == STATUS_OK && got == sizeof back);
    cr_assert(back[0] == 'h' && back[62] == 'h' && back[63] == 'h' && back[64] == 's' && back[65] == 0);
    cr_assert(disk->ops->size(disk, file, &size) == STATUS_OK && size == 56 + 2 + 3000000);
    disk->ops->close(disk, file);
    memory_free(order);
    os_disk_destroy(os);
    clear(&place);
}

static enum status declare_any(struct record_sink *sink, uint16_t type, struct gm_bytes name,
                               struct complaint *complaint)
{
    (void)sink, (void)type, (void)name, (void)complaint;
    return STATUS_OK;
}

static enum status accept_any(struct record_sink *sink, const struct record *record, struct complaint *complaint)
{
    (void)sink, (void)record, (void)complaint;
    return STATUS_OK;
}

static void on_failed(void *context, const struct complaint *complaint)
{
    (void)context;
    cr_assert_fail("%s", complaint->text);
}

/* os_disk P1 */
Test(os_disk, carries_a_log_over_several_lives)
{
    struct place place;
    make(&place);
    for (uint64_t life = 0; life < 4; life++) {
        struct complaint complaint;
        struct os_disk *os = open_disk(&place);
        struct record_sink sink = {.declare = declare_any, .accept = accept_any};
        struct replay *replay;
        struct replay_end end;
        enum status status = replay_create(&replay, os_disk_interface(os), true, 0, &complaint);
        cr_assert_eq(status, STATUS_OK, "%s", complaint.text);
        while ((status = replay_step(replay, 65536, &sink, &complaint)) == STATUS_AGAIN) {
        }
        cr_assert_eq(status, STATUS_OK, "%s", complaint.text);
        replay_end(replay, &end);
        cr_assert_eq(end.last_sequence, life * 2001);
        struct tail tail;
        struct wal *wal;
        tail_init(&tail, end.last_sequence, end.last_epoch);
        tail_set_epochs(&tail, replay_epochs(replay));
        tail_lead(&tail, end.last_epoch + 1, &(struct record_epoch){.leader = 1});
        replay_destroy(replay);
        struct wal_config config = {life % 2 == 0 ? WAL_WRITE_THROUGH : WAL_BUFFERED, 65536, 5, 1};
        struct wal_events events = {.on_failed = on_failed};
        status = wal_create(&wal, &config, os_disk_interface(os), &tail, &end, &events, &complaint);
        cr_assert_eq(status, STATUS_OK, "%s", complaint.text);
        for (int i = 0; i < 2000; i++) {
            struct record record = {.op = RECORD_OP_DELETE, .flags = RECORD_REMOVES, .key = BYTES("key")};
            tail_begin(&tail);
            tail_add(&tail, &record);
            tail_end(&tail);
            wal_turn(wal, i);
            os_disk_deliver(os);
        }
        cr_assert_eq(wal_close(wal, &complaint), STATUS_OK, "%s", complaint.text);
        cr_assert_eq(wal_synced(wal), (life + 1) * 2001);
        wal_destroy(wal);
        tail_finish(&tail);
        os_disk_destroy(os);
    }
    clear(&place);
}
