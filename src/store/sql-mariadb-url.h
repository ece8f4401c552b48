// SPDX-License-Identifier: Apache-2.0
// Where a MariaDB database is: mariadb://USER@HOST[:PORT][,HOST[:PORT]…]/DATABASE[?NAME=VALUE&…]
// with the names
//   password-file    a file that only its owner may read (0600); its first line is the password
//   socket           the server's unix socket in place of hosts: mariadb://USER@/DATABASE?socket=…
//   ssl-ca           certificates (PEM) by which the servers are verified; TLS is demanded then
//   ssl-cert, ssl-key  the client's own certificate and key, where the server wants one
//   tls=off          hosts that are not this machine without TLS, for networks that are trusted
// A password never stands in it. Values are percent-decoded.
#pragma once

#include "base/secret.h"

typedef struct {
    char *host;
    guint port;
} YdMariadbHost;

typedef struct {
    char *user, *database;
    GArray *hosts; // of YdMariadbHost; one with host NULL: the socket
    char *socket, *password_file, *ssl_ca, *ssl_cert, *ssl_key, *tls;
} YdMariadbUrl;

// INVALID ("database: …") says what is wrong.
YdMariadbUrl *yd_mariadb_url_parse(const char *url, GError **error);
void yd_mariadb_url_free(YdMariadbUrl *url);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdMariadbUrl, yd_mariadb_url_free)

// "USER@HOST:PORT,…/DATABASE", for messages (owned).
char *yd_mariadb_url_name(const YdMariadbUrl *url);

// Reads the password; an empty one where no file is named. UNAVAILABLE when the file can't be read,
// is empty, or others may read it.
YdSecret *yd_mariadb_url_password(const YdMariadbUrl *url, GError **error);
