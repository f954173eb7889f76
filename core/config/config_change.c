/* SPDX-License-Identifier: MIT */

/* config_change.c - several settings at once, all or none.
 *
 * Why      Whether a change can be had is not known by its values alone: the system may not allow as many connections.
 *          So it is made first, then shown to those whom it touches, then kept or undone.
 *
 * Idea     What each setting was is held as text, and put back if one that follows is refused, or if the caller says
 *          so: through the same door through which it once came in, so it cannot be refused now. */
#include "config/config_keys.h"

static void release(struct config_change *change)
{
    for (size_t i = 0; i < change->count; i++) {
        buf_finish(&change->settings[i].before);
    }
    change->count = 0;
}

void config_change_keep(struct config_change *change)
{
    release(change);
}

void config_change_undo(struct config_change *change)
{
    for (size_t i = change->count; i > 0; i--) {
        const struct config_changed *setting = &change->settings[i - 1];
        struct complaint complaint;
        enum status status = config_put_any(change->config, setting->key, buf_bytes(&setting->before), &complaint);
        check(status == STATUS_OK); /* config P2 */
    }
    release(change);
}

static must_use enum status change_one(struct config_change *change, const struct gm_bytes *pair,
                                       struct complaint *complaint)
{
    const struct config_key *key = config_key_named(pair[0]);
    for (size_t i = 0; i < change->count; i++) {
        if (change->settings[i].key == key) {
            complaint_set(complaint, "\"%s\" is given twice", key->name);
            return STATUS_INVALID;
        }
    }
    if (key == NULL || key->touches == 0) {
        return config_set(change->config, key != NULL ? gm_bytes_of(key->name) : pair[0], pair[1], complaint);
    }
    check(change->count < CONFIG_KEYS_MAX); /* none comes twice */
    struct config_changed *setting = &change->settings[change->count];
    buf_init(&setting->before, CONFIG_TEXT_MAX + 64);
    config_raw(change->config, key, &setting->before);
    enum status status = config_set(change->config, gm_bytes_of(key->name), pair[1], complaint);
    if (status != STATUS_OK) {
        buf_finish(&setting->before);
        return status;
    }
    setting->key = key;
    change->count++;
    change->touches |= key->touches;
    return STATUS_OK;
}

enum status config_change(struct config *config, const struct gm_bytes *pairs, size_t count,
                          struct config_change *change, struct complaint *complaint)
{
    change->config = config;
    change->count = 0;
    change->touches = 0;
    for (size_t i = 0; i < count; i++) {
        enum status status = change_one(change, pairs + 2 * i, complaint);
        if (status != STATUS_OK) {
            config_change_undo(change);
            return status;
        }
    }
    return STATUS_OK;
}
