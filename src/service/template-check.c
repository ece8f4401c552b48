// SPDX-License-Identifier: Apache-2.0
// What people ask to be done with the files of a version: check, read, flatten. The jobs are
// template-check-job.c, template-verify-job.c and template-flatten-job.c.

#include "service/template-check.h"

#include <string.h>

#include "service/settings.h"

static char *
title_of(const YdTemplateVersion *version)
{
    return g_strdup_printf("%s %" G_GINT64_FORMAT, version->template_name, version->number);
}

// A pool that is made of the version, or of the one that it was made from.
static YdPool *
pool_for(YdStore *store, const YdTemplateVersion *version)
{
    YdPool *pool = yd_store_find(store, &yd_pool_type, "template_version_id", version->id, NULL);
    if (!pool && version->parent_id)
        pool = yd_store_find(store, &yd_pool_type, "template_version_id", version->parent_id, NULL);
    return pool;
}

static char *
any_network(YdStore *store, GError **error)
{
    const YdQuery query = {.limit = 1};
    g_autoptr(YdPage) page = yd_store_list(store, &yd_network_type, &query, error);
    if (page && page->records->len == 0)
        g_set_error_literal(error, YD_ERROR, YD_ERROR_STATE,
                            "there is no network in which the version could be tried");
    return page && page->records->len ? g_strdup(((YdNetwork *)page->records->pdata[0])->id) : NULL;
}

YdJob *
yd_template_check_submit(YdService *service, const YdActor *actor, const YdTemplateVersion *version,
                         const YdTemplateCheck *check, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdPool) pool = store ? pool_for(store, version) : NULL;
    g_autofree char *title = title_of(version);
    g_autofree char *network = NULL;
    if (!store)
        return NULL;
    if (check->network_id || pool)
        network = g_strdup(check->network_id ? check->network_id : pool->network_id);
    else if (check->trial && !(network = any_network(store, error)))
        return NULL;
    gint64 vcpus = check->vcpus ? check->vcpus : pool ? pool->vcpus : 2;
    gint64 memory = check->memory_mib ? check->memory_mib : pool ? pool->memory_mib : 2048;
    json_t *args =
        json_pack("{s:s*, s:I, s:I, s:b}", "network_id", network, "vcpus", (json_int_t)vcpus,
                  "memory_mib", (json_int_t)memory, "trial", check->trial);
    YdJob *job =
        yd_job_submit(service, actor, "template-check", version->id, title, args, NULL, error);
    json_decref(args);
    return job;
}

static gboolean
check_state(const YdTemplateVersion *version, const char *const *states, const char *advice,
            GError **error)
{
    if (version->image && g_strv_contains(states, version->state))
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE, "version %" G_GINT64_FORMAT " of “%s” is %s; %s",
                version->number, version->template_name,
                version->image ? version->state : "without a disk", advice);
    return FALSE;
}

typedef YdJob *(*Submit)(YdService *service, YdStore *store, const YdActor *actor,
                         YdTemplateVersion *version, GError **error);

// The frame of all three: right, version, what submits it, audit.
static YdJob *
act(YdService *service, const YdActor *actor, const char *version_id, const char *name,
    Submit submit, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    if (!store || !yd_service_allowed(actor, YD_RIGHT_TEMPLATES_WRITE, error))
        return NULL;
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdTemplateVersion) version =
        tx ? yd_store_get(store, &yd_template_version_type, version_id, error) : NULL;
    g_autoptr(YdJob) job = version ? submit(service, store, actor, version, error) : NULL;
    if (!job)
        return NULL;
    g_autofree char *title = title_of(version);
    if (!yd_service_audit(service, actor, name, "template-version", version_id, title, NULL,
                          error) ||
        !yd_store_tx_commit(&tx, error))
        return NULL;
    return g_steal_pointer(&job);
}

static YdJob *
submit_check(YdService *service, YdStore *store, const YdActor *actor, YdTemplateVersion *version,
             GError **error)
{
    static const char *const states[] = {"failed", NULL};
    const YdTemplateCheck check = {.trial = TRUE};
    if (!check_state(version, states, "only one that failed is checked again", error))
        return NULL;
    yd_set_string(&version->state, "checking");
    yd_set_string(&version->error, NULL);
    if (!yd_store_update(store, &yd_template_version_type, version, error))
        return NULL;
    return yd_template_check_submit(service, actor, version, &check, error);
}

static YdJob *
submit_plain(YdService *service, const YdActor *actor, const char *kind,
             const YdTemplateVersion *version, GError **error)
{
    g_autofree char *title = title_of(version);
    return yd_job_submit(service, actor, kind, version->id, title, NULL, NULL, error);
}

static YdJob *
submit_verify(YdService *service, YdStore *store G_GNUC_UNUSED, const YdActor *actor,
              YdTemplateVersion *version, GError **error)
{
    static const char *const states[] = {"ready", "failed", NULL};
    if (!check_state(version, states, "wait until that has ended", error))
        return NULL;
    return submit_plain(service, actor, "template-verify", version, error);
}

static YdJob *
submit_flatten(YdService *service, YdStore *store G_GNUC_UNUSED, const YdActor *actor,
               YdTemplateVersion *version, GError **error)
{
    static const char *const states[] = {"ready", NULL};
    if (!check_state(version, states, "only one that is ready is flattened", error))
        return NULL;
    if (version->depth > 1)
        return submit_plain(service, actor, "template-flatten", version, error);
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "version %" G_GINT64_FORMAT " of “%s” is one file already", version->number,
                version->template_name);
    return NULL;
}

YdJob *
yd_template_version_check(YdService *service, const YdActor *actor, const char *version_id,
                          GError **error)
{
    return act(service, actor, version_id, "template.version.check", submit_check, error);
}

YdJob *
yd_template_version_verify(YdService *service, const YdActor *actor, const char *version_id,
                           GError **error)
{
    return act(service, actor, version_id, "template.version.verify", submit_verify, error);
}

YdJob *
yd_template_version_flatten(YdService *service, const YdActor *actor, const char *version_id,
                            GError **error)
{
    return act(service, actor, version_id, "template.version.flatten", submit_flatten, error);
}

gboolean
yd_template_flatten_if_deep(YdService *service, YdStore *store, const YdActor *actor,
                            const char *version_id, GError **error)
{
    g_autoptr(YdTemplateVersion) version =
        yd_store_get(store, &yd_template_version_type, version_id, error);
    if (!version)
        return FALSE;
    if (version->depth <= yd_settings_int(service, "template_chain_max") ||
        strcmp(version->state, "ready") != 0)
        return TRUE;
    g_autoptr(YdJob) job = submit_plain(service, actor, "template-flatten", version, error);
    return job != NULL;
}
