-- SPDX-License-Identifier: GPL-3.0-or-later
-- expand-only
-- Reports ask for sessions by time, the audit log for what happened to one object.
CREATE INDEX session_started ON session (started_us);
CREATE INDEX event_object ON event (object, at_us);
