/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/depot/image-header.h"

#include "testing.h"

#include <string.h>

#define MAX_BYTES (1ull << 40)
#define FILE_BYTES (1ull << 20)

typedef struct {
    uint8_t bytes[4096];
} Header;

static void
put_be(uint8_t *p, int n, uint64_t value)
{
    for (int i = 0; i < n; i++) {
        p[i] = (uint8_t)(value >> (8 * (n - 1 - i)));
    }
}

static void
put_le(uint8_t *p, int n, uint64_t value)
{
    for (int i = 0; i < n; i++) {
        p[i] = (uint8_t)(value >> (8 * i));
    }
}

/* A good header of a disk of 1 GiB. */
static void
make_qcow2(Header *header)
{
    uint8_t *p = header->bytes;
    memset(header, 0, sizeof(*header));
    put_be(p, 4, 0x514649fb);
    put_be(p + 4, 4, 3);
    put_be(p + 20, 4, 16);
    put_be(p + 24, 8, 1ull << 30);
    put_be(p + 36, 4, 2);
    put_be(p + 40, 8, 0x30000);
    put_be(p + 100, 4, 104);
}

static void
make_vmdk_with(Header *header, const char *descriptor)
{
    uint8_t *p = header->bytes;
    memset(header, 0, sizeof(*header));
    g_strlcpy((char *)p, "KDMV", 5);
    put_le(p + 4, 4, 1);
    put_le(p + 12, 8, (1ull << 30) / 512);
    put_le(p + 28, 8, 1);
    put_le(p + 36, 8, 4);
    g_strlcpy((char *)p + 512, descriptor, 2048);
}

#define VMDK_GOOD                                                   \
    "# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\n" \
    "createType=\"monolithicSparse\"\n\nRW 2097152 SPARSE \"a.vmdk\"\n\n#DDB\n"

static void
make_vdi(Header *header)
{
    uint8_t *p = header->bytes;
    memset(header, 0, sizeof(*header));
    put_le(p + 0x40, 4, 0xbeda107f);
    put_le(p + 0x44, 4, 0x00010001);
    put_le(p + 0x4c, 4, 1);
    put_le(p + 0x154, 4, 512);
    put_le(p + 0x170, 8, 1ull << 30);
    put_le(p + 0x178, 4, 1 << 20);
    put_le(p + 0x180, 4, 1024);
}

static void
expect(BerthImageFormat format, const Header *header, int code)
{
    uint64_t bytes = 0;
    g_autoptr(GError) error = NULL;
    bool is_good = berth_image_header_check(format, header->bytes, sizeof(header->bytes),
                                            FILE_BYTES, MAX_BYTES, &bytes, &error);
    assert_berth_error(is_good ? BERTH_OK : error->code, code);
    if (is_good) {
        assert_true(bytes == 1ull << 30);
    }
}

typedef struct {
    size_t offset;
    int n_bytes;
    uint64_t value;
    int code;
} Change;

static void
what_qcow2_may_not_say(void **state)
{
    static const Change changes[] = {
        { 0, 4, 0x514649fa, BERTH_ERR_INVALID }, /* magic */
        { 4, 4, 1, BERTH_ERR_UNSUPPORTED },      /* version */
        { 8, 8, 512, BERTH_ERR_FORBIDDEN },      /* backing file */
        { 16, 4, 9, BERTH_ERR_FORBIDDEN },       /* its length alone */
        { 20, 4, 8, BERTH_ERR_INVALID },         /* clusters */
        { 20, 4, 22, BERTH_ERR_INVALID },
        { 20, 4, UINT32_MAX, BERTH_ERR_INVALID },
        { 24, 8, 0, BERTH_ERR_INVALID },          /* an empty disk */
        { 24, 8, 1ull << 62, BERTH_ERR_INVALID }, /* more than the table can have */
        { 24, 8, UINT64_MAX, BERTH_ERR_INVALID },
        { 32, 4, 2, BERTH_ERR_FORBIDDEN },                /* encryption */
        { 36, 4, 1, BERTH_ERR_INVALID },                  /* table too small */
        { 36, 4, UINT32_MAX, BERTH_ERR_INVALID },         /* table too large */
        { 36, 4, 131073, BERTH_ERR_INVALID },             /* table beyond the end of the file */
        { 40, 8, 0x30001, BERTH_ERR_INVALID },            /* table in between */
        { 40, 8, UINT64_MAX - 65535, BERTH_ERR_INVALID }, /* table nowhere */
        { 72, 8, 1 << 0, BERTH_OK },                      /* was not closed */
        { 72, 8, 1 << 1, BERTH_ERR_INVALID },             /* corrupt */
        { 72, 8, 1 << 2, BERTH_ERR_FORBIDDEN },           /* data elsewhere */
        { 72, 8, 1 << 3, BERTH_OK },                      /* zstd */
        { 72, 8, 1 << 5, BERTH_ERR_UNSUPPORTED },         /* what nobody knows */
        { 72, 8, 1ull << 63, BERTH_ERR_UNSUPPORTED },
        { 100, 4, 103, BERTH_ERR_INVALID }, /* length of the header */
        { 100, 4, UINT32_MAX, BERTH_ERR_INVALID },
        { 104, 8, 0x4441544100000009, BERTH_ERR_FORBIDDEN }, /* name of a data file */
        { 104, 8, 0x6803f85700000010, BERTH_OK },            /* names of features */
        { 104, 8, 0x6803f857ffffffff, BERTH_ERR_INVALID },   /* longer than the header */
    };

    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
        Header header;
        make_qcow2(&header);
        expect(BERTH_IMAGE_QCOW2, &header, BERTH_OK);
        put_be(header.bytes + changes[i].offset, changes[i].n_bytes, changes[i].value);
        expect(BERTH_IMAGE_QCOW2, &header, changes[i].code);
    }
}

static void
what_vdi_may_not_say(void **state)
{
    static const Change changes[] = {
        { 0x40, 4, 1, BERTH_ERR_INVALID },           /* magic */
        { 0x44, 4, 2, BERTH_ERR_UNSUPPORTED },       /* version */
        { 0x4c, 4, 3, BERTH_ERR_UNSUPPORTED },       /* an undo image */
        { 0x4c, 4, 4, BERTH_ERR_UNSUPPORTED },       /* a difference image */
        { 0x4c, 4, 2, BERTH_OK },                    /* static */
        { 0x154, 4, UINT32_MAX, BERTH_ERR_INVALID }, /* table nowhere */
        { 0x170, 8, 0, BERTH_ERR_INVALID },          /* empty */
        { 0x170, 8, (1ull << 30) + 1, BERTH_ERR_INVALID },
        { 0x170, 8, UINT64_MAX, BERTH_ERR_INVALID },
        { 0x178, 4, 0, BERTH_ERR_INVALID },          /* blocks */
        { 0x180, 4, UINT32_MAX, BERTH_ERR_INVALID }, /* table beyond the file */
        { 0x1a8, 1, 1, BERTH_ERR_FORBIDDEN },        /* linked to another */
        { 0x1c7, 1, 1, BERTH_ERR_FORBIDDEN },        /* has a parent */
    };

    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
        Header header;
        make_vdi(&header);
        expect(BERTH_IMAGE_VDI, &header, BERTH_OK);
        put_le(header.bytes + changes[i].offset, changes[i].n_bytes, changes[i].value);
        expect(BERTH_IMAGE_VDI, &header, changes[i].code);
    }
}

static void
what_vmdk_may_not_say(void **state)
{
    static const Change changes[] = {
        { 0, 4, 0, BERTH_ERR_INVALID },    /* magic */
        { 12, 8, 0, BERTH_ERR_FORBIDDEN }, /* extents elsewhere */
        { 12, 8, UINT64_MAX, BERTH_ERR_TOO_LARGE },
        { 28, 8, 0, BERTH_ERR_INVALID },          /* no descriptor */
        { 28, 8, UINT64_MAX, BERTH_ERR_INVALID }, /* nowhere */
        { 28, 8, 5, BERTH_ERR_INVALID },          /* over the end of what we read */
        { 36, 8, 0, BERTH_ERR_INVALID },
        { 36, 8, UINT64_MAX, BERTH_ERR_INVALID },
    };
    static const char *const descriptors[] = {
        VMDK_GOOD "parentFileNameHint=\"/etc/passwd\"\n",
        VMDK_GOOD "  x parentFileNameHint=\"/etc/passwd\"\n",
        VMDK_GOOD "RW 8 FLAT \"/etc/passwd\" 0\n",
        VMDK_GOOD "RW 8 SPARSE \"b.vmdk\"\n",
        VMDK_GOOD "parentCID=00000001\n",
        "createType=\"twoGbMaxExtentSparse\"\nRW 1 SPARSE \"a.vmdk\"\n",
        "createType=\"monolithicFlat\"\nRW 1 FLAT \"/etc/passwd\" 0\n",
        "RDONLY 1 VMFS \"a\"\n",
        "RW 1\n",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
        Header header;
        make_vmdk_with(&header, VMDK_GOOD);
        expect(BERTH_IMAGE_VMDK, &header, BERTH_OK);
        put_le(header.bytes + changes[i].offset, changes[i].n_bytes, changes[i].value);
        expect(BERTH_IMAGE_VMDK, &header, changes[i].code);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(descriptors); i++) {
        Header header;
        make_vmdk_with(&header, descriptors[i]);
        expect(BERTH_IMAGE_VMDK, &header, BERTH_ERR_FORBIDDEN);
    }
    Header text = { 0 };
    g_strlcpy((char *)text.bytes, "# Disk DescriptorFile\nRW 8 FLAT \"/etc/passwd\" 0\n", 512);
    expect(BERTH_IMAGE_VMDK, &text, BERTH_ERR_FORBIDDEN);
}

static void
cut_headers_are_refused(void **state)
{
    Header headers[3];
    make_qcow2(&headers[0]);
    make_vmdk_with(&headers[1], VMDK_GOOD);
    make_vdi(&headers[2]);
    static const BerthImageFormat formats[] = { BERTH_IMAGE_QCOW2, BERTH_IMAGE_VMDK,
                                                BERTH_IMAGE_VDI };
    for (size_t i = 0; i < G_N_ELEMENTS(headers); i++) {
        for (size_t n = 0; n < 512; n++) {
            uint64_t bytes = 0;
            /* On the heap, so that a sanitizer sees a read past the end. */
            g_autofree uint8_t *cut = g_memdup2(headers[i].bytes, n);
            bool is_good = berth_image_header_check(formats[i], cut, n, n, MAX_BYTES, &bytes, NULL);
            assert_false(is_good);
        }
    }
}

static void
the_disk_has_a_limit(void **state)
{
    Header header;
    uint64_t bytes = 0;
    g_autoptr(GError) error = NULL;
    make_qcow2(&header);
    assert_false(berth_image_header_check(BERTH_IMAGE_QCOW2, header.bytes, sizeof(header.bytes),
                                          FILE_BYTES, (1ull << 30) - 1, &bytes, &error));
    assert_berth_error(error->code, BERTH_ERR_TOO_LARGE);
    assert_string_equal(error->message, "the image is refused: its disk has 1024 MiB, at most 1023 "
                                        "MiB are allowed");
    g_clear_error(&error);
    assert_false(berth_image_header_check(BERTH_IMAGE_RAW, NULL, 0, 0, MAX_BYTES, &bytes, &error));
    assert_berth_error(error->code, BERTH_ERR_INVALID);
}

static void
formats_are_guessed_by_their_first_bytes(void **state)
{
    Header header;
    BerthImageFormat format;
    make_qcow2(&header);
    assert_true(berth_image_format_guess(header.bytes, 4096, &format, NULL));
    assert_int_equal(format, BERTH_IMAGE_QCOW2);
    make_vmdk_with(&header, VMDK_GOOD);
    assert_true(berth_image_format_guess(header.bytes, 4096, &format, NULL));
    assert_int_equal(format, BERTH_IMAGE_VMDK);
    make_vdi(&header);
    assert_true(berth_image_format_guess(header.bytes, 4096, &format, NULL));
    assert_int_equal(format, BERTH_IMAGE_VDI);
    memset(&header, 0, sizeof(header));
    assert_false(berth_image_format_guess(header.bytes, 4096, &format, NULL));
    header.bytes[510] = 0x55;
    header.bytes[511] = 0xaa;
    assert_true(berth_image_format_guess(header.bytes, 4096, &format, NULL));
    assert_int_equal(format, BERTH_IMAGE_RAW);
    assert_false(berth_image_format_guess(header.bytes, 511, &format, NULL));
    assert_false(berth_image_format_guess(NULL, 0, &format, NULL));
}

static void
formats_have_names(void **state)
{
    BerthImageFormat format;
    g_autoptr(GError) error = NULL;
    assert_true(berth_image_format_parse("vdi", &format, NULL));
    assert_int_equal(format, BERTH_IMAGE_VDI);
    assert_string_equal(berth_image_format_name(format), "vdi");
    assert_false(berth_image_format_parse("nbd", &format, &error));
    assert_string_equal(error->message, "the format \"nbd\" cannot be imported; there are raw, "
                                        "qcow2, vmdk and vdi");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_qcow2_may_not_say),
        cmocka_unit_test(what_vdi_may_not_say),
        cmocka_unit_test(what_vmdk_may_not_say),
        cmocka_unit_test(cut_headers_are_refused),
        cmocka_unit_test(the_disk_has_a_limit),
        cmocka_unit_test(formats_are_guessed_by_their_first_bytes),
        cmocka_unit_test(formats_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
