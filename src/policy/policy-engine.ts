import type { FailureCounts } from '../base/failure-counts.js';
import type { Outcome } from '../base/outcome.js';
import type { NoDecision, PolicyOutcome } from './decision.js';

/** The port behind which OPA decides: a sidecar over HTTP, or its WASM in this process. */
export interface PolicyEngine {
  readonly mode: 'sidecar' | 'embedded';

  /**
   * Asks for one decision. Answers at once (embedded) or by a promise (sidecar), never throws, never rejects.
   *
   * @param inputJson the policy input as JSON text
   * @param decisionPath path below `data`, with slashes: `demoapi/authz/allow`
   */
  decide(inputJson: string, decisionPath: string): PolicyOutcome | Promise<PolicyOutcome>;

  /**
   * Whether a decision exists at the path now. Not ready: no engine, no bundle, or undefined at the path.
   * Also refreshes what {@link revision} answers.
   */
  probe(decisionPath: string): Promise<Outcome<null, NoDecision>>;

  /** Revision of the policy bundle in force, as last seen; null when it is not known. */
  revision(): string | null;

  /**
   * Present where a decision depends on the input and the policy alone, with no clock, network or chance in it: another
   * number whenever the policy is another one. Absent where a decision has to be asked for each time.
   */
  readonly generation?: number;

  /** Calls that gave no usable answer, by class; stays empty where nothing is called. */
  readonly failures: FailureCounts;

  close(): Promise<void>;
}
