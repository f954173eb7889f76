/* SPDX-License-Identifier: MIT */

/* settings.h - the file that the configuration was read from, for the one command that writes it (CONFIG REWRITE). */
#ifndef GEOMYS_ENV_SETTINGS_H
#define GEOMYS_ENV_SETTINGS_H

#include "base/buf.h"
#include "base/status.h"

struct settings;

/* Both block, and refuse with a complaint: NOT_FOUND, TOO_BIG, NO_SPACE, REFUSED, IO. */
struct settings_ops {
    /* Appends the whole file to `text`. */
    enum status (*read)(struct settings *, struct buf *text, struct complaint *complaint);
    /* The file holds `text` from now on, and after a crash either this or what it held before. Its permissions stay. */
    enum status (*replace)(struct settings *, struct gm_bytes text, struct complaint *complaint);
};

struct settings {
    const struct settings_ops *ops;
};

#endif
