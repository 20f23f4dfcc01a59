/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/file-drop.h"

#include "base/bytes-writer.h"
#include "base/error.h"
#include "display/wire/msg-files.h"

#include <glib/gi18n.h>
#include <string.h>

/* So much may wait to be sent, or to be read, before more is wanted. */
#define QUEUE_BYTES (256u * 1024)
#define SHORT_MESSAGE_BYTES 512

typedef enum {
    FILE_WAITING, /* others come first */
    FILE_OFFERED, /* the guest has not answered */
    FILE_SENDING,
} FileState;

typedef struct {
    uint32_t id;
    char *name;
    uint64_t size_bytes;
    uint64_t sent_bytes;
    uint64_t taken_bytes;
    FileState state;
    size_t wanted_bytes; /* of the want that was not answered; 0: none */
} File;

struct BerthFileDrop {
    BerthShareSendFunc send;
    void *send_data;
    BerthFileDropListener listener;
    void *user_data;
    BerthMsgFileState allowed;
    GPtrArray *files; /* in the order in which they were added */
    uint32_t last_id;
    uint32_t last_turn; /* id of the file that was served last */
};

static void
free_file(gpointer data)
{
    File *file = data;

    g_free(file->name);
    g_free(file);
}

static File *
find_file(BerthFileDrop *self, uint32_t id)
{
    for (guint i = 0; i < self->files->len; i++) {
        File *file = g_ptr_array_index(self->files, i);

        if (file->id == id) {
            return file;
        }
    }
    return NULL;
}

static void
send_written(BerthFileDrop *self, uint8_t type, BerthWriter *writer)
{
    if (writer->error == BERTH_OK) {
        self->send(type, writer->data, writer->len, self->send_data);
    }
    berth_writer_clear(writer);
}

static void
send_offer(BerthFileDrop *self, File *file)
{
    BerthMsgFileOffer offer = { .id = file->id, .size_bytes = file->size_bytes };
    BerthWriter writer;

    file->state = FILE_OFFERED;
    g_strlcpy(offer.name, file->name, sizeof offer.name);
    berth_writer_init(&writer, SHORT_MESSAGE_BYTES);
    berth_msg_file_offer_encode(&writer, &offer);
    send_written(self, BERTH_MSG_FILE_OFFER, &writer);
}

static void
send_cancel(BerthFileDrop *self, const File *file)
{
    BerthWriter writer;

    if (file->state == FILE_WAITING) {
        return;
    }
    berth_writer_init(&writer, SHORT_MESSAGE_BYTES);
    berth_msg_file_cancel_encode(&writer, file->id);
    send_written(self, BERTH_MSG_FILE_CANCEL, &writer);
}

/* Offers those that wait, as many as may be under way. */
static void
offer_next(BerthFileDrop *self)
{
    guint n = MIN(self->files->len, BERTH_LIMIT_TRANSFERS);

    /* The oldest come first, and those under way are older than those that wait. */
    for (guint i = 0; i < n && berth_file_drop_get_status(self) == BERTH_FILE_SEND; i++) {
        File *file = g_ptr_array_index(self->files, i);

        if (file->state == FILE_WAITING) {
            send_offer(self, file);
        }
    }
}

static void
end_file(BerthFileDrop *self, File *file, BerthFileStatus status)
{
    uint32_t id = file->id;

    g_ptr_array_remove(self->files, file);
    if (self->listener.ended != NULL) {
        self->listener.ended(id, status, self->user_data);
    }
    offer_next(self);
}

BerthFileStatus
berth_file_drop_add(BerthFileDrop *self, const char *name, uint64_t size_bytes, uint32_t *ret_id)
{
    BerthFileStatus status = berth_file_drop_get_status(self);
    uint64_t max_bytes = MIN((uint64_t)self->allowed.max_mib << 20, BERTH_LIMIT_FILE_BYTES);
    File *file;

    if (status != BERTH_FILE_SEND) {
        return status;
    }
    if (size_bytes > max_bytes) {
        return BERTH_FILE_TOO_LARGE;
    }
    if (self->files->len >= BERTH_LIMIT_DROPPED_FILES) {
        return BERTH_FILE_BUSY;
    }
    if (!berth_wire_file_name_is_allowed((const uint8_t *)name, strlen(name))) {
        return BERTH_FILE_FAILED;
    }
    file = g_new0(File, 1);
    file->id = ++self->last_id;
    file->name = g_strdup(name);
    file->size_bytes = size_bytes;
    g_ptr_array_add(self->files, file);
    *ret_id = file->id;
    offer_next(self);
    return BERTH_FILE_SEND;
}

/* How many bytes of a file may be wanted now; pieces are whole unless the file ends. */
static size_t
room(const File *file)
{
    uint64_t in_flight = file->sent_bytes - file->taken_bytes;
    uint64_t left = file->size_bytes - file->sent_bytes;
    uint64_t n = MIN(left, BERTH_LIMIT_SHARE_DATA_BYTES);

    if (file->state != FILE_SENDING || file->wanted_bytes != 0 ||
        in_flight + n > BERTH_LIMIT_FILE_WINDOW_BYTES) {
        return 0;
    }
    return (size_t)n;
}

/* The next file after the last one that was served, in the order of ids, that has room. */
static File *
next_turn(BerthFileDrop *self)
{
    File *first = NULL;

    for (guint i = 0; i < self->files->len; i++) {
        File *file = g_ptr_array_index(self->files, i);

        if (room(file) == 0) {
            continue;
        }
        if (file->id > self->last_turn) {
            return file;
        }
        first = first != NULL ? first : file;
    }
    return first;
}

void
berth_file_drop_pump(BerthFileDrop *self, size_t n_queued_bytes)
{
    for (guint i = 0; i < self->files->len; i++) {
        n_queued_bytes += ((File *)g_ptr_array_index(self->files, i))->wanted_bytes;
    }
    while (n_queued_bytes < QUEUE_BYTES && self->listener.want != NULL) {
        File *file = next_turn(self);

        if (file == NULL) {
            return;
        }
        self->last_turn = file->id;
        file->wanted_bytes = room(file);
        n_queued_bytes += file->wanted_bytes;
        self->listener.want(file->id, file->wanted_bytes, self->user_data);
    }
}

void
berth_file_drop_give(BerthFileDrop *self, uint32_t id, const uint8_t *data, size_t len)
{
    File *file = find_file(self, id);
    BerthMsgFileData piece = { .id = id, .data = data, .data_len = len };
    BerthWriter writer;

    if (file == NULL || file->wanted_bytes == 0) {
        return; /* it has ended meanwhile */
    }
    if (len == 0 || len > file->wanted_bytes) {
        berth_file_drop_fail(self, id);
        return;
    }
    file->wanted_bytes = 0;
    file->sent_bytes += len;
    berth_writer_init(&writer, BERTH_LIMIT_SHARE_DATA_BYTES + SHORT_MESSAGE_BYTES);
    berth_msg_file_data_encode(&writer, &piece);
    send_written(self, BERTH_MSG_FILE_DATA, &writer);
}

void
berth_file_drop_fail(BerthFileDrop *self, uint32_t id)
{
    File *file = find_file(self, id);

    if (file != NULL) {
        send_cancel(self, file);
        end_file(self, file, BERTH_FILE_FAILED);
    }
}

void
berth_file_drop_cancel(BerthFileDrop *self, uint32_t id)
{
    File *file = find_file(self, id);

    if (file != NULL) {
        send_cancel(self, file);
        end_file(self, file, BERTH_FILE_CANCELLED);
    }
}

/* The last ones first: those that wait need not be offered. */
void
berth_file_drop_cancel_all(BerthFileDrop *self)
{
    while (self->files->len > 0) {
        guint last = self->files->len - 1;

        berth_file_drop_cancel(self, ((File *)g_ptr_array_index(self->files, last))->id);
    }
}

static int
take_answer(BerthFileDrop *self, const uint8_t *payload, size_t len)
{
    BerthMsgFileAnswer answer;
    int code = berth_msg_file_answer_decode(payload, len, &answer);
    File *file = code == BERTH_OK ? find_file(self, answer.id) : NULL;

    if (file == NULL) {
        return code; /* the answer to a cancel, perhaps */
    }
    if (file->state == FILE_WAITING ||
        (answer.status == BERTH_FILE_SEND && file->state != FILE_OFFERED) ||
        (answer.status == BERTH_FILE_DONE &&
         (file->state != FILE_SENDING || file->sent_bytes != file->size_bytes))) {
        return BERTH_ERR_PROTOCOL;
    }
    if (answer.status == BERTH_FILE_SEND) {
        file->state = FILE_SENDING;
    } else {
        end_file(self, file, (BerthFileStatus)answer.status);
    }
    return BERTH_OK;
}

static int
take_ack(BerthFileDrop *self, const uint8_t *payload, size_t len)
{
    BerthMsgFileAck ack;
    int code = berth_msg_file_ack_decode(payload, len, &ack);
    File *file = code == BERTH_OK ? find_file(self, ack.id) : NULL;

    if (file == NULL) {
        return code;
    }
    if (ack.n_bytes < file->taken_bytes || ack.n_bytes > file->sent_bytes) {
        return BERTH_ERR_PROTOCOL;
    }
    file->taken_bytes = ack.n_bytes;
    if (self->listener.progress != NULL) {
        self->listener.progress(ack.id, ack.n_bytes, file->size_bytes, self->user_data);
    }
    return BERTH_OK;
}

/* What waits will not be sent any more; what is under way is ended by the session. */
static void
end_waiting(BerthFileDrop *self, BerthFileStatus status)
{
    for (guint i = self->files->len; i > 0; i--) {
        File *file = g_ptr_array_index(self->files, i - 1);

        if (file->state == FILE_WAITING) {
            end_file(self, file, status);
            i = MIN(i, self->files->len + 1); /* the listener may have ended others */
        }
    }
}

static int
take_state(BerthFileDrop *self, const uint8_t *payload, size_t len)
{
    BerthMsgFileState state;
    int code = berth_msg_file_state_decode(payload, len, &state);

    if (code != BERTH_OK) {
        return code;
    }
    self->allowed = state;
    if (self->listener.changed != NULL) {
        self->listener.changed(self->user_data);
    }
    if (berth_file_drop_get_status(self) != BERTH_FILE_SEND) {
        end_waiting(self, berth_file_drop_get_status(self));
    }
    offer_next(self);
    return BERTH_OK;
}

int
berth_file_drop_take(BerthFileDrop *self, uint8_t type, const uint8_t *payload, size_t len)
{
    switch (type) {
    case BERTH_MSG_FILE_ANSWER:
        return take_answer(self, payload, len);
    case BERTH_MSG_FILE_ACK:
        return take_ack(self, payload, len);
    case BERTH_MSG_FILE_STATE:
        return take_state(self, payload, len);
    default:
        return BERTH_ERR_PROTOCOL;
    }
}

void
berth_file_drop_reset(BerthFileDrop *self)
{
    memset(&self->allowed, 0, sizeof self->allowed);
    while (self->files->len > 0) {
        end_file(self, g_ptr_array_index(self->files, 0), BERTH_FILE_FAILED);
    }
    if (self->listener.changed != NULL) {
        self->listener.changed(self->user_data);
    }
}

void
berth_file_drop_set_listener(BerthFileDrop *self, const BerthFileDropListener *listener,
                             void *user_data)
{
    const BerthFileDropListener nobody = { 0 };

    self->listener = nobody;
    berth_file_drop_cancel_all(self);
    self->listener = listener != NULL ? *listener : nobody;
    self->user_data = user_data;
}

BerthFileStatus
berth_file_drop_get_status(const BerthFileDrop *self)
{
    if ((self->allowed.flags & BERTH_SHARE_TO_GUEST) == 0) {
        return BERTH_FILE_NOT_ALLOWED;
    }
    return (self->allowed.flags & BERTH_SHARE_AGENT) != 0 ? BERTH_FILE_SEND : BERTH_FILE_NO_AGENT;
}

unsigned
berth_file_drop_get_n_files(const BerthFileDrop *self)
{
    return self->files->len;
}

const char *
berth_file_status_sentence(BerthFileStatus status)
{
    static const char *const sentences[BERTH_N_FILE_STATUS] = {
        [BERTH_FILE_SEND] = N_("being sent"),
        [BERTH_FILE_CANCELLED] = N_("cancelled"),
        [BERTH_FILE_FAILED] = N_("not sent: it broke off; send it again"),
        [BERTH_FILE_DONE] = N_("sent"),
        [BERTH_FILE_NO_SPACE] =
            N_("not sent: the desktop has no space left; make some there first"),
        [BERTH_FILE_LOCKED] = N_("not sent: the desktop is locked; unlock it first"),
        [BERTH_FILE_NO_AGENT] = N_("not sent: the desktop does not take files now; log in there, "
                                   "or ask your administrator for the guest agent"),
        [BERTH_FILE_NOT_ALLOWED] = N_("not sent: files may not go to this desktop; ask your "
                                      "administrator"),
        [BERTH_FILE_TOO_LARGE] = N_("not sent: it is larger than allowed; ask your administrator"),
        [BERTH_FILE_BUSY] = N_("not sent: too many files at once; wait until some have arrived"),
    };

    return _(status < BERTH_N_FILE_STATUS ? sentences[status] : N_("not sent"));
}

BerthFileDrop *
berth_file_drop_new(BerthShareSendFunc send, void *user_data)
{
    BerthFileDrop *self = g_new0(BerthFileDrop, 1);

    self->send = send;
    self->send_data = user_data;
    self->files = g_ptr_array_new_with_free_func(free_file);
    return self;
}

void
berth_file_drop_free(BerthFileDrop *self)
{
    if (self != NULL) {
        g_ptr_array_unref(self->files);
        g_free(self);
    }
}
