/** No address is longer; a proxy may pass on what is none. */
const maxLength = 64;

/**
 * What counts as one source: an IPv4 address, and of IPv6 the 64 bits that a subscriber gets (RFC 6177), as whoever has
 * one of those addresses has all of them.
 *
 * @param address as Node or the trusted proxy gives it; anything that is no IPv6 address stays as it is
 */
export function sourceOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  return (address.includes(':') ? network64(address) : address).slice(0, maxLength);
}

function network64(address: string): string {
  const [left = [], right] = address
    .split('::', 2)
    .map((half) => half.split(':').filter((group) => group !== ''));
  const zeros = right === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...(right ?? [])];
  const network = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(':')}::/64`;
}
