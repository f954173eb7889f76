/* SPDX-License-Identifier: MIT */

/* line.c - records as text. */
#include "geomys_log/line.h"
#include "geomys_log/say.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "log/epochs.h"

#define NAME_QUOTED_MAX 64 /* bytes of a key that are shown */
#define HEX_MAX         24 /* bytes of a body that nobody describes */
#define LINE_MAX_SIZE   4096

/* ---- modules ---- */

static void module_open(struct types *types, const char *path)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    gm_entry_function *entry = NULL;
    if (handle != NULL) {
        void *symbol = dlsym(handle, GM_ENTRY_SYMBOL);
        memcpy(&entry, &symbol, sizeof entry);
    }
    const struct gm_module *module = entry != NULL ? entry() : NULL;
    if (module == NULL || module->abi_major != GM_ABI_MAJOR) {
        say(stderr, "geomys-log: %s is left out: %s\n", path,
            handle == NULL   ? dlerror()
            : module == NULL ? "it is not a module"
                             : "it was built for another version of the module ABI");
        return;
    }
    for (uint32_t i = 0; i < module->type_count; i++) {
        types->list = memory_realloc(types->list, (types->count + 1) * sizeof(const struct gm_type *));
        types->list[types->count++] = module->types[i];
    }
}

bool line_modules(struct types *types, const char *folder_path)
{
    DIR *folder = opendir(folder_path);
    if (folder == NULL) {
        say(stderr, "geomys-log: %s cannot be opened: %s\n", folder_path, strerror(errno));
        return false;
    }
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        size_t size = strlen(entry->d_name);
        char path[4096];
        if (size > 3 && strcmp(entry->d_name + size - 3, ".so") == 0 &&
            (size_t)snprintf(path, sizeof path, "%s/%s", folder_path, entry->d_name) < sizeof path) {
            module_open(types, path);
        }
    }
    (void)closedir(folder);
    return true;
}

static const struct gm_type *type_named(const struct types *types, struct gm_bytes name)
{
    for (size_t i = 0; i < types->count; i++) {
        if (gm_bytes_equal(gm_bytes_of(types->list[i]->id), name)) {
            return types->list[i];
        }
    }
    return NULL;
}

/* ---- text ---- */

static void text_hex(struct gm_text *text, struct gm_bytes bytes)
{
    size_t shown = bytes.size < HEX_MAX ? bytes.size : HEX_MAX;
    gm_text_format(text, "%zu bytes%s", bytes.size, shown > 0 ? ": " : "");
    for (size_t i = 0; i < shown; i++) {
        gm_text_format(text, "%02x", bytes.data[i]);
    }
    gm_text_format(text, "%s", shown < bytes.size ? "..." : "");
}

static void text_time(struct gm_text *text, int64_t time_ms)
{
    struct tm parts;
    char day[40];
    time_t seconds = (time_t)(time_ms / 1000);
    if (time_ms > 0 && gmtime_r(&seconds, &parts) != NULL &&
        strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &parts) > 0) {
        gm_text_format(text, "%s.%03dZ", day, (int)(time_ms % 1000));
    } else {
        gm_text_format(text, "%" PRId64 "ms", time_ms);
    }
}

static const char *host_op(uint16_t op)
{
    switch (op) {
    case RECORD_OP_DELETE:
        return "delete";
    case RECORD_OP_EXPIRED:
        return "expired";
    case RECORD_OP_EXPIRE:
        return "expire";
    case RECORD_OP_PERSIST:
        return "persist";
    case RECORD_OP_EVICTED:
        return "evicted";
    case RECORD_OP_RENAME:
        return "rename";
    case RECORD_OP_SWAP:
        return "swap";
    case RECORD_OP_COPY:
        return "copy";
    default:
        return "unknown";
    }
}

static void text_secret(struct gm_text *text, const struct types *types, const uint8_t secret[static GM_SECRET_SIZE])
{
    gm_text_format(text, "; secret: ");
    if (!types->tells_secrets) {
        gm_text_format(text, "(%d bytes)", GM_SECRET_SIZE);
        return;
    }
    for (size_t i = 0; i < GM_SECRET_SIZE; i++) {
        gm_text_format(text, "%02x", secret[i]);
    }
}

/* The table at the head of a file, as far as it makes sense. */
static void text_epochs(struct gm_text *text, const struct types *types, const struct record *record)
{
    struct epochs epochs = {0};
    struct complaint why;
    gm_text_format(text, "file: epochs");
    if (epochs_decode(&epochs, record, &why) != STATUS_OK) {
        gm_text_format(text, ", but %s", why.text);
    } else if (epochs.count == 0) {
        gm_text_format(text, " none");
    }
    for (uint32_t i = 0; i < epochs.count; i++) {
        const struct epochs_entry *entry = &epochs.list[i];
        gm_text_format(text, "%s %" PRIu64 " of node %" PRIu64 " from %" PRIu64 " on", i > 0 ? "," : "", entry->epoch,
                       entry->leader, entry->first);
    }
    if (record->body.size >= GM_SECRET_SIZE) {
        text_secret(text, types, record->body.data);
    }
    epochs_finish(&epochs);
}

static void text_epoch(struct gm_text *text, const struct record *record)
{
    struct record_epoch epoch;
    if (!record_read_epoch(record, &epoch)) {
        gm_text_format(text, " that makes no sense: ");
        text_hex(text, record->body);
        return;
    }
    gm_text_format(text, " %" PRIu64 " begins: node %" PRIu64 " leads, ", record->epoch, epoch.leader);
    gm_text_format(text, "%s", epoch.replica_count == 0 ? "alone" : "of nodes");
    for (uint32_t i = 0; i < epoch.replica_count; i++) {
        gm_text_format(text, " %" PRIu64, epoch.replicas[i]);
    }
}

static void text_local(struct gm_text *text, struct types *types, const struct record *record)
{
    uint16_t type;
    uint64_t durable;
    uint64_t salt;
    struct gm_bytes name;
    struct record_revision revision;
    if (record_read_type(record, &type, &name)) {
        types->declared[type].size = (uint8_t)name.size;
        memcpy(types->declared[type].name, name.data, name.size);
        gm_text_format(text, "file: type %u is ", type);
        gm_text_quote(text, name, NAME_QUOTED_MAX);
    } else if (record_read_revision(record, &revision)) {
        gm_text_format(text, "file: type %u has revision %u, of %.*s", revision.type, revision.revision,
                       (int)revision.writer.size, (const char *)revision.writer.data);
    } else if (record->op == RECORD_OP_EPOCHS) {
        text_epochs(text, types, record);
    } else if (record_read_durable(record, &durable, &salt)) {
        gm_text_format(text, "file: all up to %" PRIu64 " was on stable storage", durable);
    } else {
        gm_text_format(text, "file: operation %u, ", record->op);
        text_hex(text, record->body);
    }
}

static void text_flags(struct gm_text *text, const struct record *record)
{
    static const struct {
        uint16_t flag;
        const char *word;
    } words[] = {{RECORD_DUMP, " dump"},       {RECORD_FRESH, " fresh"},     {RECORD_KEEP_EXPIRY, " keep-expiry"},
                 {RECORD_REMOVES, " removes"}, {RECORD_DAMAGED, " damaged"}, {RECORD_MISFIT, " misfit"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if ((record->flags & words[i].flag) != 0) {
            gm_text_format(text, "%s", words[i].word);
        }
    }
    if ((record->flags & RECORD_EXPIRE) != 0) {
        gm_text_format(text, " expires ");
        text_time(text, record->expire_at_ms);
    }
}

/* Which database it is, unless it is the one that most have alone. */
static void text_database(struct gm_text *text, uint16_t database)
{
    if (database != 0) {
        gm_text_format(text, "db %u ", database);
    }
}

/* Records of whole databases, which have no key. False: it is none. */
static bool text_whole(struct gm_text *text, const struct record *record)
{
    uint16_t other;
    if (record->type != 0) {
        return false;
    }
    if (record_read_swap(record, &other)) {
        gm_text_format(text, "host swap db %u with db %u", record->database, other);
    } else if (record->op == RECORD_OP_FLUSH_DATABASE) {
        gm_text_format(text, "host flush db %u", record->database);
    } else if (record->op == RECORD_OP_FLUSH) {
        gm_text_format(text, "host flush");
    } else {
        return false;
    }
    return true;
}

static void text_change(struct gm_text *text, const struct types *types, const struct record *record)
{
    if (text_whole(text, record)) {
        return;
    }
    text_database(text, record->database);
    struct gm_bytes name = {types->declared[record->type].name, types->declared[record->type].size};
    if (record->type == 0 && record->op == RECORD_OP_EPOCH) {
        gm_text_format(text, "host epoch");
        text_epoch(text, record);
        return;
    }
    const struct gm_type *type = type_named(types, name);
    if (record->type == 0) {
        gm_text_format(text, "host %s ", host_op(record->op));
    } else if (name.size == 0) {
        gm_text_format(text, "type-%u op-%u ", record->type, record->op);
    } else {
        gm_text_format(text, "%.*s op-%u ", (int)name.size, (const char *)name.data, record->op);
    }
    gm_text_quote(text, record->key, NAME_QUOTED_MAX);
    text_flags(text, record);
    struct record_target other;
    bool moves = record_read_rename(record, &other);
    if (moves || record_read_copy(record, &other)) {
        gm_text_format(text, moves ? " to " : " from ");
        text_database(text, other.database);
        gm_text_quote(text, other.key, NAME_QUOTED_MAX);
    } else if (type != NULL && type->size > offsetof(struct gm_type, describe) && type->describe != NULL) {
        struct gm_record change = {
            .op = record->op, .time_ms = record->time_ms, .key = record->key, .body = record->body};
        gm_text_format(text, " ");
        type->describe(&change, text);
    } else if (record->body.size > 0) {
        gm_text_format(text, " ");
        text_hex(text, record->body);
    }
}

void line_print(struct types *types, const struct record *record, bool *open)
{
    char line[LINE_MAX_SIZE];
    struct gm_text text = {.data = line, .capacity = sizeof line};
    bool more = (record->flags & RECORD_MORE) != 0;
    const char *place = *open ? (more ? "|" : ")") : (more ? "(" : "-");
    gm_text_format(&text, "%" PRIu64 " ", record->sequence);
    text_time(&text, record->time_ms);
    if ((record->flags & RECORD_LOCAL) != 0) {
        gm_text_format(&text, " . ");
        text_local(&text, types, record);
    } else {
        *open = more;
        gm_text_format(&text, " %s ", place);
        text_change(&text, types, record);
    }
    say(stdout, "%.*s%s\n", (int)text.size, line, text.cut ? "..." : "");
}
