import type { ServerStats } from "@quern/contract/agent/server";
import { sql } from "kysely";
import { serverOf } from "../facts.ts";
import { metricSums } from "../facts-metrics.ts";
import { missingPart } from "../facts-server-parts.ts";
import { DAY_S, lastSeconds, MINUTE_S } from "../facts-window.ts";
import { advice, fact, found, judged, notApplicable, severityBy } from "../finding.ts";
import type { Found, Rule, Subject } from "../rule.ts";

const MB = 1024 ** 2;
const BYTES = { info: 10 * MB, warning: 100 * MB, critical: 1024 * MB };
const TIME_MS = { info: 1_000, warning: 5_000, critical: 30_000 };
const WINDOW_S = 5 * MINUTE_S;

export const rule: Rule = {
  id: "replica-lag",
  title: "A replica is behind or gone",
  category: "replication",
  explanation:
    "The replica answers reads with old data, and after a failover what it has not received is lost. On a primary that writes nothing the time since the last record says nothing, so time counts only while bytes are missing.",
  source: "Dasha: 1, 5 and 30 s or 10 MB, 100 MB and 1 GB. Own: for 5 minutes on end.",
  weight: { info: 3, warning: 25, critical: 60 },
  caps: false,
  of: "server",
  every_s: 60,
  needs: ["server"],
  engines: ["postgres"],
  async judge(subject) {
    const { body: server } = (await serverOf(subject))!;
    if (server.replicas === undefined && server.receiver === undefined)
      return missingPart(subject, "server.replication", "the state of replication");
    const sustained = await sustainedLag(subject);
    const behind = sustained === null ? [] : lagging(server, sustained);
    const gone = await vanished(subject, server);
    const alone = server.replicas?.length === 0 && !server.receiver && gone.length === 0;
    if (alone) return notApplicable("This server has no replica, and is none.");
    return judged([...behind, ...gone]);
  },
};

type Lag = { bytes: number; ms: number };

/** The smallest lag (of the replica that is most behind) over five minutes; null when less is known. */
async function sustainedLag(subject: Subject): Promise<Lag | null> {
  const window = lastSeconds(subject, WINDOW_S + MINUTE_S);
  const names = ["replay_lag_bytes", "replay_lag_ms"] as const;
  const lags = await metricSums(subject, subject.server_id, names, window);
  const { replay_lag_bytes: bytes, replay_lag_ms: time } = lags;
  const known = [bytes, time].some(
    (lag) => lag && lag.last_at.getTime() - lag.first_at.getTime() >= WINDOW_S * 900,
  );
  return known ? { bytes: bytes?.min ?? 0, ms: time?.min ?? 0 } : null;
}

/** Those that are behind now, no more gravely than it was all the time. */
function lagging(server: ServerStats, sustained: Lag): Found[] {
  const nodes = (server.replicas ?? []).map((replica) => ({
    ...replica,
    name: replica.application_name ?? "replica",
  }));
  const own = server.receiver
    ? [
        {
          ...server.receiver,
          name: "this standby",
          state: server.receiver.status,
          sync_state: null,
        },
      ]
    : [];
  return [...nodes, ...own].flatMap((node): Found[] => {
    const bytes = Number(node.replay_lag_bytes ?? 0);
    const ms = bytes > 0 ? (node.replay_lag_ms ?? 0) : 0;
    const byBytes = severityBy(Math.min(bytes, sustained.bytes), BYTES);
    const byTime = severityBy(Math.min(ms, sustained.ms), TIME_MS);
    const severity = graver(byBytes, byTime);
    if (severity === undefined) return [];
    const evidence = [
      fact("lag_bytes", bytes, "bytes", BYTES[severity]),
      fact("lag_time", ms, "ms", TIME_MS[severity]),
      fact("least_bytes_in_5_minutes", sustained.bytes, "bytes"),
      fact("state", node.state, "text"),
      fact("sync_state", node.sync_state, "text"),
    ];
    const words =
      "When it receives late, look at the network; when it replays late, at the replica: a long query there that conflicts (max_standby_streaming_delay), slow disks, or one processor busy with replaying.";
    return [found(node.name, severity, evidence, { fix: advice(words) })];
  });
}

type Grade = Found["severity"];
function graver(...grades: (Grade | undefined)[]): Grade | undefined {
  return (["critical", "warning", "info"] as const).find((each) => grades.includes(each));
}

/** Named replicas of the last days that are no longer connected. Clients such as pg_basebackup come and go. */
async function vanished(subject: Subject, server: ServerStats): Promise<Found[]> {
  if (server.replicas === undefined) return [];
  const { rows } = await sql<{ name: string | null; at: Date; count: number }>`
    select replica ->> 'application_name' as name, documents.at, count(*)::integer as count
    from health_documents as documents join health_databases as databases on databases.id = documents.database_id,
      jsonb_array_elements(documents.body -> 'replicas') as replica
    where databases.server_id = ${subject.server_id} and section = 'server'
      and documents.at > ${subject.now}::timestamptz - interval '3 days'
      and replica ->> 'state' = 'streaming'
    group by 1, 2 order by 2`.execute(subject.db);
  const { replicas } = server;
  // Several may call themselves the same: of those it counts how many there are.
  const present = (name: string) =>
    replicas.filter(({ application_name }) => application_name === name).length;
  const missed = new Map<string, { at: Date; count: number }>();
  for (const { name, at, count } of rows)
    if (name !== null && count > present(name)) missed.set(name, { at, count });
  const gone = [...missed].map(([name, { at, count }]) => ({ name, at, count }));
  if (gone.length === 0 && replicas.length === 0)
    gone.push(...(await unnamed(subject)).map((each) => ({ ...each, count: 1 })));
  return gone.map(({ name, at, count }) => {
    const words =
      "Start it again, or look in its log why it does not connect. While it is away its slot keeps WAL. If it was taken out of service, drop its slot.";
    const evidence = [
      fact("last_seen_at", at.toISOString(), "time"),
      ...(count > 1 ? [fact("connected", present(name), "count", count)] : []),
    ];
    return found(`gone: ${name}`, "warning", evidence, { fix: advice(words) });
  });
}

/** What came and went within a day left its lag among the numbers, but not its name. */
async function unnamed(subject: Subject): Promise<{ name: string; at: Date }[]> {
  if (subject.in_recovery) return [];
  const window = lastSeconds(subject, DAY_S);
  const lags = await metricSums(subject, subject.server_id, ["replay_lag_bytes"], window);
  const at = lags.replay_lag_bytes?.last_at;
  return at === undefined ? [] : [{ name: "a replica", at }];
}
