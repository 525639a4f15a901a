import type { editor } from "monaco-editor/editor";

/** The colours of the app's own surfaces, so that the editor is part of the page. */
export const lightTheme: editor.IStandaloneThemeData = {
  base: "vs",
  inherit: true,
  rules: [
    { token: "keyword", foreground: "4338ca" },
    { token: "predefined.sql", foreground: "0f766e" },
    { token: "string.sql", foreground: "15803d" },
    { token: "number", foreground: "b45309" },
    { token: "comment", foreground: "71717a", fontStyle: "italic" },
    { token: "operator.sql", foreground: "52525b" },
    { token: "identifier.quote", foreground: "18181b" },
  ],
  colors: {
    "editor.background": "#ffffff",
    "editor.foreground": "#18181b",
    "editor.placeholder.foreground": "#71717a",
    "editorLineNumber.foreground": "#a1a1aa",
    "editorLineNumber.activeForeground": "#3f3f46",
    "editor.lineHighlightBackground": "#f4f4f580",
    "editor.lineHighlightBorder": "#00000000",
    "editorGutter.background": "#ffffff",
    "editorWidget.background": "#ffffff",
    "editorSuggestWidget.border": "#e4e4e7",
    "editorSuggestWidget.selectedBackground": "#e0e7ff",
    "editorSuggestWidget.highlightForeground": "#4338ca",
    "editorSuggestWidget.focusHighlightForeground": "#4338ca",
    "editorSuggestWidget.selectedForeground": "#18181b",
    "editorIndentGuide.background1": "#e4e4e7",
  },
};

export const darkTheme: editor.IStandaloneThemeData = {
  base: "vs-dark",
  inherit: true,
  rules: [
    { token: "keyword", foreground: "a5b4fc" },
    { token: "predefined.sql", foreground: "5eead4" },
    { token: "string.sql", foreground: "86efac" },
    { token: "number", foreground: "fcd34d" },
    { token: "comment", foreground: "8a8a94", fontStyle: "italic" },
    { token: "operator.sql", foreground: "a1a1aa" },
    { token: "identifier.quote", foreground: "f4f4f5" },
  ],
  colors: {
    "editor.background": "#18181b",
    "editor.foreground": "#e4e4e7",
    "editor.placeholder.foreground": "#9f9fa9",
    "editorLineNumber.foreground": "#63636b",
    "editorLineNumber.activeForeground": "#d4d4d8",
    "editor.lineHighlightBackground": "#27272a80",
    "editor.lineHighlightBorder": "#00000000",
    "editorGutter.background": "#18181b",
    "editorWidget.background": "#27272a",
    "editorSuggestWidget.border": "#3f3f46",
    "editorSuggestWidget.selectedBackground": "#3730a3",
    "editorSuggestWidget.selectedForeground": "#ffffff",
    "editorSuggestWidget.highlightForeground": "#a5b4fc",
    "editorSuggestWidget.focusHighlightForeground": "#c7d2fe",
    "editorIndentGuide.background1": "#27272a",
  },
};
