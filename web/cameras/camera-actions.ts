import { call, type Answer } from '../api.ts';
import { putCamera, refreshFleet, type Camera } from '../fleet.ts';
import { problemText } from '../parts/problem-note.tsx';
import { toast } from '../parts/toast.tsx';
import { words } from '../words/index.ts';

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

export type Directive = 'pause' | 'resume' | 'retire' | 'reactivate';

/** What is wanted of a camera: the server answers once the intent is stored, the camera's state follows. */
export async function directCamera(cameraId: string, what: Directive): Promise<Answer<Camera>> {
  return noted(await call<Camera>('POST', `/v1/cameras/${cameraId}/${what}`));
}

/** `directCamera`, and says what came of it. */
export async function direct(camera: Camera, what: 'pause' | 'resume' | 'reactivate'): Promise<void> {
  const w = words.value;
  const answer = await directCamera(camera.id, what);
  const done = { pause: w.pausedDone, resume: w.resumedDone, reactivate: w.reactivatedDone }[what];
  if (answer.kind === 'ok') toast(done(camera.name));
  if (answer.kind === 'problem') toast(problemText(answer.problem));
}
