/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/desktop-session.h"

#include "host-agent/session/admission.h"
#include "host-agent/session/audience.h"
#include "host-agent/session/capture.h"
#include "host-agent/session/control.h"
#include "host-agent/session/frame-room.h"
#include "host-agent/session/guest-services.h"
#include "host-agent/session/heads.h"
#include "host-agent/session/recorder.h"
#include "host-agent/session/resize-gate.h"
#include "host-agent/session/session-sandbox.h"
#include "host-agent/session/watermark-keeper.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"

#include <string.h>
#include <unistd.h>

#define SCOPE "session"
/* Between two reports to the agent. */
#define REPORT_MS 1000
/* A display that went may be replaced by the agent within this time. */
#define GONE_GRACE_MS 300
/* A new client has so long to ask for the further heads that it wants. */
#define HEADS_GRACE_MS 3000
/* Who is not connected to, and was told nothing, for so long was forgotten by an agent that died.
 */
#define ORPHAN_MS 10000
/* Of sentences that the site did not number. */
#define OWN_NOTICE 0
/* Time for BYEs to leave at the end. */
#define ENDING_MS 1500

typedef enum {
    STATE_WAITING = 0,
    STATE_RUNNING = 1,
    STATE_ENDING = 2,
    STATE_ENDED = 3,
} SessionState;

struct BerthDesktopSession {
    GMainLoop *loop;
    SessionState state;
    int exit_status;
    BerthControl *control;
    BerthAdmissionConfig config;
    BerthAdmission *admission;
    BerthTlsContext *tls;
    BerthHeads *heads;
    BerthScreen *screen; /* of head 0; borrowed */
    const BerthCaptureOps *source;
    BerthCapture *capture;
    BerthFrameRoom *room;
    BerthSoundRoom *sound;
    BerthAudience *audience;
    BerthGuestServices *guest;
    BerthRecorder *recorder; /* NULL: nothing is recorded */
    BerthWatermarkKeeper *watermark;
    BerthResizeGate resize_gates[BERTH_LIMIT_HEADS];
    BerthWireHead sizes[BERTH_LIMIT_HEADS]; /* that the guest was asked for */
    guint resize_timer;
    uint32_t asked_heads; /* bit per head that the present client has asked for */
    guint heads_timer;
    guint report_timer;
    guint gone_timer;
    guint ending_timer;
    guint orphan_timer;
    char *reported; /* the last report; NULL to send the next one anyway */
};

static void
clear_timer(guint *timer)
{
    if (*timer) {
        g_source_remove(*timer);
        *timer = 0;
    }
}

static BerthControlState
get_control_state(const BerthDesktopSession *self)
{
    BerthAudienceStats stats;
    BerthControlState state = {
        .connection_epoch = berth_admission_get_connection_epoch(self->admission),
    };

    berth_audience_get_stats(self->audience, &stats);
    state.is_connected = stats.is_present;
    state.n_frames = stats.n_frames;
    state.bytes_out = stats.bytes_out;
    state.n_observers = stats.n_observers;
    state.n_checks_failed = stats.n_checks_failed;
    state.first_frame_us = stats.first_frame_us;
    state.input_us = stats.input_us;
    berth_screen_get_mode(self->screen, &state.width_px, &state.height_px);
    return state;
}

static void
report(BerthDesktopSession *self)
{
    BerthControlState state = get_control_state(self);
    char *text = berth_control_format_state(&state);

    if (g_strcmp0(text, self->reported) == 0 || berth_control_send(self->control, text)) {
        g_free(self->reported);
        self->reported = text;
    } else {
        g_free(text); /* what the agent did not take is reported again */
    }
}

static void
send_listening(BerthDesktopSession *self)
{
    BerthControlState state = get_control_state(self);
    g_autofree char *text = berth_control_format_listening(&self->config, &state);

    berth_control_send(self->control, text);
}

static void
maybe_finish(BerthDesktopSession *self)
{
    if (self->state == STATE_ENDING &&
        (!self->audience || berth_audience_is_empty(self->audience))) {
        self->state = STATE_ENDED;
        g_main_loop_quit(self->loop);
    }
}

static gboolean
on_ending_timer(gpointer user_data)
{
    BerthDesktopSession *self = user_data;

    self->ending_timer = 0;
    self->state = STATE_ENDED;
    g_main_loop_quit(self->loop);
    return G_SOURCE_REMOVE;
}

static void
end_session(BerthDesktopSession *self, int code, const char *text, int exit_status)
{
    if (self->state == STATE_ENDING || self->state == STATE_ENDED) {
        return;
    }
    berth_log_info(SCOPE, "the session ends: %s", text ? text : berth_error_sentence(code));
    self->state = STATE_ENDING;
    self->exit_status = exit_status;
    if (self->audience) {
        berth_audience_close_all(self->audience, code, text);
    }
    self->ending_timer = g_timeout_add(ENDING_MS, on_ending_timer, self);
    maybe_finish(self);
}

static void
fail_session(BerthDesktopSession *self, int code, const char *text)
{
    g_autofree char *packet = berth_control_format_failed(code, text);

    berth_control_send(self->control, packet);
    end_session(self, code, text, 1);
}

/* A session that cannot mark its pictures as its policy wants it must not go on showing them. */
static void
check_watermark(BerthDesktopSession *self, bool is_good, const GError *error)
{
    if (!is_good) {
        fail_session(self, error->code, error->message);
    }
}

static gboolean
on_report_timer(gpointer user_data)
{
    BerthDesktopSession *self = user_data;
    g_autoptr(GError) error = NULL;

    check_watermark(self, berth_watermark_keeper_tick(self->watermark, berth_wall_us(), &error),
                    error);
    berth_guest_services_tick(self->guest);
    report(self);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_gone_timer(gpointer user_data)
{
    BerthDesktopSession *self = user_data;
    const char *text;
    int code = berth_screen_get_end(self->screen, &text);

    self->gone_timer = 0;
    if (code != BERTH_OK) {
        fail_session(self, code, text);
    }
    return G_SOURCE_REMOVE;
}

static void
on_head_change(BerthHeads *heads, int head, void *user_data)
{
    BerthDesktopSession *self = user_data;
    BerthScreen *screen = berth_heads_get(heads, head);
    unsigned changes = screen ? berth_screen_take(screen) : 0;

    berth_audience_note_changes(self->audience, head, changes);
    if (self->recorder) {
        berth_recorder_note_changes(self->recorder, head, changes);
    }
    berth_frame_room_note_head(self->room, head, changes);
    if ((changes & BERTH_SCREEN_ENDED) && !self->gone_timer) {
        self->gone_timer = g_timeout_add(GONE_GRACE_MS, on_gone_timer, self);
    }
}

static void
on_audience_changed(void *user_data)
{
    BerthDesktopSession *self = user_data;

    if (self->state == STATE_RUNNING) {
        report(self);
    }
    maybe_finish(self);
}

static void
forget_sizes(BerthDesktopSession *self)
{
    for (unsigned i = 0; i < BERTH_LIMIT_HEADS; i++) {
        berth_resize_gate_init(&self->resize_gates[i]);
    }
}

/* Heads of an earlier client that the present one does not want. */
static gboolean
on_heads_timer(gpointer user_data)
{
    BerthDesktopSession *self = user_data;

    self->heads_timer = 0;
    for (int i = 1; i < (int)BERTH_LIMIT_HEADS; i++) {
        if (self->capture && berth_heads_get(self->heads, i) && !(self->asked_heads >> i & 1)) {
            (void)self->source->resize(self->capture, i, 0, 0, 0, 0);
        }
    }
    return G_SOURCE_REMOVE;
}

static void
on_audience_opened(void *user_data)
{
    BerthDesktopSession *self = user_data;

    forget_sizes(self); /* of another client's window */
    self->asked_heads = 0;
    clear_timer(&self->heads_timer);
    self->heads_timer = g_timeout_add(HEADS_GRACE_MS, on_heads_timer, self);
    berth_guest_services_set_client(self->guest, berth_audience_get_present_hello(self->audience));
    report(self);
}

static void
on_audience_left(void *user_data)
{
    BerthDesktopSession *self = user_data;

    berth_guest_services_set_client(self->guest, NULL);
}

static int
on_audience_service(BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len,
                    void *user_data)
{
    BerthDesktopSession *self = user_data;

    return berth_guest_services_handle(self->guest, channel, type, payload, len);
}

static void
on_audience_writable(void *user_data)
{
    BerthDesktopSession *self = user_data;

    berth_guest_services_pump(self->guest);
}

/* The guest's agent hears of what the graphics card was told: not every desktop follows a card. */
static void
note_size(BerthDesktopSession *self, int head, const BerthResize *resize)
{
    unsigned n_heads = 0;

    self->sizes[head] =
        (BerthWireHead){ (uint16_t)head, (uint16_t)resize->w_px, (uint16_t)resize->h_px };
    for (unsigned i = 0; i < BERTH_LIMIT_HEADS; i++) {
        n_heads = self->sizes[i].w > 0 ? i + 1 : n_heads;
    }
    berth_guest_services_set_heads(self->guest, self->sizes, n_heads);
}

static gboolean on_resize_timer(gpointer user_data);

/* Gives the guest the size of one head that is due; returns when to look again. */
static int64_t
resize_head(BerthDesktopSession *self, int head, int64_t now_us)
{
    BerthResizeGate *gate = &self->resize_gates[head];
    BerthResize resize;

    if (self->capture && berth_resize_gate_take(gate, now_us, &resize)) {
        int r = self->source->resize(self->capture, head, resize.w_px, resize.h_px, resize.w_mm,
                                     resize.h_mm);

        if (r != BERTH_ERR_BUSY && r != BERTH_ERR_CLOSED) {
            note_size(self, head, &resize);
            return INT64_MAX;
        }
        /* A display that has just been attached is not up yet. */
        berth_resize_gate_forget(gate);
    }
    return berth_resize_gate_get_due_us(gate);
}

static void
maybe_resize(BerthDesktopSession *self)
{
    int64_t now_us = berth_monotonic_us();
    int64_t due_us = INT64_MAX;

    if (self->resize_timer) {
        return;
    }
    for (int i = 0; i < (int)BERTH_LIMIT_HEADS; i++) {
        due_us = MIN(due_us, resize_head(self, i, now_us));
    }
    if (due_us > now_us && due_us != INT64_MAX) {
        self->resize_timer =
            g_timeout_add((guint)((due_us - now_us) / 1000 + 1), on_resize_timer, self);
    }
}

static gboolean
on_resize_timer(gpointer user_data)
{
    BerthDesktopSession *self = user_data;

    self->resize_timer = 0;
    maybe_resize(self);
    return G_SOURCE_REMOVE;
}

static void
on_audience_resize(const BerthMsgHeadRequest *request, void *user_data)
{
    BerthDesktopSession *self = user_data;
    BerthResize resize = { request->w, request->h, request->mm_w, request->mm_h };

    self->asked_heads |= 1u << request->head;
    berth_resize_gate_ask(&self->resize_gates[request->head], &resize);
    maybe_resize(self);
}

static const BerthAudienceCallbacks audience_callbacks = {
    .opened = on_audience_opened,
    .left = on_audience_left,
    .service = on_audience_service,
    .writable = on_audience_writable,
    .resize = on_audience_resize,
    .changed = on_audience_changed,
};

/* --- the guest's services --- */

static void
send_to_client(BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len,
               void *user_data)
{
    BerthDesktopSession *self = user_data;

    berth_audience_send_service(self->audience, channel, type, payload, len);
}

static size_t
get_client_queue(BerthChannel channel, void *user_data)
{
    BerthDesktopSession *self = user_data;

    return berth_audience_get_queued_bytes(self->audience, channel);
}

static void
notify_client(const char *text, void *user_data)
{
    BerthDesktopSession *self = user_data;

    berth_audience_notify(self->audience, OWN_NOTICE, text);
}

static void
on_guest_typed(void *user_data)
{
    BerthDesktopSession *self = user_data;

    if (self->audience) {
        berth_audience_go_on(self->audience);
    }
}

static void
on_guest_lost(BerthGuestPortKind port, void *user_data)
{
    BerthDesktopSession *self = user_data;
    g_autofree char *text = berth_control_format_guest_lost(port);

    berth_control_send(self->control, text);
}

static void
on_level(unsigned percent, bool is_muted, void *user_data)
{
    berth_guest_services_set_level(user_data, percent, is_muted);
}

static const BerthGuestServicesCallbacks guest_callbacks = {
    .to_client = send_to_client,
    .get_queued_bytes = get_client_queue,
    .notify = notify_client,
    .lost = on_guest_lost,
    .typed = on_guest_typed,
};

/* fd: taken.  The old source, if any, has to be closed by the caller. */
static bool
open_capture(BerthDesktopSession *self, int fd, GError **error)
{
    self->capture = self->source->open(fd, self->heads, error);
    berth_audience_set_capture(self->audience, self->capture);
    if (self->capture && self->source->set_sound) {
        self->source->set_sound(self->capture, self->sound);
    }
    return self->capture != NULL;
}

static void
close_capture(BerthDesktopSession *self)
{
    if (self->capture) {
        berth_audience_set_capture(self->audience, NULL);
        self->source->close(self->capture);
        self->capture = NULL;
    }
}

static bool
make_tls(BerthDesktopSession *self, GError **error)
{
    g_autoptr(BerthTlsKey) key = berth_tls_key_new_self_signed("berth session", error);
    BerthTlsConfig config = {
        .key = key,
        .peer_check = BERTH_TLS_PEER_ANY_KEY,
        .alpn = BERTH_PROTOCOL_ALPN,
        .is_alpn_needed = true,
    };

    if (!key) {
        return false;
    }
    berth_tls_key_get_hash(key, self->config.session_key_hash);
    self->tls = berth_tls_context_new_server(&config, error);
    return self->tls != NULL;
}

static void
make_audience(BerthDesktopSession *self)
{
    const BerthAudienceParts parts = {
        .viewer = {
            .tls = self->tls,
            .heads = self->heads,
            .room = self->room,
            .sound = self->sound,
            .typing = berth_guest_services_get_typing(self->guest),
        },
        .admission = self->admission,
        .config = &self->config,
    };

    self->audience = berth_audience_new(&parts, &audience_callbacks, self);
}

/* fd: taken. */
static bool
start(BerthDesktopSession *self, const BerthControlRequest *request, int fd, GError **error)
{
    self->config = request->admission;
    self->source = berth_capture_find(request->capture);
    if (!self->source) {
        close(fd);
        return berth_set_error(error, BERTH_ERR_UNSUPPORTED, "there is no capture source \"%s\"",
                               request->capture);
    }
    self->watermark = berth_watermark_keeper_new();
    if (!make_tls(self, error) || !berth_session_sandbox_enter(error)) {
        close(fd);
        return false;
    }
    self->admission = berth_admission_new(&self->config);
    self->heads = berth_heads_new(NULL, on_head_change, self);
    self->screen = berth_heads_get(self->heads, 0);
    self->room = berth_frame_room_new(NULL, self->heads);
    self->sound = berth_sound_room_new(NULL);
    berth_sound_room_set_policy(self->sound, &request->sound);
    self->guest = berth_guest_services_new(&guest_callbacks, self);
    berth_sound_room_watch_level(self->sound, on_level, self->guest);
    make_audience(self);
    berth_guest_services_set_policy(self->guest, &request->guest);
    berth_watermark_keeper_attach(self->watermark, self->room, &self->config.session,
                                  request->user_name);
    if (!berth_watermark_keeper_set(self->watermark, request->watermark, berth_wall_us(), error)) {
        close(fd);
        return false;
    }
    return open_capture(self, fd, error);
}

static void
set_log_context(const BerthControlRequest *request)
{
    char session[BERTH_ID_HEX_CHARS + 1];
    char machine[BERTH_ID_HEX_CHARS + 1];

    berth_id_format(&request->admission.session, session);
    berth_id_format(&request->admission.machine, machine);
    berth_log_set_context("session", session);
    berth_log_set_context("machine", machine);
    berth_log_set_context("user", request->user_name);
}

/* fd: taken. */
static void
handle_start(BerthDesktopSession *self, const BerthControlRequest *request, int fd)
{
    g_autoptr(GError) error = NULL;

    if (self->state != STATE_WAITING) {
        berth_log_warning(SCOPE, "a second start was ignored");
        close(fd);
        return;
    }
    set_log_context(request);
    if (!start(self, request, fd, &error)) {
        fail_session(self, error->code, error->message);
        return;
    }
    self->state = STATE_RUNNING;
    self->report_timer = g_timeout_add(REPORT_MS, on_report_timer, self);
    berth_log_info(SCOPE, "the session listens");
    send_listening(self);
}

/* fd: taken. */
static void
handle_display(BerthDesktopSession *self, int fd)
{
    g_autoptr(GError) error = NULL;

    close_capture(self);
    berth_screen_reopen(self->screen);
    if (self->gone_timer) {
        g_source_remove(self->gone_timer);
        self->gone_timer = 0;
    }
    if (!open_capture(self, fd, &error)) {
        fail_session(self, BERTH_ERR_DESKTOP_GONE, error->message);
        return;
    }
    for (unsigned i = 0; i < BERTH_LIMIT_HEADS; i++) {
        berth_resize_gate_forget(&self->resize_gates[i]);
    }
    maybe_resize(self);
}

/* Tells the viewers; the file is completed when the session ends. */
static void
on_recorder_ended(const char *text, void *user_data)
{
    BerthDesktopSession *self = user_data;

    berth_audience_set_recorded(self->audience, false);
}

/* fd: taken. */
static void
handle_record(BerthDesktopSession *self, int fd)
{
    if (self->recorder) {
        berth_log_warning(SCOPE, "a second recording was ignored");
        close(fd);
        return;
    }
    self->recorder = berth_recorder_new(self->heads, self->room, fd, &self->config.session,
                                        on_recorder_ended, self);
    if (!self->recorder) {
        berth_log_warning(SCOPE, "the session is not recorded: too many watch it");
        return;
    }
    berth_log_info(SCOPE, "the session is recorded");
    berth_audience_set_recorded(self->audience, true);
}

static void
handle_policy(BerthDesktopSession *self, const BerthControlRequest *request)
{
    const BerthAdmissionConfig *policy = &request->admission;
    g_autoptr(GError) error = NULL;

    self->config.rights = policy->rights;
    self->config.resume_window_us = policy->resume_window_us;
    self->config.observe = policy->observe;
    berth_sound_room_set_policy(self->sound, &request->sound);
    berth_admission_set_policy(self->admission, policy->rights, policy->resume_window_us);
    berth_audience_apply_policy(self->audience);
    berth_guest_services_set_policy(self->guest, &request->guest);
    berth_log_info(SCOPE, "another policy applies");
    check_watermark(
        self,
        berth_watermark_keeper_set(self->watermark, request->watermark, berth_wall_us(), &error),
        error);
}

static void
handle_disconnect(BerthDesktopSession *self, const BerthControlRequest *request)
{
    if (berth_admission_get_connection_epoch(self->admission) > request->connection_epoch) {
        return;
    }
    berth_admission_revoke_token(self->admission);
    berth_audience_close_present(self->audience, request->reason, NULL);
}

/* Of a session that runs.  fd: taken. */
static void
handle_running(BerthDesktopSession *self, const BerthControlRequest *request, int fd)
{
    switch (request->op) {
    case BERTH_CONTROL_CLIENT:
        berth_audience_add(self->audience, fd);
        break;
    case BERTH_CONTROL_DISPLAY:
        handle_display(self, fd);
        break;
    case BERTH_CONTROL_RECORD:
        handle_record(self, fd);
        break;
    case BERTH_CONTROL_GUEST:
        berth_guest_services_set_port(self->guest, request->port, fd);
        break;
    case BERTH_CONTROL_POLICY:
        handle_policy(self, request);
        break;
    case BERTH_CONTROL_NOTICE:
        berth_audience_notify(self->audience, request->number, request->text);
        break;
    case BERTH_CONTROL_DISCONNECT:
        handle_disconnect(self, request);
        break;
    case BERTH_CONTROL_START:
    case BERTH_CONTROL_END:
        break; /* in every state */
    }
}

static void
on_control_request(const BerthControlRequest *request, int fd, void *user_data)
{
    BerthDesktopSession *self = user_data;

    if (request->op == BERTH_CONTROL_START) {
        handle_start(self, request, fd);
    } else if (request->op == BERTH_CONTROL_END) {
        end_session(self, request->reason, NULL, 0);
    } else if (self->state == STATE_RUNNING) {
        handle_running(self, request, fd);
    } else {
        berth_log_warning(SCOPE, "a request was ignored: the session does not run");
        if (fd >= 0) {
            close(fd);
        }
    }
}

static void
on_control_attached(void *user_data)
{
    BerthDesktopSession *self = user_data;

    if (self->state == STATE_RUNNING) {
        send_listening(self);
        g_clear_pointer(&self->reported, g_free); /* the new agent knows nothing */
    }
}

static const BerthControlCallbacks control_callbacks = {
    .attached = on_control_attached,
    .request = on_control_request,
};

static gboolean
on_orphan_timer(gpointer user_data)
{
    BerthDesktopSession *self = user_data;

    if (self->state == STATE_WAITING && berth_control_is_attached(self->control)) {
        return G_SOURCE_CONTINUE;
    }
    self->orphan_timer = 0;
    if (self->state == STATE_WAITING) {
        end_session(self, BERTH_ERR_TIMEOUT, "no agent wants it", 1);
    }
    return G_SOURCE_REMOVE;
}

BerthDesktopSession *
berth_desktop_session_new(int control_fd, GMainLoop *loop)
{
    BerthDesktopSession *self = g_new0(BerthDesktopSession, 1);

    self->loop = loop;
    forget_sizes(self);
    self->control = berth_control_new(control_fd, &control_callbacks, self);
    self->orphan_timer = g_timeout_add(ORPHAN_MS, on_orphan_timer, self);
    return self;
}

void
berth_desktop_session_free(BerthDesktopSession *self)
{
    if (!self) {
        return;
    }
    clear_timer(&self->resize_timer);
    clear_timer(&self->heads_timer);
    clear_timer(&self->report_timer);
    clear_timer(&self->gone_timer);
    clear_timer(&self->ending_timer);
    clear_timer(&self->orphan_timer);
    close_capture(self);
    berth_recorder_free(self->recorder);
    berth_watermark_keeper_free(self->watermark);
    berth_audience_free(self->audience);
    if (self->sound) {
        berth_sound_room_watch_level(self->sound, NULL, NULL);
    }
    berth_guest_services_free(self->guest);
    berth_sound_room_end(self->sound);
    berth_frame_room_free(self->room);
    berth_heads_free(self->heads);
    berth_control_free(self->control);
    berth_admission_free(self->admission);
    berth_tls_context_unref(self->tls);
    g_free(self->reported);
    g_free(self);
}

void
berth_desktop_session_finish(BerthDesktopSession *self)
{
    end_session(self, BERTH_ERR_DISCONNECTED, "the session process was stopped", 0);
    while (self->state != STATE_ENDED) {
        g_main_context_iteration(NULL, TRUE);
    }
}

int
berth_desktop_session_get_exit_status(const BerthDesktopSession *self)
{
    return self->exit_status;
}
