/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One login on one server: connect with TLS, find the user, bind as the user, look groups up.
 *
 * Groups of groups: Active Directory walks the chain itself (matching rule
 * 1.2.840.113556.1.4.1941); elsewhere the groups found are asked for as members, level by level, a
 * group at most once, so that circles end.
 */
#include "broker/auth/directory-settings.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "base/secret.h"
#include "berth/limits.h"
#include "broker/auth/directory-text.h"
#include "broker/auth/socket-watchdog.h"

#include <fcntl.h>
#include <ldap.h>
#include <string.h>
#include <unistd.h>

#define SCOPE "directory"
#define IN_CHAIN ":1.2.840.113556.1.4.1941:"
#define CAPABILITY_AD "1.2.840.113556.1.4.800"
/* Members that one search asks for. */
#define DNS_PER_SEARCH 24
/* Entries that one search may give; libldap holds an answer whole. */
#define MAX_ENTRIES ((int)BERTH_LIMIT_DIRECTORY_GROUPS)

typedef struct {
    const BerthDirectory *directory;
    LDAP *ldap;
    BerthSocketWatchdog *dog;
    struct ldap_conncb connected;
    char *user_dn;
    BerthIdentity *identity;
} Login;

static int
code_of(int result)
{
    switch (result) {
    case LDAP_SUCCESS:
        return BERTH_OK;
    case LDAP_INVALID_CREDENTIALS:
    case LDAP_INAPPROPRIATE_AUTH:
    case LDAP_INSUFFICIENT_ACCESS:
    case LDAP_UNWILLING_TO_PERFORM:
    case LDAP_CONSTRAINT_VIOLATION:
    case LDAP_NO_SUCH_OBJECT:
    case LDAP_INVALID_DN_SYNTAX:
        return BERTH_ERR_BAD_CREDENTIALS;
    default:
        return BERTH_ERR_SOURCE_DOWN;
    }
}

static bool
fail(const Login *login, int code, const char *what, int result, GError **error)
{
    char *text = NULL;
    ldap_get_option(login->ldap, LDAP_OPT_DIAGNOSTIC_MESSAGE, &text);
    berth_set_error(error, code, "%s: %s%s%s", what, ldap_err2string(result),
                    text != NULL && text[0] != '\0' ? ", " : "", text != NULL ? text : "");
    ldap_memfree(text);
    return false;
}

/* A handshake with a server that says nothing is beyond libldap's own time-outs. */
static int
watch_socket(LDAP *ldap, Sockbuf *buffer, LDAPURLDesc *server, struct sockaddr *address,
             struct ldap_conncb *callback)
{
    ber_socket_t fd = -1;
    ber_sockbuf_ctrl(buffer, LBER_SB_OPT_GET_FD, &fd);
    berth_socket_watchdog_watch(callback->lc_arg, fd);
    return 0;
}

static void
ignore_end(LDAP *ldap, Sockbuf *buffer, struct ldap_conncb *callback)
{
}

static bool
set_options(Login *login)
{
    login->connected =
        (struct ldap_conncb){ .lc_add = watch_socket, .lc_del = ignore_end, .lc_arg = login->dog };
    const BerthDirectory *directory = login->directory;
    struct timeval timeout = { .tv_sec = directory->timeout_s };
    int version = LDAP_VERSION3;
    int demand = LDAP_OPT_X_TLS_DEMAND;
    int tls12 = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2;
    int client = 0;
    bool is_good = ldap_set_option(login->ldap, LDAP_OPT_PROTOCOL_VERSION, &version) == 0 &&
                   ldap_set_option(login->ldap, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) == 0 &&
                   ldap_set_option(login->ldap, LDAP_OPT_NETWORK_TIMEOUT, &timeout) == 0 &&
                   ldap_set_option(login->ldap, LDAP_OPT_TIMEOUT, &timeout) == 0 &&
                   ldap_set_option(login->ldap, LDAP_OPT_CONNECT_CB, &login->connected) == 0 &&
                   ldap_set_option(login->ldap, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) == 0 &&
                   ldap_set_option(login->ldap, LDAP_OPT_X_TLS_PROTOCOL_MIN, &tls12) == 0;
    if (is_good && directory->ca_file[0] != '\0') {
        is_good = ldap_set_option(login->ldap, LDAP_OPT_X_TLS_CACERTFILE, directory->ca_file) == 0;
    }
    return is_good && ldap_set_option(login->ldap, LDAP_OPT_X_TLS_NEWCTX, &client) == 0;
}

static bool
open_server(Login *login, const char *url, GError **error)
{
    int result = ldap_initialize(&login->ldap, url);
    if (result != LDAP_SUCCESS) {
        return berth_set_error(error, BERTH_ERR_SOURCE_DOWN, "%s", ldap_err2string(result));
    }
    if (!set_options(login)) {
        return berth_set_error(error, BERTH_ERR_SOURCE_DOWN, "TLS cannot be set up with \"%s\"",
                               login->directory->ca_file);
    }
    if (g_str_has_prefix(url, "ldap://")) {
        berth_socket_watchdog_allow(login->dog, login->directory->timeout_s);
        result = ldap_start_tls_s(login->ldap, NULL, NULL);
        if (result != LDAP_SUCCESS) {
            return fail(login, BERTH_ERR_SOURCE_DOWN, "StartTLS", result, error);
        }
    }
    return true;
}

static int
bind_simple(Login *login, const char *dn, const char *password)
{
    struct berval secret = { .bv_len = strlen(password), .bv_val = (char *)password };
    berth_socket_watchdog_allow(login->dog, login->directory->timeout_s);
    return ldap_sasl_bind_s(login->ldap, dn, LDAP_SASL_SIMPLE, &secret, NULL, NULL, NULL);
}

/* Binds as the account that searches; a failure is never the user's. */
static bool
bind_searcher(Login *login, GError **error)
{
    const BerthDirectory *directory = login->directory;
    if (directory->bind_dn[0] == '\0') {
        return true;
    }
    g_autoptr(GError) why = NULL;
    berth_autofd int fd = open(directory->bind_password_file, O_RDONLY | O_CLOEXEC);
    g_autoptr(BerthSecret) password =
        fd >= 0 ? berth_secret_read_fd(fd, BERTH_LIMIT_PASSWORD_BYTES, &why) : NULL;
    if (password == NULL) {
        return berth_set_error(error, BERTH_ERR_SOURCE_DOWN, "\"%s\" cannot be read",
                               directory->bind_password_file);
    }
    int result = bind_simple(login, directory->bind_dn, (const char *)berth_secret_bytes(password));
    return result == LDAP_SUCCESS ||
           fail(login, BERTH_ERR_SOURCE_DOWN, "the search account is refused", result, error);
}

/* First value of an attribute as text (bytes that are no text as hexadecimal digits), or NULL. */
static char *
dup_value(LDAP *ldap, LDAPMessage *entry, const char *attribute)
{
    struct berval **values = ldap_get_values_len(ldap, entry, attribute);
    char *text = NULL;
    if (values != NULL && values[0] != NULL &&
        values[0]->bv_len <= BERTH_LIMIT_DIRECTORY_DN_BYTES / 2) {
        const struct berval *value = values[0];
        if (g_utf8_validate(value->bv_val, (gssize)value->bv_len, NULL)) {
            text = g_strndup(value->bv_val, value->bv_len);
        } else {
            text = g_malloc(2 * value->bv_len + 1);
            berth_hex_format((const uint8_t *)value->bv_val, value->bv_len, text);
        }
    }
    ldap_value_free_len(values);
    return text;
}

static int
search(Login *login, const char *base, int scope, const char *filter, const char *const *names,
       int max, LDAPMessage **ret_answer)
{
    struct timeval timeout = { .tv_sec = login->directory->timeout_s };
    berth_socket_watchdog_allow(login->dog, login->directory->timeout_s);
    return ldap_search_ext_s(login->ldap, base, scope, filter, (char **)names, 0, NULL, NULL,
                             &timeout, max, ret_answer);
}

static bool
take_user(Login *login, LDAPMessage *answer, GError **error)
{
    const BerthDirectory *directory = login->directory;
    if (ldap_count_entries(login->ldap, answer) != 1) {
        return berth_set_error(error, BERTH_ERR_BAD_CREDENTIALS, "%d users have this name",
                               ldap_count_entries(login->ldap, answer));
    }
    LDAPMessage *entry = ldap_first_entry(login->ldap, answer);
    char *dn = ldap_get_dn(login->ldap, entry);
    g_free(login->user_dn);
    login->user_dn = g_strdup(dn);
    ldap_memfree(dn);
    BerthIdentity *identity = login->identity;
    g_free(identity->external_id);
    g_free(identity->name);
    g_free(identity->display_name);
    identity->external_id = dup_value(login->ldap, entry, directory->id_attribute);
    identity->name = dup_value(login->ldap, entry, directory->name_attribute);
    identity->display_name = dup_value(login->ldap, entry, directory->display_name_attribute);
    if (identity->external_id == NULL || identity->name == NULL) {
        return berth_set_error(error, BERTH_ERR_INVALID, "the user's entry has no \"%s\" or \"%s\"",
                               directory->id_attribute, directory->name_attribute);
    }
    return true;
}

/* Reads the user's entry: found by a filter under the base, or at user_dn if it is known. */
static bool
find_user(Login *login, const char *user, GError **error)
{
    const BerthDirectory *directory = login->directory;
    const char *names[] = { directory->id_attribute, directory->name_attribute,
                            directory->display_name_attribute, NULL };
    g_autofree char *escaped = berth_directory_escape_filter(user);
    g_autofree char *filter = login->user_dn != NULL
                                  ? g_strdup("(objectClass=*)")
                                  : berth_directory_fill(directory->user_filter, "{user}", escaped);
    LDAPMessage *answer = NULL;
    int result = search(login, login->user_dn != NULL ? login->user_dn : directory->base,
                        login->user_dn != NULL ? LDAP_SCOPE_BASE : LDAP_SCOPE_SUBTREE, filter,
                        names, 2, &answer);
    bool is_found = false;
    if (result == LDAP_SUCCESS || result == LDAP_SIZELIMIT_EXCEEDED) {
        is_found = take_user(login, answer, error);
    } else {
        fail(login, BERTH_ERR_SOURCE_DOWN, "users cannot be searched", result, error);
    }
    ldap_msgfree(answer);
    return is_found;
}

static bool
bind_user(Login *login, const char *password, GError **error)
{
    int result = bind_simple(login, login->user_dn, password);
    return result == LDAP_SUCCESS ||
           fail(login, code_of(result), "the user cannot bind", result, error);
}

static bool
is_active_directory(Login *login)
{
    const char *names[] = { "supportedCapabilities", NULL };
    LDAPMessage *answer = NULL;
    bool is_found = false;
    if (search(login, "", LDAP_SCOPE_BASE, "(objectClass=*)", names, 1, &answer) == LDAP_SUCCESS) {
        LDAPMessage *entry = ldap_first_entry(login->ldap, answer);
        struct berval **values =
            entry != NULL ? ldap_get_values_len(login->ldap, entry, names[0]) : NULL;
        for (int i = 0; values != NULL && values[i] != NULL; i++) {
            is_found = is_found || strcmp(values[i]->bv_val, CAPABILITY_AD) == 0;
        }
        ldap_value_free_len(values);
    }
    ldap_msgfree(answer);
    return is_found;
}

/* Adds the groups of an answer; their names go to `next` unless they were `seen`. */
static void
take_groups(Login *login, LDAPMessage *answer, GHashTable *seen, GPtrArray *next)
{
    const BerthDirectory *directory = login->directory;
    for (LDAPMessage *entry = ldap_first_entry(login->ldap, answer); entry != NULL;
         entry = ldap_next_entry(login->ldap, entry)) {
        char *dn = ldap_get_dn(login->ldap, entry);
        g_autofree char *key = dn != NULL ? g_utf8_casefold(dn, -1) : g_strdup("");
        if (key[0] != '\0' && strlen(dn) <= BERTH_LIMIT_DIRECTORY_DN_BYTES &&
            g_hash_table_size(seen) < BERTH_LIMIT_DIRECTORY_GROUPS &&
            g_hash_table_add(seen, g_steal_pointer(&key))) {
            g_autofree char *id = dup_value(login->ldap, entry, directory->group_id_attribute);
            g_autofree char *name = dup_value(login->ldap, entry, directory->group_name_attribute);
            if (name != NULL) {
                berth_identity_add_group(login->identity, id != NULL ? id : dn, name);
            }
            g_ptr_array_add(next, g_strdup(dn));
        }
        ldap_memfree(dn);
    }
}

/* Asks for the groups that have one of up to DNS_PER_SEARCH members, beginning with `first`. */
static bool
ask_groups(Login *login, const GPtrArray *members, guint first, const char *rule, GHashTable *seen,
           GPtrArray *next, GError **error)
{
    const BerthDirectory *directory = login->directory;
    const char *names[] = { directory->group_id_attribute, directory->group_name_attribute, NULL };
    const char *base = directory->group_base[0] != '\0' ? directory->group_base : directory->base;
    g_autoptr(GString) filter = g_string_new(NULL);
    g_string_printf(filter, "(&%s(|", directory->group_filter);
    for (guint i = first; i < MIN(first + DNS_PER_SEARCH, members->len); i++) {
        g_autofree char *escaped = berth_directory_escape_filter(g_ptr_array_index(members, i));
        g_string_append_printf(filter, "(%s%s=%s)", directory->member_attribute, rule, escaped);
    }
    g_string_append(filter, "))");
    LDAPMessage *answer = NULL;
    int result = search(login, base, LDAP_SCOPE_SUBTREE, filter->str, names, MAX_ENTRIES, &answer);
    bool is_good = result == LDAP_SUCCESS || result == LDAP_SIZELIMIT_EXCEEDED;
    if (is_good) {
        take_groups(login, answer, seen, next);
    } else {
        fail(login, BERTH_ERR_SOURCE_DOWN, "groups cannot be searched", result, error);
    }
    ldap_msgfree(answer);
    return is_good;
}

static bool
find_groups(Login *login, GError **error)
{
    BerthNested nested = login->directory->nested;
    if (nested == BERTH_NESTED_AUTO) {
        nested = is_active_directory(login) ? BERTH_NESTED_IN_CHAIN : BERTH_NESTED_WALK;
    }
    const char *rule = nested == BERTH_NESTED_IN_CHAIN ? IN_CHAIN : "";
    guint n_levels = nested == BERTH_NESTED_WALK ? BERTH_LIMIT_DIRECTORY_DEPTH : 1;
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GPtrArray) members = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(members, g_strdup(login->user_dn));
    for (guint level = 0; level < n_levels && members->len > 0; level++) {
        g_autoptr(GPtrArray) next = g_ptr_array_new_with_free_func(g_free);
        for (guint first = 0; first < members->len; first += DNS_PER_SEARCH) {
            if (!ask_groups(login, members, first, rule, seen, next, error)) {
                return false;
            }
        }
        g_ptr_array_unref(members);
        members = g_steal_pointer(&next);
    }
    login->identity->has_groups = TRUE;
    return true;
}

static bool
run_on_server(Login *login, const char *url, const char *user, const char *password, GError **error)
{
    const BerthDirectory *directory = login->directory;
    if (!open_server(login, url, error)) {
        return false;
    }
    if (directory->bind_template[0] != '\0') {
        g_autofree char *escaped = berth_directory_escape_dn(user);
        login->user_dn = berth_directory_fill(directory->bind_template, "{user}", escaped);
        return bind_user(login, password, error) && bind_searcher(login, error) &&
               find_user(login, user, error) && find_groups(login, error);
    }
    return bind_searcher(login, error) && find_user(login, user, error) &&
           bind_user(login, password, error) && bind_searcher(login, error) &&
           find_groups(login, error);
}

static void
login_clear(Login *login)
{
    if (login->ldap != NULL) {
        ldap_unbind_ext_s(login->ldap, NULL, NULL);
    }
    berth_socket_watchdog_free(login->dog);
    g_free(login->user_dn);
    berth_identity_free(login->identity);
}

BerthIdentity *
berth_directory_login(const BerthDirectory *directory, const char *user, const char *password,
                      GError **error)
{
    if (password[0] == '\0') {
        berth_set_error(error, BERTH_ERR_BAD_CREDENTIALS, "the password is empty");
        return NULL;
    }
    for (guint i = 0; i < directory->urls->len; i++) {
        const char *url = g_ptr_array_index(directory->urls, i);
        g_autoptr(GError) why = NULL;
        Login login = { .directory = directory,
                        .dog = berth_socket_watchdog_new(),
                        .identity = berth_identity_new() };
        bool is_good = run_on_server(&login, url, user, password, &why) &&
                       berth_identity_check(login.identity, &why);
        BerthIdentity *identity = is_good ? g_steal_pointer(&login.identity) : NULL;
        login_clear(&login);
        if (identity != NULL) {
            return identity;
        }
        bool is_last = i + 1 == directory->urls->len;
        if (why->code != BERTH_ERR_SOURCE_DOWN || is_last) {
            berth_set_error(error, why->code, "%s: %s", url, why->message);
            return NULL;
        }
        berth_log_warning(SCOPE, "%s: %s; the next server is asked", url, why->message);
    }
    return NULL;
}
