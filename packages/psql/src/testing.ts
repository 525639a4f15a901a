/** A session over the package pg, for tests: it prints rows as `psql -qAt` does. */
import pg from "pg";
import type { Answer, QueryOutcome, QueryRequest, ScriptSession, ServerError } from "./session.ts";

export type TestSession = ScriptSession & { close(): Promise<void> };

/** What pg's connection has and its types leave out. */
type Wire = {
  query(sql: string): void;
  parse(message: { name: string; text: string; types: number[] }): void;
  bind(message: { values: string[] }): void;
  describe(message: { type: "P" }): void;
  execute(message: { portal: string }): void;
  sync(): void;
  sendCopyFromChunk(chunk: Uint8Array): void;
  endCopyFrom(): void;
  once(event: "readyForQuery", listener: () => void): void;
  on(event: "readyForQuery", listener: (message: { status: string }) => void): void;
  on(
    event: "parameterStatus",
    listener: (message: { parameterName: string; parameterValue: string }) => void,
  ): void;
};

type ErrorMessage = {
  code: string;
  message: string;
  position?: string;
  detail?: string;
  hint?: string;
};

type Settle = { resolve: (query: Query) => void; reject: (error: unknown) => void };

/** What a query object of pg is told. */
class Query {
  answers: Answer[] = [];
  columns: string[] | null = null;
  rows: (string | null)[][] = [];
  error: ServerError | null = null;
  #count = 0;
  #wire: Wire | null = null;
  readonly request: QueryRequest;
  readonly print: (text: string) => void;
  readonly settle: Settle;

  constructor(request: QueryRequest, print: (text: string) => void, settle: Settle) {
    this.request = request;
    this.print = print;
    this.settle = settle;
  }

  submit(connection: pg.Connection): void {
    const wire: Wire = Object.assign(connection);
    this.#wire = wire;
    const { sql, params } = this.request;
    if (params === null) wire.query(sql);
    else {
      wire.parse({ name: "", text: sql, types: [] });
      wire.bind({ values: params });
      wire.describe({ type: "P" });
      wire.execute({ portal: "" });
      wire.sync();
    }
  }
  handleRowDescription({ fields }: { fields: { name: string }[] }): void {
    this.columns = fields.map(({ name }) => name);
    this.rows = [];
  }
  handleDataRow({ fields }: { fields: (string | null)[] }): void {
    this.#count += 1;
    const { rows } = this.request;
    if (rows.to === "result") {
      this.print(`${fields.map((field) => field ?? "").join("|")}\n`);
    }
    if (rows.to === "collect" && this.rows.length < rows.max_rows) this.rows.push(fields);
  }
  handleCommandComplete({ text }: { text: string }): void {
    this.answers.push({ command: text, rows: this.#count });
    this.#count = 0;
  }
  handleEmptyQuery(): void {
    this.answers.push({ command: null, rows: 0 });
  }
  handleError(error: ErrorMessage): void {
    if (error.code === undefined) {
      this.settle.reject(error);
      return;
    }
    this.error = serverError(error);
    // After an error pg tells the query no more, but the session is ready only then.
    this.#wire?.once("readyForQuery", () => this.settle.resolve(this));
  }
  handleReadyForQuery(): void {
    this.settle.resolve(this);
  }
  handleCopyInResponse(wire: Wire): void {
    void this.#copy(wire).catch(this.settle.reject);
  }
  handleCopyData({ chunk }: { chunk: Buffer }): void {
    if (this.request.rows.to === "result") this.print(chunk.toString("utf8"));
  }
  handlePortalSuspended(): void {}

  async #copy(wire: Wire): Promise<void> {
    for await (const chunk of this.request.copyData()) wire.sendCopyFromChunk(chunk);
    wire.endCopyFrom();
  }
}

function serverError({ code, message, position, detail, hint }: ErrorMessage): ServerError {
  return {
    sqlstate: code,
    message,
    position: position === undefined ? null : Number(position),
    detail: detail ?? null,
    hint: hint ?? null,
  };
}

/** Opens a session; `print` gets the rows of statements whose rows go to the result. */
export async function openTestSession(
  config: pg.ClientConfig,
  print: (text: string) => void,
): Promise<TestSession> {
  let at = config;
  let opened = await open(at);

  async function query(request: QueryRequest): Promise<QueryOutcome> {
    const { answers, error, columns, rows } = await new Promise<Query>((resolve, reject) => {
      opened.submit(new Query(request, print, { resolve, reject }));
    });
    const collects = request.rows.to === "collect" && error === null && columns !== null;
    return { answers, error, collected: collects ? { columns, rows } : null };
  }

  return {
    query,
    transaction: () => opened.state(),
    async connect({ database, user }) {
      at = { ...at, database: database ?? at.database, user: user ?? at.user };
      const next = await open(at);
      await opened.client.end();
      opened = next;
    },
    info: () => ({
      database: String(at.database),
      user: String(at.user),
      host: String(at.host),
      port: Number(at.port),
      server_version: opened.parameters.get("server_version") ?? "",
      server_version_num: Number(opened.parameters.get("server_version_num")),
      encoding: opened.parameters.get("client_encoding") ?? "UTF8",
      standard_conforming_strings: opened.parameters.get("standard_conforming_strings") !== "off",
    }),
    close: () => opened.client.end(),
  };
}

async function open(config: pg.ClientConfig) {
  const client = new pg.Client({ ...config, application_name: "psql" });
  const wire = (client as pg.Client & { connection: Wire }).connection;
  const parameters = new Map<string, string>();
  let status = "I";
  wire.on("readyForQuery", (message) => {
    status = message.status;
  });
  wire.on("parameterStatus", ({ parameterName, parameterValue }) => {
    parameters.set(parameterName, parameterValue);
  });
  await client.connect();
  const { rows } = await client.query("show server_version_num");
  parameters.set("server_version_num", rows[0].server_version_num);
  const states = { I: "idle", T: "open", E: "failed" } as const;
  return {
    client,
    parameters,
    state: () => states[status as keyof typeof states],
    submit: (query: Query) => client.query(query),
  };
}
