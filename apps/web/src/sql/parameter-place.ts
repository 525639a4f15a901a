export type ParameterPlace = {
  /** Where the name is to be written, with the blanks around it. */
  start: number;
  end: number;
  /** What is written there now. */
  name: string;
  /** `}}` follows. */
  closed: boolean;
};

const OPEN = /\{\{([ \t]*[A-Za-z0-9_.]*)$/;
const REST = /^([A-Za-z0-9_.]*[ \t]*)(\}\})?/;

/** Where in a `{{ }}` the cursor stands; null outside. A `{{` that is not closed yet counts. */
export function parameterPlace(sql: string, offset: number): ParameterPlace | null {
  const line = sql.lastIndexOf("\n", offset - 1) + 1;
  const before = OPEN.exec(sql.slice(line, offset));
  if (before === null) return null;
  const after = REST.exec(sql.slice(offset, offset + 200));
  const rest = after?.[1] ?? "";
  const closed = after?.[2] !== undefined;
  const typed = before[1] ?? "";
  // Without `}}` what follows the cursor is other text.
  const end = closed ? offset + rest.length : offset;
  return {
    start: offset - typed.length,
    end,
    name: (closed ? typed + rest : typed).trim(),
    closed,
  };
}
