/* SPDX-License-Identifier: MIT */

/* config_extra.c - settings that modules declare, as further rows of a config.
 *
 * Why      A setting of a module is to be like any other: in the file, as a flag, in --help, CONFIG GET, SET and
 *          REWRITE, read again with SIGHUP. But which there are is known only when the modules are loaded, and which
 *          modules are loaded is said by the same flags and the same file.
 *
 * Idea     What is written of a name with a dot is kept, with its place. When the modules have declared their rows it
 *          is settled: put through the same functions as every other value, the file's first and then the flags'.
 *
 *              flags, file ──► written[] ─────────┐
 *              modules ──► rows[] (declare) ──────┴─► settle ──► values
 *
 *          A row is a config_key like those of the table, with the flag CONFIG_EXTRA; its `offset` is its number here.
 *
 * Promises
 *   P1  What was written is taken, or refused with a sentence that says where it stands: nothing is passed over.
 *   P2  A row stays where it is while the config lives: pointers to it are good, and numbers go on.
 *   P3  A value of a file is of its kind: a number is never taken from a text, as config_json P2 has it. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "config/config_keys.h"
#include "geomys/number.h"

#define WRITTEN_MAX (2 * CONFIG_EXTRAS_MAX) /* a file's and a flag's */

struct config_extra {
    struct config_key key; /* its texts are owned */
    size_t module_size;    /* bytes of the module's name, with which the row's name begins */
    union config_extra_value value;
    uint8_t origin;
};

struct config_written {
    char *name; /* owned, as all texts here */
    char *text;
    char *place;
    uint8_t shape;  /* enum config_shape */
    uint8_t origin; /* of the file or a flag */
};

static char *copy_of(struct gm_bytes text)
{
    char *copy = memory_alloc(text.size + 1);
    if (text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    copy[text.size] = '\0';
    return copy;
}

static void release_row(struct config_extra *row)
{
    memory_free((void *)(uintptr_t)row->key.name);
    memory_free((void *)(uintptr_t)row->key.fallback);
    memory_free((void *)(uintptr_t)row->key.choices);
    memory_free((void *)(uintptr_t)row->key.sentence);
    memory_free(row);
}

static void release_written(struct config_extras *extras)
{
    for (size_t i = 0; i < extras->written_count; i++) {
        memory_free(extras->written[i].name);
        memory_free(extras->written[i].text);
        memory_free(extras->written[i].place);
    }
    memory_free(extras->written);
    extras->written = NULL;
    extras->written_count = 0;
}

void config_extra_finish(struct config *config)
{
    for (size_t i = 0; i < config->extras.count; i++) {
        release_row(config->extras.rows[i]);
    }
    memory_free(config->extras.rows);
    release_written(&config->extras);
    config->extras = (struct config_extras){0};
}

/* ---- rows ---- */

static struct config_extra *row_at(const struct config *config, size_t row)
{
    check(row < config->extras.count);
    return config->extras.rows[row];
}

const struct config_key *config_extra_key(const struct config *config, size_t row)
{
    return &row_at(config, row)->key;
}

void *config_extra_field(const struct config *config, size_t row)
{
    return &row_at(config, row)->value;
}

uint8_t *config_extra_origin(const struct config *config, size_t row)
{
    return &row_at(config, row)->origin;
}

bool config_extra_is(struct gm_bytes name)
{
    return name.size > 0 && memchr(name.data, '.', name.size) != NULL;
}

static bool is_called(const char *row, struct gm_bytes name, bool alike)
{
    if (strlen(row) != name.size) {
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        bool dash = alike && (name.data[i] == '-' || name.data[i] == '_') && (row[i] == '-' || row[i] == '_');
        if ((uint8_t)row[i] != name.data[i] && !dash) {
            return false;
        }
    }
    return true;
}

const struct config_key *config_extra_find(const struct config *config, struct gm_bytes name, bool alike)
{
    for (size_t i = 0; i < config->extras.count; i++) {
        if (is_called(config->extras.rows[i]->key.name, name, alike)) {
            return &config->extras.rows[i]->key;
        }
    }
    return NULL;
}

const union config_extra_value *config_extra_value(const struct config *config, const char *module, const char *name)
{
    size_t size = strlen(module);
    for (size_t i = 0; i < config->extras.count; i++) {
        const struct config_extra *row = config->extras.rows[i];
        if (row->module_size == size && memcmp(row->key.name, module, size) == 0 &&
            strcmp(row->key.name + size + 1, name) == 0) {
            return &row->value;
        }
    }
    return NULL;
}

size_t config_extra_module_size(const struct config_key *key)
{
    check((key->flags & CONFIG_EXTRA) != 0);
    return container_of(key, struct config_extra, key)->module_size;
}

size_t config_double_text(char out[static GM_DOUBLE_TEXT], double number)
{
    int size = 0;
    for (int digits = 1; digits <= 17; digits++) {
        double back;
        size = snprintf(out, GM_DOUBLE_TEXT, "%.*g", digits, number);
        if (gm_parse_double(gm_bytes_at(out, (size_t)size), &back) && !(back < number) && !(back > number)) {
            break;
        }
    }
    return (size_t)size;
}

void config_extra_unknown(const struct config *config, struct gm_bytes name, struct complaint *complaint)
{
    size_t module = name.size;
    while (module > 0 && name.data[module - 1] != '.') {
        module--;
    }
    module = module > 0 ? module - 1 : 0; /* config_extra_is: there is a dot */
    char known[160] = "";
    size_t used = 0;
    for (size_t i = 0; i < config->extras.count && used < sizeof known; i++) {
        const struct config_extra *row = config->extras.rows[i];
        if (row->module_size == module && memcmp(row->key.name, name.data, module) == 0) {
            int size =
                snprintf(known + used, sizeof known - used, "%s%s", used > 0 ? ", " : "", row->key.name + module + 1);
            used += size > 0 ? (size_t)size : 0;
        }
    }
    struct config_shown whole = config_show(name);
    struct config_shown part = config_show((struct gm_bytes){name.data, module});
    if (used > 0) {
        complaint_set(complaint, "there is no setting \"%s\"; the module %s has: %s", whole.text, part.text, known);
    } else {
        complaint_set(complaint, "there is no setting \"%s\": no module %s that has settings is loaded", whole.text,
                      part.text);
    }
}

/* ---- declaring ---- */

static enum config_type type_of(enum config_extra_kind kind)
{
    static const enum config_type types[] = {[CONFIG_EXTRA_INT] = CONFIG_INT,
                                             [CONFIG_EXTRA_BYTES] = CONFIG_SIZE,
                                             [CONFIG_EXTRA_BOOL] = CONFIG_BOOL,
                                             [CONFIG_EXTRA_NUMBER] = CONFIG_DOUBLE,
                                             [CONFIG_EXTRA_WORD] = CONFIG_CHOICE};
    return types[kind];
}

static void set_to_default(const struct config_extra_row *row, union config_extra_value *value)
{
    memset(value, 0, sizeof *value);
    if (row->kind == CONFIG_EXTRA_BOOL) {
        value->truth = row->fallback != 0;
    } else if (row->kind == CONFIG_EXTRA_NUMBER) {
        value->number = row->usual;
    } else {
        value->integer = row->fallback;
    }
}

static struct config_extra *add_row(struct config *config, const char *name)
{
    struct config_extras *extras = &config->extras;
    struct config_extra *made = memory_zeroed(sizeof *made);
    extras->rows = memory_realloc(extras->rows, (extras->count + 1) * sizeof(struct config_extra *));
    made->key.name = name;
    made->key.flags = CONFIG_EXTRA;
    made->key.touches = CONFIG_TOUCHES_MODULES;
    made->key.offset = extras->count;
    extras->rows[extras->count++] = made; /* config_extra P2 */
    return made;
}

static char *join(const char *module, const char *name)
{
    size_t size = strlen(module) + strlen(name) + 2;
    char *whole = memory_alloc(size);
    (void)snprintf(whole, size, "%s.%s", module, name);
    return whole;
}

/* The default as a text: what the row describes now. */
static void note_default(struct config *config, struct config_extra *made)
{
    struct buf text;
    buf_init(&text, CONFIG_TEXT_MAX);
    config_describe(config, config_row_of(&made->key), &text);
    made->key.fallback = copy_of(buf_bytes(&text));
    buf_finish(&text);
}

static const struct config_extra *declared(const struct config *config, const struct config_extra_row *row)
{
    const union config_extra_value *value = config_extra_value(config, row->module, row->name);
    return value != NULL ? container_of(value, struct config_extra, value) : NULL;
}

/* What the row was declared as, in other words. */
static bool is_as_before(const struct config_key *key, const struct config_extra_row *row)
{
    bool whole = row->kind == CONFIG_EXTRA_INT || row->kind == CONFIG_EXTRA_BYTES;
    bool number = row->kind == CONFIG_EXTRA_NUMBER;
    return key->type == type_of(row->kind) &&
           (!whole || (key->minimum == row->minimum && key->maximum == row->maximum)) &&
           (!number || (!(key->least < row->least) && !(key->least > row->least) && !(key->most < row->most) &&
                        !(key->most > row->most))) &&
           (row->kind != CONFIG_EXTRA_WORD || strcmp(key->choices, row->words) == 0);
}

enum status config_extra_declare(struct config *config, const struct config_extra_row *row, struct complaint *complaint)
{
    const struct config_extra *before = declared(config, row);
    if (before != NULL && !is_as_before(&before->key, row)) {
        complaint_set(complaint,
                      "the setting %s.%s is of another kind or range than the running version of the module has "
                      "declared: start the server again to load this one",
                      row->module, row->name);
        return STATUS_REFUSED;
    }
    if (before != NULL) {
        return STATUS_OK;
    }
    if (config->extras.count == CONFIG_EXTRAS_MAX) {
        complaint_set(complaint, "the modules have more than %d settings together; %s.%s is one too many",
                      CONFIG_EXTRAS_MAX, row->module, row->name);
        return STATUS_TOO_BIG;
    }
    bool whole = row->kind == CONFIG_EXTRA_INT || row->kind == CONFIG_EXTRA_BYTES;
    struct config_extra *made = add_row(config, join(row->module, row->name));
    made->module_size = strlen(row->module);
    made->key.type = type_of(row->kind);
    made->key.minimum = whole ? row->minimum : 0;
    made->key.maximum = whole ? row->maximum : INT64_MAX;
    made->key.least = row->least;
    made->key.most = row->most;
    made->key.choices = row->kind == CONFIG_EXTRA_WORD ? copy_of(gm_bytes_of(row->words)) : NULL;
    made->key.sentence = copy_of(gm_bytes_of(row->sentence));
    set_to_default(row, &made->value);
    note_default(config, made);
    return STATUS_OK;
}

/* ---- what was written ---- */

static struct config_written *written_named(struct config *config, struct gm_bytes name, enum config_origin origin)
{
    for (size_t i = 0; i < config->extras.written_count; i++) {
        struct config_written *written = &config->extras.written[i];
        if (written->origin == origin && is_called(written->name, name, origin == CONFIG_ORIGIN_FLAG)) {
            return written;
        }
    }
    return NULL;
}

enum status config_extra_write(struct config *config, struct gm_bytes name, struct gm_bytes text,
                               enum config_shape shape, const char *place, struct complaint *complaint)
{
    struct config_extras *extras = &config->extras;
    enum config_origin origin = shape == CONFIG_SHAPE_ANY ? CONFIG_ORIGIN_FLAG : CONFIG_ORIGIN_FILE;
    struct config_written *written = written_named(config, name, origin);
    if (written != NULL && origin == CONFIG_ORIGIN_FILE) {
        return STATUS_EXISTS;
    }
    if (text.size > CONFIG_TEXT_MAX || name.size > 2 * CONFIG_NAME_MAX + 1 ||
        (written == NULL && extras->written_count == WRITTEN_MAX)) {
        complaint_set(complaint, "%s: %s", config_show(name).text,
                      text.size > CONFIG_TEXT_MAX ? "no value of a setting is so long"
                                                  : "no module has a setting of such a name, or there are too many");
        return STATUS_TOO_BIG;
    }
    if (written == NULL) {
        extras->written = memory_realloc(extras->written, (extras->written_count + 1) * sizeof *extras->written);
        written = &extras->written[extras->written_count++];
        *written = (struct config_written){.name = copy_of(name), .origin = (uint8_t)origin};
    }
    memory_free(written->text);
    memory_free(written->place);
    written->text = copy_of(text);
    written->place = copy_of(gm_bytes_of(place));
    written->shape = (uint8_t)shape;
    return STATUS_OK;
}

static bool fits_shape(const struct config_key *key, enum config_shape shape)
{
    switch (key->type) {
    case CONFIG_BOOL:
        return shape == CONFIG_SHAPE_ANY || shape == CONFIG_SHAPE_BOOL;
    case CONFIG_INT:
    case CONFIG_DOUBLE:
        return shape == CONFIG_SHAPE_ANY || shape == CONFIG_SHAPE_NUMBER;
    case CONFIG_SIZE:
        return shape != CONFIG_SHAPE_BOOL;
    default:
        return shape == CONFIG_SHAPE_ANY || shape == CONFIG_SHAPE_TEXT;
    }
}

static must_use enum status take(struct config *config, const struct config_written *written,
                                 struct complaint *complaint)
{
    struct gm_bytes name = gm_bytes_of(written->name);
    const struct config_key *key = config_extra_find(config, name, written->origin == CONFIG_ORIGIN_FLAG);
    enum status status = STATUS_INVALID;
    if (key == NULL) {
        config_extra_unknown(config, name, complaint); /* config_extra P1 */
    } else if (!fits_shape(key, (enum config_shape)written->shape)) {
        complaint_set(complaint, "\"%s\" must be %s, not %s", key->name, config_key_kind(key),
                      written->shape == CONFIG_SHAPE_TEXT     ? "a text"
                      : written->shape == CONFIG_SHAPE_NUMBER ? "a number"
                                                              : "true or false"); /* config_extra P3 */
    } else {
        status = config_put_any(config, key, gm_bytes_of(written->text), complaint);
    }
    if (status != STATUS_OK) {
        complaint_prefix(complaint, "%.300s", written->place);
        return STATUS_INVALID;
    }
    config_set_origin(config, key, (enum config_origin)written->origin);
    return STATUS_OK;
}

enum status config_extra_settle(struct config *config, struct complaint *complaint)
{
    struct config_extras *extras = &config->extras;
    for (int origin = CONFIG_ORIGIN_FILE; origin <= CONFIG_ORIGIN_FLAG; origin++) { /* config P1 */
        for (size_t i = 0; i < extras->written_count; i++) {
            if (extras->written[i].origin == origin) {
                TRY(take(config, &extras->written[i], complaint));
            }
        }
    }
    release_written(extras);
    return STATUS_OK;
}

enum status config_extra_follow(struct config *to, const struct config *from, struct complaint *complaint)
{
    check(to->extras.count == 0);
    for (size_t i = 0; i < from->extras.count; i++) {
        const struct config_extra *row = from->extras.rows[i];
        const struct config_key *key = &row->key;
        struct config_extra *made = add_row(to, copy_of(gm_bytes_of(key->name)));
        made->module_size = row->module_size;
        made->key.type = key->type;
        made->key.minimum = key->minimum;
        made->key.maximum = key->maximum;
        made->key.least = key->least;
        made->key.most = key->most;
        made->key.choices = key->choices != NULL ? copy_of(gm_bytes_of(key->choices)) : NULL;
        made->key.sentence = copy_of(gm_bytes_of(key->sentence));
        made->key.fallback = copy_of(gm_bytes_of(key->fallback));
        TRY(config_put_any(to, &made->key, gm_bytes_of(key->fallback),
                           complaint)); /* the default is within its range */
    }
    return config_extra_settle(to, complaint);
}
