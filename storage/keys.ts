/** What an object's name says; with the object itself it rebuilds the catalogue row. */
export interface ObjectName {
  tenantId: string;
  cameraId: string;
  startMs: number;
  durationMs: number;
  epoch: number;
  variant: number;
  /** Hex, the whole hash; the name carries its first 16 digits, and `parseObjectKey` gives only those. */
  sha256: string;
}

const hashDigits = 16;
const uuid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const keyPattern = new RegExp(
  `^(${uuid})/(${uuid})/(\\d{8})/(\\d{1,15})-(\\d{1,9})-(\\d{1,9})-(\\d{1,5})-([0-9a-f]{${hashDigits}})\\.mp4$`,
);

/**
 * `<tenant>/<camera>/<yyyymmdd>/<startMs>-<durationMs>-<epoch>-<variant>-<sha256 first 16 hex>.mp4`, the day in UTC.
 * Content-addressed: a PUT of this name never overwrites different bytes. Day folders list twice as fast as hours.
 */
export function objectKey(name: ObjectName): string {
  const file = [name.startMs, name.durationMs, name.epoch, name.variant, name.sha256.slice(0, hashDigits)].join('-');
  return `${cameraPrefix(name)}${dayOf(name.startMs)}/${file}.mp4`;
}

/** Where all objects of a camera are. */
export function cameraPrefix(camera: { tenantId: string; cameraId: string }): string {
  return `${camera.tenantId}/${camera.cameraId}/`;
}

/** What a key says, or null when it is not the name of one of our objects. */
export function parseObjectKey(key: string): ObjectName | null {
  const match = keyPattern.exec(key);
  const [, tenantId, cameraId, day, start, duration, epoch, variant, sha256] = match ?? [];
  if (tenantId === undefined || cameraId === undefined || sha256 === undefined) return null;
  const name = {
    tenantId,
    cameraId,
    startMs: Number(start),
    durationMs: Number(duration),
    epoch: Number(epoch),
    variant: Number(variant),
    sha256,
  };
  return day === dayOf(name.startMs) && objectKey(name) === key ? name : null;
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10).replaceAll('-', '');
}
