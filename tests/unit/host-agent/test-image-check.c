/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/image-check.h"

#include "testing.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct {
    BerthImageCheck *check;
    char *folder;
    char *path;
    char *sha256;
    int n_answers;
    int code;
    char *text;
} Fixture;

static void
on_answer(int code, const char *text, void *user_data)
{
    Fixture *f = user_data;
    f->n_answers++;
    f->code = code;
    g_free(f->text);
    f->text = g_strdup(text);
}

static void
write_image(Fixture *f, const char *content)
{
    assert_true(g_file_set_contents(f->path, content, -1, NULL));
}

static BerthImageAsk *
ask(Fixture *f, const char *sha256)
{
    return berth_image_check_ask(f->check, f->path, sha256, on_answer, f);
}

static void
wait_for_answers(const Fixture *f, int n)
{
    while (f->n_answers < n) {
        g_main_context_iteration(NULL, TRUE);
    }
}

static void
a_file_is_hashed_once_and_then_known(void **state)
{
    Fixture *f = *state;
    assert_non_null(ask(f, f->sha256));
    assert_non_null(ask(f, f->sha256));
    assert_int_equal(f->n_answers, 0);
    wait_for_answers(f, 2);
    assert_berth_ok(f->code);
    assert_null(f->text);
    assert_null(ask(f, f->sha256));
    g_autofree char *upper = g_ascii_strup(f->sha256, -1);
    assert_null(ask(f, upper));
}

static void
another_file_is_refused_and_named(void **state)
{
    Fixture *f = *state;
    char wrong[] = "0000000000000000000000000000000000000000000000000000000000000000";
    assert_non_null(ask(f, wrong));
    wait_for_answers(f, 1);
    assert_berth_error(f->code, BERTH_ERR_CORRUPT);
    assert_non_null(strstr(f->text, f->path));
    assert_non_null(strstr(f->text, f->sha256));
}

static void
a_file_that_was_changed_is_hashed_again(void **state)
{
    Fixture *f = *state;
    assert_non_null(ask(f, f->sha256));
    wait_for_answers(f, 1);
    write_image(f, "changed");
    assert_non_null(ask(f, f->sha256));
    wait_for_answers(f, 2);
    assert_berth_error(f->code, BERTH_ERR_CORRUPT);
}

static void
a_missing_file_is_told(void **state)
{
    Fixture *f = *state;
    g_unlink(f->path);
    assert_non_null(ask(f, f->sha256));
    wait_for_answers(f, 1);
    assert_berth_error(f->code, BERTH_ERR_NOT_FOUND);
}

static void
a_question_that_was_taken_back_is_not_answered(void **state)
{
    Fixture *f = *state;
    BerthImageAsk *first = ask(f, f->sha256);
    assert_non_null(ask(f, f->sha256));
    berth_image_check_cancel(first);
    wait_for_answers(f, 1);
    while (g_main_context_iteration(NULL, FALSE)) {
    }
    assert_int_equal(f->n_answers, 1);
    assert_non_null(ask(f, "00"));
    /* The end with a question under way answers nothing either. */
    g_clear_pointer(&f->check, berth_image_check_free);
    assert_int_equal(f->n_answers, 1);
}

static int
set_up(void **state)
{
    Fixture *f = g_new0(Fixture, 1);
    f->folder = g_dir_make_tmp("berth-image-XXXXXX", NULL);
    f->path = g_build_filename(f->folder, "image.qcow2", NULL);
    f->sha256 = g_compute_checksum_for_string(G_CHECKSUM_SHA256, "golden", -1);
    f->check = berth_image_check_new();
    write_image(f, "golden");
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    Fixture *f = *state;
    berth_image_check_free(f->check);
    g_unlink(f->path);
    g_rmdir(f->folder);
    g_free(f->folder);
    g_free(f->path);
    g_free(f->sha256);
    g_free(f->text);
    g_free(f);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define IMAGE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        IMAGE_TEST(a_file_is_hashed_once_and_then_known),
        IMAGE_TEST(another_file_is_refused_and_named),
        IMAGE_TEST(a_file_that_was_changed_is_hashed_again),
        IMAGE_TEST(a_missing_file_is_told),
        IMAGE_TEST(a_question_that_was_taken_back_is_not_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
