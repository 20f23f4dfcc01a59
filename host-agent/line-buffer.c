/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/line-buffer.h"

#include "berth/errors.h"

#include <stdbool.h>
#include <string.h>

void
berth_line_buffer_init(BerthLineBuffer *self, size_t max_line_bytes)
{
    memset(self, 0, sizeof *self);
    self->bytes = g_byte_array_new();
    self->max_line = max_line_bytes;
}

void
berth_line_buffer_clear(BerthLineBuffer *self)
{
    if (self->bytes != NULL) {
        g_byte_array_unref(self->bytes);
    }
    memset(self, 0, sizeof *self);
}

static void
drop_taken(BerthLineBuffer *self)
{
    if (self->start > 0) {
        g_byte_array_remove_range(self->bytes, 0, (guint)self->start);
        self->scanned -= self->start;
        self->start = 0;
    }
}

int
berth_line_buffer_feed(BerthLineBuffer *self, const void *data, size_t len)
{
    if (self->error != BERTH_OK) {
        return self->error;
    }
    drop_taken(self);
    const uint8_t *first = memchr(data, '\n', len);
    size_t n_open =
        self->bytes->len + (first != NULL ? (size_t)(first - (const uint8_t *)data) : len);
    /* An empty array has no memory, which memchr() must not be given. */
    size_t n_new = self->bytes->len - self->scanned;
    bool has_line = n_new > 0 && memchr(self->bytes->data + self->scanned, '\n', n_new) != NULL;
    if (!has_line && n_open > self->max_line) {
        self->error = BERTH_ERR_TOO_LARGE;
        return self->error;
    }
    g_byte_array_append(self->bytes, data, (guint)len);
    return BERTH_OK;
}

int
berth_line_buffer_take(BerthLineBuffer *self, const char **ret_line, size_t *ret_len)
{
    const uint8_t *data = self->bytes->data;
    const uint8_t *newline = NULL;

    if (self->error != BERTH_OK) {
        return self->error;
    }
    if (self->scanned < self->bytes->len) {
        newline = memchr(data + self->scanned, '\n', self->bytes->len - self->scanned);
    }
    if (newline == NULL) {
        self->scanned = self->bytes->len;
        if (self->bytes->len - self->start > self->max_line) {
            self->error = BERTH_ERR_TOO_LARGE;
            return self->error;
        }
        return BERTH_ERR_AGAIN;
    }
    size_t end = (size_t)(newline - data);
    size_t len = end - self->start;
    if (len > self->max_line) {
        self->error = BERTH_ERR_TOO_LARGE;
        return self->error;
    }
    *ret_line = (const char *)data + self->start;
    if (len > 0 && (*ret_line)[len - 1] == '\r') {
        len--;
    }
    *ret_len = len;
    self->start = end + 1;
    self->scanned = self->start;
    return BERTH_OK;
}
