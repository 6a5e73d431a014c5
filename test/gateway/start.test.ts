import { expect, it, onTestFinished } from 'vitest';
import { endNow, runProgram } from '../support/api-process.js';
import type { ApiProcess } from '../support/api-process.js';

function gatewayProcess(environment: Record<string, string>): ApiProcess {
  const running = runProgram('dist/gateway/main.js', environment);
  onTestFinished(() => endNow(running));
  return running;
}

it('a gateway with mistakes in its settings names every one of them and ends with exit code 78', async () => {
  const running = gatewayProcess({
    PUBLIC_KEYS__1: 'no key',
    UPSTREAM__PORT: '70000',
    UPSTREAM__SSLMODE: 'perhaps',
    GATEWAY_MAX_SESSION: 'for ever',
  });
  expect(await running.ended).toBe(78);
  for (const name of [
    'PUBLIC_KEYS__1',
    'UPSTREAM__HOST',
    'UPSTREAM__PORT',
    'UPSTREAM__SSLMODE',
    'GATEWAY_MAX_SESSION',
    'DOWNSTREAM__CERTFILE',
  ])
    expect(running.output.stderr).toContain(name);
});
