/* SPDX-License-Identifier: MIT */

/* trust.h - whether a file may be believed, by who may write to it.
 *
 * Why      Whoever can write to the data, to a module or to the configuration can have the server do anything. A server
 *          that begins with a file which everybody may write to has been taken over already, for all it knows.
 *
 * Limits   Looks at permissions alone. Who owns the file is trusted, whoever that is: it is right that one person
 *          deploys and another one runs, that containers mount what belongs to others, and an owner could give the
 *          permission back at any time. Access lists are beyond it, but show in the group's bits. */
#ifndef GEOMYS_BASE_TRUST_H
#define GEOMYS_BASE_TRUST_H

#include "base/status.h"

#define TRUST_GROUP  00002u /* the group may write, everybody may not */
#define TRUST_NOBODY 00022u /* nobody but the owner may write */

/* REFUSED if `mode`, as stat has it, gives any of the permissions `forbidden`, with the command that mends it: "the
 * data folder /x ...". */
must_use enum status trust(unsigned mode, unsigned forbidden, const char *what, const char *path,
                           struct complaint *complaint);

#endif
