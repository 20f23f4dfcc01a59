# SPDX-License-Identifier: GPL-3.0-or-later
"""A site to hurt: brokers that come back, hosts that dial any of them, users, clocks that jump."""
import contextlib
import json
import os
import random
import re
import secrets
import sys
import threading
import time

from broker_site import ADMIN_PASSWORD, Site, create_admin
from chaos_faults import BrokerProcess
from chaos_users import PASSWORD, NoAnswer, ask, read_ticket
from fake_agent import FakeAgent

MANIFEST = {"name": "demo", "format": "qcow2", "disk": "demo.qcow2", "memory_mib": 256, "vcpus": 1}
# An agent hangs up on a broker that says nothing.
SILENCE_S = 15
# No answer takes longer: the deadlines of a request, and a slow machine.
ANSWER_S = 25
PRELOAD = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


def eventually(probe, limit_s=60):
    """Asks again until probe() gives something true; returns it."""
    end = time.monotonic() + limit_s
    while True:
        value = probe()
        if value:
            return value
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)


def new_seed():
    """Printed, and taken again from BERTH_TEST_SEED."""
    seed = int(os.environ.get("BERTH_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"seed {seed}", file=sys.stderr, flush=True)
    return seed


def forget_dead_clocks():
    """libfaketime leaves shared memory of processes that were killed."""
    for name in os.listdir("/dev/shm"):
        found = re.fullmatch(r"(?:sem\.)?faketime_(?:sem|shm)_(\d+)", name)
        if found and not os.path.exists("/proc/" + found.group(1)):
            with contextlib.suppress(OSError):
                os.unlink("/dev/shm/" + name)


class Clock:
    """The wall clock of processes that were started with its environment.

    moves_boot: the clocks since boot move with it, and so the time of the site does.
    """

    def __init__(self, path, offset_s=0, moves_boot=False):
        self.path = path
        self.moves_boot = moves_boot
        self.set(offset_s)

    def set(self, offset_s):
        self.offset_s = offset_s
        with open(self.path + ".new", "w", encoding="ascii") as file:
            file.write(f"{offset_s:+d}\n")
        os.chmod(self.path + ".new", 0o644)
        os.replace(self.path + ".new", self.path)

    def env(self):
        still = {} if self.moves_boot else {"FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        return {"LD_PRELOAD": PRELOAD, "FAKETIME_TIMESTAMP_FILE": self.path,
                "FAKETIME_CACHE_DURATION": "1", **still}

    @contextlib.contextmanager
    def ours(self):
        """Processes that we start meanwhile have it."""
        os.environ.update(self.env())
        try:
            yield
        finally:
            for key in self.env():
                del os.environ[key]

    def now(self):
        return time.time() + self.offset_s


class Host(FakeAgent):
    """Dials one broker after the other; clients connect at once to what was granted."""

    def __init__(self, ports, *args, **options):
        super().__init__(ports[0], *args, memory_mib=1 << 20, **options)
        self.ports = list(ports)
        self.n_dials = random.randrange(len(self.ports))
        self.n_links = 0

    def serve_once(self):
        self.port = self.ports[self.n_dials % len(self.ports)]
        self.n_dials += 1
        self.generation = 0
        super().serve_once()

    def receive(self, sock):
        sock.settimeout(SILENCE_S)
        return super().receive(sock)

    def send(self, message):
        if message["type"] in ("inventory", "same"):
            message["clock_us"] = int(time.time() * 1e6)
        if message["type"] == "hello":
            self.n_links += 1
        super().send(message)

    def converge_session(self, session):
        super().converge_session(session)
        mine = self.sessions.get(session["id"])
        if mine and session["want"] == "open" and mine["state"] != "ended" and \
                session["connection_epoch"] > mine["connection_epoch"]:
            mine.update(state="connected", connection_epoch=session["connection_epoch"])


class FaultSite:
    def __init__(self, program, folder, url, n_brokers=1, env=None, limits=""):
        self.program = program
        self.site = Site(folder)
        with open(self.site.path("broker.conf"), "a", encoding="utf-8") as config:
            config.write(limits)
        self.site.add_pepper()
        self.brokers = [BrokerProcess(program, self.site, f"broker{i}", url, env)
                        for i in range(n_brokers)]
        create_admin(program, self.brokers[0].config, env)
        self.hosts = []
        for broker in self.brokers:
            assert broker.start(), f"{broker.name} did not start"
        self.admin = None
        self.admin = self.must("POST", "/v1/auth/login",
                               {"user": "admin", "password": ADMIN_PASSWORD})["token"]

    def ask(self, method, path, body=None, token=None, broker=0):
        """(status, reply) of one try."""
        headers = {"If-Match": "*"} if method in ("PATCH", "DELETE") else {}
        status, reply, _ = ask(self.brokers[broker].socket, method, path, body,
                               token or self.admin, headers, ANSWER_S)
        return status, reply

    def try_ask(self, *args):
        """The same; an answer that does not come in time is one to ask again."""
        try:
            return self.ask(*args)
        except NoAnswer as error:
            return 503, {"detail": str(error)}

    def must(self, method, path, body=None, token=None, broker=0):
        status, reply = self.ask(method, path, body, token, broker)
        assert 200 <= status < 300, (method, path, status, reply)
        return reply

    def add_host(self, name):
        host_id = self.site.new_host(name)
        self.must("POST", "/v1/hosts", {"id": host_id, "name": name})
        host = Host([broker.port for broker in self.brokers], self.site.dir, host_id, name)
        host.start()
        self.hosts.append(host)
        host.wait_for(lambda a: a.welcome)
        return host

    def add_pool(self, name="pool", size=20, spares=4, **more):
        if not self.must("GET", "/v1/images")["images"]:
            self.must("POST", "/v1/images", {"name": "demo", "manifest": MANIFEST})
        return self.must("POST", "/v1/pools", {
            "name": name, "image": "demo", "size": size, "spares_hot": spares, "vcpus": 1,
            "memory_mib": 256, **more})["id"]

    def add_user(self, name, *pools):
        self.must("POST", "/v1/users", {"name": name, "password": PASSWORD})
        for pool in pools:
            self.must("POST", "/v1/entitlements", {"pool": pool, "user": name})
        return self.log_in(name)

    def log_in(self, name, broker=0):
        return self.must("POST", "/v1/auth/login", {"user": name, "password": PASSWORD},
                         broker=broker)["token"]

    def connect(self, token, pool, broker=0, key=None, limit_s=60):
        """Waits for its turn as a client does; returns what the ticket says, and the ticket."""
        body = {"client_key": key or secrets.token_hex(32), "client": "device"}
        end = time.monotonic() + limit_s
        while True:
            status, reply = self.try_ask("POST", f"/v1/me/desktops/{pool}/connect", body, token,
                                         broker)
            if status == 200:
                machine, session, epoch, connection_epoch = read_ticket(reply["ticket"])
                return {"machine": machine, "session": session, "epoch": epoch,
                        "connection_epoch": connection_epoch, "ticket": reply["ticket"]}
            assert status in (202, 503) and time.monotonic() < end, (status, reply)
            time.sleep(reply.get("retry_ms", 200) / 1000)

    def rows(self, kind, broker=0):
        return self.must("GET", f"/v1/{kind}?limit=1000", broker=broker)[kind]

    def lives(self):
        """The machines that users have, as the store knows them."""
        return sorted((row["id"], row["epoch"]) for row in self.rows("machines")
                      if row["state"] == "assigned")

    def all_up(self, broker=0):
        try:
            return all(row["state"] == "up" for row in self.rows("hosts", broker))
        except (AssertionError, NoAnswer):
            return False

    def breaches(self, broker=0):
        return [row for row in self.must("GET", "/v1/fsck", broker=broker)["fsck"]
                if row["breaches"]]

    def close(self):
        for host in self.hosts:
            host.stop()
        for broker in self.brokers:
            if broker.process and broker.process.poll() is None:
                broker.crash()
            broker.log.close()


class Load:
    """Users that connect, disconnect and log off in their own threads; every answer is kept."""

    def __init__(self, site, tokens, pool, seed):
        self.site, self.tokens, self.pool = site, tokens, pool
        self.lock = threading.Lock()
        self.answers = []    # (status or None, seconds, reply)
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(token, random.Random(seed + i)),
                                         daemon=True) for i, token in enumerate(tokens)]
        for thread in self.threads:
            thread.start()

    def ask(self, *args, **options):
        begin = time.monotonic()
        try:
            status, reply = self.site.ask(*args, **options)
        except NoAnswer as error:
            status, reply = None, str(error)
        with self.lock:
            self.answers.append((status, time.monotonic() - begin, reply))
        return status, reply

    def run(self, token, numbers):
        n_brokers = len(self.site.brokers)
        while not self.stop.is_set():
            broker = numbers.randrange(n_brokers)
            body = {"client_key": secrets.token_hex(32), "client": "device"}
            status, reply = self.ask("POST", f"/v1/me/desktops/{self.pool}/connect", body, token,
                                     broker)
            if status == 200:
                session = read_ticket(reply["ticket"])[1]
                act = numbers.choice(("disconnect", "disconnect", "logoff"))
                self.ask("POST", f"/v1/me/sessions/{session}/{act}", None, token, broker)
            self.stop.wait(numbers.uniform(0, 0.2))

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(60)
        return self.answers


def sentence(answers):
    """How often each answer came."""
    counts = {}
    for status, _, reply in answers:
        code = reply.get("code", "") if isinstance(reply, dict) else reply or ""
        key = f"{status} {code}".strip()
        counts[key] = counts.get(key, 0) + 1
    return json.dumps(dict(sorted(counts.items())))
