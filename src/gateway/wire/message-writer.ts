/** One typed message: type byte, Int32 length that counts itself, body (PostgreSQL documentation, section 55.1). */
export function typedMessage(type: string, ...body: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from(type, 'latin1'), lengthOf(body), ...body]);
}

/** A message of the startup phase, which has no type byte. */
export function untypedMessage(...body: readonly Buffer[]): Buffer {
  return Buffer.concat([lengthOf(body), ...body]);
}

/** PostgreSQL's Int32. */
export function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/**
 * PostgreSQL's String: UTF-8 with a NUL at its end.
 *
 * @throws RangeError for text with a NUL, which would end the string early and turn its rest into fields
 */
export function cString(text: string): Buffer {
  if (text.includes('\0')) throw new RangeError('a string of the protocol can hold no NUL');
  return Buffer.from(`${text}\0`);
}

function lengthOf(body: readonly Buffer[]): Buffer {
  return int32(body.reduce((sum, part) => sum + part.length, 4));
}
