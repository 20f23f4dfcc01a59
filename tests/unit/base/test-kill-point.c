/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/kill-point.h"

#include "testing.h"

#include <glib.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Signal that ended a process which comes to two points, the second one thrice; 0: none did. */
static int
die_with(const char *wish, int *ret_passes)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        g_setenv("BERTH_KILL_AT", wish, TRUE);
        berth_kill_point(BERTH_KILL_IMPORT_HASHED);
        for (int i = 0; i < 3; i++) {
            if (write(ends[1], "x", 1) != 1) {
                _exit(1);
            }
            berth_kill_point(BERTH_KILL_IMPORT_STORED);
        }
        _exit(0);
    }
    close(ends[1]);
    int status = 0;
    char passes[8];
    assert_int_equal(waitpid(pid, &status, 0), pid);
    *ret_passes = (int)read(ends[0], passes, sizeof(passes));
    close(ends[0]);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void
a_process_dies_where_it_is_asked_to(void **state)
{
    int passes = -1;
    assert_int_equal(die_with("import-hashed", &passes), SIGKILL);
    assert_int_equal(passes, 0);
    assert_int_equal(die_with("import-stored", &passes), SIGKILL);
    assert_int_equal(passes, 1);
    assert_int_equal(die_with("import-stored:3", &passes), SIGKILL);
    assert_int_equal(passes, 3);
    assert_int_equal(die_with("import-stored:4", &passes), 0);
    assert_int_equal(die_with("import-store", &passes), 0);
    assert_int_equal(die_with("import-storedx", &passes), 0);
    assert_int_equal(die_with("", &passes), 0);
}

static void
names_differ(void **state)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (int i = 0; i < BERTH_KILL_N_POINTS; i++) {
        assert_true(g_hash_table_add(seen, (char *)berth_kill_point_name((BerthKillPoint)i)));
    }
    assert_string_equal(berth_kill_point_name(BERTH_KILL_N_POINTS), "unknown");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_dies_where_it_is_asked_to),
        cmocka_unit_test(names_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
