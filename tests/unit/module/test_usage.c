/* SPDX-License-Identifier: MIT */

/* Usage lines: what they mean for arity and keys, and which are refused, where and why. */
#include "words.h"

struct shape {
    const char *line;
    int arity;
    uint32_t max;
    int first;
    int last;
    int step;
    bool movable;
};

#define NO_END USAGE_UNBOUNDED

Test(usage, arity_and_keys_are_those_that_clients_know)
{
    static const struct shape shapes[] = {
        {"GET key", 2, 2, 1, 1, 1, false},
        {"SET key value [milliseconds:int] [NX|XX] [GET] [EX seconds:int|PX ms:int|EXAT at:unix|PXAT "
         "at:unix-ms|KEEPTTL]",
         -3, NO_END, 1, 1, 1, false},
        {"MGET key...", -2, NO_END, 1, -1, 1, false},
        {"MSET {key value}...", -3, NO_END, 1, -1, 2, false},
        {"LPUSH key element...", -3, NO_END, 1, 1, 1, false},
        {"LCS key1:rkey key2:rkey [LEN] [IDX] [MINMATCHLEN len:int] [WITHMATCHLEN]", -3, NO_END, 1, 2, 1, false},
        {"BITOP <AND|OR|XOR|NOT> destination:key source:rkey...", -4, NO_END, 0, 0, 0, true},
        {"BLPOP key... timeout:timeout", -3, NO_END, 1, -2, 1, false},
        {"LMOVE source:key destination:key <LEFT|RIGHT> <LEFT|RIGHT>", 5, 5, 1, 2, 1, false},
        {"LMPOP numkeys:int key{numkeys} <LEFT|RIGHT> [COUNT count:int]", -4, NO_END, 0, 0, 0, true},
        {"ZUNIONSTORE destination:key numkeys:int key:rkey{numkeys} [WITHSCORES]", -4, NO_END, 1, 1, 1, true},
        {"SORT key [GET pattern:pattern]... [STORE destination:key]", -2, NO_END, 1, 1, 1, true},
        {"SORT key:rkey-elements [GET pattern:pattern]... [STORE destination:key-any]", -2, NO_END, 1, 1, 1, true},
        {"PFMERGE destination:key key:rkey...", -3, NO_END, 1, -1, 1, false},
        {"OBJECT|ENCODING key", 3, 3, 2, 2, 1, false},
        {"MEMORY|USAGE key [SAMPLES count:int]", -3, 5, 2, 2, 1, false},
        {"PING [message]", -1, 2, 0, 0, 0, false},
        {"HELLO [protover:int [AUTH username password] [SETNAME clientname]]", -1, 7, 0, 0, 0, false},
        {"TRIPLE a:key x b:key y c:key", 6, 6, 1, 5, 2, false},
        {"UNEVEN a:key b:key x c:key", 5, 5, 1, 2, 1, true},
        {"XADD key [NOMKSTREAM] [MAXLEN [=|~] threshold:int] id {field value}...", -5, NO_END, 1, 1, 1, false},
        {"FLUSHALL", 1, 1, 0, 0, 0, false},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const struct shape *shape = &shapes[i];
        struct usage usage = usage_of(shape->line);
        cr_expect_eq(usage.arity, shape->arity, "%s: arity %d", shape->line, usage.arity);
        cr_expect_eq(usage.max_argc, shape->max, "%s: max %u", shape->line, usage.max_argc);
        cr_expect(usage.first_key == shape->first && usage.last_key == shape->last && usage.key_step == shape->step,
                  "%s: keys %d %d %d", shape->line, usage.first_key, usage.last_key, usage.key_step);
        cr_expect_eq(usage.movable_keys, shape->movable, "%s: movable", shape->line);
        usage_finish(&usage);
    }
}

Test(usage, leaves_are_numbered_as_written_and_names_are_small)
{
    struct usage usage = usage_of("CLIENT|SETX-1 key value:int [NX|XX] {a:key B}{value} [EX seconds:timeout]");
    cr_assert_str_eq(usage.name, "client|setx-1");
    cr_assert_eq(usage.words, 2);
    cr_assert_eq(usage.leaf_count, 8);
    static const char *const texts[] = {"key", "value", "NX", "XX", "a", "B", "EX", "seconds"};
    for (uint32_t leaf = 0; leaf < 8; leaf++) {
        cr_assert(gm_bytes_equal(usage_leaf_text(&usage, leaf), gm_bytes_of(texts[leaf])), "%u", leaf);
        cr_assert_eq(usage_find(&usage, texts[leaf]), (int)leaf);
    }
    cr_assert_eq(usage_find(&usage, "nx"), -1);
    cr_assert_eq(usage_leaf(&usage, 0)->type, USAGE_KEY, "an argument named key is one");
    cr_assert_eq(usage_leaf(&usage, 7)->type, USAGE_TIMEOUT);
    usage_finish(&usage);
    usage_finish(&usage); /* twice is fine */
}

struct refusal {
    const char *line;
    uint32_t column;
    const char *part; /* of the sentence */
};

static void expect_refusal(const struct refusal *refusal)
{
    struct usage usage;
    struct complaint complaint = {{0}};
    char column[32];
    snprintf(column, sizeof column, "column %u:", refusal->column);
    cr_expect_eq(usage_parse(&usage, refusal->line, &complaint), STATUS_INVALID, "accepted: %s", refusal->line);
    cr_expect(strstr(complaint.text, column) != NULL, "%s", complaint.text);
    cr_expect(strstr(complaint.text, refusal->part) != NULL, "%s", complaint.text);
    cr_expect_null(usage.nodes);
}

/* usage P2 */
Test(usage, what_is_not_a_usage_line_is_refused_where_it_goes_wrong)
{
    static const struct refusal refusals[] = {
        {"", 1, "begins with a name"},
        {"get key", 1, "begins with a name"},
        {"Get key", 2, "begins with a name"},
        {"GET| key", 5, "begins with a name"},
        {"GET|A|B", 6, "begins with a name"},
        {" GET", 1, "begins with a name"},
        {"GET key [NX", 9, "not closed"},
        {"GET key NX]", 11, "outside of brackets"},
        {"GET key [NX>", 9, "not closed"},
        {"GET key []", 10, "around nothing"},
        {"GET key [NX|]", 13, "where a word"},
        {"GET key | a", 9, "outside of brackets"},
        {"GET key:text", 9, "no type 'text'"},
        {"GET Key", 6, "blank is missing"},
        {"GET key[NX]", 8, "blank is missing"},
        {"GET key....", 11, "blank is missing"},
        {"GET key \t", 9, "0x09"},
        {"GET key ;", 9, "';' where"},
        {"GET {key...}...", 13, "repeated already"},
        {"GET key{n}", 9, "no argument 'n'"},
        {"GET n:int key{n", 15, "name of the argument that counts"},
        {"GET [[[[[[[[[[[[[a]]]]]]]]]]]]]", 17, "deep"},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        expect_refusal(&refusals[i]);
    }
}

Test(usage, what_could_be_read_in_two_ways_is_refused)
{
    static const struct refusal refusals[] = {
        /* usage_tree P3 */
        {"X a... b...", 3, "repeated argument"},
        {"X a... <b|NX c>", 3, "repeated argument"},
        {"X a... [NX] b", 3, "repeated argument"},
        {"X [A x... [b]]", 6, "repeated argument"},
        {"X a... [b]", 3, "repeated argument"},
        {"X n:int a... b{n}", 9, "repeated argument"},
        {"X {a b...}...", 6, "repeated argument"},
        {"X key... id{key} [NX]", 3, "repeated argument"},
        /* usage_tree P5 */
        {"X key... a id{key}", 12, "as often as a repeated argument comes"},
        {"X key... [id{key}]", 11, "as often as a repeated argument comes"},
        {"X [key...] id{key}", 12, "as often as a repeated argument comes"},
        {"X {a... b{a}}...", 9, "as often as a repeated argument comes"},
        {"X a... {B b}{a}", 9, "as often as a repeated argument comes"},
        {"X a... b{a} c{a}", 13, "as often as a repeated argument comes"},
        {"X n:int... b{n}", 12, "as often as a repeated argument comes"},
        {"X [a] [b]", 4, "cannot be told"},
        /* usage_tree P2 */
        {"X [a] b [NX]", 4, "cannot be told"},
        {"X {a [b]}...", 7, "cannot be told"},
        {"X [NX|a|b]", 9, "two alternatives begin"},
        /* usage_tree P1 */
        {"X <NX a|NX b>", 9, "word NX"},
        {"X [NX] [NX|XX]", 4, "word NX"},
        {"X [NX] [GET] NX", 4, "word NX"},
        {"X [A [B]] [B]", 7, "word B"},
        {"X [A a] [B [b] e]", 13, "cannot be told"},
        {"X [A] [B [C [b:int]] e] d", 14, "cannot be told"},
        {"X {[A] [B]} [A]", 5, "word A"},
        {"X [a:int b {[A] [B]}] [A]", 14, "word A"},
        {"X [[a] b]", 4, "begins with an optional"},
        {"X [[a:int] b|C]", 4, "begins with an optional"},
        {"X [[A] [B]]", 4, "at least one word"},
        {"X {[A] [B]}...", 4, "at least one word"},
        {"X <[A]|B>", 5, "an alternative needs"},
        /* usage_tree P4 */
        {"X n key{n}", 3, "must be an int"},
        {"X [n:int] key{n}", 11, "not always given"},
        {"X [N n:int] key{n}", 13, "not always given"},
        {"X {n:int key{n}}...", 10, "not always given"},
        {"X <n:int|B> key{n}", 13, "not always given"},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        expect_refusal(&refusals[i]);
    }
}

/* "X" and `count` times `item`. */
static enum status parse_many(const char *item, uint32_t count, struct complaint *complaint)
{
    static char line[4096];
    struct usage usage;
    size_t used = (size_t)snprintf(line, sizeof line, "X");
    for (uint32_t i = 0; i < count; i++) {
        used += (size_t)snprintf(line + used, sizeof line - used, " %s", item);
    }
    enum status status = usage_parse(&usage, line, complaint);
    usage_finish(&usage);
    return status;
}

Test(usage, limits_hold_at_their_edge)
{
    struct complaint complaint;
    cr_assert_eq(parse_many("a", 64, &complaint), STATUS_OK, "%s", complaint.text);
    cr_assert_eq(parse_many("a", 65, &complaint), STATUS_INVALID);
    cr_assert_not_null(strstr(complaint.text, "64 tokens and arguments")); /* usage P1 */
    cr_assert_eq(parse_many("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 64, &complaint), STATUS_INVALID);
    cr_assert_not_null(strstr(complaint.text, "1023 bytes"));
    char name[80];
    struct usage usage;
    memset(name, 'N', sizeof name);
    name[63] = '\0';
    cr_assert_eq(usage_parse(&usage, name, &complaint), STATUS_OK);
    usage_finish(&usage);
    name[63] = 'N';
    name[64] = '\0';
    cr_assert_eq(usage_parse(&usage, name, &complaint), STATUS_INVALID);
    cr_assert_not_null(strstr(complaint.text, "63 bytes"));
}
