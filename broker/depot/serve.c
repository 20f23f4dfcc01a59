/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The depot towards hosts: its files are served, and the site is told where.
 */
#include "broker/depot/depot-private.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "berth/limits.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Thread: the server's, several at once; the folder has no state but its path. */
static int
open_file(const BerthDigest *root, int *ret_fd, BerthChunkList **ret_list, void *user_data)
{
    const BerthDepot *self = user_data;
    g_autoptr(GError) error = NULL;
    if (!berth_store_folder_has(self->store, root)) {
        return BERTH_ERR_NOT_FOUND;
    }
    g_autofree char *path = berth_store_folder_file(self->store, root, "chunks");
    g_autoptr(BerthChunkList) list = berth_chunk_list_load(path, root, &error);
    berth_autofd int fd =
        list != NULL ? berth_store_folder_open_file(self->store, root,
                                                    berth_chunk_list_size_bytes(list), &error)
                     : -1;
    if (fd < 0) {
        berth_log_warning("depot", "a host asks for a file that cannot be served: %s",
                          error->message);
        return error->code;
    }
    *ret_fd = berth_steal_fd(&fd);
    *ret_list = g_steal_pointer(&list);
    return BERTH_OK;
}

/* What hosts are told. */
static char *
address_of(const BerthDepot *self)
{
    BerthAddress address;
    char text[BERTH_ADDRESS_CHARS];
    if (self->advertise[0] != '\0') {
        return g_strdup(self->advertise);
    }
    berth_image_server_get_address(self->server, &address);
    berth_address_format(&address, text);
    return g_strdup(text);
}

typedef struct {
    char *key, *address;
} Told;

static int
run_tell(BerthTx *tx, void *data)
{
    const Told *told = data;
    return berth_tx_run(tx, BERTH_SQL_META_SET, "ss", told->key, told->address);
}

static bool
tell_site(BerthDepot *self, GError **error)
{
    g_autofree char *key = g_strdup_printf("depot_address:%s", self->broker->holder);
    g_autofree char *address = address_of(self);
    Told told = { key, address };
    int code = berth_store_write(self->broker->store, run_tell, &told);
    if (code != BERTH_OK) {
        return berth_set_error(error, code, "cannot write where the depot is: %s",
                               berth_error_sentence(code));
    }
    berth_log_info("depot", "hosts fetch files of images at %s", address);
    return true;
}

bool
berth_depot_serve(BerthDepot *self, const BerthConfig *config, GError **error)
{
    BerthImageServerConfig server = {
        .ca_file = berth_config_get_string(config, "broker", "ca_file"),
        .max_connections = BERTH_LIMIT_IMAGE_CONNECTIONS,
        .open_file = open_file,
        .user_data = self,
    };
    const char *listen = berth_config_get_string(config, "depot", "listen");
    BerthAddress told;
    if (berth_address_parse(listen, &server.listen) != BERTH_OK ||
        (self->advertise[0] != '\0' && berth_address_parse(self->advertise, &told) != BERTH_OK)) {
        return berth_set_error(error, BERTH_ERR_CONFIG,
                               "[depot] listen \"%s\" or advertise \"%s\" is not ip:port", listen,
                               self->advertise);
    }
    g_autoptr(BerthTlsKey) key =
        berth_tls_key_load(berth_config_get_string(config, "broker", "cert_file"),
                           berth_config_get_string(config, "broker", "key_file"), error);
    if (key == NULL) {
        return false;
    }
    server.key = key;
    self->server = berth_image_server_new(&server, error);
    return self->server != NULL && tell_site(self, error);
}
