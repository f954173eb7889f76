/* SPDX-License-Identifier: MIT */

/* The protocol's model: with all rules nothing is violated, and a rule that is off is seen. */
#include <criterion/criterion.h>

#include "model/model.h"
#include "support/seed.h"

#ifdef __SANITIZE_ADDRESS__
#define PAGE_RUNS 10
#define RUNS_MAX  20
#else
#define PAGE_RUNS 60
#define RUNS_MAX  1000
#endif

/* The first run in which it was seen, of those from seed 1 on: another number means that the model is another. */
static const struct row {
    enum model_rule rule;
    int mode, lies, story;
    uint64_t runs;
    const char *what; /* the violation begins with */
} rows[] = {
    {C3margin, 3, 1, 6, 2, "I2a"},   {C3sent, 3, 0, 9, 57, "I2a"},      {C3asked, 5, 0, 7, 1, "I2a"},
    {C3clock, 5, 0, 7, 1, "I2a"},    {C4, 5, 0, 2, 14, "I2b"},          {C5, 3, 0, 5, 4, "I2a"},
    {C6two, 2, 1, 0, 1, "LIVE"},     {C6alone, 2, 0, 11, 69, "LIVE"},   {C6begun, 2, 0, 0, 650, "I2a"},
    {C6swap, 2, 0, 11, 19, "LIVE"},  {C7grant, 3, 0, 3, 1, "I2a"},      {C7pos, 3, 1, 0, 2, "I4"},
    {C7order, 3, 0, 10, 9, "I4"},    {C7stand, 5, 0, 7, 179, "I4"},     {C7publish, 3, 1, 6, 218, "I4"},
    {C7store, 3, 0, 5, 55, "I4"},    {C7putback, 5, 0, 2, 3, "LIVE"},   {C7own, 5, 1, 0, 30, "LIVE"},
    {C8, 5, 1, 1, 1, "I1"},          {C8start, 3, 0, 0, 2, "I3"},       {C10, 5, 1, 0, 1, "LIVE"},
    {C10same, 3, 2, 0, 17, "LIVE"},  {C10then, 3, 0, 5, 1, "LIVE"},     {C11hello, 3, 0, 0, 124, "I4"},
    {C11beat, 3, 0, 3, 4, "I1"},     {C11epoch, 3, 0, 5, 112, "I4"},    {C12, 3, 0, 5, 29, "I6"},
    {C13, 5, 0, 2, 1, "I1"},         {C15floor, 5, 0, 0, 8, "I4"},      {C17owes, 3, 0, 9, 6, "I1"},
    {C17yes, 2, 0, 11, 2, "LIVE"},   {C17synced, 2, 0, 11, 11, "LIVE"}, {C17ask, 5, 0, 12, 7, "LIVE"},
    {C17floor, 3, 0, 9, 198, "I1"},  {C18next, 5, 0, 2, 206, "I1"},     {C18epoch, 5, 0, 2, 117, "I1"},
    {C18back, 2, 0, 0, 138, "LIVE"}, {C21, 5, 1, 1, 2, "I1"},           {C21epoch, 5, 1, 1, 25, "I6"},
    {RESlater, 3, 0, 4, 38, "I2a"},  {RESlease, 3, 2, 4, 1, "I2a"},     {RESorder, 3, 0, 4, 2, "I2a"},
};

static void run_row(const struct row *row)
{
    struct model *model = model_create();
    model->on[row->rule] = 0;
    model->mode = row->mode;
    model->lies = row->lies;
    model->story = row->story;
    uint64_t seed = 1;
    while (seed <= row->runs && !model_run(model, seed)) {
        seed++;
    }
    cr_expect_leq(seed, row->runs, "nobody sees that %s is off", model_rule_name(row->rule));
    cr_expect_eq(strncmp(model->violation, row->what, strlen(row->what)), 0, "%s off: %s", model_rule_name(row->rule),
                 model->violation);
    model_destroy(model);
}

static void run_part(size_t part)
{
    for (size_t i = part; i < sizeof rows / sizeof rows[0]; i += 2) {
        if (rows[i].runs <= RUNS_MAX) {
            run_row(&rows[i]);
        }
    }
}

Test(model, a_rule_that_is_off_is_seen)
{
    run_part(0);
}

Test(model, a_rule_that_is_off_is_seen_too)
{
    run_part(1);
}

/* A lower epoch comes with an older topology: each of the two rules covers the other. */
Test(model, rules_that_cover_each_other_are_seen_together)
{
    struct model *model = model_create();
    model->on[C7lower] = 0;
    model->on[C7topo] = 0;
    model->lies = 1;
    model->story = 6;
    uint64_t seed = 1;
    while (seed < 100 && !model_run(model, seed)) {
        seed++;
    }
    cr_expect_lt(seed, 100);
    model_destroy(model);
}

Test(model, the_page_holds)
{
    static const struct {
        int mode, lies, story;
    } circumstances[] = {{3, 0, 0}, {3, 1, 0}, {5, 0, 0},  {5, 1, 0},  {2, 0, 0},  {2, 1, 0},
                         {3, 2, 4}, {3, 0, 9}, {3, 0, 10}, {2, 0, 11}, {5, 0, 12}, {5, 1, 1}};
    uint64_t seed = seed_of_run() % 1000000000;
    for (size_t i = 0; i < sizeof circumstances / sizeof circumstances[0]; i++) {
        struct model *model = model_create();
        model->mode = circumstances[i].mode;
        model->lies = circumstances[i].lies;
        model->story = circumstances[i].story;
        for (uint64_t k = 0; k < PAGE_RUNS; k++) {
            cr_expect_not(model_run(model, seed + k), "seed %llu, circumstances %zu: %s",
                          (unsigned long long)(seed + k), i, model->violation);
        }
        cr_expect_gt(model->counts.acks, 0);
        model_destroy(model);
    }
}
