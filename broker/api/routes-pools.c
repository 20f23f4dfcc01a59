/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pools, machines, images, hosts.
 */
#include "broker/api/handlers.h"
#include "broker/api/page.h"
#include "broker/api/router.h"

#define MAX_POOL_SIZE 10000
#define MAX_LOGOFF_AFTER_S (30 * 24 * 3600)

static const BerthBodyField pool_fields[] = {
    BERTH_FIELD_TEXT("name", true, 1, BERTH_LIMIT_NAME_BYTES, "name, unique"),
    BERTH_FIELD_TEXT("image", true, 1, BERTH_LIMIT_NAME_BYTES, "name or id of an image"),
    BERTH_FIELD_INT("size", true, 0, MAX_POOL_SIZE, "machines at most"),
    BERTH_FIELD_INT("spares_hot", false, 0, MAX_POOL_SIZE, "ready machines in stock"),
    BERTH_FIELD_INT("vcpus", false, 1, BERTH_MAX_VCPUS, "virtual processors of a machine"),
    BERTH_FIELD_INT("memory_mib", false, BERTH_MIN_MEMORY_MIB, BERTH_MAX_MEMORY_MIB,
                    "memory of a machine"),
    BERTH_FIELD_BOOL("template", false, "fork machines from a RAM template"),
    BERTH_FIELD_OBJECT("policy", false, "policy of the pool"),
    BERTH_FIELD_INT("logoff_after_s", false, 0, MAX_LOGOFF_AFTER_S,
                    "seconds from disconnect to logoff, 0 is never"),
};
static const BerthBodyField resize_fields[] = {
    BERTH_FIELD_INT("size", true, 0, MAX_POOL_SIZE, "machines at most"),
    BERTH_FIELD_INT("spares_hot", true, 0, MAX_POOL_SIZE, "ready machines in stock"),
    BERTH_FIELD_BOOL("enabled", false, "whether users may connect"),
};
static const BerthBodyField image_fields[] = {
    BERTH_FIELD_TEXT("name", true, 1, BERTH_LIMIT_NAME_BYTES, "name, unique"),
    BERTH_FIELD_OBJECT("manifest", true, "manifest of the image"),
};
static const BerthBodyField host_fields[] = {
    BERTH_FIELD_HEX("id", true, BERTH_ID_HEX_CHARS, "id in the host's certificate"),
    BERTH_FIELD_TEXT("name", true, 1, BERTH_LIMIT_NAME_BYTES, "name, unique"),
};
static const BerthQueryField page_query[] = { BERTH_QUERY_PAGE };
static const BerthQueryField machine_query[] = {
    BERTH_QUERY_PAGE,
    BERTH_FIELD_TEXT("pool", false, 1, BERTH_LIMIT_NAME_BYTES, "name or id of a pool"),
    BERTH_FIELD_TEXT("state", false, 1, 32, "state, as in docs/STATE-MACHINES.md"),
    BERTH_FIELD_TEXT("host", false, 1, BERTH_LIMIT_NAME_BYTES, "name or id of a host"),
    BERTH_FIELD_TEXT("user", false, 1, BERTH_LIMIT_NAME_BYTES, "name of a user"),
};
static const BerthQueryField host_query[] = {
    BERTH_QUERY_PAGE,
    BERTH_FIELD_TEXT("state", false, 1, 32, "state, as in docs/STATE-MACHINES.md"),
};

const BerthRoute berth_routes_pools[] = {
    { BERTH_GET_SLOW("/v1/pools", POOL_READ, ANY, berth_handle_list_pools), BERTH_QUERY(page_query),
      .answer = "PoolList", .doc = "pools" },
    { BERTH_WRITE("POST", "/v1/pools", POOL_WRITE, POOLS, berth_handle_add_pool, 201),
      BERTH_FIELDS(pool_fields), .answer = "Added", .doc = "makes a pool" },
    { BERTH_WRITE("POST", "/v1/pools/{id}", POOL_WRITE, POOL, berth_handle_resize_pool, 204),
      BERTH_FIELDS(resize_fields), .doc = "changes the size of a pool" },

    { BERTH_GET_SLOW("/v1/machines", MACHINE_READ, ANY, berth_handle_list_machines),
      BERTH_QUERY(machine_query), .answer = "MachineList", .doc = "machines" },
    { BERTH_WRITE("POST", "/v1/machines/{id}/recycle", MACHINE_CONTROL, MACHINE,
                  berth_handle_recycle, 204),
      .doc = "gives a machine a fresh disk" },

    { BERTH_GET_SLOW("/v1/images", IMAGE_READ, ANY, berth_handle_list_images),
      BERTH_QUERY(page_query), .answer = "ImageList", .doc = "images" },
    { BERTH_WRITE("POST", "/v1/images", IMAGE_WRITE, IMAGES, berth_handle_add_image, 201),
      BERTH_FIELDS(image_fields), .answer = "Added", .doc = "makes an image known" },

    { BERTH_GET_SLOW("/v1/hosts", HOST_READ, ANY, berth_handle_list_hosts), BERTH_QUERY(host_query),
      .answer = "HostList", .doc = "hosts" },
    { BERTH_WRITE("POST", "/v1/hosts", HOST_WRITE, HOSTS, berth_handle_add_host, 201),
      BERTH_FIELDS(host_fields), .answer = "Added", .doc = "lets a host in" },
};

const size_t berth_n_routes_pools = G_N_ELEMENTS(berth_routes_pools);
