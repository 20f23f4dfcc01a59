/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/store/tx.h"

#include "base/error.h"
#include "broker/store/connection.h"
#include "broker/store/statement-sql.h"

/* PostgreSQL takes nothing more after an error, so neither does any other database. */
static int
keep_failure(BerthTx *tx, int error)
{
    if (tx->failure == BERTH_OK) {
        tx->failure = error;
    }
    return error;
}

/*
 * Savepoints of the layer above.  What is rolled back to one takes the error with it, and what the
 * audit chain grew by; the chain is read again.
 */
static void
forgive_at_rollback(BerthTx *tx, BerthStatement id)
{
    if (g_str_has_prefix(berth_statement_sql[id], "ROLLBACK TO ")) {
        tx->failure = BERTH_OK;
        tx->chain.is_known = false;
    }
}

static void
query_values(BerthTx *tx, BerthRows *ret_rows, BerthStatement id, const char *types, va_list values)
{
    forgive_at_rollback(tx, id);
    *ret_rows = (BerthRows){ .tx = tx, .row = -1, .error = tx->failure };
    if (tx->failure == BERTH_OK) {
        tx->class->query(tx, ret_rows, id, types, values);
        (void)keep_failure(tx, ret_rows->error);
    }
}

static int
run_values(BerthTx *tx, BerthStatement id, const char *types, va_list values)
{
    BerthRows rows;
    query_values(tx, &rows, id, types, values);
    if (berth_rows_next(&rows)) {
        g_warn_if_reached();
    }
    return berth_rows_end(&rows);
}

int
berth_tx_run(BerthTx *tx, BerthStatement statement, const char *types, ...)
{
    va_list values;
    va_start(values, types);
    int error = run_values(tx, statement, types, values);
    va_end(values);
    return error;
}

int
berth_tx_post(BerthTx *tx, BerthStatement statement, const char *types, ...)
{
    va_list values;
    va_start(values, types);
    int error =
        tx->failure == BERTH_OK ? tx->class->post(tx, statement, types, values) : tx->failure;
    va_end(values);
    return keep_failure(tx, error);
}

int
berth_tx_run_one(BerthTx *tx, BerthStatement statement, const char *types, ...)
{
    va_list values;
    va_start(values, types);
    int error = run_values(tx, statement, types, values);
    va_end(values);
    if (error == BERTH_OK && tx->class->n_changed(tx) != 1) {
        error = BERTH_ERR_NOT_FOUND;
    }
    return error;
}

void
berth_tx_query(BerthTx *tx, BerthRows *ret_rows, BerthStatement statement, const char *types, ...)
{
    va_list values;
    va_start(values, types);
    query_values(tx, ret_rows, statement, types, values);
    va_end(values);
}

bool
berth_rows_next(BerthRows *rows)
{
    bool has_row = rows->error == BERTH_OK && rows->result != NULL && rows->tx->class->next(rows);
    if (!has_row) {
        (void)keep_failure(rows->tx, rows->error);
    }
    return has_row;
}

int
berth_rows_end(BerthRows *rows)
{
    if (rows->result == NULL) {
        return rows->error;
    }
    int error = rows->tx->class->end(rows);
    rows->result = NULL;
    return error;
}

const char *
berth_rows_text(const BerthRows *rows, int column)
{
    const char *text = rows->tx->class->text(rows, column);
    return text != NULL ? text : "";
}

int64_t
berth_rows_int(const BerthRows *rows, int column)
{
    return rows->tx->class->number(rows, column);
}

bool
berth_rows_is_null(const BerthRows *rows, int column)
{
    return rows->tx->class->column_type(rows, column) == BERTH_COLUMN_NULL;
}

static json_t *
column_to_json(const BerthRows *rows, int column, const char *name)
{
    if (name[0] == '?') {
        return json_boolean(berth_rows_int(rows, column) != 0);
    }
    if (name[0] == '{') {
        json_t *value = json_loads(berth_rows_text(rows, column), JSON_REJECT_DUPLICATES, NULL);
        return value != NULL ? value : json_null();
    }
    switch (rows->tx->class->column_type(rows, column)) {
    case BERTH_COLUMN_INT:
        return json_integer(berth_rows_int(rows, column));
    case BERTH_COLUMN_NULL:
        return json_null();
    default:
        return json_string(berth_rows_text(rows, column));
    }
}

json_t *
berth_rows_to_json(const BerthRows *rows)
{
    json_t *object = json_object();
    int n_columns = rows->tx->class->n_columns(rows);
    for (int i = 0; i < n_columns; i++) {
        const char *name = rows->tx->class->column_name(rows, i);
        json_t *value = column_to_json(rows, i, name);
        size_t n_marks = name[0] == '?' ? 1 : name[0] == '{' ? 2 : 0;
        json_object_set_new(object, name + n_marks, value);
    }
    return object;
}

int
berth_tx_get_int(BerthTx *tx, int64_t *ret_value, BerthStatement statement, const char *types, ...)
{
    BerthRows rows;
    va_list values;
    va_start(values, types);
    query_values(tx, &rows, statement, types, values);
    va_end(values);
    bool has_row = berth_rows_next(&rows);
    int64_t value = has_row ? berth_rows_int(&rows, 0) : 0;
    int error = berth_rows_end(&rows);
    if (error == BERTH_OK && has_row) {
        *ret_value = value;
    }
    return error == BERTH_OK && !has_row ? BERTH_ERR_NOT_FOUND : error;
}

int
berth_tx_get_text(BerthTx *tx, char **ret_text, BerthStatement statement, const char *types, ...)
{
    BerthRows rows;
    va_list values;
    va_start(values, types);
    query_values(tx, &rows, statement, types, values);
    va_end(values);
    bool has_row = berth_rows_next(&rows);
    g_autofree char *text = has_row ? g_strdup(berth_rows_text(&rows, 0)) : NULL;
    int error = berth_rows_end(&rows);
    if (error == BERTH_OK && has_row) {
        *ret_text = g_steal_pointer(&text);
    }
    return error == BERTH_OK && !has_row ? BERTH_ERR_NOT_FOUND : error;
}

json_t *
berth_tx_to_json(BerthTx *tx, int *ret_error, BerthStatement statement, const char *types, ...)
{
    BerthRows rows;
    va_list values;
    va_start(values, types);
    query_values(tx, &rows, statement, types, values);
    va_end(values);
    json_t *array = json_array();
    while (berth_rows_next(&rows)) {
        json_array_append_new(array, berth_rows_to_json(&rows));
    }
    *ret_error = berth_rows_end(&rows);
    if (*ret_error != BERTH_OK) {
        json_decref(array);
        return NULL;
    }
    return array;
}

BerthChain *
berth_tx_get_chain(BerthTx *tx)
{
    return &tx->chain;
}
