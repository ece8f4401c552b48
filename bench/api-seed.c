// SPDX-License-Identifier: Apache-2.0
// See api-seed.h.
#include "api-seed.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/secret.h"
#include "store/store-desktops.h"

void
must(gboolean good, GError *error)
{
    if (good)
        return;
    fprintf(stderr, "bench: %s\n", error ? error->message : "failed");
    exit(1);
}

static char *
put(YdStore *store, const YdRecordType *type, gpointer record)
{
    MUST(yd_store_insert(store, type, record, &error));
    char *id = g_strdup(*(char **)record);
    yd_record_free(type, record);
    return id;
}

char *
seed_token(guint i)
{
    return g_strdup_printf("token-%037u", i);
}

static YdPool *
make_pool(YdStore *store)
{
    YdTemplate *template = yd_template_new();
    template->name = g_strdup("office");
    template->os = g_strdup("linux");
    template->firmware = g_strdup("bios");
    template->access = g_strdup("rdp");
    YdTemplateVersion *version = yd_template_version_new();
    version->template_id = put(store, &yd_template_type, template);
    version->number = 1;
    version->state = g_strdup("ready");
    version->image = g_strdup("tplv-office.qcow2");
    version->virtual_bytes = (gint64)1 << 30;
    YdNetwork *network = yd_network_new();
    network->name = g_strdup("office");
    network->mode = g_strdup("nat");
    network->cidr = g_strdup("10.0.0.0/8");
    network->gateway = g_strdup("10.0.0.1");
    network->range_first = g_strdup("10.0.0.2");
    network->range_last = g_strdup("10.255.255.254");
    network->bridge = g_strdup("ydbench");
    network->state = g_strdup("active");
    YdPool *pool = yd_pool_new();
    pool->name = g_strdup("office");
    pool->template_version_id = put(store, &yd_template_version_type, version);
    pool->network_id = put(store, &yd_network_type, network);
    pool->vcpus = 2;
    pool->memory_mib = 2048;
    pool->enabled = TRUE;
    pool->policy = g_strdup("{}");
    g_free(put(store, &yd_pool_type, yd_pool_copy(pool)));
    return pool;
}

static char *
make_user(YdStore *store, guint i, const char *hash, const char *department)
{
    YdUser *user = yd_user_new();
    user->username = i ? g_strdup_printf("user%05u", i) : g_strdup("admin");
    user->name = g_strdup_printf("Person %u", i);
    user->role = g_strdup(i ? "user" : "admin");
    user->password = g_strdup(hash);
    user->enabled = TRUE;
    user->uid = 30000 + i; // the first administrator of a real deskd may be there
    char *id = put(store, &yd_user_type, user);
    YdLogin *login = yd_login_new();
    g_autofree char *token = seed_token(i);
    login->user_id = g_strdup(id);
    login->token_hash = yd_token_hash(token);
    login->kind = g_strdup("bearer");
    login->created = login->last_used = yd_now_ms();
    login->expires = yd_now_ms() + 86400000;
    g_free(put(store, &yd_login_type, login));
    YdMembership *member = yd_membership_new();
    member->department_id = g_strdup(department);
    member->user_id = g_strdup(id);
    g_free(put(store, &yd_membership_type, member));
    return id;
}

static void
make_desktop(YdStore *store, const YdPool *pool, char *user_id, const char *host_id, guint i,
             gboolean ready)
{
    YdDesktop *desktop = yd_desktop_new();
    desktop->name = g_strdup_printf("desk-%05u", i);
    desktop->pool_id = g_strdup(pool->id);
    desktop->user_id = user_id;
    desktop->template_version_id = g_strdup(pool->template_version_id);
    desktop->state = g_strdup(ready ? "ready" : "off");
    desktop->wanted = g_strdup(ready ? "on" : "off");
    desktop->host_id = ready ? g_strdup(host_id) : NULL;
    desktop->uuid = g_uuid_string_random();
    desktop->image = g_strdup_printf("dsk-%05u.qcow2", i);
    desktop->vcpus = 2;
    desktop->memory_mib = 2048;
    desktop->prepared = ready;
    g_autofree char *id = put(store, &yd_desktop_type, desktop);
    GError *error = NULL;
    YdAddress *address = yd_store_take_address(store, pool->network_id, id, &error);
    must(address != NULL, error);
    yd_address_free(address);
}

static char *
make_host(YdStore *store, const char *name, const char *uri)
{
    YdHost *host = yd_host_new();
    host->name = g_strdup(name);
    host->uri = g_strdup(uri);
    host->state = g_strdup("up");
    return put(store, &yd_host_type, host);
}

// Ids of the hosts.
static GPtrArray *
make_hosts(YdStore *store, const Seed *seed)
{
    GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; seed->uris && seed->uris[i]; i++) {
        g_autofree char *name = g_strdup_printf("host-%03u", i);
        g_ptr_array_add(ids, make_host(store, name, seed->uris[i]));
    }
    if (ids->len == 0)
        g_ptr_array_add(ids, make_host(store, "local", seed->uri));
    return ids;
}

void
seed_store(YdService *service, const Seed *seed)
{
    YdStore *store = yd_service_store(service, NULL);
    g_autofree char *hash = yd_password_hash(SEED_PASSWORD, seed->config.cheap_passwords);
    MUST(yd_store_begin(store, &error));
    YdDepartment *department = yd_department_new();
    department->number = g_strdup("D1");
    department->name = g_strdup("Office");
    g_autofree char *department_id = put(store, &yd_department_type, department);
    g_autoptr(GPtrArray) hosts = make_hosts(store, seed);
    g_autoptr(YdPool) pool = make_pool(store);
    g_clear_pointer(&pool->id, g_free);
    g_autoptr(YdPool) stored = yd_store_find(store, &yd_pool_type, "name", "office", NULL);
    YdEntitlement *entitlement = yd_entitlement_new();
    entitlement->pool_id = g_strdup(stored->id);
    entitlement->department_id = g_strdup(department_id);
    g_free(put(store, &yd_entitlement_type, entitlement));
    for (guint i = 0; i < seed->desktops; i++) {
        char *user = make_user(store, i, hash, department_id);
        make_desktop(store, stored, user, hosts->pdata[i % hosts->len], i, i < seed->ready);
    }
    MUST(yd_store_commit(store, &error));
}

void
seed_machines(YdService *service)
{
    YdStore *store = yd_service_store(service, NULL);
    GError *error = NULL;
    g_autoptr(GPtrArray) ready = yd_store_all(store, &yd_desktop_type, "state", "ready", &error);
    must(ready != NULL, error);
    for (guint i = 0; i < ready->len; i++) {
        const YdDesktop *desktop = ready->pdata[i];
        YdHypervisor *hv = yd_service_hypervisor(service, desktop->host_id, &error);
        must(hv != NULL, error);
        g_autofree char *name = g_strconcat("yd-", desktop->id, NULL);
        YdMachineSpec spec = {.uuid = desktop->uuid,
                              .name = name,
                              .desktop_id = desktop->id,
                              .vcpus = 1,
                              .memory_mib = 64,
                              .disk = "/nowhere/disk.qcow2",
                              .os = "linux",
                              .spice = TRUE};
        must(yd_hypervisor_start(hv, &spec, &error), error);
    }
}
