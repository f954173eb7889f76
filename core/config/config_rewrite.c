/* SPDX-License-Identifier: MIT */

/* config_rewrite.c - the settings as they are now, into the text that they were read from.
 *
 * Why      A person has written that file: its order, its blanks, "1gb" rather than 1073741824. Writing it anew from a
 *          tree would lose all that.
 *
 * Idea     The strict walk (config_json_walk.c) says where each value stands. Only values that are not what they should
 *          be are exchanged, and what is missing is put behind the last member, indented like it:
 *
 *              { "port..": 7000,        { "port..": 7000,
 *                "maxclients": 5   ──►    "maxclients": 9,
 *              }                          "timeout_s": 60
 *                                       }
 *
 * Promises
 *   P1  Every byte that is no value of a changed setting stays.
 *   P2  What is written is read back before anybody gets it: it is what the server has now.
 *   P3  A secret is written only where one stands already.
 *
 * Only what can be changed at run time is written: of the rest, the running server has what the file or a flag said. */
#include <cjson/cJSON.h>
#include <stdio.h>

#include "config/config_json.h"
#include "config/config_keys.h"

struct rewrite {
    const struct config *config;
    const struct config *file; /* as the text has it */
    const struct config *defaults;
    struct gm_bytes text;
    struct config_json_spans spans;
    struct buf *out;
    bool given[CONFIG_ROWS_MAX]; /* in the text, by row */
};

static bool is_same(const struct config *a, const struct config *b, const struct config_key *key)
{
    struct buf texts[2];
    buf_init(&texts[0], CONFIG_TEXT_MAX + 64);
    buf_init(&texts[1], CONFIG_TEXT_MAX + 64);
    config_raw(a, key, &texts[0]);
    config_raw(b, key, &texts[1]);
    bool same = gm_bytes_equal(buf_bytes(&texts[0]), buf_bytes(&texts[1]));
    buf_finish(&texts[0]);
    buf_finish(&texts[1]);
    return same;
}

/* ---- one value ---- */

static void write_text(struct buf *out, struct gm_bytes text)
{
    (void)buf_append(out, BYTES("\""));
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (byte == '"' || byte == '\\') {
            (void)buf_format(out, "\\%c", byte);
        } else if (byte < ' ') {
            (void)buf_format(out, "\\u%04x", byte);
        } else {
            (void)buf_append(out, (struct gm_bytes){&byte, 1});
        }
    }
    (void)buf_append(out, BYTES("\""));
}

static void write_value(struct rewrite *rewrite, const struct config_key *key)
{
    struct buf text;
    bool secret = (key->flags & CONFIG_SECRET) != 0;
    check(!secret || rewrite->given[config_row_of(key)]); /* config_rewrite P3 */
    buf_init(&text, CONFIG_TEXT_MAX + 64);
    config_raw(rewrite->config, key, &text);
    check(!text.full);
    bool share = key->type == CONFIG_SIZE && text.data[text.size - 1] == '%';
    if (key->type == CONFIG_BOOL || key->type == CONFIG_INT || key->type == CONFIG_DOUBLE ||
        (key->type == CONFIG_SIZE && !share)) {
        (void)buf_append(rewrite->out, buf_bytes(&text));
    } else {
        write_text(rewrite->out, buf_bytes(&text));
    }
    buf_finish(&text);
}

/* ---- what is there ---- */

static const struct config_key *key_of(const struct rewrite *rewrite, struct config_json_span name)
{
    cJSON *text = cJSON_ParseWithLength((const char *)rewrite->text.data + name.start, name.end - name.start);
    check(text != NULL && cJSON_IsString(text)); /* the walk has seen it */
    const struct config_key *key = config_key_find(gm_bytes_of(text->valuestring), false);
    cJSON_Delete(text);
    return key; /* config_from_json has taken it: NULL is a module's name */
}

/* The number of the value that stands behind the name. */
static size_t value_of(const struct rewrite *rewrite, struct config_json_span name)
{
    size_t i = 0;
    while (rewrite->spans.values[i].start < name.end) {
        i++;
    }
    return i;
}

static void copy(struct rewrite *rewrite, size_t start, size_t end)
{
    check(start <= end && end <= rewrite->text.size); /* config_rewrite P1: nothing twice, nothing left out */
    (void)buf_append(rewrite->out, (struct gm_bytes){rewrite->text.data + start, end - start});
}

/* Copies from `at` on to behind the value, or to behind another one in its place. Returns how far that is. */
static size_t keep_or_exchange(struct rewrite *rewrite, const struct config_key *key, struct config_json_span value,
                               size_t at)
{
    rewrite->given[config_row_of(key)] = true;
    if (key->touches != 0 && !is_same(rewrite->config, rewrite->file, key)) {
        copy(rewrite, at, value.start);
        write_value(rewrite, key);
        return value.end;
    }
    copy(rewrite, at, value.end);
    return value.end;
}

static bool is_missing(const struct rewrite *rewrite, const struct config_key *key)
{
    bool wanted = key->touches != 0 && (key->flags & CONFIG_SECRET) == 0 && !rewrite->given[config_row_of(key)];
    return wanted && !is_same(rewrite->config, rewrite->defaults, key);
}

static bool is_of_module(const struct config_key *key, struct gm_bytes module)
{
    return (key->flags & CONFIG_EXTRA) != 0 && config_extra_module_size(key) == module.size &&
           memcmp(key->name, module.data, module.size) == 0;
}

/* What is missing of a module, as members of its object. */
static void add_of_module(struct rewrite *rewrite, struct gm_bytes module, bool first)
{
    for (size_t i = config_key_count(); i < config_row_count(rewrite->config); i++) {
        const struct config_key *key = config_row(rewrite->config, i);
        if (is_of_module(key, module) && is_missing(rewrite, key)) {
            (void)buf_format(rewrite->out, "%s \"%s\": ", first ? "" : ",", key->name + module.size + 1);
            write_value(rewrite, key);
            rewrite->given[i] = true;
            first = false;
        }
    }
}

/* The object of a module, whose values are the numbers from `value` on. */
static size_t exchange_module(struct rewrite *rewrite, struct config_json_span name, size_t value, size_t at)
{
    const char *start = (const char *)rewrite->text.data;
    struct config_json_span whole = rewrite->spans.values[value];
    cJSON *module = cJSON_ParseWithLength(start + name.start, name.end - name.start);
    cJSON *object = cJSON_ParseWithLength(start + whole.start, whole.end - whole.start);
    check(module != NULL && object != NULL && cJSON_IsObject(object)); /* config_from_json has taken it */
    size_t end = whole.start + 1;
    size_t number = value + 1;
    copy(rewrite, at, end);
    const cJSON *member;
    cJSON_ArrayForEach(member, object)
    {
        char full[2 * CONFIG_NAME_MAX + 2];
        (void)snprintf(full, sizeof full, "%s.%s", module->valuestring, member->string);
        const struct config_key *key = config_extra_find(rewrite->config, gm_bytes_of(full), false);
        check(key != NULL); /* config_extra_settle has taken it */
        end = keep_or_exchange(rewrite, key, rewrite->spans.values[number++], end);
    }
    add_of_module(rewrite, gm_bytes_of(module->valuestring), number == value + 1);
    copy(rewrite, end, whole.end);
    cJSON_Delete(module);
    cJSON_Delete(object);
    return whole.end;
}

/* Returns how far the text has been copied: to behind the last value, or the opening bracket. */
static size_t exchange(struct rewrite *rewrite)
{
    size_t at = rewrite->spans.values[0].start + 1;
    copy(rewrite, 0, at);
    for (size_t i = 0; i < rewrite->spans.name_count; i++) {
        const struct config_key *key = key_of(rewrite, rewrite->spans.names[i]);
        size_t value = value_of(rewrite, rewrite->spans.names[i]);
        at = key == NULL ? exchange_module(rewrite, rewrite->spans.names[i], value, at)
                         : keep_or_exchange(rewrite, key, rewrite->spans.values[value], at);
    }
    return at;
}

/* ---- what is missing ---- */

/* What stands before the last name: the same before each that is added. */
static struct gm_bytes indent(const struct rewrite *rewrite)
{
    if (rewrite->spans.name_count == 0) {
        return BYTES("\n    ");
    }
    size_t end = rewrite->spans.names[rewrite->spans.name_count - 1].start;
    size_t start = end;
    while (start > 0 && strchr(" \t\r\n", rewrite->text.data[start - 1]) != NULL) {
        start--;
    }
    return (struct gm_bytes){rewrite->text.data + start, end - start};
}

static void add_missing(struct rewrite *rewrite)
{
    bool first = rewrite->spans.name_count == 0;
    for (size_t i = 0; i < config_row_count(rewrite->config); i++) {
        const struct config_key *key = config_row(rewrite->config, i);
        if (!is_missing(rewrite, key)) {
            continue;
        }
        (void)buf_append(rewrite->out, first ? BYTES_NONE : BYTES(","));
        (void)buf_append(rewrite->out, indent(rewrite));
        first = false;
        if ((key->flags & CONFIG_EXTRA) != 0) {
            struct gm_bytes module = gm_bytes_at(key->name, config_extra_module_size(key));
            (void)buf_format(rewrite->out, "\"%.*s\": {", (int)module.size, key->name);
            add_of_module(rewrite, module, true);
            (void)buf_append(rewrite->out, BYTES(" }"));
        } else {
            (void)buf_format(rewrite->out, "\"%s\": ", key->name);
            write_value(rewrite, key);
        }
    }
    if (rewrite->spans.name_count == 0 && !first) {
        (void)buf_append(rewrite->out, BYTES("\n"));
    }
}

/* ---- the whole ---- */

static must_use enum status verify(const struct rewrite *rewrite, struct complaint *complaint)
{
    struct config back;
    config_init(&back, NULL);
    enum status status = rewrite->out->full ? STATUS_TOO_BIG : STATUS_OK;
    if (status != STATUS_OK) {
        complaint_set(complaint, "the configuration file would be larger than 1 MiB");
    } else {
        status = config_from_json(&back, "the new file", buf_bytes(rewrite->out), complaint);
    }
    if (status == STATUS_OK) {
        status = config_extra_follow(&back, rewrite->config, complaint);
    }
    for (size_t i = 0; i < config_row_count(rewrite->config) && status == STATUS_OK; i++) {
        const struct config_key *key = config_row(rewrite->config, i);
        bool hidden = (key->flags & CONFIG_SECRET) != 0 && !rewrite->given[i];
        if (key->touches != 0 && !hidden && !is_same(rewrite->config, &back, key)) {
            complaint_set(complaint, "the value of \"%s\" cannot be written as JSON", key->name);
            status = STATUS_INVALID;
        }
    }
    config_finish(&back);
    return status;
}

static must_use enum status write_all(struct rewrite *rewrite, struct complaint *complaint)
{
    size_t unused;
    TRY(config_json_walk(rewrite->text, &rewrite->spans, &unused, complaint));
    size_t at = exchange(rewrite);
    add_missing(rewrite);
    copy(rewrite, at, rewrite->text.size);
    return verify(rewrite, complaint);
}

enum status config_rewrite(const struct config *config, const char *file_name, struct gm_bytes text, struct buf *out,
                           struct complaint *complaint)
{
    struct config file;
    struct config defaults;
    config_init(&file, NULL);
    config_init(&defaults, NULL);
    struct rewrite rewrite = {.config = config, .file = &file, .defaults = &defaults, .text = text, .out = out};
    enum status status = config_from_json(&file, file_name, text, complaint);
    if (status == STATUS_OK) {
        status = config_extra_follow(&file, config, complaint);
    }
    if (status == STATUS_OK) {
        status = config_extra_follow(&defaults, config, complaint);
    }
    if (status == STATUS_OK) {
        status = write_all(&rewrite, complaint);
    }
    config_json_spans_finish(&rewrite.spans);
    config_finish(&defaults);
    config_finish(&file);
    return status;
}
