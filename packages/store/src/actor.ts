import type { Role } from "@quern/contract/members";
import type { ParameterValues } from "@quern/contract/parameters";

/** Who asks: a person in an organisation, in a browser or by a token, or a screen that shows what they gave it a link for. */
export type Actor = {
  user_id: string;
  org_id: string;
  name: string;
  email: string;
  org_name: string;
  role: Role;
  token_id: string | null;
  /** Of a screen: the rest is the person who made its link, whose rights bound what it shows. */
  display?: DisplayScope;
};

export type DisplayScope = {
  link_id: string;
  /** What it may show, with which values. */
  items: readonly { dashboard_id: string; params: ParameterValues }[];
  /** The tiles and values whose runs it may read; nothing until `withShownTiles` has looked. */
  shown?: readonly { tile_id: string; values_key: Buffer }[];
};
