/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading looks only for what it knows; that nothing else is there, and all of it is spelled in the
 * one way, is proved by writing what was read and comparing the bytes.
 */
#include "base/depot/version-manifest.h"

#include "base/error.h"
#include "base/id.h"
#include "berth/limits.h"

#include <string.h>

#define FORMAT_NUMBER 1
#define DEFAULT_MEMORY_MIB 1024
#define DEFAULT_WIDTH_PX 1280
#define DEFAULT_HEIGHT_PX 800

static const char *const role_names[] = {
    [BERTH_VERSION_DISK] = "disk",
    [BERTH_VERSION_KERNEL] = "kernel",
    [BERTH_VERSION_INITRD] = "initrd",
};

static const char *const ready_names[] = {
    [BERTH_VERSION_READY_GUEST_AGENT] = "guest-agent",
    [BERTH_VERSION_READY_DISPLAY] = "display",
};

static const char *const display_names[] = {
    [BERTH_VERSION_DISPLAY_DBUS] = "dbus",
    [BERTH_VERSION_DISPLAY_GPU] = "vhost-user-gpu",
};

/* Numbers of the machine settings: key, bounds, default, place. */
typedef struct {
    const char *key;
    int min, max, fallback;
    size_t offset;
} NumberRow;

static const NumberRow number_rows[] = {
    { "memory_mib", BERTH_LIMIT_GUEST_MEMORY_MIN_MIB, BERTH_LIMIT_GUEST_MEMORY_MAX_MIB,
      DEFAULT_MEMORY_MIB, offsetof(BerthVersionMachine, memory_mib) },
    { "vcpus", 1, BERTH_LIMIT_GUEST_VCPUS, 1, offsetof(BerthVersionMachine, vcpus) },
    { "width", BERTH_LIMIT_HEAD_MIN_SIDE_PX, BERTH_LIMIT_HEAD_SIDE_PX, DEFAULT_WIDTH_PX,
      offsetof(BerthVersionMachine, width) },
    { "height", BERTH_LIMIT_HEAD_MIN_SIDE_PX, BERTH_LIMIT_HEAD_SIDE_PX, DEFAULT_HEIGHT_PX,
      offsetof(BerthVersionMachine, height) },
};

static int *
number_at(BerthVersionMachine *machine, const NumberRow *row)
{
    return (int *)(void *)((char *)machine + row->offset);
}

const char *
berth_version_role_name(BerthVersionFileRole role)
{
    return role_names[role];
}

void
berth_version_machine_clear(BerthVersionMachine *self)
{
    g_free(self->cmdline);
    g_free(self->prepare);
    memset(self, 0, sizeof(*self));
}

/* Takes one of a list of words; the first one if the key is missing. */
static bool
take_word(const json_t *object, const char *key, const char *const *words, int n_words, int *ret,
          GError **error)
{
    const json_t *value = json_object_get(object, key);
    const char *text = value == NULL ? words[0] : json_string_value(value);
    for (int i = 0; text != NULL && i < n_words; i++) {
        if (strcmp(text, words[i]) == 0) {
            *ret = i;
            return true;
        }
    }
    return berth_set_error(error, BERTH_ERR_INVALID,
                           "\"%s\" of the machine is neither \"%s\" nor "
                           "\"%s\"",
                           key, words[0], words[n_words - 1]);
}

/* Takes a text that may be missing or empty, which is NULL. */
static bool
take_text(const json_t *object, const char *key, size_t max_bytes, char **ret, GError **error)
{
    const json_t *value = json_object_get(object, key);
    if (value != NULL && (!json_is_string(value) || json_string_length(value) > max_bytes)) {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               "\"%s\" of the machine is no text of at most %zu bytes", key,
                               max_bytes);
    }
    *ret = json_string_length(value) > 0 ? g_strdup(json_string_value(value)) : NULL;
    return true;
}

static bool
take_numbers(const json_t *object, BerthVersionMachine *machine, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(number_rows); i++) {
        const NumberRow *row = &number_rows[i];
        const json_t *value = json_object_get(object, row->key);
        json_int_t number = value == NULL ? row->fallback : json_integer_value(value);
        if ((value != NULL && !json_is_integer(value)) || number < row->min || number > row->max) {
            return berth_set_error(error, BERTH_ERR_INVALID,
                                   "\"%s\" of the machine is no whole number from %d to %d",
                                   row->key, row->min, row->max);
        }
        *number_at(machine, row) = (int)number;
    }
    return true;
}

static bool
is_machine_key(const char *key)
{
    static const char *const others[] = { "ready", "display", "cmdline", "prepare" };
    for (size_t i = 0; i < G_N_ELEMENTS(number_rows); i++) {
        if (strcmp(key, number_rows[i].key) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        if (strcmp(key, others[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool
check_machine_keys(const json_t *object, GError **error)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)object, key, value) {
        if (!is_machine_key(key)) {
            return berth_set_error(error, BERTH_ERR_INVALID,
                                   "the machine has no setting \"%s\"; there are memory_mib, "
                                   "vcpus, width, height, ready, display, cmdline and prepare",
                                   key);
        }
    }
    return true;
}

/* It becomes an argument of QEMU and a line in logs. */
static bool
check_cmdline(const char *cmdline, GError **error)
{
    for (const char *p = cmdline; p != NULL && *p != '\0'; p++) {
        if (g_ascii_iscntrl(*p)) {
            return berth_set_error(error, BERTH_ERR_INVALID,
                                   "\"cmdline\" of the machine has a control character");
        }
    }
    return true;
}

bool
berth_version_machine_parse(const json_t *object, BerthVersionMachine *ret, GError **error)
{
    g_auto(BerthVersionMachine) machine = { 0 };
    int ready = 0;
    int display = 0;
    if (object != NULL && !json_is_object(object)) {
        return berth_set_error(error, BERTH_ERR_INVALID, "the machine is no object");
    }
    if (!check_machine_keys(object, error) || !take_numbers(object, &machine, error) ||
        !take_word(object, "ready", ready_names, G_N_ELEMENTS(ready_names), &ready, error) ||
        !take_word(object, "display", display_names, G_N_ELEMENTS(display_names), &display,
                   error) ||
        !take_text(object, "cmdline", BERTH_LIMIT_CMDLINE_BYTES, &machine.cmdline, error) ||
        !take_text(object, "prepare", BERTH_LIMIT_PREPARE_BYTES, &machine.prepare, error) ||
        !check_cmdline(machine.cmdline, error)) {
        return false;
    }
    machine.ready = (BerthVersionReady)ready;
    machine.display = (BerthVersionDisplay)display;
    *ret = machine;
    machine = (BerthVersionMachine){ 0 };
    return true;
}

static json_t *
text_or_empty(const char *text)
{
    return json_string(text != NULL ? text : "");
}

json_t *
berth_version_machine_to_json(const BerthVersionMachine *self)
{
    json_t *object = json_object();
    for (size_t i = 0; i < G_N_ELEMENTS(number_rows); i++) {
        const NumberRow *row = &number_rows[i];
        int number = *number_at((BerthVersionMachine *)self, row);
        json_object_set_new(object, row->key, json_integer(number));
    }
    json_object_set_new(object, "ready", json_string(ready_names[self->ready]));
    json_object_set_new(object, "display", json_string(display_names[self->display]));
    json_object_set_new(object, "cmdline", text_or_empty(self->cmdline));
    json_object_set_new(object, "prepare", text_or_empty(self->prepare));
    return object;
}

void
berth_version_manifest_clear(BerthVersionManifest *self)
{
    g_free(self->image_name);
    berth_version_machine_clear(&self->machine);
    memset(self, 0, sizeof(*self));
}

void
berth_version_manifest_copy(const BerthVersionManifest *src, BerthVersionManifest *ret)
{
    *ret = *src;
    ret->image_name = g_strdup(src->image_name);
    ret->machine.cmdline = g_strdup(src->machine.cmdline);
    ret->machine.prepare = g_strdup(src->machine.prepare);
}

static bool
fail(GError **error, const char *problem)
{
    return berth_set_error(error, BERTH_ERR_CORRUPT, "the manifest of the version is damaged: %s",
                           problem);
}

static bool
check_files(const BerthVersionManifest *self, GError **error)
{
    for (int i = 0; i < BERTH_VERSION_N_FILES; i++) {
        const BerthVersionFile *file = &self->files[i];
        if (file->is_present &&
            (file->size_bytes == 0 || file->size_bytes > BERTH_LIMIT_IMAGE_BYTES)) {
            return fail(error, "a file has an impossible size");
        }
    }
    bool has_kernel = self->files[BERTH_VERSION_KERNEL].is_present;
    if (!self->files[BERTH_VERSION_DISK].is_present && !has_kernel) {
        return fail(error, "it has neither disk nor kernel");
    }
    if (!has_kernel &&
        (self->files[BERTH_VERSION_INITRD].is_present || self->machine.cmdline != NULL)) {
        return fail(error, "it has an initrd or a command line without a kernel");
    }
    return true;
}

/* What reading and writing must find; the machine's numbers were checked where they were read. */
static bool
check(const BerthVersionManifest *self, GError **error)
{
    size_t name_bytes = self->image_name != NULL ? strlen(self->image_name) : 0;
    if (name_bytes == 0 || name_bytes > BERTH_LIMIT_NAME_BYTES ||
        !g_utf8_validate(self->image_name, -1, NULL)) {
        return fail(error, "the name of the image is no name");
    }
    if (berth_id_is_zero(&self->image) || berth_id_is_zero(&self->version) ||
        berth_id_equal(&self->version, &self->parent)) {
        return fail(error, "its ids are impossible");
    }
    if (self->number < 1 || self->created_us < 0) {
        return fail(error, "its number or its time is impossible");
    }
    return check_files(self, error);
}

static json_t *
files_to_json(const BerthVersionManifest *self)
{
    json_t *files = json_array();
    for (int i = 0; i < BERTH_VERSION_N_FILES; i++) {
        const BerthVersionFile *file = &self->files[i];
        char root[BERTH_DIGEST_HEX_CHARS + 1];
        if (!file->is_present) {
            continue;
        }
        berth_digest_format(&file->root, root);
        json_array_append_new(files,
                              json_pack("{s:s, s:s, s:I, s:I}", "role", role_names[i], "root", root,
                                        "size_bytes", (json_int_t)file->size_bytes, "chunk_bytes",
                                        (json_int_t)BERTH_CHUNK_BYTES));
    }
    return files;
}

char *
berth_version_manifest_format(const BerthVersionManifest *self, GError **error)
{
    char image[BERTH_ID_HEX_CHARS + 1];
    char version[BERTH_ID_HEX_CHARS + 1];
    char parent[BERTH_ID_HEX_CHARS + 1];
    if (!check(self, error)) {
        return NULL;
    }
    berth_id_format(&self->image, image);
    berth_id_format(&self->version, version);
    berth_id_format(&self->parent, parent);
    json_auto_t *root =
        json_pack("{s:i, s:s, s:s, s:s, s:I, s:s, s:I, s:o, s:o}", "format", FORMAT_NUMBER, "image",
                  image, "image_name", self->image_name, "version", version, "number",
                  (json_int_t)self->number, "parent", berth_id_is_zero(&self->parent) ? "" : parent,
                  "created_us", (json_int_t)self->created_us, "files", files_to_json(self),
                  "machine", berth_version_machine_to_json(&self->machine));
    char *text = root != NULL ? json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    if (text == NULL || strlen(text) > BERTH_LIMIT_VERSION_MANIFEST_BYTES) {
        free(text);
        berth_set_error(error, BERTH_ERR_TOO_LARGE,
                        "the manifest of the version is longer than %u bytes",
                        BERTH_LIMIT_VERSION_MANIFEST_BYTES);
        return NULL;
    }
    char *copy = g_strdup(text);
    free(text);
    return copy;
}

static bool
take_id(const json_t *object, const char *key, BerthId *ret)
{
    return berth_id_parse(json_string_value(json_object_get(object, key)), ret) == BERTH_OK;
}

static bool
take_file(const json_t *object, BerthVersionManifest *ret)
{
    const char *role = json_string_value(json_object_get(object, "role"));
    for (int i = 0; role != NULL && i < BERTH_VERSION_N_FILES; i++) {
        BerthVersionFile *file = &ret->files[i];
        if (strcmp(role, role_names[i]) == 0 && !file->is_present) {
            json_int_t size = json_integer_value(json_object_get(object, "size_bytes"));
            file->size_bytes = size > 0 ? (uint64_t)size : 0;
            file->is_present = true;
            return berth_digest_parse(json_string_value(json_object_get(object, "root")),
                                      &file->root) == BERTH_OK;
        }
    }
    return false;
}

static bool
take_files(const json_t *array, BerthVersionManifest *ret, GError **error)
{
    size_t n = json_array_size(array);
    for (size_t i = 0; i < n && n <= BERTH_VERSION_N_FILES; i++) {
        if (!take_file(json_array_get(array, i), ret)) {
            return fail(error, "its list of files cannot be read");
        }
    }
    return true;
}

static bool
take_all(const json_t *root, BerthVersionManifest *ret, GError **error)
{
    const char *parent = json_string_value(json_object_get(root, "parent"));
    const char *name = json_string_value(json_object_get(root, "image_name"));
    if (!take_id(root, "image", &ret->image) || !take_id(root, "version", &ret->version) ||
        parent == NULL || (parent[0] != '\0' && !take_id(root, "parent", &ret->parent))) {
        return fail(error, "its ids cannot be read");
    }
    ret->image_name = g_strdup(name);
    ret->number = json_integer_value(json_object_get(root, "number"));
    ret->created_us = json_integer_value(json_object_get(root, "created_us"));
    return take_files(json_object_get(root, "files"), ret, error) &&
           berth_version_machine_parse(json_object_get(root, "machine"), &ret->machine, error);
}

/* Written again it must be the same bytes. */
static bool
check_canonical(const BerthVersionManifest *manifest, const char *text, size_t n, GError **error)
{
    g_autofree char *again = berth_version_manifest_format(manifest, error);
    if (again == NULL) {
        return false;
    }
    if (strlen(again) != n || memcmp(again, text, n) != 0) {
        return fail(error, "it is not written in the one way that is allowed");
    }
    return true;
}

bool
berth_version_manifest_parse(const char *text, size_t n, BerthVersionManifest *ret, GError **error)
{
    g_auto(BerthVersionManifest) manifest = { 0 };
    json_error_t problem;
    if (n > BERTH_LIMIT_VERSION_MANIFEST_BYTES) {
        return berth_set_error(error, BERTH_ERR_TOO_LARGE,
                               "the manifest of the version has %zu bytes, at most %u are allowed",
                               n, BERTH_LIMIT_VERSION_MANIFEST_BYTES);
    }
    json_auto_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &problem);
    if (!json_is_object(root)) {
        return fail(error, "it is no JSON object");
    }
    json_int_t format = json_integer_value(json_object_get(root, "format"));
    if (format != FORMAT_NUMBER) {
        return berth_set_error(error, BERTH_ERR_VERSION,
                               "the manifest of the version has format %lld, %d is known here",
                               (long long)format, FORMAT_NUMBER);
    }
    g_autoptr(GError) detail = NULL;
    if (!take_all(root, &manifest, &detail) || !check_canonical(&manifest, text, n, &detail)) {
        return berth_set_error(error, BERTH_ERR_CORRUPT, "%s", detail->message);
    }
    *ret = manifest;
    manifest = (BerthVersionManifest){ 0 };
    return true;
}

bool
berth_version_manifest_is_for(const BerthVersionManifest *self, const BerthId *version,
                              const BerthId *image, int64_t number, GError **error)
{
    if (berth_id_equal(&self->version, version) && berth_id_equal(&self->image, image) &&
        (number == 0 || number == self->number)) {
        return true;
    }
    char wanted[BERTH_ID_HEX_CHARS + 1];
    char found[BERTH_ID_HEX_CHARS + 1];
    berth_id_format(version, wanted);
    berth_id_format(&self->version, found);
    return berth_set_error(error, BERTH_ERR_REPLAYED,
                           "the manifest is of version %s (number %lld) of image \"%s\", not of "
                           "version %s, which was asked for",
                           found, (long long)self->number, self->image_name, wanted);
}

uint64_t
berth_version_manifest_size_bytes(const BerthVersionManifest *self)
{
    uint64_t sum = 0;
    for (int i = 0; i < BERTH_VERSION_N_FILES; i++) {
        sum += self->files[i].is_present ? self->files[i].size_bytes : 0;
    }
    return sum;
}
