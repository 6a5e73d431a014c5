import { describe, expect, it } from 'vitest';
import { Readiness } from '../../src/operations/readiness.js';
import type { HealthCheck } from '../../src/operations/readiness.js';

const up = (name: string): HealthCheck => ({ name, check: () => Promise.resolve({ ok: true }) });
const down = (name: string, reason?: string): HealthCheck => ({
  name,
  check: () => Promise.resolve({ ok: false, ...(reason !== undefined && { reason }) }),
});

/** A check that counts how often it was asked and answers when told to. */
function heldCheck() {
  const answers: ((ok: boolean) => void)[] = [];
  const check: HealthCheck = {
    name: 'held',
    check: () =>
      new Promise((resolve) =>
        answers.push((ok) => {
          resolve({ ok });
        }),
      ),
  };
  return { check, answers };
}

describe('readiness', () => {
  it('is given when every check is up', async () => {
    const report = await new Readiness([up('key_set'), up('policy')]).report();
    expect(report).toEqual({
      status: 'ready',
      checks: [
        { name: 'key_set', status: 'up' },
        { name: 'policy', status: 'up' },
      ],
    });
  });

  it('lists every check with its reason when one is down', async () => {
    const report = await new Readiness([
      down('policy', 'undefined at demoapi/authz/allow'),
      up('key_set'),
      down('x'),
    ]).report();
    expect(report).toEqual({
      status: 'not_ready',
      checks: [
        { name: 'policy', status: 'down', reason: 'undefined at demoapi/authz/allow' },
        { name: 'key_set', status: 'up' },
        { name: 'x', status: 'down', reason: 'no reason given' },
      ],
    });
  });

  it.each<[string, HealthCheck['check'], string]>([
    ['rejects', () => Promise.reject(new Error('no route')), 'no route'],
    [
      'throws',
      () => {
        throw new Error('broken');
      },
      'broken',
    ],
    ['never answers', () => new Promise(() => undefined), 'no answer within 5 ms'],
  ])('counts a check that %s as down', async (_, check, reason) => {
    const report = await new Readiness([{ name: 'odd', check }], { timeoutMs: 5 }).report();
    expect(report.checks).toEqual([{ name: 'odd', status: 'down', reason }]);
  });

  it('calls a check as a method of its object', async () => {
    class Check implements HealthCheck {
      readonly name = 'object';
      readonly #ok = true;
      check() {
        return Promise.resolve({ ok: this.#ok });
      }
    }
    expect((await new Readiness([new Check()]).report()).status).toBe('ready');
  });

  it('asks once however many ask at the same time, also when the answer takes longer than a report is kept', async () => {
    let now = 0;
    const { check, answers } = heldCheck();
    const readiness = new Readiness([check], { clock: () => now, maxAgeMs: 10 });
    const first = readiness.report();
    now = 1000;
    const second = readiness.report();
    expect(answers).toHaveLength(1);
    answers[0]?.(true);
    expect([(await first).status, (await second).status]).toEqual(['ready', 'ready']);
  });

  it('reuses a report for its time and then asks again', async () => {
    let now = 0;
    let asked = 0;
    const counted: HealthCheck = { name: 'counted', check: () => Promise.resolve({ ok: ++asked === 1 }) };
    const readiness = new Readiness([counted], { clock: () => now, maxAgeMs: 1000 });
    expect((await readiness.report()).status).toBe('ready');
    now = 999;
    expect((await readiness.report()).status).toBe('ready');
    now = 1000;
    expect((await readiness.report()).status).toBe('not_ready');
    expect(asked).toBe(2);
  });

  it('ends at once when the process stops, for those who ask later and for those who wait', async () => {
    const { check, answers } = heldCheck();
    const readiness = new Readiness([check]);
    const waiting = readiness.report();
    readiness.stop();
    answers[0]?.(true);
    expect((await waiting).status).toBe('not_ready');
    expect((await readiness.report()).checks).toEqual([
      { name: 'process', status: 'down', reason: 'the process is stopping' },
    ]);
  });
});
