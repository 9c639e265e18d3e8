import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vitest/config";

// Relative addresses, so that the same build works under any path; nothing inlined, so that the policy may stay strict.
export default defineConfig({
  base: "./",
  plugins: [vue()],
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false }, chunkSizeWarningLimit: 1500 },
  server: { proxy: { "/api": process.env.WANGGE_SERVER ?? "http://127.0.0.1:8750" } },
  test: { environment: "happy-dom", include: ["src/**/*.test.ts"] },
});
