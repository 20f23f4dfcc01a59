#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client speaks the language of its user, where it is told by the environment alone.

usage: test_languages.py BERTH SOURCE_ROOT LOCALE_DIR
"""
import ast
import os
import re
import subprocess
import sys
import tempfile

LIMIT_S = 60
SUMMARY, OPTION = "Opens your desktop.", "tell the version"
NO_SESSION = "'%s' is no id of a session; berthctl sessions lists them"


def check(what, is_good):
    if not is_good:
        sys.exit(f"not so: {what}")


def translations(root, language):
    """Sentence -> translation, of those that have no plural."""
    with open(os.path.join(root, "po", language + ".po"), encoding="utf-8") as file:
        text = file.read()
    literal = r'((?:"[^\n]*"\n)+)'
    return {"".join(map(ast.literal_eval, source.split("\n")[:-1])):
            "".join(map(ast.literal_eval, target.split("\n")[:-1]))
            for source, target in re.findall(f"msgid {literal}msgstr {literal}", text + "\n")}


class Client:
    def __init__(self, berth, locale_dir, folder):
        self.berth, self.locale_dir, self.folder = berth, locale_dir, folder

    def run(self, language, *argv):
        """Status and everything that it says."""
        env = {"PATH": os.environ["PATH"], "HOME": self.folder, "XDG_CONFIG_HOME": self.folder,
               "LC_ALL": "C.UTF-8", "LANGUAGE": language, "BERTH_LOCALE_DIR": self.locale_dir}
        done = subprocess.run([self.berth, *argv], env=env, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT_S)
        return done.returncode, done.stdout


def main():
    berth, root, locale_dir = sys.argv[1:4]
    with open(os.path.join(root, "po", "LINGUAS"), encoding="utf-8") as file:
        languages = [line.strip() for line in file if not line.startswith("#")]
    check("two languages or more", len(languages) >= 2)
    with tempfile.TemporaryDirectory() as folder:
        client = Client(berth, locale_dir, folder)
        for language in languages:
            words = translations(root, language)
            status, text = client.run(language, "--help")
            check(f"help in {language}", status == 0 and words[SUMMARY] in text)
            check(f"an option in {language}", words[OPTION] in text and OPTION not in text)
            status, text = client.run(language, "--shadow", "x", "--broker", "one.example.org")
            check(f"a reason in {language}: {text}", status == 1 and words[NO_SESSION] % "x" in text)
            _, text = client.run(language, "probe", "--help")
            check("the probe speaks English", not any(
                words[known] in text for known in (SUMMARY, "address of the broker")))
        status, text = client.run("xx", "--help")
        check("English where there is no translation", status == 0 and SUMMARY in text)
    print("good")


if __name__ == "__main__":
    main()
