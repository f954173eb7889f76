/* SPDX-License-Identifier: MIT */

/* test_coord_store.c - the raft server's files: crashes at every call, every bit flipped, and bytes that are nobody's;
 * and the bytes of messages and patches. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/memory.h"
#include "base/prng.h"
#include "cluster/coord.h"
#include "cluster/coord_message.h"
#include "cluster/coord_patch.h"
#include "cluster/coord_store.h"
#include "support/seed.h"
#include "support/sim_disk.h"

#define SERVER 7

static enum status open_store(struct coord_store *store, struct sim_disk *sim, struct complaint *complaint)
{
    return coord_store_open(store, sim_disk_interface(sim), SERVER, COORD_STORE_LOG_MIN, complaint);
}

static void drain(struct sim_disk *sim)
{
    sim_disk_interface(sim)->ops->drain(sim_disk_interface(sim));
}

/* What a store should have. */
struct model {
    uint64_t term, vote, last;
    uint64_t terms[64];
    uint32_t crcs[64];
};

static bool is_like(const struct coord_store *store, const struct model *model)
{
    if (store->term != model->term || store->vote != model->vote || store->last != model->last) {
        return false;
    }
    for (uint64_t i = 1; i <= model->last; i++) {
        struct coord_store_entry entry = coord_store_loaded(store, i);
        if (entry.term != model->terms[i] || crc32c(entry.data) != model->crcs[i]) {
            return false;
        }
    }
    return true;
}

/* One change of both, by chance. */
static void change(struct coord_store *store, struct model *model, struct prng *prng)
{
    uint8_t data[700];
    uint64_t what = prng_below(prng, 6);
    if (what == 0 || model->term == 0) {
        model->term++;
        model->vote = 0;
        coord_store_set_term(store, model->term);
    } else if (what == 1) {
        model->vote = 1 + prng_below(prng, 3);
        coord_store_set_vote(store, model->vote);
    } else if (what == 2 && model->last > 0) {
        model->last -= prng_below(prng, 2);
        coord_store_truncate(store, model->last + 1);
    } else if (model->last < 60) {
        size_t size = (size_t)prng_below(prng, sizeof data);
        for (size_t i = 0; i < size; i++) {
            data[i] = (uint8_t)prng_next(prng);
        }
        struct coord_store_entry entry = {
            .term = model->term, .type = COORD_STORE_COMMAND, .data = gm_bytes_at(data, size)};
        model->last++;
        model->terms[model->last] = model->term;
        model->crcs[model->last] = crc32c(entry.data);
        cr_assert_eq(coord_store_append(store, &entry, 1), STATUS_OK);
    }
}

Test(coord_store, crashes_at_each_call_leave_what_was_there_or_what_was_next) /* coord_store P1, coord_store P2 */
{
    uint64_t seed = seed_of_run();
    for (uint64_t at = 1; at < 140; at++) {
        struct prng prng;
        struct sim_disk *sim = sim_disk_create(seed + at);
        struct coord_store store;
        struct complaint complaint = {""};
        struct model models[4] = {0}; /* after the last change that was idle, and after those that were queued since */
        prng_seed(&prng, seed);
        cr_assert_eq(open_store(&store, sim, &complaint), STATUS_OK);
        sim_disk_fault(sim, SIM_CRASH, at, 1);
        int queued = 0;
        while (!store.failed && !sim_disk_dead(sim)) {
            models[0] = models[queued];
            queued = 0;
            for (uint64_t n = 1 + prng_below(&prng, 3); n > 0; n--) {
                models[queued + 1] = models[queued];
                queued++;
                change(&store, &models[queued], &prng);
            }
            drain(sim);
        }
        sim_disk_crash(sim, seed + at);
        coord_store_close(&store);
        cr_assert_eq(open_store(&store, sim, &complaint), STATUS_OK, "call %llu: %s", (unsigned long long)at,
                     complaint.text);
        bool found = false;
        for (int i = 0; i <= queued; i++) {
            found = found || is_like(&store, &models[i]);
        }
        cr_assert(found, "call %llu", (unsigned long long)at);
        coord_store_close(&store);
        sim_disk_destroy(sim);
    }
}

static struct sim_disk *with_entries(void)
{
    struct sim_disk *sim = sim_disk_create(1);
    struct coord_store store;
    struct complaint complaint = {""};
    cr_assert_eq(open_store(&store, sim, &complaint), STATUS_OK, "%s", complaint.text);
    coord_store_set_term(&store, 3);
    struct coord_store_entry entries[] = {
        {.term = 1, .type = COORD_STORE_COMMAND, .data = BYTES("one")},
        {.term = 3, .type = COORD_STORE_BARRIER, .data = BYTES("")},
        {.term = 3, .type = COORD_STORE_COMMAND, .data = BYTES("the third")},
    };
    cr_assert_eq(coord_store_append(&store, entries, 3), STATUS_OK);
    coord_store_set_vote(&store, 2);
    drain(sim);
    coord_store_close(&store);
    return sim;
}

Test(coord_store, a_log_with_any_bit_flipped_is_refused_and_kept) /* coord_store P3 */
{
    struct sim_disk *sim = with_entries();
    struct coord_store store;
    cr_assert_eq(open_store(&store, sim, &(struct complaint){""}), STATUS_OK);
    uint64_t end = store.ends[2];
    coord_store_close(&store);
    for (uint64_t bit = 0; bit < end * 8; bit++) {
        struct complaint complaint = {""};
        sim_disk_flip(sim, COORD_STORE_LOG, bit);
        uint32_t before = crc32c(sim_disk_contents(sim, COORD_STORE_LOG));
        cr_assert_eq(open_store(&store, sim, &complaint), STATUS_CORRUPT, "bit %llu", (unsigned long long)bit);
        cr_expect(strstr(complaint.text, "nothing was changed") != NULL, "%s", complaint.text);
        cr_expect_eq(crc32c(sim_disk_contents(sim, COORD_STORE_LOG)), before);
        sim_disk_flip(sim, COORD_STORE_LOG, bit);
    }
    for (uint64_t bit = end * 8; bit < end * 8 + 4096; bit += 7) { /* what is behind does not exist */
        sim_disk_flip(sim, COORD_STORE_LOG, bit);
        cr_assert_eq(open_store(&store, sim, &(struct complaint){""}), STATUS_OK);
        coord_store_close(&store);
    }
    sim_disk_cut(sim, COORD_STORE_LOG, 1000);
    cr_expect_eq(open_store(&store, sim, &(struct complaint){""}), STATUS_CORRUPT);
    sim_disk_destroy(sim);
}

Test(coord_store, one_slot_may_be_damaged_and_nothing_is_lost) /* coord_store P4 */
{
    for (uint64_t bit = 0; bit < 2 * COORD_STORE_SLOT * 8; bit++) {
        struct sim_disk *sim = with_entries();
        struct coord_store store;
        sim_disk_flip(sim, COORD_STORE_STATE, bit);
        cr_assert_eq(open_store(&store, sim, &(struct complaint){""}), STATUS_OK);
        cr_assert(store.term == 3 && store.vote == 2 && store.last == 3);
        coord_store_close(&store);
        sim_disk_flip(sim, COORD_STORE_STATE, (bit + COORD_STORE_SLOT * 8) % (2 * COORD_STORE_SLOT * 8));
        cr_assert_eq(open_store(&store, sim, &(struct complaint){""}), STATUS_OK, "it was mended");
        coord_store_close(&store);
        sim_disk_destroy(sim);
    }
    struct sim_disk *sim = with_entries();
    struct coord_store store;
    struct complaint complaint = {""};
    sim_disk_flip(sim, COORD_STORE_STATE, 100);
    sim_disk_flip(sim, COORD_STORE_STATE, 100 + COORD_STORE_SLOT * 8);
    cr_expect_eq(open_store(&store, sim, &complaint), STATUS_CORRUPT);
    cr_expect(strstr(complaint.text, "no whole slot") != NULL, "%s", complaint.text);
    sim_disk_delete(sim, COORD_STORE_STATE);
    cr_expect_eq(open_store(&store, sim, &complaint), STATUS_CORRUPT);
    cr_expect(strstr(complaint.text, "is missing") != NULL, "%s", complaint.text);
    sim_disk_destroy(sim);
}

Test(coord_store, its_bytes_are_as_released)
{
    struct sim_disk *sim = with_entries();
    struct gm_bytes state = sim_disk_contents(sim, COORD_STORE_STATE);
    cr_assert_eq(state.size, 2 * COORD_STORE_SLOT);
    char text[256] = "";
    for (size_t i = 12; i < 72; i++) {
        (void)snprintf(text + 2 * (i - 12), 3, "%02x", state.data[i]);
    }
    cr_expect_str_eq(text, "01000000040000000000000007000000000000000300000000000000020000000000000003000000"
                           "0000000078020000000000000000000000000000");
    struct gm_bytes log = sim_disk_contents(sim, COORD_STORE_LOG);
    for (size_t i = 0; i < 110; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", log.data[COORD_STORE_HEADER + i]);
    }
    cr_expect_str_eq(text, "05aee6de030000000100000000000000010000000000000001000000000000006f6e650000000000"
                           "39ae3a07000000000200000000000000030000000000000002000000000000003012bb6809000000"
                           "030000000000000003000000000000000100000000000000746865207468");
    sim_disk_destroy(sim);
}

Test(coord_store, a_log_that_is_full_takes_nothing)
{
    struct sim_disk *sim = with_entries();
    struct coord_store store;
    uint8_t data[4000] = {0};
    cr_assert_eq(open_store(&store, sim, &(struct complaint){""}), STATUS_OK);
    struct coord_store_entry entry = {.term = 3, .type = COORD_STORE_COMMAND, .data = gm_bytes_at(data, sizeof data)};
    enum status status = STATUS_OK;
    for (int i = 0; i < 100 && status == STATUS_OK; i++) {
        status = coord_store_append(&store, &entry, 1);
    }
    cr_expect_eq(status, STATUS_NO_SPACE);
    cr_expect_lt(coord_store_room(&store), 4032);
    uint64_t last = store.last;
    drain(sim);
    coord_store_close(&store);
    cr_assert_eq(open_store(&store, sim, &(struct complaint){""}), STATUS_OK);
    cr_expect_eq(store.last, last);
    coord_store_close(&store);
    sim_disk_destroy(sim);
}

/* ---- patches ---- */

Test(coord_patch, what_is_patched_is_the_new_document)
{
    static const char *const texts[] = {"", "a", "ab", "abab", "ababab", "xaby", "the quick brown fox", "the slow fox",
                                        "x"};
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (size_t j = 0; j < sizeof texts / sizeof texts[0]; j++) {
            struct buf patch, out;
            uint64_t version = 0;
            buf_init(&patch, 1000);
            buf_init(&out, 1000);
            coord_patch_make(gm_bytes_of(texts[i]), 77, gm_bytes_of(texts[j]), &patch);
            cr_assert_eq(coord_patch_version(buf_bytes(&patch), &version), STATUS_OK);
            cr_expect_eq(version, 77);
            cr_assert_eq(coord_patch_apply(gm_bytes_of(texts[i]), buf_bytes(&patch), &out), STATUS_OK);
            cr_expect(gm_bytes_equal(buf_bytes(&out), gm_bytes_of(texts[j])));
            for (int n = 0; n < 50; n++) { /* bytes of anybody */
                patch.data[prng_below(&prng, patch.size)] = (uint8_t)prng_next(&prng);
                enum status status = coord_patch_apply(gm_bytes_of(texts[i]), buf_bytes(&patch), &out);
                cr_expect(status == STATUS_CORRUPT || status == STATUS_OK);
            }
            buf_finish(&patch);
            buf_finish(&out);
        }
    }
}

/* ---- messages ---- */

static void encode_all(struct buf *out, uint64_t which)
{
    struct coord_message message = {.kind = (enum coord_message_kind)which, .from = 5, .to = 6, .term = 7, .stamp = 8};
    switch (message.kind) {
    case COORD_MESSAGE_APPEND:
        message.append.prev_index = 9;
        message.append.prev_term = 7;
        message.append.commit = 3;
        message.append.count = 2;
        break;
    case COORD_MESSAGE_APPENDED:
        message.appended.last = 12;
        break;
    case COORD_MESSAGE_VOTE:
        message.vote.last_index = 13;
        message.vote.last_term = 6;
        message.vote.pre_vote = true;
        break;
    case COORD_MESSAGE_VOTED:
        message.voted.granted = true;
        message.voted.pre_vote = 2;
        break;
    case COORD_MESSAGE_SWAP:
        message.ask.expected = 14;
        message.ask.document = BYTES("document");
        break;
    case COORD_MESSAGE_READ:
        break;
    case COORD_MESSAGE_ANSWER:
        message.ask.outcome = COORD_MESSAGE_EXISTS;
        message.ask.document = BYTES("why");
        break;
    }
    coord_message_encode(&message, out);
    if (message.kind == COORD_MESSAGE_APPEND) {
        struct coord_store_entry entry = {.term = 7, .type = COORD_STORE_COMMAND, .data = BYTES("entry")};
        coord_message_add(out, &entry);
        /* {2 as "2", a voter}, as the library writes it */
        static const uint8_t servers[24] = {1, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, '2', 0, 1};
        entry.type = COORD_STORE_CHANGE;
        entry.data = gm_bytes_at(servers, sizeof servers);
        coord_message_add(out, &entry);
    }
}

Test(coord_message, each_kind_comes_back_as_it_was_and_damaged_ones_stay_within_their_bytes) /* coord_message P1 */
{
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    for (uint64_t kind = COORD_MESSAGE_APPEND; kind <= COORD_MESSAGE_ANSWER; kind++) {
        struct buf bytes;
        struct coord_message message;
        buf_init(&bytes, COORD_MESSAGE_MAX);
        encode_all(&bytes, kind);
        cr_assert_eq(coord_message_decode(buf_bytes(&bytes), &message), STATUS_OK, "kind %llu",
                     (unsigned long long)kind);
        cr_expect(message.kind == kind && message.from == 5 && message.to == 6 && message.term == 7 &&
                  message.stamp == 8);
        for (int i = 0; i < 20000; i++) {
            size_t size = prng_below(&prng, 4) == 0 ? (size_t)prng_below(&prng, bytes.size) : bytes.size;
            uint8_t *copy = memory_alloc(size + 1); /* of this size: a step beyond is seen */
            memcpy(copy, bytes.data, size);
            for (uint64_t n = prng_below(&prng, 4); n > 0 && size > 0; n--) {
                copy[prng_below(&prng, size)] = (uint8_t)prng_next(&prng);
            }
            if (coord_message_decode(gm_bytes_at(copy, size), &message) == STATUS_OK &&
                message.kind == COORD_MESSAGE_APPEND) {
                for (uint32_t e = 0; e < message.append.count; e++) {
                    struct coord_store_entry entry = coord_message_entry(&message.append.entries);
                    cr_assert_leq(entry.data.size, size);
                }
            }
            memory_free(copy);
        }
        buf_finish(&bytes);
    }
}

Test(coord_message, a_change_of_servers_that_the_library_cannot_read_is_none) /* coord_message P2 */
{
    uint8_t servers[24] = {1, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, '2', 0, 1};
#define WITH(at, value, expected)                                                                                      \
    do {                                                                                                               \
        uint8_t was = servers[at];                                                                                     \
        servers[at] = (value);                                                                                         \
        cr_expect_eq(coord_message_is_change(gm_bytes_at(servers, sizeof servers)), expected, "byte %d", at);          \
        servers[at] = was;                                                                                             \
    } while (0)
    WITH(0, 1, true);
    WITH(0, 2, false);
    WITH(1, 2, false);
    WITH(8, 0xff, false);
    WITH(9, 0, false);
    WITH(17, 'x', false);
    WITH(17, 0, false);
    WITH(18, '1', false);
    WITH(19, 3, false);
#undef WITH
    for (size_t size = 0; size < sizeof servers; size++) {
        cr_expect_not(coord_message_is_change(gm_bytes_at(servers, size)), "%zu bytes", size);
    }
}
