/* SPDX-License-Identifier: MIT */

/* foreign.c - the beginnings of other protocols; foreign.h has the argument.
 *
 * Limits   A protocol that is not in the table, and begins with a letter, is answered line by line like a person who
 *          mistypes. A client that chooses all its bytes needs no disguise: it can speak RESP. A command of a module
 *          that is named POST or as another of these words cannot be typed, only sent as an array. */
#include "wire/foreign.h"

enum { HTTP, HTTP2, RTSP, SIP, SMTP, SSH, TLS, BINARY, PROTOCOLS };

#define REFUSAL(name)                                                                                                  \
    {                                                                                                                  \
        name, "ERR Protocol error: this port speaks RESP, not " name                                                   \
    }

static const struct {
    const char *name;
    const char *refusal;
} protocols[PROTOCOLS] = {
    [HTTP] = REFUSAL("HTTP"), [HTTP2] = REFUSAL("HTTP/2"), [RTSP] = REFUSAL("RTSP"), [SIP] = REFUSAL("SIP"),
    [SMTP] = REFUSAL("SMTP"), [SSH] = REFUSAL("SSH"),      [TLS] = REFUSAL("TLS"),   [BINARY] = REFUSAL("binary data"),
};

/* In capitals. */
struct sign {
    const char *text;
    int protocol;
};

static const struct sign first_words[] = {{"POST", HTTP}, {"HOST:", HTTP}, {"EHLO", SMTP}, {"HELO", SMTP}};
static const struct sign last_words[] = {{"HTTP/1.0", HTTP}, {"HTTP/1.1", HTTP}, {"HTTP/2", HTTP2}, {"HTTP/2.0", HTTP2},
                                         {"RTSP/1.0", RTSP}, {"RTSP/2.0", RTSP}, {"SIP/2.0", SIP}};
static const struct sign beginnings[] = {{"MAIL FROM:", SMTP}, {"RCPT TO:", SMTP}, {"SSH-1.", SSH}, {"SSH-2.", SSH}};

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static uint8_t capital(uint8_t c)
{
    return c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
}

static bool begins(struct gm_bytes text, struct gm_bytes with)
{
    size_t same = 0;
    while (same < with.size && same < text.size && capital(text.data[same]) == with.data[same]) {
        same++;
    }
    return same == with.size;
}

/* PROTOCOLS: none of them. */
static int find(const struct sign *signs, size_t count, struct gm_bytes word, bool whole)
{
    for (size_t i = 0; i < count; i++) {
        struct gm_bytes sign = gm_bytes_of(signs[i].text);
        if ((!whole || sign.size == word.size) && begins(word, sign)) {
            return signs[i].protocol;
        }
    }
    return PROTOCOLS;
}

#define FIND(signs, word, whole) find(signs, sizeof(signs) / sizeof(signs)[0], word, whole)

static struct gm_bytes trimmed(struct gm_bytes line)
{
    while (line.size > 0 && is_blank(line.data[0])) {
        line.data++;
        line.size--;
    }
    while (line.size > 0 && is_blank(line.data[line.size - 1])) {
        line.size--;
    }
    return line;
}

static struct gm_bytes first_word(struct gm_bytes line)
{
    size_t size = 0;
    while (size < line.size && !is_blank(line.data[size])) {
        size++;
    }
    return (struct gm_bytes){line.data, size};
}

static struct gm_bytes last_word(struct gm_bytes line)
{
    size_t at = line.size;
    while (at > 0 && !is_blank(line.data[at - 1])) {
        at--;
    }
    return (struct gm_bytes){line.data + at, line.size - at};
}

static int protocol_of_line(struct gm_bytes line)
{
    struct gm_bytes text = trimmed(line);
    int protocol = FIND(first_words, first_word(text), true);
    if (protocol == PROTOCOLS) {
        protocol = FIND(last_words, last_word(text), true);
    }
    return protocol != PROTOCOLS ? protocol : FIND(beginnings, text, false);
}

/* What no person types: a handshake of TLS, the length or the version that so many binary protocols begin with. */
static int protocol_of_byte(uint8_t first)
{
    bool typed = first >= ' ' || is_blank(first) || first == '\r' || first == '\n';
    return typed ? PROTOCOLS : first == 0x16 ? TLS : BINARY;
}

const char *foreign_refusal(struct gm_bytes line, bool whole)
{
    int protocol = line.size > 0 ? protocol_of_byte(line.data[0]) : PROTOCOLS;
    if (protocol == PROTOCOLS && whole) {
        protocol = protocol_of_line(line);
    }
    return protocol != PROTOCOLS ? protocols[protocol].refusal : NULL;
}

const char *foreign_name(const char *refusal)
{
    for (size_t i = 0; i < PROTOCOLS; i++) {
        if (refusal == protocols[i].refusal) {
            return protocols[i].name;
        }
    }
    return NULL;
}
