# SPDX-License-Identifier: GPL-3.0-or-later
"""A screen reader's view of the client, and a person who has no mouse."""
import os
import subprocess
import sys
import time

import qmp

LIMIT_S = 60
# What a person may want to use; things of these kinds must have a name and be reached by keys.
ACTIONS = {"push button", "toggle button", "check box", "radio button", "combo box", "text",
           "password text", "menu item", "list item", "slider", "spin button", "link", "canvas"}
KEYS_AT_MOST = 40


class Thing:
    """One line of accessible-tree."""

    def __init__(self, line):
        self.role, self.name, states, self.description, place = line.split("|")
        self.place = [int(number) for number in place.split()]  # x, y, width, height on the screen
        self.states = set(states.split())

    def __repr__(self):
        return f"{self.role} '{self.name}'"

    def can(self, *states):
        return self.states.issuperset(states)

    def key(self):
        return self.role, self.name


class Reader:
    """A session bus with the accessibility bus on it; env is what programs need to be seen."""

    def __init__(self, tree_program, env):
        self.program = tree_program
        reading, writing = os.pipe()
        self.bus = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", f"--print-address={writing}"],
            pass_fds=[writing], env=env, stderr=subprocess.DEVNULL,
            preexec_fn=qmp.die_with_parent)
        os.close(writing)
        with os.fdopen(reading) as file:
            address = file.readline().strip()
        env["DBUS_SESSION_BUS_ADDRESS"] = address
        env.pop("NO_AT_BRIDGE", None)
        self.env = env

    def read(self, pid):
        """Everything of a program that is on the screen."""
        done = subprocess.run([self.program, str(pid)], env=self.env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=LIMIT_S)
        return [Thing(line) for line in done.stdout.splitlines()]

    def wait(self, what, pid, is_there):
        """Reads until is_there says true of what is read, which is returned."""
        end = time.monotonic() + LIMIT_S
        while True:
            things = self.read(pid)
            if is_there(things):
                return things
            if time.monotonic() > end:
                sys.exit(f"FAILED: a screen reader never hears of {what}, only of {things}")


class Person:
    """Somebody who hears and types, and sees and points at nothing."""

    def __init__(self, reader, pid, xdotool):
        self.reader, self.pid, self.xdotool = reader, pid, xdotool

    def read(self):
        return self.reader.read(self.pid)

    def wait(self, what, is_there):
        return self.reader.wait(what, self.pid, is_there)

    def wait_name(self, name, *states):
        """Waits for a thing of that name in these states; returns it."""
        def of_name(things):
            return [thing for thing in things if thing.name == name and thing.can(*states)]
        return of_name(self.wait(f"'{name}' {states}", of_name))[0]

    def focused(self):
        return {thing.key() for thing in self.read() if thing.can("focused")}

    def press(self, *keys):
        self.xdotool("key", *keys)

    def actions(self):
        """What can be used now: kind and name."""
        return {thing.key() for thing in self.read()
                if thing.role in ACTIONS and thing.can("focusable", "sensitive")}

    def step(self, key, before):
        """Presses a key and waits a little for the keyboard to be elsewhere, which need not be."""
        self.press(key)
        for _ in range(15):
            now = self.focused()
            if now != before:
                return now
        return before

    def visit(self, what, *keys, but=()):
        """Everything on the page has a name, and these keys reach all of it."""
        wanted = self.actions() - set(but)
        nameless = [key for key in wanted if key[1].strip() in ("", "(None)")]
        check(f"{what}: everything has a name", not nameless, nameless)
        now = self.focused()
        seen = set(now)
        for n in range(KEYS_AT_MOST):
            if wanted <= seen:
                break
            now = self.step(keys[n % len(keys)], now)
            seen |= now
        check(f"{what}: keys reach all {len(wanted)} of it", wanted <= seen, wanted - seen)
        return wanted

    def go(self, name, *keys):
        """Presses keys until the thing of that name has the keyboard."""
        now = self.focused()
        for n in range(KEYS_AT_MOST):
            if any(key[1] == name for key in now):
                return
            now = self.step(keys[n % len(keys)], now)
        sys.exit(f"FAILED: keys never reach '{name}'")


def check(what, is_good, detail=""):
    if not is_good:
        sys.exit(f"FAILED: {what} {detail}")
    print(f"ok: {what}", flush=True)
