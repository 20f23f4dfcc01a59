/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a login asks of the user beside a password: a code of the second factor, a visit to the
 * browser, or to keep recovery codes.  Thread: main.
 */
#pragma once

#include "client/core/login-flow.h"

#include <gtk/gtk.h>

typedef struct BerthQuestionView BerthQuestionView;

typedef struct {
    void (*answer)(const char *code, void *user_data); /* borrowed */
    void (*cancel)(void *user_data);
    void (*kept)(void *user_data); /* the recovery codes were read */
} BerthQuestionCallbacks;

/* The view belongs to its widget and dies with it. */
BerthQuestionView *berth_question_view_new(const BerthQuestionCallbacks *callbacks,
                                           void *user_data);

GtkWidget *berth_question_view_get_widget(BerthQuestionView *self);

/* Asks for a code, or opens the browser; other states show nothing new. */
void berth_question_view_ask(BerthQuestionView *self, const BerthLoginQuestion *question);

/* Puts the keyboard where the user has to type next; after the page is shown. */
void berth_question_view_focus(BerthQuestionView *self);

/* Shows codes that are never shown again; NULL-terminated. */
void berth_question_view_show_codes(BerthQuestionView *self, const char *const *codes);
