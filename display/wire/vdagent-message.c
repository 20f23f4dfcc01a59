/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/wire/vdagent-message.h"

#include "base/bytes-reader.h"
#include "berth/errors.h"

#include <glib.h>
#include <spice/vd_agent.h>
#include <string.h>

#define CHUNK_HEAD_BYTES sizeof(VDIChunkHeader)
#define MESSAGE_HEAD_BYTES sizeof(VDAgentMessage)
/* A small message with its head is one chunk. */
#define HEAD_MAX_BYTES 1024
#define FILE_HEAD_BYTES 12
/* More than left and right an agent does not set. */
#define VOLUME_CHANNELS 2
#define COLOR_BITS 32

#define CAP(name) (1u << VD_AGENT_CAP_##name)

const uint32_t berth_vdagent_session_caps =
    CAP(MONITORS_CONFIG) | CAP(REPLY) | CAP(CLIPBOARD_BY_DEMAND) | CAP(CLIPBOARD_SELECTION) |
    CAP(SPARSE_MONITORS_CONFIG) | CAP(MONITORS_CONFIG_POSITION) | CAP(FILE_XFER_DETAILED_ERRORS) |
    CAP(CLIPBOARD_NO_RELEASE_ON_REGRAB) | CAP(CLIPBOARD_GRAB_SERIAL);

/* ---- chunks ---- */

size_t
berth_vdagent_get_wire_bytes(size_t body_bytes)
{
    size_t n = MESSAGE_HEAD_BYTES + body_bytes;
    size_t n_chunks = (n + VD_AGENT_MAX_DATA_SIZE - 1) / VD_AGENT_MAX_DATA_SIZE;

    return n + n_chunks * CHUNK_HEAD_BYTES;
}

/* Appends bytes of one message, beginning a chunk wherever one is full. */
static void
put_chunked(BerthWriter *writer, const uint8_t *data, size_t len, size_t *left_in_chunk,
            size_t *left_in_message)
{
    while (len > 0) {
        size_t n;

        if (*left_in_chunk == 0) {
            *left_in_chunk = MIN(*left_in_message, VD_AGENT_MAX_DATA_SIZE);
            berth_writer_put_u32(writer, VDP_CLIENT_PORT);
            berth_writer_put_u32(writer, (uint32_t)*left_in_chunk);
        }
        n = MIN(len, *left_in_chunk);
        berth_writer_put_bytes(writer, data, n);
        data += n;
        len -= n;
        *left_in_chunk -= n;
        *left_in_message -= n;
    }
}

/* One message of two parts; head: cleared. */
static void
put_message(BerthWriter *writer, uint32_t type, BerthWriter *head, const uint8_t *body,
            size_t body_len)
{
    BerthWriter first;
    size_t left_in_message = MESSAGE_HEAD_BYTES + head->len + body_len;
    size_t left_in_chunk = 0;

    berth_writer_init(&first, MESSAGE_HEAD_BYTES + HEAD_MAX_BYTES);
    berth_writer_put_u32(&first, VD_AGENT_PROTOCOL);
    berth_writer_put_u32(&first, type);
    berth_writer_put_u64(&first, 0);
    berth_writer_put_u32(&first, (uint32_t)(head->len + body_len));
    berth_writer_put_bytes(&first, head->data, head->len);
    put_chunked(writer, first.data, first.len, &left_in_chunk, &left_in_message);
    put_chunked(writer, body, body_len, &left_in_chunk, &left_in_message);
    berth_writer_clear(&first);
    berth_writer_clear(head);
}

void
berth_vdagent_write_body(BerthWriter *writer, uint32_t type, const uint8_t *body, size_t len)
{
    BerthWriter head;

    berth_writer_init(&head, HEAD_MAX_BYTES);
    put_message(writer, type, &head, body, len);
}

/* ---- capabilities ---- */

void
berth_vdagent_write_caps(BerthWriter *writer, uint32_t bits, bool wants_answer)
{
    BerthWriter head;

    berth_writer_init(&head, HEAD_MAX_BYTES);
    berth_writer_put_u32(&head, wants_answer);
    berth_writer_put_u32(&head, bits);
    put_message(writer, VD_AGENT_ANNOUNCE_CAPABILITIES, &head, NULL, 0);
}

int
berth_vdagent_read_caps(const uint8_t *data, size_t len, BerthVdagentCaps *ret)
{
    BerthReader reader;
    BerthVdagentCaps caps;

    berth_reader_init(&reader, data, len);
    caps.wants_answer = berth_reader_get_u32(&reader) != 0;
    caps.bits = berth_reader_get_u32(&reader);
    if (reader.error == BERTH_OK) {
        *ret = caps;
    }
    return reader.error;
}

/* ---- clipboard ---- */

static void
begin_clip(BerthWriter *head, uint32_t caps, uint8_t selection)
{
    berth_writer_init(head, HEAD_MAX_BYTES);
    if (berth_vdagent_has(caps, VD_AGENT_CAP_CLIPBOARD_SELECTION)) {
        berth_writer_put_u32(head, selection);
    }
}

static uint8_t
get_selection(BerthReader *reader, uint32_t caps)
{
    uint8_t selection = 0;

    if (berth_vdagent_has(caps, VD_AGENT_CAP_CLIPBOARD_SELECTION)) {
        selection = berth_reader_get_u8(reader);
        (void)berth_reader_get_u8(reader);
        (void)berth_reader_get_u16(reader);
    }
    return selection;
}

void
berth_vdagent_write_grab(BerthWriter *writer, uint32_t caps, const BerthVdagentGrab *grab)
{
    BerthWriter head;

    begin_clip(&head, caps, grab->selection);
    if (berth_vdagent_has(caps, VD_AGENT_CAP_CLIPBOARD_GRAB_SERIAL)) {
        berth_writer_put_u32(&head, grab->serial);
    }
    for (uint32_t type = 0; type < 32; type++) {
        if (grab->types >> type & 1) {
            berth_writer_put_u32(&head, type);
        }
    }
    put_message(writer, VD_AGENT_CLIPBOARD_GRAB, &head, NULL, 0);
}

int
berth_vdagent_read_grab(const uint8_t *data, size_t len, uint32_t caps, BerthVdagentGrab *ret)
{
    BerthReader reader;
    BerthVdagentGrab grab = { 0 };

    berth_reader_init(&reader, data, len);
    grab.selection = get_selection(&reader, caps);
    if (berth_vdagent_has(caps, VD_AGENT_CAP_CLIPBOARD_GRAB_SERIAL)) {
        grab.serial = berth_reader_get_u32(&reader);
    }
    while (berth_reader_remaining(&reader) >= sizeof(uint32_t)) {
        uint32_t type = berth_reader_get_u32(&reader);

        grab.types |= type < 32 ? 1u << type : 0;
    }
    if (reader.error == BERTH_OK) {
        *ret = grab;
    }
    return reader.error;
}

void
berth_vdagent_write_request(BerthWriter *writer, uint32_t caps, const BerthVdagentClip *clip)
{
    BerthWriter head;

    begin_clip(&head, caps, clip->selection);
    berth_writer_put_u32(&head, clip->type);
    put_message(writer, VD_AGENT_CLIPBOARD_REQUEST, &head, NULL, 0);
}

void
berth_vdagent_write_release(BerthWriter *writer, uint32_t caps, uint8_t selection)
{
    BerthWriter head;

    begin_clip(&head, caps, selection);
    put_message(writer, VD_AGENT_CLIPBOARD_RELEASE, &head, NULL, 0);
}

void
berth_vdagent_write_content(BerthWriter *writer, uint32_t caps, const BerthVdagentClip *clip)
{
    BerthWriter head;

    begin_clip(&head, caps, clip->selection);
    berth_writer_put_u32(&head, clip->type);
    put_message(writer, VD_AGENT_CLIPBOARD, &head, clip->data, clip->len);
}

int
berth_vdagent_read_clip(const uint8_t *data, size_t len, uint32_t caps, BerthVdagentClip *ret)
{
    BerthReader reader;
    BerthVdagentClip clip;

    berth_reader_init(&reader, data, len);
    clip.selection = get_selection(&reader, caps);
    clip.type = berth_reader_get_u32(&reader);
    clip.len = berth_reader_remaining(&reader);
    clip.data = berth_reader_get_bytes_direct(&reader, clip.len);
    if (reader.error == BERTH_OK) {
        *ret = clip;
    }
    return reader.error;
}

/* The Linux agent leaves the padding out when its user logs off. */
int
berth_vdagent_read_release(const uint8_t *data, size_t len, uint32_t caps, uint8_t *ret)
{
    bool has_selection = berth_vdagent_has(caps, VD_AGENT_CAP_CLIPBOARD_SELECTION);

    if (has_selection && len == 0) {
        return BERTH_ERR_TRUNCATED;
    }
    *ret = has_selection ? data[0] : 0;
    return BERTH_OK;
}

/* ---- files ---- */

static char *
dup_file_head(const char *name, uint64_t size_bytes)
{
    g_autoptr(GKeyFile) file = g_key_file_new();

    g_key_file_set_string(file, "vdagent-file-xfer", "name", name);
    g_key_file_set_uint64(file, "vdagent-file-xfer", "size", size_bytes);
    return g_key_file_to_data(file, NULL, NULL);
}

void
berth_vdagent_write_file_start(BerthWriter *writer, uint32_t id, const char *name,
                               uint64_t size_bytes)
{
    g_autofree char *text = dup_file_head(name, size_bytes);
    BerthWriter head;

    berth_writer_init(&head, HEAD_MAX_BYTES);
    berth_writer_put_u32(&head, id);
    /* With its end: agents read it as a string. */
    put_message(writer, VD_AGENT_FILE_XFER_START, &head, (const uint8_t *)text, strlen(text) + 1);
}

void
berth_vdagent_write_file_data(BerthWriter *writer, uint32_t id, const uint8_t *data, size_t len)
{
    BerthWriter head;

    berth_writer_init(&head, FILE_HEAD_BYTES);
    berth_writer_put_u32(&head, id);
    berth_writer_put_u64(&head, len);
    put_message(writer, VD_AGENT_FILE_XFER_DATA, &head, data, len);
}

void
berth_vdagent_write_file_cancel(BerthWriter *writer, uint32_t id)
{
    BerthWriter head;

    berth_writer_init(&head, HEAD_MAX_BYTES);
    berth_writer_put_u32(&head, id);
    berth_writer_put_u32(&head, VD_AGENT_FILE_XFER_STATUS_CANCELLED);
    put_message(writer, VD_AGENT_FILE_XFER_STATUS, &head, NULL, 0);
}

int
berth_vdagent_read_file_status(const uint8_t *data, size_t len, BerthVdagentFileStatus *ret)
{
    BerthReader reader;
    BerthVdagentFileStatus status;

    berth_reader_init(&reader, data, len);
    status.id = berth_reader_get_u32(&reader);
    status.result = berth_reader_get_u32(&reader);
    if (reader.error == BERTH_OK) {
        *ret = status;
    }
    return reader.error;
}

/* ---- monitors ---- */

void
berth_vdagent_write_monitors(BerthWriter *writer, uint32_t caps,
                             const BerthVdagentMonitor *monitors, unsigned n_monitors)
{
    bool has_places = berth_vdagent_has(caps, VD_AGENT_CAP_MONITORS_CONFIG_POSITION);
    BerthWriter head;

    berth_writer_init(&head, HEAD_MAX_BYTES);
    berth_writer_put_u32(&head, n_monitors);
    berth_writer_put_u32(&head, has_places ? VD_AGENT_CONFIG_MONITORS_FLAG_USE_POS : 0);
    for (unsigned i = 0; i < n_monitors; i++) {
        berth_writer_put_u32(&head, monitors[i].h);
        berth_writer_put_u32(&head, monitors[i].w);
        berth_writer_put_u32(&head, COLOR_BITS);
        berth_writer_put_u32(&head, monitors[i].x);
        berth_writer_put_u32(&head, monitors[i].y);
    }
    put_message(writer, VD_AGENT_MONITORS_CONFIG, &head, NULL, 0);
}

void
berth_vdagent_write_volume(BerthWriter *writer, unsigned percent, bool is_muted)
{
    uint16_t volume = (uint16_t)(MIN(percent, 100) * UINT16_MAX / 100);
    BerthWriter head;

    berth_writer_init(&head, HEAD_MAX_BYTES);
    berth_writer_put_u8(&head, 1); /* it plays */
    berth_writer_put_u8(&head, is_muted);
    berth_writer_put_u8(&head, VOLUME_CHANNELS);
    for (unsigned i = 0; i < VOLUME_CHANNELS; i++) {
        berth_writer_put_u16(&head, volume);
    }
    put_message(writer, VD_AGENT_AUDIO_VOLUME_SYNC, &head, NULL, 0);
}

void
berth_vdagent_write_disconnected(BerthWriter *writer)
{
    BerthWriter head;

    berth_writer_init(&head, HEAD_MAX_BYTES);
    put_message(writer, VD_AGENT_CLIENT_DISCONNECTED, &head, NULL, 0);
}
