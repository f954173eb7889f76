/* SPDX-License-Identifier: MIT */

/* What is told apart from a person's line, and what is not. */
#include <criterion/criterion.h>

#include "wire/foreign.h"

static const char *named(struct gm_bytes line, bool whole)
{
    const char *refusal = foreign_refusal(line, whole);
    return refusal != NULL ? foreign_name(refusal) : "";
}

Test(foreign, what_other_protocols_begin_with)
{
    static const struct {
        const char *line;
        const char *name;
    } cases[] = {
        {"POST / HTTP/1.1", "HTTP"},
        {"post /", "HTTP"},
        {"GET /index.html HTTP/1.0", "HTTP"},
        {"  PUT\t/\tHTTP/1.1 ", "HTTP"},
        {"OPTIONS * http/1.1", "HTTP"},
        {"Host: localhost:6379", "HTTP"},
        {"SET /x HTTP/1.1", "HTTP"}, /* a page may choose the method */
        {"PRI * HTTP/2.0", "HTTP/2"},
        {"OPTIONS rtsp://a RTSP/1.0", "RTSP"},
        {"INVITE sip:a@b SIP/2.0", "SIP"},
        {"EHLO me", "SMTP"},
        {"helo me", "SMTP"},
        {"MAIL FROM:<a@b>", "SMTP"},
        {"rcpt to:<a@b>", "SMTP"},
        {"SSH-2.0-OpenSSH_9.2", "SSH"},
        {"\x16\x03\x01", "TLS"},
        {"\x01", "binary data"},
        {"\x7fnot", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_str_eq(named(gm_bytes_of(cases[i].line), true), cases[i].name, "%s", cases[i].line);
    }
    cr_expect_str_eq(named(BYTES("\0\x03\x00"), true), "binary data");
    cr_expect_str_eq(named(BYTES("\x16"), false), "TLS", "before there is a line");
    cr_expect_str_eq(named(BYTES("\0"), false), "binary data");
}

Test(foreign, what_people_type)
{
    static const char *const lines[] = {
        "",
        "   ",
        "\t PING",
        "\r",
        "GET key",
        "GET /index.html",
        "SET agent HTTP/1.1x",
        "SET agent xHTTP/1.1",
        "SET agent HTTP/1.1 EX 5",
        "POSTER x",
        "GET Host:",
        "EHLOS",
        "GET EHLO",
        "MAILFROM:",
        "SSH-",
        "\xc3\xa9 x",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        cr_expect_null(foreign_refusal(gm_bytes_of(lines[i]), true), "%s", lines[i]);
    }
    cr_expect_null(foreign_refusal(BYTES("POST / HTTP/1.1"), false), "the line may go on");
    cr_expect_null(foreign_name("ERR Protocol error: invalid bulk length"));
}
