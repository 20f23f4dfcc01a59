/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/clipboard-share.h"

#include "base/bytes-writer.h"
#include "base/error.h"
#include "display/wire/msg-clipboard.h"

#include <glib/gi18n.h>
#include <string.h>

/* Requests of the guest that wait, for each selection: one of each type. */
#define MAX_REQUESTS 4
/* So much may wait to be sent before more is added: a paste must not fill the line. */
#define QUEUE_BYTES (256u * 1024)
#define SHORT_MESSAGE_BYTES 64

typedef struct {
    /* What this device has copied. */
    unsigned own_types;
    uint32_t own_serial; /* of the GRAB that told of it; 0: the guest does not know */
    /* What the guest asked for: the first one is being answered. */
    BerthMsgClipboardRequest requests[MAX_REQUESTS];
    size_t n_requests;
    GBytes *sending; /* the content of the first request; NULL while it is fetched */
    size_t sent_bytes;
    /* What the guest has copied. */
    unsigned guest_types;
    uint32_t guest_serial;
    /* What was asked for: BERTH_CLIPBOARD_BIT(); the answer to `asked` is on its way. */
    unsigned waiting_types;
    BerthClipboardType asked;
    bool is_asked;
    bool is_discarding; /* the answer is not wanted any more, its end must be seen */
    GByteArray *received;
} Side;

struct BerthClipboardShare {
    BerthShareSendFunc send;
    void *send_data;
    BerthClipboardListener listener;
    void *user_data;
    BerthMsgClipboardState state;
    uint32_t serial; /* of the last GRAB that was sent */
    bool has_focus;
    Side sides[BERTH_N_SELECTIONS];
};

static bool
is_allowed(const BerthClipboardShare *self, unsigned direction)
{
    return (self->state.flags & direction) != 0 && (self->state.flags & BERTH_SHARE_AGENT) != 0;
}

static size_t
max_bytes(const BerthClipboardShare *self)
{
    return (size_t)MIN(self->state.max_kib, BERTH_LIMIT_CLIPBOARD_KIB) * 1024;
}

static void
send_written(BerthClipboardShare *self, uint8_t type, BerthWriter *writer)
{
    if (writer->error == BERTH_OK) {
        self->send(type, writer->data, writer->len, self->send_data);
    }
    berth_writer_clear(writer);
}

/* --- what this device has --- */

static void
release(BerthClipboardShare *self, BerthSelection selection)
{
    Side *side = &self->sides[selection];
    const BerthMsgClipboardRelease message = { side->own_serial, (uint8_t)selection };
    BerthWriter writer;

    if (side->own_serial != 0) {
        side->own_serial = 0;
        berth_writer_init(&writer, SHORT_MESSAGE_BYTES);
        berth_msg_clipboard_release_encode(&writer, &message);
        send_written(self, BERTH_MSG_CLIPBOARD_RELEASE, &writer);
    }
}

/* Tells the guest what there is, or that there is nothing any more. */
static void
announce(BerthClipboardShare *self, BerthSelection selection)
{
    /* The best first: a program that takes the first one it knows gets the most. */
    static const BerthClipboardType order[] = { BERTH_CLIPBOARD_HTML, BERTH_CLIPBOARD_TEXT,
                                                BERTH_CLIPBOARD_PNG };
    Side *side = &self->sides[selection];
    BerthMsgClipboardGrab grab = { .selection = (uint8_t)selection };
    BerthWriter writer;

    for (size_t i = 0; i < G_N_ELEMENTS(order); i++) {
        if ((side->own_types & self->state.types & BERTH_CLIPBOARD_BIT(order[i])) != 0) {
            grab.types[grab.n_types++] = (uint8_t)order[i];
        }
    }
    if (grab.n_types == 0 || !is_allowed(self, BERTH_SHARE_TO_GUEST)) {
        release(self, selection);
        return;
    }
    self->serial = self->serial == UINT32_MAX ? 1 : self->serial + 1;
    side->own_serial = self->serial;
    grab.serial = self->serial;
    berth_writer_init(&writer, SHORT_MESSAGE_BYTES);
    berth_msg_clipboard_grab_encode(&writer, &grab);
    send_written(self, BERTH_MSG_CLIPBOARD_GRAB, &writer);
}

/* Tells what was copied and not told yet, if it may be told now. */
static void
announce_news(BerthClipboardShare *self)
{
    for (int i = 0; self->has_focus && i < BERTH_N_SELECTIONS; i++) {
        if (self->sides[i].own_types != 0 && self->sides[i].own_serial == 0) {
            announce(self, (BerthSelection)i);
        }
    }
}

void
berth_clipboard_share_own(BerthClipboardShare *self, BerthSelection selection, unsigned types)
{
    Side *side = &self->sides[selection];

    side->own_types = types;
    if (self->has_focus) {
        announce(self, selection);
    } else {
        release(self, selection);
    }
}

void
berth_clipboard_share_set_focus(BerthClipboardShare *self, bool has_focus)
{
    self->has_focus = has_focus;
    announce_news(self);
}

/* --- what the guest asks for --- */

static void
send_data(BerthClipboardShare *self, const BerthMsgClipboardRequest *request,
          BerthClipboardStatus status, bool is_last, const uint8_t *data, size_t len)
{
    BerthMsgClipboardData piece = {
        .serial = request->serial,
        .selection = request->selection,
        .type = request->type,
        .status = (uint8_t)status,
        .is_last = is_last,
        .data = data,
        .data_len = len,
    };
    BerthWriter writer;

    berth_writer_init(&writer, BERTH_LIMIT_SHARE_DATA_BYTES + SHORT_MESSAGE_BYTES);
    berth_msg_clipboard_data_encode(&writer, &piece);
    send_written(self, BERTH_MSG_CLIPBOARD_DATA, &writer);
}

static void
refuse(BerthClipboardShare *self, const BerthMsgClipboardRequest *request,
       BerthClipboardStatus status)
{
    send_data(self, request, status, true, NULL, 0);
}

static bool
is_ours(const Side *side, const BerthMsgClipboardRequest *request)
{
    return side->own_serial != 0 && request->serial == side->own_serial &&
           (side->own_types & BERTH_CLIPBOARD_BIT(request->type)) != 0;
}

/* Has the first request answered, as far as it does not answer itself. */
static void
serve(BerthClipboardShare *self, BerthSelection selection)
{
    Side *side = &self->sides[selection];

    while (side->n_requests > 0) {
        BerthMsgClipboardRequest request = side->requests[0];

        if (is_allowed(self, BERTH_SHARE_TO_GUEST) && is_ours(side, &request) &&
            self->listener.wanted != NULL) {
            self->listener.wanted(selection, (BerthClipboardType)request.type, request.serial,
                                  self->user_data);
            return;
        }
        refuse(self, &request,
               is_allowed(self, BERTH_SHARE_TO_GUEST) ? BERTH_CLIPBOARD_GONE
                                                      : BERTH_CLIPBOARD_REFUSED);
        side->n_requests--;
        memmove(side->requests, side->requests + 1, side->n_requests * sizeof side->requests[0]);
    }
}

/* The first request is answered: the next one. */
static void
end_request(BerthClipboardShare *self, BerthSelection selection)
{
    Side *side = &self->sides[selection];

    g_clear_pointer(&side->sending, g_bytes_unref);
    side->sent_bytes = 0;
    side->n_requests--;
    memmove(side->requests, side->requests + 1, side->n_requests * sizeof side->requests[0]);
    serve(self, selection);
}

static int
take_request(BerthClipboardShare *self, const uint8_t *payload, size_t len)
{
    BerthMsgClipboardRequest request;
    int code = berth_msg_clipboard_request_decode(payload, len, &request);
    Side *side;

    if (code != BERTH_OK) {
        return code;
    }
    side = &self->sides[request.selection];
    if (side->n_requests == MAX_REQUESTS) {
        refuse(self, &request, BERTH_CLIPBOARD_FAILED);
        return BERTH_OK;
    }
    side->requests[side->n_requests++] = request;
    if (side->n_requests == 1) {
        serve(self, (BerthSelection)request.selection);
    }
    return BERTH_OK;
}

void
berth_clipboard_share_give(BerthClipboardShare *self, BerthSelection selection, uint32_t serial,
                           BerthClipboardType type, BerthClipboardStatus status, GBytes *content)
{
    Side *side = &self->sides[selection];
    const BerthMsgClipboardRequest *request = &side->requests[0];

    if (side->n_requests == 0 || side->sending != NULL || request->serial != serial ||
        request->type != type) {
        return; /* asked on a connection that is gone */
    }
    if (status == BERTH_CLIPBOARD_OK && !is_ours(side, request)) {
        status = BERTH_CLIPBOARD_GONE; /* something else was copied meanwhile */
    }
    if (status == BERTH_CLIPBOARD_OK && g_bytes_get_size(content) > max_bytes(self)) {
        status = BERTH_CLIPBOARD_TOO_LARGE;
    }
    if (status != BERTH_CLIPBOARD_OK) {
        refuse(self, request, status);
        end_request(self, selection);
        return;
    }
    side->sending = g_bytes_ref(content);
    side->sent_bytes = 0;
    berth_clipboard_share_pump(self, 0);
}

/* Sends one piece of the content that is being given; returns its bytes. */
static size_t
send_piece(BerthClipboardShare *self, BerthSelection selection)
{
    Side *side = &self->sides[selection];
    size_t size_bytes;
    const uint8_t *data = g_bytes_get_data(side->sending, &size_bytes);
    size_t n = MIN(size_bytes - side->sent_bytes, BERTH_LIMIT_SHARE_DATA_BYTES);
    bool is_last = side->sent_bytes + n == size_bytes;

    send_data(self, &side->requests[0], BERTH_CLIPBOARD_OK, is_last,
              data != NULL ? data + side->sent_bytes : NULL, n);
    side->sent_bytes += n;
    if (is_last) {
        end_request(self, selection);
    }
    return n;
}

void
berth_clipboard_share_pump(BerthClipboardShare *self, size_t n_queued_bytes)
{
    for (int i = 0; i < BERTH_N_SELECTIONS; i++) {
        while (self->sides[i].sending != NULL && n_queued_bytes < QUEUE_BYTES) {
            n_queued_bytes += send_piece(self, (BerthSelection)i);
        }
    }
}

/* --- what the guest has --- */

static void
ask_next(BerthClipboardShare *self, BerthSelection selection)
{
    Side *side = &self->sides[selection];
    BerthMsgClipboardRequest request = { side->guest_serial, (uint8_t)selection, 0 };
    BerthWriter writer;

    if (side->is_asked || side->waiting_types == 0) {
        return;
    }
    side->asked = (BerthClipboardType)(g_bit_nth_lsf(side->waiting_types, -1) + 1);
    side->is_asked = true;
    side->is_discarding = false;
    g_byte_array_set_size(side->received, 0);
    request.type = (uint8_t)side->asked;
    berth_writer_init(&writer, SHORT_MESSAGE_BYTES);
    berth_msg_clipboard_request_encode(&writer, &request);
    send_written(self, BERTH_MSG_CLIPBOARD_REQUEST, &writer);
}

static void
report(BerthClipboardShare *self, BerthSelection selection, BerthClipboardType type,
       BerthClipboardStatus status, GBytes *content)
{
    self->sides[selection].waiting_types &= ~BERTH_CLIPBOARD_BIT(type);
    if (self->listener.content != NULL) {
        self->listener.content(selection, type, status, content, self->user_data);
    }
}

/* Answers all that was asked for on one side, and forgets what comes. */
static void
fail_asks(BerthClipboardShare *self, BerthSelection selection, BerthClipboardStatus status)
{
    Side *side = &self->sides[selection];

    for (int type = BERTH_CLIPBOARD_TEXT; type <= BERTH_N_CLIPBOARD_TYPES; type++) {
        if ((side->waiting_types & BERTH_CLIPBOARD_BIT(type)) != 0) {
            report(self, selection, (BerthClipboardType)type, status, NULL);
        }
    }
}

void
berth_clipboard_share_ask(BerthClipboardShare *self, BerthSelection selection,
                          BerthClipboardType type)
{
    Side *side = &self->sides[selection];

    if ((side->guest_types & BERTH_CLIPBOARD_BIT(type)) == 0) {
        report(self, selection, type, BERTH_CLIPBOARD_GONE, NULL);
        return;
    }
    side->waiting_types |= BERTH_CLIPBOARD_BIT(type);
    ask_next(self, selection);
}

void
berth_clipboard_share_forget(BerthClipboardShare *self, BerthSelection selection)
{
    Side *side = &self->sides[selection];

    side->is_discarding = side->is_asked;
    g_byte_array_set_size(side->received, 0);
    fail_asks(self, selection, BERTH_CLIPBOARD_FAILED);
}

/* What the guest has is another thing now, or nothing. */
static void
set_offer(BerthClipboardShare *self, BerthSelection selection, uint32_t serial, unsigned types)
{
    Side *side = &self->sides[selection];
    bool is_news = types != 0 || side->guest_types != 0;

    side->guest_serial = serial;
    side->guest_types = types;
    side->is_asked = false;
    g_byte_array_set_size(side->received, 0);
    fail_asks(self, selection, BERTH_CLIPBOARD_GONE);
    if (is_news && self->listener.offered != NULL) {
        self->listener.offered(selection, types, self->user_data);
    }
}

static int
take_grab(BerthClipboardShare *self, const uint8_t *payload, size_t len)
{
    BerthMsgClipboardGrab grab;
    int code = berth_msg_clipboard_grab_decode(payload, len, &grab);
    unsigned types = 0;

    if (code != BERTH_OK) {
        return code;
    }
    for (unsigned i = 0; i < grab.n_types; i++) {
        types |= BERTH_CLIPBOARD_BIT(grab.types[i]);
    }
    types &= self->state.types;
    if (types == 0 || !is_allowed(self, BERTH_SHARE_FROM_GUEST)) {
        return BERTH_OK;
    }
    self->sides[grab.selection].own_serial = 0; /* what we had is void */
    self->sides[grab.selection].own_types = 0;
    set_offer(self, (BerthSelection)grab.selection, grab.serial, types);
    return BERTH_OK;
}

static int
take_release(BerthClipboardShare *self, const uint8_t *payload, size_t len)
{
    BerthMsgClipboardRelease message;
    int code = berth_msg_clipboard_release_decode(payload, len, &message);

    if (code == BERTH_OK && self->sides[message.selection].guest_types != 0 &&
        self->sides[message.selection].guest_serial == message.serial) {
        set_offer(self, (BerthSelection)message.selection, 0, 0);
    }
    return code;
}

/* Whether a content is what its type says; what reads it later is not ours. */
static bool
is_well_formed(BerthClipboardType type, const GByteArray *content)
{
    static const uint8_t png[] = { 0x89, 'P', 'N', 'G', 0x0d, 0x0a, 0x1a, 0x0a };

    if (type == BERTH_CLIPBOARD_PNG) {
        return content->len > sizeof png && memcmp(content->data, png, sizeof png) == 0;
    }
    return g_utf8_validate_len((const char *)content->data, content->len, NULL);
}

/* The answer is complete. */
static void
end_answer(BerthClipboardShare *self, BerthSelection selection, BerthClipboardStatus status)
{
    Side *side = &self->sides[selection];
    bool is_wanted = !side->is_discarding;
    g_autoptr(GBytes) content = NULL;

    side->is_asked = false;
    if (is_wanted && status == BERTH_CLIPBOARD_OK && !is_well_formed(side->asked, side->received)) {
        status = BERTH_CLIPBOARD_FAILED;
    }
    if (is_wanted && status == BERTH_CLIPBOARD_OK) {
        content = g_byte_array_free_to_bytes(side->received);
        side->received = g_byte_array_new();
    }
    if (is_wanted) {
        report(self, selection, side->asked, status, content);
    }
    ask_next(self, selection);
}

static int
take_data(BerthClipboardShare *self, const uint8_t *payload, size_t len)
{
    BerthMsgClipboardData piece;
    int code = berth_msg_clipboard_data_decode(payload, len, &piece);
    Side *side;

    if (code != BERTH_OK) {
        return code;
    }
    side = &self->sides[piece.selection];
    if (!side->is_asked || piece.serial != side->guest_serial || piece.type != side->asked) {
        return BERTH_OK; /* not asked for, or not any more */
    }
    if (!side->is_discarding && side->received->len + piece.data_len > max_bytes(self)) {
        side->is_discarding = true;
        g_byte_array_set_size(side->received, 0);
        report(self, (BerthSelection)piece.selection, side->asked, BERTH_CLIPBOARD_TOO_LARGE, NULL);
    }
    if (!side->is_discarding && piece.data_len > 0) {
        g_byte_array_append(side->received, piece.data, (guint)piece.data_len);
    }
    if (piece.is_last) {
        end_answer(self, (BerthSelection)piece.selection, (BerthClipboardStatus)piece.status);
    }
    return BERTH_OK;
}

/* --- both --- */

static int
take_state(BerthClipboardShare *self, const uint8_t *payload, size_t len)
{
    BerthMsgClipboardState state;
    int code = berth_msg_clipboard_state_decode(payload, len, &state);

    if (code != BERTH_OK) {
        return code;
    }
    self->state = state;
    for (int i = 0; i < BERTH_N_SELECTIONS; i++) {
        if ((state.flags & BERTH_SHARE_AGENT) == 0) {
            self->sides[i].own_serial = 0; /* forgotten there: told again when it is back */
        }
        if (!is_allowed(self, BERTH_SHARE_FROM_GUEST)) {
            set_offer(self, (BerthSelection)i, 0, 0);
        }
    }
    announce_news(self);
    return BERTH_OK;
}

int
berth_clipboard_share_take(BerthClipboardShare *self, uint8_t type, const uint8_t *payload,
                           size_t len)
{
    switch (type) {
    case BERTH_MSG_CLIPBOARD_GRAB:
        return take_grab(self, payload, len);
    case BERTH_MSG_CLIPBOARD_REQUEST:
        return take_request(self, payload, len);
    case BERTH_MSG_CLIPBOARD_DATA:
        return take_data(self, payload, len);
    case BERTH_MSG_CLIPBOARD_RELEASE:
        return take_release(self, payload, len);
    case BERTH_MSG_CLIPBOARD_STATE:
        return take_state(self, payload, len);
    default:
        return BERTH_ERR_PROTOCOL;
    }
}

void
berth_clipboard_share_reset(BerthClipboardShare *self)
{
    memset(&self->state, 0, sizeof self->state);
    self->serial = 0;
    for (int i = 0; i < BERTH_N_SELECTIONS; i++) {
        Side *side = &self->sides[i];

        side->own_serial = 0;
        side->n_requests = 0;
        g_clear_pointer(&side->sending, g_bytes_unref);
        set_offer(self, (BerthSelection)i, 0, 0);
    }
}

void
berth_clipboard_share_set_listener(BerthClipboardShare *self,
                                   const BerthClipboardListener *listener, void *user_data)
{
    const BerthClipboardListener nobody = { 0 };

    self->listener = listener != NULL ? *listener : nobody;
    self->user_data = user_data;
    for (int i = 0; i < BERTH_N_SELECTIONS; i++) {
        if (self->sides[i].n_requests > 0 && self->sides[i].sending == NULL) {
            serve(self, (BerthSelection)i); /* the one before will not answer any more */
        }
    }
}

unsigned
berth_clipboard_share_get_flags(const BerthClipboardShare *self)
{
    return self->state.flags;
}

const char *
berth_clipboard_status_sentence(BerthClipboardStatus status)
{
    static const char *const sentences[BERTH_N_CLIPBOARD_STATUS] = {
        [BERTH_CLIPBOARD_OK] = NULL,
        [BERTH_CLIPBOARD_GONE] = N_("what was copied is not there any more; copy it again"),
        [BERTH_CLIPBOARD_REFUSED] =
            N_("copying this way is not allowed here; ask your administrator"),
        [BERTH_CLIPBOARD_TOO_LARGE] = N_("what was copied is too large; copy less at once"),
        [BERTH_CLIPBOARD_FAILED] = N_("what was copied did not come over; copy it again"),
    };

    return status < BERTH_N_CLIPBOARD_STATUS && sentences[status] != NULL ? _(sentences[status])
                                                                          : "";
}

BerthClipboardShare *
berth_clipboard_share_new(BerthShareSendFunc send, void *user_data)
{
    BerthClipboardShare *self = g_new0(BerthClipboardShare, 1);

    self->send = send;
    self->send_data = user_data;
    for (int i = 0; i < BERTH_N_SELECTIONS; i++) {
        self->sides[i].received = g_byte_array_new();
    }
    return self;
}

void
berth_clipboard_share_free(BerthClipboardShare *self)
{
    if (self == NULL) {
        return;
    }
    for (int i = 0; i < BERTH_N_SELECTIONS; i++) {
        g_clear_pointer(&self->sides[i].sending, g_bytes_unref);
        g_byte_array_unref(self->sides[i].received);
    }
    g_free(self);
}
