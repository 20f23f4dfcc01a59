/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reports over sessions and the audit log, as JSON or, for Accept: text/csv, as a table.
 */
#include "broker/api/handlers.h"

#include "base/error.h"
#include "berth/limits.h"
#include "broker/api/page.h"
#include "broker/api/report-math.h"

#include <string.h>

#define DEFAULT_SPAN_US (30LL * 24 * BERTH_REPORT_HOUR_US)
#define MAX_HOURS (366 * 24)

typedef struct {
    int64_t from_us;
    int64_t to_us;
} Period;

/* What has one name: a user, a pool. */
typedef struct {
    GArray *spans; /* BerthSpan */
} Group;

static void
group_free(gpointer data)
{
    Group *group = data;
    g_array_unref(group->spans);
    g_free(group);
}

static int
read_period(BerthRequest *request, Period *ret)
{
    ret->to_us = berth_body_int(request->query, "to", request->now_us);
    ret->from_us = berth_body_int(request->query, "from", MAX(ret->to_us - DEFAULT_SPAN_US, 0));
    if (ret->from_us >= ret->to_us) {
        return berth_request_explain(request, BERTH_ERR_INVALID, "\"from\" must be before \"to\"");
    }
    return BERTH_OK;
}

/* Text of a cell: quoted, and not a formula to a spreadsheet that opens it. */
static void
append_cell(GString *csv, const json_t *value)
{
    if (json_is_integer(value)) {
        g_string_append_printf(csv, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return;
    }
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    bool is_formula = text[0] != '\0' && strchr("=+-@\t", text[0]) != NULL;
    g_auto(GStrv) parts = g_strsplit(text, "\"", -1);
    g_autofree char *quoted = g_strjoinv("\"\"", parts);
    g_string_append_printf(csv, "\"%s%s\"", is_formula ? "'" : "", quoted);
}

static char *
make_csv(const json_t *rows, const char *const *columns)
{
    GString *csv = g_string_new(NULL);
    size_t i = 0;
    json_t *row = NULL;
    for (size_t c = 0; columns[c] != NULL; c++) {
        g_string_append_printf(csv, "%s%s", c > 0 ? "," : "", columns[c]);
    }
    g_string_append(csv, "\r\n");
    json_array_foreach (rows, i, row) {
        for (size_t c = 0; columns[c] != NULL; c++) {
            g_string_append(csv, c > 0 ? "," : "");
            append_cell(csv, json_object_get(row, columns[c]));
        }
        g_string_append(csv, "\r\n");
    }
    return g_string_free(csv, FALSE);
}

/* Takes rows. */
static int
reply_rows(BerthRequest *request, const Period *period, json_t *rows, const char *const *columns)
{
    if (request->accept != NULL && strstr(request->accept, "text/csv") != NULL) {
        g_autofree char *csv = make_csv(rows, columns);
        json_decref(rows);
        free(request->text);
        request->text = strdup(csv);
        request->text_type = "text/csv; charset=utf-8";
        return request->text != NULL ? BERTH_OK : BERTH_ERR_NO_MEMORY;
    }
    request->reply = json_pack("{s:I, s:I, s:o}", "from_us", (json_int_t)period->from_us, "to_us",
                               (json_int_t)period->to_us, "rows", rows);
    return BERTH_OK;
}

/* Spans of sessions, by the text in a column; -1 is one group of all. */
static int
read_groups(BerthTx *tx, const BerthRequest *request, const Period *period, int column,
            GHashTable *groups)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_REPORT_SESSIONS, "iiisi", period->from_us, period->to_us,
                   request->now_us, berth_page_filter(request, "pool"),
                   (int64_t)BERTH_LIMIT_REPORT_SESSIONS);
    while (berth_rows_next(&rows)) {
        const char *name = column >= 0 ? berth_rows_text(&rows, column) : "";
        BerthSpan span = { berth_rows_int(&rows, 0), berth_rows_int(&rows, 1) };
        Group *group = g_hash_table_lookup(groups, name);
        if (group == NULL) {
            group = g_new0(Group, 1);
            group->spans = g_array_new(FALSE, FALSE, sizeof(BerthSpan));
            g_hash_table_insert(groups, g_strdup(name), group);
        }
        g_array_append_val(group->spans, span);
    }
    return berth_rows_end(&rows);
}

static json_t *
make_usage_row(const char *key, const char *name, const BerthReportHour *use)
{
    return json_pack("{s:s, s:I, s:I, s:I, s:I}", key, name, "sessions", (json_int_t)use->n_spans,
                     "seconds", (json_int_t)(use->total_us / 1000000), "peak",
                     (json_int_t)use->peak, "peak_at_us", (json_int_t)use->peak_at_us);
}

static json_t *
make_named_row(const char *key, const char *name, const Group *group, const Period *period)
{
    const BerthSpan *spans = (const BerthSpan *)(const void *)group->spans->data;
    BerthReportHour use = { .n_spans = 0 };
    for (guint i = 0; i < group->spans->len; i++) {
        int64_t us = berth_span_overlap_us(&spans[i], period->from_us, period->to_us);
        use.total_us += us;
        use.n_spans += us > 0 ? 1 : 0;
    }
    use.peak = (int64_t)berth_spans_peak(spans, group->spans->len, period->from_us, period->to_us,
                                         &use.peak_at_us);
    return make_usage_row(key, name, &use);
}

static json_t *
make_named_rows(GHashTable *groups, const char *key, const Period *period)
{
    json_t *rows = json_array();
    GList *names = g_list_sort(g_hash_table_get_keys(groups), (GCompareFunc)strcmp);
    for (const GList *name = names; name != NULL; name = name->next) {
        json_array_append_new(
            rows, make_named_row(key, name->data, g_hash_table_lookup(groups, name->data), period));
    }
    g_list_free(names);
    return rows;
}

static int
make_hours(BerthRequest *request, GHashTable *groups, const Period *period, json_t **ret_rows)
{
    const Group *all = g_hash_table_lookup(groups, "");
    int64_t begin_us = period->from_us - period->from_us % BERTH_REPORT_HOUR_US;
    if ((period->to_us - begin_us) / BERTH_REPORT_HOUR_US > MAX_HOURS) {
        return berth_request_explain(request, BERTH_ERR_INVALID,
                                     "by hour at most %d hours are told; ask for a shorter time",
                                     MAX_HOURS);
    }
    json_t *rows = json_array();
    size_t n_hours = (size_t)((period->to_us - begin_us - 1) / BERTH_REPORT_HOUR_US) + 1;
    g_autofree BerthReportHour *hours = g_new0(BerthReportHour, n_hours);
    if (all != NULL) {
        berth_spans_by_hour((const BerthSpan *)(const void *)all->spans->data, all->spans->len,
                            period->from_us, period->to_us, hours, n_hours);
    }
    for (size_t i = 0; all != NULL && i < n_hours; i++) {
        int64_t hour_us = begin_us + (int64_t)i * BERTH_REPORT_HOUR_US;
        g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(hour_us / 1000000);
        g_autofree char *text = time != NULL ? g_date_time_format(time, "%Y-%m-%dT%H:00Z") : NULL;
        json_array_append_new(rows, make_usage_row("hour", text != NULL ? text : "", &hours[i]));
    }
    *ret_rows = rows;
    return BERTH_OK;
}

int
berth_handle_usage(BerthTx *tx, BerthRequest *request)
{
    const char *by = berth_page_filter(request, "by");
    bool is_hour = strcmp(by, "hour") == 0;
    bool is_pool = strcmp(by, "pool") == 0;
    const char *key = is_hour ? "hour" : is_pool ? "pool" : "user";
    const char *const columns[] = { key, "sessions", "seconds", "peak", "peak_at_us", NULL };
    g_autoptr(GHashTable) groups =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, group_free);
    json_t *rows = NULL;
    Period period;
    int error = read_period(request, &period);
    if (error == BERTH_OK) {
        error = read_groups(tx, request, &period, is_hour ? -1 : is_pool ? 2 : 3, groups);
    }
    if (error == BERTH_OK && is_hour) {
        error = make_hours(request, groups, &period, &rows);
    } else if (error == BERTH_OK) {
        rows = make_named_rows(groups, key, &period);
    }
    return error == BERTH_OK ? reply_rows(request, &period, rows, columns) : error;
}

int
berth_handle_peak(BerthTx *tx, BerthRequest *request)
{
    static const char *const columns[] = { "pool", "peak", "peak_at_us", NULL };
    g_autoptr(GHashTable) groups =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, group_free);
    g_autoptr(GHashTable) all = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, group_free);
    Period period;
    int error = read_period(request, &period);
    if (error == BERTH_OK) {
        error = read_groups(tx, request, &period, 2, groups);
    }
    if (error == BERTH_OK) {
        error = read_groups(tx, request, &period, -1, all);
    }
    if (error != BERTH_OK) {
        return error;
    }
    json_t *rows = make_named_rows(groups, "pool", &period);
    json_t *total = make_named_rows(all, "pool", &period);
    json_array_extend(rows, total);
    json_decref(total);
    return reply_rows(request, &period, rows, columns);
}

int
berth_handle_failed_logins(BerthTx *tx, BerthRequest *request)
{
    static const char *const columns[] = { "actor", "n_failures", "first_us", "last_us", NULL };
    Period period;
    int error = read_period(request, &period);
    if (error != BERTH_OK) {
        return error;
    }
    json_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_REPORT_FAILED_LOGINS, "ii",
                                    period.from_us, period.to_us);
    return rows != NULL ? reply_rows(request, &period, rows, columns) : error;
}
