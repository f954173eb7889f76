/* SPDX-License-Identifier: MIT */

/* complete.c - hints and candidates.
 *
 * Idea     The line is split as far as it goes. Its last word is partial unless a blank follows. While the name is
 *          typed, the catalog's names answer; after that the command's grammar does.
 *
 *              SETE              X key seconds:int value    the one name that it may become, and what follows
 *              SET               key value [NX|XX] [GET]
 *              CLIENT            GETNAME|ID|INFO|...        a command that has only sub-commands
 *              SET k v EX        seconds [NX|XX] [GET]
 */
#include "cli/interactive/complete.h"

#include "base/memory.h"
#include "cli/text/words.h"
#include "module/usage/usage_hint.h"

struct typed {
    struct words words;
    size_t whole;            /* words before the partial one */
    struct gm_bytes partial; /* data NULL: none */
};

static void typed_init(struct typed *typed, struct gm_bytes line)
{
    *typed = (struct typed){0};
    words_split_open(&typed->words, line);
    const struct words *words = &typed->words;
    typed->whole = words->count;
    if (words->count > 0 && words->ends[words->count - 1] == line.size) {
        typed->whole--;
        typed->partial = words->argv[words->count - 1];
    }
}

/* Bytes of `text` that `prefix` covers, without regard to case; false if it does not begin it. */
static bool begins(const char *text, struct gm_bytes prefix)
{
    for (size_t i = 0; i < prefix.size; i++) {
        uint8_t a = (uint8_t)text[i];
        uint8_t b = prefix.data[i];
        a = a >= 'a' && a <= 'z' ? (uint8_t)(a - 32) : a;
        b = b >= 'a' && b <= 'z' ? (uint8_t)(b - 32) : b;
        if (a == 0 || a != b) {
            return false;
        }
    }
    return true;
}

/* A capital anywhere means capitals; no letter at all too. */
static bool wants_lower(struct gm_bytes typed)
{
    bool lower = false;
    for (size_t i = 0; i < typed.size; i++) {
        lower = lower || (typed.data[i] >= 'a' && typed.data[i] <= 'z');
        if (typed.data[i] >= 'A' && typed.data[i] <= 'Z') {
            return false;
        }
    }
    return lower;
}

static void add_cased(struct completions *out, struct gm_bytes text, bool lower)
{
    char copy[COMPLETIONS_TEXT];
    if (text.size >= sizeof copy) {
        return;
    }
    for (size_t i = 0; i < text.size; i++) {
        char byte = (char)text.data[i];
        copy[i] = lower && byte >= 'A' && byte <= 'Z' ? (char)(byte + 32) : byte;
    }
    completions_add(out, (struct gm_bytes){(const uint8_t *)copy, text.size});
}

static void append_safe(struct buf *out, struct gm_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i] >= 32 && text.data[i] < 127 ? text.data[i] : '?';
        buf_append(out, (struct gm_bytes){&byte, 1});
    }
}

static const struct complete_verb *verb_named(const struct catalog *catalog, const struct complete_verb *verbs,
                                              struct gm_bytes name)
{
    for (; verbs->name != NULL; verbs++) {
        if (bytes_equal_nocase(name, verbs->name)) {
            return catalog_named(catalog, name) == NULL ? verbs : NULL;
        }
    }
    return NULL;
}

/* ---- names --------------------------------------------------------------------------------------------------- */

static struct gm_bytes first_word(const char *name)
{
    const char *blank = strchr(name, ' ');
    return (struct gm_bytes){(const uint8_t *)name, blank != NULL ? (size_t)(blank - name) : strlen(name)};
}

/* The second word of a sub-command of `container`; size 0 if it is none. */
static struct gm_bytes second_word(const char *name, struct gm_bytes container)
{
    struct gm_bytes first = first_word(name);
    if (first.size != container.size || !begins(name, container) || name[first.size] == '\0') {
        return BYTES_NONE;
    }
    return gm_bytes_of(name + first.size + 1);
}

static void add_names(const struct catalog *catalog, const struct complete_verb *verbs, struct gm_bytes prefix,
                      struct completions *out)
{
    bool lower = wants_lower(prefix);
    for (size_t i = 0; i < catalog->count; i++) {
        if (begins(catalog->commands[i].name, prefix)) {
            struct gm_bytes word = first_word(catalog->commands[i].name);
            if (word.size >= prefix.size) {
                add_cased(out, word, lower);
            }
        }
    }
    for (; verbs->name != NULL; verbs++) {
        if (begins(verbs->name, prefix) && catalog_named(catalog, gm_bytes_of(verbs->name)) == NULL) {
            add_cased(out, gm_bytes_of(verbs->name), lower);
        }
    }
}

static void add_subcommands(const struct catalog *catalog, struct gm_bytes container, struct gm_bytes prefix,
                            bool lower, struct completions *out)
{
    for (size_t i = 0; i < catalog->count; i++) {
        struct gm_bytes word = second_word(catalog->commands[i].name, container);
        if (word.size > 0 && begins((const char *)word.data, prefix)) {
            add_cased(out, word, lower);
        }
    }
}

/* ---- candidates ---------------------------------------------------------------------------------------------- */

static void add_tokens(const struct catalog_command *command, const struct typed *typed, bool lower,
                       struct completions *out)
{
    struct usage_hint hint = {0};
    if (!command->parsed || typed->whole < command->grammar.words) {
        return;
    }
    usage_hint(&command->grammar, typed->words.argv, (uint32_t)typed->words.count, typed->partial.data != NULL, NULL,
               &hint);
    if (hint.refused) {
        return;
    }
    for (uint32_t leaf = 0; leaf < command->grammar.leaf_count; leaf++) {
        if ((hint.tokens >> leaf & 1) != 0) {
            add_cased(out, usage_leaf_text(&command->grammar, leaf), lower);
        }
    }
}

void complete_words(const struct catalog *catalog, const struct complete_verb *verbs, struct gm_bytes before,
                    struct completions *out)
{
    struct typed typed;
    typed_init(&typed, before);
    struct gm_bytes partial = typed.partial.data != NULL ? typed.partial : BYTES("");
    bool quoted = typed.words.quote != 0;
    out->start = typed.partial.data != NULL ? typed.words.starts[typed.whole] : before.size;
    quoted = quoted || (typed.partial.data != NULL && before.size - out->start != partial.size);
    if (quoted || typed.whole > UINT32_MAX) {
        words_finish(&typed.words);
        return;
    }
    if (typed.whole == 0) {
        add_names(catalog, verbs, partial, out);
        words_finish(&typed.words);
        return;
    }
    const struct gm_bytes *argv = typed.words.argv;
    const struct complete_verb *verb = verb_named(catalog, verbs, argv[0]);
    bool lower = wants_lower(partial.size > 0 ? partial : argv[0]);
    size_t offset = verb != NULL && verb->commands ? 1 : 0;
    if (offset == 1 && typed.whole == 1) {
        static const struct complete_verb none[] = {{0}};
        add_names(catalog, none, partial, out);
    } else if (typed.whole == offset + 1) {
        add_subcommands(catalog, argv[offset], partial, lower, out);
    }
    const struct catalog_command *command = verb == NULL ? catalog_find(catalog, argv, typed.whole, NULL) : NULL;
    if (command != NULL) {
        add_tokens(command, &typed, lower, out);
    }
    words_finish(&typed.words);
}

/* ---- hints --------------------------------------------------------------------------------------------------- */

static void append_rest(struct buf *out, const struct catalog_command *command, const struct typed *typed)
{
    if (command->parsed && typed->whole >= command->grammar.words) {
        struct usage_hint hint = {0};
        uint32_t count = (uint32_t)typed->words.count;
        usage_hint(&command->grammar, typed->words.argv, count, typed->partial.data != NULL, out, &hint);
        return;
    }
    /* No grammar: the line as the server wrote it, as long as nothing but the name is typed. */
    size_t name = strlen(command->name);
    size_t words = strchr(command->name, ' ') != NULL ? 2 : 1;
    if (!command->parsed && typed->words.count == words && command->usage.size > name) {
        append_safe(out, (struct gm_bytes){command->usage.data + name + 1, command->usage.size - name - 1});
    }
}

static void append_names(struct buf *out, const struct completions *found)
{
    for (size_t i = 0; i < found->count; i++) {
        buf_append(out, gm_bytes_of(i > 0 ? "|" : ""));
        buf_append(out, gm_bytes_of(found->texts[i]));
    }
}

/* The partial word may become exactly one name: the rest of it, and what follows. */
static void append_only_name(const struct catalog *catalog, struct buf *out, const struct completions *found,
                             const struct typed *typed)
{
    size_t size = typed->partial.size;
    if (found->count != 1 || size == 0) {
        return;
    }
    struct gm_bytes argv[2] = {gm_bytes_of(found->texts[0])};
    size_t argc = 1;
    if (typed->whole == 1) {
        argv[0] = typed->words.argv[0];
        argv[argc++] = gm_bytes_of(found->texts[0]);
    }
    buf_append(out, gm_bytes_of(found->texts[0] + size));
    size_t words;
    const struct catalog_command *command = catalog_find(catalog, argv, argc, &words);
    if (command != NULL && words == argc) {
        struct typed becoming = {.words = {.argv = argv, .count = argc}, .whole = argc};
        size_t mark = out->size;
        buf_append(out, BYTES(" "));
        append_rest(out, command, &becoming);
        out->size = out->size == mark + 1 ? mark : out->size;
    }
}

static void hint_for(const struct catalog *catalog, const struct complete_verb *verbs, const struct typed *typed,
                     struct completions *found, struct buf *out)
{
    const struct gm_bytes *argv = typed->words.argv;
    bool partial = typed->partial.data != NULL;
    size_t mark = out->size;
    if (partial) {
        buf_append(out, BYTES(" "));
    }
    size_t begun = out->size;
    size_t words = 0;
    const struct catalog_command *command = catalog_find(catalog, argv, typed->words.count, &words);
    const struct complete_verb *verb = verb_named(catalog, verbs, argv[0]);
    if (verb != NULL && typed->words.count == 1) {
        buf_append(out, gm_bytes_of(verb->usage));
    } else if (command != NULL && (typed->whole >= words || words == typed->words.count)) {
        struct typed whole = *typed;
        if (typed->whole < words) { /* the name is whole though no blank follows it */
            whole.whole = words;
            whole.partial = BYTES_NONE;
        }
        append_rest(out, command, &whole);
    }
    if (out->size == begun && verb == NULL && (command == NULL || !partial) && typed->whole <= 1) {
        struct gm_bytes prefix = partial ? typed->partial : BYTES("");
        bool lower = wants_lower(partial ? prefix : argv[0]);
        if (typed->whole == 1) {
            add_subcommands(catalog, argv[0], prefix, lower, found);
        } else if (catalog_named(catalog, prefix) == NULL) {
            add_names(catalog, verbs, prefix, found);
        }
        if (!partial) {
            append_names(out, found);
        } else if (found->count > 0) {
            out->size = mark;
            append_only_name(catalog, out, found, typed);
            begun = mark;
        }
    }
    out->size = out->size == begun ? mark : out->size;
}

void complete_hint(const struct catalog *catalog, const struct complete_verb *verbs, struct gm_bytes line,
                   struct buf *out)
{
    struct typed typed;
    typed_init(&typed, line);
    if (typed.words.count > 0 && typed.words.count <= UINT32_MAX && out->limit > 0) {
        struct completions *found = memory_zeroed(sizeof *found);
        hint_for(catalog, verbs, &typed, found, out);
        memory_free(found);
    }
    words_finish(&typed.words);
}
