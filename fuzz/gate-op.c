// SPDX-License-Identifier: Apache-2.0
// What a gate says to deskd, line by line: whatever it is, no ticket is made good by it.
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/gate-ops.h"
#include "base/json-util.h"
#include "fuzz.h"

static char *folder;
static YdService *service;

static void
clean_up(void)
{
    static const char *const names[] = {"yundesk.db", "yundesk.db-wal", "yundesk.db-shm"};
    g_clear_pointer(&service, yd_service_free);
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(folder, names[i], NULL);
        g_unlink(path);
    }
    g_rmdir(folder);
    g_clear_pointer(&folder, g_free);
}

static void
start(void)
{
    YdServiceConfig config;
    g_autoptr(GError) error = NULL;
    folder = g_dir_make_tmp("gate-op-XXXXXX", &error);
    g_assert_no_error(error);
    yd_service_config_init(&config);
    g_free(config.database);
    g_free(config.state_dir);
    g_free(config.run_dir);
    config.database = g_build_filename(folder, "yundesk.db", NULL);
    config.state_dir = g_strdup(folder);
    config.run_dir = g_strdup(folder);
    service = yd_service_new(&config, yd_storage_local(folder), &error);
    g_assert_no_error(error);
    yd_service_config_clear(&config);
    atexit(clean_up);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (service == NULL)
        start();
    g_autofree char *line = g_strndup((const char *)data, size);
    json_t *message = yd_json_parse_object(line, NULL);
    if (message == NULL)
        return 0;
    g_autofree char *answer = yd_gate_op(service, "gate-1", message);
    json_decref(message);
    if (answer == NULL)
        return 0;
    json_t *object = json_loads(answer, JSON_REJECT_DUPLICATES, NULL);
    g_assert_nonnull(object);
    g_assert_cmpstr(json_string_value(json_object_get(object, "op")), ==, "refuse");
    g_assert_null(strchr(answer, '\n'));
    json_decref(object);
    return 0;
}
