import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { OpaWasmEngine } from '../../src/policy/opa-wasm-engine.js';
import { allowPath, allowedInput, engineBench } from './support/engine-bench.js';
import { makeBundle, ownBundleAs, ownBundleFiles } from './support/make-bundle.js';

describe('the embedded engine', () => {
  const { folder, bundlePath, warnings, engineOn } = engineBench();

  describe('that watches its bundle', () => {
    let engine: OpaWasmEngine;

    beforeEach(async () => {
      writeFileSync(bundlePath, ownBundleAs('first'));
      engine = await engineOn(bundlePath, true);
    });

    async function untilRevision(revision: string): Promise<void> {
      await vi.waitFor(
        () => {
          expect(engine.revision()).toBe(revision);
        },
        { timeout: 10_000 },
      );
    }

    async function untilWarned(count: number): Promise<void> {
      await vi.waitFor(
        () => {
          expect(warnings).toHaveLength(count);
        },
        { timeout: 10_000 },
      );
    }

    it('takes a bundle into use that is renamed into place', async () => {
      writeFileSync(join(folder, 'next'), ownBundleAs('second'));
      renameSync(join(folder, 'next'), bundlePath);
      await untilRevision('second');
      expect(engine.decide(allowedInput, allowPath)).toEqual({ ok: true, value: { allow: true } });
      expect(warnings).toEqual([]);
    });

    it('takes a bundle into use that is written in place', async () => {
      writeFileSync(bundlePath, ownBundleAs('second'));
      await untilRevision('second');
    });

    it('takes new data into use', async () => {
      const files = {
        ...ownBundleFiles(),
        'data.json': '{"demoapi":{"routes":{}}}',
        '.manifest': '{"revision":"closed"}',
      };
      writeFileSync(bundlePath, makeBundle(files));
      const { generation } = engine;
      await untilRevision('closed');
      expect(engine.decide(allowedInput, allowPath)).toEqual({ ok: true, value: { allow: false } });
      expect(engine.generation).not.toBe(generation);
    });

    it('keeps the old bundle and warns when the new one is bad, and takes a good one after it', async () => {
      writeFileSync(bundlePath, 'bad');
      await untilWarned(1);
      expect(warnings[0]).toContain(bundlePath);
      expect(warnings[0]).toContain('revision first stays in force');
      expect(engine.decide(allowedInput, allowPath)).toEqual({ ok: true, value: { allow: true } });
      writeFileSync(bundlePath, ownBundleAs('third'));
      await untilRevision('third');
    });

    it('keeps the old bundle and warns when the file goes away', async () => {
      rmSync(bundlePath);
      await untilWarned(1);
      expect(engine.decide(allowedInput, allowPath)).toMatchObject({ ok: true });
      writeFileSync(bundlePath, ownBundleAs('second'));
      await untilRevision('second');
    });

    it('is not disturbed by other files in the folder, nor by the same bytes again', async () => {
      writeFileSync(join(folder, 'other'), 'x');
      writeFileSync(bundlePath, ownBundleAs('first'));
      writeFileSync(join(folder, 'bundle.tar.gz.tmp'), ownBundleAs('second'));
      renameSync(join(folder, 'bundle.tar.gz.tmp'), bundlePath);
      await untilRevision('second');
      expect(warnings).toEqual([]);
    });

    it('ignores changes after it was closed', async () => {
      const other = await engineOn(bundlePath, true);
      await engine.close();
      writeFileSync(bundlePath, ownBundleAs('second'));
      await vi.waitFor(() => {
        expect(other.revision()).toBe('second');
      });
      expect(engine.revision()).toBe('first');
    });
  });

  it('follows a folder that is a symbolic link and is turned elsewhere, as mounted config maps are', async () => {
    const [one, two, link] = [join(folder, 'one.tar.gz'), join(folder, 'two.tar.gz'), join(folder, 'next')];
    writeFileSync(one, ownBundleAs('first'));
    writeFileSync(two, ownBundleAs('second'));
    symlinkSync(one, bundlePath);
    const engine = await engineOn(bundlePath, true);
    symlinkSync(two, link);
    renameSync(link, bundlePath);
    await vi.waitFor(() => {
      expect(engine.revision()).toBe('second');
    });
  });
});
