#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo: a whole Berth site on this machine, with a desktop in a window.

usage: demo.py BUILD [--headless] [--image FILE.qcow2] [--fullscreen]
"""
import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import lab  # noqa: E402

POOL = "desktop"
POOL_SIZE, N_SPARES = 2, 1
READY_LIMIT_S = 400
STRANGE_DISK_LIMIT_S = 30
END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TIMES = (("login_us", "log in"), ("list_us", "list the desktops"),
         ("connect_us", "  get a desktop and a ticket"), ("session_tls_us", "  TLS to the session"),
         ("welcome_us", "  ticket to welcome"),
         ("first_picture_us", "choice to first full picture"))


class Ended(Exception):
    """A signal asks for the end."""

    def __init__(self, signum):
        super().__init__(f"ended by {signal.Signals(signum).name}")
        self.status = 128 + signum


def say(text):
    try:
        print(f"demo: {text}", flush=True)
    except OSError:
        pass  # the terminal is closed


def end_on_signals():
    """Ctrl-C, SIGTERM and a closed terminal end the demo; while it ends they are ignored."""
    def end(signum, _):
        for other in END_SIGNALS:
            signal.signal(other, signal.SIG_IGN)
        raise Ended(signum)
    for signum in END_SIGNALS:
        signal.signal(signum, end)


def read_arguments():
    parser = argparse.ArgumentParser(prog="./dev demo", description=(
        "Starts broker, gateway and agent in a private folder, makes a user and a pool of two "
        "desktops, and opens one. Ctrl-C ends everything."))
    parser.add_argument("build", help=argparse.SUPPRESS)
    parser.add_argument("--headless", action="store_true",
                        help="no window: write demo.png and print a table of times")
    parser.add_argument("--image", metavar="FILE.qcow2",
                        help="serve this bootable disk instead of the demo's desktop")
    parser.add_argument("--fullscreen", action="store_true", help="fill the screen")
    return parser.parse_args()


def cache_folder():
    return os.environ.get("BERTH_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "berth")


def demo_image():
    """The folder of the demo's own golden image, built now if it is not in the cache."""
    folder = os.path.join(cache_folder(), "demo-image")
    build = subprocess.Popen([os.path.join(HERE, "demo-image", "build.sh"), folder])
    try:
        status = build.wait()
    except Ended:
        build.terminate()
        build.wait()
        raise
    if status != 0:
        raise lab.LabError("the demo's desktop could not be built")
    return "demo", folder


def image_of(path, folder):
    """A manifest for somebody's disk, beside a link to it; the disk itself is only read."""
    path = os.path.abspath(path)
    if not os.path.isfile(path):
        raise lab.LabError(f"there is no file '{path}'")
    info = subprocess.run(["qemu-img", "info", "--output=json", path], capture_output=True,
                          text=True, check=False)
    if info.returncode != 0 or json.loads(info.stdout)["format"] != "qcow2":
        raise lab.LabError(f"'{path}' is no qcow2 disk")
    os.makedirs(folder)
    os.symlink(path, os.path.join(folder, "image.qcow2"))
    say("computing the checksum of the disk")
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with open(os.path.join(folder, "image.json"), "w", encoding="utf-8") as file:
        json.dump({"name": "image", "format": "qcow2", "disk": "image.qcow2", "sha256": digest,
                   "kernel": None, "initrd": None, "cmdline": "", "memory_mib": 2048, "vcpus": 2,
                   "ready": "display", "width": 1280, "height": 800}, file)
    return "image", folder


def wait_for_spare(site):
    """Waits for the first hot desktop and says what is going on meanwhile."""
    last = None

    def is_ready():
        nonlocal last
        rows = site.rows("machines")
        states = ", ".join(sorted(row["state"] for row in rows)) or "none"
        failed = [row for row in rows if row["state"] == "failed"]
        if failed:
            raise lab.LabError(f"the desktop did not start: {failed[0].get('detail')}")
        if states != last:
            say(f"desktops: {states}")
            last = states
        return any(row["state"] == "ready" for row in rows)
    lab.wait_until("a ready desktop", is_ready, READY_LIMIT_S)


def run_headless(site):
    stats_path, picture = site.path("stats.json"), os.path.abspath("demo.png")
    done = site.probe("--desktop", POOL, "--wait-stable", "500", "--screenshot", picture,
                      "--stats", stats_path, "--disconnect", "--timeout", "60", limit_s=90)
    if done.returncode != 0:
        raise lab.LabError(f"the probe ended with status {done.returncode}: {done.stderr.strip()}")
    with open(stats_path, encoding="utf-8") as file:
        stats = json.load(file)
    print(f"\n{'step':<32}{'ms':>8}")
    for key, name in TIMES:
        print(f"{name:<32}{stats[key] / 1000:>8.0f}")
    total_us = sum(stats[key] for key in ("login_us", "list_us", "first_picture_us"))
    print(f"{'login to first full picture':<32}{total_us / 1000:>8.0f}")
    print(f"\n{stats['changed_frames']} frames, {stats['bytes_in'] / 1000:.0f} KB")
    say(f"the picture is in {picture}")


def run_window(site, is_fullscreen):
    fd = lab.pipe_with(site.password)
    argv = [site.program("berth"), "--broker", site.url(), "--ca", site.path("keys", "ca.pem"),
            "--user", site.user, "--password-fd", str(fd), "--desktop", POOL]
    if is_fullscreen:
        argv.append("--fullscreen")
    window = subprocess.Popen(argv, pass_fds=[fd], preexec_fn=lab.die_with_parent)
    os.close(fd)
    say("the window is open; close it or press Ctrl-C to end the demo")
    window.wait()


def run(arguments):
    # A strange disk may never say that it is ready: it is shown as it is after a while.
    options = (f"ready_deadline_s={STRANGE_DISK_LIMIT_S}",) if arguments.image else ()
    site = lab.Lab(arguments.build, {}, template_dir=os.path.join(cache_folder(), "templates"),
                   agent_options=options)
    try:
        if arguments.image:
            name, folder = image_of(arguments.image, site.path("image"))
        else:
            name, folder = demo_image()
        site.images[name] = folder
        say(f"starting broker, gateway and agent in {site.folder}")
        site.start()
        say(f"broker {site.url()}, certificate {site.path('keys', 'ca.pem')}")
        say(f"user '{site.user}', password '{site.password}'")
        say(f"administrator '{site.admin}', password '{site.admin_password}'")
        site.add_pool(POOL, name, size=POOL_SIZE, spares=N_SPARES,
                      template=not arguments.image)
        wait_for_spare(site)
        if arguments.headless:
            run_headless(site)
        else:
            run_window(site, arguments.fullscreen)
    finally:
        for signum in END_SIGNALS:
            signal.signal(signum, signal.SIG_IGN)
        say("stopping")
        site.stop()


def main():
    arguments = read_arguments()
    if not arguments.headless and not (os.environ.get("DISPLAY") or
                                       os.environ.get("WAYLAND_DISPLAY")):
        sys.exit("demo: there is no display; './dev demo --headless' needs none")
    end_on_signals()
    try:
        run(arguments)
    except Ended as ended:
        say(ended)
        sys.exit(ended.status)
    except subprocess.TimeoutExpired as error:
        sys.exit(f"demo: {os.path.basename(error.cmd[0])} did not end within {error.timeout:.0f} s")
    except lab.LabError as error:
        sys.exit(f"demo: {error}")


if __name__ == "__main__":
    main()
