import { redact } from './redact.ts';

/** A camera's address. `path`, `requestUri`, `user` and `password` are secrets: show only `redactedUrl`. */
export interface CameraUrl {
  scheme: 'rtsp' | 'rtsps';
  /** Lower-case name, dotted IPv4, or IPv6 without brackets. */
  host: string;
  port: number;
  /** With the query, starting with `/`, or empty. Some makers put the login here. */
  path: string;
  /** Decoded; null when the URL has no login. */
  user: string | null;
  password: string | null;
  /** What goes into RTSP requests: the URL without its login, the port as it was given. */
  requestUri: string;
  /** What people and logs may see. */
  redactedUrl: string;
}

/** Why a text is no camera URL, as a sentence for whoever typed it; it never repeats any part of a login. */
export class CameraUrlError extends Error {
  override readonly name = 'CameraUrlError';
}

/** Longer than any real camera's URL, short enough for request lines (ffmpeg's own bound is 4096). */
const maxLength = 2048;
/** IANA's ports for the two schemes; ffmpeg's defaults too. */
const defaultPort = { rtsp: 554, rtsps: 322 } as const;

const twoReadings =
  'The URL can be read in more than one way. Write special characters of the login and of the path percent-encoded: @ as %40, / as %2F, ? as %3F, # as %23.';

/**
 * Reads the URL of a camera, e.g. `rtsp://user:p%40ss@192.0.2.7:554/stream1`.
 * A password may hold raw `@ : / ? # %` as long as only one reading is possible.
 * @throws CameraUrlError with a sentence that says what is wrong
 */
export function parseCameraUrl(text: string): CameraUrl {
  if (text.length > maxLength) throw new CameraUrlError(`The URL is longer than ${maxLength} characters.`);
  if (hasControlCharacter(text)) throw new CameraUrlError('The URL holds a control character.');
  const match = /^(rtsps?):\/\/(.*)$/i.exec(text);
  if (match === null) throw new CameraUrlError('The URL must start with rtsp:// or rtsps://.');
  const scheme = match[1]?.toLowerCase() === 'rtsps' ? 'rtsps' : 'rtsp';
  const { login, authority, path: rawPath } = split(match[2] ?? '');
  if (rawPath.includes('#')) {
    throw new CameraUrlError('A camera URL has no fragment: remove # and what follows, or write it as %23.');
  }
  const { host, port, shown } = readAuthority(authority);
  const path = encodePath(rawPath);
  const { user, password } = readLogin(login);
  const base = `${scheme}://${shown}`;
  return {
    scheme,
    host,
    port: port ?? defaultPort[scheme],
    path,
    user,
    password,
    requestUri: base + path,
    redactedUrl: base + redactPath(path, [password, login]),
  };
}

/** Splits what follows `//` where only one reading is possible. */
function split(rest: string): { login: string | null; authority: string; path: string } {
  const readings: { login: string | null; authority: string; path: string }[] = [];
  // A login ends at an @; the authority after it ends at the first / ? or #.
  for (let at = rest.indexOf('@'); at !== -1; at = rest.indexOf('@', at + 1)) {
    readings.push({ login: rest.slice(0, at), ...cut(rest.slice(at + 1)) });
  }
  const sound = readings.filter((reading) => authorityProblem(reading.authority) === null);
  const plain = cut(rest);
  const standard = plain.authority.includes('@')
    ? (readings.findLast(({ login, authority }) => `${login}@${authority}` === plain.authority) ?? null)
    : { login: null, ...plain };
  if (standard !== null && authorityProblem(standard.authority) === null) {
    // Another reading counts only where the login would hold a user and a password, or an @ was there anyway.
    const isLoginLike = plain.authority.includes('@') || plain.authority.includes(':');
    const longest = sound.at(-1);
    const isOther = longest !== undefined && longest.login !== standard.login && isLoginLike;
    if (isOther) throw new CameraUrlError(twoReadings);
    return standard;
  }
  if (sound.length === 1 && sound[0] !== undefined) return sound[0];
  if (sound.length > 1) throw new CameraUrlError(twoReadings);
  throw new CameraUrlError(authorityProblem(standard?.authority ?? plain.authority) ?? twoReadings);
}

function cut(text: string): { authority: string; path: string } {
  const end = text.search(/[/?#]/);
  return end === -1 ? { authority: text, path: '' } : { authority: text.slice(0, end), path: text.slice(end) };
}

function readAuthority(authority: string): { host: string; port: number | null; shown: string } {
  const { host, port } = splitPort(authority);
  const bare = host.startsWith('[') ? host.slice(1, -1) : host.replace(/\.$/, '');
  const lower = bare.toLowerCase();
  const shownHost = lower.includes(':') ? `[${lower}]` : lower;
  return {
    host: lower,
    port: port === null ? null : Number(port),
    shown: shownHost + (port === null ? '' : `:${port}`),
  };
}

function splitPort(authority: string): { host: string; port: string | null } {
  const match = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(authority);
  return { host: match?.[1] ?? authority, port: match?.[2] ?? null };
}

/** Why this is no `host[:port]`, or null; never shows the text, which may be a piece of a login. */
function authorityProblem(authority: string): string | null {
  const { host, port } = splitPort(authority);
  if (port !== null && !(/^[1-9]\d{0,4}$/.test(port) && Number(port) <= 65_535)) {
    return 'The port must be a number from 1 to 65535.';
  }
  if (host === '') return 'The URL names no host.';
  if (host.startsWith('[')) {
    return isIpv6(host.slice(1, -1))
      ? null
      : 'The host in brackets is no IPv6 address (zones such as %eth0 are not supported).';
  }
  if (isIpv4(host)) return null;
  const labels = host.replace(/\.$/, '').split('.');
  if (/^(?:\d+|0x[\da-f]*)$/i.test(labels.at(-1) ?? '')) {
    return 'The host is an ambiguous number: write an IPv4 address as four decimal numbers without leading zeros.';
  }
  const isName = host.length <= 253 && labels.every((label) => /^(?!-)[a-z\d_-]{1,63}(?<!-)$/i.test(label));
  return isName ? null : 'The host must be a name of a-z, 0-9, "-", "_" and ".", or an IP address (IPv6 in brackets).';
}

function isIpv4(text: string): boolean {
  return /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/.test(text);
}

function isIpv6(text: string): boolean {
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  const tail = groups.at(-1) ?? '';
  const isTailIpv4 = tail.includes('.') && !text.endsWith('::') && isIpv4(tail);
  const hex = isTailIpv4 ? groups.slice(0, -1) : groups;
  if (!hex.every((group) => /^[\da-f]{1,4}$/i.test(group))) return false;
  const count = hex.length + (isTailIpv4 ? 2 : 0);
  return halves.length === 2 ? count <= 7 : count === 8;
}

function readLogin(login: string | null): { user: string | null; password: string | null } {
  if (login === null || login === '') return { user: null, password: null };
  const colon = login.indexOf(':');
  const user = decode(colon === -1 ? login : login.slice(0, colon));
  const password = colon === -1 ? '' : decode(login.slice(colon + 1));
  // They go into RTSP headers, where a line break would begin another header.
  if (hasControlCharacter(user + password)) throw new CameraUrlError('The login holds a control character.');
  return { user, password };
}

/** Percent-decoded where every % starts a valid escape, else as it stands (`50%off` is a password too). */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What cannot stand in a request line or in a quoted header value is percent-encoded; spaces are refused. */
function encodePath(path: string): string {
  if (/\s/.test(path)) throw new CameraUrlError('The path holds a space: write it as %20.');
  try {
    return path.replace(/[^!-~]+|["\\<>]/gu, encodeURIComponent).replace(/^\?/, '/?');
  } catch {
    throw new CameraUrlError('The path holds half of a character.');
  }
}

/** Names of parameters whose values nobody may see. */
const secretName = /pass|pwd|psw|user|usr|login|auth|token|key|secret|sig|cred|^[pu]$|^pw$/i;

function redactPath(path: string, secrets: (string | null)[]): string {
  const query = path.indexOf('?');
  const parameters = query === -1 ? '' : path.slice(query);
  const folder = query === -1 ? path : path.slice(0, query);
  const shownParameters = parameters.replace(/([?&;])([^=&;]+)=([^&;]*)/g, (whole, mark: string, name: string) =>
    secretName.test(decode(name)) ? `${mark}${name}=***` : whole,
  );
  let shown = redact(folder) + redact(shownParameters);
  for (const secret of secrets) {
    // Two letters stand in many paths by chance; a password that short is no secret.
    if (secret === null || secret.length < 3) continue;
    shown = shown.replaceAll(secret, '***').replaceAll(encodeURIComponent(secret), '***');
  }
  return shown;
}

function hasControlCharacter(text: string): boolean {
  // eslint-disable-next-line no-control-regex -- finding them is the point
  return /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text);
}
