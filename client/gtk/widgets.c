/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/widgets.h"

#include <stdbool.h>
#include <string.h>

#define CARD_WIDTH_PX 420
/* A resource of the program; packaging/desktop. */
#define ICON_FOLDER "/org/berth/Berth/icons"

static const char css[] =
    ".berth-title { font-size: 170%; font-weight: 300; }"
    ".berth-canvas { background-color: #17191c; }"
    ".berth-error { color: mix(@theme_fg_color, #c01c28, 0.5); background-color: alpha(#e01b24, 0.10);"
    "  border-radius: 6px; padding: 8px 10px; }"
    ".berth-shade { background-color: rgba(10, 12, 15, 0.62); }"
    ".berth-panel { background-color: rgba(30, 33, 38, 0.94); color: #f2f3f5;"
    "  border-radius: 10px; padding: 22px 30px; }"
    ".berth-panel list { background: none; color: #f2f3f5; }"
    ".berth-panel row { background: none; color: #f2f3f5; padding: 2px 0; }"
    ".berth-panel row button { color: #f2f3f5; background: none; }"
    ".berth-header-sign { background-color: #a51d2d; color: #ffffff;"
    "  border-radius: 6px; padding: 3px 10px; margin: 4px 0; }"
    ".berth-sign { background-color: rgba(165, 29, 45, 0.92); color: #ffffff;"
    "  border-radius: 0 0 8px 0; padding: 3px 12px; }"
    ".berth-statistics { background-color: rgba(10, 12, 15, 0.94);"
    "  color: #f2f3f5; border-radius: 0 8px 0 0; padding: 8px 14px; }"
    ".berth-hint { background-color: rgba(30, 33, 38, 0.94); color: #f2f3f5;"
    "  border-radius: 8px; padding: 6px 16px; }"
    ".berth-panel label.berth-faint { color: #b4bac2; }"
    ".berth-panel .berth-heading { font-size: 130%; }"
    ".berth-bar { background-color: rgba(30, 33, 38, 0.94); color: #f2f3f5;"
    "  border-radius: 0 0 10px 10px; padding: 6px 10px 8px 18px; }"
    ".berth-secret { font-family: monospace; font-size: 115%; }"
    ".berth-code { font-size: 150%; letter-spacing: 3px; }"
    ".berth-row { padding: 12px 14px; }"
    ".berth-row-name { font-weight: bold; font-size: 110%; }";

/* Who wants contrast wants it for what stands back otherwise, too. */
static const char contrast_css[] = ".dim-label { opacity: 1; }"
                                   ".berth-panel label.berth-faint { color: #f2f3f5; }"
                                   ".berth-error { border: 2px solid; }";

static void
follow_contrast(GtkSettings *settings, GParamSpec *param, gpointer provider)
{
    g_autofree char *name = NULL;
    const char *forced = g_getenv("GTK_THEME");
    bool is_wanted;

    g_object_get(settings, "gtk-theme-name", &name, NULL);
    is_wanted = g_str_has_prefix(forced != NULL ? forced : name, "HighContrast");
    gtk_css_provider_load_from_data(provider, is_wanted ? contrast_css : "", -1, NULL);
}

void
berth_style_load(GdkScreen *screen)
{
    GtkSettings *settings = gtk_settings_get_for_screen(screen);
    g_autoptr(GtkCssProvider) contrast = gtk_css_provider_new();
    g_autoptr(GtkCssProvider) provider = gtk_css_provider_new();

    gtk_icon_theme_add_resource_path(gtk_icon_theme_get_for_screen(screen), ICON_FOLDER);
    gtk_window_set_default_icon_name("org.berth.Berth");
    gtk_css_provider_load_from_data(provider, css, -1, NULL);
    gtk_style_context_add_provider_for_screen(screen, GTK_STYLE_PROVIDER(provider),
                                              GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
    gtk_style_context_add_provider_for_screen(screen, GTK_STYLE_PROVIDER(contrast),
                                              GTK_STYLE_PROVIDER_PRIORITY_APPLICATION + 1);
    follow_contrast(settings, NULL, contrast);
    g_signal_connect_object(settings, "notify::gtk-theme-name", G_CALLBACK(follow_contrast),
                            contrast, (GConnectFlags)0);
}

GtkWidget *
berth_page_new(GtkWidget *content)
{
    GtkWidget *scrolled = gtk_scrolled_window_new(NULL, NULL);

    gtk_scrolled_window_set_policy(GTK_SCROLLED_WINDOW(scrolled), GTK_POLICY_NEVER,
                                   GTK_POLICY_AUTOMATIC);
    gtk_widget_set_halign(content, GTK_ALIGN_CENTER);
    gtk_widget_set_valign(content, GTK_ALIGN_CENTER);
    gtk_widget_set_margin_top(content, 24);
    gtk_widget_set_margin_bottom(content, 24);
    gtk_widget_set_margin_start(content, 24);
    gtk_widget_set_margin_end(content, 24);
    gtk_container_add(GTK_CONTAINER(scrolled), content);
    gtk_widget_show_all(scrolled);
    return scrolled;
}

GtkWidget *
berth_card_new(const char *icon_name, const char *title, const char *text)
{
    GtkWidget *card = gtk_box_new(GTK_ORIENTATION_VERTICAL, 14);
    GtkWidget *icon = gtk_image_new_from_icon_name(icon_name, GTK_ICON_SIZE_DIALOG);
    GtkWidget *heading = gtk_label_new(title);

    gtk_widget_set_size_request(card, CARD_WIDTH_PX, -1);
    gtk_image_set_pixel_size(GTK_IMAGE(icon), 72);
    gtk_style_context_add_class(gtk_widget_get_style_context(icon), "dim-label");
    gtk_style_context_add_class(gtk_widget_get_style_context(heading), "berth-title");
    gtk_box_pack_start(GTK_BOX(card), icon, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(card), heading, FALSE, FALSE, 0);
    if (text != NULL) {
        GtkWidget *label = gtk_label_new(text);

        gtk_style_context_add_class(gtk_widget_get_style_context(label), "dim-label");
        gtk_widget_set_margin_bottom(label, 8);
        gtk_box_pack_start(GTK_BOX(card), label, FALSE, FALSE, 0);
    }
    return card;
}

GtkWidget *
berth_error_box_new(GtkWidget **ret_label)
{
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 10);
    GtkWidget *icon = gtk_image_new_from_icon_name("dialog-warning-symbolic", GTK_ICON_SIZE_BUTTON);
    GtkWidget *label = gtk_label_new(NULL);

    gtk_style_context_add_class(gtk_widget_get_style_context(box), "berth-error");
    gtk_label_set_line_wrap(GTK_LABEL(label), TRUE);
    gtk_label_set_line_wrap_mode(GTK_LABEL(label), PANGO_WRAP_WORD_CHAR);
    gtk_label_set_max_width_chars(GTK_LABEL(label), 46);
    gtk_label_set_xalign(GTK_LABEL(label), 0.0f);
    gtk_label_set_selectable(GTK_LABEL(label), TRUE);
    gtk_widget_set_can_focus(label, FALSE);
    gtk_widget_set_valign(icon, GTK_ALIGN_START);
    gtk_box_pack_start(GTK_BOX(box), icon, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(box), label, TRUE, TRUE, 0);
    gtk_widget_show_all(box);
    gtk_widget_set_no_show_all(box, TRUE);
    gtk_widget_hide(box);
    *ret_label = label;
    return box;
}

void
berth_error_box_set(GtkWidget *box, GtkWidget *label, const char *text)
{
    if (text != NULL) {
        g_autofree char *sentence = berth_sentence(text);

        gtk_label_set_text(GTK_LABEL(label), sentence);
        berth_widget_announce(box, sentence);
    }
    gtk_widget_set_visible(box, text != NULL);
}

char *
berth_sentence(const char *text)
{
    gunichar first = g_utf8_get_char_validated(text, -1);
    char large[8] = { 0 };

    if (text[0] == '\0' || first == (gunichar)-1 || first == (gunichar)-2) {
        return g_strdup(text);
    }
    g_unichar_to_utf8(g_unichar_toupper(first), large);
    return g_strconcat(large, g_utf8_next_char(text), g_str_has_suffix(text, ".") ? "" : ".", NULL);
}

char *
berth_plain_text(const char *text)
{
    GString *plain = g_string_new(NULL);

    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);

        g_string_append_unichar(plain, g_unichar_isprint(c) ? c : ' ');
    }
    return g_string_free(plain, FALSE);
}

GtkWidget *
berth_icon_button_new(const char *icon_name, const char *tooltip)
{
    GtkWidget *button = gtk_button_new_from_icon_name(icon_name, GTK_ICON_SIZE_BUTTON);

    berth_widget_tell(button, tooltip);
    return button;
}

void
berth_widget_tell(GtkWidget *widget, const char *text)
{
    gtk_widget_set_tooltip_text(widget, text);
    atk_object_set_name(gtk_widget_get_accessible(widget), text);
}

void
berth_widget_announce(GtkWidget *widget, const char *text)
{
    AtkObject *accessible = gtk_widget_get_accessible(widget);

    atk_object_set_role(accessible, ATK_ROLE_NOTIFICATION);
    if (text != NULL) {
        atk_object_set_name(accessible, text);
    }
}

void
berth_button_over_canvas(GtkWidget *button)
{
    gtk_widget_set_focus_on_click(button, FALSE);
}

static void
on_grab_focus(GtkWidget *slider)
{
    g_autoptr(GdkEvent) event = gtk_get_current_event();

    if (event != NULL && (event->type == GDK_BUTTON_PRESS || event->type == GDK_TOUCH_BEGIN)) {
        g_signal_stop_emission_by_name(slider, "grab-focus");
    }
}

void
berth_slider_over_canvas(GtkWidget *slider)
{
    g_signal_connect(slider, "grab-focus", G_CALLBACK(on_grab_focus), NULL);
}
