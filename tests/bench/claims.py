#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims in a second on SQLite and PostgreSQL beside what the same server can do at all.

claims.py BUILD [CLAIMS]: for 1 to 64 clients, through the real store and claim code; in the same
run pgbench's update of one row at the same number of clients, and a loop of one-row commits on
SQLite with the store's settings.
"""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "component"))
import postgres  # noqa: E402

CLIENTS = [1, 2, 4, 8, 16, 32, 64]
GOAL_POSTGRESQL = 0.15  # of pgbench, at 32 clients
GOAL_SQLITE = 0.30  # of the bare loop, at 32 clients
PGBENCH_SECONDS = 4
UPDATE = "\\set id random(1, 10000)\nUPDATE one SET n = n + 1 WHERE id = :id;\n"


def run(program, *args):
    result = subprocess.run([program, *map(str, args)], capture_output=True, text=True,
                            check=False, env={**os.environ, "BERTH_LOG": "error"})
    if result.returncode != 0:
        sys.exit(f"{program} {args}: {result.stdout}{result.stderr}")
    return float(result.stdout.split()[0])


def pgbench(server, clients, script):
    result = subprocess.run(
        [server.bin + "/pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j",
         str(min(clients, 2)), "-T", str(PGBENCH_SECONDS), "-f", script, "-h", server.folder,
         "-U", server.user, "postgres"], capture_output=True, text=True, check=True)
    return float(next(line for line in result.stdout.splitlines()
                      if line.startswith("tps")).split()[2])


def main():
    build, claims = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    program = os.path.join(build, "tests/bench/bench-claims")
    server = postgres.Server()
    rows = []
    print(f"claims a second, {claims} claims a number of clients, fsync on\n")
    print("clients   SQLite  bare loop  ratio   PostgreSQL  pgbench  ratio", flush=True)
    try:
        with tempfile.TemporaryDirectory(prefix="berth-claims-") as folder:
            script = os.path.join(folder, "update.sql")
            with open(script, "w", encoding="utf-8") as file:
                file.write(UPDATE)
            server.query("CREATE TABLE one AS SELECT id, 0 AS n FROM generate_series(1, 10000) id")
            server.query("ALTER TABLE one ADD PRIMARY KEY (id)")
            for clients in CLIENTS:
                bare = run(program, f"{folder}/bare{clients}", "bare", 1000)
                sqlite = run(program, f"sqlite:{folder}/s{clients}", clients, claims)
                peer = pgbench(server, clients, script)
                mine = run(program, server.new_database(f"c{clients}"), clients, claims)
                rows.append((clients, sqlite, bare, mine, peer))
                print(f"{clients:7d} {sqlite:8.0f} {bare:10.0f} {sqlite / bare:6.2f} {mine:12.0f}"
                      f" {peer:8.0f} {mine / peer:6.2f}", flush=True)
    finally:
        server.stop()
    _, sqlite, bare, mine, peer = next(row for row in rows if row[0] == 32)
    goals = [("SQLite / bare loop", sqlite / bare, GOAL_SQLITE),
             ("PostgreSQL / pgbench", mine / peer, GOAL_POSTGRESQL)]
    print()
    for name, ratio, goal in goals:
        print(f"{'PASS' if ratio >= goal else 'FAIL'}  {name} at 32 clients: {ratio:.2f},"
              f" goal {goal:.2f}")


if __name__ == "__main__":
    main()
