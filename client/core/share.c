/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/share.h"

#include "base/error.h"
#include "base/log.h"

struct BerthShare {
    BerthClipboardShare *clipboard;
    BerthFileDrop *files;
    BerthFileTake *taken;
    BerthLink *link; /* NULL: no connection */
};

static void
send_on(BerthShare *self, BerthChannel channel, uint8_t type, const uint8_t *payload, size_t len)
{
    int code;

    if (self->link == NULL) {
        return;
    }
    code = berth_link_send(self->link, channel, type, payload, len);
    if (code != BERTH_OK) {
        berth_log_debug("client", "a message of the %s channel was not sent: %s",
                        berth_channel_name((uint8_t)channel), berth_error_name(code));
    }
}

static void
send_clipboard(uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    send_on(user_data, BERTH_CHANNEL_CLIPBOARD, type, payload, len);
}

static void
send_files(uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    send_on(user_data, BERTH_CHANNEL_FILES, type, payload, len);
}

BerthShare *
berth_share_new(void)
{
    BerthShare *self = g_new0(BerthShare, 1);

    self->clipboard = berth_clipboard_share_new(send_clipboard, self);
    self->files = berth_file_drop_new(send_files, self);
    self->taken = berth_file_take_new(send_files, self);
    return self;
}

void
berth_share_free(BerthShare *self)
{
    if (self != NULL) {
        berth_clipboard_share_free(self->clipboard);
        berth_file_drop_free(self->files);
        berth_file_take_free(self->taken);
        g_free(self);
    }
}

void
berth_share_attach(BerthShare *self, BerthLink *link)
{
    self->link = link;
}

void
berth_share_detach(BerthShare *self, BerthLink *link)
{
    if (self->link == NULL || self->link != link) {
        return;
    }
    self->link = NULL;
    berth_clipboard_share_reset(self->clipboard);
    berth_file_drop_reset(self->files);
    berth_file_take_reset(self->taken);
}

int
berth_share_take(BerthShare *self, BerthChannel channel, uint8_t type, const uint8_t *payload,
                 size_t len)
{
    int code;

    if (channel == BERTH_CHANNEL_CLIPBOARD) {
        code = berth_clipboard_share_take(self->clipboard, type, payload, len);
    } else if (berth_file_take_is_for(type)) {
        code = berth_file_take_handle(self->taken, type, payload, len);
    } else {
        code = berth_file_drop_take(self->files, type, payload, len);
    }

    if (code == BERTH_OK) {
        berth_share_pump(self);
    }
    return code;
}

void
berth_share_pump(BerthShare *self)
{
    if (self->link == NULL) {
        return;
    }
    berth_clipboard_share_pump(self->clipboard,
                               berth_link_get_queued_bytes(self->link, BERTH_CHANNEL_CLIPBOARD));
    berth_file_drop_pump(self->files, berth_link_get_queued_bytes(self->link, BERTH_CHANNEL_FILES));
}

BerthClipboardShare *
berth_share_get_clipboard(BerthShare *self)
{
    return self->clipboard;
}

BerthFileDrop *
berth_share_get_files(BerthShare *self)
{
    return self->files;
}

BerthFileTake *
berth_share_get_taken(BerthShare *self)
{
    return self->taken;
}
