/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * berth-image-sandbox: gives away everything that looking at one image does not need, then becomes
 * the program that looks.
 *
 *   berth-image-sandbox CPU_S MEMORY_BYTES FILE_BYTES [READ_PATH...] -- WRITE_PATH PROGRAM
 *                       ARGUMENT...
 *
 * CPU, memory and the size of files are limited; there is no network; of the file system there are
 * programs and libraries, the READ_PATHs to read and WRITE_PATH to write (empty: nothing); calls
 * that start processes, signal others or make sockets end it.  Started by the broker's depot and by
 * agents only.
 */
#include "base/depot/image-tool.h"
#include "base/error.h"
#include "base/log.h"
#include "base/sandbox.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define MAX_DESCRIPTORS 64
#define N_OWN_PATHS 6

enum {
    ARG_CPU = 1,
    ARG_MEMORY,
    ARG_FILE,
    ARG_READ,
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
enter(char **read_paths, int n_read, const char *write_path, GError **error)
{
    const char *ro_paths[N_OWN_PATHS + BERTH_IMAGE_MAX_READ_PATHS + 1] = {
        "/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/dev/null", "/dev/urandom"
    };
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
    for (int i = 0; i < n_read; i++) {
        ro_paths[N_OWN_PATHS + i] = read_paths[i];
    }
    if (write_path[0] != '\0') {
        rw_paths[1] = write_path;
    }
    return berth_sandbox_enter(&profile, error);
}

/* Where "--" stands, or 0. */
static int
find_end_of_reads(int argc, char **argv)
{
    for (int i = ARG_READ; i < argc && i <= ARG_READ + BERTH_IMAGE_MAX_READ_PATHS; i++) {
        if (strcmp(argv[i], "--") == 0) {
            return i;
        }
    }
    return 0;
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    berth_log_init("berth-image-sandbox");
    int end = find_end_of_reads(argc, argv);
    if (end == 0 || argc <= end + 2) {
        berth_log_error("image-sandbox", "this program is started by broker and agents only");
        return 2;
    }
    char **program = argv + end + 2;
    if (!limit_all(argv)) {
        berth_log_error("image-sandbox", "cannot limit itself: %s", g_strerror(errno));
        return 1;
    }
    leave_network();
    if (!enter(argv + ARG_READ, end - ARG_READ, argv[end + 1], &error)) {
        berth_log_error("image-sandbox", "%s", error->message);
        return 1;
    }
    /* Last: what runs until here may need more address space than qemu-img gets. */
    if (!limit(RLIMIT_AS, argv[ARG_MEMORY])) {
        return 1;
    }
    execv(program[0], program);
    berth_log_error("image-sandbox", "cannot run \"%s\": %s", program[0], g_strerror(errno));
    return 1;
}
