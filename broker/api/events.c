/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/events.h"

#include "base/clock.h"
#include "base/error.h"
#include "broker/api/authorise.h"
#include "broker/api/event-cursor.h"
#include "broker/api/handlers.h"
#include "broker/api/http-server.h"
#include "broker/broker.h"
#include "broker/metrics.h"
#include "broker/site-clock.h"

#include <string.h>

#define POLL_MS 300
#define HEARTBEAT_US (15LL * 1000 * 1000)
/* A watcher that takes nothing of what waits for it for so long is cut off. */
#define STALLED_US (30LL * 1000 * 1000)
/* Notes of one reading: about 400 bytes each. */
#define MAX_NOTES 100

struct BerthEvents {
    BerthBroker *broker;
    GQueue watchers;
    guint timer;
    bool is_stopped;
};

struct BerthWatcher {
    BerthEvents *events;
    BerthRequest *request; /* NULL once the client is gone */
    GList link;
    GString *waiting; /* bytes to send */
    int64_t moved_us; /* monotonic: when bytes last went, or came into an empty stream */
    bool is_reading;  /* a reader thread has what follows */
    bool is_over;     /* the stream ends after what waits */
    BerthEventCursor cursor;
    bool is_begun;  /* the cursor says where to go on */
    char *kind;     /* prefix of the kinds that are wanted; "" is all */
    GString *notes; /* what was read */
    int error;
};

/* What a kind of note is about: how its place and its state are found, and who may see it. */
static const struct {
    const char *prefix;
    const char *place; /* below which the object stands; NULL: as the statement says */
    BerthStatement statement;
    BerthPermission permission;
} topics[] = {
    { "machine.", NULL, BERTH_SQL_WATCH_MACHINE, BERTH_PERMIT_MACHINE_READ },
    { "session.", NULL, BERTH_SQL_WATCH_SESSION, BERTH_PERMIT_SESSION_READ },
    { "assignment.", NULL, BERTH_SQL_WATCH_ASSIGNMENT, BERTH_PERMIT_SESSION_READ },
    { "host.", NULL, BERTH_SQL_WATCH_HOST, BERTH_PERMIT_HOST_READ },
    { "pool.", "/pools/", BERTH_SQL_META_GET, BERTH_PERMIT_POOL_READ },
    { "image.", "/images/", BERTH_SQL_META_GET, BERTH_PERMIT_IMAGE_READ },
    { "user.", "/users/", BERTH_SQL_META_GET, BERTH_PERMIT_USER_READ },
    { "group.", "/groups/", BERTH_SQL_META_GET, BERTH_PERMIT_GROUP_READ },
};

typedef struct {
    int64_t seq;
    int64_t at_us;
    const char *kind;
    const char *object;
} Note;

static void
append_note(BerthWatcher *watcher, const Note *note, const char *state)
{
    char id[BERTH_EVENT_CURSOR_CHARS];
    json_auto_t *json =
        json_pack("{s:s, s:s, s:s*, s:I}", "kind", note->kind, "object", note->object, "state",
                  state[0] != '\0' ? state : NULL, "at_us", (json_int_t)note->at_us);
    char *text = json_dumps(json, JSON_COMPACT);
    berth_event_cursor_format(&watcher->cursor, id);
    g_string_append_printf(watcher->notes, "id: %s\nevent: change\ndata: %s\n\n", id,
                           text != NULL ? text : "{}");
    free(text);
}

/* Errors: BERTH_ERR_FORBIDDEN if the watcher may not see it. */
static int
look_at(BerthTx *tx, const BerthWatcher *watcher, const Note *note, char *ret_state, size_t size)
{
    g_autofree char *path = NULL;
    BerthPermission permission = BERTH_PERMIT_AUDIT_READ;
    for (size_t i = 0; i < G_N_ELEMENTS(topics); i++) {
        if (!g_str_has_prefix(note->kind, topics[i].prefix)) {
            continue;
        }
        permission = topics[i].permission;
        if (topics[i].place != NULL) {
            path = g_strconcat(topics[i].place, note->object, NULL);
            break;
        }
        BerthRows rows;
        berth_tx_query(tx, &rows, topics[i].statement, "s", note->object);
        if (berth_rows_next(&rows)) {
            path = g_strdup(berth_rows_text(&rows, 0));
            g_strlcpy(ret_state, berth_rows_text(&rows, 1), size);
        }
        int error = berth_rows_end(&rows);
        if (error != BERTH_OK) {
            return error;
        }
        break;
    }
    return berth_rights_check(tx, watcher->request->account, permission,
                              path != NULL ? path : berth_permission_root(permission));
}

static int
read_chain(BerthTx *tx, BerthWatcher *watcher, const char *chain, int *n_notes)
{
    int error = BERTH_OK;
    json_auto_t *rows = berth_tx_to_json(tx, &error, BERTH_SQL_WATCH_EVENTS, "sii", chain,
                                         berth_event_cursor_get(&watcher->cursor, chain),
                                         (int64_t)MAX_NOTES - *n_notes);
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach (rows, i, row) {
        char state[32] = "";
        Note note = { .seq = json_integer_value(json_object_get(row, "seq")),
                      .at_us = json_integer_value(json_object_get(row, "at_us")),
                      .kind = json_string_value(json_object_get(row, "kind")),
                      .object = json_string_value(json_object_get(row, "object")) };
        error = berth_event_cursor_set(&watcher->cursor, chain, note.seq);
        if (error == BERTH_OK && g_str_has_prefix(note.kind, watcher->kind)) {
            error = look_at(tx, watcher, &note, state, sizeof state);
            if (error == BERTH_OK) {
                append_note(watcher, &note, state);
                ++*n_notes;
            }
        }
        if (error != BERTH_OK && error != BERTH_ERR_FORBIDDEN) {
            return error;
        }
        error = BERTH_OK;
    }
    return error;
}

/* Starts where the log ends now. */
static int
begin_chain(BerthTx *tx, BerthWatcher *watcher, const char *chain)
{
    int64_t top = 0;
    int error = berth_tx_get_int(tx, &top, BERTH_SQL_WATCH_TOP, "s", chain);
    return error == BERTH_OK ? berth_event_cursor_set(&watcher->cursor, chain, top) : error;
}

static int
run_read(BerthTx *tx, void *data)
{
    BerthWatcher *watcher = data;
    BerthEventCursor cursor = watcher->cursor;
    char chain[BERTH_ID_HEX_CHARS + 1] = "";
    int n_notes = 0;
    g_string_truncate(watcher->notes, 0);
    int error = berth_authorise(tx, watcher->request);
    while (error == BERTH_OK && n_notes < MAX_NOTES) {
        g_autofree char *next = NULL;
        error = berth_tx_get_text(tx, &next, BERTH_SQL_WATCH_CHAIN, "s", chain);
        if (error == BERTH_ERR_NOT_FOUND) {
            error = BERTH_OK;
            break;
        }
        if (error == BERTH_OK) {
            g_strlcpy(chain, next, sizeof chain);
            error = watcher->is_begun ? read_chain(tx, watcher, chain, &n_notes)
                                      : begin_chain(tx, watcher, chain);
        }
    }
    if (error != BERTH_OK) {
        watcher->cursor = cursor;
    }
    return error;
}

static void
run_job(void *data)
{
    BerthWatcher *watcher = data;
    watcher->error = berth_store_read(watcher->events->broker->store, run_read, watcher);
}

static void
watcher_free(BerthWatcher *watcher)
{
    g_queue_unlink(&watcher->events->watchers, &watcher->link);
    berth_metric_set(BERTH_METRIC_WATCHERS, watcher->events->watchers.length);
    g_string_free(watcher->waiting, TRUE);
    g_string_free(watcher->notes, TRUE);
    g_free(watcher->kind);
    g_free(watcher);
}

static void
add(BerthWatcher *watcher, const char *text)
{
    if (watcher->waiting->len == 0) {
        watcher->moved_us = berth_monotonic_us();
    }
    g_string_append(watcher->waiting, text);
    berth_http_wake(watcher->request);
}

static void
end(BerthWatcher *watcher)
{
    watcher->is_over = true;
    berth_http_wake(watcher->request);
}

static void
job_done(void *data)
{
    BerthWatcher *watcher = data;
    watcher->is_reading = false;
    if (watcher->request->exchange == NULL) {
        berth_request_free(watcher->request);
        watcher_free(watcher);
        return;
    }
    if (watcher->error == BERTH_ERR_EXPIRED || watcher->error == BERTH_ERR_FORBIDDEN) {
        add(watcher, "event: end\ndata: {\"reason\":\"the login ended\"}\n\n");
        end(watcher);
        return;
    }
    if (watcher->error == BERTH_OK && !watcher->is_begun) {
        char id[BERTH_EVENT_CURSOR_CHARS];
        watcher->is_begun = true;
        berth_event_cursor_format(&watcher->cursor, id);
        g_string_printf(watcher->notes, "id: %s\nevent: begin\ndata: {}\n\n", id);
    }
    if (watcher->error == BERTH_OK && watcher->notes->len > 0) {
        add(watcher, watcher->notes->str);
    }
}

static void
poll_watcher(BerthWatcher *watcher, int64_t now_us)
{
    if (watcher->is_over || watcher->is_reading) {
        return;
    }
    if (watcher->waiting->len > 0) {
        if (now_us - watcher->moved_us > STALLED_US) {
            berth_metric_add(BERTH_METRIC_WATCHERS_CUT, 1);
            g_string_truncate(watcher->waiting, 0);
            watcher->is_over = true;
            berth_http_cut(watcher->request); /* its socket takes no end of the stream, either */
        }
        return;
    }
    if (now_us - watcher->moved_us > HEARTBEAT_US) {
        add(watcher, ": still here\n\n");
    }
    watcher->request->now_us = berth_site_clock_now_us();
    BerthWorkerPool *readers = watcher->events->broker->readers;
    watcher->is_reading = readers != NULL &&
                          berth_worker_pool_submit(readers, run_job, job_done, watcher) == BERTH_OK;
}

static gboolean
on_poll(gpointer data)
{
    BerthEvents *events = data;
    int64_t now_us = berth_monotonic_us();
    GList *next = NULL;
    for (GList *link = events->watchers.head; link != NULL; link = next) {
        next = link->next;
        poll_watcher(link->data, now_us);
    }
    if (events->watchers.length == 0) {
        events->timer = 0;
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

ssize_t
berth_watcher_read(BerthWatcher *watcher, char *buffer, size_t max)
{
    size_t n = MIN(max, watcher->waiting->len);
    if (n == 0) {
        return watcher->is_over ? -1 : 0;
    }
    memcpy(buffer, watcher->waiting->str, n);
    g_string_erase(watcher->waiting, 0, (gssize)n);
    watcher->moved_us = berth_monotonic_us();
    return (ssize_t)n;
}

void
berth_watcher_close(BerthWatcher *watcher)
{
    watcher->request->exchange = NULL;
    watcher->request->is_suspended = false;
    if (!watcher->is_reading) {
        berth_request_free(watcher->request);
        watcher_free(watcher);
    }
}

void
berth_handle_events(BerthRequest *request)
{
    BerthEvents *events = request->broker->events;
    const char *kind = berth_body_text(request->query, "kind");
    BerthEventCursor cursor;
    if (events->is_stopped || events->watchers.length >= BERTH_LIMIT_WATCHERS) {
        request->retry_after_s = 5;
        berth_request_fail(request, BERTH_ERR_BUSY, "%u watch already; ask again later",
                           events->watchers.length);
        return;
    }
    bool has_place = request->last_event_id != NULL && request->last_event_id[0] != '\0';
    if (berth_event_cursor_parse(has_place ? request->last_event_id : "", &cursor) != BERTH_OK) {
        berth_request_fail(request, BERTH_ERR_INVALID,
                           "Last-Event-ID is not an id of this stream; begin again without one");
        return;
    }
    BerthWatcher *watcher = g_new0(BerthWatcher, 1);
    watcher->events = events;
    watcher->request = request;
    watcher->cursor = cursor;
    watcher->is_begun = has_place;
    watcher->kind = g_strdup(kind != NULL ? kind : "");
    watcher->waiting = g_string_new(NULL);
    watcher->notes = g_string_new(NULL);
    watcher->moved_us = berth_monotonic_us();
    watcher->link.data = watcher;
    g_queue_push_tail_link(&events->watchers, &watcher->link);
    berth_metric_set(BERTH_METRIC_WATCHERS, events->watchers.length);
    request->watcher = watcher;
    if (events->timer == 0) {
        events->timer = g_timeout_add(POLL_MS, on_poll, events);
    }
    berth_request_reply(request, 200, NULL);
}

BerthEvents *
berth_events_new(BerthBroker *broker)
{
    BerthEvents *events = g_new0(BerthEvents, 1);
    events->broker = broker;
    return events;
}

void
berth_events_stop(BerthEvents *events)
{
    if (events == NULL) {
        return;
    }
    events->is_stopped = true;
    for (GList *link = events->watchers.head; link != NULL; link = link->next) {
        end(link->data);
    }
}

void
berth_events_free(BerthEvents *events)
{
    if (events != NULL) {
        if (events->timer != 0) {
            g_source_remove(events->timer);
        }
        g_free(events);
    }
}
