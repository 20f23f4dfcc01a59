/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What users do with their desktops, and sessions.
 */
#include "broker/api/handlers.h"
#include "broker/api/page.h"
#include "broker/api/router.h"

static const BerthBodyField connect_fields[] = {
    BERTH_FIELD_HEX("client_key", true, 2 * BERTH_KEY_HASH_BYTES,
                    "SHA-256 of the client's public key"),
    BERTH_FIELD_TEXT("client", false, 0, BERTH_LIMIT_NAME_BYTES, "name of the device"),
    BERTH_FIELD_INT("slot", false, 0, 63, "which of one's desktops of the pool; the first is 0"),
};
static const BerthBodyField report_fields[] = {
    BERTH_FIELD_TEXT("text", true, 1, BERTH_LIMIT_REPORT_BYTES, "what is wrong"),
};
static const BerthBodyField link_fields[] = {
    BERTH_FIELD_TEXT("desktop", true, 1, BERTH_LIMIT_NAME_BYTES, "name or id of the pool"),
};
static const BerthBodyField shadow_fields[] = {
    BERTH_FIELD_HEX("client_key", true, 2 * BERTH_KEY_HASH_BYTES,
                    "SHA-256 of the client's public key"),
    BERTH_FIELD_TEXT("client", false, 0, BERTH_LIMIT_NAME_BYTES, "name of the device"),
    BERTH_FIELD_BOOL("control", false, "ask for the keyboard and the mouse, too"),
};
static const BerthBodyField message_fields[] = {
    BERTH_FIELD_TEXT("text", true, 1, 512, "what the user is told"),
};
static const BerthQueryField session_query[] = {
    BERTH_QUERY_PAGE,
    BERTH_FIELD_TEXT("pool", false, 1, BERTH_LIMIT_NAME_BYTES, "name or id of a pool"),
    BERTH_FIELD_TEXT("state", false, 1, 32, "state, as in docs/STATE-MACHINES.md"),
    BERTH_FIELD_TEXT("host", false, 1, BERTH_LIMIT_NAME_BYTES, "name or id of a host"),
    BERTH_FIELD_TEXT("user", false, 1, BERTH_LIMIT_NAME_BYTES, "name of a user"),
};

const BerthRoute berth_routes_core[] = {
    { BERTH_GET("/v1/me", SELF, NONE, berth_handle_me), .answer = "Me", .doc = "who one is" },
    { BERTH_GET("/v1/me/desktops", SELF, NONE, berth_handle_my_desktops), .answer = "MyDesktopList",
      .links = BERTH_LINKS_ALWAYS, .doc = "desktops that one may have" },
    { BERTH_ASYNC("POST", "/v1/me/desktops/{id}/connect", SELF, NONE, berth_handle_connect, 200),
      BERTH_FIELDS(connect_fields), .has_secret = true, .answer = "Launch",
      .links = BERTH_LINKS_POOL, .doc = "a ticket for one's desktop of a pool; waits for it" },
    { BERTH_WRITE("POST", "/v1/me/desktops/{id}/restart", SELF, NONE, berth_handle_my_restart, 204),
      .links = BERTH_LINKS_POOL,
      .doc = "restarts one's desktop of a pool; what was not saved is lost" },
    { BERTH_WRITE("POST", "/v1/me/desktops/{id}/report", SELF, NONE, berth_handle_my_report, 204),
      BERTH_FIELDS(report_fields), .links = BERTH_LINKS_POOL,
      .doc = "tells administrators what is wrong with a desktop" },
    { BERTH_WRITE("POST", "/v1/me/links", SELF, NONE, berth_handle_add_link, 201),
      BERTH_FIELDS(link_fields), .has_secret = true, .answer = "NewLink",
      .doc = "a one-time code that opens one's desktop on another device" },
    { BERTH_GET("/v1/me/sessions", SELF, NONE, berth_handle_my_sessions), .answer = "MySessionList",
      .doc = "one's open sessions" },
    { BERTH_WRITE("POST", "/v1/me/sessions/{id}/disconnect", SELF, NONE, berth_handle_my_disconnect,
                  204),
      .links = BERTH_LINKS_SESSION, .doc = "disconnects one's session; it goes on" },
    { BERTH_WRITE("POST", "/v1/me/sessions/{id}/logoff", SELF, NONE, berth_handle_my_logoff, 204),
      .links = BERTH_LINKS_SESSION, .doc = "ends one's session" },

    { BERTH_GET_SLOW("/v1/sessions", SESSION_READ, ANY, berth_handle_list_sessions),
      BERTH_QUERY(session_query), .answer = "SessionList", .doc = "open sessions" },
    { BERTH_WRITE("POST", "/v1/sessions/{id}/disconnect", SESSION_CONTROL, SESSION,
                  berth_handle_disconnect, 204),
      .doc = "disconnects a session; it goes on" },
    { BERTH_WRITE("POST", "/v1/sessions/{id}/message", SESSION_CONTROL, SESSION,
                  berth_handle_message, 204),
      BERTH_FIELDS(message_fields), .doc = "shows a text to the user of a session" },
    { BERTH_WRITE("POST", "/v1/sessions/{id}/logoff", SESSION_CONTROL, SESSION, berth_handle_logoff,
                  204),
      .doc = "ends a session" },
    { BERTH_WRITE("POST", "/v1/sessions/{id}/shadow", SESSION_OBSERVE, SESSION, berth_handle_shadow,
                  200),
      BERTH_FIELDS(shadow_fields), .has_secret = true, .answer = "Launch",
      .doc = "a ticket to watch a session with its user's consent" },
    { BERTH_GET_SLOW("/v1/users/{id}/explain", USER_READ, USER, berth_handle_explain_user),
      .answer = "Explanation", .doc = "which desktops a user gets, and why or why not" },
};

const size_t berth_n_routes_core = G_N_ELEMENTS(berth_routes_core);
