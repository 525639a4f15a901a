import type { Role } from "@quern/contract/members";
import { t } from "../i18n/language.ts";

const NAMES: Record<Role, string> = {
  viewer: t("viewer"),
  editor: t("editor"),
  admin: t("admin"),
};

/** A role within a sentence. */
export function roleName(role: Role): string {
  return NAMES[role];
}

export const ROLE_WORDS: { value: Role; label: string; description: string }[] = [
  {
    value: "viewer",
    label: t("Viewer"),
    description: t("Opens and runs queries on what is granted"),
  },
  { value: "editor", label: t("Editor"), description: t("Also writes SQL, creates and changes") },
  { value: "admin", label: t("Admin"), description: t("Everything, with people and datasources") },
];
