/** Takes settings: a value holds from when it was first seen until another is. */
import type { AgentPayload } from "@quern/contract/agent/payload";
import type { SettingDetail } from "@quern/contract/agent/server";
import { sql } from "kysely";
import { noteEvents } from "./event-notes.ts";
import type { Reading } from "./reading.ts";

export async function takeSettings(
  reading: Reading,
  { settings, settings_detail }: Pick<AgentPayload, "settings" | "settings_detail">,
): Promise<void> {
  const details =
    settings_detail ?? Object.entries(settings ?? {}).map(([name, value]) => nameOnly(name, value));
  if (details.length === 0) return;
  const { db, server_id, taken_at } = reading;
  const { rows: changed } = await sql<{
    name: string;
    before: string | null;
    after: string | null;
    unit: string | null;
  }>`
    with sent as (
      select distinct on (name) * from jsonb_to_recordset(${JSON.stringify(details)}::jsonb) as sent (name text, value text,
        unit text, category text, source text, default_value text, context text, pending_restart boolean)
    ), different as (
      select sent.*, current.value as before, current.name is not null as known
      from sent left join health_settings as current
        on current.server_id = ${server_id} and current.name = sent.name and current.until_at is null
      where current.name is null
        or (current.from_at < ${taken_at} and (current.value, current.pending_restart, current.source)
          is distinct from (sent.value, sent.pending_restart, sent.source))
    ), ended as (
      update health_settings as current set until_at = ${taken_at}
      from different where current.server_id = ${server_id} and current.name = different.name and current.until_at is null
      returning current.name
    ), begun as (
      insert into health_settings (server_id, name, from_at, value, unit, category, source, default_value, context, pending_restart)
      select ${server_id}::uuid, name, ${taken_at}::timestamptz, value, unit, category, source, default_value, context, pending_restart
      from different where (select count(*) from ended) >= 0
    )
    select name, before, value as after, unit from different where known and before is distinct from value`.execute(
    db,
  );
  await noteEvents(
    reading,
    changed.map(({ name, ...details }) => ({
      type: "setting",
      subject: name,
      details,
      of: "server",
    })),
  );
}

/** The original agent sends texts alone. */
function nameOnly(name: string, value: string | null): SettingDetail {
  const nothing = { unit: null, category: null, source: null, default_value: null, context: null };
  return { name, value, ...nothing, pending_restart: false };
}
