/* SPDX-License-Identifier: MIT */

/* descriptor_setting.c - checks on the settings that a descriptor declares: names, kinds, ranges, defaults.
 *
 * Why     A default that its own range refuses would be found by the operator who writes the default down. */
#include <stdio.h>

#include "base/bytes.h"
#include "module/descriptor.h"

#define NAME_MAX_SIZE  63
#define WORDS_MAX_SIZE 255
#define SIZE_MIN       (offsetof(struct gm_setting, words) + sizeof(void *))

__attribute__((format(printf, 2, 3))) static enum status refuse(struct complaint *complaint, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(complaint->text, sizeof complaint->text, format, args);
    va_end(args);
    return STATUS_INVALID;
}

uint32_t descriptor_setting_count(const struct gm_module *module)
{
    bool has = module->size >= offsetof(struct gm_module, setting_count) + sizeof module->setting_count;
    return has ? module->setting_count : 0;
}

const struct gm_setting *descriptor_setting(const struct gm_module *module, uint32_t index)
{
    size_t stride = module->settings[0].size;
    return (const struct gm_setting *)(const void *)((const char *)module->settings + index * stride);
}

static bool is_of(char c, const char *more)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c != '\0' && strchr(more, c) != NULL);
}

static bool is_name(const char *text)
{
    size_t size = strnlen(text, NAME_MAX_SIZE + 1);
    for (size_t i = 0; i < size; i++) {
        if (!is_of(text[i], "_")) {
            return false;
        }
    }
    return size > 0 && size <= NAME_MAX_SIZE;
}

static bool is_sentence(const char *text)
{
    size_t size = text != NULL ? strnlen(text, 512) : 0;
    for (size_t i = 0; i < size; i++) {
        if ((uint8_t)text[i] < ' ' || text[i] == 0x7f) {
            return false;
        }
    }
    return size > 0 && size < 512;
}

/* How many words; 0: it is no list of different words with single blanks between. */
static int64_t count_words(const char *text)
{
    int64_t count = 0;
    if (text == NULL || strnlen(text, WORDS_MAX_SIZE + 1) > WORDS_MAX_SIZE) {
        return 0;
    }
    for (const char *at = text;; at++) {
        size_t size = 0;
        while (is_of(at[size], "_-")) {
            size++;
        }
        for (const char *before = text; before < at; before += strcspn(before, " ") + 1) {
            if (strcspn(before, " ") == size && memcmp(before, at, size) == 0) {
                return 0;
            }
        }
        at += size;
        if (size == 0 || (*at != ' ' && *at != '\0')) {
            return 0;
        }
        count++;
        if (*at == '\0') {
            return count;
        }
    }
}

static enum status check_whole(const struct gm_setting *setting, struct complaint *complaint)
{
    bool signless = setting->kind != GM_SETTING_INT;
    if (setting->min > setting->max || (signless && setting->min < 0)) {
        return refuse(complaint, "the range of its setting '%s', %lld to %lld, %s", setting->name,
                      (long long)setting->min, (long long)setting->max,
                      setting->min > setting->max ? "is none" : "goes below 0, which no such value can");
    }
    if (setting->fallback < setting->min || setting->fallback > setting->max) {
        return refuse(complaint, "the default of its setting '%s', %lld, is not between %lld and %lld", setting->name,
                      (long long)setting->fallback, (long long)setting->min, (long long)setting->max);
    }
    return STATUS_OK;
}

/* Neither infinite nor not a number. */
static bool is_finite(double number)
{
    return number - number == 0;
}

static enum status check_number(const struct gm_setting *setting, struct complaint *complaint)
{
    double least = setting->number_min;
    double most = setting->number_max;
    if (!is_finite(least) || !is_finite(most) || least > most) {
        return refuse(complaint, "the range of its setting '%s', %g to %g, is none", setting->name, least, most);
    }
    if (!(setting->number_fallback >= least && setting->number_fallback <= most)) {
        return refuse(complaint, "the default of its setting '%s', %g, is not between %g and %g", setting->name,
                      setting->number_fallback, least, most);
    }
    return STATUS_OK;
}

static enum status check_choice(const struct gm_setting *setting, struct complaint *complaint)
{
    int64_t count = setting->kind == GM_SETTING_BOOL ? 2 : count_words(setting->words);
    if (count < 2) {
        return refuse(complaint,
                      "the words of its setting '%s' are not two or more different ones of a-z, 0-9, _ and -, with a "
                      "blank between",
                      setting->name);
    }
    if (setting->fallback < 0 || setting->fallback >= count) {
        return refuse(complaint, "the default of its setting '%s', number %lld, is none of its %lld words",
                      setting->name, (long long)setting->fallback, (long long)count);
    }
    return STATUS_OK;
}

/* What another kind would have said is zero: a range that is not looked at would be a mistake that nobody sees. */
static bool is_pure(const struct gm_setting *setting)
{
    bool whole = setting->kind <= GM_SETTING_MS;
    bool number = setting->kind == GM_SETTING_NUMBER;
    bool no_whole = setting->min == 0 && setting->max == 0;
    bool no_number = !(setting->number_min != 0) && !(setting->number_max != 0) && !(setting->number_fallback != 0);
    return (whole || no_whole) && (number || no_number) && (!number || setting->fallback == 0) &&
           (setting->kind == GM_SETTING_WORD || setting->words == NULL);
}

static enum status check_setting(const struct gm_module *module, uint32_t index, struct complaint *complaint)
{
    const struct gm_setting *setting = descriptor_setting(module, index);
    if (setting->size < SIZE_MIN || setting->size > sizeof *setting || setting->size != module->settings[0].size) {
        return refuse(
            complaint,
            "its setting number %u has the size %u, this server knows %zu (each begins with .size = sizeof of "
            "its struct): build it with this server's headers",
            index, setting->size, sizeof *setting);
    }
    if (setting->name == NULL || !is_name(setting->name)) {
        return refuse(complaint, "the name of its setting number %u, '%.63s', is not of 1 to 63 of a-z, 0-9 and _",
                      index, setting->name == NULL ? "NULL" : setting->name);
    }
    for (uint32_t i = 0; i < index; i++) {
        if (strcmp(descriptor_setting(module, i)->name, setting->name) == 0) {
            return refuse(complaint, "it declares the setting '%s' twice", setting->name);
        }
    }
    if (!is_sentence(setting->help)) {
        return refuse(complaint, "its setting '%s' has no help of one line", setting->name);
    }
    if (setting->kind > GM_SETTING_WORD) {
        return refuse(complaint, "its setting '%s' is of the kind %u, which this server does not know", setting->name,
                      setting->kind);
    }
    if (!is_pure(setting)) {
        return refuse(complaint, "its setting '%s' has a range, a default or words of another kind than it is of",
                      setting->name);
    }
    if (setting->kind == GM_SETTING_NUMBER) {
        return check_number(setting, complaint);
    }
    return setting->kind <= GM_SETTING_MS ? check_whole(setting, complaint) : check_choice(setting, complaint);
}

enum status descriptor_check_settings(const struct gm_module *module, struct complaint *complaint)
{
    uint32_t count = descriptor_setting_count(module);
    if (count > DESCRIPTOR_SETTINGS_MAX || (count > 0 && module->settings == NULL)) {
        return refuse(complaint, "it says that it has %u settings (at most %d)", count, DESCRIPTOR_SETTINGS_MAX);
    }
    for (uint32_t i = 0; i < count; i++) {
        TRY(check_setting(module, i, complaint));
    }
    return STATUS_OK;
}
