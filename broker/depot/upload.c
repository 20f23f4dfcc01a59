/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/depot/upload.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/id.h"
#include "base/kill-point.h"
#include "base/log.h"
#include "berth/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOURNAL "upload.json"
#define JOURNAL_NEW "upload.json.new"
/* Zeros are left out in pieces of this many bytes. */
#define HOLE_BYTES 65536u

static bool
fail_errno(GError **error, const char *what, const char *path)
{
    return berth_set_error(error, berth_error_from_errno(errno), "cannot %s \"%s\": %s", what, path,
                           g_strerror(errno));
}

char *
berth_upload_file(const BerthUpload *self, BerthVersionFileRole role, const char *suffix)
{
    return g_strdup_printf("%s/%s%s", self->folder, berth_version_role_name(role), suffix);
}

static json_t *
file_to_json(const BerthUpload *self, BerthVersionFileRole role)
{
    const BerthUploadFile *file = &self->files[role];
    json_t *object = json_pack("{s:s, s:I}", "role", berth_version_role_name(role), "size_bytes",
                               (json_int_t)file->size_bytes);
    if (file->made.is_present) {
        char root[BERTH_DIGEST_HEX_CHARS + 1];
        berth_digest_format(&file->made.root, root);
        json_object_set_new(object, "root", json_string(root));
        json_object_set_new(object, "made_bytes", json_integer((json_int_t)file->made.size_bytes));
    }
    return object;
}

static json_t *
journal_to_json(const BerthUpload *self)
{
    json_t *files = json_array();
    for (int i = 0; i < BERTH_VERSION_N_FILES; i++) {
        if (self->files[i].size_bytes > 0) {
            json_array_append_new(files, file_to_json(self, (BerthVersionFileRole)i));
        }
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:s, s:O, s:I, s:o, s:s, s:s}", "id",
                     self->id, "image", self->image, "account", self->account, "actor", self->actor,
                     "format", self->format, "path", self->path, "changelog", self->changelog,
                     "machine", self->machine, "created_us", (json_int_t)self->created_us, "files",
                     files, "operation", self->operation, "version", self->version);
}

static bool
write_journal(const char *path, const char *text, GError **error)
{
    size_t n = strlen(text);
    berth_autofd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || write(fd, text, n) != (ssize_t)n || fsync(fd) < 0) {
        return fail_errno(error, "write", path);
    }
    return true;
}

bool
berth_upload_save(const BerthUpload *self, GError **error)
{
    json_auto_t *root = journal_to_json(self);
    char *text = json_dumps(root, JSON_INDENT(2));
    g_autofree char *path = g_build_filename(self->folder, JOURNAL, NULL);
    g_autofree char *new_path = g_build_filename(self->folder, JOURNAL_NEW, NULL);
    bool is_good = text != NULL && write_journal(new_path, text, error);
    free(text);
    if (!is_good) {
        return false;
    }
    return rename(new_path, path) == 0 || fail_errno(error, "write", path);
}

bool
berth_upload_create(BerthUpload *self, const char *uploads, GError **error)
{
    self->folder = g_build_filename(uploads, self->id, NULL);
    if (g_mkdir_with_parents(self->folder, 0700) < 0) {
        return fail_errno(error, "make the folder", self->folder);
    }
    for (int i = 0; i < BERTH_VERSION_N_FILES; i++) {
        bool is_sent =
            self->files[i].size_bytes > 0 && !(i == BERTH_VERSION_DISK && self->path != NULL);
        g_autofree char *path = berth_upload_file(self, (BerthVersionFileRole)i, "");
        berth_autofd int fd = is_sent ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
        if (is_sent && fd < 0) {
            fail_errno(error, "make", path);
            berth_upload_remove(self);
            return false;
        }
    }
    if (!berth_upload_save(self, error)) {
        berth_upload_remove(self);
        return false;
    }
    berth_kill_point(BERTH_KILL_UPLOAD_MADE);
    return true;
}

static bool
take_file(BerthUpload *self, const json_t *object)
{
    const char *role = json_string_value(json_object_get(object, "role"));
    const char *root = json_string_value(json_object_get(object, "root"));
    for (int i = 0; i < BERTH_VERSION_N_FILES; i++) {
        BerthUploadFile *file = &self->files[i];
        if (g_strcmp0(role, berth_version_role_name((BerthVersionFileRole)i)) != 0) {
            continue;
        }
        json_int_t size = json_integer_value(json_object_get(object, "size_bytes"));
        json_int_t made = json_integer_value(json_object_get(object, "made_bytes"));
        file->size_bytes = size > 0 ? (uint64_t)size : 0;
        file->made.is_present = root != NULL;
        file->made.size_bytes = made > 0 ? (uint64_t)made : 0;
        return file->size_bytes > 0 &&
               (root == NULL || berth_digest_parse(root, &file->made.root) == BERTH_OK);
    }
    return false;
}

/* Copies a text of fixed length or "". */
static bool
take_hex(const json_t *root, const char *key, char out[BERTH_ID_HEX_CHARS + 1], bool may_be_empty)
{
    BerthId id;
    const char *text = json_string_value(json_object_get(root, key));
    if (text == NULL || (text[0] == '\0' ? !may_be_empty : berth_id_parse(text, &id) != BERTH_OK)) {
        return false;
    }
    g_strlcpy(out, text, BERTH_ID_HEX_CHARS + 1);
    return true;
}

static bool
take_journal(BerthUpload *self, const json_t *root)
{
    size_t i;
    json_t *file;
    const char *actor = json_string_value(json_object_get(root, "actor"));
    const char *format = json_string_value(json_object_get(root, "format"));
    const char *changelog = json_string_value(json_object_get(root, "changelog"));
    json_t *machine = json_object_get(root, "machine");
    if (!take_hex(root, "id", self->id, false) || !take_hex(root, "image", self->image, false) ||
        !take_hex(root, "account", self->account, true) ||
        !take_hex(root, "operation", self->operation, true) ||
        !take_hex(root, "version", self->version, true) || actor == NULL || format == NULL ||
        changelog == NULL || !json_is_object(machine)) {
        return false;
    }
    self->actor = g_strdup(actor);
    self->format = g_strdup(format);
    self->changelog = g_strdup(changelog);
    self->path = g_strdup(json_string_value(json_object_get(root, "path")));
    self->machine = json_incref(machine);
    self->created_us = json_integer_value(json_object_get(root, "created_us"));
    json_array_foreach (json_object_get(root, "files"), i, file) {
        if (!take_file(self, file)) {
            return false;
        }
    }
    return true;
}

BerthUpload *
berth_upload_load(const char *folder, GError **error)
{
    json_error_t why;
    g_autoptr(BerthUpload) self = g_new0(BerthUpload, 1);
    g_autofree char *path = g_build_filename(folder, JOURNAL, NULL);
    self->folder = g_strdup(folder);
    json_auto_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
    if (root == NULL || !take_journal(self, root)) {
        berth_set_error(error, BERTH_ERR_CORRUPT, "\"%s\" is no journal of an upload", path);
        return NULL;
    }
    return g_steal_pointer(&self);
}

uint64_t
berth_upload_received(const BerthUpload *self, BerthVersionFileRole role)
{
    struct stat status;
    if (role == BERTH_VERSION_DISK && self->path != NULL) {
        return self->files[role].size_bytes;
    }
    g_autofree char *path = berth_upload_file(self, role, "");
    return lstat(path, &status) == 0 && S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
}

bool
berth_upload_is_complete(const BerthUpload *self, GError **error)
{
    for (int i = 0; i < BERTH_VERSION_N_FILES; i++) {
        uint64_t wanted = self->files[i].size_bytes;
        uint64_t received = berth_upload_received(self, (BerthVersionFileRole)i);
        if (wanted > 0 && received != wanted) {
            return berth_set_error(error, BERTH_ERR_STATE,
                                   "%llu of %llu bytes of the %s are there; send the rest first",
                                   (unsigned long long)received, (unsigned long long)wanted,
                                   berth_version_role_name((BerthVersionFileRole)i));
        }
    }
    return true;
}

static bool
write_some(int fd, const uint8_t *bytes, size_t n, uint64_t offset)
{
    for (size_t done = 0; done < n;) {
        ssize_t written = pwrite(fd, bytes + done, n - done, (off_t)(offset + done));
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return false;
        }
        done += (size_t)written;
    }
    return true;
}

/* The length of the file tells how far it is, so it grows even where nothing is written. */
static bool
write_sparse(int fd, const uint8_t *bytes, size_t n, uint64_t offset)
{
    if (ftruncate(fd, (off_t)(offset + n)) < 0) {
        return false;
    }
    for (size_t at = 0; at < n; at += HOLE_BYTES) {
        size_t piece = MIN(HOLE_BYTES, n - at);
        if (!berth_bytes_are_zero(bytes + at, piece) &&
            !write_some(fd, bytes + at, piece, offset + at)) {
            return false;
        }
    }
    return true;
}

static bool
check_piece(const BerthUpload *self, BerthVersionFileRole role, uint64_t offset, size_t n,
            GError **error)
{
    uint64_t size = self->files[role].size_bytes;
    const char *name = berth_version_role_name(role);
    if (size == 0 || (role == BERTH_VERSION_DISK && self->path != NULL)) {
        return berth_set_error(error, BERTH_ERR_NOT_FOUND, "this upload takes no %s", name);
    }
    if (offset > size || n > size - offset) {
        return berth_set_error(error, BERTH_ERR_TOO_LARGE,
                               "the %s was announced with %llu bytes; these end at byte %llu", name,
                               (unsigned long long)size, (unsigned long long)(offset + n));
    }
    uint64_t received = berth_upload_received(self, role);
    if (offset != received) {
        return berth_set_error(error, BERTH_ERR_STATE,
                               "%llu bytes of the %s are there; go on from byte %llu",
                               (unsigned long long)received, name, (unsigned long long)received);
    }
    return true;
}

bool
berth_upload_write(const BerthUpload *self, BerthVersionFileRole role, uint64_t offset,
                   const uint8_t *bytes, size_t n, GError **error)
{
    if (!check_piece(self, role, offset, n, error)) {
        return false;
    }
    g_autofree char *path = berth_upload_file(self, role, "");
    berth_autofd int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return fail_errno(error, "open", path);
    }
    if (!write_sparse(fd, bytes, n, offset)) {
        fail_errno(error, "write", path);
        if (ftruncate(fd, (off_t)offset) < 0) {
            berth_log_warning("depot", "cannot shorten \"%s\": %s", path, g_strerror(errno));
        }
        return false;
    }
    berth_kill_point(BERTH_KILL_UPLOAD_WRITTEN);
    return true;
}

json_t *
berth_upload_to_json(const BerthUpload *self)
{
    json_t *files = json_array();
    for (int i = 0; i < BERTH_VERSION_N_FILES; i++) {
        BerthVersionFileRole role = (BerthVersionFileRole)i;
        if (self->files[i].size_bytes > 0) {
            json_array_append_new(files,
                                  json_pack("{s:s, s:I, s:I}", "role",
                                            berth_version_role_name(role), "size_bytes",
                                            (json_int_t)self->files[i].size_bytes, "received_bytes",
                                            (json_int_t)MIN(berth_upload_received(self, role),
                                                            self->files[i].size_bytes)));
        }
    }
    return json_pack("{s:s, s:s, s:s, s:o, s:I, s:s?, s:s?}", "id", self->id, "image", self->image,
                     "state", self->is_importing ? "importing" : "receiving", "files", files,
                     "created_us", (json_int_t)self->created_us, "operation",
                     self->operation[0] != '\0' ? self->operation : NULL, "version",
                     self->version[0] != '\0' ? self->version : NULL);
}

void
berth_upload_remove(BerthUpload *self)
{
    const char *name;
    g_autoptr(GDir) dir = g_dir_open(self->folder, 0, NULL);
    /* The journal goes last: until then whoever starts finds the rest. */
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(self->folder, name, NULL);
        if (strcmp(name, JOURNAL) != 0 && unlink(path) < 0) {
            berth_log_warning("depot", "cannot remove \"%s\": %s", path, g_strerror(errno));
        }
    }
    g_autofree char *journal = g_build_filename(self->folder, JOURNAL, NULL);
    (void)unlink(journal);
    if (rmdir(self->folder) < 0 && errno != ENOENT) {
        berth_log_warning("depot", "cannot remove \"%s\": %s", self->folder, g_strerror(errno));
    }
}

void
berth_upload_free(BerthUpload *self)
{
    if (self != NULL) {
        g_free(self->actor);
        g_free(self->format);
        g_free(self->path);
        g_free(self->changelog);
        g_free(self->folder);
        json_decref(self->machine);
        g_free(self);
    }
}
