/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who answers each route; the table is in router.c.
 */
#pragma once

#include "broker/api/request.h"
#include "broker/audit.h"

/* login.c: logging in and out by a password. */
void berth_handle_login(BerthRequest *request);
int berth_handle_logout(BerthTx *tx, BerthRequest *request);

/* backups.c: restore points and backups of dedicated desktops, and other disks for them. */
int berth_handle_snapshot_machine(BerthTx *tx, BerthRequest *request);
int berth_handle_restore_machine(BerthTx *tx, BerthRequest *request);
int berth_handle_refresh_machine(BerthTx *tx, BerthRequest *request);
int berth_handle_rebase_machine(BerthTx *tx, BerthRequest *request);
int berth_handle_list_restore_points(BerthTx *tx, BerthRequest *request);
int berth_handle_get_restore_point(BerthTx *tx, BerthRequest *request);
int berth_handle_remove_restore_point(BerthTx *tx, BerthRequest *request);
int berth_handle_restore_as_new(BerthTx *tx, BerthRequest *request);
int berth_handle_export_restore_point(BerthTx *tx, BerthRequest *request);
int berth_handle_list_backups(BerthTx *tx, BerthRequest *request);
int berth_handle_import_backup(BerthTx *tx, BerthRequest *request);
int berth_handle_scan_backups(BerthTx *tx, BerthRequest *request);

/* rollouts.c: versions on their way to desktops. */
int berth_handle_publish(BerthTx *tx, BerthRequest *request);
int berth_handle_promote_image(BerthTx *tx, BerthRequest *request);
int berth_handle_roll_back_image(BerthTx *tx, BerthRequest *request);
int berth_handle_image_status(BerthTx *tx, BerthRequest *request);
int berth_handle_list_rollouts(BerthTx *tx, BerthRequest *request);
int berth_handle_get_rollout(BerthTx *tx, BerthRequest *request);
int berth_handle_pause_rollout(BerthTx *tx, BerthRequest *request);
int berth_handle_resume_rollout(BerthTx *tx, BerthRequest *request);
int berth_handle_promote_rollout(BerthTx *tx, BerthRequest *request);
int berth_handle_roll_back_rollout(BerthTx *tx, BerthRequest *request);

/* second-factor.c */
int berth_handle_my_totp(BerthTx *tx, BerthRequest *request);
void berth_handle_my_totp_confirm(BerthRequest *request);
void berth_handle_my_totp_remove(BerthRequest *request);
void berth_handle_second_step(BerthRequest *request);
int berth_handle_pending_totp(BerthTx *tx, BerthRequest *request);
int berth_handle_reset_totp(BerthTx *tx, BerthRequest *request);
int berth_handle_get_factor_roles(BerthTx *tx, BerthRequest *request);
int berth_handle_set_factor_roles(BerthTx *tx, BerthRequest *request);

/* oidc.c: logging in at a provider. */
void berth_handle_oidc_start(BerthRequest *request);
void berth_handle_oidc_finish(BerthRequest *request);

/* devices.c: kiosks. */
void berth_handle_device_login(BerthRequest *request);
int berth_handle_list_devices(BerthTx *tx, BerthRequest *request);
int berth_handle_add_device(BerthTx *tx, BerthRequest *request);
int berth_handle_change_device(BerthTx *tx, BerthRequest *request);
int berth_handle_remove_device(BerthTx *tx, BerthRequest *request);

/* tokens.c: logins and API tokens. */
int berth_handle_my_logins(BerthTx *tx, BerthRequest *request);
int berth_handle_end_my_login(BerthTx *tx, BerthRequest *request);
int berth_handle_end_my_logins(BerthTx *tx, BerthRequest *request);
int berth_handle_my_tokens(BerthTx *tx, BerthRequest *request);
int berth_handle_add_token(BerthTx *tx, BerthRequest *request);
int berth_handle_end_my_token(BerthTx *tx, BerthRequest *request);
int berth_handle_user_logins(BerthTx *tx, BerthRequest *request);
int berth_handle_end_user_login(BerthTx *tx, BerthRequest *request);
int berth_handle_end_user_logins(BerthTx *tx, BerthRequest *request);

/* users.c: accounts. */
void berth_handle_add_user(BerthRequest *request);
int berth_handle_get_user(BerthTx *tx, BerthRequest *request);
int berth_handle_change_user(BerthTx *tx, BerthRequest *request);
int berth_handle_remove_user(BerthTx *tx, BerthRequest *request);
void berth_handle_set_password(BerthRequest *request);
void berth_handle_my_password(BerthRequest *request);

/* groups.c */
int berth_handle_list_groups(BerthTx *tx, BerthRequest *request);
int berth_handle_get_group(BerthTx *tx, BerthRequest *request);
int berth_handle_add_group(BerthTx *tx, BerthRequest *request);
int berth_handle_change_group(BerthTx *tx, BerthRequest *request);
int berth_handle_remove_group(BerthTx *tx, BerthRequest *request);
int berth_handle_list_members(BerthTx *tx, BerthRequest *request);
int berth_handle_add_member(BerthTx *tx, BerthRequest *request);
int berth_handle_remove_member(BerthTx *tx, BerthRequest *request);

/* sources.c: where people are known. */
int berth_handle_open_sources(BerthTx *tx, BerthRequest *request);
int berth_handle_list_sources(BerthTx *tx, BerthRequest *request);
int berth_handle_get_source(BerthTx *tx, BerthRequest *request);
int berth_handle_add_source(BerthTx *tx, BerthRequest *request);
int berth_handle_change_source(BerthTx *tx, BerthRequest *request);
int berth_handle_remove_source(BerthTx *tx, BerthRequest *request);

/* me.c: what a user sees and does.  connect waits; the rest runs in a transaction. */
int berth_handle_me(BerthTx *tx, BerthRequest *request);
int berth_handle_my_desktops(BerthTx *tx, BerthRequest *request);
int berth_handle_my_restart(BerthTx *tx, BerthRequest *request);
int berth_handle_my_report(BerthTx *tx, BerthRequest *request);
int berth_handle_my_sessions(BerthTx *tx, BerthRequest *request);
void berth_handle_connect(BerthRequest *request);
int berth_handle_my_disconnect(BerthTx *tx, BerthRequest *request);
int berth_handle_my_logoff(BerthTx *tx, BerthRequest *request);

/* links.c: one-time codes for links to a desktop. */
int berth_handle_add_link(BerthTx *tx, BerthRequest *request);
void berth_handle_code_login(BerthRequest *request);

/* admin-read.c: lists for administrators. */
int berth_handle_status(BerthTx *tx, BerthRequest *request);
int berth_status_add_alarms(BerthTx *tx, const BerthLive *live, json_t *status);
int berth_handle_set_safe_mode(BerthTx *tx, BerthRequest *request);
int berth_handle_hosts_gone(BerthTx *tx, BerthRequest *request);
int berth_handle_strangers(BerthTx *tx, BerthRequest *request);
int berth_handle_list_pools(BerthTx *tx, BerthRequest *request);
int berth_handle_list_machines(BerthTx *tx, BerthRequest *request);
int berth_handle_list_sessions(BerthTx *tx, BerthRequest *request);
int berth_handle_list_hosts(BerthTx *tx, BerthRequest *request);
int berth_handle_list_users(BerthTx *tx, BerthRequest *request);
int berth_handle_list_images(BerthTx *tx, BerthRequest *request);
int berth_handle_list_audit(BerthTx *tx, BerthRequest *request);
int berth_handle_explain_user(BerthTx *tx, BerthRequest *request);
int berth_handle_message(BerthTx *tx, BerthRequest *request);
int berth_handle_verify_audit(BerthTx *tx, BerthRequest *request);
int berth_handle_fsck(BerthTx *tx, BerthRequest *request);

/* admin-write.c: what administrators change. */
int berth_handle_disconnect(BerthTx *tx, BerthRequest *request);
int berth_handle_logoff(BerthTx *tx, BerthRequest *request);
int berth_handle_shadow(BerthTx *tx, BerthRequest *request);

/* pools.c: pools. */
int berth_handle_add_pool(BerthTx *tx, BerthRequest *request);
int berth_handle_get_pool(BerthTx *tx, BerthRequest *request);
int berth_handle_change_pool(BerthTx *tx, BerthRequest *request);
int berth_handle_remove_pool(BerthTx *tx, BerthRequest *request);
int berth_handle_explain_pool(BerthTx *tx, BerthRequest *request);
int berth_handle_reset_breakers(BerthTx *tx, BerthRequest *request);

/* machines.c: one machine. */
int berth_handle_get_machine(BerthTx *tx, BerthRequest *request);
int berth_handle_add_machine(BerthTx *tx, BerthRequest *request);
int berth_handle_remove_machine(BerthTx *tx, BerthRequest *request);
int berth_handle_recycle(BerthTx *tx, BerthRequest *request);
int berth_handle_hold_machine(BerthTx *tx, BerthRequest *request);
int berth_handle_release_machine(BerthTx *tx, BerthRequest *request);
int berth_handle_start_machine(BerthTx *tx, BerthRequest *request);
int berth_handle_stop_machine(BerthTx *tx, BerthRequest *request);

/* hosts.c: hosts. */
int berth_handle_add_host(BerthTx *tx, BerthRequest *request);
int berth_handle_get_host(BerthTx *tx, BerthRequest *request);
int berth_handle_change_host(BerthTx *tx, BerthRequest *request);
int berth_handle_remove_host(BerthTx *tx, BerthRequest *request);
int berth_handle_drain_host(BerthTx *tx, BerthRequest *request);
int berth_handle_undrain_host(BerthTx *tx, BerthRequest *request);
int berth_handle_host_maintenance(BerthTx *tx, BerthRequest *request);
int berth_handle_fence_host(BerthTx *tx, BerthRequest *request);

/* images.c: images. */
int berth_handle_add_image(BerthTx *tx, BerthRequest *request);
int berth_handle_get_image(BerthTx *tx, BerthRequest *request);
int berth_handle_change_image(BerthTx *tx, BerthRequest *request);
int berth_handle_remove_image(BerthTx *tx, BerthRequest *request);

/* image-versions.c: versions of images. */
int berth_handle_list_versions(BerthTx *tx, BerthRequest *request);
int berth_handle_add_version(BerthTx *tx, BerthRequest *request);
int berth_handle_get_version(BerthTx *tx, BerthRequest *request);
int berth_handle_change_version(BerthTx *tx, BerthRequest *request);
int berth_handle_remove_version(BerthTx *tx, BerthRequest *request);
int berth_handle_retire_version(BerthTx *tx, BerthRequest *request);
int berth_handle_revive_version(BerthTx *tx, BerthRequest *request);
int berth_handle_get_version_of_image(BerthTx *tx, BerthRequest *request);
int berth_handle_remove_version_of_image(BerthTx *tx, BerthRequest *request);
int berth_handle_retire_version_of_image(BerthTx *tx, BerthRequest *request);
int berth_handle_revive_version_of_image(BerthTx *tx, BerthRequest *request);
int berth_handle_image_gc(BerthTx *tx, BerthRequest *request);

/* image-limit.c: how fast hosts fetch images. */
int berth_handle_get_image_limit(BerthTx *tx, BerthRequest *request);
int berth_handle_set_image_limit(BerthTx *tx, BerthRequest *request);

/* image-tags.c: tags of images. */
int berth_handle_list_tags(BerthTx *tx, BerthRequest *request);
int berth_handle_set_tag(BerthTx *tx, BerthRequest *request);
int berth_handle_remove_tag(BerthTx *tx, BerthRequest *request);

/* image-edit.c: versions in the making, and what changed. */
int berth_handle_edit_image(BerthTx *tx, BerthRequest *request);
int berth_handle_run_in_version(BerthTx *tx, BerthRequest *request);
int berth_handle_seal_version(BerthTx *tx, BerthRequest *request);
int berth_handle_discard_edit(BerthTx *tx, BerthRequest *request);
int berth_handle_try_version(BerthTx *tx, BerthRequest *request);
int berth_handle_end_trial(BerthTx *tx, BerthRequest *request);
int berth_handle_diff_versions(BerthTx *tx, BerthRequest *request);

/* schedules.c: schedules. */
int berth_handle_list_schedules(BerthTx *tx, BerthRequest *request);
int berth_handle_add_schedule(BerthTx *tx, BerthRequest *request);
int berth_handle_get_schedule(BerthTx *tx, BerthRequest *request);
int berth_handle_change_schedule(BerthTx *tx, BerthRequest *request);
int berth_handle_remove_schedule(BerthTx *tx, BerthRequest *request);

/* capacity.c: what there is and what is used. */
int berth_handle_report_capacity(BerthTx *tx, BerthRequest *request);

/* user-disks.c: disks of users. */
int berth_handle_list_user_disks(BerthTx *tx, BerthRequest *request);
int berth_handle_get_user_disk(BerthTx *tx, BerthRequest *request);
int berth_handle_add_user_disk(BerthTx *tx, BerthRequest *request);
int berth_handle_grow_user_disk(BerthTx *tx, BerthRequest *request);
int berth_handle_detach_user_disk(BerthTx *tx, BerthRequest *request);
int berth_handle_remove_user_disk(BerthTx *tx, BerthRequest *request);
int berth_handle_list_disk_points(BerthTx *tx, BerthRequest *request);
int berth_handle_snapshot_user_disk(BerthTx *tx, BerthRequest *request);
int berth_handle_restore_user_disk(BerthTx *tx, BerthRequest *request);
int berth_handle_export_user_disk(BerthTx *tx, BerthRequest *request);
int berth_handle_import_user_disk(BerthTx *tx, BerthRequest *request);
int berth_handle_drop_disk_point(BerthTx *tx, BerthRequest *request);

/* policies.c: rules of all levels but the pool's. */
int berth_handle_list_policies(BerthTx *tx, BerthRequest *request);
int berth_handle_set_policy(BerthTx *tx, BerthRequest *request);
int berth_handle_remove_policy(BerthTx *tx, BerthRequest *request);
int berth_handle_explain_policy(BerthTx *tx, BerthRequest *request);
int berth_handle_policy_preset(BerthTx *tx, BerthRequest *request);

/* entitlements.c: who may have which desktops. */
int berth_handle_list_entitlements(BerthTx *tx, BerthRequest *request);
int berth_handle_add_entitlement(BerthTx *tx, BerthRequest *request);
int berth_handle_remove_entitlement(BerthTx *tx, BerthRequest *request);

/* grants.c: who has which role. */
int berth_handle_list_grants(BerthTx *tx, BerthRequest *request);
int berth_handle_add_grant(BerthTx *tx, BerthRequest *request);
int berth_handle_remove_grant(BerthTx *tx, BerthRequest *request);

/* openapi.c: the document of the API.  Thread: main. */
void berth_handle_openapi(BerthRequest *request);

/* events.c: watching.  Thread: main. */
void berth_handle_events(BerthRequest *request);

/* reports.c: what was used, and who failed to log in. */
int berth_handle_usage(BerthTx *tx, BerthRequest *request);
int berth_handle_peak(BerthTx *tx, BerthRequest *request);
int berth_handle_failed_logins(BerthTx *tx, BerthRequest *request);

/* operations.c: long work. */
int berth_handle_list_operations(BerthTx *tx, BerthRequest *request);
int berth_handle_operation(BerthTx *tx, BerthRequest *request);

/* internal.c: for gateways and probes. */
void berth_handle_add_upload(BerthRequest *request);
void berth_handle_list_uploads(BerthRequest *request);
void berth_handle_get_upload(BerthRequest *request);
void berth_handle_write_upload(BerthRequest *request);
void berth_handle_finish_upload(BerthRequest *request);
void berth_handle_remove_upload(BerthRequest *request);
void berth_handle_alive(BerthRequest *request);
void berth_handle_ready(BerthRequest *request);
void berth_handle_set_log(BerthRequest *request);
int berth_handle_host_addresses(BerthTx *tx, BerthRequest *request);
void berth_handle_health(BerthRequest *request);
int berth_handle_metrics(BerthTx *tx, BerthRequest *request);

/*
 * Looks up what a member of the body names, by name or id.
 *
 * statement:  FIND_*
 * key:        "pool": of the member, and for the sentence of an error
 * ret_id:     set on success only; "" if the member was not given
 *
 * Errors: BERTH_ERR_NOT_FOUND, those of berth_tx_run().
 */
int berth_request_find(BerthTx *tx, BerthRequest *request, BerthStatement statement,
                       const char *key, char ret_id[BERTH_ID_HEX_CHARS + 1]);

/*
 * Finds a version of an image by its number or id.
 *
 * Errors: BERTH_ERR_NOT_FOUND with a sentence, those of berth_tx_run().
 */
int berth_request_find_version(BerthTx *tx, BerthRequest *request, const char *image,
                               const char *wanted, char ret_id[BERTH_ID_HEX_CHARS + 1]);

/*
 * Whether the id in the path is that of something: a part of nothing is not an empty list.
 *
 * Errors: BERTH_ERR_NOT_FOUND, those of berth_tx_run().
 */
int berth_request_find_owner(BerthTx *tx, BerthRequest *request, BerthStatement statement,
                             const char *kind);

/*
 * Refuses what an API token may not do: only a login by a person may.
 *
 * Errors: BERTH_ERR_FORBIDDEN, BERTH_ERR_EXPIRED, those of berth_tx_run().
 */
int berth_request_needs_login(BerthTx *tx, BerthRequest *request);

/* Who makes a change, for the audit log. */
BerthCause berth_request_cause(const BerthRequest *request);

/* Fills in detail (printf's) and returns error: how a handler gives up. */
int berth_request_explain(BerthRequest *request, int error, const char *detail, ...)
    G_GNUC_PRINTF(3, 4);
