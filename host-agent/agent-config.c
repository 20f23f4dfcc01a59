/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/agent-config.h"

#include "base/config.h"
#include "base/error.h"
#include "base/id.h"
#include "berth/errors.h"
#include "berth/user-disk.h"
#include "display/transport/tcp.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#define GROUP "agent"
/* Sockets of templates lie up to 63 characters below; the kernel takes paths of 107. */
#define STATE_DIR_MAX_CHARS 44
#define VCPUS_PER_CPU 4
/* Build folders of templates hold sockets too. */
#define TEMPLATE_DIR_MAX_CHARS 54

/* clang-format off */
static const BerthConfigRow schema[] = {
    { GROUP, "host_id", BERTH_CONFIG_STRING, 32, 32, NULL, "id of this host, as berth-setup printed it" },
    { GROUP, "broker", BERTH_CONFIG_STRING, 3, 63, NULL, "address of the broker's agent_listen, ip:port" },
    { GROUP, "broker_name", BERTH_CONFIG_STRING, 1, 255, "broker", "name in the broker's certificate" },
    { GROUP, "ca_file", BERTH_CONFIG_PATH, 0, 0, NULL, "certificate of the site's authority" },
    { GROUP, "cert_file", BERTH_CONFIG_PATH, 0, 0, NULL, "certificate of this host" },
    { GROUP, "key_file", BERTH_CONFIG_PATH, 0, 0, NULL, "private key of this host" },
    { GROUP, "state_dir", BERTH_CONFIG_PATH, 0, 0, "/var/lib/berth/agent", "folder of machines and sessions" },
    { GROUP, "image_dir", BERTH_CONFIG_PATH, 0, 0, "/var/lib/berth/images", "folder of golden images; versions of images lie in versions below it" },
    { GROUP, "template_dir", BERTH_CONFIG_STRING, 0, 0, "", "folder of RAM templates; empty: templates in state_dir" },
    { GROUP, "template_keep_s", BERTH_CONFIG_INT, 0, 31536000, "600", "seconds that a RAM template is kept which nobody wants" },
    { GROUP, "disk_dir", BERTH_CONFIG_STRING, 0, 0, "", "folder of user disks; empty: disks in state_dir" },
    { GROUP, "disk_storage", BERTH_CONFIG_STRING, 0, 64, "", "name of the storage that disk_dir is on, if several hosts share it" },
    { GROUP, "backup_dir", BERTH_CONFIG_STRING, 0, 0, "", "folder of backups; empty: backups in state_dir" },
    { GROUP, "listen", BERTH_CONFIG_STRING, 3, 63, "0.0.0.0:8471", "address for display connections, ip:port" },
    { GROUP, "advertise", BERTH_CONFIG_STRING, 0, 63, "", "address told to the broker; empty: listen" },
    { GROUP, "image_listen", BERTH_CONFIG_STRING, 0, 63, "", "address where other hosts fetch versions of images, ip:port; empty: the ip of listen, any port" },
    { GROUP, "session_program", BERTH_CONFIG_STRING, 1, 0, BERTH_SESSION_PROGRAM, "program of a session" },
    { GROUP, "gpu_program", BERTH_CONFIG_STRING, 1, 0, BERTH_GPU_PROGRAM, "graphics card of a machine whose image asks for it" },
    { GROUP, "thaw_program", BERTH_CONFIG_STRING, 1, 0, BERTH_THAW_PROGRAM, "thaws a guest if the agent dies while it is frozen" },
    { GROUP, "image_sandbox_program", BERTH_CONFIG_STRING, 1, 0, BERTH_IMAGE_SANDBOX_PROGRAM, "in which qemu_img_program reads disks of guests" },
    { GROUP, "qemu_program", BERTH_CONFIG_STRING, 1, 0, "qemu-system-x86_64", "QEMU" },
    { GROUP, "qemu_img_program", BERTH_CONFIG_STRING, 1, 0, "qemu-img", "QEMU's disk tool" },
    { GROUP, "memory_limit_mib", BERTH_CONFIG_INT, 0, 64 * 1024 * 1024, "0", "memory for desktops in MiB; 0: three quarters of the host" },
    { GROUP, "memory_overcommit_pct", BERTH_CONFIG_INT, 100, 1000, "100", "memory that may be promised to desktops, in percent of that; above 100 what they really use is watched" },
    { GROUP, "vcpu_limit", BERTH_CONFIG_INT, 0, 65536, "0", "virtual processors of all desktops together; 0: four for each processor of the host" },
    { GROUP, "labels", BERTH_CONFIG_STRING, 0, 1024, "", "what pools may ask of a host: name=text, separated by spaces" },
    { GROUP, "start_slots", BERTH_CONFIG_INT, 1, 64, "2", "desktops that may be starting at once" },
    { GROUP, "ready_deadline_s", BERTH_CONFIG_INT, 1, 3600, "180", "seconds until a guest that does not say it is ready is used as it is" },
    { GROUP, "power_off_s", BERTH_CONFIG_INT, 1, 3600, "60", "seconds that a guest has to shut down before its power is cut" },
    { GROUP, "accel", BERTH_CONFIG_STRING, 0, 8, "auto", "auto, kvm or tcg" },
};

/* clang-format on */

static char *
dup_string(const BerthConfig *config, const char *key)
{
    return g_strdup(berth_config_get_string(config, GROUP, key));
}

/* A folder that has a place in state_dir unless it is given. */
static char *
dup_folder(const BerthConfig *config, const BerthAgentConfig *self, const char *key,
           const char *name)
{
    const char *folder = berth_config_get_string(config, GROUP, key);
    return folder[0] != '\0' ? g_strdup(folder) : g_build_filename(self->state_dir, name, NULL);
}

static int
default_memory_mib(void)
{
    int64_t bytes = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    return (int)(bytes / 1048576 * 3 / 4);
}

static bool
check_address(const char *key, const char *text, GError **error)
{
    BerthAddress address;
    if (berth_address_parse(text, &address) != BERTH_OK) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "%s is \"%s\", which is no ip:port", key,
                               text);
    }
    return true;
}

static bool
check_folder(const char *key, const char *path, size_t max_chars, GError **error)
{
    if (path[0] != '/') {
        return berth_set_error(error, BERTH_ERR_CONFIG, "%s is \"%s\", which is not absolute", key,
                               path);
    }
    if (strlen(path) > max_chars) {
        return berth_set_error(error, BERTH_ERR_CONFIG,
                               "%s is \"%s\": over %zu characters leave no room for socket paths",
                               key, path, max_chars);
    }
    return true;
}

/* Who shares a storage is found by a label, as everything that pools ask of hosts. */
static bool
add_storage_label(const BerthConfig *config, BerthAgentConfig *self, GError **error)
{
    const char *name = berth_config_get_string(config, GROUP, "disk_storage");
    const char *folder = berth_config_get_string(config, GROUP, "disk_dir");
    if (name[0] == '\0') {
        return true;
    }
    if (folder[0] == '\0' || json_object_get(self->labels, BERTH_DISK_STORAGE_LABEL) != NULL ||
        json_object_set_new(self->labels, BERTH_DISK_STORAGE_LABEL, json_string(name)) != 0) {
        return berth_set_error(error, BERTH_ERR_CONFIG,
                               "disk_storage is \"%s\": it needs a disk_dir, and no label of "
                               "its own",
                               name);
    }
    return true;
}

/* "room=b1 gpu=no" as an object; NULL with error set. */
static json_t *
read_labels(const char *text, GError **error)
{
    json_t *labels = json_object();
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    for (int i = 0; words[i] != NULL; i++) {
        g_auto(GStrv) pair = g_strsplit(words[i], "=", 2);
        if (words[i][0] == '\0') {
            continue;
        }
        if (pair[0][0] == '\0' || pair[1] == NULL ||
            json_object_set_new(labels, pair[0], json_string(pair[1])) != 0) {
            berth_set_error(error, BERTH_ERR_CONFIG,
                            "labels has \"%s\", which is no name=text in UTF-8", words[i]);
            json_decref(labels);
            return NULL;
        }
    }
    return labels;
}

static bool
read_choices(const BerthConfig *config, BerthAgentConfig *self, GError **error)
{
    const char *accel = berth_config_get_string(config, GROUP, "accel");
    const char *host_id = berth_config_get_string(config, GROUP, "host_id");
    if (strcmp(accel, "kvm") == 0) {
        self->accel = BERTH_ACCEL_POLICY_KVM;
    } else if (strcmp(accel, "tcg") == 0) {
        self->accel = BERTH_ACCEL_POLICY_TCG;
    } else if (strcmp(accel, "auto") == 0) {
        self->accel = BERTH_ACCEL_POLICY_AUTO;
    } else {
        return berth_set_error(error, BERTH_ERR_CONFIG,
                               "accel is \"%s\", allowed are auto, kvm and tcg", accel);
    }
    if (berth_id_parse(host_id, &self->host_id) != BERTH_OK) {
        return berth_set_error(error, BERTH_ERR_CONFIG,
                               "host_id is \"%s\", which is not 32 hexadecimal digits", host_id);
    }
    return true;
}

static bool
check(const BerthAgentConfig *self, GError **error)
{
    return check_address("broker", self->broker, error) &&
           check_address("listen", self->listen, error) &&
           (self->advertise[0] == '\0' || check_address("advertise", self->advertise, error)) &&
           (self->image_listen[0] == '\0' ||
            check_address("image_listen", self->image_listen, error)) &&
           check_folder("state_dir", self->state_dir, STATE_DIR_MAX_CHARS, error) &&
           check_folder("image_dir", self->image_dir, PATH_MAX, error) &&
           check_folder("backup_dir", self->backup_dir, PATH_MAX, error) &&
           check_folder("disk_dir", self->disk_dir, PATH_MAX, error) &&
           check_folder("template_dir", self->template_dir, TEMPLATE_DIR_MAX_CHARS, error);
}

BerthAgentConfig *
berth_agent_config_load(const char *path, GError **error)
{
    g_autoptr(BerthConfig) config = berth_config_load(schema, G_N_ELEMENTS(schema), path, error);
    if (config == NULL) {
        return NULL;
    }
    BerthAgentConfig *self = g_new0(BerthAgentConfig, 1);
    self->broker = dup_string(config, "broker");
    self->broker_name = dup_string(config, "broker_name");
    self->ca_file = dup_string(config, "ca_file");
    self->cert_file = dup_string(config, "cert_file");
    self->key_file = dup_string(config, "key_file");
    self->state_dir = dup_string(config, "state_dir");
    self->image_dir = dup_string(config, "image_dir");
    self->template_dir = dup_folder(config, self, "template_dir", "templates");
    self->disk_dir = dup_folder(config, self, "disk_dir", "disks");
    self->backup_dir = dup_folder(config, self, "backup_dir", "backups");
    self->listen = dup_string(config, "listen");
    self->advertise = dup_string(config, "advertise");
    self->image_listen = dup_string(config, "image_listen");
    self->session_program = dup_string(config, "session_program");
    self->gpu_program = dup_string(config, "gpu_program");
    self->thaw_program = dup_string(config, "thaw_program");
    self->image_sandbox_program = dup_string(config, "image_sandbox_program");
    self->qemu_program = dup_string(config, "qemu_program");
    self->qemu_img_program = dup_string(config, "qemu_img_program");
    self->memory_limit_mib = (int)berth_config_get_int(config, GROUP, "memory_limit_mib");
    self->vcpu_limit = (int)berth_config_get_int(config, GROUP, "vcpu_limit");
    self->labels = read_labels(berth_config_get_string(config, GROUP, "labels"), error);
    self->template_keep_s = (int)berth_config_get_int(config, GROUP, "template_keep_s");
    self->memory_overcommit_pct = (int)berth_config_get_int(config, GROUP, "memory_overcommit_pct");
    self->start_slots = (int)berth_config_get_int(config, GROUP, "start_slots");
    self->ready_deadline_s = (int)berth_config_get_int(config, GROUP, "ready_deadline_s");
    self->power_off_s = (int)berth_config_get_int(config, GROUP, "power_off_s");
    if (self->memory_limit_mib == 0) {
        self->memory_limit_mib = default_memory_mib();
    }
    if (self->vcpu_limit == 0) {
        self->vcpu_limit = VCPUS_PER_CPU * (int)sysconf(_SC_NPROCESSORS_ONLN);
    }
    if (self->labels == NULL || !add_storage_label(config, self, error) ||
        !read_choices(config, self, error) || !check(self, error)) {
        berth_agent_config_free(self);
        return NULL;
    }
    return self;
}

void
berth_agent_config_free(BerthAgentConfig *self)
{
    if (self == NULL) {
        return;
    }
    json_decref(self->labels);
    g_free(self->broker);
    g_free(self->broker_name);
    g_free(self->ca_file);
    g_free(self->cert_file);
    g_free(self->key_file);
    g_free(self->state_dir);
    g_free(self->image_dir);
    g_free(self->template_dir);
    g_free(self->disk_dir);
    g_free(self->listen);
    g_free(self->advertise);
    g_free(self->image_listen);
    g_free(self->session_program);
    g_free(self->gpu_program);
    g_free(self->thaw_program);
    g_free(self->image_sandbox_program);
    g_free(self->backup_dir);
    g_free(self->qemu_program);
    g_free(self->qemu_img_program);
    g_free(self);
}

char *
berth_agent_config_describe(void)
{
    return berth_config_describe(schema, G_N_ELEMENTS(schema));
}
