/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/traffic.h"

#include "berth/errors.h"
#include "berth/protocol.h"
#include "display/wire/msg-exact.h"
#include "display/wire/msg-photo.h"
#include "display/wire/msg-tiles.h"
#include "display/wire/msg-video.h"

#include "testing.h"

#define MAX_BYTES 4096

/* Counts what a writer holds as a message. */
static void
note_written(BerthTraffic *traffic, uint8_t type, BerthWriter *writer)
{
    assert_int_equal(writer->error, BERTH_OK);
    berth_traffic_note(traffic, type, writer->data, writer->len);
    berth_writer_clear(writer);
}

static void
expect(const BerthTraffic *traffic, BerthTrafficKind kind, uint64_t n_px)
{
    assert_int_equal(traffic->kinds[kind].n_px, n_px);
    assert_true(traffic->kinds[kind].n_bytes > 0);
}

static void
every_way_is_counted_by_itself(void **state)
{
    static const uint8_t byte = 0;
    BerthTraffic traffic = { 0 };
    BerthWriter writer;
    BerthWireCopy copies[] = { { 0, 0, 10, 10, 5, 5 }, { 0, 0, 2, 3, 5, 5 } };
    BerthWireFill fill = { 0, 0, 7, 3, 0xffffff };
    BerthWireTile tile = { 1, 2 };
    BerthMsgExact exact = { .stream = BERTH_EXACT_GRADIENT, .n = 1, .area_px = 50 };
    BerthMsgPhoto photo = { { 0, 0, 20, 5 }, BERTH_PHOTO_JPEG, 80, &byte, 1 };

    berth_writer_init(&writer, MAX_BYTES);
    berth_msg_copy_encode(&writer, copies, 2);
    note_written(&traffic, BERTH_MSG_COPY, &writer);
    expect(&traffic, BERTH_TRAFFIC_COPY, 106);
    berth_writer_init(&writer, MAX_BYTES);
    berth_msg_fill_encode(&writer, &fill, 1);
    note_written(&traffic, BERTH_MSG_FILL, &writer);
    expect(&traffic, BERTH_TRAFFIC_FILL, 21);
    berth_writer_init(&writer, MAX_BYTES);
    berth_msg_tiles_encode(&writer, &tile, 1);
    note_written(&traffic, BERTH_MSG_CACHED, &writer);
    expect(&traffic, BERTH_TRAFFIC_CACHED, 4096);
    berth_writer_init(&writer, MAX_BYTES);
    berth_msg_exact_encode_head(&writer, &exact);
    berth_writer_put_u8(&writer, 0);
    note_written(&traffic, BERTH_MSG_EXACT, &writer);
    expect(&traffic, BERTH_TRAFFIC_GRADIENT, 50);
    berth_writer_init(&writer, MAX_BYTES);
    berth_msg_photo_encode(&writer, &photo);
    note_written(&traffic, BERTH_MSG_PHOTO, &writer);
    expect(&traffic, BERTH_TRAFFIC_PHOTO, 100);
    assert_int_equal(traffic.kinds[BERTH_TRAFFIC_EXACT].n_bytes, 0);
}

static void
video_counts_what_it_paints(void **state)
{
    static const uint8_t byte = 0;
    const BerthMsgVideoOpen open = { .stream = 1, .codec = BERTH_VIDEO_VP8, .w = 64, .h = 32 };
    const BerthWireRect keep = { 0, 0, 8, 8 };
    const BerthMsgVideo video = { .stream = 1, .n_keep = 1, .data = &byte, .data_len = 1 };
    BerthTraffic traffic = { 0 }, sum = { 0 };
    BerthWriter writer;

    assert_int_equal(berth_traffic_get_exact_permille(&traffic), 1000);
    berth_writer_init(&writer, MAX_BYTES);
    berth_msg_video_open_encode(&writer, &open);
    note_written(&traffic, BERTH_MSG_VIDEO_OPEN, &writer);
    berth_writer_init(&writer, MAX_BYTES);
    berth_msg_video_encode(&writer, &video, &keep);
    note_written(&traffic, BERTH_MSG_VIDEO, &writer);
    expect(&traffic, BERTH_TRAFFIC_VIDEO, 64 * 32 - 64);
    assert_int_equal(berth_traffic_get_exact_permille(&traffic), 0);
    traffic.kinds[BERTH_TRAFFIC_EXACT].n_px = 3 * (64 * 32 - 64);
    assert_int_equal(berth_traffic_get_exact_permille(&traffic), 750);
    berth_traffic_add(&sum, &traffic);
    berth_traffic_add(&sum, &traffic);
    expect(&sum, BERTH_TRAFFIC_VIDEO, 2 * (64 * 32 - 64));
}

static void
what_cannot_be_read_has_bytes_and_no_pixels(void **state)
{
    static const uint8_t rubbish[] = { 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255 };

    for (unsigned type = 0; type < 256; type++) {
        for (size_t len = 0; len <= sizeof rubbish; len++) {
            BerthTraffic traffic = { 0 };
            uint64_t n_bytes = 0;

            berth_traffic_note(&traffic, (uint8_t)type, rubbish, len);
            for (size_t i = 0; i < BERTH_N_TRAFFIC_KINDS; i++) {
                assert_int_equal(traffic.kinds[i].n_px, 0);
                n_bytes += traffic.kinds[i].n_bytes;
            }
            assert_int_equal(n_bytes, len);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_is_counted_by_itself),
        cmocka_unit_test(video_counts_what_it_paints),
        cmocka_unit_test(what_cannot_be_read_has_bytes_and_no_pixels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
