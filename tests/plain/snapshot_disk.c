/* SPDX-License-Identifier: MIT */

/* snapshot_disk.c - a snapshot on a real disk, for ThreadSanitizer: blocks compressed on the lane's thread while the
 * loop adds records, and a snapshot given up in the midst of it. With arguments it measures:
 *
 *            snapshot_disk FOLDER KEYS SIZE plain|lz4|zstd
 *
 * Exit code 0: it was read back as it was written, and the one given up left nothing. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/prng.h"
#include "log/snapshot_reader.h"
#include "log/snapshot_writer.h"
#include "os/os_disk.h"

#define MIB ((size_t)1024 * 1024)

_Noreturn static void die(const char *what)
{
    (void)fprintf(stderr, "snapshot_disk: %s\n", what);
    exit(1);
}

struct counted {
    struct record_sink sink;
    uint64_t records;
    uint64_t sum; /* of the numbers in the keys */
};

static enum status on_declare(struct record_sink *sink, uint16_t type, struct gm_bytes name,
                              struct complaint *complaint)
{
    (void)sink, (void)type, (void)name, (void)complaint;
    return STATUS_OK;
}

static enum status on_accept(struct record_sink *sink, const struct record *record, struct complaint *complaint)
{
    struct counted *counted = container_of(sink, struct counted, sink);
    (void)complaint;
    uint64_t number;
    memcpy(&number, record->key.data + 8, sizeof number);
    counted->records++;
    counted->sum += number;
    return STATUS_OK;
}

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Of this thread, the loop's. */
static double cpu_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void serve(struct os_disk *os)
{
    struct pollfd poll_fd = {.fd = os_disk_event_fd(os), .events = POLLIN};
    if (poll(&poll_fd, 1, 60000) != 1) {
        die("a completion was not told");
    }
    os_disk_deliver(os);
}

static void add(struct snapshot_writer *writer, uint64_t keys, uint64_t from, size_t size)
{
    static uint8_t body[4096];
    struct prng prng;
    prng_seed(&prng, from);
    for (uint64_t number = from; number < from + 64 && number < keys; number++) {
        uint8_t key[16] = "element:";
        memcpy(key + 8, &number, 8);
        for (size_t i = 0; i < size; i++) {
            body[i] = (uint8_t)('a' + prng_below(&prng, 16));
        }
        struct record record = {.flags = RECORD_FRESH, .op = 1, .type = 1, .key = {key, 16}, .body = {body, size}};
        snapshot_writer_add(writer, &record);
    }
}

static void write_one(struct os_disk *os, const struct snapshot_writer_config *config, uint64_t keys, size_t size,
                      bool give_up)
{
    struct snapshot_cut cut = {.sequence = 7, .epoch = 1, .time_ms = 1};
    struct epochs_entry entry = {.epoch = 1, .leader = 1, .first = 1};
    struct epochs epochs = {.list = &entry, .count = 1};
    struct snapshot_writer *writer = snapshot_writer_create(config, os_disk_interface(os), &cut, &epochs);
    double start = seconds();
    double adding = 0;
    snapshot_writer_declare(writer, 1, BYTES("test.type/1"));
    for (uint64_t at = 0; at < keys; at += 64) {
        double before = cpu_seconds();
        add(writer, keys, at, size);
        adding += cpu_seconds() - before;
        while (!snapshot_writer_has_room(writer)) {
            serve(os);
        }
        if (give_up && at > keys / 2) {
            snapshot_writer_fail(writer, "enough");
            break;
        }
    }
    snapshot_writer_finish(writer);
    while (snapshot_writer_state(writer) == SNAPSHOT_WRITER_CLOSING) {
        serve(os);
    }
    if (!give_up && snapshot_writer_state(writer) != SNAPSHOT_WRITER_WRITTEN) {
        die(snapshot_writer_complaint(writer)->text);
    }
    if (!give_up) {
        snapshot_writer_publish(writer);
    }
    os_disk_interface(os)->ops->drain(os_disk_interface(os));
    struct snapshot_writer_stats stats;
    snapshot_writer_stats(writer, &stats);
    if (snapshot_writer_state(writer) != (give_up ? SNAPSHOT_WRITER_FAILED : SNAPSHOT_WRITER_PUBLISHED) ||
        stats.memory_peak > config->memory_max) {
        die("the snapshot did not come to its end");
    }
    (void)printf("written: %.3f s; %.3f s of processor to make and add; %llu bytes plain, %llu stored, %zu of memory\n",
                 seconds() - start, adding, (unsigned long long)stats.bytes_plain,
                 (unsigned long long)stats.bytes_stored, stats.memory_peak);
    snapshot_writer_destroy(writer);
}

static void read_one(struct os_disk *os, uint64_t keys)
{
    struct snapshot_reader *reader;
    struct complaint complaint;
    struct counted counted = {.sink = {.declare = on_declare, .accept = on_accept}};
    double start = seconds();
    double cpu = cpu_seconds();
    enum status status = snapshot_reader_create(&reader, os_disk_interface(os), 7, &complaint);
    while (status == STATUS_OK || status == STATUS_AGAIN) {
        status = snapshot_reader_step(reader, MIB, &counted.sink, &complaint);
        if (status == STATUS_OK) {
            break;
        }
    }
    if (status != STATUS_OK) {
        die(complaint.text);
    }
    if (counted.records != keys || counted.sum != keys * (keys - 1) / 2 || snapshot_reader_keys(reader) != keys) {
        die("what was read is not what was written");
    }
    (void)printf("read: %.3f s; %.3f s of processor\n", seconds() - start, cpu_seconds() - cpu);
    snapshot_reader_destroy(reader);
}

static void run(const char *folder, uint64_t keys, size_t size, enum snapshot_codec codec)
{
    struct complaint complaint;
    struct os_disk *os;
    struct disk_file *file;
    struct snapshot_writer_config config = {.memory_max = 8 * MIB, .codec = codec};
    if (os_disk_create(&os, folder, NULL, &complaint) != STATUS_OK) {
        die(complaint.text);
    }
    struct disk *disk = os_disk_interface(os);
    write_one(os, &config, keys, size, true);
    if (disk->ops->open(disk, SNAPSHOT_TEMPORARY, DISK_READ, &file) != STATUS_NOT_FOUND) {
        die("the snapshot that was given up is still there");
    }
    write_one(os, &config, keys, size, false);
    read_one(os, keys);
    char name[DISK_NAME_MAX];
    snapshot_name(7, name);
    if (disk->ops->remove(disk, name) != STATUS_OK) {
        die("the snapshot cannot be removed");
    }
    os_disk_destroy(os);
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"plain", "lz4", "zstd"};
    char folder[] = "/tmp/geomys-snapshot-XXXXXX";
    bool measures = argc == 5;
    if (!measures && mkdtemp(folder) == NULL) {
        die("there is no folder");
    }
    for (int codec = SNAPSHOT_PLAIN; codec <= SNAPSHOT_ZSTD; codec++) {
        if (!measures || strcmp(argv[4], names[codec]) == 0) {
            (void)printf("%s\n", names[codec]);
            run(measures ? argv[1] : folder, measures ? strtoull(argv[2], NULL, 10) : 40000,
                measures ? (size_t)strtoull(argv[3], NULL, 10) % 4096 : 300, (enum snapshot_codec)codec);
        }
    }
    if (!measures) {
        char lock[sizeof folder + 8];
        (void)snprintf(lock, sizeof lock, "%s/lock", folder);
        (void)unlink(lock);
        (void)rmdir(folder);
    }
    (void)printf("snapshot_disk: fine\n");
    return 0;
}
