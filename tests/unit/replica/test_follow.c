/* SPDX-License-Identifier: MIT */

/* test_follow.c - a second shard follows a node that is under load: it is given whole batches, from the memory of the
 * node's log, from its segments, or now from one and now from the other; and at each sequence that both have reached it
 * holds the same data.
 *
 * The second shard has loaded the modules in another order, so its types have other numbers; it hears of the changes
 * through a listener, as a first execution would announce them. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "base/memory.h"
#include "log/reader.h"
#include "shard/apply_follow.h"
#include "shard/digest.h"
#include "support/node_fixture.h"
#include "support/seed.h"

const struct gm_module *geomys_module_kv(void);
const struct gm_module *geomys_module_counter(void);
const struct gm_module *geomys_module_deque(void);

#define SEQUENCES 20000

/* ---- the follower ---- */

struct follower {
    struct shard shard;
    const struct registry *registry;
    struct source source;
    struct change_listener listener;
    uint64_t heard;     /* the last sequence that the listener was told */
    uint64_t declared;  /* names of the numbering that it knows */
    uint64_t numbering; /* of the last run */
    struct reader *reader;
    uint64_t from_files, from_tail, compared;
};

struct scene {
    struct node_fixture at;
    struct prng prng;
    struct follower follower;
    uint64_t digests[SEQUENCES]; /* of the leader, where it was looked at; 0: it was not */
};

static void on_change(struct change_listener *listener, const struct change *change)
{
    struct follower *follower = container_of(listener, struct follower, listener);
    cr_assert_gt(change->sequence, follower->heard);
    cr_assert_eq(change->author, CHANGE_NOBODY);
    follower->heard = change->sequence;
}

static void on_damage(void *context, const char *sentence)
{
    (void)context;
    cr_assert_fail("%s", sentence);
}

static struct wal *wal_of(struct scene *scene)
{
    return scene->at.node->replica.wal;
}

static struct tail *tail_of(struct scene *scene)
{
    return &scene->at.node->replica.shard.tail;
}

static void follower_start(struct follower *follower, uint64_t seed)
{
    const struct gm_module *modules[] = {geomys_module_deque(), geomys_module_counter(), geomys_module_kv()};
    struct shard_options options = {.seed = seed};
    struct complaint complaint;
    *follower = (struct follower){.numbering = 0};
    uint32_t interfaces;
    const struct registry_interface *own = node_interfaces(&interfaces);
    follower->registry = registry_create(own, interfaces);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(registry_add(&follower->registry, modules[i], "built in", &complaint), STATUS_OK, "%s",
                     complaint.text);
    }
    shard_init(&follower->shard, follower->registry, &options, &(struct gm_secret){"one data set"});
    follower->shard.events.on_damage = on_damage;
    source_init(&follower->source, &follower->shard);
    change_listener_init(&follower->listener, CHANGE_RANK_NOTIFY, on_change);
    change_listen(&follower->shard.listeners, &follower->listener);
    shard_continue(&follower->shard, 0, 0);
    tail_keep(&follower->shard.tail, 100000); /* it could have followers of its own */
    shard_become(&follower->shard, SHARD_FOLLOWING);
}

static void follower_finish(struct follower *follower)
{
    reader_destroy(follower->reader);
    change_ignore(&follower->listener);
    shard_finish(&follower->shard);
    registry_release(follower->registry);
}

/* The names that the stream has not told yet. */
static void declare(struct follower *follower, const struct reader_run *run)
{
    struct complaint complaint;
    if (run->numbering != follower->numbering) {
        follower->numbering = run->numbering;
        follower->declared = 0;
    }
    for (; follower->declared < run->names->count; follower->declared++) {
        const struct name *name = &run->names->list[follower->declared];
        struct record_sink *sink = &follower->source.sink;
        cr_assert_eq(sink->declare(sink, name->type, names_text(name), &complaint), STATUS_OK, "%s", complaint.text);
    }
}

/* Where the batch at the beginning of these bytes ends. */
static size_t batch_size(struct gm_bytes bytes)
{
    struct record record;
    size_t end = 0;
    do {
        size_t size;
        record_read(bytes.data + end, &record, &size);
        end += size;
    } while ((record.flags & RECORD_MORE) != 0);
    return end;
}

static void compare(struct scene *scene)
{
    struct follower *follower = &scene->follower;
    uint64_t sequence = follower->shard.tail.last_sequence;
    if (scene->digests[sequence] != 0) {
        cr_assert_eq(digest_shard(&follower->shard), scene->digests[sequence], "at sequence %llu",
                     (unsigned long long)sequence);
        follower->compared++;
    }
}

static void take_run(struct scene *scene, const struct reader_run *run)
{
    struct follower *follower = &scene->follower;
    declare(follower, run);
    *(run->numbering == UINT64_MAX ? &follower->from_tail : &follower->from_files) += run->last - run->first + 1;
    for (size_t at = 0; at < run->bytes.size;) {
        struct gm_bytes rest = {run->bytes.data + at, run->bytes.size - at};
        struct complaint complaint;
        bool halfway;
        size_t size = batch_size(rest);
        cr_assert_eq(apply_follow(&follower->source, (struct gm_bytes){rest.data, size}, &halfway, &complaint),
                     STATUS_OK, "%s", complaint.text);
        cr_assert_not(halfway);
        at += size;
        compare(scene);
    }
    cr_assert_eq(follower->shard.tail.last_sequence, run->last);
    cr_assert_leq(follower->heard, run->last);
}

/* Reads what there is. False: nothing at the moment. */
static bool follow(struct scene *scene, size_t max)
{
    struct follower *follower = &scene->follower;
    struct reader_run run;
    struct complaint complaint;
    if (follower->reader == NULL) {
        struct reader_config config = {.disk = sim_disk_interface(scene->at.sim),
                                       .tail = tail_of(scene),
                                       .wal = wal_of(scene),
                                       .limit = (enum reader_limit)prng_below(&scene->prng, 3)};
        follower->reader = reader_create(&config, follower->shard.tail.last_sequence + 1);
    }
    enum status status = reader_next(follower->reader, max, &run, &complaint);
    cr_assert(status == STATUS_OK || status == STATUS_AGAIN, "%s", complaint.text);
    if (status == STATUS_OK) {
        take_run(scene, &run);
    }
    return status == STATUS_OK;
}

/* ---- the leader ---- */

static void scene_start(struct scene *scene, uint64_t seed)
{
    const struct gm_module *modules[] = {geomys_module_kv(), geomys_module_counter(), geomys_module_deque()};
    prng_seed(&scene->prng, seed);
    node_fixture_init(&scene->at, seed);
    cr_assert_eq(node_fixture_start(&scene->at, modules, 3), STATUS_OK, "%s", scene->at.complaint.text);
    scene->digests[0] = digest_shard(&scene->at.node->replica.shard);
    follower_start(&scene->follower, seed + 1);
}

static void scene_finish(struct scene *scene)
{
    follower_finish(&scene->follower);
    node_fixture_close(&scene->at);
    node_fixture_finish(&scene->at);
    memory_free(scene);
}

static unsigned draw(struct scene *scene, unsigned below)
{
    return (unsigned)prng_below(&scene->prng, below);
}

static void say(struct scene *scene)
{
    struct node_fixture *at = &scene->at;
    unsigned key = draw(scene, 30);
    switch (draw(scene, 12)) {
    case 0:
        (void)node_fixture_say(at, "RPUSH list%u %u %0*u", key % 5, key, 1 + (int)draw(scene, 300), key);
        break;
    case 1:
        (void)node_fixture_say(at, "LPOP list%u", key % 5);
        break;
    case 2:
        (void)node_fixture_say(at, "INCRBY sum%u %u", key % 5, key);
        break;
    case 3:
        (void)node_fixture_say(at, "DEL text%u list%u", key, key % 5);
        break;
    case 4:
        (void)node_fixture_say(at, "SET text%u %u PX %u", key, key, 1 + draw(scene, 50));
        break;
    case 5:
        (void)node_fixture_say(at, "MULTI");
        (void)node_fixture_say(at, "SET text%u a", key);
        (void)node_fixture_say(at, "INCR sum%u", key % 5);
        (void)node_fixture_say(at, "LPUSH list%u b c", key % 5);
        (void)node_fixture_say(at, "EXEC");
        break;
    case 6:
        (void)node_fixture_say(at, "RENAME text%u text%u", key, (key + 1) % 30);
        break;
    case 7:
        (void)node_fixture_say(at, draw(scene, 20) == 0 ? "FLUSHALL" : "PERSIST text%u", key);
        break;
    default:
        (void)node_fixture_say(at, "SET text%u %0*u", key, 1 + (int)draw(scene, 800), key);
    }
    uint64_t sequence = tail_of(scene)->last_sequence;
    cr_assert_lt(sequence, SEQUENCES);
    scene->digests[sequence] = digest_shard(&scene->at.node->replica.shard);
}

/* ---- the stories ---- */

/* `commands` under which it follows, each time a few steps; then it catches up. */
static void follow_under_load(struct scene *scene, unsigned commands)
{
    uint64_t before = scene->follower.compared;
    for (unsigned i = 0; i < commands; i++) {
        say(scene);
        if (draw(scene, 60) == 0) {
            (void)node_fixture_say(&scene->at, "BGSAVE");
        }
        for (unsigned k = draw(scene, 4); k > 0; k--) {
            (void)follow(scene, draw(scene, 2) == 0 ? 500 : SIZE_MAX);
        }
    }
    node_fixture_settle(&scene->at);
    for (unsigned i = 0; i < 1000 && scene->follower.shard.tail.last_sequence < tail_of(scene)->last_sequence; i++) {
        if (!follow(scene, SIZE_MAX)) {
            node_fixture_turn(&scene->at, SIZE_MAX);
        }
    }
    cr_assert_eq(scene->follower.shard.tail.last_sequence, tail_of(scene)->last_sequence);
    cr_assert_eq(scene->follower.shard.tail.epoch, tail_of(scene)->epoch);
    cr_assert_gt(scene->follower.compared - before, commands / 3);
    cr_assert_eq(digest_shard(&scene->follower.shard), digest_shard(&scene->at.node->replica.shard));
}

Test(follow, from_memory_while_the_leader_is_under_load)
{
    struct scene *scene = memory_zeroed(sizeof *scene);
    scene_start(scene, seed_of_run());
    tail_keep(tail_of(scene), (size_t)64 << 20);
    follow_under_load(scene, 1500);
    cr_assert_eq(scene->follower.from_files, 0);
    scene_finish(scene);
}

Test(follow, from_segments_while_the_leader_is_under_load)
{
    struct scene *scene = memory_zeroed(sizeof *scene);
    scene_start(scene, seed_of_run());
    for (unsigned i = 0; i < 300; i++) {
        say(scene);
    }
    follow_under_load(scene, 1200);
    cr_assert_gt(scene->follower.from_files, 300);
    struct wal_stats stats;
    wal_stats(wal_of(scene), &stats);
    cr_assert_gt(stats.segments, 20, "many segments have ended meanwhile");
    scene_finish(scene);
}

Test(follow, across_both_as_the_window_comes_and_goes)
{
    uint64_t seed = seed_of_run();
    for (uint64_t run = 0; run < 8; run++) {
        struct scene *scene = memory_zeroed(sizeof *scene);
        scene_start(scene, seed + run);
        for (unsigned i = 0; i < 200; i++) {
            say(scene);
        }
        for (unsigned i = 0; i < 6; i++) {
            tail_keep(tail_of(scene), i % 2 == 0 ? (size_t)1 << 20 : 0);
            if (i % 3 == 2) { /* it goes, comes back later, and perhaps with another limit */
                reader_destroy(scene->follower.reader);
                scene->follower.reader = NULL;
                for (unsigned k = 0; k < 50; k++) {
                    say(scene);
                }
            }
            follow_under_load(scene, 60);
        }
        cr_assert(scene->follower.from_files > 0 && scene->follower.from_tail > 0);
        scene_finish(scene);
    }
}

Test(follow, refuses_what_is_not_the_next_batch_and_carries_out_nothing_of_it)
{
    struct scene *scene = memory_zeroed(sizeof *scene);
    scene_start(scene, seed_of_run());
    struct follower *follower = &scene->follower;
    struct tail_cursor cursor;
    struct tail_slice slice;
    struct complaint complaint;
    bool halfway;
    tail_keep(tail_of(scene), (size_t)1 << 20);
    cr_assert_eq(tail_cursor_open(&cursor, tail_of(scene), 1, false), STATUS_OK);
    (void)node_fixture_say(&scene->at, "SET a 1");
    (void)node_fixture_say(&scene->at, "SET b 2");
    struct reader_run run = {.names = &tail_of(scene)->names, .numbering = UINT64_MAX};
    cr_assert_eq(tail_take(&cursor, 1, UINT64_MAX, &slice), STATUS_OK);
    cr_assert_eq(apply_follow(&follower->source, slice.bytes, &halfway, &complaint), STATUS_CORRUPT,
                 "its types have not been declared");
    declare(follower, &run);
    struct tail_slice second;
    cr_assert_eq(tail_take(&cursor, 1, UINT64_MAX, &second), STATUS_OK);
    cr_assert_eq(apply_follow(&follower->source, second.bytes, &halfway, &complaint), STATUS_INVALID);
    cr_assert_not(halfway);
    cr_assert(follower->heard == 0 && follower->shard.tail.last_sequence == 0);
    cr_assert_eq(digest_shard(&follower->shard), scene->digests[0]);
    cr_assert_eq(apply_follow(&follower->source, slice.bytes, &halfway, &complaint), STATUS_OK);
    cr_assert_eq(apply_follow(&follower->source, slice.bytes, &halfway, &complaint), STATUS_INVALID, "not twice");
    cr_assert_eq(apply_follow(&follower->source, second.bytes, &halfway, &complaint), STATUS_OK);
    cr_assert_eq(follower->heard, 3); /* behind the record that has begun the epoch */
    cr_assert_eq(digest_shard(&follower->shard), digest_shard(&scene->at.node->replica.shard));
    tail_release(tail_of(scene), &slice);
    tail_release(tail_of(scene), &second);
    tail_cursor_close(&cursor);
    scene_finish(scene);
}
