/* SPDX-License-Identifier: MIT */

/* config_keys.h - the table of settings, shared by the files that fill a config. */
#ifndef GEOMYS_CONFIG_CONFIG_KEYS_H
#define GEOMYS_CONFIG_CONFIG_KEYS_H

#include "config/config.h"
#include "geomys/number.h"

enum config_type {
    CONFIG_BOOL,   /* bool                                           */
    CONFIG_INT,    /* int64_t                                        */
    CONFIG_SIZE,   /* int64_t, bytes: a number or "64mb"             */
    CONFIG_OCTAL,  /* int64_t, permission bits: "700"                */
    CONFIG_CHOICE, /* int64_t, an index into `choices`               */
    CONFIG_TEXT,   /* char *                                         */
    CONFIG_PATH,   /* char *, "~/" is the person's folder            */
    CONFIG_LIST,   /* struct config_list                             */
    CONFIG_PATHS,  /* struct config_list, "~/" is the person's folder */
    CONFIG_DOUBLE, /* double; of modules alone                       */
};

enum config_key_flag {
    CONFIG_SECRET = 1, /* never shown                                 */
    CONFIG_LATER = 2,  /* a bool that may not be true in this version */
    CONFIG_EXTRA = 8,  /* of a module: the value is in config.extras, `offset` is the row there */
    CONFIG_SHARE = 4,  /* a SIZE that may be a part of another one: "25%" is -25 */
};

struct config_key {
    const char *name;
    enum config_type type;
    unsigned touches; /* enum config_touches, or-ed; 0: read at the start alone, CONFIG SET refuses */
    unsigned flags;   /* enum config_key_flag, or-ed */
    size_t offset;    /* into struct config */
    int64_t minimum;
    int64_t maximum;      /* of numbers; of a text: its size in bytes */
    const char *fallback; /* the default, as text                     */
    const char
        *choices; /* of a CHOICE: words with a blank between; of a TEXT: the letters that it may hold, NULL: any */
    const char *sentence; /* for people                               */
    double least, most;   /* of a DOUBLE */
};

/* The setting, or NULL. With `alike`, dashes count as underscores, and "port" is external_port. */
const struct config_key *config_key_find(struct gm_bytes name, bool alike);

const struct config_key *config_key_at(size_t index);

/* The same with the settings of modules, which a config has by itself: by name, by number, and the number of one. */
const struct config_key *config_find(const struct config *config, struct gm_bytes name, bool alike);
const struct config_key *config_row(const struct config *config, size_t row);
size_t config_row_of(const struct config_key *key);

/* Exactly four decimal octets, the first of them 127; "::1"; "localhost". Anything else may be reachable from
 * elsewhere. */
bool config_is_loopback(const char *address);

/* Whether other machines may reach the port for clients without a password, unless that is meant. REFUSED with a
 * complaint. */
must_use enum status config_check_open(const struct config *config, struct complaint *complaint);

/* What belongs together among the settings of a cluster, and what they say of others; config_cluster.c. */
must_use enum status config_cluster_complete(struct config *config, struct complaint *complaint);

/* Where the value is. */
void *config_field(const struct config *config, const struct config_key *key);

/* Appends the value of a changeable setting as config_put_any takes it, secrets included. */
void config_raw(const struct config *config, const struct config_key *key, struct buf *value);

/* The setting whose name is nearest, or NULL if none is near. */
const struct config_key *config_key_near(struct gm_bytes name);

/* Complains that there is no such setting, and names the nearest one. `name` may be any bytes. */
void config_key_unknown(struct gm_bytes name, struct complaint *complaint);

/* ---- settings of modules, config_extra.c ---- */

/* Whether a name can only be that of a setting of a module, or of a module. */
bool config_extra_is(struct gm_bytes name);

/* Appends what is said of a setting that no module has: which there are. */
void config_extra_unknown(const struct config *config, struct gm_bytes name, struct complaint *complaint);

#define CONFIG_NAME_MAX  63   /* bytes of a module's name, and of a setting's */
#define CONFIG_PLACE_MAX 4200 /* of where something stands: a path, line and column */

/* How a value stood there. */
enum config_shape {
    CONFIG_SHAPE_ANY, /* as a text for any kind: a flag */
    CONFIG_SHAPE_TEXT,
    CONFIG_SHAPE_NUMBER,
    CONFIG_SHAPE_BOOL,
};

/* Notes what was written, until the modules are known (config_extra_settle). What a flag has said before of the same
 * goes. EXISTS: a file has said it twice. TOO_BIG with a complaint: of too many, or too much. */
must_use enum status config_extra_write(struct config *config, struct gm_bytes name, struct gm_bytes text,
                                        enum config_shape shape, const char *place, struct complaint *complaint);

/* The row with that number among those of modules; and who has set it. */
const struct config_key *config_extra_key(const struct config *config, size_t row);
const struct config_key *config_extra_find(const struct config *config, struct gm_bytes name, bool alike);
void *config_extra_field(const struct config *config, size_t row);
uint8_t *config_extra_origin(const struct config *config, size_t row);
void config_extra_finish(struct config *config);

/* Bytes of the module's name, with which the name of its setting begins, before a dot. */
size_t config_extra_module_size(const struct config_key *key);

/* The shortest text that is read back as the number. Returns its bytes. */
size_t config_double_text(char out[static GM_DOUBLE_TEXT], double number);

/* What a value of this setting is: "a whole number". */
const char *config_key_kind(const struct config_key *key);

/* Takes a number for INT, SIZE, OCTAL and CHOICE, within its range; `shown` is how it was written. */
must_use enum status config_put_number(struct config *config, const struct config_key *key, int64_t number,
                                       struct gm_bytes shown, struct complaint *complaint);
must_use enum status config_put_bool(struct config *config, const struct config_key *key, bool truth,
                                     struct complaint *complaint);
/* Takes text for TEXT, PATH, CHOICE, OCTAL, SIZE, and one more element of a LIST or PATHS. */
must_use enum status config_put_text(struct config *config, const struct config_key *key, struct gm_bytes text,
                                     struct complaint *complaint);
/* Takes text for any type, as from a flag. Lists are split at commas and appended; a list of paths that is the empty
 * text is none, whatever was there. */
must_use enum status config_put_any(struct config *config, const struct config_key *key, struct gm_bytes text,
                                    struct complaint *complaint);
void config_list_clear(struct config_list *list);

/* What was set before by `origin` or by something stronger stays: false. Otherwise true, and it is noted. */
bool config_claim(struct config *config, const struct config_key *key, enum config_origin origin);

/* Who has set it. */
enum config_origin config_origin(const struct config *config, const struct config_key *key);
void config_set_origin(struct config *config, const struct config_key *key, enum config_origin origin);

/* ---- changes ---- */

/* What clients of Redis match. */
#define CONFIG_TWICE "duplicate parameter"
#define CONFIG_FIXED "can't set immutable config"

/* Notes that a setting is changed: `key`, or if that is NULL a row of Redis. NULL: it was changed before. */
struct config_changed *config_change_note(struct config_change *change, const struct config_key *key, size_t row);

/* Changes one of ours, and keeps what it was. */
must_use enum status config_change_own(struct config_change *change, const struct config_key *key, struct gm_bytes text,
                                       struct complaint *complaint);

/* The row of that name of Redis, in any case; config_redis_count(): there is none. */
size_t config_redis_find(struct gm_bytes name);

/* The setting of ours that means the same as the row; NULL: none does. */
const struct config_key *config_redis_own(size_t row);

/* Changes what the row means, where that is none of ours. */
must_use enum status config_redis_change(struct config_change *change, size_t row, struct gm_bytes text,
                                         struct complaint *complaint);
void config_redis_undo(struct config *config, const struct config_changed *setting);
void config_redis_finish(struct config *config);

/* A number of bytes as Redis reads it: "1mb" is 1048576, "1m" 1000000. False: it is none, or too large. */
must_use bool config_redis_bytes(struct gm_bytes text, int64_t *out);

/* A copy of `bytes` for a sentence: printable, and cut with dots. */
struct config_shown {
    char text[64];
};
struct config_shown config_show(struct gm_bytes bytes);

#endif
