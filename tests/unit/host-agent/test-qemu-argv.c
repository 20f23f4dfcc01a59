/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/qemu-argv.h"

#include "base/id.h"
#include "testing.h"

#include <stdlib.h>
#include <string.h>

static const char folder[] = "/var/lib/berth/agent/vms/00112233445566778899aabbccddeeff";

static void
make_spec(BerthVmSpec *spec)
{
    memset(spec, 0, sizeof *spec);
    berth_id_parse("00112233445566778899aabbccddeeff", &spec->id);
    berth_id_parse("11112222333344445555666677778888", &spec->vm_uuid);
    berth_id_parse("aaaabbbbccccddddeeeeffff00001111", &spec->vmgenid);
    memcpy(spec->mac, "\x52\x54\x00\x12\x34\x56", sizeof spec->mac);
    spec->name = g_strdup("office 1, of anna");
    spec->machine_type = g_strdup("pc-q35-7.2");
    spec->accel = BERTH_ACCEL_TCG;
    spec->vcpus = 2;
    spec->memory_mib = 1024;
    spec->manifest.name = g_strdup("office");
    spec->manifest.format = g_strdup("qcow2");
    spec->manifest.disk = g_strdup("office.qcow2");
    spec->manifest.width = 1280;
    spec->manifest.height = 800;
}

static void
make_plan(const BerthVmSpec *spec, BerthQemuPlan *plan)
{
    memset(plan, 0, sizeof *plan);
    plan->spec = spec;
    plan->qemu_program = "qemu-system-x86_64";
    plan->vm_folder = folder;
    plan->image_folder = "/var/lib/berth/images";
    plan->disk_path = "/var/lib/berth/agent/vms/00112233445566778899aabbccddeeff/disk.qcow2";
    plan->has_card = true;
    plan->is_network_restricted = true;
}

/* One word a line; an option and its value stand together. */
static char *
argv_text(char **argv)
{
    GString *text = g_string_new(argv[0]);
    for (int i = 1; argv[i] != NULL; i++) {
        g_string_append_printf(text, "%s%s", argv[i][0] == '-' ? "\n" : " ", argv[i]);
    }
    g_string_append_c(text, '\n');
    return g_string_free(text, FALSE);
}

static void
assert_golden(const char *name, const BerthQemuPlan *plan)
{
    GError *error = NULL;
    g_autofree char *file = g_strconcat(name, ".txt", NULL);
    g_autofree char *path = g_build_filename(BERTH_GOLDEN_DIR, "qemu-argv", file, NULL);
    g_autofree char *expected = NULL;
    char **argv = berth_qemu_argv_build(plan, &error);
    assert_null(error);
    g_autofree char *got = argv_text(argv);
    g_strfreev(argv);
    if (getenv("BERTH_TEST_REGENERATE") != NULL) {
        assert_true(g_file_set_contents(path, got, -1, NULL));
    }
    if (!g_file_get_contents(path, &expected, NULL, NULL)) {
        fail_msg("%s cannot be read", path);
    }
    assert_string_equal(got, expected);
}

static void
a_disk_image_boots_cold(void **state)
{
    BerthVmSpec spec;
    BerthQemuPlan plan;
    make_spec(&spec);
    make_plan(&spec, &plan);
    assert_golden("cold-disk", &plan);
    plan.is_network_restricted = false;
    spec.accel = BERTH_ACCEL_KVM;
    assert_golden("cold-disk-kvm-nat", &plan);
    berth_vm_spec_clear(&spec);
}

static void
a_port_of_a_bridge_is_a_descriptor(void **state)
{
    BerthVmSpec spec;
    BerthQemuPlan plan;
    make_spec(&spec);
    make_plan(&spec, &plan);
    plan.has_tap = true;
    assert_golden("cold-bridge", &plan);
    berth_vm_spec_clear(&spec);
}

static void
a_kernel_image_boots_without_disk(void **state)
{
    BerthVmSpec spec;
    BerthQemuPlan plan;
    make_spec(&spec);
    make_plan(&spec, &plan);
    g_clear_pointer(&spec.manifest.disk, g_free);
    spec.manifest.kernel = g_strdup("tg-vmlinuz");
    spec.manifest.initrd = g_strdup("tg-initrd");
    spec.manifest.cmdline = g_strdup("quiet, really panic=-1");
    plan.disk_path = NULL;
    assert_golden("cold-kernel", &plan);
    berth_vm_spec_clear(&spec);
}

static void
a_card_of_our_own_shares_the_memory(void **state)
{
    BerthVmSpec spec;
    BerthQemuPlan plan;
    make_spec(&spec);
    make_plan(&spec, &plan);
    plan.has_gpu = true;
    assert_golden("cold-gpu", &plan);
    berth_vm_spec_clear(&spec);
}

static void
template_and_fork_differ_only_where_they_may(void **state)
{
    BerthVmSpec spec;
    BerthQemuPlan plan;
    make_spec(&spec);
    make_plan(&spec, &plan);
    plan.ram_path = "/var/lib/berth/agent/templates/abc/ram";
    plan.memory = BERTH_MEMORY_TEMPLATE;
    plan.has_card = false;
    assert_golden("template", &plan);
    char **template_argv = berth_qemu_argv_build(&plan, NULL);
    plan.memory = BERTH_MEMORY_FORK;
    assert_golden("fork", &plan);
    char **fork_argv = berth_qemu_argv_build(&plan, NULL);
    int n = (int)g_strv_length(template_argv);
    assert_int_equal((int)g_strv_length(fork_argv), n + 2);
    assert_string_equal(fork_argv[n], "-incoming");
    for (int i = 0; i < n; i++) {
        bool is_memory = strstr(template_argv[i], "memory-backend-file") != NULL;
        assert_true((strcmp(template_argv[i], fork_argv[i]) != 0) == is_memory);
    }
    /* A card that the template was given after its boot. */
    plan.has_card = true;
    assert_golden("fork-card", &plan);
    g_strfreev(template_argv);
    g_strfreev(fork_argv);
    berth_vm_spec_clear(&spec);
}

static bool
has_word(char **argv, const char *word)
{
    return g_strv_contains((const char *const *)argv, word);
}

static void
a_comma_in_a_path_is_doubled(void **state)
{
    BerthVmSpec spec;
    BerthQemuPlan plan;
    make_spec(&spec);
    make_plan(&spec, &plan);
    plan.vm_folder = "/srv/a,b";
    char **argv = berth_qemu_argv_build(&plan, NULL);
    assert_true(has_word(argv, "socket,id=vdagent,path=/srv/a,,b/vdagent.sock,server=on,wait=off"));
    g_strfreev(argv);
    berth_vm_spec_clear(&spec);
}

static void
assert_refused(const BerthQemuPlan *plan)
{
    GError *error = NULL;
    assert_null(berth_qemu_argv_build(plan, &error));
    assert_non_null(error);
    assert_berth_error(error->code, BERTH_ERR_INVALID);
    g_error_free(error);
}

static void
what_qemu_could_misread_is_refused(void **state)
{
    static char long_folder[200];
    BerthVmSpec spec;
    BerthQemuPlan plan;
    make_spec(&spec);
    make_plan(&spec, &plan);
    plan.disk_path = "/a\nb";
    assert_refused(&plan);
    make_plan(&spec, &plan);
    plan.disk_path = "json:{}";
    assert_refused(&plan);
    make_plan(&spec, &plan);
    plan.vm_folder = "relative";
    assert_refused(&plan);
    make_plan(&spec, &plan);
    memset(long_folder, 'x', sizeof long_folder - 1);
    long_folder[0] = '/';
    plan.vm_folder = long_folder;
    assert_refused(&plan);
    make_plan(&spec, &plan);
    g_free(spec.machine_type);
    spec.machine_type = g_strdup("q35,accel=kvm");
    assert_refused(&plan);
    berth_vm_spec_clear(&spec);
}

/* A disk that boots by itself: the manifest may say so with an empty command line. */
static void
a_disk_that_boots_itself_needs_no_kernel(void **state)
{
    static const char text[] = "{\"name\":\"own\",\"format\":\"qcow2\",\"disk\":\"own.qcow2\","
                               "\"kernel\":null,\"initrd\":null,\"cmdline\":\"\"}";
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    BerthManifest manifest = { 0 };
    g_autoptr(GError) error = NULL;
    bool is_read = berth_manifest_parse(object, &manifest, &error);
    json_decref(object);
    assert_null(error);
    assert_true(is_read);
    assert_null(manifest.cmdline);
    berth_manifest_clear(&manifest);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_disk_image_boots_cold),
        cmocka_unit_test(a_port_of_a_bridge_is_a_descriptor),
        cmocka_unit_test(a_kernel_image_boots_without_disk),
        cmocka_unit_test(a_card_of_our_own_shares_the_memory),
        cmocka_unit_test(template_and_fork_differ_only_where_they_may),
        cmocka_unit_test(a_comma_in_a_path_is_doubled),
        cmocka_unit_test(what_qemu_could_misread_is_refused),
        cmocka_unit_test(a_disk_that_boots_itself_needs_no_kernel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
