/* SPDX-License-Identifier: MIT */

/* bag.c - words under a key, in the order in which they came: one module in several versions, chosen when it is
 * compiled.
 *
 *     cc -DREVISION=1 ...    test.bag 1.1.0: test.bag/1 with BAG_ADD alone
 *     cc -DREVISION=2 ...    test.bag 1.2.0: test.bag/1 with BAG_SHOUT, too
 *     cc -DSUCCESSOR ...     test.bag 2.0.0: test.bag/2, which succeeds test.bag/1
 *
 *     /1    BAG_ADD     a word
 *           BAG_SHOUT   nothing; since revision 2. The words are shouted from then on
 *     /2    BAG_ALL     a byte, whether they are shouted, and items: what the value is then */
#include <geomys/codec.h>
#include <geomys/module.h>

#ifndef REVISION
#define REVISION 2
#endif

#define TEXT_OF(number) #number
#define TEXT(number)    TEXT_OF(number)

enum { BAG_ADD = 1, BAG_SHOUT = 2, BAG_ALL = 1 };

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

static int apply_1(struct gm_apply *apply, const struct gm_record *record)
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

#ifdef SUCCESSOR

static int apply_bag(struct gm_apply *apply, const struct gm_record *record)
{
    if (record->op != BAG_ALL || record->body.size < 2 || record->body.data[0] > 1) {
        return GM_CORRUPT;
    }
    struct gm_reader in = gm_reader_of(gm_bytes_at(record->body.data + 1, record->body.size - 1));
    while (gm_read_left(&in) > 0) {
        (void)gm_read_item(&in);
    }
    if (!gm_read_fine(&in)) {
        return GM_CORRUPT;
    }
    memcpy(gm_resize(apply, record->body.size), record->body.data, record->body.size);
    return GM_OK;
}

static uint64_t dump_bag(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    (void)cursor;
    gm_dump(sink, BAG_ALL, gm_bytes_at(cell->data, cell->size));
    return 0;
}

/* The value with one change is the record. */
static void emit_all(struct gm_call *call, bool loud, struct gm_bytes word)
{
    const struct gm_key *key = gm_key(call, 0);
    size_t before = key->state == GM_KEY_OWN ? key->cell.size : 1;
    uint8_t *body = gm_scratch(call, before + gm_item_size(word.size));
    uint8_t *end = body + before;
    if (key->state == GM_KEY_OWN) {
        memcpy(body, key->cell.data, before);
    }
    body[0] = loud || (key->state == GM_KEY_OWN && is_loud(&key->cell));
    end = word.size > 0 ? gm_store_item(end, word) : end;
    gm_emit(call, &GM_EMISSION(.op = BAG_ALL, .flags = GM_BORROWED, .body = gm_bytes_between(body, end)));
}

#else

#define apply_bag apply_1

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

static void emit_all(struct gm_call *call, bool loud, struct gm_bytes word)
{
    gm_emit(call, &GM_EMISSION(.op = loud ? BAG_SHOUT : BAG_ADD, .flags = GM_BORROWED, .body = word));
}

#endif

static void plan_add(struct gm_call *call)
{
    if (gm_arg_at(call, 1, 0).size == 0) {
        gm_reply_error(call, "ERR a word has letters");
        return;
    }
    emit_all(call, false, gm_arg_at(call, 1, 0));
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
        emit_all(call, true, gm_bytes_at(NULL, 0));
    }
    gm_reply_status(call, "OK");
}

#ifndef SUCCESSOR
static const struct gm_op_since later[] = {{BAG_SHOUT, 2}};
#endif
#endif

#ifdef SUCCESSOR
static const struct gm_predecessor before[] = {{.id = "test.bag/1", .revision = 2, .apply = apply_1}};
#endif

static const struct gm_type bag = {
    .size = sizeof(struct gm_type),
    .name = "bag",
    .apply = apply_bag,
    .dump = dump_bag,
#ifdef SUCCESSOR
    .id = "test.bag/2",
    .succeeds = before,
    .succeeds_count = 1,
#else
    .id = "test.bag/1",
    .revision = REVISION,
#if REVISION >= 2
    .later = later,
    .later_count = 1,
#endif
#endif
};

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

#ifdef SUCCESSOR
#define VERSION "2.0.0"
#else
#define VERSION "1." TEXT(REVISION) ".0"
#endif

GM_MODULE(.name = "test.bag", .version = VERSION, .types = types, .type_count = 1, .commands = commands,
          .command_count = sizeof commands / sizeof commands[0])
