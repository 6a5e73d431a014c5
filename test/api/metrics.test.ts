import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { get } from '../support/api-client.js';
import { ownBundle } from '../support/api-opa-stand-in.js';
import { startApiWorld, testApiForTest } from '../support/api-world.js';
import type { ApiEnvironment, ApiWorld, TestApi } from '../support/api-world.js';
import type { Misbehaviour } from '../support/misbehaviours.js';

let world: ApiWorld;

beforeEach(async () => {
  world = await startApiWorld();
});

afterEach(() => world.close());

/** Samples by name and labels, such as `requests_total{outcome="allow"}`; without the prefix that all have. */
async function scrape(api: TestApi): Promise<ReadonlyMap<string, number>> {
  const { status, headers, body } = await get(api.managementPort, '/metrics');
  expect([status, headers['content-type']]).toEqual([
    200,
    expect.stringMatching(/^text\/plain; version=0\.0\.4/),
  ]);
  const samples = body.matchAll(/^nest_okta_opa_(\S+) (\S+)$/gm);
  return new Map([...samples].map(([, name = '', value]) => [name, Number(value)]));
}

async function apiFor(changes: ApiEnvironment): Promise<TestApi> {
  return testApiForTest(world.environment(changes));
}

const embedded = { OPA_MODE: 'embedded', OPA_BUNDLE: ownBundle };

describe('/metrics', () => {
  it('counts guarded requests by how they ended, and no others', async () => {
    const api = await apiFor({ OKTA_VALIDATION: 'remote', OPA_TIMEOUT_MS: '1000' });
    const hello = async () => get(api.port, '/sayhello', await world.token());
    await get(api.port, '/nothing');
    await get(api.port, '/%zz');
    for (let i = 0; i < 3; i++) await hello();
    for (let i = 0; i < 2; i++) await get(api.port, '/saysecret', await world.token());
    await get(api.port, '/sayhello');
    await get(api.port, '/sayhello#x');
    world.opa.decidesBy(() => undefined);
    await hello();
    await world.opa.misbehave('status 500');
    await hello();
    await world.okta.misbehave('status 500');
    for (let i = 0; i < 2; i++) await hello();
    const counts = [...(await scrape(api))].filter(([name]) => name.startsWith('requests_total'));
    expect(Object.fromEntries(counts)).toEqual({
      'requests_total{outcome="allow"}': 3,
      'requests_total{outcome="deny"}': 2,
      'requests_total{outcome="undefined"}': 1,
      'requests_total{outcome="malformed"}': 1,
      'requests_total{outcome="unauthenticated"}': 1,
      'requests_total{outcome="authentication_unavailable"}': 2,
      'requests_total{outcome="authorization_unavailable"}': 1,
    });
  });

  it('has the time of each step that a request came to', async () => {
    const api = await apiFor(embedded);
    await get(api.port, '/sayhello');
    await get(api.port, '/sayhello', 'no-token');
    await get(api.port, '/sayhello', await world.token());
    const samples = await scrape(api);
    expect(samples.get('step_duration_seconds_count{step="token"}')).toBe(2);
    expect(samples.get('step_duration_seconds_count{step="policy"}')).toBe(1);
    expect(samples.get('step_duration_seconds_bucket{le="+Inf",step="token"}')).toBe(2);
    expect(samples.get('step_duration_seconds_sum{step="policy"}')).toBeGreaterThan(0);
  });

  it('counts what the token cache knows', async () => {
    const api = await apiFor(embedded);
    const [one, other] = [await world.token(), await world.token()];
    for (const token of [one, one, one, other]) await get(api.port, '/sayhello', token);
    const samples = await scrape(api);
    expect(samples.get('cache_hits_total{cache="token"}')).toBe(2);
    expect(samples.get('cache_misses_total{cache="token"}')).toBe(2);
    expect(samples.get('cache_entries{cache="token"}')).toBe(2);
    expect([...samples.keys()].join()).not.toContain('cache="introspection"');
  });

  it('counts what the introspection cache knows', async () => {
    const api = await apiFor({
      OKTA_VALIDATION: 'remote',
      OKTA_INTROSPECTION_CACHE_SECONDS: '600',
      ...embedded,
    });
    const token = await world.token();
    for (let i = 0; i < 3; i++) await get(api.port, '/sayhello', token);
    const samples = await scrape(api);
    expect(samples.get('cache_hits_total{cache="introspection"}')).toBe(2);
    expect(samples.get('cache_misses_total{cache="introspection"}')).toBe(1);
    expect(world.okta.introspected()).toEqual([token]);
    expect([...samples.keys()].join()).not.toMatch(/cache="token"|key_set_age/);
  });

  it('has the age of the key set where there is one', async () => {
    const api = await apiFor(embedded);
    const name = 'key_set_age_seconds{upstream="okta_keys"}';
    const first = (await scrape(api)).get(name) ?? -1;
    const second = (await scrape(api)).get(name) ?? -1;
    expect(first).toBeGreaterThanOrEqual(0);
    expect(second).toBeGreaterThan(first);
  });

  it('has no age of a key set that never came', async () => {
    await world.okta.misbehave('refused');
    expect([...(await scrape(await apiFor(embedded))).keys()].join()).not.toContain('key_set_age');
  });

  it('says what is in force', async () => {
    const body = [...(await scrape(await apiFor({ OKTA_VALIDATION: 'both', ...embedded }))).keys()];
    const info = body.find((name) => name.startsWith('info{'));
    expect(info).toMatch(
      /version="[^"]+",validation="both",engine="embedded",issuer="[^"]+",revision="[0-9a-f]{16}"/,
    );
    expect(info).toContain(world.okta.issuer);
  });

  const classes: readonly (readonly [Misbehaviour, string])[] = [
    ['refused', 'unreachable'],
    ['silent', 'timeout'],
    ['reset mid-body', 'broken'],
    ['drip', 'timeout'],
    ['status 500', 'status'],
    ['status 429', 'rate_limited'],
    ['redirect', 'redirect'],
    ['html', 'misshapen'],
    ['broken JSON', 'misshapen'],
    ['huge body', 'oversized'],
    ['gzip bomb', 'misshapen'],
  ];

  it.each(classes)('counts errors of OPA by class: %s is %s', async (how, failure) => {
    const api = await apiFor({ OPA_TIMEOUT_MS: '300' });
    const token = await world.token();
    await world.opa.misbehave(how);
    await get(api.port, '/sayhello', token);
    expect(await upstreamErrors(api)).toEqual({ [`opa ${failure}`]: 1 });
  });

  it.each(classes)('counts errors of introspection by class: %s is %s', async (how, failure) => {
    const api = await apiFor({ OKTA_VALIDATION: 'remote', OKTA_TIMEOUT_MS: '300', ...embedded });
    const token = await world.token();
    await world.okta.misbehave(how);
    await get(api.port, '/sayhello', token);
    expect(await upstreamErrors(api)).toEqual({ [`okta_introspection ${failure}`]: 1 });
  });

  it.each(classes)('counts errors of the key set by class: %s is %s', async (how, failure) => {
    await world.okta.misbehave(how);
    const api = await apiFor({ OKTA_TIMEOUT_MS: '300', ...embedded });
    expect(await upstreamErrors(api)).toEqual({ [`okta_keys ${failure}`]: 1 });
  });
});

async function upstreamErrors(api: TestApi): Promise<Record<string, number>> {
  const samples = [...(await scrape(api))].flatMap(([name, value]) => {
    const [, upstream, failure] = /^upstream_errors_total\{upstream="(\w+)",class="(\w+)"\}/.exec(name) ?? [];
    return upstream === undefined ? [] : [[`${upstream} ${failure ?? ''}`, value] as const];
  });
  return Object.fromEntries(samples);
}
