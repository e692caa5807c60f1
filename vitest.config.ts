import { defineConfig } from 'vitest/config';

// Two layers: `unit` is pure and in process; `process` starts real servers, so its files share the machine's
// cores sparingly. oclif's output capture needs the console left alone.
export default defineConfig({
  test: {
    disableConsoleIntercept: true,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          sequence: { groupOrder: 1 },
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/conformance/**', 'test/interop/**', 'node_modules/**'],
          testTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'process',
          globalSetup: ['test/support/bundle-once.ts'],
          sequence: { groupOrder: 2 },
          include: ['test/{e2e,conformance,interop}/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers: 2,
        },
      },
    ],
  },
});
