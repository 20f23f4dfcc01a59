/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Layout: docs/interop/qcow2.txt of QEMU; all numbers are big-endian.
 */
#include "host-agent/vm/overlay-header.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "berth/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MAGIC 0x514649fbu
#define EXTENSION_END 0u
#define EXTENSION_BACKING_FORMAT 0xe2792acau

/* Offsets in the header. */
enum {
    AT_VERSION = 4,
    AT_BACKING_OFFSET = 8,
    AT_BACKING_BYTES = 16,
    AT_CLUSTER_BITS = 20,
    AT_SIZE = 24,
    AT_CRYPT = 32,
    AT_SNAPSHOTS = 60,
    AT_INCOMPATIBLE = 72,
    AT_HEADER_BYTES = 100,
    HEADER_V3_BYTES = 104,
    EXTENSION_HEAD_BYTES = 8,
};

static uint32_t
peek_u32(const uint8_t *bytes, size_t at)
{
    uint32_t value;
    memcpy(&value, bytes + at, sizeof value);
    return GUINT32_FROM_BE(value);
}

static uint64_t
peek_u64(const uint8_t *bytes, size_t at)
{
    return (uint64_t)peek_u32(bytes, at) << 32 | peek_u32(bytes, at + 4);
}

/* QEMU takes "json:" and "nbd:" for drivers and a relative name for one beside the overlay. */
static bool
is_plain_path(const char *path, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f) {
            return false;
        }
    }
    return n > 1 && path[0] == '/';
}

static int
read_backing(const uint8_t *bytes, size_t len, BerthOverlayHeader *ret)
{
    uint64_t offset = peek_u64(bytes, AT_BACKING_OFFSET);
    uint32_t n = peek_u32(bytes, AT_BACKING_BYTES);
    if (offset == 0) {
        return BERTH_OK;
    }
    if (n == 0 || n > BERTH_OVERLAY_BACKING_BYTES) {
        return BERTH_ERR_CORRUPT;
    }
    if (offset > len || n > len - offset) {
        return BERTH_ERR_TRUNCATED;
    }
    if (!is_plain_path((const char *)bytes + offset, n)) {
        return BERTH_ERR_UNSUPPORTED;
    }
    ret->backing_path = g_strndup((const char *)bytes + offset, n);
    return BERTH_OK;
}

static int
take_format(const uint8_t *bytes, uint32_t n, BerthOverlayHeader *ret)
{
    bool is_raw = n == 3 && memcmp(bytes, "raw", 3) == 0;
    bool is_qcow2 = n == 5 && memcmp(bytes, "qcow2", 5) == 0;
    if ((!is_raw && !is_qcow2) || ret->backing_format != NULL) {
        return BERTH_ERR_UNSUPPORTED;
    }
    ret->backing_format = g_strdup(is_raw ? "raw" : "qcow2");
    return BERTH_OK;
}

static int
read_extensions(const uint8_t *bytes, size_t len, BerthOverlayHeader *ret)
{
    size_t at = peek_u32(bytes, AT_HEADER_BYTES);
    if (at < HEADER_V3_BYTES || at % 8 != 0) {
        return BERTH_ERR_CORRUPT;
    }
    while (at <= len && len - at >= EXTENSION_HEAD_BYTES) {
        uint32_t type = peek_u32(bytes, at);
        uint32_t n = peek_u32(bytes, at + 4);
        at += EXTENSION_HEAD_BYTES;
        if (type == EXTENSION_END) {
            return BERTH_OK;
        }
        if (n > len - at) {
            return BERTH_ERR_TRUNCATED;
        }
        if (type == EXTENSION_BACKING_FORMAT) {
            int error = take_format(bytes + at, n, ret);
            if (error != BERTH_OK) {
                return error;
            }
        }
        at += ((size_t)n + 7) / 8 * 8;
    }
    return BERTH_ERR_TRUNCATED;
}

static int
check_features(const uint8_t *bytes)
{
    if (peek_u32(bytes, 0) != MAGIC) {
        return BERTH_ERR_CORRUPT;
    }
    uint32_t cluster_bits = peek_u32(bytes, AT_CLUSTER_BITS);
    if (cluster_bits < 9 || cluster_bits > 21) {
        return BERTH_ERR_CORRUPT;
    }
    bool is_ours = peek_u32(bytes, AT_VERSION) == 3 && peek_u32(bytes, AT_CRYPT) == 0 &&
                   peek_u32(bytes, AT_SNAPSHOTS) == 0 && peek_u64(bytes, AT_INCOMPATIBLE) == 0;
    return is_ours ? BERTH_OK : BERTH_ERR_UNSUPPORTED;
}

int
berth_overlay_header_parse(const uint8_t *bytes, size_t len, BerthOverlayHeader *ret)
{
    g_auto(BerthOverlayHeader) header = { 0 };
    if (len < HEADER_V3_BYTES) {
        return BERTH_ERR_TRUNCATED;
    }
    int error = check_features(bytes);
    if (error == BERTH_OK) {
        error = read_backing(bytes, len, &header);
    }
    if (error == BERTH_OK) {
        error = read_extensions(bytes, len, &header);
    }
    if (error != BERTH_OK) {
        return error;
    }
    header.size_bytes = peek_u64(bytes, AT_SIZE);
    if (header.size_bytes == 0 || header.size_bytes > INT64_MAX) {
        return BERTH_ERR_CORRUPT;
    }
    *ret = header;
    memset(&header, 0, sizeof header);
    return BERTH_OK;
}

static ssize_t
read_start(int fd, uint8_t *bytes)
{
    size_t n_read = 0;
    while (n_read < BERTH_OVERLAY_HEADER_BYTES) {
        ssize_t n = read(fd, bytes + n_read, BERTH_OVERLAY_HEADER_BYTES - n_read);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? -1 : (ssize_t)n_read;
        }
        n_read += (size_t)n;
    }
    return (ssize_t)n_read;
}

bool
berth_overlay_header_load(const char *path, BerthOverlayHeader *ret, GError **error)
{
    g_autofree uint8_t *bytes = g_malloc(BERTH_OVERLAY_HEADER_BYTES);
    berth_autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd >= 0 ? read_start(fd, bytes) : -1;
    if (n < 0) {
        return berth_set_error(error, berth_error_from_errno(errno),
                               "the disk \"%s\" cannot be read: %s", path, g_strerror(errno));
    }
    int code = berth_overlay_header_parse(bytes, (size_t)n, ret);
    return code == BERTH_OK ||
           berth_set_error(error, code, "the disk \"%s\" is not one that this host made: %s", path,
                           berth_error_sentence(code));
}

void
berth_overlay_header_clear(BerthOverlayHeader *self)
{
    g_free(self->backing_path);
    g_free(self->backing_format);
    memset(self, 0, sizeof *self);
}
