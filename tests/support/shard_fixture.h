/* SPDX-License-Identifier: MIT */

/* shard_fixture.h - a shard and its worker without a node: modules, a few clients, a virtual clock, and a log on a
 * simulated disk if wanted.
 *
 *     struct shard_fixture at;
 *     shard_fixture_open(&at, &(struct shard_fixture_options){.default_expiry_ms = 100});
 *     cr_expect_str_eq(shard_fixture_say(&at, 0, "SET a %d", 1), "OK");
 *     shard_fixture_pass(&at, 100);
 *     cr_expect_str_eq(shard_fixture_say(&at, 0, "GET a"), "nil");
 *     shard_fixture_close(&at);
 *
 * Each `say` is a turn of its own, as a node would take it. What a client hears is what the gate has let go, as the
 * text of resp_text.h; several replies have " | " between them. Whatever a test cannot go on with fails a check.
 */
#ifndef GEOMYS_TESTS_SUPPORT_SHARD_FIXTURE_H
#define GEOMYS_TESTS_SUPPORT_SHARD_FIXTURE_H

#include "serve/pipeline.h"
#include "serve/sessions.h"
#include "serve/turn.h"
#include "serve/worker.h"
#include "shard/shard.h"
#include "shard/source.h"
#include "support/sim_disk.h"

#define SHARD_FIXTURE_CLIENTS  4
#define SHARD_FIXTURE_START_MS 1000000 /* of the wall clock; the monotonic one begins at 1000 */

enum shard_fixture_module {
    SHARD_FIXTURE_KV = 1,
    SHARD_FIXTURE_COUNTER = 2,
    SHARD_FIXTURE_DEQUE = 4,
    SHARD_FIXTURE_ALL = 7,
};

struct shard_fixture_options {
    const struct registry
        *registry;    /* borrowed: used instead of one of its own, the next two have no say then; or NULL */
    unsigned without; /* enum shard_fixture_module, or-ed: not loaded */
    const struct gm_module *module; /* one more, or NULL */
    int64_t default_expiry_ms;
    const char *password;
    struct evict_options memory;
    size_t output_max; /* 0: 64 MiB */
    size_t queue_max;  /* 0: 1 MiB */
    uint32_t args_max; /* 0: 1 Mi */
    bool log;          /* on a simulated disk, write-through; else nothing is waited for */
    bool held; /* what is written is not released before shard_fixture_release, or shard_fixture_sync with a log */
    bool begins_epoch; /* the first write does, with its record; else one goes on, so that sequences count changes */
    uint64_t seed;
};

struct shard_fixture {
    const struct registry *registry; /* owned, or NULL */
    struct shard shard;
    struct worker worker;
    struct worker_options options; /* what shard_fixture_configure publishes */
    struct source source;          /* of records from elsewhere */
    struct sim_disk *sim;          /* NULL: no log */
    struct wal *wal;
    bool held;
    bool one_turn; /* the test's to set: one turn at a time, rather than until nothing is left to do */
    struct session *clients[SHARD_FIXTURE_CLIENTS];
    int64_t now_ms, monotonic_ms;
    struct tail_cursor cursor; /* what of the tail is in `history` */
    struct buf history;        /* all records so far, encoded */
    size_t told;               /* of `history`: by shard_fixture_records */
    struct buf text;           /* what the last function returned */
    unsigned damages;          /* calls of on_damage */
    unsigned mended;           /* calls of on_mended */
    unsigned faults;           /* calls of on_fault */
    struct complaint damage;   /* the last */
};

void shard_fixture_close(struct shard_fixture *fixture); /* also checks that nothing is left in the types' accounts */

/* The modules are named here and not in the library, which is linked behind them: only programs that open a fixture
 * need them. */
const struct gm_module *geomys_module_kv(void);
const struct gm_module *geomys_module_counter(void);
const struct gm_module *geomys_module_deque(void);

#define SHARD_FIXTURE_MODULES 3

const struct registry *shard_fixture_registry_of(const struct shard_fixture_options *options,
                                                 const struct gm_module *const modules[SHARD_FIXTURE_MODULES]);
void shard_fixture_begin(struct shard_fixture *fixture, const struct shard_fixture_options *options,
                         const struct registry *registry, bool owned);

/* The modules that the options leave, and the host's commands. */
static inline const struct registry *shard_fixture_registry(const struct shard_fixture_options *options)
{
    const struct gm_module *modules[] = {geomys_module_kv(), geomys_module_counter(), geomys_module_deque()};
    return shard_fixture_registry_of(options, modules);
}

static inline void shard_fixture_open(struct shard_fixture *fixture, const struct shard_fixture_options *options)
{
    bool owned = options->registry == NULL;
    shard_fixture_begin(fixture, options, owned ? shard_fixture_registry(options) : options->registry, owned);
}

/* Publishes fixture->options, which the test has changed, as CONFIG SET does. */
void shard_fixture_configure(struct shard_fixture *fixture);

/* The shard and its sessions go over to a newer registry; the caller keeps its own reference. Takes no turn. */
void shard_fixture_adopt(struct shard_fixture *fixture, const struct registry *newer);

/* Sends one inline command and takes one turn. What the client hears in it; until the next call of any function. */
__attribute__((format(printf, 3, 4))) const char *shard_fixture_say(struct shard_fixture *fixture, unsigned client,
                                                                    const char *format, ...);

/* Sends bytes as they are. Returns how many were consumed. */
size_t shard_fixture_send(struct shard_fixture *fixture, unsigned client, struct gm_bytes bytes);

/* What else has been let go for the client. */
const char *shard_fixture_hear(struct shard_fixture *fixture, unsigned client);

/* The client goes, and another comes in its place. */
void shard_fixture_hang_up(struct shard_fixture *fixture, unsigned client);

/* Time passes, then there is a turn in which nobody says anything. */
void shard_fixture_pass(struct shard_fixture *fixture, int64_t ms);

/* The wall clock alone jumps; takes no turn. */
void shard_fixture_jump(struct shard_fixture *fixture, int64_t now_ms);

/* With `held`, without a log: everything up to this sequence is released, as from the next turn, which is taken. */
void shard_fixture_release(struct shard_fixture *fixture, uint64_t sequence);

/* The disk carries out all that was submitted, and the log goes on, until it is idle. */
void shard_fixture_sync(struct shard_fixture *fixture);

/* The records written since the last call, in words: "string a fresh expire@1000100 more; expired b removes". A type is
 * called what stands between "geomys." and the slash. */
const char *shard_fixture_records(struct shard_fixture *fixture);

/* Gives all records that `from` has written to another shard, as recovery does. */
void shard_fixture_replay(struct shard_fixture *from, struct shard_fixture *into);

/* Gives one record to the shard's sink. `type` is a name such as "geomys.deque/1", NULL: the host. The key is taken
 * from `record`, the sequence is the next one. */
must_use enum status shard_fixture_accept(struct shard_fixture *fixture, const char *type, struct record record);

/* The entry of a key, NULL if there is none. */
const struct entry *shard_fixture_entry(struct shard_fixture *fixture, const char *key);

/* Every value that is alive or frozen dumped and applied to an empty shard with the same modules: that shard's
 * digest. */
uint64_t shard_fixture_rebuilt_digest(struct shard *shard);

/* For Criterion tests: what a client hears when it says the line; that it hears something with this beginning. */
#define expect_said(fixture, client, heard, ...)                                                                       \
    do {                                                                                                               \
        const char *said_ = shard_fixture_say((fixture), (client), __VA_ARGS__);                                       \
        cr_expect(strcmp(said_, heard) == 0, "%s: heard '%s' instead of '%s'", #__VA_ARGS__, said_, heard);            \
    } while (0)
#define expect_begins(fixture, client, heard, ...)                                                                     \
    do {                                                                                                               \
        const char *said_ = shard_fixture_say((fixture), (client), __VA_ARGS__);                                       \
        cr_expect(strncmp(said_, heard, strlen(heard)) == 0, "%s: heard '%s', not '%s...'", #__VA_ARGS__, said_,       \
                  heard);                                                                                              \
    } while (0)
#define expect_heard(fixture, client, heard)                                                                           \
    do {                                                                                                               \
        const char *said_ = shard_fixture_hear((fixture), (client));                                                   \
        cr_expect(strcmp(said_, heard) == 0, "heard '%s' instead of '%s'", said_, heard);                              \
    } while (0)
#define expect_records(fixture, records)                                                                               \
    do {                                                                                                               \
        const char *said_ = shard_fixture_records(fixture);                                                            \
        cr_expect(strcmp(said_, records) == 0, "recorded '%s' instead of '%s'", said_, records);                       \
    } while (0)

/* Removes everything, and checks that nothing stays charged to a type. */
void shard_fixture_check_empty(struct shard *shard);

#endif
