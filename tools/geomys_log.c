/* SPDX-License-Identifier: MIT */

/* geomys_log.c - looking at the files of a log, telling whether they are whole, and cutting a copy of them.
 *
 * Idea     A file is mapped and walked record by record; every record is checked as the server checks it. For a whole
 *          folder the server's own recovery is run without repair, so that the verdict is the server's.
 *
 * Promises
 *   P1  No file that exists is ever changed. What is written is new: COPY must not exist.
 *   P2  A folder may be looked at while a server runs in it; its last group may then seem torn.
 *
 * Limits   One map per file: files larger than the address space can not be looked at.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "geomys/module.h"
#include "log/mark.h"
#include "log/replay.h"
#include "log/segment.h"
#include "log/tear.h"
#include "os/os_disk.h"

enum outcome {
    WHOLE = 0,
    DAMAGED = 1,
    TROUBLE = 2, /* wrong usage, or a file that can not be read or written */
    TORN = 3,    /* whole, but for a tail that the server would cut */
};

#define NAME_QUOTED_MAX 64 /* bytes of a key that are shown */
#define HEX_MAX         24 /* bytes of a body that nobody describes */
#define LINE_MAX_SIZE   4096
#define TYPES           65536

static const char usage_text[] =
    "Looks at the files of a Geomys log. Never changes one.\n"
    "\n"
    "  geomys-log print FILE... [--modules DIR]\n"
    "      One line per record: sequence, time, place in its batch ( | ) or - alone, type, operation, key, and what "
    "it\n"
    "      does, as the module says (modules are the *.so files in DIR), else the first bytes of its body.\n"
    "      FILE is a segment (wal-*.log), a torn tail kept aside (torn-*.log) or the mark file (wal.mark).\n"
    "\n"
    "  geomys-log verify FILE|FOLDER\n"
    "      Says how far the records are good, where the first damage is, and whether it looks like an interrupted "
    "write\n"
    "      (which the server cuts by itself) or like damage (which it refuses). Only a FOLDER shows what is missing.\n"
    "\n"
    "  geomys-log cut FILE --at SEQUENCE --to COPY\n"
    "  geomys-log cut FOLDER --at SEQUENCE --to NEW-FOLDER\n"
    "      Copies the records up to and including SEQUENCE, which must end a batch. A NEW-FOLDER is complete: a "
    "server\n"
    "      can start from it.\n"
    "\n"
    "Exit code: 0 whole, 1 damaged, 2 wrong usage or a file that can not be read, 3 whole but for a torn tail.\n";

struct options {
    const char *command;
    const char **paths;
    size_t path_count;
    const char *modules;
    const char *to;
    uint64_t at;
    bool has_at;
};

/* ---- files ---- */

struct file {
    const char *path;
    struct gm_bytes bytes;
};

static bool file_map(struct file *file, const char *path)
{
    struct stat info;
    *file = (struct file){.path = path};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        (void)fprintf(stderr, "geomys-log: %s can not be opened: %s\n", path, strerror(errno));
        if (fd >= 0) {
            (void)close(fd);
        }
        return false;
    }
    if (info.st_size > 0) {
        void *map = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED) {
            (void)fprintf(stderr, "geomys-log: %s can not be read: %s\n", path, strerror(errno));
            (void)close(fd);
            return false;
        }
        file->bytes = (struct gm_bytes){map, (size_t)info.st_size};
    }
    (void)close(fd);
    return true;
}

static void file_unmap(struct file *file)
{
    if (file->bytes.size > 0) {
        (void)munmap((void *)(uintptr_t)file->bytes.data, file->bytes.size);
    }
}

static bool begins_with(const struct file *file, const char *magic)
{
    return file->bytes.size >= 8 && memcmp(file->bytes.data, magic, 8) == 0;
}

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* ---- walking ---- */

enum step {
    STEP_RECORD,
    STEP_END, /* nothing but zeros from here on */
    STEP_BAD,
};

struct walk {
    struct gm_bytes bytes;
    size_t offset; /* of `record` */
    size_t size;   /* bytes it takes */
    struct record record;
    struct complaint why; /* it is bad */
};

static bool zeros_from(struct gm_bytes bytes, size_t offset)
{
    for (; offset < bytes.size; offset++) {
        if (bytes.data[offset] != 0) {
            return false;
        }
    }
    return true;
}

/* Goes to what begins behind the present record. */
static enum step walk_next(struct walk *walk)
{
    walk->offset += walk->size;
    walk->size = 0;
    struct gm_bytes rest = {walk->bytes.data + walk->offset, walk->bytes.size - walk->offset};
    enum status status = record_parse(rest, &walk->record, &walk->size, &walk->why);
    if (status == STATUS_OK) {
        return STEP_RECORD;
    }
    if (zeros_from(walk->bytes, walk->offset)) {
        return STEP_END;
    }
    if (status == STATUS_AGAIN) {
        complaint_set(&walk->why, "the file ends within a record");
    }
    return STEP_BAD;
}

/* The next place where a valid record begins, at least 8 bytes on. */
static size_t walk_find(const struct walk *walk)
{
    for (size_t at = walk->offset + 8; at + RECORD_HEADER_SIZE <= walk->bytes.size; at += 8) {
        struct record record;
        size_t size;
        if (record_parse((struct gm_bytes){walk->bytes.data + at, walk->bytes.size - at}, &record, &size, NULL) ==
            STATUS_OK) {
            return at;
        }
    }
    return walk->bytes.size;
}

/* Begins behind the header, if there is one. False: there is one, but it is not good. */
static bool walk_begin(struct walk *walk, const struct file *file, struct segment_header *header, bool *has_header,
                       struct complaint *why)
{
    *walk = (struct walk){.bytes = file->bytes};
    *has_header = begins_with(file, SEGMENT_MAGIC);
    if (!*has_header) {
        return true;
    }
    walk->offset = SEGMENT_HEADER_SIZE;
    return segment_parse(file->bytes, header, why) == STATUS_OK;
}

/* ---- modules ---- */

struct types {
    const struct gm_type **list;
    size_t count;
    struct gm_bytes declared[TYPES]; /* the names of the file at hand, by index */
};

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
        (void)fprintf(stderr, "geomys-log: %s is left out: %s\n", path,
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

static bool modules_open(struct types *types, const char *folder_path)
{
    DIR *folder = opendir(folder_path);
    if (folder == NULL) {
        (void)fprintf(stderr, "geomys-log: %s can not be opened: %s\n", folder_path, strerror(errno));
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

/* ---- print ---- */

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
    case RECORD_OP_FLUSH:
        return "flush";
    case RECORD_OP_EVICTED:
        return "evicted";
    default:
        return "unknown";
    }
}

static void text_local(struct gm_text *text, struct types *types, const struct record *record)
{
    uint16_t type;
    uint64_t durable;
    uint64_t salt;
    struct gm_bytes name;
    if (record_read_type(record, &type, &name)) {
        types->declared[type] = name;
        gm_text_format(text, "file: type %u is ", type);
        gm_text_quote(text, name, NAME_QUOTED_MAX);
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
    } words[] = {{RECORD_DUMP, " dump"},
                 {RECORD_FRESH, " fresh"},
                 {RECORD_KEEP_EXPIRY, " keep-expiry"},
                 {RECORD_REMOVES, " removes"}};
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

static void text_change(struct gm_text *text, const struct types *types, const struct record *record)
{
    struct gm_bytes name = types->declared[record->type];
    const struct gm_type *type = type_named(types, name);
    if (record->type == 0) {
        gm_text_format(text, "host %s ", host_op(record->op));
    } else if (name.data == NULL) {
        gm_text_format(text, "type-%u op-%u ", record->type, record->op);
    } else {
        gm_text_format(text, "%.*s op-%u ", (int)name.size, (const char *)name.data, record->op);
    }
    gm_text_quote(text, record->key, NAME_QUOTED_MAX);
    text_flags(text, record);
    if (type != NULL && type->size > offsetof(struct gm_type, describe) && type->describe != NULL) {
        struct gm_record change = {
            .op = record->op, .time_ms = record->time_ms, .key = record->key, .body = record->body};
        gm_text_format(text, " ");
        type->describe(&change, text);
    } else if (record->body.size > 0) {
        gm_text_format(text, " ");
        text_hex(text, record->body);
    }
}

static void print_record(struct types *types, const struct record *record, bool *open)
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
    (void)printf("%.*s%s\n", (int)text.size, line, text.cut ? "..." : "");
}

static enum outcome print_mark(const struct file *file)
{
    struct complaint complaint;
    struct mark mark;
    if (mark_parse(file->bytes, &mark, &complaint) != STATUS_OK) {
        (void)fprintf(stderr, "geomys-log: %s: %s\n", file->path, complaint.text);
        return DAMAGED;
    }
    (void)printf("mark %" PRIu64 ": all up to %" PRIu64 " was on stable storage; the log reaches back to %" PRIu64
                 "; the newest segment begins with %" PRIu64 "\n",
                 mark.counter, mark.durable, mark.oldest, mark.segment);
    return WHOLE;
}

static enum outcome print_file(const struct file *file, struct types *types)
{
    struct walk walk;
    struct segment_header header;
    struct complaint why;
    bool has_header;
    bool open = false;
    enum outcome outcome = WHOLE;
    if (begins_with(file, "geomysmk")) {
        return print_mark(file);
    }
    memset(types->declared, 0, sizeof types->declared);
    if (!walk_begin(&walk, file, &header, &has_header, &why)) {
        (void)fprintf(stderr, "geomys-log: %s: %s\n", file->path, why.text);
        outcome = DAMAGED;
    } else if (has_header) {
        (void)printf("# %s: segment from %" PRIu64 " on, epoch %" PRIu64 "\n", file->path, header.first_sequence,
                     header.epoch);
    } else {
        (void)printf("# %s: no segment header\n", file->path);
    }
    for (enum step step = walk_next(&walk); step != STEP_END; step = walk_next(&walk)) {
        if (step == STEP_RECORD) {
            print_record(types, &walk.record, &open);
            continue;
        }
        size_t next = walk_find(&walk);
        (void)printf("# bytes %zu to %zu can not be read: %s\n", walk.offset, next, walk.why.text);
        outcome = DAMAGED;
        walk.size = next - walk.offset;
    }
    return outcome;
}

static enum outcome print_files(const struct options *options)
{
    struct types *types = memory_zeroed(sizeof *types);
    enum outcome outcome = WHOLE;
    if (options->modules != NULL && !modules_open(types, options->modules)) {
        outcome = TROUBLE;
    }
    for (size_t i = 0; i < options->path_count && outcome != TROUBLE; i++) {
        struct file file;
        if (!file_map(&file, options->paths[i])) {
            outcome = TROUBLE;
            break;
        }
        enum outcome one = print_file(&file, types);
        outcome = one > outcome ? one : outcome;
        file_unmap(&file);
    }
    memory_free(types->list);
    memory_free(types);
    return outcome;
}

/* ---- verify ---- */

/* Whether an interrupted write can have left the bytes at `walk`: asks the same functions as recovery does. */
static bool may_be_torn(const struct file *file, const struct walk *walk, uint64_t salt, uint64_t durable,
                        uint64_t whole)
{
    struct os_disk *os;
    struct complaint complaint;
    struct tear_file tear = {.size = file->bytes.size};
    uint64_t later = 0;
    bool torn = false;
    char *folder = strdup(file->path);
    char *name = strdup(file->path);
    bool opened = folder != NULL && name != NULL && os_disk_inspect(&os, dirname(folder), &complaint) == STATUS_OK;
    if (opened) {
        tear.disk = os_disk_interface(os);
        size_t extent = walk->size > 0 ? walk->size : RECORD_HEADER_SIZE;
        if (tear.disk->ops->open(tear.disk, basename(name), DISK_READ, &tear.file) == STATUS_OK) {
            opened = tear_possible(&tear, walk->offset, extent, &torn) == STATUS_OK &&
                     tear_highest_mark(&tear, walk->offset, salt, &later) == STATUS_OK;
            tear.disk->ops->close(tear.disk, tear.file);
        }
        os_disk_destroy(os);
    }
    free(folder);
    free(name);
    return opened && torn && later <= whole && durable <= whole;
}

struct tally {
    uint64_t records;
    uint64_t last;    /* sequence read */
    uint64_t whole;   /* sequence at the end of a batch */
    uint64_t durable; /* the highest mark */
    bool open;
};

/* Whether the record follows on what came before. */
static const char *tally_add(struct tally *tally, const struct record *record, bool has_header)
{
    uint64_t durable;
    uint64_t salt;
    bool local = (record->flags & RECORD_LOCAL) != 0;
    bool known = has_header || tally->records > 0;
    if (known && record->sequence != tally->last + (local ? 0 : 1)) {
        return "a record has the wrong sequence";
    }
    if (local && record_read_durable(record, &durable, &salt)) {
        tally->durable = durable > tally->durable ? durable : tally->durable;
    }
    if (!local) {
        tally->records++;
        tally->last = record->sequence;
        tally->open = (record->flags & RECORD_MORE) != 0;
        tally->whole = tally->open ? tally->whole : record->sequence;
    }
    return NULL;
}

static enum outcome verify_file(const struct file *file)
{
    struct walk walk;
    struct segment_header header = {0};
    struct complaint why;
    struct tally tally = {0};
    bool has_header;
    if (!walk_begin(&walk, file, &header, &has_header, &why)) {
        (void)printf("%s: damaged at byte 0: %s\n", file->path, why.text);
        return DAMAGED;
    }
    tally.last = has_header ? header.first_sequence - 1 : 0;
    tally.whole = tally.last;
    tally.durable = tally.last;
    const char *fault = NULL;
    enum step step;
    while ((step = walk_next(&walk)) == STEP_RECORD) {
        fault = tally_add(&tally, &walk.record, has_header);
        if (fault != NULL) {
            break;
        }
    }
    (void)printf("%s: %" PRIu64 " records are good, up to sequence %" PRIu64 "; all up to %" PRIu64
                 " is marked as on stable storage\n",
                 file->path, tally.records, tally.last, tally.durable);
    if (fault != NULL) {
        (void)printf("%s: damaged at byte %zu: %s\n", file->path, walk.offset, fault);
        return DAMAGED;
    }
    if (step == STEP_BAD && !may_be_torn(file, &walk, header.salt, tally.durable, tally.whole)) {
        (void)printf("%s: damaged at byte %zu: %s; no interrupted write leaves bytes like these\n", file->path,
                     walk.offset, walk.why.text);
        return DAMAGED;
    }
    if (step == STEP_BAD || tally.open) {
        (void)printf(
            "%s: %s at byte %zu: an interrupted write, if this is the newest segment; the batches up to %" PRIu64
            " are whole\n",
            file->path, step == STEP_BAD ? walk.why.text : "the last batch is not complete", walk.offset, tally.whole);
        return TORN;
    }
    return WHOLE;
}

struct counter {
    struct record_sink sink;
    uint64_t types;
};

static enum status count_type(struct record_sink *sink, uint16_t type, struct gm_bytes name,
                              struct complaint *complaint)
{
    (void)type, (void)name, (void)complaint;
    container_of(sink, struct counter, sink)->types++;
    return STATUS_OK;
}

static enum status count_record(struct record_sink *sink, const struct record *record, struct complaint *complaint)
{
    (void)sink, (void)record, (void)complaint;
    return STATUS_OK;
}

static enum outcome report_folder(const char *path, const struct replay *replay)
{
    struct replay_progress progress;
    struct replay_end end;
    replay_progress(replay, &progress);
    replay_end(replay, &end);
    if (!end.exists) {
        (void)printf("%s: there is no log yet\n", path);
        return WHOLE;
    }
    (void)printf("%s: %" PRIu64 " records in %" PRIu64 " batches and %" PRIu64
                 " segments are good, up to sequence %" PRIu64 "; all up to %" PRIu64
                 " is marked as on stable storage\n",
                 path, progress.records, progress.batches, progress.segments, end.last_sequence, progress.durable);
    if (progress.torn_bytes == 0) {
        return WHOLE;
    }
    (void)printf("%s/%s: a torn tail of %" PRIu64 " bytes from byte %" PRIu64
                 " on: an interrupted write, which the server keeps aside and cuts when it starts\n",
                 path, end.segment, progress.torn_bytes, end.offset);
    return TORN;
}

static enum outcome verify_folder(const char *path)
{
    struct os_disk *os;
    struct complaint complaint;
    struct replay *replay = NULL;
    struct counter counter = {.sink = {count_type, count_record}};
    enum outcome outcome = TROUBLE;
    if (os_disk_inspect(&os, path, &complaint) != STATUS_OK) {
        (void)fprintf(stderr, "geomys-log: %s\n", complaint.text);
        return TROUBLE;
    }
    enum status status = replay_create(&replay, os_disk_interface(os), false, &complaint);
    while (status == STATUS_OK || status == STATUS_AGAIN) {
        status = replay_step(replay, (size_t)64 * 1024 * 1024, &counter.sink, &complaint);
        if (status == STATUS_OK) {
            outcome = report_folder(path, replay);
            break;
        }
    }
    if (status != STATUS_OK) {
        (void)printf("%s: %s\n", path, complaint.text);
        outcome = status == STATUS_CORRUPT ? DAMAGED : TROUBLE;
    }
    replay_destroy(replay);
    os_disk_destroy(os);
    return outcome;
}

/* ---- cut ---- */

/* Where the record `at` ends, if it ends a batch; 0 with a sentence on stderr if not. *last is the last record seen. */
static size_t find_cut(const struct file *file, uint64_t at, struct segment_header *header, uint64_t *last)
{
    struct walk walk;
    struct complaint why;
    struct tally tally = {0};
    bool has_header;
    if (!walk_begin(&walk, file, header, &has_header, &why) || !has_header) {
        (void)fprintf(stderr, "geomys-log: %s: %s\n", file->path, has_header ? why.text : "this is no segment");
        return 0;
    }
    tally.last = header->first_sequence - 1;
    tally.whole = tally.last;
    size_t end = at == tally.last ? SEGMENT_HEADER_SIZE : 0;
    enum step step;
    while (end == 0 && (step = walk_next(&walk)) == STEP_RECORD) {
        const char *fault = tally_add(&tally, &walk.record, true);
        if (fault != NULL) {
            (void)fprintf(stderr, "geomys-log: %s: byte %zu: %s\n", file->path, walk.offset, fault);
            return 0;
        }
        if (tally.last == at && (walk.record.flags & RECORD_LOCAL) == 0) {
            end = walk.offset + walk.size;
        }
    }
    *last = tally.last;
    if (end != 0 && tally.open) {
        (void)fprintf(stderr,
                      "geomys-log: record %" PRIu64 " is in the midst of a batch; the batch before ends with %" PRIu64
                      "\n",
                      at, tally.whole);
        return 0;
    }
    if (end == 0) {
        (void)fprintf(stderr,
                      "geomys-log: %s: record %" PRIu64 " can not be reached: the good records end with %" PRIu64 "\n",
                      file->path, at, tally.last);
    }
    return end;
}

static enum status copy_to(struct disk *disk, const char *name, struct gm_bytes bytes)
{
    struct disk_file *file;
    TRY(disk->ops->open(disk, name, DISK_CREATE, &file));
    enum status status = disk->ops->write(disk, file, 0, bytes);
    status = status == STATUS_OK ? disk->ops->sync(disk, file) : status;
    disk->ops->close(disk, file);
    return status;
}

static bool write_file(const char *path, struct gm_bytes bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool written = fd >= 0;
    for (size_t done = 0; written && done < bytes.size;) {
        ssize_t piece = write(fd, bytes.data + done, bytes.size - done);
        written = piece > 0 || (piece < 0 && errno == EINTR);
        done += piece > 0 ? (size_t)piece : 0;
    }
    written = written && fsync(fd) == 0;
    if (!written) {
        (void)fprintf(stderr, "geomys-log: %s can not be written: %s\n", path, strerror(errno));
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return written;
}

static enum outcome cut_file(const struct options *options)
{
    struct file file;
    struct segment_header header;
    uint64_t last;
    if (!file_map(&file, options->paths[0])) {
        return TROUBLE;
    }
    size_t end = find_cut(&file, options->at, &header, &last);
    bool done = end > 0 && write_file(options->to, (struct gm_bytes){file.bytes.data, end});
    file_unmap(&file);
    return done ? WHOLE : end == 0 ? DAMAGED : TROUBLE;
}

struct segments {
    uint64_t *list;
    size_t count;
};

static bool add_segment(void *context, const char *name)
{
    struct segments *segments = context;
    uint64_t first;
    if (segment_name_parse(name, &first)) {
        segments->list = memory_realloc(segments->list, (segments->count + 1) * sizeof *segments->list);
        segments->list[segments->count++] = first;
    }
    return true;
}

static int by_sequence(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a;
    uint64_t second = *(const uint64_t *)b;
    return first < second ? -1 : first > second;
}

/* One segment up to and including record `at`. Without a target it is only found out whether that can be. */
static bool cut_segment(const char *folder, uint64_t first, uint64_t at, struct disk *target)
{
    char name[DISK_NAME_MAX];
    char path[4096];
    struct file file;
    struct segment_header header;
    uint64_t last;
    segment_name(first, name);
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path || !file_map(&file, path)) {
        return false;
    }
    size_t end = find_cut(&file, at, &header, &last);
    enum status status = end > 0 && header.first_sequence == first ? STATUS_OK : STATUS_CORRUPT;
    if (status == STATUS_OK && target != NULL) {
        status = copy_to(target, name, (struct gm_bytes){file.bytes.data, end});
        if (status != STATUS_OK) {
            (void)fprintf(stderr, "geomys-log: the copy of %s can not be written: %s\n", name, status_text(status));
        }
    }
    file_unmap(&file);
    return status == STATUS_OK;
}

/* The same for all segments that have records up to `at`. mark->segment becomes the last of them. */
static bool cut_segments(const struct options *options, const struct segments *segments, struct disk *target,
                         struct mark *mark)
{
    for (size_t i = 0; i < segments->count && segments->list[i] <= options->at; i++) {
        uint64_t next = i + 1 < segments->count ? segments->list[i + 1] - 1 : UINT64_MAX;
        if (!cut_segment(options->paths[0], segments->list[i], next < options->at ? next : options->at, target)) {
            return false;
        }
        mark->segment = segments->list[i];
    }
    return true;
}

static enum outcome write_folder(const struct options *options, const struct segments *segments)
{
    struct os_disk *target;
    struct complaint complaint;
    struct mark mark = {.counter = 1, .durable = options->at, .oldest = segments->list[0]};
    if (!cut_segments(options, segments, NULL, &mark)) {
        return DAMAGED;
    }
    enum status status = os_disk_create(&target, options->to, &complaint);
    if (status == STATUS_OK) {
        bool copied = cut_segments(options, segments, os_disk_interface(target), &mark);
        complaint_set(&complaint, "%s is not complete", options->to);
        status = copied ? mark_create(os_disk_interface(target), &mark, &complaint) : STATUS_IO;
        os_disk_destroy(target);
    }
    if (status != STATUS_OK) {
        (void)fprintf(stderr, "geomys-log: %s\n", complaint.text);
    }
    return status == STATUS_OK ? WHOLE : TROUBLE;
}

static enum outcome cut_folder(const struct options *options)
{
    struct os_disk *source;
    struct complaint complaint;
    struct segments segments = {0};
    if (access(options->to, F_OK) == 0) {
        (void)fprintf(stderr, "geomys-log: %s exists already\n", options->to);
        return TROUBLE;
    }
    if (os_disk_inspect(&source, options->paths[0], &complaint) != STATUS_OK) {
        (void)fprintf(stderr, "geomys-log: %s\n", complaint.text);
        return TROUBLE;
    }
    enum status status = os_disk_interface(source)->ops->list(os_disk_interface(source), add_segment, &segments);
    os_disk_destroy(source);
    enum outcome outcome = TROUBLE;
    if (segments.count > 0) {
        qsort(segments.list, segments.count, sizeof *segments.list, by_sequence);
    }
    if (status != STATUS_OK || segments.count == 0 || options->at < segments.list[0]) {
        (void)fprintf(stderr, "geomys-log: %s has no segment with record %" PRIu64 "\n", options->paths[0],
                      options->at);
    } else {
        outcome = write_folder(options, &segments);
    }
    memory_free(segments.list);
    return outcome;
}

/* ---- the command line ---- */

static const char *value_of(int argc, char **argv, int *at, const char *name)
{
    if (strcmp(argv[*at], name) != 0 || *at + 1 >= argc) {
        return NULL;
    }
    return argv[++*at];
}

static bool parse_options(struct options *options, int argc, char **argv)
{
    options->command = argv[1];
    options->paths = memory_alloc((size_t)argc * sizeof *options->paths);
    for (int i = 2; i < argc; i++) {
        const char *value;
        int64_t number;
        if ((value = value_of(argc, argv, &i, "--modules")) != NULL) {
            options->modules = value;
        } else if ((value = value_of(argc, argv, &i, "--to")) != NULL) {
            options->to = value;
        } else if ((value = value_of(argc, argv, &i, "--at")) != NULL) {
            if (!bytes_to_int(gm_bytes_of(value), &number) || number < 1) {
                return false;
            }
            options->at = (uint64_t)number;
            options->has_at = true;
        } else if (argv[i][0] == '-') {
            return false;
        } else {
            options->paths[options->path_count++] = argv[i];
        }
    }
    return options->path_count > 0;
}

static enum outcome run(const struct options *options)
{
    bool one = options->path_count == 1 && options->modules == NULL;
    bool cuts = options->has_at && options->to != NULL;
    bool plain = !options->has_at && options->to == NULL;
    if (strcmp(options->command, "print") == 0 && plain) {
        return print_files(options);
    }
    if (strcmp(options->command, "verify") == 0 && plain && one) {
        struct file file;
        if (is_folder(options->paths[0])) {
            return verify_folder(options->paths[0]);
        }
        if (!file_map(&file, options->paths[0])) {
            return TROUBLE;
        }
        enum outcome outcome = begins_with(&file, "geomysmk") ? print_mark(&file) : verify_file(&file);
        file_unmap(&file);
        return outcome;
    }
    if (strcmp(options->command, "cut") == 0 && cuts && one) {
        return is_folder(options->paths[0]) ? cut_folder(options) : cut_file(options);
    }
    (void)fputs(usage_text, stderr);
    return TROUBLE;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    bool asked =
        argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0);
    if (argc < 3 || !parse_options(&options, argc, argv)) {
        (void)fputs(usage_text, asked ? stdout : stderr);
        memory_free(options.paths);
        return asked ? WHOLE : TROUBLE;
    }
    enum outcome outcome = run(&options);
    memory_free(options.paths);
    return (int)outcome;
}
