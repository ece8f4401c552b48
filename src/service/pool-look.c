// SPDX-License-Identifier: Apache-2.0
// Questions to guests, and what follows from the answers.
#include "service/pool-look.h"

#include <string.h>

#include "base/id.h"
#include "service/desktop-private.h"
#include "service/floating.h"
#include "service/pool-keeper.h"
#include "store/store-desktops.h"

#define THREADS 4
#define AGENT_SECONDS 5

typedef struct {
    YdService *service;
    GMutex lock;
    GCond changed;
    GHashTable *busy;  // ids of desktops; lock
    GThreadPool *pool; // NULL after the stop; lock
} Looks;

typedef struct {
    char *id, *uuid, *host_id, *user_id, *username;
    gint64 taken;
    YdLookFor what;
} Question;

static void
question_free(gpointer data)
{
    Question *q = data;
    char *texts[] = {q->id, q->uuid, q->host_id, q->user_id, q->username};
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(texts[i]);
    g_free(q);
}

const char *
yd_pool_hold_script(void)
{
    return "R=${YUNDESK_ROOT:-}\n"
           "if [ -e \"$R/run/yundesk/hold\" ]; then echo held\n"
           "elif [ -x \"$R/etc/yundesk/hold\" ] && \"$R/etc/yundesk/hold\" </dev/null >/dev/null "
           "2>&1\n"
           "then echo held\n"
           "fi\n";
}

static gboolean
is_held(YdHypervisor *hv, const Question *q, gboolean *ret_held, GError **error)
{
    g_autofree char *output = NULL;
    int status = 0;
    if (!yd_hypervisor_agent_shell(hv, q->uuid, yd_pool_hold_script(), AGENT_SECONDS, &status,
                                   &output, error))
        return FALSE;
    *ret_held = strcmp(output, "held") == 0;
    return TRUE;
}

static gboolean
logged_off(YdService *service, YdHypervisor *hv, const Question *q, GError **error)
{
    g_autoptr(GPtrArray) users = yd_hypervisor_agent_users(hv, q->uuid, AGENT_SECONDS, error);
    if (!users)
        return FALSE;
    return g_ptr_array_find_with_equal_func(users, q->username, g_str_equal, NULL) ||
           yd_floating_release(service, q->id, q->taken, "the person logged off", FALSE, error);
}

// The desktop may have got a job or a session meanwhile; the jobs themselves look for sessions.
static gboolean
go_down(YdService *service, const Question *q, GError **error)
{
    static const char *const kinds[] = {[YD_LOOK_PAUSE] = "desktop-pause",
                                        [YD_LOOK_SAVE] = "desktop-save",
                                        [YD_LOOK_SHUT_DOWN] = "desktop-shutdown"};
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdStoreTx) tx = store ? yd_store_tx(store, error) : NULL;
    GError *local = NULL;
    if (!tx)
        return FALSE;
    g_autoptr(YdIdleFacts) facts = yd_store_idle_facts_of(store, q->id, &local);
    if (local) {
        g_propagate_error(error, local);
        return FALSE;
    }
    if (!facts || facts->sessions > 0 || strcmp(facts->state, YD_DESKTOP_READY) != 0)
        return TRUE;
    g_autoptr(YdDesktop) desktop = yd_store_get(store, &yd_desktop_type, q->id, error);
    g_autoptr(YdJob) job = desktop ? yd_job_submit(service, &yd_actor_system, kinds[q->what], q->id,
                                                   desktop->name, NULL, NULL, error)
                                   : NULL;
    return job && yd_store_tx_commit(&tx, error);
}

// A guest that does not answer does not hold: else one that hangs would run for ever.
static gboolean
ask(YdService *service, const Question *q, GError **error)
{
    YdHypervisor *hv = yd_service_hypervisor(service, q->host_id, error);
    g_autoptr(GError) silent = NULL;
    gboolean held = FALSE;
    if (!hv)
        return FALSE;
    if (q->what == YD_LOOK_LOGGED_OFF)
        return logged_off(service, hv, q, error);
    if (!is_held(hv, q, &held, &silent))
        g_debug("%s: %s: it counts as not held", q->id, silent->message);
    return held || go_down(service, q, error);
}

static void
run_question(gpointer data, gpointer user_data)
{
    Question *q = data;
    Looks *looks = user_data;
    g_autoptr(GError) error = NULL;
    if (!ask(looks->service, q, &error))
        g_debug("%s: %s, looking again later", q->id, error ? error->message : "no reason");
    g_mutex_lock(&looks->lock);
    g_hash_table_remove(looks->busy, q->id);
    g_cond_broadcast(&looks->changed);
    g_mutex_unlock(&looks->lock);
    question_free(q);
}

static void
stop(Looks *looks)
{
    g_mutex_lock(&looks->lock);
    GThreadPool *pool = g_steal_pointer(&looks->pool);
    g_mutex_unlock(&looks->lock);
    if (pool)
        g_thread_pool_free(pool, FALSE, TRUE);
}

static void
looks_free(gpointer data)
{
    Looks *looks = data;
    stop(looks);
    g_hash_table_unref(looks->busy);
    g_mutex_clear(&looks->lock);
    g_cond_clear(&looks->changed);
    g_free(looks);
}

static Looks *
looks_of(YdService *service)
{
    Looks *looks = yd_service_part(service, "pool-looks");
    if (looks)
        return looks;
    looks = g_new0(Looks, 1);
    looks->service = service;
    g_mutex_init(&looks->lock);
    g_cond_init(&looks->changed);
    looks->busy = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    looks->pool = g_thread_pool_new(run_question, looks, THREADS, FALSE, NULL);
    return yd_service_set_part(service, "pool-looks", looks, looks_free);
}

void
yd_pool_look(YdService *service, const YdIdleFacts *facts, YdLookFor what)
{
    Looks *looks = looks_of(service);
    g_mutex_lock(&looks->lock);
    if (looks->pool && !g_hash_table_contains(looks->busy, facts->id)) {
        Question *q = g_new0(Question, 1);
        q->id = g_strdup(facts->id);
        q->uuid = g_strdup(facts->uuid);
        q->host_id = g_strdup(facts->host_id);
        q->user_id = g_strdup(facts->user_id);
        q->username = g_strdup(facts->username ? facts->username : "");
        q->taken = facts->taken;
        q->what = what;
        g_hash_table_add(looks->busy, g_strdup(facts->id));
        g_thread_pool_push(looks->pool, q, NULL);
    }
    g_mutex_unlock(&looks->lock);
}

void
yd_pool_keep_wait(YdService *service)
{
    Looks *looks = looks_of(service);
    g_mutex_lock(&looks->lock);
    while (g_hash_table_size(looks->busy) > 0)
        g_cond_wait(&looks->changed, &looks->lock);
    g_mutex_unlock(&looks->lock);
}

void
yd_pool_keep_stop(YdService *service)
{
    stop(looks_of(service));
}
