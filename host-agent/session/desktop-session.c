/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/desktop-session.h"

#include "host-agent/session/admission.h"
#include "host-agent/session/capture.h"
#include "host-agent/session/control.h"
#include "host-agent/session/resize-gate.h"
#include "host-agent/session/session-sandbox.h"
#include "host-agent/session/viewer.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "base/secret.h"

#include <string.h>
#include <unistd.h>

#define SCOPE "session"
/* Connections: the present one, others in their handshake or on their way out. */
#define MAX_VIEWERS 16
/* Between two reports to the agent. */
#define REPORT_MS 1000
/* A display that went may be replaced by the agent within this time. */
#define GONE_GRACE_MS 300
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
    GPtrArray *viewers;   /* all of them, owned */
    BerthViewer *present; /* the one that uses the desktop; NULL if none */
    BerthResizeGate resize_gate;
    guint resize_timer;
    guint report_timer;
    guint gone_timer;
    guint ending_timer;
    /* Of viewers that are gone: */
    uint64_t past_frames;
    uint64_t past_bytes_out;
    char *reported; /* the last report; NULL to send the next one anyway */
};

static BerthControlState
get_control_state(const BerthDesktopSession *self)
{
    const BerthFrame *picture = self->screen ? berth_screen_get_picture(self->screen) : NULL;
    BerthControlState state = {
        .is_connected = self->present != NULL,
        .connection_epoch = berth_admission_get_connection_epoch(self->admission),
        .n_frames = self->past_frames,
        .bytes_out = self->past_bytes_out,
        .width_px = picture ? picture->width : 0,
        .height_px = picture ? picture->height : 0,
    };

    if (self->present) {
        BerthViewerStats stats;

        berth_viewer_get_stats(self->present, &stats);
        state.n_frames += stats.n_frames;
        state.bytes_out += stats.bytes_out;
    }
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

static gboolean
on_report_timer(gpointer user_data)
{
    report(user_data);
    return G_SOURCE_CONTINUE;
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
    if (self->state == STATE_ENDING && self->viewers->len == 0) {
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
    for (guint i = 0; i < self->viewers->len; i++) {
        berth_viewer_close(g_ptr_array_index(self->viewers, i), code, text);
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
    unsigned changes = berth_screen_take(self->screen);

    berth_screen_take_picture(self->screen);
    if (self->present) {
        berth_viewer_note_changes(self->present, changes);
    }
    if ((changes & BERTH_SCREEN_ENDED) && !self->gone_timer) {
        self->gone_timer = g_timeout_add(GONE_GRACE_MS, on_gone_timer, self);
    }
}

static int
on_viewer_authorize(BerthViewer *viewer, const BerthMsgAuth *auth,
                    const uint8_t client_key_hash[BERTH_KEY_HASH_BYTES],
                    BerthMsgWelcome *ret_welcome, void *user_data)
{
    BerthDesktopSession *self = user_data;
    uint8_t token[BERTH_RECONNECT_TOKEN_BYTES];
    BerthAdmitted admitted;
    int r;

    if (self->state != STATE_RUNNING) {
        return BERTH_ERR_DESKTOP_GONE;
    }
    berth_random_bytes(token, sizeof(token));
    if (auth->kind == BERTH_AUTH_TICKET) {
        r = berth_admission_check_ticket(self->admission, auth->ticket, sizeof(auth->ticket),
                                         client_key_hash, berth_wall_us(), token, &admitted);
    } else if (auth->kind == BERTH_AUTH_SHARE) {
        r = berth_admission_check_share(self->admission, &auth->session, auth->token,
                                        client_key_hash, token, &admitted);
    } else {
        r = berth_admission_check_token(self->admission, &auth->session, auth->token,
                                        client_key_hash, berth_monotonic_us(), token, &admitted);
    }
    if (r == BERTH_OK) {
        ret_welcome->session = self->config.session;
        ret_welcome->connection_epoch = admitted.connection_epoch;
        ret_welcome->resume_window_s = (uint32_t)(self->config.resume_window_us / G_USEC_PER_SEC);
        ret_welcome->rights = admitted.rights;
        memcpy(ret_welcome->token, token, sizeof(token));
    }
    berth_wipe(token, sizeof(token));
    return r;
}

static void
on_viewer_opened(BerthViewer *viewer, void *user_data)
{
    BerthDesktopSession *self = user_data;
    BerthViewer *old = self->present;

    self->present = viewer;
    berth_resize_gate_init(&self->resize_gate); /* the sizes of another client's window */
    if (old) {
        berth_viewer_close(old, BERTH_ERR_TAKEN_OVER, NULL);
    }
    berth_log_info(SCOPE, "a client is connected");
    berth_viewer_set_capture(viewer, self->capture);
    report(self);
}

static void
on_viewer_closed(BerthViewer *viewer, int code, const char *text, void *user_data)
{
    BerthDesktopSession *self = user_data;
    BerthViewerStats stats;

    berth_log_info(SCOPE, "a client connection ended: %s", text);
    berth_viewer_get_stats(viewer, &stats);
    self->past_frames += stats.n_frames;
    self->past_bytes_out += stats.bytes_out;
    if (self->present == viewer) {
        self->present = NULL;
        berth_admission_note_lost(self->admission, berth_monotonic_us());
    }
    g_ptr_array_remove(self->viewers, viewer);
    if (self->state == STATE_RUNNING) {
        report(self);
    }
    maybe_finish(self);
}

static gboolean on_resize_timer(gpointer user_data);

static void
maybe_resize(BerthDesktopSession *self)
{
    int64_t now_us = berth_monotonic_us();
    int64_t due_us = berth_resize_gate_get_due_us(&self->resize_gate);
    BerthResize resize;

    if (self->resize_timer || due_us == INT64_MAX) {
        return;
    }
    if (self->capture && berth_resize_gate_take(&self->resize_gate, now_us, &resize)) {
        int r = self->source->resize(self->capture, 0, resize.w_px, resize.h_px, resize.w_mm,
                                     resize.h_mm);

        if (r != BERTH_ERR_BUSY && r != BERTH_ERR_CLOSED) {
            return;
        }
        /* A display that has just been attached is not up yet. */
        berth_resize_gate_forget(&self->resize_gate);
        due_us = berth_resize_gate_get_due_us(&self->resize_gate);
    }
    if (due_us > now_us) {
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
on_viewer_resize(BerthViewer *viewer, const BerthMsgHeadRequest *request, void *user_data)
{
    BerthDesktopSession *self = user_data;
    BerthResize resize = { request->w, request->h, request->mm_w, request->mm_h };

    if (viewer == self->present) {
        berth_resize_gate_ask(&self->resize_gate, &resize);
        maybe_resize(self);
    }
}

static const BerthViewerCallbacks viewer_callbacks = {
    .authorize = on_viewer_authorize,
    .opened = on_viewer_opened,
    .resize = on_viewer_resize,
    .closed = on_viewer_closed,
};

/* Strangers who hold connections open must not keep the user out: the oldest one goes. */
static void
maybe_drop_oldest(BerthDesktopSession *self)
{
    guint oldest = g_ptr_array_index(self->viewers, 0) == self->present ? 1 : 0;

    if (self->viewers->len >= MAX_VIEWERS) {
        berth_log_warning(SCOPE, "the oldest of %u connections was dropped", self->viewers->len);
        g_ptr_array_remove_index(self->viewers, oldest);
    }
}

/* fd: taken. */
static void
add_client(BerthDesktopSession *self, int fd)
{
    g_autoptr(GError) error = NULL;
    BerthViewer *viewer;

    if (self->viewers->len > 0) {
        maybe_drop_oldest(self);
    }
    viewer = berth_viewer_new(self->tls, fd, self->screen, &viewer_callbacks, self, &error);
    if (!viewer) {
        berth_log_warning(SCOPE, "a client was dropped: %s", error->message);
        return;
    }
    g_ptr_array_add(self->viewers, viewer);
}

/* fd: taken.  The old source, if any, has to be closed by the caller. */
static bool
open_capture(BerthDesktopSession *self, int fd, GError **error)
{
    self->capture = self->source->open(fd, self->heads, error);
    if (self->capture && self->present) {
        berth_viewer_set_capture(self->present, self->capture);
    }
    return self->capture != NULL;
}

static void
close_capture(BerthDesktopSession *self)
{
    if (self->capture) {
        if (self->present) {
            berth_viewer_set_capture(self->present, NULL);
        }
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
    if (!make_tls(self, error) || !berth_session_sandbox_enter(error)) {
        close(fd);
        return false;
    }
    self->admission = berth_admission_new(&self->config);
    self->heads = berth_heads_new(NULL, on_head_change, self);
    self->screen = berth_heads_get(self->heads, 0);
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
    berth_resize_gate_forget(&self->resize_gate);
    maybe_resize(self);
}

static void
handle_disconnect(BerthDesktopSession *self, const BerthControlRequest *request)
{
    if (berth_admission_get_connection_epoch(self->admission) > request->connection_epoch) {
        return;
    }
    berth_admission_revoke_token(self->admission);
    if (self->present) {
        berth_viewer_close(self->present, request->reason, NULL);
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
    } else if (self->state != STATE_RUNNING) {
        berth_log_warning(SCOPE, "a request was ignored: the session does not run");
        if (fd >= 0) {
            close(fd);
        }
    } else if (request->op == BERTH_CONTROL_CLIENT) {
        add_client(self, fd);
    } else if (request->op == BERTH_CONTROL_DISPLAY) {
        handle_display(self, fd);
    } else {
        handle_disconnect(self, request);
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

static void
free_viewer(gpointer viewer)
{
    berth_viewer_free(viewer);
}

BerthDesktopSession *
berth_desktop_session_new(int control_fd, GMainLoop *loop)
{
    BerthDesktopSession *self = g_new0(BerthDesktopSession, 1);

    self->loop = loop;
    self->viewers = g_ptr_array_new_with_free_func(free_viewer);
    berth_resize_gate_init(&self->resize_gate);
    self->control = berth_control_new(control_fd, &control_callbacks, self);
    return self;
}

static void
clear_timer(guint *timer)
{
    if (*timer) {
        g_source_remove(*timer);
        *timer = 0;
    }
}

void
berth_desktop_session_free(BerthDesktopSession *self)
{
    if (!self) {
        return;
    }
    clear_timer(&self->resize_timer);
    clear_timer(&self->report_timer);
    clear_timer(&self->gone_timer);
    clear_timer(&self->ending_timer);
    self->present = NULL;
    g_ptr_array_unref(self->viewers);
    close_capture(self);
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
