/* SPDX-License-Identifier: MIT */

/* config_json.c - a JSON file into a config.
 *
 * Idea     The strict walk (config_json_walk.c) proves that the text is JSON and notes where each value stands; cJSON
 *          builds the tree; then tree and places are gone through side by side, so that every refusal can name line and
 *          column.
 *
 * Promises
 *   P1  The outermost value is an object; each of its names is a setting, and none comes twice, however it is escaped.
 *   P2  A value is of its setting's type: a number is never taken from a text, nor a truth from a number.
 *       The settings of a module stand in an object under its name. Whether there are such is seen when the modules are
 *       loaded, which the same file may name: until then they are kept with their places (config_extra.c).
 *   P3  A value that a flag overrules is checked all the same.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "config/config_json.h"
#include "config/config_keys.h"

#define EXACT_MAX 9007199254740992.0 /* 2^53: a double holds every whole number up to here */

struct reading {
    struct config *config;
    const char *file_name;
    struct gm_bytes text;
    struct config_json_spans spans;
    size_t value; /* the next value of spans.values */
    size_t at;    /* byte that a complaint is about  */
    struct complaint *complaint;
};

static struct gm_bytes slice(const struct reading *reading, struct config_json_span span)
{
    return (struct gm_bytes){reading->text.data + span.start, span.end - span.start};
}

static must_use enum status wrong_type(struct reading *reading, const struct config_key *key, const cJSON *value,
                                       const char *wanted)
{
    const char *what = cJSON_IsString(value)   ? "a text"
                       : cJSON_IsNumber(value) ? "a number"
                       : cJSON_IsBool(value)   ? "true or false"
                       : cJSON_IsNull(value)   ? "null"
                       : cJSON_IsArray(value)  ? "a list"
                                               : "an object";
    complaint_set(reading->complaint, "\"%s\" must be %s, not %s", key->name, wanted, what);
    return STATUS_INVALID;
}

static must_use enum status take_number(struct reading *reading, struct config *config, const struct config_key *key,
                                        double number)
{
    struct gm_bytes shown = slice(reading, reading->spans.values[reading->value]);
    if (number >= -EXACT_MAX && number <= EXACT_MAX) {
        int64_t whole = (int64_t)number;
        if ((double)whole != number) {
            complaint_set(reading->complaint, "\"%s\" must be %s, not %s", key->name, config_key_kind(key),
                          config_show(shown).text);
            return STATUS_INVALID;
        }
        return config_put_number(config, key, whole, shown, reading->complaint);
    }
    return config_put_number(config, key, number < 0 ? INT64_MIN : INT64_MAX, shown, reading->complaint);
}

static must_use enum status take_list(struct reading *reading, struct config *config, const struct config_key *key,
                                      const cJSON *value)
{
    if (!cJSON_IsArray(value)) {
        return wrong_type(reading, key, value, config_key_kind(key));
    }
    config_list_clear((struct config_list *)(void *)((char *)config + key->offset));
    const cJSON *element;
    cJSON_ArrayForEach(element, value)
    {
        reading->value++;
        reading->at = reading->spans.values[reading->value].start;
        if (!cJSON_IsString(element)) {
            return wrong_type(reading, key, element, config_key_kind(key));
        }
        TRY(config_put_text(config, key, gm_bytes_of(element->valuestring), reading->complaint));
    }
    return STATUS_OK;
}

static must_use enum status take_value(struct reading *reading, struct config *config, const struct config_key *key,
                                       const cJSON *value)
{
    switch (key->type) {
    case CONFIG_BOOL:
        if (cJSON_IsBool(value)) {
            return config_put_bool(config, key, cJSON_IsTrue(value), reading->complaint);
        }
        break;
    case CONFIG_INT:
    case CONFIG_SIZE:
        if (cJSON_IsNumber(value)) {
            return take_number(reading, config, key, value->valuedouble);
        }
        if (key->type == CONFIG_SIZE && cJSON_IsString(value)) {
            return config_put_text(config, key, gm_bytes_of(value->valuestring), reading->complaint);
        }
        break;
    case CONFIG_OCTAL:
    case CONFIG_CHOICE:
    case CONFIG_TEXT:
    case CONFIG_PATH:
        if (cJSON_IsString(value)) {
            return config_put_text(config, key, gm_bytes_of(value->valuestring), reading->complaint);
        }
        break;
    case CONFIG_LIST:
    case CONFIG_PATHS:
        return take_list(reading, config, key, value);
    case CONFIG_DOUBLE: /* of modules alone */
        break;
    }
    return wrong_type(reading, key, value, config_key_kind(key));
}

static must_use enum status take_member(struct reading *reading, const struct config_key *key, const cJSON *value)
{
    if (config_claim(reading->config, key, CONFIG_ORIGIN_FILE)) {
        return take_value(reading, reading->config, key, value);
    }
    struct config overruled;
    config_init(&overruled, "");
    enum status status = take_value(reading, &overruled, key, value);
    config_finish(&overruled);
    return status;
}

/* Values that cJSON's tree has below and including this one. The walk has bounded the depth. */
static size_t count_values(const cJSON *value)
{
    size_t count = 1;
    const cJSON *child;
    cJSON_ArrayForEach(child, value)
    {
        count += count_values(child);
    }
    return count;
}

/* "file:3:7": where the value is. */
static void place_of(const struct reading *reading, char *place, size_t size)
{
    size_t line;
    size_t column;
    config_json_place(reading->text, reading->at, &line, &column);
    (void)snprintf(place, size, "%s:%zu:%zu", reading->file_name, line, column);
}

/* A setting of a module, whose kind nobody knows yet. */
static must_use enum status write_down(struct reading *reading, const cJSON *module, const cJSON *value)
{
    char place[CONFIG_PLACE_MAX];
    char name[2 * CONFIG_NAME_MAX + 2];
    if (strlen(module->string) > CONFIG_NAME_MAX || strlen(value->string) > CONFIG_NAME_MAX) {
        complaint_set(reading->complaint, "no setting of a module has so long a name");
        return STATUS_INVALID;
    }
    (void)snprintf(name, sizeof name, "%s.%s", module->string, value->string);
    enum config_shape shape = cJSON_IsString(value)   ? CONFIG_SHAPE_TEXT
                              : cJSON_IsNumber(value) ? CONFIG_SHAPE_NUMBER
                                                      : CONFIG_SHAPE_BOOL;
    if (shape == CONFIG_SHAPE_BOOL && !cJSON_IsBool(value)) {
        complaint_set(reading->complaint, "\"%s\" must be a number, a text, true or false",
                      config_show(gm_bytes_of(name)).text);
        return STATUS_INVALID;
    }
    place_of(reading, place, sizeof place);
    struct gm_bytes text = shape == CONFIG_SHAPE_TEXT ? gm_bytes_of(value->valuestring)
                                                      : slice(reading, reading->spans.values[reading->value]);
    enum status status = config_extra_write(reading->config, gm_bytes_of(name), text, shape, place, reading->complaint);
    if (status == STATUS_EXISTS) {
        complaint_set(reading->complaint, "\"%s\" was already given", config_show(gm_bytes_of(name)).text);
        return STATUS_INVALID;
    }
    return status;
}

/* { "setting": value, ... } under the module's name. */
static must_use enum status take_module(struct reading *reading, const cJSON *object, const cJSON *module)
{
    for (const cJSON *before = object->child; before != module; before = before->next) {
        if (strcmp(before->string, module->string) == 0) {
            complaint_set(reading->complaint, "\"%s\" was already given",
                          config_show(gm_bytes_of(module->string)).text);
            return STATUS_INVALID;
        }
    }
    size_t next = reading->value + 1;
    reading->at = reading->spans.values[reading->value].start;
    if (!cJSON_IsObject(module)) {
        complaint_set(
            reading->complaint,
            "\"%s\" must be an object: a module's settings stand under its name, as in { \"vendor.module\": { "
            "\"setting\": value } }",
            config_show(gm_bytes_of(module->string)).text);
        return STATUS_INVALID;
    }
    const cJSON *value;
    cJSON_ArrayForEach(value, module)
    {
        reading->value = next;
        reading->at = reading->spans.values[next].start;
        next += count_values(value);
        TRY(write_down(reading, module, value));
    }
    return STATUS_OK;
}

static must_use enum status take_object(struct reading *reading, const cJSON *object)
{
    size_t lines[CONFIG_KEYS_MAX] = {0}; /* where each setting was given first */
    size_t number = 0;
    reading->value = 1; /* 0 is the object itself */
    const cJSON *member;
    cJSON_ArrayForEach(member, object)
    {
        size_t next = reading->value + count_values(member);
        size_t line;
        size_t column;
        check(number < reading->spans.name_count && next <= reading->spans.value_count);
        reading->at = reading->spans.names[number++].start;
        config_json_place(reading->text, reading->at, &line, &column);
        const struct config_key *key = config_key_find(gm_bytes_of(member->string), false);
        if (key == NULL && config_extra_is(gm_bytes_of(member->string))) {
            TRY(take_module(reading, object, member));
            reading->value = next;
            continue;
        }
        if (key == NULL) {
            config_key_unknown(gm_bytes_of(member->string), reading->complaint);
            return STATUS_INVALID;
        }
        size_t *first = &lines[key - config_key_at(0)];
        if (*first != 0) {
            complaint_set(reading->complaint, "\"%s\" was already given in line %zu", key->name, *first);
            return STATUS_INVALID;
        }
        *first = line;
        reading->at = reading->spans.values[reading->value].start;
        TRY(take_member(reading, key, member));
        reading->value = next;
    }
    check(number == reading->spans.name_count);          /* config_json_walk P2 */
    check(reading->value == reading->spans.value_count); /* nothing is left that the tree does not have */
    return STATUS_OK;
}

static must_use enum status read_text(struct reading *reading)
{
    TRY(config_json_walk(reading->text, &reading->spans, &reading->at, reading->complaint));
    reading->at = reading->spans.values[0].start;
    if (reading->text.data[reading->at] != '{') {
        complaint_set(reading->complaint, "the settings must be an object: { \"name\": value, ... }");
        return STATUS_INVALID;
    }
    cJSON *tree = cJSON_ParseWithLength((const char *)reading->text.data, reading->text.size);
    if (tree == NULL) {
        complaint_set(reading->complaint, "this is not JSON that can be read");
        return STATUS_INVALID;
    }
    enum status status = take_object(reading, tree);
    cJSON_Delete(tree);
    return status;
}

enum status config_from_json(struct config *config, const char *file_name, struct gm_bytes text,
                             struct complaint *complaint)
{
    if (text.size > CONFIG_FILE_SIZE_MAX) {
        complaint_set(complaint, "%s: larger than 1 MiB, which is the limit of a configuration file", file_name);
        return STATUS_TOO_BIG;
    }
    struct reading reading = {.config = config, .file_name = file_name, .text = text, .complaint = complaint};
    enum status status = read_text(&reading);
    if (status != STATUS_OK) {
        size_t line;
        size_t column;
        config_json_place(text, reading.at, &line, &column);
        complaint_prefix(complaint, "%s:%zu:%zu", file_name, line, column);
    }
    config_json_spans_finish(&reading.spans);
    return status;
}
