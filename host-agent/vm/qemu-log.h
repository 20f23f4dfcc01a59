/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What QEMU says on its standard streams, in a file of the machine's folder.
 */
#pragma once

/* Opens the file anew for QEMU to write to; -1: it cannot. */
int berth_qemu_log_open(const char *folder);

/* The last line with ": " before it, which tells why QEMU ended; "" if there is none.  g_free(). */
char *berth_qemu_log_dup_tail(const char *folder);
