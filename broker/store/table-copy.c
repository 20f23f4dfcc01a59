/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/store/table-copy.h"

#include "base/error.h"

#include <string.h>

#define TICK_ROWS 1000
#define MAX_COLUMNS 64

typedef struct {
    BerthTx *to;
    const char *table;
    void (*tick)(int64_t n_rows, void *data);
    void *data;
    GChecksum *sum;
    BerthTableDigest digest;
    bool is_filling;
} Copy;

static void
hash_column(GChecksum *sum, const BerthRows *rows, int column)
{
    char head[48];
    const BerthConnectionClass *class = rows->tx->class;
    switch (class->column_type(rows, column)) {
    case BERTH_COLUMN_INT:
        g_snprintf(head, sizeof head, "i%" G_GINT64_FORMAT ";", class->number(rows, column));
        g_checksum_update(sum, (const guchar *)head, -1);
        break;
    case BERTH_COLUMN_TEXT: {
        const char *text = class->text(rows, column);
        size_t len = strlen(text);
        g_snprintf(head, sizeof head, "t%zu:", len);
        g_checksum_update(sum, (const guchar *)head, -1);
        g_checksum_update(sum, (const guchar *)text, (gssize)len);
        break;
    }
    default:
        g_checksum_update(sum, (const guchar *)"n", 1);
    }
}

static void
add_to_digest(Copy *copy, const BerthRows *rows)
{
    uint64_t words[4];
    gsize len = sizeof words;
    int n = rows->tx->class->n_columns(rows);
    g_checksum_reset(copy->sum);
    for (int i = 0; i < n; i++) {
        hash_column(copy->sum, rows, i);
    }
    g_checksum_get_digest(copy->sum, (guint8 *)words, &len);
    uint64_t carry = 0;
    for (int i = 0; i < 4; i++) {
        uint64_t word = GUINT64_FROM_LE(words[i]);
        uint64_t with_carry = copy->digest.sum[i] + carry;
        carry = with_carry < carry ? 1 : 0;
        copy->digest.sum[i] = with_carry + word;
        carry += copy->digest.sum[i] < word ? 1 : 0;
    }
    copy->digest.n_rows++;
}

static int
begin_fill(Copy *copy, const BerthRows *rows)
{
    const char *names[MAX_COLUMNS];
    int n = rows->tx->class->n_columns(rows);
    if (n > MAX_COLUMNS) {
        return BERTH_ERR_TOO_LARGE;
    }
    for (int i = 0; i < n; i++) {
        names[i] = rows->tx->class->column_name(rows, i);
    }
    copy->is_filling = true;
    return copy->to->class->fill_begin(copy->to, copy->table, names, n);
}

static int
copy_row(const BerthRows *rows, void *data)
{
    Copy *copy = data;
    int error = BERTH_OK;
    if (copy->to != NULL && !copy->is_filling) {
        error = begin_fill(copy, rows);
    }
    if (error == BERTH_OK && copy->to != NULL) {
        error = copy->to->class->fill_row(copy->to, rows);
    }
    if (error == BERTH_OK) {
        add_to_digest(copy, rows);
        if (copy->tick != NULL && copy->digest.n_rows % TICK_ROWS == 0) {
            copy->tick(TICK_ROWS, copy->data);
        }
    }
    return error;
}

int
berth_table_copy(BerthTx *from, BerthTx *to, const char *table,
                 void (*tick)(int64_t n_rows, void *data), void *data, BerthTableDigest *ret)
{
    g_autofree char *sql = g_strconcat("SELECT * FROM ", table, NULL);
    Copy copy = { .to = to,
                  .table = table,
                  .tick = tick,
                  .data = data,
                  .sum = g_checksum_new(G_CHECKSUM_SHA256) };
    int error = from->class->scan(from, sql, copy_row, &copy);
    if (copy.is_filling) {
        int ended = to->class->fill_end(to);
        error = error != BERTH_OK ? error : ended;
    }
    g_checksum_free(copy.sum);
    *ret = copy.digest;
    return error;
}

void
berth_table_digest_format(const BerthTableDigest *digest, char out[BERTH_TABLE_DIGEST_CHARS + 1])
{
    g_snprintf(out, BERTH_TABLE_DIGEST_CHARS + 1,
               "%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER
               "x%016" G_GINT64_MODIFIER "x",
               digest->sum[3], digest->sum[2], digest->sum[1], digest->sum[0]);
}

bool
berth_table_digest_equal(const BerthTableDigest *a, const BerthTableDigest *b)
{
    return a->n_rows == b->n_rows && memcmp(a->sum, b->sum, sizeof a->sum) == 0;
}
