/* SPDX-License-Identifier: MIT */

/* trust.c - trust.h has the argument. */
#include "base/trust.h"

enum status trust(const struct stat *info, mode_t forbidden, const char *what, const char *path,
                  struct complaint *complaint)
{
    mode_t open = info->st_mode & forbidden;
    check((forbidden & ~(mode_t)TRUST_NOBODY) == 0);
    if (open == 0) {
        return STATUS_OK;
    }
    const char *who = (open & S_IWOTH) != 0 ? "everybody on this machine" : "its group";
    const char *bits = open == TRUST_NOBODY ? "go-w" : (open & S_IWOTH) != 0 ? "o-w" : "g-w";
    complaint_set(complaint, "%s %s may be written to by %s, who could have the server do anything: chmod %s %s", what,
                  path, who, bits, path);
    return STATUS_REFUSED;
}
