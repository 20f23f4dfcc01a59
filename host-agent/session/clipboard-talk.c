/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/clipboard-talk.h"

#include "berth/limits.h"

#include <glib.h>

/* ---- to the client ---- */

static void
tell_client(const BerthClipboardTalk *talk, uint8_t type, BerthWriter *writer)
{
    if (talk->takes != 0) {
        talk->callbacks->to_client(type, writer->data, writer->len, talk->user_data);
    }
    berth_writer_clear(writer);
}

void
berth_clipboard_talk_state(const BerthClipboardTalk *talk, const BerthMsgClipboardState *state)
{
    BerthWriter writer;

    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_msg_clipboard_state_encode(&writer, state);
    tell_client(talk, BERTH_MSG_CLIPBOARD_STATE, &writer);
}

void
berth_clipboard_talk_offer(const BerthClipboardTalk *talk, const BerthMsgClipboardGrab *grab)
{
    BerthWriter writer;

    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_msg_clipboard_grab_encode(&writer, grab);
    tell_client(talk, BERTH_MSG_CLIPBOARD_GRAB, &writer);
}

void
berth_clipboard_talk_request(const BerthClipboardTalk *talk,
                             const BerthMsgClipboardRequest *request)
{
    BerthWriter writer;

    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_msg_clipboard_request_encode(&writer, request);
    tell_client(talk, BERTH_MSG_CLIPBOARD_REQUEST, &writer);
}

void
berth_clipboard_talk_data(const BerthClipboardTalk *talk, const BerthMsgClipboardData *data)
{
    BerthWriter writer;

    berth_writer_init(&writer, BERTH_LIMIT_SHARE_DATA_BYTES + BERTH_LIMIT_FRAGMENT_BYTES);
    berth_msg_clipboard_data_encode(&writer, data);
    tell_client(talk, BERTH_MSG_CLIPBOARD_DATA, &writer);
}

void
berth_clipboard_talk_gone(const BerthClipboardTalk *talk, const BerthMsgClipboardRelease *release)
{
    BerthWriter writer;

    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_msg_clipboard_release_encode(&writer, release);
    tell_client(talk, BERTH_MSG_CLIPBOARD_RELEASE, &writer);
}

/* ---- to the guest ---- */

static void
tell_guest(const BerthClipboardTalk *talk, BerthWriter *writer)
{
    size_t len = 0;
    uint8_t *data = berth_writer_steal(writer, &len);

    if (talk->caps != 0 && data) {
        talk->callbacks->to_guest(data, len, talk->user_data);
    } else {
        g_free(data);
    }
    berth_writer_clear(writer);
}

void
berth_clipboard_talk_grab(const BerthClipboardTalk *talk, const BerthVdagentGrab *grab)
{
    BerthWriter writer;

    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_vdagent_write_grab(&writer, talk->caps, grab);
    tell_guest(talk, &writer);
}

void
berth_clipboard_talk_ask(const BerthClipboardTalk *talk, const BerthVdagentClip *clip)
{
    BerthWriter writer;

    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_vdagent_write_request(&writer, talk->caps, clip);
    tell_guest(talk, &writer);
}

void
berth_clipboard_talk_give(const BerthClipboardTalk *talk, const BerthVdagentClip *clip)
{
    BerthWriter writer;

    berth_writer_init(&writer,
                      berth_vdagent_get_wire_bytes(clip->len + BERTH_LIMIT_FRAGMENT_BYTES));
    berth_vdagent_write_content(&writer, talk->caps, clip);
    tell_guest(talk, &writer);
}

void
berth_clipboard_talk_release(const BerthClipboardTalk *talk, uint8_t selection)
{
    BerthWriter writer;

    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_vdagent_write_release(&writer, talk->caps, selection);
    tell_guest(talk, &writer);
}
