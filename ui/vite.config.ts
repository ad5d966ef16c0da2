import { svelte } from "@sveltejs/vite-plugin-svelte";
import { svelteTesting } from "@testing-library/svelte/vite";
import { defineConfig } from "vitest/config";

// The desktop build (`vite build`) leaves the fake engine out; `--mode browser` keeps it, for looking at the window
// in an ordinary browser.
export default defineConfig(({ mode }) => ({
  plugins: [svelte(), svelteTesting()],
  clearScreen: false,
  define: { __WITH_FAKE__: JSON.stringify(mode !== "production") },
  server: { port: 5173, strictPort: true },
  // The desktop shell's own policy, so that what it would block is seen in a browser as well.
  preview: {
    port: 1421,
    strictPort: true,
    headers: {
      "Content-Security-Policy":
        "default-src 'self'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data: blob:; " +
        "media-src 'self' blob:; connect-src ipc: http://ipc.localhost; object-src 'none'; base-uri 'none'; " +
        "form-action 'none'; frame-src 'none'; frame-ancestors 'none'",
    },
  },
  build: {
    outDir: mode === "browser" ? "dist-browser" : "dist",
    emptyOutDir: true,
    target: ["es2022", "safari16"],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  test: {
    environment: "happy-dom",
    include: ["tests/**/*.test.ts"],
    setupFiles: ["tests/setup.ts"],
    restoreMocks: true,
    // Time inside the tests is virtual; this one only bounds a busy machine.
    testTimeout: 30_000,
  },
}));
