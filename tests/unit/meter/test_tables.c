/* SPDX-License-Identifier: MIT */

/* What holds of every table of counters that there is. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <string.h>

#include "log/log_counters.h"
#include "meter/meters.h"
#include "meter/traffic.h"
#include "node/memory_report.h"
#include "node/node_counters.h"
#include "node/replicas.h"
#include "replica/saver.h"
#include "serve/serve_counters.h"
#include "shard/shard_counters.h"
#include "store/store_counters.h"

static const struct counter_table *const tables[] = {
    &command_meter_counters,
    &command_meter_timed,
    &command_meter_times,
    &errors_counters,
    &errors_kind_counters,
    &latency_event_counters,
    &log_counters_memory,
    &log_counters_replay,
    &log_counters_snapshot,
    &log_counters_tail,
    &log_counters_wal,
    &log_counters_writer,
    &memory_report_counters,
    &meters_counters,
    &node_counters_cluster,
    &node_counters_cpu,
    &node_counters_loading,
    &node_counters_machine,
    &node_counters_maximum,
    &node_counters_module,
    &node_counters_names,
    &node_counters_persistence,
    &node_counters_process,
    &node_counters_server,
    &replicas_counters,
    &replicas_counters_follower,
    &replicas_counters_role,
    &saver_counters,
    &serve_counters_clients,
    &serve_counters_stats,
    &shard_counters,
    &shard_counters_limit,
    &shard_counters_module_memory,
    &shard_counters_of_type,
    &shard_counters_sweep,
    &shard_counters_type_memory,
    &store_counters_database,
    &store_counters_frozen,
    &store_counters_memory,
    &traffic_client_counters,
    &traffic_counters,
};

#define TABLES (sizeof tables / sizeof tables[0])

static void expect_sound(const struct counter_row *row, const struct counter_table *table)
{
    const char *name = row->name != NULL ? row->name : row->help;
    size_t size = row->help != NULL ? strlen(row->help) : 0;
    cr_expect(size > 4 && row->help[size - 1] == '.', "%s: its help is a sentence", name);
    cr_expect(row->offset < table->size, "%s", name);
    cr_expect_eq(row->type == COUNTER_DERIVED, row->derive != NULL, "%s", name);
    cr_expect_eq(row->type == COUNTER_FIXED, row->word != NULL, "%s", name);
    bool is_number = row->type != COUNTER_DERIVED && row->type != COUNTER_FIXED && row->type != COUNTER_WORD;
    cr_expect(!row->resets || is_number, "%s: only a field can be reset", name);
    cr_expect(!row->resets || row->merge != COUNTER_AGAIN, "%s: its other row resets it", name);
    cr_expect(row->name != NULL || is_number, "%s: without a name it is there for its field", name);
    cr_expect(row->type != COUNTER_WORD || row->kind == COUNTER_LABEL, "%s", name);
    for (const char *c = row->name; c != NULL && *c != '\0'; c++) {
        cr_expect(islower((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '_' || *c == '.', "%s", name);
    }
}

Test(tables, each_row_says_what_it_is)
{
    for (size_t i = 0; i < TABLES; i++) {
        cr_expect_gt(tables[i]->count, 0);
        for (uint32_t row = 0; row < tables[i]->count; row++) {
            expect_sound(&tables[i]->rows[row], tables[i]);
        }
    }
}

/* Those of a family stand in a line with its name. */
Test(tables, no_name_is_there_twice)
{
    for (size_t i = 0; i < TABLES; i++) {
        for (uint32_t row = 0; tables[i]->family == NULL && row < tables[i]->count; row++) {
            const char *name = tables[i]->rows[row].name;
            for (size_t j = 0; name != NULL && j < TABLES; j++) {
                bool is_other = j != i && tables[j]->family == NULL && tables[j] != &command_meter_timed;
                cr_expect(!is_other || counters_find(tables[j], name) == NULL, "%s", name);
            }
            cr_expect(name == NULL || counters_find(tables[i], name) == &tables[i]->rows[row], "%s", name);
        }
    }
}

/* What is summed over shards is summed once (counters I2). */
Test(tables, each_field_has_one_row_of_its_own)
{
    for (size_t i = 0; i < TABLES; i++) {
        const struct counter_table *table = tables[i];
        for (uint32_t a = 0; a < table->count; a++) {
            for (uint32_t b = 0; b < a; b++) {
                const struct counter_row *one = &table->rows[a];
                const struct counter_row *other = &table->rows[b];
                bool same = one->derive == NULL && other->derive == NULL && one->word == NULL && other->word == NULL &&
                            one->offset == other->offset;
                cr_expect(!same || one->merge == COUNTER_AGAIN || other->merge == COUNTER_AGAIN, "%s, %s", one->name,
                          other->name);
            }
        }
    }
}
