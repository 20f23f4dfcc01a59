/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/wire/vdagent-parser.h"

#include "display/wire/guest-message.h"

#include "berth/errors.h"
#include "berth/limits.h"

#include <glib.h>
#include <spice/vd_agent.h>
#include <string.h>

#define CHUNK_HEAD_BYTES sizeof(VDIChunkHeader)
#define MESSAGE_HEAD_BYTES sizeof(VDAgentMessage)
/* Of a clipboard content, before its bytes: selection and type. */
#define CLIPBOARD_HEAD_BYTES 8
/* Of a part of a file, before its bytes: the transfer. */
#define FILE_HEAD_BYTES 4
/* An allocation that was needed for one large message is not kept. */
#define KEEP_BYTES (64u * 1024)

/* A message as far as it has come. */
typedef struct {
    uint8_t head[MESSAGE_HEAD_BYTES];
    size_t n_head;
    uint32_t type;
    uint32_t size;
    uint32_t n_body; /* that have come, stored or not */
    bool is_skipped;
    GByteArray *body;
} Assembly;

struct BerthVdagentParser {
    BerthVdagentFunc func;
    void *user_data;
    size_t max_clipboard_bytes;
    int error;
    uint8_t head[CHUNK_HEAD_BYTES];
    size_t n_head;
    uint32_t chunk_left;
    Assembly *assembly; /* of the chunk that is under way */
    Assembly ports[VDP_END_PORT];
};

static uint32_t
read_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

BerthVdagentParser *
berth_vdagent_parser_new(BerthVdagentFunc func, void *user_data)
{
    BerthVdagentParser *self = g_new0(BerthVdagentParser, 1);

    self->func = func;
    self->user_data = user_data;
    for (size_t i = 0; i < G_N_ELEMENTS(self->ports); i++) {
        self->ports[i].body = g_byte_array_new();
    }
    return self;
}

void
berth_vdagent_parser_free(BerthVdagentParser *self)
{
    if (!self) {
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(self->ports); i++) {
        g_byte_array_unref(self->ports[i].body);
    }
    g_free(self);
}

void
berth_vdagent_parser_set_clipboard_bytes(BerthVdagentParser *self, size_t max_bytes)
{
    self->max_clipboard_bytes = max_bytes;
}

static size_t
get_limit(const BerthVdagentParser *self, uint32_t type)
{
    if (type == VD_AGENT_CLIPBOARD) {
        return CLIPBOARD_HEAD_BYTES + self->max_clipboard_bytes;
    }
    if (type == BERTH_GUEST_FILE_DATA) {
        return FILE_HEAD_BYTES + BERTH_LIMIT_SHARE_DATA_BYTES;
    }
    return type < VD_AGENT_END_MESSAGE || berth_guest_type_is_known(type)
               ? BERTH_LIMIT_VDAGENT_MESSAGE_BYTES
               : 0;
}

/* The header of a message is complete. */
static int
begin_message(BerthVdagentParser *self, Assembly *assembly)
{
    if (read_u32(assembly->head) != VD_AGENT_PROTOCOL) {
        return BERTH_ERR_PROTOCOL;
    }
    assembly->type = read_u32(assembly->head + G_STRUCT_OFFSET(VDAgentMessage, type));
    assembly->size = read_u32(assembly->head + G_STRUCT_OFFSET(VDAgentMessage, size));
    assembly->n_body = 0;
    assembly->is_skipped = assembly->size > get_limit(self, assembly->type);
    return BERTH_OK;
}

static void
end_message(BerthVdagentParser *self, Assembly *assembly)
{
    static const uint8_t nothing[1] = { 0 };
    const BerthVdagentMessage message = {
        .type = assembly->type,
        .data = assembly->body->len > 0 ? assembly->body->data : nothing,
        .len = assembly->body->len,
        .is_skipped = assembly->is_skipped,
    };

    assembly->n_head = 0;
    self->func(&message, self->user_data);
    if (assembly->body->len > KEEP_BYTES) {
        g_byte_array_unref(assembly->body);
        assembly->body = g_byte_array_new();
    }
    g_byte_array_set_size(assembly->body, 0);
}

/* Bytes of a chunk that are the head of a message; returns how many it took, below 0 on error. */
static ssize_t
take_message_head(BerthVdagentParser *self, Assembly *assembly, const uint8_t *data, size_t len)
{
    size_t n = MIN(len, MESSAGE_HEAD_BYTES - assembly->n_head);
    int r = BERTH_OK;

    memcpy(assembly->head + assembly->n_head, data, n);
    assembly->n_head += n;
    if (assembly->n_head == MESSAGE_HEAD_BYTES) {
        r = begin_message(self, assembly);
    }
    return r < 0 ? r : (ssize_t)n;
}

static size_t
take_message_body(Assembly *assembly, const uint8_t *data, size_t len)
{
    size_t n = MIN(len, assembly->size - assembly->n_body);
    size_t n_kept = n;

    if (assembly->is_skipped) {
        n_kept = MIN(n, BERTH_VDAGENT_KEPT_BYTES - assembly->body->len);
    }
    g_byte_array_append(assembly->body, data, (guint)n_kept);
    assembly->n_body += (uint32_t)n;
    return n;
}

/* Bytes of the chunk that is under way; a message may begin and end anywhere in it. */
static int
take_chunk(BerthVdagentParser *self, const uint8_t *data, size_t len)
{
    Assembly *assembly = self->assembly;

    while (len > 0) {
        ssize_t n = assembly->n_head < MESSAGE_HEAD_BYTES
                        ? take_message_head(self, assembly, data, len)
                        : (ssize_t)take_message_body(assembly, data, len);

        if (n < 0) {
            return (int)n;
        }
        data += n;
        len -= (size_t)n;
        if (assembly->n_head == MESSAGE_HEAD_BYTES && assembly->n_body == assembly->size) {
            end_message(self, assembly);
        }
    }
    return BERTH_OK;
}

static int
begin_chunk(BerthVdagentParser *self)
{
    uint32_t port = read_u32(self->head);

    self->n_head = 0;
    self->chunk_left = read_u32(self->head + G_STRUCT_OFFSET(VDIChunkHeader, size));
    if (port < VDP_CLIENT_PORT || port >= VDP_END_PORT || self->chunk_left == 0) {
        return BERTH_ERR_PROTOCOL;
    }
    self->assembly = &self->ports[port];
    return BERTH_OK;
}

/* Takes some of the bytes; returns how many, below 0 on error. */
static ssize_t
take(BerthVdagentParser *self, const uint8_t *data, size_t len)
{
    size_t n;
    int r = BERTH_OK;

    if (self->chunk_left > 0) {
        n = MIN(len, self->chunk_left);
        self->chunk_left -= (uint32_t)n;
        r = take_chunk(self, data, n);
        return r < 0 ? r : (ssize_t)n;
    }
    n = MIN(len, CHUNK_HEAD_BYTES - self->n_head);
    memcpy(self->head + self->n_head, data, n);
    self->n_head += n;
    if (self->n_head == CHUNK_HEAD_BYTES) {
        r = begin_chunk(self);
    }
    return r < 0 ? r : (ssize_t)n;
}

int
berth_vdagent_parser_feed(BerthVdagentParser *self, const uint8_t *data, size_t len)
{
    while (len > 0 && self->error == BERTH_OK) {
        ssize_t n = take(self, data, len);

        if (n < 0) {
            self->error = (int)n;
            break;
        }
        data += n;
        len -= (size_t)n;
    }
    return self->error;
}
