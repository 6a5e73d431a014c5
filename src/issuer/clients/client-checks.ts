import { isLoopback } from '../../base/secure-url.js';
import { RegistryError } from '../registry-error.js';
import type { ClientAuthMethod, GrantType, PublicJwks } from '../store/schema.js';

/** What a client is, apart from its id and secret. */
export interface ClientSettings {
  readonly name: string;
  readonly grants: readonly GrantType[];
  readonly authMethod: ClientAuthMethod;
  readonly redirectUris: readonly string[];
  readonly postLogoutRedirectUris: readonly string[];
  /** For private_key_jwt. */
  readonly jwks: PublicJwks | null;
  readonly refreshRotation: 'STATIC' | 'ROTATE';
  readonly refreshLeewaySeconds: number;
  /** The access policy: server ids, and the scopes that may be asked there. */
  readonly access: Readonly<Record<string, readonly string[]>>;
}

const maxNameLength = 100;
const maxScopes = 100;
const maxUris = 20;
const maxUriLength = 1000;
const maxKeys = 10;
/** Secrets are not stretched when they are stored: short ones could be found by trying. */
const minSecretLength = 16;
const maxSecretLength = 1000;

/** RFC 6749 section 3.3: scope-token, here with a bound. */
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/;
/** Members that only a private or a symmetric key has (RFC 7518 section 6). */
const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/** @throws RegistryError naming the member that is not acceptable */
export function checkClient(client: ClientSettings): void {
  checkName(client.name);
  checkAccess(client.access);
  checkUris(client.redirectUris, 'redirect_uris');
  checkUris(client.postLogoutRedirectUris, 'post_logout_redirect_uris');
  checkTogether(client);
  if (client.jwks !== null) checkJwks(client.jwks);
}

function checkName(name: string): void {
  if (name.trim() === '' || name.length > maxNameLength || /\p{C}/u.test(name))
    throw invalid(
      'client_name',
      `a client's name has 1 to ${maxNameLength} characters, none of them a control character`,
    );
}

function checkAccess(access: ClientSettings['access']): void {
  for (const [server, scopes] of Object.entries(access)) {
    if (hasUnstorableText(server)) throw invalid('access', 'the id of a server has characters that none has');
    checkScopes(scopes);
  }
}

/** @throws RegistryError for a scope that no token could carry */
export function checkScopes(scopes: readonly string[]): void {
  if (scopes.length > maxScopes) throw invalid('scope', `a client has at most ${maxScopes} scopes`);
  for (const scope of scopes)
    if (!scopeToken.test(scope))
      throw invalid(
        'scope',
        `${JSON.stringify(scope.slice(0, 60))} is no scope: printable ASCII without space, quote and backslash`,
      );
}

/** @throws RegistryError for an id that can't be typed, or a secret that could be guessed */
export function checkImported(id: string, secret: string): void {
  if (!/^[\x21-\x7e]{1,100}$/.test(id))
    throw invalid('client_id', 'a client id has 1 to 100 characters, printable ASCII without spaces');
  if (secret.length < minSecretLength || secret.length > maxSecretLength)
    throw invalid(
      'client_secret',
      `a secret has ${minSecretLength} to ${maxSecretLength} characters: it is no password`,
    );
}

function checkTogether({
  grants,
  authMethod,
  redirectUris,
  jwks,
  refreshLeewaySeconds,
}: ClientSettings): void {
  if (grants.length === 0) throw invalid('grant_types', 'a client has at least one grant type');
  if (grants.includes('authorization_code') && redirectUris.length === 0)
    throw invalid('redirect_uris', 'authorization_code needs at least one redirect URI');
  if (authMethod === 'none' && grants.includes('client_credentials'))
    throw invalid('grant_types', 'client_credentials needs a client that authenticates');
  if ((authMethod === 'private_key_jwt') !== (jwks !== null))
    throw invalid('jwks', 'private_key_jwt needs the public keys of the client, and nothing else does');
  if (!Number.isInteger(refreshLeewaySeconds) || refreshLeewaySeconds < 0 || refreshLeewaySeconds > 60)
    throw invalid('refresh_token', 'the leeway is a whole number of seconds from 0 to 60');
}

/** Compared to the letter later, so they are kept as they come. */
function checkUris(uris: readonly string[], member: string): void {
  if (uris.length > maxUris) throw invalid(member, `a client has at most ${maxUris} URIs of a kind`);
  for (const uri of uris)
    if (!isRedirectUri(uri))
      throw invalid(
        member,
        `${JSON.stringify(uri.slice(0, 60))} can't be used: https, http on loopback, or a scheme of the application's ` +
          'own (com.example.app:/…), without fragment and without user',
      );
}

/** RFC 6749 section 3.1.2, RFC 8252 section 7. */
function isRedirectUri(uri: string): boolean {
  if (uri.length > maxUriLength || /[\s\p{C}#\\]/u.test(uri) || !URL.canParse(uri)) return false;
  const { protocol, hostname, username, password } = new URL(uri);
  if (username !== '' || password !== '') return false;
  if (protocol === 'https:') return true;
  return protocol === 'http:' ? isLoopback(hostname) : /^[a-z][a-z0-9+-]*\.[a-z0-9.+-]+:$/.test(protocol);
}

function checkJwks({ keys }: PublicJwks): void {
  if (keys.length === 0 || keys.length > maxKeys) throw invalid('jwks', `a key set has 1 to ${maxKeys} keys`);
  if (keys.some((key) => secretMembers.some((member) => member in key)))
    throw invalid('jwks', 'the key set holds a private key: register the public part, and make a new key');
  if (hasUnstorableText(keys)) throw invalid('jwks', 'a key has a text with NUL or half a character');
}

/** What PostgreSQL can't keep, in a text or anywhere in JSON. */
function hasUnstorableText(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('\0') || !value.isWellFormed();
  return typeof value === 'object' && value !== null && Object.entries(value).flat().some(hasUnstorableText);
}

function invalid(member: string, message: string): RegistryError {
  return new RegistryError(message, 'invalid', member);
}
