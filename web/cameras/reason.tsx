import { gapReasons } from '../../domain/gap-reason.ts';
import { slowServerNowMs } from '../clock.ts';
import { isAbnormal, shownState, type Camera } from '../fleet.ts';
import { longDate, shortTime } from '../format.ts';
import { words } from '../words/index.ts';

/** Why a camera is not recording, since when: a closed reason in the person's language, else the server's sentence. */
export function Reason({ camera }: { camera: Camera }) {
  const w = words.value;
  if (shownState(camera) === 'unknown' || camera.state === 'recording') return null;
  if (camera.state === 'grace' && camera.graceEndsAt !== null) {
    return <p class="reason">{w.willBeDeletedOn(longDate(Date.parse(camera.graceEndsAt)))}</p>;
  }
  const since = shortTime(Date.parse(camera.stateSince), slowServerNowMs());
  const reason = camera.stateReason;
  if (reason === null || reason in w.states || !isAbnormal(camera)) return <p class="reason">{w.stateSince(since)}</p>;
  return (
    <p class="reason">
      {w.reasonSince(reasonText(reason), since)}
      {camera.stateDetail !== null && <small class="muted block">{camera.stateDetail}</small>}
    </p>
  );
}

/** The service gives one of the closed reasons, or a sentence of its own. */
function reasonText(reason: string): string {
  const known = gapReasons.find((one) => one === reason);
  return known === undefined ? reason.replace(/\.$/, '') : words.value.reasons[known];
}
