/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The language in which the client speaks with its user: gettext, with the files of po/.
 *
 * Sentences are marked in the sources by _(), N_() and ngettext() of <glib/gi18n.h>.  A program
 * that never calls berth_translation_start() speaks English: berth probe does, whose output is read
 * by other programs.  Thread: any, after the start.
 */
#pragma once

#define BERTH_TRANSLATION_DOMAIN "berth"

/*
 * Takes the language of the user's environment.  Numbers keep their points until the toolkit
 * starts.
 *
 * Once, before anything is said.  BERTH_LOCALE_DIR in the environment names another folder of
 * translations than the installed one.
 */
void berth_translation_start(void);

/*
 * A sentence of a peer in the user's language, if it is one that Berth's programs have in common
 * (berth/errors.h); as it is otherwise.
 *
 * Borrowed: constant, or text itself.
 */
const char *berth_translation_of(const char *text);
