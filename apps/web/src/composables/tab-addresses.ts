import { reactive } from "vue";

/** Where each tab of the editor was left, by its draft's id: going back to it shows its result again. */
export const tabAddresses = reactive(new Map<string, string>());
