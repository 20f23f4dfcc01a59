/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The site as a whole: entitlements, audit, checks, and what gateways and probes ask.
 */
#include "broker/api/handlers.h"
#include "broker/api/router.h"

static const BerthBodyField entitle_fields[] = {
    BERTH_FIELD_TEXT("user", true, 1, BERTH_LIMIT_NAME_BYTES, "name of the user"),
};
static const BerthQueryField audit_query[] = {
    BERTH_FIELD_INT("limit", false, 1, 1000, "rows at most"),
};

const BerthRoute berth_routes_site[] = {
    { BERTH_GET("/v1/status", STATUS_READ, SITE, berth_handle_status), .answer = "Status",
      .doc = "counts of everything" },
    { BERTH_WRITE("POST", "/v1/pools/{id}/entitlements", ENTITLEMENT_WRITE, POOL,
                  berth_handle_entitle, 204),
      BERTH_FIELDS(entitle_fields), .doc = "lets a user have desktops of a pool" },
    { BERTH_GET("/v1/audit", AUDIT_READ, AUDIT, berth_handle_list_audit), BERTH_QUERY(audit_query),
      .answer = "AuditList", .doc = "the audit log, newest first" },
    { BERTH_GET("/v1/fsck", STATUS_READ, SITE, berth_handle_fsck), .answer = "Fsck",
      .doc = "counts breaches of invariants" },

    { BERTH_GET("/internal/v1/hosts", INTERNAL, NONE, berth_handle_host_addresses),
      .answer = "HostAddressList", .doc = "where hosts are, for gateways" },
    { BERTH_GET("/internal/v1/health", INTERNAL, NONE, berth_handle_health), .answer = "Health",
      .doc = "whether this broker is alive" },
    { BERTH_GET("/internal/v1/metrics", INTERNAL, NONE, berth_handle_metrics),
      .doc = "metrics as Prometheus text" },
};

const size_t berth_n_routes_site = G_N_ELEMENTS(berth_routes_site);
