/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pure parts of forks: memory, identity, keys, templates' folders, turns. */
#include "host-agent/memory-plan.h"
#include "host-agent/state-file.h"
#include "host-agent/template-wish.h"
#include "host-agent/vm/fork-gate.h"
#include "host-agent/vm/guest-identity.h"
#include "host-agent/vm/overlay.h"
#include "host-agent/vm/ssh-host-key.h"
#include "host-agent/vm/template-folder.h"

#include "testing.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- memory ---- */

static void
memory_is_promised_once_and_watched_when_overcommitted(void **state)
{
    static const struct {
        BerthMemoryFacts facts;
        int committed_mib, free_mib;
    } rows[] = {
        /* limit, percent, templates, promised, private */
        { { 8192, 100, 0, 0, 0 }, 0, 8192 },
        { { 8192, 100, 768, 4096, 400 }, 4864, 3328 },
        { { 8192, 100, 768, 8192, 400 }, 8960, -768 },
        /* promises may go beyond, as long as there is room to grow */
        { { 8192, 200, 768, 8192, 400 }, 8960, 7424 },
        { { 8192, 200, 768, 8192, 7000 }, 8960, 0 },
        { { 8192, 200, 768, 17000, 400 }, 17768, -1384 },
        /* room for a tenth and the first steps, and just not */
        { { 1000, 150, 0, 0, 772 }, 0, 1500 },
        { { 1000, 150, 0, 0, 773 }, 0, 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        assert_int_equal(berth_memory_plan_committed_mib(&rows[i].facts), rows[i].committed_mib);
        assert_int_equal(berth_memory_plan_free_mib(&rows[i].facts), rows[i].free_mib);
    }
}

static void
spare_templates_go_only_if_that_makes_room(void **state)
{
    static const struct {
        int free_mib, wanted_mib, spare_mib;
        bool must_go;
    } rows[] = {
        { 1000, 768, 300, false }, { 768, 768, 300, false },   { 767, 768, 300, true },
        { 468, 768, 300, true },   { 467, 768, 300, false },   { 100, 768, 0, false },
        { -200, 768, 1000, true }, { -500, 768, 1000, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        assert_int_equal(berth_memory_plan_must_give_way(rows[i].free_mib, rows[i].wanted_mib,
                                                         rows[i].spare_mib),
                         rows[i].must_go);
    }
}

/* ---- identity ---- */

static void
a_host_name_is_made_of_any_name(void **state)
{
    static const char *const rows[][2] = {
        { "office-3", "office-3" },
        { "Office 3", "office-3" },
        { "--a__b..c--", "a-b-c" },
        { "\xc3\xa4", "desktop" },
        { "", "desktop" },
        { "'; rm -rf /; '", "rm-rf" },
        { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *name = berth_guest_host_name(rows[i][0]);
        assert_string_equal(name, rows[i][1]);
    }
}

static char *
make_script(const char *name, uint8_t id, bool is_booted)
{
    BerthVmSpec spec = { .name = g_strdup(name) };
    memset(&spec.vm_uuid, id, sizeof spec.vm_uuid);
    char *script = berth_guest_identity_script(&spec, 1790000000123456, is_booted);
    berth_vm_spec_clear(&spec);
    assert_non_null(script);
    return script;
}

/* Runs a script by the shell that a guest has; returns its status. */
static int
check_shell(const char *script)
{
    const char *const argv[] = { "/bin/sh", "-n", NULL };
    g_autoptr(GError) error = NULL;
    gint input, status = -1;
    GPid pid;
    assert_true(g_spawn_async_with_pipes(NULL, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL,
                                         NULL, &pid, &input, NULL, NULL, &error));
    assert_int_equal(write(input, script, strlen(script)), strlen(script));
    close(input);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void
two_identities_share_nothing_secret(void **state)
{
    char *a = make_script("office-1", 1, false), *b = make_script("office-2", 2, false);
    static const char *const keys[] = { "\nseed=", "ed25519=", "ecdsa=", "machine_id=", "name=" };
    assert_non_null(strstr(a, "clock='1790000000.123456'"));
    assert_non_null(strstr(a, "machine_id='01010101010101010101010101010101'"));
    assert_non_null(strstr(b, "name='office-2'"));
    for (size_t i = 1; i < G_N_ELEMENTS(keys); i++) {
        const char *in_a = strstr(a, keys[i]), *in_b = strstr(b, keys[i]);
        g_autofree char *value_a = g_strndup(in_a, 400), *value_b = g_strndup(in_b, 400);
        assert_string_not_equal(value_a, value_b);
    }
    assert_memory_not_equal(a, b, 60); /* the seed is the first line */
    assert_int_equal(check_shell(a), 0);
    assert_int_equal(check_shell(berth_guest_freeze_script()), 0);
    assert_int_equal(check_shell(berth_guest_card_script()), 0);
    assert_int_equal(check_shell(berth_guest_resume_script()), 0);
    berth_ssh_key_clear(a);
    berth_ssh_key_clear(b);
}

static void
a_guest_that_booted_shows_what_runs_in_it_its_new_name(void **state)
{
    char *fork = make_script("office-1", 1, false), *booted = make_script("office-1", 1, true);
    static const char *const more[] = { "xauth -f", "rm -f /etc/ssh/ssh_host_*_key ",
                                        "systemctl restart --no-block" };
    for (size_t i = 0; i < G_N_ELEMENTS(more); i++) {
        assert_null(strstr(fork, more[i]));
        assert_non_null(strstr(booted, more[i]));
    }
    assert_int_equal(check_shell(booted), 0);
    berth_ssh_key_clear(fork);
    berth_ssh_key_clear(booted);
}

static void
what_an_identity_printed_tells_of_the_network(void **state)
{
    static const struct {
        const char *out;
        bool has_address, lacks_card;
    } rows[] = {
        { "done with an address\n", true, false },
        { "done without a card\n", false, true },
        { "done\n", false, false },
        { "", false, false },
        { "\xff done with", false, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        assert_int_equal(berth_guest_identity_has_address(rows[i].out), rows[i].has_address);
        assert_int_equal(berth_guest_identity_lacks_card(rows[i].out), rows[i].lacks_card);
    }
}

static void
an_identity_is_given_once_to_clones_of_versions(void **state)
{
    static const struct {
        bool has_version, is_maintenance, has_identity, needs;
    } rows[] = {
        { true, false, false, true },
        { true, false, true, false }, /* it has run before, or was a fork */
        { true, true, false, false },
        { false, false, false, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        BerthVmSpec spec = { .is_maintenance = rows[i].is_maintenance,
                             .has_identity = rows[i].has_identity };
        spec.version.bytes[0] = rows[i].has_version;
        assert_int_equal(berth_vm_spec_needs_identity(&spec), rows[i].needs);
    }
}

static void
openssh_reads_our_host_keys(void **state)
{
    g_autofree char *folder = g_dir_make_tmp("keys-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "key", NULL);
    g_autofree char *keygen = g_find_program_in_path("ssh-keygen");
    for (int i = 0; i < 64; i++) { /* numbers with and without zeros in front */
        BerthSshKeyKind kind = i % 2 == 0 ? BERTH_SSH_ED25519 : BERTH_SSH_ECDSA;
        char *private = NULL;
        g_autofree char *public = NULL;
        assert_true(berth_ssh_key_make(kind, &private, &public));
        assert_true(g_str_has_suffix(private, "-----END OPENSSH PRIVATE KEY-----\n"));
        if (keygen != NULL && i < 8) {
            const char *const argv[] = { keygen, "-y", "-f", path, NULL };
            g_autofree char *out = NULL;
            gint status = -1;
            assert_true(
                g_file_set_contents_full(path, private, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
            assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out,
                                     NULL, &status, NULL));
            assert_int_equal(status, 0);
            g_strchomp(out);
            assert_string_equal(out, g_strchomp(public));
        }
        berth_ssh_key_clear(private);
    }
    berth_state_folder_remove(folder);
}

/* ---- templates ---- */

static void
write_file(const char *folder, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    assert_true(g_file_set_contents(path, text, -1, NULL));
}

static int
check_folder(const char *folder)
{
    BerthTemplateMarker marker = { 0 };
    g_autofree char *detail = NULL;
    int code = berth_template_folder_check(folder, &marker, &detail);
    assert_true((code == BERTH_ERR_CORRUPT) == (detail != NULL));
    if (code == BERTH_OK) {
        assert_string_equal(marker.qemu_version, "7.2");
        assert_true(marker.has_disk);
    }
    berth_template_marker_clear(&marker);
    return code;
}

static void
a_template_counts_only_as_it_was_frozen(void **state)
{
    static const char *const files[] = { BERTH_TEMPLATE_RAM, BERTH_TEMPLATE_STATE,
                                         BERTH_TEMPLATE_BASE, BERTH_TEMPLATE_OVERLAY };
    const BerthTemplateMarker marker = { .qemu_version = (char *)"7.2", .has_disk = true };
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *folder = g_dir_make_tmp("template-XXXXXX", NULL);
        g_autofree char *path = g_build_filename(folder, files[i], NULL);
        for (size_t k = 0; k < G_N_ELEMENTS(files); k++) {
            write_file(folder, files[k], "content");
        }
        assert_int_equal(check_folder(folder), BERTH_ERR_NOT_FOUND);
        assert_true(berth_template_folder_mark(folder, &marker, NULL));
        assert_int_equal(check_folder(folder), BERTH_OK);
        assert_int_equal(truncate(path, 3), 0);
        assert_int_equal(check_folder(folder), BERTH_ERR_CORRUPT);
        assert_true(berth_template_folder_mark(folder, &marker, NULL));
        assert_int_equal(unlink(path), 0);
        assert_int_equal(check_folder(folder), BERTH_ERR_CORRUPT);
        berth_state_folder_remove(folder);
    }
}

static void
a_wanted_template_is_read_strictly(void **state)
{
    static const char *const bad[] = {
        "{}",
        "{\"version\":\"x\",\"vcpus\":1}",
        "{\"version\":\"0123456789abcdef0123456789abcdef\",\"vcpus\":0}",
        "{\"version\":\"0123456789abcdef0123456789abcdef\",\"memory_mib\":-1}",
        "{\"version\":\"0123456789abcdef0123456789abcdef\",\"display_profile\":\"gl\"}",
        "{\"version\":\"0123456789abcdef0123456789abcdef\",\"is_spare\":1}",
        "{\"version\":\"0123456789abcdef0123456789abcdef\",\"more\":1}",
    };
    BerthVmSpec spec = { 0 };
    bool is_spare = false;
    json_t *good = json_loads("{\"version\":\"0123456789abcdef0123456789abcdef\",\"vcpus\":2,"
                              "\"memory_mib\":768,\"display_profile\":\"\",\"is_spare\":true}",
                              0, NULL);
    assert_true(berth_template_wish_parse(good, &spec, &is_spare, NULL));
    assert_int_equal(spec.vcpus, 2);
    assert_int_equal(spec.memory_mib, 768);
    assert_true(spec.use_template);
    assert_true(is_spare);
    berth_vm_spec_clear(&spec);
    json_decref(good);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        json_t *object = json_loads(bad[i], 0, NULL);
        assert_false(berth_template_wish_parse(object, &spec, &is_spare, NULL));
        json_decref(object);
    }
}

static void
an_overlay_is_copied_whole_or_not_at_all(void **state)
{
    g_autofree char *folder = g_dir_make_tmp("overlay-XXXXXX", NULL);
    g_autofree char *from = g_build_filename(folder, "from", NULL);
    g_autofree char *to = g_build_filename(folder, "to", NULL);
    g_autofree char *text = NULL;
    assert_int_equal(berth_overlay_copy(from, to), BERTH_ERR_NOT_FOUND);
    write_file(folder, "from", "an overlay");
    assert_berth_ok(berth_overlay_copy(from, to));
    assert_true(g_file_get_contents(to, &text, NULL, NULL));
    assert_string_equal(text, "an overlay");
    assert_int_equal(berth_overlay_copy(from, to), BERTH_ERR_EXISTS);
    assert_int_equal(truncate(from, 64 * 1024 * 1024), 0);
    unlink(to);
    assert_int_equal(berth_overlay_copy(from, to), BERTH_ERR_TOO_LARGE);
    assert_int_equal(access(to, F_OK), -1);
    berth_state_folder_remove(folder);
}

/* ---- turns ---- */

static void
on_turn(void *user_data)
{
    *(int *)user_data += 1;
}

static void
settle(void)
{
    while (g_main_context_iteration(NULL, FALSE)) {
    }
}

static void
identities_wait_until_all_are_up_and_take_turns(void **state)
{
    BerthForkGate *gate = berth_fork_gate_new(2);
    int turns[4] = { 0 };
    berth_fork_gate_begin_load(gate);
    berth_fork_gate_begin_load(gate);
    for (int i = 0; i < 4; i++) {
        berth_fork_gate_enter(gate, on_turn, &turns[i]);
    }
    berth_fork_gate_end_load(gate);
    settle();
    assert_int_equal(turns[0] + turns[1] + turns[2] + turns[3], 0);
    berth_fork_gate_end_load(gate);
    settle();
    assert_true(turns[0] == 1 && turns[1] == 1 && turns[2] == 0);
    berth_fork_gate_leave(gate, &turns[2]); /* gives up */
    berth_fork_gate_leave(gate, &turns[0]);
    settle();
    assert_true(turns[2] == 0 && turns[3] == 1);
    berth_fork_gate_leave(gate, &turns[1]);
    berth_fork_gate_leave(gate, &turns[3]);
    settle();
    assert_true(turns[0] == 1 && turns[1] == 1);
    berth_fork_gate_free(gate);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_promised_once_and_watched_when_overcommitted),
        cmocka_unit_test(a_host_name_is_made_of_any_name),
        cmocka_unit_test(two_identities_share_nothing_secret),
        cmocka_unit_test(a_guest_that_booted_shows_what_runs_in_it_its_new_name),
        cmocka_unit_test(spare_templates_go_only_if_that_makes_room),
        cmocka_unit_test(what_an_identity_printed_tells_of_the_network),
        cmocka_unit_test(an_identity_is_given_once_to_clones_of_versions),
        cmocka_unit_test(openssh_reads_our_host_keys),
        cmocka_unit_test(a_template_counts_only_as_it_was_frozen),
        cmocka_unit_test(a_wanted_template_is_read_strictly),
        cmocka_unit_test(an_overlay_is_copied_whole_or_not_at_all),
        cmocka_unit_test(identities_wait_until_all_are_up_and_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
