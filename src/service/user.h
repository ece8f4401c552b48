// SPDX-License-Identifier: Apache-2.0
// People: create, change, remove, reset passwords. Reading and listing is yd_service_get and
// yd_service_list with YD_RIGHT_USERS_READ and &yd_user_type. Writing is for administrators
// (YD_RIGHT_USERS_WRITE); the last enabled administrator can neither be removed, disabled nor
// demoted, whoever tries at the same time.
//
// Rules of the fields: username as yd_username_check (it becomes the account in guests), for ever;
// name 1..100 characters; number (up to 64, unique) and email may be NULL; role "admin", "manager"
// or "user" (NULL at creation: "user"); language "en", "zh-CN" or NULL. enabled counts as given:
// who makes a record sets it to TRUE before applying the input.
#pragma once

#include "service/service.h"

// Creates from the fields that people may give (all others are set here); fills in the record as
// stored. password NULL: none, the person can't log in until one is set. Else it is a first one and
// must be changed. Errors: INVALID, EXISTS (names the field), FORBIDDEN.
gboolean yd_user_create(YdService *service, const YdActor *actor, YdUser *user,
                        const char *password, GError **error);

// user: as loaded, with the changed fields applied; only fields with YD_FIELD_SET count. version:
// what the client saw (If-Match), 0: the record's own. Brings the record up to date. Disabling ends
// the person's log-ins and cuts their connections; so does a lower role. Errors: STALE, INVALID,
// EXISTS, NOT_FOUND, STATE (last administrator), FORBIDDEN (also: raising one's own role).
gboolean yd_user_update(YdService *service, const YdActor *actor, YdUser *user, gint64 version,
                        GError **error);

// Removes the person with memberships, entitlements and log-ins. version 0: any. IN_USE while they
// have desktops; STATE for the last administrator and for oneself.
gboolean yd_user_delete(YdService *service, const YdActor *actor, const char *user_id,
                        gint64 version, GError **error);

// Gives the person a random one-time password (owned, shown once), to be changed at the next
// log-in; unlocks the account, ends their log-ins. STATE for oneself (use yd_password_change).
gboolean yd_user_reset_password(YdService *service, const YdActor *actor, const char *user_id,
                                char **ret_password, GError **error);

// The actor's own row (right SELF); owned.
YdUser *yd_user_me(YdService *service, const YdActor *actor, GError **error);

// The actor's own language ("en", "zh-CN", NULL: as the browser says).
gboolean yd_user_set_language(YdService *service, const YdActor *actor, const char *language,
                              GError **error);

// The first administrator, with a random password to be changed at the first log-in; for the
// program itself, at setup. EXISTS when there is an administrator already.
gboolean
yd_user_init_admin(YdService *service, const char *username, char **ret_password, GError **error);

// The checks on fields alone (also for the import); trims the texts. INVALID names the field.
gboolean yd_user_check(YdUser *user, GError **error);

// For the import, in a transaction of the caller: checks, gives a uid, stores with that password
// hash (NULL: none), writes the audit row. Checks no right.
gboolean yd_user_insert(YdService *service, const YdActor *actor, YdUser *user, const char *hash,
                        GError **error);
