/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a test's store lives: a temporary file, or a new schema on the server that
 * BERTH_TEST_POSTGRESQL names ("host=FOLDER user=NAME", tests/component/postgres.py sets it).
 */
#pragma once

#include "testing.h"

#include "base/id.h"
#include "berth/ids.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <libpq-fe.h>
#include <sqlite3.h>

#define STORE_PLACE_WRITER "00112233445566778899aabbccddeeff"

typedef struct {
    char *dir;
    char *path; /* SQLite */
    char *name; /* PostgreSQL: of the schema */
    char *url;
} StorePlace;

static inline const char *
store_place_server(void)
{
    return g_getenv("BERTH_TEST_POSTGRESQL");
}

static inline PGresult *
store_place_query(const char *conninfo, const char *sql)
{
    PGconn *conn = PQconnectdb(conninfo);
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        g_error("%s: %s", sql, PQerrorMessage(conn));
    }
    PQfinish(conn);
    return result;
}

static inline char *
store_place_conninfo(const StorePlace *place)
{
    return g_strdup_printf("%s dbname=postgres options=-csearch_path=%s", store_place_server(),
                           place->name);
}

static inline void
store_place_init(StorePlace *place)
{
    *place = (StorePlace){ .dir = g_dir_make_tmp("berth-store-XXXXXX", NULL) };
    if (store_place_server() == NULL) {
        place->path = g_build_filename(place->dir, "store.sqlite", NULL);
        place->url = g_strconcat("sqlite:", place->path, NULL);
        return;
    }
    char id[BERTH_ID_HEX_CHARS + 1];
    berth_id_random_hex(id);
    place->name = g_strconcat("t", id, NULL);
    g_autofree char *sql = g_strdup_printf("CREATE SCHEMA %s", place->name);
    g_autofree char *conninfo = store_place_conninfo(place);
    PQclear(store_place_query(conninfo, sql));
    place->url = g_strconcat("postgresql:", conninfo, NULL);
}

/* Runs SQL past the store, as somebody with the database's password would. */
static inline void
store_place_exec(const StorePlace *place, const char *sql)
{
    if (place->name != NULL) {
        g_autofree char *conninfo = store_place_conninfo(place);
        PQclear(store_place_query(conninfo, sql));
        return;
    }
    sqlite3 *base = NULL;
    char *message = NULL;
    g_assert_cmpint(sqlite3_open(place->path, &base), ==, SQLITE_OK);
    sqlite3_busy_timeout(base, 5000);
    if (sqlite3_exec(base, sql, NULL, NULL, &message) != SQLITE_OK) {
        g_error("%s: %s", sql, message);
    }
    g_assert_cmpint(sqlite3_close(base), ==, SQLITE_OK);
}

/* The first value that a query gives, read past the store; free with g_free(). */
static inline char *
store_place_get(const StorePlace *place, const char *sql)
{
    if (place->name != NULL) {
        g_autofree char *conninfo = store_place_conninfo(place);
        PGresult *result = store_place_query(conninfo, sql);
        char *text = g_strdup(PQgetvalue(result, 0, 0));
        PQclear(result);
        return text;
    }
    sqlite3 *base = NULL;
    sqlite3_stmt *statement = NULL;
    g_assert_cmpint(sqlite3_open(place->path, &base), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_prepare_v2(base, sql, -1, &statement, NULL), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_step(statement), ==, SQLITE_ROW);
    char *text = g_strdup((const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    g_assert_cmpint(sqlite3_close(base), ==, SQLITE_OK);
    return text;
}

static inline void
store_place_clear(StorePlace *place)
{
    static const char *const suffixes[] = { "", "-wal", "-shm" };
    for (size_t i = 0; place->path != NULL && i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *path = g_strconcat(place->path, suffixes[i], NULL);
        g_unlink(path);
    }
    g_rmdir(place->dir);
    g_free(place->dir);
    g_free(place->path);
    g_free(place->name);
    g_free(place->url);
}
