import { z } from "zod";
import { id, text } from "./text.ts";

/** A word that groups queries and dashboards: 1 to 50 characters, not blank at its ends. */
export const tag = text(50).regex(/^\S(.*\S)?$/, "must not begin or end with a blank");
export const tags = z.array(tag).max(20);

/** Where a query or a dashboard is kept, for lists. None of it is versioned. */
export const placement = {
  folder_id: id.nullable(),
  tags: z.array(z.string()),
  favorite: z.boolean().describe("Whether it is one of the asking person's favourites"),
};
