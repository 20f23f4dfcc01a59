/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files that are on their way to the desktop: a panel over a corner of the canvas with a row
 * each, how far it is, how it ended, and a way to stop it.
 *
 * Hidden while there is nothing to tell; goes by itself when all has arrived.  Thread: main.
 */
#pragma once

#include "berth/protocol.h"

#include <gtk/gtk.h>
#include <stdint.h>

typedef struct BerthTransferPanel BerthTransferPanel;

typedef struct {
    void (*cancel)(uint32_t id, void *user_data);
    void (*cancel_all)(void *user_data);
} BerthTransferPanelCallbacks;

/* The panel belongs to its widget and dies with it. */
BerthTransferPanel *berth_transfer_panel_new(const BerthTransferPanelCallbacks *callbacks,
                                             void *user_data);

GtkWidget *berth_transfer_panel_get_widget(BerthTransferPanel *self);

/* As the callbacks of a file sender; user_data is the panel. */
void berth_transfer_panel_add(BerthTransferPanel *self, uint32_t id, const char *name);
void berth_transfer_panel_progress(BerthTransferPanel *self, uint32_t id, uint64_t n_bytes,
                                   uint64_t size_bytes);
void berth_transfer_panel_end(BerthTransferPanel *self, uint32_t id, BerthFileStatus status);
void berth_transfer_panel_refuse(BerthTransferPanel *self, const char *name,
                                 BerthFileStatus status);
