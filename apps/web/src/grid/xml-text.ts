/** XML with line ends and indents between its tags; text that is not a tree of tags comes back as it went in. */
export function indentXml(text: string): string {
  const parts = text.match(/<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>|<[^>]*>|[^<]+/g);
  if (parts === null || !text.trimStart().startsWith("<")) return text;
  const lines: string[] = [];
  let depth = 0;
  for (let at = 0; at < parts.length; at += 1) {
    const part = parts[at]?.trim() ?? "";
    if (part === "") continue;
    const closes = part.startsWith("</");
    const opens = /^<[^!?/]/.test(part) && !part.endsWith("/>");
    if (closes) depth = Math.max(0, depth - 1);
    const [inside, end] = [parts[at + 1] ?? "", parts[at + 2] ?? ""];
    if (opens && inside !== "" && !inside.startsWith("<") && end.startsWith("</")) {
      lines.push(`${"  ".repeat(depth)}${part}${inside}${end}`);
      at += 2;
      continue;
    }
    lines.push("  ".repeat(depth) + part);
    if (opens) depth += 1;
  }
  return lines.join("\n");
}
