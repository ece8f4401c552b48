// SPDX-License-Identifier: Apache-2.0
// Pools: which template, hardware, network and policy the desktops of whom get. Reading and listing
// is yd_service_get/_list with YD_RIGHT_POOLS_READ and &yd_pool_type; writing is for administrators
// (YD_RIGHT_POOLS_WRITE).
//
// Rules of the fields: name 1..64 characters, unique; vcpus 1..64; memory_mib 64..1048576; disk_gib
// 0 (as large as the template) or at least the template's virtual size, up to 16384; max_desktops
// 0 (no limit)..100000; a template version in state "ready"; policy as model/policy.h. enabled
// counts as given: who makes a record sets it to TRUE before applying the input.
#pragma once

#include "service/service.h"

// Fills in the record as stored (the policy in its canonical form). Errors: INVALID, EXISTS, STATE
// (template version not ready), FORBIDDEN.
gboolean yd_pool_create(YdService *service, const YdActor *actor, YdPool *pool, GError **error);

// As yd_user_update. Hardware counts for desktops made from now on; the policy at once. A new
// template version must be of the same template and counts for new desktops and rebuilds.
gboolean yd_pool_update(YdService *service, const YdActor *actor, YdPool *pool, gint64 version,
                        GError **error);

// Refused (IN_USE) while it has desktops; entitlements go with it.
gboolean yd_pool_delete(YdService *service, const YdActor *actor, const char *pool_id,
                        gint64 version, GError **error);

// To whom the pool is given (YdEntitlement); query as for yd_service_list.
YdPage *yd_pool_entitlements(YdService *service, const YdActor *actor, const char *pool_id,
                             YdQuery *query, GError **error);

// Gives the pool to a department or to a user: exactly one of both ids. EXISTS when given already.
gboolean yd_pool_entitle(YdService *service, const YdActor *actor, const char *pool_id,
                         const char *department_id, const char *user_id,
                         YdEntitlement **ret_entitlement, GError **error);

// Takes it back: desktops stay, but connecting to them is NOT_ENTITLED and live connections of
// people who are not entitled any more are cut.
gboolean yd_pool_unentitle(YdService *service, const YdActor *actor, const char *pool_id,
                           const char *entitlement_id, GError **error);

// Cuts the user's connections to their desktop of that pool unless they are still entitled. For
// the use cases that take something away, in their transaction.
gboolean yd_pool_cut_unentitled(YdService *service, const char *pool_id, const char *user_id,
                                GError **error);

// What the actor can open: the pools given to them, each with their desktop there (NULL: none yet),
// by the pool's name; then their desktops of pools that were taken back. Elements are YdOwnPool; an
// owning array.
typedef struct {
    YdPool *pool;
    YdDesktop *desktop;
    gboolean given;   // FALSE: the desktop is kept, but can't be opened
    gboolean restore; // the person may make restore points of it and go back to them
} YdOwnPool;
GPtrArray *yd_pool_list_own(YdService *service, const YdActor *actor, GError **error);
