/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/launch.h"

#include "base/id.h"
#include "berth/errors.h"
#include "display/transport/session-name.h"

static bool
fill_ticket(const BerthLaunch *launch, BerthTicket *ticket)
{
    *ticket = (BerthTicket){ .rights = launch->rights,
                             .machine_epoch = (uint64_t)launch->machine_epoch,
                             .connection_epoch = (uint64_t)launch->connection_epoch,
                             .not_before_us = launch->not_before_us,
                             .expires_us = launch->expires_us };
    return berth_id_parse(launch->ticket, &ticket->ticket) == BERTH_OK &&
           berth_id_parse(launch->account, &ticket->user) == BERTH_OK &&
           berth_id_parse(launch->machine, &ticket->machine) == BERTH_OK &&
           berth_id_parse(launch->session, &ticket->session) == BERTH_OK &&
           berth_id_parse(launch->host, &ticket->host) == BERTH_OK &&
           berth_hex_parse(launch->client_key, ticket->client_key_hash, BERTH_KEY_HASH_BYTES) ==
               BERTH_OK &&
           berth_hex_parse(launch->session_key, ticket->session_key_hash, BERTH_KEY_HASH_BYTES) ==
               BERTH_OK;
}

json_t *
berth_launch_reply(const BerthLaunch *launch, const BerthPolicy *policy, const BerthSigningKey *key)
{
    uint8_t bytes[BERTH_TICKET_BYTES];
    char name[BERTH_SESSION_NAME_CHARS + 1];
    BerthTicket ticket;
    if (!fill_ticket(launch, &ticket) || berth_ticket_sign(&ticket, key, bytes) != BERTH_OK) {
        return NULL;
    }
    berth_session_name_format(&ticket.session, &ticket.host, name);
    g_autofree char *text = g_base64_encode(bytes, sizeof bytes);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:o}", "state", "ready", "session",
                     launch->session, "machine", launch->machine, "sni", name, "ticket", text,
                     "session_key", launch->session_key, "expires_in_s",
                     (json_int_t)((launch->expires_us - launch->not_before_us) / (1000 * 1000)),
                     "policy", berth_policy_to_json(policy));
}
