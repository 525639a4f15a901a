import type { ServerStats } from "@quern/contract/agent/server";
import type { Severity } from "@quern/contract/health/findings";
import { literal } from "@quern/contract/postgres-literal";
import { serverOf } from "../facts.ts";
import { missingPart } from "../facts-server-parts.ts";
import { advice, fact, fixBy, found, judged, severityBy } from "../finding.ts";
import type { Fix, Rule } from "../rule.ts";

const AGES = { info: 1_000_000, warning: 10_000_000, critical: 100_000_000 };
const HOURS = 24;

type Holder = NonNullable<ServerStats["horizon"]>[number];

export const rule: Rule = {
  id: "vacuum-horizon",
  title: "Something keeps vacuum from removing dead rows",
  category: "horizon",
  explanation:
    "Vacuum may remove a row version only when nobody can see it any more. A session, a slot, a prepared transaction or a replica still could, so that dead rows of all tables pile up behind it.",
  source:
    "Age of 1, 10 or 100 million transactions (Dasha), or held for more than 24 hours (pganalyze).",
  weight: { info: 5, warning: 20, critical: 60 },
  caps: false,
  of: "server",
  every_s: 120,
  needs: ["server"],
  engines: ["postgres"],
  async judge(subject) {
    const { body } = (await serverOf(subject))!;
    if (body.horizon === undefined)
      return missingPart(subject, "server.horizon", "who holds the horizon");
    // Vacuum itself holds nothing up, however long it takes.
    const vacuums = new Set((body.vacuum_progress ?? []).map(({ pid }) => String(pid)));
    const holders = body.horizon.filter(
      ({ type, name }) => type !== "backend" || !vacuums.has(name ?? ""),
    );
    return judged(
      holders.flatMap((holder) => {
        const age = Number(holder.age_xids);
        const held_s = (subject.now.getTime() - Date.parse(holder.since ?? "")) / 1000;
        const long = held_s > HOURS * 3600;
        const severity = gravest(severityBy(age, AGES), long ? "warning" : undefined);
        if (severity === undefined) return [];
        const evidence = [
          fact("holder", WORDS[holder.type], "text"),
          fact("age", age, "xids", AGES[severity]),
          ...(Number.isNaN(held_s)
            ? []
            : [fact("held_for", Math.round(held_s), "seconds", HOURS * 3600)]),
          ...(holder.database ? [fact("database", holder.database, "text")] : []),
          ...(holder.user_name ? [fact("user", holder.user_name, "text")] : []),
        ];
        const object = `${holder.type} ${holder.name ?? ""}`.trim();
        return [found(object, severity, evidence, { fix: fixOf(holder) })];
      }),
    );
  },
};

const WORDS: Record<Holder["type"], string> = {
  backend: "a session",
  slot: "a replication slot",
  slot_catalog: "a logical slot (system catalogs only)",
  prepared: "a prepared transaction",
  standby: "a replica with hot_standby_feedback",
};

function gravest(...severities: (Severity | undefined)[]): Severity | undefined {
  return (["critical", "warning", "info"] as const).find((each) => severities.includes(each));
}

function fixOf({ type, name }: Holder): Fix {
  if (type === "backend" && /^\d+$/.test(name ?? ""))
    return fixBy(
      `select pg_terminate_backend(${name});`,
      "End the session when it may be ended. To keep it from coming back set idle_in_transaction_session_timeout or transaction_timeout (17).",
    );
  if (type === "slot" || type === "slot_catalog")
    return fixBy(
      `select pg_drop_replication_slot(${literal(name ?? "")});`,
      "Start its consumer again, or drop the slot when nobody will come back for it: what it has not received is lost for it then.",
    );
  if (type === "prepared")
    return fixBy(
      "select gid, prepared, owner, database from pg_prepared_xacts order by prepared;",
      "Find it in its database, then COMMIT PREPARED or ROLLBACK PREPARED with its gid.",
    );
  return advice(
    "Look for a long query on the replica: it holds the horizon here as long as it runs. Or switch hot_standby_feedback off there and live with canceled queries.",
  );
}
