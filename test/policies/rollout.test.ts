import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { bundlesOf, policiesFolder, policySources, revisionOf } from '../../scripts/lib/policies.mjs';
import { startApiWorld, testApiForTest } from '../support/api-world.js';
import { startMisbehavingServer } from '../support/misbehaving-server.js';
import type { MisbehavingServer } from '../support/misbehaving-server.js';
import { describeWithOpa, startOpaServer } from '../support/opa.js';
import { copyOfPolicies, policies } from './support.js';

/** A bundle service: serves what it is told to, by ETag. */
async function bundleService(first: Buffer) {
  let bundle = first;
  const server = await startMisbehavingServer(({ headers }, response) => {
    const etag = `"${revisionOf([{ path: '', text: bundle.toString('base64') }])}"`;
    if (headers['if-none-match'] === etag) response.writeHead(304).end();
    else response.writeHead(200, { etag, 'content-type': 'application/gzip' }).end(bundle);
  });
  onTestFinished(() => server.close());
  return Object.assign(server, {
    serves: (next: Buffer) => {
      bundle = next;
    },
  });
}

/** OPA by policies/opa.yaml, its bundle from a service as the comment there says. */
async function opaAskingFor(opa: string, { origin }: MisbehavingServer): Promise<string> {
  const changes = [
    `services.policies.url=${origin}`,
    'bundles.demoapi.service=policies',
    'bundles.demoapi.resource=bundle.rego.tar.gz',
    'bundles.demoapi.polling.min_delay_seconds=1',
    'bundles.demoapi.polling.max_delay_seconds=1',
  ];
  const config = `--config-file=${join(policiesFolder, 'opa.yaml')}`;
  const server = await startOpaServer(opa, config, ...changes.flatMap((change) => ['--set', change]));
  onTestFinished(() => server.close());
  return server.origin;
}

/** The policies after a change of data: `/saysecret` opens to whoever may say hello. */
async function changedPolicies(): Promise<{ bundle: Buffer; revision: string }> {
  const copy = copyOfPolicies();
  const data = join(copy, 'demoapi/routes/data.json');
  writeFileSync(data, readFileSync(data, 'utf8').replace('read_saysecret', 'read_sayhello'));
  expect(await policies('build', copy)).toMatchObject({ code: 0 });
  return { bundle: readFileSync(bundlesOf(copy).rego), revision: revisionOf(policySources(copy)) };
}

async function revisionAt(opaOrigin: string): Promise<unknown> {
  const response = await fetch(`${opaOrigin}/v1/data/demoapi/authz/allow?provenance=true`);
  const { provenance } = (await response.json()) as {
    provenance: { bundles: { demoapi: { revision: unknown } } };
  };
  return provenance.bundles.demoapi.revision;
}

const soon = { timeout: 20_000, interval: 50 };

describeWithOpa('policies from a bundle service', (opa) => {
  it('roll forward and back while the API runs, and a broken bundle leaves the last good one in force', async () => {
    const world = await startApiWorld();
    onTestFinished(() => world.close());
    const [committed, changed] = [readFileSync(bundlesOf().rego), await changedPolicies()];
    const service = await bundleService(committed);
    const origin = await opaAskingFor(opa, service);
    const url = `${origin}/v1/data/demoapi/authz/decision`;
    const api = await testApiForTest(world.environment({ OPA_AUTHZ_URL: url }));
    const headers = { authorization: `Bearer ${await world.token()}` };
    const statusOfSecret = () =>
      fetch(`http://127.0.0.1:${api.port}/saysecret`, { headers }).then(({ status }) => status);

    expect(await statusOfSecret()).toBe(403);
    service.serves(changed.bundle);
    await expect.poll(() => revisionAt(origin), soon).toBe(changed.revision);
    expect(await statusOfSecret()).toBe(200);

    service.serves(Buffer.from('no bundle'));
    // The second request shows that the answer to the first has been dealt with.
    await service.received(service.requests.length + 2);
    expect(await statusOfSecret()).toBe(200);

    service.serves(committed);
    await expect.poll(() => revisionAt(origin), soon).toBe(revisionOf(policySources()));
    expect(await statusOfSecret()).toBe(403);
  });
});
