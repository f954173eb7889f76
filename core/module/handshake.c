/* SPDX-License-Identifier: MIT */

/* handshake.c - the types of two nodes, side by side.
 *
 * Why     Nodes of a cluster may have other versions of a module for a while, when they are upgraded one by one.
 *         Nothing is lost by that: what a node does not know is frozen there. But somebody should hear of it before.
 *
 * Idea    Each tells id, revision, module and version of its types; the comparison says, in a sentence each, which are
 *         missing and whose revision is higher. A version that differs while the revision is the same is no difference:
 *         the records are the same.
 *
 * Limits  What a node freezes is decided by the records that come (shard/apply.c), never by this.
 */
#include "module/handshake.h"

#include <stdio.h>
#include <string.h>

#include "module/revision.h"

uint32_t handshake_list(const struct registry *registry, struct handshake_type *out, uint32_t room)
{
    uint32_t count = registry_type_count(registry);
    for (uint32_t i = 0; i < count && i < room; i++) {
        const struct type *type = registry_type(registry, i);
        out[i] = (struct handshake_type){.id = type->abi->id,
                                         .module = type->module->abi->name,
                                         .version = type->module->abi->version,
                                         .revision = revision_of(type->abi),
                                         .layout = type->abi->layout};
    }
    return count;
}

struct comparison {
    handshake_on_difference on_difference;
    void *context;
    uint32_t count;
};

static void tell(struct comparison *comparison, const char *sentence)
{
    comparison->count++;
    comparison->on_difference(comparison->context, sentence);
}

static const struct handshake_type *find(const struct handshake_type *list, uint32_t count, const char *id)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(list[i].id, id) == 0) {
            return &list[i];
        }
    }
    return NULL;
}

static void tell_missing(struct comparison *comparison, const char *has, const struct handshake_type *type,
                         const char *lacks)
{
    char sentence[640];
    (void)snprintf(
        sentence, sizeof sentence,
        "%.63s has the type %.63s (%.63s %.63s), %.63s has not: its keys are frozen there until the module is "
        "loaded",
        has, type->id, type->module, type->version, lacks);
    tell(comparison, sentence);
}

static void tell_revisions(struct comparison *comparison, const char *newer, const struct handshake_type *high,
                           const char *older, const struct handshake_type *low)
{
    char sentence[640];
    (void)snprintf(
        sentence, sizeof sentence,
        "%.63s has revision %u of the type %.63s (%.63s %.63s), %.63s has %u (%.63s %.63s): keys that need the "
        "newer one are frozen there until it is loaded",
        newer, high->revision, high->id, high->module, high->version, older, low->revision, low->module, low->version);
    tell(comparison, sentence);
}

uint32_t handshake_compare(const char *here, const struct handshake_type *ours, uint32_t our_count, const char *there,
                           const struct handshake_type *theirs, uint32_t their_count,
                           handshake_on_difference on_difference, void *context)
{
    struct comparison comparison = {on_difference, context, 0};
    for (uint32_t i = 0; i < our_count; i++) {
        const struct handshake_type *other = find(theirs, their_count, ours[i].id);
        if (other == NULL) {
            tell_missing(&comparison, here, &ours[i], there);
        } else if (other->revision < ours[i].revision) {
            tell_revisions(&comparison, here, &ours[i], there, other);
        } else if (other->revision > ours[i].revision) {
            tell_revisions(&comparison, there, other, here, &ours[i]);
        }
    }
    for (uint32_t i = 0; i < their_count; i++) {
        if (find(ours, our_count, theirs[i].id) == NULL) {
            tell_missing(&comparison, there, &theirs[i], here);
        }
    }
    return comparison.count;
}
