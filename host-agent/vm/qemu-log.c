/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/qemu-log.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#define LOG_FILE "qemu.log"
#define TAIL_BYTES 512

int
berth_qemu_log_open(const char *folder)
{
    g_autofree char *path = g_build_filename(folder, LOG_FILE, NULL);

    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_TRUNC | O_CLOEXEC, 0600);
}

char *
berth_qemu_log_dup_tail(const char *folder)
{
    char text[TAIL_BYTES + 1];
    g_autofree char *path = g_build_filename(folder, LOG_FILE, NULL);
    berth_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
    ssize_t n;
    const char *line;

    if (end <= 0) {
        return g_strdup("");
    }
    n = pread(fd, text, TAIL_BYTES, MAX(0, end - TAIL_BYTES));
    text[MAX(n, 0)] = '\0';
    g_strchomp(text);
    line = strrchr(text, '\n');
    return g_strconcat(": ", line != NULL ? line + 1 : text, NULL);
}
