# SPDX-License-Identifier: GPL-3.0-or-later
"""What users may never see, checked on the merged history of all of them.

A history is a list of Op: what one user asked, when it began, when the answer came, and what it
said.  An answer that never came (result None) may or may not have happened.  The checks hold for any
number of brokers, hosts and faults.
"""
import dataclasses


@dataclasses.dataclass
class Op:
    user: str
    kind: str           # connect, disconnect, logoff, revoke, restore
    start: float        # monotonic seconds
    end: float = None   # None: no answer
    result: str = None  # granted, refused, ok, gone ...; None: unknown
    pool: str = ""
    machine: str = ""
    epoch: int = 0
    session: str = ""
    connection_epoch: int = 0


def of_users(history):
    users = {}
    for op in sorted(history, key=lambda op: op.start):
        users.setdefault(op.user, []).append(op)
    return users


def granted(history):
    return [op for op in history if op.kind == "connect" and op.result == "granted"]


def one_owner_an_epoch(history):
    """A life of a machine belongs to one user, whatever happened in between."""
    owner = {}
    for op in granted(history):
        first = owner.setdefault((op.machine, op.epoch), op)
        if first.user != op.user:
            yield (f"machine {op.machine} epoch {op.epoch} was granted to {first.user} at "
                   f"{first.end:.3f} and to {op.user} at {op.end:.3f}")


def one_ticket_a_connection(history):
    """No connection epoch of a session was given out twice."""
    seen = {}
    for op in granted(history):
        key = (op.session, op.connection_epoch)
        first = seen.setdefault(key, op)
        if first is not op:
            yield f"session {op.session} connection {op.connection_epoch} was granted twice"


def log_off_is_for_ever(history):
    """After an answered log-off the same life of the machine never comes back to its user."""
    for user, ops in of_users(history).items():
        for off in (op for op in ops if op.kind == "logoff" and op.result == "ok"):
            for op in ops:
                if op.kind == "connect" and op.result == "granted" and op.start > off.end and \
                        (op.machine, op.epoch) == (off.machine, off.epoch):
                    yield f"{user} logged {op.machine} epoch {op.epoch} off and got it again"


def a_desktop_is_kept(history, lost=()):
    """Who did not log off comes back to the same desktop, unless its host was away for long.

    lost: (machine, start, end): when a machine could be lost.
    """
    for user, ops in of_users(history).items():
        held = {}
        for op in ops:
            if op.kind in ("logoff", "revoke", "restore"):
                held.clear()  # answered or not, it may have happened
            elif op.kind == "connect" and op.result == "granted":
                before = held.get(op.pool)
                if before and (before.machine, before.epoch) != (op.machine, op.epoch) and \
                        not any(machine == before.machine and start <= op.end and end >= before.end
                                for machine, start, end in lost):
                    yield (f"{user} had {before.machine} epoch {before.epoch} and got "
                           f"{op.machine} epoch {op.epoch} at {op.end:.3f}")
                held[op.pool] = op


def who_is_revoked_stays_out(history):
    """Nothing that began after an answered revocation, before the restoration began, is granted."""
    for user, ops in of_users(history).items():
        out_since = None
        for op in ops:
            if op.kind == "revoke":
                out_since = op.end if op.result == "ok" else None
            elif op.kind == "restore":
                out_since = None
            elif op.kind == "connect" and op.result == "granted" and out_since is not None and \
                    op.start > out_since:
                yield f"{user} was revoked at {out_since:.3f} and connected at {op.end:.3f}"


CHECKS = (one_owner_an_epoch, one_ticket_a_connection, log_off_is_for_ever,
          who_is_revoked_stays_out)


def check(history, lost=()):
    """All breaches as sentences."""
    breaches = [breach for one in CHECKS for breach in one(history)]
    return breaches + list(a_desktop_is_kept(history, lost))
