/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/session-client.h"

#include "client/core/client-hello.h"
#include "client/core/dialer.h"
#include "client/core/session-news.h"

#include "base/bytes-writer.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/secret.h"
#include "display/transport/link.h"
#include "display/transport/tls.h"
#include "display/wire/msg-display.h"

#include <glib/gi18n.h>
#include <string.h>
#include <sys/socket.h>

/* Largest payload that a client sends after the handshake. */
#define MAX_SENT_BYTES 1024
#define MAX_VIDEO_THREADS 4

struct BerthSessionClient {
    BerthSessionCallbacks callbacks;
    void *user_data;
    BerthStats *stats;
    BerthShare *share;       /* NULL: there is none */
    BerthSoundClient *sound; /* NULL: none */
    BerthTlsContext *context;
    char *sni;
    BerthMsgHello hello;
    BerthMsgAuth auth;

    BerthDialer *dialer;
    BerthLink *link;
    int fd; /* the link's; for berth_session_client_break() */
    BerthDecodeWorker *decoder;
    unsigned patience_ms;
    guint patience_source;
    bool was_reached;
    int64_t step_us; /* when the present step of connecting began */

    uint32_t rights;
    uint32_t serial; /* of the last input message */
    BerthHeldKeys held;
    int own_code; /* why we ended it ourselves; BERTH_OK if we did not */
    bool is_dismissed;
};

static void
report_closed(BerthSessionClient *self, int code, const char *text, bool is_bye)
{
    self->callbacks.closed(code, text, is_bye, self->user_data);
}

/* Seconds of a step that just ended, in microseconds; the next begins. */
static int64_t
take_step(BerthSessionClient *self)
{
    int64_t now_us = berth_monotonic_us();
    int64_t took_us = now_us - self->step_us;

    self->step_us = now_us;
    return took_us;
}

static void
on_secured(BerthLink *link, const uint8_t peer_key_hash[BERTH_KEY_HASH_BYTES], void *user_data)
{
    BerthSessionClient *self = user_data;

    self->stats->session_tls_us = take_step(self);
}

/* Where the messages go that are not about pictures. */
static BerthSessionNews
get_news(BerthSessionClient *self)
{
    return (BerthSessionNews){ &self->callbacks, self->user_data, self->stats, &self->rights };
}

static void
send_sound(BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    BerthSessionClient *self = user_data;

    (void)berth_link_send_now(self->link, channel, type, payload, len);
}

static void
on_open(BerthLink *link, const BerthMsgWelcome *welcome, void *user_data)
{
    BerthSessionClient *self = user_data;
    BerthSessionNews news = get_news(self);

    g_clear_handle_id(&self->patience_source, g_source_remove);
    self->stats->welcome_us = take_step(self);
    berth_session_news_set_rights(&news, welcome->rights);
    if (self->share != NULL) {
        berth_share_attach(self->share, link);
    }
    if (self->sound != NULL) {
        berth_sound_client_attach(self->sound, send_sound, self);
    }
    self->callbacks.opened(welcome, self->user_data);
}

/* The link takes nothing more, or is not ours any more. */
static void
detach(BerthSessionClient *self)
{
    if (self->share != NULL) {
        berth_share_detach(self->share, self->link);
    }
    if (self->sound != NULL) {
        berth_sound_client_detach(self->sound, self);
        self->sound = NULL; /* it may go before a client that was dismissed */
    }
}

static void
on_writable(BerthLink *link, void *user_data)
{
    BerthSessionClient *self = user_data;

    if (self->share != NULL) {
        berth_share_pump(self->share);
    }
}

static int
on_message(BerthLink *link, BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len,
           void *user_data)
{
    BerthSessionClient *self = user_data;
    BerthSessionNews news = get_news(self);

    if (self->is_dismissed) {
        return BERTH_OK;
    }
    switch (channel) {
    case BERTH_CHANNEL_DISPLAY:
    case BERTH_CHANNEL_CURSOR:
        return berth_decode_worker_push(self->decoder, channel, type, payload, len,
                                        berth_monotonic_us());
    case BERTH_CHANNEL_CONTROL:
    case BERTH_CHANNEL_INPUT:
        return berth_session_news_take(&news, channel, type, payload, len);
    case BERTH_CHANNEL_CLIPBOARD:
    case BERTH_CHANNEL_FILES:
        return self->share != NULL ? berth_share_take(self->share, channel, type, payload, len)
                                   : BERTH_ERR_UNSUPPORTED;
    case BERTH_CHANNEL_AUDIO_OUT:
        return self->sound != NULL ? berth_sound_client_handle(self->sound, type, payload, len,
                                                               berth_monotonic_us())
                                   : BERTH_ERR_PROTOCOL;
    default:
        return BERTH_ERR_UNSUPPORTED;
    }
}

static void
on_closed(BerthLink *link, int code, const char *text, bool is_bye, void *user_data)
{
    BerthSessionClient *self = user_data;
    g_autofree char *why = NULL;

    detach(self);
    g_clear_handle_id(&self->patience_source, g_source_remove);
    if (self->is_dismissed) {
        berth_session_client_free(self);
    } else if (self->own_code != BERTH_OK) {
        why = g_strdup_printf(_("the session sent what cannot be shown: %s"),
                              _(berth_error_sentence(self->own_code)));
        report_closed(self, self->own_code, why, false);
    } else {
        report_closed(self, code, text, is_bye);
    }
}

static const BerthLinkCallbacks link_callbacks = {
    .secured = on_secured,
    .open = on_open,
    .message = on_message,
    .writable = on_writable,
    .closed = on_closed,
};

static int
send_written(BerthSessionClient *self, BerthChannel channel, uint8_t type, BerthWriter *writer)
{
    int code = writer->error;

    if (code == BERTH_OK) {
        code = berth_link_send_now(self->link, channel, type, writer->data, writer->len);
    }
    berth_writer_clear(writer);
    return code;
}

static uint32_t
clamp_time(int64_t time_us)
{
    return (uint32_t)CLAMP(time_us, 0, UINT32_MAX);
}

static void
acknowledge(BerthSessionClient *self, const BerthFrameNews *news, int64_t shown_us)
{
    BerthWriter writer;
    BerthMsgFrameAck ack = {
        .frame = news->frame_id,
        .decode_us = clamp_time(berth_monotonic_us() - news->received_us),
        .present_delay_us = clamp_time(shown_us - news->received_us),
        .queued = (uint16_t)MIN(berth_decode_worker_get_n_waiting(self->decoder), UINT16_MAX),
    };

    berth_writer_init(&writer, MAX_SENT_BYTES);
    berth_msg_frame_ack_encode(&writer, &ack);
    send_written(self, BERTH_CHANNEL_DISPLAY, BERTH_MSG_FRAME_ACK, &writer);
}

/* The acknowledgement does not wait for those who look at the frame. */
static void
on_frame(const BerthFrameNews *news, void *user_data)
{
    BerthSessionClient *self = user_data;
    int64_t now_us = berth_monotonic_us();
    int64_t shown_us = news->shown_us != 0 ? news->shown_us : now_us;

    if (!berth_session_client_is_open(self)) {
        return;
    }
    acknowledge(self, news, shown_us);
    berth_stats_frame(self->stats, news, clamp_time(shown_us - news->received_us), now_us);
    self->callbacks.frame(news, self->user_data);
}

static void
on_head_gone(unsigned head, void *user_data)
{
    BerthSessionClient *self = user_data;

    if (berth_session_client_is_open(self)) {
        self->callbacks.head_gone(head, self->user_data);
    }
}

static void
send_refresh(BerthSessionClient *self, unsigned head, BerthRefreshReason reason)
{
    BerthMsgRefresh refresh = { .head = (uint16_t)head, .reason = (uint16_t)reason };
    BerthWriter writer;

    if (!berth_session_client_is_open(self)) {
        return;
    }
    berth_writer_init(&writer, MAX_SENT_BYTES);
    berth_msg_refresh_encode(&writer, &refresh);
    send_written(self, BERTH_CHANNEL_DISPLAY, BERTH_MSG_REFRESH, &writer);
}

static void
on_head_wrong(unsigned head, void *user_data)
{
    BerthSessionClient *self = user_data;

    berth_log_warning("client", "the picture of head %u was wrong, asking for it again", head);
    self->stats->n_failed_checks++;
    send_refresh(self, head, BERTH_REFRESH_CHECK_FAILED);
}

static void
on_cursor(const BerthCursorImage *image, void *user_data)
{
    BerthSessionClient *self = user_data;

    if (berth_session_client_is_open(self)) {
        self->callbacks.cursor(image, self->user_data);
    }
}

static void
on_failed(int error, void *user_data)
{
    BerthSessionClient *self = user_data;

    /* Elsewhere that code means a name that cannot be resolved, which may get better. */
    if (error == BERTH_ERR_NOT_FOUND) {
        error = BERTH_ERR_PROTOCOL;
    }
    if (berth_session_client_is_open(self)) {
        self->own_code = error;
        berth_link_close(self->link, error, NULL);
    }
}

static const BerthDecodeCallbacks decode_callbacks = {
    .frame = on_frame,
    .head_gone = on_head_gone,
    .head_wrong = on_head_wrong,
    .cursor = on_cursor,
    .failed = on_failed,
};

static gboolean
on_out_of_patience(gpointer user_data)
{
    BerthSessionClient *self = user_data;

    self->patience_source = 0;
    report_closed(self, BERTH_ERR_TIMEOUT, _("the session does not answer"), false);
    return G_SOURCE_REMOVE;
}

static void
start_link(BerthSessionClient *self, BerthTlsStream *stream)
{
    if (self->patience_ms > 0) {
        self->patience_source = g_timeout_add(self->patience_ms, on_out_of_patience, self);
    }
    self->fd = berth_tls_stream_get_fd(stream);
    self->link = berth_link_new(NULL, stream, BERTH_WIRE_CLIENT, &self->hello, &self->auth,
                                &link_callbacks, self);
    berth_wipe(&self->auth, sizeof self->auth);
}

static void
on_dialed(int fd, const GError *error, void *user_data)
{
    BerthSessionClient *self = user_data;
    g_autoptr(GError) why = NULL;
    BerthTlsStream *stream;

    g_clear_pointer(&self->dialer, berth_dialer_free);
    if (error != NULL) {
        report_closed(self, error->code, error->message, false);
        return;
    }
    self->stats->session_tcp_us = take_step(self);
    self->was_reached = true;
    stream = berth_tls_stream_new(self->context, fd, self->sni, &why);
    if (stream == NULL) {
        report_closed(self, why->code, why->message, false);
        return;
    }
    start_link(self, stream);
}

static BerthTlsContext *
make_context(const BerthSessionTarget *target, GError **error)
{
    BerthTlsConfig config = {
        .key = target->key,
        .peer_check = BERTH_TLS_PEER_PINNED,
        .pin = target->pin,
        .alpn = BERTH_PROTOCOL_ALPN,
        .is_alpn_needed = true,
    };

    return berth_tls_context_new_client(&config, error);
}

/* A decoder of what was offered, and of nothing else. */
static BerthDecodeWorker *
new_decoder(BerthSessionClient *self, BerthPicture *const *pictures)
{
    BerthFrameDecoderCaps caps = {
        .max_width = BERTH_LIMIT_HEAD_SIDE_PX,
        .max_height = BERTH_LIMIT_HEAD_SIDE_PX,
        .window_log = self->hello.exact_window_log,
        .gradient_window_log = self->hello.gradient_window_log,
        .n_cache_tiles = self->hello.cache_tiles,
        .photo_mask = self->hello.photo_mask,
        .video_mask = self->hello.video_mask,
        .n_threads = (int)CLAMP(g_get_num_processors(), 1, MAX_VIDEO_THREADS),
    };

    return berth_decode_worker_new(pictures, &caps, self->hello.cursor_shapes, &decode_callbacks,
                                   self);
}

BerthSessionClient *
berth_session_client_new(const BerthSessionTarget *target, const BerthSessionCallbacks *callbacks,
                         void *user_data, GError **error)
{
    BerthTlsContext *context = make_context(target, error);
    BerthSessionClient *self;

    if (context == NULL) {
        return NULL;
    }
    self = g_new0(BerthSessionClient, 1);
    self->context = context;
    self->callbacks = *callbacks;
    self->user_data = user_data;
    self->stats = target->stats;
    self->share = target->share;
    self->patience_ms = target->patience_ms;
    self->sni = g_strdup(target->sni);
    self->auth = *target->auth;
    self->sound = target->sound;
    berth_client_hello_init(&self->hello, target->name, self->share != NULL,
                            self->sound != NULL ? berth_sound_client_get_audio_mask(self->sound)
                                                : 0);
    self->decoder = new_decoder(self, target->pictures);
    self->step_us = berth_monotonic_us();
    self->dialer = berth_dialer_new(target->host, target->port, on_dialed, self);
    return self;
}

void
berth_session_client_free(BerthSessionClient *self)
{
    if (self == NULL) {
        return;
    }
    g_clear_handle_id(&self->patience_source, g_source_remove);
    berth_dialer_free(self->dialer);
    detach(self);
    berth_link_free(self->link);
    berth_decode_worker_free(self->decoder);
    berth_tls_context_unref(self->context);
    berth_wipe(&self->auth, sizeof self->auth);
    g_free(self->sni);
    g_free(self);
}

void
berth_session_client_dismiss(BerthSessionClient *self)
{
    if (self == NULL) {
        return;
    }
    if (!berth_session_client_is_open(self)) {
        berth_session_client_free(self);
        return;
    }
    berth_session_client_release_all(self);
    detach(self);
    self->is_dismissed = true;
    berth_link_close(self->link, BERTH_OK, NULL);
}

void
berth_session_client_break(BerthSessionClient *self)
{
    if (self->link != NULL) {
        shutdown(self->fd, SHUT_RDWR);
    }
}

bool
berth_session_client_is_open(const BerthSessionClient *self)
{
    return self->link != NULL && berth_link_is_open(self->link);
}

bool
berth_session_client_was_reached(const BerthSessionClient *self)
{
    return self->was_reached;
}

uint64_t
berth_session_client_get_bytes_in(const BerthSessionClient *self)
{
    return self->link != NULL ? berth_link_get_bytes_in(self->link) : 0;
}

uint64_t
berth_session_client_get_bytes_out(const BerthSessionClient *self)
{
    return self->link != NULL ? berth_link_get_bytes_out(self->link) : 0;
}

int64_t
berth_session_client_get_rtt_us(const BerthSessionClient *self)
{
    return self->link != NULL ? berth_link_get_rtt_us(self->link) : -1;
}

/* Sends one input message and gives it the next serial. */
static uint32_t
send_input(BerthSessionClient *self, uint8_t type, BerthMsgInput *input)
{
    BerthWriter writer;

    if (!berth_session_client_is_open(self) || (self->rights & BERTH_RIGHT_INPUT) == 0) {
        return 0;
    }
    input->serial = ++self->serial;
    berth_writer_init(&writer, MAX_SENT_BYTES);
    if (berth_msg_input_encode(&writer, type, input) != BERTH_OK) {
        self->serial--;
        berth_writer_clear(&writer);
        return 0;
    }
    send_written(self, BERTH_CHANNEL_INPUT, type, &writer);
    return self->serial;
}

uint32_t
berth_session_client_key(BerthSessionClient *self, uint16_t evdev, bool is_down)
{
    BerthMsgInput input = { .key = { .evdev = evdev, .is_down = is_down } };
    bool is_news = is_down ? berth_held_keys_press(&self->held, evdev)
                           : berth_held_keys_release(&self->held, evdev);
    uint32_t serial;

    if (!is_news) {
        return 0;
    }
    serial = send_input(self, BERTH_MSG_KEY, &input);
    if (serial != 0 && is_down) {
        berth_latency_sent(&self->stats->latency, serial, berth_monotonic_us());
    }
    return serial;
}

uint32_t
berth_session_client_pointer(BerthSessionClient *self, unsigned head, int x_px, int y_px)
{
    BerthMsgInput input = {
        .abs = {
            .head = (uint16_t)head,
            .x = (uint16_t)CLAMP(x_px, 0, (int)BERTH_LIMIT_HEAD_SIDE_PX - 1),
            .y = (uint16_t)CLAMP(y_px, 0, (int)BERTH_LIMIT_HEAD_SIDE_PX - 1),
        },
    };

    return send_input(self, BERTH_MSG_POINTER_ABS, &input);
}

uint32_t
berth_session_client_pointer_relative(BerthSessionClient *self, int dx_px, int dy_px)
{
    BerthMsgInput input = {
        .rel = {
            .dx = (int16_t)CLAMP(dx_px, INT16_MIN, INT16_MAX),
            .dy = (int16_t)CLAMP(dy_px, INT16_MIN, INT16_MAX),
        },
    };

    return send_input(self, BERTH_MSG_POINTER_REL, &input);
}

uint32_t
berth_session_client_button(BerthSessionClient *self, BerthButton button, bool is_down)
{
    BerthMsgInput input = { .button = { .button = (uint8_t)button, .is_down = is_down } };
    uint32_t serial;

    if (!berth_held_keys_set_button(&self->held, button, is_down)) {
        return 0;
    }
    serial = send_input(self, BERTH_MSG_BUTTON, &input);
    if (serial != 0 && is_down) {
        berth_latency_sent(&self->stats->latency, serial, berth_monotonic_us());
    }
    return serial;
}

uint32_t
berth_session_client_wheel(BerthSessionClient *self, int dx, int dy)
{
    BerthMsgInput input = {
        .wheel = {
            .dx = (int16_t)CLAMP(dx, INT16_MIN, INT16_MAX),
            .dy = (int16_t)CLAMP(dy, INT16_MIN, INT16_MAX),
        },
    };

    return send_input(self, BERTH_MSG_WHEEL, &input);
}

static bool
takes_input(const BerthSessionClient *self, uint8_t type)
{
    const BerthMsgHello *session =
        berth_session_client_is_open(self) ? berth_link_get_peer_hello(self->link) : NULL;

    return session != NULL && (session->input_mask & BERTH_INPUT_BIT(type)) != 0;
}

/* Bytes of the first characters of a text that fit into one message. */
static size_t
fitting_bytes(const char *text)
{
    size_t n = 0;

    while (text[n] != '\0') {
        size_t next = (size_t)(g_utf8_next_char(text + n) - text);

        if (next > BERTH_LIMIT_INPUT_TEXT_BYTES) {
            break;
        }
        n = next;
    }
    return n;
}

bool
berth_session_client_text(BerthSessionClient *self, const char *text)
{
    if (!takes_input(self, BERTH_MSG_TEXT)) {
        return false;
    }
    if (!g_utf8_validate(text, -1, NULL)) {
        return true;
    }
    while (text[0] != '\0') {
        size_t n = fitting_bytes(text);
        BerthMsgInput input = { 0 };
        uint32_t serial;

        memcpy(input.text, text, n);
        serial = send_input(self, BERTH_MSG_TEXT, &input);
        if (serial != 0) {
            berth_latency_sent(&self->stats->latency, serial, berth_monotonic_us());
        }
        text += n;
    }
    return true;
}

bool
berth_session_client_locks(BerthSessionClient *self, uint8_t locks)
{
    BerthMsgInput input = { .locks = locks };

    if (!takes_input(self, BERTH_MSG_LOCKS)) {
        return false;
    }
    send_input(self, BERTH_MSG_LOCKS, &input);
    return true;
}

bool
berth_session_client_layout(BerthSessionClient *self, const BerthKeyLayout *layout)
{
    BerthMsgInput input = { .layout = *layout };

    if (!takes_input(self, BERTH_MSG_LAYOUT)) {
        return false;
    }
    send_input(self, BERTH_MSG_LAYOUT, &input);
    return true;
}

bool
berth_session_client_touch(BerthSessionClient *self, BerthTouchPhase phase, unsigned finger,
                           unsigned head, int x_px, int y_px)
{
    BerthMsgInput input = {
        .touch = {
            .phase = (uint8_t)phase,
            .finger = (uint8_t)MIN(finger, UINT8_MAX),
            .head = (uint16_t)head,
            .x = (uint16_t)CLAMP(x_px, 0, (int)BERTH_LIMIT_HEAD_SIDE_PX - 1),
            .y = (uint16_t)CLAMP(y_px, 0, (int)BERTH_LIMIT_HEAD_SIDE_PX - 1),
        },
    };

    if (!takes_input(self, BERTH_MSG_TOUCH)) {
        return false;
    }
    send_input(self, BERTH_MSG_TOUCH, &input);
    return true;
}

void
berth_session_client_release_all(BerthSessionClient *self)
{
    uint16_t keys[BERTH_HELD_KEYS_MAX];
    BerthMsgInput last = { 0 };
    bool was_empty = berth_held_keys_is_empty(&self->held);
    size_t n_keys = berth_held_keys_take_all(&self->held, keys);

    if (was_empty) {
        return;
    }
    for (size_t i = 0; i < n_keys; i++) {
        BerthMsgInput input = { .key = { .evdev = keys[i], .is_down = false } };

        send_input(self, BERTH_MSG_KEY, &input);
    }
    /* Buttons, and whatever the other side believes to be down. */
    send_input(self, BERTH_MSG_RELEASE_ALL, &last);
}

static void
send_head_request(BerthSessionClient *self, const BerthMsgHeadRequest *request)
{
    BerthWriter writer;

    if (!berth_session_client_is_open(self) || (self->rights & BERTH_RIGHT_RESIZE) == 0) {
        return;
    }
    berth_writer_init(&writer, MAX_SENT_BYTES);
    berth_msg_head_request_encode(&writer, request);
    send_written(self, BERTH_CHANNEL_DISPLAY, BERTH_MSG_HEAD_REQUEST, &writer);
}

void
berth_session_client_request_size(BerthSessionClient *self, unsigned head, int width_px,
                                  int height_px, int width_mm, int height_mm)
{
    const int min_px = (int)BERTH_LIMIT_HEAD_MIN_SIDE_PX;
    const int max_px = (int)BERTH_LIMIT_HEAD_SIDE_PX;
    BerthMsgHeadRequest request = {
        .head = (uint16_t)head,
        .w = (uint16_t)CLAMP(width_px, min_px, max_px),
        .h = (uint16_t)CLAMP(height_px, min_px, max_px),
        .mm_w = (uint16_t)CLAMP(width_mm, 0, UINT16_MAX),
        .mm_h = (uint16_t)CLAMP(height_mm, 0, UINT16_MAX),
    };

    send_head_request(self, &request);
}

void
berth_session_client_drop_head(BerthSessionClient *self, unsigned head)
{
    BerthMsgHeadRequest request = { .head = (uint16_t)head };

    send_head_request(self, &request);
}

void
berth_session_client_refresh(BerthSessionClient *self, unsigned head)
{
    send_refresh(self, head, BERTH_REFRESH_ASKED);
}

void
berth_session_client_answer(BerthSessionClient *self, uint32_t id, bool is_allowed)
{
    BerthMsgShadowAnswer answer = { .id = id, .is_allowed = is_allowed };
    BerthWriter writer;

    if (!berth_session_client_is_open(self)) {
        return;
    }
    berth_writer_init(&writer, MAX_SENT_BYTES);
    berth_msg_shadow_answer_encode(&writer, &answer);
    send_written(self, BERTH_CHANNEL_CONTROL, BERTH_MSG_SHADOW_ANSWER, &writer);
}
