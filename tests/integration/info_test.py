#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""INFO as exporters and dashboards read it: the names that they need are there, in their sections, and true.

Names   Those of redis-server 7.0.15's INFO that redis_exporter (oliver006), Datadog's and Grafana's dashboards read and
        for which this server has a value. What it has not is not there: see ABSENT for some that must not be made up.
"""

import re
import time

from support.client import Error
from support.runner import equal, run
from support.server import Folder, Server

NEEDED = {
    "Server": "redis_version redis_mode os arch_bits multiplexing_api gcc_version process_id run_id tcp_port "
    "server_time_usec uptime_in_seconds uptime_in_days lru_clock executable config_file io_threads_active",
    "Clients": "connected_clients cluster_connections maxclients client_recent_max_input_buffer "
    "client_recent_max_output_buffer blocked_clients tracking_clients clients_in_timeout_table",
    "Memory": "used_memory used_memory_human used_memory_rss used_memory_rss_human used_memory_peak "
    "used_memory_peak_human used_memory_peak_perc used_memory_overhead used_memory_dataset used_memory_dataset_perc "
    "total_system_memory total_system_memory_human maxmemory maxmemory_policy mem_fragmentation_ratio "
    "mem_fragmentation_bytes mem_allocator mem_clients_normal mem_aof_buffer active_defrag_running",
    "Persistence": "loading aof_enabled aof_last_write_status aof_buffer_length aof_pending_bio_fsync",
    "Stats": "total_connections_received total_commands_processed instantaneous_ops_per_sec total_net_input_bytes "
    "total_net_output_bytes instantaneous_input_kbps instantaneous_output_kbps rejected_connections expired_keys "
    "evicted_keys keyspace_hits keyspace_misses pubsub_channels pubsub_patterns total_error_replies "
    "total_reads_processed total_writes_processed io_threaded_reads_processed io_threaded_writes_processed",
    "Replication": "role connected_slaves master_repl_offset",
    "CPU": "used_cpu_sys used_cpu_user used_cpu_sys_children used_cpu_user_children used_cpu_sys_main_thread "
    "used_cpu_user_main_thread",
    "Cluster": "cluster_enabled",
    "Keyspace": "db0",
}
ALLOCATOR = (
    "allocator_allocated allocator_active allocator_resident allocator_frag_ratio allocator_frag_bytes "
    "allocator_rss_ratio allocator_rss_bytes rss_overhead_ratio rss_overhead_bytes"
)
ABSENT = "used_memory_lua latest_fork_usec repl_backlog_size expired_stale_perc slave_expires_tracked_keys hz"


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


def test_names():
    with Folder() as folder, Server(folder) as server, server.client() as client:
        client.call("SET", "a", "1", "PX", "100000")
        info = sections(client, "everything")
        for section, needed in NEEDED.items():
            missing = [name for name in needed.split() if name not in info[section]]
            equal(missing, [], f"missing in {section}")
        if info["Memory"]["mem_allocator"].startswith("jemalloc-"):
            equal([name for name in ALLOCATOR.split() if name not in info["Memory"]], [], "missing of the allocator")
        everything = set().union(*info.values())
        equal([name for name in ABSENT.split() if name in everything], [], "made up")
        daily = sections(client)
        equal(list(daily), [name for name in info if name not in ("Commandstats", "Latencystats")], "INFO alone")
        equal(list(sections(client, "errorstats", "CPU")), ["CPU", "Errorstats"])


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
        equal(client.call("CONFIG", "RESETSTAT"), b"OK")
        info = sections(client, "everything")
        assert "cmdstat_set" not in info["Commandstats"] and "errorstat_ERR" not in info["Errorstats"]


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
