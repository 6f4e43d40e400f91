# Runs modules of Python's own regression suite, but for the tests that are left out: `run.py LEFT_OUT MODULE...`, where
# LEFT_OUT is a list with commas, in which `CLASS.*` stands for all of a class. Its last lines are `failed: TEST` for
# each that failed, and `ran N`.
import os
import sys
import unittest

import test.support


def each(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from each(item)
        else:
            yield item


# As regrtest has it: nothing that needs the internet, gigabytes or many minutes.
test.support.use_resources = ()
left_out = set(sys.argv[1].split(","))
os.chdir("/tmp")
tests = []
for name in sys.argv[2:]:
    try:
        tests += each(unittest.defaultTestLoader.loadTestsFromName("test.test_" + name))
    except unittest.SkipTest as reason:
        print(name, "skipped:", reason)
names = lambda test: {test.id(), test.id().rpartition(".")[0] + ".*"}
tests = [test for test in tests if left_out.isdisjoint(names(test))]
result = unittest.TextTestRunner(stream=sys.stderr, verbosity=2).run(unittest.TestSuite(tests))
failed = [test for test, _ in result.failures + result.errors] + result.unexpectedSuccesses
for name in sorted({test.id().split(" ")[0] for test in failed}):
    print("failed:", name)
print("ran", result.testsRun, flush=True)
