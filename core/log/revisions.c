/* SPDX-License-Identifier: MIT */

/* revisions.c - what a file must say of the operations in it.
 *
 * Why      An older module does not know the operations of a newer one. It must not begin to read a file that has some;
 *          and one that has none it must read, whichever module has written it.
 *
 * Idea     For each pair of type and revision there is the last record that has such an operation. A file that is about
 *          to get records says what is due of them, once, before the first of them (a REVISION record). A new file says
 *          nothing until it is due again: so what it says is what stands in it.
 *
 *              noted   (bag, 2) last 40   (bag, 3) last 17        said in this file   (bag, 2)
 *              records 41.. are about to be written: nothing is due; 15..: (bag, 3)
 *
 * Promises
 *   I1  A pair stands in the list once.
 *
 * Limits   A pair for each revision that was used since the start, of at most 255 of a type. A file may say it a little
 *          before it is true: of records that wait behind those that are written now, and were lost in a crash.
 */
#include "log/revisions.h"

#include "base/memory.h"

void revisions_finish(struct revisions *revisions)
{
    memory_free(revisions->list);
    *revisions = (struct revisions){0};
}

void revisions_clear(struct revisions *revisions)
{
    revisions->count = 0;
}

void revisions_forget(struct revisions *revisions, uint16_t type)
{
    size_t kept = 0;
    for (size_t i = 0; i < revisions->count; i++) {
        if (revisions->list[i].type != type) {
            revisions->list[kept++] = revisions->list[i];
        }
    }
    revisions->count = kept;
}

static struct revisions_entry *find(const struct revisions *revisions, uint16_t type, uint16_t revision)
{
    for (size_t i = 0; i < revisions->count; i++) {
        if (revisions->list[i].type == type && revisions->list[i].revision == revision) {
            return &revisions->list[i];
        }
    }
    return NULL;
}

void revisions_note(struct revisions *revisions, const struct record_revision *revision, uint64_t sequence)
{
    struct revisions_entry *entry = find(revisions, revision->type, revision->revision); /* revisions I1 */
    check(revision->writer.size <= RECORD_WRITER_MAX);
    if (entry == NULL) {
        if (revisions->count == revisions->room) {
            revisions->room = revisions->room > 0 ? revisions->room * 2 : 4;
            revisions->list = memory_realloc(revisions->list, revisions->room * sizeof *revisions->list);
        }
        entry = &revisions->list[revisions->count++];
        *entry = (struct revisions_entry){.type = revision->type, .revision = revision->revision};
    }
    entry->last = sequence > entry->last ? sequence : entry->last;
    entry->writer_size = (uint8_t)revision->writer.size;
    if (revision->writer.size > 0) {
        memcpy(entry->writer, revision->writer.data, revision->writer.size);
    }
}

uint16_t revisions_of(const struct revisions *revisions, uint16_t type)
{
    uint16_t highest = 1;
    for (size_t i = 0; i < revisions->count; i++) {
        const struct revisions_entry *entry = &revisions->list[i];
        highest = entry->type == type && entry->revision > highest ? entry->revision : highest;
    }
    return highest;
}

bool revisions_next(const struct revisions *revisions, uint64_t after, const struct revisions *said,
                    struct record_revision *out)
{
    const struct revisions_entry *due = NULL;
    for (size_t i = 0; i < revisions->count; i++) {
        const struct revisions_entry *entry = &revisions->list[i];
        bool fits = due == NULL || (entry->type == due->type && entry->revision > due->revision);
        if (fits && entry->last > after && entry->revision > revisions_of(said, entry->type)) {
            due = entry;
        }
    }
    if (due == NULL) {
        return false;
    }
    *out = (struct record_revision){due->type, due->revision, {due->writer, due->writer_size}};
    return true;
}
