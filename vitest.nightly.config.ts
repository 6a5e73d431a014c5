import { defineConfig } from 'vitest/config';

// What takes too long for every commit: whole suites of PostgreSQL and its drivers, at a server and through the gateway.
export default defineConfig({
  test: {
    include: [
      'test/**/*.nightly.ts',
      'test/conformance/regress.test.ts',
      'test/conformance/pgx.test.ts',
      'test/gateway/leaks.test.ts',
    ],
    env: { REGRESS_TESTS: 'all', PGX_PACKAGES: './...', LEAK_LOGINS: '10000', LEAK_SESSIONS: '1000' },
    globalSetup: ['test/support/global-setup.ts'],
    maxWorkers: 1,
    hookTimeout: 120_000,
  },
});
