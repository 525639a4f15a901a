/**
 * The text of a tile: Markdown in which HTML is text, made by markdown-it and cleaned by DOMPurify all the same. Links open
 * without a hold on this page; pictures are only those of this server and `data:` ones, as its content policy has it.
 */
import MarkdownIt from "markdown-it";

type Values = (name: string) => string | null;
type Env = { values?: Values };

const markdown = new MarkdownIt({ html: false, linkify: true, typographer: false, breaks: true });
markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });

/** `{{ name }}` is the value of a parameter, as text: nothing in it can be Markdown. */
markdown.inline.ruler.before("escape", "parameter", (state, silent) => {
  const match = /^\{\{\s*([A-Za-z_][A-Za-z0-9_]{0,62})\s*\}\}/.exec(
    state.src.slice(state.pos, state.pos + 100),
  );
  const name = match?.[1];
  const value = name === undefined ? null : ((state.env as Env).values?.(name) ?? null);
  if (match === null || value === null) return false;
  if (!silent) state.push("text_special", "", 0).content = value;
  state.pos += match[0].length;
  return true;
});

const SAFE_LINK = /^(https?:\/\/|mailto:|\/(?![/\\])|#)/i;
const SAFE_PICTURE = /^(\/(?![/\\])|data:image\/(png|jpeg|gif|webp);base64,)/i;

markdown.validateLink = (url) => SAFE_LINK.test(url.trim()) || SAFE_PICTURE.test(url.trim());

markdown.renderer.rules.link_open = (tokens, index, options, _env, renderer) => {
  const token = tokens[index]!;
  const address = String(token.attrGet("href") ?? "");
  if (!SAFE_LINK.test(address)) token.attrSet("href", "#");
  token.attrSet("rel", "noopener noreferrer");
  if (/^https?:/i.test(address)) token.attrSet("target", "_blank");
  return renderer.renderToken(tokens, index, options);
};

const picture = markdown.renderer.rules.image!;
markdown.renderer.rules.image = (tokens, index, options, env, renderer) => {
  const token = tokens[index]!;
  if (SAFE_PICTURE.test(String(token.attrGet("src") ?? "")))
    return picture(tokens, index, options, env, renderer);
  const alternative = token.children
    ? renderer.renderInlineAsText(token.children, options, env)
    : "";
  return markdown.utils.escapeHtml(alternative);
};

/** HTML of a text tile before it is cleaned; `values` gives the words for a parameter, null when there is none so called. */
export function markdownHtml(text: string, values?: Values): string {
  return markdown.render(text, { values } satisfies Env);
}
