import { isIP } from 'node:net';

/**
 * The IPv4 addresses an IPv6 address may lead to: IPv4-mapped and -compatible, NAT64 (RFC 6052, also the local-use
 * prefix of RFC 8215, whose layout the operator chooses), 6to4 (RFC 3056) and Teredo (RFC 4380).
 * net.BlockList sees through the mapped form only.
 */
export function embeddedIpv4(address: string): string[] {
  if (isIP(address) !== 6) return [];
  const words = ipv6Words(address);
  const [w0 = 0, w1 = 0, w2 = 0, w3 = 0, w4 = 0, w5 = 0, w6 = 0, w7 = 0] = words;
  const last = dotted(w6, w7);
  const isZeroTo = (count: number): boolean => words.slice(0, count).every((word) => word === 0);
  if (isZeroTo(5) && w5 === 0xffff) return [last];
  if (isZeroTo(4) && w4 === 0xffff && w5 === 0) return [last];
  if (isZeroTo(6) && w6 !== 0) return [last];
  if (w0 === 0x64 && w1 === 0xff9b) {
    // /48: the address stands in bits 48-63 and 72-87; /56 and /64 shift it by a byte each; /96: the last 32 bits.
    if (w2 === 0) return [last];
    const after = ((w4 & 0xff) << 8) | (w5 >> 8);
    const by56 = dotted(((w3 & 0xff) << 8) | (w4 & 0xff), w5);
    const by64 = dotted(((w4 & 0xff) << 8) | (w5 >> 8), ((w5 & 0xff) << 8) | (w6 >> 8));
    // Read with the wrong layout most addresses begin with 0, which leads nowhere and says nothing.
    return [last, ...[dotted(w3, after), by56, by64].filter((form) => !form.startsWith('0.'))];
  }
  if (w0 === 0x2002) return [dotted(w1, w2)];
  if (w0 === 0x2001 && w1 === 0) return [dotted(w6 ^ 0xffff, w7 ^ 0xffff), dotted(w2, w3)];
  return [];
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}

function ipv6Words(address: string): number[] {
  const bare = address.replace(/%.*$/, '');
  const text = bare.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a: string, b: string, c: string, d: string) => {
    const word = (high: string, low: string): string => ((Number(high) << 8) | Number(low)).toString(16);
    return `${word(a, b)}:${word(c, d)}`;
  });
  const [front = '', back] = text.split('::');
  const head = readWords(front);
  const tail = readWords(back ?? '');
  return back === undefined ? head : [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

function readWords(part: string): number[] {
  return part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
}
