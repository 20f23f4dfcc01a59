# SPDX-License-Identifier: GPL-3.0-or-later
"""A real slapd in a private folder, with TLS by a private authority, and servers that misbehave."""
import os
import socket
import subprocess
import threading
import time

from broker_site import die_with_parent

BASE = "dc=example,dc=org"
SEARCHER_PASSWORD = "searching password"
CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile {dir}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCACertificateFile {ca}
TLSCertificateFile {cert}
TLSCertificateKeyFile {key}
security ssf=0
database mdb
suffix "dc=example,dc=org"
rootdn "cn=root,dc=example,dc=org"
directory {dir}/db
access to attrs=userPassword by anonymous auth by * none
access to * by users read by anonymous auth
"""
ENTRY = "dn: {dn}\n{attributes}\n\n"


def person(name, password, **more):
    lines = ["objectClass: inetOrgPerson", f"cn: {name.title()} A.", "sn: A", f"uid: {name}",
             f"userPassword: {password}"]
    lines += [f"{key}: {value}" for key, value in more.items()]
    return ENTRY.format(dn=f"uid={name},ou=people,{BASE}", attributes="\n".join(lines))


def group(name, *members):
    lines = ["objectClass: groupOfNames", f"cn: {name}"] + [f"member: {m}" for m in members]
    return ENTRY.format(dn=f"cn={name},ou=groups,{BASE}", attributes="\n".join(lines))


def user_dn(name):
    return f"uid={name},ou=people,{BASE}"


def group_dn(name):
    return f"cn={name},ou=groups,{BASE}"


def tree():
    """anna in developers, which are in engineers, which are in staff, which are in engineers."""
    units = "".join(ENTRY.format(dn=f"ou={unit},{BASE}",
                                 attributes=f"objectClass: organizationalUnit\nou: {unit}")
                    for unit in ("people", "groups"))
    return (ENTRY.format(dn=BASE, attributes="objectClass: dcObject\nobjectClass: organization\n"
                                             "dc: example\no: Example") + units
            + ENTRY.format(dn=f"cn=searcher,{BASE}",
                           attributes="objectClass: organizationalRole\n"
                                      "objectClass: simpleSecurityObject\ncn: searcher\n"
                                      f"userPassword: {SEARCHER_PASSWORD}")
            + person("anna", "a directory password") + person("bert", "another password")
            + person("gone", "a good password", employeeType="disabled")
            + person("admin", "a directory password")
            + group("developers", user_dn("anna")) + group("engineers", group_dn("developers"),
                                                           group_dn("staff"))
            + group("staff", group_dn("engineers")) + group("others", user_dn("bert")))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Slapd:
    """start() and stop(); urls are .ldaps, .ldap and .ldapi."""

    def __init__(self, site):
        self.site = site
        self.dir = site.path("slapd")
        os.makedirs(self.dir + "/db")
        # libldap checks the machine's own name where it has come to a loopback address.
        names = {"localhost", socket.gethostname(), socket.getfqdn()}
        site.issue("ldap", ",".join("DNS:" + name for name in sorted(names)) + ",IP:127.0.0.1")
        self.config = self.dir + "/slapd.conf"
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(dir=self.dir, ca=site.path("ca.pem"),
                                     cert=site.path("ldap.pem"), key=site.path("ldap.key")))
        self.load(tree())
        self.process = None
        self.start()

    def load(self, text):
        subprocess.run(["/usr/sbin/slapadd", "-f", self.config], input=text.encode(), check=True,
                       capture_output=True)

    def start(self):
        self.ldapi = "ldapi://" + (self.dir + "/ldapi").replace("/", "%2F")
        for _ in range(10):  # another program may take a port first
            self.ldaps = f"ldaps://localhost:{free_port()}"
            self.ldap = f"ldap://localhost:{free_port()}"
            self.process = subprocess.Popen(
                ["/usr/sbin/slapd", "-d", "0", "-f", self.config, "-h",
                 f"{self.ldaps} {self.ldap} {self.ldapi}"], preexec_fn=die_with_parent,
                stderr=subprocess.DEVNULL)
            if self.is_up():
                return
        raise AssertionError("slapd does not start")

    def is_up(self):
        end = time.monotonic() + 60
        while self.process.poll() is None and time.monotonic() < end:
            done = subprocess.run(["ldapwhoami", "-x", "-H", self.ldapi], check=False,
                                  capture_output=True)
            if done.returncode == 0:
                return True
            time.sleep(0.02)
        return False

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)


class HangingServer:
    """Takes connections and says nothing, ever."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "ldaps://localhost:%d" % self.listener.getsockname()[1]
        self.open = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        try:
            while True:
                self.open.append(self.listener.accept()[0])
        except OSError:
            pass

    def close(self):
        self.listener.close()
        for connection in self.open:
            connection.close()
