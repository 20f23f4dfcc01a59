/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who asks, and whether they may: the token of a request, then the permission of its route on the
 * object that its path names.
 */
#pragma once

#include "broker/api/request.h"

/*
 * Fills account, actor and sight of a request in, or refuses it and fills detail in.
 *
 * authorization:  value of the header; NULL without
 *
 * Errors: BERTH_ERR_EXPIRED without a valid login, BERTH_ERR_FORBIDDEN, BERTH_ERR_NOT_FOUND for an
 * object that is not there (told only to who could have seen it), those of the store.
 * Thread: main.
 */
int berth_authorise(BerthRequest *request, const char *authorization);
