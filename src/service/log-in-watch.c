// SPDX-License-Identifier: Apache-2.0
// Asks guests who is logged in. A guest whose agent hangs costs one of the threads a few seconds
// now and then, and when its time is over its connection counts as unknown.
#include "service/log-in-watch.h"

#include <string.h>

#include "base/log.h"
#include "service/connection.h"
#include "store/store-connect.h"

#define THREADS 8
#define AGENT_SECONDS 5      // a busy emulated guest needs some for a script
#define FIRST_MS 1000        // before it no guest has logged anybody in
#define OFTEN_MS (20 * 1000) // until then at each sweep, later at every fourth
#define SWEEP_MS 2000

typedef struct {
    YdService *service;
    GMutex lock;
    GHashTable *busy;  // ids of connections with a look queued or under way; lock
    GThreadPool *pool; // NULL after the stop; lock
    gint stopping;     // atomic
} Watch;

typedef struct {
    char *id, *desktop_id;
    gint64 began, now;
} Look;

static void
look_free(gpointer data)
{
    Look *look = data;
    g_free(look->id);
    g_free(look->desktop_id);
    g_free(look);
}

// --- what the guest says ---

// xrdp keeps one socket for each session, connected while a client is attached to it; a log-in box
// has none. Its sesman writes refused log-ins down with their time.
const char *
yd_log_in_script(void)
{
    return "R=${YUNDESK_ROOT:-}\n"
           "[ -d \"$R/run/xrdp\" ] || { echo none; exit 0; }\n"
           "attached=$(grep -c ' 03 *[0-9]* .*xrdp_display_' \"$R/proc/net/unix\")\n"
           "clients=$(cat \"$R/proc/net/tcp\" \"$R/proc/net/tcp6\" 2>/dev/null |\n"
           "    grep -c '^ *[0-9]*: [0-9A-F]*:0D3D [0-9A-F:]* 01 ')\n"
           "wrong=$(sed -n \"s/.*AUTHFAIL: user=$1 .*time=\\([0-9]*\\).*/\\1/p\" \\\n"
           "    \"$R/var/log/xrdp-sesman.log\" \"$R/var/log/xrdp-sesexec.log\" 2>/dev/null |\n"
           "    sort -n | tail -n 1)\n"
           "age=$(($(date +%s) - ${wrong:-0}))\n"
           "if [ \"$age\" -le \"$2\" ] && [ \"$attached\" -lt \"$clients\" ]; then echo refused\n"
           "elif [ \"$attached\" -gt 0 ]; then echo in\n"
           "else echo waiting\n"
           "fi\n";
}

gboolean
yd_log_in_answer(const char *output, YdLogIn *ret)
{
    static const struct {
        const char *word;
        YdLogIn means;
    } words[] = {
        {"in\n", YD_LOG_IN_IN}, {"refused\n", YD_LOG_IN_REFUSED}, {"waiting\n", YD_LOG_IN_NOT_YET}};
    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
        if (g_strcmp0(output, words[i].word) == 0) {
            *ret = words[i].means;
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean
ask_xrdp(YdHypervisor *hv, const YdConnectFacts *facts, const Look *look, YdLogIn *ret,
         GError **error)
{
    // The guest's clock counts whole seconds.
    g_autofree char *age =
        g_strdup_printf("%" G_GINT64_FORMAT, (look->now - look->began) / 1000 + 1);
    const char *const argv[] = {"/bin/sh", "-c", yd_log_in_script(), "sh", facts->username,
                                age,       NULL};
    g_autofree char *output = NULL;
    int status = 0;
    *ret = YD_LOG_IN_UNKNOWN;
    if (!yd_hypervisor_agent_exec(hv, facts->uuid, argv, NULL, AGENT_SECONDS, &status, &output,
                                  error))
        return FALSE;
    if (status == 0)
        yd_log_in_answer(output, ret);
    return TRUE;
}

static gboolean
ask_users(YdHypervisor *hv, const YdConnectFacts *facts, YdLogIn *ret, GError **error)
{
    g_autoptr(GPtrArray) users = yd_hypervisor_agent_users(hv, facts->uuid, AGENT_SECONDS, error);
    if (!users)
        return FALSE;
    gboolean in = g_ptr_array_find_with_equal_func(users, facts->username, g_str_equal, NULL);
    *ret = in ? YD_LOG_IN_IN : YD_LOG_IN_NOT_YET;
    return TRUE;
}

// The time is over: a session that lives all the same says that xrdp was misread, and nobody is
// thrown out for that.
static gboolean
doubt(YdHypervisor *hv, const YdConnectFacts *facts, YdLogIn *ret, GError **error)
{
    if (!ask_users(hv, facts, ret, error))
        return FALSE;
    if (*ret == YD_LOG_IN_IN)
        *ret = YD_LOG_IN_UNKNOWN;
    return TRUE;
}

static gboolean
ask(YdService *service, YdStore *store, const Look *look, YdLogIn *ret, GError **error)
{
    g_auto(YdConnectFacts) facts = {0};
    *ret = YD_LOG_IN_UNKNOWN;
    if (!yd_store_connect_facts(store, look->desktop_id, NULL, look->now, &facts, error))
        return FALSE;
    YdHypervisor *hv = facts.host_id ? yd_service_hypervisor(service, facts.host_id, error) : NULL;
    if (!hv || !facts.username)
        return hv != NULL;
    if (g_strcmp0(facts.os, "linux") == 0 && !ask_xrdp(hv, &facts, look, ret, error))
        return FALSE;
    if (*ret == YD_LOG_IN_UNKNOWN)
        return ask_users(hv, &facts, ret, error);
    gint64 patience = yd_service_config(service)->log_in_seconds * 1000;
    return *ret != YD_LOG_IN_NOT_YET || look->now - look->began <= patience ||
           doubt(hv, &facts, ret, error);
}

static void
run_look(gpointer data, gpointer user_data)
{
    Look *look = data;
    Watch *watch = user_data;
    g_autoptr(GError) error = NULL;
    const YdLogFields fields = {.session = look->id, .desktop = look->desktop_id};
    YdStore *store = yd_service_store(watch->service, &error);
    gint64 patience = yd_service_config(watch->service)->log_in_seconds * 1000;
    YdLogIn verdict = YD_LOG_IN_UNKNOWN;
    if (g_atomic_int_get(&watch->stopping)) {
        look_free(look);
        return;
    }
    if (store && !ask(watch->service, store, look, &verdict, &error)) {
        gboolean late = look->now - look->began > patience;
        yd_log(late ? G_LOG_LEVEL_MESSAGE : G_LOG_LEVEL_DEBUG, &fields,
               "the guest does not tell who is logged in: %s", error->message);
        verdict = late ? YD_LOG_IN_UNKNOWN : YD_LOG_IN_NOT_YET; // it may only be busy
        g_clear_error(&error);
    }
    if (!store || !yd_connection_logged_in(watch->service, look->id, verdict, look->now, &error))
        yd_log(G_LOG_LEVEL_WARNING, &fields, "a log-in could not be noted: %s, ignoring",
               error->message);
    g_mutex_lock(&watch->lock);
    g_hash_table_remove(watch->busy, look->id);
    g_mutex_unlock(&watch->lock);
    look_free(look);
}

// --- the threads ---

static void
stop(Watch *watch)
{
    g_mutex_lock(&watch->lock);
    GThreadPool *pool = g_steal_pointer(&watch->pool);
    g_mutex_unlock(&watch->lock);
    // Those that wait end at once (run_look). GLib would forget one that a thread has just taken.
    g_atomic_int_set(&watch->stopping, TRUE);
    if (pool)
        g_thread_pool_free(pool, FALSE, TRUE);
}

static void
watch_free(gpointer data)
{
    Watch *watch = data;
    stop(watch);
    g_hash_table_unref(watch->busy);
    g_mutex_clear(&watch->lock);
    g_free(watch);
}

static Watch *
watch_of(YdService *service)
{
    Watch *watch = yd_service_part(service, "log-in-watch");
    if (watch)
        return watch;
    watch = g_new0(Watch, 1);
    watch->service = service;
    g_mutex_init(&watch->lock);
    watch->busy = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    watch->pool = g_thread_pool_new_full(run_look, watch, look_free, THREADS, FALSE, NULL);
    return yd_service_set_part(service, "log-in-watch", watch, watch_free);
}

static gboolean
is_due(const YdConnection *connection, gint64 now)
{
    gint64 age = now - connection->first_used;
    return age >= FIRST_MS && (age < OFTEN_MS || age / SWEEP_MS % 4 == 0);
}

void
yd_log_in_watch(YdService *service, const YdConnection *connection, gint64 now)
{
    if (!is_due(connection, now))
        return;
    Watch *watch = watch_of(service);
    g_mutex_lock(&watch->lock);
    if (watch->pool && g_hash_table_add(watch->busy, g_strdup(connection->id))) {
        Look *look = g_new0(Look, 1);
        look->id = g_strdup(connection->id);
        look->desktop_id = g_strdup(connection->desktop_id);
        look->began = connection->first_used;
        look->now = now;
        g_thread_pool_push(watch->pool, look, NULL);
    }
    g_mutex_unlock(&watch->lock);
}

void
yd_log_in_watch_stop(YdService *service)
{
    Watch *watch = yd_service_part(service, "log-in-watch");
    if (watch)
        stop(watch);
}
