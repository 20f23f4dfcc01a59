/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/client-hello.h"

#include "berth/limits.h"
#include "berth/protocol.h"

#include <glib.h>

/* 32 MiB of kept tiles, and a window of 1 MiB for the second stream. */
#define CACHE_TILES 2048
#define GRADIENT_WINDOW_LOG 20

void
berth_client_hello_init(BerthMsgHello *hello, const char *name, bool has_share, uint8_t audio_mask)
{
    berth_msg_hello_init(hello);
    hello->exact_window_log = BERTH_LIMIT_ZSTD_WINDOW_LOG;
    hello->gradient_window_log = GRADIENT_WINDOW_LOG;
    hello->cache_tiles = CACHE_TILES;
    hello->takes_notices = 1;
    hello->shows_statistics = 1;
    if (has_share) {
        hello->clipboard_mask = BERTH_CLIPBOARD_BIT(BERTH_CLIPBOARD_TEXT) |
                                BERTH_CLIPBOARD_BIT(BERTH_CLIPBOARD_PNG) |
                                BERTH_CLIPBOARD_BIT(BERTH_CLIPBOARD_HTML);
        hello->sends_files = 1;
        hello->takes_files = 1;
    }
    hello->photo_mask = BERTH_PHOTO_BIT(BERTH_PHOTO_JPEG);
    hello->video_mask = BERTH_VIDEO_BIT(BERTH_VIDEO_VP9_420) |
                        BERTH_VIDEO_BIT(BERTH_VIDEO_VP9_444) | BERTH_VIDEO_BIT(BERTH_VIDEO_VP8);
    hello->cursor_shapes = BERTH_LIMIT_CURSOR_SHAPES;
    hello->audio_mask = audio_mask;
    g_strlcpy(hello->client_name, name, sizeof hello->client_name);
}
