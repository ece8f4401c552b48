// SPDX-License-Identifier: Apache-2.0
// Calls to guest agents. A guest may let its agent hang, and libvirt has no asynchronous call, so:
//
//  - one call at a time for each guest, waited for here (in libvirt the waiting would take up one
//    of the daemon's workers and 30 s);
//  - calls go over connections of their own, at most SLOTS_PER_CONN at a time on each, since a
//    libvirt daemon serves at most max_client_requests (5) calls of one connection at once: hung
//    agents never hold up the connection that starts and watches machines;
//  - guests whose last call timed out share two slots, so that they never hold up healthy ones.
#include "hypervisor/agent-json.h"
#include "hypervisor/libvirt-private.h"
#include "base/json-util.h"
#include "base/secret.h"

#include <libvirt/libvirt-qemu.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_PER_CONN 3
#define CONNS 3
#define SLOTS (SLOTS_PER_CONN * CONNS)
#define SUSPECT_SLOTS SLOTS_PER_CONN // the last connection's
#define SHUTDOWN_SECONDS 5
#define POLL_FIRST_US (10 * 1000) // grows by a quarter: what is waited in vain is a quarter at most
#define POLL_MAX_US (500 * 1000)

struct guest {
    gboolean busy, suspect;
    guint waiting;
};

struct _YdLibvirtAgents {
    GMutex lock;
    GCond changed;
    GHashTable *guests; // uuid -> struct guest; all here under lock
    gboolean taken[SLOTS];
    struct {
        GMutex lock; // may be held while connecting
        virConnect *conn;
    } conns[CONNS];
};

// One verb of ours: the guest's turn, held over several commands.
struct call {
    YdHypervisor *hv;
    YdLibvirtAgents *agents;
    const char *uuid;
    gint64 deadline;
};

YdLibvirtAgents *
yd_libvirt_agents_new(void)
{
    YdLibvirtAgents *agents = g_new0(YdLibvirtAgents, 1);
    g_mutex_init(&agents->lock);
    g_cond_init(&agents->changed);
    for (guint i = 0; i < CONNS; i++)
        g_mutex_init(&agents->conns[i].lock);
    agents->guests = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return agents;
}

void
yd_libvirt_agents_free(YdLibvirtAgents *agents)
{
    for (guint i = 0; i < CONNS; i++) {
        if (agents->conns[i].conn)
            virConnectClose(agents->conns[i].conn);
        g_mutex_clear(&agents->conns[i].lock);
    }
    g_hash_table_unref(agents->guests);
    g_mutex_clear(&agents->lock);
    g_cond_clear(&agents->changed);
    g_free(agents);
}

static gboolean
timed_out(GError **error, const char *uuid)
{
    g_set_error(error, YD_ERROR, YD_ERROR_TIMEOUT,
                "the guest agent of machine '%s' does not answer", uuid);
    return FALSE;
}

static struct guest *
guest_of(YdLibvirtAgents *agents, const char *uuid)
{
    struct guest *guest = g_hash_table_lookup(agents->guests, uuid);
    if (!guest) {
        guest = g_new0(struct guest, 1);
        g_hash_table_insert(agents->guests, g_strdup(uuid), guest);
    }
    return guest;
}

static gboolean
begin(struct call *call, YdHypervisor *hv, const char *uuid, guint timeout, GError **error)
{
    YdLibvirtAgents *agents = ((YdLibvirt *)hv)->agents;
    *call = (struct call){hv, agents, uuid,
                          g_get_monotonic_time() + (gint64)MAX(timeout, 1) * G_USEC_PER_SEC};
    gboolean mine = TRUE;
    g_mutex_lock(&agents->lock);
    struct guest *guest = guest_of(agents, uuid);
    guest->waiting++;
    while (mine && guest->busy)
        mine = g_cond_wait_until(&agents->changed, &agents->lock, call->deadline);
    guest->waiting--;
    if (mine)
        guest->busy = TRUE;
    g_mutex_unlock(&agents->lock);
    return mine || timed_out(error, uuid);
}

static void
end(struct call *call)
{
    YdLibvirtAgents *agents = call->agents;
    g_mutex_lock(&agents->lock);
    struct guest *guest = g_hash_table_lookup(agents->guests, call->uuid);
    guest->busy = FALSE;
    if (!guest->waiting && !guest->suspect)
        g_hash_table_remove(agents->guests, call->uuid);
    g_cond_broadcast(&agents->changed);
    g_mutex_unlock(&agents->lock);
}

// -1: none became free in time.
static int
take_slot(struct call *call)
{
    YdLibvirtAgents *agents = call->agents;
    int found = -1;
    g_mutex_lock(&agents->lock);
    const struct guest *guest = g_hash_table_lookup(agents->guests, call->uuid);
    int first = guest->suspect ? SLOTS - SUSPECT_SLOTS : 0;
    int last = guest->suspect ? SLOTS : SLOTS - SUSPECT_SLOTS;
    gboolean in_time = TRUE;
    while (found < 0 && in_time) {
        for (int i = first; i < last && found < 0; i++)
            if (!agents->taken[i])
                found = i;
        if (found < 0)
            in_time = g_cond_wait_until(&agents->changed, &agents->lock, call->deadline);
    }
    if (found >= 0)
        agents->taken[found] = TRUE;
    g_mutex_unlock(&agents->lock);
    return found;
}

static void
give_slot(struct call *call, int slot, gboolean suspect)
{
    YdLibvirtAgents *agents = call->agents;
    g_mutex_lock(&agents->lock);
    agents->taken[slot] = FALSE;
    ((struct guest *)g_hash_table_lookup(agents->guests, call->uuid))->suspect = suspect;
    g_cond_broadcast(&agents->changed);
    g_mutex_unlock(&agents->lock);
}

// An own reference of the slot's connection, made anew when it was lost.
static virConnect *
slot_conn(struct call *call, int slot, GError **error)
{
    YdLibvirtAgents *agents = call->agents;
    int i = slot / SLOTS_PER_CONN;
    g_mutex_lock(&agents->conns[i].lock);
    virConnect *conn = agents->conns[i].conn;
    if (conn && virConnectIsAlive(conn) != 1) {
        virConnectClose(conn);
        conn = NULL;
    }
    if (!conn)
        conn = yd_libvirt_connect(call->hv->uri, error);
    agents->conns[i].conn = conn;
    if (conn)
        virConnectRef(conn);
    g_mutex_unlock(&agents->conns[i].lock);
    return conn;
}

static char *
ask(struct call *call, int slot, const char *text, int seconds, GError **error)
{
    g_autoptr(virConnect) conn = slot_conn(call, slot, error);
    g_autoptr(virDomain) domain = conn ? virDomainLookupByUUIDString(conn, call->uuid) : NULL;
    if (!domain) {
        if (conn)
            yd_libvirt_fail(error, "machine '%s'", call->uuid);
        return NULL;
    }
    char *answer = virDomainQemuAgentCommand(domain, text, seconds, 0);
    if (!answer)
        yd_libvirt_fail(error, "guest agent of machine '%s'", call->uuid);
    return answer;
}

// One command to the agent; seconds 0: as long as the call has left. Takes arguments. What it
// returns; owned (json_decref).
static json_t *
command(struct call *call, const char *execute, json_t *arguments, int seconds, GError **error)
{
    g_autoptr(GError) why = NULL;
    char *text = yd_agent_command(execute, arguments);
    char *answer = NULL;
    int slot = take_slot(call);
    gint64 left = call->deadline - g_get_monotonic_time();
    if (slot >= 0) {
        int rest = (int)MAX(1, (left + G_USEC_PER_SEC / 2) / G_USEC_PER_SEC);
        answer = ask(call, slot, text, seconds ? seconds : rest, &why);
        give_slot(call, slot, g_error_matches(why, YD_ERROR, YD_ERROR_TIMEOUT));
    } else {
        timed_out(&why, call->uuid);
    }
    memset(text, 0, strlen(text)); // it may hold a password
    g_free(text);
    json_t *result = answer ? yd_agent_return(answer, error) : NULL;
    if (why)
        g_propagate_error(error, g_steal_pointer(&why));
    free(answer);
    return result;
}

// A whole verb that is one command.
static json_t *
single(YdHypervisor *hv, const char *uuid, guint timeout, const char *execute, json_t *arguments,
       GError **error)
{
    struct call call;
    if (!begin(&call, hv, uuid, timeout, error)) {
        json_decref(arguments);
        return NULL;
    }
    json_t *result = command(&call, execute, arguments, 0, error);
    end(&call);
    return result;
}

gboolean
yd_libvirt_agent_ping(YdHypervisor *hv, const char *uuid, guint timeout, GError **error)
{
    g_autoptr(json_t) result = single(hv, uuid, timeout, "guest-ping", NULL, error);
    return result != NULL;
}

gboolean
yd_libvirt_agent_set_password(YdHypervisor *hv, const char *uuid, const char *user,
                              const char *password, gboolean hashed, guint timeout, GError **error)
{
    g_autofree char *hash = hashed ? yd_password_crypt(password) : NULL;
    json_t *arguments = yd_agent_password_arguments(user, hash ? hash : password, hashed);
    if (!arguments)
        return yd_error_invalid(error, "user", "is not UTF-8");
    g_autoptr(json_t) result =
        single(hv, uuid, timeout, "guest-set-user-password", arguments, error);
    return result != NULL;
}

// The guest answers a shutdown only by going away: once it answered a ping, no answer is success.
gboolean
yd_libvirt_agent_shutdown(YdHypervisor *hv, const char *uuid, GError **error)
{
    struct call call;
    g_autoptr(GError) why = NULL;
    if (!begin(&call, hv, uuid, SHUTDOWN_SECONDS, error))
        return FALSE;
    g_autoptr(json_t) ping = command(&call, "guest-ping", NULL, 0, error);
    if (ping)
        json_decref(
            command(&call, "guest-shutdown", json_pack("{s:s}", "mode", "powerdown"), 1, &why));
    end(&call);
    if (why && why->code == YD_ERROR_INTERNAL) { // the agent said no
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    return ping != NULL;
}

// Waits for the process to end; FALSE with error.
static gboolean
await(struct call *call, gint64 pid, int *ret_status, char **ret_output, GError **error)
{
    gulong pause = POLL_FIRST_US;
    for (;;) {
        g_autoptr(json_t) status = command(call, "guest-exec-status",
                                           json_pack("{s:I}", "pid", (json_int_t)pid), 0, error);
        if (!status)
            return FALSE;
        if (yd_agent_exec_ended(status, ret_status, ret_output))
            return TRUE;
        if (g_get_monotonic_time() + (gint64)pause > call->deadline) {
            g_set_error(error, YD_ERROR, YD_ERROR_TIMEOUT,
                        "the command in machine '%s' did not end in time", call->uuid);
            return FALSE;
        }
        g_usleep(pause);
        pause = MIN(pause * 5 / 4, POLL_MAX_US);
    }
}

gboolean
yd_libvirt_agent_exec(YdHypervisor *hv, const char *uuid, const char *const *argv,
                      const char *input, guint timeout, int *ret_status, char **ret_output,
                      GError **error)
{
    struct call call;
    json_t *arguments = yd_agent_exec_arguments(argv, input);
    if (!begin(&call, hv, uuid, timeout, error)) {
        json_decref(arguments);
        return FALSE;
    }
    g_autoptr(json_t) started = command(&call, "guest-exec", arguments, 0, error);
    const json_t *pid = json_object_get(started, "pid");
    gboolean ok = json_is_integer(pid);
    if (started && !ok)
        g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "guest-exec in '%s' gave no pid", uuid);
    ok = ok && await(&call, json_integer_value(pid), ret_status, ret_output, error);
    end(&call);
    return ok;
}

// The agent refuses its own command where there is no /sbin/hwclock; there date does it.
gboolean
yd_libvirt_agent_set_time(YdHypervisor *hv, const char *uuid, guint timeout, GError **error)
{
    g_autoptr(GError) why = NULL;
    json_t *arguments = json_pack("{s:I}", "time", (json_int_t)g_get_real_time() * 1000);
    g_autoptr(json_t) result = single(hv, uuid, timeout, "guest-set-time", arguments, &why);
    int status = 0;
    if (result)
        return TRUE;
    if (why->code != YD_ERROR_INTERNAL) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    g_autofree char *now =
        g_strdup_printf("@%" G_GINT64_FORMAT, g_get_real_time() / G_USEC_PER_SEC);
    const char *const date[] = {"/bin/date", "-u", "-s", now, NULL};
    g_autoptr(GError) ignored = NULL;
    if (yd_libvirt_agent_exec(hv, uuid, date, NULL, timeout, &status, NULL, &ignored) &&
        status == 0)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&why));
    return FALSE;
}

gboolean
yd_libvirt_agent_still(YdHypervisor *hv, const char *uuid, gboolean on, guint timeout,
                       GError **error)
{
    const char *execute = on ? "guest-fsfreeze-freeze" : "guest-fsfreeze-thaw";
    g_autoptr(json_t) result = single(hv, uuid, timeout, execute, NULL, error);
    return result != NULL;
}

char *
yd_libvirt_agent_address(YdHypervisor *hv, const char *uuid, guint timeout, GError **error)
{
    g_autoptr(json_t) nics = single(hv, uuid, timeout, "guest-network-get-interfaces", NULL, error);
    char *address = nics ? yd_agent_first_address(nics) : NULL;
    if (nics && !address)
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "machine '%s' has no IPv4 address yet",
                    uuid);
    return address;
}

GPtrArray *
yd_libvirt_agent_users(YdHypervisor *hv, const char *uuid, guint timeout, GError **error)
{
    g_autoptr(json_t) users = single(hv, uuid, timeout, "guest-get-users", NULL, error);
    return users ? yd_agent_user_names(users) : NULL;
}
