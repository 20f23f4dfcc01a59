/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/probe/probe-share.h"

#include "client/core/file-sender.h"

#include "base/error.h"

#include <string.h>

struct BerthProbeShare {
    BerthShare *share;
    BerthFileSender *sender;
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
    g_clear_pointer(&self->own, g_bytes_unref);
    g_clear_pointer(&self->content, g_bytes_unref);
    g_clear_error(&self->error);
    g_free(self);
}
