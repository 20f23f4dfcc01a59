/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/depot/image-convert.h"

#include "base/cleanup.h"
#include "base/depot/sparse-copy.h"
#include "base/error.h"
#include "base/read-start.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What `qemu-img info` says of one image has 2 KiB. */
#define MAX_INFO_BYTES (256u * 1024)
#define SECTOR_BYTES 512u
#define WHOLE_PERMILLE 1000
/* Status of `qemu-img check`. */
#define CHECK_ONLY_LEAKS 3

typedef struct {
    const BerthImageConvert *spec;
    struct stat source; /* as it was when we looked */
    BerthImageConverted found;
    const char *read_paths[2];
    GString *text; /* output of the run */
} Convert;

static bool
fail_errno(GError **error, const char *what, const char *path)
{
    return berth_set_error(error, berth_error_from_errno(errno), "cannot %s \"%s\": %s", what, path,
                           g_strerror(errno));
}

static void
set_progress(Convert *self, int permille)
{
    if (self->spec->progress_permille != NULL) {
        g_atomic_int_set(self->spec->progress_permille, CLAMP(permille, 0, WHOLE_PERMILLE));
    }
}

/* Our own look. */
static bool
look_at_header(Convert *self, GError **error)
{
    const BerthImageConvert *spec = self->spec;
    berth_autofd int fd = open(spec->source, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &self->source) < 0) {
        return fail_errno(error, "open", spec->source);
    }
    if (!S_ISREG(self->source.st_mode)) {
        return berth_set_error(error, BERTH_ERR_INVALID, "\"%s\" is no file", spec->source);
    }
    g_autofree uint8_t *bytes = g_malloc(BERTH_IMAGE_HEADER_BYTES);
    ssize_t n = berth_read_start(fd, bytes, BERTH_IMAGE_HEADER_BYTES);
    if (n < 0) {
        return fail_errno(error, "read", spec->source);
    }
    bool is_told = spec->format != NULL && spec->format[0] != '\0';
    if (!(is_told ? berth_image_format_parse(spec->format, &self->found.format, error)
                  : berth_image_format_guess(bytes, (size_t)n, &self->found.format, error))) {
        return false;
    }
    return berth_image_header_check(self->found.format, bytes, (size_t)n,
                                    (uint64_t)self->source.st_size, spec->max_virtual_bytes,
                                    &self->found.virtual_bytes, error);
}

static void
keep_output(void *data, const char *bytes, size_t n)
{
    Convert *self = data;
    if (self->text->len + n <= MAX_INFO_BYTES) {
        g_string_append_len(self->text, bytes, (gssize)n);
    }
}

/* "    (12.34/100%)\r" again and again: the last whole one counts. */
static void
take_progress(void *data, const char *bytes, size_t n)
{
    Convert *self = data;
    if (self->text->len + n > MAX_INFO_BYTES) {
        g_string_truncate(self->text, 0);
    }
    g_string_append_len(self->text, bytes, (gssize)n);
    char *open = strrchr(self->text->str, '(');
    if (open != NULL && strchr(open, '/') != NULL) {
        set_progress(self, (int)(CLAMP(g_ascii_strtod(open + 1, NULL), 0, 100) * 10));
        g_string_truncate(self->text, 0);
    }
}

static bool
fail_info(GError **error, int code, const char *problem)
{
    return berth_set_error(error, code, "the image is refused: %s", problem);
}

/* An extent of a vmdk is the file itself, which qemu-img names by the path that we gave. */
static bool
check_info_extents(const json_t *root, const json_t *data, GError **error)
{
    const json_t *extents = json_object_get(data, "extents");
    const char *own = json_string_value(json_object_get(root, "filename"));
    for (size_t i = 0; i < json_array_size(extents); i++) {
        const char *name =
            json_string_value(json_object_get(json_array_get(extents, i), "filename"));
        if (name == NULL || own == NULL || strcmp(name, own) != 0) {
            return fail_info(error, BERTH_ERR_FORBIDDEN, "its data is in other files");
        }
    }
    return true;
}

static bool
check_info_names(const json_t *root, GError **error)
{
    static const char *const backing[] = { "backing-filename", "full-backing-filename",
                                           "backing-filename-format", "backing-image" };
    const json_t *data = json_object_get(json_object_get(root, "format-specific"), "data");
    for (size_t i = 0; i < G_N_ELEMENTS(backing); i++) {
        if (json_object_get(root, backing[i]) != NULL) {
            return fail_info(error, BERTH_ERR_FORBIDDEN, "it has a backing file");
        }
    }
    if (json_object_get(data, "data-file") != NULL) {
        return fail_info(error, BERTH_ERR_FORBIDDEN, "its data is in another file");
    }
    if (json_is_true(json_object_get(root, "encrypted")) ||
        json_object_get(data, "encrypt") != NULL) {
        return fail_info(error, BERTH_ERR_FORBIDDEN, "it is encrypted");
    }
    if (json_is_true(json_object_get(data, "corrupt"))) {
        return fail_info(error, BERTH_ERR_INVALID, "it is marked as corrupt");
    }
    return check_info_extents(root, data, error);
}

bool
berth_image_info_check(const char *json, size_t n, BerthImageFormat format, uint64_t virtual_bytes,
                       GError **error)
{
    json_error_t problem;
    json_auto_t *root =
        n <= MAX_INFO_BYTES ? json_loadb(json, n, JSON_REJECT_DUPLICATES, &problem) : NULL;
    if (!json_is_object(root)) {
        return fail_info(error, BERTH_ERR_INVALID, "qemu-img does not say what it is");
    }
    const char *name = json_string_value(json_object_get(root, "format"));
    const json_t *size = json_object_get(root, "virtual-size");
    if (g_strcmp0(name, berth_image_format_name(format)) != 0 || !json_is_integer(size)) {
        return fail_info(error, BERTH_ERR_INVALID, "qemu-img finds another format in it");
    }
    if (!check_info_names(root, error)) {
        return false;
    }
    if (json_integer_value(size) < 0 || (uint64_t)json_integer_value(size) != virtual_bytes) {
        return fail_info(error, BERTH_ERR_INVALID, "its header says two sizes of its disk");
    }
    return true;
}

static BerthImageRun
run_of(Convert *self)
{
    g_string_truncate(self->text, 0);
    self->read_paths[0] = self->spec->source;
    return (BerthImageRun){
        .box = { .tools = &self->spec->tools,
                 .read_paths = self->read_paths,
                 .cpu_us = self->spec->timeout_us },
        .timeout_us = self->spec->timeout_us,
        .cancel = self->spec->cancel,
        .data = self,
    };
}

/* qemu-img's look, with the format that we found. */
static bool
look_with_tool(Convert *self, GError **error)
{
    BerthImageRun run = run_of(self);
    const char *const arguments[] = {
        "info",
        "--output=json",
        "-f",
        berth_image_format_name(self->found.format),
        self->spec->source,
        NULL,
    };
    run.output = keep_output;
    return berth_image_run(&run, arguments, error) &&
           berth_image_info_check(self->text->str, self->text->len, self->found.format,
                                  self->found.virtual_bytes, error);
}

/*
 * Tables that lead out of the file would be read as zeros without a word.  qemu-img can only check
 * qcow2 and vdi; clusters that nothing uses are no harm.
 */
static bool
check_tables(Convert *self, GError **error)
{
    if (self->found.format != BERTH_IMAGE_QCOW2 && self->found.format != BERTH_IMAGE_VDI) {
        return true;
    }
    BerthImageRun run = run_of(self);
    const char *const arguments[] = {
        "check", "-q", "-f", berth_image_format_name(self->found.format), self->spec->source, NULL,
    };
    run.also_good = CHECK_ONLY_LEAKS;
    return berth_image_run(&run, arguments, error);
}

static bool
look(Convert *self, GError **error)
{
    return look_at_header(self, error) &&
           (self->found.format == BERTH_IMAGE_RAW || look_with_tool(self, error));
}

/* A disk that unpacks to more than there is room for ends before the room does. */
static bool
is_within_room(void *data, GError **error)
{
    Convert *self = data;
    struct stat status;
    if (stat(self->spec->target, &status) < 0) {
        return fail_errno(error, "watch", self->spec->target);
    }
    uint64_t stored_bytes = (uint64_t)status.st_blocks * SECTOR_BYTES;
    if (stored_bytes > self->spec->max_stored_bytes) {
        return berth_set_error(error, BERTH_ERR_DISK_FULL,
                               "the image unpacks to more than the %llu MiB that there is room for",
                               (unsigned long long)(self->spec->max_stored_bytes >> 20));
    }
    return true;
}

static bool
convert_with_tool(Convert *self, GError **error)
{
    BerthImageRun run = run_of(self);
    /* The target is there, of the right size and empty: it is opened, never made. */
    const char *const arguments[] = {
        "convert",
        "-n",
        "--target-is-zero",
        "-p",
        "-W",
        "-S",
        "65536",
        "-t",
        "writeback",
        "-T",
        "writeback",
        "-f",
        berth_image_format_name(self->found.format),
        "-O",
        "raw",
        self->spec->source,
        self->spec->target,
        NULL,
    };
    run.box.write_path = self->spec->target;
    run.box.file_bytes = self->found.virtual_bytes;
    run.may_go_on = is_within_room;
    run.output = take_progress;
    return berth_image_run(&run, arguments, error);
}

static uint64_t
round_to_sectors(uint64_t n)
{
    return (n + SECTOR_BYTES - 1) / SECTOR_BYTES * SECTOR_BYTES;
}

static bool
copy_raw(Convert *self, int target, GError **error)
{
    berth_autofd int source = open(self->spec->source, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (source < 0) {
        return fail_errno(error, "open", self->spec->source);
    }
    if ((uint64_t)self->source.st_blocks * SECTOR_BYTES > self->spec->max_stored_bytes) {
        return berth_set_error(error, BERTH_ERR_DISK_FULL,
                               "the image has %llu MiB, there is room for %llu MiB",
                               (unsigned long long)(self->source.st_blocks / 2048),
                               (unsigned long long)(self->spec->max_stored_bytes >> 20));
    }
    if (!berth_sparse_copy(source, target, self->spec->cancel, NULL, error)) {
        return false;
    }
    if (ftruncate(target, (off_t)self->found.virtual_bytes) < 0) {
        return fail_errno(error, "size", self->spec->target);
    }
    return true;
}

static bool
rename_raw(Convert *self, GError **error)
{
    const BerthImageConvert *spec = self->spec;
    if (truncate(spec->source, (off_t)self->found.virtual_bytes) < 0) {
        return fail_errno(error, "size", spec->source);
    }
    if (rename(spec->source, spec->target) < 0) {
        return fail_errno(error, "rename", spec->source);
    }
    return true;
}

/* Whether the source is what it was when we looked, and the target what we asked for. */
static bool
look_again(Convert *self, GError **error)
{
    struct stat target;
    struct stat before = self->source;
    BerthImageConverted found = self->found;
    if (self->found.format != BERTH_IMAGE_RAW) {
        if (!look(self, error)) {
            return false;
        }
        if (self->source.st_ino != before.st_ino || self->source.st_size != before.st_size ||
            self->source.st_mtim.tv_sec != before.st_mtim.tv_sec ||
            self->source.st_mtim.tv_nsec != before.st_mtim.tv_nsec ||
            self->found.virtual_bytes != found.virtual_bytes) {
            return berth_set_error(error, BERTH_ERR_STATE, "\"%s\" was changed while it was read",
                                   self->spec->source);
        }
    }
    if (lstat(self->spec->target, &target) < 0) {
        return fail_errno(error, "look at", self->spec->target);
    }
    if (!S_ISREG(target.st_mode) || (uint64_t)target.st_size != self->found.virtual_bytes) {
        return berth_set_error(error, BERTH_ERR_CORRUPT,
                               "qemu-img left a file of another size than the disk has");
    }
    return true;
}

static bool
fill_target(Convert *self, GError **error)
{
    const BerthImageConvert *spec = self->spec;
    bool is_raw = self->found.format == BERTH_IMAGE_RAW;
    if (is_raw && spec->may_rename) {
        return rename_raw(self, error);
    }
    berth_autofd int fd =
        open(spec->target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0) {
        return fail_errno(error, "make", spec->target);
    }
    bool is_good = is_raw ? copy_raw(self, fd, error)
                   : ftruncate(fd, (off_t)self->found.virtual_bytes) == 0
                       ? convert_with_tool(self, error)
                       : fail_errno(error, "size", spec->target);
    is_good = is_good && is_within_room(self, error);
    if (!is_good) {
        unlink(spec->target);
    }
    return is_good;
}

bool
berth_image_convert(const BerthImageConvert *convert, BerthImageConverted *ret, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    Convert self = { .spec = convert, .text = text };
    set_progress(&self, 0);
    if (!look(&self, error) || !check_tables(&self, error)) {
        return false;
    }
    self.found.virtual_bytes = round_to_sectors(self.found.virtual_bytes);
    if (!fill_target(&self, error)) {
        return false;
    }
    if (!look_again(&self, error)) {
        unlink(convert->target);
        return false;
    }
    set_progress(&self, WHOLE_PERMILLE);
    *ret = self.found;
    return true;
}

bool
berth_image_look(const BerthImageConvert *convert, BerthImageConverted *ret, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    Convert self = { .spec = convert, .text = text };
    if (!look(&self, error)) {
        return false;
    }
    *ret = self.found;
    return true;
}
