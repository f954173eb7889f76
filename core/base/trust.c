/* SPDX-License-Identifier: MIT */

/* trust.c - trust.h has the argument. */
#include "base/trust.h"

enum status trust(unsigned mode, unsigned forbidden, const char *what, const char *path, struct complaint *complaint)
{
    unsigned open = mode & forbidden;
    check((forbidden & ~TRUST_NOBODY) == 0);
    if (open == 0) {
        return STATUS_OK;
    }
    const char *who = (open & TRUST_GROUP) != 0 ? "everybody on this machine" : "its group";
    const char *bits = open == TRUST_NOBODY ? "go-w" : (open & TRUST_GROUP) != 0 ? "o-w" : "g-w";
    complaint_set(complaint, "%s %s may be written to by %s, who could have the server do anything: chmod %s %s", what,
                  path, who, bits, path);
    return STATUS_REFUSED;
}
