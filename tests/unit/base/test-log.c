/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/log.h"

#include "base/cleanup.h"
#include "testing.h"

#include "berth/limits.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int saved_stderr = -1;
static int log_fd = -1;

/* From here to take_lines() stderr is a pipe. */
static void
catch_lines(void)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    saved_stderr = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    log_fd = ends[0];
}

static char *
take_lines(void)
{
    static char lines[4096];
    dup2(saved_stderr, STDERR_FILENO);
    berth_clear_fd(&saved_stderr);
    ssize_t n = read(log_fd, lines, sizeof(lines) - 1);
    berth_clear_fd(&log_fd);
    lines[n > 0 ? n : 0] = '\0';
    return lines;
}

static void
a_line_has_time_program_level_scope_and_message(void **state)
{
    catch_lines();
    berth_log_warning("store", "disk %s is %d%% full", "sda", 91);
    assert_true(g_regex_match_simple("^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z "
                                     "test-log warning store: disk sda is 91% full\n$",
                                     take_lines(), 0, 0));
}

static void
a_peer_cannot_forge_a_line(void **state)
{
    catch_lines();
    berth_log_info("net", "hello from \"%s\"", "x\n2026 fake\r\033[31m\x7f");
    const char *lines = take_lines();
    assert_non_null(strstr(lines, "x\\x0a2026 fake\\x0d\\x1b[31m\\x7f"));
    assert_int_equal(strchr(lines, '\n') - lines, strlen(lines) - 1);
}

static void
context_is_on_every_line_until_taken_away(void **state)
{
    berth_log_set_context("session", "5e55");
    berth_log_set_context("user", "ann\nb");
    catch_lines();
    berth_log_info("x", "one");
    assert_non_null(strstr(take_lines(), "x: one session=5e55 user=ann\\x0ab\n"));
    berth_log_set_context("session", NULL);
    berth_log_set_context("user", NULL);
    catch_lines();
    berth_log_info("x", "two");
    assert_non_null(strstr(take_lines(), "x: two\n"));
}

static void
the_last_lines_are_kept(void **state)
{
    g_autofree char *long_line = g_strnfill(2 * BERTH_LIMIT_KEPT_LOG_LINE_BYTES, 'x');
    g_autofree char *nothing = berth_log_dup_kept();
    g_autofree char *kept = NULL;
    catch_lines();
    berth_log_keep(2);
    for (int i = 0; i < 5; i++) {
        berth_log_info("x", "line %d", i);
    }
    berth_log_debug("x", "not written, not kept");
    take_lines();
    kept = berth_log_dup_kept();
    assert_string_equal(nothing, "");
    assert_null(strstr(kept, "line 2"));
    assert_non_null(strstr(kept, "x: line 3\n"));
    assert_true(g_str_has_suffix(kept, "x: line 4\n"));
    catch_lines();
    berth_log_info("x", "%s", long_line);
    take_lines();
    g_free(kept);
    kept = berth_log_dup_kept();
    assert_in_range(strlen(kept), 1, 2 * BERTH_LIMIT_KEPT_LOG_LINE_BYTES);
    assert_int_equal(kept[strlen(kept) - 1], '\n');
    berth_log_keep(0);
    g_free(kept);
    kept = berth_log_dup_kept();
    assert_string_equal(kept, "");
}

static void
levels_are_set_for_all_and_for_scopes(void **state)
{
    assert_true(berth_log_set_levels("error,session=debug"));
    assert_false(berth_log_is_enabled(BERTH_LOG_WARNING, "store"));
    assert_true(berth_log_is_enabled(BERTH_LOG_ERROR, "store"));
    assert_true(berth_log_is_enabled(BERTH_LOG_DEBUG, "session"));
    assert_true(berth_log_set_levels(NULL));
    assert_true(berth_log_is_enabled(BERTH_LOG_INFO, "store"));
    assert_false(berth_log_is_enabled(BERTH_LOG_DEBUG, "session"));
}

static void
levels_that_cannot_be_read_change_nothing(void **state)
{
    assert_true(berth_log_set_levels("warning"));
    assert_false(berth_log_set_levels("loud"));
    assert_false(berth_log_set_levels("debug,session=loud"));
    assert_false(berth_log_set_levels("debug,=info"));
    assert_false(berth_log_is_enabled(BERTH_LOG_INFO, "session"));
    assert_true(berth_log_set_levels(NULL));
}

static void
messages_of_glib_become_our_lines(void **state)
{
    catch_lines();
    g_warning("a library is unhappy");
    assert_non_null(strstr(take_lines(), "test-log warning glib: a library is unhappy\n"));
}

static void
errno_survives_a_line(void **state)
{
    catch_lines();
    errno = EXDEV;
    berth_log_info("x", "line");
    int after = errno;
    take_lines();
    assert_int_equal(after, EXDEV);
}

int
main(void)
{
    berth_log_init("test-log");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_program_level_scope_and_message),
        cmocka_unit_test(a_peer_cannot_forge_a_line),
        cmocka_unit_test(context_is_on_every_line_until_taken_away),
        cmocka_unit_test(the_last_lines_are_kept),
        cmocka_unit_test(levels_are_set_for_all_and_for_scopes),
        cmocka_unit_test(levels_that_cannot_be_read_change_nothing),
        cmocka_unit_test(messages_of_glib_become_our_lines),
        cmocka_unit_test(errno_survives_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
