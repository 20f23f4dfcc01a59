/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/screen.h"

#include "base/clock.h"
#include "berth/errors.h"
#include "berth/limits.h"

#include <string.h>
#include <sys/eventfd.h>

#define CURSOR_MAX_BYTES ((size_t)BERTH_LIMIT_CURSOR_SIDE_PX * BERTH_LIMIT_CURSOR_SIDE_PX * 4)

/* Time between two tries to get memory for a new mode. */
#define MEMORY_RETRY_US (1000 * 1000)

/* Everything but pixels; the source's copy is under the lock, the other one is main's. */
typedef struct {
    int cursor_w, cursor_h, hot_x, hot_y; /* cursor_w is 0 before the first shape */
    bool is_visible;
    int32_t pointer_x, pointer_y;
    uint8_t leds;
    bool is_absolute;
    int end_code;
    char end_text[BERTH_LIMIT_REASON_BYTES];
} ScreenState;

struct BerthScreen {
    gint ref_count;
    GSource *wake;
    BerthScreenFunc on_change;
    void *user_data;
    gint input_stamp; /* atomic: written by main, read by the source */

    GMutex lock;
    /* Under the lock: */
    unsigned changes;
    unsigned pixel_changes; /* BERTH_SCREEN_MODE and _DAMAGE */
    BerthScreenFetch fetch; /* what is offered; NULL: nothing */
    void *fetch_data;
    int64_t offered_px;
    int64_t wanted_from_us;
    bool is_source_waiting; /* for that time */
    int source_wake;        /* eventfd of the source, borrowed; -1: none */
    int mode_w, mode_h;     /* 0 before the first mode */
    BerthFrame *shadow;     /* NULL until pixels are written: offers need none */
    BerthDamage *damage;
    int64_t capture_us;
    uint32_t damage_stamp; /* of the input before the last damage */
    ScreenState state;
    uint8_t *cursor; /* CURSOR_MAX_BYTES once there is a shape */

    /* Of whoever owns the picture: */
    BerthFrame *picture;
    BerthDamage *taken;
    int64_t taken_capture_us;
    uint32_t taken_stamp;

    /* Main's own: */
    ScreenState seen;
    uint8_t *seen_cursor;
};

#define PIXEL_CHANGES ((unsigned)(BERTH_SCREEN_MODE | BERTH_SCREEN_DAMAGE))

/* Under the lock. */
static bool
is_wanted(const BerthScreen *self, int64_t now_us)
{
    return self->wanted_from_us <= now_us && !(self->pixel_changes & BERTH_SCREEN_DAMAGE);
}

/* Under the lock: a source that waits may go on. */
static void
maybe_wake_source(BerthScreen *self)
{
    if (!is_wanted(self, berth_monotonic_us())) {
        return;
    }
    self->is_source_waiting = false;
    if (self->source_wake >= 0) {
        eventfd_write(self->source_wake, 1);
    }
}

/* Under the lock: the source is woken when its time comes, unless main is woken anyway before. */
static void
maybe_arm_wake(BerthScreen *self)
{
    if (self->is_source_waiting && self->wanted_from_us != INT64_MAX && self->pixel_changes == 0 &&
        self->changes == 0) {
        g_source_set_ready_time(self->wake, self->wanted_from_us);
    }
}

/* The time has come that the source was told to wait for, or main was woken for another reason. */
static void
wake_waiting_source(BerthScreen *self)
{
    g_mutex_lock(&self->lock);
    if (self->is_source_waiting) {
        maybe_wake_source(self);
        maybe_arm_wake(self);
    }
    g_mutex_unlock(&self->lock);
}

static gboolean
dispatch_wake(GSource *source, GSourceFunc callback, gpointer user_data)
{
    BerthScreen *self = user_data;

    g_source_set_ready_time(source, -1);
    wake_waiting_source(self);
    if (self->on_change) {
        self->on_change(self->user_data);
    }
    return G_SOURCE_CONTINUE;
}

static gboolean
callback_unused(gpointer user_data)
{
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs wake_funcs = { .dispatch = dispatch_wake };

BerthScreen *
berth_screen_new(GMainContext *context, BerthScreenFunc on_change, void *user_data)
{
    BerthScreen *self = g_new0(BerthScreen, 1);

    self->ref_count = 1;
    self->on_change = on_change;
    self->user_data = user_data;
    self->source_wake = -1;
    self->wanted_from_us = INT64_MAX;
    g_mutex_init(&self->lock);
    self->wake = g_source_new(&wake_funcs, sizeof(GSource));
    g_source_set_callback(self->wake, callback_unused, self, NULL);
    g_source_attach(self->wake, context);
    return self;
}

BerthScreen *
berth_screen_ref(BerthScreen *self)
{
    g_atomic_int_inc(&self->ref_count);
    return self;
}

void
berth_screen_unref(BerthScreen *self)
{
    if (!self || !g_atomic_int_dec_and_test(&self->ref_count)) {
        return;
    }
    g_source_destroy(self->wake);
    g_source_unref(self->wake);
    berth_frame_unref(self->shadow);
    berth_frame_unref(self->picture);
    berth_damage_free(self->damage);
    berth_damage_free(self->taken);
    g_free(self->cursor);
    g_free(self->seen_cursor);
    g_mutex_clear(&self->lock);
    g_free(self);
}

void
berth_screen_detach(BerthScreen *self)
{
    self->on_change = NULL;
    g_source_destroy(self->wake);
}

/* Under the lock: notes a change and wakes the main thread once for many of them. */
static void
note_change(BerthScreen *self, unsigned change)
{
    unsigned *changes = change & PIXEL_CHANGES ? &self->pixel_changes : &self->changes;

    if (*changes == 0) {
        g_source_set_ready_time(self->wake, 0);
    }
    *changes |= change;
}

int
berth_screen_set_mode(BerthScreen *self, int w_px, int h_px)
{
    BerthDamage *damage;

    /* Only the source's own thread changes the mode, so that it may look without the lock. */
    if (self->mode_w == w_px && self->mode_h == h_px) {
        return BERTH_OK;
    }
    if (!berth_frame_size_is_allowed(w_px, h_px)) {
        return BERTH_ERR_TOO_LARGE;
    }
    damage = berth_damage_new(w_px, h_px);
    if (!damage) {
        return BERTH_ERR_NO_MEMORY;
    }
    berth_damage_add_all(damage);
    g_mutex_lock(&self->lock);
    g_clear_pointer(&self->shadow, berth_frame_unref);
    berth_damage_free(self->damage);
    self->mode_w = w_px;
    self->mode_h = h_px;
    self->damage = damage;
    self->capture_us = berth_monotonic_us();
    note_change(self, BERTH_SCREEN_MODE | BERTH_SCREEN_DAMAGE);
    g_mutex_unlock(&self->lock);
    return BERTH_OK;
}

/* Under the lock: the shadow, black at first, which is what the picture is without one. */
static int
ensure_shadow(BerthScreen *self)
{
    if (self->mode_w == 0) {
        return BERTH_ERR_STATE;
    }
    if (!self->shadow) {
        self->shadow = berth_frame_new(self->mode_w, self->mode_h);
    }
    return self->shadow ? BERTH_OK : BERTH_ERR_NO_MEMORY;
}

void
berth_screen_get_mode(BerthScreen *self, int *ret_w_px, int *ret_h_px)
{
    g_mutex_lock(&self->lock);
    *ret_w_px = self->mode_w;
    *ret_h_px = self->mode_h;
    g_mutex_unlock(&self->lock);
}

/* Under the lock: pixels have changed. */
static void
note_pixels(BerthScreen *self, uint32_t stamp)
{
    if (!(self->pixel_changes & BERTH_SCREEN_DAMAGE)) {
        self->capture_us = berth_monotonic_us();
    }
    self->damage_stamp = stamp;
    note_change(self, BERTH_SCREEN_DAMAGE);
}

/* Under the lock, after pixels may have changed. */
static void
note_damage(BerthScreen *self, uint32_t stamp)
{
    if (!berth_damage_is_empty(self->damage)) {
        note_pixels(self, stamp);
    }
}

int
berth_screen_write(BerthScreen *self, BerthRect rect, const BerthPixelSource *source)
{
    uint32_t stamp = (uint32_t)g_atomic_int_get(&self->input_stamp);
    int r;

    g_mutex_lock(&self->lock);
    r = ensure_shadow(self);
    if (r == BERTH_OK) {
        r = berth_damage_compare_copy(self->damage, self->shadow, rect, source);
        note_damage(self, stamp);
    }
    g_mutex_unlock(&self->lock);
    return r;
}

void
berth_screen_offer(BerthScreen *self, uint32_t stamp, int64_t n_px, BerthScreenFetch fetch,
                   void *user_data)
{
    g_mutex_lock(&self->lock);
    self->offered_px = n_px;
    self->fetch = fetch;
    self->fetch_data = user_data;
    note_pixels(self, stamp);
    g_mutex_unlock(&self->lock);
}

void
berth_screen_withdraw(BerthScreen *self)
{
    g_mutex_lock(&self->lock);
    self->fetch = NULL;
    g_mutex_unlock(&self->lock);
}

uint32_t
berth_screen_get_input_stamp_now(BerthScreen *self)
{
    return (uint32_t)g_atomic_int_get(&self->input_stamp);
}

bool
berth_screen_is_wanted(BerthScreen *self)
{
    bool is_true;

    g_mutex_lock(&self->lock);
    is_true = is_wanted(self, berth_monotonic_us());
    if (!is_true && !self->is_source_waiting) {
        self->is_source_waiting = true;
        maybe_arm_wake(self);
    }
    g_mutex_unlock(&self->lock);
    return is_true;
}

void
berth_screen_set_source_wake(BerthScreen *self, int wake_fd)
{
    g_mutex_lock(&self->lock);
    self->source_wake = wake_fd;
    maybe_wake_source(self);
    g_mutex_unlock(&self->lock);
}

void
berth_screen_set_wanted(BerthScreen *self, int64_t from_us)
{
    g_mutex_lock(&self->lock);
    if (self->wanted_from_us != from_us) {
        self->wanted_from_us = from_us;
        maybe_wake_source(self);
        maybe_arm_wake(self);
    }
    g_mutex_unlock(&self->lock);
}

void
berth_screen_blank(BerthScreen *self)
{
    g_mutex_lock(&self->lock);
    if (ensure_shadow(self) == BERTH_OK) {
        berth_frame_fill(self->shadow, berth_frame_get_rect(self->shadow), 0);
        berth_damage_add_all(self->damage);
        note_damage(self, (uint32_t)g_atomic_int_get(&self->input_stamp));
    }
    g_mutex_unlock(&self->lock);
}

void
berth_screen_set_cursor(BerthScreen *self, const BerthCursorShape *shape)
{
    g_return_if_fail(shape->size_bytes <= CURSOR_MAX_BYTES);
    g_mutex_lock(&self->lock);
    if (!self->cursor) {
        self->cursor = g_malloc(CURSOR_MAX_BYTES);
    }
    memcpy(self->cursor, shape->pixels, shape->size_bytes);
    self->state.cursor_w = shape->width;
    self->state.cursor_h = shape->height;
    self->state.hot_x = shape->hot_x;
    self->state.hot_y = shape->hot_y;
    note_change(self, BERTH_SCREEN_CURSOR);
    g_mutex_unlock(&self->lock);
}

void
berth_screen_set_pointer(BerthScreen *self, int32_t x_px, int32_t y_px, bool is_visible)
{
    g_mutex_lock(&self->lock);
    if (self->state.is_visible != is_visible) {
        self->state.is_visible = is_visible;
        note_change(self, BERTH_SCREEN_CURSOR);
    }
    if (self->state.pointer_x != x_px || self->state.pointer_y != y_px) {
        self->state.pointer_x = x_px;
        self->state.pointer_y = y_px;
        note_change(self, BERTH_SCREEN_POINTER);
    }
    g_mutex_unlock(&self->lock);
}

void
berth_screen_set_leds(BerthScreen *self, uint8_t leds)
{
    g_mutex_lock(&self->lock);
    if (self->state.leds != leds) {
        self->state.leds = leds;
        note_change(self, BERTH_SCREEN_LEDS);
    }
    g_mutex_unlock(&self->lock);
}

void
berth_screen_set_absolute(BerthScreen *self, bool is_absolute)
{
    g_mutex_lock(&self->lock);
    if (self->state.is_absolute != is_absolute) {
        self->state.is_absolute = is_absolute;
        note_change(self, BERTH_SCREEN_ABSOLUTE);
    }
    g_mutex_unlock(&self->lock);
}

void
berth_screen_end(BerthScreen *self, int code, const char *text)
{
    g_mutex_lock(&self->lock);
    if (self->state.end_code == BERTH_OK) {
        self->state.end_code = code;
        g_strlcpy(self->state.end_text, text, sizeof(self->state.end_text));
        note_change(self, BERTH_SCREEN_ENDED);
    }
    g_mutex_unlock(&self->lock);
}

void
berth_screen_reopen(BerthScreen *self)
{
    g_mutex_lock(&self->lock);
    self->state.end_code = BERTH_OK;
    self->state.end_text[0] = '\0';
    self->changes &= ~(unsigned)BERTH_SCREEN_ENDED;
    g_mutex_unlock(&self->lock);
    self->seen.end_code = BERTH_OK;
}

void
berth_screen_set_input_stamp(BerthScreen *self, uint32_t stamp)
{
    g_atomic_int_set(&self->input_stamp, (gint)stamp);
}

/* Under the lock: brings the damaged pixels into the picture. */
static void
copy_damage(BerthScreen *self)
{
    size_t n_max = berth_damage_get_n_tiles(self->damage);
    g_autofree BerthRect *rects = g_new(BerthRect, n_max);
    size_t n = berth_damage_get_rects(self->damage, rects, n_max);
    BerthDamage *taken = self->damage;

    for (size_t i = 0; i < n && self->shadow; i++) {
        berth_frame_copy_rect(self->picture, self->shadow, rects[i]);
    }
    self->damage = self->taken;
    self->taken = taken;
    berth_damage_clear(self->damage);
    self->taken_capture_us = self->capture_us;
    self->taken_stamp = self->damage_stamp;
}

/* Under the lock: brings in what the source offers. */
static void
fetch_offer(BerthScreen *self)
{
    if (self->fetch) {
        self->fetch(self->picture, self->taken, self->fetch_data);
        self->fetch = NULL;
    }
}

/* Under the lock: makes picture and damage of the mode's size. */
static bool
follow_mode(BerthScreen *self)
{
    BerthFrame *picture = berth_frame_new(self->mode_w, self->mode_h);
    BerthDamage *taken = berth_damage_new(self->mode_w, self->mode_h);

    if (!picture || !taken) {
        berth_frame_unref(picture);
        berth_damage_free(taken);
        return false;
    }
    berth_frame_unref(self->picture);
    berth_damage_free(self->taken);
    self->picture = picture;
    self->taken = taken;
    return true;
}

/* Under the lock. */
static void
take_state(BerthScreen *self, unsigned changes)
{
    self->seen = self->state;
    if (!(changes & BERTH_SCREEN_CURSOR) || !self->cursor) {
        return;
    }
    if (!self->seen_cursor) {
        self->seen_cursor = g_malloc(CURSOR_MAX_BYTES);
    }
    memcpy(self->seen_cursor, self->cursor,
           (size_t)self->state.cursor_w * (size_t)self->state.cursor_h * 4);
}

unsigned
berth_screen_take(BerthScreen *self)
{
    unsigned changes;

    g_mutex_lock(&self->lock);
    changes = self->changes;
    self->changes = 0;
    take_state(self, changes);
    changes |= self->pixel_changes;
    g_mutex_unlock(&self->lock);
    return changes;
}

int64_t
berth_screen_get_waiting_px(BerthScreen *self)
{
    int64_t n_px;

    g_mutex_lock(&self->lock);
    n_px = self->damage ? berth_damage_get_area_px(self->damage) : 0;
    n_px += self->fetch ? self->offered_px : 0;
    g_mutex_unlock(&self->lock);
    return n_px;
}

unsigned
berth_screen_take_picture(BerthScreen *self)
{
    unsigned changes;

    g_mutex_lock(&self->lock);
    changes = self->pixel_changes;
    if ((changes & BERTH_SCREEN_MODE) && !follow_mode(self)) {
        g_source_set_ready_time(self->wake, berth_monotonic_us() + MEMORY_RETRY_US);
        changes = 0;
    } else {
        self->pixel_changes = 0;
    }
    if (changes & BERTH_SCREEN_DAMAGE) {
        copy_damage(self);
        fetch_offer(self);
        if (berth_damage_is_empty(self->taken)) {
            changes = 0;
        }
        maybe_wake_source(self);
        maybe_arm_wake(self);
    }
    g_mutex_unlock(&self->lock);
    return changes;
}

const BerthFrame *
berth_screen_get_picture(const BerthScreen *self)
{
    return self->picture;
}

const BerthDamage *
berth_screen_get_damage(const BerthScreen *self)
{
    return self->taken;
}

int64_t
berth_screen_get_capture_us(const BerthScreen *self)
{
    return self->taken_capture_us;
}

uint32_t
berth_screen_get_input_stamp(const BerthScreen *self)
{
    return self->taken_stamp;
}

bool
berth_screen_get_cursor(const BerthScreen *self, BerthCursorShape *ret_shape)
{
    if (self->seen.cursor_w == 0) {
        return false;
    }
    *ret_shape = (BerthCursorShape){
        .width = self->seen.cursor_w,
        .height = self->seen.cursor_h,
        .hot_x = self->seen.hot_x,
        .hot_y = self->seen.hot_y,
        .pixels = self->seen_cursor,
        .size_bytes = (size_t)self->seen.cursor_w * (size_t)self->seen.cursor_h * 4,
    };
    return true;
}

bool
berth_screen_get_pointer(const BerthScreen *self, int32_t *ret_x_px, int32_t *ret_y_px)
{
    *ret_x_px = self->seen.pointer_x;
    *ret_y_px = self->seen.pointer_y;
    return self->seen.is_visible;
}

uint8_t
berth_screen_get_leds(const BerthScreen *self)
{
    return self->seen.leds;
}

bool
berth_screen_get_absolute(const BerthScreen *self)
{
    return self->seen.is_absolute;
}

int
berth_screen_get_end(const BerthScreen *self, const char **ret_text)
{
    if (ret_text) {
        *ret_text = self->seen.end_text;
    }
    return self->seen.end_code;
}
