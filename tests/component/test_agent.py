# SPDX-License-Identifier: GPL-3.0-or-later
"""The real agent with real QEMUs against a fake broker.

usage: test_agent.py AGENT SESSION BUILD_TG GPU [TEST...]

Machines and sessions outlive an agent, so this process is their subreaper and ends them all.
"""
import ctypes
import hashlib
import json
import os
import secrets
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))
import control_groups  # noqa: E402
from display_fixture import new_qemu  # noqa: E402
from fake_broker import FakeBroker, make_certificates  # noqa: E402

AGENT = SESSION = BUILD_TG = GPU = None
HERE = os.path.dirname(os.path.abspath(__file__))
FAKE_SESSION = os.path.join(HERE, "fake_session.py")
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def descendants():
    """Pids of everything that we started, however far down."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as stat:
                    parents[int(name)] = int(stat.read().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                pass
    found, grown = {os.getpid()}, True
    while grown:
        new = {pid for pid, parent in parents.items() if parent in found} - found
        found |= new
        grown = bool(new)
    return found - {os.getpid()}


def end_descendants():
    while True:
        for pid in descendants():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii") as comm:
            return comm.read().strip()
    except OSError:
        return ""


def wait_until(what, check, timeout_s=60):
    deadline = time.monotonic() + timeout_s
    while not check():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout_s} s")
        time.sleep(0.01)


class Site:
    """One host: folders, certificates, a fake broker, and an agent that can be killed."""

    def __init__(self, template_dir=None, **settings):
        self.folder = tempfile.TemporaryDirectory(prefix="ba-")
        self.path = self.folder.name
        self.host_id = secrets.token_hex(16)
        self.images = os.path.join(self.path, "images")
        os.mkdir(self.images)
        make_certificates(self.path, self.host_id)
        self.broker = FakeBroker(self.path)
        self.settings = {
            "host_id": self.host_id, "broker": f"127.0.0.1:{self.broker.port}",
            "ca_file": self.path + "/ca.pem", "cert_file": self.path + "/host.pem",
            "key_file": self.path + "/host.key", "state_dir": self.path + "/s",
            "image_dir": self.images, "listen": "127.0.0.1:0", "accel": "tcg",
            "session_program": FAKE_SESSION, "memory_limit_mib": "4096",
            "image_sandbox_program": os.path.join(os.path.dirname(os.path.dirname(AGENT)), "base",
                                                  "depot", "berth-image-sandbox"), **settings}
        if template_dir:
            self.settings["template_dir"] = template_dir
        self.environment = {}
        self.agent = None
        self.port = None

    def write_config(self):
        path = os.path.join(self.path, "agent.conf")
        with open(path, "w", encoding="utf-8") as out:
            out.write("[agent]\n")
            for key, value in self.settings.items():
                out.write(f"{key} = {value}\n")
        return path

    def start(self, **env):
        ready, theirs = os.pipe()
        log = open(os.path.join(self.path, "agent.log"), "ab")
        self.agent = subprocess.Popen(
            [AGENT, "--config", self.write_config(), "--ready-fd", str(theirs)], stderr=log,
            pass_fds=[theirs], preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
            env={**os.environ, "BERTH_LOG": "debug", **self.environment, **env})
        log.close()
        os.close(theirs)
        with os.fdopen(ready, encoding="ascii") as lines:
            answer = dict(line.strip().partition("=")[::2] for line in lines)
        if "ready" not in answer:
            raise AssertionError("the agent did not start:\n" + self.log())
        self.port = int(answer["port"])

    def kill(self):
        self.agent.kill()
        self.agent.wait()

    def log(self):
        with open(os.path.join(self.path, "agent.log"), encoding="utf-8", errors="replace") as log:
            return log.read()

    def close(self):
        if self.agent is not None:
            self.kill()
        end_descendants()
        control_groups.remove(self.settings["state_dir"])
        self.broker.close()
        self.folder.cleanup()

    def state(self, name):
        """A file of the agent's own state, None while there is none."""
        try:
            with open(f"{self.path}/s/{name}", encoding="utf-8") as file:
                return json.load(file)
        except OSError:
            return None

    def spec(self, machine):
        with open(f"{self.path}/s/vms/{machine}/spec.json", encoding="utf-8") as spec:
            return json.load(spec)

    def add_image(self, name, source):
        """Links the files of a built image into the image folder and returns its manifest."""
        with open(os.path.join(source, name + ".json"), encoding="utf-8") as file:
            manifest = json.load(file)
        for key in ("disk", "kernel", "initrd"):
            if manifest.get(key):
                os.symlink(os.path.join(source, manifest[key]),
                           os.path.join(self.images, manifest[key]))
        return manifest


BARE = {"name": "bare", "disk": None, "memory_mib": 64, "vcpus": 1, "ready": "display",
        "width": 320, "height": 200}


def machine(manifest, epoch=1, **more):
    return {"id": secrets.token_hex(16), "epoch": epoch, "name": "desk-1",
            "image": manifest["name"], "manifest": manifest, "vcpus": manifest["vcpus"],
            "memory_mib": manifest["memory_mib"], "template": False, "want": "running", **more}


def session(wanted, **more):
    return {"id": secrets.token_hex(16), "machine": wanted["id"], "epoch": wanted["epoch"],
            "user": secrets.token_hex(16), "user_name": "anna", "connection_epoch": 1,
            "want": "open", "policy": {"resume_window_s": 180, "input": True, "resize": True},
            **more}


def state_of(wanted, name, kind="machines"):
    """A check for FakeBroker.wait: that entry if it is in that state at its epoch, else None."""
    def check(inventory):
        for entry in inventory[kind]:
            if (entry["id"] == wanted["id"] and entry["state"] == name
                    and entry["epoch"] == wanted["epoch"]):
                return entry
        return None
    return check


class AgentTest(unittest.TestCase):
    site = None

    def make_site(self, **settings):
        self.site = Site(**settings)
        self.site.start()
        return self.site, self.site.broker

    def tearDown(self):
        site = self.site
        if site is None:
            return
        result = self._outcome.result
        if any(test is self for test, _ in result.failures + result.errors):
            print(site.log()[-8000:], file=sys.stderr)
        site.close()

    def start_machine(self, wanted):
        self.site.broker.want(machines=[wanted])
        return self.site.broker.wait("machine ready", state_of(wanted, "ready"))


class LifeTests(AgentTest):
    def test_hello_tells_the_host(self):
        site, broker = self.make_site(labels="room=b1 gpu=no", vcpu_limit="7")
        broker.wait("inventory", lambda inventory: inventory["machines"] == [])
        self.assertEqual(broker.hello["host"], site.host_id)
        self.assertEqual(broker.hello["accel"], "tcg")
        self.assertEqual(broker.hello["display_address"], f"127.0.0.1:{site.port}")
        self.assertRegex(broker.hello["qemu"], r"^\d+\.\d+")
        self.assertEqual(broker.hello["version"], 3)
        self.assertEqual(broker.hello["labels"], {"room": "b1", "gpu": "no"})
        self.assertEqual(broker.hello["vcpu_limit"], 7)
        self.assertIn(broker.hello["cgroup"], ("none", "v1", "v2"))
        self.assertIn("user", broker.hello["networks"])
        self.assertGreater(broker.inventory["usage"]["disk_free_mib"], 0)
        wait_until("signs of life", lambda: broker.n_same > 1)
        self.assertEqual(broker.n_inventories, 1)

    def test_a_broker_with_an_old_store_is_not_followed(self):
        site, broker = self.make_site()
        broker.cluster_epoch = 5
        broker.drop()
        wait_until("the higher epoch", lambda: (site.state("agent.json") or {}).get(
            "cluster_epoch") == 5)
        wanted = machine(BARE)
        first = self.start_machine(wanted)
        broker.cluster_epoch = 4
        n_links = broker.n_links
        broker.drop()
        wait_until("refused and dialled again", lambda: broker.n_links > n_links + 1)
        self.assertIn("decides by an old store", site.log())
        self.assertEqual(broker.hello["cluster_epoch"], 5)
        self.assertTrue(is_alive(first["pid"]))
        broker.is_safe_mode = True
        broker.forget_inventory()
        broker.wait("followed in safe mode", state_of(wanted, "ready"))
        self.assertIn("the broker is in safe mode", site.log())

    def test_a_machine_starts_is_adopted_recycled_and_removed(self):
        site, broker = self.make_site()
        wanted = machine(BARE)
        first = self.start_machine(wanted)
        self.assertEqual(first["condition"], "")
        pid = first["pid"]
        self.assertTrue(is_alive(pid))

        site.kill()
        self.assertTrue(is_alive(pid), "the machine must outlive the agent")
        broker.forget_inventory()
        site.start()
        again = broker.wait("adopted", state_of(wanted, "ready"))
        self.assertEqual((again["pid"], again["overlay"]), (pid, first["overlay"]))
        self.assertEqual(broker.hello["agent_epoch"], 2)

        wanted = {**wanted, "epoch": 2}
        fresh = self.start_machine(wanted)
        self.assertEqual(len(os.listdir(site.path + "/s/vms")), 1)
        self.assertNotEqual(fresh["overlay"], first["overlay"])
        self.assertNotEqual(fresh["pid"], pid)
        self.assertFalse(is_alive(pid))

        broker.want(machines=[{**wanted, "epoch": 1}])
        broker.forget_inventory()
        broker.want(machines=[{**wanted, "want": "absent"}])
        broker.wait("removed", lambda inventory: not inventory["machines"])
        self.assertFalse(is_alive(fresh["pid"]))
        self.assertEqual(os.listdir(site.path + "/s/vms"), [])

    def test_a_stopped_agent_leaves_its_machines_running(self):
        site, broker = self.make_site()
        wanted = machine(BARE)
        first = self.start_machine(wanted)
        site.agent.terminate()
        self.assertEqual(site.agent.wait(60), 0)
        self.assertTrue(is_alive(first["pid"]))

    def test_an_old_epoch_changes_nothing(self):
        site, broker = self.make_site()
        wanted = machine(BARE, epoch=5)
        first = self.start_machine(wanted)
        broker.want(machines=[{**wanted, "epoch": 4}])
        broker.want(machines=[{**wanted, "epoch": 4, "want": "absent"}])
        count = broker.n_same
        wait_until("signs of life", lambda: broker.n_same > count + 1)
        entry = broker.wait("still there", state_of(wanted, "ready"))
        self.assertEqual(entry["pid"], first["pid"])

    def test_an_unlisted_machine_stays(self):
        site, broker = self.make_site()
        wanted = machine(BARE)
        first = self.start_machine(wanted)
        broker.want(machines=[])
        broker.want(machines=[])
        count = broker.n_same
        wait_until("signs of life", lambda: broker.n_same > count + 1)
        self.assertTrue(is_alive(first["pid"]))

    def test_a_killed_qemu_is_reported(self):
        site, broker = self.make_site()
        wanted = machine(BARE)
        first = self.start_machine(wanted)
        os.kill(first["pid"], signal.SIGKILL)
        failed = broker.wait("failed", state_of(wanted, "failed"))
        self.assertEqual(failed["code"], "desktop-gone")
        wanted = {**wanted, "epoch": 2}
        self.start_machine(wanted)

    def test_a_qemu_that_died_without_an_agent_is_reported(self):
        site, broker = self.make_site()
        wanted = machine(BARE)
        first = self.start_machine(wanted)
        site.kill()
        os.kill(first["pid"], signal.SIGKILL)
        wait_until("dead", lambda: not is_alive(first["pid"]))
        broker.forget_inventory()
        site.start()
        failed = broker.wait("failed", state_of(wanted, "failed"))
        self.assertEqual(failed["code"], "desktop-gone")

    def test_a_missing_image_is_named(self):
        _, broker = self.make_site()
        wanted = machine({**BARE, "disk": "nowhere.qcow2"})
        broker.want(machines=[wanted])
        failed = broker.wait("failed", state_of(wanted, "failed"))
        self.assertEqual(failed["code"], "not-found")
        self.assertIn("nowhere.qcow2", failed["detail"])

    def test_an_image_that_is_another_is_refused(self):
        site, broker = self.make_site()
        with open(site.images + "/bare.qcow2", "wb") as image:
            image.write(b"not what the manifest says")
        wanted = machine({**BARE, "disk": "bare.qcow2", "sha256": "00" * 32})
        broker.want(machines=[wanted])
        failed = broker.wait("failed", state_of(wanted, "failed"))
        self.assertEqual(failed["code"], "corrupt")
        self.assertIn("bare.qcow2", failed["detail"])
        self.assertNotIn("disk.qcow2", os.listdir(f"{site.path}/s/vms/{wanted['id']}"))

    def test_a_process_that_an_agent_did_not_write_down_is_ended(self):
        site, broker = self.make_site()
        wanted = machine(BARE)
        first = self.start_machine(wanted)
        site.kill()
        spec = {**site.spec(wanted["id"]), "pid": 0, "was_ready": False}
        with open(f"{site.path}/s/vms/{wanted['id']}/spec.json", "w", encoding="utf-8") as file:
            json.dump(spec, file)
        broker.forget_inventory()
        site.start()
        again = broker.wait("made anew", state_of(wanted, "ready"))
        self.assertNotEqual(again["pid"], first["pid"])
        wait_until("the stray is gone", lambda: not is_alive(first["pid"]))

    def test_a_full_disk_is_named_and_leaves_no_file(self):
        site, broker = self.make_site(qemu_img_program=os.path.join(HERE, "full_qemu_img.py"))
        with open(site.images + "/bare.qcow2", "wb"):
            pass
        wanted = machine({**BARE, "disk": "bare.qcow2"})
        broker.want(machines=[wanted])
        failed = broker.wait("failed", state_of(wanted, "failed"))
        self.assertEqual(failed["code"], "disk-full")
        self.assertNotIn("disk.qcow2", os.listdir(f"{site.path}/s/vms/{wanted['id']}"))

    def test_memory_is_not_given_twice(self):
        _, broker = self.make_site(memory_limit_mib="100")
        one, two = machine(BARE), machine(BARE)
        broker.want(machines=[one, two])
        broker.wait("one ready", state_of(one, "ready"))
        refused = broker.wait("two refused", state_of(two, "failed"))
        self.assertEqual(refused["code"], "no-memory")
        broker.want(machines=[{**one, "want": "absent"}, two])
        broker.wait("two ready", state_of(two, "ready"))

    def test_a_broken_wish_does_not_stop_the_others(self):
        _, broker = self.make_site()
        good, bad = machine(BARE), machine({**BARE, "kernel": "../etc/passwd"})
        broker.want(machines=[bad, good])
        broker.wait("good ready", state_of(good, "ready"))
        refused = broker.wait("bad refused", state_of(bad, "failed"))
        self.assertEqual(refused["code"], "invalid")

    def test_a_silent_guest_is_used_as_it_is(self):
        _, broker = self.make_site(ready_deadline_s="1")
        wanted = machine({**BARE, "ready": "guest-agent"})
        entry = self.start_machine(wanted)
        self.assertEqual(entry["condition"], "no-agent")

    def test_a_lost_broker_changes_nothing(self):
        site, broker = self.make_site()
        wanted = machine(BARE)
        first = self.start_machine(wanted)
        broker.forget_inventory()
        broker.drop()
        again = broker.wait("linked again", state_of(wanted, "ready"))
        self.assertEqual(again["pid"], first["pid"])

    def test_a_broker_that_breaks_the_protocol_is_left_and_dialled_again(self):
        site, broker = self.make_site()
        wanted = machine(BARE)
        self.start_machine(wanted)
        for text in (b"{", b"[]", b'{"type":"desired"}', b'{"type":"x"}', b"\x00" * 100):
            n_links = broker.n_links
            broker.send_raw(text)
            wait_until("dialled again", lambda: broker.n_links > n_links)
            wait_until("hello again", lambda: broker.link is not None)
            broker.forget_inventory()
            broker.wait("still ready", state_of(wanted, "ready"))


class SessionTests(AgentTest):
    def open_session(self):
        site, broker = self.make_site()
        desk = machine(BARE)
        self.start_machine(desk)
        wanted = session(desk)
        broker.want(sessions=[wanted])
        entry = broker.wait("listening", state_of(wanted, "listening", "sessions"))
        return site, broker, desk, wanted, entry

    def connect(self, site, name):
        raw = socket.create_connection(("127.0.0.1", site.port), timeout=60)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return raw, context, name

    def hello_bytes(self, name):
        """A real ClientHello with that server name."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        tls = context.wrap_bio(incoming, outgoing, server_hostname=name)
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return outgoing.read()

    def test_a_session_gets_display_and_client(self):
        site, broker, desk, wanted, entry = self.open_session()
        # The fake session's key is the hash of what it was told, its display answered on D-Bus.
        self.assertRegex(entry["session_key"], "^[0-9a-f]{64}$")
        hello = self.hello_bytes(f"{wanted['id']}.{site.host_id}.session.berth")
        with socket.create_connection(("127.0.0.1", site.port), timeout=60) as client:
            # In two pieces: the agent has to wait for the second without spinning.
            client.sendall(hello[:100])
            select_quiet(0.3)
            client.sendall(hello[100:])
            echoed = b""
            while len(echoed) < len(hello):
                data = client.recv(65536)
                self.assertTrue(data)
                echoed += data
        self.assertEqual(echoed, hello, "every byte of the hello must reach the session")
        broker.wait("connected", state_of(wanted, "connected", "sessions"))

    def test_wrong_names_are_refused(self):
        site, broker, desk, wanted, entry = self.open_session()
        for name in (f"{secrets.token_hex(16)}.{site.host_id}.session.berth",
                     f"{wanted['id']}.{secrets.token_hex(16)}.session.berth", "example.org"):
            with socket.create_connection(("127.0.0.1", site.port), timeout=60) as client:
                client.sendall(self.hello_bytes(name))
                self.assertEqual(client.recv(100), bytes([0x15, 3, 3, 0, 2, 2, 112]))
        with socket.create_connection(("127.0.0.1", site.port), timeout=60) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            try:
                self.assertEqual(client.recv(100), b"")
            except ConnectionResetError:
                pass

    def test_a_session_is_adopted_and_ended(self):
        site, broker, desk, wanted, entry = self.open_session()
        site.kill()
        broker.forget_inventory()
        site.start()
        again = broker.wait("adopted", state_of(wanted, "listening", "sessions"))
        self.assertEqual(again["session_key"], entry["session_key"])
        broker.want(sessions=[{**wanted, "want": "ended", "reason": "logged-off"}])
        ended = broker.wait("ended", state_of(wanted, "ended", "sessions"))
        self.assertEqual(ended["code"], "logged-off")
        broker.want(sessions=[])
        broker.wait("forgotten", lambda inventory: not inventory["sessions"], 15)

    def test_policy_and_notices_reach_a_running_session_once(self):
        site, broker, desk, wanted, entry = self.open_session()
        heard = lambda: [json.loads(line[6:]) for line in site.log().splitlines()
                         if line.startswith("heard ")]
        wanted = {**wanted, "policy": {"input": False},
                  "notice": {"number": 1, "text": "Save your work."}}
        broker.want(sessions=[wanted])
        wait_until("both", lambda: len(heard()) == 2)
        self.assertEqual(heard()[0], {"op": "policy", "policy": {"input": False}})
        self.assertEqual(heard()[1], {"op": "notice", "number": 1, "text": "Save your work."})
        # The same again, also by the next agent, is not news; another number is.
        broker.want(sessions=[wanted])
        site.kill()
        broker.forget_inventory()
        site.start()
        broker.wait("adopted", state_of(wanted, "listening", "sessions"))
        broker.want(sessions=[{**wanted, "notice": {"number": 2, "text": "Goodbye."}}])
        wait_until("the next one", lambda: len(heard()) > 2)
        self.assertEqual([message.get("number") for message in heard()], [None, 1, 2])

    def test_a_dead_session_process_comes_back_with_a_new_key(self):
        site, broker, desk, wanted, entry = self.open_session()
        with open(f"{site.path}/s/sessions/{wanted['id']}/session.json", encoding="utf-8") as file:
            pid = json.load(file)["pid"]
        os.kill(pid, signal.SIGKILL)

        def has_new_key(inventory):
            found = state_of(wanted, "listening", "sessions")(inventory)
            return found and found["session_key"] != entry["session_key"]
        broker.wait("new key", has_new_key)

    def test_each_session_process_gets_the_ports_of_the_guest_s_agents(self):
        site, broker, desk, wanted, entry = self.open_session()
        n_taken = lambda: site.log().count("took the guest's port")
        wait_until("the ports", lambda: n_taken() == 2)

        def written():
            with open(f"{site.path}/s/sessions/{wanted['id']}/session.json",
                      encoding="utf-8") as file:
                return json.load(file)
        pid = written()["pid"]
        os.kill(pid, signal.SIGKILL)
        # QEMU serves one at a time: the second one is connected because the first has ended.
        wait_until("the ports of the next process", lambda: n_taken() == 4)
        # An agent that dies before it has written that down gives them once more.
        wait_until("what the agent writes down",
                   lambda: written()["pid"] != pid and written()["has_guest"] and
                   written()["has_own_guest"])
        # An agent that starts anew leaves it where it is.
        site.kill()
        broker.forget_inventory()
        site.start()
        broker.wait("adopted", state_of(wanted, "listening", "sessions"))
        self.assertEqual(n_taken(), 4)

    def test_a_session_ends_with_its_machine(self):
        site, broker, desk, wanted, entry = self.open_session()
        pid = broker.wait("machine", state_of(desk, "ready"))["pid"]
        os.kill(pid, signal.SIGKILL)
        ended = broker.wait("ended", state_of(wanted, "ended", "sessions"))
        self.assertEqual(ended["code"], "desktop-gone")


class RealSessionTests(AgentTest):
    """With the real session program: a client's TLS ends there, at the key that was reported."""

    def key_hash(self, certificate):
        public = subprocess.run(["openssl", "x509", "-inform", "DER", "-pubkey", "-noout"],
                                input=certificate, check=True, capture_output=True).stdout
        der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=public,
                             check=True, capture_output=True).stdout
        return hashlib.sha256(der).hexdigest()

    def test_a_client_reaches_the_key_that_was_reported(self):
        site, broker = self.make_site(session_program=SESSION)
        desk = machine(BARE)
        self.start_machine(desk)
        wanted = session(desk)
        broker.want(sessions=[wanted])
        entry = broker.wait("listening", state_of(wanted, "listening", "sessions"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["berth/1"])
        context.load_cert_chain(site.path + "/host.pem", site.path + "/host.key")
        name = f"{wanted['id']}.{site.host_id}.session.berth"
        with socket.create_connection(("127.0.0.1", site.port), timeout=60) as raw:
            with context.wrap_socket(raw, server_hostname=name) as tls:
                self.assertEqual(self.key_hash(tls.getpeercert(True)), entry["session_key"])
        # Adopted by the next agent with the same key; gone when the broker says so.
        site.kill()
        broker.forget_inventory()
        site.start()
        again = broker.wait("adopted", state_of(wanted, "listening", "sessions"))
        self.assertEqual(again["session_key"], entry["session_key"])
        broker.want(sessions=[{**wanted, "want": "ended", "reason": "logged-off"}])
        broker.wait("ended", state_of(wanted, "ended", "sessions"))


def cpu_weight(wanted):
    """Of the machine's control group; None without control groups."""
    for folder, _, files in os.walk("/sys/fs/cgroup"):
        for name in {"cpu.weight", "cpu.shares"} & {*files}:
            if os.path.basename(folder) == wanted["id"]:
                with open(os.path.join(folder, name), encoding="ascii") as file:
                    return file.read().strip()
    return None


def select_quiet(seconds):
    """Gives the other side time to do wrong; no test waits for something good this way."""
    time.sleep(seconds)


class GuestTests(AgentTest):
    """With the small test guest, which has a guest agent and a disk."""

    def make_guest_site(self, **settings):
        site, broker = self.make_site(**settings)
        # Nobody else may touch it: a new time of a file makes another template.
        guest = os.path.join(site.path, "guest")
        subprocess.run([BUILD_TG, guest], check=True, stdout=subprocess.DEVNULL)
        return site, broker, site.add_image("tg", guest)

    def test_a_guest_boots_and_forks(self):
        site, broker, manifest = self.make_guest_site()
        cold = machine(manifest)
        entry = self.start_machine(cold)
        self.assertEqual(entry["condition"], "")
        self.assertIsNone(site.spec(cold["id"])["template_key"])

        key = machine(manifest, template=True)
        broker.want(machines=[{**cold, "want": "absent"}, key])
        broker.wait("first of the pool", state_of(key, "ready"), 120)
        wait_until("template", lambda: "is ready to be forked" in site.log(), 120)
        desks = [machine(manifest, template=True) for _ in range(4)]
        start = time.monotonic()
        broker.want(machines=[key, *desks])
        for desk in desks:
            broker.wait("fork ready", state_of(desk, "ready"))
        took = time.monotonic() - start
        print(f"4 forks ready in {took:.3f} s", file=sys.stderr)
        specs = [site.spec(desk["id"]) for desk in desks]
        self.assertTrue(all(spec["template_key"] for spec in specs), site.log()[-4000:])
        for unique in ("mac", "vmgenid", "overlay", "uuid"):
            self.assertEqual(len({spec[unique] for spec in specs}), len(specs))
        self.assertLess(took, 10)
        for desk in desks:
            self.check_guest(site, desk)

    def make_template(self, broker, site, manifest, **more):
        """Wants one machine of a pool with template and waits until both are there."""
        desk = machine(manifest, template=True, **more)
        broker.want(machines=[desk])
        broker.wait("first of the pool", state_of(desk, "ready"), 120)
        wait_until("template", lambda: "is ready to be forked" in site.log(), 120)
        return desk

    def test_a_template_serves_the_next_agent_and_a_broken_one_boots_cold(self):
        site, broker, manifest = self.make_guest_site()
        first = self.make_template(broker, site, manifest)
        templates = site.path + "/s/templates"
        site.kill()
        site.start()
        fork = machine(manifest, template=True)
        broker.want(machines=[first, fork])
        broker.wait("fork ready", state_of(fork, "ready"))
        self.assertIsNotNone(site.spec(fork["id"])["template_key"])

        # The fork is adopted like any other machine.
        pid = site.spec(fork["id"])["pid"]
        site.kill()
        broker.forget_inventory()
        site.start()
        again = broker.wait("adopted", state_of(fork, "ready"))
        self.assertEqual(again["pid"], pid)

        # Damaged in a way that does not show before QEMU reads it.
        key, = [name for name in os.listdir(templates) if name != "lock"]
        before = os.stat(f"{templates}/{key}/state")
        with open(f"{templates}/{key}/state", "r+b") as state:
            state.seek(100)
            state.write(b"\xff" * 4096)
        os.utime(f"{templates}/{key}/state", ns=(before.st_atime_ns, before.st_mtime_ns))
        cold = machine(manifest, template=True)
        broker.want(machines=[first, fork, cold])
        broker.wait("cold ready", state_of(cold, "ready"))
        self.assertIsNone(site.spec(cold["id"])["template_key"])
        self.assertIn("the fork failed, booting cold", site.log())

    def template_folder(self, site):
        """The folder of the only template."""
        templates = site.path + "/s/templates"
        key, = [name for name in os.listdir(templates) if len(name) == 32]
        return f"{templates}/{key}"

    def test_a_template_that_goes_under_its_forks(self):
        site, broker, manifest = self.make_guest_site()
        first = self.make_template(broker, site, manifest)
        fork = machine(manifest, template=True)
        broker.want(machines=[first, fork])
        broker.wait("fork ready", state_of(fork, "ready"))
        n_before = site.log().count("is ready to be forked")
        shutil.rmtree(self.template_folder(site))
        # What runs keeps its memory and its disk; the next one gets a template that is made again.
        self.check_guest(site, fork)
        later = machine(manifest, template=True)
        broker.want(machines=[first, fork, later])
        broker.wait("later fork ready", state_of(later, "ready"))
        wait_until("another template",
                   lambda: site.log().count("is ready to be forked") > n_before, 120)

    def test_a_template_that_is_cut_off_under_its_forks(self):
        site, broker, manifest = self.make_guest_site()
        first = self.make_template(broker, site, manifest)
        desks = [machine(manifest, template=True) for _ in range(2)]
        broker.want(machines=[first, *desks])
        for desk in desks:
            broker.wait("fork ready", state_of(desk, "ready"))
        os.truncate(self.template_folder(site) + "/ram", 4096)

        def is_settled(inventory):
            entries = [state_of(desk, "failed")(inventory) for desk in desks]
            return entries if all(entries) else None
        for entry in broker.wait("the end of what needs the rest", is_settled):
            self.assertEqual(entry["code"], "desktop-gone")
            self.assertIn("the memory of its RAM template was cut off", entry["detail"])
        later = machine(manifest, template=True)
        broker.want(machines=[first, later])
        broker.wait("later machine ready", state_of(later, "ready"))
        self.assertIn("is damaged, it is made again", site.log())
        self.check_guest(site, later)

    def test_many_forks(self):
        site, broker, manifest = self.make_guest_site(memory_limit_mib="16384")
        first = self.make_template(broker, site, manifest)
        desks = [machine(manifest, template=True) for _ in range(20)]
        start = time.monotonic()
        broker.want(machines=[first, *desks])
        for desk in desks:
            broker.wait("fork ready", state_of(desk, "ready"))
        print(f"20 forks ready in {time.monotonic() - start:.3f} s", file=sys.stderr)
        broker.want(machines=[{**desk, "want": "absent"} for desk in (first, *desks)])
        broker.wait("all gone", lambda inventory: not inventory["machines"], 30)

    def test_a_card_of_our_own(self):
        """With a QEMU that takes it without KVM; pictures of it: test_capture.py."""
        wrapper = tempfile.NamedTemporaryFile("w", prefix="qemu-", delete=False)
        self.addCleanup(os.unlink, wrapper.name)
        with wrapper:
            wrapper.write("#!/bin/sh\nexec " + shlex.join(new_qemu()) + ' "$@"\n')
        os.chmod(wrapper.name, 0o755)
        site, broker, manifest = self.make_guest_site(qemu_program=wrapper.name, gpu_program=GPU)
        desk = machine({**manifest, "display": "vhost-user-gpu"}, template=True)
        broker.want(machines=[desk])
        broker.wait("ready", state_of(desk, "ready"))
        self.assertTrue(site.spec(desk["id"])["gpu"], site.log()[-4000:])
        cards = [pid for pid in descendants() if name_of(pid) == "berth-gpu"]
        self.assertEqual(len(cards), 2)
        wanted = session(desk)
        broker.want(machines=[desk], sessions=[wanted])
        broker.wait("listening", state_of(wanted, "listening", "sessions"))
        # The next agent gives the card to the next session.
        site.kill()
        broker.forget_inventory()
        site.start()
        broker.wait("adopted", state_of(desk, "ready"))
        broker.want(machines=[desk], sessions=[{**wanted, "want": "ended", "reason": "logged-off"}])
        broker.wait("ended", state_of(wanted, "ended", "sessions"))
        second = session(desk)
        broker.want(machines=[desk], sessions=[second])
        broker.wait("listening again", state_of(second, "listening", "sessions"))
        # A card that is gone for good is the machine's end.
        for pid in [pid for pid in descendants() if name_of(pid) == "berth-gpu"]:
            os.kill(pid, signal.SIGKILL)
        broker.want(machines=[desk], sessions=[second, session(desk)])
        broker.wait("failed", state_of(desk, "failed"))
        broker.want(machines=[{**desk, "want": "absent"}])
        broker.wait("removed", lambda inventory: not inventory["machines"], 20)
        wait_until("the end of the card", lambda: not any(map(is_alive, cards)))

    def test_without_a_card_of_our_own_there_is_qemu_s(self):
        site, broker, manifest = self.make_guest_site(gpu_program=GPU)
        desk = machine({**manifest, "display": "vhost-user-gpu"})
        self.start_machine(desk)  # Debian 12's QEMU wants KVM for such a device
        self.assertFalse(site.spec(desk["id"])["gpu"])
        self.assertIn("the graphics card failed, booting with QEMU's", site.log())
        wanted = session(desk)
        broker.want(machines=[desk], sessions=[wanted])
        broker.wait("listening", state_of(wanted, "listening", "sessions"))

    def test_without_the_program_there_is_qemu_s_card(self):
        site, broker, manifest = self.make_guest_site(gpu_program="/nowhere/berth-gpu")
        desk = machine({**manifest, "display": "vhost-user-gpu"})
        self.start_machine(desk)
        self.assertFalse(site.spec(desk["id"])["gpu"])
        self.assertIn("has QEMU's graphics card", site.log())

    def check_guest(self, site, desk):
        """A fork is a guest that lives and whose clock is right, not a frozen picture of one."""
        with socket.socket(socket.AF_UNIX) as port:
            port.settimeout(60)
            port.connect(f"{site.path}/s/vms/{desk['id']}/guest-agent.sock")
            port.sendall(b'{"execute": "guest-get-time"}\n')
            answer = json.loads(port.recv(1000).split(b"\n")[0])
        self.assertLess(abs(answer["return"] / 1e9 - time.time()), 5)


if __name__ == "__main__":
    AGENT, SESSION, BUILD_TG, GPU = sys.argv[1:5]
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1)
    # A runner that lost patience asks politely first: end what outlives the agents then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    try:
        unittest.main(argv=[sys.argv[0], *sys.argv[5:]], verbosity=2)
    finally:
        end_descendants()
