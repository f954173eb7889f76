/* SPDX-License-Identifier: MIT */

/* geomys/value.h - what a data type is to the host: cells, records, and the functions of a type.
 *
 * Idea    A value lives in a *cell* of the keyspace. A cell is absent, or one machine word (a number; a pointer to what
 *         is big), or a run of bytes that the host keeps inline with the key. The only thing that ever changes a cell
 *         is the type's `apply`, given a *record*: first execution, follower, crash recovery, snapshot and slot move
 *         all make the same call. So `apply` decides nothing: the same record on the same value gives the same value,
 *         on every node, for ever.
 *
 * Contexts, in brackets at each function, as the host promises to call it:
 *   [apply]  inside gm_type.apply            may change the cell it was given, may allocate
 *   [free]   inside gm_type.free             may only release memory
 *   [read]   inside plan or a facet          may change nothing
 *   [dump] [digest]   inside these two       may change nothing, may use the sink
 *   [plan]   inside gm_type.plan_due         as the plan of a command that writes (call.h)
 * All of them run on the thread that owns the key. A module has no writable statics: several hosts may share it.
 */
#ifndef GEOMYS_VALUE_H
#define GEOMYS_VALUE_H

#include <stdarg.h>
#include <stdio.h>

#include "geomys/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- cells --------------------------------------------------------------------------------------------------- */

enum gm_form {
    GM_ABSENT = 0, /* no value: the key does not exist                      */
    GM_WORD = 1,   /* `word` is the value, or points to it                  */
    GM_BYTES = 2,  /* `data`, `size` are the value, kept inline by the host */
};

#define GM_VALUE_SIZE_MAX ((size_t)512 * 1024 * 1024) /* bytes inline in one cell, and bytes in one record's body */

/* A value where it lives. Fields that the form does not name are zero. Borrowed from the host and valid until the
 * function that received it returns; inside apply, also until the cell is next resized, set or cleared. */
struct gm_cell {
    uint32_t form; /* enum gm_form */
    uint32_t reserved;
    uint64_t word;
    uint8_t *data; /* may be written in [apply] only */
    size_t size;   /* bytes */
};

/* ---- records ------------------------------------------------------------------------------------------------- */

/* One change to one value, as the log carries it. Everything is borrowed until the function returns.
 * `body` comes from a file or a peer: treat it as hostile, check it wholly before the first change. */
struct gm_record {
    uint16_t op; /* the type's own numbering, 0 to 65535, stable for ever once released */
    uint16_t reserved;
    uint32_t reserved2;
    int64_t time_ms; /* wall clock of the node that planned it: the only time that apply may use */
    struct gm_bytes key;
    struct gm_bytes body;
};

enum gm_status {
    GM_OK = 0,
    GM_CORRUPT =
        1, /* the body is malformed, or cannot belong to this value: the host quarantines the key and says so */
};

struct gm_apply;

/* What the host lends to apply and free. Use the inline functions below. */
struct gm_apply_ops {
    uint32_t size; /* of this struct, as the host knows it */
    uint32_t reserved;
    uint8_t *(*resize)(struct gm_apply *, size_t size);
    void (*set_word)(struct gm_apply *, uint64_t word);
    void (*clear)(struct gm_apply *);
    void *(*alloc)(struct gm_apply *, size_t size);
    void *(*realloc)(struct gm_apply *, void *memory, size_t size);
    void (*release)(struct gm_apply *, void *memory);
    uint64_t (*held)(struct gm_apply *, const void *memory);
    void (*outcome)(struct gm_apply *, int64_t number);
    const struct gm_secret *(*secret)(struct gm_apply *);
};

/* The cell under change. The host owns it, for the length of the call. */
struct gm_apply {
    const struct gm_apply_ops *ops;
    struct gm_cell cell;
};

/* [apply] Makes the cell a run of `size` bytes and returns it, writable. If it was bytes before, the common beginning
 * stays; all further bytes are zero. Size 0 is a value too (an empty string). A word that was there is forgotten, not
 * freed. NULL if size is above GM_VALUE_SIZE_MAX (the cell is unchanged then); never NULL otherwise. Amortised O(1) per
 * byte when growing step by step. */
static inline uint8_t *gm_resize(struct gm_apply *apply, size_t size)
{
    return apply->ops->resize(apply, size);
}

/* [apply] Makes the cell one word. Bytes that were there are released. */
static inline void gm_set_word(struct gm_apply *apply, uint64_t word)
{
    apply->ops->set_word(apply, word);
}

/* [apply] Makes the cell absent: the host removes the key, with its expiry. A word is forgotten, not freed. */
static inline void gm_clear(struct gm_apply *apply)
{
    apply->ops->clear(apply);
}

/* Bytes of one allocation: the same on all nodes, since what apply does about a larger one must be the same, too. */
#define GM_ALLOC_MAX ((size_t)4 * 1024 * 1024 * 1024)

/* [apply] Memory charged to the type, zero-filled. NULL only above GM_ALLOC_MAX: apply returns GM_CORRUPT then, and has
 * changed nothing. Below that, lack of memory ends the process (on another node there would be enough, and the two
 * would differ), so plan asks gm_afford before it emits a record that needs much. Give it back with gm_release, in
 * apply or free. */
static inline void *gm_alloc(struct gm_apply *apply, size_t size)
{
    return apply->ops->alloc(apply, size);
}

/* [apply] As realloc(3): further bytes are not zeroed, `memory` may be NULL. NULL only above GM_ALLOC_MAX; `memory`
 * stays as it was then. */
static inline void *gm_realloc(struct gm_apply *apply, void *memory, size_t size)
{
    return apply->ops->realloc(apply, memory, size);
}

/* [apply] [free] Releases what gm_alloc or gm_realloc gave; NULL is fine. */
static inline void gm_release(struct gm_apply *apply, void *memory)
{
    apply->ops->release(apply, memory);
}

/* [apply] [free] Bytes that are really reserved for what gm_alloc or gm_realloc gave, at least those that were asked
 * for: what the type's `memory` is to report. A few dozen nanoseconds: keep the sum, rather than ask for each piece
 * again. */
static inline uint64_t gm_held(struct gm_apply *apply, const void *memory)
{
    return apply->ops->held(apply, memory);
}

/* [apply] The same, and *sum stays what gm_held says of all pieces that were counted in it: kept with the value, it is
 * what the type's `memory` returns. NULL changes neither memory nor sum. */
static inline void *gm_alloc_counted(struct gm_apply *apply, size_t size, uint64_t *sum)
{
    void *memory = gm_alloc(apply, size);
    *sum += memory != NULL ? gm_held(apply, memory) : 0;
    return memory;
}

static inline void *gm_realloc_counted(struct gm_apply *apply, void *memory, size_t size, uint64_t *sum)
{
    uint64_t before = memory != NULL ? gm_held(apply, memory) : 0;
    void *moved = gm_realloc(apply, memory, size);
    *sum += moved != NULL ? gm_held(apply, moved) - before : 0;
    return moved;
}

/* [apply] [free] */
static inline void gm_release_counted(struct gm_apply *apply, void *memory, uint64_t *sum)
{
    *sum -= memory != NULL ? gm_held(apply, memory) : 0;
    gm_release(apply, memory);
}

/* [apply] Leaves a number for the answer of the command whose record this is (gm_outcome_of): what only apply finds
 * out, such as how many of the members were new. The last one counts. Nobody hears it where nobody asks: of a command
 * without `answer`, in recovery, on a follower. */
static inline void gm_outcome(struct gm_apply *apply, int64_t number)
{
    apply->ops->outcome(apply, number);
}

/* [apply] [free] The data set's secret (bytes.h). The same on all nodes that hold the data, so what apply makes of it
 * is the same, too. Never NULL; valid as long as the type is loaded. O(1). */
static inline const struct gm_secret *gm_secret(struct gm_apply *apply)
{
    return apply->ops->secret(apply);
}

/* ---- sinks --------------------------------------------------------------------------------------------------- */

#define GM_DUMP_SCRATCH ((size_t)64 * 1024) /* bytes that one call of dump or digest is lent, all together */

struct gm_sink;

/* What the host lends to dump and digest. Use the inline functions below. */
struct gm_sink_ops {
    uint32_t size; /* of this struct, as the host knows it */
    uint32_t reserved;
    void (*record)(struct gm_sink *, uint16_t op, const struct gm_bytes *parts, uint32_t part_count);
    void *(*scratch)(struct gm_sink *, size_t size);
    const struct gm_secret *(*secret)(struct gm_sink *);
};

/* Where dump puts its records. The host owns it, for the length of the call. */
struct gm_sink {
    const struct gm_sink_ops *ops;
};

/* [dump] [digest] One record of the value. The body is copied: borrowed for this call. At most GM_VALUE_SIZE_MAX. */
static inline void gm_dump(struct gm_sink *sink, uint16_t op, struct gm_bytes body)
{
    sink->ops->record(sink, op, &body, 1);
}

/* [dump] [digest] The same, with a body that is gathered from several runs of bytes, in their order: a head on the
 * stack and an element where it lies. Of one run the host makes no copy, of several one. */
static inline void gm_dump_parts(struct gm_sink *sink, uint16_t op, const struct gm_bytes *parts, uint32_t part_count)
{
    sink->ops->record(sink, op, parts, part_count);
}

/* [dump] [digest] Memory to build bodies in, until the function returns; not zeroed, aligned for any type. NULL if all
 * that one call has asked for would be more than GM_DUMP_SCRATCH. */
static inline void *gm_dump_scratch(struct gm_sink *sink, size_t size)
{
    return sink->ops->scratch(sink, size);
}

/* [dump] [digest] As gm_secret. */
static inline const struct gm_secret *gm_dump_secret(struct gm_sink *sink)
{
    return sink->ops->secret(sink);
}

/* Text with a ceiling: what does not fit is dropped and `cut` says so. */
struct gm_text {
    char *data;      /* not terminated */
    size_t size;     /* bytes used     */
    size_t capacity; /* bytes          */
    bool cut;
};

static inline void gm_text_add(struct gm_text *text, struct gm_bytes bytes)
{
    size_t room = text->capacity - text->size;
    size_t taken = bytes.size < room ? bytes.size : room;
    if (taken > 0) {
        memcpy(text->data + text->size, bytes.data, taken);
    }
    text->size += taken;
    text->cut = text->cut || taken < bytes.size;
}

__attribute__((format(printf, 2, 3))) static inline void gm_text_format(struct gm_text *text, const char *format, ...)
{
    char line[256]; /* one piece; longer pieces are cut */
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (size > 0) {
        size_t used = (size_t)size < sizeof line ? (size_t)size : sizeof line - 1;
        gm_text_add(text, gm_bytes_at(line, used));
        text->cut = text->cut || (size_t)size >= sizeof line;
    }
}

/* Adds bytes so that a person can read them in one line: printable ASCII as it is, the rest as \xNN, in double quotes,
 * at most `limit` bytes of input, then "...". */
static inline void gm_text_quote(struct gm_text *text, struct gm_bytes bytes, size_t limit)
{
    size_t shown = bytes.size < limit ? bytes.size : limit;
    gm_text_format(text, "\"");
    for (size_t i = 0; i < shown; i++) {
        uint8_t byte = bytes.data[i];
        if (byte == '"' || byte == '\\') {
            gm_text_format(text, "\\%c", byte);
        } else if (byte >= 0x20 && byte < 0x7f) {
            gm_text_format(text, "%c", byte);
        } else {
            gm_text_format(text, "\\x%02x", byte);
        }
    }
    gm_text_format(text, shown < bytes.size ? "\"..." : "\"");
}

/* ---- elements ------------------------------------------------------------------------------------------------ */

/* One part of a value, as a reader of another type understands it. Zero what a type does not have. As gm_bytes it stays
 * as it is: it never grows. */
struct gm_element {
    struct gm_bytes name;  /* what it is: the member of a set, the field of a hash, of a list the element itself */
    struct gm_bytes bytes; /* what belongs to it: the value of a field; `data` NULL: nothing */
    double score;          /* with `scored` */
    bool scored;
    uint8_t reserved[7];
};

struct gm_visitor;

/* What the host lends to `elements`. Use the inline functions below. */
struct gm_visitor_ops {
    uint32_t size; /* of this struct, as the host knows it */
    uint32_t reserved;
    bool (*element)(struct gm_visitor *, const struct gm_element *);
    void *(*scratch)(struct gm_visitor *, size_t size);
};

/* Who looks at the elements. The host owns it, for the length of the call. */
struct gm_visitor {
    const struct gm_visitor_ops *ops;
};

/* [elements] Shows one element. Its bytes lie in the value, or in what gm_visit_scratch gave: the reader may keep
 * pointers to them until its plan returns. False: the reader has seen enough; return any cursor. */
static inline bool gm_visit(struct gm_visitor *visitor, const struct gm_element *element)
{
    return visitor->ops->element(visitor, element);
}

/* [elements] Memory for bytes that are made to be shown (the text of a number): until the reader's plan returns, not
 * zeroed. NULL: the reader has no more memory; return any cursor. */
static inline void *gm_visit_scratch(struct gm_visitor *visitor, size_t size)
{
    return visitor->ops->scratch(visitor, size);
}

/* ---- types --------------------------------------------------------------------------------------------------- */

#define GM_SCALAR_SCRATCH 32         /* bytes that scalar may use for text it makes */
#define GM_DUMP_BODY      16384      /* bytes of body that one dump record should aim at */
#define GM_DUMP_REFUSED   UINT64_MAX /* what dump returns for a value that it cannot tell */

#define GM_REVISION_MAX 255 /* of a type */

/* An operation that came after a type's first revision. */
struct gm_op_since {
    uint16_t op;
    uint16_t since; /* the revision with which it came: 2 to the type's own */
};

/* A type whose values another one takes over. */
struct gm_predecessor {
    const char *id; /* of the same name, with a lower number behind the slash */

    /* The highest revision of it that apply knows; 0 reads as 1. */
    uint32_t revision;
    uint32_t reserved;

    /* [apply] As gm_type.apply, for a record of that type: its operations mean what they meant. The cell is a value of
     * the type that takes over, or becomes one. It is empty when the other type's would be. */
    int (*apply)(struct gm_apply *, const struct gm_record *);
};

#define GM_PREDECESSORS_MAX 16

struct gm_call;

struct gm_type {
    uint32_t size;  /* sizeof (struct gm_type)                      */
    uint32_t flags; /* none yet: what the host does not know is refused */

    /* "vendor.name/encoding", 3 to 63 of [a-z0-9._-] and one slash: stands in every file and stream, so stable for
     * ever. */
    const char *id;

    /* What TYPE answers: a word that clients know ("string", "list"), or the type's own. */
    const char *name;

    /* [apply] Changes the cell as the record says. An absent cell is a new value. Checks the whole body first;
     * GM_CORRUPT leaves the cell as it was. Deterministic: looks at nothing but the cell, the record and the secret. */
    int (*apply)(struct gm_apply *, const struct gm_record *);

    /* [read] Emits records which, applied in order to an absent cell, rebuild the value: a bounded amount per call (aim
     * at GM_DUMP_BODY bytes of body, never more than one element above it), at least one record. `cursor` is 0 at
     * first, then what the last call returned; what is returned is greater than `cursor`, or 0: done. The value does
     * not change between the calls of one dump. GM_DUMP_REFUSED: this value cannot be told. That, a cursor that does
     * not grow, and a call that emits nothing end what the dump was for (a snapshot, a copy, a digest), and the host
     * names key, type and module.
     * Canonical, unless there is `digest`: equal values dump equal records, however they came to be, and a rebuilt
     * value dumps the same again. An order that comes of the secret is canonical: it is the same on each node that
     * holds these data. Only between two data sets do such dumps differ, and DEBUG DIGEST with them; where that
     * matters, there is `digest`. */
    uint64_t (*dump)(const struct gm_cell *, uint64_t cursor, struct gm_sink *);

    /* [free] Releases what a word points to. NULL for a type whose words own nothing. `apply->cell` is the value;
     * the cell itself goes afterwards. O(1) per allocation. */
    void (*free)(struct gm_apply *apply);

    /* ---- facets: NULL where the type has none ---- */

    /* [read] Bytes that the value owns besides its cell: the sum of gm_held over its pieces. O(1). NULL: none. */
    uint64_t (*memory)(const struct gm_cell *);

    /* [read] One line about a record, for people (geomys-log). The body may be malformed. No key, no line break. */
    void (*describe)(const struct gm_record *, struct gm_text *);

    /* [read] The value as one text, so that other types' commands can read it: borrowed from the cell, or made in
     * `scratch`. `data` NULL: this value has no such text. */
    struct gm_bytes (*scalar)(const struct gm_cell *, char scratch[GM_SCALAR_SCRATCH]);

    /* [read] Replies with one page of the value for a person: elements from `first` on, at most `count`; exactly one
     * reply element, usually an array. */
    void (*view)(const struct gm_cell *, uint64_t first, uint64_t count, struct gm_call *);

    /* [read] Whether the value holds nothing and so must not exist. The host asks after each apply, and removes it.
     * O(1). NULL: never empty. */
    bool (*empty)(const struct gm_cell *);

    /* [read] What OBJECT ENCODING answers; a static string. NULL: "raw". */
    const char *(*encoding)(const struct gm_cell *);

    /* [read] How many elements the value has, for listings. O(1). NULL: 1. */
    uint64_t (*length)(const struct gm_cell *);

    /* [free] As `free`, in parts: releases about `budget` allocations (at least one) of what the word points to, and
     * returns whether more is left, which is then all that apply->cell.word stands for: it may be changed. The host
     * calls again, between other commands, until nothing is left, and nothing else with it meanwhile; or `free` with a
     * value that has not been begun. For values of more than some thousand allocations: others do not wait while they
     * are released. NULL: `free` does it in one go. */
    bool (*free_some)(struct gm_apply *apply, uint64_t budget);

    /* [read] What makes the value equal to another, where one order of all its parts would be dear: emits each part
     * by itself, in any order, with the cursor of `dump` and what is said there of it. Values are equal if they emit
     * the same parts (op and body) as often: DEBUG DIGEST and the comparison of nodes rest on this instead of on the
     * dump then, which need not be canonical. NULL: what the dump emits, in its order. */
    uint64_t (*digest)(const struct gm_cell *, uint64_t cursor, struct gm_sink *);

    /* [read] When something in the value wants to change by itself: unix milliseconds, 0: never. The host asks after
     * each apply, on every node. O(1). With plan_due or not at all. */
    int64_t (*due)(const struct gm_cell *);

    /* [plan] That time has come. Emits, as a command that writes, what is due by call->now_ms in key 0 of the call, the
     * only one, which is GM_KEY_OWN; argc is 0. No reply. At most about GM_DUMP_BODY bytes of body per call: if `due`
     * still names a time that has come, the host calls again, between other commands. What grows asks gm_afford, and
     * returns if there is no room: the host comes again. A call that emits nothing though something is due breaks the
     * contract, and so does one of very many in a row that change nothing about it: the key is let alone for a second
     * then, longer each time. It is planned by the node that leads, and only while clients could write: between its
     * time and that, plans that read see the value as it is, and go by call->now_ms themselves. */
    void (*plan_due)(struct gm_call *);

    /* ---- versions: docs/module-guide.md, "A type's second version" ---- */

    /* 1 (0 reads as 1), and one more with each release of the module in which an operation is new; at most
     * GM_REVISION_MAX. A new form of a body is a new operation: apply refuses (GM_CORRUPT) one that it does not know.
     * `later` names all operations that came after revision 1, each once. Files say the highest revision of which they
     * have an operation: an older module loads them as long as that is not above its own. */
    uint32_t revision;
    uint32_t later_count;
    const struct gm_op_since *later;

    /* [read] Shows the value's elements to a command of another type (gm_walk), each once: a bounded number per call (a
     * thousand or so), with a cursor as that of `dump`. The value does not change between the calls of one walk. In the
     * type's own order, if it has one. NULL: nobody else can read it. */
    uint64_t (*elements)(const struct gm_cell *, uint64_t cursor, struct gm_visitor *);

    /* [plan of another module] The inverse: emits records for key number `key` of the call which make it a value of
     * this type that has these elements, in their order; the first with GM_FRESH. At least one element; their bytes
     * stay where they are until the records have been applied, so GM_BORROWED may be used. The emissions' type is
     * this one without being named, and so is their `event` (NULL: the command's). No reply. NULL: no command can make
     * such a value by its name (gm_emit_elements). */
    void (*from_elements)(struct gm_call *, uint32_t key, const struct gm_element *elements, size_t count);

    /* The types whose values this one takes over, all of them that are to be read: how "acme.bag/2" follows
     * "acme.bag/1". Records of theirs in a log or a snapshot are applied by the functions named here, and what is
     * written from then on is of this type. A type and its successor are never loaded together. */
    const struct gm_predecessor *succeeds;
    uint32_t succeeds_count;

    /* Names the shape of what lies behind a word, or in the bytes of a cell, and what a cursor of dump means: any
     * number but 0, another one for each change of it. Where the code of a type is exchanged while values of it are
     * there, by a version with the same number, that takes the values as they are. 0, or another number: they are
     * dumped by the old code and applied by the new one, one by one; and so they are if one of the two has `due`, and
     * the other has not. */
    uint32_t layout;
};

#ifdef __cplusplus
}
#endif

#endif
