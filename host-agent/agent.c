/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/agent.h"

#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "base/poller.h"
#include "berth/errors.h"
#include "display/transport/tcp.h"
#include "display/transport/tls.h"
#include "host-agent/broker-link.h"
#include "host-agent/disks/disk-store.h"
#include "host-agent/display-listener.h"
#include "host-agent/host-usage.h"
#include "host-agent/images/image-store.h"
#include "host-agent/json-fields.h"
#include "host-agent/machine-park.h"
#include "host-agent/session-park.h"
#include "host-agent/state-file.h"
#include "host-agent/tasks/task-park.h"

#include <string.h>

#define CONTROL_ALPN "berth-control/1"
#define PROTOCOL_VERSION 3
#define EPOCH_FILE "agent.json"
#define VERSION_FOLDER "versions" /* in image_dir */
#define CGROUP_ROOT "/sys/fs/cgroup"
#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"

struct BerthAgent {
    const BerthAgentConfig *config;
    void (*on_ready)(uint16_t port, void *user_data);
    void (*on_failed)(const GError *error, void *user_data);
    void *user_data;

    BerthPoller *poller;
    char *machine_folder, *session_folder, *task_folder, *restore_folder;
    char *version_folder;
    char *boot_id;
    int64_t agent_epoch;   /* counts the starts of this agent */
    int64_t cluster_epoch; /* the highest that a broker of the cluster had */
    char cluster[BERTH_ID_HEX_CHARS + 1];
    BerthVmHost vm_host;
    BerthHostFacts facts;
    BerthHostUsage *usage;
    BerthHostProbe *probe;
    BerthDiskStore *disks;
    BerthMachinePark *machines;
    BerthSessionPark *sessions;
    BerthTaskPark *tasks;
    BerthImageStore *images;
    BerthDisplayListener *listener;
    BerthTlsContext *tls;
    BerthBrokerLink *link;
    BerthDesired *desired;
    bool is_safe_mode; /* of the broker: nothing that it does not list goes */
};

/* ---- link ---- */

static void
inventory_changed(void *user_data)
{
    BerthAgent *self = user_data;
    if (self->link != NULL) {
        berth_broker_link_inventory_changed(self->link);
    }
}

static void
on_machines_changed(void *user_data)
{
    BerthAgent *self = user_data;
    if (self->sessions != NULL) {
        berth_session_park_machines_changed(self->sessions);
    }
    inventory_changed(self);
}

/*
 * Where other hosts may fetch images, "" if nobody could reach it: the address listened on, or, if
 * that is any, the one that the broker is told for displays.
 */
static void
format_image_address(const BerthAgent *self, char out[BERTH_ADDRESS_CHARS])
{
    BerthAddress listen, display;
    char ip[BERTH_ADDRESS_CHARS];
    berth_image_store_get_address(self->images, &listen);
    berth_address_format_ip(&listen, ip);
    berth_address_format(&listen, out);
    if (strcmp(ip, "0.0.0.0") != 0 && strcmp(ip, "::") != 0) {
        return;
    }
    out[0] = '\0';
    if (berth_address_parse(self->config->advertise, &display) == BERTH_OK) {
        berth_address_set_port(&display, berth_address_get_port(&listen));
        berth_address_format(&display, out);
    }
}

static json_t *
make_hello(void *user_data)
{
    BerthAgent *self = user_data;
    char address[BERTH_ADDRESS_CHARS];
    BerthAddress local;
    berth_display_listener_get_address(self->listener, &local);
    berth_address_format(&local, address);
    const char *advertise = self->config->advertise;
    json_t *hello = json_object();
    json_object_set_new(hello, "type", json_string("hello"));
    json_object_set_new(hello, "version", json_integer(PROTOCOL_VERSION));
    berth_json_set_id(hello, "host", &self->config->host_id);
    json_object_set_new(hello, "boot_id", json_string(self->boot_id));
    json_object_set_new(hello, "agent_epoch", json_integer(self->agent_epoch));
    json_object_set_new(hello, "display_address",
                        json_string(advertise[0] != '\0' ? advertise : address));
    json_object_set_new(hello, "accel", json_string(berth_accel_name(self->facts.accel)));
    json_object_set_new(hello, "memory_limit_mib", json_integer(self->config->memory_limit_mib));
    json_object_set_new(hello, "cluster_epoch", json_integer(self->cluster_epoch));
    json_object_set_new(hello, "vcpu_limit", json_integer(self->config->vcpu_limit));
    json_object_set(hello, "labels", self->config->labels);
    json_object_set_new(hello, "networks", berth_networks_report(self->vm_host.networks));
    json_object_set_new(
        hello, "cgroup",
        json_string(berth_cgroup_kind_name(berth_cgroups_get_kind(self->vm_host.cgroups))));
    json_object_set_new(hello, "start_slots", json_integer(self->config->start_slots));
    json_object_set_new(hello, "qemu", json_string(self->facts.qemu_version));
    format_image_address(self, address);
    json_object_set_new(hello, "image_address", json_string(address));
    g_autofree char *processor = berth_processor_dup_model();
    json_object_set_new(hello, "cpu_model", json_string(processor));
    json_object_set_new(hello, "memory", berth_machine_park_report_memory(self->machines));
    return hello;
}

static json_t *
make_inventory(void *user_data)
{
    BerthAgent *self = user_data;
    json_t *inventory = json_object();
    json_object_set_new(inventory, "machines", berth_machine_park_report(self->machines));
    json_object_set_new(inventory, "sessions", berth_session_park_report(self->sessions));
    json_object_set_new(inventory, "images", berth_image_store_report(self->images));
    json_object_set_new(inventory, "templates",
                        berth_machine_park_report_templates(self->machines));
    json_object_set_new(inventory, "tasks", berth_task_park_report(self->tasks));
    json_object_set_new(inventory, "disks", berth_disk_store_report(self->disks));
    json_object_set_new(inventory, "memory", berth_machine_park_report_memory(self->machines));
    json_object_set_new(inventory, "usage", berth_host_usage_report(self->usage));
    json_object_set_new(inventory, "conditions", json_array());
    return inventory;
}

static void
save_epochs(BerthAgent *self)
{
    GError *error = NULL;
    json_t *file =
        json_pack("{s:I,s:I,s:s}", "agent_epoch", (json_int_t)self->agent_epoch, "cluster_epoch",
                  (json_int_t)self->cluster_epoch, "cluster", self->cluster);
    if (!berth_state_file_save(self->config->state_dir, EPOCH_FILE, file, &error)) {
        berth_log_warning("agent", "%s", error->message);
        g_error_free(error);
    }
    json_decref(file);
}

static void
set_safe_mode(BerthAgent *self, bool is_safe_mode)
{
    self->is_safe_mode = is_safe_mode;
    berth_machine_park_set_safe_mode(self->machines, is_safe_mode);
    berth_session_park_set_safe_mode(self->sessions, is_safe_mode);
    berth_task_park_set_safe_mode(self->tasks, is_safe_mode);
}

/* A broker with an older store than one before would undo what that one decided. */
static bool
on_welcome(const BerthWelcome *welcome, void *user_data)
{
    BerthAgent *self = user_data;
    bool is_same_cluster = strcmp(self->cluster, welcome->cluster) == 0;
    int64_t known = is_same_cluster ? self->cluster_epoch : 0;
    if (welcome->cluster_epoch < known && !welcome->is_safe_mode) {
        berth_log_error("agent",
                        "this broker decides by an old store (epoch %" G_GINT64_FORMAT
                        ", this host has seen %" G_GINT64_FORMAT "): nothing of it is followed",
                        welcome->cluster_epoch, known);
        return false;
    }
    if (!is_same_cluster || welcome->cluster_epoch > known) {
        g_strlcpy(self->cluster, welcome->cluster, sizeof self->cluster);
        self->cluster_epoch = welcome->cluster_epoch;
        save_epochs(self);
    }
    set_safe_mode(self, welcome->is_safe_mode);
    berth_session_park_set_ticket_keys(self->sessions, welcome->ticket_keys);
    berth_image_store_set_keys(self->images, welcome->ticket_keys);
    return true;
}

static void
on_desired(BerthDesired *desired, void *user_data)
{
    BerthAgent *self = user_data;
    BerthDesired *old = self->desired;
    self->desired = desired;
    berth_disk_store_want(self->disks, desired->disks, self->is_safe_mode);
    berth_image_store_want(self->images, desired->images, self->is_safe_mode);
    berth_machine_park_want(self->machines, desired, self->cluster);
    berth_session_park_want(self->sessions, desired);
    berth_task_park_want(self->tasks, desired->tasks);
    berth_desired_free(old);
}

static const BerthBrokerLinkCallbacks link_callbacks = {
    .make_hello = make_hello,
    .make_inventory = make_inventory,
    .on_welcome = on_welcome,
    .on_desired = on_desired,
};

static bool
start_link(BerthAgent *self, GError **error)
{
    BerthAddress address;
    g_autoptr(BerthTlsKey) key =
        berth_tls_key_load(self->config->cert_file, self->config->key_file, error);
    if (key == NULL) {
        return false;
    }
    BerthTlsConfig config = {
        .key = key,
        .peer_check = BERTH_TLS_PEER_CA,
        .ca_file = self->config->ca_file,
        .alpn = CONTROL_ALPN,
        .is_alpn_needed = true,
    };
    self->tls = berth_tls_context_new_client(&config, error);
    if (self->tls == NULL) {
        return false;
    }
    berth_address_parse(self->config->broker, &address);
    self->link = berth_broker_link_new(self->tls, &address, self->config->broker_name,
                                       &link_callbacks, self);
    return true;
}

/* ---- start ---- */

static bool
route_client(const BerthId *session, int fd, void *user_data)
{
    BerthAgent *self = user_data;
    return berth_session_park_route(self->sessions, session, fd);
}

static bool
start_listening(BerthAgent *self, GError **error)
{
    BerthAddress address;
    berth_address_parse(self->config->listen, &address);
    self->listener = berth_display_listener_new(self->poller, &address, &self->config->host_id,
                                                route_client, self, error);
    return self->listener != NULL;
}

static void
count_start(BerthAgent *self)
{
    json_t *file = berth_state_file_load(self->config->state_dir, EPOCH_FILE, 4096, NULL);
    const char *cluster = json_string_value(json_object_get(file, "cluster"));
    self->agent_epoch = json_integer_value(json_object_get(file, "agent_epoch")) + 1;
    self->cluster_epoch = json_integer_value(json_object_get(file, "cluster_epoch"));
    g_strlcpy(self->cluster, cluster != NULL ? cluster : "", sizeof self->cluster);
    json_decref(file);
    save_epochs(self);
}

static bool
is_machine_in_use(const BerthId *machine, void *user_data)
{
    BerthAgent *self = user_data;
    return self->sessions != NULL && berth_session_park_is_in_use(self->sessions, machine);
}

static void
make_disk_store(BerthAgent *self)
{
    const BerthDiskStoreConfig config = {
        .poller = self->poller,
        .folder = self->config->disk_dir,
        .qemu_img_program = self->config->qemu_img_program,
        .on_changed = inventory_changed,
        .user_data = self,
    };
    self->disks = berth_disk_store_new(&config);
    self->vm_host.disks = self->disks;
}

static void
on_images_changed(void *user_data)
{
    BerthAgent *self = user_data;
    if (self->machines != NULL) {
        berth_machine_park_images_changed(self->machines);
    }
    inventory_changed(self);
}

static void
add_used_images(GHashTable *names, void *user_data)
{
    BerthAgent *self = user_data;
    berth_machine_park_add_image_files(self->machines, names);
}

static int
find_version(const BerthId *version, BerthManifest *ret_manifest, char **ret_detail,
             void *user_data)
{
    BerthAgent *self = user_data;
    return berth_image_store_find(self->images, version, ret_manifest, ret_detail);
}

static bool
make_image_store(BerthAgent *self, GError **error)
{
    const BerthAgentConfig *agent = self->config;
    BerthImageStoreConfig config = {
        .folder = self->version_folder,
        .cert_file = agent->cert_file,
        .key_file = agent->key_file,
        .ca_file = agent->ca_file,
        .broker_name = agent->broker_name,
        .on_changed = on_images_changed,
        .add_used = add_used_images,
        .user_data = self,
    };
    if (agent->image_listen[0] != '\0') {
        berth_address_parse(agent->image_listen, &config.listen);
    } else {
        berth_address_parse(agent->listen, &config.listen);
        berth_address_set_port(&config.listen, 0);
    }
    self->images = berth_image_store_new(&config, error);
    return self->images != NULL;
}

static void
make_parks(BerthAgent *self)
{
    BerthMachineParkConfig machines = {
        .host = &self->vm_host,
        .folder = self->machine_folder,
        .template_folder = self->config->template_dir,
        .template_keep_s = self->config->template_keep_s,
        .facts = self->facts,
        .memory_limit_mib = self->config->memory_limit_mib,
        .memory_overcommit_pct = self->config->memory_overcommit_pct,
        .start_slots = self->config->start_slots,
        .on_changed = on_machines_changed,
        .is_in_use = is_machine_in_use,
        .find_version = find_version,
        .user_data = self,
    };
    self->machines = berth_machine_park_new(&machines);
    BerthSessionParkConfig sessions = {
        .poller = self->poller,
        .machines = self->machines,
        .session_program = self->config->session_program,
        .folder = self->session_folder,
        .host_id = self->config->host_id,
        .on_changed = inventory_changed,
        .user_data = self,
    };
    self->sessions = berth_session_park_new(&sessions);
}

static void
make_task_park(BerthAgent *self)
{
    BerthTaskParkConfig tasks = {
        .host = { .vm_host = &self->vm_host,
                  .machines = self->machines,
                  .images = self->images,
                  .image_folder = self->config->image_dir,
                  .work_folder = self->task_folder,
                  .restore_folder = self->restore_folder,
                  .backup_folder = self->config->backup_dir,
                  .thaw_program = self->config->thaw_program },
        .folder = self->task_folder,
        .kinds = berth_task_kinds,
        .on_changed = inventory_changed,
        .user_data = self,
    };
    self->tasks = berth_task_park_new(&tasks);
}

static bool
start(BerthAgent *self, GError **error)
{
    if (!berth_state_folder_make(self->machine_folder, error) ||
        !berth_state_folder_make(self->session_folder, error) ||
        !berth_state_folder_make(self->task_folder, error) ||
        !berth_state_folder_make(self->restore_folder, error)) {
        return false;
    }
    count_start(self);
    make_disk_store(self);
    if (!make_image_store(self, error)) {
        return false;
    }
    make_parks(self);
    make_task_park(self);
    berth_networks_settle(self->vm_host.networks);
    return start_listening(self, error) && start_link(self, error);
}

static void
on_probed(const BerthHostFacts *facts, const GError *error, void *user_data)
{
    BerthAgent *self = user_data;
    GError *problem = NULL;
    BerthAddress address;
    if (facts == NULL) {
        self->on_failed(error, self->user_data);
        return;
    }
    self->facts = *facts;
    berth_log_info("agent", "QEMU %s, machine type %s, accelerator %s", facts->qemu_version,
                   facts->machine_type, berth_accel_name(facts->accel));
    if (!start(self, &problem)) {
        self->on_failed(problem, self->user_data);
        g_error_free(problem);
        return;
    }
    berth_display_listener_get_address(self->listener, &address);
    self->on_ready(berth_address_get_port(&address), self->user_data);
}

BerthAgent *
berth_agent_new(const BerthAgentConfig *config, void (*on_ready)(uint16_t port, void *user_data),
                void (*on_failed)(const GError *error, void *user_data), void *user_data)
{
    BerthAgent *self = g_new0(BerthAgent, 1);
    self->config = config;
    self->on_ready = on_ready;
    self->on_failed = on_failed;
    self->user_data = user_data;
    self->poller = berth_poller_new(NULL);
    self->machine_folder = g_build_filename(config->state_dir, "vms", NULL);
    self->session_folder = g_build_filename(config->state_dir, "sessions", NULL);
    self->task_folder = g_build_filename(config->state_dir, "tasks", NULL);
    self->version_folder = g_build_filename(config->image_dir, VERSION_FOLDER, NULL);
    self->restore_folder = g_build_filename(config->state_dir, "restore-points", NULL);
    if (!g_file_get_contents(BOOT_ID_FILE, &self->boot_id, NULL, NULL)) {
        self->boot_id = g_strdup("");
    }
    g_strchomp(self->boot_id);
    berth_state_folder_make(config->state_dir, NULL);
    self->vm_host = (BerthVmHost){
        .poller = self->poller,
        .qemu_program = config->qemu_program,
        .qemu_img_program = config->qemu_img_program,
        .image_sandbox_program = config->image_sandbox_program,
        .gpu_program = config->gpu_program,
        .image_folder = config->image_dir,
        .store_folder = self->version_folder,
        .images = berth_image_check_new(),
        .cgroups = berth_cgroups_new(CGROUP_ROOT, config->state_dir),
        .forks = berth_fork_gate_new((int)g_get_num_processors()),
        .ready_deadline_ms = config->ready_deadline_s * 1000,
        .power_off_ms = config->power_off_s * 1000,
    };
    self->vm_host.networks = berth_networks_new(self->vm_host.cgroups, config->broker);
    self->usage = berth_host_usage_new(config->state_dir);
    self->probe = berth_host_probe_new(self->poller, config->qemu_program, config->state_dir,
                                       config->accel, on_probed, self);
    return self;
}

void
berth_agent_free(BerthAgent *self)
{
    if (self == NULL) {
        return;
    }
    berth_host_probe_free(self->probe);
    g_clear_pointer(&self->link, berth_broker_link_free);
    berth_tls_context_unref(self->tls);
    berth_display_listener_free(self->listener);
    g_clear_pointer(&self->sessions, berth_session_park_free);
    g_clear_pointer(&self->tasks, berth_task_park_free);
    g_clear_pointer(&self->machines, berth_machine_park_free);
    berth_image_store_free(self->images);
    berth_disk_store_free(self->disks);
    berth_image_check_free(self->vm_host.images);
    berth_fork_gate_free(self->vm_host.forks);
    berth_networks_free(self->vm_host.networks);
    berth_cgroups_free(self->vm_host.cgroups);
    berth_host_usage_free(self->usage);
    berth_desired_free(self->desired);
    berth_poller_free(self->poller);
    g_free(self->machine_folder);
    g_free(self->version_folder);
    g_free(self->session_folder);
    g_free(self->task_folder);
    g_free(self->restore_folder);
    g_free(self->boot_id);
    g_free(self);
}
