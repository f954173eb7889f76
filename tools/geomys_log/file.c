/* SPDX-License-Identifier: MIT */

/* file.c - mapping files. Limits: files larger than the address space cannot be looked at. */
#include "geomys_log/file.h"
#include "geomys_log/say.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/snapshot.h"

bool file_map(struct file *file, const char *path)
{
    struct stat info;
    *file = (struct file){.path = path};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        say(stderr, "geomys-log: %s cannot be opened: %s\n", path, strerror(errno));
        if (fd >= 0) {
            (void)close(fd);
        }
        return false;
    }
    if (info.st_size > 0) {
        void *map = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED) {
            say(stderr, "geomys-log: %s cannot be read: %s\n", path, strerror(errno));
            (void)close(fd);
            return false;
        }
        file->bytes = (struct gm_bytes){map, (size_t)info.st_size};
    }
    (void)close(fd);
    return true;
}

void file_unmap(struct file *file)
{
    if (file->bytes.size > 0) {
        (void)munmap((void *)(uintptr_t)file->bytes.data, file->bytes.size);
    }
}

bool file_begins_with(const struct file *file, const char *magic)
{
    return file->bytes.size >= 8 && memcmp(file->bytes.data, magic, 8) == 0;
}

bool file_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool file_is_snapshot(const struct file *file)
{
    const char *slash = strrchr(file->path, '/');
    uint64_t sequence;
    return file_begins_with(file, SNAPSHOT_MAGIC) ||
           snapshot_name_parse(slash != NULL ? slash + 1 : file->path, &sequence);
}
