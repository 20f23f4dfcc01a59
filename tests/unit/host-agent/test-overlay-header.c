/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Headers of disks: those that we make are read, all others are refused. */
#include "host-agent/vm/overlay-header.h"

#include "testing.h"

#include <string.h>

#define HEADER_BYTES 112

typedef struct {
    uint8_t bytes[512];
    size_t len;
} Header;

static void
put_u32(Header *header, size_t at, uint32_t value)
{
    value = GUINT32_TO_BE(value);
    memcpy(header->bytes + at, &value, sizeof value);
}

/* As qemu-img makes them: format of the backing, end, name of the backing. */
static Header
make(const char *backing, const char *format)
{
    Header header = { .len = sizeof header.bytes };
    put_u32(&header, 0, 0x514649fb);
    put_u32(&header, 4, 3);
    put_u32(&header, 20, 16);
    put_u32(&header, 28, 1 << 30);
    put_u32(&header, 100, HEADER_BYTES);
    put_u32(&header, HEADER_BYTES, 0xe2792aca);
    put_u32(&header, HEADER_BYTES + 4, (uint32_t)strlen(format));
    memcpy(header.bytes + HEADER_BYTES + 8, format, strlen(format));
    if (backing != NULL) {
        put_u32(&header, 12, 200);
        put_u32(&header, 16, (uint32_t)strlen(backing));
        memcpy(header.bytes + 200, backing, strlen(backing));
    }
    return header;
}

static int
parse(const Header *header)
{
    g_auto(BerthOverlayHeader) ret = { 0 };
    return berth_overlay_header_parse(header->bytes, header->len, &ret);
}

static void
an_overlay_tells_size_and_backing(void **state)
{
    Header header = make("/images/a.img", "raw");
    g_auto(BerthOverlayHeader) ret = { 0 };
    assert_berth_ok(berth_overlay_header_parse(header.bytes, header.len, &ret));
    assert_string_equal(ret.backing_path, "/images/a.img");
    assert_string_equal(ret.backing_format, "raw");
    assert_int_equal(ret.size_bytes, 1 << 30);
}

static void
a_disk_may_stand_alone(void **state)
{
    Header header = make(NULL, "qcow2");
    g_auto(BerthOverlayHeader) ret = { 0 };
    assert_berth_ok(berth_overlay_header_parse(header.bytes, header.len, &ret));
    assert_null(ret.backing_path);
}

static void
a_backing_that_is_no_plain_path_is_refused(void **state)
{
    const char *const names[] = { "json:{\"driver\":\"file\"}", "nbd://host/disk", "relative.img",
                                  "/images/\nx", "/" };
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        Header header = make(names[i], "raw");
        assert_berth_error(parse(&header), BERTH_ERR_UNSUPPORTED);
    }
}

static void
a_foreign_format_is_refused(void **state)
{
    Header header = make("/images/a.img", "vmdk");
    assert_berth_error(parse(&header), BERTH_ERR_UNSUPPORTED);
}

static void
what_berth_never_makes_is_refused(void **state)
{
    /* version 2, encryption, inner snapshots, an external data file */
    const struct {
        size_t at;
        uint32_t value;
    } changes[] = { { 4, 2 }, { 32, 1 }, { 60, 1 }, { 76, 4 } };

    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
        Header header = make("/images/a.img", "raw");
        put_u32(&header, changes[i].at, changes[i].value);
        assert_berth_error(parse(&header), BERTH_ERR_UNSUPPORTED);
    }
}

static void
damage_is_refused(void **state)
{
    const struct {
        size_t at;
        uint32_t value;
        int error;
    } changes[] = {
        { 0, 0x514649fa, BERTH_ERR_CORRUPT },
        { 20, 40, BERTH_ERR_CORRUPT },
        { 28, 0, BERTH_ERR_CORRUPT },
        { 24, 0x80000000, BERTH_ERR_CORRUPT },
        { 100, 8, BERTH_ERR_CORRUPT },
        { 100, 0xfffffff8, BERTH_ERR_TRUNCATED },
        { 8, 0xffffffff, BERTH_ERR_TRUNCATED },
        { 16, 0, BERTH_ERR_CORRUPT },
        { 16, 1024, BERTH_ERR_CORRUPT },
        { 16, 1000, BERTH_ERR_TRUNCATED },
        { HEADER_BYTES + 4, 0xffffffff, BERTH_ERR_TRUNCATED },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
        Header header = make("/images/a.img", "raw");
        put_u32(&header, changes[i].at, changes[i].value);
        assert_berth_error(parse(&header), changes[i].error);
    }
}

static void
every_shorter_header_is_refused(void **state)
{
    Header header = make("/images/a.img", "raw");
    size_t needed = 200 + strlen("/images/a.img");
    for (header.len = 0; header.len < needed; header.len++) {
        assert_int_not_equal(parse(&header), BERTH_OK);
    }
    assert_berth_ok(parse(&header));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_overlay_tells_size_and_backing),
        cmocka_unit_test(a_disk_may_stand_alone),
        cmocka_unit_test(a_backing_that_is_no_plain_path_is_refused),
        cmocka_unit_test(a_foreign_format_is_refused),
        cmocka_unit_test(what_berth_never_makes_is_refused),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(every_shorter_header_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
