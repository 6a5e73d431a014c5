import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TokenErrorCode } from '../../src/token-source/index.js';

const root = join(import.meta.dirname, '../..');
const documentation = readFileSync(join(root, 'docs/token-source.md'), 'utf8');

/** Complete: the compiler sees to that. */
const codes: Record<TokenErrorCode, true> = {
  invalid_request: true,
  invalid_client: true,
  invalid_grant: true,
  unauthorized_client: true,
  unsupported_grant_type: true,
  invalid_scope: true,
  refused: true,
  unavailable: true,
  timeout: true,
  bad_response: true,
  aborted: true,
  closed: true,
  invalid_options: true,
  not_kept: true,
};

describe('the documentation of the token source', () => {
  it('has a row for each error code, and no other', () => {
    const rows = [...documentation.matchAll(/^\| `([a-z_]+)` +\|/gm)].map(([, code]) => code);
    expect(rows.toSorted()).toEqual(Object.keys(codes).toSorted());
  });

  it.each(['fetch.mjs', 'pg-pool.mjs', 'long-running-job.mjs'])(
    'shows what examples/%s does, word by word',
    (name) => {
      const example = readFileSync(join(root, 'examples', name), 'utf8');
      const section = documentation.split(/^## /m).find((text) => text.includes(`examples/${name})`)) ?? '';
      const snippets = [...section.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code = '']) => code);
      expect(snippets).toHaveLength(1);
      for (const part of (snippets[0] ?? '').split('\n\n')) expect(example).toContain(part.trimEnd());
    },
  );
});
