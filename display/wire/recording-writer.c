/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/wire/recording-writer.h"

#include "base/error.h"
#include "berth/limits.h"

struct BerthRecordingWriter {
    bool is_begun, is_ended;
    uint64_t size;
    int64_t t_us;   /* of the last record */
    GArray *places; /* BerthRecordingPlace of each stream */
};

BerthRecordingWriter *
berth_recording_writer_new(void)
{
    BerthRecordingWriter *self = g_new0(BerthRecordingWriter, 1);
    self->places = g_array_new(FALSE, FALSE, sizeof(BerthRecordingPlace));
    return self;
}

void
berth_recording_writer_free(BerthRecordingWriter *self)
{
    if (self != NULL) {
        g_array_unref(self->places);
        g_free(self);
    }
}

/* Counts what was appended since len_before. */
static int
finish(BerthRecordingWriter *self, BerthWriter *writer, size_t len_before, int r)
{
    if (r == BERTH_OK) {
        r = writer->error;
    }
    if (r == BERTH_OK) {
        self->size += writer->len - len_before;
    }
    return r;
}

int
berth_recording_writer_begin(BerthRecordingWriter *self, const BerthRecordingHeader *header,
                             BerthWriter *writer)
{
    size_t before = writer->len;
    if (self->is_begun) {
        return BERTH_ERR_STATE;
    }
    self->is_begun = true;
    return finish(self, writer, before, berth_recording_header_encode(writer, header));
}

/* Appends the head of a record; time never falls. */
static int
put_head(BerthRecordingWriter *self, BerthRecordType type, int64_t t_us, size_t len,
         BerthWriter *writer)
{
    BerthRecordHead head = { .type = type, .t_us = MAX(t_us, self->t_us) };
    if (len > UINT32_MAX || head.t_us > BERTH_LIMIT_RECORDING_US) {
        return BERTH_ERR_TOO_LARGE;
    }
    head.len = (uint32_t)len;
    self->t_us = head.t_us;
    return berth_record_head_encode(writer, &head);
}

int
berth_recording_writer_stream(BerthRecordingWriter *self, int64_t t_us,
                              const BerthRecordingCaps *caps, BerthWriter *writer)
{
    size_t before = writer->len;
    if (!self->is_begun || self->is_ended) {
        return BERTH_ERR_STATE;
    }
    if (self->places->len >= BERTH_LIMIT_RECORDING_STREAMS) {
        return BERTH_ERR_TOO_LARGE;
    }
    int r = put_head(self, BERTH_RECORD_STREAM, t_us, 8, writer);
    if (r == BERTH_OK) {
        BerthRecordingPlace place = { self->t_us, self->size };
        g_array_append_val(self->places, place);
        r = berth_recording_caps_encode(writer, caps);
    }
    return finish(self, writer, before, r);
}

int
berth_recording_writer_message(BerthRecordingWriter *self, int64_t t_us, BerthChannel channel,
                               uint8_t type, const uint8_t *payload, size_t len,
                               BerthWriter *writer)
{
    size_t before = writer->len;
    if (channel != BERTH_CHANNEL_DISPLAY && channel != BERTH_CHANNEL_CURSOR) {
        return BERTH_ERR_INVALID;
    }
    if (self->places->len == 0 || self->is_ended) {
        return BERTH_ERR_STATE;
    }
    int r = put_head(self,
                     channel == BERTH_CHANNEL_DISPLAY ? BERTH_RECORD_DISPLAY : BERTH_RECORD_CURSOR,
                     t_us, 1 + len, writer);
    if (r == BERTH_OK) {
        berth_writer_put_u8(writer, type);
        berth_writer_put_bytes(writer, payload, len);
    }
    return finish(self, writer, before, r);
}

int
berth_recording_writer_end(BerthRecordingWriter *self, BerthWriter *writer)
{
    size_t before = writer->len;
    uint64_t index_offset = self->size;
    if (self->places->len == 0 || self->is_ended) {
        return BERTH_ERR_STATE;
    }
    self->is_ended = true;
    int r = put_head(self, BERTH_RECORD_INDEX, self->t_us, 16 * (size_t)self->places->len, writer);
    if (r == BERTH_OK) {
        r = berth_recording_index_encode(writer, (const BerthRecordingPlace *)self->places->data,
                                         self->places->len);
    }
    if (r == BERTH_OK) {
        r = berth_recording_trailer_encode(writer, index_offset);
    }
    return finish(self, writer, before, r);
}

uint64_t
berth_recording_writer_get_size(const BerthRecordingWriter *self)
{
    return self->size;
}
