/** The pages that stand beside each other under one name. */
import { paths } from "./paths.ts";

export const PEOPLE_TABS = [
  { label: "People", to: paths.members },
  { label: "Groups", to: paths.groups },
];
export const ADMIN_TABS = [
  { label: "System", to: paths.system },
  { label: "Settings", to: paths.settings },
];
