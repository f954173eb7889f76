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

static void undo(struct config *config, const struct config_changed *setting)
{
    if (setting->key == NULL) {
        config_redis_undo(config, setting);
    } else if (setting->taken) {
        struct complaint complaint;
        enum status status = config_put_any(config, setting->key, buf_bytes(&setting->before), &complaint);
        check(status == STATUS_OK); /* config P2 */
    }
}

void config_change_undo(struct config_change *change)
{
    for (size_t i = change->count; i > 0; i--) {
        undo(change->config, &change->settings[i - 1]);
    }
    release(change);
}

struct config_changed *config_change_note(struct config_change *change, const struct config_key *key, size_t row)
{
    for (size_t i = 0; i < change->count; i++) {
        const struct config_changed *other = &change->settings[i];
        if (key != NULL ? other->key == key : other->key == NULL && other->row == row) {
            return NULL;
        }
    }
    check(change->count < CONFIG_ROWS_MAX + CONFIG_REDIS_MAX); /* none comes twice */
    struct config_changed *setting = &change->settings[change->count++];
    setting->key = key;
    setting->row = row;
    setting->taken = false;
    buf_init(&setting->before, CONFIG_TEXT_MAX + 64);
    return setting;
}

/* Whether the setting is shown so already: a tool that sets what it has just been told changes nothing, be it what the
 * start alone says, or a password of which it was told that it is hidden. */
static bool is_so(const struct config *config, const struct config_key *key, struct gm_bytes text)
{
    struct buf now;
    buf_init(&now, CONFIG_LIST_MAX * CONFIG_TEXT_MAX);
    config_describe(config, config_row_of(key), &now);
    bool same = gm_bytes_equal(buf_bytes(&now), text);
    buf_finish(&now);
    return same;
}

enum status config_change_own(struct config_change *change, const struct config_key *key, struct gm_bytes text,
                              struct complaint *complaint)
{
    struct config_changed *setting = config_change_note(change, key, 0);
    if (setting == NULL) {
        complaint_set(complaint, CONFIG_TWICE ": \"%s\"", key->name);
        return STATUS_INVALID;
    }
    bool told = key->touches == 0 || (key->flags & CONFIG_SECRET) != 0;
    if (told && is_so(change->config, key, text)) {
        return STATUS_OK;
    }
    if (key->touches != 0) {
        config_raw(change->config, key, &setting->before);
    }
    TRY(config_set(change->config, gm_bytes_of(key->name), text, complaint));
    setting->taken = true;
    change->touches |= key->touches;
    return STATUS_OK;
}

/* "1m" is 1000000 where tools of Redis say it, and nobody else does. */
static must_use enum status change_own_as_said(struct config_change *change, const struct config_key *key,
                                               struct gm_bytes text, struct complaint *complaint)
{
    int64_t bytes;
    char digits[20];
    if (key->type == CONFIG_SIZE && config_redis_bytes(text, &bytes)) {
        text = (struct gm_bytes){(const uint8_t *)digits, bytes_from_int(digits, bytes)};
    }
    return config_change_own(change, key, text, complaint);
}

static must_use enum status change_one(struct config_change *change, const struct gm_bytes *pair,
                                       struct complaint *complaint)
{
    size_t row = config_redis_find(pair[0]);
    bool theirs = row < config_redis_count();
    const struct config_key *key = theirs ? config_redis_own(row) : config_find(change->config, pair[0], true);
    change->blamed = pair[0];
    if (key == NULL && theirs) {
        return config_redis_change(change, row, pair[1], complaint);
    }
    if (key == NULL && config_extra_is(pair[0])) {
        config_extra_unknown(change->config, pair[0], complaint);
        return STATUS_INVALID;
    }
    if (key == NULL) {
        config_key_unknown(pair[0], complaint);
        return STATUS_NOT_FOUND;
    }
    return change_own_as_said(change, key, pair[1], complaint);
}

enum status config_change(struct config *config, const struct gm_bytes *pairs, size_t count,
                          struct config_change *change, struct complaint *complaint)
{
    change->config = config;
    change->count = 0;
    change->touches = 0;
    change->blamed = BYTES_NONE;
    for (size_t i = 0; i < count; i++) {
        enum status status = change_one(change, pairs + 2 * i, complaint);
        if (status != STATUS_OK) {
            config_change_undo(change);
            return status;
        }
    }
    return STATUS_OK;
}
