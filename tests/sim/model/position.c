/* SPDX-License-Identifier: MIT */

/* position.c - where a replica stands: the last of its log that is synced, as its cluster loop sees it, and what it
 * owes. */
#include "model.h"

int position_sequence(struct model *the, int n)
{
    int s = the->on[C7publish] || the->nodes[n].published > the->nodes[n].synced ? the->nodes[n].synced
                                                                                 : the->nodes[n].published;
    return the->nodes[n].storing == 5 && the->on[C17stand] && s > the->nodes[n].exchange_cut
               ? the->nodes[n].exchange_cut
               : s; /* lower before it is cut */
}

int position_epoch(struct model *the, int n)
{
    return position_sequence(the, n) ? the->nodes[n].log[position_sequence(the, n)].epoch : 0;
}

int position_owes(struct model *the, int n)
{
    return the->nodes[n].owes_epoch && position_before(position_epoch(the, n), position_sequence(the, n),
                                                       the->nodes[n].owes_epoch, the->nodes[n].owes_sequence);
}
