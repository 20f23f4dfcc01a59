/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An entry of "templates" of the desired state: a RAM template that the broker wants here. */
#pragma once

#include "host-agent/vm/vm-spec.h"

/*
 * Reads one into a clear spec with a version, processors and memory: what a machine of it would be.
 *
 * ret_is_spare:  it is kept while the host has room for it, and not made
 *
 * Errors: BERTH_ERR_INVALID; ret stays clear then.
 */
bool berth_template_wish_parse(const json_t *object, BerthVmSpec *ret, bool *ret_is_spare,
                               GError **error);
