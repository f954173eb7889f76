/* SPDX-License-Identifier: MIT */

/* bag.c - words under a key, in the order in which they came: one module in several versions, chosen when it is
 * compiled.
 *
 *     cc -DREVISION=1 ...    acme.bag 1.1.0: test.bag/1 with BAG_ADD alone
 *     cc -DREVISION=2 ...    acme.bag 1.2.0: test.bag/1 with BAG_SHOUT, too
 *
 *     /1    BAG_ADD     a word
 *           BAG_SHOUT   nothing; since revision 2. The words are shouted from then on, and no other says so */
#include <geomys/codec.h>
#include <geomys/module.h>

#ifndef REVISION
#define REVISION 2
#endif

#define TEXT_OF(number) #number
#define TEXT(number)    TEXT_OF(number)

enum { BAG_ADD = 1, BAG_SHOUT = 2 };

/* A cell is bytes: whether the words are shouted, then items (codec.h). */
static bool is_loud(const struct gm_cell *cell)
{
    return cell->form == GM_BYTES && cell->data[0] != 0;
}

static void append(struct gm_apply *apply, struct gm_bytes word)
{
    size_t before = apply->cell.form == GM_BYTES ? apply->cell.size : 1;
    uint8_t *data = gm_resize(apply, before + gm_item_size(word.size));
    (void)gm_store_item(data + before, word);
}

static int apply_bag(struct gm_apply *apply, const struct gm_record *record)
{
    if (record->op == BAG_ADD && record->body.size > 0) {
        append(apply, record->body);
        return GM_OK;
    }
    if (REVISION >= 2 && record->op == BAG_SHOUT && record->body.size == 0 && apply->cell.form == GM_BYTES) {
        apply->cell.data[0] = 1;
        return GM_OK;
    }
    return GM_CORRUPT;
}

static uint64_t dump_bag(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    struct gm_reader in = gm_reader_of(gm_bytes_at(cell->data + 1, cell->size - 1));
    (void)cursor;
    while (gm_read_left(&in) > 0) {
        gm_dump(sink, BAG_ADD, gm_read_item(&in));
    }
    if (is_loud(cell)) {
        gm_dump(sink, BAG_SHOUT, gm_bytes_at(NULL, 0));
    }
    return 0;
}

static void plan_add(struct gm_call *call)
{
    if (gm_arg_at(call, 1, 0).size == 0) {
        gm_reply_error(call, "ERR a word has letters");
        return;
    }
    gm_emit(call, &GM_EMISSION(.op = BAG_ADD, .flags = GM_BORROWED, .body = gm_arg_at(call, 1, 0)));
    gm_reply_status(call, "OK");
}

/* "one two", or "ONE TWO!" of words that are shouted. */
static void plan_get(struct gm_call *call)
{
    const struct gm_key *key = gm_key(call, 0);
    if (key->state == GM_KEY_ABSENT) {
        gm_reply_null(call);
        return;
    }
    struct gm_reader in = gm_reader_of(gm_bytes_at(key->cell.data + 1, key->cell.size - 1));
    char *text = gm_scratch(call, key->cell.size + 1);
    size_t size = 0;
    while (gm_read_left(&in) > 0) {
        struct gm_bytes word = gm_read_item(&in);
        text[size] = ' ';
        size += size > 0;
        for (size_t i = 0; i < word.size; i++) {
            char letter = (char)word.data[i];
            text[size++] = is_loud(&key->cell) && letter >= 'a' && letter <= 'z' ? (char)(letter - 32) : letter;
        }
    }
    text[size] = '!';
    gm_reply_bytes(call, gm_bytes_at(text, size + is_loud(&key->cell)));
}

#if REVISION >= 2
static void plan_shout(struct gm_call *call)
{
    if (gm_key(call, 0)->state == GM_KEY_OWN) {
        gm_emit(call, &GM_EMISSION(.op = BAG_SHOUT));
    }
    gm_reply_status(call, "OK");
}

static const struct gm_op_since later[] = {{BAG_SHOUT, 2}};
#endif

static const struct gm_type bag = {.size = sizeof(struct gm_type),
                                   .id = "test.bag/1",
                                   .name = "bag",
                                   .apply = apply_bag,
                                   .dump = dump_bag,
#if REVISION >= 2
                                   .later = later,
                                   .later_count = 1,
#endif
                                   .revision = REVISION};

static const struct gm_type *const types[] = {&bag};
static const struct gm_command commands[] = {
    {.size = sizeof(struct gm_command),
     .usage = "BAG.ADD key word",
     .flags = GM_WRITE | GM_GROWS,
     .type = &bag,
     .summary = "Adds a word.",
     .complexity = "O(1)",
     .plan = plan_add},
    {.size = sizeof(struct gm_command),
     .usage = "BAG.GET key",
     .flags = GM_READ,
     .type = &bag,
     .summary = "All words.",
     .complexity = "O(n)",
     .plan = plan_get},
#if REVISION >= 2
    {.size = sizeof(struct gm_command),
     .usage = "BAG.SHOUT key",
     .flags = GM_WRITE,
     .type = &bag,
     .summary = "Says them louder.",
     .complexity = "O(1)",
     .plan = plan_shout},
#endif
};

GM_MODULE(.name = "test.bag", .version = "1." TEXT(REVISION) ".0", .types = types, .type_count = 1,
          .commands = commands, .command_count = sizeof commands / sizeof commands[0])
