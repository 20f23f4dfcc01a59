/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reports and metrics.
 */
#pragma once

#define BERTH_STATEMENTS_REPORT(X)
