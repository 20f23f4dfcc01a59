# SPDX-License-Identifier: GPL-3.0-or-later
"""Where scenes come from: folders of recordings, or the project's own."""
import os


def find(environment):
    """A dict of name -> file.  The project's own scenes are recorded if there are no others."""
    folder = environment.get("BERTH_BENCH_SCENES")
    if not folder and environment.get("BERTH_BENCH_HARNESS"):
        folder = os.path.join(environment["BERTH_BENCH_HARNESS"], "cache")
    if not folder:
        import display_record
        folder = display_record.ensure(environment)
    prefix = environment.get("BERTH_BENCH_SET", "A") + "-"
    found = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".scr"):
            scene = name[:-len(".scr")]
            found[scene[len(prefix):] if scene.startswith(prefix) else scene] = os.path.join(
                folder, name)
    return found


def is_set_a(environment):
    """Whether the scenes are those that the goals in bytes were set for."""
    return bool(environment.get("BERTH_BENCH_SCENES") or environment.get("BERTH_BENCH_HARNESS")) \
        and environment.get("BERTH_BENCH_SET", "A") == "A"
