/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The few building blocks that all pages share, so that they look alike.  Thread: main.
 */
#pragma once

#include <gtk/gtk.h>

/* Loads the style sheet and the icon of the program for a screen. */
void berth_style_load(GdkScreen *screen);

/* A page that scrolls if the window is small, with one widget in its middle. */
GtkWidget *berth_page_new(GtkWidget *content);

/* A column with a big icon, a heading and a line of text; text may be NULL. */
GtkWidget *berth_card_new(const char *icon_name, const char *title, const char *text);

/* A hidden line for an error; ret_label is its text. */
GtkWidget *berth_error_box_new(GtkWidget **ret_label);

/* Shows an error as a sentence, or hides the line if text is NULL. */
void berth_error_box_set(GtkWidget *box, GtkWidget *label, const char *text);

/* The text as a sentence: first letter large, a full stop at the end.  Owned. */
char *berth_sentence(const char *text);

/*
 * A name from elsewhere that can be put into a sentence: format characters, which could turn the
 * direction of the text around, become spaces.  text: valid UTF-8.  Owned.
 */
char *berth_plain_text(const char *text);

/* A button of a header bar with an icon and a tooltip. */
GtkWidget *berth_icon_button_new(const char *icon_name, const char *tooltip);

/* What a thing without a text of its own is for: to the pointer and to a screen reader. */
void berth_widget_tell(GtkWidget *widget, const char *text);

/* A screen reader says the text by itself when the widget comes; NULL: its own text. */
void berth_widget_announce(GtkWidget *widget, const char *text);

/* A button that lies over the desktop: a click leaves the keyboard there, the Tab key reaches it.
 */
void berth_button_over_canvas(GtkWidget *button);

/* A slider over the desktop; those of GTK take the keyboard at a click, whatever they are told. */
void berth_slider_over_canvas(GtkWidget *slider);
