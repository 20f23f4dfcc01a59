/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * berth-image-sandbox: gives away everything that looking at one image does not need, then becomes
 * the program that looks.
 *
 *   berth-image-sandbox CPU_S MEMORY_BYTES FILE_BYTES READ_PATH WRITE_PATH PROGRAM ARGUMENT...
 *
 * CPU, memory and the size of files are limited; there is no network; of the file system there are
 * programs and libraries, READ_PATH to read and WRITE_PATH to write (either may be empty); calls
 * that start processes, signal others or make sockets end it.  Started by the depot only.
 */
#include "base/error.h"
#include "base/log.h"
#include "base/sandbox.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define MAX_DESCRIPTORS 64

enum {
    ARG_CPU = 1,
    ARG_MEMORY,
    ARG_FILE,
    ARG_READ,
    ARG_WRITE,
    ARG_PROGRAM,
};

static bool
limit(int resource, const char *text)
{
    guint64 value = 0;
    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, &value, NULL)) {
        return false;
    }
    struct rlimit bounds = { .rlim_cur = value, .rlim_max = value };
    return setrlimit(resource, &bounds) == 0;
}

static bool
limit_all(char **argv)
{
    return limit(RLIMIT_CPU, argv[ARG_CPU]) && limit(RLIMIT_FSIZE, argv[ARG_FILE]) &&
           limit(RLIMIT_CORE, "0") && limit(RLIMIT_NOFILE, G_STRINGIFY(MAX_DESCRIPTORS));
}

/* Sockets are refused anyway; an empty network stands behind that where the kernel grants it. */
static void
leave_network(void)
{
    if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
        berth_log_debug("image-sandbox", "no network namespace: %s", g_strerror(errno));
    }
}

static bool
enter(const char *read_path, const char *write_path, GError **error)
{
    /* With room for the path that is read. */
    const char *ro_paths[] = { "/usr",      "/lib",         "/lib64", "/etc/ld.so.cache",
                               "/dev/null", "/dev/urandom", NULL,     NULL };
    const char *rw_paths[] = { "/dev/null", NULL, NULL };
    static const char *const calls[] = { "execve",    "mmap",          "mprotect",        "prctl",
                                         "prlimit64", "get_mempolicy", "set_mempolicy",   "mbind",
                                         "preadv",    "pwritev",       "set_tid_address", NULL };
    static const char *const refused[] = { "io_uring_setup", "socket", "sched_setattr", NULL };
    const BerthSandboxProfile profile = {
        .name = "image-sandbox",
        .flags = BERTH_SANDBOX_FILES | BERTH_SANDBOX_THREADS,
        .ro_paths = ro_paths,
        .rw_paths = rw_paths,
        .syscalls = calls,
        .refused = refused,
    };
    if (read_path[0] != '\0') {
        ro_paths[G_N_ELEMENTS(ro_paths) - 2] = read_path;
    }
    if (write_path[0] != '\0') {
        rw_paths[1] = write_path;
    }
    return berth_sandbox_enter(&profile, error);
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    berth_log_init("berth-image-sandbox");
    if (argc <= ARG_PROGRAM) {
        berth_log_error("image-sandbox", "this program is started by the depot only");
        return 2;
    }
    if (!limit_all(argv)) {
        berth_log_error("image-sandbox", "cannot limit itself: %s", g_strerror(errno));
        return 1;
    }
    leave_network();
    if (!enter(argv[ARG_READ], argv[ARG_WRITE], &error)) {
        berth_log_error("image-sandbox", "%s", error->message);
        return 1;
    }
    /* Last: what runs until here may need more address space than qemu-img gets. */
    if (!limit(RLIMIT_AS, argv[ARG_MEMORY])) {
        return 1;
    }
    execv(argv[ARG_PROGRAM], argv + ARG_PROGRAM);
    berth_log_error("image-sandbox", "cannot run \"%s\": %s", argv[ARG_PROGRAM], g_strerror(errno));
    return 1;
}
