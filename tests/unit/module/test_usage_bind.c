/* SPDX-License-Identifier: MIT */

/* Calls bound to usage lines: which words went where, which are keys, and what a wrong call is told. */
#include "words.h"

#include <stdio.h>

struct bound_call {
    struct usage usage;
    struct gm_arg args[USAGE_LEAF_MAX];
    struct usage_key keys[WORDS_MAX];
    struct usage_bound bound;
};

/* Fresh memory is full of rubbish, so that a leaf which is not written is seen. */
static enum usage_outcome bind(struct bound_call *call, const char *line, const char *words)
{
    struct words split = words_of(words);
    call->usage = usage_of(line);
    memset(call->args, 0x5a, sizeof call->args);
    call->bound = (struct usage_bound){.keys = call->keys, .key_room = WORDS_MAX};
    enum usage_outcome outcome = usage_bind(&call->usage, split.argv, split.argc, call->args, &call->bound);
    return outcome;
}

/* "key@1 EX@3 seconds@4=10 a@1+2x3": leaf, first word, stride and count where there are several, and the number. */
static void describe(const struct bound_call *call, char *text, size_t room)
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t leaf = 0; leaf < call->usage.leaf_count; leaf++) {
        const struct gm_arg *arg = &call->args[leaf];
        struct gm_bytes name = usage_leaf_text(&call->usage, leaf);
        if (arg->count == 0) {
            cr_assert(arg->first == 0 && arg->stride == 0 && arg->integer == 0, "leaf %u is not clean", leaf);
            continue;
        }
        used += (size_t)snprintf(text + used, room - used, "%s%.*s@%u", used == 0 ? "" : " ", (int)name.size,
                                 (const char *)name.data, arg->first);
        if (arg->count > 1) {
            used += (size_t)snprintf(text + used, room - used, "+%ux%u", arg->stride, arg->count);
        }
        if ((call->usage.checked >> leaf & 1) != 0) {
            bool number = usage_leaf(&call->usage, leaf)->type == USAGE_FLOAT ||
                          usage_leaf(&call->usage, leaf)->type == USAGE_SCORE ||
                          usage_leaf(&call->usage, leaf)->type == USAGE_BOUND;
            used += number ? (size_t)snprintf(text + used, room - used, "=%g", arg->number)
                           : (size_t)snprintf(text + used, room - used, "=%lld", (long long)arg->integer);
        }
    }
    used += (size_t)snprintf(text + used, room - used, " :");
    for (uint32_t i = 0; i < call->bound.key_count; i++) {
        used += (size_t)snprintf(text + used, room - used, " %s%u", call->keys[i].written != 0 ? "" : "r",
                                 call->keys[i].index);
    }
}

struct success {
    const char *line;
    const char *words;
    const char *args; /* then ":" and the keys */
};

#define SET                                                                                                            \
    "SET key value [milliseconds:int] [NX|XX] [GET] [EX seconds:int|PX ms:int|EXAT at:unix|PXAT "                      \
    "at-ms:unix-ms|KEEPTTL]"
#define BITFIELD                                                                                                       \
    "BITFIELD key [<GET encoding offset|OVERFLOW <WRAP|SAT|FAIL>|SET encoding offset value|INCRBY encoding offset "    \
    "increment>...]"
#define BITPOS "BITPOS key bit:int [start:int [end:int [BYTE|BIT]]]"
#define LMPOP  "LMPOP numkeys:int key{numkeys} <LEFT|RIGHT> [COUNT count:positive]"
#define SORT                                                                                                           \
    "SORT key [BY by:pattern] [LIMIT offset:int count:int] [GET pattern:pattern]... [ASC|DESC] [STORE "                \
    "destination:key]"
#define XADD "XADD key [NOMKSTREAM] [MAXLEN [=|~] threshold:int] id {field value}..."

#define XREAD "XREAD [COUNT count:int] STREAMS key:rkey... id{key}"
#define MRANGE                                                                                                         \
    "TS.MRANGE from to [LATEST] [FILTER_BY_TS ts:int...] [WITHLABELS|SELECTED_LABELS label...] [COUNT count:int] "     \
    "FILTER filter... [GROUPBY by REDUCE reducer]"

Test(usage_bind, each_word_is_found_by_its_number)
{
    static const struct success cases[] = {
        /* halves */
        {XREAD, "XREAD STREAMS a b 1 2", "STREAMS@1 key@2+1x2 id@4+1x2 : r2 r3"},
        {XREAD, "XREAD COUNT 2 streams a $", "COUNT@1 count@2=2 STREAMS@3 key@4 id@5 : r4"},
        {"X key... {a b}{key} last", "X k1 k2 1 2 3 4 l", "key@1+1x2 a@3+2x2 b@4+2x2 last@7 : 1 2"},
        {"X [A key... id{key}]", "X A a b c 1 2 3", "A@1 key@2+1x3 id@5+1x3 : 2 3 4"},
        /* a repeat that a token ends */
        {"X a... [NX] [B b...] F f... [G g]", "X 1 2 B 3 NX F 5 6 G 7", "a@1+1x2 NX@5 B@3 b@4 F@6 f@7+1x2 G@9 g@10 :"},
        {"X a... [NX] [B b...] F f... [G g]", "X NX F f", "a@1 F@2 f@3 :"},
        {"X a... [NX] [B b...] F f... [G g]", "X 1 B B nx f f", "a@1 NX@4 B@2 b@3 F@5 f@6 :"},
        {MRANGE, "TS.MRANGE - + filter_by_ts 1 2 SELECTED_LABELS a b c COUNT 5 FILTER x=1 y=2 GROUPBY g REDUCE max",
         "from@1 to@2 FILTER_BY_TS@3 ts@4+1x2=1 SELECTED_LABELS@6 label@7+1x3 COUNT@10 count@11=5 FILTER@12 "
         "filter@13+1x2 GROUPBY@15 by@16 REDUCE@17 reducer@18 :"},
        {MRANGE, "TS.MRANGE - + SELECTED_LABELS a LATEST FILTER x=1",
         "from@1 to@2 LATEST@5 SELECTED_LABELS@3 label@4 FILTER@6 filter@7 :"},
        {"X <A|key G>... [F f]", "X k g A k2 G f 1", "A@3 key@1+3x2 G@2+3x2 F@6 f@7 : 1 4"},
        /* scores and bounds */
        {"X {s:score m}...", "X -inf a 1 b Infinity c", "s@1+2x3=-inf m@2+2x3 :"},
        {"X min:bound max:bound", "X (1.5 +inf", "min@1=1.5 max@2=inf :"},
        {"X min:bound max:bound", "X -infinity (-INF", "min@1=-inf max@2=-inf :"},
        /* dots and stars */
        {"X <*|id> [A.B] [C*] [.]", "X * . a.b", "*@1 A.B@3 .@2 :"},
        {"X <*|id> [A.B] [C*] [.]", "X 1-* c*", "id@1 C*@2 :"},
        {"X A...", "X a A a", "A@1+1x3 :"},
        {"GET key", "get k", "key@1 : 1"},
        {SET, "SET k v", "key@1 value@2 : 1"},
        {SET, "SET k v 250", "key@1 value@2 milliseconds@3=250 : 1"},
        {SET, "SET k v NX", "key@1 value@2 NX@3 : 1"},
        {SET, "SET k v 250 nx", "key@1 value@2 milliseconds@3=250 NX@4 : 1"},
        {SET, "SET k v ex 10 Nx", "key@1 value@2 NX@5 EX@3 seconds@4=10 : 1"},
        {SET, "SET k v XX EX 10", "key@1 value@2 XX@3 EX@4 seconds@5=10 : 1"},
        {SET, "SET k v KEEPTTL GET XX", "key@1 value@2 XX@5 GET@4 KEEPTTL@3 : 1"},
        {SET, "SET NX NX NX", "key@1 value@2 NX@3 : 1"},
        {SET, "SET k v NX NX", "key@1 value@2 NX@4 : 1"}, /* usage_again P1 */
        {SET, "SET k v EX 10 NX EX 20 GET GET", "key@1 value@2 NX@5 GET@9 EX@6 seconds@7=20 : 1"},
        {"SCAN cursor [MATCH pattern:pattern] [COUNT count:int]", "SCAN 0 COUNT 1 MATCH a COUNT 2 MATCH b COUNT 3",
         "cursor@1 MATCH@8 pattern@9 COUNT@10 count@11=3 :"},
        {"ZUNION n:int key:rkey{n} [WEIGHTS weight:float{n}] [SUM]", "ZUNION 2 a b weights 1 2 sum weights 3 4",
         "n@1=2 key@2+1x2 WEIGHTS@8 weight@9+1x2=3 SUM@7 : r2 r3"},
        {SET, "SET k '' PXAT 1700000000000", "key@1 value@2 PXAT@3 at-ms@4=1700000000000 : 1"},
        {"LPUSH key element...", "LPUSH k a", "key@1 element@2 : 1"},
        {"LPUSH key element...", "LPUSH k a b c", "key@1 element@2+1x3 : 1"},
        {"MSET {key value}...", "MSET a 1", "key@1 value@2 : 1"},
        {"MSET {key value}...", "MSET a 1 b 2 c 3", "key@1+2x3 value@2+2x3 : 1 3 5"},
        {"BLPOP key... timeout:timeout", "BLPOP a b 0.5", "key@1+1x2 timeout@3=500 : 1 2"},
        {"BLPOP key... timeout:timeout", "BLPOP 1 0", "key@1 timeout@2=0 : 1"},
        {"DELEX key... a:int b:key", "DELEX x y 3 z", "key@1+1x2 a@3=3 b@4 : 1 2 4"},
        {"LCS key1:rkey key2:rkey [LEN] [IDX] [MINMATCHLEN len:int]", "LCS a b MINMATCHLEN 4 IDX",
         "key1@1 key2@2 IDX@5 MINMATCHLEN@3 len@4=4 : r1 r2"},
        {"BITOP <AND|OR|NOT> destination:key source:rkey...", "BITOP or d a b",
         "OR@1 destination@2 source@3+1x2 : 2 r3 r4"},
        {LMPOP, "LMPOP 2 a b LEFT COUNT 5", "numkeys@1=2 key@2+1x2 LEFT@4 COUNT@5 count@6=5 : 2 3"},
        {LMPOP, "LMPOP 1 LEFT RIGHT", "numkeys@1=1 key@2 RIGHT@3 : 2"},
        {"INCR key [offset:int]", "INCR k", "key@1 : 1"},
        {"INCR key [offset:int]", "INCR k -9223372036854775808", "key@1 offset@2=-9223372036854775808 : 1"},
        {BITPOS, "BITPOS k 1", "key@1 bit@2=1 : 1"},
        {BITPOS, "BITPOS k 1 2", "key@1 bit@2=1 start@3=2 : 1"},
        {BITPOS, "BITPOS k 1 2 -1 bit", "key@1 bit@2=1 start@3=2 end@4=-1 BIT@5 : 1"},
        {"BITCOUNT key [start:int end:int [BYTE|BIT]]", "BITCOUNT k 0 5 BYTE", "key@1 start@2=0 end@3=5 BYTE@4 : 1"},
        {BITFIELD, "BITFIELD k", "key@1 : 1"},
        {BITFIELD, "BITFIELD k GET u8 0 GET u8 8", "key@1 GET@2+3x2 encoding@3+3x2 offset@4+3x2 : 1"},
        {BITFIELD, "BITFIELD k GET u8 0 overflow SAT incrby i5 1 1 GET u8 0 GET u8 9",
         "key@1 GET@2+0x3 encoding@3+0x3 offset@4+0x3 OVERFLOW@5 SAT@6 INCRBY@7 encoding@8 offset@9 increment@10 : 1"},
        {"HELLO [protover:int [AUTH user pass] [SETNAME name]]", "HELLO 3 SETNAME x AUTH u p",
         "protover@1=3 AUTH@4 user@5 pass@6 SETNAME@2 name@3 :"},
        {"AUTH [username] password", "AUTH p", "password@1 :"},
        {"AUTH [username] password", "AUTH u p", "username@1 password@2 :"},
        {"OBJECT|ENCODING key", "OBJECT ENCODING k", "key@2 : 2"},
        {"COMMAND|GETKEYS command arg...", "COMMAND GETKEYS GET k", "command@2 arg@3 :"},
        {"SCAN cursor [MATCH pattern:pattern] [COUNT count:int] [TYPE type]", "SCAN 0 type string match *",
         "cursor@1 MATCH@4 pattern@5 TYPE@2 type@3 :"},
        {SORT, "SORT k GET a ASC get b BY c get d STORE s",
         "key@1 BY@7 by@8 GET@2+0x3 pattern@3+0x3 ASC@4 STORE@11 destination@12 : 1 12"},
        {SORT, "SORT k GET a GET b", "key@1 GET@2+2x2 pattern@3+2x2 : 1"},
        {XADD, "XADD k 5-1 f v", "key@1 id@2 field@3 value@4 : 1"},
        {XADD, "XADD k MAXLEN ~ 5 NOMKSTREAM * f v g w",
         "key@1 NOMKSTREAM@5 MAXLEN@2 ~@3 threshold@4=5 id@6 field@7+2x2 value@8+2x2 : 1"},
        {XADD, "XADD k NOMKSTREAM f v", "key@1 id@2 field@3 value@4 : 1"}, /* its words are all needed */
        {"ZADD key [NX|XX] [CH] {score:float member}...", "ZADD k CH 1.5 a -2 b",
         "key@1 CH@2 score@3+2x2=1.5 member@4+2x2 : 1"},
        {"FCALL function numkeys:int [key{numkeys}] [arg...]", "FCALL f 0 x", "function@1 numkeys@2=0 arg@3 :"},
        {"FCALL function numkeys:int [key{numkeys}] [arg...]", "FCALL f 2 a b x y",
         "function@1 numkeys@2=2 key@3+1x2 arg@5+1x2 : 3 4"},
        {"ZUNION n:int key:rkey{n} [WEIGHTS weight:float{n}] [WITHSCORES]", "ZUNION 2 a b weights 1 2 withscores",
         "n@1=2 key@2+1x2 WEIGHTS@4 weight@5+1x2=1 WITHSCORES@7 : r2 r3"},
        {"PAIRS {a:key b:rkey}...", "PAIRS a b c d", "a@1+2x2 b@2+2x2 : 1 r2 3 r4"},
        {"INFO [section...]", "INFO", " :"},
        {"INFO [section...]", "INFO a b", "section@1+1x2 :"},
        {"TAG {name [LONGTOKENNAME] value:int}...", "TAG a longtokenNAME 1 b 2",
         "name@1+3x2 LONGTOKENNAME@2 value@3+2x2=1 :"},
        {"OPT [key...] last", "OPT z", "last@1 :"},
        {"KEEP n:int {a [T]}{n} z", "KEEP 2 b T z", "n@1=2 a@2+1x2 z@4 :"},
        {"KEEP n:int {a [T]}{n} z", "KEEP 2 b T c T z", "n@1=2 a@2+2x2 T@3+2x2 z@6 :"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bound_call call;
        char text[512];
        enum usage_outcome outcome = bind(&call, cases[i].line, cases[i].words);
        cr_expect_eq(outcome, USAGE_OK, "%s: %d at %u", cases[i].words, outcome, call.bound.at);
        if (outcome == USAGE_OK) {
            describe(&call, text, sizeof text);
            cr_expect_str_eq(text, cases[i].args, "%s: %s", cases[i].words, text);
        }
        usage_finish(&call.usage);
    }
}

struct failure {
    const char *line;
    const char *words;
    const char *error; /* NULL: arity */
    uint32_t at;
};

#define SYNTAX  "ERR syntax error"
#define NOT_INT "ERR value is not an integer or out of range"

Test(usage_bind, a_wrong_call_is_told_what_redis_would_say)
{
    static const struct failure cases[] = {
        {"GET key", "GET", NULL, 1},
        {"GET key", "GET a b", NULL, 2},
        {SET, "SET k", NULL, 2},
        {SET, "SET k v abc", SYNTAX, 3},
        {SET, "SET k v NX XX", SYNTAX, 4},
        {SET, "SET k v NX NX XX", SYNTAX, 5}, /* usage_again P1 */
        {SET, "SET k v EX 10 EX ten", NOT_INT, 6},
        {SET, "SET k v EX 10 EX", SYNTAX, 6},
        {LMPOP, "LMPOP 1 a LEFT COUNT 1 COUNT 1", SYNTAX, 6}, /* alone: once */
        {SORT, "SORT k STORE a ASC STORE b", SYNTAX, 5},      /* usage_again P2 */
        {"FLUSHALL [ASYNC|SYNC]", "FLUSHALL SYNC SYNC", SYNTAX, 2},
        {SET, "SET k v EX", SYNTAX, 4},
        {SET, "SET k v EX ten", NOT_INT, 4},
        {SET, "SET k v EX 10 PX 10", SYNTAX, 5},
        {SET, "SET k v NX 100", SYNTAX, 4},
        {SET, "SET k v 1 NX GET EX 10 x", SYNTAX, 8},
        {SET, "SET k v 1 NX GET EX 10 x y", SYNTAX, 8},
        {"MSET {key value}...", "MSET a 1 b", NULL, 4},
        {"LPUSH key element...", "LPUSH k", NULL, 2},
        {"INCR key [offset:int]", "INCR k abc", NOT_INT, 2},
        {"INCR key [offset:int]", "INCR k 1 2", NULL, 3},
        {"INCRBY key increment:int", "INCRBY k 9223372036854775808", NOT_INT, 2},
        {"INCRBY key increment:int", "INCRBY k 01", NOT_INT, 2},
        {"INCRBY key increment:int", "INCRBY k ''", NOT_INT, 2},
        {"LPOP key [count:count]", "LPOP k -1", "ERR value is out of range, must be positive", 2},
        {"LPOP key [count:count]", "LPOP k x", "ERR value is out of range, must be positive", 2},
        {"X number:float", "X abc", "ERR value is not a valid float", 1},
        {"X number:float", "X inf", "ERR value is not a valid float", 1},
        {"X number:score", "X nan", "ERR value is not a valid float", 1},
        {"X number:score", "X (1", "ERR value is not a valid float", 1},
        {"X number:score", "X ''", "ERR value is not a valid float", 1},
        {"X number:score", "X +-inf", "ERR value is not a valid float", 1},
        {"X number:bound", "X ((1", "ERR min or max is not a float", 1},
        {"X number:bound", "X (", "ERR min or max is not a float", 1},
        {"X number:bound", "X infi", "ERR min or max is not a float", 1},
        {XREAD, "XREAD STREAMS a b 1", SYNTAX, 5},
        {XREAD, "XREAD STREAMS a", NULL, 3},
        {"X key... id{key}", "X a b c", NULL, 4},
        {MRANGE, "TS.MRANGE - + SELECTED_LABELS FILTER x=1", SYNTAX, 6},
        {MRANGE, "TS.MRANGE - + LATEST x y z", SYNTAX, 4},
        {"X number:float...", "X 1 2 nan", "ERR value is not a valid float", 3},
        {"BLPOP key... timeout:timeout", "BLPOP k x", "ERR timeout is not a float or out of range", 2},
        {"BLPOP key... timeout:timeout", "BLPOP k -1", "ERR timeout is negative", 2},
        {"BLPOP key... timeout:timeout", "BLPOP k 1e300", "ERR timeout is out of range", 2},
        {LMPOP, "LMPOP 0 a LEFT", "ERR numkeys should be greater than 0", 1},
        {LMPOP, "LMPOP -1 a LEFT", "ERR numkeys should be greater than 0", 1},
        {LMPOP, "LMPOP x a LEFT", "ERR numkeys should be greater than 0", 1},
        {"FCALL function numkeys:int [key{numkeys}] [arg...]", "FCALL f 1", SYNTAX, 3},
        {LMPOP, "LMPOP 2 a LEFT", SYNTAX, 4},
        {LMPOP, "LMPOP 9223372036854775807 a LEFT", SYNTAX, 4},
        {LMPOP, "LMPOP 1 a UP", SYNTAX, 3},
        {LMPOP, "LMPOP 1 a LEFT COUNT 0", "ERR count should be greater than 0", 5},
        {LMPOP, "LMPOP 1 a LEFT COUNT", SYNTAX, 5},
        {"BITOP <AND|OR> destination:key source:rkey...", "BITOP NAND d s", SYNTAX, 1},
        {"BITCOUNT key [start:int end:int [BYTE|BIT]]", "BITCOUNT k 0", SYNTAX, 2},
        {"BITCOUNT key [start:int end:int [BYTE|BIT]]", "BITCOUNT k 0 1 HALF", SYNTAX, 4},
        {"PAIR key [a b]", "PAIR k 1", NULL, 2},
        {BITPOS, "BITPOS k 1 0 BYTE", NOT_INT, 4},
        {BITFIELD, "BITFIELD k GET u8", SYNTAX, 4},
        {BITFIELD, "BITFIELD k PUT u8 0", SYNTAX, 2},
        {"HELLO [protover:int [AUTH user pass] [SETNAME name]]", "HELLO x", NOT_INT, 1},
        {"HELLO [protover:int [AUTH user pass] [SETNAME name]]", "HELLO 3 AUTH u", SYNTAX, 4},
        {"LINSERT key <BEFORE|AFTER> pivot element", "LINSERT k AT p e", SYNTAX, 2},
        {XADD, "XADD k id f", NULL, 4},
        {XADD, "XADD k id f v g", NULL, 6},
        {"OBJECT|ENCODING key", "OBJECT ENCODING", NULL, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bound_call call;
        enum usage_outcome outcome = bind(&call, cases[i].line, cases[i].words);
        cr_expect_neq(outcome, USAGE_OK, "accepted: %s", cases[i].words);
        if (cases[i].error == NULL) {
            cr_expect_eq(outcome, USAGE_ARITY, "%s: %s", cases[i].words, call.bound.error);
        } else {
            cr_expect_not_null(call.bound.error, "%s: %d", cases[i].words, outcome);
            cr_expect(call.bound.error != NULL && strcmp(call.bound.error, cases[i].error) == 0, "%s: %s",
                      cases[i].words, call.bound.error);
        }
        cr_expect_eq(call.bound.at, cases[i].at, "%s: at %u", cases[i].words, call.bound.at);
        usage_finish(&call.usage);
    }
}

Test(usage_bind, timeouts_are_rounded_up_to_a_millisecond_but_not_by_float_noise)
{
    static const struct {
        const char *words;
        int64_t ms;
    } cases[] = {{"T 0", 0},
                 {"T 1", 1000},
                 {"T 0.0001", 1},
                 {"T 0.035", 35},
                 {"T 0.0351", 36},
                 {"T 1e-10", 1},
                 {"T -0", 0},
                 {"T 0.57", 570},
                 {"T 1.001", 1001},
                 {"T 1.0011", 1002},
                 {"T 4e15", 4000000000000000000}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bound_call call;
        cr_expect_eq(bind(&call, "T t:timeout", cases[i].words), USAGE_OK, "%s", cases[i].words);
        cr_expect_eq(call.args[0].integer, cases[i].ms, "%s: %lld", cases[i].words, (long long)call.args[0].integer);
        usage_finish(&call.usage);
    }
}

Test(usage_bind, keys_beyond_the_room_are_counted_but_not_written)
{
    struct usage usage = usage_of("MSET {key value}...");
    struct words words = words_of("MSET a 1 b 2 c 3");
    struct gm_arg args[USAGE_LEAF_MAX];
    struct usage_key keys[2] = {{0, 0, 0}, {77, 77, 0}};
    struct usage_bound bound = {.keys = keys, .key_room = 1};
    cr_assert_eq(usage_bind(&usage, words.argv, words.argc, args, &bound), USAGE_OK);
    cr_assert_eq(bound.key_count, 3);
    cr_assert_eq(keys[0].index, 1);
    cr_assert_eq(keys[1].index, 77);
    bound = (struct usage_bound){.keys = NULL, .key_room = 0};
    cr_assert_eq(usage_bind(&usage, words.argv, words.argc, args, &bound), USAGE_OK);
    cr_assert_eq(bound.key_count, 3);
    usage_finish(&usage);
}

Test(usage_bind, tokens_are_compared_byte_by_byte_whatever_their_length)
{
    struct usage usage = usage_of("X <0|A1|ABC|ABCDEFGH|ABCDEFGHI|ABCDEFGHIJKLMNOPQ|=>");
    static const char *const good[] = {"0", "a1", "aBc", "abcdefgh", "abcdefghi", "ABCDEFGHIJKLMNOPq", "="};
    static const char *const bad[] = {"1", "A", "A1\x01", "AB", "ABCD", "ABCDEFG", "ABCDEFGHJ", "ABCDEFGHIJKLMNOPR",
                                      "]"};
    uint64_t all = (1u << usage.leaf_count) - 1;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_expect_eq(usage_token_among(&usage, all, gm_bytes_of(good[i])), (int)i, "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_expect_eq(usage_token_among(&usage, all, gm_bytes_of(bad[i])), -1, "%s", bad[i]);
    }
    cr_expect_eq(usage_token_among(&usage, all, (struct gm_bytes){NULL, 0}), -1);
    cr_expect_eq(usage_token_among(&usage, all, (struct gm_bytes){(const uint8_t *)"ABC\0", 4}), -1);
    usage_finish(&usage);
}
