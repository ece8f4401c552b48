// SPDX-License-Identifier: Apache-2.0
// The doctor's job: checks in the order in which a connection goes its way, each with what to do
// when it fails. Whatever happens, the throw-away desktop is deleted.
#include "service/doctor.h"

#include <string.h>
#include <gio/gio.h>

#include "base/id.h"
#include "base/json-util.h"
#include "service/backup.h"
#include "service/ca.h"
#include "service/desktop-private.h"
#include "service/job-checks.h"
#include "service/template-image.h"
#include "service/trial.h"
#include "store/store-desktops.h"

#define SPACE_WANTED ((gint64)2 << 30)
#define PROBE_MS 10000

// --- results ---

static void
put_check(YdJobRun *run, const char *name, json_t *ok, const char *message, const char *advice,
          gint64 ms)
{
    json_t *check = yd_job_check_put(run, name, ok, message);
    json_object_set_new(check, "advice", advice ? json_string(advice) : json_null());
    json_object_set_new(check, "ms", json_integer(ms));
}

static gboolean
passed(YdJobRun *run, const char *name)
{
    json_t *check = yd_job_check(run, name);
    return check && json_is_true(json_object_get(check, "ok"));
}

static void
skip(YdJobRun *run, const char *name, const char *because)
{
    g_autofree char *message = g_strdup_printf("not looked at, because \"%s\" failed", because);
    put_check(run, name, json_null(), message, NULL, 0);
}

// Notes the outcome of one check that began at `since`; takes the error.
static void
note(YdJobRun *run, const char *name, gint64 since, GError *error, const char *good,
     const char *advice)
{
    gint64 ms = (g_get_monotonic_time() - since) / 1000;
    put_check(run, name, json_boolean(error == NULL), error ? error->message : good,
              error ? advice : NULL, ms);
    g_clear_error(&error);
}

// --- what is there before any desktop ---

static void
check_store(YdJobRun *run)
{
    gint64 since = g_get_monotonic_time(), queued = 0, running = 0;
    GError *error = NULL;
    YdStore *store = yd_job_run_store(run);
    g_autofree char *now = g_strdup_printf("%" G_GINT64_FORMAT, yd_now_ms());
    if (yd_store_set_setting(store, "doctor-last", now, &error))
        yd_store_job_counts(store, &queued, &running, &error);
    g_autofree char *good = g_strdup_printf("written and read; %" G_GINT64_FORMAT
                                            " jobs wait, %" G_GINT64_FORMAT " run",
                                            queued, running);
    note(run, "store", since, error, good,
         "check owner, rights and free space of the folder with yundesk.db");
}

static void
check_storage(YdJobRun *run)
{
    gint64 since = g_get_monotonic_time(), bytes = 0, free_bytes = 0;
    GError *error = NULL;
    YdStorage *storage = yd_service_storage(yd_job_run_service(run));
    if (yd_storage_space(storage, &bytes, &free_bytes, &error) && free_bytes < SPACE_WANTED)
        g_set_error(&error, YD_ERROR, YD_ERROR_NO_SPACE, "only %.1f GiB of %.1f GiB are free",
                    (double)free_bytes / (1 << 30), (double)bytes / (1 << 30));
    g_autofree char *good = g_strdup_printf(
        "%.1f GiB of %.1f GiB are free", (double)free_bytes / (1 << 30), (double)bytes / (1 << 30));
    const char *advice = g_error_matches(error, YD_ERROR, YD_ERROR_NO_SPACE)
                             ? "delete desktops or template versions, or enlarge the file system"
                             : "is deskhost running? Look at its log and at run/deskhost.sock";
    note(run, "storage", since, error, good, advice);
}

static void
check_hosts(YdJobRun *run)
{
    gint64 since = g_get_monotonic_time();
    YdService *service = yd_job_run_service(run);
    GError *error = NULL;
    const YdQuery query = {0};
    g_autoptr(YdPage) page = yd_store_list(yd_job_run_store(run), &yd_host_type, &query, &error);
    g_autoptr(GString) good = g_string_new(NULL);
    for (guint i = 0; page && !error && i < page->records->len; i++) {
        const YdHost *host = g_ptr_array_index(page->records, i);
        YdHypervisor *hv = yd_service_hypervisor(service, host->id, &error);
        YdHostFacts *facts = hv ? yd_hypervisor_facts(hv, &error) : NULL;
        if (facts)
            g_string_append_printf(good, "%s%s: libvirt %s, %s", good->len ? "; " : "", host->name,
                                   facts->libvirt_version ? facts->libvirt_version : "?",
                                   facts->accel_reason ? facts->accel_reason : "");
        else
            g_prefix_error(&error, "host \"%s\" (%s): ", host->name, host->uri);
        yd_host_facts_free(facts);
    }
    if (page && page->records->len == 0)
        g_set_error_literal(&error, YD_ERROR, YD_ERROR_NOT_FOUND, "there is no host");
    note(run, "libvirt", since, error, good->str,
         "start libvirtd there, or add a host (deskctl host add); deskd's user must be in the "
         "group libvirt");
}

static void
check_template(YdJobRun *run)
{
    gint64 since = g_get_monotonic_time();
    YdStore *store = yd_job_run_store(run);
    GError *error = NULL;
    const char *id = json_string_value(json_object_get(yd_job_run_args(run), "version_id"));
    g_autoptr(YdTemplateVersion) version =
        yd_store_get(store, &yd_template_version_type, id ? id : "", &error);
    g_autoptr(GPtrArray) images =
        version ? yd_storage_list(yd_service_storage(yd_job_run_service(run)), &error) : NULL;
    if (images && !g_ptr_array_find_with_equal_func(images, version->image, g_str_equal, NULL))
        g_set_error(&error, YD_ERROR, YD_ERROR_NOT_FOUND, "the image \"%s\" is missing",
                    version->image);
    else if (images && version->damage)
        g_set_error(&error, YD_ERROR, YD_ERROR_STATE, "version %" G_GINT64_FORMAT " is damaged: %s",
                    version->number, version->damage);
    g_autofree char *good = version ? g_strdup_printf("%s version %" G_GINT64_FORMAT,
                                                      version->template_name, version->number)
                                    : g_strdup("");
    note(run, "template", since, error, good, "import a template (deskctl template import)");
}

// All files that versions consist of, by cheap looks.
static void
check_versions(YdJobRun *run)
{
    gint64 since = g_get_monotonic_time();
    guint files = 0;
    GError *error = NULL;
    g_autofree char *damage =
        yd_template_images_damaged(yd_job_run_service(run), yd_job_run_store(run), &files, &error);
    if (damage)
        g_set_error_literal(&error, YD_ERROR, YD_ERROR_STATE, damage);
    g_autofree char *good = g_strdup_printf("%u files are as they were sealed", files);
    note(run, "versions", since, error, good,
         "put the files back from a backup and have them read again (deskctl template verify); "
         "what is built on them does not start");
}

static void
check_network(YdJobRun *run)
{
    gint64 since = g_get_monotonic_time();
    GError *error = NULL;
    const char *id = json_string_value(json_object_get(yd_job_run_args(run), "network_id"));
    g_autoptr(YdNetwork) network =
        yd_store_get(yd_job_run_store(run), &yd_network_type, id ? id : "", &error);
    if (network && strcmp(network->state, "active") != 0)
        g_set_error(&error, YD_ERROR, YD_ERROR_STATE, "the network \"%s\" is %s: %s", network->name,
                    network->state, network->error ? network->error : "");
    else if (network && network->addresses_used >= network->addresses_total)
        g_set_error(&error, YD_ERROR, YD_ERROR_LIMIT, "all addresses of \"%s\" are in use",
                    network->name);
    g_autofree char *good =
        network
            ? g_strdup_printf("%s: %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " addresses in use",
                              network->name, network->addresses_used, network->addresses_total)
            : g_strdup("");
    note(run, "network", since, error, good,
         "make a network (deskctl network create), or a larger one");
}

// Addresses of a name; owned by g_resolver_free_addresses().
static GList *
addresses_of(const char *name, GError **error)
{
    g_autoptr(GResolver) resolver = g_resolver_get_default();
    return g_resolver_lookup_by_name(resolver, name, NULL, error);
}

static gboolean
leads_to(GList *found, const char *host, GError **error)
{
    GList *wanted = addresses_of(host, error);
    gboolean same = FALSE;
    for (GList *a = wanted; a; a = a->next) {
        for (GList *b = found; b && !same; b = b->next)
            same = g_inet_address_equal(a->data, b->data);
    }
    g_resolver_free_addresses(wanted);
    return same;
}

// Any name below the domain has to lead to the gate.
static void
check_names(YdJobRun *run)
{
    const YdServiceConfig *config = yd_service_config(yd_job_run_service(run));
    if (!config->desktop_domain)
        return;
    gint64 since = g_get_monotonic_time();
    GError *error = NULL;
    g_autofree char *name = g_strdup_printf("yundesk-doctor.%s", config->desktop_domain);
    g_autofree char *good = g_strdup_printf("%s leads to the gate", name);
    GList *found = addresses_of(name, &error);
    if (found && config->public_host && !leads_to(found, config->public_host, &error) && !error)
        g_set_error(&error, YD_ERROR, YD_ERROR_STATE, "%s has other addresses than %s", name,
                    config->public_host);
    else if (error)
        g_prefix_error(&error, "%s: ", name);
    g_resolver_free_addresses(found);
    g_autofree char *advice =
        g_strdup_printf("make a record *.%s in the DNS that leads to the gate%s%s, or take "
                        "desktop_domain out of [deskd]: until then RDP clients find no desktop",
                        config->desktop_domain, config->public_host ? ", as " : "",
                        config->public_host ? config->public_host : "");
    note(run, "names", since, error, good, advice);
}

// Only where there shall be backups.
static void
check_backups(YdJobRun *run)
{
    gint64 since = g_get_monotonic_time();
    YdService *service = yd_job_run_service(run);
    if (!yd_service_config(service)->backups)
        return;
    g_autofree char *alarm = yd_backup_alarm(service, yd_job_run_store(run), yd_now_ms());
    put_check(run, "backups", json_boolean(!alarm),
              alarm ? alarm : "the newest backups are good, and not old",
              alarm ? "look at the backups in the console, or at deskctl backup status" : NULL,
              (g_get_monotonic_time() - since) / 1000);
}

static gboolean
step_look(YdJobRun *run, GError **error)
{
    check_store(run);
    check_storage(run);
    check_hosts(run);
    check_network(run);
    check_template(run);
    check_versions(run);
    check_backups(run);
    check_names(run);
    return TRUE;
}

// --- the throw-away desktop ---

static const char *
text_of(YdJobRun *run, const char *name)
{
    return json_string_value(json_object_get(yd_job_run_result(run), name));
}

// Hardware as a pool of that version has it, else what a small office desktop needs.
static gboolean
make_desktop(YdJobRun *run, GError **error)
{
    const json_t *args = yd_job_run_args(run);
    const char *version_id = json_string_value(json_object_get(args, "version_id"));
    g_autoptr(YdPool) pool = yd_store_find(yd_job_run_store(run), &yd_pool_type,
                                           "template_version_id", version_id, NULL);
    const YdTrial trial = {.version_id = version_id,
                           .network_id = json_string_value(json_object_get(args, "network_id")),
                           .name = "yundesk-doctor",
                           .vcpus = pool ? pool->vcpus : 2,
                           .memory_mib = pool ? pool->memory_mib : 1536};
    return yd_trial_create(run, &trial, error);
}

static gboolean
step_create(YdJobRun *run, GError **error)
{
    static const char *const needed[] = {"store", "storage", "libvirt", "network", "template"};
    for (gsize i = 0; i < G_N_ELEMENTS(needed); i++) {
        if (!passed(run, needed[i])) {
            skip(run, "create", needed[i]);
            return TRUE;
        }
    }
    GError *local = NULL;
    if (!make_desktop(run, &local)) {
        note(run, "create", g_get_monotonic_time(), local, "", "see the message");
        return TRUE;
    }
    g_autoptr(YdJob) job = yd_trial_ended(run, "create_job", error);
    if (!job)
        return error == NULL || *error == NULL;
    note(run, "create", g_get_monotonic_time() - (job->ended - job->started) * 1000,
         yd_trial_error(job), "address taken, overlay made",
         "look at deskhost's log and at the free space");
    return TRUE;
}

// --- start: its steps are the checks ---

static const struct {
    const char *step, *check, *good, *advice;
} hops[] = {
    {"place", "placement", "a host has room for it",
     "stop desktops, add a host, or give the pool less memory"},
    {"network", "dhcp", "the host has the network and the address",
     "look at the network in libvirt (virsh net-list --all) and at dnsmasq"},
    {"disk", "overlay", "the disk is there", "look at deskhost's log"},
    {"launch", "machine", "the machine runs",
     "look at /var/log/libvirt/qemu on the host; can libvirt's QEMU user read the images?"},
    {"agent", "agent", "the guest agent answers",
     "is qemu-guest-agent installed and enabled in the template? Look at the console"},
    {"first-boot", "first-boot", "identity, certificate and account are made",
     "run the commands of the message in the template"},
    {"access", "access", "the guest's own way in answers",
     "does the RDP server in the template start and listen on TCP 3389?"},
};

static void
note_hops(YdJobRun *run, const YdJob *job)
{
    g_autoptr(GError) error = yd_trial_error(job);
    json_t *result = job->result ? yd_json_parse_object(job->result, NULL) : NULL;
    json_t *times = json_object_get(result, "step_ms");
    const char *broken = NULL;
    for (gsize i = 0; i < G_N_ELEMENTS(hops); i++) {
        gint64 ms = json_integer_value(json_object_get(times, hops[i].step));
        if (broken) {
            skip(run, hops[i].check, broken);
        } else if (error && (g_strcmp0(job->step, hops[i].step) == 0 || !job->step)) {
            put_check(run, hops[i].check, json_false(), error->message, hops[i].advice, ms);
            broken = hops[i].check;
        } else {
            put_check(run, hops[i].check, json_true(), hops[i].good, NULL, ms);
        }
    }
    json_decref(result);
}

static gboolean
step_start(YdJobRun *run, GError **error)
{
    if (!passed(run, "create")) {
        for (gsize i = 0; i < G_N_ELEMENTS(hops); i++)
            skip(run, hops[i].check, "create");
        return TRUE;
    }
    if (!yd_trial_start(run, error))
        return FALSE;
    g_autoptr(YdJob) job = yd_trial_ended(run, "start_job", error);
    if (!job)
        return error == NULL || *error == NULL;
    note_hops(run, job);
    return TRUE;
}

// --- through the gate, as a client ---

static void
check_address(YdJobRun *run, const YdDesktop *desktop)
{
    gint64 since = g_get_monotonic_time();
    GError *error = NULL;
    YdHypervisor *hv = yd_service_hypervisor(yd_job_run_service(run), desktop->host_id, &error);
    g_autofree char *address =
        hv ? yd_hypervisor_agent_address(hv, desktop->uuid, 10, &error) : NULL;
    if (address && g_strcmp0(address, desktop->ip) != 0)
        g_set_error(&error, YD_ERROR, YD_ERROR_STATE, "the guest has %s, it should have %s",
                    address, desktop->ip);
    note(run, "address", since, error, desktop->ip,
         "does the guest take its address by DHCP? Is another DHCP server in that network?");
}

// A ticket of its own for each look; bound to no address.
static char *
make_ticket(YdJobRun *run, const YdDesktop *desktop, const char *protocol, GError **error)
{
    g_autoptr(YdConnection) row = yd_connection_new();
    char *ticket = yd_token_new(32);
    row->desktop_id = g_strdup(desktop->id);
    row->user_id = g_strdup(yd_job_run_actor(run)->user_id);
    row->protocol = g_strdup(protocol);
    row->ticket_hash = yd_token_hash(ticket);
    row->source = g_strdup("none");
    row->state = g_strdup("new");
    row->score = -1;
    row->expires =
        yd_now_ms() + yd_service_config(yd_job_run_service(run))->first_use_seconds * 1000;
    if (yd_store_insert(yd_job_run_store(run), &yd_connection_type, row, error))
        return ticket;
    g_free(ticket);
    return NULL;
}

static void
check_gate(YdJobRun *run, const YdDesktop *desktop, const char *protocol, const char *host,
           guint16 port)
{
    gint64 since = g_get_monotonic_time();
    GError *error = NULL;
    gboolean rdp = strcmp(protocol, "rdp") == 0;
    g_autofree char *ticket = make_ticket(run, desktop, protocol, &error);
    if (ticket && rdp)
        yd_probe_rdp(host, port, ticket, PROBE_MS, &error);
    else if (ticket)
        yd_probe_spice(host, port, ticket, PROBE_MS, &error);
    note(run, rdp ? "gate-rdp" : "gate-spice", since, error,
         rdp ? "RDP's first packets went through the gate" : "SPICE's link went through the gate",
         "is deskgate running and connected to deskd (run/gate.sock)? Its log says why it refused");
}

static void
check_certificate(YdJobRun *run, const char *host, guint16 port)
{
    gint64 since = g_get_monotonic_time();
    GError *error = NULL;
    g_autofree char *keys = yd_ca_dir(yd_job_run_service(run));
    g_autofree char *ca = g_build_filename(keys, "ca.pem", NULL);
    yd_probe_tls(host, port, ca, PROBE_MS, &error);
    g_autofree char *good = g_strdup_printf("it names \"%s\" and our CA signed it", host);
    note(run, "certificate", since, error, good,
         "put the name that clients use into [deskgate] names= and restart deskd and deskgate");
}

static gboolean
step_gate(YdJobRun *run, GError **error)
{
    static const char *const names[] = {"address", "gate-rdp", "gate-spice"};
    const YdServiceConfig *config = yd_service_config(yd_job_run_service(run));
    const char *host = config->public_host ? config->public_host : "127.0.0.1";
    if (!passed(run, "access")) {
        for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
            skip(run, names[i], "access");
    } else {
        g_autoptr(YdDesktop) desktop = yd_store_get(yd_job_run_store(run), &yd_desktop_type,
                                                    text_of(run, "desktop_id"), error);
        if (!desktop)
            return FALSE;
        check_address(run, desktop);
        if (g_strcmp0(desktop->access, "rdp") == 0)
            check_gate(run, desktop, "rdp", host, config->public_port);
        check_gate(run, desktop, "spice", host, config->public_port);
    }
    check_certificate(run, host, config->public_port);
    return TRUE;
}

// --- cleaning up ---

static gboolean
step_clean(YdJobRun *run, GError **error)
{
    gboolean gone = FALSE;
    if (!yd_trial_delete(run, &gone, error) || gone)
        return gone;
    g_autoptr(YdJob) job = yd_trial_ended(run, "delete_job", error);
    if (!job)
        return error == NULL || *error == NULL;
    note(run, "clean", g_get_monotonic_time() - (job->ended - job->started) * 1000,
         yd_trial_error(job), "the throw-away desktop is gone",
         "delete the desktop \"yundesk-doctor\" by hand");
    return TRUE;
}

static const YdJobStep steps[] = {
    {"look", step_look, NULL, FALSE, 1},    {"create", step_create, yd_trial_undo, FALSE, 2},
    {"start", step_start, NULL, FALSE, 20}, {"gate", step_gate, NULL, FALSE, 2},
    {"clean", step_clean, NULL, FALSE, 2},
};

const YdJobKind yd_job_kind_doctor = {"doctor", NULL, TRUE, steps, G_N_ELEMENTS(steps), NULL};

// --- the verb ---

// The newest ready version and a network, where none was asked for.
static char *
newest_version(YdStore *store, GError **error)
{
    const char *const ready[] = {"ready", NULL};
    const YdCondition condition = {.column = "state", .op = "=", .values = ready};
    const YdQuery query = {
        .conditions = &condition, .n_conditions = 1, .sort = "-created", .limit = 1};
    g_autoptr(YdPage) page = yd_store_list(store, &yd_template_version_type, &query, error);
    if (!page)
        return NULL;
    return page->records->len == 0
               ? g_strdup("")
               : g_strdup(((YdTemplateVersion *)g_ptr_array_index(page->records, 0))->id);
}

static char *
network_for(YdStore *store, const char *version_id, GError **error)
{
    g_autoptr(YdPool) pool =
        yd_store_find(store, &yd_pool_type, "template_version_id", version_id, NULL);
    if (pool)
        return g_strdup(pool->network_id);
    const YdQuery query = {.limit = 1};
    g_autoptr(YdPage) page = yd_store_list(store, &yd_network_type, &query, error);
    if (!page)
        return NULL;
    return page->records->len == 0
               ? g_strdup("")
               : g_strdup(((YdNetwork *)g_ptr_array_index(page->records, 0))->id);
}

YdJob *
yd_doctor_start(YdService *service, const YdActor *actor, const char *template_version_id,
                GError **error)
{
    YdStore *store = yd_service_store(service, error);
    if (!store || !yd_service_allowed(actor, YD_RIGHT_DOCTOR, error))
        return NULL;
    g_autofree char *version =
        template_version_id ? g_strdup(template_version_id) : newest_version(store, error);
    g_autofree char *network = version ? network_for(store, version, error) : NULL;
    if (!network)
        return NULL;
    if (template_version_id) {
        g_autoptr(YdTemplateVersion) there =
            yd_store_get(store, &yd_template_version_type, version, error);
        if (!there)
            return NULL;
    }
    json_t *args = json_pack("{s:s,s:s}", "version_id", version, "network_id", network);
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdJob) job =
        tx ? yd_job_submit(service, actor, "doctor", NULL, NULL, args, NULL, error) : NULL;
    json_decref(args);
    if (!job ||
        !yd_service_audit(service, actor, "doctor.run", "job", job->id, NULL, NULL, error) ||
        !yd_store_tx_commit(&tx, error))
        return NULL;
    return g_steal_pointer(&job);
}
