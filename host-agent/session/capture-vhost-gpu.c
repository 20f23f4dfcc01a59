/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Capture from berth-gpu: pixels from the memfd that it paints, input by QEMU's D-Bus display.
 *
 * Its descriptor is a SOCK_SEQPACKET socket that holds one packet with two more: the D-Bus display,
 * on which no listener is registered, and the connection to berth-gpu.  A reader thread notes the
 * rectangles that are told, and asks for more when somebody wants a picture; until then the guest's
 * flushes wait for their answers.  Who takes the picture compares those rectangles straight in.
 *
 * Source: host-agent/vhost-gpu/gpu-wire.h.
 */
#include "host-agent/session/capture-qemu-dbus.h"
#include "host-agent/session/dbus-listener.h"
#include "host-agent/vhost-gpu/gpu-wire.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fdpass.h"
#include "base/log.h"
#include "berth/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define SCOPE "capture"

typedef struct {
    BerthCapture base;
    BerthCapture *input; /* of the D-Bus display */
    BerthScreen *screen;
    int fd;      /* to berth-gpu */
    int wake_fd; /* eventfd: a picture is wanted, or it is over */
    GThread *thread;
    gint is_closing; /* atomic */

    GMutex lock;       /* inside the screen's: */
    BerthDamage *told; /* what nobody has taken yet; NULL without a picture */

    /* The thread's; while something is offered the taker reads them as well: */
    uint8_t *picture; /* mapped; NULL: none */
    size_t picture_bytes;
    size_t stride_bytes;
    int w, h;

    bool owes_want; /* something was told since the last WANT */
    uint8_t bytes[BERTH_GPU_PACKET_BYTES];
    BerthGpuPacket packet;
} GpuCapture;

/* ---- the reader thread ---- */

/* Nobody reads the picture any more when this returns. */
static void
drop_picture(GpuCapture *self)
{
    berth_screen_withdraw(self->screen);
    g_clear_pointer(&self->told, berth_damage_free);
    if (self->picture) {
        munmap(self->picture, self->picture_bytes);
        self->picture = NULL;
    }
}

/* Without the seal the file could be cut while it is read here. */
static bool
is_sealed(int fd, size_t n_bytes)
{
    struct stat info;
    int seals = fcntl(fd, F_GET_SEALS);

    return seals >= 0 && (seals & F_SEAL_SHRINK) && fstat(fd, &info) == 0 && info.st_size >= 0 &&
           (uint64_t)info.st_size >= n_bytes;
}

static int
take_mode(GpuCapture *self, int fd)
{
    const BerthGpuPacket *packet = &self->packet;
    size_t n_bytes = (size_t)packet->stride_bytes * packet->h;
    void *picture;

    if (packet->w == 0) {
        drop_picture(self);
        berth_screen_blank(self->screen);
        return BERTH_OK;
    }
    if (fd < 0 || !is_sealed(fd, n_bytes)) {
        return BERTH_ERR_PROTOCOL;
    }
    picture = mmap(NULL, n_bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (picture == MAP_FAILED) {
        return BERTH_ERR_NO_MEMORY;
    }
    drop_picture(self);
    self->picture = picture;
    self->picture_bytes = n_bytes;
    self->stride_bytes = packet->stride_bytes;
    self->w = (int)packet->w;
    self->h = (int)packet->h;
    self->told = berth_damage_new(self->w, self->h);
    return self->told ? berth_screen_set_mode(self->screen, self->w, self->h) : BERTH_ERR_NO_MEMORY;
}

/* In the taker's thread, under the screen's lock. */
static void
fetch_told(BerthFrame *picture, BerthDamage *damage, void *user_data)
{
    GpuCapture *self = user_data;
    const BerthPixelSource whole = {
        .data = self->picture,
        .size_bytes = self->picture_bytes,
        .stride_bytes = self->stride_bytes,
        .format = berth_pixel_format_bgrx,
    };
    g_autofree BerthRect *rects = NULL;
    size_t n;

    g_mutex_lock(&self->lock);
    n = berth_damage_get_n_tiles(self->told);
    rects = g_new(BerthRect, n);
    n = berth_damage_get_rects(self->told, rects, n);
    for (size_t i = 0; i < n && picture->width == self->w && picture->height == self->h; i++) {
        BerthPixelSource part;

        if (berth_pixel_source_crop(&whole, self->w, self->h, rects[i], &part) == BERTH_OK) {
            berth_damage_compare_copy(damage, picture, rects[i], &part);
        }
    }
    berth_damage_clear(self->told);
    g_mutex_unlock(&self->lock);
}

static int
take_shown(GpuCapture *self)
{
    uint32_t stamp = berth_screen_get_input_stamp_now(self->screen);
    int64_t n_px;
    int r;

    for (unsigned i = 0; i < self->packet.n_rects; i++) {
        if (!self->told || !berth_rect_is_inside(self->packet.rects[i], self->w, self->h)) {
            return BERTH_ERR_PROTOCOL;
        }
    }
    g_mutex_lock(&self->lock);
    for (unsigned i = 0; i < self->packet.n_rects; i++) {
        berth_damage_add_rect(self->told, self->packet.rects[i]);
    }
    n_px = self->told ? berth_damage_get_area_px(self->told) : 0;
    g_mutex_unlock(&self->lock);
    /* Not before there is something to show: a new mode would be black until then. */
    r = berth_screen_set_mode(self->screen, self->w, self->h);
    if (r == BERTH_OK) {
        berth_screen_offer(self->screen, stamp, n_px, fetch_told, self);
    }
    self->owes_want = true;
    return r;
}

static void
take_cursor(GpuCapture *self)
{
    const BerthGpuPacket *packet = &self->packet;
    size_t n_bytes = (size_t)packet->w * packet->h * 4;
    g_autofree uint8_t *pixels = g_memdup2(packet->pixels, n_bytes);
    BerthCursorShape shape = {
        .width = (int)packet->w,
        .height = (int)packet->h,
        .hot_x = (int)packet->hot_x,
        .hot_y = (int)packet->hot_y,
        .pixels = pixels,
        .size_bytes = n_bytes,
    };

    berth_dbus_listener_straighten_cursor(pixels, n_bytes / 4);
    berth_screen_set_cursor(self->screen, &shape);
}

static int
take_packet(GpuCapture *self, int fd)
{
    if (self->packet.scanout != 0) {
        return BERTH_OK; /* QEMU gives such a card one output */
    }
    switch (self->packet.type) {
    case BERTH_GPU_MODE:
        return take_mode(self, fd);
    case BERTH_GPU_SHOWN:
        return take_shown(self);
    case BERTH_GPU_CURSOR:
        take_cursor(self);
        return BERTH_OK;
    case BERTH_GPU_POINTER:
        berth_screen_set_pointer(self->screen, self->packet.x, self->packet.y,
                                 self->packet.is_visible);
        return BERTH_OK;
    default:
        return BERTH_ERR_PROTOCOL;
    }
}

static int
read_packet(GpuCapture *self)
{
    berth_autofd int fd = -1;
    size_t n_bytes;
    int n_fds;
    int r = berth_fds_recv(self->fd, self->bytes, sizeof(self->bytes), &n_bytes, &fd, 1, &n_fds);

    if (r == BERTH_OK) {
        r = berth_gpu_packet_decode(self->bytes, n_bytes, &self->packet);
    }
    if (r == BERTH_OK) {
        r = take_packet(self, fd);
    }
    return r == BERTH_ERR_AGAIN ? BERTH_OK : r;
}

/* A WANT that does not fit now is owed still; berth-gpu does not wait for it for ever. */
static void
maybe_want(GpuCapture *self)
{
    BerthWriter writer;

    if (!self->owes_want || !berth_screen_is_wanted(self->screen)) {
        return;
    }
    self->packet = (BerthGpuPacket){ .type = BERTH_GPU_WANT };
    berth_writer_init(&writer, BERTH_GPU_PACKET_BYTES);
    berth_gpu_packet_encode(&self->packet, &writer);
    self->owes_want = berth_fds_send(self->fd, writer.data, writer.len, NULL, 0) < 0;
    berth_writer_clear(&writer);
}

static gpointer
run_thread(gpointer data)
{
    GpuCapture *self = data;
    int r = BERTH_OK;

    while (r == BERTH_OK && !g_atomic_int_get(&self->is_closing)) {
        struct pollfd polls[] = { { self->fd, POLLIN, 0 }, { self->wake_fd, POLLIN, 0 } };
        eventfd_t count;

        if (poll(polls, G_N_ELEMENTS(polls), -1) < 0 && errno != EINTR) {
            r = BERTH_ERR_IO;
        } else if (polls[0].revents) {
            r = read_packet(self);
        }
        if (polls[1].revents) {
            eventfd_read(self->wake_fd, &count);
        }
        maybe_want(self);
    }
    if (r < 0 && !g_atomic_int_get(&self->is_closing)) {
        g_autofree char *text =
            g_strdup_printf("the desktop's graphics card has gone: %s", berth_error_sentence(r));

        berth_log_warning(SCOPE, "%s", text);
        berth_screen_end(self->screen, BERTH_ERR_DESKTOP_GONE, text);
    }
    drop_picture(self);
    return NULL;
}

/* ---- input ---- */

static BerthCapture *
get_input(BerthCapture *base)
{
    return ((GpuCapture *)base)->input;
}

static int
gpu_key(BerthCapture *base, uint16_t evdev, bool is_down)
{
    return get_input(base)->ops->key(get_input(base), evdev, is_down);
}

static int
gpu_pointer_abs(BerthCapture *base, int head, int x_px, int y_px)
{
    return get_input(base)->ops->pointer_abs(get_input(base), head, x_px, y_px);
}

static int
gpu_pointer_rel(BerthCapture *base, int dx_px, int dy_px)
{
    return get_input(base)->ops->pointer_rel(get_input(base), dx_px, dy_px);
}

static int
gpu_button(BerthCapture *base, BerthButton button, bool is_down)
{
    return get_input(base)->ops->button(get_input(base), button, is_down);
}

static int
gpu_wheel(BerthCapture *base, int n_right, int n_down)
{
    return get_input(base)->ops->wheel(get_input(base), n_right, n_down);
}

static int
gpu_resize(BerthCapture *base, int head, int w_px, int h_px, int w_mm, int h_mm)
{
    return get_input(base)->ops->resize(get_input(base), head, w_px, h_px, w_mm, h_mm);
}

static void
gpu_set_sound(BerthCapture *base, BerthSoundRoom *room)
{
    get_input(base)->ops->set_sound(get_input(base), room);
}

/* ---- life ---- */

/* fd: taken. */
static bool
receive_fds(int fd, int ret_fds[2], GError **error)
{
    berth_autofd int owned = fd;
    uint8_t byte;
    size_t n_bytes;
    int n_fds = 0;
    int r = berth_fds_recv(owned, &byte, sizeof(byte), &n_bytes, ret_fds, 2, &n_fds);

    if (r == BERTH_OK && n_fds == 2) {
        return true;
    }
    for (int i = 0; r == BERTH_OK && i < n_fds; i++) {
        berth_clear_fd(&ret_fds[i]);
    }
    return berth_set_error(error, BERTH_ERR_PROTOCOL,
                           "no display and graphics card came with the descriptor");
}

static void
free_capture(GpuCapture *self)
{
    if (self->input) {
        self->input->ops->close(self->input);
    }
    berth_screen_set_source_wake(self->screen, -1);
    berth_clear_fd(&self->fd);
    berth_clear_fd(&self->wake_fd);
    berth_screen_unref(self->screen);
    g_mutex_clear(&self->lock);
    g_free(self);
}

static BerthCapture *
gpu_open(int fd, BerthHeads *heads, GError **error)
{
    int fds[2];
    GpuCapture *self;

    if (!receive_fds(fd, fds, error)) {
        return NULL;
    }
    self = g_new0(GpuCapture, 1);
    self->base.ops = &berth_capture_vhost_gpu;
    self->fd = fds[1];
    g_mutex_init(&self->lock);
    self->screen = berth_screen_ref(berth_heads_get(heads, 0));
    self->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->input = berth_capture_qemu_dbus_open_input(fds[0], heads, error);
    if (self->input) {
        berth_screen_set_source_wake(self->screen, self->wake_fd);
        self->thread = g_thread_try_new("vhost-gpu", run_thread, self, error);
    }
    if (!self->thread) {
        free_capture(self);
        return NULL;
    }
    return &self->base;
}

static void
gpu_close(BerthCapture *base)
{
    GpuCapture *self = (GpuCapture *)base;

    g_atomic_int_set(&self->is_closing, 1);
    eventfd_write(self->wake_fd, 1);
    g_thread_join(self->thread);
    free_capture(self);
}

const BerthCaptureOps berth_capture_vhost_gpu = {
    .name = "vhost-gpu",
    .open = gpu_open,
    .close = gpu_close,
    .key = gpu_key,
    .pointer_abs = gpu_pointer_abs,
    .pointer_rel = gpu_pointer_rel,
    .button = gpu_button,
    .wheel = gpu_wheel,
    .resize = gpu_resize,
    .set_sound = gpu_set_sound,
};
