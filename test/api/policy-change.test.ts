import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { makeBundle, ownBundleFiles } from '../policy/support/make-bundle.js';
import { bearer, send } from '../support/api-client.js';
import { startApiWorld, testApiForTest } from '../support/api-world.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** Our own bundle, with other routes in its data. */
function bundleOf(routes: object, revision: string): Buffer {
  return makeBundle({
    ...ownBundleFiles(),
    'data.json': JSON.stringify({ demoapi: { routes } }),
    '.manifest': JSON.stringify({ revision }),
  });
}

it('a policy that has changed decides anew about tokens that were let in before', async () => {
  const { path: folder, remove } = temporaryFolder();
  const world = await startApiWorld();
  onTestFinished(async () => {
    await world.close();
    remove();
  });
  const bundle = join(folder, 'bundle.tar.gz');
  writeFileSync(bundle, bundleOf({ '/sayhello': { GET: ['read_sayhello'] } }, 'open'));
  const api = await testApiForTest(world.environment({ OPA_MODE: 'embedded', OPA_BUNDLE: bundle }));
  const token = await world.token();
  const ask = async () => {
    const { status } = await send(api.port, { target: '/sayhello', headers: [bearer(token)] });
    const { decisionCached, revision } = api.decisions().at(-1) ?? {};
    return { status, decisionCached, revision };
  };
  await ask();
  await ask();
  expect(await ask()).toEqual({ status: 200, decisionCached: true, revision: 'open' });
  writeFileSync(bundle, bundleOf({}, 'closed'));
  await vi.waitFor(async () => {
    expect((await ask()).revision).toBe('closed');
  }, 10_000);
  const statuses = api.decisions().map(({ revision, outcome }) => `${String(revision)} ${String(outcome)}`);
  expect([...new Set(statuses)]).toEqual(['open allow', 'closed deny']);
});
