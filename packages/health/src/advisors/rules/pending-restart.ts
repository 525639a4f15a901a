import { sql } from "kysely";
import { advice, fact, found, judged, notEnough } from "../finding.ts";
import type { Rule } from "../rule.ts";

export const rule: Rule = {
  id: "pending-restart",
  title: "Changed settings wait for a restart",
  category: "maintenance",
  explanation:
    "The configuration says something else than the server does: it takes the new values with the next restart, planned or not. What happens after a crash is then different from what was tested.",
  source: "pgMonitor: pg_settings.pending_restart.",
  weight: { info: 2, warning: 2, critical: 2 },
  caps: false,
  of: "server",
  every_s: 600,
  needs: ["settings"],
  engines: ["postgres"],
  async judge({ db, server_id }) {
    const { rows: details } = await sql<{ known: boolean }>`
      select exists (select from health_settings
        where server_id = ${server_id} and until_at is null and source is not null) as known`.execute(
      db,
    );
    if (!details[0]!.known)
      return notEnough("This agent does not say which settings wait; Quern's own does.");
    const { rows } = await sql<{ name: string; value: string | null; from_at: Date }>`
      select name, value, from_at from health_settings
      where server_id = ${server_id} and until_at is null and pending_restart order by name`.execute(
      db,
    );
    return judged(
      rows.map(({ name, value, from_at }) => {
        const evidence = [
          fact("value_now", value, "text"),
          fact("seen_since", from_at.toISOString(), "time"),
        ];
        const words =
          "Plan a restart, or take the change back. `select name, setting, error from pg_file_settings` has what the files say.";
        return found(name, "info", evidence, { fix: advice(words) });
      }),
    );
  },
};
