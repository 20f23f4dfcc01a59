/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Layouts: vmdk by VMware's "Virtual Disk Format 5.0"; vdi as VirtualBox writes it (both
 * little-endian).
 */
#include "base/depot/image-header.h"

#include "base/depot/qcow2-header.h"
#include "base/error.h"

#include <string.h>

#define SECTOR_BYTES 512u

/* qcow2 */
#define QCOW2_MAX_L1_BYTES (32u * 1024 * 1024)
#define QCOW2_FEATURES_READ (BERTH_QCOW2_DIRTY | BERTH_QCOW2_COMPRESSION | BERTH_QCOW2_EXTENDED_L2)

/* vmdk */
#define VMDK_HEADER_BYTES 512u
#define VMDK_DESCRIPTOR_MAX_SECTORS 100u
#define VMDK_NO_PARENT "ffffffff"

/* vdi */
#define VDI_MAGIC 0xbeda107fu
#define VDI_HEADER_BYTES 512u
#define VDI_VERSION 0x00010001u
#define VDI_BLOCK_BYTES (1024u * 1024)

typedef struct {
    const uint8_t *bytes;
    size_t n;
    uint64_t file_bytes;
    uint64_t virtual_bytes;
} Look;

static const char *const format_names[] = {
    [BERTH_IMAGE_RAW] = "raw",
    [BERTH_IMAGE_QCOW2] = "qcow2",
    [BERTH_IMAGE_VMDK] = "vmdk",
    [BERTH_IMAGE_VDI] = "vdi",
};

const char *
berth_image_format_name(BerthImageFormat format)
{
    return format_names[format];
}

bool
berth_image_format_parse(const char *name, BerthImageFormat *ret, GError **error)
{
    for (int i = 0; i < BERTH_IMAGE_N_FORMATS; i++) {
        if (g_strcmp0(name, format_names[i]) == 0) {
            *ret = (BerthImageFormat)i;
            return true;
        }
    }
    return berth_set_error(error, BERTH_ERR_UNSUPPORTED,
                           "the format \"%s\" cannot be imported; there are raw, qcow2, vmdk and "
                           "vdi",
                           name);
}

/* The caller has checked that offset + size lies in the bytes. */
static uint32_t
le32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static uint64_t
le64(const uint8_t *p)
{
    return (uint64_t)le32(p + 4) << 32 | le32(p);
}

static bool
begins_with(const uint8_t *bytes, size_t n, const char *text)
{
    return n >= strlen(text) && memcmp(bytes, text, strlen(text)) == 0;
}

bool
berth_image_format_guess(const uint8_t *bytes, size_t n, BerthImageFormat *ret, GError **error)
{
    if (begins_with(bytes, n, "QFI\xfb")) {
        *ret = BERTH_IMAGE_QCOW2;
    } else if (begins_with(bytes, n, "KDMV") || begins_with(bytes, n, "COWD") ||
               begins_with(bytes, n, "# Disk DescriptorFile")) {
        *ret = BERTH_IMAGE_VMDK;
    } else if (n >= 0x44 && le32(bytes + 0x40) == VDI_MAGIC) {
        *ret = BERTH_IMAGE_VDI;
    } else if (n >= SECTOR_BYTES && bytes[510] == 0x55 && bytes[511] == 0xaa) {
        *ret = BERTH_IMAGE_RAW;
    } else {
        return berth_set_error(error, BERTH_ERR_UNSUPPORTED,
                               "the file begins as no disk that is known here; say its format "
                               "(raw, qcow2, vmdk or vdi)");
    }
    return true;
}

static bool
fail(GError **error, int code, const char *problem)
{
    return berth_set_error(error, code, "the image is refused: %s", problem);
}

/* Names of other files hide behind the header; the list ends with its mark or where data begins. */
static bool
check_qcow2_extensions(const Look *look, const BerthQcow2Header *header, GError **error)
{
    BerthQcow2Extension extension;
    size_t at = header->header_bytes;
    size_t end = (size_t)MIN(1ull << header->cluster_bits, look->n);
    int code = berth_qcow2_extension_read(look->bytes, end, &at, &extension);
    while (code == BERTH_OK && extension.type != BERTH_QCOW2_EXTENSION_END) {
        if (extension.type == BERTH_QCOW2_EXTENSION_DATA_FILE) {
            return fail(error, BERTH_ERR_FORBIDDEN, "it names a data file elsewhere");
        }
        code = berth_qcow2_extension_read(look->bytes, end, &at, &extension);
    }
    return code != BERTH_ERR_TRUNCATED ||
           fail(error, BERTH_ERR_INVALID, "its header is longer than it may be");
}

static bool
check_qcow2_features(const Look *look, const BerthQcow2Header *header, GError **error)
{
    if (header->incompatible & BERTH_QCOW2_DATA_FILE) {
        return fail(error, BERTH_ERR_FORBIDDEN, "its data is in another file");
    }
    if (header->incompatible & BERTH_QCOW2_CORRUPT) {
        return fail(error, BERTH_ERR_INVALID,
                    "it is marked as corrupt; repair it with qemu-img check -r first");
    }
    if (header->incompatible & ~(uint64_t)QCOW2_FEATURES_READ) {
        return fail(error, BERTH_ERR_UNSUPPORTED, "it has features that are not known here");
    }
    size_t least = header->version == 3 ? BERTH_QCOW2_HEADER_3_BYTES : BERTH_QCOW2_HEADER_2_BYTES;
    return (header->header_bytes >= least && header->header_bytes <= look->n) ||
           fail(error, BERTH_ERR_INVALID, "the length of its header is impossible");
}

/* The first table must be in the file and large enough for the disk that the header promises. */
static bool
check_qcow2_table(const Look *look, const BerthQcow2Header *header, GError **error)
{
    uint64_t cluster_bytes = 1ull << header->cluster_bits;
    uint64_t n_l1 = header->n_l1;
    uint64_t entry_bytes = header->incompatible & BERTH_QCOW2_EXTENDED_L2 ? 16 : 8;
    uint64_t covered = cluster_bytes * (cluster_bytes / entry_bytes);
    uint64_t needed = header->size_bytes / covered + (header->size_bytes % covered != 0 ? 1 : 0);
    if (n_l1 < needed || n_l1 * 8 > QCOW2_MAX_L1_BYTES) {
        return fail(error, BERTH_ERR_INVALID, "its first table does not fit its size");
    }
    if (header->l1_offset % cluster_bytes != 0 || header->l1_offset > look->file_bytes ||
        n_l1 * 8 > look->file_bytes - header->l1_offset) {
        return fail(error, BERTH_ERR_INVALID, "its first table is outside of the file");
    }
    return true;
}

static bool
check_qcow2_fields(const BerthQcow2Header *header, GError **error)
{
    if (header->backing_offset != 0 || header->backing_bytes != 0) {
        return fail(error, BERTH_ERR_FORBIDDEN,
                    "it has a backing file; make it whole with qemu-img convert first");
    }
    if (header->cluster_bits < BERTH_QCOW2_MIN_CLUSTER_BITS ||
        header->cluster_bits > BERTH_QCOW2_MAX_CLUSTER_BITS) {
        return fail(error, BERTH_ERR_INVALID, "the size of its clusters is impossible");
    }
    return header->crypt == 0 || fail(error, BERTH_ERR_FORBIDDEN, "it is encrypted");
}

static bool
look_at_qcow2(Look *look, GError **error)
{
    BerthQcow2Header header;
    int code = berth_qcow2_header_read(look->bytes, look->n, &header);
    if (code == BERTH_ERR_UNSUPPORTED) {
        return fail(error, code, "it is a qcow2 of an unknown version");
    }
    if (code != BERTH_OK) {
        return fail(error, BERTH_ERR_INVALID,
                    code == BERTH_ERR_CORRUPT ? "it is no qcow2" : "its header is cut");
    }
    look->virtual_bytes = header.size_bytes;
    return check_qcow2_fields(&header, error) && check_qcow2_features(look, &header, error) &&
           check_qcow2_extensions(look, &header, error) && check_qcow2_table(look, &header, error);
}

/* "RW 131072 SPARSE "name"": an extent; the only one is this file itself. */
static bool
check_vmdk_extent(const char *line, int *n_extents, GError **error)
{
    g_auto(GStrv) words = g_strsplit_set(line, " \t", 4);
    if (g_strv_length(words) < 3 || strcmp(words[2], "SPARSE") != 0 || ++*n_extents > 1) {
        return fail(error, BERTH_ERR_FORBIDDEN,
                    "its extents are other files; make it one with qemu-img convert first");
    }
    return true;
}

static bool
check_vmdk_line(const char *line, int *n_extents, GError **error)
{
    if (g_ascii_strncasecmp(line, "parentCID=", 10) == 0 &&
        g_ascii_strcasecmp(line + 10, VMDK_NO_PARENT) != 0) {
        return fail(error, BERTH_ERR_FORBIDDEN, "it is the difference to a parent");
    }
    if (g_ascii_strncasecmp(line, "createType=", 11) == 0 &&
        strcmp(line + 11, "\"monolithicSparse\"") != 0 &&
        strcmp(line + 11, "\"streamOptimized\"") != 0) {
        return fail(error, BERTH_ERR_FORBIDDEN,
                    "only vmdk of one file (monolithicSparse, streamOptimized) can be imported");
    }
    if (g_str_has_prefix(line, "RW ") || g_str_has_prefix(line, "RDONLY ") ||
        g_str_has_prefix(line, "NOACCESS ")) {
        return check_vmdk_extent(line, n_extents, error);
    }
    return true;
}

static bool
check_vmdk_descriptor(const Look *look, uint64_t first_sector, uint64_t n_sectors, GError **error)
{
    if (n_sectors > VMDK_DESCRIPTOR_MAX_SECTORS ||
        first_sector > look->n / SECTOR_BYTES - MIN(look->n / SECTOR_BYTES, n_sectors)) {
        return fail(error, BERTH_ERR_INVALID, "its descriptor is not where it may be");
    }
    const char *start = (const char *)look->bytes + first_sector * SECTOR_BYTES;
    g_autofree char *text = g_strndup(start, (gsize)(n_sectors * SECTOR_BYTES));
    g_auto(GStrv) lines = g_strsplit_set(text, "\r\n", -1);
    int n_extents = 0;
    if (strstr(text, "parentFileNameHint") != NULL) {
        return fail(error, BERTH_ERR_FORBIDDEN,
                    "it has a parent file; make it whole with qemu-img convert first");
    }
    for (char **line = lines; *line != NULL; line++) {
        if (!check_vmdk_line(g_strchug(*line), &n_extents, error)) {
            return false;
        }
    }
    return true;
}

static bool
look_at_vmdk(Look *look, GError **error)
{
    const uint8_t *p = look->bytes;
    if (begins_with(p, look->n, "# Disk DescriptorFile")) {
        return fail(error, BERTH_ERR_FORBIDDEN,
                    "it is a description of other files; make it one with qemu-img convert first");
    }
    if (look->n < VMDK_HEADER_BYTES || !begins_with(p, look->n, "KDMV")) {
        return fail(error, BERTH_ERR_INVALID, "it is no vmdk of one file");
    }
    uint64_t capacity = le64(p + 12);
    uint64_t descriptor_sector = le64(p + 28);
    uint64_t n_descriptor_sectors = le64(p + 36);
    if (capacity == 0) {
        return fail(error, BERTH_ERR_FORBIDDEN, "it has no data of its own");
    }
    if (descriptor_sector == 0 || n_descriptor_sectors == 0) {
        return fail(error, BERTH_ERR_INVALID, "it has no descriptor");
    }
    look->virtual_bytes =
        capacity > UINT64_MAX / SECTOR_BYTES ? UINT64_MAX : capacity * SECTOR_BYTES;
    return check_vmdk_descriptor(look, descriptor_sector, n_descriptor_sectors, error);
}

static bool
are_zero(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

static bool
look_at_vdi(Look *look, GError **error)
{
    const uint8_t *p = look->bytes;
    if (look->n < VDI_HEADER_BYTES || le32(p + 0x40) != VDI_MAGIC) {
        return fail(error, BERTH_ERR_INVALID, "it is no vdi");
    }
    uint32_t type = le32(p + 0x4c);
    uint64_t size = le64(p + 0x170);
    uint64_t n_blocks = le32(p + 0x180);
    if (le32(p + 0x44) != VDI_VERSION || (type != 1 && type != 2)) {
        return fail(error, BERTH_ERR_UNSUPPORTED, "it is a vdi of an unknown version or type");
    }
    if (!are_zero(p + 0x1a8, 32)) {
        return fail(error, BERTH_ERR_FORBIDDEN, "it is the difference to a parent");
    }
    if (le32(p + 0x178) != VDI_BLOCK_BYTES || size > n_blocks * VDI_BLOCK_BYTES) {
        return fail(error, BERTH_ERR_INVALID, "its blocks do not fit its size");
    }
    uint64_t map_offset = le32(p + 0x154);
    if (map_offset > look->file_bytes || n_blocks * 4 > look->file_bytes - map_offset) {
        return fail(error, BERTH_ERR_INVALID, "its table is outside of the file");
    }
    look->virtual_bytes = size;
    return true;
}

static bool
look_at_raw(Look *look, GError **error)
{
    (void)error;
    look->virtual_bytes = look->file_bytes;
    return true;
}

static bool (*const looks[])(Look *look, GError **error) = {
    [BERTH_IMAGE_RAW] = look_at_raw,
    [BERTH_IMAGE_QCOW2] = look_at_qcow2,
    [BERTH_IMAGE_VMDK] = look_at_vmdk,
    [BERTH_IMAGE_VDI] = look_at_vdi,
};

bool
berth_image_header_check(BerthImageFormat format, const uint8_t *bytes, size_t n,
                         uint64_t file_bytes, uint64_t max_virtual_bytes,
                         uint64_t *ret_virtual_bytes, GError **error)
{
    Look look = { .bytes = bytes, .n = n, .file_bytes = file_bytes };
    if (!looks[format](&look, error)) {
        return false;
    }
    if (look.virtual_bytes == 0) {
        return fail(error, BERTH_ERR_INVALID, "its disk is empty");
    }
    if (look.virtual_bytes > max_virtual_bytes) {
        return berth_set_error(error, BERTH_ERR_TOO_LARGE,
                               "the image is refused: its disk has %llu MiB, at most %llu MiB are "
                               "allowed",
                               (unsigned long long)(look.virtual_bytes >> 20),
                               (unsigned long long)(max_virtual_bytes >> 20));
    }
    *ret_virtual_bytes = look.virtual_bytes;
    return true;
}
