import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createClient } from "@quern/contract/client";
import type { LogLine } from "@quern/contract/job-logs";
import { afterEach, expect, test } from "vitest";
import { coloursOf } from "../colours.ts";
import type { Context } from "../commands/command.ts";
import { openFetch } from "../http.ts";
import { InterruptedError } from "../interrupts.ts";
import { create } from "./create.ts";
import { followJob } from "./follow.ts";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** A server that answers as the tests say, and a command's context that talks to it. */
async function against(
  answer: Answer,
): Promise<{ context: Context; interrupt(): void; said: string[] }> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  servers.push(server);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const said: string[] = [];
  const interrupting = new AbortController();
  const fetch = openFetch();
  const plain = coloursOf(false);
  return {
    said,
    interrupt: () => interrupting.abort(new InterruptedError()),
    context: {
      settings: { QUERN_URL: url },
      folder: "/",
      environment: {},
      client: createClient(url, "token", fetch),
      fetch,
      interrupts: { signal: interrupting.signal, take: () => () => {} },
      terminal: {
        out: async () => {},
        say: (line) => said.push(line),
        progress: () => {},
        isTTY: false,
        columns: 80,
        colours: { out: plain, err: plain },
      },
    },
  };
}

const ID = "0b5ba8f4-6a3c-4d09-9d2f-1b1f0a9f3f10";
const json = (response: ServerResponse, status: number, body: unknown) =>
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
const problem = (response: ServerResponse, status: number, code: string) =>
  json(response, status, {
    type: "about:blank",
    title: code,
    status,
    detail: code,
    code,
    request_id: "",
  });
const log = (id: number) =>
  `id: ${id}\nevent: log\ndata: ${JSON.stringify({ id, level: "info" })}\n\n`;

/** Serves the log by `stream`, and the job as it says. */
function jobServer(stream: Answer, status = () => "completed"): Answer {
  return (request, response) => {
    if (request.url!.includes("/logs")) stream(request, response);
    else if (request.method === "POST") json(response, 202, { id: ID, status: status() });
    else json(response, 200, { id: ID, status: status() });
  };
}

test("a log that breaks off is read on from its last line, and no line comes twice", async () => {
  const asked: (string | undefined)[] = [];
  const { context } = await against(
    jobServer((request, response) => {
      const last = request.headers["last-event-id"] as string | undefined;
      asked.push(last);
      if (asked.length === 2) return void problem(response, 503, "shutting_down");
      if (asked.length === 3) return void request.socket.destroy();
      response.writeHead(200, { "content-type": "text/event-stream" });
      if (last === undefined) {
        response.write(`: hello\n\n${log(1)}${log(2)}`);
        setImmediate(() => response.destroy());
      } else response.end(`${log(2)}${log(3)}event: end\ndata: {}\n\n`);
    }),
  );
  const lines: number[] = [];
  const job = await followJob(context, ID, { log: ({ id }: LogLine) => lines.push(id) });
  expect(job.status).toBe("completed");
  expect(lines).toEqual([1, 2, 3]);
  expect(asked).toEqual([undefined, "2", "2", "2"]);
});

test("Ctrl-C cancels the job, whose end is waited for", async () => {
  let canceled = false;
  let end = () => {};
  const { context, interrupt, said } = await against((request, response) => {
    if (request.url!.endsWith("/cancel")) {
      canceled = true;
      end();
    }
    jobServer(
      (_, stream) => {
        stream.writeHead(200, { "content-type": "text/event-stream" });
        stream.write(log(1));
        end = () => stream.end("event: end\ndata: {}\n\n");
      },
      () => (canceled ? "canceled" : "running"),
    )(request, response);
  });
  const job = await followJob(context, ID, { log: interrupt });
  expect(job.status).toBe("canceled");
  expect(said).toEqual(["Canceling; Ctrl-C once more leaves at once"]);
});

test("who waits no longer cancels the job, and says that it took too long", async () => {
  let canceled = false;
  let end = () => {};
  const { context } = await against((request, response) => {
    if (request.url!.endsWith("/cancel")) {
      canceled = true;
      end();
    }
    jobServer(
      (_, stream) => {
        stream.writeHead(200, { "content-type": "text/event-stream" }).write(": hello\n\n");
        end = () => stream.end("event: end\ndata: {}\n\n");
        // The patience may be over before the log is asked for.
        if (canceled) end();
      },
      () => "canceled",
    )(request, response);
  });
  await expect(followJob(context, ID, { patience_ms: 100 })).rejects.toMatchObject({
    name: "CliError",
    exit: 5,
  });
});

test("a job that may not be seen ends it at once", async () => {
  const { context } = await against((_, response) => problem(response, 404, "not_found"));
  await expect(followJob(context, ID)).rejects.toMatchObject({ problem: { code: "not_found" } });
});

test("a creation that breaks off or is slowed down is sent again as the same request", async () => {
  const bodies: string[] = [];
  const { context } = await against(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    bodies.push(body);
    if (bodies.length === 1) request.socket.destroy();
    else if (bodies.length === 2) problem(response, 429, "rate_limited");
    else json(response, 202, { job_id: ID, status: "pending" });
  });
  expect(await create(context, { head_sql: "select 1", state_key: "0".repeat(64) })).toBe(ID);
  expect(bodies).toHaveLength(3);
  expect(new Set(bodies).size).toBe(1);
  expect(JSON.parse(bodies[0]!).request_id).toMatch(/^[0-9a-f-]{36}$/);
});
