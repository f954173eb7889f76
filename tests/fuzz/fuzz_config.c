/* SPDX-License-Identifier: MIT */

/* fuzz_config.c - any bytes as a configuration file: a config or one sentence, and what a config says of itself is what
 * it takes. There is a module acme.some with settings. */
#include <stdint.h>
#include <string.h>

#include "config/config.h"

static void describe_all(const struct config *config, struct buf *texts)
{
    for (size_t key = 0; key < config_row_count(config); key++) {
        config_describe(config, key, texts);
        check(buf_append(texts, BYTES("\n")));
    }
}

/* Each setting that can be changed takes its own description, and nothing is different afterwards. */
static void set_all(struct config *config)
{
    for (size_t key = 0; key < config_row_count(config); key++) {
        struct complaint complaint;
        struct buf value;
        buf_init(&value, (size_t)4 << 20);
        config_describe(config, key, &value);
        if (strcmp(config_row_name(config, key), "password") != 0) {
            enum status status =
                config_set(config, gm_bytes_of(config_row_name(config, key)), buf_bytes(&value), &complaint);
            check(status == STATUS_OK || status == STATUS_REFUSED);
        }
        buf_finish(&value);
    }
}

static void check_complaint(const struct complaint *complaint)
{
    check(strncmp(complaint->text, "fuzz.conf:", strlen("fuzz.conf:")) == 0);
    for (const char *at = complaint->text; *at != '\0'; at++) {
        check((uint8_t)*at >= ' ' && *at != 0x7f);
    }
}

static enum status settle(struct config *config, struct complaint *complaint)
{
    static const char *const names[] = {"count", "room", "loud", "share", "how"}; /* a kind each */
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct config_extra_row row = {.module = "acme.some",
                                       .name = names[i],
                                       .kind = (enum config_extra_kind)i,
                                       .minimum = -9,
                                       .maximum = 9,
                                       .least = 0.25,
                                       .most = 0.75,
                                       .usual = 0.3,
                                       .words = "one two",
                                       .sentence = "For the tests."};
        enum status status = config_extra_declare(config, &row, complaint);
        check(status == STATUS_OK);
    }
    return config_extra_settle(config, complaint);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config config;
    struct complaint complaint = {{0}};
    config_init(&config, "/home/somebody");
    enum status status = config_from_json(&config, "fuzz.conf", (struct gm_bytes){data, size}, &complaint);
    if (status == STATUS_OK) {
        status = settle(&config, &complaint);
    }
    if (status != STATUS_OK) {
        check_complaint(&complaint);
    } else if (config_complete(&config, &complaint) == STATUS_OK) {
        struct buf before;
        struct buf after;
        buf_init(&before, (size_t)8 << 20);
        buf_init(&after, (size_t)8 << 20);
        describe_all(&config, &before);
        set_all(&config);
        describe_all(&config, &after);
        check(gm_bytes_equal(buf_bytes(&before), buf_bytes(&after)));
        buf_finish(&before);
        buf_finish(&after);
    } else {
        check(complaint.text[0] == '"');
    }
    config_finish(&config);
    return 0;
}
