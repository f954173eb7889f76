/* SPDX-License-Identifier: MIT */

/* descriptor.c - checks on a descriptor, before anything of it is used.
 *
 * Why     A module is somebody else's program, built at another time. What does not fit is told in one sentence at
 *         load, not found out by a crash in the night.
 *
 * Idea    First the few fields that every ABI has at the same place (size, major, minor); only if they fit, the others.
 *         The smallest sizes below are those of the first version of an ABI major: structs only grow.
 *
 * Limits  A pointer that points nowhere cannot be recognised.
 */
#include "module/descriptor.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/type_id.h"
#include "module/revision.h"
#include "module/succession.h"
#include "module/usage/usage.h"

#define MODULE_SIZE_MIN  (offsetof(struct gm_module, reserved) + sizeof(uint32_t))
#define COMMAND_SIZE_MIN (offsetof(struct gm_command, event) + sizeof(void *))
#define TYPE_SIZE_MIN    (offsetof(struct gm_type, length) + sizeof(void *))
#define REMEDY           " (each begins with .size = sizeof of its struct): build it with this server's headers"
#define KNOWN_FLAGS                                                                                                    \
    (GM_READ | GM_WRITE | GM_FAST | GM_GROWS | GM_BLOCKS | GM_DANGEROUS | GM_ACCEPT_SCALAR | GM_ACCEPT_ANY | GM_ADMIN)

__attribute__((format(printf, 2, 3))) static enum status refuse(struct complaint *complaint, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(complaint->text, sizeof complaint->text, format, args);
    va_end(args);
    return STATUS_INVALID;
}

/* ---- names ---- */

static bool is_small_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Skips parts of [a-z0-9_-] that dots separate; returns how many parts, 0 if one is empty. */
static uint32_t skip_parts(const char **text)
{
    uint32_t parts = 0;
    for (;; (*text)++) {
        const char *begin = *text;
        while (is_small_or_digit(**text) || **text == '_' || **text == '-') {
            (*text)++;
        }
        if (*text == begin) {
            return 0;
        }
        parts++;
        if (**text != '.') {
            return parts;
        }
    }
}

static bool is_short(const char *text, size_t limit)
{
    return strnlen(text, limit + 1) <= limit;
}

static bool is_module_name(const char *text)
{
    return is_short(text, 63) && skip_parts(&text) >= 2 && *text == '\0';
}

/* Digits without leading zeros; NULL if there are none. */
static const char *skip_number(const char *text)
{
    const char *begin = text;
    while (*text >= '0' && *text <= '9') {
        text++;
    }
    return text == begin || (*begin == '0' && text > begin + 1) ? NULL : text;
}

static bool is_type_id(const char *text)
{
    return type_id_is_valid((struct gm_bytes){(const uint8_t *)text, strnlen(text, TYPE_ID_MAX + 1)});
}

static bool is_need(const char *text)
{
    if (!is_short(text, 63) || skip_parts(&text) == 0 || *text != '/') {
        return false;
    }
    text = skip_number(text + 1);
    return text != NULL && *text == '\0';
}

/* "1.2.3", then perhaps "-" or "+" and a word. */
static bool is_version(const char *text)
{
    if (!is_short(text, 63)) {
        return false;
    }
    for (int part = 0; part < 3; part++) {
        text = skip_number(text);
        if (text == NULL || (part < 2 && *text++ != '.')) {
            return false;
        }
    }
    if (*text == '-' || *text == '+') {
        do {
            text++;
        } while (is_small_or_digit(*text) || (*text >= 'A' && *text <= 'Z') || *text == '.' || *text == '-');
    }
    return *text == '\0';
}

static bool is_type_name(const char *text)
{
    if (*text == '\0' || !is_short(text, 63)) {
        return false;
    }
    while (is_small_or_digit(*text) || (*text >= 'A' && *text <= 'Z') || *text == '.' || *text == '_' || *text == '-') {
        text++;
    }
    return *text == '\0';
}

static bool is_event(const char *text)
{
    return is_short(text, 63) && skip_parts(&text) > 0 && *text == '\0';
}

static bool is_sentence(const char *text)
{
    if (text == NULL || *text == '\0' || !is_short(text, 511)) {
        return false;
    }
    while (*text != '\0' && (uint8_t)*text >= ' ') {
        text++;
    }
    return *text == '\0';
}

/* ---- types ---- */

/* The part before the first dot: who has given the name. */
static bool is_of_vendor(const char *name, const char *module)
{
    size_t size = strcspn(module, ".") + 1;
    return strncmp(name, module, size) == 0;
}

static enum status check_type(const struct gm_module *module, uint32_t index, bool own, struct complaint *complaint)
{
    const struct gm_type *type = module->types[index];
    if (type == NULL) {
        return refuse(complaint, "its type number %u is NULL", index);
    }
    if (type->size < TYPE_SIZE_MIN || type->size > sizeof(struct gm_type)) {
        return refuse(complaint, "its type number %u has the size %u, this server knows %zu" REMEDY, index, type->size,
                      sizeof(struct gm_type));
    }
    if (type->flags != 0) {
        return refuse(complaint, "its type '%.63s' has the flags 0x%x, of which this server knows none",
                      type->id == NULL ? "NULL" : type->id, type->flags);
    }
    if (type->id == NULL || !is_type_id(type->id)) {
        return refuse(complaint, "the id of its type number %u, '%.63s', is not of the form \"vendor.name/1\"", index,
                      type->id == NULL ? "NULL" : type->id);
    }
    if (!own && !is_of_vendor(type->id, module->name)) {
        return refuse(
            complaint,
            "its type '%s' has another vendor's name: a type of the module %s begins with '%.*s.', for its id "
            "stands in every log",
            type->id, module->name, (int)strcspn(module->name, "."), module->name);
    }
    if (type->name == NULL || !is_type_name(type->name)) {
        return refuse(complaint, "its type '%s' has no name that TYPE could answer", type->id);
    }
    if (type->apply == NULL || type->dump == NULL) {
        return refuse(complaint, "its type '%s' has no %s", type->id, type->apply == NULL ? "apply" : "dump");
    }
    bool has_free_some = type->size >= offsetof(struct gm_type, free_some) + sizeof(void *);
    if (has_free_some && type->free_some != NULL && type->free == NULL) {
        return refuse(complaint, "its type '%s' has free_some, but no free for when all of a value must go at once",
                      type->id);
    }
    bool has_due = type->size >= offsetof(struct gm_type, due) + sizeof(void *) && type->due != NULL;
    bool has_plan = type->size >= offsetof(struct gm_type, plan_due) + sizeof(void *) && type->plan_due != NULL;
    if (has_due != has_plan) {
        return refuse(complaint, "its type '%s' has %s", type->id,
                      has_due ? "due, but no plan_due that does what is due" : "plan_due, but no due that says when");
    }
    TRY(revision_check(type, complaint));
    return succession_check(type, complaint);
}

static enum status check_types(const struct gm_module *module, bool own, struct complaint *complaint)
{
    if (module->type_count > DESCRIPTOR_TYPES_MAX || (module->type_count > 0 && module->types == NULL)) {
        return refuse(complaint, "it says that it has %u types (at most %d)", module->type_count, DESCRIPTOR_TYPES_MAX);
    }
    for (uint32_t i = 0; i < module->type_count; i++) {
        TRY(check_type(module, i, own, complaint));
    }
    return STATUS_OK;
}

/* ---- needs ---- */

static enum status check_needs(const struct gm_module *module, struct complaint *complaint)
{
    if (module->need_count > DESCRIPTOR_NEEDS_MAX || (module->need_count > 0 && module->needs == NULL)) {
        return refuse(complaint, "it says that it has %u needs (at most %d)", module->need_count, DESCRIPTOR_NEEDS_MAX);
    }
    for (uint32_t i = 0; i < module->need_count; i++) {
        if (module->needs[i] == NULL || !is_need(module->needs[i])) {
            return refuse(complaint, "its need number %u is not of the form \"wait/2\"", i);
        }
    }
    return STATUS_OK;
}

static bool needs_wait(const struct gm_module *module)
{
    for (uint32_t i = 0; i < module->need_count; i++) {
        if (strncmp(module->needs[i], "wait/", 5) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- commands ---- */

const struct gm_command *descriptor_command(const struct gm_module *module, uint32_t index)
{
    size_t stride = module->commands[0].size;
    return (const struct gm_command *)(const void *)((const char *)module->commands + index * stride);
}

static bool owns_type(const struct gm_module *module, const struct gm_type *type)
{
    for (uint32_t i = 0; i < module->type_count; i++) {
        if (module->types[i] == type) {
            return true;
        }
    }
    return false;
}

static enum status check_flags(const struct gm_module *module, const struct gm_command *command, bool own,
                               struct complaint *complaint)
{
    uint32_t class = command->flags & (GM_READ | GM_WRITE);
    if (class != GM_READ && class != GM_WRITE) {
        return refuse(complaint, "its command \"%.100s\" must be exactly one of GM_READ and GM_WRITE", command->usage);
    }
    if (!own && (command->flags & ~(uint32_t)KNOWN_FLAGS) != 0) {
        return refuse(complaint, "its command \"%.100s\" has the flags 0x%x, of which this server does not know 0x%x",
                      command->usage, command->flags, command->flags & ~(uint32_t)KNOWN_FLAGS);
    }
    if ((command->flags & GM_BLOCKS) != 0 && !needs_wait(module)) {
        return refuse(complaint, "its command \"%.100s\" is GM_BLOCKS, but the module does not need \"wait/2\"",
                      command->usage);
    }
    return STATUS_OK;
}

/* What came after the smallest size may not be there. */
static enum status check_answer(const struct gm_command *command, struct complaint *complaint)
{
    if (command->size < offsetof(struct gm_command, answer_max) + sizeof command->answer_max) {
        return STATUS_OK;
    }
    if (command->answer == NULL && command->answer_max == 0) {
        return STATUS_OK;
    }
    if (command->answer == NULL || (command->flags & GM_WRITE) == 0) {
        return refuse(complaint, "its command \"%.100s\" %s", command->usage,
                      command->answer == NULL ? "has an answer_max, but no answer"
                                              : "has an answer, but is not GM_WRITE");
    }
    if (command->answer_max == 0 || command->answer_max > GM_ANSWER_MAX) {
        return refuse(complaint, "its command \"%.100s\" answers with up to %zu bytes (1 to %zu)", command->usage,
                      command->answer_max, GM_ANSWER_MAX);
    }
    return STATUS_OK;
}

static enum status check_texts(const struct gm_command *command, uint32_t index, struct complaint *complaint)
{
    bool has_group = command->size >= offsetof(struct gm_command, group) + sizeof(void *);
    bool has_unfit = command->size >= offsetof(struct gm_command, unfit) + sizeof(void *);
    if (has_group && command->group != NULL && !is_type_name(command->group)) {
        return refuse(complaint, "the group of its command number %u, '%.63s', is not a word", index, command->group);
    }
    if (has_unfit && command->unfit != NULL && !is_sentence(command->unfit)) {
        return refuse(complaint, "what its command number %u says of a word that does not fit is no line", index);
    }
    return STATUS_OK;
}

static enum status check_command(const struct gm_module *module, uint32_t index, bool own, struct complaint *complaint)
{
    const struct gm_command *command = descriptor_command(module, index);
    if (command->size < COMMAND_SIZE_MIN || command->size > sizeof(struct gm_command) ||
        command->size != module->commands[0].size) {
        return refuse(complaint, "its command number %u has the size %u, this server knows %zu" REMEDY, index,
                      command->size, sizeof(struct gm_command));
    }
    if (command->event != NULL && !is_event(command->event)) {
        return refuse(complaint, "the event of its command number %u is not a word in lower case", index);
    }
    TRY(check_texts(command, index, complaint));
    if (command->usage == NULL || command->usage[0] == '\0') {
        return refuse(complaint, "its command number %u has no usage line", index);
    }
    if (!is_sentence(command->summary) || !is_sentence(command->complexity)) {
        return refuse(complaint, "its command \"%.100s\" has no %s of one line", command->usage,
                      is_sentence(command->summary) ? "complexity" : "summary");
    }
    if (command->type != NULL && !owns_type(module, command->type)) {
        return refuse(complaint, "the type of its command \"%.100s\" is not one of its types", command->usage);
    }
    TRY(check_answer(command, complaint));
    return check_flags(module, command, own, complaint);
}

static enum status check_commands(const struct gm_module *module, bool own, struct complaint *complaint)
{
    if (module->command_count > DESCRIPTOR_COMMANDS_MAX || (module->command_count > 0 && module->commands == NULL)) {
        return refuse(complaint, "it says that it has %u commands (at most %d)", module->command_count,
                      DESCRIPTOR_COMMANDS_MAX);
    }
    for (uint32_t i = 0; i < module->command_count; i++) {
        TRY(check_command(module, i, own, complaint));
    }
    return STATUS_OK;
}

/* ---- the module ---- */

static enum status check_version(const struct gm_module *module, struct complaint *complaint)
{
    bool equal = GM_ABI_MAJOR > 0 ? module->abi_minor <= GM_ABI_MINOR : module->abi_minor == GM_ABI_MINOR;
    if (module->abi_major != GM_ABI_MAJOR || !equal) {
        bool newer = module->abi_major == GM_ABI_MAJOR && module->abi_minor > GM_ABI_MINOR;
        complaint_set(complaint, "it was built for module ABI %u.%u, this server has %d.%d: %s", module->abi_major,
                      module->abi_minor, GM_ABI_MAJOR, GM_ABI_MINOR,
                      newer
                          ? "use a newer server, or build it with this server's headers"
                          : "build it with this server's headers (the diary in geomys/version.h says what to change)");
        return STATUS_VERSION;
    }
    if (module->size < MODULE_SIZE_MIN || module->size > sizeof(struct gm_module)) {
        return refuse(complaint, "its descriptor has the size %u, this server knows %zu" REMEDY, module->size,
                      sizeof(struct gm_module));
    }
    if (module->reserved != 0) {
        return refuse(complaint, "a reserved field of its descriptor is not zero");
    }
    return STATUS_OK;
}

static enum status check_words(const struct gm_module *module, struct complaint *complaint)
{
    if (module->name == NULL || !is_module_name(module->name)) {
        return refuse(complaint, "its name, '%.63s', is not of the form \"vendor.name\"",
                      module->name == NULL ? "NULL" : module->name);
    }
    if (module->version == NULL || !is_version(module->version)) {
        return refuse(complaint, "its version, '%.63s', is not of the form \"1.2.3\"",
                      module->version == NULL ? "NULL" : module->version);
    }
    if (module->group != NULL && !is_type_name(module->group)) {
        return refuse(complaint, "its group, '%.63s', is not a word", module->group);
    }
    if ((module->summary != NULL && !is_sentence(module->summary)) ||
        (module->licence != NULL && !is_sentence(module->licence))) {
        return refuse(complaint, "its summary or its licence is not one line of text");
    }
    return STATUS_OK;
}

enum status descriptor_check(const struct gm_module *module, bool own, struct complaint *complaint)
{
    TRY(check_version(module, complaint));
    TRY(check_words(module, complaint));
    TRY(check_types(module, own, complaint));
    TRY(check_needs(module, complaint));
    TRY(descriptor_check_settings(module, complaint));
    return check_commands(module, own, complaint);
}
