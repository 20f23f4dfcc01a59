/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest-agent/file-queue.h"

#include "base/bytes-writer.h"
#include "base/cleanup.h"
#include "berth/errors.h"
#include "berth/limits.h"
#include "display/wire/guest-message.h"
#include "display/wire/msg-files.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* So much may wait to be written before more is read. */
#define QUEUE_BYTES (256u * 1024)

typedef enum {
    FILE_WAITING, /* others come first */
    FILE_OFFERED, /* the user has not decided */
    FILE_SENDING,
} FileState;

typedef struct {
    uint32_t id;
    void *whose;
    char *name;
    int fd;
    FileState state;
    uint64_t size_bytes, n_sent, n_taken;
} File;

struct BerthFileQueue {
    const BerthFileQueueCallbacks *callbacks;
    void *user_data;
    bool has_host;
    uint32_t last_id;
    GPtrArray *files; /* of File *, in the order in which they were added */
};

static void
free_file(gpointer data)
{
    File *file = data;

    berth_clear_fd(&file->fd);
    g_free(file->name);
    g_free(file);
}

BerthFileQueue *
berth_file_queue_new(const BerthFileQueueCallbacks *callbacks, void *user_data)
{
    BerthFileQueue *self = g_new0(BerthFileQueue, 1);

    self->callbacks = callbacks;
    self->user_data = user_data;
    self->files = g_ptr_array_new_with_free_func(free_file);
    return self;
}

void
berth_file_queue_free(BerthFileQueue *self)
{
    if (self) {
        g_ptr_array_unref(self->files);
        g_free(self);
    }
}

static void
send_written(BerthFileQueue *self, uint32_t type, BerthWriter *writer)
{
    if (writer->error == BERTH_OK) {
        self->callbacks->send(type, writer->data, writer->len, self->user_data);
    }
    berth_writer_clear(writer);
}

static void
send_offer(BerthFileQueue *self, File *file)
{
    BerthMsgFileOffer offer = { .id = file->id, .size_bytes = file->size_bytes };
    BerthWriter writer;

    file->state = FILE_OFFERED;
    g_strlcpy(offer.name, file->name, sizeof(offer.name));
    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_msg_file_offer_encode(&writer, &offer);
    send_written(self, BERTH_GUEST_FILE_OFFER, &writer);
}

static void
send_cancel(BerthFileQueue *self, const File *file)
{
    BerthWriter writer;

    if (file->state == FILE_WAITING) {
        return;
    }
    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_msg_file_cancel_encode(&writer, file->id);
    send_written(self, BERTH_GUEST_FILE_CANCEL, &writer);
}

/* Offers those that wait, as many as may be under way. */
static void
offer_next(BerthFileQueue *self)
{
    guint n = MIN(self->files->len, BERTH_LIMIT_TRANSFERS);

    for (guint i = 0; i < n && self->has_host; i++) {
        File *file = g_ptr_array_index(self->files, i);

        if (file->state == FILE_WAITING) {
            send_offer(self, file);
        }
    }
}

static void
end_file(BerthFileQueue *self, File *file, BerthFileStatus status)
{
    void *whose = file->whose;
    g_autofree char *name = g_strdup(file->name);

    g_ptr_array_remove(self->files, file);
    self->callbacks->ended(whose, name, status, self->user_data);
    offer_next(self);
}

void
berth_file_queue_set_host(BerthFileQueue *self, bool is_there)
{
    self->has_host = false;
    while (self->files->len > 0) {
        end_file(self, g_ptr_array_index(self->files, 0), BERTH_FILE_NO_AGENT);
    }
    self->has_host = is_there;
}

/* A name that the host takes; NULL if there is none. */
static char *
dup_good_name(const char *name)
{
    g_autofree char *base = g_path_get_basename(name);
    g_autofree char *good = g_utf8_make_valid(base, -1);

    return berth_wire_file_name_is_allowed((const uint8_t *)good, strlen(good))
               ? g_steal_pointer(&good)
               : NULL;
}

void
berth_file_queue_add(BerthFileQueue *self, void *whose, const char *name, int fd)
{
    g_autofree char *good = dup_good_name(name);
    struct stat info;
    File *file;

    if (!good || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        berth_clear_fd(&fd);
        self->callbacks->ended(whose, name, BERTH_FILE_FAILED, self->user_data);
        return;
    }
    if (!self->has_host || self->files->len >= BERTH_LIMIT_GUEST_FILES) {
        berth_clear_fd(&fd);
        self->callbacks->ended(whose, name, self->has_host ? BERTH_FILE_BUSY : BERTH_FILE_NO_AGENT,
                               self->user_data);
        return;
    }
    file = g_new0(File, 1);
    *file = (File){
        .id = ++self->last_id,
        .whose = whose,
        .name = g_steal_pointer(&good),
        .fd = fd,
        .size_bytes = (uint64_t)info.st_size,
    };
    g_ptr_array_add(self->files, file);
    offer_next(self);
}

void
berth_file_queue_forget(BerthFileQueue *self, const void *whose)
{
    for (guint i = self->files->len; i > 0; i--) {
        File *file = g_ptr_array_index(self->files, i - 1);

        if (file->whose == whose) {
            send_cancel(self, file);
            g_ptr_array_remove_index(self->files, i - 1);
        }
    }
    offer_next(self);
}

static File *
find_file(BerthFileQueue *self, uint32_t id)
{
    for (guint i = 0; i < self->files->len; i++) {
        File *file = g_ptr_array_index(self->files, i);

        if (file->id == id) {
            return file;
        }
    }
    return NULL;
}

void
berth_file_queue_handle(BerthFileQueue *self, uint32_t type, const uint8_t *body, size_t len)
{
    BerthMsgFileAnswer answer;
    BerthMsgFileAck ack;
    File *file;

    if (type == BERTH_GUEST_FILE_ANSWER &&
        berth_msg_file_answer_decode(body, len, &answer) == BERTH_OK) {
        file = find_file(self, answer.id);
        if (file && answer.status == BERTH_FILE_SEND) {
            file->state = FILE_SENDING;
        } else if (file) {
            end_file(self, file, (BerthFileStatus)answer.status);
        }
    } else if (type == BERTH_GUEST_FILE_ACK &&
               berth_msg_file_ack_decode(body, len, &ack) == BERTH_OK) {
        file = find_file(self, ack.id);
        if (file && ack.n_bytes >= file->n_taken && ack.n_bytes <= file->n_sent) {
            file->n_taken = ack.n_bytes;
        }
    }
}

/* Bytes that may be sent of a file now. */
static size_t
get_room(const File *file)
{
    uint64_t window = BERTH_LIMIT_FILE_WINDOW_BYTES - (file->n_sent - file->n_taken);

    if (file->state != FILE_SENDING) {
        return 0;
    }
    return (size_t)MIN(MIN(window, file->size_bytes - file->n_sent), BERTH_LIMIT_SHARE_DATA_BYTES);
}

/* Sends a part; false if the file cannot be read as it was offered. */
static bool
send_part(BerthFileQueue *self, File *file, size_t room)
{
    g_autofree uint8_t *bytes = g_malloc(room);
    ssize_t n = pread(file->fd, bytes, room, (off_t)file->n_sent);
    BerthMsgFileData data = { .id = file->id, .data = bytes, .data_len = (size_t)MAX(n, 0) };
    BerthWriter writer;

    if (n <= 0) {
        return n < 0 && errno == EINTR;
    }
    file->n_sent += (uint64_t)n;
    berth_writer_init(&writer, BERTH_LIMIT_SHARE_DATA_BYTES + BERTH_LIMIT_FRAGMENT_BYTES);
    berth_msg_file_data_encode(&writer, &data);
    send_written(self, BERTH_GUEST_FILE_DATA, &writer);
    return true;
}

void
berth_file_queue_pump(BerthFileQueue *self, size_t n_queued_bytes)
{
    bool has_moved = true;

    /* They take turns. */
    while (has_moved && n_queued_bytes < QUEUE_BYTES) {
        has_moved = false;
        for (guint i = 0; i < self->files->len; i++) {
            File *file = g_ptr_array_index(self->files, i);
            size_t room = get_room(file);

            if (room == 0) {
                continue;
            }
            has_moved = true;
            n_queued_bytes += room;
            if (!send_part(self, file, room)) {
                send_cancel(self, file);
                end_file(self, file, BERTH_FILE_FAILED);
                break;
            }
        }
    }
}
