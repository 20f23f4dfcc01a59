#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the client's window tells of a desktop and keeps of it: statistics, pictures, diagnostics.

usage: test_insight.py BERTH SCRIPTED_SESSION [KEEP_FOLDER]
"""
import json
import os
import re
import struct
import subprocess
import sys
import tarfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import display_fixture as fixture
import qmp
from test_direct import (CONTROL, DISPLAY, FILL, FRAME_ACK, FRAME_BEGIN, FRAME_END, LIMIT_S, Script,
                         check)
from test_keys import A, LEFT_CTRL, LEFT_SHIFT, Window, down, up
from window_log import complaints

NOTICE, INPUT_TIMES, HOST_STATE = 10, 11, 12
INPUT, RESIZE = 1, 2
WIDTH, HEIGHT = 100, 80
SIDE = 20
# Long enough to be the part that counts, short enough to be over at once.
GUEST_US, WAIT_US, ENCODE_US = 3000, 200, 100
NO_PICTURE = " window: no picture is saved: "
SECRETS = ("correct-horse", "00112233445566778899aabbccddeeff" * 2, "hunter2")


def answer(window, serial, rgb):
    """Tells of a press and shows what it did."""
    script = window.script
    script.send(CONTROL, INPUT_TIMES, struct.pack("<4I", serial, GUEST_US, WAIT_US, ENCODE_US))
    script.send(CONTROL, HOST_STATE, struct.pack("<3I2B", 48000, 1500, 16000, 85, 3))
    script.frame_id += 1
    begin = struct.pack("<IHHIq", script.frame_id, 0, 0, serial, 0)
    fill = struct.pack("<5HI", 1, 0, 0, WIDTH, HEIGHT, rgb)
    script.send(DISPLAY, FRAME_BEGIN, begin)
    script.send(DISPLAY, FILL, fill)
    script.send(DISPLAY, FRAME_END, struct.pack("<3I", script.frame_id, len(begin) + len(fill), 0))
    script(f"take {DISPLAY} {FRAME_ACK}")


def logged(window, words):
    with open(window.log.name, encoding="utf-8", errors="replace") as log:
        return [line for line in log if words in line]


class Early(Window):
    """A window whose user wants a picture before there is one."""

    def show(self):
        self.focus()
        self.tap("ctrl+F11")
        fixture.wait_until("the answer", lambda: logged(self, NO_PICTURE))
        check("before the first frame there is nothing to save", "yet" in logged(
            self, NO_PICTURE)[0] and not saved(self), logged(self, NO_PICTURE))
        self.expect("the keys of it", down(LEFT_CTRL), up(LEFT_CTRL))
        super().show()


def last_statistics(window):
    lines = logged(window, " debug statistics: ")
    return lines[-1].split(" debug statistics: ", 1)[1].replace("\\x0a", "\n") if lines else ""


def is_bare(window):
    """Whether nothing but the picture of one colour is seen where statistics and notices are."""
    pixels = window.picture("-gravity", "SouthWest", "-crop", f"{SIDE}x{SIDE}+{SIDE}+{SIDE}",
                            "+repage")[-3 * SIDE * SIDE:]
    return pixels == pixels[:3] * SIDE * SIDE


def test_statistics(window):
    fixture.wait_until("nothing but the picture", lambda: is_bare(window))
    window.tap("shift+F11")
    fixture.wait_until("statistics", lambda: last_statistics(window))
    fixture.wait_until("statistics in the window", lambda: not is_bare(window))
    check("nothing was measured yet", "press a key to measure" in last_statistics(window))
    window.tap("a")
    window.expect("F11 is ours, the keys are the desktop's", down(LEFT_SHIFT), up(LEFT_SHIFT),
                  down(A), up(A))
    answer(window, window.serial - 1, 0x405060)
    text = fixture.wait_until("the press", lambda: re.search(
        r"Key to pixel: ([\d.]+) ms \(network ([\d.]+), desktop ([\d.]+), host ([\d.]+), "
        r"encode ([\d.]+), decode ([\d.]+), paint ([\d.]+)\)", last_statistics(window)))
    whole, *parts = (float(number) for number in text.groups())
    check("its parts make up the whole", abs(whole - sum(parts)) < 1, text.group())
    check("the host's are as it told", parts[1:4] == [GUEST_US / 1000, WAIT_US / 1000,
                                                      ENCODE_US / 1000], text.group())
    check("all pixels were exact", "Exact pixels: 100.0 %" in last_statistics(window))
    check("the line is as the host told", "Line: 48.0 Mbit/s" in last_statistics(window))
    window.keep("statistics")
    window.tap("shift+F11")
    window.expect("the keys that hide it", down(LEFT_SHIFT), up(LEFT_SHIFT))
    fixture.wait_until("it is hidden by the same key", lambda: is_bare(window))


def saved(window):
    folder = window.script.path("pictures")
    return sorted(os.path.join(folder, name) for name in os.listdir(folder)
                  if name.endswith(".png")) if os.path.isdir(folder) else []


def test_pictures(window):
    window.tap("ctrl+F11")
    fixture.wait_until("a picture in the folder for pictures", lambda: saved(window))
    ppm = window.script.path("saved.ppm")
    subprocess.run(["convert", saved(window)[0], "-depth", "8", ppm], check=True, timeout=LIMIT_S)
    check("it shows the desktop, and nothing else",
          qmp.read_ppm(ppm) == (WIDTH, HEIGHT, b"\x40\x50\x60" * (WIDTH * HEIGHT)))
    check("its name is the desktop's", os.path.basename(saved(window)[0]).startswith("Berth 127"),
          saved(window)[0])
    window.script.send(CONTROL, NOTICE, struct.pack("<IIH", 0, INPUT | RESIZE, 0))
    os.unlink(saved(window)[0])
    # A frame after it: what it said has been heard before the next key is.
    answer(window, window.serial, 0x605040)
    window.tap("ctrl+F11", "a")
    window.expect("the keys go on", *(down(LEFT_CTRL), up(LEFT_CTRL)) * 2, down(A), up(A))
    fixture.wait_until("the answer", lambda: logged(window, NO_PICTURE + "no picture of this"))
    check("without the right nothing is saved", not saved(window))


def test_diagnostics(script):
    """Without a window, with settings of a user and a password."""
    os.makedirs(script.path("berth"), exist_ok=True)
    with open(script.path("berth/client.ini"), "w", encoding="utf-8") as file:
        file.write("[client]\nprofile=Office\n\n[profile 0]\nname=Office\n"
                   f"broker=https://ann:{SECRETS[2]}@vdi.example\nuser=ann-the-user\n"
                   f"certificate=/etc/berth/{SECRETS[1]}.pem\n")
    bundle = script.path("bundle.tar.gz")
    reading, writing = os.pipe()
    os.write(writing, SECRETS[0].encode())
    os.close(writing)
    done = subprocess.run(
        [script.berth, "--diagnostics", bundle, "--password-fd", str(reading)], pass_fds=[reading],
        env={**os.environ, "DISPLAY": "", "WAYLAND_DISPLAY": "", "HOME": script.folder,
             "XDG_CONFIG_HOME": script.folder, "BERTH_LOG": "debug"},
        capture_output=True, text=True, timeout=LIMIT_S)
    os.close(reading)
    check("the diagnostics need no display", done.returncode == 0, done.stderr)
    check("they are for their user alone", os.stat(bundle).st_mode & 0o777 == 0o600)
    with tarfile.open(bundle) as tar:
        files = {os.path.basename(one.name): tar.extractfile(one).read().decode()
                 for one in tar.getmembers()}
    check("they say what helps", {"about.txt", "settings.json", "log.txt"} <= set(files) and
          "berth: " in files["about.txt"] and "kernel: " in files["about.txt"], str(list(files)))
    check("the settings are the user's", "vdi.example" in json.loads(
        files["settings.json"])["profiles"][0]["broker"], files["settings.json"])
    everything = "".join(files.values())
    for secret in (*SECRETS, "ann-the-user"):
        check("no secret is in them", secret not in everything, everything)
    done = subprocess.run([script.berth, "--diagnostics", "/nonexistent/bundle.tar.gz"],
                          env={**os.environ, "DISPLAY": "", "XDG_CONFIG_HOME": script.folder},
                          capture_output=True, text=True, timeout=LIMIT_S)
    check("a file that cannot be written is told",
          done.returncode == 1 and "/nonexistent/bundle.tar.gz" in done.stderr, done.stderr)


def main():
    script = Script(*sys.argv[1:3])
    with open(script.path("user-dirs.dirs"), "w", encoding="ascii") as file:
        file.write('XDG_PICTURES_DIR="$HOME/pictures"\n')
    os.environ["BERTH_LOG"] = "info,statistics=debug"
    window = Early(script, *sys.argv[3:4])
    test_statistics(window)
    test_pictures(window)
    window.close()
    test_diagnostics(script)
    window.log.seek(0)
    text = window.log.read().decode()
    check("GTK had nothing to complain of", not complaints(text), complaints(text))


if __name__ == "__main__":
    main()
