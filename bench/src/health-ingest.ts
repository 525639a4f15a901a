import { createHmac, randomUUID } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import type { AgentPayload } from "@quern/contract/agent/payload";
import type { Client } from "@quern/contract/client";
import { createAgent } from "@quern/contract/health/agents";
import { serverOf, settingsOf } from "@quern/health/testing-history-server";
import {
  indexStatsOf,
  schemaOf,
  sessionsOf,
  statementsOf,
  tableStatsOf,
} from "@quern/health/testing-history-shop";
import { startBenched } from "./benched.ts";
import type { Measure } from "./main.ts";
import { elapsed, measure } from "./times.ts";

const AGENTS = 100;
const TURNS = 6;
const AT_ONCE = 6;
/** 100 agents, a payload each minute. */
const NEEDED_PER_S = AGENTS / 60;
const TICKS_PER_S = 100;

type Sender = { api_key: string; signing_secret: string; name: string };

/** What 100 agents send: 300 statements, a server, 6 samples a minute, tables and indexes every fifth, signed and compressed. */
export async function healthIngest(): Promise<Measure[]> {
  await using benched = await startBenched({ runner: false });
  const senders = await makeSenders(benched.client);
  const pid = await pidOfApi();
  // The first ones make servers, statements and schemas, which later ones find there.
  await sendAll(benched.url, messagesOf(senders, 0));
  const cpu = await cpuSeconds(pid);
  let [bytes, seconds] = [0, 0];
  for (let turn = 1; turn <= TURNS; turn += 1) {
    const messages = messagesOf(senders, turn);
    bytes += messages.reduce((sum, { wire }) => sum + wire.length, 0);
    seconds += (await elapsed(() => sendAll(benched.url, messages))) / 1000;
  }
  const count = AGENTS * TURNS;
  const per_payload_s = ((await cpuSeconds(pid)) - cpu) / count;
  const sizes = `${Math.round(bytes / count / 1000)} KB gzip each`;
  return [
    measure(
      `health: payloads taken (${sizes}); peer: what 100 agents send`,
      count / seconds,
      NEEDED_PER_S,
      "/s",
    ),
    measure(
      "health: a core that the API takes for 100 agents; peer: a whole one",
      per_payload_s * NEEDED_PER_S,
      1,
      "cores",
    ),
  ];
}

async function makeSenders(client: Client): Promise<Sender[]> {
  const senders: Sender[] = [];
  for (let n = 0; n < AGENTS; n += 1) {
    const name = `agent ${n}`;
    const { api_key, signing_secret } = await client.call(createAgent, { body: { name } });
    senders.push({ api_key, signing_secret, name });
  }
  return senders;
}

type Message = { headers: Record<string, string>; wire: Buffer };

/** One payload of each agent, signed and compressed. */
function messagesOf(senders: readonly Sender[], turn: number): Message[] {
  return senders.map((sender) => {
    const body = JSON.stringify(payloadOf(sender, turn));
    const timestamp = String(Math.floor(Date.now() / 1000));
    const signed = createHmac("sha256", sender.signing_secret).update(`${timestamp}.${body}`);
    const headers = {
      ...{ authorization: `Bearer ${sender.api_key}`, "content-type": "application/json" },
      ...{ "content-encoding": "gzip", "x-signature-timestamp": timestamp },
      "x-signature": signed.digest("hex"),
    };
    return { headers, wire: gzipSync(body) };
  });
}

async function sendAll(url: string, messages: readonly Message[]): Promise<void> {
  const waiting = [...messages];
  const work = async () => {
    for (let message = waiting.pop(); message; message = waiting.pop()) {
      const { headers, wire: body } = message;
      const response = await fetch(`${url}/api/v1/ingest`, { method: "POST", headers, body });
      const answer = await response.text();
      if (!response.ok) throw new Error(`a payload was refused: ${response.status} ${answer}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

function payloadOf({ name }: Sender, turn: number): AgentPayload {
  const at = new Date(Date.now() - (TURNS - turn + 1) * 60_000);
  const rare = turn % 5 === 0;
  return {
    ...{ agent_version: "0.1.0", timestamp: at.toISOString(), instance_id: name, node_id: name },
    ...{ node_name: name, snapshot_uuid: randomUUID(), sequence: turn },
    database: { type: "postgres", version: "PostgreSQL 18.4", provider: "generic", name: "shop" },
    query_stats: statementsOf(300, turn),
    server: serverOf(["shop"], turn, at),
    activity: Array.from({ length: 6 }, (_, n) => {
      const sampled = new Date(at.getTime() - n * 10_000);
      return { at: sampled.toISOString(), sessions: sessionsOf("shop", sampled), idle: 14 };
    }),
    ...(rare ? { table_stats: tableStatsOf(turn, at), index_stats: indexStatsOf(turn, at) } : {}),
    ...(turn === 0
      ? { schema: schemaOf({ note: true }), settings_detail: settingsOf({ work_mem: "4096" }) }
      : { schema_hash: schemaOf({ note: true }).hash! }),
  };
}

/** The API is a child of this process. */
async function pidOfApi(): Promise<number> {
  for (const thread of await readdir(`/proc/${process.pid}/task`)) {
    const children = await readFile(`/proc/${process.pid}/task/${thread}/children`, "utf8");
    for (const pid of children.trim().split(" ").filter(Boolean))
      if ((await readFile(`/proc/${pid}/cmdline`, "utf8")).includes("apps/api/"))
        return Number(pid);
  }
  throw new Error("the API is not a child of this process");
}

async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}
