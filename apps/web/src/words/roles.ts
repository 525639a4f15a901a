import type { Role } from "@quern/contract/members";

export const ROLE_WORDS: { value: Role; label: string; description: string }[] = [
  { value: "viewer", label: "Viewer", description: "Opens and runs queries on what is granted" },
  { value: "editor", label: "Editor", description: "Also writes SQL, creates and changes" },
  { value: "admin", label: "Admin", description: "Everything, with people and datasources" },
];
