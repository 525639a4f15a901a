/** One statement: prepared, described, executed, its rows handed on batch by batch. */
import type { PostgresConfig } from "@quern/contract/datasources";
import type { Column } from "@quern/contract/results";
import type { ExecuteRequest, Sink } from "../connector.ts";
import { ConnectorError } from "../errors.ts";
import type { Conversation, SentText } from "./conversation.ts";
import {
  bind,
  describeStatement,
  type FieldDescription,
  parse,
  readRowDescription,
  sync,
} from "./messages.ts";
import { type Portal, type PortalOutcome, readSliced, readWhole } from "./portal.ts";
import { rowReader } from "./rows.ts";
import { affected, isSelect, tagOfCut } from "./statement-tags.ts";
import type { StatementSpan } from "./statements.ts";
import { columnType, formatCode, PARAMETER_OIDS, sourceType, storageOf } from "./types.ts";
import { MESSAGE } from "./wire.ts";

export type StatementTask = {
  index: number;
  span: StatementSpan;
  /** Execute it without a row limit, and break it off when a limit is reached. */
  whole: boolean;
  /** Goes behind the text. */
  comment: string;
  /** Of a read-only datasource: what the statement wrote is not kept. */
  read_only: PostgresConfig | null;
};
export type StatementDone = { rows: number; bytes: number; left_running: boolean };

export async function runStatement(
  conversation: Conversation,
  request: ExecuteRequest,
  task: StatementTask,
  sink: Sink,
): Promise<StatementDone> {
  const began = performance.now();
  const { from, start, end } = task.span;
  const sent: SentText = { text: request.sql.slice(from, end), offset: from };
  const name = `quern_${task.index}`;
  const described = await describe(conversation, request, name, sent, task.comment);
  const columns = described && (await nameColumns(conversation, described));
  const storages = described?.map((field) => storageOf(field.type_oid, field.typmod)) ?? [];
  await sink.statement({ index: task.index, start, end, columns, storages });

  const reader = rowReader(
    storages.map((storage, index) => ({ name: columns?.[index]?.name ?? "", storage })),
    request.options,
    conversation,
  );
  const opening = bind(
    name,
    request.params.map(({ value }) => value),
    storages.map(formatCode),
  );
  const { read_only } = task;
  const portal: Portal = { conversation, sent, reader, sink, name, opening, read_only };
  const outcome = await readRows(portal, task, request.options.max_rows, columns !== null);
  await sink.end({
    index: task.index,
    command: outcome.command ?? tagOfCut(request.sql.slice(start, end), reader.rows()),
    rows: reader.rows(),
    rows_affected:
      columns === null || !isSelect(outcome.command) ? affected(outcome.command) : null,
    bytes: reader.bytes(),
    truncated: outcome.truncated,
    duration_ms: performance.now() - began,
  });
  return { rows: reader.rows(), bytes: reader.bytes(), left_running: outcome.left_running };
}

function readRows(
  portal: Portal,
  task: StatementTask,
  maxRows: number,
  returnsRows: boolean,
): Promise<PortalOutcome> {
  if (task.whole && returnsRows) return readWhole(portal);
  // In slices the guard can hang on what the statement was.
  if (returnsRows || task.read_only !== null) return readSliced(portal, maxRows);
  return readWhole(portal);
}

async function describe(
  conversation: Conversation,
  request: ExecuteRequest,
  name: string,
  sent: SentText,
  comment: string,
): Promise<FieldDescription[] | null> {
  let fields: FieldDescription[] | null = null;
  let parameters = 0;
  const types = request.params.map(({ type }) => PARAMETER_OIDS[type]);
  await conversation.exchange(
    [parse(name, sent.text + comment, types), describeStatement(name), sync()],
    sent,
    (type, buffer, start) => {
      if (type === MESSAGE.parameterDescription) parameters = buffer.readUInt16BE(start);
      if (type === MESSAGE.rowDescription) fields = readRowDescription(buffer, start);
      return type === MESSAGE.ready;
    },
  );
  if (parameters > request.params.length) {
    throw new ConnectorError({
      code: "sql_error",
      message: `The statement uses $${parameters}, but ${request.params.length} parameters were given.`,
      hint: "Write the value into the statement.",
      position: sent.offset,
    });
  }
  return fields;
}

async function nameColumns(
  conversation: Conversation,
  fields: FieldDescription[],
): Promise<Column[]> {
  const names = fields.map((field) => sourceType(field.type_oid, field.typmod));
  const unknown = fields.filter((_, index) => names[index] === null);
  const found = new Map<string, string>();
  if (unknown.length > 0) {
    const rows = await conversation.lookUp(
      `select t.oid, t.typmod, pg_catalog.format_type(t.oid, t.typmod)
         from unnest($1::oid[], $2::int4[]) as t(oid, typmod)`,
      [
        `{${unknown.map((field) => field.type_oid).join()}}`,
        `{${unknown.map((field) => field.typmod).join()}}`,
      ],
    );
    for (const [oid, typmod, name] of rows) found.set(`${oid}/${typmod}`, name ?? "");
  }
  return fields.map((field, index) => ({
    name: field.name.toWellFormed(),
    type: columnType(field.type_oid),
    source_type: names[index] ?? found.get(`${field.type_oid}/${field.typmod}`) ?? "unknown",
  }));
}
