/** What admins set for their organisation, and the defaults of what nobody has set. */
import type { Limits } from "@quern/contract/datasources";
import { DEFAULT_SETTINGS, type Settings, type SettingsChange } from "@quern/contract/settings";
import { sql } from "kysely";
import type { Database } from "./db.ts";

export async function readSettings(db: Database, orgId: string, lock = false): Promise<Settings> {
  const { rows } = await sql<{ settings: SettingsChange }>`
    select settings from orgs where id = ${orgId} ${lock ? sql`for no key update` : sql``}`.execute(
    db,
  );
  return mergeSettings(DEFAULT_SETTINGS, rows[0]?.settings ?? {});
}

/** What bounds a run on the datasource: the settings of its organisation and its own limits; undefined when it was deleted. */
export async function readLimitScope(
  db: Database,
  datasourceId: string,
): Promise<{ settings: Settings; datasource: Partial<Limits> } | undefined> {
  const { rows } = await sql<{ settings: SettingsChange; limits: Partial<Limits> }>`
    select orgs.settings, datasources.limits
    from datasources join orgs on orgs.id = datasources.org_id
    where datasources.id = ${datasourceId} and datasources.deleted_at is null`.execute(db);
  if (!rows[0]) return undefined;
  return {
    settings: mergeSettings(DEFAULT_SETTINGS, rows[0].settings),
    datasource: rows[0].limits,
  };
}

/** Stores the settings as a whole. Read them `lock`ed in the same transaction. */
export async function writeSettings(
  db: Database,
  orgId: string,
  settings: Settings,
): Promise<void> {
  await sql`update orgs set settings = ${JSON.stringify(settings)} where id = ${orgId}`.execute(db);
}

/** `settings` with what the change says. */
export function mergeSettings(settings: Settings, change: SettingsChange): Settings {
  const { limits, jobs, instances, max_queued_per_person, display_links } = settings;
  const changed = change.limits ?? {};
  const ofJobs = change.jobs ?? {};
  const ofInstances = change.instances ?? {};
  return {
    limits: {
      timeout_ms: { ...limits.timeout_ms, ...changed.timeout_ms },
      max_rows: { ...limits.max_rows, ...changed.max_rows },
      max_bytes: { ...limits.max_bytes, ...changed.max_bytes },
      result_ttl_s: { ...limits.result_ttl_s, ...changed.result_ttl_s },
    },
    jobs: {
      timeout_ms: { ...jobs.timeout_ms, ...ofJobs.timeout_ms },
      job_ttl_s: { ...jobs.job_ttl_s, ...ofJobs.job_ttl_s },
      snapshot_ttl_s: { ...jobs.snapshot_ttl_s, ...ofJobs.snapshot_ttl_s },
      max_active_per_person: ofJobs.max_active_per_person ?? jobs.max_active_per_person,
      max_unfinished_per_person: ofJobs.max_unfinished_per_person ?? jobs.max_unfinished_per_person,
      max_blob_bytes: ofJobs.max_blob_bytes ?? jobs.max_blob_bytes,
    },
    instances: {
      ttl_s: { ...instances.ttl_s, ...ofInstances.ttl_s },
      max_per_person: ofInstances.max_per_person ?? instances.max_per_person,
      max_total: ofInstances.max_total ?? instances.max_total,
    },
    max_queued_per_person: change.max_queued_per_person ?? max_queued_per_person,
    display_links: change.display_links ?? display_links,
  };
}
