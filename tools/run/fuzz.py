# SPDX-License-Identifier: MIT
"""Fuzz targets: a short run of each whose inputs are the same each time, and long ones that look further.

A crash is kept in build/fuzz/crash, new inputs of a long run in build/fuzz/corpus."""

import glob
import os
import re
import subprocess

from run.job import Job

SMOKE_S = 6
ENVIRONMENT = {"ASAN_OPTIONS": None, "UBSAN_OPTIONS": "print_stacktrace=1"}
LEAST_UNITS = 11


def names(root):
    found = glob.glob(os.path.join(root, "tests", "fuzz", "**", "fuzz_*.c"), recursive=True)
    return sorted(os.path.basename(path)[len("fuzz_"):-len(".c")] for path in found)


def corpus(root, name):
    return os.path.join(root, "tests", "fuzz", "corpus", name)


def command(root, name, seconds, words):
    crashes = os.path.join(root, "build", "fuzz", "crash")
    os.makedirs(crashes, exist_ok=True)
    dictionary = os.path.join(root, "tests", "fuzz", name + ".dict")
    return [os.path.join(root, "build", "fuzz", "fuzz", "fuzz_" + name), f"-max_total_time={seconds}", "-timeout=20",
            "-rss_limit_mb=2048", "-print_final_stats=1", f"-artifact_prefix={crashes}/{name}-",
            *([f"-dict={dictionary}"] if os.path.exists(dictionary) else []), *words]


def repeat(root, name, seconds):
    """The same inputs each time, of which a slower machine sees the first ones. What stands in the way of a change
    should be a function of that change: the seed is fixed, the corpus is read in order, and comparisons are not traced,
    because libFuzzer files them under addresses, which differ from run to run."""
    found = glob.glob(os.path.join(corpus(root, name), "**"), recursive=True)
    seeds = sorted(os.path.relpath(path, root) for path in found if os.path.isfile(path))
    words = ["-seed=1", "-use_cmp=0", *(["-seed_inputs=" + ",".join(seeds)] if seeds else [])]
    return command(root, name, seconds, words)


def units_of(text):
    found = re.findall(r"^stat::number_of_executed_units: *([0-9]+)", text, re.M)
    return int(found[-1]) if found else 0


def by_units(tally, ended):
    """A short run counts only if something was executed."""
    units = units_of(ended.text)
    if ended.code == 0 and units >= LEAST_UNITS:
        tally.ok(f"{ended.job.name}: {units} inputs")
    else:
        tally.fail(ended.job.name, text=ended.text)


def smoke(root):
    for name in names(root):
        yield Job(f"fuzz {name}", repeat(root, name, SMOKE_S), os.path.join(root, "build", "log", f"fuzz-{name}.txt"),
                  by_units, limit_s=120, environment=ENVIRONMENT)


def explore(root, name, seconds):
    """The command of a run that is another one each time."""
    fresh = os.path.join(root, "build", "fuzz", "corpus", name)
    os.makedirs(fresh, exist_ok=True)
    return command(root, name, seconds, [fresh, *([corpus(root, name)] if os.path.isdir(corpus(root, name)) else [])])


def on_the_terminal(root, name, seconds):
    """The exit code."""
    environment = {name: value for name, value in {**os.environ, **ENVIRONMENT}.items() if value is not None}
    return subprocess.run(explore(root, name, seconds), env=environment, check=False).returncode


def long(root, seconds):
    for name in names(root):
        yield Job(f"long fuzz {name}", explore(root, name, seconds),
                  os.path.join(root, "build", "log", f"fuzz-{name}.txt"), by_units, limit_s=seconds + 300,
                  environment=ENVIRONMENT)
