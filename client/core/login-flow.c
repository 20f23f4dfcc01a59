/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/login-flow.h"

#include "client/core/browser-return.h"

#include "base/error.h"
#include "base/log.h"
#include "berth/limits.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <string.h>

#define S(state) BERTH_LOGIN_##state
#define ON(event) BERTH_LOGIN_ON_##event
#define DO(action) BERTH_LOGIN_DO_##action

struct BerthLoginFlow {
    BerthBrokerClient *broker;
    BerthLoginCallbacks callbacks;
    void *user_data;
    int state; /* BerthLoginState */

    char pending[BERTH_API_TOKEN_CHARS + 1]; /* of the login that owes a second factor */
    BerthEnrolment enrolment;                /* of a factor that is new */
    BerthBrowserLogin browser;
    BerthBrowserReturn *listener;
    guint timeout_source; /* the broker forgets logins that nobody goes on with */

    /* What the event being handled brings along. */
    const BerthBrokerReply *reply;
    const GError *error;
    const char *code;
    BerthId provider;
};

static const char *const state_names[BERTH_N_LOGIN_STATES] = {
    [S(IDLE)] = "idle",   [S(PROOF)] = "proof", [S(START)] = "start", [S(BROWSER)] = "browser",
    [S(ENROL)] = "enrol", [S(CODE)] = "code",   [S(CHECK)] = "check",
};

static const char *const event_names[BERTH_N_LOGIN_EVENTS] = {
    [ON(PROOF)] = "proof",     [ON(PROVIDER)] = "provider",   [ON(TOKEN)] = "token",
    [ON(OWED)] = "owed",       [ON(NO_FACTOR)] = "no-factor", [ON(ENROLLED)] = "enrolled",
    [ON(STARTED)] = "started", [ON(BACK)] = "back",           [ON(ANSWER)] = "answer",
    [ON(WRONG)] = "wrong",     [ON(FAILED)] = "failed",       [ON(CANCEL)] = "cancel",
};

/* clang-format off */
static const BerthFsmRow rows[] = {
    { S(IDLE),    ON(PROOF),     S(PROOF),   DO(NOTHING) },
    { S(IDLE),    ON(PROVIDER),  S(START),   DO(START) },
    { S(PROOF),   ON(TOKEN),     S(IDLE),    DO(DONE) },
    { S(PROOF),   ON(OWED),      S(CODE),    DO(ASK) },
    { S(PROOF),   ON(NO_FACTOR), S(ENROL),   DO(ENROL) },
    { S(PROOF),   ON(FAILED),    S(IDLE),    DO(FAIL) },
    { S(PROOF),   ON(CANCEL),    S(IDLE),    DO(NOTHING) },
    { S(START),   ON(STARTED),   S(BROWSER), DO(BROWSE) },
    { S(START),   ON(FAILED),    S(IDLE),    DO(FAIL) },
    { S(START),   ON(CANCEL),    S(IDLE),    DO(NOTHING) },
    { S(BROWSER), ON(BACK),      S(PROOF),   DO(FINISH) },
    { S(BROWSER), ON(FAILED),    S(IDLE),    DO(FAIL) },
    { S(BROWSER), ON(CANCEL),    S(IDLE),    DO(NOTHING) },
    { S(ENROL),   ON(ENROLLED),  S(CODE),    DO(ASK) },
    { S(ENROL),   ON(FAILED),    S(IDLE),    DO(FAIL) },
    { S(ENROL),   ON(CANCEL),    S(IDLE),    DO(NOTHING) },
    { S(CODE),    ON(ANSWER),    S(CHECK),   DO(CHECK) },
    { S(CODE),    ON(FAILED),    S(IDLE),    DO(FAIL) },
    { S(CODE),    ON(CANCEL),    S(IDLE),    DO(NOTHING) },
    { S(CHECK),   ON(TOKEN),     S(IDLE),    DO(DONE) },
    { S(CHECK),   ON(WRONG),     S(CODE),    DO(ASK) },
    { S(CHECK),   ON(FAILED),    S(IDLE),    DO(FAIL) },
    { S(CHECK),   ON(CANCEL),    S(IDLE),    DO(NOTHING) },
};
/* clang-format on */

const BerthFsmTable berth_login_fsm = {
    .name = "login",
    .states = state_names,
    .n_states = BERTH_N_LOGIN_STATES,
    .events = event_names,
    .n_events = BERTH_N_LOGIN_EVENTS,
    .rows = rows,
    .n_rows = G_N_ELEMENTS(rows),
};

bool
berth_login_is_code_wrong(int code)
{
    return code == BERTH_ERR_BAD_CREDENTIALS || code == BERTH_ERR_THROTTLED ||
           code == BERTH_ERR_INVALID || code == BERTH_ERR_REPLAYED;
}

static void step(BerthLoginFlow *self, BerthLoginEvent event);

/* Forgets what belongs to one login. */
static void
reset(BerthLoginFlow *self)
{
    g_clear_handle_id(&self->timeout_source, g_source_remove);
    g_clear_pointer(&self->listener, berth_browser_return_free);
    berth_browser_login_clear(&self->browser);
    berth_enrolment_clear(&self->enrolment);
    berth_wipe(self->pending, sizeof self->pending);
}

static void
fail(BerthLoginFlow *self, int code, const char *why)
{
    g_autoptr(GError) error = g_error_new_literal(BERTH_ERROR, code, why);

    self->error = error;
    step(self, ON(FAILED));
    self->error = NULL;
}

static gboolean
on_timeout(gpointer user_data)
{
    BerthLoginFlow *self = user_data;

    self->timeout_source = 0;
    fail(self, BERTH_ERR_TIMEOUT, _("the login took too long; log in again"));
    return G_SOURCE_REMOVE;
}

static void
limit_time(BerthLoginFlow *self)
{
    if (self->timeout_source == 0) {
        self->timeout_source = g_timeout_add(BERTH_LIMIT_PENDING_LOGIN_US / 1000, on_timeout, self);
    }
}

static void
on_return(const char *code, const char *why, void *user_data)
{
    BerthLoginFlow *self = user_data;
    g_autofree char *text = NULL;

    if (code != NULL) {
        self->code = code;
        step(self, ON(BACK));
        self->code = NULL;
        return;
    }
    text = g_strdup_printf(_("the provider did not log you in (%s); try again or tell your "
                             "administrator"),
                           why);
    fail(self, BERTH_ERR_BAD_CREDENTIALS, text);
}

static void
start(BerthLoginFlow *self)
{
    g_autoptr(GError) error = NULL;

    self->listener = berth_browser_return_new(on_return, self, &error);
    if (self->listener == NULL) {
        fail(self, error->code, error->message);
        return;
    }
    berth_broker_client_browse(self->broker, &self->provider,
                               berth_browser_return_get_uri(self->listener));
}

static void
tell(BerthLoginFlow *self, const BerthLoginQuestion *question)
{
    if (self->callbacks.ask != NULL) {
        self->callbacks.ask(question, self->user_data);
    }
}

/* What the user sees while it waits for somebody. */
static void
tell_work(BerthLoginFlow *self)
{
    const BerthLoginQuestion question = { .state = (BerthLoginState)self->state };

    tell(self, &question);
}

static void
browse(BerthLoginFlow *self)
{
    const BerthBrowserLogin *browser = self->reply->browser;
    BerthLoginQuestion question = { .state = S(BROWSER) };

    self->browser = *browser;
    self->browser.url = g_strdup(browser->url);
    berth_browser_return_expect(self->listener, browser->state);
    limit_time(self);
    question.url = self->browser.url;
    tell(self, &question);
}

/* What was wrong with the last code, and what to do; NULL if there was none.  Owned. */
static char *
explain_wrong(const BerthLoginFlow *self)
{
    if (self->error == NULL) {
        return NULL;
    }
    if (self->error->code == BERTH_ERR_THROTTLED) {
        return g_strdup_printf(_("too many wrong codes; try again in %" PRId64 " s"),
                               MAX(1, self->reply->retry_after_s));
    }
    return g_strdup(
        _("the code is wrong or was used already; wait for the next one and type that"));
}

static void
ask(BerthLoginFlow *self)
{
    g_autofree char *why = explain_wrong(self);
    const BerthLoginQuestion question = {
        .state = S(CODE),
        .enrolment = self->enrolment.secret != NULL ? &self->enrolment : NULL,
        .why = why,
    };

    limit_time(self);
    tell(self, &question);
}

static void
finish_browser(BerthLoginFlow *self)
{
    berth_broker_client_finish_browser(self->broker, &self->browser, self->code);
    g_clear_pointer(&self->listener, berth_browser_return_free);
    tell_work(self);
}

/* Both end the login, so its parts go first: the callbacks may begin another one. */
static void
carry_out_end(BerthLoginFlow *self, BerthLoginAction action)
{
    const BerthBrokerReply *reply = self->reply;

    reset(self);
    if (action == DO(DONE)) {
        self->callbacks.done(reply, self->user_data);
    } else {
        self->callbacks.failed(self->error, reply != NULL ? reply->retry_after_s : 0,
                               self->user_data);
    }
}

static void
carry_out(BerthLoginFlow *self, BerthLoginAction action)
{
    switch (action) {
    case DO(START):
        start(self);
        break;
    case DO(BROWSE):
        browse(self);
        break;
    case DO(FINISH):
        finish_browser(self);
        break;
    case DO(ENROL):
        berth_broker_client_enrol(self->broker, self->pending);
        break;
    case DO(ASK):
        ask(self);
        break;
    case DO(CHECK):
        berth_broker_client_second_step(self->broker, self->pending, self->code);
        tell_work(self);
        break;
    case DO(DONE):
    case DO(FAIL):
        carry_out_end(self, action);
        break;
    default:
        break;
    }
}

/* Events that do not fit come too late: a browser that comes back twice, a time that is over. */
static void
step(BerthLoginFlow *self, BerthLoginEvent event)
{
    int action = DO(NOTHING);

    if (berth_fsm_step(&berth_login_fsm, &self->state, (int)event, &action) != BERTH_OK) {
        berth_log_debug("login", "%s does not happen in state %s",
                        berth_fsm_event_name(&berth_login_fsm, (int)event),
                        berth_fsm_state_name(&berth_login_fsm, self->state));
        return;
    }
    carry_out(self, (BerthLoginAction)action);
}

BerthLoginFlow *
berth_login_flow_new(BerthBrokerClient *broker, const BerthLoginCallbacks *callbacks,
                     void *user_data)
{
    BerthLoginFlow *self = g_new0(BerthLoginFlow, 1);

    self->broker = broker;
    self->callbacks = *callbacks;
    self->user_data = user_data;
    return self;
}

void
berth_login_flow_free(BerthLoginFlow *self)
{
    if (self != NULL) {
        reset(self);
        g_free(self);
    }
}

void
berth_login_flow_begin(BerthLoginFlow *self, const BerthCredentials *credentials)
{
    berth_login_flow_cancel(self);
    if (credentials->kind == BERTH_PROOF_PROVIDER) {
        self->provider = credentials->provider;
        step(self, ON(PROVIDER));
        return;
    }
    step(self, ON(PROOF));
    if (credentials->kind == BERTH_PROOF_PASSWORD) {
        berth_broker_client_login(self->broker, credentials->user, credentials->password);
    } else if (credentials->kind == BERTH_PROOF_DEVICE) {
        berth_broker_client_login_by_device(self->broker);
    } else {
        berth_broker_client_login_by_code(self->broker, credentials->code);
    }
}

int
berth_login_flow_answer(BerthLoginFlow *self, const char *code)
{
    GString *bare;

    if (self->state != S(CODE)) {
        return BERTH_ERR_STATE;
    }
    /* Authenticators show "123 456". */
    bare = g_string_sized_new(strlen(code) + 1);
    for (const char *at = code; *at != '\0'; at++) {
        if (!g_ascii_isspace(*at)) {
            g_string_append_c(bare, *at);
        }
    }
    self->code = bare->str;
    step(self, ON(ANSWER));
    self->code = NULL;
    berth_wipe(bare->str, bare->len);
    g_string_free(bare, TRUE);
    return BERTH_OK;
}

void
berth_login_flow_cancel(BerthLoginFlow *self)
{
    if (self->state != S(IDLE)) {
        step(self, ON(CANCEL));
    }
    reset(self);
}

static BerthLoginEvent
event_of(BerthLoginFlow *self, const BerthBrokerReply *reply)
{
    if (reply->error != NULL) {
        return self->state == S(CHECK) && berth_login_is_code_wrong(reply->error->code)
                   ? ON(WRONG)
                   : ON(FAILED);
    }
    if (reply->request == BERTH_BROKER_BROWSE) {
        return ON(STARTED);
    }
    if (reply->request == BERTH_BROKER_ENROL) {
        self->enrolment.secret = g_strdup(reply->enrolment->secret);
        self->enrolment.uri = g_strdup(reply->enrolment->uri);
        return ON(ENROLLED);
    }
    if (reply->login->pending[0] == '\0') {
        return ON(TOKEN);
    }
    g_strlcpy(self->pending, reply->login->pending, sizeof self->pending);
    return reply->login->must_enrol ? ON(NO_FACTOR) : ON(OWED);
}

bool
berth_login_flow_take(BerthLoginFlow *self, const BerthBrokerReply *reply)
{
    if (reply->request != BERTH_BROKER_LOGIN && reply->request != BERTH_BROKER_ENROL &&
        reply->request != BERTH_BROKER_BROWSE) {
        return false;
    }
    self->reply = reply;
    self->error = reply->error;
    step(self, event_of(self, reply));
    self->reply = NULL;
    self->error = NULL;
    return true;
}
