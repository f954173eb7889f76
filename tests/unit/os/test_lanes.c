/* SPDX-License-Identifier: MIT */

/* The lanes of a real folder: each keeps its order, none waits for another, and a request is prepared by the
 * thread that carries it out. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/os_disk.h"

#define REQUESTS 40

struct place {
    char folder[64];
    struct os_disk *os;
    struct disk *disk;
};

static void make(struct place *place)
{
    struct complaint complaint;
    (void)snprintf(place->folder, sizeof place->folder, "/tmp/geomys-lanes-XXXXXX");
    cr_assert_neq(mkdtemp(place->folder), NULL);
    cr_assert_eq(os_disk_create(&place->os, place->folder, NULL, &complaint), STATUS_OK, "%s", complaint.text);
    place->disk = os_disk_interface(place->os);
}

static void clear(struct place *place)
{
    os_disk_destroy(place->os);
    DIR *folder = opendir(place->folder);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        (void)unlinkat(dirfd(folder), entry->d_name, 0);
    }
    (void)closedir(folder);
    (void)rmdir(place->folder);
}

struct job {
    struct disk_request request;
    unsigned number;
    unsigned *finished; /* of its lane */
    unsigned prepared;
    pthread_t preparer;
    bool deaf; /* the preparer takes none of the signals that end a server */
    bool done;
    pthread_mutex_t *gate; /* NULL, or what its preparation waits for */
    char text[32];
};

static void on_done(struct disk_request *request)
{
    struct job *job = container_of(request, struct job, request);
    job->done = true;
    if (job->finished != NULL) {
        cr_assert_eq(*job->finished, job->number, "a lane keeps its order");
        (*job->finished)++;
    }
}

/* The last word on what is written, and where. */
static void on_prepare(struct disk_request *request)
{
    struct job *job = container_of(request, struct job, request);
    if (job->gate != NULL) {
        (void)pthread_mutex_lock(job->gate);
        (void)pthread_mutex_unlock(job->gate);
    }
    job->prepared++;
    job->preparer = pthread_self();
    sigset_t blocked;
    (void)pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    job->deaf =
        sigismember(&blocked, SIGTERM) == 1 && sigismember(&blocked, SIGINT) == 1 && sigismember(&blocked, SIGHUP) == 1;
    (void)snprintf(job->text, sizeof job->text, "%08u", job->number);
    request->source = gm_bytes_of(job->text);
    request->offset = (uint64_t)job->number * 8;
}

static void wait_for(struct place *place, const bool *done)
{
    while (!*done) {
        struct pollfd poll_fd = {.fd = os_disk_event_fd(place->os), .events = POLLIN};
        cr_assert_eq(poll(&poll_fd, 1, 10000), 1, "nothing came");
        os_disk_deliver(place->os);
    }
}

static struct disk_file *create(struct place *place, const char *name)
{
    struct disk_file *file;
    cr_assert_eq(place->disk->ops->open(place->disk, name, DISK_CREATE, &file), STATUS_OK);
    return file;
}

static struct job write_job(struct disk_file *file, enum disk_lane lane, unsigned number)
{
    return (struct job){.number = number,
                        .request = {.lane = lane,
                                    .action = DISK_ACTION_WRITE,
                                    .file = file,
                                    .sync = number % 8 == 7,
                                    .prepare = on_prepare,
                                    .on_done = on_done}};
}

static struct job read_job(const char *name, uint8_t *into, size_t size)
{
    struct job job = {
        .request = {
            .action = DISK_ACTION_READ, .lane = DISK_LANE_READ, .into = into, .size = size, .on_done = on_done}};
    (void)snprintf(job.request.name, DISK_NAME_MAX, "%s", name);
    return job;
}

static void wait_for_gate(struct disk_request *request)
{
    struct job *job = container_of(request, struct job, request);
    (void)pthread_mutex_lock(job->gate);
    (void)pthread_mutex_unlock(job->gate);
}

Test(lanes, a_slow_read_delays_neither_the_log_nor_a_removal)
{
    struct place place;
    make(&place);
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    struct disk_file *log = create(&place, "log");
    place.disk->ops->close(place.disk, create(&place, "old"));
    uint8_t back[16];
    struct job slow = read_job("log", back, sizeof back);
    slow.gate = &gate;
    slow.request.prepare = wait_for_gate;
    (void)pthread_mutex_lock(&gate);
    place.disk->ops->submit(place.disk, &slow.request);
    struct job quick = write_job(log, DISK_LANE_LOG, 0);
    place.disk->ops->submit(place.disk, &quick.request);
    wait_for(&place, &quick.done);
    struct job removal = {.request = {.action = DISK_ACTION_REMOVE, .lane = DISK_LANE_BULK, .name = "old"}};
    removal.request.on_done = on_done;
    place.disk->ops->submit(place.disk, &removal.request);
    wait_for(&place, &removal.done);
    cr_assert(quick.request.status == STATUS_OK && removal.request.status == STATUS_OK && !slow.done);
    (void)pthread_mutex_unlock(&gate);
    wait_for(&place, &slow.done);
    cr_assert(slow.request.status == STATUS_OK && slow.request.got == 8 && slow.request.file_size == 8);
    cr_assert_arr_eq(back, "00000000", 8, "what was written before it was carried out");
    place.disk->ops->close(place.disk, slow.request.file);
    place.disk->ops->close(place.disk, log);
    clear(&place);
}

Test(lanes, read_a_file_by_name_and_then_by_what_was_opened)
{
    struct place place;
    make(&place);
    struct disk_file *file = create(&place, "file");
    cr_assert_eq(place.disk->ops->write(place.disk, file, 0, BYTES("0123456789")), STATUS_OK);
    uint8_t back[8];
    struct job job = read_job("none", back, 8);
    place.disk->ops->submit(place.disk, &job.request);
    wait_for(&place, &job.done);
    cr_assert(job.request.status == STATUS_NOT_FOUND && job.request.file == NULL);
    job = read_job("file", NULL, 0);
    place.disk->ops->submit(place.disk, &job.request);
    wait_for(&place, &job.done);
    cr_assert(job.request.status == STATUS_OK && job.request.file_size == 10 && job.request.file != NULL);
    job.done = false;
    job.request.into = back;
    job.request.size = 8;
    job.request.offset = 6;
    place.disk->ops->submit(place.disk, &job.request);
    wait_for(&place, &job.done);
    cr_assert(job.request.status == STATUS_OK && job.request.got == 4);
    cr_assert_arr_eq(back, "6789", 4);
    place.disk->ops->close(place.disk, job.request.file);
    place.disk->ops->close(place.disk, file);
    clear(&place);
}

Test(lanes, write_more_sources_than_a_system_call_takes)
{
    struct place place;
    make(&place);
    static uint8_t bytes[100];
    static uint8_t back[128];
    static struct gm_bytes sources[100];
    for (size_t i = 0; i < 100; i++) {
        bytes[i] = (uint8_t)i;
        sources[i] = (struct gm_bytes){bytes + i, i % 3 != 1}; /* some are empty */
    }
    struct job job = {.request = {.lane = DISK_LANE_LOG,
                                  .action = DISK_ACTION_WRITE,
                                  .file = create(&place, "log"),
                                  .head = BYTES("h"),
                                  .source = BYTES("s"),
                                  .sources = sources,
                                  .source_count = 100,
                                  .zeros = 3,
                                  .on_done = on_done}};
    place.disk->ops->submit(place.disk, &job.request);
    wait_for(&place, &job.done);
    size_t got;
    cr_assert_eq(place.disk->ops->read(place.disk, job.request.file, 0, back, sizeof back, &got), STATUS_OK);
    cr_assert_eq(got, 2 + 67 + 3);
    cr_assert(back[0] == 'h' && back[1] == 's' && back[got - 1] == 0);
    size_t at = 2;
    for (size_t i = 0; i < 100; i++) {
        cr_assert(sources[i].size == 0 || back[at++] == i);
    }
    place.disk->ops->close(place.disk, job.request.file);
    clear(&place);
}

Test(lanes, a_stuck_bulk_lane_does_not_delay_the_log_and_drain_waits_for_both)
{
    struct place place;
    make(&place);
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    struct disk_file *log = create(&place, "log");
    struct disk_file *bulk = create(&place, "bulk");
    struct job stuck = write_job(bulk, DISK_LANE_BULK, 0);
    struct job behind = write_job(bulk, DISK_LANE_BULK, 1);
    stuck.gate = &gate;
    (void)pthread_mutex_lock(&gate);
    place.disk->ops->submit(place.disk, &stuck.request);
    place.disk->ops->submit(place.disk, &behind.request);
    for (unsigned i = 0; i < REQUESTS; i++) {
        struct job quick = write_job(log, DISK_LANE_LOG, i);
        place.disk->ops->submit(place.disk, &quick.request);
        wait_for(&place, &quick.done);
        cr_assert(quick.request.status == STATUS_OK && quick.prepared == 1);
    }
    /* disk D1; os_lanes P1, P2 */
    cr_assert(!stuck.done && !behind.done, "one lane is still stuck, and its second request waits");
    (void)pthread_mutex_unlock(&gate);
    place.disk->ops->drain(place.disk);
    cr_assert(stuck.done && behind.done);
    cr_assert_eq(behind.prepared, 1);
    place.disk->ops->close(place.disk, log);
    place.disk->ops->close(place.disk, bulk);
    clear(&place);
}

Test(lanes, keep_their_order_and_prepare_on_a_thread_of_their_own)
{
    struct place place;
    make(&place);
    struct disk_file *files[DISK_LANES] = {create(&place, "log"), create(&place, "bulk"), create(&place, "read")};
    static struct job jobs[DISK_LANES][REQUESTS];
    unsigned finished[DISK_LANES] = {0};
    for (unsigned i = 0; i < REQUESTS; i++) {
        for (unsigned lane = 0; lane < DISK_LANES; lane++) {
            jobs[lane][i] = write_job(files[lane], (enum disk_lane)lane, i);
            jobs[lane][i].finished = &finished[lane];
            place.disk->ops->submit(place.disk, &jobs[lane][i].request);
        }
    }
    for (unsigned lane = 0; lane < DISK_LANES; lane++) {
        wait_for(&place, &jobs[lane][REQUESTS - 1].done);
    }
    for (unsigned lane = 0; lane < DISK_LANES; lane++) {
        for (unsigned i = 0; i < REQUESTS; i++) {
            const struct job *job = &jobs[lane][i];
            uint8_t back[8];
            size_t got;
            cr_assert_eq(finished[lane], REQUESTS);
            cr_assert(job->request.status == STATUS_OK && job->prepared == 1);
            cr_assert(pthread_equal(job->preparer, jobs[lane][0].preparer));
            cr_assert(!pthread_equal(job->preparer, pthread_self()));
            cr_assert(job->deaf, "signals are the first thread's: it has one descriptor for them");
            cr_assert_eq(place.disk->ops->read(place.disk, files[lane], 8 * i, back, 8, &got), STATUS_OK);
            cr_assert(got == 8 && memcmp(back, job->text, 8) == 0, "what was prepared is what was written");
        }
        place.disk->ops->close(place.disk, files[lane]);
    }
    cr_assert(!pthread_equal(jobs[DISK_LANE_LOG][0].preparer, jobs[DISK_LANE_BULK][0].preparer));
    clear(&place);
}

static enum status name_request(struct place *place, enum disk_action action, const char *name, const char *target)
{
    struct job job = {.request = {.action = action, .lane = DISK_LANE_BULK, .on_done = on_done}};
    (void)snprintf(job.request.name, DISK_NAME_MAX, "%s", name);
    (void)snprintf(job.request.target, DISK_NAME_MAX, "%s", target);
    place->disk->ops->submit(place->disk, &job.request);
    wait_for(place, &job.done);
    cr_assert(!job.request.sync_failed);
    return job.request.status;
}

Test(lanes, rename_and_remove_files)
{
    struct place place;
    make(&place);
    struct disk_file *file = create(&place, "a");
    cr_assert_eq(place.disk->ops->write(place.disk, file, 0, BYTES("new")), STATUS_OK);
    place.disk->ops->close(place.disk, file);
    place.disk->ops->close(place.disk, create(&place, "b"));
    cr_assert_eq(name_request(&place, DISK_ACTION_RENAME, "a", "b"), STATUS_OK, "the target is replaced");
    uint64_t size;
    cr_assert_eq(place.disk->ops->open(place.disk, "b", DISK_READ, &file), STATUS_OK);
    cr_assert(place.disk->ops->size(place.disk, file, &size) == STATUS_OK && size == 3);
    place.disk->ops->close(place.disk, file);
    cr_assert_eq(name_request(&place, DISK_ACTION_RENAME, "a", "b"), STATUS_NOT_FOUND);
    cr_assert_eq(name_request(&place, DISK_ACTION_REMOVE, "b", ""), STATUS_OK);
    cr_assert_eq(name_request(&place, DISK_ACTION_REMOVE, "b", ""), STATUS_NOT_FOUND);
    cr_assert_eq(place.disk->ops->open(place.disk, "b", DISK_READ, &file), STATUS_NOT_FOUND);
    clear(&place);
}

Test(lanes, finish_what_was_submitted_when_the_disk_is_destroyed)
{
    struct place place;
    make(&place);
    static struct job jobs[DISK_LANES * 8];
    for (unsigned i = 0; i < DISK_LANES * 8; i++) {
        jobs[i].request = (struct disk_request){
            .action = DISK_ACTION_CREATE, .lane = (enum disk_lane)(i % DISK_LANES), .on_done = on_done};
        (void)snprintf(jobs[i].request.name, DISK_NAME_MAX, "file-%u", i);
        place.disk->ops->submit(place.disk, &jobs[i].request);
    }
    os_disk_destroy(place.os);
    for (unsigned i = 0; i < DISK_LANES * 8; i++) {
        cr_assert(!jobs[i].done && jobs[i].request.status == STATUS_OK && jobs[i].request.file != NULL);
    }
    struct complaint complaint;
    cr_assert_eq(os_disk_create(&place.os, place.folder, NULL, &complaint), STATUS_OK);
    for (unsigned i = 0; i < DISK_LANES * 8; i++) {
        os_disk_interface(place.os)->ops->close(os_disk_interface(place.os), jobs[i].request.file);
    }
    clear(&place);
}
