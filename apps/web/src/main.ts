import "@fontsource-variable/inter";
import "@fontsource-variable/jetbrains-mono";
import "./styles.css";
import ui from "@nuxt/ui/vue-plugin";
import { UnreachableError } from "@quern/contract/client";
import { QueryClient, VueQueryPlugin } from "@tanstack/vue-query";
import { createApp } from "vue";
import { language, loadLanguage } from "./i18n/language.ts";

document.documentElement.lang = language;
await loadLanguage();
// Only now: constants of the modules below have words in them.
const [{ default: App }, { makeRouter }] = await Promise.all([
  import("./App.vue"),
  import("./router.ts"),
]);

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      networkMode: "always",
      retry: (count, error) => error instanceof UnreachableError && count < 2,
    },
    mutations: { networkMode: "always" },
  },
});

createApp(App)
  .use(makeRouter(queries))
  .use(VueQueryPlugin, { queryClient: queries })
  .use(ui)
  .mount("#app");
