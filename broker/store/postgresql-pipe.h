/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One libpq connection in pipeline mode: statements are queued, and go out with the first one
 * whose answer is waited for.
 *
 * Every wait ends after a time-out, which counts as a lost server: a server that is stopped or cut
 * off never holds its caller for ever.  Thread: one at a time.
 */
#pragma once

#include "broker/store/postgresql-url.h"
#include "broker/store/statements.h"

#include <libpq-fe.h>
#include <stdarg.h>
#include <stdint.h>

typedef struct BerthPipe BerthPipe;

/* Longest wait for one answer; the server gives up before (statement_timeout). */
#define BERTH_PIPE_ANSWER_US (8LL * 1000 * 1000)
/* The same where everybody waits for who waits: agents hang up after 15 s of silence. */
#define BERTH_PIPE_PROMPT_US (1000LL * 1000)
#define BERTH_PIPE_STATEMENT_MS "5000"
/* Waiting for another broker's row lock; then the transaction is tried again, job by job. */
#define BERTH_PIPE_LOCK_MS "500"
/* A broker that stopped in the middle gives its locks back after this. */
#define BERTH_PIPE_IDLE_MS "6000"

/* Who is told of a queued statement's result: changed rows, for those that are checked. */
typedef enum {
    BERTH_PIPE_PLAIN,
    BERTH_PIPE_ONE_ROW, /* it is a conflict if not exactly one row was changed */
} BerthPipeCheck;

/*
 * Connects.  Errors: BERTH_ERR_STORE_DOWN, BERTH_ERR_CONFIG (a database whose encoding is not
 * UTF-8); returns NULL on error.
 */
BerthPipe *berth_pipe_new(const BerthPostgresqlParams *params, bool is_writer, GError **error);

/* NULL is allowed. */
void berth_pipe_free(BerthPipe *self);

/* Queues a statement of the table; prepares it at its first use. */
int berth_pipe_put(BerthPipe *self, BerthStatement id, const char *types, va_list values);

/*
 * Queues a statement that is a literal of this program; it is prepared under its own text.
 *
 * values:  n texts
 */
int berth_pipe_put_text(BerthPipe *self, const char *sql, const char *const *values, int n,
                        BerthPipeCheck check);

/* What is queued from here on belongs to the next job. */
void berth_pipe_next_job(BerthPipe *self);

/*
 * Sends what is queued and waits for the answers.
 *
 * ret_result:  answer of the last statement, NULL on error; may be NULL.  Free with PQclear().
 *
 * Errors: as berth_tx_run(); BERTH_ERR_CLOSED if the server is lost, BERTH_ERR_AGAIN for what a
 * new try of the whole transaction may mend.
 */
int berth_pipe_sync(BerthPipe *self, PGresult **ret_result);

/* Sends what is queued; the answers are taken by the next sync. */
void berth_pipe_send(BerthPipe *self);

/* Statements that are queued. */
int berth_pipe_count(const BerthPipe *self);

/* Runs SQL text outside of the pipeline; nothing may be queued. */
int berth_pipe_exec(BerthPipe *self, const char *sql, PGresult **ret_result);

/* COPY ... FROM STDIN, outside of the pipeline: begin, data, end. */
int berth_pipe_copy_begin(BerthPipe *self, const char *sql);
int berth_pipe_copy_put(BerthPipe *self, const char *data, size_t len);
int berth_pipe_copy_end(BerthPipe *self);

/* Waits BERTH_PIPE_PROMPT_US for each answer from now on. */
void berth_pipe_set_prompt(BerthPipe *self);

/* Waits for answers as long as a day from now on. */
void berth_pipe_set_patient(BerthPipe *self);

/* Whether the server is lost for good: make a new pipe. */
bool berth_pipe_is_lost(const BerthPipe *self);
