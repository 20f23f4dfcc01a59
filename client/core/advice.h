/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a person can do about an error.
 */
#pragma once

/*
 * The next step after an error, as the second half of a sentence: "check both and try again".
 *
 * code: BERTH_ERR_*
 *
 * Returns "" if there is nothing to add.  Borrowed, constant.
 */
const char *berth_advice(int code);
