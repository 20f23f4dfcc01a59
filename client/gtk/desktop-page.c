/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/desktop-page.h"

#include "client/gtk/fullscreen-bar.h"
#include "client/gtk/key-hint.h"
#include "client/gtk/notice-bar.h"
#include "client/gtk/resume-overlay.h"
#include "client/gtk/widgets.h"

#include <glib/gi18n.h>

struct BerthDesktopPage {
    GtkWidget *overlay;
    BerthDisplayView *view;
    BerthFullscreenBar *bar;
    BerthResumeOverlay *resume;
    BerthNoticeBar *notice;
    BerthKeyHint *hint;
    BerthShadowQuestion *question;
    GtkWidget *sign;
    bool has_sign;
    bool is_full;
    BerthDesktopPageCallbacks callbacks;
    void *user_data;
};

static void
on_edge(bool is_at_edge, void *user_data)
{
    BerthDesktopPage *self = user_data;

    berth_fullscreen_bar_reveal(self->bar, is_at_edge && self->is_full);
}

static void
on_leave(BerthDesktopPage *self)
{
    self->callbacks.leave(self->user_data);
}

static GtkWidget *
new_sign(void)
{
    GtkWidget *sign = gtk_label_new(NULL);

    gtk_style_context_add_class(gtk_widget_get_style_context(sign), "berth-sign");
    gtk_widget_set_halign(sign, GTK_ALIGN_START);
    gtk_widget_set_valign(sign, GTK_ALIGN_START);
    gtk_widget_set_no_show_all(sign, TRUE);
    berth_widget_announce(sign, NULL);
    return sign;
}

static void
put_over(BerthDesktopPage *self, GtkWidget *widget, bool is_small)
{
    gtk_overlay_add_overlay(GTK_OVERLAY(self->overlay), widget);
    berth_display_view_add_cover(self->view, widget, is_small);
}

BerthDesktopPage *
berth_desktop_page_new(const BerthDesktopPageCallbacks *callbacks, void *user_data)
{
    BerthDesktopPage *self = g_new0(BerthDesktopPage, 1);

    self->callbacks = *callbacks;
    self->user_data = user_data;
    self->overlay = gtk_overlay_new();
    self->view = berth_display_view_new();
    self->bar = berth_fullscreen_bar_new(callbacks->command, user_data);
    self->question = berth_shadow_question_new(callbacks->answer, user_data);
    self->sign = new_sign();
    self->notice = berth_notice_bar_new();
    self->hint = berth_key_hint_new();
    self->resume = berth_resume_overlay_new(G_CALLBACK(on_leave), self);
    berth_display_view_set_edge_func(self->view, on_edge, self);
    gtk_container_add(GTK_CONTAINER(self->overlay), berth_display_view_get_widget(self->view));
    put_over(self, self->sign, true);
    put_over(self, berth_key_hint_get_widget(self->hint), true);
    put_over(self, berth_fullscreen_bar_get_widget(self->bar), true);
    put_over(self, berth_notice_bar_get_widget(self->notice), true);
    put_over(self, berth_shadow_question_get_widget(self->question), true);
    put_over(self, berth_resume_overlay_get_widget(self->resume), false);
    /* They say something, but nobody can click them: what is below stays in reach. */
    gtk_overlay_set_overlay_pass_through(GTK_OVERLAY(self->overlay), self->sign, TRUE);
    gtk_overlay_set_overlay_pass_through(GTK_OVERLAY(self->overlay),
                                         berth_key_hint_get_widget(self->hint), TRUE);
    g_object_set_data_full(G_OBJECT(self->overlay), "berth-view", self, g_free);
    return self;
}

void
berth_desktop_page_put_over(BerthDesktopPage *self, GtkWidget *widget)
{
    put_over(self, widget, true);
}

void
berth_desktop_page_put_sign_over(BerthDesktopPage *self, GtkWidget *widget)
{
    put_over(self, widget, true);
    gtk_overlay_set_overlay_pass_through(GTK_OVERLAY(self->overlay), widget, TRUE);
}

void
berth_desktop_page_add_to_bar(BerthDesktopPage *self, GtkWidget *widget)
{
    berth_fullscreen_bar_add(self->bar, widget);
}

GtkWidget *
berth_desktop_page_get_widget(BerthDesktopPage *self)
{
    return self->overlay;
}

BerthDisplayView *
berth_desktop_page_get_view(BerthDesktopPage *self)
{
    return self->view;
}

void
berth_desktop_page_set_title(BerthDesktopPage *self, const char *title)
{
    GtkWidget *area = berth_display_view_get_widget(self->view);
    AtkObject *canvas = gtk_widget_get_accessible(area);
    g_autofree char *name = g_strdup_printf(_("Desktop %s"), title);

    berth_fullscreen_bar_set_title(self->bar, title);
    atk_object_set_role(canvas, ATK_ROLE_CANVAS);
    atk_object_set_name(canvas, name);
    atk_object_set_description(
        canvas,
        _("Keys go to the desktop. The host key, pressed twice, leads to the menu, and once more back."));
}

bool
berth_desktop_page_enter(BerthDesktopPage *self)
{
    g_autoptr(GList) children = gtk_container_get_children(GTK_CONTAINER(self->overlay));
    bool is_taken = false;

    if (self->is_full) {
        berth_fullscreen_bar_enter(self->bar);
        return true;
    }
    for (GList *at = children; at != NULL && !is_taken; at = at->next) {
        is_taken = at->data != berth_display_view_get_widget(self->view) &&
                   gtk_widget_get_mapped(at->data) &&
                   gtk_widget_child_focus(at->data, GTK_DIR_TAB_FORWARD);
    }
    return is_taken;
}

static void
update_sign(BerthDesktopPage *self)
{
    gtk_widget_set_visible(self->sign, self->has_sign && self->is_full);
}

void
berth_desktop_page_set_fullscreen(BerthDesktopPage *self, bool is_full)
{
    self->is_full = is_full;
    berth_fullscreen_bar_unpin(self->bar);
    berth_fullscreen_bar_reveal(self->bar, false);
    update_sign(self);
}

void
berth_desktop_page_show_waiting(BerthDesktopPage *self, int64_t retry_at_us, int64_t give_up_at_us)
{
    berth_shadow_question_clear(self->question);
    berth_resume_overlay_show(self->resume, retry_at_us, give_up_at_us);
}

void
berth_desktop_page_hide_waiting(BerthDesktopPage *self)
{
    berth_shadow_question_clear(self->question);
    berth_resume_overlay_hide(self->resume);
}

void
berth_desktop_page_show_hint(BerthDesktopPage *self, const char *host_key)
{
    berth_key_hint_show(self->hint, host_key);
}

void
berth_desktop_page_show_notice(BerthDesktopPage *self, const char *text)
{
    if (text != NULL) {
        berth_notice_bar_show(self->notice, text);
    } else {
        berth_notice_bar_hide(self->notice);
    }
}

void
berth_desktop_page_set_sign(BerthDesktopPage *self, const char *text)
{
    self->has_sign = text != NULL;
    gtk_label_set_text(GTK_LABEL(self->sign), text != NULL ? text : "");
    update_sign(self);
}

void
berth_desktop_page_ask(BerthDesktopPage *self, const BerthMsgShadowAsk *ask)
{
    berth_shadow_question_ask(self->question, ask);
}
