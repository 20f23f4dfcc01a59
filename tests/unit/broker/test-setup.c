/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/setup/site-files.h"

#include "testing.h"

#include "base/id.h"
#include "display/transport/ticket.h"
#include "display/transport/tls-key.h"

#include <glib/gstdio.h>
#include <sys/stat.h>

typedef struct {
    char *folder;
    unsigned n_hosts;
    BerthId last_id;
} Fixture;

static int
set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);
    fixture->folder = g_dir_make_tmp("berth-setup-XXXXXX", NULL);
    *state = fixture;
    return fixture->folder != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
    Fixture *fixture = *state;
    GDir *dir = g_dir_open(fixture->folder, 0, NULL);
    const char *name;
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(fixture->folder, name, NULL);
        g_unlink(path);
    }
    g_dir_close(dir);
    g_rmdir(fixture->folder);
    g_free(fixture->folder);
    g_free(fixture);
    return 0;
}

static void
count_host(const char *name, const BerthId *id, void *user_data)
{
    Fixture *fixture = user_data;
    fixture->n_hosts++;
    fixture->last_id = *id;
}

static int
make(Fixture *fixture, const char *gateway, const char *address, const char *host)
{
    const char *addresses[] = { address, NULL };
    const char *hosts[] = { host, NULL };
    BerthSiteRequest request = { fixture->folder, gateway, addresses, hosts };
    g_autoptr(GError) error = NULL;
    if (berth_site_files_make(&request, count_host, fixture, &error)) {
        assert_null(error);
        return BERTH_OK;
    }
    assert_non_null(error);
    return error->code;
}

static char *
read_text(const Fixture *fixture, const char *name)
{
    g_autofree char *path = g_build_filename(fixture->folder, name, NULL);
    char *text = NULL;
    assert_true(g_file_get_contents(path, &text, NULL, NULL));
    return text;
}

static void
a_site_gets_keys_that_load(void **state)
{
    Fixture *fixture = *state;
    const char *const stems[] = { "ca", "gateway", "broker", "host-one" };

    assert_berth_ok(make(fixture, "desk.example", "10.0.0.1", "one"));
    assert_int_equal(fixture->n_hosts, 1);
    for (size_t i = 0; i < G_N_ELEMENTS(stems); i++) {
        g_autofree char *cert = g_strdup_printf("%s/%s.pem", fixture->folder, stems[i]);
        g_autofree char *key = g_strdup_printf("%s/%s.key", fixture->folder, stems[i]);
        g_autoptr(GError) error = NULL;
        g_autoptr(BerthTlsKey) loaded = berth_tls_key_load(cert, key, &error);
        assert_non_null(loaded);
    }
    g_autofree char *path = g_build_filename(fixture->folder, "ticket.key", NULL);
    g_autoptr(BerthSigningKey) signing = berth_signing_key_load(path, NULL);
    assert_non_null(signing);
    g_autofree char *hex = read_text(fixture, "ticket.pub");
    BerthTicketKey from_file, from_key;
    assert_berth_ok(berth_ticket_key_parse(g_strchomp(hex), &from_file));
    berth_signing_key_get_public(signing, &from_key);
    assert_memory_equal(&from_file, &from_key, sizeof from_key);
}

static void
keys_are_for_their_owner_alone(void **state)
{
    Fixture *fixture = *state;
    const char *const names[] = { "ca.key", "gateway.key", "broker.key", "host-one.key",
                                  "ticket.key" };

    assert_berth_ok(make(fixture, "desk.example", NULL, "one"));
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(fixture->folder, names[i], NULL);
        GStatBuf status;
        assert_int_equal(g_stat(path, &status), 0);
        assert_int_equal(status.st_mode & 0777, 0600);
    }
}

static void
a_host_is_added_later_by_the_same_authority(void **state)
{
    Fixture *fixture = *state;

    assert_berth_ok(make(fixture, "desk.example", NULL, "one"));
    g_autofree char *before = read_text(fixture, "ca.pem");
    BerthId first = fixture->last_id;
    assert_berth_ok(make(fixture, "desk.example", NULL, "two"));
    g_autofree char *after = read_text(fixture, "ca.pem");
    assert_string_equal(before, after);
    assert_false(berth_id_equal(&first, &fixture->last_id));
}

static void
a_host_is_never_overwritten(void **state)
{
    Fixture *fixture = *state;

    assert_berth_ok(make(fixture, "desk.example", NULL, "one"));
    g_autofree char *before = read_text(fixture, "host-one.pem");
    assert_berth_error(make(fixture, "desk.example", NULL, "one"), BERTH_ERR_EXISTS);
    g_autofree char *after = read_text(fixture, "host-one.pem");
    assert_string_equal(before, after);
}

static void
names_that_could_escape_are_refused(void **state)
{
    const char *const bad[] = { "", "../x", "a/b", "a,URI:berth:host:0", "-x", "a b" };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        assert_berth_error(make(*state, "desk.example", NULL, bad[i]), BERTH_ERR_INVALID);
        assert_berth_error(make(*state, bad[i], NULL, "one"), BERTH_ERR_INVALID);
    }
    assert_berth_error(make(*state, "desk.example", "10.0.0.1,DNS:x", "one"), BERTH_ERR_INVALID);
}

static void
an_authority_without_its_key_is_said(void **state)
{
    Fixture *fixture = *state;

    assert_berth_ok(make(fixture, "desk.example", NULL, "one"));
    g_autofree char *path = g_build_filename(fixture->folder, "ca.key", NULL);
    assert_true(g_file_set_contents(path, "not a key", -1, NULL));
    assert_berth_error(make(fixture, "desk.example", NULL, "two"), BERTH_ERR_CORRUPT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_site_gets_keys_that_load, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_are_for_their_owner_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_host_is_added_later_by_the_same_authority, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_host_is_never_overwritten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_that_could_escape_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_authority_without_its_key_is_said, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("setup", tests, NULL, NULL);
}
