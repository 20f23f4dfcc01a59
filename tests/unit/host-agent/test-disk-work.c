/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Disk files hashed and copied: sparse, checked, and nothing left of what went wrong. */
#include "host-agent/tasks/disk-work.h"

#include "base/cleanup.h"
#include "host-agent/state-file.h"
#include "testing.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (1024 * 1024)
#define FILE_BYTES (10 * MIB + 123)

typedef struct {
    char *folder, *source, *target, *list;
    GMainLoop *loop;
    BerthDiskWorkResult result;
} Fixture;

static int
set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);
    fixture->folder = g_dir_make_tmp("disk-work-XXXXXX", NULL);
    fixture->source = g_build_filename(fixture->folder, "source", NULL);
    fixture->target = g_build_filename(fixture->folder, "target", NULL);
    fixture->list = g_build_filename(fixture->folder, "list", NULL);
    fixture->loop = g_main_loop_new(NULL, FALSE);
    berth_autofd int fd = open(fixture->source, O_WRONLY | O_CREAT, 0600);
    char block[4096];
    memset(block, 'x', sizeof block);
    *state = fixture;
    return ftruncate(fd, FILE_BYTES) == 0 && pwrite(fd, block, sizeof block, 5 * MIB) == 4096 &&
                   pwrite(fd, block, 100, FILE_BYTES - 100) == 100
               ? 0
               : -1;
}

static int
tear_down(void **state)
{
    Fixture *fixture = *state;
    berth_state_folder_remove(fixture->folder);
    g_main_loop_unref(fixture->loop);
    g_free(fixture->folder);
    g_free(fixture->source);
    g_free(fixture->target);
    g_free(fixture->list);
    g_free(fixture);
    return 0;
}

static void
on_done(const BerthDiskWorkResult *result, void *user_data)
{
    Fixture *fixture = user_data;
    fixture->result = *result;
    assert_true((result->text == NULL) == (result->code == BERTH_OK));
    g_main_loop_quit(fixture->loop);
}

static int
work(Fixture *fixture, const BerthDiskWorkPlan *plan)
{
    berth_disk_work_start(plan, on_done, fixture);
    g_main_loop_run(fixture->loop);
    return fixture->result.code;
}

static void
flip(const char *path, off_t at)
{
    char byte = 0;
    berth_autofd int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 4;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

static void
a_copy_is_the_same_and_sparse(void **state)
{
    Fixture *fixture = *state;
    struct stat info;
    g_autofree char *before = NULL;
    g_autofree char *after = NULL;
    gsize n_before, n_after;
    BerthDiskWorkPlan plan = { .source = fixture->source, .target = fixture->target };
    assert_berth_ok(work(fixture, &plan));
    assert_int_equal(fixture->result.size_bytes, FILE_BYTES);
    assert_true(g_file_get_contents(fixture->source, &before, &n_before, NULL));
    assert_true(g_file_get_contents(fixture->target, &after, &n_after, NULL));
    assert_int_equal(n_before, n_after);
    assert_memory_equal(before, after, n_before);
    assert_int_equal(stat(fixture->target, &info), 0);
    assert_true(info.st_blocks * 512 < MIB);
}

static void
the_list_proves_a_second_copy(void **state)
{
    Fixture *fixture = *state;
    BerthDiskWorkPlan plan = { .source = fixture->source, .list_path = fixture->list };
    assert_berth_ok(work(fixture, &plan));
    BerthDigest root = fixture->result.root;
    g_autoptr(BerthChunkList) list = berth_chunk_list_load(fixture->list, &root, NULL);
    assert_non_null(list);
    plan = (BerthDiskWorkPlan){
        .source = fixture->source, .target = fixture->target, .root = &root, .expected = list
    };
    assert_berth_ok(work(fixture, &plan));
    assert_true(berth_digest_equal(&root, &fixture->result.root));
}

static void
a_flipped_bit_leaves_no_copy(void **state)
{
    Fixture *fixture = *state;
    BerthDiskWorkPlan plan = { .source = fixture->source, .list_path = fixture->list };
    assert_berth_ok(work(fixture, &plan));
    BerthDigest root = fixture->result.root;
    g_autoptr(BerthChunkList) list = berth_chunk_list_load(fixture->list, &root, NULL);
    const off_t places[] = { 0, 5 * MIB + 1, FILE_BYTES - 1 };
    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        flip(fixture->source, places[i]);
        plan = (BerthDiskWorkPlan){ .source = fixture->source,
                                    .target = fixture->target,
                                    .root = &root };
        assert_berth_error(work(fixture, &plan), BERTH_ERR_CORRUPT);
        assert_int_not_equal(access(fixture->target, F_OK), 0);
        plan.expected = list;
        assert_berth_error(work(fixture, &plan), BERTH_ERR_CORRUPT);
        assert_int_not_equal(access(fixture->target, F_OK), 0);
        flip(fixture->source, places[i]);
    }
}

static void
another_length_is_noticed(void **state)
{
    Fixture *fixture = *state;
    BerthDiskWorkPlan plan = { .source = fixture->source, .list_path = fixture->list };
    assert_berth_ok(work(fixture, &plan));
    BerthDigest root = fixture->result.root;
    g_autoptr(BerthChunkList) list = berth_chunk_list_load(fixture->list, &root, NULL);
    plan = (BerthDiskWorkPlan){
        .source = fixture->source, .target = fixture->target, .root = &root, .expected = list
    };
    assert_int_equal(truncate(fixture->source, FILE_BYTES - 1), 0);
    assert_berth_error(work(fixture, &plan), BERTH_ERR_CORRUPT);
    assert_int_equal(truncate(fixture->source, FILE_BYTES + 1), 0);
    assert_berth_error(work(fixture, &plan), BERTH_ERR_CORRUPT);
    assert_int_not_equal(access(fixture->target, F_OK), 0);
}

static void
what_is_no_file_is_refused(void **state)
{
    Fixture *fixture = *state;
    BerthDiskWorkPlan plan = { .source = fixture->folder, .target = fixture->target };
    assert_berth_error(work(fixture, &plan), BERTH_ERR_CORRUPT);
    assert_int_equal(symlink(fixture->source, fixture->list), 0);
    plan.source = fixture->list;
    assert_int_not_equal(work(fixture, &plan), BERTH_OK);
    plan.source = "/nowhere/at/all";
    assert_berth_error(work(fixture, &plan), BERTH_ERR_NOT_FOUND);
}

static void
never_called(const BerthDiskWorkResult *result, void *user_data)
{
    fail();
}

static void
a_cancelled_copy_leaves_nothing(void **state)
{
    Fixture *fixture = *state;
    BerthDiskWorkPlan plan = { .source = fixture->source, .target = fixture->target };
    for (int i = 0; i < 20; i++) {
        berth_disk_work_cancel(berth_disk_work_start(&plan, never_called, NULL));
        assert_int_not_equal(access(fixture->target, F_OK), 0);
    }
    while (g_main_context_iteration(NULL, FALSE)) {
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_copy_is_the_same_and_sparse, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_list_proves_a_second_copy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flipped_bit_leaves_no_copy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_length_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_file_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cancelled_copy_leaves_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
