/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/auth/socket-watchdog.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <fcntl.h>
#include <glib.h>
#include <stdbool.h>
#include <sys/socket.h>

struct BerthSocketWatchdog {
    GThread *thread;
    GMutex lock;
    GCond changed;
    int fd;
    gint64 deadline_us; /* monotonic */
    bool is_ended;
};

static gpointer
run(gpointer data)
{
    BerthSocketWatchdog *dog = data;
    g_mutex_lock(&dog->lock);
    while (!dog->is_ended) {
        if (berth_monotonic_us() < dog->deadline_us) {
            g_cond_wait_until(&dog->changed, &dog->lock, dog->deadline_us);
        } else if (dog->fd >= 0) {
            (void)shutdown(dog->fd, SHUT_RDWR);
            berth_clear_fd(&dog->fd);
        } else {
            g_cond_wait(&dog->changed, &dog->lock);
        }
    }
    g_mutex_unlock(&dog->lock);
    return NULL;
}

BerthSocketWatchdog *
berth_socket_watchdog_new(void)
{
    BerthSocketWatchdog *dog = g_new0(BerthSocketWatchdog, 1);
    g_mutex_init(&dog->lock);
    g_cond_init(&dog->changed);
    dog->fd = -1;
    dog->deadline_us = G_MAXINT64;
    dog->thread = g_thread_new("watchdog", run, dog);
    return dog;
}

void
berth_socket_watchdog_watch(BerthSocketWatchdog *dog, int fd)
{
    g_mutex_lock(&dog->lock);
    berth_clear_fd(&dog->fd);
    dog->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    g_cond_signal(&dog->changed);
    g_mutex_unlock(&dog->lock);
}

void
berth_socket_watchdog_allow(BerthSocketWatchdog *dog, int seconds)
{
    g_mutex_lock(&dog->lock);
    dog->deadline_us = berth_monotonic_us() + (gint64)seconds * G_USEC_PER_SEC;
    g_cond_signal(&dog->changed);
    g_mutex_unlock(&dog->lock);
}

void
berth_socket_watchdog_free(BerthSocketWatchdog *dog)
{
    if (dog == NULL) {
        return;
    }
    g_mutex_lock(&dog->lock);
    dog->is_ended = true;
    g_cond_signal(&dog->changed);
    g_mutex_unlock(&dog->lock);
    g_thread_join(dog->thread);
    berth_clear_fd(&dog->fd);
    g_mutex_clear(&dog->lock);
    g_cond_clear(&dog->changed);
    g_free(dog);
}
