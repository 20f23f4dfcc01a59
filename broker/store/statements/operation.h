/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Long work and answers that may be asked for again.
 */
#pragma once

#define BERTH_STATEMENTS_OPERATION(X)
