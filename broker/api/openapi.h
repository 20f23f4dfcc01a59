/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The OpenAPI 3 document of the API, made from the route tables and the schemas of answers.
 * Pure; thread: any.
 */
#pragma once

#include <jansson.h>

/* The whole document.  Ownership: new reference. */
json_t *berth_openapi_new(void);

/* components/schemas of answers, by name.  Ownership: new reference. */
json_t *berth_schemas_new(void);
