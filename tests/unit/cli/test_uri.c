/* SPDX-License-Identifier: MIT */

/* test_uri.c - cutting a URI in place. */
#include "support.h"

#include "cli/options/uri.h"

static void expect_piece(const char *found, const char *wanted, const char *whole)
{
    cr_expect_eq(found == NULL, wanted == NULL, "%s", whole);
    if (found != NULL && wanted != NULL) {
        cr_expect_str_eq(found, wanted, "%s", whole);
    }
}

Test(uri, is_cut_into_its_pieces)
{
    static const struct {
        const char *text;
        struct uri is;
    } cases[] = {
        {"redis://", {0}},
        {"geomys://h/", {.host = "h"}},
        {"redis://h/7", {.host = "h", .database = 7}},
        {"redis://:7", {.port = "7"}},
        {"redis://[fe80::1]", {.host = "fe80::1"}},
        {"redis://[]:65535", {.port = "65535"}},
        {"redis://u@h", {.password = "u", .host = "h", .secret = true}},
        {"redis://@h", {.password = "", .host = "h", .secret = true}},
        {"redis://u:@h:1", {.user = "u", .password = "", .host = "h", .port = "1", .secret = true}},
        {"redis://a@b:c@d@h", {.user = "a@b", .password = "c@d", .host = "h", .secret = true}},
        {"redis://%3A%2f:%40%25@[::1]:2/3",
         {.user = ":/", .password = "@%", .host = "::1", .port = "2", .database = 3, .secret = true}},
        {"unix:///tmp/a%20b@c?d", {.path = "/tmp/a b@c?d"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        struct uri found;
        snprintf(text, sizeof text, "%s", cases[i].text);
        const char *wrong = uri_cut(text, &found);
        cr_assert_null(wrong, "%s: %s", cases[i].text, wrong);
        expect_piece(found.user, cases[i].is.user, cases[i].text);
        expect_piece(found.password, cases[i].is.password, cases[i].text);
        expect_piece(found.host, cases[i].is.host, cases[i].text);
        expect_piece(found.port, cases[i].is.port, cases[i].text);
        expect_piece(found.path, cases[i].is.path, cases[i].text);
        cr_expect_eq(found.database, cases[i].is.database, "%s", cases[i].text);
        cr_expect_eq(found.secret, cases[i].is.secret, "%s", cases[i].text);
    }
}

Test(uri, what_is_wrong_is_said_and_a_secret_is_one_all_the_same)
{
    static const struct {
        const char *text;
        const char *wrong;
        bool secret;
    } cases[] = {
        {"http://h", "a URI begins with", false},
        {"", "a URI begins with", false},
        {"redis://h?x=1", "it has parameters", false},
        {"redis://h/x", "after the host", false},
        {"redis://h/65536", "after the host", false},
        {"redis://h:", "the host or the port", false},
        {"redis://h:0", "the host or the port", false},
        {"redis://h:65536", "the host or the port", false},
        {"redis://[::1", "the host or the port", false},
        {"redis://[::1]7", "the host or the port", false},
        {"redis://u:p@h:x", "the host or the port", true},
        {"redis://u:p%@h", "the user or the password", true},
        {"redis://u:p%4@h", "the user or the password", true},
        {"redis://%00:p@h", "the user or the password", true},
        {"unix://tmp", "unix:// must be followed", false},
        {"unix:///%zz", "unix:// must be followed", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        struct uri found;
        snprintf(text, sizeof text, "%s", cases[i].text);
        const char *wrong = uri_cut(text, &found);
        cr_assert_not_null(wrong, "%s", cases[i].text);
        cr_expect_eq(strncmp(wrong, cases[i].wrong, strlen(cases[i].wrong)), 0, "%s: %s", cases[i].text, wrong);
        cr_expect_eq(found.secret, cases[i].secret, "%s", cases[i].text);
    }
}
