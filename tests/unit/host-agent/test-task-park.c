/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/tasks/task-park.h"

#include "berth/errors.h"
#include "host-agent/state-file.h"

#include "testing.h"

#include <string.h>

#define FIRST "00112233445566778899aabbccddeeff"
#define SECOND "10112233445566778899aabbccddeeff"
#define MACHINE "20112233445566778899aabbccddeeff"

/* A kind whose work does what the test says. */
static struct {
    int n_starts, n_let_go, n_undone;
    BerthTaskContext *last;
    char *checkpoint; /* "step" that the last start found; NULL: none */
} work;

static void *
start_work(BerthTaskContext *context, GError **error)
{
    const json_t *checkpoint = berth_task_get_checkpoint(context);
    work.n_starts++;
    work.last = context;
    g_free(work.checkpoint);
    work.checkpoint = g_strdup(json_string_value(json_object_get(checkpoint, "step")));
    return &work;
}

static void
free_work(void *data, bool is_undone)
{
    work.n_undone += is_undone ? 1 : 0;
    work.n_let_go += is_undone ? 0 : 1;
}

static const BerthTaskKind test_kind = { .name = "test", .start = start_work, .free = free_work };
static const BerthTaskKind *const kinds[] = { &test_kind, NULL };

static void
on_changed(void *user_data)
{
    ++*(int *)user_data;
}

static int n_changes;
static char *folder;

static BerthTaskPark *
make_park(void)
{
    BerthTaskParkConfig config = {
        .folder = folder,
        .kinds = kinds,
        .on_changed = on_changed,
        .user_data = &n_changes,
    };
    return berth_task_park_new(&config);
}

static void
settle(void)
{
    while (g_main_context_iteration(NULL, FALSE)) {
    }
}

static void
want(BerthTaskPark *park, const char *text)
{
    json_t *tasks = json_loads(text, 0, NULL);
    assert_non_null(tasks);
    berth_task_park_want(park, tasks);
    json_decref(tasks);
    settle();
}

static int
compare_words(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "id:state" of all tasks, sorted; for g_free(). */
static char *
report(const BerthTaskPark *park)
{
    json_t *array = berth_task_park_report(park);
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    size_t i;
    json_t *item;
    json_array_foreach (array, i, item) {
        g_ptr_array_add(words,
                        g_strdup_printf("%.1s:%s", json_string_value(json_object_get(item, "id")),
                                        json_string_value(json_object_get(item, "state"))));
    }
    g_ptr_array_sort(words, compare_words);
    g_ptr_array_add(words, NULL);
    json_decref(array);
    return g_strjoinv(" ", (char **)words->pdata);
}

#define TASK(id, more) "{\"id\":\"" id "\",\"kind\":\"test\"" more "}"
#define ON_MACHINE ",\"machine\":\"" MACHINE "\""

static void
a_task_is_known_until_its_end_was_taken(void **state)
{
    BerthTaskPark *park = make_park();
    want(park, "[" TASK(FIRST, "") "]");
    assert_int_equal(work.n_starts, 1);
    g_autofree char *running = report(park);
    assert_string_equal(running, "0:running");
    berth_task_finish(work.last, BERTH_OK, "", json_object());
    settle();
    want(park, "[" TASK(FIRST, "") "]");
    g_autofree char *done = report(park);
    assert_string_equal(done, "0:done");
    want(park, "[]");
    g_autofree char *none = report(park);
    assert_string_equal(none, "");
    assert_int_equal(work.n_starts, 1);
    berth_task_park_free(park);
}

static void
a_new_agent_takes_it_up_at_its_checkpoint(void **state)
{
    BerthTaskPark *park = make_park();
    want(park, "[" TASK(FIRST, "") "]");
    assert_true(berth_task_set_checkpoint(work.last, json_pack("{s:s}", "step", "copied"), NULL));
    berth_task_park_free(park);
    assert_int_equal(work.n_let_go, 1);

    park = make_park();
    settle();
    assert_int_equal(work.n_starts, 2);
    assert_string_equal(work.checkpoint, "copied");
    berth_task_finish(work.last, BERTH_ERR_IO, "it broke", NULL);
    berth_task_park_free(park);

    park = make_park();
    settle();
    g_autofree char *words = report(park);
    assert_string_equal(words, "0:failed");
    assert_int_equal(work.n_starts, 2);
    want(park, "[]");
    berth_task_park_free(park);
}

static void
what_is_not_listed_any_more_is_undone(void **state)
{
    BerthTaskPark *park = make_park();
    want(park, "[" TASK(FIRST, "") "]");
    berth_task_park_set_safe_mode(park, true);
    want(park, "[]");
    assert_int_equal(work.n_undone, 0);
    berth_task_park_set_safe_mode(park, false);
    want(park, "[]");
    assert_int_equal(work.n_undone, 1);
    berth_task_park_free(park);
    park = make_park();
    g_autofree char *words = report(park);
    assert_string_equal(words, "");
    berth_task_park_free(park);
}

/* An earlier agent began it, and was killed: what it left is undone by the work itself. */
static void
what_an_earlier_agent_began_is_undone_too(void **state)
{
    BerthTaskPark *park = make_park();
    want(park, "[" TASK(FIRST, "") "]");
    berth_task_park_free(park);
    park = make_park();
    want(park, "[]");
    assert_int_equal(work.n_undone, 1);
    berth_task_park_free(park);
}

static void
tasks_of_one_machine_are_done_one_by_one(void **state)
{
    BerthTaskPark *park = make_park();
    const char *both = "[" TASK(FIRST, ON_MACHINE) "," TASK(SECOND, ON_MACHINE) "]";
    want(park, both);
    assert_int_equal(work.n_starts, 1);
    berth_task_finish(work.last, BERTH_OK, "", NULL);
    settle();
    assert_int_equal(work.n_starts, 2);
    berth_task_finish(work.last, BERTH_OK, "", NULL);
    want(park, "[]");
    berth_task_park_free(park);
}

static void
what_cannot_be_is_reported(void **state)
{
    BerthTaskPark *park = make_park();
    want(park, "[{\"id\":\"" FIRST "\",\"kind\":\"other\"},{\"id\":\"" SECOND "\"},7]");
    g_autofree char *words = report(park);
    assert_string_equal(words, "0:failed 1:failed");
    assert_int_equal(work.n_starts, 0);
    want(park, "[]");
    berth_task_park_free(park);
}

static void
a_broken_journal_is_forgotten(void **state)
{
    g_autofree char *path = g_build_filename(folder, FIRST ".json", NULL);
    assert_true(g_file_set_contents(path, "{\"id\": 1", -1, NULL));
    BerthTaskPark *park = make_park();
    g_autofree char *words = report(park);
    assert_string_equal(words, "");
    assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    berth_task_park_free(park);
}

static int
set_up(void **state)
{
    g_free(work.checkpoint);
    memset(&work, 0, sizeof work);
    n_changes = 0;
    folder = g_dir_make_tmp("berth-tasks-XXXXXX", NULL);
    return folder != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
    berth_state_folder_remove(folder);
    g_clear_pointer(&folder, g_free);
    g_clear_pointer(&work.checkpoint, g_free);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_task_is_known_until_its_end_was_taken),
        TEST(a_new_agent_takes_it_up_at_its_checkpoint),
        TEST(what_is_not_listed_any_more_is_undone),
        TEST(what_an_earlier_agent_began_is_undone_too),
        TEST(tasks_of_one_machine_are_done_one_by_one),
        TEST(what_cannot_be_is_reported),
        TEST(a_broken_journal_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
