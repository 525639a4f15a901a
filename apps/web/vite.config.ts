import ui from "@nuxt/ui/vite";
import vue from "@vitejs/plugin-vue";
import { defaultClientConditions, defineConfig } from "vite";

export default defineConfig({
  plugins: [
    vue(),
    ui({
      autoImport: false,
      components: false,
      dts: false,
      colorMode: false,
      // Icons go into the bundle: otherwise the page would ask api.iconify.design for them.
      icon: { clientBundle: { scan: { globInclude: ["src/**/*.{vue,ts}"] } } },
      ui: {
        colors: {
          primary: "indigo",
          neutral: "zinc",
          success: "green",
          warning: "amber",
          info: "blue",
          error: "red",
        },
        button: {
          defaultVariants: { size: "sm" },
          // The library's own hover colour is too pale for the words on it.
          compoundVariants: [
            {
              color: "primary",
              variant: "solid",
              class:
                "hover:bg-indigo-600 active:bg-indigo-600 dark:hover:bg-indigo-300 dark:active:bg-indigo-300",
            },
          ],
        },
        input: { defaultVariants: { size: "sm" } },
        inputNumber: { defaultVariants: { size: "sm" } },
        select: { defaultVariants: { size: "sm" } },
        selectMenu: { defaultVariants: { size: "sm" } },
        textarea: { defaultVariants: { size: "sm" } },
        formField: {
          slots: {
            help: "mt-1 text-xs text-muted",
            error: "mt-1 text-xs text-red-600 dark:text-red-400",
          },
        },
        badge: { defaultVariants: { size: "sm" } },
        tooltip: { slots: { content: "h-auto max-w-96 py-1 text-xs" } },
      },
    }),
  ],
  resolve: { conditions: ["quern", ...defaultClientConditions] },
  // The page's content security policy takes no fonts or scripts out of data: URLs, so nothing is inlined.
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 4000,
    rolldownOptions: {
      // Who starts Quern for the first time reads what the build says.
      checks: { bundlerTimings: false },
      onLog(level, log, tell) {
        // It asks for files only where it finds itself in Node.js.
        if (!/"node:(fs|crypto)" has been externalized.*libpg-query/.test(log.message))
          tell(level, log);
      },
    },
  },
  worker: { format: "es" },
  server: { port: 5173, proxy: { "/api": process.env.QUERN_API ?? "http://localhost:3000" } },
});
