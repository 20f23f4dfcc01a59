/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/audit.h"

#include "base/error.h"
#include "base/id.h"

#include <glib.h>
#include <string.h>

#define HEAD_CONTEXT "berth audit head v1"
#define HASH_CHARS BERTH_CHAIN_HASH_CHARS
#define FIRST_PREV_HASH "0000000000000000000000000000000000000000000000000000000000000000"
/* Rows that verify reads at once: what it costs in memory, whatever the length of the log. */
#define PART_ROWS 5000

typedef struct {
    int64_t seq;
    int64_t at_us;
    const char *actor;
    const char *kind;
    const char *object;
    const char *data;
} Row;

static void
hash_row(const char *chain, const Row *row, const char *prev_hash, char ret_hash[HASH_CHARS + 1])
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree char *numbers =
        g_strdup_printf("\n%" G_GINT64_FORMAT "\n%" G_GINT64_FORMAT, row->seq, row->at_us);
    const char *parts[] = { row->actor, row->kind, row->object, row->data };
    g_checksum_update(sum, (const guchar *)prev_hash, -1);
    g_checksum_update(sum, (const guchar *)"\n", 1);
    g_checksum_update(sum, (const guchar *)chain, -1);
    g_checksum_update(sum, (const guchar *)numbers, -1);
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        /* With its length, so that no two rows make the same bytes. */
        g_autofree char *len = g_strdup_printf("\n%zu:", strlen(parts[i]));
        g_checksum_update(sum, (const guchar *)len, -1);
        g_checksum_update(sum, (const guchar *)parts[i], -1);
    }
    g_strlcpy(ret_hash, g_checksum_get_string(sum), HASH_CHARS + 1);
}

/* Other connections never write to our chain: it is read once, and again after a roll-back. */
static int
ensure_known(BerthTx *tx, BerthChain *chain)
{
    BerthRows rows;
    if (chain->is_known) {
        return BERTH_OK;
    }
    chain->seq = 0;
    chain->n_unsigned = 0;
    g_strlcpy(chain->hash, FIRST_PREV_HASH, sizeof chain->hash);
    berth_tx_query(tx, &rows, BERTH_SQL_EVENT_LAST, "s", chain->id);
    if (berth_rows_next(&rows)) {
        chain->seq = berth_rows_int(&rows, 0);
        g_strlcpy(chain->hash, berth_rows_text(&rows, 1), sizeof chain->hash);
        chain->n_unsigned = berth_rows_int(&rows, 2);
    }
    int error = berth_rows_end(&rows);
    chain->is_known = error == BERTH_OK;
    return error;
}

int
berth_audit(BerthTx *tx, const BerthCause *cause, const char *kind, const char *object,
            json_t *data)
{
    BerthChain *chain = berth_tx_get_chain(tx);
    char hash[HASH_CHARS + 1];
    char *text = data != NULL ? json_dumps(data, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(data);
    int error = ensure_known(tx, chain);
    if (error == BERTH_OK) {
        Row row = { .seq = chain->seq + 1,
                    .at_us = cause->now_us,
                    .actor = cause->actor,
                    .kind = kind,
                    .object = object,
                    .data = text != NULL ? text : "{}" };
        hash_row(chain->id, &row, chain->hash, hash);
        error =
            berth_tx_post(tx, BERTH_SQL_EVENT_INSERT, "siissssss", chain->id, row.seq, row.at_us,
                          row.actor, row.kind, row.object, row.data, chain->hash, hash);
        chain->seq = row.seq;
        chain->n_unsigned++;
        g_strlcpy(chain->hash, hash, sizeof chain->hash);
    }
    free(text);
    return error;
}

typedef struct {
    const char *id;
    int64_t last_seq; /* of the last good row */
    char last_hash[HASH_CHARS + 1];
} Walk;

static bool
is_row_good(const Walk *walk, const BerthRows *rows, char ret_hash[HASH_CHARS + 1])
{
    Row row = { .seq = berth_rows_int(rows, 0),
                .at_us = berth_rows_int(rows, 1),
                .actor = berth_rows_text(rows, 2),
                .kind = berth_rows_text(rows, 3),
                .object = berth_rows_text(rows, 4),
                .data = berth_rows_text(rows, 5) };
    hash_row(walk->id, &row, walk->last_hash, ret_hash);
    return row.seq == walk->last_seq + 1 &&
           strcmp(walk->last_hash, berth_rows_text(rows, 6)) == 0 &&
           strcmp(ret_hash, berth_rows_text(rows, 7)) == 0;
}

/* Goes on by a part; *ret_n is how many rows it read, and ret->bad_seq is set at the first bad. */
static int
walk_part(BerthTx *tx, Walk *walk, int64_t *ret_n, BerthAuditReport *ret)
{
    BerthRows rows;
    char hash[HASH_CHARS + 1];
    *ret_n = 0;
    berth_tx_query(tx, &rows, BERTH_SQL_EVENT_PART, "sii", walk->id, walk->last_seq,
                   (int64_t)PART_ROWS);
    while (ret->bad_seq == 0 && berth_rows_next(&rows)) {
        *ret_n += 1;
        if (!is_row_good(walk, &rows, hash)) {
            ret->bad_seq = walk->last_seq + 1;
            g_strlcpy(ret->bad_chain, walk->id, sizeof ret->bad_chain);
            ret->problem = "a record was edited, removed or moved";
            continue;
        }
        walk->last_seq = berth_rows_int(&rows, 0);
        g_strlcpy(walk->last_hash, hash, sizeof walk->last_hash);
        ret->n_records++;
    }
    return berth_rows_end(&rows);
}

static int
walk_chain(BerthTx *tx, const char *id, BerthAuditReport *ret)
{
    Walk walk = { .id = id, .last_hash = FIRST_PREV_HASH };
    int64_t n = PART_ROWS;
    int error = BERTH_OK;
    while (error == BERTH_OK && ret->bad_seq == 0 && n == PART_ROWS) {
        error = walk_part(tx, &walk, &n, ret);
    }
    return error;
}

static int
walk_chains(BerthTx *tx, BerthAuditReport *ret)
{
    BerthRows rows;
    g_autoptr(GPtrArray) chains = g_ptr_array_new_with_free_func(g_free);
    berth_tx_query(tx, &rows, BERTH_SQL_EVENT_CHAINS, "");
    while (berth_rows_next(&rows)) {
        g_ptr_array_add(chains, g_strdup(berth_rows_text(&rows, 0)));
    }
    int error = berth_rows_end(&rows);
    for (guint i = 0; i < chains->len && error == BERTH_OK && ret->bad_seq == 0; i++) {
        error = walk_chain(tx, g_ptr_array_index(chains, i), ret);
        ret->n_chains++;
    }
    return error;
}

static char *
head_text(const char *chain, int64_t seq, const char *hash, int64_t at_us)
{
    return g_strdup_printf("%s\n%" G_GINT64_FORMAT "\n%s\n%" G_GINT64_FORMAT, chain, seq, hash,
                           at_us);
}

int
berth_audit_seal(BerthTx *tx, const BerthSigningKey *key, int64_t now_us)
{
    uint8_t signature[BERTH_STATEMENT_SIGNATURE_BYTES];
    char hex[2 * BERTH_STATEMENT_SIGNATURE_BYTES + 1];
    BerthChain *chain = berth_tx_get_chain(tx);
    int error = ensure_known(tx, chain);
    if (error != BERTH_OK || chain->n_unsigned == 0) {
        return error;
    }
    g_autofree char *text = head_text(chain->id, chain->seq, chain->hash, now_us);
    error = berth_signing_key_sign_text(key, HEAD_CONTEXT, text, signature);
    if (error == BERTH_OK) {
        berth_hex_format(signature, sizeof signature, hex);
        error = berth_tx_run(tx, BERTH_SQL_EVENT_HEAD_INSERT, "sisis", chain->id, chain->seq,
                             chain->hash, now_us, hex);
    }
    if (error == BERTH_OK) {
        chain->n_unsigned = 0;
    }
    return error;
}

typedef struct {
    char chain[33];
    int64_t seq;
    int64_t at_us;
    char hash[HASH_CHARS + 1];
    char signature[2 * BERTH_STATEMENT_SIGNATURE_BYTES + 1];
} Head;

static int
read_heads(BerthTx *tx, GArray *heads)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_EVENT_HEADS, "");
    while (berth_rows_next(&rows)) {
        Head head = { .seq = berth_rows_int(&rows, 1), .at_us = berth_rows_int(&rows, 3) };
        g_strlcpy(head.chain, berth_rows_text(&rows, 0), sizeof head.chain);
        g_strlcpy(head.hash, berth_rows_text(&rows, 2), sizeof head.hash);
        g_strlcpy(head.signature, berth_rows_text(&rows, 4), sizeof head.signature);
        g_array_append_val(heads, head);
    }
    return berth_rows_end(&rows);
}

static bool
is_signature_good(const Head *head, const BerthTicketKey *key)
{
    uint8_t signature[BERTH_STATEMENT_SIGNATURE_BYTES];
    g_autofree char *text = head_text(head->chain, head->seq, head->hash, head->at_us);
    return berth_hex_parse(head->signature, signature, sizeof signature) == BERTH_OK &&
           berth_ticket_key_verify_text(key, HEAD_CONTEXT, text, signature) == BERTH_OK;
}

static int
check_head(BerthTx *tx, const Head *head, const BerthTicketKey *key, const char **ret_problem)
{
    g_autofree char *hash = NULL;
    int error = berth_tx_get_text(tx, &hash, BERTH_SQL_EVENT_HASH, "si", head->chain, head->seq);
    if (error == BERTH_ERR_NOT_FOUND) {
        *ret_problem = "the chain was cut off before a signed head";
        return BERTH_OK;
    }
    if (error == BERTH_OK && strcmp(hash, head->hash) != 0) {
        *ret_problem = "the chain was written anew: it is not what was signed";
    } else if (error == BERTH_OK && key != NULL && !is_signature_good(head, key)) {
        *ret_problem = "the signature of a head is not of this site's key";
    }
    return error;
}

static int
check_heads(BerthTx *tx, const BerthTicketKey *key, BerthAuditReport *ret)
{
    g_autoptr(GArray) heads = g_array_new(FALSE, FALSE, sizeof(Head));
    int error = read_heads(tx, heads);
    for (guint i = 0; i < heads->len && error == BERTH_OK && ret->bad_seq == 0; i++) {
        const Head *head = &g_array_index(heads, Head, i);
        const char *problem = NULL;
        error = check_head(tx, head, key, &problem);
        if (error == BERTH_OK && problem != NULL) {
            ret->bad_seq = head->seq;
            ret->problem = problem;
            g_strlcpy(ret->bad_chain, head->chain, sizeof ret->bad_chain);
        }
        ret->n_heads++;
    }
    return error;
}

int
berth_audit_verify(BerthTx *tx, const BerthTicketKey *key, BerthAuditReport *ret)
{
    BerthAuditReport report = { .problem = "" };
    int error = walk_chains(tx, &report);
    if (error == BERTH_OK && report.bad_seq == 0) {
        error = check_heads(tx, key, &report);
    }
    if (error == BERTH_OK) {
        *ret = report;
    }
    return error;
}
