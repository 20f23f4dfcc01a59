/* SPDX-License-Identifier: GPL-3.0-or-later */
/* User disks in a folder, made by the real qemu-img, opened by machines that are only pretended. */
#include "host-agent/disks/disk-store.h"

#include "base/id.h"
#include "berth/errors.h"
#include "host-agent/disks/disk-journal.h"
#include "host-agent/state-file.h"
#include "testing.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define DISK "0123456789abcdef0123456789abcdef"
#define MACHINE "11111111111111111111111111111111"
#define OTHER "22222222222222222222222222222222"

typedef struct {
    BerthPoller *poller;
    BerthDiskStore *store;
    char *folder;
    char *path;
    BerthMachineDisk disk;
    BerthId machine, other;
    int n_opened;
    int code;
    bool is_formatted;
    char *text;
    int64_t wanted_mib;
} Fixture;

static void
on_changed(void *user_data)
{
}

static void
on_opened(int code, const char *path, bool is_formatted, const char *text, void *user_data)
{
    Fixture *f = user_data;
    f->n_opened++;
    f->code = code;
    f->is_formatted = is_formatted;
    g_free(f->text);
    f->text = g_strdup(text);
    assert_int_equal(path != NULL, code == BERTH_OK);
}

static void
on_size_wanted(int64_t size_mib, void *user_data)
{
    ((Fixture *)user_data)->wanted_mib = size_mib;
}

static const BerthDiskHolder holder = { .opened = on_opened, .size_wanted = on_size_wanted };

static void
start_store(Fixture *f)
{
    const BerthDiskStoreConfig config = {
        .poller = f->poller,
        .folder = f->folder,
        .qemu_img_program = "qemu-img",
        .on_changed = on_changed,
        .user_data = f,
    };
    f->store = berth_disk_store_new(&config);
}

static void
restart_store(Fixture *f)
{
    berth_disk_store_free(f->store);
    start_store(f);
}

static int
set_up(void **state)
{
    Fixture *f = g_new0(Fixture, 1);
    f->poller = berth_poller_new(NULL);
    f->folder = g_dir_make_tmp("berth-disks-XXXXXX", NULL);
    f->path = g_build_filename(f->folder, DISK ".qcow2", NULL);
    f->disk = (BerthMachineDisk){ .epoch = 1, .mount = "/data" };
    berth_id_parse(DISK, &f->disk.id);
    berth_id_parse(MACHINE, &f->machine);
    berth_id_parse(OTHER, &f->other);
    start_store(f);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    Fixture *f = *state;
    berth_disk_store_free(f->store);
    berth_state_folder_remove(f->folder);
    berth_poller_free(f->poller);
    g_free(f->folder);
    g_free(f->path);
    g_free(f->text);
    g_free(f);
    return 0;
}

static void
want_as(Fixture *f, int64_t size_mib, bool is_new, const char *want, bool is_safe_mode)
{
    json_t *disks =
        json_pack("[{s:s,s:I,s:I,s:s,s:b,s:s}]", "id", DISK, "epoch", (json_int_t)f->disk.epoch,
                  "size_mib", (json_int_t)size_mib, "fs", "ext4", "new", (int)is_new, "want", want);
    berth_disk_store_want(f->store, disks, is_safe_mode);
    json_decref(disks);
}

static void
want(Fixture *f, int64_t size_mib, bool is_new)
{
    want_as(f, size_mib, is_new, "present", false);
}

static int
open_disk(Fixture *f)
{
    int n = f->n_opened;
    berth_disk_store_open(f->store, &f->disk, &f->machine, &holder, f);
    while (f->n_opened == n) {
        g_main_context_iteration(NULL, TRUE);
    }
    return f->code;
}

static const char *
state_of(Fixture *f, json_t **ret_report)
{
    json_decref(*ret_report);
    *ret_report = berth_disk_store_report(f->store);
    const json_t *disk = json_array_get(*ret_report, 0);
    const char *name = json_string_value(json_object_get(disk, "state"));
    bool is_held = json_object_get(disk, "machine") != NULL;
    return name == NULL ? "" : is_held && strcmp(name, "present") == 0 ? "busy" : name;
}

static void
close_disk(Fixture *f)
{
    json_auto_t *report = NULL;
    berth_disk_store_close(f->store, &f->disk.id, &f->machine);
    while (strcmp(state_of(f, &report), "busy") == 0) {
        g_main_context_iteration(NULL, TRUE);
    }
}

static void
assert_state(Fixture *f, const char *wanted)
{
    json_auto_t *report = NULL;
    assert_string_equal(state_of(f, &report), wanted);
}

static BerthDiskJournal
read_journal(Fixture *f)
{
    BerthDiskJournal journal = { 0 };
    bool is_there = false;
    assert_true(berth_disk_journal_load(f->folder, DISK, &journal, &is_there, NULL));
    assert_true(is_there);
    return journal;
}

/* A disk that a user had at epoch 1. */
static void
use_once(Fixture *f)
{
    want(f, 64, true);
    assert_berth_ok(open_disk(f));
    assert_false(f->is_formatted);
    assert_true(berth_disk_store_set_formatted(f->store, &f->disk.id));
    berth_disk_store_set_mounted(f->store, &f->disk.id);
    assert_state(f, "attached");
    close_disk(f);
    assert_state(f, "present");
    f->disk.epoch = 2;
    want(f, 64, false);
}

static void
a_new_disk_is_made_once_and_formatted_once(void **state)
{
    Fixture *f = *state;
    want(f, 64, true);
    assert_state(f, "present");
    assert_int_equal(access(f->path, F_OK), -1);
    assert_berth_ok(open_disk(f));
    assert_int_equal(access(f->path, F_OK), 0);
    assert_false(f->is_formatted);
    assert_state(f, "busy");
    close_disk(f);
    /* Its guest never said that it had formatted it. */
    assert_berth_ok(open_disk(f));
    assert_false(f->is_formatted);
    assert_true(berth_disk_store_set_formatted(f->store, &f->disk.id));
    close_disk(f);
    assert_berth_ok(open_disk(f));
    assert_true(f->is_formatted);
    close_disk(f);
    assert_false(read_journal(f).is_open);
}

static void
two_machines_never_have_it_at_once(void **state)
{
    Fixture *f = *state;
    use_once(f);
    assert_berth_ok(open_disk(f));
    int n = f->n_opened;
    berth_disk_store_open(f->store, &f->disk, &f->other, &holder, f);
    assert_int_equal(f->n_opened, n + 1);
    assert_berth_error(f->code, BERTH_ERR_BUSY);
    /* Somebody who has not got it cannot give it back. */
    berth_disk_store_close(f->store, &f->disk.id, &f->other);
    assert_state(f, "busy");
    close_disk(f);
    assert_state(f, "present");
}

static void
an_older_lease_gets_nothing(void **state)
{
    Fixture *f = *state;
    use_once(f);
    f->disk.epoch = 9;
    want(f, 64, false);
    assert_berth_ok(open_disk(f));
    close_disk(f);
    f->disk.epoch = 8;
    want(f, 64, false);
    assert_berth_error(open_disk(f), BERTH_ERR_STALE_EPOCH);
    assert_int_equal(read_journal(f).epoch, 9);
}

static void
a_missing_file_is_not_made_anew(void **state)
{
    Fixture *f = *state;
    use_once(f);
    assert_int_equal(g_unlink(f->path), 0);
    assert_berth_error(open_disk(f), BERTH_ERR_NOT_FOUND);
    assert_non_null(strstr(f->text, f->path));
    assert_state(f, "failed");
    assert_int_equal(access(f->path, F_OK), -1);
    /* Even a broker that lost its memory and calls the disk new. */
    want(f, 64, true);
    assert_berth_error(open_disk(f), BERTH_ERR_NOT_FOUND);
    assert_int_equal(access(f->path, F_OK), -1);
}

static void
a_damaged_file_is_refused_and_left_alone(void **state)
{
    Fixture *f = *state;
    char *content = NULL;
    gsize len = 0;
    use_once(f);
    assert_true(g_file_set_contents(f->path, "all my letters", -1, NULL));
    assert_berth_error(open_disk(f), BERTH_ERR_CORRUPT);
    assert_true(g_file_get_contents(f->path, &content, &len, NULL));
    assert_string_equal(content, "all my letters");
    g_free(content);
}

static void
a_file_without_a_journal_is_never_formatted(void **state)
{
    Fixture *f = *state;
    g_autofree char *journal = g_build_filename(f->folder, DISK ".json", NULL);
    use_once(f);
    assert_int_equal(g_unlink(journal), 0);
    restart_store(f);
    want(f, 64, true);
    assert_berth_ok(open_disk(f));
    assert_true(f->is_formatted);
    close_disk(f);
}

static void
a_disk_grows_before_and_while_it_is_open(void **state)
{
    Fixture *f = *state;
    json_auto_t *report = NULL;
    use_once(f);
    want(f, 96, false);
    assert_berth_ok(open_disk(f));
    report = berth_disk_store_report(f->store);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(report, 0), "size_mib")),
                     96);
    assert_int_equal(f->wanted_mib, 0);
    want(f, 128, false);
    assert_int_equal(f->wanted_mib, 128);
    berth_disk_store_set_grown(f->store, &f->disk.id, 128);
    f->wanted_mib = 0;
    want(f, 128, false);
    assert_int_equal(f->wanted_mib, 0);
    close_disk(f);
}

static void
a_restarted_agent_takes_up_what_its_machine_has(void **state)
{
    Fixture *f = *state;
    bool is_formatted = false;
    use_once(f);
    assert_berth_ok(open_disk(f));
    restart_store(f);
    assert_null(berth_disk_store_adopt(f->store, &f->disk, &f->other, &holder, f, &is_formatted));
    assert_non_null(
        berth_disk_store_adopt(f->store, &f->disk, &f->machine, &holder, f, &is_formatted));
    assert_true(is_formatted);
    want(f, 64, false);
    assert_state(f, "busy");
    berth_disk_store_set_mounted(f->store, &f->disk.id);
    assert_state(f, "attached");
    close_disk(f);
    assert_state(f, "present");
}

/* The machine asks as soon as its monitor is there, which is before the broker's first word. */
static void
a_restarted_agent_waits_for_the_list_of_disks(void **state)
{
    Fixture *f = *state;
    restart_store(f);
    berth_disk_store_open(f->store, &f->disk, &f->machine, &holder, f);
    while (g_main_context_iteration(NULL, FALSE)) {
    }
    assert_int_equal(f->n_opened, 0);
    want(f, 64, true);
    while (f->n_opened == 0) {
        g_main_context_iteration(NULL, TRUE);
    }
    assert_berth_ok(f->code);
    close_disk(f);
}

static void
what_its_machine_left_open_is_checked_first(void **state)
{
    Fixture *f = *state;
    json_auto_t *report = NULL;
    use_once(f);
    assert_berth_ok(open_disk(f));
    restart_store(f);
    want(f, 64, false);
    assert_state(f, "busy");
    while (strcmp(state_of(f, &report), "busy") == 0) {
        g_main_context_iteration(NULL, TRUE);
    }
    assert_state(f, "present");
    assert_false(read_journal(f).is_open);
}

static void
only_a_broker_that_knows_deletes(void **state)
{
    Fixture *f = *state;
    use_once(f);
    assert_berth_ok(open_disk(f));
    want_as(f, 64, false, "absent", false);
    assert_int_equal(access(f->path, F_OK), 0); /* a machine has it */
    close_disk(f);
    want_as(f, 64, false, "absent", true);
    assert_int_equal(access(f->path, F_OK), 0);
    want_as(f, 64, false, "absent", false);
    assert_int_equal(access(f->path, F_OK), -1);
    json_auto_t *report = berth_disk_store_report(f->store);
    assert_string_equal(json_string_value(json_object_get(json_array_get(report, 0), "code")),
                        "not-found");
}

static void
a_disk_that_is_not_listed_stays(void **state)
{
    Fixture *f = *state;
    json_auto_t *none = json_array();
    use_once(f);
    berth_disk_store_want(f->store, none, false);
    json_auto_t *report = berth_disk_store_report(f->store);
    assert_int_equal(json_array_size(report), 0);
    assert_int_equal(access(f->path, F_OK), 0);
    assert_berth_error(open_disk(f), BERTH_ERR_NOT_FOUND);
}

static void
on_point(int code, const char *text, void *user_data)
{
    Fixture *f = user_data;
    f->n_opened++;
    f->code = code;
    assert_int_equal(text != NULL, code != BERTH_OK);
}

static int
use_point(Fixture *f, BerthDiskPointAct act, const char *point)
{
    int n = f->n_opened;
    berth_disk_store_point(f->store, &f->disk.id, act, point, on_point, f);
    while (f->n_opened == n) {
        g_main_context_iteration(NULL, TRUE);
    }
    return f->code;
}

/* What a user would have written. */
static void
write_data(Fixture *f, const char *command)
{
    const char *argv[] = { "qemu-io", "-f", "qcow2", "-c", command, f->path, NULL };
    int status = -1;
    g_autofree char *out = NULL;
    assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, NULL,
                             &status, NULL));
    assert_int_equal(status, 0);
    assert_null(strstr(out, "verification failed"));
}

static void
a_disk_returns_to_its_points(void **state)
{
    Fixture *f = *state;
    static const char first[] = "44444444444444444444444444444444";
    static const char second[] = "55555555555555555555555555555555";
    use_once(f);
    write_data(f, "write -P 1 0 64k");
    assert_berth_ok(use_point(f, BERTH_DISK_POINT_KEEP, first));
    write_data(f, "write -P 2 0 64k");
    assert_berth_ok(use_point(f, BERTH_DISK_POINT_KEEP, second));
    /* A task that is done twice is done once. */
    assert_berth_ok(use_point(f, BERTH_DISK_POINT_KEEP, second));
    assert_berth_ok(use_point(f, BERTH_DISK_POINT_RETURN, first));
    write_data(f, "read -P 1 0 64k");
    assert_berth_ok(use_point(f, BERTH_DISK_POINT_RETURN, second));
    write_data(f, "read -P 2 0 64k");
    assert_berth_ok(use_point(f, BERTH_DISK_POINT_DROP, first));
    assert_berth_ok(use_point(f, BERTH_DISK_POINT_DROP, first));
    assert_berth_error(use_point(f, BERTH_DISK_POINT_RETURN, first), BERTH_ERR_NOT_FOUND);
    assert_true(read_journal(f).is_formatted);
    assert_false(read_journal(f).is_open);
    assert_berth_ok(open_disk(f));
    assert_berth_error(use_point(f, BERTH_DISK_POINT_KEEP, first), BERTH_ERR_BUSY);
    close_disk(f);
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(a_new_disk_is_made_once_and_formatted_once),
        ROW(two_machines_never_have_it_at_once),
        ROW(an_older_lease_gets_nothing),
        ROW(a_missing_file_is_not_made_anew),
        ROW(a_damaged_file_is_refused_and_left_alone),
        ROW(a_file_without_a_journal_is_never_formatted),
        ROW(a_disk_grows_before_and_while_it_is_open),
        ROW(a_restarted_agent_takes_up_what_its_machine_has),
        ROW(a_restarted_agent_waits_for_the_list_of_disks),
        ROW(what_its_machine_left_open_is_checked_first),
        ROW(only_a_broker_that_knows_deletes),
        ROW(a_disk_that_is_not_listed_stays),
        ROW(a_disk_returns_to_its_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
