/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/ram-templates.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "berth/errors.h"
#include "host-agent/state-file.h"
#include "host-agent/vm/qemu-migration.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the guest still does after it says that it is ready would be done again in every fork. */
#define SETTLE_MS 1500
#define WAIT_FOR_BUILD_US (45LL * 1000 * 1000)
#define RETRY_AFTER_US (600LL * 1000 * 1000)
#define KEY_CHARS 32
#define MARKER_FILE "template.json"
#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"

struct BerthRamTemplates {
    const BerthVmHost *host;
    char *folder;
    char *qemu_version;
    char *boot_id;
    void (*on_changed)(void *user_data);
    void *user_data;
    int lock_fd; /* whoever holds the folder's lock may build in it; -1: not open */
    bool has_lock;
    GHashTable *failed_us; /* key -> int64_t *: when a build failed */

    /* the build under way */
    char *key;
    int64_t build_started_us;
    BerthVm *vm;
    BerthQemuMigration *migration;
    guint settle_source;
    guint finish_source;
    bool is_saved;
    bool is_freezing;
};

static char *
folder_of(const BerthRamTemplates *self, const char *key, const char *suffix)
{
    g_autofree char *name = g_strconcat(key, suffix, NULL);
    return g_build_filename(self->folder, name, NULL);
}

static char *
file_of(const BerthRamTemplates *self, const char *key, const char *suffix, const char *name)
{
    g_autofree char *folder = folder_of(self, key, suffix);
    return g_build_filename(folder, name, NULL);
}

/* ---- key ---- */

static void
hash_file(GChecksum *hash, const char *folder, const char *name)
{
    struct stat info;
    if (name == NULL) {
        g_checksum_update(hash, (const guchar *)"-", 1);
        return;
    }
    g_autofree char *path = g_build_filename(folder, name, NULL);
    memset(&info, 0, sizeof info);
    stat(path, &info);
    g_autofree char *text = g_strdup_printf("%s %lld %lld.%09ld;", path, (long long)info.st_size,
                                            (long long)info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
    g_checksum_update(hash, (const guchar *)text, -1);
}

/* The command line of such a machine without what differs between its forks. */
static char **
neutral_argv(const BerthRamTemplates *self, const BerthVmSpec *spec)
{
    BerthVmSpec neutral;
    berth_vm_spec_copy(spec, &neutral);
    memset(&neutral.id, 0, sizeof neutral.id);
    memset(&neutral.vm_uuid, 0, sizeof neutral.vm_uuid);
    memset(&neutral.vmgenid, 0, sizeof neutral.vmgenid);
    BerthQemuPlan plan = {
        .spec = &neutral,
        .qemu_program = self->host->qemu_program,
        .vm_folder = "/template",
        .image_folder = berth_vm_host_get_image_folder(self->host, spec),
        .disk_path = neutral.manifest.disk != NULL ? "/template/disk" : NULL,
        .memory = BERTH_MEMORY_TEMPLATE,
        .ram_path = "/template/ram",
    };
    char **argv = berth_qemu_argv_build(&plan, NULL);
    berth_vm_spec_clear(&neutral);
    return argv;
}

static char *
key_of(const BerthRamTemplates *self, const BerthVmSpec *spec)
{
    g_auto(GStrv) argv = neutral_argv(self, spec);
    if (argv == NULL) {
        return NULL;
    }
    g_autoptr(GChecksum) hash = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree char *joined = g_strjoinv("\n", argv);
    g_checksum_update(hash, (const guchar *)joined, -1);
    g_checksum_update(hash, (const guchar *)self->qemu_version, -1);
    json_t *manifest = berth_manifest_to_json(&spec->manifest);
    char *text = json_dumps(manifest, JSON_COMPACT | JSON_SORT_KEYS);
    g_checksum_update(hash, (const guchar *)text, -1);
    free(text);
    json_decref(manifest);
    const char *folder = berth_vm_host_get_image_folder(self->host, spec);
    hash_file(hash, folder, spec->manifest.disk);
    hash_file(hash, folder, spec->manifest.kernel);
    hash_file(hash, folder, spec->manifest.initrd);
    return g_strndup(g_checksum_get_string(hash), KEY_CHARS);
}

/* ---- find ---- */

/*
 * Nothing of a template is synced to the disk, so one from before a reboot may have holes: it only
 * counts in the boot that made it.
 */
static bool
is_complete(const BerthRamTemplates *self, const char *key)
{
    g_autofree char *folder = folder_of(self, key, "");
    json_t *marker = berth_state_file_load(folder, MARKER_FILE, 4096, NULL);
    const char *boot_id = json_string_value(json_object_get(marker, "boot_id"));
    bool is_good = boot_id != NULL && strcmp(boot_id, self->boot_id) == 0;
    json_decref(marker);
    return is_good;
}

bool
berth_ram_templates_find(BerthRamTemplates *self, const BerthVmSpec *spec, BerthVmBoot *ret_boot,
                         char **ret_key)
{
    g_autofree char *key = key_of(self, spec);
    if (key == NULL || !is_complete(self, key)) {
        return false;
    }
    memset(ret_boot, 0, sizeof *ret_boot);
    ret_boot->memory = BERTH_MEMORY_FORK;
    ret_boot->ram_path = file_of(self, key, "", "ram");
    ret_boot->state_path = file_of(self, key, "", "state");
    ret_boot->backing_path =
        spec->manifest.disk != NULL ? file_of(self, key, "", "disk.qcow2") : NULL;
    *ret_key = g_steal_pointer(&key);
    return true;
}

/* ---- build ---- */

static void
remove_leftovers(BerthRamTemplates *self, const char *key)
{
    g_autofree char *building = folder_of(self, key, ".new");
    g_autofree char *machine = folder_of(self, key, ".vm");
    berth_state_folder_remove(building);
    berth_state_folder_remove(machine);
}

/* Makes the template usable; false if it could not be moved to its place. */
static bool
publish(BerthRamTemplates *self)
{
    GError *error = NULL;
    g_autofree char *building = folder_of(self, self->key, ".new");
    g_autofree char *place = folder_of(self, self->key, "");
    json_t *marker = json_pack("{s:s,s:s}", "boot_id", self->boot_id, "qemu", self->qemu_version);
    bool is_marked = berth_state_file_save(building, MARKER_FILE, marker, &error);
    json_decref(marker);
    if (!is_marked) {
        berth_log_warning("template", "%s", error->message);
        g_clear_error(&error);
        return false;
    }
    berth_state_folder_remove(place);
    return rename(building, place) == 0;
}

static void
end_build(BerthRamTemplates *self)
{
    bool is_published = self->is_saved && publish(self);
    if (is_published) {
        berth_log_info("template", "template %s is ready to be forked", self->key);
    } else {
        int64_t *when = g_new(int64_t, 1);
        *when = berth_monotonic_us();
        g_hash_table_replace(self->failed_us, g_strdup(self->key), when);
        berth_log_warning("template", "template %s could not be made, machines boot cold",
                          self->key);
        remove_leftovers(self, self->key);
    }
    g_clear_pointer(&self->vm, berth_vm_free);
    g_clear_pointer(&self->key, g_free);
    self->on_changed(self->user_data);
}

static gboolean
on_finish(gpointer user_data)
{
    BerthRamTemplates *self = user_data;
    self->finish_source = 0;
    end_build(self);
    return G_SOURCE_REMOVE;
}

static void
on_saved(int code, const char *text, void *user_data)
{
    BerthRamTemplates *self = user_data;
    if (code != BERTH_OK) {
        berth_log_warning("template", "the device state could not be saved: %s", text);
    } else {
        g_autofree char *disk = berth_vm_dup_disk_path(self->vm);
        g_autofree char *kept = file_of(self, self->key, ".new", "disk.qcow2");
        self->is_saved = disk == NULL || rename(disk, kept) == 0;
    }
    berth_vm_stop(self->vm);
}

static void
on_stopped(int code, const json_t *result, const char *text, void *user_data)
{
    BerthRamTemplates *self = user_data;
    g_autofree char *path = file_of(self, self->key, ".new", "state");
    int fd = code == BERTH_OK ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    if (fd < 0) {
        berth_log_warning("template", "the guest could not be frozen: %s",
                          text != NULL ? text : g_strerror(errno));
        berth_vm_stop(self->vm);
        return;
    }
    self->migration = berth_qemu_migration_new(berth_vm_get_qmp(self->vm), BERTH_MIGRATION_SAVE, fd,
                                               on_saved, self);
}

static gboolean
on_settled(gpointer user_data)
{
    BerthRamTemplates *self = user_data;
    self->settle_source = 0;
    BerthQmp *qmp = berth_vm_get_qmp(self->vm);
    if (qmp == NULL) {
        berth_vm_stop(self->vm);
        return G_SOURCE_REMOVE;
    }
    berth_qmp_command(qmp, "stop", NULL, on_stopped, self);
    return G_SOURCE_REMOVE;
}

static void
handle_ready(BerthRamTemplates *self)
{
    if (self->is_freezing) {
        return;
    }
    self->is_freezing = true;
    if (berth_vm_get_spec(self->vm)->condition[0] != '\0') {
        berth_log_warning("template", "the guest never said that it is ready");
        berth_vm_stop(self->vm);
        return;
    }
    self->settle_source = g_timeout_add(SETTLE_MS, on_settled, self);
}

static void
on_vm_changed(BerthVm *vm, void *user_data)
{
    BerthRamTemplates *self = user_data;
    switch (berth_vm_get_state(vm)) {
    case BERTH_VM_READY:
        handle_ready(self);
        break;
    case BERTH_VM_FAILED:
        self->is_saved = false;
        g_clear_pointer(&self->migration, berth_qemu_migration_free);
        berth_vm_stop(vm);
        break;
    case BERTH_VM_GONE:
        g_clear_handle_id(&self->settle_source, g_source_remove);
        g_clear_pointer(&self->migration, berth_qemu_migration_free);
        if (self->finish_source == 0) {
            self->finish_source = g_idle_add(on_finish, self);
        }
        break;
    default:
        break;
    }
}

static const BerthVmCallbacks vm_callbacks = { .on_changed = on_vm_changed };

/* Several agents may share a folder of templates; one of them builds. */
static bool
take_lock(BerthRamTemplates *self)
{
    if (!self->has_lock && self->lock_fd >= 0) {
        self->has_lock = flock(self->lock_fd, LOCK_EX | LOCK_NB) == 0;
    }
    return self->has_lock;
}

static void
start_build(BerthRamTemplates *self, const BerthVmSpec *spec)
{
    BerthVmSpec own;
    g_autofree char *building = folder_of(self, self->key, ".new");
    g_autofree char *machine = folder_of(self, self->key, ".vm");
    g_autofree char *ram = file_of(self, self->key, ".new", "ram");
    BerthVmBoot boot = {
        .memory = BERTH_MEMORY_TEMPLATE,
        .ram_path = ram,
        .dies_with_agent = true,
    };
    berth_vm_spec_copy(spec, &own);
    berth_id_random(&own.id);
    berth_vm_spec_choose_identity(&own);
    remove_leftovers(self, self->key);
    berth_state_folder_make(building, NULL);
    self->is_saved = false;
    self->is_freezing = false;
    self->build_started_us = berth_monotonic_us();
    self->vm = berth_vm_new(self->host, machine, &own, &boot, &vm_callbacks, self);
    berth_vm_spec_clear(&own);
    berth_log_info("template", "building template %s of image %s", self->key, spec->manifest.name);
    berth_vm_create(self->vm, true);
}

void
berth_ram_templates_ensure(BerthRamTemplates *self, const BerthVmSpec *spec)
{
    if (self->key != NULL) {
        return;
    }
    g_autofree char *key = key_of(self, spec);
    if (key == NULL || is_complete(self, key) || !take_lock(self)) {
        return;
    }
    const int64_t *failed_us = g_hash_table_lookup(self->failed_us, key);
    if (failed_us != NULL && berth_monotonic_us() - *failed_us < RETRY_AFTER_US) {
        return;
    }
    self->key = g_steal_pointer(&key);
    start_build(self, spec);
}

bool
berth_ram_templates_is_worth_waiting(const BerthRamTemplates *self, const BerthVmSpec *spec)
{
    if (self->key == NULL || berth_monotonic_us() - self->build_started_us > WAIT_FOR_BUILD_US) {
        return false;
    }
    g_autofree char *key = key_of(self, spec);
    return g_strcmp0(key, self->key) == 0;
}

bool
berth_ram_templates_is_building(const BerthRamTemplates *self)
{
    return self->key != NULL;
}

/* ---- life ---- */

/* A build that was cut off, or a template of an earlier boot, which no process can stand on. */
static bool
is_leftover(const BerthRamTemplates *self, const char *name)
{
    bool is_template = strlen(name) == KEY_CHARS && strspn(name, "0123456789abcdef") == KEY_CHARS;
    return g_str_has_suffix(name, ".new") || g_str_has_suffix(name, ".vm") ||
           (is_template && !is_complete(self, name));
}

static void
remove_all_leftovers(BerthRamTemplates *self)
{
    GDir *dir = g_dir_open(self->folder, 0, NULL);
    const char *name;
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        if (is_leftover(self, name)) {
            g_autofree char *path = g_build_filename(self->folder, name, NULL);
            berth_state_folder_remove(path);
        }
    }
    g_clear_pointer(&dir, g_dir_close);
}

BerthRamTemplates *
berth_ram_templates_new(const BerthVmHost *host, const char *folder, const char *qemu_version,
                        void (*on_changed)(void *user_data), void *user_data)
{
    BerthRamTemplates *self = g_new0(BerthRamTemplates, 1);
    self->host = host;
    self->folder = g_strdup(folder);
    self->qemu_version = g_strdup(qemu_version);
    self->on_changed = on_changed;
    self->user_data = user_data;
    self->failed_us = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    if (!g_file_get_contents(BOOT_ID_FILE, &self->boot_id, NULL, NULL)) {
        self->boot_id = g_strdup("");
    }
    g_strchomp(self->boot_id);
    berth_state_folder_make(folder, NULL);
    g_autofree char *lock_path = g_build_filename(folder, "lock", NULL);
    self->lock_fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (take_lock(self)) {
        remove_all_leftovers(self);
    }
    return self;
}

void
berth_ram_templates_free(BerthRamTemplates *self)
{
    if (self == NULL) {
        return;
    }
    g_clear_handle_id(&self->settle_source, g_source_remove);
    g_clear_handle_id(&self->finish_source, g_source_remove);
    if (self->vm != NULL) {
        BerthQmp *qmp = berth_vm_get_qmp(self->vm);
        if (qmp != NULL) {
            berth_qmp_command(qmp, "quit", NULL, NULL, NULL);
        }
        berth_vm_free(self->vm);
    }
    berth_qemu_migration_free(self->migration);
    berth_clear_fd(&self->lock_fd);
    g_hash_table_unref(self->failed_us);
    g_free(self->key);
    g_free(self->folder);
    g_free(self->qemu_version);
    g_free(self->boot_id);
    g_free(self);
}
