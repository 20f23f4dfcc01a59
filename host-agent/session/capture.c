/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/capture.h"

#include <string.h>

static const BerthCaptureOps *const sources[] = {
    &berth_capture_qemu_dbus,
    &berth_capture_rfb,
    &berth_capture_vhost_gpu,
    &berth_capture_x11,
};

const BerthCaptureOps *
berth_capture_find(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(sources); i++) {
        if (strcmp(sources[i]->name, name) == 0) {
            return sources[i];
        }
    }
    return NULL;
}
