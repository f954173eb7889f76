/* SPDX-License-Identifier: MIT */

/* The heap of moments gives them in order, also when some are taken out of its middle. */
#include <criterion/criterion.h>

#include "base/heap.h"
#include "base/prng.h"

Test(heap, gives_what_is_in_it_in_order)
{
    struct prng prng;
    prng_seed(&prng, 11);
    struct heap heap = {0};
    static struct heap_node nodes[500];
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 500; i++) {
            nodes[i] = (struct heap_node){0};
            heap_add(&heap, &nodes[i], (int64_t)prng_below(&prng, 1000));
        }
        size_t left = 500;
        for (int i = 0; i < 500; i += 3) {
            heap_remove(&heap, &nodes[i]);
            heap_remove(&heap, &nodes[i]); /* a second time: nothing happens */
            left--;
        }
        int64_t before = INT64_MIN;
        struct heap_node *first;
        while ((first = heap_first(&heap)) != NULL) {
            cr_assert_geq(first->at, before);
            cr_assert_neq((first - nodes) % 3, 0, "it was removed");
            before = first->at;
            heap_remove(&heap, first);
            left--;
        }
        cr_assert_eq(left, 0);
    }
    heap_finish(&heap);
}
