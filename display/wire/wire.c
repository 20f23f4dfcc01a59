/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Input: header and payload of the fragment under way are gathered in one buffer.  A fragment that
 * is a whole message is given out from there (or straight from the caller's bytes when it lies
 * there complete); others are joined in a buffer of their channel.  So a peer can make us hold one
 * fragment, and for each channel at most the limit in the row of the message it began, of which
 * every byte was really sent.
 *
 * Output: one queue of messages a channel.  Fragments are cut only when the stage, one TLS record,
 * is empty, so a key press never waits behind more than 16 KiB.
 */
#include "display/wire/wire.h"

#include "base/error.h"
#include "berth/limits.h"

#include <string.h>

#define HEADER_BYTES BERTH_PROTOCOL_HEADER_BYTES
#define STAGE_BYTES 16384u
/* A fragment is cut to fill up a stage only if that much of it fits. */
#define MIN_CUT_BYTES 4096u
/* Joining buffers up to this size are kept for the next message. */
#define KEPT_BUFFER_BYTES (1024u * 1024)
#define ERROR_TEXT_CHARS 160

/* Where the joined bytes of one channel are. */
typedef struct {
    uint8_t *data;
    size_t len, cap;
    const BerthMessageRow *row; /* of the message under way, NULL if none is */
} Assembly;

typedef struct {
    uint8_t type;
    uint8_t *payload;
    size_t len;
    size_t pos; /* bytes that left already */
} Outgoing;

typedef struct {
    GQueue messages; /* of Outgoing* */
    size_t n_bytes;  /* payload that has not left */
} OutQueue;

typedef struct {
    uint8_t channel, type;
    uint16_t flags;
    uint32_t length;
} Header;

struct BerthWire {
    BerthWireRole role;
    BerthWireState state;
    const BerthWireCallbacks *callbacks;
    void *user_data;
    int error;
    char error_text[ERROR_TEXT_CHARS];

    uint8_t in[HEADER_BYTES + BERTH_LIMIT_FRAGMENT_BYTES];
    size_t in_len;
    Assembly assemblies[BERTH_N_CHANNELS];
    uint64_t bytes_in;
    size_t preauth_bytes; /* of complete fragments before BERTH_WIRE_OPEN */

    OutQueue queues[BERTH_N_CHANNELS];
    size_t queued_bytes; /* of all queues */
    size_t n_queued;     /* messages of all queues */
    uint8_t last_channel[BERTH_N_PRIORITIES];
    uint8_t stage[STAGE_BYTES];
    size_t stage_len, stage_pos;
    uint64_t bytes_out;
};

/* One class a channel; the test of the table compares its rows with this. */
static const uint8_t channel_priorities[BERTH_N_CHANNELS] = {
    [BERTH_CHANNEL_CONTROL] = BERTH_PRIORITY_CONTROL,
    [BERTH_CHANNEL_DISPLAY] = BERTH_PRIORITY_DISPLAY,
    [BERTH_CHANNEL_CURSOR] = BERTH_PRIORITY_INPUT,
    [BERTH_CHANNEL_INPUT] = BERTH_PRIORITY_INPUT,
    [BERTH_CHANNEL_AUDIO_OUT] = BERTH_PRIORITY_AUDIO,
    [BERTH_CHANNEL_AUDIO_IN] = BERTH_PRIORITY_AUDIO,
    [BERTH_CHANNEL_CLIPBOARD] = BERTH_PRIORITY_BULK,
    [BERTH_CHANNEL_FILES] = BERTH_PRIORITY_BULK,
    [BERTH_CHANNEL_USB] = BERTH_PRIORITY_BULK,
    [BERTH_CHANNEL_APPS] = BERTH_PRIORITY_INPUT,
};

static BerthWireRole
other_role(BerthWireRole role)
{
    return role == BERTH_WIRE_CLIENT ? BERTH_WIRE_SESSION : BERTH_WIRE_CLIENT;
}

static int fail(BerthWire *self, int code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Makes the error sticky; the first one stays. */
static int
fail(BerthWire *self, int code, const char *format, ...)
{
    va_list args;
    if (self->error == BERTH_OK) {
        self->error = code;
        va_start(args, format);
        g_vsnprintf(self->error_text, sizeof self->error_text, format, args);
        va_end(args);
    }
    return self->error;
}

static void
outgoing_free(Outgoing *message)
{
    g_free(message->payload);
    g_free(message);
}

BerthWire *
berth_wire_new(BerthWireRole role, const BerthWireCallbacks *callbacks, void *user_data)
{
    BerthWire *self = g_new0(BerthWire, 1);
    self->role = role;
    self->callbacks = callbacks;
    self->user_data = user_data;
    for (int i = 0; i < BERTH_N_CHANNELS; i++) {
        g_queue_init(&self->queues[i].messages);
    }
    return self;
}

void
berth_wire_free(BerthWire *self)
{
    if (self == NULL) {
        return;
    }
    for (int i = 0; i < BERTH_N_CHANNELS; i++) {
        g_queue_clear_full(&self->queues[i].messages, (GDestroyNotify)outgoing_free);
        g_free(self->assemblies[i].data);
    }
    g_free(self);
}

/* --- input --- */

static Header
parse_header(const uint8_t bytes[HEADER_BYTES])
{
    Header header;
    header.channel = bytes[0];
    header.type = bytes[1];
    header.flags = (uint16_t)(bytes[2] | bytes[3] << 8);
    header.length = (uint32_t)bytes[4] | (uint32_t)bytes[5] << 8 | (uint32_t)bytes[6] << 16 |
                    (uint32_t)bytes[7] << 24;
    return header;
}

/* Checks who may send the message and when; sets *ret_row. */
static int
check_row(BerthWire *self, const Header *header, const BerthMessageRow **ret_row)
{
    const BerthMessageRow *row = berth_message_table_find(header->channel, header->type);
    if (row == NULL) {
        return fail(self, BERTH_ERR_PROTOCOL, "there is no message %u on channel %u", header->type,
                    header->channel);
    }
    if ((row->senders & BERTH_SENT_BY(other_role(self->role))) == 0) {
        return fail(self, BERTH_ERR_PROTOCOL, "%s came from the wrong side", row->name);
    }
    if (self->state == BERTH_WIRE_CLOSED) {
        return fail(self, BERTH_ERR_CLOSED, "%s came after the end", row->name);
    }
    if ((row->states & BERTH_IN_STATE(self->state)) == 0) {
        return fail(self, BERTH_ERR_PROTOCOL, "%s came in state %s", row->name,
                    berth_wire_state_name(self->state));
    }
    *ret_row = row;
    return BERTH_OK;
}

/*
 * Counts whole fragments, as their headers announce them, so that the outcome does not depend on
 * how the stream is split; bytes behind the last message before OPEN belong to what follows.
 */
static int
check_preauth(BerthWire *self, const Header *header)
{
    if (self->state == BERTH_WIRE_OPEN) {
        return BERTH_OK;
    }
    if (self->preauth_bytes + HEADER_BYTES + header->length > BERTH_LIMIT_PREAUTH_BYTES) {
        return fail(self, BERTH_ERR_TOO_LARGE,
                    "more than %u bytes came before authentication was over",
                    BERTH_LIMIT_PREAUTH_BYTES);
    }
    return BERTH_OK;
}

/* Checks flags and order: how the fragment fits to what came before it on its channel. */
static int
check_order(BerthWire *self, const Header *header, const BerthMessageRow *row)
{
    const Assembly *assembly = &self->assemblies[header->channel];
    bool has_more = (header->flags & BERTH_FLAG_MORE) != 0;
    if ((header->flags & ~BERTH_FLAG_MORE) != 0) {
        return fail(self, BERTH_ERR_PROTOCOL, "%s has unknown flags 0x%04x", row->name,
                    header->flags);
    }
    if (assembly->row != NULL && assembly->row != row) {
        return fail(self, BERTH_ERR_PROTOCOL, "%s came in the middle of %s", row->name,
                    assembly->row->name);
    }
    if (has_more && (self->state != BERTH_WIRE_OPEN || header->length == 0)) {
        return fail(self, BERTH_ERR_PROTOCOL, "%s is cut where that is not allowed", row->name);
    }
    return BERTH_OK;
}

/* Checks the lengths of fragment and message; nothing is allocated before. */
static int
check_length(BerthWire *self, const Header *header, const BerthMessageRow *row)
{
    size_t total = self->assemblies[header->channel].len + header->length;
    bool has_more = (header->flags & BERTH_FLAG_MORE) != 0;
    if (header->length > BERTH_LIMIT_FRAGMENT_BYTES) {
        return fail(self, BERTH_ERR_TOO_LARGE, "a fragment of %s has %u bytes", row->name,
                    header->length);
    }
    if (total > row->max_bytes) {
        return fail(self, BERTH_ERR_TOO_LARGE, "%s has more than %u bytes", row->name,
                    row->max_bytes);
    }
    if (!has_more && total < row->min_bytes) {
        return fail(self, BERTH_ERR_TRUNCATED, "%s has only %zu bytes", row->name, total);
    }
    return check_preauth(self, header);
}

/* Checks a fragment before its payload is waited for; sets *ret_row. */
static int
check_header(BerthWire *self, const Header *header, const BerthMessageRow **ret_row)
{
    int r = check_row(self, header, ret_row);
    if (r == BERTH_OK) {
        r = check_order(self, header, *ret_row);
    }
    return r == BERTH_OK ? check_length(self, header, *ret_row) : r;
}

/* Appends a fragment to the message of its channel. */
static void
assembly_append(Assembly *self, const BerthMessageRow *row, const uint8_t *data, size_t n)
{
    self->row = row;
    if (self->cap - self->len < n) {
        size_t wanted = MAX(self->len + n, MIN(self->cap * 2, row->max_bytes));
        self->data = g_realloc(self->data, wanted);
        self->cap = wanted;
    }
    memcpy(self->data + self->len, data, n);
    self->len += n;
}

static void
assembly_reset(Assembly *self)
{
    self->row = NULL;
    self->len = 0;
    if (self->cap > KEPT_BUFFER_BYTES) {
        g_clear_pointer(&self->data, g_free);
        self->cap = 0;
    }
}

static int
give_out(BerthWire *self, const Header *header, const uint8_t *payload, size_t len)
{
    int r = self->callbacks->message((BerthChannel)header->channel, header->type, payload, len,
                                     self->user_data);
    if (r < 0) {
        const BerthMessageRow *row = berth_message_table_find(header->channel, header->type);
        return fail(self, r, "%s was refused: %s", row->name, berth_error_sentence(r));
    }
    return self->error;
}

/* Takes a complete, checked fragment. */
static int
take_fragment(BerthWire *self, const Header *header, const BerthMessageRow *row,
              const uint8_t *payload)
{
    Assembly *assembly = &self->assemblies[header->channel];
    bool has_more = (header->flags & BERTH_FLAG_MORE) != 0;
    if (self->state != BERTH_WIRE_OPEN) {
        self->preauth_bytes += HEADER_BYTES + header->length;
    }
    if (!has_more && assembly->row == NULL) {
        return give_out(self, header, payload, header->length);
    }
    assembly_append(assembly, row, payload, header->length);
    if (has_more) {
        return BERTH_OK;
    }
    int r = give_out(self, header, assembly->data, assembly->len);
    assembly_reset(assembly);
    return r;
}

/*
 * Takes one fragment from contiguous bytes.  ret_used: bytes consumed, 0 if it is not complete.
 * The header is checked as soon as it is there, so nothing is waited for that will be refused.
 */
static int
take_bytes(BerthWire *self, const uint8_t *data, size_t len, size_t *ret_used)
{
    const BerthMessageRow *row = NULL;
    *ret_used = 0;
    if (len < HEADER_BYTES) {
        return BERTH_OK;
    }
    Header header = parse_header(data);
    int r = check_header(self, &header, &row);
    if (r < 0 || len - HEADER_BYTES < header.length) {
        return r;
    }
    *ret_used = HEADER_BYTES + header.length;
    return take_fragment(self, &header, row, data + HEADER_BYTES);
}

/* Adds bytes to the fragment in self->in until its header or all of it is there. */
static size_t
gather(BerthWire *self, const uint8_t *data, size_t len)
{
    size_t wanted = HEADER_BYTES;
    if (self->in_len >= HEADER_BYTES) {
        wanted += parse_header(self->in).length;
    }
    size_t n = MIN(wanted - self->in_len, len);
    memcpy(self->in + self->in_len, data, n);
    self->in_len += n;
    return n;
}

/* Goes on with the fragment in self->in.  ret_n: bytes of data that went into it. */
static int
feed_gathered(BerthWire *self, const uint8_t *data, size_t len, size_t *ret_n)
{
    size_t used;
    *ret_n = gather(self, data, len);
    int r = take_bytes(self, self->in, self->in_len, &used);
    if (used > 0) {
        self->in_len = 0;
    }
    return r;
}

/* Consumes some of the bytes.  ret_n: how many, at least 1 unless an error is returned. */
static int
feed_some(BerthWire *self, const uint8_t *data, size_t len, size_t *ret_n)
{
    int r = BERTH_OK;
    *ret_n = 0;
    if (self->in_len == 0) {
        r = take_bytes(self, data, len, ret_n);
    }
    if (r == BERTH_OK && *ret_n == 0) {
        r = feed_gathered(self, data, len, ret_n);
    }
    return r;
}

int
berth_wire_feed(BerthWire *self, const uint8_t *data, size_t len)
{
    size_t pos = 0;
    while (pos < len && self->error == BERTH_OK) {
        size_t n;
        feed_some(self, data + pos, len - pos, &n);
        self->bytes_in += n;
        pos += n;
    }
    return self->error;
}

/* --- output --- */

static int
check_outgoing(BerthWire *self, BerthChannel channel, uint8_t type, size_t len)
{
    const BerthMessageRow *row = berth_message_table_find((uint8_t)channel, type);
    if (row == NULL || (row->senders & BERTH_SENT_BY(self->role)) == 0) {
        return BERTH_ERR_INVALID;
    }
    if (self->state == BERTH_WIRE_CLOSED || (row->states & BERTH_IN_STATE(self->state)) == 0) {
        return BERTH_ERR_STATE;
    }
    if (len < row->min_bytes || len > row->max_bytes) {
        return BERTH_ERR_TOO_LARGE;
    }
    /* Control is let through: a stalled peer can still be told why it ends. */
    size_t cost_bytes =
        self->queued_bytes + len + (self->n_queued + 1) * BERTH_LIMIT_OUTPUT_MESSAGE_COST_BYTES;
    if (channel != BERTH_CHANNEL_CONTROL && cost_bytes > BERTH_LIMIT_OUTPUT_QUEUE_BYTES) {
        return BERTH_ERR_TOO_LARGE;
    }
    return BERTH_OK;
}

int
berth_wire_send_owned(BerthWire *self, BerthChannel channel, uint8_t type, uint8_t *payload,
                      size_t len)
{
    int r = check_outgoing(self, channel, type, len);
    if (r < 0) {
        g_free(payload);
        return r;
    }
    Outgoing *message = g_new0(Outgoing, 1);
    message->type = type;
    message->payload = payload;
    message->len = len;
    g_queue_push_tail(&self->queues[channel].messages, message);
    self->queues[channel].n_bytes += len;
    self->queued_bytes += len;
    self->n_queued++;
    return BERTH_OK;
}

int
berth_wire_send(BerthWire *self, BerthChannel channel, uint8_t type, const uint8_t *payload,
                size_t len)
{
    int r = check_outgoing(self, channel, type, len);
    if (r < 0) {
        return r;
    }
    return berth_wire_send_owned(self, channel, type, g_memdup2(payload, len), len);
}

/* Finds the channel whose turn it is in a class; -1 if none has anything to send. */
static int
next_channel_of(const BerthWire *self, BerthPriority priority)
{
    for (int i = 1; i <= BERTH_N_CHANNELS; i++) {
        int channel = (self->last_channel[priority] + i) % BERTH_N_CHANNELS;
        if (channel_priorities[channel] == priority &&
            !g_queue_is_empty((GQueue *)&self->queues[channel].messages)) {
            return channel;
        }
    }
    return -1;
}

/* After the end only what control has to say still leaves: BYE. */
static int
next_channel(const BerthWire *self)
{
    int n_priorities = self->state == BERTH_WIRE_CLOSED ? 1 : BERTH_N_PRIORITIES;
    for (int priority = 0; priority < n_priorities; priority++) {
        int channel = next_channel_of(self, (BerthPriority)priority);
        if (channel >= 0) {
            return channel;
        }
    }
    return -1;
}

static void
put_header(uint8_t *out, const Header *header)
{
    out[0] = header->channel;
    out[1] = header->type;
    out[2] = (uint8_t)header->flags;
    out[3] = (uint8_t)(header->flags >> 8);
    out[4] = (uint8_t)header->length;
    out[5] = (uint8_t)(header->length >> 8);
    out[6] = (uint8_t)(header->length >> 16);
    out[7] = (uint8_t)(header->length >> 24);
}

/* Bytes of the message that its next fragment carries in the room that is left; -1: none now. */
static ssize_t
plan_fragment(const BerthWire *self, const Outgoing *message)
{
    size_t left = message->len - message->pos;
    size_t room = STAGE_BYTES - self->stage_len;
    if (room < HEADER_BYTES) {
        return -1;
    }
    room -= HEADER_BYTES;
    if (left <= room) {
        return (ssize_t)left;
    }
    return self->stage_len == 0 || room >= MIN_CUT_BYTES ? (ssize_t)MIN(left, room) : -1;
}

/* Cuts one fragment into the stage; false if it does not fit or nothing waits. */
static bool
stage_fragment(BerthWire *self)
{
    int channel = next_channel(self);
    if (channel < 0) {
        return false;
    }
    OutQueue *queue = &self->queues[channel];
    Outgoing *message = g_queue_peek_head(&queue->messages);
    ssize_t planned = plan_fragment(self, message);
    if (planned < 0) {
        return false;
    }
    size_t n = (size_t)planned;
    bool has_more = message->pos + n < message->len;
    Header header = { (uint8_t)channel, message->type, has_more ? BERTH_FLAG_MORE : 0,
                      (uint32_t)n };
    put_header(self->stage + self->stage_len, &header);
    if (n > 0) {
        memcpy(self->stage + self->stage_len + HEADER_BYTES, message->payload + message->pos, n);
    }
    self->stage_len += HEADER_BYTES + n;
    message->pos += n;
    queue->n_bytes -= n;
    self->queued_bytes -= n;
    self->last_channel[channel_priorities[channel]] = (uint8_t)channel;
    if (!has_more) {
        outgoing_free(g_queue_pop_head(&queue->messages));
        self->n_queued--;
    }
    return true;
}

size_t
berth_wire_peek_output(BerthWire *self, const uint8_t **ret_data)
{
    if (self->stage_pos == self->stage_len) {
        self->stage_pos = self->stage_len = 0;
        while (stage_fragment(self)) {
        }
    }
    *ret_data = self->stage + self->stage_pos;
    return self->stage_len - self->stage_pos;
}

void
berth_wire_consume_output(BerthWire *self, size_t n_bytes)
{
    g_assert(n_bytes <= self->stage_len - self->stage_pos);
    self->stage_pos += n_bytes;
    self->bytes_out += n_bytes;
}

/* --- state and questions --- */

void
berth_wire_set_state(BerthWire *self, BerthWireState state)
{
    self->state = state;
}

BerthWireState
berth_wire_get_state(const BerthWire *self)
{
    return self->state;
}

BerthWireRole
berth_wire_get_role(const BerthWire *self)
{
    return self->role;
}

size_t
berth_wire_get_queued_bytes(const BerthWire *self, int channel)
{
    if (channel == BERTH_ALL_CHANNELS) {
        return self->queued_bytes + (self->stage_len - self->stage_pos);
    }
    g_assert(channel >= 0 && channel < BERTH_N_CHANNELS);
    return self->queues[channel].n_bytes;
}

bool
berth_wire_has_output(const BerthWire *self)
{
    return self->stage_pos < self->stage_len || next_channel(self) >= 0;
}

uint64_t
berth_wire_get_bytes_in(const BerthWire *self)
{
    return self->bytes_in;
}

uint64_t
berth_wire_get_bytes_out(const BerthWire *self)
{
    return self->bytes_out;
}

int
berth_wire_get_error(const BerthWire *self, const char **ret_text)
{
    *ret_text = self->error_text;
    return self->error;
}
