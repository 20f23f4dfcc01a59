/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vhost-gpu/gpu-server.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fdpass.h"
#include "base/log.h"
#include "host-agent/vhost-gpu/display-socket.h"
#include "host-agent/vhost-gpu/gpu-queues.h"
#include "host-agent/vhost-gpu/session-link.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/socket.h>
#include <unistd.h>

#define SCOPE "gpu"

typedef struct {
    const BerthGpuServerConfig *config;
    bool is_done;
    int status;
    BerthVhostUser vhost;
    BerthGpuDevice *device;
    BerthGpuQueues *queues;
    BerthSessionLink *link;
    BerthDisplaySocket *display;
    bool was_started[BERTH_VHOST_QUEUES];
    guint kick_sources[BERTH_VHOST_QUEUES];
    guint more_source, due_source;
} Server;

static void run_queue(Server *self, unsigned queue);

/* ---- keeper ---- */

static void
keep(Server *self, unsigned slot, int fd)
{
    uint8_t number = (uint8_t)slot;

    berth_fds_send(self->config->keeper_fd, &number, 1, &fd, fd >= 0 ? 1 : 0);
}

static void
keep_all(Server *self)
{
    for (unsigned i = 0; i < BERTH_LIMIT_GUEST_REGIONS; i++) {
        keep(self, BERTH_GPU_FD_REGION + i,
             i < self->vhost.n_regions ? self->vhost.region_fds[i] : -1);
    }
    for (unsigned i = 0; i < BERTH_VHOST_QUEUES; i++) {
        keep(self, BERTH_GPU_FD_KICK + i, self->vhost.queues[i].kick_fd);
        keep(self, BERTH_GPU_FD_CALL + i, self->vhost.queues[i].call_fd);
    }
    keep(self, BERTH_GPU_FD_DISPLAY, self->vhost.display_fd);
    berth_gpu_notes_set_vhost(self->config->notes, &self->vhost);
}

/* ---- the device ---- */

static int
on_set_mode(unsigned scanout, int w_px, int h_px, BerthFrame *ret_frame, void *user_data)
{
    Server *self = user_data;
    int r = berth_session_link_set_mode(self->link, scanout, w_px, h_px, ret_frame);

    if (r == BERTH_OK && self->display) {
        berth_display_socket_tell(self->display, scanout, w_px, h_px);
    }
    return r;
}

static void
on_show(unsigned scanout, const BerthDamage *damage, void *user_data)
{
    Server *self = user_data;

    berth_session_link_show(self->link, scanout, damage);
}

static void
on_set_cursor(unsigned scanout, const uint8_t *pixels, uint32_t hot_x, uint32_t hot_y,
              void *user_data)
{
    Server *self = user_data;

    berth_session_link_set_cursor(self->link, scanout, pixels, hot_x, hot_y);
}

static void
on_move_cursor(unsigned scanout, int32_t x_px, int32_t y_px, void *user_data)
{
    Server *self = user_data;

    berth_session_link_move_cursor(self->link, scanout, x_px, y_px);
}

static const BerthGpuDeviceCallbacks device_callbacks = {
    .set_mode = on_set_mode,
    .show = on_show,
    .set_cursor = on_set_cursor,
    .move_cursor = on_move_cursor,
};

/* ---- queues ---- */

static gboolean
on_due(gpointer user_data)
{
    Server *self = user_data;

    self->due_source = 0;
    berth_gpu_queues_tick(self->queues, berth_monotonic_us());
    run_queue(self, BERTH_GPU_CONTROL_QUEUE);
    return G_SOURCE_REMOVE;
}

static gboolean
on_more(gpointer user_data)
{
    Server *self = user_data;

    self->more_source = 0;
    run_queue(self, BERTH_GPU_CONTROL_QUEUE);
    return G_SOURCE_REMOVE;
}

/* After whatever may have given requests back: interrupts, packets, the next deadline. */
static void
settle(Server *self)
{
    int64_t now_us = berth_monotonic_us();
    int64_t due_us = berth_gpu_queues_get_due_us(self->queues, now_us);
    const uint64_t one = 1;

    for (unsigned i = 0; i < BERTH_VHOST_QUEUES; i++) {
        BerthVhostQueue *queue = &self->vhost.queues[i];

        if (berth_vring_take_interrupt(&queue->vring) && queue->call_fd >= 0 &&
            write(queue->call_fd, &one, sizeof(one)) < 0 && errno != EAGAIN) {
            berth_log_warning(SCOPE, "the guest cannot be told of answers: %s", g_strerror(errno));
        }
    }
    berth_session_link_flush(self->link);
    g_clear_handle_id(&self->due_source, g_source_remove);
    if (due_us != INT64_MAX) {
        self->due_source = g_timeout_add((guint)(MAX(due_us - now_us, 0) / 1000 + 1), on_due, self);
    }
}

static void
run_queue(Server *self, unsigned queue)
{
    if (berth_gpu_queues_run(self->queues, queue, berth_monotonic_us()) && !self->more_source) {
        self->more_source = g_idle_add(on_more, self);
    }
    settle(self);
}

static gboolean
on_kick(gint fd, GIOCondition condition, gpointer user_data)
{
    Server *self = user_data;
    uint64_t count;

    if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN) {
        berth_log_warning(SCOPE, "a queue's eventfd cannot be read: %s", g_strerror(errno));
        return G_SOURCE_REMOVE;
    }
    run_queue(self, fd == self->vhost.queues[BERTH_GPU_CURSOR_QUEUE].kick_fd
                        ? BERTH_GPU_CURSOR_QUEUE
                        : BERTH_GPU_CONTROL_QUEUE);
    return G_SOURCE_CONTINUE;
}

static void
on_want(void *user_data)
{
    Server *self = user_data;

    berth_gpu_queues_want(self->queues, berth_monotonic_us());
    run_queue(self, BERTH_GPU_CONTROL_QUEUE);
}

static void
on_session_closed(void *user_data)
{
    keep(user_data, BERTH_GPU_FD_SESSION, -1);
}

static void
on_stopping(unsigned queue, void *user_data)
{
    Server *self = user_data;

    berth_gpu_queues_stop(self->queues, queue);
    settle(self);
}

/* ---- display socket ---- */

static void
on_info(const uint8_t *info, void *user_data)
{
    Server *self = user_data;

    berth_gpu_queues_put_display(self->queues, info);
    settle(self);
}

static gboolean
on_no_display(gpointer user_data)
{
    on_info(NULL, user_data);
    return G_SOURCE_REMOVE;
}

static void
on_ask_display(void *user_data)
{
    Server *self = user_data;

    if (!self->display || !berth_display_socket_ask(self->display)) {
        g_idle_add(on_no_display, self);
    }
}

static void
open_display(Server *self)
{
    g_clear_pointer(&self->display, berth_display_socket_free);
    if (self->vhost.display_fd >= 0) {
        self->display = berth_display_socket_new(self->vhost.display_fd, on_info, self);
    }
}

/* ---- QEMU ---- */

static void
watch_queues(Server *self)
{
    for (unsigned i = 0; i < BERTH_VHOST_QUEUES; i++) {
        BerthVhostQueue *queue = &self->vhost.queues[i];

        if (queue->is_started == self->was_started[i]) {
            continue;
        }
        self->was_started[i] = queue->is_started;
        g_clear_handle_id(&self->kick_sources[i], g_source_remove);
        if (queue->is_started) {
            g_unix_set_fd_nonblocking(queue->kick_fd, TRUE, NULL);
            self->kick_sources[i] = g_unix_fd_add(queue->kick_fd, G_IO_IN, on_kick, self);
            berth_gpu_queues_started(self->queues, i);
        }
    }
}

static void
follow(Server *self, int changes)
{
    keep_all(self);
    if (changes & BERTH_VHOST_SOCKET) {
        open_display(self);
    }
    if (changes & BERTH_VHOST_MEMORY) {
        berth_gpu_device_resolve(self->device);
    }
    if (changes & BERTH_VHOST_QUEUES_CHANGED) {
        watch_queues(self);
        run_queue(self, BERTH_GPU_CONTROL_QUEUE);
        run_queue(self, BERTH_GPU_CURSOR_QUEUE);
    }
}

static int
read_payload(int fd, uint8_t *payload, size_t n)
{
    if (n == 0) {
        return BERTH_OK;
    }
    return recv(fd, payload, n, MSG_WAITALL) == (ssize_t)n ? BERTH_OK : BERTH_ERR_CLOSED;
}

/* One message with its answer.  Returns BERTH_VHOST_* or an error. */
static int
serve_message(Server *self)
{
    int fd = self->config->vhost_fd;
    uint8_t bytes[BERTH_VHOST_HEADER_BYTES];
    uint8_t payload[BERTH_VHOST_PAYLOAD_BYTES];
    int fds[BERTH_FDPASS_MAX_FDS];
    int n_fds = 0;
    size_t n_bytes;
    BerthVhostHeader header;
    BerthWriter reply;
    int r = berth_fds_recv(fd, bytes, sizeof(bytes), &n_bytes, fds, G_N_ELEMENTS(fds), &n_fds);

    if (r < 0) {
        return r;
    }
    berth_writer_init(&reply, BERTH_VHOST_HEADER_BYTES + BERTH_VHOST_PAYLOAD_BYTES);
    r = n_bytes == sizeof(bytes) ? berth_vhost_header_parse(bytes, &header) : BERTH_ERR_TRUNCATED;
    if (r == BERTH_OK) {
        r = read_payload(fd, payload, header.n_bytes);
    }
    if (r == BERTH_OK) {
        r = berth_vhost_user_handle(&self->vhost, &header, payload, fds, n_fds, &reply);
    }
    if (r >= 0 && reply.len > 0 &&
        send(fd, reply.data, reply.len, MSG_NOSIGNAL) != (ssize_t)reply.len) {
        r = BERTH_ERR_CLOSED;
    }
    berth_writer_clear(&reply);
    for (int i = 0; i < n_fds; i++) {
        berth_clear_fd(&fds[i]);
    }
    return r;
}

static gboolean
on_vhost(gint fd, GIOCondition condition, gpointer user_data)
{
    Server *self = user_data;
    int r = serve_message(self);

    if (r == BERTH_ERR_AGAIN) {
        return G_SOURCE_CONTINUE;
    }
    if (r < 0) {
        berth_log_info(SCOPE, "QEMU's connection ends: %s", berth_error_sentence(r));
        self->status = r == BERTH_ERR_CLOSED ? 0 : 1;
        self->is_done = true;
        return G_SOURCE_REMOVE;
    }
    follow(self, r);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_session(gint listen_fd, GIOCondition condition, gpointer user_data)
{
    Server *self = user_data;
    int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0) {
        berth_log_info(SCOPE, "a session looks");
        keep(self, BERTH_GPU_FD_SESSION, fd);
        berth_session_link_attach(self->link, fd);
    }
    return G_SOURCE_CONTINUE;
}

/* ---- life ---- */

/* Goes on where another worker died; at the first time there is nothing to find. */
static int
restore(Server *self)
{
    int session_fd = berth_steal_fd(&self->config->fds[BERTH_GPU_FD_SESSION]);
    int r =
        berth_gpu_notes_restore(self->config->notes, self->config->fds, &self->vhost, self->device);

    if (r < 0) {
        berth_log_error(SCOPE, "the work of the last worker cannot be continued: %s",
                        berth_error_sentence(r));
        return r;
    }
    open_display(self);
    for (unsigned i = 0; i < BERTH_VHOST_QUEUES; i++) {
        BerthVhostQueue *queue = &self->vhost.queues[i];

        self->was_started[i] = queue->is_started;
        if (queue->is_started) {
            self->kick_sources[i] = g_unix_fd_add(queue->kick_fd, G_IO_IN, on_kick, self);
        }
    }
    berth_gpu_queues_resume(self->queues, berth_monotonic_us());
    if (session_fd >= 0) {
        berth_session_link_attach(self->link, session_fd);
    }
    run_queue(self, BERTH_GPU_CONTROL_QUEUE);
    run_queue(self, BERTH_GPU_CURSOR_QUEUE);
    return BERTH_OK;
}

static void
clear(Server *self)
{
    for (unsigned i = 0; i < BERTH_VHOST_QUEUES; i++) {
        g_clear_handle_id(&self->kick_sources[i], g_source_remove);
    }
    g_clear_handle_id(&self->more_source, g_source_remove);
    g_clear_handle_id(&self->due_source, g_source_remove);
    berth_display_socket_free(self->display);
    berth_gpu_queues_free(self->queues);
    berth_gpu_device_free(self->device);
    berth_session_link_free(self->link);
    berth_vhost_user_clear(&self->vhost);
}

int
berth_gpu_server_run(const BerthGpuServerConfig *config)
{
    Server self = { .config = config };

    berth_vhost_user_init(&self.vhost, on_stopping, &self);
    self.link = berth_session_link_new(on_want, on_session_closed, &self);
    self.device = berth_gpu_device_new(&self.vhost.memory, &device_callbacks, &self);
    self.queues = berth_gpu_queues_new(&self.vhost, self.device, config->notes, on_ask_display,
                                       &self, berth_monotonic_us());
    g_unix_set_fd_nonblocking(config->listen_fd, TRUE, NULL);
    g_unix_fd_add(config->vhost_fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_vhost, &self);
    g_unix_fd_add(config->listen_fd, G_IO_IN, on_session, &self);
    if (restore(&self) < 0) {
        self.status = 1;
        self.is_done = true;
    }
    while (!self.is_done) {
        g_main_context_iteration(NULL, TRUE);
    }
    clear(&self);
    return self.status;
}
