/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/probe/probe.h"

#include "client/core/session-controller.h"
#include "client/core/stats-report.h"
#include "client/probe/probe-action.h"
#include "client/probe/probe-options.h"
#include "client/probe/probe-runner.h"
#include "client/probe/probe-script.h"
#include "client/probe/probe-steps.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"

#include <glib-unix.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Time that the broker has to answer to disconnect or log off. */
#define LEAVE_MS 10000
/* Turns of the loop in which the goodbye to the session leaves. */
#define GOODBYE_TURNS 32

typedef struct {
    BerthProbeOptions options;
    GMainLoop *loop;
    BerthSessionController *controller;
    BerthShare *share;
    BerthProbeSound *sound;
    BerthProbeRunner *runner;
    BerthProbeScript *script;
    BerthProbeAction *line; /* the script's present command */
    guint n_done;           /* actions of the command line */
    guint next_source, timeout_source;
    guint int_source, term_source;
    bool has_frame;
    BerthProbeSteps steps;
    bool is_ending;
    bool is_leaving;
    bool wants_logoff;
    bool wants_disconnect;
    int status;
    char *reason;
    char *desktop_name;
    char *progress; /* what the controller waits for */
} Probe;

/* Tells a script what happened by itself, if it wants to know. */
static void
print_event(Probe *probe, const char *event, const char *text)
{
    json_t *object;

    if (!probe->options.shows_events) {
        return;
    }
    object = berth_probe_runner_make_counters(probe->runner);
    json_object_set_new(object, "event", json_string(event));
    if (text != NULL) {
        json_object_set_new(object, "text", json_string(text));
    }
    berth_probe_print(object);
    json_decref(object);
}

static void
begin_step(Probe *probe, const char *name)
{
    berth_probe_steps_begin(&probe->steps, name, berth_monotonic_us());
}

static void
end_step(Probe *probe)
{
    berth_probe_steps_end(&probe->steps, berth_probe_runner_make_counters(probe->runner),
                          berth_monotonic_us());
}

static void
tell(Probe *probe, const char *text)
{
    if (!probe->options.is_quiet) {
        fprintf(stderr, "berth probe: %s\n", text);
    }
}

static void
quit(Probe *probe)
{
    probe->is_ending = true;
    g_main_loop_quit(probe->loop);
}

/* Ends the probe with a status and a reason; the first one counts. */
static void
fail(Probe *probe, int status, const char *reason)
{
    if (!probe->is_ending) {
        probe->status = status;
        probe->reason = g_strdup(reason);
        quit(probe);
    }
}

/* The status by the code of an error, and another in one state of the client. */
static const struct {
    int code, status;
    BerthClientState state; /* BERTH_N_CLIENT_STATES: none */
    int status_then;
} statuses[] = {
    { BERTH_ERR_UNTRUSTED, BERTH_PROBE_UNTRUSTED, BERTH_N_CLIENT_STATES, 0 },
    { BERTH_ERR_BAD_CREDENTIALS, BERTH_PROBE_LOGIN, BERTH_N_CLIENT_STATES, 0 },
    { BERTH_ERR_THROTTLED, BERTH_PROBE_LOGIN, BERTH_N_CLIENT_STATES, 0 },
    { BERTH_ERR_EXPIRED, BERTH_PROBE_LOGIN, BERTH_N_CLIENT_STATES, 0 },
    { BERTH_ERR_NO_DESKTOP, BERTH_PROBE_NO_DESKTOP, BERTH_N_CLIENT_STATES, 0 },
    { BERTH_ERR_HOST_DOWN, BERTH_PROBE_NO_DESKTOP, BERTH_N_CLIENT_STATES, 0 },
    { BERTH_ERR_FORBIDDEN, BERTH_PROBE_NO_DESKTOP, BERTH_CLIENT_IDLE, BERTH_PROBE_LOGIN },
    { BERTH_ERR_TIMEOUT, BERTH_PROBE_TIMEOUT, BERTH_CLIENT_ENDED, BERTH_PROBE_LOST },
    { BERTH_ERR_CLOSED, BERTH_PROBE_LOST, BERTH_N_CLIENT_STATES, 0 },
    { BERTH_ERR_IO, BERTH_PROBE_LOST, BERTH_N_CLIENT_STATES, 0 },
    { BERTH_ERR_TLS, BERTH_PROBE_LOST, BERTH_N_CLIENT_STATES, 0 },
    { BERTH_ERR_NOT_FOUND, BERTH_PROBE_LOST, BERTH_CLIENT_PICK, BERTH_PROBE_NO_DESKTOP },
    { BERTH_ERR_TAKEN_OVER, BERTH_PROBE_ENDED, BERTH_N_CLIENT_STATES, 0 },
    { BERTH_ERR_LOGGED_OFF, BERTH_PROBE_ENDED, BERTH_N_CLIENT_STATES, 0 },
    { BERTH_ERR_DISCONNECTED, BERTH_PROBE_ENDED, BERTH_N_CLIENT_STATES, 0 },
    { BERTH_ERR_DESKTOP_GONE, BERTH_PROBE_ENDED, BERTH_N_CLIENT_STATES, 0 },
    { BERTH_ERR_CONFIG, BERTH_PROBE_USAGE, BERTH_N_CLIENT_STATES, 0 },
};

static int
status_of(const GError *error, BerthClientState state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(statuses); i++) {
        if (statuses[i].code == error->code) {
            return statuses[i].state == state ? statuses[i].status_then : statuses[i].status;
        }
    }
    return BERTH_PROBE_INTERNAL;
}

static gboolean
on_timeout(gpointer user_data)
{
    Probe *probe = user_data;
    BerthClientState state = berth_session_controller_get_state(probe->controller);
    g_autofree char *reason = NULL;

    probe->timeout_source = 0;
    if (state == BERTH_CLIENT_CONNECT && probe->progress != NULL) {
        reason = g_strdup_printf("no desktop within %g s: %s", probe->options.timeout_s,
                                 probe->progress);
        fail(probe, BERTH_PROBE_NO_DESKTOP, reason);
        return G_SOURCE_REMOVE;
    }
    reason = g_strdup_printf("not done within %g s (state %s, %" G_GUINT64_FORMAT " frames)",
                             probe->options.timeout_s,
                             berth_fsm_state_name(&berth_client_fsm, (int)state),
                             berth_session_controller_get_stats(probe->controller)->n_frames);
    fail(probe, BERTH_PROBE_TIMEOUT, reason);
    return G_SOURCE_REMOVE;
}

/* Everything was done: tells the broker if that was asked for. */
static void
finish(Probe *probe)
{
    int code = BERTH_ERR_STATE;

    if (probe->wants_logoff || probe->wants_disconnect) {
        probe->is_leaving = true;
        begin_step(probe, "leave");
        code = berth_session_controller_leave(
            probe->controller, probe->wants_logoff ? BERTH_LEAVE_LOGOFF : BERTH_LEAVE_DISCONNECT);
    }
    if (code == BERTH_OK) {
        g_clear_handle_id(&probe->timeout_source, g_source_remove);
        probe->timeout_source = g_timeout_add(LEAVE_MS, on_timeout, probe);
    } else {
        quit(probe);
    }
}

static gboolean
on_next(gpointer user_data)
{
    Probe *probe = user_data;

    probe->next_source = 0;
    if (probe->n_done < probe->options.actions->len) {
        const BerthProbeAction *action = g_ptr_array_index(probe->options.actions, probe->n_done);

        begin_step(probe, action->row->name);
        berth_probe_runner_start(probe->runner, action);
    } else if (probe->script != NULL) {
        berth_probe_script_next(probe->script);
    } else {
        finish(probe);
    }
    return G_SOURCE_REMOVE;
}

/* Goes on outside of the present callback. */
static void
go_on(Probe *probe)
{
    if (probe->next_source == 0 && !probe->is_ending && !probe->is_leaving) {
        probe->next_source = g_idle_add_full(G_PRIORITY_DEFAULT, on_next, probe, NULL);
    }
}

static void
note_leave(Probe *probe, BerthProbeKind kind)
{
    if (kind == BERTH_PROBE_LOGOFF) {
        probe->wants_logoff = true;
    } else if (kind == BERTH_PROBE_DISCONNECT) {
        probe->wants_disconnect = true;
    }
}

static int
status_of_action(const GError *error)
{
    switch (error->code) {
    case BERTH_ERR_TIMEOUT:
        return BERTH_PROBE_TIMEOUT;
    case BERTH_ERR_STATE:
        return BERTH_PROBE_LOST;
    case BERTH_ERR_IO:
        return BERTH_PROBE_USAGE;
    default:
        return BERTH_PROBE_INTERNAL;
    }
}

static void
on_action_done(const BerthProbeAction *action, const GError *error, json_t *answer, void *user_data)
{
    Probe *probe = user_data;
    BerthProbeKind kind = action->row->kind;

    note_leave(probe, kind);
    if (action != probe->line) {
        probe->n_done++;
        berth_probe_steps_end_action(&probe->steps, answer);
        if (error != NULL) {
            fail(probe, status_of_action(error), error->message);
            return;
        }
        go_on(probe);
        return;
    }
    berth_probe_print(answer);
    g_clear_pointer(&probe->line, berth_probe_action_free);
    if (kind == BERTH_PROBE_QUIT || kind == BERTH_PROBE_LOGOFF || kind == BERTH_PROBE_DISCONNECT) {
        g_clear_pointer(&probe->script, berth_probe_script_free);
    }
    go_on(probe);
}

static void
print_bad_line(Probe *probe, const GError *error)
{
    json_t *answer = berth_probe_runner_make_counters(probe->runner);

    json_object_set_new(answer, "ok", json_false());
    json_object_set_new(answer, "code", json_string(berth_error_name(error->code)));
    json_object_set_new(answer, "error", json_string(error->message));
    berth_probe_print(answer);
    json_decref(answer);
}

static void
on_line(const char *line, void *user_data)
{
    Probe *probe = user_data;
    g_autoptr(GError) error = NULL;

    if (line == NULL) {
        finish(probe);
        return;
    }
    probe->line = berth_probe_action_parse_line(line, &error);
    if (probe->line == NULL) {
        print_bad_line(probe, error);
        go_on(probe);
        return;
    }
    berth_probe_runner_start(probe->runner, probe->line);
}

static void
on_state(BerthClientState state, void *user_data)
{
    Probe *probe = user_data;

    berth_probe_runner_note_state(probe->runner, state);
    if (probe->is_ending) {
        return;
    }
    if (state == BERTH_CLIENT_LOGIN) {
        begin_step(probe, "login");
    } else if (state == BERTH_CLIENT_LIST) {
        end_step(probe);
        begin_step(probe, "list");
    } else if (state == BERTH_CLIENT_CONNECT && !probe->has_frame) {
        begin_step(probe, "open");
    }
}

static void
on_ask(const BerthLoginQuestion *question, void *user_data)
{
    Probe *probe = user_data;
    g_autoptr(GError) error = NULL;

    if (question->state == BERTH_LOGIN_BROWSER) {
        fprintf(stderr, "berth probe: open in a browser: %s\n", question->url);
    } else if (question->state == BERTH_LOGIN_CODE &&
               !berth_probe_login_answer(&probe->options.login, probe->controller, question,
                                         &error)) {
        fail(probe, BERTH_PROBE_LOGIN, error->message);
    }
}

static void
on_providers(GPtrArray *providers, void *user_data)
{
    Probe *probe = user_data;
    g_autoptr(GError) error = NULL;

    if (!berth_probe_login_choose(&probe->options.login, probe->controller, providers, &error)) {
        fail(probe, BERTH_PROBE_LOGIN, error->message);
    }
}

static void
on_progress(const BerthStartProgress *progress, void *user_data)
{
    Probe *probe = user_data;

    g_free(probe->progress);
    probe->progress = berth_start_progress_text(progress);
    tell(probe, probe->progress);
}

static void
on_error(const GError *error, int64_t retry_after_s, void *user_data)
{
    Probe *probe = user_data;

    fail(probe, status_of(error, berth_session_controller_get_state(probe->controller)),
         error->message);
}

/* Name or id of the desktop that command line or link ask for; NULL: the only one. */
static const char *
wanted_desktop(const Probe *probe)
{
    const char *linked = probe->options.login.link.desktop;

    return probe->options.desktop != NULL ? probe->options.desktop
           : linked[0] != '\0'            ? linked
                                          : NULL;
}

static bool
is_wanted(const Probe *probe, const BerthDesktop *desktop)
{
    const char *wanted = wanted_desktop(probe);
    char hex[BERTH_ID_HEX_CHARS + 1];

    berth_id_format(&desktop->pool, hex);
    return wanted == NULL || strcmp(desktop->name, wanted) == 0 || strcmp(hex, wanted) == 0;
}

static gboolean
on_choose(gpointer user_data)
{
    Probe *probe = user_data;
    BerthId pool;

    if (berth_id_parse(probe->desktop_name, &pool) == BERTH_OK) {
        berth_session_controller_choose(probe->controller, &pool);
    }
    return G_SOURCE_REMOVE;
}

static gboolean
on_watch(gpointer user_data)
{
    Probe *probe = user_data;

    berth_session_controller_watch(probe->controller, &probe->options.session,
                                   probe->options.wants_control);
    return G_SOURCE_REMOVE;
}

/* What a user would be shown to choose from. */
static void
print_desktops(GPtrArray *desktops)
{
    json_t *list = json_array();
    json_t *object = json_pack("{s:o}", "desktops", list);

    for (guint i = 0; i < desktops->len; i++) {
        const BerthDesktop *desktop = g_ptr_array_index(desktops, i);
        char pool[BERTH_ID_HEX_CHARS + 1];

        berth_id_format(&desktop->pool, pool);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b, s:b, s:I}", "name",
                                              desktop->name, "pool", pool, "icon", desktop->icon,
                                              "may_restart", (int)desktop->may_restart,
                                              "may_report", (int)desktop->may_report,
                                              "last_used_us", (json_int_t)desktop->last_used_us));
    }
    berth_probe_print(object);
    json_decref(object);
}

static void
on_desktops(GPtrArray *desktops, void *user_data)
{
    Probe *probe = user_data;
    g_autoptr(GString) names = g_string_new(NULL);
    const BerthDesktop *found = NULL;
    g_autofree char *reason = NULL;
    guint n_found = 0;

    end_step(probe);
    if (probe->options.login.lists_desktops) {
        print_desktops(desktops);
        quit(probe);
        return;
    }
    if (probe->options.shadow != NULL) {
        g_idle_add(on_watch, probe);
        return;
    }
    for (guint i = 0; i < desktops->len; i++) {
        const BerthDesktop *desktop = g_ptr_array_index(desktops, i);

        g_string_append_printf(names, "%s'%s'", i > 0 ? ", " : "", desktop->name);
        if (is_wanted(probe, desktop)) {
            found = desktop;
            n_found++;
        }
    }
    if (n_found == 1) {
        probe->desktop_name = g_malloc(BERTH_ID_HEX_CHARS + 1);
        berth_id_format(&found->pool, probe->desktop_name);
        berth_probe_runner_set_desktop(probe->runner, &found->pool);
        /* The list is being taken: the next step comes after it. */
        g_idle_add(on_choose, probe);
        return;
    }
    reason = g_strdup_printf("no single desktop '%s'; this user may open %s",
                             wanted_desktop(probe) != NULL ? wanted_desktop(probe) : "",
                             names->len > 0 ? names->str : "none");
    fail(probe, BERTH_PROBE_NO_DESKTOP, reason);
}

static void
on_opened(bool is_resumed, void *user_data)
{
    Probe *probe = user_data;

    if (is_resumed) {
        tell(probe, "connected again");
        print_event(probe, "resumed", NULL);
    }
}

static void
on_frame(const BerthFrameNews *news, void *user_data)
{
    Probe *probe = user_data;

    if (!probe->has_frame) {
        probe->has_frame = true;
        end_step(probe);
        if (probe->options.script != NULL) {
            /* From here on each wait has its own time. */
            g_clear_handle_id(&probe->timeout_source, g_source_remove);
        }
        print_event(probe, "open", NULL);
        go_on(probe);
    }
    berth_probe_runner_poke(probe->runner);
}

static void
on_waiting(const char *why, int64_t retry_at_us, int64_t give_up_at_us, void *user_data)
{
    Probe *probe = user_data;

    tell(probe, why);
    print_event(probe, "waiting", why);
}

static void
on_ended(const GError *why, void *user_data)
{
    Probe *probe = user_data;

    if (why != NULL) {
        print_event(probe, "ended", why->message);
    }
    if (why != NULL && !berth_probe_runner_note_ended(probe->runner, why)) {
        fail(probe, status_of(why, BERTH_CLIENT_ENDED), why->message);
    } else if (why == NULL && !probe->is_leaving) {
        quit(probe);
    }
}

static void
on_done(BerthBrokerRequest request, const GError *error, void *user_data)
{
    Probe *probe = user_data;

    if (berth_probe_runner_note_done(probe->runner, request, error)) {
        return;
    }
    if (error != NULL) {
        fail(probe, BERTH_PROBE_INTERNAL, error->message);
        return;
    }
    end_step(probe);
    quit(probe);
}

static void
on_shadow_ask(const BerthMsgShadowAsk *ask, void *user_data)
{
    Probe *probe = user_data;
    BerthSessionClient *session = berth_session_controller_get_session(probe->controller);

    print_event(probe, "shadow-ask", ask->who);
    if (session != NULL) {
        berth_session_client_answer(session, ask->id, probe->options.allows_shadow);
    }
}

static void
on_viewers(const BerthMsgViewers *viewers, void *user_data)
{
    g_autofree char *text = g_strdup_printf("%u watching%s", viewers->n_observers,
                                            viewers->is_recorded ? ", recorded" : "");

    print_event(user_data, "viewers", text);
}

static void
on_notice(const char *text, uint32_t number, void *user_data)
{
    Probe *probe = user_data;

    print_event(probe, "notice", text);
    if (probe->runner != NULL) {
        berth_probe_runner_poke(probe->runner);
    }
}

static const BerthControllerCallbacks callbacks = {
    .state = on_state,
    .ask = on_ask,
    .providers = on_providers,
    .progress = on_progress,
    .error = on_error,
    .desktops = on_desktops,
    .opened = on_opened,
    .frame = on_frame,
    .shadow_ask = on_shadow_ask,
    .viewers = on_viewers,
    .notice = on_notice,
    .waiting = on_waiting,
    .ended = on_ended,
    .done = on_done,
};

static gboolean
on_signal(gpointer user_data)
{
    fail(user_data, BERTH_PROBE_SIGNAL, "stopped by a signal");
    return G_SOURCE_CONTINUE;
}

/* Why all of it was slow; null if it was not. */
static void
add_slow(Probe *probe, json_t *object)
{
    BerthStatsLook *looks = g_new0(BerthStatsLook, 2);
    BerthStatsReport report;

    berth_stats_init(&looks[0].stats);
    looks[0].now_us = probe->steps.all_began_us;
    looks[1].now_us = berth_monotonic_us();
    looks[1].stats = *berth_session_controller_get_stats(probe->controller);
    looks[1].bytes_in = looks[1].stats.bytes_in;
    berth_stats_report_make(&looks[0], &looks[1], (unsigned)looks[1].stats.n_resumes, &report);
    json_object_set_new(object, "slow", berth_stats_report_slow_to_json(&report));
    g_free(looks);
}

static void
write_stats(Probe *probe)
{
    json_t *object;
    json_t *counters;

    if (probe->options.stats_file == NULL) {
        return;
    }
    object = berth_stats_to_json(berth_session_controller_get_stats(probe->controller));
    add_slow(probe, object);
    counters = berth_probe_runner_make_counters(probe->runner);
    json_object_update_missing(object, counters);
    json_decref(counters);
    json_object_set_new(object, "status", json_integer(probe->status));
    json_object_set_new(object, "reason",
                        probe->reason != NULL ? json_string(probe->reason) : json_null());
    if (json_dump_file(object, probe->options.stats_file, JSON_INDENT(2)) != 0 &&
        probe->status == BERTH_PROBE_OK) {
        probe->status = BERTH_PROBE_USAGE;
        probe->reason =
            g_strdup_printf("the numbers cannot be written to '%s'", probe->options.stats_file);
    }
    json_decref(object);
}

static BerthSessionController *
new_direct_controller(Probe *probe, const BerthControllerCallbacks *made, GError **error)
{
    BerthSessionController *controller = NULL;
    BerthConnectionFile file;

    if (berth_connection_file_load(probe->options.direct_file, &file, error)) {
        controller = berth_session_controller_new_direct(&file, "berth probe", made, probe, error);
        berth_connection_file_clear(&file);
    }
    return controller;
}

/* Sets the probe up; what it begins with is the caller's matter. */
static bool
prepare(Probe *probe, GError **error)
{
    const BerthProbeOptions *o = &probe->options;
    BerthBrokerFiles files = berth_probe_login_get_files(&o->login);
    int64_t timeout_ms = (int64_t)(o->timeout_s * 1000);
    BerthControllerCallbacks made = callbacks;

    probe->steps.is_wanted = o->shows_steps;
    probe->share = berth_share_new();
    made.share = probe->share;
    probe->sound = berth_probe_sound_new();
    made.sound = berth_probe_sound_get_client(probe->sound);
    probe->controller = o->direct_file != NULL
                            ? new_direct_controller(probe, &made, error)
                            : berth_session_controller_new(&o->login.address, &files, "berth probe",
                                                           &made, probe, error);
    if (probe->controller == NULL) {
        return false;
    }
    probe->runner = berth_probe_runner_new(probe->controller, probe->share, probe->sound,
                                           timeout_ms, o->waits_for_echo, on_action_done, probe);
    if (o->script != NULL) {
        probe->script = berth_probe_script_new(STDIN_FILENO, on_line, probe);
    }
    probe->timeout_source = g_timeout_add((guint)timeout_ms, on_timeout, probe);
    return true;
}

/* Before anything goes on by itself, and after what may block was read. */
static void
watch_signals(Probe *probe)
{
    probe->int_source = g_unix_signal_add(SIGINT, on_signal, probe);
    probe->term_source = g_unix_signal_add(SIGTERM, on_signal, probe);
}

static bool
start(Probe *probe, GError **error)
{
    BerthProbeOptions *o = &probe->options;
    const BerthId any = { 0 };

    if (o->direct_file != NULL) {
        watch_signals(probe);
        return prepare(probe, error) &&
               berth_session_controller_choose(probe->controller, &any) == BERTH_OK;
    }
    if (!berth_probe_login_read(&o->login, error) || !prepare(probe, error)) {
        return false;
    }
    watch_signals(probe);
    berth_probe_login_begin(&o->login, probe->controller);
    return true;
}

static void
run(Probe *probe)
{
    signal(SIGPIPE, SIG_IGN);
    if (!probe->is_ending) {
        g_main_loop_run(probe->loop);
    }
    g_clear_handle_id(&probe->int_source, g_source_remove);
    g_clear_handle_id(&probe->term_source, g_source_remove);
    g_clear_handle_id(&probe->timeout_source, g_source_remove);
    g_clear_handle_id(&probe->next_source, g_source_remove);
    /* Lets keys go and says goodbye, if there is a connection. */
    berth_session_controller_cancel(probe->controller);
    for (int i = 0; i < GOODBYE_TURNS && g_main_context_iteration(NULL, FALSE); i++) {
    }
    write_stats(probe);
}

static void
clear(Probe *probe)
{
    berth_probe_script_free(probe->script);
    berth_probe_runner_free(probe->runner);
    berth_session_controller_free(probe->controller);
    berth_share_free(probe->share);
    berth_probe_sound_free(probe->sound);
    berth_probe_action_free(probe->line);
    berth_probe_options_clear(&probe->options);
    g_main_loop_unref(probe->loop);
    g_free(probe->desktop_name);
    g_free(probe->progress);
    g_free(probe->reason);
}

int
berth_probe_main(int argc, char **argv)
{
    Probe probe = { .steps.all_began_us = berth_monotonic_us() };
    g_autoptr(GError) error = NULL;
    int status;

    g_set_prgname("berth probe");
    berth_log_init("berth-probe");
    if (g_getenv("BERTH_LOG") == NULL) {
        berth_log_set_levels("warning");
    }
    probe.loop = g_main_loop_new(NULL, FALSE);
    if (!berth_probe_options_parse(argc, (const char *const *)argv, &probe.options, &error)) {
        probe.status = BERTH_PROBE_USAGE;
        probe.reason = g_strdup(error->message);
    } else if (probe.options.shows_version) {
        printf("berth %s\n", BERTH_VERSION);
    } else if (start(&probe, &error)) {
        run(&probe);
    } else {
        probe.status = BERTH_PROBE_USAGE;
        probe.reason = g_strdup(error->message);
    }
    berth_probe_steps_close(&probe.steps, probe.status, probe.reason, berth_monotonic_us());
    if (probe.reason != NULL) {
        fprintf(stderr, "berth probe: %s\n", probe.reason);
    }
    status = probe.status;
    clear(&probe);
    return status;
}
