import { gzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { maxBundleBytes, maxUnpackedBytes, readBundle } from '../../src/policy/bundle.js';
import { makeBundle, makeTar, ownBundlePath, tarEntry } from './support/make-bundle.js';

const wasm = Buffer.from('\0asm');
const manifest = JSON.stringify({ revision: 'r1', wasm: [{ entrypoint: 'a/b', module: '/policy.wasm' }] });
const files = {
  '/policy.wasm': wasm,
  '/data.json': '{"routes":{}}',
  '/.manifest': manifest,
  '/a/b.rego': 'package a.b',
};

async function reasonOf(packed: Buffer): Promise<string> {
  const outcome = await readBundle(packed);
  return outcome.ok ? 'accepted' : outcome.reason;
}

describe('a bundle', () => {
  it('has the WASM, the data and the revision of its manifest', async () => {
    expect(await readBundle(makeBundle(files))).toEqual({
      ok: true,
      value: { revision: 'r1', wasm, dataJson: Buffer.from('{"routes":{}}') },
    });
  });

  it('may name its files with or without a slash at the start', async () => {
    const named = makeBundle({ './policy.wasm': wasm, 'data.json': '{"a":1}', '.manifest': manifest });
    expect(await readBundle(named)).toMatchObject({
      value: { revision: 'r1', wasm, dataJson: Buffer.from('{"a":1}') },
    });
  });

  it('needs neither data nor a manifest', async () => {
    const bare = { revision: null, wasm, dataJson: Buffer.from('{}') };
    expect(await readBundle(makeBundle({ 'policy.wasm': wasm }))).toEqual({ ok: true, value: bare });
  });

  it.each([{ manifest: {} }, { manifest: { revision: '' } }, { manifest: { revision: 7 } }])(
    'with the manifest $manifest has no revision',
    async ({ manifest }) => {
      const bundle = makeBundle({ ...files, '/.manifest': JSON.stringify(manifest) });
      expect(await readBundle(bundle)).toMatchObject({ ok: true, value: { revision: null } });
    },
  );

  it('of the project is one', async () => {
    expect(await readBundle(readFileSync(ownBundlePath))).toMatchObject({ ok: true });
  });

  it('may hold folders, and files with extended headers that nothing here needs', async () => {
    const tar = makeTar(files);
    const extended = [tarEntry('folder/', Buffer.alloc(0), '5'), tarEntry('x', Buffer.from('x'), 'x')];
    const long = tarEntry('data.json', Buffer.from('[]'));
    expect(await readBundle(gzipSync(Buffer.concat([...extended, long, tar])))).toMatchObject({
      ok: true,
      value: { dataJson: Buffer.from('{"routes":{}}') },
    });
  });

  const tar = makeTar(files);
  const damaged = Buffer.from(tar);
  damaged[1] = 0x78;
  it.each([
    { what: 'that is empty', packed: Buffer.alloc(0), reason: 'unzipped' },
    { what: 'that is no gzip', packed: tar, reason: 'unzipped' },
    { what: 'whose gzip is cut short', packed: makeBundle(files).subarray(0, -20), reason: 'unzipped' },
    { what: 'whose gzip holds no tar', packed: gzipSync('x'.repeat(1024)), reason: 'a header is damaged' },
    { what: 'whose tar is cut short', packed: gzipSync(tar.subarray(0, 700)), reason: 'cut short' },
    { what: 'whose tar has no end', packed: gzipSync(tar.subarray(0, -1024)), reason: 'cut short' },
    { what: 'with a damaged header', packed: gzipSync(damaged), reason: 'a header is damaged' },
    {
      what: 'with a file larger than the archive',
      packed: gzipSync(tarEntry('policy.wasm', wasm, '0', 8 ** 10)),
      reason: 'cut short',
    },
    { what: 'without WASM', packed: makeBundle({ 'data.json': '{}' }), reason: 'no policy.wasm' },
    { what: 'with broken data', packed: makeBundle({ ...files, '/data.json': '{' }), reason: 'data.json' },
    {
      what: 'with data that is no object',
      packed: makeBundle({ ...files, '/data.json': '[]' }),
      reason: 'data.json',
    },
    {
      what: 'with data in a folder',
      packed: makeBundle({ ...files, '/a/data.json': '{}' }),
      reason: 'a/data.json',
    },
    {
      what: 'with data in YAML',
      packed: makeBundle({ ...files, '/data.yaml': 'a: 1' }),
      reason: 'data.yaml',
    },
    { what: 'with a file twice', packed: makeBundle({ ...files, './data.json': '{}' }), reason: 'two files' },
    {
      what: 'with a broken manifest',
      packed: makeBundle({ ...files, '/.manifest': '{' }),
      reason: '.manifest',
    },
    {
      what: 'with several WASM modules',
      packed: makeBundle({ ...files, '/.manifest': '{"wasm":[{"entrypoint":"c","module":"/c.wasm"}]}' }),
      reason: 'another WASM module',
    },
    { what: 'that is too large', packed: Buffer.alloc(maxBundleBytes + 1), reason: 'larger than' },
    {
      what: 'that unpacks to too much',
      packed: gzipSync(Buffer.alloc(maxUnpackedBytes + 1)),
      reason: 'unzipped',
    },
  ])('$what is unusable', async ({ packed, reason }) => {
    expect(await readBundle(packed)).toMatchObject({ ok: false, code: 'unusable_bundle' });
    expect(await reasonOf(packed)).toContain(reason);
  });
});
