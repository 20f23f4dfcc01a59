/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Uploads of images: begun for an image, sent in pieces, finished by an import.  An upload is its
 * owner's alone.
 */
#include "broker/api/handlers.h"

#include "base/error.h"
#include "base/id.h"
#include "broker/broker.h"
#include "broker/depot/depot.h"

#include <string.h>

/* What waits for the depot; the request may have lost its client meanwhile, not its memory. */
typedef struct {
    BerthRequest *request;
    char upload[BERTH_ID_HEX_CHARS + 1];
} Wait;

static Wait *
new_wait(BerthRequest *request, const BerthUpload *upload)
{
    Wait *wait = g_new0(Wait, 1);
    wait->request = request;
    g_strlcpy(wait->upload, upload->id, sizeof(wait->upload));
    berth_request_clear_deadline(request); /* a file is waited for, not the store */
    return wait;
}

/* The upload as it is now; fails the request if it went meanwhile or there was an error. */
static BerthUpload *
end_wait(Wait *wait, int code, const char *detail)
{
    BerthRequest *request = wait->request;
    BerthUpload *upload = berth_depot_find(request->broker->depot, wait->upload, request->account);
    if (code == BERTH_OK && upload == NULL) {
        code = BERTH_ERR_NOT_FOUND;
    }
    if (code != BERTH_OK) {
        request->retry_after_s = code == BERTH_ERR_BUSY ? 1 : 0;
        berth_request_fail(request, code, "%s", detail);
        return NULL;
    }
    return upload;
}

/* The upload that the path names, if it is the caller's. */
static BerthUpload *
find(BerthRequest *request)
{
    BerthUpload *upload = berth_depot_find(request->broker->depot, request->id, request->account);
    if (upload == NULL) {
        berth_request_fail(request, BERTH_ERR_NOT_FOUND, "you have no upload \"%s\" at this broker",
                           request->id);
    }
    return upload;
}

static uint64_t
size_of(const BerthRequest *request, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(request->body, key));
}

static char *
dup_text(const BerthRequest *request, const char *key)
{
    const char *text = berth_body_text(request->body, key);
    return g_strdup(text != NULL ? text : "");
}

static BerthUpload *
read_upload(BerthRequest *request)
{
    g_auto(BerthVersionMachine) machine = { 0 };
    g_autoptr(GError) error = NULL;
    if (!berth_version_machine_parse(berth_body_json(request->body, "machine"), &machine, &error)) {
        berth_request_fail(request, error->code, "%s", error->message);
        return NULL;
    }
    BerthUpload *upload = g_new0(BerthUpload, 1);
    berth_id_random_hex(upload->id);
    g_strlcpy(upload->image, request->id, sizeof(upload->image));
    g_strlcpy(upload->account, request->account, sizeof(upload->account));
    upload->actor = g_strdup(request->actor);
    upload->format = dup_text(request, "format");
    upload->changelog = dup_text(request, "changelog");
    upload->path = g_strdup(berth_body_text(request->body, "path"));
    upload->machine = berth_version_machine_to_json(&machine);
    upload->created_us = request->now_us;
    upload->files[BERTH_VERSION_DISK].size_bytes = size_of(request, "size_bytes");
    upload->files[BERTH_VERSION_KERNEL].size_bytes = size_of(request, "kernel_bytes");
    upload->files[BERTH_VERSION_INITRD].size_bytes = size_of(request, "initrd_bytes");
    return upload;
}

/* What the manifest would refuse when everything has been sent. */
static const char *
find_problem(const BerthUpload *upload)
{
    bool has_disk = upload->path != NULL || upload->files[BERTH_VERSION_DISK].size_bytes > 0;
    bool has_kernel = upload->files[BERTH_VERSION_KERNEL].size_bytes > 0;
    const char *cmdline = json_string_value(json_object_get(upload->machine, "cmdline"));
    if (upload->path != NULL && upload->files[BERTH_VERSION_DISK].size_bytes > 0) {
        return "give \"path\" or \"size_bytes\", not both";
    }
    if (!has_disk && !has_kernel) {
        return "say how many bytes will come: \"size_bytes\" of the disk, or \"kernel_bytes\"";
    }
    if (!has_kernel && (upload->files[BERTH_VERSION_INITRD].size_bytes > 0 ||
                        (cmdline != NULL && cmdline[0] != '\0'))) {
        return "an initrd or a command line needs a kernel: \"kernel_bytes\"";
    }
    return NULL;
}

static void
add_done(int code, const char *detail, void *user_data)
{
    Wait *wait = user_data;
    BerthRequest *request = wait->request;
    const BerthUpload *upload = end_wait(wait, code, detail);
    if (upload != NULL) {
        request->location = g_strconcat("/v1/uploads/", upload->id, NULL);
        berth_request_reply(request, 201, berth_upload_to_json(upload));
    }
    g_free(wait);
}

void
berth_handle_add_upload(BerthRequest *request)
{
    g_autoptr(BerthUpload) upload = read_upload(request);
    if (upload == NULL) {
        return;
    }
    const char *problem = find_problem(upload);
    if (problem != NULL) {
        berth_request_fail(request, BERTH_ERR_INVALID, "%s", problem);
        return;
    }
    Wait *wait = new_wait(request, upload);
    berth_depot_add(request->broker->depot, g_steal_pointer(&upload), add_done, wait);
}

void
berth_handle_list_uploads(BerthRequest *request)
{
    json_t *list = berth_depot_list(request->broker->depot, request->account);
    berth_request_reply(request, 200, json_pack("{s:o}", "uploads", list));
}

void
berth_handle_get_upload(BerthRequest *request)
{
    const BerthUpload *upload = find(request);
    if (upload != NULL) {
        berth_request_reply(request, 200, berth_upload_to_json(upload));
    }
}

static void
write_done(int code, const char *detail, void *user_data)
{
    Wait *wait = user_data;
    const BerthUpload *upload = end_wait(wait, code, detail);
    if (upload != NULL) {
        berth_request_reply(wait->request, 200, berth_upload_to_json(upload));
    }
    g_free(wait);
}

static BerthVersionFileRole
role_of(const BerthRequest *request)
{
    const char *name = json_string_value(json_object_get(request->query, "role"));
    for (int i = 0; name != NULL && i < BERTH_VERSION_N_FILES; i++) {
        if (strcmp(name, berth_version_role_name((BerthVersionFileRole)i)) == 0) {
            return (BerthVersionFileRole)i;
        }
    }
    return BERTH_VERSION_DISK;
}

void
berth_handle_write_upload(BerthRequest *request)
{
    BerthUpload *upload = find(request);
    if (upload == NULL) {
        return;
    }
    GBytes *bytes = g_byte_array_free_to_bytes(g_steal_pointer(&request->input));
    request->input = g_byte_array_new();
    uint64_t offset = (uint64_t)json_integer_value(json_object_get(request->query, "offset"));
    berth_depot_write(request->broker->depot, upload, role_of(request), offset, bytes, write_done,
                      new_wait(request, upload));
}

static void
finish_done(int code, const char *detail, void *user_data)
{
    Wait *wait = user_data;
    BerthRequest *request = wait->request;
    const BerthUpload *upload = end_wait(wait, code, detail);
    if (upload != NULL) {
        request->location = g_strconcat("/v1/operations/", upload->operation, NULL);
        berth_request_reply(
            request, 202,
            json_pack("{s:s, s:s}", "operation", upload->operation, "version", upload->version));
    }
    g_free(wait);
}

void
berth_handle_finish_upload(BerthRequest *request)
{
    BerthUpload *upload = find(request);
    if (upload != NULL) {
        berth_depot_import(request->broker->depot, upload, finish_done, new_wait(request, upload));
    }
}

void
berth_handle_remove_upload(BerthRequest *request)
{
    BerthUpload *upload = find(request);
    if (upload == NULL) {
        return;
    }
    int error = berth_depot_remove(request->broker->depot, upload);
    if (error != BERTH_OK) {
        berth_request_fail(request, error, "it is being written or imported");
        return;
    }
    berth_request_reply(request, 204, NULL);
}
