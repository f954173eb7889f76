/* SPDX-License-Identifier: MIT */

/* usage.c - the parser of usage lines.
 *
 * Why     Everything that a server, a client and a fuzzer must know about a command's arguments is in one line of text,
 *         which people read too. So the line is parsed once, at load, into a tree that the hot path can walk.
 *
 * Idea    Recursive descent over
 *             line         = NAME {item}
 *             item         = atom ["..." | "{" name "}"]
 *             atom         = TOKEN | name [":" type]
 *                          | "[" alternatives "]" | "<" alternatives ">" | "{" alternatives "}"
 *             alternatives = sequence {"|" sequence}
 *             sequence     = item {item}
 *         A bracket around a single item leaves no node: "[offset:int]" is an argument that is optional. Leaves are
 *         numbered as they are written: key 0, value 1, NX 2 ...
 *                              root
 *             SET key value [NX|XX] [EX seconds]
 *                  |    |      |        |
 *                 arg  arg  choice?  sequence?
 *                           /    \    /    \
 *                          NX    XX  EX  seconds
 *
 * Promises
 *   P1  The tree is bounded before anything is allocated: USAGE_NODE_MAX nodes, USAGE_DEPTH_MAX brackets deep.
 *   P2  A refusal names the column and leaves nothing allocated.
 * Limits  What two readings a line must not have is usage_tree.c's matter.
 */
#include "module/usage/usage.h"

#include <stdio.h>

#include "base/memory.h"
#include "module/usage/usage_tree.h"
#include "module/usage/word.h"

struct type_word {
    const char *word;
    enum usage_type type;
    enum usage_accepts accepts;
};

static const struct type_word type_words[] = {
    {"string", USAGE_STRING, 0},
    {"int", USAGE_INT, 0},
    {"count", USAGE_COUNT, 0},
    {"positive", USAGE_POSITIVE, 0},
    {"float", USAGE_FLOAT, 0},
    {"unix", USAGE_UNIX, 0},
    {"unix-ms", USAGE_UNIX_MS, 0},
    {"timeout", USAGE_TIMEOUT, 0},
    {"pattern", USAGE_PATTERN, 0},
    {"key", USAGE_KEY, 0},
    {"rkey", USAGE_RKEY, 0},
    {"score", USAGE_SCORE, 0},
    {"bound", USAGE_BOUND, 0},
    {"key-any", USAGE_KEY, USAGE_ACCEPTS_ANY},
    {"rkey-any", USAGE_RKEY, USAGE_ACCEPTS_ANY},
    {"rkey-elements", USAGE_RKEY, USAGE_ACCEPTS_ELEMENTS},
};

struct parser {
    struct usage *usage; /* line, name, leaves */
    struct complaint *complaint;
    uint32_t at; /* in the line */
    uint32_t depth;
    uint32_t node_count;
    struct usage_node nodes[USAGE_NODE_MAX];
};

enum status usage_refuse(struct complaint *complaint, uint32_t column, const char *format, ...)
{
    char sentence[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    complaint_set(complaint, "column %u: %s", column + 1, sentence);
    return STATUS_INVALID;
}

/* ---- letters ---- */

static bool is_capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_small(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool starts_token(char c)
{
    return is_capital(c) || is_digit(c) || c == '=' || c == '~' || c == '$' || c == '*' || c == '.';
}

static bool continues_token(char c)
{
    return starts_token(c) || c == '_' || c == '-';
}

static bool continues_argument(char c)
{
    return is_small(c) || is_digit(c) || c == '_' || c == '-';
}

static char here(const struct parser *parser)
{
    return parser->usage->line[parser->at];
}

/* "..." belongs to no word. */
static bool is_repeat_here(const struct parser *parser)
{
    return strncmp(parser->usage->line + parser->at, "...", 3) == 0;
}

static void skip_blanks(struct parser *parser)
{
    while (here(parser) == ' ') {
        parser->at++;
    }
}

/* ---- nodes ---- */

static enum status add_node(struct parser *parser, enum usage_kind kind, uint32_t column, uint8_t *out)
{
    if (parser->node_count == USAGE_NODE_MAX) { /* usage P1 */
        return usage_refuse(parser->complaint, column, "more than %d parts", USAGE_NODE_MAX);
    }
    parser->nodes[parser->node_count] = (struct usage_node){.kind = (uint8_t)kind,
                                                            .leaf = USAGE_NO_LEAF,
                                                            .count_leaf = USAGE_NO_LEAF,
                                                            .lead = USAGE_NO_LEAF,
                                                            .column = (uint16_t)column};
    *out = (uint8_t)parser->node_count++;
    return STATUS_OK;
}

static void adopt(struct parser *parser, uint8_t parent, uint8_t child, uint8_t *last)
{
    parser->nodes[child].parent = parent;
    if (*last == 0) {
        parser->nodes[parent].child = child;
    } else {
        parser->nodes[*last].next = child;
    }
    *last = child;
}

static enum status add_leaf(struct parser *parser, enum usage_kind kind, uint32_t begin, uint32_t end, uint8_t *out)
{
    struct usage *usage = parser->usage;
    if (usage->leaf_count == USAGE_LEAF_MAX) {
        return usage_refuse(parser->complaint, begin, "more than %d tokens and arguments", USAGE_LEAF_MAX);
    }
    if (end - begin > 255) {
        return usage_refuse(parser->complaint, begin, "a word of more than 255 bytes");
    }
    TRY(add_node(parser, kind, begin, out));
    struct usage_node *node = &parser->nodes[*out];
    node->text = (uint16_t)begin;
    node->text_size = (uint16_t)(end - begin);
    node->leaf = (uint8_t)usage->leaf_count;
    usage->leaves[usage->leaf_count] = *out;
    usage->sizes[usage->leaf_count] = (uint8_t)(end - begin);
    usage->heads[usage->leaf_count] = word_head((struct gm_bytes){(const uint8_t *)usage->line + begin, end - begin});
    usage->leaf_count++;
    return STATUS_OK;
}

/* ---- words ---- */

static enum status parse_token(struct parser *parser, uint8_t *out)
{
    uint32_t begin = parser->at;
    while (continues_token(here(parser)) && !is_repeat_here(parser)) {
        parser->at++;
    }
    return add_leaf(parser, USAGE_TOKEN, begin, parser->at, out);
}

static enum status parse_type(struct parser *parser, struct type_word *out)
{
    uint32_t begin = ++parser->at;
    while (continues_argument(here(parser))) {
        parser->at++;
    }
    struct gm_bytes word = {(const uint8_t *)parser->usage->line + begin, parser->at - begin};
    for (size_t i = 0; i < sizeof type_words / sizeof type_words[0]; i++) {
        if (gm_bytes_equal(word, gm_bytes_of(type_words[i].word))) {
            *out = type_words[i];
            return STATUS_OK;
        }
    }
    return usage_refuse(parser->complaint, begin, "there is no type '%.*s'", (int)word.size, (const char *)word.data);
}

static enum status parse_argument(struct parser *parser, uint8_t *out)
{
    uint32_t begin = parser->at;
    while (continues_argument(here(parser))) {
        parser->at++;
    }
    uint32_t end = parser->at;
    struct gm_bytes name = {(const uint8_t *)parser->usage->line + begin, end - begin};
    struct type_word type = {.type = gm_bytes_equal(name, BYTES("key")) ? USAGE_KEY : USAGE_STRING};
    if (here(parser) == ':') {
        TRY(parse_type(parser, &type));
    }
    TRY(add_leaf(parser, USAGE_ARGUMENT, begin, end, out));
    parser->nodes[*out].type = (uint8_t)type.type;
    parser->nodes[*out].accepts = (uint8_t)type.accepts;
    return STATUS_OK;
}

/* ---- items ---- */

static enum status parse_alternatives(struct parser *parser, char close, uint8_t *out);

static enum status parse_bracket(struct parser *parser, char open, uint8_t *out)
{
    uint32_t begin = parser->at;
    char close = open == '[' ? ']' : open == '<' ? '>' : '}';
    if (parser->depth == USAGE_DEPTH_MAX) { /* usage P1 */
        return usage_refuse(parser->complaint, begin, "brackets more than %d deep", USAGE_DEPTH_MAX);
    }
    parser->depth++;
    parser->at++;
    TRY(parse_alternatives(parser, close, out));
    parser->depth--;
    if (here(parser) != close) {
        return usage_refuse(parser->complaint, begin, "this '%c' is not closed by a '%c'", open, close);
    }
    parser->at++;
    if (open == '[') {
        parser->nodes[*out].flags |= USAGE_OPTIONAL;
    }
    return STATUS_OK;
}

static enum status parse_atom(struct parser *parser, uint8_t *out)
{
    char c = here(parser);
    if (c == '[' || c == '<' || c == '{') {
        return parse_bracket(parser, c, out);
    }
    if (starts_token(c) && !is_repeat_here(parser)) {
        return parse_token(parser, out);
    }
    if (is_small(c)) {
        return parse_argument(parser, out);
    }
    if (c == '\0') {
        return usage_refuse(parser->complaint, parser->at, "the line ends where a word is missing");
    }
    if (c < ' ' || c > '~') {
        return usage_refuse(parser->complaint, parser->at, "the byte 0x%02x has no place in a usage line", (uint8_t)c);
    }
    return usage_refuse(parser->complaint, parser->at, "'%c' where a word or a bracket was expected", c);
}

/* "{numkeys}": the nearest argument of that name before this place. */
static enum status parse_count(struct parser *parser, uint8_t node)
{
    uint32_t begin = ++parser->at;
    while (continues_argument(here(parser))) {
        parser->at++;
    }
    struct gm_bytes name = {(const uint8_t *)parser->usage->line + begin, parser->at - begin};
    if (here(parser) != '}') {
        return usage_refuse(parser->complaint, begin,
                            "'{' right after an item holds the name of the argument that counts");
    }
    parser->at++;
    for (uint32_t leaf = parser->usage->leaf_count; leaf-- > 0;) {
        struct usage_node *found = &parser->nodes[parser->usage->leaves[leaf]];
        struct gm_bytes text = {(const uint8_t *)parser->usage->line + found->text, found->text_size};
        if (found->kind == USAGE_ARGUMENT && gm_bytes_equal(text, name)) {
            parser->nodes[node].count_leaf = (uint8_t)leaf;
            return STATUS_OK;
        }
    }
    return usage_refuse(parser->complaint, begin, "no argument '%.*s' comes before this", (int)name.size,
                        (const char *)name.data);
}

static bool ends_item(char c)
{
    return c == '\0' || c == ' ' || c == '|' || c == ']' || c == '>' || c == '}';
}

static enum status parse_item(struct parser *parser, uint8_t *out)
{
    TRY(parse_atom(parser, out));
    uint16_t repeat = 0;
    uint32_t begin = parser->at;
    if (is_repeat_here(parser)) {
        repeat = USAGE_REPEAT;
        parser->at += 3;
    } else if (here(parser) == '{') {
        repeat = USAGE_COUNTED;
        TRY(parse_count(parser, *out));
    }
    if (repeat != 0 && (parser->nodes[*out].flags & (USAGE_REPEAT | USAGE_COUNTED)) != 0) {
        return usage_refuse(parser->complaint, begin, "this is repeated already");
    }
    parser->nodes[*out].flags = (uint16_t)(parser->nodes[*out].flags | repeat);
    if (!ends_item(here(parser))) {
        return usage_refuse(parser->complaint, parser->at, "a blank is missing before '%c'", here(parser));
    }
    return STATUS_OK;
}

/* ---- sequences and alternatives ---- */

static bool ends_sequence(char c)
{
    return c == '\0' || c == '|' || c == ']' || c == '>' || c == '}';
}

static enum status parse_sequence(struct parser *parser, uint8_t *out)
{
    skip_blanks(parser);
    uint32_t begin = parser->at;
    uint8_t first;
    TRY(parse_item(parser, &first));
    skip_blanks(parser);
    *out = first;
    if (ends_sequence(here(parser))) {
        return STATUS_OK;
    }
    TRY(add_node(parser, USAGE_SEQUENCE, begin, out));
    uint8_t last = 0;
    adopt(parser, *out, first, &last);
    while (!ends_sequence(here(parser))) {
        uint8_t item;
        TRY(parse_item(parser, &item));
        adopt(parser, *out, item, &last);
        skip_blanks(parser);
    }
    return STATUS_OK;
}

static enum status parse_alternatives(struct parser *parser, char close, uint8_t *out)
{
    uint32_t begin = parser->at;
    uint8_t first;
    skip_blanks(parser);
    if (here(parser) == close) {
        return usage_refuse(parser->complaint, parser->at, "brackets around nothing");
    }
    TRY(parse_sequence(parser, &first));
    *out = first;
    if (here(parser) != '|') {
        return STATUS_OK;
    }
    TRY(add_node(parser, USAGE_CHOICE, begin, out));
    uint8_t last = 0;
    adopt(parser, *out, first, &last);
    while (here(parser) == '|') {
        uint8_t alternative;
        parser->at++;
        TRY(parse_sequence(parser, &alternative));
        adopt(parser, *out, alternative, &last);
    }
    return STATUS_OK;
}

/* ---- the line ---- */

static uint32_t parse_name_word(struct parser *parser)
{
    uint32_t begin = parser->at;
    if (is_capital(here(parser))) {
        while (is_capital(here(parser)) || is_digit(here(parser)) || here(parser) == '_' || here(parser) == '-' ||
               here(parser) == '.') {
            parser->at++;
        }
    }
    return parser->at - begin;
}

static enum status parse_name(struct parser *parser)
{
    struct usage *usage = parser->usage;
    uint32_t size = parse_name_word(parser);
    usage->words = 1;
    if (size > 0 && here(parser) == '|') {
        parser->at++;
        usage->words = 2;
        size = parse_name_word(parser);
    }
    if (size == 0 || (here(parser) != ' ' && here(parser) != '\0')) {
        return usage_refuse(parser->complaint, parser->at,
                            "a usage line begins with a name in capitals, NAME or NAME|SUB");
    }
    if (parser->at > USAGE_NAME_MAX) {
        return usage_refuse(parser->complaint, 0, "a name of more than %d bytes", USAGE_NAME_MAX);
    }
    for (uint32_t i = 0; i < parser->at; i++) {
        char c = usage->line[i];
        usage->name[i] = is_capital(c) ? (char)(c + ('a' - 'A')) : c;
    }
    return STATUS_OK;
}

static enum status parse_line(struct parser *parser)
{
    uint8_t root;
    TRY(add_node(parser, USAGE_SEQUENCE, 0, &root));
    TRY(parse_name(parser));
    skip_blanks(parser);
    uint8_t last = 0;
    while (here(parser) != '\0') {
        if (ends_sequence(here(parser))) {
            return usage_refuse(parser->complaint, parser->at, "'%c' outside of brackets", here(parser));
        }
        uint8_t item;
        TRY(parse_item(parser, &item));
        adopt(parser, root, item, &last);
        skip_blanks(parser);
    }
    return STATUS_OK;
}

static enum status parse_into(struct usage *usage, struct complaint *complaint)
{
    struct parser *parser = memory_zeroed(sizeof *parser);
    parser->usage = usage;
    parser->complaint = complaint;
    enum status status = parse_line(parser);
    if (status == STATUS_OK) {
        usage->node_count = parser->node_count;
        usage->nodes = memory_alloc(parser->node_count * sizeof usage->nodes[0]);
        memcpy(usage->nodes, parser->nodes, parser->node_count * sizeof usage->nodes[0]);
        status = usage_analyse(usage, complaint);
    }
    memory_free(parser);
    return status;
}

enum status usage_parse(struct usage *usage, const char *line, struct complaint *complaint)
{
    memset(usage, 0, sizeof *usage);
    size_t size = strnlen(line, USAGE_LINE_MAX + 1);
    if (size > USAGE_LINE_MAX) {
        complaint_set(complaint, "a usage line of more than %d bytes", USAGE_LINE_MAX);
        return STATUS_INVALID;
    }
    usage->line = memory_alloc(size + 1);
    memcpy(usage->line, line, size + 1);
    enum status status = parse_into(usage, complaint);
    if (status != STATUS_OK) {
        complaint_prefix(complaint, "usage line \"%.160s%s\"", line, size > 160 ? "..." : "");
        usage_finish(usage); /* usage P2 */
    }
    return status;
}

void usage_finish(struct usage *usage)
{
    memory_free(usage->line);
    memory_free(usage->nodes);
    memory_free(usage->texts);
    memset(usage, 0, sizeof *usage);
}

int usage_find(const struct usage *usage, const char *text)
{
    for (uint32_t leaf = 0; leaf < usage->leaf_count; leaf++) {
        if (gm_bytes_equal(usage_leaf_text(usage, leaf), gm_bytes_of(text))) {
            return (int)leaf;
        }
    }
    return -1;
}
