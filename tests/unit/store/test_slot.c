/* SPDX-License-Identifier: MIT */

/* Slots as cluster clients compute them: the known answers of CLUSTER KEYSLOT. */
#include <criterion/criterion.h>

#include "base/bytes.h"
#include "store/slot.h"

Test(slot, agrees_with_what_cluster_clients_compute)
{
    cr_assert_eq(slot_of(BYTES("123456789")), 0x31c3 % 16384); /* the check value of CRC-16/XMODEM */
    cr_assert_eq(slot_of(BYTES("foo")), 12182);
    cr_assert_eq(slot_of(BYTES("")), 0);
    cr_assert_eq(slot_of(BYTES("somekey")), 11058);
}

Test(slot, a_hash_tag_stands_for_the_key)
{
    cr_assert_eq(slot_of(BYTES("{foo}bar")), slot_of(BYTES("foo")));
    cr_assert_eq(slot_of(BYTES("a{foo}{zap}")), slot_of(BYTES("foo")));
    cr_assert_eq(slot_of(BYTES("foo{{bar}}zap")), slot_of(BYTES("{bar")));
    cr_assert_neq(slot_of(BYTES("foo{}bar")), slot_of(BYTES("")));
    cr_assert_neq(slot_of(BYTES("{foo")), slot_of(BYTES("foo")));
}
