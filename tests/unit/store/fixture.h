// SPDX-License-Identifier: Apache-2.0
// A small organisation in a store, for the tests of the store.
#pragma once

#include "store/store-desktops.h"
#include "store/store-people.h"

// The tests run on SQLite, or on the MariaDB whose socket YD_TEST_MARIADB names.
gboolean fixture_is_mariadb(void);

YdStore *fixture_open(void); // a new one: in memory, or a database of its own

// Where a new database can be opened several times, and its removal when it was.
char *fixture_where(void);
void fixture_where_free(char *where);

// Each inserts one row with sensible values and gives back its id (owned).
char *fixture_user(YdStore *store, const char *username, const char *role);
char *fixture_department(YdStore *store, const char *number, const char *name);
void fixture_member(YdStore *store, const char *department_id, const char *user_id);
void fixture_manager(YdStore *store, const char *department_id, const char *user_id);
char *fixture_network(YdStore *store, const char *name, const char *first, const char *last);
char *fixture_template_version(YdStore *store, const char *name);
char *
fixture_pool(YdStore *store, const char *name, const char *version_id, const char *network_id);
void fixture_entitle(YdStore *store, const char *pool_id, const char *department_id,
                     const char *user_id);
char *fixture_desktop(YdStore *store, const char *name, const char *pool_id, const char *user_id);
char *
fixture_connection(YdStore *store, const char *desktop_id, const char *user_id, const char *state);
char *fixture_job(YdStore *store, const char *kind, const char *object_id, const char *user_id);
