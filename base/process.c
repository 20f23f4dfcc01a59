/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between fork and exec only async-signal-safe calls are made: other threads may hold any lock.
 * A pipe that closes on exec tells the parent whether exec happened or which step failed.
 */
#include "base/process.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* Descriptors that one child may be given. */
#define MAX_SPAWN_FDS 32

typedef enum {
    STEP_SETUP,
    STEP_GROUPS,
    STEP_DESCRIPTORS,
    STEP_DIRECTORY,
    STEP_EXEC,
} Step;

static const char *const step_names[] = {
    "prepare the process of",
    "enter the control groups for",
    "hand descriptors to",
    "enter the folder for",
    "run",
};

typedef struct {
    int errnum;
    Step step;
} Failure;

typedef struct {
    BerthSpawnFd fds[MAX_SPAWN_FDS + 3];
    size_t n_fds;
    int highest_target;
} FdPlan;

static bool
has_target(const FdPlan *plan, int target)
{
    for (size_t i = 0; i < plan->n_fds; i++) {
        if (plan->fds[i].target == target) {
            return true;
        }
    }
    return false;
}

static void
plan_fd(FdPlan *plan, int source, int target)
{
    plan->fds[plan->n_fds++] = (BerthSpawnFd){ source, target };
    plan->highest_target = MAX(plan->highest_target, target);
}

static bool
plan_fds(const BerthSpawnOptions *options, int null_fd, FdPlan *plan, GError **error)
{
    if (options->n_fds > MAX_SPAWN_FDS) {
        return berth_set_error(error, BERTH_ERR_INVALID, "%zu descriptors are more than %d",
                               options->n_fds, MAX_SPAWN_FDS);
    }
    plan->highest_target = STDERR_FILENO;
    for (size_t i = 0; i < options->n_fds; i++) {
        const BerthSpawnFd *map = &options->fds[i];
        if (map->source < 0 || map->target < 0 || has_target(plan, map->target)) {
            return berth_set_error(error, BERTH_ERR_INVALID,
                                   "descriptor %d cannot become %d in the child", map->source,
                                   map->target);
        }
        plan_fd(plan, map->source, map->target);
    }
    if (!has_target(plan, STDIN_FILENO)) {
        plan_fd(plan, null_fd, STDIN_FILENO);
    }
    if (options->stdout_fd > 0 && !has_target(plan, STDOUT_FILENO)) {
        plan_fd(plan, options->stdout_fd, STDOUT_FILENO);
    }
    if (options->stderr_fd > 0 && !has_target(plan, STDERR_FILENO)) {
        plan_fd(plan, options->stderr_fd, STDERR_FILENO);
    }
    return true;
}

static void
reset_signals(void)
{
    for (int i = 1; i < NSIG; i++) {
        signal(i, SIG_DFL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Sources may have the number of another's target: first all move up, then down to their place. */
static bool
place_fds(FdPlan *plan)
{
    for (size_t i = 0; i < plan->n_fds; i++) {
        int moved = fcntl(plan->fds[i].source, F_DUPFD_CLOEXEC, plan->highest_target + 1);
        if (moved < 0) {
            return false;
        }
        plan->fds[i].source = moved;
    }
    if (syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC) < 0) {
        return false;
    }
    for (size_t i = 0; i < plan->n_fds; i++) {
        if (dup2(plan->fds[i].source, plan->fds[i].target) < 0) {
            return false;
        }
    }
    return true;
}

static bool
set_up_child(const BerthSpawnOptions *options, pid_t parent)
{
    reset_signals();
    if (options->new_session && setsid() < 0) {
        return false;
    }
    if (options->death_signal > 0) {
        if (prctl(PR_SET_PDEATHSIG, (unsigned long)options->death_signal) < 0) {
            return false;
        }
        if (getppid() != parent) {
            _exit(127); /* the parent ended before the signal was set */
        }
    }
    return true;
}

/* Before exec: what the program does is within its limits from the first instruction. */
static bool
enter_groups(const BerthSpawnOptions *options)
{
    for (size_t i = 0; i < options->n_group_fds; i++) {
        if (write(options->group_fds[i], "0", 1) != 1) {
            return false;
        }
    }
    return true;
}

static void G_GNUC_NORETURN
run_child(const char *const *argv, const BerthSpawnOptions *options, FdPlan *plan, int report_fd,
          pid_t parent)
{
    Step step = STEP_SETUP;
    /* The report must be out of the way of every target as well. */
    int report = fcntl(report_fd, F_DUPFD_CLOEXEC, plan->highest_target + 1);
    bool is_good = report >= 0 && set_up_child(options, parent);
    if (is_good) {
        step = STEP_GROUPS;
        is_good = enter_groups(options);
    }
    if (is_good) {
        step = STEP_DESCRIPTORS;
        is_good = place_fds(plan);
    }
    if (is_good) {
        step = STEP_DIRECTORY;
        is_good = !options->cwd || chdir(options->cwd) == 0;
    }
    if (is_good) {
        step = STEP_EXEC;
        execvpe(argv[0], (char *const *)argv, options->env ? (char *const *)options->env : environ);
    }
    Failure failure = { errno, step };
    ssize_t written = write(report, &failure, sizeof(failure));
    (void)written;
    _exit(127);
}

/* The pipe ends without a word when exec succeeded. */
static bool
read_report(int fd, Failure *ret_failure)
{
    ssize_t n;
    do {
        n = read(fd, ret_failure, sizeof(*ret_failure));
    } while (n < 0 && errno == EINTR);
    return n == sizeof(*ret_failure);
}

static void
wait_for_child(pid_t pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
        continue;
    }
}

static bool
fail_errno(GError **error, int errnum, const char *what, const char *program)
{
    return berth_set_error(error, berth_error_from_errno(errnum), "cannot %s \"%s\": %s", what,
                           program, g_strerror(errnum));
}

bool
berth_spawn(const char *const *argv, const BerthSpawnOptions *options, int *ret_pidfd,
            pid_t *ret_pid, GError **error)
{
    static const BerthSpawnOptions defaults;
    options = options ? options : &defaults;
    FdPlan plan = { 0 };
    int ends[2];

    berth_autofd int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null_fd < 0 || pipe2(ends, O_CLOEXEC) < 0) {
        return fail_errno(error, errno, "prepare to run", argv[0]);
    }
    berth_autofd int report_in = ends[0];
    berth_autofd int report_out = ends[1];
    if (!plan_fds(options, null_fd, &plan, error)) {
        return false;
    }

    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        run_child(argv, options, &plan, report_out, parent);
    }
    if (pid < 0) {
        return fail_errno(error, errno, "fork for", argv[0]);
    }
    berth_clear_fd(&report_out);

    Failure failure;
    if (read_report(report_in, &failure)) {
        wait_for_child(pid);
        return fail_errno(error, failure.errnum, step_names[failure.step], argv[0]);
    }
    if (ret_pidfd) {
        int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (pidfd < 0) {
            int errnum = errno;
            kill(pid, SIGKILL);
            wait_for_child(pid);
            return fail_errno(error, errnum, "get a pidfd of", argv[0]);
        }
        *ret_pidfd = pidfd;
    }
    if (ret_pid) {
        *ret_pid = pid;
    }
    return true;
}

int
berth_pidfd_signal(int pidfd, int signal_number)
{
    if (syscall(SYS_pidfd_send_signal, pidfd, signal_number, NULL, 0) < 0) {
        return berth_error_from_errno(errno);
    }
    return BERTH_OK;
}

int
berth_pidfd_reap(int pidfd, int *ret_status)
{
    siginfo_t info = { 0 };
    if (waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG) < 0) {
        return BERTH_ERR_NOT_FOUND;
    }
    if (info.si_pid == 0) {
        return BERTH_ERR_AGAIN;
    }
    *ret_status = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
    return BERTH_OK;
}

void
berth_process_raise_descriptors(uint64_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) {
        return;
    }
    limit.rlim_cur = MIN((rlim_t)wanted, limit.rlim_max);
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted) {
        berth_log_warning("process", "the system grants %llu descriptors, %llu are wanted",
                          (unsigned long long)limit.rlim_cur, (unsigned long long)wanted);
    }
}
