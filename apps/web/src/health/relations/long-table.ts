/** What the columns of LongTable.vue are. */
export type LongColumn<R> = {
  name: string;
  label: string;
  /** What it means, for a hover over the head. */
  title?: string;
  /** The order of the API that the head asks for; none: it sorts nothing. */
  order?: string;
  /** The order begins with the smallest. */
  ascending?: boolean;
  /** Classes of head and cells: how wide, and from which width of the list on. */
  look?: string;
  right?: boolean;
  /** Short; a slot called as the column may show more. */
  words: (row: R) => string;
  /** Every digit, for a hover. */
  hover?: (row: R) => string | undefined;
};
