/* SPDX-License-Identifier: MIT */

/* fuzz_sealed.c - a log, a mark file and a snapshot that were good, changed, and with right checksums all the same:
 * what a forger, a bug in another program or a flip in memory makes. Checksums prove nothing then.
 *
 * Why      Where files are changed without new checksums, nothing but the checksums is tried.
 *
 * Input    one byte of flags, then any number of: what u8, which u8, then what it needs. Flag 1: records are numbered
 *          anew, so that one may be missing or there twice. Flag 2: there is no snapshot. Flag 4: the module of lists
 *          is absent. Flag 8: the mark file is as if nothing had ever been synced. The log and the snapshot are those
 *          of a node that has carried out the commands below.
 *
 * Checks   A replica either refuses with a sentence, or serves; then it makes a snapshot and is started again, from
 *          that and from the log alone: each time it has the same digest. No check is reached, whatever was read.
 *
 * Limits   Offsets of strings are cut to OFFSET_MAX, or every other input would be half a gigabyte of zeros. */
#include <stdlib.h>

#include "base/codec.h"
#include "base/crc32c.h"
#include "kv/kv_type.h"
#include "log/mark.h"
#include "log/segment.h"
#include "log/snapshot.h"
#include "replica/replica.h"
#include "shard/digest.h"
#include "support/little.h"
#include "support/node_fixture.h"
#include "support/shard_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FLAG_NUMBERED  1
#define FLAG_LOG_ONLY  2
#define FLAG_NO_LISTS  4
#define FLAG_NO_MARK   8
#define PIECES_MAX     64
#define PIECE_MAX      4096u /* bytes */
#define OFFSET_MAX     ((uint64_t)1 << 15)
#define CHANGES_MAX    32
#define RECORD_AT_SIZE 8 /* offsets within a record's header */
#define RECORD_AT_SEQ  16
#define SEGMENT        "wal-00000000000000000001.log"

/* ---- what was good ---- */

struct piece {
    uint8_t bytes[PIECE_MAX]; /* a record, without its padding */
    size_t size;
};

struct pieces {
    struct piece of[PIECES_MAX];
    size_t count;
};

struct files {
    struct pieces log;
    struct pieces snapshot;
    uint8_t segment[SEGMENT_HEADER_SIZE];
    uint8_t header[SNAPSHOT_HEADER_SIZE];
    struct mark mark;
    char snapshot_name[DISK_NAME_MAX];
};

static const char *const commands[] = {
    "SET a one",        "APPEND a two", "SETRANGE a 5 three", "SETBIT bits 77 1", "SET gone 1 PX 5000000",
    "INCRBY n 41",      "INCR n",       "RPUSH l a b c",      "LPUSH l front",    "LPOP l",
    "LSET l 1 middle",  "RENAME a b",   "EXPIRE n 1000",      "PERSIST n",        "DEL gone",
    "MSET x 1 y 2 z 3", "SAVE",         "SET after 1",        "RPUSH l d",        "EXPIRE after 900",
    "MSET x 4 w 5",     "COPY l m",     "RENAME m o",
};

static void cut_pieces(struct pieces *pieces, struct gm_bytes bytes)
{
    struct record record;
    size_t size;
    while (pieces->count < PIECES_MAX && record_parse(bytes, &record, &size, NULL) == STATUS_OK) {
        struct piece *piece = &pieces->of[pieces->count++];
        piece->size = codec_u32(bytes.data + RECORD_AT_SIZE);
        check(piece->size <= PIECE_MAX);
        memcpy(piece->bytes, bytes.data, piece->size);
        bytes = (struct gm_bytes){bytes.data + size, bytes.size - size};
    }
}

static void keep_files(struct sim_disk *sim, struct files *files)
{
    struct complaint complaint;
    uint64_t sequence;
    enum status status = mark_read(sim_disk_interface(sim), &files->mark, &complaint);
    check(status == STATUS_OK);
    for (size_t i = 0; sim_disk_name(sim, i) != NULL; i++) {
        const char *name = sim_disk_name(sim, i);
        struct gm_bytes bytes = sim_disk_contents(sim, name);
        if (snapshot_name_parse(name, &sequence)) {
            memcpy(files->snapshot_name, name, strlen(name) + 1);
            memcpy(files->header, bytes.data, SNAPSHOT_HEADER_SIZE);
            size_t head = SNAPSHOT_HEADER_SIZE + SNAPSHOT_HEAD_SIZE; /* plain, and small enough for one block */
            cut_pieces(&files->snapshot, (struct gm_bytes){bytes.data + head, bytes.size - head});
        } else if (strcmp(name, SEGMENT) == 0) {
            memcpy(files->segment, bytes.data, SEGMENT_HEADER_SIZE);
            cut_pieces(&files->log,
                       (struct gm_bytes){bytes.data + SEGMENT_HEADER_SIZE, bytes.size - SEGMENT_HEADER_SIZE});
        }
    }
    check(files->log.count > 20 && files->snapshot.count > 5);
}

static void live(struct files *files)
{
    const struct gm_module *modules[] = {geomys_module_kv(), geomys_module_counter(), geomys_module_deque()};
    struct node_fixture at;
    node_fixture_init(&at, 1);
    at.config.wal_segment_size = 1 << 20;
    enum status status = node_fixture_start(&at, modules, 3);
    check(status == STATUS_OK);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        const char *said = node_fixture_say(&at, "%s", commands[i]);
        check(said != NULL && strstr(said, "ERR") == NULL);
    }
    node_fixture_close(&at);
    keep_files(at.sim, files);
    node_fixture_finish(&at);
}

/* ---- what becomes of it ---- */

struct input {
    const uint8_t *data;
    size_t size;
};

static uint8_t take(struct input *input)
{
    if (input->size == 0) {
        return 0;
    }
    input->size--;
    return *input->data++;
}

static struct gm_bytes take_some(struct input *input, size_t most)
{
    size_t size = take(input);
    size = size < most ? size : most;
    size = size < input->size ? size : input->size;
    struct gm_bytes bytes = {input->data, size};
    input->data += size;
    input->size -= size;
    return bytes;
}

/* Numbers that somebody might not have thought of. */
static uint64_t take_number(struct input *input)
{
    static const uint64_t numbers[] = {
        0,         1,          2,       INT32_MAX, UINT32_MAX, (uint64_t)UINT32_MAX + 1,
        INT64_MAX, UINT64_MAX, 1000000, 16384,     UINT16_MAX, (uint64_t)1 << 62,
    };
    uint8_t byte = take(input);
    size_t count = sizeof numbers / sizeof numbers[0];
    return byte < count ? numbers[byte] : byte - count;
}

enum mutation {
    MUTATE_BYTE,
    MUTATE_NUMBER, /* eight bytes of the record's header, or of its body */
    MUTATE_TAIL,   /* everything from some byte on */
    MUTATE_REMOVE,
    MUTATE_DOUBLE,
    MUTATE_SWAP,
    MUTATE_HEADER, /* of the file */
    MUTATE_MARK,
    MUTATIONS,
};

static void change_tail(struct piece *piece, struct input *input)
{
    size_t from = RECORD_HEADER_SIZE + take(input) % (piece->size - RECORD_HEADER_SIZE + 1);
    struct gm_bytes bytes = take_some(input, PIECE_MAX - from);
    if (bytes.size > 0) {
        memcpy(piece->bytes + from, bytes.data, bytes.size);
    }
    piece->size = from + bytes.size;
}

static void change_place(struct pieces *pieces, size_t at, enum mutation change)
{
    struct piece *piece = &pieces->of[at];
    size_t behind = pieces->count - at - 1;
    if (change == MUTATE_REMOVE && pieces->count > 1) {
        memmove(piece, piece + 1, behind * sizeof *piece);
        pieces->count--;
    } else if (change == MUTATE_DOUBLE && pieces->count < PIECES_MAX) {
        memmove(piece + 1, piece, (behind + 1) * sizeof *piece);
        pieces->count++;
    } else if (change == MUTATE_SWAP && behind > 0) {
        struct piece held = *piece;
        *piece = piece[1];
        piece[1] = held;
    }
}

static void change_mark(struct mark *mark, struct input *input)
{
    uint64_t *const fields[] = {&mark->counter, &mark->durable, &mark->oldest, &mark->segment};
    uint64_t *field = fields[take(input) % 4];
    *field = take_number(input);
}

static void change_one(struct files *files, struct input *input)
{
    uint8_t what = take(input);
    bool log = (what & 128) == 0;
    struct pieces *pieces = log ? &files->log : &files->snapshot;
    size_t at = take(input) % pieces->count;
    struct piece *piece = &pieces->of[at];
    switch ((enum mutation)(what % MUTATIONS)) {
    case MUTATE_BYTE: {
        size_t place = 8 + take(input) % (piece->size - 8);
        piece->bytes[place] = take(input);
        break;
    }
    case MUTATE_NUMBER: {
        size_t place = 8 * (1 + take(input) % (piece->size / 8 - 1));
        codec_put_u64(piece->bytes + place, take_number(input));
        break;
    }
    case MUTATE_TAIL:
        change_tail(piece, input);
        break;
    case MUTATE_HEADER: {
        uint8_t *header = log ? files->segment : files->header;
        size_t place = 32 + 8 * (size_t)(take(input) % 4);
        codec_put_u64(header + place, take_number(input));
        break;
    }
    case MUTATE_MARK:
        change_mark(&files->mark, input);
        break;
    case MUTATE_REMOVE:
    case MUTATE_DOUBLE:
    case MUTATE_SWAP:
    case MUTATIONS:
        change_place(pieces, at, (enum mutation)(what % MUTATIONS));
        break;
    }
}

/* ---- sealed anew ---- */

/* Values stay small: an offset is at most OFFSET_MAX. */
static void tame(struct piece *piece)
{
    uint16_t flags = codec_u16(piece->bytes + 12);
    uint16_t op = codec_u16(piece->bytes + 14);
    uint64_t key = codec_u16(piece->bytes + 44);
    uint64_t at = RECORD_HEADER_SIZE + ((flags & RECORD_EXPIRE) != 0 ? 8u : 0u) + key;
    size_t width = op == KV_OP_PATCH ? 8 : op == KV_OP_BIT ? 4 : 0;
    uint64_t limit = op == KV_OP_PATCH ? OFFSET_MAX : OFFSET_MAX * 8;
    if (width > 0 && at + width <= piece->size && codec_u16(piece->bytes + 40) != 0) {
        little_store(piece->bytes + at, little_load(piece->bytes + at, width) % limit, width);
    }
}

/* Appends all of them; whatever their headers say, sizes and checksums are right. */
static void seal(struct pieces *pieces, bool numbered, uint64_t last, bool snapshot, struct buf *out)
{
    for (size_t i = 0; i < pieces->count; i++) {
        struct piece *piece = &pieces->of[i];
        uint8_t *bytes = piece->bytes;
        tame(piece);
        if (numbered) {
            last += !snapshot && (bytes[12] & RECORD_LOCAL) == 0;
            codec_put_u64(bytes + RECORD_AT_SEQ, last);
        }
        codec_put_u32(bytes + RECORD_AT_SIZE, (uint32_t)piece->size);
        codec_put_u32(bytes + 4,
                      crc32c((struct gm_bytes){bytes + RECORD_HEADER_SIZE, piece->size - RECORD_HEADER_SIZE}));
        codec_put_u32(bytes, crc32c((struct gm_bytes){bytes + 4, RECORD_HEADER_SIZE - 4}));
        bool fits = buf_append(out, (struct gm_bytes){bytes, piece->size}) &&
                    buf_append(out, (struct gm_bytes){(const uint8_t[8]){0}, -piece->size & 7});
        check(fits);
    }
}

static void put_log(struct sim_disk *sim, struct files *files, bool numbered)
{
    struct buf out;
    buf_init(&out, (size_t)1 << 24);
    codec_put_u32(files->segment + 8, crc32c((struct gm_bytes){files->segment + 12, SEGMENT_HEADER_SIZE - 12}));
    (void)buf_append(&out, (struct gm_bytes){files->segment, SEGMENT_HEADER_SIZE});
    seal(&files->log, numbered, codec_u64(files->segment + 32) - 1, false, &out);
    sim_disk_put(sim, SEGMENT, buf_bytes(&out));
    buf_finish(&out);
}

static void count(const struct pieces *pieces, struct snapshot_counts *counts)
{
    for (size_t i = 0; i < pieces->count; i++) {
        uint16_t flags = codec_u16(pieces->of[i].bytes + 12);
        bool local = (flags & RECORD_LOCAL) != 0;
        counts->records += !local;
        counts->keys += !local && (flags & RECORD_FRESH) != 0;
        counts->types += local && codec_u16(pieces->of[i].bytes + 14) == RECORD_OP_TYPE;
    }
}

static void put_snapshot(struct sim_disk *sim, struct files *files, bool numbered)
{
    struct buf content;
    struct buf out;
    uint8_t head[SNAPSHOT_HEAD_SIZE];
    uint8_t footer[SNAPSHOT_FOOTER_SIZE];
    buf_init(&content, (size_t)1 << 24);
    buf_init(&out, (size_t)1 << 24);
    codec_put_u32(files->header + 8, crc32c((struct gm_bytes){files->header + 12, SNAPSHOT_HEADER_SIZE - 12}));
    (void)buf_append(&out, (struct gm_bytes){files->header, SNAPSHOT_HEADER_SIZE});
    struct snapshot_counts counts = {.sequence = codec_u64(files->header + 32), .blocks = 1};
    seal(&files->snapshot, numbered, counts.sequence, true, &content);
    struct snapshot_head block = {.content_crc = crc32c(buf_bytes(&content)),
                                  .chain = snapshot_chain_of_header(files->header),
                                  .kind = SNAPSHOT_RECORDS,
                                  .codec = SNAPSHOT_PLAIN,
                                  .stored_size = (uint32_t)content.size,
                                  .plain_size = (uint32_t)content.size,
                                  .records = (uint32_t)files->snapshot.count};
    snapshot_encode_head(&block, head);
    (void)buf_append(&out, (struct gm_bytes){head, sizeof head});
    (void)buf_append(&out, buf_bytes(&content));
    counts.plain = content.size;
    count(&files->snapshot, &counts);
    snapshot_encode_footer(&counts, snapshot_chain_of_head(head), footer);
    bool fits = buf_append(&out, (struct gm_bytes){footer, sizeof footer});
    check(fits);
    sim_disk_put(sim, files->snapshot_name, buf_bytes(&out));
    buf_finish(&content);
    buf_finish(&out);
}

static void put_mark(struct sim_disk *sim, const struct mark *mark)
{
    uint8_t slots[2 * MARK_SLOT_SIZE] = {0};
    mark_encode(mark, slots + mark_offset(mark->counter));
    sim_disk_put(sim, MARK_NAME, (struct gm_bytes){slots, sizeof slots});
}

/* ---- a replica of it ---- */

static void fill(struct entropy *entropy, void *target, size_t size)
{
    (void)entropy;
    memset(target, 0x5a, size);
}

static void ignore_line(void *context, enum trace_level level, const char *text)
{
    (void)context, (void)level;
    check(text[0] != '\0');
    for (const char *at = text; *at != '\0'; at++) {
        check((uint8_t)*at >= ' ' && (uint8_t)*at < 0x7f); /* nothing of a file goes raw to a terminal */
    }
}

static const struct entropy_ops entropy_ops = {.fill = fill};
static struct entropy entropy = {.ops = &entropy_ops};
static const struct trace silent = {.line = ignore_line, .least = TRACE_DEBUG};

static void turn(struct replica *replica, struct sim_disk *sim, int64_t *now_ms)
{
    shard_turn(&replica->shard, *now_ms, *now_ms);
    (void)replica_turn(replica);
    (void)sim_disk_run(sim, 100);
    *now_ms += 10;
}

static void save(struct replica *replica, struct sim_disk *sim, int64_t *now_ms)
{
    struct complaint complaint;
    enum status status = saver_start(&replica->saver, &complaint);
    check(status == STATUS_OK);
    for (unsigned i = 0; saver_is_busy(&replica->saver); i++) {
        check(i < 10000);
        turn(replica, sim, now_ms);
    }
    check(!replica->saver.failed);
}

/* What it has, once it serves, has made a snapshot and has ended. False: it refused. */
static bool serve(struct sim_disk *sim, const struct registry *registry, uint64_t *digest)
{
    struct replica *replica = calloc(1, sizeof *replica);
    struct replica_env env = {.disk = sim_disk_interface(sim), .entropy = &entropy, .trace = &silent};
    struct replica_options options = {
        .shard = {.seed = 7},
        .saver = {.memory_max = (size_t)16 << 20, .codec = SNAPSHOT_PLAIN},
        .wal = {.policy = WAL_WRITE_THROUGH, .segment_size = 1 << 16},
    };
    struct complaint complaint = {""};
    int64_t now_ms = 1000000;
    enum status status = replica_init(replica, registry, &options, &env, &complaint);
    while (status == STATUS_OK && replica->state == REPLICA_LOADING) {
        turn(replica, sim, &now_ms);
    }
    bool served = status == STATUS_OK && replica->state == REPLICA_SERVING;
    if (served) {
        *digest = digest_shard(&replica->shard);
        save(replica, sim, &now_ms);
        status = replica_close(replica, &complaint);
        check(status == STATUS_OK);
    } else {
        check(complaint.text[0] != '\0' || replica->complaint.text[0] != '\0');
    }
    while (sim_disk_run(sim, 100) > 0) {
    }
    replica_finish(replica);
    free(replica);
    return served;
}

static void remove_snapshots(struct sim_disk *sim)
{
    uint64_t sequence;
    for (size_t i = 0; sim_disk_name(sim, i) != NULL;) {
        if (snapshot_name_parse(sim_disk_name(sim, i), &sequence)) {
            char name[DISK_NAME_MAX];
            memcpy(name, sim_disk_name(sim, i), strlen(sim_disk_name(sim, i)) + 1);
            sim_disk_delete(sim, name);
            i = 0;
        } else {
            i++;
        }
    }
}

static void try(struct files *files, uint8_t flags, const struct registry *registry)
{
    bool numbered = (flags & FLAG_NUMBERED) != 0;
    uint64_t first = 0;
    uint64_t again = 0;
    struct sim_disk *sim = sim_disk_create(1);
    put_log(sim, files, numbered);
    put_mark(sim, &files->mark);
    if ((flags & FLAG_LOG_ONLY) == 0) {
        put_snapshot(sim, files, numbered);
    }
    if (serve(sim, registry, &first)) {
        bool served = serve(sim, registry, &again);
        check(served && again == first);
        if ((flags & FLAG_LOG_ONLY) != 0) { /* else it need not be of the log */
            remove_snapshots(sim);
            served = serve(sim, registry, &again);
            check(!served || again == first);
        }
    }
    sim_disk_destroy(sim);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct registry *registries[2]; /* made once, as the files are: they cost more than an input */
    static struct files good;
    static struct files files;
    if (registries[0] == NULL) {
        registries[0] = shard_fixture_registry(&(struct shard_fixture_options){0});
        registries[1] = shard_fixture_registry(&(struct shard_fixture_options){.without = SHARD_FIXTURE_DEQUE});
        live(&good);
    }
    struct input input = {data, size};
    uint8_t flags = take(&input);
    files = good;
    if ((flags & FLAG_NO_MARK) != 0) {
        files.mark = (struct mark){.counter = 1, .oldest = 1};
    }
    for (unsigned i = 0; i < CHANGES_MAX && input.size > 0; i++) {
        change_one(&files, &input);
    }
    try(&files, flags, registries[(flags & FLAG_NO_LISTS) != 0]);
    return 0;
}
