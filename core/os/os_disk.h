/* SPDX-License-Identifier: MIT */

/* os_disk.h - a folder of the real file system as a disk (env/disk.h), with a thread per lane for the requests.
 *
 * The loop polls os_disk_event_fd for reading (level-triggered) and calls os_disk_deliver when it is ready; calling it
 * at other times is fine and cheap. Everything here belongs to the loop's thread. */
#ifndef GEOMYS_OS_OS_DISK_H
#define GEOMYS_OS_OS_DISK_H

#include "base/trace.h"
#include "env/disk.h"

struct os_disk; /* opaque */

/* Opens the folder for a server: makes it if it is missing (mode 0700; its parent must exist), and locks it against
 * other servers until os_disk_destroy. For one that is ending it waits up to 10 s, and says so in `log` (which may be
 * NULL). REFUSED: another process has it, or everybody may write to it. IO, NOT_FOUND, NO_SPACE: as the sentence
 * says. */
must_use enum status os_disk_create(struct os_disk **out, const char *folder, const struct trace *log,
                                    struct complaint *complaint);

/* Makes the folder in which `folder` lies, if it is missing (mode 0700; its own parent must exist). IO, NOT_FOUND,
 * NO_SPACE. */
must_use enum status os_disk_make_parent(const char *folder, struct complaint *complaint);

/* Tells whoever wants the folder next that it will be free in a moment. */
void os_disk_is_ending(struct os_disk *disk);

/* Opens an existing folder for inspection: no lock, no thread; nothing in it can be changed (REFUSED), nothing
 * submitted. */
must_use enum status os_disk_inspect(struct os_disk **out, const char *folder, struct complaint *complaint);

/* Valid as long as the os_disk. */
struct disk *os_disk_interface(struct os_disk *disk);

int os_disk_event_fd(const struct os_disk *disk);

/* Calls on_done of the requests that have been carried out. */
void os_disk_deliver(struct os_disk *disk);

/* Carries out what is submitted, without on_done; then ends the threads and gives the folder free. All files must be
 * closed. NULL is fine. */
void os_disk_destroy(struct os_disk *disk);

#endif
