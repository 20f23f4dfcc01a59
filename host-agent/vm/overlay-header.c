/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/overlay-header.h"

#include "base/depot/qcow2-header.h"
#include "base/error.h"
#include "base/read-start.h"
#include "berth/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

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
read_backing(const uint8_t *bytes, size_t len, const BerthQcow2Header *header,
             BerthOverlayHeader *ret)
{
    uint64_t offset = header->backing_offset;
    uint32_t n = header->backing_bytes;
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
take_format(const uint8_t *bytes, size_t n, BerthOverlayHeader *ret)
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
read_extensions(const uint8_t *bytes, size_t len, const BerthQcow2Header *header,
                BerthOverlayHeader *ret)
{
    BerthQcow2Extension extension;
    size_t at = header->header_bytes;
    if (at < BERTH_QCOW2_HEADER_3_BYTES || at % 8 != 0) {
        return BERTH_ERR_CORRUPT;
    }
    int error = berth_qcow2_extension_read(bytes, len, &at, &extension);
    while (error == BERTH_OK && extension.type != BERTH_QCOW2_EXTENSION_END) {
        if (extension.type == BERTH_QCOW2_EXTENSION_BACKING_FORMAT) {
            error = take_format(extension.bytes, extension.n, ret);
        }
        if (error == BERTH_OK) {
            error = berth_qcow2_extension_read(bytes, len, &at, &extension);
        }
    }
    return error == BERTH_ERR_NOT_FOUND ? BERTH_ERR_TRUNCATED : error;
}

static int
check_features(const BerthQcow2Header *header)
{
    if (header->cluster_bits < BERTH_QCOW2_MIN_CLUSTER_BITS ||
        header->cluster_bits > BERTH_QCOW2_MAX_CLUSTER_BITS) {
        return BERTH_ERR_CORRUPT;
    }
    bool is_ours = header->version == 3 && header->crypt == 0 && header->n_snapshots == 0 &&
                   header->incompatible == 0;
    return is_ours ? BERTH_OK : BERTH_ERR_UNSUPPORTED;
}

int
berth_overlay_header_parse(const uint8_t *bytes, size_t len, BerthOverlayHeader *ret)
{
    BerthQcow2Header qcow2;
    g_auto(BerthOverlayHeader) header = { 0 };
    int error = berth_qcow2_header_read(bytes, len, &qcow2);
    if (error == BERTH_OK) {
        error = check_features(&qcow2);
    }
    if (error == BERTH_OK) {
        error = read_backing(bytes, len, &qcow2, &header);
    }
    if (error == BERTH_OK) {
        error = read_extensions(bytes, len, &qcow2, &header);
    }
    if (error != BERTH_OK) {
        return error;
    }
    header.size_bytes = qcow2.size_bytes;
    if (header.size_bytes == 0 || header.size_bytes > INT64_MAX) {
        return BERTH_ERR_CORRUPT;
    }
    *ret = header;
    memset(&header, 0, sizeof header);
    return BERTH_OK;
}

bool
berth_overlay_header_load(const char *path, BerthOverlayHeader *ret, GError **error)
{
    g_autofree uint8_t *bytes = g_malloc(BERTH_OVERLAY_HEADER_BYTES);
    ssize_t n = berth_read_file_start(path, O_NOFOLLOW, bytes, BERTH_OVERLAY_HEADER_BYTES);
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
