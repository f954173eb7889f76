# SPDX-License-Identifier: MIT
"""Runs the functions of a file whose names begin with test_, in their order; ends with "N passed, N failed".

A test fails by an exception. Skip("why") leaves it out, loudly; if all were left out the exit code is 77 and the last
line says why, so that nobody takes it for a success. The first argument chooses tests by a part of their names."""

import os
import random
import sys
import time
import traceback


class Skip(Exception):
    pass


def seed():
    """From GEOMYS_SEED, else a new one; printed, so that a failure can be had again."""
    value = int(os.environ.get("GEOMYS_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"GEOMYS_SEED={value}", flush=True)
    return value


def equal(found, wanted, what=""):
    if found != wanted:
        raise AssertionError(f"{what or 'found'}: {shorten(found)} instead of {shorten(wanted)}")


def shorten(value):
    text = repr(value)
    return text if len(text) <= 400 else f"{text[:200]} ... {text[-150:]} ({len(text)} characters)"


def run(namespace):
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    passed = failed = 0
    skipped = []
    for name, test in [item for item in namespace.items() if item[0].startswith("test_") and word in item[0]]:
        started = time.monotonic()
        try:
            test()
        except Skip as why:
            skipped.append(why)
            print(f"***** SKIPPED {name}: {why} *****", flush=True)
            continue
        except Exception:
            failed += 1
            print(f"FAILED {name}\n{traceback.format_exc()}", flush=True)
            continue
        passed += 1
        print(f"ok {name} ({time.monotonic() - started:.1f} s)", flush=True)
    if passed + failed == 0:
        print(f"all {len(skipped)} SKIPPED: {skipped[0]}" if skipped else f"there is no test with '{word}' in its name")
        sys.exit(77 if skipped else 1)
    if skipped:
        print(f"{len(skipped)} skipped")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
