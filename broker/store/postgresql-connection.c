/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PostgreSQL behind connection.h.
 *
 * BEGIN, savepoints and what is posted go out with the first statement whose answer is waited for,
 * so that a job costs as many round trips as it asks questions.
 *
 * Was it committed?  When the server is lost while it answers COMMIT, nobody was told.  Each
 * writing transaction therefore raises the number in its writer's row of store_mark.  After the
 * next connect that row is read FOR UPDATE, which waits until the server has ended what is left of
 * the old connection; the number then tells.  The number also finds a second broker that uses the
 * same identity: it would not be one less than ours.
 */
#include "base/error.h"
#include "base/log.h"
#include "broker/store/connection.h"
#include "broker/store/postgresql-pipe.h"
#include "broker/store/statement-sql.h"

#include <stdlib.h>
#include <string.h>

#define OID_BOOL 16
#define OID_INT8 20
#define OID_INT2 21
#define OID_INT4 23
#define OID_NUMERIC 1700
#define NUMBER_CHARS 24
#define SCAN_ROWS "1000"
/* Bytes of rows that are sent at once. */
#define FILL_BYTES 65536
#define SCHEMA_LOCK "7306086894237742963"

#define SQL_MARK                                                                      \
    "UPDATE store_mark SET number = $2::text::bigint WHERE writer = $1 AND number = " \
    "$2::text::bigint - 1"
#define SQL_MARK_MAKE                                         \
    "INSERT INTO store_mark (writer, number) VALUES ($1, 0) " \
    "ON CONFLICT (writer) DO NOTHING"
#define SQL_MARK_GET "SELECT number FROM store_mark WHERE writer = $1 FOR UPDATE"

typedef struct {
    BerthTx base;
    bool is_prompt;
    BerthPipe *pipe;
    BerthPostgresqlParams params;
    int64_t mark; /* the number that our last commit wrote */
    bool is_mark_known;
    bool is_open;
    bool is_marked;     /* this transaction raised the number */
    bool is_unsure;     /* it was lost while it committed */
    bool has_savepoint; /* of the present job */
    bool is_job;        /* a job runs */
    int64_t n_changed;
    GString *fill; /* rows to be sent */
} Connection;

static Connection *
connection_of(const BerthTx *tx)
{
    return (Connection *)tx;
}

/* What the layer above is told, and what it has to do about it. */
static int
take_error(Connection *self, int error)
{
    if (error == BERTH_ERR_CLOSED || (self->pipe == NULL && error != BERTH_OK)) {
        self->base.is_lost = true;
        self->is_open = false;
        return BERTH_ERR_STORE_DOWN;
    }
    if (error == BERTH_ERR_AGAIN) {
        self->base.is_conflict = true;
        return BERTH_ERR_BUSY;
    }
    if (error == BERTH_ERR_STALE_EPOCH) {
        berth_log_error("store",
                        "another broker writes with our identity \"%s\": was its "
                        "state_dir copied? remove the file \"holder\" from one of them",
                        self->base.chain.id);
        return BERTH_ERR_STATE;
    }
    return error;
}

static int
put_text(Connection *self, const char *sql)
{
    return take_error(self, berth_pipe_put_text(self->pipe, sql, NULL, 0, BERTH_PIPE_PLAIN));
}

static int
sync_pipe(Connection *self, PGresult **ret_result)
{
    return take_error(self, berth_pipe_sync(self->pipe, ret_result));
}

static int
exec(BerthTx *tx, const char *sql)
{
    Connection *self = connection_of(tx);
    if (strcmp(sql, "ROLLBACK") == 0) {
        self->is_open = false;
    }
    return take_error(self, berth_pipe_exec(self->pipe, sql, NULL));
}

static bool
is_open(const BerthTx *tx)
{
    return connection_of(tx)->is_open;
}

static int
connect_again(Connection *self, GError **error)
{
    berth_pipe_free(self->pipe);
    self->is_open = false;
    self->pipe = berth_pipe_new(&self->params, self->base.is_writer, error);
    self->base.is_lost = self->pipe == NULL;
    if (self->pipe != NULL && self->is_prompt) {
        berth_pipe_set_prompt(self->pipe);
    }
    return self->pipe != NULL ? BERTH_OK : BERTH_ERR_STORE_DOWN;
}

static int
ensure(BerthTx *tx)
{
    g_autoptr(GError) error = NULL;
    if (!tx->is_lost) {
        return BERTH_OK;
    }
    if (connect_again(connection_of(tx), &error) != BERTH_OK) {
        berth_log_warning("store", "%s", error->message);
        return BERTH_ERR_STORE_DOWN;
    }
    if (tx->is_writer) {
        berth_log_info("store", "the store answers again");
    }
    return BERTH_OK;
}

/* Reads the number in our row and holds the row until the transaction ends. */
static int
read_mark(Connection *self, int64_t *ret)
{
    const char *values[] = { self->base.chain.id };
    PGresult *result = NULL;
    int error = put_text(self, "BEGIN");
    if (error == BERTH_OK) {
        error = put_text(self, "SET LOCAL lock_timeout = 0");
    }
    if (error == BERTH_OK) {
        error = take_error(
            self, berth_pipe_put_text(self->pipe, SQL_MARK_MAKE, values, 1, BERTH_PIPE_PLAIN));
    }
    if (error == BERTH_OK) {
        error = take_error(
            self, berth_pipe_put_text(self->pipe, SQL_MARK_GET, values, 1, BERTH_PIPE_PLAIN));
    }
    if (error == BERTH_OK) {
        error = sync_pipe(self, &result);
    }
    if (error == BERTH_OK && PQntuples(result) != 1) {
        error = BERTH_ERR_CORRUPT;
    }
    if (error == BERTH_OK) {
        *ret = g_ascii_strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    }
    PQclear(result);
    int ended = self->base.is_lost ? BERTH_ERR_STORE_DOWN
                                   : take_error(self, berth_pipe_exec(self->pipe, "COMMIT", NULL));
    return error != BERTH_OK ? error : ended;
}

static int
ensure_mark(Connection *self)
{
    if (!self->base.is_writer || self->base.chain.id[0] == '\0' || self->is_mark_known) {
        return BERTH_OK;
    }
    int error = read_mark(self, &self->mark);
    self->is_mark_known = error == BERTH_OK;
    return error;
}

static int
begin(BerthTx *tx)
{
    Connection *self = connection_of(tx);
    int error = ensure_mark(self);
    if (error == BERTH_OK) {
        error = put_text(self, "BEGIN");
    }
    self->is_open = error == BERTH_OK;
    self->is_marked = false;
    self->is_unsure = false;
    self->has_savepoint = false;
    self->is_job = false;
    tx->is_conflict = false;
    return error;
}

static int
commit_reader(Connection *self)
{
    int error = put_text(self, "COMMIT");
    self->is_open = false;
    if (error == BERTH_OK) {
        berth_pipe_send(self->pipe);
    }
    return error;
}

/* Everything queued has to be good before COMMIT is risked: only then may a loss mean both. */
static int
commit(BerthTx *tx)
{
    Connection *self = connection_of(tx);
    PGresult *result = NULL;
    if (!tx->is_writer) {
        return commit_reader(self);
    }
    int error = put_text(self, "COMMIT");
    if (error != BERTH_OK) {
        return error;
    }
    if (!tx->is_alone) {
        berth_pipe_next_job(self->pipe); /* an error would be one of all, to be tried apart */
    }
    self->is_unsure = self->is_marked;
    error = sync_pipe(self, &result);
    /* A transaction that had failed answers COMMIT with ROLLBACK. */
    if (error == BERTH_OK && strcmp(PQcmdStatus(result), "COMMIT") != 0) {
        error = BERTH_ERR_INTERNAL;
    }
    PQclear(result);
    if (error == BERTH_OK) {
        self->mark += self->is_marked ? 1 : 0;
        self->is_open = false;
    }
    self->is_unsure = self->is_unsure && error != BERTH_OK && tx->is_lost;
    return error;
}

static void
rollback(BerthTx *tx)
{
    Connection *self = connection_of(tx);
    if (self->pipe != NULL && !tx->is_lost) {
        /* What is queued may fail; ROLLBACK then still runs, in a batch of its own. */
        (void)berth_pipe_sync(self->pipe, NULL);
        (void)take_error(self, berth_pipe_exec(self->pipe, "ROLLBACK", NULL));
    }
    self->is_open = false;
}

static int
was_committed(BerthTx *tx, bool *ret_is_committed)
{
    Connection *self = connection_of(tx);
    int64_t number = 0;
    *ret_is_committed = false;
    if (!self->is_unsure) {
        return BERTH_OK;
    }
    int error = read_mark(self, &number);
    if (error != BERTH_OK) {
        return error;
    }
    *ret_is_committed = number == self->mark + 1;
    self->mark = number;
    self->is_unsure = false;
    berth_log_info("store", "the commit that was cut off %s",
                   *ret_is_committed ? "had happened" : "had not happened");
    return BERTH_OK;
}

static int
job_begin(BerthTx *tx)
{
    Connection *self = connection_of(tx);
    berth_pipe_next_job(self->pipe);
    self->has_savepoint = false;
    self->is_job = true;
    return BERTH_OK;
}

static int
job_end(BerthTx *tx, bool is_kept)
{
    Connection *self = connection_of(tx);
    self->is_job = false;
    if (tx->is_lost) {
        return BERTH_ERR_STORE_DOWN;
    }
    if (is_kept) {
        return self->has_savepoint ? put_text(self, "RELEASE job") : BERTH_OK;
    }
    int queued = berth_pipe_count(self->pipe) > 0 ? berth_pipe_sync(self->pipe, NULL) : BERTH_OK;
    if (queued == BERTH_ERR_AGAIN || queued == BERTH_ERR_CLOSED) {
        return take_error(self, queued);
    }
    if (!self->has_savepoint) {
        return BERTH_OK;
    }
    return take_error(self, berth_pipe_exec(self->pipe, "ROLLBACK TO job; RELEASE job", NULL));
}

static int
put_mark(Connection *self)
{
    char number[NUMBER_CHARS];
    const char *values[] = { self->base.chain.id, number };
    if (self->base.chain.id[0] == '\0') {
        return BERTH_OK;
    }
    g_snprintf(number, sizeof number, "%" G_GINT64_FORMAT, self->mark + 1);
    return take_error(self,
                      berth_pipe_put_text(self->pipe, SQL_MARK, values, 2, BERTH_PIPE_ONE_ROW));
}

/* What has to stand before the first statement of a transaction, and of a job. */
static int
prepare_job(Connection *self, BerthStatement id)
{
    bool is_write = berth_statement_is_write(berth_statement_sql[id]);
    int error = BERTH_OK;
    if (self->base.is_lost || self->pipe == NULL) {
        return BERTH_ERR_STORE_DOWN;
    }
    /* The mark stands before every savepoint: nothing that is undone takes it along. */
    if (self->base.is_writer && (is_write || self->is_job) && !self->is_marked) {
        error = put_mark(self);
        self->is_marked = error == BERTH_OK;
    }
    if (error == BERTH_OK && self->is_job && !self->has_savepoint) {
        error = put_text(self, "SAVEPOINT job");
        self->has_savepoint = error == BERTH_OK;
    }
    return error;
}

/* An error of what is queued would keep a ROLLBACK TO of the same batch from being run. */
static int
settle_before_rollback(Connection *self, BerthStatement id)
{
    if (!g_str_has_prefix(berth_statement_sql[id], "ROLLBACK TO ")) {
        return BERTH_OK;
    }
    int error = berth_pipe_sync(self->pipe, NULL);
    return error == BERTH_ERR_CLOSED || error == BERTH_ERR_AGAIN ? take_error(self, error)
                                                                 : BERTH_OK;
}

static void
query(BerthTx *tx, BerthRows *ret_rows, BerthStatement id, const char *types, va_list values)
{
    Connection *self = connection_of(tx);
    PGresult *result = NULL;
    ret_rows->error = prepare_job(self, id);
    if (ret_rows->error == BERTH_OK) {
        ret_rows->error = settle_before_rollback(self, id);
    }
    if (ret_rows->error == BERTH_OK) {
        ret_rows->error = take_error(self, berth_pipe_put(self->pipe, id, types, values));
    }
    if (ret_rows->error == BERTH_OK) {
        ret_rows->error = sync_pipe(self, &result);
    }
    ret_rows->result = result;
    self->n_changed = result != NULL ? g_ascii_strtoll(PQcmdTuples(result), NULL, 10) : 0;
}

static int
post(BerthTx *tx, BerthStatement id, const char *types, va_list values)
{
    Connection *self = connection_of(tx);
    int error = prepare_job(self, id);
    return error == BERTH_OK ? take_error(self, berth_pipe_put(self->pipe, id, types, values))
                             : error;
}

static bool
next(BerthRows *rows)
{
    rows->row++;
    return rows->row < PQntuples(rows->result);
}

static int
end(BerthRows *rows)
{
    PQclear(rows->result);
    return rows->error;
}

static int64_t
n_changed(const BerthTx *tx)
{
    return connection_of(tx)->n_changed;
}

static int
n_columns(const BerthRows *rows)
{
    return PQnfields(rows->result);
}

static const char *
column_name(const BerthRows *rows, int column)
{
    return PQfname(rows->result, column);
}

static BerthColumnType
column_type(const BerthRows *rows, int column)
{
    if (PQgetisnull(rows->result, rows->row, column)) {
        return BERTH_COLUMN_NULL;
    }
    switch (PQftype(rows->result, column)) {
    case OID_BOOL:
    case OID_INT2:
    case OID_INT4:
    case OID_INT8:
    case OID_NUMERIC:
        return BERTH_COLUMN_INT;
    default:
        return BERTH_COLUMN_TEXT;
    }
}

static const char *
column_text(const BerthRows *rows, int column)
{
    return PQgetisnull(rows->result, rows->row, column)
               ? NULL
               : PQgetvalue(rows->result, rows->row, column);
}

static int64_t
column_number(const BerthRows *rows, int column)
{
    const char *text = column_text(rows, column);
    if (text == NULL) {
        return 0;
    }
    return PQftype(rows->result, column) == OID_BOOL ? text[0] == 't'
                                                     : g_ascii_strtoll(text, NULL, 10);
}

static int
scan_part(BerthTx *tx, BerthScanFunc func, void *data, int *ret_n)
{
    Connection *self = connection_of(tx);
    BerthRows rows = { .tx = tx, .row = -1 };
    PGresult *result = NULL;
    int error =
        take_error(self, berth_pipe_exec(self->pipe, "FETCH " SCAN_ROWS " FROM scan", &result));
    rows.result = result;
    *ret_n = error == BERTH_OK ? PQntuples(result) : 0;
    while (error == BERTH_OK && next(&rows)) {
        error = func(&rows, data);
    }
    PQclear(result);
    return error;
}

/* By a cursor: however many rows there are, a part of them is in memory. */
static int
scan(BerthTx *tx, const char *sql, BerthScanFunc func, void *data)
{
    int n = 1;
    g_autofree char *declare = g_strconcat("DECLARE scan NO SCROLL CURSOR FOR ", sql, NULL);
    int error = exec(tx, declare);
    if (error != BERTH_OK) {
        return error;
    }
    while (error == BERTH_OK && n > 0) {
        error = scan_part(tx, func, data, &n);
    }
    int closed = exec(tx, "CLOSE scan");
    return error != BERTH_OK ? error : closed;
}

static int
fill_begin(BerthTx *tx, const char *table, const char *const *columns, int n)
{
    Connection *self = connection_of(tx);
    g_autofree char **list = g_new0(char *, (gsize)n + 1);
    for (int i = 0; i < n; i++) {
        list[i] = (char *)columns[i];
    }
    g_autofree char *names = g_strjoinv(", ", list);
    g_autofree char *sql = g_strdup_printf("COPY %s (%s) FROM STDIN", table, names);
    self->fill = g_string_new(NULL);
    return take_error(self, berth_pipe_copy_begin(self->pipe, sql));
}

/* COPY's text format: what would end a column or a row is escaped. */
static void
append_escaped(GString *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '\\':
            g_string_append(out, "\\\\");
            break;
        case '\t':
            g_string_append(out, "\\t");
            break;
        case '\n':
            g_string_append(out, "\\n");
            break;
        case '\r':
            g_string_append(out, "\\r");
            break;
        default:
            g_string_append_c(out, *text);
        }
    }
}

static int
fill_flush(Connection *self)
{
    int error = berth_pipe_copy_put(self->pipe, self->fill->str, self->fill->len);
    g_string_truncate(self->fill, 0);
    return take_error(self, error);
}

static int
fill_row(BerthTx *tx, const BerthRows *from)
{
    Connection *self = connection_of(tx);
    const BerthConnectionClass *class = from->tx->class;
    int n = class->n_columns(from);
    for (int i = 0; i < n; i++) {
        if (i > 0) {
            g_string_append_c(self->fill, '\t');
        }
        if (class->column_type(from, i) == BERTH_COLUMN_NULL) {
            g_string_append(self->fill, "\\N");
        } else {
            append_escaped(self->fill, class->text(from, i));
        }
    }
    g_string_append_c(self->fill, '\n');
    return self->fill->len >= FILL_BYTES ? fill_flush(self) : BERTH_OK;
}

static int
fill_end(BerthTx *tx)
{
    Connection *self = connection_of(tx);
    int error = self->fill->len > 0 ? fill_flush(self) : BERTH_OK;
    g_string_free(self->fill, TRUE);
    self->fill = NULL;
    int ended = take_error(self, berth_pipe_copy_end(self->pipe));
    return error != BERTH_OK ? error : ended;
}

static int
has_table(BerthTx *tx, const char *table)
{
    Connection *self = connection_of(tx);
    PGresult *result = NULL;
    g_autofree char *sql =
        g_strdup_printf("SELECT count(*) FILTER (WHERE tablename = '%s'), count(*) FROM pg_tables "
                        "WHERE schemaname = ANY (current_schemas(false))",
                        table);
    int error = take_error(self, berth_pipe_exec(self->pipe, sql, &result));
    if (error != BERTH_OK) {
        return error;
    }
    bool is_there = strcmp(PQgetvalue(result, 0, 0), "0") != 0;
    bool is_empty = strcmp(PQgetvalue(result, 0, 1), "0") == 0;
    PQclear(result);
    return is_there ? 1 : is_empty ? 0 : BERTH_ERR_CORRUPT;
}

static void
set_prompt(BerthTx *tx)
{
    Connection *self = connection_of(tx);
    self->is_prompt = true;
    if (self->pipe != NULL) {
        berth_pipe_set_prompt(self->pipe);
    }
}

static void
set_patient(BerthTx *tx)
{
    berth_pipe_set_patient(connection_of(tx)->pipe);
    (void)exec(tx, "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; "
                   "SET application_name = 'berth-broker-db'");
}

static int
count_others(BerthTx *tx, int64_t *ret)
{
    PGresult *result = NULL;
    int error =
        take_error(connection_of(tx),
                   berth_pipe_exec(connection_of(tx)->pipe,
                                   "SELECT count(*) FROM pg_stat_activity WHERE application_name = "
                                   "'berth-broker' AND datname = current_database()",
                                   &result));
    if (error == BERTH_OK) {
        *ret = g_ascii_strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    }
    PQclear(result);
    return error;
}

static int
lock_schema(BerthTx *tx)
{
    int error = exec(tx, "SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0");
    return error == BERTH_OK ? exec(tx, "SELECT pg_advisory_xact_lock(" SCHEMA_LOCK ")") : error;
}

static void
connection_free(BerthTx *tx)
{
    Connection *self = connection_of(tx);
    if (self->fill != NULL) {
        g_string_free(self->fill, TRUE);
    }
    berth_pipe_free(self->pipe);
    berth_postgresql_params_clear(&self->params);
    g_free(self);
}

static const BerthConnectionClass postgresql_class = {
    .name = "postgresql",
    .free = connection_free,
    .ensure = ensure,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .is_open = is_open,
    .was_committed = was_committed,
    .job_begin = job_begin,
    .job_end = job_end,
    .query = query,
    .post = post,
    .next = next,
    .end = end,
    .n_changed = n_changed,
    .n_columns = n_columns,
    .column_name = column_name,
    .column_type = column_type,
    .text = column_text,
    .number = column_number,
    .exec = exec,
    .scan = scan,
    .fill_begin = fill_begin,
    .fill_row = fill_row,
    .fill_end = fill_end,
    .has_table = has_table,
    .set_prompt = set_prompt,
    .set_patient = set_patient,
    .count_others = count_others,
    .lock_schema = lock_schema,
};

BerthTx *
berth_connection_open_postgresql(const char *url, bool is_writer, GError **error)
{
    Connection *self = g_new0(Connection, 1);
    self->base.class = &postgresql_class;
    self->base.is_writer = is_writer;
    if (!berth_postgresql_url_parse(url, &self->params, error) ||
        connect_again(self, error) != BERTH_OK) {
        connection_free(&self->base);
        return NULL;
    }
    return &self->base;
}
