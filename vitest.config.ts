import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // Not one less, as is vitest's way: most tests wait for other programs, and on two cores that would be half of them.
    maxWorkers: "100%",
    projects: [
      { test: { name: "unit", include: ["src/**/*.test.{ts,tsx}", "test/*.test.ts"], testTimeout: 10_000 } },
      {
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.{ts,tsx}"],
          globalSetup: ["test/support/test-run.ts"],
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: "system",
          include: ["test/system/**/*.test.{ts,tsx}"],
          testTimeout: 1_200_000,
          hookTimeout: 1_200_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
