import type { ColumnType, Generated, Insertable, Selectable } from 'kysely';

/** JWS algorithms that an authorization server can sign with (RFC 7518 section 3.1, RFC 8037). */
export const signingAlgorithms = ['RS256', 'RS512', 'ES256', 'EdDSA'] as const;
export type SigningAlgorithm = (typeof signingAlgorithms)[number];

/** A named set of tokens with one audience: Okta's custom authorization server. */
interface AuthorizationServersTable {
  /** The last segment of the issuer: `default`. `org` is the one without a segment of its own. */
  readonly id: string;
  readonly audience: string;
  readonly signing_algorithm: Generated<SigningAlgorithm>;
  readonly access_token_seconds: number;
  readonly id_token_seconds: Generated<number>;
  /** From the first refresh token of a family to the end of all of them, rotation or not. */
  readonly refresh_token_seconds: Generated<number>;
  /** A refresh token that nobody uses for this long is void. */
  readonly refresh_idle_seconds: Generated<number>;
  readonly created_at: Generated<Date>;
}

interface ScopesTable {
  readonly server_id: string;
  readonly name: string;
  /** Granted to a client that may have it and asks for no scope. */
  readonly is_default: boolean;
}

/** Grants that a client can be allowed (RFC 6749 section 1.3, RFC 7591 section 2). */
export const grantTypes = ['client_credentials', 'authorization_code', 'password', 'refresh_token'] as const;
export type GrantType = (typeof grantTypes)[number];

export const clientAuthMethods = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
  'none',
] as const;
export type ClientAuthMethod = (typeof clientAuthMethods)[number];

/** A JWK Set with public keys only. */
export interface PublicJwks {
  readonly keys: readonly Readonly<Record<string, unknown>>[];
}

interface ClientsTable {
  readonly id: string;
  readonly name: string;
  /** Basic and post are interchangeable; the other two are not. */
  readonly auth_method: Generated<ClientAuthMethod>;
  /** HMAC-SHA-256 of the secret; null where the client has none. */
  readonly secret_digest: Uint8Array | null;
  /** Which pepper keyed it. */
  readonly pepper_id: string | null;
  /** For private_key_jwt. */
  readonly jwks: ColumnType<PublicJwks | null, string | null | undefined, string | null>;
  readonly grants: Generated<GrantType[]>;
  readonly redirect_uris: Generated<string[]>;
  readonly post_logout_redirect_uris: Generated<string[]>;
  /** RFC 6749 section 6: whether each refresh makes the refresh token a new one. */
  readonly refresh_rotation: Generated<'STATIC' | 'ROTATE'>;
  /** For how long a rotated refresh token is still accepted, for clients that lost the answer. 0 to 60. */
  readonly refresh_leeway_seconds: Generated<number>;
  /** May ask for `okta.clients.manage`. */
  readonly is_admin: Generated<boolean>;
  readonly created_at: Generated<Date>;
  readonly updated_at: Generated<Date>;
  /** A disabled client gets no tokens, and those it has are inactive. */
  readonly disabled_at: ColumnType<Date | null, Date | null | undefined, Date | null>;
}

/** Which client may get tokens for which audience, whatever the scopes. */
interface ClientServersTable {
  readonly client_id: string;
  readonly server_id: string;
}

/** Which client may ask which scope. */
interface ClientScopesTable {
  readonly client_id: string;
  readonly server_id: string;
  readonly scope: string;
}

interface UsersTable {
  /** `00u…`, the `uid` of tokens. */
  readonly id: string;
  /** The `sub` of access tokens, unique whatever the case. */
  readonly login: string;
  /** argon2id in PHC form. */
  readonly password_hash: string;
  readonly name: string | null;
  readonly email: string | null;
  readonly created_at: Generated<Date>;
  readonly disabled_at: ColumnType<Date | null, never, Date | null>;
}

/** `next` is published before it signs, `retired` still verifies. */
export type KeyState = 'next' | 'current' | 'retired';

interface SigningKeysTable {
  readonly kid: string;
  readonly state: KeyState;
  readonly algorithm: SigningAlgorithm;
  /** JWK with public members only. */
  readonly public_jwk: ColumnType<Readonly<Record<string, string>>, string, never>;
  /** PKCS #8, sealed; see keys/key-sealing.ts. */
  readonly sealed_private_key: Uint8Array;
  readonly pepper_id: string;
  readonly created_at: Generated<Date>;
  readonly retired_at: ColumnType<Date | null, never, Date | null>;
  /** When the last token that a retired key signed has expired. */
  readonly served_until: ColumnType<Date | null, never, Date | null>;
}

/** One row for each access token whose time is not over; one that has no row was never issued here. */
interface AccessTokensTable {
  readonly jti: string;
  readonly client_id: string;
  /** Null where the token is the program's own. */
  readonly user_id: string | null;
  /** Of the refresh tokens that it came with. */
  readonly family_id: string | null;
  readonly expires_at: Date;
  readonly revoked_at: ColumnType<Date | null, never, Date | null>;
}

/** All refresh tokens that come from one sign-in. */
interface RefreshFamiliesTable {
  readonly id: string;
  readonly client_id: string;
  readonly server_id: string;
  readonly user_id: string;
  readonly scopes: readonly string[];
  /** When the user signed in. */
  readonly auth_time: Date;
  readonly expires_at: Date;
  readonly revoked_at: ColumnType<Date | null, never, Date | null>;
}

interface RefreshTokensTable {
  /** SHA-256 of the token. */
  readonly digest: Uint8Array;
  readonly family_id: string;
  readonly used_at: ColumnType<Date | null, Date | null | undefined, Date | null>;
  /** When another one took its place. */
  readonly rotated_at: ColumnType<Date | null, never, Date | null>;
  readonly created_at: Generated<Date>;
}

interface AuthorizationCodesTable {
  /** SHA-256 of the code. */
  readonly digest: Uint8Array;
  readonly client_id: string;
  readonly server_id: string;
  readonly user_id: string;
  readonly redirect_uri: string;
  readonly scopes: readonly string[];
  readonly nonce: string | null;
  /** S256 (RFC 7636). */
  readonly code_challenge: string | null;
  readonly auth_time: Date;
  readonly expires_at: Date;
  readonly used_at: ColumnType<Date | null, never, Date | null>;
  /** What the first use made, to be revoked by a second one (RFC 6749 section 4.1.2). */
  readonly family_id: ColumnType<string | null, never, string | null>;
  readonly access_token_jti: ColumnType<string | null, never, string | null>;
}

/** `jti`s of client assertions, each good for one use in all processes. */
interface UsedAssertionsTable {
  readonly client_id: string;
  readonly jti: string;
  readonly expires_at: Date;
}

/** Who changed what, when; rows are only ever added. */
interface AuditTable {
  readonly id: Generated<string>;
  readonly at: Generated<Date>;
  /** `client:0oa…`, or `cli`. */
  readonly actor: string;
  /** `client.create`, `key.rotate` … */
  readonly action: string;
  /** Id of what was changed. */
  readonly target: string;
  /** What changed, without secrets. */
  readonly details: ColumnType<Readonly<Record<string, unknown>>, string, never>;
}

export interface IssuerSchema {
  readonly authorization_servers: AuthorizationServersTable;
  readonly scopes: ScopesTable;
  readonly clients: ClientsTable;
  readonly client_servers: ClientServersTable;
  readonly client_scopes: ClientScopesTable;
  readonly users: UsersTable;
  readonly signing_keys: SigningKeysTable;
  readonly access_tokens: AccessTokensTable;
  readonly refresh_families: RefreshFamiliesTable;
  readonly refresh_tokens: RefreshTokensTable;
  readonly authorization_codes: AuthorizationCodesTable;
  readonly used_assertions: UsedAssertionsTable;
  readonly audit: AuditTable;
}

export type AuthorizationServerRow = Selectable<AuthorizationServersTable>;
export type ClientRow = Selectable<ClientsTable>;
export type UserRow = Selectable<UsersTable>;
export type SigningKeyRow = Selectable<SigningKeysTable>;
export type NewSigningKey = Insertable<SigningKeysTable>;
export type AuthorizationCodeRow = Selectable<AuthorizationCodesTable>;
