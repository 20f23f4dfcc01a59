/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/play/recording-file.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Heads of records are small: a file is read in pieces of this size. */
#define AHEAD_BYTES (64 * 1024)

struct BerthRecordingFile {
    int fd;
    uint64_t size;
    BerthRecordingReader *reader;
    uint64_t ahead_offset; /* of what is in ahead */
    size_t ahead_len;
    uint8_t ahead[AHEAD_BYTES];
};

/* Reads up to len bytes, fewer only at the end of the file; -1 on an error. */
static ssize_t
read_bytes(int fd, uint64_t offset, uint8_t *data, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = pread(fd, data + done, len - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        if (n == 0) {
            break;
        }
        done += (size_t)n;
    }
    return (ssize_t)done;
}

static int
read_ahead(BerthRecordingFile *self, uint64_t offset)
{
    ssize_t n = read_bytes(self->fd, offset, self->ahead, sizeof self->ahead);
    self->ahead_offset = offset;
    self->ahead_len = n < 0 ? 0 : (size_t)n;
    return n < 0 ? BERTH_ERR_IO : BERTH_OK;
}

static int
read_source(uint64_t offset, uint8_t *data, size_t len, void *user_data)
{
    BerthRecordingFile *self = user_data;
    if (len > sizeof self->ahead / 2) {
        ssize_t n = read_bytes(self->fd, offset, data, len);
        return n == (ssize_t)len ? BERTH_OK : BERTH_ERR_IO;
    }
    bool is_there = offset >= self->ahead_offset &&
                    offset - self->ahead_offset <= self->ahead_len &&
                    len <= self->ahead_len - (size_t)(offset - self->ahead_offset);
    int r = is_there ? BERTH_OK : read_ahead(self, offset);
    if (r == BERTH_OK && len > self->ahead_len - (size_t)(offset - self->ahead_offset)) {
        r = BERTH_ERR_IO; /* the file got shorter */
    }
    if (r == BERTH_OK) {
        memcpy(data, self->ahead + (offset - self->ahead_offset), len);
    }
    return r;
}

static bool
open_reader(BerthRecordingFile *self, const char *path, GError **error)
{
    BerthRecordingSource source = { self->size, read_source, self };
    int code;
    self->reader = berth_recording_reader_new(&source, &code);
    switch (code) {
    case BERTH_OK:
        return true;
    case BERTH_ERR_CORRUPT:
        return berth_set_error(error, code, _("%s is not a recording, or holds no picture"), path);
    case BERTH_ERR_VERSION:
        return berth_set_error(error, code, _("%s is a recording of another version"), path);
    default:
        return berth_set_error(error, code, _("%s cannot be read: %s"), path,
                               _(berth_error_sentence(code)));
    }
}

BerthRecordingFile *
berth_recording_file_open(const char *path, GError **error)
{
    g_autoptr(BerthRecordingFile) self = g_new0(BerthRecordingFile, 1);
    struct stat status;
    self->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (self->fd < 0) {
        int code = errno == ENOENT ? BERTH_ERR_NOT_FOUND : BERTH_ERR_IO;
        berth_set_error(error, code, _("%s cannot be opened: %s"), path, g_strerror(errno));
        return NULL;
    }
    if (fstat(self->fd, &status) < 0 || !S_ISREG(status.st_mode)) {
        berth_set_error(error, BERTH_ERR_IO, _("%s is not a file"), path);
        return NULL;
    }
    self->size = (uint64_t)status.st_size;
    return open_reader(self, path, error) ? g_steal_pointer(&self) : NULL;
}

void
berth_recording_file_close(BerthRecordingFile *self)
{
    if (self != NULL) {
        berth_recording_reader_free(self->reader);
        if (self->fd >= 0) {
            close(self->fd);
        }
        g_free(self);
    }
}

BerthRecordingReader *
berth_recording_file_get_reader(BerthRecordingFile *self)
{
    return self->reader;
}

uint64_t
berth_recording_file_get_size(const BerthRecordingFile *self)
{
    return self->size;
}
