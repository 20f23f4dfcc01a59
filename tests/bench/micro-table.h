/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the micro-benchmarks share: pictures, a stop-watch for processor time, and a table.
 */
#pragma once

#include "display/pixels/frame.h"

#include <stddef.h>

/* Size of the pictures. */
#define MICRO_W 1920
#define MICRO_H 1080

/* Does the work once; everything it needs is in user_data. */
typedef void (*MicroRun)(void *user_data);

/* Sets how long each line may take. */
void micro_set_budget(double seconds);

/*
 * Runs again and again, and takes the fastest of many short rounds, so that other work on the
 * machine counts little.
 *
 * n_px: what one run works on
 *
 * Returns millions of pixels in a second of this process's processor time.
 */
double micro_measure(MicroRun run, void *user_data, double n_px);

/* Begins a table: an empty line and the names of the columns. */
void micro_print_head(const char *title);

/*
 * One line: what, in which form, how fast, and beside it a physical reference for the same pixels.
 *
 * reference: NULL if there is none
 */
void micro_print_row(const char *what, const char *form, double mpx_s, const char *reference,
                     double reference_mpx_s);

/* Ends the program with a message if something did not work. */
void micro_require(bool is_ok, const char *what);

/* A page of text in windows; the same in every run. */
BerthFrame *micro_new_text(void);

/* Soft shapes with grain, as a photo has them. */
BerthFrame *micro_new_photo(void);

/* The lines about codecs. */
void micro_run_codecs(void);
