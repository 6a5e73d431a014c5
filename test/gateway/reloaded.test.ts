import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { Reloaded } from '../../src/gateway/reloaded.js';
import { temporaryFolder } from '../support/temporary-folder.js';

it('what failed to be read is tried again with the next look, and told once', async () => {
  const folder = temporaryFolder();
  const path = join(folder.path, 'value');
  writeFileSync(path, 'one');
  let failing = 0;
  const failures: string[] = [];
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const reloaded = await Reloaded.open({
    paths: [path],
    load: () => {
      if (failing-- > 0) throw new Error('EMFILE: too many open files');
      return readFileSync(path, 'utf8');
    },
    onFailure: (reason) => void failures.push(reason),
  });
  onTestFinished(async () => {
    vi.useRealTimers();
    await reloaded.close();
    folder.remove();
  });
  failing = 2;
  writeFileSync(path, 'two');
  await vi.waitFor(() => {
    expect(failing).toBe(1);
  });
  for (let look = 0; look < 3; look++) vi.advanceTimersByTime(5_000);
  await vi.waitFor(() => {
    expect(reloaded.value).toBe('two');
  });
  expect(failures).toEqual(['EMFILE: too many open files']);
});
