import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { policiesFolder } from '../../scripts/lib/policies.mjs';
import { probeInput } from '../../src/policy/policy-input.js';

const read = (name: string): string => readFileSync(join(policiesFolder, '..', name), 'utf8');
const page = read('docs/policies.md');

interface Input {
  readonly principal: object;
}

describe('docs/policies.md', () => {
  it('shows the members of the input, in their order', () => {
    const shown = JSON.parse(/```json\n([^]*?)```/.exec(page)?.[1] ?? '') as Input;
    const asked = JSON.parse(probeInput) as Input;
    expect(Object.keys(shown)).toEqual(Object.keys(asked));
    expect(Object.keys(shown.principal)).toEqual(Object.keys(asked.principal));
  });

  it('names commands that there are', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = [...page.matchAll(/npm run ([\w:]+)/g)].map(([, name = '']) => name);
    expect(named).toContain('policies:push');
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });
});
