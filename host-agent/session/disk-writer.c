/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/disk-writer.h"

#include "base/error.h"
#include "base/worker-pool.h"

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

/* Pieces that may wait; the caller looks at their bytes long before. */
#define MAX_PIECES 65536

struct BerthDiskWriter {
    BerthWorkerPool *thread;
    int fd;
    BerthDiskFailedFunc failed;
    void *user_data;
    size_t n_queued_bytes;
    bool has_failed; /* main */
};

typedef struct {
    BerthDiskWriter *writer;
    uint8_t *data;
    size_t len;
    int error; /* errno, 0 if it was written */
} Piece;

/* In the thread. */
static void
write_piece(void *job)
{
    Piece *piece = job;
    size_t done = 0;

    while (done < piece->len && piece->error == 0) {
        ssize_t n = write(piece->writer->fd, piece->data + done, piece->len - done);

        if (n > 0) {
            done += (size_t)n;
        } else if (n == 0 || errno != EINTR) {
            piece->error = n == 0 ? ENOSPC : errno;
        }
    }
}

static void
on_written(void *job)
{
    Piece *piece = job;
    BerthDiskWriter *self = piece->writer;

    self->n_queued_bytes -= piece->len;
    if (piece->error != 0 && !self->has_failed) {
        self->has_failed = true;
        self->failed(g_strerror(piece->error), self->user_data);
    }
    g_free(piece->data);
    g_free(piece);
}

BerthDiskWriter *
berth_disk_writer_new(GMainContext *context, int fd, BerthDiskFailedFunc failed, void *user_data)
{
    BerthDiskWriter *self = g_new0(BerthDiskWriter, 1);

    self->thread = berth_worker_pool_new(context, 1, MAX_PIECES);
    self->fd = fd;
    self->failed = failed;
    self->user_data = user_data;
    return self;
}

void
berth_disk_writer_free(BerthDiskWriter *self)
{
    if (self) {
        self->has_failed = true; /* nobody is to be told any more */
        berth_worker_pool_free(self->thread);
        close(self->fd);
        g_free(self);
    }
}

void
berth_disk_writer_put(BerthDiskWriter *self, uint8_t *data, size_t len)
{
    Piece *piece;

    if (self->has_failed || len == 0) {
        g_free(data);
        return;
    }
    piece = g_new0(Piece, 1);
    *piece = (Piece){ .writer = self, .data = data, .len = len };
    self->n_queued_bytes += len;
    if (berth_worker_pool_submit(self->thread, write_piece, on_written, piece) < 0) {
        piece->error = EBUSY;
        on_written(piece);
    }
}

size_t
berth_disk_writer_get_queued_bytes(const BerthDiskWriter *self)
{
    return self->n_queued_bytes;
}
