/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The site as a whole: entitlements, audit, checks, and what gateways and probes ask.
 */
#include "broker/api/handlers.h"
#include "broker/api/page.h"
#include "broker/api/router.h"

static const BerthBodyField safe_mode_fields[] = {
    BERTH_FIELD_BOOL("enabled", false, "true begins it"),
};
static const BerthBodyField log_fields[] = {
    BERTH_FIELD_TEXT("scopes", true, 0, BERTH_LIMIT_LOG_SPEC_BYTES, "levels: \"info,agent=debug\""),
};
static const BerthBodyField entitlement_fields[] = {
    BERTH_FIELD_TEXT("pool", true, 1, BERTH_LIMIT_NAME_BYTES, "name or id of a pool"),
    BERTH_FIELD_TEXT("user", false, 1, BERTH_LIMIT_NAME_BYTES, "name or id of a user"),
    BERTH_FIELD_TEXT("group", false, 1, BERTH_LIMIT_NAME_BYTES, "or name or id of a group"),
    BERTH_FIELD_TEXT("schedule", false, 1, BERTH_LIMIT_NAME_BYTES,
                     "name or id of a schedule: only inside its windows"),
};
static const BerthQueryField entitlement_query[] = {
    BERTH_QUERY_PAGE,
    BERTH_FIELD_TEXT("pool", false, 1, BERTH_LIMIT_NAME_BYTES, "name or id of a pool"),
    BERTH_FIELD_TEXT("user", false, 1, BERTH_LIMIT_NAME_BYTES, "name or id of a user"),
    BERTH_FIELD_TEXT("group", false, 1, BERTH_LIMIT_NAME_BYTES, "name or id of a group"),
};
static const BerthBodyField grant_fields[] = {
    BERTH_FIELD_ENUM("role", true, berth_role_names, "what may be done"),
    BERTH_FIELD_TEXT("scope", true, 1, 64, "where: \"/\", \"/pools\", \"/pools/<id>\" ..."),
    BERTH_FIELD_TEXT("user", false, 1, BERTH_LIMIT_NAME_BYTES, "name or id of a user"),
    BERTH_FIELD_TEXT("group", false, 1, BERTH_LIMIT_NAME_BYTES, "or name or id of a group"),
};
static const BerthQueryField grant_query[] = {
    BERTH_QUERY_PAGE,
    BERTH_FIELD_TEXT("user", false, 1, BERTH_LIMIT_NAME_BYTES, "name or id of a user"),
    BERTH_FIELD_TEXT("group", false, 1, BERTH_LIMIT_NAME_BYTES, "name or id of a group"),
};
static const char *const operation_states[] = { "running", "done", "failed", "cancelled", NULL };
static const BerthQueryField operation_query[] = {
    BERTH_QUERY_PAGE,
    BERTH_FIELD_ENUM("state", false, operation_states, "how far it is"),
};
#define REPORT_SPAN                                                            \
    BERTH_FIELD_INT("from", false, 0, INT64_MAX,                               \
                    "microseconds since 1970, 30 days ago by default"),        \
        BERTH_FIELD_INT("to", false, 0, INT64_MAX, "the end, now by default"), \
        BERTH_FIELD_TEXT("pool", false, 1, BERTH_LIMIT_NAME_BYTES, "name or id of a pool")
static const char *const usage_keys[] = { "user", "pool", "hour", NULL };
static const BerthQueryField usage_query[] = {
    REPORT_SPAN,
    BERTH_FIELD_ENUM("by", false, usage_keys, "a row for each user (default), pool or hour"),
};
static const BerthQueryField report_query[] = { REPORT_SPAN };
static const BerthQueryField event_query[] = {
    BERTH_FIELD_TEXT("kind", false, 1, 64, "notes whose kind begins so: \"session.\""),
};
static const BerthQueryField audit_query[] = {
    BERTH_FIELD_INT("limit", false, 1, 1000, "rows at most"),
};

const BerthRoute berth_routes_site[] = {
    { BERTH_GET("/v1/status", STATUS_READ, SITE, berth_handle_status), .needs_live = true,
      .answer = "Status", .doc = "counts of everything, and what needs a person" },
    { BERTH_WRITE("POST", "/v1/safe-mode", SITE_ADMIN, SITE, berth_handle_set_safe_mode, 204),
      BERTH_FIELDS(safe_mode_fields),
      .doc = "ends safe mode: what hosts reported is in order, go on; or begins it" },
    { BERTH_WRITE("POST", "/v1/hosts-gone", SITE_ADMIN, SITE, berth_handle_hosts_gone, 204),
      .doc = "most hosts are silent because they are gone, not the broker's network: lose them" },
    { BERTH_GET("/v1/hosts/{id}/strangers", HOST_READ, HOST, berth_handle_strangers),
      .needs_live = true, .answer = "StrangerList",
      .doc = "machines that the host has and no row knows" },
    { BERTH_GET_SLOW("/v1/entitlements", ENTITLEMENT_READ, ANY, berth_handle_list_entitlements),
      BERTH_QUERY(entitlement_query), .answer = "EntitlementList",
      .doc = "who may have which desktops" },
    { BERTH_WRITE("POST", "/v1/entitlements", ENTITLEMENT_WRITE, BODY, berth_handle_add_entitlement,
                  201),
      BERTH_FIELDS(entitlement_fields), .answer = "Entitlement",
      .doc = "lets a user or a group have desktops of a pool" },
    { BERTH_WRITE("DELETE", "/v1/entitlements/{id}", ENTITLEMENT_WRITE, ENTITLEMENT,
                  berth_handle_remove_entitlement, 204),
      .doc = "takes an entitlement away; who has no other one to the pool is disconnected" },
    { BERTH_GET("/v1/role-grants", GRANT_READ, ANY, berth_handle_list_grants),
      BERTH_QUERY(grant_query), .answer = "GrantList", .doc = "who has which role where" },
    { BERTH_WRITE("POST", "/v1/role-grants", GRANT_WRITE, BODY, berth_handle_add_grant, 201),
      BERTH_FIELDS(grant_fields), .answer = "Grant", .doc = "gives a role to a user or a group" },
    { BERTH_WRITE("DELETE", "/v1/role-grants/{id}", GRANT_WRITE, GRANT, berth_handle_remove_grant,
                  204),
      .doc = "takes a role away, but not the last administrator's" },
    { BERTH_GET_SLOW("/v1/audit", AUDIT_READ, AUDIT, berth_handle_list_audit),
      BERTH_QUERY(audit_query), .answer = "AuditList", .doc = "the audit log, newest first" },
    { BERTH_GET_SLOW("/v1/audit/verify", AUDIT_READ, AUDIT, berth_handle_verify_audit),
      .answer = "AuditReport",
      .doc = "recomputes every chain of the audit log and compares it with its signed heads" },
    { BERTH_GET_SLOW("/v1/fsck", STATUS_READ, SITE, berth_handle_fsck), .answer = "Fsck",
      .doc = "counts breaches of invariants" },

    { BERTH_ASYNC("PUT", "/v1/log", SITE_ADMIN, SITE, berth_handle_set_log, 204),
      BERTH_FIELDS(log_fields), .doc = "what the broker that answers writes into its log" },
    { BERTH_ASYNC("GET", "/v1/openapi.json", NOBODY, NONE, berth_handle_openapi, 200),
      .answer = "OpenApi", .doc = "this document" },
    { BERTH_ASYNC("GET", "/v1/events", SELF, NONE, berth_handle_events, 200),
      BERTH_QUERY(event_query), .doc = "change notes as server-sent events, as roles allow" },
    { BERTH_GET_SLOW("/v1/reports/usage", REPORT_READ, SITE, berth_handle_usage),
      BERTH_QUERY(usage_query), .answer = "UsageReport", .doc = "time in sessions" },
    { BERTH_GET_SLOW("/v1/reports/peak", REPORT_READ, SITE, berth_handle_peak),
      BERTH_QUERY(report_query), .answer = "PeakReport", .doc = "most sessions at once, by pool" },
    { BERTH_GET_SLOW("/v1/reports/failed-logins", REPORT_READ, SITE, berth_handle_failed_logins),
      BERTH_QUERY(report_query), .answer = "FailedLoginReport", .doc = "failed logins by name" },
    { BERTH_GET("/v1/operations", SELF, NONE, berth_handle_list_operations),
      BERTH_QUERY(operation_query), .answer = "OperationList",
      .doc = "long work that one began; of everybody for administrators" },
    { BERTH_GET("/v1/operations/{id}", SELF, NONE, berth_handle_operation), .answer = "Operation",
      .doc = "how far long work is" },
    { BERTH_GET("/v1/metrics", STATUS_READ, SITE, berth_handle_metrics),
      .doc = "metrics as Prometheus text" },
    { BERTH_ASYNC("GET", "/v1/health", NOBODY, NONE, berth_handle_alive, 200), .answer = "Alive",
      .doc = "whether this broker is alive" },
    { BERTH_ASYNC("GET", "/v1/ready", NOBODY, NONE, berth_handle_ready, 200), .answer = "Ready",
      .doc = "whether this broker can serve: its store answers" },
    { BERTH_ASYNC("GET", "/internal/v1/ready", INTERNAL, NONE, berth_handle_ready, 200),
      .answer = "Ready", .doc = "whether this broker can serve: its store answers" },
    { BERTH_GET("/internal/v1/hosts", INTERNAL, NONE, berth_handle_host_addresses),
      .answer = "HostAddressList", .doc = "where hosts are, for gateways" },
    { BERTH_ASYNC("GET", "/internal/v1/health", INTERNAL, NONE, berth_handle_health, 200),
      .answer = "Health", .doc = "whether this broker is alive" },
    { BERTH_GET("/internal/v1/metrics", INTERNAL, NONE, berth_handle_metrics),
      .doc = "metrics as Prometheus text" },
};

const size_t berth_n_routes_site = G_N_ELEMENTS(berth_routes_site);
