// SPDX-License-Identifier: Apache-2.0
// The field tables of all records: column and JSON name, kind, and what people may do with it.
#include "model/records.h"

#include <string.h>

// clang-format off
#define SECRET YD_FIELD_SECRET
#define VIEW YD_FIELD_VIEW
#define SET YD_FIELD_SET
#define MAKE YD_FIELD_MAKE
#define FILTER YD_FIELD_FILTER
#define SORT YD_FIELD_SORT
#define SEARCH YD_FIELD_SEARCH
#define F(member, kind, flags) {#member, YD_FIELD_##kind, G_STRUCT_OFFSET(RECORD, member), flags}
#define TYPE(Type, name, noun, plural, table, view, prefix)                                        \
    static void name##_free_any(gpointer record) { yd_record_free(&name##_type, record); }         \
    const YdRecordType name##_type = {noun, plural, table, view, prefix, sizeof(Type),             \
                                      name##_fields, G_N_ELEMENTS(name##_fields), name##_free_any};\
    YD_RECORD_IMPL(Type, name)

#define RECORD YdUser
static const YdField yd_user_fields[] = {
    F(id, TEXT, 0),
    F(username, TEXT, MAKE | FILTER | SORT | SEARCH),
    F(number, TEXT, SET | FILTER | SORT | SEARCH),
    F(name, TEXT, SET | SORT | SEARCH),
    F(email, TEXT, SET | SEARCH),
    F(role, TEXT, SET | FILTER | SORT),
    F(password, TEXT, SECRET),
    F(enabled, BOOL, SET | FILTER),
    F(must_change, BOOL, FILTER),
    F(failed_logins, INT, 0),
    F(locked_until, TIME, 0),
    F(uid, INT, SORT),
    F(language, TEXT, SET),
    F(created, TIME, SORT),
    F(changed, TIME, SORT),
    F(last_login, TIME, SORT),
    F(version, INT, 0),
    F(department_names, TEXT, VIEW),
    F(department_ids, TEXT, VIEW | FILTER),
    F(last_seen, TIME, VIEW | FILTER),
    F(open_sessions, INT, VIEW),
    F(disk_bytes, INT, VIEW),
};
#undef RECORD
TYPE(YdUser, yd_user, "user", "users", "users", "user_view", "usr")

#define RECORD YdDepartment
static const YdField yd_department_fields[] = {
    F(id, TEXT, 0),
    F(number, TEXT, SET | FILTER | SORT | SEARCH),
    F(name, TEXT, SET | SORT | SEARCH),
    F(unit, TEXT, SET | FILTER | SORT | SEARCH),
    F(founded, INT, SET | SORT),
    F(network_id, TEXT, SET | FILTER),
    F(created, TIME, SORT),
    F(changed, TIME, SORT),
    F(version, INT, 0),
    F(network_name, TEXT, VIEW),
    F(members, INT, VIEW),
    F(managers, INT, VIEW),
};
#undef RECORD
TYPE(YdDepartment, yd_department, "department", "departments", "departments", "department_view", "dep")

#define RECORD YdMembership
static const YdField yd_membership_fields[] = {
    F(id, TEXT, 0),
    F(department_id, TEXT, FILTER),
    F(user_id, TEXT, MAKE | FILTER),
    F(created, TIME, SORT),
    F(department_name, TEXT, VIEW | SORT | SEARCH),
    F(username, TEXT, VIEW | SORT | SEARCH),
    F(user_name, TEXT, VIEW | SORT | SEARCH),
    F(role, TEXT, VIEW | FILTER),
};
#undef RECORD
TYPE(YdMembership, yd_membership, "membership", "memberships", "memberships", "membership_view", "mem")

#define RECORD YdManagership
static const YdField yd_managership_fields[] = {
    F(id, TEXT, 0),
    F(department_id, TEXT, FILTER),
    F(user_id, TEXT, MAKE | FILTER),
    F(created, TIME, SORT),
    F(department_name, TEXT, VIEW | SORT | SEARCH),
    F(username, TEXT, VIEW | SORT | SEARCH),
    F(user_name, TEXT, VIEW | SORT | SEARCH),
    F(role, TEXT, VIEW | FILTER),
};
#undef RECORD
TYPE(YdManagership, yd_managership, "managership", "managerships", "department_managers", "managership_view", "mgr")

#define RECORD YdLogin
static const YdField yd_login_fields[] = {
    F(id, TEXT, 0),
    F(user_id, TEXT, FILTER),
    F(token_hash, TEXT, SECRET),
    F(csrf_hash, TEXT, SECRET),
    F(kind, TEXT, FILTER),
    F(address, TEXT, FILTER),
    F(agent, TEXT, 0),
    F(created, TIME, SORT),
    F(last_used, TIME, SORT),
    F(expires, TIME, SORT),
    F(username, TEXT, VIEW),
    F(role, TEXT, VIEW),
    F(user_enabled, BOOL, VIEW),
    F(must_change, BOOL, VIEW),
};
#undef RECORD
TYPE(YdLogin, yd_login, "login", "logins", "logins", "login_view", "log")

#define RECORD YdTemplate
static const YdField yd_template_fields[] = {
    F(id, TEXT, 0),
    F(name, TEXT, SET | FILTER | SORT | SEARCH),
    F(description, TEXT, SET | SEARCH),
    F(os, TEXT, SET | FILTER | SORT),
    F(firmware, TEXT, MAKE | FILTER),
    F(access, TEXT, MAKE | FILTER),
    F(os_type, TEXT, FILTER),
    F(devices, TEXT, FILTER),
    F(tpm, BOOL, 0),
    F(created, TIME, SORT),
    F(changed, TIME, SORT),
    F(version, INT, 0),
    F(versions, INT, VIEW),
    F(desktops, INT, VIEW),
    F(newest, INT, VIEW),
    F(workbench_id, TEXT, VIEW),
    F(workbenches, INT, VIEW),
    F(disk_bytes, INT, VIEW),
    F(desktops_bytes, INT, VIEW),
};
#undef RECORD
TYPE(YdTemplate, yd_template, "template", "templates", "templates", "template_view", "tpl")

#define RECORD YdTemplateVersion
static const YdField yd_template_version_fields[] = {
    F(id, TEXT, 0),
    F(template_id, TEXT, FILTER),
    F(number, INT, SORT),
    F(state, TEXT, FILTER | SORT),
    F(image, TEXT, FILTER),
    F(format, TEXT, 0),
    F(checksum, TEXT, 0),
    F(notes, TEXT, SET | SEARCH),
    F(size_bytes, INT, SORT),
    F(virtual_bytes, INT, 0),
    F(error, TEXT, 0),
    F(ram_image, TEXT, FILTER),
    F(ram_vcpus, INT, 0),
    F(ram_memory_mib, INT, 0),
    F(ram_made, TIME, 0),
    F(ram_error, TEXT, 0),
    F(parent_id, TEXT, FILTER),
    F(author, TEXT, FILTER),
    F(depth, INT, 0),
    F(created, TIME, SORT),
    F(changed, TIME, SORT),
    F(version, INT, 0),
    F(template_name, TEXT, VIEW | SORT | SEARCH),
    F(os, TEXT, VIEW),
    F(firmware, TEXT, VIEW),
    F(access, TEXT, VIEW),
    F(parent_number, INT, VIEW),
    F(pools, INT, VIEW),
    F(desktops, INT, VIEW),
    F(workbenches, INT, VIEW),
    F(damage, TEXT, VIEW),
    F(checked, TIME, VIEW),
    F(disk_bytes, INT, VIEW),
    F(desktops_bytes, INT, VIEW),
};
#undef RECORD
TYPE(YdTemplateVersion, yd_template_version, "template-version", "template-versions", "template_versions", "template_version_view", "tpv")

#define RECORD YdMedia
static const YdField yd_media_fields[] = {
    F(id, TEXT, 0),
    F(name, TEXT, MAKE | FILTER | SORT | SEARCH),
    F(state, TEXT, FILTER | SORT),
    F(size_bytes, INT, MAKE | SORT),
    F(received_bytes, INT, 0),
    F(sha256, TEXT, MAKE),
    F(checksum, TEXT, FILTER),
    F(label, TEXT, SEARCH),
    F(bootable, BOOL, FILTER),
    F(error, TEXT, 0),
    F(created, TIME, SORT),
    F(changed, TIME, SORT),
    F(version, INT, 0),
};
#undef RECORD
TYPE(YdMedia, yd_media, "media", "media", "media", "media", "med")

#define RECORD YdNetwork
static const YdField yd_network_fields[] = {
    F(id, TEXT, 0),
    F(name, TEXT, SET | FILTER | SORT | SEARCH),
    F(mode, TEXT, MAKE | FILTER),
    F(cidr, TEXT, MAKE | SORT | SEARCH),
    F(gateway, TEXT, MAKE),
    F(range_first, TEXT, MAKE),
    F(range_last, TEXT, MAKE),
    F(vlan, INT, MAKE | FILTER),
    F(vni, INT, MAKE | FILTER),
    F(isolated, BOOL, MAKE | FILTER),
    F(bridge, TEXT, FILTER),
    F(state, TEXT, FILTER | SORT),
    F(error, TEXT, 0),
    F(created, TIME, SORT),
    F(changed, TIME, SORT),
    F(version, INT, 0),
    F(addresses_used, INT, VIEW),
    F(addresses_total, INT, VIEW),
    F(pools, INT, VIEW),
};
#undef RECORD
TYPE(YdNetwork, yd_network, "network", "networks", "networks", "network_view", "net")

#define RECORD YdNetworkHost
static const YdField yd_network_host_fields[] = {
    F(id, TEXT, 0),
    F(network_id, TEXT, FILTER),
    F(host_id, TEXT, FILTER),
    F(state, TEXT, FILTER),
    F(error, TEXT, 0),
    F(repaired, TEXT, 0),
    F(checked, TIME, 0),
    F(repaired_at, TIME, 0),
    F(network_name, TEXT, VIEW),
    F(host_name, TEXT, VIEW | SORT | SEARCH),
};
#undef RECORD
TYPE(YdNetworkHost, yd_network_host, "network_host", "network_hosts", "network_hosts",
     "network_host_view", "nwh")

#define RECORD YdAddress
static const YdField yd_address_fields[] = {
    F(id, TEXT, 0),
    F(network_id, TEXT, FILTER),
    F(desktop_id, TEXT, FILTER),
    F(ip, TEXT, FILTER | SEARCH),
    F(mac, TEXT, FILTER | SEARCH),
    F(ip_number, INT, SORT),
    F(created, TIME, SORT),
    F(network_name, TEXT, VIEW),
    F(desktop_name, TEXT, VIEW | SEARCH),
};
#undef RECORD
TYPE(YdAddress, yd_address, "address", "addresses", "addresses", "address_view", "adr")

#define RECORD YdPool
static const YdField yd_pool_fields[] = {
    F(id, TEXT, 0),
    F(name, TEXT, SET | FILTER | SORT | SEARCH),
    F(description, TEXT, SET | SEARCH),
    F(template_version_id, TEXT, SET | FILTER),
    F(network_id, TEXT, SET | FILTER),
    F(vcpus, INT, SET),
    F(memory_mib, INT, SET),
    F(disk_gib, INT, SET),
    F(personal_disk_gib, INT, SET),
    F(max_desktops, INT, SET),
    F(policy, JSON, SET),
    F(kind, TEXT, MAKE | FILTER),
    F(min_ready, INT, SET),
    F(warm, INT, SET),
    F(power, JSON, SET),
    F(enabled, BOOL, SET | FILTER),
    F(instant, BOOL, SET | FILTER),
    F(follow, TEXT, SET | FILTER),
    F(rollout, JSON, SET),
    F(created, TIME, SORT),
    F(changed, TIME, SORT),
    F(version, INT, 0),
    F(template_id, TEXT, VIEW | FILTER),
    F(template_name, TEXT, VIEW | SORT | SEARCH),
    F(network_name, TEXT, VIEW),
    F(access, TEXT, VIEW),
    F(os, TEXT, VIEW),
    F(template_number, INT, VIEW),
    F(desktops, INT, VIEW),
    F(desktops_ready, INT, VIEW),
    F(desktops_used, INT, VIEW),
    F(desktops_warm, INT, VIEW),
};
#undef RECORD
TYPE(YdPool, yd_pool, "pool", "pools", "pools", "pool_view", "pol")

#define RECORD YdEntitlement
static const YdField yd_entitlement_fields[] = {
    F(id, TEXT, 0),
    F(pool_id, TEXT, FILTER),
    F(department_id, TEXT, MAKE | FILTER),
    F(user_id, TEXT, MAKE | FILTER),
    F(created, TIME, SORT),
    F(pool_name, TEXT, VIEW | SORT),
    F(department_name, TEXT, VIEW | SORT | SEARCH),
    F(username, TEXT, VIEW | SORT | SEARCH),
};
#undef RECORD
TYPE(YdEntitlement, yd_entitlement, "entitlement", "entitlements", "entitlements", "entitlement_view", "ent")

#define RECORD YdHost
static const YdField yd_host_fields[] = {
    F(id, TEXT, 0),
    F(name, TEXT, SET | FILTER | SORT | SEARCH),
    F(uri, TEXT, MAKE),
    F(state, TEXT, SET | FILTER | SORT),
    F(wanted, TEXT, 0),
    F(since, TIME, 0),
    F(accel, TEXT, 0),
    F(accel_reason, TEXT, 0),
    F(cpu_model, TEXT, 0),
    F(error, TEXT, 0),
    F(cpus, INT, 0),
    F(memory_mib, INT, 0),
    F(memory_free_mib, INT, 0),
    F(reserve_mib, INT, SET),
    F(load, DOUBLE, 0),
    F(vcpu_ratio, DOUBLE, SET),
    F(storage_bytes, INT, 0),
    F(storage_free_bytes, INT, 0),
    F(seen, TIME, 0),
    F(created, TIME, SORT),
    F(changed, TIME, SORT),
    F(version, INT, 0),
    F(desktops, INT, VIEW),
    F(desktops_running, INT, VIEW),
};
#undef RECORD
TYPE(YdHost, yd_host, "host", "hosts", "hosts", "host_view", "hst")

#define RECORD YdDesktop
static const YdField yd_desktop_fields[] = {
    F(id, TEXT, 0),
    F(name, TEXT, SET | FILTER | SORT | SEARCH),
    F(pool_id, TEXT, FILTER),
    F(user_id, TEXT, FILTER),
    F(template_version_id, TEXT, FILTER),
    F(host_id, TEXT, FILTER),
    F(state, TEXT, FILTER | SORT),
    F(wanted, TEXT, FILTER),
    F(uuid, TEXT, FILTER),
    F(image, TEXT, FILTER),
    F(error, TEXT, 0),
    F(vcpus, INT, SET),
    F(memory_mib, INT, SET),
    F(disk_gib, INT, SET),
    F(next_vcpus, INT, 0),
    F(next_memory_mib, INT, 0),
    F(next_disk_gib, INT, 0),
    F(started, TIME, SORT),
    F(ready_at, TIME, 0),
    F(certificate, TEXT, 0),
    F(dns_name, TEXT, FILTER | SEARCH),
    F(certificate_name, TEXT, 0),
    F(certificate_expires, TIME, 0),
    F(placement, JSON, 0),
    F(prepared, BOOL, FILTER),
    F(taken, TIME, 0),
    F(fixed_port, INT, FILTER | SORT),
    F(template_id, TEXT, FILTER),
    F(media_id, TEXT, FILTER),
    F(drivers_id, TEXT, FILTER),
    F(ram_image, TEXT, FILTER),
    F(agent_seen, BOOL, 0),
    F(target_version_id, TEXT, FILTER),
    F(created, TIME, SORT),
    F(changed, TIME, SORT),
    F(version, INT, 0),
    F(pool_name, TEXT, VIEW | SORT | SEARCH),
    F(username, TEXT, VIEW | SORT | SEARCH),
    F(user_name, TEXT, VIEW | SORT | SEARCH),
    F(host_name, TEXT, VIEW | SORT),
    F(template_name, TEXT, VIEW | SORT),
    F(access, TEXT, VIEW),
    F(os, TEXT, VIEW),
    F(template_number, INT, VIEW),
    F(firmware, TEXT, VIEW),
    F(devices, TEXT, VIEW),
    F(tpm, BOOL, VIEW),
    F(network_id, TEXT, VIEW),
    F(ip, TEXT, VIEW | SEARCH),
    F(mac, TEXT, VIEW | SEARCH),
    F(department_ids, TEXT, VIEW | FILTER),
    F(open_sessions, INT, VIEW),
    F(personal_disk_id, TEXT, VIEW),
    F(personal_disk_gib, INT, VIEW),
    F(disk_bytes, INT, VIEW),
};
#undef RECORD
TYPE(YdDesktop, yd_desktop, "desktop", "desktops", "desktops", "desktop_view", "dsk")

#define RECORD YdPersonalDisk
static const YdField yd_personal_disk_fields[] = {
    F(id, TEXT, 0),
    F(pool_id, TEXT, FILTER),
    F(user_id, TEXT, FILTER),
    F(owner, TEXT, 0),
    F(image, TEXT, FILTER),
    F(state, TEXT, FILTER | SORT),
    F(size_gib, INT, SORT),
    F(formatted, BOOL, 0),
    F(desktop_id, TEXT, FILTER),
    F(error, TEXT, 0),
    F(created, TIME, SORT),
    F(changed, TIME, SORT),
    F(version, INT, 0),
    F(name, TEXT, VIEW | FILTER | SORT | SEARCH),
    F(pool_name, TEXT, VIEW | SORT | SEARCH),
    F(username, TEXT, VIEW | SORT | SEARCH),
    F(user_name, TEXT, VIEW | SORT | SEARCH),
    F(desktop_name, TEXT, VIEW | SORT),
    F(desktop_state, TEXT, VIEW),
    F(disk_bytes, INT, VIEW),
};
#undef RECORD
TYPE(YdPersonalDisk, yd_personal_disk, "personal-disk", "personal-disks", "personal_disks", "personal_disk_view", "pdk")

#define RECORD YdRestorePoint
static const YdField yd_restore_point_fields[] = {
    F(id, TEXT, 0),
    F(desktop_id, TEXT, FILTER),
    F(kind, TEXT, FILTER | SORT),
    F(state, TEXT, FILTER | SORT),
    F(note, TEXT, SEARCH),
    F(image, TEXT, 0),
    F(personal_disk_id, TEXT, FILTER),
    F(frozen, BOOL, 0),
    F(taken, TIME, SORT),
    F(error, TEXT, 0),
    F(created, TIME, SORT),
    F(changed, TIME, SORT),
    F(version, INT, 0),
    F(system, BOOL, VIEW),
    F(desktop_name, TEXT, VIEW | SORT | SEARCH),
    F(user_id, TEXT, VIEW | FILTER),
    F(username, TEXT, VIEW | SORT | SEARCH),
};
#undef RECORD
TYPE(YdRestorePoint, yd_restore_point, "restore-point", "restore-points", "restore_points", "restore_point_view", "rpt")

#define RECORD YdBackup
static const YdField yd_backup_fields[] = {
    F(id, TEXT, 0),
    F(what, TEXT, FILTER | SORT),
    F(object_id, TEXT, FILTER),
    F(object_name, TEXT, SORT | SEARCH),
    F(desktop_id, TEXT, FILTER),
    F(pool_id, TEXT, FILTER),
    F(kind, TEXT, FILTER | SORT),
    F(origin, TEXT, FILTER | SORT),
    F(state, TEXT, FILTER | SORT),
    F(image, TEXT, 0),
    F(base, TEXT, 0),
    F(previous_id, TEXT, 0),
    F(point, BOOL, 0),
    F(frozen, BOOL, 0),
    F(bytes, INT, SORT),
    F(held_bytes, INT, SORT),
    F(stored_bytes, INT, SORT),
    F(checksum, TEXT, 0),
    F(taken, TIME, SORT),
    F(ended, TIME, SORT),
    F(verified, TIME, SORT),
    F(error, TEXT, 0),
    F(created, TIME, SORT),
    F(changed, TIME, SORT),
    F(version, INT, 0),
    F(pool_name, TEXT, VIEW | SORT | SEARCH),
};
#undef RECORD
TYPE(YdBackup, yd_backup, "backup", "backups", "backups", "backup_view", "bkp")

#define RECORD YdRollout
static const YdField yd_rollout_fields[] = {
    F(id, TEXT, 0),
    F(pool_id, TEXT, FILTER),
    F(from_version_id, TEXT, 0),
    F(to_version_id, TEXT, FILTER),
    F(from_number, INT, 0),
    F(to_number, INT, 0),
    F(mode, TEXT, FILTER),
    F(plan, JSON, 0),
    F(state, TEXT, FILTER | SORT),
    F(resumes, TEXT, 0),
    F(forgiven, INT, 0),
    F(gate, JSON, 0),
    F(reason, TEXT, 0),
    F(user_id, TEXT, FILTER),
    F(created, TIME, SORT),
    F(changed, TIME, SORT),
    F(ended, TIME, SORT),
    F(keep_until, TIME, 0),
    F(version, INT, 0),
    F(pool_name, TEXT, VIEW | SORT | SEARCH),
    F(template_name, TEXT, VIEW | SEARCH),
    F(username, TEXT, VIEW),
    F(total, INT, VIEW),
    F(moved, INT, VIEW),
    F(healthy, INT, VIEW),
    F(failed, INT, VIEW),
    F(kept, INT, VIEW),
};
#undef RECORD
TYPE(YdRollout, yd_rollout, "rollout", "rollouts", "rollouts", "rollout_view", "rol")

#define RECORD YdRolloutDesktop
static const YdField yd_rollout_desktop_fields[] = {
    F(id, TEXT, 0),
    F(rollout_id, TEXT, FILTER),
    F(desktop_id, TEXT, FILTER),
    F(from_version_id, TEXT, 0),
    F(stage, TEXT, FILTER | SORT),
    F(state, TEXT, FILTER | SORT),
    F(kept_image, TEXT, SECRET),
    F(kept, JSON, SECRET),
    F(left_image, TEXT, SECRET),
    F(moved, TIME, SORT),
    F(tried, TIME, 0),
    F(error, TEXT, 0),
    F(created, TIME, SORT),
    F(changed, TIME, SORT),
    F(version, INT, 0),
    F(desktop_name, TEXT, VIEW | SORT | SEARCH),
    F(desktop_state, TEXT, VIEW),
    F(username, TEXT, VIEW | SORT | SEARCH),
    F(user_name, TEXT, VIEW | SEARCH),
    F(open_sessions, INT, VIEW),
};
#undef RECORD
TYPE(YdRolloutDesktop, yd_rollout_desktop, "rollout-desktop", "rollout-desktops", "rollout_desktops", "rollout_desktop_view", "rod")

#define RECORD YdConnection
static const YdField yd_connection_fields[] = {
    F(id, TEXT, 0),
    F(desktop_id, TEXT, FILTER),
    F(user_id, TEXT, FILTER),
    F(login_id, TEXT, FILTER),
    F(protocol, TEXT, FILTER | SORT),
    F(ticket_hash, TEXT, SECRET),
    F(gate, TEXT, FILTER),
    F(client_address, TEXT, FILTER | SEARCH),
    F(source, TEXT, 0),
    F(state, TEXT, FILTER | SORT),
    F(created, TIME, SORT),
    F(expires, TIME, 0),
    F(first_used, TIME, 0),
    F(last_seen, TIME, FILTER | SORT),
    F(ended, TIME, SORT),
    F(sockets, INT, 0),
    F(redeems, INT, 0),
    F(bytes_up, INT, 0),
    F(bytes_down, INT, 0),
    F(rtt_us, INT, 0),
    F(min_rtt_us, INT, 0),
    F(jitter_us, INT, 0),
    F(loss_ppm, INT, 0),
    F(lost, INT, 0),
    F(queue_us, INT, 0),
    F(rate, INT, 0),
    F(server_us, INT, 0),
    F(first_byte_ms, INT, 0),
    F(first_picture_ms, INT, 0),
    F(score, INT, SORT),
    F(score_reason, TEXT, FILTER),
    F(reason, TEXT, 0),
    F(fixed_port, INT, FILTER),
    F(log_in, TEXT, FILTER),
    F(desktop_name, TEXT, VIEW | SORT | SEARCH),
    F(username, TEXT, VIEW | SORT | SEARCH),
    F(pool_name, TEXT, VIEW | SORT | SEARCH),
    F(department_ids, TEXT, VIEW | FILTER),
};
#undef RECORD
TYPE(YdConnection, yd_connection, "connection", "connections", "connections", "connection_view", "con")

#define RECORD YdJob
static const YdField yd_job_fields[] = {
    F(id, TEXT, 0),
    F(kind, TEXT, FILTER | SORT),
    F(object_kind, TEXT, FILTER),
    F(object_id, TEXT, FILTER),
    F(object_name, TEXT, SORT | SEARCH),
    F(user_id, TEXT, FILTER),
    F(state, TEXT, FILTER | SORT),
    F(step, TEXT, 0),
    F(step_number, INT, 0),
    F(steps, INT, 0),
    F(progress, INT, 0),
    F(args, JSON, 0),
    F(result, JSON, 0),
    F(parent_id, TEXT, FILTER),
    F(error_code, TEXT, FILTER),
    F(error, TEXT, 0),
    F(attempts, INT, 0),
    F(created, TIME, SORT),
    F(started, TIME, 0),
    F(ended, TIME, FILTER | SORT),
    F(changed, TIME, SORT),
    F(worker, TEXT, 0),
    F(lease, TIME, 0),
    F(username, TEXT, VIEW | SEARCH),
};
#undef RECORD
TYPE(YdJob, yd_job, "job", "jobs", "jobs", "job_view", "job")

#define RECORD YdAudit
static const YdField yd_audit_fields[] = {
    F(id, TEXT, 0),
    F(time, TIME, FILTER | SORT),
    F(user_id, TEXT, FILTER),
    F(username, TEXT, FILTER | SEARCH),
    F(address, TEXT, FILTER),
    F(request_id, TEXT, 0),
    F(act, TEXT, FILTER | SEARCH),
    F(object_kind, TEXT, FILTER),
    F(object_id, TEXT, FILTER),
    F(object_name, TEXT, SEARCH),
    F(outcome, TEXT, FILTER),
    F(details, JSON, 0),
};
#undef RECORD
TYPE(YdAudit, yd_audit, "audit", "audit", "audit", "audit", "aud")

// clang-format on

static const YdRecordType *const types[] = {
    &yd_user_type,
    &yd_department_type,
    &yd_membership_type,
    &yd_managership_type,
    &yd_login_type,
    &yd_template_type,
    &yd_template_version_type,
    &yd_media_type,
    &yd_network_type,
    &yd_network_host_type,
    &yd_address_type,
    &yd_pool_type,
    &yd_entitlement_type,
    &yd_host_type,
    &yd_desktop_type,
    &yd_personal_disk_type,
    &yd_restore_point_type,
    &yd_backup_type,
    &yd_rollout_type,
    &yd_rollout_desktop_type,
    &yd_connection_type,
    &yd_job_type,
    &yd_audit_type,
    NULL,
};

const YdRecordType *const *
yd_record_types(void)
{
    return types;
}

const YdRecordType *
yd_record_type(const char *noun)
{
    for (guint i = 0; types[i]; i++) {
        if (strcmp(types[i]->noun, noun) == 0)
            return types[i];
    }
    return NULL;
}
