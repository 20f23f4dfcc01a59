/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Starts programs without a shell, with exactly the descriptors they are meant to have.
 *
 * Every descriptor above 2 that is not in the map is closed in the child.  The child is waited
 * for through its pidfd (waitid P_PIDFD), so a reused pid can never be hit.  Thread: any.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct {
    int source; /* descriptor here, borrowed */
    int target; /* its number in the child */
} BerthSpawnFd;

typedef struct {
    const BerthSpawnFd *fds; /* targets must differ; 0, 1 and 2 are allowed */
    size_t n_fds;
    bool new_session;     /* setsid(): own session and process group */
    int death_signal;     /* signal to the child when the starting thread ends; 0 is none */
    int stdout_fd;        /* borrowed; <= 0 is inherited */
    int stderr_fd;        /* borrowed; <= 0 is inherited */
    const int *group_fds; /* "cgroup.procs" files of groups that the child enters; borrowed */
    size_t n_group_fds;
    const char *cwd;        /* NULL is inherited */
    const char *const *env; /* NULL-terminated KEY=VALUE; NULL is inherited */
} BerthSpawnOptions;

/*
 * Starts argv[0], searched in PATH if it has no slash; stdin is /dev/null unless mapped.
 *
 * options:    NULL for all defaults
 * ret_pidfd:  close-on-exec, owned by the caller; may be NULL
 * ret_pid:    may be NULL
 *
 * Returns once the child runs the program.  Errors: the code of the errno of whatever step failed
 * in parent or child (BERTH_ERR_NOT_FOUND for a missing program); nothing is left behind then.
 */
bool berth_spawn(const char *const *argv, const BerthSpawnOptions *options, int *ret_pidfd,
                 pid_t *ret_pid, GError **error);

/* Sends a signal through a pidfd.  Errors: BERTH_ERR_NOT_FOUND if the process is gone. */
int berth_pidfd_signal(int pidfd, int signal_number);

/*
 * Collects a child that ended, without waiting.
 *
 * ret_status:  exit status >= 0, or minus the signal that killed it; set on success only
 *
 * Errors: BERTH_ERR_AGAIN while it runs, BERTH_ERR_NOT_FOUND if it is not our child.
 */
int berth_pidfd_reap(int pidfd, int *ret_status);

/*
 * Raises the number of descriptors that this process may have; says so in the log if the system
 * grants fewer.  Children inherit it.
 */
void berth_process_raise_descriptors(uint64_t wanted);
