#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""INFO as exporters and dashboards read it: the names that they need are there, in their sections, and true.

Golden  What INFO prints is written down in FIELDS, field by field with the form of its value, and compared whole: a
        field that is new, gone or printed otherwise fails here. The names are those of redis-server 7's INFO that
        redis_exporter (oliver006), Datadog's and Grafana's dashboards read and for which this server has a value, and
        those of its own. What it has not is not there: see ABSENT for some that must not be made up.
"""

import re
import time

from support.client import Error
from support.runner import equal, run
from support.server import Folder, Server

# n a number, r with two digits behind the point, p the same with "%", s with six digits, l with three, h as people read
# bytes, w a word, or what a family's line says by name. "?" behind the name: only with jemalloc.
FIELDS = {
    "Server": """geomys_version w, redis_version w, redis_mode standalone, arch_bits 64, multiplexing_api epoll,
        gcc_version w, run_id w, lru_clock n, server_time_usec n, uptime_in_seconds n, uptime_in_days n, os w,
        process_id n, executable w, node_id n, tcp_port n, config_file w""",
    "Clients": """connected_clients n, blocked_clients n, tracking_clients n, watching_keys n,
        total_blocking_keys n, clients_in_timeout_table n, maxclients n, client_recent_max_input_buffer n,
        client_recent_max_output_buffer n""",
    "Memory": """used_memory n, used_memory_human h, used_memory_rss n, used_memory_rss_human h, used_memory_peak n,
        used_memory_peak_human h, used_memory_peak_perc p, used_memory_overhead n, used_memory_dataset n,
        used_memory_dataset_perc p, allocator_allocated? n, allocator_active? n, allocator_resident? n,
        allocator_frag_ratio? r, allocator_frag_bytes? n, allocator_rss_ratio? r, allocator_rss_bytes? n,
        rss_overhead_ratio? r, rss_overhead_bytes? n, mem_fragmentation_ratio r, mem_fragmentation_bytes n,
        mem_allocator w, mem_not_counted_for_evict n, mem_clients_normal n, maxmemory_clients n, maxmemory n,
        maxmemory_human h, maxmemory_policy noeviction,
        lazyfree_pending_objects n, total_system_memory n, total_system_memory_human h, mem_aof_buffer n,
        used_memory_type_geomys.counter/1 n, used_memory_type_geomys.deque/1 n, used_memory_type_geomys.string/1 n,
        used_memory_module_geomys.counter n, used_memory_module_geomys.deque n, used_memory_module_geomys.kv n""",
    "Persistence": """loading 0, log_loading_ms n, persistence writethroughdisk, aof_enabled 1, log_loaded_bytes n,
        log_loaded_records n, log_loaded_torn_bytes n, snapshot_loaded_bytes n, snapshot_loaded_records n,
        log_last_sequence n, log_written_sequence n, log_synced_sequence n, log_backlog_bytes n, log_disk_full 0,
        log_segments n, log_bytes_written n, log_groups n, log_syncs n, aof_last_write_status ok, aof_buffer_length n,
        aof_pending_bio_fsync n, rdb_changes_since_last_save n, rdb_bgsave_in_progress 0, rdb_last_save_time n,
        rdb_last_bgsave_status ok, rdb_last_bgsave_time_sec n, rdb_current_bgsave_time_sec -1, rdb_saves n,
        rdb_last_cow_size n, aof_rewrite_in_progress 0, aof_rewrite_scheduled 0, aof_last_rewrite_time_sec n,
        aof_current_rewrite_time_sec -1, aof_last_bgrewrite_status ok, snapshot_sequence n, snapshot_older_sequence n,
        snapshot_size n, snapshot_last_ms n, aof_current_size n, snapshot_longest_slice_us n,
        snapshot_values_before_change n""",
    "Stats": """total_connections_received n, instantaneous_ops_per_sec n, total_net_input_bytes n,
        total_net_output_bytes n, rejected_connections n, rejected_unauthenticated n, closed_unauthenticated n,
        instantaneous_input_kbps r, instantaneous_output_kbps r,
        total_reads_processed n, total_writes_processed n, total_commands_processed n, keyspace_hits n,
        keyspace_misses n, acl_access_denied_auth n, client_output_limit_disconnections n,
        client_stalled_disconnections n,
        client_protocol_error_disconnections n, client_foreign_disconnections n, client_idle_disconnections n,
        client_killed_disconnections n, evicted_clients n, retracted_clients n, client_reset_disconnections n,
        client_lost_disconnections n,
        expired_keys n, evicted_keys n, due_planned n, damaged_records n,
        pubsub_channels n, pubsub_patterns n, pubsubshard_channels n, pubsub_cut_events n, tracking_total_keys n,
        tracking_total_items n,
        tracking_total_prefixes n,
        total_error_replies n""",
    "Replication": "role master, connected_slaves 0, master_replid w, master_repl_offset n",
    "CPU": "used_cpu_sys s, used_cpu_user s, used_cpu_sys_main_thread s, used_cpu_user_main_thread s",
    "Modules": "module name=w;ver=w;path=w;types=n;commands=n",
    "Commandstats": "cmdstat_set calls=n;usec=n;usec_per_call=r;rejected_calls=n;failed_calls=n",
    "Errorstats": "errorstat_ERR count=n",
    "Latencystats": "latency_percentiles_usec_set p50=l;p99=l;p99.9=l",
    "Cluster": "cluster_enabled 0",
    "Keyspace": "db0 keys=n;expires=n;avg_ttl=n, type_geomys.string/1 keys=n;loaded=1",
}
RESET = (
    "total_connections_received total_commands_processed total_net_input_bytes total_net_output_bytes "
    "total_reads_processed total_writes_processed keyspace_hits total_error_replies rejected_connections expired_keys"
)
FORMS = {
    "n": r"-?\d+",
    "r": r"\d+\.\d\d",
    "p": r"\d+\.\d\d%",
    "s": r"\d+\.\d{6}",
    "l": r"\d+\.\d{3}",
    "h": r"\d+B|\d+\.\d\d[KMGT]",
    "w": r"[^,]*",
}
ABSENT = (
    "used_memory_lua latest_fork_usec repl_backlog_size expired_stale_perc slave_expires_tracked_keys hz "
    "io_threads_active io_threaded_reads_processed io_threaded_writes_processed cluster_connections "
    "active_defrag_running used_cpu_sys_children used_cpu_user_children"
)


def sections(client, *wanted):
    """{section: {name: value}}"""
    out = {}
    for line in client.call("INFO", *wanted).decode().split("\r\n"):
        if line.startswith("# "):
            names = out[line[2:]] = {}
        elif line:
            name, value = line.split(":", 1)
            assert name not in names or name == "module", f"{name} comes twice"
            names[name] = value
    return out


def fields(value):
    return dict(pair.split("=") for pair in value.split(","))


def pattern(form):
    """What matches a value of a form: one of FORMS, "name=form;..." or the value itself."""
    if "=" in form:
        pairs = (pair.split("=") for pair in form.split(";"))
        return ",".join(re.escape(name) + "=" + pattern(of) for name, of in pairs)
    return f"(?:{FORMS.get(form, re.escape(form))})"


def golden(section, with_allocator):
    """[(name, pattern)] in the order in which they are printed."""
    out = []
    for field in FIELDS[section].split(","):
        name, form = field.split()
        if with_allocator or not name.endswith("?"):
            out.append((name.rstrip("?"), pattern(form)))
    return out


def test_fields():
    with Folder() as folder, Server(folder) as server, server.client() as client:
        assert isinstance(client.call("NOSUCH"), Error)
        client.call("SET", "a", "1", "PX", "100000")
        equal(client.call("CONFIG", "RESETSTAT"), b"OK")
        client.call("SET", "a", "1", "PX", "100000")
        assert isinstance(client.call("NOSUCH"), Error)
        equal(client.call("SAVE"), b"OK")
        info = sections(client, "everything")
        equal(list(info), list(FIELDS), "sections")
        for of in ("Commandstats", "Latencystats"):
            info[of] = {name: value for name, value in info[of].items() if name.endswith("_set")}
        with_allocator = info["Memory"]["mem_allocator"].startswith("jemalloc-")
        for section, values in info.items():
            wanted = golden(section, with_allocator)
            equal(list(values), [name for name, _ in wanted], f"the fields of {section}")
            for name, form in wanted:
                assert re.fullmatch(form, values[name]), f"{section}: {name}:{values[name]} is not {form}"
        everything = set().union(*info.values())
        equal([name for name in ABSENT.split() if name in everything], [], "made up")


def test_sections():
    with Folder() as folder, Server(folder) as server, server.client() as client:
        everything = sections(client, "everything")
        daily = sections(client)
        equal(list(daily), [name for name in everything if name not in ("Commandstats", "Latencystats")], "INFO alone")
        equal(list(sections(client, "default")), list(daily))
        equal(list(sections(client, "errorstats", "CPU")), ["CPU", "Errorstats"])
        text = client.call("INFO", "cluster", "replication").decode()
        assert re.fullmatch(
            "# Replication\r\nrole:master\r\nconnected_slaves:0\r\n"
            "master_replid:[0-9a-f]{40}\r\nmaster_repl_offset:0\r\n\r\n"
            "# Cluster\r\ncluster_enabled:0\r\n",
            text,
        ), text


def test_truths():
    with Folder() as folder, Server(folder) as server, server.client() as client:
        for i in range(10):
            client.call("SET", f"k{i}", "x" * 1000, "PX", 50_000 + 10_000 * i)
        client.call("SET", "k", "1")
        client.call("GET", "k")
        client.call("GET", "nosuch")
        assert isinstance(client.call("LPUSH", "k", "1"), Error)
        assert isinstance(client.call("INCR"), Error)
        assert isinstance(client.call("NOSUCH"), Error)
        info = sections(client, "everything")
        stats, memory, commands = info["Stats"], info["Memory"], info["Commandstats"]
        get, lpush, incr = (fields(commands[f"cmdstat_{name}"]) for name in ("get", "lpush", "incr"))
        equal((get["calls"], get["rejected_calls"], get["failed_calls"]), ("2", "0", "0"))
        equal((lpush["calls"], lpush["rejected_calls"], lpush["failed_calls"]), ("1", "0", "1"))
        equal((incr["calls"], incr["rejected_calls"]), ("0", "1"))
        sets = fields(commands["cmdstat_set"])
        assert 0 < int(sets["usec"]) < 1_000_000, sets
        assert abs(float(sets["usec_per_call"]) - int(sets["usec"]) / 11) < 0.06, sets
        latency = fields(info["Latencystats"]["latency_percentiles_usec_set"])
        assert 0 < float(latency["p50"]) <= float(latency["p99"]) <= float(latency["p99.9"]) < 1e6, latency
        assert "latency_percentiles_usec_incr" not in info["Latencystats"]
        equal(info["Errorstats"], {"errorstat_WRONGTYPE": "count=1", "errorstat_ERR": "count=2"})
        equal((stats["keyspace_hits"], stats["keyspace_misses"], stats["total_error_replies"]), ("1", "1", "3"))
        ttl = int(fields(info["Keyspace"]["db0"])["avg_ttl"])
        assert 85_000 < ttl <= 95_000, ttl
        equal(fields(info["Keyspace"]["db0"])["expires"], "10")
        ratio = int(memory["used_memory_rss"]) / int(memory["used_memory"])
        assert abs(float(memory["mem_fragmentation_ratio"]) / ratio - 1) < 0.05, memory
        assert int(memory["total_system_memory"]) > 100_000_000, memory
        if "allocator_active" in memory:
            order = [int(memory[f"allocator_{name}"]) for name in ("allocated", "active", "resident")]
            equal(order, sorted(order))
        before = int(stats["total_reads_processed"])
        client.pipeline([("GET", "k")] * 100)  # one write of the client's: hardly more than one read of the server's
        stats = sections(client, "stats")["Stats"]
        assert 2 <= int(stats["total_reads_processed"]) - before <= 10, (before, stats)
        assert int(stats["total_writes_processed"]) >= int(stats["total_reads_processed"]) // 2
        assert int(sections(client, "clients")["Clients"]["client_recent_max_input_buffer"]) >= 1000
        # What connections take is more than what their sessions do: the input that waits, too.
        assert int(sections(client, "memory")["Memory"]["mem_clients_normal"]) > 2048
        before = sections(client, "everything")
        equal(client.call("CONFIG", "RESETSTAT"), b"OK")
        info = sections(client, "everything")
        assert "cmdstat_set" not in info["Commandstats"] and "errorstat_ERR" not in info["Errorstats"]
        for name in RESET.split():
            was, now = int(before["Stats"][name]), int(info["Stats"][name])
            assert now < was or now == was == 0, (name, was, now)
        for name in ("used_memory", "maxmemory"):
            equal(info["Memory"][name], before["Memory"][name])
        assert int(info["Persistence"]["log_bytes_written"]) >= int(before["Persistence"]["log_bytes_written"]) > 0


def test_rates():
    """instantaneous_*: of the last full second."""
    with Folder() as folder, Server(folder) as server, server.client() as client:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            client.pipeline([("SET", "k", "x" * 100)] * 50)
            stats = sections(client, "stats")["Stats"]
            if float(stats["instantaneous_input_kbps"]) > 10 and float(stats["instantaneous_output_kbps"]) > 1:
                break
        else:
            raise AssertionError(stats)
        assert int(stats["instantaneous_ops_per_sec"]) > 100, stats


def test_exporter():
    """What redis_exporter asks for besides INFO."""
    with Folder() as folder, Server(folder) as server, server.client() as client:
        config = client.call("CONFIG", "GET", "*")
        config = dict(zip(config[::2], config[1::2]))
        for name in (b"maxmemory", b"maxclients", b"databases", b"slowlog-max-len", b"timeout", b"port"):
            assert re.fullmatch(rb"\d+", config[name]), (name, config.get(name))
        equal(client.call("CONFIG", "SET", "slowlog-log-slower-than", "0", "latency-monitor-threshold", "1"), b"OK")
        equal(client.call("SET", "k", "1"), b"OK")
        assert client.call("SLOWLOG", "LEN") >= 2
        entry = client.call("SLOWLOG", "GET", "2")[1]
        assert isinstance(entry[0], int) and abs(entry[1] - time.time()) < 60 and 0 <= entry[2] < 1_000_000, entry
        equal(entry[3], [b"SET", b"k", b"1"])
        host, port = entry[4].decode().rsplit(":", 1)
        equal((host, int(port)), ("127.0.0.1", client.socket.getsockname()[1]))
        assert isinstance(client.call("LATENCY", "LATEST"), list)
        calls = client.call("LATENCY", "HISTOGRAM", "set")
        equal(calls[:2], [b"set", [b"calls", 1, b"histogram_usec", calls[1][3]]])
        equal(calls[1][3][1], 1)


if __name__ == "__main__":
    run(globals())
