/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/x11-grabber.h"

#include "base/cleanup.h"
#include "berth/errors.h"
#include "display/pixels/region.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xcb/damage.h>
#include <xcb/shm.h>
#include <xcb/xfixes.h>

/* Grabs of one update; what is more is merged. */
#define MAX_GRABS 24
/* One more request costs about as much as this many pixels grabbed and compared for nothing. */
#define REQUEST_COST_PX 16384
/* Beyond this many rectangles of damage their common box is taken. */
#define MAX_DAMAGE_RECTS 512

typedef struct {
    BerthRect rect;
    size_t offset;
    xcb_shm_get_image_cookie_t cookie;
} Grab;

struct BerthX11Grabber {
    xcb_connection_t *connection;
    xcb_window_t root;
    BerthScreen *screen;
    const BerthPixelFormat *format;
    uint8_t damage_event; /* number of DamageNotify */
    xcb_damage_damage_t damage;
    xcb_xfixes_region_t region;
    xcb_shm_seg_t segment; /* 0: none */
    uint8_t *pixels;
    size_t size_bytes;
    int width, height;
    bool is_damaged;
    bool is_all_damaged;
    /* What lies in the segment; the taker's while it is offered. */
    Grab grabs[MAX_GRABS];
    size_t n_grabs;
};

/* ---- what the display can ---- */

static const xcb_visualtype_t *
find_visual(const xcb_screen_t *root)
{
    xcb_depth_iterator_t depth = xcb_screen_allowed_depths_iterator(root);

    for (; depth.rem > 0; xcb_depth_next(&depth)) {
        xcb_visualtype_iterator_t visual = xcb_depth_visuals_iterator(depth.data);

        for (; visual.rem > 0; xcb_visualtype_next(&visual)) {
            if (visual.data->visual_id == root->root_visual) {
                return visual.data;
            }
        }
    }
    return NULL;
}

static int
find_pixel_bits(const xcb_setup_t *setup, uint8_t depth)
{
    xcb_format_iterator_t format = xcb_setup_pixmap_formats_iterator(setup);

    for (; format.rem > 0; xcb_format_next(&format)) {
        if (format.data->depth == depth) {
            return format.data->bits_per_pixel;
        }
    }
    return 0;
}

static const BerthPixelFormat *
find_format(const xcb_setup_t *setup, const xcb_screen_t *root)
{
    const xcb_visualtype_t *visual = find_visual(root);
    int bits = find_pixel_bits(setup, root->root_depth);

    if (!visual || visual->_class != XCB_VISUAL_CLASS_TRUE_COLOR ||
        setup->image_byte_order != XCB_IMAGE_ORDER_LSB_FIRST) {
        return NULL;
    }
    return berth_pixel_format_find_masks(bits / 8, visual->red_mask, visual->green_mask,
                                         visual->blue_mask);
}

static bool
has_extension(xcb_connection_t *connection, xcb_extension_t *extension)
{
    const xcb_query_extension_reply_t *reply = xcb_get_extension_data(connection, extension);

    return reply && reply->present;
}

static bool
has_shm(xcb_connection_t *connection)
{
    g_autofree xcb_shm_query_version_reply_t *version = NULL;

    if (!has_extension(connection, &xcb_shm_id)) {
        return false;
    }
    version = xcb_shm_query_version_reply(connection, xcb_shm_query_version(connection), NULL);
    return version && (version->major_version > 1 || version->minor_version >= 2);
}

static bool
has_damage(xcb_connection_t *connection)
{
    g_autofree xcb_xfixes_query_version_reply_t *fixes = NULL;
    g_autofree xcb_damage_query_version_reply_t *damage = NULL;

    if (!has_extension(connection, &xcb_xfixes_id) || !has_extension(connection, &xcb_damage_id)) {
        return false;
    }
    fixes = xcb_xfixes_query_version_reply(connection, xcb_xfixes_query_version(connection, 5, 0),
                                           NULL);
    damage = xcb_damage_query_version_reply(connection, xcb_damage_query_version(connection, 1, 1),
                                            NULL);
    return fixes && damage && fixes->major_version >= 2;
}

/* ---- the segment ---- */

/* Rows are padded to 32 bits (bitmap_format_scanline_pad of every server there is). */
static size_t
get_stride(const BerthX11Grabber *self, int width)
{
    return ((size_t)width * self->format->pixel_bytes + 3) & ~(size_t)3;
}

static void
drop_segment(BerthX11Grabber *self)
{
    berth_screen_withdraw(self->screen);
    if (self->segment) {
        xcb_shm_detach(self->connection, self->segment);
        self->segment = 0;
    }
    if (self->pixels) {
        munmap(self->pixels, self->size_bytes);
        self->pixels = NULL;
    }
}

/* Returns the descriptor of a mapped and sealed memory, or -1. */
static int
map_memory(BerthX11Grabber *self, size_t size_bytes)
{
    berth_autofd int fd = memfd_create("berth-x11", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    void *pixels;

    if (fd < 0 || ftruncate(fd, (off_t)size_bytes) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
        return -1;
    }
    pixels = mmap(NULL, size_bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (pixels == MAP_FAILED) {
        return -1;
    }
    self->pixels = pixels;
    self->size_bytes = size_bytes;
    return berth_steal_fd(&fd);
}

static int
make_segment(BerthX11Grabber *self)
{
    size_t size_bytes = get_stride(self, self->width) * (size_t)self->height;
    g_autofree xcb_generic_error_t *error = NULL;
    int fd = map_memory(self, size_bytes);

    if (fd < 0) {
        return BERTH_ERR_NO_MEMORY;
    }
    self->segment = xcb_generate_id(self->connection);
    error = xcb_request_check(self->connection,
                              xcb_shm_attach_fd_checked(self->connection, self->segment, fd, 0));
    if (error) {
        self->segment = 0;
        drop_segment(self);
        return BERTH_ERR_UNSUPPORTED;
    }
    return BERTH_OK;
}

int
berth_x11_grabber_follow_size(BerthX11Grabber *self)
{
    g_autofree xcb_get_geometry_reply_t *geometry = xcb_get_geometry_reply(
        self->connection, xcb_get_geometry(self->connection, self->root), NULL);
    int r;

    if (!geometry || (geometry->width == self->width && geometry->height == self->height)) {
        return BERTH_OK;
    }
    drop_segment(self);
    r = berth_screen_set_mode(self->screen, geometry->width, geometry->height);
    if (r < 0) {
        return r;
    }
    self->width = geometry->width;
    self->height = geometry->height;
    self->is_damaged = self->is_all_damaged = true;
    return make_segment(self);
}

/* ---- life ---- */

BerthX11Grabber *
berth_x11_grabber_new(xcb_connection_t *connection, const xcb_screen_t *root, BerthScreen *screen,
                      const char **ret_text)
{
    const BerthPixelFormat *format = find_format(xcb_get_setup(connection), root);
    BerthX11Grabber *self;

    if (!format) {
        *ret_text = "the X display has no true colour that can be shown";
        return NULL;
    }
    if (!has_shm(connection) || !has_damage(connection)) {
        *ret_text = "the X server lacks MIT-SHM 1.2, XDamage or XFixes";
        return NULL;
    }
    self = g_new0(BerthX11Grabber, 1);
    self->connection = connection;
    self->root = root->root;
    self->screen = berth_screen_ref(screen);
    self->format = format;
    self->damage_event = (uint8_t)(xcb_get_extension_data(connection, &xcb_damage_id)->first_event +
                                   XCB_DAMAGE_NOTIFY);
    self->damage = xcb_generate_id(connection);
    self->region = xcb_generate_id(connection);
    xcb_damage_create(connection, self->damage, self->root, XCB_DAMAGE_REPORT_LEVEL_NON_EMPTY);
    xcb_xfixes_create_region(connection, self->region, 0, NULL);
    if (berth_x11_grabber_follow_size(self) < 0) {
        *ret_text = "the X display is too large, or there is no memory to share with it";
        berth_x11_grabber_free(self);
        return NULL;
    }
    return self;
}

void
berth_x11_grabber_free(BerthX11Grabber *self)
{
    if (!self) {
        return;
    }
    drop_segment(self);
    berth_screen_unref(self->screen);
    g_free(self);
}

bool
berth_x11_grabber_handle_event(BerthX11Grabber *self, const xcb_generic_event_t *event)
{
    if ((event->response_type & 0x7f) != self->damage_event) {
        return false;
    }
    self->is_damaged = true;
    return true;
}

bool
berth_x11_grabber_has_damage(const BerthX11Grabber *self)
{
    return self->is_damaged && self->segment;
}

/* ---- a grab ---- */

static int64_t
get_area(BerthRect rect)
{
    return (int64_t)rect.w * rect.h;
}

/* Joins rectangles as long as a request fewer is worth the pixels that come on top. */
static void
join_rects(BerthRegion *region)
{
    for (size_t i = 0; i < region->n_rects; i++) {
        for (size_t j = i + 1; j < region->n_rects;) {
            BerthRect a = region->rects[i];
            BerthRect b = region->rects[j];
            BerthRect box = berth_rect_union(a, b);

            if (get_area(box) - get_area(a) - get_area(b) > REQUEST_COST_PX) {
                j++;
                continue;
            }
            region->rects[i] = box;
            region->rects[j] = region->rects[--region->n_rects];
            j = i + 1;
        }
    }
}

/* Takes the damage that the server has collected; it collects anew from here on. */
static void
take_damage(BerthX11Grabber *self, BerthRegion *region)
{
    g_autofree xcb_xfixes_fetch_region_reply_t *reply = NULL;
    BerthRect all = { 0, 0, self->width, self->height };
    const xcb_rectangle_t *rects;
    int n;

    xcb_damage_subtract(self->connection, self->damage, XCB_NONE, self->region);
    reply = xcb_xfixes_fetch_region_reply(
        self->connection, xcb_xfixes_fetch_region(self->connection, self->region), NULL);
    if (!reply || self->is_all_damaged) {
        berth_region_add(region, all);
        return;
    }
    rects = xcb_xfixes_fetch_region_rectangles(reply);
    n = xcb_xfixes_fetch_region_rectangles_length(reply);
    if (n > MAX_DAMAGE_RECTS) {
        rects = &reply->extents;
        n = 1;
    }
    for (int i = 0; i < n; i++) {
        BerthRect rect = { rects[i].x, rects[i].y, rects[i].width, rects[i].height };

        berth_region_add(region, berth_rect_intersect(rect, all));
    }
    join_rects(region);
}

static size_t
get_size(const BerthX11Grabber *self, BerthRect rect)
{
    return get_stride(self, rect.w) * (size_t)rect.h;
}

/* Asks for all rectangles; merged ones may overlap, so that their sum may not fit: then for all. */
static size_t
request_grabs(BerthX11Grabber *self, BerthRegion *region)
{
    Grab *grabs = self->grabs;
    size_t offset = 0;

    for (size_t i = 0; i < region->n_rects; i++) {
        offset += get_size(self, region->rects[i]);
    }
    if (offset > self->size_bytes) {
        region->rects[0] = (BerthRect){ 0, 0, self->width, self->height };
        region->n_rects = 1;
    }
    offset = 0;
    for (size_t i = 0; i < region->n_rects; i++) {
        BerthRect rect = region->rects[i];

        grabs[i] = (Grab){ .rect = rect, .offset = offset };
        grabs[i].cookie = xcb_shm_get_image(
            self->connection, self->root, (int16_t)rect.x, (int16_t)rect.y, (uint16_t)rect.w,
            (uint16_t)rect.h, ~0u, XCB_IMAGE_FORMAT_Z_PIXMAP, self->segment, (uint32_t)offset);
        offset += get_size(self, rect);
    }
    return region->n_rects;
}

/* In the thread of whoever takes the picture. */
static void
fetch_grabs(BerthFrame *picture, BerthDamage *damage, void *user_data)
{
    const BerthX11Grabber *self = user_data;

    for (size_t i = 0; i < self->n_grabs; i++) {
        const Grab *grab = &self->grabs[i];
        size_t stride = get_stride(self, grab->rect.w);
        BerthPixelSource source = {
            .data = self->pixels + grab->offset,
            .size_bytes = stride * (size_t)grab->rect.h,
            .stride_bytes = stride,
            .format = self->format,
        };

        berth_damage_compare_copy(damage, picture, grab->rect, &source);
    }
}

/* Waits for the pixels; keeps the grabs that came. */
static bool
collect_grabs(BerthX11Grabber *self, size_t n)
{
    self->n_grabs = 0;
    for (size_t i = 0; i < n; i++) {
        g_autofree xcb_shm_get_image_reply_t *reply =
            xcb_shm_get_image_reply(self->connection, self->grabs[i].cookie, NULL);

        if (reply) {
            self->grabs[self->n_grabs++] = self->grabs[i];
        }
    }
    return self->n_grabs == n;
}

static int64_t
count_grabbed_px(const BerthX11Grabber *self)
{
    int64_t n_px = 0;

    for (size_t i = 0; i < self->n_grabs; i++) {
        n_px += berth_rect_area_px(self->grabs[i].rect);
    }
    return n_px;
}

void
berth_x11_grabber_grab(BerthX11Grabber *self)
{
    uint32_t stamp = berth_screen_get_input_stamp_now(self->screen);
    BerthRegion region;
    bool is_whole;

    berth_region_init(&region, MAX_GRABS);
    take_damage(self, &region);
    self->is_damaged = self->is_all_damaged = false;
    is_whole = collect_grabs(self, request_grabs(self, &region));
    if (self->n_grabs > 0) {
        berth_screen_offer(self->screen, stamp, count_grabbed_px(self), fetch_grabs, self);
    }
    if (!is_whole) {
        /* Most likely the display became smaller between damage and grab. */
        berth_x11_grabber_follow_size(self);
    }
}
