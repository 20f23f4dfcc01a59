/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/probe/probe-runner.h"

#include "client/core/png-file.h"
#include "client/probe/probe-errand.h"
#include "client/probe/probe-input.h"
#include "client/probe/probe-share.h"

#include "base/clock.h"
#include "base/error.h"

/* Between two characters, so that a slow guest does not lose one. */
#define TYPE_PACE_MS 12
/* A press that has not changed the picture by then never will. */
#define ECHO_MS 2000
/* Between two looks at a picture that rests and is not exact; a frame looks at once. */
#define EXACT_POLL_MS 50

struct BerthProbeRunner {
    BerthSessionController *controller;
    BerthProbeShare *share;
    BerthProbeErrand *errand;
    BerthProbeSound *sound;
    int64_t timeout_ms;
    bool waits_for_echo;
    BerthProbeDoneFunc func;
    void *user_data;

    const BerthProbeAction *action; /* NULL while idle */
    json_t *found;                  /* what the action found out */
    int64_t started_us;
    guint deadline_source; /* the wait is over, well or not */
    guint poke_source;     /* looks at the action again, outside of callbacks */
    guint pace_source;
    unsigned head;      /* that actions are about */
    size_t n_typed;     /* bytes of a text */
    uint64_t n_changes; /* changed frames before the last input */
    uint64_t n_samples; /* latency samples before the last press */
    bool has_pressed;
    bool wants_echo; /* a character of a text waits for its echo */
    int64_t echo_until_us;
};

static void look(BerthProbeRunner *self);

static const BerthStats *
stats_of(BerthProbeRunner *self)
{
    return berth_session_controller_get_stats(self->controller);
}

json_t *
berth_probe_runner_make_counters(BerthProbeRunner *self)
{
    const BerthStats *stats = stats_of(self);
    BerthSessionClient *session = berth_session_controller_get_session(self->controller);
    BerthClientState state = berth_session_controller_get_state(self->controller);
    uint64_t bytes_in = stats->bytes_in;
    json_t *object = json_object();
    int width, height;

    if (session != NULL) {
        bytes_in += berth_session_client_get_bytes_in(session);
    }
    berth_picture_get_size(berth_session_controller_get_picture(self->controller, self->head),
                           &width, &height);
    json_object_set_new(object, "state",
                        json_string(berth_fsm_state_name(&berth_client_fsm, (int)state)));
    json_object_set_new(object, "head", json_integer(self->head));
    json_object_set_new(object, "width", json_integer(width));
    json_object_set_new(object, "height", json_integer(height));
    json_object_set_new(object, "frames", json_integer((json_int_t)stats->n_frames));
    json_object_set_new(object, "changed_frames",
                        json_integer((json_int_t)stats->n_changed_frames));
    json_object_set_new(object, "frame_bytes", json_integer((json_int_t)stats->frame_bytes));
    json_object_set_new(object, "bytes_in", json_integer((json_int_t)bytes_in));
    json_object_set_new(object, "resumes", json_integer((json_int_t)stats->n_resumes));
    json_object_set_new(object, "latency_us",
                        stats->latency.last_us < 0 ? json_null()
                                                   : json_integer(stats->latency.last_us));
    return object;
}

static void
stop_sources(BerthProbeRunner *self)
{
    g_clear_handle_id(&self->deadline_source, g_source_remove);
    g_clear_handle_id(&self->poke_source, g_source_remove);
    g_clear_handle_id(&self->pace_source, g_source_remove);
}

static void
finish(BerthProbeRunner *self, const GError *error)
{
    const BerthProbeAction *action = self->action;
    json_t *answer = berth_probe_runner_make_counters(self);

    stop_sources(self);
    self->action = NULL;
    self->wants_echo = false;
    berth_probe_errand_end(self->errand);
    json_object_set_new(answer, "command", json_string(action->row->name));
    json_object_set_new(answer, "ok", json_boolean(error == NULL));
    json_object_set_new(answer, "elapsed_us",
                        json_integer(berth_monotonic_us() - self->started_us));
    if (error != NULL) {
        json_object_set_new(answer, "code", json_string(berth_error_name(error->code)));
        json_object_set_new(answer, "error", json_string(error->message));
    }
    json_object_update(answer, self->found);
    self->func(action, error, answer, self->user_data);
    json_decref(answer);
}

static void
fail(BerthProbeRunner *self, int code, const char *text)
{
    g_autoptr(GError) error =
        g_error_new(BERTH_ERROR, code, "%s: %s", self->action->row->name, text);

    finish(self, error);
}

static bool
is_of_share(const BerthProbeAction *action)
{
    BerthProbeKind kind = action->row->kind;

    return kind >= BERTH_PROBE_COPY && kind <= BERTH_PROBE_TAKE_FILE;
}

static bool
is_of_errand(const BerthProbeAction *action)
{
    return action->row->kind == BERTH_PROBE_RESTART || action->row->kind == BERTH_PROBE_REPORT;
}

/*
 * Looks at what clipboard, files or broker do; is_late tells what was waited for in vain.  Returns
 * false if the action is none of theirs.
 */
static bool
look_others(BerthProbeRunner *self, bool is_late)
{
    g_autoptr(GError) error = NULL;
    bool is_done;

    if (!is_of_share(self->action) && !is_of_errand(self->action)) {
        return false;
    }
    is_done = is_of_share(self->action) ? berth_probe_share_look(self->share, &error)
                                        : berth_probe_errand_look(self->errand, &error);
    if (is_done && error == NULL && berth_probe_share_get_path(self->share) != NULL &&
        is_of_share(self->action)) {
        json_object_set_new(self->found, "path",
                            json_string(berth_probe_share_get_path(self->share)));
    }
    if (is_done) {
        finish(self, error);
    } else if (is_late) {
        fail(self, BERTH_ERR_TIMEOUT, error->message);
    }
    return true;
}

static gboolean
on_deadline(gpointer user_data)
{
    BerthProbeRunner *self = user_data;
    const BerthProbeAction *action = self->action;

    self->deadline_source = 0;
    if (look_others(self, true)) {
        return G_SOURCE_REMOVE;
    }
    look(self);
    if (self->action == action && self->deadline_source == 0) {
        fail(self, BERTH_ERR_TIMEOUT, "it took too long");
    }
    return G_SOURCE_REMOVE;
}

/* Gives the action so much time from now. */
static void
set_deadline(BerthProbeRunner *self, int64_t after_ms)
{
    g_clear_handle_id(&self->deadline_source, g_source_remove);
    self->deadline_source =
        g_timeout_add((guint)CLAMP(after_ms, 0, (int64_t)G_MAXUINT), on_deadline, self);
}

/* Marks the moment that wait-change and wait-echo refer to. */
static void
mark_input(BerthProbeRunner *self, bool is_press)
{
    self->n_changes = stats_of(self)->n_changed_frames;
    if (is_press) {
        self->n_samples = stats_of(self)->latency.n_samples;
        self->has_pressed = true;
    }
}

static bool
has_echo(BerthProbeRunner *self)
{
    return stats_of(self)->latency.n_samples > self->n_samples;
}

static gboolean
on_pace(gpointer user_data)
{
    BerthProbeRunner *self = user_data;

    self->pace_source = 0;
    look(self);
    return G_SOURCE_REMOVE;
}

/* Types the next character, or ends the action; comes again by frame or by time. */
static void
type_next(BerthProbeRunner *self, BerthSessionClient *session)
{
    const char *text = self->action->text;
    int64_t now_us = berth_monotonic_us();

    if (self->pace_source != 0) {
        return;
    }
    if (self->wants_echo && !has_echo(self) && now_us < self->echo_until_us) {
        self->pace_source = g_timeout_add(TYPE_PACE_MS, on_pace, self);
        return;
    }
    if (text[self->n_typed] == '\0') {
        finish(self, NULL);
        return;
    }
    mark_input(self, true);
    if (!berth_probe_input_type(session, text + self->n_typed)) {
        fail(self, BERTH_ERR_UNSUPPORTED, "the session does not take texts");
        return;
    }
    self->n_typed = (size_t)(g_utf8_next_char(text + self->n_typed) - text);
    self->wants_echo = self->waits_for_echo;
    self->echo_until_us = now_us + ECHO_MS * 1000;
    self->pace_source = g_timeout_add(TYPE_PACE_MS, on_pace, self);
}

static void
press_and_wait(BerthProbeRunner *self)
{
    if (self->waits_for_echo && !has_echo(self) &&
        berth_monotonic_us() < self->started_us + ECHO_MS * 1000) {
        if (self->pace_source == 0) {
            self->pace_source = g_timeout_add(TYPE_PACE_MS, on_pace, self);
        }
        return;
    }
    finish(self, NULL);
}

/* Reads a pixel as 0xRRGGBB.  Returns false if it is outside of the picture. */
static bool
read_pixel(BerthProbeRunner *self, int x, int y, uint32_t *ret_rgb)
{
    BerthPicture *picture = berth_session_controller_get_picture(self->controller, self->head);
    const BerthFrame *frame = berth_picture_lock(picture);
    bool is_inside = frame != NULL && x < frame->width && y < frame->height;

    if (is_inside) {
        const uint8_t *bgrx = berth_frame_pixel(frame, x, y);

        *ret_rgb = (uint32_t)bgrx[2] << 16 | (uint32_t)bgrx[1] << 8 | bgrx[0];
    }
    berth_picture_unlock(picture);
    return is_inside;
}

static void
answer_pixel(BerthProbeRunner *self)
{
    uint32_t rgb = 0;
    char text[7];

    if (!read_pixel(self, self->action->x, self->action->y, &rgb)) {
        fail(self, BERTH_ERR_INVALID, "the point is outside of the picture");
        return;
    }
    g_snprintf(text, sizeof text, "%06x", rgb);
    json_object_set_new(self->found, "rgb", json_string(text));
    finish(self, NULL);
}

static void
answer_hash(BerthProbeRunner *self)
{
    BerthPicture *picture = berth_session_controller_get_picture(self->controller, self->head);
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    const BerthFrame *frame = berth_picture_lock(picture);

    for (int y = 0; frame != NULL && y < frame->height; y++) {
        g_checksum_update(checksum, berth_frame_pixel(frame, 0, y), 4 * (gssize)frame->width);
    }
    berth_picture_unlock(picture);
    json_object_set_new(self->found, "sha256", json_string(g_checksum_get_string(checksum)));
    finish(self, NULL);
}

static void
save_screenshot(BerthProbeRunner *self)
{
    g_autoptr(GError) error = NULL;
    BerthPicture *picture = berth_session_controller_get_picture(self->controller, self->head);

    if (!stats_of(self)->may_save_pictures) {
        error = g_error_new(BERTH_ERROR, BERTH_ERR_FORBIDDEN,
                            "no picture of this desktop may be saved; ask your administrator for "
                            "the policy 'screenshot'");
    } else {
        (void)berth_png_file_write(picture, self->action->text, &error);
    }
    finish(self, error);
}

static void
do_sound(BerthProbeRunner *self)
{
    g_autoptr(GError) error = NULL;

    if (self->action->row->kind == BERTH_PROBE_SPEAK) {
        (void)berth_probe_sound_speak(self->sound, self->action->text, &error);
    } else {
        (void)berth_probe_sound_record(self->sound, self->action->text, &error);
    }
    finish(self, error);
}

static bool
has_size(BerthProbeRunner *self, int wanted_width, int wanted_height)
{
    int width, height;

    berth_picture_get_size(berth_session_controller_get_picture(self->controller, self->head),
                           &width, &height);
    return width == wanted_width && height == wanted_height;
}

static bool
has_pixel(BerthProbeRunner *self, const BerthProbeAction *a)
{
    uint32_t rgb = 0;

    return read_pixel(self, a->x, a->y, &rgb) && rgb == a->rgb;
}

/* True as soon as what the action waits for has happened. */
static bool
is_met(BerthProbeRunner *self)
{
    const BerthProbeAction *a = self->action;
    BerthClientState state = berth_session_controller_get_state(self->controller);

    switch (a->row->kind) {
    case BERTH_PROBE_WAIT_CHANGE:
        return stats_of(self)->n_changed_frames > self->n_changes;
    case BERTH_PROBE_WAIT_ECHO:
        return !self->has_pressed || has_echo(self);
    case BERTH_PROBE_WAIT_SIZE:
        return has_size(self, a->x, a->y);
    case BERTH_PROBE_WAIT_OPEN:
        return state == BERTH_CLIENT_OPEN;
    case BERTH_PROBE_WAIT_SOUND:
        return berth_probe_sound_is_heard(self->sound);
    case BERTH_PROBE_WAIT_NOTICE:
        return stats_of(self)->n_notices > 0;
    case BERTH_PROBE_WAIT_END:
        return state == BERTH_CLIENT_ENDED;
    case BERTH_PROBE_WAIT_LOST:
    case BERTH_PROBE_BREAK:
        return state != BERTH_CLIENT_OPEN;
    case BERTH_PROBE_WAIT_PIXEL:
        return has_pixel(self, a);
    default:
        return false;
    }
}

/*
 * Stable since the last change, or since the action started if that was later.  A picture that is
 * not exact is not at rest: better pixels of it are on their way.
 */
static void
look_stable(BerthProbeRunner *self)
{
    int64_t now_us = berth_monotonic_us();
    int64_t since_us = MAX(stats_of(self)->last_change_us, self->started_us);
    int64_t quiet_us = now_us - since_us;
    int64_t left_ms = (self->action->value * 1000 - quiet_us + 999) / 1000;
    bool is_exact = (stats_of(self)->exact_heads >> self->head & 1) != 0;

    if (left_ms <= 0 && is_exact) {
        finish(self, NULL);
    } else if (now_us - self->started_us > self->timeout_ms * 1000 + self->action->value * 1000) {
        fail(self, BERTH_ERR_TIMEOUT, "the picture does not come to rest");
    } else {
        set_deadline(self, MAX(left_ms, EXACT_POLL_MS));
    }
}

/* Looks whether the action can go on or is done. */
static void
look(BerthProbeRunner *self)
{
    BerthSessionClient *session = berth_session_controller_get_session(self->controller);

    if (self->action == NULL) {
        return;
    }
    if (look_others(self, false)) {
        return;
    }
    switch (self->action->row->kind) {
    case BERTH_PROBE_TYPE:
        if (session != NULL) {
            type_next(self, session);
        }
        break;
    case BERTH_PROBE_KEY:
    case BERTH_PROBE_KEY_DOWN:
    case BERTH_PROBE_CLICK:
        press_and_wait(self);
        break;
    case BERTH_PROBE_WAIT_STABLE:
        look_stable(self);
        break;
    case BERTH_PROBE_HOLD:
        if (berth_monotonic_us() >= self->started_us + self->action->value * 1000) {
            finish(self, NULL);
        }
        break;
    default:
        if (is_met(self)) {
            finish(self, NULL);
        }
        break;
    }
}

static bool
is_input(BerthProbeKind kind)
{
    return kind <= BERTH_PROBE_REFRESH;
}

static void
start_input(BerthProbeRunner *self)
{
    BerthSessionClient *session = berth_session_controller_get_session(self->controller);
    BerthProbeKind kind = self->action->row->kind;
    bool is_press = berth_probe_input_is_press(kind);

    if (session == NULL) {
        fail(self, BERTH_ERR_STATE, "the desktop is not connected at the moment");
        return;
    }
    if (kind == BERTH_PROBE_TYPE) {
        set_deadline(self, self->timeout_ms);
        type_next(self, session);
        return;
    }
    mark_input(self, is_press);
    if (!berth_probe_input_send(session, self->action, self->head)) {
        fail(self, BERTH_ERR_UNSUPPORTED, "the session does not take this");
    } else if (is_press) {
        press_and_wait(self);
    } else {
        finish(self, NULL);
    }
}

/* What ends by itself or by what happens: by default at once, and late when time is over. */
static void
start_wait(BerthProbeRunner *self)
{
    const BerthProbeAction *a = self->action;

    set_deadline(self, a->value > 0 && a->row->arg == BERTH_PROBE_ARG_OPTIONAL_TIME
                           ? a->value
                           : self->timeout_ms);
    look(self);
}

/* What lasts for a time. */
static void
start_timed(BerthProbeRunner *self)
{
    set_deadline(self, self->action->value);
}

static void
start_share(BerthProbeRunner *self)
{
    berth_probe_share_start(self->share, self->action);
    start_wait(self);
}

static void
start_errand(BerthProbeRunner *self)
{
    berth_probe_errand_start(self->errand, self->action);
    start_wait(self);
}

static void
start_listening(BerthProbeRunner *self)
{
    berth_probe_sound_listen(self->sound);
    start_wait(self);
}

static void
answer_stats(BerthProbeRunner *self)
{
    json_object_set_new(self->found, "stats", berth_stats_to_json(stats_of(self)));
    json_object_set_new(self->found, "sound", berth_probe_sound_to_json(self->sound));
    finish(self, NULL);
}

static void
set_volume(BerthProbeRunner *self)
{
    berth_sound_client_set_volume(berth_probe_sound_get_client(self->sound),
                                  (int)self->action->value);
    finish(self, NULL);
}

static void
choose_head(BerthProbeRunner *self)
{
    self->head = (unsigned)self->action->value;
    finish(self, NULL);
}

/* What the probe does itself when this is done. */
static void
start_nothing(BerthProbeRunner *self)
{
    finish(self, NULL);
}

/* Done when the loss is known, so that wait-open after it means the new connection. */
static void
break_connection(BerthProbeRunner *self)
{
    BerthSessionClient *session = berth_session_controller_get_session(self->controller);

    if (session == NULL) {
        finish(self, NULL);
        return;
    }
    set_deadline(self, self->timeout_ms);
    berth_session_client_break(session);
}

/* How the actions begin that are no input and not only a wait. */
static void (*const starters[BERTH_N_PROBE_KINDS])(BerthProbeRunner *) = {
    [BERTH_PROBE_WAIT_STABLE] = start_timed,    [BERTH_PROBE_HOLD] = start_timed,
    [BERTH_PROBE_WAIT_SOUND] = start_listening, [BERTH_PROBE_COPY] = start_share,
    [BERTH_PROBE_PASTE] = start_share,          [BERTH_PROBE_SEND_FILE] = start_share,
    [BERTH_PROBE_TAKE_FILE] = start_share,      [BERTH_PROBE_RESTART] = start_errand,
    [BERTH_PROBE_REPORT] = start_errand,        [BERTH_PROBE_SCREENSHOT] = save_screenshot,
    [BERTH_PROBE_RECORD_SOUND] = do_sound,      [BERTH_PROBE_SPEAK] = do_sound,
    [BERTH_PROBE_VOLUME] = set_volume,          [BERTH_PROBE_HEAD] = choose_head,
    [BERTH_PROBE_PIXEL] = answer_pixel,         [BERTH_PROBE_HASH] = answer_hash,
    [BERTH_PROBE_STATS] = answer_stats,         [BERTH_PROBE_BREAK] = break_connection,
    [BERTH_PROBE_DISCONNECT] = start_nothing,   [BERTH_PROBE_LOGOFF] = start_nothing,
    [BERTH_PROBE_QUIT] = start_nothing,
};

void
berth_probe_runner_start(BerthProbeRunner *self, const BerthProbeAction *action)
{
    BerthProbeKind kind = action->row->kind;

    g_return_if_fail(self->action == NULL);
    self->action = action;
    self->started_us = berth_monotonic_us();
    self->n_typed = 0;
    json_object_clear(self->found);
    if (is_input(kind)) {
        start_input(self);
    } else if (starters[kind] != NULL) {
        starters[kind](self);
    } else {
        start_wait(self);
    }
}

static gboolean
on_poke(gpointer user_data)
{
    BerthProbeRunner *self = user_data;

    self->poke_source = 0;
    look(self);
    return G_SOURCE_REMOVE;
}

void
berth_probe_runner_poke(BerthProbeRunner *self)
{
    if (self->action != NULL && self->poke_source == 0) {
        self->poke_source = g_idle_add_full(G_PRIORITY_DEFAULT, on_poke, self, NULL);
    }
}

void
berth_probe_runner_note_state(BerthProbeRunner *self, BerthClientState state)
{
    berth_probe_errand_note_state(self->errand, state);
    berth_probe_runner_poke(self);
}

bool
berth_probe_runner_note_done(BerthProbeRunner *self, BerthBrokerRequest request,
                             const GError *error)
{
    bool is_own = berth_probe_errand_note_done(self->errand, request, error);

    berth_probe_runner_poke(self);
    return is_own;
}

bool
berth_probe_runner_note_ended(BerthProbeRunner *self, const GError *why)
{
    bool is_awaited = self->action != NULL && self->action->row->kind == BERTH_PROBE_WAIT_END;

    if (is_awaited) {
        json_object_set_new(self->found, "why", json_string(berth_error_name(why->code)));
    }
    berth_probe_runner_poke(self);
    return berth_probe_errand_note_closed(self->errand) || is_awaited;
}

void
berth_probe_runner_set_desktop(BerthProbeRunner *self, const BerthId *pool)
{
    berth_probe_errand_set_desktop(self->errand, pool);
}

bool
berth_probe_runner_is_busy(const BerthProbeRunner *self)
{
    return self->action != NULL;
}

static void
on_changed(void *user_data)
{
    berth_probe_runner_poke(user_data);
}

BerthProbeRunner *
berth_probe_runner_new(BerthSessionController *controller, BerthShare *share,
                       BerthProbeSound *sound, int64_t timeout_ms, bool waits_for_echo,
                       BerthProbeDoneFunc func, void *user_data)
{
    BerthProbeRunner *self = g_new0(BerthProbeRunner, 1);

    self->controller = controller;
    self->share = berth_probe_share_new(share, on_changed, self);
    self->errand = berth_probe_errand_new(controller);
    self->sound = sound;
    berth_sound_client_watch(berth_probe_sound_get_client(sound), on_changed, self);
    self->timeout_ms = timeout_ms;
    self->waits_for_echo = waits_for_echo;
    self->func = func;
    self->user_data = user_data;
    self->found = json_object();
    return self;
}

void
berth_probe_runner_free(BerthProbeRunner *self)
{
    if (self == NULL) {
        return;
    }
    stop_sources(self);
    berth_probe_share_free(self->share);
    berth_probe_errand_free(self->errand);
    berth_sound_client_unwatch(berth_probe_sound_get_client(self->sound), self);
    json_decref(self->found);
    g_free(self);
}
