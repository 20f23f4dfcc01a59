/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/cgroup.h"

#include "base/cleanup.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CGROUP_ROOT "/sys/fs/cgroup"
#define CGROUP_PARENT CGROUP_ROOT "/berth"
/* Beside the guest's memory: QEMU itself, and pictures queued for a display listener that stalls.
 */
#define QEMU_OVERHEAD_MIB 1024

static bool
write_text(const char *folder, const char *file, const char *text)
{
    g_autofree char *path = g_build_filename(folder, file, NULL);
    berth_autofd int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static bool
has_memory_controller(void)
{
    g_autofree char *controllers = NULL;
    return g_file_get_contents(CGROUP_ROOT "/cgroup.controllers", &controllers, NULL, NULL) &&
           strstr(controllers, "memory") != NULL;
}

bool
berth_cgroup_enter(const char *name, pid_t pid, int guest_memory_mib)
{
    if (!has_memory_controller()) {
        return false;
    }
    g_autofree char *folder = g_build_filename(CGROUP_PARENT, name, NULL);
    g_autofree char *pid_text = g_strdup_printf("%d", (int)pid);
    g_autofree char *limit =
        g_strdup_printf("%lld", (guest_memory_mib + QEMU_OVERHEAD_MIB) * 1048576LL);
    mkdir(CGROUP_PARENT, 0755);
    write_text(CGROUP_ROOT, "cgroup.subtree_control", "+memory +cpu +pids");
    write_text(CGROUP_PARENT, "cgroup.subtree_control", "+memory +cpu +pids");
    if (mkdir(folder, 0755) != 0 && errno != EEXIST) {
        berth_log_debug("vm", "no cgroup for %s: %s", name, g_strerror(errno));
        return false;
    }
    write_text(folder, "memory.max", limit);
    return write_text(folder, "cgroup.procs", pid_text);
}

void
berth_cgroup_remove(const char *name)
{
    g_autofree char *folder = g_build_filename(CGROUP_PARENT, name, NULL);
    if (access(folder, F_OK) != 0) {
        return;
    }
    write_text(folder, "cgroup.kill", "1");
    if (rmdir(folder) != 0) {
        berth_log_debug("vm", "cgroup %s stays for now: %s", name, g_strerror(errno));
    }
}
