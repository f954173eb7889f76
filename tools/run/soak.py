# SPDX-License-Identifier: MIT
"""`tools/dev soak [kind] [minutes]`: what is too long for `test`, and looks further each time.

Idea    A kind is a list of programs that are run again and again, each time with another seed, until its time is over
        or one has found something. The seed stands before the run in what is printed: GEOMYS_SEED=<seed> repeats it.
        Without a kind each has its turn.

Promise P1  The exit code says whether something was found; nothing that a run was to do is left out in silence."""

import os
import random
import sys
import time

from run import fuzz, judges
from run.job import Job

MINUTES = 10


def integration(*names):
    def jobs(run, seconds):
        for title, folder in (("gcc", "release"), ("sanitizers", "asan")):
            if run.build(title, folder):
                yield from (job for job in run.folder(folder).integration() if job.name.split(" ")[0] in names)
    return jobs


def units(run, seconds):
    if run.build("sanitizers", "asan"):
        yield from run.folder("asan").units()
        yield from run.folder("asan").plain()


def differential(run, seconds):
    if run.build("gcc", "release"):
        script = os.path.join(run.root, "tests", "soak", "differential.py")
        job = Job("differential", [sys.executable, script, str(seconds)], run.log("soak-differential"),
                  judges.by_closing_line_or_code)
        job.environment["GEOMYS_BUILD"] = run.folder("release").folder
        yield job


# What each looks for, and the programs.
KINDS = {
    "differential": ("random commands to Geomys and to redis-server: every answer, and all that is stored",
                     differential),
    "kill9": ("killed at any moment: nothing acknowledged is lost, under each policy", integration("kill9_test")),
    "diskfull": ("a disk that is full again and again", integration("diskfull_test", "files_test")),
    "hostile": ("clients that send what they should not, or do not read", integration("hostile_test")),
    "clients": ("the libraries and tools of others",
                integration("redis_py_test", "ioredis_test", "node_redis_test", "redis_tools_test", "tracking_test")),
    "snapshot": ("snapshots while data changes, restarts, damage", integration("snapshot_test", "crash_test")),
    "units": ("the unit tests with other seeds, under sanitizers", units),
}


def repeat(run, kind, seconds):
    """Again and again; True if nothing was found."""
    about, programs = KINDS[kind]
    run.tally.say(f"-- {kind}: {about} ({seconds / 60:g} minutes)")
    jobs = list(programs(run, seconds))
    if not jobs:
        run.tally.fail(f"{kind}: there is nothing to run")
        return False
    until = time.monotonic() + seconds
    rounds = 0
    while rounds == 0 or time.monotonic() < until:
        for job in jobs:
            seed = random.SystemRandom().randrange(1 << 32)
            run.tally.say(f"{job.name}: GEOMYS_SEED={seed}")
            job.environment["GEOMYS_SEED"] = str(seed)
            job.limit_s = max(job.limit_s, seconds + 600)
            if not run.line.run([job]):
                return False
        rounds += 1
    return True


def long_fuzz(run, seconds):
    """Each target for its share of the time."""
    names = fuzz.names(run.root)
    share = max(60, seconds * run.processors // len(names))
    run.tally.say(f"-- fuzz: {len(names)} targets, {share} s each")
    if run.build("fuzz", "fuzz"):
        run.jobs(fuzz_targets=fuzz.long(run.root, share))


def soak(run, kind, minutes):
    known = [*KINDS, "fuzz"]
    if kind and kind not in known:
        sys.exit(f"tools/dev: there is no kind '{kind}' of soak; there are {', '.join(known)}")
    try:
        seconds = int(float(minutes) * 60)
    except ValueError:
        sys.exit(f"tools/dev: '{minutes}' is not a number of minutes")
    for each in [kind] if kind else known:
        if each == "fuzz":
            long_fuzz(run, seconds)
        else:
            repeat(run, each, seconds)
    return run.tally.finish()
