/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who else watches a desktop, as a line for its user.  Pure.
 */
#pragma once

#include "display/wire/msg-viewers.h"

/* Returns new text in the user's language; NULL if nobody watches and nothing is recorded. */
char *berth_viewers_text(const BerthMsgViewers *viewers);
