/* SPDX-License-Identifier: MIT */

/* test_connections.c - the file of saved connections. */
#include "support.h"

#include "cli/options/connections.h"

Test(connections, are_found_by_name)
{
    struct gm_bytes text = BYTES("# mine\n\n[a]\nhost = h1\r\n  port=7000\n[b.c-d_1]\nsocket = /tmp/a b\n"
                                 "password = two words = one\n[empty]\n");
    struct connection found;
    struct complaint complaint = {""};
    bool secret;
    cr_assert_eq(connections_find(text, BYTES("a"), &found, &secret, &complaint), STATUS_OK);
    cr_expect(gm_bytes_equal(found.values[CONNECTIONS_HOST], BYTES("h1")));
    cr_expect(gm_bytes_equal(found.values[CONNECTIONS_PORT], BYTES("7000")));
    cr_expect_null(found.values[CONNECTIONS_PASSWORD].data);
    cr_expect(secret, "in the file, whoever's it is");
    cr_assert_eq(connections_find(text, BYTES("b.c-d_1"), &found, &secret, &complaint), STATUS_OK);
    cr_expect(gm_bytes_equal(found.values[CONNECTIONS_SOCKET], BYTES("/tmp/a b")));
    cr_expect(gm_bytes_equal(found.values[CONNECTIONS_PASSWORD], BYTES("two words = one")));
    cr_expect_null(found.values[CONNECTIONS_HOST].data);
    cr_expect_eq(connections_find(text, BYTES("empty"), &found, &secret, &complaint), STATUS_OK);
    cr_expect_eq(connections_find(text, BYTES("none"), &found, &secret, &complaint), STATUS_NOT_FOUND);
    cr_expect_str_eq(complaint.text, "it has no connection [none]");
    cr_expect_eq(connections_find(BYTES("[u]\nuri = redis://h\n"), BYTES("u"), &found, &secret, &complaint), STATUS_OK);
    cr_expect_not(secret);
    cr_expect_eq(connections_find(BYTES("[u]\nuri=redis://p@h"), BYTES("u"), &found, &secret, &complaint), STATUS_OK);
    cr_expect(secret);
}

Test(connections, what_is_not_understood_is_refused)
{
    static const struct {
        const char *text;
        const char *begins;
    } cases[] = {{"host = a\n[a]\n", "line 1: this stands before"},
                 {"[a]\nhots = b\n", "line 2: the keys are"},
                 {"[a]\nHOST = b\n", "line 2: the keys are"},
                 {"[a]\n[b]\n[a]\n", "line 3: the name is given twice"},
                 {"[a]\nhost = b\nhost = c\n", "line 3: the key is given twice"},
                 {"[a]\nhost =\n", "line 2: a value is missing"},
                 {"[a]\nhost\n", "line 2: neither"},
                 {"[a b]\n", "line 1: this stands before"},
                 {"[a]\n\n[b\n", "line 3: neither"},
                 {"[]\n", "line 1: this stands before"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct connection found;
        struct complaint complaint = {""};
        bool secret;
        cr_expect_eq(connections_find(gm_bytes_of(cases[i].text), BYTES("a"), &found, &secret, &complaint),
                     STATUS_INVALID, "%s", cases[i].text); /* connections N1 */
        cr_expect_eq(strncmp(complaint.text, cases[i].begins, strlen(cases[i].begins)), 0, "%s", complaint.text);
    }
}
