/* SPDX-License-Identifier: MIT */

/* revision.c - the revisions of a type, and the operations that came with them.
 *
 * Why     A newer version of a module writes operations that the older one does not know. Somebody who goes back to the
 *         older one must be told before it takes them for damage; and who has not used what is new must not be kept
 *         from going back.
 *
 * Idea    A type counts its releases that brought operations, and names each of these with its number. So the host
 *         knows of each record what it takes to apply it, and writes down the highest in each file.
 *
 * Promises
 *   P1  Of a type that is accepted each later operation stands once, with a revision from 2 on to its own, and one of
 *       them with that: a revision without an operation would keep people from going back for nothing.
 * Limits  That an operation is missing among them nobody can see: it counts as of the first revision.
 */
#include "module/revision.h"

#include "base/bytes.h"

static enum status check_each(const struct gm_type *type, struct complaint *complaint)
{
    uint8_t seen[65536 / 8] = {0};
    uint32_t highest = 1;
    for (uint32_t i = 0; i < type->later_count; i++) {
        const struct gm_op_since *later = &type->later[i];
        uint8_t bit = (uint8_t)(1u << later->op % 8);
        if (later->since < 2 || later->since > type->revision) {
            complaint_set(complaint,
                          "its type '%s' has operation %u since revision %u: what came later has one from 2 on to that "
                          "of the type, %u",
                          type->id, later->op, later->since, type->revision);
            return STATUS_INVALID;
        }
        if ((seen[later->op / 8] & bit) != 0) {
            complaint_set(complaint, "its type '%s' names operation %u twice among those that came later", type->id,
                          later->op);
            return STATUS_INVALID;
        }
        seen[later->op / 8] |= bit;
        highest = later->since > highest ? later->since : highest;
    }
    if (highest != type->revision) {
        complaint_set(
            complaint,
            "its type '%s' is of revision %u, but no operation came with it: name it in `later`, or leave the "
            "revision at %u",
            type->id, type->revision, highest);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

enum status revision_check(const struct gm_type *type, struct complaint *complaint)
{
    if (type->size < offsetof(struct gm_type, later) + sizeof(void *)) {
        return STATUS_OK; /* of before there were revisions: the first */
    }
    if (type->revision > GM_REVISION_MAX || type->later_count > REVISION_LATER_MAX) {
        complaint_set(complaint,
                      "its type '%s' is of revision %u, with %u later operations (at most %d and %d; what is more is "
                      "another type: '/2')",
                      type->id, type->revision, type->later_count, GM_REVISION_MAX, REVISION_LATER_MAX);
        return STATUS_INVALID;
    }
    if (type->later_count > 0 && type->later == NULL) {
        complaint_set(complaint, "its type '%s' says that %u operations came later, and names none", type->id,
                      type->later_count);
        return STATUS_INVALID;
    }
    return type->revision <= 1 && type->later_count == 0 ? STATUS_OK : check_each(type, complaint); /* revision P1 */
}

uint16_t revision_needed_later(const struct gm_type *type, uint16_t op)
{
    for (uint32_t i = 0; i < type->later_count; i++) {
        if (type->later[i].op == op) {
            return type->later[i].since;
        }
    }
    return 1;
}
