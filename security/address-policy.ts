import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { embeddedIpv4 } from './embedded-ipv4.ts';

/** Says which addresses a camera may have. */
export interface AddressPolicy {
  /** Whether a camera may be at this address (IPv4 or IPv6 text) and port. */
  allows(address: string, port: number): boolean;
}

/** Never a camera, whatever is allowed: unspecified, multicast, reserved, and the metadata services of the clouds. */
const never = [
  '0.0.0.0/8',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/128',
  'ff00::/8',
  '169.254.169.254/32', // AWS, Google, Azure, DigitalOcean, Hetzner and others
  '169.254.170.2/32', // AWS container credentials
  '169.254.170.23/32', // AWS pod identity
  'fd00:ec2::254/128', // AWS
  'fd00:ec2::23/128', // AWS pod identity
  'fd20:ce::254/128', // Google
  '100.100.100.200/32', // Alibaba
  '192.0.0.192/32', // Oracle
  '168.63.129.16/32', // Azure's host agent
];
/** Closed unless allowed by name: this machine and its links. */
const closed = ['127.0.0.0/8', '169.254.0.0/16', '::1/128', 'fe80::/10'];

/**
 * Makes the policy from the allowed networks.
 * @param options.allowed CIDRs; undefined = all but loopback, link-local, metadata, multicast and reserved addresses
 * @param options.ownAddresses the system's own services, `address:port`, `[address]:port` or `address` (all its ports);
 *   refused even inside an allowed network. `0.0.0.0` and `::` stand for all addresses of this machine. Names must be
 *   resolved first; only `localhost` is known here.
 * @throws Error when a network or an own address cannot be read
 */
export function createAddressPolicy(options: {
  allowed?: readonly string[] | undefined;
  ownAddresses: readonly string[];
}): AddressPolicy {
  const neverList = networks(never);
  const closedList = networks(closed);
  const allowedList = options.allowed === undefined ? null : networks(options.allowed);
  const own = options.ownAddresses.map(ownService);
  const isOwn = (address: string, port: number): boolean =>
    own.some((service) => (service.port === null || service.port === port) && contains(service.addresses, address));

  return {
    allows(address, port) {
      if (isIP(address) === 0) return false;
      const inner = embeddedIpv4(address);
      const forms = [address, ...inner];
      if (forms.some((form) => contains(neverList, form) || isOwn(form, port))) return false;
      if (allowedList === null) return forms.every((form) => !contains(closedList, form));
      const isInnerAllowed = inner.every((form) => contains(allowedList, form));
      if (inner.length > 0 && isInnerAllowed) return true;
      // A NAT64 network may be allowed; what it wraps must still not lead back to this machine.
      return (
        contains(allowedList, address) &&
        inner.every((form) => !contains(closedList, form) || contains(allowedList, form))
      );
    },
  };
}

function networks(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', prefix = ''] = cidr.split('/');
    const family = isIP(address);
    const bits = Number(prefix);
    if (family === 0 || !/^\d{1,3}$/.test(prefix) || bits > (family === 4 ? 32 : 128)) {
      throw new Error(`"${cidr}" is no network in CIDR notation.`);
    }
    list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

function contains(list: BlockList, address: string): boolean {
  return list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

function ownService(text: string): { addresses: BlockList; port: number | null } {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text) ?? [null, text];
  const host = match[1] ?? match[2] ?? '';
  const addresses = new BlockList();
  for (const address of addressesOf(host)) {
    const family = isIP(address);
    if (family === 0) throw new Error(`"${text}" names no IP address: resolve the names of own services first.`);
    addresses.addAddress(address, family === 6 ? 'ipv6' : 'ipv4');
  }
  return { addresses, port: match[3] === undefined ? null : Number(match[3]) };
}

function addressesOf(host: string): string[] {
  if (host === 'localhost') return ['127.0.0.1', '::1'];
  if (host !== '0.0.0.0' && host !== '::') return [host];
  const local = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return ['127.0.0.1', '::1', ...local.map(({ address }) => address.replace(/%.*$/, ''))];
}
