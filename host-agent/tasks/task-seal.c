/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kind "seal": what an administrator made of a maintenance machine becomes a file of a new
 * version, in the image store of this host.
 *
 * The steps are rows of a table, each safe to be done twice; after each one a checkpoint is
 * written, from which a restarted agent goes on.  Until the disk has been stored nothing is lost:
 * if a step fails, the machine is switched on again with its overlay as it is.  A guest that was
 * generalised while it ran has no keys and cookies any more: it is switched off and on again, too.
 *
 * args:    {"keep_apt_lists": false}
 * result:  {"files": [{"role": "disk", "root", "size_bytes", "chunk_bytes"}],
 *           "report": {"os", "agent", "checks": [{"name", "detail"}], and guest-facts.h}}
 */
#include "base/depot/chunk-list.h"
#include "base/error.h"
#include "base/id.h"
#include "base/kill-point.h"
#include "base/log.h"
#include "berth/errors.h"
#include "host-agent/json-fields.h"
#include "host-agent/tasks/guest-facts.h"
#include "host-agent/tasks/guest-scripts.h"
#include "host-agent/tasks/seal-copy.h"
#include "host-agent/tasks/seal-disk.h"
#include "host-agent/tasks/task-guest.h"
#include "host-agent/tasks/task-kinds.h"

#include <string.h>

#define WAIT_MS (15 * 60 * 1000)
#define SCRIPT_MS (10 * 60 * 1000)
#define LOOK_MS 200
/* Status of the script if one of the guest's own steps failed, before anything was changed. */
#define HOOK_FAILED 3
/* A guest that has less cannot be patched again. */
#define GUEST_FREE_KIB (48 * 1024)
/* What must stay free on the host beside the new file. */
#define HOST_FREE_BYTES (256LL * 1024 * 1024)

typedef struct Seal Seal;

typedef struct {
    const char *name; /* in the checkpoint */
    int pct;
    const char *detail;
    void (*run)(Seal *seal);
    BerthKillPoint kill_point; /* after it, before the checkpoint */
    bool is_after_touch;       /* the guest is generalised */
    bool needs_off;            /* the machine is held off from here on */
} Step;

struct Seal {
    BerthTaskContext *context;
    int step;
    json_t *checkpoint; /* {"step", "report", "files", "used_bytes"} */
    BerthTaskGuest *guest;
    BerthSealDisk *disk;
    BerthSealCopy *copy;
    guint source;
    bool keeps_apt_lists;
    bool is_touched; /* the guest may be generalised, in whole or in part */
    int failure;     /* that is told when the guest is off */
    char *failure_text;
};

static void run_check(Seal *seal);
static void run_generalise(Seal *seal);
static void run_list(Seal *seal);
static void run_stop(Seal *seal);
static void run_store(Seal *seal);
static void run_boot(Seal *seal);

/* clang-format off */
static const Step steps[] = {
    { "check",      5,  "looking whether it can be sealed",       run_check,      BERTH_KILL_SEAL_CHECKED,     false, false },
    { "generalise", 15, "taking out what is of one machine only", run_generalise, BERTH_KILL_SEAL_GENERALISED, false, false },
    { "list",       25, "listing packages and files",             run_list,       BERTH_KILL_SEAL_LISTED,      true, false },
    { "stop",       35, "shutting the desktop down",              run_stop,       BERTH_KILL_SEAL_STOPPED,     true, true },
    { "store",      45, "copying its disk",                       run_store,      BERTH_KILL_SEAL_STORED,      true, true },
    { "boot",       80, "trying whether the new version boots",   run_boot,       BERTH_KILL_SEAL_BOOTED,      true, true },
};

/* clang-format on */

/* ---- the machine ---- */

static BerthVm *
find_vm(void *user_data)
{
    const Seal *seal = user_data;
    return berth_machine_park_get_vm(berth_task_get_host(seal->context)->machines,
                                     berth_task_get_machine(seal->context));
}

static void
hold(Seal *seal, bool is_held)
{
    BerthVm *vm = find_vm(seal);
    if (vm != NULL) {
        berth_vm_hold_off(vm, is_held);
    }
}

/* ---- ends and steps ---- */

static void
seal_free(Seal *seal)
{
    g_clear_handle_id(&seal->source, g_source_remove);
    json_decref(seal->checkpoint);
    g_free(seal->failure_text);
    g_free(seal);
}

static void
end_failed(Seal *seal)
{
    BerthTaskContext *context = seal->context;
    int code = seal->failure;
    g_autofree char *detail = g_steal_pointer(&seal->failure_text);
    hold(seal, false);
    seal_free(seal);
    berth_task_finish(context, code, detail, NULL);
}

static BerthVmState
get_state(Seal *seal)
{
    BerthVm *vm = find_vm(seal);
    return vm != NULL ? berth_vm_get_state(vm) : BERTH_VM_GONE;
}

/* Off, or so that it will never be. */
static bool
is_at_rest(BerthVmState state)
{
    return state == BERTH_VM_STOPPED || state == BERTH_VM_GONE || state == BERTH_VM_FAILED;
}

static gboolean
on_failed_look(gpointer user_data)
{
    Seal *seal = user_data;
    BerthVmState state = get_state(seal);
    if (state == BERTH_VM_READY) {
        berth_vm_power_off(find_vm(seal));
    }
    if (!is_at_rest(state)) {
        return G_SOURCE_CONTINUE;
    }
    seal->source = 0;
    end_failed(seal);
    return G_SOURCE_REMOVE;
}

static void
fail(Seal *seal, int code, const char *text)
{
    bool needs_boot = seal->is_touched && !is_at_rest(get_state(seal));
    seal->failure = code;
    seal->failure_text = g_strdup_printf(
        "%s: %s; the maintenance desktop %s and can be sealed again", steps[seal->step].name, text,
        seal->is_touched ? "was started again" : "stays as it is");
    if (!needs_boot) {
        end_failed(seal);
        return;
    }
    hold(seal, true);
    seal->source = g_timeout_add(LOOK_MS, on_failed_look, seal);
}

static void
fail_with(Seal *seal, const GError *error)
{
    fail(seal, error->code, error->message);
}

static gboolean
on_step(gpointer user_data)
{
    Seal *seal = user_data;
    const Step *step = &steps[seal->step];
    seal->source = 0;
    hold(seal, step->needs_off);
    seal->is_touched = seal->is_touched || step->is_after_touch;
    berth_task_set_progress(seal->context, step->pct, step->detail);
    step->run(seal);
    return G_SOURCE_REMOVE;
}

static void
finish(Seal *seal)
{
    BerthTaskContext *context = seal->context;
    json_t *result = json_pack("{s:O, s:O}", "files", json_object_get(seal->checkpoint, "files"),
                               "report", json_object_get(seal->checkpoint, "report"));
    seal_free(seal);
    berth_task_finish(context, BERTH_OK, "the version is sealed", result);
}

/* The step is done: writes that down and goes on. */
static void
advance(Seal *seal)
{
    g_autoptr(GError) error = NULL;
    berth_kill_point(steps[seal->step].kill_point);
    if (seal->step + 1 == (int)G_N_ELEMENTS(steps)) {
        finish(seal);
        return;
    }
    json_object_set_new(seal->checkpoint, "step", json_string(steps[seal->step + 1].name));
    if (!berth_task_set_checkpoint(seal->context, json_deep_copy(seal->checkpoint), &error)) {
        fail_with(seal, error);
        return;
    }
    seal->step++;
    seal->source = g_idle_add(on_step, seal);
}

/* Writes into the report what was looked at; a step that is done again replaces its line. */
static void
note_check(Seal *seal, const char *name, const char *detail)
{
    size_t i;
    json_t *check;
    json_t *checks = json_object_get(json_object_get(seal->checkpoint, "report"), "checks");
    json_array_foreach (checks, i, check) {
        if (g_strcmp0(json_string_value(json_object_get(check, "name")), name) == 0) {
            json_object_set_new(check, "detail", json_string(detail));
            return;
        }
    }
    json_array_append_new(checks, json_pack("{s:s, s:s}", "name", name, "detail", detail));
}

/* ---- in the guest ---- */

/* Whether a script did what it should; else the seal has failed. */
static bool
is_good(Seal *seal, const BerthGuestExecResult *result)
{
    seal->guest = NULL;
    if (result->code != BERTH_OK) {
        fail(seal, result->code, result->text);
        return false;
    }
    if (result->status != 0) {
        g_autofree char *valid = g_utf8_make_valid(result->err, (gssize)result->err_bytes);
        g_strstrip(valid);
        fail(seal, BERTH_ERR_STATE, valid[0] != '\0' ? valid : "its script failed in the guest");
        return false;
    }
    return true;
}

static void
run_in_guest(Seal *seal, const char *script, BerthTaskGuestDone done)
{
    seal->guest = berth_task_guest_run(find_vm, script, WAIT_MS, SCRIPT_MS, done, seal);
}

/* Room for the raw file, which may be as large as what the guest's disk holds. */
static bool
check_host_room(Seal *seal, const BerthGuestCheck *check, GError **error)
{
    BerthStoreFolder *folder =
        berth_image_store_get_folder(berth_task_get_host(seal->context)->images, error);
    if (folder == NULL) {
        return false;
    }
    int64_t free_bytes = (int64_t)berth_store_folder_free_bytes(folder);
    int64_t needed = check->used_kib * 1024 + HOST_FREE_BYTES;
    if (free_bytes < needed) {
        return berth_set_error(error, BERTH_ERR_DISK_FULL,
                               "%s has %" G_GINT64_FORMAT " MiB free, the new version may need "
                               "%" G_GINT64_FORMAT " MiB",
                               berth_store_folder_path(folder), free_bytes >> 20, needed >> 20);
    }
    g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT " MiB", free_bytes >> 20);
    note_check(seal, "room on the host", text);
    return true;
}

static bool
judge_guest(Seal *seal, const BerthGuestCheck *check, GError **error)
{
    json_t *report = json_object_get(seal->checkpoint, "report");
    g_autofree char *room =
        g_strdup_printf("%" G_GINT64_FORMAT " MiB free", check->free_kib / 1024);
    if (check->free_kib < GUEST_FREE_KIB) {
        return berth_set_error(error, BERTH_ERR_DISK_FULL,
                               "the guest's disk has only %s: make room, or a larger disk", room);
    }
    json_object_set_new(report, "os", json_string(check->os));
    json_object_set_new(report, "agent", json_string(check->agent));
    json_object_set_new(seal->checkpoint, "used_bytes",
                        json_integer((json_int_t)check->used_kib * 1024));
    note_check(seal, "guest agent", check->agent);
    note_check(seal, "room in the guest", room);
    return check_host_room(seal, check, error);
}

static void
on_looked(const BerthGuestExecResult *result, void *user_data)
{
    Seal *seal = user_data;
    BerthGuestCheck check;
    g_autoptr(GError) error = NULL;
    if (!is_good(seal, result)) {
        return;
    }
    if (!berth_guest_check_read(result->out, result->out_bytes, &check, &error)) {
        fail_with(seal, error);
        return;
    }
    bool is_fit = judge_guest(seal, &check, &error);
    berth_guest_check_clear(&check);
    if (is_fit) {
        advance(seal);
    } else {
        fail_with(seal, error);
    }
}

static void
run_check(Seal *seal)
{
    run_in_guest(seal, berth_guest_script_check, on_looked);
}

static void
on_generalised(const BerthGuestExecResult *result, void *user_data)
{
    Seal *seal = user_data;
    seal->is_touched = result->code != BERTH_OK || result->status != HOOK_FAILED;
    if (is_good(seal, result)) {
        note_check(seal, "generalised",
                   "machine id, SSH host keys, leases, logs, histories, temporary files");
        advance(seal);
    }
}

static void
run_generalise(Seal *seal)
{
    g_autofree char *script =
        g_strconcat(seal->keeps_apt_lists ? "KEEP_APT_LISTS=yes\n" : "KEEP_APT_LISTS=no\n",
                    berth_guest_script_generalise, NULL);
    run_in_guest(seal, script, on_generalised);
}

static void
on_listed(const BerthGuestExecResult *result, void *user_data)
{
    Seal *seal = user_data;
    g_autoptr(GError) error = NULL;
    if (!is_good(seal, result)) {
        return;
    }
    json_t *facts = berth_guest_facts_read(result->out, result->out_bytes, &error);
    if (facts == NULL) {
        fail_with(seal, error);
        return;
    }
    json_object_update(json_object_get(seal->checkpoint, "report"), facts);
    json_decref(facts);
    advance(seal);
}

static void
run_list(Seal *seal)
{
    g_autofree char *script = g_strconcat("MODE=seal\n", berth_guest_script_facts, NULL);
    run_in_guest(seal, script, on_listed);
}

/* ---- off ---- */

static gboolean
on_look(gpointer user_data)
{
    Seal *seal = user_data;
    BerthVm *vm = find_vm(seal);
    BerthVmState state = vm != NULL ? berth_vm_get_state(vm) : BERTH_VM_GONE;
    if (state == BERTH_VM_READY) {
        berth_vm_power_off(vm);
    }
    if (state == BERTH_VM_GONE || state == BERTH_VM_FAILED) {
        seal->source = 0;
        fail(seal, BERTH_ERR_DESKTOP_GONE, "the maintenance desktop is not there any more");
        return G_SOURCE_REMOVE;
    }
    if (state != BERTH_VM_STOPPED) {
        return G_SOURCE_CONTINUE;
    }
    seal->source = 0;
    if (berth_vm_was_cut_off(vm)) {
        fail(seal, BERTH_ERR_TIMEOUT, "the guest did not shut down when it was asked to");
        return G_SOURCE_REMOVE;
    }
    note_check(seal, "shut down", "by itself");
    advance(seal);
    return G_SOURCE_REMOVE;
}

static void
run_stop(Seal *seal)
{
    seal->source = g_timeout_add(LOOK_MS, on_look, seal);
}

/* ---- the disk ---- */

static void
on_disk_progress(int pct, void *user_data)
{
    Seal *seal = user_data;
    int from = steps[seal->step].pct;
    int to = steps[seal->step + 1].pct;
    berth_task_set_progress(seal->context, from + (to - from) * pct / 100,
                            pct < 90 ? "copying its disk" : "reading and naming the copy");
}

static void
on_stored(int code, const char *text, const BerthChunkList *list, void *user_data)
{
    Seal *seal = user_data;
    BerthDigest root;
    char hex[BERTH_DIGEST_HEX_CHARS + 1];
    seal->disk = NULL;
    if (code != BERTH_OK) {
        fail(seal, code, text);
        return;
    }
    berth_chunk_list_root(list, &root);
    berth_digest_format(&root, hex);
    json_object_set_new(seal->checkpoint, "files",
                        json_pack("[{s:s, s:s, s:I, s:I}]", "role", "disk", "root", hex,
                                  "size_bytes", (json_int_t)berth_chunk_list_size_bytes(list),
                                  "chunk_bytes", (json_int_t)BERTH_CHUNK_BYTES));
    advance(seal);
}

static void
run_store(Seal *seal)
{
    g_autoptr(GError) error = NULL;
    const BerthTaskHost *host = berth_task_get_host(seal->context);
    BerthVm *vm = find_vm(seal);
    if (vm == NULL || berth_vm_get_state(vm) != BERTH_VM_STOPPED) {
        /* A restarted agent has to switch it off once more. */
        seal->step--;
        seal->source = g_idle_add(on_step, seal);
        return;
    }
    BerthStoreFolder *folder = berth_image_store_get_folder(host->images, &error);
    if (folder == NULL) {
        fail_with(seal, error);
        return;
    }
    g_autofree char *overlay = berth_vm_dup_disk_path(vm);
    g_autofree char *name = g_strdup_printf("seal-%s", berth_task_get_id(seal->context));
    g_autofree char *raw = berth_store_folder_tmp_file(folder, name);
    BerthSealDiskConfig config = {
        .host = host->vm_host,
        .folder = folder,
        .overlay_path = overlay,
        .raw_path = raw,
        .used_bytes = (uint64_t)json_integer_value(json_object_get(seal->checkpoint, "used_bytes")),
        .on_progress = on_disk_progress,
        .done = on_stored,
        .user_data = seal,
    };
    if (overlay == NULL) {
        fail(seal, BERTH_ERR_STATE, "the maintenance desktop has no disk");
        return;
    }
    seal->disk = berth_seal_disk_new(&config, &error);
    if (seal->disk == NULL) {
        fail_with(seal, error);
    }
}

/* ---- the trial ---- */

static void
on_booted(int code, const char *text, void *user_data)
{
    Seal *seal = user_data;
    seal->copy = NULL;
    if (code != BERTH_OK) {
        fail(seal, code, text);
        return;
    }
    note_check(seal, "boots", text);
    advance(seal);
}

/* Name of the new file from where the other files of the machine's image are. */
static char *
dup_disk_name(const BerthTaskHost *host, const BerthVmSpec *spec, const char *root)
{
    g_autofree char *name = g_strconcat(root, ".img", NULL);
    g_autofree char *place = g_path_get_basename(berth_image_store_get_path(host->images));
    bool is_version = !berth_id_is_zero(&spec->version);
    return is_version ? g_steal_pointer(&name) : g_build_filename(place, name, NULL);
}

static void
run_boot(Seal *seal)
{
    const BerthTaskHost *host = berth_task_get_host(seal->context);
    BerthVm *vm = find_vm(seal);
    const json_t *file = json_array_get(json_object_get(seal->checkpoint, "files"), 0);
    const char *root = json_string_value(json_object_get(file, "root"));
    if (vm == NULL || root == NULL) {
        fail(seal, BERTH_ERR_DESKTOP_GONE, "the maintenance desktop is not there any more");
        return;
    }
    g_autofree char *disk = dup_disk_name(host, berth_vm_get_spec(vm), root);
    g_autofree char *folder =
        g_build_filename(host->work_folder, berth_task_get_id(seal->context), NULL);
    seal->copy =
        berth_seal_copy_new(host->vm_host, disk, berth_vm_get_spec(vm), folder, on_booted, seal);
}

/* ---- the kind ---- */

/* Takes the checkpoint, which is our own but comes from a disk. */
static bool
take_checkpoint(Seal *seal)
{
    const json_t *checkpoint = berth_task_get_checkpoint(seal->context);
    const char *name = json_string_value(json_object_get(checkpoint, "step"));
    const json_t *report = json_object_get(checkpoint, "report");
    for (int i = 0; name != NULL && i < (int)G_N_ELEMENTS(steps); i++) {
        if (strcmp(steps[i].name, name) == 0 && json_is_array(json_object_get(report, "checks"))) {
            seal->step = i;
            seal->checkpoint = json_deep_copy(checkpoint);
            return true;
        }
    }
    return false;
}

static void *
start_seal(BerthTaskContext *context, GError **error)
{
    BerthJsonFields fields;
    berth_json_fields_init(&fields, berth_task_get_args(context), "arguments of seal");
    bool keeps_apt_lists = berth_json_fields_optional_bool(&fields, "keep_apt_lists", false);
    berth_json_fields_any(&fields, "machine");
    if (berth_id_is_zero(berth_task_get_machine(context))) {
        berth_json_fields_fail(&fields, "machine", "is missing");
    }
    if (!berth_json_fields_finish(&fields, error)) {
        return NULL;
    }
    Seal *seal = g_new0(Seal, 1);
    seal->context = context;
    seal->keeps_apt_lists = keeps_apt_lists;
    if (!take_checkpoint(seal)) {
        seal->checkpoint = json_pack("{s:{s:[]}}", "report", "checks");
    }
    seal->source = g_idle_add(on_step, seal);
    /* At once: nothing may switch it on before the step runs. */
    hold(seal, steps[seal->step].needs_off);
    return seal;
}

static void
free_seal(void *work, bool is_undone)
{
    Seal *seal = work;
    berth_task_guest_cancel(seal->guest);
    berth_seal_disk_cancel(seal->disk);
    berth_seal_copy_cancel(seal->copy, is_undone);
    if (is_undone) {
        hold(seal, false);
    }
    seal_free(seal);
}

const BerthTaskKind berth_task_seal = {
    .name = "seal",
    .start = start_seal,
    .free = free_seal,
};
