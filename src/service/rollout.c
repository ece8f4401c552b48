// SPDX-License-Identifier: Apache-2.0
// Roll-outs as people ask for them, and what else the house asks: which version a new desktop gets,
// whether a version may go, which pools follow their template. How one goes on is rollout-job.c.
#include "service/rollout-private.h"

#include <stdlib.h>
#include <string.h>

#include "base/json-util.h"
#include "service/change.h"
#include "service/check.h"
#include "service/template-version.h"
#include "store/store-rollouts.h"

// --- the pool's settings ---

// Whether what people have is not on the system disk.
static gboolean
has_personal_disks(const YdPool *pool)
{
    return pool->personal_disk_gib > 0;
}

static gboolean
check_people(YdStore *store, const YdRolloutPlan *plan, GError **error)
{
    if (!yd_check_reference(store, "department_id", &yd_department_type, plan->department_id,
                            error))
        return FALSE;
    for (gsize i = 0; plan->user_ids && plan->user_ids[i]; i++) {
        if (!yd_check_reference(store, "user_ids", &yd_user_type, plan->user_ids[i], error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
check_follow(const YdPool *pool, const YdRolloutPlan *plan, GError **error)
{
    if (strcmp(pool->follow, YD_FOLLOW_PINNED) == 0)
        return TRUE;
    if (strcmp(pool->follow, YD_FOLLOW_STAGED) == 0 && !yd_rollout_plan_has_first(plan))
        return yd_error_invalid(error, "rollout",
                                "must say who goes first: share, department_id or user_ids");
    if (has_personal_disks(pool) || plan->replace_system_disks)
        return TRUE;
    return yd_error_invalid(error, "rollout",
                            "the pool's desktops have no personal disks: what people store on the "
                            "system disk is lost at each new version; say so with "
                            "replace_system_disks, or keep the pool pinned");
}

gboolean
yd_rollout_check_pool(YdStore *store, YdPool *pool, const YdPool *before, GError **error)
{
    static const char *const ways[] = {YD_FOLLOW_PINNED, YD_FOLLOW_NEWEST, YD_FOLLOW_STAGED, NULL};
    g_auto(YdRolloutPlan) plan = {0};
    g_autoptr(GError) local = NULL;
    if (!pool->follow)
        pool->follow = g_strdup(YD_FOLLOW_PINNED);
    if (!yd_check_choice("follow", pool->follow, ways, error) ||
        !yd_rollout_plan_parse(pool->rollout, &plan, error) || !check_people(store, &plan, error) ||
        !check_follow(pool, &plan, error))
        return FALSE;
    if (pool->rollout) {
        g_free(pool->rollout);
        pool->rollout = yd_rollout_plan_json(&plan);
    }
    if (!before || g_strcmp0(before->template_version_id, pool->template_version_id) == 0)
        return TRUE;
    g_autoptr(YdRollout) live = yd_store_rollout_live(store, pool->id, &local);
    if (live)
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "a roll-out of version %" G_GINT64_FORMAT
                    " is under way in “%s”; let it end or roll it back first",
                    live->to_number, pool->name);
    else if (local)
        g_propagate_error(error, g_steal_pointer(&local));
    else
        return TRUE;
    return FALSE;
}

// --- starting ---

static gboolean
check_version(const YdPool *pool, const YdTemplateVersion *version, GError **error)
{
    if (g_strcmp0(version->template_id, pool->template_id) != 0)
        return yd_error_invalid(error, "version_id",
                                "is a version of “%s”, the pool's desktops are made of “%s”",
                                version->template_name, pool->template_name);
    if (g_strcmp0(version->id, pool->template_version_id) == 0)
        return yd_error_invalid(error, "version_id",
                                "version %" G_GINT64_FORMAT
                                " is the one that the pool has; choose another one",
                                version->number);
    return yd_template_version_check_ready(version, error);
}

static gboolean
check_none_live(YdStore *store, const YdPool *pool, GError **error)
{
    GError *local = NULL;
    g_autoptr(YdRollout) live = yd_store_rollout_live(store, pool->id, &local);
    if (live)
        g_set_error(error, YD_ERROR, YD_ERROR_EXISTS,
                    "a roll-out of version %" G_GINT64_FORMAT
                    " is under way in “%s” already (%s); let it end or roll it back first",
                    live->to_number, pool->name, live->state);
    if (local)
        g_propagate_error(error, local);
    return !live && !local;
}

// The pool's desktops that are not on that version (of YdDesktop).
static GPtrArray *
desktops_to_move(YdStore *store, const char *pool_id, const char *version_id, GError **error)
{
    g_autoptr(GPtrArray) all = yd_store_all(store, &yd_desktop_type, "pool_id", pool_id, error);
    for (guint i = all ? all->len : 0; i > 0; i--) {
        const YdDesktop *desktop = g_ptr_array_index(all, i - 1);
        if (!desktop->template_version_id || strcmp(desktop->template_version_id, version_id) == 0)
            g_ptr_array_remove_index(all, i - 1);
    }
    return g_steal_pointer(&all);
}

static gboolean
check_loss(const YdPool *pool, const YdRolloutPlan *plan, const GPtrArray *desktops, GError **error)
{
    if (desktops->len == 0 || plan->replace_system_disks || has_personal_disks(pool))
        return TRUE;
    return yd_error_invalid(error, "replace_system_disks",
                            "the system disks of %u desktops of “%s” will be replaced, and what "
                            "people stored there is lost: the pool has no personal disks. Set it "
                            "to true when that is meant",
                            desktops->len, pool->name);
}

static gint
by_rank(gconstpointer a, gconstpointer b)
{
    const YdDesktop *one = *(YdDesktop *const *)a, *other = *(YdDesktop *const *)b;
    guint first = yd_rollout_rank(one->user_id ? one->user_id : one->id);
    guint second = yd_rollout_rank(other->user_id ? other->user_id : other->id);
    return first < second ? -1 : first > second;
}

// A share is counted, at least one: of few people a hash alone might choose nobody.
static guint
first_by_share(GPtrArray *desktops, const YdRolloutPlan *plan)
{
    if (plan->share == 0)
        return 0;
    g_ptr_array_sort(desktops, by_rank);
    return (guint)(desktops->len * (guint)plan->share + 99) / 100;
}

static gboolean
insert_desktops(YdStore *store, const YdRollout *rollout, const YdRolloutPlan *plan,
                GPtrArray *desktops, GError **error)
{
    gboolean staged = strcmp(rollout->mode, YD_FOLLOW_STAGED) == 0;
    guint share = staged ? first_by_share(desktops, plan) : 0;
    for (guint i = 0; i < desktops->len; i++) {
        const YdDesktop *desktop = g_ptr_array_index(desktops, i);
        gboolean first = plan->share > 0
                             ? i < share
                             : yd_rollout_is_first(plan, desktop->user_id, desktop->department_ids);
        g_autoptr(YdRolloutDesktop) row = yd_rollout_desktop_new();
        row->rollout_id = g_strdup(rollout->id);
        row->desktop_id = g_strdup(desktop->id);
        row->from_version_id = g_strdup(desktop->template_version_id);
        row->stage = g_strdup(staged && first ? "first" : "rest");
        row->state = g_strdup("waiting");
        if (!yd_store_insert(store, &yd_rollout_desktop_type, row, error))
            return FALSE;
    }
    return TRUE;
}

// Nobody goes back past a newer roll-out: its old disks may go.
static gboolean
release_former(YdStore *store, const char *pool_id, GError **error)
{
    g_autoptr(GPtrArray) all = yd_store_all(store, &yd_rollout_type, "pool_id", pool_id, error);
    for (guint i = 0; all && i < all->len; i++) {
        YdRollout *former = g_ptr_array_index(all, i);
        if (former->keep_until <= yd_now_ms())
            continue;
        former->keep_until = yd_now_ms();
        if (!yd_store_update(store, &yd_rollout_type, former, error))
            return FALSE;
    }
    return all != NULL;
}

static YdRollout *
rollout_from(const YdPool *pool, const YdTemplateVersion *version, const char *mode,
             const YdRolloutPlan *plan, const YdActor *actor)
{
    YdRollout *rollout = yd_rollout_new();
    gboolean newest = strcmp(mode, YD_FOLLOW_NEWEST) == 0;
    rollout->pool_id = g_strdup(pool->id);
    rollout->from_version_id = g_strdup(pool->template_version_id);
    rollout->to_version_id = g_strdup(version->id);
    rollout->from_number = pool->template_number;
    rollout->to_number = version->number;
    rollout->mode = g_strdup(mode);
    rollout->plan = yd_rollout_plan_json(plan);
    rollout->state = g_strdup(newest ? YD_ROLLOUT_ROLLING : YD_ROLLOUT_CHECKING);
    rollout->user_id = g_strdup(actor->user_id);
    return rollout;
}

static gboolean
submit(YdService *service, const YdActor *actor, const YdRollout *rollout, const char *name,
       GError **error)
{
    g_autoptr(YdJob) job =
        yd_job_submit(service, actor, "rollout", rollout->id, name, NULL, NULL, error);
    return job != NULL;
}

// "newest": whoever comes now gets the new version, too.
static gboolean
move_pool_at_once(YdStore *store, const YdPool *pool, const YdRollout *rollout, GError **error)
{
    if (strcmp(rollout->mode, YD_FOLLOW_NEWEST) != 0)
        return TRUE;
    g_autoptr(YdPool) moved = yd_pool_copy(pool);
    yd_set_string(&moved->template_version_id, rollout->to_version_id);
    return yd_store_update(store, &yd_pool_type, moved, error);
}

// In the transaction under way; rights are the caller's.
static YdRollout *
begin(YdService *service, YdStore *store, const YdActor *actor, const YdPool *pool,
      const YdTemplateVersion *version, const char *mode, const YdRolloutPlan *plan, GError **error)
{
    g_autoptr(GPtrArray) desktops = desktops_to_move(store, pool->id, version->id, error);
    if (!desktops || !check_none_live(store, pool, error) || !check_version(pool, version, error) ||
        !check_loss(pool, plan, desktops, error) || !release_former(store, pool->id, error))
        return NULL;
    g_autoptr(YdRollout) rollout = rollout_from(pool, version, mode, plan, actor);
    g_autofree char *details = g_strdup_printf("{\"version\":%" G_GINT64_FORMAT ",\"mode\":\"%s\"}",
                                               version->number, mode);
    if (!yd_store_insert(store, &yd_rollout_type, rollout, error) ||
        !insert_desktops(store, rollout, plan, desktops, error) ||
        !move_pool_at_once(store, pool, rollout, error) ||
        !yd_service_audit(service, actor, "rollout.start", "pool", pool->id, pool->name, details,
                          error) ||
        !submit(service, actor, rollout, pool->name, error) ||
        !yd_change_reload(store, &yd_rollout_type, rollout, error))
        return NULL;
    return g_steal_pointer(&rollout);
}

YdRollout *
yd_rollout_start(YdService *service, const YdActor *actor, const char *pool_id,
                 const char *version_id, const char *mode, const YdRolloutPlan *plan,
                 GError **error)
{
    static const char *const modes[] = {"all", YD_FOLLOW_STAGED, YD_FOLLOW_NEWEST, NULL};
    YdStore *store = yd_service_store(service, error);
    if (!store || !yd_service_allowed(actor, YD_RIGHT_POOLS_WRITE, error) ||
        !yd_check_choice("mode", mode, modes, error))
        return NULL;
    if (strcmp(mode, YD_FOLLOW_STAGED) == 0 && !yd_rollout_plan_has_first(plan)) {
        yd_error_invalid(error, "share",
                         "say who goes first: share, department_id or user_ids, or mode all");
        return NULL;
    }
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdPool) pool = tx ? yd_store_get(store, &yd_pool_type, pool_id, error) : NULL;
    if (!pool ||
        !yd_check_reference(store, "version_id", &yd_template_version_type, version_id, error) ||
        !check_people(store, plan, error))
        return NULL;
    g_autoptr(YdTemplateVersion) version =
        yd_store_get(store, &yd_template_version_type, version_id, error);
    g_autoptr(YdRollout) rollout =
        version ? begin(service, store, actor, pool, version, mode, plan, error) : NULL;
    if (!rollout || !yd_store_tx_commit(&tx, error))
        return NULL;
    return g_steal_pointer(&rollout);
}

// --- pause, resume, back ---

gboolean
yd_rollout_clear_targets(YdStore *store, const char *pool_id, GError **error)
{
    g_autoptr(GPtrArray) all = yd_store_all(store, &yd_desktop_type, "pool_id", pool_id, error);
    for (guint i = 0; all && i < all->len; i++) {
        YdDesktop *desktop = g_ptr_array_index(all, i);
        if (!desktop->target_version_id)
            continue;
        yd_set_string(&desktop->target_version_id, NULL);
        if (!yd_store_update(store, &yd_desktop_type, desktop, error))
            return FALSE;
    }
    return all != NULL;
}

typedef gboolean (*Change)(YdStore *store, YdRollout *rollout, GError **error);

static gboolean
not_now(const YdRollout *rollout, GError **error)
{
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "the roll-out of version %" G_GINT64_FORMAT
                " to “%s” is in state “%s”, in which that cannot be done",
                rollout->to_number, rollout->pool_name, rollout->state);
    return FALSE;
}

static gboolean
pause_it(YdStore *store, YdRollout *rollout, GError **error)
{
    if (!yd_rollout_state_lives(rollout->state) || strcmp(rollout->state, YD_ROLLOUT_BACK) == 0 ||
        strcmp(rollout->state, YD_ROLLOUT_PAUSED) == 0)
        return not_now(rollout, error);
    yd_set_string(&rollout->resumes, rollout->state);
    yd_set_string(&rollout->state, YD_ROLLOUT_PAUSED);
    yd_set_string(&rollout->reason, NULL);
    return yd_rollout_clear_targets(store, rollout->pool_id, error);
}

static gboolean
resume_it(YdStore *store, YdRollout *rollout, GError **error)
{
    (void)store;
    if (strcmp(rollout->state, YD_ROLLOUT_PAUSED) != 0)
        return not_now(rollout, error);
    yd_set_string(&rollout->state, rollout->resumes ? rollout->resumes : YD_ROLLOUT_ROLLING);
    yd_set_string(&rollout->resumes, NULL);
    yd_set_string(&rollout->reason, NULL);
    rollout->forgiven = rollout->failed;
    return TRUE;
}

static gboolean
check_way_back(YdStore *store, const YdRollout *rollout, GError **error)
{
    if (yd_rollout_state_lives(rollout->state))
        return strcmp(rollout->state, YD_ROLLOUT_BACK) != 0 || not_now(rollout, error);
    g_autoptr(YdRollout) newest = yd_store_rollout_newest(store, rollout->pool_id, error);
    if (!newest)
        return FALSE;
    if (strcmp(rollout->state, YD_ROLLOUT_DONE) != 0)
        return not_now(rollout, error);
    if (strcmp(newest->id, rollout->id) == 0 && rollout->keep_until > yd_now_ms())
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "the old system disks of “%s” are not kept any more; roll out version "
                "%" G_GINT64_FORMAT " instead",
                rollout->pool_name, rollout->from_number);
    return FALSE;
}

static gboolean
back_it(YdStore *store, YdRollout *rollout, GError **error)
{
    if (!check_way_back(store, rollout, error))
        return FALSE;
    yd_set_string(&rollout->state, YD_ROLLOUT_BACK);
    yd_set_string(&rollout->resumes, NULL);
    yd_set_string(&rollout->reason, "rolled back by hand");
    rollout->ended = rollout->keep_until = 0;
    return yd_rollout_clear_targets(store, rollout->pool_id, error);
}

static YdRollout *
change(YdService *service, const YdActor *actor, const char *id, const char *act, Change how,
       GError **error)
{
    YdStore *store = yd_service_store(service, error);
    if (!store || !yd_service_allowed(actor, YD_RIGHT_POOLS_WRITE, error))
        return NULL;
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdRollout) rollout = tx ? yd_store_get(store, &yd_rollout_type, id, error) : NULL;
    if (!rollout || !how(store, rollout, error) ||
        !yd_store_update(store, &yd_rollout_type, rollout, error) ||
        !yd_service_audit(service, actor, act, "pool", rollout->pool_id, rollout->pool_name, NULL,
                          error) ||
        !submit(service, actor, rollout, rollout->pool_name, error) ||
        !yd_store_tx_commit(&tx, error))
        return NULL;
    return g_steal_pointer(&rollout);
}

YdRollout *
yd_rollout_pause(YdService *service, const YdActor *actor, const char *id, GError **error)
{
    return change(service, actor, id, "rollout.pause", pause_it, error);
}

YdRollout *
yd_rollout_resume(YdService *service, const YdActor *actor, const char *id, GError **error)
{
    return change(service, actor, id, "rollout.resume", resume_it, error);
}

YdRollout *
yd_rollout_back(YdService *service, const YdActor *actor, const char *id, GError **error)
{
    return change(service, actor, id, "rollout.back", back_it, error);
}

// --- what else the house asks ---

YdTemplateVersion *
yd_rollout_version_for(YdStore *store, const YdPool *pool, const char *user_id, GError **error)
{
    GError *local = NULL;
    g_autoptr(YdRollout) live = yd_store_rollout_live(store, pool->id, &local);
    if (local) {
        g_propagate_error(error, local);
        return NULL;
    }
    // From "rolling" on the pool itself says the new one.
    const char *state = live ? (live->resumes ? live->resumes : live->state) : "";
    g_auto(YdRolloutPlan) plan = {0};
    if (strcmp(state, YD_ROLLOUT_STAGED) != 0 || !user_id ||
        !yd_rollout_plan_parse(live->plan, &plan, NULL))
        return NULL;
    g_autoptr(YdUser) user = yd_store_get(store, &yd_user_type, user_id, error);
    if (!user || !yd_rollout_is_first(&plan, user_id, user->department_ids))
        return NULL;
    return yd_store_get(store, &yd_template_version_type, live->to_version_id, error);
}

gboolean
yd_rollout_check_version(YdStore *store, const YdTemplateVersion *version, GError **error)
{
    gboolean rolls = FALSE;
    if (!yd_store_version_rolls(store, version->id, &rolls, error))
        return FALSE;
    if (rolls)
        g_set_error(error, YD_ERROR, YD_ERROR_IN_USE,
                    "version %" G_GINT64_FORMAT
                    " of “%s” is part of a roll-out that is under way, or whose old system disks "
                    "are still kept; let it end, or wait until they are gone (keep_hours)",
                    version->number, version->template_name);
    return !rolls;
}

// --- following ---

// A version that was rolled out once is not tried again by itself: somebody took it back.
static gboolean
was_tried(YdStore *store, const char *pool_id, const char *version_id, gboolean *ret_was,
          GError **error)
{
    g_autoptr(GPtrArray) all = yd_store_all(store, &yd_rollout_type, "pool_id", pool_id, error);
    *ret_was = FALSE;
    for (guint i = 0; all && i < all->len; i++) {
        const YdRollout *rollout = g_ptr_array_index(all, i);
        *ret_was = *ret_was || strcmp(rollout->to_version_id, version_id) == 0 ||
                   yd_rollout_state_lives(rollout->state);
    }
    return all != NULL;
}

static gboolean
follow(YdService *service, YdStore *store, const char *pool_id, GError **error)
{
    gboolean was = FALSE;
    g_auto(YdRolloutPlan) plan = {0};
    GError *local = NULL;
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdPool) pool = tx ? yd_store_get(store, &yd_pool_type, pool_id, error) : NULL;
    if (!pool)
        return FALSE;
    g_autoptr(YdTemplateVersion) newest = yd_store_newest_version(store, pool->template_id, &local);
    if (!newest || newest->number <= pool->template_number) {
        if (local)
            g_propagate_error(error, local);
        return local == NULL;
    }
    if (!was_tried(store, pool->id, newest->id, &was, error) ||
        !yd_rollout_plan_parse(pool->rollout, &plan, error))
        return FALSE;
    if (was)
        return TRUE;
    g_autoptr(YdRollout) rollout =
        begin(service, store, &yd_actor_system, pool, newest, pool->follow, &plan, error);
    return rollout && yd_store_tx_commit(&tx, error);
}

static void
follow_all(YdService *service, YdStore *store, GError **error)
{
    g_autoptr(GPtrArray) pools = yd_store_pools_following(store, error);
    for (guint i = 0; pools && i < pools->len; i++) {
        const YdPool *pool = g_ptr_array_index(pools, i);
        g_autoptr(GError) why = NULL;
        if (!follow(service, store, pool->id, &why))
            g_warning("pool %s cannot follow its template: %s, trying again later", pool->name,
                      why->message);
    }
}

// A roll-out whose job ended although it goes on.
static void
find_lost_jobs(YdService *service, YdStore *store, GError **error)
{
    g_autoptr(GPtrArray) live = yd_store_rollouts_live(store, error);
    for (guint i = 0; live && i < live->len; i++) {
        const YdRollout *rollout = g_ptr_array_index(live, i);
        g_autoptr(GError) why = NULL;
        if (!submit(service, &yd_actor_system, rollout, rollout->pool_name, &why))
            g_warning("the roll-out to %s does not go on: %s, trying again later",
                      rollout->pool_name, why->message);
    }
}

void
yd_rollout_watch(YdService *service)
{
    g_autoptr(GError) error = NULL;
    YdStore *store = yd_service_store(service, &error);
    if (store)
        follow_all(service, store, &error);
    if (store && !error)
        find_lost_jobs(service, store, &error);
    if (error)
        g_warning("roll-outs: %s, trying again later", error->message);
}

void
yd_rollout_tidy(YdService *service, gint64 now)
{
    g_autoptr(GError) error = NULL;
    YdStore *store = yd_service_store(service, &error);
    if (store)
        yd_rollout_remove_files(service, store, now);
    else
        g_warning("roll-outs: %s, trying again later", error->message);
}
