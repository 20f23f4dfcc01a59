/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/ram-templates.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/kill-point.h"
#include "base/log.h"
#include "berth/errors.h"
#include "berth/limits.h"
#include "host-agent/json-fields.h"
#include "host-agent/state-file.h"
#include "host-agent/vm/guest-identity.h"
#include "host-agent/vm/host-probe.h"
#include "host-agent/vm/template-build.h"
#include "host-agent/vm/template-folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAIT_FOR_BUILD_US (45LL * 1000 * 1000)
#define RETRY_AFTER_US (600LL * 1000 * 1000)
#define TOUCH_INTERVAL_US (20LL * 1000 * 1000)
#define KEY_CHARS 32

/* One that is wanted, or was in this agent's life. */
typedef struct {
    BerthId version;
    int vcpus, memory_mib;
    bool is_wanted; /* in this pass */
    bool is_spare;  /* nobody needs it now */
    bool is_built;
    int64_t touched_us;
    int64_t failed_us; /* when a build failed; 0: never */
    char *failure;     /* why; NULL: it did not */
} Entry;

struct BerthRamTemplates {
    const BerthVmHost *host;
    char *folder;
    char *qemu_version;
    char *qemu_path;
    char *processor; /* what a saved state of it can be loaded on */
    int keep_s;
    void (*on_changed)(void *user_data);
    void *user_data;
    int lock_fd; /* whoever holds the folder's lock may build in it; -1: not open */
    bool has_lock;
    GHashTable *entries; /* key -> Entry * */

    /* the build under way */
    char *key;
    int64_t build_started_us;
    BerthTemplateBuild *build;
};

static void
entry_free(gpointer data)
{
    Entry *entry = data;
    g_free(entry->failure);
    g_free(entry);
}

static char *
folder_of(const BerthRamTemplates *self, const char *key, const char *suffix)
{
    g_autofree char *name = g_strconcat(key, suffix, NULL);
    return g_build_filename(self->folder, name, NULL);
}

/* ---- key ---- */

/* A file by its name and what changes when it is replaced. */
static void
hash_path(GChecksum *hash, const char *path)
{
    struct stat info;
    memset(&info, 0, sizeof info);
    stat(path, &info);
    g_autofree char *text = g_strdup_printf("%s %lld %lld.%09ld;", path, (long long)info.st_size,
                                            (long long)info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
    g_checksum_update(hash, (const guchar *)text, -1);
}

static void
hash_file(GChecksum *hash, const char *folder, const char *name)
{
    if (name == NULL) {
        g_checksum_update(hash, (const guchar *)"-", 1);
        return;
    }
    g_autofree char *path = g_build_filename(folder, name, NULL);
    hash_path(hash, path);
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
    g_checksum_update(hash, (const guchar *)berth_guest_freeze_script(), -1);
    g_checksum_update(hash, (const guchar *)berth_guest_card_script(), -1);
    g_checksum_update(hash, (const guchar *)self->qemu_version, -1);
    g_checksum_update(hash, (const guchar *)self->processor, -1);
    hash_path(hash, self->qemu_path);
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

/* One whose files were touched since is of no use: it goes, and is built again. */
static bool
is_complete(BerthRamTemplates *self, const char *key, BerthTemplateMarker *ret)
{
    g_autofree char *folder = folder_of(self, key, "");
    g_autofree char *detail = NULL;
    int code = berth_template_folder_check(folder, ret, &detail);
    if (code == BERTH_ERR_CORRUPT) {
        berth_log_error("template", "template %s is damaged, it is made again: %s", key, detail);
        berth_state_folder_remove(folder);
    }
    return code == BERTH_OK;
}

bool
berth_ram_templates_find(BerthRamTemplates *self, const BerthVmSpec *spec, BerthVmBoot *ret_boot,
                         char **ret_key)
{
    BerthTemplateMarker marker = { 0 };
    g_autofree char *key = key_of(self, spec);
    if (key == NULL || !is_complete(self, key, &marker)) {
        return false;
    }
    g_autofree char *folder = folder_of(self, key, "");
    memset(ret_boot, 0, sizeof *ret_boot);
    ret_boot->memory = BERTH_MEMORY_FORK;
    ret_boot->has_shell = marker.has_shell;
    ret_boot->ram_path = g_build_filename(folder, BERTH_TEMPLATE_RAM, NULL);
    ret_boot->state_path = g_build_filename(folder, BERTH_TEMPLATE_STATE, NULL);
    if (marker.has_disk) {
        ret_boot->backing_path = g_build_filename(folder, BERTH_TEMPLATE_BASE, NULL);
        ret_boot->overlay_path = g_build_filename(folder, BERTH_TEMPLATE_OVERLAY, NULL);
    }
    berth_template_marker_clear(&marker);
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

static bool
publish(BerthRamTemplates *self)
{
    g_autofree char *building = folder_of(self, self->key, ".new");
    g_autofree char *place = folder_of(self, self->key, "");
    berth_state_folder_remove(place);
    berth_template_folder_touch(building);
    return rename(building, place) == 0;
}

static void
on_built(int code, const char *text, void *user_data)
{
    BerthRamTemplates *self = user_data;
    Entry *entry = g_hash_table_lookup(self->entries, self->key);
    if (code == BERTH_OK && !publish(self)) {
        code = BERTH_ERR_IO;
        text = "its folder cannot be moved to its place";
    }
    g_clear_pointer(&entry->failure, g_free);
    entry->is_built = code == BERTH_OK;
    if (code == BERTH_OK) {
        berth_log_info("template", "template %s is ready to be forked", self->key);
        berth_kill_point(BERTH_KILL_TEMPLATE_PUBLISHED);
    } else {
        entry->failed_us = berth_monotonic_us();
        entry->failure = g_strdup(text);
        berth_log_warning("template", "template %s could not be made, machines boot cold: %s",
                          self->key, text);
        remove_leftovers(self, self->key);
    }
    g_clear_pointer(&self->build, berth_template_build_free);
    g_clear_pointer(&self->key, g_free);
    self->on_changed(self->user_data);
}

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
start_build(BerthRamTemplates *self, const char *key, const BerthVmSpec *spec)
{
    g_autofree char *building = folder_of(self, key, ".new");
    g_autofree char *machine = folder_of(self, key, ".vm");
    self->key = g_strdup(key);
    remove_leftovers(self, key);
    self->build_started_us = berth_monotonic_us();
    berth_log_info("template", "building template %s of image %s", key, spec->manifest.name);
    self->build = berth_template_build_new(self->host, self->qemu_version, spec, building, machine,
                                           on_built, self);
}

static bool
may_build(BerthRamTemplates *self, const Entry *entry)
{
    bool failed_lately =
        entry->failed_us != 0 && berth_monotonic_us() - entry->failed_us < RETRY_AFTER_US;
    return self->key == NULL && !failed_lately && take_lock(self);
}

/* ---- what is wanted ---- */

static Entry *
ensure_entry(BerthRamTemplates *self, const char *key, const BerthVmSpec *spec)
{
    Entry *entry = g_hash_table_lookup(self->entries, key);
    if (entry == NULL) {
        entry = g_new0(Entry, 1);
        entry->version = spec->version;
        entry->vcpus = spec->vcpus;
        entry->memory_mib = spec->memory_mib;
        entry->is_spare = true;
        g_hash_table_insert(self->entries, g_strdup(key), entry);
    }
    return entry;
}

/* A spare one that is not there is nothing to tell of, unless somebody else waits for it. */
static void
forget_unless_needed(BerthRamTemplates *self, const char *key)
{
    const Entry *entry = g_hash_table_lookup(self->entries, key);
    if (entry != NULL && !entry->is_wanted && g_strcmp0(key, self->key) != 0) {
        g_hash_table_remove(self->entries, key);
    }
}

void
berth_ram_templates_begin_pass(BerthRamTemplates *self)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, self->entries);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        ((Entry *)value)->is_wanted = false;
        ((Entry *)value)->is_spare = true;
    }
}

void
berth_ram_templates_want(BerthRamTemplates *self, const BerthVmSpec *spec, bool is_spare)
{
    BerthTemplateMarker marker = { 0 };
    g_autofree char *key = key_of(self, spec);
    if (key == NULL || (g_hash_table_size(self->entries) >= 4 * BERTH_LIMIT_HOST_TEMPLATES &&
                        !g_hash_table_contains(self->entries, key))) {
        return;
    }
    bool is_built = is_complete(self, key, &marker);
    berth_template_marker_clear(&marker);
    if (is_spare && !is_built) {
        forget_unless_needed(self, key);
        return;
    }
    Entry *entry = ensure_entry(self, key, spec);
    entry->is_wanted = true;
    entry->is_spare = entry->is_spare && is_spare;
    entry->is_built = is_built;
    if (entry->is_built) {
        int64_t now_us = berth_monotonic_us();
        if (entry->touched_us == 0 || now_us - entry->touched_us > TOUCH_INTERVAL_US) {
            g_autofree char *folder = folder_of(self, key, "");
            berth_template_folder_touch(folder);
            entry->touched_us = now_us;
        }
    } else if (may_build(self, entry)) {
        start_build(self, key, spec);
    }
}

static bool
is_template_name(const char *name)
{
    return strlen(name) == KEY_CHARS && strspn(name, "0123456789abcdef") == KEY_CHARS;
}

static bool
is_droppable(BerthRamTemplates *self, const char *name)
{
    const Entry *entry = g_hash_table_lookup(self->entries, name);
    if (!is_template_name(name) || (entry != NULL && entry->is_wanted)) {
        return false;
    }
    g_autofree char *folder = folder_of(self, name, "");
    return berth_template_folder_get_age_us(folder) > (int64_t)self->keep_s * 1000000;
}

void
berth_ram_templates_end_pass(BerthRamTemplates *self,
                             int (*n_forks)(const char *key, void *user_data), void *user_data)
{
    const char *name;
    GDir *dir = take_lock(self) ? g_dir_open(self->folder, 0, NULL) : NULL;
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        if (is_droppable(self, name) && n_forks(name, user_data) == 0) {
            g_autofree char *folder = folder_of(self, name, "");
            berth_log_info("template", "template %s is not wanted any more and goes", name);
            berth_state_folder_remove(folder);
            g_hash_table_remove(self->entries, name);
        }
    }
    g_clear_pointer(&dir, g_dir_close);
}

/* Nobody needs it now: it is kept for the way back, or because it was wanted not long ago. */
static bool
may_give_way(const Entry *entry, const char *key, int (*n_forks)(const char *key, void *user_data),
             void *user_data)
{
    return entry->is_spare && entry->is_built && n_forks(key, user_data) == 0;
}

int
berth_ram_templates_get_spare_mib(BerthRamTemplates *self,
                                  int (*n_forks)(const char *key, void *user_data), void *user_data)
{
    GHashTableIter iter;
    gpointer key, value;
    int total_mib = 0;
    g_hash_table_iter_init(&iter, self->entries);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        if (may_give_way(value, key, n_forks, user_data)) {
            g_autofree char *folder = folder_of(self, key, "");
            total_mib += berth_template_folder_get_mib(folder);
        }
    }
    return total_mib;
}

void
berth_ram_templates_drop_spare(BerthRamTemplates *self,
                               int (*n_forks)(const char *key, void *user_data), void *user_data)
{
    GHashTableIter iter;
    gpointer key, value;
    if (!take_lock(self)) {
        return;
    }
    g_hash_table_iter_init(&iter, self->entries);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        if (may_give_way(value, key, n_forks, user_data)) {
            g_autofree char *folder = folder_of(self, key, "");
            berth_log_info("template", "template %s gives way: a machine needs its memory",
                           (const char *)key);
            berth_state_folder_remove(folder);
            g_hash_table_iter_remove(&iter);
        }
    }
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

int
berth_ram_templates_get_mib(BerthRamTemplates *self)
{
    GHashTableIter iter;
    gpointer key, value;
    int total_mib = 0;
    g_hash_table_iter_init(&iter, self->entries);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        bool is_building = g_strcmp0(key, self->key) == 0;
        g_autofree char *folder = folder_of(self, key, is_building ? ".new" : "");
        total_mib += berth_template_folder_get_mib(folder);
    }
    return total_mib;
}

json_t *
berth_ram_templates_report(BerthRamTemplates *self,
                           int (*n_forks)(const char *key, void *user_data), void *user_data)
{
    GHashTableIter iter;
    gpointer key, value;
    json_t *array = json_array();
    g_hash_table_iter_init(&iter, self->entries);
    while (g_hash_table_iter_next(&iter, &key, &value) &&
           json_array_size(array) < BERTH_LIMIT_HOST_TEMPLATES) {
        const Entry *entry = value;
        bool is_building = g_strcmp0(key, self->key) == 0;
        if (!entry->is_wanted && !entry->is_built) {
            continue;
        }
        const char *state = entry->is_built                          ? "ready"
                            : entry->failure != NULL && !is_building ? "failed"
                                                                     : "building";
        json_t *object =
            json_pack("{s:s,s:i,s:i,s:s,s:i,s:s}", "key", key, "vcpus", entry->vcpus, "memory_mib",
                      entry->memory_mib, "state", state, "forks", n_forks(key, user_data), "detail",
                      entry->failure != NULL ? entry->failure : "");
        if (berth_id_is_zero(&entry->version)) {
            json_object_set_new(object, "version", json_string(""));
        } else {
            berth_json_set_id(object, "version", &entry->version);
        }
        json_array_append_new(array, object);
    }
    return array;
}

/* ---- life ---- */

/* A build that was cut off, or a template of an earlier boot, which no process can stand on. */
static bool
is_leftover(BerthRamTemplates *self, const char *name)
{
    BerthTemplateMarker marker = { 0 };
    if (g_str_has_suffix(name, ".new") || g_str_has_suffix(name, ".vm")) {
        return true;
    }
    bool is_bad = is_template_name(name) && !is_complete(self, name, &marker);
    berth_template_marker_clear(&marker);
    return is_bad;
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
                        int keep_s, void (*on_changed)(void *user_data), void *user_data)
{
    BerthRamTemplates *self = g_new0(BerthRamTemplates, 1);
    self->host = host;
    self->folder = g_strdup(folder);
    self->qemu_version = g_strdup(qemu_version);
    self->qemu_path = g_find_program_in_path(host->qemu_program);
    self->qemu_path = self->qemu_path != NULL ? self->qemu_path : g_strdup(host->qemu_program);
    self->processor = berth_processor_dup_model();
    self->keep_s = keep_s;
    self->on_changed = on_changed;
    self->user_data = user_data;
    self->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, entry_free);
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
    berth_template_build_free(self->build);
    berth_clear_fd(&self->lock_fd);
    g_hash_table_unref(self->entries);
    g_free(self->key);
    g_free(self->folder);
    g_free(self->qemu_version);
    g_free(self->qemu_path);
    g_free(self->processor);
    g_free(self);
}
