/* SPDX-License-Identifier: MIT */

/* options.c - the strings that the options own, and a kind of value that is not theirs alone. */
#include "cli/options/options.h"

#include "base/memory.h"

char *options_own(struct options *options, struct gm_bytes text)
{
    options->owned = memory_realloc(options->owned, (options->owned_count + 1) * sizeof *options->owned);
    char *copy = memory_alloc(text.size + 1);
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    options->owned[options->owned_count++] = (struct options_string){copy, text.size};
    return copy;
}

void options_finish(struct options *options)
{
    for (size_t i = 0; i < options->owned_count; i++) {
        explicit_bzero(options->owned[i].text, options->owned[i].size); /* a URI is cut into several strings */
        memory_free(options->owned[i].text);
    }
    memory_free(options->owned);
    options->owned = NULL;
    options->owned_count = 0;
}

bool options_period(struct gm_bytes text, double *seconds)
{
    static const struct {
        const char *unit;
        double seconds;
    } units[] = {{"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}, {"", 1}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t size = strlen(units[i].unit);
        if (text.size > size && memcmp(text.data + text.size - size, units[i].unit, size) == 0) {
            bool number = bytes_to_double((struct gm_bytes){text.data, text.size - size}, seconds);
            *seconds *= units[i].seconds;
            return number && *seconds >= 0.001 && *seconds <= 86400;
        }
    }
    return false;
}
