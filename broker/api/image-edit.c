/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Versions in the making: edit, run, seal, test, and what changed.
 */
#include "broker/api/handlers.h"

#include "base/error.h"
#include "base/id.h"
#include "berth/limits.h"
#include "broker/maintenance.h"
#include "broker/version-diff.h"

#include <string.h>

#define SECOND_US (1000LL * 1000)
#define SCRIPT_DEFAULT_S 3600
/* Beside the script's own time: until the desktop is there, and the end is heard. */
#define SCRIPT_GRACE_S 1800
#define SEAL_LIMIT_US (55LL * 60 * SECOND_US)

static const char *
or_empty(const char *text)
{
    return text != NULL ? text : "";
}

/* What was made, with the columns that people want at once. */
static int
reply_draft(BerthTx *tx, BerthRequest *request, const char *version)
{
    int error = BERTH_OK;
    json_auto_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_EDIT_JSON, "s", version);
    request->reply = json_incref(json_array_get(rows, 0));
    return error == BERTH_OK && request->reply == NULL ? BERTH_ERR_NOT_FOUND : error;
}

int
berth_handle_edit_image(BerthTx *tx, BerthRequest *request)
{
    char version[BERTH_ID_HEX_CHARS + 1];
    g_autofree char *busy = NULL;
    BerthCause cause = berth_request_cause(request);
    BerthEdit edit = { .image = request->id,
                       .version = or_empty(berth_body_text(request->body, "version")),
                       .account = request->account,
                       .changelog = or_empty(berth_body_text(request->body, "changelog")) };
    int error = berth_edit_begin(tx, &cause, &edit, version, &busy);
    switch (error) {
    case BERTH_OK:
        return reply_draft(tx, request, version);
    case BERTH_ERR_BUSY:
        return berth_request_explain(request, BERTH_ERR_BUSY,
                                     "this image is being edited already, in desktop \"%s\": seal "
                                     "or discard that first",
                                     busy);
    case BERTH_ERR_NOT_FOUND:
        return berth_request_explain(request, error,
                                     "the image has no sealed version%s%s to start from: import "
                                     "one first",
                                     edit.version[0] != '\0' ? " " : "", edit.version);
    default:
        return error;
    }
}

static int
explain_act(BerthRequest *request, int error)
{
    switch (error) {
    case BERTH_ERR_STATE:
        return berth_request_explain(request, error,
                                     "this version is not being edited: begin with edit of its "
                                     "image");
    case BERTH_ERR_AGAIN:
        return berth_request_explain(request, BERTH_ERR_STATE,
                                     "the maintenance desktop is not ready yet: try again soon");
    case BERTH_ERR_BUSY:
        return berth_request_explain(request, error,
                                     "something works in the maintenance desktop: wait for its "
                                     "operation");
    case BERTH_ERR_TOO_LARGE:
        return berth_request_explain(request, error, "the script is too long");
    default:
        return error;
    }
}

static int
reply_operation(BerthRequest *request, int error, const char *operation)
{
    if (error != BERTH_OK) {
        return explain_act(request, error);
    }
    request->location = g_strconcat("/v1/operations/", operation, NULL);
    request->reply = json_pack("{s:s}", "operation", operation);
    return BERTH_OK;
}

/* The lines of a script as one text for g_free(); NULL if one of them is none. */
static char *
join_lines(const json_t *lines)
{
    size_t i = 0;
    json_t *line = NULL;
    GString *text = g_string_new(NULL);
    json_array_foreach ((json_t *)lines, i, line) {
        if (!json_is_string(line)) {
            g_string_free(text, TRUE);
            return NULL;
        }
        g_string_append(text, json_string_value(line));
        g_string_append_c(text, '\n');
    }
    return g_string_free(text, FALSE);
}

int
berth_handle_run_in_version(BerthTx *tx, BerthRequest *request)
{
    char operation[BERTH_ID_HEX_CHARS + 1];
    BerthCause cause = berth_request_cause(request);
    int64_t timeout_s = berth_body_int(request->body, "timeout_s", SCRIPT_DEFAULT_S);
    g_autofree char *script = join_lines(berth_body_json(request->body, "script"));
    if (script == NULL || strlen(script) > BERTH_LIMIT_RUN_SCRIPT_BYTES) {
        return berth_request_explain(request, BERTH_ERR_INVALID,
                                     "\"script\" must be an array of lines, of at most %u bytes",
                                     BERTH_LIMIT_RUN_SCRIPT_BYTES);
    }
    json_t *args = json_pack("{s:s, s:I}", "script", script, "timeout_s", (json_int_t)timeout_s);
    int error = berth_edit_do(tx, &cause, request->id, "run-script", args, request->account,
                              (timeout_s + SCRIPT_GRACE_S) * SECOND_US, operation);
    return reply_operation(request, error, operation);
}

int
berth_handle_seal_version(BerthTx *tx, BerthRequest *request)
{
    char operation[BERTH_ID_HEX_CHARS + 1];
    BerthCause cause = berth_request_cause(request);
    json_t *args = json_pack("{s:b}", "keep_apt_lists",
                             (int)berth_body_bool(request->body, "keep_apt_lists", false));
    int error = berth_edit_do(tx, &cause, request->id, "seal", args, request->account,
                              SEAL_LIMIT_US, operation);
    return reply_operation(request, error, operation);
}

int
berth_handle_discard_edit(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    return explain_act(request, berth_edit_discard(tx, &cause, request->id));
}

/* ---- trials ---- */

int
berth_handle_try_version(BerthTx *tx, BerthRequest *request)
{
    char pool[BERTH_ID_HEX_CHARS + 1];
    BerthCause cause = berth_request_cause(request);
    BerthTrial trial = { .version = request->id,
                         .account = request->account,
                         .n_machines = berth_body_int(request->body, "n", 1),
                         .uses_template = berth_body_bool(request->body, "template", false) };
    int error = berth_trial_begin(tx, &cause, &trial, pool);
    if (error == BERTH_ERR_STATE) {
        return berth_request_explain(request, error, "only a sealed version can be tried");
    }
    if (error != BERTH_OK) {
        return error;
    }
    json_auto_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_POOL_JSON, "s", pool);
    request->reply = json_incref(json_array_get(rows, 0));
    return error;
}

int
berth_handle_end_trial(BerthTx *tx, BerthRequest *request)
{
    BerthCause cause = berth_request_cause(request);
    int error = berth_trial_end(tx, &cause, request->id, request->part);
    return error == BERTH_ERR_NOT_FOUND
               ? berth_request_explain(request, error, "pool \"%s\" does not try this version",
                                       request->part)
               : error;
}

/* ---- what changed ---- */

typedef struct {
    GPtrArray *reports; /* json_t *, newest first */
    char *oldest;       /* id of the last one in the chain */
    char *image;
    int64_t number;
} Chain;

static void
chain_clear(Chain *chain)
{
    g_clear_pointer(&chain->reports, g_ptr_array_unref);
    g_free(chain->oldest);
    g_free(chain->image);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Chain, chain_clear)

static void
free_report(gpointer data)
{
    json_decref(data);
}

/* One version: its report goes to the chain; its parent comes out, "" without one. */
static int
read_version(BerthTx *tx, const char *id, Chain *chain, char **ret_parent)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_VERSION_REPORT, "s", id);
    bool is_there = berth_rows_next(&rows);
    if (is_there) {
        json_t *report = json_loads(berth_rows_text(&rows, 1), JSON_REJECT_DUPLICATES, NULL);
        g_ptr_array_add(chain->reports, report != NULL ? report : json_object());
        *ret_parent = g_strdup(berth_rows_text(&rows, 2));
        if (chain->reports->len == 1) {
            chain->number = berth_rows_int(&rows, 0);
            chain->image = g_strdup(berth_rows_text(&rows, 5));
        }
    }
    int error = berth_rows_end(&rows);
    return error == BERTH_OK && !is_there ? BERTH_ERR_NOT_FOUND : error;
}

/* From a version back to an older one; ends there, at the beginning, or at the limit. */
static int
read_chain(BerthTx *tx, const char *from, const char *to, Chain *ret)
{
    g_autofree char *id = g_strdup(to);
    int error = BERTH_OK;
    ret->reports = g_ptr_array_new_with_free_func(free_report);
    while (error == BERTH_OK && id[0] != '\0' && ret->reports->len < BERTH_VERSION_CHAIN_MAX) {
        char *parent = NULL;
        error = read_version(tx, id, ret, &parent);
        g_free(ret->oldest);
        ret->oldest = g_strdup(id);
        if (strcmp(id, from) == 0) {
            g_free(parent);
            break;
        }
        g_free(id);
        id = parent != NULL ? parent : g_strdup("");
    }
    return error;
}

static json_t *
diff_files(const Chain *chain, bool is_ancestor)
{
    if (!is_ancestor) {
        return NULL;
    }
    size_t n_reports = chain->reports->len - 1;
    g_autofree const json_t **reports = g_new0(const json_t *, n_reports + 1);
    for (size_t i = 0; i < n_reports; i++) {
        reports[i] = chain->reports->pdata[n_reports - 1 - i];
    }
    return berth_version_diff_files(reports, n_reports);
}

static int
reply_diff(BerthTx *tx, BerthRequest *request, const char *from)
{
    g_auto(Chain) older = { 0 };
    g_auto(Chain) newer = { 0 };
    int error = read_chain(tx, from, request->id, &newer);
    if (error == BERTH_OK) {
        error = read_chain(tx, from, from, &older);
    }
    if (error != BERTH_OK) {
        return error;
    }
    if (strcmp(older.image, newer.image) != 0) {
        return berth_request_explain(request, BERTH_ERR_INVALID,
                                     "\"with\" must be a version of the same image");
    }
    const json_t *new_report = newer.reports->pdata[0];
    const json_t *old_report = older.reports->pdata[0];
    json_t *packages = berth_version_diff_packages(json_object_get(old_report, "packages"),
                                                   json_object_get(new_report, "packages"));
    json_t *files = diff_files(&newer, strcmp(newer.oldest, from) == 0);
    request->reply = json_pack("{s:I, s:I, s:o*, s:o*, s:O*}", "from", (json_int_t)older.number,
                               "to", (json_int_t)newer.number, "packages", packages, "files", files,
                               "checks", json_object_get(new_report, "checks"));
    return request->reply != NULL ? BERTH_OK : BERTH_ERR_NO_MEMORY;
}

int
berth_handle_diff_versions(BerthTx *tx, BerthRequest *request)
{
    g_autofree char *parent = NULL;
    const char *from = berth_body_text(request->query, "with");
    if (from != NULL) {
        return reply_diff(tx, request, from);
    }
    int error = berth_tx_get_text(tx, &parent, BERTH_SQL_VERSION_PARENT, "s", request->id);
    if (error == BERTH_OK && parent[0] == '\0') {
        return berth_request_explain(request, BERTH_ERR_INVALID,
                                     "this version has no parent: say \"with\" which version");
    }
    return error == BERTH_OK ? reply_diff(tx, request, parent) : error;
}
