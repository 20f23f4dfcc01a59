/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The reader of recordings against any file: byte 0 chooses where to seek, the rest is the file.
 */
#include "display/wire/recording-reader.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
read_memory(uint64_t offset, uint8_t *data, size_t len, void *user_data)
{
    memcpy(data, (const uint8_t *)user_data + offset, len);
    return BERTH_OK;
}

/* Plays to the end; time must not fall, and no record may be read twice. */
static void
play(BerthRecordingReader *reader, size_t size)
{
    BerthRecord record;
    int64_t t_us = 0;
    size_t n_records = 0;
    volatile uint8_t sum = 0;
    while (berth_recording_reader_next(reader, &record) == BERTH_OK) {
        if (record.t_us < t_us || ++n_records > size) {
            abort();
        }
        t_us = record.t_us;
        for (size_t i = 0; record.type != BERTH_RECORD_STREAM && i < record.len; i++) {
            sum = (uint8_t)(sum + record.payload[i]);
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int error;
    if (size < 1) {
        return 0;
    }
    BerthRecordingSource source = { size - 1, read_memory, (void *)(data + 1) };
    BerthRecordingReader *reader = berth_recording_reader_new(&source, &error);
    if ((reader == NULL) != (error < 0)) {
        abort();
    }
    if (reader != NULL) {
        play(reader, size);
        berth_recording_reader_seek(reader, (int64_t)data[0] * 1000000);
        play(reader, size);
    }
    berth_recording_reader_free(reader);
    return 0;
}
