import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

export default defineConfig(({ mode }) => ({
  plugins: [svelte()],
  // The window is loaded from the app itself, so its paths stay relative.
  base: "./",
  build: {
    // WebKitGTK 2.40, WebView2 and the WKWebView of macOS 13 all know this much.
    target: ["es2022", "safari16.4"],
    // Everything is one local file read; a second chunk would only be a second read.
    modulePreload: false,
    // A strict content policy has no room for data: addresses.
    assetsInlineLimit: 0,
  },
  server: { port: 1420, strictPort: true, fs: { allow: [".", "../icons"] } },
  // Component tests need Svelte's browser build.
  resolve: mode === "test" ? { conditions: ["browser"] } : {},
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.ts"],
  },
}));
