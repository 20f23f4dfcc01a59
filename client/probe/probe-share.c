/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/probe/probe-share.h"

#include "client/core/file-saver.h"
#include "client/core/file-sender.h"

#include "base/error.h"

#include <string.h>

struct BerthProbeShare {
    BerthShare *share;
    BerthFileSender *sender;
    BerthFileSaver *saver;
    GArray *offers; /* ids of files of the desktop, the oldest first */
    void (*changed)(void *);
    void *user_data;

    BerthClipboardType own_type;
    GBytes *own;     /* what was copied here; NULL: nothing */
    unsigned guest;  /* types of what the guest copied */
    GBytes *content; /* that came */

    const BerthProbeAction *action;
    BerthClipboardType type; /* that is pasted */
    bool is_asked;
    bool is_begun;     /* the file was handed over */
    bool is_collected; /* and all of it was found */
    BerthFileStatus worst;
    uint32_t taken; /* id of the file that is being saved */
    bool is_taking;
    char *path; /* that it got */
    GError *error;
};

static void
on_offered(BerthSelection selection, unsigned types, void *user_data)
{
    BerthProbeShare *self = user_data;

    if (selection == BERTH_SELECTION_CLIPBOARD) {
        self->guest = types;
        self->changed(self->user_data);
    }
}

static void
on_content(BerthSelection selection, BerthClipboardType type, BerthClipboardStatus status,
           GBytes *content, void *user_data)
{
    BerthProbeShare *self = user_data;

    self->is_asked = false;
    if (status == BERTH_CLIPBOARD_OK) {
        self->content = g_bytes_ref(content);
    } else if (status != BERTH_CLIPBOARD_GONE && self->error == NULL) {
        /* What is gone will be offered again. */
        berth_set_error(&self->error,
                        status == BERTH_CLIPBOARD_TOO_LARGE ? BERTH_ERR_TOO_LARGE
                                                            : BERTH_ERR_FORBIDDEN,
                        "%s", berth_clipboard_status_sentence(status));
    }
    self->changed(self->user_data);
}

static void
on_wanted(BerthSelection selection, BerthClipboardType type, uint32_t serial, void *user_data)
{
    BerthProbeShare *self = user_data;
    bool is_there = self->own != NULL && type == self->own_type;

    berth_clipboard_share_give(berth_share_get_clipboard(self->share), selection, serial, type,
                               is_there ? BERTH_CLIPBOARD_OK : BERTH_CLIPBOARD_GONE, self->own);
}

static void
note_status(BerthProbeShare *self, BerthFileStatus status)
{
    if (status != BERTH_FILE_DONE) {
        self->worst = status;
    }
    self->changed(self->user_data);
}

static void
on_ended(uint32_t id, BerthFileStatus status, void *user_data)
{
    note_status(user_data, status);
}

static void
on_refused(const char *name, BerthFileStatus status, void *user_data)
{
    note_status(user_data, status);
}

static void
on_collected(void *user_data)
{
    BerthProbeShare *self = user_data;

    self->is_collected = true;
    self->changed(self->user_data);
}

static void
on_changed(void *user_data)
{
    BerthProbeShare *self = user_data;

    self->changed(self->user_data);
}

static void
on_file_offered(uint32_t id, const char *name, uint64_t size_bytes, void *user_data)
{
    BerthProbeShare *self = user_data;

    g_array_append_val(self->offers, id);
    self->changed(self->user_data);
}

static void
on_file_progress(uint32_t id, uint64_t n_bytes, uint64_t size_bytes, void *user_data)
{
    /* Only the end counts. */
}

static void
forget_offer(BerthProbeShare *self, uint32_t id)
{
    for (guint i = 0; i < self->offers->len; i++) {
        if (g_array_index(self->offers, uint32_t, i) == id) {
            g_array_remove_index(self->offers, i);
            return;
        }
    }
}

static void
on_file_ended(uint32_t id, BerthFileStatus status, const char *path, void *user_data)
{
    BerthProbeShare *self = user_data;

    forget_offer(self, id);
    if (self->is_taking && self->taken == id) {
        self->is_taking = false;
        self->path = g_strdup(path);
        note_status(self, status);
    }
}

static const BerthFileSaverCallbacks saver_callbacks = {
    .offered = on_file_offered,
    .progress = on_file_progress,
    .ended = on_file_ended,
};

static const BerthClipboardListener clipboard_listener = {
    .offered = on_offered,
    .content = on_content,
    .wanted = on_wanted,
};

static const BerthFileSenderCallbacks sender_callbacks = {
    .ended = on_ended,
    .refused = on_refused,
    .collected = on_collected,
    .changed = on_changed,
};

/* What a file holds, by its name: a picture, HTML, or text. */
static BerthClipboardType
type_of(const char *path)
{
    if (g_str_has_suffix(path, ".png")) {
        return BERTH_CLIPBOARD_PNG;
    }
    return g_str_has_suffix(path, ".html") ? BERTH_CLIPBOARD_HTML : BERTH_CLIPBOARD_TEXT;
}

static void
copy(BerthProbeShare *self)
{
    const char *path = self->action->text;
    char *data = NULL;
    gsize len = 0;

    if (!g_file_get_contents(path, &data, &len, NULL)) {
        berth_set_error(&self->error, BERTH_ERR_IO, "'%s' cannot be read; give another file", path);
        return;
    }
    g_clear_pointer(&self->own, g_bytes_unref);
    self->own = g_bytes_new_take(data, len);
    self->own_type = type_of(path);
    berth_clipboard_share_own(berth_share_get_clipboard(self->share), BERTH_SELECTION_CLIPBOARD,
                              BERTH_CLIPBOARD_BIT(self->own_type));
}

/* One that was not saved in time is not wanted any more. */
static void
stop_taking(BerthProbeShare *self)
{
    bool was_taking = self->is_taking;

    self->is_taking = false;
    if (was_taking) {
        berth_file_saver_refuse(self->saver, self->taken);
    }
}

void
berth_probe_share_start(BerthProbeShare *self, const BerthProbeAction *action)
{
    self->action = action;
    g_clear_error(&self->error);
    g_clear_pointer(&self->content, g_bytes_unref);
    self->is_asked = false;
    self->is_begun = false;
    self->is_collected = false;
    self->worst = BERTH_FILE_DONE;
    stop_taking(self);
    g_clear_pointer(&self->path, g_free);
    if (action->row->kind == BERTH_PROBE_COPY) {
        copy(self);
    } else if (action->row->kind == BERTH_PROBE_PASTE) {
        self->type = type_of(action->text);
    }
}

static bool
look_copy(BerthProbeShare *self, GError **ret_error)
{
    unsigned flags = berth_clipboard_share_get_flags(berth_share_get_clipboard(self->share));
    unsigned wanted = BERTH_SHARE_TO_GUEST | BERTH_SHARE_AGENT;

    if ((flags & wanted) == wanted) {
        return true;
    }
    berth_set_error(ret_error, BERTH_ERR_FORBIDDEN, "%s",
                    (flags & BERTH_SHARE_TO_GUEST) != 0 ? "the guest's agent is not there"
                                                        : "copying to this desktop is not allowed");
    return false;
}

static bool
look_paste(BerthProbeShare *self, GError **ret_error)
{
    BerthClipboardShare *clipboard = berth_share_get_clipboard(self->share);
    gsize len = 0;
    const char *data;

    if (self->content != NULL) {
        data = g_bytes_get_data(self->content, &len);
        if (!g_file_set_contents(self->action->text, data != NULL ? data : "", (gssize)len, NULL)) {
            berth_set_error(ret_error, BERTH_ERR_IO, "'%s' cannot be written", self->action->text);
        }
        return true;
    }
    if (!self->is_asked && (self->guest & BERTH_CLIPBOARD_BIT(self->type)) != 0) {
        self->is_asked = true;
        berth_clipboard_share_ask(clipboard, BERTH_SELECTION_CLIPBOARD, self->type);
    }
    berth_set_error(ret_error, BERTH_ERR_TIMEOUT, "the desktop has nothing of that kind to paste");
    return false;
}

static bool
look_send(BerthProbeShare *self, GError **ret_error)
{
    BerthFileDrop *files = berth_share_get_files(self->share);
    BerthFileStatus status = berth_file_drop_get_status(files);
    const char *paths[] = { NULL, NULL };

    if (!self->is_begun && status != BERTH_FILE_SEND) {
        berth_set_error(ret_error, BERTH_ERR_FORBIDDEN, "%s", berth_file_status_sentence(status));
        return false;
    }
    if (!self->is_begun) {
        g_autofree char *path = g_canonicalize_filename(self->action->text, NULL);

        self->is_begun = true;
        paths[0] = path;
        berth_file_sender_send(self->sender, paths);
    }
    if (!self->is_collected || berth_file_drop_get_n_files(files) > 0) {
        berth_set_error(ret_error, BERTH_ERR_TIMEOUT, "the file is not there yet");
        return false;
    }
    if (self->worst != BERTH_FILE_DONE) {
        berth_set_error(ret_error, BERTH_ERR_FORBIDDEN, "%s",
                        berth_file_status_sentence(self->worst));
    }
    return true;
}

static bool
look_take(BerthProbeShare *self, GError **ret_error)
{
    if (self->path != NULL) {
        return true;
    }
    if (self->worst != BERTH_FILE_DONE) {
        berth_set_error(ret_error, BERTH_ERR_IO, "%s", berth_file_status_sentence(self->worst));
        return true;
    }
    if (!self->is_taking && self->offers->len > 0) {
        self->is_taking = true;
        self->taken = g_array_index(self->offers, uint32_t, 0);
        g_array_remove_index(self->offers, 0);
        berth_file_saver_set_folder(self->saver, self->action->text);
        berth_file_saver_accept(self->saver, self->taken);
    }
    berth_set_error(ret_error, BERTH_ERR_TIMEOUT, "%s",
                    self->is_taking ? "the file of the desktop is not there yet"
                                    : "the desktop sends no file");
    return false;
}

const char *
berth_probe_share_get_path(const BerthProbeShare *self)
{
    return self->path;
}

bool
berth_probe_share_look(BerthProbeShare *self, GError **ret_error)
{
    if (self->error != NULL) {
        g_propagate_error(ret_error, g_steal_pointer(&self->error));
        return true;
    }
    switch (self->action->row->kind) {
    case BERTH_PROBE_COPY:
        return look_copy(self, ret_error);
    case BERTH_PROBE_PASTE:
        return look_paste(self, ret_error);
    case BERTH_PROBE_TAKE_FILE:
        return look_take(self, ret_error);
    default:
        return look_send(self, ret_error);
    }
}

BerthProbeShare *
berth_probe_share_new(BerthShare *share, void (*changed)(void *), void *user_data)
{
    BerthProbeShare *self = g_new0(BerthProbeShare, 1);

    self->share = share;
    self->changed = changed;
    self->user_data = user_data;
    self->sender = berth_file_sender_new(share, &sender_callbacks, self);
    self->offers = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    self->saver = berth_file_saver_new(share, ".", &saver_callbacks, self);
    berth_clipboard_share_set_listener(berth_share_get_clipboard(share), &clipboard_listener, self);
    berth_clipboard_share_set_focus(berth_share_get_clipboard(share), true);
    return self;
}

void
berth_probe_share_free(BerthProbeShare *self)
{
    if (self == NULL) {
        return;
    }
    berth_clipboard_share_set_listener(berth_share_get_clipboard(self->share), NULL, NULL);
    berth_file_sender_free(self->sender);
    berth_file_saver_free(self->saver);
    g_array_unref(self->offers);
    g_free(self->path);
    g_clear_pointer(&self->own, g_bytes_unref);
    g_clear_pointer(&self->content, g_bytes_unref);
    g_clear_error(&self->error);
    g_free(self);
}
