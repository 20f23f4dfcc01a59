-- SPDX-License-Identifier: GPL-3.0-or-later
-- Ids are 32 hexadecimal digits, times are microseconds since 1970 UTC, booleans are 0 and 1.
-- The invariants live here first: partial unique indexes and CHECKs, then code, then fsck.

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE account (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    name TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL,
    admin INTEGER NOT NULL DEFAULT 0 CHECK (admin IN (0, 1)),
    enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    created_us INTEGER NOT NULL
) STRICT;

-- Only the SHA-256 of a token is kept: a copy of this table logs nobody in.
CREATE TABLE login_token (
    hash TEXT PRIMARY KEY CHECK (length(hash) = 64),
    account TEXT NOT NULL REFERENCES account (id),
    source TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    used_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL
) STRICT;

CREATE TABLE image (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    name TEXT NOT NULL UNIQUE,
    manifest TEXT NOT NULL,
    created_us INTEGER NOT NULL
) STRICT;

CREATE TABLE host (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    name TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('enrolled', 'up', 'suspect', 'lost')),
    boot_id TEXT NOT NULL DEFAULT '',
    agent_epoch INTEGER NOT NULL DEFAULT 0,
    address TEXT NOT NULL DEFAULT '',
    accel TEXT NOT NULL DEFAULT '',
    qemu TEXT NOT NULL DEFAULT '',
    memory_limit_mib INTEGER NOT NULL DEFAULT 0,
    memory_reserved_mib INTEGER NOT NULL DEFAULT 0 CHECK (memory_reserved_mib >= 0),
    start_slots INTEGER NOT NULL DEFAULT 1,
    since_us INTEGER NOT NULL,
    seen_us INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE pool (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('floating')),
    image TEXT NOT NULL REFERENCES image (id),
    size INTEGER NOT NULL CHECK (size >= 0),
    spares_hot INTEGER NOT NULL CHECK (spares_hot >= 0),
    vcpus INTEGER NOT NULL CHECK (vcpus > 0),
    memory_mib INTEGER NOT NULL CHECK (memory_mib > 0),
    template INTEGER NOT NULL DEFAULT 0 CHECK (template IN (0, 1)),
    enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    policy TEXT NOT NULL DEFAULT '{}',
    logoff_after_s INTEGER NOT NULL DEFAULT 0 CHECK (logoff_after_s >= 0),
    n_machines INTEGER NOT NULL DEFAULT 0 CHECK (n_machines >= 0),
    n_created INTEGER NOT NULL DEFAULT 0,
    created_us INTEGER NOT NULL
) STRICT;

CREATE TABLE entitlement (
    account TEXT NOT NULL REFERENCES account (id),
    pool TEXT NOT NULL REFERENCES pool (id),
    created_us INTEGER NOT NULL,
    PRIMARY KEY (account, pool)
) STRICT;

CREATE TABLE machine (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    pool TEXT NOT NULL REFERENCES pool (id),
    host TEXT NOT NULL REFERENCES host (id),
    image TEXT NOT NULL REFERENCES image (id),
    name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('planned', 'creating', 'starting', 'ready', 'assigned',
        'recycling', 'lost', 'failed', 'deleting', 'deleted')),
    epoch INTEGER NOT NULL DEFAULT 1 CHECK (epoch > 0),
    dirty INTEGER NOT NULL DEFAULT 0 CHECK (dirty IN (0, 1)),
    assignment TEXT,
    memory_mib INTEGER NOT NULL CHECK (memory_mib > 0),
    vcpus INTEGER NOT NULL CHECK (vcpus > 0),
    template INTEGER NOT NULL DEFAULT 0 CHECK (template IN (0, 1)),
    overlay TEXT NOT NULL DEFAULT '',
    scrub_overlay TEXT NOT NULL DEFAULT '',
    condition TEXT NOT NULL DEFAULT '',
    code TEXT NOT NULL DEFAULT '',
    detail TEXT NOT NULL DEFAULT '',
    n_failures INTEGER NOT NULL DEFAULT 0,
    absent_us INTEGER,
    since_us INTEGER NOT NULL,
    deadline_us INTEGER,
    -- A ready machine is clean and nobody's.
    CHECK (state <> 'ready' OR (dirty = 0 AND assignment IS NULL)),
    CHECK (state <> 'assigned' OR assignment IS NOT NULL),
    -- No state waits for ever without saying so.
    CHECK (state NOT IN ('creating', 'starting', 'recycling') OR deadline_us IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX machine_name ON machine (pool, name) WHERE state <> 'deleted';
CREATE INDEX machine_pool_state ON machine (pool, state);
CREATE INDEX machine_host ON machine (host) WHERE state <> 'deleted';
CREATE INDEX machine_deadline ON machine (deadline_us) WHERE deadline_us IS NOT NULL;

CREATE TABLE assignment (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    pool TEXT NOT NULL REFERENCES pool (id),
    machine TEXT NOT NULL REFERENCES machine (id),
    account TEXT NOT NULL REFERENCES account (id),
    slot INTEGER NOT NULL DEFAULT 0,
    machine_epoch INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'released')),
    created_us INTEGER NOT NULL,
    released_us INTEGER,
    reason TEXT NOT NULL DEFAULT '',
    CHECK ((state = 'released') = (released_us IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX assignment_machine ON assignment (machine) WHERE state = 'open';
CREATE UNIQUE INDEX assignment_account ON assignment (account, pool, slot) WHERE state = 'open';
-- One epoch of a machine never has two owners, not even one after the other.
CREATE UNIQUE INDEX assignment_epoch ON assignment (machine, machine_epoch);

CREATE TABLE session (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    assignment TEXT NOT NULL REFERENCES assignment (id),
    machine TEXT NOT NULL REFERENCES machine (id),
    host TEXT NOT NULL REFERENCES host (id),
    pool TEXT NOT NULL REFERENCES pool (id),
    account TEXT NOT NULL REFERENCES account (id),
    machine_epoch INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('allocating', 'connecting', 'active', 'disconnected',
        'lost', 'ending', 'ended')),
    connection_epoch INTEGER NOT NULL DEFAULT 0,
    want_disconnect INTEGER NOT NULL DEFAULT 0 CHECK (want_disconnect IN (0, 1)),
    session_key TEXT,
    client TEXT NOT NULL DEFAULT '',
    client_key TEXT NOT NULL DEFAULT '',
    started_us INTEGER NOT NULL,
    connected_us INTEGER,
    disconnected_us INTEGER,
    ended_us INTEGER,
    end_reason TEXT NOT NULL DEFAULT '',
    since_us INTEGER NOT NULL,
    deadline_us INTEGER,
    CHECK ((state = 'ended') = (ended_us IS NOT NULL)),
    CHECK (state NOT IN ('allocating', 'connecting', 'ending') OR deadline_us IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX session_machine ON session (machine)
    WHERE state IN ('allocating', 'connecting', 'active', 'disconnected', 'lost');
CREATE UNIQUE INDEX session_assignment ON session (assignment)
    WHERE state IN ('allocating', 'connecting', 'active', 'disconnected', 'lost');
CREATE INDEX session_host ON session (host) WHERE state <> 'ended';
CREATE INDEX session_account ON session (account);

CREATE TABLE ticket (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    session TEXT NOT NULL REFERENCES session (id),
    connection_epoch INTEGER NOT NULL,
    client_key TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    UNIQUE (session, connection_epoch)
) STRICT;

-- Timers as rows: whichever broker holds the lease runs them; (kind, target, epoch) makes a second
-- delivery harmless.
CREATE TABLE job (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'dead')),
    run_at_us INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    last_error TEXT NOT NULL DEFAULT '',
    UNIQUE (kind, target, epoch)
) STRICT;
CREATE INDEX job_due ON job (run_at_us) WHERE state = 'waiting';

CREATE TABLE lease (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    expires_us INTEGER NOT NULL
) STRICT;

-- The audit log: each row carries the hash of the one before.
CREATE TABLE event (
    seq INTEGER PRIMARY KEY,
    at_us INTEGER NOT NULL,
    actor TEXT NOT NULL,
    kind TEXT NOT NULL,
    object TEXT NOT NULL,
    data TEXT NOT NULL,
    prev_hash TEXT NOT NULL CHECK (length(prev_hash) = 64),
    hash TEXT NOT NULL UNIQUE CHECK (length(hash) = 64)
) STRICT;
CREATE TRIGGER event_is_append_only_u BEFORE UPDATE ON event
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER event_is_append_only_d BEFORE DELETE ON event
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
