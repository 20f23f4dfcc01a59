/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/depot/store-folder.h"

#include "base/cleanup.h"
#include "base/depot/chunk-maker.h"
#include "testing.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    char *path;
    BerthStoreFolder *folder;
} Fixture;

static int
setup(void **state)
{
    Fixture *self = g_new0(Fixture, 1);
    g_autofree char *base = g_dir_make_tmp("berth-store-XXXXXX", NULL);
    assert_non_null(base);
    self->path = g_build_filename(base, "store", NULL);
    self->folder = berth_store_folder_open(self->path, 0, NULL);
    assert_non_null(self->folder);
    *state = self;
    return 0;
}

static void
remove_all(const char *path)
{
    const char *name;
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *child = g_build_filename(path, name, NULL);
        if (g_file_test(child, G_FILE_TEST_IS_DIR)) {
            remove_all(child);
        }
        g_remove(child);
    }
}

static int
teardown(void **state)
{
    Fixture *self = *state;
    g_autofree char *base = g_path_get_dirname(self->path);
    berth_store_folder_free(self->folder);
    remove_all(base);
    g_rmdir(base);
    g_free(self->path);
    g_free(self);
    return 0;
}

/* A file in tmp/ with its list; the path is for g_free(). */
static char *
make_tmp(Fixture *self, const char *text, BerthChunkList **ret_list)
{
    char *path = berth_store_folder_tmp_file(self->folder, "x");
    assert_true(g_file_set_contents(path, text, -1, NULL));
    berth_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    *ret_list = berth_chunk_list_make(fd, NULL, NULL);
    assert_non_null(*ret_list);
    return path;
}

static void
a_file_comes_to_its_place_with_its_list(void **state)
{
    Fixture *self = *state;
    BerthDigest root;
    g_autoptr(GError) error = NULL;
    g_autoptr(BerthChunkList) list = NULL;
    g_autofree char *path = make_tmp(self, "hello", &list);
    berth_chunk_list_root(list, &root);
    assert_false(berth_store_folder_has(self->folder, &root));
    assert_true(berth_store_folder_take(self->folder, path, list, &error));
    assert_true(berth_store_folder_has(self->folder, &root));
    assert_false(g_file_test(path, G_FILE_TEST_EXISTS));

    g_autofree char *final_path = berth_store_folder_file(self->folder, &root, "img");
    g_autofree char *list_path = berth_store_folder_file(self->folder, &root, "chunks");
    struct stat status;
    assert_int_equal(stat(final_path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0444);
    g_autoptr(BerthChunkList) loaded = berth_chunk_list_load(list_path, &root, &error);
    assert_non_null(loaded);
    berth_autofd int fd = berth_store_folder_open_file(self->folder, &root, 5, &error);
    assert_true(fd >= 0);
    assert_int_equal(berth_store_folder_open_file(self->folder, &root, 6, &error), -1);
    assert_berth_error(error->code, BERTH_ERR_CORRUPT);
}

static void
the_same_file_twice_is_one(void **state)
{
    Fixture *self = *state;
    for (int i = 0; i < 2; i++) {
        g_autoptr(BerthChunkList) list = NULL;
        g_autofree char *path = make_tmp(self, "hello", &list);
        assert_true(berth_store_folder_take(self->folder, path, list, NULL));
        assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    }
    g_autoptr(GArray) roots = berth_store_folder_list(self->folder);
    assert_int_equal(roots->len, 1);
}

static void
a_file_that_changed_meanwhile_is_refused(void **state)
{
    Fixture *self = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(BerthChunkList) list = NULL;
    g_autofree char *path = make_tmp(self, "hello", &list);
    assert_int_equal(truncate(path, 4), 0);
    assert_false(berth_store_folder_take(self->folder, path, list, &error));
    assert_berth_error(error->code, BERTH_ERR_CORRUPT);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    g_clear_error(&error);
    assert_false(berth_store_folder_take(self->folder, path, list, &error));
}

static void
a_link_is_never_followed(void **state)
{
    Fixture *self = *state;
    BerthDigest root;
    berth_digest_make("a", 1, &root);
    g_autofree char *path = berth_store_folder_file(self->folder, &root, "img");
    g_autofree char *list_path = berth_store_folder_file(self->folder, &root, "chunks");
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(symlink("/etc/passwd", list_path), 0);
    assert_false(berth_store_folder_has(self->folder, &root));
    assert_int_equal(berth_store_folder_open_file(self->folder, &root, 1, NULL), -1);
    assert_null(berth_chunk_list_load(list_path, &root, NULL));
}

static void
the_list_of_another_file_is_refused(void **state)
{
    Fixture *self = *state;
    BerthDigest root;
    BerthDigest other;
    g_autoptr(GError) error = NULL;
    g_autoptr(BerthChunkList) list = NULL;
    g_autofree char *path = make_tmp(self, "hello", &list);
    assert_true(berth_store_folder_take(self->folder, path, list, NULL));
    berth_chunk_list_root(list, &root);
    berth_digest_make("b", 1, &other);
    g_autofree char *list_path = berth_store_folder_file(self->folder, &root, "chunks");
    assert_null(berth_chunk_list_load(list_path, &other, &error));
    assert_berth_error(error->code, BERTH_ERR_CORRUPT);
}

static void
removing_takes_every_file_of_a_root_and_no_other(void **state)
{
    Fixture *self = *state;
    BerthDigest root;
    BerthDigest other;
    g_autoptr(BerthChunkList) list = NULL;
    g_autofree char *path = make_tmp(self, "hello", &list);
    assert_true(berth_store_folder_take(self->folder, path, list, NULL));
    berth_chunk_list_root(list, &root);
    berth_digest_make("b", 1, &other);
    g_autofree char *part = berth_store_folder_file(self->folder, &root, "part.json");
    g_autofree char *others = berth_store_folder_file(self->folder, &other, "part");
    assert_true(berth_store_folder_write(self->folder, part, "x", 1, NULL));
    assert_true(berth_store_folder_write(self->folder, others, "x", 1, NULL));
    assert_true(berth_store_folder_remove(self->folder, &root, NULL));
    assert_true(berth_store_folder_remove(self->folder, &root, NULL));
    g_autoptr(GArray) roots = berth_store_folder_list(self->folder);
    assert_int_equal(roots->len, 1);
    assert_true(berth_digest_equal(&g_array_index(roots, BerthDigest, 0), &other));
}

static void
opening_sweeps_what_was_never_finished(void **state)
{
    Fixture *self = *state;
    g_autofree char *tmp = berth_store_folder_tmp_file(self->folder, "half");
    assert_true(g_file_set_contents(tmp, "x", 1, NULL));
    g_autoptr(BerthStoreFolder) again = berth_store_folder_open(self->path, 0, NULL);
    assert_non_null(again);
    assert_false(g_file_test(tmp, G_FILE_TEST_EXISTS));
}

static void
the_reserve_is_not_for_files(void **state)
{
    Fixture *self = *state;
    g_autoptr(GError) error = NULL;
    uint64_t n = berth_store_folder_free_bytes(self->folder);
    assert_true(n > 0);
    assert_true(berth_store_folder_check_space(self->folder, 1, &error));
    g_autoptr(BerthStoreFolder) full = berth_store_folder_open(self->path, UINT64_MAX, NULL);
    assert_int_equal(berth_store_folder_free_bytes(full), 0);
    assert_false(berth_store_folder_check_space(full, 1, &error));
    assert_berth_error(error->code, BERTH_ERR_DISK_FULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_comes_to_its_place_with_its_list, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_file_twice_is_one, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_changed_meanwhile_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_link_is_never_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(the_list_of_another_file_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(removing_takes_every_file_of_a_root_and_no_other, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(opening_sweeps_what_was_never_finished, setup, teardown),
        cmocka_unit_test_setup_teardown(the_reserve_is_not_for_files, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
