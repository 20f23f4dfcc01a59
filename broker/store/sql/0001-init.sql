-- SPDX-License-Identifier: GPL-3.0-or-later
-- Ids are 32 hexadecimal digits, times are microseconds since 1970 UTC, booleans are 0 and 1, and
-- `version` grows with every change of an object that administrators edit (the ETag of the API).
-- The invariants live here first: partial unique indexes and CHECKs, then code, then fsck.

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- People ---------------------------------------------------------------------------------------

-- Where people are known: the local accounts, directories, PAM, OpenID Connect providers.
-- Secrets of a source stand in files that `settings` names.
CREATE TABLE authn_source (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('ldap', 'pam', 'oidc')),
    settings TEXT NOT NULL,
    priority INTEGER NOT NULL DEFAULT 100,
    enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    version INTEGER NOT NULL DEFAULT 1,
    created_us INTEGER NOT NULL
) STRICT;

-- source is NULL for local accounts; password is '' where the source checks it.
CREATE TABLE account (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    name TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL DEFAULT '',
    source TEXT REFERENCES authn_source (id),
    external_id TEXT NOT NULL DEFAULT '',
    password TEXT NOT NULL,
    enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    needs_totp INTEGER NOT NULL DEFAULT 0 CHECK (needs_totp IN (0, 1)),
    deleted_us INTEGER, -- what happened stays, and so does its user's row
    version INTEGER NOT NULL DEFAULT 1,
    created_us INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX account_external ON account (source, external_id) WHERE source IS NOT NULL;

CREATE TABLE user_group (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    name TEXT NOT NULL UNIQUE,
    source TEXT REFERENCES authn_source (id),
    external_id TEXT NOT NULL DEFAULT '',
    version INTEGER NOT NULL DEFAULT 1,
    created_us INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX user_group_external ON user_group (source, external_id)
    WHERE source IS NOT NULL;

-- Memberships of a directory are written at each login of the account: is_local = 0.
CREATE TABLE member (
    user_group TEXT NOT NULL REFERENCES user_group (id),
    account TEXT NOT NULL REFERENCES account (id),
    is_local INTEGER NOT NULL DEFAULT 1 CHECK (is_local IN (0, 1)),
    PRIMARY KEY (user_group, account)
) STRICT;
CREATE INDEX member_account ON member (account);

-- The secret is encrypted with a key that is not in the store.
CREATE TABLE totp (
    account TEXT PRIMARY KEY REFERENCES account (id),
    secret TEXT NOT NULL,
    confirmed_us INTEGER,
    last_counter INTEGER NOT NULL DEFAULT 0,
    n_failures INTEGER NOT NULL DEFAULT 0,
    blocked_until_us INTEGER NOT NULL DEFAULT 0,
    created_us INTEGER NOT NULL
) STRICT;

CREATE TABLE recovery_code (
    account TEXT NOT NULL REFERENCES account (id),
    hash TEXT NOT NULL,
    used_us INTEGER,
    PRIMARY KEY (account, hash)
) STRICT;

-- Devices that logged in well before: strangers' failures do not lock them out.
CREATE TABLE known_device (
    account TEXT NOT NULL REFERENCES account (id),
    device_key TEXT NOT NULL CHECK (length(device_key) = 64),
    name TEXT NOT NULL DEFAULT '',
    seen_us INTEGER NOT NULL,
    PRIMARY KEY (account, device_key)
) STRICT;

-- Logins that went to a provider and are awaited back.
CREATE TABLE oidc_flow (
    state_hash TEXT PRIMARY KEY CHECK (length(state_hash) = 64),
    flow_hash TEXT NOT NULL CHECK (length(flow_hash) = 64),
    source TEXT NOT NULL REFERENCES authn_source (id) ON DELETE CASCADE,
    nonce TEXT NOT NULL,
    verifier TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    expires_us INTEGER NOT NULL
) STRICT;

-- Kiosks: a client certificate that logs an account in.
CREATE TABLE device (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    name TEXT NOT NULL UNIQUE,
    fingerprint TEXT NOT NULL UNIQUE CHECK (length(fingerprint) = 64),
    account TEXT NOT NULL REFERENCES account (id),
    enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    version INTEGER NOT NULL DEFAULT 1,
    created_us INTEGER NOT NULL
) STRICT;

-- Only the SHA-256 of a token is kept: a copy of this table logs nobody in.  A pending login has
-- shown its password and still owes the second factor; a link is a one-time code, and its name the
-- pool that it opens.
CREATE TABLE login_token (
    hash TEXT PRIMARY KEY CHECK (length(hash) = 64),
    id TEXT NOT NULL UNIQUE CHECK (length(id) = 32),
    account TEXT NOT NULL REFERENCES account (id),
    kind TEXT NOT NULL DEFAULT 'login' CHECK (kind IN ('login', 'pending', 'api', 'link')),
    name TEXT NOT NULL DEFAULT '',
    method TEXT NOT NULL DEFAULT 'password',
    source TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    used_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL
) STRICT;
CREATE INDEX login_token_account ON login_token (account);

-- Rights: a role on a part of the object tree ("/", "/pools", "/pools/<id>", "/hosts/<id>" ...).
CREATE TABLE role_grant (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    account TEXT REFERENCES account (id),
    user_group TEXT REFERENCES user_group (id),
    role TEXT NOT NULL CHECK (role IN ('viewer', 'help-desk', 'pool-admin', 'image-admin',
        'auditor', 'admin')),
    scope TEXT NOT NULL CHECK (scope LIKE '/%'),
    created_us INTEGER NOT NULL,
    CHECK ((account IS NULL) <> (user_group IS NULL))
) STRICT;
CREATE UNIQUE INDEX role_grant_account ON role_grant (account, role, scope)
    WHERE account IS NOT NULL;
CREATE UNIQUE INDEX role_grant_group ON role_grant (user_group, role, scope)
    WHERE user_group IS NOT NULL;

-- Who has which role where, group members among them.
CREATE VIEW granted AS
SELECT g.account, g.role, g.scope FROM role_grant g WHERE g.account IS NOT NULL
UNION ALL
SELECT m.account, g.role, g.scope FROM role_grant g
JOIN member m ON m.user_group = g.user_group;

-- What there is ---------------------------------------------------------------------------------

-- Windows of a week in a named time zone: rules is a JSON array of
-- {"days": [1..7], "from": "08:00", "to": "18:00"}, Monday is 1.
CREATE TABLE schedule (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    name TEXT NOT NULL UNIQUE,
    timezone TEXT NOT NULL,
    rules TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    created_us INTEGER NOT NULL
) STRICT;

-- manifest: of images whose files an administrator puts on the hosts; '{}' where versions have it.
CREATE TABLE image (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    name TEXT NOT NULL UNIQUE,
    manifest TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    keep_versions INTEGER NOT NULL DEFAULT 3 CHECK (keep_versions >= 0),
    version INTEGER NOT NULL DEFAULT 1,
    created_us INTEGER NOT NULL
) STRICT;

-- manifest: the canonical text that is signed; sha256: of that text.  report: what sealing found.
-- machine, pool: where a draft is edited.  operation: that makes it now.
CREATE TABLE image_version (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    image TEXT NOT NULL REFERENCES image (id),
    number INTEGER NOT NULL CHECK (number > 0),
    state TEXT NOT NULL CHECK (state IN ('draft', 'sealing', 'sealed', 'available', 'failed',
        'retired', 'deleting', 'deleted')),
    manifest TEXT NOT NULL DEFAULT '{}',
    sha256 TEXT NOT NULL DEFAULT '',
    signature TEXT NOT NULL DEFAULT '',
    size_bytes INTEGER NOT NULL DEFAULT 0 CHECK (size_bytes >= 0),
    parent TEXT REFERENCES image_version (id),
    changelog TEXT NOT NULL DEFAULT '',
    report TEXT NOT NULL DEFAULT '{}',
    machine TEXT,
    pool TEXT,
    sealed_by TEXT NOT NULL DEFAULT '',
    operation TEXT NOT NULL DEFAULT '',
    created_us INTEGER NOT NULL,
    sealed_us INTEGER,
    since_us INTEGER NOT NULL,
    deadline_us INTEGER,
    UNIQUE (image, number),
    CHECK (state NOT IN ('sealing', 'deleting') OR deadline_us IS NOT NULL),
    CHECK (state NOT IN ('sealed', 'available', 'retired') OR sealed_us IS NOT NULL)
) STRICT;
CREATE INDEX image_version_deadline ON image_version (deadline_us) WHERE deadline_us IS NOT NULL;

-- Names that move: which version new desktops of a pool are made of.
CREATE TABLE image_tag (
    image TEXT NOT NULL REFERENCES image (id),
    tag TEXT NOT NULL,
    version TEXT NOT NULL REFERENCES image_version (id),
    moved_us INTEGER NOT NULL,
    moved_by TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (image, tag)
) STRICT;
CREATE INDEX image_tag_version ON image_tag (version);

CREATE TABLE host (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    name TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('enrolled', 'up', 'degraded', 'suspect', 'lost',
        'fenced', 'removed')),
    boot_id TEXT NOT NULL DEFAULT '',
    agent_epoch INTEGER NOT NULL DEFAULT 0,
    cluster_epoch INTEGER NOT NULL DEFAULT 0,
    address TEXT NOT NULL DEFAULT '',
    accel TEXT NOT NULL DEFAULT '',
    qemu TEXT NOT NULL DEFAULT '',
    memory_limit_mib INTEGER NOT NULL DEFAULT 0,
    memory_reserved_mib INTEGER NOT NULL DEFAULT 0 CHECK (memory_reserved_mib >= 0),
    memory_overcommit_pct INTEGER NOT NULL DEFAULT 100 CHECK (memory_overcommit_pct >= 1),
    vcpu_limit INTEGER NOT NULL DEFAULT 0,
    vcpu_reserved INTEGER NOT NULL DEFAULT 0 CHECK (vcpu_reserved >= 0),
    vcpu_overcommit_pct INTEGER NOT NULL DEFAULT 400 CHECK (vcpu_overcommit_pct >= 1),
    start_slots INTEGER NOT NULL DEFAULT 1,
    labels TEXT NOT NULL DEFAULT '{}',
    networks TEXT NOT NULL DEFAULT '[]', -- kinds that work there
    cgroup TEXT NOT NULL DEFAULT '',
    drain INTEGER NOT NULL DEFAULT 0 CHECK (drain IN (0, 1)),
    maintenance INTEGER NOT NULL DEFAULT 0 CHECK (maintenance IN (0, 1)),
    detail TEXT NOT NULL DEFAULT '',
    version INTEGER NOT NULL DEFAULT 1,
    since_us INTEGER NOT NULL,
    seen_us INTEGER NOT NULL DEFAULT 0,
    lease_until_us INTEGER NOT NULL DEFAULT 0,
    clock_offset_us INTEGER NOT NULL DEFAULT 0, -- its wall clock minus the site's
    broker TEXT NOT NULL DEFAULT '', -- holder that has its link
    image_address TEXT NOT NULL DEFAULT '', -- "ip:port" where other hosts get images from it
    cpu_model TEXT NOT NULL DEFAULT '',
    memory_report TEXT NOT NULL DEFAULT '{}' -- what it last told of its memory
) STRICT;

-- Where the files of a version are: 'host:<id>' or 'broker:<holder>'.
CREATE TABLE image_replica (
    version TEXT NOT NULL REFERENCES image_version (id),
    place TEXT NOT NULL,
    host TEXT REFERENCES host (id),
    state TEXT NOT NULL CHECK (state IN ('wanted', 'fetching', 'verifying', 'present', 'failed')),
    bytes INTEGER NOT NULL DEFAULT 0,
    total_bytes INTEGER NOT NULL DEFAULT 0,
    code TEXT NOT NULL DEFAULT '',
    detail TEXT NOT NULL DEFAULT '',
    since_us INTEGER NOT NULL,
    PRIMARY KEY (version, place)
) STRICT;
CREATE INDEX image_replica_host ON image_replica (host) WHERE host IS NOT NULL;

-- RAM templates as their hosts report them.
CREATE TABLE ram_template (
    host TEXT NOT NULL REFERENCES host (id),
    key TEXT NOT NULL,
    version TEXT NOT NULL,
    vcpus INTEGER NOT NULL,
    memory_mib INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('building', 'ready', 'failed')),
    n_forks INTEGER NOT NULL DEFAULT 0,
    detail TEXT NOT NULL DEFAULT '',
    since_us INTEGER NOT NULL,
    PRIMARY KEY (host, key)
) STRICT;
CREATE INDEX ram_template_version ON ram_template (version);

-- Long work on a host; object: of whom it is (a machine, a version, a disk).
CREATE TABLE host_task (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    host TEXT NOT NULL REFERENCES host (id),
    kind TEXT NOT NULL,
    object TEXT NOT NULL,
    args TEXT NOT NULL DEFAULT '{}',
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled')),
    progress_pct INTEGER NOT NULL DEFAULT 0 CHECK (progress_pct BETWEEN 0 AND 100),
    code TEXT NOT NULL DEFAULT '',
    detail TEXT NOT NULL DEFAULT '',
    result TEXT NOT NULL DEFAULT '{}',
    operation TEXT NOT NULL DEFAULT '',
    created_us INTEGER NOT NULL,
    since_us INTEGER NOT NULL,
    deadline_us INTEGER,
    CHECK (state NOT IN ('waiting', 'running') OR deadline_us IS NOT NULL)
) STRICT;
CREATE INDEX host_task_open ON host_task (host) WHERE state IN ('waiting', 'running');
CREATE INDEX host_task_deadline ON host_task (deadline_us) WHERE deadline_us IS NOT NULL;
CREATE INDEX host_task_object ON host_task (object);

-- timers: JSON array of at most four {"event", "delay_s", "warn_s", "action"}.
-- power: JSON array of {"schedule": id, "spares_hot", "spares_frozen", "spares_cold"}.
-- resources, network, app, user_disk: JSON objects, docs/API.md.
CREATE TABLE pool (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('floating', 'dedicated', 'app', 'physical')),
    image TEXT REFERENCES image (id),
    tag TEXT NOT NULL DEFAULT 'stable',
    icon TEXT NOT NULL DEFAULT '', -- name of an icon theme's icon
    image_version TEXT REFERENCES image_version (id), -- of its machines; NULL: an image without versions
    purpose TEXT NOT NULL DEFAULT 'desktops' CHECK (purpose IN ('desktops', 'maintenance', 'test')),
    size INTEGER NOT NULL CHECK (size >= 0),
    spares_hot INTEGER NOT NULL CHECK (spares_hot >= 0),
    spares_frozen INTEGER NOT NULL DEFAULT 0 CHECK (spares_frozen >= 0),
    spares_cold INTEGER NOT NULL DEFAULT 0 CHECK (spares_cold >= 0),
    vcpus INTEGER NOT NULL CHECK (vcpus > 0),
    memory_mib INTEGER NOT NULL CHECK (memory_mib > 0),
    template INTEGER NOT NULL DEFAULT 0 CHECK (template IN (0, 1)),
    enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    state TEXT NOT NULL DEFAULT 'enabled' CHECK (state IN ('enabled', 'disabled', 'deleted')),
    placement TEXT NOT NULL DEFAULT 'spread' CHECK (placement IN ('spread', 'pack')),
    labels TEXT NOT NULL DEFAULT '{}',
    on_logoff TEXT NOT NULL DEFAULT 'recycle' CHECK (on_logoff IN ('recycle', 'stop', 'keep')),
    max_per_user INTEGER NOT NULL DEFAULT 1 CHECK (max_per_user > 0),
    policy TEXT NOT NULL DEFAULT '{}',
    timers TEXT NOT NULL DEFAULT '[]',
    power TEXT NOT NULL DEFAULT '[]',
    resources TEXT NOT NULL DEFAULT '{}',
    network TEXT NOT NULL DEFAULT '{}',
    app TEXT NOT NULL DEFAULT '{}',
    user_disk TEXT NOT NULL DEFAULT '{}',
    logoff_after_s INTEGER NOT NULL DEFAULT 0 CHECK (logoff_after_s >= 0),
    n_machines INTEGER NOT NULL DEFAULT 0 CHECK (n_machines >= 0),
    n_created INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 1,
    created_us INTEGER NOT NULL,
    CHECK (kind = 'physical' OR image IS NOT NULL OR state = 'deleted'),
    CHECK ((enabled = 1) = (state = 'enabled'))
) STRICT;

-- Failures of late, for circuit breakers: no new machines of this pool on this host from this
-- image until open_until_us.
CREATE TABLE breaker (
    pool TEXT NOT NULL REFERENCES pool (id),
    host TEXT NOT NULL REFERENCES host (id),
    image TEXT NOT NULL,
    n_failures INTEGER NOT NULL DEFAULT 0,
    first_us INTEGER NOT NULL,
    open_until_us INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (pool, host, image)
) STRICT;

CREATE TABLE rollout (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    pool TEXT NOT NULL REFERENCES pool (id),
    from_version TEXT NOT NULL REFERENCES image_version (id),
    to_version TEXT NOT NULL REFERENCES image_version (id),
    state TEXT NOT NULL CHECK (state IN ('planned', 'canary', 'rolling', 'paused', 'rolling-back',
        'done', 'rolled-back')),
    paused_from TEXT NOT NULL DEFAULT '',
    strategy TEXT NOT NULL DEFAULT 'at-logoff'
        CHECK (strategy IN ('at-logoff', 'idle-now', 'force', 'window')),
    n_canary INTEGER NOT NULL DEFAULT 0 CHECK (n_canary >= 0),
    batch INTEGER NOT NULL DEFAULT 1 CHECK (batch >= 1),
    max_unavailable INTEGER NOT NULL DEFAULT 1 CHECK (max_unavailable >= 1),
    settings TEXT NOT NULL DEFAULT '{}',
    gate TEXT NOT NULL DEFAULT '{}', -- numbers measured last, and verdicts
    reason TEXT NOT NULL DEFAULT '',
    version INTEGER NOT NULL DEFAULT 1,
    created_us INTEGER NOT NULL,
    since_us INTEGER NOT NULL,
    deadline_us INTEGER,
    CHECK (state NOT IN ('canary', 'rolling', 'rolling-back') OR deadline_us IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX rollout_pool ON rollout (pool) WHERE state NOT IN ('done', 'rolled-back');

-- A user or a group may have desktops of a pool, always or inside the windows of a schedule.
CREATE TABLE entitlement (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    account TEXT REFERENCES account (id),
    user_group TEXT REFERENCES user_group (id),
    pool TEXT NOT NULL REFERENCES pool (id),
    schedule TEXT REFERENCES schedule (id),
    created_us INTEGER NOT NULL,
    CHECK ((account IS NULL) <> (user_group IS NULL))
) STRICT;
CREATE UNIQUE INDEX entitlement_account ON entitlement (account, pool) WHERE account IS NOT NULL;
CREATE UNIQUE INDEX entitlement_group ON entitlement (user_group, pool)
    WHERE user_group IS NOT NULL;

-- Who may have what, group members among them.
CREATE VIEW entitled AS
SELECT e.id, e.account, e.pool, e.schedule FROM entitlement e WHERE e.account IS NOT NULL
UNION ALL
SELECT e.id, m.account, e.pool, e.schedule FROM entitlement e
JOIN member m ON m.user_group = e.user_group;

-- Policies by level; the pool's own stands in pool.policy.
CREATE TABLE policy_rule (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    level TEXT NOT NULL CHECK (level IN ('site', 'group', 'user', 'device')),
    target TEXT NOT NULL DEFAULT '', -- id of the group, user or device; '' for the site
    policy TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    created_us INTEGER NOT NULL,
    UNIQUE (level, target),
    CHECK ((level = 'site') = (target = ''))
) STRICT;

-- What happens ----------------------------------------------------------------------------------

-- power is what the broker wants of the VM: on; off (the disk stays); frozen (off, and the host
-- keeps a RAM template to wake it from).  address is "ip:port" of a physical machine.
CREATE TABLE machine (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    pool TEXT NOT NULL REFERENCES pool (id),
    host TEXT NOT NULL REFERENCES host (id),
    image TEXT REFERENCES image (id),
    version TEXT REFERENCES image_version (id), -- NULL: its image has none
    canary INTEGER NOT NULL DEFAULT 0 CHECK (canary IN (0, 1)),
    name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('planned', 'creating', 'starting', 'ready', 'stopped',
        'assigned', 'recycling', 'lost', 'failed', 'deleting', 'deleted')),
    power TEXT NOT NULL DEFAULT 'on' CHECK (power IN ('on', 'off', 'frozen')),
    address TEXT NOT NULL DEFAULT '',
    epoch INTEGER NOT NULL DEFAULT 1 CHECK (epoch > 0),
    dirty INTEGER NOT NULL DEFAULT 0 CHECK (dirty IN (0, 1)),
    keep INTEGER NOT NULL DEFAULT 0 CHECK (keep IN (0, 1)), -- holds user data: never deleted on doubt
    hold INTEGER NOT NULL DEFAULT 0 CHECK (hold IN (0, 1)), -- an administrator holds it back
    assignment TEXT,
    memory_mib INTEGER NOT NULL CHECK (memory_mib >= 0),
    vcpus INTEGER NOT NULL CHECK (vcpus >= 0),
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
    -- A ready machine is clean and nobody's, and so is one that waits switched off.
    CHECK (state NOT IN ('ready', 'stopped') OR (dirty = 0 AND assignment IS NULL)),
    CHECK (state <> 'assigned' OR assignment IS NOT NULL),
    -- No state waits for ever without saying so.
    CHECK (state NOT IN ('creating', 'starting', 'recycling') OR deadline_us IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX machine_name ON machine (pool, name) WHERE state <> 'deleted';
CREATE INDEX machine_pool_state ON machine (pool, state, since_us, id);
CREATE INDEX machine_host ON machine (host) WHERE state <> 'deleted';
CREATE INDEX machine_missing ON machine (host) WHERE condition = 'missing';
-- Users try canaries first.
CREATE INDEX machine_canary ON machine (pool) WHERE canary = 1 AND state = 'ready';
CREATE INDEX machine_version ON machine (version) WHERE version IS NOT NULL AND state <> 'deleted';
CREATE INDEX machine_deadline ON machine (deadline_us) WHERE deadline_us IS NOT NULL;

CREATE TABLE assignment (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    pool TEXT NOT NULL REFERENCES pool (id),
    machine TEXT NOT NULL REFERENCES machine (id),
    account TEXT NOT NULL REFERENCES account (id),
    kind TEXT NOT NULL DEFAULT 'floating' CHECK (kind IN ('floating', 'dedicated')),
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
CREATE INDEX assignment_released ON assignment (pool, released_us) WHERE state = 'released';
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
    policy TEXT NOT NULL DEFAULT '{}', -- what applies now, merged
    notice TEXT NOT NULL DEFAULT '',   -- text to show to the user
    notice_number INTEGER NOT NULL DEFAULT 0,
    session_key TEXT,
    rung TEXT NOT NULL DEFAULT '', -- of the ladder, on which its machine was found
    client TEXT NOT NULL DEFAULT '',
    client_key TEXT NOT NULL DEFAULT '',
    device TEXT NOT NULL DEFAULT '', -- id of a known device
    login TEXT NOT NULL DEFAULT '', -- id of the login token that asked last
    started_us INTEGER NOT NULL,
    granted_us INTEGER, -- its first ticket
    connected_us INTEGER,
    disconnected_us INTEGER,
    idle_since_us INTEGER,
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
CREATE INDEX session_allocating ON session (id) WHERE state = 'allocating';
CREATE INDEX session_account ON session (account);
CREATE INDEX session_login ON session (login) WHERE login <> '';
CREATE INDEX session_pool ON session (pool, started_us);
-- how long machines took that were not ready: few among many
CREATE INDEX session_coming ON session (pool, started_us)
    WHERE granted_us IS NOT NULL AND rung <> 'ready';
CREATE INDEX session_deadline ON session (deadline_us) WHERE deadline_us IS NOT NULL;

-- How machines of a version did: what rollouts are judged by.
CREATE TABLE version_sample (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    version TEXT NOT NULL REFERENCES image_version (id),
    pool TEXT NOT NULL REFERENCES pool (id),
    host TEXT NOT NULL REFERENCES host (id),
    machine TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('boot', 'ready', 'logon', 'first-frame', 'crash')),
    ok INTEGER NOT NULL CHECK (ok IN (0, 1)),
    value_ms INTEGER NOT NULL DEFAULT 0,
    at_us INTEGER NOT NULL
) STRICT;
CREATE INDEX version_sample_kind ON version_sample (version, kind, at_us);

-- Data that stays --------------------------------------------------------------------------------

-- A user's own disk; pool NULL: for any pool.  host NULL: on storage that all hosts have.
CREATE TABLE user_disk (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    account TEXT NOT NULL REFERENCES account (id),
    pool TEXT REFERENCES pool (id),
    host TEXT REFERENCES host (id),
    storage TEXT NOT NULL DEFAULT '',
    name TEXT NOT NULL DEFAULT '',
    size_mib INTEGER NOT NULL CHECK (size_mib > 0),
    state TEXT NOT NULL CHECK (state IN ('new', 'detached', 'attached', 'checking', 'failed',
        'deleting', 'deleted')),
    epoch INTEGER NOT NULL DEFAULT 0,
    fs TEXT NOT NULL DEFAULT '',
    used_mib INTEGER NOT NULL DEFAULT 0,
    detail TEXT NOT NULL DEFAULT '',
    version INTEGER NOT NULL DEFAULT 1,
    created_us INTEGER NOT NULL,
    since_us INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX user_disk_account ON user_disk (account, pool) WHERE state <> 'deleted';
CREATE INDEX user_disk_host ON user_disk (host) WHERE host IS NOT NULL AND state <> 'deleted';

-- Who has a disk: one machine at a time.
CREATE TABLE disk_lease (
    disk TEXT PRIMARY KEY REFERENCES user_disk (id),
    machine TEXT NOT NULL REFERENCES machine (id),
    machine_epoch INTEGER NOT NULL,
    host TEXT NOT NULL REFERENCES host (id),
    epoch INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('held', 'releasing')),
    since_us INTEGER NOT NULL
) STRICT;
CREATE INDEX disk_lease_machine ON disk_lease (machine);
CREATE INDEX disk_lease_host ON disk_lease (host);

CREATE TABLE restore_point (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    kind TEXT NOT NULL CHECK (kind IN ('desktop', 'user-disk')),
    machine TEXT, -- may be gone
    disk TEXT REFERENCES user_disk (id),
    host TEXT REFERENCES host (id),
    version TEXT REFERENCES image_version (id),
    state TEXT NOT NULL CHECK (state IN ('making', 'ready', 'failed', 'deleting', 'deleted')),
    consistency TEXT NOT NULL CHECK (consistency IN ('crash', 'frozen', 'clean')),
    size_bytes INTEGER NOT NULL DEFAULT 0,
    location TEXT NOT NULL DEFAULT '',
    detail TEXT NOT NULL DEFAULT '',
    note TEXT NOT NULL DEFAULT '',
    created_us INTEGER NOT NULL,
    since_us INTEGER NOT NULL,
    keep_until_us INTEGER
) STRICT;
CREATE INDEX restore_point_version ON restore_point (version) WHERE version IS NOT NULL;
CREATE INDEX restore_point_machine ON restore_point (machine) WHERE machine IS NOT NULL;

-- Users who wait for a desktop of a pool, in the order in which they came.
CREATE TABLE waiting (
    account TEXT NOT NULL REFERENCES account (id),
    pool TEXT NOT NULL REFERENCES pool (id),
    since_us INTEGER NOT NULL,
    seen_us INTEGER NOT NULL,
    PRIMARY KEY (account, pool)
) STRICT;
CREATE INDEX waiting_pool ON waiting (pool, since_us);

CREATE TABLE ticket (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    session TEXT NOT NULL REFERENCES session (id),
    connection_epoch INTEGER NOT NULL,
    client_key TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    UNIQUE (session, connection_epoch)
) STRICT;

-- How the last connect of a user to a pool went: what `explain` shows.
CREATE TABLE connect_trace (
    account TEXT NOT NULL REFERENCES account (id),
    pool TEXT NOT NULL REFERENCES pool (id),
    at_us INTEGER NOT NULL,
    trace TEXT NOT NULL,
    PRIMARY KEY (account, pool)
) STRICT;

-- Timers as rows: whichever broker holds the lease runs them; (kind, target, epoch) makes a second
-- delivery harmless.
CREATE TABLE job (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    data TEXT NOT NULL DEFAULT '{}',
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'dead')),
    run_at_us INTEGER NOT NULL,
    locked_by TEXT NOT NULL DEFAULT '',
    locked_until_us INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    last_error TEXT NOT NULL DEFAULT '',
    UNIQUE (kind, target, epoch),
    CHECK (state <> 'running' OR locked_until_us IS NOT NULL)
) STRICT;
CREATE INDEX job_due ON job (run_at_us) WHERE state = 'waiting';
CREATE INDEX job_running ON job (locked_until_us) WHERE state = 'running';
CREATE INDEX job_target ON job (target) WHERE state = 'waiting';

-- Who does what only one broker may do; the epoch fences what an earlier holder still writes.
CREATE TABLE lease (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    expires_us INTEGER NOT NULL
) STRICT;

-- Long work with its progress.
CREATE TABLE operation (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    kind TEXT NOT NULL,
    object TEXT NOT NULL,
    account TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed', 'cancelled')),
    progress_pct INTEGER NOT NULL DEFAULT 0 CHECK (progress_pct BETWEEN 0 AND 100),
    detail TEXT NOT NULL DEFAULT '',
    result TEXT NOT NULL DEFAULT '{}',
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL
) STRICT;

-- Answers to requests that carried an Idempotency-Key.
CREATE TABLE idempotency (
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash TEXT NOT NULL CHECK (length(request_hash) = 64),
    status INTEGER NOT NULL,
    reply TEXT NOT NULL,
    expires_us INTEGER NOT NULL,
    PRIMARY KEY (account, key)
) STRICT;

-- The audit log: one chain for each broker that writes, each row with the hash of the one before.
CREATE TABLE event (
    chain TEXT NOT NULL CHECK (length(chain) = 32),
    seq INTEGER NOT NULL CHECK (seq > 0),
    at_us INTEGER NOT NULL,
    actor TEXT NOT NULL,
    kind TEXT NOT NULL,
    object TEXT NOT NULL,
    data TEXT NOT NULL,
    prev_hash TEXT NOT NULL CHECK (length(prev_hash) = 64),
    hash TEXT NOT NULL CHECK (length(hash) = 64),
    PRIMARY KEY (chain, seq)
) STRICT;
CREATE INDEX event_at ON event (at_us, chain, seq);
CREATE INDEX event_login_failed ON event (at_us, actor) WHERE kind = 'login.failed';

-- Where a chain stood when its broker signed it.
CREATE TABLE event_head (
    chain TEXT NOT NULL,
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL CHECK (length(hash) = 64),
    at_us INTEGER NOT NULL,
    signature TEXT NOT NULL CHECK (length(signature) = 128),
    PRIMARY KEY (chain, seq)
) STRICT;

-- sqlite
CREATE TRIGGER event_is_append_only_u BEFORE UPDATE ON event
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER event_is_append_only_d BEFORE DELETE ON event
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER event_head_is_append_only_u BEFORE UPDATE ON event_head
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER event_head_is_append_only_d BEFORE DELETE ON event_head
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER image_version_is_sealed
    BEFORE UPDATE OF image, number, manifest, sha256, signature ON image_version
    WHEN OLD.sealed_us IS NOT NULL AND (NEW.image <> OLD.image OR NEW.number <> OLD.number
        OR NEW.manifest <> OLD.manifest OR NEW.sha256 <> OLD.sha256
        OR NEW.signature <> OLD.signature)
BEGIN
    SELECT RAISE(ABORT, 'a sealed version never changes');
END;
-- postgresql
CREATE FUNCTION image_version_is_sealed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a sealed version never changes';
END
$$;
CREATE TRIGGER image_version_is_sealed
    BEFORE UPDATE OF image, number, manifest, sha256, signature ON image_version
    FOR EACH ROW WHEN (OLD.sealed_us IS NOT NULL AND (NEW.image <> OLD.image
        OR NEW.number <> OLD.number OR NEW.manifest <> OLD.manifest OR NEW.sha256 <> OLD.sha256
        OR NEW.signature <> OLD.signature))
    EXECUTE FUNCTION image_version_is_sealed();
CREATE FUNCTION event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END
$$;
CREATE TRIGGER event_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION event_is_append_only();
CREATE TRIGGER event_head_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event_head
    FOR EACH STATEMENT EXECUTE FUNCTION event_is_append_only();
-- end

-- PostgreSQL: the number of each writer's last transaction, which tells whether a commit that was
-- cut off had happened.
CREATE TABLE store_mark (
    writer TEXT PRIMARY KEY,
    number INTEGER NOT NULL
) STRICT;
