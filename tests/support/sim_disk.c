/* SPDX-License-Identifier: MIT */

/* sim_disk.c - the disk of sim_disk.h.
 *
 *            program sees:   cache  [s0'][s1'][s2 ][s3']      names  a -> 1, b -> 2
 *                                   |                               |
 *            journal:        s0 s3 s0' size s1' s3'            create b, rename x a
 *                                   | sync                          | sync_names
 *            storage has:    stable [s0 ][s1 ][s2 ]            stable names  x -> 1
 *
 * Limits   Files up to a few hundred megabytes; time per sync and crash is linear in the journal.
 */
#include "support/sim_disk.h"

#include <stdio.h>

#include "base/memory.h"
#include "base/prng.h"

struct change {
    bool is_size;
    uint64_t where; /* sector number, or the new size */
    uint8_t *bytes; /* SIM_SECTOR of them, for a sector */
};

struct inode {
    struct list link;
    uint8_t *cache;
    uint8_t *stable;
    uint64_t size;
    uint64_t stable_size;
    uint64_t room; /* bytes allocated for each, a multiple of the sector, zero behind the sizes */
    struct change *changes;
    size_t change_count;
    size_t change_room;
};

struct name {
    char text[DISK_NAME_MAX];
    struct inode *inode;
};

struct names {
    struct name *list;
    size_t count;
};

enum name_op {
    NAME_SET,
    NAME_REMOVE,
    NAME_RENAME,
};

struct name_change {
    enum name_op op;
    char source[DISK_NAME_MAX];
    char target[DISK_NAME_MAX];
    struct inode *inode;
};

struct disk_file {
    struct list link;
    struct inode *inode; /* NULL: dead since a crash */
    bool writable;
};

struct sim_disk {
    struct disk base;
    struct prng prng;
    struct list inodes;
    struct list files;
    struct list lanes[DISK_LANES];
    struct names names;
    struct names stable_names;
    struct name_change *name_changes;
    size_t name_change_count;
    uint64_t calls;
    uint64_t limit;
    enum sim_fault fault;
    enum status lacking;
    uint64_t fault_from;
    uint64_t fault_until; /* exclusive */
    bool dead;
};

static struct sim_disk *sim_of(struct disk *disk)
{
    return container_of(disk, struct sim_disk, base);
}

/* ---- names ---- */

static struct name *names_find(const struct names *names, const char *text)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->list[i].text, text) == 0) {
            return &names->list[i];
        }
    }
    return NULL;
}

static void copy_name(char to[static DISK_NAME_MAX], const char *from)
{
    check(strlen(from) < DISK_NAME_MAX && strchr(from, '/') == NULL && from[0] != '.' && from[0] != '\0');
    memcpy(to, from, strlen(from) + 1);
}

static void names_set(struct names *names, const char *text, struct inode *inode)
{
    struct name *name = names_find(names, text);
    if (name == NULL) {
        names->list = memory_realloc(names->list, (names->count + 1) * sizeof *names->list);
        name = &names->list[names->count++];
        copy_name(name->text, text);
    }
    name->inode = inode;
}

static void names_remove(struct names *names, const char *text)
{
    struct name *name = names_find(names, text);
    if (name != NULL) {
        *name = names->list[--names->count];
    }
}

static void names_apply(struct names *names, const struct name_change *change)
{
    struct name *source = names_find(names, change->source);
    bool there = source != NULL && source->inode == change->inode;
    if (change->op == NAME_SET) {
        names_set(names, change->source, change->inode);
    } else if (there) {
        names_remove(names, change->source);
        if (change->op == NAME_RENAME) {
            names_set(names, change->target, change->inode);
        }
    }
}

static void names_copy(struct names *to, const struct names *from)
{
    to->list = memory_realloc(to->list, from->count * sizeof *to->list);
    if (from->count > 0) {
        memcpy(to->list, from->list, from->count * sizeof *to->list);
    }
    to->count = from->count;
}

static void name_change(struct sim_disk *sim, enum name_op op, const char *source, const char *target,
                        struct inode *inode)
{
    sim->name_changes = memory_realloc(sim->name_changes, (sim->name_change_count + 1) * sizeof *sim->name_changes);
    struct name_change *change = &sim->name_changes[sim->name_change_count++];
    *change = (struct name_change){.op = op, .inode = inode};
    copy_name(change->source, source);
    if (target != NULL) {
        copy_name(change->target, target);
    }
    names_apply(&sim->names, change);
}

/* ---- contents ---- */

static struct inode *inode_create(struct sim_disk *sim)
{
    struct inode *inode = memory_zeroed(sizeof *inode);
    list_push_back(&sim->inodes, &inode->link);
    return inode;
}

static void changes_clear(struct inode *inode)
{
    for (size_t i = 0; i < inode->change_count; i++) {
        memory_free(inode->changes[i].bytes);
    }
    inode->change_count = 0;
}

static void inode_destroy(struct inode *inode)
{
    changes_clear(inode);
    list_remove(&inode->link);
    memory_free(inode->changes);
    memory_free(inode->cache);
    memory_free(inode->stable);
    memory_free(inode);
}

static uint64_t sectors(uint64_t size)
{
    return (size + SIM_SECTOR - 1) / SIM_SECTOR;
}

static void inode_grow(struct inode *inode, uint64_t size)
{
    uint64_t wanted = sectors(size) * SIM_SECTOR;
    if (wanted <= inode->room) {
        return;
    }
    uint64_t room = wanted > inode->room * 2 ? wanted : inode->room * 2;
    inode->cache = memory_realloc(inode->cache, room);
    inode->stable = memory_realloc(inode->stable, room);
    memset(inode->cache + inode->room, 0, room - inode->room);
    memset(inode->stable + inode->room, 0, room - inode->room);
    inode->room = room;
}

static struct change *change_add(struct inode *inode)
{
    if (inode->change_count == inode->change_room) {
        inode->change_room = inode->change_room > 0 ? inode->change_room * 2 : 16;
        inode->changes = memory_realloc(inode->changes, inode->change_room * sizeof *inode->changes);
    }
    struct change *change = &inode->changes[inode->change_count++];
    *change = (struct change){0};
    return change;
}

static void change_size(struct inode *inode, uint64_t size)
{
    if (size != inode->size) {
        inode->size = size;
        struct change *change = change_add(inode);
        change->is_size = true;
        change->where = size;
    }
}

/* Overwrites a part of one sector. Bytes that stay the same are no change: so long runs of zeros cost nothing. */
static void change_sector(struct inode *inode, uint64_t sector, size_t from, const uint8_t *bytes, size_t size)
{
    uint8_t *target = inode->cache + sector * SIM_SECTOR;
    if (memcmp(target + from, bytes, size) == 0) {
        return;
    }
    memcpy(target + from, bytes, size);
    struct change *change = change_add(inode);
    change->where = sector;
    change->bytes = memory_alloc(SIM_SECTOR);
    memcpy(change->bytes, target, SIM_SECTOR);
}

static void inode_write(struct inode *inode, uint64_t offset, const uint8_t *bytes, uint64_t size)
{
    inode_grow(inode, offset + size);
    for (uint64_t done = 0; done < size;) {
        uint64_t at = offset + done;
        size_t from = (size_t)(at % SIM_SECTOR);
        size_t piece = size - done < SIM_SECTOR - from ? (size_t)(size - done) : SIM_SECTOR - from;
        change_sector(inode, at / SIM_SECTOR, from, bytes + done, piece);
        done += piece;
    }
    if (size > 0 && offset + size > inode->size) {
        change_size(inode, offset + size);
    }
}

static void inode_truncate(struct inode *inode, uint64_t size)
{
    static const uint8_t zeros[SIM_SECTOR];
    inode_grow(inode, size);
    for (uint64_t at = size; at < inode->size;) {
        size_t from = (size_t)(at % SIM_SECTOR);
        change_sector(inode, at / SIM_SECTOR, from, zeros, SIM_SECTOR - from);
        at += SIM_SECTOR - from;
    }
    change_size(inode, size);
}

/* What the first `count` changes make of stable storage. */
static void settle(struct inode *inode, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct change *change = &inode->changes[i];
        if (change->is_size) {
            inode->stable_size = change->where;
        } else {
            memcpy(inode->stable + change->where * SIM_SECTOR, change->bytes, SIM_SECTOR);
        }
    }
}

/* For each sector one of its contents; the size likewise. */
static void settle_torn(struct inode *inode, struct prng *prng)
{
    uint32_t *versions = memory_zeroed((size_t)(inode->room / SIM_SECTOR + 1) * sizeof *versions);
    uint32_t sizes = 0;
    for (size_t i = 0; i < inode->change_count; i++) {
        const struct change *change = &inode->changes[i];
        uint32_t *seen = change->is_size ? &sizes : &versions[change->where];
        (*seen)++;
        if (prng_below(prng, *seen + 1) != 0) {
            continue; /* one content of n + 1 is chosen: each new one with 1 / (n + 1) */
        }
        if (change->is_size) {
            inode->stable_size = change->where;
        } else {
            memcpy(inode->stable + change->where * SIM_SECTOR, change->bytes, SIM_SECTOR);
        }
    }
    memory_free(versions);
}

static void inode_settled(struct inode *inode)
{
    if (inode->room > 0) {
        memset(inode->stable + inode->stable_size, 0, inode->room - inode->stable_size);
        memcpy(inode->cache, inode->stable, inode->room);
    }
    inode->size = inode->stable_size;
    changes_clear(inode);
}

static void inode_sync(struct inode *inode)
{
    settle(inode, inode->change_count);
    changes_clear(inode);
}

/* ---- calls and faults ---- */

/* Counts one call. *fault tells whether it suffers; the answer is whether the process lives to see it begin. */
static bool call(struct sim_disk *sim, bool *fault)
{
    *fault = false;
    if (sim->dead) {
        return false;
    }
    sim->calls++;
    *fault = sim->calls >= sim->fault_from && sim->calls < sim->fault_until;
    sim->dead = *fault && sim->fault == SIM_CRASH;
    return true;
}

/* For calls that only the plain fault touches: OK or IO. */
static enum status plain_call(struct sim_disk *sim)
{
    bool fault;
    if (!call(sim, &fault) || (fault && sim->fault == SIM_IO)) {
        return STATUS_IO;
    }
    return STATUS_OK;
}

/* For calls that need room in the system's tables: opening, and names. */
static enum status naming_call(struct sim_disk *sim)
{
    bool fault;
    if (!call(sim, &fault) || (fault && sim->fault == SIM_IO)) {
        return STATUS_IO;
    }
    return fault && sim->fault == SIM_LACKING ? sim->lacking : STATUS_OK;
}

static enum status sync_call(struct sim_disk *sim)
{
    bool fault;
    if (!call(sim, &fault) || (fault && sim->fault == SIM_IO)) {
        return STATUS_IO;
    }
    return fault && sim->fault == SIM_SYNC ? sim->lacking : STATUS_OK;
}

static enum status outcome(const struct sim_disk *sim)
{
    return sim->dead ? STATUS_IO : STATUS_OK;
}

static uint64_t used(const struct sim_disk *sim)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < sim->names.count; i++) {
        sum += sim->names.list[i].inode->size;
    }
    return sum;
}

/* Bytes of a write that fit, up to the end of a sector. */
static uint64_t fitting(const struct sim_disk *sim, const struct inode *inode, uint64_t offset, uint64_t size)
{
    uint64_t rest = sim->limit > used(sim) ? sim->limit - used(sim) : 0;
    uint64_t growth = offset + size > inode->size ? offset + size - inode->size : 0;
    if (growth <= rest) {
        return size;
    }
    uint64_t end = (inode->size + rest) / SIM_SECTOR * SIM_SECTOR;
    return end > offset ? end - offset : 0;
}

/* A beginning of the write, up to the end of a sector. */
static uint64_t beginning(struct sim_disk *sim, uint64_t offset, uint64_t size)
{
    uint64_t end = (offset + prng_below(&sim->prng, size + 1)) / SIM_SECTOR * SIM_SECTOR;
    return end > offset ? end - offset : 0;
}

static void write_some_sectors(struct sim_disk *sim, struct inode *inode, uint64_t offset, const uint8_t *bytes,
                               uint64_t size)
{
    for (uint64_t done = 0; done < size;) {
        uint64_t piece = SIM_SECTOR - (offset + done) % SIM_SECTOR;
        piece = piece < size - done ? piece : size - done;
        if (prng_below(&sim->prng, 2) == 0) {
            inode_write(inode, offset + done, bytes + done, piece);
        }
        done += piece;
    }
}

static enum status write_bytes(struct sim_disk *sim, struct disk_file *file, uint64_t offset, const uint8_t *bytes,
                               uint64_t size)
{
    bool fault;
    if (!call(sim, &fault) || file->inode == NULL) {
        return STATUS_IO;
    }
    check(file->writable);
    if (fault && sim->fault == SIM_IO) {
        write_some_sectors(sim, file->inode, offset, bytes, size);
        return STATUS_IO;
    }
    if (fault && (sim->fault == SIM_NO_SPACE || sim->fault == SIM_SHORT || sim->fault == SIM_LACKING)) {
        inode_write(file->inode, offset, bytes, beginning(sim, offset, size));
        return sim->fault == SIM_SHORT ? STATUS_IO : sim->fault == SIM_LACKING ? sim->lacking : STATUS_NO_SPACE;
    }
    uint64_t fits = fitting(sim, file->inode, offset, size);
    inode_write(file->inode, offset, bytes, fits);
    return fits < size ? STATUS_NO_SPACE : outcome(sim);
}

static struct disk_file *file_create(struct sim_disk *sim, struct inode *inode, bool writable)
{
    struct disk_file *file = memory_alloc(sizeof *file);
    *file = (struct disk_file){.inode = inode, .writable = writable};
    list_push_back(&sim->files, &file->link);
    return file;
}

/* ---- the interface ---- */

static enum status sim_open(struct disk *disk, const char *name, enum disk_open how, struct disk_file **out)
{
    struct sim_disk *sim = sim_of(disk);
    bool fault;
    if (!call(sim, &fault) || (fault && sim->fault == SIM_IO)) {
        return STATUS_IO;
    }
    struct name *found = names_find(&sim->names, name);
    if (how != DISK_CREATE) {
        if (found == NULL || sim->dead) {
            return sim->dead ? STATUS_IO : STATUS_NOT_FOUND;
        }
        *out = file_create(sim, found->inode, how == DISK_WRITE);
        return STATUS_OK;
    }
    if (fault && sim->fault == SIM_LACKING) {
        return sim->lacking;
    }
    if (found != NULL || (fault && sim->fault == SIM_NO_SPACE)) {
        return found != NULL ? STATUS_EXISTS : STATUS_NO_SPACE;
    }
    struct inode *inode = inode_create(sim);
    name_change(sim, NAME_SET, name, NULL, inode);
    if (sim->dead) {
        return STATUS_IO;
    }
    *out = file_create(sim, inode, true);
    return STATUS_OK;
}

static bool is_awaited(const struct sim_disk *sim, const struct disk_file *file)
{
    for (size_t i = 0; i < DISK_LANES; i++) {
        for (const struct list *at = sim->lanes[i].next; at != &sim->lanes[i]; at = at->next) {
            if (container_of(at, struct disk_request, link)->file == file) {
                return true;
            }
        }
    }
    return false;
}

static void sim_close(struct disk *disk, struct disk_file *file)
{
    if (file != NULL) {
        check(!is_awaited(sim_of(disk), file));
        list_remove(&file->link);
        memory_free(file);
    }
}

static enum status sim_size(struct disk *disk, struct disk_file *file, uint64_t *out)
{
    TRY(plain_call(sim_of(disk)));
    if (file->inode == NULL) {
        return STATUS_IO;
    }
    *out = file->inode->size;
    return outcome(sim_of(disk));
}

static enum status sim_read(struct disk *disk, struct disk_file *file, uint64_t offset, uint8_t *target, size_t size,
                            size_t *got)
{
    *got = 0;
    TRY(plain_call(sim_of(disk)));
    if (file->inode == NULL || sim_of(disk)->dead) {
        return STATUS_IO;
    }
    if (offset < file->inode->size && size > 0) { /* a read of nothing opens the file, and has no target */
        uint64_t rest = file->inode->size - offset;
        *got = rest < size ? (size_t)rest : size;
        memcpy(target, file->inode->cache + offset, *got);
    }
    return STATUS_OK;
}

static enum status sim_write(struct disk *disk, struct disk_file *file, uint64_t offset, struct gm_bytes source)
{
    return write_bytes(sim_of(disk), file, offset, source.data, source.size);
}

static enum status sim_sync(struct disk *disk, struct disk_file *file)
{
    struct sim_disk *sim = sim_of(disk);
    TRY(sync_call(sim));
    if (file->inode == NULL || sim->dead) {
        return STATUS_IO;
    }
    inode_sync(file->inode);
    return STATUS_OK;
}

static enum status sim_truncate(struct disk *disk, struct disk_file *file, uint64_t size)
{
    struct sim_disk *sim = sim_of(disk);
    TRY(plain_call(sim));
    if (file->inode == NULL) {
        return STATUS_IO;
    }
    check(file->writable);
    inode_truncate(file->inode, size);
    return outcome(sim);
}

static enum status sim_rename(struct disk *disk, const char *source, const char *target)
{
    struct sim_disk *sim = sim_of(disk);
    TRY(naming_call(sim));
    struct name *found = names_find(&sim->names, source);
    if (found == NULL) {
        return STATUS_NOT_FOUND;
    }
    name_change(sim, NAME_RENAME, source, target, found->inode);
    return outcome(sim);
}

static enum status sim_remove(struct disk *disk, const char *name)
{
    struct sim_disk *sim = sim_of(disk);
    TRY(naming_call(sim));
    struct name *found = names_find(&sim->names, name);
    if (found == NULL) {
        return STATUS_NOT_FOUND;
    }
    name_change(sim, NAME_REMOVE, name, NULL, found->inode);
    return outcome(sim);
}

static enum status sim_sync_names(struct disk *disk)
{
    struct sim_disk *sim = sim_of(disk);
    TRY(sync_call(sim));
    if (sim->dead) {
        return STATUS_IO;
    }
    names_copy(&sim->stable_names, &sim->names);
    sim->name_change_count = 0;
    return STATUS_OK;
}

static enum status sim_list(struct disk *disk, bool (*on_name)(void *context, const char *name), void *context)
{
    struct sim_disk *sim = sim_of(disk);
    TRY(plain_call(sim));
    for (size_t i = 0; i < sim->names.count; i++) {
        if (!on_name(context, sim->names.list[i].text)) {
            break;
        }
    }
    return outcome(sim);
}

static size_t put_part(uint8_t *bytes, size_t at, struct gm_bytes part)
{
    if (part.size > 0) {
        memcpy(bytes + at, part.data, part.size);
    }
    return at + part.size;
}

static enum status write_request(struct sim_disk *sim, struct disk_request *request)
{
    uint64_t size = request->head.size + request->source.size + request->zeros;
    for (size_t i = 0; i < request->source_count; i++) {
        size += request->sources[i].size;
    }
    if (size == 0) {
        return STATUS_OK;
    }
    uint8_t *bytes = memory_zeroed((size_t)size);
    size_t at = put_part(bytes, put_part(bytes, 0, request->head), request->source);
    for (size_t i = 0; i < request->source_count; i++) {
        at = put_part(bytes, at, request->sources[i]);
    }
    enum status status = write_bytes(sim, request->file, request->offset, bytes, size);
    memory_free(bytes);
    return status;
}

static enum status sync_names_request(struct sim_disk *sim, struct disk_request *request)
{
    enum status status = sim_sync_names(&sim->base);
    request->sync_failed = status != STATUS_OK;
    return status;
}

static enum status sync_request(struct sim_disk *sim, struct disk_request *request)
{
    enum status status = sim_sync(&sim->base, request->file);
    request->sync_failed = status != STATUS_OK;
    return status == STATUS_OK && request->action == DISK_ACTION_CREATE ? sync_names_request(sim, request) : status;
}

static enum status carry_out_contents(struct sim_disk *sim, struct disk_request *request)
{
    bool create = request->action == DISK_ACTION_CREATE;
    if (create) {
        request->file = NULL;
        request->offset = 0;
        TRY(sim_open(&sim->base, request->name, DISK_CREATE, &request->file));
    }
    enum status status = write_request(sim, request);
    if (status == STATUS_OK && (request->sync || create)) {
        status = sync_request(sim, request);
    }
    if (status != STATUS_OK && create) {
        sim_close(&sim->base, request->file);
        request->file = NULL;
        struct name *name = names_find(&sim->names, request->name);
        if (!sim->dead && name != NULL) {
            name_change(sim, NAME_REMOVE, request->name, NULL, name->inode);
        }
    }
    return status;
}

static enum status read_request(struct sim_disk *sim, struct disk_request *request)
{
    struct disk_file *file = request->file;
    request->got = 0;
    if (file == NULL) {
        TRY(sim_open(&sim->base, request->name, DISK_READ, &file));
    }
    enum status status = sim_read(&sim->base, file, request->offset, request->into, request->size, &request->got);
    if (status != STATUS_OK && request->file == NULL) {
        sim_close(&sim->base, file);
        return status;
    }
    request->file = file;
    request->file_size = file->inode != NULL ? file->inode->size : 0;
    return status;
}

static enum status carry_out(struct sim_disk *sim, struct disk_request *request)
{
    switch (request->action) {
    case DISK_ACTION_WRITE:
    case DISK_ACTION_CREATE:
        return carry_out_contents(sim, request);
    case DISK_ACTION_RENAME:
        TRY(sim_rename(&sim->base, request->name, request->target));
        return sync_names_request(sim, request);
    case DISK_ACTION_REMOVE:
        TRY(sim_remove(&sim->base, request->name));
        return sync_names_request(sim, request);
    case DISK_ACTION_READ:
        return read_request(sim, request);
    }
    check(false);
    return STATUS_IO;
}

static void sim_submit(struct disk *disk, struct disk_request *request)
{
    check((unsigned)request->lane < DISK_LANES);
    list_push_back(&sim_of(disk)->lanes[request->lane], &request->link);
}

/* The lane that is served next: any that has something to do. NULL: none has. */
static struct list *choose_lane(struct sim_disk *sim)
{
    struct list *ready[DISK_LANES];
    size_t count = 0;
    for (size_t i = 0; i < DISK_LANES; i++) {
        if (!list_empty(&sim->lanes[i])) {
            ready[count++] = &sim->lanes[i];
        }
    }
    if (count == 0) {
        return NULL;
    }
    return count == 1 ? ready[0] : ready[prng_below(&sim->prng, count)];
}

static void serve(struct sim_disk *sim, struct list *lane)
{
    struct disk_request *request = container_of(lane->next, struct disk_request, link);
    list_remove(&request->link);
    if (request->prepare != NULL) {
        request->prepare(request);
    }
    request->sync_failed = false;
    request->elapsed_us = 0;
    request->status = carry_out(sim, request);
    request->on_done(request);
}

size_t sim_disk_run(struct sim_disk *sim, size_t count)
{
    size_t done = 0;
    for (struct list *lane; done < count && (lane = choose_lane(sim)) != NULL; done++) {
        serve(sim, lane);
    }
    return done;
}

size_t sim_disk_run_lane(struct sim_disk *sim, enum disk_lane lane, size_t count)
{
    size_t done = 0;
    for (; done < count && !list_empty(&sim->lanes[lane]); done++) {
        serve(sim, &sim->lanes[lane]);
    }
    return done;
}

static void sim_drain(struct disk *disk)
{
    (void)sim_disk_run(sim_of(disk), SIZE_MAX);
}

static const struct disk_ops ops = {
    .open = sim_open,
    .close = sim_close,
    .size = sim_size,
    .read = sim_read,
    .write = sim_write,
    .sync = sim_sync,
    .truncate = sim_truncate,
    .rename = sim_rename,
    .remove = sim_remove,
    .sync_names = sim_sync_names,
    .list = sim_list,
    .submit = sim_submit,
    .drain = sim_drain,
};

/* ---- for the test ---- */

struct sim_disk *sim_disk_create(uint64_t seed)
{
    struct sim_disk *sim = memory_zeroed(sizeof *sim);
    sim->base.ops = &ops;
    sim->limit = UINT64_MAX;
    sim->lacking = STATUS_NO_SPACE;
    prng_seed(&sim->prng, seed);
    list_init(&sim->inodes);
    list_init(&sim->files);
    for (size_t i = 0; i < DISK_LANES; i++) {
        list_init(&sim->lanes[i]);
    }
    return sim;
}

void sim_disk_destroy(struct sim_disk *sim)
{
    if (sim == NULL) {
        return;
    }
    for (size_t i = 0; i < DISK_LANES; i++) {
        list_init(&sim->lanes[i]); /* nobody waits any more */
    }
    while (!list_empty(&sim->files)) {
        sim_close(&sim->base, container_of(sim->files.next, struct disk_file, link));
    }
    while (!list_empty(&sim->inodes)) {
        inode_destroy(container_of(sim->inodes.next, struct inode, link));
    }
    memory_free(sim->names.list);
    memory_free(sim->stable_names.list);
    memory_free(sim->name_changes);
    memory_free(sim);
}

struct sim_disk *sim_disk_clone(const struct sim_disk *sim, uint64_t seed)
{
    struct sim_disk *copy = sim_disk_create(seed);
    for (size_t i = 0; i < sim->names.count; i++) {
        const struct inode *inode = sim->names.list[i].inode;
        sim_disk_put(copy, sim->names.list[i].text, (struct gm_bytes){inode->cache, (size_t)inode->size});
    }
    return copy;
}

struct disk *sim_disk_interface(struct sim_disk *sim)
{
    return &sim->base;
}

static void settle_names(struct sim_disk *sim, uint64_t mood, struct prng *prng)
{
    size_t kept = mood == 0 ? sim->name_change_count : mood == 1 ? 0 : prng_below(prng, sim->name_change_count + 1);
    for (size_t i = 0; i < sim->name_change_count; i++) {
        bool taken = mood > 2 ? prng_below(prng, 2) == 0 : i < kept;
        if (taken) {
            names_apply(&sim->stable_names, &sim->name_changes[i]);
        }
    }
    sim->name_change_count = 0;
    names_copy(&sim->names, &sim->stable_names);
}

static bool is_named(const struct sim_disk *sim, const struct inode *inode)
{
    for (size_t i = 0; i < sim->names.count; i++) {
        if (sim->names.list[i].inode == inode) {
            return true;
        }
    }
    return false;
}

void sim_disk_kill(struct sim_disk *sim)
{
    for (struct list *at = sim->files.next; at != &sim->files; at = at->next) {
        container_of(at, struct disk_file, link)->inode = NULL;
    }
    for (size_t i = 0; i < DISK_LANES; i++) {
        while (!list_empty(&sim->lanes[i])) {
            list_remove(sim->lanes[i].next);
        }
    }
    sim->fault_from = 0;
    sim->fault_until = 0;
    sim->dead = false;
}

void sim_disk_crash(struct sim_disk *sim, uint64_t seed)
{
    struct prng prng;
    prng_seed(&prng, seed);
    uint64_t mood = prng_below(&prng, 8); /* 0 all is kept, 1 nothing, 2 a beginning, else torn and reordered */
    settle_names(sim, mood, &prng);
    for (struct list *at = sim->inodes.next; at != &sim->inodes;) {
        struct inode *inode = container_of(at, struct inode, link);
        at = at->next;
        if (mood > 2) {
            settle_torn(inode, &prng);
        } else {
            size_t kept = mood == 0 ? inode->change_count : mood == 1 ? 0 : prng_below(&prng, inode->change_count + 1);
            settle(inode, kept);
        }
        inode_settled(inode);
        if (!is_named(sim, inode)) {
            inode_destroy(inode);
        }
    }
    sim_disk_kill(sim);
}

void sim_disk_fault(struct sim_disk *sim, enum sim_fault kind, uint64_t at, uint64_t times)
{
    sim->fault = kind;
    sim->fault_from = sim->calls + at;
    sim->fault_until = sim->fault_from + times;
}

void sim_disk_lacking(struct sim_disk *sim, enum status status)
{
    check(status_is_passing(status));
    sim->lacking = status;
}

void sim_disk_limit(struct sim_disk *sim, uint64_t bytes)
{
    sim->limit = bytes;
}

uint64_t sim_disk_calls(const struct sim_disk *sim)
{
    return sim->calls;
}

uint64_t sim_disk_used(const struct sim_disk *sim)
{
    return used(sim);
}

bool sim_disk_dead(const struct sim_disk *sim)
{
    return sim->dead;
}

static struct inode *named(struct sim_disk *sim, const char *name)
{
    struct name *found = names_find(&sim->names, name);
    check(found != NULL);
    return found->inode;
}

struct gm_bytes sim_disk_contents(struct sim_disk *sim, const char *name)
{
    static const uint8_t nothing;
    struct name *found = names_find(&sim->names, name);
    if (found == NULL) {
        return BYTES_NONE;
    }
    return (struct gm_bytes){found->inode->size > 0 ? found->inode->cache : &nothing, (size_t)found->inode->size};
}

void sim_disk_put(struct sim_disk *sim, const char *name, struct gm_bytes contents)
{
    struct inode *inode = inode_create(sim);
    names_set(&sim->names, name, inode);
    names_set(&sim->stable_names, name, inode);
    inode_write(inode, 0, contents.data, contents.size);
    inode_sync(inode);
}

void sim_disk_flip(struct sim_disk *sim, const char *name, uint64_t bit)
{
    struct inode *inode = named(sim, name);
    check(bit / 8 < inode->size);
    inode_sync(inode);
    inode->cache[bit / 8] ^= (uint8_t)(1u << bit % 8);
    inode->stable[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

void sim_disk_cut(struct sim_disk *sim, const char *name, uint64_t size)
{
    struct inode *inode = named(sim, name);
    inode_truncate(inode, size);
    inode_sync(inode);
}

void sim_disk_delete(struct sim_disk *sim, const char *name)
{
    names_remove(&sim->names, name);
    names_remove(&sim->stable_names, name);
}

const char *sim_disk_name(const struct sim_disk *sim, size_t index)
{
    return index < sim->names.count ? sim->names.list[index].text : NULL;
}
