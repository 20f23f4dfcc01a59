# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever dies or fills up: a clear sentence at the client, nothing lost, nothing left behind."""
import os
import signal
import subprocess
import unittest

import lab
from story import (EXIT_ENDED, EXIT_LOGIN, EXIT_NO_DESKTOP, EXIT_OK, EXIT_UNTRUSTED, POOL, Site,
                   Story)


class Logins(Story):
    def test_a_wrong_password_is_refused(self):
        done = self.lab.probe("--desktop", POOL, password="not the password")
        self.assert_refused(done, EXIT_LOGIN, "user name or password is wrong")

    def test_an_unknown_user_gets_the_same_sentence(self):
        done = self.lab.probe("--desktop", POOL, user="nobody-here")
        self.assert_refused(done, EXIT_LOGIN, "user name or password is wrong")

    def test_a_broker_with_another_ca_is_not_trusted(self):
        subprocess.run([self.lab.program("berth-setup"), self.lab.path("other-keys"),
                        "--gateway-name", "localhost", "--host", "other"], check=True,
                       stdout=subprocess.DEVNULL)
        fd = lab.pipe_with(self.lab.password)
        argv = self.lab.probe_argv(None, fd)
        argv[argv.index("--ca") + 1] = self.lab.path("other-keys", "ca.pem")
        done = self.lab.run([*argv, "--desktop", POOL], pass_fds=[fd], check=False)
        os.close(fd)
        self.assert_refused(done, EXIT_UNTRUSTED, "certificate")

    def test_an_unknown_desktop_is_named(self):
        done = self.lab.probe("--desktop", "no-such-pool")
        self.assert_refused(done, EXIT_NO_DESKTOP, "no-such-pool")

    def test_no_free_desktop_is_said(self):
        self.open_desktop("anna")
        lab.wait_until("the second desktop", lambda: any(
            row["state"] == "ready" for row in self.lab.rows("machines")), 120)
        self.open_desktop("bert")
        done = self.lab.probe("--desktop", POOL, "--timeout", "15", user="carla")
        self.assert_refused(done, EXIT_NO_DESKTOP, "no desktop within")


class Deaths(Story):
    def test_a_dead_session_process_is_replaced_and_the_machine_untouched(self):
        probe = self.open_desktop()
        self.command(probe, "key a")
        self.command(probe, "wait-echo 60000")
        qemu = self.desktop_pid()
        shown = self.command(probe, "hash")["sha256"]
        (session,) = self.lab.processes("berth-session")
        os.kill(session, signal.SIGKILL)
        self.command(probe, "wait-open")
        self.command(probe, "wait-stable 300")
        self.assertEqual(self.desktop_pid(), qemu)
        self.assertEqual(self.command(probe, "hash")["sha256"], shown)
        self.assert_alive(probe)

    def test_a_broken_connection_resumes_without_a_password(self):
        probe = self.open_desktop()
        (session,) = self.lab.processes("berth-session")
        self.command(probe, "break")
        self.command(probe, "wait-open")
        self.command(probe, "wait-stable 300")
        self.assertEqual(self.lab.processes("berth-session"), [session])
        self.assert_alive(probe)

    def test_the_desktop_goes_on_without_the_broker(self):
        probe = self.open_desktop()
        self.lab.broker.kill()
        try:
            self.assert_alive(probe)
            self.command(probe, "break")
            self.command(probe, "wait-open")
            self.assert_alive(probe)
        finally:
            self.lab.broker.start()
        self.assert_alive(probe)
        lab.wait_until("the session at the broker", lambda: self.session()["state"] == "active")

    def test_the_desktop_goes_on_while_the_agent_restarts(self):
        probe = self.open_desktop()
        qemu = self.desktop_pid()
        (session,) = self.lab.processes("berth-session")
        self.lab.agent.kill()
        self.assert_alive(probe)
        self.lab.agent.start()
        lab.wait_until("the host to be up", lambda: self.lab.rows("hosts")[0]["state"] == "up")
        self.assert_alive(probe)
        self.assertEqual(self.desktop_pid(), qemu)
        self.assertEqual(self.lab.processes("berth-session"), [session])
        self.command(probe, "break")
        self.command(probe, "wait-open")
        self.assert_alive(probe)

    def test_a_killed_machine_is_said_and_replaced(self):
        probe = self.open_desktop()
        os.kill(self.desktop_pid(), signal.SIGKILL)
        self.assertIn("the desktop stopped", self.wait_end(probe))
        self.assertEqual(probe.close(), EXIT_ENDED)
        self.wait_spare()
        self.assert_alive(self.open_desktop())

    def test_a_dead_agent_is_said(self):
        self.lab.agent.kill()
        try:
            done = self.lab.probe("--desktop", POOL, "--timeout", "30")
            self.assert_refused(done, EXIT_NO_DESKTOP, "host")
        finally:
            self.lab.agent.start()
        lab.wait_until("the host to be up", lambda: self.lab.rows("hosts")[0]["state"] == "up")

    def test_the_gateway_may_die_too(self):
        probe = self.open_desktop()
        self.lab.gateway.kill()
        self.lab.gateway.start()
        self.command(probe, "wait-open")
        self.assert_alive(probe)


class FullDisk(Story):
    def test_a_full_disk_is_said_and_leaves_nothing(self):
        """A host of its own whose state folder is a tiny file system."""
        if os.geteuid() != 0:
            self.skipTest("mounting a small file system needs root")
        small = lab.Lab(Site.build, {"tg": Site.guest_folder})
        os.makedirs(small.path("agent"))
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", small.path("agent")],
                       check=True)
        try:
            with small:
                small.add_pool(POOL, "tg", size=1, spares=1, template=False)

                def is_failed():
                    rows = small.rows("machines")
                    return next((row for row in rows if row.get("code") == "disk-full"), None)
                lab.wait_until("the report of the full disk", is_failed)
                done = small.probe("--desktop", POOL, "--timeout", "15")
                self.assert_refused(done, EXIT_NO_DESKTOP, "desktop")
                left = [name for _, _, names in os.walk(small.path("agent")) for name in names
                        if name.endswith(".qcow2")]
                self.assertEqual(left, [])
                self.assertEqual(small.processes("qemu-system-x86_64"), [])
        finally:
            subprocess.run(["umount", small.path("agent")], check=False)


class Leftovers(Story):
    def test_a_killed_lab_leaves_no_process(self):
        """The lab of another process, killed without a chance to clean up."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            other = lab.Lab(Site.build, {"tg": Site.guest_folder})
            other.start()
            other.add_pool(POOL, "tg", size=1, spares=1, template=False)
            lab.wait_until("a machine", lambda: other.processes("qemu-system-x86_64"))
            os.write(writer, other.folder.encode())
            signal.pause()
        os.close(writer)
        folder = os.read(reader, 4096).decode()
        os.close(reader)
        self.assertTrue(lab.marked(folder))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        lab.wait_until("the end of its processes", lambda: not lab.marked(folder))
        lab.wait_until("the end of its folder", lambda: not os.path.exists(folder))

    def test_stopping_everything_leaves_no_process(self):
        own = lab.Lab(Site.build, {"tg": Site.guest_folder},
                      template_dir=os.path.join(Site.cache, "templates"))
        own.start()
        own.add_pool(POOL, "tg", size=1, spares=1)
        own.wait_machines(ready=1)
        done = own.probe("--desktop", POOL, "--wait-stable", "200", "--logoff")
        self.assertEqual(done.returncode, EXIT_OK, done.stderr)
        own.wait_machines(ready=1)
        self.assertEqual(len(own.processes("qemu-system-x86_64")), 1)
        own.stop()
        self.assertEqual(lab.marked(own.folder), [])
        self.assertFalse(os.path.exists(own.folder))


if __name__ == "__main__":
    unittest.main()
