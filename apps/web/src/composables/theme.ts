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

export const isDark = computed(
  () => choice.value === "dark" || (choice.value === "system" && systemDark.value),
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
