import type { Role } from "@quern/contract/members";

/** Who asks: a person in an organisation, in a browser or by a token. */
export type Actor = {
  user_id: string;
  org_id: string;
  name: string;
  email: string;
  org_name: string;
  role: Role;
  token_id: string | null;
};
