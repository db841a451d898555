import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';

/** `host:port` of a URL or of a `host:port` text; the default port of the protocol where none is said. */
function place(text: string): { host: string; port: string } {
  const url = new URL(text.includes('://') ? text : `tcp://${text}`);
  const defaults: Record<string, string> = {
    'http:': '80',
    'https:': '443',
    'postgres:': '5432',
    'postgresql:': '5432',
  };
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (defaults[url.protocol] ?? '') : url.port,
  };
}

/**
 * The addresses of our own services, which no camera URL may lead to, names resolved once.
 * @param services URLs or `host:port`
 * @returns `address:port`, as createAddressPolicy wants them
 */
export async function ownAddresses(services: readonly string[], log: Logger): Promise<string[]> {
  const found: string[] = [];
  for (const service of services) {
    const { host, port } = place(service);
    const addresses = isIP(host) !== 0 || host === 'localhost' ? [host] : await resolve(host, log);
    found.push(...addresses.map((address) => (address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`)));
  }
  return found;
}

async function resolve(host: string, log: Logger): Promise<string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (error) {
    log.warn({ host, cause: errorText(error) }, 'a service of ours has no address now; cameras may be at it');
    return [];
  }
}
