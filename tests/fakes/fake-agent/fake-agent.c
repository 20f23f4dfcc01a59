/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any number of hosts in one process, over the real protocol: what a test needs to reach a broker's
 * limits without a hall of machines.
 *
 * It reads commands and writes events, one JSON object a line: see `commands` below.  With
 * --state-dir the machines outlive the process, as real ones outlive their agent.
 */
#include "fake-host.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/main-loop.h"
#include "base/process.h"
#include "broker/setup/certificate.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TICK_MS 20
#define CERT_DAYS 2
/* One command. */
#define MAX_LINE_BYTES (1024u * 1024)

typedef struct {
    FakeSite site;
    BerthCertificate *authority;
    GPtrArray *hosts;  /* FakeHost * */
    GHashTable *by_id; /* id -> FakeHost * */
    GString *input;
    GMainLoop *loop;
} App;

static char *broker_text;
static char *broker_name;
static char *ca_file;
static char *ca_key_file;
static char *cert_dir;
static char *state_dir;
static int n_hosts;
static int seed = 1;
static int delay_ms;
static int report_ms = 2000;
static int memory_mib = 1024 * 1024;
static gboolean is_manual;
static gboolean does_tell;

static const GOptionEntry entries[] = {
    { "broker", 0, 0, G_OPTION_ARG_STRING, &broker_text, "where the broker is", "IP:PORT" },
    { "broker-name", 0, 0, G_OPTION_ARG_STRING, &broker_name, "name in its certificate", "NAME" },
    { "ca", 0, 0, G_OPTION_ARG_FILENAME, &ca_file, "certificate of the site", "FILE" },
    { "ca-key", 0, 0, G_OPTION_ARG_FILENAME, &ca_key_file, "its key, to make hosts with", "FILE" },
    { "cert-dir", 0, 0, G_OPTION_ARG_FILENAME, &cert_dir, "folder for their certificates", "DIR" },
    { "state-dir", 0, 0, G_OPTION_ARG_FILENAME, &state_dir, "folder of what outlives us", "DIR" },
    { "hosts", 0, 0, G_OPTION_ARG_INT, &n_hosts, "hosts to make", "N" },
    { "seed", 0, 0, G_OPTION_ARG_INT, &seed, "their ids follow from it", "N" },
    { "machine-delay-ms", 0, 0, G_OPTION_ARG_INT, &delay_ms, "from each state to the next", "MS" },
    { "report-ms", 0, 0, G_OPTION_ARG_INT, &report_ms, "between two reports", "MS" },
    { "memory-mib", 0, 0, G_OPTION_ARG_INT, &memory_mib, "memory of each host", "MIB" },
    { "manual", 0, 0, G_OPTION_ARG_NONE, &is_manual, "machines wait for set-machine", NULL },
    { "tell", 0, 0, G_OPTION_ARG_NONE, &does_tell, "tell every new wish for a machine", NULL },
    { NULL },
};

static void
tell(json_t *event)
{
    char *text = json_dumps(event, JSON_COMPACT);
    json_decref(event);
    printf("%s\n", text);
    fflush(stdout);
    free(text);
}

/* ---- hosts ---- */

static void
id_from_seed(int number, BerthId *ret)
{
    gsize n = 32;
    uint8_t digest[32];
    char hex[BERTH_ID_HEX_CHARS + 1];
    g_autofree char *text = g_strdup_printf("fake host %d of %d", number, seed);
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_checksum_update(sum, (const guchar *)text, -1);
    g_checksum_get_digest(sum, digest, &n);
    berth_hex_format(digest, BERTH_ID_HEX_CHARS / 2, hex);
    (void)berth_id_parse(hex, ret);
}

static bool
add_host(App *app, const BerthId *id, const char *cert, const char *key, GError **error)
{
    FakeHost *host = fake_host_new(&app->site, id, cert, key, error);
    if (host == NULL) {
        return false;
    }
    g_ptr_array_add(app->hosts, host);
    g_hash_table_insert(app->by_id, g_strdup(fake_host_get_id(host)), host);
    return true;
}

/* Signs a certificate for a host, unless an earlier run did. */
static bool
ensure_certificate(const App *app, const char *hex, const char *cert, const char *key,
                   GError **error)
{
    if (g_file_test(cert, G_FILE_TEST_EXISTS)) {
        return true;
    }
    g_autofree char *uri = g_strconcat("URI:berth:host:", hex, NULL);
    g_autoptr(BerthCertificate) signed_one =
        berth_certificate_new_signed(app->authority, hex, uri, CERT_DAYS, error);
    if (signed_one == NULL) {
        return false;
    }
    g_autofree char *cert_pem = berth_certificate_dup_cert_pem(signed_one);
    g_autofree char *key_pem = berth_certificate_dup_key_pem(signed_one);
    return g_file_set_contents_full(key, key_pem, -1, G_FILE_SET_CONTENTS_NONE, 0600, error) &&
           g_file_set_contents(cert, cert_pem, -1, error);
}

static bool
make_host(App *app, int number, GError **error)
{
    BerthId id;
    char hex[BERTH_ID_HEX_CHARS + 1];
    id_from_seed(number, &id);
    berth_id_format(&id, hex);
    g_autofree char *cert = g_strdup_printf("%s/fake-%s.pem", cert_dir, hex);
    g_autofree char *key = g_strdup_printf("%s/fake-%s.key", cert_dir, hex);
    return ensure_certificate(app, hex, cert, key, error) && add_host(app, &id, cert, key, error);
}

/* ---- commands: {"op": ..., "host": id or none for all, ...} ---- */

typedef void (*Command)(App *app, FakeHost *host, const json_t *command);

static void
do_dial(App *app, FakeHost *host, const json_t *command)
{
    fake_host_dial(host);
}

static void
do_cut(App *app, FakeHost *host, const json_t *command)
{
    fake_host_cut(host, json_is_true(json_object_get(command, "stay-away")));
}

static void
do_mute(App *app, FakeHost *host, const json_t *command)
{
    fake_host_set_mute(host, json_is_true(json_object_get(command, "enabled")));
}

static void
do_conditions(App *app, FakeHost *host, const json_t *command)
{
    fake_host_set_conditions(host, json_object_get(command, "conditions"));
}

static void
do_cluster_epoch(App *app, FakeHost *host, const json_t *command)
{
    fake_host_set_cluster_epoch(host, json_integer_value(json_object_get(command, "epoch")));
}

static void
do_set_machine(App *app, FakeHost *host, const json_t *command)
{
    const char *id = json_string_value(json_object_get(command, "machine"));
    if (id != NULL) {
        (void)fake_model_set_machine(fake_host_get_model(host), id,
                                     json_object_get(command, "keys"));
    }
}

static void
do_set_session(App *app, FakeHost *host, const json_t *command)
{
    const char *id = json_string_value(json_object_get(command, "session"));
    if (id != NULL) {
        (void)fake_model_set_session(fake_host_get_model(host), id,
                                     json_object_get(command, "keys"));
    }
}

static void
do_connect(App *app, FakeHost *host, const json_t *command)
{
    (void)fake_model_connect(fake_host_get_model(host),
                             json_string_value(json_object_get(command, "session")));
}

static void
do_describe(App *app, FakeHost *host, const json_t *command)
{
    json_t *event = fake_host_describe(host);
    json_object_set_new(event, "event", json_string("host"));
    tell(event);
}

static const struct {
    const char *op;
    Command run;
} commands[] = {
    { "dial", do_dial },
    { "cut", do_cut },                     /* "stay-away": true */
    { "mute", do_mute },                   /* "enabled" */
    { "conditions", do_conditions },       /* "conditions": [...] */
    { "cluster-epoch", do_cluster_epoch }, /* "epoch" */
    { "set-machine", do_set_machine },     /* "machine", "keys": {...} */
    { "set-session", do_set_session },     /* "session", "keys": {...} */
    { "connect", do_connect },             /* "session", or all that listen */
    { "describe", do_describe },           /* answered by {"event": "host", ...} for each */
};

static void
run_on_hosts(App *app, Command run, const json_t *command)
{
    const char *id = json_string_value(json_object_get(command, "host"));
    FakeHost *host = id != NULL ? g_hash_table_lookup(app->by_id, id) : NULL;
    if (host != NULL) {
        run(app, host, command);
    }
    for (guint i = 0; id == NULL && i < app->hosts->len; i++) {
        run(app, g_ptr_array_index(app->hosts, i), command);
    }
}

/* {"op": "add", "id", "cert", "key"}: one more host, with a certificate of the test's. */
static void
do_add(App *app, const json_t *command)
{
    BerthId id;
    g_autoptr(GError) error = NULL;
    const char *cert = json_string_value(json_object_get(command, "cert"));
    const char *key = json_string_value(json_object_get(command, "key"));
    if (cert == NULL || key == NULL ||
        berth_id_parse(json_string_value(json_object_get(command, "id")), &id) != BERTH_OK ||
        !add_host(app, &id, cert, key, &error)) {
        tell(json_pack("{s:s, s:s}", "event", "error", "text",
                       error != NULL ? error->message : "a host needs id, cert and key"));
    }
}

static void
run_command(App *app, const char *line)
{
    json_auto_t *command = json_loads(line, 0, NULL);
    const char *op = json_string_value(json_object_get(command, "op"));
    if (g_strcmp0(op, "add") == 0) {
        do_add(app, command);
    }
    for (size_t i = 0; op != NULL && i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(op, commands[i].op) == 0) {
            run_on_hosts(app, commands[i].run, command);
        }
    }
    /* Whoever drives us waits for this line, then sees the effect. */
    tell(json_pack("{s:s, s:s}", "event", "done", "op", op != NULL ? op : ""));
}

static gboolean
on_input(gint fd, GIOCondition condition, gpointer user_data)
{
    App *app = user_data;
    char buffer[65536];
    ssize_t n = read(fd, buffer, sizeof buffer);
    if (n <= 0 || app->input->len > MAX_LINE_BYTES) {
        g_main_loop_quit(app->loop);
        return G_SOURCE_REMOVE;
    }
    g_string_append_len(app->input, buffer, n);
    char *end = NULL;
    while ((end = strchr(app->input->str, '\n')) != NULL) {
        *end = '\0';
        run_command(app, app->input->str);
        g_string_erase(app->input, 0, end + 1 - app->input->str);
    }
    return G_SOURCE_CONTINUE;
}

static gboolean
on_tick(gpointer user_data)
{
    App *app = user_data;
    int64_t now_us = berth_monotonic_us();
    for (guint i = 0; i < app->hosts->len; i++) {
        fake_host_tick(g_ptr_array_index(app->hosts, i), now_us);
    }
    return G_SOURCE_CONTINUE;
}

static bool
load_authority(App *app, GError **error)
{
    g_autofree char *cert = NULL;
    g_autofree char *key = NULL;
    if (n_hosts == 0) {
        return true;
    }
    if (ca_key_file == NULL || cert_dir == NULL) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "--hosts needs --ca-key and --cert-dir");
    }
    if (g_file_get_contents(ca_file, &cert, NULL, error) &&
        g_file_get_contents(ca_key_file, &key, NULL, error)) {
        app->authority = berth_certificate_new_from_pem(cert, key, error);
    }
    return app->authority != NULL;
}

static bool
set_up(App *app, GError **error)
{
    if (broker_text == NULL || ca_file == NULL ||
        berth_address_parse(broker_text, &app->site.broker) != BERTH_OK) {
        return berth_set_error(error, BERTH_ERR_CONFIG, "--broker IP:PORT and --ca are needed");
    }
    app->site.broker_name = broker_name != NULL ? broker_name : "broker.berth";
    app->site.ca_file = ca_file;
    app->site.state_dir = state_dir;
    app->site.report_us = (int64_t)report_ms * 1000;
    app->site.memory_mib = memory_mib;
    app->site.does_tell = does_tell;
    app->site.tell = tell;
    app->site.hub = berth_socket_hub_new(NULL);
    app->site.model.delay_us = (int64_t)delay_ms * 1000;
    app->site.model.is_manual = is_manual;
    bool is_good = load_authority(app, error);
    for (int i = 0; is_good && i < n_hosts; i++) {
        is_good = make_host(app, i, error);
    }
    return is_good;
}

static void
tell_ready(App *app)
{
    json_t *ids = json_array();
    for (guint i = 0; i < app->hosts->len; i++) {
        json_array_append_new(ids, json_string(fake_host_get_id(app->hosts->pdata[i])));
    }
    tell(json_pack("{s:s, s:i, s:o}", "event", "ready", "seed", seed, "hosts", ids));
}

static void
serve(App *app)
{
    app->loop = g_main_loop_new(NULL, FALSE);
    guint input = g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, on_input, app);
    guint clock = g_timeout_add(TICK_MS, on_tick, app);
    tell_ready(app);
    berth_main_loop_run(app->loop);
    g_source_remove(clock);
    if (g_main_context_find_source_by_id(NULL, input) != NULL) {
        g_source_remove(input);
    }
    g_main_loop_unref(app->loop);
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GOptionContext) options = g_option_context_new("- pretends to be hosts");
    App app = { .hosts = g_ptr_array_new_with_free_func((GDestroyNotify)fake_host_free),
                .by_id = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
                .input = g_string_new(NULL) };
    berth_log_init("fake-agent");
    berth_process_raise_descriptors(8192);
    g_option_context_add_main_entries(options, entries, NULL);
    bool is_good = g_option_context_parse(options, &argc, &argv, &error) && set_up(&app, &error);
    if (is_good) {
        serve(&app);
    } else {
        fprintf(stderr, "fake-agent: %s\n", error->message);
    }
    g_hash_table_unref(app.by_id);
    g_ptr_array_unref(app.hosts);
    berth_socket_hub_free(app.site.hub);
    berth_certificate_free(app.authority);
    g_string_free(app.input, TRUE);
    return is_good ? 0 : 2;
}
