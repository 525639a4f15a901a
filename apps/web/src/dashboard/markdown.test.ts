import { describe, expect, test } from "vitest";
import { markdownHtml } from "./markdown.ts";
// Texts that try to run something, each in its own way; `window.attacked` would be true if one did.
import ATTACKS from "./markdown-attacks.json";

const TAG = /<\/?([a-z][a-z0-9]*)((?:\s+[a-z-]+="[^"<>]*")*)\s*\/?>/g;
const ALLOWED =
  "h1 h2 h3 h4 h5 h6 p br hr strong em s code pre blockquote ul ol li a img table thead tbody tr th td";
const values = (name: string) =>
  name === "hostile" ? '<img src=x onerror="window.attacked=true">**b** [l](javascript:1)' : null;

/** Every tag of the text with its attributes; what is left must have no `<` any more. */
function tagsOf(html: string) {
  const tags = [...html.matchAll(TAG)].map(([, name = "", rest = ""]) => ({
    name,
    attributes: [...rest.matchAll(/([a-z-]+)="([^"]*)"/g)].map(
      ([, key = "", value = ""]) => [key, value] as const,
    ),
  }));
  expect(html.replace(TAG, "")).not.toContain("<");
  return tags;
}

describe("markdown", () => {
  test(`there are more than 40 attacks (${ATTACKS.length})`, () =>
    expect(ATTACKS.length).toBeGreaterThanOrEqual(40));

  test.each(ATTACKS)("%j makes nothing that runs", (text) => {
    for (const { name, attributes } of tagsOf(markdownHtml(text, values))) {
      expect(ALLOWED.split(" ")).toContain(name);
      for (const [key, value] of attributes) {
        expect(key).toMatch(/^(href|rel|target|src|alt|title|start|class|style)$/);
        if (key === "href") expect(value).toMatch(/^(https?:\/\/|mailto:|#|\/(?![/\\]))/);
        if (key === "src")
          expect(value).toMatch(/^(\/(?![/\\])|data:image\/(png|jpeg|gif|webp);base64,)/);
        if (key === "style") expect(value).toMatch(/^text-align:(left|right|center)$/);
        if (key === "class") expect(value).toMatch(/^language-\S*$/);
      }
    }
  });

  test("what people write", () => {
    expect(markdownHtml("# A\n**b** [c](https://e.test/x)")).toBe(
      '<h1>A</h1>\n<p><strong>b</strong> <a href="https://e.test/x" rel="noopener noreferrer" target="_blank">c</a></p>\n',
    );
    expect(markdownHtml("see https://e.test/a")).toContain('href="https://e.test/a"');
    expect(markdownHtml("[in](/queries)")).toContain(
      '<a href="/queries" rel="noopener noreferrer">in</a>',
    );
    expect(markdownHtml("![map](/quern.svg)")).toContain('src="/quern.svg"');
    expect(markdownHtml("![a picture](https://e.test/p.png)")).toBe("<p>a picture</p>\n");
    expect(markdownHtml("| a |\n|--:|\n| 1 |")).toContain("<td");
  });

  test("a parameter's value is text, whatever is in it; an unknown name stays as it was written", () => {
    expect(markdownHtml("**{{ hostile }}**", values)).toBe(
      "<p><strong>&lt;img src=x onerror=&quot;window.attacked=true&quot;&gt;**b** [l](javascript:1)</strong></p>\n",
    );
    expect(markdownHtml("{{ other }}", values)).toBe("<p>{{ other }}</p>\n");
    expect(markdownHtml("`{{ hostile }}`", values)).toBe("<p><code>{{ hostile }}</code></p>\n");
  });
});
