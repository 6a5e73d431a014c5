import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach } from 'vitest';
import { createOpaWasmEngine } from '../../../src/policy/opa-wasm-engine.js';
import type { OpaWasmEngine } from '../../../src/policy/opa-wasm-engine.js';
import { serializeHttpInput } from '../../../src/policy/policy-input.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

export const allowPath = 'demoapi/authz/allow';
export const decisionPath = 'demoapi/authz/decision';

export function inputOf(scopes: readonly string[], route = '/sayhello'): string {
  const principal = { sub: 's', cid: 'c', uid: null, scopes, claims: {}, validation: 'local' } as const;
  const token = { principal, tokenHash: '', jti: null, expiresAt: 0 };
  return serializeHttpInput(
    { method: 'GET', api: route, route, params: {}, tokenValue: 'eyJ.eyJ.sig' },
    token,
  );
}

export const allowedInput = inputOf(['read_sayhello']);

/** A folder for the bundles of one file of tests, and engines on them that are closed after each test. */
export function engineBench() {
  const { path: folder, remove } = temporaryFolder();
  const bundlePath = join(folder, 'bundle.tar.gz');
  const warnings: string[] = [];
  const engines: OpaWasmEngine[] = [];

  beforeEach(() => {
    rmSync(bundlePath, { force: true });
    warnings.length = 0;
  });

  afterEach(async () => {
    await Promise.all(engines.splice(0).map((engine) => engine.close()));
  });

  afterAll(() => {
    remove();
  });

  function create(path: string, watch = false) {
    const onWarning = (message: string) => {
      warnings.push(message);
    };
    return createOpaWasmEngine({ bundlePath: path, onWarning, watch });
  }

  async function engineOn(path: string, watch = false): Promise<OpaWasmEngine> {
    const engine = await create(path, watch);
    if (!engine.ok) throw new Error(engine.reason);
    engines.push(engine.value);
    return engine.value;
  }

  return { folder, bundlePath, warnings, create, engineOn };
}
