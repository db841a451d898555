import { AppError } from '../errors.ts';
import type { LinkSigner } from '../security/links.ts';
import { objectKey, parseObjectKey, type ObjectName } from '../storage/keys.ts';

const hourMs = 3600 * 1000;

/**
 * Until when links made now are good: one to two hours, on the hour. An open playlist is good for an hour, and a
 * playlist asked for again names the same URLs, so that browsers find what they have.
 */
function linkExpiryMs(nowMs: number): number {
  return (Math.floor(nowMs / hourMs) + 2) * hourMs;
}

/** Gives each object of one camera and range its link, relative to `/v1/cameras/<id>/`, so that a path prefix of a proxy does no harm. */
export function createMediaLinks(
  links: LinkSigner,
  range: { tenantId: string; cameraId: string; fromMs: number; toMs: number; nowMs: number },
): (object: Omit<ObjectName, 'tenantId' | 'cameraId'>) => string {
  const { tenantId, cameraId, fromMs, toMs, nowMs } = range;
  const token = links.sign({ tenantId, cameraId, fromMs, toMs, expiresAtMs: linkExpiryMs(nowMs) });
  return (object) => {
    const key = objectKey({ tenantId, cameraId, ...object });
    return `../../../m/${token}/${key.slice(key.lastIndexOf('/') + 1)}`;
  };
}

/**
 * The object that a link names, if it allows it, and until when it does.
 * @throws AppError link-invalid, link-expired
 */
export function mediaKey(
  links: LinkSigner,
  link: { token: string; name: string },
  nowMs: number,
): { key: string; object: ObjectName; expiresAtMs: number } {
  const { tenantId, cameraId, fromMs, toMs, expiresAtMs } = links.verify(link.token, nowMs);
  const startMs = /^(\d{1,15})-/.exec(link.name)?.[1];
  const day = startMs === undefined ? '' : new Date(Number(startMs)).toISOString().slice(0, 10).replaceAll('-', '');
  const key = `${tenantId}/${cameraId}/${day}/${link.name}`;
  const object = parseObjectKey(key);
  const inRange = object !== null && object.startMs < toMs && object.startMs + object.durationMs > fromMs;
  if (!inRange) throw new AppError('link-invalid', 'The link does not allow this footage.');
  return { key, object, expiresAtMs };
}
