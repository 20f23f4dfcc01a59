/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/window.h"

#include "client/core/desktop-choice.h"
#include "client/core/session-controller.h"
#include "client/core/sound-pulse.h"
#include "client/core/viewers-text.h"
#include "client/gtk/fullscreen.h"
#include "client/gtk/head-windows.h"
#include "client/gtk/host-key-question.h"
#include "client/gtk/insight-desk.h"
#include "client/gtk/keyboard.h"
#include "client/gtk/logoff-question.h"
#include "client/gtk/pages.h"
#include "client/gtk/screens.h"
#include "client/gtk/share-desk.h"
#include "client/gtk/sound-button.h"

#include "base/error.h"
#include "base/log.h"

#include <glib/gi18n.h>
#include <string.h>

#define WIDTH_PX 1100
#define HEIGHT_PX 740
/* How long a closing window waits for the broker to hear of it. */
#define GOODBYE_MS 1500

struct BerthWindow {
    GtkWidget *window;
    BerthPages *pages;
    BerthDesktopPage *page;    /* of the pages */
    BerthDisplayView *display; /* of the page */
    BerthHeadWindows *heads;   /* beside the first */
    BerthFullscreen *fullscreen;
    BerthScreens *screens;
    BerthKeyboard *keyboard;
    BerthShare *share; /* of whatever desktop is open */
    BerthShareDesk *desk;
    BerthInsightDesk *insight;

    BerthSettings *settings;
    BerthSoundClient *sound;
    BerthSessionController *controller; /* NULL before the first login */
    char *controller_key;               /* broker and CA that it is for */
    char *desktop_name;                 /* that is shown or being opened */
    BerthWish wish;                     /* what the connection is for */
    BerthId wished_id;                  /* pool or session, as the wish is */
    char *wanted;                       /* desktop to open as soon as the list is there */
    bool is_watch_wanted;               /* as soon as the list is there */
    bool is_fresh;                      /* the list is the first one since the login */
    char *error;                        /* what the page of the next state has to show */
    bool is_direct;                     /* there is no broker and no list */
    bool wants_fullscreen;              /* as soon as a desktop is open */
    char *monitors;                     /* to fill then; NULL: those of last time */
    bool is_leaving;                    /* the broker has not answered yet */
    bool is_closing;
};

/* The reason, and the ways on that there are. */
static void
show_reason(BerthWindow *self, const char *title)
{
    if (self->error != NULL) {
        berth_log_info("window", "%s: %s", title, self->error);
    }
    berth_pages_show_end(self->pages, self->desktop_name, title, self->error, !self->is_direct);
}

static void
show_list(BerthWindow *self)
{
    berth_fullscreen_set(self->fullscreen, false);
    if (self->is_direct) {
        show_reason(self, self->error != NULL ? _("The display cannot be opened")
                                              : _("The display is closed"));
        return;
    }
    berth_pages_show_list(self->pages, self->settings->profile->user, self->error);
}

static void
fill_monitors(BerthWindow *self)
{
    g_autoptr(GError) error = NULL;

    if (!berth_screens_fill(self->screens, self->monitors, &error)) {
        berth_desktop_page_show_notice(self->page, error->message);
        berth_fullscreen_set(self->fullscreen, true);
    }
}

static void
show_desktop(BerthWindow *self)
{
    berth_pages_show_desktop(self->pages, self->desktop_name,
                             self->is_direct ? NULL : self->settings->profile->broker);
    if (self->wants_fullscreen) {
        self->wants_fullscreen = false;
        fill_monitors(self);
    }
}

/* A user who left does not need to be told so: the list comes as soon as the broker knows. */
static void
show_end(BerthWindow *self)
{
    berth_fullscreen_set(self->fullscreen, false);
    if (self->error == NULL && self->is_leaving) {
        berth_pages_show_busy(self->pages, self->desktop_name, _("the desktop is being closed"));
        return;
    }
    if (self->error == NULL) {
        berth_session_controller_reload(self->controller);
        return;
    }
    show_reason(self, _("The desktop is closed"));
}

/* Asks for what was chosen last. */
static void
open_wished(BerthWindow *self)
{
    if (self->controller != NULL && self->wish == BERTH_WISH_DESKTOP) {
        berth_session_controller_choose(self->controller, &self->wished_id);
    } else if (self->controller != NULL) {
        berth_session_controller_watch(self->controller, &self->wished_id,
                                       self->wish == BERTH_WISH_HELP);
    }
}

/* Outside of the controller's callback, because it may be told to do something else. */
static gboolean
on_open_wanted(gpointer user_data)
{
    open_wished(user_data);
    return G_SOURCE_REMOVE;
}

static void
on_state(BerthClientState state, void *user_data)
{
    BerthWindow *self = user_data;

    switch (state) {
    case BERTH_CLIENT_IDLE:
        berth_pages_show_login(self->pages, self->error);
        break;
    case BERTH_CLIENT_LOGIN:
        self->is_fresh = true;
        berth_pages_show_busy(self->pages, _("Logging in"), _("the broker checks who you are"));
        break;
    case BERTH_CLIENT_LIST:
        if (!self->is_direct) {
            berth_pages_show_busy(self->pages, _("Logged in"), _("looking for your desktops"));
        }
        break;
    case BERTH_CLIENT_PICK:
        show_list(self);
        break;
    case BERTH_CLIENT_OPEN:
        berth_desktop_page_hide_waiting(self->page);
        show_desktop(self);
        berth_keyboard_opened(self->keyboard);
        break;
    case BERTH_CLIENT_ENDED:
        berth_desktop_page_hide_waiting(self->page);
        show_end(self);
        break;
    default:
        break;
    }
    if (state != BERTH_CLIENT_LIST && state != BERTH_CLIENT_LOGIN) {
        g_clear_pointer(&self->error, g_free);
    }
}

static void
on_ask(const BerthLoginQuestion *question, void *user_data)
{
    BerthWindow *self = user_data;

    berth_pages_ask(self->pages, question);
}

static void
on_recovery_codes(const char *const *codes, void *user_data)
{
    BerthWindow *self = user_data;

    berth_entrance_keep_codes(berth_pages_get_entrance(self->pages), codes);
}

static void
on_providers(GPtrArray *providers, void *user_data)
{
    BerthWindow *self = user_data;

    berth_entrance_set_providers(berth_pages_get_entrance(self->pages), providers);
}

static void
on_progress(const BerthStartProgress *progress, void *user_data)
{
    BerthWindow *self = user_data;

    berth_pages_show_progress(self->pages, self->desktop_name, progress);
}

static void
on_error(const GError *error, int64_t retry_after_s, void *user_data)
{
    BerthWindow *self = user_data;

    g_free(self->error);
    self->error = retry_after_s > 0 ? g_strdup_printf("%s (%" G_GINT64_FORMAT " s)", error->message,
                                                      retry_after_s)
                                    : g_strdup(error->message);
}

static void
choose(BerthWindow *self, BerthWish wish, const BerthId *id, const char *name)
{
    g_free(self->desktop_name);
    self->desktop_name = g_strdup(name);
    self->wish = wish;
    self->wished_id = *id;
    g_idle_add(on_open_wanted, self);
}

static void
on_desktops(GPtrArray *desktops, void *user_data)
{
    BerthWindow *self = user_data;
    BerthEntrance *entrance = berth_pages_get_entrance(self->pages);
    const BerthDesktop *found = berth_desktop_choose(desktops, self->wanted, self->is_fresh);

    berth_entrance_set_desktops(entrance, desktops);
    if (self->is_watch_wanted) {
        self->is_watch_wanted = false;
        choose(self, self->wish, &self->wished_id, _("Somebody's desktop"));
        return;
    }
    if (found != NULL && !berth_entrance_has_codes(entrance)) {
        choose(self, BERTH_WISH_DESKTOP, &found->pool, found->name);
    } else if (found == NULL && self->wanted != NULL) {
        g_free(self->error);
        self->error = g_strdup_printf(_("there is no desktop '%s' for you; choose another one"),
                                      self->wanted);
    }
    self->is_fresh = false;
    g_clear_pointer(&self->wanted, g_free);
}

static void
on_opened(bool is_resumed, void *user_data)
{
    BerthWindow *self = user_data;

    berth_display_view_opened(self->display);
    berth_head_windows_opened(self->heads);
}

static void
on_frame(const BerthFrameNews *news, void *user_data)
{
    BerthWindow *self = user_data;

    berth_display_view_frame(self->display, news);
    berth_head_windows_frame(self->heads, news);
}

static void
on_cursor(const BerthCursorImage *image, void *user_data)
{
    BerthWindow *self = user_data;

    berth_display_view_set_cursor(self->display, image);
    berth_head_windows_set_cursor(self->heads, image);
}

static void
on_pointer_mode(bool is_absolute, void *user_data)
{
    BerthWindow *self = user_data;

    berth_display_view_set_pointer_mode(self->display, is_absolute);
    berth_head_windows_set_pointer_mode(self->heads, is_absolute);
}

static void
on_head_gone(unsigned head, void *user_data)
{
    BerthWindow *self = user_data;

    berth_head_windows_close(self->heads, head);
}

static void
on_shadow_ask(const BerthMsgShadowAsk *ask, void *user_data)
{
    BerthWindow *self = user_data;

    berth_desktop_page_ask(self->page, ask);
}

static void
on_viewers(const BerthMsgViewers *viewers, void *user_data)
{
    BerthWindow *self = user_data;
    g_autofree char *text = berth_viewers_text(viewers);

    berth_header_set_sign(berth_pages_get_header(self->pages), text);
    berth_desktop_page_set_sign(self->page, text);
}

static void
on_notice(const char *text, uint32_t number, void *user_data)
{
    BerthWindow *self = user_data;

    berth_desktop_page_show_notice(self->page, text);
}

static void
on_waiting(const char *why, int64_t retry_at_us, int64_t give_up_at_us, void *user_data)
{
    BerthWindow *self = user_data;

    berth_desktop_page_show_waiting(self->page, retry_at_us, give_up_at_us);
}

static void
on_ended(const GError *why, void *user_data)
{
    BerthWindow *self = user_data;

    berth_head_windows_close_all(self->heads);
    berth_desktop_page_show_notice(self->page, NULL);
    g_free(self->error);
    self->error = why != NULL ? g_strdup(why->message) : NULL;
}

/* The login ends with the window: a token that nobody uses is only good for a thief. */
static void
go_on_closing(BerthWindow *self, BerthBrokerRequest done)
{
    if (done == BERTH_BROKER_LOGOUT ||
        berth_session_controller_logout(self->controller) != BERTH_OK) {
        g_application_quit(g_application_get_default());
    }
}

static void
on_done(BerthBrokerRequest request, const GError *error, void *user_data)
{
    BerthWindow *self = user_data;

    if (request == BERTH_BROKER_PROVIDERS ||
        berth_entrance_done(berth_pages_get_entrance(self->pages), request, error)) {
        return;
    }
    if (error != NULL) {
        berth_log_warning("window", "the broker refused: %s", error->message);
    }
    if (self->is_closing) {
        go_on_closing(self, request);
    } else if (self->is_leaving) {
        self->is_leaving = false;
        berth_session_controller_reload(self->controller);
    }
}

static const BerthControllerCallbacks callbacks = {
    .state = on_state,
    .ask = on_ask,
    .recovery_codes = on_recovery_codes,
    .providers = on_providers,
    .progress = on_progress,
    .error = on_error,
    .desktops = on_desktops,
    .opened = on_opened,
    .frame = on_frame,
    .cursor = on_cursor,
    .pointer_mode = on_pointer_mode,
    .head_gone = on_head_gone,
    .shadow_ask = on_shadow_ask,
    .viewers = on_viewers,
    .notice = on_notice,
    .waiting = on_waiting,
    .ended = on_ended,
    .done = on_done,
};

/* Those of a controller for this window. */
static BerthControllerCallbacks
make_callbacks(BerthWindow *self)
{
    BerthControllerCallbacks made = callbacks;

    made.share = self->share;
    made.sound = self->sound;
    return made;
}

/* controller: NULL shows nothing */
static void
show_source(BerthWindow *self, BerthSessionController *controller)
{
    BerthPicture *picture =
        controller != NULL ? berth_session_controller_get_picture(controller, 0) : NULL;

    berth_head_windows_set_controller(self->heads, controller);
    berth_insight_desk_set_controller(self->insight, controller);
    berth_display_view_set_source(self->display, picture, controller, 0);
}

/* What makes one controller another; NULL is "". */
static char *
make_controller_key(const BerthBrokerAddress *address, const BerthBrokerFiles *files)
{
    const char *names[] = { files->ca_file, files->certificate_file, files->key_file };
    GString *key = g_string_new(address->url);

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_string_append_printf(key, "\n%s", names[i] != NULL ? names[i] : "");
    }
    return g_string_free(key, FALSE);
}

/* A controller for that broker: the present one if it fits. */
static BerthSessionController *
ensure_controller(const BerthBrokerAddress *address, const BerthBrokerFiles *files, GError **error,
                  void *user_data)
{
    BerthWindow *self = user_data;
    g_autofree char *key = make_controller_key(address, files);
    g_autofree char *name = g_strdup_printf("berth on %s", g_get_host_name());
    BerthControllerCallbacks made = make_callbacks(self);

    if (self->controller != NULL && strcmp(key, self->controller_key) == 0) {
        return self->controller;
    }
    show_source(self, NULL);
    g_clear_pointer(&self->controller, berth_session_controller_free);
    self->controller = berth_session_controller_new(address, files, name, &made, self, error);
    g_free(self->controller_key);
    self->controller_key = g_steal_pointer(&key);
    show_source(self, self->controller);
    return self->controller;
}

static void
on_pick(const BerthId *pool, const char *name, void *user_data)
{
    choose(user_data, BERTH_WISH_DESKTOP, pool, name);
}

static void
on_kept(void *user_data)
{
    show_list(user_data);
}

static void
on_status_choice(BerthStatusChoice choice, void *user_data)
{
    BerthWindow *self = user_data;

    switch (choice) {
    case BERTH_STATUS_CANCEL:
        berth_session_controller_cancel(self->controller);
        break;
    case BERTH_STATUS_RECONNECT:
        open_wished(self);
        break;
    case BERTH_STATUS_LIST:
        berth_session_controller_reload(self->controller);
        break;
    }
}

static void
on_leave_waiting(void *user_data)
{
    berth_session_controller_cancel(((BerthWindow *)user_data)->controller);
}

static void
leave(BerthWindow *self, BerthLeave kind)
{
    self->is_leaving = true;
    if (berth_session_controller_leave(self->controller, kind) != BERTH_OK) {
        self->is_leaving = false;
    }
}

static void
apply_host_key(BerthWindow *self)
{
    const BerthHostKeyChoice *choice = self->settings->host_key;

    berth_keyboard_set_host_key(self->keyboard, choice);
    berth_head_windows_set_host_key(self->heads, choice);
    berth_header_set_host_key(berth_pages_get_header(self->pages), _(choice->label));
}

/* Returns true if the command sets an option. */
static bool
set_option(BerthWindow *self, BerthHeaderCommand command, bool is_active)
{
    switch (command) {
    case BERTH_HEADER_FOLLOW_SIZE:
        berth_display_view_set_follow_size(self->display, is_active);
        return true;
    case BERTH_HEADER_GRAB_KEYS:
        berth_keyboard_want_grab(self->keyboard, is_active);
        return true;
    case BERTH_HEADER_INPUT_METHOD:
        berth_keyboard_set_input_method(self->keyboard, is_active);
        berth_head_windows_set_input_method(self->heads, is_active);
        return true;
    default:
        return false;
    }
}

static void
on_header(BerthHeaderCommand command, bool is_active, void *user_data)
{
    BerthWindow *self = user_data;

    if (set_option(self, command, is_active) || self->controller == NULL ||
        berth_insight_desk_command(self->insight, command, self->desktop_name)) {
        return;
    }
    switch (command) {
    case BERTH_HEADER_RELOAD:
        berth_session_controller_reload(self->controller);
        break;
    case BERTH_HEADER_LOGOUT:
        berth_session_controller_logout(self->controller);
        break;
    case BERTH_HEADER_FULLSCREEN:
        berth_fullscreen_set(self->fullscreen, !berth_fullscreen_get(self->fullscreen));
        break;
    case BERTH_HEADER_CTRL_ALT_DEL:
        berth_display_view_send_keys(self->display, "ctrl+alt+delete");
        break;
    case BERTH_HEADER_HOST_KEY:
        berth_host_key_question_ask(GTK_WINDOW(self->window), self->settings);
        apply_host_key(self);
        break;
    case BERTH_HEADER_SCREENS:
        berth_screens_ask(self->screens);
        break;
    case BERTH_HEADER_ADD_SCREEN:
        berth_head_windows_add(self->heads);
        break;
    case BERTH_HEADER_SEND_FILES:
        berth_share_desk_choose_files(self->desk);
        break;
    case BERTH_HEADER_DISCONNECT:
        leave(self, BERTH_LEAVE_DISCONNECT);
        break;
    default:
        if (berth_logoff_question_ask(GTK_WINDOW(self->window))) {
            leave(self, BERTH_LEAVE_LOGOFF);
        }
        break;
    }
}

static void
on_fullscreen(bool is_full, void *user_data)
{
    BerthWindow *self = user_data;

    berth_desktop_page_set_fullscreen(self->page, is_full);
    berth_keyboard_fullscreen_changed(self->keyboard);
}

static void
on_grabbed(bool is_grabbed, void *user_data)
{
    BerthWindow *self = user_data;

    berth_desktop_page_show_hint(self->page,
                                 is_grabbed ? _(self->settings->host_key->label) : NULL);
    berth_header_set_grabbed(berth_pages_get_header(self->pages), is_grabbed);
}

static void
on_leave_canvas(void *user_data)
{
    BerthWindow *self = user_data;

    if (!berth_desktop_page_enter(self->page)) {
        gtk_widget_child_focus(berth_header_get_widget(berth_pages_get_header(self->pages)),
                               GTK_DIR_TAB_FORWARD);
    }
}

static const BerthKeyboardCallbacks keyboard_callbacks = {
    .grabbed = on_grabbed,
    .leave_canvas = on_leave_canvas,
    .command = on_header,
};

static gboolean
on_goodbye_late(gpointer user_data)
{
    g_application_quit(g_application_get_default());
    return G_SOURCE_REMOVE;
}

/* A desktop that is open is told to wait for its user, and the broker to forget the login. */
static gboolean
on_delete(GtkWidget *window, GdkEvent *event, gpointer user_data)
{
    BerthWindow *self = user_data;
    BerthClientState state = self->controller != NULL
                                 ? berth_session_controller_get_state(self->controller)
                                 : BERTH_CLIENT_IDLE;

    if (state == BERTH_CLIENT_IDLE || state == BERTH_CLIENT_LOGIN) {
        return GDK_EVENT_PROPAGATE;
    }
    self->is_closing = true;
    gtk_widget_hide(window);
    g_timeout_add(GOODBYE_MS, on_goodbye_late, NULL);
    if (state == BERTH_CLIENT_OPEN) {
        leave(self, BERTH_LEAVE_DISCONNECT);
        return GDK_EVENT_STOP;
    }
    if (berth_session_controller_logout(self->controller) != BERTH_OK) {
        berth_session_controller_cancel(self->controller); /* what is under way */
        go_on_closing(self, BERTH_BROKER_CONNECT);
    }
    return GDK_EVENT_STOP;
}

static void
window_free(gpointer data)
{
    BerthWindow *self = data;

    berth_session_controller_free(self->controller);
    berth_share_free(self->share);
    berth_sound_client_free(self->sound);
    g_free(self->controller_key);
    g_free(self->desktop_name);
    g_free(self->wanted);
    g_free(self->monitors);
    g_free(self->error);
    g_free(self);
}

/* The pages and the window go first, the controller that they look at last. */
static void
on_destroy(GtkWidget *window, gpointer user_data)
{
    BerthWindow *self = user_data;

    while (g_idle_remove_by_data(self)) {
    }
    show_source(self, NULL);
    g_clear_pointer(&self->desk, berth_share_desk_free);
    g_clear_pointer(&self->heads, berth_head_windows_free);
}

static void
on_answer(uint32_t id, bool is_allowed, void *user_data)
{
    BerthWindow *self = user_data;
    BerthSessionClient *session =
        self->controller != NULL ? berth_session_controller_get_session(self->controller) : NULL;

    if (session != NULL) {
        berth_session_client_answer(session, id, is_allowed);
    }
}

static const BerthPagesCallbacks page_callbacks = {
    .entrance = { .controller = ensure_controller, .pick = on_pick, .kept = on_kept },
    .status = on_status_choice,
    .desktop = { .command = on_header, .leave = on_leave_waiting, .answer = on_answer },
};

/* The desktop of a connection file; it is shown from the first moment as it shall be. */
static void
open_direct(BerthWindow *self, const BerthConnectionFile *file)
{
    const BerthId any = { 0 };
    g_autofree char *address = g_strdup_printf("%s:%u", file->host, file->port);
    BerthControllerCallbacks made = make_callbacks(self);
    g_autoptr(GError) error = NULL;

    self->is_direct = true;
    self->controller =
        berth_session_controller_new_direct(file, g_get_host_name(), &made, self, &error);
    if (self->controller == NULL) {
        self->error = g_strdup(error->message);
        show_reason(self, _("The display cannot be opened"));
        return;
    }
    show_source(self, self->controller);
    choose(self, BERTH_WISH_DESKTOP, &any, address);
    if (self->wants_fullscreen) {
        berth_screens_begin(self->screens, self->monitors);
    }
}

/* The login, which the command line may take a part of away. */
static void
enter(BerthWindow *self, const BerthWindowOptions *options)
{
    BerthEntrance *entrance = berth_pages_get_entrance(self->pages);

    if (options->is_device) {
        berth_entrance_keep_logged_in(entrance);
    }
    berth_pages_show_login(self->pages, self->error);
    if (options->link != NULL) {
        self->wanted = options->link->desktop[0] != '\0' ? g_strdup(options->link->desktop) : NULL;
        berth_entrance_open_link(entrance, options->link);
    } else if (options->password != NULL) {
        berth_entrance_log_in(entrance, options->password);
    }
}

/* The desktop's sound, and its buttons in both toolbars. */
static void
add_sound(BerthWindow *self)
{
    self->sound = berth_sound_client_new(berth_sound_pulse_new("Berth"));
    berth_header_add(
        berth_pages_get_header(self->pages),
        berth_sound_button_get_widget(berth_sound_button_new(self->sound, BERTH_SOUND_IN_TITLE)));
    berth_desktop_page_add_to_bar(self->page, berth_sound_button_get_widget(berth_sound_button_new(
                                                  self->sound, BERTH_SOUND_OVER_CANVAS)));
}

BerthWindow *
berth_window_new(GtkApplication *application, const BerthWindowOptions *options)
{
    BerthWindow *self = g_new0(BerthWindow, 1);
    self->settings = options->settings;
    self->wanted = g_strdup(options->desktop);
    if (options->shadow != NULL) {
        self->is_watch_wanted = true;
        self->wish = options->wants_control ? BERTH_WISH_HELP : BERTH_WISH_WATCH;
        self->wished_id = *options->shadow;
    }
    self->wants_fullscreen = options->is_fullscreen || options->monitors != NULL;
    self->monitors = g_strdup(options->monitors);
    self->window = gtk_application_window_new(application);
    gtk_window_set_default_size(GTK_WINDOW(self->window), WIDTH_PX, HEIGHT_PX);
    self->pages = berth_pages_new(GTK_WINDOW(self->window), self->settings, &page_callbacks, self);
    self->page = berth_pages_get_desktop(self->pages);
    self->display = berth_desktop_page_get_view(self->page);
    add_sound(self);
    self->heads = berth_head_windows_new(GTK_WINDOW(self->window), on_header, self);
    self->fullscreen = berth_fullscreen_new(
        GTK_WINDOW(self->window), berth_header_get_widget(berth_pages_get_header(self->pages)),
        on_fullscreen, self);
    self->screens = berth_screens_new(GTK_WINDOW(self->window), self->fullscreen, self->heads);
    self->keyboard = berth_keyboard_new(GTK_WINDOW(self->window), self->display, self->fullscreen,
                                        &keyboard_callbacks, self);
    apply_host_key(self);
    self->share = berth_share_new();
    self->insight = berth_insight_desk_new(GTK_WINDOW(self->window), self->page, self->settings);
    self->desk = berth_share_desk_new(GTK_WINDOW(self->window), self->page, self->share);
    g_signal_connect(self->window, "delete-event", G_CALLBACK(on_delete), self);
    g_signal_connect(self->window, "destroy", G_CALLBACK(on_destroy), self);
    g_object_set_data_full(G_OBJECT(self->window), "berth-window", self, window_free);
    gtk_widget_show_all(self->window);
    if (options->direct != NULL) {
        open_direct(self, options->direct);
        return self;
    }
    enter(self, options);
    return self;
}
