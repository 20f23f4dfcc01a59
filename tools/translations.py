#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps po/ in step with the sentences of the client.

check: every file with marked sentences is in po/POTFILES; every language of po/LINGUAS has a whole,
sure and well-formed translation; nothing that a widget or an error shows is left unmarked.
update: takes new sentences into po/*.po, untranslated, and drops those that are gone.

usage: translations.py check|update SOURCE_ROOT
"""
import os
import re
import subprocess
import sys
import tempfile

import sources

KEYWORDS = ["_", "N_", "ngettext:1,2", "X:4"]  # X: the rows of include/berth/errors.h
FORMATS = ["_:1:pass-c-format", "N_:1:pass-c-format", "ngettext:1:pass-c-format",
           "ngettext:2:pass-c-format", "g_strdup_printf:1:c-format", "berth_set_error:3:c-format",
           "g_error_new:3:c-format"]
MARKED = re.compile(r"\b(?:N?_|ngettext)\(\s*\"")
# What people see or hear: a bare literal with a word in it must not stand there.
SHOWN = re.compile(
    r"\b(?:gtk_label_new|gtk_button_new_with_label|gtk_button_new_with_mnemonic"
    r"|gtk_check_button_new_with_(?:label|mnemonic)|gtk_expander_new_with_mnemonic"
    r"|(?:gtk_label_set_text|gtk_widget_set_tooltip_text|gtk_entry_set_placeholder_text"
    r"|gtk_button_set_label|atk_object_set_name|atk_object_set_description)"
    r"\((?:[^(),]|\([^()]*\))*,"
    r"|berth_set_error\((?:[^(),]|\([^()]*\))*,(?:[^(),]|\([^()]*\))*,)\(?\s*\"([^\"]*)\"")
WORD = re.compile(r"[A-Za-z]{3}")
# berth probe speaks with programs, in English.
ENGLISH = "client/probe/"


def run(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=120,
                          env={**os.environ, "LC_ALL": "C.UTF-8", "LANGUAGE": ""}).stdout


def read_list(root, name):
    lines = sources.read_text(root, f"po/{name}").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def extract(root, template):
    """Writes all marked sentences of po/POTFILES into a template without dates."""
    run("xgettext", "--from-code=UTF-8", f"--directory={root}", f"--output={template}",
        "--no-wrap", "--package-name=berth", *(f"--keyword={word}" for word in KEYWORDS),
        *(f"--flag={flag}" for flag in FORMATS), *read_list(root, "POTFILES"))
    with open(template, encoding="utf-8") as file:
        text = file.read()
    with open(template, "w", encoding="utf-8") as file:
        file.write(re.sub(r'^"(POT-Creation-Date|Report-Msgid-Bugs-To):.*\n', "", text, flags=re.M))


def merge(old, template, merged):
    """A translation with the sentences of the template, and no others."""
    run("msgmerge", "--quiet", "--no-fuzzy-matching", "--no-wrap", "--add-location=never", old,
        template, "-o", merged)
    run("msgattrib", "--no-obsolete", "--no-wrap", merged, "-o", merged)


def missing_in(translation):
    """The sentences that are not translated, or not surely."""
    for kind in ("--untranslated", "--only-fuzzy"):
        text = run("msgattrib", kind, "--no-wrap", translation)
        for sentence in re.findall(r'^msgid ((?:"[^\n]*"\n?)+)', text, re.M):
            if sentence.strip() != '""':
                yield sentence.replace("\n", " ")


def check_languages(root, folder):
    template = os.path.join(folder, "berth.pot")
    extract(root, template)
    for language in read_list(root, "LINGUAS"):
        name = f"po/{language}.po"
        merged = os.path.join(folder, f"{language}.po")
        merge(os.path.join(root, name), template, merged)
        for sentence in missing_in(merged):
            yield f"{name}: not translated: {sentence}"
        done = subprocess.run(
            ["msgfmt", "--check-format", "--check-domain", "--check-accelerators=_",
             "-o", os.devnull, os.path.join(root, name)],
            capture_output=True, text=True, check=False, timeout=120)
        yield from done.stderr.splitlines() if done.returncode != 0 else []


def check_sources(root):
    listed = set(read_list(root, "POTFILES"))
    for name in sources.c_files(root):
        if not name.startswith("client/") or name.startswith(ENGLISH):
            continue
        text = sources.read_text(root, name)
        if MARKED.search(text) and name not in listed:
            yield f"{name}: has sentences to translate; add it to po/POTFILES"
        for shown in SHOWN.finditer(text):
            if WORD.search(re.sub(r"%[-\w.]*", "", shown.group(1))):
                line = text.count("\n", 0, shown.start()) + 1
                yield f"{name}:{line}: \"{shown.group(1)}\" is not marked for translation"


def main():
    command, root = sys.argv[1], sys.argv[2]
    with tempfile.TemporaryDirectory() as folder:
        if command == "update":
            template = os.path.join(folder, "berth.pot")
            extract(root, template)
            for language in read_list(root, "LINGUAS"):
                path = os.path.join(root, f"po/{language}.po")
                merge(path, template, path)
        problems = [*check_sources(root), *check_languages(root, folder)]
    sources.finish(problems, "run tools/translations.py update . and fill in po/*.po")


if __name__ == "__main__":
    main()
