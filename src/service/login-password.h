// SPDX-License-Identifier: Apache-2.0
// Inside of log-ins and users: hashing with the cost of the configuration, counting failures, the
// throttle. See login.h for what others may use.
#pragma once

#include "service/service.h"

// Hash of a new password; owned. UNAVAILABLE when there is not enough memory. Slow on purpose:
// never in a transaction.
char *yd_login_password_hash(YdService *service, const char *password, GError **error);

// Takes the same time when there is no hash or an impossible password.
gboolean yd_login_password_verify(YdService *service, const char *hash, const char *password);

// A fresh hash when the old one was made with another cost; NULL when it may stay.
char *yd_login_password_rehash(YdService *service, const char *hash, const char *password);

// One wrong password of that user: counts, locks at lock_after, audit row when it locks.
gboolean yd_login_count_failure(YdService *service, const YdUser *user, GError **error);

gboolean yd_login_throttle_take(YdService *service, const char *address, GError **error);
void yd_login_throttle_give_back(YdService *service, const char *address);
