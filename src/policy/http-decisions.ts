import type { VerifiedToken } from '../token/principal.js';
import type { PolicyOutcome } from './decision.js';
import type { PolicyEngine } from './policy-engine.js';
import { paramsJson, serializeHttpInput } from './policy-input.js';
import type { HttpInputRequest } from './policy-input.js';

/** One question to the policy. */
export interface HttpQuestion {
  readonly request: HttpInputRequest;
  readonly token: VerifiedToken;
  /** Path below `data`, with slashes. */
  readonly decisionPath: string;
  /** Whether the token was here before: what is said about one that never comes again need not be remembered. */
  readonly isKnownToken: boolean;
}

/** Decisions about one token, by what else they depend on; worth nothing under another generation of the policy. */
interface Remembered {
  readonly generation: number;
  readonly decisions: Map<string, PolicyOutcome>;
}

/** Decisions that are remembered for each token; the next one makes all of them go. */
const maxDecisionsPerToken = 16;
/** Paths longer than this are seldom asked for twice. */
const maxPathLength = 256;

/**
 * Asks the policy about HTTP requests, and remembers what it said where that can only be said again: an engine with a
 * generation decides by input and policy alone, so the same question about the same verified token has one answer
 * until the policy changes. Only decisions are remembered, no failures. They go with their token.
 */
export class HttpDecisions {
  readonly #engine: PolicyEngine;
  readonly #remembered = new WeakMap<VerifiedToken, Remembered>();

  constructor(engine: PolicyEngine) {
    this.#engine = engine;
  }

  /** The decision, where the very same question was answered before; undefined otherwise. */
  recall({ request, token, decisionPath }: HttpQuestion): PolicyOutcome | undefined {
    const remembered = this.#remembered.get(token);
    if (remembered === undefined || remembered.generation !== this.#engine.generation) return undefined;
    return remembered.decisions.get(keyOf(request, decisionPath));
  }

  /** At once where the engine is in this process, otherwise by a promise; never throws, never rejects. */
  ask(question: HttpQuestion): PolicyOutcome | Promise<PolicyOutcome> {
    const { request, token, decisionPath, isKnownToken } = question;
    const { generation } = this.#engine;
    const outcome = this.#engine.decide(serializeHttpInput(request, token), decisionPath);
    if (isKnownToken && generation !== undefined && !(outcome instanceof Promise))
      this.#remember(question, generation, outcome);
    return outcome;
  }

  #remember(
    { request, token, decisionPath }: HttpQuestion,
    generation: number,
    outcome: PolicyOutcome,
  ): void {
    if (!outcome.ok || request.api.length > maxPathLength) return;
    let remembered = this.#remembered.get(token);
    if (remembered?.generation !== generation) {
      remembered = { generation, decisions: new Map() };
      this.#remembered.set(token, remembered);
    }
    if (remembered.decisions.size >= maxDecisionsPerToken) remembered.decisions.clear();
    remembered.decisions.set(keyOf(request, decisionPath), outcome);
  }
}

/** Everything in the input but the token, to which the decision belongs. No part has a line feed: methods and targets can't, JSON escapes it. */
function keyOf({ method, api, route, params }: HttpInputRequest, decisionPath: string): string {
  return `${decisionPath}\n${method}\n${api}\n${route}\n${paramsJson(params)}`;
}
