/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opens the display, without what nothing here uses.  Thread: main.
 */
#pragma once

#include <stdbool.h>

/*
 * Tells GTK what to leave out; before its options are parsed, if they are.  The environment has it
 * until berth_toolkit_init().
 */
void berth_toolkit_prepare(void);

/* Lines about GTK and the screens, if the display is open.  Owned. */
char *berth_toolkit_describe(void);

/* Opens the display.  Returns false if there is none. */
bool berth_toolkit_init(void);
