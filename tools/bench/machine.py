# SPDX-License-Identifier: MIT
"""How busy the machine was with other things while something was measured, and what kind of machine it is.

Why     On a virtual machine a figure can be wrong by a factor of two because the host took the cores away (steal), or
        because somebody else's work ran beside it. Neither can be prevented from here; both can be seen in /proc/stat.
Idea    A Watch brackets one measured run. What was busy and is neither the server's nor the driver's is "others"."""

import os
import platform
import resource
import time

STEAL_LIMIT = 0.05
OTHERS_LIMIT = 0.08

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """What the process has used so far, all its threads, with the resolution of nanoseconds.

    It is what /proc/PID/stat shows as utime + stime, but that is cut to hundredths of a second."""
    return time.clock_gettime((~pid << 3) | 2)


def cpu_seconds_of_stat(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def resident_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    raise OSError("no VmRSS")


def _ticks():
    """(all, busy without steal, steal) of the whole machine since its start, in seconds."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, idle, iowait, irq, softirq, steal = (int(n) for n in file.readline().split()[1:9])
    busy = user + nice + system + irq + softirq
    return ((busy + idle + iowait + steal) * _TICK_S, busy * _TICK_S, steal * _TICK_S)


def _driver_seconds():
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


class Watch:
    """with Watch(pids) as watch: ...; then the wall time, the CPU time of each process, and the disturbance. The
    processes must be alive at both ends, and the children of the driver that matter must be waited for inside."""

    def __init__(self, *pids):
        self.pids = pids
        self.cpu_s = ()

    def __enter__(self):
        self._machine, self._driver = _ticks(), _driver_seconds()
        self._stat = [cpu_seconds_of_stat(pid) for pid in self.pids]
        self._cpu = [cpu_seconds(pid) for pid in self.pids]
        self._began = time.monotonic()
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            return
        self.wall_s = time.monotonic() - self._began
        self.cpu_s = tuple(cpu_seconds(pid) - was for pid, was in zip(self.pids, self._cpu))
        stat = [cpu_seconds_of_stat(pid) - was for pid, was in zip(self.pids, self._stat)]
        for exact, coarse in zip(self.cpu_s, stat):
            if abs(exact - coarse) > 0.05 + 0.02 * exact:
                raise RuntimeError(f"two clocks of one process disagree: {exact:.3f} and {coarse:.3f} s")
        total, busy, steal = (now - was for now, was in zip(_ticks(), self._machine))
        total = max(total, _TICK_S)
        others = busy - sum(self.cpu_s) - (_driver_seconds() - self._driver)
        # A tick is a hundredth of a second per core: in a short run the difference of two counts is mostly rounding.
        self.steal = max(0.0, steal) / total
        self.others = max(0.0, others - 0.04) / total

    @property
    def doubtful(self):
        return self.steal > STEAL_LIMIT or self.others > OTHERS_LIMIT


def describe():
    """In general words: what a reader needs to compare, and nothing that names the machine."""
    model = ""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    with open("/proc/meminfo", encoding="ascii") as file:
        gib = int(file.readline().split()[1]) / 1048576
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        virtual = " hypervisor" in file.read()
    cores = len(os.sched_getaffinity(0))
    return {
        "cores": cores,
        "model": model,
        "memory_gib": round(gib),
        "virtual": virtual,
        "kernel": ".".join(platform.release().split(".")[:2]),
        "load_at_start": os.getloadavg()[0],
    }


def _of_children():
    """What this process and all that it has started have used, those that are waited for already included."""
    live = 0.0
    for task in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{task}/children", encoding="ascii") as file:
                pids = file.read().split()
            live += sum(cpu_seconds_of_stat(pid) for pid in pids)
        except OSError:
            pass  # a thread has ended, or a process: it was waited for
    return live + _driver_seconds()


class Others:
    """with Others() as others: ...; then `others.share` and `others.steal` of the machine went to what this process
    has not started. For what lasts seconds, and whose processes come and go."""

    def __enter__(self):
        self._machine, self._own = _ticks(), _of_children()
        return self

    def __exit__(self, *_):
        total, busy, steal = (now - was for now, was in zip(_ticks(), self._machine))
        total = max(total, _TICK_S)
        self.share = max(0.0, busy - (_of_children() - self._own)) / total
        self.steal = max(0.0, steal) / total
