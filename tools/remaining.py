# SPDX-License-Identifier: MIT
"""Lists of what does not hold yet: each only shrinks. For tools/tidy.py.

A list is a text file with one thing a line, and comments (#) above. What is found and not on the list is refused; so
is a line that nothing needs any more. A list that is not there is empty.
"""

import os


class Remaining:
    """allows(line) for each thing that is found; stale() afterwards; rewrite() writes the list anew."""

    def __init__(self, path, title):
        self.path, self.title = path, title
        self.listed, self.found, self.new = set(), set(), set()
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                lines = [line.strip() for line in file]
            self.listed = {line for line in lines if line and not line.startswith("#")}

    def allows(self, line, less=False):
        """Whether the line is listed. If it is not, rewrite() takes it as news, or with `less` as what is left of a
        line that is."""
        self.found.add(line)
        if line not in self.listed and not less:
            self.new.add(line)
        return line in self.listed

    def keep(self, wanted):
        """The lines that could not be looked for this time."""
        self.found |= {line for line in self.listed if wanted(line)}

    def stale(self):
        return sorted(self.listed - self.found)

    def rewrite(self, with_new):
        """Returns how many lines there are."""
        lines = sorted(self.found if with_new else self.found - self.new)
        if lines:
            with open(self.path, "w", encoding="utf-8") as file:
                file.write("# %s\n" % self.title)
                file.writelines(line + "\n" for line in lines)
        elif os.path.exists(self.path):
            os.remove(self.path)
        return len(lines)
