// SPDX-License-Identifier: Apache-2.0
// All handlers that the table of routes names; each stands in the file of its resource. A handler
// parses, makes one service call and writes the answer.
#pragma once

#include "api/request.h"

#define YD_HANDLER(name) gboolean yd_handle_##name(YdRequest *request, GError **error)

// resource.c: lists and gets of every noun, and create, change and delete by resource-nouns.c.
YD_HANDLER(list);
YD_HANDLER(get);
YD_HANDLER(create);
YD_HANDLER(update);
YD_HANDLER(remove);

// me.c
YD_HANDLER(login);
YD_HANDLER(logout);
YD_HANDLER(me);
YD_HANDLER(me_update);
YD_HANDLER(me_password);
YD_HANDLER(me_logins);
YD_HANDLER(me_login_end);
YD_HANDLER(me_desktops);

// users.c
YD_HANDLER(user_create);
YD_HANDLER(user_password);
YD_HANDLER(user_import);
YD_HANDLER(user_export);

// departments.c
YD_HANDLER(department_members);
YD_HANDLER(department_member_add);
YD_HANDLER(department_member_remove);
YD_HANDLER(department_managers);
YD_HANDLER(department_manager_add);
YD_HANDLER(department_manager_remove);

// templates.c
YD_HANDLER(version_import);
YD_HANDLER(version_delete);
YD_HANDLER(version_ram_make);
YD_HANDLER(version_ram_delete);
YD_HANDLER(version_check);
YD_HANDLER(version_verify);
YD_HANDLER(version_flatten);
YD_HANDLER(upload);

// media.c; the bytes: upload.c
YD_HANDLER(media_get);
YD_HANDLER(media_finish);
YD_HANDLER(media_content);

// workbenches.c
YD_HANDLER(workbench_create);
YD_HANDLER(workbench_finish);
YD_HANDLER(workbench_open);

// networks.c
YD_HANDLER(network_create);
YD_HANDLER(network_update);
YD_HANDLER(network_delete);

// pools.c
YD_HANDLER(pool_entitlements);
YD_HANDLER(pool_entitle);
YD_HANDLER(pool_unentitle);
YD_HANDLER(pool_handout);
YD_HANDLER(pool_connect);

// rollouts.c
YD_HANDLER(rollout_start);
YD_HANDLER(rollout_pause);
YD_HANDLER(rollout_resume);
YD_HANDLER(rollout_back);

// desktops.c
YD_HANDLER(desktop_update);
YD_HANDLER(desktop_delete);
YD_HANDLER(desktop_start);
YD_HANDLER(desktop_shutdown);
YD_HANDLER(desktop_reboot);
YD_HANDLER(desktop_power_off);
YD_HANDLER(desktop_rebuild);
YD_HANDLER(desktop_stats);
YD_HANDLER(desktop_screenshot);
YD_HANDLER(desktop_picture);
YD_HANDLER(desktop_connect);
YD_HANDLER(connection_cut);

// personal-disks.c
YD_HANDLER(personal_disk_grow);
YD_HANDLER(personal_disk_move);

// restore-files.c
YD_HANDLER(restore_files_list);
YD_HANDLER(restore_files_get);
YD_HANDLER(restore_files_give);
// backups.c
YD_HANDLER(backup_create);
YD_HANDLER(backup_restore);
YD_HANDLER(backup_verify);
YD_HANDLER(backup_delete);
YD_HANDLER(backup_status);

// restore-points.c
YD_HANDLER(restore_point_create);
YD_HANDLER(restore_point_restore);
YD_HANDLER(restore_point_delete);

// system.c
YD_HANDLER(job_cancel);
YD_HANDLER(settings);
YD_HANDLER(settings_update);
YD_HANDLER(overview);
YD_HANDLER(activity);
YD_HANDLER(gates);
YD_HANDLER(gate_drain);
YD_HANDLER(host_drain);
YD_HANDLER(host_fence);
YD_HANDLER(host_what_if);
YD_HANDLER(balance_propose);
YD_HANDLER(balance_apply);
YD_HANDLER(desktop_migrate);
YD_HANDLER(gate_resume);
YD_HANDLER(ca);
YD_HANDLER(doctor);
YD_HANDLER(healthz);
YD_HANDLER(readyz);

// events.c, metrics.c
YD_HANDLER(events);
YD_HANDLER(metrics);

#undef YD_HANDLER
