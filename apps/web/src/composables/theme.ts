import { computed, ref } from "vue";
import { store } from "./stored.ts";

export type ThemeChoice = "light" | "dark" | "system";

const KEY = "quern:theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const systemDark = ref(system.matches);
const choice = ref<ThemeChoice>(readChoice());

function readChoice(): ThemeChoice {
  const stored = localStorage.getItem(KEY);
  return stored === "light" || stored === "dark" ? stored : "system";
}

/** A page that looks one way whatever the person has chosen: a wall screen. */
const forced = ref<"light" | "dark" | null>(null);

export const isDark = computed(() =>
  forced.value === null
    ? choice.value === "dark" || (choice.value === "system" && systemDark.value)
    : forced.value === "dark",
);

function apply(): void {
  document.documentElement.classList.toggle("dark", isDark.value);
}

system.addEventListener("change", (event) => {
  systemDark.value = event.matches;
  apply();
});

// Another tab of the same browser changed the theme.
addEventListener("storage", (event) => {
  if (event.key !== KEY) return;
  choice.value = readChoice();
  apply();
});

/** Shows this page so, without changing what the person has chosen; null gives way to that again. */
export function forceTheme(theme: "light" | "dark" | null): void {
  forced.value = theme;
  apply();
}

export function useTheme() {
  return {
    choice,
    setTheme(next: ThemeChoice): void {
      choice.value = next;
      store(KEY, next === "system" ? null : next);
      apply();
    },
  };
}
