/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Snapshots of a disk of a real QEMU that runs no guest: its own monitor writes to the disk.  The
 * guest's agent is a scripted one on a socket, and berth-thaw is the real program.
 */
#include "host-agent/vm/vm-snapshot.h"

#include "base/cleanup.h"
#include "base/process.h"
#include "host-agent/state-file.h"
#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define QEMU "qemu-system-x86_64"
#define HUNG_S 60

typedef struct {
    char *folder, *disk, *copy, *base, *agent_path;
    BerthPoller *poller;
    BerthQmp *qmp;
    int pidfd;
    bool is_ready;

    /* the scripted agent */
    int listener, client;
    GString *heard;
    BerthGuestAgent *agent;
    bool is_agent_deaf; /* it does not answer an order to freeze */

    BerthVmSnapshotResult result;
    char *text;
    bool is_done;
    GString *replied;
} Fixture;

/* ---- helpers ---- */

static void
run_qemu_img(const char *const *argv)
{
    int pidfd = -1;
    int status = -1;
    assert_true(berth_spawn(argv, NULL, &pidfd, NULL, NULL));
    while (berth_pidfd_reap(pidfd, &status) == BERTH_ERR_AGAIN) {
        siginfo_t info;
        waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOWAIT);
    }
    close(pidfd);
    assert_int_equal(status, 0);
}

static gboolean
on_hung(gpointer user_data)
{
    *(bool *)user_data = true;
    return G_SOURCE_REMOVE;
}

static void
run_until(const bool *is_over)
{
    bool is_hung = false;
    guint source = g_timeout_add_seconds(HUNG_S, on_hung, &is_hung);
    while (!*is_over && !is_hung) {
        g_main_context_iteration(NULL, TRUE);
    }
    assert_false(is_hung);
    g_source_remove(source);
}

static void
on_ready(void *user_data)
{
    ((Fixture *)user_data)->is_ready = true;
}

static void
on_event(const char *name, const json_t *data, void *user_data)
{
}

static void
on_closed(int code, const char *text, void *user_data)
{
    Fixture *fixture = user_data;
    g_clear_pointer(&fixture->qmp, berth_qmp_free);
}

static const BerthQmpCallbacks qmp_callbacks = { on_ready, on_event, on_closed };

static BerthQmp *
get_qmp(void *owner)
{
    return ((Fixture *)owner)->qmp;
}

typedef struct {
    bool is_over;
    int code;
} Reply;

static void
on_reply(int code, const json_t *result, const char *text, void *user_data)
{
    Reply *reply = user_data;
    reply->is_over = true;
    reply->code = code;
}

/* "write -P 17 0 64k": as the guest would write. */
static void
write_disk(Fixture *fixture, const char *command)
{
    Reply reply = { false };
    g_autofree char *line = g_strdup_printf("qemu-io disk0 \"%s\"", command);
    berth_qmp_command(fixture->qmp, "human-monitor-command",
                      json_pack("{s:s}", "command-line", line), on_reply, &reply);
    run_until(&reply.is_over);
    assert_berth_ok(reply.code);
}

/* What the copy holds there, as a disk. */
static void
check_copy(const Fixture *fixture, const char *command)
{
    const char *const argv[] = { "qemu-io", "-f", "qcow2", "-c", command, fixture->copy, NULL };
    g_autofree char *output = NULL;
    g_autofree char *problems = NULL;
    int status = -1;
    assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output,
                             &problems, &status, NULL));
    if (status != 0 || strstr(output, "failed") != NULL) {
        print_error("%s: %s%s\n", command, output, problems);
        fail();
    }
}

/* ---- QEMU ---- */

static void
start_qemu(Fixture *fixture)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    g_autofree char *drive =
        g_strdup_printf("if=none,id=disk0,format=qcow2,discard=unmap,file=%s", fixture->disk);
    const char *const argv[] = {
        QEMU,     "-M",  "none",     "-nodefaults",        "-display", "none",
        "-drive", drive, "-chardev", "socket,id=qmp,fd=3", "-mon",     "chardev=qmp,mode=control",
        NULL
    };
    BerthSpawnFd map = { .source = ends[1], .target = 3 };
    BerthSpawnOptions options = {
        .fds = &map, .n_fds = 1, .death_signal = SIGKILL, .stdout_fd = STDERR_FILENO
    };
    assert_true(berth_spawn(argv, &options, &fixture->pidfd, NULL, NULL));
    close(ends[1]);
    fixture->qmp = berth_qmp_new(fixture->poller, ends[0], &qmp_callbacks, fixture);
    run_until(&fixture->is_ready);
}

static void
make_disks(Fixture *fixture)
{
    const char *const base[] = {
        "qemu-img", "create", "-q", "-f", "raw", fixture->base, "8M", NULL
    };
    const char *const disk[] = { "qemu-img", "create", "-q",          "-f",          "qcow2", "-F",
                                 "raw",      "-b",     fixture->base, fixture->disk, NULL };
    const char *const copy[] = { "qemu-img", "create", "-q",          "-f",          "qcow2", "-F",
                                 "raw",      "-b",     fixture->base, fixture->copy, NULL };
    run_qemu_img(base);
    char block[65536];
    memset(block, 'b', sizeof block);
    berth_autofd int fd = open(fixture->base, O_WRONLY | O_CLOEXEC);
    for (int i = 0; i < 128; i++) {
        assert_int_equal(write(fd, block, sizeof block), sizeof block);
    }
    run_qemu_img(disk);
    run_qemu_img(copy);
}

static int
set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);
    fixture->folder = g_dir_make_tmp("snapshot-XXXXXX", NULL);
    fixture->disk = g_build_filename(fixture->folder, "disk.qcow2", NULL);
    fixture->copy = g_build_filename(fixture->folder, "copy.qcow2", NULL);
    fixture->base = g_build_filename(fixture->folder, "base.img", NULL);
    fixture->agent_path = g_build_filename(fixture->folder, "agent", NULL);
    fixture->poller = berth_poller_new(NULL);
    fixture->heard = g_string_new(NULL);
    fixture->listener = -1;
    fixture->client = -1;
    make_disks(fixture);
    start_qemu(fixture);
    *state = fixture;
    return 0;
}

static int
tear_down(void **state)
{
    Fixture *fixture = *state;
    if (fixture->agent != NULL) {
        berth_guest_agent_unref(fixture->agent);
    }
    g_clear_pointer(&fixture->qmp, berth_qmp_free);
    berth_pidfd_signal(fixture->pidfd, SIGKILL);
    siginfo_t info;
    waitid(P_PIDFD, (id_t)fixture->pidfd, &info, WEXITED);
    if (fixture->client >= 0) {
        berth_poller_remove(fixture->poller, fixture->client);
        close(fixture->client);
    }
    if (fixture->listener >= 0) {
        berth_poller_remove(fixture->poller, fixture->listener);
        close(fixture->listener);
    }
    close(fixture->pidfd);
    berth_poller_free(fixture->poller);
    berth_state_folder_remove(fixture->folder);
    g_string_free(fixture->heard, TRUE);
    g_free(fixture->folder);
    g_free(fixture->disk);
    g_free(fixture->copy);
    g_free(fixture->base);
    g_free(fixture->agent_path);
    g_free(fixture->text);
    g_free(fixture);
    return 0;
}

/* ---- the scripted agent ---- */

static void
answer_line(Fixture *fixture, const char *line)
{
    json_auto_t *request = json_loads(line, 0, NULL);
    const char *name = json_string_value(json_object_get(request, "execute"));
    g_autofree char *answer = NULL;
    if (name == NULL) {
        return;
    }
    if (g_str_has_prefix(name, "guest-sync")) {
        json_int_t id =
            json_integer_value(json_object_get(json_object_get(request, "arguments"), "id"));
        answer = g_strdup_printf("\xff{\"return\": %" JSON_INTEGER_FORMAT "}\n", id);
    } else {
        g_string_append_printf(fixture->heard, "%s;", name);
        if (fixture->is_agent_deaf && strcmp(name, "guest-fsfreeze-freeze") == 0) {
            return;
        }
        answer = g_strdup("{\"return\": 1}\n");
    }
    assert_true(send(fixture->client, answer, strlen(answer), MSG_NOSIGNAL) > 0);
}

static void
on_client(int fd, uint32_t events, void *user_data)
{
    Fixture *fixture = user_data;
    char buffer[4096];
    ssize_t n = recv(fd, buffer, sizeof buffer - 1, MSG_DONTWAIT);
    if (n <= 0) {
        berth_poller_remove(fixture->poller, fd);
        berth_clear_fd(&fixture->client);
        return;
    }
    buffer[n] = '\0';
    g_auto(GStrv) lines = g_strsplit(buffer, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        const char *start = strrchr(*line, '\xff');
        answer_line(fixture, start != NULL ? start + 1 : *line);
    }
}

/* As QEMU: one client at a time. */
static void
on_listener(int fd, uint32_t events, void *user_data)
{
    Fixture *fixture = user_data;
    if (fixture->client < 0) {
        fixture->client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        berth_poller_add(fixture->poller, fixture->client, EPOLLIN, on_client, fixture);
    }
}

static void
start_agent(Fixture *fixture)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    g_strlcpy(address.sun_path, fixture->agent_path, sizeof address.sun_path);
    fixture->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fixture->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fixture->listener, 1), 0);
    berth_poller_add(fixture->poller, fixture->listener, EPOLLIN, on_listener, fixture);
    fixture->agent = berth_guest_agent_new(fixture->poller, fixture->agent_path);
}

/* ---- snapshots ---- */

static void
on_done(const BerthVmSnapshotResult *result, void *user_data)
{
    Fixture *fixture = user_data;
    fixture->result = *result;
    g_free(fixture->text);
    fixture->text = g_strdup(result->text);
    fixture->is_done = true;
}

static int
take(Fixture *fixture, const BerthGuestFreezeConfig *freeze, bool needs_freeze)
{
    BerthVmSnapshotConfig config = {
        .get_qmp = get_qmp,
        .owner = fixture,
        .device = "disk0",
        .target_path = fixture->copy,
        .freeze = freeze,
        .needs_freeze = needs_freeze,
    };
    fixture->is_done = false;
    BerthVmSnapshot *snapshot = berth_vm_snapshot_new(&config, on_done, fixture);
    run_until(&fixture->is_done);
    berth_vm_snapshot_free(snapshot);
    if (fixture->text != NULL) {
        print_message("%s\n", fixture->text);
    }
    return fixture->result.code;
}

static void
a_copy_holds_what_was_written_and_no_more(void **state)
{
    Fixture *fixture = *state;
    write_disk(fixture, "write -P 17 64k 64k");
    write_disk(fixture, "write -z -u 128k 64k");
    write_disk(fixture, "discard 192k 64k");
    assert_berth_ok(take(fixture, NULL, false));
    assert_false(fixture->result.was_frozen);
    write_disk(fixture, "write -P 18 64k 64k");
    check_copy(fixture, "read -P 98 0 64k");
    check_copy(fixture, "read -P 17 64k 64k");
    check_copy(fixture, "read -P 0 128k 128k");
    check_copy(fixture, "read -P 98 256k 7936k");
}

static void
what_is_left_of_one_before_is_cleared(void **state)
{
    Fixture *fixture = *state;
    write_disk(fixture, "write -P 17 0 4M");
    BerthVmSnapshotConfig config = {
        .get_qmp = get_qmp, .owner = fixture, .device = "disk0", .target_path = fixture->copy
    };
    /* Let go of at any moment: before the first command, and after so many turns of the loop. */
    for (int turns = 0; turns < 12; turns++) {
        fixture->is_done = false;
        BerthVmSnapshot *snapshot = berth_vm_snapshot_new(&config, on_done, fixture);
        for (int i = 0; i < turns && !fixture->is_done; i++) {
            g_main_context_iteration(NULL, TRUE);
        }
        berth_vm_snapshot_free(snapshot);
    }
    assert_berth_ok(take(fixture, NULL, false));
    check_copy(fixture, "read -P 17 0 4M");
    assert_berth_ok(take(fixture, NULL, false));
}

static void
a_target_that_is_none_is_an_error(void **state)
{
    Fixture *fixture = *state;
    assert_int_equal(unlink(fixture->copy), 0);
    assert_int_not_equal(take(fixture, NULL, false), BERTH_OK);
    assert_non_null(fixture->text);
    assert_non_null(fixture->qmp);
    write_disk(fixture, "write -P 19 0 64k");
}

static void
a_dead_qemu_ends_it(void **state)
{
    Fixture *fixture = *state;
    berth_pidfd_signal(fixture->pidfd, SIGKILL);
    assert_berth_error(take(fixture, NULL, false), BERTH_ERR_CLOSED);
}

static BerthGuestFreezeConfig
freeze_config(Fixture *fixture)
{
    return (BerthGuestFreezeConfig){
        .agent = fixture->agent,
        .agent_socket = fixture->agent_path,
        .thaw_program = BERTH_TEST_THAW_PROGRAM,
        .freeze_ms = 10000,
        .frozen_ms = 30000,
    };
}

static void
the_guest_is_frozen_only_while_the_copy_begins(void **state)
{
    Fixture *fixture = *state;
    start_agent(fixture);
    BerthGuestFreezeConfig freeze = freeze_config(fixture);
    write_disk(fixture, "write -P 17 0 64k");
    assert_berth_ok(take(fixture, &freeze, true));
    assert_true(fixture->result.was_frozen);
    assert_true(fixture->result.frozen_us > 0);
    assert_string_equal(fixture->heard->str, "guest-fsfreeze-freeze;guest-fsfreeze-thaw;");
    check_copy(fixture, "read -P 17 0 64k");
}

static void
a_guest_that_does_not_answer_is_thawed_all_the_same(void **state)
{
    Fixture *fixture = *state;
    start_agent(fixture);
    fixture->is_agent_deaf = true;
    BerthGuestFreezeConfig freeze = freeze_config(fixture);
    freeze.freeze_ms = 200;
    assert_int_not_equal(take(fixture, &freeze, true), BERTH_OK);
    while (strstr(fixture->heard->str, "guest-fsfreeze-thaw;") == NULL) {
        g_main_context_iteration(NULL, TRUE);
    }
    assert_berth_ok(take(fixture, &freeze, false));
    assert_false(fixture->result.was_frozen);
}

/* The process that froze the guest dies: berth-thaw does it. */
static void
a_dead_agent_leaves_no_frozen_guest(void **state)
{
    Fixture *fixture = *state;
    int ends[2];
    int pidfd = -1;
    start_agent(fixture);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    const char *const argv[] = { BERTH_TEST_THAW_PROGRAM, fixture->agent_path, "60000", NULL };
    BerthSpawnFd map = { .source = ends[0], .target = 0 };
    BerthSpawnOptions options = { .fds = &map, .n_fds = 1, .death_signal = SIGKILL };
    assert_true(berth_spawn(argv, &options, &pidfd, NULL, NULL));
    close(ends[0]);
    close(ends[1]);
    while (strstr(fixture->heard->str, "guest-fsfreeze-thaw;") == NULL) {
        g_main_context_iteration(NULL, TRUE);
    }
    siginfo_t info;
    assert_int_equal(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED), 0);
    assert_int_equal(info.si_status, 0);
    close(pidfd);
}

/* Nobody says a word until its own time is over. */
static void
a_forgetful_agent_leaves_no_frozen_guest(void **state)
{
    Fixture *fixture = *state;
    int ends[2];
    int pidfd = -1;
    start_agent(fixture);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    const char *const argv[] = { BERTH_TEST_THAW_PROGRAM, fixture->agent_path, "50", NULL };
    BerthSpawnFd map = { .source = ends[0], .target = 0 };
    BerthSpawnOptions options = { .fds = &map, .n_fds = 1, .death_signal = SIGKILL };
    assert_true(berth_spawn(argv, &options, &pidfd, NULL, NULL));
    while (strstr(fixture->heard->str, "guest-fsfreeze-thaw;") == NULL) {
        g_main_context_iteration(NULL, TRUE);
    }
    siginfo_t info;
    waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED);
    close(ends[0]);
    close(ends[1]);
    close(pidfd);
}

static void
a_guest_that_is_well_is_not_touched(void **state)
{
    Fixture *fixture = *state;
    int ends[2];
    int pidfd = -1;
    siginfo_t info;
    start_agent(fixture);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    const char *const argv[] = { BERTH_TEST_THAW_PROGRAM, fixture->agent_path, "60000", NULL };
    BerthSpawnFd map = { .source = ends[0], .target = 0 };
    BerthSpawnOptions options = { .fds = &map, .n_fds = 1, .death_signal = SIGKILL };
    assert_true(berth_spawn(argv, &options, &pidfd, NULL, NULL));
    assert_int_equal(write(ends[1], "k", 1), 1);
    assert_int_equal(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED), 0);
    assert_int_equal(info.si_status, 0);
    assert_string_equal(fixture->heard->str, "");
    close(ends[0]);
    close(ends[1]);
    close(pidfd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_copy_holds_what_was_written_and_no_more, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_left_of_one_before_is_cleared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_target_that_is_none_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_dead_qemu_ends_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_guest_is_frozen_only_while_the_copy_begins, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_guest_that_does_not_answer_is_thawed_all_the_same, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_dead_agent_leaves_no_frozen_guest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_forgetful_agent_leaves_no_frozen_guest, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_guest_that_is_well_is_not_touched, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
