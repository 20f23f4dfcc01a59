/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every command of berthctl works with: a client that is logged in, and how to answer.
 */
#pragma once

#include "broker/ctl/client.h"
#include "broker/ctl/command.h"
#include "broker/ctl/kind.h"

struct BerthCtl {
    BerthCtlClient *client;
    bool is_json;     /* answers for scripts */
    bool is_terminal; /* stderr is one: progress may be drawn */
    const char *url;  /* of the gateway, and the site's certificate; NULL with a socket */
    const char *ca_file;
};

/*
 * The id of a thing that a user named.
 *
 * name:  a name, or an id
 *
 * Returns text to be freed with g_free(); NULL on error: BERTH_ERR_NOT_FOUND, BERTH_ERR_INVALID for
 * a name that several things have.
 */
char *berth_ctl_lookup(BerthCtl *ctl, const BerthCtlKind *kind, const char *name, GError **error);

/* Prints JSON for scripts; for people the table, the object, or "ok". */
void berth_ctl_print(const BerthCtl *ctl, const json_t *reply, const char *list,
                     const char *columns);

/*
 * Draws a bar and a short text over the line before; for a terminal, ended by a line end.
 *
 * text:  may be NULL
 */
void berth_ctl_draw_progress(int percent, const char *text);

/*
 * One request as berth_ctl_client_call(); an answer that became an operation is waited for, with a
 * progress bar for people, and the operation's result is the reply.
 */
bool berth_ctl_call(BerthCtl *ctl, const char *method, const char *path, const json_t *body,
                    const char *if_match, json_t **ret_reply, GError **error);

/*
 * All rows of a list, page after page.
 *
 * path:    "/v1/pools", with or without a query
 * member:  of the answer that has the rows
 *
 * Ownership: new reference to an array.  Errors: as berth_ctl_call().  Returns NULL on
 * error.
 */
json_t *berth_ctl_list(BerthCtl *ctl, const char *path, const char *member, GError **error);

/*
 * The id of a version of an image, for g_free().
 *
 * image:   name or id
 * number:  of the version, or its id
 *
 * Errors: as berth_ctl_lookup() and berth_ctl_client_call().  Returns NULL on error.
 */
char *berth_ctl_find_version(BerthCtl *ctl, const char *image, const char *number, GError **error);

/* From now on Ctrl-C and an end by kill let the command clean up; asks whether one came. */
void berth_ctl_catch_interrupts(BerthCtl *ctl);
bool berth_ctl_is_interrupted(void);

/* Commands of more than one request, as func of the command table. */
bool berth_ctl_run_get(BerthCtl *ctl, const BerthCtlCall *call, GError **error);
bool berth_ctl_run_delete(BerthCtl *ctl, const BerthCtlCall *call, GError **error);
bool berth_ctl_run_diff(BerthCtl *ctl, const BerthCtlCall *call, GError **error);
bool berth_ctl_run_apply(BerthCtl *ctl, const BerthCtlCall *call, GError **error);
bool berth_ctl_run_image_import(BerthCtl *ctl, const BerthCtlCall *call, GError **error);
bool berth_ctl_run_top(BerthCtl *ctl, const BerthCtlCall *call, GError **error);
bool berth_ctl_run_connect_as_test(BerthCtl *ctl, const BerthCtlCall *call, GError **error);
bool berth_ctl_run_set_policy(BerthCtl *ctl, const BerthCtlCall *call, GError **error);
bool berth_ctl_run_remove_policy(BerthCtl *ctl, const BerthCtlCall *call, GError **error);
bool berth_ctl_run_image_edit(BerthCtl *ctl, const BerthCtlCall *call, GError **error);
bool berth_ctl_run_image_run(BerthCtl *ctl, const BerthCtlCall *call, GError **error);
bool berth_ctl_run_image_seal(BerthCtl *ctl, const BerthCtlCall *call, GError **error);
bool berth_ctl_run_image_discard(BerthCtl *ctl, const BerthCtlCall *call, GError **error);
bool berth_ctl_run_image_diff(BerthCtl *ctl, const BerthCtlCall *call, GError **error);
bool berth_ctl_run_image_test(BerthCtl *ctl, const BerthCtlCall *call, GError **error);
bool berth_ctl_run_image_status(BerthCtl *ctl, const BerthCtlCall *call, GError **error);
bool berth_ctl_run_link(BerthCtl *ctl, const BerthCtlCall *call, GError **error);
bool berth_ctl_run_explain_user(BerthCtl *ctl, const BerthCtlCall *call, GError **error);

/* Commands that need no login: the command line of a shell's completion, and the local store. */
bool berth_ctl_print_completion(const char *shell, GError **error);
