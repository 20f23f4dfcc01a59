/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/tasks/flatten.h"

#include "base/cleanup.h"
#include "base/depot/image-tool.h"
#include "base/depot/qcow2-header.h"
#include "base/error.h"
#include "base/read-start.h"
#include "berth/errors.h"
#include "berth/limits.h"
#include "host-agent/vm/overlay-header.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MAX_ARGUMENTS 20

/* What one file says of itself. */
typedef struct {
    bool is_qcow2;
    uint64_t size_bytes;
    char *below; /* absolute path; NULL: it stands alone */
    bool is_below_raw;
} Look;

static bool
fail_errno(GError **error, const char *path)
{
    int errnum = errno;
    return berth_set_error(error, berth_error_from_errno(errnum), "cannot read \"%s\": %s", path,
                           g_strerror(errnum));
}

/* A relative name is one beside the file, as QEMU takes it. */
static char *
dup_below(const char *path, const uint8_t *bytes, size_t n, const BerthQcow2Header *header)
{
    bool is_there = header->backing_offset <= n && header->backing_bytes > 0 &&
                    header->backing_bytes <= n - header->backing_offset;
    if (!is_there) {
        return NULL;
    }
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *name =
        g_strndup((const char *)bytes + header->backing_offset, header->backing_bytes);
    return g_path_is_absolute(name) ? g_steal_pointer(&name) : g_build_filename(folder, name, NULL);
}

/* What a guest wrote to the start of a raw file is not taken for a header. */
static bool
says_raw(const uint8_t *bytes, size_t n, const BerthQcow2Header *header)
{
    BerthQcow2Extension extension;
    size_t at = header->header_bytes;
    while (berth_qcow2_extension_read(bytes, n, &at, &extension) == BERTH_OK &&
           extension.type != BERTH_QCOW2_EXTENSION_END) {
        if (extension.type == BERTH_QCOW2_EXTENSION_BACKING_FORMAT) {
            return extension.n == 3 && memcmp(extension.bytes, "raw", 3) == 0;
        }
    }
    return false;
}

static bool
look_at(const char *path, Look *ret, GError **error)
{
    BerthQcow2Header header;
    g_autofree uint8_t *bytes = g_malloc(BERTH_OVERLAY_HEADER_BYTES);
    ssize_t n = berth_read_file_start(path, 0, bytes, BERTH_OVERLAY_HEADER_BYTES);
    if (n < 0) {
        return fail_errno(error, path);
    }
    int code = berth_qcow2_header_read(bytes, (size_t)n, &header);
    *ret = (Look){ .is_qcow2 = code == BERTH_OK };
    if (code == BERTH_OK) {
        ret->size_bytes = header.size_bytes;
        ret->below = dup_below(path, bytes, (size_t)n, &header);
        ret->is_below_raw = says_raw(bytes, (size_t)n, &header);
    }
    if (code == BERTH_OK && header.backing_offset != 0 && ret->below == NULL) {
        return berth_set_error(error, BERTH_ERR_CORRUPT,
                               "the header of \"%s\" does not say what the disk stands on", path);
    }
    return true;
}

/* Adds what a file stands on, and so on. */
static bool
add_files_below(GPtrArray *files, Look *look, GError **error)
{
    while (look->below != NULL) {
        bool is_raw = look->is_below_raw;
        char *path = g_steal_pointer(&look->below);
        g_ptr_array_add(files, path);
        if (files->len > BERTH_IMAGE_MAX_READ_PATHS) {
            return berth_set_error(error, BERTH_ERR_TOO_LARGE,
                                   "the disk \"%s\" stands on too many files",
                                   (const char *)files->pdata[0]);
        }
        if (!is_raw && !look_at(path, look, error)) {
            return false;
        }
    }
    return true;
}

GPtrArray *
berth_flatten_list_files(const char *disk, uint64_t *ret_size_bytes, GError **error)
{
    Look look = { 0 };
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
    if (!look_at(disk, &look, error)) {
        return NULL;
    }
    uint64_t size_bytes = look.size_bytes;
    g_ptr_array_add(files, g_strdup(disk));
    if (!look.is_qcow2 || size_bytes == 0 || size_bytes > BERTH_LIMIT_IMAGE_BYTES) {
        g_free(look.below);
        berth_set_error(error, BERTH_ERR_CORRUPT, "the disk \"%s\" is no qcow2 file", disk);
        return NULL;
    }
    if (!add_files_below(files, &look, error)) {
        return NULL;
    }
    g_ptr_array_add(files, NULL);
    *ret_size_bytes = size_bytes;
    return g_steal_pointer(&files);
}

/* qemu-img opens it and makes nothing: it may write to this file only. */
static bool
make_target(const char *path, uint64_t size_bytes, GError **error)
{
    unlink(path);
    berth_autofd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)size_bytes) != 0) {
        int errnum = errno;
        return berth_set_error(error, berth_error_from_errno(errnum), "cannot make \"%s\": %s",
                               path, g_strerror(errnum));
    }
    return true;
}

static void
make_arguments(const BerthFlatten *flatten, const char *point, const char **ret)
{
    static const char *const words[] = { "convert", "-q",        "-n", "--target-is-zero",
                                         "-S",      "64k",       "-t", "writeback",
                                         "-T",      "writeback", "-f", "qcow2",
                                         "-O",      "raw" };
    size_t n = 0;
    for (; n < G_N_ELEMENTS(words); n++) {
        ret[n] = words[n];
    }
    if (flatten->point[0] != '\0') {
        ret[n++] = "-l";
        ret[n++] = point;
    }
    ret[n++] = flatten->disk;
    ret[n++] = flatten->raw_path;
    ret[n] = NULL;
}

BerthChild *
berth_flatten_start(const BerthFlatten *flatten, BerthChildDone done, void *user_data,
                    GError **error)
{
    uint64_t size_bytes = 0;
    g_autoptr(GPtrArray) files = berth_flatten_list_files(flatten->disk, &size_bytes, error);
    g_autofree char *program = g_find_program_in_path(flatten->host->qemu_img_program);
    if (files == NULL || !make_target(flatten->raw_path, size_bytes, error)) {
        return NULL;
    }
    if (program == NULL) {
        berth_set_error(error, BERTH_ERR_NOT_FOUND, "there is no program \"%s\"",
                        flatten->host->qemu_img_program);
        return NULL;
    }
    const BerthImageTools tools = { flatten->host->image_sandbox_program, program };
    const BerthImageBox box = { .tools = &tools,
                                .read_paths = (const char *const *)files->pdata,
                                .write_path = flatten->raw_path,
                                .file_bytes = size_bytes,
                                .cpu_us = (int64_t)flatten->timeout_ms * 1000 };
    g_autofree char *point = g_strconcat("snapshot.name=", flatten->point, NULL);
    const char *arguments[MAX_ARGUMENTS] = { NULL };
    make_arguments(flatten, point, arguments);
    g_autoptr(GPtrArray) argv = berth_image_box_argv(&box, arguments);
    return berth_child_run(flatten->host->poller, (const char *const *)argv->pdata,
                           flatten->timeout_ms, done, user_data, error);
}
