/* SPDX-License-Identifier: MIT */

/* Stories of rows: how they are printed, how the statistics of several threads become one, what a reset leaves. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/counters.h"

struct shop {
    uint64_t sold;
    uint64_t tried;
    uint32_t clerks;
    int64_t till; /* may be below 0 */
    uint64_t longest_queue;
    uint64_t stock;
    uint64_t open_ns;
    uint64_t customers_before; /* shown by no row's name */
    uint64_t scars;            /* are not forgotten */
    bool on_fire;
    const char *owner;
    bool has_parrot;
};

static struct counter_value success(const void *of)
{
    const struct shop *shop = of;
    return counter_ratio(shop->sold, shop->tried);
}

static struct counter_value success_percent(const void *of)
{
    return counter_real(100 * success(of).real);
}

static struct counter_value parrot(const void *of)
{
    return ((const struct shop *)of)->has_parrot ? counter_number(-1) : COUNTER_NONE;
}

static struct counter_value hours(const void *of)
{
    return counter_real((double)((const struct shop *)of)->open_ns / 1e9);
}

#define SHOP(member) COUNTER_OF(struct shop, member)

static const struct counter_row rows[] = {
    {"sold", "Sales.", SHOP(sold), .resets = true},
    {"tried", "Attempts.", SHOP(tried), .resets = true},
    {"clerks", "Clerks.", SHOP(clerks), .kind = COUNTER_GAUGE},
    {"till", "Money.", SHOP(till), .kind = COUNTER_GAUGE},
    {"longest_queue", "The longest queue.", SHOP(longest_queue), .kind = COUNTER_GAUGE, .merge = COUNTER_MAX},
    {"stock", "Bytes in store.", SHOP(stock), .kind = COUNTER_GAUGE, .unit = COUNTER_SIZE},
    {"goods", "The same.", SHOP(stock), .kind = COUNTER_GAUGE, .unit = COUNTER_BYTES, .merge = COUNTER_AGAIN},
    {"open", "How long it was open.", SHOP(open_ns), .unit = COUNTER_NS},
    {"open_s", "The same.", COUNTER_BY(hours), .unit = COUNTER_S},
    {NULL, "Those of yesterday.", SHOP(customers_before), .resets = true},
    {"scars", "What will always be seen.", SHOP(scars)},
    {"on_fire", "Whether it burns.", SHOP(on_fire), .kind = COUNTER_GAUGE, .unit = COUNTER_FLAG},
    {"owner", "Whose it is.", SHOP(owner), .kind = COUNTER_LABEL, .merge = COUNTER_FIRST},
    {"success", "Sales by attempts.", COUNTER_BY(success), .kind = COUNTER_GAUGE, .unit = COUNTER_RATIO},
    {"success_perc", "The same.", COUNTER_BY(success_percent), .kind = COUNTER_GAUGE, .unit = COUNTER_PERCENT},
    {"success_long", "The same.", COUNTER_BY(success), .kind = COUNTER_GAUGE, .unit = COUNTER_LONG_US},
    {"parrot", "What it says.", COUNTER_BY(parrot), .kind = COUNTER_GAUGE},
    {"kind", "What it is.", COUNTER_SAY("shop")},
};

static const struct counter_table table = COUNTER_TABLE(struct shop, rows);
static const struct counter_table family = COUNTER_FAMILY(struct shop, rows, "shop_");

static const struct shop monday = {.sold = 3,
                                   .tried = 4,
                                   .clerks = 2,
                                   .till = -5,
                                   .longest_queue = 7,
                                   .stock = 1536,
                                   .open_ns = 1600,
                                   .customers_before = 9,
                                   .scars = 1,
                                   .owner = "Ann"};

static void expect_printed(const struct counter_table *of, const struct shop *shop, const char *label,
                           const char *wanted)
{
    struct buf out;
    buf_init(&out, 65536);
    counters_print(of, shop, label, &out);
    cr_expect(gm_bytes_equal(buf_bytes(&out), gm_bytes_of(wanted)), "%.*s", (int)out.size, (const char *)out.data);
    buf_finish(&out);
}

Test(counters, each_unit_has_its_form)
{
    expect_printed(&table, &monday, NULL,
                   "sold:3\r\ntried:4\r\nclerks:2\r\ntill:-5\r\nlongest_queue:7\r\nstock:1536\r\nstock_human:1.50K\r\n"
                   "goods:1536\r\nopen:2\r\nopen_s:0.000002\r\nscars:1\r\non_fire:0\r\nowner:Ann\r\nsuccess:0.75\r\n"
                   "success_perc:75.00%\r\nsuccess_long:0.750\r\nkind:shop\r\n");
}

Test(counters, a_family_is_one_line)
{
    static const struct counter_row few[] = {
        {"sold", "Sales.", SHOP(sold)},
        {"owner", "Whose it is.", SHOP(owner), .kind = COUNTER_LABEL},
        {"parrot", "What it says.", COUNTER_BY(parrot)},
    };
    static const struct counter_table line = COUNTER_FAMILY(struct shop, few, "shop_");
    struct shop shop = monday;
    expect_printed(&line, &shop, "north", "shop_north:sold=3,owner=Ann\r\n");
    shop.owner = NULL;
    shop.has_parrot = true;
    expect_printed(&line, &shop, NULL, "shop_:sold=3,parrot=-1\r\n");
    expect_printed(&(struct counter_table)COUNTER_TABLE(struct shop, few), &shop, "_s", "sold_s:3\r\nparrot_s:-1\r\n");
}

Test(counters, bytes_as_people_read_them)
{
    static const struct counter_row one[] = {{"b", "Bytes.", SHOP(stock), .unit = COUNTER_SIZE}};
    static const struct counter_table bytes = COUNTER_TABLE(struct shop, one);
    static const struct {
        uint64_t bytes;
        const char *printed;
    } cases[] = {{0, "b:0\r\nb_human:0B\r\n"},
                 {1023, "b:1023\r\nb_human:1023B\r\n"},
                 {1024, "b:1024\r\nb_human:1.00K\r\n"},
                 {(uint64_t)5 << 20, "b:5242880\r\nb_human:5.00M\r\n"},
                 {(uint64_t)3 << 30, "b:3221225472\r\nb_human:3.00G\r\n"},
                 {(uint64_t)2048 << 40, "b:2251799813685248\r\nb_human:2048.00T\r\n"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_printed(&bytes, &(struct shop){.stock = cases[i].bytes}, NULL, cases[i].printed);
    }
}

Test(counters, a_long_word_is_not_cut)
{
    static const struct counter_row one[] = {{"owner", "Whose it is.", SHOP(owner)}};
    static const struct counter_table names = COUNTER_TABLE(struct shop, one);
    static char name[5000];
    static char wanted[5100];
    memset(name, 'n', sizeof name - 1);
    (void)snprintf(wanted, sizeof wanted, "owner:%s\r\n", name);
    expect_printed(&names, &(struct shop){.owner = name}, NULL, wanted);
}

Test(counters, two_parts_are_one)
{
    struct shop all = monday;
    struct shop tuesday = {.sold = 1,
                           .tried = 12,
                           .clerks = 3,
                           .till = 15,
                           .longest_queue = 5,
                           .stock = 512,
                           .customers_before = 2,
                           .on_fire = true,
                           .owner = "Bob"};
    counters_merge(&table, &all, &tuesday);
    cr_expect_eq(all.sold, 4);
    cr_expect_eq(all.clerks, 5);
    cr_expect_eq(all.till, 10);
    cr_expect_eq(all.longest_queue, 7, "the longest of both");
    cr_expect_eq(all.stock, 2048, "once, though two rows show it");
    cr_expect_eq(all.customers_before, 11, "nameless, but merged");
    cr_expect(all.on_fire, "one of them burns");
    cr_expect_str_eq(all.owner, "Ann");
    cr_expect_eq(success(&all).real, 0.25, "the ratio of the sums");
}

Test(counters, merging_in_any_grouping_is_the_same)
{
    struct shop parts[3] = {monday, monday, monday};
    parts[1].till = 20;
    parts[1].longest_queue = 9;
    parts[2].sold = 100;
    struct shop left = parts[0];
    counters_merge(&table, &left, &parts[1]);
    counters_merge(&table, &left, &parts[2]);
    struct shop right = parts[1];
    counters_merge(&table, &right, &parts[2]);
    struct shop all = parts[0];
    counters_merge(&table, &all, &right);
    cr_expect_eq(memcmp(&left, &all, sizeof all), 0);
    cr_expect_eq(all.sold, 106);
    cr_expect_eq(all.longest_queue, 9);
}

Test(counters, a_sum_without_room_stays_at_the_largest)
{
    struct shop all = {.sold = UINT64_MAX - 1, .clerks = UINT32_MAX, .till = INT64_MIN + 1, .stock = UINT64_MAX - 3};
    struct shop more = {.sold = 5, .clerks = 1, .till = -7, .stock = 3};
    counters_merge(&table, &all, &more);
    cr_expect_eq(all.sold, UINT64_MAX);
    cr_expect_eq(all.clerks, UINT32_MAX);
    cr_expect_eq(all.till, INT64_MIN);
    cr_expect_eq(all.stock, UINT64_MAX);
}

Test(counters, a_reset_leaves_what_is_not_counted_since)
{
    struct shop shop = monday;
    cr_expect(counters_resets(&table));
    counters_reset(&family, &shop);
    cr_expect(shop.sold == 0 && shop.tried == 0 && shop.customers_before == 0);
    cr_expect(shop.scars == 1 && shop.stock == 1536 && shop.clerks == 2 && shop.till == -5);
    cr_expect_str_eq(shop.owner, "Ann");
    cr_expect_eq(success(&shop).real, 0, "of nothing");
    cr_expect_not(counters_resets(&(struct counter_table){.rows = rows + 2, .count = 5}));
}

Test(counters, rows_are_found_by_name)
{
    const struct counter_row *row = counters_find(&table, "till");
    cr_assert(row != NULL);
    struct counter_value value = counters_value(row, &monday);
    cr_expect(value.form == COUNTER_NUMBER && value.number == -5);
    cr_expect(counters_find(&table, "tills") == NULL);
    cr_expect(counters_find(&table, "") == NULL);
    cr_expect_eq(counters_value(counters_find(&table, "parrot"), &monday).form, COUNTER_UNKNOWN);
}
