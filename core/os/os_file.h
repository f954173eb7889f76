/* SPDX-License-Identifier: MIT */

/* os_file.h - the system calls behind a disk's files and requests. All of these block and may be called on any thread,
 * as long as no two touch the same request; EINTR and short writes are continued here. Statuses as in env/disk.h. */
#ifndef GEOMYS_OS_OS_FILE_H
#define GEOMYS_OS_OS_FILE_H

#include "env/disk.h"

struct disk_file {
    int fd;
};

/* What errno says. */
enum status os_file_status(int error);

must_use enum status os_file_open(int folder_fd, const char *name, enum disk_open how, struct disk_file **out);
void os_file_close(struct disk_file *file); /* NULL is fine */

/* Reads up to `size` bytes; *got is less only at the end of the file. */
must_use enum status os_file_read(struct disk_file *file, uint64_t offset, uint8_t *target, size_t size, size_t *got);
must_use enum status os_file_size(struct disk_file *file, uint64_t *out); /* bytes */
must_use enum status os_file_write(struct disk_file *file, uint64_t offset, struct gm_bytes source);
must_use enum status os_file_sync(struct disk_file *file);
enum status os_file_sync_folder(int folder_fd);
must_use enum status os_file_rename(int folder_fd, const char *source, const char *target);
must_use enum status os_file_remove(int folder_fd, const char *name);

/* Prepares the request and carries it out; sets its outcome. */
void os_file_carry_out(int folder_fd, struct disk_request *request);

#endif
