/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who asks, and whether they may: the token of a request, then the permission of its route on the
 * object that its path names.
 */
#pragma once

#include "broker/api/request.h"

/*
 * Reads the token of a request, and takes it from the rate of its login.
 *
 * authorization:  value of the header; NULL without
 *
 * Errors: BERTH_ERR_EXPIRED without a token, BERTH_ERR_THROTTLED; detail is filled in.
 * Thread: main.
 */
int berth_authorise_begin(BerthRequest *request, const char *authorization);

/*
 * Fills account, actor and sight of a request in, or refuses it and fills detail in.
 *
 * Errors: BERTH_ERR_EXPIRED without a valid login, BERTH_ERR_FORBIDDEN, BERTH_ERR_NOT_FOUND for an
 * object that is not there (told only to who could have seen it), those of the store.
 * Thread: any.
 */
int berth_authorise(BerthTx *tx, BerthRequest *request);

/* Writes now and then that the token was used.  Thread: main. */
void berth_authorise_touch(BerthRequest *request);
