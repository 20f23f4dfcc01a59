/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A whole control channel: byte 0 chooses the role and the verdict on AUTH, the rest is what the
 * peer sends.  Nothing but an accepted AUTH (session) or a WELCOME (client) may open it.
 */
#include "display/wire/handshake.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    BerthWire *wire;
    BerthHandshake *handshake;
    int verdict;
    bool is_authorized, is_opened;
    int64_t now_us;
} Target;

static int
on_message(BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    Target *target = user_data;
    target->now_us += 1000;
    if (channel != BERTH_CHANNEL_CONTROL) {
        if (!target->is_opened) {
            abort();
        }
        return 0;
    }
    return berth_handshake_handle(target->handshake, type, payload, len, target->now_us);
}

static int
on_authorize(const BerthMsgHello *client, const BerthMsgAuth *auth, BerthMsgWelcome *ret_welcome,
             void *user_data)
{
    Target *target = user_data;
    if (target->is_authorized) {
        abort();
    }
    target->is_authorized = target->verdict == 0;
    return target->verdict;
}

static void
on_open(const BerthMsgWelcome *welcome, void *user_data)
{
    Target *target = user_data;
    if (target->is_opened ||
        (berth_wire_get_role(target->wire) == BERTH_WIRE_SESSION && !target->is_authorized)) {
        abort();
    }
    target->is_opened = true;
}

static void
drain(BerthWire *wire)
{
    const uint8_t *data;
    for (size_t n = berth_wire_peek_output(wire, &data); n > 0;
         n = berth_wire_peek_output(wire, &data)) {
        berth_wire_consume_output(wire, n);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const BerthWireCallbacks wire_callbacks = { on_message };
    static const BerthHandshakeCallbacks callbacks = { on_authorize, on_open, NULL };
    Target target = { 0 };
    BerthMsgHello hello;
    BerthMsgAuth auth = { .kind = BERTH_AUTH_TICKET };
    if (size < 1) {
        return 0;
    }
    BerthWireRole role = (data[0] & 1) != 0 ? BERTH_WIRE_SESSION : BERTH_WIRE_CLIENT;
    target.verdict = (data[0] & 2) != 0 ? -1 : 0;
    berth_msg_hello_init(&hello);
    target.wire = berth_wire_new(role, &wire_callbacks, &target);
    target.handshake = berth_handshake_new(
        target.wire, &hello, role == BERTH_WIRE_CLIENT ? &auth : NULL, &callbacks, &target);
    berth_handshake_start(target.handshake, 0);
    int r = berth_wire_feed(target.wire, data + 1, size - 1);
    berth_handshake_tick(target.handshake, target.now_us + BERTH_HANDSHAKE_PING_US);
    if (r < 0) {
        berth_handshake_send_bye(target.handshake, r, NULL);
        if (berth_handshake_is_open(target.handshake)) {
            abort();
        }
    }
    drain(target.wire);
    berth_handshake_free(target.handshake);
    berth_wire_free(target.wire);
    return 0;
}
