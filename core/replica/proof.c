/* SPDX-License-Identifier: MIT */

/* proof.c - reading a snapshot for nothing but to know that it can be read.
 *
 * Why      Two generations are kept since one file may rot. Where there is no room for two, the older one may go only
 *          when it is known that the newer one is good.
 *
 * Idea     The reader of recovery runs over the file, block by block and record by record, into a sink that keeps
 *          nothing. It runs where a request is prepared, on the thread of a lane, so no command waits for it.
 *
 * Limits   What a cache of the system still has is read from there: it is the file that is proved, not the platter. */
#include "replica/proof.h"

#include "log/snapshot_reader.h"

#define STEP ((size_t)16 * 1024 * 1024) /* bytes */

static enum status take_type(struct record_sink *sink, uint16_t type, struct gm_bytes name, struct complaint *complaint)
{
    (void)sink, (void)type, (void)name, (void)complaint;
    return STATUS_OK;
}

static enum status take_record(struct record_sink *sink, const struct record *record, struct complaint *complaint)
{
    (void)sink, (void)record, (void)complaint;
    return STATUS_OK;
}

/* On the lane's thread: the proof is nobody else's until on_done. */
static void read_it(struct disk_request *request)
{
    struct proof *proof = container_of(request, struct proof, request);
    struct record_sink sink = {.declare = take_type, .accept = take_record};
    struct snapshot_reader *reader;
    proof->status = snapshot_reader_create(&reader, proof->disk, proof->sequence, &proof->complaint);
    if (proof->status != STATUS_OK) {
        return;
    }
    do {
        proof->status = snapshot_reader_step(reader, STEP, &sink, &proof->complaint);
    } while (proof->status == STATUS_AGAIN);
    snapshot_reader_destroy(reader);
}

static void on_done(struct disk_request *request)
{
    struct proof *proof = container_of(request, struct proof, request);
    check(proof->busy);
    proof->busy = false;
    if (request->file != NULL) {
        proof->disk->ops->close(proof->disk, request->file);
    }
}

void proof_init(struct proof *proof, struct disk *disk)
{
    *proof = (struct proof){.disk = disk, .status = STATUS_AGAIN};
    list_init(&proof->request.link);
}

void proof_begin(struct proof *proof, uint64_t sequence)
{
    check(!proof->busy && sequence != 0);
    proof->sequence = sequence;
    proof->status = STATUS_AGAIN;
    proof->busy = true;
    proof->request = (struct disk_request){
        .action = DISK_ACTION_READ, .lane = DISK_LANE_READ, .prepare = read_it, .on_done = on_done};
    list_init(&proof->request.link);
    snapshot_name(sequence, proof->request.name);
    proof->disk->ops->submit(proof->disk, &proof->request);
}
