/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/hello.h"

#include "base/error.h"
#include "base/id.h"
#include "display/transport/tcp.h"

#include <stdlib.h>
#include <string.h>

/* A host with more memory than this (64 TiB) or more processors is a mistake. */
#define MAX_MEMORY_MIB (64LL * 1024 * 1024)
#define MAX_VCPUS 65536
#define MAX_START_SLOTS 1024
#define CONTROL_VERSION 3

static bool
read_text(const json_t *message, const char *key, char *ret, GError **error)
{
    const char *text = json_string_value(json_object_get(message, key));
    if (text == NULL || strlen(text) > BERTH_INVENTORY_TEXT_BYTES) {
        return berth_set_error(error, BERTH_ERR_PROTOCOL,
                               "\"%s\" must be a string of at most %d bytes", key,
                               BERTH_INVENTORY_TEXT_BYTES);
    }
    g_strlcpy(ret, text, BERTH_INVENTORY_TEXT_BYTES + 1);
    return true;
}

static bool
read_int(const json_t *message, const char *key, int64_t min, int64_t max, int64_t *ret,
         GError **error)
{
    const json_t *value = json_object_get(message, key);
    if (!json_is_integer(value) || json_integer_value(value) < min ||
        json_integer_value(value) > max) {
        return berth_set_error(error, BERTH_ERR_PROTOCOL,
                               "\"%s\" must be a number from %" G_GINT64_FORMAT
                               " to %" G_GINT64_FORMAT,
                               key, min, max);
    }
    *ret = json_integer_value(value);
    return true;
}

/* Gateways dial it: a host that tells nonsense is told so before it spreads. */
static bool
read_address(const json_t *message, char *ret, GError **error)
{
    BerthAddress address;
    if (!read_text(message, "display_address", ret, error)) {
        return false;
    }
    if (berth_address_parse(ret, &address) != BERTH_OK || berth_address_get_port(&address) == 0) {
        return berth_set_error(error, BERTH_ERR_PROTOCOL, "\"display_address\" is not ip:port");
    }
    return true;
}

/* Where other hosts get images from it; "" if it serves none. */
static bool
read_image_address(const json_t *message, char *ret, GError **error)
{
    BerthAddress address;
    if (!read_text(message, "image_address", ret, error)) {
        return false;
    }
    if (ret[0] != '\0' &&
        (berth_address_parse(ret, &address) != BERTH_OK || berth_address_get_port(&address) == 0)) {
        return berth_set_error(error, BERTH_ERR_PROTOCOL, "\"image_address\" is not ip:port");
    }
    return true;
}

/* Keeps a list as JSON text; every item is a text already. */
static bool
keep_list(const json_t *list, const char *key, char *ret, GError **error)
{
    char *text = json_dumps(list, JSON_COMPACT | JSON_SORT_KEYS);
    bool is_short = text != NULL && strlen(text) <= BERTH_HELLO_LIST_BYTES;
    if (is_short) {
        g_strlcpy(ret, text, BERTH_HELLO_LIST_BYTES + 1);
    }
    free(text);
    return is_short || berth_set_error(error, BERTH_ERR_PROTOCOL, "\"%s\" has more than %d bytes",
                                       key, BERTH_HELLO_LIST_BYTES);
}

static bool
read_labels(const json_t *message, char *ret, GError **error)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_t *labels = json_object_get(message, "labels");
    bool is_good = json_is_object(labels);
    json_object_foreach (labels, key, value) {
        is_good = is_good && json_is_string(value);
    }
    if (!is_good) {
        return berth_set_error(error, BERTH_ERR_PROTOCOL, "\"labels\" must be texts by name");
    }
    return keep_list(labels, "labels", ret, error);
}

static bool
read_networks(const json_t *message, char *ret, GError **error)
{
    size_t i = 0;
    json_t *value = NULL;
    const json_t *networks = json_object_get(message, "networks");
    bool is_good = json_is_array(networks) && json_array_size(networks) <= BERTH_HELLO_MAX_NETWORKS;
    json_array_foreach (networks, i, value) {
        is_good = is_good && json_is_string(value);
    }
    if (!is_good) {
        return berth_set_error(error, BERTH_ERR_PROTOCOL, "\"networks\" must be at most %d texts",
                               BERTH_HELLO_MAX_NETWORKS);
    }
    return keep_list(networks, "networks", ret, error);
}

static bool
read_lists(const json_t *message, BerthHello *hello, GError **error)
{
    return read_labels(message, hello->labels, error) &&
           read_networks(message, hello->networks, error);
}

static bool
read_facts(const json_t *message, BerthHello *hello, GError **error)
{
    return read_text(message, "boot_id", hello->boot_id, error) &&
           read_address(message, hello->address, error) &&
           read_image_address(message, hello->image_address, error) &&
           read_text(message, "cpu_model", hello->cpu_model, error) &&
           read_text(message, "accel", hello->accel, error) &&
           read_text(message, "qemu", hello->qemu, error) &&
           read_text(message, "cgroup", hello->cgroup, error) &&
           read_int(message, "cluster_epoch", 0, INT64_MAX / 2, &hello->cluster_epoch, error) &&
           read_int(message, "vcpu_limit", 0, MAX_VCPUS, &hello->vcpu_limit, error) &&
           read_int(message, "agent_epoch", 0, INT64_MAX, &hello->agent_epoch, error) &&
           read_int(message, "memory_limit_mib", 0, MAX_MEMORY_MIB, &hello->memory_limit_mib,
                    error) &&
           read_int(message, "start_slots", 1, MAX_START_SLOTS, &hello->start_slots, error);
}

bool
berth_hello_from_json(const json_t *message, BerthHello *ret, GError **error)
{
    BerthHello hello = { 0 };
    BerthId id;
    int64_t version = 0;
    if (!read_int(message, "version", 0, INT64_MAX, &version, error)) {
        return false;
    }
    if (version != CONTROL_VERSION) {
        return berth_set_error(error, BERTH_ERR_VERSION,
                               "the agent speaks version %" G_GINT64_FORMAT ", this broker %d",
                               version, CONTROL_VERSION);
    }
    if (berth_id_parse(json_string_value(json_object_get(message, "host")), &id) != BERTH_OK) {
        return berth_set_error(error, BERTH_ERR_PROTOCOL, "\"host\" must be an id");
    }
    berth_id_format(&id, hello.host);
    if (!read_facts(message, &hello, error) || !read_lists(message, &hello, error)) {
        return false;
    }
    *ret = hello;
    return true;
}
