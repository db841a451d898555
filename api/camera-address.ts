import { isIP } from 'node:net';
import { CameraUrlError, parseCameraUrl } from '../domain/camera-url.ts';
import { AppError } from '../errors.ts';
import type { ApiDeps } from './dependencies.ts';

export interface SealedUrl {
  sealedUrl: string;
  urlRedacted: string;
}

/**
 * Checks a camera's URL and seals it. An address that no camera may have is refused here and now; what a name resolves
 * to is seen by the recorder, at each connect.
 * @param path the field of the request it stands in
 * @throws AppError invalid-camera-url, which never repeats the URL
 */
export function sealCameraUrl(
  deps: Pick<ApiDeps, 'sealer' | 'networks'>,
  path: 'url' | 'substreamUrl',
  url: string,
  aad: string,
): SealedUrl {
  try {
    const { redactedUrl, host, port } = parseCameraUrl(url);
    if (isIP(host) !== 0 && !deps.networks.allows(host, port)) {
      throw new CameraUrlError(
        'This address is outside the networks that cameras may be in (FRAMEKEEP_CAMERA_NETWORKS).',
      );
    }
    return { sealedUrl: deps.sealer.seal(url, aad), urlRedacted: redactedUrl };
  } catch (error) {
    if (!(error instanceof CameraUrlError)) throw error;
    const errors = [{ path, message: error.message }];
    throw new AppError('invalid-camera-url', error.message, { details: { errors } });
  }
}
