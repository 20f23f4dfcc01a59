#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checker of histories finds what it is there to find."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from chaos_check import Op, check  # noqa: E402


def grant(user, at, machine="m", epoch=1, session="s", connection=1, pool="p"):
    return Op(user, "connect", at, at + 0.5, "granted", pool, machine, epoch, session, connection)


class Checker(unittest.TestCase):
    def test_a_good_day_is_good(self):
        history = [grant("ann", 1), grant("bob", 1, machine="n", session="t"),
                   grant("ann", 3, connection=2), Op("ann", "logoff", 4, 4.1, "ok", machine="m",
                                                     epoch=1),
                   grant("bob", 5, epoch=2, machine="m", session="u"), ]
        history[-1].pool = "q"
        self.assertEqual(check(history), [])

    def test_two_owners_of_one_life_are_found(self):
        self.assertEqual(len(check([grant("ann", 1), grant("bob", 9, session="t")])), 1)

    def test_a_ticket_given_twice_is_found(self):
        self.assertEqual(len(check([grant("ann", 1), grant("ann", 2)])), 1)

    def test_a_desktop_that_came_back_after_log_off_is_found(self):
        off = Op("ann", "logoff", 2, 2.1, "ok", machine="m", epoch=1)
        self.assertEqual(len(check([grant("ann", 1), off, grant("ann", 3, connection=2)])), 1)

    def test_an_unanswered_log_off_may_have_happened_or_not(self):
        off = Op("ann", "logoff", 2, None, None, machine="m", epoch=1)
        self.assertEqual(check([grant("ann", 1), off, grant("ann", 3, connection=2)]), [])
        self.assertEqual(check([grant("ann", 1), off, grant("ann", 3, epoch=2, session="t")]), [])

    def test_a_lost_desktop_is_found_unless_its_host_was_away(self):
        history = [grant("ann", 1), grant("ann", 9, machine="n", session="t")]
        self.assertEqual(len(check(history)), 1)
        self.assertEqual(check(history, lost=[("m", 2, 8)]), [])
        self.assertEqual(len(check(history, lost=[("n", 2, 8)])), 1)

    def test_who_comes_in_after_being_revoked_is_found(self):
        history = [Op("ann", "revoke", 1, 2, "ok"), grant("ann", 3)]
        self.assertEqual(len(check(history)), 1)
        history.insert(1, Op("ann", "restore", 2.5))
        self.assertEqual(check(history), [])


if __name__ == "__main__":
    unittest.main()
