import { accept } from '../../../src/base/outcome.js';
import type { Outcome } from '../../../src/base/outcome.js';
import type {
  UpstreamAnswer,
  UpstreamCall,
  UpstreamFailure,
  UpstreamRequest,
} from '../../../src/base/upstream.js';

export type CallOutcome = Outcome<UpstreamAnswer, UpstreamFailure>;

/** An upstream whose calls wait until the test answers them, one after another. */
export interface ScriptedUpstream {
  readonly call: UpstreamCall;
  readonly requests: readonly UpstreamRequest[];
  /** Answers the oldest call that still waits. */
  answer(outcome: CallOutcome): void;
}

export function scriptedUpstream(): ScriptedUpstream {
  const requests: UpstreamRequest[] = [];
  const waiting: ((outcome: CallOutcome) => void)[] = [];
  return {
    requests,
    call: (request) => {
      requests.push(request);
      return new Promise((resolve) => waiting.push(resolve));
    },
    answer: (outcome) => {
      const resolve = waiting.shift();
      if (resolve === undefined) throw new Error('no call is waiting for an answer');
      resolve(outcome);
    },
  };
}

/** A 200 with that value as its JSON body. */
export function json(value: unknown, headers: UpstreamAnswer['headers'] = {}): CallOutcome {
  return accept({ status: 200, headers, text: JSON.stringify(value) });
}

export function text(body: string): CallOutcome {
  return accept({ status: 200, headers: {}, text: body });
}
