/* SPDX-License-Identifier: MIT */

/* One rule for the names of types, wherever they come from. */
#include <criterion/criterion.h>

#include "base/type_id.h"

Test(type_id, has_parts_and_a_number)
{
    static const char *const names[] = {"geomys.deque/1", "a.b/9", "a.b.c-d_e/10", "0.0/123456"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cr_expect(type_id_is_valid(gm_bytes_of(names[i])), "%s", names[i]);
    }
}

Test(type_id, is_nothing_else)
{
    static const char *const names[] = {
        "",         "a",      "a/1",     "a.b",     "a.b/",     "a.b/0",   "a.b/01",  "a.b/1x",    "a.b/1 ",
        ".a/1",     "a./1",   "a..b/1",  "A.b/1",   "a.b/-1",   "a.b/1/2", "a.b\n/1", "a.b\033/1", "a b.c/1",
        "\xe2.b/1", "a.b/ 1", "a.b/1\n", "a.b\"/1", "a.b/1\t2", "/1",      "./1",     "a.b//1",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cr_expect_not(type_id_is_valid(gm_bytes_of(names[i])), "%s", names[i]);
    }
    cr_expect_not(type_id_is_valid(BYTES("a.b/1\0")), "a NUL is a byte like any other");
    cr_expect_not(type_id_is_valid(BYTES("geomys.string/1\0evil")));
    cr_expect_not(type_id_is_valid(BYTES("\0")));
}

Test(type_id, has_a_length)
{
    char name[TYPE_ID_MAX + 2];
    memset(name, 'x', sizeof name);
    memcpy(name, "a.", 2);
    memcpy(name + TYPE_ID_MAX - 2, "/1", 2);
    cr_expect(type_id_is_valid((struct gm_bytes){(const uint8_t *)name, TYPE_ID_MAX}));
    memcpy(name + TYPE_ID_MAX - 2, "xx/1", 3);
    name[TYPE_ID_MAX] = '1';
    cr_expect_not(type_id_is_valid((struct gm_bytes){(const uint8_t *)name, TYPE_ID_MAX + 1}));
}
