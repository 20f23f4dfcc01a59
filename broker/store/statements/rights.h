/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Roles, schedules and policies.
 */
#pragma once

#define BERTH_STATEMENTS_RIGHTS(X)
