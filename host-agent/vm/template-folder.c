/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/template-folder.h"

#include "base/clock.h"
#include "berth/errors.h"
#include "host-agent/state-file.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <utime.h>

#define MARKER_FILE "template.json"
#define USED_FILE "used"
#define MARKER_MAX_BYTES 4096
#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"
#define MIB (1024 * 1024)
#define BLOCK_BYTES 512

static const char *const files[] = {
    BERTH_TEMPLATE_RAM,
    BERTH_TEMPLATE_STATE,
    BERTH_TEMPLATE_BASE,
    BERTH_TEMPLATE_OVERLAY,
};
/* A template without a disk has only those. */
#define N_WITHOUT_DISK 2

static size_t
n_files(bool has_disk)
{
    return has_disk ? G_N_ELEMENTS(files) : N_WITHOUT_DISK;
}

static char *
dup_boot_id(void)
{
    char *text = NULL;
    if (!g_file_get_contents(BOOT_ID_FILE, &text, NULL, NULL)) {
        text = g_strdup("");
    }
    return g_strchomp(text);
}

/* What a file is: anything that is done to its bytes changes this.  NULL if it is not there. */
static char *
describe(const char *folder, const char *name)
{
    struct stat info;
    g_autofree char *path = g_build_filename(folder, name, NULL);
    if (stat(path, &info) != 0) {
        return NULL;
    }
    return g_strdup_printf("%llu %lld %lld.%09ld", (unsigned long long)info.st_ino,
                           (long long)info.st_size, (long long)info.st_mtim.tv_sec,
                           info.st_mtim.tv_nsec);
}

bool
berth_template_folder_mark(const char *folder, const BerthTemplateMarker *marker, GError **error)
{
    g_autofree char *boot_id = dup_boot_id();
    json_t *root =
        json_pack("{s:s,s:s,s:b,s:b,s:{}}", "boot_id", boot_id, "qemu", marker->qemu_version,
                  "disk", marker->has_disk, "shell", marker->has_shell, "files");
    for (size_t i = 0; i < n_files(marker->has_disk); i++) {
        g_autofree char *text = describe(folder, files[i]);
        json_object_set_new(json_object_get(root, "files"), files[i],
                            text != NULL ? json_string(text) : json_null());
    }
    bool is_saved = berth_state_file_save(folder, MARKER_FILE, root, error);
    json_decref(root);
    return is_saved;
}

static int
check_files(const char *folder, const json_t *wanted, bool has_disk, char **ret_detail)
{
    for (size_t i = 0; i < n_files(has_disk); i++) {
        g_autofree char *now = describe(folder, files[i]);
        const char *then = json_string_value(json_object_get(wanted, files[i]));
        if (now == NULL || then == NULL || strcmp(now, then) != 0) {
            *ret_detail = g_strdup_printf("the file %s/%s is %s", folder, files[i],
                                          now == NULL ? "missing" : "not what was frozen");
            return BERTH_ERR_CORRUPT;
        }
    }
    return BERTH_OK;
}

int
berth_template_folder_check(const char *folder, BerthTemplateMarker *ret, char **ret_detail)
{
    json_t *root = berth_state_file_load(folder, MARKER_FILE, MARKER_MAX_BYTES, NULL);
    const char *boot_id = json_string_value(json_object_get(root, "boot_id"));
    const char *qemu = json_string_value(json_object_get(root, "qemu"));
    g_autofree char *current = dup_boot_id();
    if (boot_id == NULL || qemu == NULL || strcmp(boot_id, current) != 0) {
        json_decref(root);
        return BERTH_ERR_NOT_FOUND;
    }
    bool has_disk = json_is_true(json_object_get(root, "disk"));
    int code = check_files(folder, json_object_get(root, "files"), has_disk, ret_detail);
    if (code == BERTH_OK) {
        ret->qemu_version = g_strdup(qemu);
        ret->has_disk = has_disk;
        ret->has_shell = json_is_true(json_object_get(root, "shell"));
    }
    json_decref(root);
    return code;
}

int
berth_template_folder_get_mib(const char *folder)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        struct stat info;
        g_autofree char *path = g_build_filename(folder, files[i], NULL);
        bytes += stat(path, &info) == 0 ? (int64_t)info.st_blocks * BLOCK_BYTES : 0;
    }
    return (int)((bytes + MIB - 1) / MIB);
}

void
berth_template_folder_touch(const char *folder)
{
    g_autofree char *path = g_build_filename(folder, USED_FILE, NULL);
    if (utime(path, NULL) != 0 && errno == ENOENT) {
        g_file_set_contents(path, "", 0, NULL);
    }
}

int64_t
berth_template_folder_get_age_us(const char *folder)
{
    struct stat info;
    g_autofree char *path = g_build_filename(folder, USED_FILE, NULL);
    return stat(path, &info) == 0 ? berth_wall_us() - (int64_t)info.st_mtim.tv_sec * 1000000 : 0;
}

void
berth_template_marker_clear(BerthTemplateMarker *marker)
{
    g_free(marker->qemu_version);
    memset(marker, 0, sizeof *marker);
}
