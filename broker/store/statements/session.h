/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sessions, who waits for one, timers, and the clock that they go by.
 */
#pragma once

/* SITE_REFERENCE: ?1 is the wall clock of the broker; a database that serves many has its own. */
#define BERTH_STATEMENTS_SESSION(X)            \
    X(UNIT_BEGIN, "SAVEPOINT unit")            \
    X(UNIT_UNDO, "ROLLBACK TO SAVEPOINT unit") \
    X(UNIT_END, "RELEASE SAVEPOINT unit")      \
    X(SITE_REFERENCE,                          \
      "SELECT /*pg CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint) + 0 * */ ?1")
