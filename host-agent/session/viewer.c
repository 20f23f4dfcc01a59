/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/viewer.h"

#include "host-agent/session/input-line.h"
#include "host-agent/session/input-sink.h"
#include "host-agent/session/pointer-feed.h"
#include "host-agent/session/resize-gate.h"
#include "host-agent/session/sound-seat.h"
#include "host-agent/session/statistics-teller.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "berth/limits.h"
#include "display/encode/ladder.h"
#include "display/wire/flow.h"
#include "display/wire/msg-input.h"
#include "display/wire/msg-notice.h"

#define SCOPE "viewer"
/* Pointer messages that may wait; beyond it only the newest state is sent, later. */
#define CURSOR_QUEUE_BYTES (64u * 1024)
/* Between two looks whether refinement may spend bytes again. */
#define REFINE_RETRY_US 20000
/* A frame after so long a pause counts as the first one after idle. */
#define PAUSE_US (100 * 1000)
/* Of what is said here and not by the site, which counts from 1. */
#define NOTICE_CANNOT_TYPE 0xfffffff0u

struct BerthViewer {
    const BerthViewerCallbacks *callbacks;
    void *user_data;
    BerthHeads *heads;
    BerthFrameRoom *room;
    BerthSoundRoom *sound_room;
    BerthLink *link;
    bool is_open;
    bool is_closing;
    uint32_t rights;
    uint32_t granted; /* rights that it came with */
    BerthClientCaps caps;
    uint16_t n_cursor_shapes;

    /* Once admitted: */
    BerthSeat *seat; /* NULL before */
    BerthInputSink *input;
    BerthGuestTyping *typing; /* borrowed; NULL: none */
    BerthInputLine *line;
    BerthPointerFeed *pointer; /* NULL if the client draws no pointer */
    BerthSoundSeat *sound;     /* NULL: it hears nothing */
    BerthFlow *flow;
    BerthLadder ladder;
    BerthStatisticsTeller statistics;
    int pointer_head, pointer_x, pointer_y; /* where the user looks; head -1: not known */
    int64_t last_frame_us;
    BerthViewerStats stats; /* but for input and bytes */
};

static int
emit(BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    BerthViewer *self = user_data;

    return berth_link_send(self->link, channel, type, payload, len);
}

/* The stream and the client are out of step: there is no way on. */
static void
fail(BerthViewer *self, int code)
{
    if (!self->is_closing) {
        berth_log_warning(SCOPE, "the connection ends: %s", berth_error_sentence(code));
        berth_viewer_close(self, code, NULL);
    }
}

/* Sends what a writer holds, after an encoder that returned r. */
static int
send_written(BerthViewer *self, int r, BerthChannel channel, uint8_t type, BerthWriter *writer)
{
    if (r == BERTH_OK) {
        r = berth_link_send(self->link, channel, type, writer->data, writer->len);
    }
    berth_writer_clear(writer);
    return r;
}

/* --- the seat --- */

static const BerthLadderOutput *
step_ladder(BerthViewer *self, int64_t now_us)
{
    BerthFlowStats stats;
    BerthLadderInput input = { .now_us = now_us };

    berth_flow_get_stats(self->flow, &stats);
    input.rate_kbps = stats.rate_kbps;
    input.queue_us = stats.queue_us;
    input.n_in_flight = stats.n_in_flight;
    input.is_stalled = berth_flow_is_stalled(self->flow, now_us);
    return berth_ladder_step(&self->ladder, &input);
}

/* What refinement may spend now, on an empty path only. */
static void
fill_refinement(BerthViewer *self, BerthSeatFlow *ret, int64_t now_us)
{
    ret->is_quiet = berth_flow_can_send(self->flow, BERTH_FLOW_REFINE, now_us);
    if (ret->is_quiet) {
        ret->refine_bytes = MIN(berth_ladder_get_refine_bytes(&self->ladder),
                                berth_flow_get_budget_bytes(self->flow, BERTH_FLOW_REFINE, now_us));
    }
    if (ret->is_quiet && ret->refine_bytes == 0) {
        ret->refine_from_us = now_us + REFINE_RETRY_US;
    }
}

static void
get_flow(BerthSeatFlow *ret, int64_t now_us, void *user_data)
{
    BerthViewer *self = user_data;
    const BerthLadderOutput *ladder = step_ladder(self, now_us);

    *ret = (BerthSeatFlow){
        .has_room = !self->is_closing && berth_flow_can_send(self->flow, BERTH_FLOW_FRESH, now_us),
        .has_bulk_room =
            !self->is_closing && berth_flow_can_send(self->flow, BERTH_FLOW_BULK, now_us),
        .interval_us = ladder->frame_interval_us,
        .fresh_bytes = berth_flow_get_budget_bytes(self->flow, BERTH_FLOW_FRESH, now_us),
        .bulk_bytes = berth_flow_get_budget_bytes(self->flow, BERTH_FLOW_BULK, now_us),
        .photo_quality = ladder->photo_quality,
        .video_kbps = ladder->video_kbps,
        .pointer_head = self->pointer_head,
        .pointer_x = self->pointer_x,
        .pointer_y = self->pointer_y,
    };
    ret->waiting_us = ret->has_room ? 0 : berth_flow_get_waiting_us(self->flow, now_us);
    fill_refinement(self, ret, now_us);
    berth_statistics_teller_note_flow(&self->statistics, ret);
}

static int
send_messages(BerthViewer *self, BerthSeatDelivery *delivery)
{
    int r = BERTH_OK;

    for (size_t i = 0; i < delivery->n_messages && r == BERTH_OK; i++) {
        BerthSeatMessage *message = &delivery->messages[i];

        r = berth_link_send_owned(self->link, message->channel, message->type,
                                  g_steal_pointer(&message->payload), message->len);
    }
    return r;
}

/* A frame is with the wire. */
static int
note_frame(BerthViewer *self, const BerthSeatDelivery *delivery, int64_t now_us)
{
    self->stats.n_frames++;
    if (delivery->kind == BERTH_FRAME_NEW && now_us - self->last_frame_us > PAUSE_US) {
        self->stats.first_frame_us = now_us - delivery->capture_us;
    }
    if (delivery->kind == BERTH_FRAME_REFINE) {
        berth_ladder_note_refined(&self->ladder, delivery->n_bytes);
    }
    self->last_frame_us = now_us;
    return berth_flow_sent(self->flow, delivery->frame_id, delivery->n_bytes, now_us);
}

static void
deliver(BerthSeatDelivery *delivery, void *user_data)
{
    BerthViewer *self = user_data;
    int r = delivery->error;

    if (self->is_closing) {
        return;
    }
    if (r == BERTH_OK) {
        r = berth_statistics_teller_tell(&self->statistics, self->link, self->flow, delivery,
                                         berth_monotonic_us());
    }
    if (r == BERTH_OK) {
        r = send_messages(self, delivery);
    }
    if (r == BERTH_OK) {
        berth_link_flush(self->link);
    }
    if (r == BERTH_OK && delivery->has_frame) {
        r = note_frame(self, delivery, berth_monotonic_us());
    }
    if (r < 0) {
        fail(self, r);
    }
}

static const BerthSeatCallbacks seat_callbacks = {
    .get_flow = get_flow,
    .deliver = deliver,
};

/* --- pointer and lock keys --- */

static void
maybe_send_pointer(BerthViewer *self)
{
    if (self->pointer &&
        berth_link_get_queued_bytes(self->link, BERTH_CHANNEL_CURSOR) <= CURSOR_QUEUE_BYTES) {
        int r = berth_pointer_feed_flush(self->pointer, emit, self);

        if (r < 0) {
            fail(self, r);
        }
    }
}

static void
send_input_byte(BerthViewer *self, uint8_t type, int (*encode)(BerthWriter *, uint8_t),
                uint8_t value)
{
    BerthWriter writer;
    int r;

    berth_writer_init(&writer, 16);
    r = encode(&writer, value);
    r = send_written(self, r, BERTH_CHANNEL_INPUT, type, &writer);
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
send_input_state(BerthViewer *self, const BerthScreen *screen, unsigned changes)
{
    bool is_absolute = berth_screen_get_absolute(screen);

    if (changes & BERTH_SCREEN_LEDS) {
        berth_input_sink_set_leds(self->input, berth_screen_get_leds(screen));
        send_input_byte(self, BERTH_MSG_LEDS, berth_msg_leds_encode, berth_screen_get_leds(screen));
    }
    if (changes & BERTH_SCREEN_ABSOLUTE) {
        berth_input_sink_set_absolute(self->input, is_absolute);
        send_input_byte(self, BERTH_MSG_POINTER_MODE, encode_pointer_mode, is_absolute);
    }
}

static void
follow_mode(BerthViewer *self, int head)
{
    BerthScreen *screen = berth_heads_get(self->heads, head);
    int w = 0;
    int h = 0;

    if (screen) {
        berth_screen_get_mode(screen, &w, &h);
    }
    berth_input_sink_set_mode(self->input, head, w, h);
}

void
berth_viewer_note_changes(BerthViewer *self, int head, unsigned changes)
{
    BerthScreen *screen = berth_heads_get(self->heads, head);

    if (!self->seat || self->is_closing) {
        return;
    }
    if (!screen || (changes & BERTH_SCREEN_MODE)) {
        follow_mode(self, head);
    }
    if (screen && head == 0) {
        send_input_state(self, screen, changes);
    }
    if (self->pointer) {
        berth_pointer_feed_note(self->pointer, head, changes);
        maybe_send_pointer(self);
    }
}

/* --- the life of the connection --- */

static void
fill_heads(const BerthViewer *self, BerthMsgWelcome *welcome)
{
    /* Who watches learns nothing before the user agrees. */
    bool is_secret = welcome->rights & BERTH_RIGHT_OBSERVE;

    welcome->n_heads = is_secret ? 0 : berth_heads_list(self->heads, welcome->heads);
}

/* What the client offered, within our own limits. */
static BerthClientCaps
get_caps(const BerthMsgHello *client)
{
    return (BerthClientCaps){
        .window_log = MIN(client->exact_window_log, BERTH_LIMIT_ZSTD_WINDOW_LOG),
        .gradient_window_log = MIN(client->gradient_window_log, BERTH_LIMIT_ZSTD_WINDOW_LOG),
        .n_cache_tiles = MIN(client->cache_tiles, BERTH_LIMIT_CACHE_TILES),
        .photo_mask = client->photo_mask,
        .video_mask = client->video_mask,
    };
}

static int
on_authorize(BerthLink *link, const BerthMsgHello *client, const BerthMsgAuth *auth,
             BerthMsgWelcome *ret_welcome, void *user_data)
{
    BerthViewer *self = user_data;
    uint8_t key_hash[BERTH_KEY_HASH_BYTES];
    int r = berth_link_get_peer_key_hash(link, key_hash);

    if (r == BERTH_OK && client->exact_window_log < 10) {
        r = BERTH_ERR_UNSUPPORTED; /* the only way that every pixel can travel */
    }
    if (r == BERTH_OK) {
        r = self->callbacks->authorize(self, auth, key_hash, ret_welcome, self->user_data);
    }
    if (r < 0) {
        berth_log_info(SCOPE, "a client was refused: %s", berth_error_sentence(r));
        return r;
    }
    self->rights = ret_welcome->rights;
    self->granted = ret_welcome->rights;
    self->caps = get_caps(client);
    self->n_cursor_shapes = client->cursor_shapes;
    fill_heads(self, ret_welcome);
    return BERTH_OK;
}

static void
on_open(BerthLink *link, const BerthMsgWelcome *welcome, void *user_data)
{
    BerthViewer *self = user_data;

    self->is_open = true;
    self->callbacks->opened(self, self->user_data);
}

/* The character that was left out, for the user. */
static void
tell_untyped(gunichar c, void *user_data)
{
    BerthViewer *self = user_data;
    char letter[8] = { 0 };
    g_autofree char *text = NULL;

    g_unichar_to_utf8(c, letter);
    text = g_strdup_printf("the desktop's keyboard cannot type '%s'; paste it instead", letter);
    berth_viewer_notify(self, NOTICE_CANNOT_TYPE, text);
}

void
berth_viewer_admit(BerthViewer *self, BerthCapture *capture)
{
    if (!self->is_open || self->is_closing || self->seat) {
        return;
    }
    self->input = berth_input_sink_new(self->rights);
    berth_input_sink_set_capture(self->input, capture);
    self->line = berth_input_line_new(self->input, self->typing, tell_untyped, self);
    self->flow = berth_flow_new();
    berth_ladder_init(&self->ladder, berth_monotonic_us());
    self->statistics.is_wanted = berth_link_get_peer_hello(self->link)->shows_statistics;
    if (self->n_cursor_shapes > 0) {
        self->pointer = berth_pointer_feed_new(self->heads, self->n_cursor_shapes);
    }
    self->seat = berth_frame_room_add_seat(self->room, &self->caps, !berth_viewer_is_observer(self),
                                           &seat_callbacks, self);
    if (!self->seat) {
        fail(self, BERTH_ERR_NO_MEMORY);
        return;
    }
    if (!berth_viewer_is_observer(self)) {
        self->sound = berth_sound_seat_new(self->sound_room, self->link,
                                           berth_link_get_peer_hello(self->link)->audio_mask);
    }
    for (int i = 0; i < (int)BERTH_LIMIT_HEADS; i++) {
        berth_viewer_note_changes(self, i,
                                  BERTH_SCREEN_LEDS | BERTH_SCREEN_ABSOLUTE | BERTH_SCREEN_MODE);
    }
    berth_frame_room_look(self->room);
}

/* --- messages --- */

static void
note_pointer(BerthViewer *self, const BerthMsgInput *input)
{
    self->pointer_head = input->abs.head;
    self->pointer_x = input->abs.x;
    self->pointer_y = input->abs.y;
}

static int
handle_input(BerthViewer *self, uint8_t type, const uint8_t *payload, size_t len)
{
    BerthMsgInput input;
    int64_t now_us = berth_monotonic_us();
    int r = berth_msg_input_decode(type, payload, len, &input);

    if (r < 0) {
        return r;
    }
    if (!(self->rights & BERTH_RIGHT_INPUT)) {
        return BERTH_OK; /* it was told in WELCOME */
    }
    berth_seat_note_input(self->seat, berth_heads_begin_input(self->heads), input.serial);
    r = berth_input_line_give(self->line, type, &input, now_us);
    if (r < 0) {
        berth_heads_take_back_input(self->heads);
        berth_seat_take_back_input(self->seat);
        berth_log_debug(SCOPE, "an input message was dropped: %s", berth_error_sentence(r));
        return BERTH_OK;
    }
    self->stats.input_us = now_us;
    berth_statistics_teller_note_input(&self->statistics, type, &input, now_us);
    if (type == BERTH_MSG_POINTER_ABS) {
        note_pointer(self, &input);
    }
    return BERTH_OK;
}

static int
handle_ack(BerthViewer *self, const uint8_t *payload, size_t len)
{
    BerthMsgFrameAck ack;
    int r = berth_msg_frame_ack_decode(payload, len, &ack);

    if (r == BERTH_OK) {
        berth_flow_note_rtt(self->flow, berth_link_get_rtt_us(self->link), berth_monotonic_us());
        berth_flow_note_unsent(self->flow,
                               berth_link_get_queued_bytes(self->link, BERTH_CHANNEL_DISPLAY));
        r = berth_flow_acked(self->flow, &ack, berth_monotonic_us());
    }
    if (r == BERTH_OK) {
        berth_frame_room_look(self->room);
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
    if (!(self->rights & BERTH_RIGHT_RESIZE) || !berth_resize_is_sane(&request)) {
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
    if (refresh.reason == BERTH_REFRESH_CHECK_FAILED && self->stats.n_checks_failed++ == 0) {
        berth_log_warning(SCOPE, "a client's picture of head %u differs from ours", refresh.head);
    }
    berth_seat_refresh(self->seat, refresh.head);
    berth_frame_room_look(self->room);
    return BERTH_OK;
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
handle_control(BerthViewer *self, uint8_t type, const uint8_t *payload, size_t len)
{
    BerthMsgShadowAnswer answer;
    int r = type == BERTH_MSG_SHADOW_ANSWER ? berth_msg_shadow_answer_decode(payload, len, &answer)
                                            : BERTH_ERR_PROTOCOL;

    if (r == BERTH_OK) {
        self->callbacks->answered(self, &answer, self->user_data);
    }
    return r;
}

static int
on_message(BerthLink *link, BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len,
           void *user_data)
{
    BerthViewer *self = user_data;

    if (!self->seat || self->is_closing) {
        return BERTH_OK; /* it has nothing to say before it is admitted */
    }
    switch (channel) {
    case BERTH_CHANNEL_CONTROL:
        return handle_control(self, type, payload, len);
    case BERTH_CHANNEL_DISPLAY:
        return handle_display(self, type, payload, len);
    case BERTH_CHANNEL_INPUT:
        return handle_input(self, type, payload, len);
    case BERTH_CHANNEL_AUDIO_OUT:
    case BERTH_CHANNEL_AUDIO_IN:
        return berth_sound_seat_handle(self->sound, channel, type, payload, len,
                                       berth_monotonic_us());
    default:
        return self->callbacks->service(self, channel, type, payload, len, self->user_data);
    }
}

static void
on_writable(BerthLink *link, void *user_data)
{
    BerthViewer *self = user_data;

    if (self->seat && !self->is_closing) {
        maybe_send_pointer(self);
        self->callbacks->writable(self, self->user_data);
        berth_frame_room_look(self->room);
    }
}

static void
release_input(BerthViewer *self)
{
    if (self->input) {
        berth_input_line_forget(self->line);
        berth_input_sink_release_all(self->input);
    }
}

/* Its window counts no more, and nothing is delivered to it. */
static void
leave_room(BerthViewer *self)
{
    self->is_closing = true;
    release_input(self);
    g_clear_pointer(&self->sound, berth_sound_seat_free);
    berth_frame_room_remove_seat(self->room, g_steal_pointer(&self->seat));
}

static void
on_closed(BerthLink *link, int code, const char *text, bool is_bye, void *user_data)
{
    BerthViewer *self = user_data;

    leave_room(self);
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
berth_viewer_new(const BerthViewerParts *parts, int fd, const BerthViewerCallbacks *callbacks,
                 void *user_data, GError **error)
{
    BerthTlsStream *stream = berth_tls_stream_new(parts->tls, fd, NULL, error);
    BerthMsgHello hello;
    BerthViewer *self;

    if (!stream) {
        return NULL;
    }
    self = g_new0(BerthViewer, 1);
    self->callbacks = callbacks;
    self->user_data = user_data;
    self->heads = parts->heads;
    self->room = parts->room;
    self->sound_room = parts->sound;
    self->typing = parts->typing;
    self->pointer_head = -1;
    berth_msg_hello_init(&hello);
    hello.input_mask = BERTH_INPUT_BIT(BERTH_MSG_TEXT) | BERTH_INPUT_BIT(BERTH_MSG_LOCKS) |
                       BERTH_INPUT_BIT(BERTH_MSG_LAYOUT) | BERTH_INPUT_BIT(BERTH_MSG_TOUCH);
    self->link =
        berth_link_new(NULL, stream, BERTH_WIRE_SESSION, &hello, NULL, &link_callbacks, self);
    return self;
}

void
berth_viewer_go_on(BerthViewer *self)
{
    if (self->line && !self->is_closing) {
        berth_input_line_go_on(self->line, berth_monotonic_us());
    }
}

void
berth_viewer_free(BerthViewer *self)
{
    if (!self) {
        return;
    }
    leave_room(self);
    berth_link_free(self->link);
    berth_input_line_free(self->line);
    berth_input_sink_free(self->input);
    berth_pointer_feed_free(self->pointer);
    berth_flow_free(self->flow);
    g_free(self);
}

bool
berth_viewer_is_observer(const BerthViewer *self)
{
    return self->rights & BERTH_RIGHT_OBSERVE;
}

bool
berth_viewer_is_admitted(const BerthViewer *self)
{
    return self->seat != NULL;
}

uint32_t
berth_viewer_get_rights(const BerthViewer *self)
{
    return self->rights;
}

const char *
berth_viewer_get_name(const BerthViewer *self)
{
    const BerthMsgHello *hello = berth_link_get_peer_hello(self->link);

    return hello ? hello->client_name : "";
}

const BerthLink *
berth_viewer_get_link(const BerthViewer *self)
{
    return self->link;
}

void
berth_viewer_send_service(BerthViewer *self, BerthChannel channel, uint8_t type,
                          const uint8_t *payload, size_t len)
{
    int r = self->seat && !self->is_closing
                ? berth_link_send(self->link, channel, type, payload, len)
                : BERTH_OK;

    if (r < 0) {
        fail(self, r);
    }
}

void
berth_viewer_set_capture(BerthViewer *self, BerthCapture *capture)
{
    release_input(self);
    if (self->input) {
        berth_input_sink_set_capture(self->input, capture);
    }
}

int
berth_viewer_ask(BerthViewer *self, const BerthMsgShadowAsk *ask)
{
    BerthWriter writer;
    int r;

    berth_writer_init(&writer, BERTH_LIMIT_PREAUTH_BYTES);
    r = berth_msg_shadow_ask_encode(&writer, ask);
    return send_written(self, r, BERTH_CHANNEL_CONTROL, BERTH_MSG_SHADOW_ASK, &writer);
}

void
berth_viewer_tell_viewers(BerthViewer *self, const BerthMsgViewers *viewers)
{
    BerthWriter writer;
    int r;

    if (!self->seat || self->is_closing) {
        return;
    }
    berth_writer_init(&writer, 16);
    r = berth_msg_viewers_encode(&writer, viewers);
    r = send_written(self, r, BERTH_CHANNEL_CONTROL, BERTH_MSG_VIEWERS, &writer);
    if (r < 0) {
        fail(self, r);
    }
}

static void
send_notice(BerthViewer *self, uint32_t number, const char *text)
{
    const BerthMsgHello *hello = berth_link_get_peer_hello(self->link);
    BerthMsgNotice notice = { .number = number, .rights = self->rights };
    BerthWriter writer;
    int r;

    if (!self->seat || self->is_closing || !hello || !hello->takes_notices) {
        return;
    }
    g_strlcpy(notice.text, text, sizeof(notice.text));
    berth_writer_init(&writer, BERTH_LIMIT_PREAUTH_BYTES);
    r = berth_msg_notice_encode(&writer, &notice);
    r = send_written(self, r, BERTH_CHANNEL_CONTROL, BERTH_MSG_NOTICE, &writer);
    if (r < 0) {
        fail(self, r);
    }
}

void
berth_viewer_limit(BerthViewer *self, uint32_t rights)
{
    uint32_t left = self->granted & (rights | BERTH_RIGHT_OBSERVE);

    if (left == self->rights) {
        return;
    }
    if (!(left & BERTH_RIGHT_INPUT)) {
        release_input(self);
    }
    self->rights = left;
    if (self->input) {
        berth_input_sink_set_rights(self->input, left);
    }
    send_notice(self, 0, "");
}

void
berth_viewer_notify(BerthViewer *self, uint32_t number, const char *text)
{
    send_notice(self, number, text);
}

void
berth_viewer_close(BerthViewer *self, int code, const char *text)
{
    leave_room(self);
    berth_link_close(self->link, code, text);
}

void
berth_viewer_get_stats(const BerthViewer *self, BerthViewerStats *ret)
{
    BerthInputStats input = { 0 };

    if (self->input) {
        berth_input_sink_get_stats(self->input, &input);
    }
    *ret = self->stats;
    ret->bytes_out = berth_link_get_bytes_out(self->link);
    ret->n_input = input.n_given;
    ret->n_input_refused = input.n_refused;
}
