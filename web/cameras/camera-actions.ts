import { call, type Answer } from '../api.ts';
import { putCamera, refreshFleet, type Camera } from '../fleet.ts';

/** What a new camera needs. */
export interface NewCamera {
  name: string;
  url: string;
  tier: Camera['tier'];
}

/** Shows what the server answered at once, and reads the rest again. */
function noted(answer: Answer<Camera>): Answer<Camera> {
  if (answer.kind === 'ok') putCamera(answer.value);
  void refreshFleet();
  return answer;
}

export async function addCamera(camera: NewCamera): Promise<Answer<Camera>> {
  return noted(await call<Camera>('POST', '/v1/cameras', { body: camera }));
}

export async function changeCamera(cameraId: string, change: Partial<NewCamera>): Promise<Answer<Camera>> {
  return noted(await call<Camera>('PATCH', `/v1/cameras/${cameraId}`, { body: change }));
}

/** Pause, resume or retire: the server answers once the intent is stored, the camera's state follows. */
export async function directCamera(cameraId: string, what: 'pause' | 'resume' | 'retire'): Promise<Answer<Camera>> {
  return noted(await call<Camera>('POST', `/v1/cameras/${cameraId}/${what}`));
}
