/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/mpsc-queue.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct BerthQueue {
    BerthQueueFunc func;
    void *user_data;
    GDestroyNotify item_free;
    GSource *source;
    int event_fd;
    GMutex mutex; /* guards what follows */
    GQueue items;
    bool is_closed;
};

static gboolean
on_wakeup(gint fd, GIOCondition condition, gpointer user_data)
{
    BerthQueue *queue = user_data;
    uint64_t n_wakeups;
    if (read(fd, &n_wakeups, sizeof(n_wakeups)) == sizeof(n_wakeups)) {
        berth_queue_drain(queue);
    }
    return G_SOURCE_CONTINUE;
}

BerthQueue *
berth_queue_new(GMainContext *context, BerthQueueFunc func, void *user_data,
                GDestroyNotify item_free)
{
    BerthQueue *queue = g_new0(BerthQueue, 1);
    queue->func = func;
    queue->user_data = user_data;
    queue->item_free = item_free;
    queue->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (queue->event_fd < 0) {
        g_error("the kernel gives no eventfd: %s", g_strerror(errno));
    }
    g_mutex_init(&queue->mutex);
    g_queue_init(&queue->items);
    queue->source = g_unix_fd_source_new(queue->event_fd, G_IO_IN);
    g_source_set_static_name(queue->source, "berth-queue");
    /* Else GLib takes the descriptor out and in around each dispatch, and wakes itself for both. */
    g_source_set_can_recurse(queue->source, TRUE);
    g_source_set_callback(queue->source, G_SOURCE_FUNC(on_wakeup), queue, NULL);
    g_source_attach(queue->source, context);
    return queue;
}

bool
berth_queue_push(BerthQueue *queue, void *item)
{
    g_mutex_lock(&queue->mutex);
    bool is_taken = !queue->is_closed;
    bool was_empty = g_queue_is_empty(&queue->items);
    if (is_taken) {
        g_queue_push_tail(&queue->items, item);
    }
    g_mutex_unlock(&queue->mutex);

    if (!is_taken) {
        if (queue->item_free) {
            queue->item_free(item);
        }
        return false;
    }
    /* Whoever pushed the first of those that wait has woken the context. */
    if (was_empty) {
        uint64_t one = 1;
        ssize_t written = write(queue->event_fd, &one, sizeof(one));
        (void)written;
    }
    return true;
}

void
berth_queue_drain(BerthQueue *queue)
{
    BerthQueueFunc func = queue->func;
    void *user_data = queue->user_data;

    g_mutex_lock(&queue->mutex);
    GList *batch = queue->items.head;
    g_queue_init(&queue->items);
    g_mutex_unlock(&queue->mutex);

    for (GList *link = batch; link; link = link->next) {
        func(link->data, user_data);
    }
    g_list_free(batch);
}

void
berth_queue_close(BerthQueue *queue)
{
    g_mutex_lock(&queue->mutex);
    queue->is_closed = true;
    GList *batch = queue->items.head;
    g_queue_init(&queue->items);
    g_mutex_unlock(&queue->mutex);

    if (queue->item_free) {
        g_list_free_full(batch, queue->item_free);
    } else {
        g_list_free(batch);
    }
}

void
berth_queue_free(BerthQueue *queue)
{
    if (!queue) {
        return;
    }
    berth_queue_close(queue);
    g_source_destroy(queue->source);
    g_source_unref(queue->source);
    close(queue->event_fd);
    g_mutex_clear(&queue->mutex);
    g_free(queue);
}
