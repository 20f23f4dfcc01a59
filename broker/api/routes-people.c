/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Logging in and out, and users.
 */
#include "broker/api/handlers.h"
#include "broker/api/page.h"
#include "broker/api/router.h"

static const BerthBodyField login_fields[] = {
    BERTH_FIELD_TEXT("user", true, 1, BERTH_LIMIT_NAME_BYTES, "name of the user"),
    BERTH_FIELD_TEXT("password", true, 1, BERTH_LIMIT_PASSWORD_BYTES, "password"),
};
static const BerthBodyField user_fields[] = {
    BERTH_FIELD_TEXT("name", true, 1, BERTH_LIMIT_NAME_BYTES, "name, unique"),
    BERTH_FIELD_TEXT("password", true, 1, BERTH_LIMIT_PASSWORD_BYTES, "password"),
    BERTH_FIELD_BOOL("admin", false, "give the role admin on \"/\""),
};
static const BerthQueryField page_query[] = { BERTH_QUERY_PAGE };

const BerthRoute berth_routes_people[] = {
    { BERTH_ASYNC("POST", "/v1/auth/login", NOBODY, NONE, berth_handle_login, 200),
      BERTH_FIELDS(login_fields), .answer = "Login", .doc = "a token for a name and a password" },
    { BERTH_WRITE("POST", "/v1/auth/logout", SELF, NONE, berth_handle_logout, 204),
      .doc = "ends the login" },
    { BERTH_GET_SLOW("/v1/users", USER_READ, ANY, berth_handle_list_users), BERTH_QUERY(page_query),
      .answer = "UserList", .doc = "users" },
    { BERTH_ASYNC("POST", "/v1/users", USER_WRITE, USERS, berth_handle_add_user, 201),
      BERTH_FIELDS(user_fields), .answer = "Added", .doc = "makes a local user" },
};

const size_t berth_n_routes_people = G_N_ELEMENTS(berth_routes_people);
