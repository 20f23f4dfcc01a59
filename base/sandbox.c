/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/sandbox.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Rights of later Landlock versions, which the headers may lack. */
#define ACCESS_FS_REFER (1ULL << 13)
#define ACCESS_FS_TRUNCATE (1ULL << 14)

#define ACCESS_FS_VERSION_1 ((1ULL << 13) - 1)
#define ACCESS_FS_READ \
    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_EXECUTE)
/* What can be said of a path that is not a folder. */
#define ACCESS_FS_ON_FILES                                                                       \
    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE | \
     ACCESS_FS_TRUNCATE)

/* What a GLib loop over open descriptors needs, wherever it runs. */
static const char *const base_calls[] = {
    /* input and output on what is open */
    "read",
    "readv",
    "pread64",
    "write",
    "writev",
    "pwrite64",
    "close",
    "lseek",
    "dup",
    "dup2",
    "dup3",
    "fcntl",
    "fstat",
    "newfstatat",
    "pipe2",
    "fsync",
    "fdatasync",
    "ftruncate",
    /* waiting */
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "eventfd2",
    "timerfd_create",
    "timerfd_settime",
    "timerfd_gettime",
    "futex",
    "restart_syscall",
    /* open sockets */
    "recvfrom",
    "sendto",
    "recvmsg",
    "sendmsg",
    "recvmmsg",
    "sendmmsg",
    "getsockopt",
    "setsockopt",
    "getsockname",
    "getpeername",
    "shutdown",
    "accept",
    "accept4",
    /* memory */
    "brk",
    "munmap",
    "mremap",
    "madvise",
    "mlock",
    "munlock",
    "mincore",
    /* clocks and randomness */
    "clock_gettime",
    "clock_getres",
    "clock_nanosleep",
    "nanosleep",
    "gettimeofday",
    "time",
    "getrandom",
    /* about itself */
    "getpid",
    "getppid",
    "gettid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getrusage",
    "uname",
    "sysinfo",
    "getcpu",
    "sched_yield",
    "sched_getaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "set_robust_list",
    "get_robust_list",
    "rseq",
    "membarrier",
    "sigaltstack",
    "arch_prctl",
    /* signals and the end */
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigtimedwait",
    "signalfd4",
    "tgkill",
    "exit",
    "exit_group",
    NULL,
};

static const char *const file_calls[] = {
    "open",       "openat",    "stat",       "lstat",           "statx",
    "access",     "faccessat", "faccessat2", "readlink",        "readlinkat",
    "getdents64", "getcwd",    "fstatfs",    "statfs",          "unlink",
    "unlinkat",   "rename",    "renameat",   "renameat2",       "mkdir",
    "mkdirat",    "rmdir",     "link",       "linkat",          "fallocate",
    "flock",      "fchmod",    "fadvise64",  "copy_file_range", "umask",
    NULL,
};

static const char *const thread_calls[] = {
    "set_tid_address", "sched_setaffinity", "sched_setscheduler",
    "setpriority",     "getpriority",       NULL,
};

static const char *const socket_calls[] = {
    "connect", "bind", "listen", "socketpair", NULL,
};

static const char *const memfd_calls[] = { "memfd_create", "memfd_secret", NULL };

static const char *const process_calls[] = {
    "fork",      "vfork",   "clone",   "execve",      "execveat",
    "wait4",     "waitid",  "kill",    "pidfd_open",  "pidfd_send_signal",
    "setsid",    "getpgid", "setpgid", "close_range", "chdir",
    "prlimit64", NULL,
};

/* Libraries open files lazily (time zones, locales): they get an error, not their end. */
static const char *const refused_calls[] = {
    "open",      "openat",     "stat",     "lstat",      "statx", "access",
    "faccessat", "faccessat2", "readlink", "readlinkat", NULL,
};

static const struct {
    uint32_t flag;
    const char *const *calls;
} flag_calls[] = {
    { BERTH_SANDBOX_FILES, file_calls },        { BERTH_SANDBOX_THREADS, thread_calls },
    { BERTH_SANDBOX_SOCKETS, socket_calls },    { BERTH_SANDBOX_MEMFD, memfd_calls },
    { BERTH_SANDBOX_PROCESSES, process_calls },
};

static uint64_t
handled_access(int abi)
{
    uint64_t access = ACCESS_FS_VERSION_1;
    if (abi >= 2) {
        access |= ACCESS_FS_REFER;
    }
    if (abi >= 3) {
        access |= ACCESS_FS_TRUNCATE;
    }
    return access;
}

static bool
allow_path(int ruleset_fd, const char *path, uint64_t access, GError **error)
{
    berth_autofd int fd = open(path, O_PATH | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0) {
        berth_log_debug("sandbox", "\"%s\" is left out: %s", path, g_strerror(errno));
        return true;
    }
    struct landlock_path_beneath_attr rule = {
        .allowed_access = S_ISDIR(status.st_mode) ? access : access & ACCESS_FS_ON_FILES,
        .parent_fd = fd,
    };
    if (syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0) {
        return berth_set_error(error, berth_error_from_errno(errno), "cannot allow \"%s\": %s",
                               path, g_strerror(errno));
    }
    return true;
}

static bool
allow_paths(int ruleset_fd, const char *const *paths, uint64_t access, GError **error)
{
    for (int i = 0; paths && paths[i]; i++) {
        if (!allow_path(ruleset_fd, paths[i], access, error)) {
            return false;
        }
    }
    return true;
}

static bool
enter_landlock(const BerthSandboxProfile *profile, GError **error)
{
    int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1) {
        berth_log_warning("sandbox", "%s: this kernel has no Landlock, files are not confined",
                          profile->name);
        return true;
    }
    uint64_t handled = handled_access(abi);
    struct landlock_ruleset_attr attributes = { .handled_access_fs = handled };
    berth_autofd int fd =
        (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
    if (fd < 0) {
        return berth_set_error(error, berth_error_from_errno(errno),
                               "cannot make a Landlock ruleset: %s", g_strerror(errno));
    }
    if (!allow_paths(fd, profile->ro_paths, handled & ACCESS_FS_READ, error) ||
        !allow_paths(fd, profile->rw_paths, handled & ~LANDLOCK_ACCESS_FS_EXECUTE, error)) {
        return false;
    }
    if (syscall(SYS_landlock_restrict_self, fd, 0) < 0) {
        return berth_set_error(error, berth_error_from_errno(errno), "cannot enter Landlock: %s",
                               g_strerror(errno));
    }
    return true;
}

/*
 * Adds one rule for a call by its name.  A name that this architecture lacks is skipped for our
 * own lists, which serve all architectures.
 */
static int
add_call(scmp_filter_ctx filter, uint32_t action, const char *name)
{
    int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) {
        return -ENOENT;
    }
    int result = seccomp_rule_add(filter, action, number, 0);
    /* The default action again, or a call that only other architectures have: nothing to do. */
    return result == -EACCES || result == -EDOM || result == -EEXIST ? 0 : result;
}

static int
add_calls(scmp_filter_ctx filter, uint32_t action, const char *const *names)
{
    for (int i = 0; names && names[i]; i++) {
        int result = add_call(filter, action, names[i]);
        if (result < 0 && result != -ENOENT) {
            return result;
        }
    }
    return 0;
}

/* Calls whose arguments decide: no executable memory, no terminals, no foreign address family. */
static int
add_argument_rules(scmp_filter_ctx filter, uint32_t flags)
{
    static const int families[] = { AF_UNIX, AF_INET, AF_INET6 };
    static const unsigned long requests[] = { FIONREAD, FIONBIO, TCGETS };
    const struct scmp_arg_cmp not_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    const struct scmp_arg_cmp is_thread = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD);
    int result = 0;

    if (flags & BERTH_SANDBOX_PROCESSES) {
        result |=
            add_calls(filter, SCMP_ACT_ALLOW, (const char *const[]){ "mmap", "mprotect", NULL });
    } else {
        result |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, not_exec);
        result |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, not_exec);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(requests); i++) {
        result |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                                   SCMP_A1_32(SCMP_CMP_EQ, (uint32_t)requests[i]));
    }
    result |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                               SCMP_A0_32(SCMP_CMP_EQ, PR_SET_NAME));
    for (size_t i = 0; (flags & BERTH_SANDBOX_SOCKETS) && i < G_N_ELEMENTS(families); i++) {
        result |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                                   SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)families[i]));
    }
    if (flags & (BERTH_SANDBOX_THREADS | BERTH_SANDBOX_PROCESSES)) {
        /* Arguments of clone3 lie in memory, out of the filter's sight: libc falls back. */
        result |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    }
    if ((flags & BERTH_SANDBOX_THREADS) && !(flags & BERTH_SANDBOX_PROCESSES)) {
        result |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, is_thread);
    }
    return result;
}

static bool
add_profile_calls(scmp_filter_ctx filter, const BerthSandboxProfile *profile, GError **error)
{
    for (int i = 0; profile->syscalls && profile->syscalls[i]; i++) {
        if (add_call(filter, SCMP_ACT_ALLOW, profile->syscalls[i]) < 0) {
            return berth_set_error(error, BERTH_ERR_INVALID, "%s: there is no call \"%s\"",
                                   profile->name, profile->syscalls[i]);
        }
    }
    return true;
}

static bool
build_filter(scmp_filter_ctx filter, const BerthSandboxProfile *profile, GError **error)
{
    int result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    result |= add_calls(filter, SCMP_ACT_ALLOW, base_calls);
    for (size_t i = 0; i < G_N_ELEMENTS(flag_calls); i++) {
        if (profile->flags & flag_calls[i].flag) {
            result |= add_calls(filter, SCMP_ACT_ALLOW, flag_calls[i].calls);
        }
    }
    result |= add_argument_rules(filter, profile->flags);
    if (!add_profile_calls(filter, profile, error)) {
        return false;
    }
    result |= add_calls(filter, SCMP_ACT_ERRNO(EPERM), profile->refused);
    if (!(profile->flags & BERTH_SANDBOX_FILES)) {
        result |= add_calls(filter, SCMP_ACT_ERRNO(EACCES), refused_calls);
    }
    if (result != 0) {
        return berth_set_error(error, BERTH_ERR_IO, "%s: cannot build the seccomp filter",
                               profile->name);
    }
    return true;
}

static bool
enter_seccomp(const BerthSandboxProfile *profile, GError **error)
{
    bool is_log_only = g_strcmp0(g_getenv("BERTH_SANDBOX"), "log") == 0;
    if (is_log_only) {
        berth_log_warning("sandbox", "%s: BERTH_SANDBOX=log, forbidden calls only leave a line",
                          profile->name);
    }
    scmp_filter_ctx filter = seccomp_init(is_log_only ? SCMP_ACT_LOG : SCMP_ACT_KILL_PROCESS);
    if (!filter) {
        return berth_set_error(error, BERTH_ERR_UNSUPPORTED, "this system has no seccomp");
    }
    bool is_built = build_filter(filter, profile, error);
    int result = is_built ? seccomp_load(filter) : 0;
    seccomp_release(filter);
    if (result < 0) {
        return berth_set_error(error, BERTH_ERR_UNSUPPORTED, "%s: cannot load the filter: %s",
                               profile->name, g_strerror(-result));
    }
    return is_built;
}

bool
berth_sandbox_enter(const BerthSandboxProfile *profile, GError **error)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        return berth_set_error(error, berth_error_from_errno(errno),
                               "cannot give up new privileges: %s", g_strerror(errno));
    }
    return enter_landlock(profile, error) && enter_seccomp(profile, error);
}
