/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Logging in and out, and users, groups, sources, devices, tokens.
 */
#include "broker/api/handlers.h"
#include "broker/api/page.h"
#include "broker/api/router.h"

#define NAME_MAX_BYTES BERTH_LIMIT_NAME_BYTES
#define TOKEN_CHARS BERTH_TOKEN_CHARS
#define MAX_PRIORITY 10000

static const char *const source_kinds[] = { "ldap", "pam", "oidc", NULL };

/* What any login may say of the device that it comes from. */
#define DEVICE_FIELDS                                                                            \
    BERTH_FIELD_HEX("device_token", false, TOKEN_CHARS, "from an earlier login of this device"), \
        BERTH_FIELD_BOOL("remember_device", false,                                               \
                         "give a device token: strangers' failures will not lock it out"),       \
        BERTH_FIELD_TEXT("device_name", false, 0, NAME_MAX_BYTES, "what the device is called")

static const BerthBodyField login_fields[] = {
    BERTH_FIELD_TEXT("user", true, 1, NAME_MAX_BYTES, "name of the user"),
    BERTH_FIELD_TEXT("password", true, 1, BERTH_LIMIT_PASSWORD_BYTES, "password"),
    BERTH_FIELD_TEXT("source", false, 1, NAME_MAX_BYTES, "ask only this source for a new user"),
    DEVICE_FIELDS,
};
static const BerthBodyField second_step_fields[] = {
    BERTH_FIELD_HEX("pending", true, TOKEN_CHARS, "from the first step"),
    BERTH_FIELD_TEXT("code", false, 6, 6, "six digits of the authenticator"),
    BERTH_FIELD_TEXT("recovery_code", false, 1, 32, "instead of code"),
    DEVICE_FIELDS,
};
static const BerthBodyField pending_fields[] = {
    BERTH_FIELD_HEX("pending", true, TOKEN_CHARS, "from the first step"),
};
static const BerthBodyField code_fields[] = {
    BERTH_FIELD_TEXT("code", false, 6, 6, "six digits of the authenticator"),
    BERTH_FIELD_TEXT("recovery_code", false, 1, 32, "instead of code, to remove a lost one"),
};
static const BerthBodyField oidc_start_fields[] = {
    BERTH_FIELD_TEXT("redirect_uri", true, 1, 512, "where the browser comes back to"),
};
static const BerthBodyField oidc_finish_fields[] = {
    BERTH_FIELD_HEX("state", true, TOKEN_CHARS, "as it came back by the browser"),
    BERTH_FIELD_HEX("flow", true, TOKEN_CHARS, "from the start; never shown to the browser"),
    BERTH_FIELD_TEXT("code", true, 1, 4096, "as it came back by the browser"),
    DEVICE_FIELDS,
};
static const BerthBodyField device_login_fields[] = {
    BERTH_FIELD_TEXT("device_name", false, 0, NAME_MAX_BYTES, "what the device is called"),
};
static const BerthBodyField code_login_fields[] = {
    BERTH_FIELD_HEX("code", true, TOKEN_CHARS, "of a link; good once"),
    DEVICE_FIELDS,
};
static const BerthBodyField own_password_fields[] = {
    BERTH_FIELD_TEXT("old_password", true, 1, BERTH_LIMIT_PASSWORD_BYTES, "the present one"),
    BERTH_FIELD_TEXT("password", true, 1, BERTH_LIMIT_PASSWORD_BYTES, "the new one"),
};
static const BerthBodyField password_fields[] = {
    BERTH_FIELD_TEXT("password", true, 1, BERTH_LIMIT_PASSWORD_BYTES, "the new one"),
};
static const BerthBodyField token_fields[] = {
    BERTH_FIELD_TEXT("name", true, 1, NAME_MAX_BYTES, "what the token is for"),
    BERTH_FIELD_INT("days", false, 1, BERTH_LIMIT_API_TOKEN_DAYS, "life; 90"),
};
static const BerthBodyField user_fields[] = {
    BERTH_FIELD_TEXT("name", true, 1, NAME_MAX_BYTES, "name, unique"),
    BERTH_FIELD_TEXT("password", true, 1, BERTH_LIMIT_PASSWORD_BYTES, "password"),
    BERTH_FIELD_BOOL("admin", false, "give the role admin on \"/\""),
};
static const BerthBodyField user_change_fields[] = {
    BERTH_FIELD_TEXT("display_name", false, 0, NAME_MAX_BYTES, "name for people"),
    BERTH_FIELD_BOOL("enabled", false, "whether the user may log in"),
    BERTH_FIELD_BOOL("needs_totp", false, "whether a second factor is needed"),
};
static const BerthBodyField factor_role_fields[] = {
    BERTH_FIELD_ARRAY("roles", true, 0, 16, "roles whose holders need a second factor"),
};
static const BerthBodyField group_fields[] = {
    BERTH_FIELD_TEXT("name", true, 1, NAME_MAX_BYTES, "name, unique"),
};
static const BerthBodyField source_fields[] = {
    BERTH_FIELD_TEXT("name", true, 1, NAME_MAX_BYTES, "name, unique"),
    BERTH_FIELD_ENUM("kind", true, source_kinds, "what it is"),
    BERTH_FIELD_OBJECT("settings", false, "see docs/ADMIN.md, People"),
    BERTH_FIELD_INT("priority", false, 0, MAX_PRIORITY, "the lowest is asked first; 100"),
};
static const BerthBodyField source_change_fields[] = {
    BERTH_FIELD_OBJECT("settings", false, "all of them, anew"),
    BERTH_FIELD_INT("priority", false, 0, MAX_PRIORITY, "the lowest is asked first"),
    BERTH_FIELD_BOOL("enabled", false, "whether its users may log in"),
};
static const BerthBodyField device_fields[] = {
    BERTH_FIELD_TEXT("name", true, 1, NAME_MAX_BYTES, "name, unique"),
    BERTH_FIELD_HEX("fingerprint", true, 2 * BERTH_KEY_HASH_BYTES,
                    "SHA-256 of the public key of its certificate"),
    BERTH_FIELD_TEXT("user", true, 1, NAME_MAX_BYTES, "who it logs in; has no role"),
};
static const BerthBodyField device_change_fields[] = {
    BERTH_FIELD_BOOL("enabled", true, "whether it may log in"),
};
static const BerthQueryField page_query[] = { BERTH_QUERY_PAGE };

const BerthRoute berth_routes_people[] = {
    { BERTH_ASYNC("POST", "/v1/auth/login", NOBODY, NONE, berth_handle_login, 200),
      BERTH_FIELDS(login_fields), .has_secret = true, .answer = "Login",
      .doc = "a token for a name and a password, or a pending login that owes a second factor" },
    { BERTH_ASYNC("POST", "/v1/auth/mfa", NOBODY, NONE, berth_handle_second_step, 200),
      BERTH_FIELDS(second_step_fields), .has_secret = true, .answer = "Login",
      .doc = "the second step of a login" },
    { BERTH_WRITE("POST", "/v1/auth/totp", NOBODY, NONE, berth_handle_pending_totp, 200),
      BERTH_FIELDS(pending_fields), .has_secret = true, .answer = "Totp",
      .doc = "begins a second factor for a pending login that needs one" },
    { BERTH_ASYNC("POST", "/v1/auth/device", NOBODY, NONE, berth_handle_device_login, 200),
      BERTH_FIELDS(device_login_fields), .has_secret = true, .answer = "Login",
      .doc = "logs a kiosk in by its client certificate" },
    { BERTH_ASYNC("POST", "/v1/auth/code", NOBODY, NONE, berth_handle_code_login, 200),
      BERTH_FIELDS(code_login_fields), .has_secret = true, .answer = "Login",
      .doc = "a token for the one-time code of a link; tells the link's desktop, too" },
    { BERTH_GET("/v1/auth/sources", NOBODY, NONE, berth_handle_open_sources),
      .answer = "OpenSourceList", .doc = "names of the sources, for login pages" },
    { BERTH_ASYNC("POST", "/v1/auth/oidc/{id}/start", NOBODY, NONE, berth_handle_oidc_start, 200),
      BERTH_FIELDS(oidc_start_fields), .has_secret = true, .answer = "OidcStart",
      .doc = "the address at a provider that a browser goes to" },
    { BERTH_ASYNC("POST", "/v1/auth/oidc/finish", NOBODY, NONE, berth_handle_oidc_finish, 200),
      BERTH_FIELDS(oidc_finish_fields), .has_secret = true, .answer = "Login",
      .doc = "a token for what came back from a provider" },
    { BERTH_WRITE("POST", "/v1/auth/logout", SELF, NONE, berth_handle_logout, 204),
      .links = BERTH_LINKS_ALWAYS, .doc = "ends the login" },

    { BERTH_ASYNC("POST", "/v1/me/password", SELF, NONE, berth_handle_my_password, 204),
      BERTH_FIELDS(own_password_fields), .doc = "changes one's own password" },
    { BERTH_WRITE("POST", "/v1/me/totp", SELF, NONE, berth_handle_my_totp, 200), .has_secret = true,
      .answer = "Totp", .doc = "begins a second factor" },
    { BERTH_ASYNC("POST", "/v1/me/totp/confirm", SELF, NONE, berth_handle_my_totp_confirm, 200),
      BERTH_FIELDS(code_fields), .has_secret = true, .answer = "RecoveryCodes",
      .doc = "confirms a second factor by a first code, or makes new recovery codes" },
    { BERTH_ASYNC("POST", "/v1/me/totp/remove", SELF, NONE, berth_handle_my_totp_remove, 204),
      BERTH_FIELDS(code_fields), .doc = "removes one's second factor by a last code" },
    { BERTH_GET("/v1/me/logins", SELF, NONE, berth_handle_my_logins), .answer = "LoginList",
      .doc = "one's open logins and tokens" },
    { BERTH_WRITE("DELETE", "/v1/me/logins", SELF, NONE, berth_handle_end_my_logins, 204),
      .doc = "ends all of one's logins, this one too, and disconnects their desktops" },
    { BERTH_WRITE("DELETE", "/v1/me/logins/{id}", SELF, NONE, berth_handle_end_my_login, 204),
      .doc = "ends a login and disconnects its desktops" },
    { BERTH_GET("/v1/me/tokens", SELF, NONE, berth_handle_my_tokens), .answer = "TokenList",
      .doc = "one's API tokens" },
    { BERTH_WRITE("POST", "/v1/me/tokens", SELF, NONE, berth_handle_add_token, 201),
      BERTH_FIELDS(token_fields), .has_secret = true, .answer = "NewToken",
      .doc = "makes an API token; it is shown this once" },
    { BERTH_WRITE("DELETE", "/v1/me/tokens/{id}", SELF, NONE, berth_handle_end_my_token, 204),
      .doc = "ends an API token" },

    { BERTH_GET_SLOW("/v1/users", USER_READ, ANY, berth_handle_list_users), BERTH_QUERY(page_query),
      .answer = "UserList", .doc = "users" },
    { BERTH_ASYNC("POST", "/v1/users", USER_WRITE, USERS, berth_handle_add_user, 201),
      BERTH_FIELDS(user_fields), .answer = "Added", .doc = "makes a local user" },
    { BERTH_GET("/v1/users/{id}", USER_READ, USER, berth_handle_get_user), .answer = "User",
      .doc = "a user" },
    { BERTH_WRITE("PATCH", "/v1/users/{id}", USER_WRITE, USER, berth_handle_change_user, 200),
      BERTH_FIELDS(user_change_fields), .answer = "User",
      .doc = "changes a user; one who is disabled is disconnected at once" },
    { BERTH_WRITE("DELETE", "/v1/users/{id}", USER_WRITE, USER, berth_handle_remove_user, 204),
      .doc = "removes a user who has no desktop" },
    { BERTH_ASYNC("POST", "/v1/users/{id}/password", USER_WRITE, USER, berth_handle_set_password,
                  204),
      BERTH_FIELDS(password_fields), .doc = "sets a local user's password and ends the logins" },
    { BERTH_WRITE("DELETE", "/v1/users/{id}/totp", USER_CONTROL, USER, berth_handle_reset_totp,
                  204),
      .doc = "takes a lost second factor away" },
    { BERTH_GET("/v1/users/{id}/logins", USER_READ, USER, berth_handle_user_logins),
      .answer = "LoginList", .doc = "open logins and tokens of a user" },
    { BERTH_WRITE("DELETE", "/v1/users/{id}/logins", USER_CONTROL, USER,
                  berth_handle_end_user_logins, 204),
      .doc = "ends all logins and tokens of a user and disconnects the desktops" },
    { BERTH_WRITE("DELETE", "/v1/users/{id}/logins/{part}", USER_CONTROL, USER,
                  berth_handle_end_user_login, 204),
      .doc = "ends a login of a user and disconnects its desktops" },
    { BERTH_GET("/v1/second-factor", SOURCE_READ, SITE, berth_handle_get_factor_roles),
      .answer = "FactorRoles", .doc = "roles that need a second factor" },
    { BERTH_WRITE("PUT", "/v1/second-factor", SITE_ADMIN, SITE, berth_handle_set_factor_roles, 204),
      BERTH_FIELDS(factor_role_fields), .doc = "says which roles need a second factor" },

    { BERTH_GET("/v1/groups", GROUP_READ, ANY, berth_handle_list_groups), BERTH_QUERY(page_query),
      .answer = "GroupList", .doc = "groups" },
    { BERTH_WRITE("POST", "/v1/groups", GROUP_WRITE, GROUPS, berth_handle_add_group, 201),
      BERTH_FIELDS(group_fields), .answer = "Group", .doc = "makes a group" },
    { BERTH_GET("/v1/groups/{id}", GROUP_READ, GROUP, berth_handle_get_group), .answer = "Group",
      .doc = "a group" },
    { BERTH_WRITE("PATCH", "/v1/groups/{id}", GROUP_WRITE, GROUP, berth_handle_change_group, 200),
      BERTH_FIELDS(group_fields), .answer = "Group", .doc = "renames a group" },
    { BERTH_WRITE("DELETE", "/v1/groups/{id}", GROUP_WRITE, GROUP, berth_handle_remove_group, 204),
      .doc = "removes a group with its entitlements and roles" },
    { BERTH_GET("/v1/groups/{id}/members", GROUP_READ, GROUP, berth_handle_list_members),
      BERTH_QUERY(page_query), .answer = "MemberList", .doc = "members of a group" },
    { BERTH_WRITE("PUT", "/v1/groups/{id}/members/{part}", GROUP_WRITE, GROUP,
                  berth_handle_add_member, 204),
      .doc = "adds a user, named by id, to a group" },
    { BERTH_WRITE("DELETE", "/v1/groups/{id}/members/{part}", GROUP_WRITE, GROUP,
                  berth_handle_remove_member, 204),
      .doc = "takes a user, named by id, out of a group" },

    { BERTH_GET("/v1/sources", SOURCE_READ, SITE, berth_handle_list_sources),
      .answer = "SourceList", .doc = "directories, PAM and login providers" },
    { BERTH_WRITE("POST", "/v1/sources", SOURCE_WRITE, SITE, berth_handle_add_source, 201),
      BERTH_FIELDS(source_fields), .answer = "Source", .doc = "connects a source" },
    { BERTH_GET("/v1/sources/{id}", SOURCE_READ, SITE, berth_handle_get_source), .answer = "Source",
      .doc = "a source" },
    { BERTH_WRITE("PATCH", "/v1/sources/{id}", SOURCE_WRITE, SITE, berth_handle_change_source, 200),
      BERTH_FIELDS(source_change_fields), .answer = "Source",
      .doc = "changes a source; users of one that is disabled are logged out" },
    { BERTH_WRITE("DELETE", "/v1/sources/{id}", SOURCE_WRITE, SITE, berth_handle_remove_source,
                  204),
      .doc = "removes a source that nobody ever came from" },

    { BERTH_GET("/v1/devices", DEVICE_READ, SITE, berth_handle_list_devices),
      .answer = "DeviceList", .doc = "kiosks" },
    { BERTH_WRITE("POST", "/v1/devices", DEVICE_WRITE, SITE, berth_handle_add_device, 201),
      BERTH_FIELDS(device_fields), .answer = "Device",
      .doc = "lets a client certificate log a user in" },
    { BERTH_WRITE("PATCH", "/v1/devices/{id}", DEVICE_WRITE, SITE, berth_handle_change_device, 200),
      BERTH_FIELDS(device_change_fields), .answer = "Device",
      .doc = "enables or disables a kiosk; a disabled one is logged out at once" },
    { BERTH_WRITE("DELETE", "/v1/devices/{id}", DEVICE_WRITE, SITE, berth_handle_remove_device,
                  204),
      .doc = "removes a kiosk and ends its logins" },
};

const size_t berth_n_routes_people = G_N_ELEMENTS(berth_routes_people);
