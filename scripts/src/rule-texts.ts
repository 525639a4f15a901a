/** What the advisors' rules say to people: the texts that the web app's catalogue of them has to have. */
import ts from "typescript";
import type { TextsOfFile } from "./texts.ts";

/** Functions whose arguments name something in a sentence: `tooLittle(seconds, wanted, "statistics of WAL")`. */
const NAMING = new Set(["tooLittle", "missingPart"]);
const SAYING = new Set(["say", "advice", "notEnough", "notApplicable"]);
/** A sentence or a title: SQL and names are in lower case, or have no spaces. */
const isSentence = (text: string): boolean =>
  /^(?:\p{Lu}|\{\w+\} of )/u.test(text) && /\s/.test(text);
const isPhrase = (text: string): boolean => /^\p{Ll}[\p{L}_() ]+$/u.test(text);

/**
 * Reads `source`, the text of a file of packages/health/src/advisors. A sentence that is put together in place cannot be
 * translated, so it is a fault: `say("…{name}…", { name })` keeps it apart from its values.
 */
export function ruleTextsOf(path: string, source: string): TextsOfFile {
  const found: TextsOfFile = { texts: [], faults: [] };
  const file = ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
  const line = (node: ts.Node) => file.getLineAndCharacterOfPosition(node.getStart()).line + 1;
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || isThrown(node)) return;
    if (ts.isTemplateExpression(node) && !isTagged(node) && isSentence(`${node.head.text}x`))
      found.faults.push(
        `${path}:${line(node)} puts a sentence together; use say: ${node.getText()}`,
      );
    if (
      ts.isStringLiteralLike(node) &&
      (isSentence(node.text) || saysOfRule(node) || namesSomething(node))
    )
      found.texts.push({ key: node.text, line: line(node) });
    const key = evidenceKey(node);
    if (key !== undefined) found.texts.push({ key, line: line(node) });
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

const isTagged = (node: ts.Node): boolean => ts.isTaggedTemplateExpression(node.parent);
/** Mistakes of those who write rules, for them to read. */
const isThrown = (node: ts.Node): boolean => ts.isThrowStatement(node);

/** What begins with a name, as "pgEdge: 1 GB.", is told by where it stands. */
function saysOfRule({ parent, text }: ts.StringLiteralLike): boolean {
  if (ts.isCallExpression(parent))
    return SAYING.has(parent.expression.getText()) && /\s/.test(text);
  return (
    ts.isPropertyAssignment(parent) && /^(?:title|explanation|source)$/.test(parent.name.getText())
  );
}

function namesSomething(node: ts.StringLiteralLike): boolean {
  const { parent } = node;
  if (!isPhrase(node.text)) return false;
  if (ts.isCallExpression(parent)) return NAMING.has(parent.expression.getText());
  return ts.isPropertyAssignment(parent) && nameOfConstant(parent) === "WORDS";
}

/** Of the object that a property is of: `const WORDS = { server: "…" }`. */
function nameOfConstant(property: ts.PropertyAssignment): string | undefined {
  const declaration = property.parent.parent;
  return ts.isVariableDeclaration(declaration) ? declaration.name.getText() : undefined;
}

/** The key of `fact("dead_rows", …)`. */
function evidenceKey(node: ts.Node): string | undefined {
  if (!ts.isCallExpression(node) || node.expression.getText() !== "fact") return undefined;
  const [key] = node.arguments;
  return key && ts.isStringLiteralLike(key) ? key.text : undefined;
}
