/** How a thing is doing: a word or two, never a colour alone. */
export type Tone = {
  words: string;
  icon: string;
  color: "success" | "error" | "warning" | "neutral";
};
