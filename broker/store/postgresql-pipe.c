/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/store/postgresql-pipe.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "broker/store/statement-sql.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define OID_TEXT 25
#define OID_INT8 20
#define MAX_VALUES 32
#define NUMBER_CHARS 24
/* Pipelined answers may fill our socket while the server waits for us: never queue more. */
#define MAX_QUEUED 64

/* Long work of an administrator, who can see that it goes on. */
#define PATIENT_US (24LL * 3600 * 1000 * 1000)

typedef enum {
    OP_PREPARE,
    OP_PREPARE_TEXT,
    OP_RUN,
} OpKind;

typedef struct {
    OpKind kind;
    BerthPipeCheck check;
    BerthStatement id; /* OP_PREPARE */
    const char *text;  /* OP_PREPARE_TEXT; for logs otherwise */
    unsigned job;
} Op;

struct BerthPipe {
    PGconn *conn;
    GArray *ops;  /* Op, in the order of their answers */
    int n_syncs;  /* sent, whose answers are not taken */
    unsigned job; /* that statements are queued for */
    bool is_lost;
    int64_t answer_us;
    bool is_prepared[BERTH_N_STATEMENTS];
    GHashTable *texts; /* literal -> name of the prepared statement */
};

static const struct {
    const char *sqlstate; /* or its first characters */
    int error;
} errors[] = {
    { "23505", BERTH_ERR_EXISTS },
    { "23", BERTH_ERR_STATE },
    { "P0001", BERTH_ERR_STATE }, /* RAISE in a trigger */
    { "53100", BERTH_ERR_DISK_FULL },
    { "53200", BERTH_ERR_NO_MEMORY },
    { "40001", BERTH_ERR_AGAIN },
    { "40P01", BERTH_ERR_AGAIN },
    { "55P03", BERTH_ERR_AGAIN }, /* lock_timeout */
    { "57014", BERTH_ERR_TIMEOUT },
    { "08", BERTH_ERR_CLOSED },
    { "57P0", BERTH_ERR_CLOSED },
    { "25P03", BERTH_ERR_CLOSED }, /* idle in transaction for too long */
    { "25006", BERTH_ERR_CLOSED }, /* it became a standby: look for the primary */
    { "22", BERTH_ERR_INVALID },
    { "XX001", BERTH_ERR_CORRUPT },
    { "XX002", BERTH_ERR_CORRUPT },
};

static int
error_from_sqlstate(const char *sqlstate)
{
    for (size_t i = 0; i < G_N_ELEMENTS(errors); i++) {
        if (g_str_has_prefix(sqlstate, errors[i].sqlstate)) {
            return errors[i].error;
        }
    }
    return BERTH_ERR_IO;
}

static int
lose(BerthPipe *self, const char *why)
{
    if (!self->is_lost) {
        self->is_lost = true;
        g_autofree char *text = g_strdup(why);
        berth_log_warning("store", "the database server is lost: %s", g_strchomp(text));
    }
    return BERTH_ERR_CLOSED;
}

static int
error_of_result(BerthPipe *self, const PGresult *result, const char *what)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    message = message != NULL ? message : PQresultErrorMessage(result);
    int error = sqlstate != NULL ? error_from_sqlstate(sqlstate) : BERTH_ERR_CLOSED;
    if (error == BERTH_ERR_CLOSED) {
        return lose(self, message);
    }
    bool is_usual = error == BERTH_ERR_EXISTS || error == BERTH_ERR_AGAIN;
    berth_log(is_usual ? BERTH_LOG_DEBUG : BERTH_LOG_WARNING, "store", "%s: %s", what, message);
    return error;
}

/* Waits until the socket is ready; POLLOUT while there is something to send. */
static int
wait_for_socket(BerthPipe *self, short events, int64_t deadline_us)
{
    struct pollfd fd = { .fd = PQsocket(self->conn), .events = events };
    for (;;) {
        int64_t left_us = deadline_us - berth_monotonic_us();
        if (left_us <= 0) {
            return lose(self, "it did not answer in time");
        }
        int n = poll(&fd, 1, (int)(left_us / 1000) + 1);
        if (n > 0) {
            return BERTH_OK;
        }
        if (n < 0 && errno != EINTR) {
            return lose(self, g_strerror(errno));
        }
    }
}

static int
flush(BerthPipe *self, int64_t deadline_us)
{
    for (;;) {
        int left = PQflush(self->conn);
        if (left == 0) {
            return BERTH_OK;
        }
        if (left < 0) {
            return lose(self, PQerrorMessage(self->conn));
        }
        int error = wait_for_socket(self, POLLIN | POLLOUT, deadline_us);
        if (error != BERTH_OK) {
            return error;
        }
        if (!PQconsumeInput(self->conn)) {
            return lose(self, PQerrorMessage(self->conn));
        }
    }
}

/* The next answer, or NULL at the end of a statement's answers; *ret_error tells of a loss. */
static PGresult *
take_result(BerthPipe *self, int *ret_error)
{
    int64_t deadline_us = berth_monotonic_us() + self->answer_us;
    while (PQisBusy(self->conn)) {
        *ret_error = wait_for_socket(self, POLLIN, deadline_us);
        if (*ret_error != BERTH_OK) {
            return NULL;
        }
        if (!PQconsumeInput(self->conn)) {
            *ret_error = lose(self, PQerrorMessage(self->conn));
            return NULL;
        }
    }
    return PQgetResult(self->conn);
}

static bool
is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static void
forget_prepared(BerthPipe *self, const Op *op)
{
    if (op->kind == OP_PREPARE) {
        self->is_prepared[op->id] = false;
    } else if (op->kind == OP_PREPARE_TEXT) {
        g_hash_table_remove(self->texts, op->text);
    }
}

/* The answer of one statement; what an earlier job queued must not be blamed on this one. */
static int
judge(BerthPipe *self, const Op *op, const PGresult *result)
{
    if (result == NULL) {
        return lose(self, "the answer of a statement is missing");
    }
    if (PQresultStatus(result) == PGRES_PIPELINE_ABORTED) {
        forget_prepared(self, op);
        return BERTH_OK;
    }
    if (!is_good(result)) {
        forget_prepared(self, op);
        int error = error_of_result(self, result, op->text);
        return error != BERTH_ERR_CLOSED && op->job != self->job ? BERTH_ERR_AGAIN : error;
    }
    if (op->check == BERTH_PIPE_ONE_ROW && strcmp(PQcmdTuples((PGresult *)result), "1") != 0) {
        return BERTH_ERR_STALE_EPOCH;
    }
    return BERTH_OK;
}

/* Takes the answers of one statement; keeps the first if it is wanted. */
static int
take_answer(BerthPipe *self, const Op *op, PGresult **ret_result)
{
    int error = BERTH_OK;
    PGresult *result = take_result(self, &error);
    if (error != BERTH_OK) {
        return error;
    }
    error = judge(self, op, result);
    if (ret_result != NULL && error == BERTH_OK && is_good(result)) {
        *ret_result = result;
    } else {
        PQclear(result);
    }
    if (error == BERTH_ERR_CLOSED) {
        return error;
    }
    int lost = BERTH_OK;
    PQclear(take_result(self, &lost)); /* the NULL that ends it */
    return lost != BERTH_OK ? lost : error;
}

static int
take_syncs(BerthPipe *self)
{
    for (; self->n_syncs > 0; self->n_syncs--) {
        int error = BERTH_OK;
        PGresult *result = take_result(self, &error);
        bool is_sync = result != NULL && PQresultStatus(result) == PGRES_PIPELINE_SYNC;
        PQclear(result);
        if (!is_sync) {
            return error != BERTH_OK ? error : lose(self, PQerrorMessage(self->conn));
        }
    }
    return BERTH_OK;
}

/* Answers come in order: of all statements, each batch ended by its sync. */
static int
take_answers(BerthPipe *self, PGresult **ret_result)
{
    int first = BERTH_OK;
    for (guint i = 0; i < self->ops->len; i++) {
        bool is_last = i + 1 == self->ops->len;
        int error =
            take_answer(self, &g_array_index(self->ops, Op, i), is_last ? ret_result : NULL);
        if (error == BERTH_ERR_CLOSED) {
            return error;
        }
        first = first != BERTH_OK ? first : error;
    }
    int error = take_syncs(self);
    return first != BERTH_OK && error != BERTH_ERR_CLOSED ? first : error;
}

int
berth_pipe_sync(BerthPipe *self, PGresult **ret_result)
{
    PGresult *result = NULL;
    int error = self->is_lost ? BERTH_ERR_CLOSED : BERTH_OK;
    if (error == BERTH_OK && self->n_syncs == 0) {
        error = PQpipelineSync(self->conn) ? BERTH_OK : lose(self, PQerrorMessage(self->conn));
        self->n_syncs = 1;
    }
    if (error == BERTH_OK) {
        error = flush(self, berth_monotonic_us() + self->answer_us);
    }
    if (error == BERTH_OK) {
        error = take_answers(self, &result);
    }
    g_array_set_size(self->ops, 0);
    if (error != BERTH_OK) {
        PQclear(result);
        result = NULL;
    }
    if (ret_result != NULL) {
        *ret_result = result;
    } else {
        PQclear(result);
    }
    return error;
}

void
berth_pipe_send(BerthPipe *self)
{
    if (!self->is_lost && PQpipelineSync(self->conn)) {
        self->n_syncs++;
        (void)PQflush(self->conn);
    }
}

/* Answers that were sent for but not taken come before anything new. */
static int
settle(BerthPipe *self)
{
    bool is_late = self->n_syncs > 0 || self->ops->len >= MAX_QUEUED;
    int error = is_late ? berth_pipe_sync(self, NULL) : BERTH_OK;
    return self->is_lost ? BERTH_ERR_CLOSED : error;
}

static void
add_op(BerthPipe *self, OpKind kind, BerthStatement id, const char *text, BerthPipeCheck check)
{
    Op op = { .kind = kind, .id = id, .text = text, .check = check, .job = self->job };
    g_array_append_val(self->ops, op);
}

static int
ensure_prepared(BerthPipe *self, BerthStatement id, const char *name, const char *types)
{
    if (self->is_prepared[id]) {
        return BERTH_OK;
    }
    Oid oids[MAX_VALUES];
    int n = (int)strlen(types);
    for (int i = 0; i < n; i++) {
        oids[i] = types[i] == 's' ? OID_TEXT : OID_INT8;
    }
    g_autofree char *sql = berth_statement_to_postgresql(berth_statement_sql[id]);
    if (!PQsendPrepare(self->conn, name, sql, n, oids)) {
        return lose(self, PQerrorMessage(self->conn));
    }
    self->is_prepared[id] = true;
    add_op(self, OP_PREPARE, id, berth_statement_sql[id], BERTH_PIPE_PLAIN);
    return BERTH_OK;
}

int
berth_pipe_put(BerthPipe *self, BerthStatement id, const char *types, va_list values)
{
    const char *texts[MAX_VALUES];
    char numbers[MAX_VALUES][NUMBER_CHARS];
    char name[NUMBER_CHARS];
    int n = (int)strlen(types);
    g_assert(n <= MAX_VALUES);
    for (int i = 0; i < n; i++) {
        if (types[i] == 's') {
            texts[i] = va_arg(values, const char *);
        } else {
            int64_t value =
                types[i] == 'b' ? (va_arg(values, int) ? 1 : 0) : va_arg(values, int64_t);
            g_snprintf(numbers[i], NUMBER_CHARS, "%" G_GINT64_FORMAT, value);
            texts[i] = numbers[i];
        }
    }
    g_snprintf(name, sizeof name, "s%d", (int)id);
    int error = settle(self);
    if (error == BERTH_OK) {
        error = ensure_prepared(self, id, name, types);
    }
    if (error != BERTH_OK) {
        return error;
    }
    if (!PQsendQueryPrepared(self->conn, name, n, texts, NULL, NULL, 0)) {
        return lose(self, PQerrorMessage(self->conn));
    }
    add_op(self, OP_RUN, id, berth_statement_sql[id], BERTH_PIPE_PLAIN);
    return BERTH_OK;
}

int
berth_pipe_put_text(BerthPipe *self, const char *sql, const char *const *values, int n,
                    BerthPipeCheck check)
{
    int error = settle(self);
    if (error != BERTH_OK) {
        return error;
    }
    char *name = g_hash_table_lookup(self->texts, sql);
    if (name == NULL) {
        name = g_strdup_printf("t%u", g_hash_table_size(self->texts));
        if (!PQsendPrepare(self->conn, name, sql, 0, NULL)) {
            g_free(name);
            return lose(self, PQerrorMessage(self->conn));
        }
        g_hash_table_insert(self->texts, (gpointer)sql, name);
        add_op(self, OP_PREPARE_TEXT, 0, sql, BERTH_PIPE_PLAIN);
    }
    if (!PQsendQueryPrepared(self->conn, name, n, values, NULL, NULL, 0)) {
        return lose(self, PQerrorMessage(self->conn));
    }
    add_op(self, OP_RUN, 0, sql, check);
    return BERTH_OK;
}

void
berth_pipe_next_job(BerthPipe *self)
{
    self->job++;
}

int
berth_pipe_count(const BerthPipe *self)
{
    return (int)self->ops->len;
}

static int
leave_pipeline(BerthPipe *self)
{
    int error = self->ops->len > 0 || self->n_syncs > 0 ? berth_pipe_sync(self, NULL) : BERTH_OK;
    if (self->is_lost) {
        return BERTH_ERR_CLOSED;
    }
    return PQexitPipelineMode(self->conn) ? error : lose(self, PQerrorMessage(self->conn));
}

/* Takes all answers of what was sent outside of the pipeline, and goes back into it. */
static int
finish_exec(BerthPipe *self, const char *sql, PGresult **ret_result)
{
    int error = flush(self, berth_monotonic_us() + self->answer_us);
    PGresult *result = NULL;
    while (error != BERTH_ERR_CLOSED) {
        int lost = BERTH_OK;
        PGresult *more = take_result(self, &lost);
        if (more == NULL) {
            error = lost != BERTH_OK ? lost : error;
            break;
        }
        if (!is_good(more) && error == BERTH_OK) {
            error = error_of_result(self, more, sql);
        }
        PQclear(result);
        result = more;
    }
    if (ret_result != NULL && error == BERTH_OK) {
        *ret_result = g_steal_pointer(&result);
    }
    PQclear(result);
    if (!self->is_lost && !PQenterPipelineMode(self->conn)) {
        return lose(self, PQerrorMessage(self->conn));
    }
    return error;
}

int
berth_pipe_exec(BerthPipe *self, const char *sql, PGresult **ret_result)
{
    int error = leave_pipeline(self);
    if (error != BERTH_OK) {
        return error;
    }
    if (!PQsendQuery(self->conn, sql)) {
        return lose(self, PQerrorMessage(self->conn));
    }
    return finish_exec(self, sql, ret_result);
}

int
berth_pipe_copy_begin(BerthPipe *self, const char *sql)
{
    int error = leave_pipeline(self);
    if (error != BERTH_OK) {
        return error;
    }
    if (!PQsendQuery(self->conn, sql)) {
        return lose(self, PQerrorMessage(self->conn));
    }
    error = flush(self, berth_monotonic_us() + self->answer_us);
    PGresult *result = error == BERTH_OK ? take_result(self, &error) : NULL;
    if (result != NULL && PQresultStatus(result) == PGRES_COPY_IN) {
        PQclear(result);
        return BERTH_OK;
    }
    error = result != NULL ? error_of_result(self, result, sql) : BERTH_ERR_CLOSED;
    PQclear(result);
    (void)finish_exec(self, sql, NULL);
    return error;
}

int
berth_pipe_copy_put(BerthPipe *self, const char *data, size_t len)
{
    int sent = 0;
    int error = BERTH_OK;
    while (error == BERTH_OK && (sent = PQputCopyData(self->conn, data, (int)len)) == 0) {
        error = flush(self, berth_monotonic_us() + self->answer_us);
    }
    return sent < 0 ? lose(self, PQerrorMessage(self->conn)) : error;
}

int
berth_pipe_copy_end(BerthPipe *self)
{
    int sent = 0;
    int error = BERTH_OK;
    while (error == BERTH_OK && (sent = PQputCopyEnd(self->conn, NULL)) == 0) {
        error = flush(self, berth_monotonic_us() + self->answer_us);
    }
    if (sent < 0 || error != BERTH_OK) {
        return lose(self, PQerrorMessage(self->conn));
    }
    return finish_exec(self, "COPY", NULL);
}

void
berth_pipe_set_prompt(BerthPipe *self)
{
    self->answer_us = BERTH_PIPE_PROMPT_US;
}

void
berth_pipe_set_patient(BerthPipe *self)
{
    self->answer_us = PATIENT_US;
}

bool
berth_pipe_is_lost(const BerthPipe *self)
{
    return self->is_lost;
}

static bool
set_up(BerthPipe *self, bool is_writer, GError **error)
{
    static const char settings[] = "SET client_encoding = 'UTF8';"
                                   "SET client_min_messages = 'warning';"
                                   "SET synchronous_commit = 'on';"
                                   "SET statement_timeout = " BERTH_PIPE_STATEMENT_MS ";"
                                   "SET lock_timeout = " BERTH_PIPE_LOCK_MS ";"
                                   "SET idle_in_transaction_session_timeout = " BERTH_PIPE_IDLE_MS;
    const char *encoding = PQparameterStatus(self->conn, "server_encoding");
    if (g_strcmp0(encoding, "UTF8") != 0) {
        return berth_set_error(error, BERTH_ERR_CONFIG,
                               "the database of the store has the encoding \"%s\": make one with "
                               "ENCODING 'UTF8'",
                               encoding != NULL ? encoding : "");
    }
    if (PQsetnonblocking(self->conn, 1) != 0 || !PQenterPipelineMode(self->conn)) {
        return berth_set_error(error, BERTH_ERR_INTERNAL, "the database's library is too old");
    }
    int code = berth_pipe_exec(self, settings, NULL);
    if (code == BERTH_OK && !is_writer) {
        code = berth_pipe_exec(self,
                               "SET default_transaction_read_only = on;"
                               "SET default_transaction_isolation = 'repeatable read'",
                               NULL);
    }
    return code == BERTH_OK || berth_set_error(error, BERTH_ERR_STORE_DOWN,
                                               "the database server refuses our settings: %s",
                                               berth_error_sentence(code));
}

/* A warning of the server, such as one of ROLLBACK without a transaction. */
static void
log_notice(void *data, const char *message)
{
    g_autofree char *text = g_strdup(message);
    (void)data;
    berth_log_debug("store", "%s", g_strchomp(text));
}

BerthPipe *
berth_pipe_new(const BerthPostgresqlParams *params, bool is_writer, GError **error)
{
    BerthPipe *self = g_new0(BerthPipe, 1);
    self->answer_us = BERTH_PIPE_ANSWER_US;
    self->ops = g_array_new(FALSE, FALSE, sizeof(Op));
    self->texts = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    self->conn = PQconnectdbParams(params->keywords, (const char *const *)params->values, 0);
    if (PQstatus(self->conn) != CONNECTION_OK) {
        g_autofree char *why = g_strdup(PQerrorMessage(self->conn));
        berth_set_error(error, BERTH_ERR_STORE_DOWN, "cannot reach the store: %s", g_strchomp(why));
        berth_pipe_free(self);
        return NULL;
    }
    PQsetNoticeProcessor(self->conn, log_notice, NULL);
    if (!set_up(self, is_writer, error)) {
        berth_pipe_free(self);
        return NULL;
    }
    return self;
}

void
berth_pipe_free(BerthPipe *self)
{
    if (self == NULL) {
        return;
    }
    PQfinish(self->conn);
    g_hash_table_unref(self->texts);
    g_array_unref(self->ops);
    g_free(self);
}
