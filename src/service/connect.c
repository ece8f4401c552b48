// SPDX-License-Identifier: Apache-2.0
// The connect path: one look into the store, the guest's agent, one write. Nothing is locked in the
// store while the agent is asked; connects to one desktop go one after another, so that the second
// does not set the first one's password anew.
#include "service/connect.h"

#include <string.h>
#include <gio/gio.h>

#include "base/id.h"
#include "base/secret.h"
#include "model/desktop-state.h"
#include "model/power.h"
#include "service/ca.h"
#include "service/connection.h"
#include "service/desktop-private.h"
#include "service/rdp-file.h"
#include "service/vv-file.h"
#include "store/store-connect.h"
#include "store/store-desktops.h"

#define AGENT_SECONDS 5
#define POLICY_SECONDS 30 // a dozen processes in a guest that may be busy; only when it has changed
#define SPICE_SECONDS 120 // all of SPICE's channels have connected by then

void
yd_connect_answer_free(YdConnectAnswer *answer)
{
    if (!answer)
        return;
    g_free(answer->desktop_id);
    yd_job_free(answer->job);
    g_free(answer->id);
    g_free(answer->protocol);
    g_free(answer->host);
    yd_secret_wipe(&answer->ticket);
    g_free(answer->username);
    yd_secret_wipe(&answer->password);
    g_free(answer->file_name);
    g_free(answer->file_type);
    yd_secret_wipe(&answer->file_content);
    g_free(answer);
}

// --- what is kept for all connects ---

typedef struct {
    YdMasterKey *key;
    YdRdpSigner *signer; // NULL: files are not signed
    GMutex lock;
    GCond freed;
    GHashTable *busy; // ids of desktops that a connect is at
} Kept;

static void
kept_free(gpointer data)
{
    Kept *kept = data;
    yd_master_key_free(kept->key);
    yd_rdp_signer_free(kept->signer);
    g_hash_table_unref(kept->busy);
    g_mutex_clear(&kept->lock);
    g_cond_clear(&kept->freed);
    g_free(kept);
}

// The first connects may come at the same time: only one of them makes the master key.
static Kept *
kept_of(YdService *service, GError **error)
{
    static GMutex making;
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&making);
    Kept *kept = yd_service_part(service, "connect");
    if (kept)
        return kept;
    g_autofree char *keys = yd_ca_dir(service);
    g_autofree char *path = g_build_filename(keys, "master.key", NULL);
    g_autoptr(GError) ignored = NULL;
    g_mkdir_with_parents(keys, 0750);
    YdMasterKey *key = yd_master_key_load(path, TRUE, error);
    if (!key)
        return NULL;
    kept = g_new0(Kept, 1);
    kept->key = key;
    kept->signer = yd_rdp_signer_new(keys, &ignored);
    if (!kept->signer)
        g_message(".rdp files are not signed: %s", ignored->message);
    kept->busy = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_mutex_init(&kept->lock);
    g_cond_init(&kept->freed);
    return yd_service_set_part(service, "connect", kept, kept_free);
}

// ret_waited: somebody else was at it.
static gboolean
enter(Kept *kept, const char *desktop_id, gboolean *ret_waited, GError **error)
{
    gint64 deadline = g_get_monotonic_time() + AGENT_SECONDS * G_USEC_PER_SEC;
    gboolean entered = TRUE;
    g_mutex_lock(&kept->lock);
    *ret_waited = g_hash_table_contains(kept->busy, desktop_id);
    while (entered && g_hash_table_contains(kept->busy, desktop_id))
        entered = g_cond_wait_until(&kept->freed, &kept->lock, deadline);
    if (entered)
        g_hash_table_add(kept->busy, g_strdup(desktop_id));
    g_mutex_unlock(&kept->lock);
    if (!entered)
        g_set_error_literal(error, YD_ERROR, YD_ERROR_TIMEOUT,
                            "another connect to this desktop is still waiting for the guest");
    return entered;
}

static void
leave(Kept *kept, const char *desktop_id)
{
    g_mutex_lock(&kept->lock);
    g_hash_table_remove(kept->busy, desktop_id);
    g_cond_broadcast(&kept->freed);
    g_mutex_unlock(&kept->lock);
}

gboolean
yd_connect_hold(YdService *service, const char *desktop_id, GError **error)
{
    gboolean waited = FALSE;
    Kept *kept = kept_of(service, error);
    return kept && enter(kept, desktop_id, &waited, error);
}

void
yd_connect_let_go(YdService *service, const char *desktop_id)
{
    leave(kept_of(service, NULL), desktop_id);
}

// --- one connect ---

typedef struct {
    YdService *service;
    YdStore *store;
    const YdActor *actor;
    const YdConnectRequest *request;
    Kept *kept;
    const char *desktop_id, *protocol;
    YdConnectFacts facts;
    YdPolicy policy;
    gint64 now;
    char *password;        // to be given out
    gboolean new_password; // of the guest's account: to be sealed
    gboolean awoken;       // by this connect, which made a floating desktop's account
} Connect;

static gboolean
is_console(const Connect *c)
{
    return strcmp(c->protocol, "console") == 0;
}

// A workbench is nobody's desktop: who may see consoles has its screen by SPICE, too.
static gboolean
by_console_right(const Connect *c)
{
    return is_console(c) ||
           (strcmp(c->protocol, "spice") == 0 && !c->facts.owner_id && !c->facts.pool_id);
}

// The guest's own desktop session, by whichever client.
static gboolean
is_rdp(const Connect *c)
{
    return g_str_has_prefix(c->protocol, "rdp");
}

static gboolean
check_protocol(Connect *c, GError **error)
{
    static const char *const known[] = {"rdp", "rdp-web", "spice", "console", NULL};
    c->protocol = c->request->protocol ? c->request->protocol : c->facts.access;
    if (!c->protocol || !g_strv_contains(known, c->protocol))
        return yd_error_invalid(error, "protocol",
                                "\"%.20s\" is none of rdp, rdp-web, spice, console",
                                c->protocol ? c->protocol : "");
    if (is_rdp(c) && g_strcmp0(c->facts.access, "rdp") != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "\"%s\" has no RDP server: its template's way in is %s", c->facts.name,
                    c->facts.access ? c->facts.access : "unknown");
        return FALSE;
    }
    return TRUE;
}

// Own desktops only; somebody else's looks as if it did not exist. The console is another right.
static gboolean
authorise(Connect *c, GError **error)
{
    if (!c->facts.login_alive) {
        g_set_error_literal(error, YD_ERROR, YD_ERROR_UNAUTHENTICATED,
                            "the log-in has ended; log in again");
        return FALSE;
    }
    if (by_console_right(c))
        return yd_service_may(c->service, c->actor, YD_RIGHT_CONSOLE, &yd_desktop_type,
                              c->desktop_id, error);
    if (!yd_service_allowed(c->actor, YD_RIGHT_CONNECT, error))
        return FALSE;
    if (!c->actor->user_id || g_strcmp0(c->facts.owner_id, c->actor->user_id) != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "There is no desktop with the id “%.100s”",
                    c->desktop_id);
        return FALSE;
    }
    if (!c->facts.user_enabled) {
        g_set_error_literal(error, YD_ERROR, YD_ERROR_UNAUTHENTICATED, "the user is disabled");
        return FALSE;
    }
    if (!c->facts.entitled) {
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_ENTITLED,
                    "\"%s\" belongs to a pool that is not given to you any more; ask your "
                    "administrator",
                    c->facts.name);
        return FALSE;
    }
    return TRUE;
}

// --- not ready yet ---

static gboolean
is_state(const Connect *c, const char *state)
{
    return strcmp(c->facts.state, state) == 0;
}

// A person who was given a floating desktop that is off could not use it otherwise.
static gboolean
starts_on_connect(const Connect *c, GError **error)
{
    g_auto(YdPower) power;
    if (!yd_power_parse(c->facts.power, &power, error))
        return FALSE;
    gboolean starts = power.start_on_connect || g_strcmp0(c->facts.pool_kind, "floating") == 0;
    if (!starts)
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "\"%s\" is off, and its pool does not start desktops when somebody connects; "
                    "start it first",
                    c->facts.name);
    return starts;
}

// What has to end before the desktop can be used: the job under way, or a new start.
static YdJob *
job_to_wait_for(Connect *c, GError **error)
{
    GError *local = NULL;
    YdJob *job = yd_store_job_live(c->store, c->desktop_id, NULL, &local);
    if (job || local) {
        if (local)
            g_propagate_error(error, local);
        return job;
    }
    if (is_state(c, YD_DESKTOP_OFF) && !starts_on_connect(c, error))
        return NULL;
    if (is_state(c, YD_DESKTOP_OFF) || is_state(c, YD_DESKTOP_STOPPING) ||
        is_state(c, YD_DESKTOP_PAUSED) || is_state(c, YD_DESKTOP_SAVED))
        return yd_desktop_start(c->service, c->actor, c->desktop_id, error);
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                is_state(c, YD_DESKTOP_FAILED) ? "\"%s\" has %s; an administrator can rebuild it"
                                               : "\"%s\" is %s; try again in a moment",
                c->facts.name, c->facts.state);
    return NULL;
}

static gboolean
can_be_used(const Connect *c)
{
    if (is_state(c, YD_DESKTOP_READY))
        return TRUE;
    // The screen is there from power-on.
    return !is_rdp(c) && is_state(c, YD_DESKTOP_PREPARING);
}

// --- passwords ---

static gboolean
agent_error(const Connect *c, GError *why, GError **error)
{
    gboolean hangs = g_error_matches(why, YD_ERROR, YD_ERROR_TIMEOUT);
    g_set_error(error, YD_ERROR, hangs ? YD_ERROR_TIMEOUT : why->code,
                hangs ? "the guest agent of \"%s\" does not answer; reboot the desktop (%s)"
                      : "the guest agent of \"%s\" failed: %s",
                c->facts.name, why->message);
    g_error_free(why);
    return FALSE;
}

static gboolean
session_lives(const Connect *c, YdHypervisor *hv, gboolean *ret_lives, GError **error)
{
    g_autoptr(GPtrArray) users = yd_hypervisor_agent_users(hv, c->facts.uuid, AGENT_SECONDS, error);
    if (!users)
        return FALSE;
    *ret_lives = g_ptr_array_find_with_equal_func(users, c->facts.username, g_str_equal, NULL);
    return TRUE;
}

// The living one: of the last minute (whoever got it has yet to use it), or of a session that lives
// in the guest. NULL: a new one is needed.
static char *
living_password(const Connect *c, YdHypervisor *hv, GError **error)
{
    gboolean lives = FALSE;
    g_autoptr(GError) ignored = NULL;
    if (!c->facts.sealed)
        return NULL;
    g_autoptr(YdSecret) secret = yd_secret_unseal(c->kept->key, c->facts.sealed, &ignored);
    if (!secret) {
        g_message("the kept password of %s cannot be opened: %s; making a new one", c->desktop_id,
                  ignored->message);
        return NULL;
    }
    gint64 young = yd_service_config(c->service)->first_use_seconds * 1000;
    if (c->now - c->facts.sealed_changed >= young && !session_lives(c, hv, &lives, error))
        return NULL;
    if (c->now - c->facts.sealed_changed >= young && !lives)
        return NULL;
    return g_strdup(yd_secret_reveal(secret));
}

// A floating desktop was prepared for nobody: without a password its person may have no account.
static gboolean
floating_account(const Connect *c, YdHypervisor *hv, GError **error)
{
    GError *local = NULL;
    return g_strcmp0(c->facts.pool_kind, "floating") != 0 || c->facts.sealed || c->awoken ||
           g_strcmp0(c->facts.os, "linux") != 0 ||
           yd_desk_make_account(hv, c->facts.uuid,
                                &(YdDeskAccount){.username = c->facts.username,
                                                 .uid = c->facts.uid,
                                                 .timeout = POLICY_SECONDS},
                                &local) ||
           agent_error(c, local, error);
}

static gboolean
account_password(Connect *c, YdHypervisor *hv, GError **error)
{
    GError *local = NULL;
    if (c->new_password) // it got one when it was woken
        return TRUE;
    if (!floating_account(c, hv, error))
        return FALSE;
    c->password = living_password(c, hv, &local);
    if (local)
        return agent_error(c, local, error);
    if (c->password)
        return TRUE;
    c->password = yd_password_random();
    c->new_password = TRUE;
    if (!yd_hypervisor_agent_set_password(hv, c->facts.uuid, c->facts.username, c->password,
                                          g_strcmp0(c->facts.os, "linux") == 0, AGENT_SECONDS,
                                          &local))
        return agent_error(c, local, error);
    return TRUE;
}

// Before the ticket is there, so that nobody comes in under the former policy.
static gboolean
tell_policy(const Connect *c, YdHypervisor *hv, GError **error)
{
    GError *local = NULL;
    return g_strcmp0(c->facts.os, "linux") != 0 ||
           yd_desk_policy_apply(c->service, hv, c->desktop_id, c->facts.uuid, &c->policy,
                                POLICY_SECONDS, &local) ||
           agent_error(c, local, error);
}

// The guest's certificate has to have the name that the client will look for.
static gboolean
fit_certificate(const Connect *c, YdHypervisor *hv, GError **error)
{
    GError *local = NULL;
    return g_strcmp0(c->facts.os, "linux") != 0 || !c->facts.certificate ||
           !yd_desk_certificate_is_due(c->facts.dns_name, c->facts.certificate_name,
                                       c->facts.certificate_expires, c->now) ||
           yd_desk_certificate_renew(c->service, hv, c->desktop_id, POLICY_SECONDS, &local) ||
           agent_error(c, local, error);
}

// People can do nothing about a host; they are told what happens.
static gboolean
host_answers(const Connect *c, YdHypervisor *hv, GError **error)
{
    if (yd_hypervisor_alive(hv))
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                "the host of \"%s\" does not answer; the desktop goes on when it does again, or "
                "starts on another host once this one is surely off; try again in a minute",
                c->facts.name);
    return FALSE;
}

static gboolean
make_password(Connect *c, GError **error)
{
    YdHypervisor *hv = yd_service_hypervisor(c->service, c->facts.host_id, error);
    if (!hv || !host_answers(c, hv, error))
        return FALSE;
    if (is_console(c))
        return TRUE;
    if (is_rdp(c))
        return tell_policy(c, hv, error) && fit_certificate(c, hv, error) &&
               account_password(c, hv, error);
    c->password = yd_password_random();
    return yd_hypervisor_set_spice_password(hv, c->facts.uuid, c->password,
                                            c->now / 1000 + SPICE_SECONDS, error);
}

// --- the row and the answer ---

static YdConnection *
connection_row(const Connect *c, const char *ticket)
{
    const YdServiceConfig *config = yd_service_config(c->service);
    YdConnection *row = yd_connection_new();
    const char *address = c->request->address ? c->request->address : c->actor->address;
    row->desktop_id = g_strdup(c->desktop_id);
    row->user_id = g_strdup(c->actor->user_id);
    row->login_id = g_strdup(c->actor->login_id);
    row->protocol = g_strdup(c->protocol);
    row->ticket_hash = yd_token_hash(ticket);
    row->client_address = g_strdup(address);
    row->source = g_strdup(c->policy.source);
    row->state = g_strdup("new");
    row->expires = c->now + config->first_use_seconds * 1000;
    row->score = -1;
    return row;
}

// While the guest was asked a floating desktop may have been taken back.
static gboolean
still_usable(const Connect *c, GError **error)
{
    g_autoptr(YdDesktop) desktop = yd_store_get(c->store, &yd_desktop_type, c->desktop_id, error);
    if (!desktop)
        return FALSE;
    if ((by_console_right(c) || g_strcmp0(desktop->user_id, c->actor->user_id) == 0) &&
        yd_desktop_state_runs(desktop->state))
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE, "\"%s\" has just been taken back; connect again",
                desktop->name);
    return FALSE;
}

static gboolean
store_connection(Connect *c, YdConnection *row, GError **error)
{
    g_autofree char *sealed = c->new_password ? yd_secret_seal(c->kept->key, c->password) : NULL;
    g_autoptr(YdStoreTx) tx = yd_store_tx(c->store, error);
    return tx && still_usable(c, error) &&
           yd_store_insert(c->store, &yd_connection_type, row, error) &&
           (!sealed || yd_store_secret_put(c->store, c->desktop_id, sealed, error)) &&
           yd_service_audit(c->service, c->actor, "connection.create", "desktop", c->desktop_id,
                            c->facts.name, NULL, error) &&
           yd_store_tx_commit(&tx, error);
}

static char *
file_name(const char *desktop, const char *suffix)
{
    GString *name = g_string_new(NULL);
    for (const char *ch = desktop; *ch; ch++) {
        gboolean bad = (guchar)*ch < 0x20 || *ch == 0x7f || strchr("/\\:*?\"<>|", *ch);
        g_string_append_c(name, bad ? '-' : *ch);
    }
    g_string_append(name, suffix);
    return g_string_free(name, FALSE);
}

static gboolean
is_loopback(const char *host)
{
    g_autoptr(GInetAddress) address = g_inet_address_new_from_string(host);
    return strcmp(host, "localhost") == 0 || (address && g_inet_address_get_is_loopback(address));
}

static gboolean
add_rdp_file(const Connect *c, YdConnectAnswer *answer, GError **error)
{
    // By its own name, which its certificate has, where desktops have names.
    if (c->facts.dns_name) {
        g_free(answer->host);
        answer->host = g_strdup(c->facts.dns_name);
    }
    const YdRdpFile file = {.host = answer->host,
                            .port = answer->port,
                            .ticket = answer->ticket,
                            .username = c->facts.username,
                            .name = c->facts.name,
                            .policy = &c->policy};
    answer->username = g_strdup(c->facts.username);
    answer->file_name = file_name(c->facts.name, ".rdp");
    answer->file_type = g_strdup("application/x-rdp");
    char *text = yd_rdp_file(&file);
    answer->file_content =
        c->kept->signer ? yd_rdp_file_sign(c->kept->signer, text, error) : g_strdup(text);
    yd_secret_wipe(&text);
    return answer->file_content != NULL;
}

static gboolean
add_vv_file(const Connect *c, YdConnectAnswer *answer)
{
    const YdServiceConfig *config = yd_service_config(c->service);
    const YdVvFile file = {.host = answer->host,
                           .port = answer->port,
                           .ticket = answer->ticket,
                           .password = answer->password,
                           .desktop_id = c->desktop_id,
                           .name = c->facts.name,
                           .tls = !config->spice_plain && !is_loopback(answer->host),
                           .policy = &c->policy};
    answer->file_name = file_name(c->facts.name, ".vv");
    answer->file_type = g_strdup("application/x-virt-viewer");
    answer->file_content = yd_vv_file(&file);
    return TRUE;
}

static gboolean
fill_answer(Connect *c, YdConnectAnswer *answer, GError **error)
{
    const YdServiceConfig *config = yd_service_config(c->service);
    const YdConnectRequest *request = c->request;
    gboolean named = config->public_host != NULL;
    answer->protocol = g_strdup(c->protocol);
    answer->host = g_strdup(named           ? config->public_host
                            : request->host ? request->host
                                            : "localhost");
    answer->port = !named && request->port ? request->port : config->public_port;
    answer->ticket = yd_token_new(32);
    if (strcmp(c->protocol, "rdp-web") ==
        0) { // the gate logs the person in: browsers see no password
        yd_secret_wipe(&c->password);
        return TRUE;
    }
    answer->password = g_steal_pointer(&c->password);
    if (strcmp(c->protocol, "rdp") == 0)
        return add_rdp_file(c, answer, error);
    return is_console(c) || add_vv_file(c, answer);
}

// Told here, where a person reads it; the ticket is looked at again when it is used.
static gboolean
user_has_room(Connect *c, GError **error)
{
    gboolean room = FALSE;
    guint limit = 0;
    if (!yd_connection_has_room(c->service, c->actor->user_id, &room, &limit, error))
        return FALSE;
    if (!room)
        g_set_error(error, YD_ERROR, YD_ERROR_LIMIT, YD_TOO_MANY_SESSIONS, limit);
    return room;
}

static gboolean
connect_ready(Connect *c, YdConnectAnswer *answer, GError **error)
{
    if (!user_has_room(c, error))
        return FALSE;
    if (!make_password(c, error))
        return FALSE;
    g_autofree char *sealed_password = c->new_password ? g_strdup(c->password) : NULL;
    if (!fill_answer(c, answer, error))
        return FALSE;
    c->password = g_steal_pointer(&sealed_password);
    g_autoptr(YdConnection) row = connection_row(c, answer->ticket);
    if (!store_connection(c, row, error))
        return FALSE;
    answer->id = g_strdup(row->id);
    answer->expires = row->expires;
    answer->idle_seconds = c->policy.idle_seconds;
    answer->idle_notice_seconds = c->policy.idle_notice_seconds;
    answer->clipboard = c->policy.clipboard;
    return TRUE;
}

static gboolean
read_facts(Connect *c, GError **error)
{
    yd_connect_facts_clear(&c->facts);
    c->now = yd_now_ms();
    return yd_store_connect_facts(c->store, c->desktop_id, c->actor->login_id, c->now, &c->facts,
                                  error) &&
           check_protocol(c, error) && authorise(c, error);
}

static gboolean
wait_for_it(Connect *c, YdConnectAnswer *answer, GError **error)
{
    answer->job = job_to_wait_for(c, error);
    return answer->job != NULL;
}

// A floating desktop that its person has had no password for gets one with the account, while it
// wakes; NULL: not that.
static char *
early_hash(Connect *c)
{
    if (!is_rdp(c) || g_strcmp0(c->facts.pool_kind, "floating") != 0 || c->facts.sealed ||
        g_strcmp0(c->facts.os, "linux") != 0)
        return NULL;
    c->password = yd_password_random();
    return yd_password_crypt(c->password);
}

// A paused desktop runs within this call; one whose machine has ended meanwhile is off afterwards.
static gboolean
wake(Connect *c, GError **error)
{
    GError *local = NULL;
    g_autoptr(YdJob) job = is_state(c, YD_DESKTOP_PAUSED)
                               ? yd_store_job_live(c->store, c->desktop_id, NULL, &local)
                               : NULL;
    if (local) {
        g_propagate_error(error, local);
        return FALSE;
    }
    if (!is_state(c, YD_DESKTOP_PAUSED) || job) // being saved, say: waited for
        return TRUE;
    g_autofree char *hash = early_hash(c);
    c->awoken = yd_desk_wake(c->service, c->store, c->desktop_id, hash, &c->new_password, &local);
    if (!c->new_password)
        yd_secret_wipe(&c->password);
    if (!read_facts(c, error)) {
        g_clear_error(&local);
        return FALSE;
    }
    if (c->awoken || is_state(c, YD_DESKTOP_OFF)) {
        g_clear_error(&local);
        return TRUE;
    }
    return agent_error(c, local, error);
}

static gboolean
connect_desktop(Connect *c, YdConnectAnswer *answer, GError **error)
{
    if (!read_facts(c, error))
        return FALSE;
    gboolean waited = FALSE, asleep = is_state(c, YD_DESKTOP_PAUSED);
    if (!can_be_used(c) && !asleep)
        return wait_for_it(c, answer, error);
    if (!yd_policy_parse(c->facts.policy, &c->policy, error) ||
        !enter(c->kept, c->desktop_id, &waited, error))
        return FALSE;
    // Whoever was at it before may have changed the password, or let it sleep.
    gboolean good = (!waited && !asleep) || (read_facts(c, error) && wake(c, error));
    gboolean ready = good && can_be_used(c);
    if (ready)
        good = connect_ready(c, answer, error);
    leave(c->kept, c->desktop_id);
    return ready || !good ? good : wait_for_it(c, answer, error);
}

gboolean
yd_connect_unseal(YdService *service, const char *sealed, char **ret_password, GError **error)
{
    Kept *kept = kept_of(service, error);
    g_autoptr(YdSecret) secret = kept && sealed ? yd_secret_unseal(kept->key, sealed, error) : NULL;
    if (!secret) {
        if (kept && !sealed)
            g_set_error_literal(error, YD_ERROR, YD_ERROR_STATE,
                                "the desktop's account has no password yet");
        return FALSE;
    }
    *ret_password = g_strdup(yd_secret_reveal(secret));
    return TRUE;
}

YdConnectAnswer *
yd_connect(YdService *service, const YdActor *actor, const YdConnectRequest *request,
           GError **error)
{
    g_autoptr(YdConnectAnswer) answer = g_new0(YdConnectAnswer, 1);
    Connect c = {.service = service, .actor = actor, .request = request};
    c.store = yd_service_store(service, error);
    c.kept = c.store ? kept_of(service, error) : NULL;
    if (!c.kept)
        return NULL;
    if ((request->desktop_id != NULL) == (request->pool_id != NULL)) {
        yd_error_invalid(error, "desktop_id", "give either a desktop or a pool");
        return NULL;
    }
    if (request->pool_id) {
        g_autoptr(YdDesktop) desktop = NULL;
        if (!yd_desktop_derive(service, actor, request->pool_id, &desktop, &answer->job, error))
            return NULL;
        answer->desktop_id = g_strdup(desktop->id);
        if (answer->job)
            return g_steal_pointer(&answer);
    } else {
        answer->desktop_id = g_strdup(request->desktop_id);
    }
    c.desktop_id = answer->desktop_id;
    gboolean good = connect_desktop(&c, answer, error);
    yd_connect_facts_clear(&c.facts);
    yd_secret_wipe(&c.password);
    return good ? g_steal_pointer(&answer) : NULL;
}
