/* SPDX-License-Identifier: MIT */

/* Any bytes into the parser: whole, then in two pieces, then several commands at a time, which all must give the
 * same. */
#include <stdint.h>

#include "base/memory.h"
#include "wire/resp.h"

static const struct resp_limits limits = {.args_max = 64, .bulk_max = 4096, .query_max = 16384};

static uint64_t digest_command(uint64_t digest, const struct resp_parser *parser)
{
    check(parser->argc - parser->first <= limits.args_max);
    for (uint32_t i = parser->first; i < parser->argc; i++) {
        for (size_t b = 0; b < parser->argv[i].size; b++) {
            digest = digest * 31 + parser->argv[i].data[b];
        }
        digest = digest * 31 + 1;
    }
    return digest * 31 + 2;
}

/* A digest of the commands, `batch` of them kept at a time. */
static uint64_t batches(const uint8_t *data, size_t size, size_t batch)
{
    struct resp_parser parser;
    resp_parser_init(&parser);
    uint64_t digest = 1;
    size_t done = 0;
    enum resp_result result = RESP_CALL;
    while (result == RESP_CALL) {
        size_t kept = 0;
        while (kept < batch && (result = resp_parse(&parser, data + done, size - done, &limits)) == RESP_CALL) {
            digest = digest_command(digest, &parser);
            resp_parser_keep(&parser);
            kept++;
            if (parser.unquoted != NULL) {
                break;
            }
        }
        done += parser.start;
        resp_parser_drop(&parser);
    }
    resp_parser_finish(&parser);
    return result == RESP_ERROR ? digest * 31 + 7 : digest;
}

/* A digest of the commands in the first `first` bytes and then in all of them. */
static uint64_t commands(const uint8_t *data, size_t size, size_t first)
{
    struct resp_parser parser;
    resp_parser_init(&parser);
    uint64_t digest = 1;
    size_t done = 0;
    for (size_t round = 0; round < 2; round++) {
        size_t end = round == 0 ? first : size;
        while (done <= end) {
            uint8_t *copy = memory_alloc(end - done + 1);
            if (end > done) {
                memcpy(copy, data + done, end - done);
            }
            enum resp_result result = resp_parse(&parser, copy, end - done, &limits);
            if (result == RESP_ERROR) {
                memory_free(copy);
                resp_parser_finish(&parser);
                return digest * 31 + 7;
            }
            if (result == RESP_MORE) {
                memory_free(copy);
                break;
            }
            check(parser.position > 0 && parser.position <= end - done);
            digest = digest_command(digest, &parser);
            done += parser.position;
            resp_parser_next(&parser);
            memory_free(copy);
        }
    }
    resp_parser_finish(&parser);
    return digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t whole = commands(data, size, size);
    check(batches(data, size, 1) == whole);
    check(batches(data, size, 5) == whole);
    check(commands(data, size, size / 2) == whole);
    check(commands(data, size, size > 0 ? data[0] % size : 0) == whole);
    return 0;
}
