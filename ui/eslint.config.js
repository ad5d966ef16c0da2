import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";
import svelteConfig from "./svelte.config.js";

const features = ["account", "activity", "call", "dialer", "people", "settings", "storage", "thread", "wallet"];

const tauri = { group: ["@tauri-apps/*"], message: "Only src/api/client.ts reaches the host." };
const fake = { group: ["**/api/fake*"], message: "The fake engine is loaded by src/api/client.ts alone." };
const upwards = { group: ["**/views/*"], message: "Views compose; nothing below imports them." };

const forbid = (...patterns) => ({ "no-restricted-imports": ["error", { patterns: [tauri, fake, ...patterns] }] });

export default ts.config(
  { ignores: ["dist", "dist-browser", "node_modules", "src/api/generated.ts"] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  {
    languageOptions: { globals: { ...globals.browser, __WITH_FAKE__: "readonly" } },
    rules: {
      "no-undef": "off",
      "svelte/no-at-html-tags": "error",
      "svelte/no-inline-styles": ["error", { allowTransitions: false }],
      // Bookkeeping that nothing draws stays in plain sets and maps.
      "svelte/prefer-svelte-reactivity": "off",
      "no-console": "error",
      eqeqeq: "error",
    },
  },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: ts.parser, extraFileExtensions: [".svelte"], svelteConfig } },
  },
  { files: ["src/**/*"], rules: forbid() },
  {
    files: ["src/api/**/*", "src/i18n/**/*"],
    rules: forbid(upwards, { group: ["**/state/*", "**/components/*", "**/features/**"], message: "The api stands below." }),
  },
  {
    files: ["src/state/**/*"],
    rules: forbid(upwards, { group: ["**/components/*", "**/features/**"], message: "State draws nothing." }),
  },
  {
    files: ["src/components/**/*"],
    rules: forbid(upwards, { group: ["**/api/*", "**/state/*", "**/features/**"], message: "Components know no domain." }),
  },
  ...features.map((feature) => ({
    files: [`src/features/${feature}/**/*`],
    rules: forbid(upwards, {
      regex: `(^\\.\\./(${features.join("|")})/)|(features/(?!${feature}/))`,
      message: "A feature imports no other; views put them together.",
    }),
  })),
  { files: ["src/api/client.ts"], rules: { "no-restricted-imports": "off" } },
  {
    files: ["tests/**/*", "scripts/**/*", "*.ts", "*.js"],
    languageOptions: { globals: globals.node },
    rules: { "no-restricted-imports": "off", "no-console": "off", "@typescript-eslint/no-non-null-assertion": "off" },
  },
);
