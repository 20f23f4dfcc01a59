/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/wire/recording-reader.h"

#include "base/error.h"
#include "berth/limits.h"

struct BerthRecordingReader {
    BerthRecordingSource source;
    BerthRecordingHeader header;
    GArray *places;      /* BerthRecordingPlace, at least one */
    uint64_t end;        /* where the records to play end */
    int64_t duration_us; /* time of the last of them */
    bool is_cut;
    uint64_t position;
    int64_t t_us; /* of the record before position */
    uint8_t *buffer;
    size_t buffer_size;
};

static int
read_at(const BerthRecordingReader *self, uint64_t offset, uint8_t *data, size_t len)
{
    if (offset > self->source.size || len > self->source.size - offset) {
        return BERTH_ERR_TRUNCATED;
    }
    return self->source.read(offset, data, len, self->source.user_data);
}

/* Makes room for len bytes, which are not more than the file has. */
static bool
make_room(BerthRecordingReader *self, size_t len)
{
    if (self->buffer_size < len) {
        g_free(self->buffer);
        self->buffer = g_try_malloc(len);
        self->buffer_size = self->buffer != NULL ? len : 0;
    }
    return self->buffer_size >= len;
}

/* Reads the head of the record at offset, all of which lies before the end. */
static int
read_head(const BerthRecordingReader *self, uint64_t offset, uint64_t end, BerthRecordHead *ret)
{
    uint8_t bytes[BERTH_RECORDING_RECORD_BYTES];
    if (offset > end || end - offset < sizeof bytes) {
        return BERTH_ERR_TRUNCATED;
    }
    int r = read_at(self, offset, bytes, sizeof bytes);
    if (r == BERTH_OK) {
        r = berth_record_head_decode(bytes, sizeof bytes, ret);
    }
    if (r == BERTH_OK && ret->len > end - offset - sizeof bytes) {
        r = BERTH_ERR_TRUNCATED;
    }
    return r;
}

/* Reads what follows the head of the record at offset. */
static int
read_payload(BerthRecordingReader *self, uint64_t offset, uint32_t len)
{
    if (!make_room(self, len)) {
        return BERTH_ERR_NO_MEMORY;
    }
    return read_at(self, offset + BERTH_RECORDING_RECORD_BYTES, self->buffer, len);
}

/* Checks that a place of the index is what it says. */
static bool
is_place_true(const BerthRecordingReader *self, const BerthRecordingPlace *place)
{
    BerthRecordHead head;
    return read_head(self, place->offset, self->end, &head) == BERTH_OK &&
           head.type == BERTH_RECORD_STREAM && head.t_us == place->t_us;
}

/* Takes the places of the index at offset. */
static int
read_index(BerthRecordingReader *self, uint64_t offset)
{
    BerthRecordHead head;
    uint64_t end = self->source.size - BERTH_RECORDING_TRAILER_BYTES;
    size_t n = 0;
    int r = read_head(self, offset, end, &head);
    if (r == BERTH_OK && (head.type != BERTH_RECORD_INDEX ||
                          offset + BERTH_RECORDING_RECORD_BYTES + head.len != end)) {
        r = BERTH_ERR_CORRUPT;
    }
    if (r == BERTH_OK) {
        r = read_payload(self, offset, head.len);
    }
    if (r < 0) {
        return r;
    }
    g_array_set_size(self->places, head.len / sizeof(BerthRecordingPlace) + 1);
    BerthRecordingPlace *places = (BerthRecordingPlace *)self->places->data;
    r = berth_recording_index_decode(self->buffer, head.len, places, &n);
    g_array_set_size(self->places, (guint)n);
    self->end = offset;
    self->duration_us = head.t_us;
    for (size_t i = 0; r == BERTH_OK && i < n; i++) {
        if (places[i].t_us > head.t_us || !is_place_true(self, &places[i])) {
            r = BERTH_ERR_CORRUPT;
        }
    }
    return r;
}

/* Finds the index of a file that was closed. */
static int
find_index(BerthRecordingReader *self)
{
    uint8_t bytes[BERTH_RECORDING_TRAILER_BYTES];
    uint64_t offset;
    if (self->source.size < BERTH_RECORDING_HEADER_BYTES + sizeof bytes) {
        return BERTH_ERR_TRUNCATED;
    }
    int r = read_at(self, self->source.size - sizeof bytes, bytes, sizeof bytes);
    if (r == BERTH_OK) {
        r = berth_recording_trailer_decode(bytes, sizeof bytes, &offset);
    }
    return r == BERTH_OK ? read_index(self, offset) : r;
}

/* Looks through all records of a file that was cut, or whose index is wrong. */
static int
scan(BerthRecordingReader *self)
{
    BerthRecordHead head;
    uint64_t offset = BERTH_RECORDING_HEADER_BYTES;
    self->is_cut = true;
    self->duration_us = 0;
    g_array_set_size(self->places, 0);
    while (read_head(self, offset, self->source.size, &head) == BERTH_OK &&
           head.type != BERTH_RECORD_INDEX && head.t_us >= self->duration_us) {
        if (head.type == BERTH_RECORD_STREAM) {
            BerthRecordingPlace place = { head.t_us, offset };
            if (self->places->len >= BERTH_LIMIT_RECORDING_STREAMS) {
                break;
            }
            g_array_append_val(self->places, place);
        }
        self->duration_us = head.t_us;
        offset += BERTH_RECORDING_RECORD_BYTES + head.len;
    }
    self->end = offset;
    return self->places->len > 0 ? BERTH_OK : BERTH_ERR_CORRUPT;
}

static int
open_file(BerthRecordingReader *self)
{
    uint8_t bytes[BERTH_RECORDING_HEADER_BYTES];
    int r = read_at(self, 0, bytes, sizeof bytes);
    if (r == BERTH_OK) {
        r = berth_recording_header_decode(bytes, sizeof bytes, &self->header);
    }
    if (r < 0) {
        return r == BERTH_ERR_TRUNCATED ? BERTH_ERR_CORRUPT : r;
    }
    r = find_index(self);
    return r == BERTH_OK || r == BERTH_ERR_IO ? r : scan(self);
}

BerthRecordingReader *
berth_recording_reader_new(const BerthRecordingSource *source, int *ret_error)
{
    BerthRecordingReader *self = g_new0(BerthRecordingReader, 1);
    self->source = *source;
    self->places = g_array_new(FALSE, FALSE, sizeof(BerthRecordingPlace));
    *ret_error = open_file(self);
    if (*ret_error < 0) {
        berth_recording_reader_free(self);
        return NULL;
    }
    berth_recording_reader_seek(self, 0);
    return self;
}

void
berth_recording_reader_free(BerthRecordingReader *self)
{
    if (self != NULL) {
        g_array_unref(self->places);
        g_free(self->buffer);
        g_free(self);
    }
}

void
berth_recording_reader_seek(BerthRecordingReader *self, int64_t t_us)
{
    const BerthRecordingPlace *places = (const BerthRecordingPlace *)self->places->data;
    guint low = 0, high = self->places->len;
    while (high - low > 1) {
        guint middle = low + (high - low) / 2;
        if (places[middle].t_us <= t_us) {
            low = middle;
        } else {
            high = middle;
        }
    }
    self->position = places[low].offset;
    self->t_us = places[low].t_us;
}

/* Says what the record in the buffer is. */
static int
take_record(const BerthRecordingReader *self, const BerthRecordHead *head, BerthRecord *ret)
{
    BerthRecord record = { .type = head->type, .t_us = head->t_us };
    int r = BERTH_OK;
    switch (head->type) {
    case BERTH_RECORD_STREAM:
        r = berth_recording_caps_decode(self->buffer, head->len, &record.caps);
        break;
    case BERTH_RECORD_DISPLAY:
    case BERTH_RECORD_CURSOR:
        record.message = self->buffer[0];
        record.payload = self->buffer + 1;
        record.len = head->len - 1;
        break;
    case BERTH_RECORD_INDEX:
        r = BERTH_ERR_CORRUPT;
        break;
    }
    if (r < 0) {
        return BERTH_ERR_CORRUPT;
    }
    *ret = record;
    return BERTH_OK;
}

int
berth_recording_reader_next(BerthRecordingReader *self, BerthRecord *ret)
{
    BerthRecordHead head;
    if (self->position >= self->end) {
        return BERTH_ERR_NOT_FOUND;
    }
    int r = read_head(self, self->position, self->end, &head);
    if (r == BERTH_OK && head.t_us < self->t_us) {
        r = BERTH_ERR_CORRUPT;
    }
    if (r == BERTH_OK) {
        r = read_payload(self, self->position, head.len);
    }
    if (r == BERTH_OK) {
        r = take_record(self, &head, ret);
    }
    if (r < 0) {
        return r == BERTH_ERR_TRUNCATED || r == BERTH_ERR_TOO_LARGE ? BERTH_ERR_CORRUPT : r;
    }
    self->position += BERTH_RECORDING_RECORD_BYTES + head.len;
    self->t_us = head.t_us;
    return BERTH_OK;
}

const BerthRecordingHeader *
berth_recording_reader_get_header(const BerthRecordingReader *self)
{
    return &self->header;
}

int64_t
berth_recording_reader_get_duration_us(const BerthRecordingReader *self)
{
    return self->duration_us;
}

size_t
berth_recording_reader_get_n_streams(const BerthRecordingReader *self)
{
    return self->places->len;
}

bool
berth_recording_reader_is_cut(const BerthRecordingReader *self)
{
    return self->is_cut;
}
