import { All, Controller, Get, Param } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bearer, json, send } from '../support/api-client.js';
import { adapterNames, startGuardedApp } from '../support/api-guarded-app.js';
import type { GuardedApp } from '../support/api-guarded-app.js';
import { startApiWorld } from '../support/api-world.js';
import type { ApiWorld } from '../support/api-world.js';
import { describeWithVectors, readJsonFile } from '../support/vectors.js';

/** The routes that the targets of the set try to reach. Each handler says which one it is. */
@Controller()
class TargetsController {
  @Get('admin/secrets')
  secrets() {
    return { reached: '/admin/secrets' };
  }

  @Get('admin/items/:id')
  item(@Param('id') id: string) {
    return {
      reached: `/admin/items/${encodeURIComponent(id).replaceAll('%3B', ';').replaceAll('%3D', '=')}`,
    };
  }

  @All('public/*')
  anything() {
    return { reached: '/public/*' };
  }
}

/** Of the set, the ones that are the canonical spelling of what they reach. */
const canonical: Readonly<Record<string, string>> = {
  '/admin/secrets?x=1': '/admin/secrets',
  '/admin/secrets?': '/admin/secrets',
  '/admin/items/1;admin=true': '/admin/items/1;admin=true',
};

/** Beside the set: other spellings of the same routes. */
const moreTargets = [
  '/admin/secrets%2F',
  '/admin/secrets%3Fx',
  '/admin/secrets;x',
  '/admin;x/secrets',
  '/admin/./secrets',
  '/./admin/secrets',
  '/admin/x/../secrets',
  '\\admin\\secrets',
  '/admin\\secrets',
  '/admin/secrets%23',
  '/admin/secrets%20',
  '/admin/secrets%0A',
  '/admin/secrets.',
  'http://api.test/admin/secrets',
  'http://user:pass@api.test/admin/secrets',
  'HTTP://api.test/admin/secrets#x',
  'api.test/admin/secrets',
  '*',
  '/public//x',
  '/public/./x',
  '/public/..',
  '/public/%2E%2E/admin/secrets',
  '/public/..;/admin/secrets',
  '/public/x%2F..%2F..%2Fadmin%2Fsecrets',
  '/Public/x',
  '/admin/items/%2e%2e',
  '/admin/items/..%2fsecrets',
  '/admin/items/%41',
  '/admin/items/a/',
  '/admin/items/',
];
/** These reach what they spell: a semicolon is a character like any other. */
const spelledOut: Readonly<Record<string, string>> = {
  ...canonical,
  '/public/..;/admin/secrets': '/public/*',
};

describeWithVectors('targets that reach a route by another spelling', 'hostile/paths.json', (file) => {
  const { cases } = readJsonFile(file) as { cases: { target: string }[] };
  const targets = [...cases.map(({ target }) => target), ...moreTargets];

  it('are eighteen in the set', () => {
    expect(cases).toHaveLength(18);
  });

  describe.each(adapterNames)('on %s', (adapter) => {
    let world: ApiWorld;
    let guarded: GuardedApp;

    beforeAll(async () => {
      world = await startApiWorld();
      world.opa.decidesBy(() => true);
      guarded = await startGuardedApp(world, adapter, [TargetsController]);
    });

    afterAll(async () => {
      await guarded.app.close();
      await world.close();
    });

    it.each(targets)('%s reaches no handler but by its canonical path', async (target) => {
      const asked = world.opa.asked().length;
      const answer = await send(guarded.port, { target, headers: [bearer(await world.token())] });
      const reached = answer.status === 200 ? json(answer).reached : undefined;
      expect(reached).toBe(spelledOut[target]);
      if (reached === undefined) expect([400, 404]).toContain(answer.status);
      // OPA was asked about the very path that was dispatched, or not at all.
      const path = target.split('?', 1)[0];
      expect(
        world.opa
          .asked()
          .slice(asked)
          .map(({ input }) => input.api),
      ).toEqual(reached === undefined ? [] : [path]);
    });
  });
});
