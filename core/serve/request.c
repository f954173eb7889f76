/* SPDX-License-Identifier: MIT */

/* request.c - resolving and copying; request.h has the argument. */
#include "serve/request.h"

#include "base/memory.h"
#include "module/command.h"
#include "store/slot.h"

/* The memory that binding needs: the arguments by leaf, then as many keys as there can be. The escape hatch of a
 * command may find more, and says how many. */
static void bind(struct request *request, uint32_t key_room, struct arena *arena)
{
    size_t args_size = request->command->usage.leaf_count * sizeof *request->args;
    uint8_t *memory = arena_alloc(arena, args_size + key_room * sizeof *request->bound.keys);
    request->args = (struct gm_arg *)(void *)memory;
    request->bound.keys = (struct usage_key *)(void *)(memory + args_size);
    request->bound.key_room = key_room;
    request->outcome = command_bind(request->command, request->argv, request->argc, request->args, &request->bound);
}

_Static_assert(_Alignof(struct usage_key) <= _Alignof(struct gm_arg), "keys stand behind the arguments");

void request_resolve(struct request *request, const struct registry *registry, const struct databases *databases,
                     const struct gm_bytes *argv, uint32_t argc, struct arena *arena)
{
    request->argv = argv;
    request->argc = argc;
    struct registry_lookup found = registry_find(registry, argv, argc);
    request->command = found.command;
    if (__builtin_expect(found.outcome != REGISTRY_FOUND, 0)) {
        request->command = NULL;
        request->lookup = found;
        request->hash = 0;
        request->bound.key_count = 0;
        return; /* request I2 */
    }
    bind(request, argc, arena);
    if (__builtin_expect(request->outcome == USAGE_OK && request->bound.key_count > request->bound.key_room, 0)) {
        bind(request, request->bound.key_count, arena);
        check(request->outcome != USAGE_OK || request->bound.key_count <= request->bound.key_room); /* request I1 */
    }
    bool keyed = request->outcome == USAGE_OK && request->bound.key_count > 0;
    request->hash = keyed ? databases_hash(databases, request_key(request, 0)) : 0; /* request I1 */
}

uint16_t request_slot(const struct request *request)
{
    return request->bound.key_count > 0 ? slot_of(request_key(request, 0)) : 0;
}

/* ---- copies ---- */

struct layout {
    size_t argv, args, keys, bytes, total; /* offsets */
    uint32_t arg_count;
};

/* Up to the last argument that was given: what is behind it is zero. */
static uint32_t count_args(const struct request *request)
{
    uint32_t count = request_is_sound(request) ? request->command->usage.leaf_count : 0;
    while (count > 0 && request->args[count - 1].count == 0) {
        count--;
    }
    return count;
}

static struct layout layout_of(const struct request *request)
{
    uint32_t keys = request_is_sound(request) ? request->bound.key_count : 0;
    struct layout layout = {.argv = sizeof(struct request_kept), .arg_count = count_args(request)};
    layout.args = layout.argv + request->argc * sizeof *request->argv;
    layout.keys = layout.args + layout.arg_count * sizeof *request->args;
    layout.bytes = layout.keys + keys * sizeof *request->bound.keys;
    layout.total = layout.bytes;
    for (uint32_t i = 0; i < request->argc; i++) {
        layout.total += request->argv[i].size;
    }
    return layout;
}

size_t request_kept_size(const struct request *request)
{
    return layout_of(request).total;
}

static void copy_words(struct gm_bytes *words, uint8_t *at, const struct request *request)
{
    for (uint32_t i = 0; i < request->argc; i++) {
        struct gm_bytes word = request->argv[i];
        words[i] = (struct gm_bytes){at, word.size};
        if (word.size > 0) {
            memcpy(at, word.data, word.size);
        }
        at += word.size;
    }
}

struct request_kept *request_keep(const struct request *request)
{
    struct layout layout = layout_of(request);
    uint8_t *memory = memory_alloc(layout.total);
    struct request_kept *kept = (struct request_kept *)(void *)memory;
    *kept = (struct request_kept){.size = layout.total, .args_kept = layout.arg_count, .request = *request};
    struct gm_bytes *words = (struct gm_bytes *)(void *)(memory + layout.argv);
    copy_words(words, memory + layout.bytes, request);
    kept->request.argv = words;
    kept->request.args = (struct gm_arg *)(void *)(memory + layout.args);
    kept->request.bound.keys = (struct usage_key *)(void *)(memory + layout.keys);
    kept->request.bound.key_room = request->bound.key_count;
    if (layout.keys > layout.args) {
        memcpy(memory + layout.args, request->args, layout.keys - layout.args);
    }
    if (layout.bytes > layout.keys) {
        memcpy(memory + layout.keys, request->bound.keys, layout.bytes - layout.keys);
    }
    return kept;
}

void request_kept_args(const struct request_kept *kept, struct gm_arg out[USAGE_LEAF_MAX])
{
    uint32_t count = kept->request.command->usage.leaf_count;
    check(kept->args_kept <= count);
    if (kept->args_kept > 0) {
        memcpy(out, kept->request.args, kept->args_kept * sizeof *out);
    }
    memset(out + kept->args_kept, 0, (count - kept->args_kept) * sizeof *out);
}
