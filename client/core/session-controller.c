/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/session-controller.h"

#include "client/core/advice.h"
#include "client/core/session-route.h"
#include "client/core/translation.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"

#include <glib/gi18n.h>
#include <string.h>

/* How long the other end may take to open a connection that comes back. */
#define PATIENCE_MS 4000

struct BerthSessionController {
    BerthSessionRoute route;
    BerthControllerCallbacks callbacks;
    void *user_data;
    char *name;
    BerthTlsKey *key;
    uint8_t key_hash[BERTH_KEY_HASH_BYTES];
    BerthBrokerClient *broker; /* NULL if there is none */
    BerthLoginFlow *login;     /* likewise */
    BerthStartProgress progress;
    BerthSessionClient *session;
    BerthPicture *pictures[BERTH_LIMIT_HEADS];
    BerthStats stats;
    int state; /* BerthClientState */

    /* The desktop that was chosen, and how to reach it. */
    BerthWish wish;
    BerthId wished_id; /* pool or session, as the wish is */
    BerthMsgAuth auth;
    bool is_resuming; /* the desktop was open before */
    bool dials_token; /* the present attempt is made with the token */
    int64_t resume_window_us;
    int64_t chosen_us, asked_us;
    int64_t lost_us;    /* 0 while nothing is lost */
    unsigned attempt;   /* since the loss */
    unsigned n_unheard; /* see berth_client_plan_retry() */
    guint retry_source, give_up_source;
    guint answer_source;           /* of the broker that is not there */
    BerthBrokerRequest unanswered; /* what it was asked */

    /* What the event being handled brings along. */
    const GError *event_error;
    int64_t event_retry_after_s;
};

#define CALL(self, name, ...)                                       \
    do {                                                            \
        if ((self)->callbacks.name != NULL) {                       \
            (self)->callbacks.name(__VA_ARGS__, (self)->user_data); \
        }                                                           \
    } while (0)

static int step(BerthSessionController *self, BerthClientEvent event);
static void dial(BerthSessionController *self, bool by_token);

/* Adds the numbers of the connection, which is about to go. */
static void
collect_traffic(BerthSessionController *self)
{
    if (self->session != NULL) {
        self->stats.bytes_in += berth_session_client_get_bytes_in(self->session);
        self->stats.bytes_out += berth_session_client_get_bytes_out(self->session);
        self->stats.rtt_us = berth_session_client_get_rtt_us(self->session);
    }
    berth_latency_forget(&self->stats.latency);
}

static void
on_viewers(const BerthMsgViewers *viewers, void *user_data)
{
    BerthSessionController *self = user_data;

    if (viewers->n_observers != self->stats.n_observers ||
        viewers->is_recorded != self->stats.is_recorded) {
        self->stats.n_observers = viewers->n_observers;
        self->stats.is_recorded = viewers->is_recorded;
        CALL(self, viewers, viewers);
    }
}

/* The connection is about to go, and with it who watched over it. */
static void
take_leave(BerthSessionController *self)
{
    const BerthMsgViewers nobody = { 0 };

    collect_traffic(self);
    on_viewers(&nobody, self);
}

static void
drop_session(BerthSessionController *self)
{
    take_leave(self);
    g_clear_pointer(&self->session, berth_session_client_free);
}

static void
stop_timers(BerthSessionController *self)
{
    g_clear_handle_id(&self->retry_source, g_source_remove);
    g_clear_handle_id(&self->give_up_source, g_source_remove);
}

static int
step_with_error(BerthSessionController *self, BerthClientEvent event, const GError *error,
                int64_t retry_after_s)
{
    int code;

    self->event_error = error;
    self->event_retry_after_s = retry_after_s;
    code = step(self, event);
    self->event_error = NULL;
    self->event_retry_after_s = 0;
    return code;
}

static gboolean
on_give_up(gpointer user_data)
{
    BerthSessionController *self = user_data;
    g_autoptr(GError) error = g_error_new(BERTH_ERROR, BERTH_ERR_TIMEOUT,
                                          _("the connection was lost and did not come back; check "
                                            "the network and connect again"));

    self->give_up_source = 0;
    step_with_error(self, BERTH_CLIENT_ON_GIVE_UP, error, 0);
    return G_SOURCE_REMOVE;
}

static gboolean
on_retry(gpointer user_data)
{
    BerthSessionController *self = user_data;
    BerthClientEvent event = berth_client_plan_retry(self->n_unheard, self->route.has_token);

    self->retry_source = 0;
    if (event == BERTH_CLIENT_ON_RETRY_TICKET) {
        self->n_unheard = 0;
    }
    step(self, event);
    return G_SOURCE_REMOVE;
}

/* Plans the next attempt, and at the first one the end of all attempts. */
static void
schedule_retry(BerthSessionController *self)
{
    int64_t now_us = berth_monotonic_us();
    int64_t wait_us;

    drop_session(self);
    if (self->lost_us == 0) {
        self->lost_us = now_us;
    }
    if (self->give_up_source == 0) {
        self->give_up_source =
            g_timeout_add((guint)(self->resume_window_us / 1000), on_give_up, self);
    }
    self->attempt++;
    wait_us = berth_client_backoff_us(now_us - self->lost_us, g_random_int());
    self->retry_source = g_timeout_add((guint)(wait_us / 1000), on_retry, self);
    berth_log_debug("client", "attempt %u in %" G_GINT64_FORMAT " ms", self->attempt,
                    wait_us / 1000);
    CALL(self, waiting,
         self->event_error != NULL ? self->event_error->message : _("the connection was lost"),
         now_us + wait_us, self->lost_us + self->resume_window_us);
}

static void
show_desktop(BerthSessionController *self)
{
    bool is_resumed = self->is_resuming;

    stop_timers(self);
    self->is_resuming = true;
    self->stats.n_resumes += is_resumed;
    self->attempt = 0;
    self->n_unheard = 0;
    CALL(self, opened, is_resumed);
}

/* Where there is no broker every request is granted, at the next turn of the loop. */
static gboolean
on_self_answer(gpointer user_data)
{
    BerthSessionController *self = user_data;

    self->answer_source = 0;
    if (self->unanswered == BERTH_BROKER_CONNECT) {
        step(self, BERTH_CLIENT_ON_TICKET);
    } else if (self->unanswered == BERTH_BROKER_LIST) {
        step(self, BERTH_CLIENT_ON_LIST_OK);
    } else {
        CALL(self, done, self->unanswered, NULL);
    }
    return G_SOURCE_REMOVE;
}

static void
answer_self(BerthSessionController *self, BerthBrokerRequest request)
{
    self->unanswered = request;
    if (self->answer_source == 0) {
        self->answer_source = g_idle_add_full(G_PRIORITY_DEFAULT, on_self_answer, self, NULL);
    }
}

static void
cancel_requests(BerthSessionController *self)
{
    g_clear_handle_id(&self->answer_source, g_source_remove);
    if (self->broker != NULL) {
        berth_login_flow_cancel(self->login);
        berth_broker_client_cancel(self->broker);
    }
}

static void
ask_list(BerthSessionController *self)
{
    if (self->broker != NULL) {
        berth_broker_client_list(self->broker);
    } else {
        answer_self(self, BERTH_BROKER_LIST);
    }
}

static void
ask_desktop(BerthSessionController *self)
{
    self->asked_us = berth_monotonic_us();
    if (!self->is_resuming) {
        berth_start_progress_begin(&self->progress, self->asked_us);
        CALL(self, progress, &self->progress);
    }
    if (self->broker != NULL) {
        berth_broker_client_connect(self->broker, self->wish, &self->wished_id, self->key_hash,
                                    self->name);
    } else {
        answer_self(self, BERTH_BROKER_CONNECT);
    }
}

/* The desktop is closed for the user; tells why, if there is a reason. */
static void
end_desktop(BerthSessionController *self, const GError *why)
{
    stop_timers(self);
    cancel_requests(self);
    take_leave(self);
    g_clear_pointer(&self->session, berth_session_client_dismiss);
    for (size_t i = 1; i < BERTH_LIMIT_HEADS; i++) {
        berth_picture_clear(self->pictures[i]);
    }
    berth_session_route_forget_token(&self->route);
    self->is_resuming = false;
    CALL(self, ended, why);
}

static void
leave(BerthSessionController *self)
{
    if (self->is_resuming) {
        end_desktop(self, NULL);
        return;
    }
    cancel_requests(self);
    drop_session(self);
}

static void
show_error(BerthSessionController *self)
{
    drop_session(self);
    CALL(self, error, self->event_error, self->event_retry_after_s);
}

static void
carry_out(BerthSessionController *self, BerthClientAction action)
{
    switch (action) {
    case BERTH_CLIENT_DO_ASK_LIST:
        ask_list(self);
        break;
    case BERTH_CLIENT_DO_ASK_DESKTOP:
        ask_desktop(self);
        break;
    case BERTH_CLIENT_DO_DIAL_TICKET:
        dial(self, false);
        break;
    case BERTH_CLIENT_DO_DIAL_TOKEN:
        dial(self, true);
        break;
    case BERTH_CLIENT_DO_SHOW_DESKTOP:
        show_desktop(self);
        break;
    case BERTH_CLIENT_DO_SCHEDULE:
        schedule_retry(self);
        break;
    case BERTH_CLIENT_DO_SHOW_ERROR:
        show_error(self);
        break;
    case BERTH_CLIENT_DO_END:
        end_desktop(self, self->event_error);
        break;
    case BERTH_CLIENT_DO_LEAVE:
        leave(self);
        break;
    default:
        /* What the caller of the step does itself. */
        break;
    }
}

/* Takes a step and carries its action out.  Errors: BERTH_ERR_STATE. */
static int
step(BerthSessionController *self, BerthClientEvent event)
{
    int action = BERTH_CLIENT_DO_NOTHING;
    int before = self->state;
    int code = berth_fsm_step(&berth_client_fsm, &self->state, (int)event, &action);

    if (code != BERTH_OK) {
        berth_log_debug("client", "%s does not happen in state %s",
                        berth_fsm_event_name(&berth_client_fsm, (int)event),
                        berth_fsm_state_name(&berth_client_fsm, before));
        return code;
    }
    berth_log_debug("client", "%s -> %s (%s)", berth_fsm_state_name(&berth_client_fsm, before),
                    berth_fsm_state_name(&berth_client_fsm, self->state),
                    berth_fsm_event_name(&berth_client_fsm, (int)event));
    carry_out(self, (BerthClientAction)action);
    CALL(self, state, (BerthClientState)self->state);
    return BERTH_OK;
}

/* Session: it says WELCOME. */
static void
on_opened(const BerthMsgWelcome *welcome, void *user_data)
{
    BerthSessionController *self = user_data;

    berth_session_route_keep_token(&self->route, welcome);
    self->resume_window_us =
        MIN((int64_t)welcome->resume_window_s * 1000000, BERTH_LIMIT_CLIENT_RESUME_US);
    step(self, BERTH_CLIENT_ON_OPENED);
}

static void
note_first_frames(BerthSessionController *self)
{
    int64_t now_us = berth_monotonic_us();

    if (self->lost_us != 0) {
        self->stats.last_resume_us = now_us - self->lost_us;
        self->lost_us = 0;
    }
    if (self->stats.first_frame_us < 0) {
        self->stats.first_frame_us = now_us - self->chosen_us;
    }
    if (self->stats.first_picture_us < 0 && berth_picture_is_drawn(self->pictures[0])) {
        self->stats.first_picture_us = now_us - self->chosen_us;
    }
}

static void
on_frame(const BerthFrameNews *news, void *user_data)
{
    BerthSessionController *self = user_data;

    note_first_frames(self);
    CALL(self, frame, news);
}

static void
on_cursor(const BerthCursorImage *image, void *user_data)
{
    BerthSessionController *self = user_data;

    CALL(self, cursor, image);
}

static void
on_pointer_mode(bool is_absolute, void *user_data)
{
    BerthSessionController *self = user_data;

    CALL(self, pointer_mode, is_absolute);
}

static void
on_leds(uint8_t leds, void *user_data)
{
    BerthSessionController *self = user_data;

    CALL(self, leds, leds);
}

static void
on_head_gone(unsigned head, void *user_data)
{
    BerthSessionController *self = user_data;

    CALL(self, head_gone, head);
}

static void
on_shadow_ask(const BerthMsgShadowAsk *ask, void *user_data)
{
    BerthSessionController *self = user_data;

    self->stats.n_shadow_asks++;
    berth_log_info("client", "%s asks to %s", ask->who,
                   ask->mode == BERTH_SHADOW_CONTROL ? "control" : "watch");
    if (self->callbacks.shadow_ask != NULL) {
        self->callbacks.shadow_ask(ask, self->user_data);
    } else {
        berth_session_client_answer(self->session, ask->id, false);
    }
}

static void
on_notice(const BerthMsgNotice *notice, void *user_data)
{
    BerthSessionController *self = user_data;
    if (notice->text[0] != '\0') {
        self->stats.n_notices++;
        CALL(self, notice, notice->text, notice->number);
    }
}

static void
on_session_closed(int code, const char *text, bool is_bye, void *user_data)
{
    BerthSessionController *self = user_data;
    bool is_token = self->state == BERTH_CLIENT_RESUME && self->dials_token;
    BerthClientEvent event = berth_client_event_of_close(code, is_bye, is_token);
    const char *advice = berth_advice(code);
    g_autoptr(GError) error = g_error_new(BERTH_ERROR, code, "%s%s%s", berth_translation_of(text),
                                          advice[0] != '\0' ? "; " : "", advice);

    berth_log_info("client", "session connection closed (%s): %s", berth_error_name(code), text);
    if (is_token && event == BERTH_CLIENT_ON_LOST &&
        berth_session_client_was_reached(self->session)) {
        self->n_unheard++;
    }
    self->stats.exact_heads = 0; /* the next connection begins with pictures of its own */
    if (event == BERTH_CLIENT_ON_TOKEN_REFUSED) {
        berth_session_route_forget_token(&self->route);
        drop_session(self);
    }
    step_with_error(self, event, error, 0);
}

static const BerthSessionCallbacks session_callbacks = {
    .opened = on_opened,
    .frame = on_frame,
    .cursor = on_cursor,
    .pointer_mode = on_pointer_mode,
    .leds = on_leds,
    .head_gone = on_head_gone,
    .shadow_ask = on_shadow_ask,
    .viewers = on_viewers,
    .notice = on_notice,
    .closed = on_session_closed,
};

static void
dial(BerthSessionController *self, bool by_token)
{
    g_autoptr(GError) error = NULL;
    BerthSessionTarget target = {
        .key = self->key,
        .auth = &self->auth,
        .name = self->name,
        .pictures = self->pictures,
        .stats = &self->stats,
        .share = self->callbacks.share,
        .patience_ms = self->is_resuming ? PATIENCE_MS : 0,
        .sound = self->callbacks.sound,
    };

    self->dials_token = by_token;
    berth_session_route_fill_auth(&self->route, by_token, &self->auth);
    berth_session_route_fill_target(&self->route, &target);
    drop_session(self);
    if (!self->is_resuming) {
        berth_start_progress_open(&self->progress, berth_monotonic_us());
        CALL(self, progress, &self->progress);
    }
    self->session = berth_session_client_new(&target, &session_callbacks, self, &error);
    berth_wipe(&self->auth, sizeof self->auth);
    if (self->session == NULL) {
        step_with_error(self, BERTH_CLIENT_ON_OVER, error, 0);
    }
}

static void
take_answer(BerthSessionController *self, const BerthConnectAnswer *answer)
{
    if (!answer->is_ready) {
        berth_start_progress_wait(&self->progress, answer, berth_monotonic_us());
        CALL(self, progress, &self->progress);
        return;
    }
    self->route.launch = answer->launch;
    self->resume_window_us = answer->launch.resume_window_us;
    if (!self->is_resuming) {
        self->stats.connect_us = berth_monotonic_us() - self->asked_us;
    }
    step(self, BERTH_CLIENT_ON_TICKET);
}

static void
on_asked(const BerthLoginQuestion *question, void *user_data)
{
    BerthSessionController *self = user_data;

    CALL(self, ask, question);
}

static void
on_logged_in(const BerthBrokerReply *reply, void *user_data)
{
    BerthSessionController *self = user_data;

    self->stats.login_us = reply->total_us;
    self->stats.tcp_us = reply->tcp_us;
    self->stats.tls_us = reply->tls_us;
    if (reply->login->recovery_codes != NULL) {
        CALL(self, recovery_codes, (const char *const *)reply->login->recovery_codes);
    }
    step(self, BERTH_CLIENT_ON_LOGIN_OK);
}

static void
on_login_failed(const GError *error, int64_t retry_after_s, void *user_data)
{
    step_with_error(user_data, berth_client_event_of_refusal(error->code), error, retry_after_s);
}

static const BerthLoginCallbacks login_callbacks = {
    .ask = on_asked,
    .done = on_logged_in,
    .failed = on_login_failed,
};

static void
take_list(BerthSessionController *self, const BerthBrokerReply *reply)
{
    self->stats.list_us = reply->total_us;
    CALL(self, desktops, reply->desktops);
    step(self, BERTH_CLIENT_ON_LIST_OK);
}

static void
on_reply(const BerthBrokerReply *reply, void *user_data)
{
    BerthSessionController *self = user_data;
    bool is_step = reply->request == BERTH_BROKER_LIST || reply->request == BERTH_BROKER_CONNECT;

    if (berth_login_flow_take(self->login, reply)) {
        return;
    }
    if (reply->request == BERTH_BROKER_PROVIDERS && reply->error == NULL) {
        CALL(self, providers, reply->providers);
    } else if (!is_step) {
        CALL(self, done, reply->request, reply->error);
    } else if (reply->error != NULL) {
        step_with_error(self, berth_client_event_of_refusal(reply->error->code), reply->error,
                        reply->retry_after_s);
    } else if (reply->request == BERTH_BROKER_LIST) {
        take_list(self, reply);
    } else {
        take_answer(self, reply->answer);
    }
}

/* Everything but where the desktops come from. */
static BerthSessionController *
new_controller(const char *name, const BerthControllerCallbacks *callbacks, void *user_data,
               GError **error)
{
    BerthTlsKey *key = berth_tls_key_new_self_signed("berth client", error);
    BerthSessionController *self;

    if (key == NULL) {
        return NULL;
    }
    self = g_new0(BerthSessionController, 1);
    self->key = key;
    berth_tls_key_get_hash(key, self->key_hash);
    self->callbacks = *callbacks;
    self->user_data = user_data;
    self->name = g_strndup(name, BERTH_LIMIT_NAME_BYTES);
    for (size_t i = 0; i < BERTH_LIMIT_HEADS; i++) {
        self->pictures[i] = berth_picture_new();
    }
    berth_stats_init(&self->stats);
    return self;
}

BerthSessionController *
berth_session_controller_new(const BerthBrokerAddress *address, const BerthBrokerFiles *files,
                             const char *name, const BerthControllerCallbacks *callbacks,
                             void *user_data, GError **error)
{
    BerthSessionController *self = new_controller(name, callbacks, user_data, error);

    if (self != NULL) {
        self->route.address = *address;
        self->broker = berth_broker_client_new(address, files, on_reply, self);
        self->login = berth_login_flow_new(self->broker, &login_callbacks, self);
    }
    return self;
}

BerthSessionController *
berth_session_controller_new_direct(const BerthConnectionFile *file, const char *name,
                                    const BerthControllerCallbacks *callbacks, void *user_data,
                                    GError **error)
{
    BerthSessionController *self = new_controller(name, callbacks, user_data, error);

    if (self != NULL) {
        self->route.is_direct = true;
        self->route.direct = *file;
        self->state = BERTH_CLIENT_PICK;
    }
    return self;
}

void
berth_session_controller_free(BerthSessionController *self)
{
    if (self == NULL) {
        return;
    }
    stop_timers(self);
    g_clear_handle_id(&self->answer_source, g_source_remove);
    berth_session_client_free(self->session);
    berth_login_flow_free(self->login);
    berth_broker_client_free(self->broker);
    berth_session_route_clear(&self->route);
    berth_tls_key_unref(self->key);
    for (size_t i = 0; i < BERTH_LIMIT_HEADS; i++) {
        berth_picture_unref(self->pictures[i]);
    }
    berth_wipe(&self->auth, sizeof self->auth);
    g_free(self->name);
    g_free(self);
}

int
berth_session_controller_login(BerthSessionController *self, const BerthCredentials *credentials)
{
    int code = self->broker != NULL ? step(self, BERTH_CLIENT_ON_LOGIN) : BERTH_ERR_STATE;

    if (code == BERTH_OK) {
        berth_broker_client_cancel(self->broker); /* what was asked quietly must not delay it */
        berth_login_flow_begin(self->login, credentials);
    }
    return code;
}

int
berth_session_controller_answer(BerthSessionController *self, const char *code)
{
    return self->state == BERTH_CLIENT_LOGIN ? berth_login_flow_answer(self->login, code)
                                             : BERTH_ERR_STATE;
}

int
berth_session_controller_reload(BerthSessionController *self)
{
    return step(self, BERTH_CLIENT_ON_RELOAD);
}

static int
begin(BerthSessionController *self, BerthWish wish, const BerthId *id)
{
    if (self->state != BERTH_CLIENT_PICK && self->state != BERTH_CLIENT_ENDED) {
        return BERTH_ERR_STATE;
    }
    self->wish = wish;
    self->wished_id = *id;
    self->is_resuming = false;
    self->chosen_us = berth_monotonic_us();
    self->lost_us = 0;
    self->attempt = 0;
    return step(self, BERTH_CLIENT_ON_CHOOSE);
}

int
berth_session_controller_choose(BerthSessionController *self, const BerthId *pool)
{
    return begin(self, BERTH_WISH_DESKTOP, pool);
}

int
berth_session_controller_watch(BerthSessionController *self, const BerthId *session,
                               bool wants_control)
{
    return begin(self, wants_control ? BERTH_WISH_HELP : BERTH_WISH_WATCH, session);
}

int
berth_session_controller_cancel(BerthSessionController *self)
{
    return step(self, BERTH_CLIENT_ON_CLOSE);
}

int
berth_session_controller_leave(BerthSessionController *self, BerthLeave leave_kind)
{
    BerthId session = *berth_session_route_get_session(&self->route);
    int code;

    if (self->session != NULL) {
        berth_session_client_release_all(self->session);
    }
    code = step(self, BERTH_CLIENT_ON_CLOSE);
    if (code != BERTH_OK) {
        return code;
    }
    if (self->broker == NULL || self->wish != BERTH_WISH_DESKTOP) {
        answer_self(self, BERTH_BROKER_DISCONNECT); /* the session is not ours to end */
    } else if (leave_kind == BERTH_LEAVE_LOGOFF) {
        berth_broker_client_logoff(self->broker, &session);
    } else {
        berth_broker_client_disconnect(self->broker, &session);
    }
    return BERTH_OK;
}

int
berth_session_controller_logout(BerthSessionController *self)
{
    int code = step(self, BERTH_CLIENT_ON_LOGOUT);

    if (code != BERTH_OK) {
        return code;
    }
    cancel_requests(self);
    if (self->broker != NULL) {
        berth_broker_client_logout(self->broker);
    } else {
        answer_self(self, BERTH_BROKER_LOGOUT);
    }
    return code;
}

BerthClientState
berth_session_controller_get_state(const BerthSessionController *self)
{
    return (BerthClientState)self->state;
}

BerthBrokerClient *
berth_session_controller_get_broker(const BerthSessionController *self)
{
    return self->broker;
}

BerthSessionClient *
berth_session_controller_get_session(const BerthSessionController *self)
{
    return self->state == BERTH_CLIENT_OPEN ? self->session : NULL;
}

BerthPicture *
berth_session_controller_get_picture(const BerthSessionController *self, unsigned head)
{
    return self->pictures[head];
}

const BerthStats *
berth_session_controller_get_stats(BerthSessionController *self)
{
    if (self->session != NULL) {
        self->stats.rtt_us = berth_session_client_get_rtt_us(self->session);
    }
    return &self->stats;
}
