/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The header bar and its menu: what can be done differs from page to page.  Thread: main.
 */
#pragma once

#include <gtk/gtk.h>
#include <stdbool.h>

typedef struct BerthHeader BerthHeader;

typedef enum {
    BERTH_HEADER_RELOAD,
    BERTH_HEADER_LOGOUT,
    BERTH_HEADER_FULLSCREEN,
    BERTH_HEADER_CTRL_ALT_DEL,
    BERTH_HEADER_ADD_SCREEN,
    BERTH_HEADER_SEND_FILES,
    BERTH_HEADER_HOST_KEY,   /* choose it */
    BERTH_HEADER_SCREENS,    /* choose the monitors to fill */
    BERTH_HEADER_STATISTICS, /* shows or hides them */
    BERTH_HEADER_SCREENSHOT,
    BERTH_HEADER_DIAGNOSTICS,
    BERTH_HEADER_FOLLOW_SIZE,  /* is_active tells the new value */
    BERTH_HEADER_GRAB_KEYS,    /* so, too */
    BERTH_HEADER_INPUT_METHOD, /* so, too */
    BERTH_HEADER_DISCONNECT,
    BERTH_HEADER_LOGOFF,
} BerthHeaderCommand;

typedef void (*BerthHeaderFunc)(BerthHeaderCommand command, bool is_active, void *user_data);

/* Which commands are there. */
typedef enum {
    BERTH_HEADER_PLAIN,   /* none */
    BERTH_HEADER_LIST,    /* those of the list of desktops */
    BERTH_HEADER_DESKTOP, /* those of an open desktop */
    BERTH_HEADER_SHARED,  /* those of an open display that nobody can log off from */
} BerthHeaderMode;

/* The header belongs to its widget and dies with it. */
BerthHeader *berth_header_new(BerthHeaderFunc func, void *user_data);

/* The title bar for the window. */
GtkWidget *berth_header_get_widget(BerthHeader *self);

/* The menu that opens over the page below. */
GtkWidget *berth_header_get_menu(BerthHeader *self);

/* Who else watches, as a text; NULL is nobody. */
void berth_header_set_sign(BerthHeader *self, const char *text);

/* The key that gives all keys to the desktop, as its label says. */
void berth_header_set_host_key(BerthHeader *self, const char *label);

/* Whether all keys go to the desktop now. */
void berth_header_set_grabbed(BerthHeader *self, bool is_grabbed);

/* Puts a widget among the commands of a desktop. */
void berth_header_add(BerthHeader *self, GtkWidget *widget);

/* subtitle may be NULL. */
void berth_header_set(BerthHeader *self, BerthHeaderMode mode, const char *title,
                      const char *subtitle);
