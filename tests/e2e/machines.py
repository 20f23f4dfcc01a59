# SPDX-License-Identifier: GPL-3.0-or-later
"""Pretended machines: namespaces with a network and an /etc, a /var and a /run of their own, in which
the commands of a document are run as they stand there.

What a document may ask of a machine that is not one: apt-get (the package must be installed here),
systemctl (starts what the unit says), systemd-ask-password, ssh and scp to the other machines.
"""
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys

SHIMS = {
    "apt-get": """#!/bin/sh
for word; do package=$word; done
dpkg-query -W -f '${db:Status-Status}\\n' "$package" | grep -qx installed ||
    { echo "$package is not installed here" >&2; exit 1; }
# What Debian's package does when it is installed; here it may have been long ago.
[ "$package" != postgresql ] || [ -d /etc/postgresql/15/main ] || pg_createcluster 15 main
""",
    "systemd-ask-password": "#!/bin/sh\necho correct horse battery\n",
    "ssh": """#!/bin/sh
machine=$1; shift
exec nsenter -t "$(cat "$MACHINES/$machine.pid")" -m -n "$@"
""",
    "scp": """#!/bin/sh
for word; do last=$word; done
machine=${last%%:*}; folder=${last#*:}
while [ $# -gt 1 ]; do
    nsenter -t "$(cat "$MACHINES/$machine.pid")" -m sh -c 'umask 077; cat > "$0"' \
        "$folder/$(basename "$1")" < "$1"; shift
done
""",
    "systemctl": """#!/bin/sh
exec "$PYTHON" "$MACHINES_PROGRAM" systemctl "$@"
""",
}
OWN_FOLDERS = ("/etc", "/var", "/root")


def is_possible():
    """Why not, or None: namespaces and overlays need rights that a container may lack."""
    probe = ("mount -t tmpfs none /mnt && mkdir /mnt/u /mnt/w && mount -t overlay overlay "
             "-o lowerdir=/etc,upperdir=/mnt/u,workdir=/mnt/w /etc && ip link set lo up")
    result = subprocess.run(["unshare", "-m", "-n", "sh", "-c", probe], capture_output=True,
                            text=True, check=False)
    return None if result.returncode == 0 else f"no namespaces here: {result.stderr.strip()}"


class Machine:
    """One pretended machine; its processes die with the holder of its namespaces."""

    def __init__(self, site, name, address=None):
        self.site, self.name, self.address = site, name, address
        self.folder = os.path.join(site.folder, name)
        os.makedirs(self.folder)
        script = ["set -e", "mount -t tmpfs none " + self.folder]
        for path in OWN_FOLDERS:
            upper = f"{self.folder}/u{path}"
            work = f"{self.folder}/w{path}"
            script.append(f"mkdir -p {upper} {work} && mount -t overlay overlay "
                          f"-o lowerdir={path},upperdir={upper},workdir={work} {path}")
        script += ["mount -t tmpfs none /run", "mkdir -p /run/berth /run/haproxy",
                   "install -d -o postgres -g postgres /run/postgresql", "ip link set lo up",
                   f"echo {name} > /etc/hostname", "echo ready", "exec sleep infinity"]
        self.holder = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "-m", "-n", "-p", "--fork",
             "--kill-child=KILL", "sh", "-c", "\n".join(script)],
            stdout=subprocess.PIPE, text=True)
        if self.holder.stdout.readline().strip() != "ready":
            sys.exit(f"machine {name} cannot be made")
        with open(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children",
                  encoding="ascii") as children:
            self.pid = int(children.read().split()[0])
        with open(os.path.join(site.folder, name + ".pid"), "w", encoding="ascii") as file:
            file.write(str(self.pid))

    def run(self, script, **options):
        """Runs a shell script on this machine."""
        env = {**os.environ, "PATH": self.site.path, "MACHINES": self.site.folder,
               "MACHINES_PROGRAM": os.path.abspath(__file__), "PYTHON": sys.executable,
               "MACHINE": self.name, "HOME": "/root", "BERTH_UNITS": self.site.units}
        return subprocess.run(["nsenter", "-t", str(self.pid), "-m", "-n", "-p", "bash", "-eu", "-c",
                               "cd /root\n" + script],
                              env=env, stdin=subprocess.DEVNULL, check=False, text=True, **options)

    def write(self, path, text):
        folder = os.path.dirname(path)
        result = subprocess.run(["nsenter", "-t", str(self.pid), "-m", "sh", "-c",
                                 'mkdir -p "$0" && cat > "$1"', folder, path], input=text,
                                text=True, check=False)
        assert result.returncode == 0, path

    def close(self):
        self.holder.send_signal(signal.SIGKILL)
        self.holder.wait()


def folders_of(path):
    """A shell script that makes the folders of a tmpfiles.d file."""
    with open(path, encoding="utf-8") as file:
        rows = [line.split() for line in file if line.startswith("d ")]
    return "\n".join(f"install -d -m {row[2]} -o {row[3]} -g {row[4]} {row[1]}" for row in rows)


def users_of(path):
    """A shell script that makes the users and groups of a sysusers.d file."""
    with open(path, encoding="utf-8") as file:
        rows = [line.split() for line in file if line.strip() and line[0] != "#"]
    groups = [f"getent group {row[1]} > /dev/null || groupadd --system {row[1]}"
              for row in rows if row[0] in "gu"]
    users = [f"useradd --system --no-create-home --gid {row[1]} {row[1]}"
             for row in rows if row[0] == "u"]
    members = [f"usermod --append --groups {row[2]} {row[1]}" for row in rows if row[0] == "m"]
    return "\n".join(groups + users + members)


class Machines:
    """Some machines on one network."""

    def __init__(self, folder, build, units, addresses):
        self.folder, self.units = folder, units
        shims = os.path.join(folder, "bin")
        os.makedirs(shims)
        for name, text in SHIMS.items():
            with open(os.path.join(shims, name), "w", encoding="ascii") as shim:
                shim.write(text)
            os.chmod(os.path.join(shims, name), 0o755)
        for program in ("broker/berth-broker", "broker/gateway/berth-gateway",
                        "broker/setup/berth-setup", "broker/ctl/berthctl"):
            os.symlink(os.path.join(build, program), os.path.join(shims, os.path.basename(program)))
        self.path = shims + ":/usr/sbin:/usr/bin:/sbin:/bin"
        self.machines = {name: Machine(self, name, address)
                         for name, address in addresses.items()}
        self.switch = Machine(self, "switch")
        self.connect()

    def connect(self):
        self.switch.run("ip link add br0 type bridge && ip link set br0 up")
        for name, machine in self.machines.items():
            if machine.address:
                result = self.plug(name, machine)
                assert result.returncode == 0, name

    def plug(self, name, machine):
        made = subprocess.run(["nsenter", "-t", str(self.switch.pid), "-n", "ip", "link", "add",
                               name, "type", "veth", "peer", "name", "eth0", "netns",
                               str(machine.pid)], check=False)
        assert made.returncode == 0, name
        self.switch.run(f"ip link set {name} master br0 up")
        return machine.run(f"ip addr add {machine.address}/24 dev eth0 && ip link set eth0 up")

    def close(self):
        for machine in [*self.machines.values(), self.switch]:
            machine.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def blocks_of(text):
    """(language, machines, path or None, content) of the fenced blocks that say where they belong."""
    for language, body in re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        first, _, rest = body.partition("\n")
        if where := re.fullmatch(r"# (?:(/\S+) )?on ([a-z0-9]+(?:, [a-z0-9]+)*)(?:, .*)?", first):
            names = [name for name in where.group(2).split(", ") if " " not in name]
            yield language, names, where.group(1), rest


# What stands behind the shim "systemctl": only what units of ours and of Debian's here need.

def read_unit(name):
    """Key -> values of a unit of ours."""
    unit = {}
    with open(os.path.join(os.environ["BERTH_UNITS"], name + ".service.in"),
              encoding="utf-8") as file:
        for line in file:
            key, has_value, value = line.strip().partition("=")
            if has_value and key[0] != "#":
                unit.setdefault(key, []).append(value)
    return unit


def prepare_folders(name, unit, user, group):
    credentials = f"/run/credentials/{name}.service"
    for folder in [*(f"/var/lib/{value}" for value in unit.get("StateDirectory", [])),
                   *(f"/run/{value}" for value in unit.get("RuntimeDirectory", [])), credentials]:
        os.makedirs(folder, exist_ok=True)
        shutil.chown(folder, user, group)
    for credential in unit.get("LoadCredential", []):
        target, source = credential.split(":")
        shutil.copy(source, os.path.join(credentials, target))
        shutil.chown(os.path.join(credentials, target), user, group)


def start_unit(name):
    unit = read_unit(name)
    user, group = unit["User"][0], unit["Group"][0]
    prepare_folders(name, unit, user, group)
    command = shlex.split(re.sub("@[a-z]+@/", "", unit["ExecStart"][0]))
    ambient = [word for line in unit.get("AmbientCapabilities", []) for word in line.split()]
    names = ",".join("+" + word.removeprefix("CAP_").lower() for word in ambient)
    drop = ["setpriv", "--reuid", user, "--regid", group, "--init-groups"]
    if names:
        drop += ["--inh-caps", names, "--ambient-caps", names]
    read_fd, write_fd = os.pipe()
    with open(f"/var/log/{name}.log", "ab") as log:
        process = subprocess.Popen([*drop, *command, "--ready-fd", str(write_fd)],
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   pass_fds=[write_fd], start_new_session=True)
    os.close(write_fd)
    with os.fdopen(read_fd) as ready:
        if "ready" not in ready.read().split():
            with open(f"/var/log/{name}.log", encoding="utf-8") as log:
                sys.exit(f"{name} did not start:\n{log.read()}")
    with open(f"/run/{name}.pid", "w", encoding="ascii") as file:
        file.write(str(process.pid))


def stop_unit(name):
    with open(f"/run/{name}.pid", encoding="ascii") as file:
        os.kill(int(file.read()), signal.SIGTERM)


def restart_of_debian(name):
    if name.startswith("postgresql@"):
        version, cluster = name.removeprefix("postgresql@").split("-")
        return ["pg_ctlcluster", version, cluster, "restart"]
    if name == "haproxy":
        return ["haproxy", "-D", "-f", "/etc/haproxy/haproxy.cfg"]
    sys.exit(f"there is no unit {name} here")


def systemctl(words):
    verb, names = words[0], [word for word in words[1:] if not word.startswith("-")]
    for name in names:
        if verb in ("enable", "start") and name.startswith("berth-"):
            start_unit(name)
        elif verb == "stop" and name.startswith("berth-"):
            stop_unit(name)
        elif verb == "restart":
            subprocess.run(restart_of_debian(name), check=True)
        else:
            sys.exit(f"systemctl {verb} {name} is not understood here")


if __name__ == "__main__":
    systemctl(sys.argv[2:])
