/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/manifest.h"

#include "base/error.h"
#include "berth/errors.h"
#include "berth/limits.h"
#include "host-agent/json-fields.h"

#include <string.h>

#define DEFAULT_WIDTH_PX 1280
#define DEFAULT_HEIGHT_PX 800
#define SHA256_HEX_CHARS 64

static char *
take_file_name(BerthJsonFields *fields, const char *key)
{
    const char *name = berth_json_fields_optional_string(fields, key, BERTH_LIMIT_NAME_BYTES);
    if (name != NULL && !berth_name_is_plain(name)) {
        berth_json_fields_fail(fields, key, "is no plain file name");
    }
    return g_strdup(name);
}

static BerthReadySignal
take_ready(BerthJsonFields *fields)
{
    const char *ready = berth_json_fields_optional_string(fields, "ready", BERTH_LIMIT_NAME_BYTES);
    if (ready == NULL || strcmp(ready, "guest-agent") == 0) {
        return BERTH_READY_GUEST_AGENT;
    }
    if (strcmp(ready, "display") != 0) {
        berth_json_fields_fail(fields, "ready", "is neither guest-agent nor display");
    }
    return BERTH_READY_DISPLAY;
}

static bool
take_display(BerthJsonFields *fields)
{
    const char *display =
        berth_json_fields_optional_string(fields, "display", BERTH_LIMIT_NAME_BYTES);
    if (display == NULL || strcmp(display, "dbus") == 0) {
        return false;
    }
    if (strcmp(display, "vhost-user-gpu") != 0) {
        berth_json_fields_fail(fields, "display", "is neither dbus nor vhost-user-gpu");
    }
    return true;
}

/* For g_free(); NULL if it is not given. */
static char *
take_sha256(BerthJsonFields *fields, const char *key)
{
    const char *hex = berth_json_fields_optional_string(fields, key, 128);
    if (hex != NULL && (strlen(hex) != SHA256_HEX_CHARS ||
                        strspn(hex, "0123456789abcdefABCDEF") != SHA256_HEX_CHARS)) {
        berth_json_fields_fail(fields, key, "is no SHA-256 in hexadecimal");
    }
    return g_strdup(hex);
}

static void
check(BerthJsonFields *fields, const BerthManifest *manifest)
{
    if (manifest->name == NULL || !berth_name_is_plain(manifest->name)) {
        berth_json_fields_fail(fields, "name", "is no plain name");
    }
    if (strcmp(manifest->format, "qcow2") != 0 && strcmp(manifest->format, "raw") != 0) {
        berth_json_fields_fail(fields, "format", "is neither qcow2 nor raw");
    }
    if (manifest->kernel == NULL && (manifest->initrd != NULL || manifest->cmdline != NULL)) {
        berth_json_fields_fail(fields, "kernel", "is missing beside initrd or cmdline");
    }
}

bool
berth_manifest_parse(const json_t *object, BerthManifest *ret, GError **error)
{
    BerthJsonFields fields;
    BerthManifest manifest = { 0 };

    berth_json_fields_init(&fields, object, "image manifest");
    manifest.name = g_strdup(berth_json_fields_string(&fields, "name", BERTH_LIMIT_NAME_BYTES));
    const char *format = berth_json_fields_optional_string(&fields, "format", 16);
    manifest.format = g_strdup(format != NULL ? format : "qcow2");
    manifest.disk = take_file_name(&fields, "disk");
    manifest.kernel = take_file_name(&fields, "kernel");
    manifest.initrd = take_file_name(&fields, "initrd");
    manifest.sha256 = take_sha256(&fields, "sha256");
    manifest.kernel_sha256 = take_sha256(&fields, "kernel_sha256");
    manifest.initrd_sha256 = take_sha256(&fields, "initrd_sha256");
    const char *cmdline =
        berth_json_fields_optional_string(&fields, "cmdline", BERTH_MANIFEST_CMDLINE_BYTES);
    manifest.cmdline = cmdline == NULL || cmdline[0] == '\0' ? NULL : g_strdup(cmdline);
    manifest.prepare = g_strdup(
        berth_json_fields_optional_string(&fields, "prepare", BERTH_MANIFEST_PREPARE_BYTES));
    manifest.memory_mib =
        (int)berth_json_fields_optional_int(&fields, "memory_mib", BERTH_LIMIT_GUEST_MEMORY_MIN_MIB,
                                            BERTH_LIMIT_GUEST_MEMORY_MAX_MIB, 1024);
    manifest.vcpus =
        (int)berth_json_fields_optional_int(&fields, "vcpus", 1, BERTH_LIMIT_GUEST_VCPUS, 1);
    manifest.width = (int)berth_json_fields_optional_int(
        &fields, "width", BERTH_LIMIT_HEAD_MIN_SIDE_PX, BERTH_LIMIT_HEAD_SIDE_PX, DEFAULT_WIDTH_PX);
    manifest.height =
        (int)berth_json_fields_optional_int(&fields, "height", BERTH_LIMIT_HEAD_MIN_SIDE_PX,
                                            BERTH_LIMIT_HEAD_SIDE_PX, DEFAULT_HEIGHT_PX);
    manifest.ready = take_ready(&fields);
    manifest.wants_gpu = take_display(&fields);
    check(&fields, &manifest);
    if (!berth_json_fields_finish(&fields, error)) {
        berth_manifest_clear(&manifest);
        return false;
    }
    *ret = manifest;
    return true;
}

static void
set_optional(json_t *object, const char *key, const char *value)
{
    if (value != NULL) {
        json_object_set_new(object, key, json_string(value));
    }
}

json_t *
berth_manifest_to_json(const BerthManifest *self)
{
    json_t *object = json_object();
    set_optional(object, "name", self->name);
    set_optional(object, "format", self->format);
    set_optional(object, "disk", self->disk);
    set_optional(object, "sha256", self->sha256);
    set_optional(object, "kernel_sha256", self->kernel_sha256);
    set_optional(object, "initrd_sha256", self->initrd_sha256);
    set_optional(object, "kernel", self->kernel);
    set_optional(object, "initrd", self->initrd);
    set_optional(object, "cmdline", self->cmdline);
    set_optional(object, "prepare", self->prepare);
    json_object_set_new(object, "memory_mib", json_integer(self->memory_mib));
    json_object_set_new(object, "vcpus", json_integer(self->vcpus));
    json_object_set_new(object, "width", json_integer(self->width));
    json_object_set_new(object, "height", json_integer(self->height));
    json_object_set_new(
        object, "ready",
        json_string(self->ready == BERTH_READY_DISPLAY ? "display" : "guest-agent"));
    set_optional(object, "display", self->wants_gpu ? "vhost-user-gpu" : NULL);
    return object;
}

void
berth_manifest_clear(BerthManifest *self)
{
    g_free(self->name);
    g_free(self->format);
    g_free(self->disk);
    g_free(self->sha256);
    g_free(self->kernel_sha256);
    g_free(self->initrd_sha256);
    g_free(self->kernel);
    g_free(self->initrd);
    g_free(self->cmdline);
    g_free(self->prepare);
    memset(self, 0, sizeof *self);
}

void
berth_manifest_copy(const BerthManifest *src, BerthManifest *ret)
{
    *ret = *src;
    ret->name = g_strdup(src->name);
    ret->format = g_strdup(src->format);
    ret->disk = g_strdup(src->disk);
    ret->sha256 = g_strdup(src->sha256);
    ret->kernel_sha256 = g_strdup(src->kernel_sha256);
    ret->initrd_sha256 = g_strdup(src->initrd_sha256);
    ret->kernel = g_strdup(src->kernel);
    ret->initrd = g_strdup(src->initrd);
    ret->cmdline = g_strdup(src->cmdline);
    ret->prepare = g_strdup(src->prepare);
}
