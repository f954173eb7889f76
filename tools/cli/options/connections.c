/* SPDX-License-Identifier: MIT */

/* connections.c - a file of sections.
 *
 *      # comment
 *      [production]
 *      host = example.org
 *      password = secret words
 *
 * Promises N1  What is not understood is refused, with its line: a misspelt key never connects to somewhere else.
 *          N2  Passwords are only read out of a file that belongs to the caller alone. */
#include "cli/options/connections.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const keys[] = {
#define X(name, text) text,
    CONNECTIONS_KEYS(X)
#undef X
};

static struct gm_bytes trim(struct gm_bytes text)
{
    while (text.size > 0 && strchr(" \t\r", text.data[text.size - 1]) != NULL) {
        text.size--;
    }
    while (text.size > 0 && (*text.data == ' ' || *text.data == '\t')) {
        text = (struct gm_bytes){text.data + 1, text.size - 1};
    }
    return text;
}

/* Takes the next line off `rest`. */
static struct gm_bytes next_line(struct gm_bytes *rest)
{
    const uint8_t *end = memchr(rest->data, '\n', rest->size);
    size_t size = end != NULL ? (size_t)(end - rest->data) : rest->size;
    struct gm_bytes line = {rest->data, size};
    size += end != NULL ? 1 : 0;
    *rest = (struct gm_bytes){rest->data + size, rest->size - size};
    return trim(line);
}

static bool is_name(struct gm_bytes name)
{
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = name.data[i];
        uint8_t lower = byte | 0x20;
        if (!(lower >= 'a' && lower <= 'z') && !(byte >= '0' && byte <= '9') && strchr("-_.", byte) == NULL) {
            return false;
        }
    }
    return name.size > 0;
}

static bool is_section(struct gm_bytes line, struct gm_bytes *name)
{
    if (line.size < 2 || line.data[0] != '[' || line.data[line.size - 1] != ']') {
        return false;
    }
    *name = (struct gm_bytes){line.data + 1, line.size - 2};
    return is_name(*name);
}

static bool seen_before(struct gm_bytes text, const uint8_t *until, struct gm_bytes name)
{
    while (text.size > 0 && text.data < until) {
        struct gm_bytes other;
        if (is_section(next_line(&text), &other) && other.data < until && gm_bytes_equal(other, name)) {
            return true;
        }
    }
    return false;
}

/* NULL, or what is wrong. */
static const char *take_value(struct connection *connection, struct gm_bytes line, bool *secret)
{
    const uint8_t *sign = memchr(line.data, '=', line.size);
    if (sign == NULL) {
        return "neither [name] nor key = value";
    }
    struct gm_bytes key = trim((struct gm_bytes){line.data, (size_t)(sign - line.data)});
    struct gm_bytes value = trim((struct gm_bytes){sign + 1, line.size - (size_t)(sign - line.data) - 1});
    for (size_t i = 0; i < CONNECTIONS_COUNT; i++) {
        if (!gm_bytes_equal(key, gm_bytes_of(keys[i]))) {
            continue;
        }
        if (connection->values[i].data != NULL) {
            return "the key is given twice";
        }
        connection->values[i] = value;
        bool in_uri = i == CONNECTIONS_URI && memchr(value.data, '@', value.size) != NULL;
        *secret = *secret || i == CONNECTIONS_PASSWORD || in_uri;
        return value.size > 0 && memchr(value.data, '\0', value.size) == NULL ? NULL : "a value is missing";
    }
    return "the keys are host, port, socket, uri, user, password, database and protocol";
}

enum status connections_find(struct gm_bytes text, struct gm_bytes name, struct connection *out, bool *secret,
                             struct complaint *complaint)
{
    struct gm_bytes rest = text;
    struct connection current = {0};
    bool inside = false;
    bool wanted = false;
    bool found = false;
    *out = (struct connection){0};
    *secret = false;
    for (size_t number = 1; rest.size > 0; number++) {
        struct gm_bytes line = next_line(&rest);
        struct gm_bytes section = BYTES_NONE;
        const char *wrong = NULL;
        if (line.size == 0 || *line.data == '#') {
            continue;
        }
        if (is_section(line, &section)) {
            wrong = seen_before(text, line.data, section) ? "the name is given twice" : NULL;
            current = (struct connection){0};
            inside = true;
            wanted = gm_bytes_equal(section, name);
            found = found || wanted;
        } else {
            wrong = inside ? take_value(&current, line, secret) : "this stands before the first [name]";
        }
        if (wrong != NULL) {
            complaint_set(complaint, "line %zu: %s", number, wrong);
            return STATUS_INVALID;
        }
        *out = wanted ? current : *out;
    }
    if (!found) {
        complaint_set(complaint, "it has no connection [%.*s]", (int)(name.size < 100 ? name.size : 100),
                      (const char *)name.data);
    }
    return found ? STATUS_OK : STATUS_NOT_FOUND;
}

static enum status read_file(int fd, uint8_t *text, size_t *size, struct complaint *complaint)
{
    *size = 0;
    for (;;) {
        ssize_t got = read(fd, text + *size, CONNECTIONS_SIZE - *size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            complaint_set(complaint, "%s", strerror(errno));
            return STATUS_IO;
        }
        *size += (size_t)got;
        if (*size == CONNECTIONS_SIZE) {
            complaint_set(complaint, "it has %d bytes or more", CONNECTIONS_SIZE);
            return STATUS_INVALID;
        }
        if (got == 0) {
            return STATUS_OK;
        }
    }
}

static enum status read_open(int fd, const char *name, uint8_t *text, struct connection *out,
                             struct complaint *complaint)
{
    size_t size;
    bool secret = false;
    struct stat about;
    TRY(read_file(fd, text, &size, complaint));
    struct gm_bytes bytes = {text, size};
    TRY(connections_find(bytes, gm_bytes_of(name), out, &secret, complaint));
    if (secret && (fstat(fd, &about) != 0 || (about.st_mode & 077) != 0 || about.st_uid != geteuid())) {
        complaint_set(complaint, "it holds a password, and others than you could read or change it: chmod 600 helps");
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

enum status connections_read(const char *path, const char *name, uint8_t *text, struct connection *out,
                             struct complaint *complaint)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        complaint_set(complaint, "%s: %s", path, strerror(errno));
        return STATUS_IO;
    }
    enum status status = read_open(fd, name, text, out, complaint);
    close(fd);
    if (status != STATUS_OK) {
        complaint_prefix(complaint, "%s", path);
    }
    return status;
}
