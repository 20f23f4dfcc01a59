#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the end-to-end stories: run.py BUILD BUILD_TG_SH [NAME...]

BUILD is the build folder, BUILD_TG_SH the script that makes the test guest.  NAME picks stories
("Deaths", "test_faults.Logins.test_an_unknown_user_gets_the_same_sentence").
"""
import os
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import story  # noqa: E402


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    story.Site.build = os.path.abspath(sys.argv[1])
    story.Site.cache = os.environ.get("BERTH_CACHE", os.path.expanduser("~/.cache/berth"))
    story.Site.guest_folder = os.path.join(story.Site.cache, "e2e", "tg")
    subprocess.run([sys.argv[2], story.Site.guest_folder], check=True)
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{name}*" for name in sys.argv[3:]] or None
    suite = loader.discover(HERE)
    try:
        result = unittest.TextTestRunner(verbosity=2).run(suite)
    finally:
        story.Site.stop()
    sys.exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)


if __name__ == "__main__":
    main()
