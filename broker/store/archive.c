/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/store/archive.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/id.h"
#include "berth/ids.h"
#include "broker/store/connection.h"
#include "broker/store/migrate.h"
#include "broker/store/table-copy.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SQL_COUNT_PEOPLE "SELECT (SELECT count(*) FROM account) + (SELECT count(*) FROM host) AS n"
#define SQL_MAKE_LIST                                                       \
    "CREATE TABLE backup (name TEXT PRIMARY KEY, n_rows INTEGER NOT NULL, " \
    "digest TEXT NOT NULL) STRICT"

/* One piece of work: where from, where to, and what was found on the way. */
typedef struct {
    BerthTx *from;
    BerthTx *to; /* NULL: only look */
    const BerthArchiveOptions *options;
    BerthTableDigest *digests; /* one a table of berth_store_tables */
    int64_t n_done;
    int64_t n_all;
} Work;

static int
scan_number(const BerthRows *rows, void *data)
{
    *(int64_t *)data = berth_rows_int(rows, 0);
    return BERTH_OK;
}

static int
count_rows(BerthTx *tx, const char *table, int64_t *ret)
{
    g_autofree char *sql = g_strconcat("SELECT count(*) FROM ", table, NULL);
    return tx->class->scan(tx, sql, scan_number, ret);
}

/* Brokers' own bookkeeping in one database is nothing to take to another. */
static bool
is_copied(const char *table)
{
    return strcmp(table, "store_mark") != 0;
}

static void
on_tick(int64_t n_rows, void *data)
{
    Work *work = data;
    work->n_done += n_rows;
    if (work->options != NULL && work->options->progress != NULL) {
        work->options->progress(work->n_done, work->n_all, work->options->data);
    }
}

static int
copy_tables(Work *work)
{
    int error = BERTH_OK;
    for (int i = 0; i < berth_n_store_tables && error == BERTH_OK; i++) {
        int64_t n = 0;
        if (is_copied(berth_store_tables[i])) {
            error = count_rows(work->from, berth_store_tables[i], &n);
            work->n_all += n;
        }
    }
    for (int i = 0; i < berth_n_store_tables && error == BERTH_OK; i++) {
        if (is_copied(berth_store_tables[i])) {
            error = berth_table_copy(work->from, work->to, berth_store_tables[i], on_tick, work,
                                     &work->digests[i]);
        }
    }
    return error;
}

/* What is in the target now has to be what was in the source. */
static int
compare_tables(const Work *work, const char **ret_table)
{
    int error = BERTH_OK;
    for (int i = 0; i < berth_n_store_tables && error == BERTH_OK; i++) {
        BerthTableDigest digest = { 0 };
        if (!is_copied(berth_store_tables[i])) {
            continue;
        }
        error = berth_table_copy(work->to, NULL, berth_store_tables[i], NULL, NULL, &digest);
        if (error == BERTH_OK && !berth_table_digest_equal(&digest, &work->digests[i])) {
            *ret_table = berth_store_tables[i];
            error = BERTH_ERR_CORRUPT;
        }
    }
    return error;
}

static void
fill_result(const Work *work, BerthArchiveResult *ret)
{
    *ret = (BerthArchiveResult){ 0 };
    for (int i = 0; i < berth_n_store_tables; i++) {
        ret->n_tables += is_copied(berth_store_tables[i]) ? 1 : 0;
        ret->n_rows += work->digests[i].n_rows;
    }
}

static BerthTx *
open_current(const char *url, bool is_writer, GError **error)
{
    BerthTx *tx = berth_connection_open(url, is_writer, error);
    if (tx == NULL) {
        return NULL;
    }
    tx->class->set_patient(tx);
    int version = berth_store_get_version(tx);
    if (version == berth_n_migrations) {
        return tx;
    }
    if (version < 0) {
        berth_set_error(error, version, "the database holds something else than a store of berth");
    } else {
        berth_set_error(error, BERTH_ERR_VERSION,
                        "the store has version %d and this program works with %d: run "
                        "`berth-broker db migrate` first",
                        version, berth_n_migrations);
    }
    berth_connection_free(tx);
    return NULL;
}

/* Tables of the newest version without a row, in the open transaction of the target. */
static int
make_empty(BerthTx *to)
{
    int error = strcmp(to->class->name, "sqlite") == 0
                    ? to->class->exec(to, "PRAGMA defer_foreign_keys = ON")
                    : BERTH_OK;
    if (error == BERTH_OK) {
        error = berth_store_make_anew(to);
    }
    return error == BERTH_OK ? to->class->exec(to, "DELETE FROM meta") : error;
}

static int
end_transaction(BerthTx *tx, int error)
{
    tx->is_alone = true;
    if (error == BERTH_OK) {
        error = tx->class->commit(tx);
    }
    if (error != BERTH_OK) {
        tx->class->rollback(tx);
    }
    return error;
}

static int
write_list(const Work *work)
{
    int error = work->to->class->exec(work->to, SQL_MAKE_LIST);
    for (int i = 0; i < berth_n_store_tables && error == BERTH_OK; i++) {
        char digest[BERTH_TABLE_DIGEST_CHARS + 1];
        berth_table_digest_format(&work->digests[i], digest);
        g_autofree char *sql =
            g_strdup_printf("INSERT INTO backup VALUES ('%s', %" G_GINT64_FORMAT ", '%s')",
                            berth_store_tables[i], work->digests[i].n_rows, digest);
        error = work->to->class->exec(work->to, sql);
    }
    return error;
}

static int
write_file(Work *work)
{
    int error = work->from->class->begin(work->from);
    if (error != BERTH_OK) {
        return error;
    }
    error = work->to->class->begin(work->to);
    if (error == BERTH_OK) {
        error = make_empty(work->to);
    }
    if (error == BERTH_OK) {
        error = copy_tables(work);
    }
    if (error == BERTH_OK) {
        error = write_list(work);
    }
    error = end_transaction(work->to, error);
    work->from->class->rollback(work->from);
    /* One file, whole in itself. */
    return error == BERTH_OK ? work->to->class->exec(work->to, "PRAGMA journal_mode = DELETE")
                             : error;
}

static bool
sync_path(const char *path, int flags, GError **error)
{
    berth_autofd int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        int errnum = errno;
        return berth_set_error(error, berth_error_from_errno(errnum), "cannot write \"%s\": %s",
                               path, g_strerror(errnum));
    }
    return true;
}

static bool
give_name(const char *temporary, const char *path, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path);
    if (g_chmod(temporary, 0600) != 0 || !sync_path(temporary, O_RDONLY, error)) {
        return false;
    }
    if (g_rename(temporary, path) != 0) {
        int errnum = errno;
        return berth_set_error(error, berth_error_from_errno(errnum), "cannot write \"%s\": %s",
                               path, g_strerror(errnum));
    }
    return sync_path(folder, O_RDONLY | O_DIRECTORY, error);
}

static void
remove_temporary(const char *path)
{
    static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
    for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *name = g_strconcat(path, suffixes[i], NULL);
        (void)g_unlink(name);
    }
}

static char *
temporary_name(const char *path)
{
    char id[BERTH_ID_HEX_CHARS + 1];
    berth_id_random_hex(id);
    return g_strconcat(path, ".", id, NULL);
}

bool
berth_archive_backup(const char *url, const char *path, const BerthArchiveOptions *options,
                     BerthArchiveResult *ret, GError **error)
{
    g_autofree BerthTableDigest *digests = g_new0(BerthTableDigest, (gsize)berth_n_store_tables);
    if (g_file_test(path, G_FILE_TEST_EXISTS) && !options->is_forced) {
        return berth_set_error(error, BERTH_ERR_EXISTS,
                               "\"%s\" exists: give another name, or --force", path);
    }
    g_autoptr(BerthTx) from = open_current(url, false, error);
    if (from == NULL) {
        return false;
    }
    g_autofree char *temporary = temporary_name(path);
    BerthTx *to = berth_connection_open_sqlite(temporary, true, error);
    bool is_good = to != NULL;
    if (is_good) {
        Work work = { .from = from, .to = to, .options = options, .digests = digests };
        int code = write_file(&work);
        is_good = code == BERTH_OK ||
                  berth_set_error(error, code, "the backup failed: %s", berth_error_sentence(code));
        fill_result(&work, ret);
    }
    berth_connection_free(to);
    is_good = is_good && give_name(temporary, path, error);
    remove_temporary(temporary);
    return is_good;
}

typedef struct {
    const BerthTableDigest *digests;
    int n_found;
    bool is_whole;
} ListCheck;

static int
check_listed(const BerthRows *rows, void *data)
{
    ListCheck *check = data;
    for (int i = 0; i < berth_n_store_tables; i++) {
        char digest[BERTH_TABLE_DIGEST_CHARS + 1];
        if (strcmp(berth_store_tables[i], berth_rows_text(rows, 0)) != 0) {
            continue;
        }
        berth_table_digest_format(&check->digests[i], digest);
        check->n_found++;
        check->is_whole = check->is_whole && berth_rows_int(rows, 1) == check->digests[i].n_rows &&
                          strcmp(berth_rows_text(rows, 2), digest) == 0;
    }
    return BERTH_OK;
}

static int
check_integrity(const BerthRows *rows, void *data)
{
    *(bool *)data = strcmp(berth_rows_text(rows, 0), "ok") == 0;
    return BERTH_OK;
}

static int
check_tables(BerthTx *tx, BerthTableDigest *digests)
{
    bool is_whole = false;
    Work work = { .from = tx, .digests = digests };
    int error = tx->class->scan(tx, "PRAGMA integrity_check(1)", check_integrity, &is_whole);
    if (error == BERTH_OK && is_whole) {
        error = copy_tables(&work);
    }
    ListCheck check = { .digests = digests, .is_whole = is_whole };
    if (error == BERTH_OK && is_whole) {
        error =
            tx->class->scan(tx, "SELECT name, n_rows, digest FROM backup", check_listed, &check);
    }
    bool is_good = error == BERTH_OK && check.is_whole && check.n_found == berth_n_store_tables;
    return is_good ? BERTH_OK : BERTH_ERR_CORRUPT;
}

/* Opens a backup that is whole; its digests are filled in. */
static BerthTx *
open_backup(const char *path, BerthTableDigest *digests, GError **error)
{
    if (!g_file_test(path, G_FILE_TEST_IS_REGULAR)) {
        berth_set_error(error, BERTH_ERR_NOT_FOUND, "there is no backup \"%s\"", path);
        return NULL;
    }
    g_autoptr(GError) reason = NULL;
    g_autoptr(BerthTx) tx = berth_connection_open_sqlite(path, false, &reason);
    int version = tx != NULL ? berth_store_get_version(tx) : BERTH_ERR_CORRUPT;
    if (version > 0 && version != berth_n_migrations) {
        berth_set_error(error, BERTH_ERR_VERSION,
                        "the backup \"%s\" has version %d and this program reads %d: restore it "
                        "with the program that made it, then run `db migrate`",
                        path, version, berth_n_migrations);
        return NULL;
    }
    int code = version > 0 ? check_tables(tx, digests) : BERTH_ERR_CORRUPT;
    if (code != BERTH_OK) {
        berth_set_error(error, code, "\"%s\" is no whole backup: it is damaged or was cut", path);
        return NULL;
    }
    return g_steal_pointer(&tx);
}

bool
berth_archive_check(const char *path, BerthArchiveResult *ret, GError **error)
{
    g_autofree BerthTableDigest *digests = g_new0(BerthTableDigest, (gsize)berth_n_store_tables);
    g_autoptr(BerthTx) tx = open_backup(path, digests, error);
    if (tx == NULL) {
        return false;
    }
    Work work = { .digests = digests };
    fill_result(&work, ret);
    return true;
}

/* What is in a store already: its epoch, and whether somebody would miss it. */
static int
look_at_target(BerthTx *to, bool *ret_is_empty, int64_t *ret_epoch)
{
    int64_t n = 0;
    *ret_epoch = 0;
    *ret_is_empty = true;
    int version = berth_store_get_version(to);
    if (version <= 0) {
        return version;
    }
    int error = to->class->begin(to);
    if (error == BERTH_OK) {
        error = to->class->scan(to, SQL_COUNT_PEOPLE, scan_number, &n);
    }
    if (error == BERTH_OK) {
        error = to->class->scan(
            to, "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'cluster_epoch'", scan_number,
            ret_epoch);
    }
    to->class->rollback(to);
    *ret_is_empty = n == 0;
    return error;
}

static bool
check_target(BerthTx *to, bool is_forced, int64_t *ret_epoch, GError **error)
{
    bool is_empty = false;
    int64_t n_others = 0;
    int code = look_at_target(to, &is_empty, ret_epoch);
    if (code == BERTH_OK) {
        code = to->class->count_others(to, &n_others);
    }
    if (code != BERTH_OK) {
        return berth_set_error(error, code, "the store cannot be looked at: %s",
                               berth_error_sentence(code));
    }
    if (n_others > 0) {
        return berth_set_error(error, BERTH_ERR_BUSY,
                               "%d connections of brokers use the store: stop all brokers first",
                               (int)n_others);
    }
    return is_empty || is_forced ||
           berth_set_error(error, BERTH_ERR_STATE,
                           "the store is not empty: --force throws away what it holds");
}

static int
set_meta(BerthTx *tx, const char *key, int64_t value)
{
    g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, value);
    tx->failure = BERTH_OK;
    return berth_tx_run(tx, BERTH_SQL_META_SET, "ss", key, text);
}

static int
raise_epoch(Work *work, int64_t epoch, BerthArchiveResult *ret)
{
    int64_t restored = 0;
    int error = work->to->class->scan(
        work->to, "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'cluster_epoch'",
        scan_number, &restored);
    ret->cluster_epoch = MAX(restored, epoch) + 1;
    if (error == BERTH_OK) {
        error = set_meta(work->to, "cluster_epoch", ret->cluster_epoch);
    }
    if (error == BERTH_OK) {
        error = set_meta(work->to, "safe_mode", 1);
    }
    /* Hosts may have ended them long ago, and must not do them again: they are over. */
    return error == BERTH_OK ? berth_tx_run(work->to, BERTH_SQL_TASKS_OUTDATE, "") : error;
}

/* Everything into the target, compared, in one transaction; epoch < 0 leaves meta as it is. */
static bool
replace(Work *work, int64_t epoch, BerthArchiveResult *ret, GError **error)
{
    const char *table = NULL;
    int code = work->to->class->begin(work->to);
    if (code == BERTH_OK) {
        code = make_empty(work->to);
    }
    if (code == BERTH_OK) {
        code = copy_tables(work);
    }
    if (code == BERTH_OK) {
        code = compare_tables(work, &table);
    }
    fill_result(work, ret);
    if (code == BERTH_OK && epoch >= 0) {
        code = raise_epoch(work, epoch, ret);
    }
    code = end_transaction(work->to, code);
    if (table != NULL) {
        return berth_set_error(error, code, "table \"%s\" is not what it was: nothing was changed",
                               table);
    }
    return code == BERTH_OK ||
           berth_set_error(error, code, "nothing was changed: %s", berth_error_sentence(code));
}

bool
berth_archive_restore(const char *path, const char *url, const BerthArchiveOptions *options,
                      BerthArchiveResult *ret, GError **error)
{
    int64_t epoch = 0;
    g_autofree BerthTableDigest *digests = g_new0(BerthTableDigest, (gsize)berth_n_store_tables);
    g_autoptr(BerthTx) from = open_backup(path, digests, error);
    g_autoptr(BerthTx) to = from != NULL ? berth_connection_open(url, true, error) : NULL;
    if (to == NULL) {
        return false;
    }
    to->class->set_patient(to);
    if (!check_target(to, options->is_forced, &epoch, error)) {
        return false;
    }
    Work work = { .from = from, .to = to, .options = options, .digests = digests };
    return replace(&work, epoch, ret, error);
}

bool
berth_archive_copy(const char *from_url, const char *to_url, const BerthArchiveOptions *options,
                   BerthArchiveResult *ret, GError **error)
{
    int64_t epoch = 0;
    g_autofree BerthTableDigest *digests = g_new0(BerthTableDigest, (gsize)berth_n_store_tables);
    g_autoptr(BerthTx) from = open_current(from_url, false, error);
    g_autoptr(BerthTx) to = from != NULL ? berth_connection_open(to_url, true, error) : NULL;
    if (to == NULL) {
        return false;
    }
    to->class->set_patient(to);
    if (!check_target(to, false, &epoch, error)) {
        return false;
    }
    Work work = { .from = from, .to = to, .options = options, .digests = digests };
    int code = from->class->begin(from);
    if (code != BERTH_OK) {
        return berth_set_error(error, code, "the store cannot be read: %s",
                               berth_error_sentence(code));
    }
    bool is_good = replace(&work, -1, ret, error);
    from->class->rollback(from);
    return is_good;
}
