/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/wire/message-table.h"

#include "berth/limits.h"
#include "berth/ticket.h"

#define CLIENT BERTH_SENT_BY(BERTH_WIRE_CLIENT)
#define SESSION BERTH_SENT_BY(BERTH_WIRE_SESSION)
#define BOTH (CLIENT | SESSION)

#define HELLO BERTH_IN_STATE(BERTH_WIRE_HELLO)
#define AUTH BERTH_IN_STATE(BERTH_WIRE_AUTH)
#define OPEN BERTH_IN_STATE(BERTH_WIRE_OPEN)

/* HELLO: what the limit before authentication leaves after an AUTH and the headers of both. */
#define HELLO_MAX_BYTES 3072
#define AUTH_MIN_BYTES (1 + BERTH_ID_BYTES + BERTH_RECONNECT_TOKEN_BYTES)
#define AUTH_MAX_BYTES (1 + BERTH_TICKET_BYTES)
#define WELCOME_MIN_BYTES (2 + BERTH_ID_BYTES + 8 + BERTH_RECONNECT_TOKEN_BYTES + 4 + 4 + 2)
#define WELCOME_MAX_BYTES (WELCOME_MIN_BYTES + 6 * BERTH_LIMIT_HEADS)
#define COPY_BYTES 12
#define FILL_BYTES 12
#define RECT_BYTES 8
#define TILE_BYTES 4
#define TILES_MAX_BYTES (2 + TILE_BYTES * BERTH_LIMIT_HEAD_TILES)
#define CURSOR_BYTES (BERTH_LIMIT_CURSOR_SIDE_PX * BERTH_LIMIT_CURSOR_SIDE_PX * 4)

#define ROW(channel, type, senders, states, priority, min, max)                                    \
    {                                                                                              \
        BERTH_CHANNEL_##channel, BERTH_MSG_##type, (senders), (states), BERTH_PRIORITY_##priority, \
            (min), (max), #type                                                                    \
    }

#define SOUND_DATA_BYTES 16
#define MIC_DATA_BYTES 8
#define PACKET_BYTES BERTH_LIMIT_SOUND_PACKET_BYTES

/* In order of channel and type. */
static const BerthMessageRow rows[] = {
    ROW(CONTROL, HELLO, BOTH, HELLO, CONTROL, 10, HELLO_MAX_BYTES),
    ROW(CONTROL, AUTH, CLIENT, AUTH, CONTROL, AUTH_MIN_BYTES, AUTH_MAX_BYTES),
    ROW(CONTROL, WELCOME, SESSION, AUTH, CONTROL, WELCOME_MIN_BYTES, WELCOME_MAX_BYTES),
    ROW(CONTROL, PING, BOTH, OPEN, CONTROL, 8, 8),
    ROW(CONTROL, PONG, BOTH, OPEN, CONTROL, 8, 8),
    ROW(CONTROL, BYE, BOTH, HELLO | AUTH | OPEN, CONTROL, 6, 6 + BERTH_LIMIT_REASON_BYTES),
    ROW(CONTROL, SHADOW_ASK, SESSION, OPEN, CONTROL, 8, 7 + BERTH_LIMIT_NAME_BYTES),
    ROW(CONTROL, SHADOW_ANSWER, CLIENT, OPEN, CONTROL, 5, 5),
    ROW(CONTROL, VIEWERS, SESSION, OPEN, CONTROL, 3, 3),
    ROW(CONTROL, NOTICE, SESSION, OPEN, CONTROL, 10, 10 + BERTH_LIMIT_NOTICE_BYTES),
    ROW(DISPLAY, HEAD_CONFIG, SESSION, OPEN, DISPLAY, 6, 6),
    ROW(DISPLAY, FRAME_BEGIN, SESSION, OPEN, DISPLAY, 20, 20),
    ROW(DISPLAY, COPY, SESSION, OPEN, DISPLAY, 2 + COPY_BYTES, 2 + COPY_BYTES * 65535),
    ROW(DISPLAY, FILL, SESSION, OPEN, DISPLAY, 2 + FILL_BYTES, 2 + FILL_BYTES * 65535),
    ROW(DISPLAY, CACHED, SESSION, OPEN, DISPLAY, 2 + TILE_BYTES, TILES_MAX_BYTES),
    ROW(DISPLAY, EXACT, SESSION, OPEN, DISPLAY, 8, BERTH_LIMIT_MESSAGE_BYTES),
    ROW(DISPLAY, PHOTO, SESSION, OPEN, DISPLAY, 11, 10 + BERTH_LIMIT_PHOTO_BYTES),
    ROW(DISPLAY, VIDEO, SESSION, OPEN, DISPLAY, 9,
        8 + RECT_BYTES * BERTH_LIMIT_VIDEO_KEEP_RECTS + BERTH_LIMIT_VIDEO_BYTES),
    ROW(DISPLAY, FRAME_END, SESSION, OPEN, DISPLAY, 12, 12),
    ROW(DISPLAY, VIDEO_OPEN, SESSION, OPEN, DISPLAY, 6, 6),
    ROW(DISPLAY, VIDEO_CLOSE, SESSION, OPEN, DISPLAY, 1, 1),
    ROW(DISPLAY, TILE_STORE, SESSION, OPEN, DISPLAY, 2 + TILE_BYTES, TILES_MAX_BYTES),
    ROW(DISPLAY, PICTURE_CHECK, SESSION, OPEN, DISPLAY, 17, 16 + BERTH_LIMIT_HEAD_TILES / 8),
    ROW(DISPLAY, FRAME_ACK, CLIENT, OPEN, DISPLAY, 14, 14),
    ROW(DISPLAY, HEAD_REQUEST, CLIENT, OPEN, DISPLAY, 10, 10),
    ROW(DISPLAY, REFRESH, CLIENT, OPEN, DISPLAY, 4, 4),
    ROW(CURSOR, CURSOR_DEFINE, SESSION, OPEN, INPUT, 17,
        16 + CURSOR_BYTES + CURSOR_BYTES / 128 + 1024),
    ROW(CURSOR, CURSOR_SET, SESSION, OPEN, INPUT, 4, 4),
    ROW(CURSOR, CURSOR_HIDE, SESSION, OPEN, INPUT, 0, 0),
    ROW(CURSOR, CURSOR_MOVE, SESSION, OPEN, INPUT, 8, 8),
    ROW(INPUT, KEY, CLIENT, OPEN, INPUT, 7, 7),
    ROW(INPUT, POINTER_ABS, CLIENT, OPEN, INPUT, 10, 10),
    ROW(INPUT, POINTER_REL, CLIENT, OPEN, INPUT, 8, 8),
    ROW(INPUT, BUTTON, CLIENT, OPEN, INPUT, 6, 6),
    ROW(INPUT, WHEEL, CLIENT, OPEN, INPUT, 8, 8),
    ROW(INPUT, RELEASE_ALL, CLIENT, OPEN, INPUT, 4, 4),
    ROW(INPUT, LEDS, SESSION, OPEN, INPUT, 1, 1),
    ROW(INPUT, POINTER_MODE, SESSION, OPEN, INPUT, 1, 1),
    ROW(AUDIO_OUT, SOUND_OPEN, SESSION, OPEN, AUDIO, 4, 4),
    ROW(AUDIO_OUT, SOUND_DATA, SESSION, OPEN, AUDIO, SOUND_DATA_BYTES + 1,
        SOUND_DATA_BYTES + PACKET_BYTES),
    ROW(AUDIO_OUT, SOUND_CLOSE, SESSION, OPEN, AUDIO, 0, 0),
    ROW(AUDIO_OUT, SOUND_STATE, SESSION, OPEN, AUDIO, 1, 1),
    ROW(AUDIO_OUT, SOUND_WANTED, CLIENT, OPEN, AUDIO, 1, 1),
    ROW(AUDIO_IN, MIC_OPEN, CLIENT, OPEN, AUDIO, 4, 4),
    ROW(AUDIO_IN, MIC_DATA, CLIENT, OPEN, AUDIO, MIC_DATA_BYTES + 1, MIC_DATA_BYTES + PACKET_BYTES),
    ROW(AUDIO_IN, MIC_CLOSE, CLIENT, OPEN, AUDIO, 0, 0),
};

const BerthMessageRow *
berth_message_table_find(uint8_t channel, uint8_t type)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].channel == channel && rows[i].type == type) {
            return &rows[i];
        }
    }
    return NULL;
}

const BerthMessageRow *
berth_message_table_get_rows(size_t *ret_n_rows)
{
    *ret_n_rows = sizeof rows / sizeof rows[0];
    return rows;
}

const char *
berth_channel_name(uint8_t channel)
{
    static const char *const names[BERTH_N_CHANNELS] = {
        [BERTH_CHANNEL_CONTROL] = "control",
        [BERTH_CHANNEL_DISPLAY] = "display",
        [BERTH_CHANNEL_CURSOR] = "cursor",
        [BERTH_CHANNEL_INPUT] = "input",
        [BERTH_CHANNEL_AUDIO_OUT] = "audio-out",
        [BERTH_CHANNEL_AUDIO_IN] = "audio-in",
        [BERTH_CHANNEL_CLIPBOARD] = "clipboard",
        [BERTH_CHANNEL_FILES] = "files",
        [BERTH_CHANNEL_USB] = "usb",
        [BERTH_CHANNEL_APPS] = "apps",
    };
    return channel < BERTH_N_CHANNELS ? names[channel] : "unknown";
}

const char *
berth_wire_state_name(BerthWireState state)
{
    switch (state) {
    case BERTH_WIRE_HELLO:
        return "hello";
    case BERTH_WIRE_AUTH:
        return "auth";
    case BERTH_WIRE_OPEN:
        return "open";
    case BERTH_WIRE_CLOSED:
        return "closed";
    case BERTH_N_WIRE_STATES:
        break;
    }
    return "unknown";
}
