/* SPDX-License-Identifier: MIT */

/* disk_lanes.c - the lanes of a real folder under load, for ThreadSanitizer: requests that submit the next one from
 * their on_done, on all lanes at once, prepared on the lanes' threads, delivered by the loop.
 *
 * Idea     Each lane has a file and a few chains of requests. A request's preparation numbers what it writes, without
 *          any lock: preparations of a lane come one after the other, each after the write before it, and everything
 *          that on_done reads was left there by the thread. In the end all files hold the numbers in order.
 *          On the lane that is for reading each write is followed by a READ that finds it.
 *
 * Exit code 0 if so. */
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/codec.h"
#include "os/os_disk.h"

#define CHAINS 4
#define STEPS  400 /* per chain */

struct lane {
    struct disk_file *file;
    uint64_t prepared; /* the lane's thread's */
    uint64_t done;     /* the loop's */
};

struct chain {
    struct disk_request request;
    struct disk *disk;
    struct lane *lane;
    uint8_t number[8];
    uint8_t back[8]; /* what a READ has found */
    unsigned steps;
};

_Noreturn static void die(const char *what)
{
    (void)fprintf(stderr, "disk_lanes: %s\n", what);
    exit(1);
}

static void on_done(struct disk_request *request);

static void on_prepare(struct disk_request *request)
{
    struct chain *chain = container_of(request, struct chain, request);
    codec_put_u64(chain->number, chain->lane->prepared);
    request->offset = 8 * chain->lane->prepared++;
    request->source = (struct gm_bytes){chain->number, sizeof chain->number};
}

static void next_step(struct chain *chain)
{
    if (++chain->steps < STEPS) {
        chain->request.sync = chain->steps % 50 == 0;
        chain->disk->ops->submit(chain->disk, &chain->request);
    }
}

static void on_read(struct disk_request *request)
{
    struct chain *chain = container_of(request, struct chain, request);
    if (request->status != STATUS_OK || request->got != 8 || memcmp(chain->back, chain->number, 8) != 0) {
        die("what was written is not what is read");
    }
    request->action = DISK_ACTION_WRITE;
    request->prepare = on_prepare;
    request->on_done = on_done;
    next_step(chain);
}

static void read_back(struct chain *chain)
{
    struct disk_request *request = &chain->request;
    request->action = DISK_ACTION_READ;
    request->prepare = NULL;
    request->on_done = on_read;
    request->into = chain->back;
    request->size = sizeof chain->back;
    chain->disk->ops->submit(chain->disk, request);
}

static void on_done(struct disk_request *request)
{
    struct chain *chain = container_of(request, struct chain, request);
    if (request->status != STATUS_OK || codec_u64(chain->number) != chain->lane->done) {
        die("a request failed, or came out of order");
    }
    chain->lane->done++;
    if (request->lane == DISK_LANE_READ) {
        read_back(chain);
    } else {
        next_step(chain);
    }
}

static void chain_start(struct chain *chain, struct disk *disk, struct lane *lane, enum disk_lane number)
{
    *chain = (struct chain){.request = {.action = DISK_ACTION_WRITE,
                                        .lane = number,
                                        .file = lane->file,
                                        .prepare = on_prepare,
                                        .on_done = on_done},
                            .disk = disk,
                            .lane = lane};
    disk->ops->submit(disk, &chain->request);
}

static void expect_contents(struct disk *disk, struct lane *lane)
{
    for (uint64_t i = 0; i < (uint64_t)CHAINS * STEPS; i++) {
        uint8_t number[8];
        size_t got;
        if (disk->ops->read(disk, lane->file, 8 * i, number, 8, &got) != STATUS_OK || got != 8 ||
            codec_u64(number) != i) {
            die("the file is not what was written");
        }
    }
}

static void run(struct os_disk *os, bool by_drain)
{
    static const char *const names[DISK_LANES] = {"log", "bulk", "read"};
    struct disk *disk = os_disk_interface(os);
    struct lane lanes[DISK_LANES] = {0};
    struct chain chains[DISK_LANES][CHAINS];
    for (size_t i = 0; i < DISK_LANES; i++) {
        if (disk->ops->open(disk, names[i], DISK_CREATE, &lanes[i].file) != STATUS_OK) {
            die("a file cannot be created");
        }
        for (size_t k = 0; k < CHAINS; k++) {
            chain_start(&chains[i][k], disk, &lanes[i], (enum disk_lane)i);
        }
    }
    while (!by_drain && lanes[0].done + lanes[1].done + lanes[2].done < (uint64_t)DISK_LANES * CHAINS * STEPS) {
        struct pollfd poll_fd = {.fd = os_disk_event_fd(os), .events = POLLIN};
        if (poll(&poll_fd, 1, 60000) != 1) {
            die("a completion was not told");
        }
        os_disk_deliver(os);
    }
    disk->ops->drain(disk);
    for (size_t i = 0; i < DISK_LANES; i++) {
        expect_contents(disk, &lanes[i]);
        disk->ops->close(disk, lanes[i].file);
        if (disk->ops->remove(disk, names[i]) != STATUS_OK) {
            die("a file cannot be removed");
        }
    }
}

int main(void)
{
    char folder[] = "/tmp/geomys-lanes-XXXXXX";
    struct complaint complaint;
    struct os_disk *os;
    if (mkdtemp(folder) == NULL || os_disk_create(&os, folder, NULL, &complaint) != STATUS_OK) {
        die("there is no folder");
    }
    run(os, false);
    run(os, true);
    os_disk_destroy(os);
    char lock[sizeof folder + 8];
    (void)snprintf(lock, sizeof lock, "%s/lock", folder);
    (void)unlink(lock);
    (void)rmdir(folder);
    (void)printf("disk_lanes: fine\n");
    return 0;
}
