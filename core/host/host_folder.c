/* SPDX-License-Identifier: MIT */

/* host_folder.c - folders with and without data, and with and without a cluster.
 *
 * Why      Several nodes of one person must not share a folder, so a cluster's node has another usual one than a single
 *          node. Somebody who has served from ~/.geomys for a year and then adds --bootstrap would find an empty
 *          cluster; somebody who adds --join to it would have a copy of others' data in the place of his own.
 *
 * Promises
 *   P1  Whoever is refused finds the folder as it was. */
#include "host/host_folder.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cluster/state.h"
#include "log/content.h"
#include "os/os_disk.h"

#define NAME  ".geomys"
#define USUAL "~/" NAME /* of a single node */

char *host_folder_path(const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = memory_alloc(size);
    (void)snprintf(path, size, "%s/%s", folder, name);
    return path;
}

bool host_folder_is_member(const char *folder)
{
    char *path = host_folder_path(folder, HOST_FOLDER_CLUSTER);
    struct os_disk *disk = NULL;
    struct complaint complaint;
    bool is_member = false;
    if (os_disk_inspect(&disk, path, &complaint) == STATUS_OK) {
        struct disk *files = os_disk_interface(disk);
        struct disk_file *file = NULL;
        is_member = files->ops->open(files, STATE_NAME, DISK_READ, &file) != STATUS_NOT_FOUND;
        files->ops->close(files, file);
        os_disk_destroy(disk);
    }
    memory_free(path);
    return is_member;
}

/* Of a folder that is not open, and need not be there. */
static bool holds_data(const char *folder)
{
    struct os_disk *disk = NULL;
    struct complaint complaint;
    bool any = false;
    if (os_disk_inspect(&disk, folder, &complaint) == STATUS_OK) {
        any = content_look(os_disk_interface(disk), &any, &complaint) == STATUS_OK && any;
        os_disk_destroy(disk);
    }
    return any;
}

enum status host_folder_prepare(const struct config *config, struct complaint *complaint)
{
    if (!config->cluster_mode || config_data_folder_given(config)) {
        return STATUS_OK;
    }
    const char *folder = config->data_folder;
    char *usual = host_folder_path(config->home, NAME);
    bool left_behind = config->bootstrap && !host_folder_is_member(folder) && !holds_data(folder) &&
                       holds_data(usual) && !host_folder_is_member(usual);
    memory_free(usual);
    if (left_behind) { /* host_folder P1 */
        complaint_set(complaint,
                      USUAL " holds the data of a single node, and %s, where a node of a cluster has them, holds none: "
                            "start it with --data_folder=" USUAL " to take them along, or with --data_folder=%s to "
                            "begin without them",
                      folder, folder);
        return STATUS_REFUSED;
    }
    return os_disk_make_parent(folder, complaint);
}

enum status host_folder_admit(const struct config *config, struct disk *data, bool member, bool *any,
                              struct complaint *complaint)
{
    TRY(content_look(data, any, complaint));
    if (member || config->bootstrap) {
        return STATUS_OK;
    }
    if (config->join.count == 0) {
        complaint_set(complaint, "this node is in no cluster yet: begin one with --bootstrap or enter one with "
                                 "--join=host:port");
        return STATUS_REFUSED;
    }
    if (*any) { /* host_folder P1 */
        complaint_set(complaint,
                      "%s holds the data of a node that is in no cluster: they would be lost. Begin the cluster here "
                      "with --bootstrap, or use another data_folder",
                      config->data_folder);
        return STATUS_REFUSED;
    }
    return STATUS_OK;
}
