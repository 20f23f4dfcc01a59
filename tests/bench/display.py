#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Display benchmark: what a shared screen costs and how fresh it is, beside other servers.

usage: display.py [--quick] [--link lan|wan] [--peers NAME,...|none] [--scenes NAME,...]
                  [--sessions] [--keys] [--write] [--json FILE]

Without --quick, --link, --sessions or --keys it does everything: about an hour with all peers.

Scenes are recordings of real programs: those of BERTH_BENCH_SCENES (a folder of .scr files), of
BERTH_BENCH_HARNESS (its folder "cache"), or else the project's own, recorded once into
BERTH_CACHE/bench/scenes.  BERTH_BENCH_SET names the set by the beginning of the files' names (A).
--quick takes three scenes on the loopback link; --sessions measures 1 to 16 sessions at once;
--keys measures key to pixel with a live guest; --write keeps the tables in docs/BENCHMARKS.md.
"""
import argparse
import json
import os
import sys
import tempfile
import time

import display_goals
import display_run
import display_scenes
from display_peers import PEERS, load_berth

SOURCE = os.path.abspath(os.path.join(display_run.HERE, "..", ".."))
SCENES = ("typing", "webscroll", "office", "windows", "photos", "pdf", "video", "movie",
          "videofull", "idle", "termscroll")
QUICK = ("typing", "webscroll", "office")
WAN_SCENES = ("typing", "webscroll", "windows", "movie")
WAN_PEERS = "tigervnc lossless,xspice zlib-glz"
# A part of the benchmark and its heading in docs/BENCHMARKS.md.
HEADINGS = {"lan": "## Display", "wan": "## Display on a slow link",
            "sessions": "## Display of many sessions", "keys": "## Key to pixel"}
END = "\n## "


class Report:
    """Prints as it goes and remembers for the file."""

    def __init__(self):
        self.lines = []

    def say(self, text=""):
        self.lines.append(text)
        print(text, flush=True)

    def table(self, head, rows):
        self.say()
        self.say("| " + " | ".join(head) + " |")
        self.say("| " + " | ".join("---" for _ in head) + " |")
        for row in rows:
            self.say("| " + " | ".join(row) + " |")


def number(value, digits=2):
    return "-" if value is None else f"{value:.{digits}f}"


def megabytes(n_bytes):
    return "-" if n_bytes is None else f"{n_bytes / 1e6:.3f}"


def describe_exact(result):
    if result.get("wrong_px"):
        return f"no ({result['wrong_px']} px)"
    return f"{result['exact_s']:.2f} s"


class Bench:
    def __init__(self, link, report, folder):
        self.link, self.report, self.folder = link, report, folder
        self.results = {}       # (peer, scene) -> dict
        self.bases = {}         # (kind of server, scene) -> CPU s without a client

    def get_base(self, name, peer, scene, path):
        """CPU of the same replay without a client; one server class is measured once."""
        key = (type(peer).__name__, scene)
        if key not in self.bases:
            base = display_run.run_one(peer, path, self.link,
                                       os.path.join(self.folder, "run"), with_client=False)
            self.bases[key] = base.get("cpu_s", 0.0)
        return self.bases[key]

    def measure(self, name, peer, scene, path):
        result = display_run.run_one(peer, path, self.link,
                                     os.path.join(self.folder, "run"))
        if "error" in result:
            print(f"display: {name}, {scene}: {result['error']}", file=sys.stderr, flush=True)
        else:
            result["cpu_net_s"] = max(
                0.0, result["cpu_s"] - self.get_base(name, peer, scene, path))
        self.results[name, scene] = result
        print(f"display: {name}, {scene}: " + json.dumps(result), file=sys.stderr, flush=True)

    def print_scene(self, scene):
        rows = []
        for (name, of_scene), result in self.results.items():
            if of_scene != scene:
                continue
            if "error" in result:
                rows.append([name, "failed: " + result["error"]] + [""] * 8)
                continue
            rows.append([
                name, megabytes(result["down"]), number(result["cpu_net_s"]),
                number(result["age_ms"], 1), number(result["age_p95_ms"], 1),
                f"{result['shown']} of {result['frames']}", describe_exact(result),
                number(result.get("psnr_motion"), 1), number(result["viewer_cpu_s"]),
                number(result["memory_mb"], 0)])
        self.report.table([scene, "MB down", "server CPU s, net", "mean age ms", "p95 ms", "shown",
                           "exact after", "dB in motion", "viewer CPU s", "server MB"], rows)

    def run(self, scenes, peers):
        for scene, path in scenes.items():
            for name, peer in peers.items():
                self.measure(name, peer, scene, path)
            self.print_scene(scene)


def choose_peers(names):
    chosen = dict(load_berth())
    if names == "none":
        return {"berth-x11": chosen["berth-x11"]}
    wanted = names.split(",") if names else None
    for name, peer in PEERS.items():
        if wanted and name not in wanted:
            continue
        if peer.is_installed():
            chosen[name] = peer
        else:
            print(f"display: {name} is not installed", file=sys.stderr)
    if wanted:
        return {name: peer for name, peer in chosen.items()
                if name in wanted or name == "berth-x11"}
    return chosen


def choose_scenes(wanted):
    found = display_scenes.find(os.environ)
    chosen = {name: found[name] for name in wanted if name in found}
    for name in wanted:
        if name not in found:
            print(f"display: there is no scene {name}", file=sys.stderr)
    if not chosen:
        sys.exit("display: no scene to show: set BERTH_BENCH_SCENES, or give --scenes")
    return chosen


def write_section(heading, lines):
    path = os.path.join(SOURCE, "docs", "BENCHMARKS.md")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    begin = heading + "\n"
    section = begin + "\n" + "\n".join(lines).strip() + "\n"
    if begin in text:
        head, _, tail = text.partition(begin)
        _, mark, rest = tail.partition(END)
        text = head + section + (mark + rest if mark else "")
    else:
        text = text.rstrip("\n") + "\n\n" + section
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="three scenes only")
    parser.add_argument("--link", choices=sorted(display_run.LINKS), help="lan: loopback; wan: 10 Mbit/s, 40 ms")
    parser.add_argument("--peers", metavar="NAMES", help="beside berth-x11; none: only that")
    parser.add_argument("--scenes", metavar="NAMES", help="those scenes")
    parser.add_argument("--sessions", action="store_true", help="1 to 16 sessions at once")
    parser.add_argument("--keys", action="store_true", help="key to pixel with a live guest")
    parser.add_argument("--write", action="store_true", help="keep it in docs/BENCHMARKS.md")
    parser.add_argument("--json", metavar="FILE", help="adds raw results, one a line")
    return parser.parse_args()


def get_scene_names(options, link):
    if options.scenes:
        return options.scenes.split(",")
    if options.quick:
        return QUICK
    return SCENES if link == "lan" else WAN_SCENES


def run_displays(options, link, report, folder):
    bench = Bench(link, report, folder)
    scenes = choose_scenes(get_scene_names(options, link))
    report.say(f"`./dev bench display --link {link}`, {time.strftime('%Y-%m-%d')}: "
               f"{len(scenes)} recorded scenes, {os.cpu_count()} processors, " +
               ("10 Mbit/s and 40 ms there and back." if link == "wan" else "loopback."))
    bench.run(scenes, choose_peers(options.peers or (WAN_PEERS if link == "wan" else None)))
    display_goals.tell(bench.results, link, report, display_scenes.is_set_a(os.environ))
    if options.json:
        with open(options.json, "a", encoding="utf-8") as file:
            for (name, scene), result in bench.results.items():
                file.write(json.dumps(dict(result, peer=name, scene=scene, link=link)) + "\n")


def run_part(part, options, report, folder):
    if part == "sessions":
        import display_sessions
        display_sessions.measure(choose_scenes([display_sessions.SCENE]), report, folder)
    elif part == "keys":
        import display_keys
        display_keys.measure(report, folder)
    else:
        run_displays(options, part, report, folder)


def choose_parts(options):
    parts = [options.link] if options.link else []
    parts += [part for part in ("sessions", "keys") if getattr(options, part)]
    if options.quick and not parts:
        parts = ["lan"]
    return parts or list(HEADINGS)


def main():
    options = parse_options()
    with tempfile.TemporaryDirectory(prefix="berth-display-") as folder:
        for part in choose_parts(options):
            report = Report()
            run_part(part, options, report, folder)
            report.say()
            if options.write:
                write_section(HEADINGS[part], report.lines)


if __name__ == "__main__":
    main()
