/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/guest-clipboard.h"

#include "host-agent/session/clipboard-content.h"
#include "host-agent/session/clipboard-talk.h"

#include "berth/errors.h"
#include "display/wire/guest-message.h"
#include "display/wire/msg-clipboard.h"
#include "display/wire/vdagent-message.h"

#include <glib.h>
#include <spice/vd_agent.h>
#include <string.h>

/* Types have the same numbers at both agents and on the wire; HTML is known to ours only. */
#define N_TYPES BERTH_N_CLIPBOARD_TYPES
#define SPICE_TYPES \
    (BERTH_CLIPBOARD_BIT(BERTH_CLIPBOARD_TEXT) | BERTH_CLIPBOARD_BIT(BERTH_CLIPBOARD_PNG))
/* Neither a program nor a user waits longer for a content. */
#define ANSWER_US (30LL * 1000 * 1000)
/* Programs of the guest that wait for the same content at once; the others get none. */
#define MAX_WAITING 8

_Static_assert((int)VD_AGENT_CLIPBOARD_UTF8_TEXT == (int)BERTH_CLIPBOARD_TEXT, "same number");
_Static_assert((int)VD_AGENT_CLIPBOARD_IMAGE_PNG == (int)BERTH_CLIPBOARD_PNG, "same number");

/* A content of the client that programs of the guest wait for. */
typedef struct {
    unsigned n_waiting; /* 0: nobody does */
    int64_t since_us;
    GByteArray *bytes;
} Fetch;

/* A content of the guest on its way to the client. */
typedef struct {
    uint32_t serial;
    GBytes *bytes; /* NULL: none */
    size_t pos;
} Delivery;

typedef struct {
    /* The client's: */
    uint32_t client_serial;
    uint8_t client_types; /* that the guest may have; 0: it owns nothing */
    Fetch fetches[N_TYPES];
    uint8_t given_types; /* contents of this GRAB that the guest has had */
    BerthContentHash given[N_TYPES];
    /* The guest's: */
    uint8_t guest_types;
    uint32_t agent_serial; /* of the next GRAB, whoever does it */
    bool is_due;           /* the client is to be told when it has room */
    bool is_announced;     /* the client knows, as: */
    uint32_t own_serial;
    uint8_t asked;    /* type that the guest was asked for; 0: none */
    bool is_checking; /* to compare it with what was given */
    int64_t asked_us;
    uint8_t wanted; /* types that the client waits for, the one asked for among them */
    Delivery deliveries[N_TYPES];
} Selection;

struct BerthGuestClipboard {
    BerthClipboardTalk talk;
    BerthClipboardPolicy policy;
    uint32_t last_serial;
    Selection selections[BERTH_N_SELECTIONS];
};

BerthGuestClipboard *
berth_guest_clipboard_new(const BerthGuestClipboardCallbacks *callbacks, void *user_data)
{
    BerthGuestClipboard *self = g_new0(BerthGuestClipboard, 1);

    self->talk.callbacks = callbacks;
    self->talk.user_data = user_data;
    for (size_t i = 0; i < BERTH_N_SELECTIONS * N_TYPES; i++) {
        self->selections[i / N_TYPES].fetches[i % N_TYPES].bytes = g_byte_array_new();
    }
    return self;
}

void
berth_guest_clipboard_free(BerthGuestClipboard *self)
{
    if (!self) {
        return;
    }
    for (size_t i = 0; i < BERTH_N_SELECTIONS * N_TYPES; i++) {
        g_byte_array_unref(self->selections[i / N_TYPES].fetches[i % N_TYPES].bytes);
        g_clear_pointer(&self->selections[i / N_TYPES].deliveries[i % N_TYPES].bytes,
                        g_bytes_unref);
    }
    g_free(self);
}

static size_t
get_max_bytes(const BerthGuestClipboard *self)
{
    return (size_t)MIN(self->policy.max_kib, BERTH_LIMIT_CLIPBOARD_KIB) * 1024;
}

static uint8_t
get_number(const BerthGuestClipboard *self, const Selection *selection)
{
    return (uint8_t)(selection - self->selections);
}

static uint8_t
get_known_types(const BerthGuestClipboard *self)
{
    bool has_html = berth_vdagent_has(self->talk.caps, BERTH_GUEST_CAP_HTML);

    return SPICE_TYPES | (has_html ? BERTH_CLIPBOARD_BIT(BERTH_CLIPBOARD_HTML) : 0);
}

/* ---- what is said ---- */

static void
tell_state(BerthGuestClipboard *self)
{
    const BerthMsgClipboardState state = {
        .flags = (uint8_t)((self->policy.to_guest ? BERTH_SHARE_TO_GUEST : 0) |
                           (self->policy.from_guest ? BERTH_SHARE_FROM_GUEST : 0) |
                           (self->talk.caps != 0 ? BERTH_SHARE_AGENT : 0)),
        .types = self->policy.types & get_known_types(self),
        .max_kib = MIN(self->policy.max_kib, BERTH_LIMIT_CLIPBOARD_KIB),
    };

    berth_clipboard_talk_state(&self->talk, &state);
}

/* One content, or what stands for none: an empty one, as a program would wait for ever. */
static void
give_guest(BerthGuestClipboard *self, const Selection *selection, uint8_t type, const uint8_t *data,
           size_t len)
{
    const BerthVdagentClip clip = {
        .selection = get_number(self, selection), .type = type, .data = data, .len = len
    };

    berth_clipboard_talk_give(&self->talk, &clip);
}

static void
release_in_guest(BerthGuestClipboard *self, Selection *selection)
{
    if (selection->client_types != 0) {
        selection->client_types = 0;
        berth_clipboard_talk_release(&self->talk, get_number(self, selection));
    }
}

static void
grab_in_guest(BerthGuestClipboard *self, Selection *selection)
{
    const BerthVdagentGrab grab = {
        .selection = get_number(self, selection),
        .serial = selection->agent_serial++,
        .types = (uint32_t)selection->client_types << 1,
    };

    berth_clipboard_talk_grab(&self->talk, &grab);
}

static void
answer_client(BerthGuestClipboard *self, const Selection *selection, uint32_t serial, uint8_t type,
              uint8_t status)
{
    const BerthMsgClipboardData data = {
        .serial = serial,
        .selection = get_number(self, selection),
        .type = type,
        .status = status,
        .is_last = true,
    };

    berth_clipboard_talk_data(&self->talk, &data);
}

/* ---- what the guest waits for ---- */

/* Ends the waiting of programs of the guest with a content, or without. */
static void
end_fetch(BerthGuestClipboard *self, Selection *selection, uint8_t type, bool is_good)
{
    Fetch *fetch = &selection->fetches[type - 1];

    for (; fetch->n_waiting > 0; fetch->n_waiting--) {
        give_guest(self, selection, type, fetch->bytes->data, is_good ? fetch->bytes->len : 0);
    }
    g_byte_array_unref(fetch->bytes);
    fetch->bytes = g_byte_array_new();
}

static void
end_fetches(BerthGuestClipboard *self, Selection *selection)
{
    for (uint8_t type = 1; type <= N_TYPES; type++) {
        end_fetch(self, selection, type, false);
    }
}

static void
ask_client(BerthGuestClipboard *self, Selection *selection, uint8_t type, int64_t now_us)
{
    const BerthMsgClipboardRequest request = {
        .serial = selection->client_serial,
        .selection = get_number(self, selection),
        .type = type,
    };

    selection->fetches[type - 1].since_us = now_us;
    berth_clipboard_talk_request(&self->talk, &request);
}

/* ---- what the client waits for ---- */

static void
drop_delivery(Delivery *delivery)
{
    g_clear_pointer(&delivery->bytes, g_bytes_unref);
    delivery->pos = 0;
}

/* The client gets nothing more of what the guest had. */
static void
end_wishes(BerthGuestClipboard *self, Selection *selection, uint8_t status)
{
    for (uint8_t type = 1; type <= N_TYPES; type++) {
        bool is_wanted = selection->wanted & BERTH_CLIPBOARD_BIT(type);

        if (is_wanted || selection->deliveries[type - 1].bytes) {
            answer_client(self, selection, selection->own_serial, type, status);
        }
        drop_delivery(&selection->deliveries[type - 1]);
    }
    selection->wanted = 0;
    selection->asked = 0;
    selection->is_checking = false;
}

static void
ask_guest(BerthGuestClipboard *self, Selection *selection, uint8_t type, int64_t now_us)
{
    const BerthVdagentClip clip = { .selection = get_number(self, selection), .type = type };

    selection->asked = type;
    selection->asked_us = now_us;
    berth_clipboard_talk_ask(&self->talk, &clip);
}

static void
maybe_ask_guest(BerthGuestClipboard *self, Selection *selection, int64_t now_us)
{
    for (uint8_t type = 1; type <= N_TYPES && selection->asked == 0; type++) {
        if (selection->wanted & BERTH_CLIPBOARD_BIT(type)) {
            ask_guest(self, selection, type, now_us);
        }
    }
}

static uint8_t
get_announced_types(const BerthGuestClipboard *self, const Selection *selection)
{
    uint8_t types = selection->guest_types & self->policy.types & self->talk.takes;

    return self->policy.from_guest ? types : 0;
}

/* Tells the client that it has nothing to take any more. */
static void
withdraw(BerthGuestClipboard *self, Selection *selection, uint8_t status)
{
    const BerthMsgClipboardRelease release = {
        .serial = selection->own_serial,
        .selection = get_number(self, selection),
    };

    end_wishes(self, selection, status);
    selection->is_due = false;
    if (!selection->is_announced) {
        return;
    }
    selection->is_announced = false;
    berth_clipboard_talk_gone(&self->talk, &release);
}

/* Tells the client what the guest has, if it may have some of it. */
static void
announce(BerthGuestClipboard *self, Selection *selection)
{
    uint8_t types = get_announced_types(self, selection);
    BerthMsgClipboardGrab grab = { .selection = get_number(self, selection) };

    if (types == 0) {
        withdraw(self, selection, BERTH_CLIPBOARD_GONE);
        return;
    }
    /* A guest that grabs all the time fills nobody's memory. */
    selection->is_due = !self->talk.callbacks->has_room(self->talk.user_data);
    if (selection->is_due) {
        return;
    }
    for (uint8_t type = 1; type <= N_TYPES; type++) {
        if (types & BERTH_CLIPBOARD_BIT(type)) {
            grab.types[grab.n_types++] = type;
        }
    }
    self->last_serial = MAX(self->last_serial + 1, 1);
    selection->own_serial = self->last_serial;
    selection->is_announced = true;
    grab.serial = selection->own_serial;
    berth_clipboard_talk_offer(&self->talk, &grab);
}

/* Sends pieces of one content while there is room; true if it is over. */
static bool
deliver(BerthGuestClipboard *self, Selection *selection, uint8_t type)
{
    Delivery *delivery = &selection->deliveries[type - 1];
    BerthMsgClipboardData data = {
        .serial = delivery->serial,
        .selection = get_number(self, selection),
        .type = type,
        .status = BERTH_CLIPBOARD_OK,
    };
    size_t size = 0;
    const uint8_t *bytes = g_bytes_get_data(delivery->bytes, &size);

    while (!data.is_last) {
        if (!self->talk.callbacks->has_room(self->talk.user_data)) {
            return false;
        }
        data.data_len = MIN(size - delivery->pos, BERTH_LIMIT_SHARE_DATA_BYTES);
        data.data = data.data_len > 0 ? bytes + delivery->pos : NULL;
        delivery->pos += data.data_len;
        data.is_last = delivery->pos == size;
        berth_clipboard_talk_data(&self->talk, &data);
    }
    drop_delivery(delivery);
    return true;
}

void
berth_guest_clipboard_pump(BerthGuestClipboard *self)
{
    for (size_t i = 0; i < BERTH_N_SELECTIONS; i++) {
        if (self->selections[i].is_due) {
            announce(self, &self->selections[i]);
        }
    }
    for (size_t i = 0; i < BERTH_N_SELECTIONS * N_TYPES; i++) {
        Selection *selection = &self->selections[i / N_TYPES];
        uint8_t type = (uint8_t)(i % N_TYPES + 1);

        if (selection->deliveries[type - 1].bytes && !deliver(self, selection, type)) {
            return;
        }
    }
}

/* ---- the client ---- */

static void
handle_client_grab(BerthGuestClipboard *self, const BerthMsgClipboardGrab *grab)
{
    Selection *selection = &self->selections[grab->selection];
    uint8_t types = 0;

    for (uint8_t i = 0; i < grab->n_types; i++) {
        types |= (uint8_t)(BERTH_CLIPBOARD_BIT(grab->types[i]) & get_known_types(self) &
                           self->policy.types);
    }
    end_fetches(self, selection);
    end_wishes(self, selection, BERTH_CLIPBOARD_GONE);
    selection->client_serial = grab->serial;
    selection->given_types = 0;
    if (!self->policy.to_guest || self->talk.caps == 0 || types == 0) {
        release_in_guest(self, selection);
        return;
    }
    selection->is_announced = false;
    selection->is_due = false;
    selection->guest_types = 0;
    selection->client_types = types;
    grab_in_guest(self, selection);
}

static void
handle_client_request(BerthGuestClipboard *self, const BerthMsgClipboardRequest *request,
                      int64_t now_us)
{
    Selection *selection = &self->selections[request->selection];
    uint8_t bit = (uint8_t)BERTH_CLIPBOARD_BIT(request->type);
    bool is_known = bit & get_known_types(self);

    if (!self->policy.from_guest || !(bit & self->policy.types)) {
        answer_client(self, selection, request->serial, request->type, BERTH_CLIPBOARD_REFUSED);
    } else if (!is_known || !selection->is_announced || request->serial != selection->own_serial ||
               !(bit & get_announced_types(self, selection))) {
        answer_client(self, selection, request->serial, request->type, BERTH_CLIPBOARD_GONE);
    } else if (!selection->deliveries[request->type - 1].bytes) {
        selection->wanted |= bit;
        maybe_ask_guest(self, selection, now_us);
    }
}

static void
take_client_data(BerthGuestClipboard *self, Selection *selection, const BerthMsgClipboardData *data,
                 int64_t now_us)
{
    Fetch *fetch = &selection->fetches[data->type - 1];
    bool is_good;

    if (data->status != BERTH_CLIPBOARD_OK) {
        end_fetch(self, selection, data->type, false);
        return;
    }
    if (data->data_len + fetch->bytes->len > get_max_bytes(self)) {
        g_autofree char *text = g_strdup_printf("the clipboard takes at most %" G_GUINT32_FORMAT
                                                " KiB: what was copied is larger",
                                                self->policy.max_kib);

        end_fetch(self, selection, data->type, false);
        self->talk.callbacks->notify(text, self->talk.user_data);
        return;
    }
    fetch->since_us = now_us;
    g_byte_array_append(fetch->bytes, data->data, (guint)data->data_len);
    if (!data->is_last) {
        return;
    }
    is_good = berth_content_is_good(data->type, fetch->bytes->data, fetch->bytes->len);
    if (is_good) {
        selection->given_types |= (uint8_t)BERTH_CLIPBOARD_BIT(data->type);
        selection->given[data->type - 1] =
            berth_content_hash(fetch->bytes->data, fetch->bytes->len);
    }
    end_fetch(self, selection, data->type, is_good);
}

static void
handle_client_data(BerthGuestClipboard *self, const BerthMsgClipboardData *data, int64_t now_us)
{
    Selection *selection = &self->selections[data->selection];

    /* Of something older, or of what was given up. */
    if (data->type > N_TYPES || data->serial != selection->client_serial ||
        selection->fetches[data->type - 1].n_waiting == 0) {
        return;
    }
    take_client_data(self, selection, data, now_us);
}

static void
handle_client_release(BerthGuestClipboard *self, const BerthMsgClipboardRelease *release)
{
    Selection *selection = &self->selections[release->selection];

    if (release->serial == selection->client_serial) {
        end_fetches(self, selection);
        release_in_guest(self, selection);
    }
}

int
berth_guest_clipboard_handle_client(BerthGuestClipboard *self, uint8_t type, const uint8_t *payload,
                                    size_t len, int64_t now_us)
{
    union {
        BerthMsgClipboardGrab grab;
        BerthMsgClipboardRequest request;
        BerthMsgClipboardData data;
        BerthMsgClipboardRelease release;
    } message;

    int r = BERTH_ERR_PROTOCOL;

    switch (type) {
    case BERTH_MSG_CLIPBOARD_GRAB:
        r = berth_msg_clipboard_grab_decode(payload, len, &message.grab);
        if (r == BERTH_OK) {
            handle_client_grab(self, &message.grab);
        }
        break;
    case BERTH_MSG_CLIPBOARD_REQUEST:
        r = berth_msg_clipboard_request_decode(payload, len, &message.request);
        if (r == BERTH_OK) {
            handle_client_request(self, &message.request, now_us);
        }
        break;
    case BERTH_MSG_CLIPBOARD_DATA:
        r = berth_msg_clipboard_data_decode(payload, len, &message.data);
        if (r == BERTH_OK) {
            handle_client_data(self, &message.data, now_us);
        }
        break;
    case BERTH_MSG_CLIPBOARD_RELEASE:
        r = berth_msg_clipboard_release_decode(payload, len, &message.release);
        if (r == BERTH_OK) {
            handle_client_release(self, &message.release);
        }
        break;
    default:
        break;
    }
    return r;
}

/* ---- the guest ---- */

/* A type of which the guest has had a content that it now calls its own; 0 if there is none. */
static uint8_t
find_suspect(const Selection *selection, uint8_t types)
{
    for (uint8_t type = 1; type <= N_TYPES; type++) {
        if (types & selection->given_types & BERTH_CLIPBOARD_BIT(type)) {
            return type;
        }
    }
    return 0;
}

static void
handle_guest_grab(BerthGuestClipboard *self, const BerthVdagentGrab *grab, int64_t now_us)
{
    Selection *selection = &self->selections[grab->selection];
    uint8_t types = (uint8_t)(grab->types >> 1 & get_known_types(self));
    uint8_t suspect = find_suspect(selection, types);

    if (berth_vdagent_has(self->talk.caps, VD_AGENT_CAP_CLIPBOARD_GRAB_SERIAL)) {
        /* Both grabbed at once: the agent knows the same rule, and the client wins. */
        if ((int32_t)(grab->serial - selection->agent_serial) < 0) {
            return;
        }
        selection->agent_serial = grab->serial + 1;
    }
    end_fetches(self, selection);
    end_wishes(self, selection, BERTH_CLIPBOARD_GONE);
    selection->client_types = 0;
    selection->guest_types = types;
    if (suspect != 0 && !selection->is_announced) {
        selection->is_checking = true;
        ask_guest(self, selection, suspect, now_us);
        return;
    }
    selection->given_types = 0;
    announce(self, selection);
}

static void
handle_guest_request(BerthGuestClipboard *self, const BerthVdagentClip *clip, int64_t now_us)
{
    Selection *selection = &self->selections[clip->selection];
    bool has_type = clip->type >= 1 && clip->type <= N_TYPES &&
                    (selection->client_types & BERTH_CLIPBOARD_BIT(clip->type));
    Fetch *fetch = has_type ? &selection->fetches[clip->type - 1] : NULL;

    if (!fetch || fetch->n_waiting >= MAX_WAITING) {
        give_guest(self, selection, (uint8_t)clip->type, NULL, 0);
        return;
    }
    if (fetch->n_waiting++ == 0) {
        ask_client(self, selection, (uint8_t)clip->type, now_us);
    }
}

/* Whether a clipboard manager only repeats what the client had given. */
static void
end_check(BerthGuestClipboard *self, Selection *selection, uint8_t type, bool is_good,
          const BerthVdagentClip *clip)
{
    bool is_echo = false;

    if (is_good) {
        BerthContentHash hash = berth_content_hash(clip->data, clip->len);

        is_echo = berth_content_hash_equal(&hash, &selection->given[type - 1]);
    }
    selection->is_checking = false;
    if (!is_echo) {
        selection->given_types = 0;
        announce(self, selection);
    }
}

static void
handle_guest_content(BerthGuestClipboard *self, const BerthVdagentClip *clip, bool is_too_large,
                     int64_t now_us)
{
    Selection *selection = &self->selections[clip->selection];
    uint8_t type = selection->asked;
    bool is_good =
        clip->type == type && !is_too_large && berth_content_is_good(type, clip->data, clip->len);

    if (type == 0) {
        return;
    }
    selection->asked = 0;
    if (selection->is_checking) {
        end_check(self, selection, type, is_good, clip);
        return;
    }
    selection->wanted &= (uint8_t)~BERTH_CLIPBOARD_BIT(type);
    if (is_good) {
        selection->deliveries[type - 1] = (Delivery){
            .serial = selection->own_serial,
            .bytes = g_bytes_new(clip->data, clip->len),
        };
    } else {
        answer_client(self, selection, selection->own_serial, type,
                      is_too_large ? BERTH_CLIPBOARD_TOO_LARGE : BERTH_CLIPBOARD_FAILED);
    }
    maybe_ask_guest(self, selection, now_us);
    berth_guest_clipboard_pump(self);
}

static void
handle_guest_release(BerthGuestClipboard *self, uint8_t number)
{
    Selection *selection = &self->selections[number];

    selection->guest_types = 0;
    withdraw(self, selection, BERTH_CLIPBOARD_GONE);
}

static void
handle_guest_clip(BerthGuestClipboard *self, const BerthVdagentMessage *message, int64_t now_us)
{
    BerthVdagentClip clip;

    if (berth_vdagent_read_clip(message->data, message->len, self->talk.caps, &clip) < 0 ||
        clip.selection >= BERTH_N_SELECTIONS) {
        return;
    }
    if (message->type == VD_AGENT_CLIPBOARD) {
        handle_guest_content(self, &clip, message->is_skipped, now_us);
    } else {
        handle_guest_request(self, &clip, now_us);
    }
}

void
berth_guest_clipboard_handle_guest(BerthGuestClipboard *self, const BerthVdagentMessage *message,
                                   int64_t now_us)
{
    BerthVdagentGrab grab;
    uint8_t number = 0;

    if (self->talk.caps == 0) {
        return;
    }
    if (message->type == VD_AGENT_CLIPBOARD_GRAB) {
        if (berth_vdagent_read_grab(message->data, message->len, self->talk.caps, &grab) ==
                BERTH_OK &&
            grab.selection < BERTH_N_SELECTIONS) {
            handle_guest_grab(self, &grab, now_us);
        }
    } else if (message->type == VD_AGENT_CLIPBOARD_RELEASE) {
        if (berth_vdagent_read_release(message->data, message->len, self->talk.caps, &number) ==
                BERTH_OK &&
            number < BERTH_N_SELECTIONS) {
            handle_guest_release(self, number);
        }
    } else if (message->type == VD_AGENT_CLIPBOARD || message->type == VD_AGENT_CLIPBOARD_REQUEST) {
        handle_guest_clip(self, message, now_us);
    }
}

/* ---- what changes ---- */

void
berth_guest_clipboard_set_policy(BerthGuestClipboard *self, const BerthClipboardPolicy *policy)
{
    self->policy = *policy;
    if (policy->max_kib == 0 || policy->types == 0) {
        self->policy.to_guest = false;
        self->policy.from_guest = false;
    }
    tell_state(self);
    for (size_t i = 0; i < BERTH_N_SELECTIONS; i++) {
        Selection *selection = &self->selections[i];

        if (!self->policy.to_guest || (selection->client_types & ~self->policy.types) != 0) {
            end_fetches(self, selection);
            release_in_guest(self, selection);
        }
        if (selection->guest_types != 0) {
            end_wishes(self, selection, BERTH_CLIPBOARD_REFUSED);
            announce(self, selection);
        }
    }
}

void
berth_guest_clipboard_leave_agent(BerthGuestClipboard *self)
{
    for (size_t i = 0; i < BERTH_N_SELECTIONS; i++) {
        end_fetches(self, &self->selections[i]);
        release_in_guest(self, &self->selections[i]);
    }
    berth_guest_clipboard_set_agent(self, 0);
}

void
berth_guest_clipboard_set_agent(BerthGuestClipboard *self, uint32_t caps)
{
    self->talk.caps = 0; /* the old one hears no more */
    for (size_t i = 0; i < BERTH_N_SELECTIONS; i++) {
        Selection *selection = &self->selections[i];

        end_fetches(self, selection);
        selection->client_types = 0;
        selection->given_types = 0;
        selection->guest_types = 0;
        selection->agent_serial = 0;
        withdraw(self, selection, BERTH_CLIPBOARD_GONE);
    }
    self->talk.caps = caps;
    tell_state(self);
}

void
berth_guest_clipboard_set_client(BerthGuestClipboard *self, uint8_t types)
{
    self->talk.takes = 0; /* the old one hears no more */
    for (size_t i = 0; i < BERTH_N_SELECTIONS; i++) {
        Selection *selection = &self->selections[i];

        end_fetches(self, selection);
        release_in_guest(self, selection);
        selection->client_serial = 0;
        selection->given_types = 0;
        withdraw(self, selection, BERTH_CLIPBOARD_GONE);
    }
    self->talk.takes = types;
    tell_state(self);
    for (size_t i = 0; i < BERTH_N_SELECTIONS; i++) {
        if (get_announced_types(self, &self->selections[i]) != 0) {
            announce(self, &self->selections[i]);
        }
    }
}

void
berth_guest_clipboard_tick(BerthGuestClipboard *self, int64_t now_us)
{
    for (size_t i = 0; i < BERTH_N_SELECTIONS * N_TYPES; i++) {
        Selection *selection = &self->selections[i / N_TYPES];
        uint8_t type = (uint8_t)(i % N_TYPES + 1);
        const Fetch *fetch = &selection->fetches[type - 1];
        BerthVdagentClip nothing = { .selection = get_number(self, selection) };

        if (fetch->n_waiting > 0 && now_us - fetch->since_us > ANSWER_US) {
            end_fetch(self, selection, type, false);
        }
        if (selection->asked == type && now_us - selection->asked_us > ANSWER_US) {
            handle_guest_content(self, &nothing, false, now_us);
        }
    }
}
