/* SPDX-License-Identifier: MIT */

#include <criterion/criterion.h>

#include "log/names.h"

Test(names, are_listed_in_the_order_of_their_declaration)
{
    struct names names = {0};
    cr_assert_eq(names_declare(&names, 7, BYTES("a.text/1")), NAMES_NEW);
    cr_assert_eq(names_declare(&names, 65535, BYTES("a.list/1")), NAMES_NEW);
    cr_assert_eq(names_declare(&names, 1, BYTES("a.set/1")), NAMES_NEW);
    cr_assert_eq(names_declare(&names, 65535, BYTES("a.list/1")), NAMES_KNOWN);
    cr_assert_eq(names.count, 3);
    cr_assert(names.list[0].type == 7 && names.list[1].type == 65535 && names.list[2].type == 1);
    cr_assert(gm_bytes_equal(names_of(&names, 65535), BYTES("a.list/1")));
    cr_assert_eq(names_of(&names, 8).size, 0);
    cr_assert_eq(names_of(&names, 0).size, 0);
    cr_assert(names_number(&names, BYTES("a.set/1")) == 1 && names_number(&names, BYTES("a.set/2")) == 0);
    names_finish(&names);
}

Test(names, that_change_their_text_keep_their_place)
{
    struct names names = {0};
    (void)names_declare(&names, 3, BYTES("old/1"));
    (void)names_declare(&names, 4, BYTES("other/1"));
    cr_assert_eq(names_declare(&names, 3, BYTES("new/1")), NAMES_CHANGED);
    cr_assert(names.count == 2 && names.list[0].type == 3);
    cr_assert(gm_bytes_equal(names_of(&names, 3), BYTES("new/1")));
    cr_assert_eq(names_number(&names, BYTES("old/1")), 0);
    names_clear(&names);
    cr_assert(names.count == 0 && names_of(&names, 3).size == 0);
    cr_assert_eq(names_declare(&names, 3, BYTES("newest/1")), NAMES_NEW);
    names_finish(&names);
}

Test(names, hold_every_number_that_there_is)
{
    struct names names = {0};
    for (unsigned type = 65535; type > 0; type--) {
        uint8_t text[2] = {(uint8_t)type, (uint8_t)(type >> 8)};
        cr_assert_eq(names_declare(&names, (uint16_t)type, (struct gm_bytes){text, 2}), NAMES_NEW);
    }
    cr_assert_eq(names.count, 65535);
    cr_assert_eq(names_declare(&names, 1, BYTES("x")), NAMES_CHANGED);
    cr_assert(gm_bytes_equal(names_of(&names, 0x0203), BYTES("\3\2")));
    names_finish(&names);
}

Test(names, of_a_source_are_ours_by_their_text)
{
    struct names ours = {0};
    struct names_map map = {0};
    (void)names_declare(&ours, 1, BYTES("a.text/1"));
    (void)names_declare(&ours, 2, BYTES("a.list/1"));
    cr_assert_eq(names_map_of(&map, 9), 0);
    cr_assert(names_map_declare(&map, 9, BYTES("a.list/1"), &ours));
    cr_assert(names_map_declare(&map, 2, BYTES("a.text/1"), &ours));
    cr_assert_not(names_map_declare(&map, 5, BYTES("a.set/1"), &ours));
    cr_assert_not(names_map_declare(&map, 0, BYTES("a.text/1"), &ours), "0 is the host");
    cr_assert(names_map_of(&map, 9) == 2 && names_map_of(&map, 2) == 1);
    cr_assert(names_map_of(&map, 5) == 0 && names_map_of(&map, 1) == 0 && names_map_of(&map, 65535) == 0);
    cr_assert(names_map_declare(&map, 9, BYTES("a.text/1"), &ours), "a number may get another meaning");
    cr_assert_eq(names_map_of(&map, 9), 1);
    names_map_finish(&map);
    names_finish(&ours);
}
