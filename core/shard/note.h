/* SPDX-License-Identifier: MIT */

/* note.h - what a module is doing at this moment: the crumbs that are left so that, if it crashes, the server can say
 * in which of its functions and on which key.
 *
 * Idea     A command under way is known anyway (shard->calls). For what types are asked to do beside it or within it,
 *          whoever asks them writes a few words into shard->note before and takes them away after:
 *
 *              note_begin(shard->note, NOTE_DUMP, entry->type, entry_key(entry));
 *              type->dump(...);
 *              note_end(shard->note);
 *
 *          Notes do not nest: dump, apply and free call nothing that leaves another one.
 */
#ifndef GEOMYS_SHARD_NOTE_H
#define GEOMYS_SHARD_NOTE_H

#include "base/bytes.h"

enum note_kind {
    NOTE_NONE,
    NOTE_APPLY, /* a record is carried out on the value of `key` */
    NOTE_DUMP,  /* the value of `key` is turned into records */
    NOTE_FREE,  /* what the value of `key` owns is released */
};

struct note {
    enum note_kind kind;
    uint32_t type;       /* number, index into shard->types */
    struct gm_bytes key; /* borrowed */
};

static inline void note_begin(struct note *note, enum note_kind kind, uint32_t type, struct gm_bytes key)
{
    note->type = type;
    note->key = key;
    note->kind = kind;
}

static inline void note_end(struct note *note)
{
    note->kind = NOTE_NONE;
}

struct shard;

/* Writes into `text` what was under way, as the middle of a sentence: "the module geomys.kv crashed in 'set'", "the
 * type geomys.deque/1 crashed while dumping the value of key \"a\"". Returns the size, at most `room`; 0: nothing that
 * a module could be blamed for. [signal handler: reads memory that may be broken, calls nothing] */
size_t note_describe(const struct shard *shard, char *text, size_t room);

#endif
