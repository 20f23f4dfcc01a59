/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/disks/disk-store-private.h"

#include "base/error.h"
#include "base/id.h"
#include "base/kill-point.h"
#include "base/log.h"
#include "berth/errors.h"
#include "berth/limits.h"
#include "host-agent/disks/disk-header.h"
#include "host-agent/disks/disk-tool.h"
#include "host-agent/state-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAKE_TIMEOUT_MS 60000
/* A check reads all metadata: some MiB for each TiB, on a slow disk. */
#define CHECK_TIMEOUT_MS 300000
#define MIB (1024LL * 1024)

typedef BerthStoredDisk Disk;

static void
disk_free(gpointer data)
{
    Disk *disk = data;
    berth_child_cancel(disk->child);
    g_clear_handle_id(&disk->answer_source, g_source_remove);
    g_clear_handle_id(&disk->point_source, g_source_remove);
    g_free(disk->point_text);
    g_free(disk->path);
    g_free(disk->failure_text);
    g_free(disk);
}

static void
changed(Disk *disk)
{
    disk->store->config.on_changed(disk->store->config.user_data);
}

static Disk *
find(BerthDiskStore *self, const BerthId *id)
{
    return g_hash_table_lookup(self->disks, id);
}

/* The journal is read once, when the disk is first spoken of. */
static void
load_journal(Disk *disk)
{
    GError *error = NULL;
    if (!berth_disk_journal_load(disk->store->config.folder, disk->hex, &disk->journal,
                                 &disk->has_journal, &error)) {
        berth_log_error("disks", "disk=%s: %s", disk->hex, error->message);
        g_error_free(error);
        /* Whatever it said: there is data, and nobody has looked at it. */
        disk->has_journal = true;
        disk->journal = (BerthDiskJournal){ .is_formatted = true, .is_open = true };
    }
}

Disk *
berth_disk_store_ensure(BerthDiskStore *self, const BerthId *id)
{
    Disk *disk = find(self, id);
    if (disk == NULL) {
        disk = g_new0(Disk, 1);
        disk->store = self;
        disk->wish.id = *id;
        berth_id_format(id, disk->hex);
        disk->path = g_strdup_printf("%s/%s.qcow2", self->config.folder, disk->hex);
        load_journal(disk);
        g_hash_table_insert(self->disks, &disk->wish.id, disk);
    }
    return disk;
}

static void
set_failure(Disk *disk, int code, const char *text)
{
    g_free(disk->failure_text);
    disk->failure = code;
    disk->failure_text = code != BERTH_OK ? g_strdup(text) : NULL;
    if (code != BERTH_OK) {
        berth_log_error("disks", "disk=%s: %s", disk->hex, text);
    }
}

static bool
save_journal(Disk *disk)
{
    GError *error = NULL;
    if (!berth_disk_journal_save(&disk->journal, disk->store->config.folder, disk->hex, &error)) {
        set_failure(disk, error->code, error->message);
        g_error_free(error);
        return false;
    }
    disk->has_journal = true;
    return true;
}

/* ---- opening ---- */

static gboolean
on_answer(gpointer data)
{
    Disk *disk = data;
    disk->answer_source = 0;
    bool is_open = disk->state == BERTH_DISK_OPEN;
    const BerthDiskHolder *holder = disk->holder;
    if (!is_open) {
        disk->holder = NULL;
    }
    if (holder != NULL) {
        holder->opened(disk->failure, is_open ? disk->path : NULL, disk->journal.is_formatted,
                       disk->failure_text, disk->holder_data);
    }
    return G_SOURCE_REMOVE;
}

static void
answer(Disk *disk, BerthStoredDiskState state)
{
    disk->state = state;
    disk->answer_source = g_idle_add(on_answer, disk);
    changed(disk);
}

static void
fail_opening(Disk *disk, int code, const char *text)
{
    set_failure(disk, code, text);
    answer(disk, BERTH_DISK_AT_REST);
}

static void
read_facts(Disk *disk, BerthDiskFacts *ret, GError **error)
{
    struct stat info;
    BerthDiskHeader header = { 0 };
    *ret = (BerthDiskFacts){
        .wish_epoch = disk->epoch,
        .wish_size_mib = disk->wish.size_mib,
        .is_new = disk->wish.is_new,
        .has_journal = disk->has_journal,
        .journal_epoch = disk->journal.epoch,
        .is_formatted = disk->journal.is_formatted,
        .was_open = disk->has_journal && disk->journal.is_open,
        .has_file = lstat(disk->path, &info) == 0,
    };
    if (ret->has_file) {
        ret->is_header_good = berth_disk_header_load(disk->path, &header, error);
        ret->size_mib = (int64_t)(header.size_bytes / MIB);
        ret->was_open = ret->was_open || header.is_dirty;
        disk->size_mib = ret->size_mib;
    }
}

/* From here on no older lease may have it, and nobody may take it for checked. */
static void
hand_out(Disk *disk)
{
    disk->journal.epoch = disk->epoch;
    disk->journal.is_open = true;
    disk->journal.machine = disk->machine;
    /* A file without a journal may hold anything: it is never formatted. */
    disk->journal.is_formatted = disk->journal.is_formatted || !disk->has_journal;
    bool is_saved = save_journal(disk);
    berth_kill_point(BERTH_KILL_DISK_OPENED);
    answer(disk, is_saved ? BERTH_DISK_OPEN : BERTH_DISK_AT_REST);
}

static void on_child_done(int status, const char *output, void *user_data);

static void
run_child(Disk *disk, BerthDiskStep step, const char *const *argv, int timeout_ms)
{
    GError *error = NULL;
    disk->step = step;
    disk->child =
        berth_child_run(disk->store->config.poller, argv, timeout_ms, on_child_done, disk, &error);
    if (disk->child == NULL) {
        fail_opening(disk, error->code, error->message);
        g_error_free(error);
    }
}

static char *
dup_part_path(const Disk *disk)
{
    return g_strconcat(disk->path, BERTH_DISK_PART_SUFFIX, NULL);
}

/* The journal comes first: a file that is there was made by us, and whether it is formatted is
 * known. */
static void
make_file(Disk *disk)
{
    g_autofree char *part = dup_part_path(disk);
    g_autofree char *size = g_strdup_printf("%" G_GINT64_FORMAT "M", disk->wish.size_mib);
    disk->journal = (BerthDiskJournal){ .machine = disk->machine };
    if (!save_journal(disk)) {
        answer(disk, BERTH_DISK_AT_REST);
        return;
    }
    berth_kill_point(BERTH_KILL_DISK_NOTED);
    const char *tool = disk->store->config.qemu_img_program;
    const char *const argv[] = { tool, "create", "-q", "-f", "qcow2", part, size, NULL };
    unlink(part);
    run_child(disk, BERTH_DISK_STEP_MAKE, argv, MAKE_TIMEOUT_MS);
}

static void
check_file(Disk *disk)
{
    const char *tool = disk->store->config.qemu_img_program;
    const char *const argv[] = {
        tool, "check", "-q", "-f", "qcow2", "-r", "leaks", disk->path, NULL
    };
    run_child(disk, BERTH_DISK_STEP_CHECK, argv, CHECK_TIMEOUT_MS);
}

static void
grow_file(Disk *disk)
{
    g_autofree char *size = g_strdup_printf("%" G_GINT64_FORMAT "M", disk->wish.size_mib);
    const char *tool = disk->store->config.qemu_img_program;
    const char *const argv[] = { tool, "resize", "-q", "-f", "qcow2", disk->path, size, NULL };
    run_child(disk, BERTH_DISK_STEP_GROW, argv, MAKE_TIMEOUT_MS);
}

static void
prepare(Disk *disk)
{
    BerthDiskFacts facts;
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    if (!disk->is_listed || disk->wish.is_absent) {
        fail_opening(disk, BERTH_ERR_NOT_FOUND, "the broker does not list this disk");
        return;
    }
    read_facts(disk, &facts, &error);
    switch (berth_disk_plan(&facts)) {
    case BERTH_DISK_STEP_OPEN:
        hand_out(disk);
        break;
    case BERTH_DISK_STEP_MAKE:
        make_file(disk);
        break;
    case BERTH_DISK_STEP_CHECK:
        check_file(disk);
        break;
    case BERTH_DISK_STEP_GROW:
        grow_file(disk);
        break;
    case BERTH_DISK_STEP_STALE:
        fail_opening(disk, BERTH_ERR_STALE_EPOCH, "a newer lease of this disk was here already");
        break;
    case BERTH_DISK_STEP_MISSING:
        text = g_strdup_printf("the file %s is missing; nothing was made in its place: bring it "
                               "back, restore it, or delete the disk",
                               disk->path);
        fail_opening(disk, BERTH_ERR_NOT_FOUND, text);
        break;
    case BERTH_DISK_STEP_DAMAGED:
        text = g_strdup_printf("the file %s cannot be used: %s", disk->path,
                               error != NULL ? error->message : "its header is bad");
        fail_opening(disk, error != NULL ? error->code : BERTH_ERR_CORRUPT, text);
        break;
    }
}

/* ---- what qemu-img did ---- */

/* The new file gets its name. */
static int
keep_file(Disk *disk)
{
    g_autofree char *part = dup_part_path(disk);
    int code = berth_disk_store_commit(disk->store, part, disk->path);
    if (code == BERTH_OK) {
        berth_kill_point(BERTH_KILL_DISK_MADE);
    }
    return code;
}

static void
rest(Disk *disk)
{
    disk->state = BERTH_DISK_AT_REST;
    disk->journal.is_open = disk->failure != BERTH_OK;
    save_journal(disk);
    changed(disk);
}

/* ---- points ---- */

static gboolean
on_point_over(gpointer data)
{
    Disk *disk = data;
    g_autofree char *text = g_steal_pointer(&disk->point_text);
    BerthDiskDone done = disk->point_done;
    disk->point_source = 0;
    disk->point_done = NULL;
    if (done != NULL) {
        done(disk->point_code, text, disk->point_data);
    }
    return G_SOURCE_REMOVE;
}

static void
end_point(Disk *disk, int code, const char *text)
{
    g_free(disk->point_text);
    disk->point_code = code;
    disk->point_text = g_strdup(text);
    disk->point_source = g_idle_add(on_point_over, disk);
    changed(disk);
}

static void
run_point(Disk *disk)
{
    bool is_clearing = disk->point_act == BERTH_DISK_POINT_KEEP && !disk->is_point_cleared;
    const char *option = disk->point_act == BERTH_DISK_POINT_RETURN                ? "-a"
                         : disk->point_act == BERTH_DISK_POINT_DROP || is_clearing ? "-d"
                                                                                   : "-c";
    const char *tool = disk->store->config.qemu_img_program;
    const char *const argv[] = { tool, "snapshot", "-q", option, disk->point, disk->path, NULL };
    run_child(disk, BERTH_DISK_STEP_OPEN, argv, CHECK_TIMEOUT_MS);
}

static void
on_point_child(Disk *disk, int status, const char *output)
{
    bool was_clearing = disk->point_act == BERTH_DISK_POINT_KEEP && !disk->is_point_cleared;
    bool may_miss = was_clearing || disk->point_act == BERTH_DISK_POINT_DROP;
    int code = berth_disk_tool_classify(status, output, false);
    if (code == BERTH_ERR_NOT_FOUND && may_miss) {
        code = BERTH_OK;
    }
    if (code == BERTH_OK && was_clearing) {
        disk->is_point_cleared = true;
        run_point(disk);
        return;
    }
    g_autofree char *text = code == BERTH_ERR_NOT_FOUND
                                ? g_strdup("the disk has no such restore point")
                                : berth_disk_tool_describe(code, disk->path, output);
    disk->state = BERTH_DISK_AT_REST;
    disk->journal.is_open = false;
    save_journal(disk);
    end_point(disk, code, text);
}

static void
on_child_done(int status, const char *output, void *user_data)
{
    Disk *disk = user_data;
    disk->child = NULL;
    if (disk->state == BERTH_DISK_WORKING) {
        on_point_child(disk, status, output);
        return;
    }
    int code = berth_disk_tool_classify(status, output, disk->step == BERTH_DISK_STEP_CHECK);
    if (code == BERTH_OK && disk->step == BERTH_DISK_STEP_MAKE) {
        code = keep_file(disk);
    }
    g_autofree char *text = berth_disk_tool_describe(code, disk->path, output);
    if (code == BERTH_OK && disk->step == BERTH_DISK_STEP_GROW) {
        berth_kill_point(BERTH_KILL_DISK_GROWN);
    }
    if (disk->state == BERTH_DISK_CHECKING) {
        berth_kill_point(BERTH_KILL_DISK_CHECKED);
        set_failure(disk, code, text);
        rest(disk);
        return;
    }
    if (code != BERTH_OK) {
        fail_opening(disk, code, text);
        return;
    }
    if (disk->step == BERTH_DISK_STEP_CHECK) {
        disk->journal.is_open = false;
        if (!save_journal(disk)) {
            answer(disk, BERTH_DISK_AT_REST);
            return;
        }
    }
    prepare(disk);
}

/* ---- the machine's side ---- */

bool
berth_stored_disk_is_free(const Disk *disk)
{
    return disk->state == BERTH_DISK_AT_REST && disk->answer_source == 0 && disk->point_source == 0;
}

void
berth_disk_store_open(BerthDiskStore *self, const BerthMachineDisk *machine_disk,
                      const BerthId *machine, const BerthDiskHolder *holder, void *user_data)
{
    Disk *disk = berth_disk_store_ensure(self, &machine_disk->id);
    if (!berth_stored_disk_is_free(disk)) {
        holder->opened(BERTH_ERR_BUSY, NULL, false, "the disk is still with another machine",
                       user_data);
        return;
    }
    set_failure(disk, BERTH_OK, NULL);
    disk->holder = holder;
    disk->holder_data = user_data;
    disk->machine = *machine;
    disk->epoch = machine_disk->epoch;
    disk->is_mounted = false;
    disk->state = BERTH_DISK_OPENING;
    /* A restarted agent finds its machines before it hears of their disks. */
    if (self->was_told) {
        prepare(disk);
    }
}

const char *
berth_disk_store_adopt(BerthDiskStore *self, const BerthMachineDisk *machine_disk,
                       const BerthId *machine, const BerthDiskHolder *holder, void *user_data,
                       bool *ret_is_formatted)
{
    Disk *disk = berth_disk_store_ensure(self, &machine_disk->id);
    if (!berth_stored_disk_is_free(disk) || !disk->journal.is_open ||
        disk->journal.epoch != machine_disk->epoch ||
        !berth_id_equal(&disk->journal.machine, machine)) {
        return NULL;
    }
    disk->holder = holder;
    disk->holder_data = user_data;
    disk->machine = *machine;
    disk->epoch = machine_disk->epoch;
    disk->state = BERTH_DISK_OPEN;
    *ret_is_formatted = disk->journal.is_formatted;
    return disk->path;
}

bool
berth_disk_store_set_formatted(BerthDiskStore *self, const BerthId *id)
{
    Disk *disk = find(self, id);
    if (disk == NULL || disk->state != BERTH_DISK_OPEN) {
        return false;
    }
    disk->journal.is_formatted = true;
    return save_journal(disk);
}

void
berth_disk_store_set_mounted(BerthDiskStore *self, const BerthId *id)
{
    Disk *disk = find(self, id);
    if (disk != NULL && disk->state == BERTH_DISK_OPEN && !disk->is_mounted) {
        set_failure(disk, BERTH_OK, NULL);
        disk->is_mounted = true;
        changed(disk);
    }
}

void
berth_disk_store_set_failed(BerthDiskStore *self, const BerthId *id, int code, const char *text)
{
    Disk *disk = find(self, id);
    if (disk != NULL && disk->state == BERTH_DISK_OPEN) {
        set_failure(disk, code, text);
        disk->is_mounted = false;
        changed(disk);
    }
}

void
berth_disk_store_set_grown(BerthDiskStore *self, const BerthId *id, int64_t size_mib)
{
    Disk *disk = find(self, id);
    if (disk != NULL && disk->size_mib != size_mib) {
        disk->size_mib = size_mib;
        changed(disk);
    }
}

const BerthDiskWish *
berth_disk_store_find_wish(BerthDiskStore *self, const BerthId *id)
{
    Disk *disk = find(self, id);
    return disk != NULL && disk->is_listed ? &disk->wish : NULL;
}

static void
start_check(Disk *disk)
{
    disk->state = BERTH_DISK_CHECKING;
    disk->holder = NULL;
    disk->is_mounted = false;
    if (access(disk->path, F_OK) != 0) {
        g_autofree char *text = g_strdup_printf("the file %s is missing", disk->path);
        set_failure(disk, BERTH_ERR_NOT_FOUND, text);
        rest(disk);
        return;
    }
    check_file(disk);
}

void
berth_disk_store_close(BerthDiskStore *self, const BerthId *id, const BerthId *machine)
{
    Disk *disk = find(self, id);
    if (disk == NULL || !berth_id_equal(&disk->machine, machine)) {
        return;
    }
    g_clear_handle_id(&disk->answer_source, g_source_remove);
    disk->holder = NULL;
    if (disk->state == BERTH_DISK_OPENING) {
        g_clear_pointer(&disk->child, berth_child_cancel);
        disk->state = BERTH_DISK_AT_REST;
        changed(disk);
    } else if (disk->state == BERTH_DISK_OPEN) {
        berth_kill_point(BERTH_KILL_DISK_CLOSED);
        start_check(disk);
        changed(disk);
    }
}

void
berth_disk_store_point(BerthDiskStore *self, const BerthId *id, BerthDiskPointAct act,
                       const char *point, BerthDiskDone done, void *user_data)
{
    BerthDiskHeader header;
    g_autoptr(GError) error = NULL;
    Disk *disk = berth_disk_store_ensure(self, id);
    if (!berth_stored_disk_is_free(disk)) {
        done(BERTH_ERR_BUSY, "the disk is in use", user_data);
        return;
    }
    disk->point_act = act;
    disk->is_point_cleared = false;
    disk->point_done = done;
    disk->point_data = user_data;
    g_strlcpy(disk->point, point, sizeof disk->point);
    if (!berth_disk_header_load(disk->path, &header, &error)) {
        g_autofree char *text = g_strdup_printf("%s: %s", disk->path, error->message);
        end_point(disk, error->code, text);
        return;
    }
    /* An agent that dies in the middle leaves a disk that is looked at before it is used. */
    disk->journal.is_formatted = disk->has_journal ? disk->journal.is_formatted : true;
    disk->journal.is_open = true;
    if (!save_journal(disk)) {
        end_point(disk, disk->failure, disk->failure_text);
        return;
    }
    disk->state = BERTH_DISK_WORKING;
    run_point(disk);
    changed(disk);
}

bool
berth_disk_store_is_free(BerthDiskStore *self, const BerthId *id)
{
    const Disk *disk = find(self, id);
    return disk == NULL || berth_stored_disk_is_free(disk);
}

void
berth_disk_store_forget_point(BerthDiskStore *self, const BerthId *id)
{
    Disk *disk = find(self, id);
    if (disk != NULL) {
        disk->point_done = NULL;
    }
}

/* ---- the broker's side ---- */

static void
remove_files(Disk *disk)
{
    g_autofree char *part = dup_part_path(disk);
    g_autofree char *raw = g_strconcat(disk->path, BERTH_DISK_RAW_SUFFIX, NULL);
    if (unlink(disk->path) != 0 && errno != ENOENT) {
        g_autofree char *text =
            g_strdup_printf("cannot remove %s: %s", disk->path, g_strerror(errno));
        set_failure(disk, berth_error_from_errno(errno), text);
        return;
    }
    unlink(part);
    unlink(raw);
    berth_kill_point(BERTH_KILL_DISK_DELETED);
    berth_disk_journal_remove(disk->store->config.folder, disk->hex);
    berth_log_info("disks", "disk=%s was deleted by the broker", disk->hex);
    /* Told until the broker does not ask any more. */
    disk->journal = (BerthDiskJournal){ 0 };
    disk->has_journal = false;
    disk->failure = BERTH_ERR_NOT_FOUND;
    g_free(disk->failure_text);
    disk->failure_text = g_strdup("it is deleted");
}

static void
take_wish(BerthDiskStore *self, const BerthDiskWish *wish)
{
    Disk *disk = berth_disk_store_ensure(self, &wish->id);
    bool is_larger = wish->size_mib > disk->wish.size_mib && disk->size_mib < wish->size_mib;
    disk->wish = *wish;
    disk->is_listed = true;
    if (is_larger && disk->state == BERTH_DISK_OPEN && disk->holder != NULL) {
        disk->holder->size_wanted(wish->size_mib, disk->holder_data);
    }
    /* Nobody here has it, though the journal says so: its machine ended while no agent ran. */
    if (disk->state == BERTH_DISK_AT_REST && disk->answer_source == 0 && disk->has_journal &&
        disk->journal.is_open && disk->failure == BERTH_OK && !wish->is_absent &&
        disk->journal.epoch <= wish->epoch) {
        start_check(disk);
    }
}

static gboolean
is_gone(gpointer key, gpointer value, gpointer user_data)
{
    Disk *disk = value;
    const bool *is_safe_mode = user_data;
    bool is_at_rest = berth_stored_disk_is_free(disk);
    bool is_removed = disk->failure == BERTH_ERR_NOT_FOUND && !disk->has_journal;
    if (is_at_rest && disk->is_listed && disk->wish.is_absent && !*is_safe_mode && !is_removed) {
        remove_files(disk);
    }
    return is_at_rest && !disk->is_listed;
}

void
berth_disk_store_want(BerthDiskStore *self, const json_t *disks, bool is_safe_mode)
{
    GHashTableIter iter;
    gpointer value;
    size_t i = 0;
    json_t *item = NULL;
    g_hash_table_iter_init(&iter, self->disks);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        ((Disk *)value)->is_listed = false;
    }
    json_array_foreach (disks, i, item) {
        BerthDiskWish wish;
        g_autoptr(GError) error = NULL;
        if (berth_disk_wish_parse(item, &wish, &error)) {
            take_wish(self, &wish);
        } else {
            berth_log_warning("disks", "the broker wants a disk that cannot be: %s",
                              error->message);
        }
    }
    g_hash_table_iter_init(&iter, self->disks);
    while (!self->was_told && g_hash_table_iter_next(&iter, NULL, &value)) {
        if (((Disk *)value)->state == BERTH_DISK_OPENING) {
            prepare(value);
        }
    }
    self->was_told = true;
    g_hash_table_foreach_remove(self->disks, is_gone, &is_safe_mode);
    self->config.on_changed(self->config.user_data);
}

/* ---- life ---- */

BerthDiskStore *
berth_disk_store_new(const BerthDiskStoreConfig *config)
{
    GError *error = NULL;
    BerthDiskStore *self = g_new0(BerthDiskStore, 1);
    self->config = *config;
    self->disks = g_hash_table_new_full(berth_id_hash, berth_id_equal_func, NULL, disk_free);
    if (!berth_state_folder_make(config->folder, &error)) {
        berth_log_error("disks", "user disks cannot be kept here: %s", error->message);
        g_error_free(error);
    }
    return self;
}

void
berth_disk_store_free(BerthDiskStore *self)
{
    if (self != NULL) {
        g_hash_table_unref(self->disks);
        g_free(self);
    }
}
