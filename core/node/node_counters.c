/* SPDX-License-Identifier: MIT */

/* node_counters.c - what the node tells of itself. */
#include "node/node_counters.h"

#include "base/version.h"

static const struct node *node_of(const void *of)
{
    return of;
}

/* ---- server ---- */

static struct counter_value bits(const void *of)
{
    (void)of;
    return counter_count(sizeof(void *) * 8);
}

static struct counter_value run_id(const void *of)
{
    return counter_text(node_of(of)->run_id);
}

static struct counter_value lru_clock(const void *of)
{
    return counter_number((node_of(of)->now_ms / 1000) & 0xffffff);
}

static struct counter_value time_us(const void *of)
{
    struct worker_moment now = worker_moment(&node_of(of)->worker);
    return counter_number(now.seconds * 1000000 + now.us);
}

static int64_t up_s(const struct node *node)
{
    return (node->monotonic_ms - node->started_ms) / 1000;
}

static struct counter_value uptime_s(const void *of)
{
    return counter_number(up_s(of));
}

static struct counter_value uptime_days(const void *of)
{
    return counter_number(up_s(of) / 86400);
}

static const struct counter_row server[] = {
    {"geomys_version", "The server's version.", COUNTER_SAY(GEOMYS_VERSION)},
    {"redis_version", "The version of Redis that clients may take it for.", COUNTER_SAY(GEOMYS_REDIS_VERSION)},
    {"redis_mode", "Whether it is part of a cluster.", COUNTER_SAY("standalone")},
    {"arch_bits", "Bits of an address.", COUNTER_BY(bits), .kind = COUNTER_LABEL},
    {"multiplexing_api", "How it waits for connections.", COUNTER_SAY("epoll")},
    {"gcc_version", "The compiler.", COUNTER_SAY(__VERSION__)},
    {"run_id", "Another with each start.", COUNTER_BY(run_id), .kind = COUNTER_LABEL},
    {"lru_clock", "Seconds of the clock, in 24 bits.", COUNTER_BY(lru_clock), .kind = COUNTER_GAUGE},
    {"server_time_usec", "Unix time.", COUNTER_BY(time_us), .kind = COUNTER_GAUGE, .unit = COUNTER_US},
    {"uptime_in_seconds", "Since the start.", COUNTER_BY(uptime_s), .kind = COUNTER_GAUGE, .unit = COUNTER_S},
    {"uptime_in_days", "Since the start.", COUNTER_BY(uptime_days), .kind = COUNTER_GAUGE},
    {NULL, "The most memory that the data has taken.", COUNTER_OF(struct node, peak_memory), .kind = COUNTER_GAUGE,
     .unit = COUNTER_BYTES, .merge = COUNTER_FIRST, .resets = true},
};

const struct counter_table node_counters_server = COUNTER_TABLE(struct node, server);

#define SETTING(member) COUNTER_OF(struct config, member), .kind = COUNTER_LABEL, .merge = COUNTER_FIRST

static const struct counter_row names[] = {
    {"node_id", "The setting node_id.", SETTING(node_id)},
    {"tcp_port", "The setting external_port; 0: none.", SETTING(external_port)},
    {"config_file", "The configuration file.", SETTING(file)},
};

const struct counter_table node_counters_names = COUNTER_TABLE(struct config, names);

static const struct counter_row maximum[] = {
    {"maxclients", "The most connections that are accepted.", COUNTER_OF(struct config, maxclients),
     .kind = COUNTER_GAUGE, .merge = COUNTER_FIRST},
};

const struct counter_table node_counters_maximum = COUNTER_TABLE(struct config, maximum);

static const struct counter_row process[] = {
    {"os", "The system.", COUNTER_OF(struct process, system), .kind = COUNTER_LABEL, .merge = COUNTER_FIRST},
    {"process_id", "The process.", COUNTER_OF(struct process, id), .kind = COUNTER_LABEL, .merge = COUNTER_FIRST},
    {"executable", "Its program.", COUNTER_OF(struct process, program), .kind = COUNTER_LABEL, .merge = COUNTER_FIRST},
};

const struct counter_table node_counters_process = COUNTER_TABLE(struct process, process);

static const struct counter_row machine[] = {
    {"total_system_memory", "Memory of the machine.", COUNTER_OF(struct process, total_memory), .kind = COUNTER_GAUGE,
     .unit = COUNTER_SIZE, .merge = COUNTER_FIRST},
};

const struct counter_table node_counters_machine = COUNTER_TABLE(struct process, machine);

/* ---- persistence ---- */

static struct counter_value policy(const void *of)
{
    static const char *const words[] = {
        [WAL_NONE] = "none", [WAL_BUFFERED] = "bufferedwrite", [WAL_WRITE_THROUGH] = "writethroughdisk"};
    return counter_text(words[((const struct config *)of)->persistence]);
}

static struct counter_value has_log(const void *of)
{
    return counter_count(((const struct config *)of)->persistence != WAL_NONE);
}

static const struct counter_row persistence[] = {
    {"persistence", "The setting persistence.", COUNTER_BY(policy), .kind = COUNTER_LABEL},
    {"aof_enabled", "Whether there is a log on the disk.", COUNTER_BY(has_log), .kind = COUNTER_GAUGE,
     .unit = COUNTER_FLAG},
};

const struct counter_table node_counters_persistence = COUNTER_TABLE(struct config, persistence);

static bool is_loading(const struct node *node)
{
    return node->state == NODE_LOADING;
}

static struct counter_value loading_flag(const void *of)
{
    return counter_count(is_loading(of));
}

static struct counter_value total_bytes(const void *of)
{
    const struct node *node = of;
    return is_loading(node) ? counter_count(recovery_bytes_total(&node->replica.loaded)) : COUNTER_NONE;
}

static struct counter_value loaded_bytes(const void *of)
{
    const struct node *node = of;
    return is_loading(node) ? counter_count(recovery_bytes_done(&node->replica.loaded)) : COUNTER_NONE;
}

static double loaded_percent(const struct node *node)
{
    return 100.0 *
           counter_ratio(recovery_bytes_done(&node->replica.loaded), recovery_bytes_total(&node->replica.loaded)).real;
}

static struct counter_value percent(const void *of)
{
    /* No "%" behind it: Redis prints none here. */
    return is_loading(of) ? counter_real(loaded_percent(of)) : COUNTER_NONE;
}

static struct counter_value eta_s(const void *of)
{
    const struct node *node = of;
    if (!is_loading(node)) {
        return COUNTER_NONE;
    }
    double share = loaded_percent(node);
    double seconds = (double)(node->monotonic_ms - node->started_ms) / 1e3;
    double eta = share > 0 ? seconds * (100.0 - share) / share : 0;
    return counter_number(eta < 1 ? 1 : (int64_t)(eta + 0.5)); /* 0 makes some clients ask again without a pause */
}

static struct counter_value took_ms(const void *of)
{
    const struct node *node = of;
    return is_loading(node) ? COUNTER_NONE : counter_number(node->replica.load_ended_ms - node->started_ms);
}

static const struct counter_row loading[] = {
    {"loading", "Whether what is on the disk is being read.", COUNTER_BY(loading_flag), .kind = COUNTER_GAUGE,
     .unit = COUNTER_FLAG},
    {"loading_total_bytes", "Bytes to read.", COUNTER_BY(total_bytes), .kind = COUNTER_GAUGE, .unit = COUNTER_BYTES},
    {"loading_loaded_bytes", "Bytes read so far.", COUNTER_BY(loaded_bytes), .kind = COUNTER_GAUGE,
     .unit = COUNTER_BYTES},
    {"loading_loaded_perc", "... of all, per cent.", COUNTER_BY(percent), .kind = COUNTER_GAUGE, .unit = COUNTER_RATIO},
    {"loading_eta_seconds", "How long it will take still, at this pace.", COUNTER_BY(eta_s), .kind = COUNTER_GAUGE,
     .unit = COUNTER_S},
    {"log_loading_ms", "How long the start took.", COUNTER_BY(took_ms), .kind = COUNTER_GAUGE, .unit = COUNTER_MS},
};

const struct counter_table node_counters_loading = COUNTER_TABLE(struct node, loading);

/* ---- cluster ---- */

static struct counter_value is_member(const void *of)
{
    return counter_count(node_of(of)->env.peer != NULL);
}

static const struct counter_row cluster[] = {
    {"cluster_enabled", "Whether it is part of a cluster.", COUNTER_BY(is_member), .kind = COUNTER_GAUGE,
     .unit = COUNTER_FLAG},
};

const struct counter_table node_counters_cluster = COUNTER_TABLE(struct node, cluster);

/* ---- cpu ---- */

static struct counter_value seconds(uint64_t us)
{
    return counter_real((double)us / 1e6);
}

static struct counter_value system_s(const void *of)
{
    return seconds(((const struct node_cpu *)of)->system_us);
}

static struct counter_value user_s(const void *of)
{
    return seconds(((const struct node_cpu *)of)->user_us);
}

static struct counter_value thread_system_s(const void *of)
{
    return seconds(((const struct node_cpu *)of)->thread_system_us);
}

static struct counter_value thread_user_s(const void *of)
{
    return seconds(((const struct node_cpu *)of)->thread_user_us);
}

static const struct counter_row cpu[] = {
    {"used_cpu_sys", "Processor time in the kernel.", COUNTER_BY(system_s), .unit = COUNTER_S},
    {"used_cpu_user", "Processor time of the program itself.", COUNTER_BY(user_s), .unit = COUNTER_S},
    {"used_cpu_sys_main_thread", "... in the kernel, of the thread that serves clients.", COUNTER_BY(thread_system_s),
     .unit = COUNTER_S},
    {"used_cpu_user_main_thread", "... of the program itself, in that thread.", COUNTER_BY(thread_user_s),
     .unit = COUNTER_S},
};

const struct counter_table node_counters_cpu = COUNTER_TABLE(struct node_cpu, cpu);

/* ---- modules ---- */

#define MODULE(member) COUNTER_OF(struct node_module, member), .kind = COUNTER_LABEL, .merge = COUNTER_FIRST

static const struct counter_row module[] = {
    {"name", "Its name.", MODULE(name)},
    {"ver", "Its version.", MODULE(version)},
    {"path", "Its file.", MODULE(path)},
    {"types", "Types that it brings.", MODULE(types)},
    {"commands", "Commands that it brings.", MODULE(commands)},
};

const struct counter_table node_counters_module = COUNTER_FAMILY(struct node_module, module, "module");
