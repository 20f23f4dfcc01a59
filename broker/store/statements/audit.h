/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The audit log.
 */
#pragma once

#define BERTH_STATEMENTS_AUDIT(X)                                                                  \
    X(EVENT_LAST, "SELECT seq, hash, seq - COALESCE((SELECT max(h.seq) FROM event_head h "         \
                  "WHERE h.chain = e.chain), 0) FROM event e WHERE e.chain = ?1 "                  \
                  "ORDER BY e.seq DESC LIMIT 1")                                                   \
    X(EVENT_INSERT, "INSERT INTO event (chain, seq, at_us, actor, kind, object, data, prev_hash, " \
                    "hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")                           \
    X(EVENT_CHAINS, "WITH RECURSIVE c (chain) AS (SELECT min(chain) FROM event UNION ALL "         \
                    "SELECT (SELECT min(e.chain) FROM event e WHERE e.chain > c.chain) FROM c "    \
                    "WHERE c.chain IS NOT NULL) SELECT c.chain, (SELECT max(e.seq) FROM event e "  \
                    "WHERE e.chain = c.chain) FROM c WHERE c.chain IS NOT NULL")                   \
    X(EVENT_PART, "SELECT seq, at_us, actor, kind, object, data, prev_hash, hash FROM event "      \
                  "WHERE chain = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3")                           \
    X(EVENT_HASH, "SELECT hash FROM event WHERE chain = ?1 AND seq = ?2")                          \
    X(EVENT_HEAD_INSERT, "INSERT INTO event_head (chain, seq, hash, at_us, signature) "            \
                         "VALUES (?1, ?2, ?3, ?4, ?5)")                                            \
    X(EVENT_HEADS, "SELECT chain, seq, hash, at_us, signature FROM event_head "                    \
                   "ORDER BY chain, seq")                                                          \
    X(EVENT_LIST, "SELECT chain, seq, at_us, actor, kind, object, data AS \"{}data\", hash "       \
                  "FROM event ORDER BY at_us DESC, chain DESC, seq DESC LIMIT ?1")
