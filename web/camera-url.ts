/** A camera's address with its login apart, as the form edits it. */
export interface CameraAddress {
  address: string;
  user: string;
  password: string;
}

export type AddressFault = 'scheme' | 'host';

/** A login reaches up to the last `@` before the path, since passwords themselves may hold an `@`. */
const shape = /^\s*(rtsps?:\/\/)(?:([^/]*)@)?([^@]*?)\s*$/i;

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A pasted address with a bare `%` in its password: then what stands there is the password itself.
    return text;
  }
}

/** Moves a login that was pasted with the address into its own fields; else returns the parts as they are. */
export function splitLogin(given: CameraAddress): CameraAddress {
  const [, scheme, login, rest] = shape.exec(given.address) ?? [];
  if (scheme === undefined || login === undefined || rest === undefined) return given;
  const colon = login.indexOf(':');
  const [user, password] = colon < 0 ? [login, ''] : [login.slice(0, colon), login.slice(colon + 1)];
  return { address: scheme + rest, user: decoded(user), password: decoded(password) };
}

/** What is wrong with an address before it is worth asking the server; null when nothing is. */
export function addressFault(address: string): AddressFault | null {
  if (!/^\s*rtsps?:\/\//i.test(address)) return 'scheme';
  return /^\s*rtsps?:\/\/[^\s/?#:@]/i.test(address) ? null : 'host';
}

/** The URL the API takes: user and password percent-encoded, so that no character of them can change host or path. */
export function joinLogin(given: CameraAddress): string {
  const { address, user, password } = splitLogin(given);
  const trimmed = address.trim();
  if (user === '' && password === '') return trimmed;
  const login = password === '' ? encode(user) : `${encode(user)}:${encode(password)}`;
  return trimmed.replace(/^(rtsps?:\/\/)/i, (scheme) => `${scheme}${login}@`);
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}
