/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/change-feed.h"

#include "base/error.h"

#include <string.h>

struct BerthChangeFeed {
    bool is_started;
    GHashTable *positions; /* chain of a broker -> int64_t *, read up to here */
};

typedef struct {
    BerthChangeFunc func;
    void *user_data;
    BerthTx *tx;
} Reader;

BerthChangeFeed *
berth_change_feed_new(void)
{
    BerthChangeFeed *feed = g_new0(BerthChangeFeed, 1);
    feed->positions = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return feed;
}

void
berth_change_feed_free(BerthChangeFeed *feed)
{
    if (feed != NULL) {
        g_hash_table_unref(feed->positions);
        g_free(feed);
    }
}

static bool
is_own(const char *actor, const char *host)
{
    return strncmp(actor, "host:", 5) == 0 && strcmp(actor + 5, host) == 0;
}

static int
tell_hosts(Reader *reader, BerthStatement statement, const char *pool)
{
    BerthRows rows;
    berth_tx_query(reader->tx, &rows, statement, "s", pool);
    while (berth_rows_next(&rows)) {
        reader->func(berth_rows_text(&rows, 0), false, reader->user_data);
    }
    return berth_rows_end(&rows);
}

/* What applies anywhere, or decides which versions of images hosts should have. */
static bool
concerns_all(const char *kind)
{
    static const char *const prefixes[] = { "policy.", "image.", "image-version.", "pool.added",
                                            "rollout." };
    for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++) {
        if (g_str_has_prefix(kind, prefixes[i])) {
            return true;
        }
    }
    return false;
}

/* One record: a change of a machine or a session, or of what many of them go by. */
static int
tell(Reader *reader, const char *actor, const char *kind, const char *object, const char *host)
{
    if (host[0] != '\0') {
        reader->func(host, is_own(actor, host), reader->user_data);
    } else if (g_str_has_prefix(kind, "host.")) {
        reader->func(object, is_own(actor, object), reader->user_data);
    } else if (concerns_all(kind)) {
        reader->func(NULL, false, reader->user_data);
    } else if (g_str_has_prefix(kind, "pool.")) {
        return tell_hosts(reader, BERTH_SQL_FEED_POOL_HOSTS, object);
    }
    return BERTH_OK;
}

typedef struct {
    char *actor, *kind, *object, *host;
} Record;

static void
record_clear(gpointer data)
{
    Record *record = data;
    g_free(record->actor);
    g_free(record->kind);
    g_free(record->object);
    g_free(record->host);
}

static int64_t *
ensure_position(BerthChangeFeed *feed, const char *chain, int64_t first)
{
    int64_t *position = g_hash_table_lookup(feed->positions, chain);
    if (position == NULL) {
        position = g_new0(int64_t, 1);
        *position = first;
        g_hash_table_insert(feed->positions, g_strdup(chain), position);
    }
    return position;
}

/* Chains that have something new; at the first read none has. */
static int
find_news(BerthChangeFeed *feed, BerthTx *tx, GPtrArray *chains)
{
    BerthRows rows;
    berth_tx_query(tx, &rows, BERTH_SQL_EVENT_CHAINS, "");
    while (berth_rows_next(&rows)) {
        const char *chain = berth_rows_text(&rows, 0);
        int64_t head = berth_rows_int(&rows, 1);
        if (*ensure_position(feed, chain, feed->is_started ? 0 : head) < head) {
            g_ptr_array_add(chains, g_strdup(chain));
        }
    }
    return berth_rows_end(&rows);
}

static int
read_chain(BerthTx *tx, const char *chain, int64_t *position, Reader *reader, bool *ret_is_more)
{
    BerthRows rows;
    int64_t seq = *position;
    g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(Record));
    g_array_set_clear_func(records, record_clear);
    berth_tx_query(tx, &rows, BERTH_SQL_FEED_EVENTS, "sii", chain, seq,
                   (int64_t)BERTH_CHANGE_FEED_PAGE);
    while (berth_rows_next(&rows)) {
        seq = berth_rows_int(&rows, 0);
        Record record = { g_strdup(berth_rows_text(&rows, 1)), g_strdup(berth_rows_text(&rows, 2)),
                          g_strdup(berth_rows_text(&rows, 3)),
                          g_strdup(berth_rows_text(&rows, 4)) };
        g_array_append_val(records, record);
    }
    int error = berth_rows_end(&rows);
    for (guint i = 0; i < records->len && error == BERTH_OK; i++) {
        const Record *record = &g_array_index(records, Record, i);
        error = tell(reader, record->actor, record->kind, record->object, record->host);
    }
    if (error == BERTH_OK) {
        *position = seq;
        *ret_is_more = *ret_is_more || records->len == BERTH_CHANGE_FEED_PAGE;
    }
    return error;
}

int
berth_change_feed_read(BerthChangeFeed *feed, BerthTx *tx, BerthChangeFunc func, void *user_data,
                       bool *ret_is_more)
{
    Reader reader = { .func = func, .user_data = user_data, .tx = tx };
    bool is_more = false;
    g_autoptr(GPtrArray) chains = g_ptr_array_new_with_free_func(g_free);
    int error = find_news(feed, tx, chains);
    for (guint i = 0; i < chains->len && error == BERTH_OK; i++) {
        const char *chain = g_ptr_array_index(chains, i);
        error =
            read_chain(tx, chain, g_hash_table_lookup(feed->positions, chain), &reader, &is_more);
    }
    if (error == BERTH_OK) {
        feed->is_started = true;
        *ret_is_more = is_more;
    }
    return error;
}
