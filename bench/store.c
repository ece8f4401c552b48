// SPDX-License-Identifier: Apache-2.0
// How fast the store is with 10,000 desktops: pages, counting, single rows, connects. Prints one
// line for each; run as `build/bench/bench-store [DESKTOPS]`.
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/id.h"
#include "store/store-desktops.h"
#include "store/store-people.h"

static void
must(gboolean good, GError *error)
{
    if (good)
        return;
    fprintf(stderr, "bench-store: %s\n", error ? error->message : "failed");
    exit(1);
}

#define MUST(call)                                                                                 \
    do {                                                                                           \
        GError *error = NULL;                                                                      \
        must((call), error);                                                                       \
        g_clear_error(&error);                                                                     \
    } while (0)

static char *
put(YdStore *store, const YdRecordType *type, gpointer record)
{
    MUST(yd_store_insert(store, type, record, &error));
    char *id = g_strdup(*(char **)record);
    yd_record_free(type, record);
    return id;
}

static char *
make_pool(YdStore *store)
{
    YdTemplate *template = yd_template_new();
    template->name = g_strdup("debian");
    template->os = g_strdup("linux");
    template->firmware = g_strdup("bios");
    template->access = g_strdup("rdp");
    YdTemplateVersion *version = yd_template_version_new();
    version->template_id = put(store, &yd_template_type, template);
    version->number = 1;
    version->state = g_strdup("ready");
    YdNetwork *network = yd_network_new();
    network->name = g_strdup("office");
    network->mode = g_strdup("nat");
    network->cidr = g_strdup("10.0.0.0/8");
    network->gateway = g_strdup("10.0.0.1");
    network->range_first = g_strdup("10.0.0.2");
    network->range_last = g_strdup("10.255.255.254");
    network->state = g_strdup("active");
    YdPool *pool = yd_pool_new();
    pool->name = g_strdup("office");
    pool->template_version_id = put(store, &yd_template_version_type, version);
    pool->network_id = put(store, &yd_network_type, network);
    pool->vcpus = 2;
    pool->memory_mib = 2048;
    pool->enabled = TRUE;
    return put(store, &yd_pool_type, pool);
}

static void
make_desktop(YdStore *store, const char *pool_id, const char *network_id, const char *department,
             guint i)
{
    YdUser *user = yd_user_new();
    user->username = g_strdup_printf("user%05u", (i * 7919) % 100000);
    user->name = g_strdup_printf("Person %u", i);
    user->role = g_strdup("user");
    user->enabled = TRUE;
    user->uid = 20000 + i;
    YdDesktop *desktop = yd_desktop_new();
    desktop->name = g_strdup_printf("desk-%05u", (i * 104729) % 100000);
    desktop->pool_id = g_strdup(pool_id);
    desktop->user_id = put(store, &yd_user_type, user);
    desktop->state = g_strdup(i % 3 ? "off" : "ready");
    desktop->wanted = g_strdup("off");
    desktop->vcpus = 2;
    desktop->memory_mib = 2048;
    YdMembership *member = yd_membership_new();
    member->department_id = g_strdup(department);
    member->user_id = g_strdup(desktop->user_id);
    g_free(put(store, &yd_membership_type, member));
    g_autofree char *id = put(store, &yd_desktop_type, desktop);
    GError *error = NULL;
    YdAddress *address = yd_store_take_address(store, network_id, id, &error);
    must(address != NULL, error);
    yd_address_free(address);
}

static void
time_list(YdStore *store, const char *what, YdQuery query)
{
    gint64 start = g_get_monotonic_time();
    guint rounds = 0;
    g_autofree char *cursor = NULL;
    do {
        GError *error = NULL;
        query.cursor = cursor;
        YdPage *page = yd_store_list(store, &yd_desktop_type, &query, &error);
        must(page != NULL, error);
        g_free(cursor);
        cursor = g_steal_pointer(&page->next);
        yd_page_free(page);
        rounds++;
    } while (rounds < 50);
    printf("%-44s %8.2f ms\n", what, (double)(g_get_monotonic_time() - start) / 1000 / rounds);
}

static void
time_connects(YdStore *store, guint n)
{
    YdQuery query = {.limit = 100};
    g_autoptr(YdPage) page = yd_store_list(store, &yd_desktop_type, &query, NULL);
    gint64 start = g_get_monotonic_time();
    for (guint i = 0; i < n; i++) {
        const YdDesktop *desktop = page->records->pdata[i % page->records->len];
        YdConnection *connection = yd_connection_new();
        connection->desktop_id = g_strdup(desktop->id);
        connection->user_id = g_strdup(desktop->user_id);
        connection->protocol = g_strdup("rdp");
        connection->source = g_strdup("exact");
        connection->state = g_strdup("new");
        connection->ticket_hash = yd_token_new(16);
        MUST(yd_store_begin(store, &error));
        g_free(put(store, &yd_connection_type, connection));
        YdAudit audit = {.act = (char *)"desktop.connect", .outcome = (char *)"ok"};
        MUST(yd_store_audit(store, &audit, &error));
        MUST(yd_store_commit(store, &error));
    }
    printf("%-44s %8.0f /s\n", "connection and audit row, committed",
           n * 1e6 / (double)(g_get_monotonic_time() - start));
}

static void
fill(YdStore *store, guint n)
{
    gint64 start = g_get_monotonic_time();
    g_autofree char *pool_id = make_pool(store);
    YdDepartment *department = yd_department_new();
    department->name = g_strdup("Everybody");
    g_autofree char *everybody = put(store, &yd_department_type, department);
    g_autoptr(YdPool) pool = yd_store_get(store, &yd_pool_type, pool_id, NULL);
    for (guint i = 0; i < n;) {
        MUST(yd_store_begin(store, &error));
        for (guint end = MIN(n, i + 500); i < end; i++)
            make_desktop(store, pool_id, pool->network_id, everybody, i);
        MUST(yd_store_commit(store, &error));
    }
    printf("%-44s %8.0f ms\n", "fill with people, desktops and addresses",
           (double)(g_get_monotonic_time() - start) / 1000);
}

int
main(int argc, char **argv)
{
    guint n = argc > 1 ? (guint)strtoul(argv[1], NULL, 10) : 10000;
    g_autofree char *dir = g_dir_make_tmp("bench-store-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "yundesk.db", NULL);
    GError *error = NULL;
    YdStore *store = yd_store_open(path, FALSE, &error);
    must(store != NULL, error);
    printf("%u desktops\n", n);
    fill(store, n);
    const char *ready[] = {"ready", NULL};
    YdCondition state = {"state", "=", ready};
    time_list(store, "page of 100 by id", (YdQuery){.limit = 100});
    time_list(store, "page of 100 by id, with total", (YdQuery){.limit = 100, .want_total = TRUE});
    time_list(store, "page of 100 by name", (YdQuery){.limit = 100, .sort = "name"});
    time_list(store, "page of 100 by -changed", (YdQuery){.limit = 100, .sort = "-changed"});
    time_list(store, "page of 100 by person's name", (YdQuery){.limit = 100, .sort = "user_name"});
    time_list(store, "page of 100 of those ready, with total",
              (YdQuery){.limit = 100, .conditions = &state, .n_conditions = 1, .want_total = TRUE});
    time_list(store, "page of 100 found by “1234”", (YdQuery){.limit = 100, .search = "1234"});
    time_list(store, "all rows", (YdQuery){0});
    time_connects(store, 5000);
    yd_store_close(store);
    g_unlink(path);
    g_rmdir(dir);
    return 0;
}
