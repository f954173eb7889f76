# SPDX-License-Identifier: MIT
"""`tools/dev mutate [area]`: what the tests do not see. Puts each fault of tests/mutants in force and runs the programs
that are there to find it; says which survived.

Idea    The tests are the instrument, so they are measured like one: with known faults. One build of a copy of the tree
        (build/mutate) holds all of them (mutants.py). Each is run against the programs of its area, in their order,
        until one fails: then it is caught. So that this is worth the time, the quick programs come first.

Promises
        P1  Without a fault every program passes, or nothing is concluded.
        P2  A program that does not end is ended (its time, measured without a fault, times eight and a minute), and has
            caught the fault.
        P3  The seed is that of `test`, unless GEOMYS_SEED gives another: what decides is the same each time.

Figures AT_LEAST of the faults are to be caught, and in the places of ALL each one."""

import os
import shutil
import subprocess
import sys
import time

from run import judges, mutants
from run.job import Job, Line
from run.launch import die_with_parent
from run.programs import Build

AT_LEAST = 0.95
ALL = ("core/log/", "core/os/", "core/shard/sweep", "core/replica/saver", "core/replica/snapshot_target")

# The programs that are there to find faults of a folder: units, plain programs, integration tests, "stories".
PROGRAMS = {
    "core/base/": "test_base test_wire test_store test_config plain_accounts",
    "core/env/": "test_meter test_os test_serve",
    "core/meter/": "test_meter test_serve info_test stories",
    "core/wire/topology": "test_wire test_cluster",
    "core/wire/": "test_wire test_serve stories hostile_test",
    "core/store/": "test_store test_shard plain_accounts plain_determinism",
    "core/module/": "test_module test_command",
    "core/log/replace.c": "test_log test_node",
    "core/log/": "test_log test_replica crash_test",
    "core/os/": "test_os test_node files_test diskfull_test crash_test config_set_test hostile_test",
    "core/shard/": "test_shard test_replica test_serve test_command plain_determinism plain_accounts stories test_node",
    "core/cluster/loop": "test_sim",
    "core/cluster/hub": "test_sim",
    "core/cluster/": "test_cluster test_sim",
    "core/replica/": "test_replica test_node snapshot_test loading_test crash_test diskfull_test",
    "core/serve/": "test_serve test_command test_node stories loading_test hostile_test",
    "core/command/": "test_command test_serve stories test_shard",
    "core/config/": "test_config config_set_test config_rewrite_test",
    "core/node/": "test_node client_memory_test info_test shutdown_test refusals_test config_set_test memory_test "
                  "hostile_test",
    "core/host/": "test_host cluster_test",
    "core/main.c": "refusals_test shutdown_test files_test",
    "modules/kv/": "test_kv stories plain_determinism events_test",
    "modules/counter/": "test_counter stories plain_determinism",
    "modules/deque/": "test_deque stories plain_determinism events_test",
    "include/geomys/": "test_geomys test_module test_serve test_kv test_deque",
    "tools/cli/": "test_cli cli_test cli_stop_test",
    "tools/geomys_log/": "log_tool_test",
}


def programs_of(path):
    found = [names for prefix, names in PROGRAMS.items() if path.startswith(prefix)]
    return found[0].split() if found else []


class Verdict:
    """What Line tells of: here only what a job's own judge says counts."""

    failed = 0

    def fail(self, what, count=1, text=""):
        pass

    def show(self, text):
        pass


class Laboratory:
    def __init__(self, root):
        self.root = root
        self.tree = os.path.join(root, "build", "mutate", "tree")
        self.folder = os.path.join(self.tree, "build", "mutate")
        self.logs = os.path.join(root, "build", "log")
        self.build_of_tree = Build(self.tree, "mutate", 1)
        self.seconds = {}

    # ---- the copy ----

    def copy(self, found):
        """Writes what differs only, so that the build is as short as the change."""
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=self.root, check=True,
                                capture_output=True, text=True).stdout.split("\n")
        wanted = {path for path in listed if path and os.path.isfile(os.path.join(self.root, path))}
        for path in wanted:
            with open(os.path.join(self.root, path), "rb") as file:
                content = file.read()
            here = [mutant for mutant in found if mutant.path == path]
            if here:
                content = mutants.apply(here, path, content.decode()).encode()
            self.write(os.path.join(self.tree, path), content, os.stat(os.path.join(self.root, path)).st_mode)
        self.write(os.path.join(self.tree, "build", "mutant.h"), mutants.HEADER.encode(), 0o644)
        for folder, folders, files in os.walk(self.tree):
            if folder == self.tree and "build" in folders:
                folders.remove("build")
            for name in files:
                path = os.path.join(folder, name)
                if os.path.relpath(path, self.tree) not in wanted:
                    os.remove(path)

    @staticmethod
    def write(path, content, mode):
        try:
            with open(path, "rb") as file:
                if file.read() == content:
                    return
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        os.chmod(path, mode & 0o777)

    def build(self):
        flags = f"-include {self.tree}/build/mutant.h -w"
        commands = [["ninja", "-C", self.folder, "all", "tests", "plain"]]
        if not os.path.exists(os.path.join(self.folder, "build.ninja")):
            commands.insert(0, ["cmake", "-S", self.tree, "-B", self.folder, "-G", "Ninja", "-DCMAKE_C_COMPILER=gcc",
                                f"-DCMAKE_C_FLAGS={flags}", "-DGEOMYS_CHECK_SLOW=ON", "-DGEOMYS_LTO=OFF"])
        os.makedirs(self.logs, exist_ok=True)
        with open(os.path.join(self.logs, "build-mutate.txt"), "w", encoding="utf-8") as log:
            for command in commands:
                if subprocess.run(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, check=False,
                                  preexec_fn=die_with_parent).returncode != 0:
                    sys.exit(f"tools/dev: the build failed, see {log.name}")

    # ---- the programs ----

    def job(self, name, number):
        """The program as it is run for one fault; its name says which."""
        jobs = {}
        for each in (*self.build_of_tree.units(), *self.build_of_tree.plain(),
                     *self.build_of_tree.stories("--persistence=none"), *self.build_of_tree.integration()):
            jobs[each.name.split(" ")[0]] = each
        job = jobs.get(name)
        if job is None:
            sys.exit(f"tools/dev: mutate names a program that there is not: {name}")
        job.name = f"{name} {number}"
        job.log = os.path.join(self.logs, "mutate", f"{number}-{name}.txt")
        job.wide = False
        job.environment["GEOMYS_MUTANT"] = str(number)
        if name.startswith("test_"):
            job.command = [*job.command, "--fail-fast"]
        if number != 0:
            job.limit_s = 8 * self.seconds[name] + 60
        return job


class Hunt:
    """Program by program: those that the first has not caught are run against the second, and so on."""

    def __init__(self, laboratory, line, live):
        self.laboratory = laboratory
        self.line = line
        self.live = live
        self.caught = {}  # number: program
        self.began = time.monotonic()

    def judge(self, mutant, name):
        def judged(_, ended):
            if ended.code in (0, judges.LEFT_OUT):
                os.remove(ended.job.log)
                return
            self.caught[mutant.number] = name
            print(f"{len(self.caught)}/{len(self.live)} {time.monotonic() - self.began:.0f} s  {mutant.path}: "
                  f"{mutant.what}: {name}", flush=True)
        return judged

    def jobs(self, place):
        for mutant in self.live:
            names = programs_of(mutant.path)
            if mutant.number not in self.caught and place < len(names):
                job = self.laboratory.job(names[place], mutant.number)
                job.judge = self.judge(mutant, names[place])
                yield job

    def run(self):
        place = 0
        while jobs := list(self.jobs(place)):
            print(f"-- {len(jobs)} faults, each against its program number {place + 1}", flush=True)
            self.line.run(jobs)
            place += 1
        return [mutant for mutant in self.live if mutant.number not in self.caught]


def measure(laboratory, line, live):
    """Each program without a fault: how long it takes. It must pass."""
    for name in dict.fromkeys(name for mutant in live for name in programs_of(mutant.path)):
        outcome = []
        job = laboratory.job(name, 0)
        job.judge = lambda _, ended, outcome=outcome: outcome.append(ended)
        line.run([job])
        if not outcome or outcome[0].code not in (0, judges.LEFT_OUT):
            sys.exit(f"tools/dev: {name} fails without any fault: see {job.log}")
        laboratory.seconds[name] = max(outcome[0].seconds, 1)
        print(f"without a fault: {name} ({outcome[0].seconds} s)", flush=True)


def summary(live, survived, equal):
    total = len(live)
    print()
    for mutant in survived:
        print(f"SURVIVED: {mutant.path}: {mutant.what} ({mutant.place})")
    dear = [mutant for mutant in survived if mutant.path.startswith(ALL)]
    share = (total - len(survived)) / total if total else 0
    print(f"{total} faults, {total - len(survived)} caught: {100 * share:.1f} % (at least {100 * AT_LEAST:.0f} %; "
          f"{len(dear)} survived where each is to be caught); {equal} equal to the original")
    return 0 if total and share >= AT_LEAST and not dear else 1


def mutate(root, area=""):
    """The exit code: whether enough is caught. `area`: part of a path, or the place of one fault (log.txt:12)."""
    everything = mutants.read_all(root)
    wrong = mutants.check(root, everything)
    if wrong:
        sys.exit("\n".join(wrong))
    chosen = [mutant for mutant in everything if area in mutant.path or area in mutant.place]
    live = [mutant for mutant in chosen if not mutant.equal]
    if not live:
        sys.exit(f"tools/dev: no fault is in '{area}'")
    os.environ.setdefault("GEOMYS_SEED", "20261122")
    os.nice(10)  # it takes an hour, and somebody may be at work here
    laboratory = Laboratory(root)
    laboratory.copy(everything)
    laboratory.build()
    shutil.rmtree(os.path.join(laboratory.logs, "mutate"), ignore_errors=True)
    line = Line(Verdict(), len(os.sched_getaffinity(0)), os.path.join(laboratory.logs, "reports-mutate"))
    measure(laboratory, line, live)
    return summary(live, Hunt(laboratory, line, live).run(), len(chosen) - len(live))
