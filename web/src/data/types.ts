// The records as the API gives them, by their names in openapi.yaml.
import type { components } from '../api/schema';

type Schemas = components['schemas'];
export type User = Schemas['User'];
export type Department = Schemas['Department'];
export type Membership = Schemas['Membership'];
export type Template = Schemas['Template'];
export type TemplateVersion = Schemas['TemplateVersion'];
export type Media = Schemas['Media'];
export type Network = Schemas['Network'];
export type Address = Schemas['Address'];
export type NetworkHost = Schemas['NetworkHost'];
export type Pool = Schemas['Pool'];
export type Rollout = Schemas['Rollout'];
export type RolloutDesktop = Schemas['RolloutDesktop'];
export type Entitlement = Schemas['Entitlement'];
export type Host = Schemas['Host'];
export type Desktop = Schemas['Desktop'];
export type PersonalDisk = Schemas['PersonalDisk'];
export type Backup = Schemas['Backup'];
export type BackupStatus = Schemas['BackupStatus'];
export type RestorePoint = Schemas['RestorePoint'];
export type Connection = Schemas['Connection'];
export type Job = Schemas['Job'];
export type Audit = Schemas['Audit'];
export type Gate = Schemas['Gates']['items'][number];
export type OwnLogin = Schemas['OwnLogin'];
export type Activity = Schemas['Activity'];

export interface Page<T> {
  items: T[];
  next: string | null;
  total?: number;
}
