/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The settings of a directory as C values; inside of broker/auth only.
 */
#pragma once

#include "broker/auth/directory.h"

typedef enum {
    BERTH_NESTED_AUTO,
    BERTH_NESTED_IN_CHAIN,
    BERTH_NESTED_WALK,
    BERTH_NESTED_NONE,
} BerthNested;

struct BerthDirectory {
    GPtrArray *urls;
    char *ca_file;
    char *bind_dn;
    char *bind_password_file;
    char *bind_template;
    char *base;
    char *user_filter;
    char *id_attribute;
    char *name_attribute;
    char *display_name_attribute;
    char *group_base;
    char *group_filter;
    char *member_attribute;
    char *group_id_attribute;
    char *group_name_attribute;
    BerthNested nested;
    int timeout_s;
};
