/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/viewer.h"

#include "host-agent/session/frame-pacer.h"
#include "host-agent/session/input-sink.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "berth/limits.h"
#include "display/encode/client-stream.h"
#include "display/encode/cursor-encoder.h"
#include "display/encode/planner.h"
#include "display/wire/flow.h"
#include "display/wire/msg-cursor.h"
#include "display/wire/msg-input.h"

#define SCOPE "viewer"
#define HEAD 0
/* Fastest level: the exact stream is bound by the link and the window, not by the level. */
#define ZSTD_LEVEL 1
/* Pointer messages that may wait; beyond it only the newest state is sent, later. */
#define CURSOR_QUEUE_BYTES (64u * 1024)

struct BerthViewer {
    const BerthViewerCallbacks *callbacks;
    void *user_data;
    BerthScreen *screen;
    BerthLink *link;
    GSource *timer; /* of the next frame */
    bool is_open;
    bool is_closing;
    uint32_t rights;
    int window_log;
    uint16_t n_cursor_shapes;

    /* Once open: */
    BerthInputSink *input;
    BerthPlanner *planner;
    BerthClientStream *stream;
    BerthCursorEncoder *cursor; /* NULL if the client draws no pointer */
    BerthFlow *flow;
    BerthFramePacer pacer;
    BerthDamage *damage; /* not sent yet; NULL before the first mode */
    unsigned waiting;    /* BERTH_SCREEN_CURSOR and _POINTER that could not be sent yet */
    uint32_t frame_id;
    uint64_t n_frames;
};

static int
emit(BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    BerthViewer *self = user_data;

    return berth_link_send(self->link, channel, type, payload, len);
}

/* The encoder and the client are out of step: there is no way on. */
static void
fail(BerthViewer *self, int code)
{
    if (!self->is_closing) {
        berth_log_warning(SCOPE, "the connection ends: %s", berth_error_sentence(code));
        berth_viewer_close(self, code, NULL);
    }
}

static int
encode_frame(BerthViewer *self, int64_t now_us, BerthFrameStats *ret_stats)
{
    BerthFrameInfo info = {
        .frame_id = self->frame_id + 1,
        .head = HEAD,
        /* The serials of the client before this one mean nothing to it. */
        .input_serial = MIN(berth_screen_get_input_serial(self->screen),
                            berth_input_sink_get_serial(self->input)),
        .capture_us = berth_screen_get_capture_us(self->screen),
    };
    BerthPlanInput input = { .now_us = info.capture_us, .pointer_x = -1, .pointer_y = -1 };
    BerthPlan *plan;
    int r = berth_planner_plan(self->planner, berth_screen_get_picture(self->screen), self->damage,
                               &input, &plan);

    if (r < 0) {
        return r;
    }
    r = berth_client_stream_encode(self->stream, plan, &info, emit, self, ret_stats);
    if (r == BERTH_OK) {
        r = berth_client_stream_end(self->stream, (uint32_t)(berth_monotonic_us() - now_us), emit,
                                    self);
    }
    berth_plan_unref(plan);
    return r;
}

static void
send_frame(BerthViewer *self, int64_t now_us)
{
    BerthFrameStats stats;
    int r = encode_frame(self, now_us, &stats);

    if (r == BERTH_OK) {
        self->frame_id++;
        self->n_frames++;
        r = berth_flow_sent(self->flow, self->frame_id, stats.n_bytes, now_us);
    }
    if (r < 0) {
        fail(self, r);
        return;
    }
    berth_damage_clear(self->damage);
    berth_frame_pacer_note_sent(&self->pacer, now_us);
    berth_link_flush(self->link);
}

/* Sends a frame if one is due and there is room, or sees to it that it is looked at again. */
static void
maybe_send_frame(BerthViewer *self)
{
    int64_t now_us = berth_monotonic_us();
    int64_t due_us = berth_frame_pacer_get_due_us(&self->pacer);

    if (!self->is_open || self->is_closing || due_us == INT64_MAX ||
        !berth_flow_can_send(self->flow, BERTH_FLOW_FRESH, now_us)) {
        g_source_set_ready_time(self->timer, -1); /* an acknowledgement comes back here */
    } else if (due_us <= now_us) {
        send_frame(self, now_us);
        g_source_set_ready_time(self->timer, -1);
    } else {
        g_source_set_ready_time(self->timer, due_us);
    }
    berth_screen_set_wanted(self->screen,
                            self->is_open && !self->is_closing &&
                                berth_flow_can_send(self->flow, BERTH_FLOW_FRESH, now_us));
}

static gboolean
dispatch_timer(GSource *source, GSourceFunc callback, gpointer user_data)
{
    g_source_set_ready_time(source, -1);
    maybe_send_frame(user_data);
    return G_SOURCE_CONTINUE;
}

static gboolean
callback_unused(gpointer user_data)
{
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs timer_funcs = { .dispatch = dispatch_timer };

static void
send_cursor(BerthViewer *self, unsigned changes)
{
    BerthCursorShape shape;
    int32_t x, y;
    bool is_visible = berth_screen_get_pointer(self->screen, &x, &y);
    int r = BERTH_OK;

    if (changes & BERTH_SCREEN_CURSOR) {
        if (is_visible && berth_screen_get_cursor(self->screen, &shape)) {
            r = berth_cursor_encoder_show(self->cursor, &shape, emit, self);
        } else {
            r = berth_cursor_encoder_hide(self->cursor, emit, self);
        }
    }
    if (r == BERTH_OK && (changes & BERTH_SCREEN_POINTER)) {
        r = berth_cursor_encoder_move(self->cursor, x, y, emit, self);
    }
    if (r < 0) {
        fail(self, r);
    }
}

/* Sends the pointer's newest state, unless the client has not taken the last ones yet. */
static void
maybe_send_cursor(BerthViewer *self, unsigned changes)
{
    self->waiting |= changes & (BERTH_SCREEN_CURSOR | BERTH_SCREEN_POINTER);
    if (!self->cursor || !self->waiting ||
        berth_link_get_queued_bytes(self->link, BERTH_CHANNEL_CURSOR) > CURSOR_QUEUE_BYTES) {
        return;
    }
    changes = self->waiting;
    self->waiting = 0;
    send_cursor(self, changes);
}

static void
send_input_byte(BerthViewer *self, uint8_t type, int (*encode)(BerthWriter *, uint8_t),
                uint8_t value)
{
    BerthWriter writer;
    int r;

    berth_writer_init(&writer, 16);
    r = encode(&writer, value);
    if (r == BERTH_OK) {
        r = berth_link_send(self->link, BERTH_CHANNEL_INPUT, type, writer.data, writer.len);
    }
    berth_writer_clear(&writer);
    if (r < 0) {
        fail(self, r);
    }
}

static int
encode_pointer_mode(BerthWriter *writer, uint8_t value)
{
    return berth_msg_pointer_mode_encode(writer, value != 0);
}

static void
send_input_state(BerthViewer *self, unsigned changes)
{
    bool is_absolute = berth_screen_get_absolute(self->screen);

    if (changes & BERTH_SCREEN_LEDS) {
        send_input_byte(self, BERTH_MSG_LEDS, berth_msg_leds_encode,
                        berth_screen_get_leds(self->screen));
    }
    if (changes & BERTH_SCREEN_ABSOLUTE) {
        berth_input_sink_set_absolute(self->input, is_absolute);
        send_input_byte(self, BERTH_MSG_POINTER_MODE, encode_pointer_mode, is_absolute);
    }
}

/* The picture is a new one: the client's is black now, so all of it is damage. */
static int
follow_mode(BerthViewer *self)
{
    const BerthFrame *picture = berth_screen_get_picture(self->screen);

    berth_damage_free(self->damage);
    self->damage = berth_damage_new(picture->width, picture->height);
    if (!self->damage) {
        return BERTH_ERR_NO_MEMORY;
    }
    berth_damage_add_all(self->damage);
    berth_frame_pacer_note_change(&self->pacer);
    berth_input_sink_set_mode(self->input, HEAD, picture->width, picture->height);
    int r = berth_planner_configure(self->planner, picture->width, picture->height);
    return r < 0 ? r
                 : berth_client_stream_configure_head(self->stream, HEAD, picture->width,
                                                      picture->height, emit, self);
}

void
berth_viewer_note_changes(BerthViewer *self, unsigned changes)
{
    int r = BERTH_OK;

    if (!self->is_open || self->is_closing) {
        return;
    }
    if (changes & BERTH_SCREEN_MODE) {
        r = follow_mode(self);
    } else if (changes & BERTH_SCREEN_DAMAGE) {
        r = berth_damage_merge(self->damage, berth_screen_get_damage(self->screen));
        berth_frame_pacer_note_change(&self->pacer);
    }
    if (r < 0) {
        fail(self, r);
        return;
    }
    send_input_state(self, changes);
    maybe_send_cursor(self, changes);
    maybe_send_frame(self);
}

static int
on_authorize(BerthLink *link, const BerthMsgHello *client, const BerthMsgAuth *auth,
             BerthMsgWelcome *ret_welcome, void *user_data)
{
    BerthViewer *self = user_data;
    const BerthFrame *picture = berth_screen_get_picture(self->screen);
    uint8_t key_hash[BERTH_KEY_HASH_BYTES];
    int r = berth_link_get_peer_key_hash(link, key_hash);

    if (r == BERTH_OK && client->exact_window_log < 10) {
        r = BERTH_ERR_UNSUPPORTED; /* the only way that pixels travel */
    }
    if (r == BERTH_OK) {
        r = self->callbacks->authorize(self, auth, key_hash, ret_welcome, self->user_data);
    }
    if (r < 0) {
        berth_log_info(SCOPE, "a client was refused: %s", berth_error_sentence(r));
        return r;
    }
    self->rights = ret_welcome->rights;
    self->window_log = MIN(client->exact_window_log, BERTH_LIMIT_ZSTD_WINDOW_LOG);
    self->n_cursor_shapes = client->cursor_shapes;
    ret_welcome->n_heads = 0;
    if (picture) {
        ret_welcome->heads[0] =
            (BerthWireHead){ HEAD, (uint16_t)picture->width, (uint16_t)picture->height };
        ret_welcome->n_heads = 1;
    }
    return BERTH_OK;
}

static void
on_open(BerthLink *link, const BerthMsgWelcome *welcome, void *user_data)
{
    BerthViewer *self = user_data;
    unsigned changes =
        BERTH_SCREEN_LEDS | BERTH_SCREEN_ABSOLUTE | BERTH_SCREEN_CURSOR | BERTH_SCREEN_POINTER;

    berth_screen_set_input_serial(self->screen, 0);
    self->input = berth_input_sink_new(self->rights);
    self->flow = berth_flow_new();
    self->planner = berth_planner_new();
    self->stream =
        berth_client_stream_new(&(BerthClientCaps){ .window_log = self->window_log }, ZSTD_LEVEL);
    if (self->n_cursor_shapes > 0) {
        self->cursor = berth_cursor_encoder_new(self->n_cursor_shapes);
    }
    if (!self->planner || !self->stream) {
        fail(self, BERTH_ERR_NO_MEMORY);
        return;
    }
    self->is_open = true;
    self->callbacks->opened(self, self->user_data);
    if (berth_screen_get_picture(self->screen)) {
        changes |= BERTH_SCREEN_MODE | BERTH_SCREEN_DAMAGE;
    }
    berth_viewer_note_changes(self, changes);
}

static int
handle_input(BerthViewer *self, uint8_t type, const uint8_t *payload, size_t len)
{
    BerthMsgInput input;
    int r = berth_msg_input_decode(type, payload, len, &input);

    if (r < 0) {
        return r;
    }
    /* First, because the guest's answer may be in the picture before the call returns. */
    berth_screen_set_input_serial(self->screen, input.serial);
    r = berth_input_sink_handle(self->input, type, &input, berth_monotonic_us());
    if (r < 0) {
        berth_screen_set_input_serial(self->screen, berth_input_sink_get_serial(self->input));
        berth_log_debug(SCOPE, "an input message was dropped: %s", berth_error_sentence(r));
    }
    return BERTH_OK;
}

static int
handle_ack(BerthViewer *self, const uint8_t *payload, size_t len)
{
    BerthMsgFrameAck ack;
    int r = berth_msg_frame_ack_decode(payload, len, &ack);

    if (r == BERTH_OK) {
        berth_flow_note_unsent(self->flow,
                               berth_link_get_queued_bytes(self->link, BERTH_CHANNEL_DISPLAY));
        r = berth_flow_acked(self->flow, &ack, berth_monotonic_us());
    }
    if (r == BERTH_OK) {
        maybe_send_frame(self);
    }
    return r;
}

static int
handle_head_request(BerthViewer *self, const uint8_t *payload, size_t len)
{
    BerthMsgHeadRequest request;
    int r = berth_msg_head_request_decode(payload, len, &request);

    if (r < 0) {
        return r;
    }
    if (!(self->rights & BERTH_RIGHT_RESIZE) || request.head != HEAD ||
        request.w < BERTH_LIMIT_HEAD_MIN_SIDE_PX || request.h < BERTH_LIMIT_HEAD_MIN_SIDE_PX ||
        !berth_frame_size_is_allowed(request.w, request.h)) {
        berth_log_debug(SCOPE, "a request for %ux%u pixels was dropped", request.w, request.h);
        return BERTH_OK;
    }
    self->callbacks->resize(self, &request, self->user_data);
    return BERTH_OK;
}

static int
handle_refresh(BerthViewer *self, const uint8_t *payload, size_t len)
{
    BerthMsgRefresh refresh;
    int r = berth_msg_refresh_decode(payload, len, &refresh);

    if (r < 0) {
        return r;
    }
    if (refresh.head != HEAD || !self->damage) {
        return BERTH_OK;
    }
    r = berth_client_stream_refresh(self->stream, HEAD);
    if (r == BERTH_OK) {
        berth_damage_add_all(self->damage);
        berth_frame_pacer_note_change(&self->pacer);
        maybe_send_frame(self);
    }
    return r;
}

static int
handle_display(BerthViewer *self, uint8_t type, const uint8_t *payload, size_t len)
{
    switch (type) {
    case BERTH_MSG_FRAME_ACK:
        return handle_ack(self, payload, len);
    case BERTH_MSG_HEAD_REQUEST:
        return handle_head_request(self, payload, len);
    case BERTH_MSG_REFRESH:
        return handle_refresh(self, payload, len);
    default:
        return BERTH_ERR_PROTOCOL;
    }
}

static int
on_message(BerthLink *link, BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len,
           void *user_data)
{
    BerthViewer *self = user_data;

    if (!self->is_open || self->is_closing) {
        return BERTH_OK;
    }
    if (channel == BERTH_CHANNEL_INPUT) {
        return handle_input(self, type, payload, len);
    }
    return channel == BERTH_CHANNEL_DISPLAY ? handle_display(self, type, payload, len)
                                            : BERTH_ERR_PROTOCOL;
}

static void
on_writable(BerthLink *link, void *user_data)
{
    BerthViewer *self = user_data;

    if (self->is_open && !self->is_closing) {
        maybe_send_cursor(self, 0);
        maybe_send_frame(self);
    }
}

static void
release_input(BerthViewer *self)
{
    if (self->input) {
        berth_input_sink_release_all(self->input);
    }
}

static void
on_closed(BerthLink *link, int code, const char *text, bool is_bye, void *user_data)
{
    BerthViewer *self = user_data;

    self->is_closing = true;
    release_input(self);
    berth_screen_set_wanted(self->screen, false);
    self->callbacks->closed(self, code, text, self->user_data);
}

static const BerthLinkCallbacks link_callbacks = {
    .authorize = on_authorize,
    .open = on_open,
    .message = on_message,
    .writable = on_writable,
    .closed = on_closed,
};

BerthViewer *
berth_viewer_new(BerthTlsContext *tls, int fd, BerthScreen *screen,
                 const BerthViewerCallbacks *callbacks, void *user_data, GError **error)
{
    BerthTlsStream *stream = berth_tls_stream_new(tls, fd, NULL, error);
    BerthMsgHello hello;
    BerthViewer *self;

    if (!stream) {
        return NULL;
    }
    self = g_new0(BerthViewer, 1);
    self->callbacks = callbacks;
    self->user_data = user_data;
    self->screen = berth_screen_ref(screen);
    berth_frame_pacer_init(&self->pacer);
    self->timer = g_source_new(&timer_funcs, sizeof(GSource));
    g_source_set_callback(self->timer, callback_unused, self, NULL);
    g_source_attach(self->timer, NULL);
    berth_msg_hello_init(&hello);
    self->link =
        berth_link_new(NULL, stream, BERTH_WIRE_SESSION, &hello, NULL, &link_callbacks, self);
    return self;
}

void
berth_viewer_free(BerthViewer *self)
{
    if (!self) {
        return;
    }
    release_input(self);
    berth_link_free(self->link);
    g_source_destroy(self->timer);
    g_source_unref(self->timer);
    berth_input_sink_free(self->input);
    berth_client_stream_free(self->stream);
    berth_planner_free(self->planner);
    berth_cursor_encoder_free(self->cursor);
    berth_flow_free(self->flow);
    berth_damage_free(self->damage);
    berth_screen_unref(self->screen);
    g_free(self);
}

void
berth_viewer_set_capture(BerthViewer *self, BerthCapture *capture)
{
    release_input(self);
    if (self->input) {
        berth_input_sink_set_capture(self->input, capture);
    }
}

void
berth_viewer_close(BerthViewer *self, int code, const char *text)
{
    self->is_closing = true;
    release_input(self);
    g_source_set_ready_time(self->timer, -1);
    berth_link_close(self->link, code, text);
}

void
berth_viewer_get_stats(const BerthViewer *self, BerthViewerStats *ret)
{
    BerthInputStats input = { 0 };

    if (self->input) {
        berth_input_sink_get_stats(self->input, &input);
    }
    *ret = (BerthViewerStats){
        .n_frames = self->n_frames,
        .bytes_out = berth_link_get_bytes_out(self->link),
        .n_input = input.n_given,
        .n_input_refused = input.n_refused,
    };
}
