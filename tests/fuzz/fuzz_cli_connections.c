/* SPDX-License-Identifier: MIT */

/* fuzz_cli_connections.c - any bytes as the file of saved connections, and its URIs.
 *
 * Input   the first line is the name that is looked for, the rest is the file
 * Holds   what is found lies in the file, is not empty, and is found again in the same file with other line ends and a
 *         comment before it; a file with a password is known for one; a URI is cut within its own bytes
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "cli/options/connections.h"
#include "cli/options/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_sentence(const struct complaint *complaint)
{
    check(complaint->text[0] != '\0' && memchr(complaint->text, '\0', sizeof complaint->text) != NULL);
}

static void check_values(struct gm_bytes file, const struct connection *found, bool secret)
{
    for (size_t i = 0; i < CONNECTIONS_COUNT; i++) {
        struct gm_bytes value = found->values[i];
        if (value.data == NULL) {
            continue;
        }
        check(value.size > 0 && value.data >= file.data && value.data + value.size <= file.data + file.size);
        check(memchr(value.data, '\0', value.size) == NULL && memchr(value.data, '\n', value.size) == NULL);
    }
    check(secret || found->values[CONNECTIONS_PASSWORD].data == NULL);
}

static void check_piece(const char *piece, const char *text, size_t size)
{
    check(piece == NULL || (piece >= text && piece <= text + size && strlen(piece) <= (size_t)(text + size - piece)));
}

static void cut_uri(struct gm_bytes value, bool secret_file)
{
    struct uri uri;
    char *text = malloc(value.size + 1);
    check(text != NULL);
    memcpy(text, value.data, value.size);
    text[value.size] = '\0';
    const char *wrong = uri_cut(text, &uri);
    check(wrong == NULL || wrong[0] != '\0');
    if (wrong == NULL) {
        check(uri.path == NULL || (uri.user == NULL && uri.password == NULL && uri.host == NULL && uri.port == NULL));
        check(uri.secret == (uri.password != NULL) && (!uri.secret || secret_file));
        check_piece(uri.user, text, value.size);
        check_piece(uri.password, text, value.size);
        check_piece(uri.host, text, value.size);
        check_piece(uri.port, text, value.size);
        check_piece(uri.path, text, value.size);
    }
    free(text);
}

/* The same file as others may write it. */
static void rewrite(struct gm_bytes file, struct buf *out)
{
    check(buf_append(out, BYTES("# a comment\r\n\r\n")));
    for (size_t at = 0; at < file.size; at++) {
        check(file.data[at] != '\n' || buf_append(out, BYTES("  \r")));
        check(buf_append(out, (struct gm_bytes){file.data + at, 1}));
    }
}

static void compare(const struct connection *one, const struct connection *other)
{
    for (size_t i = 0; i < CONNECTIONS_COUNT; i++) {
        check((one->values[i].data == NULL) == (other->values[i].data == NULL));
        check(one->values[i].data == NULL || gm_bytes_equal(one->values[i], other->values[i]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    if (end == NULL) {
        return 0;
    }
    struct gm_bytes name = {data, (size_t)(end - data)};
    size_t file_size = size - name.size - 1;
    uint8_t *copy = malloc(file_size + 1);
    check(copy != NULL);
    memcpy(copy + 1, end + 1, file_size); /* ends where its block ends */
    struct gm_bytes file = {copy + 1, file_size};
    struct connection found;
    struct connection again;
    struct complaint complaint = {""};
    bool secret = false;
    bool secret_again = false;
    struct buf other;
    buf_init(&other, (size_t)16 << 20);
    rewrite(file, &other);
    enum status status = connections_find(file, name, &found, &secret, &complaint);
    check(status == STATUS_OK || status == STATUS_INVALID || status == STATUS_NOT_FOUND);
    if (status != STATUS_OK) {
        check_sentence(&complaint);
    }
    check(connections_find(buf_bytes(&other), name, &again, &secret_again, &complaint) == status);
    check(secret == secret_again);
    if (status == STATUS_OK) {
        check_values(file, &found, secret);
        compare(&found, &again);
    }
    if (status == STATUS_OK && found.values[CONNECTIONS_URI].data != NULL) {
        cut_uri(found.values[CONNECTIONS_URI], secret);
    }
    buf_finish(&other);
    free(copy);
    return 0;
}
