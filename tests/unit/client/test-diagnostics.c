/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bundle of diagnostics: it holds what helps, and nothing that is secret; and names of files.
 */
#include "testing.h"

#include "client/core/diagnostics.h"
#include "client/core/screenshot-name.h"
#include "client/core/viewers-text.h"

#include "berth/errors.h"

#include <archive.h>
#include <archive_entry.h>
#include <glib/gstdio.h>
#include <string.h>

#define SECRET_TOKEN "aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899"
#define SECRET_PASSWORD "hunter2"
#define SECRET_CODE "c0de-of-a-link"
#define SECRET_USER "ann-the-user"

static char *folder;

static int
make_folder(void **state)
{
    folder = g_dir_make_tmp("berth-diagnostics-XXXXXX", NULL);
    return folder != NULL ? 0 : -1;
}

static int
remove_folder(void **state)
{
    g_rmdir(folder);
    g_free(folder);
    return 0;
}

/* Everything in a bundle, each file after its name. */
static char *
read_bundle(const char *path, unsigned *ret_n_files)
{
    GString *text = g_string_new(NULL);
    struct archive *archive = archive_read_new();
    struct archive_entry *entry;
    char buffer[4096];
    la_ssize_t n;

    archive_read_support_filter_gzip(archive);
    archive_read_support_format_tar(archive);
    assert_int_equal(archive_read_open_filename(archive, path, sizeof buffer), ARCHIVE_OK);
    *ret_n_files = 0;
    while (archive_read_next_header(archive, &entry) == ARCHIVE_OK) {
        g_string_append_printf(text, "\n== %s\n", archive_entry_pathname(entry));
        while ((n = archive_read_data(archive, buffer, sizeof buffer)) > 0) {
            g_string_append_len(text, buffer, n);
        }
        ++*ret_n_files;
    }
    assert_int_equal(archive_errno(archive), 0);
    archive_read_free(archive);
    return g_string_free(text, FALSE);
}

static void
a_bundle_holds_what_helps_and_no_secret(void **state)
{
    static BerthStats stats;
    g_autofree char *path = g_build_filename(folder, "bundle.tar.gz", NULL);
    g_autofree char *ini = g_build_filename(folder, "client.ini", NULL);
    BerthSettings settings;
    const BerthDiagnostics diagnostics = {
        .settings = &settings,
        .stats = &stats,
        .report = "Frames: 30 in a second",
        .about = "berth: 1\nsystem: Debian",
        .log = "one info client: the session opens\n"
               "two debug x: token=" SECRET_TOKEN "\n"
               "three debug x: password: " SECRET_PASSWORD "\n"
               "four debug x: berth://vdi.example/?code=" SECRET_CODE "\n",
    };
    const char *const secrets[] = { SECRET_TOKEN, SECRET_PASSWORD, SECRET_CODE, SECRET_USER };
    const char *const helps[] = { "the session opens",   "30 in a second", "system: Debian",
                                  "https://vdi.example", "\"frames\"",     "\"has_user\": true" };
    g_autofree char *text = NULL;
    unsigned n_files = 0;
    GStatBuf info;

    berth_stats_init(&stats);
    berth_settings_load(&settings, ini);
    berth_settings_use_broker(&settings, "https://vdi.example");
    berth_settings_set(&settings.profile->user, SECRET_USER);
    assert_true(berth_diagnostics_write(&diagnostics, path, NULL));
    assert_int_equal(g_stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    text = read_bundle(path, &n_files);
    assert_int_equal(n_files, 5);
    for (size_t i = 0; i < G_N_ELEMENTS(secrets); i++) {
        if (strstr(text, secrets[i]) != NULL) {
            fail_msg("'%s' is in the bundle: %s", secrets[i], text);
        }
    }
    for (size_t i = 0; i < G_N_ELEMENTS(helps); i++) {
        if (strstr(text, helps[i]) == NULL) {
            fail_msg("'%s' is not in the bundle: %s", helps[i], text);
        }
    }
    berth_settings_clear(&settings);
    g_unlink(path);
}

static void
a_file_that_cannot_be_written_is_told(void **state)
{
    g_autofree char *path = g_build_filename(folder, "missing", "bundle.tar.gz", NULL);
    g_autofree char *ini = g_build_filename(folder, "client.ini", NULL);
    BerthSettings settings;
    const BerthDiagnostics diagnostics = { .settings = &settings, .about = "", .log = "" };
    g_autoptr(GError) error = NULL;

    berth_settings_load(&settings, ini);
    assert_false(berth_diagnostics_write(&diagnostics, path, &error));
    assert_int_equal(error->code, BERTH_ERR_IO);
    assert_non_null(strstr(error->message, path));
    berth_settings_clear(&settings);
}

static void
pictures_are_called_after_their_desktop(void **state)
{
    g_autoptr(GDateTime) time = g_date_time_new_utc(2026, 11, 22, 18, 5, 9);

    const struct {
        const char *desktop;
        unsigned head;
        const char *wanted;
    } rows[] = {
        { "Office", 0, "Berth Office 2026-11-22 18-05-09.png" },
        { "Office", 1, "Berth Office 2026-11-22 18-05-09 screen 2.png" },
        { NULL, 0, "Berth 2026-11-22 18-05-09.png" },
        { "", 0, "Berth 2026-11-22 18-05-09.png" },
        /* A point is no letter: nothing hides, and nothing is another folder. */
        { "../../.bashrc", 0, "Berth _______bashrc 2026-11-22 18-05-09.png" },
        { "a/b\nc", 0, "Berth a_b_c 2026-11-22 18-05-09.png" },
        { "B\xc3\xbcro", 0, "Berth B\xc3\xbcro 2026-11-22 18-05-09.png" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *name = berth_screenshot_name(rows[i].desktop, time, rows[i].head);

        assert_string_equal(name, rows[i].wanted);
    }
}

static void
who_watches_is_told_in_a_line(void **state)
{
    const struct {
        BerthMsgViewers viewers;
        const char *wanted;
    } rows[] = {
        { { 0, false }, NULL },
        { { 0, true }, "This is recorded" },
        { { 1, false }, "Somebody watches" },
        { { 3, true }, "3 people watch, and this is recorded" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = berth_viewers_text(&rows[i].viewers);

        assert_true((text == NULL) == (rows[i].wanted == NULL));
        if (text != NULL) {
            assert_string_equal(text, rows[i].wanted);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bundle_holds_what_helps_and_no_secret),
        cmocka_unit_test(a_file_that_cannot_be_written_is_told),
        cmocka_unit_test(pictures_are_called_after_their_desktop),
        cmocka_unit_test(who_watches_is_told_in_a_line),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
