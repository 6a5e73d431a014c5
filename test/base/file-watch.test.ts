import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { FileWatch, stateOf } from '../../src/base/file-watch.js';
import { accept, refuse } from '../../src/base/outcome.js';
import { temporaryFolder } from '../support/temporary-folder.js';

it('takes files in two folders in when the second of them fits the first, and tells of the time between once', async () => {
  const folder = temporaryFolder();
  const paths = ['certificate', 'key'].map((name) => {
    mkdirSync(join(folder.path, name));
    return join(folder.path, name, 'file');
  });
  const write = (index: number, text: string): void => {
    writeFileSync(paths[index] ?? '', text);
  };
  write(0, 'one');
  write(1, 'one');
  let inForce = 'one';
  const failures: string[] = [];
  const watch = new FileWatch({
    paths,
    state: await stateOf(paths),
    onChange: () => {
      const [certificate, key] = paths.map((path) => readFileSync(path, 'utf8'));
      if (certificate === undefined || certificate !== key)
        return Promise.resolve(refuse('apart', 'do not fit'));
      inForce = certificate;
      return Promise.resolve(accept(null));
    },
    onFailure: (reason) => void failures.push(reason),
  });
  onTestFinished(async () => {
    await watch.close();
    folder.remove();
  });
  write(1, 'two');
  await vi.waitFor(() => {
    expect(failures).toEqual(['do not fit']);
  });
  write(0, 'two');
  await vi.waitFor(() => {
    expect(inForce).toBe('two');
  });
  expect(failures).toEqual(['do not fit']);
});
