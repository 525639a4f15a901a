/** Self-made seeds to measure with: the same rows in each shape that dumps and people give them. */
import type { ChainFile } from "./project-chains.ts";

export type SeedShape = "insert" | "inserts" | "copy";

const SEED_BYTES = 25 * 1024 ** 2;
const ROWS_PER_INSERT = 1_000;
const COLUMNS = "readings (id, name, amount, province, filler)";

const SCHEMA: ChainFile = {
  path: "init/0001_schema.sql",
  content:
    "create table readings (id int primary key, name text, amount numeric, province text, filler text);\n",
};

/**
 * A schema and one file of 25 MB that fills its table: by an INSERT for each row (`insert`, lines of 150 bytes), by INSERTs of a
 * thousand rows (`inserts`) or by COPY from its own lines (`copy`), both of 100 bytes a row. `mark` makes it another file.
 */
export function seed(shape: SeedShape, mark: string): ChainFile[] {
  const statements = { insert: insertEach, inserts: insertMany, copy: copyLines }[shape]();
  const content = `-- ${mark}\n${statements}\nanalyze readings;\n`;
  return [SCHEMA, { path: "seed/0001_readings.sql", content }];
}

/** A step of trivial statements, one a line. */
export function trivialStatements(count: number, mark: string): ChainFile[] {
  return [
    SCHEMA,
    { path: "seed/0001_trivial.sql", content: `-- ${mark}\n${"select 1;\n".repeat(count)}` },
  ];
}

function insertEach(): string {
  const rows = rowsOf(150, (n) => `insert into ${COLUMNS} values (${sqlFields(n)}, '`, "');");
  return rows.join("\n");
}

function insertMany(): string {
  const rows = rowsOf(100, (n) => `(${sqlFields(n)}, '`, "'),");
  const statements: string[] = [];
  for (let from = 0; from < rows.length; from += ROWS_PER_INSERT) {
    const some = rows.slice(from, from + ROWS_PER_INSERT).join("\n");
    statements.push(`insert into ${COLUMNS} values\n${some.slice(0, -1)};`);
  }
  return statements.join("\n");
}

function copyLines(): string {
  const rows = rowsOf(100, (n) => `${fields(n).join("\t")}\t`, "");
  return `copy readings from stdin;\n${rows.join("\n")}\n\\.`;
}

/** Lines of so many bytes, line end included, the last field filled up. */
function rowsOf(bytes: number, start: (n: number) => string, end: string): string[] {
  return Array.from({ length: Math.floor(SEED_BYTES / bytes) }, (_, n) => {
    const line = start(n);
    return line + "x".repeat(Math.max(1, bytes - 1 - line.length - end.length)) + end;
  });
}

function sqlFields(n: number): string {
  const [id, name, amount, province] = fields(n);
  return `${id}, '${name}', ${amount}, '${province}'`;
}

function fields(n: number) {
  return [n, `customer ${(n * 7919) % 100_003}`, (n % 9973) / 4, ["ON", "QC", "BC", "AB"][n % 4]];
}
