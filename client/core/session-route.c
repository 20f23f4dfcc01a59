/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/session-route.h"

#include "base/secret.h"

#include <string.h>

void
berth_session_route_keep_token(BerthSessionRoute *self, const BerthMsgWelcome *welcome)
{
    memcpy(self->token, welcome->token, sizeof self->token);
    self->has_token = welcome->resume_window_s > 0;
}

void
berth_session_route_forget_token(BerthSessionRoute *self)
{
    berth_wipe(self->token, sizeof self->token);
    self->has_token = false;
}

const BerthId *
berth_session_route_get_session(const BerthSessionRoute *self)
{
    return self->is_direct ? &self->direct.session : &self->launch.session;
}

void
berth_session_route_fill_auth(const BerthSessionRoute *self, bool by_token, BerthMsgAuth *auth)
{
    if (by_token || self->is_direct) {
        const uint8_t *token = by_token ? self->token : self->direct.token;

        auth->kind = by_token ? BERTH_AUTH_RECONNECT : BERTH_AUTH_SHARE;
        auth->session = *berth_session_route_get_session(self);
        memcpy(auth->token, token, sizeof auth->token);
    } else {
        auth->kind = BERTH_AUTH_TICKET;
        memcpy(auth->ticket, self->launch.ticket, sizeof auth->ticket);
    }
}

void
berth_session_route_fill_target(const BerthSessionRoute *self, BerthSessionTarget *target)
{
    const BerthConnectionFile *direct = &self->direct;

    target->host = self->is_direct ? direct->host : self->address.host;
    target->port = self->is_direct ? direct->port : self->address.port;
    target->sni = self->is_direct ? direct->sni : self->launch.sni;
    target->pin = self->is_direct ? direct->session_key_hash : self->launch.session_key_hash;
}

void
berth_session_route_clear(BerthSessionRoute *self)
{
    berth_wipe(self, sizeof *self);
}
