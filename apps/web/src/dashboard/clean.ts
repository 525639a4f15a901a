import DOMPurify from "dompurify";
import { markdownHtml } from "./markdown.ts";

const TAGS =
  "h1 h2 h3 h4 h5 h6 p br hr strong em s code pre blockquote ul ol li a img table thead tbody tr th td";
const ATTRIBUTES = "href rel target src alt title start";

/** What may be put into the page. Throws where there is no document to clean it with. */
export function cleanMarkdown(text: string, values?: Parameters<typeof markdownHtml>[1]): string {
  if (!DOMPurify.isSupported) throw new Error("Markdown can only be cleaned in a browser");
  return DOMPurify.sanitize(markdownHtml(text, values), {
    ALLOWED_TAGS: TAGS.split(" "),
    ALLOWED_ATTR: ATTRIBUTES.split(" "),
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    ADD_ATTR: ["target"],
  });
}
