import type { Principal, ValidationMode } from '../../src/token/principal.js';
import {
  farExpiry,
  machineClaims,
  makeKey,
  mint,
  tamper,
  testClientId,
  testIssuer,
  testNow,
  userClaims,
} from './tokens.js';
import type { Claims, TestKey } from './tokens.js';

/** What becomes of a token: accepted, or refused as the caller's fault. */
export type Verdict = 'accepted' | 'refused';

/** A mode that knows less than the others, and what it makes of the token for want of it. */
interface Exception {
  readonly mode: ValidationMode;
  readonly verdict: Verdict;
  readonly reason: string;
}

/** One token, and what each way of validation makes of it. */
export interface TokenRow {
  readonly note: string;
  readonly token: string;
  /** What the issuer's introspection answers; undefined where it knows nothing: `{"active":false}`. */
  readonly introspection: Claims | undefined;
  readonly verdict: Verdict;
  /** Who the token is, in every mode that accepts it; absent where none does. */
  readonly principal?: Omit<Principal, 'validation'>;
  readonly exception?: Exception;
}

/** What the row promises for a mode. */
export function verdictIn(mode: ValidationMode, { verdict, exception }: TokenRow): Verdict {
  return exception?.mode === mode ? exception.verdict : verdict;
}

/** The table, and the key whose signatures are good. */
export interface TokenTable {
  readonly key: TestKey;
  readonly rows: readonly TokenRow[];
}

/** Claims of a token that the answer shows under another name, or not at all. */
const notShown: ReadonlySet<string> = new Set(['cid', 'scp', 'ver', 'auth_time']);

/** What Okta's introspection shows of a token with these claims: the same things, some under other names. */
export function introspectionOf(claims: Claims): Claims {
  const same = Object.fromEntries(Object.entries(claims).filter(([name]) => !notShown.has(name)));
  const { cid, scp, sub, uid } = claims;
  const scope = Array.isArray(scp) && scp.length > 0 ? { scope: scp.join(' ') } : {};
  const username = uid === undefined ? {} : { username: sub };
  return { active: true, ...same, ...scope, ...username, client_id: cid, token_type: 'Bearer' };
}

interface AcceptedToken {
  readonly note: string;
  readonly claims: Claims;
  readonly principal: Omit<Principal, 'validation'>;
}

const machine = { sub: testClientId, cid: testClientId, uid: null, scopes: ['read_sayhello'], claims: {} };
const user = { ...machine, sub: 'roach@example.test', uid: '00uTestUser' };
const nested = { tenant: { id: 7, tags: ['a', { deep: null }] }, ratio: 0.5, flag: false, empty: {} };

const acceptedTokens: readonly AcceptedToken[] = [
  { note: 'of a machine', claims: machineClaims(), principal: machine },
  { note: 'of a person', claims: userClaims(), principal: user },
  {
    note: 'with custom claims',
    claims: userClaims({ groups: ['Everyone', 'Ops'], department: 'Zürich' }),
    principal: { ...user, claims: { groups: ['Everyone', 'Ops'], department: 'Zürich' } },
  },
  { note: 'with nested claims', claims: machineClaims(nested), principal: { ...machine, claims: nested } },
  {
    note: 'with claims named like members of objects',
    claims: machineClaims({ toString: 'x', valueOf: 'y', hasOwnProperty: 'z' }),
    principal: { ...machine, claims: { toString: 'x', valueOf: 'y', hasOwnProperty: 'z' } },
  },
  {
    note: 'with several scopes',
    claims: machineClaims({ scp: ['read_sayhello', 'orders:write', 'https://example.test/admin'] }),
    principal: { ...machine, scopes: ['read_sayhello', 'orders:write', 'https://example.test/admin'] },
  },
  {
    note: 'without a scope',
    claims: machineClaims({ scp: undefined }),
    principal: { ...machine, scopes: [] },
  },
  { note: 'with an empty scp', claims: machineClaims({ scp: [] }), principal: { ...machine, scopes: [] } },
  {
    note: 'for several audiences',
    claims: machineClaims({ aud: ['api://other', 'api://default'] }),
    principal: machine,
  },
  { note: 'without jti', claims: machineClaims({ jti: undefined }), principal: machine },
];

/** Claims for which a valid signature is not enough; the issuer itself stands by the answer. */
const refusedClaims: readonly (readonly [note: string, claims: Claims])[] = [
  ['expired', machineClaims({ exp: testNow / 1000 - 1 })],
  ['that expires in this second', machineClaims({ exp: testNow / 1000 })],
  ['with an exp of another type', machineClaims({ exp: String(farExpiry) })],
  ['without exp', machineClaims({ exp: undefined })],
  ['of another issuer', machineClaims({ iss: 'https://idp.test/oauth2/other' })],
  ['whose iss has a slash at the end', machineClaims({ iss: 'https://idp.test/oauth2/default/' })],
  ['without iss', machineClaims({ iss: undefined })],
  ['for another audience', machineClaims({ aud: 'api://default2' })],
  ['for an empty list of audiences', machineClaims({ aud: [] })],
  ['without aud', machineClaims({ aud: undefined })],
  ['of another client', machineClaims({ cid: '0oaStranger' })],
  ['without sub', machineClaims({ sub: undefined })],
  ['with an empty sub', machineClaims({ sub: '' })],
  ['issued in the future', machineClaims({ iat: testNow / 1000 + 3600 })],
  ['not to be used yet', machineClaims({ nbf: testNow / 1000 + 60 })],
  ['with a uid that is no string', userClaims({ uid: 7 })],
  ['with a scope that is no scope token', machineClaims({ scp: ['read "all"'] })],
  ['with a claim that @okta/jwt-verifier cannot read', machineClaims({ compact: true })],
];

/**
 * The parity table: whichever way a token is validated, the verdict is the same and so is the principal. Expects
 * the present to be `testNow` and the audience and client to be those of tokens.ts.
 *
 * @param issuer where the tokens are from; the issuer of tokens.ts unless its keys have to be fetched over a socket
 */
export async function createTokenTable(issuer: string = testIssuer): Promise<TokenTable> {
  const key = makeKey('table-1');
  const mintHere: Mint = (signer, claims = machineClaims()) => mint(signer, movedTo(issuer, claims));
  const accepted = await Promise.all(
    acceptedTokens.map(async ({ note, claims, principal }): Promise<TokenRow> => {
      const token = await mintHere(key, claims);
      return {
        note,
        token,
        introspection: introspectionOf(movedTo(issuer, claims)),
        verdict: 'accepted',
        principal,
      };
    }),
  );
  const refused = await Promise.all(
    refusedClaims.map(async ([note, claims]) =>
      refusedRow(note, await mintHere(key, claims), introspectionOf(movedTo(issuer, claims))),
    ),
  );
  const exceptions = await exceptionalRows(key, mintHere);
  return { key, rows: [...accepted, ...refused, ...exceptions, ...(await foreignRows(key, mintHere))] };
}

type Mint = (key: TestKey, claims?: Claims) => Promise<string>;

/** Claims that name the issuer of tokens.ts, or nearly, name this one, or nearly. */
function movedTo(issuer: string, claims: Claims): Claims {
  const { iss } = claims;
  return typeof iss === 'string' ? { ...claims, iss: iss.replace(testIssuer, issuer) } : claims;
}

/** Tokens about which one mode knows less than the others. */
async function exceptionalRows(key: TestKey, mintHere: Mint): Promise<TokenRow[]> {
  const clientless = machineClaims({ jti: 'AT.clientless', cid: undefined });
  return [
    {
      ...refusedRow('revoked', await mintHere(key, machineClaims({ jti: 'AT.revoked' }))),
      principal: machine,
      exception: { mode: 'local', verdict: 'accepted', reason: 'the issuer alone knows what was revoked' },
    },
    {
      ...refusedRow('without cid', await mintHere(key, clientless), introspectionOf(clientless)),
      principal: { ...machine, cid: null },
      exception: { mode: 'remote', verdict: 'accepted', reason: 'an answer need not name the client' },
    },
  ];
}

/** Tokens that the issuer never made: it calls them inactive. */
async function foreignRows(key: TestKey, mintHere: Mint): Promise<TokenRow[]> {
  const valid = await mintHere(key, machineClaims({ jti: 'AT.original' }));
  const [header = '', payload = '', signature = ''] = valid.split('.');
  return [
    refusedRow('tampered with', tamper(valid)),
    refusedRow('signed by a stranger under a known kid', await mintHere(makeKey(key.kid))),
    refusedRow('signed by a key that was never published', await mintHere(makeKey('unpublished'))),
    refusedRow('without a signature', `${header}.${payload}.`),
    refusedRow('of two segments', `${header}.${payload}`),
    refusedRow('with another spelling of its signature', `${valid.slice(0, -1)}${otherSpelling(signature)}`),
    refusedRow('opaque', 'c29tZSBvcGFxdWUgdG9rZW4tMDEyMzQ1Njc4OQ'),
    refusedRow('of one character', 'x'),
  ];
}

function refusedRow(note: string, token: string, introspection?: Claims): TokenRow {
  return { note, token, introspection, verdict: 'refused' };
}

/** Another last character for the same bytes: the unused bits of a 256-byte signature's last character set. */
function otherSpelling(signature: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return alphabet.charAt(alphabet.indexOf(signature.slice(-1)) | 1);
}
