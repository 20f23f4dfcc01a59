/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Images, RAM templates, tasks and disks of a pretended host: all that is wanted is there at once.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

typedef struct FakeParts FakeParts;

FakeParts *fake_parts_new(void);
void fake_parts_free(FakeParts *parts);

/* Does what a desired state wants; true if that changed anything. */
bool fake_parts_converge(FakeParts *parts, const json_t *desired);

/* Adds the four lists to an inventory. */
void fake_parts_report(const FakeParts *parts, json_t *inventory);
