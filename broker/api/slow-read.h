/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads that may take long: they run in a worker thread, and one that takes more than
 * BERTH_LIMIT_SLOW_READ_US is answered with an operation (202) that has the result when it is done.
 */
#pragma once

#include "broker/api/request.h"

/* Runs func.tx of the request's route; the request will be answered.  Thread: main. */
void berth_slow_read_start(BerthRequest *request);
