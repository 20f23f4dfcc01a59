/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Backup, restore, copy and migrations, of either database.
 */
#include "store-fixture.h"

#include "broker/store/archive.h"
#include "broker/store/migrate.h"

#include <string.h>
#include <sys/stat.h>

typedef struct {
    Fixture base;
    char *dir;
    char *backup;
} Archive;

static int
set_up(void **state)
{
    Archive *a = g_new0(Archive, 1);
    fixture_init(&a->base, 6, 6);
    a->dir = g_dir_make_tmp("berth-archive-XXXXXX", NULL);
    a->backup = g_build_filename(a->dir, "site.backup", NULL);
    assert_berth_ok(berth_store_write(a->base.store, fixture_run_tick, &a->base));
    *state = a;
    return 0;
}

static int
tear_down(void **state)
{
    Archive *a = *state;
    fixture_clear(&a->base);
    g_unlink(a->backup);
    g_rmdir(a->dir);
    g_free(a->backup);
    g_free(a->dir);
    g_free(a);
    return 0;
}

static void
close_store(Archive *a)
{
    berth_store_free(a->base.store);
    a->base.store = NULL;
}

static int64_t
get_number(Archive *a, const char *sql)
{
    g_autofree char *text = store_place_get(&a->base.place, sql);
    return g_ascii_strtoll(text, NULL, 10);
}

static void
backup(Archive *a)
{
    BerthArchiveOptions options = { 0 };
    BerthArchiveResult result;
    g_autoptr(GError) error = NULL;
    assert_true(berth_archive_backup(a->base.place.url, a->backup, &options, &result, &error));
    assert_true(result.n_rows > FIXTURE_USERS);
}

static int
restore(Archive *a, bool is_forced)
{
    BerthArchiveOptions options = { .is_forced = is_forced };
    BerthArchiveResult result;
    g_autoptr(GError) error = NULL;
    return berth_archive_restore(a->backup, a->base.place.url, &options, &result, &error)
               ? BERTH_OK
               : error->code;
}

static void
a_restored_store_is_the_one_of_the_backup_in_safe_mode(void **state)
{
    Archive *a = *state;
    struct stat info;
    store_place_exec(&a->base.place,
                     "INSERT INTO host_task (id, host, kind, object, state, created_us, since_us, "
                     "deadline_us) SELECT id, id, 'facts', '', 'waiting', 1, 1, 9000 FROM host");
    backup(a);
    assert_int_equal(stat(a->backup, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    int64_t n_events = get_number(a, "SELECT count(*) FROM event");
    close_store(a);
    store_place_exec(&a->base.place, "UPDATE account SET name = 'somebody' WHERE name = 'user1'");
    store_place_exec(&a->base.place, "INSERT INTO meta VALUES ('cluster_epoch', '7')");
    assert_berth_error(restore(a, false), BERTH_ERR_STATE);
    assert_int_equal(get_number(a, "SELECT count(*) FROM account WHERE name = 'somebody'"), 1);
    assert_berth_ok(restore(a, true));
    assert_int_equal(get_number(a, "SELECT count(*) FROM account WHERE name = 'somebody'"), 0);
    assert_int_equal(get_number(a, "SELECT count(*) FROM event"), n_events);
    assert_int_equal(get_number(a, "SELECT value FROM meta WHERE key = 'cluster_epoch'"), 8);
    assert_int_equal(get_number(a, "SELECT value FROM meta WHERE key = 'safe_mode'"), 1);
    /* What a host was to do then is over: it may have done it since. */
    assert_int_equal(get_number(a, "SELECT deadline_us FROM host_task"), 1);
    a->base.store = fixture_open(&a->base);
    assert_non_null(a->base.store);
    assert_int_equal(fixture_fsck(&a->base), 0);
    assert_berth_ok(berth_store_write(a->base.store, fixture_run_tick, &a->base));
    assert_int_equal(fixture_fsck(&a->base), 0);
}

/* Offsets all over the file, and cuts: none of them is taken, and none changes the store. */
static void
a_damaged_backup_changes_nothing(void **state)
{
    Archive *a = *state;
    gsize len = 0;
    g_autofree char *data = NULL;
    backup(a);
    close_store(a);
    assert_true(g_file_get_contents(a->backup, &data, &len, NULL));
    for (int i = 0; i < 8; i++) {
        g_autofree char *cut = g_memdup2(data, len);
        assert_true(g_file_set_contents(a->backup, cut, (gssize)(len / 9 * (gsize)(i + 1)), NULL));
        assert_berth_error(restore(a, true), BERTH_ERR_CORRUPT);
    }
    char *name = NULL;
    for (gsize i = 0; i + 6 < len && name == NULL; i++) {
        name = memcmp(data + i, "user1", 5) == 0 ? data + i : NULL;
    }
    assert_non_null(name);
    name[4] = 'x';
    assert_true(g_file_set_contents(a->backup, data, (gssize)len, NULL));
    assert_berth_error(restore(a, true), BERTH_ERR_CORRUPT);
    assert_int_equal(get_number(a, "SELECT count(*) FROM account"), FIXTURE_USERS);
    assert_int_equal(get_number(a, "SELECT count(*) FROM meta WHERE key = 'safe_mode'"), 0);
}

static void
a_copy_has_every_row(void **state)
{
    Archive *a = *state;
    StorePlace place;
    BerthArchiveOptions options = { 0 };
    BerthArchiveResult result;
    g_autoptr(GError) error = NULL;
    close_store(a);
    store_place_init(&place);
    assert_true(berth_archive_copy(a->base.place.url, place.url, &options, &result, &error));
    g_autofree char *there = store_place_get(&place, "SELECT count(*) FROM event");
    assert_int_equal(get_number(a, "SELECT count(*) FROM event"), g_ascii_strtoll(there, NULL, 10));
    assert_false(berth_archive_copy(a->base.place.url, place.url, &options, &result, &error));
    assert_berth_error(error->code, BERTH_ERR_STATE);
    store_place_clear(&place);
}

static void
migrations_go_forward_and_back_with_the_data(void **state)
{
    Archive *a = *state;
    g_autoptr(GError) error = NULL;
    close_store(a);
    g_autoptr(BerthTx) tx = berth_connection_open(a->base.place.url, true, &error);
    assert_non_null(tx);
    for (int version = berth_n_migrations - 1; version >= 1; version--) {
        assert_true(berth_store_migrate(tx, version, &error));
        assert_int_equal(berth_store_get_version(tx), version);
        assert_int_equal(get_number(a, "SELECT count(*) FROM account"), FIXTURE_USERS);
    }
    assert_true(berth_store_migrate(tx, berth_n_migrations, &error));
    assert_int_equal(get_number(a, "SELECT count(*) FROM account"), FIXTURE_USERS);
    assert_false(berth_store_migrate(tx, berth_n_migrations + 1, &error));
    a->base.store = fixture_open(&a->base);
    assert_non_null(a->base.store);
    assert_int_equal(fixture_fsck(&a->base), 0);
}

static void
a_store_one_step_ahead_is_used_if_the_step_only_added(void **state)
{
    Archive *a = *state;
    g_autofree char *ahead = g_strdup_printf(
        "UPDATE meta SET value = '%d' WHERE key = 'schema_version'", berth_n_migrations + 1);
    close_store(a);
    store_place_exec(&a->base.place, ahead);
    a->base.store = fixture_open(&a->base);
    assert_non_null(a->base.store);
    close_store(a);
    g_autofree char *changed = g_strdup_printf(
        "UPDATE meta SET value = '%d' WHERE key = 'schema_oldest'", berth_n_migrations + 1);
    store_place_exec(&a->base.place, changed);
    assert_null(fixture_open(&a->base));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define ARCHIVE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        ARCHIVE_TEST(a_restored_store_is_the_one_of_the_backup_in_safe_mode),
        ARCHIVE_TEST(a_damaged_backup_changes_nothing),
        ARCHIVE_TEST(a_copy_has_every_row),
        ARCHIVE_TEST(migrations_go_forward_and_back_with_the_data),
        ARCHIVE_TEST(a_store_one_step_ahead_is_used_if_the_step_only_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
