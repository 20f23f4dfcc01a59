# SPDX-License-Identifier: GPL-3.0-or-later
"""The goals of the display engine: bytes by themselves, CPU and age beside a peer of the run."""
from collections import namedtuple

BERTH = "berth-x11"
TIGER, SPICE, GLZ = "tigervnc lossless", "xspice", "xspice zlib-glz"

# Megabytes; share of a peer's net CPU; share of a peer's mean age, or milliseconds.
Goal = namedtuple("Goal", "down_mb peer cpu_share age_share age_ms exact_s psnr_db all_frames "
                  "first_mb", defaults=(None,) * 9)

LAN = {
    "typing": Goal(0.08, TIGER, 0.9, 0.6, exact_s=0.15),
    "webscroll": Goal(1.6, GLZ, 0.9, 0.6, exact_s=0.15),
    "office": Goal(2.0, SPICE, 0.8, 0.7, exact_s=0.15),
    "windows": Goal(1.2, SPICE, 0.9, 0.6, exact_s=0.15),
    "termscroll": Goal(2.4, GLZ, 0.9, 0.7, exact_s=0.15),
    "pdf": Goal(4.5, TIGER, 0.8, 0.7, exact_s=0.8, first_mb=1.8),
    "photos": Goal(8.0, TIGER, 0.8, 0.4, exact_s=0.8, first_mb=2.0),
    "video": Goal(0.6, SPICE, 1.2, 1.2, exact_s=1.0, psnr_db=45, all_frames=True),
    "movie": Goal(2.7, SPICE, 1.2, age_ms=25, exact_s=1.0, psnr_db=45, all_frames=True),
    "videofull": Goal(2.5, SPICE, 1.2, 1.2, exact_s=1.0, psnr_db=48, all_frames=True),
    "idle": Goal(0.004, TIGER, None, 0.6, exact_s=0.15),
}
# 10 Mbit/s, 40 ms: mean age ms, p95 age ms, frames shown at least (of those recorded).
WAN = {
    "typing": (33, None, None),
    "webscroll": (60, None, 150 / 158),
    "windows": (50, None, None),
    "movie": (None, 120, 155 / 160),
}
MEMORY_MB = 60


def met(is_met):
    return "met" if is_met else "MISSED"


class Judge:
    """Collects rows: scene, what, value, goal, met or not."""

    def __init__(self, results, has_set_a):
        self.results, self.rows = results, []
        self.has_set_a = has_set_a

    def get(self, name, scene, key):
        result = self.results.get((name, scene), {})
        return None if "error" in result else result.get(key)

    def at_most(self, scene, what, value, limit, unit):
        if value is not None and limit is not None:
            self.rows.append([scene, what, f"{value:.3g} {unit}", f"<= {limit:.3g} {unit}",
                              met(value <= limit)])

    def at_least(self, scene, what, value, limit, unit):
        if value is not None and limit is not None:
            self.rows.append([scene, what, f"{value:.4g} {unit}", f">= {limit:.4g} {unit}",
                              met(value >= limit)])

    def judge_peer(self, scene, goal):
        peer_cpu = self.get(goal.peer, scene, "cpu_net_s")
        peer_age = self.get(goal.peer, scene, "age_ms")
        if peer_cpu and goal.cpu_share:
            self.at_most(scene, f"server CPU ({goal.cpu_share} x {goal.peer})",
                         self.get(BERTH, scene, "cpu_net_s"), peer_cpu * goal.cpu_share, "s")
        if peer_age and goal.age_share:
            self.at_most(scene, f"age ({goal.age_share} x {goal.peer})",
                         self.get(BERTH, scene, "age_ms"), peer_age * goal.age_share, "ms")

    def judge_shown(self, scene, goal):
        shown, frames = self.get(BERTH, scene, "shown"), self.get(BERTH, scene, "frames")
        best = max((result["shown"] for (name, of_scene), result in self.results.items()
                    if of_scene == scene and name not in (BERTH, "berth-qemu") and
                    "error" not in result), default=0)
        self.at_least(scene, "frames shown (every peer)" if not goal.all_frames else
                      "frames shown (all)", shown, frames if goal.all_frames else best, "")

    def judge_lan(self, scene):
        goal = LAN[scene]
        down = self.get(BERTH, scene, "down")
        if down is None:
            return
        if self.has_set_a:
            self.at_most(scene, "bytes", down / 1e6, goal.down_mb, "MB")
        if self.has_set_a and goal.first_mb:
            self.at_most(scene, "bytes of first pictures",
                         self.get(BERTH, scene, "down_first") / 1e6, goal.first_mb, "MB")
        self.judge_peer(scene, goal)
        self.at_most(scene, "age", self.get(BERTH, scene, "age_ms"), goal.age_ms, "ms")
        exact_s = self.get(BERTH, scene, "exact_s")
        self.at_most(scene, "exact at rest", float("inf") if exact_s is None else exact_s,
                     goal.exact_s, "s")
        if self.has_set_a:
            self.at_least(scene, "quality in motion", self.get(BERTH, scene, "psnr_motion"),
                          goal.psnr_db, "dB")
        self.judge_shown(scene, goal)

    def judge_wan(self, scene):
        age_ms, p95_ms, share = WAN[scene]
        self.at_most(scene, "mean age", self.get(BERTH, scene, "age_ms"), age_ms, "ms")
        self.at_most(scene, "p95 of the age", self.get(BERTH, scene, "age_p95_ms"), p95_ms, "ms")
        frames = self.get(BERTH, scene, "frames")
        if share and frames:
            self.at_least(scene, "frames shown", self.get(BERTH, scene, "shown"),
                          int(share * frames), "")


def tell(results, link, report, has_set_a):
    """Prints goal by goal, and how many are met; bytes and dB are goals of the scenes of set A."""
    judge = Judge(results, has_set_a)
    scenes = dict.fromkeys(scene for _, scene in results)
    for scene in scenes:
        if link == "lan" and scene in LAN:
            judge.judge_lan(scene)
        elif link == "wan" and scene in WAN:
            judge.judge_wan(scene)
    memory = [judge.get(BERTH, scene, "memory_mb") for scene in scenes]
    judge.at_most("all", "memory of a session", max((m for m in memory if m), default=None),
                  MEMORY_MB, "MB")
    report.table(["scene", "goal of " + BERTH, "value", "limit", ""], judge.rows)
    n_met = sum(row[-1] == "met" for row in judge.rows)
    report.say()
    report.say(f"display: {n_met} of {len(judge.rows)} goals met")
