# SPDX-License-Identifier: MIT
"""One program that is run and judged, and several of them side by side.

Idea    A Job says what to run, for how long at most, and which function judges what came of it. One thread starts as
        many as there are slots and waits for the first that ends or whose time is up: both are events.

Promise P1  A job is a process group of its own. When its leader ends, what is left of the group is ended; when its time
            is up, the group is asked (SIGTERM), and ten seconds later made (SIGKILL).
        P2  When the runner itself is interrupted, all groups are ended before it goes. When it is killed, the kernel
            ends the leaders.
        P3  Reports of sanitizers are looked at after each job, whatever its exit code: a leak does not change that of
            everything."""

import os
import select
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import Callable

from run import reports
from run.launch import die_with_parent, readable

GRACE_S = 10
LATE = 124  # the exit code of what did not end in time, as timeout(1) has it


@dataclass
class Job:
    name: str
    command: list
    log: str
    judge: Callable  # judge(tally, ended)
    limit_s: float = 300
    environment: dict = field(default_factory=dict)  # on top of ours; None: taken away
    wide: bool = False  # it uses all processors by itself: nothing runs beside it


@dataclass
class Ended:
    job: Job
    code: int
    text: str
    seconds: int


class Running:
    def __init__(self, job, reports_folder):
        self.job = job
        self.reports_folder = reports_folder
        self.began = time.monotonic()
        self.deadline = self.began + (job.limit_s or 1e9)
        self.late = False
        os.makedirs(os.path.dirname(job.log), exist_ok=True)
        given = {**os.environ, **reports.environment(reports_folder), **job.environment}
        with open(job.log, "wb") as log:
            self.process = subprocess.Popen(job.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={name: value for name, value in given.items() if value is not None},
                                            preexec_fn=in_a_group)
        self.descriptor = os.pidfd_open(self.process.pid)

    def signal(self, number):
        """To the whole group. Its leader is not waited for yet, so that the number can be nobody else's."""
        if self.process.returncode is None:
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                pass

    def hurry(self):
        """Its time is up: ask, or the second time, make it end."""
        self.signal(signal.SIGKILL if self.late else signal.SIGTERM)
        self.late = True
        self.deadline = time.monotonic() + GRACE_S

    def close(self):
        self.signal(signal.SIGKILL)
        os.close(self.descriptor)
        code = self.process.wait()
        with open(self.job.log, encoding="utf-8", errors="replace") as log:
            text = log.read()
        if self.late:
            text += f"\nnot done within {self.job.limit_s} s\n"
        return Ended(self.job, LATE if self.late else code, text, round(time.monotonic() - self.began))


def in_a_group():
    os.setpgid(0, 0)
    die_with_parent()


class Line:
    """Runs jobs in their order, `slots` at a time; their reports of sanitizers are in folders below `reports`."""

    def __init__(self, tally, slots, reports_folder):
        self.tally = tally
        self.slots = slots
        self.reports_folder = reports_folder
        self.started = 0

    def run(self, jobs):
        """True if no job failed."""
        before = self.tally.failed
        waiting, running = list(jobs), []
        try:
            while waiting or running:
                while waiting and self.fits(waiting[0], running):
                    self.start(waiting.pop(0), running)
                if running:
                    running = self.wait(running)
        finally:
            end_all(running)
        return self.tally.failed == before

    def fits(self, job, running):
        return not running or (not job.wide and not running[0].job.wide and len(running) < self.slots)

    def start(self, job, running):
        self.started += 1
        try:
            running.append(Running(job, os.path.join(self.reports_folder, str(self.started))))
        except OSError as error:
            self.tally.fail(f"{job.name}: {error}")

    def wait(self, running):
        """Waits for the next event; those that go on."""
        poll = select.poll()
        for one in running:
            poll.register(one.descriptor, select.POLLIN)
        left_s = max(0, min(one.deadline for one in running) - time.monotonic())
        ended = {descriptor for descriptor, _ in poll.poll(min(left_s, 3600) * 1000 + 1)}
        for one in running:
            if one.descriptor in ended:
                self.judge(one)
            elif one.deadline <= time.monotonic():
                one.hurry()
        return [one for one in running if one.descriptor not in ended]

    def judge(self, one):
        ended = one.close()
        ended.job.judge(self.tally, ended)
        found = reports.collect(one.reports_folder)
        if found:
            self.tally.fail(f"{one.job.name}: report of a sanitizer")
            for text in found:
                self.tally.show("\n".join(text.splitlines()[:40]))


def end_all(running):
    for one in running:
        one.signal(signal.SIGTERM)
    until = time.monotonic() + GRACE_S
    for one in running:
        if one.process.returncode is None:
            readable(one.descriptor, max(0, until - time.monotonic()))
            one.close()
