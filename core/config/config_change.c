/* SPDX-License-Identifier: MIT */

/* config_change.c - several settings at once, all or none.
 *
 * Idea     What each was is kept as text, and put back if one that follows is refused: through the same door through
 *          which it once came in, so it can not be refused now. */
#include <stdio.h>

#include "config/config_keys.h"

struct change {
    const struct config_key *key;
    struct buf before; /* its value as text */
};

static void undo(struct config *config, struct change *changes, size_t count)
{
    while (count > 0) {
        const struct change *change = &changes[--count];
        struct complaint complaint;
        enum status status = config_put_any(config, change->key, buf_bytes(&change->before), &complaint);
        check(status == STATUS_OK);
    }
}

static must_use enum status change_one(struct config *config, struct change *changes, size_t count,
                                       const struct gm_bytes *pair, struct complaint *complaint)
{
    const struct config_key *key = config_key_named(pair[0]);
    for (size_t i = 0; i < count; i++) {
        if (changes[i].key == key) {
            complaint_set(complaint, "\"%s\" is given twice", key->name);
            return STATUS_INVALID;
        }
    }
    if (key != NULL && (key->flags & CONFIG_CHANGEABLE) != 0) {
        changes[count].key = key;
        config_raw(config, key, &changes[count].before);
        return config_set(config, gm_bytes_of(key->name), pair[1], complaint);
    }
    return config_set(config, pair[0], pair[1], complaint); /* which says what is wrong */
}

enum status config_set_all(struct config *config, const struct gm_bytes *pairs, size_t count,
                           struct complaint *complaint)
{
    struct change changes[CONFIG_KEYS_MAX + 1]; /* none comes twice */
    enum status status = STATUS_OK;
    size_t done = 0;
    while (done < count && status == STATUS_OK) {
        check(done <= CONFIG_KEYS_MAX);
        changes[done].key = NULL;
        buf_init(&changes[done].before, CONFIG_TEXT_MAX + 64);
        status = change_one(config, changes, done, pairs + 2 * done, complaint);
        done++;
    }
    if (status != STATUS_OK) {
        undo(config, changes, done - 1);
    }
    for (size_t i = 0; i < done; i++) {
        buf_finish(&changes[i].before);
    }
    return status;
}
