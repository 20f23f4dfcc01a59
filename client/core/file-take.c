/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/file-take.h"

#include "base/bytes-writer.h"
#include "base/error.h"
#include "display/wire/msg-files.h"

#define SHORT_MESSAGE_BYTES 512
/* An acknowledgement is due after so many bytes, an eighth of the window. */
#define ACK_BYTES (BERTH_LIMIT_FILE_WINDOW_BYTES / 8)

typedef enum {
    FILE_FREE = 0,
    FILE_OFFERED, /* the user has not decided */
    FILE_COMING,
} FileState;

typedef struct {
    FileState state;
    uint32_t id;
    uint64_t size_bytes;
    uint64_t n_come, n_saved, n_acked;
} File;

struct BerthFileTake {
    BerthShareSendFunc send;
    void *send_data;
    BerthFileTakeListener listener;
    void *user_data;
    File files[BERTH_LIMIT_TRANSFERS];
};

BerthFileTake *
berth_file_take_new(BerthShareSendFunc send, void *user_data)
{
    BerthFileTake *self = g_new0(BerthFileTake, 1);

    self->send = send;
    self->send_data = user_data;
    return self;
}

void
berth_file_take_free(BerthFileTake *self)
{
    g_free(self);
}

static File *
find_file(BerthFileTake *self, uint32_t id)
{
    for (size_t i = 0; i < G_N_ELEMENTS(self->files); i++) {
        if (self->files[i].state != FILE_FREE && self->files[i].id == id) {
            return &self->files[i];
        }
    }
    return NULL;
}

static void
send_written(BerthFileTake *self, uint8_t type, BerthWriter *writer)
{
    if (writer->error == BERTH_OK) {
        self->send(type, writer->data, writer->len, self->send_data);
    }
    berth_writer_clear(writer);
}

static void
send_take(BerthFileTake *self, uint32_t id, BerthFileStatus status)
{
    const BerthMsgFileAnswer take = { .id = id, .status = (uint8_t)status };
    BerthWriter writer;

    berth_writer_init(&writer, SHORT_MESSAGE_BYTES);
    berth_msg_file_answer_encode(&writer, &take);
    send_written(self, BERTH_MSG_FILE_TAKE, &writer);
}

static void
send_ack(BerthFileTake *self, File *file)
{
    const BerthMsgFileAck ack = { .id = file->id, .n_bytes = file->n_saved };
    BerthWriter writer;

    file->n_acked = file->n_saved;
    berth_writer_init(&writer, SHORT_MESSAGE_BYTES);
    berth_msg_file_ack_encode(&writer, &ack);
    send_written(self, BERTH_MSG_FILE_TAKE_ACK, &writer);
}

static void
end_file(BerthFileTake *self, File *file, BerthFileStatus status)
{
    file->state = FILE_FREE;
    if (self->listener.ended != NULL) {
        self->listener.ended(file->id, status, self->user_data);
    }
}

void
berth_file_take_set_listener(BerthFileTake *self, const BerthFileTakeListener *listener,
                             void *user_data)
{
    self->listener = (BerthFileTakeListener){ 0 };
    for (size_t i = 0; i < G_N_ELEMENTS(self->files); i++) {
        if (self->files[i].state != FILE_FREE) {
            send_take(self, self->files[i].id, BERTH_FILE_CANCELLED);
            self->files[i].state = FILE_FREE;
        }
    }
    if (listener != NULL) {
        self->listener = *listener;
    }
    self->user_data = user_data;
}

void
berth_file_take_reset(BerthFileTake *self)
{
    for (size_t i = 0; i < G_N_ELEMENTS(self->files); i++) {
        if (self->files[i].state != FILE_FREE) {
            end_file(self, &self->files[i], BERTH_FILE_FAILED);
        }
    }
}

/* ---- the session ---- */

static File *
find_free(BerthFileTake *self)
{
    for (size_t i = 0; i < G_N_ELEMENTS(self->files); i++) {
        if (self->files[i].state == FILE_FREE) {
            return &self->files[i];
        }
    }
    return NULL;
}

static int
handle_give(BerthFileTake *self, const BerthMsgFileOffer *give)
{
    File *file = find_free(self);

    if (file == NULL || find_file(self, give->id) != NULL) {
        return BERTH_ERR_PROTOCOL;
    }
    if (self->listener.offered == NULL) {
        send_take(self, give->id, BERTH_FILE_CANCELLED);
        return BERTH_OK;
    }
    *file = (File){ .state = FILE_OFFERED, .id = give->id, .size_bytes = give->size_bytes };
    self->listener.offered(give->id, give->name, give->size_bytes, self->user_data);
    return BERTH_OK;
}

static int
handle_data(BerthFileTake *self, const BerthMsgFileData *data)
{
    File *file = find_file(self, data->id);

    if (file == NULL) {
        return BERTH_OK; /* it was stopped, and the session does not know yet */
    }
    if (file->state != FILE_COMING || data->data_len > file->size_bytes - file->n_come ||
        file->n_come + data->data_len > file->n_acked + BERTH_LIMIT_FILE_WINDOW_BYTES) {
        return BERTH_ERR_PROTOCOL;
    }
    file->n_come += data->data_len;
    self->listener.bytes(data->id, data->data, data->data_len, self->user_data);
    return BERTH_OK;
}

static int
handle_end(BerthFileTake *self, const BerthMsgFileAnswer *end)
{
    File *file = find_file(self, end->id);

    if (end->status == BERTH_FILE_SEND || end->status == BERTH_FILE_DONE) {
        return BERTH_ERR_PROTOCOL;
    }
    if (file != NULL) {
        end_file(self, file, (BerthFileStatus)end->status);
    }
    return BERTH_OK;
}

bool
berth_file_take_is_for(uint8_t type)
{
    return type >= BERTH_MSG_FILE_GIVE && type <= BERTH_MSG_FILE_GIVE_END;
}

int
berth_file_take_handle(BerthFileTake *self, uint8_t type, const uint8_t *payload, size_t len)
{
    BerthMsgFileOffer give;
    BerthMsgFileData data;
    BerthMsgFileAnswer end;
    int r;

    switch (type) {
    case BERTH_MSG_FILE_GIVE:
        r = berth_msg_file_offer_decode(payload, len, &give);
        return r < 0 ? r : handle_give(self, &give);
    case BERTH_MSG_FILE_GIVE_DATA:
        r = berth_msg_file_data_decode(payload, len, &data);
        return r < 0 ? r : handle_data(self, &data);
    case BERTH_MSG_FILE_GIVE_END:
        r = berth_msg_file_answer_decode(payload, len, &end);
        return r < 0 ? r : handle_end(self, &end);
    default:
        return BERTH_ERR_PROTOCOL;
    }
}

/* ---- the user ---- */

void
berth_file_take_accept(BerthFileTake *self, uint32_t id)
{
    File *file = find_file(self, id);

    if (file != NULL && file->state == FILE_OFFERED) {
        file->state = FILE_COMING;
        send_take(self, id, BERTH_FILE_SEND);
    }
}

void
berth_file_take_refuse(BerthFileTake *self, uint32_t id, BerthFileStatus status)
{
    File *file = find_file(self, id);

    if (file != NULL) {
        send_take(self, id, status);
        end_file(self, file, status);
    }
}

void
berth_file_take_note_saved(BerthFileTake *self, uint32_t id, size_t n_bytes)
{
    File *file = find_file(self, id);

    if (file == NULL || file->state != FILE_COMING) {
        return;
    }
    file->n_saved += n_bytes;
    if (file->n_saved - file->n_acked >= ACK_BYTES ||
        (file->n_saved == file->size_bytes && file->size_bytes > 0)) {
        send_ack(self, file);
    }
    if (file->n_saved == file->size_bytes) {
        send_take(self, id, BERTH_FILE_DONE);
        end_file(self, file, BERTH_FILE_DONE);
    }
}
