/* SPDX-License-Identifier: MIT */

/* post.c - messages under way: delay, loss, cuts; beats, calls and streams have an order each of their own. */
#include "model.h"

struct message *post_make(struct model *the, int type, int from, int to)
{
    int i;
    if (the->free_message >= 0) {
        i = the->free_message;
        the->free_message = the->pool[i].next;
    } else {
        if (the->messages >= 8192) {
            model_blame(the, "MODEL pool full");
            i = 0;
        } else {
            i = the->messages++;
        }
    }
    memset(&the->pool[i], 0, sizeof the->pool[i]);
    the->pool[i].type = type;
    the->pool[i].from = from;
    the->pool[i].to = to;
    the->pool[i].from_life = from < the->count ? the->nodes[from].life : 0;
    the->pool[i].folder = from < the->count ? the->nodes[from].folder : 0;
    return &the->pool[i];
}

void post_free(struct model *the, struct message *m)
{
    memory_free(m->table);
    memory_free(m->snapshot);
    m->table = NULL;
    m->snapshot = NULL;
    m->next = the->free_message;
    the->free_message = (int)(m - the->pool);
}

void post_send(struct model *the, struct message *m, int ch)
{
    int f = m->from, t = m->to;
    m->to_life = t < the->count ? the->nodes[t].life : 0;
    if (f != t && (the->cut[f][t] > the->now || (ch == BY_STREAM && the->stream_cut[f][t] > the->now) ||
                   (ch == BY_BEATS && the->beat_cut[f][t] > the->now) || (t < the->count && !the->nodes[t].up) ||
                   (the->loss && dice_chance(the, the->loss)))) {
        post_free(the, m);
        return;
    }
    int64_t d = f == t ? 0 : dice_between(the, 100, 1000);
    if (f != t && the->slow[f][t] > the->now) {
        d = dice_between(the, 100, the->slowest);
    }
    int64_t w = the->now + d;
    if (ch == BY_STREAM || (ch == BY_BEATS && !the->reorders_beats)) {
        if (w < the->last_delivery[ch][f][t]) {
            w = the->last_delivery[ch][f][t];
        }
        the->last_delivery[ch][f][t] = w;
    }
    queue_push(the, w, E_MSG, t, 0, (int)(m - the->pool), 0);
}
