/* SPDX-License-Identifier: MIT */

/* config.h - what the operator wants: one struct, filled from defaults, flags and a JSON file, and checked as a whole.
 *
 * Use      config_init(&config, home);
 *          config_from_flags(&config, argc, argv, ...);      may name the file: config.file
 *          config_from_json(&config, name, bytes, ...);      the caller has read it; left out if there is none
 *          config_complete(&config, ...);                    what no single value can say, and derived values
 *          config_take_password(&config, bytes, ...);        the caller has read config.password_file, if there is one
 *          config_finish(&config);
 *
 *          While the server runs nobody but its node looks in here: each part has options of its own, which the node
 *          fills by value and publishes, at the start and after each change (node/options.h). A setting's row says what
 *          a change of it touches.
 *
 * Promises
 *   P1  A flag wins over the file, whichever is parsed first; the file wins over the defaults.
 *   P2  Nothing is taken half: after a refusal the config may hold some of the values and is only good for
 *       config_finish. config_set and config_change alone change all or nothing.
 *   P3  Every refusal is one sentence that names the setting, what is wrong, and where: FILE:LINE:COLUMN or the flag.
 *   P4  No file is opened here, no environment is read, nothing is kept outside the struct.
 *
 * Every text is owned by the config and valid until it is changed or finished. A text is never NULL once config_init
 * ran.
 */
#ifndef GEOMYS_CONFIG_CONFIG_H
#define GEOMYS_CONFIG_CONFIG_H

#include "base/buf.h"
#include "base/bytes.h"
#include "base/status.h"

#define CONFIG_KEYS_MAX      96
#define CONFIG_EXTRAS_MAX    256 /* settings of modules; what files and flags say of them */
#define CONFIG_ROWS_MAX      (CONFIG_KEYS_MAX + CONFIG_EXTRAS_MAX)
#define CONFIG_REDIS_MAX     256               /* names of Redis                */
#define CONFIG_FILE_SIZE_MAX ((size_t)1 << 20) /* bytes of a configuration file */
#define CONFIG_TEXT_MAX      4096              /* bytes of one text             */
#define CONFIG_LIST_MAX      256               /* texts in one list             */
#define CONFIG_JOIN_MAX      16                /* places that "join" may name   */

enum config_log_level { CONFIG_LOG_DEBUG, CONFIG_LOG_INFO, CONFIG_LOG_WARNING, CONFIG_LOG_ERROR };

/* In the order of the setting's words; node/options.c holds such orders together with those of the parts. */
enum config_persistence { CONFIG_PERSISTENCE_NONE, CONFIG_PERSISTENCE_BUFFERED, CONFIG_PERSISTENCE_WRITE_THROUGH };

/* The letters that "notify_keyspace_events" may hold. */
#define CONFIG_NOTIFY_LETTERS "KEg$lshztdxeAnm"

#define CONFIG_PASSWORD_MAX 512 /* bytes */

/* What a change of a setting touches: whom the node publishes to. */
enum config_touches {
    CONFIG_TOUCHES_DATA = 1,      /* the shard: what values live, what memory they may take    */
    CONFIG_TOUCHES_SERVING = 2,   /* its sessions: password, limits, messages                  */
    CONFIG_TOUCHES_METERS = 4,    /* SLOWLOG and LATENCY                                       */
    CONFIG_TOUCHES_SAVER = 8,     /* snapshots                                                 */
    CONFIG_TOUCHES_CLIENTS = 16,  /* how many connections, and how long they may be silent     */
    CONFIG_TOUCHES_NETWORK = 32,  /* what the system does for each connection                  */
    CONFIG_TOUCHES_TRACE = 64,    /* the server's own log                                      */
    CONFIG_TOUCHES_MODULES = 128, /* what plans of modules read                               */
    CONFIG_TOUCHES_CLUSTER = 256, /* what a node of a cluster waits for, and keeps for others */
};

enum config_want {
    CONFIG_WANT_RUN,
    CONFIG_WANT_HELP,    /* --help: print config_help and stop */
    CONFIG_WANT_VERSION, /* --version: print it and stop       */
};

enum config_origin { CONFIG_ORIGIN_DEFAULT, CONFIG_ORIGIN_FILE, CONFIG_ORIGIN_FLAG };

struct config_key; /* a row of the table, see config_keys.h */

struct config_list {
    char **items;
    size_t count;
};

struct config_extra;   /* a row of a module, see config_extra.c */
struct config_written; /* what was said of such a row before it was known */

struct config_extras {
    struct config_extra **rows; /* owned, as all here */
    size_t count;
    struct config_written *written;
    size_t written_count;
};

/* Numbers are int64_t throughout, so that one table serves them all. */
struct config {
    int64_t node_id;
    int64_t external_port;    /* of clients; 0: none, the Unix socket alone           */
    int64_t internal_port;    /* of other nodes; after config_complete, 0: none fits  */
    struct config_list bind;  /* addresses                                            */
    char *unix_socket;        /* path, "": none                                       */
    int64_t unix_socket_mode; /* permission bits                                      */
    char *password;           /* "": none is needed                                   */
    char *password_file;      /* path, "": none; the caller reads it, config_take_password */
    bool allow_insecure;
    char *data_folder;          /* path                                                 */
    struct config_list modules; /* paths of shared objects                             */
    char *module_folder;        /* path, "": none; each *.so in it, in order of name    */
    int64_t persistence;        /* enum config_persistence                              */
    int64_t default_expiry_ms;  /* 0: none                                              */
    int64_t databases;          /* 1 to 65536                                           */
    int64_t log_level;          /* enum config_log_level                                */
    int64_t maxclients;
    int64_t timeout_s;           /* of idle clients, 0: never                            */
    int64_t auth_timeout_s;      /* until the password is shown, 0: for ever             */
    int64_t tcp_keepalive_s;     /* 0: off                                               */
    int64_t client_query_limit;  /* bytes */
    int64_t client_output_limit; /* bytes */
    int64_t client_push_limit;   /* bytes */
    int64_t client_stall_s;      /* 0: never                                            */
    int64_t maxmemory_clients;   /* bytes; below 0: percent of maxmemory; 0: no limit   */
    int64_t max_bulk;            /* bytes */
    int64_t wal_segment_size;    /* bytes */
    int64_t wal_sync_interval_ms;
    int64_t disk_reserve;         /* bytes, 0: none                                     */
    int64_t replication_window;   /* bytes */
    int64_t snapshot_log_size;    /* bytes of log, 0: never                             */
    int64_t snapshot_interval_s;  /* 0: never                                           */
    int64_t snapshot_memory;      /* bytes                                              */
    int64_t snapshot_compression; /* enum snapshot_codec                                */
    int64_t maxmemory;            /* bytes, 0: no limit                                 */
    int64_t maxmemory_policy;     /* enum evict_policy                                  */
    int64_t maxmemory_samples;
    int64_t lfu_log_factor;
    int64_t lfu_decay_time;            /* minutes                                            */
    int64_t slowlog_log_slower_than;   /* microseconds, -1: never                            */
    int64_t slowlog_max_len;           /* entries                                            */
    int64_t latency_monitor_threshold; /* ms, 0: off                                         */
    bool latency_tracking;
    int64_t tracking_table_max_keys;
    char *notify_keyspace_events; /* of CONFIG_NOTIFY_LETTERS, "": none                */
    int64_t write_acks;           /* enum gate_level                                           */
    int64_t forward_wait_ms;
    int64_t max_read_lag_ms;       /* 0: never                                           */
    int64_t replication_log_limit; /* bytes                                              */
    int64_t min_replicas_to_write;
    int64_t min_replicas_max_lag; /* seconds                                           */
    bool bootstrap;
    struct config_list join;      /* "host:port"                                        */
    struct config_list node_bind; /* addresses; after config_complete as bind, if there were none */
    char *advertise;              /* "": unknown                                        */
    int64_t replicas;
    int64_t beat_ms;
    int64_t lease_ms;
    int64_t stall_ms;
    bool forward;
    bool cluster_mode;        /* after config_complete: whether it is known to be in a cluster */
    bool replication_enabled; /* after that: whether there is to be more than one copy         */
    bool sharding_enabled;

    char *home; /* "": unknown */
    char *file; /* of the configuration, from --config; "": not given, so ~/.geomys/geomys.conf if it exists */
    enum config_want want;
    bool password_taken;             /* from password_file */
    uint8_t origin[CONFIG_KEYS_MAX]; /* enum config_origin, by key */
    struct config_extras extras;
    char *hints[CONFIG_REDIS_MAX]; /* what CONFIG SET has said of settings that only Redis has, by row; NULL: nothing */
};

/* All defaults. `home` is the person's folder, for paths that begin with "~/"; NULL if it is not known. */
void config_init(struct config *config, const char *home);

/* Releases the memory; zeroed memory is fine. */
void config_finish(struct config *config);

/* Takes the bytes of a JSON file. `file_name` is for the sentence. INVALID or TOO_BIG, with a complaint. O(size). */
must_use enum status config_from_json(struct config *config, const char *file_name, struct gm_bytes text,
                                      struct complaint *complaint);

/* Takes "--key=value", "--key value", "-key value", dashes and underscores alike; argv[0] is the program. Lists grow by
 * each flag; of other settings the last one counts. INVALID with a complaint. */
must_use enum status config_from_flags(struct config *config, int argc, const char *const *argv,
                                       struct complaint *complaint);

/* Checks what belongs together and fills in what depends on other settings. Once, after the flags and the file. INVALID
 * or REFUSED with a complaint. */
must_use enum status config_complete(struct config *config, struct complaint *complaint);

/* Takes the content of password_file: the password is its one line. After config_complete, which makes the path whole.
 * INVALID with a complaint. */
must_use enum status config_take_password(struct config *config, struct gm_bytes content, struct complaint *complaint);

/* It is found to be in a cluster, though no setting has said so: its data folder is a member's. After config_complete,
 * which does the same where one has. INVALID or REFUSED with a complaint. */
must_use enum status config_enter_cluster(struct config *config, struct complaint *complaint);

/* Whether a file or a flag says where to listen, rather than the default. */
bool config_bind_given(const struct config *config);

/* Whether a file or a flag says which folder the data are in. */
bool config_data_folder_given(const struct config *config);

/* Whether somebody has said which modules to load, be it none ("--modules="). */
bool config_modules_given(const struct config *config);

/* Takes `folder` as module_folder, where nobody has said any. Copied; a path of at most CONFIG_TEXT_MAX bytes. */
void config_take_module_folder(struct config *config, const char *folder);

/* Writes the path of the configuration file to read: --config, else ~/.geomys/geomys.conf; false if it is not known
 * where that would be. Only the former must exist. */
bool config_file_path(const struct config *config, struct buf *path);

/* ---- the running server ---- */

size_t config_key_count(void);

/* The name of setting `key` (below config_key_count()), a static text. */
const char *config_key_name(size_t key);

/* Appends its value as text, lists with a comma between; a secret that is set as "(hidden)". */
void config_describe(const struct config *config, size_t key, struct buf *value);

/* Changes a setting while the server runs, all or nothing. NOT_FOUND: no such setting. REFUSED: not at run time, or it
 * would leave the server open. INVALID: not such a value. Each with a complaint. */
must_use enum status config_set(struct config *config, struct gm_bytes name, struct gm_bytes text,
                                struct complaint *complaint);

/* All settings, those of modules too: to iterate, from 0 to the count. config_describe takes such a number. */
size_t config_row_count(const struct config *config);
const char *config_row_name(const struct config *config, size_t row);

/* Settings that have been changed, and may be changed back. */
struct config_change {
    unsigned touches; /* enum config_touches, or-ed: whom the new values concern */
    struct config *config;
    struct gm_bytes blamed; /* the name in which a refusal lies, borrowed from the pairs */
    size_t count;
    struct config_changed {
        const struct config_key *key; /* NULL: a row of Redis that is none of ours */
        size_t row;                   /* that one */
        bool taken;                   /* it has another value now */
        struct buf before;            /* its value as text, secrets too */
    } settings[CONFIG_ROWS_MAX + CONFIG_REDIS_MAX];
};

/* Changes `count` settings, or none of them if one is refused or given twice. One that cannot change is taken with the
 * value that it has. `pairs` are names and values in turn; a
 * name may be that of Redis. As config_set. After OK the caller looks whether what they touch can take the new values,
 * and then keeps the change or undoes it; after anything else there is nothing to do. */
must_use enum status config_change(struct config *config, const struct gm_bytes *pairs, size_t count,
                                   struct config_change *change, struct complaint *complaint);
void config_change_keep(struct config_change *change);
void config_change_undo(struct config_change *change);

/* The settings of Redis by their names there: what they are here, or would be. See config_redis.c. */
size_t config_redis_count(void);

/* The name of setting `row` (below config_redis_count()), a static text. */
const char *config_redis_name(size_t row);

/* Appends its value as text, as Redis shows it; a secret that is set as "(hidden)". */
void config_redis_describe(const struct config *config, size_t row, struct buf *value);

/* Appends to `out` the text of the configuration file as it should be for the settings that can be changed at run time
 * to be what they are now: `text` with other values for those that differ, and what is missing and not the default.
 * INVALID, TOO_BIG with a complaint, in which `file_name` is what the text comes from. O(size). */
must_use enum status config_rewrite(const struct config *config, const char *file_name, struct gm_bytes text,
                                    struct buf *out, struct complaint *complaint);

/* Appends the text of --help, with the settings of modules that the config knows. */
void config_help(const struct config *config, struct buf *text);

/* ---- settings of modules: "acme.bloom.error_rate" (config_extra.c) ---- */

enum config_extra_kind {
    CONFIG_EXTRA_INT,
    CONFIG_EXTRA_BYTES,
    CONFIG_EXTRA_BOOL,
    CONFIG_EXTRA_NUMBER,
    CONFIG_EXTRA_WORD,
};

/* All of it is copied. The values are within their range, and the words among each other different. */
struct config_extra_row {
    const char *module; /* "acme.bloom"         */
    const char *name;   /* "error_rate"         */
    enum config_extra_kind kind;
    int64_t minimum, maximum, fallback; /* of INT and BYTES; of a BOOL 0 or 1, of a WORD its number */
    double least, most, usual;          /* of a NUMBER */
    const char *words;                  /* of a WORD, with a blank between */
    const char *sentence;
};

union config_extra_value {
    int64_t integer; /* of a WORD its number */
    bool truth;
    double number;
};

/* A module has this setting. One that is there by that name keeps its value; if it is of another kind or range it is
 * REFUSED. That, and TOO_BIG, with a complaint. */
must_use enum status config_extra_declare(struct config *config, const struct config_extra_row *row,
                                          struct complaint *complaint);

/* All modules have been declared: what file and flags have said of their settings is taken. INVALID, with a complaint
 * that says where, for what is not such a value, or no such setting. */
must_use enum status config_extra_settle(struct config *config, struct complaint *complaint);

/* `to` gets the rows that `from` has, and settles. As above. */
must_use enum status config_extra_follow(struct config *to, const struct config *from, struct complaint *complaint);

/* The value of a setting; NULL: there is none of that name. Borrowed, until the config is changed. O(settings). */
const union config_extra_value *config_extra_value(const struct config *config, const char *module, const char *name);

#endif
