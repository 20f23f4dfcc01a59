/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/process-identity.h"

#include "base/cleanup.h"
#include "base/process.h"
#include "berth/errors.h"

#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Fields of /proc/PID/stat after the name in parentheses: state is the first, start time the 20th.
 */
#define START_TIME_FIELD 20
#define STAT_BYTES 1024

/* Reads state and start time; false if the process is gone. */
static bool
read_stat(pid_t pid, char *ret_state, uint64_t *ret_start_ticks)
{
    char path[64];
    char text[STAT_BYTES];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    berth_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (n <= 0) {
        return false;
    }
    text[n] = '\0';
    const char *field = strrchr(text, ')');
    if (field == NULL || field[1] != ' ') {
        return false;
    }
    *ret_state = field[2];
    for (int i = 0; i < START_TIME_FIELD && field != NULL; i++) {
        field = strchr(field + 1, ' ');
    }
    if (field == NULL) {
        return false;
    }
    *ret_start_ticks = strtoull(field, NULL, 10);
    return true;
}

uint64_t
berth_process_get_start_ticks(pid_t pid)
{
    char state;
    uint64_t ticks = 0;
    return read_stat(pid, &state, &ticks) ? ticks : 0;
}

int
berth_process_open(pid_t pid, uint64_t start_ticks)
{
    char state;
    uint64_t ticks;
    if (pid <= 0) {
        return -1;
    }
    /* Open first, compare after: from then on the pidfd cannot come to mean another process. */
    berth_autofd int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0 || !read_stat(pid, &state, &ticks) || ticks != start_ticks || state == 'Z' ||
        state == 'X') {
        return -1;
    }
    return berth_steal_fd(&fd);
}

void
berth_process_kill_group(int pidfd, pid_t pid)
{
    /* While the pidfd's process is not reaped its pid, and so the group id, belongs to it. */
    if (pid > 1 && getpgid(pid) == pid && syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) == 0) {
        kill(-pid, SIGKILL);
    }
    berth_pidfd_signal(pidfd, SIGKILL);
}

static bool
has_word(const char *text, size_t len, const char *word)
{
    const char *end = text + len;
    for (const char *p = text; p < end; p += strnlen(p, (size_t)(end - p)) + 1) {
        size_t n = strnlen(p, (size_t)(end - p));
        if (n == strlen(word) && memcmp(p, word, n) == 0) {
            return true;
        }
    }
    return false;
}

static bool
is_ours_with_word(pid_t pid, const char *word)
{
    struct stat info;
    g_autofree char *folder = g_strdup_printf("/proc/%d", (int)pid);
    g_autofree char *path = g_build_filename(folder, "cmdline", NULL);
    g_autofree char *text = NULL;
    gsize len = 0;
    return pid != getpid() && stat(folder, &info) == 0 && info.st_uid == geteuid() &&
           g_file_get_contents(path, &text, &len, NULL) && has_word(text, len, word);
}

bool
berth_process_end_stray(const char *word)
{
    bool is_found = false;
    const char *name;
    GDir *dir = g_dir_open("/proc", 0, NULL);
    while (dir != NULL && !is_found && (name = g_dir_read_name(dir)) != NULL) {
        pid_t pid = (pid_t)g_ascii_strtoll(name, NULL, 10);
        if (pid > 0 && is_ours_with_word(pid, word)) {
            berth_autofd int pidfd = berth_process_open(pid, berth_process_get_start_ticks(pid));
            /* Once more behind the pidfd: the number may have come to mean another. */
            is_found = pidfd >= 0 && is_ours_with_word(pid, word);
            if (is_found) {
                berth_process_kill_group(pidfd, pid);
            }
        }
    }
    g_clear_pointer(&dir, g_dir_close);
    return is_found;
}
