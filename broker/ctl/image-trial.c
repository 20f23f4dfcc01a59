/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tries a version: private copies of it boot, and berth probe uses each of them as a user would.
 */
#include "broker/ctl/ctl.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/process.h"
#include "broker/ctl/table.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LOOK_MS 500
#define READY_LIMIT_US (20LL * 60 * G_USEC_PER_SEC)
#define PROBE_TIMEOUT "300"
/* For a whole picture; longer than this, and a text console's cursor blinks in between. */
#define STABLE_MS "150"
#define PASSWORD_FD 3
/* What a probe wrote that is read again. */
#define OUTPUT_BYTES (256 * 1024)

typedef struct {
    BerthCtl *ctl;
    const char *version; /* id */
    char *pool, *pool_name;
    char *user;
    const char *password;
    const char *script; /* path; NULL: only look */
    int n;
    json_t *rows; /* table of what was found */
    int n_bad;
} Trial;

static const char *
text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* ---- the pool ---- */

static bool
make_pool(Trial *trial, const BerthCtlCall *call, GError **error)
{
    json_auto_t *reply = NULL;
    json_auto_t *me = NULL;
    BerthCtlClient *client = trial->ctl->client;
    g_autofree char *path = g_strconcat("/v1/image-versions/", trial->version, "/test", NULL);
    json_auto_t *body = json_pack("{s:i, s:b}", "n", trial->n, "template",
                                  (int)berth_ctl_call_has(call, "template"));
    if (!berth_ctl_client_call(client, "GET", "/v1/me", NULL, NULL, &me, error) ||
        !berth_ctl_client_call(client, "POST", path, body, NULL, &reply, error)) {
        return false;
    }
    trial->user = g_strdup(text_of(me, "name"));
    trial->pool = g_strdup(text_of(reply, "id"));
    trial->pool_name = g_strdup(text_of(reply, "name"));
    return true;
}

/* Whatever happened before: the machines go, Ctrl-C or not. */
static void
remove_pool(Trial *trial)
{
    g_autoptr(GError) why = NULL;
    json_auto_t *nothing = NULL;
    g_autofree char *path =
        g_strconcat("/v1/image-versions/", trial->version, "/test/", trial->pool, NULL);
    berth_ctl_client_set_interrupt(trial->ctl->client, NULL);
    if (!berth_ctl_client_call(trial->ctl->client, "DELETE", path, NULL, NULL, &nothing, &why)) {
        fprintf(stderr, "berthctl: the pool \"%s\" stays for now: %s\n", trial->pool_name,
                why->message);
    }
}

static void
draw(const Trial *trial, int n_ready, int64_t since_us)
{
    if (trial->ctl->is_terminal) {
        fprintf(stderr, "\r%d of %d copies are ready after %d s\033[K%s", n_ready, trial->n,
                (int)((berth_monotonic_us() - since_us) / G_USEC_PER_SEC),
                n_ready == trial->n ? "\n" : "");
    }
}

static bool
wait_until_ready(Trial *trial, GError **error)
{
    int64_t since_us = berth_monotonic_us();
    g_autofree char *path = g_strconcat("/v1/machines?pool=", trial->pool, NULL);
    while (berth_monotonic_us() - since_us < READY_LIMIT_US && !berth_ctl_is_interrupted()) {
        size_t i = 0;
        json_t *row = NULL;
        int n_ready = 0;
        json_auto_t *rows = berth_ctl_list(trial->ctl, path, "machines", error);
        if (rows == NULL) {
            return false;
        }
        json_array_foreach (rows, i, row) {
            if (strcmp(text_of(row, "state"), "failed") == 0) {
                return berth_set_error(error, BERTH_ERR_STATE, "a copy does not boot: %s",
                                       text_of(row, "detail"));
            }
            n_ready += strcmp(text_of(row, "state"), "ready") == 0 ? 1 : 0;
        }
        draw(trial, n_ready, since_us);
        if (n_ready >= trial->n) {
            return true;
        }
        poll(NULL, 0, LOOK_MS);
    }
    return berth_ctl_is_interrupted()
               ? berth_set_error(error, BERTH_ERR_CLOSED, "interrupted")
               : berth_set_error(error, BERTH_ERR_TIMEOUT, "not all copies came up in %d minutes",
                                 (int)(READY_LIMIT_US / G_USEC_PER_SEC / 60));
}

/* ---- one probe ---- */

/* A file in memory with a text, at its beginning; -1 on error. */
static int
memory_file(const char *text)
{
    int fd = memfd_create("berthctl", MFD_CLOEXEC);
    size_t len = strlen(text);
    if (fd >= 0 && (write(fd, text, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Beside berthctl, else where the shell finds it; for g_free(). */
static char *
find_probe(void)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = self != NULL ? g_path_get_dirname(self) : g_strdup("/");
    g_autofree char *beside = g_build_filename(folder, "berth", NULL);
    const char *named = g_getenv("BERTH_PROBE");
    if (named != NULL) {
        return g_strdup(named);
    }
    return g_strdup(g_file_test(beside, G_FILE_TEST_IS_EXECUTABLE) ? beside : "berth");
}

/* Waits for the probe; Ctrl-C ends it. */
static int
wait_for(int pidfd)
{
    int status = 1;
    struct pollfd end = { .fd = pidfd, .events = POLLIN };
    bool is_told = false;
    while (poll(&end, 1, LOOK_MS) <= 0) {
        if (berth_ctl_is_interrupted() && !is_told) {
            berth_pidfd_signal(pidfd, SIGTERM);
            is_told = true;
        }
    }
    (void)berth_pidfd_reap(pidfd, &status);
    return status;
}

/* The first action that failed, by the lines of JSON that a probe wrote; for g_free(), or NULL. */
static char *
find_failure(int fd)
{
    g_autofree char *text = g_malloc0(OUTPUT_BYTES + 1);
    ssize_t n = pread(fd, text, OUTPUT_BYTES, 0);
    g_auto(GStrv) lines = g_strsplit(n > 0 ? text : "", "\n", -1);
    for (int i = 0; lines[i] != NULL; i++) {
        json_auto_t *line = json_loads(lines[i], JSON_REJECT_DUPLICATES, NULL);
        if (json_is_false(json_object_get(line, "ok"))) {
            return g_strdup_printf("line %d: %s", i + 1, text_of(line, "error"));
        }
    }
    return NULL;
}

static bool
run_probe(Trial *trial, int *ret_status, char **ret_failure, GError **error)
{
    g_autofree char *program = find_probe();
    const char *argv[] = { program,
                           "probe",
                           "--broker",
                           trial->ctl->url,
                           "--ca",
                           trial->ctl->ca_file,
                           "--user",
                           trial->user,
                           "--password-fd",
                           G_STRINGIFY(PASSWORD_FD),
                           "--desktop",
                           trial->pool_name,
                           "--timeout",
                           PROBE_TIMEOUT,
                           "--quiet",
                           "--wait-stable",
                           STABLE_MS,
                           "--logoff",
                           trial->script != NULL ? "--script" : NULL,
                           "-",
                           NULL };
    berth_autofd int password = memory_file(trial->password);
    berth_autofd int output = memory_file("");
    berth_autofd int script =
        open(trial->script != NULL ? trial->script : "/dev/null", O_RDONLY | O_CLOEXEC);
    int pidfd = -1;
    if (password < 0 || output < 0 || script < 0) {
        return berth_set_error(error, berth_error_from_errno(errno), "\"%s\" cannot be read: %s",
                               trial->script != NULL ? trial->script : "", g_strerror(errno));
    }
    const BerthSpawnFd fds[] = { { script, STDIN_FILENO }, { password, PASSWORD_FD } };
    const BerthSpawnOptions options = {
        .fds = fds, .n_fds = 2, .death_signal = SIGTERM, .stdout_fd = output
    };
    if (!berth_spawn(argv, &options, &pidfd, NULL, error)) {
        return false;
    }
    *ret_status = wait_for(pidfd);
    close(pidfd);
    *ret_failure = find_failure(output);
    return true;
}

/* One copy after the other: a copy that was used is recycled, so each probe meets another one. */
static bool
probe_all(Trial *trial, GError **error)
{
    for (int i = 0; i < trial->n && !berth_ctl_is_interrupted(); i++) {
        int status = 0;
        g_autofree char *failure = NULL;
        int64_t since_us = berth_monotonic_us();
        if (!run_probe(trial, &status, &failure, error)) {
            return false;
        }
        bool is_good = status == 0 && failure == NULL;
        trial->n_bad += is_good ? 0 : 1;
        json_array_append_new(trial->rows,
                              json_pack("{s:i, s:s, s:i, s:I, s:s}", "copy", i + 1, "result",
                                        is_good ? "good" : "bad", "status", status, "ms",
                                        (json_int_t)((berth_monotonic_us() - since_us) / 1000),
                                        "failure", failure != NULL ? failure : ""));
        if (trial->ctl->is_terminal) {
            fprintf(stderr, "copy %d of %d: %s\n", i + 1, trial->n, is_good ? "good" : "bad");
        }
    }
    return !berth_ctl_is_interrupted() || berth_set_error(error, BERTH_ERR_CLOSED, "interrupted");
}

/* ---- the command ---- */

static bool
run_trial(Trial *trial, const BerthCtlCall *call, GError **error)
{
    if (!make_pool(trial, call, error)) {
        return false;
    }
    bool is_done = wait_until_ready(trial, error) && probe_all(trial, error);
    remove_pool(trial);
    json_auto_t *reply = json_pack("{s:O}", "copies", trial->rows);
    berth_ctl_print(trial->ctl, reply, "copies", "copy result status ms failure");
    if (is_done && trial->n_bad > 0) {
        return berth_set_error(error, BERTH_ERR_STATE, "%d of %d copies failed the test",
                               trial->n_bad, trial->n);
    }
    return is_done;
}

bool
berth_ctl_run_image_test(BerthCtl *ctl, const BerthCtlCall *call, GError **error)
{
    const json_t *n = json_object_get(call->body, "n");
    if (ctl->url == NULL || ctl->ca_file == NULL) {
        return berth_set_error(error, BERTH_ERR_CONFIG,
                               "a test uses desktops as the client does: say --broker and --ca");
    }
    const char *password = text_of(call->body, "password");
    if (password[0] == '\0') {
        return berth_set_error(error, BERTH_ERR_CONFIG,
                               "berth probe logs in as you: say --probe-password-fd");
    }
    g_autofree char *version = berth_ctl_find_version(ctl, call->args[0], call->args[1], error);
    if (version == NULL) {
        return false;
    }
    Trial trial = { .ctl = ctl,
                    .version = version,
                    .password = password,
                    .script = call->args[2],
                    .n = n != NULL ? (int)CLAMP(json_integer_value(n), 1, 64) : 1,
                    .rows = json_array() };
    berth_ctl_catch_interrupts(ctl);
    bool is_good = run_trial(&trial, call, error);
    json_decref(trial.rows);
    g_free(trial.pool);
    g_free(trial.pool_name);
    g_free(trial.user);
    return is_good;
}
