/* SPDX-License-Identifier: MIT */

/* disk.h - one folder of files, as the log sees it.
 *
 * Idea     Two kinds of calls. The *immediate* ones may block and are for start-up, recovery and shutdown. A *request*
 *          is for the running server: it lives in the struct that waits for it, is carried out elsewhere (a thread, or
 *          the simulator's queue), in the order of submission per lane, and its on_done is called on the loop's thread
 *          in a later turn, never inside submit.
 *
 * Promises of an implementation
 *   D1  Requests of a lane are carried out one after the other, in order, and their completions arrive in that order.
 *       Lanes do not wait for each other: what is large does not delay the log.
 *   D2  STATUS_OK of a request with `sync` means: what it wrote, and all that earlier requests wrote to that file, is
 *       on stable storage.
 *   D3  A failed write may have written any of its sectors (512 bytes; at most its own range); it can be submitted
 *       again. Where the world only lacks something at this moment the status says so (status_is_passing).
 *   D4  After a failed sync nothing is promised about the file any more, whatever the status: the caller stops the
 *       process.
 *   D5  A short write or EINTR never shows: it is continued, or it is a failure.
 *   D6  Names are plain file names within the folder: no slash, no dot at the beginning.
 *   D7  A DISK_ACTION_CREATE that failed leaves no file behind, crashes aside; it can be submitted again.
 *   D8  A file opened with DISK_WRITE reads as stable storage has it, or will have it after the next sync: nothing that
 *       a cache still shows after a sync has failed in an earlier process.
 *   D9  A READ shows what writes of all lanes that were done before it was submitted have written; of what is written
 *       meanwhile it shows any part. One that failed has opened no file: `file` is as it was.
 */
#ifndef GEOMYS_ENV_DISK_H
#define GEOMYS_ENV_DISK_H

#include "base/bytes.h"
#include "base/list.h"
#include "base/status.h"

#define DISK_NAME_MAX 64 /* bytes, with the terminator */

struct disk;
struct disk_file; /* the implementation's */

enum disk_open {
    DISK_READ = 1,   /* the file must exist; nothing may be written                    */
    DISK_WRITE = 2,  /* the file must exist; read and write                            */
    DISK_CREATE = 4, /* the file must not exist (STATUS_EXISTS); read and write, empty */
};

enum disk_action {
    DISK_ACTION_WRITE,  /* write head, sources, then `zeros` zero bytes, at `offset` of `file`; then sync if asked */
    DISK_ACTION_CREATE, /* create `name`, write the same at 0, sync file and folder; sets `file`                   */
    DISK_ACTION_RENAME, /* rename `name` to `target`, which is replaced; sync the folder                           */
    DISK_ACTION_REMOVE, /* remove `name`, then sync the folder                                                     */
    DISK_ACTION_READ,   /* open `name` for reading if `file` is NULL, which sets it; then read, see `into`         */
};

enum disk_lane {
    DISK_LANE_LOG,  /* small and urgent: answers wait for it */
    DISK_LANE_BULK, /* snapshots, and removing what they have made superfluous */
    DISK_LANE_READ, /* what is read while the server runs, for others who follow */
    DISK_LANES,
};

struct disk_request {
    struct list link; /* the disk's, from submit to on_done */
    enum disk_action action;
    enum disk_lane lane;
    bool sync;
    struct disk_file *file;
    char name[DISK_NAME_MAX];
    char target[DISK_NAME_MAX]; /* of RENAME */
    /* NULL, or called just before the request is carried out, by whoever does that, perhaps another thread: the last
     * word on head, source, zeros, offset and sync. Again each time that the request is submitted. It touches only what
     * belongs to the request; a request of one lane is prepared after all before it in that lane have been carried
     * out. */
    void (*prepare)(struct disk_request *request);
    uint64_t offset;                /* bytes */
    struct gm_bytes head;           /* borrowed until on_done; may be empty, as may the source and the zeros */
    struct gm_bytes source;         /* borrowed until on_done */
    const struct gm_bytes *sources; /* more of them, behind `source`; borrowed, the bytes too, until on_done */
    size_t source_count;
    uint64_t zeros;      /* bytes */
    uint8_t *into;       /* of READ: up to `size` bytes from `offset` on come here; borrowed until on_done */
    size_t size;         /* bytes; 0 is fine: then the file is opened and measured */
    size_t got;          /* the outcome of READ: bytes read, less than `size` only at the end of the file */
    uint64_t file_size;  /* the outcome of READ: bytes that the file had before it was read */
    enum status status;  /* the outcome, in on_done: OK, what passes, IO, EXISTS, NOT_FOUND */
    bool sync_failed;    /* the outcome came from the sync, not from a write */
    uint32_t elapsed_us; /* the outcome: how long it took to carry out, waiting and preparing aside */
    void (*on_done)(struct disk_request *request);
};

struct disk_ops {
    /* Immediate calls. NOT_FOUND, EXISTS, IO, or what passes. Offsets and sizes in bytes. */
    enum status (*open)(struct disk *, const char *name, enum disk_open how, struct disk_file **out);
    void (*close)(struct disk *, struct disk_file *file); /* no request may be under way; NULL is fine */
    enum status (*size)(struct disk *, struct disk_file *file, uint64_t *out);
    /* Reads up to `size` bytes; *got is less only at the end of the file. */
    enum status (*read)(struct disk *, struct disk_file *file, uint64_t offset, uint8_t *target, size_t size,
                        size_t *got);
    enum status (*write)(struct disk *, struct disk_file *file, uint64_t offset, struct gm_bytes source);
    enum status (*sync)(struct disk *, struct disk_file *file);
    enum status (*truncate)(struct disk *, struct disk_file *file, uint64_t size);
    enum status (*rename)(struct disk *, const char *source, const char *target); /* replaces target */
    enum status (*remove)(struct disk *, const char *name);
    enum status (*sync_names)(struct disk *); /* creations, renames and removals so far are durable */
    /* Calls on_name for each file, in no order. Stops when it returns false. */
    enum status (*list)(struct disk *, bool (*on_name)(void *context, const char *name), void *context);

    /* The running server. */
    void (*submit)(struct disk *, struct disk_request *request);
    /* Waits until all submitted requests are carried out, and calls their on_done (also of those which these
     * submit). */
    void (*drain)(struct disk *);
};

struct disk {
    const struct disk_ops *ops;
};

#endif
