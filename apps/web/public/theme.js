// Runs before the first paint, so that a dark page does not flash white. The rest is src/composables/theme.ts.
(() => {
  const choice = localStorage.getItem("quern:theme");
  const dark =
    choice === "dark" || (choice !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.classList.toggle("dark", dark);
})();
