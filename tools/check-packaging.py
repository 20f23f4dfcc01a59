#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the systemd units and the example configurations with the programs that they are for.

Each example must pass --check-config with keys that berth-setup made; each unit must pass
`systemd-analyze verify` and stay at or below its exposure in `systemd-analyze security`.

usage: check-packaging.py BERTH_SETUP UNIT_FOLDER EXAMPLE_FOLDER PROGRAM...
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

# Tenths, as docs/SECURITY-MODEL.md says; less is better.
MOST_EXPOSURE = {"berth-broker": 12, "berth-gateway": 16, "berth-agent": 17}
HOST = "one"
# Not installed while this runs.
IGNORED = r"Command 'man |Failed to load environment|^$"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def run(*argv):
    """Status and all output."""
    done = subprocess.run(argv, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=30, check=False)
    return done.returncode, done.stdout.strip()


def make_keys(setup, folder):
    """A folder with the names that the units give to keys."""
    status, output = run(setup, "--host", HOST, folder)
    if status != 0:
        sys.exit(f"berth-setup: {output}")
    for kind in ("pem", "key"):
        os.rename(f"{folder}/host-{HOST}.{kind}", f"{folder}/host.{kind}")


def check_example(program, example, unit, keys):
    """The example with /run/credentials/UNIT replaced by the keys; it may name loaded ones only."""
    name, text = os.path.basename(program), read(example)
    credentials = f"/run/credentials/{name}.service/"
    loaded = set(re.findall(r"^LoadCredential=([^:]+):", unit, re.MULTILINE))
    used = set(re.findall(re.escape(credentials) + r"(\S+)", text))
    for key in sorted(used ^ loaded):
        yield f"{name}: unit and example do not agree on the credential {key}"
    path = os.path.join(keys, f"{name}.conf")
    write(path, text.replace(credentials, keys + "/"))
    status, output = run(program, "--check-config", "--config", path)
    if status != 0:
        yield f"{example}: {output}"


def check_unit(program, unit, folder):
    """The unit with the built program in the place of the installed one."""
    name = os.path.basename(program)
    path = os.path.join(folder, f"{name}.service")
    write(path, re.sub(r"^ExecStart=\S+", f"ExecStart={program}", unit, flags=re.MULTILINE))
    _, output = run("systemd-analyze", "verify", path)
    for line in output.splitlines():
        if not re.search(IGNORED, line):
            yield f"{name}.service: {line}"
    status, output = run("systemd-analyze", "security", "--offline=true",
                         f"--threshold={MOST_EXPOSURE[name]}", path)
    if status != 0:
        yield f"{name}.service: {output.splitlines()[-1]}"


def main():
    setup, units, examples, *programs = sys.argv[1:]
    has_systemd = shutil.which("systemd-analyze") is not None
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        keys = os.path.join(folder, "keys")
        make_keys(setup, keys)
        for program in map(os.path.abspath, programs):
            name = os.path.basename(program)
            unit = read(os.path.join(units, f"{name}.service"))
            example = os.path.join(examples, name.removeprefix("berth-") + ".conf")
            problems += check_example(program, example, unit, keys)
            if has_systemd:
                problems += check_unit(program, unit, folder)
    print("\n".join(problems) or ("good" if has_systemd else "good, but no systemd-analyze here"))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
