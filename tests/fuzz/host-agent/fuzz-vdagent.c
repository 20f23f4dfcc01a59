/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a guest may say as its agents, through parser, clipboard, files and texts: a client gets
 * well-formed messages only, of what was allowed.
 */
#include "display/wire/vdagent-message.h"
#include "host-agent/session/guest-clipboard.h"
#include "host-agent/session/guest-files.h"
#include "host-agent/session/guest-outbox.h"
#include "host-agent/session/guest-typing.h"

#include "display/wire/guest-message.h"
#include "display/wire/msg-clipboard.h"
#include "display/wire/msg-files.h"

#include <glib.h>
#include <spice/vd_agent.h>

#define MAX_KIB 1

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    BerthGuestClipboard *clipboard;
    BerthGuestFiles *files;
    BerthGuestOutbox *outbox;
    BerthGuestTyping *typing;
    int64_t now_us;
} Desktop;

static void
clipboard_to_client(uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    BerthMsgClipboardData data;

    if (type == BERTH_MSG_CLIPBOARD_DATA) {
        g_assert(berth_msg_clipboard_data_decode(payload, len, &data) == 0);
        g_assert(data.data_len <= MAX_KIB * 1024);
    }
}

static void
clipboard_to_guest(uint8_t *data, size_t len, void *user_data)
{
    g_free(data);
}

static bool
has_room(void *user_data)
{
    return true;
}

static void
notify(const char *text, void *user_data)
{
}

static void
files_to_client(uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    BerthMsgFileAnswer answer;

    if (type == BERTH_MSG_FILE_ANSWER) {
        g_assert(berth_msg_file_answer_decode(payload, len, &answer) == 0);
        g_assert(answer.id == 7);
    }
}

static void
files_to_guest(uint8_t *data, size_t len, uint32_t id, size_t n_content_bytes, void *user_data)
{
    g_free(data);
}

/* A user who takes every file. */
static void
outbox_to_client(uint8_t type, const uint8_t *payload, size_t len, void *user_data)
{
    Desktop *desktop = user_data;
    BerthMsgFileOffer offer;
    BerthMsgFileAnswer take = { .status = BERTH_FILE_SEND };
    BerthWriter writer;

    if (type != BERTH_MSG_FILE_GIVE) {
        return;
    }
    g_assert(berth_msg_file_offer_decode(payload, len, &offer) == 0);
    g_assert(offer.size_bytes <= 1024 * 1024);
    take.id = offer.id;
    berth_writer_init(&writer, 64);
    berth_msg_file_answer_encode(&writer, &take);
    g_assert(berth_guest_outbox_handle_client(desktop->outbox, BERTH_MSG_FILE_TAKE, writer.data,
                                              writer.len, desktop->now_us) == 0);
    berth_writer_clear(&writer);
}

static void
own_to_guest(uint32_t type, const uint8_t *body, size_t len, void *user_data)
{
    g_assert(berth_guest_type_is_known(type));
}

static const BerthGuestClipboardCallbacks clipboard_callbacks = {
    .to_client = clipboard_to_client,
    .to_guest = clipboard_to_guest,
    .has_room = has_room,
    .notify = notify,
};

static const BerthGuestFilesCallbacks files_callbacks = {
    .to_client = files_to_client,
    .to_guest = files_to_guest,
};

/* A client that asks for whatever the guest may have. */
static void
ask(Desktop *desktop)
{
    for (uint32_t i = 0; i < 8; i++) {
        BerthMsgClipboardRequest request = { 1 + i / 4, i / 2 % 2, 1 + i % 2 };
        BerthWriter writer;

        berth_writer_init(&writer, 64);
        berth_msg_clipboard_request_encode(&writer, &request);
        berth_guest_clipboard_handle_client(desktop->clipboard, BERTH_MSG_CLIPBOARD_REQUEST,
                                            writer.data, writer.len, desktop->now_us);
        berth_writer_clear(&writer);
    }
}

static void
on_message(const BerthVdagentMessage *message, void *user_data)
{
    Desktop *desktop = user_data;
    BerthVdagentFileStatus status;
    BerthVdagentCaps caps;
    uint32_t serial = 0;

    desktop->now_us += 1000;
    if (message->type == VD_AGENT_ANNOUNCE_CAPABILITIES &&
        berth_vdagent_read_caps(message->data, message->len, &caps) == 0) {
        berth_guest_clipboard_set_agent(desktop->clipboard, caps.bits);
    } else if (message->type == VD_AGENT_FILE_XFER_STATUS) {
        if (berth_vdagent_read_file_status(message->data, message->len, &status) == 0) {
            berth_guest_files_handle_guest(desktop->files, &status, desktop->now_us);
        }
    } else if (berth_guest_type_is_known(message->type)) {
        if (message->type == BERTH_GUEST_TYPED &&
            berth_guest_typed_decode(message->data, message->len, &serial) == 0) {
            berth_guest_typing_note_typed(desktop->typing, serial);
        }
        berth_guest_outbox_handle_guest(desktop->outbox, message->type, message->data, message->len,
                                        desktop->now_us);
    } else {
        berth_guest_clipboard_handle_guest(desktop->clipboard, message, desktop->now_us);
        ask(desktop);
    }
}

static void
offer_file(Desktop *desktop)
{
    BerthMsgFileOffer offer = { .id = 7, .size_bytes = 3, .name = "x" };
    BerthWriter writer;

    berth_writer_init(&writer, 512);
    berth_msg_file_offer_encode(&writer, &offer);
    berth_guest_files_handle_client(desktop->files, BERTH_MSG_FILE_OFFER, writer.data, writer.len,
                                    0);
    berth_writer_clear(&writer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const BerthClipboardPolicy clipboard_policy = { true, true, 7, MAX_KIB };
    const BerthFilesPolicy files_policy = { true, 1 };
    Desktop desktop = { 0 };
    BerthVdagentParser *parser = berth_vdagent_parser_new(on_message, &desktop);

    desktop.clipboard = berth_guest_clipboard_new(&clipboard_callbacks, &desktop);
    desktop.files = berth_guest_files_new(&files_callbacks, &desktop);
    desktop.outbox = berth_guest_outbox_new(outbox_to_client, own_to_guest, &desktop);
    desktop.typing = berth_guest_typing_new(own_to_guest, &desktop);
    berth_guest_outbox_set_policy(desktop.outbox, true, 1);
    berth_guest_outbox_set_agent(desktop.outbox, UINT32_MAX);
    berth_guest_outbox_set_client(desktop.outbox, true);
    berth_guest_typing_set_agent(desktop.typing, UINT32_MAX);
    berth_guest_typing_type(desktop.typing, "x", 0);
    berth_vdagent_parser_set_clipboard_bytes(parser, MAX_KIB * 1024);
    berth_guest_clipboard_set_policy(desktop.clipboard, &clipboard_policy);
    berth_guest_clipboard_set_agent(desktop.clipboard, 0x3ffff);
    berth_guest_clipboard_set_client(desktop.clipboard, 7);
    berth_guest_files_set_policy(desktop.files, &files_policy);
    berth_guest_files_set_agent(desktop.files, 0x3ffff);
    berth_guest_files_set_client(desktop.files, true);
    offer_file(&desktop);
    berth_vdagent_parser_feed(parser, data, size);
    berth_guest_clipboard_tick(desktop.clipboard, INT64_MAX / 2);
    berth_guest_files_tick(desktop.files, INT64_MAX / 2);
    berth_guest_outbox_tick(desktop.outbox, INT64_MAX / 2);
    berth_guest_typing_tick(desktop.typing, INT64_MAX / 2);
    berth_guest_outbox_free(desktop.outbox);
    berth_guest_typing_free(desktop.typing);
    berth_guest_clipboard_free(desktop.clipboard);
    berth_guest_files_free(desktop.files);
    berth_vdagent_parser_free(parser);
    return 0;
}
