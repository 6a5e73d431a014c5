import type { DecisionRecord } from '../../../src/policy/decision-record.js';
import type { LogDestination } from '../../../src/operations/log-destination.js';

/** An allowed request, with members replaced at will. */
export function decisionRecord(members: Partial<DecisionRecord> = {}): DecisionRecord {
  return {
    decisionId: '6d4c9f1e-1f0f-4a53-9d0b-0f5a4c9a2c11',
    at: 1_790_000_000_000,
    outcome: 'allow',
    code: 'ok',
    reason: null,
    validation: 'local',
    engine: 'embedded',
    revision: '3f5c9a7b',
    decisionPath: 'demoapi/authz/allow',
    method: 'GET',
    api: '/sayhello',
    route: '/sayhello',
    tokenHash: 'Zm9vYmFyYmF6cXV4',
    jti: 'AT.1',
    cid: '0oa1',
    sub: 'someone@example.com',
    traceId: null,
    tokenCached: true,
    decisionCached: false,
    tokenMs: 0.0123456,
    policyMs: 0.25,
    ...members,
  };
}

/** Keeps lines in memory instead of writing them. */
export class MemoryDestination implements LogDestination {
  readonly lines: string[] = [];

  get text(): string {
    return this.lines.join('');
  }

  write(line: string): void {
    this.lines.push(line);
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  /** The lines as objects; fails the test when one is no JSON. */
  parsed(): Record<string, unknown>[] {
    return this.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }
}
