/* SPDX-License-Identifier: MIT */

/* succession.c - types that take over the values of others.
 *
 * Why     An encoding that turns out to be wrong is followed by another: /2 by /1. The values of /1 must not need its
 *         module for ever.
 *
 * Idea    The new type brings the old one's apply with it, which makes values of the new type. The ids tell that two
 *         types may be of one line, their name is the same and the number higher: so a host that has neither module
 *         knows that a record of /2 may follow records of /1 for the same key, and keeps both in order.
 *
 * Promises
 *   P1  A predecessor of a type that is accepted has its name, a lower number and an apply, and is named once.
 *   P2  In a registry no type is loaded beside one that succeeds it, and no type has two successors.
 */
#include "module/succession.h"

#include <string.h>

#include "base/bytes.h"
#include "base/type_id.h"

/* Numbers begin with 1 to 9: the longer one is the higher. */
bool succession_may_follow(const char *later, const char *id)
{
    size_t size = strcspn(id, "/") + 1;
    if (strncmp(later, id, size) != 0) {
        return false;
    }
    size_t digits = strlen(id + size);
    size_t later_digits = strlen(later + size);
    return later_digits != digits ? later_digits > digits : strcmp(later + size, id + size) > 0;
}

static bool is_id(const char *id)
{
    return id != NULL && type_id_is_valid(gm_bytes_at(id, strnlen(id, TYPE_ID_MAX + 1)));
}

static enum status check_one(const struct gm_type *type, uint32_t index, struct complaint *complaint)
{
    const struct gm_predecessor *one = &type->succeeds[index];
    if (!is_id(one->id)) {
        complaint_set(complaint, "its type '%s' succeeds number %u, whose id is not of the form \"vendor.name/1\"",
                      type->id, index);
        return STATUS_INVALID;
    }
    if (!succession_may_follow(type->id, one->id)) {
        complaint_set(
            complaint,
            "its type '%s' succeeds '%s': a predecessor has the same name and a lower number behind the slash",
            type->id, one->id);
        return STATUS_INVALID;
    }
    if (one->apply == NULL || one->revision > GM_REVISION_MAX || one->reserved != 0) {
        complaint_set(complaint, "its type '%s' succeeds '%s', but %s", type->id, one->id,
                      one->apply == NULL ? "has no apply for the records of that" : "with a field out of range");
        return STATUS_INVALID;
    }
    for (uint32_t i = 0; i < index; i++) {
        if (strcmp(type->succeeds[i].id, one->id) == 0) {
            complaint_set(complaint, "its type '%s' succeeds '%s' twice", type->id, one->id);
            return STATUS_INVALID;
        }
    }
    return STATUS_OK;
}

enum status succession_check(const struct gm_type *type, struct complaint *complaint)
{
    if (type->size < offsetof(struct gm_type, succeeds_count) + sizeof(uint32_t)) {
        return STATUS_OK; /* of before there were successors */
    }
    if (type->succeeds_count > GM_PREDECESSORS_MAX || (type->succeeds_count > 0 && type->succeeds == NULL)) {
        complaint_set(complaint, "its type '%s' says that it succeeds %u others (at most %d, each named)", type->id,
                      type->succeeds_count, GM_PREDECESSORS_MAX);
        return STATUS_INVALID;
    }
    for (uint32_t i = 0; i < type->succeeds_count; i++) {
        TRY(check_one(type, i, complaint)); /* succession P1 */
    }
    return STATUS_OK;
}

const struct gm_predecessor *succession_of(const struct gm_type *type, const char *id)
{
    for (uint32_t i = 0; i < type->succeeds_count; i++) {
        if (strcmp(type->succeeds[i].id, id) == 0) {
            return &type->succeeds[i];
        }
    }
    return NULL;
}

/* ---- side by side ---- */

static enum status refuse_beside(const struct type *type, const struct type *other, struct complaint *complaint)
{
    complaint_set(complaint,
                  "its type '%s' and the type '%s' of %s %s (%s) cannot be loaded together: one of them succeeds the "
                  "other, so leave the older module out",
                  type->abi->id, other->abi->id, other->module->abi->name, other->module->abi->version,
                  module_origin(other->module));
    return STATUS_EXISTS;
}

static enum status check_pair(const struct type *type, const struct type *other, struct complaint *complaint)
{
    if (succession_of(type->abi, other->abi->id) != NULL || succession_of(other->abi, type->abi->id) != NULL) {
        return refuse_beside(type, other, complaint);
    }
    for (uint32_t i = 0; i < type->abi->succeeds_count; i++) {
        const char *id = type->abi->succeeds[i].id;
        if (succession_of(other->abi, id) != NULL) {
            complaint_set(
                complaint,
                "its type '%s' succeeds '%s', and so does the type '%s' of %s %s (%s): of one type there is one "
                "successor, leave one of the modules out",
                type->abi->id, id, other->abi->id, other->module->abi->name, other->module->abi->version,
                module_origin(other->module));
            return STATUS_EXISTS;
        }
    }
    return STATUS_OK;
}

enum status succession_check_free(const struct registry *old, const struct module *module,
                                  const struct module *replaced, struct complaint *complaint)
{
    for (uint32_t i = 0; i < module->abi->type_count; i++) {
        for (uint32_t before = 0; before < i; before++) {
            TRY(check_pair(&module->types[i], &module->types[before], complaint)); /* succession P2 */
        }
        for (uint32_t at = 0; at < registry_type_count(old); at++) {
            const struct type *other = registry_type(old, at);
            if (other->module != replaced) {
                TRY(check_pair(&module->types[i], other, complaint)); /* succession P2 */
            }
        }
    }
    return STATUS_OK;
}
