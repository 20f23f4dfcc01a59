/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/traffic.h"

#include "berth/errors.h"
#include "berth/protocol.h"
#include "display/wire/msg-display.h"
#include "display/wire/msg-exact.h"
#include "display/wire/msg-photo.h"
#include "display/wire/msg-tiles.h"
#include "display/wire/msg-video.h"

static const char *const names[BERTH_N_TRAFFIC_KINDS] = {
    [BERTH_TRAFFIC_COPY] = "copy",         [BERTH_TRAFFIC_FILL] = "fill",
    [BERTH_TRAFFIC_CACHED] = "cached",     [BERTH_TRAFFIC_EXACT] = "exact",
    [BERTH_TRAFFIC_GRADIENT] = "gradient", [BERTH_TRAFFIC_PHOTO] = "photo",
    [BERTH_TRAFFIC_VIDEO] = "video",       [BERTH_TRAFFIC_OTHER] = "other",
};

static uint64_t
area_px(unsigned w, unsigned h)
{
    return (uint64_t)w * h;
}

/* Each finds the pixels of its message; 0 if it cannot be read. */
static uint64_t
count_copy(const uint8_t *payload, size_t len)
{
    BerthMsgCopy copy = { 0 };
    uint64_t n_px = 0;

    berth_msg_copy_decode(payload, len, &copy);
    for (unsigned i = 0; i < copy.n; i++) {
        BerthWireCopy item = berth_msg_copy_get(&copy, i);

        n_px += area_px(item.w, item.h);
    }
    return n_px;
}

static uint64_t
count_fill(const uint8_t *payload, size_t len)
{
    BerthMsgFill fill = { 0 };
    uint64_t n_px = 0;

    berth_msg_fill_decode(payload, len, &fill);
    for (unsigned i = 0; i < fill.n; i++) {
        BerthWireFill item = berth_msg_fill_get(&fill, i);

        n_px += area_px(item.w, item.h);
    }
    return n_px;
}

static uint64_t
count_cached(const uint8_t *payload, size_t len)
{
    BerthMsgTiles tiles = { 0 };

    berth_msg_tiles_decode(payload, len, &tiles);
    return tiles.n * area_px(BERTH_LIMIT_TILE_PX, BERTH_LIMIT_TILE_PX);
}

static uint64_t
count_photo(const uint8_t *payload, size_t len)
{
    BerthMsgPhoto photo = { 0 };

    berth_msg_photo_decode(payload, len, &photo);
    return area_px(photo.rect.w, photo.rect.h);
}

static void
note_open(BerthTraffic *self, const uint8_t *payload, size_t len)
{
    BerthMsgVideoOpen open;

    if (berth_msg_video_open_decode(payload, len, &open) == BERTH_OK) {
        self->video_px[open.stream] = (uint32_t)area_px(open.w, open.h);
    }
}

/* Of a picture of video what is not kept exact over it. */
static uint64_t
count_video(const BerthTraffic *self, const uint8_t *payload, size_t len)
{
    BerthMsgVideo video;
    uint64_t kept_px = 0;
    uint64_t whole_px;

    if (berth_msg_video_decode(payload, len, &video) != BERTH_OK) {
        return 0;
    }
    for (unsigned i = 0; i < video.n_keep; i++) {
        BerthWireRect rect = berth_msg_video_get_keep(&video, i);

        kept_px += area_px(rect.w, rect.h);
    }
    whole_px = self->video_px[video.stream];
    return whole_px > kept_px ? whole_px - kept_px : 0;
}

static void
note(BerthTraffic *self, BerthTrafficKind kind, size_t n_bytes, uint64_t n_px)
{
    self->kinds[kind].n_bytes += n_bytes;
    self->kinds[kind].n_px += n_px;
}

static void
note_exact(BerthTraffic *self, const uint8_t *payload, size_t len)
{
    BerthMsgExact exact = { 0 };
    bool is_plain;

    berth_msg_exact_decode(payload, len, &exact);
    is_plain = exact.stream == BERTH_EXACT_PLAIN;
    note(self, is_plain ? BERTH_TRAFFIC_EXACT : BERTH_TRAFFIC_GRADIENT, len, exact.area_px);
}

void
berth_traffic_note(BerthTraffic *self, uint8_t type, const uint8_t *payload, size_t len)
{
    switch (type) {
    case BERTH_MSG_COPY:
        note(self, BERTH_TRAFFIC_COPY, len, count_copy(payload, len));
        break;
    case BERTH_MSG_FILL:
        note(self, BERTH_TRAFFIC_FILL, len, count_fill(payload, len));
        break;
    case BERTH_MSG_CACHED:
        note(self, BERTH_TRAFFIC_CACHED, len, count_cached(payload, len));
        break;
    case BERTH_MSG_TILE_STORE:
        note(self, BERTH_TRAFFIC_CACHED, len, 0);
        break;
    case BERTH_MSG_EXACT:
        note_exact(self, payload, len);
        break;
    case BERTH_MSG_PHOTO:
        note(self, BERTH_TRAFFIC_PHOTO, len, count_photo(payload, len));
        break;
    case BERTH_MSG_VIDEO:
        note(self, BERTH_TRAFFIC_VIDEO, len, count_video(self, payload, len));
        break;
    case BERTH_MSG_VIDEO_OPEN:
        note_open(self, payload, len);
        note(self, BERTH_TRAFFIC_VIDEO, len, 0);
        break;
    default:
        note(self, BERTH_TRAFFIC_OTHER, len, 0);
        break;
    }
}

void
berth_traffic_add(BerthTraffic *self, const BerthTraffic *other)
{
    for (size_t i = 0; i < BERTH_N_TRAFFIC_KINDS; i++) {
        self->kinds[i].n_bytes += other->kinds[i].n_bytes;
        self->kinds[i].n_px += other->kinds[i].n_px;
    }
}

unsigned
berth_traffic_get_exact_permille(const BerthTraffic *self)
{
    uint64_t all_px = 0, lossy_px;

    for (size_t i = 0; i < BERTH_N_TRAFFIC_KINDS; i++) {
        all_px += self->kinds[i].n_px;
    }
    lossy_px = self->kinds[BERTH_TRAFFIC_PHOTO].n_px + self->kinds[BERTH_TRAFFIC_VIDEO].n_px;
    return all_px > 0 ? (unsigned)((all_px - lossy_px) * 1000 / all_px) : 1000;
}

const char *
berth_traffic_kind_name(BerthTrafficKind kind)
{
    return names[kind];
}
