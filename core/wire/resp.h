/* SPDX-License-Identifier: MIT */

/* resp.h - bytes from a client into calls: RESP arrays of bulk strings, and inline commands. No I/O.
 *
 * Idea     The parser is given all bytes that have arrived and are not consumed yet, again and again as they grow, and
 *          goes on where it stopped: nothing is looked at twice. The arguments are slices of those bytes: no copies.
 *
 * Promises
 *   I1  Every number is checked against the limits before anything is allocated or waited for.
 *   I2  After RESP_ERROR the connection is beyond repair: answer and close it.
 *   I3  Memory per parser is bounded by args_max slices for the command under way and each that is kept, and shrinks
 *       again after large commands.
 */
#ifndef GEOMYS_WIRE_RESP_H
#define GEOMYS_WIRE_RESP_H

#include "base/bytes.h"
#include "base/check.h"

#define RESP_INLINE_MAX ((size_t)64 * 1024) /* bytes of one line */

struct resp_limits {
    uint32_t args_max;    /* arguments per command */
    size_t bulk_max;      /* bytes per argument    */
    size_t query_max;     /* bytes per command     */
    bool before_password; /* these limits are so low because the password has not been shown: the error says it */
};

enum resp_result {
    RESP_MORE, /* the command is not complete yet */
    RESP_CALL, /* argv holds a command */
    RESP_ERROR,
};

struct resp_parser {
    struct gm_bytes *argv; /* owned; points into the bytes given to the last resp_parse */
    uint32_t argc;
    uint32_t first;      /* index into argv where the command under way begins: before it are commands that were kept */
    size_t start;        /* where it begins in the bytes */
    uint32_t room;       /* slices allocated in argv */
    uint32_t expected;   /* arguments that the array announced */
    bool inside;         /* an array has begun */
    bool have_size;      /* the current argument's size is known */
    size_t bulk_size;    /* bytes */
    size_t position;     /* how far the bytes have been looked at */
    const uint8_t *base; /* where argv's slices point into */
    uint8_t *unquoted;   /* owned: the arguments of an inline command */
    const char *error;   /* after RESP_ERROR: static, or `told` */
    char told[48];       /* an error with what stood in place of an argument */
};

void resp_parser_init(struct resp_parser *parser);
void resp_parser_finish(struct resp_parser *parser);

/* Looks for one command at the beginning of `data`, which begins with the same bytes as at the last call that returned
 * RESP_MORE. After RESP_CALL, parser->position is how many bytes it took; the caller calls resp_parser_next before
 * parsing on behind them. An empty array or line is a RESP_CALL with argc 0: nothing to do. */
enum resp_result resp_parse(struct resp_parser *parser, const uint8_t *data, size_t size,
                            const struct resp_limits *limits);

/* Forgets everything: the next bytes begin with a command. */
void resp_parser_next(struct resp_parser *parser);

/* Gives back the slices, if no command is under way. */
void resp_parser_tidy(struct resp_parser *parser);

/* After RESP_CALL: keeps the command, argv[first] to argv[argc - 1], and goes on behind it in the same bytes. */
void resp_parser_keep(struct resp_parser *parser);

/* Forgets the kept commands; a command that has begun behind them is gone on with. The next bytes begin with it. */
void resp_parser_drop(struct resp_parser *parser);

/* After RESP_MORE: how many bytes, counted from the command's beginning, are known to be needed to go on; 0: not
 * known. */
size_t resp_parser_wants(const struct resp_parser *parser);

#endif
