/* SPDX-License-Identifier: MIT */

/* support.h - what the tests of geomys-cli share: replies from their bytes, output as text, the seed. */
#ifndef GEOMYS_TEST_CLI_SUPPORT_H
#define GEOMYS_TEST_CLI_SUPPORT_H

#include <criterion/criterion.h>
#include <stdio.h>

#include "base/prng.h"
#include "cli/talk/answer.h"
#include "cli/talk/catalog.h"

/* Reads one whole reply from its bytes. */
static inline struct answer answer_from(struct gm_bytes bytes)
{
    struct answer_reader reader;
    struct answer reply = {0};
    struct complaint complaint = {""};
    size_t used = 0;
    answer_reader_init(&reader, ANSWER_LIMIT_DEFAULT);
    enum status status = answer_read(&reader, bytes, &used, &reply, &complaint);
    cr_assert_eq(status, STATUS_OK, "%.60s: %s", (const char *)bytes.data, complaint.text);
    cr_assert_eq(used, bytes.size, "%.60s", (const char *)bytes.data);
    answer_reader_finish(&reader);
    return reply;
}

static inline struct answer answer_from_text(const char *text)
{
    return answer_from(gm_bytes_of(text));
}

/* One entry of COMMAND USAGE, as RESP3. Append them after a "%<count>". */
static inline void put_command(struct buf *out, const char *name, const char *usage, const char *flag)
{
    buf_format(out, "$%zu\r\n%s\r\n%%8\r\n", strlen(name), name);
    buf_format(out, "$5\r\nusage\r\n$%zu\r\n%s\r\n", strlen(usage), usage);
    buf_format(out, "$7\r\nsummary\r\n$13\r\nDoes \x1b[things\r\n$10\r\ncomplexity\r\n$4\r\nO(1)\r\n");
    buf_format(out, "$5\r\nflags\r\n*1\r\n$%zu\r\n%s\r\n", strlen(flag), flag);
    buf_format(out, "$5\r\ngroup\r\n$6\r\nstring\r\n$6\r\nmodule\r\n$9\r\ngeomys.kv\r\n");
    buf_format(out, "$5\r\nsince\r\n$5\r\n1.0.0\r\n$7\r\nexample\r\n$7\r\nGET key\r\n");
}

/* A small server's catalog. */
static inline void test_catalog(struct catalog *catalog)
{
    static const char *const commands[][3] = {
        {"set", "SET key value [NX|XX] [GET] [EX seconds:int|PX milliseconds:int|KEEPTTL]", "write"},
        {"setex", "SETEX key seconds:int value", "write"},
        {"get", "GET key", "readonly"},
        {"flushall", "FLUSHALL [ASYNC|SYNC]", "dangerous"},
        {"client|setname", "CLIENT|SETNAME connection-name", "fast"},
        {"client|getname", "CLIENT|GETNAME", "fast"},
        {"client|id", "CLIENT|ID", "fast"},
        {"command", "COMMAND", "fast"},
        {"command|docs", "COMMAND|DOCS [command...]", "fast"},
        {"vault.open", "VAULT.OPEN name [WITH password]", "fast"},
        {"odd", "ODD [", "fast"}, /* a line that is no usage line */
        {"not a\x1bname", "X", "fast"},
    };
    struct buf bytes;
    buf_init(&bytes, 65536);
    size_t count = sizeof commands / sizeof *commands;
    buf_format(&bytes, "%%%zu\r\n", count);
    for (size_t i = 0; i < count; i++) {
        put_command(&bytes, commands[i][0], commands[i][1], commands[i][2]);
    }
    struct answer reply = answer_from(buf_bytes(&bytes));
    *catalog = (struct catalog){0};
    cr_assert(catalog_from_usage(catalog, &reply));
    buf_finish(&bytes);
}

#endif
