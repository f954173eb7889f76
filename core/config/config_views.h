/* SPDX-License-Identifier: MIT */

/* config_views.h - settings of Redis that something of ours says in other words: `save` is snapshot_interval_s, and so
 * on. config_redis.c has the table whose rows name these functions.
 *
 * A reader appends the value as Redis shows it. A writer changes what of ours says it (config_change_own), or refuses
 * with a complaint: what it has changed then is undone by its caller. */
#ifndef GEOMYS_CONFIG_CONFIG_VIEWS_H
#define GEOMYS_CONFIG_CONFIG_VIEWS_H

#include "config/config_keys.h"

#define CONFIG_VIEW(stem)                                                                                              \
    void config_views_read_##stem(const struct config *config, struct buf *value);                                     \
    must_use enum status config_views_write_##stem(struct config_change *change, struct gm_bytes text,                 \
                                                   struct complaint *complaint)

CONFIG_VIEW(save);
CONFIG_VIEW(appendonly);
CONFIG_VIEW(appendfsync);
CONFIG_VIEW(loglevel);
CONFIG_VIEW(rdbcompression);
CONFIG_VIEW(protected_mode);
CONFIG_VIEW(output_limit);

/* Takes the first word off `rest`; blanks stand between words. An empty one: there is none. */
struct gm_bytes config_views_word(struct gm_bytes *rest);

#endif
