#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The runner's own tests: what must count as a failure does, and nothing that it has started outlives it."""

import io
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from run import fuzz, judges, launch, main, mutants, reports
from run.job import Job, Line
from run.programs import Build
from run.tally import Tally

CRITERION = "echo '[====] Synthesis: Tested: {} | Passing: {} | Failing: {} | Crashing: 0 '"


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="geomys-run-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.tally = Tally(io.StringIO())
        self.line = Line(self.tally, 2, os.path.join(self.folder, "reports"))

    def job(self, script, judge, name="it", **options):
        return Job(name, ["sh", "-c", script], os.path.join(self.folder, "log", name + ".txt"), judge, **options)

    def run_one(self, script, judge, **options):
        """(passed, failed, what was said)."""
        self.tally = self.line.tally = Tally(io.StringIO())
        self.line.run([self.job(script, judge, **options)])
        return self.tally.passed, self.tally.failed, self.tally.out.getvalue()

    def expect(self, passed, failed, words, script, judge, **options):
        found = self.run_one(script, judge, **options)
        self.assertEqual(found[:2], (passed, failed), found[2])
        self.assertIn(words, found[2])

    def assert_gone(self, pid):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                    if file.read().rpartition(")")[2].split()[0] == "Z":
                        return
            except FileNotFoundError:
                return
            time.sleep(0.01)
        self.fail(f"process {pid} is still there")


class Judges(Case):
    def test_a_code(self):
        self.expect(1, 0, "ok: it (0 s)", "exit 0", judges.by_code)
        self.expect(0, 1, "FAILED: it\n    why", "echo why; exit 3", judges.by_code)
        self.expect(0, 1, "FAILED: it", "kill -SEGV $$", judges.by_code)

    def test_a_summary_of_criterion(self):
        self.expect(7, 0, "ok: it: 7 (0 s)", CRITERION.format(7, 7, 0), judges.by_criterion)
        self.expect(5, 2, "FAILED: it\n", CRITERION.format(7, 5, 2) + "; exit 1", judges.by_criterion)
        self.expect(7, 1, "FAILED: it: code 1", CRITERION.format(7, 7, 0) + "; exit 1", judges.by_criterion)
        self.expect(0, 1, "without a summary, code 0", "echo fine", judges.by_criterion)
        self.expect(0, 1, "without a summary, code -11", "kill -SEGV $$", judges.by_criterion)
        self.expect(0, 1, "nothing was tested", CRITERION.format(0, 0, 0), judges.by_criterion)

    def test_a_coloured_summary(self):
        coloured = "printf '[\\033[0;34m====\\033[0m] \\033[0;1mSynthesis: Tested: \\033[0;34m3\\033[0m'"
        self.expect(3, 0, "ok: it: 3", coloured + "; echo ' | Passing: 3 | Failing: 0 | Crashing: 0'",
                    judges.by_criterion)

    def test_a_closing_line(self):
        self.expect(4, 0, "ok: it: 4", "echo '4 passed, 0 failed'", judges.by_closing_line)
        self.expect(4, 2, "FAILED: it\n", "echo '4 passed, 2 failed'; exit 1", judges.by_closing_line)
        self.expect(4, 1, "FAILED: it: code 9", "echo '4 passed, 0 failed'; exit 9", judges.by_closing_line)
        self.expect(0, 1, "nothing was tested", "echo '0 passed, 0 failed'", judges.by_closing_line)
        self.expect(0, 1, "without a closing line, code 0", "echo fine", judges.by_closing_line)

    def test_a_program_of_integration(self):
        judge = judges.by_closing_line_or_code
        self.expect(1, 0, "ok: it", "exit 0", judge)
        self.expect(0, 1, "FAILED: it", "exit 1", judge)
        self.expect(0, 0, "left out: it: no npm\n", "echo no npm; exit 77", judge)
        self.expect(0, 1, "nothing was tested", "echo '0 passed, 0 failed'", judge)
        self.expect(2, 0, "    1 skipped\n", "echo 1 skipped; echo '2 passed, 0 failed'", judge)

    def test_a_short_run_of_a_fuzz_target(self):
        self.expect(1, 0, "ok: it: 11 inputs", "echo stat::number_of_executed_units: 11", fuzz.by_units)
        self.expect(0, 1, "FAILED: it", "echo stat::number_of_executed_units: 10", fuzz.by_units)
        self.expect(0, 1, "FAILED: it", "echo stat::number_of_executed_units: 99; exit 77", fuzz.by_units)
        self.expect(0, 1, "FAILED: it", "exit 0", fuzz.by_units)

    def test_a_program_that_is_not_there(self):
        self.line.run([Job("it", ["/nowhere/program"], os.path.join(self.folder, "log"), judges.by_code)])
        self.assertEqual((self.tally.passed, self.tally.failed), (0, 1))


class Reports(Case):
    def test_a_report_is_a_failure_of_its_own(self):
        script = "echo '==1==ERROR: LeakSanitizer' >${ASAN_OPTIONS##*log_path=}.1"
        self.expect(1, 1, "FAILED: it: report of a sanitizer\n    ==1==ERROR: LeakSanitizer", script, judges.by_code)

    def test_a_line_about_its_own_threads_says_nothing(self):
        script = "echo '==1==Unable to get registers from thread 2' >${TSAN_OPTIONS##*log_path=}.1"
        self.expect(1, 0, "ok: it", script, judges.by_code)

    def test_a_leak_within_the_test_framework_is_none_of_ours(self):
        text = """
=================================================================
==9084==ERROR: LeakSanitizer: detected memory leaks

Direct leak of 48 byte(s) in 1 object(s) allocated from:
    #0 0x7fcda24b83b7 in __interceptor_calloc ../../../../src/libsanitizer/asan/asan_malloc_linux.cpp:77
    #1 0x7fcda222d332  (/lib/x86_64-linux-gnu/libcriterion.so.3+0x1a332)

SUMMARY: AddressSanitizer: 48 byte(s) leaked in 1 allocation(s).
"""
        self.assertTrue(reports.is_foreign(text))
        ours = "    #2 0x55d2c3f0a1b2 in memory_alloc core/base/memory.c:21\n"
        self.assertFalse(reports.is_foreign(text.replace("\nSUMMARY", ours + "\nSUMMARY")))
        self.assertFalse(reports.is_foreign(text.replace("    #1 0x7fcda222d332", "    # 0x7fcda222d332")))
        self.assertFalse(reports.is_foreign(text.replace("LeakSanitizer: detected", "AddressSanitizer: another")))
        self.assertFalse(reports.is_foreign(text + "core/base/buf.c:7:2: runtime error: load of null pointer\n"))
        self.assertFalse(reports.is_foreign(text + "\nDirect leak of 7 byte(s) in 1 object(s) allocated from:\n"
                                            "    #0 0x7fcda24b83b7 in __interceptor_malloc "
                                            "../../../../src/libsanitizer/asan/asan_malloc_linux.cpp:69\n"))
        self.assertFalse(reports.is_foreign(""))

    def test_reports_belong_to_the_job_that_left_them(self):
        leave = "echo leak >${UBSAN_OPTIONS##*log_path=}.1"
        self.line.run([self.job("sleep 0.2", judges.by_code, "clean"), self.job(leave, judges.by_code, "leaky")])
        self.assertEqual(self.tally.failures, ["leaky: report of a sanitizer"])


class Time(Case):
    def test_the_limit_of_time(self):
        began = time.monotonic()
        self.expect(0, 1, "not done within 0.2 s", "sleep 60", judges.by_code, limit_s=0.2)
        self.assertLess(time.monotonic() - began, 20)

    def test_a_summary_before_the_limit_does_not_help(self):
        self.expect(4, 1, "code 124", "echo '4 passed, 0 failed'; sleep 60", judges.by_closing_line, limit_s=0.2)

    def test_what_a_job_leaves_behind_is_ended(self):
        self.expect(1, 0, "ok", "sleep 60 & echo $! >%s/pid" % self.folder, judges.by_code)
        with open(os.path.join(self.folder, "pid"), encoding="ascii") as file:
            self.assert_gone(int(file.read()))

    def test_an_interrupted_runner_ends_what_it_has_started(self):
        pid_file = os.path.join(self.folder, "pid")
        code = (f"import sys, signal; sys.path.insert(0, {os.path.dirname(HERE)!r})\n"
                "from run import judges\nfrom run.job import Job, Line\nfrom run.tally import Tally\n"
                "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
                f"Line(Tally(), 2, {self.folder + '/r'!r}).run([Job('it', ['sh', '-c', 'echo $$ >{pid_file}; echo; "
                f"sleep 60'], {self.folder + '/it.txt'!r}, judges.by_code)])")
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL) as runner:
            while not os.path.exists(pid_file) or os.path.getsize(pid_file) == 0:
                time.sleep(0.01)
            runner.send_signal(signal.SIGTERM)
            self.assertEqual(runner.wait(20), 143)
        with open(pid_file, encoding="ascii") as file:
            self.assert_gone(int(file.read()))


class Order(Case):
    def test_slots_and_wide_jobs(self):
        """A wide job stands alone, two others stand together and no third."""
        os.mkdir(os.path.join(self.folder, "now"))
        note = "cd {0}/now; touch $$; sleep 0.1; ls | wc -l; rm $$".format(self.folder)
        seen = []

        def judge(_, ended):
            seen.append((ended.job.wide, int(ended.text.split()[0])))

        self.line.run([self.job(note, judge, f"n{i}", wide=i in (0, 3)) for i in range(8)])
        self.assertEqual(len(seen), 8)
        self.assertEqual({count for wide, count in seen if wide}, {1})
        self.assertLessEqual(max(count for _, count in seen), 2)

    def test_a_failure_is_told_at_once_and_at_the_end(self):
        self.assertFalse(self.line.run([self.job("exit 1", judges.by_code, "bad"),
                                        self.job("exit 0", judges.by_code, "good")]))
        self.assertEqual(self.tally.finish(), 1)
        text = self.tally.out.getvalue()
        self.assertTrue(text.endswith("\n\nFAILED: bad\n1 passed, 1 failed\n"), text)

    def test_a_run_of_nothing_fails(self):
        self.assertEqual(self.tally.finish(), 1)
        self.assertEqual(self.tally.out.getvalue(), "0 passed, 0 failed\n")


class Discovery(Case):
    def test_what_is_there_is_found(self):
        build = Build(self.folder, "release", 2)
        for path, mode in (("tests/test_new", 0o755), ("tests/test_data", 0o644), ("plain/plain_new", 0o755)):
            path = build.path(*path.split("/"))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="ascii"):
                os.chmod(path, mode)
        scripts = os.path.join(self.folder, "tests", "integration")
        os.makedirs(scripts)
        for name, text in (("new_test.py", "if __name__ == '__main__': pass"), ("helper.py", "")):
            with open(os.path.join(scripts, name), "w", encoding="ascii") as file:
                file.write(text)
        self.assertEqual([job.name for job in build.units()], ["test_new (release)"])
        self.assertEqual([job.name for job in build.plain()], ["plain_new (release)"])
        self.assertEqual([job.name for job in build.integration()], ["new_test (release)"])


class Kinds(Case):
    def test_a_kind_of_which_there_is_none_is_a_failure(self):
        run = main.Run.__new__(main.Run)
        run.tally, run.line = self.tally, self.line
        self.assertTrue(run.jobs(stories=[self.job("exit 0", judges.by_code)]))
        self.assertEqual((self.tally.passed, self.tally.failures), (1, []))
        run.jobs(unit_tests=iter([]), stories=[self.job("exit 0", judges.by_code)])
        self.assertEqual((self.tally.passed, self.tally.failures), (2, ["unit tests: there are none"]))


class Launch(Case):
    def serve(self, script, ready):
        return launch.start(lambda port: ["sh", "-c", script, "sh", str(port)], ready, self.output, self.folder, 5)

    def output(self):
        return os.path.join(self.folder, f"output.{len(os.listdir(self.folder))}")

    def test_a_port_that_was_taken_meanwhile_is_tried_again_elsewhere(self):
        script = ("[ -e once ] && exec sleep 60; touch once; "
                  "echo 'cannot listen on 127.0.0.1:1: Address already in use'; exit 1")
        process, _ = self.serve(f"cd {self.folder}; {script}", lambda process, _: not process.ended(0.5))
        self.assertEqual(process.stop(), -signal.SIGTERM)

    def test_a_server_that_ends_at_once_is_told_with_its_last_words(self):
        with self.assertRaisesRegex(launch.NotStarted, "(?s)code 3.*no module"):
            self.serve("echo no module; exit 3", lambda *_: False)

    def test_a_server_that_never_answers_is_ended(self):
        started = []
        with self.assertRaisesRegex(launch.NotStarted, "not ready within 0.2 s"):
            launch.start(lambda port: ["sleep", "60"], lambda process, _: started.append(process.pid), self.output,
                         self.folder, 0.2)
        self.assert_gone(started[0])


SOURCE = """static int answer(int given)
{
    int twice = given * 2; /* twice */
    if (given > 0 &&
        given < 10) {
        (void)(given);
        twice++;
        twice++;
    }
    return twice;
}"""


class Mutants(unittest.TestCase):
    def answer(self, text, number, given=5):
        """What the function says with that fault in force."""
        with tempfile.TemporaryDirectory(prefix="geomys-run-") as folder:
            found = mutants.read(text, "list")
            for place, mutant in enumerate(found, 1):
                mutant.number = place
            program = os.path.join(folder, "program")
            with open(program + ".c", "w", encoding="utf-8") as file:
                file.write("#include <stdio.h>\nint geomys_mutant;\n" + mutants.apply(found, "a.c", SOURCE) +
                           f"\nint main(void) {{ geomys_mutant = {number}; printf(\"%d\", answer({given})); }}\n")
            subprocess.run(["gcc", "-o", program, program + ".c"], check=True)
            return int(subprocess.run([program], check=True, capture_output=True, text=True).stdout)

    def refused(self, text, words):
        with self.assertRaisesRegex(mutants.Wrong, words):
            mutants.apply(mutants.read(text, "list"), "a.c", SOURCE)

    def test_a_value_a_condition_and_a_statement_can_be_faulty_and_are_not_without_a_number(self):
        text = ("a.c: thrice\n-int twice = given * 2; /* twice */\n+int twice = given * 3;\n\n"
                "a.c: no upper end\n-if (given > 0 &&\n-given < 10) {\n+if (given > 0) {\n\n"
                "a.c: no lower end\n-if (given > 0 &&\n-given < 10) {\n+if (given < 10) {\n\n"
                "a.c: left out\n twice++;\n twice++;\n }\n-return twice;\n+return 0;\n")
        self.assertEqual([self.answer(text, number) for number in (0, 1, 4)], [12, 17, 0])
        self.assertEqual([self.answer(text, number, 20) for number in (0, 2)], [40, 42])
        self.assertEqual([self.answer(text, number, -1) for number in (0, 3)], [-2, 0])

    def test_what_is_not_there_once_or_is_no_statement_is_refused(self):
        self.refused("a.c: x\n-return thrice;\n+return 0;\n", "0 times")
        self.refused("a.c: x\n-twice++;\n+twice--;\n", "2 times")
        self.refused("a.c: x\n-given < 10) {\n+true) {\n", "in the midst")
        self.refused("a.c: x\n-int twice = given * 2; /* twice */\n+twice = 7;\n", "declaration")
        self.refused("a.c: x\n-twice++;\n-}\n+return 0;\n", "neither")
        self.refused("a.c: x\n-given < 10) {\n-(void)(given);\n+true) {\n+(void)(given);\n", "in the midst")
        self.refused("a.c: x\n-if (given > 0 &&\n-given < 10) {\n-(void)(given);\n"
                     "+if (given < 10) {\n+(void)(given);\n", "neither")
        self.refused("a.c: x\n+return 0;\n", "no line goes")

    def test_the_list_is_of_this_tree(self):
        self.assertEqual(mutants.check(main.ROOT, mutants.read_all(main.ROOT)), [])


if __name__ == "__main__":
    unittest.main()
