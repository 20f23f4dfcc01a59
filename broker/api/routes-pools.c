/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pools, machines, hosts.
 */
#include "berth/limits.h"
#include "broker/api/handlers.h"
#include "broker/api/page.h"
#include "broker/api/router.h"
#include "broker/pool-settings.h"

static const char *const pool_kinds[] = { "floating", "dedicated", "app", "physical", NULL };
static const char *const placements[] = { "spread", "pack", NULL };
static const char *const logoff_acts[] = { "recycle", "stop", "keep", NULL };

/* What may be said of a pool when it is made and later. */
#define POOL_FIELDS                                                                               \
    BERTH_FIELD_INT("spares_hot", false, 0, BERTH_POOL_MAX_SIZE, "running machines in stock"),    \
        BERTH_FIELD_INT("spares_frozen", false, 0, BERTH_POOL_MAX_SIZE,                           \
                        "stopped machines with a RAM template in stock"),                         \
        BERTH_FIELD_INT("spares_cold", false, 0, BERTH_POOL_MAX_SIZE,                             \
                        "stopped machines in stock"),                                             \
        BERTH_FIELD_INT("vcpus", false, 1, BERTH_LIMIT_GUEST_VCPUS,                               \
                        "virtual processors of a machine"),                                       \
        BERTH_FIELD_INT("memory_mib", false, BERTH_LIMIT_GUEST_MEMORY_MIN_MIB,                    \
                        BERTH_LIMIT_GUEST_MEMORY_MAX_MIB, "memory of a machine"),                 \
        BERTH_FIELD_TEXT("tag", false, 1, BERTH_LIMIT_TAG_CHARS,                                  \
                         "tag of the image's version that its machines are made of"),             \
        BERTH_FIELD_TEXT("icon", false, 0, BERTH_LIMIT_ICON_CHARS,                                \
                         "icon in the client's list, by its name in icon themes"),                \
        BERTH_FIELD_BOOL("template", false, "fork machines from a RAM template"),                 \
        BERTH_FIELD_BOOL("enabled", false, "whether users may connect and the pool may grow"),    \
        BERTH_FIELD_ENUM("placement", false, placements, "spread over hosts or fill one by one"), \
        BERTH_FIELD_OBJECT("labels", false, "labels that a host must have"),                      \
        BERTH_FIELD_ENUM("on_logoff", false, logoff_acts, "what becomes of a desktop"),           \
        BERTH_FIELD_INT("max_per_user", false, 1, 16, "desktops of one user"),                    \
        BERTH_FIELD_OBJECT("policy", false, "policy of the pool"),                                \
        BERTH_FIELD_ARRAY("timers", false, 0, BERTH_LIMIT_POOL_TIMERS, "what happens when"),      \
        BERTH_FIELD_ARRAY("power", false, 0, BERTH_LIMIT_POOL_POWER_RULES, "spares by schedule"), \
        BERTH_FIELD_OBJECT("resources", false, "limits of a machine on its host"),                \
        BERTH_FIELD_OBJECT("network", false, "network of the machines"),                          \
        BERTH_FIELD_OBJECT("user_disk", false, "disk that each user gets"),                       \
        BERTH_FIELD_OBJECT("app", false, "the application of an app pool"),                       \
        BERTH_FIELD_INT("logoff_after_s", false, 0, BERTH_POOL_MAX_SECONDS,                       \
                        "seconds from disconnect to logoff, 0 is never")

static const BerthBodyField pool_fields[] = {
    BERTH_FIELD_TEXT("name", true, 1, BERTH_LIMIT_NAME_BYTES, "name, unique"),
    BERTH_FIELD_ENUM("kind", false, pool_kinds, "floating if it is left out"),
    BERTH_FIELD_TEXT("image", false, 1, BERTH_LIMIT_NAME_BYTES, "name or id of an image"),
    BERTH_FIELD_INT("size", true, 0, BERTH_POOL_MAX_SIZE, "machines at most"),
    POOL_FIELDS,
};
static const BerthBodyField pool_changes[] = {
    BERTH_FIELD_TEXT("name", false, 1, BERTH_LIMIT_NAME_BYTES, "name, unique"),
    BERTH_FIELD_TEXT("image", false, 1, BERTH_LIMIT_NAME_BYTES, "name or id of an image"),
    BERTH_FIELD_INT("size", false, 0, BERTH_POOL_MAX_SIZE, "machines at most"),
    POOL_FIELDS,
};
static const BerthBodyField host_fields[] = {
    BERTH_FIELD_HEX("id", true, BERTH_ID_HEX_CHARS, "id in the host's certificate"),
    BERTH_FIELD_TEXT("name", true, 1, BERTH_LIMIT_NAME_BYTES, "name, unique"),
};
static const BerthBodyField host_changes[] = {
    BERTH_FIELD_TEXT("name", false, 1, BERTH_LIMIT_NAME_BYTES, "name, unique"),
    BERTH_FIELD_INT("memory_overcommit_pct", false, 1, 1000, "memory to give away, 100 is all"),
    BERTH_FIELD_INT("vcpu_overcommit_pct", false, 1, 10000, "processors to give away, 100 is all"),
};
static const BerthBodyField maintenance_fields[] = {
    BERTH_FIELD_BOOL("enabled", true, "begin or end it"),
};
static const BerthBodyField machine_fields[] = {
    BERTH_FIELD_TEXT("name", true, 1, BERTH_LIMIT_NAME_BYTES, "name, unique in its pool"),
    BERTH_FIELD_TEXT("pool", true, 1, BERTH_LIMIT_NAME_BYTES, "name or id of a physical pool"),
    BERTH_FIELD_TEXT("host", true, 1, BERTH_LIMIT_NAME_BYTES,
                     "name or id of the host that reaches it"),
    BERTH_FIELD_TEXT("address", true, 1, 64, "ip:port of its RFB server"),
};
static const BerthBodyField recycle_fields[] = {
    BERTH_FIELD_BOOL("force", false, "even if its user's data is lost"),
};
static const BerthBodyField schedule_fields[] = {
    BERTH_FIELD_TEXT("name", true, 1, BERTH_LIMIT_NAME_BYTES, "name, unique"),
    BERTH_FIELD_TEXT("timezone", true, 1, 64, "such as Europe/Berlin"),
    BERTH_FIELD_ARRAY("rules", true, 0, BERTH_LIMIT_SCHEDULE_RULES, "windows of a week"),
};
static const BerthBodyField schedule_changes[] = {
    BERTH_FIELD_TEXT("name", false, 1, BERTH_LIMIT_NAME_BYTES, "name, unique"),
    BERTH_FIELD_TEXT("timezone", false, 1, 64, "such as Europe/Berlin"),
    BERTH_FIELD_ARRAY("rules", false, 0, BERTH_LIMIT_SCHEDULE_RULES, "windows of a week"),
};
static const BerthQueryField force_query[] = {
    BERTH_FIELD_BOOL("force", false, "even if its user's data is lost"),
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
    { BERTH_GET("/v1/pools/{id}", POOL_READ, POOL, berth_handle_get_pool), .answer = "Pool",
      .doc = "a pool with its circuit breakers" },
    { BERTH_WRITE("PATCH", "/v1/pools/{id}", POOL_WRITE, POOL, berth_handle_change_pool, 200),
      BERTH_FIELDS(pool_changes), .needs_match = true, .answer = "Pool", .doc = "changes a pool" },
    { BERTH_WRITE("DELETE", "/v1/pools/{id}", POOL_WRITE, POOL, berth_handle_remove_pool, 204),
      .doc = "removes an empty pool" },
    { BERTH_GET("/v1/pools/{id}/placement", POOL_READ, POOL, berth_handle_explain_pool),
      .answer = "Placement",
      .doc = "where the next machine of a pool goes, and why not elsewhere" },
    { BERTH_WRITE("POST", "/v1/pools/{id}/reset-breakers", POOL_WRITE, POOL,
                  berth_handle_reset_breakers, 204),
      .doc = "forgets the failures of a pool" },

    { BERTH_GET_SLOW("/v1/machines", MACHINE_READ, ANY, berth_handle_list_machines),
      BERTH_QUERY(machine_query), .answer = "MachineList", .doc = "machines" },
    { BERTH_WRITE("POST", "/v1/machines", POOL_WRITE, BODY, berth_handle_add_machine, 201),
      BERTH_FIELDS(machine_fields), .answer = "Added", .doc = "adds a physical machine" },
    { BERTH_GET("/v1/machines/{id}", MACHINE_READ, MACHINE, berth_handle_get_machine),
      .answer = "Machine", .doc = "a machine" },
    { BERTH_WRITE("DELETE", "/v1/machines/{id}", MACHINE_CONTROL, MACHINE,
                  berth_handle_remove_machine, 204),
      BERTH_QUERY(force_query), .doc = "deletes a machine" },
    { BERTH_WRITE("POST", "/v1/machines/{id}/recycle", MACHINE_CONTROL, MACHINE,
                  berth_handle_recycle, 204),
      BERTH_FIELDS(recycle_fields), .doc = "gives a machine a fresh disk" },
    { BERTH_WRITE("POST", "/v1/machines/{id}/hold", MACHINE_CONTROL, MACHINE,
                  berth_handle_hold_machine, 204),
      .doc = "holds a machine back: nobody new gets it, and nothing happens to it" },
    { BERTH_WRITE("POST", "/v1/machines/{id}/release", MACHINE_CONTROL, MACHINE,
                  berth_handle_release_machine, 204),
      .doc = "holds a machine back no longer" },
    { BERTH_WRITE("POST", "/v1/machines/{id}/start", MACHINE_CONTROL, MACHINE,
                  berth_handle_start_machine, 204),
      .doc = "switches a machine on" },
    { BERTH_WRITE("POST", "/v1/machines/{id}/stop", MACHINE_CONTROL, MACHINE,
                  berth_handle_stop_machine, 204),
      .doc = "switches a machine off; its disk stays" },

    { BERTH_GET_SLOW("/v1/hosts", HOST_READ, ANY, berth_handle_list_hosts), BERTH_QUERY(host_query),
      .answer = "HostList", .doc = "hosts" },
    { BERTH_WRITE("POST", "/v1/hosts", HOST_WRITE, HOSTS, berth_handle_add_host, 201),
      BERTH_FIELDS(host_fields), .answer = "Added", .doc = "lets a host in" },
    { BERTH_GET("/v1/hosts/{id}", HOST_READ, HOST, berth_handle_get_host), .needs_live = true,
      .answer = "Host", .doc = "a host" },
    { BERTH_WRITE("PATCH", "/v1/hosts/{id}", HOST_WRITE, HOST, berth_handle_change_host, 200),
      BERTH_FIELDS(host_changes), .needs_match = true, .answer = "Host",
      .doc = "changes name and overcommit of a host" },
    { BERTH_WRITE("DELETE", "/v1/hosts/{id}", HOST_WRITE, HOST, berth_handle_remove_host, 204),
      BERTH_QUERY(force_query), .doc = "removes a host that is empty or never comes back" },
    { BERTH_WRITE("POST", "/v1/hosts/{id}/drain", HOST_WRITE, HOST, berth_handle_drain_host, 200),
      .answer = "Host", .doc = "no new machines; spares go, users stay until they log off" },
    { BERTH_WRITE("POST", "/v1/hosts/{id}/undrain", HOST_WRITE, HOST, berth_handle_undrain_host,
                  200),
      .answer = "Host", .doc = "takes machines again" },
    { BERTH_WRITE("POST", "/v1/hosts/{id}/maintenance", HOST_WRITE, HOST,
                  berth_handle_host_maintenance, 200),
      BERTH_FIELDS(maintenance_fields), .answer = "Host",
      .doc = "as drain, and logs off who is disconnected" },
    { BERTH_WRITE("POST", "/v1/hosts/{id}/fence", HOST_WRITE, HOST, berth_handle_fence_host, 200),
      .answer = "Fenced", .doc = "confirms that a lost host is off" },

    { BERTH_GET("/v1/schedules", SCHEDULE_READ, ANY, berth_handle_list_schedules),
      BERTH_QUERY(page_query), .answer = "ScheduleList", .doc = "schedules" },
    { BERTH_WRITE("POST", "/v1/schedules", SCHEDULE_WRITE, SCHEDULES, berth_handle_add_schedule,
                  201),
      BERTH_FIELDS(schedule_fields), .answer = "Added", .doc = "makes a schedule" },
    { BERTH_GET("/v1/schedules/{id}", SCHEDULE_READ, SCHEDULE, berth_handle_get_schedule),
      .answer = "Schedule", .doc = "a schedule, and whether it is open" },
    { BERTH_WRITE("PATCH", "/v1/schedules/{id}", SCHEDULE_WRITE, SCHEDULE,
                  berth_handle_change_schedule, 200),
      BERTH_FIELDS(schedule_changes), .needs_match = true, .answer = "Schedule",
      .doc = "changes a schedule" },
    { BERTH_WRITE("DELETE", "/v1/schedules/{id}", SCHEDULE_WRITE, SCHEDULE,
                  berth_handle_remove_schedule, 204),
      .doc = "removes a schedule that nothing names" },

    { BERTH_GET_SLOW("/v1/reports/capacity", REPORT_READ, SITE, berth_handle_report_capacity),
      .answer = "CapacityReport", .doc = "how much room pools and hosts have, and for how long" },
};

const size_t berth_n_routes_pools = G_N_ELEMENTS(berth_routes_pools);
