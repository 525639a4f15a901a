export type Colours = {
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  dim(text: string): string;
  bold(text: string): string;
};

/** SGR sequences, or the text as it is. */
export function coloursOf(enabled: boolean): Colours {
  const paint = (on: number, off: number) => (text: string) =>
    enabled ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  return {
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    dim: paint(2, 22),
    bold: paint(1, 22),
  };
}

/** `text` without what would move a terminal's cursor or change its colours: it came from a server or a database. */
export function printable(text: string): string {
  return text.replace(ACTING, "\ufffd");
}

const ACTING =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it takes out
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;
