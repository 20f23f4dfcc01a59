/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sends the files of an image in pieces and waits for the version: what was cut off goes on where
 * it was, as often as the connection comes back, and by --resume after that.
 */
#include "broker/ctl/ctl.h"

#include "base/cleanup.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A minute of a slow line is enough for one. */
#define PIECE_BYTES (4u * 1024 * 1024)
#define MAX_TRIES 10
#define TRY_EVERY_MS 1000

enum {
    DISK,
    KERNEL,
    INITRD,
    N_FILES,
};

static const char *const roles[] = { [DISK] = "disk", [KERNEL] = "kernel", [INITRD] = "initrd" };
static const char *const size_keys[] = {
    [DISK] = "size_bytes", [KERNEL] = "kernel_bytes", [INITRD] = "initrd_bytes"
};

typedef struct {
    BerthCtl *ctl;
    const char *upload;
    const char *role;
    int fd;
    uint64_t size_bytes;
    uint8_t *piece;
} Send;

static bool
fail_errno(GError **error, const char *path)
{
    return berth_set_error(error, berth_error_from_errno(errno), "cannot read \"%s\": %s", path,
                           g_strerror(errno));
}

/* The body of the first request: what the options say, and the sizes of the files. */
static json_t *
make_body(const BerthCtlCall *call, const char *const *paths, GError **error)
{
    json_t *body = call->body != NULL ? json_deep_copy(call->body) : json_object();
    if (berth_ctl_call_has(call, "incoming")) {
        json_object_set_new(body, "path", json_string(paths[DISK]));
    }
    for (int i = berth_ctl_call_has(call, "incoming") ? KERNEL : DISK; i < N_FILES; i++) {
        struct stat status;
        if (paths[i] == NULL) {
            continue;
        }
        if (stat(paths[i], &status) < 0) {
            fail_errno(error, paths[i]);
            json_decref(body);
            return NULL;
        }
        json_object_set_new(body, size_keys[i], json_integer(status.st_size));
    }
    return body;
}

/* Begins an upload, or finds the one to go on with; a new reference. */
static json_t *
find_upload(BerthCtl *ctl, const BerthCtlCall *call, const char *const *paths, GError **error)
{
    json_t *upload = NULL;
    const char *id = berth_ctl_call_get(call, "resume");
    if (id != NULL) {
        g_autofree char *path = g_strconcat("/v1/uploads/", id, NULL);
        (void)berth_ctl_client_call(ctl->client, "GET", path, NULL, NULL, &upload, error);
        return upload;
    }
    g_autofree char *image =
        berth_ctl_lookup(ctl, berth_ctl_find_kind("images"), call->args[0], error);
    json_auto_t *body = image != NULL ? make_body(call, paths, error) : NULL;
    if (body == NULL) {
        return NULL;
    }
    g_autofree char *path = g_strdup_printf("/v1/images/%s/import", image);
    (void)berth_ctl_client_call(ctl->client, "POST", path, body, NULL, &upload, error);
    return upload;
}

/* Bytes of a file that the broker has, as it says. */
static uint64_t
received(const json_t *upload, const char *role)
{
    size_t i = 0;
    json_t *file = NULL;
    json_array_foreach (json_object_get(upload, "files"), i, file) {
        if (g_strcmp0(json_string_value(json_object_get(file, "role")), role) == 0) {
            return (uint64_t)json_integer_value(json_object_get(file, "received_bytes"));
        }
    }
    return 0;
}

static bool
ask_received(const Send *send, uint64_t *ret, GError **error)
{
    json_auto_t *upload = NULL;
    g_autofree char *path = g_strconcat("/v1/uploads/", send->upload, NULL);
    if (!berth_ctl_client_call(send->ctl->client, "GET", path, NULL, NULL, &upload, error)) {
        return false;
    }
    *ret = received(upload, send->role);
    return true;
}

static bool
send_piece(Send *send, uint64_t *offset, GError **error)
{
    json_auto_t *upload = NULL;
    ssize_t n = pread(send->fd, send->piece, PIECE_BYTES, (off_t)*offset);
    if (n <= 0) {
        return berth_set_error(error, BERTH_ERR_TRUNCATED, "the %s became shorter", send->role);
    }
    g_autofree char *path = g_strdup_printf("/v1/uploads/%s?offset=%" G_GUINT64_FORMAT "&role=%s",
                                            send->upload, *offset, send->role);
    if (!berth_ctl_client_put(send->ctl->client, path, send->piece, (size_t)n, &upload, error)) {
        return false;
    }
    *offset += (uint64_t)n;
    if (send->ctl->is_terminal) {
        g_autofree char *text = g_strdup_printf("sending the %s", send->role);
        berth_ctl_draw_progress((int)(*offset * 100 / send->size_bytes), text);
    }
    return true;
}

/* Whether it is worth to ask again: the connection or the broker may come back. */
static bool
may_pass(int code)
{
    return code == BERTH_ERR_IO || code == BERTH_ERR_BUSY || code == BERTH_ERR_THROTTLED ||
           code == BERTH_ERR_STORE_DOWN || code == BERTH_ERR_STATE;
}

static bool
send_all(Send *send, uint64_t offset, GError **error)
{
    int n_tries = 0;
    while (offset < send->size_bytes) {
        g_autoptr(GError) problem = NULL;
        if (send_piece(send, &offset, &problem)) {
            n_tries = 0;
            continue;
        }
        if (!may_pass(problem->code) || ++n_tries > MAX_TRIES) {
            return berth_set_error(error, problem->code, "%s; go on with: --resume %s",
                                   problem->message, send->upload);
        }
        poll(NULL, 0, TRY_EVERY_MS);
        (void)ask_received(send, &offset, NULL); /* if it fails, so does the next piece */
    }
    return true;
}

static bool
send_file(BerthCtl *ctl, const json_t *upload, int role, const char *path, GError **error)
{
    struct stat status;
    g_autofree uint8_t *piece = g_malloc(PIECE_BYTES);
    berth_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0) {
        return fail_errno(error, path);
    }
    Send send = {
        .ctl = ctl,
        .upload = json_string_value(json_object_get(upload, "id")),
        .role = roles[role],
        .fd = fd,
        .size_bytes = (uint64_t)status.st_size,
        .piece = piece,
    };
    bool is_good = send_all(&send, received(upload, roles[role]), error);
    if (ctl->is_terminal) {
        fputc('\n', stderr);
    }
    return is_good;
}

bool
berth_ctl_run_image_import(BerthCtl *ctl, const BerthCtlCall *call, GError **error)
{
    const char *const paths[] = { call->args[1], berth_ctl_call_get(call, "kernel"),
                                  berth_ctl_call_get(call, "initrd") };
    json_auto_t *upload = find_upload(ctl, call, paths, error);
    if (upload == NULL) {
        return false;
    }
    for (int i = berth_ctl_call_has(call, "incoming") ? KERNEL : DISK; i < N_FILES; i++) {
        if (paths[i] != NULL && !send_file(ctl, upload, i, paths[i], error)) {
            return false;
        }
    }
    json_auto_t *reply = NULL;
    g_autofree char *path =
        g_strdup_printf("/v1/uploads/%s/finish", json_string_value(json_object_get(upload, "id")));
    if (!berth_ctl_call(ctl, "POST", path, NULL, NULL, &reply, error)) {
        return false;
    }
    berth_ctl_print(ctl, reply, NULL, NULL);
    return true;
}
