/* SPDX-License-Identifier: MIT */

/* config_flags.c - the command line into a config, and --help.
 *
 *     --key=value   --key value   -key value   -key=value      dashes and underscores alike; port is external_port
 *     --key         of a setting that is true or false: true
 *     --config FILE   --help   --version
 *
 *     --vendor.module.setting=value                            of a module; looked at when the modules are known
 *
 * Lists grow by each flag and are split at commas. A value may begin with a dash (it is the next word, whatever it is),
 * except after a setting that is true or false, where only a word for true or false is taken as its value.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "config/config_keys.h"

struct flags {
    struct config *config;
    const char *const *argv;
    int argc;
    int next; /* the word to read next */
    struct complaint *complaint;
};

/* "--key=value" as its two parts. */
struct flag {
    struct gm_bytes whole; /* with dashes, without the value */
    struct gm_bytes name;
    struct gm_bytes value;
    bool has_value;
};

static struct flag split(const char *word)
{
    struct flag flag = {.whole = gm_bytes_of(word)};
    const char *equals = strchr(word, '=');
    if (equals != NULL) {
        flag.whole.size = (size_t)(equals - word);
        flag.value = gm_bytes_of(equals + 1);
        flag.has_value = true;
    }
    flag.name = flag.whole;
    for (int i = 0; i < 2 && flag.name.size > 0 && flag.name.data[0] == '-'; i++) {
        flag.name.data++;
        flag.name.size--;
    }
    return flag;
}

static bool is_bool_word(const char *word)
{
    static const char *const words[] = {"true", "false", "yes", "no", "on", "off", "1", "0"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (bytes_equal_nocase(gm_bytes_of(word), words[i])) {
            return true;
        }
    }
    return false;
}

/* The value of a flag that needs one: after '=' or the next word. */
static must_use enum status need_value(struct flags *flags, struct flag *flag)
{
    if (flag->has_value) {
        return STATUS_OK;
    }
    if (flags->next == flags->argc) {
        complaint_set(flags->complaint, "%s needs a value", config_show(flag->whole).text);
        return STATUS_INVALID;
    }
    flag->value = gm_bytes_of(flags->argv[flags->next++]);
    flag->has_value = true;
    return STATUS_OK;
}

static must_use enum status take_file(struct flags *flags, struct flag *flag)
{
    TRY(need_value(flags, flag));
    if (flag->value.size == 0 || flag->value.size > CONFIG_TEXT_MAX) {
        complaint_set(flags->complaint, "--config needs the path of a file");
        return STATUS_INVALID;
    }
    memory_free(flags->config->file);
    flags->config->file = memory_alloc(flag->value.size + 1);
    memcpy(flags->config->file, flag->value.data, flag->value.size);
    flags->config->file[flag->value.size] = '\0';
    return STATUS_OK;
}

static must_use enum status take_setting(struct flags *flags, struct flag *flag)
{
    const struct config_key *key = config_key_find(flag->name, true);
    if (key == NULL && config_extra_is(flag->name)) {
        TRY(need_value(flags, flag));
        return config_extra_write(flags->config, flag->name, flag->value, CONFIG_SHAPE_ANY,
                                  config_show(flag->whole).text, flags->complaint);
    }
    if (key == NULL) {
        config_key_unknown(flag->name, flags->complaint);
        return STATUS_INVALID;
    }
    if (key->type != CONFIG_BOOL) {
        TRY(need_value(flags, flag));
    } else if (!flag->has_value) {
        bool given = flags->next < flags->argc && is_bool_word(flags->argv[flags->next]);
        flag->value = given ? gm_bytes_of(flags->argv[flags->next++]) : BYTES("true");
    }
    bool claimed = config_claim(flags->config, key, CONFIG_ORIGIN_FLAG);
    check(claimed); /* nothing is stronger */
    enum status status = config_put_any(flags->config, key, flag->value, flags->complaint);
    if (status != STATUS_OK) {
        complaint_prefix(flags->complaint, "%s", config_show(flag->whole).text);
    }
    return status;
}

static must_use enum status take_word(struct flags *flags)
{
    const char *word = flags->argv[flags->next++];
    struct flag flag = split(word);
    if (word[0] != '-' || flag.name.size == 0) {
        complaint_set(flags->complaint, "\"%s\" is not a setting: those begin with --, see --help",
                      config_show(gm_bytes_of(word)).text);
        return STATUS_INVALID;
    }
    if (gm_bytes_equal(flag.name, BYTES("help")) || strcmp(word, "-h") == 0) {
        flags->config->want = CONFIG_WANT_HELP;
        return STATUS_OK;
    }
    if (gm_bytes_equal(flag.name, BYTES("version")) || strcmp(word, "-v") == 0) {
        flags->config->want = CONFIG_WANT_VERSION;
        return STATUS_OK;
    }
    if (gm_bytes_equal(flag.name, BYTES("config"))) {
        return take_file(flags, &flag);
    }
    return take_setting(flags, &flag);
}

enum status config_from_flags(struct config *config, int argc, const char *const *argv, struct complaint *complaint)
{
    struct flags flags = {.config = config, .argv = argv, .argc = argc, .next = 1, .complaint = complaint};
    while (flags.next < argc && config->want == CONFIG_WANT_RUN) {
        TRY(take_word(&flags));
    }
    return STATUS_OK;
}

/* ---- help ---- */

static void help_of(const struct config_key *key, struct buf *text)
{
    const char *value = key->type == CONFIG_BOOL                                ? ""
                        : key->type == CONFIG_INT || key->type == CONFIG_DOUBLE ? "=NUMBER"
                        : key->type == CONFIG_SIZE                              ? "=SIZE"
                        : key->type == CONFIG_LIST || key->type == CONFIG_PATHS ? "=A,B..."
                        : key->type == CONFIG_PATH                              ? "=PATH"
                                                                                : "=TEXT";
    (void)buf_format(text, "  --%s%s\n      %s", key->name, value, key->sentence);
    if (key->type == CONFIG_CHOICE) {
        (void)buf_format(text, " One of: %s.", key->choices);
    }
    if (key->fallback[0] != '\0' && key->type != CONFIG_BOOL) {
        (void)buf_format(text, " Default: %s.", key->fallback);
    }
    (void)buf_append(text, BYTES("\n"));
}

void config_help(const struct config *config, struct buf *text)
{
    (void)buf_append(text,
                     BYTES("usage: geomys-server [--setting=value]...\n\n"
                           "Settings also stand in the JSON file ~/.geomys/geomys.conf, as in\n"
                           "  { \"external_port\": 6379, \"persistence\": \"bufferedwrite\" }\n"
                           "A flag wins over the file. Dashes and underscores are alike, and so are -x and --x.\n\n"
                           "  --config=PATH\n      Another file of settings.\n"
                           "  --help\n      This text.\n"
                           "  --version\n      The version.\n"));
    for (size_t i = 0; i < config_row_count(config); i++) {
        if (i == config_key_count()) {
            (void)buf_append(text, BYTES("\nof the modules, in the file under the name of the module, as in\n"
                                         "  { \"vendor.module\": { \"setting\": 1 } }\n\n"));
        }
        help_of(config_row(config, i), text);
    }
}
