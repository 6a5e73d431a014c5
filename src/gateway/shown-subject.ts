/** PostgreSQL's NAMEDATALEN, less one: longer names of applications are cut short. */
const maxNameBytes = 63;

/**
 * Where the server's views and logs show whose token opened a session. For audit only: the session can change either.
 *
 * @param subjectIn `none`, `application_name`, or the name of a custom setting (`gateway.subject`)
 */
export function showSubject(subjectIn: string, subject: string): (parameters: Map<string, string>) => void {
  if (subjectIn === 'none') return () => undefined;
  // The protocol has no way to send a NUL; without it one subject would look like another.
  const text = subject.replaceAll('\0', '\ufffd');
  return (parameters) => {
    const own = parameters.get(subjectIn) ?? '';
    // Servers apply parameters behind `options`, and of several spellings of a name the last one counts.
    parameters.delete(subjectIn);
    parameters.set(subjectIn, subjectIn === 'application_name' ? nameOf(own, text) : text);
  };
}

function nameOf(own: string, subject: string): string {
  return cutShort(own === '' ? subject : `${own} (${subject})`);
}

function cutShort(text: string): string {
  let cut = text;
  while (Buffer.byteLength(cut) > maxNameBytes) cut = cut.slice(0, -1);
  return cut;
}
