/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/wire/msg-files.h"

#include "base/error.h"
#include "display/wire/text.h"

#include <string.h>

#define ALL_FLAGS (BERTH_SHARE_TO_GUEST | BERTH_SHARE_AGENT)

bool
berth_wire_file_name_is_allowed(const uint8_t *name, size_t len)
{
    bool is_dots = (len == 1 && name[0] == '.') || (len == 2 && name[0] == '.' && name[1] == '.');
    return len >= 1 && len <= BERTH_LIMIT_FILE_NAME_BYTES && !is_dots &&
           memchr(name, '/', len) == NULL && berth_wire_text_is_clean(name, len);
}

/* --- OFFER --- */

int
berth_msg_file_offer_encode(BerthWriter *writer, const BerthMsgFileOffer *offer)
{
    size_t len = strnlen(offer->name, sizeof offer->name);
    if (offer->size_bytes > BERTH_LIMIT_FILE_BYTES ||
        !berth_wire_file_name_is_allowed((const uint8_t *)offer->name, len)) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u32(writer, offer->id);
    berth_writer_put_u64(writer, offer->size_bytes);
    berth_writer_put_bytes(writer, offer->name, len);
    return writer->error;
}

int
berth_msg_file_offer_decode(const uint8_t *payload, size_t len, BerthMsgFileOffer *ret)
{
    BerthReader reader;
    BerthMsgFileOffer offer = { 0 };
    berth_reader_init(&reader, payload, len);
    offer.id = berth_reader_get_u32(&reader);
    offer.size_bytes = berth_reader_get_u64(&reader);
    size_t name_len = berth_reader_remaining(&reader);
    const uint8_t *name = berth_reader_get_bytes_direct(&reader, name_len);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (offer.size_bytes > BERTH_LIMIT_FILE_BYTES ||
        !berth_wire_file_name_is_allowed(name, name_len)) {
        return BERTH_ERR_PROTOCOL;
    }
    memcpy(offer.name, name, name_len);
    *ret = offer;
    return BERTH_OK;
}

/* --- ANSWER --- */

int
berth_msg_file_answer_encode(BerthWriter *writer, const BerthMsgFileAnswer *answer)
{
    if (answer->status >= BERTH_N_FILE_STATUS) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u32(writer, answer->id);
    berth_writer_put_u8(writer, answer->status);
    return writer->error;
}

int
berth_msg_file_answer_decode(const uint8_t *payload, size_t len, BerthMsgFileAnswer *ret)
{
    BerthReader reader;
    BerthMsgFileAnswer answer;
    berth_reader_init(&reader, payload, len);
    answer.id = berth_reader_get_u32(&reader);
    answer.status = berth_reader_get_u8(&reader);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (answer.status >= BERTH_N_FILE_STATUS) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = answer;
    return BERTH_OK;
}

/* --- DATA --- */

int
berth_msg_file_data_encode(BerthWriter *writer, const BerthMsgFileData *data)
{
    if (data->data_len < 1 || data->data_len > BERTH_LIMIT_SHARE_DATA_BYTES) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u32(writer, data->id);
    berth_writer_put_bytes(writer, data->data, data->data_len);
    return writer->error;
}

int
berth_msg_file_data_decode(const uint8_t *payload, size_t len, BerthMsgFileData *ret)
{
    BerthReader reader;
    BerthMsgFileData data;
    berth_reader_init(&reader, payload, len);
    data.id = berth_reader_get_u32(&reader);
    data.data_len = berth_reader_remaining(&reader);
    data.data = berth_reader_get_bytes_direct(&reader, data.data_len);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if (data.data_len < 1) {
        return BERTH_ERR_TRUNCATED;
    }
    if (data.data_len > BERTH_LIMIT_SHARE_DATA_BYTES) {
        return BERTH_ERR_TRAILING;
    }
    *ret = data;
    return BERTH_OK;
}

/* --- ACK --- */

int
berth_msg_file_ack_encode(BerthWriter *writer, const BerthMsgFileAck *ack)
{
    berth_writer_put_u32(writer, ack->id);
    berth_writer_put_u64(writer, ack->n_bytes);
    return writer->error;
}

int
berth_msg_file_ack_decode(const uint8_t *payload, size_t len, BerthMsgFileAck *ret)
{
    BerthReader reader;
    BerthMsgFileAck ack;
    berth_reader_init(&reader, payload, len);
    ack.id = berth_reader_get_u32(&reader);
    ack.n_bytes = berth_reader_get_u64(&reader);
    int r = berth_reader_finish(&reader);
    if (r == BERTH_OK) {
        *ret = ack;
    }
    return r;
}

/* --- CANCEL --- */

int
berth_msg_file_cancel_encode(BerthWriter *writer, uint32_t id)
{
    berth_writer_put_u32(writer, id);
    return writer->error;
}

int
berth_msg_file_cancel_decode(const uint8_t *payload, size_t len, uint32_t *ret_id)
{
    BerthReader reader;
    berth_reader_init(&reader, payload, len);
    uint32_t id = berth_reader_get_u32(&reader);
    int r = berth_reader_finish(&reader);
    if (r == BERTH_OK) {
        *ret_id = id;
    }
    return r;
}

/* --- STATE --- */

int
berth_msg_file_state_encode(BerthWriter *writer, const BerthMsgFileState *state)
{
    if ((state->flags & ~ALL_FLAGS) != 0) {
        return BERTH_ERR_INVALID;
    }
    berth_writer_put_u8(writer, state->flags);
    berth_writer_put_u32(writer, state->max_mib);
    return writer->error;
}

int
berth_msg_file_state_decode(const uint8_t *payload, size_t len, BerthMsgFileState *ret)
{
    BerthReader reader;
    BerthMsgFileState state;
    berth_reader_init(&reader, payload, len);
    state.flags = berth_reader_get_u8(&reader);
    state.max_mib = berth_reader_get_u32(&reader);
    int r = berth_reader_finish(&reader);
    if (r < 0) {
        return r;
    }
    if ((state.flags & ~ALL_FLAGS) != 0) {
        return BERTH_ERR_PROTOCOL;
    }
    *ret = state;
    return BERTH_OK;
}
