/* SPDX-License-Identifier: MIT */

/* queue.c - what is to happen, by time: a heap of events. */
#include "model.h"

void queue_push(struct model *the, int64_t t, int type, int n, int life, int a, int b)
{
    if (the->events >= (1 << 15) - 1) {
        model_blame(the, "MODEL heap full");
        return;
    }
    struct event e = {t, the->event_number++, type, n, life, a, b};
    int i = the->events++;
    while (i > 0) {
        int p = (i - 1) / 2;
        if (the->heap[p].t < e.t || (the->heap[p].t == e.t && the->heap[p].q < e.q)) {
            break;
        }
        the->heap[i] = the->heap[p];
        i = p;
    }
    the->heap[i] = e;
}

struct event queue_pop(struct model *the)
{
    struct event r = the->heap[0], e = the->heap[--the->events];
    int i = 0;
    for (;;) {
        int c = 2 * i + 1;
        if (c >= the->events) {
            break;
        }
        if (c + 1 < the->events && (the->heap[c + 1].t < the->heap[c].t ||
                                    (the->heap[c + 1].t == the->heap[c].t && the->heap[c + 1].q < the->heap[c].q))) {
            c++;
        }
        if (e.t < the->heap[c].t || (e.t == the->heap[c].t && e.q < the->heap[c].q)) {
            break;
        }
        the->heap[i] = the->heap[c];
        i = c;
    }
    the->heap[i] = e;
    return r;
}

void queue_after(struct model *the, int n, int64_t delay, int type, int a, int b)
{
    queue_push(the, the->now + delay, type, n, the->nodes[n].life, a, b);
}
