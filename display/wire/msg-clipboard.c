/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/wire/msg-clipboard.h"

#include "base/error.h"

#define ALL_TYPES (BERTH_CLIPBOARD_BIT(BERTH_N_CLIPBOARD_TYPES + 1) - 1)

/* Returns true if serial and selection may be; all messages but STATE begin with them. */
static bool
is_head_good(uint32_t serial, uint8_t selection)
{
    return serial != 0 && selection < BERTH_N_SELECTIONS;
}

static bool
is_type(uint8_t type)
{
    return type >= BERTH_CLIPBOARD_TEXT && type <= BERTH_N_CLIPBOARD_TYPES;
}

static void
put_head(BerthWriter *writer, uint32_t serial, uint8_t selection)
{
    berth_writer_put_u32(writer, serial);
    berth_writer_put_u8(writer, selection);
}

/* --- GRAB --- */

static bool
is_grab_good(const BerthMsgClipboardGrab *grab)
{
    unsigned seen = 0;
    if (!is_head_good(grab->serial, grab->selection) || grab->n_types < 1 ||
        grab->n_types > BERTH_LIMIT_CLIPBOARD_TYPES) {
        return false;
    }
    for (unsigned i = 0; i < grab->n_types; i++) {
        if (!is_type(grab->types[i]) || (seen & BERTH_CLIPBOARD_BIT(grab->types[i])) != 0) {
            return false;
        }
        seen |= BERTH_CLIPBOARD_BIT(grab->types[i]);
    }
    return true;
}

int
berth_msg_clipboard_grab_encode(BerthWriter *writer, const BerthMsgClipboardGrab *grab)
{
    if (!is_grab_good(grab)) {
        return BERTH_ERR_INVALID;
    }
    put_head(writer, grab->serial, grab->selection);
    berth_writer_put_u8(writer, grab->n_types);
    berth_writer_put_bytes(writer, grab->types, grab->n_types);
    return writer->error;
}

int
berth_msg_clipboard_grab_decode(const uint8_t *payload, size_t len, BerthMsgClipboardGrab *ret)
{
    BerthReader reader;
    BerthMsgClipboardGrab grab = { 0 };
    berth_reader_init(&reader, payload, len);
    grab.serial = berth_reader_get_u32(&reader);
    grab.selection = berth_reader_get_u8(&reader);
    grab.n_types = berth_reader_get_u8(&reader);
    if (grab.n_types > BERTH_LIMIT_CLIPBOARD_TYPES) {
        return BERTH_ERR_PROTOCOL;
    }
    berth_reader_get_bytes(&reader, grab.types, grab.n_types);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (!is_grab_good(&grab)) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = grab;
    return BERTH_OK;
}

/* --- REQUEST --- */

static bool
is_request_good(const BerthMsgClipboardRequest *request)
{
    return is_head_good(request->serial, request->selection) && is_type(request->type);
}

int
berth_msg_clipboard_request_encode(BerthWriter *writer, const BerthMsgClipboardRequest *request)
{
    if (!is_request_good(request)) {
        return BERTH_ERR_INVALID;
    }
    put_head(writer, request->serial, request->selection);
    berth_writer_put_u8(writer, request->type);
    return writer->error;
}

int
berth_msg_clipboard_request_decode(const uint8_t *payload, size_t len,
                                   BerthMsgClipboardRequest *ret)
{
    BerthReader reader;
    BerthMsgClipboardRequest request;
    berth_reader_init(&reader, payload, len);
    request.serial = berth_reader_get_u32(&reader);
    request.selection = berth_reader_get_u8(&reader);
    request.type = berth_reader_get_u8(&reader);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (!is_request_good(&request)) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = request;
    return BERTH_OK;
}

/* --- DATA --- */

/* A refusal ends the answer and has no bytes; a piece without bytes ends it, too. */
static bool
is_data_good(const BerthMsgClipboardData *data)
{
    if (!is_head_good(data->serial, data->selection) || !is_type(data->type) ||
        data->status >= BERTH_N_CLIPBOARD_STATUS || data->data_len > BERTH_LIMIT_SHARE_DATA_BYTES) {
        return false;
    }
    if (data->status != BERTH_CLIPBOARD_OK) {
        return data->is_last && data->data_len == 0;
    }
    return data->is_last || data->data_len > 0;
}

int
berth_msg_clipboard_data_encode(BerthWriter *writer, const BerthMsgClipboardData *data)
{
    if (!is_data_good(data)) {
        return BERTH_ERR_INVALID;
    }
    put_head(writer, data->serial, data->selection);
    berth_writer_put_u8(writer, data->type);
    berth_writer_put_u8(writer, data->status);
    berth_writer_put_u8(writer, data->is_last ? BERTH_CLIPBOARD_LAST : 0);
    berth_writer_put_bytes(writer, data->data, data->data_len);
    return writer->error;
}

int
berth_msg_clipboard_data_decode(const uint8_t *payload, size_t len, BerthMsgClipboardData *ret)
{
    BerthReader reader;
    BerthMsgClipboardData data;
    berth_reader_init(&reader, payload, len);
    data.serial = berth_reader_get_u32(&reader);
    data.selection = berth_reader_get_u8(&reader);
    data.type = berth_reader_get_u8(&reader);
    data.status = berth_reader_get_u8(&reader);
    uint8_t flags = berth_reader_get_u8(&reader);
    data.data_len = berth_reader_remaining(&reader);
    data.data = berth_reader_get_bytes_direct(&reader, data.data_len);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    data.is_last = flags == BERTH_CLIPBOARD_LAST;
    if (flags > BERTH_CLIPBOARD_LAST || !is_data_good(&data)) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = data;
    return BERTH_OK;
}

/* --- RELEASE --- */

int
berth_msg_clipboard_release_encode(BerthWriter *writer, const BerthMsgClipboardRelease *release)
{
    if (!is_head_good(release->serial, release->selection)) {
        return BERTH_ERR_INVALID;
    }
    put_head(writer, release->serial, release->selection);
    return writer->error;
}

int
berth_msg_clipboard_release_decode(const uint8_t *payload, size_t len,
                                   BerthMsgClipboardRelease *ret)
{
    BerthReader reader;
    BerthMsgClipboardRelease release;
    berth_reader_init(&reader, payload, len);
    release.serial = berth_reader_get_u32(&reader);
    release.selection = berth_reader_get_u8(&reader);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (!is_head_good(release.serial, release.selection)) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = release;
    return BERTH_OK;
}

/* --- STATE --- */

static bool
is_state_good(const BerthMsgClipboardState *state)
{
    return (state->flags & ~BERTH_SHARE_ALL) == 0 && (state->types & ~ALL_TYPES) == 0;
}

int
berth_msg_clipboard_state_encode(BerthWriter *writer, const BerthMsgClipboardState *state)
{
    if (!is_state_good(state)) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u8(writer, state->flags);
    berth_writer_put_u8(writer, state->types);
    berth_writer_put_u32(writer, state->max_kib);
    return writer->error;
}

int
berth_msg_clipboard_state_decode(const uint8_t *payload, size_t len, BerthMsgClipboardState *ret)
{
    BerthReader reader;
    BerthMsgClipboardState state;
    berth_reader_init(&reader, payload, len);
    state.flags = berth_reader_get_u8(&reader);
    state.types = berth_reader_get_u8(&reader);
    state.max_kib = berth_reader_get_u32(&reader);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (!is_state_good(&state)) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = state;
    return BERTH_OK;
}
