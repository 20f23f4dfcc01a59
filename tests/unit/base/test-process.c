/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/process.h"

#include "base/cleanup.h"
#include "testing.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHELL(script) ((const char *const[]){ "/bin/sh", "-c", (script), NULL })

/* Waits for a child that must end by itself. */
static int
status_of(int pidfd)
{
    struct pollfd ended = { .fd = pidfd, .events = POLLIN };
    int status = -1000;
    assert_int_equal(poll(&ended, 1, 20000), 1);
    assert_berth_ok(berth_pidfd_reap(pidfd, &status));
    return status;
}

static char *
read_to_end(int fd)
{
    static char text[4096];
    size_t len = 0;
    ssize_t n;
    while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0) {
        len += (size_t)n;
    }
    text[len] = '\0';
    return text;
}

static char *
output_of(const char *const *argv, BerthSpawnOptions options, int *ret_status)
{
    g_autoptr(GError) error = NULL;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    options.stdout_fd = ends[1];
    options.death_signal = SIGKILL;
    berth_autofd int pidfd = -1;
    bool is_started = berth_spawn(argv, &options, &pidfd, NULL, &error);
    close(ends[1]);
    assert_true(is_started);
    char *text = read_to_end(ends[0]);
    close(ends[0]);
    *ret_status = status_of(pidfd);
    return text;
}

static void
output_and_exit_status_come_back(void **state)
{
    int status;
    assert_string_equal(output_of(SHELL("echo hi; exit 7"), (BerthSpawnOptions){ 0 }, &status),
                        "hi\n");
    assert_int_equal(status, 7);
}

static void
a_missing_program_is_an_error_and_leaves_nothing(void **state)
{
    g_autoptr(GError) error = NULL;
    int pidfd = -7;
    const char *const argv[] = { "/nowhere/program", NULL };
    assert_false(berth_spawn(argv, NULL, &pidfd, NULL, &error));
    assert_int_equal(error->code, BERTH_ERR_NOT_FOUND);
    assert_non_null(strstr(error->message, "cannot run \"/nowhere/program\""));
    assert_int_equal(pidfd, -7);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void
a_missing_folder_is_an_error(void **state)
{
    g_autoptr(GError) error = NULL;
    BerthSpawnOptions options = { .cwd = "/nowhere" };
    assert_false(berth_spawn(SHELL("true"), &options, NULL, NULL, &error));
    assert_non_null(strstr(error->message, "cannot enter the folder for"));
}

static void
only_mapped_descriptors_reach_the_child(void **state)
{
    /* Without close-on-exec, as a careless library would leave it. */
    berth_autofd int leak = dup(STDOUT_FILENO);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    BerthSpawnFd map[] = { { ends[0], 5 } };
    BerthSpawnOptions options = { .fds = map, .n_fds = 1 };
    int status;
    char *text =
        output_of(SHELL("cd /proc/self/fd && for f in *; do test -e $f && printf '%s ' $f; done"),
                  options, &status);
    close(ends[0]);
    close(ends[1]);
    assert_string_equal(text, "0 1 2 5 ");
}

static void
descriptors_may_swap_their_numbers(void **state)
{
    int a[2], b[2];
    assert_int_equal(pipe(a), 0);
    assert_int_equal(pipe(b), 0);
    assert_int_equal(write(a[1], "A", 1), 1);
    assert_int_equal(write(b[1], "B", 1), 1);
    BerthSpawnFd map[] = { { a[0], 7 }, { b[0], 8 } };
    assert_int_equal(dup2(a[0], 8), 8);
    assert_int_equal(dup2(b[0], 7), 7);
    map[0].source = 8; /* A at 8 becomes 7, B at 7 becomes 8 */
    map[1].source = 7;
    BerthSpawnOptions options = { .fds = map, .n_fds = 2 };
    int status;
    char *text = output_of(SHELL("head -c1 <&7; head -c1 <&8"), options, &status);
    assert_string_equal(text, "AB");
    for (int fd = 7; fd <= 8; fd++) {
        close(fd);
    }
    for (int i = 0; i < 2; i++) {
        if (a[i] > 8) {
            close(a[i]);
        }
        if (b[i] > 8) {
            close(b[i]);
        }
    }
}

static void
a_target_that_is_named_twice_is_refused(void **state)
{
    g_autoptr(GError) error = NULL;
    BerthSpawnFd map[] = { { 1, 5 }, { 2, 5 } };
    BerthSpawnOptions options = { .fds = map, .n_fds = 2 };
    assert_false(berth_spawn(SHELL("true"), &options, NULL, NULL, &error));
    assert_int_equal(error->code, BERTH_ERR_INVALID);
}

static void
environment_folder_and_session_are_as_asked(void **state)
{
    const char *const env[] = { "PATH=/usr/bin:/bin", "WHO=me", NULL };
    BerthSpawnOptions options = { .env = env, .cwd = "/usr", .new_session = true };
    int status;
    char *text = output_of(SHELL("echo $WHO $PWD $HOME; test $(ps -o sid= -p $$) = $$; echo $?"),
                           options, &status);
    assert_string_equal(text, "me /usr\n0\n");
}

static void
ignored_signals_are_normal_again_in_the_child(void **state)
{
    signal(SIGPIPE, SIG_IGN);
    int status;
    char *text =
        output_of(SHELL("grep SigIgn /proc/self/status"), (BerthSpawnOptions){ 0 }, &status);
    assert_string_equal(text, "SigIgn:\t0000000000000000\n");
}

static void
a_signal_through_the_pidfd_ends_the_child(void **state)
{
    berth_autofd int pidfd = -1;
    pid_t pid = -1;
    int status;
    BerthSpawnOptions options = { .death_signal = SIGKILL };
    const char *const argv[] = { "sleep", "1000", NULL };
    assert_true(berth_spawn(argv, &options, &pidfd, &pid, NULL));
    assert_true(pid > 0);
    assert_berth_error(berth_pidfd_reap(pidfd, &status), BERTH_ERR_AGAIN);
    assert_berth_ok(berth_pidfd_signal(pidfd, SIGTERM));
    assert_int_equal(status_of(pidfd), -SIGTERM);
    assert_berth_error(berth_pidfd_signal(pidfd, SIGTERM), BERTH_ERR_NOT_FOUND);
    assert_berth_error(berth_pidfd_reap(pidfd, &status), BERTH_ERR_NOT_FOUND);
}

static void
descriptors_are_raised_as_far_as_the_system_grants(void **state)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit low = { .rlim_cur = 64, .rlim_max = limit.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    berth_process_raise_descriptors(100);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &low), 0);
    assert_int_equal(low.rlim_cur, 100);
    berth_process_raise_descriptors(80);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &low), 0);
    assert_int_equal(low.rlim_cur, 100);
    setrlimit(RLIMIT_NOFILE, &limit);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_and_exit_status_come_back),
        cmocka_unit_test(a_missing_program_is_an_error_and_leaves_nothing),
        cmocka_unit_test(a_missing_folder_is_an_error),
        cmocka_unit_test(only_mapped_descriptors_reach_the_child),
        cmocka_unit_test(descriptors_may_swap_their_numbers),
        cmocka_unit_test(a_target_that_is_named_twice_is_refused),
        cmocka_unit_test(environment_folder_and_session_are_as_asked),
        cmocka_unit_test(ignored_signals_are_normal_again_in_the_child),
        cmocka_unit_test(a_signal_through_the_pidfd_ends_the_child),
        cmocka_unit_test(descriptors_are_raised_as_far_as_the_system_grants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
