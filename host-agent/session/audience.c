/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/audience.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "base/secret.h"
#include "berth/errors.h"

#include <stdio.h>
#include <string.h>

#define SCOPE "session"
/* Connections: the present one, observers, others in their handshake or on their way out. */
#define MAX_VIEWERS 16
/* Of them observers, so that they keep nobody out. */
#define MAX_OBSERVERS 8

struct BerthAudience {
    BerthAudienceParts parts;
    const BerthAudienceCallbacks *callbacks;
    void *user_data;
    BerthCapture *capture;
    GPtrArray *viewers;   /* all of them, owned */
    BerthViewer *present; /* the one that uses the desktop; NULL if none */
    BerthConsent consent;
    GSource *consent_timer;
    bool is_recorded;
    char *notice; /* that nobody was there to read; NULL: none */
    uint32_t notice_number;
    BerthMsgViewers told; /* what viewers know */
    /* Of viewers that are gone: */
    uint64_t past_frames;
    uint64_t past_bytes_out;
    uint64_t past_checks_failed;
    int64_t past_input_us; /* their last input, and when the present one came */
};

/* --- observers --- */

static unsigned
count_observers(const BerthAudience *self)
{
    unsigned n = 0;

    for (guint i = 0; i < self->viewers->len; i++) {
        const BerthViewer *viewer = g_ptr_array_index(self->viewers, i);

        n += berth_viewer_is_observer(viewer) && berth_viewer_is_admitted(viewer);
    }
    return n;
}

/* Tells everybody who watches, if that has changed; newcomer: who has to hear it anyway, or NULL.
 */
static void
tell_viewers(BerthAudience *self, BerthViewer *newcomer)
{
    BerthMsgViewers now = { (uint16_t)count_observers(self), self->is_recorded };
    bool has_changed =
        now.n_observers != self->told.n_observers || now.is_recorded != self->told.is_recorded;
    bool is_watched = now.n_observers > 0 || now.is_recorded;

    self->told = now;
    for (guint i = 0; i < self->viewers->len; i++) {
        BerthViewer *viewer = g_ptr_array_index(self->viewers, i);
        BerthMsgViewers message = now;

        message.n_observers -= berth_viewer_is_observer(viewer) && berth_viewer_is_admitted(viewer);
        if (has_changed || (viewer == newcomer && is_watched)) {
            berth_viewer_tell_viewers(viewer, &message);
        }
    }
}

static void
refuse_observer(BerthViewer *observer, const char *why)
{
    berth_log_info(SCOPE, "an observer was refused: %s", why);
    berth_viewer_close(observer, BERTH_ERR_FORBIDDEN, why);
}

static void
admit_observer(BerthAudience *self, BerthViewer *observer)
{
    if (count_observers(self) >= MAX_OBSERVERS) {
        refuse_observer(observer, "too many observers watch this desktop");
        return;
    }
    berth_log_info(SCOPE, "an observer is admitted");
    berth_viewer_admit(observer, self->capture);
    tell_viewers(self, observer);
    self->callbacks->changed(self->user_data);
}

static void
set_consent_timer(BerthAudience *self)
{
    int64_t due_us = berth_consent_get_due_us(&self->consent);

    g_source_set_ready_time(self->consent_timer, due_us == INT64_MAX ? -1 : due_us);
}

static gboolean
dispatch_consent_timer(GSource *source, GSourceFunc callback, gpointer user_data)
{
    BerthAudience *self = user_data;
    BerthViewer *observer;

    while ((observer = berth_consent_take_expired(&self->consent, berth_monotonic_us()))) {
        refuse_observer(observer, "the user did not answer");
    }
    set_consent_timer(self);
    return G_SOURCE_CONTINUE;
}

static gboolean
callback_unused(gpointer user_data)
{
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs consent_timer_funcs = { .dispatch = dispatch_consent_timer };

static void
ask_user(BerthAudience *self, BerthViewer *observer, uint32_t id)
{
    const char *name = berth_viewer_get_name(observer);
    bool wants_control = berth_viewer_get_rights(observer) & BERTH_RIGHT_INPUT;
    BerthMsgShadowAsk ask = { .id = id };

    ask.mode = wants_control ? BERTH_SHADOW_CONTROL : BERTH_SHADOW_VIEW;
    g_strlcpy(ask.who, name[0] ? name : "an administrator", sizeof(ask.who));
    if (berth_viewer_ask(self->present, &ask) < 0) {
        berth_consent_forget(&self->consent, observer);
        refuse_observer(observer, "the user could not be asked");
    }
    set_consent_timer(self);
}

static void
begin_observer(BerthAudience *self, BerthViewer *observer)
{
    uint32_t id = 0;

    switch (berth_consent_begin(&self->consent, self->parts.config->observe, self->present != NULL,
                                observer, berth_monotonic_us(), &id)) {
    case BERTH_CONSENT_ADMIT:
        admit_observer(self, observer);
        break;
    case BERTH_CONSENT_ASK:
        ask_user(self, observer, id);
        break;
    case BERTH_CONSENT_REFUSE:
        refuse_observer(observer,
                        self->present || self->parts.config->observe == BERTH_POLICY_OBSERVE_NEVER
                            ? "this desktop is not to be watched"
                            : "nobody is there to agree");
        break;
    }
}

static void
on_viewer_answered(BerthViewer *viewer, const BerthMsgShadowAnswer *answer, void *user_data)
{
    BerthAudience *self = user_data;
    BerthViewer *observer =
        viewer == self->present ? berth_consent_take(&self->consent, answer->id) : NULL;

    if (!observer) {
        return; /* it was late, or not its to answer */
    }
    set_consent_timer(self);
    if (answer->is_allowed) {
        admit_observer(self, observer);
    } else {
        refuse_observer(observer, "the user said no");
    }
}

/* Whoever could have answered is gone. */
static void
refuse_waiting(BerthAudience *self)
{
    BerthViewer *observer;

    while ((observer = berth_consent_take_any(&self->consent))) {
        refuse_observer(observer, "nobody is there to agree");
    }
    set_consent_timer(self);
}

/* --- viewers --- */

static int
check_auth(BerthAudience *self, const BerthMsgAuth *auth,
           const uint8_t client_key_hash[BERTH_KEY_HASH_BYTES],
           const uint8_t fresh_token[BERTH_RECONNECT_TOKEN_BYTES], BerthAdmitted *ret)
{
    BerthAdmission *admission = self->parts.admission;

    switch (auth->kind) {
    case BERTH_AUTH_TICKET:
        return berth_admission_check_ticket(admission, auth->ticket, sizeof(auth->ticket),
                                            client_key_hash, berth_wall_us(), fresh_token, ret);
    case BERTH_AUTH_RECONNECT:
        return berth_admission_check_token(admission, &auth->session, auth->token, client_key_hash,
                                           berth_monotonic_us(), fresh_token, ret);
    case BERTH_AUTH_SHARE:
        return berth_admission_check_share(admission, &auth->session, auth->token, client_key_hash,
                                           fresh_token, ret);
    }
    return BERTH_ERR_FORBIDDEN;
}

static int
on_viewer_authorize(BerthViewer *viewer, const BerthMsgAuth *auth,
                    const uint8_t client_key_hash[BERTH_KEY_HASH_BYTES],
                    BerthMsgWelcome *ret_welcome, void *user_data)
{
    BerthAudience *self = user_data;
    const BerthAdmissionConfig *config = self->parts.config;
    uint8_t token[BERTH_RECONNECT_TOKEN_BYTES];
    BerthAdmitted admitted;
    int r;

    berth_random_bytes(token, sizeof(token));
    r = check_auth(self, auth, client_key_hash, token, &admitted);
    if (r == BERTH_OK) {
        ret_welcome->session = config->session;
        ret_welcome->connection_epoch = admitted.connection_epoch;
        ret_welcome->rights = admitted.rights;
    }
    /* An observer comes back by a new ticket only. */
    if (r == BERTH_OK && !(admitted.rights & BERTH_RIGHT_OBSERVE)) {
        ret_welcome->resume_window_s = (uint32_t)(config->resume_window_us / G_USEC_PER_SEC);
        memcpy(ret_welcome->token, token, sizeof(token));
    }
    berth_wipe(token, sizeof(token));
    return r;
}

static void
on_viewer_opened(BerthViewer *viewer, void *user_data)
{
    BerthAudience *self = user_data;
    BerthViewer *old = self->present;

    if (berth_viewer_is_observer(viewer)) {
        begin_observer(self, viewer);
        return;
    }
    self->present = viewer;
    self->past_input_us = berth_monotonic_us();
    if (old) {
        refuse_waiting(self); /* another user was asked */
        berth_viewer_close(old, BERTH_ERR_TAKEN_OVER, NULL);
    }
    berth_log_info(SCOPE, "a client is connected");
    berth_viewer_admit(viewer, self->capture);
    tell_viewers(self, viewer);
    if (self->notice) {
        berth_viewer_notify(viewer, self->notice_number, self->notice);
        g_clear_pointer(&self->notice, g_free);
    }
    self->callbacks->opened(self->user_data);
}

static void
on_viewer_resize(BerthViewer *viewer, const BerthMsgHeadRequest *request, void *user_data)
{
    BerthAudience *self = user_data;

    if (viewer == self->present) {
        self->callbacks->resize(request, self->user_data);
    }
}

/* Observers have no part in them. */
static int
on_viewer_service(BerthViewer *viewer, BerthChannel channel, uint8_t type, const uint8_t *payload,
                  size_t len, void *user_data)
{
    BerthAudience *self = user_data;

    if (viewer != self->present) {
        return BERTH_OK;
    }
    return self->callbacks->service(channel, type, payload, len, self->user_data);
}

static void
on_viewer_writable(BerthViewer *viewer, void *user_data)
{
    BerthAudience *self = user_data;

    if (viewer == self->present) {
        self->callbacks->writable(self->user_data);
    }
}

static void
on_viewer_closed(BerthViewer *viewer, int code, const char *text, void *user_data)
{
    BerthAudience *self = user_data;
    BerthViewerStats stats;

    berth_log_info(SCOPE, "a client connection ended: %s", text);
    berth_viewer_get_stats(viewer, &stats);
    self->past_frames += stats.n_frames;
    self->past_bytes_out += stats.bytes_out;
    self->past_checks_failed += stats.n_checks_failed;
    self->past_input_us = MAX(self->past_input_us, stats.input_us);
    berth_consent_forget(&self->consent, viewer);
    if (self->present == viewer) {
        self->present = NULL;
        berth_admission_note_lost(self->parts.admission, berth_monotonic_us());
        refuse_waiting(self);
        self->callbacks->left(self->user_data);
    }
    g_ptr_array_remove(self->viewers, viewer);
    tell_viewers(self, NULL);
    self->callbacks->changed(self->user_data);
}

static const BerthViewerCallbacks viewer_callbacks = {
    .authorize = on_viewer_authorize,
    .opened = on_viewer_opened,
    .resize = on_viewer_resize,
    .service = on_viewer_service,
    .writable = on_viewer_writable,
    .answered = on_viewer_answered,
    .closed = on_viewer_closed,
};

static void
free_viewer(gpointer viewer)
{
    berth_viewer_free(viewer);
}

BerthAudience *
berth_audience_new(const BerthAudienceParts *parts, const BerthAudienceCallbacks *callbacks,
                   void *user_data)
{
    BerthAudience *self = g_new0(BerthAudience, 1);

    self->parts = *parts;
    self->callbacks = callbacks;
    self->user_data = user_data;
    self->viewers = g_ptr_array_new_with_free_func(free_viewer);
    self->consent_timer = g_source_new(&consent_timer_funcs, sizeof(GSource));
    g_source_set_callback(self->consent_timer, callback_unused, self, NULL);
    g_source_attach(self->consent_timer, NULL);
    return self;
}

void
berth_audience_free(BerthAudience *self)
{
    if (!self) {
        return;
    }
    self->present = NULL;
    g_ptr_array_unref(self->viewers);
    g_free(self->notice);
    g_source_destroy(self->consent_timer);
    g_source_unref(self->consent_timer);
    g_free(self);
}

/* Strangers who hold connections open must not keep the user out: the oldest one goes. */
static void
maybe_drop_oldest(BerthAudience *self)
{
    guint oldest = 0;

    while (oldest + 1 < self->viewers->len &&
           berth_viewer_is_admitted(g_ptr_array_index(self->viewers, oldest))) {
        oldest++;
    }
    if (self->viewers->len >= MAX_VIEWERS) {
        berth_log_warning(SCOPE, "the oldest of %u connections was dropped", self->viewers->len);
        berth_consent_forget(&self->consent, g_ptr_array_index(self->viewers, oldest));
        g_ptr_array_remove_index(self->viewers, oldest);
    }
}

void
berth_audience_add(BerthAudience *self, int fd)
{
    g_autoptr(GError) error = NULL;
    BerthViewer *viewer;

    if (self->viewers->len > 0) {
        maybe_drop_oldest(self);
    }
    viewer = berth_viewer_new(&self->parts.viewer, fd, &viewer_callbacks, self, &error);
    if (!viewer) {
        berth_log_warning(SCOPE, "a client was dropped: %s", error->message);
        return;
    }
    g_ptr_array_add(self->viewers, viewer);
}

void
berth_audience_go_on(BerthAudience *self)
{
    for (guint i = 0; i < self->viewers->len; i++) {
        berth_viewer_go_on(g_ptr_array_index(self->viewers, i));
    }
}

void
berth_audience_set_capture(BerthAudience *self, BerthCapture *capture)
{
    self->capture = capture;
    for (guint i = 0; i < self->viewers->len; i++) {
        berth_viewer_set_capture(g_ptr_array_index(self->viewers, i), capture);
    }
}

const BerthMsgHello *
berth_audience_get_present_hello(const BerthAudience *self)
{
    return self->present ? berth_link_get_peer_hello(berth_viewer_get_link(self->present)) : NULL;
}

void
berth_audience_send_service(BerthAudience *self, BerthChannel channel, uint8_t type,
                            const uint8_t *payload, size_t len)
{
    if (self->present) {
        berth_viewer_send_service(self->present, channel, type, payload, len);
    }
}

size_t
berth_audience_get_queued_bytes(const BerthAudience *self, BerthChannel channel)
{
    return self->present
               ? berth_link_get_queued_bytes(berth_viewer_get_link(self->present), (int)channel)
               : 0;
}

void
berth_audience_note_changes(BerthAudience *self, int head, unsigned changes)
{
    for (guint i = 0; i < self->viewers->len; i++) {
        berth_viewer_note_changes(g_ptr_array_index(self->viewers, i), head, changes);
    }
}

void
berth_audience_set_recorded(BerthAudience *self, bool is_recorded)
{
    self->is_recorded = is_recorded;
    tell_viewers(self, NULL);
}

void
berth_audience_apply_policy(BerthAudience *self)
{
    const BerthAdmissionConfig *config = self->parts.config;
    bool may_watch = config->observe != BERTH_POLICY_OBSERVE_NEVER;

    if (!may_watch) {
        refuse_waiting(self);
    }
    for (guint i = 0; i < self->viewers->len; i++) {
        BerthViewer *viewer = g_ptr_array_index(self->viewers, i);

        if (!may_watch && berth_viewer_is_observer(viewer)) {
            berth_viewer_close(viewer, BERTH_ERR_FORBIDDEN, "this desktop is not to be watched");
        } else {
            berth_viewer_limit(viewer, config->rights);
        }
    }
}

void
berth_audience_notify(BerthAudience *self, uint32_t number, const char *text)
{
    if (self->present) {
        berth_viewer_notify(self->present, number, text);
        return;
    }
    g_free(self->notice);
    self->notice = g_strdup(text);
    self->notice_number = number;
}

void
berth_audience_close_present(BerthAudience *self, int code, const char *text)
{
    if (self->present) {
        berth_viewer_close(self->present, code, text);
    }
}

void
berth_audience_close_all(BerthAudience *self, int code, const char *text)
{
    for (guint i = 0; i < self->viewers->len; i++) {
        berth_viewer_close(g_ptr_array_index(self->viewers, i), code, text);
    }
}

bool
berth_audience_is_empty(const BerthAudience *self)
{
    return self->viewers->len == 0;
}

void
berth_audience_get_stats(const BerthAudience *self, BerthAudienceStats *ret)
{
    *ret = (BerthAudienceStats){
        .is_present = self->present != NULL,
        .n_observers = count_observers(self),
        .n_frames = self->past_frames,
        .bytes_out = self->past_bytes_out,
        .n_checks_failed = self->past_checks_failed,
        .input_us = self->past_input_us,
    };
    for (guint i = 0; i < self->viewers->len; i++) {
        BerthViewer *viewer = g_ptr_array_index(self->viewers, i);
        BerthViewerStats stats;

        berth_viewer_get_stats(viewer, &stats);
        ret->n_frames += viewer == self->present ? stats.n_frames : 0;
        ret->bytes_out += stats.bytes_out;
        ret->n_checks_failed += stats.n_checks_failed;
        ret->input_us = MAX(ret->input_us, stats.input_us);
        ret->first_frame_us = viewer == self->present ? stats.first_frame_us : ret->first_frame_us;
    }
}
