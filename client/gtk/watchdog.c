/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/watchdog.h"

#include <glib.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MIN_PERIOD_US 1000

static void
notify(const char *text)
{
    const char *path = g_getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t len = path != NULL ? strlen(path) : 0;
    int fd;

    if (len == 0 || len >= sizeof address.sun_path) {
        return;
    }
    memcpy(address.sun_path, path, len);
    if (address.sun_path[0] == '@') {
        address.sun_path[0] = '\0'; /* the abstract name space */
    }
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
        close(fd);
    }
}

static gboolean
on_period(gpointer user_data)
{
    notify("WATCHDOG=1");
    return G_SOURCE_CONTINUE;
}

void
berth_watchdog_start(void)
{
    const char *period = g_getenv("WATCHDOG_USEC");
    guint64 period_us = period != NULL ? g_ascii_strtoull(period, NULL, 10) : 0;

    notify("READY=1");
    if (period_us >= MIN_PERIOD_US) {
        g_timeout_add((guint)MIN(period_us / 2000, G_MAXUINT), on_period, NULL);
    }
}
