// SPDX-License-Identifier: Apache-2.0
// What only users, departments and log-ins need of the store. See store.h for threads and errors.
#pragma once

#include "store/store.h"

// Ids of the departments that this user manages (of strings).
GPtrArray *yd_store_managed_departments(YdStore *store, const char *user_id, GError **error);

// Ids of the departments that this user is a member of (of strings).
GPtrArray *yd_store_member_departments(YdStore *store, const char *user_id, GError **error);

// Next free uid for guest accounts (from 20000 up, never given twice).
gboolean yd_store_next_uid(YdStore *store, gint64 *ret_uid, GError **error);

// The live log-in with that token hash (not expired, user enabled); NOT_FOUND else.
YdLogin *
yd_store_login_by_token(YdStore *store, const char *token_hash, gint64 now, GError **error);

// Notes the use of a log-in (no event; written at most every 20 s for each).
gboolean yd_store_login_used(YdStore *store, const char *login_id, gint64 now, GError **error);

// Ends all log-ins of a user but one (NULL: all). Gives back how many.
gboolean yd_store_end_logins(YdStore *store, const char *user_id, const char *except_id,
                             gint64 *ret_ended, GError **error);

// Counts a wrong password atomically: failed_logins + 1, and locked_until when it reaches limit.
gboolean yd_store_count_failure(YdStore *store, const char *user_id, gint64 limit,
                                gint64 locked_until, GError **error);

// Notes a good log-in: no failures, no lock, last_login; password_hash (NULL: as it is) when it was
// made anew. Neither event nor version, so that nobody's change of the person becomes stale by it.
gboolean yd_store_count_login(YdStore *store, const char *user_id, const char *password_hash,
                              gint64 now, GError **error);
