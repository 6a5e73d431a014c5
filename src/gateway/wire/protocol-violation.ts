/**
 * Bytes that break the PostgreSQL protocol, or that it does not allow here. The message is meant for the client: it
 * never carries a token, a password or any other text that the client sent at length.
 */
export class ProtocolViolation extends Error {
  override readonly name = 'ProtocolViolation';
  /** The SQLSTATE of the ErrorResponse: five characters (PostgreSQL documentation, appendix A). */
  readonly sqlState: string;

  /** @param sqlState `08P01` (protocol_violation) unless another condition says it better */
  constructor(message: string, sqlState = '08P01') {
    super(message);
    this.sqlState = sqlState;
  }
}
