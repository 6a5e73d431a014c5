/** Whether a host is the folder of a Unix socket, as libpq tells it (PostgreSQL documentation, section 34.1.2: host). */
export function isSocketFolder(host: string): boolean {
  return host.startsWith('/');
}
