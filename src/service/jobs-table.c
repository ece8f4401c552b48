// SPDX-License-Identifier: Apache-2.0
// All kinds of jobs there are.
#include "service/jobs.h"

#include <string.h>

#include "service/host-balance.h"
#include "service/host-fence.h"
#include "service/media-private.h"
#include "service/network-job.h"
#include "service/template-job.h"

extern const YdJobKind yd_job_kind_desktop_create;
extern const YdJobKind yd_job_kind_desktop_start;
extern const YdJobKind yd_job_kind_desktop_shutdown;
extern const YdJobKind yd_job_kind_desktop_reboot;
extern const YdJobKind yd_job_kind_desktop_power_off;
extern const YdJobKind yd_job_kind_desktop_rebuild;
extern const YdJobKind yd_job_kind_desktop_delete;
extern const YdJobKind yd_job_kind_desktop_resize;
extern const YdJobKind yd_job_kind_desktop_pause;
extern const YdJobKind yd_job_kind_desktop_save;
extern const YdJobKind yd_job_kind_desktop_wake;
extern const YdJobKind yd_job_kind_desktop_warm;
extern const YdJobKind yd_job_kind_desktop_migrate;
extern const YdJobKind yd_job_kind_pool_handout;
extern const YdJobKind yd_job_kind_desktop_update;
extern const YdJobKind yd_job_kind_doctor;
extern const YdJobKind yd_job_kind_personal_disk_grow;
extern const YdJobKind yd_job_kind_restore_point_give_back;
extern const YdJobKind yd_job_kind_restore_point_create;
extern const YdJobKind yd_job_kind_restore_point_delete;
extern const YdJobKind yd_job_kind_desktop_restore;
extern const YdJobKind yd_job_kind_rollout;
extern const YdJobKind yd_job_kind_template_ram;
extern const YdJobKind yd_job_kind_workbench_finish;
extern const YdJobKind yd_job_kind_template_check;
extern const YdJobKind yd_job_kind_template_flatten;
extern const YdJobKind yd_job_kind_template_verify;
extern const YdJobKind yd_job_kind_personal_disk_restore;
extern const YdJobKind yd_job_kind_backup_make;
extern const YdJobKind yd_job_kind_backup_take;
extern const YdJobKind yd_job_kind_backup_drop;
extern const YdJobKind yd_job_kind_backup_verify;
extern const YdJobKind yd_job_kind_backup_delete;

const YdJobKind *const yd_job_kinds[] = {
    &yd_job_kind_personal_disk_restore,
    &yd_job_kind_backup_make,
    &yd_job_kind_backup_take,
    &yd_job_kind_backup_drop,
    &yd_job_kind_backup_verify,
    &yd_job_kind_backup_delete,
    &yd_job_kind_desktop_create,
    &yd_job_kind_desktop_start,
    &yd_job_kind_desktop_shutdown,
    &yd_job_kind_desktop_reboot,
    &yd_job_kind_desktop_power_off,
    &yd_job_kind_desktop_rebuild,
    &yd_job_kind_desktop_delete,
    &yd_job_kind_desktop_resize,
    &yd_job_kind_desktop_pause,
    &yd_job_kind_desktop_save,
    &yd_job_kind_desktop_wake,
    &yd_job_kind_desktop_warm,
    &yd_job_kind_desktop_migrate,
    &yd_job_kind_host_fence,
    &yd_job_kind_host_drain,
    &yd_job_kind_host_balance,
    &yd_job_kind_pool_handout,
    &yd_job_kind_desktop_update,
    &yd_job_kind_doctor,
    &yd_job_kind_restore_point_give_back,
    &yd_job_kind_restore_point_create,
    &yd_job_kind_restore_point_delete,
    &yd_job_kind_desktop_restore,
    &yd_job_kind_rollout,
    &yd_job_kind_media_check,
    &yd_job_kind_network_create,
    &yd_job_kind_network_delete,
    &yd_job_kind_personal_disk_grow,
    &yd_job_kind_template_check,
    &yd_job_kind_template_flatten,
    &yd_job_kind_template_import,
    &yd_job_kind_template_ram,
    &yd_job_kind_template_verify,
    &yd_job_kind_template_version_delete,
    &yd_job_kind_workbench_finish,
    NULL,
};

static const YdJobKind *const *more;

void
yd_jobs_add_kinds(const YdJobKind *const *kinds)
{
    more = kinds;
}

const YdJobKind *
yd_job_kind(const char *kind)
{
    const YdJobKind *const *lists[] = {yd_job_kinds, more};
    for (gsize i = 0; i < G_N_ELEMENTS(lists); i++) {
        for (gsize j = 0; lists[i] && lists[i][j]; j++) {
            if (strcmp(lists[i][j]->kind, kind) == 0)
                return lists[i][j];
        }
    }
    return NULL;
}
