import type { KeyObject } from 'node:crypto';
import { accept } from '../base/outcome.js';
import { isSocketFolder } from '../base/socket-folder.js';
import { gatewaySettingsTable, publicKeyName, publicKeyRows } from './gateway-settings-table.js';
import { readSettings } from './setting.js';
import type { Environment, SettingMistake, SettingsOf, SettingsOutcome, SettingsTable } from './setting.js';
import { unknownNames } from './unknown-names.js';

/** Values that files may hold, and that can be read anew when these change. */
interface FromFiles<T> {
  /** Those that are named; none where the values stand in the environment itself. */
  readonly files: readonly string[];
  /** The values as the environment and the files have them now. */
  readonly read: () => SettingsOutcome<T>;
}

export type GatewaySettings = SettingsOf<typeof gatewaySettingsTable> & {
  /** What is renewed while the gateway runs. */
  readonly renewable: {
    /** Keys that sign tokens for the gateway alone, by the names of their settings. */
    readonly publicKeys: FromFiles<Readonly<Record<string, KeyObject>>>;
    readonly upstreamPassword: FromFiles<{ readonly upstreamPassword: string }>;
  };
};

const namesOfSettings: ReadonlySet<string> = new Set(
  Object.values(gatewaySettingsTable).map(({ name }) => name),
);

/** The gateway's settings, or every mistake in them at once, including settings that only fail together. */
export function readGatewaySettings(environment: Environment): SettingsOutcome<GatewaySettings> {
  const keyTable = publicKeyRows(environment);
  const { upstreamPassword } = gatewaySettingsTable;
  const renewable = {
    publicKeys: fromFiles(keyTable, environment),
    upstreamPassword: fromFiles({ upstreamPassword }, environment),
  };
  const keys = renewable.publicKeys.read();
  const together = (values: Partial<SettingsOf<typeof gatewaySettingsTable>>) =>
    mistakesTogether(values, Object.keys(keyTable).length > 0);
  const others = readSettings(gatewaySettingsTable, environment, together);
  const isKnown = (name: string) => namesOfSettings.has(name) || publicKeyName.test(name);
  const unknown = unknownNames(environment, isKnown, /^(?:GATEWAY_|UPSTREAM_|DOWNSTREAM_|PUBLIC_KEYS_)/);
  if (keys.ok && others.ok && unknown.length === 0) return accept({ ...others.value, renewable });
  const mistakes = [keys, others].flatMap((read) => (read.ok ? [] : read.mistakes));
  return { ok: false, mistakes: [...mistakes, ...unknown] };
}

function fromFiles<Table extends SettingsTable>(
  table: Table,
  environment: Environment,
): FromFiles<SettingsOf<Table>> {
  const files = Object.values(table).map(({ name }) => environment[`${name}_FILE`] ?? '');
  return { files: files.filter((file) => file !== ''), read: () => readSettings(table, environment) };
}

type Values = Partial<SettingsOf<typeof gatewaySettingsTable>>;

interface Rule {
  /** Absent values have a mistake of their own; nothing is said of them here. */
  readonly isBroken: (values: Values, hasKeys: boolean) => boolean;
  readonly name: string;
  readonly problem: string;
}

const rulesTogether: readonly Rule[] = [
  {
    isBroken: ({ issuers }, hasKeys) => issuers?.length === 0 && !hasKeys,
    name: 'GATEWAY_ISSUER',
    problem: 'or PUBLIC_KEYS__1 is required: whose tokens are passwords',
  },
  {
    isBroken: ({ issuers = [], audiences }) => issuers.length > 0 && audiences?.length === 0,
    name: 'GATEWAY_AUDIENCE',
    problem: 'is required with GATEWAY_ISSUER',
  },
  {
    isBroken: ({ issuers = [], jwksUrl = '' }) => issuers.length > 1 && jwksUrl !== '',
    name: 'GATEWAY_JWKS_URL',
    problem: 'is the place of one key set, and GATEWAY_ISSUER names several issuers',
  },
  {
    isBroken: ({ issuers, authentication }, hasKeys) =>
      issuers?.length === 0 && hasKeys && authentication === 'oauthbearer',
    name: 'GATEWAY_ISSUER',
    problem: 'is required with oauthbearer: it is where clients are sent for a token',
  },
  {
    isBroken: ({ downstreamSslMode, certFile }) => downstreamSslMode !== 'disable' && certFile === '',
    name: 'DOWNSTREAM__CERTFILE',
    problem: 'is required unless DOWNSTREAM__SSLMODE is disable',
  },
  {
    isBroken: ({ downstreamSslMode, keyFile }) => downstreamSslMode !== 'disable' && keyFile === '',
    name: 'DOWNSTREAM__KEYFILE',
    problem: 'is required unless DOWNSTREAM__SSLMODE is disable',
  },
  {
    isBroken: ({ upstreamSslMode, upstreamCaFile }) =>
      upstreamSslMode === 'verify-ca' && upstreamCaFile === '',
    name: 'UPSTREAM__CAFILE',
    problem: 'is required with UPSTREAM__SSLMODE verify-ca',
  },
  {
    isBroken: ({ upstreamHost = '', upstreamSslMode = '' }) =>
      isSocketFolder(upstreamHost) && upstreamSslMode.startsWith('verify-'),
    name: 'UPSTREAM__SSLMODE',
    problem: 'has no effect on a Unix socket, where there is no certificate to verify: leave it out',
  },
  {
    isBroken: ({ opaMode, opaUrl }) => opaMode === 'embedded' && opaUrl === '',
    name: 'GATEWAY_OPA_URL',
    problem: 'is required with embedded: its path names the decision',
  },
  {
    isBroken: ({ userClaim, opaUrl }) => userClaim !== 'sub' && opaUrl !== '',
    name: 'GATEWAY_USER_CLAIM',
    problem:
      'has no effect with GATEWAY_OPA_URL: the policy decides, and finds the claims in input.principal',
  },
];

function mistakesTogether(values: Values, hasKeys: boolean): SettingMistake[] {
  return rulesTogether
    .filter(({ isBroken }) => isBroken(values, hasKeys))
    .map(({ name, problem }) => ({ name, problem }));
}
