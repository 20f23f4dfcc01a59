/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The shell scripts of the folder guest/, which run inside guests.
 */
#pragma once

extern const char berth_guest_script_check[];
extern const char berth_guest_script_facts[];
extern const char berth_guest_script_generalise[];
