/* SPDX-License-Identifier: MIT */

#include <criterion/criterion.h>

#include "base/buf.h"
#include "base/memory.h"

static bool holds(const struct buf *buf, const char *text)
{
    return gm_bytes_equal(buf_bytes(buf), gm_bytes_of(text));
}

Test(buf, appends_formats_and_consumes)
{
    struct buf buf;
    buf_init(&buf, 1000);
    cr_assert(holds(&buf, ""));
    cr_assert(buf_append(&buf, BYTES_NONE), "nothing fits always");
    cr_assert(buf_append(&buf, BYTES("hello ")));
    cr_assert(buf_format(&buf, "%s %d", "world", 42));
    cr_assert(holds(&buf, "hello world 42"));
    buf_consume(&buf, 6);
    cr_assert(holds(&buf, "world 42"));
    buf_consume(&buf, 8);
    cr_assert(holds(&buf, ""));
    cr_assert(buf_append(&buf, BYTES("again")));
    cr_assert(holds(&buf, "again"));
    buf_finish(&buf);
    cr_assert_null(buf.data);
    cr_assert(buf_append(&buf, BYTES("usable after finish")));
    cr_assert(holds(&buf, "usable after finish"));
    buf_finish(&buf);
}

Test(buf, never_passes_its_ceiling)
{
    struct buf buf;
    buf_init(&buf, 600);
    uint8_t block[601] = {0};
    cr_assert_not(buf_append(&buf, (struct gm_bytes){block, 601}));
    cr_assert(buf.full);
    cr_assert_eq(buf.size, 0, "refused as a whole"); /* buf I1 */
    cr_assert(buf_append(&buf, (struct gm_bytes){block, 599}), "a refusal is not for ever");
    cr_assert(buf_append(&buf, (struct gm_bytes){block, 1}));
    cr_assert_eq(buf.size, 600);
    cr_assert_leq(buf.capacity, 600, "nor does the memory");
    cr_assert_not(buf_append(&buf, (struct gm_bytes){block, 1}));
    cr_assert_not(buf_format(&buf, "x"));
    cr_assert_null(buf_reserve(&buf, SIZE_MAX), "a size that would overflow");
    cr_assert_eq(buf.size, 600);
    buf_clear(&buf, 0);
    cr_assert_not(buf.full);
    cr_assert_eq(buf.capacity, 0, "more than what may be kept is given back");
    cr_assert_eq(buf.limit, 600);
    buf_finish(&buf);

    struct buf nothing = {.limit = 0};
    cr_assert_not(buf_append(&nothing, BYTES("x")));
    cr_assert(buf_append(&nothing, BYTES_NONE));
    buf_finish(&nothing);
}

Test(buf, grows_at_most_twofold_and_keeps_its_bytes)
{
    struct buf buf;
    buf_init(&buf, (size_t)1 << 20);
    for (size_t i = 0; i < 100000; i++) {
        uint8_t byte = (uint8_t)(i * 7);
        size_t before = buf.capacity;
        cr_assert(buf_append(&buf, (struct gm_bytes){&byte, 1}));
        cr_assert(buf.capacity == before || before == 0 || buf.capacity <= before * 2); /* buf I2 */
    }
    for (size_t i = 0; i < buf.size; i++) {
        cr_assert_eq(buf.data[i], (uint8_t)(i * 7));
    }
    uint8_t *data = buf.data;
    size_t capacity = buf.capacity;
    buf_clear(&buf, capacity);
    cr_assert_eq(buf.data, data, "what may be kept is kept");
    cr_assert_eq(buf.capacity, capacity);
    buf_finish(&buf);

    struct buf zeroed = {.limit = 10};
    cr_assert(buf_append(&zeroed, BYTES("0123456789")), "all zeros but the limit is a valid buffer");
    buf_finish(&zeroed);
}

Test(buf, formats_any_length_and_all_or_nothing_at_the_ceiling)
{
    static char text[5000];
    memset(text, 'x', sizeof text - 1);
    static const size_t sizes[] = {0, 1, 1022, 1023, 1024, 1025, 4998};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct buf buf;
        buf_init(&buf, sizes[i] + 1);
        cr_assert(buf_format(&buf, "<%.*s", (int)sizes[i], text), "%zu", sizes[i]);
        cr_assert_eq(buf.size, sizes[i] + 1, "exactly at the ceiling");
        cr_assert(buf.data[0] == '<' && (sizes[i] == 0 || buf.data[sizes[i]] == 'x'));
        cr_assert_not(buf.full);
        buf_clear(&buf, SIZE_MAX);
        cr_assert_not(buf_format(&buf, "<%.*s>", (int)sizes[i], text), "one byte beyond it");
        cr_assert(buf.full && buf.size == 0);
        buf_finish(&buf);
    }
}

Test(buf, takes_nothing_beyond_a_ceiling_that_has_been_lowered)
{
    struct buf buf;
    buf_init(&buf, 1000);
    cr_assert(buf_append(&buf, BYTES("0123456789")));
    buf_limit(&buf, 12); /* there is room for more in its memory */
    cr_assert(buf_append(&buf, BYTES("ab")));
    cr_assert_not(buf_append(&buf, BYTES("c")));
    buf_limit(&buf, 5);
    cr_assert(gm_bytes_equal(buf_bytes(&buf), BYTES("0123456789ab")), "what is there stays");
    cr_assert_not(buf_append(&buf, BYTES("c")));
    buf_consume(&buf, 8);
    cr_assert(buf_append(&buf, BYTES("c")));
    cr_assert_not(buf_append(&buf, BYTES("d")));
    buf_limit(&buf, 1000);
    cr_assert(buf_append(&buf, BYTES("d")));
    cr_assert(gm_bytes_equal(buf_bytes(&buf), BYTES("89abcd")));
    buf_finish(&buf);
}
