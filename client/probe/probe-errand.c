/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/probe/probe-errand.h"

#include "base/error.h"

struct BerthProbeErrand {
    BerthSessionController *controller;
    BerthId pool;
    bool has_pool;

    const BerthProbeAction *action; /* NULL: none */
    bool is_answered;
    bool was_closed;
    uint64_t n_frames; /* until it was closed */
    GError *error;
};

static bool
is_restart(const BerthProbeErrand *self)
{
    return self->action != NULL && self->action->row->kind == BERTH_PROBE_RESTART;
}

BerthProbeErrand *
berth_probe_errand_new(BerthSessionController *controller)
{
    BerthProbeErrand *self = g_new0(BerthProbeErrand, 1);

    self->controller = controller;
    return self;
}

void
berth_probe_errand_free(BerthProbeErrand *self)
{
    if (self != NULL) {
        g_clear_error(&self->error);
        g_free(self);
    }
}

void
berth_probe_errand_set_desktop(BerthProbeErrand *self, const BerthId *pool)
{
    self->pool = *pool;
    self->has_pool = true;
}

void
berth_probe_errand_start(BerthProbeErrand *self, const BerthProbeAction *action)
{
    BerthBrokerClient *broker = berth_session_controller_get_broker(self->controller);

    self->action = action;
    self->is_answered = false;
    self->was_closed = false;
    g_clear_error(&self->error);
    if (broker == NULL || !self->has_pool) {
        berth_set_error(&self->error, BERTH_ERR_UNSUPPORTED,
                        "%s: this desktop was not opened at a broker by its user; leave out "
                        "--direct and --shadow",
                        action->row->name);
    } else if (action->row->kind == BERTH_PROBE_RESTART) {
        berth_broker_client_restart(broker, &self->pool);
    } else {
        berth_broker_client_report(broker, &self->pool, action->text);
    }
}

void
berth_probe_errand_end(BerthProbeErrand *self)
{
    self->action = NULL;
    g_clear_error(&self->error);
}

bool
berth_probe_errand_note_done(BerthProbeErrand *self, BerthBrokerRequest request,
                             const GError *error)
{
    if (request != BERTH_BROKER_RESTART && request != BERTH_BROKER_REPORT) {
        return false;
    }
    if (self->action != NULL) {
        self->is_answered = true;
    }
    if (self->action != NULL && error != NULL && self->error == NULL) {
        self->error = g_error_new(BERTH_ERROR, error->code, "%s: %s", self->action->row->name,
                                  error->message);
    }
    return true;
}

void
berth_probe_errand_note_state(BerthProbeErrand *self, BerthClientState state)
{
    if (is_restart(self) && !self->was_closed && state != BERTH_CLIENT_OPEN) {
        self->was_closed = true;
        self->n_frames = berth_session_controller_get_stats(self->controller)->n_frames;
    }
}

bool
berth_probe_errand_note_closed(BerthProbeErrand *self)
{
    if (!is_restart(self) || self->error != NULL) {
        return false;
    }
    /* The end of the desktop takes back the requests that were under way: this is the answer. */
    self->is_answered = true;
    return true;
}

static bool
look_restart(BerthProbeErrand *self, GError **ret_error)
{
    const BerthStats *stats = berth_session_controller_get_stats(self->controller);
    BerthClientState state = berth_session_controller_get_state(self->controller);

    if (self->is_answered && state == BERTH_CLIENT_ENDED) {
        (void)berth_session_controller_choose(self->controller, &self->pool);
    } else if (self->was_closed && state == BERTH_CLIENT_OPEN && stats->n_frames > self->n_frames) {
        return true;
    }
    berth_set_error(ret_error, BERTH_ERR_TIMEOUT, "%s",
                    self->was_closed ? "the restarted desktop is not open again yet"
                                     : "the desktop still runs");
    return false;
}

bool
berth_probe_errand_look(BerthProbeErrand *self, GError **ret_error)
{
    if (self->error != NULL) {
        g_propagate_error(ret_error, g_steal_pointer(&self->error));
        return true;
    }
    if (is_restart(self)) {
        return look_restart(self, ret_error);
    }
    if (self->is_answered) {
        return true;
    }
    berth_set_error(ret_error, BERTH_ERR_TIMEOUT, "the broker does not answer");
    return false;
}
