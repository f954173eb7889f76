# SPDX-License-Identifier: MIT
"""What passed and what failed, said line by line while it happens, and summed up at the end.

Promise  P1  A run in which nothing passed has failed, and so has one in which anything failed.
         P2  The last line is "N passed, N failed"; before it each failure is named once more."""

import sys


class Tally:
    def __init__(self, out=None):
        self.out = out or sys.stdout
        self.passed = 0
        self.failed = 0
        self.failures = []

    def say(self, text):
        print(text, file=self.out, flush=True)

    def ok(self, what, count=1):
        self.passed += count
        self.say(f"ok: {what}")

    def fail(self, what, count=1, text=""):
        """`text`: what it printed, of which the end is shown, without what went well."""
        self.failed += count
        self.failures.append(what)
        self.say(f"FAILED: {what}")
        self.show("\n".join(line for line in text.splitlines() if not line.startswith("ok ")))

    def show(self, text, lines=40):
        for line in text.splitlines()[-lines:]:
            self.say(f"    {line}")

    def finish(self):
        """The exit code."""
        if self.failures:
            self.say("")
            for what in self.failures:
                self.say(f"FAILED: {what}")
        self.say(f"{self.passed} passed, {self.failed} failed")
        return 0 if self.passed > 0 and self.failed == 0 else 1
