/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/audit.h"

#include "base/error.h"
#include "base/id.h"

#include <glib.h>
#include <string.h>

#define HASH_CHARS 64
#define FIRST_PREV_HASH "0000000000000000000000000000000000000000000000000000000000000000"

typedef struct {
    int64_t seq;
    int64_t at_us;
    const char *actor;
    const char *kind;
    const char *object;
    const char *data;
} Row;

static void
hash_row(const Row *row, const char *prev_hash, char ret_hash[HASH_CHARS + 1])
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree char *numbers =
        g_strdup_printf("\n%" G_GINT64_FORMAT "\n%" G_GINT64_FORMAT, row->seq, row->at_us);
    const char *parts[] = { row->actor, row->kind, row->object, row->data };
    g_checksum_update(sum, (const guchar *)prev_hash, -1);
    g_checksum_update(sum, (const guchar *)numbers, -1);
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_checksum_update(sum, (const guchar *)"\n", 1);
        g_checksum_update(sum, (const guchar *)parts[i], -1);
    }
    g_strlcpy(ret_hash, g_checksum_get_string(sum), HASH_CHARS + 1);
}

static int
read_head(BerthTx *tx, int64_t *ret_seq, char ret_hash[HASH_CHARS + 1])
{
    BerthRows rows;
    *ret_seq = 0;
    g_strlcpy(ret_hash, FIRST_PREV_HASH, HASH_CHARS + 1);
    berth_tx_query(tx, &rows, BERTH_SQL_EVENT_HEAD, "");
    if (berth_rows_next(&rows)) {
        *ret_seq = berth_rows_int(&rows, 0);
        g_strlcpy(ret_hash, berth_rows_text(&rows, 1), HASH_CHARS + 1);
    }
    return berth_rows_end(&rows);
}

int
berth_audit(BerthTx *tx, const BerthCause *cause, const char *kind, const char *object,
            json_t *data)
{
    char prev_hash[HASH_CHARS + 1];
    char hash[HASH_CHARS + 1];
    int64_t head = 0;
    char *text = data != NULL ? json_dumps(data, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(data);
    int error = read_head(tx, &head, prev_hash);
    if (error == BERTH_OK) {
        Row row = { .seq = head + 1,
                    .at_us = cause->now_us,
                    .actor = cause->actor,
                    .kind = kind,
                    .object = object,
                    .data = text != NULL ? text : "{}" };
        hash_row(&row, prev_hash, hash);
        error = berth_tx_run(tx, BERTH_SQL_EVENT_INSERT, "iissssss", row.seq, row.at_us, row.actor,
                             row.kind, row.object, row.data, prev_hash, hash);
    }
    free(text);
    return error;
}

int
berth_audit_verify(BerthTx *tx, int64_t *ret_n, int64_t *ret_bad)
{
    BerthRows rows;
    char expected_prev[HASH_CHARS + 1] = FIRST_PREV_HASH;
    char hash[HASH_CHARS + 1];
    *ret_n = 0;
    *ret_bad = 0;
    berth_tx_query(tx, &rows, BERTH_SQL_EVENT_ALL, "");
    while (*ret_bad == 0 && berth_rows_next(&rows)) {
        Row row = { .seq = berth_rows_int(&rows, 0),
                    .at_us = berth_rows_int(&rows, 1),
                    .actor = berth_rows_text(&rows, 2),
                    .kind = berth_rows_text(&rows, 3),
                    .object = berth_rows_text(&rows, 4),
                    .data = berth_rows_text(&rows, 5) };
        *ret_n += 1;
        hash_row(&row, expected_prev, hash);
        if (row.seq != *ret_n || strcmp(expected_prev, berth_rows_text(&rows, 6)) != 0 ||
            strcmp(hash, berth_rows_text(&rows, 7)) != 0) {
            *ret_bad = row.seq;
        }
        g_strlcpy(expected_prev, hash, sizeof expected_prev);
    }
    return berth_rows_end(&rows);
}
