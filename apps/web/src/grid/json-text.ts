/**
 * JSON text with line ends and indents. It is never parsed into values: numbers keep every digit, keys their order
 * and their repeats. Text that is not JSON comes back as it went in.
 */
export function indentJson(text: string): string {
  try {
    JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
  let depth = 0;
  const pieces: string[] = [];
  const newline = () => `\n${"  ".repeat(depth)}`;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    const previous = pieces.at(-1);
    if (token === "{" || token === "[") {
      depth += 1;
      pieces.push(token, newline());
    } else if (token === "}" || token === "]") {
      depth -= 1;
      // An empty object or array stays on its line.
      if (/^\s+$/.test(previous ?? "") && /^[{[]$/.test(pieces.at(-2) ?? "")) pieces.pop();
      else pieces.push(newline());
      pieces.push(token);
    } else if (token === ",") pieces.push(token, newline());
    else if (token === ":") pieces.push(": ");
    else pieces.push(token);
  }
  return pieces.join("");
}
