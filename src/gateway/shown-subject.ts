/** PostgreSQL's NAMEDATALEN, less one: longer names of applications are cut short. */
const maxNameBytes = 63;

/**
 * Where the server's views and logs show whose token opened a session. For audit only: the session can change either.
 *
 * @param subjectIn `none`, `application_name`, or the name of a custom setting (`gateway.subject`)
 */
export function showSubject(subjectIn: string, subject: string): (parameters: Map<string, string>) => void {
  if (subjectIn === 'none') return () => undefined;
  if (subjectIn === 'application_name')
    return (parameters) => {
      const own = parameters.get('application_name') ?? '';
      const name = own === '' ? subject : `${own} (${subject})`;
      parameters.set('application_name', cutShort(name));
    };
  return (parameters) => {
    const own = parameters.get('options');
    const option = `-c ${subjectIn}=${subject.replace(/[\\\s]/g, '\\$&')}`;
    parameters.set('options', own === undefined ? option : `${own} ${option}`);
  };
}

function cutShort(text: string): string {
  let cut = text.replaceAll('\0', '');
  while (Buffer.byteLength(cut) > maxNameBytes) cut = cut.slice(0, -1);
  return cut;
}
