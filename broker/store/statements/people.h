/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where people are known, their groups, second factors, devices and tokens.
 */
#pragma once

#define BERTH_STATEMENTS_PEOPLE(X)
