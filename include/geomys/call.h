/* SPDX-License-Identifier: MIT */

/* geomys/call.h - a command being planned: its arguments, its keys, its reply, and the records it emits.
 *
 * Idea    plan is read-only. It looks at the values of the keys that its usage line declares, and then
 *           - replies, exactly once (a read, a refusal, or the result of the write), and
 *           - for a write, emits records; the host gives them sequence numbers and applies them, in order, after plan
 *           has
 *             returned, all of them or none.
 *         Everything uncertain (time, chance, a float's text) is settled in plan and written into the record. plan may
 *         be run again (a blocked command, when its key changes), which is why it must not have effects of its own.
 *
 * Promises of the host
 *   P1  Arity, argument types, routing, authorisation and WRONGTYPE are checked before plan runs.
 *   P2  An error reply discards whatever was emitted.
 *   P3  A key that has expired is absent; a key whose module is missing or whose value is damaged never reaches plan.
 *   P4  What plan is given stays valid until it returns, including all of `argv` and the cells.
 * Promises of the module
 *   M1  One reply per call: of plan, or where plan leaves none of the command's `answer`, after the records have been
 *       applied. It has as many elements as were announced, and what gm_reply_begin began has an end. The host turns a
 *       breach into an error reply.
 *   M2  Nothing is emitted by a command that is declared GM_READ, and nothing for a key that its usage line declares
 *       as an rkey.
 *   M3  A record without GM_FRESH is for a key that is absent, or holds a value of the record's type.
 * A breach is an error reply that names module and command, and one line in the log: nothing is changed.
 *
 * All functions here are for use inside plan (and those named gm_reply_ also inside gm_type.view).
 */
#ifndef GEOMYS_CALL_H
#define GEOMYS_CALL_H

#include "geomys/value.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- arguments ----------------------------------------------------------------------------------------------- */

/* What one word of the usage line matched. The words are counted in the order in which they are written, tokens and
 * arguments alike, the command's name not: in "SET key value [NX|XX] [EX seconds:int]" EX is number 4.
 * occurrence k (0 <= k < count) is argv[first + k * stride], if stride is not 0; with stride 0 (a repeated
 * group whose members differ in length) walk argv instead, knowing that the host has matched it. gm_arg reaches one. */
struct gm_arg {
    uint32_t count;  /* how often it was given; 0 for an option left out */
    uint32_t first;  /* index into argv                                  */
    uint32_t stride; /* between occurrences                              */
    uint32_t reserved;
    union {
        int64_t
            integer; /* the first occurrence, where the type is int or unix; for timeout: milliseconds, 0 = for ever */
        double number; /* where the type is float, score or bound; gm_number_at has that of each occurrence           */
    };
};

/* ---- keys ---------------------------------------------------------------------------------------------------- */

enum gm_key_state {
    GM_KEY_ABSENT = 0,
    GM_KEY_OWN = 1,    /* a value of the command's type: `cell` is it                                               */
    GM_KEY_SCALAR = 2, /* another type's value that has a text: gm_scalar gives it (commands with GM_ACCEPT_SCALAR) */
    GM_KEY_OTHER = 3,  /* any other value (commands with GM_ACCEPT_ANY, keys that are key-any, rkey-elements ...)   */
};

/* One key of the call, in the order of the command line. gm_key reaches one. */
struct gm_key {
    struct gm_bytes name;
    uint32_t state;        /* enum gm_key_state                     */
    uint32_t held;         /* the host's                            */
    struct gm_cell cell;   /* read-only here; valid with GM_KEY_OWN */
    int64_t expire_at_ms;  /* unix time, 0 = never                  */
    const void *host;      /* the host's */
    const void *host_more; /* the host's */
};

/* ---- records ------------------------------------------------------------------------------------------------- */

enum gm_emit_flag {
    /* Whatever the key holds, of any type, goes first, and its expiry with it: apply gets an absent cell. The host
     * adds this by itself when the key is absent. */
    GM_FRESH = 1,
    /* With GM_FRESH: but the expiry stays. */
    GM_KEEP_EXPIRY = 2,
    /* The key gets `expire_at_ms`. A time that has already passed makes the host log a deletion instead. */
    GM_EXPIRE = 4,
    /* `body` lies in argv or in gm_scratch memory, so the host need not copy it. Never for bytes of a value. */
    GM_BORROWED = 8,
    /* The key goes, whatever it holds: no record of the type, so op and body are not looked at. Listeners hear the
     * event (of a command that took the last element, say), then "del"; gm_emit_delete tells "del" alone. */
    GM_DELETE = 16,
};

/* Write it as GM_EMISSION(.op = ..., .body = ...); in C++ the fields in the order in which they stand here. */
struct gm_emission {
    uint32_t size;  /* sizeof (struct gm_emission)      */
    uint32_t key;   /* number, as gm_key counts them    */
    uint32_t flags; /* enum gm_emit_flag, or-ed        */
    uint16_t op;
    uint16_t reserved;
    int64_t expire_at_ms;
    struct gm_bytes body;         /* all of it, or its beginning ...                        */
    const struct gm_bytes *parts; /* ... and what follows, gathered (copied) into one body */
    uint32_t part_count;
    uint32_t reserved2;
    const struct gm_type *type; /* an element of the module's `types`; NULL: the command's                          */
    const char *event;          /* what listeners hear, a static word in lower case ("srem"); NULL: the command's
                                   event. One that repeats the last one of the same key is not told again.         */
};

#ifdef __cplusplus
/* A temporary has an address only by way of a reference; it lives until the end of the full expression. */
static inline const gm_emission &gm_emission_here(const gm_emission &emission)
{
    return emission;
}
#define GM_EMISSION(...) gm_emission_here(gm_emission{.size = sizeof(gm_emission), __VA_ARGS__})
#else
#define GM_EMISSION(...) ((const struct gm_emission){.size = sizeof(struct gm_emission), __VA_ARGS__})
#endif

/* ---- the call ------------------------------------------------------------------------------------------------ */

/* Is shown one element by gm_walk. False: enough. */
typedef bool gm_each_element(void *context, const struct gm_element *element);

struct gm_call_ops {
    uint32_t size; /* of this struct, as the host knows it */
    uint32_t reserved;
    void (*reply_status)(struct gm_call *, const char *text);
    void (*reply_error)(struct gm_call *, const char *text);
    void (*reply_int)(struct gm_call *, int64_t number);
    void (*reply_double)(struct gm_call *, double number);
    void (*reply_bool)(struct gm_call *, bool truth);
    void (*reply_bytes)(struct gm_call *, struct gm_bytes bytes);
    void (*reply_null)(struct gm_call *);
    void (*reply_null_array)(struct gm_call *);
    void (*reply_array)(struct gm_call *, size_t count);
    void (*reply_map)(struct gm_call *, size_t pairs);
    void (*reply_set)(struct gm_call *, size_t count);
    void (*emit)(struct gm_call *, const struct gm_emission *);
    void (*emit_delete)(struct gm_call *, uint32_t key);
    void (*emit_expire)(struct gm_call *, uint32_t key, int64_t at_ms);
    struct gm_bytes (*scalar)(struct gm_call *, uint32_t key);
    void *(*scratch)(struct gm_call *, size_t size);
    uint64_t (*random)(struct gm_call *);
    void (*miss)(struct gm_call *, uint32_t key);
    void *(*scratch_raw)(struct gm_call *, size_t size);
    bool (*afford)(struct gm_call *, uint64_t bytes);
    void (*reply_begin)(struct gm_call *, uint32_t kind);
    void (*reply_end)(struct gm_call *);
    void (*reply_error_element)(struct gm_call *, const char *text);
    uint32_t (*protocol)(struct gm_call *);
    int64_t (*outcome_of)(struct gm_call *, uint32_t emission);
    const bool *(*first)(struct gm_call *, uint32_t arg);
    void (*value)(struct gm_call *, uint32_t arg, uint32_t occurrence, struct gm_arg *out);
    const struct gm_secret *(*secret)(struct gm_call *);
    uint64_t (*walk)(struct gm_call *, uint32_t key, uint64_t cursor, gm_each_element *each, void *context);
    bool (*emit_elements)(struct gm_call *, uint32_t key, const char *name, const struct gm_element *elements,
                          size_t count);
    uint32_t (*key_add)(struct gm_call *, struct gm_bytes name);
    int64_t (*setting_int)(struct gm_call *, uint32_t setting);
    double (*setting_number)(struct gm_call *, uint32_t setting);
};

struct gm_call {
    const struct gm_call_ops *ops;
    const struct gm_bytes *argv; /* argv[0] is the command's name as typed */
    const void *args;            /* gm_arg                                 */
    const void *keys;            /* gm_key                                 */
    uint32_t argc;
    uint32_t key_count;
    uint32_t arg_stride; /* bytes from one to the next; sizes may grow */
    uint32_t key_stride;
    int64_t now_ms;                /* wall clock of this turn, unix milliseconds: the same for all that runs in it */
    const void *const *interfaces; /* what the descriptor asked for in `needs`, in its order                      */
};

/* Key number `key`, below call->key_count. */
static inline const struct gm_key *gm_key(const struct gm_call *call, uint32_t key)
{
    return (const struct gm_key *)(const void *)((const char *)call->keys + (size_t)key * call->key_stride);
}

/* What word number `arg` of the usage line matched. */
static inline const struct gm_arg *gm_arg(const struct gm_call *call, uint32_t arg)
{
    return (const struct gm_arg *)(const void *)((const char *)call->args + (size_t)arg * call->arg_stride);
}

/* ---- replies: each is one element ---- */

/* "+text": a short word such as OK. */
static inline void gm_reply_status(struct gm_call *call, const char *text)
{
    call->ops->reply_status(call, text);
}

/* "-text": a code in capitals, then a sentence: "ERR value is not an integer or out of range". Line breaks become
 * blanks, 512 bytes at most. Discards what was emitted and what was replied before. */
static inline void gm_reply_error(struct gm_call *call, const char *text)
{
    call->ops->reply_error(call, text);
}

static inline void gm_reply_int(struct gm_call *call, int64_t number)
{
    call->ops->reply_int(call, number);
}

/* A double in RESP3, its shortest text in RESP2. */
static inline void gm_reply_double(struct gm_call *call, double number)
{
    call->ops->reply_double(call, number);
}

/* A boolean in RESP3, 1 or 0 in RESP2. */
static inline void gm_reply_bool(struct gm_call *call, bool truth)
{
    call->ops->reply_bool(call, truth);
}

/* A bulk string. Copied. */
static inline void gm_reply_bytes(struct gm_call *call, struct gm_bytes bytes)
{
    call->ops->reply_bytes(call, bytes);
}

static inline void gm_reply_null(struct gm_call *call)
{
    call->ops->reply_null(call);
}

/* Differs from gm_reply_null in RESP2 only. */
static inline void gm_reply_null_array(struct gm_call *call)
{
    call->ops->reply_null_array(call);
}

/* `count` elements must follow; a map is followed by 2 * pairs elements (in RESP2 it is a flat array). */
static inline void gm_reply_array(struct gm_call *call, size_t count)
{
    call->ops->reply_array(call, count);
}

static inline void gm_reply_map(struct gm_call *call, size_t pairs)
{
    call->ops->reply_map(call, pairs);
}

static inline void gm_reply_set(struct gm_call *call, size_t count)
{
    call->ops->reply_set(call, count);
}

/* ---- replies whose length comes last ---- */

enum gm_reply_kind {
    GM_REPLY_ARRAY = 0,
    GM_REPLY_MAP = 1,   /* of pairs: a key, then its value; a flat array in RESP2 */
    GM_REPLY_SET = 2,   /* an array in RESP2 */
    GM_REPLY_PAIRS = 3, /* an array of arrays of two in RESP3, a flat array in RESP2: a member, then its score */
};

#define GM_REPLY_DEPTH_MAX 8 /* that may be begun in each other */

/* One element, of as many elements as follow until gm_reply_end: for what is found out while it is replied (a filter,
 * an intersection). Where the number is known gm_reply_array costs less: at the end all that was replied in between
 * moves. Of a map and of pairs the elements come one by one, an even number of them. */
static inline void gm_reply_begin(struct gm_call *call, enum gm_reply_kind kind)
{
    call->ops->reply_begin(call, kind);
}

static inline void gm_reply_end(struct gm_call *call)
{
    call->ops->reply_end(call);
}

/* One element that is an error, within an array: what failed of several things, of which others were done. It discards
 * nothing. As gm_reply_error it has a code in capitals. Never the whole reply. */
static inline void gm_reply_error_element(struct gm_call *call, const char *text)
{
    call->ops->reply_error_element(call, text);
}

/* 2 or 3: what the client speaks, for replies that differ in more than the functions above express. */
static inline uint32_t gm_protocol(struct gm_call *call)
{
    return call->ops->protocol(call);
}

/* ---- records ---- */

/* Emits one record. The body is copied now unless GM_BORROWED. Applied after plan, in order. */
static inline void gm_emit(struct gm_call *call, const struct gm_emission *emission)
{
    call->ops->emit(call, emission);
}

/* Removes the key, of whatever type. Nothing happens if it is absent by then. */
static inline void gm_emit_delete(struct gm_call *call, uint32_t key)
{
    call->ops->emit_delete(call, key);
}

/* Sets the expiry of a key, unix milliseconds; 0 = never. A time that has passed deletes the key. */
static inline void gm_emit_expire(struct gm_call *call, uint32_t key, int64_t at_ms)
{
    call->ops->emit_expire(call, key, at_ms);
}

/* ---- reading ---- */

/* The text of key `key`: its type's scalar, for GM_KEY_SCALAR or GM_KEY_OWN. `data` NULL: absent or no text. Valid
 * until plan returns. */
static inline struct gm_bytes gm_scalar(struct gm_call *call, uint32_t key)
{
    return call->ops->scalar(call, key);
}

/* Bytes that one plan gets from gm_scratch and gm_scratch_raw in all, and so many that it always gets. */
#define GM_SCRATCH_MAX  ((size_t)1024 * 1024 * 1024)
#define GM_SCRATCH_SURE ((size_t)64 * 1024)

/* Zeroed memory until plan returns and its records are applied, aligned to 16 bytes. NULL: it would be more than
 * GM_SCRATCH_MAX, or the system has no memory for it. The host answers with an error that begins with OOM then, and
 * nothing is emitted: plan returns. Up to GM_SCRATCH_SURE bytes in one plan it is never NULL. */
static inline void *gm_scratch(struct gm_call *call, size_t size)
{
    return call->ops->scratch(call, size);
}

/* The same, not zeroed: for what is written before it is read. */
static inline void *gm_scratch_raw(struct gm_call *call, size_t size)
{
    return call->ops->scratch_raw(call, size);
}

/* Asks whether the records that this plan is about to emit may make what is stored `bytes` larger than it is, beside
 * what it has asked for before: for a command that can add more than its arguments weigh (an offset, a capacity, a
 * copy). False: that would be above maxmemory, or the system has not so much memory; the host answers with an error
 * that begins with OOM, and nothing is emitted: plan returns. Within a transaction what its earlier commands have added
 * counts. A few dozen instructions. */
static inline bool gm_afford(struct gm_call *call, uint64_t bytes)
{
    return call->ops->afford(call, bytes);
}

/* The reply of a writing command says that this key is absent, as that of a read would (GETDEL): listeners to
 * "keymiss" hear it. The host says it by itself of commands that read and of each rkey. */
static inline void gm_miss(struct gm_call *call, uint32_t key)
{
    call->ops->miss(call, key);
}

/* The data set's secret, that of gm_secret: for looking into tables that apply has built with it. Never part of a reply
 * or of a record. */
static inline const struct gm_secret *gm_call_secret(struct gm_call *call)
{
    return call->ops->secret(call);
}

#define GM_WALK_REFUSED UINT64_MAX /* what gm_walk returns for a value whose elements cannot be read */

/* Shows elements of key number `key`, of whatever type, to `each`, with `context`, beginning at `cursor`: 0 at first,
 * then what the last call returned, until that is 0. The elements' bytes stay where they are until plan returns. An
 * absent key has none. GM_WALK_REFUSED: the type has no elements to show, which an rkey-elements never is. When `each`
 * has returned false, 0. O(elements shown); a page is about a thousand. */
static inline uint64_t gm_walk(struct gm_call *call, uint32_t key, uint64_t cursor, gm_each_element *each,
                               void *context)
{
    return call->ops->walk(call, key, cursor, each, context);
}

/* Emits what makes key number `key` a value with these elements, of the type that clients call `name` ("list"): of
 * whichever module gives it. It replaces what is there, with its expiry; without elements that is deleted. The bytes
 * are borrowed until the records have been applied. False: there is no such type, and the host answers with an error
 * that names it: plan returns. */
static inline bool gm_emit_elements(struct gm_call *call, uint32_t key, const char *name,
                                    const struct gm_element *elements, size_t count)
{
    return call->ops->emit_elements(call, key, name, elements, count);
}

#define GM_KEY_ADDED_MAX ((uint32_t)1 << 20) /* keys that one plan may add */
#define GM_KEY_NONE      UINT32_MAX

/* One more key to read, that the usage line cannot name since it comes from a value (SORT's BY and GET): its number for
 * gm_key, gm_scalar and gm_walk. It may hold any type. `name` stays where it is until plan returns. What gm_key gave
 * before stays readable. A call that waits is not run again because such a key changes, and in a cluster it has to be
 * in the slot of the call's other keys. Not in `answer`. GM_KEY_NONE: there are too many, or its value cannot be read
 * here; the host answers with an error: plan returns. O(name), and 88 bytes of the plan's memory. */
static inline uint32_t gm_key_add(struct gm_call *call, struct gm_bytes name)
{
    return call->ops->key_add(call, name);
}

/* The value of the module's setting of that number (gm_module.settings): of a BOOL 1 or 0, of a WORD its number, of
 * INT, BYTES and MS itself; always within its range. It is one value for the whole of a plan: a change (CONFIG SET, a
 * file that is read again) holds from the next command on, so two commands of one transaction see two values if a
 * CONFIG SET stands between them, and only then. Of no setting, or of a NUMBER, the host refuses the call. O(1). */
static inline int64_t gm_setting_int(struct gm_call *call, uint32_t setting)
{
    return call->ops->setting_int(call, setting);
}

/* The same of a NUMBER. */
static inline double gm_setting_number(struct gm_call *call, uint32_t setting)
{
    return call->ops->setting_number(call, setting);
}

/* From the turn's seeded generator: uniform over 64 bits. */
static inline uint64_t gm_random(struct gm_call *call)
{
    return call->ops->random(call);
}

/* [answer] What apply has left by gm_outcome for the emission of that number, in the order of plan, deletions included;
 * 0 if it has left nothing, or there is no such emission. */
static inline int64_t gm_outcome_of(struct gm_call *call, uint32_t emission)
{
    return call->ops->outcome_of(call, emission);
}

/* Of each occurrence of argument number `arg`, whether it is the first with these bytes: SADD key a b a gives true,
 * true, false. As many as its count; needs a stride, or a count of 1. Until plan (or answer) returns; O(bytes) each
 * time. NULL: the host refuses the call, as with gm_scratch. */
static inline const bool *gm_first(struct gm_call *call, uint32_t arg)
{
    return call->ops->first(call, arg);
}

/* Uniform below `bound`, which is not 0; each number exactly as likely as any other. */
static inline uint64_t gm_random_below(struct gm_call *call, uint64_t bound)
{
    uint64_t uneven = (0 - bound) % bound; /* of the 2^64 numbers, those that do not divide evenly are drawn again */
    uint64_t number = gm_random(call);
    while (number < uneven) {
        number = gm_random(call);
    }
    return number % bound;
}

/* The k-th occurrence of argument number `arg`; needs k < count and stride or k == 0. */
static inline struct gm_bytes gm_arg_at(const struct gm_call *call, uint32_t arg, uint32_t k)
{
    const struct gm_arg *found = gm_arg(call, arg);
    return call->argv[found->first + k * found->stride];
}

/* The number of the k-th occurrence of argument number `arg`, of a type that has one: gm_int_at as gm_arg.integer,
 * gm_number_at as gm_arg.number (the score of each member). Needs k < count and stride or k == 0. O(1): the word is
 * read again. */
static inline int64_t gm_int_at(struct gm_call *call, uint32_t arg, uint32_t k)
{
    struct gm_arg value;
    call->ops->value(call, arg, k, &value);
    return value.integer;
}

static inline double gm_number_at(struct gm_call *call, uint32_t arg, uint32_t k)
{
    struct gm_arg value;
    call->ops->value(call, arg, k, &value);
    return value.number;
}

static inline bool gm_given(const struct gm_call *call, uint32_t arg)
{
    return gm_arg(call, arg)->count > 0;
}

#ifdef __cplusplus
}
#endif

#endif
