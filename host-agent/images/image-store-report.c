/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/images/image-store-private.h"

#include "base/error.h"
#include "host-agent/json-fields.h"

#include <string.h>

/* What stands between a version and its use; sums up how far it is. */
typedef struct {
    const char *state;
    int code;
    const char *detail;
    int64_t bytes, total_bytes;
} Outlook;

static void
look_at_file(BerthImageStore *self, const BerthVersionFile *wanted, Outlook *outlook)
{
    const BerthStoreFile *file = g_hash_table_lookup(self->files, &wanted->root);
    outlook->total_bytes += (int64_t)wanted->size_bytes;
    if (file != NULL && file->state == BERTH_FILE_GOOD) {
        outlook->bytes += (int64_t)wanted->size_bytes;
        return;
    }
    if (file != NULL && file->state == BERTH_FILE_FAILED) {
        outlook->state = "failed";
        outlook->code = file->error->code;
        outlook->detail = file->error->message;
        return;
    }
    if (outlook->code == BERTH_OK) {
        bool is_verifying =
            file != NULL && file->job != NULL && g_atomic_int_get(&file->job->is_verifying) != 0;
        outlook->state = is_verifying ? "verifying" : "fetching";
    }
    if (file != NULL && file->job != NULL) {
        outlook->bytes += berth_image_job_get_bytes(file->job);
    }
}

static Outlook
look_at(BerthImageStore *self, const BerthStoreVersion *version)
{
    Outlook outlook = { .state = "present", .detail = "" };
    if (version->error != NULL) {
        outlook.state = "failed";
        outlook.code = version->error->code;
        outlook.detail = version->error->message;
        return outlook;
    }
    for (int i = 0; i < BERTH_VERSION_N_FILES; i++) {
        if (version->wish.manifest.files[i].is_present) {
            look_at_file(self, &version->wish.manifest.files[i], &outlook);
        }
    }
    return outlook;
}

json_t *
berth_image_store_report(BerthImageStore *self)
{
    GHashTableIter iter;
    gpointer id, version;
    json_t *report = json_array();
    g_hash_table_iter_init(&iter, self->versions);
    while (g_hash_table_iter_next(&iter, &id, &version)) {
        Outlook outlook = look_at(self, version);
        json_t *item = json_object();
        berth_json_set_id(item, "version", id);
        json_object_set_new(item, "state", json_string(outlook.state));
        json_object_set_new(item, "bytes", json_integer(outlook.bytes));
        json_object_set_new(item, "total_bytes", json_integer(outlook.total_bytes));
        json_object_set_new(
            item, "code",
            json_string(outlook.code == BERTH_OK ? "" : berth_error_name(outlook.code)));
        json_object_set_new(item, "detail", json_string(outlook.detail));
        json_array_append_new(report, item);
    }
    return report;
}

static char *
dup_name(const BerthVersionFile *file)
{
    char hex[BERTH_DIGEST_HEX_CHARS + 1];
    if (!file->is_present) {
        return NULL;
    }
    berth_digest_format(&file->root, hex);
    return g_strconcat(hex, ".img", NULL);
}

static void
fill_manifest(const BerthVersionManifest *manifest, BerthManifest *ret)
{
    const BerthVersionMachine *machine = &manifest->machine;
    const BerthVersionFile *files = manifest->files;
    *ret = (BerthManifest){
        .name = g_strdup(manifest->image_name),
        .format = g_strdup("raw"),
        .disk = dup_name(&files[BERTH_VERSION_DISK]),
        .kernel = dup_name(&files[BERTH_VERSION_KERNEL]),
        .initrd = dup_name(&files[BERTH_VERSION_INITRD]),
        .cmdline = g_strdup(machine->cmdline),
        .prepare = g_strdup(machine->prepare),
        .memory_mib = machine->memory_mib,
        .vcpus = machine->vcpus,
        .width = machine->width,
        .height = machine->height,
        .ready = machine->ready == BERTH_VERSION_READY_DISPLAY ? BERTH_READY_DISPLAY
                                                               : BERTH_READY_GUEST_AGENT,
        .wants_gpu = machine->display == BERTH_VERSION_DISPLAY_GPU,
    };
}

/* Looks at each file as it lies there now; what was touched is verified again. */
static bool
check_files(BerthImageStore *self, BerthStoreVersion *version)
{
    bool is_good = true;
    const BerthVersionManifest *manifest = &version->wish.manifest;
    for (int i = 0; i < BERTH_VERSION_N_FILES && version->error == NULL; i++) {
        BerthStoreFile *file = manifest->files[i].is_present
                                   ? g_hash_table_lookup(self->files, &manifest->files[i].root)
                                   : NULL;
        if (file != NULL && file->state == BERTH_FILE_GOOD &&
            !berth_image_store_is_untouched(self, file)) {
            is_good = false;
        }
    }
    return is_good;
}

int
berth_image_store_find(BerthImageStore *self, const BerthId *version_id,
                       BerthManifest *ret_manifest, char **ret_detail)
{
    BerthStoreVersion *version = g_hash_table_lookup(self->versions, version_id);
    if (version == NULL) {
        *ret_detail = g_strdup("the version of this machine's image is not wanted on this host");
        return self->wanted != NULL ? BERTH_ERR_NOT_FOUND : BERTH_ERR_AGAIN;
    }
    if (!check_files(self, version)) {
        berth_image_store_work_on(self, version);
    }
    const Outlook outlook = look_at(self, version);
    if (strcmp(outlook.state, "present") == 0) {
        fill_manifest(&version->wish.manifest, ret_manifest);
        return BERTH_OK;
    }
    *ret_detail = outlook.code != BERTH_OK
                      ? g_strdup(outlook.detail)
                      : g_strdup_printf("the version of its image is %s: %lld of %lld MiB",
                                        outlook.state, (long long)(outlook.bytes >> 20),
                                        (long long)(outlook.total_bytes >> 20));
    return outlook.code != BERTH_OK ? outlook.code : BERTH_ERR_AGAIN;
}

const char *
berth_image_store_get_path(const BerthImageStore *self)
{
    return self->path;
}

void
berth_image_store_get_address(const BerthImageStore *self, BerthAddress *ret)
{
    berth_image_server_get_address(self->server, ret);
}
