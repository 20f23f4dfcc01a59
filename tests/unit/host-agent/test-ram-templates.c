/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * RAM templates that are there: which are kept, and which go when a machine needs their memory.
 */
#include "host-agent/state-file.h"
#include "host-agent/vm/ram-templates.h"
#include "host-agent/vm/template-folder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmocka.h>

#define MIB (1024 * 1024)

typedef struct {
    char *folder;
    BerthVmHost host;
    BerthVmSpec spec;
    BerthRamTemplates *store;
    char *key;   /* of the template of spec */
    int n_forks; /* that stand on it */
} Site;

static void
nothing_changed(void *user_data)
{
    (void)user_data;
}

static int
count_forks(const char *key, void *user_data)
{
    const Site *site = user_data;
    return strcmp(key, site->key) == 0 ? site->n_forks : 0;
}

static void
pass(Site *site, int n_wishes, const bool *are_spare)
{
    berth_ram_templates_begin_pass(site->store);
    for (int i = 0; i < n_wishes; i++) {
        berth_ram_templates_want(site->store, &site->spec, are_spare[i]);
    }
    berth_ram_templates_end_pass(site->store, count_forks, site);
}

static size_t
count_reported(Site *site)
{
    json_t *report = berth_ram_templates_report(site->store, count_forks, site);
    size_t n = json_array_size(report);
    json_decref(report);
    return n;
}

/* Another agent holds the folder, so that nothing is built: the report tells the key. */
static void
find_key(Site *site)
{
    g_autofree char *lock = g_build_filename(site->folder, "lock", NULL);
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    site->store =
        berth_ram_templates_new(&site->host, site->folder, "7.2", 600, nothing_changed, NULL);
    site->key = g_strdup("");
    pass(site, 1, (const bool[]){ false });
    json_t *report = berth_ram_templates_report(site->store, count_forks, site);
    g_free(site->key);
    site->key = g_strdup(json_string_value(json_object_get(json_array_get(report, 0), "key")));
    json_decref(report);
    assert_non_null(site->key);
    close(fd);
}

static void
make_template(Site *site)
{
    g_autofree char *folder = g_build_filename(site->folder, site->key, NULL);
    g_autofree char *ram = g_build_filename(folder, BERTH_TEMPLATE_RAM, NULL);
    g_autofree char *device = g_build_filename(folder, BERTH_TEMPLATE_STATE, NULL);
    g_autofree char *memory = g_malloc0(2 * MIB);
    const BerthTemplateMarker marker = { .qemu_version = (char *)"7.2" };
    assert_true(berth_state_folder_make(folder, NULL));
    memset(memory, 1, 2 * MIB);
    assert_true(g_file_set_contents(ram, memory, 2 * MIB, NULL));
    assert_true(g_file_set_contents(device, "state", 5, NULL));
    assert_true(berth_template_folder_mark(folder, &marker, NULL));
}

static bool
has_template(Site *site)
{
    g_autofree char *folder = g_build_filename(site->folder, site->key, NULL);
    return access(folder, F_OK) == 0;
}

static int
set_up(void **state)
{
    Site *site = g_new0(Site, 1);
    site->folder = g_dir_make_tmp("berth-ram-templates-XXXXXX", NULL);
    site->host.qemu_program = "/bin/true";
    site->host.image_folder = site->folder;
    site->spec = (BerthVmSpec){ .name = g_strdup("template"),
                                .machine_type = g_strdup("q35"),
                                .vcpus = 1,
                                .memory_mib = 64,
                                .use_template = true };
    site->spec.manifest.name = g_strdup("image");
    find_key(site);
    make_template(site);
    *state = site;
    return 0;
}

static int
tear_down(void **state)
{
    Site *site = *state;
    berth_ram_templates_free(site->store);
    berth_vm_spec_clear(&site->spec);
    berth_state_folder_remove(site->folder);
    g_free(site->folder);
    g_free(site->key);
    g_free(site);
    return 0;
}

static void
what_somebody_needs_stays(void **state)
{
    Site *site = *state;
    static const bool wishes[][2] = { { false, true }, { true, false } };
    for (size_t i = 0; i < G_N_ELEMENTS(wishes); i++) {
        pass(site, 2, wishes[i]);
        assert_int_equal(berth_ram_templates_get_spare_mib(site->store, count_forks, site), 0);
        berth_ram_templates_drop_spare(site->store, count_forks, site);
        assert_true(has_template(site));
    }
    assert_int_equal(count_reported(site), 1);
}

static void
a_spare_one_with_forks_stays(void **state)
{
    Site *site = *state;
    site->n_forks = 1;
    pass(site, 1, (const bool[]){ true });
    assert_int_equal(berth_ram_templates_get_spare_mib(site->store, count_forks, site), 0);
    berth_ram_templates_drop_spare(site->store, count_forks, site);
    assert_true(has_template(site));
}

static void
a_spare_one_is_kept_counted_and_goes_once(void **state)
{
    Site *site = *state;
    pass(site, 1, (const bool[]){ true });
    assert_int_equal(count_reported(site), 1);
    assert_int_equal(berth_ram_templates_get_spare_mib(site->store, count_forks, site),
                     berth_ram_templates_get_mib(site->store));
    assert_true(berth_ram_templates_get_mib(site->store) >= 2);
    berth_ram_templates_drop_spare(site->store, count_forks, site);
    assert_false(has_template(site));
    assert_int_equal(berth_ram_templates_get_mib(site->store), 0);
    /* It is not made again while nobody needs it. */
    pass(site, 1, (const bool[]){ true });
    assert_false(berth_ram_templates_is_building(site->store));
    assert_int_equal(count_reported(site), 0);
}

static void
one_that_nobody_wants_goes_before_its_time(void **state)
{
    Site *site = *state;
    pass(site, 1, (const bool[]){ false });
    pass(site, 0, NULL);
    assert_true(has_template(site));
    berth_ram_templates_drop_spare(site->store, count_forks, site);
    assert_false(has_template(site));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_somebody_needs_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_spare_one_with_forks_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_spare_one_is_kept_counted_and_goes_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_that_nobody_wants_goes_before_its_time, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
