/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The question whether somebody may watch, at the top of the canvas.
 *
 * It takes no keyboard: what is being typed in the desktop cannot answer it.  Questions wait for
 * each other; more than BERTH_LIMIT_SHADOW_QUESTIONS are refused.  Thread: main.
 */
#pragma once

#include "display/wire/msg-viewers.h"

#include <gtk/gtk.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct BerthShadowQuestion BerthShadowQuestion;

typedef void (*BerthShadowAnswerFunc)(uint32_t id, bool is_allowed, void *user_data);

/* func gets every answer.  The question belongs to its widget and dies with it. */
BerthShadowQuestion *berth_shadow_question_new(BerthShadowAnswerFunc func, void *user_data);

/* To be put over the canvas; out of sight while nobody asks. */
GtkWidget *berth_shadow_question_get_widget(BerthShadowQuestion *self);

/* Asks, or has it wait for its turn; ask is copied. */
void berth_shadow_question_ask(BerthShadowQuestion *self, const BerthMsgShadowAsk *ask);

/* Forgets all questions: those who asked are gone. */
void berth_shadow_question_clear(BerthShadowQuestion *self);
