/** The request can't be carried out; the message is for the person who made it. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  /** `absent`: there is no such thing; `conflict`: it would break what must stay; `invalid`: everything else. */
  readonly code: 'absent' | 'conflict' | 'invalid';
  /** The member of the request that is at fault, where it is one: `redirect_uris`. */
  readonly member: string | undefined;

  constructor(message: string, code: RegistryError['code'] = 'invalid', member?: string) {
    super(message);
    this.code = code;
    this.member = member;
  }
}
