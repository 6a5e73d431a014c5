/** Why there is no session with the upstream server. */
export type UpstreamErrorKind =
  | 'unreachable' // refused, no route, name not found, or the connection ended early
  | 'timeout' // the deadline passed, wherever the connection or the login was
  | 'aborted' // whoever it was for has gone
  | 'untrusted' // this gateway refuses the server: no TLS, a wrong certificate, a wrong signature, a weak method
  | 'protocol' // bytes that break the protocol
  | 'refused' // the server refuses before it has authenticated anyone; its words are for the log only
  | 'relayed'; // the server refuses afterwards; its words are for the client

/**
 * SQLSTATEs for the client (PostgreSQL documentation, appendix A). A refused login is no `28P01`: the password is the
 * gateway's own, and a client that believed its token was wrong would look in the wrong place.
 */
const sqlStates: Readonly<Record<UpstreamErrorKind, string>> = {
  unreachable: '08006',
  timeout: '08006',
  aborted: '08006',
  untrusted: '08001',
  protocol: '08P01',
  refused: '08006',
  relayed: '08006',
};

export interface UpstreamErrorDetails {
  /** Five characters, instead of those that the kind stands for. */
  readonly sqlState?: string;
  /** The ErrorResponse as received, type byte and length included; with kind `relayed`, and only there. */
  readonly response?: Buffer;
  readonly cause?: unknown;
}

/**
 * The upstream server can't be used for one login. The message is for the operator's log and says what to look at; the
 * client is told a general text of the gateway's own. Neither has a password or key in it.
 */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  readonly kind: UpstreamErrorKind;
  readonly sqlState: string;
  readonly response: Buffer | undefined;

  constructor(kind: UpstreamErrorKind, message: string, details: UpstreamErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.kind = kind;
    this.sqlState = details.sqlState ?? sqlStates[kind];
    this.response = details.response;
  }
}
