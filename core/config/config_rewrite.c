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
    struct gm_bytes text;
    struct config_json_spans spans;
    struct buf *out;
    bool given[CONFIG_KEYS_MAX]; /* in the text, by key */
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
    check(!secret || rewrite->given[key - config_key_at(0)]); /* config_rewrite P3 */
    buf_init(&text, CONFIG_TEXT_MAX + 64);
    config_raw(rewrite->config, key, &text);
    check(!text.full);
    bool share = key->type == CONFIG_SIZE && text.data[text.size - 1] == '%';
    if (key->type == CONFIG_BOOL || key->type == CONFIG_INT || (key->type == CONFIG_SIZE && !share)) {
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
    check(key != NULL); /* config_from_json has taken it */
    cJSON_Delete(text);
    return key;
}

static struct config_json_span value_of(const struct rewrite *rewrite, struct config_json_span name)
{
    size_t i = 0;
    while (rewrite->spans.values[i].start < name.end) {
        i++;
    }
    return rewrite->spans.values[i];
}

static void copy(struct rewrite *rewrite, size_t start, size_t end)
{
    check(start <= end && end <= rewrite->text.size); /* config_rewrite P1: nothing twice, nothing left out */
    (void)buf_append(rewrite->out, (struct gm_bytes){rewrite->text.data + start, end - start});
}

/* Returns how far the text has been copied: to behind the last value, or the opening bracket. */
static size_t exchange(struct rewrite *rewrite)
{
    size_t at = rewrite->spans.values[0].start + 1;
    copy(rewrite, 0, at);
    for (size_t i = 0; i < rewrite->spans.name_count; i++) {
        const struct config_key *key = key_of(rewrite, rewrite->spans.names[i]);
        struct config_json_span value = value_of(rewrite, rewrite->spans.names[i]);
        rewrite->given[key - config_key_at(0)] = true;
        if (key->touches != 0 && !is_same(rewrite->config, rewrite->file, key)) {
            copy(rewrite, at, value.start);
            write_value(rewrite, key);
            at = value.end;
        }
        copy(rewrite, at, value.end);
        at = value.end;
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

static void add_missing(struct rewrite *rewrite, const struct config *defaults)
{
    bool first = rewrite->spans.name_count == 0;
    for (size_t i = 0; i < config_key_count(); i++) {
        const struct config_key *key = config_key_at(i);
        bool wanted = key->touches != 0 && (key->flags & CONFIG_SECRET) == 0 && !rewrite->given[i];
        if (wanted && !is_same(rewrite->config, defaults, key)) {
            (void)buf_append(rewrite->out, first ? BYTES_NONE : BYTES(","));
            (void)buf_append(rewrite->out, indent(rewrite));
            (void)buf_format(rewrite->out, "\"%s\": ", key->name);
            write_value(rewrite, key);
            first = false;
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
    for (size_t i = 0; i < config_key_count() && status == STATUS_OK; i++) {
        const struct config_key *key = config_key_at(i);
        bool hidden = (key->flags & CONFIG_SECRET) != 0 && !rewrite->given[i];
        if (key->touches != 0 && !hidden && !is_same(rewrite->config, &back, key)) {
            complaint_set(complaint, "the value of \"%s\" cannot be written as JSON", key->name);
            status = STATUS_INVALID;
        }
    }
    config_finish(&back);
    return status;
}

static must_use enum status write_all(struct rewrite *rewrite, const struct config *defaults,
                                      struct complaint *complaint)
{
    size_t unused;
    TRY(config_json_walk(rewrite->text, &rewrite->spans, &unused, complaint));
    size_t at = exchange(rewrite);
    add_missing(rewrite, defaults);
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
    struct rewrite rewrite = {.config = config, .file = &file, .text = text, .out = out};
    enum status status = config_from_json(&file, file_name, text, complaint);
    if (status == STATUS_OK) {
        status = write_all(&rewrite, &defaults, complaint);
    }
    config_json_spans_finish(&rewrite.spans);
    config_finish(&defaults);
    config_finish(&file);
    return status;
}
