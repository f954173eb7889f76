/* SPDX-License-Identifier: MIT */

/* elements.c - a command reads the elements of a value whose type it does not know, and makes a value of a type that
 * it knows by name only.
 *
 * Idea     Between two modules stands the host: it hands the elements from one to the other, and has each of them
 *          blamed for its own mistakes.
 *
 *              reader's plan ── gm_walk ──► host ── type->elements ──► host ── each ──► reader
 *              reader's plan ── gm_emit_elements ──► host ── type->from_elements ──► host_emit_lent
 *
 * Promises
 *   P1  A walk ends: a cursor that does not grow is the type's fault, and the command is refused.
 *   P2  What from_elements emits is judged as any other emission of this call, as of that type. */
#include "serve/elements.h"

#include <stdio.h>

/* ---- reading ---- */

struct visit {
    struct gm_visitor abi;
    struct call *call;
    gm_each_element *each;
    void *context;
    bool over; /* the reader has seen enough, or there is no memory */
};

static bool visit_element(struct gm_visitor *abi, const struct gm_element *element)
{
    struct visit *visit = container_of(abi, struct visit, abi);
    if (visit->over) {
        return false;
    }
    struct crumb *crumb = visit->call->shard->crumb;
    struct crumb before = *crumb;
    crumb->kind = CRUMB_NONE; /* what follows is the reader's */
    visit->over = !visit->each(visit->context, element);
    *crumb = before;
    return !visit->over;
}

static void *visit_scratch(struct gm_visitor *abi, size_t size)
{
    struct visit *visit = container_of(abi, struct visit, abi);
    void *memory = gm_scratch_raw(&visit->call->abi, size);
    visit->over = visit->over || memory == NULL;
    return memory;
}

static const struct gm_visitor_ops visitor_ops = {
    .size = sizeof(struct gm_visitor_ops),
    .element = visit_element,
    .scratch = visit_scratch,
};

uint64_t elements_walk(struct gm_call *abi, uint32_t key, uint64_t cursor, gm_each_element *each, void *context)
{
    struct call *call = call_of(abi);
    if (key >= abi->key_count) {
        call_fault(call, "walks its key number %u, but the call has %u", key, abi->key_count);
        return 0;
    }
    const struct entry *entry = call_entry(call, key);
    if (entry == NULL) {
        return 0;
    }
    const struct shard_type *type = shard_type_of(call->shard, entry);
    if ((entry->flags & ENTRY_FROZEN) != 0 || type->abi->elements == NULL) {
        return GM_WALK_REFUSED;
    }
    struct visit visit = {.abi = {&visitor_ops}, .call = call, .each = each, .context = context};
    struct crumb *crumb = call->shard->crumb;
    struct crumb before = *crumb; /* a reader may walk one value while it walks another */
    struct gm_cell cell = shard_cell(entry);
    *crumb = (struct crumb){CRUMB_ELEMENTS, entry->type, entry_key(entry)};
    uint64_t next = type->abi->elements(&cell, cursor, &visit.abi);
    *crumb = before;
    if (visit.over) {
        return 0;
    }
    if (next != 0 && next <= cursor) { /* elements P1 */
        call_fault_of(call, type, "comes to no end when its elements are read: its cursor does not grow");
        return 0;
    }
    return next;
}

/* ---- making ---- */

/* The type that clients call so, and that can be made of elements; NULL: there is none. */
static const struct type *type_called(const struct registry *registry, const char *name)
{
    for (uint32_t i = 0; i < registry_type_count(registry); i++) {
        const struct type *type = registry_type(registry, i);
        if (type->abi->from_elements != NULL && strcmp(type->abi->name, name) == 0) {
            return type;
        }
    }
    return NULL;
}

static void refuse_name(struct call *call, const char *name)
{
    size_t room = 192 + strlen(name);
    char *text = gm_scratch_raw(&call->abi, room);
    if (text != NULL) {
        (void)snprintf(text, room,
                       "MODMISSING no module is loaded that makes a value which clients call \"%s\", as this command "
                       "would store it: nothing was changed by it",
                       name);
        call_lacks(call, text);
    }
}

bool elements_emit(struct gm_call *abi, uint32_t key, const char *name, const struct gm_element *elements, size_t count)
{
    struct call *call = call_of(abi);
    if (name == NULL || (elements == NULL && count > 0)) {
        call_fault(call, "makes a value of a type, or of elements, at NULL");
        return false;
    }
    if (count == 0) {
        gm_emit_delete(abi, key);
        return true;
    }
    const struct type *type = type_called(call->shard->registry, name);
    if (type == NULL) {
        refuse_name(call, name);
        return false;
    }
    const struct gm_call_ops *own = abi->ops;
    const struct type *outer = call->lent; /* one from_elements may ask for another */
    uint32_t before = call->emission_count;
    struct gm_call_ops lent = *own;
    lent.emit = host_emit_lent;
    abi->ops = &lent;
    call->lent = type; /* elements P2 */
    struct crumb *crumb = call->shard->crumb;
    struct crumb crumb_before = *crumb;
    *crumb = (struct crumb){CRUMB_PLAN, call->shard->types.numbers[type->index],
                            key < abi->key_count ? call->keys[key].name : BYTES_NONE};
    type->abi->from_elements(abi, key, elements, count);
    *crumb = crumb_before;
    if (call->emission_count == before && call->needs.lack == NULL) {
        call_fault(call, "makes nothing of %zu elements", count);
    }
    call->lent = outer;
    abi->ops = own;
    return true;
}
