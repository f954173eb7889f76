/* SPDX-License-Identifier: MIT */

/* geomys/module.h - the descriptor of a module: the one header to include, the one function to export.
 *
 * Idea    A module is a shared object that exports one function, which returns a pointer to a `static const`
 *         descriptor. Nothing is registered and nothing runs at load, so a module can be listed, checked and documented
 *         without a server.
 *
 *             static const struct gm_command commands[] = {
 *                 {.size = sizeof (struct gm_command), .usage = "ADD key amount:int", .flags = GM_WRITE, .type = &sum,
 *                  .summary = "Adds to the sum.", .complexity = "O(1)", .plan = plan_add},
 *             };
 *             GM_MODULE(.name = "acme.sum", .version = "1.0.0", .types = types, .type_count = 1,
 *                       .commands = commands, .command_count = 1)
 *
 * In C++ it is the same, but for the order of fields (that of the structs). Nothing may be thrown out of a function
 * that the host calls, and a `const` object of another file is `extern const`.
 *
 * The usage line is the single source for parsing, arity, key positions, routing, hints, completion, help, COMMAND and
 * its DOCS, and the fuzzer's grammar: docs/module-guide.md specifies it in full.
 */
#ifndef GEOMYS_MODULE_H
#define GEOMYS_MODULE_H

#include "geomys/call.h"
#include "geomys/value.h"
#include "geomys/version.h"

#ifdef __cplusplus
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* what is not named is zero: all of this rests on it */
#endif
extern "C" {
#endif

enum gm_command_flag {
    GM_READ = 1 << 0,          /* never emits                                                                    */
    GM_WRITE = 1 << 1,         /* may emit; only the leader runs it                                              */
    GM_FAST = 1 << 2,          /* O(1) or O(log n): for COMMAND and the ACL category @fast                       */
    GM_GROWS = 1 << 3,         /* may need memory: refused when there is none (denyoom)                          */
    GM_BLOCKS = 1 << 4,        /* may wait, through wait/2                                                       */
    GM_DANGEROUS = 1 << 5,     /* a person should be asked first                                                 */
    GM_ACCEPT_SCALAR = 1 << 6, /* takes keys of other types that have a scalar (GM_KEY_SCALAR)                   */
    GM_ACCEPT_ANY = 1 << 7,    /* takes keys of every type (GM_KEY_SCALAR where there is one, else GM_KEY_OTHER) */
    GM_ADMIN = 1 << 8,         /* for who runs the server: the ACL categories @admin and @dangerous              */
};

struct gm_command {
    uint32_t size;              /* sizeof (struct gm_command)                                                       */
    uint32_t flags;             /* enum gm_command_flag, or-ed; exactly one of GM_READ and GM_WRITE                 */
    const char *usage;          /* the usage line, its name in capitals first                                       */
    const char *summary;        /* one sentence                                                                     */
    const char *complexity;     /* "O(1)", "O(n), n the number of elements"                                         */
    const char *since;          /* the module's version in which it came; NULL: the first                           */
    const char *example;        /* one complete command line, for people; NULL: none               */
    const struct gm_type *type; /* of all its keys, an element of the module's `types`; NULL only with GM_ACCEPT_ANY,
                                   without keys, or where each of them takes any type (key-any) */
    void (*plan)(struct gm_call *);
    /* The escape hatch, for keys that no grammar expresses; NULL otherwise. Writes up to `room` indexes into argv
     * and returns how many there are (more than room: called again with more), or -1 if the arguments make no sense. */
    int (*keys)(const struct gm_bytes *argv, uint32_t argc, uint32_t *indexes, uint32_t room);
    /* What those who listen to keyspace events hear of its records, a static word in lower case ("lpush" for LPUSHX);
     * NULL: the command's name. An emission can say otherwise. */
    const char *event;
    const char *group; /* NULL: the module's */
    /* The error for a word that fits nothing in the line, if clients know another than "ERR syntax error"; a % stands
     * for the word ("ERR Unsupported option %"). NULL: that one. */
    const char *unfit;
    /* What is replied when plan has left no reply: after its records have been applied, from what apply has found
     * (gm_outcome_of) and the call's arguments. Only gm_reply_, gm_outcome_of, gm_first and gm_scratch may be used;
     * there are no keys any more (key_count is 0). It replies once, with at most `answer_max` bytes (1 to
     * GM_ANSWER_MAX, framing included: room for them is there before anything changes), and never with an error: what
     * it would refuse, plan has refused. Only of a GM_WRITE; NULL: plan always replies. */
    void (*answer)(struct gm_call *);
    size_t answer_max;
    /* For a command that makes a value large by a number (an offset, a capacity): the most bytes that a value it writes
     * may have because of its words, which fit the usage line. EXEC asks, before its first command: a transaction whose
     * records would be larger than one batch is refused as a whole. An estimate that is too high refuses too much.
     * O(argc). NULL: a value grows by what the words weigh. */
    uint64_t (*reach)(const struct gm_bytes *argv, uint32_t argc);
};

#define GM_ANSWER_MAX ((size_t)65536)

/* ---- settings ---- */

enum gm_setting_kind {
    GM_SETTING_INT = 0,    /* a whole number                                           */
    GM_SETTING_BYTES = 1,  /* a number of bytes: people may write "64mb"               */
    GM_SETTING_MS = 2,     /* a time in milliseconds                                   */
    GM_SETTING_BOOL = 3,   /* true or false: `fallback` is 1 or 0                      */
    GM_SETTING_NUMBER = 4, /* a double: number_min, number_max and number_fallback    */
    GM_SETTING_WORD = 5,   /* one of several words: `fallback` is a number among them, from 0 on */
};

/* What the operator may set for the module, as "vendor.name.setting": in the configuration file under the module's
 * name, as a flag, by CONFIG SET. Plans read it (gm_setting_int); apply never does: what it does must be the same on
 * every node, so what depends on a setting is settled in plan and written into the record. */
struct gm_setting {
    uint32_t size;    /* sizeof (struct gm_setting) */
    uint32_t kind;    /* enum gm_setting_kind       */
    const char *name; /* 1 to 63 of [a-z0-9_]       */
    const char *help; /* one sentence               */
    int64_t min;      /* of INT, BYTES, MS; both 0 for the others; BYTES and MS are not below 0 */
    int64_t max;
    int64_t fallback;  /* the default, within its range */
    double number_min; /* of NUMBER; all three are 0 for the others */
    double number_max;
    double number_fallback;
    const char *words; /* of WORD: two or more of [a-z0-9_-], a blank between; NULL for the others */
};

struct gm_module {
    uint32_t size; /* sizeof (struct gm_module) */
    uint16_t abi_major;
    uint16_t abi_minor;
    const char *name;    /* "vendor.name" */
    const char *version; /* the module's own, "1.2.3" */
    const char *licence; /* SPDX identifier, or NULL */
    const char *summary; /* one sentence */
    const char *group;   /* what COMMAND DOCS says its commands belong to ("string", "list"); NULL: "module" */
    const struct gm_type *const *types;
    const struct gm_command *commands;
    const char *const *needs; /* interfaces such as "wait/2"; missing ones are a refusal at load */
    uint32_t type_count;
    uint32_t command_count;
    uint32_t need_count;
    uint32_t reserved;
    const struct gm_setting *settings; /* numbered from 0, as gm_setting_int counts them */
    uint32_t setting_count;
    uint32_t reserved2;
};

#define GM_ENTRY_SYMBOL "geomys_module"

typedef const struct gm_module *gm_entry_function(void);

/* What stands in the section GM_TEXT_SECTION of a module's file: the line "geomys module ABI 0.2", then the arguments
 * of GM_MODULE as they were written, and a zero byte. Whoever wants to know what a file is reads it, and runs nothing
 * of it: readelf -p .geomys.module high.so. */
#define GM_TEXT_SECTION     ".geomys.module"
#define GM_TEXT_OF_ALL(...) #__VA_ARGS__
#define GM_TEXT_OF(...)     GM_TEXT_OF_ALL(__VA_ARGS__)

/* Defines the descriptor and the exported function. The arguments are designated initialisers of struct gm_module; in
 * C++ (from C++17 on with g++ and clang++) they stand in the order of its fields. */
#define GM_MODULE(...)                                                                                                 \
    __attribute__((used, section(GM_TEXT_SECTION))) static const char geomys_module_text[] =                           \
        "geomys module ABI " GM_TEXT_OF(GM_ABI_MAJOR) "." GM_TEXT_OF(GM_ABI_MINOR) "\n" GM_TEXT_OF(__VA_ARGS__);       \
    GM_EXPORTED const struct gm_module *geomys_module(void);                                                           \
    const struct gm_module *geomys_module(void)                                                                        \
    {                                                                                                                  \
        static const struct gm_module descriptor = {                                                                   \
            .size = sizeof(struct gm_module), .abi_major = GM_ABI_MAJOR, .abi_minor = GM_ABI_MINOR, __VA_ARGS__};      \
        return &descriptor;                                                                                            \
    }

#ifdef __cplusplus
#define GM_EXPORTED extern "C" __attribute__((visibility("default")))
#else
#define GM_EXPORTED __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
}
#endif

#endif
