#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What tidy must refuse, and what it must accept: small trees in a temporary folder. tools/tidy.py runs them first, by
failures(); by itself, `tools/tidy_test.py` says more."""

import io
import os
import subprocess
import tempfile
import unittest

import figures
import promises
import structure
from remaining import Remaining


class Tree:
    """A made-up tree: path -> text."""

    def __init__(self, files):
        self.home = tempfile.TemporaryDirectory()
        self.root = self.home.name
        for path, text in files.items():
            os.makedirs(os.path.dirname(os.path.join(self.root, path)), exist_ok=True)
            with open(os.path.join(self.root, path), "w", encoding="utf-8") as file:
                file.write(text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.home.cleanup()

    def built(self):
        """A build folder as CMake leaves it, without links."""
        build = os.path.join(self.root, "build")
        runs = []
        for path in (path for scope in structure.SCOPES for path in structure.sources(self.root, scope)):
            if path.endswith(".c"):
                target = os.path.join(build, "CMakeFiles", "all.dir", path + ".o")
                os.makedirs(os.path.dirname(target), exist_ok=True)
                command = ["cc", "-Icore", "-Itools", "-w", "-c", path, "-o", target]
                runs.append(subprocess.Popen(command, cwd=self.root))
        if any([run.wait() != 0 for run in runs]):
            raise RuntimeError("cc failed")
        return build


def ring(folder, names):
    """Units that call each other in a circle, with one header for all: no include says so."""
    files = {folder + "/all.h": "".join("void %s(void);\n" % name for name in names)}
    for name, following in zip(names, names[1:] + names[:1]):
        text = '#include "%s/all.h"\nvoid %s(void) { %s(); }\n' % (folder.split("/", 1)[1], name, following)
        files["%s/%s.c" % (folder, name)] = text
    return files


class Knots(unittest.TestCase):
    def knots(self, files, with_symbols=True):
        with Tree(files) as tree:
            build = tree.built() if with_symbols else None
            return list(structure.Structure(tree.root, build).knots())

    def test_units_that_call_each_other_in_a_circle_are_a_knot_whatever_their_header(self):
        names = ["a", "b", "c", "d", "e", "f", "g"]
        self.assertEqual(self.knots(ring("core/log", names)), [("core/log", names)])
        self.assertEqual(self.knots(ring("core/log", names), with_symbols=False), [])

    def test_a_circle_of_includes_is_one_too(self):
        files = {
            "core/log/a.h": '#include "log/b.h"\n',
            "core/log/b.c": '#include "log/c.h"\n',
            "core/log/b.h": "\n",
            "core/log/c.h": '#include "log/a.h"\n',
        }
        self.assertEqual(self.knots(files, with_symbols=False), [("core/log", ["a", "b", "c"])])

    def test_a_chain_is_none(self):
        files = ring("core/log", ["a", "b", "c"])
        files["core/log/c.c"] = '#include "log/all.h"\nvoid c(void) { }\n'
        self.assertEqual(self.knots(files), [])

    def test_a_unit_that_calls_itself_from_its_header_is_none(self):
        files = {"core/log/a.c": '#include "log/a.h"\nint a(void) { return a(); }\n', "core/log/a.h": "int a(void);\n"}
        self.assertEqual(self.knots(files), [])

    def test_a_circle_through_two_folders_is_a_knot_of_both(self):
        files = {
            "core/log/a.c": "void b(void);\nvoid a(void) { b(); }\n",
            "core/store/b.c": "void a(void);\nvoid b(void) { a(); }\n",
        }
        self.assertEqual(self.knots(files), [("core", ["log/a", "store/b"])])

    def test_a_sub_folder_is_a_folder_of_its_own(self):
        files = {
            "core/module/a.c": "void b(void);\nvoid a(void) { b(); }\n",
            "core/module/usage/b.c": "void a(void);\nvoid b(void) { a(); }\n",
        }
        self.assertEqual(self.knots(files), [("core", ["module/a", "module/usage/b"])])

    def test_the_same_names_in_the_client_are_its_own(self):
        files = ring("tools/cli/show", ["a", "b"])
        files.update({"core/base/a.c": "void a(void) { }\n", "core/base/b.c": "void b(void) { }\n"})
        self.assertEqual(self.knots(files), [("tools/cli/show", ["a", "b"])])

    def test_six_may_be_in_a_knot_and_seven_may_not(self):
        with Tree(ring("core/log", list("abcdef"))) as tree:
            shape = structure.Structure(tree.root, tree.built())
        self.assertEqual(list(shape.knots(structure.KNOT + 1)), [])
        self.assertEqual(len(list(shape.knots(structure.KNOT))), 1)


class Arrows(unittest.TestCase):
    def arrows(self, files, with_symbols=True):
        with Tree(files) as tree:
            return list(structure.Structure(tree.root, tree.built() if with_symbols else None).arrows_up())

    def test_down_is_allowed_and_up_is_not(self):
        down = {"core/log/a.c": '#include "base/b.h"\n', "core/base/b.h": "\n"}
        up = {"core/base/a.c": '#include "log/b.h"\n', "core/log/b.h": "\n"}
        self.assertEqual(self.arrows(down), [])
        self.assertEqual(self.arrows(up), [("core/base/a.c", 1, "core/log/b.h", None)])

    def test_a_call_up_is_an_arrow_without_an_include(self):
        files = {
            "core/base/a.c": "void b(void);\nvoid a(void) { b(); }\n",
            "core/log/b.c": "void b(void) { }\n",
        }
        self.assertEqual(self.arrows(files), [("core/base/a.c", 1, "core/log/b.c", "b")])
        self.assertEqual(self.arrows(files, with_symbols=False), [])

    def test_a_call_through_the_included_header_is_no_second_arrow(self):
        files = {
            "core/base/a.c": '#include "log/b.h"\nvoid a(void) { b(); }\n',
            "core/log/b.c": "void b(void) { }\n",
            "core/log/b.h": "void b(void);\n",
        }
        self.assertEqual(self.arrows(files), [("core/base/a.c", 1, "core/log/b.h", None)])

    def test_neighbours_do_not_see_each_other(self):
        files = {"core/serve/a.c": '#include "replica/b.h"\n', "core/replica/b.h": "\n"}
        self.assertEqual(len(self.arrows(files)), 1)

    def test_module_sees_usage_and_not_the_other_way(self):
        files = {
            "core/module/a.c": '#include "module/usage/b.h"\n',
            "core/module/a.h": "\n",
            "core/module/usage/b.h": "\n",
            "core/module/usage/c.c": '#include "module/a.h"\n',
        }
        self.assertEqual(self.arrows(files), [("core/module/usage/c.c", 1, "core/module/a.h", None)])

    def test_a_source_that_was_not_built_is_named(self):
        with Tree({"core/log/a.c": "void a(void) { }\n"}) as tree:
            build = tree.built()
            with open(os.path.join(tree.root, "core/log/b.c"), "w", encoding="utf-8"):
                pass
            self.assertEqual(structure.Structure(tree.root, build).missing, ["core/log/b.c"])


HEAD = """/* SPDX-License-Identifier: MIT */

/* record.h - one record.
 *
 * Idea     C3  is no promise: it stands below another word.
 *
 * Promises of an implementation
 *   I1  It never
 *       moves.
 *   I2  It ends.
 *
 * Limits   None.
 */
"""


class Promises(unittest.TestCase):
    def read(self, files):
        with Tree(files) as tree:
            book = promises.Promises(tree.root)
        return [promise for promise, _, _ in book.uncited()], [reason for _, _, reason in book.wrong]

    def test_a_promise_wants_a_citation(self):
        self.assertEqual(self.read({"core/log/record.h": HEAD}), (["record I1", "record I2"], []))

    def test_the_first_may_stand_beside_the_word(self):
        head = "/* a.c - a.\n *\n * Promises A1  One.\n *          A2  Two. */\n"
        self.assertEqual(self.read({"tools/cli/a.c": head})[0], ["a A1", "a A2"])

    def test_each_way_to_cite(self):
        for text in (
            "/* record I1, I2 */",
            "/* record I1: why; record I2 */",
            "/* It stays (record I1 and I2). */",
            "    /* record I1 */ check(1); /* log/record I2 */",
        ):
            self.assertEqual(self.read({"core/log/record.h": HEAD, "tests/unit/log/test_a.c": text}), ([], []), text)

    def test_python_and_stories_cite_in_their_comments(self):
        files = {"core/log/record.h": HEAD, "tests/stories/a.txt": "# record I2\n"}
        files["tests/integration/a.py"] = "run()  # record I1: it runs\n"
        self.assertEqual(self.read(files), ([], []))

    def test_neither_a_literal_nor_a_head_cites(self):
        head = "/* wal.c - it.\n *\n * Promises  record I2 of record.h, and\n *   P1  More, see record I1.\n */\n"
        files = {"core/log/record.h": HEAD, "core/log/wal.c": head + 'const char *text = "/* record I1 */";\n'}
        self.assertEqual(len(self.read(files)[0]), 3)

    def test_what_nobody_promises_cannot_be_cited(self):
        for text in ("/* record I3 */", "/* It stays (record I1, I9). */", "/* recrod I1 */"):
            wrong = self.read({"core/log/record.h": HEAD, "core/log/record.c": text})[1]
            self.assertEqual(len(wrong), 1, text)

    def test_two_of_one_name_are_told_apart_by_their_folders(self):
        files = {"core/log/record.h": HEAD, "core/serve/record.h": HEAD, "core/log/a.c": "/* record I1 */"}
        uncited, wrong = self.read(files)
        self.assertIn("write the folder", wrong[0])
        self.assertEqual(uncited, ["log/record I1", "log/record I2", "serve/record I1", "serve/record I2"])
        files["core/log/a.c"] = "/* log/record I1, I2; serve/record I1, I2 */"
        self.assertEqual(self.read(files), ([], []))

    def test_a_file_and_its_header_do_not_promise_the_same_name_twice(self):
        self.assertEqual(len(self.read({"core/log/record.h": HEAD, "core/log/record.c": HEAD})[1]), 2)


class Figures(unittest.TestCase):
    def test_a_function_is_counted_from_its_signature_to_its_brace(self):
        text = """
int a;

/* Why. */
static int f(int x,
             int y)
{
    if (x) {
    }
}
int g(void)
{
}
"""
        lines = figures.without_comments(text).split("\n")
        self.assertEqual(list(figures.functions(lines)), [6, 3])

    def test_members_of_a_struct(self):
        text = """
struct a {
    int x, y; /* two; of them */
    struct b {
        int z;
    } inner;
    void (*on_end)(int, int (*)(int), int);
};
"""
        lines = figures.without_comments(text).split("\n")
        self.assertEqual(list(figures.structs(lines)), [(7, 5, "a")])

    def test_assertions_in_comments_and_macros_do_not_count(self):
        text = '/* check(1) */ check(2); "check(3)"\n#define x \\\n    check(4)\ncheck_slow(5);'
        code = figures.without_comments(text)
        self.assertEqual(code.split(), ["check(2);", "check_slow(5);"])


class Lists(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.TemporaryDirectory()
        self.addCleanup(self.home.cleanup)
        self.path = os.path.join(self.home.name, "list.txt")

    def write(self, text):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)

    def read(self):
        with open(self.path, encoding="utf-8") as file:
            return file.read()

    def test_what_is_not_listed_is_refused_and_not_written_down(self):
        self.write("# A title.\none\n")
        things = Remaining(self.path, "A title.")
        self.assertTrue(things.allows("one"))
        self.assertFalse(things.allows("two"))
        things.rewrite(with_new=False)
        self.assertEqual(self.read(), "# A title.\none\n")
        things.rewrite(with_new=True)
        self.assertEqual(self.read(), "# A title.\none\ntwo\n")

    def test_a_line_that_nothing_needs_is_refused_and_goes(self):
        self.write("one\ntwo\n")
        things = Remaining(self.path, "A title.")
        things.allows("two")
        self.assertEqual(things.stale(), ["one"])
        things.rewrite(with_new=False)
        self.assertEqual(self.read(), "# A title.\ntwo\n")

    def test_what_is_left_of_a_line_takes_its_place(self):
        self.write("log: a b c\n")
        things = Remaining(self.path, "A title.")
        self.assertFalse(things.allows("log: a b", less=True))
        self.assertEqual(things.stale(), ["log: a b c"])
        things.rewrite(with_new=False)
        self.assertEqual(self.read(), "# A title.\nlog: a b\n")

    def test_a_list_with_nothing_in_it_is_no_file(self):
        self.write("one\n")
        Remaining(self.path, "A title.").rewrite(with_new=False)
        self.assertFalse(os.path.exists(self.path))
        self.assertEqual(Remaining(self.path, "A title.").stale(), [])


def failures():
    """What went wrong, a line each."""
    suite = unittest.defaultTestLoader.loadTestsFromName(__name__)
    result = unittest.TextTestRunner(stream=io.StringIO()).run(suite)
    if result.testsRun == 0:
        return ["nothing was tested"]
    return ["%s: %s" % (test.id(), text.strip().split("\n")[-1]) for test, text in result.failures + result.errors]


if __name__ == "__main__":
    unittest.main()
