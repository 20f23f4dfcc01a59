/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/vm-spec.h"

#include "base/error.h"
#include "base/id.h"
#include "berth/errors.h"
#include "berth/limits.h"
#include "display/transport/tcp.h"
#include "host-agent/json-fields.h"
#include "host-agent/state-file.h"

#include <string.h>

#define SPEC_FILE "spec.json"
#define SPEC_MAX_BYTES (64 * 1024)
#define FAILURE_TEXT_BYTES 1024

const char *
berth_accel_name(BerthAccel accel)
{
    return accel == BERTH_ACCEL_KVM ? "kvm" : "tcg";
}

static void
read_manifest(BerthJsonFields *fields, bool is_needed, BerthManifest *ret)
{
    json_t *manifest = is_needed ? berth_json_fields_object(fields, "manifest")
                                 : berth_json_fields_optional_object(fields, "manifest");
    GError *problem = NULL;
    if (manifest != NULL && !berth_manifest_parse(manifest, ret, &problem)) {
        berth_json_fields_fail(fields, "manifest", problem->message);
        g_clear_error(&problem);
    }
}

static void
read_user_disk(BerthJsonFields *fields, BerthVmSpec *spec)
{
    GError *problem = NULL;
    const json_t *disk = berth_json_fields_optional_object(fields, "user_disk");
    if (!berth_machine_disk_parse(disk, &spec->user_disk, &problem)) {
        berth_json_fields_fail(fields, "user_disk", problem->message);
        g_clear_error(&problem);
    }
}

/* The fields that the broker's machine and our own file have in common. */
static void
read_wanted(BerthJsonFields *fields, bool needs_manifest, BerthVmSpec *spec)
{
    berth_json_fields_id(fields, "id", &spec->id);
    spec->epoch = (uint64_t)berth_json_fields_int(fields, "epoch", 0, INT64_MAX);
    spec->name = g_strdup(berth_json_fields_string(fields, "name", BERTH_LIMIT_NAME_BYTES));
    berth_json_fields_optional_id(fields, "version", &spec->version);
    read_manifest(fields, needs_manifest && berth_id_is_zero(&spec->version), &spec->manifest);
    spec->vcpus = (int)berth_json_fields_optional_int(fields, "vcpus", 1, BERTH_LIMIT_GUEST_VCPUS,
                                                      spec->manifest.vcpus);
    spec->memory_mib = (int)berth_json_fields_optional_int(
        fields, "memory_mib", BERTH_LIMIT_GUEST_MEMORY_MIN_MIB, BERTH_LIMIT_GUEST_MEMORY_MAX_MIB,
        spec->manifest.memory_mib);
    /* Memory that is shared with a graphics card cannot be forked. */
    spec->use_template =
        berth_json_fields_optional_bool(fields, "template", false) && !spec->manifest.wants_gpu;
    spec->keep = berth_json_fields_optional_bool(fields, "keep", false);
    spec->is_maintenance = berth_json_fields_optional_bool(fields, "maintenance", false);
    berth_vm_resources_read(fields, &spec->resources);
    berth_vm_network_read(fields, &spec->network);
    read_user_disk(fields, spec);
}

static BerthWantMachine
read_want(BerthJsonFields *fields)
{
    static const char *const wants[] = {
        [BERTH_WANT_RUNNING] = "running",
        [BERTH_WANT_STOPPED] = "stopped",
        [BERTH_WANT_FROZEN] = "frozen",
        [BERTH_WANT_ABSENT] = "absent",
    };
    const char *want = berth_json_fields_string(fields, "want", BERTH_LIMIT_NAME_BYTES);
    for (size_t i = 0; i < G_N_ELEMENTS(wants); i++) {
        if (strcmp(want, wants[i]) == 0) {
            return (BerthWantMachine)i;
        }
    }
    berth_json_fields_fail(fields, "want", "is none of running, stopped, frozen and absent");
    return BERTH_WANT_ABSENT;
}

static void
read_kind(BerthJsonFields *fields, BerthVmWish *ret)
{
    BerthAddress address;
    const char *kind = berth_json_fields_optional_string(fields, "kind", BERTH_LIMIT_NAME_BYTES);
    const char *text =
        berth_json_fields_optional_string(fields, "address", BERTH_ADDRESS_CHARS - 1);
    ret->is_physical = kind != NULL && strcmp(kind, "physical") == 0;
    if (kind != NULL && !ret->is_physical && strcmp(kind, "vm") != 0) {
        berth_json_fields_fail(fields, "kind", "is neither vm nor physical");
    }
    if (ret->is_physical && (text == NULL || berth_address_parse(text, &address) != BERTH_OK)) {
        berth_json_fields_fail(fields, "address", "is no ip:port");
        return;
    }
    ret->address = ret->is_physical ? g_strdup(text) : NULL;
}

bool
berth_vm_spec_from_desired(const json_t *object, BerthVmSpec *ret, BerthVmWish *ret_wish,
                           GError **error)
{
    BerthJsonFields fields;
    BerthVmSpec spec = { 0 };
    BerthVmWish wish = { 0 };

    berth_json_fields_init(&fields, object, "desired machine");
    read_kind(&fields, &wish);
    read_wanted(&fields, !wish.is_physical, &spec);
    berth_json_fields_optional_string(&fields, "image", BERTH_LIMIT_NAME_BYTES);
    berth_json_fields_optional_id(&fields, "overlay", &wish.overlay);
    wish.want = read_want(&fields);
    if (!berth_json_fields_finish(&fields, error)) {
        berth_vm_spec_clear(&spec);
        g_free(wish.address);
        return false;
    }
    *ret_wish = wish;
    *ret = spec;
    return true;
}

void
berth_vm_spec_set_manifest(BerthVmSpec *self, const BerthManifest *manifest)
{
    berth_manifest_clear(&self->manifest);
    berth_manifest_copy(manifest, &self->manifest);
    self->vcpus = self->vcpus != 0 ? self->vcpus : manifest->vcpus;
    self->memory_mib = self->memory_mib != 0 ? self->memory_mib : manifest->memory_mib;
    self->use_template = self->use_template && !manifest->wants_gpu;
}

bool
berth_vm_spec_needs_identity(const BerthVmSpec *self)
{
    return !berth_id_is_zero(&self->version) && !self->is_maintenance && !self->has_identity;
}

void
berth_vm_spec_choose_identity(BerthVmSpec *self)
{
    berth_id_random(&self->overlay);
    berth_id_random(&self->vm_uuid);
    berth_id_random(&self->vmgenid);
    berth_random_bytes(self->mac, sizeof self->mac);
    /* 52:54:00 is the locally administered prefix that guests know as QEMU's. */
    self->mac[0] = 0x52;
    self->mac[1] = 0x54;
    self->mac[2] = 0x00;
}

static json_t *
chosen_to_json(const BerthVmSpec *self, json_t *object)
{
    char mac[2 * BERTH_MAC_BYTES + 1];
    berth_hex_format(self->mac, sizeof self->mac, mac);
    json_object_set_new(object, "cluster", json_string(self->cluster));
    berth_json_set_id(object, "overlay", &self->overlay);
    berth_json_set_id(object, "uuid", &self->vm_uuid);
    berth_json_set_id(object, "vmgenid", &self->vmgenid);
    json_object_set_new(object, "mac", json_string(mac));
    json_object_set_new(object, "machine_type", json_string(self->machine_type));
    json_object_set_new(object, "accel", json_string(berth_accel_name(self->accel)));
    json_object_set_new(object, "gpu", json_boolean(self->has_gpu));
    json_object_set_new(object, "template_key",
                        self->template_key ? json_string(self->template_key) : json_null());
    json_object_set_new(object, "pid", json_integer(self->pid));
    json_object_set_new(object, "pid_start_ticks", json_integer((json_int_t)self->pid_start_ticks));
    json_object_set_new(object, "was_ready", json_boolean(self->was_ready));
    json_object_set_new(object, "has_run", json_boolean(self->has_run));
    json_object_set_new(object, "has_identity", json_boolean(self->has_identity));
    json_object_set_new(object, "is_off", json_boolean(self->is_off));
    json_object_set_new(object, "condition", json_string(self->condition ? self->condition : ""));
    json_object_set_new(object, "failure", json_string(berth_error_name(self->failure)));
    json_object_set_new(object, "failure_text",
                        self->failure_text ? json_string(self->failure_text) : json_null());
    return object;
}

json_t *
berth_vm_spec_to_json(const BerthVmSpec *self)
{
    json_t *object = json_object();
    berth_json_set_id(object, "id", &self->id);
    json_object_set_new(object, "epoch", json_integer((json_int_t)self->epoch));
    json_object_set_new(object, "name", json_string(self->name));
    if (!berth_id_is_zero(&self->version)) {
        berth_json_set_id(object, "version", &self->version);
    }
    json_object_set_new(object, "manifest", berth_manifest_to_json(&self->manifest));
    json_object_set_new(object, "vcpus", json_integer(self->vcpus));
    json_object_set_new(object, "memory_mib", json_integer(self->memory_mib));
    json_object_set_new(object, "template", json_boolean(self->use_template));
    json_object_set_new(object, "keep", json_boolean(self->keep));
    json_object_set_new(object, "maintenance", json_boolean(self->is_maintenance));
    json_object_set_new(object, "resources", berth_vm_resources_to_json(&self->resources));
    json_object_set_new(object, "network", berth_vm_network_to_json(&self->network));
    json_object_set_new(object, "user_disk", berth_machine_disk_to_json(&self->user_disk));
    return chosen_to_json(self, object);
}

static void
read_chosen(BerthJsonFields *fields, BerthVmSpec *spec)
{
    spec->cluster = g_strdup(berth_json_fields_string(fields, "cluster", BERTH_ID_HEX_CHARS));
    berth_json_fields_id(fields, "overlay", &spec->overlay);
    berth_json_fields_id(fields, "uuid", &spec->vm_uuid);
    berth_json_fields_id(fields, "vmgenid", &spec->vmgenid);
    const char *mac = berth_json_fields_string(fields, "mac", 2 * BERTH_MAC_BYTES);
    if (berth_hex_parse(mac, spec->mac, BERTH_MAC_BYTES) != BERTH_OK) {
        berth_json_fields_fail(fields, "mac", "is no address");
    }
    spec->machine_type =
        g_strdup(berth_json_fields_string(fields, "machine_type", BERTH_LIMIT_NAME_BYTES));
    const char *accel = berth_json_fields_string(fields, "accel", 8);
    spec->accel = strcmp(accel, "kvm") == 0 ? BERTH_ACCEL_KVM : BERTH_ACCEL_TCG;
    spec->has_gpu = berth_json_fields_optional_bool(fields, "gpu", false);
    spec->template_key =
        g_strdup(berth_json_fields_optional_string(fields, "template_key", BERTH_LIMIT_NAME_BYTES));
}

static void
read_outcome(BerthJsonFields *fields, BerthVmSpec *spec)
{
    spec->pid = (pid_t)berth_json_fields_int(fields, "pid", 0, INT32_MAX);
    spec->pid_start_ticks =
        (uint64_t)berth_json_fields_int(fields, "pid_start_ticks", 0, INT64_MAX);
    spec->was_ready = berth_json_fields_optional_bool(fields, "was_ready", false);
    spec->has_run = berth_json_fields_optional_bool(fields, "has_run", false);
    spec->has_identity = berth_json_fields_optional_bool(fields, "has_identity", false);
    spec->is_off = berth_json_fields_optional_bool(fields, "is_off", false);
    spec->condition =
        g_strdup(berth_json_fields_string(fields, "condition", BERTH_LIMIT_NAME_BYTES));
    spec->failure =
        berth_error_from_name(berth_json_fields_string(fields, "failure", BERTH_LIMIT_NAME_BYTES));
    spec->failure_text =
        g_strdup(berth_json_fields_optional_string(fields, "failure_text", FAILURE_TEXT_BYTES));
}

bool
berth_vm_spec_from_json(const json_t *object, BerthVmSpec *ret, GError **error)
{
    BerthJsonFields fields;
    BerthVmSpec spec = { 0 };

    berth_json_fields_init(&fields, object, "machine file");
    read_wanted(&fields, true, &spec);
    read_chosen(&fields, &spec);
    read_outcome(&fields, &spec);
    if (!berth_json_fields_finish(&fields, error)) {
        berth_vm_spec_clear(&spec);
        return false;
    }
    *ret = spec;
    return true;
}

bool
berth_vm_spec_save(const BerthVmSpec *self, const char *folder, GError **error)
{
    json_t *object = berth_vm_spec_to_json(self);
    bool is_saved = berth_state_file_save(folder, SPEC_FILE, object, error);
    json_decref(object);
    return is_saved;
}

bool
berth_vm_spec_load(const char *folder, BerthVmSpec *ret, GError **error)
{
    json_t *object = berth_state_file_load(folder, SPEC_FILE, SPEC_MAX_BYTES, error);
    bool is_loaded = object != NULL && berth_vm_spec_from_json(object, ret, error);
    json_decref(object);
    return is_loaded;
}

void
berth_vm_spec_set_failure(BerthVmSpec *self, int code, const char *text)
{
    self->failure = code;
    g_free(self->failure_text);
    self->failure_text = g_strndup(text, FAILURE_TEXT_BYTES);
    g_strcanon(self->failure_text,
               " abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
               ".,:;!?'\"()[]{}<>/\\|@#$%^&*_-+=~`",
               '?');
}

void
berth_vm_spec_copy(const BerthVmSpec *src, BerthVmSpec *ret)
{
    *ret = *src;
    ret->name = g_strdup(src->name);
    ret->cluster = g_strdup(src->cluster);
    ret->machine_type = g_strdup(src->machine_type);
    ret->template_key = g_strdup(src->template_key);
    ret->condition = g_strdup(src->condition);
    ret->failure_text = g_strdup(src->failure_text);
    berth_manifest_copy(&src->manifest, &ret->manifest);
}

void
berth_vm_spec_clear(BerthVmSpec *self)
{
    g_free(self->name);
    g_free(self->cluster);
    g_free(self->machine_type);
    g_free(self->template_key);
    g_free(self->condition);
    g_free(self->failure_text);
    berth_manifest_clear(&self->manifest);
    memset(self, 0, sizeof *self);
}
