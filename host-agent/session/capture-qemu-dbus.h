/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * QEMU's D-Bus display as the input half of another capture source.
 */
#pragma once

#include "host-agent/session/capture.h"

/*
 * As berth_capture_qemu_dbus.open, but registers no listener: keys, pointer, sizes and lock keys
 * only.  For consoles whose pixels come from elsewhere; a listener would end some versions of QEMU.
 *
 * fd: taken, also on error
 */
BerthCapture *berth_capture_qemu_dbus_open_input(int fd, BerthHeads *heads, GError **error);
