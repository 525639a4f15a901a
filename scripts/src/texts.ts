/** What a file of the web app says: the texts that it gives to `t`, and those that it forgot to. */
import { parse, type SFCBlock, type SFCDescriptor } from "@vue/compiler-sfc";
import ts from "typescript";

/** A text as a catalogue has it: with ` [noun]` behind it where `t` is told what kind of word it is. */
type Text = { key: string; line: number };
export type TextsOfFile = { texts: Text[]; faults: string[] };

type Template = NonNullable<SFCDescriptor["template"]>;
type Child = NonNullable<Template["ast"]>["children"][number];
type Element = Extract<Child, { tag: string }>;
type Prop = Element["props"][number];

/** Names, units and code, which are the same in every language. */
const NAMES = new Set(
  `Quern,NULL,SQL,CPU,SQLSTATE,Excel,Parquet,CSV,JSON,SVG,PNG,UTC,Esc,Ctrl,Alt,PostgreSQL,DuckDB,Markdown,px,s,ms,MW,
  db.example.org,[A-Z]{3},-----BEGIN CERTIFICATE-----,weekdays 08:30,perday`.split(/,\s*/),
);
/** Elements whose text is code. */
const CODE = new Set(["code", "pre", "kbd", "style", "script"]);
const WORD_ATTRIBUTES =
  /^(label|title|placeholder|aria-label|aria-description|aria-valuetext|words|verb|description|what|help|text|alt|legend|hint|caption|heading|empty|summary|message|note)$/;
/** Attributes that nobody reads, whatever is in them. */
const TECHNICAL_ATTRIBUTES =
  /^(class|style|d|viewBox|transform|points|content|sizes|srcset|accept|aria-(keyshortcuts|labelledby|describedby|controls|owns)|.*-class)$/;
/** Properties of objects in scripts that are shown: menus, toasts, tabs. */
const WORD_PROPERTIES = /^(label|title|description|placeholder|words|verb|help|hint|caption)$/;

const hasLetters = (text: string): boolean => /\p{L}/u.test(text);
const isName = (text: string): boolean => NAMES.has(text.trim());
/** A sentence, or one word with a capital: not `primary`, not `flex items-center`. */
const isWording = (text: string): boolean =>
  /^\p{Lu}\p{Ll}/u.test(text) && !/^[A-Z][a-z]+[A-Z]/.test(text) && !isName(text);

/** Reads `source`, the text of the file `path` (`.ts` or `.vue`). Faults are `path:line what is wrong`. */
export function textsOf(path: string, source: string): TextsOfFile {
  const found: TextsOfFile = { texts: [], faults: [] };
  if (path.endsWith(".ts")) readScript(path, source, 1, found);
  else {
    const { descriptor, errors } = parse(source, { filename: path, sourceMap: false });
    for (const error of errors) found.faults.push(`${path} cannot be read: ${error.message}`);
    for (const block of [descriptor.script, descriptor.scriptSetup].filter((each) => each !== null))
      readScript(path, block.content, lineOf(block), found);
    for (const child of descriptor.template?.ast?.children ?? []) readChild(path, child, found);
  }
  const imports = /^import \{[^}]*\bt\b[^}]*\} from "[^"]*\/language\.ts";$/m.test(source);
  if (imports && found.texts.length === 0)
    found.faults.push(`${path} imports t, but no text was seen in it`);
  return found;
}

const lineOf = (block: SFCBlock): number => block.loc.start.line;

function readChild(path: string, child: Child, found: TextsOfFile): void {
  const { line } = child.loc.start;
  if ("tag" in child) {
    for (const prop of child.props) readProp(path, prop, found);
    if (!CODE.has(child.tag)) for (const each of child.children) readChild(path, each, found);
  } else if (child.type === 2) {
    const text = child.content.trim();
    if (hasLetters(text) && !isName(text)) found.faults.push(untold(path, line, text));
  } else if (child.type === 5 && "loc" in child.content) {
    const { start, source } = child.content.loc;
    readScript(path, `(${source}\n)`, start.line, found, { shown: true });
  }
}

function readProp(path: string, prop: Prop, found: TextsOfFile): void {
  const { line } = prop.loc.start;
  if (prop.type === 6) {
    const text = prop.value?.content ?? "";
    if (!hasLetters(text) || isName(text) || TECHNICAL_ATTRIBUTES.test(prop.name)) return;
    if (WORD_ATTRIBUTES.test(prop.name) || isWording(text))
      found.faults.push(untold(path, line, `${prop.name}="${text}"`));
    return;
  }
  if (prop.exp === undefined) return;
  const { start, source } = prop.exp.loc;
  const argument = prop.arg !== undefined && "content" in prop.arg ? prop.arg.content : "";
  const shown = prop.name === "bind" && WORD_ATTRIBUTES.test(String(argument));
  if (prop.name === "for")
    readScript(path, `(${source.replace(/^.*?\s(?:in|of)\s/s, "")}\n)`, start.line, found);
  else if (prop.name === "on") readScript(path, source, start.line, found);
  else if (prop.name !== "slot") readScript(path, `(${source}\n)`, start.line, found, { shown });
}

/** `shown`: what the expression gives is read by people, so its strings are words. */
function readScript(
  path: string,
  source: string,
  firstLine: number,
  found: TextsOfFile,
  { shown = false } = {},
): void {
  const file = ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
  const place = (node: ts.Node): number =>
    firstLine + file.getLineAndCharacterOfPosition(node.getStart()).line;
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) return;
    if (isCallOfT(node)) readCall(path, node, place(node), found);
    else if (ts.isIdentifier(node) && node.text === "t" && isValue(node))
      found.faults.push(
        `${path}:${place(node)} gives t away: only what t("…") is called with is seen`,
      );
    else if (isEnglishFormat(node))
      found.faults.push(
        `${path}:${place(node)} formats in a language of its own: ${node.getText()}`,
      );
    else if (isShownString(node, shown))
      found.faults.push(untold(path, place(node), node.getText()));
    ts.forEachChild(node, visit);
  };
  visit(file);
}

const untold = (path: string, line: number, text: string): string =>
  `${path}:${line} says ${JSON.stringify(text.replace(/\s+/g, " "))} without t`;

const isCallOfT = (node: ts.Node): node is ts.CallExpression =>
  ts.isCallExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === "t";

/** `new Intl.NumberFormat("en")`, which has to be `new Intl.NumberFormat(language)`; "en-US" is for what nobody reads. */
const isEnglishFormat = (node: ts.Node): boolean =>
  ts.isNewExpression(node) &&
  /^Intl\.\w+Format$/.test(node.expression.getText()) &&
  node.arguments?.[0]?.getText() === '"en"';

/** `t` where it stands for the function, and is not called. */
function isValue(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isCallExpression(parent) && parent.expression === node) return false;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  return !(ts.isPropertyAssignment(parent) && parent.name === node);
}

function readCall(path: string, call: ts.CallExpression, line: number, found: TextsOfFile): void {
  const [text, values] = call.arguments;
  if (text === undefined || !ts.isStringLiteralLike(text)) {
    found.faults.push(`${path}:${line} calls t with what is no plain text: ${call.getText()}`);
    return;
  }
  const given = valuesGiven(values);
  const missing = placesOf(text.text).filter((name) => given !== null && !given.includes(name));
  if (missing.length > 0)
    found.faults.push(
      `${path}:${line} gives no value for ${missing.join(", ")}: ${text.getText()}`,
    );
  const as =
    values !== undefined && ts.isObjectLiteralExpression(values)
      ? values.properties.find((each) => each.name?.getText() === "as")
      : undefined;
  if (as === undefined) found.texts.push({ key: text.text, line });
  else if (ts.isPropertyAssignment(as) && ts.isStringLiteralLike(as.initializer))
    found.texts.push({ key: `${text.text} [${as.initializer.text}]`, line });
  else found.faults.push(`${path}:${line} calls t with an "as" that is no plain text`);
}

/** The names of the values that a text has a place for; in `{'{'}` there is none. */
export function placesOf(text: string): string[] {
  const names = text.replace(/\{'[^']*'\}/g, "").matchAll(/\{(\w+)\}/g);
  return [...new Set([...names].map((match) => match[1]!))].sort();
}

/** The names of the values that a call gives; null when only the running page knows. */
function valuesGiven(values: ts.Expression | undefined): string[] | null {
  if (values === undefined) return [];
  if (!ts.isObjectLiteralExpression(values)) return null;
  if (values.properties.some((each) => ts.isSpreadAssignment(each))) return null;
  return values.properties.map((each) => each.name?.getText() ?? "");
}

/** A string that a person reads as it stands: what an expression of a template gives, or `label: "Save"`. */
function isShownString(node: ts.Node, shown: boolean): boolean {
  const text = ts.isStringLiteralLike(node)
    ? node.text
    : ts.isTemplateExpression(node)
      ? node.head.text
      : null;
  if (text === null || !isWording(text)) return false;
  const { parent } = node;
  if (ts.isPropertyAssignment(parent) && parent.initializer === node)
    return WORD_PROPERTIES.test(parent.name.getText());
  return shown && isResult(node);
}

/** Whether the whole expression may give this node: through parentheses, choices and defaults. */
function isResult(node: ts.Node): boolean {
  const { parent } = node;
  if (ts.isExpressionStatement(parent)) return true;
  if (ts.isConditionalExpression(parent)) return parent.condition !== node && isResult(parent);
  if (ts.isBinaryExpression(parent))
    return /^(\?\?|\|\||&&|\+)$/.test(parent.operatorToken.getText()) && isResult(parent);
  return ts.isParenthesizedExpression(parent) && isResult(parent);
}
