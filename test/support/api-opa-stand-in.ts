import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readBundle } from '../../src/policy/bundle.js';
import { WasmPolicy } from '../../src/policy/wasm-policy.js';
import { sendJson, startMisbehavingServer } from './misbehaving-server.js';
import type { MisbehavingServer, ReceivedRequest } from './misbehaving-server.js';

const dataApi = '/v1/data/';

/** The bundle that is committed. */
export const ownBundle = join(import.meta.dirname, '../../policies/bundle.tar.gz');

/** The policy input as OPA received it. */
interface PolicyInput {
  readonly method: string;
  readonly api: string;
  readonly route: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly jwt: { readonly tokenValue: string };
  readonly principal: Readonly<Record<string, unknown>>;
}

/** One decision that was asked for. */
interface AskedDecision {
  readonly decisionPath: string;
  readonly input: PolicyInput;
}

/** What `result` of the answer is; undefined leaves it out, as OPA does where nothing is defined. */
type DecisionRule = (asked: AskedDecision) => unknown;

/** OPA's Data API on loopback. Decides like the committed bundle until it is told otherwise. */
export interface OpaStandIn extends MisbehavingServer {
  /** The value of OPA_AUTHZ_URL for a decision. */
  urlOf(decisionPath: string): string;
  /** From now on; without a rule, like the committed bundle. */
  decidesBy(rule?: DecisionRule): void;
  /** Every decision that was asked for on behalf of a request, in order. */
  asked(): readonly AskedDecision[];
}

export async function startOpaStandIn(): Promise<OpaStandIn> {
  const bundleRule = await ruleOfBundle();
  let rule = bundleRule;
  const server = await startMisbehavingServer((request, response) => {
    const result = rule(decisionIn(request));
    const provenance = isProbe(request) ? { provenance: { bundles: { own: { revision: 'stand-in' } } } } : {};
    sendJson(response, 200, { ...(result === undefined ? {} : { result }), ...provenance });
  });
  return Object.assign(server, {
    urlOf: (decisionPath: string) => `${server.origin}${dataApi}${decisionPath}`,
    decidesBy: (next: DecisionRule = bundleRule) => {
      rule = next;
    },
    asked: () => server.requests.filter((request) => !isProbe(request)).map(decisionIn),
  });
}

/** Readiness asks for the policy's revision as well; decisions do not. */
function isProbe({ url }: ReceivedRequest): boolean {
  return url.endsWith('?provenance=true');
}

function decisionIn({ url, body }: ReceivedRequest): AskedDecision {
  const decisionPath = url.slice(dataApi.length).split('?', 1)[0] ?? '';
  const { input } = JSON.parse(body) as { input: PolicyInput };
  return { decisionPath, input };
}

async function ruleOfBundle(): Promise<DecisionRule> {
  const bundle = await readBundle(readFileSync(ownBundle));
  if (!bundle.ok) throw new Error(bundle.reason);
  const policy = await WasmPolicy.load(bundle.value);
  if (!policy.ok) throw new Error(policy.reason);
  return ({ decisionPath, input }) => {
    const entrypoint = policy.value.entrypoint(decisionPath);
    return entrypoint === undefined ? undefined : policy.value.evaluate(JSON.stringify(input), entrypoint);
  };
}
