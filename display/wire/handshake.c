/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/wire/handshake.h"

#include "base/error.h"
#include "base/secret.h"
#include "berth/limits.h"

#include <string.h>

typedef enum {
    STEP_NEW,        /* not started */
    STEP_WAIT_HELLO, /* for the peer's HELLO */
    STEP_AUTH,       /* session: waits for AUTH; client: for WELCOME */
    STEP_OPEN,
    STEP_CLOSED,
    N_STEPS,
} Step;

typedef enum {
    EVENT_START,
    EVENT_HELLO,
    EVENT_AUTH,
    EVENT_WELCOME,
    EVENT_PING,
    EVENT_PONG,
    EVENT_BYE,
    EVENT_FAIL, /* we say BYE, whatever the reason */
    N_EVENTS,
} Event;

typedef enum {
    ACTION_NONE,
    ACTION_SEND_HELLO,
    ACTION_TAKE_HELLO,
    ACTION_TAKE_AUTH,
    ACTION_TAKE_WELCOME,
    ACTION_ANSWER_PING,
    ACTION_TAKE_PONG,
    ACTION_TAKE_BYE,
    ACTION_SEND_BYE,
} Action;

static const char *const step_names[N_STEPS] = { "new", "wait-hello", "auth", "open", "closed" };
static const char *const event_names[N_EVENTS] = { "start", "hello", "auth", "welcome",
                                                   "ping",  "pong",  "bye",  "fail" };

static const BerthFsmRow client_rows[] = {
    { STEP_NEW, EVENT_START, STEP_WAIT_HELLO, ACTION_SEND_HELLO },
    { STEP_NEW, EVENT_FAIL, STEP_CLOSED, ACTION_SEND_BYE },
    { STEP_WAIT_HELLO, EVENT_HELLO, STEP_AUTH, ACTION_TAKE_HELLO },
    { STEP_WAIT_HELLO, EVENT_BYE, STEP_CLOSED, ACTION_TAKE_BYE },
    { STEP_WAIT_HELLO, EVENT_FAIL, STEP_CLOSED, ACTION_SEND_BYE },
    { STEP_AUTH, EVENT_WELCOME, STEP_OPEN, ACTION_TAKE_WELCOME },
    { STEP_AUTH, EVENT_BYE, STEP_CLOSED, ACTION_TAKE_BYE },
    { STEP_AUTH, EVENT_FAIL, STEP_CLOSED, ACTION_SEND_BYE },
    { STEP_OPEN, EVENT_PING, STEP_OPEN, ACTION_ANSWER_PING },
    { STEP_OPEN, EVENT_PONG, STEP_OPEN, ACTION_TAKE_PONG },
    { STEP_OPEN, EVENT_BYE, STEP_CLOSED, ACTION_TAKE_BYE },
    { STEP_OPEN, EVENT_FAIL, STEP_CLOSED, ACTION_SEND_BYE },
    { STEP_CLOSED, EVENT_FAIL, STEP_CLOSED, ACTION_NONE },
};

static const BerthFsmRow session_rows[] = {
    { STEP_NEW, EVENT_START, STEP_WAIT_HELLO, ACTION_NONE },
    { STEP_NEW, EVENT_FAIL, STEP_CLOSED, ACTION_SEND_BYE },
    { STEP_WAIT_HELLO, EVENT_HELLO, STEP_AUTH, ACTION_TAKE_HELLO },
    { STEP_WAIT_HELLO, EVENT_BYE, STEP_CLOSED, ACTION_TAKE_BYE },
    { STEP_WAIT_HELLO, EVENT_FAIL, STEP_CLOSED, ACTION_SEND_BYE },
    { STEP_AUTH, EVENT_AUTH, STEP_OPEN, ACTION_TAKE_AUTH },
    { STEP_AUTH, EVENT_BYE, STEP_CLOSED, ACTION_TAKE_BYE },
    { STEP_AUTH, EVENT_FAIL, STEP_CLOSED, ACTION_SEND_BYE },
    { STEP_OPEN, EVENT_PING, STEP_OPEN, ACTION_ANSWER_PING },
    { STEP_OPEN, EVENT_PONG, STEP_OPEN, ACTION_TAKE_PONG },
    { STEP_OPEN, EVENT_BYE, STEP_CLOSED, ACTION_TAKE_BYE },
    { STEP_OPEN, EVENT_FAIL, STEP_CLOSED, ACTION_SEND_BYE },
    { STEP_CLOSED, EVENT_FAIL, STEP_CLOSED, ACTION_NONE },
};

const BerthFsmTable berth_handshake_client_fsm = {
    "handshake-client",        step_names, N_STEPS, event_names, N_EVENTS, client_rows,
    G_N_ELEMENTS(client_rows),
};

const BerthFsmTable berth_handshake_session_fsm = {
    "handshake-session",        step_names, N_STEPS, event_names, N_EVENTS, session_rows,
    G_N_ELEMENTS(session_rows),
};

struct BerthHandshake {
    BerthWire *wire;
    const BerthFsmTable *fsm;
    const BerthHandshakeCallbacks *callbacks;
    void *user_data;
    int step;
    BerthMsgHello hello, peer_hello;
    bool has_peer_hello;
    BerthMsgAuth auth; /* client; wiped after it was sent */
    uint16_t version;
    int64_t started_us, last_received_us, last_ping_us;
    int64_t rtt_us;
};

BerthHandshake *
berth_handshake_new(BerthWire *wire, const BerthMsgHello *hello, const BerthMsgAuth *auth,
                    const BerthHandshakeCallbacks *callbacks, void *user_data)
{
    BerthHandshake *self = g_new0(BerthHandshake, 1);
    bool is_client = berth_wire_get_role(wire) == BERTH_WIRE_CLIENT;
    g_assert(is_client == (auth != NULL));
    self->wire = wire;
    self->fsm = is_client ? &berth_handshake_client_fsm : &berth_handshake_session_fsm;
    self->callbacks = callbacks;
    self->user_data = user_data;
    self->step = STEP_NEW;
    self->hello = *hello;
    if (auth != NULL) {
        self->auth = *auth;
    }
    self->rtt_us = -1;
    return self;
}

void
berth_handshake_free(BerthHandshake *self)
{
    if (self != NULL) {
        berth_wipe(&self->auth, sizeof self->auth);
        g_free(self);
    }
}

/* Sends what the writer holds; the writer is empty afterwards. */
static int
send_written(BerthHandshake *self, BerthControlMessage type, BerthWriter *writer, int r)
{
    if (r == BERTH_OK) {
        r = berth_wire_send(self->wire, BERTH_CHANNEL_CONTROL, (uint8_t)type, writer->data,
                            writer->len);
    }
    if (writer->data != NULL) {
        berth_wipe(writer->data, writer->len);
    }
    berth_writer_clear(writer);
    return r;
}

static int
send_hello(BerthHandshake *self)
{
    BerthWriter writer;
    berth_writer_init(&writer, BERTH_LIMIT_PREAUTH_BYTES);
    int r = berth_msg_hello_encode(&writer, &self->hello);
    return send_written(self, BERTH_MSG_HELLO, &writer, r);
}

static int
send_auth(BerthHandshake *self)
{
    BerthWriter writer;
    berth_writer_init(&writer, BERTH_LIMIT_PREAUTH_BYTES);
    int r = berth_msg_auth_encode(&writer, &self->auth);
    berth_wipe(&self->auth, sizeof self->auth);
    return send_written(self, BERTH_MSG_AUTH, &writer, r);
}

static int
send_ping(BerthHandshake *self, BerthControlMessage type, uint64_t sent_us)
{
    BerthWriter writer;
    const BerthMsgPing ping = { sent_us };
    berth_writer_init(&writer, BERTH_LIMIT_PREAUTH_BYTES);
    int r = berth_msg_ping_encode(&writer, &ping);
    return send_written(self, type, &writer, r);
}

static int
queue_bye(BerthHandshake *self, int code, const char *text)
{
    BerthWriter writer;
    BerthMsgBye bye;
    berth_msg_bye_set(&bye, code, text);
    berth_writer_init(&writer, BERTH_LIMIT_PREAUTH_BYTES);
    int r = berth_msg_bye_encode(&writer, &bye);
    r = send_written(self, BERTH_MSG_BYE, &writer, r);
    berth_wire_set_state(self->wire, BERTH_WIRE_CLOSED);
    return r;
}

int
berth_handshake_send_bye(BerthHandshake *self, int code, const char *text)
{
    int action;
    int r = berth_fsm_step(self->fsm, &self->step, EVENT_FAIL, &action);
    if (r == BERTH_OK && action == ACTION_SEND_BYE) {
        r = queue_bye(self, code, text);
    }
    return r;
}

int
berth_handshake_start(BerthHandshake *self, int64_t now_us)
{
    int action;
    int r = berth_fsm_step(self->fsm, &self->step, EVENT_START, &action);
    if (r < 0) {
        return r;
    }
    self->started_us = self->last_received_us = now_us;
    return action == ACTION_SEND_HELLO ? send_hello(self) : BERTH_OK;
}

/* Takes the highest version that both sides speak. */
static int
choose_version(BerthHandshake *self)
{
    uint16_t low = MAX(self->hello.version_min, self->peer_hello.version_min);
    uint16_t high = MIN(self->hello.version_max, self->peer_hello.version_max);
    if (low > high) {
        return BERTH_ERR_VERSION;
    }
    self->version = high;
    return BERTH_OK;
}

static int
take_hello(BerthHandshake *self, const uint8_t *payload, size_t len)
{
    bool is_client = berth_wire_get_role(self->wire) == BERTH_WIRE_CLIENT;
    int r = berth_msg_hello_decode(payload, len, &self->peer_hello);
    if (r < 0) {
        return r;
    }
    self->has_peer_hello = true;
    /* The session answers even when no version fits, so that the client can tell the user. */
    r = is_client ? BERTH_OK : send_hello(self);
    if (r == BERTH_OK) {
        r = choose_version(self);
    }
    if (r == BERTH_OK) {
        berth_wire_set_state(self->wire, BERTH_WIRE_AUTH);
        r = is_client ? send_auth(self) : BERTH_OK;
    }
    return r;
}

static void
enter_open(BerthHandshake *self, const BerthMsgWelcome *welcome, int64_t now_us)
{
    berth_wire_set_state(self->wire, BERTH_WIRE_OPEN);
    self->last_received_us = now_us;
    /* The first PING goes out with the first tick. */
    self->last_ping_us = now_us - BERTH_HANDSHAKE_PING_US;
    if (self->callbacks->open != NULL) {
        self->callbacks->open(welcome, self->user_data);
    }
}

static int
take_auth(BerthHandshake *self, const uint8_t *payload, size_t len, int64_t now_us)
{
    BerthMsgAuth auth;
    BerthMsgWelcome welcome = { .version = self->version };
    BerthWriter writer;
    int r = berth_msg_auth_decode(payload, len, &auth);
    if (r == BERTH_OK) {
        r = self->callbacks->authorize(&self->peer_hello, &auth, &welcome, self->user_data);
        berth_wipe(&auth, sizeof auth);
    }
    if (r < 0) {
        return r;
    }
    welcome.version = self->version;
    berth_writer_init(&writer, BERTH_LIMIT_PREAUTH_BYTES);
    r = berth_msg_welcome_encode(&writer, &welcome);
    r = send_written(self, BERTH_MSG_WELCOME, &writer, r);
    if (r == BERTH_OK) {
        enter_open(self, &welcome, now_us);
    }
    berth_wipe(&welcome, sizeof welcome);
    return r;
}

static int
take_welcome(BerthHandshake *self, const uint8_t *payload, size_t len, int64_t now_us)
{
    BerthMsgWelcome welcome;
    int r = berth_msg_welcome_decode(payload, len, &welcome);
    if (r == BERTH_OK && welcome.version != self->version) {
        r = BERTH_ERR_VERSION;
    }
    if (r == BERTH_OK) {
        enter_open(self, &welcome, now_us);
    }
    berth_wipe(&welcome, sizeof welcome);
    return r;
}

static int
answer_ping(BerthHandshake *self, const uint8_t *payload, size_t len)
{
    BerthMsgPing ping;
    int r = berth_msg_ping_decode(payload, len, &ping);
    /* Nothing else bounds what control has to say. */
    if (r == BERTH_OK && berth_wire_get_queued_bytes(self->wire, BERTH_CHANNEL_CONTROL) >=
                             BERTH_LIMIT_PONG_QUEUE_BYTES) {
        r = BERTH_ERR_THROTTLED;
    }
    return r == BERTH_OK ? send_ping(self, BERTH_MSG_PONG, ping.sent_us) : r;
}

static int
take_pong(BerthHandshake *self, const uint8_t *payload, size_t len, int64_t now_us)
{
    BerthMsgPing ping;
    int r = berth_msg_ping_decode(payload, len, &ping);
    /* Only the answer to the last question counts; others are late or made up. */
    if (r == BERTH_OK && ping.sent_us == (uint64_t)self->last_ping_us) {
        self->rtt_us = MAX(now_us - self->last_ping_us, 0);
    }
    return r;
}

static int
take_bye(BerthHandshake *self, const uint8_t *payload, size_t len)
{
    BerthMsgBye bye;
    int r = berth_msg_bye_decode(payload, len, &bye);
    berth_wire_set_state(self->wire, BERTH_WIRE_CLOSED);
    if (r == BERTH_OK && self->callbacks->bye != NULL) {
        self->callbacks->bye(&bye, self->user_data);
    }
    return r == BERTH_OK ? BERTH_ERR_CLOSED : r;
}

static int
act(BerthHandshake *self, int action, const uint8_t *payload, size_t len, int64_t now_us)
{
    switch ((Action)action) {
    case ACTION_TAKE_HELLO:
        return take_hello(self, payload, len);
    case ACTION_TAKE_AUTH:
        return take_auth(self, payload, len, now_us);
    case ACTION_TAKE_WELCOME:
        return take_welcome(self, payload, len, now_us);
    case ACTION_ANSWER_PING:
        return answer_ping(self, payload, len);
    case ACTION_TAKE_PONG:
        return take_pong(self, payload, len, now_us);
    case ACTION_TAKE_BYE:
        return take_bye(self, payload, len);
    case ACTION_NONE:
    case ACTION_SEND_HELLO:
    case ACTION_SEND_BYE:
        break;
    }
    return BERTH_ERR_INTERNAL;
}

/* Event of a message; -1 for a number that is none. */
static int
event_of(uint8_t type)
{
    static const int events[] = {
        [BERTH_MSG_HELLO] = EVENT_HELLO,     [BERTH_MSG_AUTH] = EVENT_AUTH,
        [BERTH_MSG_WELCOME] = EVENT_WELCOME, [BERTH_MSG_PING] = EVENT_PING,
        [BERTH_MSG_PONG] = EVENT_PONG,       [BERTH_MSG_BYE] = EVENT_BYE,
    };
    return type >= BERTH_MSG_HELLO && type < G_N_ELEMENTS(events) ? events[type] : -1;
}

int
berth_handshake_handle(BerthHandshake *self, uint8_t type, const uint8_t *payload, size_t len,
                       int64_t now_us)
{
    int action = ACTION_NONE;
    int next = self->step;
    int event = event_of(type);
    int r = event < 0 ? BERTH_ERR_PROTOCOL : berth_fsm_step(self->fsm, &next, event, &action);
    self->last_received_us = now_us;
    if (r < 0) {
        r = BERTH_ERR_PROTOCOL;
    } else {
        /* The step is taken before the callbacks run, so that they see where we are. */
        int before = self->step;
        self->step = next;
        r = act(self, action, payload, len, now_us);
        if (r < 0 && r != BERTH_ERR_CLOSED && self->step == next) {
            self->step = before;
        }
    }
    if (r < 0 && r != BERTH_ERR_CLOSED) {
        berth_handshake_send_bye(self, r, NULL);
    }
    return r;
}

void
berth_handshake_note_received(BerthHandshake *self, int64_t now_us)
{
    self->last_received_us = now_us;
}

static int
give_up(BerthHandshake *self, const char *text)
{
    berth_handshake_send_bye(self, BERTH_ERR_TIMEOUT, text);
    return BERTH_ERR_TIMEOUT;
}

static int64_t
get_silence_us(const BerthHandshake *self)
{
    return berth_wire_get_role(self->wire) == BERTH_WIRE_CLIENT ? BERTH_HANDSHAKE_CLIENT_SILENCE_US
                                                                : BERTH_HANDSHAKE_SILENCE_US;
}

static int64_t
get_ping_us(const BerthHandshake *self)
{
    return berth_wire_get_role(self->wire) == BERTH_WIRE_CLIENT ? BERTH_HANDSHAKE_CLIENT_PING_US
                                                                : BERTH_HANDSHAKE_PING_US;
}

static int
tick_open(BerthHandshake *self, int64_t now_us)
{
    if (now_us - self->last_received_us >= get_silence_us(self)) {
        return give_up(self, "nothing was heard for too long");
    }
    if (now_us - self->last_ping_us < get_ping_us(self)) {
        return BERTH_OK;
    }
    self->last_ping_us = now_us;
    return send_ping(self, BERTH_MSG_PING, (uint64_t)now_us);
}

int
berth_handshake_tick(BerthHandshake *self, int64_t now_us)
{
    switch ((Step)self->step) {
    case STEP_WAIT_HELLO:
    case STEP_AUTH:
        return now_us - self->started_us >= BERTH_LIMIT_AUTH_US
                   ? give_up(self, "authentication took too long")
                   : BERTH_OK;
    case STEP_OPEN:
        return tick_open(self, now_us);
    default:
        return BERTH_OK;
    }
}

int64_t
berth_handshake_get_deadline_us(const BerthHandshake *self)
{
    switch ((Step)self->step) {
    case STEP_WAIT_HELLO:
    case STEP_AUTH:
        return self->started_us + BERTH_LIMIT_AUTH_US;
    case STEP_OPEN:
        return MIN(self->last_ping_us + get_ping_us(self),
                   self->last_received_us + get_silence_us(self));
    default:
        return INT64_MAX;
    }
}

bool
berth_handshake_is_open(const BerthHandshake *self)
{
    return self->step == STEP_OPEN;
}

const BerthMsgHello *
berth_handshake_get_peer_hello(const BerthHandshake *self)
{
    return self->has_peer_hello ? &self->peer_hello : NULL;
}

int64_t
berth_handshake_get_rtt_us(const BerthHandshake *self)
{
    return self->rtt_us;
}
