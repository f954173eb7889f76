/* SPDX-License-Identifier: MIT */

/* reload.c - what a file says now, through the door of CONFIG SET; reload.h has the rules. */
#include "node/reload.h"

#include "config/config_keys.h"
#include "node/publish.h"

struct news {
    struct gm_bytes pairs[2 * CONFIG_ROWS_MAX];
    struct buf values[CONFIG_ROWS_MAX]; /* owned */
    size_t count;
    struct buf changed; /* the names of these */
    struct buf waiting; /* the names of those that only a start takes */
};

static bool is_secret(const struct config *config, size_t index)
{
    return (config_row(config, index)->flags & CONFIG_SECRET) != 0;
}

/* Whether a file says, or said, what it is. */
static bool is_of_file(const struct config *now, const struct config *fresh, size_t index)
{
    enum config_origin was = config_origin(now, config_row(now, index));
    enum config_origin is = config_origin(fresh, config_row(fresh, index));
    if (is == CONFIG_ORIGIN_FILE || (is_secret(now, index) && fresh->password_taken)) {
        return true;
    }
    return was == CONFIG_ORIGIN_FILE && is == CONFIG_ORIGIN_DEFAULT && !is_secret(now, index);
}

static bool differs(const struct config *now, const struct config *fresh, size_t index, struct buf *value)
{
    struct buf before;
    buf_init(&before, CONFIG_LIST_MAX * CONFIG_TEXT_MAX);
    config_raw(now, config_row(now, index), &before);
    config_raw(fresh, config_row(fresh, index), value);
    bool same = gm_bytes_equal(buf_bytes(&before), buf_bytes(value));
    buf_finish(&before);
    return !same;
}

static void add_name(struct buf *names, const char *name)
{
    (void)buf_format(names, "%s%s", names->size > 0 ? ", " : "", name);
}

static void look_at(struct news *news, const struct config *now, const struct config *fresh, size_t index)
{
    struct buf *value = &news->values[news->count];
    buf_init(value, CONFIG_LIST_MAX * CONFIG_TEXT_MAX);
    bool differ = is_of_file(now, fresh, index) && differs(now, fresh, index, value);
    const char *name = config_row_name(now, index);
    if (differ && config_row(now, index)->touches != 0) {
        news->pairs[2 * news->count] = gm_bytes_of(name);
        news->pairs[2 * news->count + 1] = buf_bytes(value);
        news->count++;
        add_name(&news->changed, name);
        return;
    }
    buf_finish(value);
    if (differ) {
        add_name(&news->waiting, name);
    }
}

/* The next reload compares with what this one has read. */
static void take_origins(struct config *now, const struct config *fresh)
{
    for (size_t i = 0; i < config_row_count(now); i++) {
        if (config_row(now, i)->touches != 0 && is_of_file(now, fresh, i)) {
            config_set_origin(now, config_row(now, i), config_origin(fresh, config_row(fresh, i)));
            now->password_taken = is_secret(now, i) ? fresh->password_taken : now->password_taken;
        }
    }
}

static void tell(const struct node *node, const struct news *news)
{
    const struct trace *trace_to = &node->env.trace;
    trace(trace_to, TRACE_INFO, "the settings were read again; changed: %.*s",
          news->count > 0 ? (int)news->changed.size : 7,
          news->count > 0 ? (const char *)news->changed.data : "nothing");
    if (news->waiting.size > 0) {
        trace(trace_to, TRACE_WARNING, "these have other values in the file now, which only a start takes: %.*s",
              (int)news->waiting.size, (const char *)news->waiting.data);
    }
}

/* Whoever takes the password out of the file may believe that none is asked for. */
static void tell_kept_password(const struct node *node, const struct config *fresh)
{
    if (node->config->password[0] != '\0' && fresh->password[0] == '\0') {
        trace(&node->env.trace, TRACE_WARNING,
              "no file gives a password: the one of now stays until CONFIG SET takes it away, and the next start will "
              "ask for none");
    }
}

enum status reload(struct node *node, struct config *fresh, struct complaint *complaint)
{
    struct news news = {.count = 0};
    TRY(config_extra_follow(fresh, node->config, complaint));
    buf_init(&news.changed, 4096);
    buf_init(&news.waiting, 4096);
    publish_fit(node, fresh);
    for (size_t i = 0; i < config_row_count(fresh); i++) {
        look_at(&news, node->config, fresh, i);
    }
    struct gm_bytes blamed; /* the complaint names it as well */
    enum status status = publish_change(node, news.pairs, news.count, &blamed, complaint);
    if (status == STATUS_OK) {
        tell(node, &news);
        tell_kept_password(node, fresh);
        take_origins(node->config, fresh);
    }
    for (size_t i = 0; i < news.count; i++) {
        buf_finish(&news.values[i]);
    }
    buf_finish(&news.changed);
    buf_finish(&news.waiting);
    return status;
}
