/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/broker-address.h"

#include "base/error.h"

#include <glib/gi18n.h>
#include <string.h>

#define DEFAULT_PORT 443

/* Longest address that is worth quoting back. */
#define QUOTED_CHARS 80

static bool
refuse(const char *text, const char *why, GError **error)
{
    return berth_set_error(error, BERTH_ERR_INVALID,
                           _("'%.*s' is not a broker address (%s); write it as "
                             "https://name.example.org:443"),
                           QUOTED_CHARS, text, _(why));
}

static bool
is_host_char(char c, bool is_ipv6)
{
    if (is_ipv6) {
        return g_ascii_isxdigit(c) || c == ':' || c == '.';
    }
    return g_ascii_isalnum(c) || c == '-' || c == '.' || c == '_';
}

/* Copies a host name of len bytes.  Returns what is wrong with it, NULL if it is good. */
static const char *
copy_host(const char *text, size_t len, bool is_ipv6, char *ret_host)
{
    if (len == 0 || len > BERTH_BROKER_HOST_CHARS) {
        return N_("the host name is missing or too long");
    }
    for (size_t i = 0; i < len; i++) {
        if (!is_host_char(text[i], is_ipv6)) {
            return N_("the host name holds a character that is not allowed");
        }
    }
    memcpy(ret_host, text, len);
    ret_host[len] = '\0';
    return NULL;
}

/* Splits "host", "host:port" or "[v6]:port"; ret_port_text is NULL without a port. */
static const char *
split_host(const char *text, char *ret_host, const char **ret_port_text)
{
    bool is_ipv6 = text[0] == '[';
    const char *start = is_ipv6 ? text + 1 : text;
    const char *end = strchr(start, is_ipv6 ? ']' : ':');
    const char *why;

    if (is_ipv6 && end == NULL) {
        return N_("the bracket is not closed");
    }
    why = copy_host(start, end != NULL ? (size_t)(end - start) : strlen(start), is_ipv6, ret_host);
    if (is_ipv6) {
        end++;
    }
    *ret_port_text = end != NULL && *end != '\0' ? end : NULL;
    return why;
}

static const char *
parse_port(const char *text, uint16_t *ret_port)
{
    guint64 port;

    if (text == NULL) {
        *ret_port = DEFAULT_PORT;
        return NULL;
    }
    if (text[0] != ':' || !g_ascii_string_to_unsigned(text + 1, 10, 1, 65535, &port, NULL)) {
        return N_("the port must be a number from 1 to 65535");
    }
    *ret_port = (uint16_t)port;
    return NULL;
}

bool
berth_broker_address_parse(const char *text, BerthBrokerAddress *ret_address, GError **error)
{
    BerthBrokerAddress address = { 0 };
    g_autofree char *bare = NULL;
    const char *port_text = NULL;
    const char *why;
    const char *scheme_end;

    if (text == NULL || text[0] == '\0') {
        return berth_set_error(error, BERTH_ERR_INVALID,
                               _("no broker address is given; write it as "
                                 "https://name.example.org:443"));
    }
    scheme_end = strstr(text, "://");
    if (scheme_end != NULL && g_ascii_strncasecmp(text, "https://", 8) != 0) {
        return refuse(text, N_("only https is supported"), error);
    }
    bare = g_strdup(scheme_end != NULL ? scheme_end + 3 : text);
    if (g_str_has_suffix(bare, "/")) {
        bare[strlen(bare) - 1] = '\0';
    }
    why = split_host(bare, address.host, &port_text);
    if (why == NULL) {
        why = parse_port(port_text, &address.port);
    }
    if (why != NULL) {
        return refuse(text, why, error);
    }
    g_snprintf(address.url, sizeof address.url,
               strchr(address.host, ':') != NULL ? "https://[%s]:%u" : "https://%s:%u",
               address.host, address.port);
    *ret_address = address;
    return true;
}
