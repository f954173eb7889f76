/* SPDX-License-Identifier: MIT */

/* The usage lines of all commands of Redis 7.2, in this grammar: each is accepted, and each call that is drawn from it
 * binds.
 *
 * Where a line says less than Redis' own words the reason is one of these:
 *   MIGRATE          its key may be the empty word "", and then the keys come last: no token is empty, so it is a
 *                    string, and a module would name the keys by itself (gm_command.keys)
 *   ZRANGE           whether its limits are indexes, scores or words is said by options behind them: they are strings
 *   GEOSEARCH        Redis takes its required parts in any order, too, and REPLICAOF's NO ONE as host and port
 *   DEBUG, REPLCONF  have no words of their own in Redis' documentation */
#include "module/usage/usage_docs.h"
#include "module/usage/usage_hint.h"
#include "module/usage/usage_random.h"

#include "support/seed.h"
#include "words.h"

#define CALLS 60

static const char *const lines[] = {
    /* bitmap */
    "BITCOUNT key [start:int end:int [BYTE|BIT]]",
    "BITFIELD key [GET encoding offset|[OVERFLOW <WRAP|SAT|FAIL>] <SET encoding offset value:int|INCRBY encoding "
    "offset increment:int>]...",
    "BITFIELD_RO key [GET encoding offset]...",
    "BITOP <AND|OR|XOR|NOT> destkey:key source:rkey...",
    "BITPOS key bit:int [start:int [end:int [BYTE|BIT]]]",
    "GETBIT key offset:int",
    "SETBIT key offset:int value:int",
    /* cluster */
    "ASKING",
    "CLUSTER|ADDSLOTS slot:int...",
    "CLUSTER|ADDSLOTSRANGE {start-slot:int end-slot:int}...",
    "CLUSTER|BUMPEPOCH",
    "CLUSTER|COUNT-FAILURE-REPORTS node-id",
    "CLUSTER|COUNTKEYSINSLOT slot:int",
    "CLUSTER|DELSLOTS slot:int...",
    "CLUSTER|DELSLOTSRANGE {start-slot:int end-slot:int}...",
    "CLUSTER|FAILOVER [FORCE|TAKEOVER]",
    "CLUSTER|FLUSHSLOTS",
    "CLUSTER|FORGET node-id",
    "CLUSTER|GETKEYSINSLOT slot:int count:int",
    "CLUSTER|HELP",
    "CLUSTER|INFO",
    "CLUSTER|KEYSLOT key",
    "CLUSTER|LINKS",
    "CLUSTER|MEET ip port:int [cluster_bus_port:int]",
    "CLUSTER|MYID",
    "CLUSTER|MYSHARDID",
    "CLUSTER|NODES",
    "CLUSTER|REPLICAS node-id",
    "CLUSTER|REPLICATE node-id",
    "CLUSTER|RESET [HARD|SOFT]",
    "CLUSTER|SAVECONFIG",
    "CLUSTER|SET-CONFIG-EPOCH config-epoch:int",
    "CLUSTER|SETSLOT slot:int <IMPORTING node-id|MIGRATING node-id|NODE node-id|STABLE>",
    "CLUSTER|SHARDS",
    "CLUSTER|SLAVES node-id",
    "CLUSTER|SLOTS",
    "READONLY",
    "READWRITE",
    /* connection */
    "AUTH [username] password",
    "CLIENT|CACHING <YES|NO>",
    "CLIENT|GETNAME",
    "CLIENT|GETREDIR",
    "CLIENT|HELP",
    "CLIENT|ID",
    "CLIENT|INFO",
    "CLIENT|KILL <ip-port|{ID client-id:int|TYPE <NORMAL|MASTER|SLAVE|REPLICA|PUBSUB>|USER username|ADDR addr|LADDR "
    "laddr|SKIPME <YES|NO>}...>",
    "CLIENT|LIST [TYPE <NORMAL|MASTER|REPLICA|PUBSUB>] [ID client-id:int...]",
    "CLIENT|NO-EVICT <ON|OFF>",
    "CLIENT|NO-TOUCH <ON|OFF>",
    "CLIENT|PAUSE timeout:int [WRITE|ALL]",
    "CLIENT|REPLY <ON|OFF|SKIP>",
    "CLIENT|SETINFO <LIB-NAME libname|LIB-VER libver>",
    "CLIENT|SETNAME connection-name",
    "CLIENT|TRACKING <ON|OFF> [REDIRECT client-id:int] [PREFIX prefix]... [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
    "CLIENT|TRACKINGINFO",
    "CLIENT|UNBLOCK client-id:int [TIMEOUT|ERROR]",
    "CLIENT|UNPAUSE",
    "ECHO message",
    "HELLO [protover:int [AUTH username password] [SETNAME clientname]]",
    "PING [message]",
    "QUIT",
    "RESET",
    "SELECT index:int",
    /* generic */
    "COPY source:key destination:key [DB destination-db:int] [REPLACE]",
    "DEL key...",
    "DUMP key",
    "EXISTS key...",
    "EXPIRE key seconds:int [NX|XX|GT|LT]",
    "EXPIREAT key unix-time-seconds:unix [NX|XX|GT|LT]",
    "EXPIRETIME key",
    "KEYS pattern:pattern",
    "MIGRATE host port:int key-or-empty destination-db:int timeout:int [COPY] [REPLACE] [AUTH password|AUTH2 username "
    "password2] [KEYS key...]",
    "MOVE key db:int",
    "OBJECT|ENCODING key",
    "OBJECT|FREQ key",
    "OBJECT|HELP",
    "OBJECT|IDLETIME key",
    "OBJECT|REFCOUNT key",
    "PERSIST key",
    "PEXPIRE key milliseconds:int [NX|XX|GT|LT]",
    "PEXPIREAT key unix-time-milliseconds:unix-ms [NX|XX|GT|LT]",
    "PEXPIRETIME key",
    "PTTL key",
    "RANDOMKEY",
    "RENAME key newkey:key",
    "RENAMENX key newkey:key",
    "RESTORE key ttl:int serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds:int] [FREQ frequency:int]",
    "SCAN cursor:int [MATCH pattern:pattern] [COUNT count:int] [TYPE type]",
    "SORT key [BY pattern:pattern] [LIMIT offset:int count:int] [GET pattern:pattern]... [ASC|DESC] [ALPHA] [STORE "
    "destination:key]",
    "SORT_RO key [BY pattern:pattern] [LIMIT offset:int count:int] [GET pattern:pattern]... [ASC|DESC] [ALPHA]",
    "TOUCH key...",
    "TTL key",
    "TYPE key",
    "UNLINK key...",
    "WAIT numreplicas:int timeout:int",
    "WAITAOF numlocal:int numreplicas:int timeout:int",
    /* geo */
    "GEOADD key [NX|XX] [CH] {longitude:float latitude:float member}...",
    "GEODIST key member1 member2 [M|KM|FT|MI]",
    "GEOHASH key member...",
    "GEOPOS key member...",
    "GEORADIUS key longitude:float latitude:float radius:float <M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT "
    "count:int [ANY]] [ASC|DESC] [STORE store:key] [STOREDIST storedist:key]",
    "GEORADIUSBYMEMBER key member radius:float <M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count:int [ANY]] "
    "[ASC|DESC] [STORE store:key] [STOREDIST storedist:key]",
    "GEORADIUSBYMEMBER_RO key member radius:float <M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count:int "
    "[ANY]] [ASC|DESC]",
    "GEORADIUS_RO key longitude:float latitude:float radius:float <M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] "
    "[COUNT count:int [ANY]] [ASC|DESC]",
    "GEOSEARCH key <FROMMEMBER member|FROMLONLAT longitude:float latitude:float> <BYRADIUS radius:float "
    "<M|KM|FT|MI>|BYBOX width:float height:float <M|KM|FT|MI>> [ASC|DESC] [COUNT count:int [ANY]] [WITHCOORD] "
    "[WITHDIST] [WITHHASH]",
    "GEOSEARCHSTORE destination:key source:key <FROMMEMBER member|FROMLONLAT longitude:float latitude:float> <BYRADIUS "
    "radius:float <M|KM|FT|MI>|BYBOX width:float height:float <M|KM|FT|MI>> [ASC|DESC] [COUNT count:int [ANY]] "
    "[STOREDIST]",
    /* hash */
    "HDEL key field...",
    "HEXISTS key field",
    "HGET key field",
    "HGETALL key",
    "HINCRBY key field increment:int",
    "HINCRBYFLOAT key field increment:float",
    "HKEYS key",
    "HLEN key",
    "HMGET key field...",
    "HMSET key {field value}...",
    "HRANDFIELD key [count:int [WITHVALUES]]",
    "HSCAN key cursor:int [MATCH pattern:pattern] [COUNT count:int]",
    "HSET key {field value}...",
    "HSETNX key field value",
    "HSTRLEN key field",
    "HVALS key",
    /* hyperloglog */
    "PFADD key [element...]",
    "PFCOUNT key...",
    "PFDEBUG subcommand key",
    "PFMERGE destkey:key sourcekey:key...",
    "PFSELFTEST",
    /* list */
    "BLMOVE source:key destination:key <LEFT|RIGHT> <LEFT|RIGHT> timeout:timeout",
    "BLMPOP timeout:timeout numkeys:int key{numkeys} <LEFT|RIGHT> [COUNT count:int]",
    "BLPOP key... timeout:timeout",
    "BRPOP key... timeout:timeout",
    "BRPOPLPUSH source:key destination:key timeout:timeout",
    "LINDEX key index:int",
    "LINSERT key <BEFORE|AFTER> pivot element",
    "LLEN key",
    "LMOVE source:key destination:key <LEFT|RIGHT> <LEFT|RIGHT>",
    "LMPOP numkeys:int key{numkeys} <LEFT|RIGHT> [COUNT count:int]",
    "LPOP key [count:int]",
    "LPOS key element [RANK rank:int] [COUNT num-matches:int] [MAXLEN len:int]",
    "LPUSH key element...",
    "LPUSHX key element...",
    "LRANGE key start:int stop:int",
    "LREM key count:int element",
    "LSET key index:int element",
    "LTRIM key start:int stop:int",
    "RPOP key [count:int]",
    "RPOPLPUSH source:key destination:key",
    "RPUSH key element...",
    "RPUSHX key element...",
    /* pubsub */
    "PSUBSCRIBE pattern:pattern...",
    "PUBLISH channel message",
    "PUBSUB|CHANNELS [pattern:pattern]",
    "PUBSUB|HELP",
    "PUBSUB|NUMPAT",
    "PUBSUB|NUMSUB [channel...]",
    "PUBSUB|SHARDCHANNELS [pattern:pattern]",
    "PUBSUB|SHARDNUMSUB [shardchannel...]",
    "PUNSUBSCRIBE [pattern:pattern...]",
    "SPUBLISH shardchannel message",
    "SSUBSCRIBE shardchannel...",
    "SUBSCRIBE channel...",
    "SUNSUBSCRIBE [shardchannel...]",
    "UNSUBSCRIBE [channel...]",
    /* scripting */
    "EVAL script numkeys:int [key{numkeys}] [arg...]",
    "EVALSHA sha1 numkeys:int [key{numkeys}] [arg...]",
    "EVALSHA_RO sha1 numkeys:int [key{numkeys}] [arg...]",
    "EVAL_RO script numkeys:int [key{numkeys}] [arg...]",
    "FCALL function numkeys:int [key{numkeys}] [arg...]",
    "FCALL_RO function numkeys:int [key{numkeys}] [arg...]",
    "FUNCTION|DELETE library-name",
    "FUNCTION|DUMP",
    "FUNCTION|FLUSH [ASYNC|SYNC]",
    "FUNCTION|HELP",
    "FUNCTION|KILL",
    "FUNCTION|LIST [LIBRARYNAME library-name-pattern] [WITHCODE]",
    "FUNCTION|LOAD [REPLACE] function-code",
    "FUNCTION|RESTORE serialized-value [FLUSH|APPEND|REPLACE]",
    "FUNCTION|STATS",
    "SCRIPT|DEBUG <YES|SYNC|NO>",
    "SCRIPT|EXISTS sha1...",
    "SCRIPT|FLUSH [ASYNC|SYNC]",
    "SCRIPT|HELP",
    "SCRIPT|KILL",
    "SCRIPT|LOAD script",
    /* server */
    "ACL|CAT [categoryname]",
    "ACL|DELUSER username...",
    "ACL|DRYRUN username command [arg...]",
    "ACL|GENPASS [bits:int]",
    "ACL|GETUSER username",
    "ACL|HELP",
    "ACL|LIST",
    "ACL|LOAD",
    "ACL|LOG [count:int|RESET]",
    "ACL|SAVE",
    "ACL|SETUSER username [rule...]",
    "ACL|USERS",
    "ACL|WHOAMI",
    "BGREWRITEAOF",
    "BGSAVE [SCHEDULE]",
    "COMMAND",
    "COMMAND|COUNT",
    "COMMAND|DOCS [command-name...]",
    "COMMAND|GETKEYS command [arg...]",
    "COMMAND|GETKEYSANDFLAGS command [arg...]",
    "COMMAND|HELP",
    "COMMAND|INFO [command-name...]",
    "COMMAND|LIST [FILTERBY <MODULE module-name|ACLCAT category|PATTERN pattern:pattern>]",
    "CONFIG|GET parameter...",
    "CONFIG|HELP",
    "CONFIG|RESETSTAT",
    "CONFIG|REWRITE",
    "CONFIG|SET {parameter value}...",
    "DBSIZE",
    "DEBUG subcommand [arg...]",
    "FAILOVER [TO host port:int [FORCE]] [ABORT] [TIMEOUT milliseconds:int]",
    "FLUSHALL [ASYNC|SYNC]",
    "FLUSHDB [ASYNC|SYNC]",
    "INFO [section...]",
    "LASTSAVE",
    "LATENCY|DOCTOR",
    "LATENCY|GRAPH event",
    "LATENCY|HELP",
    "LATENCY|HISTOGRAM [command...]",
    "LATENCY|HISTORY event",
    "LATENCY|LATEST",
    "LATENCY|RESET [event...]",
    "LOLWUT [VERSION version:int]",
    "MEMORY|DOCTOR",
    "MEMORY|HELP",
    "MEMORY|MALLOC-STATS",
    "MEMORY|PURGE",
    "MEMORY|STATS",
    "MEMORY|USAGE key [SAMPLES count:int]",
    "MODULE|HELP",
    "MODULE|LIST",
    "MODULE|LOAD path [arg...]",
    "MODULE|LOADEX path [CONFIG name value]... [ARGS arg...]",
    "MODULE|UNLOAD name",
    "MONITOR",
    "PSYNC replicationid offset:int",
    "REPLCONF [arg...]",
    "REPLICAOF <host port:int|NO ONE>",
    "RESTORE-ASKING key ttl:int serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds:int] [FREQ frequency:int]",
    "ROLE",
    "SAVE",
    "SHUTDOWN [NOSAVE|SAVE] [NOW] [FORCE] [ABORT]",
    "SLAVEOF <host port:int|NO ONE>",
    "SLOWLOG|GET [count:int]",
    "SLOWLOG|HELP",
    "SLOWLOG|LEN",
    "SLOWLOG|RESET",
    "SWAPDB index1:int index2:int",
    "SYNC",
    "TIME",
    /* set */
    "SADD key member...",
    "SCARD key",
    "SDIFF key...",
    "SDIFFSTORE destination:key key...",
    "SINTER key...",
    "SINTERCARD numkeys:int key{numkeys} [LIMIT limit:int]",
    "SINTERSTORE destination:key key...",
    "SISMEMBER key member",
    "SMEMBERS key",
    "SMISMEMBER key member...",
    "SMOVE source:key destination:key member",
    "SPOP key [count:int]",
    "SRANDMEMBER key [count:int]",
    "SREM key member...",
    "SSCAN key cursor:int [MATCH pattern:pattern] [COUNT count:int]",
    "SUNION key...",
    "SUNIONSTORE destination:key key...",
    /* sorted-set */
    "BZMPOP timeout:timeout numkeys:int key{numkeys} <MIN|MAX> [COUNT count:int]",
    "BZPOPMAX key... timeout:timeout",
    "BZPOPMIN key... timeout:timeout",
    "ZADD key [NX|XX] [GT|LT] [CH] [INCR] {score:score member}...",
    "ZCARD key",
    "ZCOUNT key min:bound max:bound",
    "ZDIFF numkeys:int key{numkeys} [WITHSCORES]",
    "ZDIFFSTORE destination:key numkeys:int key{numkeys}",
    "ZINCRBY key increment:score member",
    "ZINTER numkeys:int key{numkeys} [WEIGHTS weight:float{numkeys}] [AGGREGATE <SUM|MIN|MAX>] [WITHSCORES]",
    "ZINTERCARD numkeys:int key{numkeys} [LIMIT limit:int]",
    "ZINTERSTORE destination:key numkeys:int key{numkeys} [WEIGHTS weight:float{numkeys}] [AGGREGATE <SUM|MIN|MAX>]",
    "ZLEXCOUNT key min max",
    "ZMPOP numkeys:int key{numkeys} <MIN|MAX> [COUNT count:int]",
    "ZMSCORE key member...",
    "ZPOPMAX key [count:int]",
    "ZPOPMIN key [count:int]",
    "ZRANDMEMBER key [count:int [WITHSCORES]]",
    "ZRANGE key start stop [BYSCORE|BYLEX] [REV] [LIMIT offset:int count:int] [WITHSCORES]",
    "ZRANGEBYLEX key min max [LIMIT offset:int count:int]",
    "ZRANGEBYSCORE key min:bound max:bound [WITHSCORES] [LIMIT offset:int count:int]",
    "ZRANGESTORE dst:key src:key min max [BYSCORE|BYLEX] [REV] [LIMIT offset:int count:int]",
    "ZRANK key member [WITHSCORE]",
    "ZREM key member...",
    "ZREMRANGEBYLEX key min max",
    "ZREMRANGEBYRANK key start:int stop:int",
    "ZREMRANGEBYSCORE key min:bound max:bound",
    "ZREVRANGE key start:int stop:int [WITHSCORES]",
    "ZREVRANGEBYLEX key max min [LIMIT offset:int count:int]",
    "ZREVRANGEBYSCORE key max:bound min:bound [WITHSCORES] [LIMIT offset:int count:int]",
    "ZREVRANK key member [WITHSCORE]",
    "ZSCAN key cursor:int [MATCH pattern:pattern] [COUNT count:int]",
    "ZSCORE key member",
    "ZUNION numkeys:int key{numkeys} [WEIGHTS weight:float{numkeys}] [AGGREGATE <SUM|MIN|MAX>] [WITHSCORES]",
    "ZUNIONSTORE destination:key numkeys:int key{numkeys} [WEIGHTS weight:float{numkeys}] [AGGREGATE <SUM|MIN|MAX>]",
    /* stream */
    "XACK key group id...",
    "XADD key [NOMKSTREAM] [<MAXLEN|MINID> [=|~] threshold [LIMIT count:int]] <*|id> {field value}...",
    "XAUTOCLAIM key group consumer min-idle-time start [COUNT count:int] [JUSTID]",
    "XCLAIM key group consumer min-idle-time id... [IDLE ms:int] [TIME unix-time-milliseconds:unix-ms] [RETRYCOUNT "
    "count:int] [FORCE] [JUSTID] [LASTID id]",
    "XDEL key id...",
    "XGROUP|CREATE key groupname <$|id> [MKSTREAM] [ENTRIESREAD entries_read:int]",
    "XGROUP|CREATECONSUMER key groupname consumername",
    "XGROUP|DELCONSUMER key groupname consumername",
    "XGROUP|DESTROY key groupname",
    "XGROUP|HELP",
    "XGROUP|SETID key groupname <$|id> [ENTRIESREAD entries_read:int]",
    "XINFO|CONSUMERS key groupname",
    "XINFO|GROUPS key",
    "XINFO|HELP",
    "XINFO|STREAM key [FULL [COUNT count:int]]",
    "XLEN key",
    "XPENDING key group [[IDLE min-idle-time:int] start end count:int [consumer]]",
    "XRANGE key start end [COUNT count:int]",
    "XREAD [COUNT count:int] [BLOCK milliseconds:int] STREAMS key:rkey... id{key}",
    "XREADGROUP GROUP group consumer [COUNT count:int] [BLOCK milliseconds:int] [NOACK] STREAMS key... id{key}",
    "XREVRANGE key end start [COUNT count:int]",
    "XSETID key last-id [ENTRIESADDED entries_added:int] [MAXDELETEDID max_deleted_entry_id]",
    "XTRIM key <MAXLEN|MINID> [=|~] threshold [LIMIT count:int]",
    /* string */
    "APPEND key value",
    "DECR key",
    "DECRBY key decrement:int",
    "GET key",
    "GETDEL key",
    "GETEX key [EX seconds:int|PX milliseconds:int|EXAT unix-time-seconds:unix|PXAT "
    "unix-time-milliseconds:unix-ms|PERSIST]",
    "GETRANGE key start:int end:int",
    "GETSET key value",
    "INCR key",
    "INCRBY key increment:int",
    "INCRBYFLOAT key increment:float",
    "LCS key1:key key2:key [LEN] [IDX] [MINMATCHLEN len:int] [WITHMATCHLEN]",
    "MGET key...",
    "MSET {key value}...",
    "MSETNX {key value}...",
    "PSETEX key milliseconds:int value",
    "SET key value [NX|XX] [GET] [EX seconds:int|PX milliseconds:int|EXAT unix-time-seconds:unix|PXAT "
    "unix-time-milliseconds:unix-ms|KEEPTTL]",
    "SETEX key seconds:int value",
    "SETNX key value",
    "SETRANGE key offset:int value",
    "STRLEN key",
    "SUBSTR key start:int end:int",
    /* transactions */
    "DISCARD",
    "EXEC",
    "MULTI",
    "UNWATCH",
    "WATCH key...",
};

/* Of those who extend Redis. */
static const char *const more[] = {
    "TS.ADD key timestamp value:float [RETENTION ms:int] [ENCODING <COMPRESSED|UNCOMPRESSED>] [LABELS {label "
    "value2}...]",
    "TS.MRANGE from to [LATEST] [FILTER_BY_TS ts:int...] [FILTER_BY_VALUE min:float max:float] "
    "[WITHLABELS|SELECTED_LABELS "
    "label...] [COUNT count:int] [[ALIGN align] AGGREGATION aggregator bucket:int [BUCKETTIMESTAMP bt] [EMPTY]] FILTER "
    "filter... [GROUPBY by REDUCE reducer]",
    "JSON.GET key [INDENT indent] [NEWLINE newline] [SPACE space] [path...]",
    "BF.RESERVE key error_rate:float capacity:int [EXPANSION expansion:int] [NONSCALING]",
    "CMS.MERGE destination:key numkeys:positive source:rkey{numkeys} [WEIGHTS weight:int{numkeys}]",
    "HEXPIRE key seconds:int [NX|XX|GT|LT] FIELDS numfields:int field{numfields}",
};

static void draw_dotted(void *context, struct prng *prng, const struct usage *usage, uint32_t leaf, struct buf *out)
{
    (void)context;
    (void)usage;
    (void)leaf;
    (void)buf_format(out, "%u,", (unsigned)prng_below(prng, 4)); /* neither a token nor a number */
}

static void expect_line(const char *line, struct prng *prng, struct usage_words *drawn)
{
    static const struct usage_vocabulary vocabulary = {.key = draw_dotted, .string = draw_dotted};
    struct usage usage = usage_of(line);
    struct usage_hint hint;
    for (int i = 0; i < CALLS; i++) {
        struct gm_bytes argv[USAGE_WORDS_MAX];
        struct gm_arg args[USAGE_LEAF_MAX];
        struct usage_bound bound = {.key_room = 0};
        if (usage_generate(&usage, prng, &vocabulary, drawn)) {
            usage_words_argv(drawn, argv);
            enum usage_outcome outcome = usage_bind(&usage, argv, drawn->count, args, &bound);
            cr_assert_eq(outcome, USAGE_OK, "%s: the call %.*s (words run together) is refused at word %u: %s", line,
                         (int)drawn->bytes.size, (const char *)drawn->bytes.data, (unsigned)bound.at,
                         bound.error == NULL ? "number of words" : bound.error);
            usage_hint(&usage, argv, drawn->count, false, NULL, &hint);
            cr_assert(!hint.refused && hint.complete, "%s: the call %.*s has no hint", line, (int)drawn->bytes.size,
                      (const char *)drawn->bytes.data);
        }
    }
    for (uint8_t number = usage_docs_first(&usage); number != 0; number = usage_docs_at(&usage, number).next) {
        cr_assert(usage_docs_at(&usage, number).name[0] != '\0');
    }
    usage_finish(&usage);
}

Test(usage_redis, every_line_is_accepted_and_decides_its_calls)
{
    struct prng prng;
    struct usage_words drawn;
    prng_seed(&prng, seed_of_run());
    usage_words_init(&drawn);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        expect_line(lines[i], &prng, &drawn);
    }
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        expect_line(more[i], &prng, &drawn);
    }
    usage_words_finish(&drawn);
}

/* A line that was lost, or written twice, is seen. */
Test(usage_redis, none_is_there_twice)
{
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        size_t size = strcspn(lines[i], " ");
        for (size_t j = 0; j < i; j++) {
            cr_expect(strcspn(lines[j], " ") != size || memcmp(lines[i], lines[j], size) != 0, "%s", lines[i]);
        }
    }
    cr_expect_eq(sizeof lines / sizeof lines[0], 356);
}
