/* SPDX-License-Identifier: MIT */

/* reserve.c - a file of ballast.
 *
 * Why      What rescues a log from a full disk (the rest of a group, a mark, a snapshot that makes the log superfluous,
 *          the copy of a torn tail) needs a little space itself, which is just what is gone.
 *
 * Idea     The space is held by a file that has no use but to be removed. It is written for real, with bytes that no
 *          file system can compress or leave out.
 *
 * Promises
 *   I1  `there` is said only of a file that is whole and on stable storage.
 *   I2  It is given up by one removal, whatever is in it, and it is never read.
 *
 * Limits   A file system that copies what is removed (snapshots of its own) gives nothing back. */
#include "replica/reserve.h"

#include "base/memory.h"
#include "base/prng.h"

#define NOISE ((size_t)64 * 1024) /* bytes */

static void on_done(struct disk_request *request);

void reserve_init(struct reserve *reserve, struct disk *disk, uint64_t size, void (*done)(void *context), void *context)
{
    *reserve = (struct reserve){.disk = disk, .size = disk != NULL ? size : 0, .on_done = done, .context = context};
    list_init(&reserve->request.link);
}

static void let_go(struct reserve *reserve)
{
    memory_free(reserve->noise);
    memory_free(reserve->sources);
    reserve->noise = NULL;
    reserve->sources = NULL;
}

void reserve_finish(struct reserve *reserve)
{
    check(!reserve->busy);
    let_go(reserve);
}

void reserve_find(struct reserve *reserve)
{
    struct disk_file *file;
    uint64_t size = 0;
    if (reserve->disk == NULL) {
        return;
    }
    const struct disk_ops *ops = reserve->disk->ops;
    enum status status = ops->open(reserve->disk, RESERVE_NAME, DISK_READ, &file);
    if (status == STATUS_NOT_FOUND) {
        return;
    }
    if (status == STATUS_OK) {
        status = ops->size(reserve->disk, file, &size);
        ops->close(reserve->disk, file);
    }
    reserve->there = status == STATUS_OK && size == reserve->size;
    if (!reserve->there) {
        (void)ops->remove(reserve->disk, RESERVE_NAME); /* of another size, or torn by a crash */
    }
}

bool reserve_give_now(struct reserve *reserve)
{
    check(!reserve->busy);
    if (!reserve->there) {
        return false;
    }
    const struct disk_ops *ops = reserve->disk->ops;
    reserve->there = false;
    return ops->remove(reserve->disk, RESERVE_NAME) == STATUS_OK && ops->sync_names(reserve->disk) == STATUS_OK;
}

static void submit(struct reserve *reserve, enum disk_action action)
{
    check(!reserve->busy && reserve->size > 0);
    struct disk_request *request = &reserve->request;
    *request = (struct disk_request){
        .action = action, .lane = DISK_LANE_BULK, .name = RESERVE_NAME, .sync = true, .on_done = on_done};
    list_init(&request->link);
    reserve->busy = true;
    if (action == DISK_ACTION_CREATE) {
        request->head = (struct gm_bytes){reserve->noise, (size_t)(reserve->size % NOISE)};
        request->sources = reserve->sources;
        request->source_count = (size_t)(reserve->size / NOISE);
    }
    reserve->disk->ops->submit(reserve->disk, request);
}

void reserve_give(struct reserve *reserve)
{
    check(reserve->there);
    reserve->there = false;              /* reserve I1 */
    submit(reserve, DISK_ACTION_REMOVE); /* reserve I2 */
}

void reserve_make(struct reserve *reserve)
{
    struct prng prng;
    size_t count = (size_t)(reserve->size / NOISE);
    check(!reserve->there && !reserve->busy);
    reserve->noise = memory_alloc(NOISE);
    reserve->sources = memory_alloc((count + 1) * sizeof *reserve->sources);
    prng_seed(&prng, 1);
    for (size_t i = 0; i < NOISE; i += sizeof(uint64_t)) {
        uint64_t random = prng_next(&prng);
        memcpy(reserve->noise + i, &random, sizeof random);
    }
    for (size_t i = 0; i < count; i++) {
        reserve->sources[i] = (struct gm_bytes){reserve->noise, NOISE};
    }
    submit(reserve, DISK_ACTION_CREATE);
}

static void on_done(struct disk_request *request)
{
    struct reserve *reserve = container_of(request, struct reserve, request);
    check(reserve->busy);
    reserve->busy = false;
    if (request->action == DISK_ACTION_CREATE) {
        let_go(reserve);
        reserve->there = request->status == STATUS_OK; /* reserve I1 */
        if (request->status == STATUS_OK) {
            reserve->disk->ops->close(reserve->disk, request->file);
        }
    }
    reserve->on_done(reserve->context);
}
