/* SPDX-License-Identifier: MIT */

/* config.c - a config's life: defaults, describing, changing at run time.
 *
 * Why      Settings come from three places and are read by everybody; if each place had its own idea of a port's range,
 *          the three would drift apart.
 *
 * Idea     One table (config_keys.c) says of each setting its type, range, default and sentence. All three sources put
 *          values through the same few functions; what depends on more than one value is checked once, at the end
 *          (config_complete.c).
 */
#include "config/config.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "config/config_keys.h"

static char *text_copy(const char *text, size_t size)
{
    char *copy = memory_alloc(size + 1);
    memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

void config_init(struct config *config, const char *home)
{
    *config = (struct config){.want = CONFIG_WANT_RUN};
    config->home = text_copy(home != NULL ? home : "", home != NULL ? strlen(home) : 0);
    config->file = text_copy("", 0);
    for (size_t i = 0; i < config_key_count(); i++) {
        struct complaint complaint;
        /* An empty list has no text: putting "" would add an empty element. */
        const struct config_key *key = config_key_at(i);
        bool empty_list = (key->type == CONFIG_LIST || key->type == CONFIG_PATHS) && key->fallback[0] == '\0';
        enum status status =
            empty_list ? STATUS_OK : config_put_any(config, key, gm_bytes_of(key->fallback), &complaint);
        check(status == STATUS_OK);
    }
}

static void release_value(struct config *config, const struct config_key *key)
{
    switch (key->type) {
    case CONFIG_TEXT:
    case CONFIG_PATH: {
        char **text = config_field(config, key);
        memory_free(*text);
        *text = NULL;
        break;
    }
    case CONFIG_LIST:
    case CONFIG_PATHS:
        config_list_clear(config_field(config, key));
        break;
    case CONFIG_BOOL:
    case CONFIG_INT:
    case CONFIG_SIZE:
    case CONFIG_OCTAL:
    case CONFIG_CHOICE:
    case CONFIG_DOUBLE:
        break;
    }
}

void config_finish(struct config *config)
{
    for (size_t i = 0; i < config_key_count(); i++) {
        release_value(config, config_key_at(i));
    }
    config_redis_finish(config);
    config_extra_finish(config);
    memory_free(config->home);
    memory_free(config->file);
    *config = (struct config){0};
}

/* ---- who may reach it ---- */

bool config_is_loopback(const char *address)
{
    unsigned a;
    unsigned b;
    unsigned c;
    unsigned d;
    int end = 0;
    if (strcmp(address, "localhost") == 0 || strcmp(address, "::1") == 0) {
        return true;
    }
    return strspn(address, "0123456789.") == strlen(address) && strlen(address) <= 15 &&
           sscanf(address, "%3u.%3u.%3u.%3u%n", &a, &b, &c, &d, &end) == 4 && address[end] == '\0' && a == 127 &&
           b <= 255 && c <= 255 && d <= 255;
}

enum status config_check_open(const struct config *config, struct complaint *complaint)
{
    if (config->allow_insecure || config->external_port == 0 || config->password[0] != '\0' ||
        config->password_file[0] != '\0') {
        return STATUS_OK;
    }
    for (size_t i = 0; i < config->bind.count; i++) {
        if (!config_is_loopback(config->bind.items[i])) {
            complaint_set(
                complaint,
                "\"bind\" names %s, which other machines may reach, and there is no password: set \"password\" "
                "or \"password_file\", or \"allow_insecure\" if everybody there may read and change all data",
                config_show(gm_bytes_of(config->bind.items[i])).text);
            return STATUS_REFUSED;
        }
    }
    return STATUS_OK;
}

enum status config_take_password(struct config *config, struct gm_bytes content, struct complaint *complaint)
{
    if (content.size > 0 && content.data[content.size - 1] == '\n') {
        content.size--;
    }
    if (content.size > 0 && content.data[content.size - 1] == '\r') {
        content.size--;
    }
    const char *wrong = content.size == 0                          ? "is empty"
                        : memchr(content.data, '\n', content.size) ? "has more than one line"
                                                                   : NULL;
    if (wrong != NULL) {
        complaint_set(complaint, "the file that \"password_file\" names %s: it must hold the password on one line",
                      wrong);
        return STATUS_INVALID;
    }
    const struct config_key *key = config_key_find(BYTES("password"), false);
    TRY(config_put_text(config, key, content, complaint));
    config->password_taken = true;
    return STATUS_OK;
}

bool config_bind_given(const struct config *config)
{
    return config_origin(config, config_key_find(BYTES("bind"), false)) != CONFIG_ORIGIN_DEFAULT;
}

bool config_data_folder_given(const struct config *config)
{
    return config_origin(config, config_key_find(BYTES("data_folder"), false)) != CONFIG_ORIGIN_DEFAULT;
}

bool config_modules_given(const struct config *config)
{
    return config_origin(config, config_key_find(BYTES("modules"), false)) != CONFIG_ORIGIN_DEFAULT ||
           config_origin(config, config_key_find(BYTES("module_folder"), false)) != CONFIG_ORIGIN_DEFAULT;
}

void config_take_module_folder(struct config *config, const char *folder)
{
    check(!config_modules_given(config));
    size_t size = strlen(folder) + 1;
    memory_free(config->module_folder);
    config->module_folder = memcpy(memory_alloc(size), folder, size);
}

bool config_file_path(const struct config *config, struct buf *path)
{
    const char *name = config->file[0] != '\0' ? config->file : "~/.geomys/geomys.conf";
    bool relative_to_home = name[0] == '~' && name[1] == '/';
    if (relative_to_home && config->home[0] == '\0') {
        return false;
    }
    return buf_append(path, gm_bytes_of(relative_to_home ? config->home : "")) &&
           buf_append(path, gm_bytes_of(relative_to_home ? name + 1 : name));
}

/* ---- describing ---- */

static void describe_choice(const struct config_key *key, int64_t index, struct buf *value)
{
    const char *word = key->choices;
    for (; index > 0; index--) {
        word = strchr(word, ' ') + 1;
    }
    (void)buf_append(value, (struct gm_bytes){(const uint8_t *)word, strcspn(word, " ")});
}

static void describe_text(const struct config_key *key, const char *text, struct buf *value)
{
    bool hidden = (key->flags & CONFIG_SECRET) != 0 && text[0] != '\0';
    (void)buf_append(value, gm_bytes_of(hidden ? "(hidden)" : text));
}

static void describe_size(int64_t size, struct buf *value)
{
    if (size < 0) { /* CONFIG_SHARE */
        (void)buf_format(value, "%lld%%", (long long)-size);
    } else {
        (void)buf_format(value, "%lld", (long long)size);
    }
}

void config_describe(const struct config *config, size_t index, struct buf *value)
{
    const struct config_key *key = config_row(config, index);
    const void *at = config_field(config, key);
    switch (key->type) {
    case CONFIG_BOOL:
        (void)buf_append(value, gm_bytes_of(*(const bool *)at ? "true" : "false"));
        break;
    case CONFIG_INT:
        (void)buf_format(value, "%lld", (long long)*(const int64_t *)at);
        break;
    case CONFIG_SIZE:
        describe_size(*(const int64_t *)at, value);
        break;
    case CONFIG_OCTAL:
        (void)buf_format(value, "%llo", (unsigned long long)*(const int64_t *)at);
        break;
    case CONFIG_DOUBLE: {
        char text[GM_DOUBLE_TEXT];
        (void)buf_append(value, gm_bytes_at(text, config_double_text(text, *(const double *)at)));
        break;
    }
    case CONFIG_CHOICE:
        describe_choice(key, *(const int64_t *)at, value);
        break;
    case CONFIG_TEXT:
    case CONFIG_PATH:
        describe_text(key, *(char *const *)at, value);
        break;
    case CONFIG_LIST:
    case CONFIG_PATHS: {
        const struct config_list *list = at;
        for (size_t i = 0; i < list->count; i++) {
            (void)buf_append(value, gm_bytes_of(i > 0 ? "," : ""));
            (void)buf_append(value, gm_bytes_of(list->items[i]));
        }
        break;
    }
    }
}

void config_raw(const struct config *config, const struct config_key *key, struct buf *value)
{
    if (key->type == CONFIG_TEXT || key->type == CONFIG_PATH) {
        (void)buf_append(value, gm_bytes_of(*(char *const *)config_field(config, key)));
    } else {
        config_describe(config, config_row_of(key), value);
    }
}

/* ---- changing at run time ---- */

/* A changeable text is put beside the old one, so that a refusal leaves the old one in place (config P2). */
static must_use enum status set_text(struct config *config, const struct config_key *key, struct gm_bytes text,
                                     struct complaint *complaint)
{
    char **now = config_field(config, key);
    char *before = *now;
    *now = NULL;
    enum status status = config_put_any(config, key, text, complaint);
    if (status == STATUS_OK) {
        status = config_check_open(config, complaint);
    }
    if (status != STATUS_OK) {
        memory_free(*now);
        *now = before;
        return status;
    }
    memory_free(before);
    return STATUS_OK;
}

enum status config_set(struct config *config, struct gm_bytes name, struct gm_bytes text, struct complaint *complaint)
{
    const struct config_key *key = config_find(config, name, true);
    if (key == NULL && config_extra_is(name)) {
        config_extra_unknown(config, name, complaint);
        return STATUS_NOT_FOUND;
    }
    if (key == NULL) {
        config_key_unknown(name, complaint);
        return STATUS_NOT_FOUND;
    }
    if (key->touches == 0) {
        complaint_set(complaint, CONFIG_FIXED ": \"%s\" is read when the server starts", key->name);
        return STATUS_REFUSED;
    }
    check(key->type != CONFIG_LIST && key->type != CONFIG_PATHS);
    if (key->type == CONFIG_TEXT || key->type == CONFIG_PATH) {
        return set_text(config, key, text, complaint);
    }
    return config_put_any(config, key, text, complaint);
}
