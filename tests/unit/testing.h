/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cmocka with its prerequisites, and an assertion that names an error code when it fails.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"

static inline void
assert_berth_code_(int got, int expected, const char *expression, const char *file, int line)
{
    if (got != expected) {
        print_error("%s:%d: %s is %s, expected %s\n", file, line, expression, berth_error_name(got),
                    berth_error_name(expected));
        _fail(file, line);
    }
}

#define assert_berth_ok(expression) \
    assert_berth_code_((expression), BERTH_OK, #expression, __FILE__, __LINE__)
#define assert_berth_error(expression, expected) \
    assert_berth_code_((expression), (expected), #expression, __FILE__, __LINE__)
