/* SPDX-License-Identifier: MIT */

/* helpers.c - what include/geomys/ helps with, asked by a client; and a module that is C and C++ alike.
 *
 *     HELP.INT text, HELP.DOUBLE text, HELP.LONG text     what the text is as a number, written anew; null: no number
 *     HELP.GLOB pattern text                              whether they match
 *     HELP.BELOW bound                                    a number below it, by chance
 *     HELP.ADD key name...                                adds the names to what the key holds: a record of items
 *     HELP.GET key                                        how often something was added, and the last names
 */
#include "geomys/codec.h"
#include "geomys/glob.h"
#include "geomys/hash.h"
#include "geomys/module.h"
#include "geomys/number.h"

enum { ADD = 1 };

/* The value: u32 times, u64 hash of the last names, the names as items. */
#define HEAD 12

static int apply_record(struct gm_apply *apply, const struct gm_record *record)
{
    struct gm_reader in = gm_reader_of(record->body);
    uint32_t times = gm_read_u32(&in);
    uint64_t hash = gm_read_u64(&in);
    struct gm_bytes names = gm_read_rest(&in);
    struct gm_hash_key key = {1, 2};
    for (struct gm_reader each = gm_reader_of(names); gm_read_left(&each) > 0;) {
        (void)gm_read_item(&each);
        if (!gm_read_fine(&each)) {
            return GM_CORRUPT;
        }
    }
    if (record->op != ADD || !gm_read_all(&in) || hash != gm_hash(&key, names)) {
        return GM_CORRUPT;
    }
    uint32_t before = apply->cell.form == GM_BYTES ? gm_load_u32(apply->cell.data) : 0;
    uint8_t *data = gm_resize(apply, HEAD + names.size);
    gm_store_bytes(gm_store_u64(gm_store_u32(data, before + times), hash), names);
    return GM_OK;
}

static uint64_t dump(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    (void)cursor;
    gm_dump(sink, ADD, gm_bytes_at(cell->data, cell->size));
    return 0;
}

#ifdef __cplusplus
extern "C" {
#endif
static void plan_int(struct gm_call *call)
{
    int64_t number = 0;
    char text[GM_INT_TEXT];
    if (gm_parse_int(gm_arg_at(call, 0, 0), &number)) {
        gm_reply_bytes(call, gm_bytes_at(text, gm_format_int(text, number)));
    } else {
        gm_reply_null(call);
    }
}

static void plan_double(struct gm_call *call)
{
    double number = 0;
    char text[GM_DOUBLE_TEXT];
    if (gm_parse_double(gm_arg_at(call, 0, 0), &number)) {
        gm_reply_bytes(call, gm_bytes_at(text, gm_format_double(text, number)));
    } else {
        gm_reply_null(call);
    }
}

static void plan_long(struct gm_call *call)
{
    long double number = 0;
    char text[GM_FLOAT_TEXT];
    if (gm_parse_long_double(gm_arg_at(call, 0, 0), &number)) {
        gm_reply_bytes(call, gm_bytes_at(text, gm_format_long_double(text, number)));
    } else {
        gm_reply_null(call);
    }
}

static void plan_glob(struct gm_call *call)
{
    gm_reply_int(call, gm_glob(gm_arg_at(call, 0, 0), gm_arg_at(call, 1, 0), false));
}

static void plan_below(struct gm_call *call)
{
    gm_reply_int(call, (int64_t)gm_random_below(call, (uint64_t)gm_arg(call, 0)->integer));
}

static void plan_add(struct gm_call *call)
{
    const struct gm_arg *names = gm_arg(call, 1);
    size_t size = HEAD;
    for (uint32_t i = 0; i < names->count; i++) {
        size += gm_item_size(gm_arg_at(call, 1, i).size);
    }
    uint8_t *body = (uint8_t *)gm_scratch_raw(call, size);
    if (body == NULL) {
        return;
    }
    uint8_t *end = body + HEAD;
    for (uint32_t i = 0; i < names->count; i++) {
        end = gm_store_item(end, gm_arg_at(call, 1, i));
    }
    struct gm_hash_key key = {1, 2};
    gm_store_u64(gm_store_u32(body, names->count), gm_hash(&key, gm_bytes_between(body + HEAD, end)));
    gm_emit(call, &GM_EMISSION(.flags = GM_BORROWED, .op = ADD, .body = gm_bytes_between(body, end)));
    gm_reply_int(call, names->count);
}

static void plan_get(struct gm_call *call)
{
    const struct gm_key *key = gm_key(call, 0);
    if (key->state != GM_KEY_OWN) {
        gm_reply_null(call);
        return;
    }
    struct gm_reader in = gm_reader_of(gm_bytes_at(key->cell.data, key->cell.size));
    gm_reply_array(call, 2);
    gm_reply_int(call, gm_read_u32(&in));
    (void)gm_read_u64(&in);
    gm_reply_bytes(call, gm_read_item(&in));
}
#ifdef __cplusplus
}
#endif

static const struct gm_type type = {
    .size = sizeof(struct gm_type), .id = "test.helpers/1", .name = "helpers", .apply = apply_record, .dump = dump};

#define COMMAND(bits, line, of, function)                                                                              \
    {                                                                                                                  \
        .size = sizeof(struct gm_command), .flags = (bits), .usage = (line), .summary = "Helps.",                      \
        .complexity = "O(1)", .type = (of), .plan = (function)                                                         \
    }

static const struct gm_command commands[] = {
    COMMAND(GM_READ, "HELP.INT text", NULL, plan_int),
    COMMAND(GM_READ, "HELP.DOUBLE text", NULL, plan_double),
    COMMAND(GM_READ, "HELP.LONG text", NULL, plan_long),
    COMMAND(GM_READ, "HELP.GLOB pattern text", NULL, plan_glob),
    COMMAND(GM_READ, "HELP.BELOW bound:positive", NULL, plan_below),
    COMMAND(GM_WRITE | GM_GROWS, "HELP.ADD key name...", &type, plan_add),
    COMMAND(GM_READ, "HELP.GET key", &type, plan_get),
};

static const struct gm_type *const types[] = {&type};

GM_MODULE(.name = "test.helpers", .version = "1.0.0", .summary = "What the headers help with.", .types = types,
          .commands = commands, .type_count = 1, .command_count = sizeof commands / sizeof commands[0])
