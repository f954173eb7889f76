#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `tools/dev check`, `test`, `soak` and `fuzz` do once the packages are there: main.py WORD [ARGUMENT]...

What each step printed is in build/log. The exit code is 0 only if something passed and nothing failed."""

import fcntl
import glob
import os
import shutil
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.dirname(HERE))

from run import fuzz, judges
from run.job import Job, Line
from run.programs import Build
from run.tally import Tally

LOGS = os.path.join(ROOT, "build", "log")
SEED = "20261122"
BUILD_LIMIT_S = 3600


class Run:
    """One check or test of the tree. What an earlier one has left in build/log is removed first."""

    def __init__(self):
        os.makedirs(LOGS, exist_ok=True)
        self.lock = open(os.path.join(LOGS, "lock"), "w", encoding="ascii")  # until this process ends
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit("tools/dev: another check, test or soak is running in this tree")
        for path in glob.glob(os.path.join(LOGS, "*.txt")):
            os.remove(path)
        reports = os.path.join(LOGS, "reports")
        shutil.rmtree(reports, ignore_errors=True)
        self.root = ROOT
        self.tally = Tally()
        self.processors = len(os.sched_getaffinity(0))
        self.line = Line(self.tally, self.processors, reports)

    def build(self, title, folder):
        command, log = [os.path.join(ROOT, "tools", "dev"), "into", folder], os.path.join(LOGS, f"build-{folder}.txt")
        return self.line.run([Job(f"build ({title})", command, log, judges.by_code, BUILD_LIMIT_S)])

    @staticmethod
    def log(name):
        return os.path.join(LOGS, f"{name}.txt")

    def folder(self, name):
        return Build(ROOT, name, self.processors)

    def jobs(self, **kinds):
        """Runs them, several kinds side by side; a kind of which there is none is a failure."""
        jobs = {kind.replace("_", " "): list(found) for kind, found in kinds.items()}
        for kind, found in jobs.items():
            if not found:
                self.tally.fail(f"{kind}: there are none")
        return self.line.run([job for found in jobs.values() for job in found])


def rules():
    """What needs no build, though the first looks into one if it is there."""
    for name, log, *command in (("house rules", "house-rules", os.path.join(ROOT, "tools", "tidy.py"), "build/release"),
                                ("the runner's own tests", "test_run", os.path.join(HERE, "test_run.py"))):
        yield Job(name, [sys.executable, *command], os.path.join(LOGS, log + ".txt"), judges.by_code)


def check():
    run = Run()
    if run.build("gcc", "release"):
        release = run.folder("release")
        run.jobs(unit_tests=release.units())
        run.jobs(rules=rules(), plain_programs=release.plain(), stories=release.stories("--persistence=none"))
    else:
        run.jobs(rules=rules())
    return run.tally.finish()


def test():
    # What decides over a change is the same each time it is asked; `check`, `fuzz` and single tests look further.
    os.environ.setdefault("GEOMYS_SEED", SEED)
    run = Run()
    if run.build("gcc", "release"):
        release = run.folder("release")
        run.jobs(unit_tests=release.units())
        run.jobs(rules=rules(), plain_programs=release.plain(), stories=release.stories(),
                 integration=release.integration())
    else:
        run.jobs(rules=rules())
    if run.build("sanitizers", "asan"):
        asan = run.folder("asan")
        run.jobs(unit_tests=asan.units())
        run.jobs(plain_programs=asan.plain(), corpora=asan.corpora(),
                 stories=asan.stories("--persistence=bufferedwrite"), integration=asan.integration())
    if run.build("threads", "tsan"):
        run.jobs(plain_programs=run.folder("tsan").plain())
    run.build("clang", "clang")
    if run.build("fuzz", "fuzz"):
        run.jobs(fuzz_targets=fuzz.smoke(ROOT))
    return run.tally.finish()


def soak(kind="", minutes=""):
    from run import soak as soaking  # the other words do without it
    if kind and kind.replace(".", "", 1).isdigit():
        kind, minutes = "", kind
    return soaking.soak(Run(), kind, minutes or soaking.MINUTES)


def long_fuzz(name=None, seconds="600"):
    for each in [name.removeprefix("fuzz_")] if name else fuzz.names(ROOT):
        code = fuzz.on_the_terminal(ROOT, each, seconds)
        if code != 0:
            return code
    return 0


def mutate(area=""):
    from run import mutate as laboratory
    Run()  # nothing else in this tree meanwhile
    return laboratory.mutate(ROOT, area)


def main():
    word, *arguments = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored, and tests inherit that
    os.chdir(ROOT)
    try:
        return {"check": check, "test": test, "soak": soak, "fuzz": long_fuzz, "mutate": mutate}[word](*arguments)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
