#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Searches for what must not be in the tree; every rule carries its reason.

C rules look at code without comments and literals, text rules at whole files.
"""
import re
import sys

import sources

TESTS = r"^tests/"
ENGINES = r"^(display/(wire|pixels|encode|decode)|policies)/"

# (pattern, files it applies to, files it does not, reason)
C_RULES = [
    (r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|strncpy|strncat|stpcpy)\s*\(", r"", None,
     "this call has no bound or hides one; use g_strlcpy, g_snprintf, g_strsplit, GString"),
    (r"\b(atoi|atol|atoll|atof)\s*\(", r"", None,
     "this call has no errors; use g_ascii_string_to_signed or strtoll with checks"),
    (r"\b(system|popen)\s*\(", r"", None, "no shell; use berth_spawn"),
    (r"\balloca\s*\(", r"", None, "a size on the stack that a peer may choose"),
    (r"\b(sleep|usleep|g_usleep|nanosleep|clock_nanosleep)\s*\(", r"", None,
     "nothing here waits by the clock; use a source, a condition or poll()"),
    (r"\b(clock_gettime|gettimeofday|g_get_(monotonic|real)_time|time|g_date_time_new_now\w*)"
     r"\s*\(", r"", r"^(base/clock\.c$|tests/)", "clocks are read in base/clock.c only"),
    (r"\bg_main_loop_run\s*\(", r"", r"^(base/main-loop\.c$|client/probe/|tests/)",
     "programs run by berth_main_loop_run, which ends on signals"),
    (r"(?<![\w.>])v?fork\s*\(|\bexec[lv]p?e?\s*\(", r"",
     r"^(base/process\.c$|base/depot/image-sandbox\.c$|host-agent/vhost-gpu/keeper\.c$|tests/)",
     "programs are started by berth_spawn"),
    (r"\b(rand|srand|random|srandom|drand48)\s*\(", r"", TESTS,
     "randomness is berth_random_bytes"),
    (r"\b(RAND_bytes|RAND_priv_bytes)\s*\(", r"", None, "randomness is berth_random_bytes"),
    (r"\bSSL_CTX_new\s*\(", r"", r"^(display/transport/|tests/)",
     "TLS is set up in display/transport/tls.c only"),
    (r"\bg_hash_table_(foreach|find)\s*\(", r"^base/", None, "use an iterator"),
]

# Whole-file C rules: includes that tell that an engine does input or output.
INCLUDE_RULES = [
    (r"#\s*include\s+<(sys/socket\.h|sys/epoll\.h|poll\.h|unistd\.h|fcntl\.h|gio/[^>]*|time\.h)>",
     ENGINES, None, "engines do no input or output and read no clock"),
    (r"#\s*include\s+\"base/(clock|poller|process|fdpass|main-loop|mpsc-queue|worker-pool)\.h\"",
     ENGINES, None, "engines do no input or output, read no clock and start no thread"),
    (r"#\s*ifndef\s+\w+_H_?\s*\n\s*#\s*define", r"\.h$", None, "headers begin with #pragma once"),
]

TEXT = r"\.(c|h|py|sh|md|txt|build|conf|ini|scd|sql|service|socket|js|css|html|xml|yml|json)$"
CODE = r"(\.(c|h|py|sh|build|conf|ini|sql|service|socket|js|css|yml)|meson_options\.txt)$"
CHECKERS = r"^tools/check-style\.py$"
TEXT_RULES = [
    (r"\b(TODO|FIXME|XXX|HACK)\b|not yet implemented|not implemented yet", TEXT, CHECKERS,
     "an open end belongs in the issue tracker"),
    (r"\t", r"\.(c|h|py|md|build|conf|sql|json)$", None, "indent with spaces"),
    (r"[ \r]+$", TEXT, r"\.patch$", "space at the end of a line"),
    (r"(?<![\w.])/(home|Users)/\w", TEXT, CHECKERS, "a path of somebody's machine"),
    (r"^.{101,}$", r"^tools/.*\.(py|sh)$", None, "lines end at column 100"),
]


def find_line_comments(root, name):
    """`//` outside comments and literals: those are blanked to nothing but slashes' places."""
    text = sources.read_text(root, name)
    for match in sources.C_NOISE.finditer(text):
        if match.group(0).startswith("//"):
            yield f"{name}:{line_of(text, match.start())}: // comment: write /* */"


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def applies(name, wanted, unwanted):
    return re.search(wanted, name) and not (unwanted and re.search(unwanted, name))


def find_rule(name, text, rules):
    for pattern, wanted, unwanted, reason in rules:
        if applies(name, wanted, unwanted):
            for match in re.finditer(pattern, text, re.MULTILINE):
                found = match.group(0).strip() or "space"
                yield f"{name}:{line_of(text, match.start())}: {found[:60]!r}: {reason}"


def find_json_loads(name, text):
    """A JSON document with a key twice means different things to different readers."""
    for match in re.finditer(r"\bjson_load(s|b|f|_file|fd|_callback)\s*\(([^;]*);", text):
        if "JSON_REJECT_DUPLICATES" not in match.group(2):
            yield (f"{name}:{line_of(text, match.start())}: json_load{match.group(1)} without "
                   "JSON_REJECT_DUPLICATES")


def check_header_lines(name, text):
    if re.search(CODE, name) and "SPDX-License-Identifier: GPL-3.0-or-later" not in text[:300]:
        yield f"{name}:1: no SPDX-License-Identifier line"
    if name.endswith(".h") and "\n#pragma once\n" not in text:
        yield f"{name}:1: no #pragma once"
    if text and not text.endswith("\n"):
        yield f"{name}: no newline at the end"


def main():
    root = sys.argv[1]
    problems = []
    for name in sources.tracked_files(root):
        if not re.search(TEXT, name) or name.startswith("tests/fuzz/corpus/"):
            continue
        text = sources.read_text(root, name)
        problems += check_header_lines(name, text)
        problems += find_rule(name, text, TEXT_RULES)
        if name.endswith((".c", ".h")):
            code = sources.strip_c(text)
            problems += find_rule(name, code, C_RULES)
            problems += find_rule(name, text, INCLUDE_RULES)
            problems += [] if re.search(TESTS, name) else find_json_loads(name, code)
            problems += find_line_comments(root, name)
    sources.finish(problems, "the reasons stand beside each rule in tools/check-style.py")


if __name__ == "__main__":
    main()
