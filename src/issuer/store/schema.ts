import type { ColumnType, Generated, Insertable, Selectable } from 'kysely';

/** A named set of tokens with one audience: Okta's custom authorization server. */
interface AuthorizationServersTable {
  /** The last segment of the issuer: `default`. */
  readonly id: string;
  readonly audience: string;
  readonly access_token_seconds: number;
}

interface ScopesTable {
  readonly server_id: string;
  readonly name: string;
  /** Granted to a client that may have it and asks for no scope. */
  readonly is_default: boolean;
}

interface ClientsTable {
  readonly id: string;
  readonly name: string;
  /** HMAC-SHA-256 of the secret. */
  readonly secret_digest: Uint8Array;
  /** Which pepper keyed it. */
  readonly pepper_id: string;
  readonly created_at: Generated<Date>;
  /** A disabled client gets no tokens, and those it has are inactive. */
  readonly disabled_at: ColumnType<Date | null, never, Date | null>;
}

/** Which client may ask which scope. */
interface ClientScopesTable {
  readonly client_id: string;
  readonly server_id: string;
  readonly scope: string;
}

/** `next` is published before it signs, `retired` still verifies. */
export type KeyState = 'next' | 'current' | 'retired';

interface SigningKeysTable {
  readonly kid: string;
  readonly state: KeyState;
  readonly algorithm: 'RS256';
  /** JWK with public members only. */
  readonly public_jwk: { readonly kty: string; readonly n: string; readonly e: string };
  /** PKCS #8, sealed; see keys/key-sealing.ts. */
  readonly sealed_private_key: Uint8Array;
  readonly pepper_id: string;
  readonly created_at: Generated<Date>;
  readonly retired_at: ColumnType<Date | null, never, Date | null>;
}

/** One row for each access token revoked before its time. */
interface RevocationsTable {
  readonly jti: string;
  readonly revoked_at: Generated<Date>;
  /** The token's own; the row means nothing afterwards. */
  readonly expires_at: Date;
}

export interface IssuerSchema {
  readonly authorization_servers: AuthorizationServersTable;
  readonly scopes: ScopesTable;
  readonly clients: ClientsTable;
  readonly client_scopes: ClientScopesTable;
  readonly signing_keys: SigningKeysTable;
  readonly revocations: RevocationsTable;
}

export type ClientRow = Selectable<ClientsTable>;
export type SigningKeyRow = Selectable<SigningKeysTable>;
export type NewSigningKey = Insertable<SigningKeysTable>;
