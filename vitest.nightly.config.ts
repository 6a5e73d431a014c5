import { defineConfig } from 'vitest/config';

// What takes too long for every commit: whole suites of PostgreSQL and its drivers, at a server and through the gateway.
export default defineConfig({
  test: {
    include: ['test/**/*.nightly.ts', 'test/conformance/pgx.test.ts'],
    env: { PGX_PACKAGES: './...' },
    globalSetup: ['test/support/global-setup.ts'],
    maxWorkers: 1,
    hookTimeout: 120_000,
  },
});
