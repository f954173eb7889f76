# SPDX-License-Identifier: MIT
"""The jobs of one build folder: unit tests, plain programs, stories, integration, corpora of the fuzz targets.

What there is, is found by looking: a new program needs no line here."""

import glob
import os
import sys

from run import fuzz, judges
from run.job import Job

HERE = os.path.dirname(os.path.abspath(__file__))


class Build:
    """The folder build/<name> of the tree `root`."""

    def __init__(self, root, name, processors):
        self.root = root
        self.name = name
        self.folder = os.path.join(root, "build", name)
        self.processors = processors

    def log(self, name):
        return os.path.join(self.root, "build", "log", f"{name}.txt")

    def path(self, *words):
        return os.path.join(self.folder, *words)

    def programs(self, pattern):
        return [path for path in sorted(glob.glob(self.path(*pattern.split("/")))) if os.access(path, os.X_OK)]

    # ---- kinds of tests ----

    def units(self):
        for program in self.programs("tests/test_*"):
            name = os.path.basename(program)
            yield Job(f"{name} ({self.name})", [program, "--jobs", str(self.processors)],
                      self.log(f"{self.name}-{name}"), judges.by_criterion, limit_s=600, wide=True)

    def plain(self):
        # ThreadSanitizer of gcc 12 does not know the layout of newer kernels.
        prefix = ["setarch", "-R"] if self.name == "tsan" else []
        for program in self.programs("plain/plain_*"):
            name = os.path.basename(program)
            yield Job(f"{name} ({self.name})", [*prefix, program], self.log(f"{self.name}-{name}"), judges.by_code)

    def stories(self, *flags):
        command = [sys.executable, os.path.join(HERE, "stories.py"), self.folder, self.log(f"server-{self.name}"),
                   *flags]
        yield Job(f"stories ({self.name})", command, self.log(f"stories-{self.name}"), judges.by_closing_line)

    def integration(self):
        """Each program in tests/integration finds the build's programs in its environment."""
        environment = {
            "GEOMYS_BUILD": self.folder,
            "GEOMYS_SERVER": self.path("geomys-server"),
            "GEOMYS_CLI": self.path("geomys-cli"),
            "GEOMYS_LOG": self.path("geomys-log"),
            "GEOMYS_MODULES": self.path("modules"),
            "GEOMYS_SANITIZED": "1" if self.name == "asan" else "0",
        }
        for script in sorted(glob.glob(os.path.join(self.root, "tests", "integration", "*.py"))):
            with open(script, encoding="utf-8") as file:
                if "__main__" not in file.read():
                    continue
            name = os.path.basename(script)[:-3]
            yield Job(f"{name} ({self.name})", [sys.executable, script], self.log(f"integration-{self.name}-{name}"),
                      judges.by_closing_line_or_code, environment=dict(environment))

    def corpora(self):
        """Corpora through the targets in a build without libFuzzer."""
        for name in fuzz.names(self.root):
            program, corpus = self.path("fuzz", "fuzz_" + name), fuzz.corpus(self.root, name)
            if os.path.isdir(corpus) and os.access(program, os.X_OK):
                yield Job(f"corpus {name} ({self.name})", [program, corpus], self.log(f"{self.name}-corpus-{name}"),
                          judges.by_code)
