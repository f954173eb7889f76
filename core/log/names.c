/* SPDX-License-Identifier: MIT */

/* names.c - type numbers and what they stand for.
 *
 * Why      Types are named, records carry numbers. Each file and each stream declares its own numbers, so that a type's
 *          number may differ between two starts and between two nodes, and nothing depends on who loaded what first.
 *
 * Promises
 *   I1  A number has one name at a time, and stands in the list once.
 *   I2  The list only grows at its end (but for names_clear): whoever remembers how many it has heard of knows which
 *       are new. A name that is replaced stays where it was.
 *   I3  0 is the host's and is never declared.
 *
 * Limits   65535 numbers: at most 4.2 MB of names and 128 KiB of places, whatever a source declares.
 */
#include "log/names.h"

#include "base/memory.h"

#define TYPES_MAX 65535u

void names_finish(struct names *names)
{
    memory_free(names->list);
    memory_free(names->places);
    *names = (struct names){0};
}

void names_clear(struct names *names)
{
    names->count = 0;
    if (names->place_count > 0) {
        memset(names->places, 0, names->place_count * sizeof *names->places);
    }
}

/* Zeroed room for one entry per number up to `type`. */
static uint16_t *grow(uint16_t *entries, size_t *size, uint16_t type)
{
    if (type < *size) {
        return entries;
    }
    size_t wanted = *size > 0 ? *size : 8;
    while (wanted <= type) {
        wanted *= 2;
    }
    entries = memory_realloc(entries, wanted * sizeof *entries);
    memset(entries + *size, 0, (wanted - *size) * sizeof *entries);
    *size = wanted;
    return entries;
}

static struct name *append(struct names *names)
{
    check(names->count < TYPES_MAX);                /* names I1: fewer entries than numbers */
    if ((names->count & (names->count - 1)) == 0) { /* a power of two, or none: the room is used up */
        size_t room = names->count > 0 ? names->count * 2 : 1;
        names->list = memory_realloc(names->list, room * sizeof *names->list);
    }
    return &names->list[names->count++];
}

enum names_outcome names_declare(struct names *names, uint16_t type, struct gm_bytes name)
{
    check(type > 0); /* names I3 */
    check(name.size > 0 && name.size <= RECORD_TYPE_NAME_MAX);
    names->places = grow(names->places, &names->place_count, type);
    enum names_outcome outcome = NAMES_NEW;
    struct name *entry;
    if (names->places[type] == 0) {
        entry = append(names);
        names->places[type] = (uint16_t)names->count;
    } else {
        entry = &names->list[names->places[type] - 1];
        check(entry->type == type); /* names I1 */
        if (gm_bytes_equal(names_text(entry), name)) {
            return NAMES_KNOWN;
        }
        outcome = NAMES_CHANGED;
    }
    entry->type = type;
    entry->size = (uint8_t)name.size;
    memcpy(entry->text, name.data, name.size);
    return outcome;
}

struct gm_bytes names_of(const struct names *names, uint16_t type)
{
    if (type >= names->place_count || names->places[type] == 0) {
        return BYTES_NONE;
    }
    const struct name *entry = &names->list[names->places[type] - 1];
    check(entry->type == type); /* names I1 */
    return names_text(entry);
}

uint16_t names_number(const struct names *names, struct gm_bytes name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (gm_bytes_equal(names_text(&names->list[i]), name)) {
            return names->list[i].type;
        }
    }
    return 0;
}

void names_map_finish(struct names_map *map)
{
    memory_free(map->ours);
    *map = (struct names_map){0};
}

bool names_map_declare(struct names_map *map, uint16_t type, struct gm_bytes name, const struct names *names)
{
    if (type == 0) {
        return false; /* a source's word: not ours to check */
    }
    map->ours = grow(map->ours, &map->size, type);
    map->ours[type] = names_number(names, name);
    return map->ours[type] != 0;
}
