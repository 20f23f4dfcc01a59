#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares each program's --help with its manual page, and its --help-config with the page of its
configuration: options, commands, keys and defaults must be the same on both sides.

usage: check-man.py SOURCE_ROOT BUILD_ROOT PROGRAM...
"""
import glob
import os
import re
import subprocess
import sys

import sources

# What GLib and GTK add to every --help.
STANDARD_OPTIONS = {"help-all", "help-gtk", "display"}
# Defaults that depend on where Berth is installed.
INSTALLED = "/libexec/"
# Program -> arguments that print all of its help, one run each; page, if not of the same name.
PAGES = [
    ("berth", "berth", [["--help"]]),
    ("berth", "berth-play", [["play", "--help"]]),
    ("berth", "berth-probe", [["probe", "--help"], ["probe", "--help-actions"]]),
]


def run(argv):
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "COLUMNS": "200"}
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30,
                          stdin=subprocess.DEVNULL, env=environment).stdout


def read_page(root, name):
    """The page's file name and its text, or None if there is no page."""
    found = glob.glob(os.path.join(root, "docs", "man", glob.escape(name) + ".[1-9].scd"))
    if len(found) != 1:
        return None, None
    name = os.path.relpath(found[0], root)
    # A definition may go on in the next line.
    return name, sources.read_text(root, name).replace("++\n", " ")


def options_of_help(text):
    """Names of the long options, and of the short ones, that a help text lists."""
    rows = re.findall(r"^ +(?:-(\w), )?--([a-z][a-z-]*)", text, re.MULTILINE)
    return ({name for _, name in rows} - STANDARD_OPTIONS) | {short for short, _ in rows if short}


def options_of_page(text):
    """The same of the lines of a page that define something, which begin with bold."""
    text = text.partition("\n# DESCRIPTION\n")[2]
    lines = "\n".join(line for line in text.splitlines() if line.lstrip("\t").startswith("*"))
    return set(re.findall(r"--([a-z][a-z-]*)", lines)) | set(re.findall(r"\*-(\w)\*", lines))


def commands_of_help(text):
    """berthctl's commands: lines of its table without the arguments."""
    table = text.partition("\nCommands:\n")[2]
    return set(re.findall(r"^  ([a-z-]+(?: [a-z-]+)?)", table, re.MULTILINE))


def commands_of_page(text):
    section = text.partition("\n# COMMANDS\n")[2].partition("\n# ")[0]
    lines = [line for line in section.splitlines() if line.startswith("*")]
    return {name for line in lines for name in re.findall(r"\*([a-z-]+(?: [a-z-]+)?)\*", line)}


def keys_of_help(text):
    """(group, key) -> default, None for a key that must be given."""
    keys, group = {}, None
    for line in text.splitlines():
        if header := re.fullmatch(r"\[(\w+)\]", line):
            group = header.group(1)
        elif row := re.fullmatch(r"(#?)(\w+) = ?(.*)", line):
            keys[group, row.group(2)] = row.group(3) if row.group(1) else None
    return keys


def keys_of_page(text):
    """(group, key) -> the line that defines it."""
    keys, group = {}, None
    for line in text.partition("\n# EXAMPLE")[0].splitlines():
        if header := re.fullmatch(r"# GROUP \[(\w+)\]", line):
            group = header.group(1)
        elif row := re.match(r"\*(\w+)\* = ", line):
            keys[group, row.group(1)] = line
    return keys


def compare(page, what, real, described):
    for name in sorted(real - described):
        yield f"{page}: {what} {name!r} is not described"
    for name in sorted(described - real):
        yield f"{page}: {what} {name!r} does not exist"


def check_program(root, page_name, helps):
    page, text = read_page(root, page_name)
    if page is None:
        yield f"docs/man: {page_name} has no page"
        return
    real = set().union(*(options_of_help(help_text) for help_text in helps))
    described = options_of_page(text)
    # A short option may go without mention beside its long name.
    short = {name for name in real if len(name) == 1}
    yield from compare(page, "option", real - short, described - short)
    yield from compare(page, "command", set().union(*map(commands_of_help, helps)),
                       commands_of_page(text))


def check_config(root, program_name, help_text):
    page, text = read_page(root, program_name + ".conf")
    if page is None:
        yield f"docs/man: {program_name}.conf has no page"
        return
    real, described = keys_of_help(help_text), keys_of_page(text)
    yield from compare(page, "key", {"/".join(key) for key in real},
                       {"/".join(key) for key in described})
    for key, default in real.items():
        # scdoc underlines the value: _value_
        shown = re.search(r", default _(.*)_$", described.get(key, ""))
        if (default or None) != (shown and shown.group(1)) and INSTALLED not in (default or ""):
            yield f"{page}: the default of {'/'.join(key)!r} is {default or 'none'!r}"


def main():
    root, programs = sys.argv[1], sys.argv[3:]
    problems = []
    for program in programs:
        name = os.path.basename(program)
        pages = [row[1:] for row in PAGES if row[0] == name] or [(name, [["--help"]])]
        for page_name, runs in pages:
            helps = [run([program, *arguments]) for arguments in runs]
            problems += check_program(root, page_name, helps)
            if "--help-config" in helps[0]:
                problems += check_config(root, page_name, run([program, "--help-config"]))
    sources.finish(problems, "program and page must say the same")


if __name__ == "__main__":
    main()
