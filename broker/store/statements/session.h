/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sessions, who waits for one, and timers.
 */
#pragma once

#define BERTH_STATEMENTS_SESSION(X)
