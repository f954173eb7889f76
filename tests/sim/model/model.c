/* SPDX-License-Identifier: MIT */

/* model.c - its life, its rules' names, its words. */
#include "model.h"

#include <stdarg.h>

struct model *model_create(void)
{
    struct model *the = memory_zeroed(sizeof *the);
    memset(the->on, 1, sizeof the->on);
    the->on[Xlogset] = 0;
    the->mode = 3;
    the->fastest_clock = 1100;
    the->lease_us = 500 * MS;
    the->beat_us = 100 * MS;
    the->free_message = -1;
    return the;
}

void model_destroy(struct model *the)
{
    for (int i = 0; i < the->messages; i++) {
        memory_free(the->pool[i].table);
        memory_free(the->pool[i].snapshot);
    }
    memory_free(the);
}

const char *model_rule_name(enum model_rule rule)
{
    static const char *const names[] = {
#define X(name) #name,
        MODEL_RULES(X)
#undef X
    };
    check(rule < RULES);
    return names[rule];
}

enum model_rule model_rule_find(const char *name)
{
    enum model_rule rule = 0;
    while (rule < RULES && strcmp(model_rule_name(rule), name) != 0) {
        rule++;
    }
    return rule;
}

void model_trace(struct model *the, const char *f, ...)
{
    if (the->tracing) {
        va_list a;
        va_start(a, f);
        printf("%9.3f ", (double)the->now / 1000);
        vprintf(f, a);
        printf("\n");
        va_end(a);
    }
}

void model_blame(struct model *the, const char *f, ...)
{
    if (!the->violated) {
        va_list a;
        the->violated = 1;
        va_start(a, f);
        (void)vsnprintf(the->violation, sizeof the->violation, f, a);
        va_end(a);
        model_trace(the, "VIOLATION %s", the->violation);
    }
}
