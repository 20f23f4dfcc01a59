-- SPDX-License-Identifier: GPL-3.0-or-later
DROP INDEX event_object;
DROP INDEX session_started;
