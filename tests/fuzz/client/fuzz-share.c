/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A hostile session on the channels clipboard and files, and a user who copies, pastes, sends and
 * cancels meanwhile.  Each step is one byte of what to do; for a message a byte of type, one of
 * length and the payload follow.  What the engines send must be what the session may get.
 */
#include "client/core/clipboard-share.h"
#include "client/core/file-drop.h"
#include "client/core/file-take.h"

#include "base/bytes-reader.h"
#include "base/error.h"
#include "display/wire/message-table.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    BerthClipboardShare *clipboard;
    BerthFileDrop *files;
    BerthFileTake *taken;
} Desk;

static void
check_sent(BerthChannel channel, uint8_t type, size_t len)
{
    const BerthMessageRow *row = berth_message_table_find((uint8_t)channel, type);

    if (row == NULL || (row->senders & BERTH_SENT_BY(BERTH_WIRE_CLIENT)) == 0 ||
        len < row->min_bytes || len > row->max_bytes) {
        abort();
    }
}

static void
on_send_clipboard(uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    check_sent(BERTH_CHANNEL_CLIPBOARD, type, len);
}

static void
on_send_file(uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    check_sent(BERTH_CHANNEL_FILES, type, len);
}

static void
on_wanted(BerthSelection selection, BerthClipboardType type, uint32_t serial, void *user_data)
{
    Desk *desk = user_data;
    g_autoptr(GBytes) content = g_bytes_new_static("content", 7);

    if (serial % 3 != 0) {
        berth_clipboard_share_give(desk->clipboard, selection, serial, type, BERTH_CLIPBOARD_OK,
                                   content);
    }
}

static void
on_want(uint32_t id, size_t max_bytes, void *user_data)
{
    static const uint8_t zeros[BERTH_LIMIT_SHARE_DATA_BYTES];
    Desk *desk = user_data;

    if (id % 3 != 0) {
        berth_file_drop_give(desk->files, id, zeros, id % 3 == 1 ? max_bytes : 1);
    }
}

/* Takes every second file, and saves at once what comes. */
static void
on_offered(uint32_t id, const char *name, uint64_t size_bytes, void *user_data)
{
    Desk *desk = user_data;

    if (id % 2 == 0) {
        berth_file_take_accept(desk->taken, id);
    } else if (id % 3 == 0) {
        berth_file_take_refuse(desk->taken, id, BERTH_FILE_CANCELLED);
    }
}

static void
on_bytes(uint32_t id, const uint8_t *data, size_t len, void *user_data)
{
    berth_file_take_note_saved(((Desk *)user_data)->taken, id, len);
}

/* One thing that a user or the toolkit does. */
static void
act(Desk *desk, uint8_t what, uint8_t with)
{
    BerthSelection selection = (BerthSelection)(with & 1);
    uint32_t id;

    switch (what % 10) {
    case 2:
        berth_clipboard_share_own(desk->clipboard, selection, with >> 1 & 7);
        break;
    case 3:
        berth_clipboard_share_set_focus(desk->clipboard, selection);
        break;
    case 4:
        berth_clipboard_share_ask(desk->clipboard, selection, (BerthClipboardType)(with % 3 + 1));
        break;
    case 5:
        berth_clipboard_share_forget(desk->clipboard, selection);
        break;
    case 6:
        berth_file_drop_add(desk->files, "name", (uint64_t)with << 12, &id);
        break;
    case 7:
        berth_file_drop_cancel(desk->files, with);
        break;
    case 8:
        berth_clipboard_share_reset(desk->clipboard);
        berth_file_drop_reset(desk->files);
        berth_file_take_reset(desk->taken);
        break;
    default:
        berth_clipboard_share_pump(desk->clipboard, with);
        berth_file_drop_pump(desk->files, with);
        break;
    }
}

/* Returns false if the connection ends by it. */
static bool
receive(Desk *desk, uint8_t channel, BerthReader *reader)
{
    uint8_t type = berth_reader_get_u8(reader);
    size_t len = berth_reader_get_u8(reader);
    const uint8_t *payload = berth_reader_get_bytes_direct(reader, len);
    int code;

    if (payload == NULL) {
        return false;
    }
    if (channel == 0) {
        code = berth_clipboard_share_take(desk->clipboard, type, payload, len);
    } else if (berth_file_take_is_for(type)) {
        code = berth_file_take_handle(desk->taken, type, payload, len);
    } else {
        code = berth_file_drop_take(desk->files, type, payload, len);
    }
    return code == BERTH_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const BerthClipboardListener clipboard_listener = { .wanted = on_wanted };
    const BerthFileDropListener file_listener = { .want = on_want };
    const BerthFileTakeListener take_listener = { .offered = on_offered, .bytes = on_bytes };
    Desk desk;
    BerthReader reader;
    bool is_open = true;

    desk.clipboard = berth_clipboard_share_new(on_send_clipboard, &desk);
    desk.files = berth_file_drop_new(on_send_file, &desk);
    desk.taken = berth_file_take_new(on_send_file, &desk);
    berth_file_take_set_listener(desk.taken, &take_listener, &desk);
    berth_clipboard_share_set_listener(desk.clipboard, &clipboard_listener, &desk);
    berth_file_drop_set_listener(desk.files, &file_listener, &desk);
    berth_reader_init(&reader, data, size);
    while (is_open && berth_reader_remaining(&reader) > 0) {
        uint8_t what = berth_reader_get_u8(&reader);

        if (what % 10 < 2) {
            is_open = receive(&desk, what % 10, &reader);
        } else {
            act(&desk, what, berth_reader_get_u8(&reader));
        }
    }
    berth_clipboard_share_free(desk.clipboard);
    berth_file_drop_free(desk.files);
    berth_file_take_free(desk.taken);
    return 0;
}
