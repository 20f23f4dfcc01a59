/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/depot/version-manifest.h"

#include "base/id.h"
#include "berth/limits.h"
#include "testing.h"

#include <string.h>

#define IMAGE "00000000000000000000000000000001"
#define VERSION "00000000000000000000000000000002"
#define ROOT "1111111111111111111111111111111111111111111111111111111111111111"

#define FILE_OF(role) \
    "{\"chunk_bytes\":4194304,\"role\":\"" role "\",\"root\":\"" ROOT "\",\"size_bytes\":512}"
#define MACHINE                                                                                   \
    "{\"cmdline\":\"\",\"display\":\"dbus\",\"height\":800,\"memory_mib\":1024,\"prepare\":\"\"," \
    "\"ready\":\"guest-agent\",\"vcpus\":1,\"width\":1280}"
#define MANIFEST_OF(files, machine, number)                                   \
    "{\"created_us\":7,\"files\":[" files "],\"format\":1,\"image\":\"" IMAGE \
    "\",\"image_name\":\"office\",\"machine\":" machine ",\"number\":" number \
    ",\"parent\":\"\",\"version\":\"" VERSION "\"}"
#define GOOD MANIFEST_OF(FILE_OF("disk"), MACHINE, "3")

static bool
parse(const char *text, BerthVersionManifest *ret, GError **error)
{
    return berth_version_manifest_parse(text, strlen(text), ret, error);
}

static void
a_manifest_is_read_and_written_byte_by_byte(void **state)
{
    g_auto(BerthVersionManifest) manifest = { 0 };
    g_autoptr(GError) error = NULL;
    assert_true(parse(GOOD, &manifest, &error));
    assert_int_equal(manifest.number, 3);
    assert_int_equal(manifest.machine.memory_mib, 1024);
    assert_null(manifest.machine.cmdline);
    assert_true(manifest.files[BERTH_VERSION_DISK].is_present);
    assert_false(manifest.files[BERTH_VERSION_KERNEL].is_present);
    assert_int_equal(berth_version_manifest_size_bytes(&manifest), 512);

    g_auto(BerthVersionManifest) copy = { 0 };
    berth_version_manifest_copy(&manifest, &copy);
    g_autofree char *again = berth_version_manifest_format(&copy, &error);
    assert_string_equal(again, GOOD);
}

static void
every_file_and_setting_comes_through(void **state)
{
    static const char full[] =
        MANIFEST_OF(FILE_OF("disk") "," FILE_OF("kernel") "," FILE_OF("initrd"),
                    "{\"cmdline\":\"root=/dev/vda quiet\",\"display\":\"vhost-user-gpu\","
                    "\"height\":1080,\"memory_mib\":4096,\"prepare\":\"true\\n\","
                    "\"ready\":\"display\",\"vcpus\":4,\"width\":1920}",
                    "1");
    g_auto(BerthVersionManifest) manifest = { 0 };
    g_autoptr(GError) error = NULL;
    assert_true(parse(full, &manifest, &error));
    assert_string_equal(manifest.machine.cmdline, "root=/dev/vda quiet");
    assert_string_equal(manifest.machine.prepare, "true\n");
    assert_int_equal(manifest.machine.ready, BERTH_VERSION_READY_DISPLAY);
    assert_int_equal(manifest.machine.display, BERTH_VERSION_DISPLAY_GPU);
    assert_true(manifest.files[BERTH_VERSION_INITRD].is_present);
    g_autofree char *again = berth_version_manifest_format(&manifest, &error);
    assert_string_equal(again, full);
}

static void
what_is_not_canonical_or_damaged_is_refused(void **state)
{
    static const struct {
        const char *text;
        int code;
    } cases[] = {
        { "", BERTH_ERR_CORRUPT },
        { "[]", BERTH_ERR_CORRUPT },
        { "{}", BERTH_ERR_VERSION },
        { " " GOOD, BERTH_ERR_CORRUPT },
        { GOOD " ", BERTH_ERR_CORRUPT },
        { GOOD "{}", BERTH_ERR_CORRUPT },
        { MANIFEST_OF(FILE_OF("disk"), MACHINE, "03"), BERTH_ERR_CORRUPT },
        { MANIFEST_OF(FILE_OF("disk"), MACHINE, "0"), BERTH_ERR_CORRUPT },
        { MANIFEST_OF(FILE_OF("disk"), MACHINE, "-1"), BERTH_ERR_CORRUPT },
        { MANIFEST_OF(FILE_OF("disk"), MACHINE, "3.0"), BERTH_ERR_CORRUPT },
        { MANIFEST_OF(FILE_OF("disk"), MACHINE, "3,\"number\":4"), BERTH_ERR_CORRUPT },
        { MANIFEST_OF(FILE_OF("disk"), MACHINE, "3,\"opinion\":4"), BERTH_ERR_CORRUPT },
        { MANIFEST_OF(FILE_OF("disk"), "{}", "3"), BERTH_ERR_CORRUPT },
        { MANIFEST_OF(FILE_OF("disk"), "7", "3"), BERTH_ERR_CORRUPT },
        { MANIFEST_OF("", MACHINE, "3"), BERTH_ERR_CORRUPT },
        { MANIFEST_OF(FILE_OF("initrd"), MACHINE, "3"), BERTH_ERR_CORRUPT },
        { MANIFEST_OF(FILE_OF("disk") "," FILE_OF("disk"), MACHINE, "3"), BERTH_ERR_CORRUPT },
        { MANIFEST_OF(FILE_OF("disk") "," FILE_OF("initrd"), MACHINE, "3"), BERTH_ERR_CORRUPT },
        { MANIFEST_OF(FILE_OF("disk") "," FILE_OF("floppy"), MACHINE, "3"), BERTH_ERR_CORRUPT },
        { MANIFEST_OF(FILE_OF("kernel") "," FILE_OF("disk"), MACHINE, "3"), BERTH_ERR_CORRUPT },
        { MANIFEST_OF("{\"chunk_bytes\":1,\"role\":\"disk\",\"root\":\"" ROOT
                      "\",\"size_bytes\":512}",
                      MACHINE, "3"),
          BERTH_ERR_CORRUPT },
        { MANIFEST_OF("{\"chunk_bytes\":4194304,\"role\":\"disk\",\"root\":\"" ROOT
                      "\",\"size_bytes\":9223372036854775807}",
                      MACHINE, "3"),
          BERTH_ERR_CORRUPT },
        { MANIFEST_OF("{\"chunk_bytes\":4194304,\"role\":\"disk\",\"root\":\"../x"
                      "\",\"size_bytes\":1}",
                      MACHINE, "3"),
          BERTH_ERR_CORRUPT },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(BerthVersionManifest) manifest = { 0 };
        g_autoptr(GError) error = NULL;
        assert_false(parse(cases[i].text, &manifest, &error));
        assert_berth_error(error->code, cases[i].code);
        assert_null(manifest.image_name);
    }
}

static void
every_changed_byte_is_another_manifest_or_none(void **state)
{
    g_autofree char *text = g_strdup(GOOD);
    for (size_t i = 0; i < strlen(GOOD); i++) {
        g_auto(BerthVersionManifest) manifest = { 0 };
        g_autofree char *again = NULL;
        text[i] ^= 1;
        if (berth_version_manifest_parse(text, strlen(GOOD), &manifest, NULL)) {
            again = berth_version_manifest_format(&manifest, NULL);
            assert_string_equal(again, text);
            assert_string_not_equal(again, GOOD);
        }
        text[i] ^= 1;
    }
}

static void
a_text_that_is_too_long_is_refused(void **state)
{
    g_auto(BerthVersionManifest) manifest = { 0 };
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strnfill(BERTH_LIMIT_VERSION_MANIFEST_BYTES + 1, ' ');
    assert_false(parse(text, &manifest, &error));
    assert_berth_error(error->code, BERTH_ERR_TOO_LARGE);
}

static void
a_replayed_manifest_is_not_the_one_asked_for(void **state)
{
    g_auto(BerthVersionManifest) manifest = { 0 };
    BerthId image, version, other;
    assert_true(parse(GOOD, &manifest, NULL));
    assert_berth_ok(berth_id_parse(IMAGE, &image));
    assert_berth_ok(berth_id_parse(VERSION, &version));
    berth_id_random(&other);
    assert_true(berth_version_manifest_is_for(&manifest, &version, &image, 3, NULL));
    assert_true(berth_version_manifest_is_for(&manifest, &version, &image, 0, NULL));
    assert_false(berth_version_manifest_is_for(&manifest, &version, &image, 4, NULL));
    assert_false(berth_version_manifest_is_for(&manifest, &version, &other, 3, NULL));
    g_autoptr(GError) error = NULL;
    assert_false(berth_version_manifest_is_for(&manifest, &other, &image, 3, &error));
    assert_berth_error(error->code, BERTH_ERR_REPLAYED);
    assert_non_null(strstr(error->message, VERSION));
}

static void
what_people_give_for_a_machine_is_checked(void **state)
{
    static const struct {
        const char *text;
        const char *problem; /* NULL: it is good */
    } cases[] = {
        { "{}", NULL },
        { "{\"memory_mib\":512,\"cmdline\":\"quiet\"}", NULL },
        { "{\"memory_mib\":1}", "\"memory_mib\" of the machine is no whole number from 16 to" },
        { "{\"memory_mib\":\"512\"}", "\"memory_mib\" of the machine is no whole number" },
        { "{\"vcpus\":65}", "\"vcpus\" of the machine is no whole number from 1 to 64" },
        { "{\"vcpu\":1}", "the machine has no setting \"vcpu\"; there are memory_mib" },
        { "{\"ready\":\"soon\"}", "\"ready\" of the machine is neither \"guest-agent\" nor" },
        { "{\"display\":7}", "\"display\" of the machine is neither \"dbus\" nor" },
        { "{\"cmdline\":\"a\\nb\"}", "\"cmdline\" of the machine has a control character" },
        { "{\"prepare\":[]}", "\"prepare\" of the machine is no text of at most" },
        { "[]", "the machine is no object" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(BerthVersionMachine) machine = { 0 };
        g_autoptr(GError) error = NULL;
        json_auto_t *object = json_loads(cases[i].text, 0, NULL);
        bool is_good = berth_version_machine_parse(object, &machine, &error);
        assert_int_equal(is_good, cases[i].problem == NULL);
        if (!is_good) {
            assert_berth_error(error->code, BERTH_ERR_INVALID);
            assert_non_null(strstr(error->message, cases[i].problem));
        }
    }
    g_auto(BerthVersionMachine) defaults = { 0 };
    assert_true(berth_version_machine_parse(NULL, &defaults, NULL));
    assert_int_equal(defaults.width, 1280);
}

static void
what_cannot_be_read_is_not_written(void **state)
{
    g_auto(BerthVersionManifest) manifest = { 0 };
    g_autoptr(GError) error = NULL;
    assert_true(parse(GOOD, &manifest, NULL));
    manifest.parent = manifest.version;
    assert_null(berth_version_manifest_format(&manifest, &error));
    assert_berth_error(error->code, BERTH_ERR_CORRUPT);
    g_clear_error(&error);
    memset(&manifest.parent, 0, sizeof(manifest.parent));
    manifest.machine.prepare = g_strnfill(BERTH_LIMIT_VERSION_MANIFEST_BYTES, 'x');
    assert_null(berth_version_manifest_format(&manifest, &error));
    assert_berth_error(error->code, BERTH_ERR_TOO_LARGE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_manifest_is_read_and_written_byte_by_byte),
        cmocka_unit_test(every_file_and_setting_comes_through),
        cmocka_unit_test(what_is_not_canonical_or_damaged_is_refused),
        cmocka_unit_test(every_changed_byte_is_another_manifest_or_none),
        cmocka_unit_test(a_text_that_is_too_long_is_refused),
        cmocka_unit_test(a_replayed_manifest_is_not_the_one_asked_for),
        cmocka_unit_test(what_people_give_for_a_machine_is_checked),
        cmocka_unit_test(what_cannot_be_read_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
