// SPDX-License-Identifier: Apache-2.0
// The check of right and scope in front of every use case, reading with it, and the audit rows.
// The table of rights itself is model/access.c.

#include "service/service.h"

gboolean
yd_service_allowed(const YdActor *actor, YdRight right, GError **error)
{
    if (yd_access_scope(actor->role, right) != YD_SCOPE_NOTHING)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_FORBIDDEN,
                "the role “%s” does not have the right “%s”; ask an administrator",
                yd_role_name(actor->role), yd_right_name(right));
    return FALSE;
}

gboolean
yd_service_scope(const YdActor *actor, YdRight right, YdQuery *query, GError **error)
{
    YdScope scope = yd_access_scope(actor->role, right);

    if (!yd_service_allowed(actor, right, error))
        return FALSE;
    query->only_user = query->only_manager = NULL;
    if (scope == YD_SCOPE_ALL)
        return TRUE;
    if (!actor->user_id) {
        g_set_error(error, YD_ERROR, YD_ERROR_FORBIDDEN,
                    "“%s” is about what a person has, and no person is acting",
                    yd_right_name(right));
        return FALSE;
    }
    if (scope == YD_SCOPE_DEPARTMENT)
        query->only_manager = actor->user_id;
    else
        query->only_user = actor->user_id;
    return TRUE;
}

gboolean
yd_service_may(YdService *service, const YdActor *actor, YdRight right, const YdRecordType *type,
               const char *id, GError **error)
{
    YdQuery scope = {0};
    YdStore *store;

    return yd_service_scope(actor, right, &scope, error) &&
           (store = yd_service_store(service, error)) &&
           yd_store_visible(store, type, id, scope.only_user, scope.only_manager, error);
}

gpointer
yd_service_get(YdService *service, const YdActor *actor, YdRight right, const YdRecordType *type,
               const char *id, GError **error)
{
    YdStore *store = yd_service_store(service, error);

    if (!store || !yd_service_may(service, actor, right, type, id, error))
        return NULL;
    return yd_store_get(store, type, id, error);
}

YdPage *
yd_service_list(YdService *service, const YdActor *actor, YdRight right, const YdRecordType *type,
                YdQuery *query, GError **error)
{
    YdStore *store = yd_service_store(service, error);

    if (!store || !yd_service_scope(actor, right, query, error))
        return NULL;
    return yd_store_list(store, type, query, error);
}

// Borrows all strings.
static YdAudit
audit_row(const YdActor *actor, const char *act, const char *object_kind, const char *object_id,
          const char *object_name, const char *outcome, const char *details)
{
    return (YdAudit){
        .time = yd_now_ms(),
        .user_id = (char *)actor->user_id,
        .username = (char *)(actor->user_id || actor->username ? actor->username : "system"),
        .address = (char *)actor->address,
        .request_id = (char *)actor->request_id,
        .act = (char *)act,
        .object_kind = (char *)object_kind,
        .object_id = (char *)object_id,
        .object_name = (char *)object_name,
        .outcome = (char *)outcome,
        .details = (char *)details,
    };
}

gboolean
yd_service_audit(YdService *service, const YdActor *actor, const char *act, const char *object_kind,
                 const char *object_id, const char *object_name, const char *details,
                 GError **error)
{
    YdAudit row = audit_row(actor, act, object_kind, object_id, object_name, "ok", details);
    YdStore *store = yd_service_store(service, error);

    return store && yd_store_audit(store, &row, error);
}

void
yd_service_audit_failure(YdService *service, const YdActor *actor, const char *act,
                         const char *object_kind, const char *object_id, const GError *why)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdStoreTx) tx = NULL;
    YdStore *store = yd_service_store(service, &error);
    gboolean ours = why && why->domain == YD_ERROR;
    YdAudit row =
        audit_row(actor, act, object_kind, object_id, NULL,
                  yd_error_code_name(ours ? (YdErrorCode)why->code : YD_ERROR_INTERNAL), NULL);

    if (!store || !(tx = yd_store_tx(store, &error)) || !yd_store_audit(store, &row, &error) ||
        !yd_store_tx_commit(&tx, &error))
        g_debug("audit row of a failed %s was not written (%s), ignoring", act, error->message);
}
