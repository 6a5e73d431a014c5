/** RFC 3986 section 3.3: characters of a path that stand for themselves, and the percent sign of an escape. */
const pathCharacters = /^\/[A-Za-z0-9\-._~!$&'()*+,;=:@/%]*$/;

/** Empty segments, `.` and `..`: each makes a second spelling of another path. */
const foldingSegments = /\/\/|\/\.{1,2}(?:\/|$)/;

/**
 * The path of a request target (RFC 9112 section 3.2) in canonical form, or undefined when the target has another
 * form: absolute form, a fragment, dot segments, double slashes, escapes of characters that need none or that would
 * divide the path anew once decoded. A router may understand those; a policy must never be asked about them.
 */
export function canonicalPath(target: string): string | undefined {
  const query = target.indexOf('?');
  const path = query === -1 ? target : target.slice(0, query);
  if (target.includes('#') || !pathCharacters.test(path) || foldingSegments.test(path)) return undefined;
  return !path.includes('%') || hasCanonicalEscapes(path) ? path : undefined;
}

/** RFC 3986 section 6.2.2: upper-case digits, no escape of an unreserved character, well-formed UTF-8. */
function hasCanonicalEscapes(path: string): boolean {
  const withoutGoodEscapes = path.replace(/%[0-9A-F]{2}/g, (escape) =>
    isNeedlessOrDividing(escape) ? '%' : '',
  );
  return !withoutGoodEscapes.includes('%') && isUtf8(path);
}

function isNeedlessOrDividing(escape: string): boolean {
  const octet = Number.parseInt(escape.slice(1), 16);
  if (octet < 0x20 || octet === 0x7f) return true;
  return octet < 0x80 && /[A-Za-z0-9\-._~/\\]/.test(String.fromCharCode(octet));
}

function isUtf8(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}

/**
 * Whether a path is spelled as its route's template says. Routers can be told to overlook case or a trailing slash;
 * a policy that compares strings does not.
 */
export function isSpelledAs(path: string, template: string): boolean {
  if (path === template) return true;
  if (!/[:*?({]/.test(template)) return false;
  const pathSegments = path.split('/');
  const templateSegments = template.split('/');
  if (!/[*?({]/.test(template) && pathSegments.length !== templateSegments.length) return false;
  return templateSegments.every(
    (segment, index) => /[:*?({]/.test(segment) || segment === pathSegments[index],
  );
}
