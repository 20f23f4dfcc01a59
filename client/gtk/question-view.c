/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/question-view.h"

#include "client/gtk/qr-image.h"
#include "client/gtk/widgets.h"

#include "base/log.h"
#include "base/secret.h"
#include "berth/limits.h"

#include <glib/gi18n.h>
#include <string.h>

#define CODE_CHARS 14
/* Characters of a secret that are read at once. */
#define GROUP_CHARS 4

struct BerthQuestionView {
    GtkWidget *page, *holder;
    GtkWidget *card;   /* in the holder, made anew for each question; NULL before */
    GtkWidget *code;   /* of the card, if it asks for one */
    GtkWidget *way_on; /* button of the card */
    char *text;        /* that "Copy" copies; secret */
    BerthQuestionCallbacks callbacks;
    void *user_data;
};

static void
forget_text(BerthQuestionView *self)
{
    if (self->text != NULL) {
        berth_wipe(self->text, strlen(self->text));
    }
    g_clear_pointer(&self->text, g_free);
}

static void
on_answer(BerthQuestionView *self)
{
    g_autofree char *code = g_strdup(gtk_entry_get_text(GTK_ENTRY(self->code)));

    if (code[0] != '\0') {
        gtk_entry_set_text(GTK_ENTRY(self->code), "");
        self->callbacks.answer(code, self->user_data);
        berth_wipe(code, strlen(code));
    }
}

static void
on_cancel(BerthQuestionView *self)
{
    self->callbacks.cancel(self->user_data);
}

static void
on_kept(BerthQuestionView *self)
{
    forget_text(self);
    self->callbacks.kept(self->user_data);
}

static void
on_copy(BerthQuestionView *self)
{
    if (self->text != NULL) {
        gtk_clipboard_set_text(gtk_widget_get_clipboard(self->page, GDK_SELECTION_CLIPBOARD),
                               self->text, -1);
    }
}

/* The browser of the system; whoever has none can carry the address elsewhere. */
static void
on_browse(BerthQuestionView *self)
{
    GtkWidget *window = gtk_widget_get_toplevel(self->page);
    g_autoptr(GError) error = NULL;

    if (self->text != NULL &&
        !gtk_show_uri_on_window(GTK_WINDOW(window), self->text, GDK_CURRENT_TIME, &error)) {
        berth_log_warning("window", "no browser could be opened: %s", error->message);
    }
}

/* Begins a page; what was shown before goes. */
static void
begin_card(BerthQuestionView *self, const char *icon, const char *title, const char *text)
{
    GtkWidget *label = gtk_label_new(text);

    if (self->card != NULL) {
        gtk_widget_destroy(self->card);
    }
    forget_text(self);
    self->code = NULL;
    self->card = berth_card_new(icon, title, NULL);
    gtk_label_set_line_wrap(GTK_LABEL(label), TRUE);
    gtk_label_set_max_width_chars(GTK_LABEL(label), 46);
    gtk_label_set_justify(GTK_LABEL(label), GTK_JUSTIFY_CENTER);
    gtk_box_pack_start(GTK_BOX(self->card), label, FALSE, FALSE, 0);
}

static void
add(BerthQuestionView *self, GtkWidget *widget)
{
    gtk_box_pack_start(GTK_BOX(self->card), widget, FALSE, FALSE, 0);
}

static GtkWidget *
add_button(BerthQuestionView *self, GtkWidget *box, const char *label, GCallback func)
{
    GtkWidget *button = gtk_button_new_with_mnemonic(label);

    g_signal_connect_swapped(button, "clicked", func, self);
    gtk_box_pack_start(GTK_BOX(box), button, TRUE, TRUE, 0);
    return button;
}

static GtkWidget *
new_buttons(void)
{
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 10);

    gtk_widget_set_margin_top(box, 8);
    return box;
}

static void
make_default(GtkWidget *button)
{
    gtk_style_context_add_class(gtk_widget_get_style_context(button), "suggested-action");
    gtk_widget_set_can_default(button, TRUE);
}

static void
show(BerthQuestionView *self, GtkWidget *way_on)
{
    self->way_on = way_on;
    gtk_container_add(GTK_CONTAINER(self->holder), self->card);
    gtk_widget_show_all(self->page);
}

/* "ABCD EFGH ...": the secret as it can be typed. */
static GtkWidget *
new_secret(const char *secret)
{
    GString *grouped = g_string_sized_new(2 * strlen(secret) + 1);
    GtkWidget *label;

    for (size_t i = 0; secret[i] != '\0'; i++) {
        if (i > 0 && i % GROUP_CHARS == 0) {
            g_string_append_c(grouped, ' ');
        }
        g_string_append_c(grouped, secret[i]);
    }
    label = gtk_label_new(grouped->str);
    berth_wipe(grouped->str, grouped->len);
    g_string_free(grouped, TRUE);
    gtk_label_set_selectable(GTK_LABEL(label), TRUE);
    gtk_label_set_line_wrap(GTK_LABEL(label), TRUE);
    gtk_label_set_max_width_chars(GTK_LABEL(label), 40);
    gtk_widget_set_can_focus(label, FALSE);
    gtk_style_context_add_class(gtk_widget_get_style_context(label), "berth-secret");
    return label;
}

/* A factor that is new: for the camera of a phone, and for typing. */
static void
add_enrolment(BerthQuestionView *self, const BerthEnrolment *enrolment)
{
    GtkWidget *image = berth_qr_image_new(enrolment->uri);

    if (image != NULL) {
        atk_object_set_name(gtk_widget_get_accessible(image), _("Code for the camera of a phone"));
        gtk_widget_set_halign(image, GTK_ALIGN_CENTER);
        add(self, image);
    }
    add(self, new_secret(enrolment->secret));
    self->text = g_strdup(enrolment->secret);
}

static void
ask_code(BerthQuestionView *self, const BerthLoginQuestion *question)
{
    bool is_new = question->enrolment != NULL;
    GtkWidget *buttons = new_buttons();
    GtkWidget *error_label, *error_box = berth_error_box_new(&error_label);
    GtkWidget *login;

    begin_card(self, "dialog-password-symbolic",
               is_new ? _("Set your second factor up") : _("Second factor"),
               is_new
                   ? _("Your site asks for a second factor. Give this to the authenticator on your "
                       "phone, then type the six digits that it shows.")
                   : _("Type the six digits that your authenticator shows, or one of your recovery "
                       "codes."));
    if (is_new) {
        add_enrolment(self, question->enrolment);
    }
    berth_error_box_set(error_box, error_label, question->why);
    add(self, error_box);
    self->code = gtk_entry_new();
    gtk_entry_set_width_chars(GTK_ENTRY(self->code), CODE_CHARS);
    gtk_entry_set_max_length(GTK_ENTRY(self->code), BERTH_LIMIT_CLIENT_CODE_CHARS);
    gtk_entry_set_alignment(GTK_ENTRY(self->code), 0.5f);
    gtk_entry_set_activates_default(GTK_ENTRY(self->code), TRUE);
    atk_object_set_name(gtk_widget_get_accessible(self->code), _("Code"));
    gtk_style_context_add_class(gtk_widget_get_style_context(self->code), "berth-code");
    add(self, self->code);
    add_button(self, buttons, _("_Cancel"), G_CALLBACK(on_cancel));
    if (is_new) {
        add_button(self, buttons, _("Copy the _secret"), G_CALLBACK(on_copy));
    }
    login = add_button(self, buttons, _("_Log in"), G_CALLBACK(on_answer));
    make_default(login);
    add(self, buttons);
    show(self, login);
}

static void
open_browser(BerthQuestionView *self, const BerthLoginQuestion *question)
{
    GtkWidget *buttons = new_buttons();
    GtkWidget *again;

    begin_card(self, "web-browser-symbolic", _("Go on in your browser"),
               _("A page of your site was opened there. When you have logged in, come back to this "
                 "window."));
    self->text = g_strdup(question->url);
    add_button(self, buttons, _("_Cancel"), G_CALLBACK(on_cancel));
    add_button(self, buttons, _("C_opy the address"), G_CALLBACK(on_copy));
    again = add_button(self, buttons, _("Open the page _again"), G_CALLBACK(on_browse));
    add(self, buttons);
    show(self, again);
    on_browse(self);
}

void
berth_question_view_ask(BerthQuestionView *self, const BerthLoginQuestion *question)
{
    if (question->state == BERTH_LOGIN_CODE) {
        ask_code(self, question);
    } else if (question->state == BERTH_LOGIN_BROWSER) {
        open_browser(self, question);
    }
}

void
berth_question_view_show_codes(BerthQuestionView *self, const char *const *codes)
{
    GtkWidget *buttons = new_buttons();
    g_autofree char *text = g_strjoinv("\n", (char **)codes);
    GtkWidget *label = gtk_label_new(text);
    GtkWidget *kept;

    begin_card(self, "security-high-symbolic", _("Keep these recovery codes"),
               _("Each of them stands in for your authenticator once, if you lose it. They are not "
                 "shown again: print them or put them into your password safe."));
    gtk_label_set_selectable(GTK_LABEL(label), TRUE);
    gtk_widget_set_can_focus(label, FALSE);
    gtk_style_context_add_class(gtk_widget_get_style_context(label), "berth-secret");
    add(self, label);
    self->text = g_steal_pointer(&text);
    add_button(self, buttons, _("_Copy"), G_CALLBACK(on_copy));
    kept = add_button(self, buttons, _("I have _kept them"), G_CALLBACK(on_kept));
    make_default(kept);
    add(self, buttons);
    show(self, kept);
}

void
berth_question_view_focus(BerthQuestionView *self)
{
    if (self->card == NULL) {
        return;
    }
    if (gtk_widget_get_can_default(self->way_on)) {
        gtk_widget_grab_default(self->way_on);
    }
    gtk_widget_grab_focus(self->code != NULL ? self->code : self->way_on);
}

static void
question_view_free(gpointer data)
{
    BerthQuestionView *self = data;

    forget_text(self);
    g_free(self);
}

BerthQuestionView *
berth_question_view_new(const BerthQuestionCallbacks *callbacks, void *user_data)
{
    BerthQuestionView *self = g_new0(BerthQuestionView, 1);

    self->callbacks = *callbacks;
    self->user_data = user_data;
    self->holder = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);
    self->page = berth_page_new(self->holder);
    g_object_set_data_full(G_OBJECT(self->page), "berth-view", self, question_view_free);
    return self;
}

GtkWidget *
berth_question_view_get_widget(BerthQuestionView *self)
{
    return self->page;
}
