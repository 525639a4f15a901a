/** The frontend's messages, and the backend's small ones, as bytes. */

const EXTENDED = { parse: "P", bind: "B", describe: "D", execute: "E", close: "C" } as const;

/** `Q` */
const QUERY = 0x51;

function message(type: string, ...parts: Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 4);
  const header = Buffer.alloc(5);
  header.write(type, 0, "latin1");
  header.writeInt32BE(length, 1);
  return Buffer.concat([header, ...parts]);
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`, "utf8");
}

function int16s(values: number[]): Buffer {
  const buffer = Buffer.alloc(2 + values.length * 2);
  buffer.writeUInt16BE(values.length, 0);
  for (const [index, value] of values.entries()) buffer.writeInt16BE(value, 2 + index * 2);
  return buffer;
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value, 0);
  return buffer;
}

/** The simple protocol: any number of statements in one text. */
export function simpleQuery(sql: string): Buffer {
  // In one piece: a dump has hundreds of thousands of them.
  const length = Buffer.byteLength(sql, "utf8");
  const query = Buffer.allocUnsafe(1 + 4 + length + 1);
  query[0] = QUERY;
  query.writeInt32BE(4 + length + 1, 1);
  query.write(sql, 5, "utf8");
  query[5 + length] = 0;
  return query;
}

export function parse(name: string, sql: string, parameterTypes: number[]): Buffer {
  const types = Buffer.alloc(2 + parameterTypes.length * 4);
  types.writeUInt16BE(parameterTypes.length, 0);
  for (const [index, oid] of parameterTypes.entries()) types.writeUInt32BE(oid, 2 + index * 4);
  return message(EXTENDED.parse, text(name), text(sql), types);
}

export function describeStatement(name: string): Buffer {
  return message(EXTENDED.describe, Buffer.from("S"), text(name));
}

/** All parameters as text; one result format per column: 0 text, 1 binary. */
export function bind(name: string, values: (string | null)[], formats: number[]): Buffer {
  const cells = values.flatMap((value) => {
    if (value === null) return [int32(-1)];
    const bytes = Buffer.from(value, "utf8");
    return [int32(bytes.length), bytes];
  });
  const count = Buffer.alloc(2);
  count.writeUInt16BE(values.length, 0);
  return message(
    EXTENDED.bind,
    text(""),
    text(name),
    int16s([0]),
    count,
    ...cells,
    int16s(formats),
  );
}

/** `rows` 0 means all. */
export function executePortal(rows: number): Buffer {
  return message(EXTENDED.execute, text(""), int32(rows));
}

export function describePortal(): Buffer {
  return message(EXTENDED.describe, Buffer.from("P"), text(""));
}

export function closePortal(): Buffer {
  return message(EXTENDED.close, Buffer.from("P"), text(""));
}

export function closeStatement(name: string): Buffer {
  return message(EXTENDED.close, Buffer.from("S"), text(name));
}

export function sync(): Buffer {
  return message("S");
}

export function flush(): Buffer {
  return message("H");
}

export function copyFail(reason: string): Buffer {
  return message("f", text(reason));
}

/** What comes before so many bytes of a COPY's data. */
export function copyDataHeader(length: number): Buffer {
  const header = Buffer.from("d\0\0\0\0", "latin1");
  header.writeInt32BE(4 + length, 1);
  return header;
}

export function copyDone(): Buffer {
  return message("c");
}

export type FieldDescription = { name: string; type_oid: number; typmod: number };

/** The fields of a RowDescription. */
export function readRowDescription(buffer: Buffer, start: number): FieldDescription[] {
  const count = buffer.readUInt16BE(start);
  let position = start + 2;
  return Array.from({ length: count }, () => {
    const nameEnd = buffer.indexOf(0, position);
    const name = buffer.toString("utf8", position, nameEnd);
    const type_oid = buffer.readUInt32BE(nameEnd + 7);
    const typmod = buffer.readInt32BE(nameEnd + 13);
    position = nameEnd + 19;
    return { name, type_oid, typmod };
  });
}

/** Fields of an ErrorResponse or NoticeResponse by their one-letter code; a cut message gives what is there. */
export function readFields(buffer: Buffer, start: number, end: number): Map<string, string> {
  const fields = new Map<string, string>();
  let position = start;
  while (position < end && buffer[position] !== 0) {
    const zero = buffer.indexOf(0, position);
    const valueEnd = zero === -1 || zero > end ? end : zero;
    const key = String.fromCharCode(buffer[position] ?? 0);
    fields.set(key, buffer.toString("utf8", position + 1, valueEnd));
    position = valueEnd + 1;
  }
  return fields;
}

export function readText(buffer: Buffer, start: number, end: number): string {
  const zero = buffer.indexOf(0, start);
  return buffer.toString("utf8", start, zero === -1 ? end : Math.min(zero, end));
}

/** The cells of a DataRow whose columns all came as text. */
export function readTextRow(buffer: Buffer, start: number): (string | null)[] {
  let position = start + 2;
  return Array.from({ length: buffer.readUInt16BE(start) }, () => {
    const length = buffer.readInt32BE(position);
    position += 4;
    if (length === -1) return null;
    position += length;
    return buffer.toString("utf8", position - length, position);
  });
}
