#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shell examples of docs/API.md, run one after the other as they stand, through a gateway.

usage: test_api_doc.py BROKER GATEWAY ROOT
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker_site import ADMIN_PASSWORD, Broker, Site, die_with_parent, new_folder  # noqa: E402

LIMIT_S = 60
MANIFEST = {"name": "demo", "format": "qcow2", "disk": "demo.qcow2", "memory_mib": 256, "vcpus": 1}
# Every answer must be a good one.
BEGIN = """set -eu -o pipefail
curl() { command curl -sS --fail-with-body "$@"; }
"""


def examples(root):
    with open(os.path.join(root, "docs", "API.md"), encoding="utf-8") as file:
        return re.findall(r"^```sh\n(.*?)^```$", file.read(), re.M | re.S)


def start_gateway(program, site):
    site.issue("gateway", "DNS:localhost")
    config = site.path("gateway.conf")
    with open(config, "w", encoding="utf-8") as file:
        file.write("[gateway]\nlisten=127.0.0.1:0\ncert_file=gateway.pem\nkey_file=gateway.key\n"
                   "api_socket=api.sock\ninternal_socket=internal.sock\n")
    read_fd, write_fd = os.pipe()
    gateway = subprocess.Popen([program, "--config", config, "--ready-fd", str(write_fd)],
                               pass_fds=[write_fd], preexec_fn=die_with_parent)
    os.close(write_fd)
    with os.fdopen(read_fd) as ready:
        return gateway, int(re.search(r"port=(\d+)", ready.read()).group(1))


def fill(broker):
    """What the page takes for granted: a pool, a group, who reads it."""
    token = broker.login("admin", ADMIN_PASSWORD)
    for path, body in (("/v1/images", {"name": "demo", "manifest": MANIFEST}),
                       ("/v1/pools", {"name": "office", "image": "demo", "size": 2}),
                       ("/v1/groups", {"name": "support"}),
                       ("/v1/users", {"name": "ann", "password": "a good password"}),
                       ("/v1/role-grants", {"role": "admin", "scope": "/", "user": "ann"})):
        status, reply = broker.request("POST", path, body, token)
        assert status == 201, (path, reply)


def main():
    blocks = examples(sys.argv[3])
    assert len(blocks) >= 8, "the page has lost its examples"
    with new_folder() as folder:
        site = Site(folder)
        broker = Broker(sys.argv[1], site)
        gateway, port = start_gateway(sys.argv[2], site)
        try:
            fill(broker)
            env = {**os.environ, "B": f"https://localhost:{port}", "CA": site.path("ca.pem")}
            # Who logs in, from a file as the page says: not in the list of processes.
            with open(site.path("login.json"), "w", encoding="utf-8") as file:
                file.write('{"user": "ann", "password": "a good password"}')
            script = BEGIN + "".join(f"echo; echo '== {i}'\n{block}"
                                     for i, block in enumerate(blocks))
            done = subprocess.run(["bash", "-c", script], cwd=folder, env=env, text=True,
                                  capture_output=True, timeout=LIMIT_S, check=False)
            print(done.stdout)
            assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
            for i in range(len(blocks)):
                assert f"== {i}" in done.stdout
            assert '"size":3' in done.stdout.replace(" ", ""), "the pool was not changed"
        finally:
            gateway.kill()
            gateway.wait()
            broker.kill()


if __name__ == "__main__":
    main()
