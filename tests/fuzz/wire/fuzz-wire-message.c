/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every message decoder: byte 0 is the channel, byte 1 the type, the rest the payload.  What is
 * accepted must encode to the same bytes again.
 */
#include "display/wire/message-table.h"
#include "display/wire/msg-clipboard.h"
#include "display/wire/msg-control.h"
#include "display/wire/msg-cursor.h"
#include "display/wire/msg-display.h"
#include "display/wire/msg-exact.h"
#include "display/wire/msg-files.h"
#include "display/wire/msg-input.h"
#include "display/wire/msg-notice.h"
#include "display/wire/msg-photo.h"
#include "display/wire/msg-sound.h"
#include "display/wire/msg-statistics.h"
#include "display/wire/msg-tiles.h"
#include "display/wire/msg-video.h"
#include "display/wire/msg-viewers.h"

#include <glib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Compares what was encoded again with what came. */
static void
check_again(BerthWriter *writer, int r, const uint8_t *data, size_t len)
{
    if (r != 0 || writer->len != len || (len > 0 && memcmp(writer->data, data, len) != 0)) {
        abort();
    }
}

#define TRY(Type, name)                                                                  \
    do {                                                                                 \
        Type message;                                                                    \
        if (berth_msg_##name##_decode(data, len, &message) == 0) {                       \
            check_again(writer, berth_msg_##name##_encode(writer, &message), data, len); \
        }                                                                                \
    } while (0)

static void
try_hello(BerthWriter *writer, const uint8_t *data, size_t len)
{
    BerthMsgHello hello, again;
    /* Order of capabilities and unknown ones are lost, so the meaning is compared. */
    if (berth_msg_hello_decode(data, len, &hello) != 0) {
        return;
    }
    hello.n_unknown = 0;
    if (berth_msg_hello_encode(writer, &hello) != 0 ||
        berth_msg_hello_decode(writer->data, writer->len, &again) != 0 ||
        memcmp(&hello, &again, sizeof hello) != 0) {
        abort();
    }
}

/* Text behind a zero byte is no text: control characters are refused. */
static void
try_bye(BerthWriter *writer, const uint8_t *data, size_t len)
{
    BerthMsgBye bye;
    if (berth_msg_bye_decode(data, len, &bye) == 0) {
        check_again(writer, berth_msg_bye_encode(writer, &bye), data, len);
    }
}

static void
try_notice(BerthWriter *writer, const uint8_t *data, size_t len)
{
    BerthMsgNotice notice;
    if (berth_msg_notice_decode(data, len, &notice) == 0) {
        check_again(writer, berth_msg_notice_encode(writer, &notice), data, len);
    }
}

static void
try_control(BerthWriter *writer, uint8_t type, const uint8_t *data, size_t len)
{
    switch (type) {
    case BERTH_MSG_HELLO:
        try_hello(writer, data, len);
        break;
    case BERTH_MSG_AUTH:
        TRY(BerthMsgAuth, auth);
        break;
    case BERTH_MSG_WELCOME:
        TRY(BerthMsgWelcome, welcome);
        break;
    case BERTH_MSG_PING:
        TRY(BerthMsgPing, ping);
        break;
    case BERTH_MSG_BYE:
        try_bye(writer, data, len);
        break;
    case BERTH_MSG_SHADOW_ASK:
        TRY(BerthMsgShadowAsk, shadow_ask);
        break;
    case BERTH_MSG_SHADOW_ANSWER:
        TRY(BerthMsgShadowAnswer, shadow_answer);
        break;
    case BERTH_MSG_VIEWERS:
        TRY(BerthMsgViewers, viewers);
        break;
    case BERTH_MSG_NOTICE:
        try_notice(writer, data, len);
        break;
    case BERTH_MSG_INPUT_TIMES:
        TRY(BerthMsgInputTimes, input_times);
        break;
    case BERTH_MSG_HOST_STATE:
        TRY(BerthMsgHostState, host_state);
        break;
    default:
        break;
    }
}

static void
try_copy(BerthWriter *writer, const uint8_t *data, size_t len)
{
    BerthMsgCopy copy;
    if (berth_msg_copy_decode(data, len, &copy) == 0) {
        g_autofree BerthWireCopy *items = g_new(BerthWireCopy, copy.n);
        for (unsigned i = 0; i < copy.n; i++) {
            items[i] = berth_msg_copy_get(&copy, i);
        }
        check_again(writer, berth_msg_copy_encode(writer, items, copy.n), data, len);
    }
}

static void
try_fill(BerthWriter *writer, const uint8_t *data, size_t len)
{
    BerthMsgFill fill;
    if (berth_msg_fill_decode(data, len, &fill) == 0) {
        g_autofree BerthWireFill *items = g_new(BerthWireFill, fill.n);
        for (unsigned i = 0; i < fill.n; i++) {
            items[i] = berth_msg_fill_get(&fill, i);
        }
        check_again(writer, berth_msg_fill_encode(writer, items, fill.n), data, len);
    }
}

/* An EXACT whose data is taken for its table, too: uncompressed, as it leaves the stream. */
static void
try_exact(BerthWriter *writer, const uint8_t *data, size_t len)
{
    BerthMsgExact exact;
    uint32_t area_px;
    if (berth_msg_exact_decode(data, len, &exact) != 0) {
        return;
    }
    int r = berth_msg_exact_encode_head(writer, &exact);
    berth_writer_put_bytes(writer, exact.data, exact.data_len);
    check_again(writer, r, data, len);
    size_t table_len = BERTH_EXACT_TABLE_BYTES * (size_t)exact.n;
    g_autofree BerthWireRect *rects = g_new(BerthWireRect, exact.n);
    if (exact.data_len < table_len || berth_exact_table_decode(&exact, exact.data, rects) != 0) {
        return;
    }
    g_autofree uint8_t *table = g_malloc(table_len);
    if (berth_exact_table_encode(rects, exact.n, table, &area_px) != 0 ||
        area_px != exact.area_px || memcmp(table, exact.data, table_len) != 0) {
        abort();
    }
}

static void
try_tiles(BerthWriter *writer, const uint8_t *data, size_t len)
{
    BerthMsgTiles tiles;
    if (berth_msg_tiles_decode(data, len, &tiles) == 0) {
        g_autofree BerthWireTile *items = g_new(BerthWireTile, tiles.n);
        for (unsigned i = 0; i < tiles.n; i++) {
            items[i] = berth_msg_tiles_get(&tiles, i);
        }
        check_again(writer, berth_msg_tiles_encode(writer, items, tiles.n), data, len);
    }
}

static void
try_video(BerthWriter *writer, const uint8_t *data, size_t len)
{
    BerthMsgVideo video;
    if (berth_msg_video_decode(data, len, &video) == 0) {
        g_autofree BerthWireRect *keep = g_new(BerthWireRect, video.n_keep);
        for (unsigned i = 0; i < video.n_keep; i++) {
            keep[i] = berth_msg_video_get_keep(&video, i);
        }
        check_again(writer, berth_msg_video_encode(writer, &video, keep), data, len);
    }
}

/* The messages that carry pixels. */
static void
try_pixels(BerthWriter *writer, uint8_t type, const uint8_t *data, size_t len)
{
    switch (type) {
    case BERTH_MSG_CACHED:
    case BERTH_MSG_TILE_STORE:
        try_tiles(writer, data, len);
        break;
    case BERTH_MSG_EXACT:
        try_exact(writer, data, len);
        break;
    case BERTH_MSG_PHOTO:
        TRY(BerthMsgPhoto, photo);
        break;
    case BERTH_MSG_VIDEO:
        try_video(writer, data, len);
        break;
    case BERTH_MSG_VIDEO_OPEN:
        TRY(BerthMsgVideoOpen, video_open);
        break;
    case BERTH_MSG_VIDEO_CLOSE:
        TRY(BerthMsgVideoClose, video_close);
        break;
    case BERTH_MSG_PICTURE_CHECK:
        TRY(BerthMsgPictureCheck, picture_check);
        break;
    default:
        break;
    }
}

static void
try_display(BerthWriter *writer, uint8_t type, const uint8_t *data, size_t len)
{
    switch (type) {
    case BERTH_MSG_HEAD_CONFIG:
        TRY(BerthMsgHeadConfig, head_config);
        break;
    case BERTH_MSG_FRAME_BEGIN:
        TRY(BerthMsgFrameBegin, frame_begin);
        break;
    case BERTH_MSG_COPY:
        try_copy(writer, data, len);
        break;
    case BERTH_MSG_FILL:
        try_fill(writer, data, len);
        break;
    case BERTH_MSG_FRAME_END:
        TRY(BerthMsgFrameEnd, frame_end);
        break;
    case BERTH_MSG_FRAME_ACK:
        TRY(BerthMsgFrameAck, frame_ack);
        break;
    case BERTH_MSG_HEAD_REQUEST:
        TRY(BerthMsgHeadRequest, head_request);
        break;
    case BERTH_MSG_REFRESH:
        TRY(BerthMsgRefresh, refresh);
        break;
    default:
        try_pixels(writer, type, data, len);
        break;
    }
}

static void
try_cursor(BerthWriter *writer, uint8_t type, const uint8_t *data, size_t len)
{
    switch (type) {
    case BERTH_MSG_CURSOR_DEFINE:
        TRY(BerthMsgCursorDefine, cursor_define);
        break;
    case BERTH_MSG_CURSOR_SET:
        TRY(BerthMsgCursorSet, cursor_set);
        break;
    case BERTH_MSG_CURSOR_MOVE:
        TRY(BerthMsgCursorMove, cursor_move);
        break;
    default:
        break;
    }
}

static void
try_input(BerthWriter *writer, uint8_t type, const uint8_t *data, size_t len)
{
    BerthMsgInput input;
    uint8_t leds;
    bool is_absolute;
    if (type == BERTH_MSG_LEDS) {
        if (berth_msg_leds_decode(data, len, &leds) == 0) {
            check_again(writer, berth_msg_leds_encode(writer, leds), data, len);
        }
    } else if (type == BERTH_MSG_POINTER_MODE) {
        if (berth_msg_pointer_mode_decode(data, len, &is_absolute) == 0) {
            check_again(writer, berth_msg_pointer_mode_encode(writer, is_absolute), data, len);
        }
    } else if (berth_msg_input_decode(type, data, len, &input) == 0) {
        check_again(writer, berth_msg_input_encode(writer, type, &input), data, len);
    }
}

static void
try_sound(BerthWriter *writer, uint8_t type, const uint8_t *data, size_t len)
{
    uint8_t value;
    switch (type) {
    case BERTH_MSG_SOUND_OPEN:
        TRY(BerthMsgSoundOpen, sound_open);
        break;
    case BERTH_MSG_SOUND_DATA:
        TRY(BerthMsgSoundData, sound_data);
        break;
    case BERTH_MSG_SOUND_STATE:
        if (berth_msg_sound_state_decode(data, len, &value) == 0) {
            check_again(writer, berth_msg_sound_state_encode(writer, value), data, len);
        }
        break;
    case BERTH_MSG_SOUND_LEVEL:
        TRY(BerthMsgSoundLevel, sound_level);
        break;
    case BERTH_MSG_SOUND_WANTED:
        if (berth_msg_sound_wanted_decode(data, len, &value) == 0) {
            check_again(writer, berth_msg_sound_wanted_encode(writer, value), data, len);
        }
        break;
    default:
        break;
    }
}

static void
try_mic(BerthWriter *writer, uint8_t type, const uint8_t *data, size_t len)
{
    if (type == BERTH_MSG_MIC_OPEN) {
        TRY(BerthMsgSoundOpen, sound_open);
    } else if (type == BERTH_MSG_MIC_DATA) {
        TRY(BerthMsgMicData, mic_data);
    }
}

static void
try_clipboard(BerthWriter *writer, uint8_t type, const uint8_t *data, size_t len)
{
    switch (type) {
    case BERTH_MSG_CLIPBOARD_GRAB:
        TRY(BerthMsgClipboardGrab, clipboard_grab);
        break;
    case BERTH_MSG_CLIPBOARD_REQUEST:
        TRY(BerthMsgClipboardRequest, clipboard_request);
        break;
    case BERTH_MSG_CLIPBOARD_DATA:
        TRY(BerthMsgClipboardData, clipboard_data);
        break;
    case BERTH_MSG_CLIPBOARD_RELEASE:
        TRY(BerthMsgClipboardRelease, clipboard_release);
        break;
    case BERTH_MSG_CLIPBOARD_STATE:
        TRY(BerthMsgClipboardState, clipboard_state);
        break;
    default:
        break;
    }
}

static void
try_files(BerthWriter *writer, uint8_t type, const uint8_t *data, size_t len)
{
    uint32_t id;
    switch (type) {
    case BERTH_MSG_FILE_OFFER:
    case BERTH_MSG_FILE_GIVE:
        TRY(BerthMsgFileOffer, file_offer);
        break;
    case BERTH_MSG_FILE_ANSWER:
    case BERTH_MSG_FILE_TAKE:
    case BERTH_MSG_FILE_GIVE_END:
        TRY(BerthMsgFileAnswer, file_answer);
        break;
    case BERTH_MSG_FILE_DATA:
    case BERTH_MSG_FILE_GIVE_DATA:
        TRY(BerthMsgFileData, file_data);
        break;
    case BERTH_MSG_FILE_ACK:
    case BERTH_MSG_FILE_TAKE_ACK:
        TRY(BerthMsgFileAck, file_ack);
        break;
    case BERTH_MSG_FILE_CANCEL:
        if (berth_msg_file_cancel_decode(data, len, &id) == 0) {
            check_again(writer, berth_msg_file_cancel_encode(writer, id), data, len);
        }
        break;
    case BERTH_MSG_FILE_STATE:
        TRY(BerthMsgFileState, file_state);
        break;
    default:
        break;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BerthWriter writer;
    if (size < 2) {
        return 0;
    }
    berth_writer_init(&writer, BERTH_LIMIT_MESSAGE_BYTES);
    switch (data[0]) {
    case BERTH_CHANNEL_CONTROL:
        try_control(&writer, data[1], data + 2, size - 2);
        break;
    case BERTH_CHANNEL_DISPLAY:
        try_display(&writer, data[1], data + 2, size - 2);
        break;
    case BERTH_CHANNEL_CURSOR:
        try_cursor(&writer, data[1], data + 2, size - 2);
        break;
    case BERTH_CHANNEL_INPUT:
        try_input(&writer, data[1], data + 2, size - 2);
        break;
    case BERTH_CHANNEL_CLIPBOARD:
        try_clipboard(&writer, data[1], data + 2, size - 2);
        break;
    case BERTH_CHANNEL_FILES:
        try_files(&writer, data[1], data + 2, size - 2);
        break;
    case BERTH_CHANNEL_AUDIO_OUT:
        try_sound(&writer, data[1], data + 2, size - 2);
        break;
    case BERTH_CHANNEL_AUDIO_IN:
        try_mic(&writer, data[1], data + 2, size - 2);
        break;
    default:
        break;
    }
    berth_writer_clear(&writer);
    return 0;
}
