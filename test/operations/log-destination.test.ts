import { describe, expect, it } from 'vitest';
import { startChild } from './support/child.js';

const count = 5000;

describe('the buffered log of a process', () => {
  it.each([
    ['when its work is done', 'finish', 0],
    ['by process.exit', 'exit', 0],
    ['by an exception', 'throw', 1],
  ])('is complete and in order when it ends %s', async (_, ending, exitCode) => {
    const child = startChild('logging-program.ts', String(count), ending);
    const [output, errors, code] = await Promise.all([child.output, child.errors, child.ended]);
    expect(code, errors).toBe(exitCode);
    const lines = output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { jti?: string; msg: string });
    const decisions = lines.filter(({ msg }) => msg === 'decision').map(({ jti }) => jti);
    expect(decisions).toEqual(Array.from({ length: count }, (_item, index) => `AT.${index}`));
    expect(lines[100]?.msg).toBe('after a hundred');
    expect(lines.at(-1)?.msg).toBe('last words');
  });

  it('is with the operating system once it has been flushed, whatever happens then', async () => {
    const child = startChild('logging-program.ts', String(count), 'flush');
    const [output, how] = await Promise.all([child.output, child.ended]);
    expect(how).toBe('SIGKILL');
    expect(output.trimEnd().split('\n')).toHaveLength(count + 1);
  });

  it('does not end a process whose reader went away', async () => {
    const child = startChild('logging-program.ts', String(count), 'finish');
    child.process.stdout?.destroy();
    expect(await child.ended).toBe(0);
  });
});
