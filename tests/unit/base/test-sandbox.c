/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/sandbox.h"

#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child does after it entered; its return value is its exit status. */
typedef int (*Deed)(void);

#define EXIT_NO_SANDBOX 99

static const BerthSandboxProfile strict = { .name = "strict" };

/* Runs a deed in a child; returns its exit status, or minus the signal that killed it. */
static int
run_in(const BerthSandboxProfile *profile, Deed deed)
{
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_DUMPABLE, 0);
        _exit(berth_sandbox_enter(profile, NULL) ? deed() : EXIT_NO_SANDBOX);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static bool
has_landlock(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 1;
}

static int
use_what_is_open(void)
{
    int ends[2];
    char byte;
    if (pipe(ends) < 0 || write(ends[1], "x", 1) != 1 || read(ends[0], &byte, 1) != 1) {
        return 1;
    }
    char *block = malloc(1 << 20);
    if (!block) {
        return 2;
    }
    memset(block, 1, 1 << 20);
    free(block);
    g_main_context_iteration(NULL, FALSE);
    return 0;
}

static int
try_a_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0) < 0 && errno == EPERM ? 0 : 1;
}

static int
open_password_file(void)
{
    return open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES ? 0 : 1;
}

static int
write_new_file(void)
{
    return open("/tmp/berth-sandbox-test-must-not-exist", O_WRONLY | O_CREAT, 0600) < 0 &&
                   errno == EACCES
               ? 0
               : 1;
}

static int
read_etc_but_not_proc(void)
{
    if (open("/etc/passwd", O_RDONLY) < 0) {
        return 1;
    }
    if (open("/etc/passwd", O_RDWR) >= 0) {
        return 2;
    }
    return open("/proc/self/status", O_RDONLY) < 0 && errno == EACCES ? 0 : 3;
}

static int
make_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 0 : 1;
}

static int
make_netlink_socket(void)
{
    return socket(AF_NETLINK, SOCK_RAW, 0) >= 0 ? 0 : 1;
}

static int
run_program(void)
{
    execl("/bin/true", "true", (char *)NULL);
    return 1;
}

static int
fork_once(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    return pid < 0;
}

static int
kill_parent(void)
{
    return kill(getppid(), 0) == 0;
}

static int
make_memory_executable(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mprotect(page, 4096, PROT_READ | PROT_EXEC) < 0;
}

static int
push_into_terminal(void)
{
    char key = 'x';
    return ioctl(STDIN_FILENO, TIOCSTI, &key) < 0;
}

static gpointer
do_nothing(gpointer data)
{
    return data;
}

static int
start_thread(void)
{
    int dummy;
    GThread *thread = g_thread_new("worker", do_nothing, &dummy);
    return g_thread_join(thread) != NULL ? 0 : 1;
}

static int
ptrace_parent(void)
{
    return (int)syscall(SYS_ptrace, 16, getppid(), 0, 0);
}

static void
open_descriptors_memory_and_the_loop_still_work(void **state)
{
    assert_int_equal(run_in(&strict, use_what_is_open), 0);
}

static void
opening_a_file_is_refused(void **state)
{
    assert_int_equal(run_in(&strict, open_password_file), 0);
    assert_int_equal(run_in(&strict, write_new_file), 0);
}

static void
landlock_opens_only_what_the_profile_names(void **state)
{
    if (!has_landlock()) {
        skip();
    }
    static const char *const readable[] = { "/etc", "/nowhere", NULL };
    const BerthSandboxProfile reader = {
        .name = "reader",
        .flags = BERTH_SANDBOX_FILES,
        .ro_paths = readable,
    };
    const BerthSandboxProfile nothing = { .name = "nothing", .flags = BERTH_SANDBOX_FILES };
    assert_int_equal(run_in(&reader, read_etc_but_not_proc), 0);
    assert_int_equal(run_in(&nothing, open_password_file), 0);
}

static void
forbidden_calls_kill_the_process(void **state)
{
    static const Deed deeds[] = {
        make_socket,  run_program,   fork_once,          kill_parent, make_memory_executable,
        start_thread, ptrace_parent, push_into_terminal,
    };
    for (size_t i = 0; i < G_N_ELEMENTS(deeds); i++) {
        assert_int_equal(run_in(&strict, deeds[i]), -SIGSYS);
    }
}

static void
flags_give_back_what_they_name_and_no_more(void **state)
{
    const BerthSandboxProfile sockets = { .name = "sockets", .flags = BERTH_SANDBOX_SOCKETS };
    const BerthSandboxProfile threads = { .name = "threads", .flags = BERTH_SANDBOX_THREADS };
    const BerthSandboxProfile processes = { .name = "p", .flags = BERTH_SANDBOX_PROCESSES };
    assert_int_equal(run_in(&sockets, make_socket), 0);
    assert_int_equal(run_in(&sockets, make_netlink_socket), -SIGSYS);
    assert_int_equal(run_in(&sockets, fork_once), -SIGSYS);
    assert_int_equal(run_in(&threads, start_thread), 0);
    assert_int_equal(run_in(&threads, fork_once), -SIGSYS);
    assert_int_equal(run_in(&processes, fork_once), 0);
    assert_int_equal(run_in(&processes, make_socket), -SIGSYS);
}

static void
a_profile_may_name_further_calls(void **state)
{
    static const char *const calls[] = { "kill", NULL };
    static const char *const wrong[] = { "kil", NULL };
    const BerthSandboxProfile killer = { .name = "killer", .syscalls = calls };
    const BerthSandboxProfile typo = { .name = "typo", .syscalls = wrong };
    assert_int_equal(run_in(&killer, kill_parent), 1);
    assert_int_equal(run_in(&typo, kill_parent), EXIT_NO_SANDBOX);
}

static void
what_libraries_try_may_fail_instead(void **state)
{
    static const char *const refused[] = { "socket", NULL };
    static const BerthSandboxProfile profile = { .name = "refused", .refused = refused };
    assert_int_equal(run_in(&profile, try_a_socket), 0);
    assert_int_equal(run_in(&strict, try_a_socket), -SIGSYS);
}

int
main(void)
{
    g_unsetenv("BERTH_SANDBOX");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_libraries_try_may_fail_instead),
        cmocka_unit_test(open_descriptors_memory_and_the_loop_still_work),
        cmocka_unit_test(opening_a_file_is_refused),
        cmocka_unit_test(landlock_opens_only_what_the_profile_names),
        cmocka_unit_test(forbidden_calls_kill_the_process),
        cmocka_unit_test(flags_give_back_what_they_name_and_no_more),
        cmocka_unit_test(a_profile_may_name_further_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
