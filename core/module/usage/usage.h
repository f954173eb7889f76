/* SPDX-License-Identifier: MIT */

/* usage.h - a usage line, parsed once, and calls matched against it.
 *
 *     SET key value [milliseconds:int] [NX|XX] [GET] [EX seconds:int|PX milliseconds:int|KEEPTTL]
 *
 * The line is the one source of a command's parsing, arity, keys, hints, documentation and random calls.
 * docs/module-guide.md specifies the grammar. This header parses and binds; usage_hint.h helps a person who is typing,
 * usage_docs.h describes the arguments as COMMAND DOCS does, usage_random.h draws calls.
 *
 * A struct usage is immutable once parsed: any number of threads may use it. Nothing here but usage_parse allocates.
 * Needs libc and core/base only.
 */
#ifndef GEOMYS_MODULE_USAGE_USAGE_H
#define GEOMYS_MODULE_USAGE_USAGE_H

#include "base/bytes.h"
#include "base/status.h"
#include "geomys/call.h"

#define USAGE_LINE_MAX  1023 /* bytes of a line                                           */
#define USAGE_NAME_MAX  63   /* bytes of a name, container, bar and sub-command together  */
#define USAGE_LEAF_MAX  64   /* tokens and arguments                                      */
#define USAGE_NODE_MAX  255  /* leaves, brackets and sequences                            */
#define USAGE_DEPTH_MAX 12   /* brackets in brackets                                      */

#define USAGE_UNBOUNDED UINT32_MAX /* as a greatest number of words */
#define USAGE_NO_LEAF   UINT8_MAX

/* ---- the tree ---- */

enum usage_type {
    USAGE_STRING,   /* any bytes                                                                             */
    USAGE_INT,      /* int64 in canonical decimal                               -> gm_arg.integer            */
    USAGE_COUNT,    /* an int, 0 or more                                        -> gm_arg.integer            */
    USAGE_POSITIVE, /* an int, 1 or more                                        -> gm_arg.integer            */
    USAGE_FLOAT,    /* a finite decimal number                                  -> gm_arg.number             */
    USAGE_SCORE,    /* the same, or inf, +inf, -inf, infinity                   -> gm_arg.number             */
    USAGE_BOUND,    /* a score, after "(" if it is exclusive                    -> gm_arg.number             */
    USAGE_UNIX,     /* an int, unix time in seconds                             -> gm_arg.integer            */
    USAGE_UNIX_MS,  /* an int, unix time in milliseconds                        -> gm_arg.integer            */
    USAGE_TIMEOUT,  /* seconds, a float, 0 or more, 0 = for ever                -> gm_arg.integer, in milliseconds */
    USAGE_PATTERN,  /* any bytes, a glob                                                                     */
    USAGE_KEY,      /* a key, written if the command is a GM_WRITE                                           */
    USAGE_RKEY,     /* a key that is only read, whatever the command is                                      */
};

enum usage_kind {
    USAGE_TOKEN,    /* a leaf: a literal word, matched without regard to case */
    USAGE_ARGUMENT, /* a leaf: a word of the caller's                         */
    USAGE_SEQUENCE, /* its children one after the other                       */
    USAGE_CHOICE,   /* exactly one of its children                            */
};

enum usage_flag {
    USAGE_OPTIONAL = 1, /* may be left out                                                                       */
    USAGE_REPEAT = 2,   /* "...": once or more                                                                   */
    USAGE_COUNTED = 4,  /* "{n}": as often as leaf `count_leaf` says                                             */
    USAGE_OPTION = 8,   /* optional and begun by a token: consecutive ones come in any order                     */
    USAGE_OPEN = 16,    /* a repeat begun by an argument: takes all words but those that must follow it          */
    USAGE_PLAIN = 32,   /* made of required arguments only, no token: so each time of the same length            */
    USAGE_COUNTS = 64,  /* an argument which says how often another comes                                        */
    USAGE_AGAIN = 128,  /* an option that may be given again: the last one counts (usage_again.h)                */
    USAGE_STOPS = 256,  /* a repeat begun by an argument that ends where a token comes which may follow it       */
    USAGE_HALF = 512,   /* an open repeat, of which another one beside it has as many: key... id{key}            */
};

/* Values of which types a key may have, whatever the command says of all its keys. */
enum usage_accepts {
    USAGE_ACCEPTS_OWN,      /* key, rkey: the command's type, and what its flags add */
    USAGE_ACCEPTS_ANY,      /* key-any, rkey-any: every type                         */
    USAGE_ACCEPTS_ELEMENTS, /* rkey-elements: every type whose elements can be read  */
};

/* One node. Node 0 is the root, a sequence. Links are node numbers, 0 = none. */
struct usage_node {
    uint16_t flags; /* enum usage_flag */
    uint8_t kind;   /* enum usage_kind */
    uint8_t type;   /* enum usage_type of an argument */
    uint8_t leaf;   /* number of a leaf; USAGE_NO_LEAF otherwise */
    uint8_t parent;
    uint8_t child;      /* the first */
    uint8_t next;       /* sibling */
    uint8_t count_leaf; /* of USAGE_COUNTED */
    uint8_t lead;       /* the argument that its first word may be, a leaf; USAGE_NO_LEAF: always a token */
    uint8_t depth;
    uint8_t accepts;    /* enum usage_accepts of a key */
    uint16_t column;    /* in the line, of its first byte, from 0 */
    uint16_t text;      /* in the line, of a leaf's word */
    uint16_t text_size; /* bytes, without the type */
    uint32_t min;       /* words: at least, where it is given */
    uint32_t max;       /* words: at most, or USAGE_UNBOUNDED */
    uint32_t after;     /* words: at least, in what follows it in its sequence */
    uint64_t first;     /* the tokens that may begin it, by leaf number */
    uint64_t follow;    /* the tokens that may come right after it, by leaf number */
};

struct usage {
    char *line;               /* owned: the usage line, terminated */
    struct usage_node *nodes; /* owned */
    char *texts;              /* owned: error sentences */
    uint32_t node_count;
    uint32_t leaf_count;
    uint32_t words;                /* of the name: 1, or 2 for a sub-command; the first argument is argv[words] */
    char name[USAGE_NAME_MAX + 1]; /* in lower case: "set", "client|setname" */

    uint32_t min_argc; /* words of a whole call, the name included */
    uint32_t max_argc; /* or USAGE_UNBOUNDED */
    int32_t arity;     /* as COMMAND INFO says it: exact, or minus the least */
    int32_t first_key; /* as COMMAND INFO says it: index into argv, 0 = none; keys found elsewhere make them movable */
    int32_t last_key;  /* negative: from the end, -1 = the last word */
    int32_t key_step;
    bool movable_keys;
    bool has_keys;
    bool has_written_keys; /* a key that is no rkey */
    bool has_own_keys;     /* a key that takes the command's type, rather than any */
    bool has_options;      /* too many words are then a syntax error, not a matter of arity */

    /* For usage_bind: the leading required arguments, the open repeat after them, the required arguments after that. */
    uint32_t prefix;                /* leaves */
    uint32_t body;                  /* leaves of one repetition, 0 = there is no such repeat */
    uint32_t tail;                  /* leaves */
    uint32_t rest;                  /* node that follows the prefix, 0 = none */
    uint32_t bare;                  /* words of a call that is nothing but name and prefix; 0: there is no such call */
    uint64_t checked;               /* leaves whose word needs looking at, by number */
    uint64_t keyed;                 /* leaves that are keys, by number */
    uint8_t leaves[USAGE_LEAF_MAX]; /* node of each leaf */
    uint8_t sizes[USAGE_LEAF_MAX];  /* of each leaf's word; above 255: 255 */
    uint64_t heads[USAGE_LEAF_MAX]; /* of each leaf's word: its first eight bytes, in capitals */
    const char *range_errors[USAGE_LEAF_MAX]; /* of arguments of type positive, and of those which count: in `texts` */
};

/* Parses `line`, which is copied. STATUS_INVALID with a sentence that names the column (from 1) if it is not a usage
 * line, or if the matcher could not decide between two readings of a call. After a refusal `usage` is empty:
 * usage_finish is allowed, not needed. O(nodes^2). */
must_use enum status usage_parse(struct usage *usage, const char *line, struct complaint *complaint);

/* Releases what usage_parse allocated. Zeroed memory is fine. */
void usage_finish(struct usage *usage);

/* The word of a leaf as the line writes it: the token, or the argument's name. Lives as long as `usage`. */
static inline struct gm_bytes usage_leaf_text(const struct usage *usage, uint32_t leaf)
{
    const struct usage_node *node = &usage->nodes[usage->leaves[leaf]];
    return (struct gm_bytes){(const uint8_t *)usage->line + node->text, node->text_size};
}

static inline const struct usage_node *usage_leaf(const struct usage *usage, uint32_t leaf)
{
    return &usage->nodes[usage->leaves[leaf]];
}

/* The number of the leaf of that name or token, as written; -1: there is none. For tests and for those who write
 * tables. */
int usage_find(const struct usage *usage, const char *text);

/* ---- binding a call ---- */

enum usage_outcome {
    USAGE_OK = 0,
    USAGE_ARITY,  /* say USAGE_ARITY_TEXT with usage.name */
    USAGE_SYNTAX, /* `error` is "ERR syntax error" */
    USAGE_VALUE,  /* a word does not fit its type: `error` says how */
};

#define USAGE_ARITY_TEXT "ERR wrong number of arguments for '%s' command"

struct usage_key {
    uint32_t index;   /* into argv */
    uint16_t written; /* 1: type key, so written if the command is a GM_WRITE; 0: type rkey */
    uint16_t accepts; /* enum usage_accepts */
};

/* What binding finds besides the arguments. The caller sets `keys` and `key_room`. */
struct usage_bound {
    struct usage_key *keys; /* the caller's; in the order of argv */
    uint32_t key_room;      /* entries; 0: the caller does not want to know the keys */
    uint32_t key_count; /* found; above key_room: only the first key_room were written, get more room and bind again */
    uint32_t at;        /* after a refusal: index into argv of the word at fault; argc: one is missing */
    const char *error;  /* after USAGE_SYNTAX and USAGE_VALUE: the error reply; lives as long as the usage */
};

/* Matches a whole call. argv[0] (for a sub-command argv[0] and argv[1]) is the name, which is not looked at. Fills
 * `args`, room for usage->leaf_count, as struct gm_arg says; on a refusal they are undefined. argc must be at least 1,
 * and every argv[i].data may be NULL only if it is empty. O(argc), and O(tokens that fit there) per word where options
 * may stand. */
enum usage_outcome usage_bind(const struct usage *usage, const struct gm_bytes *argv, uint32_t argc,
                              struct gm_arg *args, struct usage_bound *bound);

/* Whether `word` is token `leaf`, without regard to case. */
bool usage_is_token(const struct usage *usage, uint32_t leaf, struct gm_bytes word);

/* The leaf, among those in `tokens`, that `word` is; -1: none. */
int usage_token_among(const struct usage *usage, uint64_t tokens, struct gm_bytes word);

/* Reads a word as an argument's type says and stores the number in `arg`. NULL: it fits; else the error reply. */
const char *usage_read(const struct usage *usage, uint32_t leaf, struct gm_bytes word, struct gm_arg *arg);

#endif
